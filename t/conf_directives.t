#!/usr/bin/perl

# Tests for what directives and parameters accept, and which warnings that
# causes.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Conf qw(conf_run conf_lines conf_fill);
use HealthDash::ConfCases qw(accepted);

my $t = HealthDash->new(http => '');

for my $case (accepted()) {
    my ($about, $conf, @expected) = @$case;
    my ($rc, $emerg, $warn) = conf_run($t, $conf);
    my ($line, $directive) = conf_lines($t);
    my $place = $t->dir . "/test.conf:" . ($line // 0);

    $about = join ', ', @$about if ref $about;
    $_ = conf_fill($t, "$directive: $_ in $place") for @expected;

    is_deeply([ $rc, @$emerg, @$warn ], [ 0, @expected ],
              "$about: " . $conf =~ s/\s+/ /gr);
}

done_testing();

#!/usr/bin/perl

# Tests for what directives and parameters refuse: with one line that says what
# is wrong, where, and what was expected; and for secrets, which no line shows.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Conf qw(conf_run conf_lines conf_fill secrets);
use HealthDash::ConfCases qw(refused);

my $t = HealthDash->new(http => '');
my $secret = join '|', secrets();

for my $case (refused()) {
    my ($about, $conf, $expected) = @$case;
    my ($rc, $emerg, $warn, $out) = conf_run($t, $conf);
    my ($line, $directive) = conf_lines($t);
    my $place = ' in ' . $t->dir . "/test.conf:$line";
    my $shown = substr $conf =~ s/\s+/ /gr, 0, 120;
    my $what = "$about: $shown";

    if (ref $expected) {
        like(@$emerg == 1 ? $emerg->[0] =~ s/\Q$place\E$//r : $out, $expected,
             $what);
        like($out, qr/\Q$place\E$/m, "$what: place");

    } else {
        $expected =~ s/%%PREVIOUS%%/$line - 1/e;
        $expected = conf_fill($t, $expected);

        # nginx's own sentences have no prefix

        $expected = "$directive: $expected"
            if $expected !~ /"healthdash_\w+" directive/;

        is_deeply($emerg, [ "$expected$place" ], $what);
    }

    unlike($out, qr/$secret/, "$what: no secret") if $conf =~ /$secret|%%/;
    isnt($rc, 0, "$what: exit code") if $rc == 0;
}

done_testing();

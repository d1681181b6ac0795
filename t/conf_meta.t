#!/usr/bin/perl

# Tests that every directive and parameter in the tables of the source has a
# case that is accepted and one that is refused.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::ConfCases qw(accepted refused);

my $dir = "$FindBin::Bin/../ngx_http_healthdash_module";


sub table {
    my ($file, $name) = @_;

    open my $fh, '<', "$dir/$file" or die "cannot open $file: $!\n";

    my $source = do { local $/; <$fh> };

    $source =~ /\n(?:[^\n]*\s)?\Q$name\E\[\] = \{\n(.*?)\n\};/s
        or die "$file has no table $name\n";

    return split /^(?=\s*\{ ngx_string)/m, $1;
}


my @rows = (table('ngx_http_healthdash_module.c',
                  'ngx_http_healthdash_commands'),
            table('ngx_http_healthdash_table.c', 'ngx_http_healthdash_params'),
            table('ngx_http_healthdash_line.c', 'ngx_http_healthdash_lines'));

my %source;

for my $row (@rows) {
    my ($name) = $row =~ /^\s*\{ ngx_string\("(\w+)"\)/ or next;

    $source{$name} = 1;
}

my (%accepted, %refused);

for (accepted()) {
    $accepted{$_}++ for ref $_->[0] ? @{ $_->[0] } : $_->[0];
}

$refused{$_->[0]}++ for refused();

cmp_ok(scalar keys %source, '>', 40, 'the tables were found');

for my $name (sort keys %source) {
    ok($accepted{$name}, "$name has an accepting case");
    ok($refused{$name}, "$name has a refusing case");
}

is_deeply([ grep { !$source{$_} } sort keys %{{ %accepted, %refused }} ], [],
          'no case is about something that is gone');

done_testing();

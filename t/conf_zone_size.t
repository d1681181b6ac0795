#!/usr/bin/perl

# Tests for a zone that is sized by hand: one that is too small is refused by
# "nginx -t" with the size that is needed, and that size is enough (A18, A20).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $t = HealthDash->new(http => '');


sub try_size {
    my ($size, $n) = @_;

    return $t->conf_test("http {\n    healthdash_zone hd $size;\n"
        . join('', map { "    healthdash_service s$_ tcp://127.0.0.1:"
                         . (1024 + $_) . ";\n" } 1 .. $n) . "}\n");
}

my %needed;

for my $n (1, 500, 10000) {
    my ($rc, $out) = try_size('64k', $n);
    my ($kb) = $out =~ /"hd" is too small, expected at least (\d+)k for $n t/;

    isnt($rc, 0, "$n targets: 64k is refused");
    ok($kb, 'with the size that is needed')
        or diag($out), next;

    ($rc, $out) = try_size("${kb}k", $n);
    is($rc, 0, "$n targets: ${kb}k is accepted") or diag($out);

    ($rc) = try_size($kb - 4 . 'k', $n);
    isnt($rc, 0, 'a page less is not');

    $needed{$n} = $kb;
}

# with what nginx's slab keeps for itself: two pages on a target's 1.5

my $each = ($needed{10000} - $needed{500}) * 1024 / 9500;

diag(sprintf '%.0f bytes for each target', $each);
cmp_ok($each, '<', 6.2 * 1024, 'a target takes what the documents say');


# and what is accepted is enough to run

$t = HealthDash->new(http => "healthdash_zone hd $needed{500}k;\n"
    . "server { listen 127.0.0.1:" . port('web')
    . "; location /status { healthdash_status; } }\n"
    . join '', map { "healthdash_service s$_ memory: interval=1h;\n" }
               1 .. 500)->start;

is(scalar keys %{ hd_json($t)->{services} }, 500,
   'nginx runs with no more than is needed');

done_testing();

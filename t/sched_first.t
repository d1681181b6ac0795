#!/usr/bin/perl

# Tests for the first probes: soon, however long the interval, and spread out
# from then on (A52).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use List::Util qw(max min);

my $b = backend('b');
my $n = 40;

my $t = HealthDash->new(workers => 2, conf => join "\n",
    'http {',
    (map { "healthdash_service s$_ http://" . $b->address . "/$_"
           . ' interval=1h;' } 1 .. $n),
    'server { listen 127.0.0.1:%%PORT_web%%;',
    'location /status { healthdash_status; } }',
    '}')->start;

ok(wait_until(sub { hd_json($t)->{summary}{services}{up} == $n }, 20),
   'all targets have a result long before their interval is over');

my @next = map { $_->{health_checks}{next} }
           values %{ hd_json($t)->{services} };
my @minutes = map { /T(\d\d):(\d\d)/ ? $1 * 60 + $2 : () } @next;

is(scalar @minutes, $n, 'all have a next probe');

my %at = map { $_ => 1 } @minutes;

cmp_ok(scalar keys %at, '>', 10, 'their next probes are spread');
is($b->count, $n, 'each was probed once');

done_testing();

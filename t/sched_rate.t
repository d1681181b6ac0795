#!/usr/bin/perl

# Tests for the rate of probes: each target is probed once per interval, by
# whatever number of workers, also while nginx is reloaded (A09).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Rate qw(gaps median pace short wait_requests);

my $interval = 0.2;
my @b = backends(qw(b1 b2 b3 b4));
my @paths = ('/plain', '/jitter');

for my $workers (1, 2, 4) {
    $_->reset for @b;

    my $t = HealthDash->new(workers => $workers, conf => <<'EOC')->start;
http {
    upstream app {
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        server %%ADDR_b3%%;
        server %%ADDR_b4%%;
        healthdash_check http uri=/plain interval=200ms fast=200ms jitter=0%;
        healthdash_check http uri=/jitter interval=200ms fast=200ms;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

    my $with = $workers == 1 ? '1 worker' : "$workers workers";

    ok(wait_requests(16, 15, \@b, path => $_), "$with: $_ is probed")
        for @paths;

    # probes that begin late do not move those after them, so of the gaps of
    # one target few can be short, and the middle one is the interval

    my @all = map { gaps($_, path => '/plain') } @b;
    my $few = @all / 5;

    cmp_ok(short($interval / 2, @all), '<=', $few,
           "$with: no probe is made twice");
    cmp_ok(median(@all), '>', $interval * 0.75,
           "$with: probes are an interval apart");
    cmp_ok(median(@all), '<', $interval * 1.5,
           "$with: and not more");

    # an addition of 0 to 10 percent, 5 on average

    my $pace = pace($interval, map { gaps($_, path => '/jitter') } @b);

    cmp_ok($pace, '>', $interval, "$with: jitter makes gaps longer only");
    cmp_ok($pace, '>', pace($interval, @all), "$with: longer than without");

    # reloads: the next probe is made when it was due

    my $reloads = 3;
    my @from = map { scalar $_->count(path => '/plain') } @b;

    for my $i (1 .. $reloads) {
        ok($t->reload, "$with: reload $i");
        wait_requests($from[0] + 3 * $i, 10, [ $b[0] ], path => '/plain');
    }

    for my $i (0 .. $#b) {
        my @gaps = gaps($b[$i], path => '/plain');

        splice @gaps, 0, $from[$i] - 1;

        # one probe may have been under way in each reload and is repeated

        cmp_ok(short($interval / 2, @gaps), '<=', $reloads + @gaps / 5,
               "$with: server $i is not probed twice by reloads");
    }

    # each probe is counted once, but for those cut off by a reload

    for my $i (0 .. $#b) {
        my $before = $b[$i]->count(path => '/plain');
        my $checks = hd_peer($t, 'app', $b[$i])->{checks}[0]{health_checks};
        my $after = $b[$i]->count(path => '/plain');

        cmp_ok($checks->{checks}, '<=', $after,
               "$with: server $i has no result without a probe");
        cmp_ok($checks->{checks} + $checks->{inconclusive} + $reloads + 1,
               '>=', $before,
               "$with: and no probe without a result");
    }

    $t->stop;
}

done_testing();

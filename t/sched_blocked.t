#!/usr/bin/perl

# Tests for a worker that was blocked for longer than a timeout: what it missed
# says nothing about the target (A51).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Time::HiRes qw(time);

my ($b1, $b2) = backends(qw(b1 b2));

my $t = HealthDash->new(conf => <<'EOC')->start;
http {
    upstream app {
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http interval=200ms fast=200ms timeout=3s fails=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

my ($worker) = $t->worker_pids;

sub facts {
    my ($b) = @_;
    my $peer = hd_peer($t, 'app', $b);

    return { %{ $peer->{health_checks} }, health => $peer->{health} };
}


sub wait_checks {
    my ($b, $n) = @_;
    my $end = facts($b)->{checks} + $n;

    return wait_until(sub { facts($b)->{checks} >= $end }, 10, 'checks');
}


# Lets the next probe of both servers meet these answers, and stops the worker
# while it waits for them, for so many seconds.

sub block {
    my ($seconds, @answers) = @_;
    my @all = ($b1, $b2);

    $all[$_]->script($answers[$_]) for 0, 1;

    wait_until(sub { !grep { $_->left } @all }, 10, 'probes of both');

    kill 'STOP', $worker;

    my $start = time();

    wait_until(sub { time() - $start > $seconds }, 20);

    kill 'CONT', $worker;
}


ok(wait_checks($_, 2), 'a server is probed') for $b1, $b2;

my @before = map { facts($_) } $b1, $b2;

is($_->{health}, 'up', 'and is up') for @before;
is($_->{inconclusive}, 0, 'without doubt') for @before;


# b1 never answers, b2 did while nobody looked

block(5, { hang => 1 }, { delay => 2.5 });

ok(wait_until(sub { facts($_)->{inconclusive} }, 10),
   'a probe that ended too late is in doubt') for $b1, $b2;
ok(wait_checks($_, 3), 'and probes go on') for $b1, $b2;

my @after = map { facts($_) } $b1, $b2;

for my $i (0, 1) {
    is($after[$i]{fails}, $before[$i]{fails}, 'no failure is counted');
    is($after[$i]{inconclusive}, 1, 'one probe was in doubt');
    is($after[$i]{unhealthy}, 0, 'the server was never down');
    is($after[$i]{health}, 'up', 'and is up');
}

like($t->log, qr/\[warn\].* could not be probed: .*blocked/,
     'the log says so');
unlike($t->log, qr/ is down/, 'and no more');


# less than two timeouts: what was lost is given back, and answers are read

for my $seconds (2.9, 3.05, 3.3, 3.7) {
    my @n = map { facts($_)->{fails} } $b1, $b2;

    block($seconds, { delay => 3.6 }, { delay => 1.5 });

    ok(wait_checks($_, 3), "after $seconds s") for $b1, $b2;
    is(facts($b1)->{fails}, $n[0], 'no failure is counted');
    is(facts($b2)->{fails}, $n[1], 'for none of them');
}


# shorter than the timeout: an ordinary result

block(0.4, { delay => 0.2 }, { delay => 0.1 });

ok(wait_checks($b1, 2), 'after a short stop');
is(facts($b1)->{fails}, $before[0]{fails}, 'there is no failure');
is(facts($b2)->{fails}, $before[1]{fails}, 'of none');


# a real timeout is one all the same

$b1->script({ hang => 1 });

ok(wait_until(sub { facts($b1)->{fails} > $before[0]{fails} }, 10),
   'a timeout without a stop is a failure');

done_testing();

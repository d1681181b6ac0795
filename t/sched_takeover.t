#!/usr/bin/perl

# Tests for the change of a target's owner: one that is killed is followed by
# its successor, one that hangs by another worker, never by two (A10, A12).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Rate qw(gaps median short);

use List::Util qw(max);
use Time::HiRes qw(time);

my $interval = 0.2;
my ($b1, $b2) = backends(qw(b1 b2));

my $t = HealthDash->new(workers => 2, conf => <<'EOC')->start;
http {
    upstream app {
        server %%ADDR_b1%%;
        healthdash_check http interval=200ms fast=200ms timeout=1500ms
                              jitter=0%;
    }

    upstream patient {
        server %%ADDR_b2%%;
        healthdash_check http interval=200ms fast=200ms timeout=60s
                              jitter=0%;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC


# The facts of the target.  A worker that is stopped may have taken the
# connection, so ask until one answers.

sub facts {
    my ($upstream, $b) = @_ ? @_ : ('app', $b1);
    my $peer = wait_until(sub {
        my $r = http_request(port => port('web'), timeout => 1,
                             path => '/status?format=json');
        return $r->{status} == 200
               && hd_peer(JSON::PP::decode_json($r->{body}), $upstream, $b);
    }, 10, 'the status');

    return { %{ $peer->{health_checks} }, health => $peer->{health} };
}


sub owner {
    my $worker = facts(@_)->{worker};

    return $worker ? $worker->{pid} : 0;
}


# until the backend was asked N times more; false if a probe ever met another
# one that was not over

sub wait_probes {
    my ($n, $seconds) = @_;
    my $end = $b1->count + $n;
    my $alone = 1;

    wait_until(sub {
        $alone = 0 if is_crowded();
        return $b1->count >= $end;
    }, $seconds, "$n probes") or return;

    return $alone;
}


# more than one connection, twice: an end may be seen after the next start

sub is_crowded {
    return $b1->open_connections > 1 && $b1->open_connections > 1;
}


# the next probe gets no answer

sub hang_probe {
    my ($b) = @_;

    $b->script({ hang => 1 });

    return wait_until(sub { !$b->left }, 10, 'a probe');
}


sub is_calm {
    my ($since, $name) = @_;
    my @gaps = gaps($b1, since => $since);

    cmp_ok(short($interval / 2, @gaps), '<=', 1 + @gaps / 5, $name)
        or diag(join ' ', map { sprintf '%.3f', $_ } @gaps);
}


ok(wait_probes(3, 10), 'the target is probed');

my $home = owner();
my ($other) = grep { $_ != $home } $t->worker_pids;

ok(scalar(grep { $_ == $home } $t->worker_pids), 'the status names a worker');
is(facts()->{worker}{slot}, 0, 'the first one');


# killed

my $slot = facts()->{worker}{slot};
my $mark = time();
my $n;

$t->kill_worker(pid => $home);

ok(wait_until(sub { owner() != $home }, 10, 'a new owner'),
   'a killed owner is followed');

my $next = owner();

isnt($next, $other, 'not by the other worker');
is(facts()->{worker}{slot}, $slot, 'but by the one started in its place');
ok(wait_probes(5, 10), 'which probes on, one probe at a time');
is(owner(), $next, 'and stays the owner');
is_calm($mark, 'in the same rhythm');
is(facts()->{fails}, 0, 'and nothing failed');
is(facts()->{inconclusive}, 0, 'nor was anything in doubt');


# killed while a probe is under way: the lease it had, 61 s, holds up nobody

ok(wait_until(sub { $b2->count }, 10), 'another target');
ok(hang_probe($b2), 'has a probe under way');

$next = owner('patient', $b2);
$n = $b2->count;

$t->kill_worker(pid => $next);

ok(wait_until(sub { $b2->count >= $n + 3 }, 10),
   'an owner killed in a probe is followed, too');
isnt(owner('patient', $b2), $next, 'by another process');
is(facts('patient', $b2)->{worker}{slot}, 1, 'in its place');
is(facts('patient', $b2)->{fails}, 0, 'and its probe is no failure');


# hung between two probes

sub stop_owner {
    my ($in_probe) = @_;

    my $pid = owner();

    if ($in_probe) {
        hang_probe($b1);

    } else {
        # just after one

        wait_probes(1, 10);
        wait_until(sub { !$b1->open_connections }, 10, 'its end');
    }

    kill 'STOP', $pid;

    return $pid;
}

my $before = facts();

$mark = time();
$home = stop_owner();
($other) = grep { $_ != $home } $t->worker_pids;

# overdue by timeout and 1 s, seen every 500 ms: 3.2 s, and some patience

ok(wait_until(sub { owner() != $home }, 10, 'another owner'),
   'the target of a worker that hangs is taken over');

my $longest = max(gaps($b1, since => $mark));

cmp_ok($longest, '>', 1.5 + 1, 'not before it is overdue');
is(owner(), $other, 'by the other worker');

my $taken = time();

ok(wait_probes(6, 10), 'which goes on, one probe at a time');
is_calm($taken, 'in the same rhythm');

kill 'CONT', $home;

ok(wait_until(sub { owner() == $home }, 10, 'the first owner'),
   'the owner gets it back when it goes on');

$taken = time();
ok(wait_probes(6, 10), 'and probes, one probe at a time');
is(owner(), $home, 'and keeps it');
is_calm($taken, 'in the same rhythm');
is(facts()->{fails}, $before->{fails}, 'nothing failed');


# hung in a probe

wait_until(sub { !$b1->open_connections }, 10);
$before = facts();
$home = stop_owner(1);

ok(wait_until(sub { owner() != $home }, 10, 'another owner'),
   'the target of a worker that hangs in a probe is taken over');

$n = $b1->count;
$taken = time();

# the connection of the probe that was frozen is open, so there are two

ok(wait_until(sub { $b1->count >= $n + 6 }, 10), 'and probed on');
is_calm($taken, 'in the same rhythm');

my $while = facts();

kill 'CONT', $home;

ok(wait_until(sub { owner() == $home }, 10, 'the first owner'),
   'the owner gets it back');
ok(wait_probes(6, 10), 'and probes, one probe at a time');

my $after = facts();

is($after->{fails}, $before->{fails}, 'the result it had is not counted');
is($after->{inconclusive}, $before->{inconclusive}, 'nor noted');
cmp_ok($after->{checks}, '>', $while->{checks}, 'those that follow are');
is($after->{health}, 'up', 'and the target is up all the time');
is($after->{unhealthy}, 0, 'all the time');
unlike($t->log, qr/healthdash: .* is down|could not be probed/,
       'so the log has nothing to tell');

done_testing();

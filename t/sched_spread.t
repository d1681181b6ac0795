#!/usr/bin/perl

# Tests for bursts: a thousand targets are probed evenly, from the start on,
# also after a reload, when a worker was killed, and when all were stopped: in
# any 100 ms at most twice the mean (A52).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use List::Util qw(max min);
use Time::HiRes qw(time);

my $server = backend('b');
my $n = 1000;
my $interval = 5;
my $mean = $n / $interval / 10;

my $t = HealthDash->new(workers => 2, conf => join "\n",
    'events { worker_connections 4096; }',
    'http {',
    (map { "healthdash_service s$_ http://" . $server->address . "/$_ jitter=0%;" }
         1 .. $n),
    'server { listen 127.0.0.1:%%PORT_web%%;',
    'location /status { healthdash_status; } }',
    '}');


# the most of these times, in seconds, within any 100 ms

sub most {
    my @times = sort { $a <=> $b } @_;
    my ($most, $from) = (0, 0);

    for my $i (0 .. $#times) {
        $from++ while $times[$i] - $times[$from] >= 0.1;
        $most = max($most, $i - $from + 1);
    }

    return $most;
}


# what the server has seen.  A machine that stalls shows it many at once, so
# what counts is how it was in most of the time: of all stretches of 100 ms not
# one in ten may have more than twice the mean.

sub seen_burst {
    my %bin;

    $bin{int($_ * 10)}++ for @_;

    my @full = sort { $a <=> $b } values %bin;

    return $full[0.9 * $#full];
}


# when the last probe of each target began, as nginx says

sub began {
    my $s = hd_json($t)->{services};

    return map {
        my $c = $_->{health_checks};
        my ($m, $sec) = ($c->{last_time} // '') =~ /:(\d\d):(\d\d\.\d+)Z$/;

        defined $sec ? $m * 60 + $sec - ($c->{last_duration} // 0) / 1000 : ();
    } values %$s;
}


sub is_even {
    my ($name, $after) = @_;
    my @began = began();
    my $most = most(@began);

    # a tenth is for clocks that are read late

    cmp_ok($most, '<=', 2.2 * $mean, "$name: nginx makes no burst");

    my $seen = seen_burst(@$after);

    cmp_ok($seen, '<=', 2 * $mean, "$name: the server sees none");

    note("$name: mean $mean in 100 ms, most by nginx $most, as seen "
         . most(@$after) . ", in most of the time $seen");
}


my $start = time();

$t->start;

ok(wait_until(sub { $server->count >= $n }, 20), 'all are probed');

my @first = map { $_->{time} } $server->requests;

is_even('start', \@first);
cmp_ok($first[$n - 1] - $start, '<', $interval + 5,
       'first probes are made within an interval');


# a reload in which many probes are under way: they are made up for

$server->set(delay => 0.8);
ok(wait_until(sub { $server->open_connections > 50 }, 20),
   'many probes are under way');

my $mark = time();

ok($t->reload, 'a reload');
$server->set(delay => 0);


sub goes_on {
    my ($name) = @_;

    ok(wait_until(sub { $server->count(since => $mark) >= $n * 0.6 }, 30),
       "$name: probes go on");
    is_even($name, [ map { $_->{time} } $server->requests(since => $mark) ]);
}


goes_on('reload');


# a worker that is killed

$mark = time();
$t->kill_worker;
goes_on('kill');


# both stopped for some time: what is due then does not come at once

my @workers = $t->worker_pids;

kill 'STOP', @workers;
$mark = time();
wait_until(sub { time() - $mark > 1.5 }, 10);
kill 'CONT', @workers;
$mark = time();
goes_on('stop');

cmp_ok(hd_json($t)->{probing}{lag}, '>', 500,
       'and the status tells that a worker was away')
    or diag(explain(hd_json($t)->{probing}));

done_testing();

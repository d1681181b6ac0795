#!/usr/bin/perl

# Tests for reloads: of changed configurations, of wrong ones, and while an old
# worker serves on (A01, A08).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use IO::Socket::INET;

my ($b1, $b2, $b3) = backends(qw(b1 b2 b3));

sub conf {
    my ($upstreams, $more) = @_;

    $more //= '';

    return <<"EOC";
http {
    healthdash_probe often {
        uri /probe;
        interval 100ms;
        fast 100ms;
        timeout 2s;
        fails 1;
    }

    $upstreams
    $more

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /long { proxy_pass http://%%ADDR_b1%%; proxy_buffering off; }
        location /status { healthdash_status; }
    }
}
EOC
}

sub upstream {
    my ($name, @servers) = @_;
    my $text = "upstream $name {\n    zone $name 64k;\n";

    $text .= "    server %%ADDR_$_%%;\n" for @servers;

    return "$text    healthdash_check probe=often;\n}\n";
}

my $none = "upstream app {\n    server %%ADDR_b1%%;\n}\n";

my @confs = (
    upstream('app', qw(b1 b2 b3)) . upstream('other', 'b1'),
    upstream('app', qw(b3 b2 b1)) . upstream('renamed', 'b1'),
    upstream('app', qw(b2 b3)),
    upstream('app', qw(b2 b3 b1)) . upstream('other', 'b1'),
);

my $t = HealthDash->new(workers => 2, conf => conf($confs[0]))->start;
my $master = $t->master_pid;


sub checks {
    my ($b) = @_;
    my $peer = hd_peer($t, 'app', $b);

    return $peer->{health_checks} // {};
}


# b2 and b3 are in each configuration, so what is known of them lives on; b3 is
# down all the time

$b3->set('/probe', status => 503);

ok(wait_until(sub {
    return !grep { (checks($_)->{checks} // 0) < 5 } $b1, $b2, $b3;
}, 10), 'servers are probed');

is(hd_peer($t, 'app', $b2)->{health}, 'up', 'one is up');
is(hd_peer($t, 'app', $b3)->{health}, 'down', 'one is down');

my $since = hd_peer($t, 'app', $b3)->{since};
my ($lost, $stale, $wrong, $refused) = (0, 0, 0, 0);
my %seen = map { $_->name => checks($_)->{checks} } $b2, $b3;

for my $i (1 .. 24) {
    $t->set_conf(conf($confs[$i % @confs]));
    $t->reload or $refused++;

    # the very first look after the reload, the new worker need not have probed

    my $json = hd_json($t);

    for my $b ($b2, $b3) {
        my $peer = hd_peer($json, 'app', $b);
        my $n = $peer->{health_checks}{checks} // 0;
        my $health = $b == $b2 ? 'up' : 'down';

        $lost++ if $n < $seen{$b->name};
        $wrong++ if $peer->{health} ne $health;
        $stale++ if $peer->{stale};

        $seen{$b->name} = $n;
    }

    $wrong++ if hd_peer($json, 'app', $b3)->{since} ne $since;
}

is($refused, 0, '24 reloads');
is($lost, 0, 'no counter went back');
is($wrong, 0, 'no state was lost');
is($stale, 0, 'nothing got old');
is(checks($b2)->{fails}, 0, 'a server that is up never failed');
is(checks($b3)->{unhealthy}, 1, 'one that is down went down once');
is(() = $t->log =~ /is down: /g, 1, 'the log says so once');
is(hd_json($t)->{nginx}{generation}, 25, 'each is a generation');


# without any check there is no zone, and all begins anew after it

for my $i (1 .. 3) {
    $t->set_conf(conf($none));
    ok($t->reload, 'a reload that removes all checks');
    is(checks($b2)->{checks}, undef, 'leaves nothing');

    $t->set_conf(conf($confs[$i]));
    ok($t->reload, 'one that brings them back');
    ok(wait_until(sub {
        return hd_peer($t, 'app', $b2)->{health} eq 'up'
               && hd_peer($t, 'app', $b3)->{health} eq 'down';
    }, 10), 'and their states');
}

ok(kill(0, $master), 'one master did it all');
unlike($t->log, qr/\[alert\]|\[emerg\]|exited on signal/, 'nothing broke');


# reloads that nginx refuses change nothing

my $generation;

sub facts {
    my $json = hd_json($t);

    return { map { $_->name => hd_peer($json, 'app', $_) } $b1, $b2, $b3 };
}

sub is_untouched {
    my ($name, $before, $workers) = @_;
    my $n = $b1->count;
    my $after = facts();

    is_deeply([ $t->worker_pids ], $workers, "$name: the same workers");

    for my $b ($b1, $b2, $b3) {
        my ($x, $y) = map { $_->{$b->name} } $before, $after;

        is_deeply([ @$y{qw(health state since)} ],
                  [ @$x{qw(health state since)} ],
                  "$name: " . $b->name . ' is as it was');
        cmp_ok($y->{health_checks}{checks}, '>=', $x->{health_checks}{checks},
               "$name: and its counters");
    }

    is(hd_json($t)->{nginx}{generation}, $generation,
       "$name: the same generation");
    ok(wait_until(sub { $b1->count >= $n + 5 }, 10), "$name: probes go on");
}

$t->set_conf(conf($confs[0]));
ok($t->reload, 'one that holds');

$generation = hd_json($t)->{nginx}{generation};
my @workers = $t->worker_pids;
my $before = facts();

$t->expect_log(qr/unknown directive "nonsense"/,
               qr/healthdash_check: unknown parameter/,
               qr/bind\(\) to .* failed/,
               qr/still could not bind/);
$t->allow_log(qr/configuration file .* test failed/);

my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                  LocalPort => port('taken'),
                                  ReuseAddr => 1) or die "listen: $!\n";

my %wrong = (
    'not nginx' => [ conf($confs[0], 'nonsense;'), qr/nonsense/ ],
    'our error' => [ conf("upstream app {\n server %%ADDR_b1%%;\n"
                          . "healthdash_check http nonsense=1;\n}\n"),
                     qr/healthdash_check:/ ],
    'another target, occupied port' => [
        conf(upstream('new', 'b1'),
             'server { listen 127.0.0.1:%%PORT_taken%%; }'),
        qr/still could not bind/ ],
    'another zone, occupied port' => [
        conf(upstream('app', 'b1'), 'healthdash_zone x 1m;'
             . 'server { listen 127.0.0.1:%%PORT_taken%%; }'),
        qr/still could not bind/ ],
);

for my $name (sort keys %wrong) {
    my ($conf, $re) = @{ $wrong{$name} };
    my $mark = $t->log_mark;

    $t->set_conf($conf);
    ok(!$t->reload, "$name: nginx refuses it");
    ok($t->wait_log($re, 10, $mark), "$name: the log says why");
    is_untouched($name, $before, \@workers);
}

close $taken;


# an old worker that has a long download to do does not probe

$b1->set('/long', body => 'x' x 4096, drip => 0.05, drip_size => 8);

my $client = HealthDash::Client::open_connection({ port => port('web') });

ok(wait_until(sub {
    syswrite $client, "GET /long HTTP/1.1\r\nHost: x\r\n\r\n";
    return $b1->count(path => '/long');
}, 10), 'a long download begins');

$t->set_conf(conf($confs[3]));
ok($t->reload(wait => 'new'), 'nginx reloads meanwhile');

my @old;
my %new = map { $_ => 1 } $t->worker_pids;

ok(wait_until(sub { (@old = $t->old_worker_pids) == 1 }, 10),
   'one of the old workers stays');

# each result is of a new worker; 10 of each server, so of both workers

my %by;
my %from = map { $_->name => checks($_)->{checks} } $b1, $b2, $b3;

ok(wait_until(sub {
    my $json = hd_json($t);
    my $n = 0;

    for my $b ($b1, $b2, $b3) {
        my $c = hd_peer($json, 'app', $b)->{health_checks};

        # what had been found out before may be the old worker's

        next if $c->{checks} < $from{$b->name} + 3;

        $by{$c->{worker}{pid}}++;
        $n++ if $c->{checks} >= $from{$b->name} + 10;
    }

    return $n == 3;
}, 10), 'servers are probed meanwhile');

is_deeply([ grep { !$new{$_} } keys %by ], [], 'by the new workers alone');
is_deeply([ $t->old_worker_pids ], \@old,
          'the old one was there all the time');

close $client;

ok(wait_until(sub { !$t->old_worker_pids }, 10), 'and goes with its client');
is(checks($b2)->{fails}, 0, 'nothing failed');

done_testing();

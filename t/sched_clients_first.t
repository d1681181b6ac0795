#!/usr/bin/perl

# Tests for clients and probes that compete for the last connections and files:
# 200 targets, 32 connections, or 64 files.  Clients are served, what they keep
# open stays open, states stay, and the status says what is short (A11, A57).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Keeper;
use HealthDash::Probe qw(fds);

use List::Util qw(max);

my $server = backend('b');
my $tcp = backend('tcp', accept => 'hang');
my $n = 200;

sub conf {
    my ($main) = @_;

    return join "\n", $main, 'http {',
        'keepalive_timeout 60s; keepalive_requests 10000;',
        (map { "healthdash_service s$_ http://" . $server->address . "/$_"
               . ' interval=1s fast=1s timeout=10s fails=1;' } 1 .. $n),
        'upstream app { server %%ADDR_b%%; healthdash_check http uri=/app'
        . ' interval=1s timeout=10s fails=1; }',
        'server { listen 127.0.0.1:%%PORT_web%%;',
        'location / { return 200 served; }',
        'location /app { proxy_pass http://app; }',
        'location /status { healthdash_status; } }', '}';
}


# connections: of 30 that are free clients keep 18.  files: of 64 all but 12,
# less than what probes leave

for my $case (
    [ connections => 'events { worker_connections 32; }', 18,
      'local_connections' ],
    [ files => "worker_rlimit_nofile 64;\n"
               . 'events { worker_connections 512; }', 52, 'local_files' ],
) {
    my ($name, $main, $keep, $code) = @$case;

    $server->set(delay => 0);

    my $t = HealthDash->new(conf => conf($main))->start;

    ok(wait_until(sub { hd_json($t)->{summary}{services}{up} == $n }, 30),
       "$name: all targets are up");

    # what a worker has open besides: the least, for there are probes, too

    my ($files) = sort { $a <=> $b }
                  map { fds(($t->worker_pids)[0]) } 1 .. 50;

    # probes take long now: many at once would be needed

    $server->set(delay => 0.5);
    $server->set('/app', delay => 0);

    ok(wait_until(sub { hd_json($t)->{probing}{waiting} > 20
                        || (hd_json($t)->{services}{s1}{health_checks}
                            {inconclusive}) }, 20),
       "$name: probes have to wait");

    my ($bad, $open) = (0, 0);

    for my $i (1 .. 60) {
        my $r = http_get(port('web'), $i % 2 ? '/' : '/app');

        $bad++ if $r->{status} != 200;
        $open = max($open, $server->open_connections);
    }

    is($bad, 0, "$name: clients are served, and find their server");
    cmp_ok($open, '>', 2, "$name: while probes are under way");

    # clients take what there is and keep it

    $keep -= $files if $code eq 'local_files';

    my @keepers = map { HealthDash::Keeper->new } 1 .. $keep;

    ok(wait_until(sub {
        my $r = $keepers[0]->get('/status?format=json') or return;
        my $doc = JSON::PP::decode_json($r->{body});

        return 5 < grep { ($_->{health_checks}{last_reason}{code} // '')
                          eq $code } values %{ $doc->{services} };
    }, 20), "$name: probes are in doubt, and say what is short");

    is(scalar(grep { (($_->get('/') || {})->{body} // '') eq 'served' }
                   @keepers), $keep,
       "$name: what clients keep was not closed");
    is(http_get(port('web'), '/app')->{status}, 200,
       "$name: there is room for one more");
    is_deeply([ $t->log =~ /healthdash: .* is down.*/g ], [],
              "$name: nothing is down");
    is_deeply([ $t->log =~ /.*Too many open files.*
                            |.*worker_connections\ are\ not.*/gx ], [],
              "$name: and nginx was never short of any");

    close $_->{fh} for @keepers;

    $server->set(delay => 0);
    ok(wait_until(sub {
        my $s = hd_json($t)->{services};
        return !grep { !$_->{health_checks}{last_passed} } values %$s;
    }, 30), "$name: probing comes back");
    is(hd_json($t)->{summary}{services}{up}, $n, "$name: all are up");

    $t->stop;
}


# a probe that takes three connections is counted as three: of 48 a quarter is
# for probes, so there are four at once

my $t = HealthDash->new(conf => join("\n",
    'events { worker_connections 48; }', 'http {',
    (map { "healthdash_service g$_ grpc://" . $tcp->address
           . ' interval=1s timeout=3s;' } 1 .. 20),
    'server { listen 127.0.0.1:%%PORT_web%%;',
    'location /status { healthdash_status; } }', '}'))->start;

ok(wait_until(sub { $tcp->open_connections >= 4 }, 10), 'gRPC: probes hang');

my $most = 0;

wait_until(sub {
    my ($low) = sort { $a <=> $b } map { $tcp->open_connections } 1, 2;

    $most = max($most, $low);
    return $tcp->connections > 8;
}, 20);

is($most, 4, 'gRPC: as many as there are connections for');

done_testing();

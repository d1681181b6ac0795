#!/usr/bin/perl

# Tests for one address in several places: in upstreams that ask it different
# questions, and under several checks of one upstream (A22).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(front flood peer_is wait_peer wait_health);

my ($b1, $b2) = backends(qw(b1 b2));
my $how = 'interval=100ms fails=1 passes=1 jitter=0% timeout=20s';

# what a host answers, for a server that judges by Host alone

my $hosts = HealthDash->new(name => 'hosts', module => 0, http => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_hosts%%;
        server_name good.test;
        location / { return 200; }
    }

    server {
        listen 127.0.0.1:%%PORT_hosts%%;
        server_name bad.test;
        location / { return 503; }
    }
EOF

$hosts->start;

my $two = "server %%ADDR_b1%%;\nserver %%ADDR_b2%%;\n";

sub conf {
    my ($shift) = @_;
    my @upstreams = (
        "upstream test { $two healthdash_check http uri=/test $how; }\n",
        "upstream testing { zone testing 256k;"
        . " $two healthdash_check http uri=/testing $how; }\n",
        "upstream other { $two healthdash_check http uri=/test"
        . " method=HEAD $how; }\n",
        "upstream worst {\n$two"
        . "healthdash_check http uri=/a $how min_up=1;\n"
        . "healthdash_check tcp $how;\n"
        . "healthdash_check http uri=/c $how;\n}\n",
        "upstream quick { $two healthdash_check http uri=/same host=same.test"
        . " $how; }\n",
        "upstream patient { $two healthdash_check http uri=/same"
        . " host=same.test interval=100ms fails=1000 timeout=20s; }\n",
        map { "upstream $_.test { server 127.0.0.1:%%PORT_hosts%%;"
              . " healthdash_check http uri=/x $how; }\n" } qw(good bad),
    );

    push @upstreams, shift @upstreams for 1 .. $shift;

    return 'http {' . join('', @upstreams) . front() . "}\n";
}

my $t = HealthDash->new(workers => 2, conf => conf(0))->start;


sub states {
    my $json = hd_json($t);

    return { map { my $u = $_; $u => join ' ', map { "$_->{state}" }
                   @{ $json->{upstreams}{$u}{peers} } }
             keys %{ $json->{upstreams} } };
}

sub states_are {
    my ($name, %change) = @_;
    my %want = (test => 'up up', testing => 'up up', other => 'up up',
                worst => 'up up', quick => 'up up', patient => 'up up',
                'good.test' => 'up', 'bad.test' => 'up',
                %change);
    my $got;

    wait_until(sub {
        $got = states();
        return !grep { ($got->{$_} // '') ne $want{$_} } keys %want;
    }, 10);

    is_deeply($got, \%want, $name);
}

sub backends_of {
    my ($upstream) = @_;
    my $r = flood(port('web'), 80, host => $upstream, connections => 40);

    return join ' ', sort keys %{ $r->{backend} };
}


ok(wait_health($t), 'all is probed');

# one address, one port, two names

ok(wait_peer($t, 'bad.test', '127.0.0.1:' . port('hosts'), health => 'down'),
   'the same question to another host may be answered otherwise');
is(hd_peer($t, 'good.test', '127.0.0.1:' . port('hosts'))->{health}, 'up',
   'and the first host is up');

my %asked = map { ("$_->{method} $_->{uri} $_->{host}" => 1) } $b1->requests;

is_deeply([ sort keys %asked ],
          [ 'GET /a worst', 'GET /c worst', 'GET /same same.test',
            'GET /test test',
            'GET /testing testing', 'HEAD /test other' ],
          'each upstream asks its own question under its own name');


# one of the questions is answered badly

$b1->set('/testing', status => 503);

states_are('it is down in one upstream only', testing => 'unhealthy up');
is(backends_of('testing'), 'b2', 'where it gets no request');
is(backends_of('test'), 'b1 b2', 'while the upstream "test" uses it');

my $since = hd_peer($t, 'testing', $b1)->{since};
my $checks;

wait_until(sub {
    ($checks = hd_peer($t, 'test', $b1)->{health_checks}{checks}) > 5;
}, 10, 'some probes');

for my $shift (1, 3) {
    my $mark = $t->log_mark;

    $t->set_conf(conf($shift));
    ok($t->reload, 'reload with upstreams in another order');

    states_are('it is still down in this upstream only',
               testing => 'unhealthy up');
    is(hd_peer($t, 'testing', $b1)->{since}, $since, 'since the same time');
    cmp_ok(hd_peer($t, 'test', $b1)->{health_checks}{checks}, '>=', $checks,
           'counters go on where they were');
    is_deeply([ hd_peer($t, 'test', $b1)->{health_checks}{fails},
                hd_peer($t, 'testing', $b2)->{health_checks}{fails} ],
              [ 0, 0 ], 'and failures are counted where they happened');
    unlike($t->log($mark), qr/healthdash: server/, 'nothing has changed');
}

$b1->set('/testing', status => 200);
states_are('it comes back');
is(backends_of('testing'), 'b1 b2', 'and gets requests');

$b1->set('/test', status => 503);
states_are('"test" does not reach into "testing"', test => 'unhealthy up',
           other => 'unhealthy up');
$b1->set('/test', status => 200);
states_are('and back');

$b1->set('/same', status => 503);
states_are('the same question counts for each upstream by itself',
           quick => 'unhealthy up');

my $peer = hd_peer($t, 'patient', $b1);

is($peer->{health}, 'up', 'one that has more patience stays up');
$b1->set('/same', status => 200);
states_are('and back');


# several checks: as bad as the worst of them

my $mark = $t->log_mark;

$b1->set('/c', status => 503);
states_are('one of three checks fails, the server is out',
           worst => 'unhealthy up');
is(backends_of('worst'), 'b2', 'and gets no requests');

$peer = hd_peer($t, 'worst', $b1);

is($peer->{health}, 'down', 'its health is that of the worst check');
is($peer->{reason}{text}, 'http status 503', 'so is the reason');
is_deeply([ map { "$_->{type} $_->{health}" } @{ $peer->{checks} } ],
          [ 'http up', 'tcp up', 'http down' ], 'each check is shown');
is(hd_peer($t, 'test', $b1)->{checks}, undef, 'but not if there is only one');
ok($t->wait_log(qr/server \S+ of upstream "worst" by check 3 \(http\) is down/,
                5, $mark), 'the log names the check');

$b1->set('/a', status => 503);
ok(wait_until(sub {
    (hd_peer($t, 'worst', $b1)->{checks}[0]{health} // '') eq 'down';
}, 10), 'another check fails');
$b1->set('/c', status => 200);
ok(wait_until(sub {
    (hd_peer($t, 'worst', $b1)->{checks}[2]{health} // '') eq 'up';
}, 10), 'the first recovers');
is(hd_peer($t, 'worst', $b1)->{state}, 'unhealthy', 'the server stays out');
is(backends_of('worst'), 'b2', 'and gets no requests');

$b1->set('/a', status => 200);
states_are('all checks pass, the server is back');
is(backends_of('worst'), 'b1 b2', 'and gets requests');

done_testing();

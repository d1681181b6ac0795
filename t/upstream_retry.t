#!/usr/bin/perl

# Tests for requests that are tried again a while after they came: not with a
# server that has been found to be down meanwhile, also without "zone", where
# each worker has a list of its own (A25).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Run qw(start_helper stop_helper);

# one that lets users wait until it is stopped, which is an nginx for that

my ($hang, $other) = backends(qw(hang other));

$hang->set(hang => 1);

my $late = HealthDash->new(name => 'late', module => 0, conf => <<'EOC')->start;
http {
    server {
        listen 127.0.0.1:%%PORT_late%%;
        location / { proxy_pass http://%%ADDR_hang%%; }
        location /healthz { return 200; }
    }
}
EOC

my $t = HealthDash->new(workers => 4, http => <<'EOC')->start;
    upstream app {
        server 127.0.0.1:%%PORT_late%%;
        server %%ADDR_other%%;
        healthdash_check http uri=/healthz interval=100ms fast=100ms fails=1
                         timeout=10s min_up=0;
    }

    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        location / { proxy_pass http://app; proxy_next_upstream error; }
        location /status { healthdash_status; }
    }
EOC

ok(wait_until(sub {
    my $json = hd_json($t);
    return 2 == grep { $_->{health} eq 'up' }
                @{ $json->{upstreams}{app}{peers} };
}, 20), 'both are up');

# half of them come to it

my $users = start_helper('users', sub {
    http_burst(port('web'), '/x', 40, concurrency => 40, keepalive => 0);
    syswrite $_[0], "done";
});

ok(wait_until(sub {
    return $hang->count(path => '/x') >= 10
           && $hang->count(path => '/x') + $other->count(path => '/x') == 40;
}, 20), 'users wait for one server');

my $mark = $t->log_mark;

$other->set('/healthz', status => 503);
ok($t->wait_log(qr/server \S+ of upstream "app" is down/, 20, $mark),
   'the other one is down');

# far longer than the half second after which each worker knows: nothing is
# asked of nginx meanwhile, for whoever answers knows then

my $probes = $other->count(path => '/healthz');

ok(wait_until(sub { $other->count(path => '/healthz') >= $probes + 40 }, 20),
   'and is for some time');

my $n = $other->count(path => '/x');

$late->kill_worker(pid => $_) for $late->worker_pids;
sysread $users->{fh}, my $done, 4;
is($done, 'done', 'those who wait have to go elsewhere');
is($other->count(path => '/x'), $n, 'but not to one that is down');

stop_helper($users);

done_testing();

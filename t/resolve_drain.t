#!/usr/bin/perl

# Tests for servers by DNS in a worker that goes: as long as it has clients it
# follows DNS, but nobody probes for it any more, so what DNS adds then gets no
# request from it, nor does who was down, went, and comes again (A28).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer moving name);
use HealthDash::Run qw(read_more);
use HealthDash::Status qw(connect_to);

my ($dns, %b) = moving(3, 1);
my $port = port('app');

answer('app.test', 1, 2);
$b{2}->set('/healthz', status => 503);
$b{3}->set('/healthz', hang => 1);

my $t = HealthDash->new(workers => 1, conf => <<"EOC")->start;
http {
    resolver %%ADDR_dns%% ipv6=off;

    upstream app {
        zone app 256k;
        server app.test:$port resolve;
        healthdash_check http uri=/healthz interval=100ms timeout=10s fails=1
                         passes=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://app; }
        location /status { healthdash_status; }
    }
}
EOC

sub is_so {
    my ($n, $health, $state) = @_;

    return wait_until(sub {
        my $p = hd_peer($t, 'app', name($n));
        return ($p->{health} // '') eq $health && $p->{state} eq $state;
    }, 20, "server $n: $health, $state");
}

ok(is_so(1, 'up', 'up'), 'one server is up');
ok(is_so(2, 'down', 'unhealthy'), 'and one is down');


# requests that are not complete when it is told to go

my @clients = map { connect_to(port('web')) } 1 .. 30;

syswrite $_, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    for @clients;
is(http_get(port('web'), '/y')->{status}, 200, 'it has heard of all');

ok($t->reload(wait => 'new'), 'a reload');
is(scalar($t->old_worker_pids), 1, 'the old worker has clients');

answer('app.test', 1, 2, 3);
ok(is_so(3, 'unknown', 'checking'), 'DNS adds a server, whose probe hangs');

# both workers have asked for it

sub is_followed {
    my $asked = $dns->count('app.test');

    return wait_until(sub { $dns->count('app.test') >= $asked + 8 }, 20);
}

ok(is_followed(), 'the old worker follows DNS, too');

answer('app.test', 1, 3);
ok(is_followed(), 'the one that was down goes');

answer('app.test', 1, 2, 3);
ok(is_followed(), 'and comes again');


# and now they are

my %status;

for my $fh (@clients) {
    my $in = '';

    syswrite $fh, "\r\n";
    1 while read_more($fh, \$in);
    $status{$in =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'none'}++;
}

is_deeply(\%status, { 200 => 30 }, 'all are answered');
is($b{3}->count(path => '/x'), 0, 'none by the server that nobody knows');
is($b{2}->count(path => '/x'), 0, 'nor by the one that was down');
is($b{1}->count(path => '/x'), 30, 'but by the other one');

done_testing();

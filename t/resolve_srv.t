#!/usr/bin/perl

# Tests for servers that DNS brings as backups: by the second priority of SRV
# records, and by a backup alone with "resolve" (A30).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(moving name);

my ($dns, %b) = moving(4);
my $port = port('app');

# priority, weight and server of each record

sub answer {
    my @list = @_;

    $dns->set('_http._tcp.app.test', ttl => 0,
              srv => [ map { [ $_->[0], $_->[1], $port, "s$_->[2].test" ] }
                       @list ]);
}

$dns->set("s$_.test", a => ["127.0.0.$_"], ttl => 0) for 1 .. 3;
$dns->set('backup.test', a => ['127.0.0.4'], ttl => 0);
answer([ 1, 5, 1 ], [ 1, 5, 2 ], [ 2, 5, 3 ]);

my $check = 'healthdash_check http uri=/healthz interval=100ms timeout=1s'
            . ' jitter=0% fails=1 passes=1;';

my $t = HealthDash->new(workers => 2, conf => <<"EOC")->start;
http {
    resolver %%ADDR_dns%% ipv6=off;

    upstream app {
        zone app 256k;
        server app.test service=http resolve;
        $check
    }

    upstream one {
        zone one 256k;
        server 127.0.0.1:$port;
        server backup.test:$port resolve backup;
        $check
    }

    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        location / { proxy_pass http://\$http_x_to\$uri; }
        location /status { healthdash_status; }
    }
}
EOC

sub wait_is {
    my ($upstream, $n, %want) = @_;

    return wait_until(sub {
        my $p = hd_peer($t, $upstream, name($n));
        return !grep { ($p->{$_} // 'none') ne $want{$_} } keys %want;
    }, 20, "server $n: " . join ' ', map { "$_=$want{$_}" } sort keys %want);
}

sub served {
    my ($upstream) = @_;

    return http_burst(port('web'), '/x', 20,
                      headers => { 'X-To' => $upstream })->{backend};
}


ok(wait_is('app', $_, health => 'up', state => 'up'), "server $_ is up")
    for 1 .. 3;

my $p = hd_peer($t, 'app', name(3));

ok($p->{backup}, 'the second priority is a backup');
ok(!hd_peer($t, 'app', name(1))->{backup}, 'the first is not');
is($p->{server}, 's3.test', 'its name is that of the record');
is_deeply([ sort keys %{ served('app') } ], [ qw(b1 b2) ],
          'the first priority serves');

$b{$_}->set('/healthz', status => 503) for 1, 2;

ok(wait_is('app', $_, state => 'unhealthy'), "server $_ is skipped") for 1, 2;
is_deeply(served('app'), { b3 => 20 }, 'the second priority serves');

$b{3}->set('/healthz', status => 503);

ok(wait_is('app', 3, health => 'down', kept => 1), 'the last one is kept');

$b{$_}->set('/healthz') for 1, 3;

ok(wait_is('app', $_, health => 'up'), "server $_ comes back") for 1, 3;
is_deeply(served('app'), { b1 => 20 }, 'and serves');


# another priority, and one less

my $checks = hd_peer($t, 'app', name(1))->{health_checks}{checks};

answer([ 1, 5, 3 ], [ 2, 5, 1 ]);

ok(wait_is('app', 2, state => 'removed'), 'a server is removed');
ok(wait_until(sub { (served('app')->{b3} // 0) == 20 }, 20),
   'others change their places');
ok(hd_peer($t, 'app', name(1))->{backup}, 'which the status shows');
cmp_ok(hd_peer($t, 'app', name(1))->{health_checks}{checks}, '>=', $checks,
       'without starting afresh');


# a name as nobody wants to read it

$dns->set('<b>"' . "\xff.test", a => ['127.0.0.2'], ttl => 0);
$dns->set('_http._tcp.app.test', ttl => 0,
          srv => [ [ 1, 5, $port, "s3.test" ],
                   [ 1, 5, $port, '<b>"' . "\xff.test" ] ]);
$b{2}->set('/healthz');

ok(wait_is('app', 2, health => 'up', server => '<b>"?.test'),
   'a name is made printable');
unlike(http_get(port('web'), '/status?format=html')->{body}, qr/<b>"/,
       'and never markup');


# a backup that DNS brings, in an upstream that else has none

ok(wait_is('one', $_, health => 'up'), "upstream one: server $_ is up")
    for 1, 4;
ok(hd_peer($t, 'one', name(4))->{backup}, 'the one by DNS is a backup');
is_deeply(served('one'), { b1 => 20 }, 'and waits');

$b{1}->set('/healthz', status => 503);

ok(wait_is('one', 1, state => 'unhealthy'), 'until the other one fails');
is_deeply(served('one'), { b4 => 20 }, 'then it serves');

done_testing();

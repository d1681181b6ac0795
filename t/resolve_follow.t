#!/usr/bin/perl

# Tests for servers with "resolve": what DNS adds is probed and obeys initial=,
# so that no request comes to it before its first pass; what DNS takes away is
# probed no more (A28, A29).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer moving name);

my ($dns, %b) = moving(4, 1);
my $port = port('app');

# "new" leaves initial= at its default, which is "checking" for such servers

sub conf {
    my $http = '';

    for ([ 'new', '' ], [ 'down', 'initial=down' ], [ 'up', 'initial=up' ]) {
        my ($name, $initial) = @$_;

        $http .= <<"EOC";
    upstream $name {
        zone $name 256k;
        server app.test:$port resolve;
        healthdash_check http uri=/$name interval=100ms timeout=1s jitter=0%
                         fails=1 passes=1 $initial;
    }
EOC
    }

    return <<"EOC";
http {
    resolver %%ADDR_dns%% ipv6=off;
$http
    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        location / { proxy_pass http://\$http_x_to\$uri; }
        location /status { healthdash_status; }
    }
}
EOC
}

sub flood {
    my ($upstream, $n) = @_;

    return http_burst(port('web'), '/x', $n,
                      headers => { 'X-To' => $upstream });
}

sub peers {
    my ($upstream) = @_;

    return { map { $_->{name} => $_ }
             grep { $_->{state} ne 'removed' }
             @{ hd_json(our $t)->{upstreams}{$upstream}{peers} } };
}


answer('app.test', 1, 2);

our $t = HealthDash->new(workers => 2, conf => conf())->start;

for my $u (qw(new down up)) {
    ok(wait_until(sub {
        my $p = peers($u);
        return keys %$p == 2 && !grep { $_->{health} ne 'up' } values %$p;
    }, 20, "servers of $u"), "$u: both addresses are probed and up");
}

my $p = peers('new')->{name(1)};

is($p->{server}, "app.test:$port", 'with the name of nginx.conf');
is($p->{state}, 'up', 'and in service');
cmp_ok($p->{health_checks}{checks}, '>=', 1, 'with the facts of a probe');


# an address whose probes hang: it stays without a result, then fails

$b{3}->set("/$_", hang => 1) for qw(new down up);
answer('app.test', 1, 2, 3);

my %to;

for my $u (qw(new down up)) {
    ok(wait_until(sub {
        $to{$u}{$_} += flood($u, 50)->{backend}{$_} // 0 for 'b3';
        return peers($u)->{name(3)};
    }, 20, 'an address more'), "$u: an address is added");
}

ok(wait_until(sub {
    $to{$_}{b3} += flood($_, 50)->{backend}{b3} // 0 for qw(new down up);
    return peers('new')->{name(3)}{health} eq 'down';
}, 20, 'the verdict'), 'its probes time out');

$to{$_}{b3} += flood($_, 200)->{backend}{b3} // 0 for qw(new down);

is($to{new}{b3}, 0, 'by default no request came to it');
is($to{down}{b3}, 0, 'nor with initial=down');
cmp_ok($to{up}{b3}, '>', 0, 'but with initial=up');

is(peers('new')->{name(3)}{state}, 'unhealthy', 'and it is skipped');

$b{3}->set("/$_", status => 200) for qw(new down up);

ok(wait_until(sub { flood('new', 50)->{backend}{b3} }, 20, 'b3 in service'),
   'a pass puts it in service');
is_deeply(flood('new', 100)->{status}, { 200 => 100 }, 'without a failure');


# an address less

answer('app.test', 1, 3);

ok(wait_until(sub { !peers('new')->{name(2)} && !peers('up')->{name(2)}
                    && !peers('down')->{name(2)} }, 20, 'one less'),
   'an address is taken away');

my $end = time() + 1;

wait_until(sub { time() > $end }, 5);

my $n = $b{2}->count;
my $m = $b{1}->count(path => '/new');

ok(wait_until(sub { $b{1}->count(path => '/new') >= $m + 10 }, 20),
   'others are probed on');
is($b{2}->count, $n, 'it is probed no more, a second later');

done_testing();

#!/usr/bin/perl

# Tests for slow_start= with servers that DNS adds: after its first pass one
# gets its share bit by bit, the status says so, and in the end it has all of
# it; one that is trusted (initial=up) serves at once; and one that comes back
# after it was down ramps, too.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer moving);

my $ramp = 8;
my ($dns, %b) = moving(3, 1);
my $port = port('app');
my $new = "127.0.0.3:$port";

my $http = '';

for ([ 'new', '' ], [ 'trusted', 'initial=up' ]) {
    my ($name, $initial) = @$_;

    $http .= <<"EOC";
    upstream $name {
        zone $name 256k;
        server app.test:$port resolve;
        healthdash_check http uri=/$name interval=100ms timeout=1s jitter=0%
                         fails=1 passes=1 slow_start=${ramp}s $initial;
    }
EOC
}

answer('app.test', 1, 2);

my $t = HealthDash->new(workers => 2, conf => <<"EOC")->start;
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

sub peer {
    my ($upstream) = @_;

    return (grep { $_->{name} eq $new }
            @{ hd_json($t)->{upstreams}{$upstream}{peers} })[0] // {};
}

sub share {
    my ($upstream, $n) = @_;
    my $r = http_burst(port('web'), '/x', $n,
                       headers => { 'X-To' => $upstream });

    return ($r->{backend}{b3} // 0) / $n;
}

sub ramps {
    my ($why) = @_;
    my $p;

    ok(wait_until(sub {
        $p = peer('new');
        return $p->{state} && $p->{state} eq 'up' && $p->{ramping};
    }, 15, 'a ramp'), "$why: it is in service, and ramps");

    cmp_ok($p->{share} // 100, '<', 60, "$why: the status tells its share");
    ok($p->{full}, "$why: and until when");
    cmp_ok(share('new', 300), '<', 0.2, "$why: it gets less than its share");
}

sub ends {
    my ($why) = @_;

    ok(wait_until(sub { !peer('new')->{ramping} }, 3 * $ramp, 'the end'),
       "$why: it has an end");
    cmp_ok(share('new', 300), '>', 0.25, "$why: then it has all of it");
}


ok(wait_until(sub {
    my $u = hd_json($t)->{upstreams};

    return 4 == grep { $_->{health} eq 'up' }
                map { @{ $u->{$_}{peers} } } qw(new trusted);
}, 20, 'two servers each'), 'both addresses are up');
ok(wait_until(sub { !grep { $_->{ramping} }
                    @{ hd_json($t)->{upstreams}{new}{peers} } },
              3 * $ramp, 'the start'), 'and ramp no more');

answer('app.test', 1, 2, 3);
ramps('added by DNS');

my $p = peer('trusted');

is($p->{state}, 'up', 'initial=up: it is in service');
ok(!$p->{ramping}, 'initial=up: and does not ramp');
cmp_ok(share('trusted', 300), '>', 0.25, 'initial=up: it serves at once');

ends('added by DNS');

$b{3}->set('/new', status => 503);
ok(wait_until(sub { peer('new')->{state} eq 'unhealthy' }, 10, 'down'),
   'it goes down');

$b{3}->set('/new', status => 200);
ramps('back from down');

done_testing();

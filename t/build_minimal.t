#!/usr/bin/perl

# Tests for an nginx without all that it can be built without (A67): only what
# every nginx has is used here, and healthdash does its work.  "make variants"
# runs this with such an nginx.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(wait_peer wait_health);

my ($b1, $b2) = backends(qw(b1 b2));
my $often = 'interval=100ms timeout=20s fails=1 passes=1 jitter=0%';

$b2->set('/healthz', status => 503);

my $t = HealthDash->new(workers => 2, http => <<"EOF")->start;
    healthdash_probe said { expect body ~ "^b1 (?:ok)"; }

    upstream app {
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http uri=/healthz $often;
        healthdash_check tcp $often;
    }

    healthdash_service web http://%%ADDR_b1%% probe=said $often critical;
    healthdash_service rpc grpc://%%ADDR_b2%% $often;
    healthdash_service job heartbeat: interval=1h;
    healthdash_service root disk:/ $often;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /       { proxy_pass http://app; }
        location /status { healthdash_status; }
        location /ready  { healthdash_ready; }
        location /beat/  { healthdash_heartbeat; }
    }
EOF

ok(wait_peer($t, 'app', $b2->address, state => 'unhealthy'), 'b2 is down');
ok(wait_peer($t, 'app', $b1->address, state => 'up'), 'b1 is up');
is_deeply(http_burst(port('web'), '/', 100)->{backend}, { b1 => 100 },
          'no worker sends requests to b2');

for my $format (qw(html json text csv)) {
    is(http_get(port('web'), "/status?format=$format")->{status}, 200,
       "$format is served");
}

is(http_get(port('web'), '/beat/job')->{status}, 200, 'a heartbeat is taken');
ok(wait_until(sub {
    my $services = hd_json($t)->{services};

    return join(' ', map { $services->{$_}{health} } qw(web rpc job root))
           eq 'up down up up';
}, 10), 'all services are judged');
is(http_get(port('web'), '/ready')->{status}, 200, 'what is critical is well');

ok($t->reload, 'a reload');
is_deeply(http_burst(port('web'), '/', 100)->{backend}, { b1 => 100 },
          'forgets nothing');

$b2->set('/healthz', status => 200);
ok(wait_peer($t, 'app', $b2->address, state => 'up'), 'b2 is back');
ok(wait_until(sub {
    (http_burst(port('web'), '/', 10)->{backend}{b2} // 0) > 0;
}, 10), 'and gets requests');

$t->stop;


# TLS is there or refused, in a sentence

{
    my (undef, $built) = HealthDash->new(http => '')->run_nginx('-V');
    my $has = $built =~ /^TLS SNI support/m;

    for my $type (qw(https tls rediss)) {
        my ($rc, $out) = HealthDash->new(http => '')->conf_test(<<"EOF_CONF");
http {
    healthdash_service web $type://127.0.0.1;
}
EOF_CONF

        like($out, $has ? qr/test is successful/
                        : qr/type "$type" needs TLS, expected an nginx built/,
             "$type: " . ($has ? 'is taken' : 'is refused in a sentence'));
    }
}

done_testing();

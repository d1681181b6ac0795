#!/usr/bin/perl

# Tests for probes that only connect, and conditions on the time it takes.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $b = backend('b');

my $t = HealthDash->new(conf => <<'EOC')->start;
http {
    healthdash_probe quick  { interval 100ms; expect time < 10s; }
    healthdash_probe never  { interval 100ms; expect time > 10s; }
    healthdash_probe warns  { interval 100ms; warn time > 10s; }

    healthdash_service plain  tcp://%%ADDR_b%% interval=100ms;
    healthdash_service quick  tcp://%%ADDR_b%% probe=quick;
    healthdash_service never  tcp://%%ADDR_b%% probe=never;
    healthdash_service warns  tcp://%%ADDR_b%% probe=warns;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

my %want = (plain => 'up', quick => 'up', never => 'down', warns => 'degraded');

for my $name (sort keys %want) {
    my $service;

    ok(wait_until(sub {
        $service = hd_json($t)->{services}{$name};
        return $service->{health} eq $want{$name};
    }, 10), "$name is $want{$name}");

    if ($want{$name} eq 'up') {
        is($service->{reason}, undef, 'for no reason');
        next;
    }

    is($service->{reason}{code}, 'time', 'by its time');
    like($service->{reason}{text}, qr/^time: expected > 10s, got \S+/,
         'in words');
}

$b->refuse;

ok(wait_until(sub { hd_json($t)->{services}{plain}{health} eq 'down' }, 10),
   'a port that is closed is down');
is(hd_json($t)->{services}{plain}{reason}{code}, 'connect_refused',
   'because it refuses');

done_testing();

#!/usr/bin/perl

# Tests for the turns of probes of servers that DNS moves: a probe that hangs
# while its address goes away gives back its turn, and what waited behind it
# goes to the new address, one at a time.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer moving);

my ($dns, %b) = moving(2, 1);
my $port = port('app');

# "wide" has turns enough for all but for one address, "narrow" just one

my %rate = (wide => 'inflight=8 per_address=1', narrow => 'inflight=1');

for my $name (sort keys %rate) {
    $b{1}->set("/$_", hang => 1) for $name, "${name}2";
    answer('app.test', 1);

    my $t = HealthDash->new(conf => <<"EOC")->start;
http {
    resolver %%ADDR_dns%% ipv6=off;
    healthdash_rate off $rate{$name};

    upstream app {
        zone app 256k;
        server app.test:$port resolve;
        healthdash_check http uri=/$name interval=100ms timeout=60s jitter=0%
                         fails=1 passes=1 max_servers=2;
        healthdash_check http uri=/${name}2 interval=100ms timeout=60s
                         jitter=0% fails=1 passes=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

    my $up = sub {
        my ($addr) = @_;

        return scalar grep { $_->{name} eq "127.0.0.$addr:$port"
                             && $_->{health} eq 'up' }
                      @{ hd_json($t)->{upstreams}{app}{peers} };
    };

    my $asked = sub {
        return $b{1}->count(path => "/$name")
               + $b{1}->count(path => "/${name}2");
    };

    ok(wait_until($asked, 20, 'a probe'), "$name: a probe of one hangs");
    is($asked->(), 1, "$name: the other one waits");

    answer('app.test', 2);
    ok(wait_until(sub { $up->(2) }, 20, 'the other address'),
       "$name: the address that takes its place is probed, by both checks");
    is($asked->(), 1, "$name: what waited did not go to the old one");

    $b{1}->set("/$_") for $name, "${name}2";
    answer('app.test', 1);
    ok(wait_until(sub { $up->(1) }, 20, 'the first address'),
       "$name: the first one comes back, and is probed");

    my $n = $asked->();

    ok(wait_until(sub { $asked->() >= $n + 10 }, 20, 'more probes'),
       "$name: again and again");

    $t->stop;
}

done_testing();

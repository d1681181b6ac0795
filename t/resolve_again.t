#!/usr/bin/perl

# Tests for servers by DNS in an upstream that a reload leaves out and another
# one has again: what was found out about them last counts, and what is of long
# ago does not (A23, A28).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer apart moving name reload_asked wait_is);

my ($dns, %b) = moving(3);
my $port = port('app');

sub conf {
    my ($with) = @_;

    my $app = $with ? <<"EOA" : '';
    upstream app {
        zone app 256k;
        server app.test:$port resolve;
        server 127.0.0.3:$port backup;
        healthdash_check http uri=/healthz interval=100ms timeout=200ms
                         jitter=0% fails=1 passes=2 max_servers=$with;
    }
EOA

    my $pass = $with ? 'proxy_pass http://app;' : 'return 204;';

    return <<"EOC";
http {
    resolver %%ADDR_dns%% ipv6=off;

    upstream other {
        server 127.0.0.3:$port;
        healthdash_check http uri=/healthz interval=100ms;
    }

$app
    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        location / { $pass }
        location /status { healthdash_status; }
    }
}
EOC
}

answer('app.test', 1, 2);

my $t = HealthDash->new(workers => 2, conf => conf(4))->start;

sub change {
    my ($conf) = @_;

    $t->set_conf($conf);
    return $t->reload;
}


# how many requests a server gets from new workers until they see that it hangs

sub met {
    my ($n) = @_;

    my $met = $b{$n}->count(path => '/x');

    wait_until(sub {
        http_burst(port('web'), '/x', 20, keepalive => 0);
        return hd_peer($t, 'app', name($n))->{health} eq 'down';
    }, 20, "server $n: down");

    return $b{$n}->count(path => '/x') - $met;
}


ok(wait_is($t, $_, health => 'up', state => 'up'), "server $_ is up") for 1, 2;


# The upstream is left out, and then its servers are new ones.

ok(change(conf(0)), 'a reload leaves the upstream out');
ok(change(conf(4)), 'another one has it again');
ok(wait_is($t, $_, health => 'up', state => 'up'), "server $_ is up") for 1, 2;

$b{2}->set('/healthz', hang => 1);
ok(wait_is($t, 2, state => 'unhealthy'), 'one is down');

my $n = $b{2}->count(path => '/x');

reload_asked($t);
is($b{2}->count(path => '/x'), $n, 'and still is after a reload');

$b{2}->set('/healthz');
ok(wait_is($t, 2, state => 'up'), 'it is well again');


# With room for one server the other is not probed, so what was known of it is
# old when there is room again.

ok(change(conf(1)), 'a reload has room for one');

my ($left) = grep {
    (hd_peer($t, 'app', name($_))->{health} // '') ne 'up'
} 1, 2;

ok($left, 'one is left without');

my $since = hd_json($t)->{time};

wait_until(sub { apart($since, hd_json($t)->{time}) >= 2 }, 20,
           'longer than a result may stand');

$b{$left}->set('/healthz', hang => 1);

ok(change(conf(4)), 'a reload has room again');
is(met($left), 0, 'nobody was sent to it, for it hangs');

done_testing();

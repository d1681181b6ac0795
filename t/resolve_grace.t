#!/usr/bin/perl

# Tests for servers by DNS with a clock that is moved: one that is gone is shown
# for five minutes, and known for longer; names that change all the time make 60
# events a minute (A19).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Clock qw(clock_conf set_clock start_clocked);
use HealthDash::Moving qw(answer moving name);
use Time::HiRes qw(time);

my ($dns, %b) = moving(2);
my $port = port('app');
my $main = clock_conf();

my $t = HealthDash->new(workers => 2, main => $main, conf => <<"EOC");
http {
    resolver %%ADDR_dns%% ipv6=off;

    upstream app {
        zone app 256k;
        server app.test:$port resolve;
        healthdash_check http uri=/healthz interval=100ms timeout=1s jitter=0%
                         fails=1 passes=1 max_servers=80;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

sub peer { return hd_peer($_[0] // hd_json($t), 'app', name(2)); }

sub checks { return peer()->{health_checks}{checks} // 0; }

sub page {
    return http_get(port('web'), '/status?format=html')->{body};
}

answer('app.test', 1, 2);
start_clocked($t);

ok(wait_until(sub { checks() > 5 }, 20), 'a server is probed');

answer('app.test', 1);
ok(wait_until(sub { peer()->{state} eq 'removed' }, 20), 'DNS takes it away');

ok(wait_until(sub {
    return grep { $_->{kind} eq 'removed' } @{ hd_json($t)->{events} };
}, 20), 'which is an event');

my $checks = checks();

like(page(), qr/\Q@{[ name(2) ]}\E/, 'the page shows it');

# on a machine that is slow it may have been gone for some seconds already

set_clock('+240');

my $json;

ok(wait_until(sub {
    $json = hd_json($t);
    return (hd_peer($json, 'app', name(1))->{health} // '') eq 'up';
}, 20), 'four minutes later others are probed');
is(peer($json)->{state}, 'removed', 'it is still shown');

set_clock('+310');
ok(wait_until(sub { !defined peer()->{state} }, 20),
   'after five minutes it is not');

ok(wait_until(sub { page() !~ /<tr[^>]*>(?:(?!<\/tr>).)*\Q@{[ name(2) ]}\E/s },
              20), 'its row is gone from the page');

answer('app.test', 1, 2);
ok(wait_until(sub { (peer()->{health} // '') eq 'up' }, 20), 'it comes back');
cmp_ok(checks(), '>', $checks, 'with its history');


# names that change all the time

sub moves {
    my ($from) = @_;

    return scalar grep { $_->{kind} =~ /^(?:added|removed)$/
                         && $_->{id} > $from }
           @{ hd_json($t, query => 'events=1024')->{events} };
}

sub last_event {
    return hd_json($t, query => 'events=1024')->{events}[-1]{id};
}

# 40 other addresses

sub move_to {
    my ($net) = @_;
    my @all = map { "127.1.$net.$_" } 1 .. 40;

    $dns->set('app.test', a => \@all, ttl => 0);

    return wait_until(sub {
        my %is = map { $_->{name} => $_->{health} }
                 grep { $_->{state} ne 'removed' }
                 @{ hd_json($t)->{upstreams}{app}{peers} };

        return keys %is == 40
               && !grep { ($is{"$_:$port"} // '') ne 'down' } @all;
    }, 20, "addresses of $net");
}

my $from = last_event();
my $begun = time();

ok(move_to($_), "40 other servers: $_") for 1 .. 4;

# 280 came and went, in that many minutes, and the rest of one at either end

my $minutes = 2 + int((time() - $begun) / 60);
my $n = moves($from);

cmp_ok($n, '>=', 50, 'those of a minute are told');
cmp_ok($n, '<=', 60 * $minutes, 'and no more than 60 of each');

set_clock('+370');
$from = last_event();
ok(move_to(5), '40 others, a minute later');
cmp_ok(moves($from), '>=', 60, 'are told again');

done_testing();

#!/usr/bin/perl

# Tests for what is remembered of servers that DNS takes away: they are shown as
# removed, and come back with their history, but with their state only if that
# is not too old (A28).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer apart moving name wait_is);

my ($dns, %b) = moving(3);
my $port = port('app');

my $conf = <<"EOC";
http {
    resolver %%ADDR_dns%% ipv6=off;

    upstream app {
        zone app 256k;
        server app.test:$port resolve;
        server 127.0.0.3:$port backup;
        healthdash_check http uri=/healthz interval=100ms timeout=200ms
                         jitter=0% fails=1 passes=2;
    }

    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        location / { proxy_pass http://app; }
        location /status { healthdash_status; }
        location /public { healthdash_status public; }
    }
}
EOC

answer('app.test', 1, 2);

my $t = HealthDash->new(workers => 2, conf => $conf)->start;

sub events {
    my ($kind, $n) = @_;

    return grep { $_->{kind} eq $kind && ($_->{server} // '') eq name($n) }
           @{ hd_json($t, query => 'events=1024')->{events} };
}

sub checks { return hd_peer($t, 'app', name($_[0]))->{health_checks}{checks}; }


ok(wait_is($t, $_, health => 'up', state => 'up'), "server $_ is up") for 1, 2;
is(events('added', 2), 1, 'that it was added is an event');
is((events('added', 2))[0]{text},
   name(2) . ' of app is probed from now on: added by DNS', 'with a sentence');

my $id = hd_peer($t, 'app', name(2))->{id};

ok(wait_until(sub { checks(2) >= 5 }, 20), 'it has been probed some times');


# gone

answer('app.test', 1);
ok(wait_is($t, 2, state => 'removed', health => 'unknown'),
   'DNS takes it away');

my $p = hd_peer($t, 'app', name(2));

is($p->{health_checks}{next}, undef, 'no probe is due');
is($p->{stale}, JSON::PP::true, 'its results are of the past');
is($p->{id}, $id, 'its row is the same');
ok(wait_until(sub { events('removed', 2) == 1 }, 5), 'that is an event');

my $json = hd_json($t);

is($json->{health}, 'up', 'it does not count for the whole');
is($json->{summary}{servers}{unknown}, 0, 'nor in sums');
is(hd_json($t, path => '/public')->{upstreams}{app}{peers}[2], undef,
   'and customers do not see it');

my $before = checks(2);

# longer than its results may stand: it was well, but who knows

wait_until(sub {
    my $last = hd_peer($t, 'app', name(2))->{health_checks}{last_time};

    return apart($last, hd_json($t)->{time}) >= 2;
}, 20, 'two seconds');

$b{2}->set('/healthz', hang => 1);

my $n = $b{2}->count(path => '/x');

answer('app.test', 1, 2);
ok(wait_until(sub {
    http_burst(port('web'), '/x', 20);
    return hd_peer($t, 'app', name(2))->{health} eq 'down';
}, 20), 'it comes back, but hangs');
is($b{2}->count(path => '/x'), $n, 'nobody was sent to it');
cmp_ok(checks(2), '>', $before, 'its counts go on');
is(hd_peer($t, 'app', name(2))->{id}, $id, 'in the same row');


# down when it goes: down when it comes back

answer('app.test', 1);
ok(wait_is($t, 2, state => 'removed'), 'DNS takes it away again');

$b{2}->set('/healthz');

my $mark = $t->log_mark;

answer('app.test', 1, 2);
ok(wait_is($t, 2, health => 'up', state => 'up'), 'it comes back, and is well');
like($t->log($mark), qr/\Q@{[ name(2) ]}\E of upstream "app" is up: 2 of 2/,
     'after as many passes as others need');

done_testing();

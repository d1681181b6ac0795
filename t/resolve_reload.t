#!/usr/bin/perl

# Tests for servers by DNS through a reload, a name that does not exist any
# more, and the death of workers: nothing that is known of them is lost, and
# nothing of long ago is trusted (A28, A29).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer apart moving name reload_asked wait_is);

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
    }
}
EOC

answer('app.test', 1, 2);

my $t = HealthDash->new(workers => 2, conf => $conf)->start;

sub checks { return hd_peer($t, 'app', name($_[0]))->{health_checks}{checks}; }


ok(wait_is($t, $_, health => 'up', state => 'up'), "server $_ is up") for 1, 2;


# reload: those in the list and the one that is gone

answer('app.test', 1);
ok(wait_is($t, 2, state => 'removed'), 'DNS takes one away');

my %was = map { $_ => checks($_) } 1, 2;

ok($t->reload, 'a reload');
is(hd_peer($t, 'app', name(1))->{state}, 'up', 'what nginx knew is in service');
cmp_ok(checks(1), '>=', $was{1}, 'with its history');
is(checks(2), $was{2}, 'so is what is gone');
is(hd_peer($t, 'app', name(2))->{state}, 'removed', 'which still is');

is(http_burst(port('web'), '/', 50)->{status}{200}, 50, 'requests are served');

%was = map { $_ => checks($_) } 1, 2;
$t->set_conf($conf =~ s/^http \{/http {\n    healthdash_zone other 2m;/r);
ok($t->reload, 'a reload with another zone');
cmp_ok(checks(1), '>=', $was{1}, 'what is known moves there');
is(checks(2), $was{2}, 'also of what is gone');
is(hd_peer($t, 'app', name(2))->{state}, 'removed', 'and since when');

answer('app.test', 1, 2);
ok(wait_is($t, 2, health => 'up', state => 'up'),
   'it comes back after the reload');
ok(wait_until(sub { checks(2) > $was{2} }, 20), 'with its history');


# who is down gets no request, also from new workers with their new list

$b{2}->set('/healthz', status => 503);
ok(wait_is($t, 2, state => 'unhealthy'), 'it fails');

my $n = $b{2}->count(path => '/x');

reload_asked($t) for 1 .. 3;

is($b{2}->count(path => '/x'), $n, 'no request comes to it in three reloads');

$b{2}->set('/healthz');
ok(wait_is($t, 2, state => 'up'), 'it is well again');


# Well when it went, and back for just a moment when nginx is reloaded, so that
# perhaps nobody has noticed: it has to show that it is well.

for (1 .. 4) {
    answer('app.test', 1);
    ok(wait_until(sub {
        my $json = hd_json($t);
        my $p = hd_peer($json, 'app', name(2));

        return $p->{state} eq 'removed'
               && apart($p->{health_checks}{last_time}, $json->{time}) >= 2;
    }, 20), 'it is away for longer than a result may stand');

    $b{2}->set('/healthz', hang => 1);

    my $n = $b{2}->count(path => '/x');
    my $asked = $dns->count('app.test', 'A');

    answer('app.test', 1, 2);
    wait_until(sub { $dns->count('app.test', 'A') > $asked }, 10, 'DNS');
    $t->reload(wait => 0);

    ok(wait_until(sub {
        http_burst(port('web'), '/x', 20, keepalive => 0);
        return hd_peer($t, 'app', name(2))->{health} eq 'down';
    }, 20), 'it is back, but hangs');
    is($b{2}->count(path => '/x'), $n, 'nobody was sent to it');

    $b{2}->set('/healthz');
    ok(wait_is($t, 2, state => 'up'), 'until it is well');
}


# a name that does not exist any more

$dns->set('app.test');
$t->allow_log(qr/could not be resolved/);

ok(wait_is($t, $_, state => 'removed'), "no such name: server $_ is removed")
    for 1, 2;

my $json = hd_json($t);

is_deeply([ map { $_->{name} } grep { $_->{state} ne 'removed' }
            @{ $json->{upstreams}{app}{peers} } ], [ name(3) ],
          'the one of nginx.conf is left');
is(http_burst(port('web'), '/', 20)->{backend}{b3}, 20, 'and serves');

answer('app.test', 1, 2);
ok(wait_is($t, $_, health => 'up', state => 'up'), "server $_ is back")
    for 1, 2;


# the worker that resolves and probes is killed meanwhile

$was{2} = checks(2);
$t->kill_worker(pid => $_) for $t->worker_pids;

answer('app.test', 1, 3);
ok(wait_is($t, 2, state => 'removed'), 'those that come for them go on');
ok(wait_until(sub { checks(1) > $was{1} }, 20), 'they probe');
cmp_ok(checks(2), '>=', $was{2}, 'and know what was');

done_testing();

#!/usr/bin/perl

# Tests for services known by name: nginx's resolver is asked as its TTL says,
# never blocks, and comes back after an outage (A56).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::DNS;

my $dns = HealthDash::DNS->new;

# the same port on several addresses; what a name means decides who is asked

my $port = port('app');
my ($b1, $b2) = map { backend("b$_", addr => "127.0.0.$_", port => $port) }
                1, 2;
my $b9 = backend('b9');

$dns->set('app.test', a => ['127.0.0.1'], ttl => 1);
$dns->set('forever.test', a => ['127.0.0.1'], ttl => 3600);
$dns->set('short.test', a => ['127.0.0.1'], ttl => 1);
$dns->set('empty.test');
$dns->set('mute.test', silent => 1);
$dns->set('broken.test', rcode => 2);

# nobody listens at 127.0.0.3 and up, so all but one in eight first tries fail

$dns->set('many.test', a => [ map { "127.0.0.$_" } 1, 3 .. 9 ], ttl => 3600);
$dns->set('none.test', a => [ map { "127.0.0.$_" } 3 .. 5 ], ttl => 3600);

my @names = qw(app forever short empty mute broken many none);

sub conf {
    my (@list) = @_;
    my $services = join '', map {
        "healthdash_service $_ http://$_.test:%%PORT_app%%/$_ probe=often;\n"
    } @list;

    return <<"EOC";
http {
    resolver %%ADDR_dns%%;

    healthdash_probe often {
        interval 100ms;
        fast 100ms;
        timeout 3s;
        fails 1;
    }

    $services
    healthdash_service held http://mute.test:%%PORT_app%%/ probe=often
                       timeout=60s;

    upstream numbers {
        server %%ADDR_b9%%;
        healthdash_check probe=often;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { return 200 served; }
        location /status { healthdash_status; }
    }
}
EOC
}

my $start = time();
my $t = HealthDash->new(conf => conf(@names))->start;


sub service {
    my ($name) = @_;

    return hd_json($t)->{services}{$name} // {};
}


sub wait_checks {
    my ($name, $n) = @_;
    my $end = service($name)->{health_checks}{checks} + $n;

    return wait_until(sub {
        return service($name)->{health_checks}{checks} >= $end;
    }, 20, "$n checks of $name");
}


# the time to live

ok(wait_until(sub { service('app')->{health} eq 'up' }, 10),
   'a name is looked up and probed');

my ($request) = $b1->requests(path => '/app');

is($request->{host}, "app.test:$port", 'the name is the Host');
cmp_ok(service('app')->{phases}{resolve} // 0, '>', 0,
       'to look it up was a phase');

ok(wait_checks('app', 20), 'it is probed on');
ok(wait_checks('forever', 1), 'so is another');

is($dns->count('forever.test', 'A'), 1, 'a long TTL: asked once');

my $asked = $dns->count('app.test', 'A');
cmp_ok($asked, '>=', 2, 'a TTL of 1 s: asked again');
cmp_ok($asked, '<=', time() - $start + 2, 'but not at each probe');


# what cannot be resolved says so; nothing else suffers

for ([ 'empty', 'resolve_not_found', 'host name not found' ],
     [ 'mute', 'resolve_timeout', 'name lookup timed out' ],
     [ 'broken', 'resolve_failed', 'name lookup failed' ])
{
    my ($name, $code, $text) = @$_;

    ok(wait_until(sub { service($name)->{health} eq 'down' }, 10),
       "$name is down");

    my $reason = service($name)->{reason};

    is($reason->{layer}, 'resolve', "$name: it is the name");
    is($reason->{code}, $code, "$name: and why");
    like($reason->{text}, qr/^$text/, "$name: in words");
}

is(service('app')->{health}, 'up', 'a name that can be is up meanwhile');
is(hd_peer($t, 'numbers', $b9)->{health}, 'up', 'and so is an address');


# several addresses: those that refuse are passed over within the probe

ok(wait_checks('many', 20), 'a name with eight addresses is probed');

my $many = service('many');

is($many->{health}, 'up', 'one that answers is enough');
is($many->{health_checks}{fails}, 0, 'no probe failed');
is($dns->count('many.test', 'A'), 1, 'for one lookup');

my $none = service('none');

is($none->{health}, 'down', 'if all refuse it is down');
is($none->{reason}{code}, 'connect_refused', 'as it should');
like($none->{reason}{text}, qr/127\.0\.0\.[345]:$port/,
     'with the address tried last');


# an address that changes

is($b2->count(path => '/app'), 0, 'nobody has asked the second server');

$dns->set('app.test', a => ['127.0.0.2'], ttl => 1);

ok(wait_until(sub { $b2->count(path => '/app') >= 3 }, 10),
   'a new address is noticed');

my $n = $b1->count(path => '/app');

ok(wait_until(sub { $b2->count(path => '/app') >= 20 }, 10), 'and kept to');
is($b1->count(path => '/app'), $n, 'the old one is asked no more');
is(service('app')->{health_checks}{fails}, 0, 'without a failure');


# silence: clients and other probes go on, then all comes back

$dns->silent(1);

ok(wait_until(sub { service('app')->{health} eq 'down' }, 20),
   'the name server falls silent');
is(service('app')->{reason}{code}, 'resolve_timeout', 'which is the reason');
is(service('forever')->{health}, 'up', 'what is known is used');

my $before = hd_peer($t, 'numbers', $b9)->{health_checks};

# a worker that waited for a name would not come to 2000 requests

my $burst = http_burst(port('web'), '/', 2000);

is_deeply($burst->{status}, { 200 => 2000 }, 'clients are served');

ok(wait_until(sub {
    return hd_peer($t, 'numbers', $b9)->{health_checks}{checks}
           >= $before->{checks} + 10;
}, 10), 'other targets are probed');
is(hd_peer($t, 'numbers', $b9)->{health_checks}{fails}, $before->{fails},
   'and do not fail');

$dns->silent(0);
$dns->set('empty.test', a => ['127.0.0.1'], ttl => 1);
$dns->set('mute.test', a => ['127.0.0.1'], ttl => 1);

ok(wait_until(sub { service($_)->{health} eq 'up' }, 15),
   "$_ comes back by itself") for qw(app empty mute);


# a reload while lookups wait, one of them for up to a minute

$dns->silent(1);
ok(wait_until(sub { service('short')->{health} eq 'down' }, 15), 'silence');
ok($t->reload, 'a lookup does not hold up an old worker');
ok(wait_until(sub { service('short')->{health_checks}{worker}{pid}
                    == ($t->worker_pids)[0] }, 10), 'the new one goes on');
$dns->silent(0);
ok(wait_until(sub { service('short')->{health} eq 'up' }, 15),
   'and gets an answer');
$t->stop;


# without "resolver": once, at start, and not silently

my $once = HealthDash->new(conf => <<'EOC');
http {
    healthdash_service local http://localhost:%%PORT_b9%%/once
                       interval=100ms fast=100ms timeout=90ms;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

my ($rc, $out) = $once->conf_test;

is($rc, 0, 'no resolver is needed');
is(() = $out =~ /\[warn\]/g, 1, 'but worth one warning');
like($out, qr/\[warn\].* host "localhost" .* resolved once/, 'that says so');

$asked = $dns->count('localhost');
$once->start;
ok(wait_until(sub { $b9->count(path => '/once') >= 5 }, 10), 'it is probed');
is($dns->count('localhost'), $asked, 'without a question');

done_testing();

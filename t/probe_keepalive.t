#!/usr/bin/perl

# Tests for keepalive=on: a kept connection is never another server's, never
# gives a failure of its own, and hides no dead path (A41, A42, A43).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::DNS;
use HealthDash::Probe qw(service status_server verdict);

my $b = backend('b1');
my @conf;


# what lets a connection be kept

my (%kept, %path);

sub keeps {
    my ($name, $kept, $how, $parameters) = @_;
    my $path = '/' . keys %path;

    $b->set($path, %$how) if %$how;
    $kept{$name} = $kept;
    $path{$name} = $path;
    push @conf, service($name, 'http://' . $b->address . $path,
                        $parameters // 'keepalive=on');
}

my $ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";

keeps('by default', 0, {}, '');
keeps('keepalive=off', 0, {}, 'keepalive=off');
keeps('keepalive=on', 1, {});
keeps('chunks', 1, { chunked => 3, body => 'x' x 100 });
keeps('byte by byte', 1, { drip => 0.0005 });
keeps('a large body', 1, { body => 'x' x 50_000 });
keeps('HEAD', 1, {}, 'keepalive=on method=HEAD');
keeps('204', 1, { status => 204 });
keeps('304', 1, { status => 304 });
keeps('1xx before', 1, { prefix => "HTTP/1.1 100 Continue\r\n\r\n" });
keeps('a warning', 1, {}, 'keepalive=on probe=warned');
keeps('the server says close', 0, { keepalive => 0 });
keeps('until close', 0, { length => 0 });
keeps('the server closes', 0, { raw => "${ok}\r\nok" });

# its last byte comes much later, so the server does not close before

my $more = "${ok}\r\nokHTTP/1.1 500 X\r\n\r\n";

keeps('more than the length', 0, { raw => $more, drip => 60,
                                   drip_size => length($more) - 1 });
keeps('more than body_limit=', 0, { body => 'x' x 5000 },
      'keepalive=on body_limit=1k');

# A server that closes a kept connection at the second request: the probe asks
# again, once.  One that closes the new connection as well is down.

my %closing = ('closes at times' => { close => 1 },
               'resets at times' => { reset => 1 });

for my $name (sort keys %closing) {
    keeps($name, undef, {});
    $b->script($path{$name}, map { ({}, $closing{$name}) } 1 .. 500);
}

my $twice = backend('twice');

$twice->script({}, { close => 1 }, { close => 1 });
push @conf, service('closes twice', 'http://' . $twice->address,
                    'keepalive=on');


# Same Host, same port, three addresses; each must answer by its own name.

my $port = port('three');
my @three = map { backend("three$_", addr => "127.0.0.$_", port => $port) }
            1 .. 3;

for my $i (1 .. 3) {
    push @conf, "healthdash_probe body$i { type http; host same.test;"
                . " expect body = \"three$i ok\n\"; }\n",
                service("three$i", "http://127.0.0.$i:$port/",
                        "probe=body$i keepalive=on interval=20ms");
}

push @conf, <<"EOF";
healthdash_probe warned { type http; warn status 500; }

upstream three {
    server 127.0.0.1:$port;
    server 127.0.0.2:$port;
    server 127.0.0.3:$port;
    healthdash_check http keepalive=on interval=20ms timeout=20s fails=1
                          passes=1 min_up=0;
}
EOF

# a server that falls silent

my $silent = backend('silent');

push @conf, service('silent', 'http://' . $silent->address,
                    'keepalive=on timeout=1s fails=3');

# a name, which may move

my $dns = HealthDash::DNS->new;
my @places = map { backend("place$_", addr => "127.0.0.$_",
                           port => port('place')) } 1, 2;

$dns->set('moving.test', a => ['127.0.0.1']);
push @conf, 'resolver ' . $dns->address . " ipv6=off;\n",
            service('name', 'http://moving.test:' . port('place'),
                    'keepalive=on');

# TLS

my $t = HealthDash->new;
my @tls = ($t->run_nginx('-V'))[1] =~ /--with-http_ssl_module/ ? (2, 3) : ();

for my $n (@tls) {
    my $cert = tls_cert(cn => 'app.test');
    my $tls = port("tls$n");

    HealthDash->new(module => 0, http => <<"EOF")->start;
server {
    listen 127.0.0.1:$tls ssl;
    ssl_certificate $cert->{cert};
    ssl_certificate_key $cert->{key};
    ssl_protocols TLSv1.$n;
    keepalive_requests 100000;
    location / { return 200 "request \$connection_requests;"; }
}
EOF

    push @conf, "healthdash_probe used$n { type https; sni app.test;"
                . ' ca ' . tls_ca()->{cert} . ';'
                . " warn body !~ \"request 1;\"; }\n",
                service("TLS 1.$n", "https://127.0.0.1:$tls",
                        "probe=used$n keepalive=on"),
                service("TLS 1.$n fresh", "https://127.0.0.1:$tls",
                        "probe=used$n");
}

$t->set_conf(join '', 'http {', @conf, status_server(), '}');
$three[1]->refuse;
$t->start;

sub service_of { return hd_json($t)->{services}{$_[0]}; }
sub facts { return service_of($_[0])->{health_checks}; }

sub after {
    my ($n, @names) = @_;

    wait_until(sub {
        my $list = hd_json($t)->{services};
        return !grep { $list->{$_}{health_checks}{checks} < $n } @names;
    }, 20, "$n probes of each");
}


after(6, keys %kept);

for my $name (sort keys %kept) {
    my @requests = $b->requests(path => $path{$name});
    my %seen = map { $_->{conn} => 1 } @requests;

    if (!defined $kept{$name}) {

        # each connection but the one in use had two requests

        cmp_ok(keys %seen, '>=', 3, "$name: several connections");
        cmp_ok(@requests, '>=', 2 * keys(%seen) - 1,
               "$name: each was used twice");

    } elsif ($kept{$name}) {
        is(scalar keys %seen, 1, "$name: one connection");

    } else {
        is(scalar keys %seen, scalar @requests, "$name: one for each probe");
    }

    is(facts($name)->{fails}, 0, "$name: no failure");
}


# asked again once only: 1 passes, 2 is closed and repeated as 3, then 4

after(3, 'closes twice');
is(facts('closes twice')->{fails}, 1, 'closed twice: one failure');
is(facts('closes twice')->{unhealthy}, 1, 'closed twice: it was down');
is(verdict(service_of('closes twice')), 'up', 'closed twice: up again');


# three servers, the middle one dead, for many rounds

sub three {
    my ($name, $rounds, @up) = @_;
    my @before = map { facts("three$_") } 1 .. 3;
    my $json;

    wait_until(sub {
        $json = hd_json($t);

        return !grep { $json->{services}{"three$_"}{health_checks}{checks}
                       < $before[$_ - 1]{checks} + $rounds } 1 .. 3;
    }, 20, "$rounds rounds");

    for my $i (1 .. 3) {
        my $new = $json->{services}{"three$i"}{health_checks};
        my $checks = $new->{checks} - $before[$i - 1]{checks};
        my $fails = $new->{fails} - $before[$i - 1]{fails};

        is($fails, $up[$i - 1] ? 0 : $checks, "$name: server $i alone");
        is(hd_peer($json, 'three', "127.0.0.$i:$port")->{health},
           $up[$i - 1] ? 'up' : 'down', "$name: server $i of the upstream");
    }

    return $json;
}

sub settled {
    my (@up) = @_;

    wait_until(sub {
        my $json = hd_json($t);

        return !grep {
            my $want = $up[$_ - 1] ? 'up' : 'down';

            $json->{services}{"three$_"}{health} ne $want
            || hd_peer($json, 'three', "127.0.0.$_:$port")->{health} ne $want
        } 1 .. 3;
    }, 10, 'the states');
}

settled(1, 0, 1);

my $json = three('the middle one dead', 200, 1, 0, 1);

is(verdict($json->{services}{three2}), 'down: connection refused',
   'and that is why');

$three[1]->accept;
$three[0]->refuse;
settled(0, 1, 1);
three('the first one dead', 50, 0, 1, 1);

my %seen = map { $_->{conn} => 1 } $three[2]->requests;

is(scalar keys %seen, 2, 'the last one was asked over two connections');


# silence on a kept connection

after(3, 'silent');
is(facts('silent')->{fails}, 0, 'silent: it is up at first');
$silent->set(hang => 1);
ok(wait_until(sub { service_of('silent')->{health} eq 'down' }, 10),
   'silent: it goes down');
is(service_of('silent')->{reason}{text}, 'response timed out after 1s',
   'silent: and why');

my $silence = $silent->connections;

ok(wait_until(sub { $silent->connections > $silence + 1 }, 5),
   'silent: it is asked over new connections then');
$silent->set(status => 200);
ok(wait_until(sub { service_of('silent')->{health} eq 'up' }, 10),
   'silent: and comes back');


# a name that moves takes its probes along

is($places[1]->count, 0, 'name: the first place is asked');
$dns->set('moving.test', a => ['127.0.0.2']);
ok(wait_until(sub { $places[1]->count > 3 }, 10), 'name: then the second');
is($places[0]->connections, scalar @{[ $places[0]->requests ]},
   'name: no connection is kept') if $places[0]->count;
is(facts('name')->{fails}, 0, 'name: without a failure');


# TLS: only the very first request is the first of its connection

for my $n (@tls) {
    after(6, "TLS 1.$n", "TLS 1.$n fresh");
    is(verdict(service_of("TLS 1.$n")), 'up', "TLS 1.$n: kept");
    like(verdict(service_of("TLS 1.$n fresh")), qr/^degraded: body: /,
         "TLS 1.$n: not kept by default");
}


# a reload closes what is kept

my $open = $three[2]->open_connections;

cmp_ok($open, '<=', 2, 'no connection is lost');
ok($t->reload, 'a reload ends with connections kept');
ok(wait_until(sub { $three[2]->open_connections <= 2 }, 5),
   'and closes them');
settled(0, 1, 1);

done_testing();

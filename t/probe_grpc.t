#!/usr/bin/perl

# Tests for the types grpc and grpcs with a real server of gRPC, and with others
# that are none.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Daemon qw(daemon need);
use HealthDash::Probe qw(service status_server judged verdict peak gzip_bomb);

my $t = HealthDash->new;

if (($t->run_nginx('-V'))[1] !~ /--with-http_v2_module/) {
    plan skip_all => 'nginx without HTTP/2';
}

my $node = $ENV{HD_NODE} // "$FindBin::Bin/../build/node";

die "no packages of npm in $node: run \"make test-deps\"\n"
    if !-d "$node/node_modules/grpc-health-check";

my $ca = tls_ca()->{cert};
my $cert = tls_cert(cn => 'app.test');
my $list = '{ "": "SERVING", "shop.Orders": "SERVING",'
           . ' "shop.Stock": "NOT_SERVING", "shop.Mail": "UNKNOWN" }';

sub grpc_server {
    my ($name, @arg) = @_;

    return daemon($name, port => port($name), user => 'nobody',
                  env => { NODE_PATH => "$node/node_modules" },
                  argv => [ need('node', 'nodejs'),
                            "$FindBin::Bin/node/health-server.js",
                            port($name), @arg ]);
}

chmod 0644, $cert->{key};

my $server = grpc_server('grpc', $list);

grpc_server('no-health', 'none');
grpc_server('grpcs', $list, $cert->{cert}, $cert->{key});

# a message that says it is packed: one that is too long as it came, one that is
# so when it is unpacked

my %bomb = (bomb => backend('packed'), 'small-bomb' => backend('small'));
my %size = (bomb => 10 << 20, 'small-bomb' => 500_000);

$bomb{$_}->set(body => packed($size{$_}),
               headers => { 'Content-Type' => 'application/grpc',
                            'grpc-encoding' => 'gzip' }) for keys %bomb;

sub packed {
    my $data = gzip_bomb(@_);

    return pack('CN', 1, length $data) . $data;
}

my $trailers = 'default_type application/grpc; add_header grpc-status';

HealthDash->new(module => 0, http => <<"EOF")->start;
server {
    listen 127.0.0.1:@{[ port('page') ]} http2;
    location / { return 200 "a page\\n"; }
}
server {
    listen 127.0.0.1:@{[ port('busy') ]} http2;
    location / { return 503; }
}
server {
    listen 127.0.0.1:@{[ port('down') ]} http2;
    location / { $trailers 14; add_header grpc-message "no%20backend";
                 return 200; }
}
server {
    listen 127.0.0.1:@{[ port('twice') ]} http2;
    location / { $trailers 0; add_header grpc-status 13; return 200; }
}
server {
    listen 127.0.0.1:@{[ port('silent') ]} http2;
    location / { default_type application/grpc; return 200; }
}
server {
    listen 127.0.0.1:@{[ port('large') ]} http2;
    location / { $trailers 0; return 200 "@{[ 'x' x 3000 ]}"; }
}
server {
    listen 127.0.0.1:@{[ port('proxy') ]} http2;
    location / { grpc_pass grpc://127.0.0.1:@{[ port('grpc') ]}; }
}
@{[ map { bomb_server($_) } keys %bomb ]}
server { listen 127.0.0.1:@{[ port('one') ]}; }
EOF

sub bomb_server {
    my ($name) = @_;

    return <<"EOF";
server {
    listen 127.0.0.1:@{[ port($name) ]} http2;
    location / { proxy_pass http://@{[ $bomb{$name}->address ]};
                 add_trailer grpc-status 0; }
}
EOF
}


# probes

my (@rows, @conf);

sub row {
    my ($name, $want, $url, $parameters) = @_;

    $url =~ s{//([a-z][\w-]*)}{'//127.0.0.1:' . port($1)}e;

    push @rows, [ $name, $want ];
    push @conf, service($name, $url, $parameters);
}

my $orders = 'service=shop.Orders';

row('the whole server', 'up', 'grpc://grpc');
row('a service', 'up', 'grpc://grpc', $orders);
row('through nginx', 'up', 'grpc://proxy', $orders);
row('a service that is down', 'down: not serving: service "shop.Stock" is'
    . ' NOT_SERVING', 'grpc://grpc', 'service=shop.Stock');
row('a service of unknown health', 'down: not serving: service "shop.Mail" is'
    . ' UNKNOWN', 'grpc://grpc', 'service=shop.Mail');
row('a service nobody knows', 'down: not serving: the server knows no service'
    . ' "shop.Cash"', 'grpc://grpc', 'service=shop.Cash');
row('no health service', 'down: the server answered with an error:'
    . ' UNIMPLEMENTED, the server has no health service', 'grpc://no-health');

row('tls', 'up', 'grpcs://grpcs', "$orders sni=app.test ca=$ca");
row('tls, another name', 'down: certificate is for "app.test", expected'
    . ' "web.test"', 'grpcs://grpcs', "$orders sni=web.test ca=$ca");
row('tls, verify=off', 'up', 'grpcs://grpcs', "$orders verify=off");
row('tls where there is none', 'down: tls handshake failed: the server does'
    . ' not speak TLS', 'grpcs://grpc', 'verify=off');

# what a server of TLS says to others is lost when it resets the connection

row('none where there is tls', qr/^down:\ (?:invalid\ response: |connection
                                   \ (?:closed|reset))/x, 'grpc://grpcs');

row('a web server', 'down: invalid response: Content-Type "text/plain",'
    . ' expected application/grpc', 'grpc://page');
row('an error of HTTP', 'down: http status 503, expected 200', 'grpc://busy');
row('an error of gRPC', 'down: the server answered with an error: UNAVAILABLE,'
    . ' no backend', 'grpc://down');
row('the last status counts', 'down: the server answered with an error:'
    . ' INTERNAL', 'grpc://twice');
row('no status', 'down: invalid response: no grpc-status', 'grpc://silent');
row('too much', 'down: invalid response: more than 1024 bytes for an answer'
    . ' about health', 'grpc://large');
row('a gzip bomb', 'down: invalid response: more than 1024 bytes for an answer'
    . ' about health', 'grpc://bomb');
row('a small gzip bomb', 'down: invalid response: a compressed message nobody'
    . ' asked for', 'grpc://small-bomb');
row('HTTP/1.1', qr/^down: (?:invalid|response failed)/, 'grpc://one');
row('nobody', 'down: connection refused', 'grpc://nobody');

push @conf, <<"EOF";
upstream orders {
    server 127.0.0.1:@{[ port('grpc') ]};
    server 127.0.0.1:@{[ port('no-health') ]};
    healthdash_check grpc $orders interval=100ms timeout=20s fails=1;
}
EOF

push @conf, service('soon', 'grpc://127.0.0.1:' . port('grpc'), 'timeout=1s');

$t->set_conf(join '', 'http {', @conf, status_server(), '}');
$t->start;

my $seen = judged($t, @rows);

is_deeply([ map { $_->{health} }
            @{ hd_json($t)->{upstreams}{orders}{peers} } ],
          [ 'up', 'down' ], 'servers of an upstream');

is($seen->{tls}{tls}{issuer}, 'healthdash test ca', 'facts of TLS');

SKIP: {
    skip 'sanitizers keep what is freed', 1 if slow() > 1;
    cmp_ok(peak(($t->worker_pids)[0]), '<', 64 * 1024,
           'memory never went up far');
}


# a server whose health changes, that freezes, stops and comes back

sub becomes {
    my ($want, $name) = @_;
    my $verdict = sub { verdict(hd_json($t)->{services}{soon}) };

    ok(wait_until(sub { $verdict->() eq $want }, 10, $want), $name)
        or diag($verdict->());
}

becomes('up', 'serving');

kill 'USR2', $server->pid;
becomes('down: not serving: the server is NOT_SERVING', 'not serving');

kill 'USR2', $server->pid;
becomes('up', 'serving again');

$server->freeze;
becomes('down: response timed out after 1s', 'frozen');

$server->thaw;
becomes('up', 'thawed');

$server->stop;
becomes('down: connection refused', 'stopped');

$server->start;
becomes('up', 'started');

done_testing();

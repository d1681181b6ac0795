#!/usr/bin/perl

# Tests for TLS of probes: the name that is sent, what is verified, client
# certificates, and the reason of each refusal (A46).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server judged);

my $t = HealthDash->new;

if (($t->run_nginx('-V'))[1] !~ /--with-http_ssl_module/) {
    plan skip_all => 'nginx without TLS';
}

my $ca = tls_ca()->{cert};
my $foreign_ca = tls_ca('foreign');
my %cert = (
    app => tls_cert(cn => 'app.test'),
    wild => tls_cert(cn => '*.wild.test'),
    ip => tls_cert(cn => 'ip', san => [ 'IP:127.0.0.1', 'IP:::1',
                                        'DNS:ip.test' ]),
    cn => tls_cert(cn => 'app.test', san => [ 'DNS:other.test' ]),
    expired => tls_cert(cn => 'app.test', expired => 1),
    future => tls_cert(cn => 'app.test', future => 1),
    foreign => tls_cert(cn => 'app.test', ca => $foreign_ca),
);
my $client = tls_cert(cn => 'probe.test');
my $stranger = tls_cert(cn => 'stranger.test', ca => $foreign_ca);


# One nginx, a port for each certificate and kind of server.  The body says
# what came.

my @servers;
my $v6 = has_ipv6();
my $facts = 'sni=$ssl_server_name; proto=$ssl_protocol; host=$http_host;'
            . ' client=$ssl_client_verify; reused=$ssl_session_reused;';

sub tls_server {
    my ($name, $cert, $more) = @_;
    my $port = port($name);

    $more //= 'ssl_protocols TLSv1.2 TLSv1.3;';

    my $six = $v6 ? "listen [::1]:$port ssl;" : '';

    push @servers, <<"EOF";
server {
    listen 127.0.0.1:$port ssl;
    $six
    server_name localhost;
    ssl_certificate $cert->{cert};
    ssl_certificate_key $cert->{key};
    $more
    location / {
        return 200 "$facts";
    }
}
EOF
}

tls_server($_, $cert{$_}) for sort keys %cert;
tls_server('tls12', $cert{app}, 'ssl_protocols TLSv1.2;');
tls_server('tls13', $cert{app}, 'ssl_protocols TLSv1.3;');
tls_server('mutual', $cert{app},
           "ssl_client_certificate $ca; ssl_verify_client on;");

# strict: nobody is served but the one who says the right name

my $strict = port('strict');

push @servers, <<"EOF";
server {
    listen 127.0.0.1:$strict ssl default_server;
    ssl_reject_handshake on;
}

server {
    listen 127.0.0.1:$strict ssl;
    server_name app.test;
    ssl_certificate $cert{app}{cert};
    ssl_certificate_key $cert{app}{key};
    location / { return 200 "sni=\$ssl_server_name;"; }
}
EOF

HealthDash->new(module => 0, http => join '', @servers)->start;


# probes

my (@rows, @conf);

sub row {
    my ($name, $want, $server, $parameters, $body) = @_;
    my $host = '127.0.0.1';

    ($host, $server) = ($1, $2) if $server =~ /^(.+) (\w+)$/;

    if (defined $body) {
        my $probe = 'p' . @rows;

        push @conf, "healthdash_probe $probe { type https;"
                    . " expect body ~ \"$body\"; }\n";
        $parameters .= " probe=$probe";
    }

    push @rows, [ $name, $want ];
    push @conf, service($name, "https://$host:" . port($server),
                        "ca=$ca $parameters");
}

row('name in the certificate', 'up', 'app', 'host=app.test',
    'sni=app.test; .* host=app.test;');
row('name with a port', 'up', 'app', 'host=app.test:444',
    'sni=app.test; .* host=app.test:444;');
row('name with a dot at its end', 'up', 'app', 'host=app.test.',
    'sni=app.test; ');
row('sni= beside host=', 'up', 'app', 'sni=app.test host=web.test',
    'sni=app.test; .* host=web.test;');
row('wildcard', 'up', 'wild', 'sni=a.wild.test', 'sni=a.wild.test;');
row('wildcard for one label only',
    'down: certificate is for "*.wild.test", expected "a.b.wild.test"',
    'wild', 'sni=a.b.wild.test');
row('address in the certificate', 'up', 'ip', '', 'sni=; ');
row('IPv6 address in the certificate', 'up', '[::1] ip', '',
    'sni=; .* host=\[::1\]:') if $v6;
row('address as sni=', 'up', 'ip', 'sni=127.0.0.1', 'sni=; ');
row('IPv6 address as sni=', 'up', 'ip', 'sni=[::1]', 'sni=; ');
row('address not in the certificate',
    'down: certificate is for "app.test", expected "127.0.0.1"', 'app', '');
row('another address', 'down: certificate is for "127.0.0.1", "::1", "ip.test",'
    . ' expected "127.0.0.2"', 'ip', 'sni=127.0.0.2');
row('wrong name', 'down: certificate is for "app.test", expected "web.test"',
    'app', 'host=web.test');
row('subject does not count beside names',
    'down: certificate is for "other.test", expected "app.test"', 'cn',
    'sni=app.test');
row('part of the name', 'down: certificate is for "app.test", expected "test"',
    'app', 'sni=test');

row('strict, right name', 'up', 'strict', 'host=app.test', 'sni=app.test;');
row('strict, wrong name', 'down: tls handshake failed: the server sent the'
    . ' alert "unrecognized name"', 'strict', 'sni=web.test');
row('strict, no name', 'down: tls handshake failed: the server sent the'
    . ' alert "unrecognized name"', 'strict', '');

row('expired', qr/^down: certificate expired: on \d{4}-\d\d-\d\d$/, 'expired',
    'sni=app.test');
row('not yet valid',
    qr/^down: certificate not yet valid: before \d{4}-\d\d-\d\d$/, 'future',
    'sni=app.test');
row('foreign authority', 'down: certificate not trusted: unable to get local'
    . ' issuer certificate, issued by "healthdash test foreign"', 'foreign', 'sni=app.test');
push @rows, [ 'authorities of the system', qr/^down: certificate not trusted: /
            ];
push @conf, service('authorities of the system',
                    'https://127.0.0.1:' . port('app'), 'sni=app.test');

# verify=off: all of that passes, though few days left are worth a warning; the
# name is sent nevertheless

row("verify=off: $_", 'up', $_, 'verify=off sni=app.test', 'sni=app.test;')
    for qw(app foreign cn);
row("verify=off: $_", qr/^degraded: cert_days: /, $_,
    'verify=off sni=app.test', 'sni=app.test;') for qw(expired future);
row('verify=off: wrong name', 'up', 'app', 'verify=off sni=web.test',
    'sni=web.test;');
row('verify=off: strict', qr/^down: tls handshake failed: .*unrecognized name/,
    'strict', 'verify=off');

for my $n (2, 3) {
    row("TLS 1.$n only", 'up', "tls1$n", 'sni=app.test', "proto=TLSv1.$n;");
}

# client certificates; nginx answers 400 to a client that has none

row('client certificate missing', 'down: http status 400', 'mutual',
    'sni=app.test');
row('client certificate', 'up', 'mutual',
    "sni=app.test cert=$client->{cert} key=$client->{key}",
    'client=SUCCESS;');
row('client certificate of a stranger', 'down: http status 400', 'mutual',
    "sni=app.test cert=$stranger->{cert} key=$stranger->{key}");
row('client certificate nobody asks for', 'up', 'app',
    "sni=app.test cert=$client->{cert} key=$client->{key}", 'client=NONE;');

# no session is taken up again: each probe sees the certificate

row('no resumption', 'up', 'tls12', 'sni=app.test', 'reused=\\.;');

# a server that does not end the handshake

my $hang = backend('hang', accept => 'hang');
my $close = backend('close', accept => 'close');
my $reset = backend('reset', accept => 'reset');

row('no answer', 'down: tls handshake timed out after 1s', 'hang',
    'timeout=1s');
row('closed', 'down: connection closed during tls handshake', 'close', '');

# the reset may come before nginx has seen that it is connected

row('reset', qr/^down: connection (?:closed during tls handshake|reset while)/,
    'reset', '');


# Servers that refuse in the handshake: openssl's.  With TLS 1.3 that is after
# ours has ended: a server that closes with our request unread resets the
# connection, and its alert may be lost.

sub s_server {
    my ($name, @arg) = @_;
    my $port = port($name);
    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        HealthDash::Run::in_child();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec 'openssl', 's_server', '-accept', "127.0.0.1:$port", '-www',
             '-cert', $cert{app}{cert}, '-key', $cert{app}{key}, @arg
            or POSIX::_exit(127);
    }

    HealthDash::Run::at_end { kill 'KILL', $pid; waitpid $pid, 0; };

    wait_until(sub { IO::Socket::INET->new("127.0.0.1:$port") }, 5,
               'openssl s_server');
}

sub refusal {
    my ($n, $alert) = @_;
    my $text = "tls handshake failed: the server sent the alert \"$alert\"";

    return $n == 2 ? "down: $text"
                   : qr/^down: (?:$text|connection reset during response)$/;
}

my @strict = ('-Verify', 1, '-verify_return_error', '-CAfile', $ca);

s_server('strict12', '-tls1_2', @strict);
s_server('strict13', '-tls1_3', @strict);
s_server('old', '-tls1_2', '-cipher', 'NULL:@SECLEVEL=0');

row('no common cipher', 'down: tls handshake failed: the server sent the alert'
    . ' "handshake failure"', 'old', 'sni=app.test');

for my $n (2, 3) {
    row("TLS 1.$n, client certificate", 'up', "strict1$n",
        "sni=app.test cert=$client->{cert} key=$client->{key}");
    row("TLS 1.$n, client certificate missing",
        refusal($n, $n == 2 ? 'handshake failure' : 'certificate required'),
        "strict1$n", 'sni=app.test');
    row("TLS 1.$n, client certificate of a stranger",
        refusal($n, 'unknown CA'), "strict1$n",
        "sni=app.test cert=$stranger->{cert} key=$stranger->{key}");
}


# The name of an upstream serves as Host, SNI and name to verify; the type tcp
# has no TLS, so nothing is sent over it.

push @conf, <<"EOF";
upstream app.test {
    server 127.0.0.1:@{[ port('app') ]};
    healthdash_check https probe=sni ca=$ca interval=100ms timeout=20s;
}
healthdash_probe sni { type https; expect body ~ "sni=app.test; .* host=app"; }
EOF

$t->set_conf(join '', 'http {', @conf, status_server(), '}');
$t->start;

judged($t, @rows);

ok(wait_until(sub { hd_json($t)->{upstreams}{'app.test'}{peers}[0]{health}
                    eq 'up' }, 5), 'the name of an upstream is sent');

done_testing();

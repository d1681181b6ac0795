#!/usr/bin/perl

# Tests for the PROXY protocol in front of a probe: a real nginx and a real
# HAProxy take both versions, with and without TLS, and see who asks.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Daemon qw(daemon need);
use HealthDash::Probe qw(service status_server judged);

my $t = HealthDash->new;
my $tls = ($t->run_nginx('-V'))[1] =~ /--with-http_ssl_module/;
my $ca = $tls ? tls_ca()->{cert} : '';
my $cert = $tls ? tls_cert(cn => 'app.test') : {};
my $v6 = has_ipv6();

# servers that want the header; what they have read of it is in the body

my $says = 'from=$proxy_protocol_addr; to=$proxy_protocol_server_addr'
           . ':$proxy_protocol_server_port; peer=$remote_addr;'
           . ' same=$proxy_protocol_port-$remote_port;';
my @plain = '127.0.0.1:' . port('plain');
my @tls = '127.0.0.1:' . port('tls');

push @plain, '[::1]:' . port('plain') if $v6;

my $listen = join '', map { "listen $_ proxy_protocol; " } @plain;
my $secure = $tls ? <<"EOF_SERVER" : '';
server {
    listen 127.0.0.1:@{[ port('tls') ]} ssl proxy_protocol;
    ssl_certificate $cert->{cert};
    ssl_certificate_key $cert->{key};
    location / { return 200 "$says"; }
}
EOF_SERVER

my $dir = tmp_dir();

HealthDash->new(module => 0, http => <<"EOF_SERVER" . $secure)->start;
server {
    $listen
    listen unix:$dir/proxy.sock proxy_protocol;
    location / { return 200 "$says"; }
}
server {
    listen 127.0.0.1:@{[ port('without') ]};
    location / { return 200 ok; }
}
EOF_SERVER

my $behind = backend('behind');

HealthDash::Run::write_file("$dir/haproxy.cfg", <<"EOF_HAPROXY");
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:@{[ port('haproxy') ]} accept-proxy
    http-request set-header X-From %[src]:%[src_port]
    default_backend b
backend b
    server one @{[ $behind->address ]}
EOF_HAPROXY

my $haproxy = daemon('haproxy', argv => [ need('haproxy'), '-db', '-f',
                                          "$dir/haproxy.cfg" ],
                     port => port('haproxy'));

my (@rows, @conf);

sub row {
    my ($name, $want, $url, $parameters, $body) = @_;
    my $probe = 'p' . @rows;
    my ($type) = $url =~ /^(\w+):/;

    push @conf, "healthdash_probe $probe { type $type; expect body ~"
                . " \"$body\"; }\n" if defined $body;
    push @rows, [ $name, $want ];
    push @conf, service($name, $url, $parameters
                        . (defined $body ? " probe=$probe" : ''));
}

my $me = '127\.0\.0\.1';

# version 1 names both ends; version 2 says LOCAL, so the address is nginx's own

row('version 1', 'up', "http://$plain[0]/", 'proxy_protocol=v1',
    "^from=$me; to=$me:" . port('plain') . "; peer=$me; same=(\\\\d+)-\\\\1;");
row('version 2', 'up', "http://$plain[0]/", 'proxy_protocol=v2',
    "^from=; to=:; peer=$me;");
row('version 1, IPv6', 'up', "http://$plain[1]/", 'proxy_protocol=v1',
    '^from=::1; to=::1:' . port('plain')) if $v6;
row("version $_, unix", 'up', "http://unix:$dir/proxy.sock:/",
    "proxy_protocol=v$_", '^from=; to=:;') for 1, 2;

if ($tls) {
    row("version $_, TLS", 'up', "https://$tls[0]/",
        "proxy_protocol=v$_ ca=$ca sni=app.test",
        $_ == 1 ? "^from=$me;" : "^from=; .* peer=$me;") for 1, 2;
    row('TLS, nothing sent', qr/^down: (?:tls|connection)/, "https://$tls[0]/",
        "ca=$ca sni=app.test");
}

row('nothing sent', qr/^down: connection (?:closed|reset)/,
    "http://$plain[0]/", '');
row('off', qr/^down: connection (?:closed|reset)/, "http://$plain[0]/",
    'proxy_protocol=off');
row("HAProxy, version $_", 'up', 'http://127.0.0.1:' . port('haproxy') . "/v$_",
    "proxy_protocol=v$_") for 1, 2;
row('HAProxy, nothing sent', qr/^down: /,
    'http://127.0.0.1:' . port('haproxy') . '/none', '');

# a kept connection has had its header

row('kept', 'up', "http://$plain[0]/", 'proxy_protocol=v1 keepalive=on',
    "^from=$me;");

# a server that knows nothing of it finds no request in the header

row("a server without, version $_", 'down: http status 400',
    'http://127.0.0.1:' . port('without') . '/', "proxy_protocol=v$_") for 1, 2;

push @conf, <<"EOF_CONF";
upstream app {
    server $plain[0];
    healthdash_check proxy_protocol=v1 interval=100ms;
}
EOF_CONF

$t->set_conf(join '', "http {\n", @conf, status_server(), '}');
$t->start;

judged($t, @rows);

ok(wait_until(sub { hd_json($t)->{upstreams}{app}{peers}[0]{health} eq 'up' },
              5), 'a server of an upstream');

my ($one) = $behind->requests(path => '/v1');
my ($two) = $behind->requests(path => '/v2');

like($one->{headers}{'x-from'}, qr/^127\.0\.0\.1:\d+$/, 'HAProxy saw one end');
like($two->{headers}{'x-from'}, qr/^127\.0\.0\.1:\d+$/, 'and takes LOCAL');

# not over UDP

my ($rc, $out) = $t->conf_test(<<'EOF_CONF');
http {
    healthdash_service s dns://127.0.0.1 name=a.test proxy_protocol=v2;
}
EOF_CONF

is($rc, 1, 'refused over UDP');
like($out, qr/\[emerg\].*"proxy_protocol" has no meaning for type "dns"/,
     'in words');

done_testing();

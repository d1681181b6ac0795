#!/usr/bin/perl

# Tests for http=3 with a real nginx that speaks it: what is judged, and the
# reason of each failure.  Debian 12's libcurl has no HTTP/3: "make versions"
# runs this with one that has.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server judged fds rss);
use HealthDash::TLS qw(tls_ca tls_cert);

use IO::Socket::INET ();

my $t = HealthDash->new(workers => 1);

{
    my (undef, $out) = $t->conf_test('http { healthdash_service x'
                                     . " https://127.0.0.1/ http=3; }\n");
    my $built = ($t->run_nginx('-V'))[1];

    plan skip_all => 'this libcurl has no HTTP/3' if $out =~ /needs libcurl/;
    plan skip_all => 'this nginx serves no HTTP/3'
        if $built !~ /--with-http_v3_module/;
}


# The server: nginx itself, on UDP alone.  It does not wait for connections whose
# client is gone without a word, as it would for up to a minute.

my $cert = tls_cert(cn => 'app.test');
my $other = tls_cert(cn => 'other.test');

sub quic {
    my ($name, $with) = @_;

    return "server { listen 127.0.0.1:@{[ port($name) ]} quic;"
           . " ssl_certificate $with->{cert};"
           . " ssl_certificate_key $with->{key};"
           . ' location / { return 200 ok; }'
           . ' location /broken { return 503 "at the end"; }'
           . ' location /agent { return 200 $http_user_agent; } }';
}

my $server = HealthDash->new(name => 'server', module => 0, workers => 1,
    stop_signal => 'TERM', conf => "http {\n" . quic('good', $cert) . quic('other', $other)
            . "}\n")->start;
my $silent = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
                                   LocalPort => port('silent'))
    or die "socket: $!\n";
my $ca = tls_ca()->{cert};

sub quic_service {
    my ($name, $port, $path, $more) = @_;

    return service($name, 'https://127.0.0.1:' . port($port) . $path,
                   "http=3 sni=app.test ca=$ca timeout=2s " . ($more // ''));
}

$t->set_conf('http { healthdash_probe agent { expect body ~ ^healthdash; }'
    . status_server() . quic_service('good', 'good', '/')
    . quic_service('broken', 'good', '/broken')
    . quic_service('agent', 'good', '/agent', 'probe=agent')
    . quic_service('wrong name', 'other', '/')
    . quic_service('unverified', 'other', '/', 'verify=off')
    . quic_service('closed', 'nobody', '/')
    . quic_service('silent', 'silent', '/') . "}\n");
$t->start;

my $list = judged($t, [ 'good', 'up' ], [ 'agent', 'up' ],
    [ 'unverified', 'up' ],
    [ 'broken', 'down: http status 503' ],
    [ 'wrong name', 'down: certificate is for "other.test", expected "app.test"' ],
    [ 'closed', qr/^down: connection refused/ ],
    [ 'silent', qr/^down: .* timed out after 2s/ ]);

is($list->{good}{tls}{version} // 'none', 'TLS 1.3', 'what TLS it is');
ok($list->{good}{tls}{days_left}, 'and how long its certificate lasts');


# nothing is left behind by it

my ($pid) = $t->worker_pids;
my ($fds, $rss) = (fds($pid), rss($pid));
my $checks = sub { hd_json($t)->{services}{broken}{health_checks}{checks} };
my $now = $checks->();

ok(wait_until(sub { $checks->() > $now + 100 }, 60), '100 more probes');
cmp_ok(fds($pid), '<=', $fds + 8, 'no descriptors stay');
cmp_ok(rss($pid), '<', $rss + 4096, 'and no memory');

$server->stop;
ok(wait_until(sub {
    hd_json($t)->{services}{good}{health} eq 'down'
}, 30), 'a server that ends is down');
$server->start;
ok(wait_until(sub {
    hd_json($t)->{services}{good}{health} eq 'up'
}, 30), 'and comes back');

ok($t->reload, 'a reload in the middle');
ok($t->reload, 'and another one');

done_testing();

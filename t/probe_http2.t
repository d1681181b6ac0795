#!/usr/bin/perl

# Tests for http=2 over TLS and by prior knowledge: what is asked, what is
# judged, and the reason of each failure.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Hostile ();
use HealthDash::Probe qw(service status_server judged peak gzip_bomb);

my $t = HealthDash->new;
my $built = ($t->run_nginx('-V'))[1];

if ($built !~ /--with-http_ssl_module/ || $built !~ /--with-http_v2_module/) {
    plan skip_all => 'nginx without TLS or HTTP/2';
}

my $ca = tls_ca()->{cert};
my $cert = tls_cert(cn => 'app.test');
my $expired = tls_cert(cn => 'app.test', expired => 1);
my $client = tls_cert(cn => 'probe.test');
my $dir = tmp_dir();


# One nginx says what came, over both kinds of connections.

my $facts = join ' ', map { "$_=\$$_;" }
    qw(server_protocol request_method request_uri http_host ssl_server_name
       http_authorization http_user_agent http_accept http_x_one http_x_empty
       content_type content_length ssl_client_verify);

my $large = 'x' x 4000;

my $locations = <<"EOF";
location / { return 200 "$facts"; }
location /busy { return 503 "busy\\n"; }
location /moved { return 302 /; }
location /json { default_type application/json; add_header X-Kind "a b";
                 return 200 '{"state":"ok"}'; }
location /none { return 204; }
location /post { proxy_pass http://127.0.0.1:@{[ port('echo') ]}; }
location /large { return 200 "$large"; }
location /file { root $dir; }
location /bomb { root $dir; add_header Content-Encoding gzip; }
EOF

my @servers;

sub server {
    my ($where, $pair, $more) = @_;

    $pair &&= "ssl_certificate $pair->{cert};"
              . " ssl_certificate_key $pair->{key};";
    $_ //= '' for $pair, $more;

    push @servers, "server { listen $where; $pair $more $locations }\n";
}

server('127.0.0.1:' . port('plain') . ' http2');
server("unix:$dir/h2.sock http2");
server('127.0.0.1:' . port('tls') . ' ssl http2', $cert);
server('127.0.0.1:' . port('expired') . ' ssl http2', $expired);
server('127.0.0.1:' . port('mutual') . ' ssl http2', $cert,
       "ssl_client_certificate $ca; ssl_verify_client on;");
server('127.0.0.1:' . port('tls12') . ' ssl http2', $cert,
       'ssl_protocols TLSv1.2;');
server('127.0.0.1:' . port('one'));
server('127.0.0.1:' . port('tls-one') . ' ssl', $cert);

HealthDash::Run::write_file("$dir/file", 'x' x 150000 . 'end');
HealthDash::Run::write_file("$dir/bomb", gzip_bomb(10 << 20));
chmod 0644, "$dir/file", "$dir/bomb";

my $echo = backend('echo', body => 'echoed');
my $web = HealthDash->new(module => 0, http => join '', @servers);

$web->start;


# probes

my (@rows, @conf);

sub row {
    my ($name, $want, $url, $parameters, $lines) = @_;
    my $probe = 'p' . @rows;
    my $type = $url =~ /^(\w+):/ ? $1 : die;

    $url =~ s{//([a-z][\w-]*)/}{'//127.0.0.1:' . port($1) . '/'}e;

    push @conf, "healthdash_probe $probe { type $type; http 2; "
                . ($lines // '') . " }\n";
    push @rows, [ $name, $want ];
    push @conf, service($name, $url, ($parameters // '') . " probe=$probe");
}

sub body { return "expect body ~ \"$_[0]\";"; }

row('prior knowledge', 'up', 'http://plain/', '',
    body('server_protocol=HTTP/2.0; request_method=GET; request_uri=/;'
         . ' http_host=127.0.0.1:\\\\d+; .* http_accept=\\\\*/\\\\*;'));
row('uri as it is', 'up', 'http://plain/a/../b?c=d&e', '',
    body('request_uri=/a/../b\\\\?c=d&e;'));
row('host', 'up', 'http://plain/', 'host=shop.test', body('host=shop.test;'));
row('user agent of ours', 'up', 'http://plain/', '',
    body('http_user_agent=healthdash/[0-9.]+;'));
row('user agent', 'up', 'http://plain/', '',
    'user_agent "my probe/1"; ' . body('http_user_agent=my probe/1;'));
row('user and password', 'up', 'http://plain/', 'user=u password=p',
    body('http_authorization=Basic dTpw;'));
row('header lines', 'up', 'http://plain/', '',
    'header X-One "a: b"; header X-Empty ""; '
    . body('http_x_one=a: b; http_x_empty=;'));
row('a gzip bomb', qr/^down: body: expected ~ "z", got "[^z"]+"/,
    'http://plain/bomb', '', body('z') . ' expect header Content-Encoding = '
                                       . 'gzip;');
row('a gzip bomb over TLS', qr/^down: body: expected ~ "z", got "[^z"]+"/,
    'https://tls/bomb', 'verify=off', body('z'));
row('method', 'up', 'http://plain/', 'method=OPTIONS',
    body('request_method=OPTIONS;'));
row('HEAD', 'up', 'http://plain/json', 'method=HEAD',
    'expect header X-Kind = "a b";');
row('body', 'up', 'http://plain/post', 'method=POST',
    'body "one two"; expect body = echoed;');
row('body of nothing', 'up', 'http://plain/', 'method=PUT',
    body('content_type=; content_length=0;'));
row('unix socket', 'up', "http://unix:$dir/h2.sock:/x", '',
    body('request_uri=/x; http_host=localhost;'));

row('status 503', 'down: http status 503', 'http://plain/busy');
row('redirects are not followed', 'down: http status 302, expected 200',
    'http://plain/moved', '', 'expect status 200;');
row('status without a body', 'up', 'http://plain/none', '',
    'expect status 204;');
row('header', 'down: header X-Kind: expected "c", got "a b"',
    'http://plain/json', '', 'expect header X-Kind = c;');
row('json', 'up', 'http://plain/json', '', 'expect json .state = "ok";');
row('a body of many frames', 'up', 'http://plain/file', 'body_limit=200k',
    body('^x+end$'));
row('body_limit', 'up', 'http://plain/large', 'body_limit=1000',
    body('^x{1000}$'));

row('tls', 'up', 'https://tls/', "host=app.test ca=$ca",
    body('server_protocol=HTTP/2.0; .* http_host=app.test;'
         . ' ssl_server_name=app.test;'));
row('tls, sni beside host', 'up', 'https://tls/',
    "sni=app.test host=web.test ca=$ca",
    body('http_host=web.test; ssl_server_name=app.test;'));
row('tls 1.2', 'up', 'https://tls12/', "host=app.test ca=$ca");
row('verify=off', 'up', 'https://tls/', 'verify=off host=web.test',
    body('ssl_server_name=web.test;'));
row('verify=off, an address', 'up', 'https://tls/', 'verify=off',
    body('ssl_server_name=;'));
row('expired', qr/^down: certificate expired: on \d{4}-\d\d-\d\d$/,
    'https://expired/', "host=app.test ca=$ca");
row('another name', 'down: certificate is for "app.test", expected "web.test"',
    'https://tls/', "host=web.test ca=$ca");
row('authorities of the system', qr/^down: certificate not trusted: /,
    'https://tls/', 'host=app.test');
row('a stranger is asked nothing', qr/^down: certificate is for "app.test"/,
    'https://tls/post/secret', "host=web.test ca=$ca user=u password=p");
row('client certificate', 'up', 'https://mutual/',
    "host=app.test ca=$ca cert=$client->{cert} key=$client->{key}",
    body('ssl_client_verify=SUCCESS;'));
row('client certificate missing', 'down: http status 400', 'https://mutual/',
    "host=app.test ca=$ca");
row('version of TLS', qr/^down: tls version too old/, 'https://tls12/',
    "host=app.test ca=$ca min_tls=1.3");
row('days of the certificate', qr/^down: cert_days: expected > 400, got \d+ /,
    'https://tls/', "host=app.test ca=$ca", 'expect cert_days > 400;');

row('a server of HTTP/1.1', 'down: invalid response: the server does not speak'
    . ' HTTP/2, got "HTTP/1.1 400 Bad Request"', 'http://one/');
row('TLS without HTTP/2', 'down: invalid response: the server does not offer'
    . ' HTTP/2', 'https://tls-one/', "host=app.test ca=$ca");
row('TLS where there is none', 'down: tls handshake failed: the server does'
    . ' not speak TLS', 'https://plain/', 'verify=off');
row('no server', 'down: connection refused', 'http://nobody/');
row('no socket', 'down: unix socket does not exist',
    "http://unix:$dir/none.sock:/");


# frames: a good answer is taken apart, and what nginx never sends

sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}

my $settings = frame(4, 0, 0, '');
my $ack = frame(4, 1, 0, '');
my $header = frame(1, 4, 1, "\x88");               # :status 200
my $good = $settings . $ack . $header . frame(0, 1, 1, 'ok');

my $rst = sub { frame(3, 0, 1, pack 'N', $_[0]) };
my $lost = qr/^down:\ (?:connection\ (?:closed\ without|reset\ during)\ response
               |response\ (?:cut\ short|failed)|invalid\ response)/x;

my @hostile = (
    [ 'good frames', 'up', $good ],
    [ 'endless body', 'up', $settings . $ack . $header
      . frame(0, 0, 1, 'ok') . frame(0, 0, 1, 'x' x 10000) x 20 ],
    [ 'endless header', 'down: response header too large: more than 32768'
      . ' bytes', $settings . $ack . frame(1, 4, 1, "\x88\x40\1a\x7f\x81\1"
      . 'x' x 256 . "\xbe" x 200) ],
    [ 'stream refused', $lost,
      $settings . $ack . $rst->(7) ],
    [ 'stream broken', qr/^down: response failed: .*INTERNAL_ERROR/,
      $settings . $ack . $header . $rst->(2) ],
    [ 'going away', $lost, $settings . $ack . frame(7, 0, 0, pack 'NN', 0, 0) ],
    [ 'broken header', $lost,
      $settings . $ack . frame(1, 5, 1, "\xff\xff\xff\xff\xff\xff\xff") ],
    [ 'unknown frames, then silence', 'down: response timed out after 2s',
      $settings . $ack . frame(0xbb, 0, 0, 'x' x 100) x 50 ],
    [ 'header, then silence', 'down: response timed out after 2s',
      $settings . $ack . $header ],
    [ 'TLS on the port', 'down: invalid response: the server speaks TLS',
      "\x15\3\3\0\2\2\x46", [ 24, '' ] ],
    [ 'garbage', 'down: invalid response: the server does not speak HTTP/2,'
      . ' got "220 mail.test ESMTP"', "220 mail.test ESMTP\r\n" ],
);

my @peers = (
    (map { { name => $_->[0], want => $_->[1], how => 'good',
             talk => [ [ 24, $_->[2] ], $_->[3] // () ] } } @hostile),
    (map { { name => "cut after $_ bytes", want => $lost, how => 'cut',
             talk => [ [ 24, $good ] ], at => $_ } } 1 .. length($good) - 1),
    { name => 'flood', want => qr/^down: response (?:timed out|failed)/,
      how => 'flood', text => $settings . frame(0xbb, 0, 0, 'x' x 1000) },
    { name => 'silence', want => 'down: response timed out after 2s',
      how => 'silent' },
    { name => 'closed', how => 'close', want =>
      qr/^down: connection (?:closed without|reset during) response$/ },
    { name => 'reset', how => 'reset', want =>
      qr/^down: connection reset (?:during response|while connecting)$/ },
);

HealthDash::Hostile->new(@peers);

row($_->{name}, $_->{want}, "http://$_->{address}/",
    'timeout=2s interval=1s body_limit=1k', 'expect body ~ ^ok;') for @peers;


# The name of an upstream is sent, and its servers are judged each for itself.

push @conf, <<"EOF";
upstream app.test {
    server 127.0.0.1:@{[ port('tls') ]};
    server 127.0.0.1:@{[ port('expired') ]};
    healthdash_check https http=2 ca=$ca interval=100ms timeout=20s;
}
EOF

$t->set_conf(join '', 'http {', @conf, status_server(), '}');
$t->start;

my $seen = judged($t, @rows);

is_deeply([ map { $_->{health} }
            @{ hd_json($t)->{upstreams}{'app.test'}{peers} } ],
          [ 'up', 'down' ], 'servers of an upstream');

my ($post) = $echo->requests(path => '/post');

is($post->{body}, 'one two', 'the body came');
is($post->{headers}{'content-type'}, 'text/plain; charset=utf-8',
   'with the type that others send');

is($echo->count(path => '/post/secret'), 0,
   'no request reaches a server that is not trusted');

is($seen->{tls}{tls}{issuer}, 'healthdash test ca', 'facts of TLS');
ok(@{ $seen->{'verify=off'}{tls}{problems} },
   'what is wrong with a certificate is known with verify=off');

my $phases = $seen->{tls}{phases};

ok($phases->{connect} <= $phases->{tls}
   && $phases->{tls} <= $phases->{first_byte}
   && $phases->{first_byte} <= $phases->{total}, 'phases');

SKIP: {
    skip 'sanitizers keep what is freed', 1 if slow() > 1;
    cmp_ok(peak(($t->worker_pids)[0]), '<', 64 * 1024,
           'memory never went up far');
}


# http=3: a libcurl without it says so

if (`curl --version` !~ /HTTP3/) {
    my ($rc, $out) = $t->conf_test('http { healthdash_service a'
                                   . ' https://127.0.0.1/ http=3; }');

    ok($rc, 'http=3 is refused');
    like($out, qr/needs libcurl with HTTP\/3, which libcurl [\d.]+ here lacks/,
         'with the reason');
}

done_testing();

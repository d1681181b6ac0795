#!/usr/bin/perl

# Tests for HTTP probes: what is asked, how answers end, and what they are
# judged by (A43, A45, A48).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server judged);

my $b = backend('b1');
my $foreign = backend('foreign');
my $socket = tmp_dir() . '/b1.sock';
my $unix = backend('unix', unix => $socket);
my $v6 = has_ipv6() ? backend('v6', addr => '::1') : undef;

# the default port belongs to an address that no other test uses

my $low_ip = sprintf '127.80.%d.%d', $$ >> 8 & 255, $$ & 255 || 1;
my $low = eval { backend('low', addr => $low_ip, port => 80) };

my (@rows, @conf);


# row(NAME, VERDICT, BEHAVIOUR or undef, PARAMETERS): a service at a path of
# its own

sub row {
    my ($name, $want, $how, $parameters) = @_;
    my $path = '/' . @rows;

    $b->set($path, %$how) if $how;
    push @rows, [ $name, $want ];
    push @conf, service($name, 'http://' . $b->address . $path, $parameters);

    return $path;
}

# the same with conditions

sub conds {
    my ($name, $want, $how, @lines) = @_;
    my $probe = 'p' . @rows;

    push @conf, "healthdash_probe $probe { type http; "
                . join(' ', map { "$_;" } @lines) . " }\n";
    return row($name, $want, $how, "probe=$probe");
}


# status

row("status $_ by default", 'up', { status => $_ })
    for 200, 201, 204, 206, 299, 301, 304, 399;
row("status $_ by default", "down: http status $_", { status => $_ })
    for 400, 404, 500, 503, 599;

conds("status $_ of a list", 'up', { status => $_ },
      'expect status 200-204 404') for 200, 204, 404;
conds("status $_ of no list", "down: http status $_, expected 200-204 404",
      { status => $_ }, 'expect status 200-204 404') for 205, 403, 503;
conds('not this status', 'down: http status 200, expected != 200',
      { status => 200 }, 'expect status != 200');

# other conditions

my $json = { headers => { 'Content-Type' => 'application/json',
                          'X-Two' => 'a' }, body => '{"status":"UP"}' };

conds('header found', 'up', $json, 'expect header content-type ~* JSON');
conds('header not found',
      'down: header Content-Type: expected "text/html",'
      . ' got "application/json"',
      $json, 'expect header Content-Type = text/html');
conds('header absent', qr/^down: header X-None: expected ~ "x"/, $json,
      'expect header X-None ~ x');
conds('body found', 'up', $json, 'expect body ~ UP');
conds('body not found', qr/^down: body: expected ~ "DOWN"/, $json,
      'expect body ~ DOWN');
conds('body in chunks', 'up', { %$json, chunked => 1 },
      'expect body = "{\"status\":\"UP\"}"');
conds('body until close', 'up', { %$json, length => 0 },
      'expect body = "{\"status\":\"UP\"}"');
conds('warning', 'degraded: header X-Two: expected "b", got "a"', $json,
      'warn header X-Two = b');
conds('warning and failure', qr/^down: body: expected/, $json,
      'warn header X-Two = b', 'expect body ~ DOWN');
conds('time', 'up', undef, 'expect time < 20s');
conds('time over', qr/^down: time: expected < 1ms, got \d+\.\d{3}ms$/,
      { delay => 0.01 }, 'expect time < 1ms');

row('slow', qr/^degraded: slow: \d+\.\d{3}ms, more than 10ms$/,
    { delay => 0.05 }, 'slow=10ms');
row('not slow', 'up', undef, 'slow=15s');

# the end of an answer

row('content-length', 'up', { body => 'x' x 5000 });
row('no body at all', 'up', { body => '' });
row('close', 'up', { length => 0, body => 'x' x 5000 });
row('chunks', 'up', { chunked => 7, body => 'x' x 5000 });
row('header and body apart', 'up', { body_delay => 0.05 });

my $chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
             . "3;name=value\r\nabc\r\n2 ; a=\"b\"\r\nde\r\n"
             . "0;last\r\nX-Trailer: 1\r\nX-More: 2\r\n\r\n";

conds('extensions and trailers', 'up', { raw => $chunks },
      'expect body = abcde');
conds('length and chunks', 'up',
      { raw => "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
               . "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n" },
      'expect body = abcde');
conds('same length twice', 'up',
      { raw => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
               . "content-length: 5\r\n\r\nabcde" }, 'expect body = abcde');
conds('more than the length', 'up',
      { raw => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcdefgh" },
      'expect body = abcde');
conds('HTTP/1.0', 'up', { raw => "HTTP/1.0 200 OK\r\n\r\nabcde" },
      'expect body = abcde');
conds('lines without CR', 'up',
      { raw => "HTTP/1.1 200 OK\nContent-Length: 5\n\nabcde" },
      'expect body = abcde');
row('no words for the status', 'up',
    { raw => "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n" });

row('204 with a length', 'up',
    { raw => "HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\n" });
row('304 with a length', 'up',
    { raw => "HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n" });
row('HEAD with a length', 'up', { body => 'x' x 100 }, 'method=HEAD');

row('one interim answer', 'up',
    { prefix => "HTTP/1.1 100 Continue\r\n\r\n" });
row('several interim answers', 'up',
    { prefix => "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
                . "Link: </x>\r\nContent-Length: 7\r\n\r\n" });
row('interim and failure', 'down: http status 503',
    { status => 503, prefix => "HTTP/1.1 100 Continue\r\n\r\n" });
conds('interim headers do not count', qr/^down: header X-Early: expected/,
      { prefix => "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n" },
      'expect header X-Early = yes');
row('another protocol', 'down: http status 101',
    { raw => "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" });

# redirects

my $away = $foreign->address;

row('redirect', 'up', { status => 302,
    headers => { Location => "http://$away/x" } });
conds('redirect that is not wanted',
      'down: http status 302, expected 200',
      { status => 302, headers => { Location => "http://$away/x" } },
      'expect status 200');

# what is asked: NAME => [ request line, header => value or undef, ... ]

my %asked;

my $agent = qr{^healthdash/\d+\.\d+\.\d+$};
my $host = '127.0.0.1:' . $b->port_number;

$asked{row('plain', 'up')}
    = [ 'GET', host => $host, 'user-agent' => $agent, accept => '*/*',
        connection => 'close', authorization => undef,
        'content-length' => undef ];
$asked{row('HEAD', 'up', undef, 'method=HEAD')}
    = [ 'HEAD', host => $host ];
$asked{row('POST', 'up', undef, 'method=POST')}
    = [ 'POST', 'content-length' => 0 ];
$asked{row('OPTIONS', 'up', undef, 'method=OPTIONS')}
    = [ 'OPTIONS', 'content-length' => undef ];
$asked{row('user', 'up', undef, 'user=Aladdin "password=open sesame"')}
    = [ 'GET', authorization => 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==' ];
$asked{row('user alone', 'up', undef, 'user=Aladdin')}
    = [ 'GET', authorization => 'Basic QWxhZGRpbjo=' ];
$asked{row('host', 'up', undef, 'host=www.example.com:81')}
    = [ 'GET', host => 'www.example.com:81' ];
$asked{row('kept', 'up', undef, 'keepalive=on')}
    = [ 'GET', connection => 'keep-alive' ];

push @conf, service('query', 'http://' . $b->address . '/q/%20?a=b&c=%3f');
push @rows, [ 'query', 'up' ];

push @conf, service('unix', "http://unix:$socket:/unix");
push @rows, [ 'unix', 'up' ];

push @conf, service('unix host', "http://unix:$socket:/host", 'host=a.test');
push @rows, [ 'unix host', 'up' ];

if ($v6) {
    push @conf, service('v6', 'http://' . $v6->address . '/v6');
    push @rows, [ 'v6', 'up' ];
}

if ($low) {
    push @conf, service('default port', "http://$low_ip/low");
    push @conf, service('default port written', "http://$low_ip:80/written");
    push @rows, [ 'default port', 'up' ], [ 'default port written', 'up' ];
}

# servers of an upstream are asked by its name

my $every = 'interval=100ms timeout=20s fails=1';
my $v6_server = $v6 ? 'server ' . $v6->address . ';' : '';

push @conf, <<"EOF";
upstream app {
    server %%ADDR_b1%%;
    server unix:$socket;
    $v6_server
    healthdash_check http uri=/app $every;
    healthdash_check http uri=/over host=other.test method=HEAD $every;
}
EOF

my $t = HealthDash->new(http => join('', @conf, status_server()))->start;

judged($t, @rows);


# what they were asked

for my $path (sort keys %asked) {
    my ($method, %want) = @{ $asked{$path} };
    my ($r) = $b->requests(path => $path);
    my $name = $rows[substr $path, 1][0];

    is("$r->{method} $r->{uri} $r->{proto}", "$method $path HTTP/1.1",
       "$name: the request line");

    for my $key (sort keys %want) {
        my ($got, $value) = ($r->{headers}{$key}, $want{$key});

        ref $value ? like($got, $value, "$name: $key")
                   : is($got, $value, "$name: $key");
    }
}

sub asked {
    my ($backend, $path) = @_;
    my %seen;

    wait_until(sub { $backend->count(path => $path) }, 10, $path);
    $seen{"$_->{method} $_->{host}"} = 1
        for $backend->requests(path => $path);

    return join ' ', sort keys %seen;
}

ok(scalar(grep { $_->{uri} eq '/q/%20?a=b&c=%3f' }
          $b->requests(path => '/q/%20')), 'the URI is asked as written');

is(asked($unix, '/unix'), 'GET localhost', 'Host of a unix socket');
is(asked($unix, '/host'), 'GET a.test', 'and an own one');

for ($b, $unix, $v6 // ()) {
    is(asked($_, '/app'), 'GET app', $_->name . ': Host of an upstream');
    is(asked($_, '/over'), 'HEAD other.test', $_->name . ': or of the check');
}

SKIP: {
    skip 'no IPv6', 1 if !$v6;
    is(asked($v6, '/v6'), 'GET [::1]:' . $v6->port_number,
       'Host of an IPv6 address');
}

SKIP: {
    skip 'port 80 cannot be used', 2 if !$low;
    is(asked($low, '/low'), "GET $low_ip", 'Host with the default port');
    is(asked($low, '/written'), "GET $low_ip", 'also when it is written');
}

is($foreign->connections, 0, 'no redirect was followed');

done_testing();

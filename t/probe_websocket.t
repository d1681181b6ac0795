#!/usr/bin/perl

# Tests for probes of WebSocket: a real server, with TLS too, that is frozen and
# stopped; and answers to an upgrade that accept nothing.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Daemon qw(daemon);
use HealthDash::Probe qw(service status_server judged verdict);

# Debian's own, which has the module; another may come first in PATH

my $python = '/usr/bin/python3';

-x $python or die "$python is not installed: run \"make test-deps\"\n";

my $cert = tls_cert(cn => 'ws.test');
my $ca = tls_ca();

# /chat is upgraded, with Basic authentication below /private

my $script = <<'EOF_PYTHON';
import asyncio, base64, http, ssl, sys
import websockets

async def talk(ws, path=None):
    async for message in ws:
        await ws.send(message)

async def ask(path, headers):
    if path.startswith('/plain'):
        return http.HTTPStatus.OK, [], b'no upgrade here\n'
    if path.startswith('/private'):
        want = 'Basic ' + base64.b64encode(b'probe:secret').decode()
        if headers.get('Authorization') != want:
            return http.HTTPStatus.UNAUTHORIZED, [], b''

async def main():
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[2], sys.argv[3])
    async with websockets.serve(talk, '127.0.0.1', int(sys.argv[1]), ssl=tls,
                                process_request=ask):
        await asyncio.Future()

asyncio.run(main())
EOF_PYTHON

my $file = tmp_dir() . '/websocket.py';

open my $fh, '>', $file or die "cannot write $file: $!\n";
print $fh $script;
close $fh;

my $good = daemon('good', port => port('good'),
                  argv => [ $python, $file, port('good') ]);
my $tls = daemon('tls', port => port('tls'),
                 argv => [ $python, $file, port('tls'), $cert->{cert},
                           $cert->{key} ]);
my $gone = daemon('gone', port => port('gone'),
                  argv => [ $python, $file, port('gone') ])->stop;

my $bad = backend('bad');
my $head = "HTTP/1.1 101 Switching Protocols\r\n";
my $upgrade = "Upgrade: websocket\r\n";
my $connection = "Connection: Upgrade\r\n";
my $accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

my %answer = (
    other_accept => $head . $upgrade . $connection . $accept,
    two_accepts => $head . $upgrade . $connection . $accept . $accept,
    no_accept => $head . $upgrade . $connection,
    no_upgrade => $head . $connection . $accept,
    other_upgrade => "${head}Upgrade: h2c\r\n$connection$accept",
    no_connection => $head . $upgrade . $accept,
    other_connection => "$head${upgrade}Connection: close\r\n$accept",
);

$bad->set("/$_", raw => "$answer{$_}\r\n") for keys %answer;
$bad->set('/cut', raw => "$head$upgrade$connection\r\n",
          cut => length "$head$upgrade");
$bad->set('/old', status => 426, headers => { 'Sec-WebSocket-Version' => 8 });
$bad->set('/hang', hang => 1);
$bad->set('/garbage', raw => "SSH-2.0-OpenSSH_9.2\r\n");
$bad->set('/close', close => 1);

my $invalid = 'down: invalid response: header';

# name, URL, parameters, what is said of it

my ($ws, $wss, $wrong) = map { '127.0.0.1:' . port($_) } qw(good tls bad);

my @rows = (
    [ 'good', "websocket://$ws/chat", '', 'up' ],
    [ 'user', "websocket://$ws/private", 'user=probe password=secret', 'up' ],
    [ 'no user', "websocket://$ws/private", '',
      'down: http status 401, expected 101' ],
    [ 'plain', "websocket://$ws/plain", '',
      'down: http status 200, expected 101' ],
    [ 'expected', "websocket://$ws/plain", 'probe=ok', 'up' ],
    [ 'header', "websocket://$ws/chat", 'probe=server', 'up' ],
    [ 'other header', "websocket://$ws/chat", 'probe=other',
      qr/^down: header Server: expected ~ "nginx", got "Python/ ],
    [ 'tls', "websockets://$wss/chat", "sni=ws.test ca=$ca->{cert}", 'up' ],
    [ 'untrusted', "websockets://$wss/chat", 'sni=ws.test',
      qr/^down: certificate not trusted/ ],
    [ 'tls is asked for', "websocket://$wss/chat", '',
      qr/^down: (?:invalid response: the server speaks TLS|connection )/ ],
    [ 'gone', 'websocket://127.0.0.1:' . port('gone'), '',
      'down: connection refused' ],
    [ 'other_accept', "websocket://$wrong/other_accept", '',
      "$invalid Sec-WebSocket-Accept: expected the proof for our key, got "
      . '"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="' ],
    [ 'two_accepts', "websocket://$wrong/two_accepts", '',
      qr/^$invalid Sec-WebSocket-Accept/ ],
    [ 'no_accept', "websocket://$wrong/no_accept", '',
      "$invalid Sec-WebSocket-Accept: expected the proof for our key, got no "
      . 'such header' ],
    [ 'no_upgrade', "websocket://$wrong/no_upgrade", '',
      "$invalid Upgrade: expected \"websocket\", got no such header" ],
    [ 'other_upgrade', "websocket://$wrong/other_upgrade", '',
      "$invalid Upgrade: expected \"websocket\", got \"h2c\"" ],
    [ 'no_connection', "websocket://$wrong/no_connection", '',
      "$invalid Connection: expected \"upgrade\", got no such header" ],
    [ 'other_connection', "websocket://$wrong/other_connection", '',
      "$invalid Connection: expected \"upgrade\", got \"close\"" ],
    [ 'cut', "websocket://$wrong/cut", '',
      'down: response cut short: within the header' ],
    [ 'old', "websocket://$wrong/old", '',
      'down: http status 426, expected 101' ],
    [ 'garbage', "websocket://$wrong/garbage", '',
      'down: invalid response: not an HTTP response, got '
      . '"SSH-2.0-OpenSSH_9.2"' ],
    [ 'close', "websocket://$wrong/close", '',
      'down: connection closed without response' ],
    [ 'hang', "websocket://$wrong/hang", 'timeout=300ms',
      'down: response timed out after 300ms' ],
);

my $conf = <<'EOF_CONF';
healthdash_probe ok { expect status 200; }
healthdash_probe server { expect header Server ~ Python; }
healthdash_probe other { expect header Server ~ nginx; }
EOF_CONF

$conf .= service(@$_[0 .. 2]) for @rows;
$conf .= service('short', "websocket://$ws/chat", 'timeout=500ms');
$conf .= <<"EOF_CONF";
upstream chat {
    server $ws;
    server $wrong;
    healthdash_check websocket uri=/chat interval=100ms timeout=20s fails=1
                     passes=1;
}
EOF_CONF

my $t = HealthDash->new(http => $conf . status_server())->start;

judged($t, map { [ @$_[0, 3] ] } @rows);

ok(wait_until(sub {
    hd_peer($t, 'chat', $ws)->{health} eq 'up'
    && hd_peer($t, 'chat', $wrong)->{health} eq 'down'
}, 10), 'servers of an upstream, too');


# What is asked

my ($request, $next) = $bad->requests(path => '/no_accept');
my $h = $request->{headers};

is($request->{method}, 'GET', 'a GET');
is($h->{upgrade}, 'websocket', 'Upgrade');
is($h->{connection}, 'Upgrade', 'Connection');
is($h->{'sec-websocket-version'}, 13, 'Sec-WebSocket-Version');
like($h->{'sec-websocket-key'}, qr{^[A-Za-z0-9+/]{22}==$},
     'Sec-WebSocket-Key: 16 bytes in base64');
isnt($h->{'sec-websocket-key'}, $next->{headers}{'sec-websocket-key'},
     'each time others');


# Frozen and stopped

sub says {
    my ($name, $want) = @_;
    my $got = '';

    wait_until(sub {
        $got = verdict(hd_json($t)->{services}{$name});
        return $got eq $want;
    }, 15);

    is($got, $want, $name);
}

$good->freeze;
says('short', 'down: response timed out after 500ms');

$good->thaw;
says('short', 'up');

$good->stop;
says('good', 'down: connection refused');

$good->start;
says('good', 'up');


# What is refused

for ([ 'method=POST', 'has a method other than GET' ]) {
    my ($rc, $out) = $t->conf_test("http {\n" . service('a',
                                   "websocket://$ws/", $_->[0]) . "\n}\n");

    isnt($rc, 0, "$_->[0] is refused");
    like($out, qr/the probe of type "websocket" \Q$_->[1]\E/, 'with a reason');
}

done_testing();

#!/usr/bin/perl

# Tests for answers that are broken or hostile: each gives a precise reason, in
# time, and takes a bounded amount of memory (A44).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server judged rss peak fds
                         gzip_bomb);

my $b = backend('b1');
my (@rows, @conf);

sub row {
    my ($name, $want, $raw, $parameters, %how) = @_;
    my $path = '/' . @rows;

    $b->set($path, (defined $raw ? (raw => $raw) : ()), %how);
    push @rows, [ $name, $want ];
    push @conf, service($name, 'http://' . $b->address . $path, $parameters);
}

sub answer { return "HTTP/1.1 200 OK\r\n" . join "\r\n", @_; }

my $no_http = 'down: invalid response: not an HTTP response, got';


# not HTTP at all

row('binary', "$no_http \"" . '?' x 3 . 'x"', "\x01\x02\x7fx\r\n");
row('not UTF-8', "$no_http \"? ? ab\"", "\xff \xc0 ab\r\n");
row('HTTP/0.9', "$no_http \"<html>old</html>\"", '<html>old</html>');
row('nothing but line ends', "$no_http \"\"", "\r\n\r\n\r\n");
row('another protocol', "$no_http \"SSH-2.0-OpenSSH_9.2\"",
    "SSH-2.0-OpenSSH_9.2\r\n");
row('a long line is cut', "$no_http \"" . 'x' x 64 . '"', 'x' x 1000);
row('hostile words', "$no_http \"<b>\"'&?[31m\"", "<b>\"'&\e[31m\n");
row('NUL at the start', "$no_http \"?HTTP/1.1 200 OK\"",
    "\0HTTP/1.1 200 OK\r\n\r\n");
row('shoutcast', "$no_http \"ICY 200 OK\"", "ICY 200 OK\r\n\r\n");

# status

row("status $_", "$no_http \"HTTP/1.1 $_ OK\"", "HTTP/1.1 $_ OK\r\n\r\n")
    for '2000', '99999999999999999999', '20', '2x0', '-200', '099', '000';
row('status 999', 'down: http status 999', "HTTP/1.1 999 Huge\r\n\r\n");
row('no status', "$no_http \"HTTP/1.1\"", "HTTP/1.1\r\n\r\n");
row('a huge version', qr/^down: (?:\Q$no_http\E|invalid response: not an HTTP)/,
    "HTTP/99999999999.1 200 OK\r\n\r\n");

# header

row('NUL in the name of a field', 'down: invalid response: malformed header'
    . ' field', answer("X-\0A: b", '', ''));
row('NUL in a value', 'down: invalid response: malformed header field',
    answer("X-A: b\0c", '', ''));
row('a field without colon', qr/^(?:up|down: invalid response: malformed)/,
    answer('nothing', '', ''));
row('conflicting lengths', 'down: invalid response: two different'
    . ' Content-Length', answer('Content-Length: 5', 'Content-Length: 6', '',
                                'abcdef'));
row("length \"$_\"", 'down: invalid response: malformed Content-Length',
    answer("Content-Length: $_", '', 'abcde'))
    for '-5', '', '5, 5', '0x5', '5x', '99999999999999999999999', '+5';
row("encoding \"$_\"", 'down: invalid response: unknown Transfer-Encoding',
    answer("Transfer-Encoding: $_", '', 'abcde'))
    for 'gzip', 'gzip, chunked', 'identity', 'chunkedx';
row('chunked twice', 'down: invalid response: unknown Transfer-Encoding',
    answer('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', '', '0',
           '', ''));

my $too_large = 'down: response header too large: more than 32768 bytes';

row('a large header', 'up', answer('X-A: ' . 'b' x 32_000, '', ''));
row('a header that is too large', $too_large,
    answer('X-A: ' . 'b' x 33_000, '', ''));
row('endless header', $too_large, answer("X-A: b\r\n" x 200_000));
row('endless field', $too_large, answer('X-A: ' . 'b' x 1_000_000));
row('endless name', $too_large, answer('b' x 1_000_000));
row('endless reason of a status', $too_large,
    'HTTP/1.1 200 ' . 'O' x 1_000_000);
row('many fields', 'down: response header too large: more than 256 fields',
    answer("A: b\r\n" x 300 . "\r\n"), 'probe=header');
row('endless interim answers',
    'down: invalid response: endless interim responses',
    "HTTP/1.1 100 Continue\r\n\r\n" x 10_000);

# body

my $chunked = 'Transfer-Encoding: chunked';

row("chunk size \"$_\"", 'down: invalid response: malformed chunk',
    answer($chunked, '', "$_\r\n", 'abcde'))
    for 'x', '-1', 'fffffffffffffffff', '7fffffffffffffff1', '';
row('a chunk without its end', 'down: invalid response: malformed chunk',
    answer($chunked, '', '3', 'abcdef', '0', '', ''));
row('endless chunk extension',
    'down: invalid response: endless chunk framing',
    answer($chunked, '', '1;' . 'x' x 1_000_000));
row('endless trailer', 'down: invalid response: endless chunk framing',
    answer($chunked, '', '0', "X-A: b\r\n" x 200_000));

row('endless body', 'up', answer('', 'x' x 2_000_000));
row('endless body that is kept', qr/^down: body: expected ~ "z", got "x/,
    answer('', 'x' x 2_000_000), 'probe=body');
row('more is read when it is allowed', 'up',
    answer('', 'x' x 100_000 . 'z'), 'probe=body body_limit=200k');
row('a huge length', 'up',
    answer('Content-Length: 9223372036854775807', '', 'x' x 100_000));
row('a huge length that is a lie',
    'down: response cut short: 5 of 9223372036854775807 bytes of the body',
    answer('Content-Length: 9223372036854775807', '', 'abcde'));
row('endless chunks', 'up', answer($chunked, '', "1\r\nx\r\n" x 200_000));
row('NUL in the body', 'up', answer('', "a\0z"), 'probe=body');
row('a body that claims to be packed', qr/^down: body: expected ~ "z", got/,
    answer('Content-Encoding: gzip', '', "\x1f\x8b\x08\0\0\0"), 'probe=body');
row('a gzip bomb', qr/^down: body: expected ~ "z", got "[^z"]+"/,
    answer('Content-Encoding: gzip', '', gzip_bomb(10 << 20)), 'probe=body');
row('a gzip bomb nobody looks into', 'up',
    answer('Content-Encoding: gzip', '', gzip_bomb(10 << 20)));

# time

row('one byte now and then', 'down: response timed out after 700ms',
    answer('Content-Length: 1000', '', 'x' x 1000),
    'interval=800ms timeout=700ms', drip => 0.2);
row('silence', 'down: response timed out after 700ms', undef,
    'interval=800ms timeout=700ms', hang => 1);

# TLS where there is none, and the reverse

row('TLS alert', 'down: invalid response: the server speaks TLS',
    "\x15\x03\x01\x00\x02\x02\x46");

my $plain = backend('plain', accept => 'tcp',
                    reply => "HTTP/1.1 400 Bad Request\r\n\r\n");
my $tls;

my $t = HealthDash->new;

if (($t->run_nginx('-V'))[1] =~ /--with-http_ssl_module/) {
    $tls = tls_backend(name => 'tls', cert => tls_cert(cn => 'localhost'));

    push @conf, service('plain behind https', 'https://' . $plain->address),
                service('TLS behind http', 'http://' . $tls->address);
    push @rows,
         [ 'plain behind https',
           'down: tls handshake failed: the server does not speak TLS' ],
         [ 'TLS behind http', 'down: http status 400' ];
}

$t->set_conf(join '', 'http {',
    'healthdash_probe body { type http; expect body ~ z; }',
    'healthdash_probe header { type http; expect header X = y; }',
    @conf, status_server(), '}');
$t->start;

judged($t, @rows);


# thousands more of them change nothing: neither files nor memory

my ($pid) = $t->worker_pids;

sub failures {
    my $n = 0;

    $n += $_->{health_checks}{fails} for values %{ hd_json($t)->{services} };
    return $n;
}

sub after {
    my ($n) = @_;
    my $from = failures();

    wait_until(sub { failures() >= $from + $n }, 40, "$n failures");
    return (fds($pid), rss($pid));
}

my ($fds1, $rss1) = after(1000);
my ($fds2, $rss2) = after(2000);

# what leaks does so each time; memory may also grow once, when peers are held
# up and more probes than before are under way

for (1 .. 3) {
    last if $rss2 < $rss1 + 1024;
    $rss1 = $rss2;
    ($fds2, $rss2) = after(2000);
}

# those of the probes under way come and go

ok(wait_until(sub { fds($pid) <= $fds1 + 20 }, 10), 'no file is left open')
    or diag("$fds1 before, $fds2 after");

SKIP: {
    skip 'sanitizers keep what is freed', 3 if slow() > 1;
    cmp_ok($rss2, '<', $rss1 + 1024, 'no memory is lost');
    cmp_ok($rss2, '<', 64 * 1024, 'and it is not much');
    cmp_ok(peak($pid), '<', 64 * 1024, 'it never was');
}

unlike($t->log, qr/\[(?:crit|alert|emerg)\]/, 'nothing worse than "down"');

done_testing();

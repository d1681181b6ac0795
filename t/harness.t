#!/usr/bin/perl

# Tests for the test library itself, with a plain nginx without healthdash.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Time::HiRes qw(time sleep);


# ports

my %seen;

$seen{free_port()}++ for 1 .. 20;
is(scalar keys %seen, 20, 'each port is handed out once');
is(port('same'), port('same'), 'a name keeps its port');

{
    my @pipes;

    for (1 .. 4) {
        my $pid = open my $fh, '-|';
        die "fork() failed: $!" if !defined $pid;

        if ($pid == 0) {
            print free_port(), "\n" for 1 .. 20;
            require POSIX;
            STDOUT->flush;
            POSIX::_exit(0);
        }

        push @pipes, $fh;
    }

    my @ports = map { readline $_ } @pipes;
    my %ports = map { $_ => 1 } @ports;

    is(scalar @ports, 80, 'four processes got their ports');
    is(scalar keys %ports, 80, 'processes at the same time never share one');
}


# wait_until

{
    my $n = 0;

    is(wait_until(sub { ++$n >= 3 ? 'yes' : 0 }, 5), 'yes',
       'wait_until returns what the code returned');

    my $start = time();
    my $rc;
    my $text = '';

    {
        my $tb = Test::More->builder;
        open my $fh, '>', \$text;
        my $old = $tb->failure_output;
        $tb->failure_output($fh);
        $rc = wait_until(sub { 0 }, 0.2, 'nothing');
        $tb->failure_output($old);
    }

    ok(!$rc, 'wait_until is false after the deadline');
    cmp_ok(time() - $start, '>=', 0.2, 'and waited until then');
    like($text, qr/waited 0.2 s in vain for nothing/, 'and says for what');
}


# backends, asked directly

my $b1 = backend('b1');
my $p = $b1->port_number;

my $r = http_get($p, '/a/b?c=d', 'X-One' => 'eins', Host => 'app.test');

is($r->{status}, 200, 'a backend answers');
is($r->{body}, "b1 ok\n", 'with its body');
is($r->{headers}{'x-backend'}, 'b1', 'and its name');

my ($seen) = $b1->requests(path => '/a/b');

is($seen->{uri}, '/a/b?c=d', 'the request was recorded');
is($seen->{host}, 'app.test', 'with Host');
is($seen->{headers}{'x-one'}, 'eins', 'with its headers');
like($seen->{peer}, qr/^127\.0\.0\.1:\d+$/, 'with its peer');
cmp_ok(abs($seen->{time} - time()), '<', 30 * slow(), 'with its time');

$b1->set(status => 503, body => 'no', headers => { 'X-Two' => 'zwei' });
$b1->set('/ok', status => 204);

$r = http_get($p, '/');
is($r->{status}, 503, 'set() changes the answer');
is($r->{reason}, 'Service Unavailable', 'and its reason');
is($r->{headers}{'x-two'}, 'zwei', 'and its headers');
is(http_get($p, '/ok')->{status}, 204, 'set() with a path holds there');
is(http_get($p, '/ok?x')->{status}, 204, 'whatever the arguments');

$b1->set('/ok');
is(http_get($p, '/ok')->{status}, 503, 'and ends there');

is($b1->count, 5, 'all requests were counted');
is($b1->count(path => '/ok'), 3, 'and those of a path');
is($b1->count(path => qr{^/a}), 1, 'and those of a pattern');
is($b1->count(host => 'app.test'), 1, 'and those for a host');
is($b1->count(since => time() + 10), 0, 'and those since a time');

$b1->reset;
is($b1->count, 0, 'reset() forgets them');

$b1->set(status => 200);
$b1->script('/s', { status => 500 }, { status => 404 });
is($b1->left, 2, 'script() has two answers');
is(join(' ', map { http_get($p, '/s')->{status} } 1 .. 3), '500 404 200',
   'script() gives one answer after the other');
is($b1->left, 0, 'and none is left');

$b1->set(raw => "SSH-2.0-x\r\n");
is(http_raw($p, "GET / HTTP/1.1\r\n\r\n"), "SSH-2.0-x\r\n", 'raw bytes');

$b1->set(chunked => 3, body => 'abcdefgh');
$r = http_get($p, '/');
is($r->{body}, 'abcdefgh', 'a chunked answer');
is($r->{headers}{'transfer-encoding'}, 'chunked', 'was chunked');

$b1->set(length => 0, body => 'until close');
$r = http_get($p, '/');
is($r->{body}, 'until close', 'an answer without a length');
is($r->{headers}{'content-length'}, undef, 'has none');

is(http_request(port => $p, method => 'HEAD')->{body}, '',
   'HEAD has no body');

$b1->set(prefix => "HTTP/1.1 103 Early Hints\r\n\r\n");
like(http_raw($p, "GET / HTTP/1.0\r\n\r\n"),
     qr/^HTTP\/1.1 103 .*\r\n\r\nHTTP\/1.1 200/, 'an interim answer before');

$b1->set(delay => 0.3);
cmp_ok(http_get($p, '/')->{time}, '>=', 0.3, 'a delayed answer');

$b1->set(body_delay => 0.2);
$r = http_get($p, '/');
cmp_ok($r->{time}, '>=', 0.2, 'a delayed body');
is($r->{body}, "b1 ok\n", 'comes whole');

$b1->set(drip => 0.01, drip_size => 20);
$r = http_get($p, '/');
is($r->{body}, "b1 ok\n", 'a dripping answer comes whole');
cmp_ok($r->{time}, '>=', 0.04, 'but slowly');

$b1->set(cut => 20);
is(length http_raw($p, "GET / HTTP/1.1\r\n\r\n"), 20, 'a cut answer');

$b1->set(hang => 1);
is(http_request(port => $p, timeout => 0.2)->{reason}, 'no answer',
   'a hanging answer');

$b1->set(close => 1);
is(http_raw($p, "GET / HTTP/1.1\r\n\r\n"), '', 'a closed connection');

$b1->set(reset => 1);
is(http_raw($p, "GET / HTTP/1.1\r\n\r\n"), '', 'a reset connection');

$b1->set(status => 200);

for my $how (qw(hang stall close reset)) {
    $b1->set(accept => $how);
    is(http_request(port => $p, timeout => 0.2)->{status}, 0,
       "accept => '$how' answers nothing");
}

$b1->set(accept => 'blackhole');

{
    my $fh = HealthDash::Client::open_connection({ port => $p });
    my $w = '';

    vec($w, fileno $fh, 1) = 1;
    is(select(undef, $w, undef, 0.3), 0,
       'a black hole does not even accept a connection');
}

$b1->set(accept => 'tcp', greeting => "220 hello\r\n", reply => "+PONG\r\n");
ok(wait_until(sub { http_request(port => $p, timeout => 0.3)->{body}
                    eq "220 hello\r\n+PONG\r\n" }, 10), 'a plain TCP server');

$b1->set(accept => 'http');
is(http_get($p, '/')->{status}, 200, 'and back to HTTP');

$b1->refuse;
is(http_get($p, '/')->{status}, 0, 'refuse() takes no connection');
$b1->accept;
is(http_get($p, '/')->{status}, 200, 'accept() takes them again');

ok(!eval { $b1->set(stauts => 1); 1 }, 'a wrong name of a behaviour dies');
like($@, qr/stauts/, 'and is named');

my $b2 = backend('b2', addr => '127.0.0.2', port => $p);
is(http_request(port => $p, addr => '127.0.0.2')->{body}, "b2 ok\n",
   'another address of the loopback network, same port');

SKIP: {
    skip 'no IPv6 here', 2 if !has_ipv6();

    my $b3 = backend('b3', addr => '::1');
    is($b3->address, "[::1]:" . port('b3'), 'an IPv6 address');
    is(http_request(port => port('b3'), addr => '::1')->{body}, "b3 ok\n",
       'answers');
}

my $b4 = backend('b4', unix => tmp_dir() . '/b4.sock');
is(http_request(unix => tmp_dir() . '/b4.sock')->{body}, "b4 ok\n",
   'a unix socket');

my $own = backend('own', own => 1, status => 201);
isnt($own->pid, $b1->pid, 'own => 1: a process of its own');
is(http_get(port('own'), '/')->{status}, 201, 'that answers');


# speed: thousands of requests per second are what the tests rely on

{
    my $start = time();
    my $burst = http_burst($p, '/', 3000, concurrency => 8);
    my $rate = 3000 / (time() - $start);

    is_deeply([ @$burst{qw(total status backend errors)} ],
              [ 3000, { 200 => 3000 }, { b1 => 3000 }, {} ],
              'a burst over kept connections');
    note(sprintf '%.0f requests per second', $rate);

    $burst = http_burst($p, '/', 500, concurrency => 8, keepalive => 0);
    is_deeply($burst->{status}, { 200 => 500 }, 'a burst of connections');

    $b1->set(close => 1);
    $burst = http_burst($p, '/', 10, concurrency => 2);
    is_deeply($burst->{errors}, { closed => 10 }, 'errors are in the tally');
    $b1->set(status => 200);
}


# nginx

my $t = HealthDash->new(module => 0, workers => 2, conf => <<'EOF');
http {
    upstream app {
        zone app 64k;
        server %%ADDR_b1%%;
        server %%ADDR_b4%%;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://app; }
        location /pid { return 200 $pid; }
    }
}
EOF

my ($rc, $out) = $t->conf_test;
is($rc, 0, 'a right configuration passes the test') or diag($out);

($rc) = HealthDash->new(module => 0, conf => 'http { }', main => 'events { }')
        ->conf_test;
is($rc, 0, 'what main says is not added, without a last newline either');

($rc, $out) = $t->conf_test("http {\n    nonsense;\n}\n");
is($rc, 1, 'a wrong one does not');
like($out, qr/\[emerg\] .*unknown directive "nonsense"/, 'and says why');

$t->start;

my @workers = $t->worker_pids;
is(scalar @workers, 2, 'nginx runs with two workers');

my $burst = http_burst(port('web'), '/', 1000);
is_deeply($burst->{backend}, { b1 => 500, b4 => 500 },
          'nginx shares requests among backends');

ok($t->reload, 'reload');
is(scalar(grep { my $old = $_; grep { $_ == $old } @workers }
          $t->worker_pids), 0, 'has new workers');

my $killed = $t->kill_worker;
is(scalar(grep { $_ == $killed } $t->worker_pids), 0, 'a worker was killed');
is(scalar($t->worker_pids), 2, 'and has a successor');
ok($t->wait_log(qr/worker process $killed exited on signal 9/),
   'the log says so');

my $mark = $t->log_mark;

$t->set_conf("http {\n    nonsense;\n}\n");
ok(!$t->reload, 'a reload that nginx refuses is false');
$t->expect_log(qr/unknown directive "nonsense"/);
like($t->log($mark), qr/nonsense/, 'the log since a mark');
is(http_get(port('web'), '/')->{status}, 200, 'and the old workers serve on');

my $master = $t->master_pid;

$t->stop;
ok(!kill(0, $master), 'stop() stops nginx');
is_deeply([ HealthDash::Run::take_failures() ], [],
          'announced lines in the log are no failure');


# what must make a test file fail

sub failures(&) {
    my ($code) = @_;
    my $tb = Test::More->builder;
    my $old = $tb->failure_output;

    open my $fh, '>', \my $text;
    $tb->failure_output($fh);
    $code->();
    $tb->failure_output($old);

    return join "\n", HealthDash::Run::take_failures();
}

my $bad = HealthDash->new(module => 0, conf => "http { }\n")->start;

my $worker = ($bad->worker_pids)[0];
kill 'KILL', $worker;
ok($bad->wait_log(qr/exited on signal 9/), 'a worker died unannounced');
like(failures { $bad->stop }, qr/$worker exited on signal 9/,
     'and the test file would fail');

for my $line ('2026/01/01 00:00:00 [emerg] 1#1: x',
              '2026/01/01 00:00:00 [alert] 1#1: *5 open socket #3 left',
              '==1==ERROR: AddressSanitizer: heap-use-after-free',
              'src/core/x.c:1:1: runtime error: signed integer overflow')
{
    open my $fh, '>>', $bad->log_file;
    print $fh "$line\n";
    close $fh;
    $bad->allow_log(qr/Sanitizer|runtime/);
    like(failures { $bad->scan_log }, qr/\Q$line/, "so would: $line");
}

$bad->expect_log(qr/never comes/);
like(failures { $bad->finish }, qr/never logged anything like/,
     'and so would an announced line that never came');

my $broken = HealthDash->new(module => 0, conf => "http { nonsense; }\n");
ok(!eval { $broken->start; 1 }, 'start() dies when nginx does not start');
like($@, qr/unknown directive/, 'and shows the log');
$broken->allow_log(qr/unknown directive/);

my $slow = HealthDash->new(module => 0, quit_timeout => 0.3, conf => <<'EOF');
http {
    server {
        listen 127.0.0.1:%%PORT_slow%%;
        location / { proxy_pass http://%%ADDR_b1%%; }
    }
}
EOF

$b1->set(hang => 1);
$slow->start;

{
    my $fh = HealthDash::Client::open_connection({ port => port('slow') });

    sleep 0.05;
    syswrite $fh, "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    wait_until(sub { $b1->count(since => time() - 1) }, 5);
    like(failures { $slow->stop }, qr/did not exit within/,
         'and so would an nginx that does not end');
}

$b1->set(status => 200);


# whole test files: their exit code, and what they leave behind

sub run_file {
    my ($text) = @_;
    my $file = tmp_dir() . '/inner.t';

    HealthDash::write_file($file, "use lib '$FindBin::Bin/lib';\n$text");

    my $out = qx($^X $file 2>&1);

    return ($? >> 8, $out);
}

($rc, $out) = run_file('use HealthDash; ok(1, "fine"); done_testing();');
is($rc, 0, 'a test file that passes') or diag($out);

($rc, $out) = run_file('use HealthDash; ok(0, "bad"); done_testing();');
is($rc, 1, 'a test file with a failure') or diag($out);

my $noise = <<'EOF';
use HealthDash;
HealthDash->new(module => 0, conf => "http { server {"
                . " listen 127.0.0.1:%%PORT_a%%; root /nowhere; } }\n")->start;
http_get(port('a'), '/x');
EOF

($rc, $out) = run_file("$noise ok(0, 'bad'); done_testing();");
like($out, qr{^# nginx1 logged: .*\[error\] .*"/nowhere/x" failed}m,
     'tells what nginx logged');

($rc, $out) = run_file("$noise ok(1, 'fine'); done_testing();");
unlike($out, qr/logged/, 'one that passes does not');
is($rc, 0, 'nor does such a line make it fail');

($rc, $out) = run_file(<<'EOF');
use HealthDash;
my $t = HealthDash->new(module => 0, conf => "http { }\n")->start;
kill 'KILL', $t->worker_pids;
ok($t->wait_log(qr/exited on signal/), 'seen');
done_testing();
EOF
isnt($rc, 0, 'a test file with a bad line in the log');
like($out, qr/^ok 1/m, 'though its assertions pass');

($rc, $out) = run_file(<<'EOF');
use HealthDash;
my $t = HealthDash->new(module => 0, conf => "http { }\n")->start;
my $b = backend('b');
print 'pids ', $t->master_pid, ' ', $b->pid, ' ', tmp_dir(), "\n";
STDOUT->flush;
$ENV{HD_TIMEOUT} = 1;
HealthDash::Run::watch(600);
sleep 100;
EOF
isnt($rc, 0, 'a test file that takes too long is stopped');
like($out, qr/takes too long/, 'and told why');

my ($m, $bp, $dir) = $out =~ /pids (\d+) (\d+) (\S+)/;
ok(wait_until(sub { !kill(0, $m) && !kill(0, $bp) && !-d $dir }, 5),
   'and leaves nothing behind');

($rc, $out) = run_file(<<'EOF');
use HealthDash;
my $t = HealthDash->new(module => 0, conf => "http { }\n")->start;
my $b = backend('b');
print 'pids ', $t->master_pid, ' ', $b->pid, ' ', tmp_dir(), "\n";
STDOUT->flush;
kill 'KILL', $$;
EOF

($m, $bp, $dir) = $out =~ /pids (\d+) (\d+) (\S+)/;
ok(wait_until(sub { !kill(0, $m) && !kill(0, $bp) && !-d $dir }, 5),
   'a test file killed by SIGKILL leaves nothing behind');


# TLS

my $ca = tls_ca();
my $tls = tls_backend(name => 'tls', cert => tls_cert(cn => 'app.test'));
my $client = tls_cert(cn => 'client');
my $mtls = tls_backend(name => 'mtls', cert => tls_cert(cn => 'app.test'),
                       client_ca => $ca->{cert});
my $old = tls_backend(name => 'old',
                      cert => tls_cert(cn => 'app.test', expired => 1));

sub s_client {
    my ($b, @arg) = @_;
    my $at = $b->address;

    return qx(printf 'GET /x HTTP/1.0\\r\\nHost: app.test\\r\\n\\r\\n' \\
        | openssl s_client -connect $at -CAfile $ca->{cert} -ign_eof \\
          -servername app.test -verify_hostname app.test @arg 2>&1);
}

$out = s_client($tls);
like($out, qr/Verify return code: 0 \(ok\)/, 'a certificate is valid');
like($out, qr/^tls ok$/m, 'a backend behind TLS answers');
is(($tls->requests)[0]{headers}{'x-sni'}, 'app.test', 'and records SNI');

like(s_client($tls, '-verify_hostname other.test'),
     qr/hostname mismatch/i, 'a wrong name');
like(s_client($old), qr/certificate has expired/, 'an expired certificate');

like(s_client($mtls), qr/400 No required SSL certificate/,
     'without the client certificate it refuses');
like(s_client($mtls, "-cert $client->{cert} -key $client->{key}"),
     qr/^mtls ok$/m, 'with it it answers');
like(($mtls->requests)[0]{headers}{'x-client-subject'}, qr/CN=client/,
     'and records it');

done_testing();

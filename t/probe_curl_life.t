#!/usr/bin/perl

# Tests for libcurl in a worker: what it has open ends with the worker, an error
# of its multi handle is survived, nothing grows, no thread is started, and
# names are nginx's affair (A05, A16).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::DNS;
use HealthDash::Hostile;
use HealthDash::Probe qw(service status_server judged verdict fds);

use IO::Socket::INET ();

my $t = HealthDash->new;

if (($t->run_nginx('-V'))[1] !~ /--with-http_v2_module/) {
    plan skip_all => 'nginx without HTTP/2';
}

sub threads { return scalar(() = glob "/proc/$_[0]/task/*"); }

sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}

my $hello = frame(4, 0, 0, '') . frame(4, 1, 0, '');
my $header = frame(1, 4, 1, "\x88");               # :status 200
my $body = frame(0, 1, 1, 'ok');


# peers that take a probe so far and no farther, and one that is well

my %peer = (
    tls => { how => 'silent' },
    silence => { how => 'silent' },
    header => { how => 'good', talk => [ [ 24, $hello ] ] },
    body => { how => 'good', talk => [ [ 24, "$hello$header" ] ] },
    well => { how => 'good', talk => [ [ 24, "$hello$header$body" ] ] },
    garbage => { how => 'good', talk => [ [ 24, "220 mail\r\n" ] ] },
    broken => { how => 'cut', at => 12, talk => [ [ 24, "$hello$header" ] ] },
    reset => { how => 'reset' },
);

HealthDash::Hostile->new(values %peer);

my $hole = backend('hole', accept => 'blackhole');
my @frozen = qw(connect tls silence header body);
my %address = (connect => $hole->address, refused => '127.0.0.1:'
               . port('refused'), map { ($_ => $peer{$_}{address}) } keys %peer);

sub conf {
    my ($timeout, @names) = @_;

    return join '', 'http {', (map {
        my $scheme = $_ eq 'tls' ? 'https' : 'http';
        "healthdash_service $_ $scheme://$address{$_}/ http=2 interval=100ms"
            . ($_ eq 'tls' ? ' verify=off' : '')
            . ' fast=100ms fails=1 passes=1 timeout='
            . ($_ eq 'well' ? '20s' : $timeout) . ";\n"
    } @names), status_server(), '}';
}


# start_with(NAME, CONF): t/unit/NAME.c comes between libraries and the system

sub start_with {
    my ($name, $conf) = @_;
    my $shim = tmp_dir() . "/$name.so";

    system($ENV{CC} // 'cc', '-shared', '-fPIC', '-O1', '-o', $shim,
           "$FindBin::Bin/unit/$name.c", '-ldl',
           $name eq 'curl_last' ? '-lcurl' : ()) == 0
        or die "cannot build $shim\n";

    local $ENV{LD_PRELOAD} = $shim;
    local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '')
                               . ':verify_asan_link_order=0';

    return HealthDash->new(conf => $conf)->start;
}


# services that have no result yet hang: their lease is held

sub services { return hd_json($_[0])->{services}; }

sub wait_hang {
    my ($t) = @_;
    my $ports = join '|', map { sprintf '%04X', /:(\d+)$/ }
                          @address{@frozen};

    return wait_until(sub {
        my ($pid) = $t->worker_pids or return;
        my %mine = map { (readlink($_) // '' => 1) } glob "/proc/$pid/fd/*";
        my $n = 0;

        open my $fh, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";

        while (<$fh>) {
            my @f = split;
            $n++ if $f[2] =~ /:(?:$ports)$/ && $f[3] =~ /^0[12]$/
                    && $mine{"socket:[$f[9]]"};
        }

        return $n == @frozen;
    }, 10, 'all probes to hang');
}

# libcurl has its memory from this module, and is used for longer than that

{
    my $file = tmp_dir() . '/last';
    local $ENV{HD_LAST} = $file;
    my $t = start_with('curl_last', conf('1s', 'well'));

    ok(wait_until(sub { services($t)->{well}{health_checks}{checks} }, 20),
       'libcurl was used');
    $t->kill_worker(signal => 'TERM');
    is(HealthDash::slurp($file), 'x', 'another user of libcurl comes last');
    $t->stop;
}


{
    my $t = HealthDash->new(conf => conf('60s', @frozen))->start;

    ok(wait_hang($t), 'probes are frozen in each phase');

    my $gone = 0;

    for (1 .. 10) {
        my ($old) = $t->worker_pids;

        $gone++ if $t->reload && !kill(0, $old) && wait_hang($t);
    }

    is($gone, 10, 'after each of 10 reloads the old worker is gone at once');

    $t->kill_worker;
    ok(wait_hang($t), 'a worker that was killed has a successor');

    my ($pid) = $t->worker_pids;

    is(threads($pid), 1, 'a worker has one thread');
    is_deeply([ map { $_->{health_checks}{fails} } values %{ services($t) } ],
              [ (0) x @frozen ], 'nothing of that was a failure');

    $t->stop('QUIT');
    unlike($t->log, qr/open socket/, 'QUIT leaves nothing open');
}

{
    my $t = HealthDash->new(conf => conf('60s', @frozen))->start;

    wait_hang($t);
    $t->stop('TERM');
    unlike($t->log, qr/open socket/, 'nor does TERM');
}

# a timeout says in which phase it came

{
    my $t = HealthDash->new(conf => conf('500ms', @frozen))->start;
    my %want = (connect => 'connect', tls => 'tls handshake',
                map { ($_ => 'response') } qw(silence header body));

    wait_until(sub {
        my $list = services($t);
        return !grep { !$_->{health_checks}{fails} } values %$list;
    }, 20, 'timeouts');

    is(verdict(services($t)->{$_}), "down: $want{$_} timed out after 500ms",
       "frozen in $_") for @frozen;

    $t->stop;
}

# the order of the phases is that in which they ended, also if the peer has
# answered a ClientHello before anything else is done

{
    my $cert = tls_cert(cn => 'app.test');
    my $web = HealthDash->new(module => 0, http => <<"EOF")->start;
ssl_certificate $cert->{cert};
ssl_certificate_key $cert->{key};
server {
    listen 127.0.0.1:@{[ port('ssl') ]} ssl http2;
    location / { return 200 ok; }
    location /hangs { proxy_pass http://$address{silence}; }
}
EOF
    my $at = "https://127.0.0.1:" . port('ssl');
    my $more = 'http=2 verify=off interval=100ms fast=100ms fails=1';
    my $t = start_with('curl_waits', 'http {' . status_server() . <<"EOF");
healthdash_service answers $at/ timeout=20s $more;
healthdash_service hangs $at/hangs timeout=2s $more;
}
EOF

    my ($wrong, %late);

    wait_until(sub {
        my ($answers, $hangs) = @{ services($t) }{qw(answers hangs)};
        my $p = $answers->{phases};

        return 0 if !$p || !$hangs->{phases};

        $wrong //= $p if $p->{connect} > $p->{tls}
                         || $p->{tls} > $p->{first_byte};
        $late{verdict($hangs)} = 1
            if $hangs->{health_checks}{last_reason}{layer} ne 'local';

        return $answers->{health_checks}{checks} >= 20
               && $hangs->{health_checks}{checks} >= 4;
    }, 60, 'results');

    ok(!$wrong, 'phases are in order') or diag explain $wrong;
    is_deeply([ keys %late ], [ 'down: response timed out after 2s' ],
              'what is late is the answer, not the handshake');

    $_->stop for $t, $web;
}


# hundreds of failing probes leave nothing behind

{
    my @bad = qw(refused garbage broken reset header);
    my $t = HealthDash->new(conf => conf('200ms', @bad, 'well')
                                    =~ s/interval=100ms/interval=10ms/gr
                                    =~ s/fast=100ms/fast=10ms/gr)->start;
    my ($pid) = $t->worker_pids;
    my $checks = sub {
        my $n = 0;
        $n += $_->{health_checks}{checks} for values %{ services($t) };
        return $n;
    };

    wait_until(sub { $checks->() > 100 }, 20, 'probes');

    # a probe has three: to the peer, and the two ends to libcurl

    my $most = fds($pid) + 3 * @bad + 2;

    ok(wait_until(sub { $checks->() > 1500 }, 60), 'many probes');
    cmp_ok(fds($pid), '<=', $most, 'no descriptor is lost');
    is(threads($pid), 1, 'no thread is started');
    is(services($t)->{well}{health}, 'up', 'a good server is up meanwhile');

    # libcurl's handles keep what the system said to the one before

    my $mixed = 0;

    for (1 .. 50) {
        $mixed++ if verdict(services($t)->{broken}) =~ /refused/;
    }

    is($mixed, 0, 'no failure is told of another server');

    $t->stop;
}


# an error of the multi handle: all its probes are in doubt, none has failed,
# and probing goes on

{
    my $file = tmp_dir() . '/fail';

    chmod 0777, tmp_dir();

    local $ENV{HD_CURL_FAILS} = $file;

    my $t = start_with('curl_fails', conf('60s', @frozen, 'well'));

    delete $ENV{HD_CURL_FAILS};

    ok(wait_hang($t), 'probes hang');
    wait_until(sub { services($t)->{well}{health} eq 'up' }, 10, 'a pass');

    my ($pid) = $t->worker_pids;
    my $fds = fds($pid);
    my $failed = 0;

    for my $round (1 .. 5) {
        my $mark = $t->log_mark;

        HealthDash::Run::write_file($file, '');

        $failed++ if $t->wait_log(qr/healthdash: libcurl failed/, 10, $mark)
                     && wait_hang($t);
    }

    is($failed, 5, 'the multi handle is made anew, and probes with it');

    my $list = services($t);

    is_deeply([ map { $_->{health_checks}{fails} } @$list{@frozen} ],
              [ (0) x @frozen ], 'no failure came of it');

    # who is not connected yet is nothing to libcurl

    ok(!(grep { $list->{$_}{health_checks}{inconclusive} < 5 }
         grep { $_ ne 'connect' } @frozen), 'but results in doubt');
    is($list->{connect}{health_checks}{inconclusive}, 0,
       'of those that libcurl knew of');
    is($list->{well}{health}, 'up', 'who was well is well');
    is(($t->worker_pids)[0], $pid, 'by the same worker');
    cmp_ok(fds($pid), '<=', $fds + 3, 'with as many descriptors');

    $t->stop('QUIT');
    unlike($t->log, qr/open socket/, 'and leaves none open');
}


my $dns = HealthDash::DNS->new;


# names are looked up by nginx's resolver, each address is tried

{
    my ($ip, $port) = split /:/, $address{well};

    # nobody listens at 127.0.0.2 and 127.0.0.3 on this port

    $dns->set('app.test', a => [ $ip ], ttl => 1);
    $dns->set('many.test', a => [ '127.0.0.2', $ip, '127.0.0.3' ], ttl => 1);
    $dns->set('none.test', a => [ '127.0.0.2' ], ttl => 1);
    $dns->set('mute.test', silent => 1);

    my $services = join '', map {
        "healthdash_service $_ http://$_.test:$port/ http=2 interval=100ms"
        . ' fast=100ms fails=1 timeout=' . ($_ eq 'mute' ? '1s' : '20s')
        . ";\n"
    } qw(app many none mute gone);

    my $t = HealthDash->new(conf => "http { resolver 127.0.0.1:$dns->{port};"
                                    . $services . status_server() . '}')->start;

    wait_until(sub {
        my $list = services($t);
        return !grep { $_->{health_checks}{checks} < 3 } values %$list;
    }, 20, 'probes by name');

    my $list = services($t);

    is(verdict($list->{app}), 'up', 'a name');
    is(verdict($list->{many}), 'up', 'a name with addresses that are dead');
    is($list->{many}{health_checks}{fails}, 0, 'each time');
    is(verdict($list->{none}), "down: connection refused: 127.0.0.2:$port",
       'the address is told');
    is(verdict($list->{mute}), 'down: name lookup timed out after 1s:'
       . ' mute.test', 'a name server that is silent');
    is(verdict($list->{gone}), 'down: host name not found: gone.test', 'no name');
    is(threads(($t->worker_pids)[0]), 1, 'no thread for a name');

    $t->stop;
}


# an address that does not answer is left in time for the next one, but one that
# has answered has all of the time, of which libcurl calls the handshake a part
# of the connect

{
    my (undef, $deaf) = split /:/, $hole->address;
    my $port = port('two');

    my @silent = map {
        IO::Socket::INET->new(LocalAddr => "127.0.0.$_", LocalPort => $port,
                              ReuseAddr => 1, Listen => 1000)
            or die "listen() failed: $!\n"
    } 2, 3;

    $dns->set('silent.test', a => [ '127.0.0.2', '127.0.0.3' ], ttl => 3600);
    $dns->set('deaf.test', a => [ '127.0.0.1', '127.0.0.2' ], ttl => 3600);

    my $web = HealthDash->new(module => 0, http =>
        "server { listen 127.0.0.2:$deaf http2; location / { return 204; } }"
        )->start;

    my $t = HealthDash->new(conf => "http { resolver 127.0.0.1:$dns->{port};"
        . service('silent', "https://silent.test:$port/",
                  'http=2 verify=off timeout=1s')
        . service('deaf', "http://deaf.test:$deaf/", 'http=2 timeout=4s')
        . status_server() . '}')->start;

    judged($t, [ 'silent', qr/^down: tls handshake timed out after 1s: 127/ ],
               [ 'deaf', 'up' ]);

    $_->stop for $t, $web;
}

done_testing();

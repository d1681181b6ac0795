#!/usr/bin/perl

# Tests for the memory of plain answers: whoever asks for many big ones and reads
# none does not fill the worker with pictures.  From some size on big answers
# are refused, with 503 and a sentence, while small ones go on, and served again
# as soon as the slow clients are gone.  Whether all is ready waits for none.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 240;

use JSON::PP ();
use Socket qw(SOL_SOCKET SO_RCVBUF PF_INET SOCK_STREAM pack_sockaddr_in
              inet_aton);

my ($n, $clients) = (2000, 400);
my $farm_port = port('farm');

HealthDash->new(module => 0, conf => <<"EOC")->start;
http { server { listen $farm_port; location / { return 200 "ok\\n"; } } }
EOC

my $servers = join '', map { "server 127.5." . int($_ / 250) . '.'
                             . ($_ % 250 + 1) . ":$farm_port;\n" } 1 .. $n;

my $order = tmp_dir() . '/order';

my $t = HealthDash->new(workers => 1, log_level => 'warn',
                        conf => <<"EOC")->start;
events { worker_connections 4096; }
http {
    log_format order "\$uri \$status";
    access_log $order order;
    upstream app {
        $servers
        healthdash_check interval=1h;
    }
    healthdash_service Orders http://127.0.0.1:$farm_port/ interval=1h;
    server {
        listen 127.0.0.1:%%PORT_web%% sndbuf=8k;
        location /status { healthdash_status; }
        location = /ready { healthdash_ready Orders; }
        location = /asked {
            auth_request /ready;
            proxy_pass http://127.0.0.1:$farm_port;
        }
        location = /live { healthdash_live; }
    }
}
EOC

$t->allow_log(qr/\[warn\] .* clients have yet to read/);

ok(wait_until(sub { http_get(port('web'), '/ready')->{status} == 200 }, 20),
   'the service is up');

# a sanitizer keeps what was freed

my $limit = $ENV{HD_SANITIZE} ? 900e6 : 250e6;
my $small = 'format=text&service=Orders';
my @formats = qw(json html csv text health);
my $mark = $t->log_mark;
my @slow = map { slow_client("/status?format=$formats[$_ % @formats]") } 1 .. $clients;
my @refused = grep { $_->{in} =~ m{^HTTP/1\.1 503 .*^Retry-After: }ms } @slow;
my @served = grep { $_->{in} =~ m{^HTTP/1\.1 200 } } @slow;

cmp_ok(scalar @refused, '>', $clients / 2, 'most of the slow ones are refused');
cmp_ok(scalar @served, '>', 10, 'the first ones are not');
cmp_ok(memory('VmRSS'), '<', $limit, 'the worker stays small');

# what is said

my $r = get('format=json');
my $doc = eval { JSON::PP::decode_json($r->{body}) } // {};

is($r->{status}, 503, 'one more is refused');
is($r->{headers}{'content-type'}, 'application/json', 'JSON in JSON');
is($doc->{error}{status}, 503, 'an error');
like($doc->{error}{text}, qr/^too many clients .* come again later$/,
     'with a sentence');
like($r->{headers}{'retry-after'} // '', qr/^[1-9]\d*$/, 'and when to come');

$r = get('format=html');
is("$r->{status} $r->{headers}{'content-type'}",
   '503 text/plain; charset=utf-8', 'a page in plain text');
is($r->{body}, ($doc->{error}{text} // '') . "\n", 'with the same sentence');
is(http_request(port => port('web'), path => '/status?format=events')
   ->{status}, 503, 'a stream is refused, too');
is(() = $t->log($mark) =~ /clients have yet to read/g, 1,
   'the log has it once');

# who asks for little

is(get($small)->{status}, 200, 'a small answer is given');
is(get('format=badge&service=Orders')->{status}, 200, 'so is a badge');
is(http_get(port('web'), '/ready')->{status}, 200, 'and what is ready');
is(http_get(port('web'), '/live')->{status}, 200, 'and what is live');

# slow ones of what fits into one slice hold no pictures

my @little = map { slow_client('/status?format=html&service=Orders') } 1 .. 100;

is(scalar(grep { $_->{in} =~ m{^HTTP/1\.1 200 } } @little), 100,
   'many may be slow with small ones');
cmp_ok(memory('VmRSS'), '<', $limit, 'the worker is as small as before');

# many that come at once, on connections that are there

my @burst = map { my $c = ask('/live'); read_head($c); $c } 0 .. 301;
my ($ready, $asked) = splice @burst, 0, 2;
my ($worker) = $t->worker_pids;

HealthDash::Run::write_file($order, '');
kill 'STOP', $worker;

for my $c (@burst) {
    $c->{in} = '';
    syswrite $c->{fh}, request("/status?$small");
}

$_->{in} = '' for $ready, $asked;
syswrite $ready->{fh}, request('/ready');
syswrite $asked->{fh}, request('/asked');

kill 'CONT', $worker;

my %status;

for my $c (@burst) {
    read_head($c);
    $status{ $c->{in} =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'none' }++;
}

is(($status{200} // 0) + ($status{503} // 0), 300,
   'each of many at once has an answer');
cmp_ok($status{200} // 0, '>', 100, 'and most a good one, in their turn');
cmp_ok(memory('VmHWM'), '<', $limit, 'and the worker never was bigger');

like(read_head($ready)->{in}, qr{^HTTP/1\.1 200 }, 'all is ready');
like(read_head($asked)->{in}, qr{^HTTP/1\.1 200 }, 'also in a subrequest');

my @order;

wait_until(sub {
    @order = split /\n/, HealthDash::slurp($order);
    return @order == 302;
}, 10);

my ($place) = grep { $order[$_] eq '/ready 200' } 0 .. $#order;

cmp_ok($place // 302, '<', 200, 'which was said before most of the others');

close $_->{fh} for @slow, @little, @burst, $ready, $asked;

ok(wait_until(sub { get('format=json')->{status} == 200 }, 10),
   'when they are gone, there is room again');
is(scalar @{ JSON::PP::decode_json(get('format=json')->{body})
             ->{upstreams}{app}{peers} }, $n, 'for a whole answer');

done_testing();


sub get { return http_get(port('web'), "/status?$_[0]"); }


# one that has seen its answer begin, or be refused, and reads no more

sub slow_client { return read_head(ask(@_)); }


sub ask {
    my ($path) = @_;
    my $c = { in => '' };

    socket $c->{fh}, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
    setsockopt $c->{fh}, SOL_SOCKET, SO_RCVBUF, 4096;
    connect $c->{fh}, pack_sockaddr_in(port('web'), inet_aton('127.0.0.1'))
        or die "cannot connect: $!\n";
    syswrite $c->{fh}, request($path);

    return $c;
}


sub request { return "GET $_[0] HTTP/1.1\r\nHost: x\r\n\r\n"; }


sub read_head {
    my ($c) = @_;

    while ($c->{in} !~ /\r\n\r\n/) {
        sysread $c->{fh}, $c->{in}, 512, length $c->{in} or last;
    }

    return $c;
}


# of the worker, bytes

sub memory {
    my ($what) = @_;
    my ($pid) = $t->worker_pids;

    open my $fh, '<', "/proc/$pid/status" or die "status: $!\n";

    my ($kb) = do { local $/; <$fh> } =~ /^$what:\s+(\d+) kB/m;

    return 1024 * $kb;
}

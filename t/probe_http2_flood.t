#!/usr/bin/perl

# Tests that a server of HTTP/2 that sends without end, frames that say nothing
# or very little, stops neither its probe nor the worker.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 300;
use HealthDash::Probe qw(service judged);

use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(time);

my $t = HealthDash->new;

if (($t->run_nginx('-V'))[1] !~ /--with-http_v2_module/) {
    plan skip_all => 'nginx without HTTP/2';
}

my $gap_limit = 50;     # msec, between two answers
my $spell = 1;          # seconds
my $spells = 8;


sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}

my $hello = frame(4, 0, 0, '') . frame(4, 1, 0, '');
my $header = frame(1, 4, 1, "\x88");               # :status 200

# as much body as may be asked for, so that bytes of it are no end soon

my $most = 'body_limit=16m';
my $late = 'response timed out after 1s';
my $much = sub { "response failed: more than $_[0] bytes for an answer" };
my $usual = $much->(1048576 + 2 * 65536);

my @rows = (
    [ 'empty data', $usual, $header, frame(0, 0, 1, '') ],
    [ 'bytes', $late . '|' . $much->(1048576 + (32 << 20)), $header,
      frame(0, 0, 1, 'x'), $most ],
    [ 'pings answered', $usual, '', frame(6, 1, 0, 'x' x 8) ],
    [ 'unknown frames', $usual, '', frame(77, 0, 0, '') ],
    [ 'unknown frames, as many', $late . '|' . $much->(1048576 + (32 << 20)),
      '', frame(77, 0, 0, ''), $most ],
    [ 'windows', $usual, '', frame(8, 0, 0, pack 'N', 1) ],
    [ 'priorities', $usual, '', frame(2, 0, 3, "\0\0\0\0\1") ],
    [ 'settings', 'response failed: .*|invalid response: .*', '',
      frame(4, 0, 0, '') ],
    [ 'pings', 'response failed: .*|invalid response: .*', '',
      frame(6, 0, 0, 'x' x 8) ],
);

my $conf = '';

for my $row (@rows) {
    my ($name, undef, $begin, $frame, $parameters) = @$row;
    my $port = port($name);

    flooder($port, $hello . $begin, $frame);
    $conf .= service($name, "http://127.0.0.1:$port/",
                     'http=2 timeout=1s interval=1s fast=1s '
                     . ($parameters // ''));
}

$conf .= service('grpc', 'grpc://127.0.0.1:' . port('unknown frames'),
                 'timeout=1s interval=1s fast=1s');

my $server = sub {
    return "server { listen 127.0.0.1:$_[0]; location = /live { return 204; }"
           . ' location /status { healthdash_status; } }';
};

# the same without probes, beside it

my $calm = HealthDash->new(workers => 1, conf => 'http {'
    . 'keepalive_requests 10000000;' . $server->(port('calm')) . '}')->start;

$t->set_conf("http { keepalive_requests 10000000; $conf "
             . $server->(port('web')) . '}');
$t->start;

wait_until(sub {
    my $list = hd_json($t)->{services};
    return !grep { $_->{health_checks}{checks} < 1 } values %$list;
}, 60, 'each probe once');

my (@gaps, @control);

for (1 .. $spells) {
    push @control, longest_gap('calm');
    push @gaps, longest_gap('web');
}

my ($best) = sort { $a <=> $b } @gaps;
my ($control) = sort { $a <=> $b } @control;

diag(sprintf 'gaps in ms: %s; without probes: %s',
     map { join ' ', map { sprintf '%.1f', $_ } @$_ } \@gaps, \@control);

cmp_ok($best, '<', $gap_limit * HealthDash::Run::slow() + 4 * $control,
       'clients are answered meanwhile');

# newer versions of libnghttp2 have had enough of it sooner

my $calm_down = 'invalid response: .*ENHANCE_YOUR_CALM';

judged($t, map { [ $_->[0], qr/^down: (?:$_->[1]|$calm_down)$/ ] }
           @rows, [ 'grpc', $usual ]);

my $list = hd_json($t)->{services};

for my $name (sort keys %$list) {
    my $facts = $list->{$name}{health_checks};

    cmp_ok($facts->{inconclusive}, '<', $facts->{checks},
           "$name: it is known that it was the server");
}

$t->stop('QUIT');
unlike($t->log, qr/open socket/, 'nothing is left open');

done_testing();


# sends $begin to whoever has said something, then $frame for ever

sub flooder {
    my ($port, $begin, $frame) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $port, ReuseAddr => 1, Listen => 100)
        or die "cannot listen: $!\n";

    HealthDash::Run::start_helper("flooder at $port", sub {
        my $block = $frame x (65536 / length $frame);

        local $SIG{CHLD} = 'IGNORE';
        local $SIG{PIPE} = 'IGNORE';

        while (my $fh = $listener->accept) {
            my $pid = fork;

            if (!defined $pid || $pid) {
                close $fh;
                next;
            }

            alarm 60;
            sysread $fh, my $data, 4096;
            syswrite $fh, $begin;

            my $at = 0;

            while (1) {
                my $n = syswrite $fh, $block, length($block) - $at, $at
                    or last;
                $at = ($at + $n) % length $block;
            }

            POSIX::_exit(0);
        }
    });

    close $listener;
}


# msec, the longest time between two answers on one connection in a spell

sub longest_gap {
    my ($name) = @_;
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                   PeerPort => port($name))
        or die "cannot connect: $!\n";
    my $last = time();
    my $end = $last + $spell;
    my $worst = 0;

    while ($last < $end) {
        syswrite $fh, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n";
        sysread $fh, my $data, 4096 or die "the connection was closed\n";

        my $now = time();
        my $gap = ($now - $last) * 1000;

        $worst = $gap if $gap > $worst;
        $last = $now;
    }

    return $worst;
}

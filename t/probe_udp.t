#!/usr/bin/perl

# Tests for probes over UDP: what is sent arrives whole, what comes back is
# heard, one lost datagram is no failure, and silence differs from a closed
# port.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::DNS;
use HealthDash::Probe qw(service status_server judged);
use IO::Socket::INET;
use Socket qw(sockaddr_in);

my $long = 'x' x 60000;


# A server over UDP; what it is sent says how it answers.  The size of a
# question comes back in each answer.

sub udp_server {
    my ($name) = @_;
    my $port = port($name);
    my $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
                                    LocalPort => $port)
        or die "cannot listen on UDP port $port: $!\n";

    HealthDash::Run::start_helper('UDP server of a test', sub {
        my %asked;

        while (defined(my $peer = recv $udp, my $text, 65536, 0)) {
            my ($word) = $text =~ /^(\w+)/;
            my $n = ++$asked{$word . (sockaddr_in($peer))[0]};
            my $answer = "$word " . length($text) . ' bytes, time ' . $n;

            next if $word eq 'mute' || $word eq 'lost' && $n % 2;

            $answer .= $long if $word eq 'large';
            send $udp, '', 0, $peer for 1 .. ($word eq 'empty' ? 150 : 0);

            if ($word eq 'pieces') {
                send $udp, $_, 0, $peer for 'one ', 'two ';
                $answer = 'three';
            }

            send $udp, $answer, 0, $peer;
        }
    });

    close $udp;
    return $port;
}

udp_server('udp');

my $dns = HealthDash::DNS->new;

$dns->set('many.test', a => [ map { "127.0.0.$_" } 1, 3 .. 6 ], ttl => 3600);
$dns->set('none.test', a => [ map { "127.0.0.$_" } 3 .. 5 ], ttl => 3600);

my (@rows, @conf);

sub row {
    my ($name, $want, $lines, $parameters, $host) = @_;
    my $probe = 'p' . @rows;

    $host //= '127.0.0.1:' . port('udp');

    push @rows, [ $name, $want ];
    push @conf, "healthdash_probe $probe { type udp; $lines }\n",
                service($name, "udp://$host",
                        'probe=' . $probe . ' ' . ($parameters // ''));
}

row('an answer', 'up', 'send hello; expect ~ "^hello 5 bytes, time";');
row('two questions', 'up', 'send twice; expect ~ "time \d*[13579]$";'
    . ' send twice; expect ~ "time \d*[02468]$";');
row('a long question', 'up', 'send "long' . 'x' x 1996 . '";'
    . ' expect ~ "^long' . 'x{1996} 2000 bytes, time";');
row('a long answer', 'up', 'send large; expect ~ "^large.*time \d+x{8000}";');
row('what is left of it', 'up', 'send large; expect ~ ^large; send hello;'
    . ' expect ~ "^hello 5 bytes";');
row('empty datagrams', 'up', 'send empty; expect ~ "^empty 5 bytes";');
row('three datagrams', 'up', 'send pieces; expect ~ "^one two three$";');
row('the wrong answer', qr/^down: .*expected = "goodbye/,
    'send hello; expect = "goodbye 5 bytes";');

row('one lost', 'up', 'send lost; expect ~ "time \d*[02468]$";', 'timeout=1s');
row('silence', qr/^down: response timed out after 500ms/,
    'send mute; expect ~ time;', 'timeout=500ms');
row('a closed port', 'down: connection refused: the UDP port is closed',
    'send hello; expect ~ time;', '', '127.0.0.1:' . port('none'));

row('an address of many', 'up', 'send hello; expect ~ time;', '',
    'many.test:' . port('udp'));
row('none of many', qr/^down: connection refused: 127\.0\.0\.[345]:\d+, the/,
    'send hello; expect ~ time;', '', 'none.test:' . port('udp'));

my $t = HealthDash->new(conf => join '', "http {\n", "resolver %%ADDR_dns%%;\n",
                        @conf, status_server(), '}');

$t->start;

my $list = judged($t, @rows);

is($list->{$_}{reason}{code}, 'connect_refused', "$_: its code")
    for 'a closed port', 'none of many';
is($list->{silence}{reason}{code}, 'response_timeout', 'silence: its code');

done_testing();

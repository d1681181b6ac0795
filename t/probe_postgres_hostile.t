#!/usr/bin/perl

# Tests for servers that only say they are a PostgreSQL and tell of setting
# after setting: libpq looks each one up in a list of all before it, so what
# comes in one event takes longer and longer.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 120;
use HealthDash::Probe qw(service status_server judged);

use Socket qw(INADDR_LOOPBACK PF_INET SOCK_STREAM SOL_SOCKET SO_REUSEADDR
              pack_sockaddr_in);

sub message { return $_[0] . pack('N', 4 + length $_[1]) . $_[1]; }

# settings of three letters: more than anybody has, and all different

my @letters = ('a' .. 'z', 'A' .. 'Z');
my $settings = '';

for my $first (@letters) {
    for my $second (@letters) {
        $settings .= message('S', "$first$second$_\0\0") for @letters;
    }
}

my $logged_in = message('R', pack 'N', 0);
my $ready = message('K', pack 'NN', 1, 2) . message('Z', 'I');

# one row of one column

my $answer = message('T', pack('n', 1) . "a\0" . pack('NnNnNn', 0, 0, 25, -1,
                                                      -1, 0))
             . message('D', pack('nN', 1, 1) . '1')
             . message('C', "SELECT 1\0") . message('Z', 'I');

sub peer {
    my ($name, @says) = @_;
    my $port = port($name);

    socket my $fh, PF_INET, SOCK_STREAM, 0 or die "socket() failed: $!\n";
    setsockopt $fh, SOL_SOCKET, SO_REUSEADDR, 1;
    bind $fh, pack_sockaddr_in($port, INADDR_LOOPBACK) or die "bind: $!\n";
    listen $fh, 10 or die "listen() failed: $!\n";

    HealthDash::Run::start_helper("peer $name", sub {
        local $SIG{PIPE} = 'IGNORE';

        while (accept my $c, $fh) {
            for my $text (@says) {
                sysread $c, my $request, 4096 or last;

                my $from = 0;

                while ($from < length $text) {
                    $from += syswrite($c, $text, length($text), $from) // last;
                }
            }

            sysread $c, my $end, 4096;
        }
    });

    return "postgres://probe:secret\@127.0.0.1:$port";
}

my (@rows, @conf);

sub row {
    my ($name, $want, @says) = @_;

    push @rows, [ $name, $want ];
    push @conf, service($name, peer($name =~ s/ /-/gr, @says),
                        'interval=300ms');
}

row('an answer', 'up', $logged_in . $ready, $answer);
row('some settings', 'up', $logged_in . substr($settings, 0, 10000) . $ready,
    $answer);
row('settings at the log-in',
    'down: invalid response: more than 32768 bytes before the log-in was over',
    $logged_in . $settings . $ready, $answer);

my $t = HealthDash->new(workers => 1,
                        http => join('', @conf, status_server()))->start;

judged($t, @rows);

done_testing();

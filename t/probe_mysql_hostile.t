#!/usr/bin/perl

# Tests for servers that only say they are a MariaDB: what libmariadb would
# read for ever, and keep, without coming back to nginx; an answer behind which
# nothing can be asked; and what a version says that is not installed here.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 120;
use HealthDash::Probe qw(service status_server judged rss);

use Socket qw(INADDR_LOOPBACK PF_INET SOCK_STREAM SOL_SOCKET SO_REUSEADDR
              pack_sockaddr_in);

my $flood = 64 << 20;   # bytes, more than anybody may say

sub packet { return substr(pack('V', length $_[1]), 0, 3)
                    . chr($_[0] & 255) . $_[1]; }
sub text   { return chr(length $_[0]) . $_[0]; }
sub ok_is  { return packet($_[0], "\0\0\0\x02\0\0\0"); }
sub end_is { return packet($_[0], "\xfe\0\0\x02\0"); }

sub column {
    return packet($_[0], join('', map { text($_) } 'def', '', '', '', $_[1],
                                                   '')
                         . "\x0c" . pack('vVCvCv', 33, 255, 253, 0, 0, 0));
}

# one column, and so many rows of one value

sub rows {
    my ($name, $n, $value) = @_;

    return packet(1, "\1") . column(2, $name) . end_is(3)
           . join('', map { packet(3 + $_, text($value // 0)) } 1 .. $n);
}

sub answer { return rows(@_) . end_is(4 + $_[1]); }

# of packets whose numbers may begin anew with it

sub endless {
    my ($c, $first, $text) = @_;
    my $sent = 0;

    syswrite $c, $first;

    while ($sent < $flood) {
        $sent += syswrite($c, $text) // return;
    }
}

sub read_packet {
    my ($c) = @_;
    my ($head, $body) = ('', '');

    while (length $head < 4) {
        sysread $c, $head, 4 - length $head, length $head or return;
    }

    my $size = unpack 'V', substr($head, 0, 3) . "\0";

    while (length $body < $size) {
        sysread $c, $body, $size - length $body, length $body or return;
    }

    return $body;
}

sub serve {
    my ($c, $play) = @_;

    # a protocol of 4.1, log-in in plugins, and a server that is no MySQL

    syswrite $c, packet(0, "\x0a5.5.5-10.11.1-MariaDB\0" . pack('V', 7)
                           . "12345678\0" . pack('vCvv', 0xa209, 33, 2, 8)
                           . chr(21) . "\0" x 10 . "123456789012\0"
                           . "mysql_native_password\0");
    read_packet($c) or return;
    syswrite $c, ok_is(2);

    while (my $command = read_packet($c)) {
        my $query = substr $command, 1;

        if ($query =~ /^set /) {
            syswrite $c, ok_is(1);
            next;
        }

        $play->($c, $query);
    }
}

sub peer {
    my ($name, $play) = @_;
    my $port = port($name);

    socket my $fh, PF_INET, SOCK_STREAM, 0 or die "socket() failed: $!\n";
    setsockopt $fh, SOL_SOCKET, SO_REUSEADDR, 1;
    bind $fh, pack_sockaddr_in($port, INADDR_LOOPBACK) or die "bind: $!\n";
    listen $fh, 10 or die "listen() failed: $!\n";

    HealthDash::Run::start_helper("peer $name", sub {
        local $SIG{PIPE} = 'IGNORE';

        while (accept my $c, $fh) {
            serve($c, $play);
        }
    });

    return "mysql://probe:secret\@127.0.0.1:$port";
}

# what may be sent over and over: 65536 packets, so that numbers go on

my $columns = join '', map { column(1 + $_, 'a') } 1 .. 65536;
my $lines = join '', map { packet(3 + $_, text('0')) } 1 .. 65536;
my $progress = join '', map { packet($_, "\xff\xff\xff\1\1\2\0\0\0" . text('x'))
                            } 1 .. 65536;

my $much = 'down: query failed: more than 1114112 bytes in an answer';
my (@rows, @conf);

sub row {
    my ($name, $want, $parameters, $play) = @_;

    push @rows, [ $name, $want ];
    push @conf, service($name, peer($name =~ s/ /-/gr, $play),
                        "$parameters interval=300ms");
}

row('an answer', 'up', '', sub { syswrite $_[0], answer('a', 1) });
row('columns without end', $much, '',
    sub { endless($_[0], packet(1, "\xfd\xff\xff\xff"), $columns) });
row('sources without end', $much, 'max_lag=10s', sub {
    my ($c, $query) = @_;

    return syswrite $c, answer('a', 1) if $query !~ /^show/;
    endless($c, rows('Seconds_Behind_Master', 0), $lines);
});
row('progress without end', $much, '',
    sub { endless($_[0], '', $progress) });
row('two roles', 'down: invalid response: no answer to the query for its role',
    'role=primary', sub {
    my ($c, $query) = @_;

    syswrite $c, $query =~ /read_only/ ? answer('a', 2)
                 : packet(1, "\xff" . pack('v', 1146) . '#42S02no table');
});

# MariaDB 12 has more than two kinds of read_only, and calls them by name

for my $kind ([ 'OFF', 'up' ], map { [ $_, 'down: wrong role: is a replica, '
                                           . 'expected a primary' ] }
                               qw(ON NO_LOCK NO_LOCK_NO_ADMIN)) {
    my ($word, $want) = @$kind;
    row("read_only is $word", $want, 'role=primary', sub {
        my ($c, $query) = @_;

        syswrite $c, answer('a', 1, $query =~ /read_only/ ? $word : 1);
    });
}

my $t = HealthDash->new(workers => 1,
                        http => join('', @conf, status_server()))->start;

judged($t, @rows);

cmp_ok(rss(($t->worker_pids)[0]), '<', 100_000 * HealthDash::Run::slow(),
       'and the worker has not grown by it');

done_testing();

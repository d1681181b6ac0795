package HealthDash::Recording;

# What a real server said to a probe, kept as a file in t/recordings, so that a
# hostile peer can say the same, or as much of it as it likes.  A line is one
# piece: how many bytes the client had sent before, and the bytes in hex; none
# means that the server closed.

use strict;
use warnings;

use Exporter qw(import);
use IO::Select ();
use IO::Socket::INET ();

use HealthDash::Run qw(start_helper);

our @EXPORT_OK = qw(recording save_recording recorder);


# recording('redis'): ([ NEED, BYTES ], ...)

sub recording {
    my ($name) = @_;
    my ($dir) = __FILE__ =~ m{^(.*)/lib/HealthDash/};
    my @pieces;
    local $_;

    open my $fh, '<', "$dir/recordings/$name"
        or die "there is no recording of $name: $!\n";

    while (<$fh>) {
        push @pieces, [ $1, pack('H*', $2) ] if /^(\d+) ([0-9a-f]*)$/;
    }

    # one question, the length of which may depend on an address

    if (@pieces == 1 || @pieces == 2 && !length $pieces[1][1]) {
        $_->[0] = 1 for @pieces;
    }

    # libmariadb's log-in names the process and the address: it may be 6 bytes
    # shorter than the one that was recorded, or longer

    if ($name eq 'mysql') {
        $_->[0] -= 6 for grep { $_->[0] } @pieces;
    }

    return @pieces;
}


# recorder(PORT, SERVER_PORT, FILE): a process that takes one connection after
# the other on 127.0.0.1:PORT, passes it on, and writes down the longest.

sub recorder {
    my ($port, $server, $file) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $port, Listen => 10,
                                       ReuseAddr => 1)
        or die "cannot listen on port $port: $!\n";

    return start_helper("recorder of port $server", sub {
        while (my $client = $listen->accept) {
            my @pieces = pass($client, $server);

            my $size = 0;

            $size += 2 * length $_->[1] for @pieces;
            save_recording($file, @pieces) if $size > (-s $file // 0) - 20;
        }
    });
}


sub pass {
    my ($client, $port) = @_;
    my ($got, @pieces) = (0);

    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or return;
    my $select = IO::Select->new($client, $server);

    while (my @ready = $select->can_read(20)) {
        for my $fh (@ready) {
            my $other = $fh == $client ? $server : $client;

            my $data = '';

            if (!sysread $fh, $data, 65536) {
                push @pieces, [ $got, '' ] if $fh == $server;
                return @pieces;
            }

            syswrite $other, $data;

            if ($fh == $client) {
                $got += length $data;

            } elsif (@pieces && $pieces[-1][0] == $got) {
                $pieces[-1][1] .= $data;

            } else {
                push @pieces, [ $got, $data ];
            }
        }
    }

    return @pieces;
}


sub save_recording {
    my ($file, @pieces) = @_;

    open my $fh, '>', "$file.new" or die "cannot write $file.new: $!\n";
    printf $fh "%d %s\n", $_->[0], unpack 'H*', $_->[1] for @pieces;
    close $fh or die "cannot write $file.new: $!\n";
    rename "$file.new", $file or die "cannot write $file: $!\n";
}


1;

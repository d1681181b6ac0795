package HealthDash::Hostile;

# Peers that do to a probe what a broken or hostile server would.  One process
# plays many of them: all listen on one port, each on an address of its own in
# 127.66.0.0/16.

use strict;
use warnings;

use Errno qw(EAGAIN EWOULDBLOCK EINTR);
use IO::Handle ();
use IO::Poll qw(POLLIN POLLOUT POLLERR POLLHUP);
use Socket qw(:DEFAULT SO_LINGER);
use Time::HiRes qw(time);

use HealthDash::Run qw(free_port start_helper);

my $next = 0;


# new(udp => 1, PEER, ...): each peer is { how => WORD, talk => [ [ NEED, BYTES
# ], ... ], ... } and gets its "address".  WORD says how it goes:
#
#   good     says its talk, a piece when NEED bytes have come
#   cut      the same, but closes after "at" bytes
#   drip     the same, one byte a second
#   silent   takes the connection and says nothing
#   close    closes at once;  reset: resets
#   say      says "text", then waits
#   flood    says "text" without end (32 MB at most), behind its talk if it has
#            one
#   relay    passes everything on to port "to" and back: of what comes back only
#            "at" bytes, then it closes or, with "then" => 'freeze', is silent;
#            all of it without "at"
#
# fix => sub { ... }: gets a piece and all that the client has sent, and returns
# what to say: for proofs that are new each time.

sub new {
    my ($class, @peers) = @_;
    my $udp = ref $peers[0] ? 0 : (splice @peers, 0, 2)[1];
    my $port = free_port();

    for my $peer (@peers) {
        $next++;
        $peer->{ip} = join '.', 127, 66, $next >> 8, $next & 255;
        $peer->{address} = "$peer->{ip}:$port";
        $peer->{udp} = $udp;
        $peer->{fh} = listener($peer, $port);
    }

    my $self = bless { peers => \@peers }, $class;

    $self->{helper} = start_helper('hostile peers', sub { run($_[0], @peers) });
    close $_->{fh} for @peers;

    return $self;
}


sub listener {
    my ($peer, $port) = @_;
    my $type = $peer->{udp} ? SOCK_DGRAM : SOCK_STREAM;

    socket my $fh, PF_INET, $type, 0 or die "socket() failed: $!\n";
    setsockopt $fh, SOL_SOCKET, SO_REUSEADDR, 1;
    bind $fh, pack_sockaddr_in($port, inet_aton($peer->{ip}))
        or die "bind() to $peer->{address} failed: $!\n";

    if (!$peer->{udp}) {
        listen $fh, 100 or die "listen() failed: $!\n";
    }

    $fh->blocking(0);

    return $fh;
}


my ($poll, %by_fd, %drips);

sub run {
    my ($steer, @peers) = @_;

    $poll = IO::Poll->new;
    $poll->mask($steer => POLLIN);

    for my $peer (@peers) {
        $by_fd{fileno $peer->{fh}} = { peer => $peer, fh => $peer->{fh},
                                       listens => 1 };
        $poll->mask($peer->{fh} => POLLIN);
    }

    local $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $n = $poll->poll(keys %drips ? 0.1 : 5);

        drip($_) for values %drips;
        next if $n <= 0;

        return if $poll->events($steer);

        for my $fh ($poll->handles(POLLIN | POLLOUT | POLLERR | POLLHUP)) {
            my $c = $by_fd{fileno($fh) // -1} or next;

            $c->{listens} ? take($c) : serve($c);
        }
    }
}


sub take {
    my ($l) = @_;

    return answer_datagram($l) if $l->{peer}{udp};

    for (1 .. 20) {
        accept my $fh, $l->{fh} or return;

        my $how = $l->{peer}{how};

        if ($how eq 'close' || $how eq 'reset') {
            setsockopt $fh, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)
                if $how eq 'reset';
            close $fh;
            next;
        }

        $fh->blocking(0);

        my $c = { peer => $l->{peer}, fh => $fh, got => 0, sent => 0,
                  piece => 0, out => '' };

        $by_fd{fileno $fh} = $c;
        $c->{out} = $l->{peer}{text} if $how eq 'say' || $how eq 'flood'
                                                         && !$l->{peer}{talk};

        if ($how eq 'relay') {
            relay($c);
            next;
        }

        $drips{fileno $fh} = $c if $how eq 'drip';
        advance($c);
    }
}


# the other end: a server's answers go to the client's side, and the reverse

sub relay {
    my ($c) = @_;

    socket my $fh, PF_INET, SOCK_STREAM, 0 or return hang_up($c);
    connect $fh, pack_sockaddr_in($c->{peer}{to}, INADDR_LOOPBACK)
        or return hang_up($c);
    $fh->blocking(0);

    my $server = { peer => $c->{peer}, fh => $fh, got => 0, sent => 0,
                   out => '', other => $c, server => 1 };

    $c->{other} = $server;
    $by_fd{fileno $fh} = $server;
    $poll->mask($_->{fh} => POLLIN) for $c, $server;
}


sub pass_on {
    my ($c, $data) = @_;
    my $to = $c->{other} or return;
    my $at = $c->{peer}{at};

    if ($c->{server} && defined $at) {
        my $left = $at - $c->{got};

        $data = substr $data, 0, $left if length $data > $left;
    }

    $c->{got} += length $data;
    $to->{out} .= $data;
    $to->{end} = 1 if $c->{server} && defined $at && $c->{got} >= $at
                      && ($c->{peer}{then} // 'close') eq 'close';
    write_out($to);
}


sub answer_datagram {
    my ($l) = @_;
    my $peer = $l->{peer};
    my $from = recv $l->{fh}, my $data, 65536, 0 or return;
    my $text = $peer->{text} // join '', map { $_->[1] } @{ $peer->{talk} };

    return if $peer->{how} eq 'silent';

    $text = $peer->{fix}->($text, $data) if $peer->{fix} && !$peer->{text};
    $text = substr $text, 0, $peer->{at} if $peer->{how} eq 'cut';

    send $l->{fh}, $text, 0, $from
        for 1 .. ($peer->{how} eq 'flood' ? 100 : 1);
}


sub serve {
    my ($c) = @_;

    for (1 .. 8) {
        last if !$by_fd{fileno($c->{fh}) // -1};

        my $n = sysread $c->{fh}, my $data, 65536;

        if (!defined $n) {
            last if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
            return hang_up($c);
        }

        return hang_up($c) if $n == 0;

        if ($c->{other}) {
            pass_on($c, $data);
            next;
        }

        $c->{got} += $n;
        $c->{heard} .= $data if $c->{peer}{fix};
    }

    return $c->{other} ? write_out($c) : advance($c)
        if $by_fd{fileno($c->{fh}) // -1};
}


sub advance {
    my ($c) = @_;
    my $peer = $c->{peer};
    my $how = $peer->{how};
    my $talk = $peer->{talk} // [];

    if ($how eq 'good' || $how eq 'cut' || $how eq 'drip' || $peer->{talk}) {
        while ($c->{piece} < @$talk && $talk->[$c->{piece}][0] <= $c->{got}) {
            my $text = $talk->[$c->{piece}++][1];

            $c->{end} = 1 if !length $text;
            $text = $peer->{fix}->($text, $c->{heard}) if $peer->{fix};
            $c->{out} .= $text;
        }

        if ($how eq 'flood' && $c->{piece} == @$talk && !$c->{endless}++) {
            $c->{out} .= $peer->{text};
        }

        if ($how eq 'cut') {
            my $left = $peer->{at} - $c->{sent};

            $c->{out} = substr $c->{out}, 0, $left
                if length $c->{out} > $left;
        }
    }

    write_out($c) if $how ne 'drip';
}


sub write_out {
    my ($c) = @_;
    my $how = $c->{peer}{how};

    for (1 .. 16) {
        last if !length $c->{out};

        my $n = syswrite $c->{fh}, $c->{out};

        if (!defined $n) {
            last if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
            return hang_up($c);
        }

        $c->{sent} += $n;
        substr $c->{out}, 0, $n, '';
        $c->{out} = $c->{peer}{text}
            if $how eq 'flood' && !length $c->{out} && $c->{sent} < 32 << 20
               && (!$c->{peer}{talk} || $c->{endless});
    }

    return hang_up($c) if $how eq 'cut' && $c->{sent} >= $c->{peer}{at}
                          || $c->{end} && !length $c->{out};

    $poll->mask($c->{fh} => length $c->{out} ? POLLIN | POLLOUT : POLLIN);
}


sub drip {
    my ($c) = @_;

    return if ($c->{next} // 0) > time || !length $c->{out};

    syswrite $c->{fh}, substr($c->{out}, 0, 1, '') or return hang_up($c);
    $c->{next} = time + 1;
}


sub hang_up {
    my ($c) = @_;
    my $fd = fileno $c->{fh} // return;
    my $other = delete $c->{other};

    if ($other) {
        delete $other->{other};
        hang_up($other) if !$c->{server}
                           || ($c->{peer}{then} // 'close') eq 'close';
    }

    $poll->remove($c->{fh});
    delete $drips{$fd};
    delete $by_fd{$fd};
    close $c->{fh};
}


1;

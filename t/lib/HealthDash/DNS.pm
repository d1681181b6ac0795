package HealthDash::DNS;

# A name server for tests, in a process of its own: HealthDash::DNS->new,
# address() for "resolver", set('a.test', '127.0.0.1', '::1') for what it
# answers.  A name without addresses does not exist; 'silence' is no answer.

use strict;
use warnings;

use Socket;

use HealthDash::Run qw(at_end free_port in_child track untrack);


sub new {
    my ($class, %arg) = @_;
    my $self = bless { port => free_port() }, $class;

    socket my $udp, PF_INET, SOCK_DGRAM, 0 or die "socket() failed: $!\n";
    bind $udp, pack_sockaddr_in($self->{port}, INADDR_LOOPBACK)
        or die "bind() failed: $!\n";

    socketpair my $mine, my $theirs, AF_UNIX, SOCK_DGRAM, PF_UNSPEC
        or die "socketpair() failed: $!\n";

    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        in_child();
        POSIX::setpgid(0, 0);
        close $mine;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        $0 = 'name server of a test';
        serve($udp, $theirs);
        POSIX::_exit(0);
    }

    close $theirs;
    POSIX::setpgid($pid, $pid);
    track($pid);
    $self->{fh} = $mine;

    at_end {
        kill 'KILL', $pid;
        waitpid $pid, 0;
        untrack($pid);
    };

    return $self;
}


sub address { return "127.0.0.1:$_[0]{port}"; }


# It holds when this returns.

sub set {
    my ($self, $name, @addresses) = @_;

    send $self->{fh}, join(' ', lc $name, @addresses), 0;
    recv $self->{fh}, my $ok, 16, 0;

    return $self;
}


sub serve {
    my ($udp, $control) = @_;
    my %names;

    while (1) {
        my $rin = '';

        vec($rin, fileno $_, 1) = 1 for $udp, $control;
        select $rin, undef, undef, undef;

        if (vec $rin, fileno $control, 1) {
            defined recv $control, my $line, 4096, 0 or return;
            return if !length $line;

            my ($name, @addresses) = split / /, $line;

            $names{$name} = \@addresses;
            send $control, 'ok', 0;
        }

        if (vec $rin, fileno $udp, 1) {
            my $from = recv $udp, my $query, 512, 0;
            my $answer = defined $from ? answer(\%names, $query) : undef;

            send $udp, $answer, 0, $from if defined $answer;
        }
    }
}


# RFC 1035: header, the question again, and addresses with a TTL of 1 s

sub answer {
    my ($names, $query) = @_;
    my ($id) = unpack 'n', $query;
    my ($pos, @labels) = (12);

    while (my $n = ord substr $query, $pos, 1) {
        push @labels, substr $query, $pos + 1, $n;
        $pos += $n + 1;
    }

    my $type = unpack 'n', substr $query, $pos + 1, 2;
    my $question = substr $query, 12, $pos + 5 - 12;
    my @list = @{ $names->{lc join '.', @labels} // [] };

    return if "@list" eq 'silence';

    my $count = 0;
    my $records = '';

    for (@list) {
        my $family = /:/ ? PF_INET6 : PF_INET;

        next if $type != ($family == PF_INET6 ? 28 : 1);

        my $data = Socket::inet_pton($family, $_);

        $count++;
        $records .= pack 'n n n N n/a*', 0xc00c, $type, 1, 1, $data;
    }

    return pack('n6', $id, 0x8180 | (@list ? 0 : 3), 1, $count, 0, 0)
           . $question . $records;
}


1;

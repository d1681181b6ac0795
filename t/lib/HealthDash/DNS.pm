package HealthDash::DNS;

# A scriptable DNS server: UDP, A, AAAA and SRV, in a process of its own.
#
#   my $dns = HealthDash::DNS->new(name => 'dns');   # port('dns')
#
#   $dns->set('app.test', a => ['127.0.0.1'], aaaa => ['::1'], ttl => 1);
#   $dns->set('_http._tcp.app.test', srv => [[1, 10, 80, 'a.test']], ttl => 1);
#                                            # priority, weight, port, name
#   $dns->set('app.test', rcode => 3);       # NXDOMAIN; 2: SERVFAIL
#   $dns->set('app.test', silent => 1);      # no answer
#   $dns->set('app.test');                   # forgotten: NXDOMAIN
#   $dns->silent(1);                         # no answer to anything
#
#   $dns->count('app.test', 'A')             # questions so far
#
# What is not set does not exist; a name without addresses of the type asked
# for gets an empty answer.

use strict;
use warnings;

use IO::Socket::INET ();
use Socket qw(:DEFAULT inet_pton);

use HealthDash::Run qw(port start_helper);
use HealthDash::Server;

my %type = (1 => 'A', 28 => 'AAAA', 33 => 'SRV');


sub new {
    my ($class, %arg) = @_;
    my $self = bless { name => $arg{name} // 'dns' }, $class;

    $self->{port} = $arg{port} // port($self->{name});

    my $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
                                    LocalPort => $self->{port})
        or die "cannot listen on UDP port $self->{port}: $!\n";

    $self->{process} = start_helper('name server of a test',
                                    sub { run($_[0], $udp) });

    return $self;
}


sub address { return "127.0.0.1:$_[0]{port}"; }


sub set {
    my ($self, $name, @how) = @_;

    return $self->call({ op => 'set', name => lc $name, how => { @how } });
}


sub silent {
    my ($self, $on) = @_;

    return $self->call({ op => 'silent', on => $on });
}


sub count {
    my ($self, $name, $type) = @_;

    return $self->call({ op => 'count', name => lc $name, type => $type });
}


sub call {
    my ($self, $message) = @_;
    my $fh = $self->{process}{fh};

    HealthDash::Server::send_message($fh, $message);

    my $answer = HealthDash::Server::read_message($fh)
        // die "the name server is gone\n";

    return $answer->{result};
}


# The process

sub run {
    my ($control, $udp) = @_;
    my $state = { names => {}, count => {}, silent => 0 };

    while (1) {
        my $r = '';

        vec($r, fileno $_, 1) = 1 for $control, $udp;

        next if select($r, undef, undef, undef) <= 0;

        if (vec $r, fileno $udp, 1) {
            my $peer = recv $udp, my $question, 4096, 0;
            my $text = defined $peer ? answer($state, $question) : undef;

            send $udp, $text, 0, $peer if defined $text;
        }

        if (vec $r, fileno $control, 1) {
            my $message = HealthDash::Server::read_message($control) // return;

            HealthDash::Server::send_message(
                $control, { result => handle($state, $message) });
        }
    }
}


sub handle {
    my ($state, $message) = @_;

    if ($message->{op} eq 'set') {
        $state->{names}{$message->{name}} = $message->{how};

    } elsif ($message->{op} eq 'silent') {
        $state->{silent} = $message->{on};

    } else {
        my $of = $state->{count}{$message->{name}} // {};
        my $sum = 0;

        $sum += $_ for defined $message->{type} ? $of->{$message->{type}} // 0
                                                : values %$of;
        return $sum;
    }

    return 1;
}


# The answer to a question, or nothing

sub answer {
    my ($state, $in) = @_;

    return if length $in < 17;

    my ($id, $flags, $n) = unpack 'n3', $in;
    my ($pos, @labels) = (12);

    while (my $size = ord substr $in, $pos, 1) {
        push @labels, substr $in, $pos + 1, $size;
        $pos += $size + 1;
        return if $pos + 5 > length $in;
    }

    my $question = substr $in, 12, $pos + 5 - 12;
    my $number = unpack 'n', substr $in, $pos + 1, 2;
    my $type = $type{$number} // 'other';
    my $name = lc join '.', @labels;
    my $how = $state->{names}{$name} // {};

    $state->{count}{$name}{$type}++;

    return if $state->{silent} || $how->{silent};

    my $list = $how->{lc $type} // [];
    my $rcode = $how->{rcode} // (%$how ? 0 : 3);

    # a pointer to the name in the question, type, class, TTL, data

    my @records = map {
        pack 'n n n N n/a*', 0xc00c, $number, 1, $how->{ttl} // 1,
             data($type, $_);
    } $rcode ? () : @$list;

    return pack('n6', $id, 0x8180 | $rcode, 1, scalar @records, 0, 0)
           . $question . join '', @records;
}


sub data {
    my ($type, $what) = @_;

    return inet_pton($type eq 'A' ? AF_INET : AF_INET6, $what)
        if $type ne 'SRV';

    my ($priority, $weight, $port, $name) = @$what;

    return pack 'n3 (C/a*)* x', $priority, $weight, $port, split /\./, $name;
}


1;

package HealthDash::Events;

# A viewer of a live stream: connects, reads what has come without waiting, and
# cuts it into messages.  It can be told to read nothing, too.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR);
use JSON::PP ();
use Time::HiRes qw(time);

use HealthDash::Client ();
use HealthDash::Run qw(wait_until);


# new(port =>, path => '/status?format=events', headers => { }, buffer => BYTES)

sub new {
    my ($class, %arg) = @_;
    my $self = bless {
        path => '/status?format=events', headers => {}, %arg,
        in => '', body => '', messages => [], beats => 0, id => undef,
        times => [],
    }, $class;

    $self->connect;

    return $self;
}


# again, with the id of the last message, as a browser does

sub connect {
    my ($self) = @_;
    my $h = $self->{headers};
    my %last = defined $self->{id} ? ('Last-Event-ID' => $self->{id}) : ();

    $self->{fh} = HealthDash::Client::open_connection($self)
        or die "cannot connect: $!\n";
    setsockopt $self->{fh}, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(),
               $self->{buffer} if $self->{buffer};
    $self->{head} = undef;
    $self->{in} = '';
    $self->{body} = '';
    $self->{closed} = 0;
    $self->{ended} = 0;
    $self->{out} = HealthDash::Client::request_text(
                       'GET', $self->{path}, { %$h, %last }, undef,
                       'keep-alive');

    return $self;
}


sub close {
    my ($self) = @_;

    CORE::close $self->{fh} if $self->{fh};
    $self->{fh} = undef;
    $self->{closed} = 1;
}


# Sends what is to be sent; returns true when that is all.

sub ask {
    my ($self) = @_;
    my $n;

    return 1 if !length $self->{out};

    local $SIG{PIPE} = 'IGNORE';

    $n = syswrite $self->{fh}, $self->{out};
    substr $self->{out}, 0, $n, '' if $n;

    return !length $self->{out};
}


# Reads what there is; returns false when the connection was closed.

sub poll {
    my ($self) = @_;

    while (!$self->{closed} && $self->ask) {
        my $n = sysread $self->{fh}, $self->{in}, 65536, length $self->{in};

        last if !defined $n && ($! == EAGAIN || $! == EINTR);

        if (!$n) {
            $self->{closed} = 1;
            CORE::close $self->{fh};
        }
    }

    $self->parse;

    return !$self->{closed};
}


sub parse {
    my ($self) = @_;

    if (!defined $self->{head}) {
        $self->{in} =~ s/^(.*?\r\n)\r\n//s or return;
        $self->{head} = $1;
        ($self->{status}) = $1 =~ m{^HTTP/1\.1 (\d+)};
    }

    if ($self->{head} =~ /^Transfer-Encoding: chunked/mi) {
        $self->parse_chunks;

    } else {
        $self->{body} .= $self->{in};
        $self->{in} = '';
    }

    $self->parse_message($1) while $self->{body} =~ s/^(.*?)\n\n//s;
}


sub parse_chunks {
    my ($self) = @_;

    while ($self->{in} =~ /^([0-9a-f]+)\r\n/) {
        my ($size, $start) = (hex $1, length($1) + 2);

        last if length $self->{in} < $start + $size + 2;

        $self->{body} .= substr $self->{in}, $start, $size;
        substr $self->{in}, 0, $start + $size + 2, '';
        $self->{ended} = 1 if !$size;
    }
}


sub parse_message {
    my ($self, $text) = @_;
    my %m;

    for (split /\n/, $text) {
        if (/^(id|event|data|retry): ?(.*)$/s) {
            $m{$1} = $2;

        } else {
            push @{ $self->{errors} }, $_;
        }
    }

    $self->{retry} = $m{retry} if defined $m{retry};
    return if !defined $m{event};

    if ($m{event} eq 'beat') {
        $self->{beats}++;
        push @{ $self->{errors} }, $text if $m{data} ne '{}' || defined $m{id};
        return;
    }

    $self->{id} = $m{id};
    $m{at} = time();
    $m{size} = length $m{data};
    push @{ $self->{messages} }, \%m;
}


sub messages { return @{ $_[0]{messages} }; }


# the data of a message, decoded once

sub data {
    my ($m) = @_;

    return $m->{json} //= JSON::PP->new->utf8->decode($m->{data});
}


# all ids of events that it was told of, in order

sub events {
    my ($self) = @_;

    return map { map { $_->{id} } @{ data($_)->{events} } } $self->messages;
}


# wait(sub { MESSAGE }, SECONDS, 'what'): the first message, of all that came,
# for which the code is true

sub wait {
    my ($self, $code, $seconds, $what) = @_;
    my $i = 0;

    return wait_until(sub {
        $self->poll;

        for ( ; $i < @{ $self->{messages} }; $i++) {
            return $self->{messages}[$i] if $code->($self->{messages}[$i]);
        }

        return;
    }, $seconds, $what);
}


1;

package HealthDash::Backend;

# Scriptable servers.  All backends of a test file live in one forked process
# with an event loop (HealthDash::Server); own => 1 gives one a process of its
# own, to stop or kill it.  The test steers them over a socket pair.

use strict;
use warnings;

use HealthDash::Run qw(port start_helper);
use HealthDash::Server;

my ($shared, %by_name);
my $next_id = 0;


# new(name => 'b1', ...): starts to listen.  Where:
#
#   addr => '127.0.0.1', port => port(name); an IPv6 address works, too;
#   or unix => '/path'
#
# and any behaviour that set() knows.

sub new {
    my ($class, %arg) = @_;
    my $self = bless {}, $class;

    $self->{id} = ++$next_id;
    $self->{name} = delete $arg{name} // "backend$next_id";
    $self->{unix} = delete $arg{unix};
    $self->{ip} = delete $arg{addr} // '127.0.0.1';
    $self->{port} = delete $arg{port};
    $self->{port} //= port($self->{name}) if !defined $self->{unix};
    $self->{process} = delete $arg{own} ? start_process()
                                        : ($shared //= start_process());

    $self->call('add', map { $_ => $self->{$_} } qw(name ip port unix));
    $self->set(%arg) if %arg;

    $by_name{$self->{name}} = $self;

    return $self;
}


# "127.0.0.1:8081", "[::1]:8081" or "unix:/path", as nginx writes it

sub address {
    my ($self) = @_;

    return "unix:$self->{unix}" if defined $self->{unix};
    return "[$self->{ip}]:$self->{port}" if $self->{ip} =~ /:/;
    return "$self->{ip}:$self->{port}";
}


sub name { return $_[0]{name}; }
sub port_number { return $_[0]{port}; }
sub pid { return $_[0]{process}{pid}; }

sub by_name { return $by_name{$_[1]}; }


# set(key => value, ...) or set('/path', key => value, ...): replaces what the
# backend answers, on all paths or on this one; set('/path') alone makes the
# path ordinary again.  The answer:
#
#   status => 200, reason => 'OK', headers => { } or [ ], body => 'text'
#   raw => 'bytes'        in place of the whole answer
#   prefix => 'bytes'     before the answer (a 1xx, for instance)
#   chunked => N          chunks of N bytes;  length => 0: ended by close
#   keepalive => 0        Connection: close
#
# how it is sent:
#
#   delay => SECONDS      before the first byte
#   body_delay => SECONDS between header and body
#   drip => SECONDS       between pieces of drip_size => 1 bytes
#   cut => N              N bytes of it, then close
#   hang => 1             never;  close => 1, reset => 1: close in its place
#
# and, without a path, what happens to a new connection:
#
#   accept => 'http' (default), 'hang', 'close', 'reset', 'tcp': take it, and
#             serve HTTP, do nothing, close, reset, or send "greeting" and
#             answer any bytes with "reply"
#   accept => 'stall': the kernel takes it, nobody else does
#   accept => 'blackhole': even the kernel does not answer

sub set {
    my ($self, @arg) = @_;
    my $path = @arg % 2 ? shift @arg : undef;

    $self->call('set', path => $path, how => { @arg });
    return $self;
}


# script([path,] { ... }, { ... }): the next answers, one each, before what
# set() said holds again.

sub script {
    my ($self, @list) = @_;
    my $path = ref $list[0] ? undef : shift @list;

    $self->call('script', path => $path, list => \@list);
    return $self;
}


# left(): how many of them are still to come

sub left { return $_[0]->call('left'); }


# refuse(): as if the server had died: no listener, connections closed.
# accept(): it listens again.

sub refuse { $_[0]->call('refuse'); return $_[0]; }
sub accept { $_[0]->call('listen'); return $_[0]; }


# What was asked.  Filters: path => '/x' or qr//, method, host, since => time.
# Each request: { time, method, uri, path, proto, host, headers, body, peer,
# conn }; header names in lower case.

sub requests {
    my ($self, %filter) = @_;

    return @{ $self->call('requests', filter(%filter)) };
}


sub count {
    my ($self, %filter) = @_;

    return $self->call('count', filter(%filter));
}


# connections accepted since the start or reset(), and open now

sub connections { return $_[0]->call('connections')->[0]; }
sub open_connections { return $_[0]->call('connections')->[1]; }

sub reset { $_[0]->call('reset'); return $_[0]; }


sub filter {
    my (%filter) = @_;

    # a pattern travels as text: "(?^i:...)"

    for (values %filter) {
        $_ = { re => "$_" } if ref eq 'Regexp';
    }

    return %filter;
}


sub call {
    my ($self, $op, %arg) = @_;
    my $fh = $self->{process}{fh};

    HealthDash::Server::send_message($fh, { op => $op, id => $self->{id},
                                            %arg });
    my $answer = HealthDash::Server::read_message($fh)
        // die "the process of backend $self->{name} is gone\n";

    die "backend $self->{name}: $answer->{error}\n" if $answer->{error};

    return $answer->{result};
}


sub start_process {
    return start_helper('backends of a test', \&HealthDash::Server::run);
}


1;

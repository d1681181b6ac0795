package HealthDash::Keeper;

# A client that asks and keeps its connection: it needs no new one to ask again.

use strict;
use warnings;

use HealthDash::Client ();
use HealthDash::Run qw(port wait_until);


# new(): connects to port('web') and asks once

sub new {
    my ($class) = @_;
    my $fh = HealthDash::Client::open_connection({ port => port('web') });
    my $self = bless { fh => $fh }, $class;

    $self->get('/');

    return $self;
}


# get(PATH): the answer; undef if there is none, or the connection was closed

sub get {
    my ($self, $path) = @_;
    my $fh = $self->{fh};
    my $in = '';
    my $text = "GET $path HTTP/1.1\r\nHost: x\r\n\r\n";

    local $SIG{PIPE} = 'IGNORE';

    wait_until(sub {
        my $n = syswrite $fh, $text;

        substr $text, 0, $n, '' if $n;
        return !length $text || $!{EPIPE};
    }, 5, 'sending');

    my $size;

    wait_until(sub {
        my $n = sysread $fh, $in, 65536, length $in;

        $size = HealthDash::Client::response_size($in, 0);
        return $size || (defined $n && $n == 0);
    }, 5, 'an answer') or return;

    return $size && HealthDash::Client::parse_response($in, 'GET');
}


1;

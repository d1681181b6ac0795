package HealthDash::Kinds;

# One way of asking for each type that talks to a server: what tests of all
# types have in common.  A recording of a good answer belongs to each.

use strict;
use warnings;

use Digest::SHA ();
use Exporter qw(import);

our @EXPORT_OK = qw(kinds kind_conf);


# "url": with %s for the address; "lines": of the probe block, with the type;
# "udp": datagrams; "fix": see HealthDash::Hostile.

my @kinds = (
    { name => 'http', url => 'http://%s/', lines => 'expect body ~ ok;' },
    { name => 'websocket', url => 'websocket://%s/', fix => \&accept_key },
    { name => 'tcp', url => 'tcp://%s',
      lines => 'send "PING\r\n"; expect ~ PONG;' },
    { name => 'udp', url => 'udp://%s', udp => 1,
      lines => 'send "PING\r\n"; expect ~ PONG;' },
    { name => 'dns', url => 'dns://%s', udp => 1, fix => \&same_number,
      lines => 'name www.example.test;' },
    { name => 'redis', url => 'redis://%s',
      lines => 'password s3cret; role primary;' },
    { name => 'memcached', url => 'memcached://%s', lines => 'item shop;' },
    { name => 'postgres', url => 'postgres://%s',
      lines => 'user probe; database postgres; query "select 1";' },
    { name => 'mysql', url => 'mysql://%s',
      lines => 'user probe; password s3cret; query "select 1";' },
    { name => 'smtp', url => 'smtp://%s' },
    { name => 'imap', url => 'imap://%s' },
    { name => 'pop3', url => 'pop3://%s' },
    { name => 'ftp', url => 'ftp://%s', lines => 'user probe; password s3cret;' },
    { name => 'fastcgi', url => 'fastcgi://%s/ping',
      lines => 'expect body = pong;' },
    { name => 'uwsgi', url => 'uwsgi://%s/', lines => 'expect body ~ ok;' },
    { name => 'ajp', url => 'ajp://%s' },
    { name => 'http2', type => 'http', url => 'http://%s/',
      lines => 'http 2; expect body ~ ok;' },
    { name => 'grpc', url => 'grpc://%s' },
);


sub kinds { return @kinds; }


# an answer has the query's own number in front

sub same_number {
    my ($text, $heard) = @_;

    substr $text, 0, 2, substr $heard, 0, 2;
    return $text;
}


# the proof of RFC 6455, 4.2.2

sub accept_key {
    my ($text, $heard) = @_;
    my ($key) = $heard =~ /^Sec-WebSocket-Key: (\S+)/mi or return $text;
    my $proof = Digest::SHA::sha1_base64(
        "${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");

    $text =~ s/^(Sec-WebSocket-Accept:) \S+/$1 $proof=/m;
    return $text;
}


# kind_conf($kind): the probe block "as-NAME" and what a service needs to use it

sub kind_conf {
    my ($kind, $more) = @_;
    my $type = $kind->{type} // $kind->{name};
    my $lines = $kind->{lines} // '';

    return "healthdash_probe as-$kind->{name} { type $type; $lines "
           . ($more // '') . " }\n";
}


1;

package HealthDash::Kinds;

# One way of asking for each type that talks to a server: what tests of all
# types have in common.  A recording of a good answer belongs to each.

use strict;
use warnings;

use Digest::SHA ();
use Exporter qw(import);

use HealthDash::Recording qw(recording);

our @EXPORT_OK = qw(kinds tls_kinds endless_hello kind_conf
                    kind_service);


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


# The same over TLS, be it from the first byte or by STARTTLS.  "hello": how many
# bytes a server has heard in clear text, and what it says to them.

my %hello = (
    smtp => [ 35, [ 0, "220 mail\r\n" ], [ 25, "250-mail\r\n250 STARTTLS\r\n" ],
              [ 35, "220 go\r\n" ] ],
    imap => [ 12, [ 0, "* OK mail\r\n" ], [ 12, "a OK go\r\n" ] ],
    pop3 => [ 6, [ 0, "+OK mail\r\n" ], [ 6, "+OK go\r\n" ] ],
    ftp => [ 10, [ 0, "220 ftp\r\n" ], [ 10, "234 go\r\n" ] ],
    postgres => [ 8, [ 8, 'S' ] ],
);

my @tls_kinds = (
    { name => 'https', url => 'https://%s/', lines => 'expect body ~ ok;' },
    { name => 'https2', type => 'https', url => 'https://%s/',
      lines => 'http 2; expect body ~ ok;' },
    { name => 'grpcs', url => 'grpcs://%s' },
    { name => 'websockets', url => 'websockets://%s/' },
    { name => 'tls', url => 'tls://%s' },
    { name => 'rediss', url => 'rediss://%s', lines => 'password s3cret;' },
    { name => 'smtps', url => 'smtps://%s' },
    { name => 'imaps', url => 'imaps://%s' },
    { name => 'pop3s', url => 'pop3s://%s' },
    (map { { name => "$_-starttls", type => $_, url => "$_://%s",
             starttls => $_ } } qw(smtp imap pop3 ftp)),
    { name => 'postgres-starttls', type => 'postgres', url => 'postgres://%s',
      lines => 'user probe; password secret; database postgres;',
      starttls => 'postgres' },
    { name => 'mysql-starttls', type => 'mysql', url => 'mysql://%s',
      lines => 'user probe; password secret;', starttls => 'mysql' },
);


sub kinds { return @kinds; }

sub tls_kinds {
    my @list = map { { %$_ } } @tls_kinds;

    $hello{mysql} //= mysql_hello();

    for my $kind (@list) {
        my $starts = $kind->{starttls};

        $kind->{hello} = defined $starts ? $hello{$starts} : [ 0 ];
        $kind->{lines} = ($kind->{lines} // '') . ' verify off;'
                         . (defined $starts ? ' starttls on;' : '');
    }

    return @list;
}


# A peer that answers a ClientHello with a HelloRequest, again and again: a whole
# message in a whole record, which a client of TLS passes over.

sub endless_hello {
    my ($kind) = @_;
    my ($heard, @talk) = @{ $kind->{hello} };
    my $text = pack('H*', '160303000400000000') x 1000;

    return (how => 'flood', talk => [ @talk, [ $heard + 1, $text ] ],
            text => $text);
}


# the greeting of a MariaDB without TLS, with the bit that says it has it

sub mysql_hello {
    my $greeting = (recording('mysql'))[0][1];
    my $at = index($greeting, "\0", 5) + 1 + 4 + 8 + 1;

    substr $greeting, $at + 1, 1, chr(8 | ord substr $greeting, $at + 1, 1);

    return [ 36, [ 0, $greeting ] ];
}


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


# kind_service($kind, NAME, ADDRESS, MORE): a service that is asked by it

sub kind_service {
    my ($kind, $name, $address, $more) = @_;

    return sprintf "healthdash_service \"%s\" %s probe=as-%s%s;\n", $name,
                   sprintf($kind->{url}, $address), $kind->{name},
                   $more // '';
}


1;

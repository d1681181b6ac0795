package HealthDash::Moving;

# What tests of servers by DNS share: a name server, and backends with one port
# at 127.0.0.1 and on.

use strict;
use warnings;

use Exporter qw(import);

use HealthDash ();
use HealthDash::DNS;
use HealthDash::Run qw(port);

our @EXPORT_OK = qw(moving name answer);

my ($dns, $ttl);


# moving(N, TTL): the nginx that this needs, the name server, and N backends by
# their number, which is the last of their address; port('app') is theirs

sub moving {
    my ($n, $seconds) = @_;

    $ttl = $seconds // 0;
    HealthDash::need_nginx('1.27.3');
    $dns = HealthDash::DNS->new;

    return $dns, map {
        $_ => HealthDash::backend("b$_", addr => "127.0.0.$_",
                                  port => port('app'))
    } 1 .. $n;
}


# the address and port of a backend

sub name { return "127.0.0.$_[0]:" . port('app'); }


# answer(NAME, NUMBER, ...): from now on the name has these addresses

sub answer {
    my ($name, @numbers) = @_;

    $dns->set($name, a => [ map { "127.0.0.$_" } @numbers ], ttl => $ttl);
}


1;

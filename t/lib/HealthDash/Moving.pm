package HealthDash::Moving;

# What tests of servers by DNS share: a name server, and backends with one port
# at 127.0.0.1 and on.

use strict;
use warnings;

use Exporter qw(import);

use HealthDash ();
use HealthDash::DNS;
use HealthDash::Run qw(port wait_until);

our @EXPORT_OK = qw(moving name answer wait_is apart reload_asked);

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


# wait_is($t, NUMBER, health => 'up', state => 'up', ...): until the server with
# that number is so in upstream "app"

sub wait_is {
    my ($t, $n, %want) = @_;

    return wait_until(sub {
        my $p = HealthDash::hd_peer($t, 'app', name($n));
        return !grep { ($p->{$_} // 'none') ne $want{$_} } keys %want;
    }, 20, "server $n: " . join ' ', map { "$_=$want{$_}" } sort keys %want);
}


# apart(TIME, TIME): how many seconds the second time of the status is later, on
# one day

sub apart {
    my ($from, $to) = map { /T(\d+):(\d+):([\d.]+)Z/
                            ? $1 * 3600 + $2 * 60 + $3 : 0 } @_;

    return ($to - $from) % 86400;
}


# reload_asked($t): a reload, with requests for /x all the time until there are
# only new workers

sub reload_asked {
    my ($t) = @_;
    my %old = map { $_ => 1 } $t->worker_pids;

    $t->reload(wait => 0);

    return wait_until(sub {
        HealthDash::http_burst(port('web'), '/x', 20, keepalive => 0);
        return !grep { $old{$_} } $t->worker_pids;
    }, 10, 'new workers');
}


1;

#!/usr/bin/perl

# Tests for PostgreSQL: log-in, TLS, queries and their rows, and what is said
# when one of them fails, or the server is gone.

use FindBin;
use lib "$FindBin::Bin/lib";
use Socket;

use HealthDash;
use HealthDash::Probe qw(service status_server judged verdict);
use HealthDash::SQL qw(postgres);

my $pg = postgres('pg', ssl => tls_cert(cn => 'db.test'));

$pg->sql("create database $_ owner probe") for qw(onlytls kerberos);

my $at = "127.0.0.1:$pg->{port}";
my $login = 'user=probe password=secret';
my $ca = 'ca=' . tls_ca()->{cert};
my $other = 'ca=' . tls_ca('other')->{cert};
my (@rows, @conf);

sub row {
    my ($name, $want, $url, $parameters) = @_;

    push @rows, [ $name, $want ];
    $parameters = ($parameters // '') . ' interval=300ms'
        if ($parameters // '') !~ /interval=/;
    push @conf, service($name, $url, $parameters);
}

row('SCRAM', 'up', "postgres://probe:secret\@$at");
row('parameters', 'up', "postgres://$at", "$login database=postgres");
row('a unix socket', 'up', "postgres://unix:$pg->{socket}", 'user=probe');
row('wrong password', 'down: log-in refused: 28P01: password authentication '
    . 'failed for user "probe"', "postgres://probe:wrong\@$at");
row('no password', 'down: log-in refused: fe_sendauth: no password supplied',
    "postgres://$at", 'user=probe');
row('unknown user', qr/^down: log-in refused: 28000: no pg_hba.conf entry/,
    "postgres://nobody:secret\@$at");
row('unknown database', 'down: log-in refused: 3D000: database "none" does '
    . 'not exist', "postgres://$at", "$login database=none");

# TLS

row('TLS', 'up', "postgres://$at",
    "$login database=onlytls starttls=on sni=db.test $ca");
row('TLS, days of the certificate', qr{^degraded: cert_days: expected > 40, got \d+},
    "postgres://$at", "$login starttls=on sni=db.test $ca probe=days");
row('TLS, not verified', 'up', "postgres://$at",
    "$login database=onlytls starttls=on verify=off");
row('TLS, not asked for', qr/^down: log-in refused: 28000: pg_hba.conf rejects/,
    "postgres://$at", "$login database=onlytls");
row('TLS, another name', 'down: certificate is for "db.test", expected "b.test"',
    "postgres://$at", "$login starttls=on sni=b.test $ca");
row('TLS, another authority',
    qr/^down: certificate not trusted: /,
    "postgres://$at", "$login starttls=on sni=db.test $other");

# libpq would look the server's name up, and wait for an answer, to log in

my $kerberos = 'down: log-in refused: the server wants Kerberos';

row('Kerberos', $kerberos, "postgres://$at", "$login database=kerberos");
row('Kerberos, over TLS', $kerberos, "postgres://$at",
    "$login database=kerberos starttls=on sni=db.test $ca");

# queries

row('value', 'up', "postgres://$at", "$login probe=value");
row('wrong value', 'down: value: expected > 100, got 42', "postgres://$at",
    "$login probe=wrong_value");
row('row', 'up', "postgres://$at", "$login probe=row");
row('wrong row', 'down: row: expected "bad", got "good"', "postgres://$at",
    "$login probe=wrong_row");
row('no row', qr/^down: row: /, "postgres://$at", "$login probe=no_row");
row('NULL', qr/^down: row: /, "postgres://$at", "$login probe=null");
row('a bad query', 'down: query failed: 42P01: relation "none" does not exist',
    "postgres://$at", "$login \"query=select * from none\"");
row('an error after a row', 'down: query failed: 22012: division by zero',
    "postgres://$at", "$login \"query=select 1/(2-n) from "
                      . 'generate_series(1, 2) n"');
row('many rows', 'up', "postgres://$at",
    "$login \"query=select repeat('x', 100) from generate_series(1, 1000000)\""
    . ' interval=1s');
row('a row that is too large', qr/^down: query failed: more than 1048576 bytes/,
    "postgres://$at", "$login \"query=select repeat('x', 3000000)\" "
                      . 'interval=2s timeout=10s');
row('no rows at all', 'up', "postgres://$at", "$login \"query=set x.y = 1\"");
row('COPY', 'down: query failed: COPY is no query that can be judged',
    "postgres://$at", "$login \"query=copy (select 1) to stdout\"");
row('its role', 'up', "postgres://$at", "$login role=primary max_lag=1s");
row('another role', 'down: wrong role: is a primary, expected a replica',
    "postgres://$at", "$login role=replica");
row('a query that takes too long',
    qr/^down: (?:response timed out after 2s: the query|query failed: 57014)/,
    "postgres://$at", "$login \"query=select pg_sleep(20)\" timeout=2s");

# what is no PostgreSQL

my $http = backend('http');
my $closed = port('closed');

row('a port that is closed', 'down: connection refused',
    "postgres://probe:secret\@127.0.0.1:$closed");
row('no unix socket', 'down: unix socket does not exist',
    "postgres://unix:$pg->{folder}/.s.PGSQL.9", 'user=probe');
row('a server that waits', 'down: response timed out after 2s: the log-in',
    'postgres://probe:secret@' . $http->address, 'timeout=2s');

# one that is known by a name only since the start, and has two addresses

row('another address of its name', 'up', "postgres://localhost:$pg->{port}",
    "$login prefer=ipv6")
    if has_ipv6() && `getent ahosts localhost` =~ /^::1.*^127\.0\.0\.1/ms;

# a server without TLS may be anybody's; libpq would do what each of these asks

sub peer {
    my ($name, $play) = @_;
    my $port = port($name);

    socket my $fh, PF_INET, SOCK_STREAM, 0 or die "socket() failed: $!\n";
    setsockopt $fh, SOL_SOCKET, SO_REUSEADDR, 1;
    bind $fh, pack_sockaddr_in($port, INADDR_LOOPBACK) or die "bind: $!\n";
    listen $fh, 10 or die "listen() failed: $!\n";

    HealthDash::Run::start_helper("peer $name", sub {
        while (accept my $c, $fh) {
            $c->autoflush(1);
            sysread $c, my $startup, 4096;
            $play->($c);
            sysread $c, my $end, 4096;
            print STDERR "# $name: got the password\n"
                if ($end // '') =~ /secret/;
        }
    });

    return "postgres://probe:secret\@127.0.0.1:$port";
}

sub asks { return 'R' . pack('NN', 8 + length $_[1], $_[0]) . $_[1]; }

# SCRAM with so many rounds; the message in so many pieces

sub scram {
    my ($rounds, $pieces) = @_;

    return sub {
        my ($c) = @_;

        syswrite $c, asks(10, "SCRAM-SHA-256\0\0");
        sysread $c, my $first, 4096 or return;

        my ($nonce) = $first =~ /r=(\S+)/ or return;
        my $text = asks(11, "r=${nonce}more,s=c2FsdHNhbHQ=,i=$rounds");

        for my $part ($pieces ? (substr($text, 0, 3), substr($text, 3, 20),
                                 substr($text, 23)) : $text) {
            syswrite $c, $part;
            select undef, undef, undef, 0.1 if $pieces;
        }
    };
}

my $rounds = 'down: the server answered with an error: asks for %s rounds of '
             . 'SCRAM, expected at most 20000';

row('the password in clear text', 'down: log-in refused: the server asks for '
    . 'the password in clear text, expected starttls=on',
    peer('clear', sub { syswrite $_[0], asks(3, '') }));
row('many rounds', sprintf($rounds, 10000000),
    peer('rounds', scram(10000000)));
row('many rounds in pieces', sprintf($rounds, 10000000),
    peer('pieces', scram(10000000, 1)));
row('more rounds than a number has', sprintf($rounds, '9' x 30),
    peer('digits', scram('9' x 30)));
row('rounds that libpq would read', sprintf($rounds, ' 10000000'),
    peer('blank', scram(' 10000000')));
row('a message cut off', qr/^down: response cut short: 7 of 100 bytes/,
    peer('cut', sub { syswrite $_[0], 'R' . pack('NC2', 99, 0, 0);
                      shutdown $_[0], 1 }));
row('a web server', 'down: invalid response: the server speaks HTTP, got '
    . '"HTTP/1.1 400 Bad Request"',
    peer('site', sub { syswrite $_[0], "HTTP/1.1 400 Bad Request\r\n\r\n" }));
row('few rounds', 'down: connection closed without response',
    peer('few', scram(4096, 1)));

my $t = HealthDash->new(workers => 1, http => <<'EOC' . join('', @conf,
healthdash_probe days        { type postgres; warn cert_days > 40; }
healthdash_probe value       { type postgres; query "select 42"; expect value = 42; }
healthdash_probe wrong_value { type postgres; query "select 42"; expect value > 100; }
healthdash_probe row         { type postgres; query "select 'good'"; expect row = good; }
healthdash_probe wrong_row   { type postgres; query "select 'good'"; expect row = bad; }
healthdash_probe no_row      { type postgres; query "select 1 where false"; expect row = 1; }
healthdash_probe null        { type postgres; query "select null"; expect row = 1; }
EOC
    service('frozen', "postgres://$at", "$login timeout=2s"),
    status_server()))->start;

judged($t, @rows);

my $said = sub { verdict(hd_json($t)->{services}{frozen}) };

ok(wait_until(sub { $said->() eq 'up' }, 20), 'the server is up');

$pg->{daemon}->freeze;
ok(wait_until(sub { $said->() =~ /^down: .* timed out after 2s/ },
              20), 'frozen: down') or diag($said->());
$pg->{daemon}->thaw;
ok(wait_until(sub { $said->() eq 'up' }, 20), 'thawed: up');

$pg->{daemon}->stop;
ok(wait_until(sub { $said->() eq 'down: connection refused' }, 20),
   'stopped: down') or diag($said->());
$pg->{daemon}->start;
ok(wait_until(sub { $said->() eq 'up' }, 20), 'started: up');

done_testing();

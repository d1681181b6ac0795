#!/usr/bin/perl

# Tests for MariaDB: log-in, TLS, queries and their rows, and what is said when
# one of them fails, or the server is gone.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server judged verdict);
use HealthDash::SQL qw(mariadb);

my $my = mariadb('my', ssl => tls_cert(cn => 'db.test'));

$my->sql(q{create user only@'%' identified by 'secret' require ssl},
         q{create user bare@'%'});

my $at = "127.0.0.1:$my->{port}";
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

row('a password', 'up', "mysql://probe:secret\@$at");
row('parameters', 'up', "mysql://$at", "$login database=probe");
row('no password', 'up', "mysql://$at", 'user=bare');
row('a unix socket', 'up', "mysql://unix:$my->{socket}", 'user=bare');
row('wrong password', qr/^down: log-in refused: 1045: Access denied for user/,
    "mysql://probe:wrong\@$at");
row('unknown user', qr/^down: log-in refused: 1045: Access denied for user/,
    "mysql://nobody:secret\@$at");
row('unknown database', qr/^down: log-in refused: 10(?:44|49): /,
    "mysql://$at", "$login database=none");

# TLS

row('TLS', 'up', "mysql://only:secret\@$at", "starttls=on sni=db.test $ca");
row('TLS, not verified', 'up', "mysql://only:secret\@$at",
    'starttls=on verify=off');
row('TLS, authorities of the system', qr/^down: certificate not trusted: /,
    "mysql://only:secret\@$at", 'starttls=on sni=db.test');
row('TLS, days left', qr/^degraded: cert_days: expected > 60, got 2\d /,
    "mysql://only:secret\@$at", "starttls=on sni=db.test $ca probe=cert");
row('TLS, not asked for', qr/^down: log-in refused: 1045: /,
    "mysql://only:secret\@$at");
row('TLS, another name',
    'down: certificate is for "db.test", expected "b.test"',
    "mysql://only:secret\@$at", "starttls=on sni=b.test $ca");
row('TLS, another authority', qr/^down: certificate not trusted: /,
    "mysql://only:secret\@$at", "starttls=on sni=db.test $other");

# queries

row('value', 'up', "mysql://$at", "$login probe=value");
row('wrong value', 'down: value: expected > 100, got 42', "mysql://$at",
    "$login probe=wrong_value");
row('row', 'up', "mysql://$at", "$login probe=row");
row('wrong row', 'down: row: expected "bad", got "good"', "mysql://$at",
    "$login probe=wrong_row");
row('no row', qr/^down: row: /, "mysql://$at", "$login probe=no_row");
row('NULL', qr/^down: row: /, "mysql://$at", "$login probe=null");
row('a bad query', qr/^down: query failed: 1064: You have an error/,
    "mysql://$at", "$login \"query=selekt\"");
row('a table that is not there', qr/^down: query failed: 1146: /,
    "mysql://$at", "$login database=probe \"query=select * from none\"");
row('many rows', 'up', "mysql://$at",
    "$login \"query=select repeat('x', 100) from seq_1_to_1000000\""
    . ' database=probe interval=1s');
row('a row that is too large', qr/^down: (?:invalid response: 2020: |connection closed)/,
    "mysql://$at", "$login \"query=select repeat('x', 3000000)\" "
                   . 'interval=2s timeout=10s');
row('no rows at all', 'up', "mysql://$at", "$login \"query=set \@x = 1\"");
row('its role', 'up', "mysql://$at", "$login role=primary max_lag=1s");
row('another role', 'down: wrong role: is a primary, expected a replica',
    "mysql://$at", "$login role=replica");
row('a query that takes too long',
    qr/^down: (?:response timed out after 2s: the query|query failed: 1969)/,
    "mysql://$at", "$login \"query=select sleep(20)\" timeout=2s");

# what is no MariaDB

my $http = backend('http');
my $closed = port('closed');

row('a port that is closed', 'down: connection refused',
    "mysql://probe:secret\@127.0.0.1:$closed");
row('no unix socket', 'down: unix socket does not exist',
    "mysql://unix:$my->{folder}/none", 'user=probe');
row('a server that waits', qr/^down: response timed out after 2s/,
    'mysql://probe:secret@' . $http->address, 'timeout=2s');

my $t = HealthDash->new(workers => 1, http => <<'EOC' . join('', @conf,
healthdash_probe value       { type mysql; query "select 42"; expect value = 42; }
healthdash_probe wrong_value { type mysql; query "select 42"; expect value > 100; }
healthdash_probe cert { type mysql; warn cert_days > 60; }
healthdash_probe row         { type mysql; query "select 'good'"; expect row = good; }
healthdash_probe wrong_row   { type mysql; query "select 'good'"; expect row = bad; }
healthdash_probe no_row      { type mysql; query "select 1 from dual where false"; expect row = 1; }
healthdash_probe null        { type mysql; query "select null"; expect row = 1; }
EOC
    service('role', "mysql://$at", "$login role=primary"),
    service('frozen', "mysql://$at", "$login timeout=2s"),
    service('frozen TLS', "mysql://only:secret\@$at",
            "starttls=on sni=db.test $ca timeout=2s"),
    status_server()))->start;

judged($t, @rows);

my $said = sub { verdict(hd_json($t)->{services}{$_[0] // 'frozen'}) };

ok(wait_until(sub { $said->() eq 'up' }, 20), 'the server is up');
ok(wait_until(sub { $said->('role') eq 'up' }, 20), 'it is the primary');

$my->sql('set global read_only = 1');
ok(wait_until(sub { $said->('role') eq
    'down: wrong role: is a replica, expected a primary' }, 20),
   'read only: it is a replica') or diag($said->('role'));
$my->sql('set global read_only = 0');
ok(wait_until(sub { $said->('role') eq 'up' }, 20), 'not any more');

# slow queries, with TLS too, hold up nobody: they are all asked at once

{
    my $sleeping = "select count(*) from information_schema.processlist"
                   . " where info = 'select sleep(50)'";
    my $all = HealthDash->new(name => 'sleepers', workers => 1,
                              http => join '', map {
        service("plain $_", "mysql://$at",
                "$login \"query=select sleep(50)\" interval=1h timeout=59s"),
        service("TLS $_", "mysql://only:secret\@$at",
                "\"query=select sleep(50)\" interval=1h timeout=59s"
                . " starttls=on sni=db.test $ca") } 1 .. 8)->start;

    ok(wait_until(sub { $my->sql($sleeping) == 16 }, 30), '16 slow queries')
        or diag($my->sql($sleeping));
    $all->stop;
}


$my->{daemon}->freeze;

for my $name ('frozen', 'frozen TLS') {
    ok(wait_until(sub { $said->($name) =~ /^down: .* timed out after 2s/ },
                  20), "$name: down") or diag($said->($name));
}

$my->{daemon}->thaw;
ok(wait_until(sub { $said->() eq 'up' }, 20), 'thawed: up');

$my->{daemon}->stop;
ok(wait_until(sub { $said->() eq 'down: connection refused' }, 20),
   'stopped: down') or diag($said->());
$my->{daemon}->start;
ok(wait_until(sub { $said->() eq 'up' }, 20), 'started: up');

done_testing();

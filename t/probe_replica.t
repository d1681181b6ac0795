#!/usr/bin/perl

# Tests for role= and max_lag= with a primary and a replica of PostgreSQL and
# of MariaDB: who stays in service, a replica that lags, one that is promoted,
# and replication that has stopped.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server verdict);
use HealthDash::SQL qw(postgres mariadb);

my $pg = postgres('pg1');
my $copy = postgres('pg2', replica_of => $pg);
my $my = mariadb('my1', options => [ '--server-id=1', '--log-bin' ]);
my $slave = mariadb('my2', options => [ '--server-id=2' ]);

$my->sql(q{grant replication slave on *.* to probe@'%'});

my ($file, $position) = split /\t/, $my->sql('show master status');

$slave->sql("change master to master_host='127.0.0.1', master_user='probe', "
            . "master_port=$my->{port}, master_password='secret', "
            . "master_log_file='$file', master_log_pos=$position",
            'start slave', 'set global read_only = 1');

my $login = 'user=probe password=secret';

sub url { return "$_[0]://127.0.0.1:$_[1]{port}"; }

my $t = HealthDash->new(workers => 1, http => <<"EOC" . join('',
upstream db {
    server 127.0.0.1:$pg->{port};
    server 127.0.0.1:$copy->{port};
    healthdash_check postgres role=primary $login interval=300ms fails=1 passes=1;
}
EOC
    service('pg replica', url('postgres', $copy),
            "$login role=replica max_lag=3s interval=300ms"),
    service('pg lag', url('postgres', $copy), "$login max_lag=1s "
                                              . 'interval=300ms'),
    service('my primary', url('mysql', $my), "$login role=primary max_lag=1s"),
    service('my replica', url('mysql', $slave),
            "$login role=replica max_lag=60s"),
    status_server()))->start;

my $said = sub { verdict(hd_json($t)->{services}{$_[0]}) };
my $in_service = sub {
    my $peers = hd_json($t)->{upstreams}{db}{peers};
    my @list = grep { $_->{state} eq 'up' } @$peers;

    return join ' ', map { $_->{server} =~ s/.*://r } @list;
};

sub says {
    my ($name, $want, $what) = @_;

    ok(wait_until(sub { $said->($name) =~ $want }, 30), $what)
        or diag($said->($name));
}

says('pg replica', qr/^up$/, 'PostgreSQL: the replica is one');
says('my primary', qr/^up$/, 'MariaDB: the primary is one');
says('my replica', qr/^up$/, 'MariaDB: the replica is one, without lag');

ok(wait_until(sub { $in_service->() eq $pg->{port} }, 20),
   'an upstream has the primary alone in service') or diag($in_service->());

# an idle primary is no lag; what is received and not replayed is

# (before the first transaction is replayed, a lag cannot be told)

$pg->sql('create table t as select 1');
wait_until(sub { eval { $copy->sql('select 1 from t') } }, 30, 'a replay');
says('pg lag', qr/^up$/, 'PostgreSQL: no lag');
$copy->sql('select pg_wal_replay_pause()');
$pg->sql('insert into t values (2)');
says('pg lag', qr/^down: replication lag: [\d.]+s, expected at most 1\.000s$/,
     'replay has paused: lag');
$copy->sql('select pg_wal_replay_resume()');
says('pg lag', qr/^up$/, 'it goes on: none');

$slave->sql('stop slave');
says('my replica', qr/^down: replication lag: replication is not running$/,
     'MariaDB: replication has stopped');
$slave->sql('start slave');
says('my replica', qr/^up$/, 'it goes on');

# a promotion after the primary is gone

$pg->{daemon}->stop;
$copy->sql('select pg_promote()');
says('pg replica', qr/^down: wrong role: is a primary, expected a replica$/,
     'PostgreSQL: the replica was promoted');
ok(wait_until(sub { $in_service->() eq $copy->{port} }, 20),
   'which is alone in service now') or diag($in_service->());

done_testing();

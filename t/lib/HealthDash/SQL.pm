package HealthDash::SQL;

# PostgreSQL and MariaDB as Debian packages them, each in a folder of its own,
# on 127.0.0.1 and a unix socket.
#
#   my $pg = postgres('pg', ssl => { cert =>, key => });
#   my $replica = postgres('pg2', replica_of => $pg);
#   my $my = mariadb('my', ssl => { cert =>, key => }, ca => FILE);
#
#   $pg->sql('select 1')         # as the superuser; dies with what it says
#   $pg->{port}, $pg->{socket}
#   $pg->{daemon}->freeze        # a HealthDash::Daemon
#
# The user "probe" has the password "secret" and the database "probe".

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();

use HealthDash::Daemon qw(daemon need);
use HealthDash::Run qw(tmp_dir port write_file in_child wait_until);

our @EXPORT_OK = qw(postgres mariadb);

my $user = 'nobody';


sub postgres {
    my ($name, %arg) = @_;
    my $self = bless { name => $name, port => port($name), %arg }, __PACKAGE__;

    $self->{folder} = own_folder($name);
    $self->{data} = "$self->{folder}/data";
    $self->{socket} = "$self->{folder}/.s.PGSQL.$self->{port}";
    $self->{client} = [ pg_program('psql'), '-X', '-q', '-A', '-t',
                        '-v', 'ON_ERROR_STOP=1', '-h', $self->{folder},
                        '-p', $self->{port}, '-U', 'admin', '-d', 'postgres',
                        '-c' ];

    $arg{replica_of} ? pg_copy($self, $arg{replica_of}) : pg_create($self);

    $self->{daemon} = daemon($name, user => $user, stop => 'INT',
                             argv => [ pg_program('postgres'), '-D',
                                       $self->{data}, '-p', $self->{port},
                                       '-k', $self->{folder} ],
                             ready => sub { $self->answers });

    $self->sql("create role probe login password 'secret'",
               'create database probe owner probe') if !$arg{replica_of};

    return $self;
}


sub pg_create {
    my ($self) = @_;

    run(pg_program('initdb'), '-D', $self->{data}, '-U', 'admin', '-N',
        '-A', 'trust', '--no-locale', '-E', 'UTF8');

    pg_conf($self);
    write_file("$self->{data}/pg_hba.conf", <<'EOF');
local all all trust
hostssl onlytls probe 127.0.0.1/32 scram-sha-256
hostnossl onlytls probe 127.0.0.1/32 reject
host kerberos probe 127.0.0.1/32 gss
host all probe 127.0.0.1/32 scram-sha-256
host replication admin 127.0.0.1/32 trust
EOF
}


# a replica that streams

sub pg_copy {
    my ($self, $primary) = @_;

    run(pg_program('pg_basebackup'), '-D', $self->{data}, '-h', '127.0.0.1',
        '-p', $primary->{port}, '-U', 'admin', '-R', '-X', 'stream',
        '-c', 'fast', '-N');

    pg_conf($self);
}


sub pg_conf {
    my ($self) = @_;
    my $conf = <<'EOF';
listen_addresses = '127.0.0.1'
fsync = off
shared_buffers = 1MB
max_connections = 100
password_encryption = 'scram-sha-256'
EOF

    if ($self->{ssl}) {
        my ($cert, $key) = own_files($self, $self->{ssl});
        $conf .= "ssl = on\nssl_cert_file = '$cert'\nssl_key_file = '$key'\n";
    }

    write_file("$self->{data}/postgresql.conf", $conf);
}


sub mariadb {
    my ($name, %arg) = @_;
    my $self = bless { name => $name, port => port($name), %arg }, __PACKAGE__;

    $self->{folder} = own_folder($name);
    $self->{data} = "$self->{folder}/data";
    $self->{socket} = "$self->{folder}/my.sock";
    $self->{client} = [ need('mariadb', 'mysql'), '--no-defaults',
                        "--socket=$self->{socket}", '-u', 'root', '-N', '-B',
                        '-e' ];

    # what /tmp has is shared with all that run at the same time

    mkdir "$self->{folder}/tmp" or die "cannot create a folder for it: $!\n";
    own("$self->{folder}/tmp");

    run(need('mariadb-install-db'), '--no-defaults',
        "--datadir=$self->{data}", "--tmpdir=$self->{folder}/tmp",
        '--skip-test-db',
        '--auth-root-authentication-method=normal');

    my @ssl = $self->{ssl} ? my_ssl($self) : ();

    $self->{daemon} = daemon($name, user => $user,
                             argv => [ need('mariadbd'), '--no-defaults',
                                       "--datadir=$self->{data}",
                                       "--tmpdir=$self->{folder}/tmp",
                                       "--port=$self->{port}",
                                       "--socket=$self->{socket}",
                                       "--pid-file=$self->{folder}/pid",
                                       '--bind-address=127.0.0.1',
                                       '--skip-name-resolve',
                                       '--innodb-flush-log-at-trx-commit=0',
                                       '--innodb-buffer-pool-size=8M',
                                       '--innodb-log-file-size=4M',
                                       '--key-buffer-size=1M',
                                       '--performance-schema=off', @ssl,
                                       @{ $arg{options} // [] } ],
                             ready => sub { $self->answers });

    $self->sql(q{create database probe},
               q{create user probe@'%' identified by 'secret'},
               q{grant select on probe.* to probe@'%'},
               q{grant replica monitor on *.* to probe@'%'});

    return $self;
}


sub my_ssl {
    my ($self) = @_;
    my ($cert, $key) = own_files($self, $self->{ssl});

    return ("--ssl-cert=$cert", "--ssl-key=$key",
            $self->{ca} ? "--ssl-ca=$self->{ca}" : ());
}


# $db->sql(STATEMENT, ...): what the last one prints

sub sql {
    my ($self, @list) = @_;

    return (map { run(@{ $self->{client} }, $_) } @list)[-1];
}


sub answers {
    my ($self) = @_;

    return eval { $self->sql('select 1'); 1 };
}


# /usr/local/bin may have programs of the same names that are no PostgreSQL of
# Debian's, or only one of them

sub pg_program {
    my ($name) = @_;
    my ($dir) = sort { version($b) <=> version($a) }
                grep { -x "$_/postgres" && -x "$_/initdb" }
                glob '/usr/lib/postgresql/*/bin';

    die "PostgreSQL is not installed: run \"make test-deps\"\n"
        if !defined $dir;

    return "$dir/$name";
}

sub version { return $_[0] =~ m{/(\d+)} ? $1 : 0; }


sub own_folder {
    my ($name) = @_;
    my $folder = tmp_dir() . "/sql-$name";

    mkdir $folder or die "cannot create $folder: $!\n";
    own($folder);

    return $folder;
}


# a server takes a key only if nobody else can read it

sub own_files {
    my ($self, $ssl) = @_;

    return map {
        my $to = "$self->{folder}/$_.pem";

        open my $fh, '<', $ssl->{$_} or die "cannot open $ssl->{$_}: $!\n";
        write_file($to, do { local $/; <$fh> });
        chmod 0600, $to;
        own($to);
        $to;
    } qw(cert key);
}


sub own {
    my ($path) = @_;

    chown((getpwnam $user)[2, 3], $path) if $> == 0;
}


# A program as that user: its output; dies with it if it fails.

sub run {
    my (@argv) = @_;
    my $pid = open(my $fh, '-|') // die "fork() failed: $!\n";

    if ($pid == 0) {
        in_child();
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        chdir '/';

        if ($> == 0) {
            my ($uid, $gid) = (getpwnam $user)[2, 3];
            $) = "$gid $gid";
            $( = $gid;
            POSIX::setuid($uid);
        }

        delete $ENV{$_} for grep { /^(?:PG|MYSQL)/ } keys %ENV;
        exec { $argv[0] } @argv or print "cannot run $argv[0]: $!\n";
        POSIX::_exit(127);
    }

    my $out = do { local $/; <$fh> } // '';

    close $fh or die "$argv[0] failed:\n$out\n";
    chomp $out;

    return $out;
}


1;

#!/usr/bin/perl

# Tests for probes of Redis: real servers with passwords, users, TLS, replicas,
# that are stopped, frozen, loading or change their role; and answers that no
# Redis gives.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Daemon qw(daemon need);
use HealthDash::Probe qw(service status_server verdict);

my $redis = need('redis-server');
my $password = 'hunter2-of-redis';


# redis(NAME, ARGUMENTS): one that keeps nothing on disk

sub redis {
    my ($name, @arg) = @_;
    my $dir = tmp_dir() . "/redis-$name";

    mkdir $dir;
    chmod 0777, $dir;

    return daemon($name, port => port($name), user => 'nobody', dir => $dir,
                  argv => [ $redis, '--port', port($name), '--bind',
                            '127.0.0.1', '--save', '', '--dir', $dir, @arg ]);
}


# says COMMAND to a server, returns its answer's first line

sub command {
    my ($name, $command) = @_;
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                   PeerPort => port($name), Timeout => 10)
             or die "cannot connect to $name: $!\n";

    print $fh "$command\r\n";
    return scalar <$fh>;
}


my %server;

$server{plain} = redis('plain');
$server{locked} = redis('locked', '--requirepass', $password);
$server{users} = redis('users', '--user', 'default', 'off', '--user', 'probe',
                       'on', ">$password", '+ping', '+info', '--user', 'poor',
                       'on', ">$password", '-@all', '+auth');
$server{primary} = redis('primary', '--repl-ping-replica-period', 1);
$server{replica} = redis('replica', '--replicaof', '127.0.0.1',
                         port('primary'));
$server{strict} = redis('strict', '--replicaof', '127.0.0.1', port('primary'),
                        '--replica-serve-stale-data', 'no');
$server{gone} = redis('gone')->stop;

# one that takes a minute to load its data, unless it is told otherwise

my @slow = ('--dbfilename', 'dump.rdb', '--enable-debug-command', 'local',
            '--loading-process-events-interval-bytes', 1024,
            '--key-load-delay', 20000);

$server{loading} = redis('loading', @slow);
command('loading', 'DEBUG POPULATE 3000');
like(command('loading', 'SAVE'), qr/OK/, 'data to load is there');
$server{loading}->stop;
$server{loading}->start;

my $cert = tls_cert(cn => 'redis.test');
my $ca = tls_ca();
my $tls = port('tls');

$server{tls} = daemon('tls', port => $tls, dir => tmp_dir(),
                      argv => [ $redis, '--port', 0, '--tls-port', $tls,
                                '--bind', '127.0.0.1', '--save', '',
                                '--tls-cert-file', $cert->{cert},
                                '--tls-key-file', $cert->{key},
                                '--tls-auth-clients', 'no',
                                '--requirepass', $password ]);

my %script = (
    misconf => '-MISCONF Redis is configured to save RDB snapshots',
    busy => '-BUSY Redis is busy running a script.',
    denied => '-DENIED Redis is running in protected mode because',
    clients => '-ERR max number of clients reached',
    http => "HTTP/1.1 400 Bad Request\r\nServer: x\r\n",
    alert => "\x15\x03\x03\x00\x02\x02\x46",
    garbage => "SSH-2.0-OpenSSH_9.2\x07",
    echo => "-ERR unknown command 'AUTH', with args beginning with: "
            . "'$password' ",
);

backend($_, accept => 'tcp', reply => "$script{$_}\r\n") for keys %script;
backend('silent', accept => 'hang');
backend('closes', accept => 'close');

my $secret = tmp_dir() . '/redis.password';

open my $fh, '>', $secret or die "cannot write $secret: $!\n";
print $fh "$password\n";
close $fh;
chmod 0600, $secret;

my $login = 'log-in refused: "%s", expected user= and password=';
my $wrong = sprintf $login,
            'WRONGPASS invalid username-password pair or user is disabled.';

# name, address, parameters, what is said of it

my @rows = (
    [ 'plain', 'plain', '', 'up' ],
    [ 'not asked for one', 'plain', 'password=x', sprintf $login,
      'ERR AUTH <password> called without any password configured for the '
      . 'default user. Are you sure yo' ],
    [ 'locked', 'locked', "password=\@$secret", 'up' ],
    [ 'locked, default', 'locked', "user=default password=\@$secret", 'up' ],
    [ 'locked, role', 'locked', "password=\@$secret role=primary", 'up' ],
    [ 'no password', 'locked', '', sprintf $login,
      'NOAUTH Authentication required.' ],
    [ 'wrong password', 'locked', 'password=wrong', $wrong ],
    [ 'wrong user', 'locked', "user=nobody password=\@$secret", $wrong ],
    [ 'user', 'users', "user=probe password=\@$secret", 'up' ],
    [ 'short', 'users', "user=probe password=\@$secret timeout=2s", 'up' ],
    [ 'user, role', 'users', "user=probe password=\@$secret role=primary",
      'up' ],
    [ 'user without right', 'users', "user=poor password=\@$secret",
      qr/^log-in refused: "NOPERM .*'ping' command.*", expected a user that/ ],
    [ 'primary', 'primary', 'role=primary max_lag=10s', 'up' ],
    [ 'no replica', 'primary', 'role=replica',
      'wrong role: is a primary, expected a replica' ],
    [ 'replica', 'replica', 'role=replica', 'up' ],
    [ 'lag', 'replica', 'max_lag=1m', 'up' ],
    [ 'no primary', 'replica', 'role=primary',
      'wrong role: is a replica, expected a primary' ],
    [ 'any role', 'replica', '', 'up' ],
    [ 'strict', 'strict', '', 'up' ],
    [ 'loading', 'loading', '', 'not serving: redis is loading its data' ],
    [ 'loading, role', 'loading', 'role=primary',
      'not serving: redis is loading its data' ],
    [ 'gone', 'gone', '', 'connection refused' ],
    [ 'in time', 'plain', 'probe=quick', 'up' ],
    [ 'too late', 'plain', 'probe=never', qr/^time: expected > 10s, got / ],
    [ 'tls', 'tls', "sni=redis.test ca=$ca->{cert} password=\@$secret", 'up' ],
    [ 'tls, no password', 'tls', "sni=redis.test ca=$ca->{cert}",
      sprintf $login, 'NOAUTH Authentication required.' ],
    [ 'tls, name', 'tls', "sni=other.test ca=$ca->{cert}",
      'certificate is for "redis.test", expected "other.test"' ],
    [ 'tls is not offered', 'plain', 'verify=off timeout=500ms',
      qr/^(?:tls|connection)/, 'rediss' ],
    [ 'tls is asked for', 'tls', '', qr/^(?:invalid response: the server
      \ speaks\ TLS|connection\ (?:closed\ without|reset\ during)
      \ response)/x, 'redis' ],
    [ 'misconf', 'misconf', '',
      'not serving: redis takes no writes, it cannot save its data to disk' ],
    [ 'busy', 'busy', '', 'not serving: redis is busy with a script' ],
    [ 'denied', 'denied', '', 'log-in refused: "DENIED Redis is running in '
      . 'protected mode because", expected protected-mode no' ],
    [ 'clients', 'clients', '', 'the server answered with an error: '
      . '"ERR max number of clients reached" to PING' ],
    [ 'http', 'http', '', 'invalid response: the server speaks HTTP, got '
      . '"HTTP/1.1 400 Bad Request"' ],
    [ 'alert', 'alert', '', 'invalid response: the server speaks TLS' ],
    [ 'garbage', 'garbage', '', 'invalid response: not a Redis answer, got '
      . '"SSH-2.0-OpenSSH_9.2?"' ],
    [ 'echo', 'echo', "password=\@$secret", sprintf $login,
      "ERR unknown command 'AUTH', " ],
    [ 'silent', 'silent', 'timeout=300ms', 'response timed out after 300ms' ],
    [ 'closes', 'closes', '', qr/^connection closed without response|reset/ ],
);

my $conf = '';

for (@rows) {
    my ($name, $where, $parameters, undef, $type) = @$_;

    $type //= $where eq 'tls' ? 'rediss' : 'redis';
    $conf .= service($name, "$type://127.0.0.1:" . port($where), $parameters);
}

$conf = "healthdash_probe quick { expect time < 10s; }\n"
        . "healthdash_probe never { expect time > 10s; }\n" . $conf;

my $upstream = <<"EOF_CONF";
upstream cache {
    server 127.0.0.1:${\ port('primary') };
    server 127.0.0.1:${\ port('replica') };
    healthdash_check redis role=primary interval=100ms timeout=20s fails=1
                     passes=1 jitter=0%;
}
EOF_CONF

my $t = HealthDash->new(http => $conf . $upstream . status_server())->start;


sub text { return verdict($_[0]) =~ s/^(?:down|degraded): //r; }

sub says {
    my ($name, $want) = @_;
    my $got = '';

    wait_until(sub {
        $got = text(hd_json($t)->{services}{$name});
        return ref $want ? $got =~ $want : $got eq $want;
    }, 15);

    ref $want ? like($got, $want, $name) : is($got, $want, $name);
}


says($_->[0], $_->[3]) for @rows;

my $services = hd_json($t)->{services};

is($services->{'wrong password'}{reason}{code}, 'login', 'the code: login');
is($services->{'no primary'}{reason}{code}, 'role', 'role');

like(command('loading', 'CONFIG SET key-load-delay 0'), qr/OK/,
     'it loads faster');
says('loading', 'up');
says('loading, role', 'up');


# A role that changes, as a service and in an upstream

my ($first, $second) = map { '127.0.0.1:' . port($_) } qw(primary replica);

sub in_service {
    my ($address, $health) = @_;

    return wait_until(sub {
        my $peer = hd_peer($t, 'cache', $address);
        return $peer && $peer->{health} eq $health;
    }, 30);
}

ok(in_service($first, 'up'), 'the primary is in service');
ok(in_service($second, 'down'), 'the replica is not');

like(command('replica', 'REPLICAOF NO ONE'), qr/OK/, 'the replica is promoted');
says('no primary', 'up');
says('replica', 'wrong role: is a primary, expected a replica');
ok(in_service($second, 'up'), 'and in service');

like(command('primary', 'REPLICAOF 127.0.0.1 ' . port('replica')), qr/OK/,
     'the primary follows it');
says('primary', 'wrong role: is a replica, expected a primary');
says('no replica', 'up');
ok(in_service($first, 'down'), 'and is out of service');


# A replica whose primary is stopped: "strict" follows the old primary, which
# is a replica itself now

$server{replica}->stop;
says('no replica', qr/^replication lag: link to its primary is down/);
says('no primary', 'connection refused');

$server{primary}->stop;
says('strict', 'not serving: link to its primary is down, and '
               . 'replica-serve-stale-data is off');


# Frozen and stopped

$server{users}->freeze;
says('short', 'response timed out after 2s');

$server{users}->thaw;
says('short', 'up');

$server{locked}->stop;
says('locked', 'connection refused');

$server{locked}->start;
says('locked', 'up');


# Nothing that was printed has the password

my $all = http_get(port('web'), '/status?format=json')->{body}
          . http_get(port('web'), '/status')->{body};

{
    open my $log, '<', $t->log_file or die "cannot open the log: $!\n";
    local $/;
    $all .= <$log>;
}

unlike($all, qr/\Q$password\E/, 'the password is nowhere');

done_testing();

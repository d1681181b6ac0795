#!/usr/bin/perl

# Tests for what can happen before the first byte: addresses, unix sockets,
# names, and port= (A47, A54, A55).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::DNS;
use HealthDash::Probe qw(service status_server verdict judged);

my $dir = tmp_dir();
my $v6 = has_ipv6();
my $dns = HealthDash::DNS->new;
my (@rows, @conf, %unix);

sub row {
    my ($name, $want, $url, $parameters) = @_;

    push @rows, [ $name, $want ];
    push @conf, service($name, $url, $parameters);
}

my $b = backend('b1');
my $dead = port('dead');
my $refused = 'down: connection refused';
my $timeout = 'down: connect timed out after 300ms';
my $short = 'timeout=300ms';


# addresses

for my $type (qw(http tcp)) {
    my $hole = backend("hole $type", accept => 'blackhole');

    row("$type", 'up', "$type://" . $b->address);
    row("$type refused", $refused, "$type://127.0.0.1:$dead");
    row("$type black hole", $timeout, "$type://" . $hole->address, $short);
}

# for tcp the connection is all, and it did come about

my $reset = backend('reset', accept => 'reset');
my $close = backend('close', accept => 'close');
my $hang = backend('hang', accept => 'hang');

row('http hanging', 'down: response timed out after 300ms',
    'http://' . $hang->address, $short);
row('tcp hanging', 'up', 'tcp://' . $hang->address, $short);
row('tcp closing', 'up', 'tcp://' . $close->address);

# The reset may come before nginx has seen that it is connected; a tcp probe of
# such a server passes or not.

row('http resetting', qr/^down: connection reset (?:while|during)/,
    'http://' . $reset->address);
row('http closing',
    qr/^down: connection (?:closed without|reset during) response$/,
    'http://' . $close->address);

# Linux gives this error for any broadcast address, also for loopback's

my $nowhere = '127.255.255.255';

row('unreachable', 'down: host or network unreachable', "http://$nowhere:80");

if ($v6) {
    my $b6 = backend('b6', addr => '::1');
    my $hole6 = backend('hole6', addr => '::1', accept => 'blackhole');

    row('IPv6', 'up', 'http://' . $b6->address);
    row('IPv6 refused', $refused, "tcp://[::1]:$dead");
    row('IPv6 black hole', $timeout, 'http://' . $hole6->address, $short);
}

# unix sockets

sub unix_row {
    my ($name, $want, $file, $parameters, %how) = @_;

    $unix{$file} = backend("unix $file", unix => "$dir/$file", %how)
        if !$how{missing};
    row("unix $name", $want, "http://unix:$dir/$file:/", $parameters);
    row("unix $name by tcp", $want, "tcp://unix:$dir/$file", $parameters);
}

unix_row('plain', 'up', 'plain.sock');
unix_row('with blanks', 'up', 'a  b.sock');
unix_row('missing', 'down: unix socket does not exist', 'missing.sock', '',
         missing => 1);
unix_row('without a listener', $refused, 'dead.sock');
unix_row('with a full queue', "$refused: listen queue full", 'full.sock', '',
         accept => 'blackhole');
unix_row('re-created', 'up', 'again.sock');

$unix{'dead.sock'}->refuse;

# root may connect to everything, so the workers are somebody else

my @nobody = getpwnam 'nobody';
my $user = $> == 0 && @nobody ? 'nobody ' . getgrgid $nobody[3] : undef;

if ($> != 0 || $user) {
    unix_row('closed to us', 'down: no permission to connect', 'closed.sock');
    chmod 0, "$dir/closed.sock";
    unix_row('in a closed folder', 'down: no permission to connect',
             'in/closed.sock', '', missing => 1);
    mkdir "$dir/in", 0700;
    chmod 0, "$dir/in";
}


# Names.  All addresses of a name are tried, one after the other, and the
# reason names the one that was tried last.

my $hole = backend('hole', accept => 'blackhole');
my $half = backend('half', addr => '127.0.0.4', port => $b->port_number,
                   accept => 'blackhole');

sub named {
    my ($name, $want, $how, $port, $parameters) = @_;
    my $host = 'n' . @rows . '.test';

    $dns->set($host, %$how);
    row("name $name", $want, "http://$host:$port", $parameters);
}

my $port = $b->port_number;
my @dead = ('127.0.0.2', '127.0.0.3');

named('with an address', 'up', { a => [ '127.0.0.1' ] }, $port);
named('with one good address', 'up', { a => [ @dead, '127.0.0.1' ] }, $port);
named('with bad addresses',
      qr/^down: connection refused: 127\.0\.0\.[23]:$dead$/, { a => \@dead },
      $dead);
named('with a black hole', 'up', { a => [ '127.0.0.4', '127.0.0.1' ] }, $port,
      'timeout=4s');
named('with an unreachable address', 'up', { a => [ $nowhere, '127.0.0.1' ] },
      $port);
named('of an unreachable address', 'down: host or network unreachable:'
      . " $nowhere:$port", { a => [ $nowhere ] }, $port);
named('of a black hole', 'down: connect timed out after 2s: '
      . $hole->address, { a => [ '127.0.0.1' ] }, $hole->port_number,
      'timeout=2s');
named('with IPv6 only', 'up', { aaaa => [ '::1' ] }, port('b6')) if $v6;
named('with a dead IPv6 address', 'up',
      { a => [ '127.0.0.1' ], aaaa => [ '::1' ] }, $port) if $v6;
named('unknown', qr/^down: host name not found: n\d+\.test$/, {}, $port);
named('without an answer',
      qr/^down: name lookup timed out after 300ms: n\d+\.test$/,
      { silent => 1 }, $port, $short);

my $t = HealthDash->new(user => $user, http => join '',
    'resolver ' . $dns->address . ($v6 ? '' : ' ipv6=off') . ";\n",
    @conf, status_server())->start;

judged($t, @rows);


# a socket that comes back is a new one

for my $name ('unix re-created', 'unix re-created by tcp') {
    my $is = sub { verdict(hd_json($t)->{services}{$name}) };

    $unix{'again.sock'}->refuse;
    ok(wait_until(sub { $is->() eq $refused }, 5), "$name: gone");
    unlink "$dir/again.sock";
    ok(wait_until(sub { $is->() eq 'down: unix socket does not exist' }, 5),
       "$name: removed");
    $unix{'again.sock'}->accept;
    ok(wait_until(sub { $is->() eq 'up' }, 5), "$name: back");
}

$t->stop;


# port= of a check

my $side = backend('side', status => 503);
my $side6 = $v6 ? backend('side6', addr => '::1', port => $side->port_number,
                          status => 503) : undef;
my $servers = 'server ' . $b->address . ';'
              . ($v6 ? ' server [::1]:' . port('b6') . ';' : '');
my $every = 'interval=100ms timeout=20s fails=1';

my $conf = sub {
    my ($server) = @_;

    return <<"EOF";
http {
    upstream side {
        $server
        healthdash_check http port=%%PORT_side%% $every;
    }
    upstream own { $servers healthdash_check http $every; }
    @{[ status_server() ]}
}
EOF
};

my $p = HealthDash->new(conf => $conf->($servers))->start;

for my $upstream (qw(side own)) {
    my $want = $upstream eq 'own' ? 'up' : 'down';

    ok(wait_until(sub {
        my @peers = @{ hd_json($p)->{upstreams}{$upstream}{peers} };

        return !grep { $_->{health} ne $want } @peers;
    }, 10), "$upstream: the port that was asked is judged");
}

ok($side->count, 'the other port is asked');
ok($side6->count, 'of IPv6 servers as well') if $v6;

my ($rc, $out) = $p->conf_test($conf->("server unix:$dir/plain.sock;"));

is($rc, 1, 'port= is refused for a unix socket');
like($out, qr/\[emerg\].*parameter "port" has no meaning.* in \S+:\d+$/m,
     'with a line that says so');

done_testing();

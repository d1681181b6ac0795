#!/usr/bin/perl

# Tests for probes of memcached: its version, items and what is in them, a
# server that is stopped or frozen, and answers that no memcached gives.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Daemon qw(daemon need);
use HealthDash::Probe qw(service status_server judged verdict);

my $memcached = need('memcached');

sub memcached {
    my ($name, @arg) = @_;

    return daemon($name, port => port($name),
                  argv => [ $memcached, '-l', '127.0.0.1', '-p', port($name),
                            '-U', 0, '-u', 'nobody', '-m', 64, @arg ]);
}


# what a server answers to COMMAND, one line

sub command {
    my ($name, $command) = @_;
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                   PeerPort => port($name), Timeout => 10)
             or die "cannot connect to $name: $!\n";

    print $fh "$command\r\n";
    return scalar <$fh>;
}


my $users = tmp_dir() . '/memcached.users';

open my $fh, '>', $users or die "cannot write $users: $!\n";
print $fh "probe:secret\n";
close $fh;
chmod 0644, $users;

my $cache = memcached('cache');
my $locked = memcached('locked', '-Y', $users);
my $gone = memcached('gone')->stop;

my %item = (greeting => 'hello', empty => '', big => 'x' x 200000,
            lines => "a\r\nEND\r\nb");

for (sort keys %item) {
    like(command('cache', "set $_ 7 0 " . length($item{$_}) . "\r\n$item{$_}"),
         qr/^STORED/, "$_ is set");
}

my %script = (
    error => "SERVER_ERROR out of memory\r\n",
    http => "HTTP/1.1 400 Bad Request\r\n\r\n",
    alert => "\x15\x03\x03\x00\x02\x02\x46",
    redis => "-ERR unknown command\r\n",
);

backend($_, accept => 'tcp', reply => $script{$_}) for keys %script;
backend('silent', accept => 'hang');

my @rows = (
    [ 'version', 'cache', '', 'up' ],
    [ 'item', 'cache', 'item=greeting', 'up' ],
    [ 'empty', 'cache', 'item=empty', 'up' ],
    [ 'big', 'cache', 'item=big', 'up' ],
    [ 'lines', 'cache', 'item=lines', 'up' ],
    [ 'missing', 'cache', 'item=nothing',
      'down: row: there is no item "nothing", expected one' ],
    [ 'value', 'cache', 'item=greeting probe=hello', 'up' ],
    [ 'other value', 'cache', 'item=lines probe=hello', qr/^down: row.*hello/ ],
    [ 'locked', 'locked', '',
      'down: log-in refused: "CLIENT_ERROR unauthenticated"' ],
    [ 'gone', 'gone', '', 'down: connection refused' ],
    [ 'error', 'error', '', 'down: the server answered with an error: '
      . '"SERVER_ERROR out of memory"' ],
    [ 'http', 'http', '', 'down: invalid response: the server speaks HTTP, '
      . 'got "HTTP/1.1 400 Bad Request"' ],
    [ 'alert', 'alert', '', 'down: invalid response: the server speaks TLS' ],
    [ 'redis', 'redis', '', 'down: invalid response: not a memcached answer, '
      . 'got "-ERR unknown command"' ],
    [ 'silent', 'silent', 'timeout=300ms',
      'down: response timed out after 300ms' ],
);

my $conf = "healthdash_probe hello { expect row = hello; }\n";

for (@rows) {
    my ($name, $where, $parameters) = @$_;

    $conf .= service($name, 'memcached://127.0.0.1:' . port($where),
                     $parameters);
}

$conf .= service('short', 'memcached://127.0.0.1:' . port('cache'),
                 'timeout=500ms');
$conf .= <<"CONF";
upstream cache {
    server 127.0.0.1:${\ port('cache') };
    server 127.0.0.1:${\ port('gone') };
    healthdash_check memcached item=greeting interval=100ms timeout=20s fails=1
                     passes=1;
}
CONF

my $t = HealthDash->new(http => $conf . status_server())->start;

judged($t, map { [ @$_[0, 3] ] } @rows);

sub says {
    my ($name, $want) = @_;
    my $got = '';

    wait_until(sub {
        $got = verdict(hd_json($t)->{services}{$name});
        return $got eq $want;
    }, 15);

    is($got, $want, $name);
}

sub peer {
    my ($name) = @_;
    return hd_peer($t, 'cache', '127.0.0.1:' . port($name))->{health};
}

ok(wait_until(sub { peer('cache') eq 'up' && peer('gone') eq 'down' }, 10),
   'servers of an upstream, too');

like(command('cache', 'delete greeting'), qr/DELETED/, 'the item goes');
says('item', 'down: row: there is no item "greeting", expected one');
ok(wait_until(sub { peer('cache') eq 'down' }, 10), 'in the upstream, too');

$cache->freeze;
says('short', 'down: response timed out after 500ms');

$cache->thaw;
says('short', 'up');

$cache->stop;
says('version', 'down: connection refused');

$cache->start;
says('version', 'up');

done_testing();

#!/usr/bin/perl

# Tests for what is left in service when servers are down: backups, min_up,
# one server alone, several upstreams in one zone (A26, A35, A36, A37, A40).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(farm break_server mend_server front flood peer_is
                            wait_peer wait_health);

my $port = port('farm');
my @ip = map { "127.0.0.$_" } 1 .. 7;
my %ip = map { $_ => "127.0.0.$_" } 1 .. 7;

my $farm = farm($port, @ip);

my $check = 'healthdash_check http uri=/healthz interval=100ms fails=1'
            . ' passes=1 jitter=0% timeout=20s';

# "1 2 3b" are the servers 127.0.0.1, 127.0.0.2 and, as a backup, 127.0.0.3

sub upstream {
    my ($name, $servers, $param, $lines) = @_;
    my $text = join '', map {
        my ($n, $backup) = /^(\d)(b?)$/;
        "server 127.0.0.$n:$port" . ($backup ? ' backup' : '') . ";\n"
    } split ' ', $servers;

    return "upstream $name {\n" . ($lines // '')
           . "\n$text$check $param;\n}\n";
}

my $t = HealthDash->new(workers => 2, http =>
    upstream('backup', '1 2 3b 4b', 'min_up=1', 'zone both 512k;')
    . upstream('large', '1 2 3 4 5 6b 7b', 'min_up=1', 'zone both 512k;')
    . upstream('private', '1 2 3b', 'min_up=1')
    . upstream('kept', '1', '')
    . upstream('kept_zone', '1', '', 'zone kept 64k;')
    . upstream('strict', '1', 'min_up=0')
    . upstream('strict_zone', '1', 'min_up=0', 'zone strict 64k;')
    . upstream('two', '1 2 3', 'min_up=2')
    . upstream('half', '1 2 3 4 5', 'min_up=50%')
    . upstream('none', '1 2b', 'min_up=0')
    . front())->start;


# the numbers of the servers that get requests, and the other statuses

sub serving {
    my ($upstream) = @_;
    my $r = flood(port('web'), 200, host => $upstream);
    my @numbers = map { (split /\./)[3] } keys %{ $r->{backend} };

    return join ' ', sort(@numbers), grep { $_ != 200 } keys %{ $r->{status} };
}

sub wait_serving {
    my ($upstream, $want, $name) = @_;
    my $got;

    wait_until(sub { ($got = serving($upstream)) eq $want }, 10, $name);
    is($got, $want, $name);
}

sub peers { hd_json($t)->{upstreams}{$_[0]}{peers} // [] }

# one field of all servers of an upstream: "up down up"

sub field {
    my ($upstream, $key) = @_;
    return join ' ', map { $_->{$key} } @{ peers($upstream) };
}

sub wait_field {
    my ($upstream, $key, $want, $name) = @_;
    my $got;

    wait_until(sub { ($got = field($upstream, $key)) eq $want }, 10, $name);
    is($got, $want, $name);
}


ok(wait_health($t), 'all servers are probed, backups too');

# lists in a zone: names, roles and order are exact

is_deeply([ map { [ @$_{qw(id name server)}, $_->{backup} ? 1 : 0 ] }
            @{ peers('large') } ],
          [ map { [ $_ - 1, ("$ip{$_}:$port") x 2, $_ > 5 ? 1 : 0 ] }
            1 .. 7 ],
          '5 servers and 2 backups in a zone have their names and roles');

is(serving('backup'), '1 2', 'backups get nothing while all is well');


# one server of several

break_server($ip{1});

wait_field('backup', 'state', 'unhealthy up up up', 'one is taken out');
is(serving('backup'), '2', 'and the other serves, not the backups');
wait_field('large', 'state', 'unhealthy up up up up up up',
           'another upstream in the same zone has its own list');
is(serving('large'), '2 3 4 5', 'that is obeyed, too');

wait_field('two', 'state', 'unhealthy up up', 'min_up=2 lets one of three go');
is(serving('two'), '2 3', 'and two serve');


# the one server of an upstream

wait_peer($t, 'kept', "$ip{1}:$port", health => 'down');
my $peer = hd_peer($t, 'kept', "$ip{1}:$port");
is(join(' ', @$peer{qw(state health)}), 'up down',
   'the only server stays in service');
ok($peer->{kept}, 'and is shown as kept');
is(serving('kept'), '1', 'and serves');
wait_field('kept_zone', 'kept', '1', 'with a zone it is kept');
is(serving('kept_zone'), '1', 'and serves, too');

wait_field('strict', 'state', 'unhealthy', 'with min_up=0 it is taken out');
is(serving('strict'), '502', 'and nothing serves');
wait_field('strict_zone', 'state', 'unhealthy', 'with a zone, too');
is(serving('strict_zone'), '502', 'nothing serves, either');

wait_serving('none', '2', 'a backup takes over from the one server');


# all servers but the backups

break_server($ip{2});

for my $u (qw(backup private)) {
    wait_field($u, 'state', $u eq 'backup' ? 'unhealthy unhealthy up up'
                                           : 'unhealthy unhealthy up',
               "$u: all but the backups are out");
    is(serving($u), $u eq 'backup' ? '3 4' : '3', "$u: the backups take over");
}

wait_serving('large', '3 4 5', 'the other upstream of the zone loses two');


# min_up

wait_field('two', 'health', 'down down up', 'two of three are down');
wait_field('two', 'kept', '1 1 0', 'min_up=2 keeps both in service');
is(field('two', 'state'), 'up up up', 'for nginx they are up');
is(serving('two'), '1 2 3', 'and serve');

wait_field('half', 'state', 'unhealthy unhealthy up up up',
           'min_up=50% lets two of five go');
is(serving('half'), '3 4 5', 'and three serve');

break_server($ip{3});

wait_field('half', 'health', 'down down down up up', 'three of five are down');
wait_field('half', 'kept', '1 1 1 0 0', 'they are kept by min_up=50%');
is(serving('half'), '1 2 3 4 5', 'all serve');

wait_field('private', 'kept', '1 1 1', 'the last backup keeps all in service');
is(serving('private'), '1 2', 'so the servers serve again before backups');

wait_serving('none', '502', 'with min_up=0 nothing is kept');


# everything is down

my $mark = $t->log_mark;

break_server(@ip);

wait_field('large', 'kept', '1 1 1 1 1 1 1', 'all are down, all are kept');
is(field('large', 'state'), 'up up up up up up up', 'in service for nginx');
is(field('large', 'health'), join(' ', ('down') x 7), 'and shown as down');
is(serving('large'), '1 2 3 4 5', 'requests are served');

my %checks = map { $_->{name} => $_->{health_checks}{checks} }
             @{ peers('large') };

ok(wait_until(sub {
    !grep { $_->{health_checks}{checks} < $checks{$_->{name}} + 5 }
          @{ peers('large') };
}, 10), 'probes go on');

my @lines = grep { /upstream "large" is down/ } split /\n/, $t->log($mark);

is(scalar @lines, 4, 'each server that went down is logged once');
like($lines[-1], qr/, kept in service by min_up$/,
     'the last of them with what is done about it');


# and all comes back

mend_server(@ip);

wait_serving('backup', '1 2', 'when they are back, backups rest');
wait_serving('private', '1 2', 'without a zone, too');
wait_serving('strict', '1', 'an upstream that was empty serves again');
wait_serving('strict_zone', '1', 'with a zone, too');
wait_serving('large', '1 2 3 4 5', 'so does the large one');
wait_serving('two', '1 2 3', 'and that with min_up=2');

for my $u (qw(backup large private kept two half none)) {
    wait_field($u, 'health', join(' ', ('up') x @{ peers($u) }),
               "$u: all are up");
    unlike(field($u, 'kept'), qr/1/, "$u: none is kept");
}



# reloads: what is known of two upstreams in one zone is known at once

break_server($ip{1});

my @want = ('unhealthy up up up', 'unhealthy up up up up up up');

wait_field('backup', 'state', $want[0], 'one is out again');
wait_field('large', 'state', $want[1], 'in the other, too');

my %seen;

for (1 .. 20) {
    $t->reload(wait => 'new');

    my @got = map { field($_, 'state') } qw(backup large);

    $seen{"@got[0, 1], " . serving('backup') . ', ' . serving('large')}++;
}

is_deeply(\%seen, { "@want, 2, 2 3 4 5" => 20 },
          'it is so after each of 20 reloads');

done_testing();

#!/usr/bin/perl

# Tests for servers that come and go all the time, under load, while verdicts
# change, nginx is reloaded and a worker is killed: nothing of nginx's lists is used after it was
# freed (A27), requests go on (A32), and nginx's count of servers to try is
# right in the end (A31).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 600 + 2 * ($ENV{HD_SECONDS} || 0);
use HealthDash::Moving qw(answer moving name);

# HD_SECONDS=600: the long form

my $seconds = $ENV{HD_SECONDS} || 6;
my ($dns, %b) = moving(6);
my $port = port('app');

sub conf {
    my $http = '';

    for ([ 'rr', '' ], [ 'lc', 'least_conn;' ],
         [ 'ch', 'hash $arg_k consistent;' ])
    {
        my ($name, $method) = @$_;
        my $backup = $method =~ /^hash/
                     ? '' : "server backup.test:$port resolve backup;";

        $http .= <<"EOC";
    upstream $name {
        zone $name 256k;
        $method
        server app.test:$port resolve;
        $backup
        healthdash_check http uri=/healthz interval=50ms fast=50ms timeout=1s
                         fails=1 passes=1 max_servers=8;
        healthdash_check tcp interval=50ms timeout=1s;
    }
EOC
    }

    return <<"EOC";
http {
    resolver %%ADDR_dns%% ipv6=off;
$http
    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        proxy_next_upstream error timeout http_503;
        location / { proxy_pass http://\$http_x_to\$uri; }
        location /status { healthdash_status; }
    }
}
EOC
}

sub flood {
    my ($upstream, $path, $n) = @_;

    return http_burst(port('web'), $path, $n,
                      headers => { 'X-To' => $upstream })->{status};
}

# all upstreams have servers 1 to 4, and of these just those in service

sub wait_well {
    my @well = @_;
    my $want = join ' ', map { name($_) } @well;

    return wait_until(sub {
        my $json = hd_json($t::nginx);

        for my $u (qw(rr lc ch)) {
            my @peers = grep { $_->{state} ne 'removed' && !$_->{backup} }
                        @{ $json->{upstreams}{$u}{peers} };

            return 0 if @peers != 4;
            return 0 if $want ne join ' ', sort map { $_->{name} }
                                 grep { $_->{state} eq 'up' } @peers;
        }

        return 1;
    }, 30, "servers @well");
}

answer('app.test', 1 .. 4);
answer('backup.test', 5, 6);
$b{6}->set('/healthz', status => 503);

my $t = $t::nginx = HealthDash->new(workers => 2, conf => conf())->start;

$t->allow_log(qr/exited on signal 9/);

ok(wait_well(1 .. 4), 'all are well');

my (%status, $round);
my $end = time() + $seconds;
my $master = $t->master_pid;
my ($reload, $kill) = (1, 1);

# server 1 is always there, and always well

while (time() < $end) {
    $round++;

    answer('app.test', 1, grep { rand() < 0.5 } 2 .. 4) if $round % 5 == 0;
    answer('backup.test', 5, $round % 14 < 7 ? 6 : ()) if $round % 7 == 0;
    $b{$_}->set('/healthz', status => rand() < 0.5 ? 503 : 200) for 2 .. 4;

    if ($reload && time() > $end - $seconds * 0.7) {
        $reload = 0;
        $t->reload(wait => 0);
    }

    if ($kill && time() > $end - $seconds * 0.3) {
        $kill = 0;
        $t->kill_worker(wait => 0);
    }

    for my $u (qw(rr lc ch)) {
        my $s = flood($u, "/x?k=$round", 50);

        $status{$_} += $s->{$_} for keys %$s;
    }
}

# nginx itself refuses a choice made while the list is changed, and a worker
# that is killed takes its requests along

my $good = delete $status{200};

cmp_ok($good, '>', 20 * $round, "$round rounds: requests are served");
cmp_ok($status{$_}, '<=', 0.02 * $good, "few answers are $_")
    for sort keys %status;

is($t->master_pid, $master, 'nginx goes on');


# the count of tries: as many as there are servers in service, not more...

answer('app.test', 1 .. 4);
answer('backup.test', 6);
$b{$_}->set('/healthz', status => 503) for 2 .. 4;
ok(wait_well(1), 'three of four are skipped');

ok(wait_until(sub {
    my @backup = grep { $_->{backup} && $_->{state} eq 'up' }
                 map { @{ $_->{peers} } }
                 @{ hd_json($t)->{upstreams} }{qw(rr lc)};
    return !@backup;
}, 20), 'and the backup');

$b{1}->set('/x', status => 503);

is_deeply(flood($_, '/x', 20), { 503 => 20 },
          "$_: the answer of the last one is passed on") for qw(rr lc ch);

# ... and not less

$b{$_}->set('/healthz') for 2 .. 4;
$b{$_}->set('/x', status => 503) for 2, 3;
ok(wait_well(1 .. 4), 'all four are in service');

is_deeply(flood($_, '/x', 20), { 200 => 20 },
          "$_: the last of four is tried") for qw(rr lc);

done_testing();

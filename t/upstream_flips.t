#!/usr/bin/perl

# Tests for servers that go down and come back a hundred times a second, under
# load and with retries: no request finds nobody while one server is up, nginx's
# count of tries is right in the end, and so it is with slow_start (A31, A32).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Run qw(slow);
use HealthDash::Upstream qw(flood wait_health);
use Time::HiRes qw(time);

my $port = port('farm');
my @ip = map { "127.0.0.$_" } 1 .. 3;
my $calm = tmp_dir() . '/calm';

# the first is always well; the others at random, until it is calm; what users
# ask is answered by the first alone, so most requests are tried again

my $listen = join '', map { "listen $_:$port;\n" } @ip;

HealthDash->new(name => 'farm', module => 0, conf => <<EOF)->start;
http {
    split_clients \$request_id \$dice { 50% 503; * 200; }

    server {
        $listen
        keepalive_requests 100000;
        add_header X-Backend \$server_addr always;

        location / {
            if (\$server_addr = $ip[0]) { return 200; }
            return 503;
        }

        location /none { return 503; }

        location = /healthz {
            if (\$server_addr = $ip[0]) { return 200; }
            if (-f $calm) { return 200; }
            if (\$dice = 503) { return 503; }
            return 200;
        }
    }
}
EOF

my $servers = join '', map { "server $_:$port max_fails=0;\n" } @ip;
my $check = 'healthdash_check http uri=/healthz interval=10ms fast=10ms fails=1'
            . ' passes=1 jitter=0% timeout=20s';

my %upstream = (
    plain  => "$servers $check;",
    hashed => "hash \$request_id; $servers $check;",
    least  => "least_conn; $servers $check;",
    ramped => "$servers $check slow_start=1s;",
    keyed  => "hash \$request_id consistent; $servers $check slow_start=1s;",
);

my $http = join '', map {
    ("upstream $_ { $upstream{$_} keepalive 8; }\n",
     "upstream ${_}_zone { zone $_ 256k; $upstream{$_} }\n")
} sort keys %upstream;

my @upstreams = map { ($_, "${_}_zone") } sort keys %upstream;

my $t = HealthDash->new(workers => 2, log_level => 'crit', http => $http
                                                                   . <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        error_log %%DIR%%/users.log;
        keepalive_requests 100000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_next_upstream error http_503;
        add_header X-Tried $upstream_addr always;
        location / { proxy_pass http://$host; }
    }

    server {
        listen 127.0.0.1:%%PORT_status%%;
        location /status { healthdash_status; }
    }
EOF

$t->start;

sub status { return hd_json($t, port => port('status')); }

sub downs {
    my $sum = 0;

    $sum += $_->{health_checks}{unhealthy}
        for map { @{ $_->{peers} } } values %{ status()->{upstreams} };

    return $sum;
}


ok(wait_health($t, port => port('status')), 'all is probed');

my $end = time() + 5 * slow();
my %odd;
my ($late, $all) = (0, 0);

# a server that comes back after nginx has counted them may take the last try

while (time() < $end) {
    for my $u (@upstreams) {
        my $r = flood(port('web'), 200, host => $u, connections => 20);

        $odd{"$u answers $_"} += $r->{status}{$_}
            for grep { $_ != 200 && $_ != 503 } keys %{ $r->{status} };
        $late += $r->{status}{503} // 0;
        $all += 200;
    }
}

is_deeply(\%odd, {}, 'no request finds nobody');
cmp_ok($late / $all, '<', 0.1, 'most are served by who is up');
cmp_ok(downs(), '>', 300, 'while others went and came');

open my $fh, '<', $t->dir . '/users.log' or die "open: $!\n";
is((grep { /no live upstreams/ } <$fh>), 0, 'and nginx never knew of none');


# tries: when it is calm each server is tried once

open my $file, '>', $calm or die "open: $!\n";
chmod 0644, $calm;

for my $u (@upstreams) {
    my %tried;

    ok(wait_until(sub {
        my @peers = @{ status()->{upstreams}{$u}{peers} };

        return !grep { $_->{state} ne 'up' || $_->{ramping} } @peers;
    }, 20), "$u: all are in service");

    for (1 .. 20) {
        my $r = http_get(port('web'), '/none', Host => $u);

        $tried{$r->{status} . ' '
               . join ',', sort split /, /, $r->{headers}{'x-tried'}}++;
    }

    is_deeply(\%tried, { '503 ' . join(',', map { "$_:$port" } @ip) => 20 },
              "$u: each is tried once, and the last one's answer is told");
}

done_testing();

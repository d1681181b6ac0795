#!/usr/bin/perl

# Tests for skipping a server that is down: by every balancer of nginx, with
# and without "zone", with one worker and more (A38, A25, A26).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(farm break_server mend_server front flood
                            wait_peer wait_health);

my %balancer = (
    round_robin => '',
    least_conn  => 'least_conn;',
    ip_hash     => 'ip_hash;',
    hash        => 'hash $request_id;',
    consistent  => 'hash $request_id consistent;',
    random      => 'random;',
    random_two  => 'random two;',
);

my %newer = (
    least_time  => 'least_time header;',
    sticky      => 'sticky cookie hd;',
);

my $port = port('farm');
my @ip = map { "127.0.0.$_" } 1 .. 4;
my @many = map { "127.0.1.$_" } 1 .. 40;
my $dead = '127.0.0.3';

my $farm = farm($port, @ip, @many);

my $test = HealthDash->new;

for (sort keys %newer) {
    my ($rc) = $test->conf_test("http { upstream u { $newer{$_}"
                                . ' server 127.0.0.1:1; } }');

    $balancer{$_} = $newer{$_} if $rc == 0;
    note("this nginx has no $_") if $rc;
}


sub upstream {
    my ($name, $lines, @addr) = @_;

    return "upstream $name {\n$lines\n"
           . join('', map { "server $_:$port;\n" } @addr)
           . 'healthdash_check http uri=/healthz interval=500ms fast=100ms'
           . " fails=1 passes=1 jitter=0% timeout=20s;\n}\n";
}


# another address of the client with each request, for ip_hash

my ($client, $cookie) = (0, '');

sub header {
    $client++;
    return sprintf "X-Real-IP: 10.%d.%d.1\r\n%s", ($client >> 8) & 255,
                   $client & 255, $cookie;
}


for my $workers (1, 2, 4) {
    my (%name, $http);

    for my $b (sort keys %balancer) {
        for my $zone (0, 1) {
            my $u = $b . ($zone ? '_zone' : '');

            $name{$u} = "$workers worker(s), $u";
            $http .= upstream($u, ($zone ? "zone $u 256k;" : '')
                                  . "$balancer{$b} keepalive 16;", @ip);
        }
    }

    my $t = HealthDash->new(workers => $workers, http => <<EOF)->start;
        $http
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Real-IP;

        server {
            listen 127.0.0.1:%%PORT_web%% reuseport;
            add_header X-Worker \$pid;
            keepalive_requests 10000;
            proxy_http_version 1.1;
            proxy_set_header Connection "";

            location / { proxy_pass http://\$host; }
            location /status { healthdash_status; }
        }
EOF

    ok(wait_health($t), "$workers worker(s): all is up");

    # who is asked for by a cookie must not be reached, either

    $cookie = $balancer{sticky} ? cookie_of($dead) : '';

    break_server($dead);

    for my $u (sort keys %name) {
        wait_peer($t, $u, "$dead:$port", state => 'unhealthy');

        my $r = flood(port('web'), 2000, host => $u, header => \&header);

        is($r->{backend}{$dead} // 0, 0,
           "$name{$u}: no request reaches the dead server");
        is_deeply([ $r->{status}, scalar keys %{ $r->{worker} },
                    scalar keys %{ $r->{backend} } ],
                  [ { 200 => 2000 }, $workers, 3 ],
                  'all were answered, by all workers and all other servers');
    }

    mend_server($dead);

    for my $u (sort keys %name) {
        wait_peer($t, $u, "$dead:$port", state => 'up');

        ok(wait_until(sub {
            flood(port('web'), 400, host => $u, header => \&header)
                ->{backend}{$dead};
        }, 5), "$name{$u}: it gets requests again");
    }

    $t->stop;
}


sub cookie_of {
    my ($ip) = @_;

    return wait_until(sub {
        my $h = http_get(port('web'), '/', Host => 'sticky')->{headers};

        return $h->{'x-backend'} eq $ip
               && $h->{'set-cookie'} =~ /^(hd=[^;]+)/
               && "Cookie: $1\r\n";
    }, 5, 'a sticky cookie');
}


# what one worker decides holds for all at once, time after time

my $t = HealthDash->new(workers => 4, http => upstream('plain', '', @ip)
                        . upstream('zone', 'zone zone 256k;', @ip)
                        . upstream('many', 'hash $request_id;', @many)
                        . upstream('many_zone', 'zone many 1m;'
                                   . 'hash $request_id consistent;', @many)
                        . front())->start;

ok(wait_health($t), 'four workers: all is up');

my %reached = (plain => 0, zone => 0);
my %back = (plain => 0, zone => 0);

for (1 .. 6) {
    break_server($dead);

    for my $u (sort keys %reached) {
        wait_peer($t, $u, "$dead:$port", state => 'unhealthy');
        $reached{$u} += flood(port('web'), 160, host => $u)->{backend}{$dead}
                        // 0;
    }

    mend_server($dead);

    for my $u (sort keys %back) {
        wait_peer($t, $u, "$dead:$port", state => 'up');
        $back{$u}++ if flood(port('web'), 160, host => $u)->{backend}{$dead};
    }
}

is_deeply(\%reached, { plain => 0, zone => 0 },
          'each time it goes down, all workers know at once');
is_deeply(\%back, { plain => 6, zone => 6 }, 'and each time it comes back');


# hash gives up after 20 tries and takes the next by round robin

break_server(@many[0 .. 24]);

for my $u (qw(many many_zone)) {
    for (@many[0 .. 24]) {
        wait_peer($t, $u, "$_:$port", state => 'unhealthy');
    }

    my $r = flood(port('web'), 2000, host => $u);

    is_deeply($r->{status}, { 200 => 2000 },
              "$u: with 25 of 40 servers down all requests are served");
    is_deeply([ sort keys %{ $r->{backend} } ], [ sort @many[25 .. 39] ],
              'by the other 15');
}

done_testing();

#!/usr/bin/perl

# Tests for slow_start: a server that comes back gets its share of the requests
# in proportion to the time since then, with every balancer of nginx, with
# weights, with "zone" and "keepalive" and without (A38).  The time is that
# of each burst, so a slow machine only makes fewer of them.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Run qw(slow);
use HealthDash::Upstream qw(farm break_server mend_server flood wait_peer
                            wait_health);
use List::Util qw(max);
use Time::HiRes qw(time);
use Time::Local qw(timegm);

my %balancer = (
    round_robin => '',
    least_conn  => 'least_conn;',
    ip_hash     => 'ip_hash;',
    hash        => 'hash $request_id;',
    consistent  => 'hash $request_id consistent;',
    random      => 'random;',
);

# "random two" prefers who has fewer connections: only its bounds are tested

my %bounds = (random_two => 'random two;');
my %newer = (
    least_time => 'least_time header;',
    sticky     => 'sticky cookie hd;',
);

my $test = HealthDash->new;

for (sort keys %newer) {
    my ($rc) = $test->conf_test("http { upstream u { $newer{$_}"
                                . ' server 127.0.0.1:1; } }');

    $bounds{$_} = $newer{$_} if $rc == 0;
    note("this nginx has no $_") if $rc;
}

my $ramp = 14 * slow();
my $port = port('farm');
my ($other, $back) = map { "127.0.0.$_" } 1, 2;
my $farm = farm($port, $other, $back);
my (%name, $http);

for my $b (sort(keys %balancer), sort keys %bounds) {
    for my $zone (0, 1) {
        my $u = $b . ($zone ? '_zone' : '');
        my $lines = ($zone ? "zone $u 256k;" : '')
                    . ($balancer{$b} // $bounds{$b})
                    . ($zone ? '' : 'keepalive 16;');

        $name{$u} = $b;
        $http .= <<EOF;
    upstream $u {
        $lines
        server $other:$port weight=2;
        server $back:$port weight=4;
        healthdash_check http uri=/healthz interval=200ms fast=100ms fails=1
                         passes=1 jitter=0% timeout=20s slow_start=${ramp}s;
    }
EOF
    }
}

my $t = HealthDash->new(workers => 2, http => <<EOF)->start;
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


# how many of so many requests the server gets; each from another address

my $client = 0;
my %odd;

sub requests {
    my ($upstream, $n) = @_;
    my $r = flood(port('web'), $n, host => $upstream, connections => 24,
                  header => sub {
                      $client++;
                      return sprintf "X-Real-IP: 10.%d.%d.1\r\n",
                                     ($client >> 8) & 255, $client & 255;
                  });

    $odd{"$upstream answers $_"}++ for grep { $_ != 200 }
                                           keys %{ $r->{status} };
    return $r->{backend}{$back} // 0;
}

sub seconds {
    my ($y, $mon, @rest) = $_[0] =~ /(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z/;
    my ($d, $h, $min, $s) = @rest;

    return timegm(0, $min, $h, $d, $mon - 1, $y) + $s;
}


ok(wait_health($t), 'all is up');

my @upstreams = sort keys %name;
my %full = map { $_ => requests($_, 960) / 960 } @upstreams;

# Of two servers, or of all, the one with fewer connections is taken, which is
# more than weight: of two requests at a time each server has one, and how many
# there are is up to the machine.

my $by_load = qr/^(?:random_two|least_conn)/;

cmp_ok(abs($full{$_} - 4 / 6), '<', /$by_load/ ? 0.2 : 0.08,
       "$_: it gets its share by weight")
    for @upstreams;

break_server($back);
wait_peer($t, $_, "$back:$port", state => 'unhealthy') for @upstreams;
mend_server($back);

my %end;

for (@upstreams) {
    my $peer = wait_peer($t, $_, "$back:$port", health => 'up', ramping => 1);

    $end{$_} = seconds($peer->{full}) if $peer;
}

is(scalar keys %end, scalar @upstreams, 'it comes back, ramping');


# bursts for all, round by round, as long as it ramps

my (%sum, @shown);

while (time() < $end{$upstreams[0]}) {
    for my $u (@upstreams) {
        my $from = time();
        my $got = requests($u, 96);
        my $to = time();

        last if $to >= $end{$u};

        my $part = 1 - ($end{$u} - ($from + $to) / 2) / $ramp;
        my $third = int(3 * $part);

        for my $s ($sum{$u}{$third} //= {}, $sum{$u}{all} //= {}) {
            $s->{n} += 96;
            $s->{got} += $got;
            $s->{want} += 96 * $full{$u} * $part;
            $s->{due} += 96 * 4 / 6 * $part;
        }
    }

    my $json = hd_json($t);

    for my $u (@upstreams) {
        my $peer = hd_peer($json, $u, "$back:$port");

        push @shown, abs($peer->{share} / 100 - 1
                         + ($end{$u} - seconds($json->{time})) / $ramp)
            if $peer->{ramping};
    }
}

for my $u (@upstreams) {
    for my $third (0, 1, 2, 'all') {
        my $s = $sum{$u}{$third} // next;
        my ($got, $want, $n) = @$s{qw(got want n)};
        my $what = $third eq 'all' ? "$u: the whole time"
                                   : "$u: " . (qw(first middle last))[$third]
                                     . ' third';

        if ($bounds{$name{$u}}) {
            note(sprintf '%s: %d of %d requests, by the time %.0f', $what, $got,
                 $n, $want);
            cmp_ok($got, '>', 0, "$what: more than nothing");
            cmp_ok($got, '<', 0.85 * $n * $full{$u}, "$what: less than full")
                if $third eq '0' || $third eq 'all';
            next;
        }

        # 5 points of what it gets when full, and chance; with fewer requests at
        # a time than then it may be more or less, up to its weight

        my $sigma = sqrt($want * (1 - $want / $n) + ($want / 31) ** 2);
        my ($least, $most) = sort { $a <=> $b }
                             $want, $u =~ $by_load ? $s->{due} : $want;

        cmp_ok(max($least - $got, $got - $most), '<=',
               0.05 * $n * $full{$u} + 3.5 * $sigma,
               sprintf '%s: %d of %d requests, by the time %.0f', $what, $got,
                       $n, $want);
    }
}

cmp_ok(scalar @shown, '>', 20, 'shares were shown');
is(scalar(grep { $_ > 0.03 } @shown), 0, 'and are those of the time');


# in full service

wait_peer($t, $_, "$back:$port", ramping => 0) for @upstreams;

for my $u (@upstreams) {
    my $got = requests($u, 960) / 960;

    cmp_ok(abs($got - $full{$u}), '<', $u =~ $by_load ? 0.2 : 0.1,
           "$u: in the end it gets all of it");
}

is_deeply(\%odd, {}, 'all requests were answered');

done_testing();

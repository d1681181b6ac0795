#!/usr/bin/perl

# Tests for "server ... down" and "drain" and for nginx's count of tries, which
# come through any number of changes unharmed (A31, A32, A33).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(flood peer_is wait_peer wait_health);

my @b = backends(qw(b1 b2 b3));

my $check = 'healthdash_check http uri=/healthz interval=50ms fails=1'
            . ' passes=1 jitter=0% timeout=20s';

my $admin = <<'EOF';
        server %%ADDR_b1%% down;
        server %%ADDR_b2%%;
        server %%ADDR_b3%%;
EOF

my $three = <<'EOF';
        server %%ADDR_b1%% max_fails=0;
        server %%ADDR_b2%% max_fails=0;
        server %%ADDR_b3%% max_fails=0;
EOF

my $drained = 'upstream drained { zone drained 256k; sticky cookie hd;'
              . ' server %%ADDR_b1%% route=a drain; server %%ADDR_b2%%;'
              . " server %%ADDR_b3%%; $check min_up=0; }";

my ($rc) = HealthDash->new->conf_test("http { $drained }");

if ($rc) {
    note('this nginx has no drain');
    $drained = '';
}

my $t = HealthDash->new(workers => 2, http => <<EOF)->start;
    $drained

    upstream admin      { $admin $check min_up=1; }
    upstream admin_zone { zone admin 256k; $admin $check min_up=50%; }

    upstream tries      { $three $check; }
    upstream tries_zone { zone tries 256k; $three $check; }

    upstream tries_backup {
        zone backup 256k;
        server %%ADDR_b1%% max_fails=0;
        server %%ADDR_b2%% max_fails=0;
        server %%ADDR_b3%% max_fails=0 backup;
        $check;
    }

    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        add_header X-Worker \$pid;
        proxy_next_upstream http_503;

        location / { proxy_pass http://\$host; }
        location /status { healthdash_status; }
    }
EOF


# makes the probes of these servers fail, and of no others, and waits until
# each upstream has seen it

sub break_probes {
    my (@broken) = @_;
    my %want = map { my $b = $_;
                     $b->address => (grep { $_ == $b } @broken) ? 'down'
                                                                : 'up' } @b;

    $b[$_]->set('/healthz', status => $want{$b[$_]->address} eq 'up' ? 200
                                                                     : 503)
        for 0 .. 2;

    return wait_until(sub {
        !grep { $_->{health} ne $want{$_->{name}} }
              map { @{ $_->{peers} } } values %{ hd_json($t)->{upstreams} };
    }, 10, 'all upstreams to follow');
}

sub requests {
    my ($upstream, $path) = @_;
    my $r = flood(port('web'), 120, host => $upstream, path => $path,
                  connections => 40);

    return [ $r->{status}, join ' ', sort keys %{ $r->{backend} } ];
}

sub states {
    my ($upstream) = @_;

    return join ' ', map { $_->{state} }
                     @{ hd_json($t)->{upstreams}{$upstream}{peers} // [] };
}


ok(wait_health($t), 'all is probed');

for my $u (qw(admin admin_zone)) {
    ok(peer_is(hd_peer($t, $u, $b[0]), state => 'down', health => 'up'),
       "$u: the server is down by configuration, and healthy");
    is_deeply(requests($u), [ { 200 => 120 }, 'b2 b3' ],
              "$u: it gets no requests");
}


# changes of all kinds, one after the other

my %odd;

for my $i (1 .. 16) {
    my $set = $i * 5 % 8;

    break_probes(map { $b[$_] } grep { $set & 1 << $_ } 0 .. 2);

    for my $u (qw(admin admin_zone tries tries_zone tries_backup)) {
        my ($status, $servers) = @{ requests($u, '/') };

        $odd{"$u answers $_"}++ for grep { $_ != 200 } keys %$status;
        $odd{"$u uses b1"}++ if $u =~ /admin/ && $servers =~ /b1/;
        $odd{"$u with " . states($u)}++ if $u =~ /admin/
                                           && states($u) !~ /^down /;
    }
}

if ($drained) {
    my $known = sub {
        return http_get(port('web'), '/', Host => 'drained',
                        Cookie => 'hd=a')->{headers}{'x-backend'};
    };

    for my $i (1 .. 4) {
        break_probes();
        ok(wait_peer($t, 'drained', $b[0], state => 'draining', health => 'up'),
           'a server is drained, and healthy');
        is($known->(), 'b1', 'who is known there goes there');
        is_deeply(requests('drained', '/'), [ { 200 => 120 }, 'b2 b3' ],
                  'and nobody else');

        break_probes($b[0]);
        ok(wait_peer($t, 'drained', $b[0], health => 'down'), 'it is down');
        isnt($known->(), 'b1', 'then nobody goes there');
    }
}

is_deeply(\%odd, {}, 'through 16 changes each request is served,'
          . ' and "down" stays down');


# a server that is down by configuration is no reason to take another out

break_probes($b[1]);

for my $u (qw(admin admin_zone)) {
    ok(wait_peer($t, $u, $b[1], state => 'unhealthy'),
       "$u: one of the other two is taken out");
    is_deeply(requests($u, '/'), [ { 200 => 120 }, 'b3' ], "$u: one serves");
}

break_probes(@b[1, 2]);

for my $u (qw(admin admin_zone)) {
    is(states($u), 'down up up', "$u: the last one keeps both in service");
    is_deeply(requests($u, '/'), [ { 200 => 120 }, 'b2 b3' ],
              "$u: they serve");
}

my $mark = $t->log_mark;

break_probes(@b);

for my $u (qw(admin admin_zone)) {
    ok(!hd_peer($t, $u, $b[0])->{kept}, "$u: nobody is told that it is kept");
    like($t->wait_log(qr/of upstream "$u" is down/, 5, $mark) || '',
         qr/http status 503, 1 of 1 failures$/, 'nor is the log');
}


# tries

break_probes(@b[0, 1]);

$b[2]->set('/t', status => 503);

for my $u (qw(tries tries_zone tries_backup)) {
    ok(wait_peer($t, $u, $b[1], state => 'unhealthy'), "$u: two are out");
    is_deeply(requests($u, '/t'), [ { 503 => 120 }, 'b3' ],
              "$u: the last one's own 503 is what clients get");
}

break_probes();

$_->set('/t', status => 503) for @b[0, 1];
$b[2]->set('/t', status => 200);

for my $u (qw(tries tries_zone tries_backup)) {
    is(states($u), 'up up up', "$u: all are back");
    is_deeply(requests($u, '/t'), [ { 200 => 120 }, 'b3' ],
              "$u: all are tried until one can serve");
}

done_testing();

#!/usr/bin/perl

# Tests for what slow_start leaves alone: the last server that can serve,
# backups, proxy_next_upstream, nginx's counts of tries, failures and
# connections, a server that min_up kept (A31, A32, A37).  With slow_start=1h a
# server is declined, during a test, in nearly every case.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(flood peer_is wait_peer wait_health);
use Time::Local qw(timegm);

my @b = backends(qw(b1 b2 b3));
my ($b1, $b2, $b3) = @b;

my $check = 'healthdash_check http uri=/healthz interval=300ms fast=300ms'
            . ' fails=1 passes=1 jitter=0% timeout=20s slow_start=1h';

my %upstream = (
    pair     => 'server %%ADDR_b1%% max_fails=0; server %%ADDR_b2%%; CHECK;',
    three    => 'server %%ADDR_b1%% max_fails=0;'
                . ' server %%ADDR_b2%% max_fails=0;'
                . ' server %%ADDR_b3%% max_fails=0; CHECK;',
    passive  => 'server %%ADDR_b1%% max_fails=1 fail_timeout=300s;'
                . ' server %%ADDR_b2%% max_fails=1 fail_timeout=300s;'
                . ' server %%ADDR_b3%% backup; CHECK;',
    backup   => 'server %%ADDR_b1%% max_fails=0; server %%ADDR_b2%%;'
                . ' server %%ADDR_b3%% backup; CHECK;',
    limited  => 'server %%ADDR_b1%% max_conns=1; server %%ADDR_b2%%;'
                . ' server %%ADDR_b3%% backup; CHECK;',
    hashed   => 'hash $request_id; server %%ADDR_b1%% max_fails=0;'
                . ' server %%ADDR_b2%% max_fails=0;'
                . ' server %%ADDR_b3%% max_fails=0; CHECK;',
    kept     => 'server %%ADDR_b1%%; server %%ADDR_b2%%; CHECK min_up=2;',
    observed => 'server %%ADDR_b1%%; server %%ADDR_b2%%; CHECK mode=observe;',
    one      => 'server %%ADDR_b2%%; CHECK min_up=0;',
);

my $http = '';

for my $u (sort keys %upstream) {
    my $lines = $upstream{$u} =~ s/CHECK/$check/r;

    $http .= "upstream $u { $lines keepalive 8; }\n"
             . "upstream ${u}_zone { zone $u 256k; $lines }\n";
}

# of two checks the one with slow_start may only observe

my $first = $check =~ s/healthz/first/r;
my $watch = $check =~ s/healthz/other/r;

$check =~ s/ slow_start=1h//;

$b2->set('/first', delay => 1);

$http .= <<"EOF";
    upstream first {
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        $first initial=checking min_up=0;
    }

    upstream watched {
        zone watched 256k;
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        $watch mode=observe;
        $check;
    }
EOF

$http .= <<'EOF';

    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        add_header X-Worker $pid always;
        add_header X-Tried $upstream_addr always;
        proxy_next_upstream error http_503;
        proxy_http_version 1.1;
        proxy_set_header Connection "";

        location / { proxy_pass http://$host; }
        location /status { healthdash_status; }
        location /public { healthdash_status public; }
    }
EOF

my $t = HealthDash->new(workers => 2, http => $http)->start;


my @both = map { ($_, "${_}_zone") } sort keys %upstream;

sub zones { return map { ($_, "${_}_zone") } @_; }

sub requests {
    my ($upstream, $path, $n, $connections) = @_;

    return flood(port('web'), $n // 120, host => $upstream,
                 path => $path // '/', connections => $connections // 20);
}

# "b1 b3 200": who served, and how it ended; the one that ramps may by chance

sub who {
    my $r = requests(@_);
    my $served = $r->{backend};

    return join ' ', sort(grep { $_ ne 'b2' || $served->{b2} > 3 }
                               keys %$served),
                     sort keys %{ $r->{status} };
}

# when b2 will be fully in service, in seconds; 0: it is

sub end_of {
    my $full = hd_peer($t, $_[0], $b2)->{full} // return 0;
    my ($y, $mon, $d, $h, $min, $s) = $full =~ /([\d.]+)/g;

    return timegm(0, $min, $h, $d, $mon - 1, $y) + $s;
}

# takes these servers out and waits until all upstreams say so

sub probes {
    my %want = @_;

    $b[$_ - 1]->set('/healthz', status => $want{$_} eq 'up' ? 200 : 503)
        for keys %want;

    return wait_until(sub {
        my $json = hd_json($t);

        for my $u (@both) {
            for (keys %want) {
                my $peer = hd_peer($json, $u, $b[$_ - 1]);

                return 0 if %$peer && $peer->{health} ne $want{$_};
            }
        }

        return 1;
    }, 20, 'all upstreams to follow: ' . join ' ', %want);
}


ok(wait_health($t), 'all is up');

my $json = hd_json($t);

is(scalar(grep { $_->{ramping} } map { @{ $json->{upstreams}{$_}{peers} } }
                                     @both), 0,
   'what was up from the start does not ramp');

is(join(' ', map { $_->{ramping} + 0 } @{ $json->{upstreams}{first}{peers} }),
   '0 1', 'with initial=checking what passes later does');


# what only observes

$b2->set('/other', status => 503);
$b2->set('/healthz', status => 503);
ok(wait_peer($t, 'watched', $b2, state => 'unhealthy'), 'a server is out');

$b2->set('/other', status => 200);
ok(wait_until(sub {
    hd_peer($t, 'watched', $b2)->{checks}[0]{health} eq 'up';
}, 10), 'the check that observes passes before the other does');

$b2->set('/healthz', status => 200);
ok(wait_peer($t, 'watched', $b2, state => 'up', ramping => 0),
   'and does not make it ramp');


# b2 comes back beside others that were always there

ok(probes(2 => 'down') && probes(2 => 'up'), 'one goes and comes back');

for my $u (zones(qw(pair three passive backup hashed))) {
    my $peer = hd_peer($t, $u, $b2);

    ok(peer_is($peer, state => 'up', ramping => 1), "$u: it is ramping");
    like($peer->{share} . $peer->{full}, qr/^0\d{4}-\d\d-\d\dT.*Z$/,
         'with its share and the end');
    ok((grep { /is ramping: 0 % of its share, full at .*:\d\d UTC \(slow_/ }
             @{ $peer->{explain} }), 'in words');
}

is(who($_), 'b1 200', "$_: the other serves") for zones(qw(pair passive));
is(who($_), 'b1 b3 200', "$_: the others serve") for zones(qw(three hashed));
is(who($_), 'b1 200', "$_: the other serves, not the backup")
    for zones('backup');

is(who($_), 'b2 200', "$_: where it is alone it serves at once")
    for zones('one');
ok(!hd_peer($t, $_, $b2)->{ramping}, 'and is not called ramping')
    for zones('one');

for my $u (zones(qw(kept observed))) {
    ok(wait_peer($t, $u, $b2, state => 'up', health => 'up', ramping => 0),
       "$u: it was always in service and does not ramp");
    is(who($u), 'b1 b2 200', 'and serves on');
}


# shown

my $text = http_get(port('web'), '/status?format=text')->{body};

ok($text =~ /^  up +\Q${\ $b2->address}\E +ramping /m, 'the text says so');
ok($text =~ /is ramping: 0 % of its share, full at /, 'with the end');

my $page = http_get(port('web'), '/status?format=html')->{body};

ok($page =~ /<span class="pill up">ramping</, 'the page says so');

my $public = http_get(port('web'), '/public?format=json')->{body};

ok($public =~ /"ramping":true,"share":null,"full":null/,
   'everybody may know that, and no more');
ok($public =~ /is ramping: nginx sends it fewer requests than its share\./,
   'in words');


# a request that fails with one server may go to it

$b1->set('/t', status => 503);

# with a shared list, another worker may decline it for a request of its own just
# then, which leaves the backup

like(who($_, '/t'), /^backup_zone/ ? qr/^b2 (?:b3 )?200$/ : qr/^b2 200$/,
     "$_: a request that failed elsewhere goes there")
    for zones(qw(pair passive backup));
ok(wait_peer($t, 'passive_zone', $b1, state => 'unavail'),
   "nginx's own count of failures is about the other");
ok(peer_is(hd_peer($t, 'passive_zone', $b2), state => 'up'), 'alone');
is(who('passive_zone'), 'b2 200',
   'where nginx avoids the other, it serves, though it is ramping');

# tries: each server once, and the last one's answer is what clients get

$_->set('/t', status => 503) for @b;

for my $u (zones(qw(three hashed))) {
    my %tried;

    for (1 .. 30) {
        my $r = http_get(port('web'), '/t', Host => $u);
        my @list = split /, /, $r->{headers}{'x-tried'};
        my %once = map { $_ => 1 } @list;

        $tried{"$r->{status} " . @list . ' ' . keys %once}++;
    }

    is_deeply(\%tried, { '503 3 3' => 30 }, "$u: each is tried once");
}

my $r = requests('three_zone', '/t', 400, 40);

is_deeply($r->{status}, { 503 => 400 },
          'also when many requests come at once');

$_->set('/t', status => 200) for @b;


# connections: what is declined is none, so a limit of one is not used up

is(requests($_, '/', 40, 1)->{backend}{b1}, 40, "$_: no connection is lost")
    for zones('limited');

$b1->set(delay => 0.02);

for my $u (zones('limited')) {
    like(who($u, '/', 60), qr/^b1 b2 200/,
         "$u: when the other has all it may have, it serves, and no backup");
}

$b1->set(delay => 0);


# a reload

my %before = map { $_ => end_of($_) } zones(qw(pair hashed));

ok($t->reload, 'a reload');
ok(wait_health($t), 'and all is known');

for my $u (sort keys %before) {
    cmp_ok(abs(end_of($u) - $before{$u}), '<', 1, "$u: the end stays");
    unlike(who($u), qr/b2/, 'it is declined as before');
}


# a worker that is killed: what it drew last holds nobody up

$t->expect_log(qr/worker process \d+ exited on signal 9/);
$t->kill_worker(signal => 'KILL', wait => 1);

for my $u (sort keys %before) {
    cmp_ok(abs(end_of($u) - $before{$u}), '<', 1,
           "$u: the end stays when a worker dies");
    is(join(' ', keys %{ requests($u)->{status} }), '200', 'and all is served');
}


# the other goes: nobody is left but the one that ramps

ok(probes(1 => 'down'), 'the other goes');

is(who($_), 'b2 200', "$_: it serves alone")
    for zones(qw(pair passive backup));
is(who($_), 'b3 200', "$_: the third serves") for zones(qw(three hashed));

# and comes back: now all of them ramp, the first is the furthest

ok(probes(1 => 'up'), 'it comes back');

for my $u (zones(qw(pair backup))) {
    like(who($u), qr/b2.* 200$/, "$u: the first that came back serves");
    ok(peer_is(hd_peer($t, $u, $b2), ramping => 0), 'and ramps no more');
    unlike(who($u), qr/b3/, 'no backup does');
}


# after an outage of all they soon share alike

ok(probes(1 => 'down', 2 => 'down', 3 => 'down'), 'all go');
is(who('backup'), 'b1 b2 200', 'min_up keeps them in service');
ok(probes(1 => 'up', 2 => 'up', 3 => 'up'), 'all come back');

for my $u (zones(qw(pair three backup))) {
    my $served;

    ok(wait_until(sub {
        $r = requests($u, '/', 300);
        $served = join ' ', sort keys %{ $r->{backend} };

        return !grep { ($r->{backend}{$_} // 0) < ($u =~ /three/ ? 60 : 90) }
                     qw(b1 b2), $u =~ /three/ ? 'b3' : ();
    }, 20), "$u: all serve alike") or diag(explain($r));

    is($served, $u =~ /three/ ? 'b1 b2 b3' : 'b1 b2', 'and nobody else');
    is_deeply($r->{status}, { 200 => 300 }, 'all is answered');
}



# a larger zone: what is known is carried over.  This comes last: a probe that
# was under way is waited for, however long its timeout is.

ok(probes(2 => 'down') && probes(2 => 'up'), 'it goes and comes once more');

%before = map { $_ => end_of($_) } zones(qw(pair hashed));

$t->set_conf("http {\nhealthdash_zone healthdash 3m;\n$http\n}\n");
ok($t->reload, 'a reload with a larger zone');

for my $u (sort keys %before) {
    cmp_ok($before{$u}, '>', 0, "$u: it is ramping");
    cmp_ok(abs(end_of($u) - $before{$u}), '<', 1, 'the end stays');
}

done_testing();

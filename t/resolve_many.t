#!/usr/bin/perl

# Tests for more addresses than there are places: fresh ones for ever use the
# places of those that are gone, and what is too much is neither probed nor
# trusted, and said once (A19).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(moving name wait_is);

my ($dns, %b) = moving(6);
my $port = port('app');

sub answer { $dns->set('app.test', a => [ @_ ], ttl => 0); }

# the least zone that is enough: nothing may grow

my $t = HealthDash->new(workers => 2, conf => <<"EOC");
http {
    resolver %%ADDR_dns%% ipv6=off;
    healthdash_zone hd 456k;

    upstream app {
        zone app 256k;
        server app.test:$port resolve;
        healthdash_check http uri=/healthz interval=100ms timeout=1s fails=1
                         passes=1 max_servers=4;
        healthdash_check tcp interval=100ms fails=1 passes=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        location / { proxy_pass http://app; }
        location /status { healthdash_status; }
    }
}
EOC

sub peers { return @{ hd_json($t)->{upstreams}{app}{peers} // [] }; }

sub listed { return grep { $_->{state} ne 'removed' } peers(); }


# four places: the address that has been gone for the longest time loses its own

answer(map { "127.0.0.$_" } 1 .. 4);
$t->start;

ok(wait_is($t, $_, health => 'up'), "server $_ is up") for 1 .. 4;

for ([ 3, 1, 2, 4 ], [ 2, 1, 4 ]) {
    my ($gone, @left) = @$_;

    answer(map { "127.0.0.$_" } @left);
    ok(wait_is($t, $gone, state => 'removed'), "server $gone goes");
}

my $checks = hd_peer($t, 'app', name(2))->{health_checks}{checks};

answer(map { "127.0.0.$_" } 1, 4, 5);
ok(wait_is($t, 5, health => 'up'), 'server 5 comes');
is_deeply(hd_peer($t, 'app', name(3)), {}, 'in the place of 3');

answer(map { "127.0.0.$_" } 1, 2, 4, 5);
ok(wait_is($t, 2, health => 'up'), 'server 2 is back');
cmp_ok(hd_peer($t, 'app', name(2))->{health_checks}{checks}, '>', $checks,
       'with its history');


# always others, answered by nobody

my $n = 0;
my (@now, %rows);

sub fresh {
    @now = map { ++$n; '127.1.' . int($n / 200) . '.' . (1 + $n % 200) } 1 .. 4;
    answer(@now);
}

fresh();

for my $round (1 .. 6) {
    my %want = map { ("$_:$port" => 1) } @now;

    ok(wait_until(sub {
        my @p = grep { $want{$_->{name}} && $_->{health} eq 'down' } peers();

        $rows{$_->{id}} = 1 for @p;
        return @p == 4;
    }, 20, 'the verdicts'), "round $round: fresh addresses are probed");

    fresh();
}

is(keys %rows, 4, 'all in the same rows');
unlike($t->log, qr/max_servers/, 'there was room for all');


# too many

answer(map { "127.0.0.$_" } 1 .. 6);

ok(wait_until(sub {
    my @p = listed();
    return @p == 6 && 4 == grep { $_->{health} eq 'up' } @p;
}, 20, 'six servers'), 'of six servers four are probed');

my @out = map { $_->{name} } grep { $_->{health} ne 'up' } listed();

is(@out, 2, 'two are not');

for my $name (@out) {
    my $p = hd_peer($t, 'app', $name);

    is($p->{health_checks}, undef, "$name is not probed");
    is($p->{state}, 'checking', 'and gets no requests');
    like($p->{explain}[0], qr/no place is free .* \(max_servers\)/, 'why');
}

my $burst = http_burst(port('web'), '/x', 200);

is_deeply($burst->{status}, { 200 => 200 }, 'others do');

for my $i (1 .. 6) {
    is($b{$i}->count(path => '/x'), 0, "no request came to server $i")
        if grep { $_ eq name($i) } @out;
}

ok($t->wait_log(qr/\[warn\].*upstream\ "app"\ has\ at\ least\ 2\ more\ servers\ by
                   \ "resolve"\ than\ max_servers=4,\ they\ are\ not\ probed/x),
   'it is said');

# the list changes once more: not said again

my ($probed) = map { /127\.0\.0\.(\d)/ }
               grep { my $n = $_; !grep { $_ eq $n } @out }
               map { name($_) } 1 .. 6;

answer(map { "127.0.0.$_" } grep { $_ != $probed } 1 .. 6);

ok(wait_until(sub {
    my @p = listed();
    return @p == 5 && 4 == grep { $_->{health} eq 'up' } @p;
}, 20, 'five servers'), 'a place that becomes free is used');

is(() = $t->log =~ /max_servers=4/g, 1, 'one line in a minute');

done_testing();

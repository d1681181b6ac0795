#!/usr/bin/perl

# Tests for mode=observe: what is down is shown and counted, but never taken
# out; and for the change between observe and enforce by a reload.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(front flood peer_is wait_peer wait_health);

my ($b1, $b2) = backends(qw(b1 b2));

sub conf {
    my ($mode) = @_;
    my $check = 'healthdash_check http interval=100ms passes=1 jitter=0%'
                . ' timeout=20s';
    my $observed = "$check fails=2 uri=/healthz mode=$mode";
    my $two = 'server %%ADDR_b1%%; server %%ADDR_b2%%;';

    return <<EOF;
http {
    upstream plain  { $two $observed; }
    upstream zone   { zone zone 256k; $two $observed; }
    upstream strict { server %%ADDR_b1%%; $observed min_up=0; }
    upstream mixed  { $two $observed; $check fails=1 uri=/enforced; }

    @{[ front() ]}
}
EOF
}

my $t = HealthDash->new(workers => 2, conf => conf('observe'))->start;
my @upstreams = qw(plain zone strict mixed);

sub serving {
    my ($upstream) = @_;
    my $r = flood(port('web'), 160, host => $upstream);

    return join ' ', sort(keys %{ $r->{backend} }),
                     grep { $_ != 200 } keys %{ $r->{status} };
}

sub withheld { hd_peer($t, $_[0], $b1)->{health_checks}{withheld} }

my %all = (plain => 'b1 b2', zone => 'b1 b2', strict => 'b1',
           mixed => 'b1 b2');
my %less = (plain => 'b2', zone => 'b2', strict => '502', mixed => 'b2');


ok(wait_health($t), 'all is probed');
is(withheld($_), 0, "$_: nothing was withheld") for @upstreams;

# shown and counted

my $mark = $t->log_mark;

$b1->set('/healthz', status => 503);

for my $u (@upstreams) {
    my $peer = wait_peer($t, $u, $b1, health => 'down');

    is($peer->{state}, 'up', "$u: down by its probes, up for nginx");
    ok(!$peer->{kept}, 'which is not the work of min_up');
    is(serving($u), $all{$u}, 'it goes on to get requests');
    is(withheld($u), 1, 'that it would have been taken out is counted');
    like($t->wait_log(qr/of upstream "$u" .*is down/, 5, $mark) || '',
         qr/is down: .*, left in service by mode=observe$/, 'and logged');
}

ok(wait_until(sub {
    hd_peer($t, 'plain', $b1)->{health_checks}{fails} >= 6;
}, 10), 'probes go on to fail');
is(withheld($_), 1, "$_: it is counted once, not for each probe")
    for @upstreams;

$b1->set('/healthz', status => 200);
wait_peer($t, $_, $b1, health => 'up') for @upstreams;
$b1->set('/healthz', status => 503);
wait_peer($t, $_, $b1, health => 'down') for @upstreams;

is(withheld($_), 2, "$_: and once more when it is down again") for @upstreams;


# beside a check that enforces

$b1->set('/enforced', status => 503);
ok(wait_peer($t, 'mixed', $b1, state => 'unhealthy'),
   'a check that enforces takes it out nevertheless');
is(serving('mixed'), 'b2', 'it gets no requests');
$b1->set('/enforced', status => 200);
ok(wait_peer($t, 'mixed', $b1, state => 'up', health => 'down'),
   'and brings it back, though the other check still fails');
is(serving('mixed'), 'b1 b2', 'it gets requests');


# enforce: from the first request after the reload

$mark = $t->log_mark;
$t->set_conf(conf('enforce'));
ok($t->reload, 'reload with mode=enforce');

for my $u (@upstreams) {
    is(serving($u), $less{$u}, "$u: it gets no request any more");
    ok(peer_is(hd_peer($t, $u, $b1), state => 'unhealthy', health => 'down'),
       'and is out');
    is(withheld($u), 2, 'what was counted stays');
}

unlike($t->log($mark), qr/healthdash: server/,
       'no change of state was needed for that');

$b1->set('/healthz', status => 200);
wait_peer($t, $_, $b1, state => 'up') for @upstreams;
$b1->set('/healthz', status => 503);
wait_peer($t, $_, $b1, state => 'unhealthy') for @upstreams;
is(withheld($_), 2, "$_: what is taken out is not withheld") for @upstreams;


# and observe again

$t->set_conf(conf('observe'));
ok($t->reload, 'reload with mode=observe');

for my $u (@upstreams) {
    is(serving($u), $all{$u}, "$u: it gets requests at once");
    ok(peer_is(hd_peer($t, $u, $b1), state => 'up', health => 'down'),
       'and is still shown as down');
}

done_testing();

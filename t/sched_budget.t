#!/usr/bin/perl

# Tests for healthdash_rate: all workers together keep to it, nobody starves,
# what changes state goes first, the pressure is shown; and for how many probes
# may be under way, in all and at one address (A52).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Rate qw(wait_requests);

use List::Util qw(max min);
use Time::HiRes qw(time);

my ($b1, $b2) = backends(qw(b1 b2));
my $n = 40;

sub conf {
    my ($rate, $services, $more) = @_;

    return join "\n", 'http {', "healthdash_rate $rate;",
        @$services, $more // '',
        'server { listen 127.0.0.1:%%PORT_web%%;',
        'location /status { healthdash_status; }',
        'location /public { healthdash_status public; } }', '}';
}


# names 1 .. N, of one backend

sub services {
    my ($b, $prefix, $count, $more) = @_;
    my $address = $b->address;

    return map { "healthdash_service $prefix$_ http://$address/$prefix$_ $more;" }
           1 .. $count;
}


# 40 targets that want 160 probes a second get 40, by two workers

my $t = HealthDash->new(workers => 2, conf => conf('40/s',
    [ services($b1, 's', $n, 'interval=250ms fast=100ms jitter=0%') ]))->start;

ok(wait_requests(150, 30, [ $b1 ]), 'targets are probed');

my @times = map { $_->{time} } $b1->requests;

# a machine that stalls bunches what it has seen late, but adds nothing

my $rate = (@times - 2) / ($times[-1] - $times[0]);

cmp_ok($rate, '<', 42, 'no faster than allowed');
cmp_ok($rate, '>', 15, 'and not much slower');

my %seen;

$seen{$_->{path}}++ for $b1->requests;

is(scalar keys %seen, $n, 'each target is probed');
cmp_ok(max(values %seen), '<=', 3 * min(values %seen) + 1,
       'none much more often than another');

my $p = hd_json($t)->{probing};

is($p->{limit}, 40, 'the status tells the limit');
cmp_ok($p->{wanted}, '>', 155, 'how many are wanted');
cmp_ok($p->{wanted}, '<', 405, 'but no more');
ok(wait_until(sub {
    $p = hd_json($t)->{probing};
    return $p->{done} <= 41 && $p->{done} > 15;
}, 20), 'how many are done') or diag(explain($p));
cmp_ok($p->{waiting}, '>', 10, 'how many wait');
cmp_ok($p->{late}, '>', 250, 'and how late they are');
like(http_get(port('web'), '/status?format=text')->{body},
     qr/\n[\d.]+ of [\d.]+ probes a second, at most 40, up to \d+ ms late, \d+ wait/,
     'text says so');
like(http_get(port('web'), '/status?format=html')->{body},
     qr/<footer.*<span>[\d.]+ of [\d.]+ probes a second, at most 40, up to/s,
     'and the page');

my $public = http_get(port('web'), '/public?format=json')->{body};

is(JSON::PP::decode_json($public)->{probing}, undef,
   'it is nothing for everybody');

# who changes state goes before the others

$b1->reset;
$b1->set('/s7', status => 503);

ok(wait_until(sub { $b1->count(path => '/s7') >= 4 }, 30),
   'a target that fails is probed again');

my ($first, $last) = (map { $_->{time} } $b1->requests(path => '/s7'))[0, 3];
my @others = grep { $_ > $first && $_ <= $last } map { $_->{time} }
             grep { $_->{path} ne '/s7' } $b1->requests;

cmp_ok(@others / 3, '<', $n / 2, 'before its turn would have come');

# but it does not starve them: 20 that fail want 200, all others still get some

$b1->set("/s$_", status => 503) for 1 .. $n / 2;

ok(wait_until(sub {
    my $s = hd_json($t)->{services};
    return !grep { !$s->{"s$_"}{health_checks}{fails} } 1 .. $n / 2;
}, 30), 'half of them fail');

$b1->reset;

ok(wait_until(sub {
    my %count;

    $count{$_->{path}}++ for $b1->requests;
    return !grep { !$count{"/s$_"} } $n / 2 + 1 .. $n;
}, 30), 'the other half is probed all the same');

$t->stop;


# probes under way: in all, and at one address

sub most_open {
    my ($seconds, @b) = @_;
    my ($end, @most) = (time() + $seconds, map { 0 } @b);

    while (time() < $end) {
        for my $i (0 .. $#b) {
            my ($low) = sort { $a <=> $b }
                        map { $b[$i]->open_connections } 1, 2;

            $most[$i] = max($most[$i], $low);
        }
    }

    return @most;
}

$_->set(hang => 1) for $b1, $b2;

my @hanging = (services($b1, 'a', 12, 'interval=300ms fast=300ms timeout=1s'),
               services($b2, 'b', 12, 'interval=300ms fast=300ms timeout=1s'));

$t = HealthDash->new(conf => conf('off inflight=5', \@hanging))->start;

$_->reset for $b1, $b2;
ok(wait_until(sub { $b1->open_connections + $b2->open_connections >= 5 }, 10),
   'probes hang');

my @most = most_open(1.1, $b1, $b2);

cmp_ok($most[0], '<=', 5, 'no more than may be under way, of one');
cmp_ok($most[1], '<=', 5, 'nor of the other');
is(hd_json($t)->{probing}{limit}, undef, 'without a limit there is none');
ok(wait_requests(24, 20, [ $b1, $b2 ]), 'and all have their turn');
$t->stop;

$t = HealthDash->new(conf => conf('off per_address=3', \@hanging))->start;

$_->reset for $b1, $b2;
ok(wait_until(sub { $b1->open_connections >= 3
                    && $b2->open_connections >= 3 }, 10),
   'both addresses have probes');

@most = most_open(1.1, $b1, $b2);

cmp_ok($_, '<=', 3, 'no more than one address may have') for @most;

# what hangs at one address is no delay at another

$b2->set(hang => 0);
ok(wait_until(sub {
    my $s = hd_json($t)->{services};
    return !grep { $s->{"b$_"}{health} ne 'up' } 1 .. 12;
}, 20), 'the other address is well');

$b2->reset;
cmp_ok((most_open(1, $b1))[0], '<=', 3, 'while the first one is not');
cmp_ok($b2->count, '>', 12, 'and its targets are probed in time');

done_testing();

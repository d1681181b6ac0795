#!/usr/bin/perl

# Tests for initial=: what a server counts as before its first result, and
# only then (A23).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(farm front flood wait_peer);

# Users go to the farm; probes to a gate at the same address, which gives no
# answer while it is shut.

my ($port, $gate) = (port('farm'), port('gate'));
my @ip = map { "127.0.0.$_" } 1 .. 4;
my $farm = farm($port, @ip);
my @gates = map { backend("gate$_", addr => $_, port => $gate,
                          accept => 'stall') } @ip;

# upstreams "up", "up_kept", "up_zone", "up_kept_zone" and so on

sub upstreams {
    my ($servers, %initial) = @_;
    my $http = '';

    for my $name (sort keys %initial) {
        for my $min_up (0, 1) {
            for my $zone (0, 1) {
                my $u = $name . ($min_up ? '_kept' : '')
                              . ($zone ? '_zone' : '');

                $http .= "upstream $u {\n"
                    . ($zone ? "zone $u 256k;\n" : '')
                    . join('', map { "server $_:$port;\n" } @$servers)
                    . "healthdash_check http port=$gate interval=100ms"
                    . ' timeout=90s fails=1 passes=1 jitter=0%'
                    . " initial=$initial{$name}"
                    . ($min_up ? '' : ' min_up=0') . ";\n}\n";
            }
        }
    }

    # in a zone that moved, a probe under way is waited for by its lease

    return "http {\nhealthdash_zone healthdash 1m;\n$http" . front() . "}\n";
}

my %initial = (up => 'up', down => 'down', checking => 'checking');
my $t = HealthDash->new(workers => 2,
                        conf => upstreams([ @ip[0 .. 2] ], %initial))->start;


# state, health, "kept" and whether it serves, for each server of an upstream:
# "up/unknown/kept/serves checking/unknown"

sub picture {
    my ($upstream) = @_;
    my $r = flood(port('web'), 80, host => $upstream, connections => 40);
    my $json = hd_json($t, query => "upstream=$upstream");

    return join ' ', map {
        my ($ip) = $_->{name} =~ /^(.*):/;
        join '/', @$_{qw(state health)}, $_->{kept} ? 'kept' : (),
                  $r->{backend}{$ip} ? 'serves' : ();
    } @{ $json->{upstreams}{$upstream}{peers} };
}

sub pictures {
    my ($name, %want) = @_;

    for my $u (sort keys %want) {
        for my $zone ('', '_zone') {
            is(picture("$u$zone"), join(' ', @{ $want{$u} }),
               "$u$zone: $name");
        }
    }
}


# nobody knows anything

my $serves = 'up/unknown/serves';
my $out = 'checking/unknown';
my $kept = 'up/unknown/kept/serves';

pictures('before the first result',
         up => [ ($serves) x 3 ], up_kept => [ ($serves) x 3 ],
         down => [ ($out) x 3 ], down_kept => [ ($kept) x 3 ],
         checking => [ ($out) x 3 ], checking_kept => [ ($kept) x 3 ]);

is(http_get(port('web'), '/', Host => 'down')->{status}, 502,
   'initial=down with min_up=0 serves nothing at first');


# the first result decides alone

$gates[0]->set(accept => 'http');
$gates[1]->set(status => 503);
$gates[1]->set(accept => 'http');

for my $u (map { ($_, "${_}_kept") } qw(up down checking)) {
    for my $zone ('', '_zone') {
        wait_peer($t, "$u$zone", "$ip[0]:$port", health => 'up');
        wait_peer($t, "$u$zone", "$ip[1]:$port", state => 'unhealthy');
    }
}

my @known = ('up/up/serves', 'unhealthy/down');

pictures('after one passed and one failed',
         map { ($_ => [ @known, /up/ ? $serves : $out ],
                "${_}_kept" => [ @known, /up/ ? $serves : $out ]) }
         qw(up down checking));


# a reload: what is known is not touched by any initial=

$_->set(accept => 'stall') for @gates;

$t->set_conf(upstreams(\@ip, up => 'down', down => 'up', checking => 'down'));
ok($t->reload, 'reload with another initial= and one server more');

pictures('after the reload',
         map { ($_ => [ @known, (/down/ ? $serves : $out) x 2 ],
                "${_}_kept" => [ @known, (/down/ ? $serves : $out) x 2 ]) }
         qw(up down checking));

is_deeply([ $t->log =~ /healthdash: server \S+ of .* is (\w+): first/g ],
          [ ('up') x 12 ], 'first results are logged as such');

$_->set(accept => 'http') for @gates;

for my $n (2, 3) {
    ok(wait_peer($t, 'up', "$ip[$n]:$port", state => 'up', health => 'up'),
       'a first result brings it in');
}

done_testing();

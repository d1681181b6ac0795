#!/usr/bin/perl

# Tests for a worker that dies inside what it does to shared memory: at any
# instruction of a claim, a publication, a line of history, an event, a
# heartbeat under the slab's mutex, around nginx's lock of the servers (in it:
# t/fault_lock.t).  The others answer, all that is told is whole, and the
# successor probes on (A14, A10).  HD_LONG=1: hundreds of instructions of each.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => $ENV{HD_LONG} ? 7200 : 600;

use HealthDash::Fault qw(fault_build is_long);
use HealthDash::Probe qw(service status_server);
use HealthDash::Status qw(schema_errors);

use POSIX ();
use Time::HiRes qw(sleep time);

plan skip_all => 'not on this processor' if (POSIX::uname())[4] ne 'x86_64';

fault_build();

my $fault = HealthDash::Fault->new;
my ($b1, $b2) = backends(qw(b1 b2));

my $t = HealthDash->new(workers => 2, conf => <<"EOF")->start;
http {
@{[ map { service("s$_", 'http://' . $b1->address . "/$_", 'interval=20ms') }
    1 .. 4 ]}
    healthdash_service beat heartbeat: interval=1h token=abcdefgh;

    upstream app {
        zone app 128k;
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http interval=20ms fast=20ms fails=1 passes=1;
    }

@{[ status_server() ]}
    server {
        listen 127.0.0.1:%%PORT_more%%;
        location /beat/ { healthdash_heartbeat; }
        location / { proxy_pass http://app; }
    }
}
EOF

$t->allow_log(qr/exited on signal 9/, qr/was locked by/);


# the status, from a worker that is there

my $longest = 0;

sub look {
    my $begin = time();
    my $r;

    wait_until(sub {
        $r = http_request(port => port('web'), timeout => 5,
                          path => '/status?format=json&events=50');
        return $r->{status} == 200;
    }, 10, 'the status') or return {};

    $longest = time() - $begin if time() - $begin > $longest;

    return JSON::PP::decode_json($r->{body});
}

sub checks {
    my ($doc) = @_;
    my %n = map { ($_ => $doc->{services}{$_}{health_checks}{checks}) }
            grep { $_ ne 'beat' } keys %{ $doc->{services} };

    for my $peer (@{ $doc->{upstreams}{app}{peers} }) {
        $n{$peer->{name}} = $peer->{health_checks}{checks};
    }

    return \%n;
}

sub go_on {
    my ($from) = @_;
    my $now;

    return wait_until(sub {
        $now = checks(look());
        return !grep { $now->{$_} < $from->{$_} + 2 } keys %$from;
    }, 20, 'probing') || do {
        diag 'still: ', join ' ', grep { $now->{$_} < $from->{$_} + 2 }
                        keys %$from;
        0;
    };
}


# what makes the function be called: every time another answer, which is news

my $bad = 0;

sub stir {
    $b2->set('/', status => ($bad ^= 1) ? 503 : 200);
    http_request(port => port('more'), method => 'POST', timeout => 2,
                 path => '/beat/beat?token=abcdefgh', body => 'well');
}


# one call, to be killed at this instruction; true if it was

sub strike {
    my ($name, $left) = @_;
    my $survived = $fault->survived;
    my %old = map { $_ => 1 } $t->worker_pids;
    my $fired = $fault->fired;
    my $killed;

    $fault->arm('step', name => $name, left => $left);

    wait_until(sub {
        return 1 if $fault->survived > $survived;

        my @now = $t->worker_pids;

        $killed = $fault->fired > $fired && grep { !$old{$_} } @now;
        return 1 if $killed && @now == 2;
        stir() if $fault->fired == $fired;
        return 0;
    }, 20, "a call of $name") or return;

    return $killed ? 1 : 0;
}

wait_until(sub { !grep { !$_ } values %{ checks(look()) } }, 20, 'results');

my @names = qw(ngx_hd_store_claim ngx_hd_store_publish ngx_hd_store_release
               ngx_hd_store_changed ngx_hd_history_pass ngx_hd_history_keep
               ngx_hd_event_add ngx_hd_beat_tell ngx_hd_upstream_sync);

for my $name (@names) {
    strike($name, 1 << 40);

    my $steps = $fault->steps;
    my $held = $fault->locked;
    my $n = is_long() ? 200 : 3;
    my ($killed, $whole, $on) = (0, 0, 0);

    for my $i (0 .. $n - 1) {
        my $at = 1 + int($i * ($steps - 1) / ($n - 1 || 1));
        my $from = checks(look());

        $killed++ if strike($name, $at);

        my $doc = look();

        $whole++ if $doc->{services}
                    && !schema_errors(JSON::PP::encode_json($doc));
        $on++ if go_on($from);
    }

    cmp_ok($killed, '>', 0, "$name: killed $killed times in $steps steps"
                            . ($held ? ", without $held under nginx's lock"
                                     : ''));
    is($whole, $n, "$name: what is told is whole");
    is($on, $n, "$name: all are probed on");
}

$fault->disarm;
$b2->set('/', status => 200);

my $doc;

ok(wait_until(sub {
    $doc = look();
    my @peers = @{ $doc->{upstreams}{app}{peers} };
    return @peers == 2 && !grep { $_->{state} ne 'up' } @peers;
}, 20), 'all servers are back');

is_deeply([ grep { $_ ne 'beat' && $doc->{services}{$_}{health_checks}{fails} }
            sort keys %{ $doc->{services} } ], [], 'no service was blamed');
is($doc->{services}{beat}{health}, 'up', 'nor the heartbeat');

# an event is lost with its writer, the others are not

my @ids = sort { $a <=> $b } map { $_->{id} } @{ $doc->{events} };

cmp_ok(scalar @ids, '>=', 10, 'events are there');
cmp_ok($ids[-1] - $ids[0] + 1 - @ids, '<=', 3 * @names, 'and hardly any is not');

diag(sprintf 'the longest answer took %.3f s', $longest) if is_long();

$t->stop;

my @bad = grep { /exited on signal (?!9\b)/ } split /\n/, $t->log;

is_deeply(\@bad, [], 'nobody crashed by itself');

done_testing();

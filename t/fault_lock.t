#!/usr/bin/perl

# Tests for a worker that dies while it holds nginx's lock of a list of servers,
# as a writer and as a reader, which nginx frees for nobody: its successor does,
# and the others go on.  Who was only stopped keeps it (A14).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 600;

use HealthDash::Fault qw(fault_build);
use HealthDash::Probe qw(status_server);

use List::Util qw(max);
use POSIX ();
use Time::HiRes qw(time);

plan skip_all => 'not on this processor' if (POSIX::uname())[4] ne 'x86_64';

fault_build();

my $fault = HealthDash::Fault->new;
my ($b1, $b2) = backends(qw(b1 b2));

my $t = HealthDash->new(workers => 3, conf => <<"EOF")->start;
http {
    upstream app {
        zone app 128k;
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        server 127.0.0.1:1 backup;
        healthdash_check http interval=20ms fast=20ms fails=1 passes=1;
    }

@{[ status_server() ]}
    server {
        listen 127.0.0.1:%%PORT_more%%;
        location / { proxy_pass http://app; }
    }
}
EOF

$t->allow_log(qr/exited on signal 9/, qr/was locked by/);

# a request is answered by a worker that is there

sub is_served {
    return wait_until(sub {
        return http_request(port => port('more'), path => '/x', timeout => 2)
               ->{status} == 200;
    }, 20, 'an answer') ? 1 : 0;
}

# new verdicts make both functions be called, not each of them

my ($bad, $next) = (0, 0);

sub stir {
    return if time() < $next;

    $b2->set('/', status => ($bad ^= 1) ? 503 : 200);
    $next = time() + 0.3;
}

# the lines that tell of it

my $freed = qr/servers of upstream "app" were locked by a worker that died/;

sub freed { return scalar(() = $t->log =~ /$freed/g); }

# A call of the function that takes the lock comes to this instruction under it,
# or ends before; true if the signal came.

sub strike {
    my ($name, $left, $signal) = @_;

    for (1 .. 50) {
        my ($survived, $fired) = ($fault->survived, $fault->fired);

        $fault->arm('held', name => $name, left => $left, signal => $signal);
        wait_until(sub { stir(); $fault->fired > $fired }, 20,
                   "a call of $name") or return;

        # it is over, dead or stopped

        wait_until(sub {
            return $fault->survived > $survived
                   || grep { /^[TZ]?$/ } states();
        }, 20, 'its end') or return;

        return 1 if $fault->survived == $survived;
        return 0 if $fault->locked;
    }

    return;
}

# of workers: "" if there is none any more

my @workers;

sub states { return map { (HealthDash::stat_of($_))[0] // '' } @workers; }

sub all_there {
    return wait_until(sub {
        @workers = $t->worker_pids;
        return @workers == 3 && !grep { !/^[RSD]$/ } states();
    }, 20, 'three workers');
}

my $most = 0;

for my $name (qw(ngx_hd_upstream_sync ngx_hd_upstream_serves)) {
    all_there();
    strike($name, 1 << 40, 9);

    my $held = $fault->locked;

    $most = max($most, $held);
    cmp_ok($held, '>', 100, "$name: $held instructions under the lock");

    my ($n, $killed, $served) = (4, 0, 0);
    my $before = freed();

    for my $i (1 .. $n) {
        all_there();
        $killed++ if strike($name, int($held * $i / ($n + 1)), 9);
        all_there();
        $served += is_served();
    }

    cmp_ok($killed, '>', $n / 2, "$name: $killed times killed there");
    is($served, $n, "$name: requests are served again");

    # one may have died just before it had the lock

    cmp_ok(freed() - $before, '>=', $killed - 1, "$name: a line says so");
    cmp_ok(freed() - $before, '<=', $killed, "$name: once");
}


# One that was stopped there is alive: the successor of another one looks again
# and again, and leaves the lock to it.

sub looks {
    my ($pid) = @_;

    return HealthDash::slurp("/proc/$pid/status")
           =~ /^voluntary_ctxt_switches:\s+(\d+)/m ? $1 : 0;
}

all_there();

my $before = freed();

# near the end: step by step it takes its time

ok(strike('ngx_hd_upstream_sync', int(0.8 * $most), 19),
   'a worker is stopped there');

my ($stopped) = grep { (HealthDash::stat_of($_))[0] eq 'T' } @workers;
my ($other) = grep { $_ != $stopped } @workers;
my $heir;

kill 'KILL', $other;
ok(wait_until(sub {
    ($heir) = grep { my $pid = $_; !grep { $_ == $pid } @workers }
              HealthDash::children($t->master_pid);
    return $heir && looks($heir) > 400;
}, 30), 'the successor of another one waits');
is(freed(), $before, 'and frees nothing');

kill 'CONT', $stopped;
ok(all_there(), 'until that one goes on');
is(is_served(), 1, 'requests are served');
is(freed(), $before, 'and nothing was freed');

done_testing();

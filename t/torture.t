#!/usr/bin/perl

# Tests for everything at once: 4 workers, 200 servers, requests all the time,
# while workers are killed and stopped, nginx is reloaded with other
# configurations and upgraded, there and back, names change, servers break, and
# DNS adds and takes away others (nginx 1.27.3).  What nginx does is judged by
# what is known of each server: its own log, and when it was broken or there
# (A01, A04, A05, A07, A08, A09, A10, A12, A16, A23, A28, A29).
#
# HD_TORTURE=1200 goes on for so many seconds, HD_SEED=N repeats a run.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 600 + 2 * ($ENV{HD_TORTURE} || 0);
use HealthDash::DNS;
use HealthDash::Model;
use HealthDash::Probe qw(own_memory fds);
use HealthDash::Rate qw(median);
use HealthDash::Run qw(slow start_helper write_file);
use HealthDash::Status qw(connect_to schema_errors status_doc);
use HealthDash::Upstream qw(break_server mend_server);
use HealthDash::Zone qw(zone_errors zone_gaps);

use List::Util qw(max min sum0);
use Storable ();
use Time::HiRes qw(sleep time);

my $seconds = $ENV{HD_TORTURE} || 60;
my $seed = $ENV{HD_SEED} || time % 100000;
my $rate = 500;                 # requests a second, if the machine can
my $workers = 4;
my @upstreams = map { "u$_" } 0 .. 9;
my $each = 20;                  # servers of an upstream
my $spare = 12;                 # so many of them are never broken

# two more, of whose servers DNS has one to six of ten, the second by SRV

my $nginx = HealthDash::nginx_binary();
my @moving = HealthDash::is_since($nginx, '1.27.3') ? qw(m0 m1) : ();
my ($pool, $most) = (10, 6);

# what a check says of time, in seconds

my ($interval, $fast, $timeout, $fails) = (1, 0.3, 1, 2);    # as in conf()

# DESIGN 3.3: who probes may be stopped, and followed once it is overdue

my $takeover = $timeout + 1;
my $detection = 1.1 * $interval + $takeover
                + $fails * $timeout + ($fails - 1) * 1.1 * $fast;

# On a busy machine: how long after it broke a server may get requests; after
# DNS took it away requests and probes: the TTL, a stop of the worker that asks,
# the promised second; how much too late a probe may come: the lease of the one
# before, and a look at the others.

my $grace = $detection * slow() + 1;
my $leave = 6 * slow();
my $late = (2 * $timeout + 1 + 0.5 + $takeover) * slow();

srand $seed;
diag(`'$nginx' -v 2>&1` =~ s/\n//r . ", seed $seed, $seconds s");


# The servers: an nginx that writes down who asked what, and when.  A broken one
# still answers requests with 200, so that one that comes is seen.

my @ip = map { "127.1.$_.1" } 0 .. @upstreams * $each - 1;
my $farm_log = tmp_dir() . '/farm.log';
my $farm = HealthDash->new(name => 'farm', module => 0, workers => 1,
                           conf => 'http {'
    . 'log_format short "$msec $server_addr $uri $status";'
    . "\naccess_log $farm_log short;\nserver {"
    . join('', map { " listen $_:%%PORT_farm%%;" } @ip,
                   map { (moving_ips($_), "127.3.$_.1") } 0 .. $#moving)
    . <<EOF)->start;
        keepalive_requests 1000000;
        location / { return 200 ok; }
        location = /healthz {
            if (-f @{[ tmp_dir() ]}/broken-\$server_addr) { return 503; }
            return 200 ok;
        }
    }
}
EOF

sub ips_of {
    my ($i) = @_;
    return @ip[$i * $each .. ($i + 1) * $each - 1];
}

sub moving_ips {
    my ($i) = @_;
    return map { "127.2.$i.$_" } 1 .. $pool;
}

my @steady = ((map { (ips_of($_))[0 .. $spare - 1] } 0 .. $#upstreams),
              map { "127.3.$_.1" } 0 .. $#moving);


# The configurations that nginx is reloaded with: all of these servers are in
# each of them, what else there is changes.

my @balancer = ('', 'least_conn;', 'random;', 'random two least_conn;',
                'hash $request_id;', 'hash $request_id consistent;');
my $dns = HealthDash::DNS->new;
my $file = tmp_dir() . '/state';
my $check = "healthdash_check http uri=/healthz interval=${interval}s"
            . " fast=300ms timeout=${timeout}s fails=$fails passes=1;";

sub conf {
    my ($n) = @_;
    my @list = map {
        my $i = $_;
        "upstream $upstreams[$i] { $balancer[$i % @balancer]"
        . ($i % 3 ? "zone $upstreams[$i] 256k;" : '')
        . join('', map { "server $_:%%PORT_farm%%;" } ips_of($i))
        . "$check }\n"
    } 0 .. $#upstreams;

    push @list, map {
        "upstream $moving[$_] { $balancer[($n + $_) % 2] zone $moving[$_] 256k;"
        . " server 127.3.$_.1:%%PORT_farm%%;"
        . " server $moving[$_].test" . ($_ ? ' service=app'
                                          : ':%%PORT_farm%%')
        . " resolve; $check }\n"
    } 0 .. $#moving;

    @list = reverse @list if $n % 2;
    @list = ($list[-1], @list[0 .. $#list - 1]) if $n % 3 == 1;

    return 'http { resolver ' . $dns->address . ' valid=1s ipv6=off;'
        . " resolver_timeout 1s; healthdash_state_file $file;"
        . ($n % 4 == 3 ? 'healthdash_zone healthdash 8m;' : '')
        . join('', @list)
        . join('', map { "healthdash_service s_$_ http://moving.test:"
                         . "%%PORT_farm%%/service interval=500ms;\n" }
                   0 .. $n % 4)
        . <<'EOF';
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / {
            proxy_pass http://$host;
            proxy_set_header Connection close;
        }
        location /status { healthdash_status; }
        location /live { add_header X-Worker $pid; healthdash_live; }
    }
}
EOF
}

my @conf = map { conf($_) } 0 .. 11;
my $model = HealthDash::Model->new(interval => $interval, late => $late,
                                   grace => $grace, leave => $leave);
my @there = map { {} } @moving;         # what DNS says

sub tell_dns {
    my ($i) = @_;
    my @there = sort keys %{ $there[$i] };

    return $dns->set("$moving[$i].test", a => \@there, ttl => 1) if !$i;

    $dns->set("_app._tcp.$moving[$i].test", ttl => 1,
              srv => [ map { [ 1, 1, port('farm'), "n-$_.test" ] } @there ]);
}

for my $ip (map { moving_ips($_) } 1 .. $#moving) {
    $dns->set("n-$ip.test", a => [$ip], ttl => 1);
}

for my $i (0 .. $#moving) {
    for my $ip ((moving_ips($i))[0 .. 2]) {
        $there[$i]{$ip} = 1;
        $model->joined($ip, time);
    }

    tell_dns($i);
}

$dns->set('moving.test', a => [ $ip[0] ], ttl => 1);

my $t = HealthDash->new(daemon => 1, workers => $workers, conf => $conf[0],
                        log_level => 'notice', quit_timeout => 60)->start;

sub all_up {
    my $doc = hd_json($t);
    my @peers = grep { $_->{state} ne 'removed' }
                map { @{ $_->{peers} } } values %{ $doc->{upstreams} };

    return !grep { $_->{health} ne 'up' || ($_->{state} // 'up') ne 'up' }
                 @peers, values %{ $doc->{services} };
}

ok(wait_until(\&all_up, 30), 'all servers are up');


# Who looks on: processes that do so until a file says that it is enough, and
# then tell what they have seen.

my $enough = tmp_dir() . '/enough';

sub look_on {
    my ($what, $code) = @_;

    return start_helper("$what of a test", sub {
        my ($fh) = @_;
        my $text = Storable::nfreeze($code->());

        while (length $text) {
            my $n = syswrite $fh, $text or last;
            substr $text, 0, $n, '';
        }
    });
}

sub seen_by {
    my ($helper) = @_;
    my $fh = $helper->{fh};
    local $/;

    return Storable::thaw(readline $fh);
}


# users

sub ask {
    my (%tally, $n);
    my @names = (@upstreams, @moving);
    my $start = time;

    while (!-e $enough) {
        if ($n && $n / (time - $start) > $rate / 3) {
            sleep 0.02;
            next;
        }

        my $burst = http_burst(port('web'), '/app', 20, concurrency => 4,
                               headers => { Host => $names[rand @names] });

        $n += 20;

        for my $what (qw(status errors)) {
            $tally{$_} += $burst->{$what}{$_} for keys %{ $burst->{$what} };
        }
    }

    return \%tally;
}


# A reader of the status.  Each master has a zone of its own, and two may have
# begun with the same file; a worker that goes may tell of the past.

sub read_status {
    my %seen = (looks => 0, wrong => [], gaps => 0, rows => 0, stale => 0);
    my %was;

    while (!-e $enough) {
        my ($doc) = status_doc(port('web'), '/status?format=json&events=1024');

        look_at_zone($doc, \%was, \%seen) if $doc->{nginx};
        sleep 2;
    }

    splice @{ $seen{wrong} }, 20 if @{ $seen{wrong} } > 20;

    return \%seen;
}

sub look_at_zone {
    my ($doc, $was, $seen) = @_;
    my $master = (HealthDash::stat_of($doc->{nginx}{pid}))[1] || return;
    my $last = $was->{$master};
    my @peers = grep { $_->{state} ne 'removed' }
                map { @{ $_->{peers} } } values %{ $doc->{upstreams} };

    $last = undef if $last && $last->{nginx}{generation}
                              > $doc->{nginx}{generation};

    push @{ $seen->{wrong} }, zone_errors($doc, $last);
    $seen->{gaps} = max($seen->{gaps}, zone_gaps($doc));
    $seen->{looks}++;
    $seen->{rows} += @peers;
    $seen->{stale} += grep { $_->{stale} } @peers;

    %$was = () if keys %$was > 3;
    $was->{$master} = $doc;
}


# How long workers stand still: the longest answer of each second, without what
# the two waited for a processor: [ when, seconds, worker ], ...

sub time_answers {
    my ($fh, @worst);
    my $pid = 0;

    while (!-e $enough) {
        sleep 0.005;

        $fh //= eval { connect_to(port('web')) } // next;

        my ($when, $waited) = (time, waited($pid, $$));
        my $worker = ask_live($fh);
        my $took = time - $when - (waited($pid, $$) - $waited);

        if ($worker && $worker == $pid) {
            my $last = $worst[-1];

            push @worst, $last = [ $when, 0, $pid ]
                if !$last || $when > $last->[0] + 1 || $last->[2] != $pid;
            $last->[1] = max($last->[1], $took);
        }

        $pid = $worker;
        $fh = undef if !$worker;
    }

    return \@worst;
}

sub ask_live {
    my ($fh) = @_;
    local $SIG{PIPE} = 'IGNORE';

    syswrite $fh, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n" or return 0;
    sysread $fh, my $text, 4096 or return 0;

    return $text =~ /^X-Worker: (\d+)/m ? $1 : 0;
}

sub waited {
    my $sum = 0;

    for (@_) {
        my ($nsec) = HealthDash::slurp("/proc/$_/schedstat") =~ /^\d+ (\d+)/;
        $sum += ($nsec // 0) / 1e9;
    }

    return $sum;
}


# What is done to nginx and its servers.  %mend: until when one is broken

my (%mend, %done, @did, @stopped, @stops);

sub one_of { return $_[rand @_] }

sub break {
    my ($ip, $for) = @_;

    break_server($ip);
    $model->broke($ip, time);
    $mend{$ip} = time + $for;
}

# half of them for so long that it has to be noticed, and half of these for so
# long that it is known in the state file, too

sub how_long {
    my $how = int rand 4;

    return $how < 2 ? rand 3 : $how < 3 ? $grace + 1 + rand 5
                                        : 3 * $grace + rand 20;
}

my %act = (
    break => sub {
        my $i = int rand @upstreams + @moving;
        my @list = $i < @upstreams ? (ips_of($i))[$spare .. $each - 1]
                                   : keys %{ $there[$i - @upstreams] };
        my $ip = one_of(grep { !$mend{$_} } @list) // return;

        break($ip, how_long());
    },
    reload => sub {
        $t->set_conf(one_of(@conf));
        $t->reload(wait => 'new', timeout => 30)
            or fail('nginx took the configuration');
    },
    kill => sub {
        my $pid = one_of(all_workers());

        $t->allow_log(qr/was locked by $pid/);
        $t->kill_worker(pid => $pid,
                        wait => scalar grep { $_ == $pid } $t->worker_pids);
    },
    stop => sub {
        my $worker = one_of(all_workers());
        my $stop = [ time, 0.2 + rand 2, $worker ];

        kill 'STOP', $worker;
        push @stopped, $stop;
        push @stops, $stop;
    },
    name => sub {
        $dns->set('moving.test', a => [ one_of(@ip[0 .. $spare - 1]) ],
                  ttl => 1);
    },
    move => sub {
        my $i = int rand @moving;
        my $there = $there[$i];
        my @away = grep { !$there->{$_} } moving_ips($i);

        if (keys %$there == 1 || (keys %$there < $most && rand 2 < 1)) {
            my $ip = one_of(@away);

            # broken when it comes, and perhaps mended then

            break($ip, how_long()) if !$mend{$ip} && rand 5 < 2;
            $model->joined($ip, time);
            $there->{$ip} = 1;
            tell_dns($i);

        } else {
            my $ip = one_of(keys %$there);

            delete $there->{$ip};
            tell_dns($i);
            $model->left($ip, time);
        }
    },
);

my @plan = (('break') x 4, 'reload', 'reload', 'kill', 'stop', 'name',
            @moving ? ('move') x 3 : ());

sub all_workers { return map { $t->worker_pids($_) } masters(); }


# Upgrades: the new nginx serves beside the old one for a while, then one of
# them is told to quit, after the workers of the old one perhaps, which come
# back by HUP, or when the new one is gone.  %up: who, and what comes next when

my (%up, @ages);
my @ways = (one_of(qw(there there-winch)), qw(back back-winch there back-hup
                                               there-winch));
my $next_upgrade = 0;

sub masters { return %up ? @up{qw(old new)} : $t->master_pid; }

sub upgrade {
    my $way = shift @ways;
    my ($from, $known) = (time, file_time());

    push @did, [ $from, "upgrade $way" ];
    push @ways, $way;
    push @ages, $from - $known;
    $model->both($from);

    my $old = $t->upgrade;

    if (!$old) {
        fail('nginx is upgraded');
        $next_upgrade = 9e9;
        return;
    }

    $model->started($from, time, $known);
    %up = (old => $old, new => $t->master_pid, way => $way, at => time + rand 4,
           next => $way =~ /-/ ? 'winch' : 'quit');
    $done{"upgrade $way"}++;
}

# of what the state file is

sub file_time {
    my $head = HealthDash::slurp($file);

    return length $head >= 48 ? unpack('q', substr $head, 40, 8) / 1000 : 0;
}

my %step = (
    winch => sub {
        kill 'WINCH', $up{old};
        $model->alone(time);
        $up{known} = time;
        $up{next} = $up{way} eq 'back-hup' ? 'hup' : 'quit';
        $up{at} = time + 1 + rand 3;
    },
    hup => sub {
        my $from = time;

        return if $t->old_worker_pids($up{old});

        $model->both($from);
        kill 'HUP', $up{old};
        wait_for_workers($up{old});
        $model->started($from, time, delete $up{known});
        $up{next} = 'quit';
    },
    quit => sub {
        $up{quit} = $up{way} =~ /there/ ? $up{old} : $up{new};
        $up{at} = time;
        $model->alone(time);
        kill 'QUIT', $up{quit};
        $t->lead_by($up{way} =~ /there/ ? $up{new} : $up{old});
        $up{next} = 'gone';
    },
    gone => sub {
        my $from = $up{at};

        if (time > $from + 60 * slow()) {
            fail("the nginx that was told to quit does: $up{way}");
            $up{at} = 9e9;
        }

        return if HealthDash::is_process($up{quit})
                  || $t->pid_file != $t->master_pid;

        # workers that come back for the old one probe at once

        if ($up{known} && $up{way} =~ /back/) {
            wait_for_workers($t->master_pid);
            $model->started($from, time, $up{known});
            $model->both($from);
            $model->alone(time);
        }

        $next_upgrade = time + 3 + rand 6;
        %up = ();
    },
);

sub wait_for_workers {
    my ($master) = @_;

    wait_until(sub { $t->worker_pids($master) == $workers }, 30,
               'the workers of an old nginx')
        or fail('the workers of an old nginx come back');
}


sub go_on {
    my ($now) = @_;

    for my $ip (grep { $mend{$_} < $now } keys %mend) {
        delete $mend{$ip};
        $model->mended($ip, time);
        mend_server($ip);
    }

    for my $stop (splice @stopped) {
        if ($now < $stop->[0] + $stop->[1]) {
            push @stopped, $stop;
            next;
        }

        kill 'CONT', $stop->[2];
        $stop->[1] = $now - $stop->[0];
    }

    if (%up && !@stopped && $now > $up{at}) {
        push @did, [ $now, $up{next} ] if $up{next} ne 'gone';
        $step{$up{next}}->();
    }
}


# who is told to go, or comes back, is left alone, and a worker that is stopped
# cannot follow a reload

sub is_allowed {
    my ($what) = @_;

    return 1 if $what =~ /^(?:break|name|move)$/;
    return !@stopped && (!%up || $up{next} =~ /^(?:winch|quit)$/);
}


# What they need: [ when, kB of the master, kB more of a worker, which begins
# with what its master has, open files of the same ], and how much the master
# grew by reloads

my (@sizes, %master);

sub measure {
    my $pid = $t->master_pid;
    my @pids = $t->worker_pids or return;
    my $m = $master{$pid} //= { from => $done{reload} // 0 };
    my $reloads = ($done{reload} // 0) - $m->{from};

    # two files of the master belong to each of its children, also to old ones

    push @sizes, [ time, own_memory($pid),
                   median(map { own_memory($_) } @pids) - own_memory($pid),
                   fds($pid) - 2 * HealthDash::children($pid),
                   median(map { fds($_) } @pids) ];

    # the first reloads find what is needed for all of them

    return if $reloads < 2;

    @$m{qw(first at)} = (own_memory($pid), $reloads) if !$m->{first};
    @$m{qw(last reloads)} = (own_memory($pid), $reloads - $m->{at});
}


my @users = map { look_on('users', \&ask) } 1 .. 3;
my $reader = look_on('a reader', \&read_status);
my $timer = look_on('a timer', \&time_answers);
my ($start, $end) = (time, time + $seconds);
my ($next, $next_measure) = (0, 0);

$next_upgrade = $start + 2 + rand 4;

while ((my $now = time) < $end) {
    go_on($now);

    if ($now > $next && is_allowed(my $what = one_of(@plan))) {
        push @did, [ time, $what ];
        $act{$what}->();
        $done{$what}++;
        $next = time + rand 0.6;
    }

    upgrade() if !%up && !@stopped && $now > $next_upgrade
                 && $now < $end - min(20, $seconds / 4);

    if ($now > $next_measure) {
        measure();
        $next_measure = $now + 1;
    }

    sleep 0.02;
}

my $over = time;

write_file($enough, '');

%mend = map { $_ => 0 } keys %mend;
go_on(time + 60);
wait_until(sub { go_on(time); return !%up }, 60, 'the end of an upgrade')
    or fail('the last upgrade ends');

my @tally = map { seen_by($_) } @users;
my $seen = seen_by($reader);
my $answers = seen_by($timer);

diag(join ', ', map { "$done{$_} x $_" } sort keys %done);


# What the users saw

my %tally;

for my $tally (@tally) {
    $tally{$_} += $tally->{$_} for keys %$tally;
}

my $good = delete $tally{200};
my $lost = sum0(map { delete $tally{$_} }
                grep { /closed|cut|write|reset/i } keys %tally);

diag(sprintf '%d requests, %.0f a second; %d broken off', $good,
     $good / ($over - $start), $lost);
is_deeply(\%tally, {}, 'no request was answered with anything but 200');
cmp_ok($lost, '<=', 12 * ($done{kill} // 0),
       'only those of a killed worker were broken off');


# What the servers saw

my $r = $model->judge($farm_log, $start, $over, @steady);
my $took = $over - $start;

sub none {
    my ($list, $name) = @_;

    is_deeply([ @$list[0 .. min($#$list, 19)] ], [], $name)
        or diag(join "\n", @$list . ' in all:', @$list[0 .. min($#$list, 19)],
                what_was_done(map { / at ([\d.]+) s/ ? $1 : () } @$list));
}


# to nginx, shortly before these times

sub what_was_done {
    my %near;

    for my $when (@_) {
        $near{$_->[0]} = $_->[1]
            for grep { $_->[0] > $start + $when - 15
                       && $_->[0] < $start + $when + 1 } @did;
    }

    return map { sprintf '%.2f s: %s', $_ - $start, $near{$_} }
           sort { $a <=> $b } keys %near;
}

diag(sprintf '%d times broken, %d times for longer than %.1f s',
     $model->times_broken($grace), $grace);
none($r->{late}, 'no server got a request when it was known to be dead');
is_deeply([ grep { !$r->{requests}{$_} } @ip ], [],
          'each server got requests');

if (@moving) {
    diag(sprintf 'DNS added servers %d times, %d for so long that it was'
         . ' judged', $model->times_joined, $r->{stays} // 0);
    diag("$r->{spared} requests before the first pass, by an nginx that had"
         . ' the server for longer than DNS') if $r->{spared};
    none($r->{early}, 'no server got a request before its first pass');
    none($r->{gone}, 'none got one when DNS had taken it away');
    none($r->{kept}, 'and none a probe');
    none($r->{idle} // [], 'who was there and well was probed and asked');
}


# Probes of those that were never broken: none is forgotten, none is made by
# two.  A worker that stands still between the beginning of a probe and its
# request moves one of them, so a few may come too close.

my @counts = values %{ $r->{probes} };
my $probes = sum0(@counts);
my $due = @steady * $model->due_in($start, $over);
my $middle = median(@counts);
my @odd = grep { abs($r->{probes}{$_} - $middle) > 10 + $middle * 0.15 }
          @steady;
my %twice;

$twice{ (split)[0] }++ for @{ $r->{twice} };

diag(sprintf '%.2f times as many probes as there should be, of each %d to %d;'
     . ' the longest pause %.1f s, %d of more than two intervals; %d too close;'
     . ' the servers stood still %d times', $probes / $due, min(@counts),
     max(@counts), @$r{qw(longest overdue)}, scalar @{ $r->{twice} },
     $r->{stalls});
none($r->{forgotten}, 'nobody was forgotten');
is_deeply([ map { "$_: $r->{probes}{$_} probes" } @odd ], [],
          "each was probed as often as others, $middle times");
cmp_ok($probes / $due, '>', 0.75, 'probes were made');
cmp_ok($probes / $due, '<', 1.1, 'and not by two workers');
cmp_ok(scalar @{ $r->{twice} }, '<=', 5 + $probes / 500,
       'nor for a moment') or diag(join "\n", @{ $r->{twice} }[0 .. 9]);
cmp_ok(max(0, values %twice), '<=', 3 + $middle / 100, 'of none of them');


# What the zone told

my $killed = ($done{kill} // 0) + ($done{stop} // 0)
             + sum0(map { $done{$_} } grep { /^upgrade/ } keys %done);

diag(sprintf '%d looks at the status, at most %d gaps in the events, %.2f %%'
     . ' of the rows stale', @$seen{qw(looks gaps)},
     100 * $seen->{stale} / ($seen->{rows} || 1));
cmp_ok($seen->{looks}, '>', 0, 'the status was read');
none($seen->{wrong}, 'its sums, counters and events were in order');
cmp_ok($seen->{gaps}, '<=', 3 + $killed / 5, 'and all events were there');
cmp_ok($seen->{stale}, '<', $seen->{rows} / 20 * slow(),
       'and results were fresh');

diag(sprintf 'the state file was at most %.1f s old', max(0, @ages)) if @ages;
cmp_ok(max(0, @ages), '<', 10 * slow(), 'the state file was written');


# What they needed, early and late: medians, for work comes and goes

sub early_and_late {
    my ($code, @list) = @_;
    my $third = int(@list / 3) || 1;

    return map { median(map { $code->($_) } @$_) }
           [ @list[0 .. $third - 1] ], [ @list[-$third .. -1] ];
}

for ([ 1, 'kB of the master', 1024 ], [ 2, 'kB more of a worker', 512 ],
     [ 3, 'files of the master', 4 ], [ 4, 'files of a worker', 12 ])
{
    my ($i, $what, $more) = @$_;
    my ($early, $then) = early_and_late(sub { $_[0][$i] }, @sizes);

    diag("$what: $early, then $then");

    $early = 0 if $what =~ /more of/;

    SKIP: {
        skip 'sanitizers keep what is freed', 1 if slow() > 1 && $what =~ /^kB/;
        cmp_ok($then, '<=', $early + $more, "$what: no more");
    }
}

my @grown = grep { $_->{reloads} } values %master;
my $reloads = sum0(map { $_->{reloads} } @grown);
my $each_kb = sum0(map { $_->{last} - $_->{first} } @grown) / ($reloads || 1);

diag(sprintf 'masters grew by %.1f kB in each of %d reloads', $each_kb,
     $reloads);

SKIP: {
    skip 'sanitizers keep what is freed', 1 if slow() > 1;
    skip 'too few reloads', 1 if $reloads < 5;
    cmp_ok($each_kb, '<', 64, 'reloads leave no memory behind');
}


# and how long workers stood still, but for those that were stopped

my @still = grep {
    my ($when, $for, $pid) = @$_;

    !grep { $_->[2] == $pid && $_->[0] < $when + $for
            && $when < $_->[0] + $_->[1] + 0.1 } @stops;
} @$answers;

my ($early, $then) = early_and_late(sub { 1000 * $_[0][1] }, @still);

diag(sprintf 'the longest answer of a second took %.1f ms, then %.1f ms; %.0f'
     . ' ms at most', $early, $then, 1000 * max(0, map { $_->[1] } @still));
cmp_ok(scalar @still, '>', $took / 10, 'answers were timed');
cmp_ok($then, '<', 100 * slow(), 'workers did not stand still');


# And what is left

mend_server($_) for @ip;

ok($t->reload(timeout => 30), 'a last reload, after which no old worker stays');
ok(wait_until(\&all_up, 30), 'all servers and services are up again');

my ($doc, $text) = status_doc(port('web'), '/status?format=json&events=1024');

is(schema_errors($text), '', 'the status is as it should be');
is_deeply([ zone_errors($doc) ], [], 'and in order');
is_deeply([ map { $_->{name} }
            grep { $_->{stale} && ($_->{state} // '') ne 'removed' }
            (map { @{ $_->{peers} } } values %{ $doc->{upstreams} }),
            values %{ $doc->{services} } ], [], 'and fresh');
is(scalar($t->processes), $workers + 1, 'no other process is left');
unlike($t->log, qr/its history starts afresh/, 'and no zone was lost');

done_testing();

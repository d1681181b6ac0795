#!/usr/bin/perl

# Tests for everything at once: 4 workers, 200 servers, requests all the time,
# while workers are killed and stopped, nginx is reloaded with other
# configurations, names change and servers break, at random.  What nginx does is
# judged by what is known of each server: its own log, and when it was broken.
# (A01, A04, A07, A08, A09, A10, A16, A23).
#
# HD_TORTURE=1200 goes on for so many seconds, HD_SEED=N repeats a run.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 600 + 2 * ($ENV{HD_TORTURE} // 0);
use HealthDash::DNS;
use HealthDash::Probe qw(rss fds);
use HealthDash::Run qw(slow tmp_dir wait_until read_more);
use HealthDash::Upstream qw(break_server mend_server);

use POSIX ();
use Storable ();
use Time::HiRes qw(sleep time);

my $seconds = $ENV{HD_TORTURE} // 40;
my $seed = $ENV{HD_SEED} // time % 100000;
my $rate = 500;                 # requests a second, if the machine can
my $workers = 4;
my @upstreams = map { "u$_" } 0 .. 9;
my $each = 20;                  # servers of an upstream
my $spare = 12;                 # so many of them are never broken

# what a check says of time, in seconds

my ($interval, $fast, $timeout, $fails) = (1, 0.3, 1, 2);    # as in conf()

# DESIGN 3.3: who probes may be stopped, and followed once it is overdue

my $takeover = $timeout + 1;
my $detection = 1.1 * $interval + $takeover
                + $fails * $timeout + ($fails - 1) * 1.1 * $fast;


# how long after it broke a server may get requests, on a busy machine

my $grace = $detection * slow() + 1;

srand $seed;
diag("seed $seed, $seconds s");


# The servers: an nginx that writes down who asked what, and when.  A broken one
# still answers requests with 200, so that one that comes is seen.

my @ip = map { "127.1.$_.1" } 0 .. @upstreams * $each - 1;
my $farm_log = tmp_dir() . '/farm.log';
my $farm = HealthDash->new(name => 'farm', module => 0, workers => 1,
                           conf => 'http {'
    . 'log_format short "$msec $server_addr $uri";'
    . "\naccess_log $farm_log short;\nserver {"
    . join('', map { " listen $_:%%PORT_farm%%;" } @ip) . <<EOF)->start;
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


# The configurations that nginx is reloaded with: all of these servers are in
# each of them, what else there is changes.

my @balancer = ('', 'least_conn;', 'random;', 'random two least_conn;',
                'hash $request_id;', 'hash $request_id consistent;');

sub conf {
    my ($n) = @_;
    my @list = map {
        my $i = $_;
        "upstream $upstreams[$i] { $balancer[$i % @balancer]"
        . ($i % 3 ? "zone $upstreams[$i] 256k;" : '')
        . join('', map { "server $_:%%PORT_farm%%;" } ips_of($i))
        . "healthdash_check http uri=/healthz interval=${interval}s"
        . " fast=300ms timeout=${timeout}s fails=$fails passes=1; }\n"
    } 0 .. $#upstreams;

    @list = reverse @list if $n % 2;
    @list = ($list[-1], @list[0 .. $#list - 1]) if $n % 3 == 1;

    return 'http { resolver ' . '%%DNS%%' . ' valid=1s; resolver_timeout 1s;'
        . ($n % 4 == 3 ? 'healthdash_zone healthdash 4m;' : '')
        . join('', @list)
        . join('', map { "healthdash_service s$_ http://moving.test:"
                         . "%%PORT_farm%%/service interval=500ms;\n" }
                   0 .. $n % 4)
        . <<'EOF';
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://$host; }
        location /status { healthdash_status; }
    }
}
EOF
}

my $dns = HealthDash::DNS->new;
my @conf = map { conf($_) =~ s/%%DNS%%/$dns->address/er } 0 .. 11;

$dns->set('moving.test', A => [ $ip[0] ], ttl => 1);

my $t = HealthDash->new(workers => $workers, conf => $conf[0],
                        quit_timeout => 60)->start;
my $pid = $t->master_pid;

ok(wait_until(sub {
    my $list = hd_json($t)->{upstreams};
    return !grep { $_->{health} ne 'up' } map { @{ $_->{peers} } }
                 values %$list;
}, 30), 'all servers are up');


# Users: processes that ask until a file says that it is enough.

my $enough = tmp_dir() . '/enough';

sub start_users {
    pipe my $hear, my $say or die "pipe() failed: $!\n";

    my $child = fork // die "fork() failed: $!\n";

    if ($child == 0) {
        HealthDash::Run::in_child();
        print $say Storable::freeze(ask());
        close $say;
        POSIX::_exit(0);
    }

    close $say;
    HealthDash::Run::track($child);
    return { pid => $child, hear => $hear };
}

sub ask {
    my (%tally, $n);
    my $start = time;

    while (!-e $enough) {
        if ($n && $n / (time - $start) > $rate / 3) {
            sleep 0.02;
            next;
        }

        my $burst = http_burst(port('web'), '/app', 20, concurrency => 4,
            headers => { Host => $upstreams[rand @upstreams] });

        $n += 20;

        for my $what (qw(status errors)) {
            $tally{$_} += $burst->{$what}{$_} for keys %{ $burst->{$what} };
        }
    }

    return \%tally;
}

sub result_of {
    my ($users) = @_;
    local $/;
    my $tally = Storable::thaw(readline $users->{hear});

    waitpid $users->{pid}, 0;
    HealthDash::Run::untrack($users->{pid});

    return $tally;
}


# What is done to nginx and its servers.  %broken: since when; %mend: until when;
# @bad: what was broken, from when to when

my (%broken, %mend, @bad, %done, @stopped);

sub one_of { return $_[rand @_] }

my %act = (
    break => sub {
        my $i = int rand @upstreams;
        my @list = (ips_of($i))[$spare .. $each - 1];
        my $ip = one_of(grep { !$broken{$_} } @list) // return;

        # half of them for so long that it has to be noticed

        break_server($ip);
        $broken{$ip} = time;
        $mend{$ip} = time + (rand 2 < 1 ? rand 3 : $grace + 1 + rand 5);
    },
    reload => sub {
        $t->set_conf(one_of(@conf));
        $t->reload(wait => 'new', timeout => 30)
            or fail('nginx took the configuration');
    },
    kill => sub {
        $t->kill_worker(pid => one_of($t->worker_pids));
    },
    stop => sub {
        my $worker = one_of($t->worker_pids);
        my $for = 0.2 + rand 2;

        kill 'STOP', $worker;
        push @stopped, [ time, $for, $worker ];
    },
    name => sub {
        $dns->set('moving.test', A => [ one_of(@ip[0 .. $spare - 1]) ],
                  ttl => 1);
    },
);

my @plan = (('break') x 4, 'reload', 'reload', 'kill', 'stop', 'name');

sub go_on {
    my ($now) = @_;

    for my $ip (grep { $mend{$_} < $now } keys %mend) {
        delete $mend{$ip};
        push @bad, [ $ip, delete $broken{$ip}, time ];
        mend_server($ip);
    }

    for my $stop (splice @stopped) {
        if ($now < $stop->[0] + $stop->[1]) {
            push @stopped, $stop;
            next;
        }

        kill 'CONT', $stop->[2];
    }
}

my $fds = fds($pid);
my @users = map { start_users() } 1 .. 3;
my ($start, $end) = (time, time + $seconds);
my $next = 0;

while ((my $now = time) < $end) {
    go_on($now);

    # a worker that is stopped cannot follow a reload

    if ($now > $next
        && (my $what = one_of(@plan)) !~ (@stopped ? qr/reload|kill|stop/
                                                   : qr/none/))
    {
        $act{$what}->();
        $done{$what}++;
        $next = $now + rand 0.6;
    }

    sleep 0.02;
}

my $over = time;


HealthDash::Run::write_file($enough, '');

my @tally = map { result_of($_) } @users;

push @bad, map { [ $_, $broken{$_}, $over ] } keys %broken;
%mend = ();
go_on(1e12);

diag(join ', ', map { "$done{$_} x $_" } sort keys %done);


# What the users saw

my %tally;

for my $tally (@tally) {
    $tally{$_} += $tally->{$_} for keys %$tally;
}

my $good = delete $tally{200};
my $lost = 0;

$lost += delete $tally{$_} for grep { /closed|cut|write|reset/i } keys %tally;

diag(sprintf '%d requests, %.0f a second; %d broken off', $good,
     $good / ($over - $start), $lost);
is_deeply(\%tally, {}, 'no request was answered with anything but 200');
cmp_ok($lost, '<=', 12 * ($done{kill} // 0),
       'only those of a killed worker were broken off');


# What the servers saw

sub farm_log {
    open my $fh, '<', $farm_log or die "$farm_log: $!\n";
    return map { chomp; [ split / / ] } <$fh>;
}

my (@late, %probes, %requests);
my %bad;

push @{ $bad{ $_->[0] } }, [ @$_[1, 2] ] for @bad;

for my $line (farm_log()) {
    my ($when, $ip, $uri) = @$line;

    next if $when < $start || $when > $over;

    push @{ $probes{$ip} }, $when if $uri eq '/healthz';
    next if $uri ne '/app';

    $requests{$ip}++;

    push @late, sprintf '%s %.1f s after', $ip, $when - $_->[0]
        for grep { $when > $_->[0] + $grace && $when < $_->[1] }
                 @{ $bad{$ip} // [] };
}

is_deeply(\@late, [], 'no server got a request when it was known to be dead');
is(scalar keys %requests, scalar @ip, 'each server got requests');

my @long = grep { $_->[2] - $_->[1] > $grace + 1 } @bad;

diag(@bad . ' times broken, ' . @long . " times for longer than $grace s");

# the right number of probes: those never broken have nothing but their interval

my (@wrong, $sum, $n);
my $took = $over - $start;

for my $ip (grep { !$bad{$_} } @ip) {
    my @when = @{ $probes{$ip} // [] };
    my $last = $start;

    $sum += @when;
    $n++;

    for my $when (@when, $over) {
        push @wrong, sprintf '%s: not for %.1f s', $ip, $when - $last
            if $when - $last > 1.1 * $interval + $takeover * 2 * slow() + 2;
        $last = $when;
    }
}

my $share = $sum / $n / ($took / (1.05 * $interval));

is_deeply(\@wrong, [], 'nobody was forgotten');
diag(sprintf '%.2f times as many probes as there should be', $share);
cmp_ok($share, '>', 0.6, 'probes were made');
cmp_ok($share, '<', 1.25, 'and not by two workers');


# And what is left

mend_server($_) for @ip;

ok($t->reload(timeout => 30), 'a last reload, after which no old worker stays');
ok(wait_until(sub {
    my $list = hd_json($t)->{upstreams};
    return !grep { "$_->{health} $_->{state}" ne 'up up' }
                 map { @{ $_->{peers} } } values %$list;
}, 30), 'all servers are up again');
is($t->master_pid, $pid, 'the master is the same');
ok(wait_until(sub { fds($pid) <= $fds + 2 }, 10),
   "it has as many files open as before: $fds") or diag(fds($pid));

my @rss = map { rss($_) } $t->worker_pids;

diag("rss of the workers in kB: @rss");

done_testing();

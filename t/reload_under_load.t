#!/usr/bin/perl

# Tests for reloads under load: a server that is down stays out, no request
# fails, and nothing that is known is lost, whatever the new configuration
# changes (A01, A21, A23).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Run ();
use HealthDash::Upstream qw(flood wait_peer wait_health);

use Storable ();
use Time::HiRes qw(sleep);

my ($b1, $b2, $b3, $dead) = backends(qw(b1 b2 b3 dead));

my $check = 'healthdash_check http uri=/healthz interval=100ms fails=2'
            . ' passes=2 jitter=0%';

# servers => 'b1 b2 dead', other => its name, zone => size of the upstream's,
# size => of ours, reverse => 1: upstreams in another order

sub conf {
    my (%arg) = @_;
    my $servers = join '', map { "server %%ADDR_$_%%;\n" }
                  split ' ', $arg{servers} // 'b1 b2 dead';
    my @upstreams = (
        "upstream app {\n$servers$check;\n}\n",
        'upstream zone { zone zone ' . ($arg{zone} // '128k')
        . ";\n$servers$check;\n}\n",
        'upstream ' . ($arg{other} // 'other')
        . " {\nserver %%ADDR_b1%%;\nserver %%ADDR_dead%%;\n$check;\n}\n",
    );

    @upstreams = reverse @upstreams if $arg{reverse};

    return "http {\n"
           . ($arg{size} ? "healthdash_zone healthdash $arg{size};\n" : '')
           . join('', @upstreams) . <<'EOF';
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /app  { proxy_pass http://app; }
        location /zone { proxy_pass http://zone; }
        location /status { healthdash_status; }
    }
}
EOF
}

my $t = HealthDash->new(workers => 2, conf => conf())->start;
my $pid = $t->master_pid;


# Users: a process that sends requests until it is told to stop, and then says
# what came back.

sub start_users {
    pipe my $told, my $tell or die "pipe() failed: $!\n";
    pipe my $hear, my $say or die "pipe() failed: $!\n";

    my $child = fork // die "fork() failed: $!\n";

    if ($child == 0) {
        HealthDash::Run::in_child();
        close $tell;
        send_requests($told, $say);
        POSIX::_exit(0);
    }

    HealthDash::Run::track($child);
    return { pid => $child, tell => $tell, hear => $hear };
}

sub send_requests {
    my ($told, $say) = @_;
    my (%tally, $n);

    while (1) {
        my $r = '';
        vec($r, fileno $told, 1) = 1;
        last if select $r, undef, undef, 0.02;

        my $burst = http_burst(port('web'), ++$n % 2 ? '/app' : '/zone', 12,
                               concurrency => 4, keepalive => 0);

        for my $what (qw(status errors)) {
            $tally{$_} += $burst->{$what}{$_} for keys %{ $burst->{$what} };
        }
    }

    print $say Storable::freeze(\%tally);
    close $say;
}

sub stop_users {
    my ($users) = @_;

    close $users->{tell};
    local $/;
    my $tally = Storable::thaw(readline $users->{hear});

    waitpid $users->{pid}, 0;
    HealthDash::Run::untrack($users->{pid});

    return $tally;
}


# what must only grow, and what must not change, for the server that is down

my (%last, %odd);

sub look {
    my ($name) = @_;
    my $json = hd_json($t);

    for my $u (qw(app zone)) {
        my $peer = hd_peer($json, $u, $dead);
        my $was = $last{$u} // $peer;
        my ($now, $then) = map { $_->{health_checks} } $peer, $was;

        $odd{"$name: $u: $peer->{health}, $peer->{state}"}++
            if "$peer->{health} $peer->{state}" ne 'down unhealthy';
        $odd{"$name: $u: since"}++ if $peer->{since} ne $was->{since};

        for (qw(checks fails unhealthy)) {
            $odd{"$name: $u: $_ $then->{$_}, $now->{$_}"}++
                if $now->{$_} < $then->{$_};
        }

        $odd{"$name: $u: unhealthy"}++ if $now->{unhealthy} != 1;
        $last{$u} = $peer;
    }

    return $json->{nginx}{generation};
}

sub fds {
    opendir my $dh, "/proc/$pid/fd" or die "opendir() failed: $!\n";
    return scalar grep { !/^\./ } readdir $dh;
}

sub requests_to_dead { $dead->count(path => qr{^/(?:app|zone)}) }


ok(wait_health($t), 'all is probed');
ok($t->reload, 'a first reload');

my $fds = fds();

$dead->set('/healthz', status => 503);
wait_peer($t, $_, $dead, state => 'unhealthy') for qw(app zone);
$dead->reset;

my $generation = look('before');
my $users = start_users();

# 20 times the same

for (1 .. 20) {
    sleep rand 0.15;
    $t->reload(wait => 'new') or $odd{'a reload failed'}++;
    is(look("reload $_"), $generation + $_, "reload $_") if $_ == 20;
    look("reload $_");
}

is_deeply(\%odd, {}, 'it is down since the same time, and counters go on');
is(requests_to_dead(), 0, 'no request reaches it through 20 reloads');


# and each time another configuration

my @confs = (
    conf(servers => 'dead b2 b1', reverse => 1),
    conf(servers => 'b1 dead b3 b2'),
    conf(servers => 'b3 dead', other => 'renamed'),
    conf(size => '512k', other => 'renamed'),
    conf(size => '2m', zone => '512k', servers => 'b3 b2 dead b1'),
    conf(),
);

for my $i (0 .. 2 * @confs - 1) {
    sleep rand 0.15;
    $t->set_conf($confs[$i % @confs]);
    $t->reload(wait => 'new') or $odd{'a reload failed'}++;
    look('configuration ' . $i % @confs);
}

my $tally = stop_users($users);
my $n = delete $tally->{200};

is_deeply($tally, {}, 'all requests were answered with 200');
cmp_ok($n, '>', 100, 'and it was more than a few');
note("$n requests");

is_deeply(\%odd, {}, 'what is known of it outlives other servers,'
          . ' another order, name and size');
is(requests_to_dead(), 0, 'and no request reaches it');


# what is left of so many reloads

ok(wait_until(sub { !$t->old_worker_pids }, 10), 'old workers are gone');
is(scalar($t->worker_pids), 2, 'two workers serve');
is($t->master_pid, $pid, 'the master is the same');
ok(kill(0, $pid), 'and lives');
ok(wait_until(sub { fds() == $fds }, 10, 'descriptors'),
   "the master has $fds open files as before") or diag(fds());

my $checks = $last{app}{health_checks}{checks};

ok(wait_until(sub {
    hd_peer($t, 'app', $dead)->{health_checks}{checks} > $checks + 3;
}, 10), 'it is probed on');

$dead->set('/healthz', status => 200);

for my $u (qw(app zone)) {
    ok(wait_peer($t, $u, $dead, state => 'up'), "$u: it comes back");
    cmp_ok(flood(port('web'), 300, path => "/$u")->{backend}{dead}, '>', 0,
           'and gets requests');
}

done_testing();

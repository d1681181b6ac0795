#!/usr/bin/perl

# Tests for the processes that probe: workers and the single process do, the
# cache manager, the cache loader and "nginx -t" never (A13).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Rate qw(gaps mean short wait_requests);

my ($b1, $b2) = backends(qw(b1 b2));

sub conf {
    my ($name, $more) = @_;

    return <<"EOC";
http {
    $more

    upstream app {
        server %%ADDR_$name%%;
        healthdash_check http interval=100ms fast=100ms timeout=20s;
    }

    server {
        listen 127.0.0.1:%%PORT_web_$name%%;
        location / { proxy_pass http://app; proxy_cache any; }
        location /status { healthdash_status; }
    }
}
EOC
}

my $cache = <<'EOC';
proxy_cache_path %%DIR%%/cache keys_zone=any:64k;
EOC

my $t = HealthDash->new(conf => conf('b1', $cache));


# nginx -t

my ($rc, $out) = $t->conf_test;

is($rc, 0, 'the configuration is right') or diag($out);

$t->conf_test for 1 .. 3;

is($b1->connections, 0, 'nginx -t does not probe');


# helper processes

$t->start;

my @helpers;

ok(wait_until(sub {
    @helpers = $t->titled(qr/^nginx: cache (?:manager|loader) process/);
    return @helpers == 2;
}, 10), 'there is a cache manager and a cache loader');

ok(wait_requests(20, 10, [ $b1 ]), 'the server is probed');

my @gaps = gaps($b1);

cmp_ok(short(0.05, @gaps), '<=', @gaps / 5, 'once an interval');

my $worker = hd_peer(hd_json($t, port => port('web_b1')), 'app', $b1)
             ->{health_checks}{worker};

is_deeply([ $worker->{pid} ], [ $t->worker_pids ], 'by the worker');

# a second nginx is the clock: 40 of its probes are 4 s, after 1.6 s any other
# process that probed would have noticed that nobody does

my $clock = HealthDash->new(conf => conf('b2', $cache))->start;

kill 'STOP', $worker->{pid};

# what it has sent until then comes before a request of ours

wait_until(sub { (HealthDash::stat_of($worker->{pid}))[0] eq 'T' }, 10);
http_get($b1->port_number, '/');
wait_until(sub { $b1->open_connections == 0 }, 10);
$b1->reset;
$b2->reset;

ok(wait_requests(40, 20, [ $b2 ]), 'while the worker is stopped');
is($b1->connections, 0, 'nobody probes');

kill 'CONT', $worker->{pid};

ok(wait_requests(3, 10, [ $b1 ]), 'when it goes on, it does');

is_deeply([ $t->titled(qr/^nginx: cache (?:manager|loader) process/) ],
          \@helpers, 'the helpers were there all the time');

$t->stop;


# the single process

my $single = HealthDash->new(conf => "master_process off;\n"
                                     . conf('b1', $cache));

$b1->reset;
$single->start;

ok(wait_requests(5, 10, [ $b1 ]), 'a single process probes');

$worker = hd_peer(hd_json($single, port => port('web_b1')), 'app', $b1)
          ->{health_checks}{worker};

is_deeply($worker, { slot => 0, pid => $single->master_pid }, 'itself');

# nginx gives a single process no connections after a reload, so it may neither
# serve nor probe then, but it must not crash, and we do not fall silent

for my $i (1 .. 3) {
    my $mark = $single->log_mark;
    my $n = $b1->count;

    kill 'HUP', $single->master_pid;

    ok(wait_until(sub {
        my $log = $single->log($mark);

        return $log =~ /reconfiguring/
               && ($b1->count > $n + 2
                   || $log =~ /could not be probed: .*out/);
    }, 10), "reload $i: probes go on or the log says why not");
}

my $pid = $single->master_pid;

ok(kill(0, $pid), 'the single process is still there');
$single->stop;
ok(!kill(0, $pid), 'and ends when asked to');

done_testing();

#!/usr/bin/perl

# Tests for live streams through the end of their workers: reloads, a kill, the
# end of nginx.  No worker stays for them, none is left open, each event is told
# once to a viewer that comes again, and nobody is waited for (A04, A05, A06).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 300;

use Time::HiRes qw(time);

use HealthDash::Events;
use HealthDash::Run qw(slow);

my $many = 200;
my @b = backends(map { "b$_" } 1 .. 4);

sub conf {
    my ($main) = @_;
    my $servers = join '', map { "server " . $_->address . ";\n" } @b;

    return ($main // '') . <<"EOC";
worker_processes 2;
events { worker_connections 2048; }
http {
    healthdash_probe p {
        interval 200ms;
        fast 200ms;
        timeout 1s;
        fails 1;
    }
    upstream app {
        zone app 64k;
        $servers
        healthdash_check probe=p;
    }
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
    server {
        listen 127.0.0.1:%%PORT_h2%% http2;
        location /status { healthdash_status; }
    }
    server {
        listen 127.0.0.1:%%PORT_small%% sndbuf=4k;
        location /status { healthdash_status; }
    }
}
EOC
}

my $t = HealthDash->new(conf => conf())->start;

ok(wait_until(sub { hd_json($t)->{summary}{servers}{up} == @b }, 20),
   'all are up');


sub viewer { return HealthDash::Events->new(port => port('web'), @_); }

sub rss {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/status" or return 0;
    return (map { /^VmRSS:\s*(\d+)/ ? $1 : () } <$fh>)[0] // 0;
}


# who lost the stream comes again, as a browser does

sub poll_all {
    for (@_) {
        $_->poll;
        $_->connect if $_->{closed} || $_->{ended};
    }
}


# the number of the last event, once one server has got that health

sub event_of {
    my ($b, $status) = @_;
    my $health = $status == 200 ? 'up' : 'down';

    $b->set(status => $status);

    return wait_until(sub {
        my $json = hd_json($t);

        return hd_peer($json, 'app', $b)->{health} eq $health
               && $json->{events}[-1]{to} eq $health
               && $json->{events}[-1]{id};
    }, 20, "$health");
}


sub all_know {
    my ($event, @v) = @_;

    return wait_until(sub {
        poll_all(@v);
        return !grep { ($_->{id} // 0) < $event } @v;
    }, 20, "event $event");
}


# 200 viewers: what is told to them leaves nothing behind

my @v = map { viewer() } 1 .. $many;

ok(wait_until(sub { poll_all(@v); return !grep { !$_->messages } @v }, 20),
   "$many viewers have their first message");

my %rss;
my $known = 0;

for my $round (1 .. 12) {
    %rss = map { $_ => rss($_) } $t->worker_pids if $round == 5;

    $known++ if all_know(event_of($b[0], $round % 2 ? 503 : 200), @v);
    $_->{messages} = [ ($_->messages)[0] ] for @v;
}

is($known, 12, 'changes come to all of them');

SKIP: {
    skip 'a sanitizer keeps what is freed', 1 if $ENV{HD_SANITIZE};

    my @grown = grep { rss($_) > $rss{$_} + 1024 } keys %rss;

    is(scalar @grown, 0, 'no worker has grown by a megabyte')
        or diag(map { "$rss{$_} " . rss($_) . "\n" } keys %rss);
}


# A viewer that reads nothing is dropped; the others go on meanwhile.

my $mark = $t->log_mark;
my $lazy = HealthDash::Events->new(port => port('small'), buffer => 2048);

ok(wait_until(sub { $lazy->ask }, 20), 'a viewer that reads nothing');

my $dropped = wait_until(sub {
    poll_all(@v);
    return $t->log($mark) =~ /client reads too slowly/;
}, 60, 'the log');

ok($dropped, 'is dropped');
ok(all_know(event_of($b[1], 503), @v), 'the others go on');
ok(wait_until(sub { $lazy->poll; return $lazy->{closed} }, 20),
   'its connection is closed');


# Reloads: no old worker stays, and each event is told once to those who come
# again with the number of the last one.

my @exact = map { viewer() } 1 .. 3;

ok(wait_until(sub { poll_all(@exact); return !grep { !$_->messages } @exact },
              20), 'viewers that count');

my $first = $exact[0]{id};
my $h2 = h2_viewer();
my ($gone, $told, $last) = (0, 0, 0);

$_->{counted} = 1 for @exact;

for my $i (1 .. 6) {
    my @old = $t->worker_pids;
    my $start = time();

    kill 'HUP', $t->master_pid;

    # things happen meanwhile

    $b[2]->set(status => $i % 2 ? 503 : 200);

    $gone++ if wait_until(sub {
        poll_all(@v, @exact);
        return !grep { kill 0, $_ } @old;
    }, 5, 'the old workers to go');

    $last = event_of($b[3], $i % 2 ? 503 : 200);
    $told++ if all_know($last, @v, @exact);
}

is($gone, 6, 'after each of 6 reloads the old workers are gone');
is($told, 6, "and $many viewers are told by new ones");

for my $v (@exact) {
    is_deeply(counted($v, $first), [ $first + 1 .. $v->{id} ],
              'each event was told once, in order');
}

ok(wait_until(sub { !kill 0, $h2->{pid} or waitpid($h2->{pid}, 1) }, 20),
   'a stream over HTTP/2 has ended, too');


# A worker is killed.

my $n = $exact[0]{id};
my $killed = $t->kill_worker;

ok(all_know(event_of($b[3], 503), @v, @exact), 'a worker was killed: go on');

for my $v (@exact) {
    is_deeply(counted($v, $first), [ $first + 1 .. $v->{id} ],
              'each event was told once, in order');
}


# The end of nginx, with all of them there

my $pid = $t->master_pid;

$t->stop('QUIT');
ok(!kill(0, $pid), 'QUIT ends it all');

$_->poll for @v;
is(scalar(grep { $_->{ended} } @v), $many, 'with a proper end of each stream');
unlike($t->log, qr/open socket|\[alert\](?!.*exited on signal 9)/,
       'and nothing is left open');

for my $signal (qw(TERM QUIT)) {
    $t = HealthDash->new(conf => conf("worker_shutdown_timeout 1s;\n"))->start;

    my @w = map { viewer() } 1 .. 20;
    my $frozen = HealthDash::Events->new(port => port('small'),
                                         buffer => 2048);

    ok(wait_until(sub {
        $frozen->ask;
        poll_all(@w);
        return !grep { !$_->messages } @w;
    }, 20), 'worker_shutdown_timeout: viewers');

    my @old = $t->worker_pids;

    ok($t->reload(wait => 'new'), 'a reload');
    ok(wait_until(sub { poll_all(@w); return !grep { kill 0, $_ } @old }, 10),
       'the old workers go');
    $t->stop($signal);
    unlike($t->log, qr/open socket|\[alert\]/, "$signal: nothing is left open");
}


done_testing();


# ids of the events that came after the first message

sub counted {
    my ($v, $after) = @_;

    return [ grep { $_ > $after } $v->events ];
}


sub h2_viewer {
    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        HealthDash::Run::in_child();
        open STDOUT, '>', '/dev/null';
        exec 'curl', '-sN', '--http2-prior-knowledge', '-m', 100,
             'http://127.0.0.1:' . port('h2') . '/status?format=events'
            or POSIX::_exit(127);
    }

    return { pid => $pid };
}

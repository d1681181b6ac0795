#!/usr/bin/perl

# Tests for the end of a worker: whatever its probes wait for, it exits at
# once, without an alert, and what it cut off is no failure (A04-A08).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Time::HiRes qw(time);

# what probes are frozen in; the last one sleeps for an hour

my @frozen = qw(connect tls header body kept);
my %b = map { $_ => backend($_) } @frozen, 'hour';

sub conf {
    my ($main) = @_;

    return <<"EOC";
$main

http {
    healthdash_probe slow {
        timeout 60s;
        interval 200ms;
        fast 200ms;
        fails 1;
    }

    upstream app {
        zone app 64k;
        server %%ADDR_header%%;
        server %%ADDR_body%%;
        healthdash_check http probe=slow;
    }

    upstream hour {
        server %%ADDR_hour%%;
        healthdash_check tcp interval=1h;
    }

    healthdash_service connect tcp://%%ADDR_connect%% probe=slow;
    healthdash_service tls https://%%ADDR_tls%%/ probe=slow verify=off;
    healthdash_service kept http://%%ADDR_kept%%/ probe=slow keepalive=on;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://%%ADDR_header%%; }
        location /status { healthdash_status; }
    }
}
EOC
}


# what is known of the targets that hang

sub results {
    my ($t) = @_;
    my $json = hd_json($t);
    my %all = map { ($_ => $json->{services}{$_}) } qw(connect tls);

    $all{$_} = hd_peer($json, 'app', $b{$_}) for qw(header body);

    return { map {
        my $c = $all{$_}{health_checks} // {};
        ($_ => { (map { ($_ => $c->{$_} // '') }
                  qw(checks fails unhealthy inconclusive last_time)),
                 health => $all{$_}{health} });
    } keys %all };
}


# Whether a process has a connection to each of the frozen backends: in
# /proc/net/tcp state 02 waits to be connected, 01 is.

sub is_frozen {
    my ($pid) = @_;
    my %left = map {
        (sprintf('%04X', $b{$_}->port_number)
         . ($_ eq 'connect' ? ' 02' : ' 01') => 1)
    } @frozen;
    my %mine = map { (readlink($_) // '' => 1) } glob "/proc/$pid/fd/*";

    open my $fh, '<', '/proc/net/tcp' or die "cannot read /proc/net/tcp: $!\n";

    for (grep { /:[0-9A-F]{4} 0[12] / } <$fh>) {
        my @field = split;

        delete $left{substr($field[2], -4) . " $field[3]"}
            if $mine{"socket:[$field[9]]"};
    }

    return !%left;
}


sub freeze {
    $b{header}->set(hang => 1);
    $b{body}->set(body_delay => 600);
    $b{tls}->set(accept => 'hang');
    $b{connect}->set(accept => 'blackhole');
}


sub thaw {
    $b{header}->set(status => 200);
    $b{body}->set(status => 200);
    $b{tls}->set(accept => 'close');
    $b{connect}->set(accept => 'http');
}


sub wait_frozen {
    my ($t) = @_;

    return wait_until(sub {
        my @pids = $t->worker_pids;
        return @pids == 1 && is_frozen($pids[0]);
    }, 10, 'probes to hang');
}


# every target has a result; that of TLS is a failure, for nobody speaks it

sub started {
    my ($conf) = @_;
    my $t = HealthDash->new(conf => $conf);

    thaw();
    $t->start;

    ok(wait_until(sub {
        return !grep { $_->{last_time} eq '' } values %{ results($t) };
    }, 10), 'all targets have a result');

    freeze();
    ok(wait_frozen($t), 'and then hang');

    return $t;
}


sub is_same {
    my ($t, $before, $name) = @_;

    is_deeply(results($t), $before, $name);
}


# reload and end without worker_shutdown_timeout; timeouts are 60 s, one
# interval is an hour, so what is gone within 30 s did not wait for them

{
    my $t = started(conf(''));
    my $before = results($t);
    my $fds = () = glob '/proc/' . $t->master_pid . '/fd/*';
    my $gone = 0;
    my $frozen = 0;

    for my $i (1 .. 30) {
        my ($old) = $t->worker_pids;

        $gone++ if $t->reload && !kill 0, $old;

        # all of them would be 30 times the whole interval

        $frozen++ if $i % 6 == 0 && wait_frozen($t);
    }

    is($gone, 30, 'after each of 30 reloads the old worker is gone');
    is($frozen, 5, 'and a new one has its probes frozen');
    is_same($t, $before, 'cut off probes are neither failed nor in doubt');

    my $now = () = glob '/proc/' . $t->master_pid . '/fd/*';

    is($now, $fds, 'the master has no file more');

    my $pid = $t->master_pid;

    $t->stop('QUIT');
    ok(!kill(0, $pid), 'QUIT ends it, too');
}

for my $signal (qw(TERM QUIT)) {
    my $t = started(conf(''));
    my $pid = $t->master_pid;

    $t->stop($signal);
    ok(!kill(0, $pid), "$signal ends frozen probes");
}


# with worker_shutdown_timeout and a client that hangs, nginx closes both

{
    my $t = started(conf('worker_shutdown_timeout 1s;'));
    my $before = results($t);
    my ($old) = $t->worker_pids;
    my $client = HealthDash::Client::open_connection({ port => port('web') });
    my $n = $b{header}->count(path => '/client');

    ok(wait_until(sub {
        syswrite $client, "GET /client HTTP/1.1\r\nHost: x\r\n\r\n";
        return $b{header}->count(path => '/client') > $n;
    }, 10), 'a client hangs');

    ok($t->reload(wait => 'new'), 'nginx reloads meanwhile');
    ok(wait_until(sub { !kill 0, $old }, 10), 'and its old worker ends');
    ok(wait_frozen($t), 'the new one hangs like it');
    is_same($t, $before, 'and no failure comes of it');

    my $pid = $t->master_pid;

    $t->stop('QUIT');
    ok(!kill(0, $pid), 'QUIT ends it all');
    unlike($t->log, qr/\[alert\]|open socket/, 'without an alert');
}

thaw();
done_testing();

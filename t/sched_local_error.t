#!/usr/bin/perl

# Tests for nginx out of connections or files: probes are in doubt, states
# stay, clients come first, and probing comes back by itself (A11, A57).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Keeper;

my ($b1, $b2) = backends(qw(b1 b2));

sub conf {
    my ($main) = @_;

    return <<"EOC";
$main

http {
    keepalive_timeout 60s;

    upstream app {
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http interval=100ms fast=100ms timeout=5s fails=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { return 200 served; }
        location /status { healthdash_status; }
    }
}
EOC
}


# clients that connect and say nothing, or not enough

sub idle_clients {
    my ($n, $bytes) = @_;

    return map {
        my $fh = HealthDash::Client::open_connection({ port => port('web') });

        if ($fh) {
            wait_until(sub {
                my $w = '';
                vec($w, fileno $fh, 1) = 1;
                return select undef, $w, undef, 0.1;
            }, 5, 'a connection');
            syswrite $fh, $bytes if defined $bytes;
        }

        $fh;
    } 1 .. $n;
}


my $client;

sub facts {
    my ($b) = @_;
    my $r = $client->get('/status?format=json') or return {};
    my $peer = hd_peer(JSON::PP::decode_json($r->{body}), 'app', $b);

    return { %{ $peer->{health_checks} // {} }, health => $peer->{health} };
}


sub in_doubt { return $_[0]{inconclusive} // 0; }


# What is the same whatever nginx is out of: hold(), see, let go, see.

sub check {
    my ($name, $code, $hold) = @_;

    $client = HealthDash::Keeper->new;

    ok(wait_until(sub { !grep { (facts($_)->{checks} // 0) < 3 } $b1, $b2 },
                  10), "$name: servers are probed");
    is(in_doubt(facts($b1)), 0, "$name: without doubt");

    my @held = $hold->();
    my $n = in_doubt(facts($b1));

    ok(wait_until(sub { in_doubt(facts($b1)) > $n + 5
                        && in_doubt(facts($b2)) > 5 }, 10),
       "$name: probes are in doubt, one after the other");

    my ($f1, $f2) = map { facts($_) } $b1, $b2;

    is($f1->{health}, 'up', "$name: the state stays");
    is($f2->{health}, 'up', "$name: of all servers");
    is($f1->{fails} + $f2->{fails}, 0, "$name: nothing failed");
    is($f1->{last_passed}, undef, "$name: the last probe says nothing");
    is($f1->{last_reason}{layer}, 'local', "$name: but that it is us");
    is($f1->{last_reason}{code}, $code, "$name: and why");

    return ($f1, @held);
}


# and once it is over: the first argument is what check() returned

sub check_over {
    my ($t, $name, $text, $f1) = @_;

    ok(wait_until(sub { !grep { facts($_)->{checks} < $f1->{checks} + 5 }
                             $b1, $b2 }, 10), "$name: probing comes back");

    my $after = facts($b1);

    is($after->{health}, 'up', "$name: the state is as it was");
    is($after->{last_passed}, JSON::PP::true, "$name: the last probe passed");

    my @lines = grep { /could not be probed/ } split /\n/, $t->log;

    is(scalar @lines, 1, "$name: the log has one line");
    like($lines[0], qr/\[warn\].* could not be probed: $text.*its state stays/,
         "$name: that says why");
    unlike($t->log, qr/\[alert\]|healthdash: .* is down/,
           "$name: and nothing worse");
}


# connections: of 48, one listens, one is the master's, 8 are not for probes

{
    my $name = 'connections';
    my $t = HealthDash->new(
        conf => conf('events { worker_connections 48; }'))->start;

    my ($f1, @idle) = check($name, 'local_connections',
                            sub { idle_clients(38) });

    # clients get what is left

    is(http_get(port('web'), '/')->{body}, 'served',
       "$name: a client is served while there is none for a probe") for 1 .. 3;

    my $n = $b1->connections;

    ok(wait_until(sub { in_doubt(facts($b1)) > in_doubt($f1) + 8 }, 10),
       "$name: it goes on like that");
    is($b1->connections, $n, "$name: without a connection to the server");

    close $_ for @idle;

    check_over($t, $name, 'nginx is out of worker_connections', $f1);
    $t->stop;
}


# files

{
    my $name = 'files';
    my $t = HealthDash->new(
        conf => conf("worker_rlimit_nofile 60;\n"
                     . 'events { worker_connections 512; }'))->start;

    my ($f1, @idle) = check($name, 'local_files',
                            sub { idle_clients(80) });

    like($client->get('/')->{body}, qr/served/,
         "$name: a client that is there is served");

    close $_ for @idle;

    check_over($t, $name, 'nginx is out of file descriptors', $f1);

    is(http_get(port('web'), '/')->{body}, 'served',
       "$name: new clients are served");
    $t->stop;
}

done_testing();

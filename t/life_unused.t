#!/usr/bin/perl

# Tests for a module that has nothing to do: no directive of it, no target, no
# http{}, and the way there and back by reload (A02, A03).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $b1 = backend('b1');

# each state: its configuration, and what a look at it must find

my $server = <<'EOC';
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://app; }
        location /live { return 204; }
        STATUS
    }
EOC

my $upstream = <<'EOC';
    upstream app {
        zone app 64k;
        server %%ADDR_b1%%;
        CHECK
    }
EOC

sub http {
    my ($check, $status) = @_;
    my $text = "http {\n$upstream\n$server\n}\n";

    $text =~ s/CHECK/$check/;
    $text =~ s/STATUS/$status/;

    return $text;
}

my $check = 'healthdash_check http uri=/probe interval=50ms;';
my $status = 'location /status { healthdash_status; }';

my %state = (
    'no http{}' => [ '', \&looks_gone ],
    'no directive' => [ http('', ''), \&looks_unused ],
    'no target' => [ http('', $status), \&looks_empty ],
    'no status' => [ http($check, ''), \&looks_silent ],
    'all' => [ http($check, $status), \&looks_on ],
);


sub looks_gone {
    my ($name) = @_;

    ok(wait_until(sub { !http_get(port('web'), '/live')->{status} }, 10),
       "$name: nothing listens");
    probes_stop($name);
}


sub looks_unused {
    my ($name) = @_;

    is(http_get(port('web'), '/')->{body}, "b1 ok\n", "$name: nginx serves");
    probes_stop($name);
}


sub looks_empty {
    my ($name, $t) = @_;

    looks_unused($name);

    my $json = hd_json($t);

    is_deeply([ @$json{qw(version upstreams services)} ], [ 1, {}, {} ],
              "$name: the JSON is empty");
    is_deeply($json->{summary}{servers},
              { map { $_ => 0 } qw(up degraded down unknown paused) },
              "$name: nothing is counted");

    for my $format (qw(html text)) {
        is(http_get(port('web'), "/status?format=$format")->{status}, 200,
           "$name: there is a status as $format");
    }
}


sub looks_silent {
    my ($name) = @_;

    is(http_get(port('web'), '/')->{body}, "b1 ok\n", "$name: nginx serves");
    probes_go($name);
}


sub looks_on {
    my ($name, $t) = @_;

    looks_silent($name);
    is(hd_peer($t, 'app', $b1)->{health}, 'up', "$name: the server is up");
}


sub probes_go {
    my ($name) = @_;
    my $n = $b1->count(path => '/probe');

    ok(wait_until(sub { $b1->count(path => '/probe') >= $n + 3 }, 10),
       "$name: the server is probed");
}


# nothing is left that could probe: no process has a connection to the server,
# and requests that take longer than the interval see no probe

sub probes_stop {
    my ($name) = @_;
    my $n = $b1->count(path => '/probe');

    $b1->set('/slow', delay => 0.25);
    http_get($b1->port_number, '/slow');

    is($b1->count(path => '/probe'), $n, "$name: the server is not probed");
}


# each state alone: start, look, end

for my $name (sort keys %state) {
    my ($conf, $looks) = @{ $state{$name} };
    my $t = HealthDash->new(conf => $conf);
    my ($rc, $out) = $t->conf_test;

    is($rc, 0, "$name: nginx -t") or diag($out);
    unlike($out, qr/\[(?:error|crit|alert|emerg)\]/,
           "$name: nothing to complain of");

    $t->start;
    $looks->($name, $t);

    my $pid = $t->master_pid;

    $t->stop;
    ok(!kill(0, $pid), "$name: the end");
}


# from each state to each other one by reload, and the end there

my @tour = ('all', 'no http{}', 'all', 'no directive', 'all', 'no target',
            'all', 'no status', 'no http{}', 'no status', 'no target',
            'no http{}', 'no target', 'no directive', 'no status',
            'no directive', 'no http{}', 'no directive', 'no target',
            'no status', 'all');

my $t = HealthDash->new(workers => 2, conf => $state{$tour[0]}[0])->start;
my $master = $t->master_pid;
my $from = shift @tour;

for my $name (@tour) {
    my ($conf, $looks) = @{ $state{$name} };

    $t->set_conf($conf);
    ok($t->reload, "from '$from' to '$name'");
    $looks->("after '$from' '$name'", $t);
    $from = $name;
}

ok(kill(0, $master), 'all by one master');
unlike($t->log, qr/exited on signal|\[alert\]|\[emerg\]/, 'nothing broke');
$t->stop;


# the end right after it was switched off

for my $name ('no http{}', 'no target', 'no directive') {
    my $end = HealthDash->new(conf => $state{all}[0])->start;

    $end->set_conf($state{$name}[0]);
    ok($end->reload, "off by '$name'");

    my $pid = $end->master_pid;

    $end->stop;
    ok(!kill(0, $pid), 'and the end');
}

done_testing();

#!/usr/bin/perl

# Tests for an upgrade of the binary that is taken back once the old workers are
# gone: the old nginx starts workers without reading anything anew, and they
# know what the new one has found out meanwhile (A23).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Upgrade qw(is_gone owner upgraded workers);

my ($good, $bad) = backends(qw(good bad));
my $file = tmp_dir() . '/file';

my $t = HealthDash->new(daemon => 1, workers => 2, http => <<"EOC");
    healthdash_state_file $file;

    upstream app {
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check http uri=/probe interval=200ms fast=200ms fails=2
                         timeout=1s;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://app; proxy_next_upstream off; }
        location /status { healthdash_status; }
    }
EOC

my $old = $t->start->master_pid;

ok(wait_until(sub {
    my $json = hd_json($t);
    return !grep {
        my $p = hd_peer($json, 'app', $_);
        $p->{health} ne 'up' || ($json->{state_file}{saved} // '') lt $p->{since};
    } $good, $bad;
}, 20), 'both are up, and the file says so');

my $new = upgraded($t);

kill 'WINCH', $old;
ok(wait_until(sub { !workers($t, $old) }, 20), 'the old workers go');

$bad->set('/probe', hang => 1);

ok(wait_until(sub {
    my $json = hd_json($t);
    my $down = hd_peer($json, 'app', $bad);

    return $down->{health} eq 'down'
           && owner($file) == $new
           && ($json->{state_file}{saved} // '') gt $down->{since};
}, 20), 'one goes down, and the file of the new nginx says so');

my $n = $bad->count(path => '/x');

kill 'HUP', $old;
ok(wait_until(sub { () = workers($t, $old) }, 20), 'the old one has workers');
kill 'QUIT', $new;

ok(wait_until(sub {
    http_burst(port('web'), '/x', 20, keepalive => 0);
    return $t->pid_file == $old && is_gone($new);
}, 20), 'the new one is sent away');

$t->lead_by($old);
http_burst(port('web'), '/x', 20, keepalive => 0);

is($bad->count(path => '/x'), $n, 'nobody was sent to the one that is down');

my $down = hd_peer($t, 'app', $bad);

is($down->{health}, 'down', 'which the old one knows');

$bad->set('/probe');
ok(wait_until(sub { hd_peer($t, 'app', $bad)->{health} eq 'up' }, 20),
   'until it is well');

done_testing();

#!/usr/bin/perl

# Tests for an upgrade of the binary with a state file, under load: the new
# nginx knows which server is down before it serves anybody, its file is not
# written over by the old one, which goes on if the new one is sent away again,
# and when the old one is gone each target has one prober (A09, A23).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Run qw(in_child slow);
use HealthDash::Upgrade qw(is_gone owner upgraded workers);
use Time::HiRes qw(time);

my ($good, $bad) = backends(qw(good bad));
my $file = tmp_dir() . '/file';

my $t = HealthDash->new(daemon => 1, workers => 2, http => <<"EOC");
    healthdash_state_file $file;

    upstream app {
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check http uri=/probe interval=200ms fast=200ms fails=1
                         timeout=10s;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://app; proxy_next_upstream off; }
        location /status { healthdash_status; }
    }
EOC

$bad->set('/probe', status => 503);

my $old = $t->start->master_pid;

ok(wait_until(sub {
    my $json = hd_json($t);
    my $down = hd_peer($json, 'app', $bad);

    return $down->{health} eq 'down' && hd_peer($json, 'app', $good)->{health}
           eq 'up' && ($json->{state_file}{saved} // '') gt $down->{since};
}, 20), 'one server is down, and the file says so');
is(owner($file), $old, 'the file is of the first nginx');


# users, all the time

pipe my $in, my $out or die "pipe() failed: $!\n";
my $users = fork // die "fork() failed: $!\n";

if ($users == 0) {
    my ($n, $wrong, $stop) = (0, 0, 0);

    in_child();
    $SIG{TERM} = sub { $stop = 1; };

    while (!$stop && getppid() != 1) {
        my $burst = http_burst(port('web'), '/user', 50, concurrency => 4,
                               keepalive => 0);

        $n += $burst->{total};
        $wrong += $burst->{total} - ($burst->{backend}{good} // 0);
    }

    syswrite $out, "$n $wrong\n";
    POSIX::_exit(0);
}

close $out;


# there and back

my $new = upgraded($t);

ok(wait_until(sub { owner($file) == $new }, 20), 'the file is of the new one');

my $end = time() + 6 * slow();
my $back = 0;

wait_until(sub { $back++ if owner($file) != $new; return time() > $end }, 30);

is($back, 0, 'and stays so, though the old one runs');
ok($t->wait_log(qr/is not written: a later nginx writes it, process $new$/, 1),
   'which says so');

kill 'QUIT', $new;

ok(wait_until(sub { $t->pid_file == $old && is_gone($new) }, 20),
   'the new one is sent away');
$t->lead_by($old);
ok(wait_until(sub { owner($file) == $old }, 20), 'and the old one writes again');


# there

$new = upgraded($t);
kill 'WINCH', $old;
ok(wait_until(sub { !workers($t, $old) }, 20), 'the old workers go');
kill 'QUIT', $old;
ok(wait_until(sub { is_gone($old) }, 20), 'and then their master');

my $json = hd_json($t);

cmp_ok(hd_peer($json, 'app', $bad)->{health_checks}{checks}, '>', 5,
       'what was known is known');

# what the target has got, and what is known of: more, if there were two

my $seen = sub {
    return ($good->count(path => '/probe'),
            hd_peer($t, 'app', $good)->{health_checks}{checks});
};

my @from = $seen->();
my @to;

wait_until(sub { @to = $seen->(); return $to[1] >= $from[1] + 10 }, 20);

cmp_ok($to[0] - $from[0], '<', 1.5 * ($to[1] - $from[1]),
       'each target has one prober');

kill 'TERM', $users;

my ($n, $wrong) = split ' ', <$in> // '';

waitpid $users, 0;
cmp_ok($n, '>', 500, 'users have asked a lot');
is($wrong, 0, 'all have got an answer of the server that is up');
is($bad->count(path => '/user'), 0, 'none has met the one that is down');


done_testing();

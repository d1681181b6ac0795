#!/usr/bin/perl

# Tests for an upgrade of the binary with a state file, under load: the new
# nginx knows which server is down before it serves anybody, its file is not
# written over by the old one, which goes on if the new one is sent away again,
# and when the old one is gone each target has one prober (A09, A23).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Run qw(at_end in_child slow write_file);
use Time::HiRes qw(time);

my ($good, $bad) = backends(qw(good bad));
my $file = tmp_dir() . '/file';

my $t = HealthDash->new(workers => 2, http => <<"EOC");
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

# nginx ignores USR2 while the process that has started it is there, so this
# one is started as users do it, and by its whole name

write_file($t->dir . '/nginx.conf', $t->conf =~ s/^daemon off;$/daemon on;/mr);

{
    local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '') . ':detect_leaks=0';
    my $nginx = HealthDash::nginx_binary();

    system('sh', '-c', 'exec "$0" "$@" 2> /dev/null', $nginx,
           '-p', $t->dir . '/', '-c', $t->dir . '/nginx.conf',
           '-e', $t->dir . '/error.log') == 0
        or die "nginx did not start\n";
}

my $old = wait_until(\&pid_file, 10) or die "nginx has no process\n";

at_end { kill 'KILL', -$old };

sub pid_file {
    my $text = HealthDash::slurp($t->dir . '/nginx.pid');

    return $text =~ /^(\d+)/ ? $1 : 0;
}

# whose the file is, by its head

sub owner {
    my $head = HealthDash::slurp($file);

    return length $head >= 40 ? unpack 'Q', substr $head, 32, 8 : 0;
}

sub workers {
    my ($master) = @_;

    return grep { HealthDash::slurp("/proc/$_/cmdline")
                  =~ /^nginx: worker process(?: is shutting down)?[\s\0]*$/ }
           HealthDash::children($master);
}

sub upgrade {
    kill 'USR2', $old;

    my $pid = wait_until(sub {
        my $new = pid_file();
        return $new && $new != $old && workers($new) == 2 ? $new : 0;
    }, 20, 'the new nginx');

    ok($pid, 'a new nginx is started') or die "there is none\n";

    return $pid;
}

ok(wait_until(sub {
    my $json = hd_json($t);
    my $down = hd_peer($json, 'app', $bad);

    return $down->{health} eq 'down' && hd_peer($json, 'app', $good)->{health}
           eq 'up' && ($json->{state_file}{saved} // '') gt $down->{since};
}, 20), 'one server is down, and the file says so');
is(owner(), $old, 'the file is of the first nginx');


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

my $new = upgrade();

ok(wait_until(sub { owner() == $new }, 20), 'the file is of the new one');

my $end = time() + 6 * slow();
my $back = 0;

wait_until(sub { $back++ if owner() != $new; return time() > $end }, 30);

is($back, 0, 'and stays so, though the old one runs');
ok($t->wait_log(qr/is not written: a later nginx writes it, process $new$/, 1),
   'which says so');

kill 'QUIT', $new;

ok(wait_until(sub { pid_file() == $old && !-d "/proc/$new" }, 20),
   'the new one is sent away');
ok(wait_until(sub { owner() == $old }, 20), 'and the old one writes again');


# there

$new = upgrade();
kill 'WINCH', $old;
ok(wait_until(sub { !workers($old) }, 20), 'the old workers go');
kill 'QUIT', $old;
ok(wait_until(sub { !-d "/proc/$old" }, 20), 'and then their master');

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


kill 'QUIT', $new;
ok(wait_until(sub { !-d "/proc/$new" }, 20), 'it ends');
$t->scan_log;

done_testing();

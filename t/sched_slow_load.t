#!/usr/bin/perl

# Tests for a configuration that takes a minute to load, as nginx's own time
# stands still meanwhile: first probes are spread from then on, and no worker is
# said to have been late (A52).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Clock qw(clock_conf set_clock start_clocked);
use HealthDash::Run qw(tmp_dir);
use POSIX qw(_exit mkfifo);

my $b = backend('b');
my $n = 40;
my @pipe = map { tmp_dir() . "/$_" } qw(begin end);

mkfifo($_, 0600) or die "mkfifo() failed: $!\n" for @pipe;

my $t = HealthDash->new(workers => 2, conf => join "\n", clock_conf(), 'http {',
    (map { "include $_;" } @pipe),
    (map { "healthdash_service s$_ http://%%ADDR_b%%/$_ interval=1h;" }
         1 .. $n),
    'server { listen 127.0.0.1:%%PORT_web%%;',
    'location /status { healthdash_status; } }', '}');


# Whoever opens a pipe waits for the other side: nginx for the second one until
# the minute is over.

my $child = fork() // die "fork() failed: $!\n";

if ($child == 0) {
    open my $begin, '>', $pipe[0] or _exit(1);
    set_clock('+60');
    open my $end, '>', $pipe[1] or _exit(1);
    _exit(0);
}

start_clocked($t);
waitpid($child, 0);
is($?, 0, 'it was loaded in a minute');

ok(wait_until(sub { hd_json($t)->{summary}{services}{up} == $n }, 20),
   'all targets have a result');

# both are those of whole seconds that are over

ok(wait_until(sub { hd_json($t)->{probing}{done} > 0 }, 20), 'which counts');

my $probing = hd_json($t)->{probing};

cmp_ok($probing->{late}, '<', 30000, 'no probe was due before that');
cmp_ok($probing->{lag}, '<', 30000, 'and no worker late');

$t->stop;

done_testing();

#!/usr/bin/perl

# Tests for the demo with FULL=1: real servers of all kinds are healthy within
# seconds, the hints do what they say, and nothing is left behind.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Cwd ();
use POSIX ();

use HealthDash::Run qw(track untrack);
use HealthDash::Status qw(status_doc run_command);

my $module = HealthDash::module_file();

plan skip_all => 'the demo loads the module into the installed nginx; here it '
                 . 'is linked into another one' if !length $module;

plan skip_all => 'its mail server needs root' if $> != 0;

# the demo takes the module beside it

my $tree = tmp_dir() . '/tree';
my $root = Cwd::abs_path("$FindBin::Bin/..");
my $demo = "$tree/tools/demo";
my $out = "$tree/out";

mkdir $_ or die "$_: $!\n" for $tree, "$tree/tools", "$tree/build",
                               "$tree/tmp";
run_command('cp', "$root/tools/demo", "$root/tools/demo-full", "$tree/tools");
run_command('cp', $module, "$tree/build/ngx_http_healthdash_module.so");
chmod 0777, "$tree/tmp";
chmod 0755, $tree, "$tree/tools", "$tree/build", $demo;

$ENV{TMPDIR} = "$tree/tmp";
$ENV{FULL} = 1;


# start(PORT): the demo as a user would have it, in a group of its own

sub start {
    my ($port) = @_;
    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        HealthDash::Run::in_child();
        POSIX::setpgid(0, 0);
        $ENV{PORT} = $port;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $out;
        open STDERR, '>&', \*STDOUT;
        exec $demo or POSIX::_exit(127);
    }

    POSIX::setpgid($pid, $pid);
    track($pid);

    return $pid;
}


# everything of the demo that lives: in its group, or named after its folder

sub alive {
    my ($pid) = @_;
    my @alive;

    for my $p (HealthDash::all_pids()) {
        my @s = HealthDash::stat_of($p);

        next if !@s || $s[0] eq 'Z' || $p == $$;

        my $line = HealthDash::slurp("/proc/$p/cmdline") =~ tr/\0/ /r;

        push @alive, $line if $s[2] == $pid || index($line, $tree) >= 0;
    }

    return @alive;
}


my $first = HealthDash::Run::free_ports(9);
my $pid = start($first);

sub output { return HealthDash::slurp($out); }

ok(wait_until(sub { output() =~ /Ctrl-C stops everything/
                    || waitpid($pid, POSIX::WNOHANG()) == $pid }, 120,
              'the demo'), 'it starts');

my $text = output();
my %command = $text =~ /^  (\w[^:]*?):\s+(\S.*)$/mg;

like($text, qr/Ctrl-C stops everything/, 'with all its servers')
    or BAIL_OUT("the full demo does not start:\n$text");
unlike($text, qr/\[warn\]|\[emerg\]|No such file|not found/i,
       'and without a complaint');

is_deeply([ sort grep { /it|Stop|Freeze the|job|ready/ } keys %command ],
          [ 'Freeze the cache', 'Is the shop ready', 'Let a job fail',
            'Let it beat again', 'Mend it', 'Start it again',
            'Stop the database', 'Stop the heartbeat', 'Thaw it',
            'Wake it up' ], 'it prints its hints') or diag($text);


sub run { return run_command('bash', '-c', $_[0]); }

# a hint must work as it stands

sub hint {
    my ($rc, $said) = run("$command{$_[0]} 2>> $out");

    is($rc, 0, "the hint \"$_[0]\" works") or diag($said);
    return $said;
}

sub services {
    my ($doc) = status_doc($first);

    return $doc->{services} // {};
}

sub health { return services()->{$_[0]}{health} // 'none'; }
sub reason { return services()->{$_[0]}{reason}{text} // ''; }

sub becomes {
    my ($name, $health, $why) = @_;

    ok(wait_until(sub { health($name) eq $health }, 30, $name),
       "$name becomes $health") or diag(explain(services()->{$name}));
    like(reason($name), $why, 'and says why') if $why;
}


# all of them; the machine this runs on may be busy or full

my @machine = ('Disk', 'Load', 'Memory', 'Open files', 'This nginx');
my @servers = ("Backup's port", 'Nightly backup', 'Orders database',
               'Outgoing mail', 'PHP', 'Page cache', 'Sessions', 'This proxy');

is_deeply([ sort keys %{ services() } ], [ sort @machine, @servers ],
          'it has services of all kinds');

becomes($_, 'up') for @servers;

for my $name (@machine) {
    ok(wait_until(sub { health($name) !~ /^(?:unknown|none)$/ }, 30, $name),
       "$name is measured");
}

like(hint('Is the shop ready'), qr{^HTTP/1\.1 200 .*"status":"pass"}s,
     'the shop is ready');


# a database that is stopped

hint('Stop the database');
becomes('Orders database', 'down',
        qr/^connection refused|^not serving|^connection closed/);
like(hint('Is the shop ready'),
     qr{^HTTP/1\.1 503 .*"Orders database":.*"status":"fail"}s,
     'the shop is not ready');
like(http_get($first, '/status', Accept => 'text/html')->{body},
     qr/<h1><b>1 of \d+ targets is down<\/b>: Orders database/, 'the page says so');

hint('Start it again');
becomes('Orders database', 'up');


# a cache that is frozen, and a cron job

hint('Freeze the cache');
hint('Stop the heartbeat');
becomes('Sessions', 'down', qr/^response timed out after 1s/);
becomes('Nightly backup', 'down',
        qr/^no heartbeat for \d+s, expected every 5s plus 3s/);

hint('Thaw it');
hint('Let a job fail');

# soon it will be silent again

ok(wait_until(sub { reason('Nightly backup')
                    eq 'the heartbeat reports: down: no space' }, 5),
   'a job that failed says why') or diag(reason('Nightly backup'));
becomes('Sessions', 'up');

hint('Let it beat again');
becomes('Nightly backup', 'up');

like(hint('Is the shop ready'), qr{^HTTP/1\.1 200 }, 'all is mended');

my ($log) = glob "$tree/tmp/healthdash-demo.*/proxy/error.log";
my $lines = HealthDash::slurp($log);

like($lines, qr/service "Orders database" is down: .*is up: /s,
     'the log tells the story');

# a machine that is busy may be late with a backend, too

is_deeply([ grep { !/ healthdash: service "/
                   && !/ healthdash: server .*(?:timed out|blocked| is up: )/ }
            split /\n/, $lines ], [], 'and nothing else');


# the end: also of a frozen server

hint('Freeze the cache');
kill 'INT', -$pid;

my $ended = wait_until(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, 30,
                       'the end of the demo');

is($ended ? $? : 'none', 0, 'Ctrl-C ends it');
is_deeply([ alive($pid) ], [], 'with all its processes');
is_deeply([ glob "$tree/tmp/healthdash-demo.*" ], [], 'and its folder');
is_deeply([ grep { !HealthDash::Run::port_is_free($first + $_) } 0 .. 8 ], [],
          'the ports are free');

kill 'KILL', -$pid if !$ended;
untrack($pid);


# a program that is missing

{
    run(qq{sed 's/memcached memcached/memcached no-such-cache/' }
        . "$root/tools/demo-full > $tree/tools/demo-full");

    my ($rc, $said) = run("PORT=$first $demo");

    is_deeply([ $rc, $said ],
              [ 1, 'demo: no-such-cache was not found: run "make demo-deps" '
                   . "as root first.\n" ], 'what is missing is named');
    is_deeply([ glob "$tree/tmp/healthdash-demo.*" ], [], 'and nothing left behind');
}


# without root

SKIP: {
    skip '/dev/null is not for everybody here', 1
        if !-c '/dev/null' || !((stat _)[2] & 02);

    my ($rc, $said) = run("PORT=$first setpriv --reuid=nobody "
                          . "--regid=nogroup --clear-groups $demo");

    is_deeply([ $rc, $said ],
              [ 1, 'demo: FULL=1 starts a mail server, which needs root: run '
                   . "this as root, or without FULL=1.\n" ],
              'it says that it needs root');
}

done_testing();

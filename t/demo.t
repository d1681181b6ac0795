#!/usr/bin/perl

# Tests for the demo: what it prints works, it stops without a trace, and what
# keeps it from starting is one clear sentence.

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

# the demo takes the module beside it

my $tree = tmp_dir() . '/tree';
my $root = Cwd::abs_path("$FindBin::Bin/..");
my $demo = "$tree/tools/demo";

mkdir $_ or die "$_: $!\n" for $tree, "$tree/tools", "$tree/build",
                               "$tree/tmp";
run_command('cp', "$root/tools/demo", $demo);
run_command('cp', $module, "$tree/build/ngx_http_healthdash_module.so");
chmod 0777, "$tree/tmp";
chmod 0755, $tree, "$tree/tools", "$tree/build", $demo;

$ENV{TMPDIR} = "$tree/tmp";


sub ports { return HealthDash::Run::free_ports(4); }


# start(PORT, AS): the demo as a user would have it, in a group of its own

my $out = "$tree/out";

sub start {
    my ($port, @as) = @_;
    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        HealthDash::Run::in_child();
        POSIX::setpgid(0, 0);
        $ENV{PORT} = $port;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $out;
        open STDERR, '>&', \*STDOUT;
        exec @as, $demo or POSIX::_exit(127);
    }

    POSIX::setpgid($pid, $pid);
    track($pid);

    return $pid;
}


sub output { return HealthDash::slurp($out); }


# everything of the demo that lives

sub alive {
    my ($pid) = @_;

    return grep { my @s = HealthDash::stat_of($_);
                  $s[2] == $pid && $s[0] ne 'Z' } HealthDash::all_pids();
}


sub end {
    my ($pid, $signal) = @_;

    # as a terminal does it: to the whole group

    kill $signal, -$pid if $signal;

    my $ended = wait_until(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, 10,
                           'the end of the demo');
    my $code = $? >> 8;

    my @left = alive($pid);

    kill 'KILL', -$pid;
    untrack($pid);

    return ($ended ? $code : 'none', @left);
}


sub folders { return glob "$tree/tmp/healthdash-demo.*"; }


# it prints what works

my $first = ports();
my $pid = start($first);

ok(wait_until(sub { output() =~ /Ctrl-C stops everything/ }, 15, 'the demo'),
   'it starts') or diag(output());

my $text = output();
my ($page) = $text =~ m{The page:\s+(http://127\.0\.0\.1:$first/status)$}m;
my %command = $text =~ /^  (\w[^:]*?):\s+(\S.*)$/mg;

ok($page, 'it prints the address of the page');

sub run { return run_command('sh', '-c', $_[0]); }

is_deeply([ sort keys %command ],
          [ 'As JSON', 'Break a backend', 'Freeze a backend',
            'In a terminal', 'Mend it', 'The page', 'Through the proxy',
            'Wake it up', 'What nginx logs' ], 'and the commands')
    or diag($text);

sub health {
    my ($doc) = status_doc($first);

    return join ' ', map { "$_->{health}/$_->{state}" }
                     @{ $doc->{upstreams}{app}{peers} // [] };
}

ok(wait_until(sub { (status_doc($first))[0]{health} eq 'up' }, 10,
              'all to be up'), 'all is up');
is(health(), 'up/up up/up up/up', 'also the backup');

{
    my ($rc, $said) = run($command{'In a terminal'});

    is($rc, 0, 'the command for a terminal works');
    like($said, qr/All is well: 3 servers and 2 services /m,
         'and says that all is well');

    ($rc, $said) = run("$command{'As JSON'} 2>/dev/null");
    like($said, qr/^\{"version":1,/, 'the one for JSON gives JSON');
}

like(http_get($first, '/status', Accept => 'text/html')->{body},
     qr/<title>all up - healthdash demo</, 'the page says so');

sub backends_asked {
    my $burst = http_burst($first, '/', 40, concurrency => 4,
                           keepalive => 0);
    my %said;

    $said{http_get($first, '/')->{body}}++ for 1 .. 20;

    return ($burst->{status}, \%said);
}


my (undef, $both) = backends_asked();

is_deeply([ sort keys %$both ],
          [ "hello from backend 1\n", "hello from backend 2\n" ],
          'requests go to both');


# break it

run($command{'Break a backend'});

ok(wait_until(sub { health() =~ m{^up/up down/unhealthy} }, 10, 'it is down'),
   'the command to break one breaks it');
like(http_get($first, '/status', Accept => 'text/html')->{body},
     qr/<title>1\ down\ -\ .*
        <h1><b>1\ of\ 5\ targets\ is\ down<\/b>:\ 127\.0\.0\.1:\d+\ of\ app</xs,
     'the page says which');

my ($status, $one) = backends_asked();

is_deeply([ $status, $one ], [ { 200 => 40 },
                               { "hello from backend 1\n" => 20 } ],
          'requests do not reach it');


# mend it

run($command{'Mend it'});

ok(wait_until(sub { health() eq 'up/up up/up up/up' }, 10, 'it is up'),
   'the command to mend it mends it');

(undef, $both) = backends_asked();
is(scalar keys %$both, 2, 'requests reach it again');

like((run($command{'What nginx logs'} =~ s/^tail -f/cat/r))[1],
     qr/is down: http status 503.*is up/s, 'the log tells the story');


# freeze and wake up

run($command{'Freeze a backend'});

ok(wait_until(sub { health() =~ m{^down/unhealthy up/up} }, 10, 'it is down'),
   'a frozen backend is found');
like((status_doc($first))[1], qr/no answer|timeout|timed out/,
     'by its silence');

run($command{'Wake it up'});

ok(wait_until(sub { health() eq 'up/up up/up up/up' }, 10, 'it is up'),
   'and comes back when it wakes up');


# a port is taken

{
    my ($rc, $said) = run("PORT=$first $demo");

    is($rc, 1, 'a second demo does not start');
    is($said, "demo: port $first of 127.0.0.1 is taken: stop what listens "
              . 'there, or choose four free ports in a row, e.g. with "make '
              . "demo PORT=9000\".\n", 'and says why in one sentence');
    is(scalar(() = folders()), 1, 'it leaves nothing behind');

    # the last of its four

    ($rc, $said) = run('PORT=' . ($first - 3) . " $demo");
    is($rc, 1, 'nor when only one of four is taken');
    like($said, qr/\Ademo: port \d+ of 127\.0\.0\.1 is taken: .*\n\z/,
         'with the same sentence');

    for my $bad (qw(0 65533 99999 -1 abc 80x 08080), ' ') {
        ($rc, $said) = run("PORT='$bad' $demo");
        is_deeply([ $rc, $said ],
                  [ 1, "demo: PORT is \"$bad\", expected a number from 1 to "
                       . "65532.\n" ], "PORT=$bad is refused");
    }
}


# the end: also of a frozen backend

run($command{'Freeze a backend'});

my ($code, @left) = end($pid, 'INT');

is($code, 0, 'Ctrl-C ends it');
is_deeply(\@left, [], 'with all its processes');
is_deeply([ folders() ], [], 'and its folder');
like(output(), qr/^Stopped; \S+ is gone\.$/m, 'as it says');
ok(HealthDash::Run::port_is_free($first), 'the port is free');


# as somebody else, and killed from outside

SKIP: {
    skip 'this runs without root anyway', 5 if $> != 0;
    skip '/dev/null is not for everybody here', 5
        if !-c '/dev/null' || !((stat _)[2] & 02);

    $first = ports();
    $pid = start($first, 'setpriv', '--reuid=nobody', '--regid=nogroup',
                 '--clear-groups');

    ok(wait_until(sub { output() =~ /Ctrl-C stops everything/ }, 15), 'it '
       . 'starts without root') or diag(output());
    ok(wait_until(sub { health() eq 'up/up up/up up/up' }, 10), 'and probes');

    kill 'TERM', $pid;
    ($code, @left) = end($pid);

    is($code, 0, 'SIGTERM ends it');
    is_deeply(\@left, [], 'with all its processes');
    is_deeply([ folders() ], [], 'and its folder');
}


# no folder, no module

{
    local $ENV{TMPDIR} = "$tree/none";
    my ($rc, $said) = run("PORT=$first $demo 2>&1");

    is($rc, 1, 'without a place for its folder it does not start');
    like($said, qr/^demo: no folder could be made in \Q$ENV{TMPDIR}\E: /m,
         'and says so');

    unlink "$tree/build/ngx_http_healthdash_module.so";
    ($rc, $said) = run("PORT=$first $demo");
    is_deeply([ $rc, $said ],
              [ 1, "demo: $tree/build/ngx_http_healthdash_module.so is missing"
                   . ": run \"make module\" first.\n" ],
              'nor without a module');
}

done_testing();

package HealthDash::Run;

# What every test file has once: a scratch folder, ports, a watchdog, the list
# of things to stop at the end, and the list of failures found outside of
# assertions.  Nothing here knows nginx or HTTP.

use strict;
use warnings;

use Errno qw(EINTR);
use Exporter qw(import);
use Fcntl qw(:flock :DEFAULT);
use File::Path ();
use File::Spec ();
use File::Temp ();
use POSIX ();
use Socket qw(:DEFAULT IPPROTO_IPV6 IPV6_V6ONLY);
use Time::HiRes qw(sleep time);
use Test::More ();

our @EXPORT_OK = qw(tmp_dir port free_port slow patience wait_until has_ipv6
                    at_end fail_later track untrack in_child
                    start_helper stop_helper write_file read_more);

my $main = $$;
my $slow = $ENV{HD_VALGRIND} ? 10 : $ENV{HD_SANITIZE} ? 3 : 1;

my ($dir, $reaper, $reaper_pid);
my (%port, @at_end, @failures);


# Times in tests are for a plain build; under sanitizers they are longer.

sub slow { return $slow; }


# What is over in a moment may take this long, in seconds, where other work or
# a slow disk comes first.  With slow() it is 30, also under sanitizers: less
# than the minute for which tests hold what must not be waited for.

sub patience { return 30 / $slow; }


sub tmp_dir {
    if (!defined $dir) {
        $dir = File::Temp::tempdir('healthdash-XXXXXXXX', TMPDIR => 1);
        chmod 0755, $dir;
        tell_reaper("dir $dir");
    }

    return $dir;
}


# wait_until(sub { ... }, SECONDS, 'what'): calls the code until it returns
# true, and returns what it returned; after the deadline a diagnostic, and
# false.  Whole seconds say what is usual, the deadline is patience() at least.

sub wait_until {
    my ($code, $seconds, $what) = @_;

    $seconds = patience() if $seconds >= 1 && $seconds < patience();

    my $end = time() + $seconds * $slow;

    while (1) {
        my $late = time() >= $end;
        my $rc = $code->();
        return $rc if $rc;
        last if $late;
        sleep 0.02;
    }

    Test::More::diag("waited $seconds s in vain"
                     . (defined $what ? " for $what" : '')
                     . ', line ' . (caller)[2]);
    return;
}


# Ports lie below the range of outgoing connections.  A counter in a locked
# file hands out each port once, so two test files that run at the same time,
# or one after the other, never meet.

sub port {
    my ($name) = @_;

    return $port{$name} //= free_port();
}


sub free_port { return free_ports(1); }


# free_ports(N): the first of N in a row

sub free_ports {
    my ($n) = @_;
    my $file = sprintf '%s/healthdash-port-%d', File::Spec->tmpdir, $>;
    my ($first, $last) = port_range();

    sysopen my $fh, $file, O_RDWR | O_CREAT | O_NOFOLLOW, 0600
        or die "cannot open $file: $!\n";
    flock $fh, LOCK_EX or die "cannot lock $file: $!\n";

    my $port = <$fh> // '';
    $port = $port =~ /^(\d+)$/ ? $1 : $first + int rand($last - $first);

    for (1 .. $last - $first) {
        $port++;
        $port = $first if $port < $first || $port > $last - $n + 1;

        next if grep { !port_is_free($port + $_) } 0 .. $n - 1;

        seek $fh, 0, 0;
        truncate $fh, 0;
        print $fh $port + $n - 1, "\n";
        close $fh or die "cannot write $file: $!\n";

        return $port;
    }

    die "there are no $n free ports in a row between $first and $last\n";
}


sub port_range {
    my $low = 32768;

    if (open my $fh, '<', '/proc/sys/net/ipv4/ip_local_port_range') {
        my $line = <$fh>;
        $low = $1 if $line =~ /^(\d+)/;
    }

    return $low >= 12000 ? (10000, $low - 1) : (20000, 29999);
}


sub port_is_free {
    my ($port) = @_;

    socket my $v4, PF_INET, SOCK_STREAM, 0 or return 0;
    setsockopt $v4, SOL_SOCKET, SO_REUSEADDR, 1;
    bind $v4, pack_sockaddr_in($port, INADDR_ANY) or return 0;

    socket my $udp, PF_INET, SOCK_DGRAM, 0 or return 0;
    bind $udp, pack_sockaddr_in($port, INADDR_ANY) or return 0;

    if (has_ipv6()) {
        socket my $v6, PF_INET6, SOCK_STREAM, 0 or return 0;
        setsockopt $v6, SOL_SOCKET, SO_REUSEADDR, 1;
        setsockopt $v6, IPPROTO_IPV6, IPV6_V6ONLY, 1;
        bind $v6, Socket::pack_sockaddr_in6($port, Socket::IN6ADDR_ANY)
            or return 0;
    }

    return 1;
}


my $ipv6;

sub has_ipv6 {
    return $ipv6 //= do {
        my $addr = Socket::pack_sockaddr_in6(0, Socket::IN6ADDR_LOOPBACK);
        my $fh;
        socket($fh, PF_INET6, SOCK_STREAM, 0) && bind($fh, $addr) ? 1 : 0;
    };
}


# Code to run at the end of the test file, last come first.

sub at_end(&) {
    my ($code) = @_;

    unshift @at_end, $code;
}


# A failure found where there is no assertion: shown and remembered, it makes
# the test file fail at its end.

sub fail_later {
    my ($text) = @_;

    push @failures, $text;
    Test::More::diag($text);
}


# Failures found so far; take_failures() forgets them (for the library's test).

sub take_failures {
    my @list = @failures;

    @failures = ();
    return @list;
}


# The reaper: a process of its own that outlives even a test file killed with
# SIGKILL, and then kills the process groups that were left and removes the
# scratch folder.  It is the watchdog, too.

sub watch {
    my ($seconds) = @_;

    $seconds = $ENV{HD_TIMEOUT} if $ENV{HD_TIMEOUT};
    start_reaper() if !$reaper_pid;
    tell_reaper('timeout ' . $seconds * $slow);
}


sub track   { tell_reaper("group $_[0]"); }
sub untrack { tell_reaper("gone $_[0]"); }


sub tell_reaper {
    my ($line) = @_;

    return if !$reaper || $$ != $main;

    local $SIG{PIPE} = 'IGNORE';
    syswrite $reaper, "$line\n";
}


sub start_reaper {
    pipe my $read, $reaper or die "pipe() failed: $!\n";

    $reaper_pid = fork // die "fork() failed: $!\n";

    return if $reaper_pid;

    close $reaper;
    POSIX::setpgid(0, 0);
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
    $0 = "watchdog of test $main";
    reap($read);
    POSIX::_exit(0);
}


sub reap {
    my ($read) = @_;
    my (%group, $remove, $deadline, $told);
    my $buf = '';

    while (1) {
        my $rin = '';
        vec($rin, fileno $read, 1) = 1;

        if (select $rin, undef, undef, 0.5) {
            last if !sysread $read, $buf, 4096, length $buf;
        }

        while ($buf =~ s/^(\w+) (.*)\n//) {
            $group{$2} = 1 if $1 eq 'group';
            delete $group{$2} if $1 eq 'gone';
            $remove = $2 if $1 eq 'dir';
            $deadline = time() + $2 if $1 eq 'timeout';
        }

        last if !kill 0, $main;

        if ($deadline && time() > $deadline) {
            if (!$told++) {
                print STDERR "# the test file takes too long and is stopped;"
                    . " timeout => N gives it more time\n";
                kill 'TERM', $main;
                $deadline = time() + 10 * $slow;

            } else {
                kill 'KILL', $main;
                last;
            }
        }
    }

    kill 'KILL', -$_ for keys %group;
    File::Path::remove_tree($remove) if defined $remove && !$ENV{HD_KEEP};
}


# To be called first in a forked child that is no test.

sub in_child {
    close $reaper if $reaper;
    undef $reaper;
    @at_end = ();
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
}


# start_helper('backends of a test', sub { ... }): a process that runs the code
# with its end of a socket pair; returns { pid, fh }, with our end.

sub start_helper {
    my ($title, $code) = @_;

    socketpair my $mine, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair() failed: $!\n";

    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        in_child();
        POSIX::setpgid(0, 0);
        close $mine;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        $0 = $title;
        eval { $code->($theirs); 1 } or print STDERR "# $@";
        POSIX::_exit(0);
    }

    close $theirs;
    POSIX::setpgid($pid, $pid);
    track($pid);

    my $helper = { pid => $pid, fh => $mine };

    at_end { stop_helper($helper) };

    return $helper;
}


sub stop_helper {
    my ($helper) = @_;

    kill 'CONT', $helper->{pid};
    close $helper->{fh};
    kill 'KILL', $helper->{pid};
    waitpid $helper->{pid}, 0;
    untrack($helper->{pid});
}


# read_more(FH, \$in): adds what comes; false at the end, on an error, and when
# the socket's time is up.  Who is frozen and thawed reads on.

sub read_more {
    my ($fh, $in) = @_;
    my $n;

    do {
        $n = sysread $fh, $$in, 65536, length $$in;
    } while (!defined $n && $! == EINTR);

    return $n;
}


sub write_file {
    my ($file, $text) = @_;

    open my $fh, '>:raw', $file or die "cannot write $file: $!\n";
    print $fh $text;
    close $fh or die "cannot write $file: $!\n";
}


$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);


END {
    if ($$ == $main) {
        my $rc = $?;

        local $SIG{TERM} = 'IGNORE';

        finish();
        $? = $rc || (@failures ? 1 : 0);
    }
}


sub finish {
    for my $code (@at_end) {
        eval { $code->(); 1 } or fail_later($@);
    }

    @at_end = ();

    if (@failures) {
        Test::More::diag('the test file fails because of ' . @failures
                         . ' problem(s) outside of its assertions, first: '
                         . $failures[0]);
    }

    if ($reaper) {
        Test::More::diag("files are kept in $dir")
            if defined $dir && $ENV{HD_KEEP};
        close $reaper;
        waitpid $reaper_pid, 0;
    }
}


1;

package HealthDash::Upgrade;

# An nginx started as users do it, and upgraded by USR2.

use strict;
use warnings;

use Exporter qw(import);

use HealthDash ();
use HealthDash::Run qw(at_end wait_until write_file);
use Test::More;

our @EXPORT_OK = qw(daemon is_gone owner pid_file upgrade workers);


# daemon($t): its master.  nginx ignores USR2 while the process that has started
# it is there, so this one is started in the background, and by its whole name

sub daemon {
    my ($t) = @_;
    my $nginx = HealthDash::nginx_binary();

    write_file($t->dir . '/nginx.conf',
               $t->conf =~ s/^daemon off;$/daemon on;/mr);

    local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '') . ':detect_leaks=0';

    system('sh', '-c', 'exec "$0" "$@" 2> /dev/null', $nginx,
           '-p', $t->dir . '/', '-c', $t->dir . '/nginx.conf',
           '-e', $t->dir . '/error.log') == 0
        or die "nginx did not start\n";

    my $pid = wait_until(sub { pid_file($t) }, 10)
        or die "nginx has no process\n";

    at_end { kill 'KILL', -$pid };

    return $pid;
}


sub pid_file {
    my ($t) = @_;

    return HealthDash::slurp($t->dir . '/nginx.pid') =~ /^(\d+)/ ? $1 : 0;
}


sub workers {
    my ($master) = @_;

    return grep { HealthDash::slurp("/proc/$_/cmdline")
                  =~ /^nginx: worker process(?: is shutting down)?[\s\0]*$/ }
           HealthDash::children($master);
}


# upgrade($t, OLD, WORKERS): the new master, which has so many workers

sub upgrade {
    my ($t, $old, $n) = @_;

    kill 'USR2', $old;

    my $pid = wait_until(sub {
        my $new = pid_file($t);
        return $new && $new != $old && workers($new) == $n ? $new : 0;
    }, 20, 'the new nginx');

    ok($pid, 'a new nginx is started') or die "there is none\n";

    return $pid;
}


# whether a process has ended, also where nobody takes notice of that

sub is_gone {
    my ($pid) = @_;

    return (HealthDash::stat_of($pid))[0] =~ /^Z?$/;
}


# owner(FILE): whose the state file is, by its head

sub owner {
    my $head = HealthDash::slurp($_[0]);

    return length $head >= 40 ? unpack 'Q', substr $head, 32, 8 : 0;
}


1;

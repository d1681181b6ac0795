package HealthDash::Daemon;

# Real servers (databases, caches, mail ...) as a test needs them: started in a
# process group of their own, frozen, stopped, and gone at the end of the test
# whatever happens.  A program that is not installed is a failure, never a skip.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(sleep time);

use HealthDash::Run qw(tmp_dir slow wait_until at_end track untrack in_child
                       fail_later);

our @EXPORT_OK = qw(daemon need);

my $count = 0;


# need('redis-server'): the path of a program, also in sbin and in the folders
# of PostgreSQL; dies if there is none.

sub need {
    my (@names) = @_;

    for my $name (@names) {
        for my $dir (split(/:/, $ENV{PATH} // ''), '/usr/local/sbin',
                     '/usr/sbin', '/sbin', '/usr/lib/dovecot',
                     reverse sort glob('/usr/lib/postgresql/*/bin'))
        {
            return "$dir/$name" if -x "$dir/$name" && !-d _;
        }
    }

    die "@names is not installed: run \"make test-deps\"\n";
}


# daemon(NAME, argv => [...], port => N, ready => sub { ... }, user => 'nobody',
# env => { ... }, stop => 'TERM', dir => DIR, seconds => 30): starts the program
# in the foreground and waits until the port on 127.0.0.1 answers, or ready
# returns true.

sub daemon {
    my ($name, %arg) = @_;
    my $self = bless { name => $name, stop => 'TERM', seconds => 30, %arg },
                     __PACKAGE__;

    $self->{out} = tmp_dir() . "/daemon-$name-" . ++$count . '.log';
    at_end { $self->stop };

    return $self->start;
}


sub start {
    my ($self) = @_;
    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        in_child();
        POSIX::setpgid(0, 0);
        $self->run;
    }

    POSIX::setpgid($pid, $pid);
    track($pid);
    $self->{pid} = $pid;

    my $up = wait_until(sub { $self->gone || $self->answers },
                        $self->{seconds}, "$self->{name} to start");

    if (!$up || !defined $self->{pid}) {
        die "$self->{name} did not start:\n" . $self->log . "\n";
    }

    return $self;
}


sub run {
    my ($self) = @_;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', $self->{out};
    open STDERR, '>&', \*STDOUT;
    chdir($self->{dir} // '/');

    if (defined $self->{user} && $> == 0) {
        my ($uid, $gid) = (getpwnam $self->{user})[2, 3];

        $) = "$gid $gid";
        $( = $gid;
        POSIX::setuid($uid);
    }

    $ENV{$_} = $self->{env}{$_} for keys %{ $self->{env} // {} };

    exec { $self->{argv}[0] } @{ $self->{argv} }
        or print STDERR "cannot run $self->{argv}[0]: $!\n";
    POSIX::_exit(127);
}


sub answers {
    my ($self) = @_;

    return $self->{ready}->($self) if $self->{ready};

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{port}, Timeout => 1);
}


# true once the process has ended

sub gone {
    my ($self) = @_;

    return 1 if !defined $self->{pid};
    return 0 if waitpid($self->{pid}, POSIX::WNOHANG()) == 0;

    untrack($self->{pid});
    undef $self->{pid};
    return 1;
}


sub pid { return $_[0]{pid}; }


# The whole process group: servers fork.

sub freeze { kill 'STOP', -$_[0]{pid}; return $_[0]; }
sub thaw   { kill 'CONT', -$_[0]{pid}; return $_[0]; }


# Stops it, by force if it does not go; start() brings it back.

sub stop {
    my ($self) = @_;

    return $self if !defined $self->{pid};

    my $group = $self->{pid};

    kill 'CONT', -$group;
    kill $self->{stop}, $group;

    my $end = time() + 10 * slow();

    sleep 0.02 until $self->gone || time() > $end;

    kill 'KILL', -$group;

    if (defined $self->{pid}) {
        waitpid $self->{pid}, 0;
        untrack($self->{pid});
        undef $self->{pid};
    }

    return $self;
}


# What it has printed.

sub log {
    my ($self) = @_;

    open my $fh, '<', $self->{out} or return '';
    local $/;
    return <$fh> // '';
}


1;

package HealthDash::Upgrade;

# What an upgrade of the binary, HealthDash->upgrade, leaves behind.

use strict;
use warnings;

use Exporter qw(import);

use HealthDash ();
use Test::More;

our @EXPORT_OK = qw(is_gone owner upgraded workers);


# upgraded($t): the new master

sub upgraded {
    my ($t) = @_;

    ok($t->upgrade, 'a new nginx is started') or die "there is none\n";

    return $t->master_pid;
}


sub is_gone { return !HealthDash::is_process($_[0]); }


# workers($t, MASTER): all that it has, those that are shutting down, too

sub workers {
    my ($t, $master) = @_;

    return ($t->worker_pids($master), $t->old_worker_pids($master));
}


# owner(FILE): whose the state file is, by its head

sub owner {
    my $head = HealthDash::slurp($_[0]);

    return length $head >= 40 ? unpack 'Q', substr $head, 32, 8 : 0;
}


1;

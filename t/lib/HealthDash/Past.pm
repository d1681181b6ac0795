package HealthDash::Past;

# Gives all targets of a running nginx a past of 90 days: see t/unit/fill.c.

use strict;
use warnings;

use Exporter qw(import);

use HealthDash::Status qw(run_command);
use HealthDash::Unit qw(build_unit);

our @EXPORT_OK = qw(fill_past);


# fill_past($t): nginx stands still meanwhile

sub fill_past {
    my ($t) = @_;
    my $fill = build_unit('fill', qw(ngx_hd_event.c ngx_hd_pace.c));
    my @workers = $t->worker_pids;

    kill 'STOP', @workers;

    my ($rc, $text) = run_command($fill, $t->master_pid);

    kill 'CONT', @workers;

    die "cannot fill the history: $text\n" if $rc;

    return;
}


1;

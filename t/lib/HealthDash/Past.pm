package HealthDash::Past;

# Gives all targets of a running nginx a past of 90 days: see t/unit/fill.c.

use strict;
use warnings;

use Exporter qw(import);

use HealthDash::Status qw(run_command);
use HealthDash::Unit qw(build_unit);

our @EXPORT_OK = qw(fill_past);


# fill_past($t), or fill_past($t, 'calm') with little trouble in it: nginx stands
# still meanwhile

sub fill_past {
    my ($t, @calm) = @_;
    my $fill = build_unit('fill', qw(ngx_hd_event.c ngx_hd_pace.c));
    my @workers = $t->worker_pids;

    kill 'STOP', @workers;

    my ($rc, $text) = run_command($fill, $t->master_pid, @calm);

    kill 'CONT', @workers;

    die "cannot fill the history: $text\n" if $rc;

    return;
}


1;

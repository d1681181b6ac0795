#!/usr/bin/perl

# Tests for the state file as it is written and read: clocks that began anew or
# were set, files of any age, each kind of damage, and values that cannot be.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('restore', qw{ ngx_hd_archive.c ngx_hd_event.c ngx_hd_history.c
    ngx_hd_index.c ngx_hd_pace.c });

#!/usr/bin/perl

# Tests for places of servers that DNS adds: order, death of the one that gives
# them, others at the same time, a reload, and who comes back (A14, A19, A28,
# A29).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('follow', qw{ ngx_hd_history.c ngx_hd_pace.c });

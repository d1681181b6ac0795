#!/usr/bin/perl

# Tests for lines in the log about what all workers find in the same moment:
# one of them writes it, though nginx's time is not the same in each.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('tell', qw{ ngx_hd_event.c ngx_hd_reason.c });

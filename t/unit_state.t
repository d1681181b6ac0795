#!/usr/bin/perl

# Tests for the state machine: thresholds, rows that end, counters at their
# end, flap=, and verdicts that are frozen (A49).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('state');

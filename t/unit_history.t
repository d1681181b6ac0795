#!/usr/bin/perl

# Tests for what is remembered of a target: minutes, hours and days, single
# results, percentiles of latency, and what is not known.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('history');

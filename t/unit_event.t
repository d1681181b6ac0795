#!/usr/bin/perl

# Tests for the ring of events: numbers, laps, writers that are killed or go on
# later, and what a new configuration has changed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('event');

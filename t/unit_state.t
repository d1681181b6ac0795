#!/usr/bin/perl

# Tests for the state machine.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('state');

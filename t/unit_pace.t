#!/usr/bin/perl

# Tests for turns: how many are given out, to how many processes, what is
# counted by seconds, and how evenly numbers are spread (A52).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('pace');

#!/usr/bin/perl

# Tests for the arithmetic of healthdash_guard: when verdicts are frozen, when
# they follow again, and which targets count.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('guard');

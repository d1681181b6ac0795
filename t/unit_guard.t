#!/usr/bin/perl

# Tests for the arithmetic of healthdash_guard: when verdicts are frozen, when
# they follow again, which targets count, also after weeks, when 32 bits of
# milliseconds begin anew, and that workers whose clocks differ do not undo what
# one of them has done (A36).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('guard');

#!/usr/bin/perl

# Tests for the lease of who writes the state file: of workers that look in the
# same moment one has it, though nginx's time is not the same in each; how long
# it waits and when it tries again; and that it says nothing of what it has done
# once the lease is another one's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('saver', qw{});

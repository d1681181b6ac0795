#!/usr/bin/perl

# Tests for nginx's lock of a list of servers that a dead worker has left: who
# is alive and waits with it, for another lock or for its log, keeps it, and
# workers that begin at the same time free it once (A14).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('unlock');

#!/usr/bin/perl

# Tests for the table of reasons and the sentences made from it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('reason');

#!/usr/bin/perl

# Tests for the growing text and its escapers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('text');

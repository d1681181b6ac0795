#!/usr/bin/perl

# Tests for numbers about the machine, from files of other machines: memory with
# and without cgroups, descriptors, and files that are missing or broken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('measure', qw/ ngx_hd_cond.c /);

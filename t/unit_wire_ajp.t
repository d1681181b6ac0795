#!/usr/bin/perl

# Tests for the AJP dialogue: CPong, and what it makes of anything else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('wire_ajp', qw/ ngx_hd_reason.c /);

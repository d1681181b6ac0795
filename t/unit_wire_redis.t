#!/usr/bin/perl

# Tests for the Redis dialogue: what it sends, and what it makes of any answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('wire_redis', qw/ ngx_hd_reason.c /);

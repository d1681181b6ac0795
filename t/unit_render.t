#!/usr/bin/perl

# Tests for the work that is done in one turn of the event loop: a badge looks
# at thousands of histories in slices, and an incident is found at once; and for
# what a badge says: words, colours, percents, widths.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('render', qw(ngx_hd_reason.c ngx_hd_text.c));

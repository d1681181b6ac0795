#!/usr/bin/perl

# Tests for conditions on JSON: paths, comparisons, hostile documents.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('match_json', qw{ ngx_hd_cond.c ngx_hd_match_facts.c
                          ngx_hd_match_parse.c ngx_hd_number.c ngx_hd_reason.c
                          ngx_hd_regex.c });

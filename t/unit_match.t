#!/usr/bin/perl

# Tests for conditions: how they are written and how they judge an answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('match', qw{ ngx_hd_cond.c ngx_hd_json.c ngx_hd_match_facts.c ngx_hd_number.c
                     ngx_hd_reason.c ngx_hd_regex.c });

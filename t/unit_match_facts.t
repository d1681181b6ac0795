#!/usr/bin/perl

# Tests for conditions on a value, a row and a certificate.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('match_facts', qw{ ngx_hd_cond.c ngx_hd_json.c ngx_hd_match.c ngx_hd_match_parse.c
                           ngx_hd_reason.c ngx_hd_regex.c });

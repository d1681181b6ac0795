#!/usr/bin/perl

# Tests for dialogues of send and expect lines: how they are written, and
# answers cut at each byte.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('wire_steps', qw{ ngx_hd_cond.c ngx_hd_json.c ngx_hd_match.c ngx_hd_match_facts.c
                     ngx_hd_number.c ngx_hd_reason.c ngx_hd_regex.c
                     ngx_hd_wire.c ngx_hd_wire_connect.c });

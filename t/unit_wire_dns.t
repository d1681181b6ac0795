#!/usr/bin/perl

# Tests for DNS messages: the bytes of a query, the text of records, and
# answers cut at each byte, changed at each byte, and made to loop.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('wire_dns', qw{ ngx_hd_cond.c ngx_hd_json.c ngx_hd_match.c
                        ngx_hd_match_facts.c ngx_hd_match_parse.c
                        ngx_hd_number.c ngx_hd_reason.c ngx_hd_regex.c
                        ngx_hd_wire.c });

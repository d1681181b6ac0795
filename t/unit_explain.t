#!/usr/bin/perl

# Tests for the sentences that explain a target and an event.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('explain', qw(ngx_hd_detail.c ngx_hd_explain_event.c ngx_hd_index.c
                       ngx_hd_number.c ngx_hd_public.c ngx_hd_reason.c
                       ngx_hd_state.c ngx_hd_text.c ngx_hd_view_filter.c
                       ngx_hd_view_target.c));

#!/usr/bin/perl

# Tests for the shared store: reloads, leases, torn copies while writers are
# stopped and killed (A14, A17, A21, A22).  HD_LONG=1: a hundred times as many.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('store', qw{ ngx_hd_archive.c ngx_hd_event.c ngx_hd_history.c
    ngx_hd_index.c ngx_hd_news.c ngx_hd_pace.c ngx_hd_restore.c });

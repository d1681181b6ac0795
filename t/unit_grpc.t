#!/usr/bin/perl

# Tests for gRPC's health service: its messages, and what an answer says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('grpc', qw{ ngx_hd_reason.c });

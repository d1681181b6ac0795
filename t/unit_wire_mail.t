#!/usr/bin/perl

# Tests for the dialogue of mail servers and FTP where no real server would do
# it: what is said in clear text around STARTTLS, and secrets that come back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('wire_mail', qw/ ngx_hd_reason.c ngx_hd_secret.c /);

#!/usr/bin/perl

# Tests for secrets in what targets send: whole, cut, and made printable.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HealthDash::Unit;

run_unit('secret');

#!/usr/bin/perl

# Tests with all that fuzzing has found: each input of t/fuzz/corpus once more,
# for each target, under the sanitizers (A58, A59, A60).  "make fuzz" looks for
# new ones.  Runs with "make test SANITIZE=1", where the objects of nginx are.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Run qw(tmp_dir);

my $top = "$FindBin::Bin/..";
my ($build) = ($ENV{HD_NGINX_SRC} // '') =~ m{^(.*)/nginx-src$};

plan skip_all => 'no nginx with sanitizers' if !$build || !-x "$build/nginx";

my @targets = map { m{([^/]+)\.tar\.gz$} } sort glob "$top/t/fuzz/corpus/*.gz";

local $ENV{FUZZ_REPLAY} = $build;
local $ENV{BUILD} = tmp_dir() . '/fuzz';
local $ENV{FUZZ_OPT} = '-fsanitize=address,undefined -fno-omit-frame-pointer'
    . ' -fno-sanitize-recover=undefined -fno-sanitize=nonnull-attribute,'
    . 'pointer-overflow,shift,alignment';

delete local $ENV{LSAN_OPTIONS};

chdir $top or die "cannot go to $top: $!\n";

my $out = qx(.ci/fuzz @targets 2>&1);

is($?, 0, 'no finding') or diag $out;

for my $target (@targets) {
    like($out, qr/^ok $target: [1-9]\d* inputs$/m, $target);
}

done_testing();

package HealthDash::Clock;

# An nginx whose clocks a test can move.

use strict;
use warnings;

use Exporter qw(import);

use HealthDash::Run qw(tmp_dir write_file);

our @EXPORT_OK = qw(clock_conf set_clock start_clocked);

my %fake;


# clock_conf(), clock_conf('wall'): what an nginx.conf begins with; with 'wall'
# the monotonic clock goes its own way

sub clock_conf {
    my ($wall) = @_;

    chmod 0755, tmp_dir();

    %fake = (FAKETIME_TIMESTAMP_FILE => tmp_dir() . '/clock',
             FAKETIME_NO_CACHE => 1);

    if ($wall) {
        $fake{$_} = 1
            for qw(FAKETIME_DONT_FAKE_MONOTONIC DONT_FAKE_MONOTONIC);
    }

    return join '', map { "env $_;\n" } sort keys %fake;
}


# set_clock("+90"): from now on the clock is so many seconds ahead

sub set_clock {
    my $file = $fake{FAKETIME_TIMESTAMP_FILE};

    write_file("$file.new", "$_[0]\n");
    chmod 0644, "$file.new";
    rename "$file.new", $file or die "rename() failed: $!\n";

    return;
}


sub start_clocked {
    my ($t) = @_;
    my ($lib) = glob '/usr/lib/*/faketime/libfaketime.so.1';

    die "libfaketime is not installed: run \"make test-deps\"\n" if !$lib;

    set_clock('+0');

    local @ENV{keys %fake} = values %fake;
    local $ENV{LD_PRELOAD} = $lib;
    local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '')
                               . ':verify_asan_link_order=0';

    return $t->start;
}


1;

package HealthDash::Rate;

# How often a backend was asked: the times between its requests.  A machine
# that stalls moves single gaps, so tests compare medians, means and shares.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(gaps median mean pace short wait_requests);

use HealthDash::Run qw(wait_until);


# gaps(BACKEND, filters of requests()): seconds between requests, in order

sub gaps {
    my ($b, %filter) = @_;
    my @times = map { $_->{time} } $b->requests(%filter);

    return map { $times[$_] - $times[$_ - 1] } 1 .. $#times;
}


sub median {
    my @list = sort { $a <=> $b } @_;

    return @list ? $list[@list / 2] : 0;
}


sub mean {
    my $sum = 0;

    $sum += $_ for @_;

    return @_ ? $sum / @_ : 0;
}


# pace(GAPS): what a gap is in the long run: the mean within spans of half of
# them, of which the middle one counts.  A request that was seen late is an end
# of few spans; of the mean of all gaps it may be one of two.

sub pace {
    my (@gaps) = @_;
    my $half = int(@gaps / 2);

    return median(map { mean(@gaps[$_ .. $_ + $half - 1]) }
                  0 .. @gaps - $half);
}


# short(SECONDS, GAPS): how many are shorter

sub short {
    my ($seconds, @gaps) = @_;

    return scalar grep { $_ < $seconds } @gaps;
}


# wait_requests(N, SECONDS, [BACKENDS], filters): until each was asked N times

sub wait_requests {
    my ($n, $seconds, $backends, %filter) = @_;

    return wait_until(sub {
        return !grep { $_->count(%filter) < $n } @$backends;
    }, $seconds, "$n requests");
}


1;

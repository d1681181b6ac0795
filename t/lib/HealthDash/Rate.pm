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


# pace(SECONDS, GAPS): the mean of those that are about as long; a request that
# came or was seen much too late is the end of a long one and the start of a
# short one.

sub pace {
    my ($seconds, @gaps) = @_;

    return mean(grep { abs($_ - $seconds) < $seconds / 4 } @gaps);
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

package HealthDash::Model;

# What a test knows of its servers while it breaks, mends, adds and takes them
# away, and what their log says of nginx then.  The log has a line for each
# request, "SECONDS ADDRESS URI STATUS", of a probe of /healthz or a request for
# /app, and is read as a stream.
#
#   my $m = HealthDash::Model->new(interval => 1, late => 5, grace => 6,
#                                  leave => 6);
#
# Seconds: between two probes; one may be so late, whose worker hangs; after it
# broke a server may get requests for so long, and after DNS has taken it away.

use strict;
use warnings;

use List::Util qw(max min);

# of the interval: closer than that two probes are one too many

my $short = 0.4;

# the servers' own standstills move what they see; seconds

my $stall = 0.2;

my $never = 9e9;        # the end of what is going on


sub new {
    my ($class, %arg) = @_;

    return bless { %arg, bad => {}, stay => {}, starts => [], both => [] },
                 $class;
}


# from now on it is broken, or not any more

sub broke {
    my ($self, $ip, $now) = @_;
    my $stays = $self->{stay}{$ip} // [];

    $stays->[-1]{sick} = 1 if @$stays && $stays->[-1]{to} > $now;
    push @{ $self->{bad}{$ip} }, [ $now, $never ];
}

sub mended { $_[0]{bad}{$_[1]}[-1][1] = $_[2]; }

sub is_broken {
    my ($self, $ip) = @_;

    return $self->{bad}{$ip} && $self->{bad}{$ip}[-1][1] == $never;
}


# DNS has it, or not any more; it was away for long, or never there, if what is
# known of it must not count

sub joined {
    my ($self, $ip, $now) = @_;
    my $stays = $self->{stay}{$ip} //= [];
    my $fresh = !@$stays || $now - $stays->[-1]{to} >= $self->{leave} + 4;

    push @$stays, { from => $now, to => $never, fresh => $fresh,
                    before => @$stays ? $stays->[-1]{to} : undef,
                    sick => $self->is_broken($ip), requests => 0, probes => 0,
                    passed => 0 };
}

sub left { $_[0]{stay}{$_[1]}[-1]{to} = $_[2]; }


# started(FROM, TO, KNOWN): at some time between these an nginx began to serve
# that knows what was known then

sub started { my ($self, @how) = @_; push @{ $self->{starts} }, \@how; }


# from now on two of them probe, or only one again

sub both { push @{ $_[0]{both} }, [ $_[1], $never ]; }
sub alone {
    my ($self, $now) = @_;
    my $last = $self->{both}[-1];

    $last->[1] = $now if $last->[1] == $never;
}


# how often, and how often for longer than that

sub times_broken {
    my ($self, $for) = @_;
    my @spans = map { @$_ } values %{ $self->{bad} };

    return (scalar @spans, scalar grep { $_->[1] - $_->[0] > $for } @spans);
}

sub times_joined { return scalar map { @$_ } values %{ $_[0]{stay} }; }


# how many probes of a server there should be

sub due_in {
    my ($self, $from, $to) = @_;
    my $time = $to - $from;

    $time += max(0, min($to, $_->[1]) - max($from, $_->[0]))
        for @{ $self->{both} };

    return $time / (1.05 * $self->{interval});
}


# judge(FILE, FROM, TO, STEADY): all that was wrong in this time.  STEADY are
# servers that were never broken.

sub judge {
    my ($self, $file, $from, $to, @steady) = @_;
    my $r = $self->{r} = {
        late => [], early => [], gone => [], kept => [], forgotten => [],
        twice => [], requests => {}, stalls => 0, longest => 0, overdue => 0,
        spared => 0,
        probes => { map { $_ => 0 } @steady },
    };

    @$self{qw(from to line stalled)} = ($from, $to, $from, 0);
    $self->{last} = { map { $_ => [ $from, $from ] } @steady };

    open my $fh, '<', $file or die "$file: $!\n";

    while (<$fh>) {
        my ($now, $ip, $uri, $status) = split;
        my $inside = $now >= $from && $now <= $to;

        $self->watch_farm($now) if $inside;
        $uri eq '/healthz' ? $self->probe($now, $ip, $status, $inside)
                           : $uri eq '/app' && $inside
                             && $self->request($now, $ip);
    }

    $self->overdue($_, $to) for @steady;
    $self->stays;

    return $r;
}


sub watch_farm {
    my ($self, $now) = @_;

    if ($now - $self->{line} > $stall) {
        $self->{stalled} = $now;
        $self->{r}{stalls}++;
    }

    $self->{line} = $now;
}


sub say_of {
    my ($self, $what, $ip, $now, $since) = @_;

    push @{ $self->{r}{$what} },
         sprintf '%s at %.1f s, %.2f s after', $ip, $now - $self->{from},
                 $now - $since;
}


# a request

sub request {
    my ($self, $now, $ip) = @_;
    my $stay = $self->stay($ip, $now);
    my @bad = grep { $_->[0] < $now && $now < $_->[1] }
              @{ $self->{bad}{$ip} // [] };

    $self->{r}{requests}{$ip}++;

    for my $span (@bad) {
        my $since = max($span->[0], $stay ? $stay->{from} : 0);

        $self->say_of('late', $ip, $now, $since)
            if $now > $since + $self->{grace}
               && !$self->is_new($now, $since + $self->{grace});
    }

    $self->request_of_stay($now, $ip, $stay) if $self->{stay}{$ip};
}


sub request_of_stay {
    my ($self, $now, $ip, $stay) = @_;

    if (!$stay) {
        $self->say_of('early', $ip, $now, $now);
        return;
    }

    $stay->{requests}++;

    if ($now > $stay->{to}) {
        $self->say_of('gone', $ip, $now, $stay->{to})
            if $now > $stay->{to} + $self->{leave}
               && !$self->is_new($now, $stay->{to} + $self->{leave});

    } elsif ($stay->{fresh} && !$stay->{passed}
             && !$self->is_new($now, $stay->{from})
             && !$self->was_kept($now, $stay))
    {
        $self->say_of('early', $ip, $now, $stay->{from});
        $self->{r}{early}[-1] .= sprintf ', back after %.2f s',
                                 $stay->{from} - $stay->{before}
            if defined $stay->{before};
    }
}


sub stay {
    my ($self, $ip, $now) = @_;
    my ($last) = grep { $_->{from} <= $now }
                 reverse @{ $self->{stay}{$ip} // [] };

    return $last;
}


# whether one may have been asked that does not know yet what could be known
# then: it has as long as it takes to find out

sub is_new {
    my ($self, $now, $known) = @_;

    return scalar grep { $_->[0] <= $now && $_->[2] < $known
                         && $now < $_->[1] + $self->{grace} }
                  @{ $self->{starts} };
}


# whether one may have been asked that had it for longer than DNS: it began with
# a list of before DNS dropped it, and saw that when it was there.  It counts as
# away since then; so many requests are told of

sub was_kept {
    my ($self, $now, $stay) = @_;
    my ($before, $leave) = ($stay->{before}, $self->{leave});

    return if !defined $before
              || !grep { $_->[0] <= $now && $_->[2] < $before + $leave
                         && $before < $_->[1]
                         && $stay->{from} < $_->[1] + $leave + 4 }
                       @{ $self->{starts} };

    return ++$self->{r}{spared};
}


# a probe

sub probe {
    my ($self, $now, $ip, $status, $inside) = @_;

    if ($self->{stay}{$ip}) {
        my $stay = $self->stay($ip, $now) // return;

        $stay->{probes}++;
        $stay->{passed}++ if $status == 200 && $now <= $stay->{to};
        $self->say_of('kept', $ip, $now, $stay->{to})
            if $inside && $now > $stay->{to} + $self->{leave}
               && !$self->is_new($now, $stay->{to} + $self->{leave});
    }

    return if !$inside || !$self->{last}{$ip};

    $self->{r}{probes}{$ip}++;
    $self->overdue($ip, $now);
    $self->twice($ip, $now);
    $self->{last}{$ip} = [ $now, $self->{last}{$ip}[0] ];
}


sub overdue {
    my ($self, $ip, $now) = @_;
    my $last = $self->{last}{$ip}[0];
    my $late = $now - $last - 1.1 * $self->{interval};
    my $r = $self->{r};

    $r->{longest} = max($r->{longest}, $now - $last);
    $r->{overdue}++ if $late > $self->{interval};
    $self->say_of('forgotten', $ip, $now, $last)
        if $late > $self->{late};
}


# while two of them probe, each may

sub twice {
    my ($self, $ip, $now) = @_;
    my ($last, $before) = @{ $self->{last}{$ip} };

    my $since = $self->are_two($last, $now) ? $before : $last;

    return if $now - $since >= $short * $self->{interval}
              || $since == $self->{from}
              || $now - $self->{stalled} < $self->{interval};

    $self->say_of('twice', $ip, $now, $since);
}


sub are_two {
    my ($self, $from, $to) = @_;
    my $more = $self->{interval};

    return scalar grep { $_->[0] < $to && $from < $_->[1] + $more }
                  @{ $self->{both} };
}


# each that was there for long enough, and well, was probed and asked

sub stays {
    my ($self) = @_;
    my $r = $self->{r};
    my $least = $self->{leave} + 4;

    for my $ip (sort keys %{ $self->{stay} }) {
        for my $stay (@{ $self->{stay}{$ip} }) {
            my $from = max($stay->{from}, $self->{from});
            my $to = min($stay->{to}, $self->{to});

            next if $to - $from < $least || $stay->{sick};

            $r->{stays}++;
            push @{ $r->{idle} }, sprintf '%s: %d probes, %d requests in '
                . '%.1f s from %.1f on', $ip, @$stay{qw(probes requests)},
                $to - $from, $from - $self->{from}
                if !$stay->{requests}
                   || $stay->{probes} < ($to - $from - $self->{leave})
                                        / (2 * $self->{interval});
        }
    }
}


1;

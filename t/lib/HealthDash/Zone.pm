package HealthDash::Zone;

# What can be said of a zone by what it tells of itself, the JSON with its
# events.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(zone_errors zone_gaps);

my @counters = qw(checks fails unhealthy inconclusive);


# zone_errors(DOC, EARLIER DOC): what must not be

sub zone_errors {
    my ($doc, $was) = @_;

    return (sum_errors($doc), event_errors($doc),
            $was ? counter_errors($doc, $was) : ());
}


# zone_gaps(DOC): what the death of a writer explains: numbers of events that
# are missing, and changes of state that do not begin where the last one ended

sub zone_gaps {
    my ($doc) = @_;
    my @ids = map { $_->{id} } @{ $doc->{events} };
    my (%state, $breaks);

    for my $e (@{ $doc->{events} }) {
        my $is = \$state{name_of($e)};

        if ($e->{kind} eq 'state') {
            $breaks++ if defined $$is && $$is ne $e->{from};
            $$is = $e->{to};

        } elsif ($e->{kind} =~ /^(?:added|removed)$/) {
            $$is = undef;
        }
    }

    return (@ids ? $ids[-1] - $ids[0] + 1 - @ids : 0) + ($breaks // 0);
}


sub name_of {
    my ($e) = @_;

    return join ' ', map { $_ // '' } @$e{qw(upstream server service)};
}


# one picture: its sums are those of its rows

sub sum_errors {
    my ($doc) = @_;
    my %sum = map { $_ => 0 } keys %{ $doc->{summary}{servers} };

    for my $peer (peers($doc)) {
        $sum{$peer->{health}}++
            if $peer->{state} !~ /^(?:removed|down)$/;
    }

    return map { "$_: the sum is $doc->{summary}{servers}{$_}, of the rows"
                 . " $sum{$_}" }
           grep { $sum{$_} != ($doc->{summary}{servers}{$_} // -1) }
           sort keys %sum;
}


sub peers { return map { @{ $_->{peers} } } values %{ $_[0]{upstreams} }; }


sub event_errors {
    my ($doc) = @_;
    my ($last, @list) = (0);

    for my $e (@{ $doc->{events} }) {
        push @list, "event $e->{id} comes after $last" if $e->{id} <= $last;
        push @list, "event $e->{id}: from $e->{from} to $e->{to}"
            if $e->{kind} eq 'state' && $e->{from} eq $e->{to};
        $last = $e->{id};
    }

    return @list;
}


sub counter_errors {
    my ($doc, $was) = @_;
    my @list;

    for my $u (sort keys %{ $doc->{upstreams} }) {
        my %was = map { $_->{name} => $_->{health_checks} }
                  @{ ($was->{upstreams}{$u} // {})->{peers} // [] };

        for my $peer (@{ $doc->{upstreams}{$u}{peers} }) {
            my ($is, $old) = ($peer->{health_checks}, $was{$peer->{name}});

            next if !$is || !$old;

            push @list, map { "$u $peer->{name}: $_ is $is->{$_} after"
                              . " $old->{$_}" }
                        grep { $is->{$_} < $old->{$_} } @counters;
        }
    }

    return @list;
}


1;

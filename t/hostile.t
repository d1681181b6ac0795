#!/usr/bin/perl

# Tests for peers that break off, say nothing, say nonsense or never stop: each
# is a failure with a true reason, for each type, within the timeout.  The good
# answers were recorded from real servers.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Hostile;
use HealthDash::Kinds qw(kinds kind_conf kind_service);
use HealthDash::Probe qw(first_results small_peak);
use HealthDash::Recording qw(recording);

my $only = $ENV{HD_KIND};
my $limit = 1000;       # msec, the timeout of probes that run into it

# what each peer may be called; the layers of any other are below

my %codes = (
    refused => qr/^connect_refused$/,
    blackhole => qr/^connect_timeout$/,
    silent => qr/^response_timeout$/,
    close => qr/^(?:response_(?:closed|reset)|connect_reset)$/,
    reset => qr/^(?:response_(?:closed|reset)|connect_reset)$/,
);

my $layers = qr/^(?:connect|tls|response|service|condition)$/;

# what says something else has said something; of garbage in frames of HTTP/2
# libcurl tells no more than that the connection was closed

my $alien = qr/^(?:another protocol: .*|garbage)$/;
my %untold = map { $_ => 1 } 'http2: garbage', 'grpc: garbage';

my $http = "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n"
           . "Connection: close\r\n\r\nsorry";
my $tls = pack 'H*', '15030100020228';

my %words = (
    'another protocol: http' => [ 'say', $http ],
    'another protocol: redis' => [ 'say', "-ERR unknown command\r\n" ],
    'another protocol: mail' => [ 'say', "554 no\r\n" ],
    'another protocol: tls' => [ 'say', $tls ],
    'garbage' => [ 'say', join('', map { chr($_ * 31 % 256) } 1 .. 3000) ],
    'zeros' => [ 'say', "\0" x 3000 ],
    'a line without end' => [ 'flood', 'A' x 8192 ],
    'lines without end' => [ 'flood', "X-Line: of many\r\n" x 500 ],
    'zeros without end' => [ 'flood', "\0" x 8192 ],
    'ones without end' => [ 'flood', "\xff" x 8192 ],
);


# every peer a probe of this kind meets, beside those that break off

sub bad_peers {
    my ($talk) = @_;
    my $good = join '', map { $_->[1] } @$talk;
    my @list = map { { name => $_, how => $_ } } qw(silent close reset);

    push @list, { name => 'drip', how => 'drip', talk => $talk };
    push @list, { name => 'good', how => 'good', talk => $talk };

    push @list, { name => $_, how => $words{$_}[0], text => $words{$_}[1] }
        for sort keys %words;

    # its own first bytes, for ever

    push @list, { name => 'its own beginning, without end', how => 'flood',
                  text => substr($good, 0, length($good) / 2) x 500 };

    return @list;
}


# broken off everywhere

sub cuts {
    my ($talk) = @_;
    my $len = length join '', map { $_->[1] } @$talk;

    return map { { name => "cut at $_", how => 'cut', at => $_,
                   talk => $talk } } 0 .. $len - 1;
}


for my $kind (kinds()) {
    next if defined $only && $kind->{name} ne $only;

    subtest $kind->{name} => sub { meet($kind); };
}

done_testing();


sub meet {
    my ($kind) = @_;
    my @talk = recording($kind->{name});
    my @peers = (bad_peers(\@talk), cuts(\@talk));

    $_->{fix} = $kind->{fix} for @peers;

    @peers = grep { $_->{how} !~ /^(?:close|reset|drip)$/ } @peers
        if $kind->{udp};

    my $hostile = HealthDash::Hostile->new(udp => $kind->{udp} ? 1 : 0,
                                           @peers);
    my $dark = backend("dark-$kind->{name}")->set(accept => 'blackhole');

    my @all = (@peers, { name => 'refused', address => '127.66.255.1:'
                                                       . free_port() });

    push @all, { name => 'blackhole', address => $dark->address }
        if !$kind->{udp};

    my $conf = kind_conf($kind, 'interval 300ms; fails 1; passes 1; '
                                . 'jitter 0%;');

    $conf .= kind_service($kind, @$_{qw(name address)},
                          ' timeout=' . timeout_of($kind, $_) . 'ms')
        for @all;

    my ($t, $list) = first_results($kind->{name}, $conf, 60);

    judge($kind, $list, @all);
    bounded($kind, $t, $list, @all);
    $t->stop;
    $hostile->{helper} && HealthDash::Run::stop_helper($hostile->{helper});
}


# whoever says all that is to come, or closes, is given the time for it

sub timeout_of {
    my ($kind, $peer) = @_;

    return !$kind->{udp} && ($peer->{how} // '') =~ /^(?:cut|good)$/
           || $peer->{name} eq 'good' ? 20000 : $limit;
}


sub judge {
    my ($kind, $list, @all) = @_;
    my ($cuts, $passed) = (0, 0);

    for my $peer (@all) {
        my $s = $list->{$peer->{name}};
        my $reason = $s->{reason} // {};
        my $code = $reason->{code} // 'none';

        if ($peer->{name} eq 'good') {
            is($s->{health} . ' ' . ($reason->{text} // ''), 'up ',
               'the whole answer is good');
            next;
        }

        # a prefix may be enough; then anything longer is

        if ($s->{health} eq 'up' && ($peer->{how} // '') =~ /^(?:cut|drip)$/) {
            $passed++ if $peer->{how} eq 'cut';
            next;
        }

        $cuts++ if ($peer->{how} // '') eq 'cut';

        fail("$peer->{name}: a longer answer failed: $reason->{text}")
            if ($peer->{how} // '') eq 'cut' && $passed;

        like($code, $codes{$peer->{name}} // qr/./,
             "$peer->{name}: $code: " . ($reason->{text} // ''));
        like($reason->{layer} // '', $layers, "$peer->{name}: is its doing");
        is($s->{health}, 'down', "$peer->{name}: is down");
        isnt($code, 'response_closed', "$peer->{name}: has answered")
            if $peer->{name} =~ $alien
               && !$untold{"$kind->{name}: $peer->{name}"};
    }

    cmp_ok($cuts, '>', 0, "$cuts answers were too short, $passed were enough");
}


# time, memory, and what is kept of an answer that is no good.  A probe that was
# held up gets a timeout more, at most; after that it has no verdict.

sub bounded {
    my ($kind, $t, $list, @all) = @_;

    for my $peer (@all) {
        my $failure = $list->{$peer->{name}}{last_failure} or next;

        cmp_ok($failure->{phases}{total}, '<', 2.2 * timeout_of($kind, $peer),
               "$peer->{name}: ends in time");

        # a packet that answers no question of ours is passed over, and libcurl
        # may have read what others said before it can be looked at

        next if $peer->{name} !~ $alien
                || $kind->{name} =~ /^(?:dns|http2|grpc)$/;

        isnt(join('', map { $_ // '' } @$failure{qw(line body)}), '',
             "$peer->{name}: what came is kept");
    }

    small_peak($t, 40_000);
}

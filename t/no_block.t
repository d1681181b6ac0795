#!/usr/bin/perl

# Tests that no probe of any type stops a worker: all of them meet frozen peers
# while one client asks the only worker for answer after answer.  A call that
# blocks does so at each probe, so the quietest of many short spells is what
# counts, and what the two waited for a processor is no part of it: a busy
# machine is not what this is about.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use IO::Socket::INET ();
use Time::HiRes qw(time);

use HealthDash::Hostile;
use HealthDash::Kinds qw(kinds tls_kinds endless_hello kind_conf);
use HealthDash::Recording qw(recording);
use HealthDash::TLS qw(tls_endless);

my $gap_limit = 20;     # msec, between two answers
my $spell = 1.5;        # seconds, several probes of each kind
my $spells = 12;

my @kinds = kinds();
my $conf = '';
my $built = (HealthDash->new->run_nginx('-V'))[1];

# silent from the start, and silent when half of the answer was given: the
# second half of a talk never comes

for my $kind (@kinds) {
    my @talk = recording($kind->{name});
    my @half = half(@talk);

    my @peers = ({ name => 'silent', how => 'silent' });

    push @peers, { name => 'half', how => 'good', talk => \@half },
                 { name => 'good', how => 'good', talk => \@talk }
        if !$kind->{udp};

    $_->{fix} = $kind->{fix} for @peers;

    HealthDash::Hostile->new(udp => $kind->{udp} ? 1 : 0, @peers);

    $conf .= kind_conf($kind, 'interval 300ms; timeout 250ms; fails 1;');
    $conf .= sprintf "healthdash_service \"%s %s\" %s probe=as-%s;\n",
                     $kind->{name}, $_->{name},
                     sprintf($kind->{url}, $_->{address}), $kind->{name}
        for @peers;
}


# silent in a TLS handshake, or with messages without end in it or behind it

my @tls = ($built =~ /--with-http_ssl_module/) ? tls_kinds() : ();

for my $kind (@tls) {
    my ($heard, @talk) = @{ $kind->{hello} };
    my $peer = { how => 'good', talk => \@talk };

    my $hello = { endless_hello($kind) };

    HealthDash::Hostile->new($peer, $hello);

    $conf .= kind_conf($kind, 'interval 300ms; timeout 250ms; fails 1;');

    # under sanitizers all that they read takes longer than a gap may

    my %address = (silent => $peer->{address});

    $address{endless} = $hello->{address} if slow() == 1;

    # the peers themselves are busy: one kind is enough for each of the engines

    if ($kind->{name} =~ /^(?:rediss|https2|postgres-starttls)$/
        && slow() == 1)
    {
        for my $what (qw(key ticket)) {
            my $name = "$what-$kind->{name}";

            tls_endless($name, $what, $kind->{hello});
            $address{$what} = '127.0.0.1:' . port($name);
        }
    }

    $conf .= sprintf "healthdash_service \"%s %s\" %s probe=as-%s;\n",
                     $kind->{name}, $_, sprintf($kind->{url}, $address{$_}),
                     $kind->{name}
        for sort keys %address;
}


$conf .= "healthdash_service local-$_ interval=300ms timeout=250ms;\n"
    for 'disk disk:/', 'memory memory:', 'load load:', 'files files:',
        'nginx nginx:';

my $t = HealthDash->new(workers => 1, conf => <<"EOF")->start;
http {
    keepalive_requests 10000000;
    $conf
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location = /live { healthdash_live; }
    }
}
EOF

wait_until(sub {
    my $list = hd_json($t)->{services};
    return !grep { $_->{health_checks}{checks} < 1 } values %$list;
}, 30, 'each probe once');

my $before = probes();
my @gaps = map { longest_gap() } 1 .. $spells;
my $probes = probes() - $before;

my ($best) = sort { $a <=> $b } @gaps;

cmp_ok($best, '<', $gap_limit * HealthDash::Run::slow(),
       "the longest gap between two answers is below $gap_limit ms");
diag(sprintf 'gaps in ms: %s', join ' ', map { sprintf '%.1f', $_ } @gaps);

cmp_ok($probes, '>', @kinds * $spells,
       "while $probes probes met " . @kinds . ' kinds of frozen peers');

my $list = hd_json($t)->{services};

for my $kind (@kinds, @tls) {
    is($list->{"$kind->{name} silent"}{health}, 'down',
       "$kind->{name}: silence is a failure");
}

# it would have been seen: a worker that stops for 40 ms now and then

my ($pid) = $t->worker_pids;

my $stopper = HealthDash::Run::start_helper('a stopper', sub {
    while (1) {
        kill 'STOP', $pid;
        select undef, undef, undef, 0.04;
        kill 'CONT', $pid;
        select undef, undef, undef, 0.2;
    }
});

ok(wait_until(sub { longest_gap() > $gap_limit }, 60),
   'a worker that blocks is seen');
HealthDash::Run::stop_helper($stopper);
kill 'CONT', $pid;

done_testing();


sub half {
    my (@talk) = @_;
    my $left = 0;
    my @half;

    $left += length $_->[1] for @talk;
    $left = int($left / 2);

    for my $piece (@talk) {
        push @half, [ $piece->[0], substr $piece->[1], 0, $left ];
        $left -= length $half[-1][1];
        last if $left <= 0;
    }

    return @half;
}


sub probes {
    my $sum = 0;

    $sum += $_->{health_checks}{checks} for values %{ hd_json($t)->{services} };
    return $sum;
}


# sec, what a process has waited for a processor so far, if the kernel says so

sub waited {
    my ($pid) = @_;
    my ($nsec) = HealthDash::slurp("/proc/$pid/schedstat") =~ /^\d+ (\d+)/;

    return ($nsec // 0) / 1e9;
}


# msec, the longest time between two answers on one connection in a spell

sub longest_gap {
    my ($worker) = $t->worker_pids;
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                   PeerPort => port('web'))
        or die "cannot connect: $!\n";
    my $end = time() + $spell;
    my $before = time();
    my $waited = waited($worker) + waited($$);
    my $worst = 0;

    while ($before < $end) {
        syswrite $fh, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n";
        sysread $fh, my $data, 4096 or die "the connection was closed\n";

        my $now = time();
        my $wait = waited($worker) + waited($$);
        my $gap = ($now - $before - ($wait - $waited)) * 1000;

        $worst = $gap if $gap > $worst;
        ($before, $waited) = ($now, $wait);
    }

    return $worst;
}

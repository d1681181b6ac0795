#!/usr/bin/perl

# Tests that failing probes of every type, with TLS and without, leave nothing
# behind: descriptors and memory of a worker are the same after 10,000 of them
# as after the first.  HD_EACH=10000 makes so many of each kind, which takes its
# time.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => $ENV{HD_EACH} ? 14400 : 600;

use HealthDash::Hostile;
use HealthDash::Kinds qw(kinds tls_kinds endless_hello kind_conf);
use HealthDash::Probe qw(rss fds);
use HealthDash::Recording qw(recording);

my $each = $ENV{HD_EACH} // 0;
my $many = $each || (slow() > 1 ? 3000 : 10000);
my $built = (HealthDash->new->run_nginx('-V'))[1];
my @kinds = kinds();
my @tls = ($built =~ /--with-http_ssl_module/) ? tls_kinds() : ();
my $conf = '';

for my $kind (@kinds) {
    my @talk = recording($kind->{name});
    my $len = length join '', map { $_->[1] } @talk;

    my @peers = ({ name => 'says nonsense', how => 'say', text => 'x' x 600
                                                              . "\r\n" },
                 { name => 'breaks off', how => 'cut', at => int($len / 2),
                   talk => \@talk },
                 { name => 'closes', how => 'close' },
                 { name => 'is silent', how => 'silent' });

    @peers = grep { $_->{how} ne 'close' } @peers if $kind->{udp};
    $_->{fix} = $kind->{fix} for @peers;

    meet($kind, @peers);
}

# a record that begins a ServerHello, without its second half

my $half = pack 'H*', '160303007a020000760303' . '5a' x 32 . '20' . 'a5' x 20;

for my $kind (@tls) {
    my ($heard, @talk) = @{ $kind->{hello} };
    my $says = sub { (how => 'good',
                      talk => [ @talk, [ $heard + 1, $_[0] ], @_[1 .. $#_] ]) };

    meet($kind, { name => 'says nonsense', $says->('x' x 600 . "\r\n") },
                { name => 'breaks off', $says->($half, [ $heard + 1, '' ]) },
                { name => 'closes', how => 'close' },
                { name => 'is silent', how => 'good', talk => \@talk },
                { name => 'has no end', endless_hello($kind) });
}

my $t = HealthDash->new(workers => 1, conf => <<"EOF")->start;
http {
    $conf
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOF

my ($pid) = $t->worker_pids;


# all of them; those of the kind that has fewest if each kind counts

sub probes {
    my $list = hd_json($t)->{services};
    my ($sum, %of) = (0);

    for my $name (keys %$list) {
        my $n = $list->{$name}{health_checks}{checks}
                + $list->{$name}{health_checks}{inconclusive};

        $sum += $n;
        $of{(split / /, $name)[0]} += $n;
    }

    return $each ? (sort { $a <=> $b } values %of)[0] : $sum;
}


# files and memory, the least of some looks: probes under way come and go

sub after {
    my ($count) = @_;
    my $from = probes();
    my ($fds, $rss);

    wait_until(sub { probes() >= $from + $count }, $each ? 3600 : 120,
               "$count probes");

    for (1 .. 30) {
        my ($f, $r) = (fds($pid), rss($pid));

        $fds = $f if !defined $fds || $f < $fds;
        $rss = $r if !defined $rss || $r < $rss;
        select undef, undef, undef, 0.02;
    }

    return ($fds, $rss);
}


my @first = after($many / 4);
my @second = after($many);

# what leaks does so each time; memory may also grow once, when peers are held
# up and more probes than before are under way

for (1 .. 3) {
    last if $second[1] < $first[1] + 1024;
    @first = @second;
    @second = after($many);
}

# on a busy machine results may have been in doubt until now

my (@names, @never);

wait_until(sub {
    my $services = hd_json($t)->{services};

    @names = sort keys %$services;
    @never = grep { !$services->{$_}{health_checks}{fails} } @names;
    return !@never;
}, 60);

is_deeply(\@never, [], @names . ' services have failed again and again');

# peers that are held up hold up many probes, with their files, for a while

ok(wait_until(sub { fds($pid) < $first[0] + 60 }, 20), 'no file is left open');

SKIP: {
    skip 'sanitizers keep what is freed', 1 if slow() > 1;
    cmp_ok($second[1], '<', $first[1] + 1024, 'no memory is lost');
}

diag("files @{[ $first[0] ]} and $second[0],"
     . " kB of memory $first[1] and $second[1], "
     . ($each ? 'at least ' : '') . probes() . ' probes'
     . ($each ? ' of each kind' : ''));

done_testing();


sub meet {
    my ($kind, @peers) = @_;

    HealthDash::Hostile->new(udp => $kind->{udp} ? 1 : 0, @peers);

    push @peers, { name => 'refuses', address => '127.66.255.1:'
                                                . free_port() };

    $conf .= kind_conf($kind, 'interval 100ms; fast 100ms; timeout 60ms;');
    $conf .= sprintf "healthdash_service \"%s %s\" %s probe=as-%s;\n",
                     $kind->{name}, $_->{name},
                     sprintf($kind->{url}, $_->{address}), $kind->{name}
        for @peers;
}

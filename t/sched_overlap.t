#!/usr/bin/perl

# Tests for a timeout longer than the interval: a target that does not answer
# has one probe at a time (A12).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my %b = map { $_ => backend($_) } qw(header stall body);

my $t = HealthDash->new(workers => 2, conf => <<'EOC');
http {
    upstream app {
        server %%ADDR_header%%;
        server %%ADDR_stall%%;
        server %%ADDR_body%%;
        healthdash_check http interval=50ms fast=50ms timeout=600ms;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

my ($rc, $out) = $t->conf_test;

is($rc, 0, 'a timeout longer than the interval is legal');
like($out, qr/\[warn\].* timeout/, 'but worth a warning');

$t->start;

ok(wait_until(sub { !grep { hd_peer($t, 'app', $_)->{health} ne 'up' }
                         values %b }, 10), 'all servers are up');

$b{header}->set(hang => 1);
$b{stall}->set(accept => 'hang');
$b{body}->set(body_delay => 60);

$_->reset for values %b;

my %most = map { $_ => 0 } keys %b;

# the lower of two looks: an end may be seen after the next start

sub watch {
    for my $name (keys %b) {
        my ($n) = sort { $a <=> $b }
                  map { $b{$name}->open_connections } 1, 2;

        $most{$name} = $n if $n > $most{$name};
    }
}

# a probe that the machine itself held up is in doubt, a result all the same

for my $name (sort keys %b) {
    my $facts = sub { hd_peer($t, 'app', $b{$name})->{health_checks} };
    my $start = $facts->()->{fails};

    ok(wait_until(sub {
        watch();
        return $facts->()->{fails} >= $start + 4;
    }, 20), "$name: failures are counted, one after the other");

    my $probes = $b{$name}->connections;
    my $now = $facts->();

    cmp_ok($probes, '<=', $now->{fails} + $now->{inconclusive} + 2,
           "$name: no more probes than results");
}

is_deeply(\%most, { map { $_ => 1 } keys %b }, 'one probe at a time');

for my $name (sort keys %b) {
    my $peer = hd_peer($t, 'app', $b{$name});

    is($peer->{health}, 'down', "$name: is down");
    is($peer->{reason}{code}, 'response_timeout', "$name: by a timeout");
}

# no connection is left over

$b{$_}->set(status => 200, accept => 'http') for keys %b;

ok(wait_until(sub { !grep { hd_peer($t, 'app', $_)->{health} ne 'up' }
                         values %b }, 10), 'all come back');
ok(wait_until(sub { $b{stall}->open_connections == 0 }, 10),
   'and nothing stays open');

done_testing();

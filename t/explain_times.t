#!/usr/bin/perl

# Tests for what an explanation promises: a server is not back, and not down,
# before the earliest time that was told, but soon after; and who probes next.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Time::HiRes qw(time);
use Time::Local qw(timegm);

my ($shaky) = backends('shaky');

my $t = HealthDash->new(workers => 2, http => <<'EOF')->start;
    upstream app {
        zone app 64k;
        server %%ADDR_shaky%%;
        healthdash_check interval=2s fast=1s jitter=0% timeout=2s
                         fails=2 passes=3 min_up=0;
    }
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF


# seconds since 1970 of a time in the JSON

sub seconds {
    my ($text) = @_;

    $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+\.\d+)Z$/
        or die "no time: $text\n";

    return timegm(int $6, $5, $4, $3, $2 - 1, $1) + $6 - int $6;
}


# watch(HEALTH, QR): looks at the explanation until the server is HEALTH;
# returns when it became that, and all that was promised by a sentence like QR,
# as time

sub watch {
    my ($health, $sentence) = @_;
    my (@promised, $since);

    wait_until(sub {
        my $doc = hd_json($t);
        my $peer = hd_peer($doc, 'app', $shaky);
        my $now = seconds($doc->{time});

        if ($peer->{health} eq $health) {
            $since = seconds($peer->{since});
            return 1;
        }

        for (grep { /$sentence/ } @{ $peer->{explain} }) {
            push @promised, $now + $1 if /earliest in ([\d.]+) s/;
            push @promised, $now if /earliest now/;
        }

        return 0;
    }, 20, "a server that is $health");

    return ($since, @promised);
}


# A busy worker may count a result some time after the moment that it notes for
# it; one probe more or less is a second.

sub is_kept {
    my ($what, $since, @promised) = @_;
    my @broken = grep { $_ > $since + 0.7 } @promised;
    my ($latest) = sort { $b <=> $a } @promised;

    cmp_ok(scalar @promised, '>', 3, "$what: there were promises");
    is_deeply(\@broken, [], 'none was earlier than that');
    cmp_ok($since - $latest, '<', 0.7 * slow(), 'and the last was near');
}


ok(wait_until(sub { hd_peer($t, 'app', $shaky)->{health} eq 'up' }, 20),
   'it is up');

my $broken = time();

$shaky->set(status => 503);

my ($down, @down) = watch('down', qr/^It goes down after 2 failures in a row/);

is_kept('down', $down, @down);
cmp_ok($down - $broken, '>=', 1 - 0.3, 'two failures take their time');

$shaky->set(status => 200);

my ($up, @up) = watch('up', qr/^It comes back after 3 passes in a row/);

is_kept('up', $up, @up);


# times cannot tell one probe more from a slow machine; the log counts them

my @counts = $t->log =~ /is (down|up): .*?(\d+ of \d+ \w+)/g;

is_deeply(\@counts, [ 'down', '2 of 2 failures', 'up', '3 of 3 passes' ],
          'it took as many as were said');


# who probes next: who made the last one, unless another had to step in

my $peer = hd_peer($t, 'app', $shaky);
my ($next) = grep { /^The next probe is / } @{ $peer->{explain} };

my $slot = $peer->{health_checks}{worker}{slot};

like($next, qr/ by worker (?:$slot|\d+; worker $slot made the last one)\.$/,
     'it says who makes the next probe');

done_testing();

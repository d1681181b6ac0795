#!/usr/bin/perl

# Tests for flap=: a target that changes its state too often is held down,
# longer each time, though its probes pass; page, text, JSON and CSV say that it
# is flapping (A49).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Status qw(schema_errors);

my ($b1, $b2) = backends(qw(b1 b2));

my $t = HealthDash->new(conf => <<'EOC')->start;
http {
    healthdash_service shaky http://%%ADDR_b1%%/ interval=50ms fast=50ms
                       fails=1 passes=1 flap=2/3s;
    healthdash_service plain http://%%ADDR_b2%%/ interval=50ms fast=50ms
                       fails=1 passes=1;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC


sub service { return hd_json($t)->{services}{$_[0]}; }

sub wait_health {
    my ($name, $health, $about) = @_;

    return ok(wait_until(sub { service($name)->{health} eq $health }, 10),
              $about);
}


# down and up until one is held

sub flap {
    my ($name, $b) = @_;
    my $changes = 0;

    until ($changes > 20 || service($name)->{flapping}) {
        $b->set(status => 503);
        wait_until(sub { service($name)->{health} eq 'down' }, 10) or last;
        $changes++;

        last if service($name)->{flapping};

        $b->set(status => 200);
        wait_until(sub { service($name)->{health} eq 'up' }, 10) or last;
        $changes++;
    }

    $b->set(status => 200);

    return $changes;
}


# seconds between now and until then, as the status sees it

sub held {
    my ($now, $until) = map { /T(\d\d):(\d\d):(\d\d\.\d+)Z/
                              ? $1 * 3600 + $2 * 60 + $3 : 0 }
                        @_;

    return ($until - $now) % 86400;
}


wait_health($_, 'up', "$_ is up") for qw(shaky plain);
is(service('shaky')->{flapping}, JSON::PP::false, 'nothing is flapping');
is(service('shaky')->{held_until}, undef, 'nor held');

my $changes = flap('shaky', $b1);

cmp_ok($changes, '>=', 3, 'the third change of state is one too many');
cmp_ok($changes, '<', 20, 'at some time it is held');

my $passes = $b1->count;

ok(wait_until(sub { $b1->count > $passes + 5 }, 10), 'its probes pass');

my $doc = hd_json($t);
my $s = $doc->{services}{shaky};

is($s->{health}, 'down', 'but it stays down');
is($s->{flapping}, JSON::PP::true, 'JSON says that it is flapping');
cmp_ok(held($doc->{time}, $s->{held_until}), '<=', 3, 'and until when');
is(schema_errors(JSON::PP->new->utf8->encode($doc)), '', 'it is valid');
like(http_get(port('web'), '/status?format=text')->{body},
     qr/shaky .*flapping, held down for \d+ s: passed again, after /,
     'text says so');
like(http_get(port('web'), '/status?format=html')->{body},
     qr/flapping, held down for \d+ s: passed again, after /,
     'the page says so');

my ($head, @rows) = split /\r?\n/,
                    http_get(port('web'), '/status?format=csv')->{body};
my @names = map { tr/"//dr } split /,/, $head;
my ($at) = grep { $names[$_] eq 'flapping' } 0 .. $#names;

ok(defined $at, 'CSV has a column for it');

wait_health('shaky', 'up', 'it comes back when the time is over');
is(service('shaky')->{flapping}, JSON::PP::false, 'and is not flapping');


# again, in a row: held for twice as long

flap('shaky', $b1);

$doc = hd_json($t);
$s = $doc->{services}{shaky};

is($s->{flapping}, JSON::PP::true, 'it flaps again');
cmp_ok(held($doc->{time}, $s->{held_until}), '>', 3, 'and is held for longer');
cmp_ok(held($doc->{time}, $s->{held_until}), '<=', 6, 'twice as long');


# without flap= nothing of that

for (1 .. 3) {
    $b2->set(status => 503);
    wait_health('plain', 'down', 'without it, down');
    is(service('plain')->{flapping}, JSON::PP::false, 'is no flapping');
    $b2->set(status => 200);
    wait_health('plain', 'up', 'and up at once');
}

done_testing();

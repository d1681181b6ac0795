#!/usr/bin/perl

# Tests for a wall clock that is set back by an hour and forward by a day while
# nginx runs (A53): probes go on at their pace, no age is negative, what is
# remembered stays in order, and a slow start ends when it would have.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Clock qw(clock_conf set_clock start_clocked);
use HealthDash::Probe qw(service status_server);
use Time::Local qw(timegm);

my $good = backend('good');
my $bad = backend('bad', status => 503);
my $new = backend('new');

my $t = HealthDash->new(
    main => clock_conf('wall'),
    http => service('good', 'http://' . $good->address . '/')
            . service('bad', 'http://' . $bad->address . '/')
            . 'upstream app { server %%ADDR_good%%; server %%ADDR_new%%;'
            . ' healthdash_check http uri=/up interval=100ms passes=1'
            . ' slow_start=1h; }'
            . status_server());

start_clocked($t);


# seconds since 1970

sub seconds {
    my ($text) = @_;

    $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)Z$/
        or die "no time: $text\n";

    return timegm($6, $5, $4, $3, $2 - 1, $1) + $7 / 1000;
}

sub checks { return $_[0]{health_checks}{checks}; }


# what one picture says, which must hold whatever the clock does

sub sane {
    my ($what) = @_;
    my $json = hd_json($t);
    my $now = seconds($json->{time});
    my @wrong;

    for my $name (qw(good bad)) {
        my $s = $json->{services}{$name};
        my $since = $now - seconds($s->{since});
        my $last = $now - seconds($s->{health_checks}{last_time});
        my $next = seconds($s->{health_checks}{next}) - $now;

        push @wrong, "$name: since $since" if $since < 0 || $since > 300;
        push @wrong, "$name: last $last" if $last < -1 || $last > 60;
        push @wrong, "$name: next $next" if $next < -60 || $next > 60;
        push @wrong, "$name: stale" if $s->{stale};
    }

    my $full = hd_peer($json, 'app', $new)->{full};
    my $left = $full ? seconds($full) - $now : 0;

    push @wrong, "full in $left" if $left < 3300 || $left > 3601;

    my $failed = $json->{services}{bad}{last_failure}{time};

    push @wrong, "failed at $failed" if seconds($failed) > $now;

    is("@wrong", '', $what);

    return $json;
}

wait_until(sub {
    my $list = hd_json($t)->{services};
    return checks($list->{good}) > 2 && checks($list->{bad}) > 2;
}, 20, 'the first probes');

$new->set('/up', status => 503);
wait_until(sub { hd_peer($t, 'app', $new)->{health} eq 'down' }, 20, 'one to go');
$new->set('/up', status => 200);
wait_until(sub { hd_peer($t, 'app', $new)->{ramping} }, 20, 'it to be back');

my $before = sane('before');
my $start = seconds($before->{time});

for my $step ([ '-3600', 'back an hour' ], [ '+82800', 'forward a day' ],
              [ '+0', 'and as it is' ])
{
    my ($offset, $what) = @$step;
    my $seen = hd_json($t)->{services};

    set_clock($offset);

    ok(wait_until(sub {
        return abs(seconds(hd_json($t)->{time}) - time - $offset) < 60;
    }, 20), "the clock is set: $what");

    sane($what);

    ok(wait_until(sub {
        my $list = hd_json($t)->{services};
        return checks($list->{good}) > checks($seen->{good}) + 5
               && checks($list->{bad}) > checks($seen->{bad}) + 5;
    }, 20), 'probes go on');

    my $json = sane('and say what is so');

    is(join(' ', map { $json->{services}{$_}{health} } qw(good bad)),
       'up down', 'nothing is made of it');
}

$t->stop;

done_testing();

#!/usr/bin/perl

# Tests for availability and incidents: a server is broken for a measured time,
# through a reload, and what is told of it is what a watch says.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Time::HiRes qw(time);
use Time::Local qw(timegm);

use HealthDash::Status qw(schema_errors status_doc);

my ($good, $bad, $late) = backends(qw(good bad late));

my $http = <<'EOF';
    healthdash_probe p {
        interval 100ms; fast 100ms; jitter 0%; timeout 2s; fails 2; passes 2;
    }
    upstream app {
        zone app 64k;
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check probe=p min_up=0;
    }
    %%MORE%%
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

my $more = 'healthdash_service "Late" http://%%ADDR_late%%/ probe=p;';
my $query = '/status?format=json&history=1&events=1024';


# seconds since 1970 of a time in the JSON

sub seconds {
    my ($text) = @_;

    $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+\.\d+)Z$/
        or die "no time: $text\n";

    return timegm(int $6, $5, $4, $3, $2 - 1, $1) + $6 - int $6;
}


sub doc { return (status_doc(port('web'), $query))[0]; }


sub wait_health {
    my ($backend, $health) = @_;

    return wait_until(sub { hd_peer(doc(), 'app', $backend)->{health}
                            eq $health }, 20, "a server that is $health");
}


# lets so much time pass, by our own watch

sub pass_time {
    my ($since, $seconds) = @_;

    wait_until(sub { time() - $since >= $seconds }, $seconds + 20, 'time');
}


sub is_near {
    my ($got, $want, $tolerance, $name) = @_;

    return ok(defined $got && abs($got - $want) <= $tolerance,
              sprintf '%s: %s, computed %.4f', $name, $got // 'nothing',
              $want);
}


# sum(HISTORY, LEVEL, KEY), seconds if the key is a time

sub sum {
    my ($one, $level, $key) = @_;
    my $sum = 0;

    $sum += $_->{$key} for @{ $one->{history}{$level} };

    return $key =~ /^(?:known|down)$/ ? $sum / 1000 : $sum;
}


my $t = HealthDash->new(workers => 2,
                        http => $http =~ s/%%MORE%%//r)->start;

ok(wait_health($good, 'up') && wait_health($bad, 'up'), 'both are up');

my $up = seconds(hd_peer(doc(), 'app', $bad)->{since});

pass_time($up, 1);


# broken, for 3 s or a little more; meanwhile a new configuration

my $broken = time();

$bad->set(status => 503);
ok(wait_health($bad, 'down'), 'one goes down');

my $down = seconds(hd_peer(doc(), 'app', $bad)->{since});

$t->set_conf("http {\n" . $http =~ s/%%MORE%%/$more/r . "\n}\n");
ok($t->reload, 'a reload while it is down');
is(seconds(hd_peer(doc(), 'app', $bad)->{since}), $down,
   'it is down since the same time');

pass_time($broken, 3);

my $repaired = time();

$bad->set(status => 200);
ok(wait_health($bad, 'up'), 'it is back');

my $back = seconds(hd_peer(doc(), 'app', $bad)->{since});

pass_time($back, 1);

# two results each way decide: what is told lies behind what was done, but not
# by much

cmp_ok($down, '>=', $broken - 0.05, 'it did not go down before');
cmp_ok($down - $broken, '<', 0.5 + 2 * slow(), 'but soon after');
cmp_ok($back, '>=', $repaired - 0.05, 'it did not come back before');
cmp_ok($back - $repaired, '<', 0.5 + 2 * slow(), 'but soon after');


# a second incident, without a reload

$bad->set(status => 500);
ok(wait_health($bad, 'down'), 'it goes down again');

my $down2 = seconds(hd_peer(doc(), 'app', $bad)->{since});

$bad->set(status => 200);
ok(wait_health($bad, 'up'), 'and comes back');

my $back2 = seconds(hd_peer(doc(), 'app', $bad)->{since});


# by hand: down from the second failure to the second pass, known from the
# first result on

my $doc = doc();
my $peer = hd_peer($doc, 'app', $bad);
my $now = seconds($doc->{time});
my $outage = $back - $down + $back2 - $down2;
my $known = $now - $up;
my $percent = 100 * ($known - $outage) / $known;

for my $window (qw(1h 24h 7d 30d 90d)) {
    is_near($peer->{availability}{$window}, $percent, 100 * 0.1 / $known,
            "availability of $window");
}

my %length = ('1h' => 3600 + $now % 60, '24h' => 86400 + $now % 3600,
              '7d' => 7 * 86400 + $now % 86400,
              '30d' => 30 * 86400 + $now % 86400,
              '90d' => 90 * 86400 + $now % 86400);

for my $window (sort keys %length) {
    is_near($peer->{known}{$window}, 100 * $known / $length{$window},
            100 * 0.2 / $length{$window} + 0.0001, "known of $window");
}

for my $level (qw(minutes hours days)) {
    is_near(sum($peer, $level, 'down'), $outage, 0.1, "down in $level");
    is_near(sum($peer, $level, 'known'), $known, 0.1, "known in $level");
    is(sum($peer, $level, 'checks'), $peer->{health_checks}{checks},
       "checks in $level are all there were");
    is(sum($peer, $level, 'failures'), $peer->{health_checks}{fails},
       "and failures");
}

my $calm = hd_peer($doc, 'app', $good);

is_deeply([ @{ $calm->{availability} }{qw(1h 90d)} ], [ 100, 100 ],
          'the other server was always up');
is($doc->{services}{Late}{availability}{'24h'}, 100,
   'what came with the reload is known since then');
cmp_ok($doc->{services}{Late}{known}{'1h'}, '<', $peer->{known}{'1h'},
       'and not before');


# the incidents, as events

my @states = grep { $_->{kind} eq 'state' && ($_->{server} // '')
                    eq $bad->address } @{ $doc->{events} };

is_deeply([ map { "$_->{from} $_->{to}" } @states ],
          [ 'unknown up', 'up down', 'down up', 'up down', 'down up' ],
          'each change is there once');
is_deeply([ map { seconds($_->{time}) } @states ],
          [ $up, $down, $back, $down2, $back2 ], 'when it was');
is_near($states[$_]{lasted} / 1000,
        ($down - $up, $back - $down, $down2 - $back, $back2 - $down2)[$_ - 1],
        0.05, "how long what ended with event $_ had lasted") for 1 .. 4;
is($states[0]{lasted}, undef, 'nobody knows how long it was unknown');
is($states[1]{reason}{text}, 'http status 503', 'why it went down');
is($states[3]{reason}{text}, 'http status 500', 'and the second time');
is($states[2]{reason}, undef, 'it needs no reason to be up');
like($states[2]{text},
     qr/^\Q${\$bad->address}\E of app is up; it was down for (\d+) s$/,
     'an incident as a sentence');
is_near($states[2]{text} =~ /(\d+) s$/ ? $1 + 0.5 : 0, $back - $down, 0.6,
        'with its length');

my @kinds = map { $_->{kind} } @{ $doc->{events} };
my ($loaded) = grep { $_->{kind} eq 'loaded' && $_->{id} > 1 }
               @{ $doc->{events} };
my ($added) = grep { $_->{kind} eq 'added' } @{ $doc->{events} };

is(scalar(grep { $_ eq 'loaded' } @kinds), 2, 'two configurations');
like($loaded->{text}, qr/^configuration 2 was loaded: 3 targets, 1 added$/,
     'the second had a service more');
is_deeply([ @$added{qw(service server text)} ],
          [ 'Late', undef, 'Late is probed from now on' ], 'which one');
ok($loaded->{id} > $states[1]{id} && $loaded->{id} < $states[2]{id},
   'it came while the server was down');
is_deeply([ map { $_->{id} } @{ $doc->{events} } ],
          [ 1 .. @{ $doc->{events} } ], 'numbers go on through it');


# and away again, in a zone of another size

$t->set_conf("http {\nhealthdash_zone healthdash 4m;\n"
             . $http =~ s/%%MORE%%//r . "\n}\n");
ok($t->reload, 'a reload without the service, with a larger zone');

my ($after, $text) = status_doc(port('web'), $query);
my ($removed) = grep { $_->{kind} eq 'removed' } @{ $after->{events} };

is($removed->{text}, 'Late is probed no more', 'is an event, too');
is(schema_errors($text), '', 'all that is valid');
is_near(sum(hd_peer($after, 'app', $bad), 'hours', 'down'), $outage, 0.1,
        'and no incident is forgotten');

# times of the clock that never steps; as wall clock they may differ by 1 ms

my $last = seconds($peer->{history}{results}[-1]{time});

ok((grep { abs(seconds($_->{time}) - $last) < 0.05 }
    @{ hd_peer($after, 'app', $bad)->{history}{results} }),
   'nor a single result');
is_deeply([ @{ $after->{events} }[0 .. $#{ $doc->{events} }] ], $doc->{events},
          'nor an event');

done_testing();

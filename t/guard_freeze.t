#!/usr/bin/perl

# Tests for healthdash_guard: when most targets fail at once, nothing goes down,
# one alarm is raised, and all formats say so; a few that fail go down as ever;
# a real outage is not hidden for ever, nor while a sentinel answers; through a
# reload, and when a worker dies (A36, A51, A63).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Status qw(schema_errors status_doc);
use Time::HiRes qw(time);

my @b = backends(map { "b$_" } 0 .. 9);
my $sentinel = backend('sentinel');
my $check = 'interval=200ms fast=100ms timeout=1s';

sub conf {
    my ($guard, $more) = @_;

    return join "\n", 'http {', $guard,
        "healthdash_service gate http://%%ADDR_sentinel%%/ $check;",
        'upstream app { zone app 128k;',
        (map { "server %%ADDR_b$_%%;" } 0 .. 9),
        "healthdash_check http $check fails=3; }",
        'server { listen 127.0.0.1:%%PORT_web%%;',
        'location / { proxy_pass http://app; }',
        'location /status { healthdash_status; }',
        'location /public { healthdash_status public; } }', $more // '', '}';
}


sub ill { $_->set(status => 503) for @_; }
sub well { $_->set(status => 200) for @_; }
sub guard { return hd_json($_[0])->{guard}; }

sub health {
    my ($t, $word) = @_;

    return scalar grep { $_->{health} eq $word }
                  @{ hd_json($t)->{upstreams}{app}{peers} };
}


sub wait_state {
    my ($t, $state, $name) = @_;

    ok(wait_until(sub { guard($t)->{state} eq $state }, 20), $name)
        or diag(explain(guard($t)));
}


sub lines { return scalar(() = $_[0]->log =~ /$_[1]/g); }


# without it

my $t = HealthDash->new(workers => 2, conf => conf(''))->start;

ok(wait_until(sub { health($t, 'up') == 10 }, 20), 'all are up');
is(guard($t), undef, 'without a guard there is none');
ill(@b);
ok(wait_until(sub { health($t, 'down') == 10 }, 20), 'all go down');
well(@b);
$t->stop;


# with it: few fail

$t = HealthDash->new(workers => 2,
                     conf => conf('healthdash_guard 60% hold=60s;'))->start;

ok(wait_until(sub { health($t, 'up') == 10
                    && hd_json($t)->{services}{gate}{health} eq 'up' }, 20),
   'all are up');
is(guard($t)->{state}, 'clear', 'the guard is clear');
is(guard($t)->{limit}, 60, 'with its limit');

ill(@b[0 .. 2]);
ok(wait_until(sub { health($t, 'down') == 3 }, 20), 'three fail, and go down');
is(guard($t)->{state}, 'clear', 'that is no reason to freeze');
well(@b);
ok(wait_until(sub { health($t, 'up') == 10 }, 20), 'and come back');


# most fail at once: as if this machine had lost its network

my $mark = $t->log_mark;

ill(@b);
wait_state($t, 'frozen', 'most fail: verdicts are frozen');

# each had the failures it takes, many times

ok(wait_until(sub {
    my $peers = hd_json($t)->{upstreams}{app}{peers};
    return !grep { $_->{health} eq 'up'
                   && ($_->{health_checks}{streak}{count} // 0) < 6 } @$peers;
}, 20), 'probes go on, and failures are counted');

my ($doc) = status_doc(port('web'));
my $guard = $doc->{guard};

is(schema_errors(JSON::PP->new->utf8->encode($doc)), '', 'the JSON is valid');
is($guard->{why}, 'share', 'because of their share');
cmp_ok($guard->{failing}, '>', 6, 'so many fail');
cmp_ok($guard->{failing}, '<=', $guard->{targets}, 'of so many');
like($guard->{since}, qr/^\d{4}-/, 'since then');
is($doc->{health}, 'degraded', 'this is not well');
cmp_ok(health($t, 'down'), '<=', 6, 'few went down before it was noticed');

my $down = health($t, 'down');
my ($held) = grep { $_->{health} eq 'up' } @{ $doc->{upstreams}{app}{peers} };

like("@{ $held->{explain} }", qr/Verdicts are frozen: when they follow again, it goes down after 3 failures in a row, \d+ so far\./,
     'a server tells why it stays up');

like(http_get(port('web'), '/status?format=text')->{body},
     qr/^Blind, or all down: \d+ of \d+ targets fail at once; verdicts are frozen for /,
     'text says it first');

my $page = http_get(port('web'), '/status?format=html')->{body};

like($page, qr/class="verdict degraded".*<h1>(?:<\w+>)?Blind, or all down: \d+ of/s,
     'the page says it on top, in amber');
like($page, qr/<title>[^<]*verdicts frozen/, 'and in its title');
like(http_get(port('web'), '/public?format=text')->{body},
     qr/^Blind, or all down/, 'and for everybody');
is(lines($t, qr/\[error\].*verdicts are frozen: \d+ of \d+ targets fail/), 1,
   'the log has one line');

my @events = grep { $_->{kind} eq 'guard' } @{ hd_json($t)->{events} };

is(scalar @events, 1, 'there is one event');
like($events[0]{text}, qr/^verdicts are frozen: /, 'that says it');

# a reload, and the death of a worker

ok($t->reload, 'a reload');
is(guard($t)->{state}, 'frozen', 'changes nothing');
$t->kill_worker;
ok(wait_until(sub { $t->worker_pids == 2 }, 10), 'a worker that died');

my $before = $b[9]->count;

ok(wait_until(sub { $b[9]->count > $before + 6 }, 20), 'is followed');
is(guard($t)->{state}, 'frozen', 'and changes nothing');
is(health($t, 'down'), $down, 'nothing went down in all that');
is(lines($t, qr/verdicts are frozen/), 1, 'nothing was told twice');

# some are seen: recoveries are believed, and the end is told once

well(@b[0 .. 7]);
wait_state($t, 'clear', 'most pass: verdicts follow again');
ok(wait_until(sub { health($t, 'up') == 8 && health($t, 'down') == 2 }, 20),
   'those that still fail go down by what was counted');
is(lines($t, qr/\[warn\].*verdicts follow again: /), 1, 'the log has a line');
is(lines($t, qr/verdicts are frozen/), 1, 'and no other');
unlike(http_get(port('web'), '/status?format=text')->{body}, qr/Blind/,
       'nothing is said of it any more');
well(@b);
$t->stop;


# many targets, of which few have been probed when the first ones have failed
# often enough: it is noticed by then, and once

my $many = backend('many');
my $n = 60;

$t = HealthDash->new(workers => 2, conf => join "\n", 'http {',
    'healthdash_guard 60%;',
    (map { 'healthdash_service m' . $_ . ' http://' . $many->address
           . "/$_ interval=2s fast=300ms timeout=1s fails=3 jitter=0%;" }
         1 .. $n),
    'server { listen 127.0.0.1:%%PORT_web%%;',
    'location /status { healthdash_status; } }', '}')->start;

ok(wait_until(sub { hd_json($t)->{summary}{services}{up} == $n }, 20),
   "$n are up");
ill($many);
wait_state($t, 'frozen', 'all fail: frozen');
ok(wait_until(sub { guard($t)->{failing} == guard($t)->{targets} }, 20),
   'until all have been probed');
is(guard($t)->{state}, 'frozen', 'and after');
cmp_ok(hd_json($t)->{summary}{services}{down}, '<', $n / 4,
       'few went down before');
is(lines($t, qr/verdicts/), 1, 'it began once');
well($many);
wait_state($t, 'clear', 'all pass: clear');
is(lines($t, qr/verdicts/), 2, 'it ended once');
$t->stop;


# a real outage: not for longer than hold=

$t = HealthDash->new(workers => 2,
                     conf => conf('healthdash_guard 60% hold=2s;'))->start;

ok(wait_until(sub { health($t, 'up') == 10 }, 20), 'all are up');
ill(@b);
wait_state($t, 'frozen', 'all fail: frozen');
ok(wait_until(sub { guard($t)->{state} ne 'frozen' }, 20), 'not for ever');
ok(wait_until(sub { health($t, 'down') == 10 }, 20), 'then all are down');
is(lines($t, qr/verdicts follow again: they were frozen for as long as/), 1,
   'and the log says why');
well(@b);
ok(wait_until(sub { health($t, 'up') == 10 }, 20), 'they come back');
wait_state($t, 'clear', 'and the guard is ready again');
$t->stop;


# a sentinel that answers: it is a real outage

$t = HealthDash->new(workers => 2,
    conf => conf('healthdash_guard 60% sentinel=gate hold=60s;'))->start;

ok(wait_until(sub { health($t, 'up') == 10
                    && hd_json($t)->{services}{gate}{health} eq 'up' }, 20),
   'all are up');
ill(@b);
ok(wait_until(sub { health($t, 'down') == 10 }, 20),
   'the sentinel answers: they go down');
well(@b);
ok(wait_until(sub { health($t, 'up') == 10 }, 20), 'and come back');
wait_state($t, 'clear', 'the guard is clear');

# one that does not: a few failures are not believed, either

ill($sentinel);
wait_state($t, 'frozen', 'the sentinel fails: frozen');
is(guard($t)->{why}, 'sentinel', 'because of it');
ill(@b[0, 1]);
ok(wait_until(sub {
    my $peers = hd_json($t)->{upstreams}{app}{peers};
    return 2 == grep { ($_->{health_checks}{streak}{kind} // '') eq 'failures'
                       && $_->{health_checks}{streak}{count} > 5 } @$peers;
}, 20), 'two fail');
is(health($t, 'down'), 0, 'and stay up');
like(http_get(port('web'), '/status?format=text')->{body},
     qr/^Blind: no sentinel answers, 2 of 10 targets fail at once/,
     'text says so');
is(hd_json($t)->{services}{gate}{health}, 'down', 'the sentinel itself is down');
well($sentinel);
ok(wait_until(sub { health($t, 'down') == 2 }, 20),
   'it answers: they go down');
well(@b);
$t->stop;

done_testing();

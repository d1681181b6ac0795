#!/usr/bin/perl

# Tests for the log: one line for each change of state, in words that do not
# change, and nothing for a single probe (A50).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(wait_health);

my ($b1, $b2) = backends(qw(b1 b2));
my ($refused, $hanging, $closing, $ssh, $resetting)
    = backends(qw(refused hanging closing ssh resetting));

$refused->refuse;
$hanging->set(hang => 1);
$closing->set(close => 1);
$ssh->set(raw => "SSH-2.0-x\r\n\r\n");
$resetting->set(reset => 1);

my $t = HealthDash->new(workers => 2, http => <<'EOF')->start;
    healthdash_probe warned {
        type     http;
        uri      /warned;
        warn     header X-Warn != yes;
        interval 100ms; timeout 10s; passes 3; fails 3;
    }

    upstream app {
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http uri=/app interval=100ms timeout=10s fails=3
                              passes=2;
    }

    upstream warned {
        zone warned 128k;
        server %%ADDR_b1%%;
        healthdash_check probe=warned;
    }

    upstream checks {
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http uri=/one interval=100ms timeout=10s fails=1
                              passes=1;
        healthdash_check http uri=/two interval=100ms timeout=10s fails=1
                              passes=1 mode=observe;
    }

    upstream failing {
        server %%ADDR_refused%%;
        server %%ADDR_closing%%;
        server %%ADDR_ssh%%;
        server %%ADDR_resetting%%;
        healthdash_check http uri=/ interval=100ms timeout=10s min_up=0;
    }

    upstream hanging {
        server %%ADDR_hanging%%;
        healthdash_check http uri=/ interval=100ms timeout=300ms min_up=0;
    }

    upstream tls {
        server %%ADDR_closing%%;
        healthdash_check https uri=/ interval=100ms timeout=300ms;
    }

    healthdash_service "The shop" http://%%ADDR_b1%%/shop interval=100ms
                                  fails=2 passes=1;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

my $mark = 0;
my @seen;


# lines that probes may have caused, without time and process; addresses by
# the names of the backends.  A probe in doubt is this machine's doing.

sub lines {
    my %name = map { $_->address => $_->name }
               $b1, $b2, $refused, $hanging, $closing, $ssh, $resetting;
    my $text = $t->log($mark);

    $text =~ s/[^\n]*\z//;
    $mark += length $text;

    for (grep { !/\[notice\]|\ is\ not\ shorter\ than
                  |\ epoll_wait\(\)\ failed\ \(4:
                  |\ could\ not\ be\ probed:\ the\ worker\ process\ was\ blocked/x }
         split /\n/, $text) {
        s/^\S+ \S+ \[(\w+)\] \d+#\d+: /$1: /;
        s/(127\.0\.0\.1:\d+)/$name{$1} \/\/ $1/ge;
        s/for \d+s/for Ns/;
        push @seen, $_;
    }

    return scalar @seen;
}

sub logged {
    my ($name, @want) = @_;

    wait_until(sub { lines() >= @want }, 10, $name);
    is_deeply([ sort @seen ], [ sort @want ], $name);
    @seen = ();
}


# three probes more of each target log nothing

sub silent {
    my ($name) = @_;
    my $first;

    wait_until(sub {
        my $json = hd_json($t);
        my @now = map { $_->{health_checks}{checks} }
                  map({ @{ $json->{upstreams}{$_}{peers} } }
                      sort keys %{ $json->{upstreams} }),
                  values %{ $json->{services} };

        $first //= \@now;
        return !grep { $now[$_] < $first->[$_] + 3 } 0 .. $#now;
    }, 20, $name);

    lines();
    is_deeply(\@seen, [], $name);
    @seen = ();
}


ok(wait_health($t), 'all is probed');

logged('the first results',
    'info: healthdash: server b1 of upstream "app" is up: first result',
    'info: healthdash: server b2 of upstream "app" is up: first result',
    'info: healthdash: server b1 of upstream "warned" is up: first result',
    map({ ("info: healthdash: server $_ of upstream \"checks\""
           . ' by check 1 (http) is up: first result',
           "info: healthdash: server $_ of upstream \"checks\""
           . ' by check 2 (http) is up: first result') } qw(b1 b2)),
    'info: healthdash: service "The shop" is up: first result',
    'error: healthdash: server refused of upstream "failing" is down:'
    . ' connection refused, first result',
    'error: healthdash: server hanging of upstream "hanging" is down:'
    . ' response timed out after 300ms, first result',
    'error: healthdash: server closing of upstream "failing" is down:'
    . ' connection closed without response, first result',
    'error: healthdash: server ssh of upstream "failing" is down: invalid'
    . ' response: not an HTTP response, got "SSH-2.0-x", first result',
    'error: healthdash: server resetting of upstream "failing" is down:'
    . ' connection reset during response, first result',
    'error: healthdash: server closing of upstream "tls" is down:'
    . ' tls handshake timed out after 300ms, first result,'
    . ' kept in service by min_up');

silent('no probe is logged that confirms what is known, good or bad');

$b1->script('/app', { status => 503 }, { status => 503 });
silent('nor are fewer failures than it takes');


# changes

$b1->set("/$_", status => 503) for qw(app shop one);
$b1->set('/warned', headers => { 'X-Warn' => 'yes' });

logged('what becomes worse',
    'error: healthdash: server b1 of upstream "app" is down:'
    . ' http status 503, 3 of 3 failures',
    'error: healthdash: server b1 of upstream "checks" by check 1 (http)'
    . ' is down: http status 503, 1 of 1 failures',
    'error: healthdash: service "The shop" is down:'
    . ' http status 503, 2 of 2 failures',
    'warn: healthdash: server b1 of upstream "warned" is degraded:'
    . ' header X-Warn: expected != "yes", got "yes"');

silent('and nothing more while it lasts');

$b1->set('/app', status => 500);
silent('nor when the reason changes');

ok($t->reload, 'reload');
silent('nor after a reload');

$b1->set("/$_", status => 200) for qw(app shop one warned);

logged('what becomes better',
    'warn: healthdash: server b1 of upstream "app" is up:'
    . ' 2 of 2 passes, was down for Ns',
    'warn: healthdash: server b1 of upstream "checks" by check 1 (http)'
    . ' is up: 1 of 1 passes, was down for Ns',
    'warn: healthdash: service "The shop" is up:'
    . ' 1 of 1 passes, was down for Ns',
    'warn: healthdash: server b1 of upstream "warned" is up:'
    . ' 3 of 3 passes, was degraded for Ns');

silent('and nothing more after that');


# what is done about it

$b1->set('/two', status => 503);
logged('one that is only observed',
    'error: healthdash: server b1 of upstream "checks" by check 2 (http)'
    . ' is down: http status 503, 1 of 1 failures,'
    . ' left in service by mode=observe');

$b1->set('/warned', status => 503);
logged('the only server',
    'error: healthdash: server b1 of upstream "warned" is down:'
    . ' http status 503, 3 of 3 failures, kept in service by min_up');

$b1->set('/warned', headers => { 'X-Warn' => 'yes' });
logged('one that comes back, but not quite',
    'warn: healthdash: server b1 of upstream "warned" is degraded:'
    . ' header X-Warn: expected != "yes", got "yes"');

done_testing();

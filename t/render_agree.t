#!/usr/bin/perl

# Tests for what page, text, CSV and JSON say of the same moment: the same, fact
# by fact (A59, A63).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Status qw(one_moment status_doc html_tree html_find html_text
                          html_rows text_rows text_events csv_differences
                          csv_columns connect_to);

my ($good, $bad, $slow, $mute) = backends(qw(good bad slow mute));
my ($fails, $flaky) = backends(qw(fails flaky));

$bad->set(status => 503);
$slow->set(delay => 0.08);
$mute->set(accept => 'hang');
$fails->set('/page', close => 1);
$good->set('/held', hang => 1);

my $cert = tls_cert(cn => 'other.test');

$good->set('/counted', body => '{"n": 12.5}');

HealthDash->new(module => 0, http => <<"EOF")->start;
    server { listen 127.0.0.1:%%PORT_tls%% ssl;
             ssl_certificate $cert->{cert};
             ssl_certificate_key $cert->{key};
             location / { return 200 ok; } }
EOF

my $t = HealthDash->new(workers => 2, http => <<'EOF')->start;
    healthdash_title "One & the same";
    healthdash_probe p {
        interval 400ms; fast 400ms; timeout 20s; fails 2; passes 3;
    }

    upstream pair {
        zone pair 64k;
        server %%ADDR_good%% weight=5 max_conns=9;
        server %%ADDR_bad%%;
        server %%ADDR_flaky%% backup weight=2;
        healthdash_check probe=p;
    }
    upstream kept { server %%ADDR_bad%%; healthdash_check probe=p; }
    upstream observed {
        server %%ADDR_bad%%;
        server %%ADDR_good%%;
        healthdash_check probe=p mode=observe;
    }
    upstream several {
        server %%ADDR_slow%% max_conns=1;
        server %%ADDR_bad%% down;
        server %%ADDR_good%%;
        healthdash_check probe=p uri=/one slow=50ms;
        healthdash_check tcp probe=p;
    }
    upstream first {
        server %%ADDR_good%%;
        server %%ADDR_mute%%;
        healthdash_check probe=p interval=401ms timeout=50s initial=checking;
    }
    upstream waits {
        server %%ADDR_mute%%;
        healthdash_check probe=p interval=402ms timeout=50s initial=checking;
    }
    upstream passive {
        zone passive 256k;
        server %%ADDR_fails%% max_fails=1 fail_timeout=60s;
        server %%ADDR_good%%;
        healthdash_check probe=p;
    }

    healthdash_service "Tcp" tcp://%%ADDR_good%% probe=p;
    healthdash_service "Down" http://%%ADDR_bad%%/ probe=p group=Shop critical;
    healthdash_service "Waits" http://%%ADDR_mute%%/ probe=p timeout=50s
                       group=Shop;
    healthdash_service "Slow" http://%%ADDR_slow%%/ probe=p slow=50ms
                       group=Other;

    healthdash_service "Sealed" https://127.0.0.1:%%PORT_tls%%/ probe=p
                       verify=off;
    healthdash_service "Memory" memory: interval=400ms description=Half
                       link=https://wiki.example/memory;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /page { proxy_pass http://passive; }
        location /held { proxy_pass http://pair; }
    }
EOF

my %nginx = (up => 'in service', unhealthy => 'skipped by probe',
             down => 'down by the administrator',
             checking => 'waiting for the first result',
             unavail => 'out by passive failures', draining => 'draining');


# Of each fact of the table: what compare() calls it on the page and in the
# text.  "=": it finds the row, "-": it is not said there.

my %where = (
    kind => '= =', upstream => '= =', id => '= =', server => 'notes -',
    name => 'name name', type => 'name name', probe => 'name name',
    target => 'notes address', group => 'group group',
    description => 'notes -', link => 'link -', critical => 'pills -',
    backup => 'notes name', weight => 'notes name', active => 'notes conns',
    max_conns => 'notes conns', passive_fails => 'passive -',
    state => 'nginx nginx',
    health => 'health health', kept => 'nginx nginx', since => 'since -',
    ramping => 'nginx nginx', share => '- -', full => '- -',
    flapping => '- -', held_until => '- -',
    stale => 'result result', reason_layer => 'result result',
    reason_code => '- -', reason_text => 'result result',
    checks => 'checks checks', fails => 'failed failed', unhealthy => 'downs -',
    inconclusive => 'inconclusive -', withheld => 'withheld nginx',
    last_passed => 'result result', last_reason => 'result result',
    last_time => '- -', last_duration => '- -', next => 'next next',
    (map { ("streak_$_" => 'streak streak') } qw(kind count of)),
    worker_slot => 'worker -', worker_pid => '- -',
    latency_last => 'latency latency',
    (map { ("latency_$_" => "$_ -") } qw(p50 p95 p99 max)),
    (map { ("phase_$_" => 'phases -') }
         qw(resolve connect tls first_byte total)),
    (map { ("tls_$_" => 'tls small') } qw(version days_left issuer problems)),
    tls_expires => '- -', value => 'value small',
    (map { ("availability_$_" => "available_$_ -") } qw(1h 7d 90d)),
    availability_24h => 'available_24h day',
    availability_30d => 'available_30d month',
    (map { ("known_$_" => "available_$_ -") } qw(1h 24h 7d 30d 90d)),
);

my %compared;


# the sentence of a streak

sub streak {
    my ($facts) = @_;
    my $s = $facts->{health_checks}{streak} // return '';
    my ($kind, $count, $of) = @$s{qw(kind count of)};
    my $health = $facts->{health};

    # it says "of" while the state may change by it

    my $moving = $kind eq 'failures' ? $health ne 'down'
                 : $kind eq 'clean' || $health eq 'down';
    my $n = $moving && $count <= $of ? $of : $count;
    my %word = (failures => [ 'failure', 'failures' ],
                passes => [ 'pass', 'passes' ],
                clean => [ 'clean pass', 'clean passes' ]);

    return $count . ($moving && $count <= $of ? " of $of" : '') . ' '
           . $word{$kind}[$n != 1];
}


# the sentence of a result

sub result {
    my ($facts) = @_;
    my $h = $facts->{health_checks};

    return 'no result yet' if !defined $h->{last_time};
    return ($h->{last_reason}{layer} eq 'local' ? 'inconclusive: ' : '')
           . $h->{last_reason}{text} if $h->{last_reason};
    return $facts->{reason} ? "passed again, after $facts->{reason}{text}"
                            : 'passed';
}


# a latency with three digits

sub latency {
    my ($ms) = @_;

    return '-' if !defined $ms;

    my $unit = 'ms';

    ($ms, $unit) = ($ms / 1000, 's') if $ms >= 1000;

    my $digits = $ms < 10 ? 2 : $ms < 100 ? 1 : 0;

    return sprintf("%.${digits}f",
                   int($ms * 10 ** $digits + 1e-6) / 10 ** $digits)
           . " $unit";
}


# the colour of what nginx does: green is only what is as it should be

sub colour {
    my ($facts) = @_;
    my %colour = (unhealthy => 'down', down => 'unknown');

    return $colour{$facts->{state}} // 'degraded' if $facts->{state} ne 'up';
    return $facts->{kept} || $facts->{health} eq 'down' ? 'degraded' : 'up';
}


# what the page says of connections

sub connections {
    my ($facts) = @_;
    my ($n, $max) = @$facts{qw(active max_conns)};
    my $of = defined $n && defined $max ? "$n of $max" : $n // $max // return;

    return (defined $n ? '' : 'at most ') . "$of connection"
           . (($max // $n) == 1 ? '' : 's') . (defined $n ? '' : ' a worker');
}


# the explanation of what is not up, without what moves with the clock

sub why {
    my (@list) = @_;

    my $moves = qr/,\ at\ the\ earliest .* |\ (?:due|under\ way)\b .*
                   |\ until .*/x;

    return join ' ', map { s/, for \d+ \w+(?: \d+ \w+)?//r =~ s/$moves//r }
                     @list;
}


# a percentage as people read it; it may have moved by a little meanwhile

sub percent {
    my ($shown, $told) = @_;

    return !defined $told if $shown eq '-';
    return defined $told && $shown =~ /^(\d+(?:\.\d\d)?) %$/
           && abs($1 - $told) < 10 && ($1 < 100 || $told == 100);
}


# what the last handshake told

sub tls {
    my ($facts) = @_;
    my $tls = $facts->{tls} // return undef;
    my ($days, $issuer) = @$tls{qw(days_left issuer)};
    my $n = !defined $days ? 0 : $days < 0 ? -$days - 1 : $days;
    my %problem = (expired => 'expired', not_yet_valid => 'not yet valid',
                   wrong_name => 'for another name',
                   untrusted => 'not trusted');

    return join ', ', $tls->{version}, !defined $days ? () :
                'certificate' . (defined $issuer ? " issued by $issuer" : '')
                . ($days < 0 ? ' ended ' : ' ends in ')
                . "$n day" . ($n == 1 ? '' : 's') . ($days < 0 ? ' ago' : ''),
                map { $problem{$_} } @{ $tls->{problems} };
}


# "connect 0.2 ms, total 4.1 ms"

sub phases {
    my ($facts) = @_;
    my $phases = $facts->{phases} // return undef;
    my %word = (tls => 'TLS', first_byte => 'first byte');

    return undef if !$phases->{total};
    return join ', ', map { ($word{$_} // $_) . ' '
                            . sprintf('%.3f', $phases->{$_})
                              =~ s/\.?0+$//r . ' ms' }
                      grep { defined $phases->{$_} }
                      qw(resolve connect tls first_byte total);
}


# what an opened row of the page says beyond that

sub want_opened {
    my ($row, $facts) = @_;
    my $h = $facts->{health_checks};
    my %want = (downs => $h->{unhealthy} . ' time'
                         . ($h->{unhealthy} == 1 ? '' : 's'),
                tls => tls($facts), phases => phases($facts),
                value => defined $facts->{value} ? $facts->{value} + 0
                                                 : undef);

    $want{$_} = latency($facts->{latency}{$_}) for qw(p50 p95 p99 max);

    for my $window (qw(1h 24h 7d 30d 90d)) {
        my $column = "available_$window";
        my $shown = $row->{$column} //= '-';
        my $known = $facts->{known}{$window} // 0;

        # a window is said to be a part while a hundredth is not known

        my $is_part = $shown =~ s/ of .* known$//;
        my $told = $facts->{availability}{$window};

        $want{$column} = percent($shown, $told)
                         && !$is_part == !(defined $told && $known < 99)
                         ? $row->{$column} : ($told // '-');
    }

    $row->{value} = number($row->{value}, $facts->{value});

    return %want;
}


# VALUE of the JSON, if that is what is SHOWN, with its unit and two decimals

sub number {
    my ($shown, $value) = @_;

    return $shown if !defined $shown || !defined $value
                     || $shown !~ /^(-?[\d.]+)(?: \S+)?$/
                     || abs($1 - $value) > 0.006;
    return $value + 0;
}


# compare(WHAT, ROW, FACTS): the differences, as text

sub compare {
    my ($what, $row, $facts, $in) = @_;
    my $h = $facts->{health_checks};
    my %want = (health => $facts->{health});

    if (!$facts->{checks}) {
        $want{checks} = $h->{checks};
        $want{failed} = $h->{fails};
        $want{result} = result($facts);
        $want{streak} = streak($facts);
        $want{next} = defined $h->{next} ? 'some' : '-';
        $row->{next} = 'some' if $row->{next} =~ /^(?:in .*|now|overdue)$/;
        $want{latency} = latency($facts->{latency}{last});

    } else {
        $want{result} = 'the worst of ' . @{ $facts->{checks} } . ' checks';
    }

    if ($in eq 'page') {
        $want{since} = $facts->{since};

        if (!$facts->{checks}) {
            %want = (%want, want_opened($row, $facts));
            $want{inconclusive} = $h->{inconclusive};
            $want{withheld} = $h->{withheld} || undef;
            $want{worker} = $h->{worker}{slot};
        }
    }

    if (exists $facts->{target}) {
        $want{group} = $facts->{group} // '';

        if ($in eq 'page') {
            $want{link} = $facts->{link};
            $want{pills} = join ', ', ('critical') x !!$facts->{critical},
                map { "certificate $_ d" }
                grep { defined } ($facts->{tls} // {})->{days_left};
            $want{notes} = join ', ', $facts->{description} // (),
                           grep { length } join " \xb7 ",
                           $facts->{target} // (), ('runbook') x
                                                   !!$facts->{link};
        } else {
            $want{address} = $facts->{target} // '-';
        }
    }

    # one of several checks: by which block, and how

    if (exists $facts->{probe}) {
        my $how = ($row->{name} // '')
                  =~ /^\Q$facts->{probe} ($facts->{type}\E(?: |\))/;

        $want{name} = $how ? $row->{name} : "$facts->{probe} $facts->{type}";
    }

    if (defined $facts->{state}) {
        my $observed = $h->{withheld} && $facts->{health} eq 'down'
                       && $facts->{state} eq 'up';

        $want{nginx} = $facts->{kept} ? 'kept in service by min_up'
                       : $facts->{ramping} ? 'ramping'
                       : $observed ? 'in service, only observed'
                       : $nginx{$facts->{state}};
        $want{name} = $facts->{name};

        if ($in eq 'page') {
            $want{colour} = colour($facts);
            $want{passive} = $facts->{passive_fails} || undef
                if !$facts->{checks};
            $want{notes} = join ', ', ('backup') x !!$facts->{backup},
                           "weight $facts->{weight}", connections($facts),
                           $facts->{server} eq $facts->{name}
                           ? () : "server $facts->{server}";
        } else {
            $want{name} .= ' backup' if $facts->{backup};
            $want{name} .= " weight=$facts->{weight}"
                if $facts->{weight} != 1;

            # a dash where another server of the table has a number

            $want{conns} = join '/', $facts->{active} // '-',
                                     $facts->{max_conns} // ();
            $row->{conns} //= '-';
        }
    }

    if ($in eq 'text') {
        my $is_well = $facts->{health} eq 'up' && !$facts->{ramping}
                      && ($facts->{state} // 'up') eq 'up';

        # a check of several is explained by its server

        $want{explain} = $is_well || exists $facts->{probe} ? ''
                         : why(@{ $facts->{explain} });
        $row->{explain} = why(@{ $row->{explain} // [] });

        if (!$facts->{checks}) {
            my ($shown) = $row->{small} =~ /^(-?\d[^;]*)/;
            my $value = $facts->{value};

            $shown = $value
                if defined $value && number($shown // '', $value) ne $value + 0;

            $want{small} = join '; ', $shown // (), tls($facts) // (),
                $facts->{health} eq 'down' && $facts->{last_failure}{line}
                ? "answer: $facts->{last_failure}{line}" : ();

            for ([ day => '24h' ], [ month => '30d' ]) {
                my ($column, $window) = @$_;
                my $told = $facts->{availability}{$window};

                $want{$column} = percent($row->{$column}, $told)
                                 ? $row->{$column} : $told;
            }
        }

        $want{mark} = $facts->{health} eq 'down' ? '!'
                      : $facts->{health} =~ /^(?:degraded|unknown)$/ ? '?'
                      : ' ';
    }

    $compared{$in}{$_} = 1 for keys %want;

    return map { "$what: $_ is \"" . ($row->{$_} // 'missing')
                 . '", not "' . ($want{$_} // 'missing') . '"' }
           grep { ($row->{$_} // 'missing') ne ($want{$_} // 'missing') }
           sort keys %want;
}


sub differences {
    my ($rows, $doc, $in) = @_;
    my @list;
    my $n = 0;

    for my $u (sort keys %{ $doc->{upstreams} }) {
        my @peers = @{ $doc->{upstreams}{$u}{peers} };

        push @list, "$u has other servers" if @peers != @{ $rows->{$u} // [] };

        for my $i (0 .. $#peers) {
            my $row = $rows->{$u}[$i] // next;
            my @checks = @{ $peers[$i]{checks} // [] };

            push @list, compare("$u $i", $row, $peers[$i], $in);
            push @list, "$u $i has other checks"
                if @checks != @{ $row->{list} // [] };
            push @list, map { compare("$u $i, check $_", $row->{list}[$_],
                                      $checks[$_], $in) } 0 .. $#checks;
            $n += 1 + @checks;
        }
    }

    my %by_name = map { $_->{name} => $_ } @{ $rows->{services} };

    for my $name (sort keys %{ $doc->{services} }) {
        my $facts = $doc->{services}{$name};
        my $row = $by_name{$name} // { name => 'none' };

        push @list, compare("service $name", $row, $facts, $in);
        $n++;
    }

    return ($n, @list);
}


ok(wait_until(sub {
    http_get(port('web'), '/page');

    my ($doc) = status_doc(port('web'));
    my $u = $doc->{upstreams};

    return $u->{pair}{peers}[1]{state} eq 'unhealthy'
           && $u->{kept}{peers}[0]{kept}
           && $u->{observed}{peers}[0]{health_checks}{withheld}
           && $u->{several}{peers}[0]{health} eq 'degraded'
           && $u->{first}{peers}[0]{health} eq 'up'
           && $u->{first}{peers}[1]{state} eq 'checking'
           && $u->{waits}{peers}[0]{kept}
           && $u->{passive}{peers}[0]{state} eq 'unavail'
           && $doc->{services}{Slow}{health} eq 'degraded'
           && $doc->{services}{Down}{health} eq 'down';
}, 15, 'all states'), 'a mixed configuration');


# two clients that wait

my @held = map { connect_to(port('web')) } 1 .. 2;

syswrite $_, "GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n" for @held;

ok(wait_until(sub { (hd_peer($t, 'pair', $good)->{active} // 0) == 2 }, 10),
   'two connections to a server');


# what is said of the whole, and of each server, check and service

sub agree {
    my ($about) = @_;
    my $m = one_moment(port('web'));
    my $doc = $m->{doc};
    my $tree = html_tree($m->{html});
    my $page = html_rows($tree);
    my $text = text_rows($m->{text});
    my ($n, @page) = differences($page, $doc, 'page');
    my (undef, @text) = differences($text, $doc, 'text');

    is_deeply(\@page, [], "$about: the page says what the JSON says");
    is_deeply(\@text, [], 'and the text does');
    cmp_ok($n, '>=', 22, "in $n rows");
    is_deeply([ csv_differences($m->{csv}, $doc) ], [],
              'and the CSV does, column by column');

    my @events = map { [ @$_{qw(time text)} ] } reverse @{ $doc->{events} };

    $#events = 9 if @events > 10;

    is_deeply([ text_events($m->{text}) ], \@events,
              'the last events are the same');

    my ($h1) = html_find($tree, 'h1');

    is(html_text($h1), $text->{''}, 'all begin with one sentence');
    my @chips = map { html_text($_) =~ /(\w+) (\d+)/ ? "$1 $2" : () }
                html_find((html_find($tree, 'nav'))[0], 'a');
    my $s = $doc->{summary};
    my @sums = map { my $n_of = $s->{servers}{$_} + $s->{services}{$_};
                     $n_of ? "$_ $n_of" : () }
               qw(down degraded unknown paused up);

    is_deeply([ @chips[1 .. $#chips] ], \@sums, 'the sums are the same');

    for my $u (sort keys %{ $doc->{upstreams} }) {
        my $up = $doc->{upstreams}{$u};
        my $serving = grep { $_->{state} eq 'up' } @{ $up->{peers} };
        my $all = @{ $up->{peers} };
        my $says = ($serving || 'none') . " of $all server"
                   . ($all == 1 ? '' : 's') . ' in service';
        my ($caption) = grep { $_->{attr}{id}
                               && html_text((html_find($_, 'b'))[0]) eq $u }
                        html_find($tree, 'caption');

        like(html_text($caption), qr/^$up->{health} \Q$u $says\E/,
             "upstream $u: $up->{health}, $says");
        is(html_text($caption) =~ /no server passes its probes/ ? 1 : 0,
           $serving && $up->{health} eq 'down' ? 1 : 0,
           'who is served by what is down is told so');
        like($m->{text}, qr/^upstream $u: $up->{health}, \Q$says\E$/m,
             'also in the text');
    }

    my ($section) = html_find($tree, 'section.verdict');

    like($section->{attr}{class}, qr/ $doc->{health}$/,
         'the colour is that of the whole');

    return $doc;
}


agree('at rest');


# on the way: a failure that does not count yet, passes that do not either; the
# answer after the first one leaves time to look

sub turn {
    my ($status) = @_;

    $flaky->set(status => $status);
    $flaky->script({ status => $status }, { status => $status, delay => 5 });
}

turn(500);

ok(wait_until(sub {
    my $h = hd_peer($t, 'pair', $flaky)->{health_checks};
    return $h && ($h->{streak}{kind} // '') eq 'failures'
           && $h->{streak}{count} == 1;
}, 10, 'one failure'), 'one failure');

agree('one of two failures');

ok(wait_until(sub { hd_peer($t, 'pair', $flaky)->{health} eq 'down' }, 10),
   'two failures');
agree('down');

turn(200);

ok(wait_until(sub {
    my $p = hd_peer($t, 'pair', $flaky);
    return $p->{health} eq 'down'
           && $p->{health_checks}{streak}{kind} eq 'passes';
}, 10, 'a pass'), 'a pass');
agree('coming back');


# all of the table

is_deeply([ sort keys %where ], [ sort map { $_->[0] } csv_columns() ],
          'it is known where each fact of the table is said');

for my $i (0, 1) {
    my $in = (qw(page text))[$i];

    is_deeply([ grep { my $label = (split ' ', $where{$_})[$i];
                       $label !~ /^[=-]$/ && !$compared{$in}{$label} }
                sort keys %where ], [], "each was compared: $in");
}

done_testing();

#!/usr/bin/perl

# Tests for the JSON: it holds what docs/status.schema.json promises, whatever
# the state and whatever the names (A59, A58, A62, A63).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Encode ();
use JSON::PP ();

use HealthDash::Status qw(schema_errors status_doc connect_to read_response);
use HealthDash::Upstream qw(farm break_server);

my $json = JSON::PP->new->utf8->canonical;


# a schema that accepts anything proves nothing

sub mutate {
    my ($text, $what, $code) = @_;
    my $doc = $json->decode($text);

    $code->($doc);

    return [ $what, $json->encode($doc) ];
}


# every key of an object, with the way to the object

sub holders {
    my ($node, @way) = @_;
    my @list;

    if (ref $node eq 'HASH') {
        push @list, map { [ @way, $_ ], holders($node->{$_}, @way, $_) }
                    sort keys %$node;

    } elsif (ref $node eq 'ARRAY') {
        push @list, map { holders($node->[$_], @way, $_) } 0 .. $#$node;
    }

    return @list;
}


sub at {
    my ($node, @way) = @_;

    $node = ref $node eq 'HASH' ? $node->{$_} : $node->[$_] for @way;

    return $node;
}


# no target at all

{
    my $t = HealthDash->new(http => <<'EOF_CONF')->start;
        upstream plain { server 127.0.0.1:1; }
        server {
            listen 127.0.0.1:%%PORT_web%%;
            location /status { healthdash_status; }
        }
EOF_CONF

    my ($doc, $text) = status_doc(port('web'));

    is(schema_errors($text), '', 'no target: valid');
    is($text =~ tr/\n//, 4, 'it ends with a line feed, and is short');
    is_deeply([ @$doc{qw(health title upstreams services)} ],
              [ 'unknown', undef, {}, {} ], 'it says that nothing is known');
    is($doc->{nginx}{generation}, undef, 'nothing is counted, nothing claimed');

    $t->stop;
}


# all states

my ($good, $bad, $slow, $mute, $http) = backends(qw(good bad slow mute http));
my ($fails, $gone) = backends(qw(fails gone));
my $held = backend('held', hang => 1);

$slow->set('/slow', delay => 0.15);
$bad->set('/', status => 503, reason => '<No> "way"');
$mute->set(accept => 'hang');
$fails->set('/page', close => 1);
$gone->refuse;

my $t = HealthDash->new(workers => 1, http => <<'EOF')->start;
    healthdash_title "All \"states\" <of> it";
    healthdash_probe fast {
        interval 250ms; fast 100ms; timeout 5s; fails 2; passes 1;
    }
    healthdash_probe deep {
        uri /slow; interval 250ms; fast 100ms; timeout 5s; slow 50ms;
        fails 2; group "Shop"; description "Deep \\ look";
    }

    upstream mixed {
        zone mixed 128k;
        server %%ADDR_good%% weight=3;
        server %%ADDR_bad%%;
        server %%ADDR_slow%% down;
        server %%ADDR_gone%% backup;
        healthdash_check probe=fast;
    }
    upstream degraded { server %%ADDR_slow%%; healthdash_check probe=deep; }
    upstream kept { server %%ADDR_bad%%; healthdash_check probe=fast; }
    upstream observed {
        server %%ADDR_bad%%;
        server %%ADDR_good%%;
        healthdash_check probe=fast mode=observe;
    }
    upstream several {
        server %%ADDR_slow%%;
        server %%ADDR_bad%%;
        server %%ADDR_good%% max_fails=3;
        healthdash_check probe=fast;
        healthdash_check probe=deep;
        healthdash_check tcp probe=fast;
    }
    upstream checking {
        server %%ADDR_good%%;
        server %%ADDR_mute%%;
        healthdash_check initial=checking interval=250ms timeout=50s;
    }
    upstream passive {
        server %%ADDR_fails%% max_fails=1 fail_timeout=60s;
        server %%ADDR_good%%;
        healthdash_check probe=fast;
    }
    upstream unprobed_name {
        server unix:%%TMP%%/none.sock;
        healthdash_check probe=fast;
    }

    healthdash_service "Up" http://%%ADDR_good%%/ probe=fast critical
                       group=One link=https://wiki.example/x;
    healthdash_service "Down" http://user:pass@%%ADDR_bad%%/ probe=fast;
    healthdash_service "Tcp" tcp://%%ADDR_good%% probe=fast;
    healthdash_service "Https" https://%%ADDR_good%%/ probe=fast verify=on;
    healthdash_service "Waits" http://%%ADDR_mute%%/ interval=60s timeout=50s;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /page { proxy_pass http://passive; }
        location ~ ^/wait/(.*) {
            proxy_pass http://%%ADDR_held%%;
            proxy_read_timeout 9s;
            error_page 504 = /status?format=$1;
        }
    }
EOF

my $doc;

ok(wait_until(sub {
    http_get(port('web'), '/page');
    ($doc) = status_doc(port('web'));

    my $s = $doc->{services};
    my %u = map { $_ => $doc->{upstreams}{$_}{peers} }
            keys %{ $doc->{upstreams} };

    return $u{mixed}[1]{state} eq 'unhealthy'
           && $u{mixed}[3]{health} eq 'down'
           && $u{degraded}[0]{health} eq 'degraded'
           && $u{kept}[0]{kept}
           && $u{observed}[0]{health_checks}{withheld}
           && $u{several}[1]{health} eq 'down'
           && $u{several}[0]{health} eq 'degraded'
           && $u{passive}[0]{state} eq 'unavail'
           && $s->{Up}{health} eq 'up' && $s->{Down}{health} eq 'down'
           && $s->{Https}{health} eq 'down' && $s->{Tcp}{health} eq 'up';
}, 10, 'all states'), 'all states are there');

my ($now, $text) = status_doc(port('web'),
                              '/status?format=json&history=1&events=1024');
my $peers = { map { $_ => $now->{upstreams}{$_}{peers} }
              keys %{ $now->{upstreams} } };

is(schema_errors($text), '', 'all states: valid');
is($now->{title}, 'All "states" <of> it', 'the title is as configured');
unlike($text, qr/</, 'no "<" stands in it');

is_deeply([ map { $_->{state} } @{ $peers->{mixed} } ],
          [ qw(up unhealthy down unhealthy) ], 'what nginx does');
is_deeply([ map { $_->{health} } @{ $peers->{mixed} } ],
          [ qw(up down up down) ], 'what probes say');
is_deeply([ map { $_->{weight} . ($_->{backup} ? 'b' : '') }
            @{ $peers->{mixed} } ], [ qw(3 1 1 1b) ], 'weight and backup');
is($peers->{kept}[0]{state}, 'up', 'who is kept is in service');
is($peers->{checking}[1]{state}, 'checking', 'who had no result is not');
is($peers->{checking}[1]{health_checks}{checks}, 0, 'and was not counted');
is($peers->{several}[1]{reason}{text}, 'http status 503',
   'the reason of several is that of the worst');
is(scalar @{ $peers->{several}[1]{checks} }, 3, 'all checks are listed');
ok(!exists $peers->{mixed}[0]{checks}, 'one check is not');

{
    my $one = $peers->{several}[1];
    my @list = map { $_->{health_checks} } @{ $one->{checks} };

    for my $key (qw(checks fails unhealthy)) {
        my $sum = 0;

        $sum += $_->{$key} for @list;
        is($one->{health_checks}{$key}, $sum, "$key is the sum of the checks");
    }
}

my %count = (up => 0, degraded => 0, down => 0, unknown => 0, paused => 0);
my %sum = %count;

$count{$_->{health}}++ for map { @$_ } values %$peers;
$sum{$_->{health}}++ for values %{ $now->{services} };

is_deeply($now->{summary}{servers}, \%count, 'the summary counts servers');
is_deeply($now->{summary}{services}, \%sum, 'and services');
is($now->{health}, 'down', 'the whole is as bad as the worst');
is(http_get(port('web'), '/status?format=json')->{status}, 200,
   'which is no error of who asks');


# what is remembered

sub all_targets {
    my ($json) = @_;

    return (values %{ $json->{services} },
            map { $_, @{ $_->{checks} // [] } }
            map { @{ $_->{peers} } } values %{ $json->{upstreams} });
}


sub sorted {
    my (@list) = @_;

    return join(' ', @list) eq join ' ', sort @list;
}


{
    my (@bad, %seen);

    for my $one (all_targets($now)) {
        my ($l, $h, $all) = @$one{qw(latency history health_checks)};
        my @passed = grep { defined } @$l{qw(p50 p95 p99 max)};

        push @bad, 'percentiles' if @passed && (@passed != 4
                                    || "@passed" ne join ' ', sort { $a <=> $b }
                                                                   @passed);
        push @bad, 'no last sentence' if $one->{explain}[-1] !~ /\.$/;
        push @bad, 'one sentence says less' if @{ $one->{explain} } < 2;

        if (!$all->{checks}) {
            push @bad, 'available without a check'
                if defined $one->{availability}{'1h'};
            next;
        }

        # its own checks are in the list of each

        my $own = $one->{checks} ? undef : $all->{checks};
        my @results = @{ $h->{results} };
        my $judged = grep { $_->{verdict} ne 'inconclusive' } @results;
        my @days = @{ $h->{days} };

        push @bad, 'results' if defined $own && $own <= 120
                                && $judged != $own;
        push @bad, 'results are not in order'
            if !sorted(map { $_->{time} } @results);
        $seen{$_->{verdict}}++ for @results;

        for my $level (qw(minutes hours days)) {
            my @spans = @{ $h->{$level} };

            push @bad, "$level are not in order"
                if !sorted(map { $_->{time} } @spans);
            push @bad, "$level do not begin at one"
                if $level eq 'hours'
                   && grep { $_->{time} !~ /:(?:00:00|59:59)\./ } @spans;

            my ($checks, $failures) = (0, 0);

            $checks += $_->{checks}, $failures += $_->{failures} for @spans;

            push @bad, "$level do not add up"
                if defined $own && "$checks $failures"
                                   ne "$own $all->{fails}";
        }

        # availability is that of the time, as it stands in the list

        my ($known, $down) = (0, 0);

        $known += $_->{known}, $down += $_->{down} for @days;

        my $percent = $known ? 100 * ($known - $down) / $known : undef;
        my $told = $one->{availability}{'90d'};

        push @bad, "availability $told, not $percent"
            if defined $own && (defined $told ? abs($told - $percent) > 0.001
                                              : defined $percent);
    }

    is_deeply(\@bad, [], 'what is remembered of each target adds up');
    ok($seen{pass} && $seen{warn} && $seen{fail}, 'all verdicts were seen');
}

{
    my $one = $peers->{several}[1];

    for my $window (qw(1h 24h 7d 30d 90d)) {
        my ($least) = sort { $a <=> $b }
                      map { $_->{availability}{$window} } @{ $one->{checks} };

        is($one->{availability}{$window}, $least,
           "availability of $window is the least of the checks");
    }
}

is_deeply([ map { $_->{availability}{'1h'} } @{ $peers->{mixed} }[0, 1] ],
          [ 100, 0 ], 'always up is 100, never up is 0');
cmp_ok($peers->{mixed}[0]{known}{'24h'}, '<', 0.2, 'little is known');
cmp_ok($peers->{mixed}[0]{known}{'1h'}, '>', 0, 'but some is');

is_deeply([ grep { $_ !~ /^(?:It is down since|How long|The next probe) / }
            @{ $peers->{mixed}[1]{explain} } ],
          [ 'It answered, but the answer is not as it is expected.',
            'The answer began with HTTP/1.1 503 <No> "way".',
            'nginx skips it: no new request goes there.',
            grep { /^It comes back after 1 pass, at the earliest / }
            @{ $peers->{mixed}[1]{explain} } ],
          'a server that is down is explained');
like($peers->{several}[1]{explain}[1], qr/^This is said by the worst of its 3/,
     'of several checks one is named');
is(scalar(grep { /nginx/ } map { @{ $_->{explain} } }
          @{ $peers->{several}[1]{checks} }), 0,
   'what nginx does is said of the server, not of its checks');

{
    my @events = @{ $now->{events} };
    my %of = map { ($_->{service} // "$_->{upstream} $_->{server}") => $_ }
             grep { $_->{kind} eq 'state' } @events;
    my $down = $of{Down};
    my $server = $of{'mixed ' . $bad->address};

    is_deeply([ map { $_->{id} } @events ], [ 1 .. @events ],
              'events are numbered, oldest first');
    is_deeply([ @{ $events[0] }{qw(kind upstream server service from to reason
                                   lasted)} ], [ 'loaded', (undef) x 7 ],
              'the first is the configuration');
    like($events[0]{text}, qr/^configuration 1 was loaded: \d+ targets$/,
         'in words');
    is_deeply([ @$server{qw(upstream server service from to)} ],
              [ 'mixed', $bad->address, undef, 'unknown', 'down' ],
              'a server that is down');
    is_deeply($server->{reason}, $peers->{mixed}[1]{reason},
              'with the reason that it has');
    is($server->{time}, $peers->{mixed}[1]{since}, 'and the time');
    is($down->{text}, 'Down is down: http status 503; it is the first result',
       'a service, as a sentence');

    my ($few) = status_doc(port('web'), '/status?format=json&events=2');
    my ($none) = status_doc(port('web'), '/status?format=json&events=0');
    my ($some, $by_itself) = status_doc(port('web'));

    is(scalar @{ $few->{events} }, 2, 'events=2');
    is_deeply($none->{events}, [], 'events=0');
    ok(!grep({ exists $_->{history} } all_targets($some)),
       'no history without being asked');
    unlike($by_itself, qr/"history"/, 'anywhere');
}


# mutations: each key removed, each value of another type, each unknown word

{
    my %trim = (upstreams => 'several', services => 'Up');
    my $small = $json->decode($text);

    for my $part (keys %trim) {
        $small->{$part} = { $trim{$part} => $small->{$part}{$trim{$part}} };
    }

    $small->{upstreams}{several}{peers}
        = [ $small->{upstreams}{several}{peers}[1] ];

    $#{ $small->{events} } = 1;
    shift @{ $small->{events} };

    for my $one (all_targets($small)) {
        $#{ $_ } = 0 for values %{ $one->{history} };
    }

    my $base = $json->encode($small);
    my @mutants;

    for my $way (holders($small)) {
        my @up = @$way;
        my $key = pop @up;
        my $where = join '/', @$way;

        # names are free, and "checks" of a server may be missing

        my $free = @up == 1 && $up[0] =~ /^(?:upstreams|services)$/
                   || $where =~ m{^upstreams/several/peers/\d+/checks$}
                   || $key eq 'history';

        push @mutants, mutate($base, "$where is missing",
                              sub { delete at($_[0], @up)->{$key} })
            if !$free;
        push @mutants, mutate($base, "$where is a list of nothing",
                              sub { at($_[0], @up)->{$key} = [ [] ] });
        push @mutants, mutate($base, "$where is negative",
                              sub { at($_[0], @up)->{$key} = -1 })
            if $key ne 'value';
        push @mutants, mutate($base, "$where has an unknown word",
                              sub { at($_[0], @up)->{$key} = '' })
            if $key =~ /^(?:health|state|type|layer|code|kind|time|since|next
                          |last_time|load_timestamp|group|title|link)$/x;
    }

    for my $way ([], [ 'upstreams', 'several' ], [ 'services', 'Up' ],
                 [ 'upstreams', 'several', 'peers', 0 ], [ 'nginx' ],
                 [ 'upstreams', 'several', 'peers', 0, 'checks', 0 ],
                 [ 'summary', 'servers' ])
    {
        push @mutants, mutate($base, join('/', @$way) . ' has one key more',
                              sub { at($_[0], @$way)->{extra} = 1 });
    }

    push @mutants, [ 'a key stands twice', $base =~ s/^\{/{"version":1,/r ],
                   [ 'it is cut', substr $base, 0, -1 ],
                   [ 'it is two', $base . $base ],
                   [ 'it is no UTF-8', $base =~ s/states/\xff/r ];

    my ($first, @errors) = schema_errors($base, map { $_->[1] } @mutants);
    my @accepted = map { $mutants[$_][0] } grep { $errors[$_] eq '' }
                   0 .. $#mutants;

    is($first, '', 'the document to mutate is valid');
    cmp_ok(scalar @mutants, '>', 300, @mutants . ' mutations');
    is_deeply(\@accepted, [], 'the schema refuses each of them');
}


# stale: a worker of the past answers a request that it had before; nobody
# probes for it any more

{
    my @fh = map { connect_to(port('web')) } 0 .. 2;
    my $i = 0;

    for my $format (qw(json text html)) {
        syswrite $fh[$i++], "GET /wait/$format HTTP/1.1\r\nHost: a\r\n"
                            . "\r\n";
    }

    wait_until(sub { $held->count >= 3 }, 5, 'three requests');

    $t->set_conf("http { }\n")->reload(wait => 'new');

    my ($j, $p, $h) = map { my $left = ''; read_response($_, \$left)->{body} }
                      @fh;
    my $old = $json->decode($j);
    my $peer = $old->{upstreams}{mixed}{peers}[0];

    is(schema_errors($j), '', 'stale: valid');
    is_deeply([ @$peer{qw(health stale state)} ],
              [ 'unknown', JSON::PP::true, 'up' ],
              'old results are not trusted, and nginx is as it was');
    like($peer->{reason}{text}, qr/^no result for [1-9]\d* s$/,
         'the reason says for how long');
    is($peer->{reason}{code}, 'stale', 'with its word');
    is($peer->{since}, $peer->{health_checks}{last_time},
       'it is unknown since its last result');
    is($old->{upstreams}{mixed}{health}, 'unknown',
       'nor is anything known of the upstream');
    ok($p =~ /^\? unknown .*  overdue .* ?no result for \d+ s, before that/m,
       'the text says it');
    ok($h =~ m{stale</span>\ <span\ class="r">no\ result\ for\ \d+\ s</span>
               \ <small>before\ that}x,
       'and the page');
}

$t->stop;


# 1000 targets

{
    my $farm_port = port('farm');
    my @alive = map { "127.3.0.$_" } 1 .. 20;
    my $servers = join '', map {
        my $u = $_;

        "upstream big$u {\nzone big$u 1m;\n"
        . join('', map { "server $_:$farm_port;\n" }
               ($u == 1 ? @alive : ()),
               map { "127.3.$u.$_" } 1 .. ($u == 1 ? 180 : 200))
        . "healthdash_check interval=2s timeout=20s fails=1 min_up=0;\n}\n"
    } 1 .. 5;

    farm($farm_port, @alive);

    my $big = HealthDash->new(workers => 2, http => <<EOF)->start;
        $servers
        server {
            listen 127.0.0.1:%%PORT_web%%;
            location /status { healthdash_status; }
        }
EOF

    my ($many, $early) = status_doc(port('web'));
    my $late;

    ok(wait_until(sub {
        ($many, $late) = status_doc(port('web'));
        return $many->{summary}{servers}{unknown} == 0;
    }, 10, 'results of all'), 'all of 1000 targets have results');

    is_deeply($many->{summary}{servers},
              { up => 20, down => 980, degraded => 0, unknown => 0,
                paused => 0 }, '20 are up, 980 are down');
    is_deeply([ schema_errors($early, $late) ], [ '', '' ],
              '1000 targets: valid, with and without results');
    is(scalar(map { @{ $_->{peers} } } values %{ $many->{upstreams} }), 1000,
       'all are there');

    $big->stop;
}


# names: what the configuration takes, as it is, and back again

{
    my @texts = ('quote"s', "apo'strophe", 'back\\slash', '</script><script>',
                 '&amp;', '{"a":1}', "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
 'x' x 255, "\xc3\xa4" x 127, '%s%n%V',
                 '/slash?a=b&c=d#e', 'null', '-1');

    # nginx itself takes any bytes as names of zones

    my @bytes = ("a\xff\xfe", "b\xc0\xaf", "c\xed\xa0\x80", "\xe2\x80\xaeabc",
                 "tab\there", "bell\x07", "\x1b[31mred", "\x7f",
                 "cut\xe2\x82", "\xe2\x80\xa8line", 'y' x 255,
                 "\xff" x 255);

    # as nginx.conf writes it

    my $quote = sub { '"' . $_[0] =~ s/(["\\])/\\$1/gr . '"' };
    my $conf = 'healthdash_title ' . $quote->($texts[3]) . ";\n";
    my $n = 0;

    for my $name (@texts) {
        my ($q, $group, $about) = map { $quote->("$_$name") }
                                  '', 'group=', 'description=';

        $conf .= "healthdash_service $q tcp://127.0.0.1:1 interval=100ms\n"
                 . " timeout=20s fast=100ms $group $about;\n";
    }

    for my $name (@texts, @bytes) {
        my $q = $quote->($name);
        my $upstream = (grep { $_ eq $name } @texts) ? $q : 'bytes' . $n++;

        $conf .= "upstream $upstream { zone $q 64k; server 127.0.0.1:1;\n"
                 . "healthdash_check host=localhost interval=100ms\n"
                 . "timeout=20s fast=100ms; }\n";
    }

    my $hostile = HealthDash->new(http => <<EOF)->start;
        $conf
        server {
            listen 127.0.0.1:%%PORT_web%%;
            location /status { healthdash_status; }
        }
EOF

    my ($named, $body);

    ok(wait_until(sub {
        ($named, $body) = status_doc(port('web'));
        return $named->{summary}{servers}{down} == @texts + @bytes
               && $named->{summary}{services}{down} == @texts;
    }, 10, 'results'), 'hostile names: all are probed');

    is(schema_errors($body), '', 'valid');

    for my $name (@texts) {
        my $char = Encode::decode('UTF-8', $name);
        my $service = $named->{services}{$char};
        my $shown = length $name > 40 ? length($name) . ' bytes' : $name;

        is_deeply([ @$service{qw(group description)} ], [ $char, $char ],
                  "service $shown: name, group and description");
        is($named->{upstreams}{$char}{zone}, $char, "upstream $shown");
    }

    is($named->{title}, $texts[3], 'the title');

    # no byte that is not printable leaves, raw or escaped

    is(scalar keys %{ $named->{upstreams} }, @texts + @bytes,
       'no upstream got lost');
    unlike($body =~ s/\n//gr, qr/[\x00-\x1f\x7f]/, 'no control character');
    unlike(Encode::decode('UTF-8', $body),
           qr/[\x{80}-\x{9f}\x{2028}-\x{202e}\x{2066}-\x{2069}]/,
           'nor one that turns or ends a line');

    $hostile->stop;

    # what healthdash itself refuses

    for my $name ("a\tb", "\x1b[31m", "\xff", "\xe2\x80\xae", 'x' x 256) {
        for my $line (map { sprintf $_, $quote->($name) }
                      'healthdash_service %s tcp://127.0.0.1:1;',
                      'healthdash_probe %s { }',
                      length $name > 255 ? () : (
                          'healthdash_title %s;',
                          'upstream %s { server 127.0.0.1:1; '
                          . 'healthdash_check tcp; }'))
        {
            my ($rc, $out) = $hostile->conf_test("http {\n$line\n}\n");

            isnt($rc, 0, 'refused: ' . substr($line, 0, 60)
                         =~ s/([^ -~])/sprintf '\x%02x', ord $1/ger);
        }
    }
}

done_testing();

#!/usr/bin/perl

# Tests for the rows of the page, without a script: history drawn and in words,
# sentences, events, a long page in short, and how large it all is.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Compress::Zlib ();

use HealthDash::Status qw(one_moment html_tree html_find html_text html_rows
                          run_command);

my ($good, $bad) = backends(qw(good bad));
my $servers = "server %%ADDR_good%%;\n" x 201;

$bad->set(status => 503, reason => 'Too busy');

my $t = HealthDash->new(http => <<'EOF')->start;
    upstream app {
        zone app 64k;
        server %%ADDR_good%%;
        server %%ADDR_bad%% weight=3;
        healthdash_check interval=200ms fast=100ms timeout=1s fails=1
                         passes=1 min_up=0;
    }
    healthdash_service Shop tcp://%%ADDR_good%% interval=200ms timeout=1s;
    healthdash_service Sick http://%%ADDR_bad%%/ interval=200ms timeout=1s
        fast=100ms fails=1 link=https://wiki.example/sick;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

my $time = qr/[A-Z][a-z]{2} \d+ \d\d:\d\d/;
my $seen = qr/(?:not known$|[\d.]+ % available)/;

sub enough {
    my $doc = hd_json($t) // return;

    return !grep { ($_->{health_checks}{checks} // 0) < 5 }
           @{ $doc->{upstreams}{app}{peers} }, values %{ $doc->{services} };
}

ok(wait_until(\&enough, 20), 'some results of each');

my $m = one_moment(port('web'));
my $doc = $m->{doc};
my $tree = html_tree($m->{html});
my $page = html_rows($tree);
my %body = map { $_->{attr}{id} => $_ } html_find($tree, 'tbody.row');
my %row = map { $_->{name} => $_ } @{ $page->{app} }, @{ $page->{services} };
my %facts = ((map { $_->{name} => $_ } @{ $doc->{upstreams}{app}{peers} }),
             %{ $doc->{services} });

is(join(' ', sort keys %row), join(' ', sort keys %facts), 'four rows');


# each: bars, in the picture and in the table; the line; the sentences

for my $name (sort keys %facts) {
    my $row = $row{$name};
    my $facts = $facts{$name};
    my ($day, $days, @rest) = html_find($body{ $row->{id} }, 'svg.strip');

    is(scalar @rest, 0, "$name: two bars");
    bar($day, 96, 'last 24 hours', $facts->{availability}{'24h'});
    bar($days, 360, 'last 90 days', $facts->{availability}{'90d'});

    my @tables = html_find($body{ $row->{id} }, 'table.past');

    for my $i (0, 1) {
        my @parts = html_find(($day, $days)[$i], 'path');
        my @lines = html_find($tables[$i], 'tr.part');

        is_deeply([ map { $_->{attr}{class} =~ s/^part //r } reverse @lines ],
                  [ map { $_->{attr}{class} =~ s/ q$//r } @parts ],
                  'the same in words, the last on top');

        my $why = $facts->{health} eq 'down' ? qr/; reason: http status 503$/
                                             : qr/^(?!.*; reason:)/;

        like(html_text($parts[-1]), $why, 'why it was down');
        like(html_text($lines[0]), $why, 'in words, too');
    }

    is($row->{available}, percent($facts->{availability}{'24h'}),
       'available in 24 hours');
    is_part(html_text((html_find((html_find($body{ $row->{id} }, 'td.av'))[0],
                                 'small'))[0]),
            $facts->{known}{'24h'}, 'and of how much');

    my ($spark) = html_find($body{ $row->{id} }, 'svg.spark');
    my ($line, $failed) = html_find($spark, 'path');
    my $fails = $facts->{health_checks}{fails};
    my $n = $facts->{health_checks}{checks};

    is(() = ($line->{attr}{d} =~ /[ML]/g), min($n, 40) - min($fails, 40),
       'a point for each result that passed');
    is(() = (($failed ? $failed->{attr}{d} : '') =~ /M/g), min($fails, 40),
       'a mark for each that failed');

    # what moves with the clock is told in both, but not at the same moment

    is_deeply([ steady($row->{say}) ],
              [ steady(join ' ', @{ $facts->{explain} }) ],
              'the sentences are those of the JSON');
}

# a part of 24 hours is called one: "of 59 s" is as much as percent

sub is_part {
    my ($text, $percent, $name) = @_;
    return cmp_ok($percent * 864, '<', 3, $name) if $text eq 'just started';

    my ($n, $unit) = $text =~ /^of (\d+) (s|min)\b/;

    return fail("$name: $text") if !$unit;
    cmp_ok(abs($n * ($unit eq 's' ? 1 : 60) - $percent * 864), '<',
           $unit eq 's' ? 3 : 62, $name);
}

sub min { return $_[0] < $_[1] ? $_[0] : $_[1] }

sub steady { return $_[0] =~ s/\s+$//r =~ s/\d[\d:.]*(?: (?:ms|s|min))?/N/gr }

sub percent {
    my ($number) = @_;

    return '-' if !defined $number;
    return $number == int $number ? "$number %"
           : sprintf '%.2f %%', int($number * 100 + 1e-6) / 100;
}

# no gap, each part with times and what was seen

sub bar {
    my ($svg, $width, $what, $available) = @_;
    my $x = 0;
    my @odd;

    for my $path (html_find($svg, 'path')) {
        my ($at, $long) = $path->{attr}{d} =~ /^M(\d+) 10h(\d+)$/;

        push @odd, "at $at, not $x" if $at != $x;
        push @odd, html_text($path)
            if html_text($path) !~ /^$time to (?:now|$time): $seen/;
        $x += $long;
    }

    is_deeply(\@odd, [], "$what: no gap, no part without words");
    cmp_ok($x, '<=', $width, 'not more than there is room for');
    cmp_ok($x, '>', $width - 5, 'and not less');
    like($svg->{attr}{'aria-label'},
         qr/^\Q$what: \E\Q@{[ percent($available) ]}\E\ available
            .*(?:known|just\ started)$/x,
         'with a summary to be read aloud');
}


# events, the last on top

{
    my @said = map { html_text((html_find($_, 'p'))[0])
                     =~ s/ (?:ongoing|lasted .*)$//r }
               html_find((html_find($tree, 'ol'))[0], 'li');

    is_deeply(\@said, [ reverse map { $_->{text} } @{ $doc->{events} } ],
              'the events are those of the JSON');

    $bad->set(status => 200);
    ok(wait_until(sub {
        http_get(port('web'), '/status?format=html')->{body}
            =~ /is up.*lasted \d/s
    }, 20), 'an incident that is over has a length');
    # what was down twice in one part says why it was the last time

    my $down = sub {
        my ($code) = @_;

        $bad->set(status => $code, reason => 'Too busy');

        return wait_until(sub {
            http_get(port('web'), '/status?format=html')->{body}
                =~ /down for [^<]*; reason: http status $code</
        }, 20);
    };

    ok($down->(500), 'another reason');
    $bad->set(status => 200);
    ok(wait_until(sub { hd_json($t)->{summary}{services}{down} == 0 }, 20),
       'up');
    ok($down->(503), 'and another one');
    ok(wait_until(sub { hd_json($t)->{summary}{services}{down}
                        + hd_json($t)->{summary}{servers}{down} == 2 }, 20),
       'down again');
}


# a text browser

{
    my ($rc, $text) = run_command('/usr/bin/w3m', '-dump', '-T', 'text/html',
                                  '-cols', '200', '-O', 'UTF-8',
                                  page_file('/status?format=html'));
    my ($sick) = grep { $_->{health} eq 'down' }
                 @{ $doc->{upstreams}{app}{peers} };

    is($rc, 0, 'w3m reads it');
    like($text, qr/$_/, 'a text browser shows ' . $_)
        for '2 of 4 targets are down', 'All 4 down 2 up 2',
            "degraded app 1 of 2 servers in service", quotemeta $sick->{name},
            'Details of Shop', 'Last failure, .* http status 503',
            'HTTP/1.1 503 Too busy', 'Available 24h', 'Last 24 hours',
            'From +To +Seen', 'Events', 'is down: http status 503';
}

sub page_file {
    my ($path) = @_;
    my $file = tmp_dir() . '/page.html';

    HealthDash::Run::write_file($file, http_get(port('web'), $path)->{body});
    return $file;
}


# one row

$tree = html_tree(http_get(port('web'), '/status?format=html&row=u0p1')->{body});
is_deeply([ map { $_->{attr}{id} } html_find($tree, 'tbody.row') ], [ 'u0p1' ],
          'row= shows one alone');
is(html_text((html_find($tree, 'span.only'))[0]), 'only row u0p1',
   'and says so');


# a long page, and one with nothing in it

$t->set_conf(<<"EOF")->reload;
http {
    upstream long {
        zone long 1m;
        $servers
        server %%ADDR_bad%%;
        healthdash_check interval=1s timeout=500ms fails=1 min_up=0;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOF

ok(wait_until(sub {
    my ($page) = http_get(port('web'), '/status?format=html')->{body};

    return $page =~ m{<h1><b>1 of 202 servers is down</b>:};
}, 20), 'many servers');

$tree = html_tree(http_get(port('web'), '/status?format=html')->{body});
%body = map { $_->{attr}{id} => $_ } html_find($tree, 'tbody.row');
is(scalar keys %body, 202, 'all are there');
is(scalar(html_find($body{u0p0}, 'dl')), 0, 'what is up is not explained');
is((html_find($body{u0p0}, 'a'))[0]{attr}{href}, '?format=html&row=u0p0',
   'but it can be asked for');
is(scalar(html_find($body{u0p201}, 'dl')), 1, 'what is down is');

for my $svg (html_find($body{u0p0}, 'svg.strip')) {
    like($svg->{attr}{'aria-label'}, qr/^last .* available/, 'a summary');
    is(scalar(html_find($svg, 'title')), 0, 'of what is up no more is said');
}

for my $svg (html_find($body{u0p201}, 'svg.strip')) {
    my @down = html_find($svg, 'path.down');

    ok(scalar @down, 'what is down is drawn');
    like(html_text((html_find($down[0], 'title'))[0]),
         qr/ available, down for /, 'and says what was seen');
}

$t->set_conf(<<'EOF')->reload;
http {
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOF

ok(wait_until(sub {
    http_get(port('web'), '/status?format=html')->{body} =~ /Nothing is probed/
}, 20), 'nothing is probed');

my $frame = http_get(port('web'), '/status?format=html')->{body};

cmp_ok(length $frame, '<=', 60_000, 'frame, style and script: 60 kB at most');
cmp_ok(length Compress::Zlib::memGzip($frame), '<=', 20_000,
       'compressed: 20 kB at most');
note(length $frame, ' bytes, ', length Compress::Zlib::memGzip($frame),
     ' compressed');

done_testing();

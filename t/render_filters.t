#!/usr/bin/perl

# Tests for the arguments of the status: they choose what is shown, never what
# is summed up, and a value they can not have is an error (A59, A63).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use JSON::PP ();

use HealthDash::Status qw(schema_errors html_tree html_find html_text
                          html_rows text_rows);

my ($good, $bad) = backends(qw(good bad));

$bad->set(status => 503);

HealthDash->new(http => <<'EOF')->start;
    healthdash_probe p { interval 200ms; fast 100ms; timeout 20s; fails 1; }

    upstream app {
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check probe=p group=Shop min_up=0;
    }
    upstream "a b+c&d" {
        server %%ADDR_good%%;
        healthdash_check probe=p host=x;
        healthdash_check probe=p host=x uri=/b "group=Käse & Brot";
    }
    healthdash_service app http://%%ADDR_good%%/ probe=p group=Shop;
    healthdash_service "100% <sure>" http://%%ADDR_bad%%/ probe=p;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /text { healthdash_status text; }
        location /html { healthdash_status html; }
    }
EOF

my $port = port('web');


# what is shown: servers as "app 1", services as "app" in quotes

sub get {
    my ($query, %arg) = @_;

    return http_request(port => $port, %arg,
                        path => ($arg{path} // '/status') . "?$query");
}


sub shown {
    my ($query) = @_;
    my $r = get($query);
    my $json = eval { JSON::PP->new->utf8->decode($r->{body}) };

    return $r->{body} if $r->{status} != 200 || !$json;

    my @list = map { "\"$_\"" } keys %{ $json->{services} };

    for my $u (keys %{ $json->{upstreams} }) {
        push @list, map { "$u " . ($_->{id} + 1) }
                    @{ $json->{upstreams}{$u}{peers} };
    }

    return join '; ', sort @list;
}


ok(wait_until(sub { get('')->{body} !~ /"unknown","kept"|"critical":\w+,"health"
                                        :"unknown"/x }, 10), 'all is probed');

my $total = get('');
my $first = JSON::PP->new->utf8->decode($total->{body});
my ($ids) = $first->{upstreams}{app}{peers}[0]{id};

is($ids, 0, 'ids count from 0');

my $spaced = 'a b+c&d 1';
my ($one, $two) = ('app 1', 'app 2');
my ($app, $sure) = ('"app"', '"100% <sure>"');
my $everything = join '; ', sort $spaced, $one, $two, $app, $sure;

my @cases = (
    [ '', $everything ],
    [ 'nonsense=1', $everything ],
    [ 'upstream=', $everything ],
    [ 'health=', $everything ],
    [ 'history=0', $everything ],
    [ 'history=1', $everything ],

    [ 'upstream=app', "$one; $two" ],
    [ 'upstream=ap', '' ],
    [ 'upstream=App', '' ],
    [ 'upstream=app%00', '' ],
    [ 'UPSTREAM=app', "$one; $two" ],
    [ 'upstream=%61%70%70', "$one; $two" ],
    [ 'upstream=a+b%2Bc%26d', $spaced ],
    [ 'upstream=a%20b%2bc%26d', $spaced ],
    [ 'upstream=a+b+c%26d', '' ],
    [ 'upstream=a%2520b%2Bc%26d', '' ],

    [ 'service=app', $app ],
    [ 'service=100%25+%3Csure%3E', $sure ],
    [ 'service=100%', '' ],
    [ 'service=100%2', '' ],
    [ 'service=%zz', '' ],
    [ 'service=none', '' ],
    [ 'upstream=app&service=app', join '; ', sort $app, $one, $two ],
    [ 'upstream=none&service=app', $app ],

    [ 'group=Shop', join '; ', sort $app, $one, $two ],
    [ 'group=K%C3%A4se+%26+Brot', $spaced ],
    [ 'group=shop', '' ],
    [ 'group=%FF', '' ],

    [ 'health=up', join '; ', sort $spaced, $app, $one ],
    [ 'health=down', join '; ', sort $sure, $two ],
    [ 'health=%64own', join '; ', sort $sure, $two ],
    [ 'health=degraded', '' ],
    [ 'health=unknown', '' ],
    [ 'health=paused', '' ],

    [ 'health=down&upstream=app', $two ],
    [ 'health=down&group=Shop', $two ],
    [ 'health=up&service=100%25+%3Csure%3E', '' ],
    [ 'group=Shop&upstream=a+b%2Bc%26d', '' ],
    [ 'upstream=app&format=json&health=up', $one ],
);

for my $case (@cases) {
    my ($query, $want) = @$case;

    is(shown($query), $want, "?$query");
}

my @texts = map { get($_->[0])->{body} } @cases;
my @errors = grep { length } schema_errors(@texts);

is_deeply(\@errors, [], 'all of these are valid');

for my $text (@texts) {
    my $doc = JSON::PP->new->utf8->decode($text);

    next if $doc->{health} eq 'down'
            && $doc->{summary}{servers}{up} == 2
            && $doc->{summary}{servers}{down} == 1
            && $doc->{summary}{services}{down} == 1;

    fail('a filter changed the sums: ' . substr $text, 0, 300);
}

is(JSON::PP->new->utf8->decode(get('health=up')->{body})
       ->{upstreams}{app}{health}, 'degraded',
   'an upstream is what it is, also when only its good server is shown');


# page and text show the same, and say that something is left out

for my $query ('upstream=app', 'health=down', 'service=app', 'group=none',
               'upstream=a+b%2Bc%26d')
{
    my $html = html_rows(html_tree(get($query, path => '/html')->{body}));
    my $text = text_rows(get($query, path => '/text')->{body});
    my %summary;

    for my $rows ($html, $text) {
        my @list;

        for my $u (grep { length } keys %$rows) {
            push @list, map { "$u $_->{name}" =~ s/ weight=.*//r }
                        @{ $rows->{$u} };
        }

        $summary{$rows} = join '; ', sort @list;
    }

    is($summary{$text}, $summary{$html}, "?$query: page and text agree");

    my $n = split /; /, shown($query);
    my $m = () = $summary{$html} =~ /(?:^|; )/g;

    is(length $summary{$html} ? $m : 0, $n, 'with the JSON, too');
}

like(get('health=paused', path => '/text')->{body},
     qr/^Nothing matches: health=paused$/m, 'the text says what was asked');
like(get('group=%3Cb%3E%1b[31m', path => '/text')->{body},
     qr/^Nothing matches: group=<b>\xef\xbf\xbd\[31m$/m,
     'without what it should not repeat');

{
    my $tree = html_tree(get('group=%3Cb%20x%3D%22%3E%27%FF%E2%80%AE',
                             path => '/html')->{body});
    my ($only) = html_find($tree, 'span.only');

    is(html_text($only), "only group <b x=\">'\x{fffd}\x{fffd}",
       'the page shows a hostile argument as text');
    is(html_text((html_find($tree, 'h2'))[0]), 'Nothing matches',
       'and says that nothing matches');
}


# values they can not have

my $formats = 'unknown format, expected "json", "html", "text", "csv", '
              . '"health", "atom", "badge" or "events"';

for my $case ([ 'health=sick', 'unknown health, expected "up", "degraded", '
                               . '"down", "unknown" or "paused"' ],
              [ 'health=UP', 'unknown health, expected "up", "degraded", '
                             . '"down", "unknown" or "paused"' ],
              [ 'health=up%00', 'unknown health, expected "up", "degraded", '
                                . '"down", "unknown" or "paused"' ],
              [ 'history=2', 'history must be "0" or "1"' ],
              [ 'history=yes', 'history must be "0" or "1"' ],
              [ 'color=red', 'color must be "0" or "1"' ],
              (map { [ "events=$_", 'events must be a number from 0 to 1024' ] }
                   qw(1025 -1 all 1e2 0x10 99999999999999999999 %00)),
              [ 'format=xml', $formats ],
              [ 'format=', $formats ],
              [ 'format=xml&health=sick', $formats ])
{
    my ($query, $text) = @$case;
    my $r = get($query);

    is($r->{status}, 400, "?$query: 400");
    is_deeply(eval { JSON::PP->new->utf8->decode($r->{body}) },
              { error => { status => 400, text => $text } },
              'an object that says what was expected');
    is($r->{headers}{'content-type'}, 'application/json', 'as JSON');
    is($r->{headers}{'cache-control'}, 'no-store', 'not to be stored');
}

for my $path ('/html', '/text') {
    my $r = get('health=%3Cb%3E', path => $path);

    is_deeply([ @$r{qw(status body)}, $r->{headers}{'content-type'} ],
              [ 400, 'unknown health, expected "up", "degraded", "down", '
                     . "\"unknown\" or \"paused\"\n",
                'text/plain; charset=utf-8' ], "$path: a plain sentence");
}

is(get('format=html', path => '/text')->{headers}{'content-type'},
   'text/plain; charset=utf-8', 'a fixed format has no argument');
is(get('format=xml', path => '/text')->{status}, 200, 'and no error of it');

done_testing();

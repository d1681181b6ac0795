#!/usr/bin/perl

# Tests for text that came from outside, in names and in what backends answer:
# it is shown as text, never as markup or as orders to a terminal (A60, A58).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Encode ();
use JSON::PP ();

use HealthDash::Status qw(schema_errors status_doc html_tree html_find
                          html_text html_rows text_rows);

my $img = '<img src=x onerror=alert(1)>';

# what a backend may answer, each for a server of its own

my %evil = (
    img      => $img,
    script   => '</td></table></style><script>alert(1)</script>',
    quotes   => q{"'><svg/onload=alert(1)>&lt;b&gt;&amp;&#60;},
    ansi     => "\e[2J\e[31mred\e]0;title\x07\x9b2J",
    nul      => "before\0after",
    invalid  => "\xff\xfe\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80\xe2\x82",
    rtl      => "\xe2\x80\xaegnp.exe\xe2\x81\xa6\xd8\x9c\xe2\x80\x8f",
    lines    => "one\xe2\x80\xa8two\xe2\x80\xa9three\ttab",
    json     => '","health":"up","x":"\\u003cb\\u003e\\',
    long     => '<b>' x 1366,
    wide     => "\xf0\x9f\x98\x80" x 1024,
    format   => '%s%n%V%d%*s',
);
my @evil = sort keys %evil;

# where it stands in the answer

my %place = (
    status => sub { (raw => "HTTP/1.1 503 $_[0]\r\nContent-Length: 0\r\n"
                            . "\r\n") },
    line   => sub { (raw => "$_[0]\r\n\r\n") },
    header => sub { (raw => "HTTP/1.1 200 OK\r\nX-State: $_[0]\r\n"
                            . "Content-Length: 0\r\n\r\n") },
    name   => sub { (raw => "HTTP/1.1 200 OK\r\nX-State: a\r\n$_[0]: b\r\n"
                            . "Content-Length: 0\r\n\r\n") },
    body   => sub { (body => $_[0], status => 200) },
);

my $b = backend('b');
my $upstreams = '';

for my $place (sort keys %place) {
    $upstreams .= "upstream $place {\nzone $place 128k;\n";

    for my $i (0 .. $#evil) {
        $b->set("/$place/$i", $place{$place}->($evil{$evil[$i]}));
    }

    # one server with a check for each

    $upstreams .= "server %%ADDR_b%%;\n";
    $upstreams .= "healthdash_check probe=${place}_$_;\n" for 0 .. $#evil;
    $upstreams .= "}\n";
}

my $probes = join '', map {
    my $place = $_;

    map { "healthdash_probe ${place}_$_ {\n"
          . "uri /$place/$_; interval 300ms; fast 300ms; timeout 20s;\n"
          . "fails 1; min_up 0;\n"
          . ($place =~ /header|name/ ? "expect header X-State = good;\n" : '')
          . ($place eq 'body' ? "expect body = good;\n" : '')
          . "}\n" } 0 .. $#evil
} sort keys %place;


# and names

my $quote = sub { '"' . $_[0] =~ s/(["\\])/\\$1/gr . '"' };
my $names = '';
my @names;

for my $key (grep { $_ ne 'nul' } @evil) {
    my $name = substr $evil{$key}, 0, 200;
    my $q = $quote->($name);

    # names of upstreams and services and their texts must be fit to be
    # printed, zones and servers, as nginx has them, need not be

    my $printable = $key !~ /^(?:ansi|invalid|rtl|lines)$/;

    $names .= 'upstream ' . ($printable ? $q : "bad_$key")
              . " { zone $q 64k;\nserver "
              . $quote->("unix:/" . substr $name =~ s/[:\/]//gr, 0, 80)
              . ";\nhealthdash_check probe=plain host=x; }\n";

    next if !$printable;

    push @names, $name;
    $names .= "healthdash_service $q tcp://127.0.0.1:1 probe=plain "
              . join(' ', map { $quote->("$_=$name") } qw(group description))
              . " link=https://example.com/"
              . ($name =~ s/([^a-z])/sprintf '%%%02x', ord $1/ger) . ";\n";
}

$names .= 'healthdash_service linked tcp://127.0.0.1:1 probe=plain '
          . q{"link=https://example.com/\\"><script>alert(1)</script>'&x";}
          . "\n";

my $t = HealthDash->new(http => <<EOF)->start;
    healthdash_title "<b>&\\"'</title><script>";
    healthdash_probe plain {
        interval 300ms; fast 300ms; timeout 20s; fails 1;
    }
    $probes
    $upstreams
    $names

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

my $doc;

ok(wait_until(sub {
    ($doc) = status_doc(port('web'));

    return !grep { $_->{health_checks}{checks} < @evil / 2 }
           map { @{ $doc->{upstreams}{$_}{peers} } } keys %place;
}, 10, 'all results'), 'all is probed');

ok(wait_until(sub {
    ($doc) = status_doc(port('web'));

    return $doc->{health} eq 'down'
           && !grep { !$_->{health_checks}{checks} }
              map { $_->{checks} ? @{ $_->{checks} } : $_ }
              map { @{ $_->{peers} } } values %{ $doc->{upstreams} };
}, 10, 'all results'), 'every check has a result');


# all three formats

my ($json, $text, $html) = map {
    http_get(port('web'), "/status?format=$_")->{body}
} qw(json text html);
my $chars = eval { Encode::decode('UTF-8', $text, Encode::FB_CROAK
                                                  | Encode::LEAVE_SRC) };

is(schema_errors($json), '', 'the JSON is valid');
ok($json !~ /</, 'without any "<"');
ok($json !~ /[\x00-\x09\x0b-\x1f\x7f]/, 'or control character');

my $tree = eval { html_tree($html) };

ok($tree, 'the page is well-formed') or diag($@);
is(scalar(html_find($tree, 'style')), 1, 'one style sheet');
is(scalar(html_find($tree, 'script')), 1, 'and one script');
is(scalar(html_find($tree, 'table')),
   (() = $html =~ /<table class="(?:peers|services|past)">/g),
   'no more tables than were written');

ok(defined $chars, 'the text is UTF-8');
ok($text !~ /[\x00-\x09\x0b-\x1f\x7f]/, 'no order to a terminal is in it');
ok($chars !~ /[\x{80}-\x{9f}\x{61c}\x{200e}\x{200f}\x{2028}-\x{202e}]/
   && $chars !~ /[\x{2066}-\x{2069}]/, 'nor what turns or ends a line');


# each place shows something of it, cut, in all formats

my $page = html_rows($tree);
my $rows = text_rows($text);

for my $place (sort keys %place) {
    my $checks = $doc->{upstreams}{$place}{peers}[0]{checks};
    my @shown = map { $_->{reason}{text} // '' } @$checks;

    is(scalar(grep { length } @shown), scalar @evil,
       "$place: all have reasons");
    ok(!grep({ length Encode::encode('UTF-8', $_) > 160 } @shown),
       'none is long');
    note($_) for map { Encode::encode('UTF-8', $_) } @shown[0, 3];

    is_deeply([ map { $_->{result} =~ s/\s+/ /gr }
                @{ $page->{$place}[0]{list} } ],
              [ map { $_->{result} =~ s/\s+/ /gr }
                @{ $rows->{$place}[0]{list} } ],
              'the page shows what the text shows');
    is_deeply([ map { $_->{result} } @{ $page->{$place}[0]{list} } ], \@shown,
              'and what the JSON says');
}

# the body or header that was found is quoted in the reason

my %at = map { $evil[$_] => $_ } 0 .. $#evil;

for my $place ('header', 'body') {
    my $checks = $doc->{upstreams}{$place}{peers}[0]{checks};
    my $seen = $checks->[$at{img}]{reason}{text};

    like($seen, qr/\Q$img\E/, "$place: the JSON holds it as it was")
        if $place eq 'header';
    ok(index($page->{$place}[0]{list}[$at{img}]{result}, $seen) >= 0,
       'the page the same, as text');
}


# names

for my $name (@names) {
    my $char = Encode::decode('UTF-8', $name);
    my $shown = $name =~ s/([^ -~])/sprintf '\x%02x', ord $1/ger;

    $shown = substr $shown, 0, 40;

    ok($page->{$char}, "upstream $shown: on the page");
    ok(index($chars, "\nupstream $char: ") >= 0, 'in the text');
    is($doc->{services}{$char}{description}, $char, 'as a service in the JSON');

    my ($row) = grep { $_->{name} eq $char } @{ $page->{services} };

    ok($row, 'on the page');
    like($row->{notes}, qr/^\Q$char\E, tcp:/, 'with its description');
}

my ($title) = html_find($tree, 'title');

like(html_text($title), qr/^\d+ down - <b>&"'<\/title>/,
     'the title is text');

my @links = map { $_->{attr}{href} } html_find($tree, 'a');
my ($linked) = grep { /script/ && /^https/ && !/%/ } @links;

is($linked, q{https://example.com/"><script>alert(1)</script>'&x},
   'a link is what was configured');
is_deeply([ grep { !/^(?:\?|\?health=\w+|#main|https:\/\/example\.com\/.*)$/ }
            @links ], [], 'there are no links but these');


# the log repeats answers without what a terminal obeys; the names in it are
# the operator's own

my $of = join '|', sort keys %place;
my @said = grep { /healthdash: server .* of upstream "(?:$of)"/ }
           split /\n/, $t->log;
my @bad = grep { /[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80[\xa8-\xae]/ }
          @said;

cmp_ok(scalar @said, '>=', keys %place, 'the log has lines of all');
is_deeply([ map { s/([^ -~])/sprintf '\x%02x', ord $1/ger } @bad ], [],
          'the log has no such byte');

done_testing();

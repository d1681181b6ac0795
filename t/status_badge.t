#!/usr/bin/perl

# Tests for ?format=badge: an image that says the health or the availability of
# one service or upstream, in words and colour, to eyes and to screen readers.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use utf8;

use Encode qw(encode);

use HealthDash::XML qw(xml_tree xml_find xml_text);

my ($up, $down, $slow) = backends(qw(up down slow));
my $mute = backend('mute', hang => 1);

$down->set(status => 503);
$slow->set(delay => 0.05);

my $fast = 'interval=100ms fast=100ms timeout=2s fails=1 passes=1 jitter=0%';
my $long = 'x' x 255;

my $t = HealthDash->new(workers => 2, http => encode('UTF-8', <<"EOF"))->start;
    healthdash_service Up http://%%ADDR_up%%/ $fast;
    healthdash_service Down http://%%ADDR_down%%/ $fast;
    healthdash_service Slow http://%%ADDR_slow%%/ slow=1ms $fast;
    healthdash_service Mute http://%%ADDR_mute%%/ interval=1h timeout=59s;
    healthdash_service "<b>\\"'&</b> %20+" http://%%ADDR_up%%/a $fast;
    healthdash_service "Käse 日本語" http://%%ADDR_up%%/b $fast;
    healthdash_service $long http://%%ADDR_up%%/c $fast;

    upstream app {
        zone app 256k;
        server %%ADDR_up%%;
        server %%ADDR_down%%;
        healthdash_check http $fast;
        healthdash_check tcp $fast;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /badge { healthdash_status badge; }
    }
EOF


sub get {
    my ($query, $path) = @_;

    return http_get(port('web'), ($path // '/status?format=badge&') . $query);
}


# badge(QUERY): what it shows, { left, right, title, colour, ... }

sub badge {
    my ($query, $path) = @_;
    my $r = get($query, $path);
    my $svg = xml_tree($r->{body});
    my ($g) = xml_find($svg, 'g');

    return { error => $svg->{error} } if $svg->{error};

    my @text = xml_find($g, 'text');
    my @rect = xml_find($svg, 'rect');

    return { left => $text[0]{text}, right => $text[1]{text}, rect => \@rect,
             text => \@text, status => $r->{status}, attr => $svg->{attr},
             headers => $r->{headers}, title => xml_text($svg, 'title'),
             colour => $rect[0]{attr}{fill}, width => $svg->{attr}{width} };
}


sub shows {
    my ($query) = @_;
    my $badge = badge($query);

    return "$badge->{left}: $badge->{right}";
}

my ($green, $amber, $red, $grey) = map { "#$_" }
                                  qw(1a7f37 946000 b42318 57606a);

ok(wait_until(sub {
    my $doc = hd_json($t);

    return !grep { $_->{health} eq 'unknown' }
            (map { $doc->{services}{$_} } grep { $_ ne 'Mute' }
             keys %{ $doc->{services} }),
            @{ $doc->{upstreams}{app}{peers} };
}, 20), 'all is probed');


# the state

for ([ 'service=Up', 'Up: up', $green ], [ 'service=Down', 'Down: down', $red ],
     [ 'service=Slow', 'Slow: degraded', $amber ],
     [ 'service=Mute', 'Mute: unknown', $grey ],
     [ 'upstream=app', 'app: degraded', $amber ], [ '', 'status: down', $red ])
{
    my ($query, $want, $colour) = @$_;
    my $badge = badge($query);

    is("$badge->{left}: $badge->{right}", $want, "$query: $want");
    is($badge->{colour}, $colour, "in its colour");
    is($badge->{status}, 200, 'with 200');
    is($badge->{attr}{role}, 'img', 'an image');
    is($badge->{title}, $want, 'with a title');
    is($badge->{attr}{'aria-label'}, $want, 'and a label');
}

my $badge = badge('service=Up');

is($badge->{headers}{'content-type'}, 'image/svg+xml; charset=utf-8',
   'its type');
is($badge->{headers}{'cache-control'}, 'no-store', 'is not to be kept');
is($badge->{headers}{'content-security-policy'}, "default-src 'none'",
   'and may load nothing');
is($badge->{headers}{'x-content-type-options'}, 'nosniff', 'nor be guessed at');
is(badge('service=Up', '/badge?')->{right}, 'up', 'the format of a location');


# names

$badge = badge('service=%3Cb%3E%22%27%26%3C/b%3E+%2520%2B');

is($badge->{left}, q(<b>"'&</b> %20+), 'a name with markup is text');
is($badge->{title}, q(<b>"'&</b> %20+: up), 'in the title, too');
is(shows('service=K%C3%A4se+%E6%97%A5%E6%9C%AC%E8%AA%9E'),
   'Käse 日本語: up', 'other letters');

$badge = badge("service=$long");
is($badge->{left}, 'x' x 40 . '…', 'a long name is cut');
is($badge->{title}, "$long: up", 'but not in the title');


# widths: the text fits, and what is longer is wider

for my $query ('service=Up', 'service=Slow', "service=$long",
               'service=K%C3%A4se+%E6%97%A5%E6%9C%AC%E8%AA%9E')
{
    my $b = badge($query);
    my ($l, $r) = map { $_->{attr} } @{ $b->{text} };
    my $edge = $b->{rect}[1]{attr}{width};

    ok($l->{x} + $l->{textLength} < $edge
       && $r->{x} > $edge && $r->{x} + $r->{textLength} < $b->{width},
       "$query: both texts are within their halves");
}

cmp_ok(badge('service=Slow')->{width}, '>', badge('service=Up')->{width},
       'a longer badge is wider');


# availability

ok(wait_until(sub { shows('service=Up&window=1h') eq 'Up 1h: 100 %' }, 20),
   'always up');
is(badge('service=Up&window=30d')->{colour}, $green, 'is green');
like(badge('service=Up&window=30d')->{title},
     qr/^Up: 100 % in 30d, of which \d+ % are known$/,
     'the title says how much is known');
ok(wait_until(sub { shows('service=Down&window=7d') eq 'Down 7d: 0.00 %' },
              20), 'always down');
is(badge('service=Down&window=7d')->{colour}, $red, 'is red');
is(shows('service=Mute&window=24h'), 'Mute 24h: no data', 'never known');
is(badge('service=Mute&window=24h')->{colour}, $grey, 'is grey');
ok(wait_until(sub { shows('upstream=app&window=90d') eq 'app 90d: 100 %' },
              20), 'an upstream as its best server');

$up->set(status => 500);

ok(wait_until(sub { shows('service=Up') eq 'Up: down' }, 20), 'it goes down');
ok(wait_until(sub { my $b = badge('service=Up&window=1h');
                    $b->{right} =~ /^\d{1,2}\.\d\d %$/
                    && $b->{colour} ne $green }, 20), 'which costs percents');


# what can not be shown

for ([ 'service=nope', 'service' ], [ 'upstream=Up', 'upstream' ],
     [ 'service=up', 'service' ],
     [ 'service=%3Cscript%3Ealert(1)%3C/script%3E', 'service' ])
{
    my ($query, $left) = @$_;
    my $b = badge($query);

    is("$b->{status} $b->{left}: $b->{right}", "404 $left: not found",
       "$query: 404, an image all the same");
    is($b->{colour}, $grey, 'a grey one');
}

for ([ 'window=2h&service=Up', qr/^unknown window, expected "1h", "24h"/ ],
     [ 'window=1h', qr/^a window needs a name/ ],
     [ 'service=Up&upstream=app', qr/^a badge is of one/ ])
{
    my ($query, $want) = @$_;
    my $r = get($query);

    is($r->{status}, 400, "$query: 400");
    like($r->{body}, $want, 'with a sentence');
    is($r->{headers}{'content-type'}, 'text/plain; charset=utf-8',
       'in plain text');
}

is(http_get(port('web'), '/status?window=2h')->{status}, 200,
   'other formats know no window');
isnt(http_get(port('web'), '/status', Accept => 'image/svg+xml,image/*,*/*')
     ->{headers}{'content-type'}, 'image/svg+xml; charset=utf-8',
     'nobody gets a badge who did not ask for it by name');

done_testing();

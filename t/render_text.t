#!/usr/bin/perl

# Tests for the plain text: what is not up is explained, the last events are
# told, colours come only to who asks for them, and from nobody else.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Status qw(status_doc);

my ($good, $bad, $slow) = backends(qw(good bad slow));

$bad->set(status => 503, reason => "\e[31mBusy\e[0m \xff");
$slow->set(delay => 0.08);

my $t = HealthDash->new(http => <<'EOF')->start;
    healthdash_probe p { interval 200ms; fast 100ms; timeout 1s; fails 1; }
    upstream app {
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check probe=p min_up=0;
    }
    upstream slow {
        server %%ADDR_slow%%;
        healthdash_check probe=p slow=20ms;
        healthdash_check tcp probe=p;
    }
    healthdash_service "Red" http://%%ADDR_bad%%/ probe=p;
    healthdash_service "Green" http://%%ADDR_good%%/ probe=p;
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

sub text {
    my ($query) = @_;

    return http_get(port('web'), "/status?format=text&$query")->{body};
}


# without what moves with the clock

sub still {
    my ($text) = @_;

    return $text =~ s/\d[\d.]*/0/gr =~ s/\b0 (?:ms|s|min)\b|\bnow\b/N/gr
           =~ s/in N/N/gr =~ s/, at N UTC//gr =~ s/, at [\d:]+ UTC//gr
           =~ s/ +/ /gr;
}


ok(wait_until(sub {
    my ($doc) = status_doc(port('web'));
    return $doc->{summary}{servers}{up} == 1
           && $doc->{summary}{servers}{down} == 1
           && $doc->{summary}{servers}{degraded} == 1
           && $doc->{summary}{services}{up} == 1
           && $doc->{summary}{services}{down} == 1
           && !grep { !$_->{health_checks}{checks} }
                    @{ $doc->{upstreams}{slow}{peers}[0]{checks} };
}, 20, 'results'), 'one of each');

my $plain = text('');
my $bright = text('color=1');

unlike($plain, qr/\e/, 'no colours by itself');
unlike(text('color=0'), qr/\e/, 'nor with color=0');
ok(wait_until(sub {
    return still(text('color=1') =~ s/\e\[[\d;]*m//gr) eq still(text(''));
}, 20, 'two texts of one moment'), 'with color=1 the text is the same');
is_deeply([ grep { !/^\e\[(?:0|32|33|36|1;31)m$/ } $bright =~ /(\e.{0,6}?m)/g ],
          [], 'the colours are ours');
is(scalar(() = $bright =~ /\e\[0m/g), scalar(() = $bright =~ /\e\[(?!0m)/g),
   'each ends');
is($bright =~ tr/\e//, scalar(() = $bright =~ /\e\[[\d;]+m/g),
   'and none is from a target');

for ([ 'up', 32 ], [ 'degraded', 33 ], [ 'down', '1;31' ]) {
    my ($word, $color) = @$_;

    like($bright, qr/^[ !?] \e\[\Q$color\Em$word\e\[0m +\S/m,
         "a row that is $word");
}

like($bright, qr/\A\e\[1;31m2 of 5 targets are down.*\e\[0m\n/,
     'the sentence has the colour of the whole');
like($bright, qr/^upstream app: \e\[33mdegraded\e\[0m, 1 of 2 servers/m,
     'an upstream has its own');
like($bright, qr/^  \S+Z  \e\[1;31mRed is down: .*\e\[0m$/m,
     'an event has that of what it led to');


# explained is what is not well, below its row

my @lines = split /\n/, $plain;
my ($row) = grep { $lines[$_] =~ /^! down +\Q${\$bad->address}\E/ }
            0 .. $#lines;

like($lines[$row + 1], qr/^      It is down since [\d:]+ UTC, for \d+ s: http /,
     'below a server that is down');
like($lines[$row + 3],
     qr/^      The answer began with HTTP\/1\.1 503 [^\e]+31mBusy[^\e]*\.$/,
     'what it sent, without its colours');

my ($well) = grep { $lines[$_] =~ /^  up +\Q${\$good->address}\E/ }
             0 .. $#lines;

unlike($lines[$well + 1], qr/^      /, 'what is up needs none');
like($plain, qr/^\ \ up\ +-\ p\ \(tcp\).*\n
                 \ {6}It\ is\ degraded\ since\ .*\n
                 \ {6}This\ is\ said\ by\ the\ worst\ of\ its\ 2\ checks/mx,
     'below all checks of a server stands why it is what it is');


# events

my ($doc) = status_doc(port('web'), '/status?format=json&events=1024');
my @all = reverse @{ $doc->{events} };

for my $n (0, 1, 3, 1024) {
    my @shown = text("events=$n") =~ /^  (\S+Z  .*)$/mg;
    my @want = map { "$_->{time}  $_->{text}" } @all;

    $#want = $n - 1 if @want > $n;

    is_deeply([ @shown[0 .. ($n > 100 ? $#want : $#shown)] ], \@want,
              "events=$n");
}

unlike(text('events=0'), qr/^events/m, 'no heading without events');

done_testing();

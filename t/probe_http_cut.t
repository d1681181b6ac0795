#!/usr/bin/perl

# Tests for answers that end too early, at each byte, and for answers that come
# byte by byte (A43).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server judged);

my $header = "HTTP/1.1 200 OK\r\nX-A: b\r\n";
my $interim = "HTTP/1.1 100 Continue\r\n\r\n";
my $closed = 'down: connection closed without response';
my $within = 'down: response cut short: within the header';

# name => [ header, body, end of the body, what is said of a cut body: bytes
# of it so far => text ]

my %answer = (
    length => [ "${header}Content-Length: 12\r\n\r\n", 'Hello there!', sub {
        my ($sent) = @_;
        return 'down: response cut short: ' . length($sent)
               . ' of 12 bytes of the body';
    } ],

    chunks => [ "${header}Transfer-Encoding: chunked\r\n\r\n",
                "5;e=1\r\nHello\r\n7\r\n there!\r\n0\r\nX-T: u\r\n\r\n", sub {
        my ($sent) = @_;
        my $n = 0;

        $n += length $1 if $sent =~ /^5;e=1\r\n(.{0,5})/s;
        $n += length $1 if $sent =~ /^5;e=1\r\nHello\r\n7\r\n(.{0,7})/s;
        return "down: response cut short: within a chunked body, after $n"
               . ' bytes';
    } ],
);

my $b = backend('b1');
my (@rows, @conf);

sub row {
    my ($name, $want, $how, $parameters) = @_;
    my $path = '/' . @rows;

    $b->set($path, %$how);
    push @rows, [ $name, $want ];
    push @conf, service($name, 'http://' . $b->address . $path,
                        'interval=300ms ' . ($parameters // ''));
}

for my $name (sort keys %answer) {
    my ($head, $body, $text) = @{ $answer{$name} };
    my $whole = $head . $body;

    for my $n (0 .. length($whole) - 1) {
        row("$name, $n bytes",
            $n == 0 ? $closed
            : $n < length $head ? $within
            : $text->(substr $body, 0, $n - length $head),
            { raw => substr $whole, 0, $n });
    }

    row("$name, all bytes", 'up', { raw => $whole }, 'probe=hello');
    row("$name, all bytes and more", 'up', { raw => "${whole}more" },
        'probe=hello');
    row("$name, byte by byte", 'up', { raw => $whole, drip => 0.001 },
        'probe=hello');
    row("$name, byte by byte after an interim answer", 'up',
        { raw => $interim . $whole, drip => 0.001 }, 'probe=hello');
    row("$name, in pieces of 7 bytes", 'up',
        { raw => $interim . $whole, drip => 0.001, drip_size => 7 },
        'probe=hello');
}

# an interim answer alone is no answer

for my $n (1 .. length $interim) {
    row("interim answer, $n bytes",
        $n < length $interim ? $within : $closed,
        { raw => substr $interim, 0, $n });
}

row('an interim answer, then a cut one', $within,
    { raw => "${interim}HTTP/1.1 2" });

# without a length a cut cannot be seen, but what is missing can

row('until close', 'up', { raw => "$header\r\nHello there!" }, 'probe=hello');
row('until close, cut', qr/^down: body: expected "Hello there!", got "Hello"/,
    { raw => "$header\r\nHello" }, 'probe=hello');

# a length that is never reached

row('an answer that stops', 'down: response timed out after 500ms',
    { body => 'Hello there!', body_delay => 60 }, 'timeout=500ms');

my $t = HealthDash->new(http => join('',
    'healthdash_probe hello { type http; expect body = "Hello there!"; }',
    @conf, status_server()))->start;

judged($t, @rows);

done_testing();

#!/usr/bin/perl

# Tests for the status and live locations as HTTP: methods, headers, choice of
# the format, and other parts of nginx around them (A59, A61, A62).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Digest::SHA ();
use Errno ();
use IO::Uncompress::Gunzip ();
use JSON::PP ();

use HealthDash::Status qw(schema_errors connect_to html_tree run_command);

my $bad = backend('bad', status => 503);
my $listed = join '', map { my $n = $_;
    "upstream big$n {\n"
    . join('', map { "server 127.4.$n.$_:1;\n" } 1 .. 200)
    . "healthdash_check interval=5s timeout=20s fails=1;\n}\n"
} 1 .. 5;

my $t = HealthDash->new(workers => 2, http => <<EOF)->start;
    healthdash_title "HTTP";
    upstream app {
        server %%ADDR_bad%%;
        healthdash_check interval=200ms timeout=20s fast=100ms fails=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        listen 127.0.0.1:%%PORT_h2%% http2;
        root %%DIR%%;

        location /status { healthdash_status; }
        location /json { healthdash_status json; }
        location /html { healthdash_status html; }
        location /text { healthdash_status text; }
        location /live { healthdash_live; }

        location /gzip/ {
            gzip on;
            gzip_types *;
            gzip_min_length 1;
            gzip_vary on;
            location /gzip/status { healthdash_status; }
        }

        location /ssi { ssi on; ssi_types *; }
        location /error { error_page 503 /json; return 503; }
        location /named { error_page 503 \@named; return 503; }
        location \@named { healthdash_status json; }
        location /auth { auth_request /live; try_files /page =404; }
        location /status_denied { deny all; healthdash_status; }
        location /charset { charset koi8-r; healthdash_status text; }
        location /limit { limit_rate 20k; healthdash_status html; }
    }
EOF

write_page($t->dir . '/ssi', 'a<!--# include virtual="/text" -->'
                             . 'b<!--# include virtual="/live" -->c');
write_page($t->dir . '/page', 'a page');


sub write_page {
    my ($file, $text) = @_;

    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh;
    chmod 0644, $file;
}


my $port = port('web');

sub ask { return http_request(port => $port, @_); }

ok(wait_until(sub { ask(path => '/json')->{body} =~ /http status 503/ }, 10),
   'a server is down');


# headers, the same for GET and HEAD

my %type = (json => 'application/json', html => 'text/html; charset=utf-8',
            text => 'text/plain; charset=utf-8');

for my $format (sort keys %type) {
    my $get = ask(path => "/$format");
    my %h = %{ $get->{headers} };

    is_deeply([ $get->{status}, $h{'content-type'} ], [ 200, $type{$format} ],
              "$format: 200 and its type, though a server is down");
    is($h{'content-length'}, length $get->{body}, 'with its length');
    is_deeply([ @h{qw(cache-control x-content-type-options referrer-policy)} ],
              [ qw(no-store nosniff no-referrer) ], 'what a cache and a '
              . 'browser must know');
    ok(!grep({ exists $h{$_} } qw(etag last-modified set-cookie vary
                                  accept-ranges refresh)),
       'and nothing else');

    # a length may move by the digits of a time; the rest may not

    ok(wait_until(sub {
        my $head = ask(path => "/$format", method => 'HEAD');

        $get = ask(path => "/$format");
        return length $head->{body} == 0
               && $head->{head} =~ s/^Date: .*//mr
                  eq $get->{head} =~ s/^Date: .*//mr;
    }, 5), 'HEAD has the same headers and no body');
}

{
    my $html = ask(path => '/html');
    my ($style) = $html->{body} =~ m{<style>(.*?)</style>}s;
    my ($script) = $html->{body} =~ m{<script>(.*?)</script>\n</body>}s;
    my ($css, $js) = map { Digest::SHA::sha256_base64($_) . '=' }
                     $style, $script;

    is($html->{headers}{'content-security-policy'},
       "default-src 'none'; style-src 'sha256-$css'; "
       . "script-src 'sha256-$js'; connect-src 'self'; img-src data:; "
       . "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
       'the policy allows style sheet and script by their hashes, requests '
       . 'to where the page came from, and nothing else');
}


# methods

for my $path ('/status', '/json', '/live') {
    for my $method (qw(POST PUT DELETE OPTIONS PATCH PROPFIND)) {
        my $r = ask(path => $path, method => $method,
                    body => $method =~ /^P[OU]/ ? 'x' x 100_000 : undef);

        is_deeply([ $r->{status}, $r->{headers}{allow} ],
                  [ 405, 'GET, HEAD' ], "$method $path: 405, with Allow");
    }
}

is_deeply(JSON::PP->new->decode(ask(path => '/json', method => 'POST')
                                    ->{body}),
          { error => { status => 405,
                       text => 'only GET and HEAD are allowed here' } },
          'as an object');
is(ask(path => '/html?health=x', method => 'POST')->{body},
   "only GET and HEAD are allowed here\n", 'or a sentence');
is(ask(path => '/json', body => 'health=x' x 1000)->{status}, 200,
   'the body of a GET is not read');


# which format

sub format_of {
    my ($accept, $query) = @_;
    my $r = ask(path => '/status' . ($query // ''),
                headers => { Accept => $accept });
    my ($format) = grep { $type{$_} eq $r->{headers}{'content-type'} }
                   keys %type;

    return ($format // $r->{headers}{'content-type'})
           . ($r->{headers}{vary} ? ', vary ' . $r->{headers}{vary} : '');
}


my $browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,'
              . 'image/avif,image/webp,*/*;q=0.8';

for my $case (
    [ undef, 'json' ],
    [ '', 'json' ],
    [ '*/*', 'json' ],
    [ $browser, 'html' ],
    [ 'text/html', 'html' ],
    [ 'TEXT/HTML', 'html' ],
    [ 'text/plain', 'text' ],
    [ 'text/*', 'html' ],
    [ 'application/*', 'json' ],
    [ 'application/json', 'json' ],
    [ 'text/html;q=0.5, application/json;q=0.4', 'html' ],
    [ 'text/html;q=0.4, application/json;q=0.5', 'json' ],
    [ 'text/html;level=1;q=0.4, text/plain;q=0.41', 'text' ],
    [ 'text/html ; q=0.4 , text/plain ;q=1.000 ', 'text' ],
    [ 'text/html;q=0', 'json' ],
    [ '*/*;q=0.9, text/html;q=0.1', 'json' ],
    [ '*/*;q=0.1, text/plain;q=0.2', 'text' ],
    [ 'text/*;q=0.3, text/html;q=0.1, */*;q=0.2', 'text' ],
    [ 'application/json;q=0, */*', 'html' ],
    [ 'image/png', 'json' ],
    [ 'text/html;q=rubbish', 'html' ],
    [ ',,;;q=,/,*', 'json' ],
    [ 'x' x 4000, 'json' ],
) {
    my ($accept, $want) = @$case;
    my $shown = defined $accept ? '"' . substr($accept, 0, 60) . '"' : 'none';

    is(format_of($accept), "$want, vary Accept", "Accept $shown");
}

is(format_of('text/html', '?format=text'), 'text', '?format= comes first');
is(format_of('text/html', '?x=1&format=json'), 'json', 'wherever it stands');
is(format_of('text/html', '?format=html'), 'html',
   'the answer depends on no header then');
is(format_of('text/html', '?format=nope'),
   'text, vary Accept', 'an error has the format that was asked for');

{
    my $r = ask(path => '/json', headers => { Accept => 'text/html' });

    is_deeply([ @{ $r->{headers} }{qw(content-type vary)} ],
              [ 'application/json', undef ], 'a fixed format stays');
}

is(http_raw($port, "GET /status HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n"
                   . "Accept: text/html;q=0.9\r\nConnection: close\r\n\r\n")
   =~ /Content-Type: (\S+);/ && $1, 'text/plain', 'two Accept headers');


# live

{
    my $r = ask(path => '/live');

    is_deeply([ @$r{qw(status body)}, $r->{headers}{'content-type'},
                $r->{headers}{'cache-control'} ],
              [ 200, "ok\n", 'text/plain; charset=utf-8', 'no-store' ],
              'live answers, whatever is down');
    is(ask(path => '/live', method => 'HEAD')->{headers}{'content-length'}, 3,
       'also HEAD');
}


# other parts of nginx

{
    my $r = ask(path => '/gzip/status?format=json',
                headers => { 'Accept-Encoding' => 'gzip' });
    my $plain = '';

    is($r->{headers}{'content-encoding'}, 'gzip', 'gzip: it is');
    IO::Uncompress::Gunzip::gunzip(\$r->{body}, \$plain);
    is(schema_errors($plain), '', 'and whole');

    $r = ask(path => '/gzip/status', headers => { Accept => 'text/html' });
    like($r->{headers}{vary}, qr/Accept\b(?!-)/, 'Vary names both: Accept');
    like($r->{headers}{vary}, qr/Accept-Encoding/, 'and Accept-Encoding');
    ok(eval { html_tree($r->{body}) }, 'a client without gzip gets it plain')
        or diag($@);
}

{
    my $r = ask(path => '/ssi');

    ok($r->{body} =~ /^a1 of 1 server is down: .*\nbok\nc\z/s,
       'SSI: text and live stand in a page') or diag($r->{body});
}

for my $path ('/error', '/named') {
    my $r = ask(path => $path);

    is($r->{status}, 503, "error_page, $path: its status");
    is(schema_errors($r->{body}), '', 'and our JSON');

    $r = ask(path => $path, method => 'HEAD');
    is_deeply([ @$r{qw(status body)} ], [ 503, '' ], 'HEAD, too');
}

is(ask(path => '/auth')->{body}, 'a page', 'auth_request: live lets through');
is(ask(path => '/status_denied')->{status}, 403,
   'who may not read it does not');
is(ask(path => '/charset')->{headers}{'content-type'},
   'text/plain; charset=utf-8', 'the charset of a location is not ours');


# HTTP/1.0, pipelining, HTTP/2

{
    my $raw = http_raw($port, "GET /json HTTP/1.0\r\n\r\n");

    like($raw, qr/^HTTP\/1\.1 200/, 'HTTP/1.0: answered');
    unlike($raw, qr/^Transfer-Encoding/mi, 'without chunks');
    is(schema_errors($raw =~ s/^.*?\r\n\r\n//sr), '', 'and valid');

    $raw = http_raw($port, "GET /live HTTP/1.1\r\nHost: a\r\n\r\n"
                           . "POST /live HTTP/1.1\r\nHost: a\r\n"
                           . "Content-Length: 5\r\n\r\nhello"
                           . "HEAD /json HTTP/1.1\r\nHost: a\r\n\r\n"
                           . "GET /live HTTP/1.1\r\nHost: a\r\n"
                           . "Connection: close\r\n\r\n");

    is(join(' ', $raw =~ /^HTTP\/1\.1 (\d+)/mg), '200 405 200 200',
       'one after the other on a connection');
}

for my $case ([ '/json' ], [ '/html' ], [ '/json', '--head' ],
              [ '/json', '-X', 'POST' ])
{
    my ($path, @flags) = @$case;
    my ($rc, $out) = run_command('curl', '-s', '-i', '--max-time', 10,
                                 '--http2-prior-knowledge', @flags,
                                 'http://127.0.0.1:' . port('h2') . $path);
    my ($head, $body) = split /\r\n\r\n/, $out, 2;

    is($rc, 0, "HTTP/2, @$case: curl is content") or diag($out);
    like($head, $flags[1] ? qr/^HTTP\/2 405 .*^allow: GET, HEAD/ms
                          : qr/^HTTP\/2 200/, 'its status');
    like($head, qr/^cache-control: no-store\r?$/mi, 'its headers');

    if ($flags[0]) {
        ok($flags[1] ? $body =~ /"error"/ : $body eq '', 'its body');
    } elsif ($path eq '/json') {
        is(schema_errors($body), '', 'a valid body');
    } else {
        ok(eval { html_tree($body) }, 'a whole page');
    }
}


# a slow client: what it gets is one picture, however long it takes

$t->set_conf(<<EOF)->reload;
http {
    $listed
    server {
        listen 127.0.0.1:%%PORT_web%% sndbuf=8k;
        location /json { healthdash_status json; }
        location /html { healthdash_status html; }
    }
}
EOF

ok(wait_until(sub { ask(path => '/json?upstream=big1')->{body}
                        !~ /"health":"unknown"/ }, 15, 'results'),
   'most of 1000 targets have results');

{
    my @fh = map { connect_to($port, buffer => 4096) } 0 .. 2;
    my @in = ('') x 3;
    my ($open, $steps) = (3, 0);

    for my $i (0 .. 2) {
        my $path = $i == 1 ? '/html' : '/json';

        syswrite $fh[$i], "GET $path HTTP/1.0\r\n\r\n";
    }

    # a few bytes at a time, with a reload in between

    while ($open) {
        $steps++;
        $t->reload(wait => 0) if $steps == 20;

        for my $i (0 .. 2) {
            next if !$fh[$i];

            my $n = sysread $fh[$i], $in[$i], 4000 + 100 * $i, length $in[$i];

            next if !defined $n && $!{EINTR};

            if (!$n) {
                undef $fh[$i];
                $open--;
            }
        }

        select undef, undef, undef, 0.002;
    }

    unlike($_, qr/^Content-Length:/mi, 'it has no length, it is streamed')
        for @in;

    s/^.*?\r\n\r\n//s for @in;

    cmp_ok(length $in[0], '>', 300_000, 'a slow client gets much');
    is_deeply([ schema_errors(@in[0, 2]) ], [ '', '' ], 'the JSON is not torn');

    my $doc = JSON::PP->new->decode($in[0]);
    my %sum = (up => 0, degraded => 0, down => 0, unknown => 0, paused => 0);

    $sum{$_->{health}}++ for map { @{ $_->{peers} } }
                             values %{ $doc->{upstreams} };
    is_deeply($doc->{summary}{servers}, \%sum, 'and of one moment');
    ok(eval { html_tree($in[1]) }, 'nor is the page') or diag($@);
}

done_testing();

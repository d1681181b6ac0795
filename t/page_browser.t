#!/usr/bin/perl

# Tests for the page in a real browser that runs no script: complete, styled,
# within its own policy, and with no request to anywhere else (A60, A63).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Compress::Zlib ();
use JSON::PP ();
use POSIX ();

use HealthDash::Browser qw(browser);
use HealthDash::Run qw(track untrack);

my ($good, $bad) = backends(qw(good bad));

# a browser asks a proxy for all that is not on 127.0.0.1: the proxy is ours

my $world = backend('world', status => 200, body => 'the world');

$bad->set(status => 503,
          reason => '<img src=http://other.test/x onerror=alert(1)>');

my $conf = <<'EOF';
    healthdash_title "Browser <b>test</b>";
    upstream app {
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check interval=200ms fast=100ms timeout=20s fails=1;
    }
    healthdash_service "<img src=http://other.test/y>" tcp://%%ADDR_good%%
        interval=200ms timeout=20s fast=100ms
        link=http://other.test/runbook
        "description=\"><script>document.title='owned'</script>";

    log_format all '$request_uri $status "$http_referer"';

    server {
        listen 127.0.0.1:%%PORT_web%%;
        access_log %%DIR%%/access.log all;
        location /status { healthdash_status; }

        location /broken { root %%TMP%%; }
    }
EOF

my $t = HealthDash->new(http => $conf)->start;
my $port = port('web');

ok(wait_until(sub { http_get($port, '/status?format=html')->{body}
                    =~ /down - Browser/ }, 10), 'a server is down');


# browse(URL, FLAGS): (what it printed, what it logged)

my $runs = 0;

sub browse {
    my ($url, @flags) = @_;
    my $dir = tmp_dir() . '/browser' . ++$runs;

    mkdir $dir or die "cannot create $dir: $!\n";

    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        HealthDash::Run::in_child();
        POSIX::setpgid(0, 0);
        @ENV{qw(HOME XDG_CONFIG_HOME XDG_CACHE_HOME)} = ($dir) x 3;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/out";
        open STDERR, '>', "$dir/log";
        exec 'chromium', '--headless', '--no-sandbox', '--disable-gpu',
             '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
             '--disable-background-networking', '--disable-component-update',
             '--disable-sync', '--disable-default-apps',
             '--disable-extensions', '--enable-logging=stderr',
             '--log-level=0', '--hide-scrollbars',
             '--proxy-server=127.0.0.1:' . port('world'),
             '--proxy-bypass-list=127.0.0.1',
             '--force-device-scale-factor=1', "--user-data-dir=$dir/data",
             "--crash-dumps-dir=$dir", '--window-size=800,600', @flags, $url
            or POSIX::_exit(127);
    }

    POSIX::setpgid($pid, $pid);
    track($pid);

    my $ended = wait_until(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, 30,
                           'the browser');
    my $code = $? >> 8;

    kill 'KILL', -$pid;
    waitpid $pid, 0 if !$ended;
    untrack($pid);

    die "the browser failed, is the package chromium installed?\n"
        . HealthDash::tail(HealthDash::slurp("$dir/log"))
        if !$ended || $code;

    return (HealthDash::slurp("$dir/out"), HealthDash::slurp("$dir/log"));
}


# the document, as the browser understood it; nothing else is asked for

my $png = tmp_dir() . '/page.png';

my $b = browser();
my @proxy = ('--proxy-server=127.0.0.1:' . port('world'),
             '--proxy-bypass-list=127.0.0.1');

sub look {
    $b->open("http://127.0.0.1:$port/status", script => JSON::PP::false,
             args => \@proxy, width => 800, height => 600, @_);
    $b->order('picture', file => $png);
    return $b->order('content');
}

my $dom = look();
my $seen = $b->seen;
my ($title) = $dom =~ m{<title>(.*?)</title>};

is($title, '1 down - Browser &lt;b&gt;test&lt;/b&gt;',
   'the state stands in the title');
like($dom, qr{<h1><b>1 of 3 targets is down</b>: 127\.0\.0\.1:\d+ of app</h1>},
     'the sentence on top');
is(() = $dom =~ /<table class="(?:peers|services)">/g, 2,
   'the tables are there');
is(() = $dom =~ /<tr class="(?:up|down)">/g, 3, 'with all rows');
like($dom, qr{<footer [^>]*>.*</footer>\s*<script>}s, 'to the end');

my $script = $dom =~ s{<script>(.*?)</script>\s*</body></html>\s*$}{}s;

ok($script, 'with our own script');
unlike($dom, qr/<(?:img|script|b>test)|<[^>]*\son\w+=/,
       'nothing from outside became markup');
like($dom, qr/&lt;img src=http:\/\/other\.test\/y&gt;/, 'but it is there');
is_deeply($seen->{console}, [], 'the policy has nothing to object to');

my %asked;

$asked{$_}++ for HealthDash::slurp($t->dir . '/access.log') =~ /^(\S+)/mg;

is_deeply([ grep { $_ !~ /^\/(?:status(?:\?format=html)?|favicon\.ico)$/ }
            sort keys %asked ], [], 'nothing but the page is asked for');

my @world = map { $_->{uri} } $world->requests(host => qr/other\.test/);

is_deeply(\@world, [], 'and no other server');


# a violation would have been seen: the same page and policy, with one of each

{
    my $r = http_get($port, '/status?format=html');
    my $policy = $r->{headers}{'content-security-policy'};
    my $page = $r->{body} =~ s{</body>}{<p style="color:red">a</p>
                                        <img src="/x.png">
                                        <script>1</script></body>}r;

    open my $fh, '>', tmp_dir() . '/broken.html' or die "open: $!\n";
    print $fh $page;
    close $fh;

    $t->set_conf("http {\n" . $conf =~ s{(location /broken \{)}{$1
        add_header Content-Security-Policy "$policy";}r . "}\n")->reload;

    my (undef, $log) = browse("http://127.0.0.1:$port/broken.html",
                              '--dump-dom');

    for my $kind ('style-src', 'img-src', 'script-src') {
        ok($log =~ /Content Security Policy.*(?:$kind|default-src)/,
           "a violation of $kind would be seen");
    }
}


# the style: what a page without it would not have

my $picture = read_png($png);

is_deeply([ @$picture{qw(width height)} ], [ 800, 600 ],
          'a picture was taken');
is(pixel($picture, 2, 2), '#f4f6f8', 'the page has its ground');
is(pixel($picture, 797, 300), '#f4f6f8', 'on both sides');

my %colour;

for my $y (map { $_ * 2 } 0 .. 299) {
    $colour{pixel($picture, $_ * 4, $y)}++ for 0 .. 199;
}

cmp_ok($colour{'#fdecea'} // 0, '>', 500, 'what is down is red');
cmp_ok($colour{'#ffffff'} // 0, '>', 500, 'tables stand on cards');
ok($colour{'#b8231a'}, 'and a mark is drawn');

look(scheme => 'dark');
is(pixel(read_png($png), 2, 2), '#0e1116', 'who likes it dark gets it dark');


# a PNG of 8 bits a channel, as Chromium writes it

sub read_png {
    my ($file) = @_;
    my $bytes = HealthDash::slurp($file);
    my ($data, %p) = ('');

    $bytes =~ s/^\x89PNG\r\n\x1a\n// or die "$file is no PNG\n";

    while (length $bytes) {
        my ($size, $type) = unpack 'N a4', $bytes;
        my $chunk = substr $bytes, 8, $size;

        substr $bytes, 0, $size + 12, '';
        @p{qw(width height depth type)} = unpack 'N N C C', $chunk
            if $type eq 'IHDR';
        $data .= $chunk if $type eq 'IDAT';
    }

    die "$file has an unknown form\n"
        if $p{depth} != 8 || $p{type} !~ /^[26]$/;

    my $n = $p{type} == 2 ? 3 : 4;
    my $width = $n * $p{width};
    my $raw = Compress::Zlib::uncompress($data);
    my @previous = (0) x $width;

    for my $y (0 .. $p{height} - 1) {
        my ($filter, @row) = unpack 'C*',
                             substr $raw, $y * ($width + 1), $width + 1;

        unfilter($filter, \@row, \@previous, $n);
        $p{rows}[$y] = pack 'C*', @row;
        @previous = @row;
    }

    $p{n} = $n;
    return \%p;
}


sub unfilter {
    my ($filter, $row, $up, $n) = @_;

    return if $filter == 0;

    for my $i (0 .. $#$row) {
        my $left = $i < $n ? 0 : $row->[$i - $n];
        my $above = $up->[$i];
        my $add;

        if ($filter == 1) {
            $add = $left;

        } elsif ($filter == 2) {
            $add = $above;

        } elsif ($filter == 3) {
            $add = ($left + $above) >> 1;

        } else {
            my $corner = $i < $n ? 0 : $up->[$i - $n];
            my ($a, $b, $c) = (abs($above - $corner), abs($left - $corner),
                               abs($left + $above - 2 * $corner));

            $add = $a <= $b && $a <= $c ? $left : $b <= $c ? $above : $corner;
        }

        $row->[$i] = ($row->[$i] + $add) & 255;
    }
}


sub pixel {
    my ($p, $x, $y) = @_;

    return sprintf '#%02x%02x%02x',
                   unpack 'C3', substr $p->{rows}[$y], $x * $p->{n}, 3;
}

done_testing();

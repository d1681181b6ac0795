package HealthDash::Client;

# A small HTTP/1.1 client for tests: one request with everything visible, and
# many requests at once with a tally.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EINPROGRESS);
use Exporter qw(import);
use Fcntl qw(F_SETFL O_NONBLOCK);
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY inet_pton pack_sockaddr_in6);
use Time::HiRes qw(time);

use HealthDash::Run qw(slow patience);

our @EXPORT_OK = qw(http_get http_request http_raw http_burst);


# http_get(PORT, PATH, Header => 'value', ...): see http_request()

sub http_get {
    my ($port, $path, %headers) = @_;

    return http_request(port => $port, path => $path, headers => \%headers);
}


# http_request(port =>, path => '/', method => 'GET', headers => { }, body =>,
# addr => '127.0.0.1', unix => PATH, timeout => 30): one request, closed after
# it.  Returns { status, reason, headers, body, head, time }; header names in
# lower case, several values joined by ", ".  Without an answer status is 0
# and reason says why.

sub http_request {
    my (%arg) = @_;
    my $method = $arg{method} // 'GET';
    my $path = $arg{path} // '/';
    my $start = time();

    my $raw = http_raw(\%arg, request_text($method, $path, $arg{headers},
                                           $arg{body}, 'close'));
    my $response = parse_response($raw, $method);

    $response->{time} = time() - $start;
    return $response;
}


sub request_text {
    my ($method, $path, $headers, $body, $connection) = @_;
    my %h = (Host => 'localhost', Connection => $connection,
             %{ $headers // {} });

    $h{'Content-Length'} = length $body if defined $body;

    return "$method $path HTTP/1.1\r\n"
           . join('', map { "$_: $h{$_}\r\n" } grep { defined $h{$_} } sort
                  keys %h)
           . "\r\n" . ($body // '');
}


# http_raw(PORT or { port =>, addr =>, unix =>, timeout => }, BYTES): sends the
# bytes and returns all that came until the other side closed or time was up.

sub http_raw {
    my ($where, $bytes) = @_;

    $where = { port => $where } if !ref $where;

    my $end = time() + ($where->{timeout} // patience()) * slow();
    my $in = '';
    my $fh = open_connection($where) or return '';

    local $SIG{PIPE} = 'IGNORE';

    while (1) {
        my ($r, $w) = ('', '');
        my $left = $end - time();

        last if $left <= 0;

        vec($r, fileno $fh, 1) = 1;
        vec($w, fileno $fh, 1) = 1 if length $bytes;

        next if select($r, length $bytes ? $w : undef, undef, $left) <= 0;

        if (length $bytes && vec $w, fileno $fh, 1) {
            my $n = syswrite $fh, $bytes;
            $bytes = defined $n ? substr $bytes, $n : $! == EAGAIN ? $bytes
                                                                   : '';
        }

        if (vec $r, fileno $fh, 1) {
            my $n = sysread $fh, $in, 65536, length $in;
            last if defined $n ? $n == 0 : $! != EAGAIN && $! != EINTR;
        }
    }

    close $fh;
    return $in;
}


sub open_connection {
    my ($where) = @_;
    my ($family, $addr) = sockaddr($where);

    socket my $fh, $family, SOCK_STREAM, 0 or return;
    fcntl $fh, F_SETFL, O_NONBLOCK;
    setsockopt $fh, IPPROTO_TCP, TCP_NODELAY, 1 if $family != PF_UNIX;
    connect $fh, $addr or $! == EINPROGRESS or return;

    return $fh;
}


sub sockaddr {
    my ($where) = @_;
    my $ip = $where->{addr} // '127.0.0.1';

    return (PF_UNIX, pack_sockaddr_un($where->{unix}))
        if defined $where->{unix};

    return (PF_INET6, pack_sockaddr_in6($where->{port},
                                        inet_pton(AF_INET6, $ip)))
        if $ip =~ /:/;

    return (PF_INET, pack_sockaddr_in($where->{port}, inet_aton($ip)));
}


sub parse_response {
    my ($raw, $method) = @_;

    return { status => 0, reason => length $raw ? 'not HTTP' : 'no answer',
             headers => {}, body => $raw, head => '' }
        if $raw !~ m{^HTTP/1\.[01] (\d{3}) ?([^\r\n]*)\r\n};

    my $response = { status => $1, reason => $2 };
    my ($head, $body) = split /\r\n\r\n/, $raw, 2;

    $response->{head} = $head;
    $response->{headers} = {};

    for (split /\r\n/, $head) {
        my ($name, $value) = /^([^:\s]+):\s*(.*?)\s*$/ or next;
        my $h = $response->{headers};

        $name = lc $name;
        $h->{$name} = exists $h->{$name} ? "$h->{$name}, $value" : $value;
    }

    $body //= '';
    $body = unchunk($body)
        if ($response->{headers}{'transfer-encoding'} // '') =~ /chunked/i
           && $method ne 'HEAD';

    $response->{body} = $body;

    return $response;
}


sub unchunk {
    my ($in) = @_;
    my $out = '';

    while ($in =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $size = hex $1;

        last if $size == 0;
        $out .= substr $in, 0, $size, '';
        $in =~ s/^\r\n//;
    }

    return $out;
}


# http_burst(PORT, PATH, N, concurrency => 10, headers => { }, keepalive => 1,
# timeout => 30): N requests over a few connections.  Returns { total,
# status => { 200 => N, ... }, backend => { b1 => N, ... } by the header
# X-Backend, errors => { text => N }, slowest => SECONDS }.

sub http_burst {
    my ($port, $path, $n, %arg) = @_;
    my $text = request_text('GET', $path, $arg{headers}, undef,
                            $arg{keepalive} // 1 ? 'keep-alive' : 'close');
    my $burst = {
        where => { port => $port, addr => $arg{addr}, unix => $arg{unix} },
        text => $text, left => $n, conn => {}, rin => '', win => '',
        tally => { total => 0, status => {}, backend => {}, errors => {},
                   slowest => 0 },
    };
    my $end = time() + ($arg{timeout} // 30) * slow();

    local $SIG{PIPE} = 'IGNORE';

    for (1 .. $arg{concurrency} // 10) {
        burst_open($burst);
    }

    while (%{ $burst->{conn} }) {
        my ($r, $w) = ($burst->{rin}, $burst->{win});
        my $left = $end - time();

        if ($left <= 0) {
            burst_end($burst, $_, 'no answer in time')
                for values %{ $burst->{conn} };
            last;
        }

        next if select($r, $w, undef, $left) <= 0;

        for my $c (values %{ $burst->{conn} }) {
            burst_write($burst, $c) if vec $w, $c->{fd}, 1;
            burst_read($burst, $c) if !$c->{closed} && vec $r, $c->{fd}, 1;
        }
    }

    $burst->{tally}{total}
        += $_ for values %{ $burst->{tally}{status} },
                  values %{ $burst->{tally}{errors} };

    return $burst->{tally};
}


sub burst_open {
    my ($burst) = @_;

    while ($burst->{left} > 0) {
        $burst->{left}--;

        my $fh = open_connection($burst->{where});

        if (!$fh) {
            $burst->{tally}{errors}{"connect: $!"}++;
            next;
        }

        my $c = { fh => $fh, fd => fileno $fh, in => '', start => time() };

        $burst->{conn}{$c->{fd}} = $c;
        vec($burst->{rin}, $c->{fd}, 1) = 1;
        vec($burst->{win}, $c->{fd}, 1) = 1;
        return;
    }
}


sub burst_write {
    my ($burst, $c) = @_;

    vec($burst->{win}, $c->{fd}, 1) = 0;

    # a request is far smaller than a socket's buffer

    if (!defined syswrite $c->{fh}, $burst->{text}) {
        burst_end($burst, $c, "write: $!");
        burst_open($burst);
    }
}


sub burst_read {
    my ($burst, $c) = @_;
    my $n = sysread $c->{fh}, $c->{in}, 65536, length $c->{in};

    return if !defined $n && ($! == EAGAIN || $! == EINTR);

    my $eof = !$n;
    my $size = response_size($c->{in}, $eof);

    if (!$size) {
        return if !$eof;

        burst_end($burst, $c, length $c->{in} ? 'cut answer' : 'closed');
        burst_open($burst);
        return;
    }

    my $response = substr $c->{in}, 0, $size, '';
    my $tally = $burst->{tally};
    my $time = time() - $c->{start};

    $tally->{status}{substr $response, 9, 3}++;
    $tally->{backend}{$1}++ if $response =~ /^X-Backend: *([^\r\n]*)/im;
    $tally->{slowest} = $time if $time > $tally->{slowest};

    if ($eof || $burst->{left} <= 0
        || $response =~ /^Connection:[ \t]*close/im)
    {
        burst_end($burst, $c);
        burst_open($burst);
        return;
    }

    $burst->{left}--;
    $c->{start} = time();
    burst_write($burst, $c);
}


sub burst_end {
    my ($burst, $c, $error) = @_;

    $burst->{tally}{errors}{$error}++ if defined $error;

    delete $burst->{conn}{$c->{fd}};
    vec($burst->{rin}, $c->{fd}, 1) = 0;
    vec($burst->{win}, $c->{fd}, 1) = 0;
    $c->{closed} = 1;
    close $c->{fh};
}


# The size of a complete response at the start of the bytes, or nothing.

sub response_size {
    my ($in, $eof) = @_;
    my $end = index $in, "\r\n\r\n";

    return if $end < 0 || $in !~ m{^HTTP/1\.[01] (\d{3})};

    my $status = $1;
    my $head = substr $in, 0, $end + 2;

    return $end + 4 if $status == 204 || $status == 304;

    if ($head =~ /^Content-Length:\s*(\d+)/im) {
        my $size = $end + 4 + $1;
        return length $in >= $size ? $size : ();
    }

    if ($head =~ /^Transfer-Encoding:.*chunked/im) {
        my $last = index $in, "\r\n0\r\n\r\n", $end;
        return $last < 0 ? () : $last + 7;
    }

    return $eof ? length $in : ();
}


1;

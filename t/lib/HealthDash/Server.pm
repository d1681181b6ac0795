package HealthDash::Server;

# The event loop behind HealthDash::Backend.  It runs in a process of its own.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EINPROGRESS);
use Fcntl qw(F_SETFL O_NONBLOCK);
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY IPPROTO_IPV6 IPV6_V6ONLY
              SO_LINGER inet_pton inet_ntop pack_sockaddr_in6
              unpack_sockaddr_in6 sockaddr_family);
use Storable ();
use Time::HiRes qw(time);

my (%listener, %conn, %server, %timer);
my ($rin, $win) = ('', '');
my ($next_timer, $next_conn) = (0, 0);

my %reason = (
    200 => 'OK', 201 => 'Created', 204 => 'No Content',
    301 => 'Moved Permanently', 302 => 'Found', 304 => 'Not Modified',
    400 => 'Bad Request', 401 => 'Unauthorized', 403 => 'Forbidden',
    404 => 'Not Found', 429 => 'Too Many Requests',
    500 => 'Internal Server Error', 502 => 'Bad Gateway',
    503 => 'Service Unavailable', 504 => 'Gateway Timeout',
);

my %op = (
    add => \&op_add, set => \&op_set, script => \&op_script,
    left => \&op_left,
    refuse => \&op_refuse, listen => \&op_listen,
    count => \&op_count, requests => \&op_requests,
    connections => \&op_connections, reset => \&op_reset,
);


# Messages between the test and this process: length, then Storable's form.

sub send_message {
    my ($fh, $message) = @_;
    my $data = Storable::nfreeze($message);

    $data = pack('N', length $data) . $data;

    local $SIG{PIPE} = 'IGNORE';

    while (length $data) {
        my $n = syswrite $fh, $data;
        next if !defined $n && $! == EINTR;
        return if !defined $n;
        substr $data, 0, $n, '';
    }
}


sub read_message {
    my ($fh) = @_;
    my $head = read_bytes($fh, 4) // return;
    my $data = read_bytes($fh, unpack 'N', $head) // return;

    return Storable::thaw($data);
}


sub read_bytes {
    my ($fh, $size) = @_;
    my $data = '';

    while (length $data < $size) {
        my $n = sysread $fh, $data, $size - length $data, length $data;
        next if !defined $n && $! == EINTR;
        return if !$n;
    }

    return $data;
}


sub run {
    my ($control) = @_;
    my $fd = fileno $control;

    $SIG{PIPE} = 'IGNORE';
    vec($rin, $fd, 1) = 1;

    while (1) {
        my ($r, $w) = ($rin, $win);
        my $n = select $r, $w, undef, next_timeout();

        run_timers() if %timer;

        next if $n <= 0;

        each_bit($w, sub { $conn{$_[0]} and flush_out($conn{$_[0]}) });

        each_bit($r, sub {
            my ($i) = @_;

            if ($conn{$i}) {
                read_conn($conn{$i});

            } elsif ($listener{$i}) {
                accept_all($listener{$i});
            }
        });

        if (vec $r, $fd, 1) {
            my $message = read_message($control) // return;
            send_message($control, handle($message));
        }
    }
}


sub each_bit {
    my ($vec, $code) = @_;
    my $bits = unpack 'b*', $vec;
    my $pos = 0;

    while (($pos = index $bits, '1', $pos) >= 0) {
        $code->($pos++);
    }
}


sub handle {
    my ($message) = @_;
    my $result;

    eval {
        $result = $op{$message->{op}}->($server{$message->{id}}, $message);
        1;

    } or do {
        my $error = $@;
        chomp $error;
        return { error => $error };
    };

    return { result => $result };
}


# Timers

sub after {
    my ($seconds, $code) = @_;

    $timer{++$next_timer} = [ time() + $seconds, $code ];
}


sub next_timeout {
    return if !%timer;

    my $first;

    for (values %timer) {
        $first = $_->[0] if !defined $first || $_->[0] < $first;
    }

    my $left = $first - time();

    return $left > 0 ? $left : 0;
}


sub run_timers {
    my $now = time();

    for my $id (sort { $timer{$a}[0] <=> $timer{$b}[0] } keys %timer) {
        last if $timer{$id}[0] > $now;

        my $code = (delete $timer{$id})->[1];
        $code->();
    }
}


# Operations of the test

sub op_add {
    my (undef, $arg) = @_;
    my $s = {
        %$arg, requests => [], accepted => 0, script => {}, path => {},
        accept => 'http',
    };

    open_listener($s);
    $s->{default} = compile($s, {});
    $server{$arg->{id}} = $s;

    return 1;
}


sub op_set {
    my ($s, $arg) = @_;
    my $how = $arg->{how};

    if (defined $arg->{path}) {
        my $path = $arg->{path};

        delete $s->{script}{$path};

        if (%$how) {
            $s->{path}{$path} = compile($s, $how);
        } else {
            delete $s->{path}{$path};
        }

        return 1;
    }

    for (qw(greeting reply)) {
        $s->{$_} = delete $how->{$_} if exists $how->{$_};
    }

    set_accept($s, delete $how->{accept}) if exists $how->{accept};

    if (%$how) {
        $s->{default} = compile($s, $how);
        delete $s->{script}{''};
    }

    return 1;
}


sub op_script {
    my ($s, $arg) = @_;

    push @{ $s->{script}{$arg->{path} // ''} },
         map { compile($s, $_) } @{ $arg->{list} };

    return 1;
}


sub op_left {
    my ($s) = @_;
    my $n = 0;

    $n += @$_ for values %{ $s->{script} };
    return $n;
}


sub op_refuse {
    my ($s) = @_;

    close_listener($s);

    for my $c (values %conn) {
        close_conn($c) if $c->{server} == $s;
    }

    return 1;
}


sub op_listen {
    my ($s) = @_;

    open_listener($s) if !$s->{fh};
    return 1;
}


sub op_reset {
    my ($s) = @_;

    $s->{requests} = [];
    $s->{accepted} = 0;
    return 1;
}


sub op_connections {
    my ($s) = @_;

    return [ $s->{accepted},
             scalar grep { $_->{server} == $s } values %conn ];
}


sub op_count {
    my ($s, $arg) = @_;
    my @tests = tests($arg);

    return scalar @{ $s->{requests} } if !@tests;
    return scalar select_requests($s, @tests);
}


sub op_requests {
    my ($s, $arg) = @_;

    return [ map { { %$_, peer => peer_text($_->{peer}),
                     headers => header_hash($_->{head}) } }
             select_requests($s, tests($arg)) ];
}


sub tests {
    my ($arg) = @_;
    my @tests;

    for my $key (qw(path method host)) {
        my $want = $arg->{$key} // next;

        if (ref $want) {
            my $re = qr/$want->{re}/;
            push @tests, sub { ($_[0]{$key} // '') =~ $re };

        } else {
            push @tests, sub { ($_[0]{$key} // '') eq $want };
        }
    }

    if (defined(my $since = $arg->{since})) {
        push @tests, sub { $_[0]{time} >= $since };
    }

    return @tests;
}


sub select_requests {
    my ($s, @tests) = @_;
    my @list = @{ $s->{requests} };

    for my $test (@tests) {
        @list = grep { $test->($_) } @list;
    }

    return @list;
}


sub header_hash {
    my ($head) = @_;
    my %headers;

    for (split /\r\n/, $head) {
        my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;

        $name = lc $name;
        $headers{$name} = exists $headers{$name} ? "$headers{$name}, $value"
                                                 : $value;
    }

    return \%headers;
}


sub peer_text {
    my ($peer) = @_;
    my $family = $peer ? sockaddr_family($peer) : AF_UNIX;

    if ($family == AF_INET) {
        my ($port, $ip) = unpack_sockaddr_in($peer);
        return inet_ntoa($ip) . ":$port";
    }

    if ($family == AF_INET6) {
        my ($port, $ip) = unpack_sockaddr_in6($peer);
        return '[' . inet_ntop(AF_INET6, $ip) . "]:$port";
    }

    return 'unix:';
}


# Listening

sub open_listener {
    my ($s) = @_;
    my ($family, $addr);

    if (defined $s->{unix}) {
        ($family, $addr) = (PF_UNIX, pack_sockaddr_un($s->{unix}));
        unlink $s->{unix};

    } elsif ($s->{ip} =~ /:/) {
        ($family, $addr) = (PF_INET6, pack_sockaddr_in6($s->{port},
                                          inet_pton(AF_INET6, $s->{ip})));

    } else {
        ($family, $addr) = (PF_INET, pack_sockaddr_in($s->{port},
                                         inet_aton($s->{ip})));
    }

    socket my $fh, $family, SOCK_STREAM, 0 or die "socket() failed: $!\n";
    setsockopt $fh, SOL_SOCKET, SO_REUSEADDR, 1;
    setsockopt $fh, IPPROTO_IPV6, IPV6_V6ONLY, 1 if $family == PF_INET6;
    bind $fh, $addr or die "cannot bind to " . where($s) . ": $!\n";
    chmod 0666, $s->{unix} if defined $s->{unix};
    listen $fh, 1024 or die "listen() failed: $!\n";
    fcntl $fh, F_SETFL, O_NONBLOCK;

    $s->{fh} = $fh;
    $s->{family} = $family;
    $s->{sockaddr} = $addr;
    $listener{fileno $fh} = $s;

    set_accept($s, $s->{accept});
}


sub close_listener {
    my ($s) = @_;
    my $fh = delete $s->{fh} or return;

    delete $s->{fill};
    delete $listener{fileno $fh};
    vec($rin, fileno $fh, 1) = 0;
    close $fh;
}


sub where {
    my ($s) = @_;

    return $s->{unix} // "$s->{ip} port $s->{port}";
}


sub set_accept {
    my ($s, $how) = @_;
    my $fh = $s->{fh};

    die "accept => '$how' is unknown\n"
        if $how !~ /^(?:http|hang|close|reset|tcp|stall|blackhole)$/;

    $s->{accept} = $how;

    return if !$fh;

    if ($how eq 'blackhole') {
        fill_queue($s);

    } elsif (delete $s->{fill}) {
        listen $fh, 1024;
    }

    vec($rin, fileno $fh, 1) = $how =~ /^(?:stall|blackhole)$/ ? 0 : 1;
}


# A queue of length 0 takes one connection or two; what comes later gets no
# answer to its SYN.

sub fill_queue {
    my ($s) = @_;

    listen $s->{fh}, 0;

    for (1 .. 4) {
        socket my $fh, $s->{family}, SOCK_STREAM, 0 or next;
        fcntl $fh, F_SETFL, O_NONBLOCK;
        connect $fh, $s->{sockaddr};
        push @{ $s->{fill} }, $fh;
    }
}


sub accept_all {
    my ($s) = @_;

    for (1 .. 64) {
        my $peer = accept(my $fh, $s->{fh}) or return;

        fcntl $fh, F_SETFL, O_NONBLOCK;
        setsockopt $fh, IPPROTO_TCP, TCP_NODELAY, 1
            if $s->{family} != PF_UNIX;

        $s->{accepted}++;

        my $c = {
            fh => $fh, fd => fileno $fh, server => $s, in => '', out => '',
            peer => $s->{family} == PF_UNIX ? undef : $peer,
            id => ++$next_conn, mode => $s->{accept},
        };

        if ($c->{mode} eq 'close') {
            close $fh;
            next;
        }

        if ($c->{mode} eq 'reset') {
            reset_socket($fh);
            next;
        }

        $conn{$c->{fd}} = $c;
        vec($rin, $c->{fd}, 1) = 1;

        if ($c->{mode} eq 'tcp' && defined $s->{greeting}) {
            send_out($c, $s->{greeting});
        }

        read_conn($c);
    }
}


# Connections

sub reset_socket {
    my ($fh) = @_;

    setsockopt $fh, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $fh;
}


sub close_conn {
    my ($c, $reset) = @_;

    return if $c->{closed}++;

    delete $conn{$c->{fd}};
    vec($rin, $c->{fd}, 1) = 0;
    vec($win, $c->{fd}, 1) = 0;

    if ($reset) {
        reset_socket($c->{fh});
    } else {
        close $c->{fh};
    }
}


sub read_conn {
    my ($c) = @_;
    my $n = sysread $c->{fh}, $c->{in}, 65536, length $c->{in};

    if (!defined $n) {
        close_conn($c) if $! != EAGAIN && $! != EINTR;
        return;
    }

    if ($n == 0) {
        close_conn($c);
        return;
    }

    if ($c->{mode} eq 'http') {
        parse($c) if !$c->{busy};

    } elsif ($c->{mode} eq 'tcp') {
        tcp_data($c);

    } else {
        $c->{in} = '';
    }
}


sub tcp_data {
    my ($c) = @_;
    my $s = $c->{server};

    push @{ $s->{requests} }, {
        time => time(), method => 'TCP', uri => '', path => '', proto => '',
        host => undef, head => '', body => $c->{in}, peer => $c->{peer},
        conn => $c->{id},
    };

    $c->{in} = '';
    send_out($c, $s->{reply}) if defined $s->{reply};
}


sub parse {
    my ($c) = @_;

    while (!$c->{busy} && !$c->{closed}) {
        my $end = index $c->{in}, "\r\n\r\n";

        return if $end < 0;

        my $head = substr $c->{in}, 0, $end;
        my $size = $head =~ /^content-length:\s*(\d+)/im ? $1 : 0;

        return if length $c->{in} < $end + 4 + $size;

        my $body = $size ? substr $c->{in}, $end + 4, $size : '';
        substr $c->{in}, 0, $end + 4 + $size, '';

        request($c, $head, $body);
    }
}


sub request {
    my ($c, $head, $body) = @_;
    my $s = $c->{server};
    my ($line, $rest) = split /\r\n/, $head, 2;

    $rest //= '';

    my ($method, $uri, $proto) = split / /, $line;
    my ($path) = split /\?/, $uri // '', 2;

    push @{ $s->{requests} }, {
        time => time(), method => $method, uri => $uri, path => $path,
        proto => $proto, head => $rest, body => $body, peer => $c->{peer},
        host => $rest =~ /^host:[ \t]*([^\r\n]*)/im ? $1 : undef,
        conn => $c->{id},
    };

    my $close = ($proto // '') ne 'HTTP/1.1'
                || $rest =~ /^connection:[ \t]*close/im;

    answer($c, behaviour($s, $path), ($method // '') eq 'HEAD', $close);
}


sub behaviour {
    my ($s, $path) = @_;

    if (%{ $s->{script} }) {
        for my $key ($path, '') {
            my $list = $s->{script}{$key} or next;
            my $how = shift @$list;

            delete $s->{script}{$key} if !@$list;
            return $how;
        }
    }

    return $s->{path}{$path} // $s->{default};
}


# A behaviour is made ready once, so that an ordinary answer is one string.

sub compile {
    my ($s, $how) = @_;

    for (keys %$how) {
        die "behaviour '$_' is unknown\n" if !/^(?:status|reason|headers|body
            |raw|prefix|chunked|length|keepalive|delay|body_delay|drip
            |drip_size|cut|hang|close|reset)$/x;
    }

    my $b = { keepalive => 1, length => 1, status => 200, %$how };

    $b->{body} //= "$s->{name} ok\n";
    $b->{plain} = !grep { defined $b->{$_} }
                  qw(delay body_delay drip cut hang close reset);
    $b->{until_close} = !$b->{length} || defined $b->{raw};
    $b->{head} = head_text($s, $b);

    return $b;
}


sub head_text {
    my ($s, $b) = @_;
    my $reason = $b->{reason} // $reason{$b->{status}} // 'Other';
    my @headers = ref $b->{headers} eq 'HASH' ? %{ $b->{headers} }
                                              : @{ $b->{headers} // [] };
    my $text = "HTTP/1.1 $b->{status} $reason\r\n"
               . "X-Backend: $s->{name}\r\n";
    my %seen;

    while (my ($name, $value) = splice @headers, 0, 2) {
        $seen{lc $name} = 1;
        $text .= "$name: $value\r\n";
    }

    $text .= "Content-Type: text/plain\r\n" if !$seen{'content-type'};

    if ($b->{chunked}) {
        $text .= "Transfer-Encoding: chunked\r\n";

    } elsif ($b->{length} && !$seen{'content-length'}
             && $b->{status} !~ /^(?:1..|204|304)$/)
    {
        $text .= 'Content-Length: ' . length($b->{body}) . "\r\n";
    }

    return $text;
}


sub body_text {
    my ($b) = @_;

    return '' if $b->{status} =~ /^(?:1..|204|304)$/;
    return $b->{body} if !$b->{chunked};

    my $text = '';

    for my $piece (unpack "(a$b->{chunked})*", $b->{body}) {
        $text .= sprintf "%x\r\n%s\r\n", length $piece, $piece;
    }

    return "${text}0\r\n\r\n";
}


sub answer {
    my ($c, $b, $is_head, $close) = @_;

    if ($b->{hang}) {
        $c->{busy} = 1;
        return;
    }

    if ($b->{close} || $b->{reset}) {
        close_conn($c, $b->{reset});
        return;
    }

    $close ||= !$b->{keepalive} || $b->{until_close} || defined $b->{cut};

    my $text = $b->{text}[$is_head ? 1 : 0][$close ? 1 : 0] //= do {
        my $head = ($b->{prefix} // '') . $b->{head}
                   . ($close ? "Connection: close\r\n\r\n" : "\r\n");

        defined $b->{raw} ? [ $b->{raw}, '' ]
                          : [ $head, $is_head ? '' : body_text($b) ];
    };

    if ($b->{plain}) {
        $c->{last} = $close;
        send_out($c, $text->[0] . $text->[1]);
        return;
    }

    $c->{busy} = 1;

    if ($b->{delay}) {
        after($b->{delay}, sub { send_slow($c, $b, $close, @$text) });
    } else {
        send_slow($c, $b, $close, @$text);
    }
}


sub send_slow {
    my ($c, $b, $close, $head, $body) = @_;

    return if $c->{closed};

    if (defined $b->{cut}) {
        $head = substr $head . $body, 0, $b->{cut};
        $body = '';
    }

    if ($b->{drip}) {
        drip($c, $b, $close, $head . $body);

    } elsif ($b->{body_delay}) {
        send_out($c, $head);
        after($b->{body_delay}, sub { finish($c, $close, $body) });

    } else {
        finish($c, $close, $head . $body);
    }
}


sub drip {
    my ($c, $b, $close, $text) = @_;
    my $size = $b->{drip_size} // 1;

    return if $c->{closed};

    if (length $text <= $size) {
        finish($c, $close, $text);
        return;
    }

    send_out($c, substr $text, 0, $size, '');
    after($b->{drip}, sub { drip($c, $b, $close, $text) });
}


sub finish {
    my ($c, $close, $text) = @_;

    return if $c->{closed};

    $c->{last} = $close;
    $c->{busy} = 0;
    send_out($c, $text);
    parse($c) if !$c->{closed};
}


sub send_out {
    my ($c, $text) = @_;

    $c->{out} .= $text;
    flush_out($c);
}


sub flush_out {
    my ($c) = @_;

    while (length $c->{out}) {
        my $n = syswrite $c->{fh}, $c->{out};

        if (!defined $n) {
            next if $! == EINTR;

            if ($! == EAGAIN) {
                vec($win, $c->{fd}, 1) = 1;
            } else {
                close_conn($c);
            }

            return;
        }

        substr $c->{out}, 0, $n, '';
    }

    vec($win, $c->{fd}, 1) = 0;
    close_conn($c) if $c->{last} && !$c->{busy};
}


1;

package HealthDash::Upstream;

# What tests of skipping share: a farm of servers that can be broken one by
# one, many requests over many connections, and a look at one peer.

use strict;
use warnings;

use Exporter qw(import);
use Socket;
use Time::HiRes qw(sleep time);

use HealthDash ();
use HealthDash::Run qw(slow patience tmp_dir wait_until read_more);

our @EXPORT_OK = qw(farm break_server mend_server front flood
                    peer_is wait_peer wait_health);


# farm(PORT, '127.0.0.1', ...): an nginx without healthdash that answers at
# these addresses, with the address in X-Backend.  "/healthz" is 503 while the
# server is broken, every other path goes on answering, so that a request that
# comes nevertheless is seen.

sub farm {
    my ($port, @ip) = @_;
    my $dir = tmp_dir();
    my $listen = join '', map { "        listen $_:$port;\n" } @ip;

    return HealthDash->new(name => 'farm', module => 0, conf => <<EOF)->start;
http {
    server {
$listen
        keepalive_requests 100000;
        add_header X-Backend \$server_addr;

        location / { return 200 ok\\n; }

        location = /healthz {
            if (-f $dir/broken-\$server_addr) { return 503; }
            return 200 ok\\n;
        }
    }
}
EOF
}


sub break_server {
    for (@_) {
        open my $fh, '>', tmp_dir() . "/broken-$_" or die "open: $!\n";
        chmod 0644, $fh;
    }
}


sub mend_server { unlink tmp_dir() . "/broken-$_" for @_; }


# front(): a server that each worker listens for, which passes a request to the
# upstream that its Host names and says who did it; with the status.

sub front {
    return <<'EOF';
    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        add_header X-Worker $pid;
        location / { proxy_pass http://$host; }
        location /status { healthdash_status; }
    }
EOF
}


# flood(PORT, N, host =>, path => '/', connections => 80, header => sub { lines
# of one request }): N requests, pipelined over so many connections that each
# worker of a listener with "reuseport" gets some.  Returns { status, backend,
# worker }, counted by X-Backend and X-Worker.

sub flood {
    my ($port, $n, %arg) = @_;
    my $connections = $arg{connections} // 80;
    my $header = $arg{header} // sub { '' };
    my $line = 'GET ' . ($arg{path} // '/') . " HTTP/1.1\r\nHost: "
               . ($arg{host} // 'localhost') . "\r\n";
    my %tally = (status => {}, backend => {}, worker => {});
    my @list;

    for my $i (1 .. $connections) {
        my $m = int($n / $connections) + ($i <= $n % $connections);

        next if !$m;

        push @list, client($port, join '', map {
            $line . $header->() . ($_ == $m ? "Connection: close\r\n" : '')
            . "\r\n"
        } 1 .. $m);
    }

    for my $fh (@list) {
        my $raw = '';

        while (read_more($fh, \$raw)) { }

        close $fh;

        $tally{status}{$1}++ while $raw =~ /^HTTP\/1\.1 (\d+)/mg;
        $tally{backend}{$1}++ while $raw =~ /^X-Backend: ([^\r]*)/mg;
        $tally{worker}{$1}++ while $raw =~ /^X-Worker: ([^\r]*)/mg;
    }

    return \%tally;
}


# a blocking connection that gives up after some time

sub client {
    my ($port, $text) = @_;

    socket my $fh, PF_INET, SOCK_STREAM, 0 or die "socket() failed: $!\n";
    setsockopt $fh, SOL_SOCKET, SO_RCVTIMEO,
               pack 'l!l!', patience() * slow(), 0;
    connect $fh, pack_sockaddr_in($port, INADDR_LOOPBACK)
        or die "connect() failed: $!\n";

    syswrite $fh, $text;
    return $fh;
}


# peer_is($peer, health => 'down', kept => 0, ...): true if all of it holds

sub peer_is {
    my ($peer, %want) = @_;

    for (keys %want) {
        return 0 if ($peer->{$_} // '') ne $want{$_};
    }

    return 1;
}


# wait_peer($t, UPSTREAM, SERVER, health => 'down', state => 'unhealthy', ...):
# the peer when it is so, or false

sub wait_peer {
    my ($t, $upstream, $server, %want) = @_;
    my $text = sub { join ' ', map { "$_=" . ($_[0]{$_} // 'none') }
                               sort keys %want };
    my $peer;

    return $peer if wait_until(sub {
        my $json = HealthDash::hd_json($t, query => "upstream=$upstream");

        $peer = HealthDash::hd_peer($json, $upstream, $server);
        return peer_is($peer, %want);
    }, 10, "$upstream: " . $text->(\%want));

    Test::More::diag('it is ' . $text->($peer));
    return;
}


# wait_health($t): until each server of each upstream has had a result

sub wait_health {
    my ($t, %arg) = @_;

    return wait_until(sub {
        my $list = HealthDash::hd_json($t, %arg)->{upstreams} // {};

        return %$list && !grep { $_->{health} eq 'unknown' }
                         map { @{ $_->{peers} } } values %$list;
    }, 10, 'the first results');
}


1;

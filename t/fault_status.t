#!/usr/bin/perl

# Tests for faults while the status is asked for, watched and told: each place
# in which an answer asks for something fails once.  A client then gets an error
# or the end of the connection; the next one gets the whole answer, and what
# watches the stream can come back (A58, A59).  HD_LONG=1: each place 5 times.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => $ENV{HD_LONG} ? 3600 : 600;

use HealthDash::Fault qw(fault_build is_long);
use HealthDash::Probe qw(service status_server);
use HealthDash::Status qw(schema_errors html_tree connect_to);

use IO::Handle ();
use Time::HiRes qw(sleep time);

fault_build();

my $fault = HealthDash::Fault->new;
my ($b1, $b2) = backends(qw(b1 b2));
my $services = join '', map {
    service("s$_", 'http://' . $b1->address . "/$_", 'interval=20ms')
} 1 .. 3;

my $t = HealthDash->new(conf => <<"EOF")->start;
http {
    $services
    healthdash_service beat heartbeat: interval=1h token=abcdefgh;

    upstream app {
        zone app 128k;
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http interval=50ms;
    }

    upstream plain {
        server %%ADDR_b1%%;
        healthdash_check tcp interval=50ms;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /public { healthdash_status public; }
        location /live { healthdash_live; }
        location /ready { healthdash_ready s1 app>=1; }
        location /beat/ { healthdash_heartbeat; }
        location / { proxy_pass http://app; }
    }
}
EOF

my @formats = qw(json html text csv atom health badge);
my @asked = ((map { "/status?format=$_" } @formats),
             '/status?format=json&history=1m', '/status?format=json&service=s1',
             '/public?format=html', '/public?format=json', '/ready', '/live',
             '/status?format=no', '/');
my $beat = 'abcdefgh';


# a watcher that reads what comes, and comes again when it was cut off

my %watch;

sub watch {
    for my $as (qw(json html)) {
        my $fh = $watch{$as};

        if (!$fh) {
            $fh = $watch{$as} = connect_to(port('web'));
            IO::Handle::blocking($fh, 0);
            syswrite $fh, "GET /status?format=events"
                          . ($as eq 'html' ? '&rows=html' : '')
                          . " HTTP/1.1\r\nHost: x\r\nConnection: close"
                          . "\r\n\r\n";
            next;
        }

        my $n = sysread $fh, my $text, 1 << 20;

        if (defined $n ? $n == 0 : !$!{EAGAIN}) {
            delete $watch{$as};

        } elsif ($n) {
            $watch{$as . ' got'} .= $text;
        }
    }
}


# An answer that has come to its end is whole: one for which there was no memory
# is an error, or breaks off.

my %end = ('application/json' => qr/\}\n$/,
           'application/health+json' => qr/\}\n$/,
           'application/atom+xml' => qr{</feed>\n$}, 'text/csv' => qr/\n$/,
           'image/svg+xml' => qr{</svg>\n$}, 'text/plain' => qr/\n$/,
           'text/html' => qr{</html>\n$});
my (%whole, @cut);

sub look_at {
    my ($uri, $r) = @_;
    my ($type) = ($r->{headers}{'content-type'} // '') =~ /^([^;]+)/ or return;
    my $length = $r->{headers}{'content-length'};

    return if $r->{status} != 200 || !defined $length
              || length $r->{body} != $length || !$end{$type};

    $whole{$type}++;
    push @cut, "$uri: $length bytes"
        if $r->{body} !~ $end{$type}
           || $type =~ /json/ && !eval { JSON::PP::decode_json($r->{body}); 1 };
}

sub ask {
    for my $uri (@asked) {
        look_at($uri, http_get(port('web'), $uri, timeout => 5));
    }

    http_request(port => port('web'), method => 'POST',
                 path => "/beat/beat?token=$beat&status=up", body => 'well',
                 timeout => 5);
    http_request(port => port('web'), method => 'HEAD', path => '/status',
                 timeout => 5);
    watch();
}

ok(wait_until(sub {
    my $list = hd_json($t)->{services};
    return !grep { $_ ne 'beat' && $list->{$_}{health} ne 'up' } keys %$list;
}, 20), 'services are up');

ask();
ask();

my ($pid) = $t->worker_pids;

wait_until(sub { watch(); ($watch{'json got'} // '') =~ /event:|data:/ }, 10)
    or diag('the stream says nothing');

my @faults = $fault->walk(\&ask, each => is_long() ? 5 : 1, idle => 1);

cmp_ok(scalar @faults, '>', 40, 'faults in ' . @faults . ' places');
is(($t->worker_pids)[0], $pid, 'it is the same worker');

# each call of an answer, in the midst of it as well

my $calls = 0;

for my $uri (map({ "/status?format=$_" } @formats), '/ready') {
    for my $left (1 .. 500) {
        $fault->arm('nth', left => $left);
        look_at($uri, http_get(port('web'), $uri, timeout => 5));

        last if $fault->is_armed;
        $calls++;
    }
}

$fault->disarm;

cmp_ok($calls, '>', 50, "faults in $calls calls of answers");
is_deeply(\@cut, [], 'an answer that came to its end was whole');
cmp_ok($whole{'application/json'}, '>', 20, 'and many have');

# everything is whole again

my %text = map { ($_ => http_get(port('web'), "/status?format=$_")) } @formats;

is($text{$_}{status}, 200, "$_ is there") for @formats;
is(schema_errors($text{json}{body}), '', 'JSON is whole');
ok(eval { html_tree($text{html}{body}); 1 }, 'so is the page') or diag $@;

my $list = hd_json($t)->{services};

is_deeply([ grep { $_ ne 'beat' && ($list->{$_}{health} ne 'up'
                                    || $list->{$_}{health_checks}{fails}) }
            sort keys %$list ], [], 'nobody was blamed');

for my $as (qw(json html)) {
    $watch{"$as got"} = '';
    ok(wait_until(sub { watch(); length $watch{"$as got"} > 100 }, 10),
       "the stream of $as goes on");
}

close $_ for grep { ref } values %watch;

$t->stop;

unlike($t->log, qr/exited on signal|open socket/, 'no crash, no open socket');

done_testing();

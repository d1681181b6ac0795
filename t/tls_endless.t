#!/usr/bin/perl

# Tests for peers that, once TLS stands, send messages of TLS without end: new
# keys, tickets, wishes for another handshake.  OpenSSL takes them all within
# one call for data, and the worker must not stay in there.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 300;

use HealthDash::Kinds qw(tls_kinds kind_conf);
use HealthDash::Probe qw(peak verdict);
use HealthDash::TLS qw(tls_endless);

my $built = (HealthDash->new->run_nginx('-V'))[1];

if ($built !~ /--with-http_ssl_module/ || $built !~ /--with-http_v2_module/) {
    plan skip_all => 'nginx without TLS or HTTP/2';
}

my $limit = 5000;       # msec, the timeout of each probe
my @kinds = grep { $_->{name} ne 'tls' } tls_kinds();

# what libpq is to read is counted before it does

my $endless = qr/ the server sends messages without end$/;
my %says = ('postgres-starttls'
            => qr/$endless|: more than \d+ bytes before the log-in was over$/);

for my $what (qw(key ticket hello)) {
    subtest $what => sub { endless($what); };
}

done_testing();


sub endless {
    my ($what) = @_;
    my $port = port("status-$what");
    my $conf = '';

    for my $kind (@kinds) {
        my $peer = tls_endless("$what-$kind->{name}", $what, $kind->{hello});

        $conf .= kind_conf($kind, "interval 60s; timeout ${limit}ms;");
        $conf .= sprintf "healthdash_service \"%s\" %s probe=as-%s;\n",
                         $kind->{name},
                         sprintf($kind->{url}, "127.0.0.1:$peer->{port}"),
                         $kind->{name};
    }

    my $t = HealthDash->new(name => $what, workers => 1,
                            conf => <<"EOF_CONF")->start;
http {
    $conf
    server {
        listen 127.0.0.1:$port;
        location /status { healthdash_status; }
    }
}
EOF_CONF
    my $list;

    wait_until(sub {
        $list = hd_json($t, port => $port)->{services} // {};
        return !grep { ($list->{$_->{name}}{health} // 'unknown')
                       eq 'unknown' } @kinds;
    }, 60, 'a result of each probe');

    for my $kind (@kinds) {
        my $s = $list->{$kind->{name}};

        is($s->{health}, 'down', "$kind->{name}: is down");
        like(verdict($s), $says{$kind->{name}} // $endless,
             "$kind->{name}: " . verdict($s));
    }

    my ($pid) = $t->worker_pids;

    SKIP: {
        skip 'sanitizers keep what is freed', 1 if slow() > 1;
        cmp_ok(peak($pid), '<', 60_000, 'memory never went up far');
    }

    $t->stop;
}

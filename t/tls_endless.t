#!/usr/bin/perl

# Tests for peers that, once TLS stands, send messages of TLS without end: new
# keys, tickets, wishes for another handshake.  OpenSSL takes them all within
# one call for data, and the worker must not stay in there.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 300;

use HealthDash::Kinds qw(tls_kinds kind_conf kind_service);
use HealthDash::Probe qw(first_results small_peak verdict);
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
    my $conf = '';

    for my $kind (@kinds) {
        my $peer = tls_endless("$what-$kind->{name}", $what, $kind->{hello});

        $conf .= kind_conf($kind, "interval 60s; timeout ${limit}ms;")
                 . kind_service($kind, $kind->{name},
                                "127.0.0.1:$peer->{port}");
    }

    my ($t, $list) = first_results($what, $conf, 60);

    for my $kind (@kinds) {
        my $s = $list->{$kind->{name}};

        is($s->{health}, 'down', "$kind->{name}: is down");
        like(verdict($s), $says{$kind->{name}} // $endless,
             "$kind->{name}: " . verdict($s));
    }

    small_peak($t, 60_000);
    $t->stop;
}

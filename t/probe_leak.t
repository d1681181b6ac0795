#!/usr/bin/perl

# Tests for what thousands of probes of all kinds leave behind: no file and no
# memory.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::DNS;
use HealthDash::Probe qw(service status_server rss fds);

my $b = backend('b1');
my $dns = HealthDash::DNS->new;
my $plain = $b->address;
my $dead = port('dead');
my %hole = map { $_ => backend($_, accept => $_)->address }
           qw(close reset hang blackhole);
my (@conf, $n);

sub add {
    my ($url, $parameters) = @_;

    $parameters //= '';
    push @conf, service('s' . ++$n, $url, "interval=20ms $parameters");
}

$b->set('/chunks', chunked => 100, body => 'x' x 5000);
$b->set('/close', length => 0, body => 'x' x 5000);
$b->set('/large', body => 'x' x 200_000);
$b->set('/cut', cut => 30);
$b->set('/garbage', raw => "garbage\r\n");
$b->set('/header', raw => 'HTTP/1.1 200 OK' . "\r\nX-A: b" x 10_000);
$b->set('/fail', status => 503);
$b->set('/drip', drip => 1);

$dns->set('good.test', a => ['127.0.0.1']);
$dns->set('mixed.test', a => ['127.0.0.2', '127.0.0.1']);
$dns->set('silent.test', silent => 1);

add("tcp://$plain");
add("http://$plain/$_") for qw(ok chunks close large cut garbage header fail);
add("http://$plain/$_", 'keepalive=on') for qw(ok chunks cut fail);
add("http://$plain/$_", 'probe=conds') for qw(ok chunks large);
add("http://$plain/drip", 'timeout=30ms');
add("http://127.0.0.1:$dead");
add("tcp://127.0.0.1:$dead");
add("http://$hole{$_}", 'timeout=30ms') for sort keys %hole;
add("https://$hole{$_}", 'timeout=30ms') for sort keys %hole;
add('http://unix:/none:/');
add('http://good.test:' . $b->port_number);
add('http://mixed.test:' . $b->port_number);
add('http://none.test');
add('http://silent.test', 'timeout=30ms');

my $t = HealthDash->new(main => "events { worker_connections 2048; }\n");
my $has_tls = ($t->run_nginx('-V'))[1] =~ /--with-http_ssl_module/;

if ($has_tls) {
    my $cert = tls_cert(cn => 'app.test');
    my $tls = port('tls');
    my $ca = 'ca=' . tls_ca()->{cert};

    HealthDash->new(module => 0, http => <<"EOF")->start;
server {
    listen 127.0.0.1:$tls ssl;
    ssl_certificate $cert->{cert};
    ssl_certificate_key $cert->{key};
    location / { return 200 ok; }
}
EOF

    add("https://127.0.0.1:$tls", "$ca sni=app.test $_")
        for '', 'keepalive=on', 'probe=conds';
    add("https://127.0.0.1:$tls", "$ca sni=web.test");
    add("https://127.0.0.1:$tls", 'sni=app.test');
    add("https://$plain", "$ca timeout=30ms");
    add("http://127.0.0.1:$tls");

} else {
    @conf = grep { !/https:/ } @conf;
}

$t->set_conf(join '', 'http { resolver ', $dns->address, " ipv6=off;\n",
    'healthdash_probe conds { expect body ~ o; warn header X-A = b; }', @conf,
    status_server(), "}\n");
$t->start;

my ($pid) = $t->worker_pids;

sub probes {
    my $sum = 0;

    for (values %{ hd_json($t)->{services} }) {
        $sum += $_->{health_checks}{checks}
                + $_->{health_checks}{inconclusive};
    }

    return $sum;
}

# files and memory, the least of some looks: probes under way come and go

sub after {
    my ($count) = @_;
    my $from = probes();
    my ($fds, $rss);

    wait_until(sub { probes() >= $from + $count }, 60, "$count probes");

    for (1 .. 20) {
        my ($f, $r) = (fds($pid), rss($pid));

        $fds = $f if !defined $fds || $f < $fds;
        $rss = $r if !defined $rss || $r < $rss;
        select undef, undef, undef, 0.01;
    }

    return ($fds, $rss);
}

after(2000);

my @first = after(5000);
my @second = after(5000);

# what leaks does so each time; memory may also grow once, when peers are held
# up and more probes than before are under way

for (1 .. 3) {
    last if $second[1] < $first[1] + 1024;
    @first = @second;
    @second = after(5000);
}

my $services = hd_json($t)->{services};

is(scalar(grep { $services->{$_}{health} eq 'unknown' } keys %$services), 0,
   'every kind was probed');
ok(scalar(grep { $_->{health_checks}{fails} } values %$services) > 15,
   'many failed');
ok(scalar(grep { !$_->{health_checks}{fails} } values %$services) > 10,
   'many did not');

# backends that are held up hold up many probes, with their files, for a while

ok(wait_until(sub { fds($pid) < $first[0] + 25 }, 20), 'no file is left open')
    or diag("$first[0] and $second[0] files");

SKIP: {
    skip 'sanitizers keep what is freed', 1 if slow() > 1;
    cmp_ok($second[1], '<', $first[1] + 1024, 'no memory is lost');
}


# Would it have been seen?  One in 50 of the second half's probes does with
# these clients what a leak does: it takes a file, and memory of nginx.

my @clients = map {
    my $fh = HealthDash::Client::open_connection({ port => port('web') });

    wait_until(sub {
        syswrite $fh, "GET / HTTP/1.1\r\n" . ('X: ' . 'x' x 7000 . "\r\n") x 3
    }, 5, 'a connection');
    $fh;
} 1 .. 100;

my @third;

wait_until(sub {
    @third = (fds($pid), rss($pid));
    return $third[0] >= $second[0] + 90;
}, 5, 'the clients');

cmp_ok($third[0], '>', $second[0] + 25, 'files that are left open are seen');

SKIP: {
    skip 'sanitizers keep what is freed', 1 if slow() > 1;
    cmp_ok($third[1], '>', $second[1] + 1024, 'and so is memory');
}

done_testing();

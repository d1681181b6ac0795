#!/usr/bin/perl

# Tests for names with several addresses: any of them, or all, and the family
# that is tried first.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::DNS;
use HealthDash::Probe qw(service status_server judged);

my $dns = HealthDash::DNS->new;
my $v6 = has_ipv6();

# one port on many addresses: 1 and 2 are well, 3 answers 503, 4 is slow to
# accept, 5 and up are closed

my $port = port('app');
my %b = map { $_ => backend("b$_", addr => "127.0.0.$_", port => $port) } 1 .. 4;

$b{3}->set(status => 503);
$b{4}->set(accept => 'blackhole');

my $b6 = $v6 ? backend('six', addr => '::1', port => $port) : undef;

my %names = (well => [ 1, 2 ], bad => [ 1, 3 ], shut => [ 1, 5 ],
             deaf => [ 1, 4 ], none => [ 5, 6 ], one => [ 1 ]);

$dns->set("$_.test", a => [ map { "127.0.0.$_" } @{ $names{$_} } ],
          ttl => 3600) for keys %names;
$dns->set('both.test', a => [ '127.0.0.1' ], aaaa => [ '::1' ], ttl => 3600);
$dns->set('crowd.test', a => [ map { "127.0.1.$_" } 1 .. 20 ], ttl => 3600);

my (@rows, @conf);

sub row {
    my ($name, $want, $parameters) = @_;
    my ($host) = $name =~ /^(\w+)/;
    my $path = $name =~ s/\W+/-/gr;

    push @rows, [ $name, $want ];
    push @conf, service($name, "http://$host.test:$port/$path", $parameters);
}

row('well', 'up', '');
row('well, any', 'up', 'addresses=any');
row('well, all', 'up', 'addresses=all');
row('well, all, kept', 'up', 'addresses=all keepalive=on');
row('one, all', 'up', 'addresses=all');
row('shut, any', 'up', '');
row('shut, all', "down: connection refused: 127.0.0.5:$port", 'addresses=all');
row('deaf, any', 'up', 'timeout=4s');
row('deaf, all', "down: connect timed out after 1s: 127.0.0.4:$port",
    'addresses=all timeout=1s');
row('none, any', qr/^down: connection refused: 127\.0\.0\.[56]:/, '');
row('none, all', qr/^down: connection refused: 127\.0\.0\.[56]:/,
    'addresses=all');
row('bad, all', "down: 127.0.0.3:$port: http status 503", 'addresses=all');

push @conf, "healthdash_probe never { warn status 200; expect status 200-599;"
            . " }\n";
row('bad, all, warned', qr/^degraded: 127\.0\.0\.3:$port: http status 503/,
    'addresses=all probe=never');

if ($v6) {
    row('both, prefer 4', 'up', 'prefer=ipv4');
    row('both, prefer 6', 'up', 'prefer=ipv6');
    row('both, all', 'up', 'addresses=all prefer=ipv6');
}

my $t = HealthDash->new(conf => join '', "http {\nresolver %%ADDR_dns%%;\n",
                        @conf,
                        service('crowd', "http://crowd.test:$port/",
                                'addresses=all'),
                        status_server(), '}');

$t->start;

judged($t, @rows);

cmp_ok($_->count(path => '/well-all'), '>', 2, 'all: each address is asked')
    for @b{1, 2};
cmp_ok($_->count(path => '/well-all-kept'), '>', 2, 'kept or not')
    for @b{1, 2};

if ($v6) {
    is($b6->count(path => '/both-prefer-4'), 0, 'prefer=ipv4: not IPv6');
    is($b{1}->count(path => '/both-prefer-6'), 0, 'prefer=ipv6: not IPv4');
    cmp_ok($b6->count(path => '/both-prefer-6'), '>', 2, 'but IPv6');
    cmp_ok($_->count(path => '/both-all'), '>', 2, 'all: both families')
        for $b{1}, $b6;
}

my $crowd = hd_json($t)->{services}{crowd};

is($crowd->{health}, 'unknown', 'more addresses than can be probed: unknown');
like($crowd->{health_checks}{last_reason}{text},
     qr/crowd\.test has 20 addresses, more than the 16 that/, 'in words');
$t->stop;


# without "resolver" all addresses are known, too

SKIP: {
    skip 'localhost has one address', 2
        if !$v6 || `getent ahosts localhost` !~ /^::1.*^127\.0\.0\.1/ms;

    my $once = HealthDash->new(conf => join '', "http {\n", (map {
        service("local$_", "http://localhost:$port/local$_", "prefer=ipv$_")
    } 4, 6), service('all', "http://localhost:$port/all", 'addresses=all'),
        status_server(), '}');

    $once->start;
    judged($once, [ 'local4', 'up' ], [ 'local6', 'up' ], [ 'all', 'up' ]);
    is($b6->count(path => '/local4'), 0, 'IPv4 first');
    is($b{1}->count(path => '/local6'), 0, 'IPv6 first');
    cmp_ok($_->count(path => '/all'), '>', 2, 'both') for $b{1}, $b6;

    $b6->refuse;
    ok(wait_until(sub { hd_json($once)->{services}{all}{health} eq 'down' },
                  10), 'all: one is gone');
    is(hd_json($once)->{services}{local6}{health}, 'up',
       'any: the other is tried');
    $once->stop;
}


# an upstream's servers have one address each

my ($rc, $out) = $t->conf_test(<<'EOF_CONF');
http { upstream u { server 127.0.0.1:1; healthdash_check prefer=ipv4; } }
EOF_CONF

is($rc, 1, 'prefer= for a check is refused');
like($out, qr/"prefer" belongs to a healthdash_service, not to a check/,
     'in words');

done_testing();

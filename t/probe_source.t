#!/usr/bin/perl

# Tests for source=: probes come from that address; one that this machine does
# not have is its own trouble, one of another family is refused.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::DNS;
use HealthDash::Probe qw(service status_server judged);

my $b = backend('b');
my $dns = HealthDash::DNS->new;
my $v6 = has_ipv6();
my $b6 = $v6 ? backend('b6', addr => '::1', port => port('b')) : undef;

$dns->set('both.test', a => [ '127.0.0.1' ], aaaa => [ '::1' ], ttl => 3600);
$dns->set('six.test', aaaa => [ '::1' ], ttl => 3600);

my $url = 'http://127.0.0.1:' . port('b');
my @conf = (
    service('without', "$url/without", ''),
    service('with', "$url/with", 'source=127.0.0.7'),
    service('nobody', "$url/nobody", 'source=192.0.2.1'),
    service('named', 'http://both.test:' . port('b') . '/named',
            'source=127.0.0.8'),
    service('unreachable', 'http://six.test:' . port('b') . '/unreachable',
            'source=127.0.0.8'),
);

push @conf, service('six', 'http://[::1]:' . port('b') . '/six',
                    'source=[::1]') if $v6;

my $t = HealthDash->new(conf => join '', "http {\nresolver %%ADDR_dns%%;\n",
                        @conf, <<'EOF_CONF', status_server(), '}');
upstream app {
    server %%ADDR_b%%;
    healthdash_check uri=/check source=127.0.0.9 interval=100ms;
}
EOF_CONF

$t->start;

judged($t, map { [ $_, 'up' ] } 'without', 'with', 'named', $v6 ? 'six' : ());

ok(wait_until(sub { $b->count(path => '/check') > 2 }, 5), 'a check');

my %want = (without => '127.0.0.1', with => '127.0.0.7', named => '127.0.0.8',
            check => '127.0.0.9');

for my $name (sort keys %want) {
    my %seen = map { ($_->{peer} =~ s/:\d+$//r) => 1 }
               $b->requests(path => "/$name");

    is_deeply([ keys %seen ], [ $want{$name} ], "$name: where it came from");
}

# no address of ours: that says nothing of the server

sub local_trouble {
    my ($name, $text) = @_;
    my $facts;

    ok(wait_until(sub {
        my $service = hd_json($t)->{services}{$name};

        $facts = $service->{health_checks};
        return $facts->{last_reason}
               && $service->{health} eq 'unknown' ? $facts : 0;
    }, 10), "$name: unknown");

    is($facts->{last_reason}{code}, 'local_error', "$name: trouble of ours");
    like($facts->{last_reason}{text}, $text, "$name: in words");
    is($facts->{fails}, 0, "$name: no failure of the server");
}

local_trouble('nobody', qr/: source 192\.0\.2\.1 is no address of this machine/);
local_trouble('unreachable',
              qr/: no address of six\.test can be reached from 127\.0\.0\.8$/);

$t->stop;

# refused by nginx -t

for ([ 'healthdash_service s http://[::1]/ source=127.0.0.1;',
       qr/"s" cannot be reached from source "127\.0\.0\.1", expected addresses/
     ],
     [ 'healthdash_service s http://unix:/tmp/x:/ source=127.0.0.1;',
       qr/"s" cannot be reached from source/ ],
     [ 'upstream u { server 127.0.0.1:1; healthdash_check source=::1; }',
       qr/"127\.0\.0\.1:1" cannot be reached from source "::1"/ ],
     [ 'healthdash_service s http://127.0.0.1/ source=localhost;',
       qr/invalid source "localhost", expected an address of this/ ],
     [ 'healthdash_service s http://127.0.0.1/ source=127.0.0.1:80;',
       qr/invalid source "127\.0\.0\.1:80", expected an/ ])
{
    my ($lines, $want) = @$_;
    my ($rc, $out) = $t->conf_test("http { $lines }\n");

    is($rc, 1, "refused: $lines");
    like($out, qr/\[emerg\] .*$want/, 'in words');
}

done_testing();

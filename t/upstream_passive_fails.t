#!/usr/bin/perl

# Tests for nginx's own passive failures: a probe that brings a server back
# ends its fail_timeout, and they never move the state by probes (A34).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(flood peer_is wait_peer wait_health);

my ($b1, $b2) = backends(qw(b1 b2));

my $failing = 'server %%ADDR_b1%% max_fails=1 fail_timeout=300s;';
my $check = 'server %%ADDR_b2%%; healthdash_check http uri=/healthz'
            . ' interval=100ms fails=1 passes=1 timeout=20s';

my $t = HealthDash->new(workers => 2, http => <<EOF)->start;
    upstream app        { $failing $check; }
    upstream app_zone   { zone app 256k; $failing $check; }
    upstream kept       { $failing $check min_up=2; }
    upstream kept_zone  { zone kept 256k; $failing $check min_up=2; }
    upstream twice      { $failing $failing $check; }
    upstream twice_zone { zone twice 256k; $failing $failing $check; }

    server {
        listen 127.0.0.1:%%PORT_web%% reuseport;
        add_header X-Worker "\$pid \$upstream_http_x_backend";
        location / { proxy_pass http://\$host; }
        location /status { healthdash_status; }
    }
EOF

my @upstreams = qw(app app_zone kept kept_zone twice twice_zone);


# true when both workers say this of b1, in each place where it stands

sub both {
    my ($upstream, %want) = @_;
    my %seen;

    return wait_until(sub {
        my $json = hd_json($t, query => "upstream=$upstream");
        my @peers = grep { $_->{name} eq $b1->address }
                    @{ $json->{upstreams}{$upstream}{peers} };

        $seen{$json->{nginx}{pid}} = !grep { !peer_is($_, %want) } @peers;
        return 2 == grep { $_ } values %seen;
    }, 10, "two workers to see $upstream: " . join ' ', %want);
}

# how many workers have sent requests to b1

sub users_of_b1 {
    my ($upstream) = @_;
    my $r = flood(port('web'), 160, host => $upstream);

    return scalar grep { /b1/ } keys %{ $r->{worker} };
}


ok(wait_health($t), 'all is probed');
is(users_of_b1($_), 2, "$_: both workers use the server") for @upstreams;

# users see failures, probes do not

$b1->set('/healthz', status => 200);
$b1->set(reset => 1);

for my $u (@upstreams) {
    flood(port('web'), 160, host => $u);
    ok(both($u, state => 'unavail', health => 'up'),
       "$u: nginx avoids it by itself, to the probes it is up");
}

my $text = http_get(port('web'), '/status?format=text')->{body};

is(hd_json($t)->{health}, 'degraded', 'the page does not call that well');
unlike($text, qr/All is well/, 'in no words');
like($text, qr/^.*\d+ servers? out by passive failures/, 'but says what it is');

my $checks = hd_peer($t, 'app', $b1)->{health_checks}{checks};

ok(wait_until(sub {
    hd_peer($t, 'app', $b1)->{health_checks}{checks} > $checks + 5;
}, 10), 'it is probed on');

for my $u (@upstreams) {
    my $peer = hd_peer($t, $u, $b1);

    is_deeply([ $peer->{health}, $peer->{health_checks}{unhealthy},
                $peer->{health_checks}{fails} ],
              [ 'up', 0, 0 ], "$u: nginx's failures are none of a probe");
}


# the probes see it go down and come back

$b1->set('/healthz', status => 503);

for my $u (@upstreams) {
    ok(both($u, health => 'down', $u =~ /kept/ ? () : (state => 'unhealthy')),
       "$u: probes find it down");
}

$b1->set(status => 200);
$b1->set('/healthz', status => 200);

for my $u (@upstreams) {
    ok(wait_peer($t, $u, $b1, health => 'up'), "$u: probes find it up");
    ok(both($u, state => 'up'), 'nginx does not avoid it any longer');
    is(users_of_b1($u), 2, 'and both workers use it');
}

done_testing();

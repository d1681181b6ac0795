#!/usr/bin/perl

# Tests for upstreams that are not nginx's own list of servers: a balancer with
# a list of its own is refused, upstreams without a block are left alone (A39);
# and for the place of healthdash_check among the lines of a block.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Upstream qw(wait_peer wait_health);

use Cwd qw(abs_path);

my $top = abs_path("$FindBin::Bin/..");
my ($b1, $b2) = backends(qw(b1 b2));

$b2->set('/healthz', status => 503);


# A balancer with its own list: a stub, built for the nginx under test.  One
# from a package would be enabled in the machine's own nginx.

sub stub {
    my $src = $ENV{HD_NGINX_SRC} || "$top/build/nginx-src";
    my $out = tmp_dir() . '/own_balancer.so';
    my @dirs = ("$src/objs", map { "$src/src/$_" } qw(
        core event event/modules event/quic os/unix http http/modules http/v2
        http/v3
    ));

    system($ENV{CC} || 'cc', '-shared', '-fPIC', '-g',
           (map { ('-isystem', $_) } @dirs), '-o', $out,
           "$FindBin::Bin/unit/own_balancer.c") == 0
        or die "cannot build the stub of a balancer\n";

    return $out;
}


sub refused {
    my ($t, $what, @lines) = @_;
    my ($rc, $out) = $t->conf_test("http {\nupstream app {\n"
                                   . join("\n", @lines) . "\n}\n}\n");
    my ($line) = $out =~ /^nginx: \[emerg\] (.*)$/m;

    isnt($rc, 0, "$what is refused");
    like($line // $out, qr/^healthdash_check:\ upstream\ "app"\ uses\ a\ load
                           \ balancing\ method\ with\ its\ own\ list\ of
                           \ servers;\ healthdash_check\ can't\ make\ it\ skip
                           \ servers;\ use\ healthdash_service\ to\ watch\ them
                           \ in\ \S+test\.conf:\d+$/x, 'with that sentence');
}


my $t = HealthDash->new(main => 'load_module ' . stub() . ';',
                        http => <<'EOF');
    upstream own { own_balancer; server %%ADDR_b1%%; server %%ADDR_b1%%; }
    upstream app { server %%ADDR_b1%%; server %%ADDR_b2%%;
                   healthdash_check uri=/healthz interval=100ms timeout=5s; }
    healthdash_service watched http://%%ADDR_b1%%/healthz interval=100ms
                               timeout=5s;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /       { proxy_pass http://app; }
        location /own    { proxy_pass http://own; }
        location /status { healthdash_status; }
    }
EOF

my $own = 'own_balancer;';
my @servers = ('server 127.0.0.1:1;', 'server 127.0.0.1:2;');

refused($t, 'it before the check', @servers, $own, 'healthdash_check tcp;');
refused($t, 'it behind the check', 'healthdash_check tcp;', $own, @servers);
refused($t, 'it with mode=observe', $own, @servers,
        'healthdash_check mode=observe;');
refused($t, 'it with keepalive', @servers, $own, 'keepalive 4;',
        'healthdash_check tcp;');

# without a check nobody looks at it

$t->start;

ok(wait_until(sub {
    my $json = hd_json($t);

    return hd_peer($json, 'app', $b2)->{state} eq 'unhealthy'
           && $json->{services}{watched}{health} eq 'up';
}, 10, 'results'), 'beside it checked servers are probed');

is_deeply([ keys %{ hd_json($t)->{upstreams} } ], [ 'app' ],
          'it is not shown');

for my $format (qw(html json text)) {
    is(http_get(port('web'), "/status?format=$format")->{status}, 200,
       "$format is served");
}

is(http_get(port('web'), '/own')->{status}, 500,
   'its requests are its own: it answers none');
is_deeply(http_burst(port('web'), '/', 50)->{backend}, { b1 => 50 },
          'the server that is down is skipped');
ok($t->reload, 'a reload');
$t->stop;


# Upstreams without a block, one that is not checked, and one that no request
# ever asks for

$t = HealthDash->new(workers => 2, http => <<'EOF')->start;
    upstream plain  { server %%ADDR_b2%%; }

    upstream app {
        zone app 128k;
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check uri=/healthz interval=100ms timeout=5s;
    }

    upstream unused {
        server %%ADDR_b1%%;
        server %%ADDR_b2%% backup;
        healthdash_check uri=/healthz interval=100ms timeout=5s;
    }

    map $uri $target {
        /variable/address   %%ADDR_b2%%;
        /variable/block     app;
        /variable/plain     plain;
        /variable/implicit  127.0.0.1:%%PORT_b2%%;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /          { proxy_pass http://app; }
        location /plain     { proxy_pass http://plain; }
        location /implicit  { proxy_pass http://%%ADDR_b2%%; }
        location /localhost { proxy_pass http://localhost:%%PORT_b2%%; }
        location /variable/ { proxy_pass http://$target; }
        location /status    { healthdash_status; }
    }
EOF

ok(wait_health($t), 'all is probed');
ok(wait_peer($t, 'app', $b2->address, state => 'unhealthy'), 'b2 is down');

my $json = hd_json($t);

is_deeply([ sort keys %{ $json->{upstreams} } ], [ qw(app unused) ],
          'only checked upstreams are shown');

for (qw(plain implicit localhost variable/address variable/implicit
        variable/plain))
{
    is_deeply(http_burst(port('web'), "/$_", 40)->{backend}, { b2 => 40 },
              "$_: requests go where they went");
}

for (qw(app variable/block)) {
    is_deeply(http_burst(port('web'), "/$_", 40)->{backend}, { b1 => 40 },
              "$_: what is down is skipped");
}

is_deeply([ map { "$_->{health} $_->{state}" }
            @{ $json->{upstreams}{unused}{peers} } ],
          [ 'up up', 'down unhealthy' ], 'one without requests is probed');

my $checks = hd_peer($json, 'unused', $b1)->{health_checks}{checks};

ok($t->reload, 'a reload');
ok(wait_until(sub {
    hd_peer($t, 'unused', $b1)->{health_checks}{checks} > $checks + 3;
}, 10), 'and goes on being probed');
is_deeply(http_burst(port('web'), '/implicit', 40)->{backend}, { b2 => 40 },
          'the others are as they were');

$t->stop;


# The place of healthdash_check

my %method = (
    none        => [],
    least_conn  => [ 'least_conn;' ],
    ip_hash     => [ 'ip_hash;' ],
    hash        => [ 'hash $request_id;' ],
    consistent  => [ 'hash $request_id consistent;' ],
    random      => [ 'random two;' ],
    keepalive   => [ 'keepalive 4;' ],
    all         => [ 'zone all%d 128k;', 'least_conn;', 'keepalive 4;' ],
);

my ($http, $locations, @name) = ('', '');

for my $method (sort keys %method) {
    my @lines = (@{ $method{$method} }, 'server %%ADDR_b1%%;',
                 'server %%ADDR_b2%%;');

    for my $place (0 .. @lines) {
        my $name = "$method$place";
        my @block = map { s/%d/$place/r } @lines;

        splice @block, $place, 0, 'healthdash_check uri=/healthz'
                                  . ' interval=200ms timeout=5s;';

        $http .= "upstream $name { @block }\n";
        $locations .= "location /$name/ { proxy_pass http://$name; }\n";
        push @name, $name;
    }
}

$t = HealthDash->new(http => <<"EOF")->start;
    $http
    server {
        listen 127.0.0.1:%%PORT_web%%;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        $locations
        location /status { healthdash_status; }
    }
EOF

ok(wait_health($t), 'all is probed');

for my $name (@name) {
    wait_peer($t, $name, $b2->address, state => 'unhealthy');

    is_deeply(http_burst(port('web'), "/$name/", 20)->{backend}, { b1 => 20 },
              "$name: the check works in this place");
}

done_testing();

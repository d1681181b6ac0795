#!/usr/bin/perl

# Tests for healthdash_ready: 200 while every term holds, else 503; what holds
# is what nginx does and what is known, never what is hoped; and healthdash_live
# beside it, which tests nothing (DESIGN 2.2).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Status qw(schema_errors_of run_command connect_to
                          read_response);

use JSON::PP ();

my @b = backends(qw(b1 b2));
my ($up, $slow, $mute, $secret) = backends(qw(up slow mute secret));
my $held = backend('held', hang => 1);

$slow->set(delay => 0.05);
$mute->set(hang => 1);
$secret->set(status => 503, reason => 's3cret');

my $probe = 'interval=100ms fast=100ms timeout=5s fails=1 passes=1 jitter=0%';
my $long = 'interval=1h timeout=10m fails=1 passes=1';

my $t = HealthDash->new(workers => 2, http => <<EOF)->start;
    upstream app {
        zone app 256k;
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http uri=/healthz min_up=0 $probe critical;
    }

    upstream kept {
        zone kept 256k;
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http uri=/healthz $probe;
    }

    upstream watched {
        zone watched 256k;
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        healthdash_check http uri=/healthz min_up=0 mode=observe $probe;
    }

    upstream admin {
        zone admin 256k;
        server %%ADDR_b1%% down;
        server %%ADDR_b2%%;
        healthdash_check http uri=/healthz min_up=0 $probe;
    }

    upstream passive {
        zone passive 256k;
        server %%ADDR_b1%% max_fails=1 fail_timeout=60s;
        server %%ADDR_b2%% max_fails=1 fail_timeout=60s;
        healthdash_check tcp $probe;
    }

    upstream waiting  { server %%ADDR_mute%%; healthdash_check $long; }
    upstream trusting { server %%ADDR_mute%%;
                        healthdash_check $long initial=up; }
    upstream half     { server %%ADDR_mute%%; healthdash_check $long initial=up;
                        healthdash_check $long uri=/b; }

    healthdash_service "Orders database" http://%%ADDR_up%%/ critical
                       interval=100ms jitter=0% fails=1 passes=1;
    healthdash_service slow http://%%ADDR_slow%%/ slow=1ms timeout=20s
                       interval=100ms jitter=0% fails=1 passes=1;
    healthdash_service bad http://me:pw-s3cret@%%ADDR_secret%%/ $probe;
    healthdash_service none http://%%ADDR_mute%%/ $long;
    healthdash_service trust http://%%ADDR_mute%%/a $long initial=up;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        proxy_next_upstream off;

        location = /live { healthdash_live; }
        location = /ready { healthdash_ready; }
        location = /late { healthdash_ready later; }
        location = /app { healthdash_ready app; }
        location = /app1 { healthdash_ready app>=1; }
        location = /app2 { healthdash_ready app "app>=2"; }
        location = /kept { healthdash_ready kept; }
        location = /kept1 { healthdash_ready kept>=1; }
        location = /watched { healthdash_ready watched; }
        location = /watched1 { healthdash_ready watched>=1; }
        location = /admin { healthdash_ready admin; }
        location = /admin2 { healthdash_ready admin>=2; }
        location = /passive { healthdash_ready passive; }
        location = /waiting { healthdash_ready waiting; }
        location = /trusting { healthdash_ready trusting trusting>=1; }
        location = /half { healthdash_ready half; }
        location = /slow { healthdash_ready slow; }
        location = /bad { healthdash_ready bad; }
        location = /none { healthdash_ready none; }
        location = /trust { healthdash_ready trust; }
        location = /all { healthdash_ready "Orders database" slow bad none app; }
        location /status { healthdash_status; }
        location /use/ { proxy_pass http://passive/; }

        location /wait/ {
            proxy_pass http://%%ADDR_held%%;
            proxy_read_timeout 8s;
            error_page 504 = \$arg_to;
        }
    }

    upstream later { server %%ADDR_up%%;
                     healthdash_check tcp $probe initial=up; }
EOF


# code(PATH): the status alone; doc(PATH): the object, which must fit its schema

sub code { return http_get(port('web'), $_[0])->{status}; }

sub doc {
    my ($path) = @_;
    my $r = http_get(port('web'), $path);

    is(schema_errors_of('ready', $r->{body}), '', "$path: valid");

    my $doc = JSON::PP::decode_json($r->{body});

    is($r->{status}, $doc->{status} eq 'fail' ? 503 : 200,
       "$path: $doc->{status}");
    return $doc;
}

sub becomes {
    my ($path, $code, $what) = @_;

    ok(wait_until(sub { code($path) == $code }, 10, "$path to be $code"),
       "$path: $what");
}


# at first, before any result

is(code('/live'), 200, 'alive at once');
becomes('/ready', 200, 'ready once all that is critical is known to be well');
becomes('/app2', 200, 'both servers');
becomes('/slow', 200, 'what is degraded holds');
becomes('/late', 200, 'an upstream that stands behind the location');
becomes('/passive', 200, 'tcp checks');

is(code('/none'), 503, 'no result is not ready');
is(code('/waiting'), 503, 'nor is an upstream without any');
is(code('/trust'), 200, 'unless initial=up says so itself');
is(code('/trusting'), 200, 'for an upstream, too');
is(code('/half'), 503, 'but for each of its checks');


# what it says

my $doc = doc('/ready');
my $check = $doc->{checks}{'Orders database'}[0];

is_deeply([ sort keys %{ $doc->{checks} } ], [ 'Orders database', 'app' ],
          'without terms: what is critical');
is_deeply([ @$check{qw(componentType observedUnit status output)} ],
          [ 'component', 'ms', 'pass', undef ], 'a service that is up');
cmp_ok($check->{observedValue}, '>', 0, 'with its latency');

$check = $doc->{checks}{app}[0];
is_deeply([ @$check{qw(observedValue observedUnit status)} ],
          [ 2, 'servers', 'pass' ], 'an upstream and its servers');

$doc = doc('/slow');
like($doc->{checks}{slow}[0]{output}, qr/^slow: /, 'a warning says why');
is($doc->{status}, 'warn', 'and is one of the whole');

$doc = doc('/none');
is($doc->{checks}{none}[0]{output}, 'no result yet', 'nothing known says so');
is($doc->{checks}{none}[0]{time}, undef, 'and has no time');

becomes('/bad', 503, 'a service that is down');
$doc = doc('/bad');
is($doc->{checks}{bad}[0]{output}, 'http status 503', 'with its reason');

$doc = doc('/all');
is_deeply([ map { $doc->{checks}{$_}[0]{status} }
            'Orders database', 'slow', 'bad', 'none', 'app' ],
          [ qw(pass warn fail fail pass) ], 'many terms, each with its own');


# methods and headers

my $get = http_get(port('web'), '/ready');
my $head = http_request(port => port('web'), path => '/ready',
                        method => 'HEAD');
my $post = http_request(port => port('web'), path => '/ready',
                        method => 'POST', body => 'x');

is($get->{headers}{'content-type'}, 'application/health+json', 'media type');
is($get->{headers}{'cache-control'}, 'no-store', 'not to be kept');
is($head->{status}, 200, 'HEAD');
is($head->{body}, '', 'without a body');
is($head->{headers}{'content-type'}, 'application/health+json',
   'with the type');
is_deeply([ $post->{status}, $post->{headers}{allow} ], [ 405, 'GET, HEAD' ],
          'POST is refused');
is(http_request(port => port('web'), path => '/bad', method => 'HEAD')
   ->{status}, 503, 'HEAD tells it as well');


# as nginx acts

$b[0]->set('/healthz', status => 503);

becomes('/app2', 503, 'one server is too few of two');
is(code('/app'), 200, 'but enough to serve');
is(code('/app1'), 200, 'and one of one');
is(doc('/app')->{status}, 'warn', 'that one is down is a warning');

$b[1]->set('/healthz', status => 503);

becomes('/app', 503, 'none is chosen any more');
becomes('/ready', 503, 'and nothing is ready without it');
like(doc('/app')->{checks}{app}[0]{output}, qr/^can serve: 0 of 2 servers$/,
     'with numbers');

becomes('/kept1', 503, 'none is healthy');
is(code('/kept'), 200, 'but min_up keeps them in service');
is(doc('/kept')->{status}, 'warn', 'which is a warning');

becomes('/watched1', 503, 'observe: none is healthy');
is(code('/watched'), 200, 'but nothing is taken out');
is(code('/live'), 200, 'live tests nothing of this');

$_->set('/healthz', status => 200) for @b;

becomes('/app2', 200, 'back again');
becomes('/admin', 200, 'one is down by configuration');
is(code('/admin2'), 503, 'and does not count');

$_->set('/gone', close => 1) for @b;
http_get(port('web'), '/use/gone') for 1 .. 2;

is(code('/passive'), 503, 'passive failures count');


# curl, as in "exec" of Kubernetes, and what kubelet sends

my $base = 'http://127.0.0.1:' . port('web');

is((run_command('curl', '-fsS', '-o', '/dev/null', "$base/ready"))[0], 0,
   'curl -f: ready');
is((run_command('curl', '-fsS', '-o', '/dev/null', "$base/bad"))[0], 22,
   'curl -f: not ready');
is((run_command('curl', '-fsSI', '-o', '/dev/null', "$base/ready"))[0], 0,
   'curl -fI');

for (['/ready', 200], ['/bad', 503], ['/live', 200]) {
    my ($path, $code) = @$_;
    my $raw = http_raw(port('web'),
                       "GET $path HTTP/1.1\r\nHost: 127.0.0.1:" . port('web')
                       . "\r\nUser-Agent: kube-probe/1.31\r\nAccept: */*\r\n"
                       . "Connection: close\r\n\r\n");

    like($raw, qr{^HTTP/1\.1 $code }, "httpGet $path");
}


# no secret, in any of them

unlike(join('', map { http_get(port('web'), $_)->{body} }
            qw(/ready /bad /all)), qr/s3cret/, 'no secret');


# stale: a worker of the past, for which nobody probes any more

{
    my @fh = map { connect_to(port('web')) } 0 .. 2;
    my $i = 0;

    for my $to (qw(/app /late /ready)) {
        syswrite $fh[$i++], "GET /wait/?to=$to HTTP/1.1\r\nHost: a\r\n\r\n";
    }

    wait_until(sub { $held->count >= 3 }, 5, 'three requests');
    $t->set_conf("http { }\n")->reload(wait => 'new');

    for my $to (qw(/app /late /ready)) {
        my $left = '';
        my $r = read_response(shift @fh, \$left);

        is($r->{status}, 503, "$to: stale results claim nothing");
        is(schema_errors_of('ready', $r->{body}), '', 'valid');
    }
}

$t->stop;


# nor does a worker of the past hope whose record has gone to another target

{
    my $conf = sub {
        my ($what, @n) = @_;

        return "http {\n    healthdash_zone tight 424k;\n" . join('', map {
            "    healthdash_service $what$_ http://" . $secret->address
            . "/$what$_ $probe initial=up;\n" } @n)
            . "    server { listen 127.0.0.1:" . port('tight') . ";\n"
            . "    location /ready { healthdash_ready ${what}1; } }\n}\n";
    };

    my $t = HealthDash->new(workers => 1, conf => $conf->('a', 1))->start;
    my $ready = sub { http_get(port('tight'), '/ready')->{status} };
    my $request = "GET /ready HTTP/1.1\r\nHost: a\r\n";
    my $fh = connect_to(port('tight'));
    my $in = '';

    ok(wait_until(sub { $ready->() == 503 }, 10), 'not ready');

    syswrite $fh, "$request\r\n$request";
    is(read_response($fh, \$in)->{status}, 503, 'nor as half of the next '
       . 'request is there');

    $t->set_conf($conf->($_, 1 .. 4))->reload(wait => 'new') for qw(b c);

    syswrite $fh, "\r\n";
    is(read_response($fh, \$in)->{status}, 503, 'nor without a record');

    $t->stop;
}

done_testing();

#!/usr/bin/perl

# Tests for the live stream: what its messages say, in which order and how
# often; who is refused; and the ways on which it comes to its viewers.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 240;

use JSON::PP ();
use Time::HiRes qw(time);

use HealthDash::Events;
use HealthDash::Run qw(slow);

my ($b1, $b2) = backends(qw(b1 b2));

my $t = HealthDash->new(workers => 1, conf => <<'EOC')->start;
http {
    healthdash_probe p {
        interval 200ms;
        fast 200ms;
        timeout 10s;
        fails 1;
    }

    upstream app {
        server %%ADDR_b1%%;
        server %%ADDR_b2%%;
        server 127.0.0.1:1 down;
        healthdash_check probe=p;
    }

    upstream "q\"<b>" {
        server %%ADDR_b1%%;
        healthdash_check probe=p;
    }

    healthdash_service "One" http://%%ADDR_b1%%/one probe=p;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        gzip on;
        gzip_types *;
        gzip_proxied any;
        location /status { healthdash_status; }
        location /fixed { healthdash_status events; }
    }

    server {
        listen 127.0.0.1:%%PORT_h2%% http2;
        location /status { healthdash_status; }
    }

    server {
        listen 127.0.0.1:%%PORT_front%%;
        location / { proxy_pass http://127.0.0.1:%%PORT_web%%; }
    }
}
EOC

ok(wait_until(sub {
    my $json = hd_json($t);
    return $json->{summary}{servers}{up} == 3
           && $json->{summary}{servers}{down} == 1
           && $json->{services}{One}{health} eq 'up';
}, 20), 'all are up, but what nobody serves');


sub viewer {
    return HealthDash::Events->new(port => port('web'), @_);
}


# The first message is the status itself.

my $v = viewer();
my $first = $v->wait(sub { 1 }, 20, 'a first message');
my $json = HealthDash::Events::data($first);

is($v->{status}, 200, 'a stream');
like($v->{head}, qr{^Content-Type: text/event-stream\r$}mi, 'its type');
like($v->{head}, qr/^X-Accel-Buffering: no\r$/mi, 'proxies pass it on');
like($v->{head}, qr/^Cache-Control: no-store\r$/mi, 'nobody keeps it');
unlike($v->{head}, qr/^Content-(?:Length|Encoding):/mi,
       'no length, and not compressed');
is($v->{retry}, 1000, 'a viewer that lost it comes again after a second');
is($first->{event}, 'snapshot', 'the first message is a snapshot');

my $status = hd_json($t);

is_deeply([ sort keys %$json ], [ sort keys %$status ],
          'it has what the status has');
is_deeply([ sort keys %{ $json->{upstreams} } ], [ 'app', 'q"<b>' ],
          'all upstreams');
is(scalar @{ $json->{upstreams}{app}{peers} }, 3, 'with all servers');
is($first->{id}, $json->{events}[-1]{id}, 'its id is that of the last event');
is_deeply($json->{events}, $status->{events}, 'its events, too');


# Then what changes: results alone, a verdict, the way back.

my $pulse = $v->wait(sub { @{ HealthDash::Events::data($_[0])->{pulse}
                              // [] } }, 20, 'a pulse');
my $p = HealthDash::Events::data($pulse);

is($pulse->{event}, 'change', 'a result that changes nothing');
is_deeply([ sort keys %$p ],
          [ sort qw(time health summary title sentence upstreams services
                    pulse events) ], 'what a change says');
is_deeply([ $p->{upstreams}, $p->{services}, $p->{events} ], [ {}, {}, [] ],
          'nothing but the result');
is(scalar @{ $p->{pulse}[0] }, 6, 'in six words');
like($p->{pulse}[0][1], qr/^\d{4}-\d\d-\d\dT.*Z$/, 'when it was');
like($p->{pulse}[0][4], qr/^\d+ passes$/, 'and the streak');
is($p->{title}, 'all up', 'the words for a tab');

my %keys;

$keys{ref $_->[0] ? join '/', @{ $_->[0] } : $_->[0]}++
    for map { @{ HealthDash::Events::data($_)->{pulse} // [] } } $v->messages;

ok(wait_until(sub {
    $v->poll;
    $keys{ref $_->[0] ? join '/', @{ $_->[0] } : $_->[0]}++
        for map { @{ HealthDash::Events::data($_)->{pulse} // [] } }
            $v->messages;
    return 4 == grep { $keys{$_} } 'app/0', 'app/1', 'q"<b>/0', 'One';
}, 20), 'results of all that is probed are told');

my $before = $v->{id};

$b2->set(status => 503);

my $down = $v->wait(sub {
    my $u = HealthDash::Events::data($_[0])->{upstreams}{app} or return;
    return $_[0]{event} eq 'change' && grep { $_->{name} eq $b2->address
                                              && $_->{health} eq 'down' }
                                       @{ $u->{peers} };
}, 20, 'the verdict');
my $at = time();

$json = HealthDash::Events::data($down);
is($json->{health}, 'degraded', 'the whole is degraded');
is($json->{summary}{servers}{down}, 2, 'one more is down');
like($json->{title}, qr/\d down$/, 'says the tab');
like($json->{sentence}, qr/is down/, 'and the sentence');
is_deeply([ map { $_->{name} } @{ $json->{upstreams}{app}{peers} } ],
          [ $b2->address ], 'only that server is sent');
is($json->{upstreams}{app}{serving}, 1, 'and how many serve');
is($json->{upstreams}{app}{total}, 3, 'of how many');
is_deeply([ keys %{ $json->{upstreams} } ], [ 'app' ], 'and no other upstream');
is(scalar @{ $json->{events} }, 1, 'with the event');
is($json->{events}[0]{id}, $before + 1, 'that is new');
is($down->{id}, $before + 1, 'its id is that of the message');

is_deeply($json->{upstreams}{app}{peers}[0]{reason},
          hd_peer($t, 'app', $b2)->{reason}, 'the object is that of the JSON');

# from the verdict to the viewer: by the clock of the same machine

my $verdict = wall($json->{events}[0]{time});

cmp_ok($down->{at} - $verdict, '<', 1 * slow(),
       'it is told within a second of the verdict');

$b2->set(status => 200);
ok($v->wait(sub {
    my $d = HealthDash::Events::data($_[0]);
    return $_[0]{event} eq 'change' && $d->{health} eq 'up'
           && @{ $d->{events} } && $_[0]{id} > $down->{id};
}, 20, 'the way back'), 'it is told that the server came back');

# an administrator's server, a probe that is kept off: order and pace

ok($v->messages > 4 || $v->wait(sub { $v->messages > 4 }, 20), 'some messages');

my @times = map { wall(HealthDash::Events::data($_)->{time}) } $v->messages;
my @short = grep { $_ < 0.24 } map { $times[$_] - $times[$_ - 1] }
            1 .. $#times;

is_deeply(\@short, [], 'never more than one in 250 ms');
is_deeply([ $v->events ], [ sort { $a <=> $b } $v->events ],
          'events come in order');
is(scalar @{ $v->{errors} // [] }, 0, 'no line is unknown')
    or diag(join "\n", @{ $v->{errors} });


# Who was there before says which event it has seen last.

my $last = $v->{id};

for my $case ([ 'header', { headers => { 'Last-Event-ID' => $last - 1 } } ],
              [ 'argument', { path => '/status?format=events&last_event_id='
                                      . ($last - 1) } ])
{
    my ($name, $arg) = @$case;
    my $again = viewer(%$arg);
    my $m = $again->wait(sub { 1 }, 20, 'a message');

    is_deeply([ map { $_->{id} } @{ HealthDash::Events::data($m)->{events} } ],
              [ $last ], "$name: only what came later");
    $again->close;
}

for my $id ($last + 1000000, 'nonsense', '-1', '', '99999999999999999999') {
    my $again = viewer(headers => { 'Last-Event-ID' => $id });
    my $m = $again->wait(sub { 1 }, 20, 'a message');

    cmp_ok(scalar @{ HealthDash::Events::data($m)->{events} }, '>', 1,
           "\"$id\" says nothing: the last events");
    $again->close;
}

my $none = viewer(headers => { 'Last-Event-ID' => $last });

is_deeply(HealthDash::Events::data($none->wait(sub { 1 }, 20))->{events}, [],
          'who knows all is told of no event');
$none->close;


# All have the same stream, and a fixed location has nothing else.

my $fixed = viewer(path => '/fixed');

ok($fixed->wait(sub { $_[0]{event} eq 'change' }, 20), 'a location for streams');

$v->poll;
my @both = map { my $x = $_; +{ map { $_->{data} => 1 } $x->messages } }
           $v, $fixed;

ok((grep { $both[0]{$_} } keys %{ $both[1] }), 'which tells the others the same');
$fixed->close;


# Refusals

my %refused = (
    'upstream=app' => qr/of everything/,
    'service=One' => qr/of everything/,
    'health=up' => qr/of everything/,
    'group=x' => qr/of everything/,
    'history=1' => qr/of everything/,
    'events=3' => qr/of everything/,
    'rows=xml' => qr/^rows must be/,
);

for my $arg (sort keys %refused) {
    my $r = http_get(port('web'), "/status?format=events&$arg");

    is($r->{status}, 400, "$arg: refused");
    like($r->{body}, $refused{$arg}, 'with a sentence');
}

my $r = http_request(port => port('web'), path => '/status?format=events',
                     method => 'HEAD');

is($r->{status}, 200, 'HEAD: answered');
like($r->{head}, qr{^Content-Type: text/event-stream}mi, 'with the type');
is($r->{body}, '', 'and ended');

$r = http_request(port => port('web'), path => '/status?format=events',
                  method => 'POST', body => 'x');
is($r->{status}, 405, 'POST: refused');

$r = http_raw(port('web'), "GET /status?format=events HTTP/1.1\r\nHost: x\r\n"
              . "Content-Length: 100000\r\n\r\n");
like($r, qr/^HTTP\/1.1 400 .*takes no body/s, 'a body that is still to come');

my $accept = viewer(path => '/status',
                    headers => { Accept => 'text/event-stream' });

ok($accept->wait(sub { $_[0]{event} eq 'snapshot' }, 20),
   'a browser need not say the format');
$accept->close;


# HTTP/1.0 and HTTP/2, and behind another nginx

my $old = HealthDash::Client::open_connection({ port => port('web') });
my $in = '';

ok(wait_until(sub {
    syswrite $old, "GET /status?format=events HTTP/1.0\r\n\r\n" if $in eq '';
    sysread $old, $in, 65536, length $in;
    return $in =~ /event: change/;
}, 20), 'HTTP/1.0');
unlike($in, qr/chunked/i, 'is not chunked');
close $old;

my $front = HealthDash::Events->new(port => port('front'));

ok($front->wait(sub { $_[0]{event} eq 'snapshot' }, 20),
   'behind another nginx');
my $n = $front->messages;
ok($front->wait(sub { $front->messages > $n + 3 }, 20),
   'messages come one by one');
$front->close;

my $file = tmp_dir() . '/h2';
my $curl = open my $pipe, '-|', 'curl', '-sN', '-i', '--http2-prior-knowledge',
                '-m', 60, '-o', $file,
                'http://127.0.0.1:' . port('h2') . '/status?format=events'
    or die "curl: $!\n";

ok(wait_until(sub { slurp($file) =~ /event: change.*event: change/s }, 20),
   'HTTP/2');
like(slurp($file), qr{^HTTP/2 200.*^content-type: text/event-stream}ms,
     'with the type');
kill 'TERM', $curl;
close $pipe;

sub slurp {
    open my $fh, '<', $_[0] or return '';
    local $/;
    return <$fh> // '';
}


# Whoever went away is forgotten: nothing is told to nobody.

$v->close;
ok($t->wait_log(qr/client prematurely closed connection/, 20),
   'a viewer that goes away is noticed');

$t->stop;


# Silence is broken by a line now and then; and so many and no more.

$t = HealthDash->new(workers => 1, conf => <<'EOC')->start;
events { worker_connections 32; }
http {
    healthdash_service "One" http://%%ADDR_b1%%/one interval=1h;
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

ok(wait_until(sub { hd_json($t)->{services}{One}{health} eq 'up' }, 20),
   'one probe an hour');

my @v = map { viewer() } 1 .. 8;

ok(wait_until(sub { $_->poll for @v; return 8 == grep { $_->messages } @v },
              20), 'a quarter of the connections');

my $start = time();

$r = http_get(port('web'), '/status?format=events');
is($r->{status}, 503, 'one more is refused');
like($r->{body}, qr/as many streams as it may have/, 'with a sentence');

ok(wait_until(sub { $_->poll for @v; return !grep { !$_->{beats} } @v },
              40), 'silence is broken');
cmp_ok(time() - $start, '>', 13, 'after a while');
is_deeply([ map { scalar $_->messages } @v ], [ (1) x 8 ],
          'and nothing else was said');

$v[0]->close;
ok(wait_until(sub {
    my $again = viewer();
    $again->wait(sub { 1 }, 1);
    my $ok = $again->{status} == 200;
    $again->close;
    return $ok;
}, 20), 'whoever leaves makes room');

$_->close for @v;
done_testing();


# a time of the JSON as seconds

sub wall {
    my ($y, $mo, $d, $h, $mi, $s) = $_[0]
        =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z$/ or return 0;

    require Time::Local;
    return Time::Local::timegm(0, $mi, $h, $d, $mo - 1, $y) + $s;
}

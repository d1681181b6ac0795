#!/usr/bin/perl

# Tests for heartbeats: services that call in, as a cron job does it with curl,
# what they say of themselves, and what their silence means.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Daemon qw(need);
use HealthDash::Probe qw(verdict);
use HealthDash::Run qw(write_file);
use HealthDash::Status qw(connect_to read_response);

my $curl = need('curl');
my $secret = 't0ken-of-the-backup';

write_file(tmp_dir() . '/token', "$secret\n");
chmod 0600, tmp_dir() . '/token';

my %service = (
    'Backup, db'  => 'interval=1d grace=1h token=@%%TMP%%/token',
    'open'        => 'interval=31d',
    'patient'     => 'interval=1d fails=2',
    'late'        => 'interval=1s grace=500ms',
    'never'       => 'interval=700ms grace=300ms',
    'a/b'         => 'interval=1d',
    'mirrored'    => 'interval=1d',
);

my $extra = '';

sub conf {
    my $services = join '', map {
        qq{    healthdash_service "$_" heartbeat: $service{$_};\n}
    } sort keys %service;

    return <<"EOC";
http {
    access_log %%DIR%%/access.log combined;
$services
    $extra

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /beat/  { healthdash_heartbeat; }
        location /plain  { healthdash_heartbeat; }
        location = /one  { healthdash_heartbeat; }
        location ~ ^/re/ { healthdash_heartbeat; }
        location /closed/ { deny all; healthdash_heartbeat; }
        location = /job  { mirror /beat/mirrored; mirror_request_body off;
                           proxy_pass http://127.0.0.1:%%PORT_web%%/done; }
        location = /done { return 200 "done\n"; }
    }
}
EOC
}

my $t = HealthDash->new(workers => 2, conf => conf())->start;
my $web = 'http://127.0.0.1:' . port('web');


# curl(ARGUMENTS): status and body

sub curl {
    my (@arg) = @_;
    my $pid = open(my $fh, '-|') // die "fork() failed: $!\n";

    if ($pid == 0) {
        HealthDash::Run::in_child();
        exec $curl, '-sS', '-m', 10, '-w', '%{http_code}', @arg
            or POSIX::_exit(127);
    }

    my $out = do { local $/; <$fh> } // '';

    close $fh;

    return $out =~ /^(.*?)\s*(\d{3})$/s ? ($2, $1) : (0, $out);
}


sub service { return hd_json($t)->{services}{$_[0]} // {}; }

sub becomes {
    my ($name, $want, $what) = @_;
    my $is = '';

    wait_until(sub {
        $is = verdict(service($name));
        return ref $want ? $is =~ $want : $is eq $want;
    }, 10);

    return ref $want ? like($is, $want, $what) : is($is, $want, $what);
}


# begun(NAME): a worker has read half of a beat; the other half is sent by what
# is returned, which returns the answer

sub begun {
    my ($name) = @_;
    my $fh = connect_to(port('web'));
    my $in = '';

    syswrite $fh, "GET /beat/$name HTTP/1.1\r\nHost: a\r\n\r\n"
                  . "GET /beat/$name HTTP/1.1\r\n";
    read_response($fh, \$in);

    return sub {
        syswrite $fh, "Host: a\r\nConnection: close\r\n\r\n";
        return read_response($fh, \$in);
    };
}


# a beat, as a cron job sends it

my @name = ("$web/beat/Backup,%20db");

is(service('Backup, db')->{health}, 'unknown', 'before the first beat');
is(service('Backup, db')->{health_checks}{checks}, 0, 'nothing is counted');

my ($status, $body) = curl('-f', '-H', "X-Healthdash-Token: $secret", @name);

is($status, 200, 'a token in a header');
is($body, '{"status":"ok"}', 'is answered in JSON');

ok(wait_until(sub { service('Backup, db')->{health} eq 'up' }, 5),
   'a beat is seen soon, though the interval is a day');

my $facts = service('Backup, db');

ok(!$facts->{stale}, 'nor is it stale');
is($facts->{health_checks}{checks}, 1, 'one beat is one check');


# what it says

for my $case (
    [ 'a message', 'degraded: the heartbeat reports: degraded: 3 tables',
      '-H', "Authorization: Bearer $secret",
      "$name[0]?status=degraded&message=3+tables" ],
    [ 'a form', 'down: the heartbeat reports: down: disk <b>full</b> & "old"',
      '-d', "token=$secret", '-d', 'status=down',
      '--data-urlencode', 'message=disk <b>full</b> & "old"', @name ],
    [ 'one that is well again', 'up', '-I', "$name[0]?token=$secret" ],
    [ 'chunks', 'degraded: the heartbeat reports: degraded',
      '-H', 'Transfer-Encoding: chunked', '-d', 'status=degraded',
      "$name[0]?token=$secret" ],
    [ 'control characters', 'down: the heartbeat reports: down: a?b? c',
      "$name[0]?token=$secret&status=down&message=a%0ab%1b%20c" ],
    [ 'a secret in it', 'down: the heartbeat reports: down: it is ***',
      "$name[0]?token=$secret&status=down&message=it+is+$secret" ],
    [ 'bytes that are no text', 'down: the heartbeat reports: down: ??',
      "$name[0]?token=$secret&status=down&message=%ff%00" ],
    [ 'too much', 'down: the heartbeat reports: down: ' . 'x' x 128,
      "$name[0]?token=$secret&status=down&message=" . 'x' x 300 ],
) {
    my ($what, $want, @arg) = @$case;

    ($status) = curl(@arg);

    is($status, 200, "$what is taken");
    becomes('Backup, db', $want, "$what is told");

    if ($what eq 'a form') {
        my $page = http_get(port('web'), '/status?format=html')->{body};

        like($page, qr/disk &lt;b&gt;full/, 'markup is escaped on the page');
        unlike($page, qr/<b>full/, 'and nowhere else as it came');
    }
}

is(service('Backup, db')->{health_checks}{checks}, 9, 'each beat counts once');


# what is refused

for my $case (
    [ 'no token', 403, qr/unknown heartbeat, or not its token/, @name ],
    [ 'a wrong token', 403, qr/not its token/, "$name[0]?token=wrong" ],
    [ 'a part of the token', 403, qr/not its token/,
      "$name[0]?token=" . substr($secret, 0, -1) ],
    [ 'more than the token', 403, qr/not its token/,
      "$name[0]?token=$secret$secret" ],
    [ 'a wrong token in a header, a right one behind it', 403, qr/token/,
      '-H', 'X-Healthdash-Token: x', "$name[0]?token=$secret" ],
    [ 'an unknown name, as there are tokens', 403, qr/unknown heartbeat, or/,
      "$web/beat/nobody" ],
    [ 'an unknown name with no byte of a token', 403, qr/unknown/,
      "$web/beat/nobody?token=%00" ],
    [ 'the name of a service of another type', 403, qr/unknown/,
      "$web/beat/web" ],
    [ 'no name', 400, qr/no name, expected/, "$web/beat/" ],
    [ 'no name for one location', 400, qr/no name/, "$web/one" ],
    [ 'a word that is no status', 400, qr/unknown status, expected \\"up\\"/,
      "$web/beat/open?status=UP" ],
    [ 'a method', 405, qr/only GET, HEAD and POST/, '-X', 'PUT',
      "$web/beat/open" ],
    [ 'a long form', 413, qr/longer than 4096/,
      '-d', 'message=' . 'x' x 5000, "$web/beat/open" ],
    [ 'a long form in chunks', 413, qr/longer than 4096/,
      '-H', 'Transfer-Encoding: chunked', '-H', 'Expect:',
      '-d', 'message=' . 'x' x 60000, "$web/beat/open" ],
    [ 'what nginx denies', 403, qr/nginx/, "$web/closed/open" ],
) {
    my ($what, $code, $text, @arg) = @$case;

    ($status, $body) = curl(@arg);

    is($status, $code, "$what: $code");
    like($body, $text, 'in words');
}

my $put = http_request(port => port('web'), path => '/beat/open',
                       method => 'DELETE');

is($put->{headers}{allow}, 'GET, HEAD, POST', 'what is allowed');
is($put->{headers}{'cache-control'}, 'no-store', 'nobody keeps an answer');

is(service('open')->{health}, 'unknown', 'nothing of that was a beat');


# names

for my $where ("beat/open", "plain/open", "plain?service=open",
               "one?service=open", "re/?service=open", "beat/?service=a%2Fb",
               "beat/a%2fb")
{
    ($status) = curl("$web/$where");
    is($status, 200, "/$where");
}

becomes($_, 'up', "$_ is up") for 'open', 'a/b';


# silence

becomes('never', 'down: no heartbeat yet, expected every 700ms plus 300ms',
        'one that never came');
is(service('never')->{health_checks}{fails} >= 1, 1, 'failed');

my $calls = sub { curl("$web/beat/late"); service('late')->{health} eq 'up' };

ok(wait_until($calls, 10), 'one that calls');
becomes('late', qr/^down: no heartbeat for \d+m?s, expected every 1s plus 500ms$/,
        'and no more');
is(service('late')->{reason}{code}, 'heartbeat_missing', 'by this name');
ok(wait_until($calls, 10), 'comes back');

curl("$web/beat/patient?status=down");
becomes('patient', qr/^down/, 'the very first result decides alone');
curl("$web/beat/patient");
becomes('patient', 'up', 'and one good beat');
curl("$web/beat/patient?status=down");

ok(wait_until(sub { service('patient')->{health_checks}{fails} == 2 }, 10),
   'with fails=2 one bad beat, the second in all');
is(service('patient')->{health}, 'up', 'is not enough');


# what is known stays; half a request keeps the worker that has read it

my $half = begun('open');

ok($t->reload(wait => 'new'), 'a reload');
is(service('open')->{health}, 'up', 'keeps the state');

my $known = service('open')->{health_checks}{checks};

is($half->()->{status}, 200, 'a beat that an old worker hears');
ok(wait_until(sub { service('open')->{health_checks}{checks} > $known }, 10),
   'counts');

curl("$name[0]?token=$secret");
becomes('Backup, db', 'up', 'a beat after the reload');

$extra = join '', map { "healthdash_service n$_ heartbeat: interval=1d;\n" }
                  1 .. 100;
$service{open} = 'interval=30d grace=1d';
$t->set_conf(conf());

my $checks = service('open')->{health_checks}{checks};

$half = begun('a%2Fb');

ok($t->reload(wait => 'new'), 'a reload to a larger zone and another interval');
is(service('open')->{health}, 'up', 'keeps the state');

my $late = $half->();

is($late->{status}, 503, 'a beat that would be lost with the old zone');
like($late->{body}, qr/"the configuration has changed, send it again"/,
     'is to be sent again');

ok(wait_until(sub { service('open')->{health_checks}{checks} > $checks }, 15),
   'looks at it with the new interval');
is(service('open')->{health}, 'up', 'and knows of the beat');

# a request that nginx makes itself, of one whose form it has not read

is(join(' ', curl('-d', 'status=down', "$web/job")), '200 done',
   'a form that is mirrored without its body');
becomes('mirrored', 'up', 'is a beat that says nothing');

# both workers look after targets of their own, and of the other if need be

$t->kill_worker;
$t->kill_worker(pid => ($t->worker_pids)[-1]);

is(service('open')->{health}, 'up', 'nor do killed workers lose it');

curl("$web/beat/$_?status=degraded") for 'open', 'a%2Fb';
becomes($_, qr/^degraded/, "$_ is looked after") for 'open', 'a/b';

my $log = $t->log;

unlike($log, qr/\Q$secret/, 'no token in the error log');

done_testing();

#!/usr/bin/perl

# Tests for conditions through a probe: every subject that HTTP has with every
# operator, as expect and as warn, each held and not held; certificates near
# their end; what is kept of the last answer that failed.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server judged);

use HealthDash::Status qw(schema_errors status_doc);

my $b = backend('b1');
my $body = '{"checks":{"db":"timeout","cache":"ok"},"n":5,"yes":true,'
           . '"nil":null,"items":[{"name":"a"},{"name":"b"}]}';

$b->set('/json', headers => { 'Content-Type' => 'application/json',
                              'X-N' => '5' }, body => $body);
$b->set('/none', body => 'no json');
$b->set('/long', body => '[' . '1,' x 100 . '1]');
$b->set('/slow', delay => 0.3);
$b->set('/fail', status => 503, reason => 'Too busy',
        body => "first <b>line</b>\n\e[31msecond\xff " . 'x' x 600);

my (@rows, @conf);


# holds(LINE) and fails(LINE, REASON): each as expect and as warn

sub both {
    my ($line, $reason, $path, $more) = @_;

    for my $word (qw(expect warn)) {
        my $probe = 'p' . @rows;
        my $want = !defined $reason ? 'up'
                   : ($word eq 'warn' ? 'degraded' : 'down') . ": $reason";

        push @rows, [ "$word $line", $want ];
        push @conf, "healthdash_probe $probe { type http; $word $line; "
                    . ($more // '') . " }\n",
                    service("$word $line", 'http://' . $b->address
                                           . ($path // '/json'),
                            "probe=$probe");
    }
}

sub holds { my ($line, @more) = @_; both($line, undef, @more); }
sub fails { both(@_); }

# status, header and body

for (qw/ 200 =?200 !=?500 <?201 <=?200 >?199 >=?200 /) {
    holds('status ' . s/\?/ /r);
}

fails("status $_", "http status 200, expected $_")
    for '201', '= 201', '!= 200', '< 200', '<= 199', '> 200', '>= 201';

holds("header X-N $_") for '= 5', '!= 6', '< 6', '<= 5', '> 4', '>= 5', '~ ^5',
                           '~* ^5', '!~ 6', '!~* 6';

fails("header X-N $_->[0]",
      'header X-N: expected ' . ($_->[1] // $_->[0]) . ', got "5"')
    for [ '= 6', '"6"' ], [ '!= 5', '!= "5"' ], [ '< 5' ], [ '<= 4' ],
        [ '> 5' ], [ '>= 6' ], [ '~ 6', '~ "6"' ], [ '~* 6', '~* "6"' ],
        [ '!~ 5', '!~ "5"' ], [ '!~* 5', '!~* "5"' ];

holds('!header X-Gone');
fails('!header X-N', 'header X-N: expected no such header, got "5"');

holds("body $_") for '!= x', '~ timeout', '~* TIMEOUT', '!~ xyz', '!~* XYZ';
holds('body = "no json"', '/none');

fails('body = x', 'body: expected "x", got "no json"', '/none');
fails('body != "no json"', 'body: expected != "no json", got "no json"',
      '/none');
fails('body ~ x', 'body: expected ~ "x", got "no json"', '/none');
fails('body ~* x', 'body: expected ~* "x", got "no json"', '/none');
fails('body !~ json', 'body: expected !~ "json", got "json"', '/none');
fails('body !~* JSON', 'body: expected !~* "JSON", got "json"', '/none');

# json

holds("json $_") for '.n = 5', '.n = 5.0', '.n != 6', '.n < 6', '.n <= 5',
                     '.n > 4.5', '.n >= 5', '.checks.db ~ ^time',
                     '.checks.db ~* TIME', '.checks.db !~ x',
                     '.checks.db !~* X', '.yes = true', '.nil = null',
                     '.items[0].name = a', '.items[-1].name = b',
                     'length(.items) = 2', q('."n"' < 6),
                     '.gone != x', '.gone !~ x';

fails('json .checks.db = ok',
      'json .checks.db: expected "ok", got "timeout"');
fails('json .checks.mail = ok', 'json .checks.mail: expected "ok", got no '
      . 'such path (.checks has keys db, cache)');
fails("json .n $_", "json .n: expected $_, got 5")
    for '= 6', '!= 5', '< 5', '<= 4', '> 5', '>= 5.5';
fails("json .checks.cache $_->[0] $_->[1]", "json .checks.cache: expected "
      . "$_->[0] \"$_->[1]\", got \"$_->[2]\"")
    for [ '~', 'x', 'ok' ], [ '~*', 'X', 'ok' ], [ '!~', 'k', 'k' ],
        [ '!~*', 'K', 'k' ];
fails('json .a != b',
      "json: invalid, line 1 column 2: invalid token near 'no'", '/none');
fails('json .[0] = 1', 'json: cut by body_limit after 100 bytes', '/long',
      'body_limit 100;');
holds('json .[100] = 1', '/long');

# time

holds("time $_") for '< 10s', '<= 10s';
holds("time $_", '/slow') for '> 100ms', '>= 100ms';

for (qw/ > >= /) {
    push @rows, [ "time $_",
                  qr/^down: time: expected \Q$_\E 1500ms, got [\d.]+ms$/ ];
    push @conf, "healthdash_probe t" . @rows . " { expect time $_ 1500ms; }\n",
                service("time $_", 'http://' . $b->address . '/json',
                        'probe=t' . @rows);
}

for (qw/ < <= /) {
    push @rows, [ "time $_",
                  qr/^degraded: time: expected \Q$_\E 100ms, got [\d.]+ms$/ ];
    push @conf, "healthdash_probe t" . @rows . " { warn time $_ 100ms; }\n",
                service("time $_", 'http://' . $b->address . '/slow',
                        'probe=t' . @rows);
}

# certificates

my $ca = tls_ca()->{cert};
my %tls;

# half a day more than is wanted, so that no second decides

for (4, 30) {
    my $cert = tls_cert(cn => 'app.test', days => $_ + 0.5);

    $tls{$_} = tls_backend(name => "tls$_", cert => $cert)->address;
}

sub tls_row {
    my ($name, $want, $days, @lines) = @_;
    my $probe = 'c' . @rows;

    push @rows, [ $name, $want ];
    push @conf, "healthdash_probe $probe { type https; ca $ca; sni app.test; "
                . join(' ', map { "$_;" } @lines) . " }\n",
                service($name, 'https://' . $tls{$days}, "probe=$probe");
}

my $seen = qr/,[ ]got[ ]4[ ]\(ends[ ]\d{4}-\d\d-\d\d,[ ]issued[ ]by[ ]"healthdash[ ]test[ ]ca"
             \)$/x;

tls_row('30 days by default', 'up', 30);
tls_row('4 days by default', qr/^degraded: cert_days: expected > 14$seen/, 4);
tls_row('4 days, said to be enough', 'up', 4, 'warn cert_days > 3');
tls_row('4 days, with another condition',
        qr/^degraded: cert_days: expected > 14$seen/, 4, 'expect status 200');

for ([ '=', 4, 5 ], [ '!=', 5, 4 ], [ '<', 5, 4 ], [ '<=', 4, 3 ],
     [ '>', 3, 4 ], [ '>=', 4, 5 ])
{
    my ($op, $good, $bad) = @$_;

    for my $word (qw(expect warn)) {
        my $state = $word eq 'warn' ? 'degraded' : 'down';

        tls_row("$word $op holds", 'up', 4, "$word cert_days $op $good");
        tls_row("$word $op fails",
                qr/^$state: cert_days: expected \Q$op $bad\E$seen/, 4,
                "$word cert_days $op $bad");
    }
}


# more than a hundred services need not be asked ten times a second each

s/ interval=100ms/ interval=400ms/ for @conf;

push @rows, [ 'broken', 'down: http status 503' ],
            [ 'recovers', 'up' ];
push @conf, service('broken', 'http://' . $b->address . '/fail'),
            service('recovers', 'http://' . $b->address . '/recovers');

$b->script('/recovers', { status => 500, reason => 'Once' });

my $t = HealthDash->new(http => join '', @conf, status_server())->start;
my $list = judged($t, grep { $_->[0] ne 'recovers' } @rows);


# what is kept

my ($doc, $text) = status_doc(port('web'));

is(schema_errors($text), '', 'the JSON is valid');

my $last = $doc->{services}{broken}{last_failure};

is($last->{line}, 'HTTP/1.1 503 Too busy', 'the status line of a failure');
is(length $last->{body}, 512, '512 bytes of its body');
like($last->{body}, qr{^first <b>line</b>\n\.\[31msecond\? x+$},
     'printable, with its lines');
is($last->{reason}{text}, 'http status 503', 'its reason');
like($last->{time}, qr/^\d{4}-.*Z$/, 'its time');

my $phases = $last->{phases};

is($phases->{resolve}, undef, 'no name was looked up');
is($phases->{tls}, undef, 'there was no TLS');
cmp_ok($phases->{connect}, '>', 0, 'connecting took time');
cmp_ok($phases->{connect}, '<=', $phases->{first_byte},
       'then came the first byte');
cmp_ok($phases->{first_byte}, '<=', $phases->{total}, 'then the end');

my $once = $doc->{services}{recovers};

is($once->{health}, 'up', 'a service has recovered');
is($once->{health_checks}{last_reason}, undef, 'and passes');
is($once->{last_failure}{line}, 'HTTP/1.1 500 Once',
   'its last failure is still known');

is($doc->{services}{'status 200'}{last_failure}, undef, 'none failed here')
    if exists $doc->{services}{'status 200'};

my $tls = $doc->{services}{'4 days by default'}{tls};

like($tls->{version}, qr/^TLS 1\.[23]$/, 'the TLS version');
is($tls->{days_left}, 4, 'the days left');
is($tls->{issuer}, 'healthdash test ca', 'the issuer');
is_deeply($tls->{problems}, [], 'no problem');
cmp_ok($doc->{services}{'4 days by default'}{phases}{tls}, '>', 0,
       'the handshake took time');
is($doc->{services}{broken}{tls}, undef, 'no TLS, no facts');

# there are so many that the page shows each alone

my ($page, $certificate) = map {
    http_get(port('web'), "/status?format=html&service=$_")->{body}
} 'broken', '4+days+by+default';

like($page, qr{<pre class="answer" tabindex="0">HTTP/1\.1 503 Too busy&#10;first &lt;b&gt;},
     'the page shows the answer, escaped');
like($certificate, qr/certificate issued by healthdash test ca ends in 4 days/,
     'and the end of a certificate');

my $plain = http_get(port('web'), '/status?format=text')->{body};

like($plain, qr/\[answer: HTTP\/1\.1 503 Too busy\]$/m, 'the text, too');
like($plain, qr/TLS 1\.[23], certificate issued by healthdash test ca ends in 4/,
     'with the certificate');

done_testing();

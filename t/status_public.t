#!/usr/bin/perl

# Tests for "healthdash_status public": names of upstreams and services, their
# groups, descriptions and health are shown to everybody; where servers are,
# what they said and who probes them is in no format, and not in the events.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use IO::Select ();
use JSON::PP ();

use HealthDash::Status qw(schema_errors schema_errors_of connect_to);

my $ca = tls_ca('s3cret-ca');
my $cert = tls_cert(cn => 's3cret-cn.test', ca => $ca);
my $dir = tmp_dir();
my ($good, $bad, $gone, $late) = backends(qw(good bad gone late));
backend('sock', unix => "$dir/s3cret-sock");

$bad->set(status => 503, reason => 's3cret-line',
          headers => { 'X-Info' => 's3cret-header' }, body => 's3cret-body');
$good->set('/s3cret-info', headers => { 'X-Info' => 's3cret-header' },
           body => '{"n": 4711815, "x": "s3cret-json"}');
$gone->refuse;

HealthDash->new(module => 0, http => <<"EOF")->start;
    server { listen 127.0.0.1:%%PORT_tls%% ssl;
             ssl_certificate $cert->{cert};
             ssl_certificate_key $cert->{key};
             location / { return 200 ok; } }
EOF

my $fast = 'interval=200ms fast=100ms timeout=150ms fails=1 passes=1';

sub conf {
    my ($more) = @_;

    return <<"EOF";
http {
    healthdash_title "Shop & more";
    healthdash_zone s3cret-zone;

    healthdash_probe s3cret-probe {
        uri /s3cret-uri; host s3cret-host.test; interval 200ms; fast 100ms;
        timeout 150ms; fails 1; passes 1;
        header X-Key s3cret-key;
        expect header X-Info != s3cret-header;
    }

    healthdash_probe echo { expect header X-Info = none; }
    healthdash_probe told { expect body !~ "s3cret.json"; }
    healthdash_probe counted { expect json .n > 5000000; }

    upstream app {
        zone s3cret-nginx 256k;
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        server %%ADDR_sock%% backup;
        $more
        healthdash_check probe=s3cret-probe group=Shop min_up=0
                         "description=What customers see"
                         link=https://s3cret-link.test/;
        healthdash_check tcp mode=observe $fast;
    }

    healthdash_service Header http://me:s3cret-pw\@%%ADDR_good%%/s3cret-info
                       probe=echo link=https://s3cret-link.test/ $fast
                       "description=All is told";
    healthdash_service Told http://%%ADDR_good%%/s3cret-info probe=told $fast;
    healthdash_service Counted http://%%ADDR_good%%/s3cret-info probe=counted
                       $fast;
    healthdash_service Status http://%%ADDR_bad%%/s3cret-path $fast;
    healthdash_service Refused tcp://%%ADDR_gone%% $fast;
    healthdash_service Sealed tls://127.0.0.1:%%PORT_tls%% $fast
                       sni=s3cret-sni.test ca=$ca->{cert};
    healthdash_service Issued tls://127.0.0.1:%%PORT_tls%% $fast
                       sni=s3cret-cn.test ca=$ca->{cert};
    healthdash_service Backup heartbeat: interval=1d;
    healthdash_service Disk disk:$dir $fast;
    healthdash_service Off http://%%ADDR_late%%/ $fast;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /private { healthdash_status; }
        location /beat/ { healthdash_heartbeat; }

        location /status {
            healthdash_status public;

            if (\$arg_if) { set \$x 1; }

            location /status/private { healthdash_status; }
        }

        location = /page { healthdash_status public html; }
        location = /json { healthdash_status json public; }
        location = /ready { healthdash_ready app; if (\$arg_if) { set \$x 1; } }
    }
}
EOF
}

my $t = HealthDash->new(workers => 2, conf => conf('server %%ADDR_late%%;'))
        ->start;

sub get { return http_get(port('web'), $_[0]); }
sub json { return eval { JSON::PP::decode_json(get($_[0])->{body}) } // {}; }

get('/beat/Backup?status=down&message=s3cret-message');

ok(wait_until(sub {
    my $doc = json('/private?format=json');
    my @all = (values %{ $doc->{services} // {} },
               map { @{ $_->{checks} } } @{ $doc->{upstreams}{app}{peers} });

    return @all == 18 && !grep { !$_->{health_checks}{checks} } @all;
}, 20), 'all is probed');

$late->refuse;

ok(wait_until(sub {
    my $doc = json('/private?format=json');

    return $doc->{services}{Off}{health} eq 'down'
           && 2 == grep { $_->{health} eq 'down' }
                   @{ $doc->{upstreams}{app}{peers} };
}, 20), 'some go down');

# one of them is removed

$t->set_conf(conf(''))->reload;


# what is hidden

my ($version) = ($t->run_nginx('-v'))[1] =~ m{nginx/(\S+)};
my @ports = map { $_->port_number } $good, $bad, $gone, $late;

my %secret = (
    'a secret' => qr/s3cret[-\w]*/,
    'an address' => qr/127\.0\.0\.1|unix:/,
    'a port' => qr/:(?:@{[ join '|', @ports, port('tls') ]})\b/,
    'a path' => qr/\Q$dir\E/,
    'a value' => qr/4711815/,
    'the version of nginx' => qr/\b\Q$version\E/,
    'a status line' => qr/(?:status|HTTP\S*) 503/,
    'a worker' => qr/\bprocess \d|\bworkers? \d|\d workers?\b|"(?:pid|slot)":\d/,
);


# the answer of a live stream goes on, and so it is read for a while only

sub stream {
    my ($path) = @_;
    my $fh = connect_to(port('web'));
    my $got = '';

    syswrite $fh, "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n";

    while (IO::Select->new($fh)->can_read($got =~ /^data:/m ? 0.5 : 5)) {
        sysread $fh, $got, 65536, length $got or last;
        last if 5 < (() = $got =~ /^data:/mg) || length $got > 500_000;
    }

    # nginx's own header names its version

    return $got =~ s/^.*?\r\n\r\n//sr;
}


sub answer {
    my ($path, $format, $query) = @_;

    return stream("$path?format=$format&$query") if $format eq 'events';

    my $r = get("$path?format=$format&$query");
    my $type = $r->{headers}{'content-type'};

    # "503" is what application/health+json may be sent with

    return $r->{status} == 400 ? '' : "$type\n$r->{body}";
}


my $known = get('/private?format=nosuch')->{body};
my @formats = grep { $known =~ /"$_\\?"/ }
              qw(html json text health atom badge csv events);
my @queries = ('', 'history=1', 'events=1024', 'history=1&events=1024',
               'health=down', 'upstream=app', 'color=1',
               (map { "service=$_" } qw(Header Told Sealed Disk Backup)));
my $private = '';

cmp_ok(scalar @formats, '>=', 6, "formats: @formats");

# private streams of both workers, which no public one may join

my @watching = map {
    my $fh = connect_to(port('web'));
    my $rows = $_ % 2 ? 'html' : 'json';

    syswrite $fh, "GET /private?format=events&rows=$rows HTTP/1.1\r\n"
                  . "Host: localhost\r\n\r\n";
    sysread $fh, my $got, 100;
    $fh;
} 1 .. 12;

for my $format (@formats) {
    for my $query ($format eq 'events' ? ('', 'rows=html') : @queries) {
        my $text = answer('/status', $format, $query);
        my @leaks = map { my $what = $_;
                          map { "$what: $_" } $text =~ /($secret{$what})/g }
                    sort keys %secret;

        is_deeply(\@leaks, [], "$format, $query: nothing private");
        cmp_ok(length $text, '>', 200, 'in an answer') if $query eq '';
    }

    $private .= answer('/private', $format, 'history=1&events=1024')
        if $format ne 'events';
}

# who looks for the wrong words finds none

ok($private =~ $secret{$_}, "$_ is told in private") for sort keys %secret;
ok($private =~ /\Q$_/, "and so is $_")
    for qw(s3cret-line s3cret-body s3cret-header s3cret.json s3cret-ca
           s3cret-path s3cret-info s3cret-uri s3cret-probe s3cret-link
           s3cret-sock s3cret-message s3cret-sni s3cret-nginx);


# what is shown

my $doc = json('/status?format=json');
my @peers = @{ $doc->{upstreams}{app}{peers} };

is(schema_errors(get('/status?format=json')->{body}), '', 'valid JSON');
is(schema_errors_of('ready', get('/status?format=health')->{body}), '',
   'valid health+json');

is($doc->{title}, 'Shop & more', 'the title');
is($doc->{upstreams}{app}{description}, 'What customers see', 'descriptions');
is($doc->{upstreams}{app}{group}, 'Shop', 'groups');
is_deeply([ map { $_->{name} } @peers ],
          [ 'server 1', 'server 2', 'server 3' ], 'servers by number');
is_deeply([ map { $_->{server} } @peers ], [ map { $_->{name} } @peers ],
          'and nothing else');
is_deeply([ map { $_->{health} } @peers[0, 1] ], [ 'up', 'down' ], 'health');

my %text = map { $_ => ($doc->{services}{$_}{reason} // {})->{text} }
           keys %{ $doc->{services} };

is($peers[1]{reason}{text}, 'unexpected http status', 'a general reason');
is($text{Told}, 'unexpected body', 'of a body');
is($text{Header}, 'unexpected header', 'of a header');
is($text{Counted}, 'unexpected json', 'of JSON');
is($text{Refused}, 'connection refused', 'one that is general anyway');
is($text{Sealed}, 'certificate is for another name', 'of a certificate');
is($text{Backup}, 'the heartbeat reports a problem', 'of a heartbeat');
is($doc->{services}{Issued}{tls}{issuer}, undef, 'no issuer');
ok(defined $doc->{services}{Issued}{tls}{days_left}, 'but days left');
is($doc->{services}{Disk}{value}, undef, 'no value');
is_deeply($doc->{nginx}, { map { $_ => undef } qw(version pid generation
                                                  workers load_timestamp) },
          'nothing of nginx');

my $page = get('/status?format=html')->{body};
my $feed = get('/status?format=atom')->{body};

like($page, qr/>Header</, 'the page has services');
like($page, qr/>server 2</, 'and servers');
like(get('/status?format=text')->{body}, qr/^! down +server 2/m,
     'and so has the text');
like(get('/status?format=text')->{body}, qr/^! down +Told +- +\d/m,
     'with no gap where a URL was');
like($feed, qr{<title>a server of app was down for \d+},
     'in the feed, what is gone has no number');
like($feed, qr{<title>server 2 of app is down<}, 'what is there has one');
like($feed, qr{<title>Off is down<}, 'services have names');
like($feed, qr{: connection refused\.}, 'and reasons');


# the directive

is(get('/page')->{headers}{'content-type'}, 'text/html; charset=utf-8',
   'a format behind "public"');
is(get('/json')->{headers}{'content-type'}, 'application/json', 'before it');
unlike(get($_)->{body}, $secret{'an address'}, "$_ is public")
    for '/page', '/json';
unlike(get('/status?format=json&if=1')->{body}, $secret{'an address'},
       'so is what stands behind "if"');
like(get('/status/private?format=json')->{body}, $secret{'an address'},
     'not a location within it');
is(get('/ready?if=1')->{status}, 200, 'healthdash_ready behind "if"');


# a feed for customers is another one than that of who runs it

isnt(($feed =~ m{<id>(.*?)</id>})[0],
     (get('/private?format=atom')->{body} =~ m{<id>(.*?)</id>})[0],
     'the feed has an id of its own');


# a name is no question

unlike(get("/status?format=json&events=0&$_=" . $bad->address)->{body},
       qr/"unexpected http status"/, "no filter $_ by address")
    for qw(upstream service group);
is(get('/status?format=badge&upstream=' . $bad->address)->{status}, 404,
   'nor a badge');

done_testing();

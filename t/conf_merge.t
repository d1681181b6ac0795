#!/usr/bin/perl

# Tests for where a parameter comes from (the directive, else the probe block,
# else the default) and for the request that follows, as the backend sees it.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $unix = tmp_dir() . '/b.sock';
my $tcp = backend('tcp');
my $sock = backend('sock', unix => $unix);
my $port = $tcp->port_number;

open my $fh, '>', tmp_dir() . '/password' or die "password: $!\n";
print $fh "open:sesame\nsecond line\n";
close $fh;

my $t = HealthDash->new(http => <<'EOF')->start;
    upstream app {
        server %%ADDR_tcp%%;
        healthdash_check http uri=/default;
        healthdash_check probe=deep uri=/directive;
        healthdash_check probe=deep uri=/all method=GET host=own.test:81;
        healthdash_check probe=block;
    }

    healthdash_probe deep  { uri /deep; method HEAD; host block.test; }
    healthdash_probe block { uri /block; host block.test; }

    upstream other {
        server 127.0.0.1:%%PORT_other%%;
        healthdash_check http uri=/port port=%%PORT_tcp%%;
    }

    healthdash_service url  http://%%ADDR_tcp%%/url?a=b;
    healthdash_service bare http://%%ADDR_tcp%%?bare;
    healthdash_service host http://%%ADDR_tcp%%/host host=www.test;
    healthdash_service sock http://unix:%%TMP%%/b.sock:/sock;
    healthdash_service user http://me:p%40ss@%%ADDR_tcp%%/user;
    healthdash_service file http://%%ADDR_tcp%%/file user=me
                            password=@%%TMP%%/password;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { healthdash_status; }
    }
EOF

my @cases = (
    # uri, method, Host, Authorization
    [ '/default', 'GET', 'app' ],
    [ '/directive', 'HEAD', 'block.test' ],
    [ '/all', 'GET', 'own.test:81' ],
    [ '/block', 'GET', 'block.test' ],
    [ '/port', 'GET', 'other' ],
    [ '/url?a=b', 'GET', "127.0.0.1:$port" ],
    [ '/?bare', 'GET', "127.0.0.1:$port" ],
    [ '/host', 'GET', 'www.test' ],
    [ '/sock', 'GET', 'localhost' ],
    [ '/user', 'GET', "127.0.0.1:$port", 'Basic bWU6cEBzcw==' ],
    [ '/file', 'GET', "127.0.0.1:$port", 'Basic bWU6b3BlbjpzZXNhbWU=' ],
);

for my $case (@cases) {
    my ($uri, @expected) = @$case;
    my $request;

    wait_until(sub {
        ($request) = grep { $_->{uri} eq $uri } map { $_->requests }
                     $tcp, $sock;
        return $request;
    }, 10, "a request of $uri");

    is_deeply([ $request->{method}, $request->{host},
                $request->{headers}{authorization} // () ],
              \@expected, "$uri: method, Host and user");
}

ok(!grep({ $_->{uri} eq '/deep' } $tcp->requests),
   'what the directive says hides the block');

my $page = http_get(port('web'), '/?format=json')->{body};

like($page, qr{"http://127\.0\.0\.1:$port/user"},
     'a service is shown with its URL');
unlike($page . $t->log, qr/p%40ss|p\@ss|sesame/, 'but without its password');

is(scalar keys %{ hd_json($t, path => '/')->{services} }, 6,
   'all services are there');

done_testing();

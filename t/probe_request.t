#!/usr/bin/perl

# Tests for the shape of an HTTP request: header lines of a block, body=,
# user_agent=, and what of them comes from files; and that what logs a probe in
# is masked when a server sends it back.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server);

my $b = backend('b1');
my %file = (token => "f1le-t0ken\ns3cond-line\n", body => "{\"from\": \"file\"}\n",
            agent => "file agent/2\n");

for my $name (keys %file) {
    open my $fh, '>', tmp_dir() . "/$name" or die "$name: $!\n";
    print $fh $file{$name};
    close $fh or die "$name: $!\n";
    chmod 0600, tmp_dir() . "/$name";
}

my (@rows, @conf);


# row(NAME, LINES OF ITS BLOCK, PARAMETERS)

sub row {
    my ($name, $lines, $words) = @_;
    my $path = '/' . @rows;

    push @rows, $name;
    push @conf, "healthdash_probe p$#rows { $lines }\n",
                service($name, 'http://' . $b->address . $path,
                        ($words // '') . " probe=p$#rows");
}

row('plain', '');
row('headers', 'header X-Api-Key k; header X-Two "a b"; header X-Empty "";');
row('twice', 'header X-Same a; header X-Same b;');
row('replaced', 'header user-agent "me/1"; header ACCEPT text/html;');
row('agent', 'user_agent "their probe/3";');
row('agent of a file', 'user_agent @%%TMP%%/agent;');
row('token', 'header Authorization "Bearer @%%TMP%%/token";');
row('whole file', 'header X-Token @%%TMP%%/token;');
row('no file', 'header From me@example.com; header X "a@b c";');
row('post', 'method POST; body "a=b&c";');
row('json', 'method PUT;', q{'body={"a": [1]}'});
row('list', 'method PATCH; body "[1]";');
row('typed', 'method POST; body "{}"; header content-type text/xml;');
row('body of a file', 'method POST; body @%%TMP%%/body;');
row('no body', 'method POST;');
row('kept', 'method POST; body "a"; keepalive on;');
row('own probe', 'header X-A a; method POST;', '"body={}" user_agent=b');
row('basic', 'header X-A a; user me; password pw-s3cret;');

# what is sent back

my @echo = (row_of('echo', '%%TMP%%/token'),
            row_of('inline', undef));

sub row_of {
    my ($name, $file) = @_;
    my $value = $file ? "\@$file" : 'inl1ne-t0ken';

    row($name, "header Authorization \"Bearer $value\"; "
               . 'header Cookie "session=c00kie-s3cret"; '
               . 'expect body = ok; expect header X-Back = no;');
    return $#rows;
}

my %token = ($echo[0] => 'f1le-t0ken', $echo[1] => 'inl1ne-t0ken');

$b->set("/$_", body => "you said $token{$_}, Bearer $token{$_} and "
                       . 'session=c00kie-s3cret') for @echo;

my $t = HealthDash->new(log_level => 'debug',
                        http => join('', @conf) . status_server())->start;

ok(wait_until(sub {
    my $list = hd_json($t)->{services};
    return !grep { ($list->{$_}{health_checks}{checks} // 0) < 2 } @rows;
}, 20, 'two probes of each service'), 'all is probed');


my %number = map { $rows[$_] => $_ } 0 .. $#rows;

sub asked {
    my ($name) = @_;
    my ($r) = $b->requests(path => "/$number{$name}");

    return $r;
}

# header(SERVICE, NAME)

sub header { return asked($_[0])->{headers}{$_[1]}; }

like(header('plain', 'user-agent'), qr{^healthdash/[\d.]+$}, 'our User-Agent');
is(header('plain', 'accept'), '*/*', 'our Accept');
is(header('plain', $_), undef, "no $_")
    for qw(content-length content-type authorization);

is(header('headers', 'x-api-key'), 'k', 'a header');
is(header('headers', 'x-two'), 'a b', 'with a blank');
is(header('headers', 'x-empty'), '', 'an empty one');
is(header('headers', 'host'), $b->address, 'Host is there');
like(header('twice', 'x-same'), qr/^a, ?b$/, 'one name twice');

is(header('replaced', 'user-agent'), 'me/1', 'a User-Agent replaces ours');
is(header('replaced', 'accept'), 'text/html', 'and an Accept');
is(header('agent', 'user-agent'), 'their probe/3', 'user_agent=');
is(header('agent of a file', 'user-agent'), 'file agent/2', 'from a file');

is(header('token', 'authorization'), 'Bearer f1le-t0ken', 'a token of a file');
is(header('whole file', 'x-token'), 'f1le-t0ken', 'a value of a file');
is(header('no file', 'from'), 'me@example.com', '@ within a word is no file');
is(header('no file', 'x'), 'a@b c', 'also with blanks');

for (['post', 'POST', 'a=b&c', 'text/plain; charset=utf-8'],
     ['json', 'PUT', '{"a": [1]}', 'application/json'],
     ['list', 'PATCH', '[1]', 'application/json'],
     ['typed', 'POST', '{}', 'text/xml'],
     ['body of a file', 'POST', '{"from": "file"}', 'application/json'],
     ['no body', 'POST', '', undef],
     ['kept', 'POST', 'a', 'text/plain; charset=utf-8'],
     ['own probe', 'POST', '{}', 'application/json'])
{
    my ($name, $method, $body, $type) = @$_;
    my $r = asked($name);

    is_deeply([ $r->{method}, $r->{body}, $r->{headers}{'content-length'},
                $r->{headers}{'content-type'} ],
              [ $method, $body, length $body, $type ], "$name: the body");
}

is(header('own probe', 'x-a'), 'a', 'headers of the block, body of its user');
is(header('own probe', 'user-agent'), 'b', 'and its User-Agent');
is(header('basic', 'authorization'), 'Basic bWU6cHctczNjcmV0',
   'header lines beside user and password');

is(scalar(grep { $_->{path} =~ m{^/$number{kept}$} && $_->{body} ne 'a' }
          $b->requests), 0, 'a kept connection carries body after body');


# masked

my $secret = qr/f1le-t0ken|inl1ne-t0ken|c00kie-s3cret|pw-s3cret|s3cond-line/;
my $list = hd_json($t)->{services};

for (@echo) {
    my $text = $list->{$rows[$_]}{reason}{text};

    like($text, qr/^body: .*\*\*\*/, "$rows[$_]: what came back is shown");
    unlike($text, $secret, 'without the secret');
}

for my $format (qw(json html text)) {
    unlike(http_get(port('web'), "/status?format=$format")->{body}, $secret,
           "$format: no secret");
}

unlike($t->log, $secret, 'nor in the log, at the level debug');

$t->stop;

done_testing();

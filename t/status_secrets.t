#!/usr/bin/perl

# Tests for secrets: the password of a URL, password= and what @FILE holds are
# sent to the target and shown nowhere else: in no format, no log line, also at
# the level debug, and no message of "nginx -t" (A60).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use MIME::Base64 ();

use HealthDash::Status qw(status_doc);

my $plain = HealthDash->new(module => 0, http => '');
my %file = (token => "Bearer f1le-t0ken\nsecond-line\n",
            word => "f1le-w0rd\n", uri => "/f1le-ur1?key=f1le-k3y\n");

for my $name (keys %file) {
    open my $fh, '>', tmp_dir() . "/$name" or die "$name: $!\n";
    print $fh $file{$name};
    close $fh or die "$name: $!\n";
}

# as it was written, as it is sent, and parts of it

my @words = qw(url-s3cret par4m-s3cret par4m 4m-s3cret f1le-t0ken f1le-w0rd f1le-ur1 f1le-k3y
               enc%6fded-s3cret encoded-s3cret);
my @secrets = (@words, 'second-line',
               map { MIME::Base64::encode_base64($_, '') }
               'me:url-s3cret', 'me:encoded-s3cret', 'me:par4m-s3cret',
               'me:f1le-w0rd');
my $secret = join '|', map { quotemeta } @secrets;

my ($b, $gone) = backends(qw(b gone));

$b->set('/echo', status => 503, reason => 'no url');
$gone->refuse;

# a server that sends back what it was asked with, whole and cut, in its
# status line, its body, and what conditions quote

my $told = join ' ', map { "Basic $_" }
           map { MIME::Base64::encode_base64($_, '') } 'me:par4m-s3cret';

$b->set('/tells', status => 500, reason => "no $told here",
        headers => { 'X-Echo' => "is $told" },
        body => "par4m-s3cret, $told\n" . '.' x (512 - 47 - 6)
                . 'par4m-s3cret' x 3);
$b->set('/quotes', headers => { 'X-Echo' => "is $told" },
        body => 'it was par4m-s3cret');

my $t = HealthDash->new(log_level => 'debug', workers => 2,
                        http => <<'EOF')->start;
    healthdash_probe word {
        interval 200ms; fast 100ms; timeout 20s; fails 1;
        user me; password @%%TMP%%/word;
    }

    upstream app {
        server %%ADDR_b%%;
        server %%ADDR_gone%%;
        healthdash_check probe=word uri=/word;
        healthdash_check probe=word uri=/param user=me password=par4m-s3cret;
        healthdash_check probe=word method=HEAD uri=@%%TMP%%/uri;
    }

    healthdash_service up http://me:url-s3cret@%%ADDR_b%%/url
                       interval=200ms fast=100ms timeout=20s fails=1;
    healthdash_service coded http://me:enc%6fded-s3cret@%%ADDR_b%%/coded
                       interval=200ms fast=100ms timeout=20s fails=1;
    healthdash_service down http://me:url-s3cret@%%ADDR_gone%%/
                       interval=200ms fast=100ms timeout=20s fails=1;
    healthdash_service refused http://me:url-s3cret@%%ADDR_b%%/echo
                       interval=200ms fast=100ms timeout=20s fails=1;
    healthdash_probe head { expect header X-Echo = no; }
    healthdash_probe part { expect body !~ "4m-s3c?"; }
    healthdash_service tells http://%%ADDR_b%%/tells user=me
                       password=par4m-s3cret
                       interval=200ms fast=100ms timeout=20s fails=1;
    healthdash_service quotes http://%%ADDR_b%%/quotes user=me probe=head
                       password=par4m-s3cret
                       interval=200ms fast=100ms timeout=20s fails=1;
    healthdash_service parts http://%%ADDR_b%%/quotes user=me probe=part
                       password=par4m-s3cret
                       interval=200ms fast=100ms timeout=20s fails=1;
    healthdash_service insecure https://me:url-s3cret@%%ADDR_b%%/
                       interval=200ms fast=100ms timeout=150ms fails=1;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

ok(wait_until(sub {
    my ($doc) = status_doc(port('web'));
    my @all = (values %{ $doc->{services} },
               map { @{ $_->{checks} } } @{ $doc->{upstreams}{app}{peers} });

    return !grep { $_->{health_checks}{checks} < 3 } @all;
}, 10, 'probes'), 'all is probed');


# they are sent, and to the one who shall have them

sub sent {
    my ($path) = @_;
    my ($request) = $b->requests(path => $path);

    return $request ? $request->{headers}{authorization} // 'none'
                    : 'no request';
}


sub basic { return 'Basic ' . MIME::Base64::encode_base64($_[0], ''); }

is(sent('/url'), basic('me:url-s3cret'), 'the password of a URL is sent');
is(sent('/coded'), basic('me:encoded-s3cret'), 'decoded');
is(sent('/param'), basic('me:par4m-s3cret'), 'password= is sent');
is(sent('/word'), basic('me:f1le-w0rd'), 'password of a file is sent');
is(sent('/f1le-ur1'), basic('me:f1le-w0rd'),
   'a path from a file is asked for');


# and shown nowhere

my $size = 0;

for my $query (map({ "format=$_" } qw(json html text health atom badge)),
               map { "format=$_&service=down" } qw(json html text))
{
    my $r = http_get(port('web'), "/status?$query");
    my @found = $r->{body} =~ /($secret)/g;

    is_deeply(\@found, [], "?$query: no secret");
    is_deeply([ $r->{head} =~ /($secret)/g ], [], 'nor in its headers');
    $size += length $r->{body};
}

cmp_ok($size, '>', 10_000, 'there was something to read');

my ($doc, $json) = status_doc(port('web'));

is($doc->{services}{up}{target}, 'http://' . $b->address . '/url',
   'the target stands there without user and password');

my $last = $doc->{services}{tells}{last_failure};

is($last->{line}, 'HTTP/1.1 500 no Basic *** here',
   'what a server sends back is masked in its status line');
like($last->{body}, qr/^\*\*\*, Basic \*\*\*\n/, 'and in its body');
like($doc->{services}{quotes}{reason}{text},
     qr/^header X-Echo: expected "no", got "is Basic \*\*\*"$/,
     'and in what a condition quotes');
like($doc->{services}{parts}{reason}{text},
     qr/^body: expected !~ "4m-s3c\?", got "\*\*\*"$/,
     'and where the quote begins within it');

# a reload, a failed one too, and the end

$t->reload;

my ($rc, $out) = $t->conf_test;

is($rc, 0, 'nginx -t is content');
is_deeply([ $out =~ /($secret)/g ], [], 'and says no secret');

$t->stop;

my $log = $t->log;

cmp_ok(length $log, '>', 10_000, 'there is a log');
like($log, qr/\[debug\]/, 'also of the level debug')
    if nginx_has_debug();
is_deeply([ map { /^(.*(?:$secret).*)$/ ? substr $1, 0, 200 : () }
            split /\n/, $log ], [], 'without a secret');


sub nginx_has_debug {
    my ($binary) = HealthDash::nginx_binary();

    return `$binary -V 2>&1` =~ /--with-debug/;
}


# messages of what is refused

for my $line ('healthdash_service a http://me:url-s3cret@127.0.0.1:x/;',
              'healthdash_service a http://me:url-s3cret@;',
              'healthdash_service a https//me:url-s3cret@127.0.0.1/;',
              'healthdash_service a ftp://me:url-s3cret@127.0.0.1/;',
              'healthdash_service a tcp://me:url-s3cret@127.0.0.1:1;',
              'healthdash_service a "http://me:url-s3cret@127.0.0.1/ x";',
              'healthdash_service a http://me:url-s3cret@127.0.0.1/ foo=1;',
              'healthdash_service a http://me:url-s3cret@no.such.invalid/;',
              'healthdash_service a http://127.0.0.1/ password=par4m-s3cret;',
              'healthdash_service a http://me:url-s3cret@127.0.0.1/ user=x;',
              'healthdash_service a tcp://127.0.0.1:1 password=par4m-s3cret;',
              'healthdash_service a http://127.0.0.1/ pasword=par4m-s3cret;',
              "healthdash_service a http://127.0.0.1/ user=me\n"
              . '"password=par4m-s3cret	x";',
              "healthdash_service a http://127.0.0.1/ user=me\n"
              . 'password=par4m-s3cret password=par4m-s3cret;',
              'healthdash_probe p { uri @%%TMP%%/token; }',
              'healthdash_probe p { method @%%TMP%%/word; }',
              'healthdash_probe p { interval @%%TMP%%/word; }',
              'healthdash_probe p { host @%%TMP%%/token; }',
              'healthdash_probe p { expect status @%%TMP%%/word; }')
{
    my ($code, $text) = $plain->conf_test(
        "load_module " . HealthDash::module_file() . ";\nhttp { $line }\n");
    my $shown = substr $line =~ s/\s+/ /gr, 0, 70;

    isnt($code, 0, "refused: $shown");
    is_deeply([ $text =~ /($secret)/g ], [], 'without a secret');
}

done_testing();

#!/usr/bin/perl

# Tests for what is said of a server's certificate: each flaw by its name, all
# of them at once, the same facts with verify=off, days left, TLS versions.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(service status_server judged verdict);

my $t = HealthDash->new;

if (($t->run_nginx('-V'))[1] !~ /--with-http_ssl_module/) {
    plan skip_all => 'nginx without TLS';
}

my $ca = tls_ca();
my $foreign = tls_ca('foreign');
my $dir = tmp_dir();

sub self_signed {
    my ($name, $subject) = @_;
    my $base = "$dir/$name";

    HealthDash::TLS::openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:prime256v1', '-nodes', '-days', 30, '-utf8',
        '-subj', $subject, '-addext', 'subjectAltName=DNS:app.test',
        '-keyout', "$base.key", '-out', "$base.crt");
    chmod 0644, "$base.key";

    return { cert => "$base.crt", key => "$base.key" };
}

my %cert = (
    good => tls_cert(cn => 'app.test'),
    short => tls_cert(cn => 'app.test', days => 3),
    expired => tls_cert(cn => 'app.test', expired => 1),
    future => tls_cert(cn => 'app.test', future => 1),
    foreign => tls_cert(cn => 'app.test', ca => $foreign),
    worst => tls_cert(cn => 'other.test', ca => $foreign, expired => 1),
    many => tls_cert(cn => 'a.test', san => [ map { "DNS:$_.test" }
                                              'a' .. 'z' ]),
    self => self_signed('self', '/O=Nobody Ltd'),
    utf8 => self_signed('utf8', '/CN=' . "\xc3\xa9" x 40),
);


# one nginx, a port for each certificate

HealthDash->new(module => 0, http => join '', map {
    my ($name, $versions) = /^(\w+?)(?:_(\d))?$/;

    'server { listen 127.0.0.1:' . port($_) . ' ssl;'
    . " ssl_certificate $cert{$name}{cert};"
    . " ssl_certificate_key $cert{$name}{key};"
    . ' ssl_protocols ' . ($versions ? "TLSv1.$versions" : 'TLSv1.2 TLSv1.3')
    . "; location / { return 200 ok; } }\n"
} keys %cert, 'good_2', 'good_3')->start;

my (@rows, @conf, %facts);

sub row {
    my ($name, $want, $server, $parameters, $facts) = @_;

    $parameters .= " ca=$ca->{cert}" if $parameters !~ /\bca=/;
    $parameters .= ' sni=app.test' if $parameters !~ /\bsni=/;

    push @rows, [ $name, $want ];
    push @conf, service($name, 'tls://127.0.0.1:' . port($server),
                        $parameters);
    $facts{$name} = $facts;
}

my $day = qr/\d{4}-\d\d-\d\d/;
my $mine = '"healthdash test ca"';
my $theirs = '"healthdash test foreign"';
my $nobody = 'unable to get local issuer certificate';

my $all = " trusted: $nobody, and for another name";

row('good', 'up', 'good', '', []);
row('expired', qr/^down: certificate expired: on $day$/, 'expired', '',
    [ 'expired' ]);
row('not yet valid', qr/^down: certificate not yet valid: before $day$/,
    'future', '', [ 'not_yet_valid' ]);
row('another name', 'down: certificate is for "app.test", expected'
    . ' "web.test"', 'good', 'sni=web.test', [ 'wrong_name' ]);
row('many names', qr/^down: certificate is for "a.test", "b.test", .*" \.\.\.,/,
    'many', 'sni=app.test', [ 'wrong_name' ]);
row('untrusted', "down: certificate not trusted: $nobody, issued by $theirs",
    'foreign', '', [ 'untrusted' ]);
row('self-signed',
    qr/^down: certificate not trusted: self.signed \w+, issued by "Nobody Ltd"$/, 'self', '',
    [ 'untrusted' ]);
row('self-signed, as its own authority', 'up', 'self',
    "ca=$cert{self}{cert}", []);
row('long name of an authority', qr/issued by "\xe9{32}"$/, 'utf8', '',
    [ 'untrusted' ]);
row('all at once', qr/^down: certificate expired: on $day, and not$all$/,
    'worst', '',
    [ 'expired', 'untrusted', 'wrong_name' ]);

# verify=off: nothing of it is a failure, all of it is told

row("verify=off: $_->[0]", qr/^(?:up|degraded: cert_days: .*)$/, $_->[1],
    "verify=off $_->[2]", $_->[3])
    for [ 'good', 'good', '', [] ],
        [ 'expired', 'expired', '', [ 'expired' ] ],
        [ 'not yet valid', 'future', '', [ 'not_yet_valid' ] ],
        [ 'another name', 'good', 'sni=web.test', [ 'wrong_name' ] ],
        [ 'untrusted', 'foreign', '', [ 'untrusted' ] ],
        [ 'all at once', 'worst', '', [ 'expired', 'untrusted', 'wrong_name' ] ];

# days left

push @conf, "healthdash_probe month { type tls; expect cert_days > 60; }\n",
            "healthdash_probe hours { type tls; warn cert_days > 1; }\n";

row('few days', qr/^degraded: cert_days: expected > 14, got [23] .*$mine/,
    'short', '', []);
row('fewer days than expected', qr/^down: cert_days: expected > 60, got/,
    'good', 'probe=month', []);
row('days enough', 'up', 'short', 'probe=hours', []);

# versions

row('at least 1.2, has 1.2', 'up', 'good_2', 'min_tls=1.2', []);
row('at least 1.3, has 1.3', 'up', 'good_3', 'min_tls=1.3', []);
row('at least 1.3, has both', 'up', 'good', 'min_tls=1.3', []);
row('at least 1.3, has 1.2', 'down: tls version too old: TLSv1.2, expected at'
    . ' least TLSv1.3', 'good_2', 'min_tls=1.3', []);

$t->set_conf(join '', "http {\n", @conf, status_server(), '}');
$t->start;

my $list = judged($t, @rows);

for (@rows) {
    my ($name) = @$_;
    my $tls = $list->{$name}{tls};

    is_deeply([ sort @{ $tls->{problems} } ], $facts{$name},
              "$name: what is wrong");
    like($tls->{expires}, qr/^${day}T/, "$name: to when");
}

is($list->{good}{tls}{issuer}, 'healthdash test ca', 'the issuer by CN');
is($list->{'self-signed'}{tls}{issuer}, 'Nobody Ltd', 'else by organisation');
is($list->{'at least 1.2, has 1.2'}{tls}{version}, 'TLS 1.2', 'version 1.2');
is($list->{'at least 1.3, has both'}{tls}{version}, 'TLS 1.3', 'version 1.3');

my %code = (expired => 'tls_expired', 'not yet valid' => 'tls_not_yet_valid',
            untrusted => 'tls_untrusted', 'another name' => 'tls_name',
            'at least 1.3, has 1.2' => 'tls_version');

is($list->{$_}{reason}{code}, $code{$_}, "$_: its code") for sort keys %code;

$t->stop;


# The authorities of the system are those that OpenSSL would look for, in a file
# or in folders, under the hash of a name.

my $folder = "$dir/authorities";
my ($hash) = `openssl x509 -hash -noout -in $ca->{cert}` =~ /^(\w+)$/;

mkdir $folder;
symlink $ca->{cert}, "$folder/$hash.0" or die "symlink() failed: $!\n";

for ([ SSL_CERT_DIR => "$dir/none:$folder", 'up' ],
     [ SSL_CERT_FILE => $ca->{cert}, 'up' ],
     [ SSL_CERT_DIR => $dir, "down: certificate not trusted: $nobody, issued by"
                             . " $mine" ])
{
    my ($variable, $value, $want) = @$_;
    local $ENV{$variable} = $value;

    my $system = HealthDash->new(conf => join '', "http {\n",
        service('system', 'tls://127.0.0.1:' . port('good'), 'sni=app.test'),
        status_server(), '}');

    $system->start;
    judged($system, [ 'system', $want ]);
    $system->stop;
}


# Many checks of one authority read its file once: the configuration stays as
# small as one with few.

my $bundle = "$dir/bundle";

open my $out, '>', $bundle or die "open() failed: $!\n";

for (1 .. 150) {
    my $one = self_signed("ca$_", "/CN=ca $_")->{cert};

    open my $in, '<', $_ == 1 ? $ca->{cert} : $one or die "open() failed: $!\n";
    local $/;
    print {$out} readline $in;
}

close $out;

my %size;

for my $n (1, 200) {
    my $many = HealthDash->new(workers => 1, conf => join '', "http {\n", (map {
        service("s$_", 'tls://127.0.0.1:' . port('good'),
                "ca=$bundle sni=app.test interval=1h")
    } 1 .. $n), status_server(), '}');

    $many->start;
    $size{$n} = HealthDash::Probe::rss(($many->worker_pids)[0]);
    $many->stop;
}

cmp_ok($size{200} - $size{1}, '<', slow() > 1 ? 120_000 : 30_000,
       'one copy of the authorities for 200 services');
diag("rss: $size{1} kB for 1, $size{200} kB for 200");

done_testing();

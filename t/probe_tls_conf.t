#!/usr/bin/perl

# Tests for the files of ca=, cert= and key=: one that cannot be used is one
# sentence that names the file and the place of the directive (A46).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $t = HealthDash->new(conf => "events {}\n");

if (($t->run_nginx('-V'))[1] !~ /--with-http_ssl_module/) {
    plan skip_all => 'nginx without TLS';
}

my $dir = tmp_dir();
my $ca = tls_ca()->{cert};
my $mine = tls_cert(cn => 'probe.test');
my $other = tls_cert(cn => 'other.test');

# what everyone can read is warned of

chmod 0600, $_->{key} for $mine, $other;

sub file {
    my ($name, $text) = @_;

    open my $fh, '>', "$dir/$name" or die "open() failed: $!\n";
    print $fh $text;
    close $fh;
    chmod 0600, "$dir/$name";

    return "$dir/$name";
}

my $empty = file('empty', '');
my $text = file('text', "this is no PEM file\n");
my $broken = file('broken', "-----BEGIN CERTIFICATE-----\nAAAA\n"
                            . "-----END CERTIFICATE-----\n");
my $secret = "$dir/secret.key";

is(system("openssl ec -in $mine->{key} -aes256 -passout pass:x -out $secret"
          . ' 2>/dev/null'), 0, 'a key with a password');


# the parameters stand in the third line of the file

sub lines {
    my ($place, $parameters) = @_;
    my %conf = (
        check => <<"EOC",
http { upstream u {
    server 127.0.0.1:1;
    healthdash_check https $parameters;
} }
EOC
        service => <<"EOC",
http {

    healthdash_service s https://127.0.0.1:1/ $parameters;
}
EOC
    );
    my ($rc, $out) = $t->conf_test($conf{$place});

    $out =~ s/^nginx: \[(\w+)\] /$1: /mg;
    $out =~ s/ in \S+test\.conf:(\d+)$/ at $1/mg;

    return ($rc, [ grep { /emerg|warn|alert|error/ } split /\n/, $out ]);
}

my ($rc) = lines('check', '');
my $first = do {
    open my $fh, '<', $t->dir . '/test.conf' or die "open() failed: $!\n";
    my @lines = <$fh>;
    my ($n) = grep { $lines[$_] =~ /healthdash_check/ } 0 .. $#lines;
    $n + 1;
};

is($rc, 0, 'a configuration without files is good');

sub refused {
    my ($parameters, $want, $name) = @_;

    for my $place (qw(check service)) {
        my ($code, $got) = lines($place, $parameters);

        is($code, 1, "$place: $name is refused");
        is_deeply($got, [ "emerg: $want at $first" ], "$place: in one line");
    }
}

my $certificate = 'expected a PEM file with a certificate';
my $key = 'expected a PEM file with a private key without a password';
my $missing = '(2: No such file or directory)';

for my $place (qw(check service)) {
    my ($code, $got) = lines($place, "ca=$ca cert=$mine->{cert}"
                                     . " key=$mine->{key}");

    is($code, 0, "$place: good files are taken");
    is_deeply($got, [], "$place: without a word");
}

refused("ca=$dir/none", "cannot read file \"$dir/none\" of parameter \"ca\","
        . " $certificate $missing", 'a missing ca');
refused('ca=none', 'cannot read file "' . $t->dir . '/none" of parameter "ca",'
        . " $certificate $missing", 'a relative one');
refused("ca=$empty", "nothing usable in file \"$empty\" of parameter \"ca\","
        . " $certificate", 'an empty ca');
refused("ca=$text", "nothing usable in file \"$text\" of parameter \"ca\","
        . " $certificate", 'a ca that is text');
refused("ca=$broken", "nothing usable in file \"$broken\" of parameter \"ca\","
        . " $certificate", 'a broken ca');
refused("ca=$mine->{key}", "nothing usable in file \"$mine->{key}\" of"
        . " parameter \"ca\", $certificate", 'a key as ca');

refused("cert=$dir/none key=$mine->{key}",
        "cannot read file \"$dir/none\" of parameter \"cert\","
        . " $certificate $missing", 'a missing cert');
refused("cert=$text key=$mine->{key}",
        "nothing usable in file \"$text\" of parameter \"cert\","
        . " $certificate", 'a cert that is text');

refused("cert=$mine->{cert} key=$dir/none",
        "cannot read file \"$dir/none\" of parameter \"key\", $key $missing",
        'a missing key');
refused("cert=$mine->{cert} key=$text",
        "nothing usable in file \"$text\" of parameter \"key\", $key",
        'a key that is text');
refused("cert=$mine->{cert} key=$secret",
        "nothing usable in file \"$secret\" of parameter \"key\", $key",
        'a key with a password');
refused("cert=$mine->{cert} key=$other->{key}",
        "file \"$other->{key}\" of parameter \"key\" does not fit the"
        . " certificate in \"$mine->{cert}\", expected its private key",
        'the key of another');

SKIP: {
    skip 'everything is readable for root', 4 if $> == 0;

    my $closed = file('closed', '');

    chmod 0, $closed;
    refused("ca=$closed", "cannot read file \"$closed\" of parameter \"ca\","
            . " $certificate (13: Permission denied)", 'an unreadable ca');
}

done_testing();

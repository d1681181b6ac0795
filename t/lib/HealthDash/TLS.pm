package HealthDash::TLS;

# Certificates from the openssl command, a TLS front (a real nginx) for a
# scriptable backend, and a server that never comes to data.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use POSIX ();

use HealthDash::Daemon qw(daemon);
use HealthDash::Run qw(tmp_dir port write_file);

our @EXPORT_OK = qw(tls_ca tls_cert tls_backend tls_endless);

my $unit = abs_path(dirname(__FILE__) . '/../../unit');
my (%ca, $endless);


# tls_ca(NAME): a certificate authority, made at the first call; returns
# { name, cert, key }, paths of PEM files.

sub tls_ca {
    my ($name) = @_;

    $name //= 'ca';

    return $ca{$name} //= make_ca($name);
}


sub make_ca {
    my ($name) = @_;
    my $dir = tmp_dir() . "/tls-$name";

    mkdir $dir or die "cannot create $dir: $!\n";
    write_file("$dir/index.txt", '');
    write_file("$dir/serial", "1000\n");
    write_file("$dir/ca.conf", ca_conf($dir));

    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:prime256v1', '-nodes', '-days', 30,
            '-subj', "/CN=healthdash test $name",
            '-keyout', "$dir/ca.key", '-out', "$dir/ca.crt",
            '-config', "$dir/ca.conf", '-extensions', 'v3_ca');

    return { name => $name, dir => $dir, cert => "$dir/ca.crt",
             key => "$dir/ca.key", made => 0 };
}


# tls_cert(cn => 'app.test', san => ['DNS:app.test', 'IP:127.0.0.1'],
# days => 30, expired => 1, future => 1, ca => tls_ca()): returns { cert, key }.
# "san" is the DNS form of "cn" unless given.  The same certificate serves as a
# client's.

sub tls_cert {
    my (%arg) = @_;
    my $ca = $arg{ca} // tls_ca();
    my $cn = $arg{cn} // 'localhost';
    my $base = "$ca->{dir}/cert" . ++$ca->{made};
    my ($from, $to) = (-86400, ($arg{days} // 30) * 86400);

    ($from, $to) = (-86400 * 10, -86400) if $arg{expired};
    ($from, $to) = (86400, 86400 * 10) if $arg{future};

    write_file("$base.ext", 'subjectAltName = '
                            . join(',', @{ $arg{san} // ["DNS:$cn"] }) . "\n");

    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:prime256v1', '-nodes', '-subj', "/CN=$cn",
            '-keyout', "$base.key", '-out', "$base.csr",
            '-config', "$ca->{dir}/ca.conf");

    openssl('ca', '-batch', '-notext', '-config', "$ca->{dir}/ca.conf",
            '-cert', $ca->{cert}, '-keyfile', $ca->{key},
            '-startdate', asn1_time($from), '-enddate', asn1_time($to),
            '-extfile', "$base.ext", '-in', "$base.csr",
            '-out', "$base.crt");

    chmod 0644, "$base.key";

    return { cert => "$base.crt", key => "$base.key" };
}


# tls_backend(name => 'b1', cert => tls_cert(...), client_ca => FILE,
# protocols => 'TLSv1.2', addr =>, port =>, ...): a scriptable backend behind a
# TLS port.  Each request it records carries X-SNI, X-TLS-Protocol,
# X-Client-Verify and X-Client-Subject.  The rest as for a backend; the nginx
# before it is $b->{front}.

sub tls_backend {
    my (%arg) = @_;
    my $name = $arg{name} // 'tls';
    my $front = {
        name => $name,
        cert => delete $arg{cert} // tls_cert(),
        client_ca => delete $arg{client_ca},
        protocols => delete $arg{protocols} // 'TLSv1.2 TLSv1.3',
        ip => delete $arg{addr} // '127.0.0.1',
        port => delete $arg{port} // port($name),
        unix => tmp_dir() . "/tls-$name.sock",
    };

    my $b = HealthDash::Backend->new(%arg, name => $name,
                                     unix => $front->{unix});

    $b->{front} = HealthDash->new(module => 0, workers => 1,
                                  conf => front_conf($front));
    $b->{front}->start;
    @$b{qw(ip port unix)} = (@$front{qw(ip port)}, undef);

    return $b;
}


sub front_conf {
    my ($front) = @_;
    my $ip = $front->{ip} =~ /:/ ? "[$front->{ip}]" : $front->{ip};
    my $verify = $front->{client_ca}
                 ? "ssl_client_certificate $front->{client_ca};"
                   . ' ssl_verify_client on;'
                 : '';

    return <<"CONF";
http {
    upstream plain {
        server unix:$front->{unix};
    }

    server {
        listen $ip:$front->{port} ssl;
        ssl_certificate $front->{cert}{cert};
        ssl_certificate_key $front->{cert}{key};
        ssl_protocols $front->{protocols};
        $verify

        location / {
            proxy_pass http://plain;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_set_header Connection "";
            proxy_set_header X-SNI \$ssl_server_name;
            proxy_set_header X-TLS-Protocol \$ssl_protocol;
            proxy_set_header X-Client-Verify \$ssl_client_verify;
            proxy_set_header X-Client-Subject \$ssl_client_s_dn;
        }
    }
}
CONF
}


sub asn1_time {
    my ($offset) = @_;

    return POSIX::strftime('%Y%m%d%H%M%SZ', gmtime(time() + $offset));
}


sub openssl {
    my (@arg) = @_;
    my $log = tmp_dir() . '/openssl.log';
    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>>', $log;
        exec { 'openssl' } 'openssl', @arg or POSIX::_exit(127);
    }

    waitpid $pid, 0;

    if ($?) {
        open my $fh, '<', $log;
        local $/;
        die "openssl $arg[0] failed, is the package openssl installed? "
            . (<$fh> // '') . "\n";
    }
}


sub ca_conf {
    my ($dir) = @_;

    return <<"CONF";
[ca]
default_ca = this

[this]
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none

[any]
commonName = supplied

[req]
distinguished_name = name
prompt = no

[name]
CN = unused

[v3_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
CONF
}


# tls_endless(NAME, 'key' | 'ticket' | 'hello', [ HEARD, [ NEED, BYTES ], ... ]):
# a server on port NAME that sends such messages for as long as it can once the
# handshake is over; what is said in clear text before is as in "hello" of
# HealthDash::Kinds.

sub tls_endless {
    my ($name, $what, $hello) = @_;
    my ($heard, @talk) = @{ $hello // [ 0 ] };

    $endless //= { program => make_endless(),
                   cert => tls_cert(cn => 'all.test') };

    return daemon($name, port => port($name), argv => [
        $endless->{program}, port($name), @{ $endless->{cert} }{qw(cert key)},
        $what, $heard, map { ($_->[0], unpack 'H*', $_->[1]) } @talk ]);
}


sub make_endless {
    my $program = tmp_dir() . '/tls_endless';

    system($ENV{CC} // 'cc', '-O1', '-o', $program, "$unit/tls_endless.c",
           '-lssl', '-lcrypto') == 0 or die "cannot build $program\n";

    return $program;
}


1;

#!/usr/bin/perl

# A test for TLS of HTTP/3, as far as a libcurl without HTTP/3 allows: there
# libcurl makes its contexts with TLS_method(), which is not "another copy of
# OpenSSL".  A shim gives it such contexts for HTTP/2 (A66).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Daemon qw(need);
use HealthDash::Probe qw(service status_server judged);
use HealthDash::Run qw(write_file);

my $t = HealthDash->new;
my $built = ($t->run_nginx('-V'))[1];

if ($built !~ /--with-http_ssl_module/ || $built !~ /--with-http_v2_module/) {
    plan skip_all => 'nginx without TLS or HTTP/2';
}

my $tmp = tmp_dir();
my $cert = tls_cert(cn => 'app.test');

write_file("$tmp/shim.c", <<'EOF');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/ssl.h>

SSL_CTX *
SSL_CTX_new(const SSL_METHOD *method)
{
    SSL_CTX  *(*real)(const SSL_METHOD *) = dlsym(RTLD_NEXT, "SSL_CTX_new");

    return real(method == TLS_client_method() ? TLS_method() : method);
}
EOF

system(need('cc', 'gcc'), '-shared', '-fPIC', '-o', "$tmp/shim.so",
       "$tmp/shim.c", '-ldl', '-lssl') == 0
    or die "the shim cannot be built\n";

$t->set_conf("http {\n" . join('', status_server(), <<"EOF",
server { listen 127.0.0.1:@{[ port('tls') ]} ssl http2;
         ssl_certificate $cert->{cert}; ssl_certificate_key $cert->{key};
         location / { return 200 ok; } }
EOF
    service('app', 'https://127.0.0.1:' . port('tls') . '/',
            "http=2 sni=app.test ca=@{[ tls_ca()->{cert} ]}")) . "}\n");

{
    local $ENV{LD_PRELOAD} = "$tmp/shim.so";
    local $ENV{ASAN_OPTIONS} = "$ENV{ASAN_OPTIONS}:verify_asan_link_order=0"
        if $ENV{ASAN_OPTIONS};

    $t->start;
}

judged($t, [ 'app', 'up' ]);

done_testing();

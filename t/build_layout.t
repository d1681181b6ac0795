#!/usr/bin/perl

# Tests for an nginx that takes the module by its signature, but lays out the
# servers of an upstream in another way: refused, in one sentence, by nginx -t
# (A65).  It is faked by a module one unit of which was built with other fields.
# And, with "make variants", for modules built in other ways, which nginx itself
# refuses by their signature.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Run qw(tmp_dir);

my $src = $ENV{HD_NGINX_SRC} || "$FindBin::Bin/../build/nginx-src";
my $objs = "$src/objs";
my $dir = "$objs/addon/ngx_http_healthdash_module";
my $header = 'ngx_http_upstream_round_robin.h';

plan skip_all => 'the module is linked into nginx'
    if !-f "$objs/ngx_http_healthdash_module.so";

my $makefile = HealthDash::slurp("$objs/Makefile");
my ($flags) = $makefile =~ /^CFLAGS = *(.*)/m;
my $libs = join ' ', do { my %l; grep { !$l{$_}++ } $makefile =~ / (-l[\w-]+)/g };

my $conf = <<'EOF';
http {
    upstream app {
        %s
        server 127.0.0.1:%%%%PORT_a%%%% weight=3;
        server 127.0.0.1:%%%%PORT_b%%%% down;
        server 127.0.0.1:%%%%PORT_c%%%% backup;
        healthdash_check http;
    }
}
EOF


# a module whose upstream unit knows the header changed by the code

sub module {
    my ($name, $change) = @_;
    my $tmp = tmp_dir() . "/$name";
    my $text = HealthDash::slurp("$src/src/http/$header");

    mkdir $tmp;
    $change->() for $text;
    HealthDash::Run::write_file("$tmp/$header", $text);

    my $dirs = join ' ', map { "-I$src/src/$_" } qw(core event event/modules
        event/quic os/unix http http/modules http/v2 http/v3);
    my $unit = 'ngx_hd_upstream';
    my @rest = grep { !m{/$unit\.o$} } glob "$dir/*.o";

    system(($ENV{CC} // 'cc') . " $flags -fPIC -I$tmp -I$objs -I$FindBin::Bin/"
           . "../ngx_http_healthdash_module $dirs -c -o $tmp/$unit.o"
           . " $FindBin::Bin/../ngx_http_healthdash_module/$unit.c") == 0
        or die "cannot build $unit\n";

    system(($ENV{CC} // 'cc') . " -shared -o $tmp/module.so $tmp/$unit.o @rest"
           . " $objs/ngx_http_healthdash_module_modules.o $libs") == 0
        or die "cannot link a module\n";

    return "$tmp/module.so";
}

my $field = 'ngx_http_upstream_rr_peer_t    *next;';

my %build = (
    same => sub { },
    larger => sub { s/\Q$field\E/$field void *more[3];/ },
    smaller => sub { s/NGX_COMPAT_BEGIN\(32\)/NGX_COMPAT_BEGIN(8)/ },
    'moved next' => sub { s/\Q$field\E/void *more[2]; $field/ },
    'moved down' => sub { s/(ngx_uint_t +down;)/ngx_uint_t x; $1/ },
);

for my $name (sort keys %build) {
    local $ENV{HD_MODULE} = module($name =~ tr/ /_/r, $build{$name});

    for my $more ('', 'zone app 64k;', 'least_conn;') {
        my ($rc, $out) = HealthDash->new->conf_test(sprintf $conf, $more);
        my $what = "$name" . ($more ? ", $more" : '');

        # an nginx and a module that agree on where things are go together

        if ($name =~ /^(?:same|larger|smaller)$/) {
            is($rc, 0, "$what: is taken") or diag $out;
            next;
        }

        is($rc, 1, "$what: is refused");
        like($out, qr/\[emerg\].* lays out the servers of upstream "app" in an/,
             "$what: in a sentence");
    }
}

for my $other (split ' ', $ENV{HD_OTHERS} // '') {
    my ($name) = $other =~ m{([^/]+)/[^/]+$};

    local $ENV{HD_MODULE} = $other;

    my ($rc, $out) = HealthDash->new->conf_test(sprintf $conf, '');

    is($rc, 1, "the module of $name: is refused");
    like($out, qr/\[emerg\].* module "\Q$other\E" is not binary compatible/,
         'in a sentence');
}

done_testing();

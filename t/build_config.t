#!/usr/bin/perl

# Tests for the build: what is missing is named with its package, both ways to
# add the module know all its files, and what is built is not built again (A67).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Cwd ();
use POSIX ();
use Time::HiRes ();

use HealthDash::Status qw(run_command);

my $root = Cwd::abs_path("$FindBin::Bin/..");
my $src = $ENV{HD_NGINX_SRC} // "$root/build/nginx-src";
my $cc = $ENV{CC} // 'gcc';

# the tree that the module was built from, or Debian's; configure runs in a copy

$src = '/usr/share/nginx/src' if !-r "$src/src/core/nginx.h";

my $configure = -f "$src/configure" ? './configure' : 'auto/configure';

# few of nginx's own features make a short configure

my @few = map { "--without-http_${_}_module" }
          qw(rewrite gzip ssi userid auth_basic mirror autoindex geo map
             split_clients referer proxy fastcgi uwsgi scgi grpc memcached
             limit_conn limit_req empty_gif browser upstream_ip_hash
             upstream_hash upstream_least_conn upstream_random
             upstream_keepalive charset access);


# configure([FLAGS], ...): several at once, each in its own tree; for each
# [ exit code, output, tree ].  A first flag that is code makes the tree another

my $trees = 0;

sub configure {
    my @list = map {
        my $tree = tmp_dir() . '/tree' . ++$trees;
        my ($make, @flags) = ref $_->[0] ? @$_ : (sub { }, @$_);
        my $pid = open(my $fh, '-|') // die "fork() failed: $!\n";

        if ($pid == 0) {
            HealthDash::Run::in_child();
            open STDIN, '<', '/dev/null';
            open STDERR, '>&', \*STDOUT;
            mkdir $tree;
            system('sh', '-c', 'cd "$0" && tar -cf - --exclude=./objs . '
                               . '| tar -xf - -C "$1"', $src, $tree);
            $make->($tree);
            chdir $tree and exec 'sh', $configure, @few, @flags
                or POSIX::_exit(127);
        }

        [ $fh, $tree ];
    } @_;

    return map {
        my ($fh, $tree) = @$_;
        my $out = do { local $/; <$fh> } // '';

        close $fh;
        [ $? >> 8 || $? & 127, $out, $tree ];
    } @list;
}


# the flag for a compiler to which a header does not exist

sub compiler {
    my ($header) = @_;
    my $file = tmp_dir() . '/cc-' . $header =~ s/\W/-/gr;

    open my $fh, '>', $file or die "$file: $!\n";
    print $fh <<EOF;
#!/bin/sh
for arg; do
    case "\$arg" in
    *autotest.c)
        if grep -q '<$header>' "\$arg"; then
            echo "\$arg: fatal error: $header: No such file" >&2
            exit 1
        fi
    esac
done
exec $cc "\$@"
EOF
    close $fh;
    chmod 0755, $file;

    return "--with-cc=$file";
}


# what is missing stops configure, in a sentence; a package is named

my $angie = sub { HealthDash::Run::write_file("$_[0]/src/core/angie.h", '') };

my @missing = (
    [ 'PCRE2', '--add-dynamic-module', [ compiler('pcre2.h') ],
      'PCRE2, which was not found: install the package libpcre2-dev.' ],
    [ 'libcurl', '--add-module', [ compiler('curl/curl.h') ],
      'libcurl, which was not found: install the package libcurl4-openssl-dev.'
    ],
    [ 'http{}', '--add-dynamic-module', [ "--with-cc=$cc", '--without-http' ],
      "nginx's http modules: configure without --without-http." ],
    [ "nginx's lists", '--add-dynamic-module', [ $angie, "--with-cc=$cc" ],
      "nginx's lists of servers, and Angie has its own: build it for nginx,"
      . ' freenginx or Tengine.' ],
);
my @result = configure(map { [ @{ $_->[2] }, "$_->[1]=$root" ] } @missing);

for my $case (@missing) {
    my ($name, $how, undef, $why) = @$case;
    my ($rc, $out) = @{ shift @result };

    isnt($rc, 0, "$how without $name: configure stops");
    is_deeply([ $out =~ /error: (healthdash .*)/g ],
              [ "healthdash needs $why" ], 'and says why');
}


# both ways know all files; without OpenSSL there is no TLS, and a word of it

my @files = map { s{.*/}{}r } glob "$root/ngx_http_healthdash_module/*.c";

@result = configure([ "--with-cc=$cc", "--add-dynamic-module=$root" ],
                    [ "--with-cc=$cc", "--add-module=$root",
                      '--with-http_ssl_module' ]);

for my $how ('--add-dynamic-module', '--add-module') {
    my ($rc, $out, $tree) = @{ shift @result };
    my $static = $how eq '--add-module';
    my $tls = $static ? 'tls'
                      : 'no tls, nginx is configured without OpenSSL';

    is($rc, 0, "$how: configure is content") or diag(substr $out, -1000);
    like($out, qr/^ \+ healthdash: \Q$tls\E$/m, "it says: $tls");

    my $makefile = HealthDash::slurp("$tree/objs/Makefile");
    my %built = map { $_ => 1 }
                $makefile =~ m{^objs/addon/\S+/(\w+)\.o:}mg;
    my @lost = grep { !$built{s/\.c$//r} } @files;

    is_deeply(\@lost, $static ? [] : [ 'ngx_hd_cert.c', 'ngx_hd_curl_tls.c',
                                      'ngx_hd_tls.c' ],
              'all files are compiled that belong to it');

    my $modules = HealthDash::slurp("$tree/objs/ngx_modules.c");

    ok($static ? $modules =~ /&ngx_http_healthdash_module,/
               : $makefile =~ m{^modules:.*ngx_http_healthdash_module\.so}m,
       $static ? 'it is a part of nginx' : 'it is a module');

    # some of its objects, as a sign that flags and header paths are right, and
    # that an nginx without TLS and --with-compat has all that is used of it

    my @objects = $makefile =~ m{^(objs/addon/\S+/ngx_hd_(?:ramp|render_html
                                  |view|text|reason)\.o):}mgx;

    ($rc, $out) = run_command('make', '-s', '-C', $tree, '-f',
                              'objs/Makefile', @objects);
    is($rc, 0, @objects . ' of them compile') or diag($out);
    is(scalar(grep { -s "$tree/$_" } @objects), 5, 'and are there');
}


# a type whose library is left out is refused, with the name of the package

{
    my $folder = tmp_dir() . '/without';
    my @make = ('make', '-s', '-C', $root, 'module', "BUILD=$folder",
                "CC=$cc", 'CC_OPT=-O0', 'LD_OPT=');
    my ($rc, $out) = run_command('env', 'HD_PGSQL=NO', 'HD_MYSQL=NO',
                                 'HD_JSON=NO', @make);

    is($rc, 0, 'without libpq, libmariadb and jansson: it builds')
        or diag($out);

    # in the nginx of the machine, whatever the others run in

    local $ENV{HD_MODULE} = "$folder/ngx_http_healthdash_module.so";
    local $ENV{HD_NGINX};

    my %package = (postgres => 'libpq (package libpq-dev)',
                   mysql => 'libmariadb (package libmariadb-dev)');

    for my $type (sort keys %package) {
        ($rc, $out) = HealthDash->new(http => '')->conf_test(<<"EOF_CONF");
http {
    healthdash_service db $type://127.0.0.1 user=u;
}
EOF_CONF

        isnt($rc, 0, "$type is refused");
        like($out, qr/\Q$package{$type}\E/, 'with the name of the package');
    }

    ($rc, $out) = HealthDash->new(http => '')->conf_test(<<'EOF_CONF');
http {
    healthdash_probe json { expect json .a = 1; }
    healthdash_service db http://127.0.0.1 probe=json;
}
EOF_CONF

    isnt($rc, 0, 'a condition on JSON is refused');
    like($out, qr/jansson \(package libjansson-dev\)/,
         'with the name of the package');
}


# make help

{
    my ($rc, $help) = run_command('make', '-s', '-C', $root, 'help');
    my $makefile = HealthDash::slurp("$root/Makefile");
    my ($phony) = $makefile =~ /^\.PHONY:((?:.*\\\n)*.*)/m;
    my %target = map { $_ => 1 } $makefile =~ /^([a-z][a-z-]*):(?!=)/mg;
    my @internal = qw(demo-deps help lint-deps sanitize-deps
                      valgrind-deps);

    delete @target{@internal};

    is($rc, 0, 'make help works');
    is_deeply([ sort $help =~ /^make ([a-z-]+) /mg ], [ sort keys %target ],
              'it lists all targets');
    is_deeply([ sort grep { /\w/ } split /[\s\\]+/, $phony ],
              [ sort keys %target, @internal ], 'none of which is a file');
}


# a second make does nothing

{
    my $copy = tmp_dir() . '/build';
    my @make = ('make', '-s', '-C', $root, 'module', "BUILD=$copy", "CC=$cc");
    my $so = "$copy/ngx_http_healthdash_module.so";

    # what the suite itself was built to is a good start

    my ($rc, $out) = (0, '');

    if (-f "$root/build/key") {
        mkdir $copy;
        ($rc, $out) = run_command('cp', '-a', glob("$root/build/*.so"),
                                  "$root/build/key",
                                  "$root/build/nginx-src", $copy);
        is($rc, 0, 'copied') or diag($out);
    }

    ($rc, $out) = run_command(@make);

    is($rc, 0, 'make module builds') or diag($out);
    ok(-s $so, 'a module');

    my $state = sub {
        return join "\n",
               map { "$_ " . join ' ', (Time::HiRes::stat)[1, 7, 9, 10] }
               sort glob "$copy/*.so $copy/key $copy/nginx-src/objs/Makefile "
                         . "$copy/nginx-src/objs/addon/*/*.o";
    };
    my $before = $state->();

    ($rc, $out) = run_command(@make);

    is_deeply([ $rc, $out ], [ 0, '' ], 'a second make says nothing');
    is($state->(), $before, 'and writes nothing');

    ($rc, $out) = run_command('make', '-s', '-C', $root, 'module',
                              "BUILD=$copy", 'NGINX_SRC=/nonexistent');
    is($rc, 2, 'no tree of nginx: it stops');
    like($out, qr/^make: \/nonexistent holds no nginx source tree: run "make /,
         'with a sentence');
    is($state->(), $before, 'and what was built stays');
}

done_testing();

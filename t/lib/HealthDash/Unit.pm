package HealthDash::Unit;

# Builds a C unit test under sanitizers and becomes it: its TAP is ours.

use strict;
use warnings;

use Cwd qw/ abs_path /;
use Exporter qw/ import /;
use File::Basename qw/ dirname /;
use File::Path qw/ make_path /;

our @EXPORT = qw/ run_unit /;
our @EXPORT_OK = qw/ build_unit /;

my $top = abs_path(dirname(__FILE__) . '/../../..');


# run_unit('match', qw/ ngx_hd_reason.c /) builds t/unit/match.c, which
# includes the units under test, with the named files of the module.

sub run_unit {
    my ($name, @files) = @_;
    my $out = build_unit($name, @files);

    # a test that stands still is a failure, not a hang

    alarm($ENV{HD_LONG} ? 3600 : 120);

    exec $out or die "can't run $out: $!\n";
}


# build_unit(NAME, FILES) builds it and returns where it is

sub build_unit {
    my ($name, @files) = @_;

    my $src = $ENV{HD_NGINX_SRC} || "$top/build/nginx-src";

    die "no configured nginx source in $src: run make module first\n"
        unless -f "$src/objs/ngx_auto_config.h";

    make_path("$top/build/unit");

    my $hd = "$top/ngx_http_healthdash_module";
    my $out = "$top/build/unit/$name";

    my @dirs = ("$src/objs", map { "$src/src/$_" } qw{
        core event event/modules event/quic os/unix http http/modules http/v2
        http/v3
    });

    # nginx's handlers take more than each of them needs; what was broken on
    # purpose may leave something unused

    my @cmd = ($ENV{CC} || 'cc', '-std=gnu11', '-D_GNU_SOURCE',
        ($ENV{HD_MUTANT} ? '-w' : qw{ -Wall -Wextra -Wshadow -Werror }),
        '-Wno-unused-parameter', '-g',
        '-fsanitize=address,undefined',
        '-fno-sanitize-recover=undefined', "-I$hd", "-I$top/t/unit",
        (map { ('-isystem', $_) } @dirs), '-o', $out, "$top/t/unit/$name.c",
        "$top/t/unit/ngx_stand_in.c", (map { "$hd/$_" } @files), '-lpcre2-8',
        '-ljansson');

    system(@cmd) == 0 or die "can't build $name: @cmd\n";

    return $out;
}


1;

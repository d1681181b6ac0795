#!/usr/bin/perl

# Tests for versions of libcurl that are known for their bugs: one warning, when
# something is probed through libcurl, and none otherwise.  A shim says which
# version it is.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $shim = tmp_dir() . '/curl_version.so';

system($ENV{CC} // 'cc', '-shared', '-fPIC', '-O1', '-o', $shim,
       "$FindBin::Bin/unit/curl_version.c", '-ldl') == 0
    or die "cannot build $shim\n";

my $server = 'server { listen 127.0.0.1:%%PORT_web%%;'
             . ' location /status { healthdash_status; } }';
my $h2 = "http {\nhealthdash_service a http://127.0.0.1:1/ http=2;\n"
         . "healthdash_service b http://127.0.0.1:1/b http=2;\n"
         . "healthdash_service c grpc://127.0.0.1:1;\n$server }";
my $h1 = "http {\nhealthdash_service a http://127.0.0.1:1/;\n$server }";


sub with_version(&$) {
    my ($code, $version) = @_;

    local $ENV{LD_PRELOAD} = $shim;
    local $ENV{HD_CURL_VERSION} = $version;
    local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '')
                               . ':verify_asan_link_order=0';

    return $code->();
}


# the warnings of "nginx -t" about libcurl

sub warnings_of {
    my ($version, $conf) = @_;
    my ($rc, $out) = with_version {
        HealthDash->new(conf => $conf)->conf_test;
    } $version;

    is($rc, 0, "$version: the configuration is used all the same");

    return $out =~ /^.*libcurl.*$/gm;
}


my %trouble = (
    '8.9.0' => 'never lets go of connections',
    '8.9.1' => 'never lets go of connections',
    '8.11.0' => 'forgets timers',
    '8.14.0' => 'has no memory for more than some 400 probes',
    '8.20.0' => 'keeps the processor busy',
    '8.21.0' => 'leaves TLS connections open',
);

for my $version (sort keys %trouble) {
    my @lines = warnings_of($version, $h2);

    is(scalar @lines, 1, "$version: one warning");
    like($lines[0], qr/\[warn\] healthdash_service: libcurl \Q$version\E, /,
         "$version: of this one");
    like($lines[0], qr/ \Q$trouble{$version}\E.*: install another version in /,
         "$version: that says what, and what to do");
}

is_deeply([ warnings_of($_, $h2) ], [], "$_: none")
    for '7.88.1', '8.5.0', '8.11.1', '8.14.1', '8.19.0', '8.22.0';

is_deeply([ warnings_of('8.21.0', $h1) ], [],
          'nor if nothing is probed through libcurl');

# once at the start, not by each worker

my $t = with_version {
    HealthDash->new(workers => 2, conf => $h2)->start;
} '8.21.0';

ok(wait_until(sub {
    my $s = hd_json($t)->{services};
    return !grep { !$s->{$_}{health_checks}{checks} } qw(a b c);
}, 20), 'services are probed');

my @lines = grep { /libcurl/ } split /\n/, $t->log;

is(scalar @lines, 1, 'one line at the start') or diag(join "\n", @lines);

done_testing();

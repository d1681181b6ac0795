#!/usr/bin/perl

# Tests for disks: what is full, what is not there, and what never answers, as a
# mount of a dead file server does, which must hold up nothing else.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Daemon qw(need);
use HealthDash::Probe qw(service status_server verdict judged);
use HealthDash::Run qw(write_file);

my $tmp = tmp_dir();
my ($stuck, $gate) = ("$tmp/stuck", "$tmp/gate");

mkdir $stuck or die "cannot create $stuck: $!\n";


# statvfs() of one path waits until a file is there, or until the process is
# nearly gone, which must not find the code gone that it returns to

write_file("$tmp/shim.c", <<'EOF_C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#undef statvfs
#undef statvfs64

static volatile int  leaving;

__attribute__((destructor))
static void
leave(void)
{
    leaving = 1;
    usleep(200000);
}

static void
hold(const char *path)
{
    if (strcmp(path, HD_STUCK) == 0) {
        while (!leaving && access(HD_GATE, F_OK) != 0) {
            usleep(10000);
        }
    }
}

int
statvfs(const char *path, struct statvfs *fs)
{
    int  (*real)(const char *, struct statvfs *) = dlsym(RTLD_NEXT, "statvfs");

    hold(path);
    return real(path, fs);
}

int
statvfs64(const char *path, struct statvfs64 *fs)
{
    int  (*real)(const char *, struct statvfs64 *) = dlsym(RTLD_NEXT,
                                                           "statvfs64");

    hold(path);
    return real(path, fs);
}
EOF_C

system(need('cc', 'gcc'), '-shared', '-fPIC', '-D_LARGEFILE64_SOURCE',
       "-DHD_STUCK=\"$stuck\"", "-DHD_GATE=\"$gate\"", '-o', "$tmp/shim.so",
       "$tmp/shim.c", '-ldl') == 0
    or die "the shim cannot be built\n";


# what df says: percent of space and of inodes

sub df {
    my ($path) = @_;
    my $df = need('df');
    my ($space, $inodes) = `$df --output=pcent,ipcent $path` =~ /(\d+)%\s+(\S+)/;

    $inodes =~ s/%//;

    return ($space, $inodes =~ /^\d+$/ ? $inodes : 0);
}

my @rules = (
    [ roomy  => 'expect value < 101;' ],
    [ none   => 'expect value < -1;' ],
    [ less   => 'warn value < -1;' ],
    [ quick  => 'expect time < 10s;' ],
    [ slow   => 'expect time > 10s;' ],
);

my @services = (
    service('root', 'disk:/', 'probe=roomy'),
    service('none', "disk:$tmp", 'probe=none'),
    service('less', "disk:$tmp", 'probe=less'),
    service('gone', "disk:$tmp/gone", 'probe=quick'),
    service('slow', "disk:$tmp", 'probe=slow'),
    service('nothing', 'disk:/proc'),
    service('stuck', "disk:$stuck", 'probe=roomy timeout=300ms'),
);

my $http = join '', (map { "healthdash_probe $_->[0] { $_->[1] }\n" } @rules),
                    @services, status_server();

my $t = HealthDash->new(http => $http);


# with the shim in it; workers have it from the master

sub start {
    my ($nginx) = @_;

    local $ENV{LD_PRELOAD} = "$tmp/shim.so";
    local $ENV{ASAN_OPTIONS} = "$ENV{ASAN_OPTIONS}:verify_asan_link_order=0"
        if $ENV{ASAN_OPTIONS};

    return $nginx->start;
}

sub threads {
    my ($pid) = @_;

    opendir my $dh, "/proc/$pid/task" or return 0;
    return scalar grep { /^\d+$/ } readdir $dh;
}

sub checks { return hd_json($t)->{services}{$_[0]}{health_checks}{checks}; }

sub goes_on {
    my ($name, $what) = @_;
    my $n = checks($name);

    ok(wait_until(sub { checks($name) > $n + 3 }, 20), $what);
}

start($t);


# what is told

my $used = qr/disk \Q$tmp\E: [\d.]+% (?:used \([\d.]+ [kMGTP]?B free\)|of the inodes used \(\d+ free\))/;

my $list = judged($t,
    [ root    => 'up' ],
    [ none    => qr/^down: $used, expected < -1$/ ],
    [ less    => qr/^degraded: $used, expected < -1$/ ],
    [ gone    => "down: disk $tmp/gone: No such file or directory" ],
    [ slow    => qr/^down: time: expected > 10s, got / ],
    [ nothing => 'up' ],
);

is($list->{none}{reason}{code}, 'value', 'by its value');
is($list->{gone}{reason}{code}, 'system_error', 'an error of the system');

my ($space, $inodes) = df('/');
my $want = $space > $inodes ? $space : $inodes;

cmp_ok(abs($list->{root}{value} - $want), '<=', 2,
       "df says $want %, healthdash $list->{root}{value} %");
like(http_get(port('web'), '/status?format=html')->{body}, qr/\d %/,
     'and shows it');


# one that waits for ever

my $late = "the system did not answer after 300ms: disk $stuck";
my $again = qr/^down: disk \Q$stuck\E: the file system has not answered for \d+/;

sub is_stuck {
    my ($what) = @_;
    my $is = '';

    ok(wait_until(sub {
        $is = verdict(hd_json($t)->{services}{stuck});
        return $is =~ $again;
    }, 20), $what) or diag($is);
}

is_stuck('a disk that does not answer is down');

my $service = hd_json($t)->{services}{stuck};

# the first probe may be in doubt if this machine is slow

my $first = $t->log =~ /"stuck" could not be probed/
            ? qr/(?:\Q$late\E|disk \Q$stuck\E: .* not answered for \d+m?s)/
            : qr/\Q$late\E/;

like($t->log, qr/service "stuck" is down: $first, first result/,
     'it did not answer in time');
is($service->{reason}{code}, 'system_timeout', 'by this name');

goes_on('stuck', 'it is probed on');
goes_on('root', 'and so are others');

my ($worker) = $t->worker_pids;

cmp_ok(threads($worker), '<=', 6, 'with one thread that waits, not more');

my @status = map { http_get(port('web'), '/status')->{status} } 1 .. 50;

is_deeply([ grep { $_ != 200 } @status ], [], 'requests are served meanwhile');

ok($t->reload, 'workers with such a thread end at a reload');
is_stuck('the new ones find it, too');

$t->kill_worker;
is_stuck('and those after a killed one');

write_file($gate, '');

ok(wait_until(sub { hd_json($t)->{services}{stuck}{health} eq 'up' }, 20),
   'an answer brings it back');

ok(wait_until(sub { threads(($t->worker_pids)[0]) < 3 }, 20),
   'no thread stays');

unlink $gate;
is_stuck('it can wait again');

my $mark = time;

$t->stop;
cmp_ok(time - $mark, '<', 30, 'and nginx quits with it');


done_testing();

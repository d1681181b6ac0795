#!/usr/bin/perl

# Tests for what the machine and nginx itself tell: memory, load, descriptors,
# connections, and a zone that is full.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use IO::Socket::INET ();
use POSIX ();

use HealthDash::Probe qw(service status_server verdict judged fds);

my %rule = (any => 'expect value >= 0;', never => 'expect value < -1;',
            less => 'warn value < -1;', lots => 'expect value < 1000;');

my $rules = join '', map { "healthdash_probe $_ { $rule{$_} }\n" }
                     sort keys %rule;

my $t = HealthDash->new(workers => 2, main => 'worker_rlimit_nofile 200;',
                        http => $rules
    . join('', map { my $type = $_;
                     map { service("$type $_", "$type:", "probe=$_") }
                         qw(any never less) }
               qw(memory load files nginx))
    . service('memory', 'memory:') . service('load', 'load:')
    . service('files', 'files:') . service('nginx', 'nginx:')
    . status_server())->start;

my %text = (
    memory => qr/memory: [\d.]+% (?:used \([\d.]+ [kMGT]?B available\)|of the limit of this container used \([\d.]+ [kMGT]?B left\))/,
    load   => qr/load: [\d.]+ per core \([\d.]+ on \d+ cores?\)/,
    files  => qr/files: [\d.]+% of those of (?:process \d+|the system) open \(\d+ of \d+\)/,
    nginx  => qr/nginx: [\d.]+% of the connections of (?:this worker|all workers) in use \(\d+ of \d+\)/,
);

my $list = judged($t, map { ([ "$_ any", 'up' ],
                             [ "$_ never", qr/^down: $text{$_}, expected < -1$/ ],
                             [ "$_ less",
                               qr/^degraded: $text{$_}, expected < -1$/ ]) }
                      sort keys %text);

for my $type (sort keys %text) {
    is($list->{"$type never"}{reason}{code}, 'value', "$type: by its value");
    like($list->{$type}{health}, qr/^(?:up|degraded|down)$/,
         "$type has limits of its own");
}

my ($total) = HealthDash::slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;

cmp_ok($list->{'memory any'}{value}, '<=', 100, 'percent of memory');

my $cores = POSIX::sysconf(84);     # _SC_NPROCESSORS_ONLN
my ($load) = HealthDash::slurp('/proc/loadavg') =~ /^([\d.]+)/;

cmp_ok(abs($list->{'load any'}{value} - $load / $cores), '<', 2,
       'load per core');


# people get two decimals, JSON what was measured

{
    my $page = http_get(port('web'), '/status?format=html')->{body};
    my $plain = http_get(port('web'), '/status?format=text')->{body};

    for my $text ($page, $plain) {
        like($text, qr/\b\d+(?:\.\d\d?)? %/, 'a value and its unit');
        unlike($text, qr/\d\.\d{3,}(?: %| per core\])/, 'with two decimals');
    }
}


# descriptors: those of the fullest worker, be it the one that looks or not

my @open = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => port('web'))
        // die "cannot connect: $!\n"
} 1 .. 150;

ok(wait_until(sub {
    my ($most) = sort { $b <=> $a } map { fds($_) } $t->worker_pids;
    my $value = hd_json($t)->{services}{'files any'}{value};

    return $most > 60 && abs($value - $most / 2) <= 5;
}, 20), 'descriptors of the fullest worker, of 200');

my ($pid, $n) = verdict(hd_json($t)->{services}{'files never'})
                =~ /process (\d+) open \((\d+) of 200\)/;

ok((grep { $_ == $pid } $t->worker_pids), 'which is named');

undef @open;
$t->stop;


# connections, and those for which there is no place

$t = HealthDash->new(main => "events { worker_connections 64; }\n",
                     http => $rules
    . service('nginx', 'nginx:')
    . service('dropped', 'nginx:', 'probe=lots passes=1000')
    . status_server());
$t->allow_log(qr/worker_connections are not enough/);
$t->start;

# who has begun a request is not idle

sub talk {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => port('web')) or return;
    local $SIG{PIPE} = 'IGNORE';

    print $s "GET /status HTTP/1.1\r\nHost: a";
    $s->flush;

    return $s;
}

ok(wait_until(sub { verdict(hd_json($t)->{services}{nginx}) eq 'up' }, 20),
   'an nginx with little to do is up');

@open = map { talk() } 1 .. 50;

ok(wait_until(sub {
    return verdict(hd_json($t)->{services}{nginx})
           =~ /^degraded: $text{nginx}, expected < 80$/;
}, 20), 'one whose places are nearly taken is degraded');

is(verdict(hd_json($t)->{services}{dropped}), 'up', 'but lost nobody');

# who has not sent anything yet is closed to make room: then nginx only warns

ok(wait_until(sub {
    push @open, map { talk() } 1 .. 5;
    return $t->log =~ /\[alert\].* worker_connections are not enough/;
}, 20), 'nginx drops connections');
undef @open;

ok($t->wait_log(qr/"dropped" is degraded: nginx: \d+ connections? dropped/,
                 20),
   'which is told');
ok(wait_until(sub { verdict(hd_json($t)->{services}{nginx}) eq 'up' }, 20),
   'and over when there is room again');
is(hd_json($t)->{services}{dropped}{health}, 'degraded', 'as a warning');

$t->stop;


# a zone with room for no more

sub full {
    my ($n) = @_;

    return "healthdash_zone hd 768k;\n" . status_server()
           . service('nginx', 'nginx:', 'probe=lots') . $rules
           . join '', map { service("s$_", 'memory:', 'probe=lots') } 2 .. $n;
}

$t = HealthDash->new(http => full(1));

my ($max, $over) = (1, 512);

while ($max + 1 < $over) {
    my $n = int(($max + $over) / 2);
    my ($rc) = $t->conf_test("http {\n" . full($n) . "}\n");

    $rc ? ($over = $n) : ($max = $n);
}

cmp_ok($max, '>', 20, "a zone of 768k has room for $max targets");

$t = HealthDash->new(http => full($max))->start;

ok(wait_until(sub {
    return verdict(hd_json($t)->{services}{nginx})
           =~ /^degraded:\ nginx:\ the\ zone\ "hd"\ is\ nearly\ full
               \ \($max\ of\ \d+\ targets\)$/x;
}, 20), 'and who uses all of it is told');

done_testing();

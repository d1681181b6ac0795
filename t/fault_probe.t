#!/usr/bin/perl

# Tests for faults in a running worker: whatever our code asks for, memory,
# descriptors, connections, events, threads, calls of libraries, fails once in
# each place.  No probe dies in silence, no server is blamed, nothing crashes or
# is lost (A05, A07, A11, A57).  HD_LONG=1: each place 5 times, and the memory
# that libcurl and jansson ask for, too.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => $ENV{HD_LONG} ? 3600 : 600;

use HealthDash::DNS;
use HealthDash::Fault qw(fault_build is_long);
use HealthDash::Hostile;
use HealthDash::Kinds qw(kinds kind_conf);
use HealthDash::Probe qw(service status_server fds);
use HealthDash::Recording qw(recording);

use Time::HiRes qw(sleep time);

fault_build();

my $fault = HealthDash::Fault->new;
my $only = $ENV{HD_KIND};
my $has_tls = (HealthDash->new(module => 0)->run_nginx('-V'))[1]
              =~ /--with-http_ssl_module/;
my $conf = '';
my (@names, @peers);

my $fast = 'interval=20ms fast=20ms timeout=20s fails=1 passes=1 jitter=0%';

sub add {
    my ($name, $url, $more) = @_;

    return if defined $only && $name !~ /$only/;

    push @names, $name;
    $conf .= "healthdash_service $name $url $fast " . ($more // '') . ";\n";
}


# the servers: those that say what was recorded, real ones for TLS

for my $kind (kinds()) {
    my $peer = { name => $kind->{name}, how => 'good', fix => $kind->{fix},
                 talk => [ recording($kind->{name}) ] };

    HealthDash::Hostile->new(udp => $kind->{udp} ? 1 : 0, $peer);
    $conf .= kind_conf($kind);
    add($kind->{name}, sprintf($kind->{url}, $peer->{address}),
        "probe=as-$kind->{name}");
}

my $b = backend('b1');
my $dns = HealthDash::DNS->new;

$b->set('/json', body => '{"ok":[1,2,{"a":"b"}]}');
$dns->set('app.test', a => ['127.0.0.1']);

$conf .= 'healthdash_probe json { type http;'
         . " expect json .ok[2].a = b; expect body ~ ok; warn time < 30s; }\n";

add('json', 'http://' . $b->address . '/json', 'probe=json');
add('kept', 'http://' . $b->address . '/', 'keepalive=on');
add('named', 'http://app.test:' . $b->port_number . '/');

for my $type (qw(disk memory load files)) {
    $conf .= "healthdash_probe $type { type $type; expect value < 1e9; }\n";
    add($type, $type eq 'disk' ? 'disk:/' : "$type:", "probe=$type");
}

if ($has_tls) {
    my $cert = tls_cert(cn => 'app.test');
    my $tls = port('tls');
    my $ca = 'ca=' . tls_ca()->{cert} . ' sni=app.test';

    HealthDash->new(name => 'web', module => 0, http => <<"EOF")->start;
server {
    listen 127.0.0.1:$tls ssl http2;
    ssl_certificate $cert->{cert};
    ssl_certificate_key $cert->{key};
    location / { return 200 ok; }
}
EOF

    add('https', "https://127.0.0.1:$tls", $ca);
    add('https2', "https://127.0.0.1:$tls", "$ca http=2");
    add('tls', "tls://127.0.0.1:$tls", $ca);
}

my $t = HealthDash->new(main => "events { worker_connections 4096; }\n",
                        conf => <<"EOF")->start;
http {
    resolver @{[ $dns->address ]} ipv6=off valid=1s;
    $conf
@{[ status_server() ]}
}
EOF

my $list;

sub look { return $list = hd_json($t)->{services}; }

sub facts { return $list->{$_[0]}{health_checks}; }

sub all_probed {
    my ($n, $from) = @_;

    look();

    return !grep { facts($_)->{checks} < $n + ($from->{$_} // 0) } @names;
}

ok(wait_until(sub { all_probed(3, {}) }, 60, 'probes'), 'all are probed');
is_deeply([ grep { $list->{$_}{health} ne 'up' } @names ], [], 'and up')
    or diag explain { map { ($_ => $list->{$_}{reason}) } @names };

my ($pid) = $t->worker_pids;
my $fds = fds($pid);
my @blamed;


# a server that is blamed: after which fault

sub blame {
    my ($last) = @_;

    look();

    for my $name (@names) {
        my $n = facts($name)->{fails} or next;

        my $text = $list->{$name}{last_failure}{reason}{text};

        next if grep { /^\Q$name:/ } @blamed;

        push @blamed, "$name: $text ($last)";
    }
}

my @faults = $fault->walk(sub { sleep 0.005 },
    each => is_long() ? 5 : 1,
    classes => is_long() ? [ qw(ours curl json) ] : [ 'ours' ],
    after => sub { sleep 0.03; blame($_[0]) if !$ENV{HD_QUICK} });

cmp_ok(scalar @faults, '>', 100, 'faults in ' . @faults . ' places');

my %from = map { ($_ => facts($_)->{checks}) } @names;

ok(wait_until(sub { all_probed(3, \%from) }, 30, 'probes'),
   'all are probed on')
    or diag "no more: ", join ' ', grep { facts($_)->{checks} < $from{$_} + 3 }
                                   @names;
blame('at the end');
is_deeply(\@blamed, [], 'nobody was blamed');

my $doubt = 0;
$doubt += facts($_)->{inconclusive} for @names;
cmp_ok($doubt, '>', 20, 'but results were in doubt');

is(($t->worker_pids)[0], $pid, 'it is the same worker');
ok(wait_until(sub { fds($pid) <= $fds + 30 }, 10), 'with as many descriptors')
    or diag "$fds, now " . fds($pid);

diag(scalar(@faults) . ' faults') if is_long();

$t->stop;
unlike($t->log, qr/open socket/, 'and leaves none open');

done_testing();

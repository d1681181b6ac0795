#!/usr/bin/perl

# Tests for probes of DNS with a real dnsmasq, and with servers that answer
# other questions than ours, or rubbish.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Daemon qw(daemon need);
use HealthDash::DNS;
use HealthDash::Probe qw(service status_server verdict judged);
use HealthDash::Run qw(write_file);

use IO::Socket::INET;

my $dir = tmp_dir();
my $port = port('dnsmasq');

# true if a server answers a question for the name at all

sub answers {
    my ($to, @labels) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to,
                                  Proto => 'udp') or return 0;
    my $query = pack('n6', 1, 0x100, 1, 0, 0, 1)
                . join('', map { pack 'C/a*', $_ } @labels, '')
                . pack('n2', 1, 1) . "\0" x 11;
    my $in = '';

    send($s, $query, 0) // return 0;
    vec($in, fileno $s, 1) = 1;

    return select($in, undef, undef, 0.2)
           && defined recv($s, my $answer, 2000, 0);
}

my $dnsmasq = daemon('dnsmasq', ready => sub { answers($port, 'app', 'test');
}, argv => [ need('dnsmasq'), '--keep-in-foreground', '--no-resolv',
    '--no-hosts', '--no-daemon', '--listen-address=127.0.0.1',
    '--bind-interfaces', "--port=$port", '--local=/test/', '--pid-file=',
    '--conf-file=/dev/null', '--user=root',
    '--host-record=app.test,10.0.0.1', '--host-record=app.test,10.0.0.2',
    '--host-record=v6.test,fd00::1', '--cname=www.test,app.test',
    '--mx-host=app.test,mail.test,10', '--txt-record=app.test,v=spf1,-all',
    '--srv-host=_x._tcp.test,app.test,443,10,20',
    '--ptr-record=1.0.0.10.in-addr.arpa,app.test',
    '--caa-record=app.test,0,issue,ca.test' ]);

# answers: another id, another name, rubbish, cut, or nothing

my $odd = port('odd');

write_file("$dir/odd.pl", <<'EOF_PERL');
use strict;
use warnings;
use IO::Socket::INET;

my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0],
                              Proto => 'udp') or die;
my %asked;

while (1) {
    my $from = recv($s, my $q, 2000, 0) // next;
    my ($id, $rest) = unpack 'n a*', $q;
    my ($name) = $q =~ /^.{12}\x01(.)/s or next;
    my $edns = unpack 'x10 n', $q;
    my $question = substr $q, 12, length($q) - 12 - ($edns ? 11 : 0);
    my $head = sub { pack 'n6', $_[0], 0x8180, 1, $_[1], 0, 0 };
    my $record = pack('n3 N n', 0xc00c, 1, 1, 60, 4) . "\x0a\0\0\1";
    my $good = $head->($id, 1) . $question . $record;

    # those that are not ours come first

    if ($name eq 'a') {
        send $s, $_, 0, $from
            for $head->($id ^ 1, 1) . $question . $record, 'rubbish',
                $head->($id, 1) . "\1z\0\0\1\0\1" . $record, $q, $good;

    } elsif ($name eq 'b') {
        send $s, $head->($id ^ 1, 1) . $question . $record, 0, $from;

    } elsif ($name eq 'c') {
        send $s, substr($good, 0, -1), 0, $from;

    } elsif ($name eq 'd') {
        send $s, $head->($id, 1) . $question
                 . pack('n3 N n', 0xc000 | 12 + length $question, 1, 1, 60, 4),
             0, $from;

    } elsif ($name eq 'e') {
        send $s, pack('n6', $id, 0x8181, 0, 0, 0, 0), 0, $from;

    } elsif ($name eq 'f') {
        send $s, pack('n6', $id, 0x8380, 1, 2, 0, 0) . $question . $record, 0,
             $from;

    # older than EDNS0

    } elsif ($name eq 'g') {
        send $s, $edns ? pack('n6', $id, 0x8181, 1, 0, 0, 0) . $question
                       : $good, 0, $from;

    # the first one of each probe gets lost

    } elsif ($name eq 'h') {
        send $s, $good, 0, $from if $asked{"$id$from"}++;
    }
}
EOF_PERL

my $server = daemon('odd', ready => sub { answers($odd, 'e') },
                    argv => [ $^X, "$dir/odd.pl", $odd ]);

my $dns = "dns://127.0.0.1:$port";

my $t = HealthDash->new(http => <<'EOC'
    healthdash_probe two    { expect value = 2;
                              expect row = "10.0.0.1 10.0.0.2"; }
    healthdash_probe three  { expect value >= 3; }
    healthdash_probe mx     { expect row = "10 mail.test"; }
    healthdash_probe txt    { expect row = "v=spf1-all"; }
    healthdash_probe srv    { expect row = "10 20 443 app.test"; }
    healthdash_probe ptr    { expect row = app.test; }
    healthdash_probe caa    { expect row = "0 issue \"ca.test\""; }
    healthdash_probe v6     { expect row = fd00::1; }
    healthdash_probe other  { expect row ~ ^192; }
    healthdash_probe none   { expect value = 0; }
    healthdash_probe one    { expect row = 10.0.0.1; }
EOC
    . service('two', $dns, 'name=app.test probe=two')
    . service('case', $dns, 'name=APP.Test. probe=two')
    . service('cname', $dns, 'name=www.test probe=two')
    . service('three', $dns, 'name=app.test probe=three')
    . service('mx', $dns, 'name=app.test record=MX probe=mx')
    . service('txt', $dns, 'name=app.test record=TXT probe=txt')
    . service('srv', $dns, 'name=_x._tcp.test record=SRV probe=srv')
    . service('ptr', $dns, 'name=1.0.0.10.in-addr.arpa record=PTR probe=ptr')
    . service('caa', $dns, 'name=app.test record=CAA probe=caa')
    . service('v6', $dns, 'name=v6.test record=AAAA probe=v6')
    . service('other', $dns, 'name=app.test probe=other')
    . service('empty', $dns, 'name=v6.test')
    . service('none', $dns, 'name=v6.test probe=none')
    . service('gone', $dns, 'name=no.test')
    . service('wanted', $dns, 'name=no.test rcode=NXDOMAIN')
    . service('not', $dns, 'name=app.test rcode=NXDOMAIN')
    . service('frozen', $dns, 'name=app.test timeout=500ms')
    . service('late', "dns://127.0.0.1:$odd", 'name=a probe=one')
    . service('id', "dns://127.0.0.1:$odd", 'name=b timeout=500ms')
    . service('cut', "dns://127.0.0.1:$odd", 'name=c')
    . service('loop', "dns://127.0.0.1:$odd", 'name=d')
    . service('format', "dns://127.0.0.1:$odd", 'name=e')
    . service('part', "dns://127.0.0.1:$odd", 'name=f probe=one')
    . service('old', "dns://127.0.0.1:$odd", 'name=g probe=one')
    . service('lost', "dns://127.0.0.1:$odd", 'name=h probe=one timeout=2s')
    . status_server())->start;

sub state_of { return verdict(hd_json($t)->{services}{$_[0]} // {}); }

judged($t,
    (map { [ $_ => 'up' ] } qw(two case cname mx txt srv ptr caa v6 none wanted
                               late part old lost)),
    [ three => 'down: value: expected >= 3, got 2' ],
    [ other => qr/^down: row: expected ~ "\^192", got "10\.0\.0\.1 10/ ],
    [ empty => 'down: no A records of v6.test' ],
    [ gone => 'down: rcode NXDOMAIN, expected NOERROR' ],
    [ not => 'down: rcode NOERROR, expected NXDOMAIN' ],
    [ frozen => 'up' ],
    [ id => 'down: response timed out after 500ms' ],
    [ cut => 'down: invalid response: malformed DNS message' ],
    [ loop => 'down: invalid response: malformed DNS message' ],
    [ format => 'down: rcode FORMERR, expected NOERROR' ],
);

$dnsmasq->freeze;

ok(wait_until(sub { state_of('frozen')
                    eq 'down: response timed out after 500ms' }, 20),
   'frozen: no answer');

$dnsmasq->thaw;

ok(wait_until(sub { state_of('frozen') eq 'up' }, 20), 'thawed: up again');

$dnsmasq->stop;

ok(wait_until(sub { state_of('two') =~ /^down: connection refused/ }, 20),
   'stopped: refused')
    or diag(state_of('two'));

$dnsmasq->start;

ok(wait_until(sub { state_of('two') eq 'up' }, 20), 'started: up again');

done_testing();

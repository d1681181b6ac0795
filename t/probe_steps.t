#!/usr/bin/perl

# Tests for dialogues of send and expect lines over TCP, TLS and UDP, with
# servers that speak in turns.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Daemon qw(daemon need);
use HealthDash::Probe qw(service status_server verdict judged);
use HealthDash::Run qw(write_file);

my $dir = tmp_dir();

# A server of lines: SMTP, a line that comes back, or silence.

my $perl = <<'EOF_PERL';
use strict;
use warnings;
use IO::Socket::INET;
use IO::Select;

my ($tcp, $udp, $said) = @ARGV;

$SIG{PIPE} = 'IGNORE';

my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $tcp,
                              Listen => 50, ReuseAddr => 1) or die;
my $u = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $udp,
                              Proto => 'udp') or die;
my $all = IO::Select->new($s, $u);

sub heard {
    open my $fh, '>>', $said or die;
    syswrite $fh, "$_[0]\n";
}

while (1) {
    for my $c ($all->can_read) {
        my $line;

        if ($c == $s) {
            my $new = $s->accept or next;
            $all->add($new);
            syswrite $new, "220-host\r\n";
            syswrite $new, "220 ready\r\n";
            next;
        }

        if ($c == $u) {
            my $from = recv($u, $line, 2000, 0) // next;
            send($u, $line, 0, $from) if $line ne 'quiet';
            next;
        }

        if (!sysread $c, $line, 2000) {
            $all->remove($c);
            close $c;
            next;
        }

        heard($1) if $line =~ /^(LAST|TOKEN .*?)\r?\n/;
        syswrite $c, "250-host\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
            if $line =~ /^EHLO/;
        syswrite $c, "221 bye\r\n" if $line =~ /^QUIT/;
        syswrite $c, "500 what is $line" if $line =~ /^TOKEN/;
        syswrite $c, pack('C*', 0, 1, 0xff, 92) if $line eq "\0\1\xff\\";
    }
}
EOF_PERL

write_file("$dir/server.pl", $perl);
write_file("$dir/token", "TOKEN s3cr3t-token\n");

my ($tcp, $udp) = (port('tcp'), port('udp'));

my $server = daemon('lines', port => $tcp, argv => [ $^X, "$dir/server.pl",
                                                     $tcp, $udp, "$dir/said" ]);
my ($ca, $cert) = (tls_ca(), tls_cert());
my $redis = daemon('redis', port => port('redis'), argv => [
    need('redis-server'), '--port', port('redis'), '--bind', '127.0.0.1',
    '--save', '', '--dir', $dir, '--tls-port', port('tls'),
    '--tls-cert-file', $cert->{cert}, '--tls-key-file', $cert->{key},
    '--tls-ca-cert-file', $ca->{cert}, '--tls-auth-clients', 'no' ]);

my $t = HealthDash->new(http => <<"EOC"
    healthdash_probe smtp     { expect ~ "(?m)^220 .*\\n";
                                send "EHLO probe\\r\\n";
                                expect ~* "(?m)^250[ -]starttls";
                                send "QUIT\\r\\n"; expect = "221 bye\\r\\n"; }
    healthdash_probe wrong    { expect ~ ^554; send "QUIT\\r\\n";
                                expect ~ ^554; }
    healthdash_probe waits    { timeout 2s; expect ~ "(?m)^220 .*\\n";
                                expect ~ nothing; }
    healthdash_probe begins   { expect = "221"; }
    healthdash_probe bye      { expect ~ ready; send "LAST\\n"; }
    healthdash_probe bytes    { expect ~ "ready\\r\\n"; send \\0\\x01\\xfF\\\\\\\\;
                                expect = "\\0\\x01\\xff\\\\\\\\"; }
    healthdash_probe token    { expect ~ ready; send \@$dir/token; send "\\n";
                                expect ~ ^200; timeout 2s; }
    healthdash_probe redis    { send "PING\\r\\n"; expect = "+PONG\\r\\n";
                                send "NONE\\r\\n"; expect ~ "^-ERR unknown"; }
    healthdash_probe quick    { expect ~ ready; expect time < 20s; }
    healthdash_probe late     { expect ~ ready; expect time > 20s; }
    healthdash_probe udp      { send "hello"; expect = hello; }
    healthdash_probe odd      { send "hello"; expect = hallo; }
    healthdash_probe quiet    { timeout 500ms; send quiet; expect ~ .; }
EOC
    . join('', map { service($_, "tcp://127.0.0.1:$tcp", "probe=$_") }
           qw(smtp begins bye bytes quick late))
    . service('waits', "tcp://127.0.0.1:$tcp", 'probe=waits timeout=2s')
    . service('wrong', "tcp://127.0.0.1:$tcp", 'probe=wrong timeout=2s')
    . service('token', "tcp://127.0.0.1:$tcp", 'probe=token timeout=2s')
    . service('redis', 'tcp://127.0.0.1:%%PORT_redis%%', 'probe=redis')
    . service('tls', 'tls://127.0.0.1:%%PORT_tls%%', 'probe=redis verify=off')
    . service('udp', "udp://127.0.0.1:$udp", 'probe=udp')
    . service('odd', "udp://127.0.0.1:$udp", 'probe=odd')
    . service('quiet', "udp://127.0.0.1:$udp", 'probe=quiet timeout=500ms')
    . status_server())->start;

judged($t,
    [ smtp => 'up' ],
    [ wrong => qr/^down:\ response\ timed\ out\ after\ 2s:\ step\ 1:
                  \ expected\ ~\ "\^554",\ got\ "220-host.*ready"/x ],
    [ waits => qr/^down: .* 2s: step 2: expected ~ "nothing", got nothing/ ],
    [ begins => qr/^down: step 1: expected = "221", got "220-host/ ],
    [ bye => 'up' ],
    [ bytes => 'up' ],
    [ token => qr/step 4: expected ~ "\^200", got "500 what is \*\*\*"/ ],
    [ redis => 'up' ],
    [ quick => 'up' ],
    [ late => qr/^down: time: expected > 20s, got / ],
    [ tls => 'up' ],
    [ udp => 'up' ],
    [ odd => 'down: step 2: expected = "hallo", got "hello"' ],
    [ quiet => qr/^down: .* 500ms: step 2: expected ~ "\.", got nothing/ ],
);

my $said = HealthDash::slurp("$dir/said");

like($said, qr/^LAST$/m, 'a last word is sent');
like($said, qr/^TOKEN s3cr3t-token$/m, 'a secret is sent');
unlike(http_get(port('web'), '/status')->{body} // '', qr/s3cr3t/,
       'and not shown, though it comes back');

sub state_of { return verdict(hd_json($t)->{services}{$_[0]} // {}); }

$server->stop;

for my $name (qw(smtp udp)) {
    ok(wait_until(sub { state_of($name) =~ /^down: connection refused/ }, 20),
       "$name: stopped")
        or diag(state_of($name));
}

$server->start;

for my $name (qw(smtp udp)) {
    ok(wait_until(sub { state_of($name) eq 'up' }, 20), "$name: up again");
}

done_testing();

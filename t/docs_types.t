#!/usr/bin/perl

# Tests for docs/types.md: each type has a section with an example, in the order
# of the source, and each example is well with real servers: as it stands there,
# but for addresses, ports and files.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use IO::Socket::INET ();

use HealthDash::Daemon qw(daemon need);
use HealthDash::Mail qw(dovecot exim ftpd);
use HealthDash::Probe qw(status_server verdict);
use HealthDash::Run qw(write_file start_helper);
use HealthDash::SQL qw(postgres mariadb);

my $top = "$FindBin::Bin/..";
my $dir = tmp_dir();
my $python = '/usr/bin/python3';
my $cert = tls_cert(cn => 'example.com', days => 90,
                    san => [ qw(DNS:*.example.com DNS:cache.internal
                                IP:127.0.0.1) ]);
my $ca = tls_ca()->{cert};
my %system = map { $_ => 1 } qw(disk memory load files nginx);

# the authorities of an example that names none

$ENV{SSL_CERT_FILE} = $ca;

chmod 0644, $cert->{key};


# The page

my (@sections, %text, @examples);

for (split /^(?=\#\# )/m, HealthDash::slurp("$top/docs/types.md")) {
    /^\#\# (.*)\n/ or next;
    push @sections, $1;
    $text{$1} = $_;

    while (/((?:^    .*\n|^\n(?=    ))+)/mg) {
        my $text = $1 =~ s/^    //mgr;

        push @examples, { section => $sections[-1], text => $text };
    }
}

my $source = HealthDash::slurp("$top/ngx_http_healthdash_module/"
                               . 'ngx_hd_types.c');
my %seen;
my @types = grep { !$seen{$_}++ }
            $source =~ /\{ \.name = ngx_string\("(\w+)"\),/g;

cmp_ok(scalar @types, '>', 30, 'the types were found');
is_deeply([ grep { !/ / } @sections ], \@types,
          'each type has a section, in the order of the source');

for my $section (@sections) {
    ok(scalar(grep { $_->{section} eq $section } @examples),
       "$section: an example");
}

# the port of a service that names none, in the first row of its type

my %port;

while ($source =~ /ngx_string\("(\w+)"\),\n\s+\.port = (\d+),/g) {
    $port{$1} //= $2;
}

cmp_ok(scalar keys %port, '>', 20, 'the ports were found');

for my $type (sort keys %port) {
    like($text{$type}, qr/\bport\s+$port{$type}\s+unless\s+given/i,
         "$type: its port");
}


# Servers

# what an example calls by a port of its own

my %at = ('tcp 22' => 'ssh', 'tcp 25' => 'smtp', 'tls 636' => 'ldap',
          grpc => 'grpc', https => 'tls', websocket => 'chat',
          websockets => 'chats');

my %password = (smtp => 's3cret', imap => 's3cret', ftp => 's3cret');

for (qw(redis orders shop smtp imap ftp backup)) {
    write_file("$dir/$_.secret", ($password{$_} // 'secret') . "\n");
    chmod 0600, "$dir/$_.secret";
}

web_servers();
node_servers();
caches();
applications();
exim($cert);
dovecot($cert);
ftpd($cert);
name_server();
backend('ajp', accept => 'tcp', reply => "AB\0\x01\x09");
backend('ssh', accept => 'tcp', greeting => "SSH-2.0-example\r\n");
game_server();
postgres('postgres', ssl => $cert)->sql('create database orders owner probe');
mariadb('mysql', options => [ '--read-only' ])
    ->sql('create database shop', q{grant select on shop.* to probe@'%'});


sub web_servers {
    my $tls = "ssl_protocols TLSv1.3; ssl_certificate $cert->{cert};"
              . " ssl_certificate_key $cert->{key};";
    my $health = <<'EOF_CONF';
location = /healthz {
    default_type application/json;
    return 200 '{ "status": "ok" }';
}
EOF_CONF

    HealthDash->new(module => 0, http => <<"EOF_CONF")->start;
server { listen 127.0.0.1:@{[ port('http') ]}; $health }
server { listen 127.0.0.1:@{[ port('http2') ]} http2; $health }
server { listen 127.0.0.1:@{[ port('tls') ]} ssl http2; $tls $health }
server { listen 127.0.0.1:@{[ port('ldap') ]} ssl; $tls }
server {
    listen 127.0.0.1:@{[ port('chats') ]} ssl;
    $tls
    location = /chat {
        proxy_pass http://127.0.0.1:@{[ port('chat') ]};
        proxy_http_version 1.1;
        proxy_set_header Connection upgrade;
        proxy_set_header Upgrade websocket;
        proxy_pass_header Server;
    }
}
EOF_CONF

    write_file("$dir/chat.py", <<'EOF_PYTHON');
import asyncio, sys
import websockets

async def talk(ws, path=None):
    async for message in ws:
        await ws.send(message)

async def main():
    async with websockets.serve(talk, '127.0.0.1', int(sys.argv[1]),
                                extra_headers={'Server': 'chat/1.0'}):
        await asyncio.Future()

asyncio.run(main())
EOF_PYTHON

    -x $python or die "$python is not installed: run \"make test-deps\"\n";
    daemon('chat', port => port('chat'),
           argv => [ $python, "$dir/chat.py", port('chat') ]);
}


sub node_servers {
    my $node = $ENV{HD_NODE} // "$top/build/node";

    die "no packages of npm in $node: run \"make test-deps\"\n"
        if !-d "$node/node_modules/grpc-health-check";

    for ([ 'grpc' ], [ 'grpcs', $cert->{cert}, $cert->{key} ]) {
        my ($name, @pair) = @$_;

        daemon($name, port => port($name), user => 'nobody',
               env => { NODE_PATH => "$node/node_modules" },
               argv => [ need('node', 'nodejs'),
                         "$FindBin::Bin/node/health-server.js", port($name),
                         '{ "shop.Orders": "SERVING" }', @pair ]);
    }
}


sub caches {
    my @redis = (need('redis-server'), '--bind', '127.0.0.1', '--save', '');
    my $port = port('memcached');

    daemon('redis', port => port('redis'), dir => $dir,
           argv => [ @redis, '--port', port('redis'), '--user', 'probe', 'on',
                     '>secret', '+ping', '+info' ]);
    daemon('rediss', port => port('rediss'), dir => $dir,
           argv => [ @redis, '--port', 0, '--tls-port', port('rediss'),
                     '--tls-cert-file', $cert->{cert}, '--tls-key-file',
                     $cert->{key}, '--tls-auth-clients', 'no',
                     '--requirepass', 'secret' ]);
    daemon('memcached', port => $port,
           argv => [ need('memcached'), '-l', '127.0.0.1', '-p', $port,
                     '-U', 0, '-u', 'nobody' ]);

    my $fh = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "memcached is gone: $!\n";

    print $fh "set config-version 0 0 2\r\n17\r\n";
    readline($fh) eq "STORED\r\n" or die "memcached stores nothing\n";
}


sub applications {
    my $pool = "user = nobody\ngroup = nogroup\nlisten.mode = 0666\n"
               . "pm = static\npm.max_children = 1\nping.path = /ping\n";

    write_file("$dir/health.php", "<?php echo 'well';\n");
    write_file("$dir/fpm.conf", <<"EOF_CONF");
[global]
daemonize = no
error_log = /dev/stderr
[tcp]
listen = 127.0.0.1:@{[ port('fastcgi') ]}
$pool
[unix]
listen = $dir/fpm.sock
$pool
EOF_CONF
    write_file("$dir/app.py", <<'EOF_PYTHON');
def application(env, start):
    found = env['PATH_INFO'] == '/health' and env['HTTP_X_PROBE'] == 'yes'
    start('200 OK' if found else '404 Not Found', [])
    return [b'ready\n']
EOF_PYTHON
    chmod 0644, "$dir/health.php", "$dir/app.py";

    daemon('php-fpm', port => port('fastcgi'), stop => 'QUIT',
           argv => [ need('php-fpm', map { "php-fpm8.$_" } reverse 0 .. 9),
                     '-F', '-R', '-n', '-y', "$dir/fpm.conf" ]);
    daemon('uwsgi', port => port('uwsgi'), stop => 'INT', user => 'nobody',
           argv => [ need('uwsgi-core', 'uwsgi'), '--plugin', 'python3',
                     '--socket', '127.0.0.1:' . port('uwsgi'), '--wsgi-file',
                     "$dir/app.py", '--need-app' ]);
}


sub name_server {
    daemon('dnsmasq', port => port('dns'),
           argv => [ need('dnsmasq'), '--keep-in-foreground', '--no-daemon',
                     '--no-resolv', '--no-hosts', '--pid-file=', '--user=root',
                     '--listen-address=127.0.0.1', '--bind-interfaces',
                     '--port=' . port('dns'), '--conf-file=/dev/null',
                     '--local=/example.com/', '--local=/internal/',
                     '--host-record=www.example.com,10.0.0.1',
                     '--host-record=www.example.com,10.0.0.2',
                     '--host-record=cache.internal,127.0.0.1' ]);
}


sub game_server {
    my $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
                                    LocalPort => port('udp'))
        or die "cannot listen over UDP: $!\n";

    start_helper('game server of a test', sub {
        while (defined(my $peer = recv $udp, my $text, 65536, 0)) {
            send $udp, "\xff\xff\xff\xffinfoResponse\n", 0, $peer
                if $text eq "\xff\xff\xff\xffinfo\n";
        }
    });
}


# The examples with these servers

sub at {
    my ($type, $port) = @_;

    $port = defined $port ? "$type $port" : $type;

    return '127.0.0.1:' . port($at{$port} // $at{$type} // $type);
}


# the type that the block of a probe names, "http2" for that version

sub type_of {
    my ($block) = @_;
    my ($type) = $block =~ /\btype\s+(\w+)/;

    return $type eq 'http' && $block =~ /\bhttp\s+2;/ ? 'http2' : $type;
}


sub service {
    my ($text) = @_;

    $text =~ s{\b([a-z]\w+)://([\w.]+)(?::(\d+))?}{
        my ($type, $host, $port) = ($1, $2, $3);
        my $to = at($type eq 'http' && $text =~ /http=2/ ? 'http2' : $type,
                    $port);

        # a name stays a name

        $to =~ s/^[\d.]+/$host/ if $host =~ /[a-z]/;
        "$type://$to";
    }e;
    $text =~ s{\bdisk:/[\w/]+}{disk:$dir};
    $text =~ s{/srv/app/}{$dir/};

    return $text;
}


sub upstream {
    my ($text, $probes) = @_;
    my ($type) = $text =~ /healthdash_check\s+(?:\w+=\S+\s+)*(\w+)(?!=)\b/;
    my ($probe) = $text =~ /\bprobe=(\w+)/;

    $type //= type_of($probes->{$probe});
    $text =~ s/\bserver 10[\d.]+:(\d+);/'server ' . at($type, $1) . ';'/ge;
    $text =~ s/\bserver unix:[^;]+/server unix:$dir\/fpm.sock/g;

    return $text;
}


# what is on this machine in place of another; a probe that nothing in the
# example uses gets two servers

sub localized {
    my ($text) = @_;
    my %probe = $text =~ /^healthdash_probe\ (\w+)\ (\{(?:"(?:\\.|[^"])*"
                                                       |[^"}])*\})/mgx;

    $text =~ s/^(healthdash_service\s[^;]*;)/service($1)/mge;
    $text =~ s/^(upstream\s.*?^\})/upstream($1, \%probe)/msge;

    for my $name (sort grep { $text !~ /\bprobe=$_\b/ } keys %probe) {
        my $server = 'server ' . at(type_of($probe{$name})) . ";\n";

        $text .= "upstream uses_$name {\n$server$server"
                 . "healthdash_check probe=$name;\n}\n";
    }

    $text =~ s/\@[\w.\/]*?(\w+)(?=[\s;])/\@$dir\/$1.secret/g;
    $text =~ s/\bca([ =]+)[\w.\/]+\.pem/ca$1$ca/g;
    $text =~ s/^resolver [\d.]+;/'resolver ' . at('dns') . ';'/mge;
    $text =~ s/^server \{/server { listen 127.0.0.1:%%PORT_beat%%;/mg;

    return $text;
}


# true for a service or server that is well; of this machine only that it was
# measured is asked

sub well {
    my ($one) = @_;

    return defined $one->{value} if $system{$one->{type} // ''};

    return ($one->{health} // '') eq 'up'
           && $one->{health_checks}{last_passed};
}


# [ name, service or server ] of all that an example has

sub targets {
    my ($json) = @_;
    my $services = $json->{services};
    my $upstreams = $json->{upstreams};

    return ((map { [ $_, $services->{$_} ] } sort keys %$services),
            map { my $name = $_;
                  map { [ "$name $_->{server}", $_ ] }
                      @{ $upstreams->{$name}{peers} } } sort keys %$upstreams);
}


my @running;

for my $n (0 .. $#examples) {
    my $example = $examples[$n];
    my $section = $example->{section};
    my $conf = localized($example->{text});
    my $t = HealthDash->new(name => "example$n", http => $conf
        . status_server() =~ s/PORT_web/PORT_web$n/r);

    if ($section =~ /HTTP\/3/) {
        my ($rc, $out) = $t->conf_test;

        # built like this or not, nobody here would answer over UDP

        like($out, qr/needs libcurl with HTTP\/3|test is successful/,
             "$section: is understood");
        next;
    }

    my $services = () = $conf =~ /^healthdash_service\b/mg;
    my $servers = () = $conf =~ /^\s*server [^\s{]+;/mg;

    cmp_ok($services + $servers, '>', 0, "$section: the example asks somebody");

    $t->start;
    push @running, { t => $t, section => $section, port => port("web$n"),
                     count => $services + $servers };
}

beat();


# the backup of the example calls in

sub beat {
    my $response = http_request(
        port => port('beat'), method => 'POST',
        path => '/beat/Backup%20of%20the%20shop',
        headers => { 'X-Healthdash-Token' => 'secret' });

    is($response->{status}, 200, 'the heartbeat is taken')
        or diag($response->{body});
}


# one deadline for all of them

wait_until(sub {
    for my $run (grep { !$_->{well} } @running) {
        $run->{list} = [ targets(hd_json($run->{t}, port => $run->{port})) ];
        $run->{well} = !grep { !well($_->[1]) } @{ $run->{list} };
    }

    return !grep { !$_->{well} } @running;
}, 90, 'the examples');

for my $run (@running) {
    my @list = @{ $run->{list} };

    is(scalar @list, $run->{count}, "$run->{section}: all are there");

    for (@list) {
        my ($name, $one) = @$_;

        ok(well($one), "$run->{section}: $name is well")
            or diag(verdict($one));
    }
}

done_testing();

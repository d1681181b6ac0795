#!/usr/bin/perl

# Tests for probes of FastCGI with a real php-fpm: its ping, scripts, and what
# is said when it refuses, is slow, stands still or is gone.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Daemon qw(daemon need);
use HealthDash::Probe qw(service status_server verdict judged);
use HealthDash::Run qw(write_file);

my $dir = tmp_dir();
my $port = port('fpm');
my $socket = "$dir/fpm.sock";

my %script = (
    ok => 'header("X-Version: 7"); echo json_encode($_SERVER);',
    error => 'http_response_code(500); echo "sorry";',
    moved => 'header("Location: /elsewhere");',
    noisy => 'error_log("the queue is full"); http_response_code(503);',
    slow => 'sleep(3);',
    big => 'echo str_repeat("x", 300000);',
);

chmod 0755, $dir;

for (keys %script) {
    write_file("$dir/$_.php", "<?php\n$script{$_}\n");
    chmod 0644, "$dir/$_.php";
}

sub pool {
    my ($name, $listen) = @_;

    return <<"EOF_CONF";
[$name]
listen = $listen
listen.mode = 0666
user = nobody
group = nogroup
pm = static
pm.max_children = 8
ping.path = /ping
pm.status_path = /status
catch_workers_output = no
EOF_CONF
}

write_file("$dir/fpm.conf", "[global]\nerror_log = $dir/fpm.log\n"
           . "daemonize = no\n" . pool('tcp', "127.0.0.1:$port")
           . pool('unix', $socket));

my $fpm = daemon('php-fpm', port => $port, stop => 'QUIT', argv => [
    need('php-fpm', map { "php-fpm8.$_" } reverse 0 .. 9), '-n', '-R',
    '-d', 'log_errors=1', '-d', 'error_log=', '-F', '-y', "$dir/fpm.conf" ]);

my $fcgi = "fastcgi://127.0.0.1:$port";
my $cut = backend('cut', accept => 'close');

write_file("$dir/token", "s3cr3t-token\n");

my $t = HealthDash->new(http => <<"EOC"
    healthdash_probe ping    { type fastcgi; expect body = pong; }
    healthdash_probe pang    { type fastcgi; expect body = pang; }
    healthdash_probe posted  { type fastcgi; param HTTP_X_A "b c";
                               param HTTP_X_TOKEN \@$dir/token;
                               param REQUEST_METHOD PUT;
                               expect header X-Version = 7;
                               expect header X-Powered-By ~ ^PHP;
                               expect body ~ '"HTTP_X_A":"b c"';
                               expect body ~ '"HTTP_X_TOKEN":"s3cr3t-token"';
                               expect body ~ '"REQUEST_METHOD":"PUT"';
                               expect body ~ '"QUERY_STRING":"q=1"';
                               expect body ~ '"SERVER_NAME":"127.0.0.1"'; }
    healthdash_probe header  { type fastcgi; expect header X-Version = 8; }
    healthdash_probe token   { type fastcgi; param HTTP_X_TOKEN \@$dir/token;
                               expect body = no; }
    healthdash_probe cookie  { type fastcgi; param HTTP_COOKIE sid=s3cr3t-sid;
                               expect body !~ "sid=s.cr"; }
    healthdash_probe bearer  { type fastcgi;
                               param HTTP_AUTHORIZATION "Bearer s3cr3t-word";
                               expect body !~ "Bearer s.cr"; }
    healthdash_probe script  { type fastcgi; uri /any;
                               param SCRIPT_FILENAME $dir/ok.php; }
EOC
    . service('ping', "$fcgi/ping", 'probe=ping')
    . service('frozen', "$fcgi/ping", 'probe=ping timeout=1s')
    . service('unix', "fastcgi://unix:$socket:/ping", 'probe=ping')
    . service('cookie', "$fcgi$dir/ok.php", 'probe=cookie')
    . service('bearer', "$fcgi$dir/ok.php", 'probe=bearer')
    . service('pang', "$fcgi/ping", 'probe=pang')
    . service('posted', "$fcgi$dir/ok.php?q=1", 'probe=posted')
    . service('header', "$fcgi$dir/ok.php", 'probe=header')
    . service('token', "$fcgi$dir/ok.php", 'probe=token')
    . service('error', "$fcgi$dir/error.php")
    . service('moved', "$fcgi$dir/moved.php")
    . service('noisy', "$fcgi$dir/noisy.php")
    . service('big', "$fcgi$dir/big.php")
    . service('wrong', "$fcgi/no/such.php")
    . service('slow', "$fcgi$dir/slow.php", 'timeout=1s interval=20s')
    . service('http', 'fastcgi://127.0.0.1:%%PORT_web%%/')
    . service('closes', 'fastcgi://' . $cut->address . '/')
    . "upstream app {\n    zone app 64k;\n    server 127.0.0.1:$port;\n"
    . "    server unix:$socket;\n"
    . "    healthdash_check fastcgi probe=script interval=100ms fails=1 "
    . "passes=1 min_up=0 timeout=20s;\n}\n"
    . status_server()
    . <<"EOC")->start;
    server {
        listen 127.0.0.1:%%PORT_app%%;
        location / {
            fastcgi_pass app;
            fastcgi_param SCRIPT_FILENAME $dir/ok.php;
            fastcgi_param REQUEST_METHOD GET;
        }
    }
EOC

my $list = judged($t,
    [ ping => 'up' ],
    [ unix => 'up' ],
    [ pang => 'down: body: expected "pang", got "pong"' ],
    [ posted => 'up' ],
    [ header => 'down: header X-Version: expected "8", got "7"' ],
    [ token => qr/^down: body: expected "no", got "/ ],
    [ error => 'down: http status 500' ],
    [ moved => 'up' ],
    [ noisy => qr/^down: http status 503, error output ".*the queue is full"/ ],
    [ big => 'up' ],
    [ wrong => 'down: http status 404, error output "Primary script unknown"' ],
    [ http => qr/^down: invalid response: not a FastCGI record, got "(?:HTTP|<html)/ ],
    [ cookie => qr/^down: body: expected !~ "sid=s.cr", got "\*\*\*"/ ],
    [ bearer => qr/^down: body: expected !~ "Bearer s.cr", got "\*\*\*"/ ],
    [ closes => qr/^down: connection (?:closed without response|reset)/ ],
);

my $json = http_get(port('web'), '/status')->{body} // '';

unlike($json, qr/s3cr3t/, 'a secret that PHP repeats is not shown');

ok(wait_until(sub { verdict(hd_json($t)->{services}{slow})
                    =~ /response timed out after 1s/ }, 20),
   'a script that sleeps times out');

is(http_get(port('app'), '/')->{status}, 200, 'the upstream serves');

sub state_of { return verdict(hd_json($t)->{services}{$_[0]} // {}); }

sub healths {
    return join ' ', map { $_->{health} }
           @{ hd_json($t)->{upstreams}{app}{peers} };
}

ok(wait_until(sub { healths() eq 'up up' }, 20), 'both servers are up');

$fpm->stop;

ok(wait_until(sub { state_of('ping') =~ /^down: connection refused/ }, 20),
   'stopped: refused');
ok(wait_until(sub { state_of('unix') =~ /^down:\ (?:unix\ socket\ does\ not\ exist
                                         |connection\ refused)/x }, 20),
   'stopped: no socket');
ok(wait_until(sub { healths() eq 'down down' }, 20),
   'the servers of the upstream are down');

$fpm->start;

ok(wait_until(sub { state_of('ping') eq 'up' && state_of('unix') eq 'up'
                    && healths() eq 'up up' }, 20), 'started: up again');

# connects still succeed, and nobody answers

$fpm->freeze;

ok(wait_until(sub { state_of('frozen') eq 'down: response timed out after 1s' },
              20),
   'frozen: no answer');

$fpm->thaw;

ok(wait_until(sub { state_of('frozen') eq 'up' }, 20), 'thawed: up again');

done_testing();

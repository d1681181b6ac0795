#!/usr/bin/perl

# Tests for probes of uwsgi with a real server and an application in Python:
# what it is asked, and what is said when it fails, stands still or is gone.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Daemon qw(daemon need);
use HealthDash::Probe qw(service status_server verdict judged);
use HealthDash::Run qw(write_file);

use IO::Socket::INET ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my $dir = tmp_dir();
my $port = port('uwsgi');

chmod 0755, $dir;

write_file("$dir/app.py", <<'EOF_PY');
import json, time

def application(env, start):
    path = env['PATH_INFO']
    if path == '/slow':
        time.sleep(3)
    if path == '/raise':
        raise Exception('no')
    status = '503 Busy' if path == '/busy' else '200 OK'
    body = json.dumps({k: v for k, v in env.items() if isinstance(v, str)},
                      sort_keys=True).encode()
    start(status, [('Content-Type', 'application/json'), ('X-Version', '7'),
                   ('Content-Length', str(len(body)))])
    return [] if env['REQUEST_METHOD'] == 'HEAD' else [body]
EOF_PY
chmod 0644, "$dir/app.py";
write_file("$dir/token", "s3cr3t-token\n");

my $uwsgi = daemon('uwsgi', port => $port, stop => 'INT', user => 'nobody',
    argv => [ need('uwsgi-core', 'uwsgi'), '--plugin', 'python3', '--master',
              '--processes', 8, '--socket', "127.0.0.1:$port", '--chdir', $dir,
              '--wsgi-file', "$dir/app.py", '--die-on-term' ]);

# the same with --cgi-mode: "Status: 200 OK" in place of a status line

my $cgi = daemon('cgi', port => port('cgi'), stop => 'QUIT', user => 'nobody',
    argv => [ need('uwsgi-core', 'uwsgi'), '--plugin', 'python3', '--master',
              '--processes', 2, '--socket', '127.0.0.1:' . port('cgi'),
              '--chdir', $dir, '--wsgi-file', "$dir/app.py", '--die-on-term',
              '--cgi-mode' ]);

# answers byte by byte; what is asked for says which, and if it closes then

my %odd = (
    '/length' => [ "Status: 200 OK\r\nContent-Length: 2\r\n\r\nok", 0 ],
    '/feed'   => [ "status:503\n\nno", 1 ],
    '/short'  => [ "Status: 200 OK\r\nContent-Length: 9\r\n\r\nok", 1 ],
    '/half'   => [ "Status: 20", 1 ],
    '/blank'  => [ "Status: ", 1 ],
    '/word'   => [ "Statu", 1 ],
    '/other'  => [ "Statist: 1\r\n\r\n", 1 ]
);

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20,
                                   LocalPort => port('odd'), ReuseAddr => 1)
    or die "cannot listen: $!\n";

HealthDash::Run::start_helper('uwsgi server of a test', sub {
    my @kept;

    # a probe that knows enough does not wait for the rest

    local $SIG{PIPE} = 'IGNORE';

    while (my $c = $listen->accept) {
        sysread $c, my $asked, 8192;

        my ($path) = grep { index($asked, $_) >= 0 } sort keys %odd or next;
        my ($answer, $close) = @{ $odd{$path} };

        setsockopt $c, IPPROTO_TCP, TCP_NODELAY, 1;
        syswrite $c, $_ or last for split //, $answer;
        push @kept, $c if !$close;
    }
});

close $listen;

my $url = "uwsgi://127.0.0.1:$port";
my $odd = 'uwsgi://127.0.0.1:' . port('odd');
my $closed = backend('closed', accept => 'close');

my $t = HealthDash->new(http => <<"EOC"
    healthdash_probe asked   { type uwsgi; param HTTP_X_A "b c";
                               param HTTP_X_TOKEN \@$dir/token;
                               expect header X-Version = 7;
                               expect body ~ '"HTTP_X_A": "b c"';
                               expect body ~ '"HTTP_X_TOKEN": "s3cr3t-token"';
                               expect body ~ '"PATH_INFO": "/a"';
                               expect body ~ '"QUERY_STRING": "q=1"';
                               expect body ~ '"REQUEST_METHOD": "GET"';
                               expect body ~ '"SERVER_NAME": "127.0.0.1"'; }
    healthdash_probe token   { type uwsgi; param HTTP_X_TOKEN \@$dir/token;
                               expect body = no; }
    healthdash_probe head    { type uwsgi; param REQUEST_METHOD HEAD; }
EOC
    . service('plain', $url)
    . service('asked', "$url/a?q=1", 'probe=asked')
    . service('token', "$url/", 'probe=token')
    . service('head', "$url/", 'probe=head')
    . service('busy', "$url/busy")
    . service('raise', "$url/raise")
    . service('frozen', "$url/", 'timeout=1s')
    . service('slow', "$url/slow", 'timeout=1s interval=20s')
    . service('http', 'uwsgi://127.0.0.1:%%PORT_web%%/')
    . service('closes', 'uwsgi://' . $closed->address . '/')
    . service('cgi', 'uwsgi://127.0.0.1:' . port('cgi') . '/a?q=1',
              'probe=asked')
    . service('cgi head', 'uwsgi://127.0.0.1:' . port('cgi') . '/',
              'probe=head')
    . service('cgi busy', 'uwsgi://127.0.0.1:' . port('cgi') . '/busy')
    . join('', map { service($_, "$odd$_") } sort keys %odd)
    . "upstream app {\n    zone app 64k;\n    server 127.0.0.1:$port;\n"
    . "    healthdash_check uwsgi uri=/up interval=100ms fails=1 passes=1 "
    . "min_up=0 timeout=20s;\n}\n"
    . status_server()
    . <<'EOC')->start;
    server {
        listen 127.0.0.1:%%PORT_app%%;
        location / {
            uwsgi_pass app;
            uwsgi_param PATH_INFO /;
            uwsgi_param REQUEST_METHOD GET;
        }
    }
EOC

sub state_of { return verdict(hd_json($t)->{services}{$_[0]} // {}); }

sub peer { return hd_json($t)->{upstreams}{app}{peers}[0]{health}; }

judged($t,
    [ plain => 'up' ],
    [ asked => 'up' ],
    [ token => qr/^down: body: expected "no", got "/ ],
    [ head => 'up' ],
    [ busy => 'down: http status 503' ],
    [ raise => qr/^down: (?:http status 500|connection closed without)/ ],
    [ http => 'down: http status 400' ],
    [ closes => qr/^down: connection (?:closed without response|reset)/ ],
    [ cgi => 'up' ],
    [ 'cgi head' => 'up' ],
    [ 'cgi busy' => 'down: http status 503' ],
    [ '/length' => 'up' ],
    [ '/feed' => 'down: http status 503' ],
    [ '/short' => 'down: response cut short: 2 of 9 bytes of the body' ],
    [ '/half' => 'down: response cut short: within the header' ],
    [ '/blank' => 'down: response cut short: within the header' ],
    [ '/word' => qr/^down: invalid response: not an HTTP response, got "S/ ],
    [ '/other' => qr/^down: invalid response: not an HTTP response, got "S/ ],
);

unlike(http_get(port('web'), '/status')->{body} // '', qr/s3cr3t/,
       'a secret that the application repeats is not shown');

ok(wait_until(sub { state_of('slow') =~ /response timed out after 1s/ },
              20), 'an application that sleeps times out');
is(http_get(port('app'), '/')->{status}, 200, 'the upstream serves');
ok(wait_until(sub { peer() eq 'up' }, 20), 'and its server is up');

$uwsgi->stop;

ok(wait_until(sub { state_of('plain') =~ /^down: connection refused/ }, 20),
   'stopped: refused');
ok(wait_until(sub { peer() eq 'down' }, 20), 'the server is down');

$uwsgi->start;

ok(wait_until(sub { state_of('frozen') eq 'up' && peer() eq 'up' }, 20),
   'started: up again');

$uwsgi->freeze;

ok(wait_until(sub { state_of('frozen')
                    eq 'down: response timed out after 1s' }, 20),
   'frozen: no answer');

$uwsgi->thaw;

ok(wait_until(sub { state_of('frozen') eq 'up' }, 20), 'thawed: up again');

done_testing();

#!/usr/bin/perl

# Tests for probes of AJP: CPing and CPong, and ports that speak something else.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Probe qw(service status_server judged);

my %script = (
    good => [ reply => "AB\0\x01\x09" ],
    slow => [ reply => "AB\0\x01\x09", drip => '0.01' ],
    body => [ reply => "AB\0\x01\x03" ],
    http => [ reply => "HTTP/1.1 400 Bad Request\r\n\r\n" ],
    alert => [ reply => "\x15\x03\x03\x00\x02\x02\x46" ],
);

backend($_, accept => 'tcp', @{ $script{$_} }) for keys %script;

backend('silent', accept => 'hang');
backend('closes', accept => 'close');
backend('refuses')->refuse;

tls_backend(name => 'tls', cert => tls_cert(cn => 'ajp.test'));

my @rows = (
    [ 'good', 'up' ],
    [ 'slow', 'up' ],
    [ 'body', 'down: invalid response: not an AJP answer, got "AB???"' ],
    [ 'http', 'down: invalid response: the server speaks HTTP, got '
              . '"HTTP/1.1 400 Bad Request"' ],
    [ 'alert', 'down: invalid response: the server speaks TLS' ],
    [ 'silent', 'down: response timed out after 300ms' ],
    [ 'closes', qr/^down: connection (?:closed without|reset during) resp/ ],
    [ 'refuses', 'down: connection refused' ],
    [ 'tls', 'down: invalid response: the server speaks HTTP, got '
             . '"HTTP/1.1 400 Bad Request"' ],
);

my $conf = '';

for (@rows) {
    my ($name) = @$_;
    my $limit = $name eq 'silent' ? 'timeout=300ms' : '';

    $conf .= service($name, 'ajp://' . backend_of($name), $limit);
}

sub backend_of { return HealthDash::Backend->by_name($_[0])->address; }

$conf .= <<"CONF";
upstream tomcat {
    server ${\ backend_of('good') };
    server ${\ backend_of('refuses') };
    healthdash_check ajp interval=100ms timeout=20s fails=1 passes=1;
}
CONF

my $t = HealthDash->new(http => $conf . status_server())->start;

judged($t, @rows);

ok(wait_until(sub {
    hd_peer($t, 'tomcat', backend_of('good'))->{health} eq 'up'
    && hd_peer($t, 'tomcat', backend_of('refuses'))->{health} eq 'down'
}, 10), 'servers of an upstream, too');

HealthDash::Backend->by_name('good')->refuse;

ok(wait_until(sub {
    hd_json($t)->{services}{good}{health} eq 'down'
}, 10), 'a server that is stopped is down');

done_testing();

#!/usr/bin/perl

# Tests for healthdash_ready as a load balancer uses it: HAProxy asks two nginx
# with its own health check, and sends requests only to those that are ready.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Daemon qw(daemon need);

my %backend = map { $_ => backend($_) } qw(one two);
my %nginx;

for my $name (qw(one two)) {
    $nginx{$name} = HealthDash->new(http => <<EOF)->start;
    upstream app {
        zone app 256k;
        server %%ADDR_$name%%;
        healthdash_check http uri=/healthz min_up=0 critical interval=100ms
                         fast=100ms fails=1 passes=1 jitter=0% timeout=20s;
    }

    server {
        listen 127.0.0.1:%%PORT_web_$name%%;

        location = /ready { healthdash_ready; }
        location /status { healthdash_status; }

        location / {
            add_header X-Nginx $name always;
            proxy_pass http://app;
        }
    }
EOF
}

my $conf = tmp_dir() . '/haproxy.cfg';
my $servers = join '', map { "    server $_ 127.0.0.1:" . port("web_$_")
                             . " check inter 100ms fall 1 rise 1\n" }
                       qw(one two);

open my $fh, '>', $conf or die "$conf: $!\n";
print $fh <<EOF;
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    timeout check 5s

listen shop
    bind 127.0.0.1:${\port('haproxy')}
    option httpchk GET /ready
    http-check expect status 200
$servers
EOF
close $fh or die "$conf: $!\n";

my $haproxy = daemon('haproxy', argv => [ need('haproxy'), '-db', '-f', $conf ],
                     port => port('haproxy'));


# who answers some requests; "none": one failed

sub answers {
    my %count;

    for (1 .. 10) {
        my $r = http_get(port('haproxy'), '/');

        $count{$r->{status} == 200 ? $r->{headers}{'x-nginx'} : 'none'}++;
    }

    return join ' ', sort keys %count;
}


sub becomes {
    my ($who, $what) = @_;

    ok(wait_until(sub { answers() eq $who }, 10, "only $who"), $what);
}


becomes('one two', 'both are ready');

$backend{one}->set('/healthz', status => 503);
becomes('two', 'one is not: requests go to the other');
is(http_get(port('web_one'), '/ready')->{status}, 503, 'as it says itself');
is_deeply([ map { answers() } 1 .. 5 ], [ ('two') x 5 ], 'all of them');

$backend{one}->set('/healthz', status => 200);
becomes('one two', 'it is back');

$nginx{two}->stop;
becomes('one', 'an nginx that is gone gets none either');

$haproxy->stop;
$nginx{one}->stop;

done_testing();

#!/usr/bin/perl

# Tests for servers by DNS through an upgrade of the binary with a state file,
# under load: no request of old or new workers comes to one that is down, and
# one that was up gets requests of the new ones before it was probed (A23, A28).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer moving name);
use HealthDash::Upgrade qw(is_gone owner upgraded workers);

my ($dns, %b) = moving(2);
my $port = port('app');
my $file = tmp_dir() . '/file';

my $t = HealthDash->new(daemon => 1, workers => 2, conf => <<"EOC");
http {
    resolver %%ADDR_dns%% ipv6=off;
    healthdash_state_file $file;

    upstream app {
        zone app 256k;
        server app.test:$port resolve;
        healthdash_check http uri=/healthz interval=200ms timeout=60s
                         jitter=0% fails=1 passes=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://app; proxy_next_upstream off; }
        location /status { healthdash_status; }
    }
}
EOC

answer('app.test', 1, 2);
$b{2}->set('/healthz', status => 503);

my $old = $t->start->master_pid;

sub peer { return hd_peer($_[0], 'app', name($_[1])) // {}; }
sub burst { return http_burst(port('web'), '/x', 20, keepalive => 0); }

ok(wait_until(sub {
    my $json = hd_json($t);

    return (peer($json, 1)->{health} // '') eq 'up'
           && (peer($json, 2)->{health} // '') eq 'down'
           && !grep { ($json->{state_file}{saved} // '')
                      le peer($json, $_)->{since} } 1, 2;
}, 20), 'one is up, one is down, and the file says so');

# no probe has a result from here on

$b{$_}->set('/healthz', hang => 1) for 1, 2;

my $before = hd_json($t);
my $new = upgraded($t);

kill 'WINCH', $old;
ok(wait_until(sub { burst(); return !workers($t, $old) }, 20), 'old workers go');

# until the new ones have asked DNS nginx knows nobody to send requests to

$t->allow_log(qr/no live upstreams/);
ok(wait_until(sub { (burst()->{backend}{b1} // 0) == 20 }, 20),
   'new workers serve');

my $after = hd_json($t);

is(peer($after, $_)->{since}, peer($before, $_)->{since}, "as it was: $_")
    for 1, 2;
is(burst()->{backend}{b1}, 20, 'who was up gets all requests');
is($b{2}->count(path => '/x'), 0, 'who is down has got none');

$b{$_}->set('/healthz') for 1, 2;
kill 'QUIT', $old;
ok(wait_until(sub { is_gone($old) && owner($file) == $new }, 20),
   'the file is of the new nginx');

done_testing();

#!/usr/bin/perl

# Tests for the memory of live streams: whoever asks for many of them and reads
# none does not fill the worker with first pictures, and is refused instead.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 240;

use HealthDash::Events;

my ($n, $viewers) = (2000, 100);
my $farm_port = port('farm');

HealthDash->new(module => 0, conf => <<"EOC")->start;
http { server { listen $farm_port; location / { return 200 "ok\\n"; } } }
EOC

my $servers = join '', map { "server 127.5." . int($_ / 250) . '.'
                             . ($_ % 250 + 1) . ":$farm_port;\n" } 1 .. $n;

my $t = HealthDash->new(workers => 1, log_level => 'warn',
                        conf => <<"EOC")->start;
events { worker_connections 4096; }
http {
    upstream app {
        $servers
        healthdash_check interval=1h;
    }
    server {
        listen 127.0.0.1:%%PORT_web%% sndbuf=8k;
        location /status { healthdash_status; }
        location = /live { healthdash_live; }
    }
}
EOC

my (@v, $refused);

while (@v < $viewers && !$refused) {
    my $v = HealthDash::Events->new(port => port('web'), buffer => 4096);

    # until its picture has begun, and no more of it

    $refused = wait_until(sub {
        return if !$v->ask;

        sysread $v->{fh}, $v->{in}, 64, length $v->{in};
        return 'yes' if $v->{in} =~ m{^HTTP/1.1 503};
        return 'no' if $v->{in} =~ /event: snapshot/;
    }, 20) eq 'yes';

    push @v, $v if !$refused;
}

ok($refused, 'who reads nothing is refused at last');
cmp_ok(scalar @v, '>', 10, 'but not soon');
# a sanitizer keeps what was freed

cmp_ok(memory(), '<', ($ENV{HD_SANITIZE} ? 600e6 : 200e6),
       'the worker stays small');
is(http_get(port('web'), '/live')->{status}, 200, 'and serves others');

$_->close for @v;

ok(wait_until(sub {
    my $v = HealthDash::Events->new(port => port('web'));
    my $m = $v->wait(sub { 1 }, 5);
    my $ok = $v->{status} == 200 && $m;
    $v->close;
    return $ok;
}, 20), 'when they are gone, there is room again');

done_testing();


# of the worker, bytes

sub memory {
    my ($worker) = $t->worker_pids;

    open my $fh, '<', "/proc/$worker/statm" or die "statm: $!\n";

    return 4096 * (split ' ', <$fh>)[1];
}

#!/usr/bin/perl

# Tests for faults while a configuration is read and nginx starts: each place
# where the module asks for something fails once.  nginx then refuses to start,
# or works; it never crashes, and a reload that fails leaves what was there
# (A01, A11, A15).  HD_LONG=1: each place 3 times, and each in a reload, too.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => $ENV{HD_LONG} ? 3600 : 600;

use HealthDash::Fault qw(fault_build is_long);
use HealthDash::Probe qw(status_server);

fault_build();

my $fault = HealthDash::Fault->new;
my $b = backend('b1');
my $addr = $b->address;
my $has_tls = (HealthDash->new(module => 0)->run_nginx('-V'))[1]
              =~ /--with-http_ssl_module/;
my $cert = $has_tls ? tls_cert(cn => 'app.test') : {};

my $tls = $has_tls ? <<"EOF" : '';
healthdash_service secure https://$addr/ ca=@{[ tls_ca()->{cert} ]}
    cert=$cert->{cert} key=$cert->{key} sni=app.test;
EOF

HealthDash::Run::write_file(tmp_dir() . '/secret', "s3cret\n");
chmod 0600, tmp_dir() . '/secret';


# a configuration with everything in it

my $conf = <<"EOF";
http {
    healthdash_zone hd 1m;
    healthdash_title "all of it";
    resolver 127.0.0.1:1;

    healthdash_probe deep {
        type http;
        header X-Probe yes;
        header Authorization "Bearer one";
        method POST;
        body "some text";
        expect status 200-299 404;
        expect body ~ "ok|fine";
        expect header Content-Type ~* text;
        warn time < 1s;
        interval 5s;
        source 127.0.0.1;
    }

    healthdash_probe talk {
        type tcp;
        send "PING\\r\\n";
        expect ~ PONG;
        expect = "+OK";
        send "QUIT\\r\\n";
    }

    healthdash_probe cgi {
        type fastcgi;
        param SCRIPT_FILENAME /ping;
        param X_MORE y;
    }

    healthdash_probe secret { type redis; password \@@{[ tmp_dir() ]}/secret; }
    healthdash_probe names { type dns; name www.example.test; }

    healthdash_service deep http://$addr/ probe=deep;
    healthdash_service talk tcp://$addr probe=talk;
    healthdash_service cgi fastcgi://$addr/ping probe=cgi;
    healthdash_service redis redis://$addr probe=secret;
    healthdash_service names dns://$addr probe=names;
    healthdash_service two http://$addr/ http=2;
    healthdash_service rpc grpc://$addr service=shop;
    healthdash_service sql postgres://$addr user=x "query=select 1";
    healthdash_service my mysql://$addr user=x "query=select 1";
    healthdash_service mail smtp://$addr;
    healthdash_service sock http://unix:%%DIR%%/sock:/x;
    healthdash_service name http://app.test/;
    healthdash_service beat heartbeat: interval=1h token=abcdefgh;
    healthdash_service disk disk:/;
    healthdash_service memory memory:;
    $tls

    upstream app {
        zone app 128k;
        server $addr;
        server 127.0.0.1:%%PORT_none%% backup;
        healthdash_check http interval=5s;
        healthdash_check tcp interval=5s mode=observe;
    }

    upstream plain {
        server $addr;
        healthdash_check probe=deep;
    }

@{[ status_server() ]}

    server {
        listen 127.0.0.1:%%PORT_more%%;
        location /live { healthdash_live; }
        location /ready { healthdash_ready deep app>=1; }
        location /beat/ { healthdash_heartbeat; }
        location /public { healthdash_status public; }
    }
}
EOF

my $t = HealthDash->new(conf => $conf);
my ($rc, $out) = $t->conf_test;

is($rc, 0, 'the configuration is good') or die $out;


# nginx -t, until no place is left

my (@crashed, @silent);
my $n = 0;

$fault->walk(sub {
    my $before = $fault->fired;

    ($rc, $out) = $t->conf_test;

    return if $fault->fired == $before;

    my $last = $fault->last_fault;

    push @crashed, "$last: $rc: $out" if $rc > 1;

    # what fails without asking for memory has a reason to tell

    push @silent, "$last: $out"
        if $rc && $last !~ /^(?:ngx_p|ngx_array|ngx_list|ngx_create|ngx_calloc
                               |ngx_conf|malloc|calloc|ngx_shared|ngx_slab|ngx_ssl_create)/x
           && $out !~ /\[emerg\] .*\w{3}/;
    $n++ if $rc;
}, each => is_long() ? 3 : 1, idle => 0);

cmp_ok($n, '>', 60, "$n of the places end nginx -t");
is_deeply(\@crashed, [], 'by no crash');
is_deeply(\@silent, [], 'and no silence');


# start: what comes after the configuration

my ($started, $refused) = (0, 0);

# a worker that cannot probe is there all the same: nginx would not replace it

$t->allow_log(qr/exited with code 1/, qr/\[emerg\]/);

for (1 .. (is_long() ? 200 : 8)) {
    my $before = $fault->fired;

    $fault->arm('new', each => is_long() ? 3 : 1);

    if (eval { $t->start; 1 }) {
        $started++;

        # a look at what it answers, so that more fails while it is there

        http_get(port('web'), '/status?format=json') if $t->worker_pids;
        $t->stop('TERM');

    } else {
        $refused++;
    }

    last if $fault->fired == $before;
}

$fault->disarm;

cmp_ok($started, '>', 0, "nginx has started $started times, not $refused");
unlike($t->log, qr/exited on signal/, 'and no worker has crashed');


# a reload that fails

$t->start;

my ($worker) = $t->worker_pids;
my ($kept, $new) = (0, 0);
my @all = $fault->places;
my $rounds = is_long() ? 400 : 8;

for my $i (1 .. $rounds) {
    my ($old) = wait_until(sub { ($t->worker_pids)[0] }, 10, 'a worker');
    my $mark = $t->log_mark;

    # somewhere in the first part, in the middle, at the end

    $fault->arm('nth', left => 1 + int(($i - 1) * 1000 / $rounds));
    kill 'HUP', $t->master_pid;

    # a master that refuses for lack of memory says no word, and sleeps again

    my $asleep = 0;

    wait_until(sub {
        my ($now) = $t->worker_pids;

        return 1 if $now && $now != $old;

        $asleep++ if !$fault->is_armed && $t->log($mark) =~ /reconfiguring/
                     && (HealthDash::stat_of($t->master_pid))[0] eq 'S';

        return $asleep > 5;
    }, 10, 'the reload');

    my ($now) = $t->worker_pids;

    $now && $now == $old ? $kept++ : $new++;
}

$fault->disarm;
cmp_ok($kept, '>', 0, "$kept reloads were refused, $new were not");
ok($t->reload, 'the next one is well');
is(http_get(port('web'), '/status')->{status}, 200, 'and so is the status');

ok(wait_until(sub {
    (hd_json($t)->{services}{deep}{health_checks}{checks} // 0) > 2
}, 10), 'and probing');

$t->stop;
unlike($t->log, qr/exited on signal/, 'without a crash');

done_testing();

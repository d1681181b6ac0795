#!/usr/bin/perl

# Tests for servers by DNS and healthdash_state_file over restarts: an address
# that DNS gives again has its history, and its state before nginx has probed
# it; one that DNS does not give again is neither shown nor probed, but has not
# lost anything (A23, A28, A29).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Moving qw(answer moving name);

my ($dns, %b) = moving(4);
my $port = port('app');
my $file = tmp_dir() . '/file';

# with this timeout a result stands for minutes, and a probe that hangs has none
# here

my $conf = <<"EOC";
http {
    resolver %%ADDR_dns%% ipv6=off;
    healthdash_state_file $file;

    upstream app {
        zone app 256k;
        server app.test:$port resolve;
        healthdash_check http uri=/healthz interval=200ms timeout=60s
                         jitter=0% fails=1 passes=1;
        healthdash_check http uri=/other interval=200ms timeout=60s
                         jitter=0% fails=1 passes=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://app; proxy_next_upstream off; }
        location /status { healthdash_status; }
    }
}
EOC

my $t = HealthDash->new(workers => 2, conf => $conf);


# all peers of a picture by number, with what is known of them

sub peers {
    my ($json) = @_;

    return { map { $_->{name} =~ /\.(\d+):/ ? ($1 => $_) : () }
             @{ $json->{upstreams}{app}{peers} } };
}

# what is known of some; whom nginx skips is seen by the requests: it may have got
# its list while the picture was taken

sub facts {
    my ($json, @n) = @_;
    my $p = peers($json);

    return { map {
        my $peer = $p->{$_};

        ($_ => $peer && { map { ($_ => $peer->{$_}) }
                          qw(health since reason) });
    } @n };
}

sub checks {
    my ($json, $n) = @_;

    return peers($json)->{$n}{health_checks}{checks} // 0;
}

sub present {
    my ($json) = @_;
    my $p = peers($json);

    return join ' ', grep { $p->{$_}{state} ne 'removed' } sort keys %$p;
}

sub wait_present {
    my ($want) = @_;
    my $json;

    ok(wait_until(sub { present($json = hd_json($t)) eq $want }, 20,
                  "servers $want"), "DNS gives $want");

    return $json;
}

# what is known now is in the file

sub wait_saved {
    my $time = hd_json($t)->{time};

    return wait_until(sub {
        return (hd_json($t)->{state_file}{saved} // '') gt $time;
    }, 20, 'the file');
}

# whether any of these gets results

sub hang {
    for my $path (qw(/healthz /other /new)) {
        $b{$_}->set($path, hang => 1) for keys %b;
    }
}

sub mend {
    for my $path (qw(/healthz /other /new)) {
        $b{$_}->set($path) for keys %b;
    }
}

# who has got requests of users

sub burst {
    return http_burst(port('web'), '/x', 200, concurrency => 4,
                      keepalive => 0)->{backend};
}


# 1 and 3 are up, 2 is down, 4 is gone

answer('app.test', 1 .. 4);
$b{2}->set('/healthz', status => 503);
$t->start;

ok(wait_until(sub {
    my $p = peers(hd_json($t));
    return join(' ', map { $p->{$_}{health} // '' } 1 .. 4) eq 'up down up up'
           && checks(hd_json($t), 1) > 5;
}, 20), 'all have results');

answer('app.test', 1 .. 3);
wait_present('1 2 3');
ok(wait_saved(), 'the file is written');

my $before = hd_json($t);

is(peers($before)->{4}{state}, 'removed', 'one is gone');
$t->stop;

# no probe has a result from here on

hang();
$t->start;

my $after = wait_present('1 2 3');
my $to = burst();

is_deeply(facts($after, 1 .. 3), facts($before, 1 .. 3), 'they are as before');
is($to->{b2} // 0, 0, 'who was down gets no requests');
cmp_ok($to->{"b$_"} // 0, '>=', 90, "who was up does: $_") for 1, 3;
cmp_ok(checks($after, $_), '>=', checks($before, $_), "counts go on: $_")
    for 1 .. 3;
is(peers($after)->{4}{state}, 'removed', 'who was gone is still shown so');
is(checks($after, 4), checks($before, 4), 'with what was known');
is_deeply([ map { $_->{server} // () } grep { $_->{kind} eq 'added'
            && $_->{id} > $before->{events}[-1]{id} } @{ $after->{events} } ],
          [], 'they are no news');
like($t->log, qr/state file "\Q$file\E" is \d+s old, 0 of 0 targets are known (?#
     )from it, and 8 of servers by DNS$/m, 'the log tells how many there were');

is(peers($after)->{$_}{id}, peers($before)->{$_}{id}, "the same row: $_")
    for 1 .. 4;


# all killed

ok(wait_until(sub { hd_json($t)->{state_file}{saved} }, 20),
   'the file is written again');
$t->kill_all;
$t->start;
$after = wait_present('1 2 3');
$to = burst();

is_deeply(facts($after, 1 .. 3), facts($before, 1 .. 3),
          'after kill -9 of all it is the same');
is($to->{b2} // 0, 0, 'who was down gets no requests');
cmp_ok($to->{b1} // 0, '>=', 90, 'who was up does');


# one is not given again: nobody sees it, nor asks it

mend();
$b{2}->set('/healthz', status => 503);
$t->reload;

ok(wait_until(sub {
    return checks(hd_json($t), 3) > checks($before, 3) + 2;
}, 20), 'probes go on');

wait_saved();
$before = hd_json($t);
$t->stop;

answer('app.test', 1, 2);
my $asked = $b{3}->count;

$t->start;
$after = wait_present('1 2');
is(peers($after)->{3}, undef, 'an address that is not given is not shown');
ok(wait_until(sub { checks(hd_json($t), 1) > checks($before, 1) + 5 }, 20),
   'others are probed');
is($b{3}->count, $asked, 'it is not');
ok(!grep({ ($_->{server} // '') eq name(3)
           && $_->{id} > $before->{events}[-1]{id} }
         @{ hd_json($t)->{events} }), 'nor is there an event of it');

# through another restart, and a reload soon after, while DNS says nothing

wait_saved();
$t->stop;
hang();
$dns->silent(1);
$t->allow_log(qr/could not be resolved|no live upstreams/);
$t->start;

is(present(hd_json($t)), '', 'while DNS is silent none is there');
is(peers(hd_json($t))->{$_}, undef, "nor shown as removed: $_") for 1 .. 3;
$t->reload;
answer('app.test', 1 .. 3);
$dns->silent(0);
$after = wait_present('1 2 3');
$to = burst();

is_deeply(facts($after, 2, 3), facts($before, 2, 3),
          'after a reload it is given, and is as it was');
cmp_ok(checks($after, 3), '>=', checks($before, 3), 'with its counts');
is($to->{b2} // 0, 0, 'who was down gets no requests');
cmp_ok($to->{b1} // 0, '>=', 50, 'who was up does');


# fewer places than the file has

$before = hd_json($t);
$t->stop;
$t->set_conf($conf =~ s/(uri=\/other .*)/$1 max_servers=2/r);
answer('app.test', 1, 2);
$t->start;
$after = wait_present('1 2');
is_deeply(facts($after, 1, 2), facts($before, 1, 2),
          'fewer places than the file has: they are for who was there');
$t->stop;


# another question

$t->set_conf($conf =~ s{uri=/healthz}{uri=/new}r);
$t->start;
$after = wait_present('1 2');

my @checks = @{ peers($after)->{1}{checks} };

is($checks[0]{health_checks}{checks} // 0, 0, 'another check knows nothing');
cmp_ok($checks[1]{health_checks}{checks}, '>', 5, 'the other one does');
$t->stop;


# another upstream

mend();
$t->set_conf($conf =~ s/upstream app /upstream new /r
                   =~ s{http://app}{http://new}r);
hang();
$t->start;

my $peers;

ok(wait_until(sub {
    return @{ $peers = hd_json($t)->{upstreams}{new}{peers} } == 2;
}, 20), 'an upstream with another name');
is_deeply([ map { $_->{health_checks}{checks} // 0 } @$peers ], [ 0, 0 ],
          'knows nothing of that one');
$t->stop;

done_testing();

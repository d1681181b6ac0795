#!/usr/bin/perl

# Tests for healthdash_state_file over restarts: states, counters, history and
# events are what they were before nginx has probed anything, servers that were
# down get no request, and what nobody was there to know is not known.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Status qw(schema_errors);
use Time::HiRes qw(time);

my ($good, $bad) = backends(qw(good bad));
my $file = tmp_dir() . '/state/file';

mkdir tmp_dir() . '/state' or die "mkdir() failed: $!\n";

my $t = HealthDash->new(workers => 2, http => <<"EOC");
    healthdash_state_file $file;
    healthdash_probe often {
        uri /probe; interval 200ms; fast 100ms; timeout 30s; fails 2;
    }

    upstream app {
        zone app 64k;
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check probe=often;
    }

    upstream other {
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check probe=often;
    }

    healthdash_service beat heartbeat: interval=1h;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location / { proxy_pass http://app; proxy_next_upstream off; }
        location /other { proxy_pass http://other; proxy_next_upstream off; }
        location /status { healthdash_status; }
        location /beat/ { healthdash_heartbeat; }
    }
EOC


# what a restart must not change, nor one probe more that fails

sub facts {
    my ($json) = @_;
    my %all = map { ("$_ 0" => $json->{upstreams}{$_}{peers}[0],
                     "$_ 1" => $json->{upstreams}{$_}{peers}[1]) }
              qw(app other);

    $all{beat} = $json->{services}{beat};

    return { map {
        my $target = $all{$_};
        ($_ => { (map { ($_ => $target->{$_}) }
                  qw(health state since reason)),
                 failure => ($target->{last_failure} // {})->{line} });
    } keys %all };
}

sub checks { return hd_peer($_[0], 'app', $_[1])->{health_checks}{checks}; }

sub events {
    return [ grep { $_->{kind} eq 'state' } @{ $_[0]{events} } ];
}


# once all is known it is in the file 5 s later, or when nginx ends

$t->start;
http_get(port('web'), '/beat/beat');

ok(wait_until(sub {
    my $json = hd_json($t);
    return ($json->{services}{beat}{health} // '') eq 'up'
           && (checks($json, $good) // 0) > 5 && (checks($json, $bad) // 0) > 5;
}, 10), 'all have results');

$bad->set('/probe', status => 503);

ok(wait_until(sub { hd_peer($t, 'other', $bad)->{health} eq 'down'
                    && hd_peer($t, 'app', $bad)->{health} eq 'down' }, 10),
   'one goes down');

my $before = hd_json($t, query => 'history=1');
my $begun = time;

$t->stop;

my $stopped = time;

ok(-f $file, 'there is a file when nginx is gone');
is((stat $file)[2] & 07777, 0600, 'for nginx alone');
is_deeply([ glob "$file.*" ], [], 'and nothing beside it');


# a while in which nobody knows anything

wait_until(sub { time > $stopped + 4 }, 10);

# no probe has a result from here on, and no request gets through to who is down

$_->set('/probe', hang => 1) for $good, $bad;

$t->start;

my $after = hd_json($t, query => 'history=1');
my $passed = (time - $begun) * 1000;
my $burst = http_burst(port('web'), '/', 300, concurrency => 4);
my $other = http_burst(port('web'), '/other', 300, concurrency => 4);

is_deeply($burst->{backend}, { good => 300 }, 'a server stays out');
is_deeply($other->{backend}, { good => 300 }, 'in each worker');
is_deeply(facts($after), facts($before), 'all is as it was');
cmp_ok(checks($after, $good), '>=', checks($before, $good),
       'counters, too');
cmp_ok(scalar @{ events($after) }, '>=', scalar @{ events($before) },
       'events are there');

is_deeply([ grep { $_->{id} <= $before->{events}[-1]{id} }
            @{ $after->{events} } ], $before->{events}, 'as they were');
is($after->{events}[-1]{kind}, 'loaded', 'and the start is one');
like($after->{events}[-1]{text}, qr/, 5 known from a state file [4-9]s old$/,
     'that says how old the file was');

like($t->log, qr/\[notice\] .*state file "\Q$file\E" is [4-9]s old, 5 of 5/,
     'as does the log');

# what is known has grown by less than the time that has passed

sub known {
    my ($json, $what) = @_;
    my $sum = 0;

    $sum += $_->{$what}
        for @{ hd_peer($json, 'app', $bad)->{history}{minutes} };

    return $sum;
}

cmp_ok(known($after, 'known') - known($before, 'known'), '<', $passed - 3500,
       'nobody knows how it was meanwhile');
cmp_ok(known($after, 'down') - known($before, 'down'), '<', $passed - 3500,
       'so it was not down');
cmp_ok(known($after, 'known'), '>=', known($before, 'known'),
       'but what was known is');


# killed, all at once, nginx loses no more than 5 s

$_->set('/probe', status => 200) for $good, $bad;

# probes that hang are given up

$t->reload;

ok(wait_until(sub { hd_peer($t, 'app', $bad)->{health} eq 'up' }, 20),
   'it comes back');

ok(wait_until(sub {
    my $json = hd_json($t);
    my $saved = $json->{state_file}{saved} // '';

    return $saved gt hd_peer($json, 'app', $bad)->{since};
}, 10), 'that is in the file soon');

$before = hd_json($t);
is($before->{state_file}{error}, undef, 'it is written');
$t->kill_all;
$t->start;
$after = hd_json($t);

is(hd_peer($after, 'app', $bad)->{health}, 'up', 'what was known is known');
is(hd_peer($after, 'app', $bad)->{since},
   hd_peer($before, 'app', $bad)->{since}, 'and since when');
cmp_ok($after->{state_file}{restored}, 'ge', $before->{state_file}{saved},
       'as it was saved last');
is($after->{state_file}{error}, undef, 'nothing is wrong');
is(schema_errors(http_get(port('web'), '/status?format=json')->{body}), '',
   'the JSON is valid');
ok(wait_until(sub { checks(hd_json($t), $bad) > checks($after, $bad) }, 10),
   'probes go on');
ok(wait_until(sub { hd_json($t)->{state_file}{saved} }, 10),
   'so does the writing');
like(http_get(port('web'), '/status?format=html')->{body},
     qr/<span>state file of </, 'the page says of when it is');

$t->stop;
is_deeply([ glob "$file.*" ], [], 'nothing is left beside the file');

done_testing();

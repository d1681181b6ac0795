#!/usr/bin/perl

# Tests for what comes first on the page: what is down, above what has a server
# that is down, above what is well; with the script and without it.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 120;

use HealthDash::Browser qw(browser);

my ($good, $bad) = backends(qw(good bad));

my $t = HealthDash->new(http => <<'EOF')->start;
    healthdash_probe p { interval 200ms;  timeout 1s;  fails 1; }

    upstream well {
        zone well 64k;
        server %%ADDR_good%%;
        healthdash_check probe=p;
    }
    upstream some {
        zone some 64k;
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check probe=p;
    }
    upstream none {
        zone none 64k;
        server %%ADDR_bad%%;
        healthdash_check probe=p min_up=0;
    }
    healthdash_service Well tcp://%%ADDR_good%% probe=p group=A;
    healthdash_service Sick http://%%ADDR_bad%%/ probe=p group=B;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

$bad->set(status => 503);

ok(wait_until(sub {
    my $summary = (hd_json($t) // return)->{summary};

    return $summary->{servers}{down} == 2 && $summary->{services}{down} == 1;
}, 20), 'two servers and a service are down');

my $b = browser();
my $url = 'http://127.0.0.1:' . port('web') . '/status?format=html';
my $rows = "[...document.querySelectorAll('.row')]";
my $name = "e => e.closest('.card').querySelector('caption b').textContent + ' '"
           . " + e.className.replace('row ', '')";
my $seen = "$rows.sort((a, b) => a.getBoundingClientRect().y"
           . " - b.getBoundingClientRect().y).map($name).join()";
my $read = "$rows.map($name).join()";
my $worst = 'none down,some down,some up,well up,B down,A up';

$b->open($url, script => \0);
is($b->eval($seen), $worst, 'what is down first, without a script');

$b->open($url);
ok($b->until("document.querySelector('#live').textContent.startsWith('live')"),
   'live');
is($b->eval($seen), $worst, 'and with it');
is($b->eval($read), $worst, 'for those who listen, too');
is($b->eval("getComputedStyle(document.querySelector('.row'))"
            . '.contentVisibility'), 'visible',
   'a short page is there as a whole, in pictures of it, too');

$b->open("$url&sort=lowest");
ok($b->until("document.querySelector('#live').textContent.startsWith('live')"),
   'sorted differently');
is($b->eval($read), 'well up,some down,some up,none down,A up,B down',
   'upstreams are in the order of the configuration');


# what is available moves with each probe, also where nothing changes

$b->open($url);
ok($b->until("document.querySelector('#live').textContent.startsWith('live')"),
   'live');
$b->eval("window.known = () => document.querySelector('.row.down .av small')"
         . ".textContent; window.before = known()");
ok($b->until('window.before && known() !== window.before'),
   'a row that is down as it was tells how much of a day is known now');


# services stand above upstreams while only among them something is down

$t->set_conf(<<'EOF')->reload;
http {
    healthdash_probe p { interval 200ms;  timeout 1s;  fails 1;  passes 1; }

    upstream well {
        zone well 64k;
        server %%ADDR_good%%;
        server 127.0.0.1:9 down;
        healthdash_check probe=p;
    }
    healthdash_service Sick http://%%ADDR_bad%%/ probe=p group=B;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOF

my $services_down = sub {
    my ($n) = @_;

    return wait_until(sub {
        my $summary = (hd_json($t) // return)->{summary};

        return ($summary->{services}{down} // -1) == $n
               && $summary->{servers}{up} == 1;
    }, 20);
};

ok($services_down->(1), 'a service is down, no server is');
$worst = 'B down,well up,well aside down';

$b->open($url, script => \0);
is($b->eval($seen), $worst, 'services above upstreams, without a script');

$b->open($url);
ok($b->until("document.querySelector('#live').textContent.startsWith('live')"),
   'live');
is($b->eval($read), $worst, 'and with it');

$bad->set(status => 200);
ok($b->until("$read === 'well up,well aside down,B up'"),
   'below them again when it is up');


# silence: the stream is seen to be alive, so the page need not be asked for

$t->set_conf(<<'EOF')->reload;
http {
    healthdash_service Rare tcp://%%ADDR_good%% interval=1h;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOF

ok(wait_until(sub {
    return ((hd_json($t) // return)->{services}{Rare}{health} // '') eq 'up';
}, 20), 'one probe an hour');

$b->open($url);
ok($b->until("document.querySelector('#live').textContent.startsWith('live')"),
   'live');
$b->seen;
$b->eval("link.source.addEventListener('beat', () => window.beats = "
         . "(window.beats || 0) + 1)");
ok($b->until('window.beats === 2', 60), 'the page sees the stream beat');
is_deeply([ grep { /format=html/ } @{ $b->seen->{requests} } ], [],
          'and asks for nothing');

done_testing();

#!/usr/bin/perl

# Tests for a page of 1,000 servers that have a past of 90 days, in a real
# browser: a row is made of few elements, what is out of sight is left undrawn
# in few parts, sorting does not hold people up or lose what they were doing,
# and each hour has words when somebody points at it.  HD_ROWS=5000 measures
# that many, and says how long things take.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 300;

use HealthDash::Browser qw(browser);
use HealthDash::Past qw(fill_past);

my $rows = $ENV{HD_ROWS} // 1000;
my $per = 100;          # servers of an upstream
my $elements = 46;      # of a row, with its part of everything else
my $bytes = 2300;

# who is asked is nginx, too; it has all addresses of 127.0.0.0/8

my $farm_port = port('farm');
my $farm = HealthDash->new(module => 0, conf => <<"EOC")->start;
http {
    server {
        listen $farm_port backlog=4096;
        location / { return 200 "ok\\n"; }
    }
}
EOC

my $conf = '';

for my $u (1 .. $rows / $per) {
    $conf .= "upstream u$u {\n"
             . join('', map { "server 127.4.$u.$_:$farm_port;\n" } 1 .. $per)
             . "healthdash_check probe=p;\n}\n";
}

my $t = HealthDash->new(workers => 1, log_level => 'warn',
                        conf => <<"EOC")->start;
events { worker_connections 4096; }
http {
    healthdash_probe p { interval 1h; timeout 5s; }
    $conf
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

ok(wait_until(sub {
    return http_get(port('web'), '/status?format=text&upstream=none')->{body}
           =~ /^all\b/i;
}, 60, 'results'), 'all servers have results');

fill_past($t);

my $url = 'http://127.0.0.1:' . port('web') . '/status?format=html';
my $size = length http_get(port('web'), '/status?format=html')->{body};
my $b = browser();
my $live = "document.querySelector('#live').textContent.startsWith('live')";

$b->open($url, script => \0);
is($b->eval("document.querySelectorAll('.row').length"), $rows,
   'without a script all rows are there');
is($b->eval("getComputedStyle(document.querySelector('.row'))"
            . '.contentVisibility'), 'auto', 'drawn when they come in sight');

$b->open($url);
ok($b->until($live, 60), 'live');


# how much there is

my $n = $b->eval("document.querySelectorAll('*').length");

cmp_ok($n / $rows, '<', $elements, 'elements of a row');
cmp_ok($size / $rows, '<', $bytes, 'bytes of a row');
cmp_ok($b->eval("document.querySelectorAll('.strip path').length") / $rows,
       '>', 4, 'with all that has happened to it');
is($b->eval("[...document.querySelectorAll('.peers')].filter(e =>"
            . " getComputedStyle(e).contentVisibility === 'auto'"
            . " && e.tBodies.length <= 20).length"), $rows / 20,
   'what may be left undrawn');
diag("$n elements, $size bytes");


# Sorted: what is seen at once, the rest soon.  Rows stay where they are when
# time, or a probe, moves a value by a few millionths.

$b->eval(<<'EOC');
    window.row = document.querySelector('#u0p50');
    row.querySelector('details').open = true;
    row.querySelector('summary').focus();
    window.values = () => [...document.querySelectorAll(
        '.card:first-of-type .av')].map(e => Number(e.dataset.v));
    window.sorted = (list = values()) =>
        list.every((v, i) => i === 0 || list[i - 1] <= v + 100);
    window.before = sorted();
    change({ sort: 'lowest' });
    window.first = values()[0] === Math.min(...values());
EOC
ok(!$b->eval('before'), 'not sorted by availability');
ok($b->eval('first'), 'the first comes first at once');
ok($b->until('sorted()'), 'and soon all are sorted, over all tables')
    or diag($b->eval("`\${orders} orders, \${values()}`"));
ok($b->eval("row.contains(document.activeElement)"), 'the focus is kept');
ok($b->eval("row.querySelector('details').open"), 'and what was open');

$b->eval("change({ sort: 'worst' })");
ok($b->until("[...document.querySelectorAll('.row')].every((e, i, all) => !i"
             . " || rows.get(e.id).card !== rows.get(all[i - 1].id).card"
             . " || rows.get(e.id).place > rows.get(all[i - 1].id).place)"),
   'back in the order of the configuration');


# filtered: parts with nothing to show are gone, those with little are low

$b->eval("change({ search: '127.4.3.7:' })");
is($b->eval("[...document.querySelectorAll('.row, .peers')]"
            . ".filter(e => e.checkVisibility()).length"), 2,
   'one row and its table');
cmp_ok($b->eval("document.querySelector('#upstreams').offsetHeight"), '<', 300,
       'and no room for others');
$b->eval("change({ search: '' })");


# one that changes far below what is looked at moves nothing

$b->eval("scrollTo(0, 3000)");
$b->until('scrollY === 3000');
$b->eval("putRow('u5p5', parse('<table>' + document.querySelector('#u5p5')"
         . ".outerHTML.replace('ok', 'well') + '</table>')"
         . ".querySelector('.row'))");
is($b->eval('scrollY'), 3000, 'the page stays where it is');


# words on demand

$b->eval("scrollTo(0, 0)");
is($b->eval("document.querySelectorAll('#u0p0 .strip title').length"), 0,
   'a bar has no words but its summary');
like($b->eval("document.querySelector('#u0p0 .strip')"
              . ".getAttribute('aria-label')"),
     qr/^last 24 hours: .* available/, 'which is there');
$b->order('point', at => '#u0p0 .strip');
ok($b->until("document.querySelector('#u0p0 .strip title')"),
   'but who points at it gets them');
like($b->eval("document.querySelector('#u0p0 .strip title').textContent"),
     qr/ to .*: /, 'with times');
is_deeply($b->seen->{errors}, [], 'no error in the script');

measure() if $ENV{HD_ROWS};

done_testing();


# how long things take here, msec

sub measure {
    $b->open($url);
    $b->until($live, 60);
    $b->eval(<<'EOC');
        void (async () => {
            const out = {};
            const frame = () => new Promise(done =>
                requestAnimationFrame(() => setTimeout(done)));
            const time = async (name, f) => {
                await frame();
                const start = performance.now();
                f();
                await frame();
                out[name] = Math.round(performance.now() - start);
            };

            out.paint = Math.round(performance.getEntriesByType('paint')[0]
                                   .startTime);
            await time('upgrade', () => { readRows(); show(); });
            await time('key', () => change({ search: '7' }));
            await time('all', () => change({ search: '' }));
            await time('sort', () => change({ sort: 'lowest' }));

            const gaps = [];

            for (let y = 0, last = performance.now(); gaps.length < 200; ) {
                scrollTo(0, y += 800);
                await frame();
                gaps.push(performance.now() - last);
                last = performance.now();
            }

            gaps.sort((a, b) => a - b);
            out.frame = Math.round(gaps[100]);
            out.worst = Math.round(gaps[199]);
            window.figures = Object.entries(out).join(' ms, ') + ' ms';
        })();
EOC
    $b->until('window.figures', 120);
    diag($b->eval('figures'));

    return;
}

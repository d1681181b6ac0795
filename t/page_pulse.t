#!/usr/bin/perl

# Tests for what a live page shows of probes that change nothing, in a real
# browser: the line of latencies and what is available follow each of them, also
# where a server has several checks, bars follow trouble, and the page is not
# asked for meanwhile.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 120;

use HealthDash::Browser qw(browser);
use HealthDash::Events;

my ($good, $other) = backends(qw(good other));

my $t = HealthDash->new(workers => 1, http => <<'EOF')->start;
    healthdash_probe p {
        interval 400ms; jitter 0%; timeout 5s; fails 1000;
    }

    upstream app {
        zone app 64k;
        server %%ADDR_good%%;
        healthdash_check probe=p;
        healthdash_check probe=p uri=/b;
    }
    healthdash_service Shop http://%%ADDR_other%%/ probe=p;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

ok(wait_until(sub {
    my $page = http_get(port('web'), '/status?format=html')->{body};

    return 3 == (() = $page =~ /class="spark"/g);
}, 20), 'some results');

my $b = browser();
my $url = 'http://127.0.0.1:' . port('web') . '/status?format=html';
my $live = "document.querySelector('#live').textContent.startsWith('live')";

$b->open($url);
ok($b->until($live), 'live');
$b->seen;

my $id = $b->eval("document.querySelector('.services .row').id");

$b->eval(<<'EOC');
    window.at = (what, row) => document.querySelector(`${row} ${what}`);
    window.total = row => Number(at('.spark', row).dataset.n);
    window.line = row => at('.spark path', row).getAttribute('d');
    window.points = row => (line(row).match(/[ML]/g) || []).length;
    window.known = row => at('.av small', row).textContent;
    window.names = ['.services .row', '#u0p0 .check', '#u0p0 .check + .check'];
    window.begun = names.map(row => ({ svg: at('.spark', row),
        total: total(row), line: line(row), known: known(row) }));
EOC

for my $i (0 .. 2) {
    my ($row, $begun) = ("names[$i]", "begun[$i]");

    ok($b->until("total($row) >= $begun.total + 5"), 'the line goes on');
    ok($b->eval("line($row) !== $begun.line"), 'and is drawn');
    ok($b->until("known($row) !== $begun.known"), 'so does what is known');
    is($b->eval("at('.av', $row).dataset.v"), 1000000, 'with its figure');
    ok($b->eval("$begun.svg === at('.spark', $row)"), 'in its place');
}


# each probe is a point, the last on the right, the highest near the top

$b->eval("window.then = [points('#$id'), total('#$id')]");
ok($b->until("total('#$id') >= then[1] + 5"), 'it goes on');
is($b->eval("points('#$id') - Math.min(40, then[0] + total('#$id') - then[1])"),
   0, 'by a point for each probe');
like($b->eval("line('#$id').replace(/ \\d+/g, '')"), qr/^M\d+(?:L\d+)*L79$/,
     'in one line, up to now');
cmp_ok($b->eval("Math.min(...line('#$id').match(/(?<= )\\d+/g))"), '<', 8,
       'as high as there is room');


# a probe that fails, but not often enough to count

$b->order('reload');
ok($b->until($live), 'live');
my $n = "document.querySelector('#$id .spark').dataset.n";

$b->eval("window.before = Number($n)");
ok($b->until("$n > before"), 'the stream brings results');
$b->seen;
$other->set(status => 503);
ok($b->until("document.querySelector('#$id .spark .down')"
             . "?.getAttribute('d').split('M').length > 3"),
   'each failure has its mark');
is($b->eval("document.querySelector('#$id').className.replace(' fresh', '')"),
   'row up', 'while it counts as up');
ok($b->until("document.querySelector('#$id .strip path:last-of-type')"
             . ".matches('.degraded')"), 'the last part is yellow');
ok($b->until("document.querySelector('#$id .days path:last-of-type')"
             . ".matches('.degraded')"), 'so is the day');

# who joins has loaded the page, perhaps before a failure that is no event yet

my $joined = HealthDash::Events->new(port => port('web'),
    path => '/status?format=events&rows=html')->wait(sub { 1 }, 20, 'it');

is_deeply([ $joined->{data} =~ /<tbody id="(\w+)"/g ], [ $id ],
          'a snapshot has the row that is in trouble, and no other');

my $seen = $b->seen;

is_deeply([ grep { /format=html/ } @{ $seen->{requests} } ], [],
          'the page was not asked for');
is_deeply($seen->{errors}, [], 'no error in the script');

done_testing();

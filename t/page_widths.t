#!/usr/bin/perl

# Tests for the page at widths from a phone's to a large screen's: whatever the
# names, addresses, latencies and reasons are, no two texts or pictures of a row
# touch, none leaves its row, and nothing is wider than the screen.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 120;

use HealthDash::Browser qw(browser);

my ($good, $bad, $slow) = backends(qw(good bad slow));
my $long = 'a_name_that_somebody_has_made_by_a_template_' x 3;
my $path = tmp_dir() . '/nobody/listens/here.sock';

$bad->set(status => 503, reason => 'Too busy');
$slow->set(delay => 0.15);

my $t = HealthDash->new(http => <<"EOF")->start;
    healthdash_probe p { interval 300ms;  fast 300ms;  timeout 5s;  fails 1; }

    upstream $long {
        zone long 64k;
        server %%ADDR_good%% weight=100 max_conns=10000;
        server %%ADDR_slow%% backup;
        server unix:$path;
        server %%ADDR_bad%% down;
        healthdash_check probe=p slow=10ms;
    }
    upstream kept {
        server %%ADDR_bad%%;
        healthdash_check probe=p;
        healthdash_check tcp probe=p;
    }
    healthdash_service "$long" http://%%ADDR_slow%%/ probe=p slow=10ms critical
        "group=$long" "description=$long" link=https://wiki.example/$long;
    healthdash_service Sick http://%%ADDR_bad%%/ probe=p;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

ok(wait_until(sub {
    my $doc = hd_json($t) // return;

    return ($doc->{services}{$long}{health_checks}{checks} // 0) > 5;
}, 20), 'some results');

my $b = browser();
my $live = "document.querySelector('#live').textContent.startsWith('live')";

# as long as figures can be

my $widest = <<'EOF';
for (const [what, text] of [['.lat > span', '88.8 ms'], ['.av > span', '88.88 %'],
                            ['.av > small', '30 d: 88.88 %']]) {
  document.querySelectorAll(what).forEach(e => e.textContent = text);
}
EOF

# parts of rows that touch, or leave their row; what is empty is nowhere

my $odd = <<'EOF';
(() => {
  const parts = '.row > tr > th, .st .s, .st small, .nginx .pill, .why .r, .why small,'
    + '.lat > span, .lat > svg, .bars > svg, .av > span, .av > small, summary';
  const said = e => `${e.parentNode.className} ${e.tagName} "`
    + `${e.textContent.slice(0, 20)}"`;
  const box = e => {
    const range = document.createRange();

    range.selectNodeContents(e.tagName === 'TH' ? e : e.parentNode);
    return e.tagName === 'TH' ? range.getBoundingClientRect()
      : e.getBoundingClientRect();
  };
  const odd = [];

  for (const row of document.querySelectorAll('.row')) {
    const own = row.getBoundingClientRect();
    const list = [...row.querySelectorAll(parts)]
      .map(e => [e, box(e)]).filter(([, r]) => r.width > 1 && r.height > 1);

    for (const [e, r] of list) {
      if (r.left < own.left || r.right > own.right + .5
          || r.bottom > own.bottom + .5) {
        odd.push(`${row.id}: ${said(e)} leaves its row`);
      }

      for (const [f, s] of list) {
        if (e !== f && r.left < s.right && s.left < r.right
            && r.top < s.bottom - 1 && s.top < r.bottom - 1) {
          odd.push(`${row.id}: ${said(e)} touches ${said(f)}`);
        }
      }
    }
  }

  if (document.documentElement.scrollWidth > innerWidth) {
    odd.push('the page is wider than the screen');
  }

  return odd;
})()
EOF

$b->open('http://127.0.0.1:' . port('web') . '/status?format=html');
ok($b->until($live), 'live');

for my $width (360, 390, 680, 681, 768, 1040, 1041, 1260, 1261, 1440) {
    $b->order('size', width => $width);
    is(join("\n", @{ $b->eval("$widest\n$odd") }), '', "$width pixels");
}

done_testing();

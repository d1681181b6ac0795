#!/usr/bin/perl

# Tests for what people ask of the page, or their machines for them: to be told
# by sound or on the desktop, and by nothing if they do not ask; no movement;
# few colours; paper; and news without a live stream.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 300;

use HealthDash::Browser qw(browser);

my $backend = backend('b');
my $t = HealthDash->new(http => <<'EOF')->start;
    upstream app {
        server %%ADDR_b%%;
        healthdash_check interval=200ms fast=100ms timeout=5s fails=1 passes=1;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOF

my $b = browser();
my $url = 'http://127.0.0.1:' . port('web') . '/status?format=html';
my $live = "document.querySelector('#live').textContent.startsWith('live')";
my $row = "document.querySelector('#u0p0')";

sub turn {
    my ($health) = @_;

    $backend->set(status => $health eq 'up' ? 200 : 500);
    ok($b->until("$row.matches('.$health')"), "the server is $health");
}

ok(wait_until(sub { hd_peer(hd_json($t), 'app', $backend)->{health} eq 'up' },
              20), 'the server is up');


# what would be heard and shown is counted instead

$b->open($url, before => <<'EOF');
    window.told = { asked: 0, notes: [], beeps: 0 };

    window.Notification = class {
      static permission = 'granted';
      static requestPermission() { told.asked++; }
      constructor(title, { body }) { told.notes.push(title + ': ' + body); }
    };

    window.AudioContext = class {
      currentTime = 0;
      createOscillator() {
        told.beeps++;
        return { frequency: {}, connect() {}, start() {}, stop() {} };
      }
    };
EOF

my $told = sub { $b->eval("told.$_[0]") };

ok($b->until($live), 'live');
turn('down');
is_deeply([ map { $told->($_) } qw(asked notes.length beeps) ], [ 0, 0, 0 ],
          'nobody is asked or told who does not want it');
turn('up');

$b->click('#help');
$b->click("[data-option=notify]");
$b->click("[data-option=sound]");
$b->click('#close');
is($told->('asked'), 1, 'the browser is asked when somebody wants it');

turn('down');
ok($b->until('told.notes.length'), 'then a note is shown');
like($told->('notes[0]'), qr/is down/, 'which says what is down');
is($told->('beeps'), 1, 'and heard');
turn('up');
is($told->('notes.length'), 1, 'but not that it is well again');


# reduced motion, forced colours, paper

my $style = sub {
    my ($what, $property) = @_;
    $b->eval("getComputedStyle(document.querySelector('$what')).$property");
};

# in one go, for the next news from nginx are no change

my $moves = sub {
    $b->eval("$row.classList.add('fresh'); getComputedStyle($row)"
             . '.animationName');
};

isnt($moves->(), 'none', 'what has changed is marked by movement');
$b->order('media', media => { reducedMotion => 'reduce' });
is($moves->(), 'none',
   'and without, where none is wanted');

$b->order('media', media => { reducedMotion => undef,
                              forcedColors => 'active' });
is($style->('.strip', 'forcedColorAdjust'), 'none',
   'forced colours: bars keep their own');
is($style->('.pill', 'borderTopStyle'), 'solid', 'what nginx does has a frame');

$b->order('media', media => { forcedColors => undef, media => 'print' });
is($style->('.bar', 'display'), 'none', 'paper has no controls');
isnt($style->('.row', 'display'), 'none', 'but all rows');


# without a stream: something in between refuses it

$b->open($url, refuse => 'format=events');
$b->seen;
turn('down');
turn('up');
is($b->seen->{loads}, 0, 'without being loaded again');

done_testing();

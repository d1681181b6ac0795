#!/usr/bin/perl

# Tests for the page with its script in a real browser: it follows what
# happens without being loaded again, keeps what people were doing, says when
# it is not live, filters and sorts, and obeys keys (A60).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 300;

use HealthDash::Browser qw(browser);
use HealthDash::Status qw(connect_to);

my ($good, $bad) = backends(qw(good bad));
my $reason = '<img src=http://other.test/x onerror=alert(1)>';

$bad->set(status => 200, reason => $reason);

my $t = HealthDash->new(http => <<'EOF')->start;
    healthdash_title "Browser <b>test</b>";
    upstream app {
        zone app 64k;
        server %%ADDR_good%%;
        server %%ADDR_bad%%;
        healthdash_check interval=200ms fast=100ms timeout=1s fails=1
                         passes=1 min_up=0;
    }
    healthdash_service "Zebra" tcp://%%ADDR_good%% interval=200ms
        timeout=1s fast=100ms group=Data;
    healthdash_service "Ape" tcp://%%ADDR_good%% interval=200ms
        timeout=1s fast=100ms group=Data;
    healthdash_service "<img src=http://other.test/y>" tcp://%%ADDR_good%%
        interval=200ms timeout=1s fast=100ms "group=\"><b>Other";

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /fixed { healthdash_status html; }
        location /held { proxy_pass http://app; }
    }
EOF

my $b = browser();
my $front = port('front');
my $url = "http://127.0.0.1:$front/status";

sub page { return http_get(port('web'), '/status?format=html')->{body} }

# waits until the page has it

sub change {
    my ($id, $health) = @_;

    ok($b->until("document.querySelector('#$id').matches('.$health')"),
       "the page has it: $health");
}

# said(CODE, WHAT, NAME): what the page says

sub said {
    my ($code, $what, $name) = @_;
    my $test = ref $what ? "/$what/.test($code)" : "($code) === "
               . ($what =~ /^\d+$/ ? $what : "'$what'");

    # what a key does may be seen a moment later

    $b->until($test =~ s{/\(\?\^:(.*?)\)/}{/$1/}r);

    return ref $what eq 'Regexp' ? like($b->eval($code), $what, $name)
                                 : is($b->eval($code), $what, $name);
}

my $rows = "[...document.querySelectorAll('.row')]";
my $shown = "$rows.filter(e => e.offsetHeight).map(e => e.id).join()";
my $many = "$rows.filter(e => e.offsetHeight).length";
my $live = "document.querySelector('#live').textContent";
my $names = "[...document.querySelectorAll('[data-group=Data] th[scope=row]')]"
            . ".map(e => e.firstChild.data.trim()).join()";


# without anything happening

ok(wait_until(sub { page() =~ m{<title>all up} }, 20), 'all is up');
$b->order('serve', port => $front, to => port('web'));
$b->open($url);
ok($b->until("$live.startsWith('live')"), 'the page says that it is live');
said('document.title', 'all up - Browser <b>test</b>', 'its title');
said($many, 5, 'all rows');
said("document.querySelectorAll('img, main b b').length", 0, 'names are text');
said("[...document.querySelector('#group').options].map(o => o.value).join()",
     ',"><b>Other,Data', 'also in the list of groups');


# a server breaks

$b->eval("window.same = document.querySelector('#u0p1');"
         . "same.querySelector('details').open = true;"
         . "same.querySelector('summary').focus();"
         . "window.icon = document.querySelector('#icon').href;"
         . "new MutationObserver(() => window.red = window.red || Date.now())"
         . ".observe(same, { attributes: true })");
$bad->set(status => 503, reason => $reason);
change('u0p1', 'down');
cmp_ok($b->eval("window.red - Date.parse(document.querySelector('#log time')"
                . ".dateTime)"), '<', 1000 * slow(),
       'within 1 s of the verdict');
ok($b->eval("document.querySelector('#u0p1') === window.same"),
   'in the element that was there');
said('document.title', '1 down - Browser <b>test</b>', 'the title says it');
ok($b->eval("document.querySelector('#icon').href !== icon"), 'so does the icon');
said("document.querySelector('#verdict').className", 'verdict degraded',
     'the verdict has its colour');
said("document.querySelector('#verdict h1').textContent",
     qr/^1 of 5 targets is down/, 'and sentence');
said("document.querySelector('#say').textContent", qr/^1 of 5 targets is down/,
     'which is read aloud');
said("document.querySelector('#counts').textContent", qr/down 1/,
     'the counts are new');
said("document.querySelector('#log li').textContent",
     qr/is down: http status 503.*ongoing/, 'an event stands on top');
ok($b->eval("same.querySelector('details').open"), 'what was open is open');
ok($b->eval("same.contains(document.activeElement)"),
   'the focus is where it was');
said("document.querySelector('tbody').id", 'u0p1', 'the worst comes first');
said("same.querySelector('.answer').textContent", qr/\Q$reason\E/,
     'what it answered is text');
said("document.querySelectorAll('img').length", 0, 'and no picture');


# a probe that changes nothing

ok($b->until("/^([2-9]\\d|\\d{3,}) passes/.test(document.querySelector("
             . "'#u0p0 .why small').textContent)"), 'a streak goes on');


# connections come and go with the results

my $conns = "document.querySelector('#u0p0 .conns').textContent";

$good->set('/held', hang => 1);
said($conns, '0 connections', 'nginx has no connection open');

my @held = map { connect_to(port('web')) } 1 .. 2;

syswrite $_, "GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n" for @held;
said($conns, '2 connections', 'now two');
close $_ for @held;
said($conns, '0 connections', 'and none again');


# it comes back, and breaks again

$bad->set(status => 200);
change('u0p1', 'up');
said("document.querySelector('#log').textContent", qr/lasted \d+ s/,
     'the incident has a length');
$bad->set(status => 503, reason => $reason);
change('u0p1', 'down');


# filters, in the address

$b->click('#counts a[href="?health=down"]');
said($shown, 'u0p1', 'only what is down');
said('location.search', '?health=down', 'the address says so');
ok($b->eval("document.querySelector('#services').hidden"),
   'a section with nothing to show is gone');

$b->order('reload');
ok($b->until("$rows.length === 5"), 'loaded with it there is the rest, too');
said($shown, 'u0p1', 'and the same is shown');

$b->click('#counts a[href="?"]');
said('location.search', '', 'all of it again');
said($names, 'Zebra,Ape', 'services as they are configured');

$b->press('/');
said('document.activeElement.id', 'search', '/ searches');
$b->order('type', text => 'zeb');
said($many, 1, 'by name');
said('location.search', '?q=zeb', 'in the address');
$b->press('Escape');
said($many, 5, 'Escape ends it');

$b->eval("document.querySelector('#group').value = 'Data';"
         . "document.querySelector('#group').dispatchEvent("
         . "new Event('input', { bubbles: true }))");
said($many, 2, 'a group');
said('location.search', '?group=Data', 'in the address');

$b->open("$url?q=nothing+has+this");
ok($b->until("document.querySelector('#none').offsetHeight"),
   'it says that nothing matches');
$b->click('#reset');
said($many, 5, 'and shows all again');

$b->open("$url?sort=name&only=incidents&other=1");
ok($b->until("$names === 'Ape,Zebra'"),
   'sorted by name, as the address wants it');
said("[...document.querySelectorAll('#log li:not(.incident)')]"
     . ".filter(e => e.offsetHeight).length", 0, 'incidents only');
$b->press('i');
said('location.search', '?other=1&sort=name',
     'what is not ours stays in the address')
    if $b->eval('location.search') !~ /^\?sort=name&other=1$/;


# a row in the address

$b->open("$url#u0p1");
ok($b->until("document.querySelector('#u0p1 details').open"),
   'a link opens a row');
$b->open("$url?q=zebra");
ok($b->until("$many === 1"), 'a search');
$b->eval("document.querySelector('.row:not([hidden]) .st').click()");
ok($b->eval("document.querySelector('.row:not([hidden]) details').open"),
   'a click opens a row');
ok($b->until('/\?q=zebra#s\d+$/.test(location.href)'), 'and makes a link');


# keys

$b->open($url);
ok($b->until("$live.startsWith('live')"), 'loaded');
$b->press('?');
ok($b->eval("document.querySelector('#keys').open"), '? helps');
$b->press('Escape');
ok($b->until("!document.querySelector('#keys').open"
             . ' && document.activeElement === document.body'),
   'Escape closes it');

# the instant after that: the focus is in what was closed until the next frame

is($b->eval(<<'EOC'), 'u0p1', 'a key at once is not lost');
    (() => {
        document.querySelector('#help').click();
        document.querySelector('#keys').close();
        document.activeElement.dispatchEvent(
            new KeyboardEvent('keydown', { key: 'j', bubbles: true }));

        const id = document.activeElement.closest('.row')?.id;

        document.activeElement.blur();
        return id;
    })()
EOC
$b->press('j');
said("document.activeElement.closest('.row')?.id", 'u0p1',
     'j goes to the first row');
$b->press('j', 'Enter');
said("document.querySelector('.row:has([open])')?.id", 'u0p0',
     'j to the next, Enter opens it');
$b->press('k');
said("document.activeElement.closest('.row')?.id", 'u0p1', 'k goes back');
$b->press('1');
said($shown, 'u0p1', '1 shows what is down');
$b->press('0');
said($many, 5, '0 all');
$b->press('s');
said('location.search', '?sort=name', 's sorts');
$b->press('w');
said('document.documentElement.className', qr/wall/, 'w: the wall');
said('location.search', qr/wall=1/, 'in the address');


# not live, and live again

$b->open($url);
ok($b->until("$live.startsWith('live')"), 'live');
my $seen = $b->seen;

is_deeply($seen->{console}, [], 'so far the console is empty');
is_deeply($seen->{errors}, [], 'there was no error in the script');
$b->order('drop');
ok($b->until("document.documentElement.className === 'late'"),
   'a lost connection turns it grey');
said($live, qr/^no data for \d+ s$/, 'and says for how long');
said("document.querySelector('#say').textContent", qr/not live/, 'aloud');
$b->order('serve', port => $front, to => port('web'));
ok($b->until("$live.startsWith('live')"), 'it comes back');
ok($b->until("document.documentElement.className === ''"), 'in colour');
is($b->seen->{loads}, 0, 'without being loaded');


# a stream that is refused: the page is asked for

$b->open('http://127.0.0.1:' . port('web') . '/fixed');
ok($b->until("$live.startsWith('asked')"),
   'without a stream the page is asked for');
$bad->set(status => 200);
ok($b->until("document.querySelector('#u0p1').matches('.up')"), 'and follows');
is($b->seen->{loads}, 1, 'without being loaded again');


# what a person with other senses or a small window meets

$b->open($url);
$b->eval("document.querySelector('#u0p1 details').open = true");
is_deeply($b->order('axe'), [], 'nothing bars the way, light');
$b->order('scheme', scheme => 'dark');
is_deeply($b->order('axe'), [], 'nor dark');
$b->order('size', width => 320);
is_deeply($b->order('axe'), [], 'nor at 320 px');
said('document.documentElement.scrollWidth', 320,
     'where nothing stands beside the window');
$b->press('?');
is_deeply($b->order('axe'), [], 'nor in the help');


# at no time

push @{ $seen->{requests} }, @{ $b->seen->{requests} };
is_deeply([ grep { !m{^http://127\.0\.0\.1:\d+/(?:status|fixed)|^data:} }
            @{ $seen->{requests} } ], [], 'nothing else was asked for');

done_testing();

#!/usr/bin/perl

# Tests for the connections that nginx has open to each server: the same number
# in every format; not said where each worker has a number of its own, nor to
# everybody; and it moves in the live stream with the results of the row, but is
# no event by itself.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Events;
use HealthDash::Status qw(connect_to csv_rows html_rows html_tree one_moment
                          schema_errors text_rows);

my ($b1, $b2) = backends(qw(b1 b2));

$b1->set('/held', hang => 1);

my $http = <<'EOF';
    upstream own {
        server %%ADDR_b1%% max_conns=7;
        server %%ADDR_b2%% backup;
        healthdash_check probe=p;
    }

    server {
        listen 127.0.0.1:%%PORT_NAME%%;
        location /status { healthdash_status; }
        location /public { healthdash_status public; }
        location /held { proxy_pass http://shared; }
        location /own/ { proxy_pass http://own/; }
    }
EOF

my $probe = <<'EOF';
    healthdash_probe p { interval 200ms; fast 200ms; timeout 150ms; }

    upstream shared {
        zone shared 256k;
        server %%ADDR_b1%% max_conns=7 weight=2;
        server %%ADDR_b2%% backup;
        healthdash_check probe=p;
    }
EOF

my $two = HealthDash->new(workers => 2,
                          http => $probe . $http =~ s/NAME/two/r)->start;
my $one = HealthDash->new(workers => 1,
                          http => $probe . $http =~ s/NAME/one/r)->start;


# requests that the server does not answer

sub held {
    my ($port, $path, $n) = @_;
    my @held;

    for (1 .. $n) {
        push @held, connect_to($port);
        syswrite $held[-1], "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n";
    }

    return @held;
}

# "3/7": active and max_conns as the JSON has them

sub told {
    my ($port, $upstream, $server, $path) = @_;
    my $json = hd_json(undef, port => $port, path => $path);
    my $peer = hd_peer($json, $upstream, $server);

    return join '/', map { $peer->{$_} // 'null' } qw(active max_conns);
}

sub wait_told {
    my ($want, $name, @where) = @_;
    my $is = '';

    wait_until(sub { ($is = told(@where)) eq $want }, 20, $name);
    is($is, $want, $name);
}


ok(wait_until(sub {
    2 == grep { (hd_json(undef, port => port($_))->{health} // '') eq 'up' }
         qw(one two);
}, 20), 'all is probed');

wait_told('0/7', 'probes do not count', port('two'), 'shared', $b1);

my @held = held(port('two'), '/held', 3);

wait_told('3/7', 'with a zone it is known', port('two'), 'shared', $b1);
wait_told('0/null', 'none, without a limit', port('two'), 'shared', $b2);


# all formats

my $m = one_moment(port('two'));
my ($csv) = grep { $_->{upstream} eq 'shared' } csv_rows($m->{csv});
my $text = text_rows($m->{text});
my $page = html_rows(html_tree($m->{html}));

is(schema_errors($m->{json}), '', 'the schema knows it');
is("$csv->{active}{bare} $csv->{max_conns}{bare}", '3 7', 'in the CSV');
is($text->{shared}[0]{conns}, '3/7', 'in the text');
is($text->{shared}[1]{conns}, '0', 'there of the other one');
is($page->{shared}[0]{notes}, 'weight 2, 3 of 7 connections', 'on the page');
is($page->{shared}[1]{notes}, 'backup, weight 1, 0 connections',
   'there of the other one');


# each worker counts for itself: there is no such number

my @own = held(port('two'), '/own/held', 2);

wait_told('null/7', 'two workers without a zone', port('two'), 'own', $b1);
is($text->{own}[0]{conns}, '-/7', 'in the text');
is($text->{own}[1]{conns}, '-', 'there of the other one');
is($page->{own}[0]{notes}, 'weight 1, at most 7 connections a worker',
   'on the page');
is($page->{own}[1]{notes}, 'backup, weight 1', 'there of the other one');

my @alone = held(port('one'), '/own/held', 2);

wait_told('2/7', 'one worker knows it all', port('one'), 'own', $b1);


# not for everybody

$m = one_moment(port('two'), '/public');
$page = html_rows(html_tree($m->{html}));
$text = text_rows($m->{text});

my $peer = $m->{doc}{upstreams}{shared}{peers}[0];

is_deeply([ map { exists $peer->{$_} ? $peer->{$_} : 'missing' }
            qw(active max_conns passive_fails) ], [ undef, undef, undef ],
          'public: null');
is_deeply([ map { my $r = $_; map { $r->{$_}{bare} } qw(active max_conns) }
            csv_rows($m->{csv}) ], [ ('') x 8 ], 'in the CSV nothing');
is($text->{shared}[0]{conns}, undef, 'nor in the text');
unlike($m->{text}, qr/CONNS/, 'where there is no such column');
unlike($m->{html}, qr/\d connections?\b/, 'nor on the page');


# live

sub pulse_of_b1 {
    my ($message) = @_;
    my $pulse = HealthDash::Events::data($message)->{pulse} // [];
    my ($p) = grep { ref $_->[0] && "@{ $_->[0] }" eq 'shared 0' } @$pulse;

    return $p ? $p->[5] : -1;
}

my $live = HealthDash::Events->new(port => port('two'));
my $rows = HealthDash::Events->new(port => port('two'),
                              path => '/status?format=events&rows=html');
my $public = HealthDash::Events->new(port => port('two'),
                                     path => '/public?format=events');

ok($live->wait(sub { pulse_of_b1($_[0]) == 3 }, 20, 'three'),
   'a result brings the number');
ok($rows->wait(sub {
    $_[0]{data} =~ m{<p data-row="u0p0" data-check="0">.*?<i>3 of 7 connections</i>};
}, 20, 'three'), 'also to the page');
ok($public->wait(sub {
    my $pulse = HealthDash::Events::data($_[0])->{pulse} // [];

    return grep { ref $_->[0] && @$_ == 6 && !defined $_->[5] } @$pulse;
}, 20, 'a public pulse'), 'but not to everybody');

close $_ for @held;

ok($live->wait(sub { pulse_of_b1($_[0]) == 0 }, 20, 'none'),
   'so does the end of the requests');
ok($rows->wait(sub {
    $_[0]{data} =~ m{<p data-row="u0p0" data-check="0">.*?<i>0 of 7 connections</i>};
}, 20, 'none'), 'also to the page');
is_deeply([ grep { %{ HealthDash::Events::data($_)->{upstreams} } }
            grep { $_->{event} eq 'change' } $live->messages ], [],
          'that alone is no change');

done_testing();

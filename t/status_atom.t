#!/usr/bin/perl

# Tests for ?format=atom: incidents as a feed by RFC 4287, from the event that
# something went down to the one that it did not stay so, with ids for ever.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::XML qw(xml_tree xml_find xml_text);

my ($a, $b, $c, $bad) = backends(qw(a b c bad));
my $fast = 'interval=100ms fast=100ms timeout=2s fails=1 passes=1 jitter=0%';

# what is no UTF-8, no XML, and no text

$bad->set(body => "<script>&\"' \xff\xc0\x80 \xef\xbf\xbe\xef\xbf\xbf "
                 . "\xe2\x80\xae]]> --> \x01");

sub conf {
    my ($more) = @_;

    return <<"EOF";
http {
    healthdash_title "Shop <&> more";
    healthdash_probe quotes { expect body ~ ^ok; }

    upstream app {
        zone app 256k;
        server %%ADDR_a%%;
        server %%ADDR_b%%;
        $more
        healthdash_check http $fast min_up=0;
    }

    healthdash_service "A & B <\\"'>" http://%%ADDR_a%%/s $fast;
    healthdash_service Bad http://%%ADDR_bad%%/ $fast group=Shop
                       probe=quotes;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /feed { healthdash_status atom; }
    }
}
EOF
}

my $t = HealthDash->new(workers => 2, conf => conf('server %%ADDR_c%%;'))
        ->start;
my $atom = '{http://www.w3.org/2005/Atom}';
my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
my $uuid = qr/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}
              -[0-9a-f]{12}$/x;


# feed(QUERY): { doc, entries => [ { title, id, ... } ] }; what RFC 4287 says of
# all feeds is tested at each

sub feed {
    my ($query) = @_;
    my $r = http_get(port('web'), '/status?format=atom&' . ($query // ''));
    my $doc = xml_tree($r->{body});
    my @wrong = $doc->{error} // ();

    @wrong = wrong_feed($doc) if !@wrong;
    fail("$_ in $r->{body}") for @wrong;

    my @entries = map {
        my $entry = $_;
        +{ (map { $_ => xml_text($entry, $_) }
            qw(id title published updated content)),
           state => (xml_find($entry, 'category'))[0]{attr}{term} };
    } xml_find($doc, 'entry');

    return { doc => $doc, entries => \@entries, body => $r->{body},
             headers => $r->{headers} };
}


sub wrong_feed {
    my ($doc) = @_;
    my @wrong;
    my $once = sub {
        my ($node, @names) = @_;

        for my $name (@names) {
            my @found = xml_find($node, $name);

            push @wrong, "$name " . @found . " times" if @found != 1;
            push @wrong, "$name is empty"
                if @found && $name ne 'author' && $found[0]{text} eq '';
            push @wrong, "$name $found[0]{text}"
                if @found && $name =~ /^(?:updated|published)$/
                   && $found[0]{text} !~ $time;
            push @wrong, "id $found[0]{text}"
                if @found && $name eq 'id' && $found[0]{text} !~ $uuid;
        }
    };

    push @wrong, "root $doc->{name}" if $doc->{name} ne "${atom}feed";
    push @wrong, "namespace of $_->{name}"
        for grep { $_->{name} !~ /^\Q$atom/ }
            map { $_, @{ $_->{list} } } @{ $doc->{list} };

    $once->($doc, qw(id title updated author));
    $once->((xml_find($doc, 'author'))[0], 'name');
    $once->($_, qw(id title updated published content))
        for xml_find($doc, 'entry');

    my %seen;

    push @wrong, "$_ twice"
        for grep { $seen{$_}++ } map { xml_text($_, 'id') }
                                 $doc, xml_find($doc, 'entry');

    push @wrong, 'no link to itself'
        if 1 != grep { $_->{attr}{rel} eq 'self' } xml_find($doc, 'link');

    return @wrong;
}


# the entries about this, newest first

sub about {
    my ($what, $query) = @_;

    return grep { $_->{title} =~ /^\Q$what\E (?:is|was) / }
           @{ feed($query)->{entries} };
}


sub appears {
    my ($what, $state) = @_;
    my @found;

    ok(wait_until(sub {
        @found = about($what);
        return @found && $found[0]{state} eq $state;
    }, 20), "$what: $state");

    return $found[0] // {};
}


# what is broken from the start

my $entry = appears('Bad', 'down');

is($entry->{title}, 'Bad is down', 'an incident under way');
like($entry->{content}, qr/^Down since \S+Z: body: expected ~ "\^ok", got/,
     'says since when and why');
like($entry->{content}, qr/<script>&"'/, 'whatever a server said is text');
unlike($entry->{content}, qr/[^\x20-\x7e\x{80}-\x{fffd}]|\x{202e}/,
       'nothing of it is no character');
is($entry->{updated}, $entry->{published}, 'it is as new as it began');


# down and up again

my $name = 'A & B <"\'>';
my $server = $a->address . ' of app';

ok(wait_until(sub {
    my $doc = hd_json($t);

    return $doc->{services}{$name}{health} eq 'up'
           && 3 == grep { $_->{health} eq 'up' }
                   @{ $doc->{upstreams}{app}{peers} };
}, 20), 'the others are up');

is(scalar about($name), 0, 'what was never down is not in it');

$a->refuse;

my $down = appears($name, 'down');
my $peer = appears($server, 'down');

is($down->{title}, "$name is down", 'a name with markup');
like($down->{content}, qr/: connection refused\.$/, 'the reason');

$a->accept;

my $up = appears($name, 'resolved');

appears($server, 'resolved');

is($up->{id}, $down->{id}, 'the same entry');
is($up->{published}, $down->{published}, 'begun at the same time');
cmp_ok($up->{updated}, 'gt', $down->{updated}, 'but updated');
like($up->{title}, qr/^\Q$name\E was down for \d/, 'with its length');
like($up->{content}, qr/ Up again since \S+Z, after \d/, 'and its end');

$a->refuse;

my $again = appears($name, 'down');

isnt($again->{id}, $up->{id}, 'the next time it is another one');
is(scalar about($name), 2, 'beside the first');

my $feed = feed();

is(xml_text($feed->{doc}, 'updated'),
   (sort map { $_->{updated} } @{ $feed->{entries} })[-1],
   'the feed is as new as its newest');
is(xml_text($feed->{doc}, 'title'), 'Shop <&> more', 'it has the title');
is($feed->{headers}{'content-type'}, 'application/atom+xml; charset=utf-8',
   'the type');
is($feed->{headers}{'cache-control'}, 'no-store', 'is not to be kept');

my @begun = map { $_->{published} } @{ $feed->{entries} };

is_deeply(\@begun, [ reverse sort @begun ], 'newest first');


# through a reload

my %id = map { $_->{id} => $_->{published} } @{ $feed->{entries} };
my $feed_id = xml_text($feed->{doc}, 'id');

$c->refuse;

my $gone = appears($c->address . ' of app', 'down');

$t->set_conf(conf(''))->reload;

$feed = feed();

is(xml_text($feed->{doc}, 'id'), $feed_id, 'a reload changes no id');
is_deeply({ map { $_->{id} => $_->{published} }
            grep { $id{$_->{id}} } @{ $feed->{entries} } }, \%id,
          'of no entry either');

my $removed = appears($c->address . ' of app', 'resolved');

is($removed->{id}, $gone->{id}, 'what is removed ends its incident');
like($removed->{content}, qr/ Not probed any more since /, 'and says so');


# no more of this machine than there is in the texts

my $host = do { open my $fh, '<', '/proc/sys/kernel/hostname'; <$fh> };

chomp $host;
unlike($feed->{body} =~ s/<(title|content)[^>]*>.*?<\/\1>//gsr,
       qr/127\.0\.0\.1|localhost|\Q$host\E/, 'no host in ids and links');


# filters

is_deeply([ grep { $_ !~ /^Bad / }
            map { $_->{title} } @{ feed('service=Bad')->{entries} } ], [],
          'of one service only');
is(scalar @{ feed('service=Bad')->{entries} }, 1, 'its one');
is(scalar about('Bad', 'group=Shop'), 1, 'of a group');
is(scalar about($name, 'group=Shop'), 0, 'without the others');
is(scalar grep({ $_->{title} !~ / of app / }
               @{ feed('upstream=app')->{entries} }), 0, 'of an upstream');
is(scalar @{ feed('service=nope')->{entries} }, 0, 'of nothing');

# an id is of what was asked

my %asked;

for my $query ('', 'service=Bad', 'service=app', 'upstream=app', 'group=Shop',
               'health=down', 'health=up', 'row=s2', 'row=s3',
               'health=down&row=s3')
{
    push @{ $asked{xml_text(feed($query)->{doc}, 'id')} }, $query;
}

is_deeply([ grep { @$_ > 1 } values %asked ], [],
          'each question has an id of its own');
is_deeply($asked{$feed_id}, [ '' ], 'the whole has that of before');
is(xml_text(feed('health=down')->{doc}, 'id'),
   xml_text(feed('health=down')->{doc}, 'id'), 'and it stays');

for my $query ('service=Bad', 'health=down', 'row=s3') {
    my %whole = map { $_->{id} => 1 } @{ feed()->{entries} };
    my @entries = @{ feed($query)->{entries} };

    ok(@entries && !grep({ !$whole{$_->{id}} } @entries),
       "$query: entries are the same in all feeds");
}

is((grep { $_->{attr}{rel} eq 'self' }
    xml_find(feed('health=down&row=s3')->{doc}, 'link'))[0]{attr}{href},
   '?format=atom&row=s3&health=down', 'a feed finds itself with all of that');

my ($self) = grep { $_->{attr}{rel} eq 'self' }
             xml_find(feed('service=A+%26+B+%3C%22%27%3E')->{doc}, 'link');

is($self->{attr}{href}, '?format=atom&service=A%20%26%20B%20%3C%22%27%3E',
   'and finds itself');


# who gets it

is(http_get(port('web'), '/feed')->{headers}{'content-type'},
   'application/atom+xml; charset=utf-8', 'by directive');
is(http_get(port('web'), '/status', Accept => 'application/atom+xml, */*;q=0.1')
   ->{headers}{'content-type'}, 'application/atom+xml; charset=utf-8',
   'by Accept');

my $r = http_get(port('web'), '/status?format=atom&health=bad');

is("$r->{status} $r->{headers}{'content-type'}",
   '400 text/plain; charset=utf-8', 'an error is a sentence');


# a long list is cut

{
    my $n = 110;
    my $web = port('many');

    HealthDash->new(name => 'many', http => join '', (map {
        "healthdash_service s$_ tcp://127.0.0.1:1 interval=1s fails=1;\n"
    } 1 .. $n), "server { listen 127.0.0.1:$web;"
                . ' location /status { healthdash_status; } }')->start;

    ok(wait_until(sub {
        hd_json($t, port => $web)->{summary}{services}{down} == $n
    }, 30), "$n services are down");

    my $text = http_get($web, '/status?format=atom')->{body};

    is(scalar(() = $text =~ /<entry>/g), 100, 'a feed has 100 entries');
    like($text, qr/<\/feed>\s*\z/, 'and an end');
}

done_testing();

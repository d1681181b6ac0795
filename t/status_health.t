#!/usr/bin/perl

# Tests for application/health+json at healthdash_status: the same judgement as
# healthdash_ready, of all that is shown.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use JSON::PP ();

use HealthDash::Status qw(schema_errors_of);

my ($up, $slow, $mute) = backends(qw(up slow mute));

$slow->set(delay => 0.05);
$mute->set(hang => 1);

my $fast = 'interval=100ms fast=100ms timeout=2s fails=1 passes=1 jitter=0%';
my $long = 'interval=1h timeout=59s';

HealthDash->new(workers => 2, http => <<"EOF")->start;
    healthdash_service app http://%%ADDR_up%%/ $fast group=A;
    healthdash_service "Slow <one>" http://%%ADDR_slow%%/ slow=1ms $fast;
    healthdash_service Trusted http://%%ADDR_mute%%/ $long initial=up;
    healthdash_service Mute http://%%ADDR_mute%%/b $long group=B;

    upstream app {
        zone app 256k;
        server %%ADDR_up%%;
        server %%ADDR_slow%%;
        healthdash_check http uri=/u $fast min_up=0 group=A;
    }

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /health { healthdash_status health; }
        location /ready { healthdash_ready "Slow <one>" Mute Trusted; }
    }
EOF


sub get { return http_get(port('web'), @_); }


sub doc {
    my ($query) = @_;
    my $r = get("/status?format=health&$query");

    is(schema_errors_of('ready', $r->{body}), '', "$query: valid");

    my $doc = JSON::PP::decode_json($r->{body});

    is($r->{status}, $doc->{status} eq 'fail' ? 503 : 200,
       "$doc->{status} by its status, too");
    return $doc;
}


ok(wait_until(sub {
    return get('/status?format=health&group=A')->{body} =~ /\n"status":"pass"}/
           && get('/status?format=health&service=Slow+%3Cone%3E')->{body}
              =~ /"warn"/;
}, 20), 'probed');

my $doc = doc('');

is_deeply([ sort keys %{ $doc->{checks} } ],
          [ 'Mute', 'Slow <one>', 'Trusted', 'app' ], 'all is there');
is_deeply([ map { $_->{observedUnit} } @{ $doc->{checks}{app} } ],
          [ 'servers', 'ms' ], 'an upstream and a service of one name');
is_deeply({ map { $_ => $doc->{checks}{$_}[0]{status} }
            keys %{ $doc->{checks} } },
          { app => 'pass', 'Slow <one>' => 'warn', Trusted => 'pass',
            Mute => 'fail' }, 'each with its status');
is($doc->{status}, 'fail', 'the worst is that of all');
is($doc->{checks}{Mute}[0]{output}, 'no result yet', 'and says why');

my $ready = JSON::PP::decode_json(get('/ready')->{body});

for my $name ('Slow <one>', 'Mute', 'Trusted') {
    my ($mine, $its) = map { $_->{checks}{$name}[0] } $doc, $ready;

    is_deeply([ sort keys %$mine ], [ sort keys %$its ],
              "$name: the keys of healthdash_ready");
    is($mine->{status}, $its->{status}, 'and its judgement');
}


# filters

is(doc('service=Trusted')->{status}, 'pass', 'one of them');
is(doc('group=A')->{status}, 'pass', 'a group');
is(doc('group=B')->{status}, 'fail', 'another');
is_deeply([ keys %{ doc('upstream=app')->{checks} } ], [ 'app' ],
          'an upstream');

for (['service=app', 'ms'], ['upstream=app', 'servers'],
     ['health=up', 'servers ms'])
{
    my ($query, $want) = @$_;

    is(join(' ', map { $_->{observedUnit} } @{ doc($query)->{checks}{app} }),
       $want, "$query: of one name what is asked for");
}

$doc = doc('service=typo');
is($doc->{status}, 'fail', 'what is not there does not pass');
is($doc->{output}, 'there is nothing to show', 'and says so');


# who gets it

my %type = map { $_->[0] => get('/status', $_->[0] ? (Accept => $_->[0]) : ())
                            ->{headers}{'content-type'} }
           [ 'application/health+json' ], [ 'application/*' ], [ '' ],
           [ 'application/health+json;q=0.5, application/json' ],
           [ 'application/health+json, */*;q=0.1' ];

is($type{'application/health+json'}, 'application/health+json', 'by Accept');
is($type{'application/*'}, 'application/json', 'JSON goes before it');
is($type{''}, 'application/json', 'by default');
is($type{'application/health+json;q=0.5, application/json'},
   'application/json', 'weights count');
is($type{'application/health+json, */*;q=0.1'}, 'application/health+json',
   'and exactness');
is(get('/health')->{headers}{'content-type'}, 'application/health+json',
   'by directive');

my $r = get('/status?format=health&health=bad');

is($r->{status}, 400, 'an argument that can not be');
is($r->{headers}{'content-type'}, 'application/json', 'is an error in JSON');
ok(JSON::PP::decode_json($r->{body})->{error}, 'an object');

done_testing();

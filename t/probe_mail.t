#!/usr/bin/perl

# Tests for SMTP, IMAP, POP3 and FTP with real servers: greeting, STARTTLS,
# log-in, NOOP, and what is said when each of them goes wrong.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Mail qw(dovecot exim ftpd);
use HealthDash::Probe qw(service status_server verdict judged);
use HealthDash::TLS qw(tls_ca tls_cert);

my $cert = tls_cert(cn => 'mail.test');
my %server = (dovecot => dovecot($cert), exim => exim($cert),
              ftpd => ftpd($cert));

my $ca = 'ca=' . tls_ca()->{cert} . ' sni=mail.test';
my $login = 'user=probe password=s3cret';

# name => [ URL, parameters, verdict ]

my @rows;


for my $type (qw(smtp imap pop3 ftp)) {
    my $at = "$type://127.0.0.1:" . port($type);

    push @rows,
        [ "$type", $at, '', 'up' ],
        [ "$type, logged in", $at, $login, 'up' ],
        [ "$type, starttls", $at, "starttls=on $ca", 'up' ],
        [ "$type, starttls, logged in", $at, "starttls=on $ca $login", 'up' ],
        [ "$type, wrong password", $at,
          'user=probe password=wrong',
          qr/^down: log-in refused: (?:5|-ERR|a NO)/ ],
        [ "$type, unknown user", $at, 'user=nobody password=s3cret',
          qr/^down: log-in refused: (?:5|-ERR|a NO)/ ],
        [ "$type, starttls, wrong name", $at, 'starttls=on ca='
          . tls_ca()->{cert} . ' sni=other.test',
          qr/^down: certificate is for "mail.test", expected "other.test"/ ],
        [ "$type, starttls, untrusted", $at, 'starttls=on sni=mail.test',
          qr/^down: certificate not trusted/ ],
        [ "$type, starttls, not verified", $at, 'starttls=on verify=off',
          qr/^(?:up|degraded)/ ];
}

for my $type (qw(smtps imaps pop3s)) {
    my $at = "$type://127.0.0.1:" . port($type);

    push @rows,
        [ "$type", $at, $ca, 'up' ],
        [ "$type, logged in", $at, "$ca $login", 'up' ],
        [ "$type, wrong password", $at,
          "$ca user=probe password=wrong", qr/^down: log-in refused: / ],
        [ "$type, wrong name", $at, 'ca=' . tls_ca()->{cert}
          . ' sni=other.test', qr/^down: certificate is for "mail.test", expected "other.test"/ ];
}

# plain where TLS is spoken and the reverse, and the wrong protocol

push @rows,
    [ 'smtp on a TLS port', 'smtp://127.0.0.1:' . port('smtps'), 'timeout=1s',
      qr/^down: (?:response timed out|invalid response)/ ],
    [ 'smtps on a plain port', 'smtps://127.0.0.1:' . port('smtp'), $ca,
      qr/^down: tls handshake failed/ ],
    [ 'imap of SMTP', 'imap://127.0.0.1:' . port('smtp'), '',
      qr/^down: invalid response: not an IMAP answer, got "220 mail\.test/ ],
    [ 'pop3 of IMAP', 'pop3://127.0.0.1:' . port('imap'), '',
      qr/^down: invalid response: not a POP3 answer, got "\* OK/ ],
    [ 'smtp of POP3', 'smtp://127.0.0.1:' . port('pop3'), '',
      qr/^down: invalid response: not an SMTP answer, got "\+OK/ ];

# a log-in costs these servers a process or two

my $http = join '', map { service($_->[0], $_->[1], "interval=2s $_->[2]") }
                        @rows;

my $t = HealthDash->new(
    conf => "http {\n$http" . status_server() . "}\n")->start;

judged($t, map { [ $_->[0], $_->[3] ] } @rows);

my $json = hd_json($t);

unlike(HealthDash::http_get(port('web'), '/status?format=json')->{body},
       qr/s3cret|AHByb2JlAHMzY3JldA/, 'no password is shown');

# frozen, stopped, and back

$t->stop;

my %of = (exim => [ 'smtp', 'smtps' ], ftpd => [ 'ftp' ],
          dovecot => [ 'imap', 'imaps', 'pop3', 'pop3s' ]);

for my $name (sort keys %of) {
    my $d = $server{$name};
    my @kinds = map { [ $_ => "$_, again" ] } @{ $of{$name} };

    my $short = HealthDash->new(
        name => "short-$name",
        conf => "http {\n" . join('', map {
            service($_, "$_://127.0.0.1:" . port($_),
                    'interval=300ms timeout=2s' . (/s$/ ? " $ca" : ''))
        } @{ $of{$name} }) . <<"EOF")->start;
    server {
        listen 127.0.0.1:%%PORT_$name%%;
        location /status { healthdash_status; }
    }
}
EOF

    my $all = sub {
        my ($want, $what) = @_;
        my $list;

        ok(wait_until(sub {
            $list = hd_json($short, port => port($name))->{services};
            return !grep { verdict($list->{$_}) !~ $want } @{ $of{$name} };
        }, 20), "$name: $what")
            or diag(map { "$_: " . verdict($list->{$_}) . "\n" }
                    @{ $of{$name} });
    };

    $all->(qr/^up/, 'well at first');
    $d->freeze;
    $all->(qr/^down: (?:response|tls handshake) timed out/, 'frozen');
    $d->thaw;
    $all->(qr/^up/, 'woken up');
    $d->stop;
    $all->(qr/^down: (?:connection refused|connection closed)/, 'stopped');
    $d->start;
    $all->(qr/^up/, 'started again');
    $short->stop;
}

done_testing();

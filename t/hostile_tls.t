#!/usr/bin/perl

# Tests for peers that break off, fall silent or say nonsense in and behind a
# TLS handshake, for each type that speaks TLS, from the first byte or by
# STARTTLS: real servers, of whose answer a relay passes on a part.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 600;

use HealthDash::Daemon qw(daemon need);
use HealthDash::Hostile;
use HealthDash::Kinds qw(tls_kinds endless_hello kind_conf
                         kind_service);
use HealthDash::Mail qw(dovecot exim ftpd);
use HealthDash::Probe qw(first_results small_peak verdict);
use HealthDash::Recording qw(recording);
use HealthDash::SQL qw(postgres mariadb);

my $built = (HealthDash->new->run_nginx('-V'))[1];

if ($built !~ /--with-http_ssl_module/ || $built !~ /--with-http_v2_module/) {
    plan skip_all => 'nginx without TLS or HTTP/2';
}

my $only = $ENV{HD_KIND};
my $limit = 3;          # s, the timeout of a probe that is to run into it
my $patience = 30;      # and of all others, however slow the machine is
my $cuts = 40;          # places to break off at

my $layers = qr/^(?:connect|tls|response|service|condition)$/;


# Real servers, each answers well

my $cert = tls_cert(cn => 'all.test');
my %port = (smtps => 'smtps', imaps => 'imaps', pop3s => 'pop3s',
            rediss => 'rediss', postgres => 'postgres', mysql => 'mysql',
            map { $_ => $_ } qw(smtp imap pop3 ftp));

chmod 0644, $cert->{key};
web_servers();
exim($cert);
dovecot($cert);
ftpd($cert);
postgres('postgres', ssl => $cert);
mariadb('mysql', ssl => $cert);

daemon('rediss', port => port('rediss'), user => 'nobody', argv => [
    need('redis-server'), '--bind', '127.0.0.1', '--save', '', '--port', 0,
    '--tls-port', port('rediss'), '--tls-cert-file', $cert->{cert},
    '--tls-key-file', $cert->{key}, '--tls-auth-clients', 'no',
    '--requirepass', 's3cret' ]);


sub web_servers {
    my ($kind) = grep { $_->{name} eq 'websocket' } HealthDash::Kinds::kinds();
    my $chat = { how => 'good', talk => [ recording('websocket') ],
                 fix => $kind->{fix} };
    my $health = backend('health')->set(
        body => "\0\0\0\0\2\10\1",
        headers => { 'Content-Type' => 'application/grpc' });

    HealthDash::Hostile->new($chat);

    HealthDash->new(module => 0, http => <<"EOF_CONF")->start;
ssl_certificate $cert->{cert};
ssl_certificate_key $cert->{key};
server {
    listen 127.0.0.1:@{[ port('one') ]} ssl;
    location / { return 200 ok; }
}
server {
    listen 127.0.0.1:@{[ port('two') ]} ssl http2;
    location / { return 200 ok; }
    location /grpc. {
        proxy_pass http://@{[ $health->address ]};
        add_trailer grpc-status 0;
    }
}
server {
    listen 127.0.0.1:@{[ port('chat') ]} ssl;
    location / {
        proxy_pass http://$chat->{address};
        proxy_http_version 1.1;
        proxy_set_header Connection upgrade;
        proxy_set_header Upgrade websocket;
    }
}
EOF_CONF

    @port{qw(https tls https2 grpcs websockets)} = qw(one one two two chat);
}


# What says something else than TLS where TLS is to begin, or half of it.  A
# record that begins a ServerHello, without its second half, is the start of a
# true handshake.

my $half = pack 'H*', '160303007a020000760303' . '5a' x 32 . '20' . 'a5' x 20;
my $alert = pack 'H*', '15030300020228';

sub peers {
    my ($kind) = @_;
    my ($heard, @talk) = @{ $kind->{hello} };
    my $says = sub { (how => 'good',
                      talk => [ @talk, [ $heard + 1, $_[0] ], @_[1 .. $#_] ]) };

    return ({ name => 'silence', how => 'good', talk => \@talk },
            { name => 'closes', $says->('') },
            { name => 'half a hello', $says->($half) },
            { name => 'half a hello, closes', $says->($half,
                                                      [ $heard + 1, '' ]) },
            { name => 'an alert', $says->($alert) },
            { name => 'a web server', $says->("HTTP/1.1 400 Bad Request\r\n"
                                              . "\r\n") },
            { name => 'a mail server', $says->("554 5.7.1 no\r\n") },
            { name => 'garbage', $says->(join '', map { chr($_ * 31 % 256) }
                                                  1 .. 3000) },
            { name => 'zeros', $says->("\0" x 3000) },
            { name => 'endless zeros', how => 'flood',
              talk => [ @talk, [ $heard + 1, "\0" ] ], text => "\0" x 8192 },
            { name => 'endless messages', endless_hello($kind) });
}

# of what libmariadb tells less than OpenSSL did

my %codes = (
    'silence' => qr/^tls_timeout$/,
    'half a hello' => qr/^tls_timeout$/,
    'closes' => qr/^tls_(?:closed|handshake)$/,
    'half a hello, closes' => qr/^tls_(?:closed|handshake)$/,
    'an alert' => qr/^tls_handshake$/,
    map { $_ => qr/^(?:tls_handshake|response_(?:invalid|closed|reset))$/ }
        'a web server', 'a mail server', 'garbage', 'zeros', 'endless zeros',
        'endless messages',
);


for my $kind (tls_kinds()) {
    next if defined $only && $kind->{name} ne $only;

    subtest $kind->{name} => sub { meet($kind); };
}

done_testing();


sub meet {
    my ($kind) = @_;
    my $to = port($port{$kind->{starttls} // $kind->{name}});
    my $size = size_of($kind, $to);

    cmp_ok($size, '>', 500, "an answer has $size bytes") or return;

    my @at = map { int($_ * $size / $cuts) } 0 .. $cuts - 1;
    my @peers = (
        peers($kind),
        { name => 'all of it', how => 'relay', to => $to },
        (map { { name => "cut at $_", how => 'relay', to => $to, at => $_ } }
             @at),
        (map { { name => "silent from $_", how => 'relay', to => $to,
                 at => $_, then => 'freeze' } } @at[grep { $_ % 5 == 0 }
                                                         0 .. $#at]));

    my $hostile = HealthDash::Hostile->new(@peers);
    my ($t, $list) = probe($kind, @peers);

    judge($kind, $list, @peers);

    small_peak($t, 60_000);
    $t->stop;
    HealthDash::Run::stop_helper($hostile->{helper});
}


# each peer once; the first result decides

sub probe {
    my ($kind, @peers) = @_;
    my $conf = kind_conf($kind, 'interval 3s; fast 3s; warn cert_days > 0;');

    $conf .= kind_service($kind, @$_{qw(name address)},
                          ' timeout=' . timeout_of($_) . 's') for @peers;

    return first_results($kind->{name} . ++$kind->{round}, $conf, 40);
}


sub timeout_of {
    my ($peer) = @_;

    return $peer->{then} || $peer->{name} =~ /^(?:silence|half a hello)$/
           ? $limit : $patience;
}


# how much a server says until the probe is content: half of what is too much

sub size_of {
    my ($kind, $to) = @_;
    my @peers = map { { name => $_, how => 'relay', to => $to, at => $_ } }
                    map { 100 * $_ } 1 .. 50;
    my $hostile = HealthDash::Hostile->new(@peers);
    my ($t, $list) = probe($kind, @peers);
    my ($least) = grep { $list->{$_}{health} eq 'up' }
                  map { $_->{name} } @peers;

    $t->stop;
    HealthDash::Run::stop_helper($hostile->{helper});

    return $least // 0;
}


sub judge {
    my ($kind, $list, @peers) = @_;
    my $short = 0;

    for my $peer (@peers) {
        my $name = $peer->{name};
        my $s = $list->{$name};
        my $reason = $s->{reason} // {};

        if ($name eq 'all of it') {
            is(verdict($s), 'up', $name) or diag(explain($s));
            next;
        }

        # near its end an answer may be long enough, now and then

        if ($s->{health} eq 'up' && $peer->{how} eq 'relay') {
            cmp_ok($peer->{at}, '>', 500, "$name: is enough");
            next;
        }

        $short++ if $peer->{how} eq 'relay';

        my $want = $codes{$name} // ($peer->{then} ? qr/_timeout$/ : qr/./);

        is($s->{health}, 'down', "$name: is down");
        like($reason->{code} // 'none', $want, "$name: " . verdict($s));
        unlike(verdict($s), qr/no answer to the wish/, "$name: it was answered")
            if $name =~ /^silence|^half/;
        like(verdict($s), qr/messages without end|closed without/,
             "$name: and says so") if $name eq 'endless messages';
        like($reason->{layer} // 'none', $layers, "$name: is its doing");
        cmp_ok($s->{last_failure}{phases}{total}, '<',
               2200 * timeout_of($peer), "$name: ends in time");
    }

    cmp_ok($short, '>', $cuts / 2, "$short answers were too short");
}

#!/usr/bin/perl

# Tests for group, description, link and critical of checks and services.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $b = backend('b');

my $t = HealthDash->new(conf => <<'EOC')->start;
http {
    upstream shop {
        server %%ADDR_b%%;
        healthdash_check tcp;
        healthdash_check http "description=The shop & its basket" critical
                         link=https://wiki.example/shop;
    }

    upstream bare {
        server %%ADDR_b%%;
        healthdash_check tcp;
    }

    healthdash_service Mail tcp://%%ADDR_b%% group=Office
                       "description=Outgoing mail"
                       link=https://wiki.example/mail;

    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
}
EOC

sub labels {
    my ($o) = @_;
    return [ @$o{qw(group description link)}, $o->{critical} ? 1 : 0 ];
}

my $json = hd_json($t);

is_deeply(labels($json->{upstreams}{shop}),
          [ undef, 'The shop & its basket', 'https://wiki.example/shop', 1 ],
          'the first check that has labels gives them to its upstream');
is_deeply(labels($json->{upstreams}{bare}), [ undef, undef, undef, 0 ],
          'an upstream need not have any');
is_deeply(labels($json->{services}{Mail}),
          [ 'Office', 'Outgoing mail', 'https://wiki.example/mail', 0 ],
          'a service has its own');

my $page = http_get(port('web'), '/status?format=html')->{body};

like($page, qr/The shop &amp; its basket/, 'the page describes the upstream');
like($page, qr{href="https://wiki\.example/shop"}, 'and links its runbook');
like($page, qr/Outgoing mail.*href="https:\/\/wiki\.example\/mail"/s,
     'as it does for the service');

done_testing();

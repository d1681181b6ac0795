#!/usr/bin/perl

# Tests that the secret of one service is masked in its own answers only: a
# block that both share gives neither's to the other.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;
use HealthDash::Probe qw(status_server judged);

HealthDash::Run::write_file(tmp_dir() . '/key', "wall\n");
chmod 0600, tmp_dir() . '/key';

backend('b')->set(body => 'the window in the wall is open');

my $t = HealthDash->new(conf => <<'EOC' . status_server() . "}\n")->start;
http {
    healthdash_probe shared { header X-Key @%%TMP%%/key; expect body ~ closed;
                              interval 100ms; fails 1; passes 1; }

    healthdash_service first http://%%ADDR_b%%/ probe=shared
                       user=me password=window;
    healthdash_service second http://%%ADDR_b%%/ probe=shared;
EOC

judged($t,
    [ first => 'down: body: expected ~ "closed", got "the *** in the *** is open"' ],
    [ second => 'down: body: expected ~ "closed", got "the window in the *** is open"' ]);

done_testing();

#!/usr/bin/perl

# Tests for the CSV: RFC 4180, a column for each fact of the table in the source
# and in the docs, and nothing that a spreadsheet would run.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use Encode ();

use HealthDash::Status qw(csv_rows csv_columns csv_differences one_moment
                          status_doc);

my $source = "$FindBin::Bin/../ngx_http_healthdash_module/ngx_hd_fields";


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or die "cannot open $file: $!\n";
    local $/;

    return <$fh>;
}


# the table of the source: [ column, way in the JSON, unit, meaning ], ...

sub fields {
    my $way = qr{FIELD_(\w+)\s+0x\w+\s+/\*\s+\.(\S+)\s};
    my %way = map { $_ =~ $way ? ($1, "$2.") : () }
              split /\n/, slurp("$source.h");
    my ($table) = slurp("$source.c") =~ /table\[\] = \{\n(.*?)\n\};/s
        or die "the source has no table\n";
    my @list;

    while ($table =~ /\{\ "(\w+)",\ "([^"]*)",\ ([^,]+),\ "([^"]*)",
                      \s*"([^"]*)",/gx)
    {
        my ($name, $key, $in, $unit, $help) = ($1, $2, $3, $4, $5);
        my ($object) = $in =~ /FIELD_(\w+)/;
        my $before = $object ? $way{$object} // '' : '';

        push @list, [ $name, "$before$key", $unit, $help ];
    }

    return @list;
}


my @fields = fields();

cmp_ok(scalar @fields, '>', 60, 'the table of the source was found');
is_deeply([ csv_columns() ], \@fields, 'the docs have it, line by line');

my %twice;

$twice{$_->[0]}++ for @fields;

is_deeply([ grep { $twice{$_} > 1 } sort keys %twice ], [],
          'no column is there twice');


# names that a spreadsheet would run, or that break a line

my ($good, $bad, $evil) = backends(qw(good bad evil));

$bad->set(status => 503);
$evil->set(body => "=cmd|'/c calc'!A0");

my @texts = ('=1+1', '+1', '-1', '@SUM(1)', "=cmd|' /c calc'!A0", 'quote"s',
             'a,b;c', 'back\\slash', '%s%n',
             "\xef\xbc\x9d1", "\xc3\xa4\xe2\x82\xac", '</script>', 'x' x 255);

my $quote = sub { '"' . $_[0] =~ s/(["\\])/\\$1/gr . '"' };
my $conf = '';

for my $name (@texts) {
    my $q = $quote->($name);

    # a parameter would be read from such a file

    my $label = $name =~ s/^@/=/r;

    $conf .= "healthdash_service $q tcp://127.0.0.1:1 interval=100ms\n"
             . "timeout=50ms fast=100ms " . $quote->("group=$label") . ' '
             . $quote->("description=$label") . ";\n";
}

HealthDash->new(workers => 2, http => <<EOF)->start;
    healthdash_probe p { interval 200ms; fast 100ms; timeout 1s; fails 1; }
    healthdash_probe deep {
        interval 200ms; fast 100ms; timeout 1s; fails 1;
        expect body ~ "^ok";
    }
    $conf
    upstream app {
        server %%ADDR_good%% weight=3;
        server %%ADDR_bad%% down;
        server %%ADDR_evil%% backup;
        healthdash_check probe=p group=Shop min_up=0;
        healthdash_check probe=deep critical;
    }
    upstream one { server %%ADDR_good%%; healthdash_check probe=p; }
    healthdash_service "Memory" memory: interval=200ms;
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /csv { healthdash_status csv; }
    }
EOF

ok(wait_until(sub {
    my ($doc) = status_doc(port('web'));

    # a second result of each: of the time before it something is known

    return !grep { !defined $_->{availability}{'1h'} }
           values %{ $doc->{services} },
           map { @{ $_->{checks} // [ $_ ] } }
           map { @{ $_->{peers} } } values %{ $doc->{upstreams} };
}, 20, 'results'), 'all is probed');

my $r = http_get(port('web'), '/csv');

is($r->{status}, 200, 'healthdash_status csv');
is($r->{headers}{'content-type'}, 'text/csv; charset=utf-8', 'its type');

for ([ 'text/csv', 'text/csv' ], [ 'text/*', 'text/html' ]) {
    my ($accept, $type) = @$_;

    is(http_request(port => port('web'), path => '/status',
                    headers => { Accept => $accept })
       ->{headers}{'content-type'}, "$type; charset=utf-8",
       "who accepts $accept gets $type");
}

my ($head, @lines) = split /\r\n/, $r->{body};

is($head, join(',', map { $_->[0] } @fields), 'the first line is the columns');
is(scalar @lines, 3 * 2 + 1 + @texts + 1,
   'a line for each check of a server and each service');

my @rows = csv_rows($r->{body});

for my $i (0 .. $#texts) {
    my $text = Encode::decode('UTF-8', $texts[$i]);
    my $shown = length $text > 40 ? length($text) . ' bytes' : $texts[$i];
    my $is_formula = $text =~ /^[=+\-@\x{ff1d}]/;
    my $want = ($is_formula ? "'" : '') . $text;
    my $label = $want =~ s/^'\@/'=/r;

    is_deeply([ @{ $rows[7 + $i] }{qw(name group description)} ],
              [ $want, $label, $label ],
              $is_formula ? "$shown is no formula" : "$shown stands in quotes");
}

is_deeply([ grep { /(?:^|,)"?[=+\-@]/ } @lines ], [],
          'no cell begins like a formula');

my ($memory) = grep { $_->{name} eq 'Memory' } @rows;

like($memory->{value}{bare}, qr/^\d/, 'a value stands alone, as a number');
is($rows[0]{availability_1h}{bare}, '100', 'a percentage does, too');
is($rows[2]{state}, 'down', 'a word is in quotes');
is($rows[2]{backup}{bare}, 'false', 'false is not');
is($rows[0]{phase_tls}{bare}, '', 'what is not there is empty');

my $m = one_moment(port('web'));

is_deeply([ csv_differences($m->{csv}, $m->{doc}) ], [],
          'it says what the JSON says, column by column');

my @few = csv_rows(http_get(port('web'), '/csv?upstream=one')->{body});

is(scalar @few, 1, 'filters hold');

my $error = http_get(port('web'), '/csv?health=sick');

is("$error->{status} $error->{headers}{'content-type'}",
   '400 text/plain; charset=utf-8', 'an error is plain text');

done_testing();

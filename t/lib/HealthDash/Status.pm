package HealthDash::Status;

# What tests of the status share: a validator for the JSON, several answers of
# one moment, and readers for the page and the text that are strict about what
# they read.

use strict;
use warnings;

use Encode ();
use Exporter qw(import);
use File::Basename ();
use File::Spec ();
use JSON::PP ();
use Socket;
use Time::HiRes qw(time);

use HealthDash::Client ();
use HealthDash::Run qw(slow patience tmp_dir write_file read_more);

our @EXPORT_OK = qw(schema_errors schema_errors_of status_doc one_moment
                    connect_to
                    read_response html_tree html_find html_text html_rows
                    text_rows text_events run_command csv_rows csv_columns
                    csv_differences);

my $root = File::Spec->rel2abs(File::Basename::dirname(__FILE__)
                               . '/../../..');

# Debian's module is the system's python's

my $validator = <<'EOF_PYTHON';
import json, sys, jsonschema

def no_twin(pairs):
    keys = [key for key, value in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError("a key stands twice")
    return dict(pairs)

def no_constant(word):
    raise ValueError(word + " is no JSON")

with open(sys.argv[1]) as f:
    schema = json.load(f)

jsonschema.Draft202012Validator.check_schema(schema)
check = jsonschema.Draft202012Validator(schema)

for name in sys.argv[2:]:
    try:
        with open(name, "rb") as f:
            text = f.read().decode("utf-8", "strict")
        doc = json.loads(text, object_pairs_hook=no_twin,
                         parse_constant=no_constant)
        errors = ["/" + "/".join(map(str, e.absolute_path)) + ": " + e.message
                  for e in check.iter_errors(doc)]
    except ValueError as e:
        errors = [str(e)]
    print(json.dumps("; ".join(errors)[:300]))
EOF_PYTHON


# schema_errors(TEXT, ...): for each JSON text '' or what is wrong with it,
# by the schema of the status

sub schema_errors { return schema_errors_of('status', @_); }


# the same by docs/NAME.schema.json

sub schema_errors_of {
    my ($schema, @texts) = @_;
    my $dir = tmp_dir();
    my @files;

    write_file("$dir/validate.py", $validator);

    for my $text (@texts) {
        push @files, "$dir/json" . @files;
        write_file($files[-1], $text);
    }

    my ($rc, $out) = run_command('/usr/bin/python3', "$dir/validate.py",
                                 "$root/docs/$schema.schema.json", @files);

    die "the validator failed, is python3-jsonschema installed? $out\n"
        if $rc;

    my @list = map { JSON::PP->new->allow_nonref->decode($_) }
               split /\n/, $out;

    die "the validator said too little: $out\n" if @list != @texts;

    return wantarray ? @list : $list[0];
}


# run_command(PROGRAM, ARGUMENT, ...): (exit code, output and errors)

sub run_command {
    my (@command) = @_;
    my $pid = open(my $fh, '-|') // die "fork() failed: $!\n";

    if ($pid == 0) {
        HealthDash::Run::in_child();
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    my $out = do { local $/; <$fh> } // '';

    close $fh;

    return ($? >> 8 || $? & 127, $out);
}


# status_doc(PORT, PATH): (decoded JSON, its text)

sub status_doc {
    my ($port, $path) = @_;

    $path //= '/status?format=json';

    my $text = HealthDash::Client::http_get($port, $path)->{body};

    return (eval { JSON::PP->new->utf8->decode($text) } // {}, $text);
}


# one_moment(PORT, ...): { html, text, csv, json, doc } of one moment: the JSON
# is asked for before and after the others, in one go, and must not have
# changed.

sub one_moment {
    my ($port, $path) = @_;
    my $end = time() + patience() * slow();

    $path //= '/status';

    while (time() < $end) {
        my $fh = connect_to($port);
        my @formats = qw(json html text csv json);
        my @body;

        syswrite $fh, join '', map { "GET $path?format=$_ HTTP/1.1\r\n"
                                     . "Host: localhost\r\n\r\n" } @formats;

        my $left = '';

        for (@formats) {
            my $response = read_response($fh, \$left) // last;
            push @body, $response->{body};
        }

        next if @body != 5;
        next if settled($body[0]) ne settled($body[4]);

        return { json => $body[0], html => $body[1], text => $body[2],
                 csv => $body[3],
                 doc => JSON::PP->new->utf8->decode($body[0]) };
    }

    die "the status never stood still\n";
}


# without what moves with the clock alone

sub settled {
    my ($json) = @_;

    $json =~ s/"time":"[^"]*"//;
    $json =~ s/"text":"no result for [^"]*"//g;
    $json =~ s/"next":"[^"]*"//g;
    $json =~ s/"(?:known|availability)":\{[^{}]*\}//g;
    $json =~ s/"explain":\[[^\[\]]*\]//g;

    return $json;
}


sub connect_to {
    my ($port, %arg) = @_;

    socket my $fh, PF_INET, SOCK_STREAM, 0 or die "socket() failed: $!\n";
    setsockopt $fh, SOL_SOCKET, SO_RCVTIMEO,
               pack 'l!l!', patience() * slow(), 0;
    setsockopt $fh, SOL_SOCKET, SO_RCVBUF, $arg{buffer} if $arg{buffer};
    connect $fh, pack_sockaddr_in($port, INADDR_LOOPBACK)
        or die "connect() failed: $!\n";

    return $fh;
}


# the next response of a connection; it must carry its length

sub read_response {
    my ($fh, $in) = @_;
    my $size;

    until ($size = HealthDash::Client::response_size($$in)) {
        read_more($fh, $in) or return;
    }

    return HealthDash::Client::parse_response(substr($$in, 0, $size, ''),
                                              'GET');
}


# html_tree(BYTES): the page as nested { tag, attr, children }; a child is such
# a node or a text.  Dies, with the place, at whatever is not well-formed: a
# tag that is not closed, an attribute without quotes or given twice, a "<" or
# "&" that is neither a tag nor a reference, a byte that is no UTF-8, a
# character that no page should hold.

my %void = map { $_ => 1 } qw(meta link br hr img input);
my %known = map { $_ => 1 } qw(html head meta link title style script noscript
    body svg symbol path circle use header p main section h1 h2 h3 ul ol li b
    span time nav a div table caption thead tbody tr th td dl dt dd code pre
    small details summary footer);
my %entity = (amp => '&', lt => '<', gt => '>', quot => '"', '#39' => "'",
              middot => "\xb7", '#10' => "\n");

my $unfit = qr/([\x00-\x09\x0b-\x1f\x7f-\x9f]
                |[\x{61c}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}])/x;

sub html_tree {
    my ($bytes) = @_;
    my $text = eval { Encode::decode('UTF-8', $bytes, Encode::FB_CROAK) }
               // die "the page is no UTF-8\n";
    my $tree = { tag => '', attr => {}, children => [] };
    my @open = ($tree);

    die "a character that no page should hold: "
        . sprintf("U+%04X\n", ord $1)
        if $text =~ $unfit;

    $text =~ s/^<!doctype html>\n// or die "there is no doctype\n";

    pos($text) = 0;

    while (pos($text) < length $text) {
        my $top = $open[-1];
        my $near = sub { "$_[0], near: "
                         . Encode::encode('UTF-8', substr $text, pos($text),
                                          60) . "\n" };

        if ($top->{tag} =~ /^(?:style|script)$/
            && $text =~ m{\G((?:(?!</$top->{tag}>).)+)}gcs)
        {
            push @{ $top->{children} }, $1;

        } elsif ($text =~ /\G([^<>&]+|&(?:amp|lt|gt|quot|\#39|\#10|middot);)/gc) {
            push @{ $top->{children} }, entity($1);

        } elsif ($text =~ m{\G</([a-z0-9]+)>}gc) {
            die $near->("</$1> closes <$top->{tag}>") if $1 ne $top->{tag};
            pop @open;

        } elsif ($text =~ m{\G<([a-z][a-z0-9]*)((?:\s[a-zA-Z:-]+="[^"<>]*")*)
                            (/?)>}gcx)
        {
            my ($tag, $attr, $closed) = ($1, $2, $3);

            die $near->("unknown tag <$tag>") if !$known{$tag};

            my $node = { tag => $tag, children => [],
                         attr => attributes($attr) };

            push @{ $top->{children} }, $node;
            push @open, $node if !$closed && !$void{$tag};

        } else {
            die $near->('what is this');
        }
    }

    die "<$open[-1]{tag}> is never closed\n" if @open > 1;

    return $tree;
}


sub attributes {
    my ($text) = @_;
    my %attr;

    while ($text =~ /\s([a-zA-Z:-]+)="([^"]*)"/g) {
        my ($name, $value) = ($1, $2);

        die "attribute $name stands twice\n" if exists $attr{$name};
        die "attribute $name is not allowed\n" if $name =~ /^(?:on|style$)/;
        die "a raw & in attribute $name\n"
            if $value =~ /&(?!(?:amp|lt|gt|quot|#39);)/;
        $attr{$name} = entity($value);
    }

    return \%attr;
}


sub entity {
    my ($text) = @_;

    $text =~ s/&(\w+|#39|#10);/$entity{$1}/g;

    return $text;
}


# html_find(NODE, 'td') or (NODE, 'td.why'): all such nodes below, in order

sub html_find {
    my ($node, $what) = @_;
    my ($tag, $class) = split /\./, $what;
    my @list;

    for my $child (grep { ref } @{ $node->{children} }) {
        push @list, $child
            if (!length $tag || $child->{tag} eq $tag)
               && (!defined $class
                   || grep { $_ eq $class }
                           split ' ', $child->{attr}{class} // '');
        push @list, html_find($child, $what);
    }

    return @list;
}


# the text of a node; without => 'small|pre' leaves such children out

sub html_text {
    my ($node, %arg) = @_;
    my $text = '';
    my $without = $arg{without} // '-';

    return $node if !ref $node;
    return '' if $node->{tag} =~ /^(?:$without)$/;

    $text .= html_text($_, %arg) for @{ $node->{children} };

    return $text;
}


# html_rows(TREE): { 'app' => [ ROW, ... ], services => [ ROW, ... ] }, servers
# in the order of nginx's list.  A row:
#
#   id                        of its element
#   health, age, since        the first column
#   name, notes               the second
#   nginx, colour             servers only
#   result, streak            "not probed" and so on as result, too
#   latency, available
#   checks, failed, ...       what opening it tells: see %fact
#   say                       the sentences there
#   list                      rows of a server's checks

my %fact = (
    checks => 'Checks', failed => 'Failed', inconclusive => 'Inconclusive',
    withheld => 'Would have been taken out', max => 'Slowest',
    next => 'Next probe', worker => 'Worker', tls => 'TLS', value => 'Value',
    passive => 'Passive failures', downs => 'Went down', p50 => 'Median', p95 => '95 % within',
    p99 => '99 % within',
    map { ("available_$_" => "Available $_") } qw(1h 24h 7d 30d 90d),
);

sub html_rows {
    my ($tree) = @_;
    my ($name, %all);

    for my $table (map { html_find($tree, "table.$_") } qw(peers services)) {
        my ($caption) = html_find($table, 'caption');
        my $nginx = grep { html_text($_) eq 'nginx' } html_find($table, 'th');

        # of a long page, one without a caption goes on

        $name = $nginx ? html_text((html_find($caption, 'b'))[0]) : 'services'
            if $caption || !$nginx;

        push @{ $all{$name} }, map { html_body($_, $nginx) }
                               html_find($table, 'tbody.row');
    }

    for my $card (html_find($tree, 'div.card')) {
        my %in = map { ($_->{attr}{id} => 1) } html_find($card, 'tbody.row');

        $_->{group} = $card->{attr}{'data-group'}
            for grep { $in{$_->{id}} } map { @$_ } values %all;
    }

    for my $name (keys %all) {
        $all{$name} = [ sort { peer_number($a) <=> peer_number($b) }
                        @{ $all{$name} } ];
    }

    return \%all;
}


sub peer_number { return $_[0]{id} =~ /p(\d+)$/ ? $1 : 0 }


sub html_body {
    my ($body, $nginx) = @_;
    my ($first, @checks) = grep { ref } @{ $body->{children} };
    my $more = pop @checks;
    my @facts = map { html_facts($_) } html_find($more, 'dl.facts');
    my @say = map { html_text($_) } html_find($more, 'p.say');
    my @phases = map { /^Last probe: (.*)/ ? $1 : () }
                 map { html_text($_) } html_find($more, 'div.phases');
    my $row = html_row($first, $nginx);

    $row->{id} = $body->{attr}{id};

    if (!@checks) {
        @$row{keys %{ $facts[0] }} = values %{ $facts[0] };
        $row->{say} = $say[0];
        $row->{phases} = $phases[0];

    } else {
        $row->{list} = [ map { html_row($_, $nginx) } @checks ];

        for my $i (0 .. $#checks) {
            my $check = $row->{list}[$i];

            @$check{keys %{ $facts[$i] }} = values %{ $facts[$i] };
            $check->{say} = $say[$i];
            $check->{phases} = $phases[$i] if @phases == @checks;
        }
    }

    return $row;
}


sub html_facts {
    my ($list) = @_;
    my (%said, %facts);

    for my $div (grep { ref } @{ $list->{children} }) {
        my ($dt, $dd) = map { html_text($_) } @{ $div->{children} };

        $said{$dt} = $dd;
    }

    $facts{$_} = $said{ $fact{$_} } for keys %fact;
    $facts{$_} //= '-' for qw(max p50 p95 p99);
    $facts{inconclusive} //= 0;

    return \%facts;
}


sub html_row {
    my ($tr, $nginx) = @_;
    my @cells = grep { ref } @{ $tr->{children} };
    my %row;

    my ($time) = html_find($cells[0], 'time');

    $row{health} = html_text((html_find($cells[0], 'span.s'))[0]);
    $row{age} = $time ? html_text($time) =~ s/^for //r : '-';
    $row{since} = $time && $time->{attr}{datetime};

    $row{name} = html_text($cells[1], without => 'small|span') =~ s/\s+$//r;
    $row{pills} = join ', ', map { html_text($_) }
                             html_find($cells[1], 'span.pill');
    ($row{link}) = map { $_->{attr}{href} } html_find($cells[1], 'a');
    $row{notes} = join ', ', map { html_text($_) }
                             html_find($cells[1], 'small');

    splice @cells, 0, 2;

    if ($nginx) {
        my ($pill) = html_find($cells[0], 'span.pill');

        $row{colour} = $pill && $pill->{attr}{class} =~ s/^pill //r;
        $row{nginx} = html_text(shift @cells);
    }

    my $why = shift @cells;

    $row{result} = html_text((html_find($why, 'span.r'))[0]);
    $row{streak} = join '', map { html_text($_) } html_find($why, 'small');

    return \%row if !@cells;

    $row{latency} = html_text((html_find($cells[0], 'span'))[0]);
    $row{available} = html_text($cells[2], without => 'small') =~ s/\s+$//r;

    return \%row;
}


# text_rows(TEXT): the same of the plain text; what it does not say is missing.
# The first line is in ->{''}.

sub text_rows {
    my ($text) = @_;
    my %all;
    my ($list, $group);

    ($all{''}, my @lines) = split /\n/, Encode::decode('UTF-8', $text);

    for my $line (@lines) {

        if ($line =~ /^upstream (.*): (\w+), (.* in service)$/) {
            $list = $all{$1} = [];
            next;
        }

        if ($line =~ /^services(?:, (.*))?$/) {
            $list = $all{services} //= [];
            $group = $1 // '';
            next;
        }

        if ($line =~ /^ {6}(\S.*)$/) {
            push @{ $list->[-1]{explain} }, $1;
            next;
        }

        last if $line eq 'events, newest first';

        next if $line !~ /^[ !?] (\w+) +(.*)$/ || $line =~ /^  PROBE /;

        my $row = text_row($1, $2) // die "no row of the table: $line\n";

        $row->{mark} = substr $line, 0, 1;
        $row->{group} = $group;

        if ($row->{name} =~ s/^- //) {
            push @{ $list->[-1]{list} }, $row;
        } else {
            push @$list, $row;
        }
    }

    return \%all;
}


# text_events(TEXT): its events: [ time, sentence ], ...

sub text_events {
    my ($text) = @_;

    $text =~ s/^.*?^events, newest first\n//ms or return;

    return map { /^  (\S+Z)  (.*)$/ ? [ $1, $2 ] : () }
           split /\n/, Encode::decode('UTF-8', $text);
}


sub text_row {
    my ($health, $rest) = @_;
    my %row = (health => $health);
    my $unit = qr/(?:d|h|min|s)/;
    my $age = qr/(?:-|\d+ $unit(?: \d+ $unit)?)/;
    my $latency = qr/(?:-|[\d.]+ m?s)/;
    my $next = qr/(?:-|now|overdue|in [\d.]+ $unit(?: \d+ $unit)?)/;
    my $conns = qr{ {2,}((?:-|\d+)(?:/\d+)?)$};

    if ($rest =~ /^(.*?) {2,}(.*?) {2,}(not probed|the worst of \d+ checks)$/)
    {
        @row{qw(name nginx result)} = ($1, $2, $3);
        $row{conns} = $1 if $row{nginx} =~ s/$conns//;
        return \%row;
    }

    my $percent = qr/(?:-|[\d.]+ %)/;

    $rest =~ /^(.*?)\s+($age)\s+($latency)\s+(\d+)\s+(\d+)\s+($percent)\s+
               ($percent)\s+($next)\s+(.*)$/x or return;

    @row{qw(age latency checks failed day month next)}
        = ($2, $3, $4, $5, $6, $7, $8);

    my ($front, $last) = ($1, $9);

    my $count = qr/(?:before that )?\d+ (?:of \d+ )?/;
    my $what = qr/(?:failures?|(?:clean )?pass(?:es)?)(?:, held .*)?/;

    # what stands in small print on the page

    $row{small} = $last =~ s/ \[((?:TLS|answer: |-?\d).*)\]$// ? $1 : '';

    $row{streak} = $last =~ s/, ($count$what)$// ? $1 : '';
    $row{result} = $last;

    ($row{name}, my $second) = split / {2,}/, $front, 2;
    $second //= '';
    $row{conns} = $1 if $second =~ s/$conns//;
    $row{nginx} = $row{address} = $second;

    return \%row;
}


# csv_rows(TEXT): the lines of CSV after the first one, by its names; dies
# where RFC 4180 is not kept, strictly: no line feed alone, no quote inside of
# a cell without quotes, all lines of one length.  A text is a string, and what
# stands alone is { bare => ... }.

sub csv_rows {
    my ($text) = @_;
    my @lines;

    while (length $text) {
        my @cells;

        while (1) {
            if ($text =~ s/^"((?:[^"\r\n]|"")*)"//) {
                my $cell = $1 =~ s/""/"/gr;

                push @cells, Encode::decode('UTF-8', $cell,
                                            Encode::FB_CROAK());
            } elsif ($text =~ s/^([^",\r\n]*)//) {
                push @cells, { bare => $1 };
            }

            next if $text =~ s/^,//;
            last if $text =~ s/^\r\n//;
            die 'no CSV: ' . substr($text, 0, 80) . "\n";
        }

        push @lines, \@cells;
    }

    my @names = map { $_->{bare} } @{ shift @lines };

    for my $line (@lines) {
        my %row;

        die @$line . ' cells for ' . @names . " columns\n"
            if @$line != @names;

        @row{@names} = @$line;
        $line = \%row;
    }

    return @lines;
}


# csv_columns(): by docs/status.md: [ column, way in the JSON or '', unit,
# meaning ], ...

sub csv_columns {
    open my $fh, '<', "$root/docs/status.md"
        or die "cannot open docs/status.md: $!\n";

    my ($table) = do { local $/; <$fh> }
                  =~ /^\| column \| in JSON .*\n\|[-|]+\n((?:\|.*\n)+)/m
        or die "docs/status.md has no table of columns\n";

    return map { [ /^\| `(\w+)` \| (?:`([\w.]+)`)? \| (\S*) ?\| (.+) \|$/
                   ? ($1, $2 // '', $3, $4)
                   : die "no line of the table: $_\n" ] }
           split /\n/, $table;
}


# csv_differences(TEXT, DOC): where CSV and JSON of one moment differ

sub csv_differences {
    my ($text, $doc) = @_;
    my @rows = csv_rows($text);
    my (@all, @list);

    for my $u (keys %{ $doc->{upstreams} }) {
        for my $peer (@{ $doc->{upstreams}{$u}{peers} }) {
            push @all, map { { upstream => $u, json => { %$peer, %$_ } } }
                       @{ $peer->{checks} // [ $peer ] };
        }
    }

    push @all, map { { json => { name => $_, %{ $doc->{services}{$_} } } } }
               keys %{ $doc->{services} };

    push @list, 'there are ' . @rows . ' lines for ' . @all if @rows != @all;

    for my $one (@all) {
        my ($found) = grep { csv_is_row($_, $one) } @rows;

        push @list, $found ? csv_row_differences($found, $one->{json})
                           : "$one->{json}{name} is not in it";
    }

    return @list;
}


sub csv_is_row {
    my ($row, $one) = @_;
    my $j = $one->{json};

    return cell($row->{kind}) eq (defined $j->{id} ? 'server' : 'service')
           && cell($row->{upstream}) eq ($one->{upstream} // '')
           && cell($row->{name}) =~ /^'?\Q$j->{name}\E$/
           && cell($row->{id}) eq ($j->{id} // '')
           && (!exists $j->{probe}
               || cell($row->{probe}) eq ($j->{probe} // '')
                  && cell($row->{type}) eq $j->{type}
                  && cell($row->{phase_total}) eq ($j->{phases}{total} // ''));
}


sub csv_row_differences {
    my ($row, $facts) = @_;
    my @list;

    for (csv_columns()) {
        my ($column, $way) = @$_;
        my $want = $facts;

        next if $way eq '';

        for my $key (split /\./, $way) {
            $want = ref $want eq 'HASH' ? $want->{$key} : undef;
        }

        # the JSON has these of a service, or of one of several checks

        next if !exists $facts->{$column} && $column =~ /^(?:type|probe|group
                                                    |description|link
                                                    |critical)$/x;

        my $is = cell($row->{$column});

        $want = !defined $want ? ''
                : ref $want eq 'ARRAY' ? join ' ', @$want
                : JSON::PP::is_bool($want) ? ($want ? 'true' : 'false') : $want;
        $is =~ s/^'(?=[=+\-@\x{ff1d}])//;

        push @list, "$facts->{name}: $column is \"$is\", not \"$want\""
            if !csv_same($column, $is, $want);
    }

    return @list;
}


# what moves with the clock may have moved by a little

sub csv_same {
    my ($column, $is, $want) = @_;

    return $is eq $want if $column !~ /^(?:next|known|availability)/
                           || $is eq '' || $want eq '';
    return abs($is - $want) < 10 if $column ne 'next';

    my ($x, $y) = map { /T(\d+):(\d+):(\d+\.\d+)Z$/
                        ? ($1 * 60 + $2) * 60 + $3 : -1000 } $is, $want;

    return abs($x - $y) < 1 || abs($x - $y) > 86399;
}


sub cell { return ref $_[0] ? $_[0]{bare} : $_[0]; }


1;

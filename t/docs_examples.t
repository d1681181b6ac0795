#!/usr/bin/perl

# Tests for what README.md and docs/ say: each example of a configuration is
# accepted by "nginx -t", and docs/directives.md names every directive,
# parameter and reason of the source, with its default, and no other.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $top = "$FindBin::Bin/..";
my $source = "$top/ngx_http_healthdash_module";
my @docs = ("$top/README.md", glob "$top/docs/*.md");


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or die "cannot open $file: $!\n";
    local $/;
    return <$fh>;
}


# Examples

# blocks that are indented or fenced: [ line, text ]

sub blocks {
    my ($text) = @_;
    my ($n, $fence, @list) = (0, 0);
    my $open = 0;

    for (split /\n/, $text) {
        $n++;

        if (/^```/) {
            $fence = !$fence;
            $open = 0;

        } elsif ($fence || /^    / || ($open && !/\S/)) {
            push @list, [ $n, '' ] if !$open;
            $open = 1;
            $list[-1][1] .= "$_\n";

        } else {
            $open = 0;
        }
    }

    for (@list) {
        $_->[1] =~ s/^    //mg;
        $_->[1] =~ s/\s*\z/\n/;
    }

    return @list;
}


# something nginx could read: a line ends with ";" or a brace, and it is no JSON

sub is_conf {
    my ($text) = @_;

    return $text !~ /^\s*[{\[]/ && $text =~ /[;{}][ \t]*(?:\#.*)?$/m
           && $text =~ /;/;
}


# the words that begin a statement outside of any braces, with " {" for a block

sub statements {
    my ($text) = @_;
    my ($depth, $begin, @list) = (0, 1);

    while ($text =~ /\G(?: \s+ | \#[^\n]* | ("(?:\\.|[^"])*")
                     | ([{};]) | ((?:\\.|[^\s{};"])+) )/gcx)
    {
        if (defined $3) {
            push @list, $3 if !$depth && $begin;
            $begin = 0;

        } elsif (defined $2) {
            $list[-1] .= ' {' if $2 eq '{' && !$depth;
            $depth += { '{' => 1, '}' => -1, ';' => 0 }->{$2};
            $begin = 1;
        }
    }

    return @list;
}


# a fragment with what it needs around it

sub wrapped {
    my ($text) = @_;
    my %word = map { $_ => 1 } statements($text);
    my $servers = join '', map { "server 127.0.0.1:$_;\n" } 1 .. 4;

    # the test library loads the module itself

    $text =~ s/^load_module[^\n]*\n//m;

    return $text if $word{'http {'};

    $text = "location / {\n$text}\n"
        if $word{healthdash_status} || $word{healthdash_live}
           || $word{healthdash_ready}
           || $word{healthdash_heartbeat};
    $text = "server {\n$text}\n" if grep { /^location/ }
                                    statements($text);
    $text = "upstream app {\n$servers$text}\n"
        if $word{healthdash_check};
    $text = "healthdash_probe example {\n$text}\n"
        if $word{expect} || $word{warn};

    $text = "upstream app { $servers }\n$text"
        if $text =~ m{http://app\b} && $text !~ /upstream app\b/;

    return "http {\n$text}\n";
}


# what is somewhere else on the reader's machine: files, names, ports

sub localized {
    my ($text) = @_;
    my ($ca, $cert) = (tls_ca(), tls_cert());
    my $secret = tmp_dir() . '/secret';
    my $n = 0;

    open my $fh, '>', $secret or die "cannot write $secret: $!\n";
    print $fh "secret\n";
    close $fh;
    chmod 0600, $secret, $cert->{key};

    $text =~ s/@[\w.\/]+/\@$secret/g;
    $text =~ s/\bca([ =]+)[\w.\/]+\.pem/ca$1$ca->{cert}/g;
    $text =~ s/\bcert([ =]+)[\w.\/]+\.pem/cert$1$cert->{cert}/g;
    $text =~ s/\bkey([ =]+)[\w.\/]+\.key/key$1$cert->{key}/g;
    $text =~ s/^\s*(?:listen|error_log|access_log)\s[^;]*;//mg;
    $text =~ s/\b(server\s*\{)/"$1 listen 127.0.0.1:%%PORT_w" . $n++ . '%%;'/ge;

    return $text;
}


my $t = HealthDash->new(http => '');
my $examples = 0;

for my $file (@docs) {
    my $name = $file =~ s{^.*/}{}r;

    for my $block (blocks(slurp($file))) {
        my ($line, $text) = @$block;

        next if !is_conf($text);

        $examples++;

        # older versions of nginx do not know the word

        next if $text =~ /\bresolve;/
                && !HealthDash::is_since(HealthDash::nginx_binary(), '1.27.3');

        my ($rc, $out) = $t->conf_test(localized(wrapped($text)));
        my @said = $out =~ /^nginx: (\[(?:warn|emerg)\].*)$/mg;

        # an example that warns says so

        @said = grep { !/^\[warn\]/ } @said if $text =~ /\# \[warn\]/;

        is_deeply([ $rc, @said ], [ 0 ], "$name:$line is accepted")
            or diag("$text\n$out");
    }
}

cmp_ok($examples, '>', 40, "$examples examples were found");


# Names

# rows of a table in the source

sub table {
    my ($file, $name) = @_;

    slurp("$source/$file") =~ /\Q$name\E\[\w*\] = \{\n(.*?)\n\};/s
        or die "$file has no table $name\n";

    return split /^(?=\s*(?:\{ ngx_string|\[\w+\] =))/m, $1;
}


# name => row

sub named { return map { /\{ ngx_string\("(\w+)"\)/ ? ($1 => $_) : () } @_; }

my %directive = named(table('ngx_http_healthdash_module.c',
                            'ngx_http_healthdash_commands'));
my %param = named(table('ngx_http_healthdash_table.c',
                        'ngx_http_healthdash_params'));
my %line = named(table('ngx_http_healthdash_line.c',
                       'ngx_http_healthdash_lines'));

my $manual = slurp("$top/docs/directives.md");

# each section by its heading

my %section = $manual =~ /^(##+ \w+)\n(.*?)(?=^\#\#|\z)/msg;

for my $name (sort keys %directive) {
    my $text = $section{"## $name"} // '';

    like($text, qr/Syntax: `\Q$name\E\b/, "$name: a section with its syntax");
    like($text, qr/Context:\s+`\w+`/, 'and its context');
    like($text, qr/Default: /, 'and its default');
    like($text, qr/^    .*\b$name\b/m, 'and an example');
}

for my $name (sort keys %param, keys %line) {
    my $text = $section{"### $name"};

    ok(defined $text, "$name has a section") or next;

    # what stands before the sentence

    my ($initial) = ($param{$name} // '') =~ /(?:"([^"]*)"|NULL),\n\s+"/;

    if (defined $initial) {
        like($text, qr/Default `\Q$initial\E`/, "$name: default $initial");

    } else {
        like($text, qr/default|off without/i, "$name: what holds without it");
    }

    like($text, qr/^    .*\b$name\b/m, "$name: an example")
        if ($param{$name} // '') !~ /HEALTHDASH_NO_TYPE/;
}

is_deeply([ grep { !$directive{s/\W//gr} } grep { /^## health/ }
            sort keys %section ], [], 'no section is about a directive that'
          . ' does not exist');
is_deeply([ grep { !$param{s/\W//gr} && !$line{s/\W//gr} }
            grep { /^### [a-z]/ } sort keys %section ], [],
          'nor about a parameter');

# words of a query, of a header, one that stands for all, and what directives
# about all probes take

my %other = map { $_ => 1 } qw(format upstream service health history events
                               color charset name last_event_id row rows
                               check inflight per_address sentinel hold);

for my $file (@docs) {
    my $text = slurp($file);
    my $name = $file =~ s{^.*/}{}r;

    is_deeply([ grep { !$directive{$_} }
                $text =~ /(?<![\w\/])(healthdash_[a-z]+)\b/g ], [],
              "$name: no directive is made up");
    is_deeply([ grep { !$param{$_} && !$other{$_} }
                $text =~ /(?<![\w&?%])([a-z_]+)=(?!=)[\w`@\/]/g ], [],
              "$name: no parameter is made up");
    is_deeply([ grep { !-e "$source/$_" }
                $text =~ /(?<![\w\/])(ngx_h\w+\.[ch])\b/g ], [],
              "$name: no file of the source is made up");
}


# Reasons

my %reason = map { /"(\w+)", "(\w+)", "([^"]+)"/ ? ($2 => "$1: $3") : () }
             table('ngx_hd_reason.c', 'ngx_hd_reasons');

delete $reason{none};

my %told = map { /^\| `(\w+)` \| `(\w+)` \| ([^|]+) \|$/
                 ? ($2 => "$1: $3") : () }
           split /\n/, $manual;

cmp_ok(scalar keys %reason, '>', 30, 'the reasons were found');
is_deeply(\%told, \%reason, 'the table of reasons is that of the source');

my ($codes) = slurp("$top/docs/status.schema.json")
              =~ /"Stable word",\s*"enum": \[(.*?)\]/s;

is_deeply([ sort $codes =~ /"(\w+)"/g ], [ sort 'stale', keys %reason ],
          'and so is the list in the schema of the status');


# Subjects and operators of conditions

my $subjects = slurp("$source/ngx_hd_match_parse.c");

while ($subjects =~ /\.name = ngx_string\("(\w+)"\).*?\.ops_text = "([^"]+)"/sg)
{
    my ($subject, @ops) = ($1, split /, | or /, $2);
    my ($row) = $manual =~ /^\| `$subject\b[^`]*` \| (.*?) \|/m;
    my @said = ($row // '') =~ /`([^`]+)`/g;

    is_deeply(\@said, \@ops, "$subject: the operators");
}

done_testing();

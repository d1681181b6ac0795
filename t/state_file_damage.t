#!/usr/bin/perl

# Tests for a state file that is of no use, and for what lies there in its
# place: nginx starts, says so in one line, keeps what was there, and writes the
# file anew.  "nginx -t" changes nothing, and says which folder will not do.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use POSIX qw(mkfifo);

my $b = backend('b');
my $dir = tmp_dir() . '/state';
my $file = "$dir/file";
my @nobody = $> == 0 ? (getpwnam('nobody'))[2, 3] : ($>, $) + 0);

sub conf {
    my ($name) = @_;

    return "healthdash_state_file $name;\n" . <<'EOC';
    healthdash_service b http://%%ADDR_b%%/ interval=300ms;
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location /text { healthdash_status text; }
    }
EOC
}

my $t = HealthDash->new(user => $> == 0 ? 'nobody ' . getgrgid $nobody[1]
                                        : undef, http => conf($file));

sub own { return $> == 0 ? chown(@nobody, @_) : 1; }

sub slurp { return HealthDash::slurp($_[0]) }

sub put {
    my ($data) = @_;

    unlink $file;
    HealthDash::Run::write_file($file, $data);
    chmod 0600, $file;
    own($file);
}

chmod 0755, tmp_dir();


# the folder

sub folder_error {
    my ($conf) = @_;
    my ($rc, $out) = $t->conf_test("http {\n" . conf($conf // $file) . "}\n");

    return $rc ? $out =~ /\[emerg\] (?:\d+#\d+: )?(.*)/ ? $1 : $out : '';
}

my $hint = qr/, expected one as made by "install -d -m 700.* \Q$dir\E"/;

like(folder_error(), qr/^healthdash_state_file: the folder "\Q$dir\E" cannot (?#
     )be used \(2:.*\)$hint in \S+:\d+$/, 'a folder that is missing');

mkdir $dir or die "mkdir() failed: $!\n";
chmod 0755, $dir;

SKIP: {
    skip 'only root can judge for others', 4 if $> != 0;

    like(folder_error(), qr/is not writable for the worker processes$hint/,
         'a folder of root');
    like(folder_error(), qr/ -o nobody /, 'whose it should be');

    chmod 0775, $dir;
    is(folder_error(), '', 'one of a group may be theirs');
    chmod 0755, $dir;
    own($dir);
    is(folder_error(), '', 'one of their own');
}

is_deeply([ glob "$dir/*" ], [], 'nothing was made');


# a good file to spoil

sub start_stop {
    my ($what) = @_;
    my $mark = $t->log_mark;

    $t->start;
    ok(wait_until(sub {
        my $json = hd_json($t);
        return ($json->{services}{b}{health} // '') eq 'up';
    }, 20), "$what: nginx works");

    my $json = hd_json($t);

    $t->stop;

    my @lines = grep { /state file/ } split /\n/, $t->log($mark);

    return ($json, @lines);
}

my ($json, @lines) = start_stop('no file');

is_deeply(\@lines, [], 'no file: nothing to say');
is($json->{state_file}{restored}, undef, 'nothing is known');

my $good = slurp($file);

is((stat $file)[4], $nobody[0], 'the file is of the workers\' user');


my %head = map { $_ => substr $good, 0, $_ } 4, 50;
my $flip = $good;

substr($flip, 40, 1) ^= "\x01";

my $record = $good;

substr($record, 3000, 1) ^= "\x80";

for ([ 'empty', '', qr/is empty/ ],
     [ 'text', "hello\n", qr/is no state file/ ],
     [ 'cut in the head', $head{50}, qr/is cut off/ ],
     [ 'cut in the word', $head{4}, qr/is cut off/ ],
     [ 'cut in a record', substr($good, 0, 1000), qr/is cut off, 0 of 1/ ],
     [ 'cut in events', substr($good, 0, length($good) - 10),
       qr/is cut off, 1 of 1/ ],
     [ 'a bit of the head', $flip, qr/is damaged/ ],
     [ 'a bit of the record', $record, qr/is damaged, 0 of 1/ ],
     [ 'another version', substr($good, 0, 12) . "\xff" . substr($good, 13),
       qr/was written by another version/ ])
{
    my ($what, $data, $re) = @$_;

    put($data);
    unlink "$file.bad";

    my ($rc) = $t->conf_test;

    is($rc, 0, "$what: nginx -t does not mind");
    is(slurp($file), $data, 'and changes nothing');

    my (undef, @said) = start_stop($what);

    is(@said, 1, "$what: one line") or diag(join "\n", @said);
    like($said[0], qr/\[warn\].*$re.*it is kept as "\Q$file.bad\E"/, 'says why');
    is(slurp("$file.bad"), $data, 'it is kept');
    like(slurp($file), qr/^HDstate\n/, 'and written anew');
    is_deeply([ glob "$dir/*" ], [ $file, "$file.bad" ], 'nothing else is');
}

unlink "$file.bad";


# of another user, and open to all

put($good);
chmod 0602, $file;
like((start_stop('open'))[1], qr/can be written by everyone/, 'it is not read');

SKIP: {
    skip 'only root can give files away', 4 if $> != 0;

    put($good);
    chown 12345, 12345, $file;
    like((start_stop('another user'))[1], qr/belongs to another user/,
         'it is not read');
    is((stat "$file.bad")[4], 12345, 'but kept');
}

unlink "$file.bad";


# no file at all: it is left alone, and the status says that nothing is written

for ([ 'a folder', sub { mkdir $_[0] }, sub { rmdir $_[0] }, qr/is a folder/ ],
     [ 'a link', sub { put($good); rename $_[0], "$_[0].x";
                       symlink "$_[0].x", $_[0] },
       sub { unlink $_[0], "$_[0].x" }, qr/is a symbolic link/ ],
     [ 'a pipe', sub { mkfifo($_[0], 0600) }, sub { unlink $_[0] },
       qr/is no regular file/ ])
{
    my ($what, $make, $remove, $re) = @$_;

    unlink $file;
    $make->($file);

    my @was = lstat $file;
    my $mark = $t->log_mark;

    $t->start;
    ok(wait_until(sub { defined hd_json($t)->{state_file}{error} }, 20),
       "$what: the status has an error");
    is(hd_json($t)->{state_file}{error},
       'there is something that is no regular file', 'that says what it is');
    like(http_get(port('web'), '/text')->{body},
         qr/^The state file is not written: there is something/m,
         'as does the text');
    like(http_get(port('web'), '/status?format=html')->{body},
         qr/state file is not written: there is something/,
         'and the page');
    is(hd_json($t)->{services}{b}{health}, 'up', 'no target suffers');
    $t->stop;

    my @log = grep { /state file/ } split /\n/, $t->log($mark);

    is(@log, 2, 'two lines') or diag(join "\n", @log);
    like($log[0], $re, 'why it was not read');
    like($log[1], qr/is not written/, 'and why it is not written');
    is_deeply([ (lstat $file)[1, 2] ], [ @was[1, 2] ], 'it is as it was');
    ok(!-e "$file.bad", 'and where it was');

    $remove->($file);
}

done_testing();

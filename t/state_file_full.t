#!/usr/bin/perl

# Tests for a state file that cannot be written, on a disk that is full or with
# a limit on the size of files: the file there was stays whole, nothing is left
# beside it, no target suffers, the log has one line, and when there is room
# again it is written.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

use HealthDash::Run qw(at_end write_file);

my $b = backend('b');
my $targets = 60;

sub conf {
    my ($file) = @_;

    return "healthdash_state_file $file;\n"
           . join('', map { "healthdash_service s$_ http://%%ADDR_b%%/s$_ "
                            . "interval=500ms;\n" } 1 .. $targets)
           . <<'EOC';
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
    }
EOC
}

sub down {
    my ($json) = @_;

    return grep { $_->{health} ne 'up' } values %{ $json->{services} };
}


# what is so while it cannot be written

sub is_refused {
    my ($t, $file, $error) = @_;
    my $before = HealthDash::slurp($file);

    ok(wait_until(sub { defined hd_json($t)->{state_file}{error} }, 20),
       'the status has an error');

    my $json = hd_json($t);

    like($json->{state_file}{error}, $error, 'that says why');
    is(down($json), 0, 'no target suffers');
    is(http_get(port('web'), '/status?format=text')->{status}, 200,
       'nor does a client');
    is(HealthDash::slurp($file), $before, 'the file is as it was');
    is_deeply([ glob "$file*" ], [ length $before ? $file : () ],
              'and nothing beside it');

    my @lines = grep { /state file .* is not written/ } split /\n/, $t->log;

    is(@lines, 1, 'the log has one line');
    like($lines[0], qr/\[warn\].*$error/, 'with the reason');
}


# a file system of memory, nearly full

SKIP: {
    my $dir = tmp_dir() . '/full';

    mkdir $dir or die "mkdir() failed: $!\n";

    skip 'only root can mount', 14
        if $> != 0 || system("mount -t tmpfs -o size=2m none $dir 2>/dev/null");

    at_end { system "umount -l $dir" };

    my $file = "$dir/file";
    my $t = HealthDash->new(http => conf($file))->start;

    ok(wait_until(sub {
        my $json = hd_json($t);
        return $json->{state_file}{saved} && !down($json);
    }, 20), 'it is written while there is room');

    my $saved = hd_json($t)->{state_file}{saved};

    # to the last byte

    open my $fh, '>', "$dir/other" or die "open() failed: $!\n";

    1 while syswrite $fh, 'x' x 4096;
    close $fh;

    is_refused($t, $file, qr/cannot be written: No space left on device/);

    # those of a new configuration do not wait for half a minute

    unlink "$dir/other";
    ok($t->reload, 'nginx reloads');
    ok(wait_until(sub {
        my $state = hd_json($t)->{state_file};
        return !defined $state->{error} && $state->{saved} gt $saved;
    }, 20), 'when there is room it is written');
    ok($t->wait_log(qr/\[notice\].*state file .* is written again/, 5),
       'the log says so');

    my $mark = $t->log_mark;

    $t->stop->start;
    like($t->log($mark), qr/$targets of $targets targets are known/,
         'and it is good');
    $t->stop;
}


# a limit on files, which the log does not reach

{
    my $file = tmp_dir() . '/limited';
    my $wrapper = tmp_dir() . '/nginx';
    my $nginx = HealthDash::nginx_binary();

    write_file($wrapper, "#!/bin/bash\nulimit -f 100\nexec $nginx \"\$@\"\n");
    chmod 0755, $wrapper;

    local $ENV{HD_NGINX} = $wrapper;

    my $t = HealthDash->new(http => conf($file), log_level => 'warn')->start;

    ok(wait_until(sub { keys %{ hd_json($t)->{services} }
                        && !down(hd_json($t)) }, 20), 'with a limit');
    is_refused($t, $file, qr/cannot be written: File too large/);
    $t->stop;
    is_deeply([ glob "$file*" ], [], 'nor is there at the end');
}

done_testing();

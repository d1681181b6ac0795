#!/usr/bin/perl

# Tests for who writes the state file: one worker of all; when it is killed, or
# stopped for a while, another one goes on; a reload hands it on, also to
# another name; and nothing is ever left beside the file (A10).

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $b = backend('b');
my $file = tmp_dir() . '/file';

sub conf {
    my ($name, $port) = @_;

    $port //= 'web';

    return "http {\n    healthdash_state_file $name;\n" . <<"EOC";
    healthdash_service s1 http://%%ADDR_b%%/1 interval=100ms timeout=90ms;
    healthdash_service s2 http://%%ADDR_b%%/2 interval=100ms timeout=90ms;
    server {
        listen 127.0.0.1:%%PORT_$port%%;
        location /status { healthdash_status; }
    }
}
EOC
}

my $t = HealthDash->new(workers => 2, conf => conf($file))->start;

# of when the file is: wall clock, msec, from its head

sub saved {
    my ($name) = @_;
    my $head = HealthDash::slurp($name // $file);

    return length $head >= 48 ? unpack 'q', substr $head, 40, 8 : 0;
}

sub goes_on {
    my ($name) = @_;
    my $was = saved($name);

    return wait_until(sub { saved($name) > $was }, 20, 'the next writing');
}

ok(goes_on(), 'the file is written');

# one of the two workers is the writer: of one nginx each is stopped, of another
# one each is killed

my $second = HealthDash->new(workers => 2, conf => conf("$file.2", 'other'))
             ->start;

for my $i (0, 1) {
    my $pid = ($t->worker_pids)[$i];

    kill 'STOP', $pid;
    $second->kill_worker(pid => ($second->worker_pids)[$i]);

    my %was = map { $_ => saved($_) } $file, "$file.2";

    ok(wait_until(sub { saved() > $was{$file} }, 20),
       "worker $i is stopped: it goes on");
    ok(wait_until(sub { saved("$file.2") > $was{"$file.2"} }, 20),
       "worker $i is killed: it goes on");
    kill 'CONT', $pid;
}

$second->stop;
unlink "$file.2";

is_deeply([ glob "$file*" ], [ $file ], 'nothing is left beside it');


# all at once, again and again: what is there is whole

my $checks = 0;
my $lost = 0;
my $cut = 0;

for my $i (1 .. 5) {
    wait_until(sub { saved() > 0
                     && (hd_json($t)->{services}{s1}{health_checks}{checks}
                         // 0) > $checks + 3 }, 20);
    $checks = hd_json($t)->{services}{s1}{health_checks}{checks};
    $t->kill_all;

    my $mark = $t->log_mark;

    $t->start;
    $lost++ if hd_json($t)->{services}{s1}{health} ne 'up';
    $cut++ if $t->log($mark) !~ /2 of 2 targets are known from it$/m;
    $checks = 0;
}

is($lost, 0, 'killed five times, nginx knew the state each time');
is($cut, 0, 'the file was whole each time');


# a reload

ok($t->reload && goes_on(), 'after a reload it goes on');

my $was = saved();

$t->set_conf(conf("$file.other"));
ok($t->reload, 'another name');
ok(wait_until(sub { saved("$file.other") > $was }, 20), 'is written to');

my $left = saved();

goes_on("$file.other");
is(saved(), $left, 'and the former one no more');

$t->set_conf(conf($file) =~ s/healthdash_state_file \S+//r);
ok($t->reload, 'and without one');
is(hd_json($t)->{state_file}, undef, 'there is none');

$t->stop;
is_deeply([ sort glob "$file*" ], [ $file, "$file.other" ],
          'nothing is left beside them');

done_testing();

#!/usr/bin/perl

# Tests for a state file of 5,000 targets, 27 MB: while it is written nothing
# stops the clients of the only worker, memory does not grow with it, and a
# start reads it.  The machine stops the worker now and then, so the quietest of
# several writings is what counts, beside what a client sees between them.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash timeout => 300;

use HealthDash::Run qw(slow);
use IO::Socket::INET ();
use Time::HiRes qw(time);

my ($upstreams, $servers) = (50, 100);
my $targets = $upstreams * $servers;
my $gap_limit = 10;     # msec, between two answers
my $rounds = 3;
my $file = tmp_dir() . '/file';

# what was freed is kept by AddressSanitizer, the more the longer this takes

$ENV{ASAN_OPTIONS} .= ':quarantine_size_mb=16' if $ENV{ASAN_OPTIONS};
my $farm_port = port('farm');

# who is asked is nginx, too; it has all addresses of 127.0.0.0/8

HealthDash->new(module => 0, conf => <<"EOC")->start;
http {
    server {
        listen $farm_port backlog=4096;
        location / { return 200 "ok\\n"; }
    }
}
EOC

my $conf = join '', map {
    my $u = $_;
    "upstream u$u {\n"
    . join('', map { "server 127.4.$u.$_:$farm_port;\n" } 1 .. $servers)
    . "healthdash_check tcp interval=60s timeout=5s;\n}\n";
} 1 .. $upstreams;

# one service gives the writer something to do

my $t = HealthDash->new(workers => 1, log_level => 'notice',
                        conf => <<"EOC")->start;
events { worker_connections 4096; }
http {
    keepalive_requests 10000000;
    healthdash_state_file $file;
    $conf
    healthdash_service s tcp://127.0.0.1:$farm_port interval=500ms timeout=400ms;
    server {
        listen 127.0.0.1:%%PORT_web%%;
        location /status { healthdash_status; }
        location = /live { healthdash_live; }
    }
}
EOC


# when the file that is there was begun and when it was done, s

sub written {
    open my $fh, '<', $file or return (0, 0);
    read $fh, my $head, 48;

    return (unpack('q', substr $head, 40, 8) / 1000, (Time::HiRes::stat $fh)[9]);
}

sub memory {
    return HealthDash::slurp('/proc/' . ($t->worker_pids)[0] . '/status')
           =~ /^RssAnon:\s+(\d+) kB/m ? $1 : 0;
}

ok(wait_until(sub {
    my @lines = split /\n/, http_get(port('web'), '/status?format=csv')->{body};
    return @lines > $targets && !grep { /\bunknown\b/ } @lines;
}, 60), "$targets targets have results");

my ($begun) = written();

ok(wait_until(sub { (written())[0] > $begun }, 30), 'the file is written');
cmp_ok(-s $file, '>', $targets * 5000, 'and has all of them');

my $before = memory();
my (@during, @between, @took);

for (1 .. $rounds) {
    my ($in, $out) = gaps();

    push @during, $in;
    push @between, $out;
}

my ($best) = sort { $a <=> $b } @during;
my ($control) = sort { $a <=> $b } @between;

diag(sprintf 'longest gaps in ms: %s; between: %s; written in %s ms',
     map { join ' ', map { sprintf '%.1f', $_ } @$_ } \@during, \@between,
     \@took);

cmp_ok($best, '<', $gap_limit * slow() + $control,
       "the longest gap is below $gap_limit ms");

cmp_ok(memory() - $before, '<', $ENV{HD_SANITIZE} ? 65536 : 4096,
       'memory does not grow with the file');

my $mark = $t->log_mark;

$t->stop->start;
like($t->log($mark), qr/state file "\Q$file\E" is \d+s old, (\d+) of \1 /,
     'it is read');

# but while the next writing is under way

ok(wait_until(sub { join(' ', glob "$file*") eq $file }, 10),
   'nothing is left beside it');

done_testing();


# Asks for answer after answer until the next writing is over; the longest time
# between two of these during the writing, and of as many that were not, msec.

sub gaps {
    my $fh = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                   PeerPort => port('web'))
        or die "cannot connect: $!\n";
    my ($was) = written();
    my $end = time() + 30 * slow();
    my (@gaps, $begin, $done);
    my $last = time();
    my $look = $last;

    do {
        syswrite $fh, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n";
        sysread $fh, my $data, 4096 or die "the connection was closed\n";

        my $now = time();

        push @gaps, [ $last, $now ];

        # looking takes its time, too, and is not the worker's

        if ($now > $look + 0.2) {
            ($begin, $done) = written();
            $look = $now;
        }

        $last = time();
    } while ($last < $end && (!$begin || $begin == $was));

    my ($in, $out, $n) = (0, 0, 0);
    my @inside = grep { $_->[1] > $begin && $_->[0] < $done } @gaps;
    my @outside = grep { $_->[1] < $begin } @gaps;

    for ([ \@inside, \$in ], [ [ grep { defined } @outside[0 .. @inside] ],
                               \$out ])
    {
        my ($list, $worst) = @$_;

        for my $gap (@$list) {
            my $msec = ($gap->[1] - $gap->[0]) * 1000;
            $$worst = $msec if $msec > $$worst;
        }
    }

    push @took, ($done - $begin) * 1000;

    return ($in, $out);
}

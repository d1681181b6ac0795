package HealthDash;

# The test library of healthdash: see the POD at the end.  This file is about
# nginx itself: its configuration, processes and log.

use strict;
use warnings;

use parent qw(Exporter);
use File::Basename ();
use File::Spec ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(sleep time);

use HealthDash::Run qw(tmp_dir port free_port slow patience wait_until has_ipv6
                       at_end fail_later track untrack in_child write_file);
use HealthDash::Client qw(http_get http_request http_raw http_burst);
use HealthDash::Backend;
use HealthDash::TLS qw(tls_ca tls_cert tls_backend);

our @EXPORT = qw(backend backends port free_port tmp_dir wait_until has_ipv6
                 slow fail_later need_nginx
                 http_get http_request http_raw http_burst
                 hd_json hd_peer tls_ca tls_cert tls_backend);

my $root = File::Spec->rel2abs(File::Basename::dirname(__FILE__) . '/../..');
my $count = 0;

# lines of the error log that no test may cause in silence

my $bad = qr/\[(?:alert|emerg)\]|open\ socket\ \#|exited\ on\ signal
             |exited\ with\ code\ [1-9]|was\ locked\ by/x;

# and lines that no test may ever cause

my $sanitizer = qr/Sanitizer|runtime\ error:/x;


# "use HealthDash" brings strict, warnings, Test::More and what @EXPORT names;
# "use HealthDash timeout => 900" lets the file take longer than 600 s.

sub import {
    my ($class, %arg) = @_;

    HealthDash::Run::watch($arg{timeout} // 600);
    strict->import;
    warnings->import;
    Test::More->export_to_level(1);
    $class->export_to_level(1, $class, @EXPORT);
}


sub nginx_binary {
    return $ENV{HD_NGINX} if $ENV{HD_NGINX};

    for (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin') {
        return "$_/nginx" if -x "$_/nginx";
    }

    die "nginx is not installed: run \"make test-deps\"\n";
}


# need_nginx('1.27.3'): from here on nginx is at least that new: the one under
# test, or that of HD_NGINX_NEW with the module in HD_MODULE_NEW; without
# either the file is skipped.  Before the first HealthDash->new.

sub need_nginx {
    my ($want) = @_;

    return if is_since(nginx_binary(), $want);

    plan(skip_all => "needs nginx $want: set HD_NGINX_NEW to its binary and"
                     . ' HD_MODULE_NEW to the module built for it')
        if !$ENV{HD_NGINX_NEW} || !defined $ENV{HD_MODULE_NEW};

    die "$ENV{HD_NGINX_NEW} of HD_NGINX_NEW is no nginx $want\n"
        if !is_since($ENV{HD_NGINX_NEW}, $want);

    @ENV{qw(HD_NGINX HD_MODULE)} = @ENV{qw(HD_NGINX_NEW HD_MODULE_NEW)};
}


sub is_since {
    my ($binary, $want) = @_;
    my ($version) = `'$binary' -v 2>&1` =~ m{/(\d+(?:\.\d+)*)};
    my ($is, $least) = map { sprintf '%03d' x 3, split /\./ }
                       $version // '0.0.0', $want;

    return $is ge $least;
}


# The module's file; empty when it is linked into nginx.

sub module_file {
    my $file = $ENV{HD_MODULE}
               // "$root/build/ngx_http_healthdash_module.so";

    die "$file does not exist: run \"make module\"\n"
        if length $file && !-r $file;

    return $file;
}


# new(conf => TEXT or http => TEXT, workers => 1, ...).  daemon => 1: in the
# background and by its whole name, as users start it: nginx ignores USR2 while
# the process that has started it is there.

sub new {
    my ($class, %arg) = @_;
    my $self = bless {
        module => 1, workers => 1, log_level => 'info', main => '',
        quit_timeout => patience(), %arg,
        allowed => [], expected => [], log_pos => 0, err_pos => 0,
    }, $class;

    $self->{name} //= 'nginx' . ++$count;
    $self->{dir} = tmp_dir() . "/$self->{name}";

    for ($self->{dir}, "$self->{dir}/tmp") {
        mkdir $_ or die "cannot create $_: $!\n";
        chmod 0777, $_;
    }

    $self->set_conf(defined $arg{http} ? "http {\n$arg{http}\n}\n"
                                       : $arg{conf} // '');

    at_end { $self->finish };

    return $self;
}


sub dir { return $_[0]{dir}; }
sub port_of { return port($_[1]); }
sub master_pid { return $_[0]{pid}; }


# Configuration

sub set_conf {
    my ($self, $conf) = @_;

    $self->{conf} = $self->render($conf);
    $self->{conf_workers} = $self->{conf} =~ /^worker_processes\s+(\d+);/m
                            ? $1 : undef;
    $self->{single} = $self->{conf} =~ /^\s*master_process\s+off;/m;
    write_file("$self->{dir}/nginx.conf", $self->{conf});

    return $self;
}


sub conf { return $_[0]{conf}; }


sub render {
    my ($self, $conf, $log) = @_;
    my $dir = $self->{dir};
    my $main = $self->{main};
    my $all = "$conf\n$main";
    my $text = '';

    $log //= "$dir/error.log";

    if ($self->{module} && length(my $file = module_file())) {
        $text .= "load_module $file;\n";
    }

    my $user = $self->{user} // ($> == 0 ? 'root' : undef);

    $text .= "user $user;\n" if defined $user && $all !~ /^\s*user\s/m;
    $text .= "worker_processes $self->{workers};\n"
        if $all !~ /^\s*worker_processes\s/m;
    $text .= 'daemon ' . ($self->{daemon} ? 'on' : 'off') . ";\n";
    $text .= "pid $dir/nginx.pid;\n";

    # what an upgraded nginx is to know, too

    $text .= join '', map { "env ${_}_OPTIONS;\n" } qw(ASAN LSAN UBSAN)
        if $self->{daemon} && $ENV{HD_SANITIZE};

    $text .= "error_log $log $self->{log_level};\n"
        if $conf !~ /^error_log\s/m;
    $text .= "$main\n";
    $text .= "events {\n    worker_connections 1024;\n}\n"
        if $all !~ /^\s*events\s*\{/m;
    $text .= $conf;

    my $http = join '', map { "    ${_}_temp_path $dir/tmp/$_;\n" }
                        qw(client_body proxy fastcgi uwsgi scgi);

    $http .= "    access_log off;\n" if $conf !~ /^\s*access_log\s/m;
    $text =~ s/^(\s*http\s*\{[ \t]*\n?)/$1\n$http/m;

    $text =~ s/%%PORT_(\w+)%%/port($1)/ge;
    $text =~ s/%%ADDR_(\w+)%%/address_of($1)/ge;
    $text =~ s/%%DIR%%/$dir/g;
    $text =~ s/%%TMP%%/tmp_dir()/ge;

    die "the placeholder $1 is unknown\n" if $text =~ /(%%\w+%%)/;

    return $text;
}


sub address_of {
    my ($name) = @_;
    my $b = HealthDash::Backend->by_name($name);

    return $b ? $b->address : '127.0.0.1:' . port($name);
}


# "nginx -t" with this configuration, or the instance's own: (exit code,
# output).

sub conf_test {
    my ($self, $conf) = @_;
    my $dir = $self->{dir};
    my $file = "$dir/test.conf";
    my $log = "$dir/test.log";

    write_file($file, defined $conf ? $self->render($conf, $log)
                                    : $self->{conf});

    my ($rc, $out) = $self->run_nginx('-t', '-c', $file, '-e', $log);

    fail_later("nginx -t: $out") if $out =~ $sanitizer;

    return ($rc, $out);
}


sub run_nginx {
    my ($self, @arg) = @_;
    my $binary = nginx_binary();
    my $pid = open(my $fh, '-|') // die "fork() failed: $!\n";

    if ($pid == 0) {
        in_child();
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;

        # such a run of nginx ends without freeing anything

        $ENV{ASAN_OPTIONS} .= ':detect_leaks=0' if $ENV{ASAN_OPTIONS};

        exec { $binary } 'nginx', '-p', "$self->{dir}/", @arg
            or POSIX::_exit(127);
    }

    my $out = do { local $/; <$fh> } // '';

    close $fh;

    return ($? >> 8 || $? & 127, $out);
}


# Processes

sub start {
    my ($self) = @_;
    my $dir = $self->{dir};
    my $binary = nginx_binary();

    die "nginx runs already\n" if $self->{pid};

    unlink "$dir/nginx.pid";

    my $pid = fork // die "fork() failed: $!\n";

    if ($pid == 0) {
        in_child();
        POSIX::setpgid(0, 0);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/stderr.log";
        open STDERR, '>>', "$dir/stderr.log";

        my @command = ($self->{daemon} ? $binary : 'nginx', '-p', "$dir/",
                       '-c', "$dir/nginx.conf", '-e', "$dir/error.log");

        if ($ENV{HD_VALGRIND}) {
            shift @command;
            @command = ('valgrind', valgrind_options($dir), $binary, @command);
            $binary = $ENV{HD_VALGRIND};
        }

        exec { $binary } @command or POSIX::_exit(127);
    }

    POSIX::setpgid($pid, $pid);
    track($pid);
    $self->{pid} = $self->{group} = $pid;
    $self->go_to_background if $self->{daemon};

    my $end = time() + patience() * slow();

    until ($self->ready) {
        if (!$self->is_there || time() > $end) {
            $self->start_failed;
        }

        sleep 0.01;
    }

    return $self;
}


# the process that was started ends, and another one leads a group of its own

sub go_to_background {
    my ($self) = @_;

    waitpid $self->{pid}, 0;
    $self->start_failed if $?;
    untrack($self->{pid});

    $self->{pid} = wait_until(sub { $self->pid_file }, 10,
                              'the file with the number of its process')
        or $self->start_failed;
    $self->{group} = $self->{pid};
    track($self->{group});
}


# of the master, as its file says; 0: of none

sub pid_file {
    my ($self) = @_;

    return slurp("$self->{dir}/nginx.pid") =~ /^(\d+)/ ? $1 : 0;
}


# whether the master is; a child that is not leaves an exit code

sub is_there {
    my ($self) = @_;

    return waitpid($self->{pid}, WNOHANG) == 0 if !$self->{daemon};
    return is_process($self->{pid});
}


sub is_process { return (stat_of($_[0]))[0] !~ /^Z?$/; }


# upgrade(): starts the new nginx by USR2 and returns the master before, or
# nothing; from now on this is about the new one, whose workers serve beside the
# old ones.  lead_by(PID) is what it is about then.

sub upgrade {
    my ($self) = @_;
    my $old = $self->{pid};

    kill 'USR2', $old;

    my $new = wait_until(sub {
        my $pid = $self->pid_file;

        return $pid && $pid != $old
               && $self->worker_pids($pid) == $self->{conf_workers} ? $pid : 0;
    }, 20, 'the new nginx') or return;

    $self->lead_by($new);

    return $old;
}


sub lead_by {
    my ($self, $pid) = @_;

    $self->{pid} = $pid;
}


# each process writes a file of its own; children are followed through fork()

sub valgrind_options {
    my ($dir) = @_;

    return ("--log-file=$dir/valgrind.%p", '--leak-check=full',
            '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite',
            '--num-callers=20', '--keep-debuginfo=yes', '--quiet',
            "--suppressions=$root/.ci/valgrind.supp");
}


sub start_failed {
    my ($self) = @_;
    my $err = slurp("$self->{dir}/stderr.log", $self->{err_pos});

    kill 'KILL', -$self->{group};
    untrack($self->{group});
    $self->{pid} = undef;

    # it frees nothing then: leaks alone are no failure

    $self->{err_pos} += length $err
        if $err =~ /LeakSanitizer/ && $err !~ /ERROR: (?!LeakSanitizer)/;

    die "nginx did not start:\n" . tail($self->log . $err) . "\n";
}


# All workers have ended their start-up: only then nginx sets their titles.

sub ready {
    my ($self) = @_;

    return if !-s "$self->{dir}/nginx.pid";
    return 1 if $self->{single};

    my $n = $self->worker_pids;

    return $n > 0 && $n == ($self->{conf_workers} // $n);
}


# Workers in service; those that are shutting down are old_worker_pids.  Both
# take another master than ours.

sub worker_pids {
    my ($self, $master) = @_;

    return $self->{single} ? $self->{pid}
           : $self->titled(qr/^nginx: worker process$/, $master);
}


sub old_worker_pids {
    my ($self, $master) = @_;

    return $self->titled(qr/^nginx: worker process is shutting down/, $master);
}


sub titled {
    my ($self, $title, $master) = @_;
    my @list;

    $master //= $self->{pid};

    # under valgrind a process cannot be named

    if ($ENV{HD_VALGRIND}) {
        @list = sort { $a <=> $b } children($master)
            if 'nginx: worker process' =~ $title;

        return @list;
    }

    for my $pid (sort { $a <=> $b } children($master)) {
        open my $fh, '<', "/proc/$pid/cmdline" or next;

        my $line = <$fh> // '';

        $line =~ s/[\0\s]+$//;
        push @list, $pid if $line =~ $title;
    }

    return @list;
}


sub children {
    my ($parent) = @_;

    return if !$parent;

    if (open my $fh, '<', "/proc/$parent/task/$parent/children") {
        return split ' ', <$fh> // '';
    }

    return grep { (stat_of($_))[1] == $parent } all_pids();
}


sub all_pids {
    opendir my $dh, '/proc' or return;
    return grep { /^\d+$/ } readdir $dh;
}


# state, parent and process group of a process

sub stat_of {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/stat" or return ('', 0, 0);

    my $line = <$fh> // '';

    return $line =~ /^.*\) (\S) (\d+) (\d+)/s ? ($1, $2, $3) : ('', 0, 0);
}


# Waits until all workers are of the new generation and the old ones are gone;
# wait => 'new' does not wait for the old ones, wait => 0 for nothing.  False
# when nginx refused the configuration.

sub reload {
    my ($self, %arg) = @_;
    my $wait = $arg{wait} // 'all';
    my %old = map { $_ => 1 } $self->worker_pids;
    my $mark = $self->log_mark;
    my $seconds = $arg{timeout} // 10;

    kill 'HUP', $self->{pid};

    return 1 if !$wait;

    my $rc = wait_until(sub {
        return 'refused' if $self->log($mark) =~ /\[emerg\]/;

        my @workers = $self->worker_pids;

        return 0 if !@workers || grep { $old{$_} } @workers;
        return 0 if @workers != ($self->{conf_workers} // @workers);
        return $wait ne 'all' || !grep { -d "/proc/$_" } keys %old;
    }, $seconds, 'the reload');

    return $rc && $rc ne 'refused';
}


# kill_worker(signal => 'KILL', pid => one of them, wait => 1): kills a worker
# and waits for its successor; returns the pid that was killed.

sub kill_worker {
    my ($self, %arg) = @_;
    my @workers = $self->worker_pids;
    my $pid = $arg{pid} // $workers[0] // die "there is no worker to kill\n";

    $self->allow_log(qr/worker process $pid exited on signal/);
    kill $arg{signal} // 'KILL', $pid;

    if ($arg{wait} // 1) {
        wait_until(sub {
            my @now = $self->worker_pids;
            return @now == @workers && !grep { $_ == $pid } @now;
        }, 10, 'a new worker');
    }

    return $pid;
}


# stop(SIGNAL => 'QUIT'): waits for the end of all processes and looks through
# the log.

sub stop {
    my ($self, $signal) = @_;
    my $pid = $self->{pid} or return $self;

    $signal //= $self->{stop_signal} // 'QUIT';

    kill $signal, $pid;

    if (!$self->wait_exit($self->{quit_timeout})) {
        fail_later("$self->{name} did not exit within $self->{quit_timeout} s"
                   . " after SIG$signal");
        kill 'TERM', $pid;
        $self->wait_exit(3) or kill 'KILL', -$self->{group};
        $self->wait_exit(3);
    }

    if (my @left = $self->processes) {
        fail_later("$self->{name} left processes behind: @left");
        kill 'KILL', @left;
    }

    untrack($self->{group});
    $self->{pid} = undef;
    $self->scan_log;

    return $self;
}


# Kills all processes at once, like a loss of power, but for the files.

sub kill_all {
    my ($self) = @_;
    my $pid = $self->{pid} or return $self;

    kill 'KILL', -$self->{group};
    waitpid $pid, 0;
    untrack($self->{group});
    $self->{pid} = undef;

    wait_until(sub { !$self->processes }, 10, 'the end of all processes');

    return $self;
}


# all of its group that are there

sub processes {
    my ($self) = @_;

    return grep { my @s = stat_of($_); $s[2] == $self->{group}
                                       && $s[0] ne 'Z' } all_pids();
}


sub wait_exit {
    my ($self, $seconds) = @_;
    my $end = time() + $seconds * slow();

    while (time() < $end) {
        if (!$self->is_there) {
            fail_later("the master of $self->{name} exited with code "
                       . ($? >> 8)) if !$self->{daemon} && $? >> 8;
            return 1;
        }

        # only who is stopped goes on: one that LeakSanitizer is about to look
        # at would lose the stop that it waits for

        kill 'CONT', grep { (stat_of($_))[0] eq 'T' }
                     $self->{pid}, children($self->{pid});
        sleep 0.01;
    }

    return 0;
}


# The log

sub log_file { return "$_[0]{dir}/error.log"; }
sub log_mark { return -s $_[0]->log_file // 0; }


# all of the log, or what came after a log_mark()

sub log {
    my ($self, $mark) = @_;

    return slurp($self->log_file, $mark);
}


# wait_log(qr//, SECONDS => 5, MARK): the first line that matches, or false

sub wait_log {
    my ($self, $re, $seconds, $mark) = @_;
    my $line;

    wait_until(sub {
        ($line) = grep { $_ =~ $re } split /\n/, $self->log($mark);
        return defined $line;
    }, $seconds // 5, "a line like $re in the log");

    return $line;
}


# allow_log(qr//): such bad lines are no failure.  expect_log(qr//): and at
# least one must come.  Reports of sanitizers always are failures.

sub allow_log {
    my ($self, @list) = @_;

    push @{ $self->{allowed} }, @list;
    return $self;
}


sub expect_log {
    my ($self, @list) = @_;

    push @{ $self->{expected} }, @list;
    return $self;
}


sub scan_log {
    my ($self) = @_;
    my @ok = (@{ $self->{allowed} }, @{ $self->{expected} });
    my $text = slurp($self->log_file, $self->{log_pos});
    my $err = slurp("$self->{dir}/stderr.log", $self->{err_pos});

    $self->{log_pos} += length $text;
    $self->{err_pos} += length $err;

    for my $line (split /\n/, $text) {
        next if $line !~ $bad || grep { $line =~ $_ } @ok;
        fail_later("$self->{name} logged: $line");
    }

    for my $file (glob "$self->{dir}/valgrind.*") {
        my $report = slurp($file);

        next if $report !~ /^==\d+== \S/m;

        fail_later("$self->{name}: valgrind: " . substr $report, 0, 6000);
        unlink $file;
    }

    for my $part ($text, $err) {
        next if $part !~ /^.*?$sanitizer/m;

        my $report = substr $part, $-[0], 6000;

        fail_later("$self->{name} has a sanitizer's report:\n$report");
    }
}


# Called at the end of the test file: stop, and the last look at the log.

sub finish {
    my ($self) = @_;

    return if $self->{finished}++;

    $self->stop;
    $self->scan_log;

    for my $re (@{ $self->{expected} }) {
        fail_later("$self->{name} never logged anything like $re")
            if $self->log !~ $re;
    }

    $self->tell_log if !Test::More->builder->is_passing;
}


# what nginx had to say, last, in a test file that has failed

sub tell_log {
    my ($self) = @_;
    my @lines = grep { /\[(?:warn|error|crit|alert|emerg)\]/ }
                split /\n/, $self->log;

    diag("$self->{name} logged: " . substr $_, 0, 300)
        for splice @lines, @lines > 8 ? -8 : 0;
}


sub slurp {
    my ($file, $from) = @_;

    open my $fh, '<:raw', $file or return '';
    seek $fh, $from, 0 if $from;
    local $/;
    return <$fh> // '';
}


sub tail {
    my ($text) = @_;

    return join "\n", grep { defined } (split /\n/, $text)[-30 .. -1];
}


# Functions for the tests

# backend('b1', status => 200, ...), backends('b1', 'b2', ...)

sub backend {
    my ($name, @arg) = @_;

    return HealthDash::Backend->new(name => $name, @arg);
}


sub backends { return map { backend($_) } @_; }


# hd_json($t, port =>, path => '/status', query => 'history=1'): the decoded
# JSON of the status location.  The port is that of the name "web" unless
# given.

sub hd_json {
    my ($self, %arg) = @_;
    my $query = 'format=json' . (defined $arg{query} ? "&$arg{query}" : '');
    my $path = $arg{path} // '/status';
    my $response = http_get($arg{port} // port('web'), "$path?$query");
    my $json = eval { JSON::PP->new->utf8->decode($response->{body}) };

    if ($response->{status} != 200 || !defined $json) {
        diag("$path answered $response->{status} $response->{reason}: "
             . substr $response->{body}, 0, 300);
        return {};
    }

    return $json;
}


# hd_peer($json or $t, 'app', '127.0.0.1:8081' or backend): one peer's object

sub hd_peer {
    my ($json, $upstream, $server) = @_;

    $json = hd_json($json) if ref $json eq __PACKAGE__;
    $server = $server->address if ref $server;

    for my $peer (@{ $json->{upstreams}{$upstream}{peers} // [] }) {
        return $peer if ($peer->{server} // '') eq $server
                        || ($peer->{name} // '') eq $server;
    }

    return {};
}


1;

__END__

=head1 NAME

HealthDash - the test library of healthdash

=head1 SYNOPSIS

    # Tests for skipping a server whose probes fail.

    use FindBin;
    use lib "$FindBin::Bin/lib";
    use HealthDash;

    my ($b1, $b2) = backends(qw(b1 b2));

    my $t = HealthDash->new(workers => 2, conf => <<'EOF')->start;
    http {
        upstream app {
            zone app 128k;
            server %%ADDR_b1%%;
            server %%ADDR_b2%%;
            healthdash_check http uri=/healthz interval=100ms fails=2;
        }

        server {
            listen 127.0.0.1:%%PORT_web%%;
            location /       { proxy_pass http://app; }
            location /status { healthdash_status; }
        }
    }
    EOF

    $b2->set('/healthz', status => 503);
    ok(wait_until(sub { hd_peer($t, 'app', $b2)->{health} eq 'down' }, 5),
       'failed probes take the server down');

    my $burst = http_burst(port('web'), '/', 2000, concurrency => 8);
    is_deeply($burst->{backend}, { b1 => 2000 }, 'no request reaches it');

    done_testing();

=head1 PLACEHOLDERS

    %%PORT_x%%   the port named x: port('x')
    %%ADDR_x%%   the address of the backend named x, as nginx writes it
    %%DIR%%      the folder of this nginx
    %%TMP%%      the folder of this test file

=head1 NGINX

new() takes conf (the configuration) or http (the inside of http{}), main
(text for the top), workers (1), module (0: without healthdash), log_level
(info), user, name, quit_timeout (30) and stop_signal (QUIT).  What the text
does not say itself is added: load_module, user, worker_processes, daemon off,
pid, error_log, events, and in http{} the temporary folders and access_log off.

    start, stop(SIGNAL), reload(wait => 'all' | 'new' | 0), set_conf(TEXT),
    conf, conf_test(TEXT) -> (exit code, output), master_pid, worker_pids,
    old_worker_pids, kill_worker(signal =>, pid =>, wait =>), kill_all, dir,
    log(MARK), log_mark, wait_log(qr//, SECONDS, MARK), expect_log(qr//),
    allow_log(qr//)

At the end of the file nginx is stopped with SIGQUIT; it must exit in time and
leave no process.  A line with [alert], [emerg], "open socket", "exited on
signal", "was locked by" or a sanitizer's report fails the file, unless it was
announced.

=head1 THE REST

Backends: HealthDash::Backend.  Requests: HealthDash::Client.  Certificates:
HealthDash::TLS.  wait_until, port, slow and the watchdog: HealthDash::Run.
Times are for a plain build: under sanitizers all deadlines here are tripled.

HD_KEEP=1 keeps the files, HD_TIMEOUT=N sets the watchdog, HD_NGINX and
HD_MODULE name other builds (HD_MODULE empty: the module is linked in).
HD_NGINX_NEW and HD_MODULE_NEW are the same for tests of what only newer
versions can, which ask for them with need_nginx('1.27.3').

=cut

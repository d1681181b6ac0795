package HealthDash::Probe;

# What tests of probing share: many services in one nginx, and what each round
# said about each of them.

use strict;
use warnings;

use Exporter qw(import);
use IO::Compress::Gzip ();
use Test::More;

use HealthDash ();
use HealthDash::Run qw(port slow wait_until);

our @EXPORT_OK = qw(service status_server first_results verdict judged rss
                    own_memory peak small_peak fds gzip_bomb);

# long enough that only a test that wants a timeout sees one

my %default = (interval => '100ms', timeout => '20s', fails => 1, passes => 1,
               jitter => '0%');


# service(NAME, URL, PARAMETERS): one directive, for the inside of http{}

sub service {
    my ($name, $url, $parameters) = @_;

    $parameters //= '';

    for (sort keys %default) {
        $parameters .= " $_=$default{$_}" if $parameters !~ /\b$_=/;
    }

    $name =~ s/"/\\"/g;

    return "healthdash_service \"$name\" \"$url\" $parameters;\n";
}


sub status_server {
    return <<'EOF_CONF';
server {
    listen 127.0.0.1:%%PORT_web%%;
    location /status { healthdash_status; }
}
EOF_CONF
}


# first_results(NAME, CONF, SECONDS): an nginx with this inside of http{}, and
# the JSON of its services, once each has had a result

sub first_results {
    my ($name, $conf, $seconds) = @_;
    my $port = port("status-$name");
    my $t = HealthDash->new(name => $name, http => $conf . <<"EOF_CONF")->start;
server {
    listen 127.0.0.1:$port;
    location /status { healthdash_status; }
}
EOF_CONF
    my $list;

    wait_until(sub {
        $list = HealthDash::hd_json($t, port => $port)->{services} // {};
        return %$list && !grep { $_->{health} eq 'unknown' } values %$list;
    }, $seconds, 'a result of each probe');

    return ($t, $list);
}


# What the last probe of a service said: "up", "degraded: TEXT", "down: TEXT".

sub verdict {
    my ($service) = @_;
    my $reason = $service->{health_checks}{last_reason};

    return $service->{health} // 'none' if !$reason;
    return "$service->{health}: $reason->{text}";
}


# judged($t, [ NAME, VERDICT ], ...): lets each service be probed several
# times, and wants the same verdict each time.  VERDICT may be a pattern.  A
# result that says more about this machine is none.  Returns the services.

sub judged {
    my ($t, @rows) = @_;
    my $rounds = 3;
    my $list;

    my $waiting = sub {
        my $facts = ($list->{$_[0]} // return 1)->{health_checks};

        my $reason = $facts->{last_reason} // {};

        return $facts->{checks} < $rounds
               || ($reason->{layer} // '') eq 'local';
    };

    wait_until(sub {
        $list = HealthDash::hd_json($t)->{services};
        return !grep { $waiting->($_->[0]) } @rows;
    }, 60, "$rounds probes of each service");

    for my $row (@rows) {
        my ($name, $want) = @$row;
        my $s = $list->{$name} // {};
        my $facts = $s->{health_checks};

        ref $want ? like(verdict($s), $want, $name)
                  : is(verdict($s), $want, $name);

        is($facts->{fails},
           ($s->{health} // '') eq 'down' ? $facts->{checks} : 0,
           "$name, each time");
    }

    return $list;
}


# resident memory of a process, kB

sub rss {
    my ($pid) = @_;

    return HealthDash::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m
           ? $1 : 0;
}


# the same without files and what it shares with others

sub own_memory {
    my ($pid) = @_;

    return HealthDash::slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m
           ? $1 : 0;
}


# the most it ever was

sub peak {
    my ($pid) = @_;

    return HealthDash::slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m
           ? $1 : 0;
}


# small_peak($t, KB): a test: the worker never had more

sub small_peak {
    my ($t, $most) = @_;

    SKIP: {
        skip 'sanitizers keep what is freed', 1 if slow() > 1;
        cmp_ok(peak(($t->worker_pids)[0]), '<', $most,
               'memory never went up far');
    }
}


# open files of a process

sub fds {
    my ($pid) = @_;

    opendir my $dh, "/proc/$pid/fd" or return 0;
    return scalar grep { /^\d+$/ } readdir $dh;
}


# gzip_bomb(BYTES): so many times "z" in a thousandth, which has no "z" itself

sub gzip_bomb {
    my ($size) = @_;
    my $plain = 'z' x $size;

    IO::Compress::Gzip::gzip(\$plain, \my $packed, -Level => 9, -Minimal => 1)
        or die "gzip failed: $IO::Compress::Gzip::GzipError\n";

    return $packed;
}


1;

package HealthDash::Probe;

# What tests of probing share: many services in one nginx, and what each round
# said about each of them.

use strict;
use warnings;

use Exporter qw(import);
use IO::Compress::Gzip ();
use Test::More;

use HealthDash ();
use HealthDash::Run qw(wait_until);

our @EXPORT_OK = qw(service status_server verdict judged rss peak fds
                    gzip_bomb);

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


# the most it ever was

sub peak {
    my ($pid) = @_;

    return HealthDash::slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m
           ? $1 : 0;
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

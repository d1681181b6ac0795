package HealthDash::Conf;

# Runs rows of HealthDash::ConfCases through "nginx -t".

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();

use HealthDash::TLS qw(tls_ca tls_cert);

our @EXPORT_OK = qw(conf_run conf_lines conf_fill secrets);

my %place;


# what no output may ever contain

sub secrets { return qw(hunter2 hunter s3cret); }


# files that rows refer to

sub prepare {
    my ($t) = @_;
    my $dir = $t->dir;
    my $cert = tls_cert();

    %place = (DIR => $dir, CA => tls_ca()->{cert}, CERT => $cert->{cert},
              KEY => $cert->{key});

    # what everyone can read is warned of

    chmod 0600, $cert->{key} or die "$cert->{key}: $!\n";

    my %file = (OPEN => "s3cret\n", SECRET => "s3cret\nignored\n", URI => "/from/file\r\n",
                EMPTY => "\nx\n", LONG => 's3cret' x 1000,
                CONTROL => "s3cret\tx\n");

    for my $name (keys %file) {
        $place{$name} = "$dir/" . lc $name;
        open my $fh, '>', $place{$name} or die "$place{$name}: $!\n";
        print $fh $file{$name};
        close $fh;
        chmod $name eq 'OPEN' ? 0644 : 0640, $place{$name};
    }

    $place{PIPE} = "$dir/pipe";
    POSIX::mkfifo($place{PIPE}, 0600) or die "$place{PIPE}: $!\n";
}


sub conf_fill {
    my ($t, $text) = @_;

    prepare($t) if !%place;
    $text =~ s/%%([A-Z]+)%%/$place{$1} \/\/ die "unknown: $1\n"/ge;

    return $text;
}


# the number of the last line marked "# here", and the directive's name there

sub conf_lines {
    my ($t) = @_;
    my ($line, $directive, $last);

    open my $fh, '<', $t->dir . '/test.conf' or die "test.conf: $!\n";

    while (<$fh>) {
        $last = $1 if /(healthdash_\w+)/;
        ($line, $directive) = ($., $last) if /# here/;
    }

    return ($line, $directive);
}


# conf_run($t, TEXT): the exit code, the lines [emerg] and [warn] without
# "nginx: [...] ", and all output

sub conf_run {
    my ($t, $conf) = @_;
    my ($rc, $out) = $t->conf_test("http {\n" . conf_fill($t, $conf) . "\n}\n");
    my @emerg = $out =~ /^nginx: \[emerg\] (.*)$/mg;
    my @warn = $out =~ /^nginx: \[warn\] (.*)$/mg;

    return ($rc, \@emerg, \@warn, $out);
}


1;

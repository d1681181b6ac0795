package HealthDash::Fault;

# An nginx whose module can be told to meet a fault: see t/fault/fault.h, which
# has the same file from the other side.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use Test::More;

use HealthDash::Run qw(tmp_dir wait_until);

our @EXPORT_OK = qw(fault_build is_long);

my $top = abs_path(dirname(__FILE__) . '/../../..');

my %mode = (off => 0, nth => 1, new => 2, step => 3, held => 4);
my %class = (ours => 1, curl => 2, json => 4);
my ($words, $sites, $size) = (256, 8192, 64);


# the long form: each place fails again and again

sub is_long { return $ENV{HD_LONG} ? 1 : 0; }


# Links the module once more and makes it the one that is tested.

sub fault_build {
    my $build = abs_path(($ENV{HD_NGINX_SRC} || "$top/build/nginx-src")
                         . '/..');
    my $out = "$build/fault";

    system("$top/.ci/fault", $build, $out) == 0
        or die "cannot link with faults\n";

    if (-x "$out/nginx") {
        $ENV{HD_NGINX} = "$out/nginx";

    } else {
        $ENV{HD_MODULE} = "$out/ngx_http_healthdash_module.so";
    }
}


# new(): the file and the variable that names it; to be called before nginx is
# started

my $count = 0;

sub new {
    my ($class) = @_;
    my $file = tmp_dir() . '/fault' . ++$count;

    HealthDash::Run::write_file($file, "\0" x ($words + $sites * $size));
    chmod 0666, $file;
    $ENV{HD_FAULT} = $file;

    open my $fh, '+<:raw', $file or die "cannot open $file: $!\n";

    return bless { fh => $fh, file => $file }, $class;
}


sub put {
    my ($self, $at, $text) = @_;

    sysseek $self->{fh}, $at, 0;
    syswrite $self->{fh}, $text;
}


sub get {
    my ($self, $at, $len) = @_;
    my $text;

    sysseek $self->{fh}, $at, 0;
    sysread $self->{fh}, $text, $len;

    return $text;
}


sub word { return unpack 'q', $_[0]->get($_[1], 8); }

sub fired { return $_[0]->word(32); }
sub steps { return $_[0]->word(40); }
sub locked { return $_[0]->word(48); }
sub survived { return $_[0]->word(56); }
sub is_armed { return $_[0]->word(0) != 0; }
sub last_fault { return unpack 'Z*', $_[0]->get(64, 128); }


# arm('new', each => 1, classes => [ 'ours' ]), arm('nth', left => N),
# arm('step' or 'held', name => FUNCTION, left => N, signal => 9), disarm

sub arm {
    my ($self, $mode, %arg) = @_;
    my $classes = 0;

    $classes |= $class{$_} for @{ $arg{classes} // ['ours'] };

    $self->put(192, pack 'a64', $arg{name} // '');
    $self->put(8, pack 'q3', $arg{left} // 0,
                  $arg{each} // ($mode =~ /step|held/ ? $arg{signal} // 9 : 1),
                  $classes);
    $self->put(0, pack 'q', $mode{$mode});
}


sub disarm { $_[0]->put(0, pack 'q', 0); }


# the places that were come by: { name =>, key =>, failed => }

sub places {
    my ($self) = @_;
    my $text = $self->get($words, $sites * $size);
    my @list;

    for my $i (0 .. $sites - 1) {
        my ($key, $failed, $class, $name) = unpack 'QLLZ48',
            substr $text, $i * $size, $size;

        push @list, { key => $key, failed => $failed, class => $class,
                      name => $name } if $key;
    }

    return @list;
}


# walk(sub { ... }, each =>, classes =>, idle => SECONDS): arms again and again
# and calls the code, which makes nginx work, until for a while nothing is left
# that has not failed.  Returns what has, in order.

sub walk {
    my ($self, $code, %arg) = @_;
    my $idle = $arg{idle} // 2;
    my @faults;

    while (1) {
        my $n = $self->fired;
        my $end = Time::HiRes::time() + $idle * HealthDash::Run::slow();

        $self->arm('new', %arg);

        do {
            $code->();
        } until $self->fired > $n || Time::HiRes::time() > $end;

        last if $self->fired == $n;

        push @faults, $self->last_fault;
        $arg{after}->($faults[-1]) if $arg{after};
    }

    $self->disarm;

    return @faults;
}


1;

#!/usr/bin/perl

# Tests for docs/RELIABILITY.md: each known hazard is in its tables, once, with
# tests that exist and say so in their first comment, and no test covers a
# hazard in silence.

use FindBin;
use lib "$FindBin::Bin/lib";
use HealthDash;

my $root = "$FindBin::Bin/..";
my $page = HealthDash::slurp("$root/docs/RELIABILITY.md");

my %covers;         # by test, as its first comment says

for my $file (glob "$root/t/*.t") {
    my ($comment) = HealthDash::slurp($file) =~ /\A#!.*\n\n((?:#.*\n)+)/;
    my ($name) = $file =~ m{(t/[^/]+)$};

    $covers{$name} = { map { $_ => 1 } numbers($comment // '') };
}


# A01 and A04-A06

sub numbers {
    my ($text) = @_;
    my @list;

    while ($text =~ /\bA(\d\d)(?:-A?(\d\d))?\b/g) {
        push @list, map { sprintf 'A%02d', $_ } $1 .. $2 // $1;
    }

    return @list;
}

my %row;

for ($page =~ /^\| (A\d\d) \|.*$/mg) {
    $row{$_}++;
}

is_deeply([ sort keys %row ], [ map { sprintf 'A%02d', $_ } 1 .. 68 ],
          'all hazards have a row');
ok(!(grep { $_ > 1 } values %row), 'and only one');

my (%told, @wrong);

for my $line ($page =~ /^\| A\d\d \|.*$/mg) {
    my ($number, undef, $how) = $line =~ /^\| (A\d\d) \| (.*?) \| (.*) \|$/;
    my @tests = $how =~ m{t/\w+\.t}g;

    push @wrong, "$number: neither a test nor a reason"
        if !@tests && $how !~ /make |cannot apply/;

    for (@tests) {
        $told{$_}{$number} = 1;
        push @wrong, "$number: $_ does not exist", next if !$covers{$_};
        push @wrong, "$number: $_ does not say so" if !$covers{$_}{$number};
    }
}

for my $test (sort keys %covers) {
    push @wrong, map { "$_: $test says so, the table does not" }
                 grep { !$told{$test}{$_} } sort keys %{ $covers{$test} };
}

is_deeply(\@wrong, [], 'tests and tables agree');

is_deeply([ grep { !-e "$root/$_" } $page =~ m{t/\w+\.t}g ], [],
          'all tests that are named exist');

done_testing();

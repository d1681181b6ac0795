package HealthDash::Browser;

# Chromium under remote control, by playwright-core: see t/node/browser.js.

use strict;
use warnings;

use Exporter qw(import);
use File::Basename ();
use File::Spec ();
use JSON::PP ();

use HealthDash::Client ();
use HealthDash::Daemon qw(daemon need);
use HealthDash::Run qw(port tmp_dir wait_until);

our @EXPORT_OK = qw(browser);

my $top = File::Spec->rel2abs(File::Basename::dirname(__FILE__) . '/../../..');
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $count = 0;


# browser(): starts the remote control; the browser itself starts with open()

sub browser {
    my $node = $ENV{HD_NODE} // "$top/build/node";
    my $home = tmp_dir() . '/browser-home' . ++$count;
    my $name = "browser$count";

    need('chromium');

    die "$node holds no playwright-core: run \"make test-deps\"\n"
        if !-d "$node/node_modules/playwright-core";

    mkdir $home or die "cannot create $home: $!\n";

    my $daemon = daemon($name, port => port($name), seconds => 60,
                        argv => [ need('node'), "$top/t/node/browser.js",
                                  port($name) ],
                        env => { NODE_PATH => "$node/node_modules",
                                 HOME => $home, XDG_CONFIG_HOME => $home,
                                 XDG_CACHE_HOME => $home });

    return bless { daemon => $daemon, port => port($name) }, __PACKAGE__;
}


# order(NAME, key => value, ...): its value; dies if it failed

sub order {
    my ($self, $name, %arg) = @_;
    my $answer = HealthDash::Client::http_request(
        port => $self->{port}, method => 'POST', timeout => 60,
        body => $json->encode({ do => $name, %arg }));
    my $result = eval { $json->decode($answer->{body} // '') }
                 // die "the browser did not answer to $name: "
                        . $self->{daemon}->log . "\n";

    die "browser: $name: $result->{error}\n" if defined $result->{error};

    return $result->{value};
}


sub open  { my ($self, $url, %arg) = @_; $self->order('open', url => $url, %arg) }
sub eval  { return $_[0]->order('eval', code => $_[1]) }
sub press { $_[0]->order('press', key => $_) for @_[1 .. $#_]; return }
sub click { return $_[0]->order('click', at => $_[1]) }
sub seen  { return $_[0]->order('seen') }


# until(CODE, SECONDS, WHAT): waits until the page says that CODE, in its
# language, is true

sub until {
    my ($self, $code, $seconds, $what) = @_;

    return wait_until(sub { $self->eval("Boolean($code)") }, $seconds // 20,
                      $what // $code);
}


1;

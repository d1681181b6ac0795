package HealthDash::XML;

# XML as the expat of python3 reads it, which accepts nothing that is not well
# formed: names are "{namespace}name" or "name".

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();

use HealthDash::Run qw(tmp_dir write_file);
use HealthDash::Status qw(run_command);

our @EXPORT_OK = qw(xml_tree xml_find xml_text);

my $reader = <<'EOF_PYTHON';
import json, sys
import xml.etree.ElementTree as tree

def node(e):
    return {"name": e.tag, "attr": dict(e.attrib), "text": e.text or "",
            "list": [node(child) for child in e]}

try:
    with open(sys.argv[1], "rb") as f:
        print(json.dumps(node(tree.fromstring(f.read()))))
except tree.ParseError as e:
    print(json.dumps({"error": str(e)}))
EOF_PYTHON


# xml_tree(TEXT): { name, attr, text, list }, or { error }

sub xml_tree {
    my ($text) = @_;
    my $dir = tmp_dir();

    write_file("$dir/read_xml.py", $reader);
    write_file("$dir/xml", $text);

    my ($rc, $out) = run_command('/usr/bin/python3', "$dir/read_xml.py",
                                 "$dir/xml");

    die "python3 failed: $out\n" if $rc;

    return JSON::PP->new->utf8->decode($out);
}


# xml_find(NODE, NAME): the elements of this name right in it, whatever their
# namespace

sub xml_find {
    my ($node, $name) = @_;

    return grep { $_->{name} =~ /^(?:\{[^}]*\})?\Q$name\E$/ }
           @{ $node->{list} };
}


# xml_text(NODE, NAME): the text of the first of them

sub xml_text {
    my ($child) = xml_find(@_);

    return $child ? $child->{text} : undef;
}

1;

package HealthDash::Mail;

# Real mail and FTP servers: Dovecot (IMAP, POP3), Exim (SMTP), Pure-FTPd, each
# on ports of its own on 127.0.0.1, with one user "probe", password "s3cret".

use strict;
use warnings;

use Exporter qw(import);

use HealthDash::Daemon qw(daemon need);
use HealthDash::Run qw(tmp_dir port write_file);

our @EXPORT_OK = qw(dovecot exim ftpd);


# dovecot(tls_cert(...)): ports "imap", "imaps", "pop3", "pop3s".

sub dovecot {
    my ($cert) = @_;
    my $dir = tmp_dir() . '/dovecot';
    my $me = getpwuid $>;

    mkdir $_, 0755 for $dir, "$dir/run", "$dir/home";
    chown +(getpwnam 'dovecot')[2, 3], "$dir/home" if $> == 0;

    write_file("$dir/users", "probe:{PLAIN}s3cret:::::\n");
    chmod 0644, "$dir/users";

    my $ports = '';

    for ([ imap => 'imap', 143 ], [ pop3 => 'pop3', 110 ]) {
        my ($name, $word) = @$_;
        my ($plain, $tls) = map { port($_) } $name, $name . 's';

        $ports .= <<"EOF_CONF";
service $name-login {
  chroot =
  user = dovenull
  service_count = 0
  inet_listener $name {
    address = 127.0.0.1
    port = $plain
  }
  inet_listener ${name}s {
    address = 127.0.0.1
    port = $tls
    ssl = yes
  }
}
EOF_CONF
    }

    write_file("$dir/dovecot.conf", <<"EOF_CONF");
protocols = imap pop3
base_dir = $dir/run
state_dir = $dir/run
log_path = /dev/stderr
listen = 127.0.0.1
ssl = yes
ssl_cert = <$cert->{cert}
ssl_key = <$cert->{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:$dir/home/mail
first_valid_uid = 1
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = $dir/users
}
userdb {
  driver = static
  args = uid=dovecot gid=dovecot home=$dir/home
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
$ports
EOF_CONF

    return daemon('dovecot', port => port('imap'),
                  argv => [ need('dovecot'), '-F', '-c',
                            "$dir/dovecot.conf" ]);
}


# exim(tls_cert(...)): ports "smtp" (with STARTTLS) and "smtps".

sub exim {
    my ($cert) = @_;
    my $dir = tmp_dir() . '/exim';
    my ($smtp, $smtps) = map { port($_) } qw(smtp smtps);

    mkdir $_, 0755 for $dir, "$dir/spool", "$dir/log";

    if ($> == 0) {
        my ($uid, $gid) = (getpwnam 'Debian-exim')[2, 3];

        chown $uid, $gid, "$dir/spool", "$dir/log", $cert->{key};
    }

    write_file("$dir/exim.conf", <<"EOF_CONF");
primary_hostname = mail.test
spool_directory = $dir/spool
log_file_path = $dir/log/%slog
pid_file_path = $dir/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $smtp : $smtps
tls_on_connect_ports = $smtps
tls_advertise_hosts = *
tls_certificate = $cert->{cert}
tls_privatekey = $cert->{key}
host_lookup =
rfc1413_hosts =
smtp_accept_max = 100
smtp_accept_max_per_host = 100
keep_environment =

begin acl

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{\$auth2}{probe}}{eq{\$auth3}{s3cret}}}}
  server_set_id = \$auth2
EOF_CONF

    chmod 0644, "$dir/exim.conf";

    return daemon('exim', port => $smtp,
                  argv => [ need('exim4', 'exim'), '-C', "$dir/exim.conf",
                            '-bdf' ]);
}


# ftpd(tls_cert(...)): port "ftp".

sub ftpd {
    my ($cert) = @_;
    my $dir = tmp_dir() . '/ftpd';
    my $port = port('ftp');

    mkdir $_, 0755 for $dir, "$dir/home";

    my $hash = crypt 's3cret', '$6$healthdash$';

    write_file("$dir/passwd", "probe:$hash:65534:65534::$dir/home/./"
                              . (':' x 12) . "\n");

    my $pw = need('pure-pw');

    system($pw, 'mkdb', "$dir/users.pdb", '-f', "$dir/passwd") == 0
        or die "pure-pw failed\n";

    my $pem = '';

    for ($cert->{key}, $cert->{cert}) {
        open my $fh, '<', $_ or die "cannot open $_: $!\n";
        local $/;
        $pem .= <$fh>;
    }

    write_file("$dir/ftpd.pem", $pem);
    chmod 0600, "$dir/ftpd.pem";

    return daemon('pure-ftpd', port => $port,
                  argv => [ need('pure-ftpd'), '-S', "127.0.0.1,$port",
                            '-l', "puredb:$dir/users.pdb", '-E', '-u', 1,
                            '-Y', 1, '-J', 'HIGH', '-2', "$dir/ftpd.pem",
                            '-g', "$dir/ftpd.pid", '-H' ]);
}


1;

package HealthDash::ConfCases;

# The tables behind t/conf_directives.t, t/conf_errors.t and t/conf_meta.t.
#
# A row begins with what it is about: a directive, a parameter ("uri"), a line
# of a block ("expect"), or several of them; then the inside of http{}; then
# for @accepted the warnings it causes, for @refused the one error.  Messages
# are whole, but for the prefix "healthdash_check: " and so on, which is that
# of the directive in the line marked "# here", and for the place.
#
# check(), service() and block() write such a line.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(accepted refused);

my $source = __FILE__ =~ s{[^/]+$}{}r . '../../../ngx_http_healthdash_module';


sub check { return upstream('127.0.0.1:1', @_); }

sub upstream {
    my ($servers, @checks) = @_;
    my $text = join '', map { "    server $_;\n" } split ' ', $servers;

    $text .= "    healthdash_check $_; # here\n" for @checks;

    return "upstream app {\n$text}\n";
}

sub service {
    my ($words) = @_;

    return "healthdash_service $words; # here\n";
}

sub block {
    my (@lines) = @_;

    return "healthdash_probe p {\n"
           . join('', map { "    $_; # here\n" } @lines) . "}\n";
}

# a probe block and a check that uses it

sub used {
    my ($lines, $words) = @_;

    return "healthdash_probe p { $lines }\n" . check("$words probe=p");
}

# the names in a table of the source, in its order, each once

sub names {
    my ($file, $table) = @_;
    my %seen;

    open my $fh, '<', "$source/$file" or die "cannot open $file: $!\n";

    my ($rows) = do { local $/; <$fh> }
                 =~ /\n(?:[^\n]*\s)?\Q$table\E\[\] = \{\n(.*?)\n\};/s
        or die "$file has no table $table\n";

    return grep { !$seen{$_}++ }
           $rows =~ /^\s*\{ (?:\.name = )?ngx_string\("(\w+)"\)/mg;
}

sub location { return "server {\n    location / { $_[0] } # here\n}\n"; }


my $time = 'expected a time such as';
my $any = 'expected one such as http://host:8080/path or tcp://host:5432';
my $url = 'expected one such as http://host:80/path';
my $login = ', and behind it, if needed, user= password=';
my $file = 'expected a file whose first line is the value, from 1 to 4096 '
           . 'bytes';
my $text = 'expected a text without control characters, from 1 to';
my $name = 'expected a name without control characters, from 1 to 255 bytes';
my $host = 'expected a host name such as www.example.com, without blanks, '
           . 'up to 255 bytes';
my $path = 'expected a path that begins with "/", without blanks, up to 4096 '
           . 'bytes';
my $known = join ', ',
            names('ngx_http_healthdash_table.c', 'ngx_http_healthdash_params');
my $types = join ', ', names('ngx_hd_types.c', 'ngx_hd_types');

my $long = 'x' x 256;


my @accepted = (

    # directives

    [ 'healthdash_check', check('') ],
    [ 'healthdash_check', check('http') ],
    [ 'healthdash_check', check('https') ],
    [ 'healthdash_check', check('tcp') ],
    [ 'healthdash_check', check('http uri=/a', 'http uri=/b', 'tcp') ],
    [ 'healthdash_check', upstream('127.0.0.1:1 127.0.0.1:1', 'tcp') ],
    [ 'healthdash_check', upstream('127.0.0.1:1 [::1]:1 unix:/x', 'tcp') ],
    [ 'healthdash_check', "upstream a { zone a 64k; server 127.0.0.1:1;\n"
                          . "server 127.0.0.1:2 backup;\n"
                          . "healthdash_check; least_conn; }\n"
                          . "server { location / { proxy_pass http://a; } }" ],

    [ 'healthdash_check', "upstream \"\xc3\xa4, b\" { server 127.0.0.1:1;\n"
                          . "healthdash_check tcp; }" ],

    [ 'healthdash_zone', 'healthdash_zone hd;' ],
    [ 'healthdash_zone', "healthdash_zone hd 1m;\n" . check('') ],
    [ 'healthdash_zone', "healthdash_zone hd;\n" . check('') ],

    [ 'healthdash_probe', 'healthdash_probe unused { }' ],
    [ 'healthdash_probe', "healthdash_probe p { uri /p; }\n"
                          . check('probe=p') ],
    [ 'healthdash_probe', check('probe=p')
                          . 'healthdash_probe p { uri /p; }' ],

    [ 'healthdash_service', service('web http://127.0.0.1') ],
    [ 'healthdash_service', service('"Orders, ä" http://127.0.0.1:8080/x?y') ],
    [ 'healthdash_service', service('web http://[::1]:8080/') ],
    [ 'healthdash_service', service('web http://127.0.0.1?a=b') ],
    [ 'healthdash_service', service('web https://127.0.0.1/x') ],
    [ 'healthdash_service', service('web http://unix:/tmp/x.sock') ],
    [ 'healthdash_service', service('web "http://unix:/tmp/x y.sock:/uri"') ],
    [ 'healthdash_service', service('web tcp://127.0.0.1:22') ],
    [ 'healthdash_service', service('web tcp://[::1]:22') ],
    [ 'healthdash_service', service('web tcp://unix:/tmp/x.sock') ],
    [ 'healthdash_service', service('web http://u%40x:p%3a@127.0.0.1/a@b') ],
    [ 'healthdash_service', "resolver 127.0.0.1;\n"
                            . service('web http://no.such.host.invalid/') ],
    [ 'keepalive', "resolver 127.0.0.1;\n"
                   . service('web http://no.such.host.invalid/ keepalive=on'),
      'keepalive has no effect for service "web", whose host is looked up for '
      . 'each probe' ],
    [ 'healthdash_service', service('app tcp://127.0.0.1:1')
                            . check('tcp') ],
    [ 'healthdash_service', service('web http://localhost/'),
      'host "localhost" of service "web" is resolved once, at start, for '
      . 'there is no "resolver" in http{}' ],

    [ 'healthdash_status', location('healthdash_status;') ],
    [ 'healthdash_status', location('healthdash_status json;') ],
    [ 'healthdash_status', location('healthdash_status html;') ],
    (map { [ 'healthdash_status', location("healthdash_status $_;") ] }
         qw(text csv health atom badge public), 'public html', 'json public'),
    [ 'healthdash_live', location('healthdash_live;') ],
    (map { [ 'healthdash_ready', service('"Orders database" tcp://127.0.0.1:1')
                                 . service('"a>=1" tcp://127.0.0.1:1')
                                 . upstream('127.0.0.1:1 127.0.0.1:2', 'tcp')
                                 . location("healthdash_ready $_;") ] }
         'app', 'app>=1', 'app app>=2', '"Orders database"', '"a>=1"',
         '"Orders database" "app>=2" app'),
    [ 'healthdash_ready', location('healthdash_ready app;')
                          . upstream('127.0.0.1:1', 'tcp') ],
    [ 'healthdash_ready', location('healthdash_ready;') . check('critical') ],
    [ 'healthdash_ready', location('healthdash_ready;')
                          . service('a tcp://127.0.0.1:1 critical') ],
    [ 'healthdash_ready', upstream('127.0.0.1:1', 'tcp')
                          . location('healthdash_ready app>=2;'),
      '"app>=2" wants more servers than the upstream has: it will never hold' ],
    (map { [ 'healthdash_service', service("here $_") ] }
         'disk:/', '"disk:/a b"', 'disk:/no/such/path',
         qw(memory: load: files: nginx:)),
    [ 'healthdash_heartbeat', location('healthdash_heartbeat;') ],
    [ [ 'interval', 'grace', 'token', 'healthdash_service' ],
      service('"A beat" heartbeat: interval=31d grace=1d token=a') ],
    [ 'grace', service('beat heartbeat: interval=1s grace=0 timeout=2s') ],
    (map { [ 'healthdash_guard', "healthdash_guard $_;\n"
                                 . service('"The gate" tcp://127.0.0.1:1')
                                 . "\n" . service('net tcp://127.0.0.1:2') ] }
         '1%', '99% hold=1s', 'off', '60% sentinel=net "sentinel=The gate"',
         'off sentinel=net hold=1d'),
    (map { [ 'healthdash_rate', "healthdash_rate $_;" ] }
         '1/s', '100000/s', 'off', '500/s inflight=1 per_address=1',
         'off per_address=100000 inflight=100000'),
    [ 'healthdash_title', 'healthdash_title "Shop, north";' ],
    [ 'healthdash_title', "healthdash_title \"K\xc3\xb6ln\";" ],
    [ 'healthdash_title', 'healthdash_title "";' ],
    (map { [ 'healthdash_state_file',
             "healthdash_state_file $_;\n" . check('tcp') ] }
         '%%DIR%%/state', 'state', '"%%DIR%%/a state"', '%%DIR%%'),
    [ 'healthdash_state_file', 'healthdash_state_file /no/such/folder/x;' ],

    # parameters

    (map { [ 'interval', check("interval=$_ timeout=10ms") ] }
         qw(20ms 2s 5 1d 1m30s)),
    [ 'interval', check('"interval=1m 30s"') ],
    [ 'fast', check('fast=20ms') ],
    [ 'fast', check('fast=5s') ],
    [ [ 'fast', 'interval' ], check('interval=500ms timeout=400ms') ],
    (map { [ 'jitter', check("jitter=$_") ] } qw(0 0% 10% 100%)),
    [ 'timeout', check('timeout=100ms') ],
    [ 'timeout', check('timeout=5s'),
      'timeout (5000ms) is not shorter than interval (5000ms), probes that '
      . 'take long will delay the next one' ],
    (map { [ 'fails', check("fails=$_") ] } 1, 1000),
    (map { [ 'passes', check("passes=$_") ] } 1, 1000),
    (map { [ 'initial', check("initial=$_") ] } qw(up down checking)),
    (map { [ 'slow', check("slow=$_") ] } qw(1ms 300ms off)),
    [ 'slow', check('slow=3s'),
      'slow (3000ms) is not shorter than timeout (2000ms) and will never be '
      . 'seen' ],
    (map { [ 'flap', check("flap=$_") ] } qw(2/1s 5/10m 1000/1d off)),
    (map { [ 'min_up', upstream('127.0.0.1:1 127.0.0.1:2', "min_up=$_") ] }
         qw(0 1 2 0% 50% 100%)),
    [ 'min_up', upstream('127.0.0.1:1', 'min_up=1', 'uri=/b min_up=1', 'tcp') ],
    [ 'min_up', "upstream app { server 127.0.0.1:1;\n"
                . "server 127.0.0.1:2 backup;\nhealthdash_check min_up=2; }" ],
    [ 'min_up', check('min_up=2'),
      'min_up=2 is more than the number of servers (1) of upstream "app": '
      . 'none will be taken out of service' ],
    (map { [ 'max_servers', "healthdash_probe p { max_servers $_; }\n" ] }
         1, 64, 1000),
    (map { [ 'mode', check("mode=$_") ] } qw(enforce observe)),
    (map { [ 'slow_start', check("slow_start=$_") ] } qw(1s 60s 1h off)),
    [ 'slow_start', used('slow_start 1m;', 'http mode=observe') ],
    [ 'slow_start', upstream('127.0.0.1:1 127.0.0.1:2',
                             'tcp slow_start=10s', 'http slow_start=1m') ],
    (map { [ 'uri', check("uri=$_") ] } qw(/ /a?b=c=d /%C3%A4)),
    (map { [ 'method', check("method=$_") ] } qw(GET HEAD M-SEARCH)),
    (map { [ 'host', check("host=$_") ] } qw(www.example.com a:80 [::1]:80)),
    [ 'host', service('web http://127.0.0.1 host=www.example.com') ],
    (map { [ 'port', check("port=$_") ] } 1, 65535),
    [ 'port', check('tcp port=1') ],
    [ 'http', check('http=1.1') ],
    [ 'http', check('http=2') ],
    [ 'http', check('https http=2') ],
    [ 'service', check('grpc service=shop.Orders') ],
    [ 'service', service("orders grpcs://127.0.0.1 service=shop.Orders") ],
    (map { [ 'keepalive', check("keepalive=$_") ] } qw(on off)),
    (map { [ 'body_limit', check("body_limit=$_") ] } qw(1 64k 16m)),
    [ [ 'user', 'password' ], check('user=me password=a=b') ],
    [ 'user', check('user=me') ],
    [ 'database', block('database d') ],
    [ 'database', check('postgres user=u database=d') ],
    [ 'query', block('query "SELECT 1"') ],
    [ 'query', check('mysql user=u "query=SELECT 2"') ],
    [ 'role', check('postgres user=u role=primary') ],
    [ 'max_lag', check('mysql user=u max_lag=10s') ],
    [ 'starttls', check('postgres user=u starttls=on ca=%%CA%%') ],
    [ 'starttls', check('mysql user=u starttls=on ca=%%CA%%') ],
    [ 'starttls', check('mysql user=u starttls=on') ],
    [ 'healthdash_service',
      service('db postgres://unix:/run/x/.s.PGSQL.5432 user=u') ],
    [ 'healthdash_service', service('db mysql://unix:/run/x.sock user=u') ],
    [ 'role', check('redis role=any') ],
    [ 'role', check('redis role=primary') ],
    [ 'role', service('c redis://127.0.0.1 role=replica') ],
    [ 'max_lag', check('redis max_lag=10s role=replica') ],
    [ 'max_lag', block('max_lag off') ],
    [ 'item', service('c memcached://127.0.0.1 item=a:b') ],
    [ 'password', check('redis password=x') ],
    [ [ 'user', 'password' ], service('c rediss://127.0.0.1 user=a:b '
                                      . 'password=x verify=on') ],
    (map { [ [ 'user', 'password' ], $_, 'the password goes to the server in '
             . 'clear text, unless starttls=on is given' ] }
         check('smtp user=u password=x'),
         service('m ftp://127.0.0.1 user=u password=x'),
         service('m imap://u:x@127.0.0.1')),
    [ 'starttls', service('m pop3://u:x@127.0.0.1 starttls=on ca=%%CA%%') ],
    [ 'starttls', service('m imaps://u:x@127.0.0.1') ],
    [ 'starttls', service('m postgres://u:x@127.0.0.1') ],
    (map { my ($name) = /(\w+)=["']/;
           [ $name, $_, "the quotes in $name=\"...\" are part of the value, "
             . "expected them around the whole: \"$name=...\"" ] }
         check('host="www.example.com"'), check("group='Shop'"),
         service('c redis://127.0.0.1 password="hunter2"')),
    [ 'group', check('"group=Shop"') ],
    [ 'group', check('group="Shop') ],
    [ 'host', block('host "www.example.com"') ],
    [ 'verify', check('https verify=on') ],
    [ 'verify', check('https verify=off'),
      'verify=off: the probe trusts any certificate' ],
    [ 'ca', check('https ca=%%CA%%') ],
    [ [ 'cert', 'key' ], check('https cert=%%CERT%% key=%%KEY%%') ],
    [ 'sni', check('https sni=www.example.com') ],
    (map { [ 'min_tls', check("https min_tls=$_") ] } '1.2', '1.3'),
    (map { [ 'proxy_protocol', check("proxy_protocol=$_") ] } qw(off v1 v2)),
    [ 'source', check('source=127.0.0.2') ],
    [ 'source', service('web http://[::1]/ source=[::1]') ],
    [ 'source', service('web dns://127.0.0.1 name=a.test source=127.0.0.1') ],
    (map { [ 'addresses', service("web http://127.0.0.1 addresses=$_") ] }
         qw(any all)),
    (map { [ 'prefer', service("web http://127.0.0.1 prefer=$_") ] }
         qw(ipv4 ipv6)),
    [ 'group', check('group=Shop') ],
    [ 'description', check('"description=The shop, ä"') ],
    [ 'link', check('link=https://wiki.example.com/shop') ],
    [ 'link', check('link=http://wiki.example.com/shop') ],
    [ 'critical', check('critical') ],
    [ 'critical', check('http critical') ],
    [ 'probe', "healthdash_probe p { }\n" . check('probe=p') ],

    # lines of a block

    [ 'type', used('type http;', '') ],
    [ 'type', used('type https;', 'https') ],
    [ 'type', used('type tcp;', '') ],
    [ 'expect', block('expect status 200-299 304') ],
    [ 'expect', block('expect header Content-Type ~* json') ],
    [ 'expect', block('expect body ~ "\"status\":\s*\"UP\""') ],
    [ 'expect', block('expect !header X-Debug') ],
    [ 'expect', block('expect json .checks.db = ok') ],
    [ 'expect', block('expect json length(.items) >= 3',
                      q{expect json '."a b"' != null}) ],
    [ 'expect', used('expect time < 1s;', 'tcp') ],
    [ 'expect', used('expect time > 10s;', 'tcp'),
      '"expect time > 10s" can never hold with a timeout of 2000ms' ],
    [ 'expect', used('expect time < 500;', 'tcp'),
      '"expect time < 500" always holds with a timeout of 2000ms' ],
    [ 'warn', used('warn time <= 1m; timeout 1m; interval 2m;', 'tcp'),
      '"warn time <= 1m" always holds with a timeout of 60000ms' ],
    [ 'expect', used('expect time < 1999ms;', 'tcp') ],
    [ 'expect', block('expect row = t', 'expect value < 3.5') ],
    [ 'warn', used('warn cert_days > 30;', 'tls') ],
    [ 'warn', block('warn time < 300ms', 'warn status 200') ],

    [ 'name', service('n dns://127.0.0.1 name=example.com') ],
    [ 'name', service('n dns://127.0.0.1:5353 name=_x._tcp.Example.com.') ],
    [ 'name', service('n dns://127.0.0.1 name=.') ],
    (map { [ 'record', service("n dns://127.0.0.1 name=a record=$_") ] }
         qw(A AAAA CAA CNAME MX NS PTR SOA SRV TXT)),
    (map { [ 'rcode', service("n dns://127.0.0.1 name=a rcode=$_") ] }
         qw(NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED)),
    (map { [ [ qw(send expect) ], used($_, 'tcp') ] }
         'send "PING\r\n"; expect = "+PONG\r\n";',
         'expect ~ "^220"; send QUIT; expect ~* "^221"; expect time < 1s;',
         'send "\0\x41\xff\\\\\\\\";', 'send @%%SECRET%%; expect ~ "a;{}";'),
    [ 'send', used('send a; expect = b;', 'udp') ],
    (map { [ 'param', used('param REQUEST_METHOD POST; param X ""; '
                           . 'param HTTP_X_TOKEN @%%SECRET%%;', $_) ] }
         qw(fastcgi uwsgi)),
    (map { [ 'header', used($_, 'http') ] }
         'header X-Api-Key a;', 'header Accept text/html; header Accept a;',
         'header Authorization "Bearer @%%SECRET%%";',
         'header X-Token @%%SECRET%%;', 'header X-Token "a @secret";',
         'header X-Empty "";', 'header From me@example.com;',
         'header "!#$%&\'*+-.^_`|~09Az" a;', 'header X-Name "K\xc3\xb6ln";',
         'header User-Agent me;', 'user me; header X-User me;'),
    [ 'header', used('header Sec-WebSocket-Protocol chat;', 'https') ],
    (map { [ [ 'body', 'method' ], used("method $_; body a;", 'http') ] }
         qw(POST PUT PATCH DELETE OPTIONS)),
    [ 'body', check('"body={\"a\": 1}" method=POST') ],
    [ 'body', used('body @%%SECRET%%; method POST; header Content-Type a;',
                   'https') ],
    [ 'user_agent', check('"user_agent=my probe/1.0"') ],
    [ 'user_agent', used('user_agent a; header X-Agent a;', 'http') ],
    [ [ 'interval', 'timeout', 'fails', 'passes', 'slow', 'critical' ],
      block('interval 2s', 'timeout 1s', 'fails 3', 'passes 2', 'slow 300ms',
            'critical') ],
    [ 'probe', used('interval 2s; timeout 1s; min_up 0; critical;', 'http') ],
    [ 'probe', used('min_up 5;', 'min_up=1') ],

    # @FILE

    [ 'password', check('user=me password=@%%SECRET%%') ],
    [ 'password', check('user=me password=@secret') ],
    [ 'uri', check('uri=@%%URI%%') ],
    [ 'password', block('user me', 'password @%%SECRET%%') ],
    [ 'password', check('user=me password=@%%OPEN%%'),
      'everyone on this machine can read the file "%%OPEN%%" of password, '
      . 'expected "chmod 640"' ],
    [ 'password', block('user me', 'password @open'),
      'everyone on this machine can read the file "%%OPEN%%" of password, '
      . 'expected "chmod 640"' ],
    [ 'header', block('header Authorization "Bearer @%%OPEN%%"'),
      'everyone on this machine can read the file "%%OPEN%%" of header, '
      . 'expected "chmod 640"' ],
    [ 'key', block('key @%%OPEN%%'),
      'everyone on this machine can read the file "%%OPEN%%" of key, expected '
      . '"chmod 640"' ],
    [ 'key', block('key %%OPEN%%'),
      'everyone on this machine can read the file "%%OPEN%%" of key, expected '
      . '"chmod 640"' ],
    [ 'ca', block('ca %%OPEN%%', 'cert %%OPEN%%') ],
);


my @refused = (

    # directives

    [ 'healthdash_check', check('gopher'),
      "unknown type \"gopher\", expected one of $types" ],
    (map { [ 'healthdash_check', check($_),
             'unexpected type "' . (split)[-1] . '", expected one type, the '
             . 'first word' ] } 'http tcp', 'uri=/ http', 'tcp http'),
    [ 'healthdash_service', service('web http://127.0.0.1 http'),
      'unexpected type "http", expected it in front of the URL\'s "://" only' ],
    (map { my ($theirs, $ours) = split /=/;
           ([ 'healthdash_check', check("$theirs=5"),
              "unknown parameter \"$theirs\", did you mean \"$ours\"?" ],
            [ 'healthdash_probe', block("$theirs 5"),
              "unknown parameter \"$theirs\", did you mean \"$ours\"?" ]) }
         qw(fall=fails rise=passes inter=interval path=uri match=probe
            MODE=mode Interval=interval status=expect
            passwd=password pass=password username=user grpc_service=service
            sql=query db=database hostname=host query-name=name)),
    [ 'healthdash_check', check('/healthz'),
      "unknown type \"/healthz\", expected one of $types" ],
    [ 'healthdash_check', check('http /healthz'),
      'unexpected path "/healthz", expected "uri=" in front of it' ],
    [ 'healthdash_check', check('http /healthz?key=hunter2'),
      'unexpected path "/healthz?key", expected "uri=" in front of it' ],
    [ 'healthdash_probe', block('/healthz'),
      'unexpected path "/healthz", expected "uri" in front of it' ],
    [ 'healthdash_service', service('web http://127.0.0.1 /healthz'),
      'unexpected path "/healthz", expected it as part of the URL' ],
    [ 'group', check('group=Data base'),
      'unknown parameter "base"; if it belongs to "group", expected quotes '
      . 'around the whole: "group=... base"' ],
    [ 'description', service('web http://127.0.0.1 '
                             . 'description=Outgoing mail'),
      'unknown parameter "mail"; if it belongs to "description", expected '
      . 'quotes around the whole: "description=... mail"' ],
    [ 'critical', check('mode=observe critica'),
      'unknown parameter "critica", did you mean "critical"?' ],
    [ 'password', check('user=me password=my hunter2'),
      'unknown parameter "..."; if it belongs to "password", expected quotes '
      . 'around the whole: "password=... ..."' ],
    [ 'mode', check('mode=OBSERVE'),
      'invalid mode "OBSERVE", expected enforce or observe' ],
    [ 'healthdash_check', check('foo=hunter2'),
      "unknown parameter \"foo\", expected one of $known" ],
    [ 'healthdash_check', check('=x'),
      "unknown parameter \"\", expected one of $known" ],
    [ 'healthdash_check', check('intervall=5s'),
      'unknown parameter "intervall", did you mean "interval"?' ],
    [ 'healthdash_check', check('http interval'),
      'parameter "interval" needs a value' ],
    [ 'healthdash_check', "upstream app {\n    server 127.0.0.1:1;\n"
                          . "    healthdash_check uri=/a;\n"
                          . "    healthdash_check uri=/a fails=5; # here\n}",
      'duplicate of the check in line %%PREVIOUS%%, expected checks of one '
      . 'upstream to ask different questions' ],
    [ 'healthdash_check', "upstream \"a b\" {\n    server 127.0.0.1:1;\n"
                          . "    healthdash_check; # here\n}",
      'name "a b" is no Host to send, expected parameter "host"' ],

    (map { [ 'healthdash_check', "upstream \"a$_\" {\n"
                                 . "    server 127.0.0.1:1;\n"
                                 . "    healthdash_check tcp; # here\n}",
             'invalid name of the upstream, expected UTF-8 without control '
             . 'characters' ] }
         "\xff", "\t", "\xe2\x80\xae"),

    [ 'healthdash_zone', "healthdash_zone a;\nhealthdash_zone b; # here",
      '"healthdash_zone" directive is duplicate' ],
    [ 'healthdash_zone', 'healthdash_zone ""; # here',
      'invalid name, expected UTF-8 without control characters, from 1 to 255 '
      . 'bytes' ],
    [ 'healthdash_zone', 'healthdash_zone a 1x; # here',
      'invalid size "1x", expected a size such as 256k or 1m' ],
    [ 'healthdash_zone', "healthdash_zone a 8k; # here\n"
                         . 'upstream app { server 127.0.0.1:1; '
                         . 'healthdash_check; }',
      qr/zone "a" is too small, expected at least 4\d\dk for 1 target$/ ],
    [ 'healthdash_zone', "healthdash_zone a 32k; # here\nupstream app {\n"
                         . join('', map { "server 127.0.0.1:$_;\n" } 1 .. 99)
                         . "healthdash_check; }",
      qr/zone "a" is too small, expected at least \d{3,4}k for 99 targets$/ ],
    [ 'healthdash_zone', 'healthdash_zone; # here',
      'invalid number of arguments in "healthdash_zone" directive' ],

    [ 'healthdash_probe', "healthdash_probe a { }\n"
                          . "healthdash_probe a { } # here",
      'probe "a" is duplicate' ],
    [ 'healthdash_probe', 'healthdash_probe "" { } # here',
      'invalid name, expected UTF-8 without control characters, from 1 to 255 '
      . 'bytes' ],
    [ 'healthdash_probe', block('uri'), 'parameter "uri" needs one value' ],
    [ 'healthdash_probe', block('uri /a /b'),
      'parameter "uri" needs one value, in quotes if it has blanks' ],
    [ 'healthdash_probe', block('uri=/a'),
      'parameter "uri" is written without "=" in a block' ],
    [ 'expect', block('expect=status 200'),
      'parameter "expect" is written without "=" in a block' ],
    [ 'healthdash_probe', block('intervall 5s'),
      'unknown parameter "intervall", did you mean "interval"?' ],
    [ 'healthdash_probe', block('foo hunter2'),
      "unknown parameter \"foo\", expected one of $known" ],
    [ 'healthdash_probe', block('foo=hunter2'),
      "unknown parameter \"foo\", expected one of $known" ],

    [ 'healthdash_service', service('web 127.0.0.1'),
      "no scheme in URL \"127.0.0.1\" of service \"web\", $any" ],
    [ 'healthdash_service', service('web gopher://127.0.0.1'),
      "unknown type \"gopher\", expected one of $types" ],
    [ 'healthdash_service', service('web tcp://127.0.0.1'),
      'no port in URL "tcp://127.0.0.1" of service "web", expected one such as '
      . 'tcp://host:8080' ],
    [ 'healthdash_service', service('web tcp://127.0.0.1:1/x'),
      'unexpected path in URL "tcp://127.0.0.1:1/x" of service "web", '
      . 'expected one such as tcp://host:8080' ],
    [ 'healthdash_service', service('web tcp://u:hunter2@127.0.0.1:1'),
      'unexpected user in URL "tcp://...@127.0.0.1:1" of service "web", '
      . 'expected one such as tcp://host:8080' ],
    [ 'healthdash_service', service('web postgres://u:hunter2@127.0.0.1/shop'),
      'unexpected path in URL "postgres://...@127.0.0.1/shop" of service '
      . "\"web\", expected one such as postgres://host:5432$login database=" ],
    [ 'healthdash_service', service('web redis://:hunter2@127.0.0.1'),
      'no user before "@" in URL "redis://...@127.0.0.1" of service "web", '
      . "expected one such as redis://host:6379$login" ],
    [ 'healthdash_service', service('web smtp:127.0.0.1:25'),
      'no scheme in URL "smtp:127.0.0.1:25" of service "web", expected one '
      . "such as smtp://host:25$login" ],
    [ 'healthdash_service', service('web dns://127.0.0.1/example.com'),
      'unexpected path in URL "dns://127.0.0.1/example.com" of service "web", '
      . 'expected one such as dns://host:53, and behind it, if needed, name=' ],
    [ 'healthdash_service', service('web grpc://127.0.0.1:1/shop.Cart'),
      'unexpected path in URL "grpc://127.0.0.1:1/shop.Cart" of service "web", '
      . 'expected one such as grpc://host:8080, and behind it, if needed, '
      . 'service=' ],
    [ 'healthdash_service', service('web disk'),
      'no scheme in URL "disk" of service "web", expected one such as '
      . 'disk:/var' ],
    [ 'healthdash_service', service('web heartbeat interval=1d'),
      'no scheme in URL "heartbeat" of service "web", expected one such as '
      . 'heartbeat:' ],
    [ 'healthdash_service', service('web ws://127.0.0.1/chat'),
      'unknown type "ws", expected websocket' ],
    [ 'healthdash_service', service('web mariadb://127.0.0.1'),
      'unknown type "mariadb", expected mysql' ],
    [ 'type', block('type h2'), 'unknown type "h2", expected https with '
                                . 'http=2' ],
    [ 'healthdash_service', service('web http://u:hunter2@127.0.0.1:x/'),
      "invalid port in URL \"http://...\@127.0.0.1:x/\" of service \"web\", "
      . $url ],
    [ 'healthdash_service', service('web http:/u:hunter2@127.0.0.1/'),
      "no scheme in URL \"\@127.0.0.1/\" of service \"web\", $url" ],
    [ 'healthdash_service', service('web http://u:hunter/2@127.0.0.1/'),
      "invalid port in URL \"http://...\@127.0.0.1/\" of service \"web\", "
      . $url ],
    [ 'healthdash_service', service('web http://u:hunter2%0a@127.0.0.1/'),
      "invalid user or password in URL \"http://...\@127.0.0.1/\" of service "
      . "\"web\", $url" ],
    [ 'healthdash_service', service('web http://:hunter2@127.0.0.1/'),
      "no user before \"@\" in URL \"http://...\@127.0.0.1/\" of service "
      . "\"web\", $url" ],
    [ 'healthdash_service', service('web http://'),
      "no host in URL \"http://\" of service \"web\", $url" ],
    [ 'healthdash_service', service('web http://127.0.0.1:70000'),
      "invalid port in URL \"http://127.0.0.1:70000\" of service \"web\", "
      . $url ],
    [ 'healthdash_service', service('web http://[::1'),
      "invalid host in URL \"http://[::1\" of service \"web\", $url" ],
    [ 'healthdash_service', service('web "http://127.0.0.1/a b"'),
      "invalid character in URL \"http://127.0.0.1/a b\" of service \"web\", "
      . $url ],
    [ 'healthdash_service', service('web http://127.0.0.1/#a'),
      "blank or \"#\" in the path in URL \"http://127.0.0.1/#a\" of service "
      . "\"web\", $url" ],
    [ 'healthdash_service', service('web http://unix:/x:y'),
      "invalid path in URL \"http://unix:/x:y\" of service \"web\", $url" ],
    [ 'healthdash_service', service('web http://no.such.host.invalid/'),
      "host not found in URL \"http://no.such.host.invalid/\" of service "
      . "\"web\", $url" ],
    [ 'healthdash_service', "healthdash_service a tcp://127.0.0.1:1;\n"
                            . service('a tcp://127.0.0.1:2'),
      'service "a" is duplicate' ],
    [ 'healthdash_service', service('"" tcp://127.0.0.1:1'),
      'invalid name, expected UTF-8 without control characters, from 1 to 255 '
      . 'bytes' ],
    [ 'healthdash_service', service("$long tcp://127.0.0.1:1"),
      'invalid name, expected UTF-8 without control characters, from 1 to 255 '
      . 'bytes' ],
    [ 'healthdash_service', service("\"a\tb\" tcp://127.0.0.1:1"),
      'invalid name, expected UTF-8 without control characters, from 1 to 255 '
      . 'bytes' ],
    [ 'healthdash_service', service("\"\xff\" tcp://127.0.0.1:1"),
      'invalid name, expected UTF-8 without control characters, from 1 to 255 '
      . 'bytes' ],
    [ 'healthdash_service', service('web'),
      'invalid number of arguments in "healthdash_service" directive' ],
    [ 'healthdash_service', service('web http://127.0.0.1 foo'),
      "unknown parameter \"foo\", expected one of $known" ],

    [ 'healthdash_status', location('healthdash_status xml;'),
      'unknown "xml", expected "public" or a format: "json", "html", "text", '
      . '"csv", "health", "atom", "badge" or "events"' ],
    [ 'healthdash_status', location('healthdash_status json html;'),
      'unexpected "html", expected one format, or none to negotiate' ],
    [ 'healthdash_status', location('healthdash_status public json public;'),
      '"public" is duplicate' ],
    (map { [ 'healthdash_service', service("d disk:$_"),
             'the probe of type "disk" needs a path, expected one such as '
             . 'disk:/var' ] }
         '', 'var'),
    (map { [ 'healthdash_service', service("m $_:x"),
             "the probe of type \"$_\" is about this machine, expected nothing "
             . 'behind the colon' ] }
         qw(memory load files nginx)),
    (map { [ 'healthdash_check', check($_),
             "type \"$_\" belongs to a healthdash_service, not to the servers "
             . 'of an upstream' ] }
         qw(disk memory load files nginx)),
    [ 'healthdash_heartbeat', location('healthdash_heartbeat on;'),
      'invalid number of arguments in "healthdash_heartbeat" directive' ],
    [ 'healthdash_heartbeat', location("healthdash_heartbeat;\n"
                                       . 'healthdash_heartbeat; # here'),
      '"healthdash_heartbeat" directive is duplicate' ],
    [ 'healthdash_service', service('beat heartbeat:x interval=1d'),
      'the probe of type "heartbeat" is called by its name, expected '
      . '"heartbeat:" alone' ],
    (map { [ 'grace', service("beat heartbeat: interval=1d grace=$_"),
             "invalid grace \"$_\", $time 1m, from 0 to 1d" ] }
         '1x', '25h', '-1s'),
    [ 'grace', check('grace=1s'),
      'parameter "grace" has no meaning for type "http"' ],
    [ 'token', service('beat heartbeat: interval=1d token='),
      "invalid token, $text 255 bytes" ],
    [ 'token', check('token=a'),
      'parameter "token" has no meaning for type "http"' ],
    [ 'healthdash_live', location('healthdash_live on;'),
      'invalid number of arguments in "healthdash_live" directive' ],
    [ 'healthdash_live', location('healthdash_status; healthdash_live;'),
      '"healthdash_live" directive conflicts with "healthdash_status" in the '
      . 'same location' ],
    [ 'healthdash_ready', location('healthdash_ready;'),
      'nothing is marked critical, expected parameter "critical" of a '
      . 'healthdash_service or healthdash_check, or names behind '
      . 'healthdash_ready' ],
    [ 'healthdash_ready', location('healthdash_ready nope;'),
      'unknown name "nope", expected a service or an upstream with a '
      . 'healthdash_check: none is configured' ],
    (map { my ($term, $name) = @$_;
           [ 'healthdash_ready', 'upstream other { server 127.0.0.1:1; }'
             . service('"Orders database" tcp://127.0.0.1:1')
             . check('tcp') . location("healthdash_ready $term;"),
             "unknown name \"$name\", expected a service or an upstream with a "
             . 'healthdash_check: "app", "Orders database"' ] }
         [ 'nope', 'nope' ], [ 'other', 'other' ], [ '""', '' ],
         [ 'other>=1', 'other' ], [ 'app = 2', '=' ]),
    (map { my ($term, $name, $near) = @$_;
           [ 'healthdash_ready',
             service('"Orders database" tcp://127.0.0.1:1')
             . check('tcp') . location("healthdash_ready $term;"),
             "unknown name \"$name\", did you mean \"$near\"?" ] }
         [ 'ap>=1', 'ap', 'app' ], [ 'app>2', 'app>2', 'app' ],
         [ '"orders database"', 'orders database', 'Orders database' ]),
    (map { [ 'healthdash_ready', check('tcp')
                                 . location("healthdash_ready $_;"),
             "invalid term \"$_\", expected the name of a service or an "
             . 'upstream, or UPSTREAM>=N in one word with N from 1 to 10000' ] }
         'app>=', 'app>=0', 'app>=x', 'app>=10001', 'app>=-1'),
    [ 'healthdash_ready', service('a tcp://127.0.0.1:1')
                          . location('healthdash_ready a>=1;'),
      'invalid term "a>=1", expected the name of a service or an upstream, or '
      . 'UPSTREAM>=N in one word with N from 1 to 10000' ],
    (map { [ 'healthdash_ready', service('app tcp://127.0.0.1:1')
                                 . check('tcp')
                                 . location("healthdash_ready $_;"),
             '"app" is the name of a service and of an upstream, expected '
             . 'another name for one of them' ] } 'app', 'app>=1'),
    [ 'healthdash_ready', service('app tcp://127.0.0.1:1 critical')
                          . check('tcp critical')
                          . location('healthdash_ready;'),
      'term "app" is duplicate' ],
    [ 'healthdash_ready', check('tcp')
                          . location('healthdash_ready app app;'),
      'term "app" is duplicate' ],
    [ 'healthdash_ready', check('tcp') . location('healthdash_ready app; '
                                                  . 'healthdash_ready app;'),
      '"healthdash_ready" directive is duplicate' ],
    [ 'healthdash_ready', check('tcp')
                          . location('healthdash_live; healthdash_ready app;'),
      '"healthdash_ready" directive conflicts with "healthdash_live" in the '
      . 'same location' ],
    [ 'healthdash_guard', 'healthdash_guard; # here',
      'invalid number of arguments in "healthdash_guard" directive' ],
    [ 'healthdash_guard', "healthdash_guard off;\nhealthdash_guard 1%; # here",
      '"healthdash_guard" directive is duplicate' ],
    (map { [ 'healthdash_guard', "healthdash_guard $_; # here",
             "invalid parameter \"$_\", expected a share of the targets from "
             . '1% to 99%, or off' ] }
         qw(0% 100% 60 % on)),
    (map { [ 'healthdash_guard', "healthdash_guard 60% hold=$_; # here",
             "invalid parameter \"hold=$_\", expected a time from 1s to 1d in "
             . 'it' ] }
         '0', '2d', 'x'),
    [ 'healthdash_guard', 'healthdash_guard 60% gate; # here',
      'invalid parameter "gate", expected sentinel=NAME or hold=TIME' ],
    [ 'healthdash_guard', "healthdash_guard 60% sentinel=none; # here",
      'sentinel "none" is no service, expected the name of a '
      . 'healthdash_service' ],
    [ 'healthdash_rate', 'healthdash_rate; # here',
      'invalid number of arguments in "healthdash_rate" directive' ],
    [ 'healthdash_rate', "healthdash_rate 1/s;\nhealthdash_rate 2/s; # here",
      '"healthdash_rate" directive is duplicate' ],
    (map { [ 'healthdash_rate', "healthdash_rate $_; # here",
             "invalid parameter \"$_\", expected a number of probes a second "
             . 'such as 500/s, from 1/s to 100000/s, or off' ] }
         qw(0/s 100001/s 5 5/m /s on)),
    [ 'healthdash_rate', 'healthdash_rate 5/s burst=1; # here',
      'invalid parameter "burst=1", expected inflight=NUMBER or '
      . 'per_address=NUMBER' ],
    (map { [ 'healthdash_rate', "healthdash_rate 5/s $_; # here",
             "invalid parameter \"$_\", expected a number from 1 to 100000 in "
             . 'it' ] }
         qw(inflight=0 inflight=100001 per_address=x per_address=)),
    [ 'healthdash_title', 'healthdash_title; # here',
      'invalid number of arguments in "healthdash_title" directive' ],
    [ 'healthdash_title', "healthdash_title a;\nhealthdash_title b; # here",
      '"healthdash_title" directive is duplicate' ],
    (map { [ 'healthdash_title', "healthdash_title \"a$_\"; # here",
             'invalid title, expected UTF-8 without control characters' ] }
         "\xff", "\t"),

    [ 'healthdash_state_file', 'healthdash_state_file; # here',
      'invalid number of arguments in "healthdash_state_file" directive' ],
    [ 'healthdash_state_file', "healthdash_state_file a;\n"
                               . 'healthdash_state_file a; # here',
      '"healthdash_state_file" directive is duplicate' ],
    (map { [ 'healthdash_state_file', "healthdash_state_file \"$_\"; # here",
             "invalid name \"$_\", expected that of a file such as "
             . '/var/lib/healthdash/state' ] } '', '/var/lib/'),
    [ 'healthdash_state_file', 'healthdash_state_file /no/such/x; # here'
                               . "\n" . check('tcp') =~ s/ # here//r,
      'the folder "/no/such" cannot be used (2: No such file or directory), '
      . 'expected one as made by "install -d -m 700 -o root /no/such"' ],
    [ 'healthdash_state_file',
      'healthdash_state_file %%DIR%%/nginx.conf/x; # here'
      . "\n" . check('tcp') =~ s/ # here//r,
      qr/the folder "\S+" is no folder, expected one as made by "install/ ],

    # parameters

    (map { [ 'interval', check("interval=$_"),
             "invalid interval \"$_\", $time 5s or 500ms, from 10ms to 1d, of a "
             . 'heartbeat to 31d' ] }
         qw(5x 9ms 32d -1s off), ''),
    [ 'interval', check('interval=25h'),
      'interval (90000000ms) is too long for type "http", expected at most 1d' ],
    [ 'interval', service('beat heartbeat:'),
      'type "heartbeat" needs parameter "interval", expected the longest time '
      . 'between two of them, such as 1d' ],
    [ 'interval', check('interval=5s interval=5s'),
      'parameter "interval" is duplicate' ],
    (map { [ 'fast', check("fast=$_"),
             "invalid fast \"$_\", $time 1s or 500ms, from 10ms to 1d" ] }
         qw(1x 9ms)),
    [ 'fast', check('interval=1s fast=2s timeout=500ms'),
      'fast (2000ms) is longer than interval (1000ms), expected at most the '
      . 'interval' ],
    (map { [ 'jitter', check("jitter=$_"),
             "invalid jitter \"$_\", expected a percentage from 0% to 100%" ] }
         qw(10 101% -1% %)),
    (map { [ 'timeout', check("timeout=$_"),
             "invalid timeout \"$_\", $time 2s or 500ms, from 10ms to 1h" ] }
         qw(9ms 2h x)),
    (map { [ 'fails', check("fails=$_"),
             "invalid fails \"$_\", expected a number from 1 to 1000" ] }
         qw(0 1001 x -1 3s)),
    (map { [ 'passes', check("passes=$_"),
             "invalid passes \"$_\", expected a number from 1 to 1000" ] }
         qw(0 1001 x)),
    [ 'initial', check('initial=on'),
      'invalid initial "on", expected up, down or checking' ],
    (map { [ 'slow', check("slow=$_"),
             "invalid slow \"$_\", $time 300ms, from 1ms to 1h, or off" ] }
         qw(0 2h no)),
    (map { [ 'flap', check("flap=$_"),
             "invalid flap \"$_\", expected changes and a time such as 5/10m, "
             . 'from 2 to 1000 in 1s to 1d, or off' ] }
         qw(5 1/10m 1001/10m 5/999ms 5/25h /10m 5/ on)),
    (map { [ 'min_up', check("min_up=$_"),
             "invalid min_up \"$_\", expected a number of servers from 0 to "
             . '10000 or a percentage from 0% to 100%' ] }
         qw(-1 10001 101% %)),
    [ 'min_up', "upstream app {\n    server 127.0.0.1:1;\n"
                . "    healthdash_check min_up=1;\n"
                . "    healthdash_check tcp min_up=100%; # here\n}",
      'min_up differs from that of the check in line %%PREVIOUS%%, expected '
      . 'one for the whole upstream "app"' ],
    [ 'min_up', service('web http://127.0.0.1 min_up=1'),
      'parameter "min_up" belongs to a healthdash_check, not to a service of '
      . 'type "http"' ],
    (map { [ 'max_servers', check("max_servers=$_"),
             "invalid max_servers \"$_\", expected a number from 1 to 1000" ] }
         qw(0 1001 x)),
    [ 'max_servers', check('max_servers=10'),
      'parameter "max_servers" has no meaning for upstream "app", which has no '
      . 'server with "resolve"' ],
    [ 'max_servers', "upstream app {\n    server 127.0.0.1:1;\n"
                     . "    healthdash_check max_servers=10;\n"
                     . "    healthdash_check tcp max_servers=11; # here\n}",
      'max_servers differs from that of the check in line %%PREVIOUS%%, '
      . 'expected one for the whole upstream "app"' ],
    [ 'max_servers', service('web http://127.0.0.1 max_servers=1'),
      'parameter "max_servers" belongs to a healthdash_check, not to a service '
      . 'of type "http"' ],
    [ 'mode', check('mode=watch'),
      'invalid mode "watch", expected enforce or observe' ],
    [ 'mode', service('web tcp://127.0.0.1:1 mode=observe'),
      'parameter "mode" belongs to a healthdash_check, not to a service of '
      . 'type "tcp"' ],
    (map { [ 'slow_start', check("slow_start=$_"),
             "invalid slow_start \"$_\", $time 60s, from 1s to 1h, or off" ] }
         qw(0 999ms 2h on)),
    [ 'slow_start', service('web http://127.0.0.1 slow_start=1m'),
      'parameter "slow_start" belongs to a healthdash_check, not to a service '
      . 'of type "http"' ],
    (map { [ 'uri', check("\"uri=$_\""), "invalid uri \"$_\", $path" ] }
         'x', '', '/a b'),
    [ 'uri', check("\"uri=/a\tb\""), "invalid uri \"/a?b\", $path" ],
    [ 'uri', service('web http://127.0.0.1 uri=/x'),
      'parameter "uri" is given by the URL for a service of type "http"' ],
    [ 'uri', service('web redis://127.0.0.1 uri=/x'),
      'parameter "uri" has no meaning for type "redis"' ],
    [ 'uri', check('tcp uri=/'),
      'parameter "uri" has no meaning for type "tcp"' ],
    (map { [ 'method', check("\"method=$_\""),
             "invalid method \"$_\", expected a word in capitals such as GET "
             . 'or HEAD' ] }
         'get', '', 'G T', 'G(T'),
    [ 'method', check('tcp method=GET'),
      'parameter "method" has no meaning for type "tcp"' ],
    (map { [ 'host', check("\"host=$_\""), "invalid host \"$_\", $host" ] }
         '', 'a b'),
    [ 'host', check("host=$long"),
      'invalid host "' . 'x' x 64 . "...\", $host" ],
    [ 'host', check('tcp host=a'),
      'parameter "host" has no meaning for type "tcp"' ],
    (map { [ 'port', check("port=$_"),
             "invalid port \"$_\", expected a number from 1 to 65535" ] }
         qw(0 65536 http)),
    [ 'port', upstream('unix:/x', 'port=80'),
      'parameter "port" has no meaning for server "unix:/x"' ],
    [ 'port', service('web http://127.0.0.1 port=81'),
      'parameter "port" is given by the URL for a service of type "http"' ],
    [ 'http', check('http=3'),
      '"http=3" is not possible with type "http", expected type https' ],
    [ 'http', check('http=1.0'), 'invalid http "1.0", expected 1.1, 2 or 3' ],
    [ 'http', check('tcp http=1.1'),
      'parameter "http" has no meaning for type "tcp"' ],
    [ 'keepalive', check('keepalive=yes'),
      'invalid keepalive "yes", expected on or off' ],
    [ 'keepalive', check('tcp keepalive=on'),
      'parameter "keepalive" has no meaning for type "tcp"' ],
    (map { [ 'body_limit', check("body_limit=$_"),
             "invalid body_limit \"$_\", expected a size such as 64k, from 1 "
             . 'to 16m' ] }
         qw(0 17m x)),
    [ 'body_limit', check('tcp body_limit=1k'),
      'parameter "body_limit" has no meaning for type "tcp"' ],
    [ 'user', check('user='), "invalid user \"\", $name" ],
    [ 'user', check('user=a:b'),
      'the probe of type "http" has a ":" in its user, expected a name without '
      . 'one' ],
    [ 'user', check('tcp user=a'),
      'parameter "user" has no meaning for type "tcp"' ],
    [ 'user', service('web http://u:hunter2@127.0.0.1 user=a'),
      'parameter "user" is given by the URL too' ],
    [ 'password', check('user=a password='),
      "invalid password, $text 4096 bytes" ],
    [ 'password', check("user=a \"password=hunter2\t\""),
      "invalid password, $text 4096 bytes" ],
    [ 'password', check('password=hunter2'),
      'parameter "password" needs "user" beside it' ],
    [ 'password', check('tcp password=hunter2'),
      'parameter "password" has no meaning for type "tcp"' ],
    [ 'password', check('passwort=hunter2'),
      'unknown parameter "passwort", did you mean "password"?' ],
    [ 'password', check('user=a password=hunter2 password=hunter2'),
      'parameter "password" is duplicate' ],
    [ 'password', block('password=hunter2'),
      'parameter "password" is written without "=" in a block' ],
    [ 'password', block('password hunter2 hunter2'),
      'parameter "password" needs one value, in quotes if it has blanks' ],
    [ 'database', check('database=d'),
      'parameter "database" has no meaning for type "http"' ],
    [ 'database', check('database='), "invalid database \"\", $name" ],
    [ 'user', check('postgres'), 'the probe of type "postgres" needs "user"' ],
    [ 'user', check('mysql'), 'the probe of type "mysql" needs "user"' ],
    [ 'ca', check('postgres user=u ca=%%CA%%'),
      'parameter "ca" needs starttls=on beside it for type "postgres"' ],
    [ 'cert', check('mysql user=u cert=%%CERT%% key=%%KEY%%'),
      'parameter "cert" needs starttls=on beside it for type "mysql"' ],
    [ 'healthdash_service', service('db postgres://unix:/run/x.sock user=u'),
      'the probe of type "postgres" needs a unix socket by the name PostgreSQL '
      . 'gives it, such as unix:/run/postgresql/.s.PGSQL.5432' ],
    [ 'starttls',
      service('db mysql://unix:/run/x.sock user=u starttls=on ca=%%CA%%'),
      'the probe of type "mysql" has no "starttls" over a unix socket' ],
    [ 'expect', used('expect cert_days > 7;', 'smtp'),
      '"expect cert_days" of probe "p" needs starttls=on beside it for type '
      . '"smtp"' ],
    [ 'warn', used('warn cert_days > 7;', 'postgres user=u'),
      '"warn cert_days" of probe "p" needs starttls=on beside it for type '
      . '"postgres"' ],
    [ 'name', service('dns dns://unix:/run/x.sock name=a.test'),
      'the probe of type "dns" goes over UDP, expected an address with a port, '
      . 'not a unix socket' ],
    [ 'send', "healthdash_probe p { type udp; send a; expect ~ b; }\n"
              . upstream('unix:/run/x.sock', 'probe=p'),
      'the probe of type "udp" goes over UDP, expected an address with a port, '
      . 'not a unix socket' ],
    [ 'starttls', check('http starttls=on'),
      'parameter "starttls" has no meaning for type "http"' ],
    [ 'role', check('redis role=master'),
      'invalid role "master", expected any, primary or replica' ],
    [ 'role', check('http role=primary'),
      'parameter "role" has no meaning for type "http"' ],
    [ 'max_lag', check('redis max_lag=2d'), 'invalid max_lag "2d", expected a '
      . 'time such as 10s, from 1ms to 1d, or off' ],
    [ 'max_lag', check('memcached max_lag=2s'),
      'parameter "max_lag" has no meaning for type "memcached"' ],
    [ 'item', check('memcached "item=a b"'),
      'invalid item "a b", expected a key without blanks, up to 250 bytes' ],
    [ 'service', check('grpc service='),
      'invalid service "", expected the name of a gRPC service such as '
      . 'shop.Orders' ],
    [ 'service', check('service=shop.Orders'),
      'parameter "service" has no meaning for type "http"' ],
    [ 'keepalive', check('http=2 keepalive=on'),
      'parameter "keepalive" has no meaning for type "http"' ],
    [ 'healthdash_check', check('https http=2 "host=a&b"'),
      'the probe of type "https" has a name that no certificate can have, '
      . 'expected another one by host= or sni=' ],
    [ 'item', check('redis item=a'),
      'parameter "item" has no meaning for type "redis"' ],
    [ 'user', check('redis user=a'),
      'the probe of type "redis" needs password= beside user=' ],
    [ 'query', check('"query=SELECT 1"'),
      'parameter "query" has no meaning for type "http"' ],
    [ 'query', used('query "SELECT 1";', 'tcp'),
      'parameter "query" of probe "p" has no meaning for type "tcp"' ],
    [ 'verify', check('https verify=no'),
      'invalid verify "no", expected on or off' ],
    (map { my ($key) = split /=/;
           [ $key, check($_),
             "parameter \"$key\" needs a type with TLS such as https, got type "
             . '"http"' ] }
         qw(verify=off ca=x cert=x key=x sni=x min_tls=1.2)),
    [ 'min_tls', check('https min_tls=1.1'),
      'invalid min_tls "1.1", expected 1.2 or 1.3' ],
    [ 'proxy_protocol', check('proxy_protocol=on'),
      'invalid proxy_protocol "on", expected off, v1 or v2' ],
    [ 'proxy_protocol', service('web dns://127.0.0.1 name=a.test '
                                . 'proxy_protocol=v1'),
      'parameter "proxy_protocol" has no meaning for type "dns", which goes '
      . 'over UDP' ],
    [ 'source', check('source=localhost'),
      'invalid source "localhost", expected an address of this machine such as '
      . '10.0.0.1, without a port' ],
    [ 'source', service('web http://127.0.0.1 source=::1'),
      '"web" cannot be reached from source "::1", expected addresses of the '
      . 'same family' ],
    [ 'addresses', service('web http://127.0.0.1 addresses=some'),
      'invalid addresses "some", expected any or all' ],
    [ 'addresses', check('addresses=all'),
      'parameter "addresses" belongs to a healthdash_service, not to a check of '
      . 'type "http"' ],
    [ 'prefer', service('web http://127.0.0.1 prefer=4'),
      'invalid prefer "4", expected ipv4 or ipv6' ],
    [ 'prefer', check('prefer=ipv4'),
      'parameter "prefer" belongs to a healthdash_service, not to a check of '
      . 'type "http"' ],
    [ 'ca', check('https ca='),
      'invalid ca "", expected the name of a file with certificates' ],
    [ 'cert', check('https cert='),
      'invalid cert "", expected the name of a file with a certificate' ],
    [ 'key', check('https key='),
      'invalid key "", expected the name of a file with a private key' ],
    [ 'cert', check('https cert=%%CERT%%'),
      'parameter "cert" needs "key" beside it' ],
    [ 'key', check('https key=%%KEY%%'),
      'parameter "key" needs "cert" beside it' ],
    [ 'ca', check('https ca=/nonexistent'), qr{"/nonexistent"} ],
    [ 'cert', check('https cert=/nonexistent key=%%KEY%%'),
      qr{"/nonexistent"} ],
    [ 'key', check('https cert=%%CERT%% key=/nonexistent'),
      qr{"/nonexistent"} ],
    [ 'sni', check('https "sni=a b"'), "invalid sni \"a b\", $host" ],
    [ 'group', check('group='), "invalid group \"\", $text 255 bytes" ],
    [ 'group', check("group=$long"),
      'invalid group "' . 'x' x 64 . "...\", $text 255 bytes" ],
    [ 'description', check("\"description=a\nb\""),
      "invalid description \"a?b\", $text 1024 bytes" ],
    [ 'description', check("description=\xc3"),
      qr{^healthdash_check: invalid description "\S+", \Q$text\E 1024 bytes$} ],
    (map { [ 'link', check("\"link=$_\""),
             "invalid link \"$_\", expected an address that begins with "
             . 'http:// or https://, without blanks' ] }
         'javascript:alert(1)', 'wiki', 'http://a b'),
    [ 'critical', check('critical=on'),
      'parameter "critical" takes no value' ],
    [ 'critical', check('critical critical'),
      'parameter "critical" is duplicate' ],
    [ 'critical', block('critical on'),
      'parameter "critical" takes no value' ],
    [ 'probe', check('probe=nope'),
      'unknown probe "nope", expected the name of a healthdash_probe block' ],
    [ 'probe', check('probe='),
      'invalid probe "", expected the name of a healthdash_probe block' ],
    [ 'probe', block('probe q'),
      'parameter "probe" has no meaning in a probe block' ],

    # lines of a block

    [ 'type', block('type gopher'),
      "unknown type \"gopher\", expected one of $types" ],
    [ 'type', block('type'), 'parameter "type" needs one value' ],
    [ 'type', block('type http', 'type tcp'),
      'parameter "type" is duplicate' ],
    [ 'type', check('type=http'),
      'parameter "type" stands in a healthdash_probe block only' ],
    [ 'type', used('type tcp;', 'http'),
      'type "http" conflicts with type "tcp" of probe "p"' ],
    [ 'type', "healthdash_probe p { type tcp; }\n"
              . service('web http://127.0.0.1 probe=p'),
      'type "http" conflicts with type "tcp" of probe "p"' ],
    [ 'expect', block('expect status 99'),
      'invalid expect: invalid status "99", expected a number from 100 to 599 '
      . 'or a range such as 200-299' ],
    [ 'expect', block('expect foo'),
      'invalid expect: unknown subject "foo", expected status, header, body, '
      . 'json, value, row, cert_days or time' ],
    [ 'expect', block('expect json a = b'),
      'invalid expect: json path "a" must begin with ".", expected one such as '
      . '.checks.db, .items[0].name or length(.items)' ],
    [ 'expect', block('expect value < 90%'),
      'invalid expect: invalid number "90%", expected a decimal number '
      . 'without a unit such as 93.5' ],
    [ 'expect', used('expect json .a = b; method HEAD;', 'http'),
      '"expect json" of probe "p" sees no body with method HEAD of type '
      . '"http"' ],
    [ 'expect', block('expect'),
      'invalid expect: no condition given, expected one such as status '
      . '200-299' ],
    [ 'expect', check('expect=200'),
      'parameter "expect" stands in a healthdash_probe block only' ],
    (map { [ 'expect', used("expect $_;", 'tcp'),
             '"expect ' . (split)[0] . '" of probe "p" has no meaning for type '
             . '"tcp"' ] }
         'status 200', 'header A = b', 'body = a', 'json .a = b', 'row = a',
         'value < 1', 'cert_days > 1'),
    [ 'expect', used('expect body = a; method HEAD;', 'http'),
      '"expect body" of probe "p" sees no body with method HEAD of type '
      . '"http"' ],
    [ 'warn', block('warn time < x'),
      'invalid warn: invalid time "x", expected one such as 300ms or 2s' ],
    [ 'warn', used('warn status 200;', 'tcp'),
      '"warn status" of probe "p" has no meaning for type "tcp"' ],
    [ 'name', service('n dns://127.0.0.1'),
      'the probe of type "dns" needs "name", expected a domain name such as '
      . 'www.example.com' ],
    (map { [ 'name', service("n dns://127.0.0.1 name=$_"),
             'the probe of type "dns" has a malformed "name", expected labels '
             . 'of 1 to 63 bytes, separated by ".", such as www.example.com' ]
         } 'a..b', '.a', 'a..', ('x' x 64) . '.test'),
    [ 'name', service('n http://127.0.0.1 name=a'),
      'parameter "name" has no meaning for type "http"' ],
    [ 'record', service('n dns://127.0.0.1 name=a record=ANY'),
      'invalid record "ANY", expected A, AAAA, CAA, CNAME, MX, NS, PTR, SOA, '
      . 'SRV or TXT' ],
    [ 'rcode', service('n dns://127.0.0.1 name=a rcode=9'),
      'invalid rcode "9", expected NOERROR, NXDOMAIN, SERVFAIL, REFUSED, '
      . 'FORMERR or NOTIMP' ],
    [ 'send', block('send'), 'invalid send: expected one text, such as '
                             . 'send "QUIT\r\n"' ],
    [ 'send', block('send ""'), 'invalid send: expected one text, such as '
                                . 'send "QUIT\r\n"' ],
    (map { [ 'send', block("send $_"),
             'invalid send: a backslash stands alone, expected \r, \n, \t, \0, '
             . '\xHH or \\\\\\\\' ] } '\d', '"a\x4"', '"\xzz"', '"a\\\\"'),
    [ 'send', block('send @/no/such/file'), qr/cannot read send from/ ],
    [ 'send', check('send=a'),
      'parameter "send" stands in a healthdash_probe block only' ],
    [ 'send', used('send a;', 'http'),
      'line "send" of probe "p" has no meaning for type "http"' ],
    [ 'send', block(map { "send a$_" } 1 .. 65),
      'too many lines "send", expected at most 64' ],
    (map { [ 'send', used($_, 'udp'),
             'the probe of type "udp" needs a dialogue, expected a "send" line '
             . 'and an "expect" line behind it in its probe block' ] }
         '', 'send a;', 'expect ~ a;', 'expect ~ a; send a;'),
    [ 'expect', block('expect !~ a'),
      'invalid expect: invalid operator "!~" of a step, expected ~, ~* or =, '
      . 'or a subject such as value in front of it' ],
    [ 'expect', block('type disk; expect < 90'),
      'invalid expect: invalid operator "<" of a step, expected ~, ~* or =, '
      . 'or a subject such as value in front of it' ],
    [ 'expect', block('expect ~'), 'invalid expect: expected one text after '
                                   . 'the operator, such as expect ~ ^220' ],
    [ 'expect', block('expect ~ "("'),
      qr/^\S+ invalid expect: .* at offset 1$/ ],
    [ 'expect', used('expect ~ a;', 'http'),
      'line "expect" of probe "p" has no meaning for type "http"' ],
    [ 'param', block('param A'),
      'parameter "param" needs a name and a value, and quotes around a value '
      . 'with blanks' ],
    [ 'param', block('param "" b'),
      'parameter "param" needs a name and a value, and quotes around a value '
      . 'with blanks' ],
    [ 'param', block('param A @/no/such/file'), qr/cannot read param from/ ],
    [ 'param', check('param=A'),
      'parameter "param" stands in a healthdash_probe block only' ],
    [ 'param', used('param A b;', 'http'),
      'line "param" of probe "p" has no meaning for type "http"' ],
    (map { [ 'header', block("header $_"),
             'parameter "header" needs a name and a value, and quotes around a '
             . 'value with blanks' ] }
         'Authorization', 'Authorization Bearer hunter2'),
    [ 'header', block('header'),
      'parameter "header" needs a name and a value, and quotes around a value '
      . 'with blanks' ],
    (map { [ 'header', block("header \"$_\" hunter2"),
             "invalid name of a header \"$_\", expected one such as X-Api-Key, "
             . 'without ":", from 1 to 255 bytes' ] }
         '', 'X:', 'X Y', 'X(', "\xc3\xb6", '@secret'),
    [ 'header', block("header $long a"),
      'invalid name of a header "' . 'x' x 64 . '...", expected one such as '
      . 'X-Api-Key, without ":", from 1 to 255 bytes' ],
    (map { [ 'header', block("header X \"$_\""),
             'invalid value of header "X", expected a text without control '
             . 'characters' ] }
         "hunter2\t", "hunter2\nX: y", "hunter2\xff", '@%%CONTROL%%',
         'Bearer @%%CONTROL%%'),
    [ 'header', block('header X "Bearer @/nonexistent"'),
      'cannot read header from "/nonexistent", it cannot be opened (2: No such '
      . "file or directory), $file" ],
    (map { my ($instead, @names) = @$_;
           map { [ 'header', block("header $_ hunter2"),
                   "header \"$_\" is set by the probe itself, expected "
                   . $instead ] } @names }
         [ 'parameter "host"', 'Host', 'HOST' ],
         [ 'parameter "body"', 'Content-Length', 'Transfer-Encoding' ],
         [ 'parameter "keepalive"', 'connection', 'Keep-Alive' ],
         [ 'type websocket', 'Upgrade', 'Sec-WebSocket-Key' ]),
    [ 'header', check('header=X'),
      'parameter "header" stands in a healthdash_probe block only' ],
    [ 'header', used('header X hunter2;', 'tcp'),
      'line "header" of probe "p" has no meaning for type "tcp"' ],
    [ 'header', block(map { "header X $_" } 1 .. 65),
      'too many lines "header", expected at most 64' ],
    [ 'header', used('header authorization hunter2; user me;', 'http'),
      'parameter "user" and header "Authorization" of probe "p" say the same, '
      . 'expected one of them' ],
    [ 'header', "healthdash_probe p { header Authorization hunter2; }\n"
                . service('web http://me:hunter2@127.0.0.1 probe=p'),
      'parameter "user" and header "Authorization" of probe "p" say the same, '
      . 'expected one of them' ],
    [ 'user_agent', used('header User-Agent a;', 'http user_agent=b'),
      'parameter "user_agent" and header "User-Agent" of probe "p" say the '
      . 'same, expected one of them' ],
    (map { [ 'user_agent', check("\"user_agent=$_\""),
             "invalid user_agent \"" . ($_ =~ s/\t/?/r) . "\", $text 255 bytes" ] }
         '', "a\tb"),
    [ 'user_agent', check('tcp user_agent=a'),
      'parameter "user_agent" has no meaning for type "tcp"' ],
    (map { my ($method, $words) = @$_;
           [ 'body', check("body=a $words"),
             "parameter \"body\" is not sent with method $method, expected "
             . 'another method such as POST' ] }
         [ 'GET', '' ], [ 'GET', 'method=GET' ], [ 'HEAD', 'method=HEAD' ],
         [ 'TRACE', 'method=TRACE' ]),
    [ 'body', check('body= method=POST'),
      "invalid body \"\", $text 4096 bytes" ],
    [ 'body', check('tcp body=a'),
      'parameter "body" has no meaning for type "tcp"' ],
    [ 'uri', used('uri /x;', 'tcp'),
      'parameter "uri" of probe "p" has no meaning for type "tcp"' ],
    [ 'min_up', "healthdash_probe p { min_up 1; }\n"
                . service('web http://127.0.0.1 probe=p'),
      'parameter "min_up" of probe "p" belongs to a healthdash_check, not to a '
      . 'service of type "http"' ],

    # @FILE

    [ 'password', check('user=a password=@/nonexistent'),
      'cannot read password from "/nonexistent", it cannot be opened (2: No '
      . "such file or directory), $file" ],
    [ 'password', check('user=a password=@%%DIR%%'),
      'cannot read password from "%%DIR%%", it cannot be read (21: Is a '
      . "directory), $file" ],
    [ 'password', check('user=a password=@%%EMPTY%%'),
      "cannot read password from \"%%EMPTY%%\", its first line is empty, $file" ],
    [ 'password', check('user=a password=@%%LONG%%'),
      "cannot read password from \"%%LONG%%\", its first line is too long, "
      . $file ],
    [ 'password', check('user=a password=@%%CONTROL%%'),
      "invalid password, $text 4096 bytes" ],
    [ 'password', check('user=a password=@%%PIPE%%'),
      "cannot read password from \"%%PIPE%%\", it is no regular file, $file" ],
    [ 'uri', check('uri=@%%SECRET%%'),
      "invalid uri \"\@%%SECRET%%\", $path" ],
    [ 'password', check('user=a password=@'),
      'cannot read password from "%%DIR%%/", it cannot be read (21: Is a '
      . "directory), $file" ],
);


sub accepted { return @accepted; }
sub refused { return @refused; }


1;

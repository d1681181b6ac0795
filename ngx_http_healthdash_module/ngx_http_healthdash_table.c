
/*
 * healthdash: the table of parameters of healthdash_check, healthdash_service
 * and healthdash_probe (name, where it is kept, bounds, where it has a
 * meaning, default) and the setters that turn a text into a value.  Defaults
 * go through the same setters.  Knows neither files nor logs.
 */


#include <ngx_http_healthdash_param.h>
#include <ngx_hd_utf8.h>


#define ngx_http_healthdash_field(f)                                          \
    offsetof(ngx_http_healthdash_params_t, f),                                \
    sizeof(((ngx_http_healthdash_params_t *) 0)->f)

/* a parameter that fills neighbours, from a to b */

#define ngx_http_healthdash_fields(a, b)                                      \
    offsetof(ngx_http_healthdash_params_t, a),                                \
    offsetof(ngx_http_healthdash_params_t, b)                                 \
    + sizeof(((ngx_http_healthdash_params_t *) 0)->b)                         \
    - offsetof(ngx_http_healthdash_params_t, a)


static ngx_int_t ngx_http_healthdash_set_time(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_count(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_percent(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_min_up(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_flap(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_port(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_size(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_enum(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_text(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_token(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_prefix(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_healthdash_set_method(
    const ngx_http_healthdash_param_t *p, ngx_str_t *value, void *field);


static const ngx_conf_enum_t  ngx_http_healthdash_initials[] = {
    { ngx_string("up"), NGX_HD_INITIAL_UP },
    { ngx_string("down"), NGX_HD_INITIAL_DOWN },
    { ngx_string("checking"), NGX_HD_INITIAL_CHECKING },
    { ngx_null_string, 0 }
};


static const ngx_conf_enum_t  ngx_http_healthdash_modes[] = {
    { ngx_string("enforce"), 0 },
    { ngx_string("observe"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_conf_enum_t  ngx_http_healthdash_switch[] = {
    { ngx_string("off"), 0 },
    { ngx_string("on"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_conf_enum_t  ngx_http_healthdash_roles[] = {
    { ngx_string("any"), NGX_HD_ROLE_ANY },
    { ngx_string("primary"), NGX_HD_ROLE_PRIMARY },
    { ngx_string("replica"), NGX_HD_ROLE_REPLICA },
    { ngx_null_string, 0 }
};


/* RFC 1035, 3.2.2, RFC 3596, RFC 2782, RFC 8659 */

static const ngx_conf_enum_t  ngx_http_healthdash_records[] = {
    { ngx_string("A"), 1 },
    { ngx_string("AAAA"), 28 },
    { ngx_string("CAA"), 257 },
    { ngx_string("CNAME"), 5 },
    { ngx_string("MX"), 15 },
    { ngx_string("NS"), 2 },
    { ngx_string("PTR"), 12 },
    { ngx_string("SOA"), 6 },
    { ngx_string("SRV"), 33 },
    { ngx_string("TXT"), 16 },
    { ngx_null_string, 0 }
};


/* RFC 1035, 4.1.1 */

static const ngx_conf_enum_t  ngx_http_healthdash_rcodes[] = {
    { ngx_string("NOERROR"), 0 },
    { ngx_string("FORMERR"), 1 },
    { ngx_string("SERVFAIL"), 2 },
    { ngx_string("NXDOMAIN"), 3 },
    { ngx_string("NOTIMP"), 4 },
    { ngx_string("REFUSED"), 5 },
    { ngx_null_string, 0 }
};


static const ngx_conf_enum_t  ngx_http_healthdash_proxy[] = {
    { ngx_string("off"), 0 },
    { ngx_string("v1"), 1 },
    { ngx_string("v2"), 2 },
    { ngx_null_string, 0 }
};


static const ngx_conf_enum_t  ngx_http_healthdash_addresses[] = {
    { ngx_string("any"), 0 },
    { ngx_string("all"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_conf_enum_t  ngx_http_healthdash_families[] = {
    { ngx_string("ipv4"), AF_INET },
    { ngx_string("ipv6"), AF_INET6 },
    { ngx_null_string, 0 }
};


static const ngx_conf_enum_t  ngx_http_healthdash_min_tls[] = {
    { ngx_string("1.2"), 12 },
    { ngx_string("1.3"), 13 },
    { ngx_null_string, 0 }
};


/* 2 and 3 are told apart from nonsense when the type is known */

static const ngx_conf_enum_t  ngx_http_healthdash_versions[] = {
    { ngx_string("1.1"), 11 },
    { ngx_string("2"), 20 },
    { ngx_string("3"), 30 },
    { ngx_null_string, 0 }
};


const ngx_http_healthdash_param_t
    ngx_http_healthdash_params[] = {

    { ngx_string("interval"), ngx_http_healthdash_set_time,
      ngx_http_healthdash_field(check.interval), 10, 2678400000,
      0, 0, NULL, "5s",
      "a time such as 5s or 500ms, from 10ms to 1d, of a heartbeat to 31d" },

    { ngx_string("fast"), ngx_http_healthdash_set_time,
      ngx_http_healthdash_field(check.fast), 10, 86400000,
      0, 0, NULL, "1s",
      "a time such as 1s or 500ms, from 10ms to 1d" },

    { ngx_string("jitter"), ngx_http_healthdash_set_percent,
      ngx_http_healthdash_field(check.jitter), 0, 100,
      0, 0, NULL, "10%",
      "a percentage from 0% to 100%" },

    { ngx_string("timeout"), ngx_http_healthdash_set_time,
      ngx_http_healthdash_field(check.timeout), 10, 3600000,
      0, 0, NULL, "2s",
      "a time such as 2s or 500ms, from 10ms to 1h" },

    { ngx_string("fails"), ngx_http_healthdash_set_count,
      ngx_http_healthdash_field(check.rules.fails), 1, 1000,
      0, 0, NULL, "3",
      "a number from 1 to 1000" },

    { ngx_string("passes"), ngx_http_healthdash_set_count,
      ngx_http_healthdash_field(check.rules.passes), 1, 1000,
      0, 0, NULL, "2",
      "a number from 1 to 1000" },

    { ngx_string("initial"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.initial), 0, 0,
      0, 0, ngx_http_healthdash_initials, "up",
      "up, down or checking" },

    { ngx_string("slow"), ngx_http_healthdash_set_time,
      ngx_http_healthdash_field(check.slow), 1, 3600000,
      NGX_HTTP_HEALTHDASH_OFF, 0, NULL, "off",
      "a time such as 300ms, from 1ms to 1h, or off" },

    { ngx_string("flap"), ngx_http_healthdash_set_flap,
      ngx_http_healthdash_fields(check.rules.flap_changes,
                                 check.rules.flap_time), 2, 1000,
      NGX_HTTP_HEALTHDASH_OFF, 0, NULL, "off",
      "changes and a time such as 5/10m, from 2 to 1000 in 1s to 1d, or off" },

    { ngx_string("min_up"), ngx_http_healthdash_set_min_up,
      ngx_http_healthdash_fields(check.min_up, check.min_up_percent),
      0, 10000,
      NGX_HTTP_HEALTHDASH_CHECK, 0, NULL, "1",
      "a number of servers from 0 to 10000 or a percentage from 0% to 100%" },

    { ngx_string("max_servers"), ngx_http_healthdash_set_count,
      ngx_http_healthdash_field(check.max_servers), 1, 1000,
      NGX_HTTP_HEALTHDASH_CHECK, 0, NULL, "64",
      "a number from 1 to 1000" },

    { ngx_string("mode"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.observe), 0, 0,
      NGX_HTTP_HEALTHDASH_CHECK, 0, ngx_http_healthdash_modes, "enforce",
      "enforce or observe" },

    { ngx_string("slow_start"), ngx_http_healthdash_set_time,
      ngx_http_healthdash_field(check.slow_start), 1000, 3600000,
      NGX_HTTP_HEALTHDASH_CHECK|NGX_HTTP_HEALTHDASH_OFF, 0, NULL, "off",
      "a time such as 60s, from 1s to 1h, or off" },

    { ngx_string("uri"), ngx_http_healthdash_set_prefix,
      ngx_http_healthdash_field(check.uri), 1, 4096,
      NGX_HTTP_HEALTHDASH_STR
      |NGX_HTTP_HEALTHDASH_URL,
      NGX_HD_TAKES_URI, "/\0", "/",
      "a path that begins with \"/\", without blanks, up to 4096 bytes" },

    { ngx_string("method"), ngx_http_healthdash_set_method,
      ngx_http_healthdash_field(check.method), 1, 32,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_HTTP, NULL, "GET",
      "a word in capitals such as GET or HEAD" },

    { ngx_string("host"), ngx_http_healthdash_set_token,
      ngx_http_healthdash_field(check.host), 1, 255,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_URI, NULL, NULL,
      "a host name such as www.example.com, without blanks, "
      "up to 255 bytes" },

    { ngx_string("port"), ngx_http_healthdash_set_port,
      ngx_http_healthdash_field(check.port), 1, 65535,
      NGX_HTTP_HEALTHDASH_URL,
      NGX_HD_TAKES_PEER|NGX_HD_TAKES_PORT, NULL, NULL,
      "a number from 1 to 65535" },

    { ngx_string("proxy_protocol"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.proxy_protocol), 0, 0,
      0, NGX_HD_TAKES_PEER,
      ngx_http_healthdash_proxy, "off",
      "off, v1 or v2" },

    { ngx_string("source"), ngx_http_healthdash_set_token,
      ngx_http_healthdash_field(check.source), 1, 64,
      0, NGX_HD_TAKES_PEER,
      NULL, NULL,
      "an address of this machine such as 10.0.0.1" },

    { ngx_string("addresses"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.all), 0, 0,
      NGX_HTTP_HEALTHDASH_SERVICE, NGX_HD_TAKES_PEER,
      ngx_http_healthdash_addresses, "any",
      "any or all" },

    { ngx_string("prefer"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.prefer), 0, 0,
      NGX_HTTP_HEALTHDASH_SERVICE, NGX_HD_TAKES_PEER|NGX_HD_TAKES_PORT,
      ngx_http_healthdash_families, NULL,
      "ipv4 or ipv6" },

    { ngx_string("http"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.http), 0, 0,
      0, NGX_HD_TAKES_HTTP, ngx_http_healthdash_versions, "1.1",
      "1.1, 2 or 3" },

    { ngx_string("keepalive"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.keepalive), 0, 0,
      0, NGX_HD_TAKES_KEEPALIVE, ngx_http_healthdash_switch, "off",
      "on or off" },

    { ngx_string("body_limit"), ngx_http_healthdash_set_size,
      ngx_http_healthdash_field(check.body_limit), 1, 16777216,
      0, NGX_HD_TAKES_URI, NULL, "64k",
      "a size such as 64k, from 1 to 16m" },

    { ngx_string("body"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.body), 1, 4096,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_HTTP,
      NULL, NULL,
      "a text without control characters, from 1 to 4096 bytes" },

    { ngx_string("user_agent"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.user_agent), 1, 255,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_HTTP,
      NULL, NULL,
      "a text without control characters, from 1 to 255 bytes" },

    { ngx_string("starttls"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.starttls), 0, 0,
      0, NGX_HD_TAKES_STARTTLS,
      ngx_http_healthdash_switch, "off",
      "on or off" },

    { ngx_string("user"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.user), 1, 255,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_USER, NULL, NULL,
      "a name without control characters, from 1 to 255 bytes" },

    { ngx_string("password"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.password), 1, 4096,
      NGX_HTTP_HEALTHDASH_STR|NGX_HTTP_HEALTHDASH_SECRET,
      NGX_HD_TAKES_USER, NULL, NULL,
      "a text without control characters, from 1 to 4096 bytes" },

    { ngx_string("grace"), ngx_http_healthdash_set_time,
      ngx_http_healthdash_field(check.grace), 0, 86400000,
      0, NGX_HD_TAKES_BEAT,
      NULL, "0",
      "a time such as 1m, from 0 to 1d" },

    { ngx_string("token"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.token), 1, 255,
      NGX_HTTP_HEALTHDASH_STR|NGX_HTTP_HEALTHDASH_SECRET, NGX_HD_TAKES_BEAT,
      NULL, NULL,
      "a text without control characters, from 1 to 255 bytes" },

    { ngx_string("database"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.database), 1, 255,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_DATABASE, NULL, NULL,
      "a name without control characters, from 1 to 255 bytes" },

    { ngx_string("query"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.query), 1, 4096,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_DATABASE, NULL, NULL,
      "a text without control characters, from 1 to 4096 bytes" },

    { ngx_string("role"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.role), 0, 0,
      0, NGX_HD_TAKES_ROLE,
      ngx_http_healthdash_roles, "any",
      "any, primary or replica" },

    { ngx_string("max_lag"), ngx_http_healthdash_set_time,
      ngx_http_healthdash_field(check.max_lag), 1, 86400000,
      NGX_HTTP_HEALTHDASH_OFF, NGX_HD_TAKES_LAG,
      NULL, "off",
      "a time such as 10s, from 1ms to 1d, or off" },

    { ngx_string("service"), ngx_http_healthdash_set_token,
      ngx_http_healthdash_field(check.service), 1, 255,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_SERVICE,
      NULL, NULL,
      "the name of a gRPC service such as shop.Orders" },

    { ngx_string("name"), ngx_http_healthdash_set_token,
      ngx_http_healthdash_field(check.qname), 1, 253,
      0, NGX_HD_TAKES_DNS,
      NULL, NULL,
      "a domain name such as www.example.com" },

    { ngx_string("record"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.qtype), 0, 0,
      0, NGX_HD_TAKES_DNS,
      ngx_http_healthdash_records, "A",
      "A, AAAA, CAA, CNAME, MX, NS, PTR, SOA, SRV or TXT" },

    { ngx_string("rcode"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.rcode), 0, 0,
      0, NGX_HD_TAKES_DNS,
      ngx_http_healthdash_rcodes, "NOERROR",
      "NOERROR, NXDOMAIN, SERVFAIL, REFUSED, FORMERR or NOTIMP" },

    { ngx_string("item"), ngx_http_healthdash_set_token,
      ngx_http_healthdash_field(check.item), 1, 250,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_ITEM,
      NULL, NULL,
      "a key without blanks, up to 250 bytes" },

    { ngx_string("verify"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.verify), 0, 0,
      0, NGX_HD_TAKES_TLS, ngx_http_healthdash_switch, "on",
      "on or off" },

    { ngx_string("ca"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.ca), 1, 4095,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_TLS, NULL, NULL,
      "the name of a file with certificates" },

    { ngx_string("cert"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.cert), 1, 4095,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_TLS, NULL, NULL,
      "the name of a file with a certificate" },

    { ngx_string("key"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.key), 1, 4095,
      NGX_HTTP_HEALTHDASH_STR|NGX_HTTP_HEALTHDASH_PRIVATE,
      NGX_HD_TAKES_TLS, NULL, NULL,
      "the name of a file with a private key" },

    { ngx_string("sni"), ngx_http_healthdash_set_token,
      ngx_http_healthdash_field(check.sni), 1, 255,
      NGX_HTTP_HEALTHDASH_STR, NGX_HD_TAKES_TLS, NULL, NULL,
      "a host name such as www.example.com, without blanks, "
      "up to 255 bytes" },

    { ngx_string("min_tls"), ngx_http_healthdash_set_enum,
      ngx_http_healthdash_field(check.min_tls), 0, 0,
      0, NGX_HD_TAKES_TLS,
      ngx_http_healthdash_min_tls, NULL,
      "1.2 or 1.3" },

    { ngx_string("group"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.group), 1, 255,
      NGX_HTTP_HEALTHDASH_STR, 0, NULL, NULL,
      "a text without control characters, from 1 to 255 bytes" },

    { ngx_string("description"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.description), 1, 1024,
      NGX_HTTP_HEALTHDASH_STR, 0, NULL, NULL,
      "a text without control characters, from 1 to 1024 bytes" },

    { ngx_string("link"), ngx_http_healthdash_set_prefix,
      ngx_http_healthdash_field(check.link), 1, 2048,
      NGX_HTTP_HEALTHDASH_STR, 0, "http://\0https://\0", NULL,
      "an address that begins with http:// or https://, without blanks" },

    { ngx_string("critical"), NULL,
      ngx_http_healthdash_field(check.critical), 0, 0,
      NGX_HTTP_HEALTHDASH_FLAG, 0, NULL, NULL, NULL },

    { ngx_string("probe"), ngx_http_healthdash_set_text,
      ngx_http_healthdash_field(check.name), 1, 255,
      NGX_HTTP_HEALTHDASH_STR|NGX_HTTP_HEALTHDASH_WORD, 0, NULL, NULL,
      "the name of a healthdash_probe block" }
};


static ngx_int_t
ngx_http_healthdash_set_time(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    ngx_int_t    n;
    ngx_msec_t  *msec;

    msec = field;

    if ((p->flags & NGX_HTTP_HEALTHDASH_OFF)
        && value->len == 3 && ngx_memcmp(value->data, "off", 3) == 0)
    {
        *msec = 0;
        return NGX_OK;
    }

    n = ngx_parse_time(value, 0);

    if (n == NGX_ERROR || n < p->min || n > p->max) {
        return NGX_ERROR;
    }

    *msec = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_set_count(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    ngx_int_t    n;
    ngx_uint_t  *count;

    count = field;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n < p->min || n > p->max) {
        return NGX_ERROR;
    }

    *count = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_set_percent(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    ngx_int_t    n;
    ngx_uint_t  *percent;

    percent = field;

    /* nothing of anything needs no unit */

    if (value->len == 1 && value->data[0] == '0') {
        *percent = 0;
        return NGX_OK;
    }

    if (value->len == 0 || value->data[value->len - 1] != '%') {
        return NGX_ERROR;
    }

    n = ngx_atoi(value->data, value->len - 1);

    if (n == NGX_ERROR || n > 100) {
        return NGX_ERROR;
    }

    *percent = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_set_min_up(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    ngx_uint_t  *min_up;

    min_up = field;

    if (ngx_http_healthdash_set_percent(p, value, &min_up[0]) == NGX_OK) {
        min_up[1] = 1;
        return NGX_OK;
    }

    min_up[1] = 0;

    return ngx_http_healthdash_set_count(p, value, &min_up[0]);
}


static ngx_int_t
ngx_http_healthdash_set_flap(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    u_char          *slash;
    ngx_int_t        n;
    ngx_str_t        time;
    ngx_hd_rules_t  *rules;

    rules = (ngx_hd_rules_t *) ((u_char *) field
                                - offsetof(ngx_hd_rules_t, flap_changes));

    if (value->len == 3 && ngx_memcmp(value->data, "off", 3) == 0) {
        rules->flap_changes = 0;
        rules->flap_time = 0;
        return NGX_OK;
    }

    slash = ngx_strlchr(value->data, value->data + value->len, '/');
    if (slash == NULL) {
        return NGX_ERROR;
    }

    n = ngx_atoi(value->data, slash - value->data);

    if (n == NGX_ERROR || n < p->min || n > p->max) {
        return NGX_ERROR;
    }

    rules->flap_changes = n;

    time.data = slash + 1;
    time.len = value->data + value->len - time.data;

    n = ngx_parse_time(&time, 0);

    if (n == NGX_ERROR || n < 1000 || n > 86400000) {
        return NGX_ERROR;
    }

    rules->flap_time = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_set_port(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    in_port_t   *port;
    ngx_uint_t   n;

    port = field;

    if (ngx_http_healthdash_set_count(p, value, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    *port = (in_port_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_set_size(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    size_t   *size;
    ssize_t   n;

    size = field;

    n = ngx_parse_size(value);

    if (n == NGX_ERROR || n < p->min || n > p->max) {
        return NGX_ERROR;
    }

    *size = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_set_enum(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    ngx_uint_t             *number;
    const ngx_conf_enum_t  *e;

    number = field;

    for (e = p->post; e->name.len; e++) {

        if (e->name.len == value->len
            && ngx_memcmp(e->name.data, value->data, value->len) == 0)
        {
            *number = e->value;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_healthdash_set_text(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    if (value->len < (size_t) p->min || value->len > (size_t) p->max
        || !ngx_hd_utf8_is_plain(value))
    {
        return NGX_ERROR;
    }

    *(ngx_str_t *) field = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_set_token(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    if (ngx_strlchr(value->data, value->data + value->len, ' ')) {
        return NGX_ERROR;
    }

    return ngx_http_healthdash_set_text(p, value, field);
}


static ngx_int_t
ngx_http_healthdash_set_prefix(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    size_t       len;
    const char  *prefix;

    for (prefix = p->post; *prefix; prefix += len + 1) {
        len = ngx_strlen(prefix);

        if (value->len >= len && ngx_memcmp(value->data, prefix, len) == 0) {
            return ngx_http_healthdash_set_token(p, value, field);
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_healthdash_set_method(const ngx_http_healthdash_param_t *p,
    ngx_str_t *value, void *field)
{
    u_char  *pos;

    for (pos = value->data; pos < value->data + value->len; pos++) {

        if ((*pos < 'A' || *pos > 'Z') && *pos != '-' && *pos != '_') {
            return NGX_ERROR;
        }
    }

    return ngx_http_healthdash_set_token(p, value, field);
}

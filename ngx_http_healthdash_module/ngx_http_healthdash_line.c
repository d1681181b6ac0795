
/*
 * healthdash: lines of a healthdash_probe block that are more than a name and
 * a value: types, conditions, steps of a dialogue, headers.  Called for each
 * line as it is read.
 */


#include <ngx_http_healthdash_param.h>
#include <ngx_hd_match.h>
#include <ngx_hd_step.h>
#include <ngx_hd_types.h>
#include <ngx_hd_utf8.h>


#define NGX_HTTP_HEALTHDASH_LINES    64      /* lines of one kind in a block */
#define NGX_HTTP_HEALTHDASH_HEADER   255     /* bytes of a header's name */


/* headers that are not for the user to set, and what is */

typedef struct {
    ngx_str_t             name;
    const char           *instead;
} ngx_http_healthdash_own_t;


static char *ngx_http_healthdash_line_type(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static const char *ngx_http_healthdash_type_foreign(ngx_str_t *name);
static char *ngx_http_healthdash_line_cond(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_expect(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_step(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_param(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_header(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static const char *ngx_http_healthdash_header_instead(ngx_str_t *name);
static ngx_uint_t ngx_http_healthdash_header_is_token(ngx_str_t *name);
static ngx_hd_pair_t *ngx_http_healthdash_line_pair(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_array_t **pairs);
static ngx_int_t ngx_http_healthdash_line_value(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_hd_pair_t *pair);
static void *ngx_http_healthdash_line_push(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_array_t **lines, size_t size);


static const ngx_http_healthdash_own_t  ngx_http_healthdash_own[] = {
    { ngx_string("Host"), "parameter \"host\"" },
    { ngx_string("Content-Length"), "parameter \"body\"" },
    { ngx_string("Transfer-Encoding"), "parameter \"body\"" },
    { ngx_string("Connection"), "parameter \"keepalive\"" },
    { ngx_string("Keep-Alive"), "parameter \"keepalive\"" },
    { ngx_string("Proxy-Connection"), "parameter \"keepalive\"" },
    { ngx_string("Upgrade"), "type websocket" },
    { ngx_string("Sec-WebSocket-Key"), "type websocket" },
    { ngx_string("Sec-WebSocket-Version"), "type websocket" },
    { ngx_string("Sec-WebSocket-Extensions"), "type websocket" },
    { ngx_null_string, NULL }
};


const ngx_http_healthdash_line_t  ngx_http_healthdash_lines[] = {
    { ngx_string("type"), ngx_http_healthdash_line_type },
    { ngx_string("expect"), ngx_http_healthdash_line_expect },
    { ngx_string("warn"), ngx_http_healthdash_line_cond },
    { ngx_string("header"), ngx_http_healthdash_line_header },
    { ngx_string("param"), ngx_http_healthdash_line_param },
    { ngx_string("send"), ngx_http_healthdash_line_step },
    { ngx_null_string, NULL }
};


const ngx_http_healthdash_line_t *
ngx_http_healthdash_find_line(ngx_str_t *name)
{
    const ngx_http_healthdash_line_t  *line;

    for (line = ngx_http_healthdash_lines; line->name.len; line++) {

        if (line->name.len == name->len
            && ngx_memcmp(line->name.data, name->data, name->len) == 0)
        {
            return line;
        }
    }

    return NULL;
}


static char *
ngx_http_healthdash_line_type(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (cf->args->nelts != 2) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"type\" needs one value");
        return NGX_CONF_ERROR;
    }

    if (check->type) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"type\" is duplicate");
        return NGX_CONF_ERROR;
    }

    return ngx_http_healthdash_type(cf, check, &value[1]);
}


char *
ngx_http_healthdash_type(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *name)
{
    u_char      *p, list[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t    shown;
    const char  *ours;

    check->type = ngx_hd_type_find(name, 0);

    if (check->type && check->type->missing) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "type \"%V\" needs %s, which this module was "
                                "built without: install it and build the "
                                "module again", name, check->type->missing);
        return NGX_CONF_ERROR;
    }

    if (check->type) {
        check->type_name = check->type->name;
        check->tls = check->type->tls;
        return NGX_CONF_OK;
    }

    shown = ngx_http_healthdash_shown(cf, name);
    ours = ngx_http_healthdash_type_foreign(name);

    if (ours) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "unknown type \"%V\", expected %s",
                                &shown, ours);
        return NGX_CONF_ERROR;
    }

    p = ngx_hd_type_names(list, list + sizeof(list));

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "unknown type \"%V\", expected one of %*s",
                            &shown, p - list, list);

    return NGX_CONF_ERROR;
}


/* what others call a type, or write in place of one; else NULL */

static const char *
ngx_http_healthdash_type_foreign(ngx_str_t *name)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t    theirs;
        const char  *ours;
    } names[] = {
        { ngx_string("ws"), "websocket" },
        { ngx_string("wss"), "websockets" },
        { ngx_string("h2"), "https with http=2" },
        { ngx_string("h2c"), "http with http=2" },
        { ngx_string("h3"), "https with http=3" },
        { ngx_string("http2"), "https with http=2" },
        { ngx_string("http3"), "https with http=3" },
        { ngx_string("postgresql"), "postgres" },
        { ngx_string("pgsql"), "postgres" },
        { ngx_string("mariadb"), "mysql" },
        { ngx_string("memcache"), "memcached" },
        { ngx_string("valkey"), "redis" },
        { ngx_string("fcgi"), "fastcgi" },
        { ngx_string("php"), "fastcgi" },
        { ngx_string("php-fpm"), "fastcgi" },
        { ngx_string("ssl"), "tls" },
        { ngx_string("mail"), "smtp, imap or pop3" },
        { ngx_string("ftps"), "ftp with starttls=on" },
        { ngx_string("cron"), "heartbeat" },
        { ngx_string("unix"), "a type that speaks over the socket, such as "
                              "tcp://unix:/path" }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (name->len == names[i].theirs.len
            && ngx_strncmp(name->data, names[i].theirs.data, name->len) == 0)
        {
            return names[i].ours;
        }
    }

    return NULL;
}


static char *
ngx_http_healthdash_line_cond(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    u_char          err[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t      *value;
    ngx_hd_cond_t  *cond;

    value = cf->args->elts;

    if (check->conds == NULL) {
        check->conds = ngx_array_create(cf->pool, 4, sizeof(ngx_hd_cond_t));
        if (check->conds == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    cond = ngx_array_push(check->conds);
    if (cond == NULL) {
        return NGX_CONF_ERROR;
    }

    err[0] = '\0';

    if (ngx_hd_match_parse(cf->pool, cond, &value[1], cf->args->nelts - 1,
                           err, sizeof(err))
        != NGX_OK)
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check, "invalid %V: %s",
                                &value[0], err);
        return NGX_CONF_ERROR;
    }

    cond->warn = (value[0].data[0] == 'w');

    return NGX_CONF_OK;
}


/* without a subject in front of its operator it is a step of a dialogue */

static char *
ngx_http_healthdash_line_expect(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    if (ngx_hd_step_is(cf->args->elts, cf->args->nelts)) {
        return ngx_http_healthdash_line_step(cf, check);
    }

    return ngx_http_healthdash_line_cond(cf, check);
}


static char *
ngx_http_healthdash_line_step(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    u_char          err[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t      *value, text;
    ngx_hd_step_t  *step;

    value = cf->args->elts;

    step = ngx_http_healthdash_line_push(cf, check, &check->steps,
                                         sizeof(ngx_hd_step_t));
    if (step == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2 && value[1].len && value[1].data[0] == '@') {
        text = value[1];

        if (ngx_http_healthdash_read_secret(cf, check, &value[0], &text)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        step->text = text;
        step->secret = 1;

        return NGX_CONF_OK;
    }

    err[0] = '\0';

    if (ngx_hd_step_parse(cf->pool, step, value, cf->args->nelts, err,
                          sizeof(err))
        != NGX_OK)
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check, "invalid %V: %s",
                                &value[0], err);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_healthdash_line_param(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    return ngx_http_healthdash_line_pair(cf, check, &check->params)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_healthdash_line_header(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_str_t      *value, shown;
    const char     *instead;
    ngx_hd_pair_t  *pair;

    value = cf->args->elts;

    if (cf->args->nelts > 1 && !ngx_http_healthdash_header_is_token(&value[1]))
    {
        shown = ngx_http_healthdash_shown(cf, &value[1]);

        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "invalid name of a header \"%V\", expected one "
                                "such as X-Api-Key, without \":\", from 1 to "
                                "%d bytes", &shown,
                                NGX_HTTP_HEALTHDASH_HEADER);
        return NGX_CONF_ERROR;
    }

    instead = (cf->args->nelts > 1)
              ? ngx_http_healthdash_header_instead(&value[1]) : NULL;

    if (instead) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "header \"%V\" is set by the probe itself, "
                                "expected %s", &value[1], instead);
        return NGX_CONF_ERROR;
    }

    pair = ngx_http_healthdash_line_pair(cf, check, &check->headers);
    if (pair == NULL) {
        return NGX_CONF_ERROR;
    }

    /* as long as a line of nginx.conf and one of a file, at most */

    if (!ngx_hd_utf8_is_plain(&pair->value)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "invalid value of header \"%V\", expected a "
                                "text without control characters", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static const char *
ngx_http_healthdash_header_instead(ngx_str_t *name)
{
    const ngx_http_healthdash_own_t  *own;

    for (own = ngx_http_healthdash_own; own->name.len; own++) {

        if (own->name.len == name->len
            && ngx_strncasecmp(own->name.data, name->data, name->len) == 0)
        {
            return own->instead;
        }
    }

    return NULL;
}


/* RFC 9110, 5.6.2 */

static ngx_uint_t
ngx_http_healthdash_header_is_token(ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    if (name->len == 0 || name->len > NGX_HTTP_HEALTHDASH_HEADER) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            && !(c >= '0' && c <= '9')
            && (c == 0 || ngx_strchr("!#$%&'*+-.^_`|~", c) == NULL))
        {
            return 0;
        }
    }

    return 1;
}


/* a line that is a name and a value; NULL: wrong, and said so */

static ngx_hd_pair_t *
ngx_http_healthdash_line_pair(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_array_t **pairs)
{
    ngx_str_t      *value;
    ngx_hd_pair_t  *pair;

    value = cf->args->elts;

    if (cf->args->nelts != 3 || value[1].len == 0) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"%V\" needs a name and a value, "
                                "and quotes around a value with blanks",
                                &value[0]);
        return NULL;
    }

    pair = ngx_http_healthdash_line_push(cf, check, pairs,
                                         sizeof(ngx_hd_pair_t));
    if (pair == NULL) {
        return NULL;
    }

    pair->name = value[1];
    pair->value = value[2];

    return ngx_http_healthdash_line_value(cf, check, pair) == NGX_OK ? pair
                                                                     : NULL;
}


/* "@FILE" is the whole value or what follows a blank: "Bearer @FILE" */

static ngx_int_t
ngx_http_healthdash_line_value(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_hd_pair_t *pair)
{
    u_char     *p, *last;
    size_t      len;
    ngx_str_t  *word, file;

    word = cf->args->elts;
    last = pair->value.data + pair->value.len;

    for (p = pair->value.data; p < last; p++) {

        if (*p == '@' && (p == pair->value.data || p[-1] == ' ')) {
            break;
        }
    }

    if (p == last) {
        return NGX_OK;
    }

    len = p - pair->value.data;
    file.data = p;
    file.len = last - p;

    if (ngx_http_healthdash_read_secret(cf, check, &word[0], &file) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, len + file.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(p, pair->value.data, len);
    last = ngx_cpymem(last, file.data, file.len);
    *last = '\0';

    pair->value.data = p;
    pair->value.len = last - p;
    pair->secret = 1;

    return NGX_OK;
}


static void *
ngx_http_healthdash_line_push(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_array_t **lines, size_t size)
{
    void       *line;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (*lines == NULL) {
        *lines = ngx_array_create(cf->pool, 4, size);
        if (*lines == NULL) {
            return NULL;
        }
    }

    if ((*lines)->nelts == NGX_HTTP_HEALTHDASH_LINES) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "too many lines \"%V\", expected at most %d",
                                &value[0], NGX_HTTP_HEALTHDASH_LINES);
        return NULL;
    }

    line = ngx_array_push(*lines);
    if (line) {
        ngx_memzero(line, size);
    }

    return line;
}

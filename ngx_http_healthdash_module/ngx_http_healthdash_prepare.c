
/*
 * healthdash: from a merged check to one that can be sent: what is secret is
 * known, the request is written, TLS has its context.  Called in
 * postconfiguration.
 */


#include <ngx_http_healthdash_param.h>
#include <ngx_hd_secret.h>
#include <ngx_hd_tls.h>
#include <ngx_hd_types.h>
#include <ngx_hd_wire.h>


static ngx_uint_t ngx_http_healthdash_from_file(ngx_hd_check_t *check,
    size_t offset);
static ngx_int_t ngx_http_healthdash_prepare_user(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_prepare_headers(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_prepare_pairs(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_array_t *pairs);
static ngx_int_t ngx_http_healthdash_prepare_twice(ngx_conf_t *cf,
    ngx_hd_check_t *check, const char *param, const char *header);
static ngx_uint_t ngx_http_healthdash_prepare_is_secret(ngx_str_t *name);
static ngx_int_t ngx_http_healthdash_prepare_mask(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_hd_pair_t *pair);
static ngx_int_t ngx_http_healthdash_prepare_body(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_prepare_secrets(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_prepare_basic(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_prepare_type(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_prepare_tls(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_str_t ngx_http_healthdash_bare(ngx_str_t *host);
static u_char *ngx_http_healthdash_place(ngx_log_t *log, u_char *buf,
    size_t len);


ngx_int_t
ngx_http_healthdash_prepare(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    if (check->host.len == 0) {
        check->host = *host;
    }

    check->uri_secret = ngx_http_healthdash_from_file(check,
                                             offsetof(ngx_hd_check_t, uri));

    if (check->type->takes & NGX_HD_TAKES_URI
        && ngx_strlchr(check->host.data, check->host.data + check->host.len,
                       ' '))
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "name \"%V\" is no Host to send, expected "
                                "parameter \"host\"", &check->host);
        return NGX_ERROR;
    }

    if ((check->type->takes & NGX_HD_TAKES_TLS) && check->sni.len == 0) {
        check->sni = ngx_http_healthdash_bare(&check->host);
    }

    if (ngx_http_healthdash_prepare_user(cf, check) != NGX_OK
        || ngx_http_healthdash_prepare_headers(cf, check) != NGX_OK
        || ngx_http_healthdash_prepare_pairs(cf, check, check->params)
           != NGX_OK
        || ngx_http_healthdash_prepare_body(cf, check) != NGX_OK
        || ngx_http_healthdash_prepare_secrets(cf, check) != NGX_OK
        || ngx_http_healthdash_prepare_basic(cf, check) != NGX_OK
        || ngx_http_healthdash_prepare_tls(cf, check) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_healthdash_prepare_type(cf, check);
}


static ngx_uint_t
ngx_http_healthdash_from_file(ngx_hd_check_t *check, size_t offset)
{
    ngx_uint_t                     i;
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {

        if (ngx_http_healthdash_params[i].offset == offset) {
            return (params->files >> i) & 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_healthdash_prepare_user(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    /* a server may know a password without a name, but then not both */

    if (check->password.len && check->user.len == 0
        && (check->type->takes & NGX_HD_TAKES_HTTP))
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"password\" needs \"user\" beside "
                                "it");
        return NGX_ERROR;
    }

    /* databases have it proved, and do not take it */

    if (check->password.len && (check->type->takes & NGX_HD_TAKES_STARTTLS)
        && !(check->type->takes & NGX_HD_TAKES_DATABASE) && !check->starttls)
    {
        ngx_http_healthdash_log(NGX_LOG_WARN, cf, check,
                                "the password goes to the server in clear "
                                "text, unless starttls=on is given");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_prepare_headers(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    if (check->headers == NULL) {
        return NGX_OK;
    }

    if (check->user.len
        && ngx_http_healthdash_prepare_twice(cf, check, "user",
                                             "Authorization")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (check->user_agent.len
        && ngx_http_healthdash_prepare_twice(cf, check, "user_agent",
                                             "User-Agent")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_healthdash_prepare_pairs(cf, check, check->headers);
}


/* of "header" lines, or of "param" lines that become header fields in CGI */

static ngx_int_t
ngx_http_healthdash_prepare_pairs(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_array_t *pairs)
{
    ngx_uint_t      i;
    ngx_hd_pair_t  *pair;

    if (pairs == NULL) {
        return NGX_OK;
    }

    pair = pairs->elts;

    for (i = 0; i < pairs->nelts; i++) {

        if (ngx_http_healthdash_prepare_is_secret(&pair[i].name)
            && ngx_http_healthdash_prepare_mask(cf, check, &pair[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_prepare_twice(ngx_conf_t *cf, ngx_hd_check_t *check,
    const char *param, const char *header)
{
    if (ngx_hd_request_header(check, header) == NULL) {
        return NGX_OK;
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "parameter \"%s\" and header \"%s\" of probe "
                            "\"%V\" say the same, expected one of them",
                            param, header, &check->name);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_http_healthdash_prepare_is_secret(ngx_str_t *name)
{
    ngx_uint_t  i;

    static const ngx_str_t  names[] = {
        ngx_string("Authorization"),
        ngx_string("Proxy-Authorization"),
        ngx_string("Cookie"),
        ngx_string("HTTP_AUTHORIZATION"),
        ngx_string("HTTP_PROXY_AUTHORIZATION"),
        ngx_string("HTTP_COOKIE")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (name->len == names[i].len
            && ngx_strncasecmp(name->data, names[i].data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* a server may send it back with the scheme in front of it, or without */

static ngx_int_t
ngx_http_healthdash_prepare_mask(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_hd_pair_t *pair)
{
    u_char     *p;
    ngx_str_t   value;

    value = pair->value;
    pair->secret = 1;

    if (ngx_hd_check_secret(cf->pool, check, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_strlchr(value.data, value.data + value.len, ' ');
    if (p == NULL) {
        return NGX_OK;
    }

    value.len -= p + 1 - value.data;
    value.data = p + 1;

    return ngx_hd_check_secret(cf->pool, check, &value);
}


/* a body says what it is; the block's headers are those of others, too */

static ngx_int_t
ngx_http_healthdash_prepare_body(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_array_t    *headers;
    ngx_hd_pair_t  *pair;

    if (check->body.len == 0
        || ngx_hd_request_header(check, "Content-Type") != NULL)
    {
        return NGX_OK;
    }

    headers = ngx_array_create(cf->pool, 4, sizeof(ngx_hd_pair_t));
    if (headers == NULL) {
        return NGX_ERROR;
    }

    if (check->headers && check->headers->nelts) {
        pair = ngx_array_push_n(headers, check->headers->nelts);
        if (pair == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(pair, check->headers->elts,
                   check->headers->nelts * sizeof(ngx_hd_pair_t));
    }

    pair = ngx_array_push(headers);
    if (pair == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(pair, sizeof(ngx_hd_pair_t));

    ngx_str_set(&pair->name, "Content-Type");

    if (check->body.data[0] == '{' || check->body.data[0] == '[') {
        ngx_str_set(&pair->value, "application/json");

    } else {
        ngx_str_set(&pair->value, "text/plain; charset=utf-8");
    }

    check->headers = headers;

    return NGX_OK;
}


/* what a @FILE said is secret, and a password wherever it came from */

static ngx_int_t
ngx_http_healthdash_prepare_secrets(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_str_t                          *value;
    ngx_uint_t                          i;
    ngx_http_healthdash_params_t       *params;
    const ngx_http_healthdash_param_t  *p;

    params = (ngx_http_healthdash_params_t *) check;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {
        p = &ngx_http_healthdash_params[i];

        if (!((params->files >> i) & 1) || p->size != sizeof(ngx_str_t)) {
            continue;
        }

        value = (ngx_str_t *) ((u_char *) params + p->offset);

        if (ngx_hd_check_secret(cf->pool, check, value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_hd_check_secret(cf->pool, check, &check->password) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_hd_check_secret(cf->pool, check, &check->token);
}


/* as it stands in an Authorization header, which a server may send back */

static ngx_int_t
ngx_http_healthdash_prepare_basic(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_str_t  plain, coded;

    if (check->password.len == 0) {
        return NGX_OK;
    }

    plain.len = check->user.len + 1 + check->password.len;

    plain.data = ngx_pnalloc(cf->pool, plain.len);
    if (plain.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(plain.data, "%V:%V", &check->user, &check->password);

    coded.data = ngx_pnalloc(cf->pool, ngx_base64_encoded_length(plain.len));
    if (coded.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&coded, &plain);

    ngx_explicit_memzero(plain.data, plain.len);

    return ngx_hd_check_secret(cf->pool, check, &coded);
}


static ngx_int_t
ngx_http_healthdash_prepare_type(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    const char  *wrong;

    if (check->type->prepare == NULL) {
        return NGX_OK;
    }

    wrong = check->type->prepare(cf->pool, check, &check->host);
    if (wrong == NULL) {
        return NGX_OK;
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check, "the probe of type "
                            "\"%V\" %s", &check->type_name, wrong);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_healthdash_prepare_tls(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    void                *data;
    ngx_int_t            rc;
    ngx_uint_t           stream;
    ngx_log_handler_pt   handler;
    ngx_hd_main_conf_t  *hmcf;

    /* the stream engine's TLS begins at once, or when a dialogue asks for it */

    stream = check->type->tls || (check->starttls && check->type->data);

    if (!stream && !check->type->starts_tls) {
        return NGX_OK;
    }

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_healthdash_module);

    /* what OpenSSL says gets the place of the directive, too */

    handler = cf->log->handler;
    data = cf->log->data;

    cf->log->handler = ngx_http_healthdash_place;
    cf->log->data = check;

    rc = ngx_hd_tls_trust(cf, hmcf, check);

    if (rc == NGX_OK && stream) {
        rc = ngx_hd_tls_conf(cf, check);
    }

    cf->log->handler = handler;
    cf->log->data = data;

    if (rc == NGX_DECLINED) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "type \"%V\" needs TLS, expected an nginx "
                                "built with --with-http_ssl_module",
                                &check->type_name);
        return NGX_ERROR;
    }

    return rc;
}


/* the name in a Host: without port, and without brackets */

static ngx_str_t
ngx_http_healthdash_bare(ngx_str_t *host)
{
    u_char     *p, *last;
    ngx_str_t   name;

    name = *host;

    p = name.data;
    last = p + name.len;

    if (p < last && *p == '[') {
        p++;
        last = ngx_strlchr(p, last, ']');

    } else {
        last = ngx_strlchr(p, last, ':');
    }

    if (last) {
        name.data = p;
        name.len = last - p;
    }

    return name;
}


static u_char *
ngx_http_healthdash_place(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_hd_check_t  *check;

    check = log->data;

    return ngx_snprintf(buf, len, " in %s:%ui", check->file_name, check->line);
}

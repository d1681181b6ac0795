
/*
 * healthdash: the request of an HTTP/1 probe: its bytes, made once, while the
 * configuration is read.  Called when a check is complete.
 */


#include <ngx_hd_wire.h>


static size_t ngx_hd_request_size(ngx_hd_check_t *check, ngx_str_t *host);
static u_char *ngx_hd_request_defaults(u_char *p, ngx_hd_check_t *check);
static u_char *ngx_hd_request_pairs(u_char *p, ngx_hd_check_t *check);
static ngx_uint_t ngx_hd_request_is_clean(ngx_str_t *s);


const char *
ngx_hd_wire_http1_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    return ngx_hd_wire_http1_request(pool, check, host,
                                     check->keepalive ? "keep-alive" : "close");
}


const char *
ngx_hd_wire_http1_request(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host, const char *connection)
{
    u_char     *p;
    ngx_str_t   basic;

    if (!ngx_hd_request_is_clean(&check->method)
        || !ngx_hd_request_is_clean(&check->uri)
        || !ngx_hd_request_is_clean(host))
    {
        return "has a blank or a control character in method, uri or host";
    }

    /* Basic authentication cannot carry more, RFC 7617, section 2 */

    if (ngx_strlchr(check->user.data, check->user.data + check->user.len, ':'))
    {
        return "has a \":\" in its user, expected a name without one";
    }

    if (ngx_hd_request_basic(pool, check, &basic) != NGX_OK) {
        return "could not be made ready: no memory";
    }

    p = ngx_pnalloc(pool, ngx_hd_request_size(check, host) + basic.len
                          + sizeof("Authorization: " CRLF)
                          + ngx_strlen(connection));
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    check->request.data = p;

    p = ngx_sprintf(p, "%V %V HTTP/1.1" CRLF "Host: %V" CRLF,
                    &check->method, &check->uri, host);

    p = ngx_hd_request_defaults(p, check);
    p = ngx_sprintf(p, "Connection: %s" CRLF, connection);

    if (basic.len) {
        p = ngx_sprintf(p, "Authorization: %V" CRLF, &basic);
    }

    p = ngx_hd_request_pairs(p, check);
    p = ngx_sprintf(p, CRLF "%V", &check->body);

    check->request.len = p - check->request.data;

    return NULL;
}


/* enough for all but basic and the value of Connection */

static size_t
ngx_hd_request_size(ngx_hd_check_t *check, ngx_str_t *host)
{
    size_t          len;
    ngx_uint_t      i;
    ngx_hd_pair_t  *pair;

    len = check->method.len + check->uri.len + host->len
          + check->user_agent.len + check->body.len + NGX_SIZE_T_LEN
          + sizeof("  HTTP/1.1" CRLF
                   "Host: " CRLF
                   "User-Agent: healthdash/" NGX_HD_VERSION CRLF
                   "Accept: */*" CRLF
                   "Connection: " CRLF
                   "Content-Length: " CRLF
                   CRLF);

    if (check->headers) {
        pair = check->headers->elts;

        for (i = 0; i < check->headers->nelts; i++) {
            len += pair[i].name.len + pair[i].value.len
                   + sizeof(": " CRLF) - 1;
        }
    }

    return len;
}


/* what the user does not say */

static u_char *
ngx_hd_request_defaults(u_char *p, ngx_hd_check_t *check)
{
    if (check->user_agent.len) {
        p = ngx_sprintf(p, "User-Agent: %V" CRLF, &check->user_agent);

    } else if (ngx_hd_request_header(check, "User-Agent") == NULL) {
        p = ngx_sprintf(p, "User-Agent: healthdash/" NGX_HD_VERSION CRLF);
    }

    if (ngx_hd_request_header(check, "Accept") == NULL) {
        p = ngx_sprintf(p, "Accept: */*" CRLF);
    }

    /* RFC 9110 8.6: a method that is meant to have a body says it has none */

    if (check->body.len || ngx_hd_request_has_body(&check->method)) {
        p = ngx_sprintf(p, "Content-Length: %uz" CRLF, check->body.len);
    }

    return p;
}


static u_char *
ngx_hd_request_pairs(u_char *p, ngx_hd_check_t *check)
{
    ngx_uint_t      i;
    ngx_hd_pair_t  *pair;

    if (check->headers == NULL) {
        return p;
    }

    pair = check->headers->elts;

    for (i = 0; i < check->headers->nelts; i++) {
        p = ngx_sprintf(p, "%V: %V" CRLF, &pair[i].name, &pair[i].value);
    }

    return p;
}


ngx_hd_pair_t *
ngx_hd_request_header(const ngx_hd_check_t *check, const char *name)
{
    size_t          len;
    ngx_uint_t      i;
    ngx_hd_pair_t  *pair;

    if (check->headers == NULL) {
        return NULL;
    }

    len = ngx_strlen(name);
    pair = check->headers->elts;

    for (i = 0; i < check->headers->nelts; i++) {

        if (pair[i].name.len == len
            && ngx_strncasecmp(pair[i].name.data, (u_char *) name, len) == 0)
        {
            return &pair[i];
        }
    }

    return NULL;
}


/* no blank, no control character */

static ngx_uint_t
ngx_hd_request_is_clean(ngx_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ' || s->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_hd_request_has_body(const ngx_str_t *method)
{
    ngx_uint_t  i;

    static const ngx_str_t  names[] = {
        ngx_string("POST"),
        ngx_string("PUT"),
        ngx_string("PATCH")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (method->len == names[i].len
            && ngx_strncasecmp(method->data, names[i].data, method->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_hd_request_basic(ngx_pool_t *pool, const ngx_hd_check_t *check,
    ngx_str_t *basic)
{
    ngx_str_t  plain, coded;

    ngx_str_set(basic, "");

    if (check->user.len == 0 && check->password.len == 0) {
        return NGX_OK;
    }

    plain.len = check->user.len + 1 + check->password.len;

    plain.data = ngx_pnalloc(pool, plain.len);
    if (plain.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(plain.data, "%V:%V", &check->user, &check->password);

    basic->data = ngx_pnalloc(pool, sizeof("Basic ") - 1
                                    + ngx_base64_encoded_length(plain.len));
    if (basic->data == NULL) {
        return NGX_ERROR;
    }

    coded.data = ngx_cpymem(basic->data, "Basic ", sizeof("Basic ") - 1);
    ngx_encode_base64(&coded, &plain);

    basic->len = coded.data + coded.len - basic->data;

    ngx_explicit_memzero(plain.data, plain.len);

    return NGX_OK;
}


/*
 * healthdash: the request of an HTTP/1 probe: its bytes, made once, while the
 * configuration is read.  Called when a check is complete.
 */


#include <ngx_hd_wire.h>


static ngx_uint_t ngx_hd_request_is_clean(ngx_str_t *s);
static ngx_uint_t ngx_hd_request_has_body(ngx_str_t *method);
static ngx_int_t ngx_hd_request_basic(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *basic);


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
    u_char      *p;
    size_t       len;
    ngx_str_t    basic;
    const char  *length;

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

    /* RFC 9110 8.6: a method that is meant to have a body says it has none */

    length = ngx_hd_request_has_body(&check->method)
             ? "Content-Length: 0" CRLF : "";

    len = check->method.len + check->uri.len + host->len + basic.len
          + ngx_strlen(length) + ngx_strlen(connection)
          + sizeof("  HTTP/1.1" CRLF
                   "Host: " CRLF
                   "User-Agent: healthdash/" NGX_HD_VERSION CRLF
                   "Accept: */*" CRLF
                   "Connection: " CRLF
                   CRLF);

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    check->request.data = p;

    p = ngx_sprintf(p, "%V %V HTTP/1.1" CRLF
                    "Host: %V" CRLF
                    "User-Agent: healthdash/" NGX_HD_VERSION CRLF
                    "Accept: */*" CRLF
                    "Connection: %s" CRLF
                    "%s%V" CRLF,
                    &check->method, &check->uri, host,
                    connection, length, &basic);

    check->request.len = p - check->request.data;

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


static ngx_uint_t
ngx_hd_request_has_body(ngx_str_t *method)
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


static ngx_int_t
ngx_hd_request_basic(ngx_pool_t *pool, ngx_hd_check_t *check, ngx_str_t *basic)
{
    u_char     *p;
    ngx_str_t   plain, coded;

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

    p = ngx_pnalloc(pool, sizeof("Authorization: Basic " CRLF) - 1
                          + ngx_base64_encoded_length(plain.len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    basic->data = p;

    coded.data = ngx_cpymem(p, "Authorization: Basic ",
                            sizeof("Authorization: Basic ") - 1);
    ngx_encode_base64(&coded, &plain);

    p = ngx_cpymem(coded.data + coded.len, CRLF, sizeof(CRLF) - 1);
    basic->len = p - basic->data;

    ngx_explicit_memzero(plain.data, plain.len);

    return NGX_OK;
}

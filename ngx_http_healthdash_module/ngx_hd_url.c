
/*
 * healthdash: URLs of services taken apart.  Owns their grammar, and sees to
 * it that user and password are in no part that is shown.  Called while the
 * configuration is read; knows no probe type and resolves nothing.
 */


#include <ngx_hd_url.h>
#include <ngx_hd_utf8.h>


#define NGX_HD_URL_SHOWN       128     /* bytes in messages */
#define NGX_HD_URL_MAX         4096


static const char *ngx_hd_url_name(ngx_str_t *text, ngx_hd_url_t *url);
static ngx_uint_t ngx_hd_url_is_clean(u_char *p, u_char *last);
static u_char *ngx_hd_url_at(u_char *p, u_char *last);
static const char *ngx_hd_url_user(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_hd_url_t *url);
static ngx_int_t ngx_hd_url_decode(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_str_t *str);
static u_char *ngx_hd_url_place(u_char *p, u_char *last, ngx_uint_t http,
    ngx_hd_url_t *url);
static const char *ngx_hd_url_uri(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_uint_t http, ngx_hd_url_t *url);
static ngx_uint_t ngx_hd_url_is_unix(u_char *p, u_char *last);


ngx_str_t
ngx_hd_url_scheme(ngx_str_t *text)
{
    u_char     *p;
    ngx_str_t   scheme;

    scheme = ngx_hd_url_word(text);
    p = scheme.data + scheme.len;

    if (text->data + text->len - p < 3 || p[1] != '/' || p[2] != '/') {
        scheme.len = 0;
    }

    return scheme;
}


ngx_str_t
ngx_hd_url_word(ngx_str_t *text)
{
    u_char     *p;
    ngx_str_t   word;

    word = *text;

    p = ngx_strlchr(text->data, text->data + text->len, ':');

    word.len = p ? (size_t) (p - text->data) : 0;

    return word;
}


const char *
ngx_hd_url_parse(ngx_pool_t *pool, ngx_str_t *text, ngx_hd_url_form_e form,
    ngx_hd_url_t *url)
{
    u_char      *p, *at, *last;
    ngx_uint_t   http;
    const char  *err;

    ngx_memzero(url, sizeof(ngx_hd_url_t));

    if (form == NGX_HD_URL_NAME) {
        return ngx_hd_url_name(text, url);
    }

    http = (form == NGX_HD_URL_HTTP);
    url->scheme = ngx_hd_url_scheme(text);

    if (url->scheme.len == 0) {
        return "no scheme";
    }

    if (text->len > NGX_HD_URL_MAX) {
        return "too long";
    }

    p = text->data + url->scheme.len + 3;
    last = text->data + text->len;

    if (!ngx_hd_url_is_clean(p, last)) {
        return "invalid character";
    }

    at = ngx_hd_url_at(p, last);

    if (at) {
        err = ngx_hd_url_user(pool, p, at, url);
        if (err) {
            return err;
        }

        p = at + 1;
    }

    url->address.len = url->scheme.len + 3 + (last - p);
    url->address.data = ngx_pnalloc(pool, url->address.len);

    if (url->address.data == NULL) {
        return "no memory";
    }

    ngx_sprintf(url->address.data, "%V://%*s", &url->scheme,
                (size_t) (last - p), p);

    p = ngx_hd_url_place(p, last, http, url);

    return (p < last) ? ngx_hd_url_uri(pool, p, last, http, url) : NULL;
}


/* "disk:/path" */

static const char *
ngx_hd_url_name(ngx_str_t *text, ngx_hd_url_t *url)
{
    u_char  *p, *last;

    url->scheme = ngx_hd_url_word(text);
    url->address = *text;

    p = text->data + url->scheme.len + 1;
    last = text->data + text->len;

    if (text->len > NGX_HD_URL_MAX) {
        return "too long";
    }

    if (!ngx_hd_utf8_is_plain(text)) {
        return "invalid character";
    }

    url->place.data = p;
    url->place.len = last - p;

    return NULL;
}


/* the name of a socket may have blanks */

static ngx_uint_t
ngx_hd_url_is_clean(u_char *p, u_char *last)
{
    u_char  low;

    low = ngx_hd_url_is_unix(p, last) ? 0x20 : 0x21;

    for ( /* void */ ; p < last; p++) {
        if (*p < low || *p == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* the end of user and password, or NULL */

static u_char *
ngx_hd_url_at(u_char *p, u_char *last)
{
    u_char  *at;

    at = NULL;

    if (ngx_hd_url_is_unix(p, last)) {
        return NULL;
    }

    for ( /* void */ ; p < last; p++) {

        if (*p == '/' || *p == '?' || *p == '#') {
            break;
        }

        if (*p == '@') {
            at = p;
        }
    }

    return at;
}


static const char *
ngx_hd_url_user(ngx_pool_t *pool, u_char *p, u_char *last, ngx_hd_url_t *url)
{
    u_char  *colon;

    colon = ngx_strlchr(p, last, ':');

    if (ngx_hd_url_decode(pool, p, colon ? colon : last, &url->user) != NGX_OK
        || (colon
            && ngx_hd_url_decode(pool, colon + 1, last, &url->password)
               != NGX_OK))
    {
        return "invalid user or password";
    }

    return url->user.len ? NULL : "no user before \"@\"";
}


static ngx_int_t
ngx_hd_url_decode(ngx_pool_t *pool, u_char *p, u_char *last, ngx_str_t *str)
{
    u_char      *dst, *src;
    ngx_uint_t   i;

    str->data = ngx_pnalloc(pool, last - p + 1);
    if (str->data == NULL) {
        return NGX_ERROR;
    }

    dst = str->data;
    src = p;

    ngx_unescape_uri(&dst, &src, last - p, 0);

    str->len = dst - str->data;

    for (i = 0; i < str->len; i++) {
        if (str->data[i] < 0x20 || str->data[i] == 0x7f) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* returns where the path begins */

static u_char *
ngx_hd_url_place(u_char *p, u_char *last, ngx_uint_t http, ngx_hd_url_t *url)
{
    url->place.data = p;

    if (ngx_hd_url_is_unix(p, last)) {

        /* the name of the socket ends at a colon if a path may follow */

        p = http ? ngx_strlchr(p + 5, last, ':') : NULL;

        url->place.len = (p ? p : last) - url->place.data;

        return p ? p + 1 : last;
    }

    while (p < last && *p != '/' && *p != '?' && *p != '#') {
        p++;
    }

    url->place.len = p - url->place.data;

    return p;
}


static const char *
ngx_hd_url_uri(ngx_pool_t *pool, u_char *p, u_char *last, ngx_uint_t http,
    ngx_hd_url_t *url)
{
    if (!http) {
        return "unexpected path";
    }

    if (ngx_strlchr(p, last, ' ') || ngx_strlchr(p, last, '#')) {
        return "blank or \"#\" in the path";
    }

    if (*p != '/' && *p != '?') {
        return "invalid path";
    }

    url->uri.data = p;
    url->uri.len = last - p;

    if (*p == '/') {
        return NULL;
    }

    /* "http://host?a=b" */

    url->uri.len++;
    url->uri.data = ngx_pnalloc(pool, url->uri.len);

    if (url->uri.data == NULL) {
        return "no memory";
    }

    url->uri.data[0] = '/';
    ngx_memcpy(url->uri.data + 1, p, last - p);

    return NULL;
}


static ngx_uint_t
ngx_hd_url_is_unix(u_char *p, u_char *last)
{
    return last - p >= 5 && ngx_memcmp(p, "unix:", 5) == 0;
}


ngx_str_t
ngx_hd_url_shown(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char     *p, *from, *last;
    ngx_str_t   shown, scheme;

    scheme = ngx_hd_url_scheme(text);
    from = text->data;
    last = text->data + text->len;

    for (p = text->data; p < last; p++) {
        if (*p == '@') {
            from = p;
        }
    }

    if (from == text->data) {
        scheme.len = 0;
    }

    shown.len = 0;
    shown.data = ngx_pnalloc(pool, NGX_HD_URL_SHOWN);

    if (shown.data == NULL) {
        return shown;
    }

    p = ngx_slprintf(shown.data, shown.data + NGX_HD_URL_SHOWN, "%V%s%*s",
                     &scheme, scheme.len ? "://..." : "",
                     (size_t) (last - from), from);

    shown.len = p - shown.data;

    for (p = shown.data; p < shown.data + shown.len; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }

    return shown;
}

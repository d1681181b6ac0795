
/*
 * The table of formats, and content negotiation (RFC 9110, 12.5.1).
 */


#include <ngx_http_healthdash_kind.h>


#define NGX_HTTP_HEALTHDASH_Q_MAX    1000


/* how much a client likes a format: its q, and how exactly it was named */

typedef struct {
    ngx_uint_t                    q;            /* 0..1000 */
    ngx_uint_t                    exact;        /* 0: not named, 1: any type,
                                                   2: "text/", 3: by name */
} ngx_http_healthdash_like_t;


static void ngx_http_healthdash_kind_accept(ngx_http_healthdash_like_t *like,
    const ngx_str_t *value);
static void ngx_http_healthdash_kind_range(ngx_http_healthdash_like_t *like,
    u_char *p, u_char *last);
static ngx_uint_t ngx_http_healthdash_kind_q(u_char *p, u_char *last);
static ngx_uint_t ngx_http_healthdash_kind_match(
    const ngx_http_healthdash_kind_t *kind, u_char *p, size_t len);


/* the first is what a client gets that does not care */

static const ngx_http_healthdash_kind_t  ngx_http_healthdash_kinds[] = {

    { ngx_string("json"),
      ngx_string("application/json"),
      sizeof("application/") - 1,
      ngx_null_string,
      NGX_HTTP_HEALTHDASH_JSON,
      &ngx_hd_render_json },

    { ngx_string("html"),
      ngx_string("text/html"),
      sizeof("text/") - 1,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_HTML,
      &ngx_hd_render_html },

    { ngx_string("text"),
      ngx_string("text/plain"),
      sizeof("text/") - 1,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_TEXT,
      &ngx_hd_render_text },

    { ngx_string("csv"),
      ngx_string("text/csv"),
      sizeof("text/") - 1,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_CSV,
      &ngx_hd_render_csv },

    { ngx_string("health"),
      ngx_string("application/health+json"),
      sizeof("application/") - 1,
      ngx_null_string,
      NGX_HTTP_HEALTHDASH_HEALTH,
      &ngx_hd_render_health },

    { ngx_string("atom"),
      ngx_string("application/atom+xml"),
      sizeof("application/") - 1,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_ATOM,
      &ngx_hd_render_atom },

    /* only by its name: a browser that accepts images wants a page */

    { ngx_string("badge"),
      ngx_string("image/svg+xml"),
      0,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_BADGE,
      &ngx_hd_render_badge },

    { ngx_string("events"),
      ngx_string("text/event-stream"),
      sizeof("text/") - 1,
      ngx_null_string,
      NGX_HTTP_HEALTHDASH_EVENTS,
      NULL }
};

#define NGX_HTTP_HEALTHDASH_KINDS                                             \
    (sizeof(ngx_http_healthdash_kinds) / sizeof(ngx_http_healthdash_kind_t))


const ngx_http_healthdash_kind_t *
ngx_http_healthdash_kind_of(ngx_uint_t format)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {

        if (ngx_http_healthdash_kinds[i].format == format) {
            return &ngx_http_healthdash_kinds[i];
        }
    }

    return NULL;
}


const char *
ngx_http_healthdash_kind_names(ngx_pool_t *pool, const char *before)
{
    size_t       len;
    u_char      *p, *text;
    ngx_uint_t   i;

    len = ngx_strlen(before) + 1;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {
        len += ngx_http_healthdash_kinds[i].name.len + sizeof(" or \"\"") - 1;
    }

    text = ngx_pnalloc(pool, len);
    if (text == NULL) {
        return NULL;
    }

    p = ngx_cpymem(text, before, ngx_strlen(before));

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {
        p = ngx_sprintf(p, "%s\"%V\"",
                        (i == 0) ? ""
                        : (i == NGX_HTTP_HEALTHDASH_KINDS - 1) ? " or " : ", ",
                        &ngx_http_healthdash_kinds[i].name);
    }

    *p = '\0';

    return (const char *) text;
}


const ngx_http_healthdash_kind_t *
ngx_http_healthdash_kind(const ngx_str_t *name)
{
    ngx_uint_t                         i;
    const ngx_http_healthdash_kind_t  *kind;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {
        kind = &ngx_http_healthdash_kinds[i];

        if (name->len == kind->name.len
            && ngx_memcmp(name->data, kind->name.data, name->len) == 0)
        {
            return kind;
        }
    }

    return NULL;
}


const ngx_http_healthdash_kind_t *
ngx_http_healthdash_kind_accepted(ngx_http_request_t *r)
{
    ngx_uint_t                   i, best;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *h;
    ngx_http_healthdash_like_t   like[NGX_HTTP_HEALTHDASH_KINDS];

    ngx_memzero(like, sizeof(like));

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == 6
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Accept", 6)
                   == 0)
            {
                ngx_http_healthdash_kind_accept(like, &h[i].value);
            }
        }
    }

    for (best = 0, i = 1; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {

        if (like[i].q > like[best].q
            || (like[i].q == like[best].q
                && like[i].q && like[i].exact > like[best].exact))
        {
            best = i;
        }
    }

    return &ngx_http_healthdash_kinds[best];
}


static void
ngx_http_healthdash_kind_accept(ngx_http_healthdash_like_t *like,
    const ngx_str_t *value)
{
    u_char  *p, *comma, *last;

    last = value->data + value->len;

    for (p = value->data; p < last; p = comma + 1) {
        comma = ngx_strlchr(p, last, ',');

        if (comma == NULL) {
            comma = last;
        }

        ngx_http_healthdash_kind_range(like, p, comma);
    }
}


/* one of "text/html;level=1;q=0.8"; the most exact range decides about q */

static void
ngx_http_healthdash_kind_range(ngx_http_healthdash_like_t *like, u_char *p,
    u_char *last)
{
    u_char      *end;
    ngx_uint_t   i, q, exact;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    end = p;

    while (end < last && *end != ';' && *end != ' ' && *end != '\t') {
        end++;
    }

    q = ngx_http_healthdash_kind_q(end, last);

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {
        exact = ngx_http_healthdash_kind_match(
                                   &ngx_http_healthdash_kinds[i], p, end - p);

        if (exact && exact >= like[i].exact) {
            like[i].exact = exact;
            like[i].q = q;
        }
    }
}


/* the weight among parameters, in thousandths */

static ngx_uint_t
ngx_http_healthdash_kind_q(u_char *p, u_char *last)
{
    ngx_int_t  q;

    for ( ;; ) {
        p = ngx_strlchr(p, last, ';');

        if (p == NULL) {
            return NGX_HTTP_HEALTHDASH_Q_MAX;
        }

        do {
            p++;
        } while (p < last && (*p == ' ' || *p == '\t'));

        if (last - p > 2 && (p[0] == 'q' || p[0] == 'Q') && p[1] == '=') {
            break;
        }
    }

    p += 2;

    while (last > p && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    q = ngx_atofp(p, last - p, 3);

    /* what is no number is no reason to refuse */

    return (q == NGX_ERROR) ? NGX_HTTP_HEALTHDASH_Q_MAX
                            : (ngx_uint_t) ngx_min(q, 1000);
}


static ngx_uint_t
ngx_http_healthdash_kind_match(const ngx_http_healthdash_kind_t *kind,
    u_char *p, size_t len)
{
    if (kind->major == 0) {
        return 0;
    }

    if (len == kind->media.len
        && ngx_strncasecmp(p, kind->media.data, len) == 0)
    {
        return 3;
    }

    if (len == kind->major + 1 && p[len - 1] == '*'
        && ngx_strncasecmp(p, kind->media.data, kind->major) == 0)
    {
        return 2;
    }

    return len == 3 && ngx_strncmp(p, "*/*", 3) == 0;
}

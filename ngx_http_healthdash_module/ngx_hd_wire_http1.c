
/*
 * healthdash: the HTTP/1 dialogue.  Owns the reading of a response: its status
 * line, header and chunks with nginx's own parsers, its framing by RFC 9112
 * 6.3.  Called by the stream engine, bytes in, verdict out.  Every byte is
 * hostile: header, body and framing have limits, and what no condition asks
 * for is not kept.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


#define NGX_HD_HTTP_HEADER     4096    /* bytes of header, at first */
#define NGX_HD_HTTP_MAX        32768   /* at most, and of framing */
#define NGX_HD_HTTP_FIELDS     256     /* header fields kept */
#define NGX_HD_HTTP_INTERIM    64      /* 1xx before the response */

#define NGX_HD_HTTP_TLS_ALERT  0x15    /* first byte, RFC 8446 5.1 */


typedef enum {
    NGX_HD_HTTP_STATUS = 0,
    NGX_HD_HTTP_FIELD,
    NGX_HD_HTTP_BODY
} ngx_hd_http1_phase_e;


typedef struct {
    ngx_http_request_t      request;    /* for nginx's parsers, otherwise 0 */
    ngx_connection_t        connection; /* the same: it has but a log */
    ngx_http_status_t       status;
    ngx_http_chunked_t      chunks;
    ngx_hd_http1_phase_e    phase;
    ngx_buf_t               header;     /* status line and fields so far */
    ngx_array_t            *fields;     /* NULL: no condition asks for one */
    ngx_buf_t               body;       /* what is kept of it */
    off_t                   length;     /* -1: until the peer closes */
    off_t                   size;       /* bytes of body so far */
    off_t                   framing;    /* bytes of chunk heads, trailers */
    ngx_uint_t              interim;
    unsigned                keep_body:1;
    unsigned                has_length:1;
    unsigned                chunked:1;
    unsigned                close:1;    /* "Connection: close" */
    unsigned                keep:1;     /* "Connection: keep-alive" */
} ngx_hd_http1_t;


static ngx_int_t ngx_hd_http1_create(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_http1_header(ngx_hd_wire_t *w, ngx_buf_t *in);
static ngx_int_t ngx_hd_http1_grow(ngx_hd_wire_t *w, ngx_hd_http1_t *h);
static void ngx_hd_http1_rewind(ngx_hd_http1_t *h);
static ngx_int_t ngx_hd_http1_parse(ngx_hd_wire_t *w, ngx_hd_http1_t *h);
static void ngx_hd_http1_line(ngx_hd_wire_t *w, ngx_hd_http1_t *h);
static ngx_int_t ngx_hd_http1_garbage(ngx_hd_wire_t *w, ngx_hd_http1_t *h);
static ngx_int_t ngx_hd_http1_field(ngx_hd_wire_t *w, ngx_hd_http1_t *h);
static ngx_int_t ngx_hd_http1_framing(ngx_hd_wire_t *w, ngx_hd_http1_t *h,
    ngx_str_t *key, ngx_str_t *value);
static ngx_int_t ngx_hd_http1_length(ngx_hd_wire_t *w, ngx_hd_http1_t *h,
    ngx_str_t *value);
static ngx_int_t ngx_hd_http1_header_done(ngx_hd_wire_t *w, ngx_hd_http1_t *h);
static ngx_int_t ngx_hd_http1_plain(ngx_hd_wire_t *w, ngx_buf_t *in);
static ngx_int_t ngx_hd_http1_chunks(ngx_hd_wire_t *w, ngx_buf_t *in);
static ngx_int_t ngx_hd_http1_take(ngx_hd_wire_t *w, ngx_buf_t *in, off_t n);
static ngx_int_t ngx_hd_http1_store(ngx_hd_wire_t *w, u_char *data, size_t n);
static ngx_int_t ngx_hd_http1_eof(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_http1_judge(ngx_hd_wire_t *w, ngx_uint_t exact);
static ngx_int_t ngx_hd_http1_invalid(ngx_hd_wire_t *w, const char *text);
static ngx_uint_t ngx_hd_http1_is(ngx_str_t *s, const char *word);


ngx_int_t
ngx_hd_wire_http1(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t        rc;
    ngx_hd_http1_t  *h;

    if (w->state == NULL) {
        if (ngx_hd_http1_create(w) != NGX_OK) {
            ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        out->pos = w->check->request.data;
        out->last = out->pos + w->check->request.len;

        return NGX_AGAIN;
    }

    h = w->state;
    rc = NGX_OK;

    if (h->phase != NGX_HD_HTTP_BODY) {
        rc = ngx_hd_http1_header(w, in);
    }

    if (rc == NGX_OK) {
        rc = h->chunked ? ngx_hd_http1_chunks(w, in)
                        : ngx_hd_http1_plain(w, in);
    }

    switch (rc) {

    case NGX_OK:
        return ngx_hd_http1_judge(w, in->pos == in->last);

    case NGX_DONE: /* body_limit= */
        return ngx_hd_http1_judge(w, 0);

    case NGX_AGAIN:
        return w->eof ? ngx_hd_http1_eof(w) : NGX_AGAIN;

    default:
        return rc;
    }
}


static ngx_int_t
ngx_hd_http1_create(ngx_hd_wire_t *w)
{
    ngx_hd_http1_t  *h;

    h = ngx_pcalloc(w->pool, sizeof(ngx_hd_http1_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->connection.log = w->log;
    h->request.connection = &h->connection;
    h->length = -1;
    h->keep_body = ngx_hd_match_has(w->check->conds, NGX_HD_ON_BODY, 1)
                   || ngx_hd_match_has(w->check->conds, NGX_HD_ON_JSON, 1);

    h->header.start = ngx_palloc(w->pool, NGX_HD_HTTP_HEADER);
    if (h->header.start == NULL) {
        return NGX_ERROR;
    }

    h->header.end = h->header.start + NGX_HD_HTTP_HEADER;

    if (w->judge
        || ngx_hd_match_has(w->check->conds, NGX_HD_ON_HEADER, 1))
    {
        h->fields = ngx_array_create(w->pool, 8, sizeof(ngx_table_elt_t));
        if (h->fields == NULL) {
            return NGX_ERROR;
        }
    }

    h->header.last = h->header.start;
    ngx_hd_http1_rewind(h);

    w->state = h;

    return NGX_OK;
}


/* NGX_OK: the header is complete, and the rest of in belongs to the body */

static ngx_int_t
ngx_hd_http1_header(ngx_hd_wire_t *w, ngx_buf_t *in)
{
    size_t           n;
    ngx_int_t        rc;
    ngx_buf_t       *b;
    ngx_hd_http1_t  *h;

    h = w->state;
    b = &h->header;

    for ( ;; ) {
        n = ngx_min(in->last - in->pos, b->end - b->last);

        if (n) {
            b->last = ngx_cpymem(b->last, in->pos, n);
            in->pos += n;
        }

        rc = ngx_hd_http1_parse(w, h);

        if (rc == NGX_OK) {

            /* what follows the header goes back to where it came from */

            in->pos -= b->last - b->pos;
            b->last = b->start;

            rc = ngx_hd_http1_header_done(w, h);

            if (rc == NGX_AGAIN && in->pos < in->last) {
                continue;
            }

            return rc;
        }

        if (rc != NGX_AGAIN || b->last < b->end) {
            return rc;
        }

        if (ngx_hd_http1_grow(w, h) != NGX_OK) {
            return NGX_DECLINED;
        }
    }
}


static ngx_int_t
ngx_hd_http1_grow(ngx_hd_wire_t *w, ngx_hd_http1_t *h)
{
    u_char     *p;
    size_t      size;
    ngx_buf_t  *b;

    b = &h->header;
    size = b->end - b->start;

    if (size >= NGX_HD_HTTP_MAX) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_HEADER_SIZE,
                          "more than %d bytes", NGX_HD_HTTP_MAX);
        return NGX_ERROR;
    }

    p = ngx_palloc(w->pool, size * 2);
    if (p == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    ngx_memcpy(p, b->start, size);
    (void) ngx_pfree(w->pool, b->start);

    b->start = p;
    b->last = p + size;
    b->end = p + size * 2;

    /* fields and the parsers point into the old memory: read it all again */

    ngx_hd_http1_rewind(h);

    return NGX_OK;
}


static void
ngx_hd_http1_rewind(ngx_hd_http1_t *h)
{
    h->header.pos = h->header.start;
    h->phase = NGX_HD_HTTP_STATUS;
    h->request.state = 0;
    h->length = -1;
    h->has_length = 0;
    h->chunked = 0;
    h->close = 0;
    h->keep = 0;

    ngx_memzero(&h->status, sizeof(ngx_http_status_t));

    if (h->fields) {
        h->fields->nelts = 0;
    }
}


static ngx_int_t
ngx_hd_http1_parse(ngx_hd_wire_t *w, ngx_hd_http1_t *h)
{
    ngx_int_t  rc;

    if (h->phase == NGX_HD_HTTP_STATUS) {
        rc = ngx_http_parse_status_line(&h->request, &h->header, &h->status);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_OK || h->status.code < 100) {
            return ngx_hd_http1_garbage(w, h);
        }

        h->phase = NGX_HD_HTTP_FIELD;

        ngx_hd_http1_line(w, h);
    }

    for ( ;; ) {
        rc = ngx_http_parse_header_line(&h->request, &h->header, 1);

        switch (rc) {

        case NGX_OK:
            rc = ngx_hd_http1_field(w, h);
            if (rc != NGX_OK) {
                return rc;
            }

            break;

        case NGX_HTTP_PARSE_HEADER_DONE:
            return NGX_OK;

        case NGX_AGAIN:
            return NGX_AGAIN;

        default:
            return ngx_hd_http1_invalid(w, "malformed header field");
        }
    }
}


static void
ngx_hd_http1_line(ngx_hd_wire_t *w, ngx_hd_http1_t *h)
{
    u_char  *p, *last;

    p = h->header.start;

    for (last = p; last < h->header.last; last++) {
        if (*last == CR || *last == LF) {
            break;
        }
    }

    ngx_hd_wire_line(w, p, last - p);
}


static ngx_int_t
ngx_hd_http1_garbage(ngx_hd_wire_t *w, ngx_hd_http1_t *h)
{
    size_t   len, max;
    u_char  *p;

    p = h->header.start;
    max = ngx_min(h->header.last - p, NGX_HD_SEEN_LEN);

    if (p[0] == NGX_HD_HTTP_TLS_ALERT && (max == 1 || p[1] == 3)) {
        ngx_hd_wire_strange(w, p, h->header.last - p);
        return ngx_hd_http1_invalid(w, "the server speaks TLS");
    }

    for (len = 0; len < max; len++) {
        if (p[len] == CR || p[len] == LF) {
            break;
        }
    }

    ngx_hd_wire_line(w, p, len);

    ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                      "not an HTTP response, got \"%*s\"", len, p);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_http1_field(ngx_hd_wire_t *w, ngx_hd_http1_t *h)
{
    ngx_str_t            key, value;
    ngx_table_elt_t     *field;
    ngx_http_request_t  *r;

    r = &h->request;

    key.data = r->header_name_start;
    key.len = r->header_name_end - r->header_name_start;
    value.data = r->header_start;
    value.len = r->header_end - r->header_start;

    if (h->fields) {
        if (h->fields->nelts == NGX_HD_HTTP_FIELDS) {
            ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_HEADER_SIZE,
                              "more than %d fields", NGX_HD_HTTP_FIELDS);
            return NGX_DECLINED;
        }

        field = ngx_array_push(h->fields);
        if (field == NULL) {
            ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        ngx_memzero(field, sizeof(ngx_table_elt_t));
        field->hash = 1;
        field->key = key;
        field->value = value;
    }

    return ngx_hd_http1_framing(w, h, &key, &value);
}


static ngx_int_t
ngx_hd_http1_framing(ngx_hd_wire_t *w, ngx_hd_http1_t *h, ngx_str_t *key,
    ngx_str_t *value)
{
    u_char  *last;

    if (ngx_hd_http1_is(key, "content-length")) {
        return ngx_hd_http1_length(w, h, value);
    }

    if (ngx_hd_http1_is(key, "transfer-encoding")) {

        if (h->chunked || !ngx_hd_http1_is(value, "chunked")) {
            return ngx_hd_http1_invalid(w, "unknown Transfer-Encoding");
        }

        h->chunked = 1;

    } else if (ngx_hd_http1_is(key, "connection")) {

        last = value->data + value->len;

        if (ngx_strlcasestrn(value->data, last, (u_char *) "close", 5 - 1)) {
            h->close = 1;
        }

        if (ngx_strlcasestrn(value->data, last, (u_char *) "keep-alive",
                             10 - 1))
        {
            h->keep = 1;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_http1_length(ngx_hd_wire_t *w, ngx_hd_http1_t *h, ngx_str_t *value)
{
    off_t  length;

    length = ngx_atoof(value->data, value->len);

    if (length == NGX_ERROR) {
        return ngx_hd_http1_invalid(w, "malformed Content-Length");
    }

    if (h->has_length && length != h->length) {
        return ngx_hd_http1_invalid(w, "two different Content-Length");
    }

    h->has_length = 1;
    h->length = length;

    return NGX_OK;
}


/* NGX_AGAIN: it was an interim response */

static ngx_int_t
ngx_hd_http1_header_done(ngx_hd_wire_t *w, ngx_hd_http1_t *h)
{
    ngx_uint_t  code;

    code = h->status.code;

    if (code < 200 && code != NGX_HTTP_SWITCHING_PROTOCOLS) {

        if (++h->interim > NGX_HD_HTTP_INTERIM) {
            return ngx_hd_http1_invalid(w, "endless interim responses");
        }

        ngx_hd_http1_rewind(h);

        return NGX_AGAIN;
    }

    if (code == NGX_HTTP_SWITCHING_PROTOCOLS
        || code == NGX_HTTP_NO_CONTENT
        || code == NGX_HTTP_NOT_MODIFIED
        || ngx_hd_http1_is((ngx_str_t *) &w->check->method, "head"))
    {
        h->chunked = 0;
        h->has_length = 1;
        h->length = 0;

    } else if (h->chunked && h->has_length) {

        /* RFC 9112 6.1: this may be smuggling, so it is the last response */

        h->close = 1;
    }

    h->phase = NGX_HD_HTTP_BODY;

    return NGX_OK;
}


/* NGX_OK: the body is complete; NGX_DONE: as much as we want of it */

static ngx_int_t
ngx_hd_http1_plain(ngx_hd_wire_t *w, ngx_buf_t *in)
{
    off_t            n;
    ngx_int_t        rc;
    ngx_hd_http1_t  *h;

    h = w->state;
    n = in->last - in->pos;

    if (h->has_length) {
        n = ngx_min(n, h->length - h->size);
    }

    rc = ngx_hd_http1_take(w, in, n);

    if (rc != NGX_OK) {
        return rc;
    }

    if (h->has_length ? h->size == h->length : w->eof) {
        return NGX_OK;
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_hd_http1_chunks(ngx_hd_wire_t *w, ngx_buf_t *in)
{
    off_t            n;
    u_char          *p;
    ngx_int_t        rc;
    ngx_hd_http1_t  *h;

    h = w->state;

    for ( ;; ) {
        p = in->pos;

        rc = ngx_hd_parse_chunked(&h->request, in, &h->chunks);

        if (rc == NGX_DONE) {
            return NGX_OK;
        }

        if (rc == NGX_ERROR) {
            return ngx_hd_http1_invalid(w, "malformed chunk");
        }

        h->framing += in->pos - p;

        if (h->framing > NGX_HD_HTTP_MAX + 8 * h->size) {
            return ngx_hd_http1_invalid(w, "endless chunk framing");
        }

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        n = ngx_min(h->chunks.size, in->last - in->pos);

        rc = ngx_hd_http1_take(w, in, n);

        if (rc != NGX_OK) {
            return rc;
        }

        h->chunks.size -= n;
    }
}


static ngx_int_t
ngx_hd_http1_take(ngx_hd_wire_t *w, ngx_buf_t *in, off_t n)
{
    off_t            limit;
    ngx_int_t        rc;
    ngx_hd_http1_t  *h;

    h = w->state;
    rc = NGX_OK;
    limit = (off_t) w->check->body_limit - h->size;

    if (n > limit) {
        n = limit;
        rc = NGX_DONE;
    }

    if (h->keep_body && n
        && ngx_hd_http1_store(w, in->pos, (size_t) n) != NGX_OK)
    {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    ngx_hd_wire_sample(w, in->pos, (size_t) n);

    h->size += n;
    in->pos += n;

    return rc;
}


static ngx_int_t
ngx_hd_http1_store(ngx_hd_wire_t *w, u_char *data, size_t n)
{
    u_char          *p;
    size_t           used, size;
    ngx_buf_t       *b;
    ngx_hd_http1_t  *h;

    h = w->state;
    b = &h->body;

    if (n > (size_t) (b->end - b->last)) {

        used = b->last - b->start;
        size = ngx_max(2 * used, used + n);
        size = ngx_min(ngx_max(size, NGX_HD_HTTP_HEADER),
                       w->check->body_limit);

        p = ngx_palloc(w->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (used) {
            ngx_memcpy(p, b->start, used);
            (void) ngx_pfree(w->pool, b->start);
        }

        b->start = p;
        b->last = p + used;
        b->end = p + size;
    }

    b->last = ngx_cpymem(b->last, data, n);

    return NGX_OK;
}


static ngx_int_t
ngx_hd_http1_eof(ngx_hd_wire_t *w)
{
    ngx_hd_http1_t  *h;

    h = w->state;

    if (h->phase == NGX_HD_HTTP_BODY) {

        if (h->chunked) {
            ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                              "within a chunked body, after %O bytes",
                              h->size);

        } else {
            ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                              "%O of %O bytes of the body",
                              h->size, h->length);
        }

    } else if (h->header.last != h->header.start) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          "within the header");

    } else {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CLOSED, NULL);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_http1_judge(ngx_hd_wire_t *w, ngx_uint_t exact)
{
    ngx_hd_http1_t   *h;
    ngx_hd_answer_t   answer;

    h = w->state;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    answer.status = h->status.code;
    answer.body.data = h->body.start;
    answer.body.len = h->body.last - h->body.start;
    answer.headers = h->fields;

    w->reuse = exact && !w->eof && !h->close
               && h->status.code != NGX_HTTP_SWITCHING_PROTOCOLS
               && (h->status.http_version >= 1001 || h->keep);

    return w->judge ? w->judge(w, &answer) : ngx_hd_wire_judge(w, &answer);
}


static ngx_int_t
ngx_hd_http1_invalid(ngx_hd_wire_t *w, const char *text)
{
    ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID, "%s", text);

    return NGX_DECLINED;
}


/* word is in lower case */

static ngx_uint_t
ngx_hd_http1_is(ngx_str_t *s, const char *word)
{
    return s->len == ngx_strlen(word)
           && ngx_strncasecmp(s->data, (u_char *) word, s->len) == 0;
}

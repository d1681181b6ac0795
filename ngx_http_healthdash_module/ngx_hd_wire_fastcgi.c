
/*
 * healthdash: the FastCGI dialogue: one request in the role of a responder.
 * Owns the records, FastCGI specification 1.0, section 3.3; what they carry is
 * a CGI answer.  Every byte is hostile.
 */


#include <ngx_hd_wire_cgi.h>
#include <ngx_hd_reason.h>


#define NGX_HD_FCGI_VERSION    1
#define NGX_HD_FCGI_ID         1       /* of the only request */
#define NGX_HD_FCGI_RESPONDER  1
#define NGX_HD_FCGI_HEAD       8       /* bytes in front of a record */
#define NGX_HD_FCGI_END        8       /* bytes of an END_REQUEST */
#define NGX_HD_FCGI_CONTENT    65535   /* bytes of a record */

#define NGX_HD_FCGI_BEGIN_REQUEST  1
#define NGX_HD_FCGI_END_REQUEST    3
#define NGX_HD_FCGI_PARAMS         4
#define NGX_HD_FCGI_STDIN          5
#define NGX_HD_FCGI_STDOUT         6
#define NGX_HD_FCGI_STDERR         7

#define NGX_HD_FCGI_ERRORS     131072  /* bytes of STDERR read */
#define NGX_HD_FCGI_EMPTY      1024    /* records without content read */


typedef struct {
    ngx_hd_cgi_t  cgi;
    u_char        head[NGX_HD_FCGI_HEAD];
    ngx_uint_t    head_len;     /* bytes of head so far */
    size_t        content;      /* bytes of the record still to come */
    size_t        padding;
    u_char        end[NGX_HD_FCGI_END];
    ngx_uint_t    end_len;
    u_char        error[NGX_HD_SEEN_LEN];  /* what STDERR began with */
    size_t        error_len;
    size_t        errors;       /* bytes of STDERR so far */
    ngx_uint_t    empty;        /* records without content so far */
    unsigned      answered:1;
} ngx_hd_fcgi_t;


static ngx_int_t ngx_hd_fcgi_create(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_fcgi_read(ngx_hd_wire_t *w, ngx_buf_t *in);
static ngx_int_t ngx_hd_fcgi_head(ngx_hd_wire_t *w, ngx_buf_t *in);
static ngx_int_t ngx_hd_fcgi_record(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_fcgi_content(ngx_hd_wire_t *w, u_char *p, size_t n);
static ngx_int_t ngx_hd_fcgi_error(ngx_hd_wire_t *w, u_char *p, size_t n);
static ngx_int_t ngx_hd_fcgi_end(ngx_hd_wire_t *w);
static ngx_uint_t ngx_hd_fcgi_has_body(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_fcgi_judge(ngx_hd_wire_t *w);
static void ngx_hd_fcgi_add_error(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_fcgi_eof(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_fcgi_invalid(ngx_hd_wire_t *w, const char *text);
static u_char *ngx_hd_fcgi_write_head(u_char *p, ngx_uint_t type, size_t len);
static size_t ngx_hd_fcgi_len_size(size_t len);
static u_char *ngx_hd_fcgi_write_len(u_char *p, size_t len);


ngx_int_t
ngx_hd_wire_fastcgi(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t  rc;

    if (w->state == NULL) {
        if (ngx_hd_fcgi_create(w) != NGX_OK) {
            ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        out->pos = w->check->request.data;
        out->last = out->pos + w->check->request.len;

        return NGX_AGAIN;
    }

    rc = ngx_hd_fcgi_read(w, in);

    switch (rc) {

    case NGX_OK:
        return ngx_hd_fcgi_end(w);

    case NGX_DONE: /* body_limit= */
        return ngx_hd_fcgi_judge(w);

    case NGX_AGAIN:
        return w->eof ? ngx_hd_fcgi_eof(w) : NGX_AGAIN;

    default:
        return rc;
    }
}


static ngx_int_t
ngx_hd_fcgi_create(ngx_hd_wire_t *w)
{
    ngx_hd_fcgi_t  *f;

    f = ngx_pcalloc(w->pool, sizeof(ngx_hd_fcgi_t));
    if (f == NULL) {
        return NGX_ERROR;
    }

    w->state = f;

    return ngx_hd_cgi_init(w, &f->cgi);
}


/* NGX_OK: the request has ended; NGX_DONE: as much as we want */

static ngx_int_t
ngx_hd_fcgi_read(ngx_hd_wire_t *w, ngx_buf_t *in)
{
    size_t          n;
    ngx_int_t       rc;
    ngx_hd_fcgi_t  *f;

    f = w->state;

    while (in->pos < in->last) {
        f->answered = 1;

        if (f->head_len < NGX_HD_FCGI_HEAD) {
            rc = ngx_hd_fcgi_head(w, in);

        } else if (f->content) {
            n = ngx_min(f->content, (size_t) (in->last - in->pos));
            rc = ngx_hd_fcgi_content(w, in->pos, n);

            f->content -= n;
            in->pos += n;

        } else {
            n = ngx_min(f->padding, (size_t) (in->last - in->pos));
            rc = NGX_OK;

            f->padding -= n;
            in->pos += n;
        }

        if (rc != NGX_OK) {
            return rc;
        }

        if (f->end_len == NGX_HD_FCGI_END) {
            return NGX_OK;
        }

        if (f->head_len == NGX_HD_FCGI_HEAD
            && f->content == 0 && f->padding == 0)
        {
            f->head_len = 0;
        }
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_hd_fcgi_head(ngx_hd_wire_t *w, ngx_buf_t *in)
{
    ngx_hd_fcgi_t  *f;

    f = w->state;

    f->head[f->head_len++] = *in->pos++;

    /* a peer that speaks something else is told by its first byte */

    if (f->head[0] != NGX_HD_FCGI_VERSION) {
        in->pos--;

        ngx_hd_wire_strange(w, in->pos, in->last - in->pos);
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "not a FastCGI record, got \"%*s\"",
                          ngx_min((size_t) (in->last - in->pos),
                                  NGX_HD_SEEN_LEN), in->pos);
        return NGX_DECLINED;
    }

    return (f->head_len == NGX_HD_FCGI_HEAD) ? ngx_hd_fcgi_record(w) : NGX_OK;
}


static ngx_int_t
ngx_hd_fcgi_record(ngx_hd_wire_t *w)
{
    u_char         *h;
    ngx_hd_fcgi_t  *f;

    f = w->state;
    h = f->head;

    f->content = (h[4] << 8) | h[5];
    f->padding = h[6];

    if (((h[2] << 8) | h[3]) != NGX_HD_FCGI_ID) {
        return ngx_hd_fcgi_invalid(w, "a record of another request");
    }

    switch (h[1]) {

    case NGX_HD_FCGI_STDOUT:
    case NGX_HD_FCGI_STDERR:

        if (f->content == 0 && ++f->empty > NGX_HD_FCGI_EMPTY) {
            return ngx_hd_fcgi_invalid(w, "endless empty records");
        }

        return NGX_OK;

    case NGX_HD_FCGI_END_REQUEST:

        if (f->content != NGX_HD_FCGI_END) {
            return ngx_hd_fcgi_invalid(w, "malformed end of the request");
        }

        return NGX_OK;

    default:
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "unexpected FastCGI record of type %ui",
                          (ngx_uint_t) h[1]);
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_hd_fcgi_content(ngx_hd_wire_t *w, u_char *p, size_t n)
{
    ngx_hd_fcgi_t  *f;

    f = w->state;

    switch (f->head[1]) {

    case NGX_HD_FCGI_STDOUT:
        return ngx_hd_cgi_take(w, &f->cgi, p, n);

    case NGX_HD_FCGI_STDERR:
        return ngx_hd_fcgi_error(w, p, n);

    default: /* NGX_HD_FCGI_END_REQUEST */
        ngx_memcpy(f->end + f->end_len, p, n);
        f->end_len += n;
        return NGX_OK;
    }
}


static ngx_int_t
ngx_hd_fcgi_error(ngx_hd_wire_t *w, u_char *p, size_t n)
{
    size_t          len;
    ngx_hd_fcgi_t  *f;

    f = w->state;
    f->errors += n;

    if (f->errors > NGX_HD_FCGI_ERRORS) {
        return ngx_hd_fcgi_invalid(w, "endless error output");
    }

    len = ngx_min(n, NGX_HD_SEEN_LEN - f->error_len);

    ngx_memcpy(f->error + f->error_len, p, len);
    f->error_len += len;

    return NGX_OK;
}


static ngx_int_t
ngx_hd_fcgi_end(ngx_hd_wire_t *w)
{
    uint32_t        status;
    ngx_int_t       rc;
    ngx_uint_t      protocol;
    ngx_hd_fcgi_t  *f;

    static const char  *wrong[] = {
        NULL,
        "it cannot serve two requests over one connection",
        "it is overloaded",
        "it does not serve the role of a responder"
    };

    f = w->state;
    protocol = f->end[4];
    status = ((uint32_t) f->end[0] << 24) | (f->end[1] << 16)
             | (f->end[2] << 8) | f->end[3];

    if (protocol >= sizeof(wrong) / sizeof(wrong[0])) {
        return ngx_hd_fcgi_invalid(w, "unknown end of the request");
    }

    if (wrong[protocol]) {
        ngx_hd_result_set(w->result, NGX_HD_R_PROTOCOL_ERROR, "%s",
                          wrong[protocol]);
        return NGX_DECLINED;
    }

    if (f->cgi.status == 0) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          f->cgi.head.last == f->cgi.head.start
                          ? "no header" : "within the header");
        ngx_hd_fcgi_add_error(w);

        return NGX_DECLINED;
    }

    if (f->cgi.size < f->cgi.length && ngx_hd_fcgi_has_body(w)) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          "%O of %O bytes of the body", f->cgi.size,
                          f->cgi.length);
        ngx_hd_fcgi_add_error(w);

        return NGX_DECLINED;
    }

    rc = ngx_hd_fcgi_judge(w);

    if (rc != NGX_OK || status == 0) {
        return rc;
    }

    ngx_hd_result_set(w->result, NGX_HD_R_PROTOCOL_ERROR,
                      "the program ended with status %uD", status);
    ngx_hd_fcgi_add_error(w);

    return NGX_DECLINED;
}


/* what has none may tell the length of another answer's, RFC 9110, 8.6 */

static ngx_uint_t
ngx_hd_fcgi_has_body(ngx_hd_wire_t *w)
{
    ngx_hd_fcgi_t    *f;
    const ngx_str_t  *method;

    f = w->state;
    method = &w->check->method;

    return f->cgi.status != NGX_HTTP_NO_CONTENT
           && f->cgi.status != NGX_HTTP_NOT_MODIFIED
           && !(method->len == 4
                && ngx_strncasecmp(method->data, (u_char *) "HEAD", 4) == 0);
}


static ngx_int_t
ngx_hd_fcgi_judge(ngx_hd_wire_t *w)
{
    ngx_int_t       rc;
    ngx_hd_fcgi_t  *f;

    f = w->state;

    rc = ngx_hd_cgi_judge(w, &f->cgi);

    if (rc == NGX_DECLINED) {
        ngx_hd_fcgi_add_error(w);
    }

    return rc;
}


/* what a program complains about is often the reason itself */

static void
ngx_hd_fcgi_add_error(ngx_hd_wire_t *w)
{
    u_char            text[NGX_HD_DETAIL_LEN];
    size_t            len;
    ngx_hd_fcgi_t    *f;
    ngx_hd_result_t  *result;

    f = w->state;
    result = w->result;
    len = f->error_len;

    while (len && f->error[len - 1] <= ' ') {
        len--;
    }

    if (len == 0) {
        return;
    }

    ngx_memcpy(text, result->detail, result->len);

    ngx_hd_result_say(result, result->reason, "%*s, error output \"%*s\"",
                      (size_t) result->len, text, len, f->error);
}


static ngx_int_t
ngx_hd_fcgi_eof(ngx_hd_wire_t *w)
{
    ngx_hd_fcgi_t  *f;

    f = w->state;

    if (!f->answered) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CLOSED, NULL);
        return NGX_DECLINED;
    }

    if (f->cgi.status == 0) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          "within the header");

    } else {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          "after %O bytes of the body", f->cgi.size);
    }

    ngx_hd_fcgi_add_error(w);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_fcgi_invalid(ngx_hd_wire_t *w, const char *text)
{
    ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID, "%s", text);

    return NGX_DECLINED;
}


const char *
ngx_hd_wire_fastcgi_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    size_t          len;
    u_char         *p;
    ngx_uint_t      i;
    ngx_array_t    *vars;
    ngx_hd_pair_t  *var;

    vars = ngx_hd_cgi_vars(pool, check, host, NGX_HD_CGI_FASTCGI);
    if (vars == NULL) {
        return "could not be made ready: no memory";
    }

    len = 0;
    var = vars->elts;

    for (i = 0; i < vars->nelts; i++) {
        len += ngx_hd_fcgi_len_size(var[i].name.len) + var[i].name.len
               + ngx_hd_fcgi_len_size(var[i].value.len) + var[i].value.len;
    }

    if (len > NGX_HD_FCGI_CONTENT) {
        return "has more than 64k of \"param\" lines";
    }

    p = ngx_pcalloc(pool, len + 5 * NGX_HD_FCGI_HEAD);
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    check->request.data = p;

    /* no flag: the connection ends with the request */

    p = ngx_hd_fcgi_write_head(p, NGX_HD_FCGI_BEGIN_REQUEST, 8);
    p[1] = NGX_HD_FCGI_RESPONDER;
    p += 8;

    p = ngx_hd_fcgi_write_head(p, NGX_HD_FCGI_PARAMS, len);

    for (i = 0; i < vars->nelts; i++) {
        p = ngx_hd_fcgi_write_len(p, var[i].name.len);
        p = ngx_hd_fcgi_write_len(p, var[i].value.len);
        p = ngx_cpymem(p, var[i].name.data, var[i].name.len);
        p = ngx_cpymem(p, var[i].value.data, var[i].value.len);
    }

    p = ngx_hd_fcgi_write_head(p, NGX_HD_FCGI_PARAMS, 0);
    p = ngx_hd_fcgi_write_head(p, NGX_HD_FCGI_STDIN, 0);

    check->request.len = p - check->request.data;

    return NULL;
}


static u_char *
ngx_hd_fcgi_write_head(u_char *p, ngx_uint_t type, size_t len)
{
    *p++ = NGX_HD_FCGI_VERSION;
    *p++ = (u_char) type;
    *p++ = 0;
    *p++ = NGX_HD_FCGI_ID;
    *p++ = (u_char) (len >> 8);
    *p++ = (u_char) len;
    *p++ = 0;
    *p++ = 0;

    return p;
}


static size_t
ngx_hd_fcgi_len_size(size_t len)
{
    return (len < 128) ? 1 : 4;
}


static u_char *
ngx_hd_fcgi_write_len(u_char *p, size_t len)
{
    if (len < 128) {
        *p++ = (u_char) len;
        return p;
    }

    *p++ = (u_char) ((len >> 24) | 0x80);
    *p++ = (u_char) (len >> 16);
    *p++ = (u_char) (len >> 8);
    *p++ = (u_char) len;

    return p;
}

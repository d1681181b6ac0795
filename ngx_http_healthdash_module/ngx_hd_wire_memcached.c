
/*
 * healthdash: the memcached dialogue, in its text protocol: the version, or an
 * item that must be there.  Called by the stream engine, bytes in, verdict out.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


#define NGX_HD_MEMCACHED_ITEM  NGX_HD_BODY_LIMIT   /* bytes kept of one */


typedef enum {
    NGX_HD_MEMCACHED_FIRST = 0,     /* the first line of the answer */
    NGX_HD_MEMCACHED_DATA,          /* the bytes of the item */
    NGX_HD_MEMCACHED_REST,          /* what ends the line they stand in */
    NGX_HD_MEMCACHED_END            /* "END" */
} ngx_hd_memcached_phase_e;


typedef struct {
    ngx_hd_memcached_phase_e  phase;
    ngx_hd_wire_text_t        line;
    ngx_str_t                 item;
    size_t                    left;     /* bytes of data to come */
    unsigned                  cut:1;    /* the item is longer than that */
} ngx_hd_memcached_t;


static ngx_int_t ngx_hd_memcached_line(ngx_hd_wire_t *w,
    ngx_hd_memcached_t *m, ngx_buf_t *in);
static ngx_int_t ngx_hd_memcached_first(ngx_hd_wire_t *w,
    ngx_hd_memcached_t *m);
static ngx_int_t ngx_hd_memcached_value(ngx_hd_wire_t *w,
    ngx_hd_memcached_t *m);
static void ngx_hd_memcached_data(ngx_hd_memcached_t *m, ngx_buf_t *in);
static ngx_int_t ngx_hd_memcached_error(ngx_hd_wire_t *w,
    ngx_hd_memcached_t *m);
static ngx_int_t ngx_hd_memcached_done(ngx_hd_wire_t *w,
    ngx_hd_memcached_t *m);
static ngx_int_t ngx_hd_memcached_eof(ngx_hd_wire_t *w, ngx_hd_memcached_t *m);
static ngx_int_t ngx_hd_memcached_alien(ngx_hd_wire_t *w,
    ngx_hd_memcached_t *m);
static ngx_uint_t ngx_hd_memcached_begins(ngx_hd_memcached_t *m,
    const char *word);


ngx_int_t
ngx_hd_wire_memcached(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t            rc;
    ngx_hd_memcached_t  *m;

    if (w->state == NULL) {
        w->state = ngx_pcalloc(w->pool, sizeof(ngx_hd_memcached_t));
        if (w->state == NULL) {
            ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        out->pos = w->check->request.data;
        out->last = out->pos + w->check->request.len;

        return NGX_AGAIN;
    }

    m = w->state;

    do {
        if (m->phase == NGX_HD_MEMCACHED_DATA) {
            ngx_hd_memcached_data(m, in);

            if (m->phase == NGX_HD_MEMCACHED_REST && m->cut) {
                return ngx_hd_memcached_done(w, m);
            }
        }

        rc = NGX_AGAIN;

        if (m->phase != NGX_HD_MEMCACHED_DATA) {
            rc = ngx_hd_memcached_line(w, m, in);
        }

    } while (rc == NGX_AGAIN && in->pos < in->last);

    return (rc == NGX_AGAIN && w->eof) ? ngx_hd_memcached_eof(w, m) : rc;
}


static ngx_int_t
ngx_hd_memcached_line(ngx_hd_wire_t *w, ngx_hd_memcached_t *m, ngx_buf_t *in)
{
    ngx_int_t  rc;

    rc = ngx_hd_wire_read_line(&m->line, in);

    if (rc == NGX_AGAIN) {

        /* what speaks TLS sends no lines, so it is not waited for one */

        return (m->line.len >= 2 && m->line.data[0] < ' ')
               ? ngx_hd_memcached_alien(w, m) : NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        return ngx_hd_memcached_alien(w, m);
    }

    switch (m->phase) {

    case NGX_HD_MEMCACHED_FIRST:
        rc = ngx_hd_memcached_first(w, m);
        break;

    case NGX_HD_MEMCACHED_REST:
        if (m->line.len) {
            return ngx_hd_memcached_alien(w, m);
        }

        m->phase = NGX_HD_MEMCACHED_END;
        rc = NGX_AGAIN;
        break;

    default:
        return (m->line.len == 3 && ngx_hd_memcached_begins(m, "END"))
               ? ngx_hd_memcached_done(w, m) : ngx_hd_memcached_alien(w, m);
    }

    m->line.len = 0;
    m->line.size = 0;

    return rc;
}


static ngx_int_t
ngx_hd_memcached_first(ngx_hd_wire_t *w, ngx_hd_memcached_t *m)
{
    ngx_str_t  *key;

    ngx_hd_wire_line(w, m->line.data, m->line.len);

    if (ngx_hd_memcached_begins(m, "ERROR")
        || ngx_hd_memcached_begins(m, "CLIENT_ERROR")
        || ngx_hd_memcached_begins(m, "SERVER_ERROR"))
    {
        return ngx_hd_memcached_error(w, m);
    }

    key = (ngx_str_t *) &w->check->item;

    if (key->len == 0) {
        return ngx_hd_memcached_begins(m, "VERSION ")
               ? ngx_hd_memcached_done(w, m) : ngx_hd_memcached_alien(w, m);
    }

    if (ngx_hd_memcached_begins(m, "VALUE ")) {
        return ngx_hd_memcached_value(w, m);
    }

    if (m->line.len == 3 && ngx_hd_memcached_begins(m, "END")) {
        ngx_hd_result_set(w->result, NGX_HD_R_ROW,
                          "there is no item \"%V\", expected one", key);
        return NGX_DECLINED;
    }

    return ngx_hd_memcached_alien(w, m);
}


/* "VALUE key flags bytes" and maybe a fourth number */

static ngx_int_t
ngx_hd_memcached_value(ngx_hd_wire_t *w, ngx_hd_memcached_t *m)
{
    u_char     *p, *last, *end;
    ngx_int_t   n;
    ngx_str_t  *key;

    key = (ngx_str_t *) &w->check->item;

    p = m->line.data + sizeof("VALUE ") - 1;
    last = m->line.data + m->line.len;

    if ((size_t) (last - p) <= key->len
        || ngx_memcmp(p, key->data, key->len) != 0
        || p[key->len] != ' ')
    {
        return ngx_hd_memcached_alien(w, m);
    }

    p = ngx_strlchr(p + key->len + 1, last, ' ');
    if (p == NULL) {
        return ngx_hd_memcached_alien(w, m);
    }

    p++;
    end = ngx_strlchr(p, last, ' ');

    n = ngx_atoi(p, (end ? end : last) - p);
    if (n == NGX_ERROR) {
        return ngx_hd_memcached_alien(w, m);
    }

    m->cut = (n > NGX_HD_MEMCACHED_ITEM);
    m->left = ngx_min(n, NGX_HD_MEMCACHED_ITEM);

    m->item.data = ngx_pnalloc(w->pool, m->left + 1);
    if (m->item.data == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    m->phase = m->left ? NGX_HD_MEMCACHED_DATA : NGX_HD_MEMCACHED_REST;

    return NGX_AGAIN;
}


static void
ngx_hd_memcached_data(ngx_hd_memcached_t *m, ngx_buf_t *in)
{
    size_t  n;

    n = ngx_min((size_t) (in->last - in->pos), m->left);

    ngx_memcpy(m->item.data + m->item.len, in->pos, n);

    in->pos += n;
    m->item.len += n;
    m->left -= n;

    if (m->left == 0) {
        m->phase = NGX_HD_MEMCACHED_REST;
    }
}


static ngx_int_t
ngx_hd_memcached_error(ngx_hd_wire_t *w, ngx_hd_memcached_t *m)
{
    size_t  len;

    len = ngx_min(m->line.len, 2 * NGX_HD_SEEN_LEN);

    ngx_hd_result_set(w->result,
                      ngx_hd_memcached_begins(m, "CLIENT_ERROR unauthenticated")
                      ? NGX_HD_R_LOGIN : NGX_HD_R_PROTOCOL_ERROR,
                      "\"%*s\"", len, m->line.data);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_memcached_done(ngx_hd_wire_t *w, ngx_hd_memcached_t *m)
{
    ngx_hd_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    answer.row = m->item;
    answer.no_row = (m->item.data == NULL);

    if (m->item.len) {
        ngx_hd_wire_sample(w, m->item.data, m->item.len);
    }

    return ngx_hd_wire_judge(w, &answer);
}


static ngx_int_t
ngx_hd_memcached_eof(ngx_hd_wire_t *w, ngx_hd_memcached_t *m)
{
    if (m->phase != NGX_HD_MEMCACHED_FIRST) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          "after %uz bytes of the item", m->item.len);

    } else if (m->line.size) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          "within its first line");

    } else {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CLOSED, NULL);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_memcached_alien(ngx_hd_wire_t *w, ngx_hd_memcached_t *m)
{
    return ngx_hd_wire_alien(w, "a memcached", m->line.data, m->line.len);
}


static ngx_uint_t
ngx_hd_memcached_begins(ngx_hd_memcached_t *m, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    return m->line.len >= len && ngx_memcmp(m->line.data, word, len) == 0;
}


const char *
ngx_hd_wire_memcached_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    u_char      *p;
    size_t       i;
    ngx_str_t   *key;

    key = &check->item;

    if (key->len == 0) {
        ngx_str_set(&check->request, "version" CRLF);
        return NULL;
    }

    for (i = 0; i < key->len; i++) {
        if (key->data[i] <= ' ' || key->data[i] == 0x7f) {
            return "has an item with a blank or a control character in it, "
                   "expected a key of memcached";
        }
    }

    p = ngx_pnalloc(pool, sizeof("get " CRLF) - 1 + key->len);
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    check->request.data = p;
    p = ngx_sprintf(p, "get %V" CRLF, key);
    check->request.len = p - check->request.data;

    return NULL;
}

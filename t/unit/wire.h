
/*
 * What unit tests of dialogues share: a peer that says what it is told to, in
 * pieces.  The test includes its dialogue and ngx_hd_wire.c first.
 */


#ifndef _WIRE_H_INCLUDED_
#define _WIRE_H_INCLUDED_


static ngx_pool_t       *pool;
static ngx_hd_result_t   result;
static size_t            wire_taken;    /* bytes that were asked for */
static ngx_hd_answer_t   wire_answer;   /* what was judged */
static ngx_str_t         wire_row;
static u_char            wire_copy[256];


/* conditions are the affair of another test: they hold */

ngx_int_t
ngx_hd_match(ngx_array_t *conds, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *r)
{
    (void) conds;
    (void) r;

    wire_answer = *answer;
    wire_row.len = ngx_min(answer->row.len, sizeof(wire_copy));
    wire_row.data = wire_copy;

    if (wire_row.len) {
        memcpy(wire_copy, answer->row.data, wire_row.len);
    }

    return NGX_OK;
}


static uint32_t
wire_usec(void *data)
{
    (void) data;

    return 1000;
}


/*
 * One probe: sends the answer in pieces of chunk bytes, each in memory of its
 * own size so that ASan sees what is read beyond it, then closes.
 */

static ngx_int_t
talk(ngx_hd_wire_pt step, ngx_hd_check_t *c, const char *answer,
    size_t len, size_t chunk)
{
    size_t         left, n, sent;
    u_char        *p;
    ngx_int_t      rc;
    ngx_buf_t      in, out;
    ngx_pool_t    *old;
    ngx_hd_wire_t  w;

    memset(&w, 0, sizeof(w));
    memset(&in, 0, sizeof(in));
    memset(&out, 0, sizeof(out));
    memset(&result, 0, sizeof(result));

    old = pool;
    pool = ngx_create_pool(0, NULL);

    w.check = c;
    w.pool = pool;
    w.result = &result;
    w.usec = wire_usec;

    rc = step(&w, &in, &out);

    p = NULL;
    left = 0;
    sent = 0;

    while (rc == NGX_AGAIN && !w.eof) {
        n = (len - sent < chunk) ? len - sent : chunk;

        in.start = malloc(left + n + (left + n == 0));
        if (left) {
            memcpy(in.start, in.pos, left);
        }

        memcpy(in.start + left, answer + sent, n);
        free(p);

        p = in.start;
        in.pos = p;
        in.last = p + left + n;
        in.end = in.last;
        sent += n;
        w.eof = (n == 0);

        rc = step(&w, &in, &out);

        left = in.last - in.pos;
    }

    free(p);
    ngx_destroy_pool(pool);

    pool = old;
    wire_taken = sent;

    return rc;
}


/* what the last one said */

static inline const char *
detail(void)
{
    static char  text[NGX_HD_DETAIL_LEN + 1];

    memcpy(text, result.detail, result.len);
    text[result.len] = '\0';

    return text;
}


/* the request that was made ready, as a string */

static inline const char *
sent(ngx_hd_check_t *c)
{
    static char  text[1024];

    snprintf(text, sizeof(text), "%.*s", (int) c->request.len,
             c->request.data);

    return text;
}


/*
 * A good answer: healthy at once, in pieces of each size, and in two at each
 * place; and when it ends too soon, no health and a true reason.
 */

static inline void
good_answer(const char *name, ngx_hd_wire_pt step, ngx_hd_check_t *c,
    const char *answer, size_t len)
{
    size_t     n;
    ngx_int_t  rc;

    for (n = 1; n <= len; n++) {
        rc = talk(step, c, answer, len, n);
        check(rc == NGX_OK && result.verdict == NGX_HD_PASS,
              "%s in pieces of %zu: %d, %s", name, n, (int) rc, detail());
    }

    for (n = 0; n < len; n++) {
        rc = talk(step, c, answer, n, n ? n : 1);
        check(rc == NGX_DECLINED && result.verdict == NGX_HD_FAIL
              && result.reason == (n ? NGX_HD_R_RESPONSE_CUT
                                     : NGX_HD_R_RESPONSE_CLOSED),
              "%s cut after %zu: %d, %s", name, n, (int) rc, detail());

        rc = talk(step, c, answer, n, 1);
        check(rc == NGX_DECLINED && result.verdict == NGX_HD_FAIL,
              "%s cut after %zu, byte by byte", name, n);
    }
}


/* each byte of a good answer replaced by each other: no crash, no hang */

static inline void
spoilt_answer(const char *name, ngx_hd_wire_pt step, ngx_hd_check_t *c,
    const char *answer, size_t len)
{
    int        byte;
    char      *copy;
    size_t     n;
    ngx_int_t  rc;

    copy = malloc(len);
    memcpy(copy, answer, len);

    for (n = 0; n < len; n++) {
        for (byte = 0; byte < 256; byte += 1 + (len > 100) * 6) {
            copy[n] = (char) byte;
            rc = talk(step, c, copy, len, len);
            check(rc == NGX_OK || (rc == NGX_DECLINED && result.len
                                   && result.verdict == NGX_HD_FAIL),
                  "%s with %02x at %zu: %d", name, byte, n, (int) rc);
        }

        copy[n] = answer[n];
    }

    free(copy);
}


#endif /* _WIRE_H_INCLUDED_ */

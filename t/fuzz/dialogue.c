
/*
 * A libFuzzer target: one dialogue, the type of which is HD_FUZZ_TYPE, and a
 * peer that says what the fuzzer likes, in pieces that the fuzzer cuts.
 *
 * The input: byte 0 chooses the shape of the check, byte 1 the size of the
 * pieces, the rest is what the peer says.  A datagram begins with the first two
 * bytes of what it answers, as DNS wants.
 */


#include <fuzz.h>


static uint32_t
hd_fuzz_usec(void *data)
{
    (void) data;

    return 1000;
}


/* what must hold after each step, whatever the peer has said */

static void
hd_fuzz_look(ngx_hd_wire_t *w, ngx_int_t rc, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_hd_result_t  *r;

    r = w->result;

    hd_fuzz_want(rc == NGX_AGAIN || rc == NGX_OK || rc == NGX_DECLINED
                 || rc == NGX_ERROR);
    hd_fuzz_want(in->pos >= in->start && in->pos <= in->last);
    hd_fuzz_want(out->pos <= out->last);
    hd_fuzz_want(r->len <= NGX_HD_DETAIL_LEN);
    hd_fuzz_want(r->sample.len <= NGX_HD_SAMPLE_LEN);
    hd_fuzz_want(r->sample.line_len <= NGX_HD_LINE_LEN);

    /* an unhealthy peer has a reason, and our memory did not run out */

    if (rc == NGX_DECLINED) {
        hd_fuzz_want(r->reason != NGX_HD_R_NONE && r->len > 0);
    }

    hd_fuzz_want(rc != NGX_ERROR);
    /* what is to be sent is there to be read */

    while (out->pos < out->last) {
        hd_fuzz_sink(*out->pos++);
    }
}


static void
hd_fuzz_talk(ngx_hd_wire_t *w, ngx_hd_wire_pt step, const uint8_t *p,
    const uint8_t *last, size_t piece)
{
    size_t      n;
    u_char      room[4096], number[2];
    ngx_int_t   rc;
    ngx_buf_t   in, out;
    ngx_uint_t  udp;

    udp = w->check->type->udp;

    ngx_memzero(&in, sizeof(ngx_buf_t));
    ngx_memzero(&out, sizeof(ngx_buf_t));

    in.start = room;
    in.end = room + sizeof(room);
    in.pos = room;
    in.last = room;

    rc = step(w, &in, &out);

    if (out.last - out.pos > 1) {
        ngx_memcpy(number, out.pos, 2);
    }

    hd_fuzz_look(w, rc, &in, &out);

    while (rc == NGX_AGAIN && !w->eof) {

        n = in.last - in.pos;

        if (n == sizeof(room)) {
            return;
        }

        ngx_memmove(room, in.pos, n);
        in.pos = room;
        in.last = room + n;

        n = ngx_min(piece, (size_t) (last - p));
        n = ngx_min(n, (size_t) (in.end - in.last));

        if (n) {
            in.last = ngx_cpymem(in.last, p, n);
            p += n;

            if (udp && n > 1) {
                ngx_memcpy(in.last - n, number, 2);
            }

        } else {
            w->eof = 1;
        }

        rc = step(w, &in, &out);
        hd_fuzz_look(w, rc, &in, &out);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_pool_t       *pool;
    ngx_hd_wire_t     w;
    ngx_hd_check_t   *check;
    ngx_hd_result_t   result;

    if (size < 2) {
        return 0;
    }

    check = hd_fuzz_check(HD_FUZZ_TYPE, data[0]);
    pool = ngx_create_pool(1024, &hd_fuzz_log);

    ngx_memzero(&w, sizeof(ngx_hd_wire_t));
    ngx_memzero(&result, sizeof(ngx_hd_result_t));

    w.check = check;
    w.pool = pool;
    w.log = &hd_fuzz_log;
    w.result = &result;
    w.usec = hd_fuzz_usec;

    hd_fuzz_talk(&w, (ngx_hd_wire_pt) check->type->data, data + 2, data + size,
                 data[1] ? data[1] : 4096);

    ngx_destroy_pool(pool);

    return 0;
}

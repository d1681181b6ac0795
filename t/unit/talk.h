
/*
 * What unit tests of dialogues share: a conversation in which the peer's bytes
 * come in pieces of any size, each piece in memory of its own, so that
 * AddressSanitizer sees a dialogue that reads on.
 */


#ifndef _TALK_H_INCLUDED_
#define _TALK_H_INCLUDED_


#include <ngx_hd_wire.h>

#include "tap.h"
#include "ngx_stand_in.h"


#define TALK_BUF  4096          /* bytes of room, as the stream engine has */


static ngx_pool_t       *talk_pool;
static ngx_hd_wire_t     talk_wire;
static ngx_hd_result_t   talk_result;
static u_char            talk_said[65536];  /* what the dialogue sent */
static size_t            talk_said_len;


static uint32_t
talk_usec(void *data)
{
    (void) data;

    return 1000;
}


static inline ngx_int_t
talk_step(ngx_hd_wire_pt dialogue, const u_char *data, size_t *len)
{
    u_char     *piece;
    size_t      left;
    ngx_buf_t   in, out;
    ngx_int_t   rc;

    memset(&in, 0, sizeof(in));
    memset(&out, 0, sizeof(out));

    piece = malloc(*len ? *len : 1);
    memcpy(piece, data, *len);

    in.start = piece;
    in.pos = piece;
    in.last = piece + *len;
    in.end = piece + *len;

    rc = dialogue(&talk_wire, &in, &out);

    left = out.last - out.pos;

    if (left && talk_said_len + left <= sizeof(talk_said)) {
        memcpy(talk_said + talk_said_len, out.pos, left);
        talk_said_len += left;
    }

    *len = in.pos - in.start;
    free(piece);

    return rc;
}


/*
 * The peer says len bytes in pieces of size, and closes if eof is set.  What
 * dialogue returns: NGX_AGAIN if it waits for more.
 */

static inline ngx_int_t
talk(ngx_hd_wire_pt dialogue, ngx_hd_check_t *conf, const u_char *data,
    size_t len, size_t size, ngx_uint_t eof)
{
    size_t      n, pos, end;
    ngx_int_t   rc;

    memset(&talk_wire, 0, sizeof(talk_wire));
    memset(&talk_result, 0, sizeof(talk_result));
    talk_said_len = 0;

    talk_wire.check = conf;
    talk_wire.pool = talk_pool;
    talk_wire.result = &talk_result;
    talk_wire.usec = talk_usec;

    n = 0;
    rc = talk_step(dialogue, data, &n);
    end = 0;
    pos = 0;

    while (rc == NGX_AGAIN && end < len) {
        end = ngx_min(end + size, len);
        n = ngx_min(end - pos, (size_t) TALK_BUF);
        end = pos + n;

        rc = talk_step(dialogue, data + pos, &n);
        pos += n;

        if (rc == NGX_AGAIN && n == 0 && end - pos == TALK_BUF) {
            return NGX_BUSY;
        }
    }

    if (rc == NGX_AGAIN && eof) {
        talk_wire.eof = 1;
        n = end - pos;
        rc = talk_step(dialogue, data + pos, &n);
    }

    return rc;
}


static inline const char *
talk_detail(void)
{
    static char  buf[NGX_HD_DETAIL_LEN + 1];

    memcpy(buf, talk_result.detail, talk_result.len);
    buf[talk_result.len] = '\0';

    return buf;
}


#endif /* _TALK_H_INCLUDED_ */


/*
 * healthdash: one dialogue over one connection.  A run whose dialogue is held
 * here has an ngx_hd_talk_t as the beginning of its run->ctx.
 */


#ifndef _NGX_HD_TALK_H_INCLUDED_
#define _NGX_HD_TALK_H_INCLUDED_


#include <ngx_hd_wire.h>


/*
 * How it ended; the run goes on until its owner ends it.
 * NGX_OK: the dialogue is content; run->result may carry a warning;
 * NGX_DECLINED, NGX_ERROR: run->result is set;
 * NGX_ABORT: nobody was there: a connection used before had been closed, or a
 *            UDP port is closed or silent, with run->result set;
 * NGX_BUSY: it wants to go on over TLS, on the same connection.
 */
typedef void (*ngx_hd_talk_pt)(ngx_hd_run_t *run, ngx_int_t rc);


typedef struct {
    ngx_connection_t  *connection;      /* c->data is the run */
    ngx_hd_talk_pt     handler;
    ngx_addr_t        *addr;            /* of the peer, for messages */
    ngx_hd_wire_t      wire;
    ngx_buf_t          in;
    ngx_buf_t          out;
    ngx_str_t          sent;            /* UDP: the last datagram */
    ngx_event_t        again;           /* UDP: to send it once more */
    unsigned           reused:1;        /* the connection served before */
    unsigned           answered:1;      /* a byte of the response came */
    unsigned           broken:1;        /* sending has failed */
} ngx_hd_talk_t;


/*
 * Begins on run->ctx, of which connection, handler, addr and reused are set.
 * The handler may be called before this returns.  The first step has a
 * wire.state only if the dialogue went on to TLS.
 */
void ngx_hd_talk_start(ngx_hd_run_t *run);

/* Forgets all that was said, for a start on another connection. */
void ngx_hd_talk_reset(ngx_hd_talk_t *t);

/* Lets go of timers; to be called before the connection is closed. */
void ngx_hd_talk_stop(ngx_hd_talk_t *t);

/* 1 if a dialogue that ended well left the connection fit for another one. */
ngx_uint_t ngx_hd_talk_can_keep(ngx_hd_run_t *run);


#endif /* _NGX_HD_TALK_H_INCLUDED_ */


/*
 * healthdash: what stands between a peer and a library that reads for as long
 * as there is something: such a library never sees the peer.  It connects to a
 * socket of ours instead, and the relay carries bytes between the two, from
 * the peer a bounded share in each turn of the event loop, and not for ever.
 */


#ifndef _NGX_HD_RELAY_H_INCLUDED_
#define _NGX_HD_RELAY_H_INCLUDED_


#include <ngx_hd_probe.h>
#include <ngx_event_connect.h>


typedef struct ngx_hd_relay_s  ngx_hd_relay_t;

/*
 * NGX_OK: connect() was under way, and the peer is connected now.  With
 * run->result set, NGX_DECLINED: it could not be connected to, another address
 * may do; NGX_ERROR: the run cannot go on.  The relay may be closed in here.
 */
typedef void (*ngx_hd_relay_pt)(ngx_hd_relay_t *r, ngx_int_t rc);

/*
 * More of heard[] has come, and the library has not got it.  NGX_DECLINED: it
 * is no answer, with run->result set; the handler gets NGX_ERROR then.
 */
typedef ngx_int_t (*ngx_hd_relay_hear_pt)(ngx_hd_relay_t *r);


/* all of it is in the memory of the run */

struct ngx_hd_relay_s {
    ngx_hd_run_t           *run;
    ngx_hd_relay_pt         handler;
    ngx_hd_relay_hear_pt    hear;
    void                   *data;       /* of the handlers */
    ngx_peer_connection_t   peer;
    ngx_addr_t             *addr;       /* of the peer */
    size_t                  limit;      /* bytes that it may send */

    /* what is known of the peer */

    ngx_err_t               err;        /* the connection broke */
    size_t                  total;      /* bytes that came */
    size_t                  nheard;
    u_char                  heard[NGX_HD_SEEN_LEN];
                                        /* the first of them */

    /* of the relay */

    ngx_connection_t       *near;       /* to the library, which listens until
                                           it has connected; NULL: closed */
    ngx_buf_t               in;         /* from the peer */
    ngx_buf_t               out;        /* to it */
    unsigned                met:1;      /* the library has connected */
    unsigned                eof:1;      /* the peer says nothing more */
    unsigned                told:1;     /* and the library knows */
    unsigned                gone:1;     /* the library is gone */
    unsigned                mute:1;     /* the peer takes nothing more */
    u_char                  name[NGX_HD_SEEN_LEN];
                                        /* for the library to connect to: a
                                           socket in the abstract namespace */
};


/*
 * Takes over r->peer, which ngx_hd_connect() has begun; run, addr, handler,
 * hear, data and limit are set.
 */
void ngx_hd_relay_begin(ngx_hd_relay_t *r);

/*
 * The peer is connected: listens at r->name for the library, which is expected
 * to connect at once, from this process.  NGX_ERROR with run->result set.
 */
ngx_int_t ngx_hd_relay_open(ngx_hd_relay_t *r);

/*
 * Ends it all, after the library has closed its end: a last word of it is
 * passed on if the peer takes it at once.
 */
void ngx_hd_relay_close(ngx_hd_relay_t *r);


#endif /* _NGX_HD_RELAY_H_INCLUDED_ */

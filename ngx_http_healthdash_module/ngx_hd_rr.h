
/*
 * healthdash: one server in nginx's own list.  Two bits of its "down" are
 * ours, and peers->tries moves with them.
 */


#ifndef _NGX_HD_RR_H_INCLUDED_
#define _NGX_HD_RR_H_INCLUDED_


#include <ngx_hd_conf.h>


/* not 1 (failed, down) and not 8 (draining), which nginx uses */

#define NGX_HD_PEER_SKIPPED    0x100000        /* by what its probes say */
#define NGX_HD_PEER_WAITS      0x200000        /* declined until the next
                                                  request, see ngx_hd_ramp.h */


/* Sets (on = 1) or clears one of our bits.  Caller holds the write lock. */
void ngx_hd_rr_set(ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer, ngx_uint_t bit, ngx_uint_t on);

/*
 * Makes what nginx counts of a list what its servers are, after somebody who
 * was changing it died.  Caller holds the write lock.
 */
void ngx_hd_rr_recount(ngx_http_upstream_rr_peers_t *peers);

/* What others than we have put into peer->down; 0: nothing. */
ngx_uint_t ngx_hd_rr_taken_out(ngx_http_upstream_rr_peer_t *peer);

/* 1 if nginx avoids peer by its own passive failures.  Caller has a lock. */
ngx_uint_t ngx_hd_rr_avoids(ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer);

/* 1 if nginx could choose peer, if it waits or not.  Caller has a lock. */
ngx_uint_t ngx_hd_rr_is_usable(ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer);


#endif /* _NGX_HD_RR_H_INCLUDED_ */

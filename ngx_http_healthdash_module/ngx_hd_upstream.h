
/*
 * healthdash: what the verdicts do to nginx's own peer lists.  The module owns
 * two bits of peer->down and moves peers->tries with them; nothing else in
 * those lists is written but the passive failures of a server that came back.
 */


#ifndef _NGX_HD_UPSTREAM_H_INCLUDED_
#define _NGX_HD_UPSTREAM_H_INCLUDED_


#include <ngx_hd_place.h>


/* 1 if peer.data of uscf is nginx's own list (after its init_upstream). */
ngx_uint_t ngx_hd_upstream_is_native(ngx_http_upstream_srv_conf_t *uscf);

/*
 * 1 if nginx lays its list out as this module does: to be asked before there is
 * a zone.
 */
ngx_uint_t ngx_hd_upstream_fits(ngx_http_upstream_srv_conf_t *uscf);

/* Puts ours before the balancer's peer.init.  In postconfiguration, once. */
void ngx_hd_upstream_hook(ngx_hd_upstream_t *u);

/*
 * Brings the peer list of u in line with the verdicts of the store: computes
 * for each peer, min_up= and mode= considered, whether it is to be skipped.
 * Takes the peers' write lock; idempotent; any process.
 */
void ngx_hd_upstream_apply(ngx_hd_upstream_t *u);

/*
 * Calls ngx_hd_upstream_apply() if the store or nginx's list has changed since
 * the last time, or nothing ramps any more.
 */
void ngx_hd_upstream_sync(ngx_hd_upstream_t *u);

/*
 * 1 if the verdicts want peer skipped, be there enough others or not.  It is
 * that of server; NULL: DNS has added it, and nobody knows it yet.
 */
ngx_uint_t ngx_hd_upstream_is_out(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, ngx_http_upstream_rr_peer_t *peer);

/* The worst state of a server's targets; unknown if conf is NULL. */
ngx_uint_t ngx_hd_upstream_health(ngx_hd_upstream_t *u,
    ngx_hd_server_t *conf);

/* 1 if nginx chooses servers that t speaks for; takes the peers' read lock. */
ngx_uint_t ngx_hd_upstream_serves(ngx_hd_upstream_t *u, ngx_hd_target_t *t);


#endif /* _NGX_HD_UPSTREAM_H_INCLUDED_ */

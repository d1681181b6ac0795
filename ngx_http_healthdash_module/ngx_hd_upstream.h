
/*
 * healthdash: what the verdicts do to nginx's own peer lists.  The module owns
 * two bits of peer->down and moves peers->tries with them; nothing else in
 * those lists is written but the passive failures of a server that came back.
 */


#ifndef _NGX_HD_UPSTREAM_H_INCLUDED_
#define _NGX_HD_UPSTREAM_H_INCLUDED_


#include <ngx_hd_store.h>


/* what nginx does with a peer, words as in nginx's commercial API */

typedef enum {
    NGX_HD_PEER_UP = 0,
    NGX_HD_PEER_DRAINING,
    NGX_HD_PEER_DOWN,           /* by the administrator */
    NGX_HD_PEER_UNAVAIL,        /* by nginx's passive failures */
    NGX_HD_PEER_CHECKING,       /* skipped by us, no result yet */
    NGX_HD_PEER_UNHEALTHY       /* skipped by us */
} ngx_hd_peer_state_e;


/* one peer as read from nginx's list */

typedef struct {
    ngx_str_t         name;
    ngx_str_t         server;
    ngx_hd_server_t  *conf;             /* NULL: not probed */
    ngx_uint_t        id;               /* position, backups go on counting */
    ngx_uint_t        state;            /* ngx_hd_peer_state_e */
    ngx_uint_t        weight;
    ngx_uint_t        conns;            /* open for requests */
    ngx_uint_t        max_conns;        /* 0: no limit */
    ngx_uint_t        fails;            /* passive */
    ngx_uint_t        share;            /* ramping: percent of what it gets
                                           when it is fully in service */
    int64_t           full;             /* ramping: until then, wall clock,
                                           msec; 0: not told */
    unsigned          backup:1;
    unsigned          counted:1;        /* conns and fails are of all workers,
                                           not of the one that reads them */
    unsigned          kept:1;           /* unhealthy, in service by min_up */
    unsigned          ramping:1;        /* slow_start= */
} ngx_hd_peer_t;


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

/* Calls ngx_hd_upstream_apply() if the store changed since the last time. */
void ngx_hd_upstream_sync(ngx_hd_upstream_t *u);

/*
 * Copies the peers of u, strings included, into an array of pool, read under
 * the lock after a sync.  Returns NULL if memory ran out.
 */
ngx_array_t *ngx_hd_upstream_peers(ngx_hd_upstream_t *u, ngx_pool_t *pool);

/*
 * A number that is another one when nginx's list of u, or what nginx does with
 * one of its servers, has changed; read under the lock.
 */
uint64_t ngx_hd_upstream_sum(ngx_hd_upstream_t *u);

/* The worst state of a server's targets; unknown if conf is NULL. */
ngx_uint_t ngx_hd_upstream_health(ngx_hd_upstream_t *u,
    ngx_hd_server_t *conf);

/* 1 if nginx chooses servers that t speaks for; takes the peers' read lock. */
ngx_uint_t ngx_hd_upstream_serves(ngx_hd_upstream_t *u, ngx_hd_target_t *t);

/* The word of an ngx_hd_peer_state_e. */
const char *ngx_hd_upstream_state_word(ngx_uint_t state);


#endif /* _NGX_HD_UPSTREAM_H_INCLUDED_ */

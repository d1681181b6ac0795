
/*
 * healthdash: what nginx's lists of servers say now, for the status.
 */


#ifndef _NGX_HD_PEER_H_INCLUDED_
#define _NGX_HD_PEER_H_INCLUDED_


#include <ngx_hd_upstream.h>


/* what nginx does with a peer, words as in nginx's commercial API */

typedef enum {
    NGX_HD_PEER_UP = 0,
    NGX_HD_PEER_DRAINING,
    NGX_HD_PEER_DOWN,           /* by the administrator */
    NGX_HD_PEER_UNAVAIL,        /* by nginx's passive failures */
    NGX_HD_PEER_CHECKING,       /* skipped by us, no result yet */
    NGX_HD_PEER_UNHEALTHY,      /* skipped by us */
    NGX_HD_PEER_REMOVED         /* not in nginx's list any more, by DNS */
} ngx_hd_peer_state_e;


/* one peer as read from nginx's list */

typedef struct {
    ngx_str_t         name;
    ngx_str_t         server;
    ngx_hd_server_t  *conf;             /* NULL: not probed */
    ngx_uint_t        id;               /* position in nginx.conf, backups go on
                                           counting; behind these those by DNS,
                                           each keeps its own */
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
    unsigned          unplaced:1;       /* by DNS, and not probed yet */
} ngx_hd_peer_t;


/*
 * Copies the peers of u, strings included, into an array of pool, read under
 * the lock after a sync; behind them those that DNS has removed some minutes
 * ago.  Returns NULL if memory ran out.
 */
ngx_array_t *ngx_hd_peer_list(ngx_hd_upstream_t *u, ngx_pool_t *pool);

/*
 * A number that is another one when nginx's list of u, or what nginx does with
 * one of its servers, has changed; read under the lock.
 */
uint64_t ngx_hd_peer_sum(ngx_hd_upstream_t *u);

/* The word of an ngx_hd_peer_state_e. */
const char *ngx_hd_peer_state_word(ngx_uint_t state);


#endif /* _NGX_HD_PEER_H_INCLUDED_ */

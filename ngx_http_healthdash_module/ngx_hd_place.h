
/*
 * healthdash: the servers of an upstream by address: those of nginx.conf, which
 * are constant, and those that DNS adds ("resolve"), for which there are spare
 * ones.  Which address a spare one stands for is written in its place, in the
 * zone, by whichever worker sees it first; each worker has a copy with names,
 * its own ngx_hd_server_t, and the scheduler says when to renew that.
 */


#ifndef _NGX_HD_PLACE_H_INCLUDED_
#define _NGX_HD_PLACE_H_INCLUDED_


#include <ngx_hd_store.h>


/* where the next search is to begin; zero at first */

typedef struct {
    ngx_uint_t  server;
    ngx_uint_t  spare;
} ngx_hd_hint_t;


/* what ngx_hd_place_follow() has changed */

typedef struct {
    ngx_uint_t  changed;        /* places */
    ngx_uint_t  crowded;        /* addresses without one: all are taken */
    unsigned    again:1;        /* more to do, in some 10 ms */
} ngx_hd_follow_t;


/*
 * The server of u with an address, or NULL; of spare ones as the zone says now,
 * so what this worker has copied may be about another address.
 */
ngx_hd_server_t *ngx_hd_place_find(ngx_hd_upstream_t *u,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_hd_hint_t *hint);

/*
 * The record of a server's check: for what ngx_hd_place_find() has found, also
 * if it was not copied yet.  NULL as of ngx_hd_store_record().
 */
ngx_hd_record_t *ngx_hd_place_record(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, ngx_uint_t check);

/* What the zone says of a spare server now; p->version is 0 if it is free. */
void ngx_hd_place_look(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_hd_place_t *p);

/*
 * Makes a spare server what p says: names, addresses, identities.  None of its
 * targets is being probed in this worker.
 */
void ngx_hd_place_copy(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    const ngx_hd_place_t *p);

/*
 * Brings the places of u in line with nginx's list, if that has changed: new
 * addresses get a free one, or that of the address that has been gone for the
 * longest time; others are marked as gone, or as back.  Takes the read lock of
 * the list, then the mutex of the zone if that is free at once.  A worker that
 * dies here leaves at worst a place free.
 */
void ngx_hd_place_follow(ngx_hd_upstream_t *u, ngx_hd_follow_t *follow);

/*
 * Before a configuration has records: gives spare servers the addresses that
 * nginx's list has, then those that from, the zone before, knows.  Then, when
 * it has: writes that to the zone.  Master.
 */
void ngx_hd_place_seat(ngx_hd_main_conf_t *hmcf, ngx_hd_zone_t *from);
void ngx_hd_place_settle(ngx_hd_main_conf_t *hmcf);


#endif /* _NGX_HD_PLACE_H_INCLUDED_ */

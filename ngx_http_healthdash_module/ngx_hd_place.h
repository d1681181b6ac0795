
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


#define NGX_HD_PLACE_USED     (1ULL << 32)     /* in any version */


/* where the next search is to begin; zero at first */

typedef struct {
    ngx_uint_t  server;
    ngx_uint_t  spare;
} ngx_hd_hint_t;


/* initial= of check for a server of nginx.conf, or for one that DNS added. */
ngx_uint_t ngx_hd_place_initial(ngx_hd_check_t *check, ngx_uint_t added);

/*
 * The server of u with an address, or NULL; of spare ones as the zone says now,
 * so what this worker has copied may be about another address.
 */
ngx_hd_server_t *ngx_hd_place_find(ngx_hd_upstream_t *u,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_hd_hint_t *hint);

/*
 * 1 if this worker knew that nginx has the address, by what it has copied,
 * which stays as it was when a newer configuration came.
 */
ngx_uint_t ngx_hd_place_knew(ngx_hd_upstream_t *u, struct sockaddr *sockaddr,
    socklen_t socklen);

/*
 * The record of a server's check: for what ngx_hd_place_find() has found, also
 * if it was not copied yet.  NULL as of ngx_hd_store_record().
 */
ngx_hd_record_t *ngx_hd_place_record(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, ngx_uint_t check);

/*
 * What a server's check says of it, ngx_hd_state_e: unknown for one that was
 * well, but for longer ago than a result may stand, and has just come back, or
 * has just lost its place.  NGX_DECLINED if it has no record.
 */
ngx_int_t ngx_hd_place_verdict(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_uint_t check, ngx_uint_t *state);

/* What the zone says of a spare server now; p->version is 0 if it is free. */
void ngx_hd_place_look(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_hd_place_t *p);

/*
 * Makes a spare server what p says: names, addresses, identities.  None of its
 * targets is being probed in this worker.
 */
void ngx_hd_place_copy(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    const ngx_hd_place_t *p);

/* Reads a place at any time.  NGX_OK, or NGX_DECLINED: it is free. */
ngx_int_t ngx_hd_place_read(ngx_hd_place_t *place, ngx_hd_place_t *p);

/* The place of a spare server, and how to write one: see ngx_hd_follow.h. */
ngx_hd_place_t *ngx_hd_place_of(ngx_hd_upstream_t *u, ngx_hd_server_t *server);
void ngx_hd_place_write(ngx_hd_place_t *place, ngx_hd_place_t *p);

/*
 * Makes t, whose strings and sockaddr have room for any address, the target of
 * the one in p, called name.
 */
void ngx_hd_place_target(ngx_hd_target_t *t, const ngx_hd_place_t *p,
    ngx_str_t *name);

/* For how long an address has been gone, msec, by ngx_hd_gone(). */
uint64_t ngx_hd_place_age(uint64_t gone);

/*
 * 1 if what rec knows of t, which is gone since then, ngx_hd_gone(), is not to
 * be trusted once it comes back.
 */
ngx_uint_t ngx_hd_place_is_old(ngx_hd_target_t *t, ngx_hd_record_t *rec,
    uint64_t gone);

/*
 * Before a configuration has records: gives spare servers the addresses that
 * nginx's list has, then offers those that from, the zone before, knows.  To
 * offer one gives it a spare server, as one that is gone, if its upstream is
 * there and has one that is free, or whose address has been gone for longer;
 * one of the list is gone only if p says so.  Then, when there are records:
 * writes all that to the zone.  Master.
 */
void ngx_hd_place_seat(ngx_hd_main_conf_t *hmcf, ngx_hd_zone_t *from);
void ngx_hd_place_offer(ngx_hd_main_conf_t *hmcf, ngx_hd_place_t *p);
void ngx_hd_place_settle(ngx_hd_main_conf_t *hmcf);


#endif /* _NGX_HD_PLACE_H_INCLUDED_ */

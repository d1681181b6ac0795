
/*
 * healthdash: places are given to addresses as DNS changes nginx's list.
 */


#ifndef _NGX_HD_FOLLOW_H_INCLUDED_
#define _NGX_HD_FOLLOW_H_INCLUDED_


#include <ngx_hd_place.h>


/* what ngx_hd_follow() has changed */

typedef struct {
    ngx_uint_t  changed;        /* places */
    ngx_uint_t  crowded;        /* addresses without one: all are taken */
    unsigned    again:1;        /* more to do, in some 10 ms */
} ngx_hd_follow_t;


/*
 * Brings the places of u in line with nginx's list, if that has changed: new
 * addresses get a free one, or that of the address that has been gone for the
 * longest time; others are marked as gone, or as back.  u->news says which were
 * added (ngx_hd_event_e) and removed.  Takes the read lock of
 * the list, then the mutex of the zone if that is free at once.  A worker that
 * dies here leaves at worst a place free.
 */
void ngx_hd_follow(ngx_hd_upstream_t *u, ngx_hd_follow_t *follow);


#endif /* _NGX_HD_FOLLOW_H_INCLUDED_ */

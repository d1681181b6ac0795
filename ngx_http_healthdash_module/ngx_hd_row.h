
/*
 * healthdash: what is summed up for one line of a table: a service, a check of
 * a server, or all checks of a server as one.
 */


#ifndef _NGX_HD_ROW_H_INCLUDED_
#define _NGX_HD_ROW_H_INCLUDED_


#include <ngx_hd_view.h>


typedef struct {
    const ngx_hd_view_t         *view;
    const ngx_hd_upstream_t     *upstream;  /* NULL: a service */
    const ngx_hd_view_peer_t    *vp;        /* the same */
    const ngx_hd_view_target_t  *vt;        /* the worst; NULL: not probed */
    const ngx_hd_view_target_t  *last;      /* probed last */
    ngx_uint_t                   health;
    uint64_t                     checks;    /* sums, from here on */
    uint64_t                     failures;
    uint64_t                     downs;
    uint64_t                     inconclusive;
    uint64_t                     withheld;
    int64_t                      next;      /* wall, msec: the earliest */
    uint64_t                     usec;      /* the highest, and so on */
    uint64_t                     usec_max;
    uint64_t                     p50;
    uint64_t                     p95;
    uint64_t                     p99;
    ngx_int_t                    available[NGX_HD_WINDOWS]; /* millionths, the
                                               least; -1: nothing is known */
    ngx_int_t                    known[NGX_HD_WINDOWS];     /* the same */
    const uint32_t              *phase;     /* of the probe at hand */
    uint32_t                     total;
} ngx_hd_row_t;


/*
 * Makes a row of n checks, vt and those behind it, of which worst tells most;
 * vp is NULL and n is 1 for a service, and n is 0 for a server that nobody
 * probes: then the caller sets upstream.
 */
void ngx_hd_row_init(ngx_hd_row_t *row, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt,
    ngx_uint_t n, const ngx_hd_view_target_t *worst);


#endif /* _NGX_HD_ROW_H_INCLUDED_ */

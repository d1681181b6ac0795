
/*
 * healthdash: what time it is.  What nginx keeps (ngx_current_msec, the wall
 * clock here) stands still for a turn of the event loop.
 */


#ifndef _NGX_HD_CLOCK_H_INCLUDED_
#define _NGX_HD_CLOCK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* The wall clock as nginx keeps it, msec. */

static ngx_inline int64_t
ngx_hd_wall(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


/* A clock, read now, usec. */

static ngx_inline uint64_t
ngx_hd_clock_usec(clockid_t id)
{
    struct timespec  ts;

    (void) clock_gettime(id, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* The monotonic clock, read now, usec. */

static ngx_inline uint64_t
ngx_hd_now_usec(void)
{
    return ngx_hd_clock_usec(CLOCK_MONOTONIC);
}


#endif /* _NGX_HD_CLOCK_H_INCLUDED_ */

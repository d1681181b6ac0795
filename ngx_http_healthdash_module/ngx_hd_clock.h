
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


/*
 * How long ago then was, of the monotonic clock, msec.  0 if it is still to
 * come: what another worker has noted may be ahead of nginx's time in this one,
 * and a plain difference would be an age.
 */

static ngx_inline uint64_t
ngx_hd_since(uint64_t then, uint64_t now)
{
    int64_t  age;

    age = (int64_t) (now - then);

    return ngx_max(age, 0);
}


#endif /* _NGX_HD_CLOCK_H_INCLUDED_ */


/*
 * healthdash: how fast probes begin.  Turns are given out by one word, so that
 * any number of workers keep to one rate without waiting for each other; what
 * was done is counted by seconds.
 */


#ifndef _NGX_HD_PACE_H_INCLUDED_
#define _NGX_HD_PACE_H_INCLUDED_


#include <ngx_hd_record.h>


#define NGX_HD_PACE_FIRST      5000    /* msec in which first probes are made */


/* what the last NGX_HD_PACE_WINDOW whole seconds were like */

#define NGX_HD_PACE_WINDOW     10

typedef struct {
    ngx_uint_t  done;           /* probes begun */
    ngx_msec_t  late;           /* msec behind its due time: the latest one */
    ngx_msec_t  lag;            /* msec: most that a worker's loop was late */
} ngx_hd_pace_past_t;


/*
 * Takes the next turn of word at rate, turns a second, > 0.  now: monotonic,
 * msec.  Returns when that turn is, monotonic, usec: in the past if fewer were
 * taken lately than there were, but for those of 30 msec at most.  Any process,
 * no lock.
 */
uint64_t ngx_hd_pace_take(uint64_t *word, ngx_uint_t rate, uint64_t now);

/* A probe begins at now, late msec behind its due time. */
void ngx_hd_pace_begun(ngx_hd_pace_t *pace, uint64_t now, ngx_msec_t late);

/* The loop of a worker has come to a timer lag msec late. */
void ngx_hd_pace_lagged(ngx_hd_pace_t *pace, uint64_t now, ngx_msec_t lag);

/* What the whole seconds before now were like. */
void ngx_hd_pace_past(ngx_hd_pace_t *pace, uint64_t now,
    ngx_hd_pace_past_t *past);

/*
 * A number below span, > 0, for the n-th of many: whatever their number is, and
 * whichever of them are taken together, they lie evenly apart.
 */
uint64_t ngx_hd_pace_spread(uint64_t n, uint64_t span);


#endif /* _NGX_HD_PACE_H_INCLUDED_ */

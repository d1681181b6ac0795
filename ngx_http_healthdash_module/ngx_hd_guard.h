
/*
 * healthdash: the guard against a prober that is blind.  When most targets that
 * were up a moment ago fail at once, or all sentinels do, verdicts are frozen:
 * nothing goes down, until that is over, or has lasted for too long.
 */


#ifndef _NGX_HD_GUARD_H_INCLUDED_
#define _NGX_HD_GUARD_H_INCLUDED_


#include <ngx_hd_store.h>


typedef enum {
    NGX_HD_GUARD_CLEAR = 0,
    NGX_HD_GUARD_FROZEN,
    NGX_HD_GUARD_RELEASED       /* verdicts follow, though it is not over */
} ngx_hd_guard_e;


/* why it is frozen, or why it was released */

typedef enum {
    NGX_HD_GUARD_SHARE = 0,     /* so many failed; few do now */
    NGX_HD_GUARD_SENTINEL,      /* all of them fail; one passes */
    NGX_HD_GUARD_TIME           /* it has lasted for guard_hold */
} ngx_hd_guard_why_e;


/* what is counted; plain numbers, so that a table can test them */

typedef struct {
    ngx_uint_t          targets;        /* that were up a moment ago */
    ngx_uint_t          failing;        /* of these, now */
    ngx_uint_t          fresh;          /* of these, probed since a time, and
                                           not failing before */
    ngx_uint_t          fresh_failing;  /* of these, failing now */
    ngx_uint_t          probed;         /* of targets, since the state is */
    ngx_uint_t          probed_failing; /* of these, failing now */
    ngx_uint_t          sentinels;
    ngx_uint_t          blind;          /* sentinels that fail */
    ngx_uint_t          seeing;         /* that passed since the freeze */
} ngx_hd_guard_count_t;


typedef struct {
    ngx_hd_guard_e      state;
    ngx_hd_guard_why_e  why;
    uint64_t            since;          /* monotonic, msec; 0: from the start */
} ngx_hd_guard_t;


/* the same with what was counted last, for those who tell of it */

typedef struct {
    ngx_hd_guard_t        now;
    ngx_hd_guard_t        was;
    ngx_hd_guard_count_t  count;
} ngx_hd_guard_news_t;


/*
 * What comes after guard at time mono, by what was counted, with a limit of
 * percent and at most hold msec of freeze.  Returns 1 if that is another state.
 */
ngx_uint_t ngx_hd_guard_step(ngx_hd_guard_t *guard,
    const ngx_hd_guard_count_t *count, ngx_uint_t percent, ngx_msec_t hold,
    uint64_t mono);

/*
 * Notes a result of t in its record, at time mono, for those who count.  Caller
 * holds the lease.
 */
void ngx_hd_guard_note(ngx_hd_record_t *rec, ngx_uint_t failed,
    uint64_t mono);

/*
 * Counts all targets, and moves the zone's word if need be.  from: monotonic,
 * msec, since when results are fresh.  Returns 1, with news, if this call has
 * changed the state; of all workers one hears of it.
 */
ngx_uint_t ngx_hd_guard_look(ngx_hd_main_conf_t *hmcf, uint64_t from,
    uint64_t mono, ngx_hd_guard_news_t *news);

/* 1 if t must not go down now. */
ngx_uint_t ngx_hd_guard_holds(ngx_hd_main_conf_t *hmcf,
    const ngx_hd_target_t *t);

/* What the zone says, without counting but for what was counted last. */
void ngx_hd_guard_get(ngx_hd_main_conf_t *hmcf, ngx_hd_guard_t *guard,
    ngx_hd_guard_count_t *count);


#endif /* _NGX_HD_GUARD_H_INCLUDED_ */

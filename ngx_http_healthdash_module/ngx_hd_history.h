
/*
 * healthdash: what is remembered of one target beside the facts: its last
 * results, minutes, hours and days, and how its latencies are spread.
 *
 * Times are of the history clock: monotonic, so that it never steps, and set
 * once, when the zone was made, to what the wall clock said.  Availability
 * comes from how long a state was in force, never from counts of probes.
 */


#ifndef _NGX_HD_HISTORY_H_INCLUDED_
#define _NGX_HD_HISTORY_H_INCLUDED_


#include <ngx_hd_record.h>


#define NGX_HD_WINDOWS         5       /* of availability */


/* a stretch of time, or the sum of some */

typedef struct {
    uint64_t  length;           /* msec, at most: the last one may go on */
    uint64_t  known;            /* msec in which the state was known */
    uint64_t  down;             /* msec of these */
    uint64_t  checks;
    uint64_t  failures;
    uint64_t  slow;
    uint64_t  mean;             /* usec, of the probes that passed; 0: none */
    uint64_t  max;              /* usec */
} ngx_hd_span_t;


/* what availability is told of: the last n and the one under way */

typedef struct {
    const char      *name;      /* "24h" */
    ngx_hd_level_e   level;
    ngx_uint_t       n;
} ngx_hd_window_t;


/* one result */

typedef struct {
    uint64_t          time;     /* history clock, msec, rounded to 10 */
    uint32_t          usec;     /* the whole probe, 0.02 % off at most */
    ngx_hd_verdict_e  verdict;
} ngx_hd_past_t;


/* 1h, 24h, 7d, 30d, 90d; the last has no name. */
extern const ngx_hd_window_t  ngx_hd_history_windows[NGX_HD_WINDOWS + 1];


/*
 * Counts the time from data->seen until now to data->state, which was in force
 * then, but not more than limit msec: what was longer is not known.  What ends
 * meanwhile is written to h for good.  By the lease holder, before the result
 * that ends the time is counted, and by readers on copies of both.
 */
void ngx_hd_history_pass(ngx_hd_history_t *h, ngx_hd_data_t *data,
    uint64_t now, uint64_t limit);

/*
 * Forgets of a copy what a writer may have put over it between data->seen and
 * now, when it was copied: places are used again.  After
 * ngx_hd_history_pass().
 */
void ngx_hd_history_forget(ngx_hd_history_t *h, const ngx_hd_data_t *data,
    uint64_t now);

/* Counts a result to the minute, hour and day under way; private memory. */
void ngx_hd_history_count(ngx_hd_data_t *data,
    const ngx_hd_result_t *result);

/*
 * Keeps a result that was counted and published in data.  Lease holder; who
 * dies before loses one result of the list, and nothing else.
 */
void ngx_hd_history_keep(ngx_hd_history_t *h, const ngx_hd_data_t *data,
    const ngx_hd_result_t *result);

/* Copies h while others may write, a word at a time. */
void ngx_hd_history_copy(ngx_hd_history_t *dst, ngx_hd_history_t *src);

/*
 * The minute, hour or day (level) that is age ones back: 0 is the one under
 * way.  Up to NGX_HD_MINUTES, _HOURS or _DAYS; of what is older nothing is
 * known.  Call ngx_hd_history_pass() before, so that 0 is now.
 */
void ngx_hd_history_span(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_hd_level_e level, ngx_uint_t age, ngx_hd_span_t *span);

/* The sum of the last n whole ones and the one under way. */
void ngx_hd_history_sum(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_hd_level_e level, ngx_uint_t n, ngx_hd_span_t *sum);

/*
 * Length, known and down of each of ngx_hd_history_windows[], faster than one
 * sum after the other; sums has a place for each, and their rest is zero.
 */
void ngx_hd_history_sums(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_hd_span_t *sums);

/* When the one that is age ones back began: history clock, msec. */
uint64_t ngx_hd_history_begin(const ngx_hd_data_t *data, ngx_hd_level_e level,
    ngx_uint_t age);

/*
 * How much of the known time was not down, in millionths, rounded down: 100 %
 * is said of nothing that was down.  Nothing is known: -1.
 */
ngx_int_t ngx_hd_history_available(const ngx_hd_span_t *span);

/* The i-th result from the last, 0 is the last.  NGX_DECLINED: none kept. */
ngx_int_t ngx_hd_history_result(const ngx_hd_history_t *h,
    const ngx_hd_data_t *data, ngx_uint_t i, ngx_hd_past_t *past);

/*
 * The latency that permille of the probes that passed did not exceed, usec,
 * 5 % off at most; 0: none has passed.  Of the last one to two thousand.
 */
uint64_t ngx_hd_history_latency(const ngx_hd_history_t *h,
    const ngx_hd_data_t *data, ngx_uint_t permille);


#endif /* _NGX_HD_HISTORY_H_INCLUDED_ */

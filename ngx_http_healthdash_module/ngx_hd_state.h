
#ifndef _NGX_HD_STATE_H_INCLUDED_
#define _NGX_HD_STATE_H_INCLUDED_


#include <ngx_hd_record.h>


/* thresholds of a check; plain numbers, so that a table can test them */

typedef struct {
    ngx_uint_t  fails;          /* failures in a row to go down, > 0 */
    ngx_uint_t  passes;         /* passes in a row to come back, > 0 */
    ngx_uint_t  flap_changes;   /* 0: off */
    ngx_msec_t  flap_time;      /* window, and first hold, msec */
    ngx_uint_t  frozen;         /* 1: nothing goes down now */
} ngx_hd_rules_t;


/*
 * The one state machine.  Counts result into data at monotonic time mono and
 * wall time wall (both msec), and moves data->state:
 *   - the first verdict decides alone; later ones by rules->fails and passes;
 *   - a warning makes "up" "degraded" at once, passes clean results end it;
 *   - an inconclusive result is counted and moves nothing;
 *   - one that comes back is "up" or, if the deciding result is a warning,
 *     "degraded"; a paused target is counted and stays "paused";
 *   - with flap= a target that goes down and was taken out or brought back
 *     more than flap_changes times within flap_time stays down for flap_time,
 *     doubled with each hold in a row up to 16 times, even while its probes
 *     pass.  A window without too many changes ends the row.
 *   - while rules are frozen failures are counted, and nothing goes down.
 * Counters stop at their highest value.  Does not touch slot and pid.
 * Returns 1 if the state changed, else 0.
 */
ngx_uint_t ngx_hd_state_count(ngx_hd_data_t *data,
    const ngx_hd_rules_t *rules, const ngx_hd_result_t *result,
    uint64_t mono, int64_t wall);

/*
 * 1 while the target is changing state or unknown: probe it at fast=.  Not
 * while it is held down by flap=.
 */
ngx_uint_t ngx_hd_state_is_moving(const ngx_hd_data_t *data);

/*
 * 1 if a server in this state, before its first result judged by initial,
 * should get no traffic.
 */
ngx_uint_t ngx_hd_state_is_out(ngx_uint_t state, ngx_hd_initial_e initial);

/*
 * The worse of two states for a server with several checks and for a group:
 * down > degraded > unknown > up; paused counts only beside paused.
 */
ngx_uint_t ngx_hd_state_worse(ngx_uint_t a, ngx_uint_t b);

/*
 * min_up=: how many servers must stay in service of n that the administrator
 * has not taken out: value itself, or if percent is set value percent of n,
 * rounded up; never more than n.
 */
ngx_uint_t ngx_hd_state_min_up(ngx_uint_t value, ngx_uint_t percent,
    ngx_uint_t n);


#endif /* _NGX_HD_STATE_H_INCLUDED_ */

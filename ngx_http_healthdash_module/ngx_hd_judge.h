
/*
 * healthdash: what a result does to its target: it is counted, unless the guard
 * holds it, and whoever must hear of it does.
 */


#ifndef _NGX_HD_JUDGE_H_INCLUDED_
#define _NGX_HD_JUDGE_H_INCLUDED_


#include <ngx_hd_upstream.h>


/* what a worker remembers from one result to the next */

typedef struct {
    ngx_hd_main_conf_t  *main;
    uint64_t             looked;        /* monotonic, msec: at the guard */
    ngx_msec_t           told;          /* when it last told of our trouble */
} ngx_hd_judge_t;


void ngx_hd_judge_init(ngx_hd_judge_t *judge, ngx_hd_main_conf_t *hmcf);

/*
 * Counts result in data, the facts of t, which the caller has read from rec and
 * will publish.  failed: monotonic, msec: the first failure in a row seen here,
 * 0: none; is kept up to date.  Returns 1 if the state is another one.  Caller
 * holds the lease.
 */
ngx_uint_t ngx_hd_judge_count(ngx_hd_judge_t *judge, ngx_hd_target_t *t,
    ngx_hd_record_t *rec, uint64_t *failed, const ngx_hd_result_t *result,
    ngx_hd_data_t *data);

/*
 * Lets the guard count.  from: monotonic, msec, since when results are fresh.
 * If its state has changed by that, it is told.
 */
void ngx_hd_judge_guard(ngx_hd_judge_t *judge, uint64_t from);

/*
 * Tells of a result that is our own trouble, no news about t: not silently, but
 * once a minute at most.
 */
void ngx_hd_judge_tell_trouble(ngx_hd_judge_t *judge, ngx_hd_target_t *t,
    const ngx_hd_result_t *result);


#endif /* _NGX_HD_JUDGE_H_INCLUDED_ */

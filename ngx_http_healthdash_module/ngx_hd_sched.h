
#ifndef _NGX_HD_SCHED_H_INCLUDED_
#define _NGX_HD_SCHED_H_INCLUDED_


#include <ngx_hd_upstream.h>


/*
 * Starts probing in this worker: a cancelable timer for each target that is
 * its own, and one that looks after targets others have dropped.  NGX_ERROR:
 * there is no memory, and it probes nothing.
 */
ngx_int_t ngx_hd_sched_init_worker(ngx_cycle_t *cycle,
    ngx_hd_main_conf_t *hmcf);

/* Ends all probes of this worker without a verdict, closes what is open. */
void ngx_hd_sched_exit_worker(ngx_hd_main_conf_t *hmcf);


#endif /* _NGX_HD_SCHED_H_INCLUDED_ */

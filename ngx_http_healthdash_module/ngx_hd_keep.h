
#ifndef _NGX_HD_KEEP_H_INCLUDED_
#define _NGX_HD_KEEP_H_INCLUDED_


#include <ngx_hd_probe.h>


/*
 * Gives a new connection of run a pool and a log of its own, so that it can
 * outlive the run.  Returns NGX_ERROR, with run->result set, without memory.
 */
ngx_int_t ngx_hd_keep_prepare(ngx_hd_run_t *run, ngx_connection_t *c);

/*
 * Keeps c, prepared and silent, for the next run of run's target.  Returns
 * NGX_DECLINED if it cannot be kept: then it still belongs to the run.
 */
ngx_int_t ngx_hd_keep_put(ngx_hd_run_t *run, ngx_connection_t *c);

/*
 * The connection kept for run's target, now the run's, its handlers to be set;
 * NULL if there is none, or none that is still good.
 */
ngx_connection_t *ngx_hd_keep_take(ngx_hd_run_t *run);

/* Closes the kept connection of a target, if any. */
void ngx_hd_keep_drop(ngx_hd_target_t *target);

/* Closes c, with its TLS, and its pool unless that is shared. */
void ngx_hd_keep_close(ngx_connection_t *c, ngx_pool_t *shared);


#endif /* _NGX_HD_KEEP_H_INCLUDED_ */

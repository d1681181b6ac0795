
/*
 * healthdash: services that are this machine: disk, memory, load, files and
 * nginx itself.
 */


#ifndef _NGX_HD_LOCAL_H_INCLUDED_
#define _NGX_HD_LOCAL_H_INCLUDED_


#include <ngx_hd_probe.h>


/* The functions of the types disk, memory, load, files and nginx. */
const char *ngx_hd_local_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);
ngx_int_t ngx_hd_local_start(ngx_hd_run_t *run);
void ngx_hd_local_release(ngx_hd_run_t *run);

/*
 * Closes what this worker has open for them.  All runs have been released;
 * threads that still wait for the system are left alone.
 */
void ngx_hd_local_exit_worker(ngx_hd_main_conf_t *hmcf);


#endif /* _NGX_HD_LOCAL_H_INCLUDED_ */

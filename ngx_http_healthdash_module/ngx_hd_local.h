
#ifndef _NGX_HD_LOCAL_H_INCLUDED_
#define _NGX_HD_LOCAL_H_INCLUDED_


#include <ngx_hd_probe.h>


/* The functions of the types disk, memory, load, files and nginx. */
const char *ngx_hd_local_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);
ngx_int_t ngx_hd_local_start(ngx_hd_run_t *run);
void ngx_hd_local_release(ngx_hd_run_t *run);


#endif /* _NGX_HD_LOCAL_H_INCLUDED_ */

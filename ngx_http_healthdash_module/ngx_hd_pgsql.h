
#ifndef _NGX_HD_PGSQL_H_INCLUDED_
#define _NGX_HD_PGSQL_H_INCLUDED_


#include <ngx_hd_probe.h>


#if (NGX_HD_PGSQL)

#define NGX_HD_PGSQL_MISSING   NULL

/* The functions of the type postgres, see ngx_hd_probe.h. */
const char *ngx_hd_pgsql_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);
const char *ngx_hd_pgsql_fits(ngx_hd_target_t *target);
ngx_int_t ngx_hd_pgsql_start(ngx_hd_run_t *run);
void ngx_hd_pgsql_release(ngx_hd_run_t *run);

#else

#define NGX_HD_PGSQL_MISSING   "libpq (package libpq-dev)"

#define ngx_hd_pgsql_prepare   NULL
#define ngx_hd_pgsql_fits      NULL
#define ngx_hd_pgsql_start     NULL
#define ngx_hd_pgsql_release   NULL

#endif


#endif /* _NGX_HD_PGSQL_H_INCLUDED_ */


#ifndef _NGX_HD_MYSQL_H_INCLUDED_
#define _NGX_HD_MYSQL_H_INCLUDED_


#include <ngx_hd_probe.h>


#if (NGX_HD_MYSQL)

#define NGX_HD_MYSQL_MISSING   NULL

/* The functions of the type mysql, see ngx_hd_probe.h. */
const char *ngx_hd_mysql_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);
const char *ngx_hd_mysql_fits(ngx_hd_target_t *target);
ngx_int_t ngx_hd_mysql_start(ngx_hd_run_t *run);
void ngx_hd_mysql_release(ngx_hd_run_t *run);

#else

#define NGX_HD_MYSQL_MISSING   "libmariadb (package libmariadb-dev)"

#define ngx_hd_mysql_prepare   NULL
#define ngx_hd_mysql_fits      NULL
#define ngx_hd_mysql_start     NULL
#define ngx_hd_mysql_release   NULL

#endif


#endif /* _NGX_HD_MYSQL_H_INCLUDED_ */

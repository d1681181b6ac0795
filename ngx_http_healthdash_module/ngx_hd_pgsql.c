
/*
 * healthdash: PostgreSQL through libpq in its non-blocking mode.
 */


#include <ngx_hd_pgsql.h>
#include <ngx_hd_reason.h>


const char *
ngx_hd_pgsql_prepare(ngx_pool_t *pool, ngx_hd_check_t *check, ngx_str_t *host)
{
    return "is not available yet";
}


ngx_int_t
ngx_hd_pgsql_start(ngx_hd_run_t *run)
{
    ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR, "not built yet");

    return NGX_ERROR;
}


void
ngx_hd_pgsql_release(ngx_hd_run_t *run)
{
}

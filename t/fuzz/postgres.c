
/*
 * A libFuzzer target: what is looked at of a PostgreSQL server before libpq
 * reads it.  The input is what has come, as much of it as a peek takes.
 */


#include <fuzz.h>


#define ngx_hd_pgsql_prepare  hd_fuzz_pgsql_prepare
#define ngx_hd_pgsql_fits     hd_fuzz_pgsql_fits
#define ngx_hd_pgsql_start    hd_fuzz_pgsql_start
#define ngx_hd_pgsql_release  hd_fuzz_pgsql_release

#include <ngx_hd_pgsql.c>


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char           *copy;
    ngx_int_t         rc;
    ngx_hd_run_t      run;
    ngx_hd_pgsql_t    p;

    if (size == 0) {
        return 0;
    }

    size = ngx_min(size, NGX_HD_PGSQL_PEEK);

    ngx_memzero(&p, sizeof(ngx_hd_pgsql_t));
    ngx_memzero(&run, sizeof(ngx_hd_run_t));

    p.client.run = &run;

    /* of exactly that size, so that a byte too much is seen */

    copy = malloc(size);
    ngx_memcpy(copy, data, size);

    rc = ngx_hd_pgsql_walk(&p, copy, copy + size);

    hd_fuzz_want(rc == NGX_OK || rc == NGX_AGAIN || rc == NGX_DECLINED);
    hd_fuzz_want(rc != NGX_DECLINED || run.result.reason != NGX_HD_R_NONE);
    hd_fuzz_want(rc != NGX_AGAIN || (p.want > 0
                                     && p.want <= NGX_HD_PGSQL_PEEK));

    free(copy);

    return 0;
}


/*
 * A libFuzzer target: what is looked at of a MySQL server before libmariadb
 * reads it, and how a peer of another kind is told.
 */


#include <fuzz.h>


#define ngx_hd_mysql_prepare  hd_fuzz_mysql_prepare
#define ngx_hd_mysql_fits     hd_fuzz_mysql_fits
#define ngx_hd_mysql_start    hd_fuzz_mysql_start
#define ngx_hd_mysql_release  hd_fuzz_mysql_release

#include <ngx_config.h>
#include <ngx_core.h>
#include <mysql.h>


/* libmariadb knows no socket before it has connected: this one */

static int     hd_fuzz_pair[2];
static MYSQL  *hd_fuzz_my;

#define mysql_get_socket(my)  hd_fuzz_pair[0]

#include <ngx_hd_mysql.c>


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char          drain[4096];
    ngx_int_t       rc;
    ngx_hd_run_t    run;
    ngx_hd_mysql_t  m;

    if (size == 0 || size > sizeof(drain)) {
        return 0;
    }

    if (hd_fuzz_my == NULL) {
        hd_fuzz_want(socketpair(AF_UNIX, SOCK_STREAM, 0, hd_fuzz_pair) == 0);
        hd_fuzz_my = mysql_init(NULL);
    }

    ngx_memzero(&m, sizeof(ngx_hd_mysql_t));
    ngx_memzero(&run, sizeof(ngx_hd_run_t));

    m.client.run = &run;
    m.my = hd_fuzz_my;

    hd_fuzz_want(write(hd_fuzz_pair[1], data, size) == (ssize_t) size);

    rc = ngx_hd_mysql_greeting(&m);

    hd_fuzz_want(rc == NGX_OK || rc == NGX_DECLINED);
    hd_fuzz_want(rc == NGX_OK || run.result.reason != NGX_HD_R_NONE);

    hd_fuzz_want(read(hd_fuzz_pair[0], drain, sizeof(drain))
                 == (ssize_t) size);

    return 0;
}

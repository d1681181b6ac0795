
/*
 * Unit test of ngx_hd_tell.c: what many workers find at once is told once.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_tell.c"


#define MINUTE  60000


ngx_uint_t            ngx_worker;
volatile ngx_msec_t   ngx_current_msec;

static ngx_log_t        log_all = { .log_level = NGX_LOG_DEBUG };
static ngx_cycle_t      cycle = { .log = &log_all };
volatile ngx_cycle_t   *ngx_cycle = &cycle;

static ngx_hd_zone_t       zone;
static ngx_hd_main_conf_t  conf = { .zone = &zone };
static ngx_hd_upstream_t   upstream = { .main = &conf };
static int                 lines;


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    lines++;
}


ngx_uint_t
ngx_hd_upstream_serves(ngx_hd_upstream_t *u, ngx_hd_target_t *t)
{
    return 1;
}


/* how many lines a worker writes whose clock says so */

static int
crowded(ngx_msec_t msec)
{
    ngx_current_msec = msec;
    lines = 0;

    ngx_hd_tell_crowded(&upstream, 1);

    return lines;
}


int
main(void)
{
    is_num(crowded(MINUTE), 1, "more servers than places are told of");
    is_num(crowded(MINUTE), 0, "by the first worker that sees it");
    is_num(crowded(MINUTE - 1), 0, "not by one whose clock is behind");
    is_num(crowded(2 * MINUTE - 1), 0, "nor again within a minute");
    is_num(crowded(2 * MINUTE), 1, "but then");

    return done();
}

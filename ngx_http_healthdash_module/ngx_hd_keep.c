
/*
 * healthdash: connections kept between the runs of a target (keepalive=on).
 * Owns target->kept: one idle connection with a pool and a log of its own.
 * Called by the stream engine and, while a connection is idle, by nginx's
 * events; nginx may close an idle one at any time.
 */


#include <ngx_hd_keep.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_tls.h>


#define NGX_HD_KEEP_POOL       512     /* bytes */


static void ngx_hd_keep_kept_handler(ngx_event_t *rev);
static void ngx_hd_keep_idle_handler(ngx_event_t *wev);
static ngx_uint_t ngx_hd_keep_is_alive(ngx_connection_t *c);
static void ngx_hd_keep_set_log(ngx_connection_t *c, ngx_log_t *log);


ngx_int_t
ngx_hd_keep_prepare(ngx_hd_run_t *run, ngx_connection_t *c)
{
    ngx_log_t  *log;

    c->pool = ngx_create_pool(NGX_HD_KEEP_POOL, run->log);
    if (c->pool == NULL) {
        goto failed;
    }

    log = ngx_palloc(c->pool, sizeof(ngx_log_t));
    if (log == NULL) {
        goto failed;
    }

    ngx_hd_run_mute(log);
    c->pool->log = log;

    return NGX_OK;

failed:

    ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);

    return NGX_ERROR;
}


ngx_int_t
ngx_hd_keep_put(ngx_hd_run_t *run, ngx_connection_t *c)
{
    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_DECLINED;
    }

    run->target->kept = c;

    ngx_hd_keep_set_log(c, c->pool->log);

    c->data = run->target;
    c->read->handler = ngx_hd_keep_kept_handler;
    c->write->handler = ngx_hd_keep_idle_handler;

    /* nginx closes it when it exits or runs out of connections for clients */

    c->idle = 1;
    ngx_reusable_connection(c, 1);

    return NGX_OK;
}


static void
ngx_hd_keep_kept_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (!c->close && ngx_hd_keep_is_alive(c)
        && ngx_handle_read_event(rev, 0) == NGX_OK)
    {
        return;
    }

    ngx_hd_keep_drop(c->data);
}


static void
ngx_hd_keep_idle_handler(ngx_event_t *wev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, wev->log, 0,
                   "healthdash idle connection");
}


/* no end and no byte that nobody has asked for */

static ngx_uint_t
ngx_hd_keep_is_alive(ngx_connection_t *c)
{
    u_char  buf[1];

    if (recv(c->fd, buf, 1, MSG_PEEK) == -1
        && ngx_socket_errno == NGX_EAGAIN)
    {
        c->read->ready = 0;
        return 1;
    }

    return 0;
}


ngx_connection_t *
ngx_hd_keep_take(ngx_hd_run_t *run)
{
    ngx_connection_t  *c;

    c = run->target->kept;

    if (c == NULL) {
        return NULL;
    }

    if (!ngx_hd_keep_is_alive(c)) {
        ngx_hd_keep_drop(run->target);
        return NULL;
    }

    run->target->kept = NULL;

    c->idle = 0;
    ngx_reusable_connection(c, 0);

    c->data = run;
    ngx_hd_keep_set_log(c, run->log);
    run->log->connection = c->number;

    return c;
}


static void
ngx_hd_keep_set_log(ngx_connection_t *c, ngx_log_t *log)
{
    c->log = log;
    c->read->log = log;
    c->write->log = log;
}


void
ngx_hd_keep_drop(ngx_hd_target_t *target)
{
    ngx_connection_t  *c;

    c = target->kept;

    if (c) {
        target->kept = NULL;
        ngx_hd_keep_close(c, NULL);
    }
}


void
ngx_hd_keep_close(ngx_connection_t *c, ngx_pool_t *shared)
{
    ngx_pool_t  *pool;

    ngx_hd_tls_end(c);

    pool = c->pool;

    ngx_close_connection(c);

    if (pool && pool != shared) {
        ngx_destroy_pool(pool);
    }
}


/*
 * healthdash: one client of a live stream: messages that it shares with others
 * are handed to nginx's output filters in buffers of its own, which point into
 * them.  A client is never waited for: it has so much room, then it is dropped.
 * Called by the hub of the worker.
 */


#include <ngx_http_healthdash_viewer.h>
#include <ngx_http_healthdash.h>


/* beside the first picture, which has all the time of send_timeout */

#define NGX_HTTP_HEALTHDASH_VIEWER_SIZE      (1024 * 1024)
#define NGX_HTTP_HEALTHDASH_VIEWER_MESSAGES  8


/* one buffer of a message; the message is let go with the last of them */

struct ngx_http_healthdash_piece_s {
    ngx_chain_t                   link;
    ngx_buf_t                     buf;
    ngx_hd_message_t             *message;
    ngx_http_healthdash_piece_t  *next;
    unsigned                      last:1;
};


static void ngx_http_healthdash_viewer_leave(void *data);
static void ngx_http_healthdash_viewer_release(void *data);
static ngx_uint_t ngx_http_healthdash_viewer_is_slow(
    ngx_http_healthdash_viewer_t *v);
static ngx_chain_t *ngx_http_healthdash_viewer_wrap(
    ngx_http_healthdash_viewer_t *v, ngx_hd_message_t *m);
static ngx_http_healthdash_piece_t *ngx_http_healthdash_viewer_piece(
    ngx_http_healthdash_viewer_t *v);
static ngx_int_t ngx_http_healthdash_viewer_sent(
    ngx_http_healthdash_viewer_t *v);
static void ngx_http_healthdash_viewer_write(ngx_http_request_t *r);
static void ngx_http_healthdash_viewer_drop(ngx_http_healthdash_viewer_t *v);


ngx_http_healthdash_viewer_t *
ngx_http_healthdash_viewer_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *pool_cln;
    ngx_http_cleanup_t            *cln;
    ngx_http_healthdash_viewer_t  *v;

    v = ngx_pcalloc(r->pool, sizeof(ngx_http_healthdash_viewer_t));
    if (v == NULL) {
        return NULL;
    }

    v->request = r;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_healthdash_viewer_leave;
    cln->data = v;

    /* frames of HTTP/2 may stay in the connection's queue longer than that */

    pool_cln = ngx_pool_cleanup_add(r->pool, 0);
    if (pool_cln == NULL) {
        return NULL;
    }

    pool_cln->handler = ngx_http_healthdash_viewer_release;
    pool_cln->data = v;

    return v;
}


static void
ngx_http_healthdash_viewer_leave(void *data)
{
    ngx_http_healthdash_viewer_t  *v = data;

    void  (*gone)(ngx_http_healthdash_viewer_t *);

    gone = v->gone;

    if (gone) {
        v->gone = NULL;
        gone(v);
    }
}


static void
ngx_http_healthdash_viewer_release(void *data)
{
    ngx_http_healthdash_viewer_t  *v = data;

    ngx_http_healthdash_piece_t  *p;

    for (p = v->busy; p; p = p->next) {

        if (p->last) {
            ngx_hd_message_release(p->message);
        }
    }
}


ngx_int_t
ngx_http_healthdash_viewer_begin(ngx_http_healthdash_viewer_t *v)
{
    ngx_event_t         *rev;
    ngx_http_request_t  *r;

    r = v->request;
    rev = r->connection->read;

    ngx_http_set_ctx(r, v, ngx_http_healthdash_module);

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_healthdash_viewer_write;

    /* it may have closed the connection already, which is told only once */

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->main->count++;

    return NGX_DONE;
}


ngx_int_t
ngx_http_healthdash_viewer_send(ngx_http_healthdash_viewer_t *v,
    ngx_hd_message_t *m)
{
    ngx_chain_t       *out;
    ngx_connection_t  *c;

    c = v->request->connection;

    if (ngx_http_healthdash_viewer_is_slow(v)) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "healthdash: client reads too slowly");

        ngx_http_healthdash_viewer_drop(v);
        return NGX_DECLINED;
    }

    out = ngx_http_healthdash_viewer_wrap(v, m);

    if (out == NULL
        || ngx_http_output_filter(v->request, out) == NGX_ERROR
        || ngx_http_healthdash_viewer_sent(v) != NGX_OK)
    {
        ngx_http_healthdash_viewer_drop(v);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_healthdash_viewer_is_slow(ngx_http_healthdash_viewer_t *v)
{
    off_t                         size;
    ngx_uint_t                    n;
    ngx_http_healthdash_piece_t  *p;

    n = 0;
    size = 0;

    for (p = v->busy; p; p = p->next) {

        if (!p->message->whole) {
            size += ngx_buf_size(&p->buf);
            n += p->last;
        }
    }

    return size > NGX_HTTP_HEALTHDASH_VIEWER_SIZE
           || n >= NGX_HTTP_HEALTHDASH_VIEWER_MESSAGES;
}


/* buffers of its own for the bytes of m, which is held from now on */

static ngx_chain_t *
ngx_http_healthdash_viewer_wrap(ngx_http_healthdash_viewer_t *v,
    ngx_hd_message_t *m)
{
    ngx_buf_t                     *b;
    ngx_chain_t                   *cl, *out, **ll;
    ngx_http_healthdash_piece_t   *p;

    ll = &out;

    for (cl = m->text.first; cl; cl = cl->next) {
        p = ngx_http_healthdash_viewer_piece(v);
        if (p == NULL) {
            return NULL;
        }

        b = &p->buf;

        b->pos = cl->buf->start;
        b->last = cl->buf->last;
        b->start = b->pos;
        b->end = b->last;
        b->tag = (ngx_buf_tag_t) &ngx_http_healthdash_module;
        b->memory = 1;
        b->flush = (cl->next == NULL);

        p->message = m;
        p->last = (cl->next == NULL);

        p->link.buf = b;
        *ll = &p->link;
        ll = &p->link.next;

        if (p->last) {
            ngx_hd_message_hold(m);
        }
    }

    *ll = NULL;

    return out;
}


static ngx_http_healthdash_piece_t *
ngx_http_healthdash_viewer_piece(ngx_http_healthdash_viewer_t *v)
{
    ngx_http_healthdash_piece_t  *p;

    p = v->free;

    if (p) {
        v->free = p->next;

    } else {
        p = ngx_palloc(v->request->pool, sizeof(ngx_http_healthdash_piece_t));
        if (p == NULL) {
            return NULL;
        }
    }

    ngx_memzero(p, sizeof(ngx_http_healthdash_piece_t));

    if (v->busy) {
        v->last->next = p;

    } else {
        v->busy = p;
    }

    v->last = p;

    return p;
}


/* lets go what was taken; with something left the client has some time */

static ngx_int_t
ngx_http_healthdash_viewer_sent(ngx_http_healthdash_viewer_t *v)
{
    ngx_event_t                  *wev;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_healthdash_piece_t  *p;

    wev = v->request->connection->write;
    clcf = ngx_http_get_module_loc_conf(v->request, ngx_http_core_module);

    while (v->busy && ngx_buf_size(&v->busy->buf) == 0) {
        p = v->busy;
        v->busy = p->next;

        if (p->last) {
            ngx_hd_message_release(p->message);
        }

        p->next = v->free;
        v->free = p;
    }

    if (wev->delayed) {
        return NGX_OK;
    }

    if (v->busy == NULL) {

        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

    } else if (!wev->timer_set) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}


static void
ngx_http_healthdash_viewer_write(ngx_http_request_t *r)
{
    ngx_event_t                   *wev;
    ngx_connection_t              *c;
    ngx_http_healthdash_viewer_t  *v;

    c = r->connection;
    wev = c->write;
    v = ngx_http_get_module_ctx(r, ngx_http_healthdash_module);

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");
        c->timedout = 1;

        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!wev->delayed && (r->buffered || c->buffered)) {

        if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return;
        }

        /* it has taken something, so it has time again */

        if (!wev->delayed && wev->timer_set) {
            ngx_del_timer(wev);
        }
    }

    if (ngx_http_healthdash_viewer_sent(v) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


void
ngx_http_healthdash_viewer_end(ngx_http_healthdash_viewer_t *v)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = v->request;
    c = r->connection;

    if (v->busy || r->buffered || c->buffered) {
        ngx_http_healthdash_viewer_drop(v);
        return;
    }

    rc = ngx_http_send_special(r, NGX_HTTP_LAST);

    if (rc == NGX_ERROR || r->buffered || c->buffered) {
        ngx_http_healthdash_viewer_drop(v);
        return;
    }

    ngx_http_healthdash_viewer_leave(v);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_healthdash_viewer_drop(ngx_http_healthdash_viewer_t *v)
{
    ngx_connection_t  *c;

    c = v->request->connection;

    ngx_http_healthdash_viewer_leave(v);

    ngx_http_finalize_request(v->request, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}

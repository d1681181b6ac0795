
/*
 * healthdash: an answer made in slices, so that a picture of thousands of
 * targets stops nobody: some targets are read, then others have their turn;
 * some are written and sent, then the next ones wait until the client has taken
 * these.  Called by the handlers.
 */


#include <ngx_http_healthdash_slice.h>
#include <ngx_http_healthdash_room.h>


/* what fits into one is sent at once */
#define NGX_HTTP_HEALTHDASH_SLICE    65536

#define NGX_HTTP_HEALTHDASH_POOL     16384

/* how long an answer waits for room, msec */
#define NGX_HTTP_HEALTHDASH_PATIENCE 3000


typedef struct {
    ngx_http_healthdash_answer_t   answer;
    ngx_hd_text_t                  text;
    off_t                          sent;        /* of text, bytes: given to
                                                   the filters */
    ngx_hd_render_cursor_t         cursor;
    const ngx_hd_render_t         *render;
    ngx_http_healthdash_judge_pt   judge;       /* in its place, or NULL */
    ngx_hd_view_filter_t           filter;
    ngx_http_healthdash_room_t     room;        /* of the picture */
    ngx_pool_t                    *pool;        /* the same, its memory */
    ngx_hd_view_t                 *view;
    unsigned                       taken:1;     /* the picture is complete */
    unsigned                       complete:1;  /* and all of it written */
} ngx_http_healthdash_slice_t;


static ngx_http_healthdash_slice_t *ngx_http_healthdash_slice_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_healthdash_slice_start(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static void ngx_http_healthdash_slice_free(void *data);
static void ngx_http_healthdash_slice_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_healthdash_slice_next(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_begin(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_take(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_uint_t ngx_http_healthdash_slice_is_due(
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_write(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_whole(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_give(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_refuse(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_output(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_wait(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);


ngx_int_t
ngx_http_healthdash_slice_send(ngx_http_request_t *r,
    const ngx_http_healthdash_answer_t *answer, const ngx_hd_render_t *render,
    const ngx_hd_view_filter_t *filter)
{
    ngx_http_healthdash_slice_t  *s;

    s = ngx_http_healthdash_slice_create(r);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->answer = *answer;
    s->render = render;
    s->filter = *filter;

    return ngx_http_healthdash_slice_start(r, s);
}


ngx_int_t
ngx_http_healthdash_slice_judge(ngx_http_request_t *r,
    const ngx_http_healthdash_answer_t *answer,
    ngx_http_healthdash_judge_pt judge)
{
    ngx_http_healthdash_slice_t  *s;

    s = ngx_http_healthdash_slice_create(r);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->answer = *answer;
    s->judge = judge;
    s->filter.health = NGX_HD_STATES;
    s->room.urgent = 1;

    return ngx_http_healthdash_slice_start(r, s);
}


static ngx_http_healthdash_slice_t *
ngx_http_healthdash_slice_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_healthdash_slice_t  *s;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_healthdash_slice_t));
    if (cln == NULL) {
        return NULL;
    }

    s = cln->data;

    ngx_memzero(s, sizeof(ngx_http_healthdash_slice_t));

    cln->handler = ngx_http_healthdash_slice_free;

    ngx_hd_text_init(&s->text, r->pool);

    return s;
}


static ngx_int_t
ngx_http_healthdash_slice_start(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    ngx_int_t  rc;

    ngx_http_set_ctx(r, s, ngx_http_healthdash_module);

    rc = ngx_http_healthdash_slice_next(r, s);

    if (rc != NGX_DONE) {
        return rc;
    }

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_http_healthdash_slice_handler;

    if (ngx_http_healthdash_slice_wait(r, s) != NGX_OK) {
        return NGX_ERROR;
    }

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_healthdash_slice_free(void *data)
{
    ngx_http_healthdash_slice_t  *s = data;

    ngx_http_healthdash_room_end(&s->room);

    if (s->pool) {
        ngx_destroy_pool(s->pool);
        s->pool = NULL;
    }
}


static void
ngx_http_healthdash_slice_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_event_t                  *wev;
    ngx_http_healthdash_slice_t  *s;

    wev = r->connection->write;
    s = ngx_http_get_module_ctx(r, ngx_http_healthdash_module);

    if (wev->timedout && s->view == NULL) {
        wev->timedout = 0;

        ngx_http_finalize_request(r, ngx_http_healthdash_slice_refuse(r, s));
        return;
    }

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "client timed out");
        r->connection->timedout = 1;

        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    rc = wev->delayed ? NGX_DONE : ngx_http_healthdash_slice_next(r, s);

    if (rc == NGX_DONE) {
        rc = ngx_http_healthdash_slice_wait(r, s);

        if (rc == NGX_OK) {
            return;
        }
    }

    ngx_http_finalize_request(r, rc);
}


/*
 * Does one slice.  NGX_DONE: there is more to do, else what the request is to
 * be finalized with.
 */

static ngx_int_t
ngx_http_healthdash_slice_next(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    ngx_int_t  rc;

    if (s->view == NULL) {
        rc = ngx_http_healthdash_slice_begin(r, s);

    } else if (!s->taken) {
        rc = ngx_http_healthdash_slice_take(r, s);

    } else if (ngx_http_healthdash_slice_is_due(s)) {
        rc = ngx_http_healthdash_slice_write(r, s);

    } else {
        rc = ngx_http_output_filter(r, NULL);
    }

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only || s->complete) {
        return rc;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_healthdash_slice_begin(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    ngx_int_t            rc;
    ngx_event_t         *event;
    ngx_hd_main_conf_t  *hmcf;

    hmcf = ngx_http_get_module_main_conf(r, ngx_http_healthdash_module);
    event = (r == r->main) ? r->connection->write : NULL;

    rc = ngx_http_healthdash_room_begin(&s->room, hmcf, event);

    /* its picture is gone before anybody else has a turn */

    if (rc == NGX_DECLINED && s->judge) {
        rc = NGX_OK;
    }

    if (rc == NGX_AGAIN) {
        return rc;
    }

    if (rc != NGX_OK) {
        return ngx_http_healthdash_slice_refuse(r, s);
    }

    /* it has memory of its own: a text is often much smaller */

    s->pool = ngx_create_pool(NGX_HTTP_HEALTHDASH_POOL, r->connection->log);
    if (s->pool == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->view = ngx_hd_view_begin(hmcf, &s->filter, s->pool);
    if (s->view == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_healthdash_slice_take(r, s);
}


static ngx_int_t
ngx_http_healthdash_slice_take(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    ngx_int_t  rc;

    /* a part of another answer cannot wait for its turn */

    do {
        rc = ngx_hd_view_more(s->view);
    } while (rc == NGX_AGAIN && r != r->main);

    if (rc == NGX_AGAIN) {
        return rc;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->taken = 1;

    if (s->judge) {
        return ngx_http_healthdash_slice_whole(r, s);
    }

    if (s->render->status) {
        s->answer.status = s->render->status(s->view);
    }

    return ngx_http_healthdash_slice_write(r, s);
}


/* nothing waits for the client */

static ngx_uint_t
ngx_http_healthdash_slice_is_due(ngx_http_healthdash_slice_t *s)
{
    return s->sent < s->text.size || ngx_hd_text_is_sent(&s->text);
}


static ngx_int_t
ngx_http_healthdash_slice_write(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    off_t      size;
    ngx_int_t  rc;

    if (s->sent == s->text.size) {
        ngx_hd_text_reuse(&s->text);
    }

    do {
        size = NGX_HTTP_HEALTHDASH_SLICE - (s->text.size - s->sent);

        rc = ngx_hd_render_slice(&s->text, s->view, s->render, &s->cursor,
                                 ngx_max(size, 1));

    } while (rc == NGX_AGAIN && r != r->main && !s->text.failed);

    if (rc == NGX_OK) {
        s->complete = 1;
        ngx_http_healthdash_slice_free(s);
    }

    if (s->text.failed) {
        return r->header_sent ? NGX_ERROR : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* much was looked at and little written: it goes on in the next turn */

    if (!s->complete
        && s->text.size - s->sent < NGX_HTTP_HEALTHDASH_SLICE)
    {
        return NGX_OK;
    }

    return ngx_http_healthdash_slice_give(r, s);
}


static ngx_int_t
ngx_http_healthdash_slice_whole(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    s->answer.status = s->judge(r, s->view, &s->text);
    s->complete = 1;

    ngx_http_healthdash_slice_free(s);

    return s->text.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                          : ngx_http_healthdash_slice_give(r, s);
}


/* the head before the first one; what fits into one has a length */

static ngx_int_t
ngx_http_healthdash_slice_give(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    ngx_int_t  rc;

    if (!r->header_sent) {

        /* a part of another answer is complete, and may be big */

        if ((!s->complete || r != r->main)
            && ngx_http_healthdash_room_hold(&s->room,
                                      ngx_http_get_module_main_conf(r,
                                                ngx_http_healthdash_module),
                                      s->complete ? s->text.size : 0)
               != NGX_OK)
        {
            return ngx_http_healthdash_slice_refuse(r, s);
        }

        if (s->complete) {
            return ngx_http_healthdash_answer_send(r, &s->answer, &s->text);
        }

        rc = ngx_http_healthdash_answer_head(r, &s->answer, -1);

        if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
            return rc;
        }
    }

    return ngx_http_healthdash_slice_output(r, s);
}


static ngx_int_t
ngx_http_healthdash_slice_refuse(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    s->complete = 1;

    ngx_http_healthdash_slice_free(s);
    ngx_http_healthdash_room_refuse(r, &s->answer);

    return ngx_http_healthdash_answer_send_error(r, &s->answer);
}


static ngx_int_t
ngx_http_healthdash_slice_output(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    ngx_buf_t  *b;

    if (s->text.last == NULL) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    b = s->text.last->buf;

    b->flush = 1;
    b->last_buf = s->complete;
    b->last_in_chain = s->complete;

    s->sent = s->text.size;

    return ngx_http_output_filter(r, s->text.first);
}


/*
 * Waits for room, for the client, or, if it was fast, for the other events that
 * are due.  There is always a timer, which keeps a worker that is to exit until
 * the end.
 */

static ngx_int_t
ngx_http_healthdash_slice_wait(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (s->view == NULL) {

        if (!wev->timer_set) {
            ngx_add_timer(wev, NGX_HTTP_HEALTHDASH_PATIENCE);
        }

        return NGX_OK;
    }

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);

        if (ngx_http_healthdash_slice_is_due(s)) {
            ngx_post_event(wev, &ngx_posted_next_events);
            return NGX_OK;
        }
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}

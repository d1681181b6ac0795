
/*
 * healthdash: an answer made in slices, so that a picture of thousands of
 * targets stops nobody: some targets are read, then others have their turn;
 * some are written and sent, then the next ones wait until the client has taken
 * these.  Called by the handler.
 */


#include <ngx_http_healthdash_slice.h>
#include <ngx_http_healthdash.h>


/* what fits into one is sent at once */
#define NGX_HTTP_HEALTHDASH_SLICE    65536


typedef struct {
    ngx_http_healthdash_answer_t   answer;
    ngx_hd_text_t                  text;
    ngx_hd_render_cursor_t         cursor;
    const ngx_hd_render_t         *render;
    ngx_hd_view_t                 *view;
    unsigned                       taken:1;     /* the picture is complete */
    unsigned                       complete:1;  /* and all of it written */
} ngx_http_healthdash_slice_t;


static void ngx_http_healthdash_slice_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_healthdash_slice_next(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_take(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s);
static ngx_int_t ngx_http_healthdash_slice_write(ngx_http_request_t *r,
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
    ngx_int_t                     rc;
    ngx_http_healthdash_slice_t  *s;

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_healthdash_slice_t));
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->answer = *answer;
    s->render = render;

    ngx_hd_text_init(&s->text, r->pool);

    s->view = ngx_hd_view_begin(ngx_http_get_module_main_conf(r,
                                                ngx_http_healthdash_module),
                                filter, r->pool);
    if (s->view == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

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
ngx_http_healthdash_slice_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_event_t                  *wev;
    ngx_http_healthdash_slice_t  *s;

    wev = r->connection->write;
    s = ngx_http_get_module_ctx(r, ngx_http_healthdash_module);

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

    if (!s->taken) {
        rc = ngx_http_healthdash_slice_take(r, s);

    } else if (ngx_hd_text_is_sent(&s->text)) {
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

    if (s->render->status) {
        s->answer.status = s->render->status(s->view);
    }

    return ngx_http_healthdash_slice_write(r, s);
}


static ngx_int_t
ngx_http_healthdash_slice_write(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    off_t      size;
    ngx_int_t  rc;

    ngx_hd_text_reuse(&s->text);

    size = (r == r->main) ? NGX_HTTP_HEALTHDASH_SLICE
                          : NGX_MAX_OFF_T_VALUE / 2;

    s->complete = ngx_hd_render_slice(&s->text, s->view, s->render,
                                      &s->cursor, size)
                  == NGX_OK;

    if (r->header_sent) {
        return s->text.failed ? NGX_ERROR
                              : ngx_http_healthdash_slice_output(r, s);
    }

    if (s->complete || s->text.failed) {
        return ngx_http_healthdash_answer_send(r, &s->answer, &s->text);
    }

    rc = ngx_http_healthdash_answer_head(r, &s->answer, -1);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_healthdash_slice_output(r, s);
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

    return ngx_http_output_filter(r, s->text.first);
}


/*
 * Waits for the client, or, if it was fast, for the other events that are due.
 * There is always a timer, which keeps a worker that is to exit until the end.
 */

static ngx_int_t
ngx_http_healthdash_slice_wait(ngx_http_request_t *r,
    ngx_http_healthdash_slice_t *s)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);

        if (ngx_hd_text_is_sent(&s->text)) {
            ngx_post_event(wev, &ngx_posted_next_events);
            return NGX_OK;
        }
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}

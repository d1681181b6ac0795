
/*
 * healthdash: bytes and datagrams between a connection and a dialogue.  Called
 * by the stream engine once a connection stands, then by nginx's events.  A
 * fast peer gets a bounded share of each turn of the event loop.
 */


#include <ngx_hd_talk.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_reason.h>


#define NGX_HD_TALK_BUF        4096    /* bytes read at once */
#define NGX_HD_TALK_DATAGRAM   65536   /* the same of UDP: any datagram fits */
#define NGX_HD_TALK_TURN       65536   /* bytes read in one turn of the loop */
#define NGX_HD_TALK_COST       512     /* bytes, what a datagram counts beside
                                          its own: empty ones cost, too */


static ngx_int_t ngx_hd_talk_step(ngx_hd_run_t *run);
static void ngx_hd_talk_last(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_talk_end(ngx_hd_run_t *run, ngx_int_t rc);
static void ngx_hd_talk_write_handler(ngx_event_t *wev);
static ngx_int_t ngx_hd_talk_send(ngx_hd_run_t *run);
static void ngx_hd_talk_send_bytes(ngx_hd_talk_t *t);
static ngx_int_t ngx_hd_talk_send_datagram(ngx_hd_run_t *run);
static void ngx_hd_talk_wait(ngx_hd_run_t *run);
static void ngx_hd_talk_again_handler(ngx_event_t *ev);
static ngx_int_t ngx_hd_talk_nobody(ngx_hd_run_t *run, ngx_err_t err);
static void ngx_hd_talk_read_handler(ngx_event_t *rev);
static void ngx_hd_talk_read(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_talk_recv(ngx_hd_run_t *run, size_t *size);
static void ngx_hd_talk_heard(ngx_hd_run_t *run, size_t n);
static ngx_int_t ngx_hd_talk_make_room(ngx_hd_run_t *run);
static void ngx_hd_talk_local_error(ngx_hd_run_t *run, const char *text);


void
ngx_hd_talk_start(ngx_hd_run_t *run)
{
    ngx_hd_talk_t     *t;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;

    run->late = NGX_HD_R_RESPONSE_TIMEOUT;
    run->log->action = "reading response";

    c->read->handler = ngx_hd_talk_read_handler;
    c->write->handler = ngx_hd_talk_write_handler;

    t->again.handler = ngx_hd_talk_again_handler;
    t->again.data = run;
    t->again.log = run->log;
    t->again.cancelable = 1;

    t->wire.check = run->target->check;
    t->wire.pool = run->pool;
    t->wire.log = run->log;
    t->wire.result = &run->result;
    t->wire.usec = ngx_hd_run_usec;
    t->wire.time_data = run;

    run->waits = &t->wire.waits;

    if (ngx_hd_talk_step(run) != NGX_AGAIN) {
        return;
    }

    if (ngx_hd_talk_send(run) == NGX_OK && c->read->ready) {
        ngx_hd_talk_read(run);
    }
}


/* NGX_AGAIN: the dialogue goes on; NGX_DONE: it has ended */

static ngx_int_t
ngx_hd_talk_step(ngx_hd_run_t *run)
{
    ngx_int_t        rc;
    ngx_hd_talk_t   *t;
    ngx_hd_wire_pt   step;

    t = run->ctx;
    step = (ngx_hd_wire_pt) run->target->check->type->data;

    rc = step(&t->wire, &t->in, &t->out);

    if (rc == NGX_OK) {
        ngx_hd_talk_last(run);
    }

    if (rc != NGX_AGAIN) {
        return ngx_hd_talk_end(run, rc);
    }

    if (t->wire.upgrade) {
        ngx_str_null(&t->wire.waits);   /* it was answered */
        return ngx_hd_talk_end(run, NGX_BUSY);
    }

    if (t->wire.eof) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_CLOSED, NULL);
        return ngx_hd_talk_end(run, NGX_DECLINED);
    }

    return NGX_AGAIN;
}


/* a last word such as QUIT: what does not go out at once is not worth more */

static void
ngx_hd_talk_last(ngx_hd_run_t *run)
{
    ssize_t            n;
    ngx_hd_talk_t     *t;
    ngx_hd_result_t    result;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;

    if (t->out.pos < t->out.last && !t->broken) {
        result = run->result;

        n = c->send(c, t->out.pos, t->out.last - t->out.pos);

        if (n > 0) {
            t->out.pos += n;
        }

        run->result = result;
    }
}


/* once the handler was called, this connection may be gone */

static ngx_int_t
ngx_hd_talk_end(ngx_hd_run_t *run, ngx_int_t rc)
{
    ngx_hd_talk_t  *t;

    t = run->ctx;

    if (run->result.reason == NGX_HD_R_NONE) {

        if (rc == NGX_DECLINED) {
            ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_FAILED, NULL);

        } else if (rc == NGX_ERROR) {
            ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        }
    }

    ngx_hd_talk_stop(t);

    t->handler(run, rc);

    return NGX_DONE;
}


static void
ngx_hd_talk_write_handler(ngx_event_t *wev)
{
    ngx_hd_run_t      *run;
    ngx_connection_t  *c;

    c = wev->data;
    run = c->data;

    if (wev->timedout) {
        wev->timedout = 0;
        (void) ngx_hd_talk_nobody(run, NGX_ETIMEDOUT);
        return;
    }

    if (ngx_hd_talk_send(run) == NGX_OK && c->read->ready) {
        ngx_hd_talk_read(run);
    }
}


/* NGX_OK, or NGX_DONE: the dialogue has ended */

static ngx_int_t
ngx_hd_talk_send(ngx_hd_run_t *run)
{
    ngx_hd_talk_t     *t;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;

    if (t->out.pos < t->out.last) {

        if (c->type != SOCK_DGRAM) {
            ngx_hd_talk_send_bytes(t);

        } else if (ngx_hd_talk_send_datagram(run) != NGX_OK) {
            return NGX_DONE;
        }
    }

    if (!t->broken && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_hd_talk_local_error(run, "event error");
        return NGX_DONE;
    }

    return NGX_OK;
}


/*
 * Sends what it can.  A peer that does not listen any more may have said why
 * before: then nothing is sent, and reading tells.
 */

static void
ngx_hd_talk_send_bytes(ngx_hd_talk_t *t)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = t->connection;

    while (t->out.pos < t->out.last) {
        n = c->send(c, t->out.pos, t->out.last - t->out.pos);

        if (n == NGX_ERROR) {
            t->broken = 1;
            t->out.pos = t->out.last;
            c->read->ready = 1;
            break;
        }

        if (n <= 0) {
            break;
        }

        t->out.pos += n;
    }
}


/* what a dialogue gives at once is one datagram, sent whole or not at all */

static ngx_int_t
ngx_hd_talk_send_datagram(ngx_hd_run_t *run)
{
    ssize_t            n;
    ngx_err_t          err;
    ngx_hd_talk_t     *t;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;

    ngx_set_errno(0);

    n = c->send(c, t->out.pos, t->out.last - t->out.pos);

    err = ngx_socket_errno;

    if (n == NGX_AGAIN) {
        return NGX_OK;
    }

    if (n == NGX_ERROR) {
        return ngx_hd_talk_nobody(run, err);
    }

    if (t->sent.data != t->out.pos) {
        t->sent.data = t->out.pos;
        t->sent.len = t->out.last - t->out.pos;

        ngx_hd_talk_wait(run);
    }

    t->out.pos = t->out.last;

    return NGX_OK;
}


/* one datagram that got lost is no verdict: it is sent again at half time */

static void
ngx_hd_talk_wait(ngx_hd_run_t *run)
{
    ngx_msec_t         end;
    ngx_hd_talk_t     *t;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;

    end = c->write->timer_set ? c->write->timer.key : run->limit;

    if ((ngx_msec_int_t) (end - ngx_current_msec) > 1) {
        ngx_add_timer(&t->again, (end - ngx_current_msec) / 2);
    }
}


static void
ngx_hd_talk_again_handler(ngx_event_t *ev)
{
    ngx_hd_run_t   *run;
    ngx_hd_talk_t  *t;

    run = ev->data;
    t = run->ctx;

    if (t->out.pos == t->out.last) {
        t->out.pos = t->sent.data;
        t->out.last = t->sent.data + t->sent.len;
    }

    (void) ngx_hd_talk_send(run);
}


/* UDP has no connection: that there is nobody shows only now */

static ngx_int_t
ngx_hd_talk_nobody(ngx_hd_run_t *run, ngx_err_t err)
{
    ngx_hd_talk_t  *t;

    t = run->ctx;

    if (err == NGX_ETIMEDOUT) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_TIMEOUT, NULL);

    } else {
        ngx_hd_failure_datagram(run, t->addr, err);
    }

    return ngx_hd_talk_end(run, run->result.verdict == NGX_HD_INCONCLUSIVE
                                ? NGX_ERROR : NGX_ABORT);
}


static void
ngx_hd_talk_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (c->close) {
        ngx_hd_talk_local_error(c->data, "nginx is exiting");
        return;
    }

    ngx_hd_talk_read(c->data);
}


static void
ngx_hd_talk_read(ngx_hd_run_t *run)
{
    size_t             size;
    ngx_int_t          rc;
    ngx_hd_talk_t     *t;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;
    size = 0;

    do {
        rc = ngx_hd_talk_recv(run, &size);

        if (rc == NGX_DONE) {
            return;
        }

        if (rc == NGX_OK && size >= NGX_HD_TALK_TURN && c->read->ready) {
            ngx_post_event(c->read, &ngx_posted_next_events);
            return;
        }

    } while (rc == NGX_OK && c->read->ready);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_hd_talk_local_error(run, "event error");
    }
}


/*
 * Reads once.  NGX_OK: more may follow; NGX_AGAIN: not now; NGX_DONE: the
 * dialogue has ended.
 */

static ngx_int_t
ngx_hd_talk_recv(ngx_hd_run_t *run, size_t *size)
{
    ssize_t            n;
    ngx_err_t          err;
    ngx_hd_talk_t     *t;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;

    if (ngx_hd_talk_make_room(run) != NGX_OK) {
        return ngx_hd_talk_end(run, NGX_DECLINED);
    }

    ngx_set_errno(0);

    n = c->recv(c, t->in.last, t->in.end - t->in.last);

    err = ngx_socket_errno;

    if (n == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (n <= 0 && t->reused && !t->answered) {
        return ngx_hd_talk_end(run, NGX_ABORT);
    }

    if (n == NGX_ERROR && c->type == SOCK_DGRAM) {
        return ngx_hd_talk_nobody(run, err);
    }

    if (n == NGX_ERROR || run->result.reason != NGX_HD_R_NONE) {
        ngx_hd_failure_response(run, err);
        return ngx_hd_talk_end(run, NGX_DECLINED);
    }

    *size += n;

    if (c->type == SOCK_DGRAM) {
        *size += NGX_HD_TALK_COST;

    } else if (n == 0) {
        t->wire.eof = 1;
    }

    if (n > 0) {
        ngx_hd_talk_heard(run, n);

    } else if (!t->wire.eof) {
        return NGX_OK;          /* an empty datagram says nothing */
    }

    if (ngx_hd_talk_step(run) != NGX_AGAIN) {
        return NGX_DONE;
    }

    return ngx_hd_talk_send(run);
}


static void
ngx_hd_talk_heard(ngx_hd_run_t *run, size_t n)
{
    ngx_hd_talk_t     *t;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;

    t->in.last += n;

    ngx_hd_talk_stop(t);

    if (t->answered) {
        return;
    }

    t->answered = 1;

    ngx_hd_run_phase(run, NGX_HD_PHASE_FIRST);

    /* it is there: it need not leave time for another address any more */

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }
}


static ngx_int_t
ngx_hd_talk_make_room(ngx_hd_run_t *run)
{
    size_t          left, size;
    ngx_buf_t      *b;
    ngx_hd_talk_t  *t;

    t = run->ctx;
    b = &t->in;

    if (b->start == NULL) {
        size = (t->connection->type == SOCK_DGRAM) ? NGX_HD_TALK_DATAGRAM
                                                   : NGX_HD_TALK_BUF;

        b->start = ngx_palloc(run->pool, size);
        if (b->start == NULL) {
            ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        b->pos = b->start;
        b->last = b->start;
        b->end = b->start + size;
    }

    left = b->last - b->pos;

    if (left == (size_t) (b->end - b->start)) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_FAILED,
                          "more than the dialogue can take");
        return NGX_ERROR;
    }

    ngx_memmove(b->start, b->pos, left);

    b->pos = b->start;
    b->last = b->start + left;

    return NGX_OK;
}


static void
ngx_hd_talk_local_error(ngx_hd_run_t *run, const char *text)
{
    ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR, "%s", text);

    (void) ngx_hd_talk_end(run, NGX_ERROR);
}


void
ngx_hd_talk_reset(ngx_hd_talk_t *t)
{
    ngx_memzero(&t->wire, sizeof(ngx_hd_wire_t));

    t->in.last = t->in.pos;
    t->out.last = t->out.pos;
    ngx_str_null(&t->sent);

    t->reused = 0;
    t->answered = 0;
    t->broken = 0;
}


void
ngx_hd_talk_stop(ngx_hd_talk_t *t)
{
    if (t->again.timer_set) {
        ngx_del_timer(&t->again);
    }
}


ngx_uint_t
ngx_hd_talk_can_keep(ngx_hd_run_t *run)
{
    u_char             buf[1];
    ssize_t            n;
    ngx_hd_talk_t     *t;
    ngx_hd_result_t    result;
    ngx_connection_t  *c;

    t = run->ctx;
    c = t->connection;

    if (!t->wire.reuse || t->wire.eof || t->broken
        || c->pool == run->pool
        || t->in.pos != t->in.last
        || t->out.pos != t->out.last
        || ngx_exiting || ngx_terminate || ngx_quit)
    {
        return 0;
    }

    /* a byte after the response would be taken for the next one */

    result = run->result;
    n = c->recv(c, buf, 1);

    /* what comes now, a TLS alert say, is too late to change the verdict */

    run->result = result;

    return n == NGX_AGAIN && result.verdict != NGX_HD_FAIL;
}

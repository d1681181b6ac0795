
/*
 * healthdash: the stream engine.  Owns the connection of a run, from the name
 * to the last byte; what is said over it is a dialogue's affair.  Called by the
 * run it works for and by nginx's events, all in one worker.  Nothing here
 * blocks, and a fast peer gets a bounded share of each turn of the event loop.
 */


#include <ngx_hd_stream.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_keep.h>
#include <ngx_hd_resolve.h>
#include <ngx_hd_tls.h>
#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>
#include <ngx_event_connect.h>


#define NGX_HD_STREAM_BUF      4096    /* bytes read at once */
#define NGX_HD_STREAM_TURN     65536   /* bytes read in one turn of the loop */
#define NGX_HD_STREAM_RESERVE  8       /* connections left to clients, least */


typedef struct {
    ngx_peer_connection_t   peer;
    ngx_hd_resolve_t        resolve;
    ngx_hd_addrs_t         *addrs;
    ngx_uint_t              next;       /* of addrs: the one in use */
    ngx_hd_addrs_t          list;       /* addrs of a target that has one */
    ngx_addr_t              addr;
    ngx_hd_wire_t           wire;
    ngx_buf_t               in;
    ngx_buf_t               out;
    unsigned                reused:1;
    unsigned                answered:1; /* a byte of the response came */
    unsigned                broken:1;   /* sending has failed */
} ngx_hd_stream_t;


static ngx_int_t ngx_hd_stream_begin(ngx_hd_run_t *run);
static void ngx_hd_stream_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs);
static void ngx_hd_stream_connect(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_connect_addr(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_adopt(ngx_hd_run_t *run, ngx_connection_t *c);
static void ngx_hd_stream_share_time(ngx_hd_run_t *run, ngx_connection_t *c);
static void ngx_hd_stream_connecting_handler(ngx_event_t *rev);
static void ngx_hd_stream_connect_handler(ngx_event_t *wev);
static void ngx_hd_stream_connected(ngx_hd_run_t *run);
static void ngx_hd_stream_handshake_handler(ngx_connection_t *c);
static void ngx_hd_stream_talk(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_step(ngx_hd_run_t *run);
static void ngx_hd_stream_write_handler(ngx_event_t *wev);
static ngx_int_t ngx_hd_stream_send(ngx_hd_run_t *run);
static void ngx_hd_stream_read_handler(ngx_event_t *rev);
static void ngx_hd_stream_read(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_recv(ngx_hd_run_t *run, size_t *size);
static ngx_int_t ngx_hd_stream_make_room(ngx_hd_run_t *run);
static void ngx_hd_stream_local_error(ngx_hd_run_t *run, const char *text);
static void ngx_hd_stream_last(ngx_hd_run_t *run);
static void ngx_hd_stream_keep(ngx_hd_run_t *run);
static ngx_uint_t ngx_hd_stream_can_keep(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_reuse(ngx_hd_run_t *run);
static void ngx_hd_stream_start_afresh(ngx_hd_run_t *run);
static void ngx_hd_stream_disconnect(ngx_hd_run_t *run);


ngx_int_t
ngx_hd_stream_start(ngx_hd_run_t *run)
{
    run->ctx = ngx_pcalloc(run->pool, sizeof(ngx_hd_stream_t));
    if (run->ctx == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    if (ngx_hd_stream_reuse(run) == NGX_OK) {
        return NGX_AGAIN;
    }

    return ngx_hd_stream_begin(run);
}


static ngx_int_t
ngx_hd_stream_begin(ngx_hd_run_t *run)
{
    ngx_hd_stream_t  *s;
    ngx_hd_target_t  *target;

    s = run->ctx;
    target = run->target;

    if (target->sockaddr) {
        s->addr.sockaddr = target->sockaddr;
        s->addr.socklen = target->socklen;
        s->addr.name = target->address;

        s->list.addrs = &s->addr;
        s->list.n = 1;

        ngx_hd_stream_resolved(run, &s->list);

        return NGX_AGAIN;
    }

    run->late = NGX_HD_R_RESOLVE_TIMEOUT;
    run->log->action = "resolving a name";
    run->peer = &target->host;

    s->resolve.run = run;
    s->resolve.handler = ngx_hd_stream_resolved;

    if (ngx_hd_resolve_start(&s->resolve) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_hd_stream_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs)
{
    ngx_hd_stream_t  *s;

    if (addrs == NULL) {
        ngx_hd_run_done(run);
        return;
    }

    s = run->ctx;

    s->addrs = addrs;
    s->next = 0;

    ngx_hd_stream_connect(run);
}


static void
ngx_hd_stream_connect(ngx_hd_run_t *run)
{
    ngx_int_t         rc;
    ngx_hd_stream_t  *s;

    s = run->ctx;

    for ( ;; ) {
        rc = ngx_hd_stream_connect_addr(run);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc == NGX_OK) {
            ngx_hd_stream_connected(run);
            return;
        }

        if (rc == NGX_ERROR || ++s->next >= s->addrs->n) {
            ngx_hd_run_done(run);
            return;
        }
    }
}


static ngx_int_t
ngx_hd_stream_connect_addr(ngx_hd_run_t *run)
{
    ngx_int_t               rc;
    ngx_err_t               err;
    ngx_addr_t             *addr;
    ngx_hd_stream_t        *s;
    ngx_peer_connection_t  *pc;

    s = run->ctx;
    pc = &s->peer;
    addr = &s->addrs->addrs[s->next];

    /* an address tried before may have left its failure */

    ngx_hd_result_set(&run->result, NGX_HD_R_NONE, NULL);

    run->late = NGX_HD_R_CONNECT_TIMEOUT;
    run->log->action = "connecting to server";
    run->peer = run->target->sockaddr ? NULL : &addr->name;

    /* clients come first: what nginx keeps for them is not ours */

    if (ngx_cycle->free_connection_n
        <= ngx_max(NGX_HD_STREAM_RESERVE, ngx_cycle->connection_n / 16))
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_CONNECTIONS, NULL);
        return NGX_ERROR;
    }

    pc->sockaddr = addr->sockaddr;
    pc->socklen = addr->socklen;
    pc->name = &addr->name;
    pc->get = ngx_event_get_peer;
    pc->log = run->log;
    pc->log_error = NGX_ERROR_ERR;

    ngx_set_errno(0);

    rc = ngx_event_connect_peer(pc);

    err = ngx_socket_errno;

    if (rc == NGX_ERROR) {
        return ngx_hd_failure_socket(run, addr, err);
    }

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_hd_failure_connect(run, addr, err);
        return NGX_DECLINED;
    }

    if (ngx_hd_stream_adopt(run, pc->connection) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc == NGX_AGAIN) {
        ngx_hd_stream_share_time(run, pc->connection);
    }

    return rc;
}


static ngx_int_t
ngx_hd_stream_adopt(ngx_hd_run_t *run, ngx_connection_t *c)
{
    c->data = run;
    c->pool = run->pool;
    c->log->connection = c->number;

    c->read->handler = ngx_hd_stream_connecting_handler;
    c->write->handler = ngx_hd_stream_connect_handler;

    /* a name may move to another address, which a kept connection would hide */

    if (!run->target->check->keepalive || run->target->sockaddr == NULL) {
        return NGX_OK;
    }

    return ngx_hd_keep_prepare(run, c);
}


/* an address that does not answer must leave time for the others of its name */

static void
ngx_hd_stream_share_time(ngx_hd_run_t *run, ngx_connection_t *c)
{
    ngx_msec_t        share;
    ngx_uint_t        n;
    ngx_hd_stream_t  *s;

    s = run->ctx;
    n = s->addrs->n - s->next;

    if (n > 1 && run->limit > ngx_current_msec) {
        share = (run->limit - ngx_current_msec) / n;

        c->write->cancelable = 1;
        ngx_add_timer(c->write, ngx_max(share, 1));
    }
}


static void
ngx_hd_stream_connecting_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    /* failures of connect() come to the write handler as well */

    if (c->close) {
        ngx_hd_stream_local_error(c->data, "nginx is exiting");
    }
}


static void
ngx_hd_stream_connect_handler(ngx_event_t *wev)
{
    ngx_err_t          err;
    ngx_hd_run_t      *run;
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    c = wev->data;
    run = c->data;
    s = run->ctx;

    err = wev->timedout ? NGX_ETIMEDOUT : ngx_hd_failure_of_connect(c);

    if (err == 0) {
        ngx_hd_stream_connected(run);
        return;
    }

    ngx_hd_failure_connect(run, &s->addrs->addrs[s->next], err);

    ngx_hd_stream_disconnect(run);

    if (++s->next >= s->addrs->n) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_stream_connect(run);
}


static void
ngx_hd_stream_connected(ngx_hd_run_t *run)
{
    ngx_int_t          rc;
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (!run->target->check->tls) {
        ngx_hd_stream_talk(run);
        return;
    }

    run->late = NGX_HD_R_TLS_TIMEOUT;
    run->log->action = "SSL handshaking to server";

    rc = ngx_hd_tls_start(run, c, ngx_hd_stream_handshake_handler);

    if (rc == NGX_OK) {
        ngx_hd_stream_handshake_handler(c);

    } else if (rc == NGX_ERROR) {
        ngx_hd_run_done(run);
    }
}


static void
ngx_hd_stream_handshake_handler(ngx_connection_t *c)
{
    ngx_hd_run_t  *run;

    run = c->data;

    if (ngx_hd_tls_check(run, c) != NGX_OK) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_stream_talk(run);
}


static void
ngx_hd_stream_talk(ngx_hd_run_t *run)
{
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    run->late = NGX_HD_R_RESPONSE_TIMEOUT;
    run->log->action = "reading response";

    c->read->handler = ngx_hd_stream_read_handler;
    c->write->handler = ngx_hd_stream_write_handler;

    s->wire.check = run->target->check;
    s->wire.pool = run->pool;
    s->wire.log = run->log;
    s->wire.result = &run->result;
    s->wire.usec = ngx_hd_run_usec;
    s->wire.time_data = run;

    run->waits = &s->wire.waits;

    if (ngx_hd_stream_step(run) != NGX_AGAIN) {
        return;
    }

    if (ngx_hd_stream_send(run) == NGX_OK && c->read->ready) {
        ngx_hd_stream_read(run);
    }
}


/* NGX_AGAIN: the dialogue goes on; NGX_DONE: the run has ended */

static ngx_int_t
ngx_hd_stream_step(ngx_hd_run_t *run)
{
    ngx_int_t         rc;
    ngx_hd_wire_pt    step;
    ngx_hd_stream_t  *s;

    s = run->ctx;
    step = (ngx_hd_wire_pt) run->target->check->type->data;

    rc = step(&s->wire, &s->in, &s->out);

    if (rc == NGX_AGAIN && !s->wire.eof) {
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        ngx_hd_stream_last(run);
        ngx_hd_stream_keep(run);

    } else if (run->result.reason == NGX_HD_R_NONE) {
        ngx_hd_result_set(&run->result,
                          (rc == NGX_AGAIN) ? NGX_HD_R_RESPONSE_CLOSED
                          : (rc == NGX_DECLINED) ? NGX_HD_R_RESPONSE_FAILED
                          : NGX_HD_R_LOCAL_MEMORY,
                          NULL);
    }

    ngx_hd_run_done(run);

    return NGX_DONE;
}


static void
ngx_hd_stream_write_handler(ngx_event_t *wev)
{
    ngx_hd_run_t      *run;
    ngx_connection_t  *c;

    c = wev->data;
    run = c->data;

    if (ngx_hd_stream_send(run) == NGX_OK && c->read->ready) {
        ngx_hd_stream_read(run);
    }
}


/*
 * Sends what it can.  A peer that does not listen any more may have said why
 * before: then nothing is sent, and reading tells.
 */

static ngx_int_t
ngx_hd_stream_send(ngx_hd_run_t *run)
{
    ssize_t            n;
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    while (s->out.pos < s->out.last) {
        n = c->send(c, s->out.pos, s->out.last - s->out.pos);

        if (n == NGX_ERROR) {
            s->broken = 1;
            s->out.pos = s->out.last;
            c->read->ready = 1;
            break;
        }

        if (n <= 0) {
            break;
        }

        s->out.pos += n;
    }

    if (!s->broken && ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_hd_stream_local_error(run, "event error");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_hd_stream_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (c->close) {
        ngx_hd_stream_local_error(c->data, "nginx is exiting");
        return;
    }

    ngx_hd_stream_read(c->data);
}


static void
ngx_hd_stream_read(ngx_hd_run_t *run)
{
    size_t             size;
    ngx_int_t          rc;
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;
    size = 0;

    do {
        rc = ngx_hd_stream_recv(run, &size);

        if (rc == NGX_DONE) {
            return;
        }

        if (rc == NGX_OK && size >= NGX_HD_STREAM_TURN && c->read->ready) {
            ngx_post_event(c->read, &ngx_posted_next_events);
            return;
        }

    } while (rc == NGX_OK && c->read->ready);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_hd_stream_local_error(run, "event error");
    }
}


/*
 * Reads once.  NGX_OK: more may follow; NGX_AGAIN: not now; NGX_DONE: the run
 * has ended or left this connection.
 */

static ngx_int_t
ngx_hd_stream_recv(ngx_hd_run_t *run, size_t *size)
{
    ssize_t            n;
    ngx_err_t          err;
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    if (ngx_hd_stream_make_room(run) != NGX_OK) {
        ngx_hd_run_done(run);
        return NGX_DONE;
    }

    ngx_set_errno(0);

    n = c->recv(c, s->in.last, s->in.end - s->in.last);

    err = ngx_socket_errno;

    if (n == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (n <= 0 && s->reused && !s->answered) {
        ngx_hd_stream_start_afresh(run);
        return NGX_DONE;
    }

    if (n == NGX_ERROR || run->result.reason != NGX_HD_R_NONE) {
        ngx_hd_failure_response(run, err);
        ngx_hd_run_done(run);
        return NGX_DONE;
    }

    if (n > 0) {
        s->answered = 1;
        s->in.last += n;
        *size += n;

    } else {
        s->wire.eof = 1;
    }

    if (ngx_hd_stream_step(run) != NGX_AGAIN
        || ngx_hd_stream_send(run) != NGX_OK)
    {
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_stream_make_room(ngx_hd_run_t *run)
{
    size_t            left;
    ngx_buf_t        *b;
    ngx_hd_stream_t  *s;

    s = run->ctx;
    b = &s->in;

    if (b->start == NULL) {
        b->start = ngx_palloc(run->pool, NGX_HD_STREAM_BUF);
        if (b->start == NULL) {
            ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        b->pos = b->start;
        b->last = b->start;
        b->end = b->start + NGX_HD_STREAM_BUF;
    }

    left = b->last - b->pos;

    if (left == NGX_HD_STREAM_BUF) {
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
ngx_hd_stream_local_error(ngx_hd_run_t *run, const char *text)
{
    ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR, "%s", text);

    ngx_hd_run_done(run);
}


/* a last word such as QUIT: what does not go out at once is not worth more */

static void
ngx_hd_stream_last(ngx_hd_run_t *run)
{
    ssize_t            n;
    ngx_hd_result_t    result;
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    if (s->out.pos < s->out.last && !s->broken) {
        result = run->result;

        n = c->send(c, s->out.pos, s->out.last - s->out.pos);

        if (n > 0) {
            s->out.pos += n;
        }

        run->result = result;
    }
}


static void
ngx_hd_stream_keep(ngx_hd_run_t *run)
{
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    if (!ngx_hd_stream_can_keep(run)) {
        return;
    }

    s = run->ctx;
    c = s->peer.connection;

    if (ngx_hd_keep_put(run, c) == NGX_OK) {
        s->peer.connection = NULL;
    }
}


static ngx_uint_t
ngx_hd_stream_can_keep(ngx_hd_run_t *run)
{
    u_char             buf[1];
    ssize_t            n;
    ngx_hd_result_t    result;
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    if (!s->wire.reuse || s->wire.eof || s->broken
        || c->pool == run->pool
        || s->in.pos != s->in.last
        || s->out.pos != s->out.last
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


static ngx_int_t
ngx_hd_stream_reuse(ngx_hd_run_t *run)
{
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    c = ngx_hd_keep_take(run);
    if (c == NULL) {
        return NGX_DECLINED;
    }

    s = run->ctx;

    s->peer.connection = c;
    s->reused = 1;

    ngx_hd_stream_talk(run);

    return NGX_OK;
}


/* the peer closed a kept connection just when it was to be used again */

static void
ngx_hd_stream_start_afresh(ngx_hd_run_t *run)
{
    ngx_hd_stream_t  *s;

    s = run->ctx;

    ngx_hd_stream_disconnect(run);

    ngx_memzero(&s->wire, sizeof(ngx_hd_wire_t));

    s->in.last = s->in.pos;
    s->out.last = s->out.pos;
    s->reused = 0;
    s->broken = 0;

    if (ngx_hd_stream_begin(run) == NGX_ERROR) {
        ngx_hd_run_done(run);
    }
}


void
ngx_hd_stream_release(ngx_hd_run_t *run)
{
    ngx_hd_stream_t  *s;

    s = run->ctx;

    if (s) {
        ngx_hd_resolve_cancel(&s->resolve);
        ngx_hd_stream_disconnect(run);
    }
}


static void
ngx_hd_stream_disconnect(ngx_hd_run_t *run)
{
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    if (c) {
        s->peer.connection = NULL;
        ngx_hd_keep_close(c, run->pool);
    }
}


void
ngx_hd_stream_drop_kept(ngx_hd_target_t *target)
{
    ngx_hd_keep_drop(target);
}

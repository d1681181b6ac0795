
/*
 * healthdash: the stream engine.  Owns the connection of a run, from the name
 * to the last byte, and the connections kept between runs; what is said over
 * them is a dialogue's affair.  Called by the run it works for and by nginx's
 * events, all in one worker.  Nothing here blocks, and a fast peer gets a
 * bounded share of each turn of the event loop.
 */


#include <ngx_hd_stream.h>
#include <ngx_hd_resolve.h>
#include <ngx_hd_tls.h>
#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>
#include <ngx_event_connect.h>


#define NGX_HD_STREAM_BUF      4096    /* bytes read at once */
#define NGX_HD_STREAM_TURN     65536   /* bytes read in one turn of the loop */
#define NGX_HD_STREAM_POOL     512     /* bytes: of a connection to be kept */
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
static ngx_resolver_t *ngx_hd_stream_resolver(void);
static void ngx_hd_stream_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs);
static void ngx_hd_stream_connect(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_connect_addr(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_socket_failed(ngx_hd_run_t *run, ngx_err_t err);
static ngx_int_t ngx_hd_stream_connect_failed(ngx_hd_run_t *run,
    ngx_err_t err);
static ngx_hd_reason_e ngx_hd_stream_connect_reason(ngx_err_t err,
    ngx_uint_t local);
static ngx_int_t ngx_hd_stream_adopt(ngx_hd_run_t *run, ngx_connection_t *c);
static void ngx_hd_stream_share_time(ngx_hd_run_t *run, ngx_connection_t *c);
static void ngx_hd_stream_connecting_handler(ngx_event_t *rev);
static void ngx_hd_stream_connect_handler(ngx_event_t *wev);
static ngx_err_t ngx_hd_stream_connect_error(ngx_connection_t *c);
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
static void ngx_hd_stream_recv_failed(ngx_hd_run_t *run, ngx_err_t err);
static void ngx_hd_stream_local_error(ngx_hd_run_t *run, const char *text);
static void ngx_hd_stream_keep(ngx_hd_run_t *run);
static ngx_uint_t ngx_hd_stream_can_keep(ngx_hd_run_t *run);
static void ngx_hd_stream_kept_handler(ngx_event_t *rev);
static void ngx_hd_stream_idle_handler(ngx_event_t *wev);
static ngx_uint_t ngx_hd_stream_is_alive(ngx_connection_t *c);
static ngx_int_t ngx_hd_stream_reuse(ngx_hd_run_t *run);
static void ngx_hd_stream_start_afresh(ngx_hd_run_t *run);
static void ngx_hd_stream_set_log(ngx_connection_t *c, ngx_log_t *log);
static void ngx_hd_stream_disconnect(ngx_hd_run_t *run);
static void ngx_hd_stream_close(ngx_connection_t *c, ngx_pool_t *shared);


ngx_int_t
ngx_hd_stream_start(ngx_hd_run_t *run)
{
    run->ctx = ngx_pcalloc(run->pool, sizeof(ngx_hd_stream_t));
    if (run->ctx == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    if (run->target->kept && ngx_hd_stream_reuse(run) == NGX_OK) {
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

    if (ngx_hd_resolve_start(&s->resolve, ngx_hd_stream_resolver(), 0)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


/* that of http{}; nginx has put an empty one there if there is none */

static ngx_resolver_t *
ngx_hd_stream_resolver(void)
{
    ngx_http_conf_ctx_t       *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    ctx = (ngx_http_conf_ctx_t *) ngx_cycle->conf_ctx[ngx_http_module.index];
    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    return clcf->resolver;
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
        return ngx_hd_stream_socket_failed(run, err);
    }

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return ngx_hd_stream_connect_failed(run, err);
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
ngx_hd_stream_socket_failed(ngx_hd_run_t *run, ngx_err_t err)
{
    u_char            buf[NGX_HD_SEEN_LEN], *p;
    ngx_hd_reason_e   reason;

    switch (err) {

    case NGX_EMFILE:
    case NGX_ENFILE:
        reason = NGX_HD_R_LOCAL_FILES;
        break;

    case ENOBUFS:
    case NGX_ENOMEM:
        reason = NGX_HD_R_LOCAL_MEMORY;
        break;

    case EAFNOSUPPORT:
        return ngx_hd_stream_connect_failed(run, err);

    default:
        reason = NGX_HD_R_LOCAL_ERROR;
    }

    p = ngx_strerror(err, buf, sizeof(buf));
    ngx_hd_result_set(&run->result, reason, "%*s", (size_t) (p - buf), buf);

    return NGX_ERROR;
}


static ngx_int_t
ngx_hd_stream_connect_failed(ngx_hd_run_t *run, ngx_err_t err)
{
    u_char            buf[NGX_HD_SEEN_LEN], *p;
    ngx_str_t         where;
    ngx_uint_t        local;
    ngx_hd_stream_t  *s;
    ngx_hd_reason_e   reason;

    s = run->ctx;

    local = (s->addrs->addrs[s->next].sockaddr->sa_family == AF_UNIX);
    reason = ngx_hd_stream_connect_reason(err, local);

    p = buf;
    ngx_str_set(&where, "");

    if (run->peer) {
        where = *run->peer;
    }

    if (err == NGX_EAGAIN && local) {
        p = ngx_cpymem(buf, "listen queue full",
                       sizeof("listen queue full") - 1);

    } else if (reason == NGX_HD_R_CONNECT_FAILED
               || reason == NGX_HD_R_LOCAL_ERROR)
    {
        p = ngx_strerror(err, buf, sizeof(buf));
    }

    if (where.len == 0 && p == buf) {
        ngx_hd_result_set(&run->result, reason, NULL);

    } else {
        ngx_hd_result_set(&run->result, reason, "%V%s%*s", &where,
                          (where.len && p > buf) ? ", " : "",
                          (size_t) (p - buf), buf);
    }

    return NGX_DECLINED;
}


static ngx_hd_reason_e
ngx_hd_stream_connect_reason(ngx_err_t err, ngx_uint_t local)
{
    switch (err) {

    case NGX_ECONNREFUSED:
        return NGX_HD_R_CONNECT_REFUSED;

    case NGX_ENETDOWN:
    case NGX_ENETUNREACH:
    case NGX_EHOSTDOWN:
    case NGX_EHOSTUNREACH:
    case EAFNOSUPPORT:
        return NGX_HD_R_CONNECT_UNREACHABLE;

    case NGX_ECONNRESET:
    case NGX_ECONNABORTED:
        return NGX_HD_R_CONNECT_RESET;

    case NGX_ETIMEDOUT:
        return NGX_HD_R_CONNECT_TIMEOUT;

    case NGX_ENOENT:
        return NGX_HD_R_CONNECT_NO_SOCKET;

    case NGX_EACCES:
    case NGX_EPERM:
        return NGX_HD_R_CONNECT_DENIED;

    case NGX_EAGAIN:
        return local ? NGX_HD_R_CONNECT_REFUSED : NGX_HD_R_LOCAL_ERROR;

    case EADDRNOTAVAIL:
        return NGX_HD_R_LOCAL_ERROR;    /* no port left on our side */

    default:
        return NGX_HD_R_CONNECT_FAILED;
    }
}


static ngx_int_t
ngx_hd_stream_adopt(ngx_hd_run_t *run, ngx_connection_t *c)
{
    ngx_log_t  *log;

    c->data = run;
    c->pool = run->pool;
    c->log->connection = c->number;

    c->read->handler = ngx_hd_stream_connecting_handler;
    c->write->handler = ngx_hd_stream_connect_handler;

    /* a name may move to another address, which a kept connection would hide */

    if (!run->target->check->keepalive || run->target->sockaddr == NULL) {
        return NGX_OK;
    }

    c->pool = ngx_create_pool(NGX_HD_STREAM_POOL, run->log);
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

    err = wev->timedout ? NGX_ETIMEDOUT : ngx_hd_stream_connect_error(c);

    if (err == 0) {
        ngx_hd_stream_connected(run);
        return;
    }

    (void) ngx_hd_stream_connect_failed(run, err);

    ngx_hd_stream_disconnect(run);

    if (++s->next >= s->addrs->n) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_stream_connect(run);
}


static ngx_err_t
ngx_hd_stream_connect_error(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

#if (NGX_HAVE_KQUEUE)

    if (ngx_event_flags & NGX_USE_KQUEUE_EVENT) {

        if (c->write->pending_eof) {
            return c->write->kq_errno;
        }

        return c->read->pending_eof ? c->read->kq_errno : 0;
    }

#endif

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        return ngx_socket_errno;
    }

    return err;
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

    if (run->target->check->type->data == NULL) {
        ngx_hd_run_done(run);
        return;
    }

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
        ngx_hd_stream_recv_failed(run, err);
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
ngx_hd_stream_recv_failed(ngx_hd_run_t *run, ngx_err_t err)
{
    u_char  buf[NGX_HD_SEEN_LEN], *p;

    /* TLS may have left its own words */

    if (run->result.reason == NGX_HD_R_NONE) {

        if (err == NGX_ECONNRESET || err == NGX_EPIPE) {
            ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_RESET, NULL);

        } else if (err) {
            p = ngx_strerror(err, buf, sizeof(buf));
            ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_FAILED, "%*s",
                              (size_t) (p - buf), buf);

        } else {
            ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_FAILED, NULL);
        }
    }

    ngx_hd_run_done(run);
}


static void
ngx_hd_stream_local_error(ngx_hd_run_t *run, const char *text)
{
    ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR, "%s", text);

    ngx_hd_run_done(run);
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

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return;
    }

    s->peer.connection = NULL;
    run->target->kept = c;

    ngx_hd_stream_set_log(c, c->pool->log);

    c->data = run->target;
    c->read->handler = ngx_hd_stream_kept_handler;
    c->write->handler = ngx_hd_stream_idle_handler;

    /* nginx closes it when it exits or runs out of connections for clients */

    c->idle = 1;
    ngx_reusable_connection(c, 1);
}


static ngx_uint_t
ngx_hd_stream_can_keep(ngx_hd_run_t *run)
{
    u_char             buf[1];
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

    return c->recv(c, buf, 1) == NGX_AGAIN
           && run->result.verdict != NGX_HD_FAIL;
}


static void
ngx_hd_stream_kept_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (!c->close && ngx_hd_stream_is_alive(c)
        && ngx_handle_read_event(rev, 0) == NGX_OK)
    {
        return;
    }

    ngx_hd_stream_drop_kept(c->data);
}


static void
ngx_hd_stream_idle_handler(ngx_event_t *wev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, wev->log, 0,
                   "healthdash idle connection");
}


/* no end and no byte that nobody has asked for */

static ngx_uint_t
ngx_hd_stream_is_alive(ngx_connection_t *c)
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


static ngx_int_t
ngx_hd_stream_reuse(ngx_hd_run_t *run)
{
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = run->target->kept;

    if (!ngx_hd_stream_is_alive(c)) {
        ngx_hd_stream_drop_kept(run->target);
        return NGX_DECLINED;
    }

    run->target->kept = NULL;

    c->idle = 0;
    ngx_reusable_connection(c, 0);

    c->data = run;
    ngx_hd_stream_set_log(c, run->log);
    run->log->connection = c->number;

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


static void
ngx_hd_stream_set_log(ngx_connection_t *c, ngx_log_t *log)
{
    c->log = log;
    c->read->log = log;
    c->write->log = log;
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


void
ngx_hd_stream_drop_kept(ngx_hd_target_t *target)
{
    ngx_connection_t  *c;

    c = target->kept;

    if (c) {
        target->kept = NULL;
        ngx_hd_stream_close(c, NULL);
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
        ngx_hd_stream_close(c, run->pool);
    }
}


/* shared: the pool that is not c's own */

static void
ngx_hd_stream_close(ngx_connection_t *c, ngx_pool_t *shared)
{
    ngx_pool_t  *pool;

    ngx_hd_tls_end(c);

    pool = c->pool;

    ngx_close_connection(c);

    if (pool && pool != shared) {
        ngx_destroy_pool(pool);
    }
}

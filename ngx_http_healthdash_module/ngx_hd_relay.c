
/*
 * healthdash: bytes between a peer and a library, libcurl, that reads until
 * there is nothing more.  A peer that sends faster than it is read, be it empty
 * frames, would keep the library, and so the worker, for as long as it likes.
 * Here it gets a bounded share of each turn, so timers and clients get theirs.
 *
 * The library connects to a socket in Linux' abstract namespace that is made
 * for this one connection.  (One end of a socketpair would do if libcurl took
 * one as connected already; 7.88 says it does, but calls connect().)
 *
 * Called by its owner and by nginx's events, never from inside of the library.
 */


#include <ngx_hd_relay.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_reason.h>


#define NGX_HD_RELAY_IN        16384   /* bytes from the peer in one turn */
#define NGX_HD_RELAY_OUT       4096    /* bytes to it at once */
#define NGX_HD_RELAY_BACKLOG   16      /* strangers may be in the way */


static void ngx_hd_relay_connecting_handler(ngx_event_t *rev);
static void ngx_hd_relay_connect_handler(ngx_event_t *wev);
static ngx_int_t ngx_hd_relay_buffer(ngx_hd_relay_t *r, ngx_buf_t *b,
    size_t size);
static ngx_socket_t ngx_hd_relay_listen(ngx_hd_relay_t *r);
static ngx_int_t ngx_hd_relay_set_near(ngx_hd_relay_t *r, ngx_socket_t fd);
static void ngx_hd_relay_meet_handler(ngx_event_t *rev);
static ngx_socket_t ngx_hd_relay_accept(ngx_hd_relay_t *r);
static ngx_uint_t ngx_hd_relay_is_ours(ngx_socket_t fd);
static void ngx_hd_relay_in_handler(ngx_event_t *ev);
static void ngx_hd_relay_out_handler(ngx_event_t *ev);
static void ngx_hd_relay_in(ngx_hd_relay_t *r);
static void ngx_hd_relay_read(ngx_hd_relay_t *r, size_t most);
static ngx_int_t ngx_hd_relay_pass(ngx_hd_relay_t *r);
static void ngx_hd_relay_out(ngx_hd_relay_t *r);
static ngx_int_t ngx_hd_relay_send(ngx_hd_relay_t *r);
static void ngx_hd_relay_wait(ngx_hd_relay_t *r);
static void ngx_hd_relay_last(ngx_hd_relay_t *r);


void
ngx_hd_relay_begin(ngx_hd_relay_t *r)
{
    ngx_connection_t  *c;

    r->err = 0;
    r->total = 0;
    r->nheard = 0;
    r->met = 0;
    r->eof = 0;
    r->told = 0;
    r->gone = 0;
    r->mute = 0;
    r->in.last = r->in.pos;
    r->out.last = r->out.pos;

    c = r->peer.connection;
    c->data = r;
    c->read->handler = ngx_hd_relay_connecting_handler;
    c->write->handler = ngx_hd_relay_connect_handler;
}


/* failures of connect() come to the write handler as well */

static void
ngx_hd_relay_connecting_handler(ngx_event_t *rev)
{
}


static void
ngx_hd_relay_connect_handler(ngx_event_t *wev)
{
    ngx_err_t          err;
    ngx_hd_relay_t    *r;
    ngx_connection_t  *c;

    c = wev->data;
    r = c->data;

    err = ngx_hd_failure_of_connect(c);

    if (err) {
        ngx_hd_failure_connect(r->run, r->addr, err);
    }

    r->handler(r, err ? NGX_DECLINED : NGX_OK);
}


ngx_int_t
ngx_hd_relay_open(ngx_hd_relay_t *r)
{
    ngx_socket_t       fd;
    ngx_connection_t  *c;

    c = r->peer.connection;

    if (ngx_hd_run_room(r->run) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_hd_relay_buffer(r, &r->in, NGX_HD_RELAY_IN) != NGX_OK
        || ngx_hd_relay_buffer(r, &r->out, NGX_HD_RELAY_OUT) != NGX_OK)
    {
        ngx_hd_result_set(&r->run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    fd = ngx_hd_relay_listen(r);

    if (fd == (ngx_socket_t) -1) {
        (void) ngx_hd_failure_socket(r->run, r->addr, ngx_socket_errno);
        return NGX_ERROR;
    }

    if (ngx_hd_relay_set_near(r, fd) != NGX_OK) {
        return NGX_ERROR;
    }

    r->near->read->handler = ngx_hd_relay_meet_handler;

    if (ngx_handle_read_event(r->near->read, 0) != NGX_OK) {
        ngx_hd_result_set(&r->run->result, NGX_HD_R_LOCAL_ERROR,
                          "event error");
        return NGX_ERROR;
    }

    /* a library says little at a time, and waits for an answer */

    if (r->peer.sockaddr->sa_family != AF_UNIX) {
        (void) ngx_tcp_nodelay(c);
    }

    c->read->handler = ngx_hd_relay_in_handler;
    c->write->handler = ngx_hd_relay_out_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_hd_relay_buffer(ngx_hd_relay_t *r, ngx_buf_t *b, size_t size)
{
    if (b->start == NULL) {
        b->start = ngx_palloc(r->run->pool, size);
        if (b->start == NULL) {
            return NGX_ERROR;
        }

        b->pos = b->start;
        b->last = b->start;
        b->end = b->start + size;
    }

    return NGX_OK;
}


/* the system chooses a name that is free, of 5 letters after a zero byte */

static ngx_socket_t
ngx_hd_relay_listen(ngx_hd_relay_t *r)
{
    size_t              len;
    ngx_err_t           err;
    socklen_t           socklen;
    ngx_socket_t        fd;
    struct sockaddr_un  sun;

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (fd == (ngx_socket_t) -1) {
        return fd;
    }

    ngx_memzero(&sun, sizeof(struct sockaddr_un));

    sun.sun_family = AF_UNIX;
    socklen = sizeof(struct sockaddr_un);

    if (bind(fd, (struct sockaddr *) &sun, sizeof(sun.sun_family)) == -1
        || listen(fd, NGX_HD_RELAY_BACKLOG) == -1
        || getsockname(fd, (struct sockaddr *) &sun, &socklen) == -1)
    {
        err = ngx_socket_errno;
        (void) ngx_close_socket(fd);
        ngx_set_errno(err);
        return (ngx_socket_t) -1;
    }

    len = socklen - offsetof(struct sockaddr_un, sun_path) - 1;
    len = ngx_min(len, sizeof(r->name) - 1);

    ngx_memcpy(r->name, sun.sun_path + 1, len);
    r->name[len] = '\0';

    return fd;
}


static ngx_int_t
ngx_hd_relay_set_near(ngx_hd_relay_t *r, ngx_socket_t fd)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, r->run->log);

    if (c == NULL) {
        ngx_hd_result_set(&r->run->result, NGX_HD_R_LOCAL_CONNECTIONS, NULL);
        (void) ngx_close_socket(fd);
        return NGX_ERROR;
    }

    c->data = r;
    c->type = SOCK_STREAM;
    c->pool = r->run->pool;
    c->log = r->run->log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->log_error = NGX_ERROR_ERR;

    c->read->log = c->log;
    c->write->log = c->log;
    c->write->ready = 1;

    r->near = c;

    return NGX_OK;
}


static void
ngx_hd_relay_meet_handler(ngx_event_t *rev)
{
    ngx_socket_t       fd;
    ngx_hd_relay_t    *r;
    ngx_connection_t  *c;

    c = rev->data;
    r = c->data;

    rev->ready = 0;

    fd = ngx_hd_relay_accept(r);

    if (fd == (ngx_socket_t) -1) {

        if (ngx_socket_errno != NGX_EAGAIN) {
            (void) ngx_hd_failure_socket(r->run, r->addr, ngx_socket_errno);
            r->handler(r, NGX_ERROR);
        }

        return;
    }

    r->near = NULL;
    ngx_close_connection(c);

    if (ngx_hd_relay_set_near(r, fd) != NGX_OK) {
        r->handler(r, NGX_ERROR);
        return;
    }

    r->met = 1;

    r->near->read->handler = ngx_hd_relay_out_handler;
    r->near->write->handler = ngx_hd_relay_in_handler;

    /* each may have something to say already */

    ngx_post_event(r->near->read, &ngx_posted_events);
    ngx_post_event(r->near->write, &ngx_posted_events);
}


static ngx_socket_t
ngx_hd_relay_accept(ngx_hd_relay_t *r)
{
    ngx_socket_t  fd;

    for ( ;; ) {
        fd = accept4(r->near->fd, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);

        if (fd == (ngx_socket_t) -1 || ngx_hd_relay_is_ours(fd)) {
            return fd;
        }

        (void) ngx_close_socket(fd);
    }
}


/* anybody on this machine may connect: it must be this very process */

static ngx_uint_t
ngx_hd_relay_is_ours(ngx_socket_t fd)
{
    socklen_t     len;
    struct ucred  cred;

    len = sizeof(struct ucred);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0
           && cred.pid == getpid();
}


static void
ngx_hd_relay_in_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_hd_relay_in(c->data);
}


static void
ngx_hd_relay_out_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_hd_relay_out(c->data);
}


/* from the peer to the library */

static void
ngx_hd_relay_in(ngx_hd_relay_t *r)
{
    size_t        heard, most;
    ngx_event_t  *rev;

    rev = r->peer.connection->read;
    most = r->total + NGX_HD_RELAY_IN;

    while (ngx_hd_relay_pass(r) == NGX_OK && rev->ready && !r->eof) {

        if (r->total >= most) {
            ngx_post_event(rev, &ngx_posted_next_events);
            break;
        }

        heard = r->total;

        ngx_hd_relay_read(r, most - r->total);

        if (r->total > r->limit) {
            ngx_hd_result_set(&r->run->result, NGX_HD_R_RESPONSE_FAILED,
                              "more than %uz bytes for an answer", r->limit);
            r->handler(r, NGX_ERROR);
            return;
        }

        if (r->total > heard && heard < sizeof(r->heard)
            && r->hear(r) == NGX_DECLINED)
        {
            r->handler(r, NGX_ERROR);
            return;
        }
    }

    ngx_hd_relay_wait(r);
}


/* reads once; the buffer is empty */

static void
ngx_hd_relay_read(ngx_hd_relay_t *r, size_t most)
{
    size_t             n;
    ssize_t            size;
    ngx_err_t          err;
    ngx_connection_t  *c;

    c = r->peer.connection;

    ngx_set_errno(0);

    size = c->recv(c, r->in.start,
                   ngx_min(most, (size_t) (r->in.end - r->in.start)));

    err = ngx_socket_errno;

    if (size == NGX_AGAIN) {
        return;
    }

    if (size <= 0) {
        r->eof = 1;
        r->err = (size == NGX_ERROR) ? err : r->err;
        return;
    }

    n = ngx_min((size_t) size, sizeof(r->heard) - r->nheard);

    ngx_memcpy(r->heard + r->nheard, r->in.start, n);

    r->nheard += n;
    r->total += size;
    r->in.pos = r->in.start;
    r->in.last = r->in.start + size;
}


/* NGX_OK: the library has got all there was; NGX_AGAIN: not now */

static ngx_int_t
ngx_hd_relay_pass(ngx_hd_relay_t *r)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = r->near;

    if (!r->met) {
        return NGX_AGAIN;
    }

    while (r->in.pos < r->in.last && !r->gone) {
        n = c->send(c, r->in.pos, r->in.last - r->in.pos);

        if (n == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (n == NGX_ERROR) {
            r->gone = 1;
            break;
        }

        r->in.pos += n;
    }

    if (r->gone) {
        return NGX_AGAIN;
    }

    /* how the peer went is asked of the relay */

    if (r->eof && !r->told) {
        r->told = 1;
        (void) ngx_shutdown_socket(c->fd, SHUT_WR);
    }

    return NGX_OK;
}


/* from the library, which is not hostile, to the peer */

static void
ngx_hd_relay_out(ngx_hd_relay_t *r)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = r->near;

    while (r->met && !r->gone && ngx_hd_relay_send(r) == NGX_OK) {

        if (!c->read->ready) {
            break;
        }

        n = c->recv(c, r->out.start, r->out.end - r->out.start);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            r->gone = 1;
            break;
        }

        r->out.pos = r->out.start;
        r->out.last = r->out.start + n;
    }

    ngx_hd_relay_wait(r);
}


/*
 * NGX_OK: the peer has got all there was; NGX_AGAIN: not now.  A peer that does
 * not listen any more may have said why before: reading tells.
 */

static ngx_int_t
ngx_hd_relay_send(ngx_hd_relay_t *r)
{
    ssize_t            n;
    ngx_err_t          err;
    ngx_connection_t  *c;

    c = r->peer.connection;

    while (r->out.pos < r->out.last && !r->mute) {
        ngx_set_errno(0);

        n = c->send(c, r->out.pos, r->out.last - r->out.pos);

        err = ngx_socket_errno;

        if (n == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (n == NGX_ERROR) {
            r->mute = 1;
            r->err = err;

            c->read->ready = 1;
            ngx_post_event(c->read, &ngx_posted_events);
            break;
        }

        r->out.pos += n;
    }

    r->out.pos = r->out.last;

    return NGX_OK;
}


/* a side that is slow, or has ended, is left alone until it can go on */

static void
ngx_hd_relay_wait(ngx_hd_relay_t *r)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = r->peer.connection;

    rc = ngx_handle_read_event(c->read, r->eof ? NGX_CLOSE_EVENT : 0);

    if (rc == NGX_OK && !r->mute) {
        rc = ngx_handle_write_event(c->write, 0);
    }

    c = r->near;

    if (rc == NGX_OK) {
        rc = ngx_handle_read_event(c->read, r->gone ? NGX_CLOSE_EVENT : 0);
    }

    if (rc == NGX_OK && r->met && !r->gone) {
        rc = ngx_handle_write_event(c->write, 0);
    }

    if (rc != NGX_OK) {
        ngx_hd_result_set(&r->run->result, NGX_HD_R_LOCAL_ERROR,
                          "event error");
        r->handler(r, NGX_ERROR);
    }
}


void
ngx_hd_relay_close(ngx_hd_relay_t *r)
{
    ngx_connection_t  *c;

    if (r->met && !r->mute) {
        ngx_hd_relay_last(r);
    }

    c = r->near;

    if (c) {
        r->near = NULL;
        ngx_close_connection(c);
    }

    c = r->peer.connection;

    if (c) {
        r->peer.connection = NULL;
        ngx_close_connection(c);
    }
}


/* such as GOAWAY, or that of TLS: what does not go out at once is lost */

static void
ngx_hd_relay_last(ngx_hd_relay_t *r)
{
    ssize_t        n;
    ngx_socket_t   near, peer;

    near = r->near->fd;
    peer = r->peer.connection->fd;

    do {
        n = r->out.last - r->out.pos;

        if (n && send(peer, r->out.pos, n, 0) != n) {
            return;
        }

        n = recv(near, r->out.start, r->out.end - r->out.start, 0);

        r->out.pos = r->out.start;
        r->out.last = r->out.start + ngx_max(n, 0);

    } while (n > 0);
}

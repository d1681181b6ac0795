
/*
 * healthdash: the stream engine.  Owns the connection of a run, from the name
 * to the last byte; what is said over it is a dialogue's affair.  Called by the
 * run it works for and by nginx's events, all in one worker.  Nothing here
 * blocks.
 */


#include <ngx_hd_stream.h>
#include <ngx_hd_connect.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_keep.h>
#include <ngx_hd_proxy.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_talk.h>
#include <ngx_hd_tls.h>


typedef struct {
    ngx_hd_talk_t           talk;       /* first: see ngx_hd_talk.h */
    ngx_peer_connection_t   peer;
    ngx_hd_resolve_t        resolve;
    ngx_hd_addrs_t         *addrs;
    ngx_uint_t              next;       /* of addrs: the one in use */
    ngx_hd_result_t        *warned;     /* addresses=all: by one before */
} ngx_hd_stream_t;


static ngx_int_t ngx_hd_stream_begin(ngx_hd_run_t *run);
static void ngx_hd_stream_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs);
static void ngx_hd_stream_connect(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_connect_addr(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_stream_adopt(ngx_hd_run_t *run, ngx_connection_t *c);
static void ngx_hd_stream_share_time(ngx_hd_run_t *run, ngx_connection_t *c);
static void ngx_hd_stream_connecting_handler(ngx_event_t *rev);
static void ngx_hd_stream_connect_handler(ngx_event_t *wev);
static void ngx_hd_stream_unreachable(ngx_hd_run_t *run);
static ngx_uint_t ngx_hd_stream_has_next(ngx_hd_run_t *run);
static void ngx_hd_stream_go_on(ngx_hd_run_t *run);
static void ngx_hd_stream_connected(ngx_hd_run_t *run);
static void ngx_hd_stream_handshake(ngx_hd_run_t *run);
static void ngx_hd_stream_handshake_handler(ngx_connection_t *c);
static void ngx_hd_stream_talk(ngx_hd_run_t *run);
static void ngx_hd_stream_talked(ngx_hd_run_t *run, ngx_int_t rc);
static void ngx_hd_stream_passed(ngx_hd_run_t *run);
static void ngx_hd_stream_done(ngx_hd_run_t *run);
static void ngx_hd_stream_name_peer(ngx_hd_run_t *run);
static void ngx_hd_stream_keep(ngx_hd_run_t *run);
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

    s = run->ctx;

    s->resolve.run = run;
    s->resolve.handler = ngx_hd_stream_resolved;

    return ngx_hd_resolve_start(&s->resolve);
}


static void
ngx_hd_stream_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs)
{
    ngx_hd_stream_t  *s;

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

        if (rc == NGX_ERROR || !ngx_hd_stream_has_next(run)
            || run->target->check->all)
        {
            ngx_hd_stream_done(run);
            return;
        }

        s->next++;
    }
}


static ngx_int_t
ngx_hd_stream_connect_addr(ngx_hd_run_t *run)
{
    ngx_int_t         rc;
    ngx_hd_stream_t  *s;

    s = run->ctx;

    rc = ngx_hd_connect(run, &s->peer, s->addrs, s->next);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return rc;
    }

    if (ngx_hd_stream_adopt(run, s->peer.connection) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc == NGX_AGAIN || run->target->check->type->udp) {
        ngx_hd_stream_share_time(run, s->peer.connection);
    }

    return rc;
}


static ngx_int_t
ngx_hd_stream_adopt(ngx_hd_run_t *run, ngx_connection_t *c)
{
    c->data = run;

    c->read->handler = ngx_hd_stream_connecting_handler;
    c->write->handler = ngx_hd_stream_connect_handler;

    /*
     * A name may move to another address, or stand for several that all must
     * be well, which a kept connection would hide.
     */

    if (!run->target->check->keepalive || run->target->sockaddr == NULL
        || run->target->check->all)
    {
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
    n = run->target->check->all ? 1 : s->addrs->n - s->next;

    if (n > 1 && run->limit > ngx_current_msec) {
        share = (run->limit - ngx_current_msec) / n;

        c->write->cancelable = 1;
        ngx_add_timer(c->write, ngx_max(share, 1));
    }
}


static void
ngx_hd_stream_connecting_handler(ngx_event_t *rev)
{
    ngx_hd_run_t      *run;
    ngx_connection_t  *c;

    c = rev->data;
    run = c->data;

    /* failures of connect() come to the write handler as well */

    if (c->close) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "nginx is exiting");
        ngx_hd_run_done(run);
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

    ngx_hd_stream_unreachable(run);
}


/* the next address, if there is one; else the failure stands */

static void
ngx_hd_stream_unreachable(ngx_hd_run_t *run)
{
    ngx_hd_stream_disconnect(run);

    if (!ngx_hd_stream_has_next(run) || run->target->check->all) {
        ngx_hd_stream_done(run);
        return;
    }

    ngx_hd_stream_go_on(run);
}


static ngx_uint_t
ngx_hd_stream_has_next(ngx_hd_run_t *run)
{
    ngx_hd_stream_t  *s;

    s = run->ctx;

    return s->addrs && s->next + 1 < s->addrs->n;
}


static void
ngx_hd_stream_go_on(ngx_hd_run_t *run)
{
    ngx_hd_stream_t  *s;

    s = run->ctx;

    ngx_hd_talk_reset(&s->talk);

    s->next++;

    ngx_hd_stream_connect(run);
}


static void
ngx_hd_stream_connected(ngx_hd_run_t *run)
{
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    if (run->target->check->type->udp) {
        ngx_hd_stream_talk(run);
        return;
    }

    ngx_hd_run_phase(run, NGX_HD_PHASE_CONNECT);

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (run->target->check->proxy_protocol
        && ngx_hd_proxy_send(run, c, &s->addrs->addrs[s->next]) != NGX_OK)
    {
        ngx_hd_stream_done(run);
        return;
    }

    if (!run->target->check->tls) {
        ngx_hd_stream_talk(run);
        return;
    }

    ngx_hd_stream_handshake(run);
}


static void
ngx_hd_stream_handshake(ngx_hd_run_t *run)
{
    ngx_int_t          rc;
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    s = run->ctx;
    c = s->peer.connection;

    run->late = NGX_HD_R_TLS_TIMEOUT;
    run->log->action = "SSL handshaking to server";

    rc = ngx_hd_tls_start(run, c, ngx_hd_stream_handshake_handler);

    if (rc == NGX_OK) {
        ngx_hd_stream_handshake_handler(c);

    } else if (rc == NGX_ERROR) {
        ngx_hd_stream_done(run);
    }
}


static void
ngx_hd_stream_handshake_handler(ngx_connection_t *c)
{
    ngx_hd_run_t  *run;

    run = c->data;

    if (ngx_hd_tls_check(run, c) != NGX_OK) {
        ngx_hd_stream_done(run);
        return;
    }

    ngx_hd_run_phase(run, NGX_HD_PHASE_TLS);

    ngx_hd_stream_talk(run);
}


static void
ngx_hd_stream_talk(ngx_hd_run_t *run)
{
    ngx_hd_stream_t  *s;

    s = run->ctx;

    s->talk.connection = s->peer.connection;
    s->talk.handler = ngx_hd_stream_talked;
    s->talk.addr = s->addrs ? &s->addrs->addrs[s->next] : NULL;

    ngx_hd_talk_start(run);
}


static void
ngx_hd_stream_talked(ngx_hd_run_t *run, ngx_int_t rc)
{
    ngx_hd_stream_t  *s;

    s = run->ctx;

    switch (rc) {

    case NGX_ABORT:
        if (s->talk.reused) {
            ngx_hd_stream_start_afresh(run);

        } else {
            ngx_hd_stream_unreachable(run);
        }

        return;

    case NGX_BUSY:
        ngx_hd_stream_handshake(run);
        return;

    case NGX_OK:

        if (run->target->check->all && ngx_hd_stream_has_next(run)) {
            ngx_hd_stream_passed(run);
            return;
        }

        ngx_hd_stream_keep(run);
    }

    ngx_hd_stream_done(run);
}


/* addresses=all: one of several is well */

static void
ngx_hd_stream_passed(ngx_hd_run_t *run)
{
    ngx_hd_stream_t  *s;

    s = run->ctx;

    if (run->result.verdict != NGX_HD_PASS && s->warned == NULL) {
        ngx_hd_stream_name_peer(run);

        s->warned = ngx_palloc(run->pool, sizeof(ngx_hd_result_t));
        if (s->warned == NULL) {
            ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            ngx_hd_run_done(run);
            return;
        }

        *s->warned = run->result;
    }

    ngx_hd_stream_disconnect(run);
    ngx_memzero(&run->result.sample, sizeof(ngx_hd_sample_t));

    ngx_hd_stream_go_on(run);
}


static void
ngx_hd_stream_done(ngx_hd_run_t *run)
{
    ngx_hd_result_t  *result;
    ngx_hd_stream_t  *s;

    s = run->ctx;
    result = &run->result;

    if (s->warned && result->verdict == NGX_HD_PASS) {
        result->verdict = s->warned->verdict;
        result->reason = s->warned->reason;
        result->len = s->warned->len;
        ngx_memcpy(result->detail, s->warned->detail, result->len);

    } else {
        ngx_hd_stream_name_peer(run);
    }

    ngx_hd_run_done(run);
}


/* of several that all must be well, which one it was */

static void
ngx_hd_stream_name_peer(ngx_hd_run_t *run)
{
    u_char             detail[NGX_HD_DETAIL_LEN];
    size_t             len;
    ngx_str_t         *name;
    ngx_hd_stream_t   *s;
    ngx_hd_result_t   *result;
    ngx_hd_verdict_e   verdict;

    s = run->ctx;
    result = &run->result;

    if (!run->target->check->all || s->addrs == NULL || s->addrs->n == 1
        || result->verdict == NGX_HD_PASS
        || result->verdict == NGX_HD_INCONCLUSIVE)
    {
        return;
    }

    name = &s->addrs->addrs[s->next].name;
    len = result->len;

    ngx_memcpy(detail, result->detail, len);

    /* failures to connect have said it */

    if (ngx_strlcasestrn(detail, detail + len, name->data, name->len - 1)) {
        return;
    }

    verdict = result->verdict;

    ngx_hd_result_say(result, result->reason, "%V: %*s", name, len, detail);

    result->verdict = verdict;
}


static void
ngx_hd_stream_keep(ngx_hd_run_t *run)
{
    ngx_hd_stream_t   *s;
    ngx_connection_t  *c;

    if (!ngx_hd_talk_can_keep(run)) {
        return;
    }

    s = run->ctx;
    c = s->peer.connection;

    if (ngx_hd_keep_put(run, c) == NGX_OK) {
        s->peer.connection = NULL;
    }
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
    s->talk.reused = 1;

    /* a certificate can expire while its connection is kept */

    if (run->target->check->tls && ngx_hd_tls_check(run, c) != NGX_OK) {
        ngx_hd_run_done(run);
        return NGX_OK;
    }

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
    ngx_hd_talk_reset(&s->talk);

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

    ngx_hd_talk_stop(&s->talk);

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


const char *
ngx_hd_stream_fits_udp(ngx_hd_target_t *target)
{
    if (target->sockaddr && target->sockaddr->sa_family == AF_UNIX) {
        return "goes over UDP, expected an address with a port, not a unix "
               "socket";
    }

    return NULL;
}


/*
 * healthdash: probes through libcurl.  Owns one transfer of a run: the address
 * that it goes to, found by nginx's resolver and never by libcurl's, and what
 * libcurl's errors mean.  Called by the types that go through libcurl.
 */


#include <ngx_hd_curl.h>
#include <ngx_hd_connect.h>
#include <ngx_hd_curl_tls.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_wire.h>


/* longer than any run lasts: a run has its own deadline */

#define NGX_HD_CURL_PATIENCE   10000   /* msec */

#define NGX_HD_CURL_TLS_ALERT  0x15    /* first byte, RFC 8446 5.1 */
#define NGX_HD_CURL_FRAME      9       /* bytes of head, RFC 9113 4.1 */

/* what a peer may send beside twice the body that is wanted */

#define NGX_HD_CURL_ANSWER     1048576 /* bytes */


static void ngx_hd_curl_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs);
static void ngx_hd_curl_connect(ngx_hd_curl_call_t *call);
static ngx_int_t ngx_hd_curl_connect_addr(ngx_hd_curl_call_t *call);
static ngx_int_t ngx_hd_curl_connect_quic(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_relay_handler(ngx_hd_relay_t *r, ngx_int_t rc);
static ngx_int_t ngx_hd_curl_relay_hear(ngx_hd_relay_t *r);
static void ngx_hd_curl_connected(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_unreachable(ngx_hd_curl_call_t *call);
static ngx_int_t ngx_hd_curl_begin(ngx_hd_curl_call_t *call);
static int ngx_hd_curl_place(ngx_hd_curl_call_t *call, CURL *easy);
static void ngx_hd_curl_share_time(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_share_handler(ngx_event_t *ev);
static void ngx_hd_curl_unset_timer(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_end(ngx_hd_curl_slot_t *slot, CURLcode code);
static ngx_int_t ngx_hd_curl_no_socket(ngx_hd_curl_call_t *call,
    CURLcode code);
static void ngx_hd_curl_failed(ngx_hd_curl_call_t *call, CURLcode code);
static ngx_int_t ngx_hd_curl_stranger(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_lost(ngx_hd_curl_call_t *call, CURLcode code,
    const char *text);
static void ngx_hd_curl_drop(ngx_hd_curl_call_t *call);


/* bugs of versions that were released, in what probes use of libcurl */

static const struct {
    unsigned int   number;
    const char    *trouble;
} ngx_hd_curl_troubles[] = {
    { 0x080900, "never lets go of connections that are being shut down" },
    { 0x080901, "never lets go of connections that are being shut down" },
    { 0x080b00, "forgets timers, so that probes may stand still until their "
                "timeout" },
    { 0x080e00, "has no memory for more than some 400 probes at once" },
    { 0x081400, "keeps the processor busy for nothing" },
    { 0x081500, "leaves TLS connections open for ever, until memory and file "
                "descriptors run out" }
};


const char *
ngx_hd_curl_trouble(const char **version)
{
    ngx_uint_t                i, n;
    curl_version_info_data   *info;

    info = curl_version_info(CURLVERSION_NOW);
    *version = info->version;

    n = sizeof(ngx_hd_curl_troubles) / sizeof(ngx_hd_curl_troubles[0]);

    for (i = 0; i < n; i++) {

        if (info->version_num == ngx_hd_curl_troubles[i].number) {
            return ngx_hd_curl_troubles[i].trouble;
        }
    }

    return NULL;
}


const char *
ngx_hd_curl_refuse(ngx_pool_t *pool, const ngx_hd_probe_type_t *type)
{
    int                       quic;
    u_char                   *p;
    curl_version_info_data   *info;

    info = curl_version_info(CURLVERSION_NOW);
    quic = (type->version == 30);

    if (info->features & (quic ? CURL_VERSION_HTTP3 : CURL_VERSION_HTTP2)) {
        return type->tls ? ngx_hd_curl_tls_refuse(pool) : NULL;
    }

    p = ngx_pnalloc(pool, NGX_HD_DETAIL_LEN);
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    (void) ngx_snprintf(p, NGX_HD_DETAIL_LEN - 1,
                        "needs libcurl with HTTP/%d, which libcurl %s here "
                        "lacks%Z", quic ? 3 : 2, info->version);

    p[NGX_HD_DETAIL_LEN - 1] = '\0';

    return (const char *) p;
}


ngx_int_t
ngx_hd_curl_start(ngx_hd_run_t *run)
{
    ngx_hd_curl_call_t  *call;

    call = run->ctx;

    call->quic = (run->target->check->type->version == 30);

    call->resolve.run = run;
    call->resolve.handler = ngx_hd_curl_resolved;

    return ngx_hd_resolve_start(&call->resolve);
}


static void
ngx_hd_curl_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs)
{
    ngx_hd_curl_call_t  *call;

    call = run->ctx;

    call->addrs = addrs;
    call->next = 0;

    ngx_hd_curl_connect(call);
}


static void
ngx_hd_curl_connect(ngx_hd_curl_call_t *call)
{
    ngx_int_t  rc;

    for ( ;; ) {
        rc = call->quic ? ngx_hd_curl_connect_quic(call)
                        : ngx_hd_curl_connect_addr(call);

        if (rc == NGX_AGAIN) {
            ngx_hd_curl_share_time(call);
            return;
        }

        if (rc == NGX_OK) {
            ngx_hd_curl_connected(call);
            return;
        }

        if (rc == NGX_ERROR || call->next + 1 >= call->addrs->n) {
            ngx_hd_run_done(call->run);
            return;
        }

        call->next++;
    }
}


static ngx_int_t
ngx_hd_curl_connect_addr(ngx_hd_curl_call_t *call)
{
    ngx_int_t        rc;
    ngx_hd_relay_t  *r;

    r = &call->relay;

    rc = ngx_hd_connect(call->run, &r->peer, call->addrs, call->next);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return rc;
    }

    r->run = call->run;
    r->addr = &call->addrs->addrs[call->next];
    r->handler = ngx_hd_curl_relay_handler;
    r->hear = ngx_hd_curl_relay_hear;
    r->data = call;
    r->limit = NGX_HD_CURL_ANSWER + 2 * call->run->target->check->body_limit;

    ngx_hd_relay_begin(r);

    return rc;
}


/* to QUIC, connecting is a part of its handshake, and libcurl's affair */

static ngx_int_t
ngx_hd_curl_connect_quic(ngx_hd_curl_call_t *call)
{
    ngx_hd_run_t  *run;

    run = call->run;

    /* an address tried before may have left its failure */

    ngx_hd_result_set(&run->result, NGX_HD_R_NONE, NULL);

    run->late = NGX_HD_R_CONNECT_TIMEOUT;
    run->log->action = "connecting through libcurl";
    run->peer = (run->target->sockaddr && call->addrs->n == 1)
                ? NULL : &call->addrs->addrs[call->next].name;

    if (ngx_hd_run_room(run) != NGX_OK) {
        return NGX_ERROR;
    }

    return (ngx_hd_curl_begin(call) == NGX_OK) ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_hd_curl_relay_handler(ngx_hd_relay_t *r, ngx_int_t rc)
{
    ngx_hd_curl_call_t  *call;

    call = r->data;

    switch (rc) {

    case NGX_OK:
        ngx_hd_curl_connected(call);
        return;

    case NGX_DECLINED:
        ngx_hd_curl_unreachable(call);
        return;

    default: /* NGX_ERROR */
        ngx_hd_run_done(call->run);
    }
}


/* not all versions of libcurl see at once that a stranger answers */

static ngx_int_t
ngx_hd_curl_relay_hear(ngx_hd_relay_t *r)
{
    ngx_hd_curl_call_t  *call;

    call = r->data;

    if (call->run->target->check->tls || r->nheard < NGX_HD_CURL_FRAME) {
        return NGX_OK;
    }

    return (ngx_hd_curl_stranger(call) == NGX_OK) ? NGX_DECLINED : NGX_OK;
}


static void
ngx_hd_curl_connected(ngx_hd_curl_call_t *call)
{
    ngx_hd_run_t  *run;

    run = call->run;

    ngx_hd_curl_unset_timer(call);
    ngx_hd_run_phase(run, NGX_HD_PHASE_CONNECT);

    run->late = run->target->check->tls ? NGX_HD_R_TLS_TIMEOUT
                                        : NGX_HD_R_RESPONSE_TIMEOUT;
    run->log->action = "talking through libcurl";

    if (ngx_hd_relay_open(&call->relay) != NGX_OK
        || ngx_hd_curl_begin(call) != NGX_OK)
    {
        ngx_hd_run_done(run);
    }
}


/* the next address, if there is one; else the failure stands */

static void
ngx_hd_curl_unreachable(ngx_hd_curl_call_t *call)
{
    ngx_hd_curl_drop(call);

    if (call->next + 1 >= call->addrs->n) {
        ngx_hd_run_done(call->run);
        return;
    }

    call->next++;

    ngx_hd_curl_connect(call);
}


static ngx_int_t
ngx_hd_curl_begin(ngx_hd_curl_call_t *call)
{
    int            rc;
    long           patience;
    ngx_hd_run_t  *run;

    run = call->run;
    patience = 2 * run->target->check->timeout + NGX_HD_CURL_PATIENCE;

    call->enough = 0;
    call->slot = ngx_hd_curl_take(run);

    if (call->slot == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    call->slot->end = ngx_hd_curl_end;
    call->slot->data = call;
    call->slot->once = !call->quic;

    rc = ngx_hd_curl_place(call, call->slot->easy);
    rc |= curl_easy_setopt(call->slot->easy, CURLOPT_CONNECTTIMEOUT_MS,
                           patience);
    rc |= call->ask(call, call->slot->easy);

    if (run->target->check->tls) {
        rc |= (ngx_hd_curl_tls_options(call->slot) != NGX_OK);
    }

    if (rc != 0 || ngx_hd_curl_go(call->slot) != NGX_OK) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "libcurl refused it");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* "::10.0.0.1:80": whatever the URL says, libcurl is to connect to this */

static int
ngx_hd_curl_place(ngx_hd_curl_call_t *call, CURL *easy)
{
    u_char      *p, *last;
    ngx_addr_t  *addr;

    if (!call->quic) {
        return curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET,
                                (char *) call->relay.name);
    }

    addr = &call->addrs->addrs[call->next];

    p = call->text;
    last = p + sizeof(call->text) - 1;

    *p++ = ':';
    *p++ = ':';

    p += ngx_sock_ntop(addr->sockaddr, addr->socklen, p, last - p, 1);
    *p = '\0';

    call->place.data = (char *) call->text;
    call->place.next = NULL;

    return curl_easy_setopt(easy, CURLOPT_CONNECT_TO, &call->place);
}


/* an address that does not answer must leave time for the others of its name */

static void
ngx_hd_curl_share_time(ngx_hd_curl_call_t *call)
{
    ngx_uint_t     n;
    ngx_msec_t     share;
    ngx_hd_run_t  *run;

    run = call->run;
    n = call->addrs->n - call->next;

    if (n == 1 || run->limit <= ngx_current_msec) {
        return;
    }

    share = (run->limit - ngx_current_msec) / n;

    call->share.handler = ngx_hd_curl_share_handler;
    call->share.data = run;
    call->share.log = run->log;
    call->share.cancelable = 1;

    ngx_add_timer(&call->share, ngx_max(share, 1));
}


static void
ngx_hd_curl_share_handler(ngx_event_t *ev)
{
    ngx_hd_run_t        *run;
    ngx_hd_curl_call_t  *call;

    run = ev->data;
    call = run->ctx;

    /* with QUIC only the callbacks of TLS know that it stands */

    if (run->result.phase[NGX_HD_PHASE_TLS]) {
        return;
    }

    ngx_hd_failure_connect(run, &call->addrs->addrs[call->next],
                           NGX_ETIMEDOUT);

    ngx_hd_curl_unreachable(call);
}


static void
ngx_hd_curl_unset_timer(ngx_hd_curl_call_t *call)
{
    if (call->share.timer_set) {
        ngx_del_timer(&call->share);
    }
}


static void
ngx_hd_curl_end(ngx_hd_curl_slot_t *slot, CURLcode code)
{
    ngx_hd_run_t        *run;
    ngx_hd_curl_call_t  *call;

    call = slot->data;
    run = call->run;

    /* what a callback has found says more than the code that follows */

    if (run->result.reason == NGX_HD_R_NONE) {

        if (code == CURLE_OK || (call->enough && code == CURLE_WRITE_ERROR)) {
            call->judge(call);

        } else if (ngx_hd_curl_no_socket(call, code) == NGX_AGAIN) {
            ngx_hd_curl_unreachable(call);
            return;

        } else if (run->result.reason == NGX_HD_R_NONE) {
            ngx_hd_curl_failed(call, code);
        }
    }

    ngx_hd_run_done(run);
}


/*
 * NGX_AGAIN: libcurl could not reach the peer of QUIC, result set, and there
 * may be another address to try; NGX_OK: result set, or it was not so.
 */

static ngx_int_t
ngx_hd_curl_no_socket(ngx_hd_curl_call_t *call, CURLcode code)
{
    long           err;
    ngx_addr_t    *addr;
    ngx_hd_run_t  *run;

    run = call->run;
    addr = &call->addrs->addrs[call->next];

    if (call->slot->err) {
        return (ngx_hd_failure_socket(run, addr, call->slot->err)
                == NGX_DECLINED)
               ? NGX_AGAIN : NGX_OK;
    }

    if (!call->quic || run->result.phase[NGX_HD_PHASE_TLS]
        || code != CURLE_COULDNT_CONNECT
        || curl_easy_getinfo(call->slot->easy, CURLINFO_OS_ERRNO, &err)
           != CURLE_OK)
    {
        return NGX_OK;
    }

    /* a port that is closed, which is heard of later, is all it has no number
       for */

    ngx_hd_failure_connect(run, addr, err ? (ngx_err_t) err : NGX_ECONNREFUSED);

    return NGX_AGAIN;
}


/*
 * The one place where a code of libcurl becomes a reason.  What can only be
 * our own fault is never counted against the server.
 */

static void
ngx_hd_curl_failed(ngx_hd_curl_call_t *call, CURLcode code)
{
    const char       *text;
    ngx_hd_result_t  *result;

    result = &call->run->result;

    if (!call->run->target->check->tls
        && result->phase[NGX_HD_PHASE_FIRST] == 0
        && ngx_hd_curl_stranger(call) == NGX_OK)
    {
        return;
    }

    text = call->slot->error[0] ? call->slot->error : curl_easy_strerror(code);

    switch (code) {

    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        ngx_hd_curl_lost(call, code, text);
        break;

    case CURLE_HTTP2:

        /* so says libcurl 8.22 of a peer that goes without a word */

        if (call->relay.eof && call->relay.total == 0) {
            ngx_hd_curl_lost(call, code, text);
            break;
        }

        /* fall through */

    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID, "%s", text);
        break;

    case CURLE_OUT_OF_MEMORY:
        ngx_hd_result_set(result, NGX_HD_R_LOCAL_MEMORY, NULL);
        break;

    case CURLE_COULDNT_CONNECT:

        /* libcurl would try again, with another connection */

        if (call->relay.met) {
            ngx_hd_result_set(result, NGX_HD_R_RESPONSE_FAILED,
                              "the server refused the stream");
            break;
        }

        /* fall through */

    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_WRITE_ERROR:
    case CURLE_READ_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
        ngx_hd_result_set(result, NGX_HD_R_LOCAL_ERROR, "libcurl: %s", text);
        break;

    default:
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_FAILED, "%s", text);
    }
}


/*
 * NGX_OK: what came first is no HTTP/2, which begins with the length of a small
 * frame, but a line of text or an alert of TLS; result set.
 */

static ngx_int_t
ngx_hd_curl_stranger(ngx_hd_curl_call_t *call)
{
    size_t          len;
    u_char         *p;
    ngx_hd_wire_t   wire;

    p = call->relay.heard;

    ngx_memzero(&wire, sizeof(ngx_hd_wire_t));
    wire.result = &call->run->result;

    if (call->relay.nheard > 1 && p[0] == NGX_HD_CURL_TLS_ALERT && p[1] == 3) {
        ngx_hd_wire_strange(&wire, p, call->relay.nheard);
        ngx_hd_result_set(wire.result, NGX_HD_R_RESPONSE_INVALID,
                          "the server speaks TLS");
        return NGX_OK;
    }

    for (len = 0; len < call->relay.nheard; len++) {

        if (p[len] == CR || p[len] == LF) {
            break;
        }

        if ((p[len] < ' ' && p[len] != '\t') || p[len] == 0x7f) {
            return NGX_DECLINED;
        }
    }

    if (len == 0) {
        return NGX_DECLINED;
    }

    ngx_hd_wire_strange(&wire, p, call->relay.nheard);
    ngx_hd_result_set(wire.result, NGX_HD_R_RESPONSE_INVALID,
                      "the server does not speak HTTP/2, got \"%*s\"", len, p);

    return NGX_OK;
}


/* the connection is gone: when, and how, says why */

static void
ngx_hd_curl_lost(ngx_hd_curl_call_t *call, CURLcode code, const char *text)
{
    long              err;
    ngx_hd_run_t     *run;
    ngx_hd_result_t  *result;

    run = call->run;
    result = &run->result;

    if (run->target->check->tls && result->phase[NGX_HD_PHASE_TLS] == 0) {
        ngx_hd_result_set(result, NGX_HD_R_TLS_CLOSED, NULL);
        return;
    }

    err = call->relay.err;

    if (call->quic
        && curl_easy_getinfo(call->slot->easy, CURLINFO_OS_ERRNO, &err)
           != CURLE_OK)
    {
        err = 0;
    }

    if (err) {
        ngx_hd_failure_response(run, (ngx_err_t) err);

    } else if (result->phase[NGX_HD_PHASE_FIRST]) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_CUT, NULL);

    } else if ((call->relay.eof && call->relay.total == 0)
               || code == CURLE_PARTIAL_FILE)
    {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_CLOSED, NULL);

    } else {

        /* libcurl does not always tell a peer that goes from a wrong one */

        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_FAILED, "%s", text);
    }
}


void
ngx_hd_curl_release(ngx_hd_run_t *run)
{
    ngx_hd_curl_call_t  *call;

    call = run->ctx;

    if (call) {
        ngx_hd_resolve_cancel(&call->resolve);
        ngx_hd_curl_drop(call);
    }
}


static void
ngx_hd_curl_drop(ngx_hd_curl_call_t *call)
{
    ngx_hd_curl_unset_timer(call);

    if (call->slot) {
        ngx_hd_curl_give(call->slot);
        call->slot = NULL;
    }

    ngx_hd_relay_close(&call->relay);
}

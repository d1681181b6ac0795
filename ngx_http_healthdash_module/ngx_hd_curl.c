
/*
 * healthdash: probes through libcurl.  Owns one transfer of a run: the address
 * that it goes to, found by nginx's resolver and never by libcurl's, and what
 * libcurl's errors mean.  Called by the types that go through libcurl.
 */


#include <ngx_hd_curl.h>
#include <ngx_hd_curl_tls.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_wire.h>


/* longer than any run lasts: a run has its own deadline */

#define NGX_HD_CURL_PATIENCE   10000   /* msec */

#define NGX_HD_CURL_TLS_ALERT  0x15    /* first byte, RFC 8446 5.1 */


static void ngx_hd_curl_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs);
static void ngx_hd_curl_connect(ngx_hd_curl_call_t *call);
static ngx_int_t ngx_hd_curl_begin(ngx_hd_curl_call_t *call);
static int ngx_hd_curl_place(ngx_hd_curl_call_t *call, CURL *easy);
static void ngx_hd_curl_share_time(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_share_handler(ngx_event_t *ev);
static void ngx_hd_curl_unset_timer(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_waits(ngx_hd_curl_slot_t *slot);
static ngx_int_t ngx_hd_curl_hear(ngx_hd_curl_slot_t *slot);
static void ngx_hd_curl_end(ngx_hd_curl_slot_t *slot, CURLcode code);
static void ngx_hd_curl_connected(ngx_hd_curl_call_t *call);
static ngx_int_t ngx_hd_curl_unconnected(ngx_hd_curl_call_t *call,
    CURLcode code);
static void ngx_hd_curl_failed(ngx_hd_curl_call_t *call, CURLcode code);
static ngx_int_t ngx_hd_curl_stranger(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_lost(ngx_hd_curl_call_t *call, CURLcode code,
    const char *text);
static void ngx_hd_curl_drop(ngx_hd_curl_call_t *call);


const char *
ngx_hd_curl_refuse(ngx_pool_t *pool, ngx_uint_t version, ngx_uint_t tls)
{
    int                       feature;
    u_char                   *p;
    curl_version_info_data   *info;

    info = curl_version_info(CURLVERSION_NOW);
    feature = (version == 30) ? CURL_VERSION_HTTP3 : CURL_VERSION_HTTP2;

    if (info->features & feature) {
        return tls ? ngx_hd_curl_tls_refuse(pool) : NULL;
    }

    p = ngx_pnalloc(pool, NGX_HD_DETAIL_LEN);
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    (void) ngx_snprintf(p, NGX_HD_DETAIL_LEN - 1,
                        "needs libcurl with HTTP/%ui, which libcurl %s here "
                        "lacks%Z", version / 10, info->version);

    p[NGX_HD_DETAIL_LEN - 1] = '\0';

    return (const char *) p;
}


ngx_int_t
ngx_hd_curl_start(ngx_hd_run_t *run)
{
    ngx_hd_target_t     *target;
    ngx_hd_curl_call_t  *call;

    call = run->ctx;
    target = run->target;

    if (target->naddrs) {
        call->list.addrs = target->addrs;
        call->list.n = target->naddrs;

        ngx_hd_curl_resolved(run, &call->list);

        return NGX_AGAIN;
    }

    if (target->sockaddr) {
        call->addr.sockaddr = target->sockaddr;
        call->addr.socklen = target->socklen;
        call->addr.name = target->address;

        call->list.addrs = &call->addr;
        call->list.n = 1;

        ngx_hd_curl_resolved(run, &call->list);

        return NGX_AGAIN;
    }

    run->late = NGX_HD_R_RESOLVE_TIMEOUT;
    run->log->action = "resolving a name";
    run->peer = &target->host;

    call->resolve.run = run;
    call->resolve.handler = ngx_hd_curl_resolved;

    if (ngx_hd_resolve_start(&call->resolve) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_hd_curl_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs)
{
    ngx_hd_curl_call_t  *call;

    if (addrs == NULL) {
        ngx_hd_run_done(run);
        return;
    }

    call = run->ctx;

    if (addrs != &call->list) {
        ngx_hd_run_phase(run, NGX_HD_PHASE_RESOLVE);
    }

    call->addrs = addrs;
    call->next = 0;

    ngx_hd_curl_connect(call);
}


static void
ngx_hd_curl_connect(ngx_hd_curl_call_t *call)
{
    ngx_hd_run_t  *run;

    run = call->run;

    /* an address tried before may have left its failure */

    ngx_hd_result_set(&run->result, NGX_HD_R_NONE, NULL);

    run->late = NGX_HD_R_CONNECT_TIMEOUT;
    run->log->action = "connecting to server";
    run->peer = (run->target->sockaddr && call->addrs->n == 1)
                ? NULL : &call->addrs->addrs[call->next].name;

    call->enough = 0;
    call->connected = 0;
    call->closed = 0;
    call->nheard = 0;
    call->began = ngx_hd_run_usec(run);

    if (ngx_hd_run_room(run) != NGX_OK || ngx_hd_curl_begin(call) != NGX_OK) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_curl_share_time(call);
}


static ngx_int_t
ngx_hd_curl_begin(ngx_hd_curl_call_t *call)
{
    int            rc;
    long           patience;
    ngx_hd_run_t  *run;

    run = call->run;
    patience = 2 * run->target->check->timeout + NGX_HD_CURL_PATIENCE;

    call->slot = ngx_hd_curl_take(run);

    if (call->slot == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    call->slot->end = ngx_hd_curl_end;
    call->slot->waits = ngx_hd_curl_waits;
    call->slot->hear = ngx_hd_curl_hear;
    call->slot->data = call;

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

    addr = &call->addrs->addrs[call->next];

#if (NGX_HAVE_UNIX_DOMAIN)

    if (addr->sockaddr->sa_family == AF_UNIX) {
        return curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
                    ((struct sockaddr_un *) addr->sockaddr)->sun_path);
    }

#endif

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


/*
 * An address that does not answer must leave time for the others of its name.
 * To libcurl the handshake of TLS is part of a connect, so this is no time of
 * its own.
 */

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

    ngx_hd_failure_connect(run, &call->addrs->addrs[call->next],
                           NGX_ETIMEDOUT);

    ngx_hd_curl_drop(call);
    call->next++;
    ngx_hd_curl_connect(call);
}


static void
ngx_hd_curl_unset_timer(ngx_hd_curl_call_t *call)
{
    if (call->share.timer_set) {
        ngx_del_timer(&call->share);
    }
}


/* what a timeout means from now on */

static void
ngx_hd_curl_waits(ngx_hd_curl_slot_t *slot)
{
    ngx_hd_run_t        *run;
    ngx_hd_curl_call_t  *call;

    call = slot->data;
    run = call->run;

    if (call->connected) {
        return;
    }

    ngx_hd_curl_connected(call);

    if (!call->connected) {
        ngx_hd_run_phase(run, NGX_HD_PHASE_CONNECT);
        call->connected = 1;
    }

    ngx_hd_curl_unset_timer(call);

    run->late = (run->target->check->tls
                 && run->result.phase[NGX_HD_PHASE_TLS] == 0)
                ? NGX_HD_R_TLS_TIMEOUT : NGX_HD_R_RESPONSE_TIMEOUT;
    run->log->action = "talking through libcurl";
}


/*
 * A server that knows nothing of HTTP/2 says so in its own words, of which
 * libcurl tells but that something was wrong: they are kept in case it fails.
 */

static ngx_int_t
ngx_hd_curl_hear(ngx_hd_curl_slot_t *slot)
{
    ssize_t              n;
    ngx_err_t            err;
    ngx_hd_curl_call_t  *call;

    call = slot->data;

    if (call->run->target->check->tls) {
        return NGX_OK;
    }

    n = recv(slot->fd, (char *) call->heard, sizeof(call->heard), MSG_PEEK);

    err = ngx_socket_errno;

    if (n == -1 && err != NGX_EAGAIN) {

        /* this may be the only time that the system tells */

        ngx_hd_failure_response(call->run, err);
        return NGX_DECLINED;
    }

    call->nheard = ngx_max(n, 0);
    call->closed = (n == 0);

    return NGX_OK;
}


static void
ngx_hd_curl_end(ngx_hd_curl_slot_t *slot, CURLcode code)
{
    ngx_hd_run_t        *run;
    ngx_hd_curl_call_t  *call;

    call = slot->data;
    run = call->run;

    ngx_hd_curl_connected(call);

    if (!call->connected && ngx_hd_curl_unconnected(call, code) == NGX_AGAIN) {
        ngx_hd_curl_drop(call);
        call->next++;
        ngx_hd_curl_connect(call);
        return;
    }

    /* what a callback has found says more than the code that follows */

    if (run->result.reason == NGX_HD_R_NONE) {

        if (code == CURLE_OK || (call->enough && code == CURLE_WRITE_ERROR)) {
            call->judge(call);

        } else {
            ngx_hd_curl_failed(call, code);
        }
    }

    ngx_hd_run_done(run);
}


/*
 * A server at hand may have shaken hands, or answered, before libcurl had to
 * wait: only libcurl knows when the connection stood.
 */

static void
ngx_hd_curl_connected(ngx_hd_curl_call_t *call)
{
    curl_off_t        usec;
    ngx_hd_result_t  *result;

    result = &call->run->result;

    if (call->connected || call->slot->easy == NULL
        || curl_easy_getinfo(call->slot->easy, CURLINFO_CONNECT_TIME_T, &usec)
           != CURLE_OK
        || usec == 0)
    {
        return;
    }

    call->connected = 1;

    result->phase[NGX_HD_PHASE_CONNECT] = call->began + (uint32_t) usec;
}


/* NGX_AGAIN: there is another address to try; NGX_OK: result set, or not so */

static ngx_int_t
ngx_hd_curl_unconnected(ngx_hd_curl_call_t *call, CURLcode code)
{
    long           err;
    ngx_addr_t    *addr;
    ngx_hd_run_t  *run;

    run = call->run;
    addr = &call->addrs->addrs[call->next];

    if (run->result.reason != NGX_HD_R_NONE) {
        return NGX_OK;
    }

    if (call->slot->err) {

        if (ngx_hd_failure_socket(run, addr, call->slot->err) == NGX_ERROR) {
            return NGX_OK;
        }

    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        ngx_hd_failure_connect(run, addr, NGX_ETIMEDOUT);

    } else if (code == CURLE_COULDNT_CONNECT) {

        if (curl_easy_getinfo(call->slot->easy, CURLINFO_OS_ERRNO, &err)
            != CURLE_OK)
        {
            err = 0;
        }

        ngx_hd_failure_connect(run, addr, (ngx_err_t) err);

    } else {
        return NGX_OK;
    }

    return (call->next + 1 < call->addrs->n) ? NGX_AGAIN : NGX_OK;
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

    if (result->phase[NGX_HD_PHASE_FIRST] == 0
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
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID, "%s", text);
        break;

    case CURLE_OUT_OF_MEMORY:
        ngx_hd_result_set(result, NGX_HD_R_LOCAL_MEMORY, NULL);
        break;

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

    p = call->heard;

    ngx_memzero(&wire, sizeof(ngx_hd_wire_t));
    wire.result = &call->run->result;

    if (call->nheard > 1 && p[0] == NGX_HD_CURL_TLS_ALERT && p[1] == 3) {
        ngx_hd_wire_strange(&wire, p, call->nheard);
        ngx_hd_result_set(wire.result, NGX_HD_R_RESPONSE_INVALID,
                          "the server speaks TLS");
        return NGX_OK;
    }

    for (len = 0; len < call->nheard; len++) {

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

    ngx_hd_wire_strange(&wire, p, call->nheard);
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

    if (curl_easy_getinfo(call->slot->easy, CURLINFO_OS_ERRNO, &err)
        != CURLE_OK)
    {
        err = 0;
    }

    if (err) {
        ngx_hd_failure_response(run, (ngx_err_t) err);

    } else if (result->phase[NGX_HD_PHASE_FIRST]) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_CUT, NULL);

    } else if (call->closed || code == CURLE_PARTIAL_FILE) {
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
}

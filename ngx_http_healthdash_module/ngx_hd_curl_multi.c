
/*
 * healthdash: libcurl's transfers.  Owns the multi handle and the easy handles.
 * libcurl is never called from one of its callbacks: what goes wrong in one is
 * remembered and dealt with by one posted event, which also fetches what has
 * ended.
 *
 * After an error of the multi handle nothing is known of any transfer: all end
 * as trouble of our own, and the next one makes a new handle.
 */


#include <ngx_hd_curl_multi.h>
#include <ngx_hd_curl_loop.h>
#include <ngx_hd_curl_memory.h>


#define NGX_HD_CURL_IDLE       16      /* easy handles kept for later */
#define NGX_HD_CURL_LIFE       10000   /* transfers of a multi handle */


/* libcurl renamed the option and calls the old name deprecated */

#if (LIBCURL_VERSION_NUM >= 0x075500)
#define NGX_HD_CURLOPT_PROTOCOLS   CURLOPT_PROTOCOLS_STR
#define NGX_HD_CURLOPT_REDIRECTS   CURLOPT_REDIR_PROTOCOLS_STR
#define NGX_HD_CURL_PROTOCOLS      "http,https"
#else
#define NGX_HD_CURLOPT_PROTOCOLS   CURLOPT_PROTOCOLS
#define NGX_HD_CURLOPT_REDIRECTS   CURLOPT_REDIR_PROTOCOLS
#define NGX_HD_CURL_PROTOCOLS      ((long) (CURLPROTO_HTTP|CURLPROTO_HTTPS))
#endif


/* the first fields are for ngx_event_ident() */

struct ngx_hd_curl_multi_s {
    CURLM               *handle;        /* NULL: made by the next transfer */
    ngx_uint_t           transfers;     /* of this handle */
    ngx_uint_t           nidle;         /* easy handles in idle */
    ngx_socket_t         fd;

    ngx_log_t            log;           /* mute unless debugging */
    ngx_hd_curl_loop_t   loop;
    ngx_queue_t          idle;
    ngx_queue_t          busy;
    ngx_queue_t          again;         /* slots that are stirred */
    ngx_event_t          stir;
    ngx_event_t          drain;
    unsigned             broken:1;
    unsigned             sick:1;        /* a slot is */
};


static ngx_hd_curl_multi_t *ngx_hd_curl_get(ngx_hd_main_conf_t *hmcf);
static ngx_hd_curl_slot_t *ngx_hd_curl_idle(ngx_hd_curl_multi_t *m);
static ngx_int_t ngx_hd_curl_options(ngx_hd_curl_slot_t *slot);
static ngx_int_t ngx_hd_curl_create(ngx_hd_curl_multi_t *m);
static void ngx_hd_curl_forget(ngx_hd_curl_slot_t *slot);
static curl_socket_t ngx_hd_curl_open_handler(void *data, curlsocktype purpose,
    struct curl_sockaddr *addr);
static void ngx_hd_curl_blind_handler(void *data, void *owner);
static void ngx_hd_curl_is_broken(ngx_hd_curl_multi_t *m);
static void ngx_hd_curl_stir_handler(ngx_event_t *ev);
static void ngx_hd_curl_act(void *data, curl_socket_t fd, int bits);
static void ngx_hd_curl_drain_handler(ngx_event_t *ev);
static CURLcode ngx_hd_curl_code(ngx_hd_curl_slot_t *slot, CURLcode code);
static void ngx_hd_curl_cure(ngx_hd_curl_multi_t *m);
static void ngx_hd_curl_stop(ngx_hd_curl_slot_t *slot);
static void ngx_hd_curl_rebuild(ngx_hd_curl_multi_t *m);
static void ngx_hd_curl_destroy(ngx_hd_curl_multi_t *m);


ngx_hd_curl_slot_t *
ngx_hd_curl_take(ngx_hd_run_t *run)
{
    uint64_t              failures;
    ngx_hd_curl_slot_t   *slot;
    ngx_hd_curl_multi_t  *m;

    m = ngx_hd_curl_get(run->target->main);
    if (m == NULL) {
        return NULL;
    }

    failures = ngx_hd_curl_memory_failures();

    slot = ngx_hd_curl_idle(m);
    if (slot == NULL) {
        return NULL;
    }

    slot->run = run;
    slot->ssl = NULL;
    slot->fd = (ngx_socket_t) -1;
    slot->err = 0;
    slot->once = 0;
    slot->worn = 0;
    slot->sick = 0;
    slot->error[0] = '\0';
    slot->failures = failures;

    /* curl_easy_reset() says nothing of what it had no memory for */

    if (ngx_hd_curl_options(slot) != NGX_OK
        || failures != ngx_hd_curl_memory_failures())
    {
        slot->worn = 1;
        ngx_hd_curl_give(slot);
        return NULL;
    }

    return slot;
}


/* libcurl does not survive a fork: it is begun in the worker that needs it */

static ngx_hd_curl_multi_t *
ngx_hd_curl_get(ngx_hd_main_conf_t *hmcf)
{
    ngx_hd_curl_multi_t  *m;

    if (hmcf->curl) {
        return hmcf->curl;
    }

    m = ngx_calloc(sizeof(ngx_hd_curl_multi_t), ngx_cycle->log);
    if (m == NULL) {
        return NULL;
    }

    if (ngx_hd_curl_memory_init() != NGX_OK) {
        ngx_free(m);
        return NULL;
    }

    ngx_hd_run_mute(&m->log);

    m->fd = (ngx_socket_t) -1;

    ngx_queue_init(&m->idle);
    ngx_queue_init(&m->busy);
    ngx_queue_init(&m->again);

    m->loop.data = m;
    m->loop.ready = ngx_hd_curl_act;
    m->loop.blind = ngx_hd_curl_blind_handler;
    m->loop.log = &m->log;

    ngx_hd_curl_loop_init(&m->loop);

    m->stir.handler = ngx_hd_curl_stir_handler;
    m->stir.data = m;
    m->stir.log = &m->log;

    m->drain.handler = ngx_hd_curl_drain_handler;
    m->drain.data = m;
    m->drain.log = &m->log;

    hmcf->curl = m;

    return m;
}


static ngx_hd_curl_slot_t *
ngx_hd_curl_idle(ngx_hd_curl_multi_t *m)
{
    ngx_queue_t         *q;
    ngx_hd_curl_slot_t  *slot;

    if (ngx_queue_empty(&m->idle)) {
        slot = ngx_calloc(sizeof(ngx_hd_curl_slot_t), &m->log);
        if (slot == NULL) {
            return NULL;
        }

        slot->multi = m;

    } else {
        q = ngx_queue_head(&m->idle);
        ngx_queue_remove(q);

        slot = ngx_queue_data(q, ngx_hd_curl_slot_t, queue);
    }

    if (slot->easy) {
        m->nidle--;
        curl_easy_reset(slot->easy);
        return slot;
    }

    slot->easy = curl_easy_init();

    if (slot->easy == NULL) {
        ngx_queue_insert_tail(&m->idle, &slot->queue);
        return NULL;
    }

    return slot;
}


/*
 * The peer is the only one we talk to, once: a kept connection may be to
 * another address of the same name, and a session taken up again shows no
 * certificate.
 */

static ngx_int_t
ngx_hd_curl_options(ngx_hd_curl_slot_t *slot)
{
    int    rc;
    CURL  *easy;

    easy = slot->easy;

    rc = curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
    rc |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->error);
    rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    rc |= curl_easy_setopt(easy, NGX_HD_CURLOPT_PROTOCOLS,
                           NGX_HD_CURL_PROTOCOLS);
    rc |= curl_easy_setopt(easy, NGX_HD_CURLOPT_REDIRECTS,
                           NGX_HD_CURL_PROTOCOLS);
    rc |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                           ngx_hd_curl_open_handler);
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, slot);
    rc |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                           ngx_hd_curl_loop_close);
    rc |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, &slot->multi->loop);

    return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_hd_curl_go(ngx_hd_curl_slot_t *slot)
{
    ngx_hd_curl_multi_t  *m;

    m = slot->multi;

    /* a fresh handle now and then bounds what libcurl may have lost */

    if (m->transfers >= NGX_HD_CURL_LIFE && ngx_queue_empty(&m->busy)) {
        ngx_hd_curl_destroy(m);
    }

    if (m->handle == NULL && ngx_hd_curl_create(m) != NGX_OK) {
        return NGX_ERROR;
    }

    if (curl_multi_add_handle(m->handle, slot->easy) != CURLM_OK) {
        return NGX_ERROR;
    }

    m->transfers++;
    slot->active = 1;

    ngx_queue_insert_tail(&m->busy, &slot->queue);

    return NGX_OK;
}


static ngx_int_t
ngx_hd_curl_create(ngx_hd_curl_multi_t *m)
{
    int    rc;
    CURLM *handle;

    handle = curl_multi_init();
    if (handle == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_hd_curl_loop_drive(&m->loop, handle);
    rc |= curl_multi_setopt(handle, CURLMOPT_PIPELINING,
                            (long) CURLPIPE_NOTHING);

    if (rc != CURLM_OK) {
        (void) curl_multi_cleanup(handle);
        return NGX_ERROR;
    }

    m->handle = handle;
    m->transfers = 0;
    m->broken = 0;

    return NGX_OK;
}


void
ngx_hd_curl_give(ngx_hd_curl_slot_t *slot)
{
    ngx_hd_curl_multi_t  *m;

    m = slot->multi;

    slot->run = NULL;

    if (slot->active) {
        ngx_hd_curl_stop(slot);
    }

    ngx_hd_curl_forget(slot);

    if (slot->easy && (slot->worn || m->nidle >= NGX_HD_CURL_IDLE)) {
        curl_easy_cleanup(slot->easy);
        slot->easy = NULL;
    }

    /* those with a handle first */

    if (slot->easy) {
        m->nidle++;
        ngx_queue_insert_head(&m->idle, &slot->queue);

    } else {
        ngx_queue_insert_tail(&m->idle, &slot->queue);
    }
}


/* a connection that libcurl closes later is not this slot's any more */

static void
ngx_hd_curl_forget(ngx_hd_curl_slot_t *slot)
{
    ngx_hd_curl_loop_disown(&slot->multi->loop, slot->fd, slot);

    slot->ssl = NULL;
    slot->fd = (ngx_socket_t) -1;
}


static curl_socket_t
ngx_hd_curl_open_handler(void *data, curlsocktype purpose,
    struct curl_sockaddr *addr)
{
    ngx_int_t            rc;
    ngx_socket_t         fd;
    ngx_hd_curl_slot_t  *slot;

    slot = data;

    if (slot->once && slot->fd != (ngx_socket_t) -1) {
        return CURL_SOCKET_BAD;
    }

    if (slot->run == NULL || ngx_hd_run_room(slot->run) != NGX_OK) {
        return CURL_SOCKET_BAD;
    }

    fd = socket(addr->family, addr->socktype, addr->protocol);

    if (fd == (ngx_socket_t) -1) {
        slot->err = ngx_socket_errno;
        return CURL_SOCKET_BAD;
    }

    rc = NGX_ERROR;

    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
        ngx_hd_curl_forget(slot);
        rc = ngx_hd_curl_loop_open(&slot->multi->loop, fd, slot);
    }

    if (rc != NGX_OK) {
        slot->err = NGX_ENOMEM;
        (void) ngx_close_socket(fd);
        return CURL_SOCKET_BAD;
    }

    slot->fd = fd;

    return fd;
}


static void
ngx_hd_curl_blind_handler(void *data, void *owner)
{
    ngx_hd_curl_slot_t   *slot;
    ngx_hd_curl_multi_t  *m;

    m = data;
    slot = owner;

    if (slot == NULL) {
        ngx_hd_curl_is_broken(m);
        return;
    }

    slot->sick = 1;
    m->sick = 1;

    ngx_post_event(&m->drain, &ngx_posted_events);
}


static void
ngx_hd_curl_is_broken(ngx_hd_curl_multi_t *m)
{
    m->broken = 1;

    ngx_post_event(&m->drain, &ngx_posted_events);
}


void
ngx_hd_curl_stir(ngx_hd_curl_slot_t *slot)
{
    ngx_hd_curl_multi_t  *m;

    m = slot->multi;

    if (slot->active && !slot->stirred) {
        slot->stirred = 1;

        ngx_queue_insert_tail(&m->again, &slot->again);
        ngx_post_event(&m->stir, &ngx_posted_next_events);
    }
}


/* those that are stirred by this are called in the next turn of the loop */

static void
ngx_hd_curl_stir_handler(ngx_event_t *ev)
{
    ngx_queue_t           now, *q;
    ngx_hd_curl_slot_t   *slot;
    ngx_hd_curl_multi_t  *m;

    m = ev->data;

    ngx_queue_init(&now);

    if (!ngx_queue_empty(&m->again)) {
        ngx_queue_add(&now, &m->again);
        ngx_queue_init(&m->again);
    }

    while (!ngx_queue_empty(&now)) {
        q = ngx_queue_head(&now);
        ngx_queue_remove(q);

        slot = ngx_queue_data(q, ngx_hd_curl_slot_t, again);
        slot->stirred = 0;

        if (slot->fd != (ngx_socket_t) -1) {
            ngx_hd_curl_act(m, slot->fd, CURL_CSELECT_IN);
        }
    }
}


static void
ngx_hd_curl_act(void *data, curl_socket_t fd, int bits)
{
    int                   running;
    ngx_hd_curl_multi_t  *m;

    m = data;

    if (m->handle == NULL) {
        return;
    }

    if (curl_multi_socket_action(m->handle, fd, bits, &running) != CURLM_OK) {
        m->broken = 1;
    }

    ngx_post_event(&m->drain, &ngx_posted_events);
}


static void
ngx_hd_curl_drain_handler(ngx_event_t *ev)
{
    int                   left;
    char                 *data;
    CURLMsg              *msg;
    CURLcode              code;
    ngx_hd_curl_slot_t   *slot;
    ngx_hd_curl_multi_t  *m;

    m = ev->data;

    while (m->handle && !m->broken) {
        msg = curl_multi_info_read(m->handle, &left);

        if (msg == NULL) {
            break;
        }

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        /* the message does not outlive what follows */

        code = msg->data.result;

        if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &data)
            != CURLE_OK || data == NULL)
        {
            m->broken = 1;
            break;
        }

        slot = (ngx_hd_curl_slot_t *) data;
        slot->worn = (code != CURLE_OK);

        ngx_hd_curl_stop(slot);

        slot->end(slot, ngx_hd_curl_code(slot, code));
    }

    if (m->sick && !m->broken) {
        ngx_hd_curl_cure(m);
    }

    if (m->broken) {
        ngx_hd_curl_rebuild(m);
    }
}


/*
 * What libcurl says of a transfer that failed while it got no memory is not
 * believed, and its connections are dropped with the handle, as soon as nobody
 * uses it.
 */

static CURLcode
ngx_hd_curl_code(ngx_hd_curl_slot_t *slot, CURLcode code)
{
    if (code == CURLE_OK
        || slot->failures == ngx_hd_curl_memory_failures())
    {
        return code;
    }

    slot->multi->transfers = NGX_HD_CURL_LIFE;

    return CURLE_OUT_OF_MEMORY;
}


static void
ngx_hd_curl_cure(ngx_hd_curl_multi_t *m)
{
    ngx_queue_t         *q, *next;
    ngx_hd_curl_slot_t  *slot;

    m->sick = 0;

    for (q = ngx_queue_head(&m->busy);
         q != ngx_queue_sentinel(&m->busy);
         q = next)
    {
        next = ngx_queue_next(q);
        slot = ngx_queue_data(q, ngx_hd_curl_slot_t, queue);

        if (slot->sick) {
            ngx_hd_curl_stop(slot);
            slot->end(slot, CURLE_FAILED_INIT);
        }
    }
}


static void
ngx_hd_curl_stop(ngx_hd_curl_slot_t *slot)
{
    ngx_queue_remove(&slot->queue);
    slot->active = 0;

    if (slot->stirred) {
        ngx_queue_remove(&slot->again);
        slot->stirred = 0;
    }

    if (curl_multi_remove_handle(slot->multi->handle, slot->easy) != CURLM_OK)
    {
        ngx_hd_curl_is_broken(slot->multi);
    }
}


static void
ngx_hd_curl_rebuild(ngx_hd_curl_multi_t *m)
{
    ngx_queue_t          all, *q;
    ngx_hd_curl_slot_t  *slot;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "healthdash: libcurl failed, its probes under way are "
                  "without a result");

    ngx_queue_init(&all);

    while (!ngx_queue_empty(&m->busy)) {
        q = ngx_queue_head(&m->busy);
        slot = ngx_queue_data(q, ngx_hd_curl_slot_t, queue);

        ngx_hd_curl_stop(slot);
        curl_easy_cleanup(slot->easy);
        slot->easy = NULL;

        ngx_queue_insert_tail(&all, q);
    }

    ngx_hd_curl_destroy(m);

    while (!ngx_queue_empty(&all)) {
        q = ngx_queue_head(&all);
        ngx_queue_remove(q);

        slot = ngx_queue_data(q, ngx_hd_curl_slot_t, queue);
        slot->end(slot, CURLE_FAILED_INIT);
    }
}


/* the multi handle, and every descriptor and event it has used */

static void
ngx_hd_curl_destroy(ngx_hd_curl_multi_t *m)
{
    if (m->handle) {
        (void) curl_multi_cleanup(m->handle);
        m->handle = NULL;
    }

    ngx_hd_curl_loop_clear(&m->loop);

    if (m->stir.posted) {
        ngx_delete_posted_event(&m->stir);
    }

    if (m->drain.posted) {
        ngx_delete_posted_event(&m->drain);
    }

    m->broken = 0;
    m->sick = 0;
}


void
ngx_hd_curl_exit_worker(ngx_hd_main_conf_t *hmcf)
{
    ngx_queue_t          *q;
    ngx_hd_curl_slot_t   *slot;
    ngx_hd_curl_multi_t  *m;

    m = hmcf->curl;

    if (m == NULL) {
        return;
    }

    hmcf->curl = NULL;

    while (!ngx_queue_empty(&m->busy)) {
        q = ngx_queue_head(&m->busy);
        ngx_hd_curl_give(ngx_queue_data(q, ngx_hd_curl_slot_t, queue));
    }

    ngx_hd_curl_destroy(m);

    while (!ngx_queue_empty(&m->idle)) {
        q = ngx_queue_head(&m->idle);
        ngx_queue_remove(q);

        slot = ngx_queue_data(q, ngx_hd_curl_slot_t, queue);

        if (slot->easy) {
            curl_easy_cleanup(slot->easy);
        }

        ngx_free(slot);
    }

    ngx_free(m);
}

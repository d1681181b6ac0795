
/*
 * healthdash: libcurl's descriptors and its timer in nginx's event loop.  Owns
 * a watch of each descriptor.  The callbacks of libcurl never fail: failing
 * would end every transfer.  What goes wrong in one is told to the caller, who
 * must not call libcurl from there.
 */


#include <ngx_hd_curl_loop.h>
#include <ngx_hd_watch.h>


#define NGX_HD_CURL_WAIT       3600000 /* msec, longest timer */


typedef struct {
    ngx_rbtree_node_t    node;          /* key: the descriptor */
    ngx_hd_watch_t       watch;
    ngx_hd_curl_loop_t  *loop;
    void                *owner;         /* NULL: nobody, or not any more */
    unsigned             opened:1;      /* by us, and its end is told us */
} ngx_hd_curl_socket_t;


static int ngx_hd_curl_loop_socket_handler(CURL *easy, curl_socket_t fd,
    int what, void *data, void *socket);
static ngx_hd_curl_socket_t *ngx_hd_curl_loop_add(ngx_hd_curl_loop_t *loop,
    ngx_socket_t fd, void *owner);
static void ngx_hd_curl_loop_set(ngx_hd_curl_socket_t *s, int what);
static void ngx_hd_curl_loop_watch_handler(ngx_hd_watch_t *w,
    ngx_uint_t ready);
static int ngx_hd_curl_loop_timer_handler(CURLM *handle, long msec,
    void *data);
static void ngx_hd_curl_loop_unset_timer(ngx_hd_curl_loop_t *loop);
static void ngx_hd_curl_loop_timeout_handler(ngx_event_t *ev);
static ngx_hd_curl_socket_t *ngx_hd_curl_loop_find(ngx_hd_curl_loop_t *loop,
    ngx_socket_t fd);
static void ngx_hd_curl_loop_remove(ngx_hd_curl_socket_t *s);


void
ngx_hd_curl_loop_init(ngx_hd_curl_loop_t *loop)
{
    loop->fd = (ngx_socket_t) -1;

    ngx_rbtree_init(&loop->sockets, &loop->sentinel, ngx_rbtree_insert_value);

    loop->timer.handler = ngx_hd_curl_loop_timeout_handler;
    loop->timer.data = loop;
    loop->timer.log = loop->log;
    loop->timer.cancelable = 1;

    loop->turn.handler = ngx_hd_curl_loop_timeout_handler;
    loop->turn.data = loop;
    loop->turn.log = loop->log;
}


int
ngx_hd_curl_loop_drive(ngx_hd_curl_loop_t *loop, CURLM *handle)
{
    int  rc;

    rc = curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION,
                           ngx_hd_curl_loop_socket_handler);
    rc |= curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, loop);
    rc |= curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION,
                            ngx_hd_curl_loop_timer_handler);
    rc |= curl_multi_setopt(handle, CURLMOPT_TIMERDATA, loop);

    return rc;
}


static int
ngx_hd_curl_loop_socket_handler(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket)
{
    ngx_hd_curl_loop_t    *loop;
    ngx_hd_curl_socket_t  *s;

    loop = data;
    s = ngx_hd_curl_loop_find(loop, fd);

    /* "remove" does not say that it is closed, and may come for no reason */

    if (s == NULL && what == CURL_POLL_REMOVE) {
        return 0;
    }

    if (s == NULL) {
        s = ngx_hd_curl_loop_add(loop, fd, NULL);
    }

    if (s == NULL) {
        loop->blind(loop->data, NULL);
        return 0;
    }

    if (what == CURL_POLL_REMOVE && !s->opened) {
        ngx_hd_curl_loop_remove(s);
        return 0;
    }

    ngx_hd_curl_loop_set(s, what);

    return 0;
}


static ngx_hd_curl_socket_t *
ngx_hd_curl_loop_add(ngx_hd_curl_loop_t *loop, ngx_socket_t fd, void *owner)
{
    ngx_hd_curl_socket_t  *s;

    s = ngx_calloc(sizeof(ngx_hd_curl_socket_t), loop->log);
    if (s == NULL) {
        return NULL;
    }

    s->node.key = (ngx_rbtree_key_t) fd;
    s->loop = loop;
    s->owner = owner;
    s->watch.handler = ngx_hd_curl_loop_watch_handler;
    s->watch.data = s;

    if (ngx_hd_watch_open(&s->watch, fd, loop->log) != NGX_OK) {
        ngx_free(s);
        return NULL;
    }

    ngx_rbtree_insert(&loop->sockets, &s->node);

    return s;
}


static void
ngx_hd_curl_loop_set(ngx_hd_curl_socket_t *s, int what)
{
    ngx_uint_t  events;

    events = 0;

    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) {
        events |= NGX_HD_WATCH_READ;
    }

    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) {
        events |= NGX_HD_WATCH_WRITE;
    }

    if (ngx_hd_watch_set(&s->watch, events) != NGX_OK) {
        s->loop->blind(s->loop->data, s->owner);
    }
}


static void
ngx_hd_curl_loop_watch_handler(ngx_hd_watch_t *w, ngx_uint_t ready)
{
    int                    bits;
    ngx_hd_curl_socket_t  *s;

    s = w->data;

    bits = (ready & NGX_HD_WATCH_READ) ? CURL_CSELECT_IN : 0;
    bits |= (ready & NGX_HD_WATCH_WRITE) ? CURL_CSELECT_OUT : 0;

    s->loop->ready(s->loop->data, (curl_socket_t) s->node.key, bits);
}


static int
ngx_hd_curl_loop_timer_handler(CURLM *handle, long msec, void *data)
{
    ngx_hd_curl_loop_t  *loop;

    loop = data;

    ngx_hd_curl_loop_unset_timer(loop);

    /* libcurl may ask for 0 again and again: others get their turn between */

    if (msec == 0) {
        ngx_post_event(&loop->turn, &ngx_posted_next_events);

    } else if (msec > 0) {
        ngx_add_timer(&loop->timer,
                      (ngx_msec_t) ngx_min(msec, NGX_HD_CURL_WAIT));
    }

    return 0;
}


static void
ngx_hd_curl_loop_unset_timer(ngx_hd_curl_loop_t *loop)
{
    if (loop->timer.timer_set) {
        ngx_del_timer(&loop->timer);
    }

    if (loop->turn.posted) {
        ngx_delete_posted_event(&loop->turn);
    }
}


static void
ngx_hd_curl_loop_timeout_handler(ngx_event_t *ev)
{
    ngx_hd_curl_loop_t  *loop;

    loop = ev->data;

    loop->ready(loop->data, CURL_SOCKET_TIMEOUT, 0);
}


ngx_int_t
ngx_hd_curl_loop_open(ngx_hd_curl_loop_t *loop, ngx_socket_t fd, void *owner)
{
    ngx_hd_curl_socket_t  *s;

    s = ngx_hd_curl_loop_add(loop, fd, owner);
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->opened = 1;

    return NGX_OK;
}


void
ngx_hd_curl_loop_disown(ngx_hd_curl_loop_t *loop, ngx_socket_t fd, void *owner)
{
    ngx_hd_curl_socket_t  *s;

    s = ngx_hd_curl_loop_find(loop, fd);

    if (s && s->owner == owner) {
        s->owner = NULL;
    }
}


int
ngx_hd_curl_loop_close(void *data, curl_socket_t fd)
{
    ngx_hd_curl_socket_t  *s;

    s = ngx_hd_curl_loop_find(data, fd);

    if (s) {
        ngx_hd_curl_loop_remove(s);
    }

    return ngx_close_socket(fd);
}


void
ngx_hd_curl_loop_clear(ngx_hd_curl_loop_t *loop)
{
    ngx_hd_curl_socket_t  *s;

    while (loop->sockets.root != &loop->sentinel) {
        s = (ngx_hd_curl_socket_t *) loop->sockets.root;

        if (s->opened) {
            (void) ngx_hd_curl_loop_close(loop, (curl_socket_t) s->node.key);

        } else {
            ngx_hd_curl_loop_remove(s);
        }
    }

    ngx_hd_curl_loop_unset_timer(loop);
}


static ngx_hd_curl_socket_t *
ngx_hd_curl_loop_find(ngx_hd_curl_loop_t *loop, ngx_socket_t fd)
{
    ngx_rbtree_key_t    key;
    ngx_rbtree_node_t  *node;

    key = (ngx_rbtree_key_t) fd;
    node = loop->sockets.root;

    while (node != &loop->sentinel && node->key != key) {
        node = (key < node->key) ? node->left : node->right;
    }

    return (node == &loop->sentinel) ? NULL : (ngx_hd_curl_socket_t *) node;
}


static void
ngx_hd_curl_loop_remove(ngx_hd_curl_socket_t *s)
{
    ngx_hd_watch_close(&s->watch);
    ngx_rbtree_delete(&s->loop->sockets, &s->node);
    ngx_free(s);
}

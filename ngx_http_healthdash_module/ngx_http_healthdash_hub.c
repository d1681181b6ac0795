
/*
 * healthdash: the live streams of a worker.  A hub exists while there are
 * viewers: it looks four times a second whether there is something to tell, and
 * tells all viewers of one kind the same bytes.  When its worker is to exit, or
 * has another configuration, it ends all streams and itself.  Called by the
 * handler.
 *
 * nginx ends a worker that is to exit when no timer is left that is not
 * cancelable, whatever connections are open.  So that of the hub is not: it is
 * what gives the streams an end, and it is gone with them.
 */


#include <ngx_http_healthdash_hub.h>
#include <ngx_http_healthdash_viewer.h>
#include <ngx_hd_channel.h>


#define NGX_HTTP_HEALTHDASH_HUB_PERIOD   250    /* msec */
#define NGX_HTTP_HEALTHDASH_HUB_SILENCE  15000  /* msec, then a heartbeat */
#define NGX_HTTP_HEALTHDASH_HUB_POOL     4096

/* one in so many connections of the worker may be a stream */
#define NGX_HTTP_HEALTHDASH_HUB_SHARE    4

/* who is told at once, before others have their turn */
#define NGX_HTTP_HEALTHDASH_HUB_BATCH    32

/* a browser that lost its stream comes again after so many msec */
#define NGX_HTTP_HEALTHDASH_HUB_RETRY    "retry: 1000\n\n"


typedef struct ngx_http_healthdash_hub_s  ngx_http_healthdash_hub_t;


/* the viewers of one kind; each is in one of the four queues */

typedef struct {
    ngx_http_healthdash_hub_t  *hub;
    ngx_queue_t                 queue;          /* of the hub's channels */
    const ngx_hd_live_t        *live;
    ngx_hd_channel_t           *channel;
    ngx_queue_t                 new;            /* for the next round */
    ngx_queue_t                 joining;        /* to get the snapshot */
    ngx_queue_t                 watching;       /* to get the change */
    ngx_queue_t                 told;           /* have got it */
    ngx_msec_t                  last;           /* round, its end */
    ngx_msec_t                  spoke;          /* something was sent */
    ngx_hd_message_t           *message;        /* for those who watch */
    unsigned                    public:1;       /* pictures are */
    unsigned                    busy:1;         /* a round is under way */
    unsigned                    telling:1;      /* and all is written */
} ngx_http_healthdash_stream_t;


/* the first fields are for ngx_event_ident() */

struct ngx_http_healthdash_hub_s {
    ngx_pool_t                 *pool;
    volatile ngx_cycle_t       *cycle;
    ngx_hd_main_conf_t         *main;
    ngx_socket_t                fd;

    ngx_event_t                 timer;
    ngx_event_t                 step;
    ngx_queue_t                 streams;
    ngx_uint_t                  n;              /* viewers */
    ngx_hd_message_t           *heartbeat;
};


static ngx_int_t ngx_http_healthdash_hub_head(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer);
static ngx_http_healthdash_hub_t *ngx_http_healthdash_hub(
    ngx_hd_main_conf_t *hmcf);
static ngx_int_t ngx_http_healthdash_hub_init(ngx_http_healthdash_hub_t *hub,
    ngx_hd_main_conf_t *hmcf);
static ngx_http_healthdash_stream_t *ngx_http_healthdash_hub_stream(
    ngx_http_healthdash_hub_t *hub, const ngx_http_healthdash_wish_t *wish);
static ngx_http_healthdash_stream_t *ngx_http_healthdash_hub_add(
    ngx_http_healthdash_hub_t *hub, const ngx_http_healthdash_wish_t *wish);
static void ngx_http_healthdash_hub_gone(ngx_http_healthdash_viewer_t *v);
static void ngx_http_healthdash_hub_tick(ngx_event_t *ev);
static ngx_uint_t ngx_http_healthdash_hub_is_over(
    ngx_http_healthdash_hub_t *hub);
static void ngx_http_healthdash_hub_close(ngx_http_healthdash_hub_t *hub);
static void ngx_http_healthdash_hub_look(ngx_http_healthdash_stream_t *s);
static void ngx_http_healthdash_hub_begin(ngx_http_healthdash_stream_t *s);
static void ngx_http_healthdash_hub_step(ngx_event_t *ev);
static void ngx_http_healthdash_hub_round(ngx_http_healthdash_stream_t *s);
static void ngx_http_healthdash_hub_tell(ngx_http_healthdash_stream_t *s);
static ngx_uint_t ngx_http_healthdash_hub_show(ngx_http_healthdash_stream_t *s,
    ngx_http_healthdash_viewer_t *v);
static void ngx_http_healthdash_hub_rest(ngx_http_healthdash_stream_t *s);
static void ngx_http_healthdash_hub_end(ngx_http_healthdash_stream_t *s);
static void ngx_http_healthdash_hub_end_queue(ngx_queue_t *queue);
static void ngx_http_healthdash_hub_move(ngx_queue_t *to, ngx_queue_t *from);
static ngx_http_healthdash_viewer_t *ngx_http_healthdash_hub_take(
    ngx_queue_t *to, ngx_queue_t *from);


ngx_int_t
ngx_http_healthdash_hub_join(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer,
    const ngx_http_healthdash_wish_t *wish)
{
    ngx_int_t                      rc;
    ngx_hd_main_conf_t            *hmcf;
    ngx_http_healthdash_hub_t     *hub;
    ngx_http_healthdash_viewer_t  *v;
    ngx_http_healthdash_stream_t  *s;

    hmcf = ngx_http_get_module_main_conf(r, ngx_http_healthdash_module);

    rc = ngx_http_healthdash_hub_head(r, answer);

    if (rc != NGX_OK || r->header_only) {
        return rc;
    }

    /* who is late comes again, to a worker that stays */

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    hub = ngx_http_healthdash_hub(hmcf);
    s = hub ? ngx_http_healthdash_hub_stream(hub, wish) : NULL;
    v = s ? ngx_http_healthdash_viewer_create(r) : NULL;

    if (v == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_healthdash_viewer_begin(v);

    if (rc != NGX_DONE) {
        return rc;
    }

    v->data = s;
    v->event = wish->event;
    v->knows = wish->knows;
    v->gone = ngx_http_healthdash_hub_gone;

    ngx_queue_insert_tail(&s->new, &v->queue);
    hub->n++;

    ngx_http_healthdash_hub_look(s);

    return NGX_DONE;
}


/* the header and the first line, or a refusal */

static ngx_int_t
ngx_http_healthdash_hub_head(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer)
{
    ngx_int_t      rc;
    ngx_hd_text_t  text;

    ngx_hd_text_init(&text, r->pool);

    rc = ngx_http_healthdash_answer_head(r, answer, -1);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    ngx_hd_text_add(&text, NGX_HTTP_HEALTHDASH_HUB_RETRY);

    if (text.failed) {
        return NGX_ERROR;
    }

    text.last->buf->flush = 1;

    rc = ngx_http_output_filter(r, text.first);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


ngx_uint_t
ngx_http_healthdash_hub_is_full(ngx_hd_main_conf_t *hmcf)
{
    ngx_http_healthdash_hub_t  *hub;

    hub = hmcf->hub;

    return hub && hub->n >= ngx_max(1, ngx_cycle->connection_n
                                       / NGX_HTTP_HEALTHDASH_HUB_SHARE);
}


static ngx_http_healthdash_hub_t *
ngx_http_healthdash_hub(ngx_hd_main_conf_t *hmcf)
{
    ngx_pool_t                 *pool;
    ngx_http_healthdash_hub_t  *hub;

    if (hmcf->hub) {
        return hmcf->hub;
    }

    pool = ngx_create_pool(NGX_HTTP_HEALTHDASH_HUB_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    hub = ngx_pcalloc(pool, sizeof(ngx_http_healthdash_hub_t));

    if (hub == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    hub->pool = pool;

    if (ngx_http_healthdash_hub_init(hub, hmcf) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    return hub;
}


static ngx_int_t
ngx_http_healthdash_hub_init(ngx_http_healthdash_hub_t *hub,
    ngx_hd_main_conf_t *hmcf)
{
    hub->cycle = ngx_cycle;
    hub->main = hmcf;
    hub->fd = (ngx_socket_t) -1;

    ngx_queue_init(&hub->streams);

    hub->heartbeat = ngx_hd_message_create(ngx_cycle->log);
    if (hub->heartbeat == NULL) {
        return NGX_ERROR;
    }

    /* not a comment: programs in pages can not see these */

    ngx_hd_text_add(&hub->heartbeat->text, "event: beat\ndata: {}\n\n");

    if (hub->heartbeat->text.failed) {
        ngx_hd_message_release(hub->heartbeat);
        return NGX_ERROR;
    }

    hub->timer.handler = ngx_http_healthdash_hub_tick;
    hub->timer.data = hub;
    hub->timer.log = ngx_cycle->log;

    hub->step.handler = ngx_http_healthdash_hub_step;
    hub->step.data = hub;
    hub->step.log = ngx_cycle->log;

    ngx_add_timer(&hub->timer, NGX_HTTP_HEALTHDASH_HUB_PERIOD);

    hmcf->hub = hub;

    return NGX_OK;
}


/* the stream of that kind; the first one who wants it begins it */

static ngx_http_healthdash_stream_t *
ngx_http_healthdash_hub_stream(ngx_http_healthdash_hub_t *hub,
    const ngx_http_healthdash_wish_t *wish)
{
    ngx_queue_t                   *q;
    ngx_http_healthdash_stream_t  *s;

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_healthdash_stream_t, queue);

        if (s->live == wish->live && s->public == wish->filter.public) {
            return s;
        }
    }

    return ngx_http_healthdash_hub_add(hub, wish);
}


static ngx_http_healthdash_stream_t *
ngx_http_healthdash_hub_add(ngx_http_healthdash_hub_t *hub,
    const ngx_http_healthdash_wish_t *wish)
{
    ngx_http_healthdash_stream_t  *s;

    s = ngx_pcalloc(hub->pool, sizeof(ngx_http_healthdash_stream_t));
    if (s == NULL) {
        return NULL;
    }

    s->hub = hub;
    s->live = wish->live;
    s->public = wish->filter.public;

    s->channel = ngx_hd_channel_create(hub->main, &wish->filter, wish->live,
                                       hub->pool);
    if (s->channel == NULL) {
        return NULL;
    }

    /* nothing was told yet, so nobody has to wait */

    s->last = ngx_current_msec - NGX_HTTP_HEALTHDASH_HUB_PERIOD;
    s->spoke = ngx_current_msec;

    ngx_queue_init(&s->new);
    ngx_queue_init(&s->joining);
    ngx_queue_init(&s->watching);
    ngx_queue_init(&s->told);

    ngx_queue_insert_tail(&hub->streams, &s->queue);

    return s;
}


static void
ngx_http_healthdash_hub_gone(ngx_http_healthdash_viewer_t *v)
{
    ngx_http_healthdash_stream_t  *s;

    s = v->data;

    ngx_queue_remove(&v->queue);
    s->hub->n--;
}


static void
ngx_http_healthdash_hub_tick(ngx_event_t *ev)
{
    ngx_queue_t                *q;
    ngx_http_healthdash_hub_t  *hub;

    hub = ev->data;

    if (hub->n == 0 || ngx_http_healthdash_hub_is_over(hub)) {
        ngx_http_healthdash_hub_close(hub);
        return;
    }

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        ngx_http_healthdash_hub_look(ngx_queue_data(q,
                                       ngx_http_healthdash_stream_t, queue));
    }

    ngx_add_timer(&hub->timer, NGX_HTTP_HEALTHDASH_HUB_PERIOD);
}


static ngx_uint_t
ngx_http_healthdash_hub_is_over(ngx_http_healthdash_hub_t *hub)
{
    return ngx_exiting || ngx_quit || ngx_terminate
           || hub->cycle != ngx_cycle;
}


static void
ngx_http_healthdash_hub_close(ngx_http_healthdash_hub_t *hub)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        ngx_http_healthdash_hub_end(ngx_queue_data(q,
                                       ngx_http_healthdash_stream_t, queue));
    }

    if (hub->timer.timer_set) {
        ngx_del_timer(&hub->timer);
    }

    if (hub->step.posted) {
        ngx_delete_posted_event(&hub->step);
    }

    ngx_hd_message_release(hub->heartbeat);

    hub->main->hub = NULL;

    ngx_destroy_pool(hub->pool);
}


/* is it time for a round, or for a sign of life? */

static void
ngx_http_healthdash_hub_look(ngx_http_healthdash_stream_t *s)
{
    if (s->busy
        || ngx_current_msec - s->last < NGX_HTTP_HEALTHDASH_HUB_PERIOD)
    {
        return;
    }

    if (!ngx_queue_empty(&s->new)) {
        ngx_http_healthdash_hub_begin(s);
        return;
    }

    if (ngx_queue_empty(&s->watching)) {
        return;
    }

    if (ngx_hd_channel_beats(s->channel)) {
        ngx_http_healthdash_hub_begin(s);
        return;
    }

    if (ngx_current_msec - s->spoke >= NGX_HTTP_HEALTHDASH_HUB_SILENCE) {
        s->message = s->hub->heartbeat;
        s->busy = 1;
        s->telling = 1;

        ngx_post_event(&s->hub->step, &ngx_posted_next_events);
    }
}


static void
ngx_http_healthdash_hub_begin(ngx_http_healthdash_stream_t *s)
{
    ngx_http_healthdash_hub_move(&s->joining, &s->new);

    s->busy = 1;

    if (ngx_hd_channel_begin(s->channel, !ngx_queue_empty(&s->watching),
                             !ngx_queue_empty(&s->joining))
        != NGX_OK)
    {
        /* there is no memory now; nothing is lost but time */

        ngx_http_healthdash_hub_move(&s->new, &s->joining);
        ngx_http_healthdash_hub_rest(s);
        return;
    }

    ngx_post_event(&s->hub->step, &ngx_posted_next_events);
}


static void
ngx_http_healthdash_hub_step(ngx_event_t *ev)
{
    ngx_queue_t                   *q;
    ngx_http_healthdash_hub_t     *hub;
    ngx_http_healthdash_stream_t  *s;

    hub = ev->data;

    for (q = ngx_queue_head(&hub->streams);
         q != ngx_queue_sentinel(&hub->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_healthdash_stream_t, queue);

        if (s->telling) {
            ngx_http_healthdash_hub_tell(s);

        } else if (s->busy) {
            ngx_http_healthdash_hub_round(s);
        }

        if (s->busy) {
            ngx_post_event(&hub->step, &ngx_posted_next_events);
        }
    }
}


static void
ngx_http_healthdash_hub_round(ngx_http_healthdash_stream_t *s)
{
    ngx_int_t  rc;

    rc = ngx_hd_channel_more(s->channel);

    if (rc == NGX_ERROR) {
        ngx_http_healthdash_hub_end(s);
        return;
    }

    if (rc == NGX_OK) {
        s->telling = 1;
        s->message = ngx_hd_channel_change(s->channel);
    }
}


static void
ngx_http_healthdash_hub_tell(ngx_http_healthdash_stream_t *s)
{
    ngx_uint_t                     n;
    ngx_http_healthdash_viewer_t  *v;

    if (s->message == NULL) {
        ngx_http_healthdash_hub_move(&s->told, &s->watching);
    }

    for (n = 0; n < NGX_HTTP_HEALTHDASH_HUB_BATCH; n++) {
        v = ngx_http_healthdash_hub_take(&s->told, &s->watching);

        if (v) {
            s->spoke = ngx_current_msec;
            (void) ngx_http_healthdash_viewer_send(v, s->message);
            continue;
        }

        v = ngx_http_healthdash_hub_take(&s->told, &s->joining);

        if (v == NULL) {
            ngx_http_healthdash_hub_rest(s);
            return;
        }

        s->spoke = ngx_current_msec;

        if (ngx_http_healthdash_hub_show(s, v)) {
            return;
        }
    }
}


/*
 * The first that a viewer gets: the snapshot, and the events that it needs.
 * Returns 1 if these had to be written, for others have their turn then.
 */

static ngx_uint_t
ngx_http_healthdash_hub_show(ngx_http_healthdash_stream_t *s,
    ngx_http_healthdash_viewer_t *v)
{
    ngx_uint_t         made;
    ngx_hd_message_t  *tail;

    tail = ngx_hd_channel_tail(s->channel, v->knows, v->event, &made);

    if (tail == NULL) {
        ngx_http_healthdash_viewer_end(v);
        return made;
    }

    if (ngx_http_healthdash_viewer_send(v,
                                        ngx_hd_channel_snapshot(s->channel))
        == NGX_OK)
    {
        (void) ngx_http_healthdash_viewer_send(v, tail);
    }

    return made;
}


static void
ngx_http_healthdash_hub_rest(ngx_http_healthdash_stream_t *s)
{
    ngx_hd_channel_end(s->channel);

    ngx_http_healthdash_hub_move(&s->watching, &s->told);

    s->message = NULL;
    s->busy = 0;
    s->telling = 0;
    s->last = ngx_current_msec;
}


/* all its viewers: they come again, if they like */

static void
ngx_http_healthdash_hub_end(ngx_http_healthdash_stream_t *s)
{
    ngx_http_healthdash_hub_end_queue(&s->new);
    ngx_http_healthdash_hub_end_queue(&s->joining);
    ngx_http_healthdash_hub_end_queue(&s->watching);
    ngx_http_healthdash_hub_end_queue(&s->told);

    ngx_http_healthdash_hub_rest(s);
}


static void
ngx_http_healthdash_hub_end_queue(ngx_queue_t *queue)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(queue)) {
        q = ngx_queue_head(queue);

        ngx_http_healthdash_viewer_end(
                   ngx_queue_data(q, ngx_http_healthdash_viewer_t, queue));
    }
}


static void
ngx_http_healthdash_hub_move(ngx_queue_t *to, ngx_queue_t *from)
{
    if (!ngx_queue_empty(from)) {
        ngx_queue_add(to, from);
        ngx_queue_init(from);
    }
}


/* the next one of a queue, now in another one; NULL: there is none */

static ngx_http_healthdash_viewer_t *
ngx_http_healthdash_hub_take(ngx_queue_t *to, ngx_queue_t *from)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(from)) {
        return NULL;
    }

    q = ngx_queue_head(from);

    ngx_queue_remove(q);
    ngx_queue_insert_tail(to, q);

    return ngx_queue_data(q, ngx_http_healthdash_viewer_t, queue);
}

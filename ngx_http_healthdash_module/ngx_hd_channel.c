
/*
 * healthdash: what a live stream tells, in rounds: a picture is taken, what
 * is new in it is marked, and messages are written, all in parts, so that the
 * worker goes on meanwhile.  Called by the hub of the worker.
 */


#include <ngx_hd_channel.h>
#include <ngx_hd_pulse.h>


#define NGX_HD_CHANNEL_POOL     4096
#define NGX_HD_CHANNEL_SLICE    65536


typedef enum {
    NGX_HD_CHANNEL_IDLE = 0,
    NGX_HD_CHANNEL_TAKE,
    NGX_HD_CHANNEL_CHANGE,
    NGX_HD_CHANNEL_PULSE,
    NGX_HD_CHANNEL_SNAPSHOT,
    NGX_HD_CHANNEL_DONE
} ngx_hd_channel_part_e;


struct ngx_hd_channel_s {
    ngx_hd_main_conf_t      *main;
    ngx_hd_view_filter_t     filter;
    const ngx_hd_live_t     *live;
    ngx_hd_pulse_t          *pulse;
    uint64_t                 event;     /* the last one that was told */

    /* of the round */

    ngx_hd_channel_part_e    part;
    ngx_pool_t              *pool;
    ngx_hd_view_t           *view;
    ngx_hd_render_cursor_t   cursor;
    uint64_t                 first;     /* event of the tail */
    ngx_hd_message_t        *change;
    ngx_hd_message_t        *snapshot;
    ngx_hd_message_t        *tail;
    unsigned                 need_change:1;
    unsigned                 need_snapshot:1;
};


static void ngx_hd_channel_cleanup(void *data);
static ngx_int_t ngx_hd_channel_take(ngx_hd_channel_t *ch);
static ngx_int_t ngx_hd_channel_start(ngx_hd_channel_t *ch,
    ngx_hd_channel_part_e part);
static ngx_hd_message_t *ngx_hd_channel_head(ngx_hd_channel_t *ch,
    const char *name);
static ngx_int_t ngx_hd_channel_write_change(ngx_hd_channel_t *ch);
static ngx_int_t ngx_hd_channel_write_pulse(ngx_hd_channel_t *ch);
static ngx_int_t ngx_hd_channel_write_snapshot(ngx_hd_channel_t *ch);
static ngx_int_t ngx_hd_channel_write(ngx_hd_channel_t *ch,
    ngx_hd_message_t *m, const ngx_hd_render_t *render);
static void ngx_hd_channel_events(ngx_hd_channel_t *ch, ngx_hd_message_t *m,
    uint64_t first);


ngx_hd_channel_t *
ngx_hd_channel_create(ngx_hd_main_conf_t *hmcf,
    const ngx_hd_view_filter_t *filter, const ngx_hd_live_t *live,
    ngx_pool_t *pool)
{
    ngx_hd_channel_t    *ch;
    ngx_pool_cleanup_t  *cln;

    ch = ngx_pcalloc(pool, sizeof(ngx_hd_channel_t));
    cln = ngx_pool_cleanup_add(pool, 0);

    if (ch == NULL || cln == NULL) {
        return NULL;
    }

    ch->main = hmcf;
    ch->filter = *filter;
    ch->live = live;

    ch->pulse = ngx_hd_pulse_create(hmcf, pool);
    if (ch->pulse == NULL) {
        return NULL;
    }

    cln->handler = ngx_hd_channel_cleanup;
    cln->data = ch;

    return ch;
}


static void
ngx_hd_channel_cleanup(void *data)
{
    ngx_hd_channel_end(data);
}


ngx_uint_t
ngx_hd_channel_beats(ngx_hd_channel_t *ch)
{
    return ngx_hd_pulse_beats(ch->pulse);
}


ngx_int_t
ngx_hd_channel_begin(ngx_hd_channel_t *ch, ngx_uint_t change,
    ngx_uint_t snapshot)
{
    ch->pool = ngx_create_pool(NGX_HD_CHANNEL_POOL, ngx_cycle->log);
    if (ch->pool == NULL) {
        return NGX_ERROR;
    }

    ngx_hd_pulse_begin(ch->pulse);

    ch->view = ngx_hd_view_begin(ch->main, &ch->filter, ch->pool);
    if (ch->view == NULL) {
        return NGX_ERROR;
    }

    /* what is told once is never told again, so nothing may come behind it */

    if (ch->main->zone) {
        ngx_hd_event_settle(ch->main->zone, ch->event, ch->view->event);
    }

    ch->part = NGX_HD_CHANNEL_TAKE;
    ch->need_change = change;
    ch->need_snapshot = snapshot;

    return NGX_OK;
}


ngx_int_t
ngx_hd_channel_more(ngx_hd_channel_t *ch)
{
    ngx_int_t  rc;

    switch (ch->part) {

    case NGX_HD_CHANNEL_TAKE:
        rc = ngx_hd_channel_take(ch);
        break;

    case NGX_HD_CHANNEL_CHANGE:
        rc = ngx_hd_channel_write_change(ch);
        break;

    case NGX_HD_CHANNEL_PULSE:
        rc = ngx_hd_channel_write_pulse(ch);
        break;

    case NGX_HD_CHANNEL_SNAPSHOT:
        rc = ngx_hd_channel_write_snapshot(ch);
        break;

    default: /* NGX_HD_CHANNEL_DONE */
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return (ch->part == NGX_HD_CHANNEL_DONE) ? NGX_OK : NGX_AGAIN;
}


static ngx_int_t
ngx_hd_channel_take(ngx_hd_channel_t *ch)
{
    ngx_int_t   rc, news;
    ngx_uint_t  change;

    rc = ngx_hd_view_more(ch->view);

    if (rc != NGX_OK) {
        return rc;
    }

    news = ngx_hd_pulse_mark(ch->pulse, ch->view);

    if (news == NGX_ERROR) {
        return NGX_ERROR;
    }

    change = ch->need_change && (news || ch->view->event != ch->event);

    return ngx_hd_channel_start(ch, change ? NGX_HD_CHANNEL_CHANGE
                                : ch->need_snapshot ? NGX_HD_CHANNEL_SNAPSHOT
                                : NGX_HD_CHANNEL_DONE);
}


static ngx_int_t
ngx_hd_channel_start(ngx_hd_channel_t *ch, ngx_hd_channel_part_e part)
{
    ch->part = part;

    ngx_memzero(&ch->cursor, sizeof(ngx_hd_render_cursor_t));

    if (part == NGX_HD_CHANNEL_CHANGE) {
        ch->change = ngx_hd_channel_head(ch, "change");
        return ch->change ? NGX_OK : NGX_ERROR;
    }

    if (part == NGX_HD_CHANNEL_SNAPSHOT) {
        ch->snapshot = ngx_hd_channel_head(ch, "snapshot");
        return ch->snapshot ? NGX_OK : NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_hd_message_t *
ngx_hd_channel_head(ngx_hd_channel_t *ch, const char *name)
{
    ngx_hd_message_t  *m;

    m = ngx_hd_message_create(ngx_cycle->log);
    if (m == NULL) {
        return NULL;
    }

    ngx_hd_text_add(&m->text, "id: ");
    ngx_hd_text_uint(&m->text, ch->view->event);
    ngx_hd_text_add(&m->text, "\nevent: ");
    ngx_hd_text_add(&m->text, name);
    ngx_hd_text_add(&m->text, "\ndata: ");

    return m;
}


static ngx_int_t
ngx_hd_channel_write_change(ngx_hd_channel_t *ch)
{
    ngx_int_t  rc;

    rc = ngx_hd_channel_write(ch, ch->change, &ch->live->change);

    return (rc == NGX_OK) ? ngx_hd_channel_start(ch, NGX_HD_CHANNEL_PULSE)
                          : rc;
}


static ngx_int_t
ngx_hd_channel_write_pulse(ngx_hd_channel_t *ch)
{
    ngx_int_t  rc;

    rc = ngx_hd_channel_write(ch, ch->change, &ch->live->pulse);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_hd_channel_events(ch, ch->change, ch->event + 1);

    if (ch->change->text.failed) {
        return NGX_ERROR;
    }

    return ngx_hd_channel_start(ch, ch->need_snapshot
                                    ? NGX_HD_CHANNEL_SNAPSHOT
                                    : NGX_HD_CHANNEL_DONE);
}


static ngx_int_t
ngx_hd_channel_write_snapshot(ngx_hd_channel_t *ch)
{
    ngx_int_t        rc;
    ngx_hd_render_t  render;

    render = *ch->live->snapshot;
    render.foot = NULL;

    rc = ngx_hd_channel_write(ch, ch->snapshot, &render);

    if (rc != NGX_OK) {
        return rc;
    }

    ch->snapshot->whole = 1;

    ngx_hd_text_add(&ch->snapshot->text, ch->live->end);

    if (ch->snapshot->text.failed) {
        return NGX_ERROR;
    }

    ngx_hd_message_seal(ch->snapshot, &ch->main->held);

    return ngx_hd_channel_start(ch, NGX_HD_CHANNEL_DONE);
}


/* a line break would end the data */

static ngx_int_t
ngx_hd_channel_write(ngx_hd_channel_t *ch, ngx_hd_message_t *m,
    const ngx_hd_render_t *render)
{
    off_t      size;
    ngx_int_t  rc;

    size = m->text.size;

    rc = ngx_hd_render_slice(&m->text, ch->view, render, &ch->cursor,
                             NGX_HD_CHANNEL_SLICE);

    ngx_hd_text_unbreak(&m->text, size);

    return m->text.failed ? NGX_ERROR : rc;
}


static void
ngx_hd_channel_events(ngx_hd_channel_t *ch, ngx_hd_message_t *m,
    uint64_t first)
{
    off_t  size;

    size = m->text.size;

    ch->live->events(&m->text, ch->view, first);

    ngx_hd_text_unbreak(&m->text, size);
    ngx_hd_text_add(&m->text, "\n\n");
}


ngx_hd_message_t *
ngx_hd_channel_change(ngx_hd_channel_t *ch)
{
    return ch->change;
}


ngx_hd_message_t *
ngx_hd_channel_snapshot(ngx_hd_channel_t *ch)
{
    return ch->snapshot;
}


ngx_hd_message_t *
ngx_hd_channel_tail(ngx_hd_channel_t *ch, ngx_uint_t knows, uint64_t event,
    ngx_uint_t *made)
{
    uint64_t  first;

    *made = 0;

    /* what is no number of ours, that of another zone for one, says nothing */

    first = (knows && event <= ch->view->event)
            ? event + 1
            : ngx_hd_view_first_event(ch->view, NGX_HD_LIVE_EVENTS);

    /* most want the same */

    if (ch->tail && ch->first == first) {
        return ch->tail;
    }

    ngx_hd_message_release(ch->tail);

    *made = 1;

    ch->first = first;
    ch->tail = ngx_hd_message_create(ngx_cycle->log);

    if (ch->tail == NULL) {
        return NULL;
    }

    ch->tail->whole = 1;

    ngx_hd_channel_events(ch, ch->tail, first);

    if (ch->tail->text.failed) {
        ngx_hd_message_release(ch->tail);
        ch->tail = NULL;
        return NULL;
    }

    ngx_hd_message_seal(ch->tail, &ch->main->held);

    return ch->tail;
}


void
ngx_hd_channel_end(ngx_hd_channel_t *ch)
{
    ngx_hd_message_release(ch->change);
    ngx_hd_message_release(ch->snapshot);
    ngx_hd_message_release(ch->tail);

    ch->change = NULL;
    ch->snapshot = NULL;
    ch->tail = NULL;

    if (ch->part == NGX_HD_CHANNEL_DONE) {
        ch->event = ch->view->event;
    }

    if (ch->pool) {
        ngx_destroy_pool(ch->pool);
    }

    ch->pool = NULL;
    ch->view = NULL;
    ch->part = NGX_HD_CHANNEL_IDLE;
}

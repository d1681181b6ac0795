
/*
 * healthdash: descriptors of libraries in nginx's event loop.  Each has one of
 * nginx's connections, but neither its input nor its output is touched here.
 * The events are level-triggered: a library may leave something unread.
 */


#include <ngx_hd_watch.h>


static void ngx_hd_watch_read_handler(ngx_event_t *rev);
static void ngx_hd_watch_write_handler(ngx_event_t *wev);
static ngx_int_t ngx_hd_watch_event(ngx_event_t *ev, ngx_int_t event,
    ngx_uint_t want);


ngx_int_t
ngx_hd_watch_open(ngx_hd_watch_t *w, ngx_socket_t fd, ngx_log_t *log)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = w;
    c->log = log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    c->read->handler = ngx_hd_watch_read_handler;
    c->read->log = log;
    c->write->handler = ngx_hd_watch_write_handler;
    c->write->log = log;

    w->connection = c;
    w->events = 0;

    return NGX_OK;
}


static void
ngx_hd_watch_read_handler(ngx_event_t *rev)
{
    ngx_hd_watch_t    *w;
    ngx_connection_t  *c;

    c = rev->data;
    w = c->data;

    /* the next turn of a level-triggered loop finds it again */

    rev->ready = 0;

    w->handler(w, NGX_HD_WATCH_READ);
}


static void
ngx_hd_watch_write_handler(ngx_event_t *wev)
{
    ngx_hd_watch_t    *w;
    ngx_connection_t  *c;

    c = wev->data;
    w = c->data;

    wev->ready = 0;

    w->handler(w, NGX_HD_WATCH_WRITE);
}


ngx_int_t
ngx_hd_watch_set(ngx_hd_watch_t *w, ngx_uint_t events)
{
    ngx_connection_t  *c;

    c = w->connection;
    w->events = events;

    if (ngx_hd_watch_event(c->read, NGX_READ_EVENT,
                           events & NGX_HD_WATCH_READ)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hd_watch_event(c->write, NGX_WRITE_EVENT,
                              events & NGX_HD_WATCH_WRITE);
}


static ngx_int_t
ngx_hd_watch_event(ngx_event_t *ev, ngx_int_t event, ngx_uint_t want)
{
    if (want && !ev->active) {
        return ngx_add_event(ev, event, NGX_LEVEL_EVENT);
    }

    if (!want && ev->active) {
        return ngx_del_event(ev, event, 0);
    }

    return NGX_OK;
}


void
ngx_hd_watch_close(ngx_hd_watch_t *w)
{
    ngx_connection_t  *c;

    c = w->connection;

    if (c == NULL) {
        return;
    }

    w->connection = NULL;

    (void) ngx_hd_watch_event(c->read, NGX_READ_EVENT, 0);
    (void) ngx_hd_watch_event(c->write, NGX_WRITE_EVENT, 0);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_free_connection(c);

    /* what is left of this turn's events must not find it */

    c->fd = (ngx_socket_t) -1;
}

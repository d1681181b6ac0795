
/*
 * healthdash: room for answers that clients are slow to take.  Nobody waits for
 * a client, and a picture is a kilobyte or two for each target, so thousands of
 * clients that read nothing would fill the worker.  Live streams and plain
 * answers share one budget; half as much again is only for pictures that are
 * gone as soon as a small answer was made of them, and for these there is a
 * queue.  Called by the handler and the slices; all of it is the worker's own.
 */


#include <ngx_http_healthdash_room.h>
#include <ngx_hd_view.h>


/* what clients may leave untaken: so many bytes, or as many pictures */

#define NGX_HTTP_HEALTHDASH_ROOM_BYTES     (64 * 1024 * 1024)
#define NGX_HTTP_HEALTHDASH_ROOM_PICTURES  8

/* beside its picture an answer has buffers */
#define NGX_HTTP_HEALTHDASH_ROOM_TEXT      (128 * 1024)

#define NGX_HTTP_HEALTHDASH_ROOM_AGAIN     "10"     /* sec */
#define NGX_HTTP_HEALTHDASH_ROOM_SILENCE   60000    /* msec, between lines */


static ngx_int_t ngx_http_healthdash_room_wait(
    ngx_http_healthdash_room_t *room, ngx_hd_main_conf_t *hmcf,
    ngx_event_t *event);
static void ngx_http_healthdash_room_leave(ngx_http_healthdash_room_t *room);
static ngx_uint_t ngx_http_healthdash_room_fits(ngx_hd_main_conf_t *hmcf);
static off_t ngx_http_healthdash_room_size(ngx_hd_main_conf_t *hmcf);
static off_t ngx_http_healthdash_room_limit(ngx_hd_main_conf_t *hmcf);


ngx_int_t
ngx_http_healthdash_room_begin(ngx_http_healthdash_room_t *room,
    ngx_hd_main_conf_t *hmcf, ngx_event_t *event)
{
    room->main = hmcf;

    if (!ngx_http_healthdash_room_fits(hmcf)
        || (room->event == NULL && !room->urgent
            && !ngx_queue_empty(&hmcf->waiting)))
    {
        return ngx_http_healthdash_room_wait(room, hmcf, event);
    }

    room->picture = ngx_http_healthdash_room_size(hmcf);
    hmcf->pictures += room->picture;

    ngx_http_healthdash_room_leave(room);

    return NGX_OK;
}


/* first come, first served, but for what is urgent */

static ngx_int_t
ngx_http_healthdash_room_wait(ngx_http_healthdash_room_t *room,
    ngx_hd_main_conf_t *hmcf, ngx_event_t *event)
{
    if (event == NULL) {
        return NGX_DECLINED;
    }

    if (room->event) {
        return NGX_AGAIN;
    }

    room->event = event;

    if (room->urgent) {
        ngx_queue_insert_head(&hmcf->waiting, &room->queue);

    } else {
        ngx_queue_insert_tail(&hmcf->waiting, &room->queue);
    }

    return NGX_AGAIN;
}


/* the next one looks when others have had their turn */

static void
ngx_http_healthdash_room_leave(ngx_http_healthdash_room_t *room)
{
    ngx_queue_t                 *waiting;
    ngx_http_healthdash_room_t  *next;

    if (room->event) {
        room->event = NULL;
        ngx_queue_remove(&room->queue);
    }

    waiting = &room->main->waiting;

    if (ngx_queue_empty(waiting)
        || !ngx_http_healthdash_room_fits(room->main))
    {
        return;
    }

    next = ngx_queue_data(ngx_queue_head(waiting), ngx_http_healthdash_room_t,
                          queue);

    ngx_post_event(next->event, &ngx_posted_next_events);
}


ngx_int_t
ngx_http_healthdash_room_hold(ngx_http_healthdash_room_t *room,
    ngx_hd_main_conf_t *hmcf, off_t size)
{
    if (size == 0) {
        size = ngx_http_healthdash_room_size(hmcf);
    }

    if (hmcf->held + size > ngx_http_healthdash_room_limit(hmcf)) {
        return NGX_DECLINED;
    }

    room->main = hmcf;
    room->held += size;

    hmcf->held += size;

    return NGX_OK;
}


void
ngx_http_healthdash_room_end(ngx_http_healthdash_room_t *room)
{
    if (room->main == NULL) {
        return;
    }

    room->main->pictures -= room->picture;
    room->main->held -= room->held;

    ngx_http_healthdash_room_leave(room);

    ngx_memzero(room, sizeof(ngx_http_healthdash_room_t));
}


ngx_uint_t
ngx_http_healthdash_room_is_full(ngx_hd_main_conf_t *hmcf)
{
    return hmcf->held + ngx_http_healthdash_room_size(hmcf)
           > ngx_http_healthdash_room_limit(hmcf);
}


static ngx_uint_t
ngx_http_healthdash_room_fits(ngx_hd_main_conf_t *hmcf)
{
    off_t  limit;

    limit = ngx_http_healthdash_room_limit(hmcf);

    return hmcf->pictures + ngx_http_healthdash_room_size(hmcf)
           <= limit + limit / 2;
}


static off_t
ngx_http_healthdash_room_size(ngx_hd_main_conf_t *hmcf)
{
    return ngx_hd_view_size(hmcf) + NGX_HTTP_HEALTHDASH_ROOM_TEXT;
}


static off_t
ngx_http_healthdash_room_limit(ngx_hd_main_conf_t *hmcf)
{
    return ngx_max(NGX_HTTP_HEALTHDASH_ROOM_BYTES,
                   NGX_HTTP_HEALTHDASH_ROOM_PICTURES
                   * ngx_http_healthdash_room_size(hmcf));
}


void
ngx_http_healthdash_room_refuse(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer)
{
    ngx_hd_main_conf_t  *hmcf;

    hmcf = ngx_http_get_module_main_conf(r, ngx_http_healthdash_module);

    ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_SERVICE_UNAVAILABLE,
                         "too many clients are slow to read what they asked "
                         "for, come again later");

    answer->retry = NGX_HTTP_HEALTHDASH_ROOM_AGAIN;

    if (hmcf->refused
        && ngx_current_msec - hmcf->refused
           < NGX_HTTP_HEALTHDASH_ROOM_SILENCE)
    {
        return;
    }

    hmcf->refused = ngx_current_msec;

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "healthdash: %O bytes of answers are what clients have yet "
                  "to read, so big ones are refused with 503", hmcf->held);
}

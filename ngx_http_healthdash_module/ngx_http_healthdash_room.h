
/*
 * healthdash: room for answers that clients are slow to take.
 */


#ifndef _NGX_HTTP_HEALTHDASH_ROOM_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_ROOM_H_INCLUDED_


#include <ngx_http_healthdash_answer.h>


/* of one answer; zeroed by its owner, who may set "urgent" */

typedef struct {
    ngx_hd_main_conf_t  *main;          /* NULL: it has none */
    off_t                picture;       /* bytes */
    off_t                held;          /* the same, until they are taken */
    ngx_queue_t          queue;
    ngx_event_t         *event;         /* NULL: it waits for none */
    unsigned             urgent:1;      /* before others that wait */
} ngx_http_healthdash_room_t;


/*
 * Takes room for a picture.  NGX_AGAIN: there is none, event is posted when it
 * is time to call it again; NGX_DECLINED: the same without an event, answer
 * 503.  All that was taken is given back by ngx_http_healthdash_room_end(),
 * once or more; it ends the waiting, too.
 */
ngx_int_t ngx_http_healthdash_room_begin(ngx_http_healthdash_room_t *room,
    ngx_hd_main_conf_t *hmcf, ngx_event_t *event);

/*
 * Takes room for size bytes that stay until a client has taken its answer; with
 * size 0 for a picture and the buffers of an answer.  NGX_DECLINED: answer 503.
 */
ngx_int_t ngx_http_healthdash_room_hold(ngx_http_healthdash_room_t *room,
    ngx_hd_main_conf_t *hmcf, off_t size);

void ngx_http_healthdash_room_end(ngx_http_healthdash_room_t *room);

/* 1 if clients of this worker have so much to take that no more may join. */
ngx_uint_t ngx_http_healthdash_room_is_full(ngx_hd_main_conf_t *hmcf);

/* Makes answer the refusal, and says so in the log, now and then. */
void ngx_http_healthdash_room_refuse(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer);


#endif /* _NGX_HTTP_HEALTHDASH_ROOM_H_INCLUDED_ */

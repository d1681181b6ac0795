
/*
 * healthdash: one client of a live stream.
 */


#ifndef _NGX_HTTP_HEALTHDASH_VIEWER_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_VIEWER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_hd_message.h>


typedef struct ngx_http_healthdash_viewer_s  ngx_http_healthdash_viewer_t;
typedef struct ngx_http_healthdash_piece_s   ngx_http_healthdash_piece_t;


struct ngx_http_healthdash_viewer_s {
    ngx_queue_t                   queue;    /* the owner's, as these: */
    void                         *data;
    uint64_t                      event;
    ngx_uint_t                    knows;

    /* called once, when it is no viewer any more, whatever the reason */

    void                        (*gone)(ngx_http_healthdash_viewer_t *v);

    ngx_http_request_t           *request;
    ngx_http_healthdash_piece_t  *busy;     /* given to nginx, in order */
    ngx_http_healthdash_piece_t  *last;     /* of these */
    ngx_http_healthdash_piece_t  *free;
};


/*
 * Makes a viewer of a request whose header was sent.  NULL: no memory.  What
 * its owner may set is not set yet.
 */
ngx_http_healthdash_viewer_t *ngx_http_healthdash_viewer_create(
    ngx_http_request_t *r);

/*
 * Lets it wait for what others send: the handler of the request has to return
 * what this does.
 */
ngx_int_t ngx_http_healthdash_viewer_begin(ngx_http_healthdash_viewer_t *v);

/*
 * Sends m as fast as the client takes it; m is held until then.  A client that
 * has left too much untaken is dropped.  NGX_DECLINED: v is gone.
 */
ngx_int_t ngx_http_healthdash_viewer_send(ngx_http_healthdash_viewer_t *v,
    ngx_hd_message_t *m);

/* Ends the answer; who has not taken all of it yet is cut off.  v is gone. */
void ngx_http_healthdash_viewer_end(ngx_http_healthdash_viewer_t *v);


#endif /* _NGX_HTTP_HEALTHDASH_VIEWER_H_INCLUDED_ */


/*
 * healthdash: the live streams of a worker.
 */


#ifndef _NGX_HTTP_HEALTHDASH_HUB_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_HUB_H_INCLUDED_


#include <ngx_http_healthdash_answer.h>
#include <ngx_hd_live.h>


/* what a client asks for */

typedef struct {
    ngx_hd_view_filter_t  filter;       /* which leaves nothing out */
    const ngx_hd_live_t  *live;
    uint64_t              event;        /* the last one that it knows */
    unsigned              knows:1;      /* it has said so */
} ngx_http_healthdash_wish_t;


/* 1 if this worker has as many viewers as it may have. */
ngx_uint_t ngx_http_healthdash_hub_is_full(ngx_hd_main_conf_t *hmcf);

/*
 * Sends the head of answer and makes the client of r a viewer.  Returns what
 * the handler has to return.
 */
ngx_int_t ngx_http_healthdash_hub_join(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer,
    const ngx_http_healthdash_wish_t *wish);


#endif /* _NGX_HTTP_HEALTHDASH_HUB_H_INCLUDED_ */

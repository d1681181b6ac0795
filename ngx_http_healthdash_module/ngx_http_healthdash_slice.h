
/*
 * healthdash: an answer written in slices.
 */


#ifndef _NGX_HTTP_HEALTHDASH_SLICE_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_SLICE_H_INCLUDED_


#include <ngx_http_healthdash_answer.h>
#include <ngx_hd_render.h>


/*
 * Takes the picture, as far as filter asks for it, and sends it in one format.
 * A small one is sent at once, with its length.  Returns what the handler has
 * to return.
 */
ngx_int_t ngx_http_healthdash_slice_send(ngx_http_request_t *r,
    const ngx_http_healthdash_answer_t *answer, const ngx_hd_render_t *render,
    const ngx_hd_view_filter_t *filter);


#endif /* _NGX_HTTP_HEALTHDASH_SLICE_H_INCLUDED_ */

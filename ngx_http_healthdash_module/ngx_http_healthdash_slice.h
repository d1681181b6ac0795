
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

/*
 * The same for a small answer that is made of the whole picture: judge writes
 * it, and returns its status.
 */
typedef ngx_uint_t (*ngx_http_healthdash_judge_pt)(ngx_http_request_t *r,
    ngx_hd_view_t *view, ngx_hd_text_t *text);

ngx_int_t ngx_http_healthdash_slice_judge(ngx_http_request_t *r,
    const ngx_http_healthdash_answer_t *answer,
    ngx_http_healthdash_judge_pt judge);


#endif /* _NGX_HTTP_HEALTHDASH_SLICE_H_INCLUDED_ */

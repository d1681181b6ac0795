
#ifndef _NGX_HTTP_HEALTHDASH_QUERY_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_QUERY_H_INCLUDED_


#include <ngx_http_healthdash_answer.h>
#include <ngx_http_healthdash_kind.h>


/*
 * Reads the arguments of r, for an answer of kind, into filter, in which the
 * caller has set what holds without them.  What is wrong makes answer an error.
 * Returns NGX_OK, or NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_healthdash_query(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer,
    const ngx_http_healthdash_kind_t *kind, ngx_hd_view_filter_t *filter);


#endif /* _NGX_HTTP_HEALTHDASH_QUERY_H_INCLUDED_ */


/*
 * healthdash: a term of healthdash_ready: a service or an upstream by name.
 */


#ifndef _NGX_HTTP_HEALTHDASH_TERM_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_TERM_H_INCLUDED_


#include <ngx_http_healthdash.h>


typedef struct {
    ngx_str_t           text;           /* as written */
    ngx_hd_target_t    *service;        /* one of the two */
    ngx_hd_upstream_t  *upstream;
    ngx_uint_t          least;          /* servers; 0: one that can serve */
} ngx_http_healthdash_term_t;


/*
 * Looks up what term->text names, NAME or UPSTREAM>=N.  What is wrong is said
 * at [emerg] about place.
 */
ngx_int_t ngx_http_healthdash_term_find(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf, ngx_hd_check_t *place,
    ngx_http_healthdash_term_t *term);


#endif /* _NGX_HTTP_HEALTHDASH_TERM_H_INCLUDED_ */

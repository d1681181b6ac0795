
/*
 * healthdash: application/health+json, as a whole and in the parts of which
 * healthdash_ready makes its answer.
 */


#ifndef _NGX_HD_RENDER_HEALTH_H_INCLUDED_
#define _NGX_HD_RENDER_HEALTH_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/* ordered: the worst one speaks for all */

typedef enum {
    NGX_HD_HEALTH_PASS = 0,
    NGX_HD_HEALTH_WARN,
    NGX_HD_HEALTH_FAIL
} ngx_hd_health_e;


/* Writes the object of a service.  Returns its status. */
ngx_uint_t ngx_hd_health_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/*
 * Writes the object of an upstream.  Returns its status: fail unless least
 * servers are healthy and in service; with 0, unless one can serve.
 */
ngx_uint_t ngx_hd_health_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu, ngx_uint_t least);

/* Writes "status":"pass" or what it is. */
void ngx_hd_health_status(ngx_hd_text_t *t, ngx_uint_t status);


#endif /* _NGX_HD_RENDER_HEALTH_H_INCLUDED_ */

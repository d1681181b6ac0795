
/*
 * healthdash: the formats of a status location, by name and by what a client
 * accepts.
 */


#ifndef _NGX_HTTP_HEALTHDASH_KIND_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_KIND_H_INCLUDED_


#include <ngx_http_healthdash.h>
#include <ngx_hd_render.h>


typedef struct {
    ngx_str_t                     name;         /* of ?format=, directive */
    ngx_str_t                     media;        /* Content-Type, Accept */
    size_t                        major;        /* length of "text/"; 0: not
                                                   chosen by Accept */
    ngx_str_t                     charset;      /* JSON has none */
    ngx_uint_t                    format;
    const ngx_hd_render_t        *render;       /* NULL: a live stream */
} ngx_http_healthdash_kind_t;


/* That of the number, ngx_http_healthdash_format_e, or NULL. */
const ngx_http_healthdash_kind_t *ngx_http_healthdash_kind_of(
    ngx_uint_t format);

/* That called name, or NULL. */
const ngx_http_healthdash_kind_t *ngx_http_healthdash_kind(
    const ngx_str_t *name);

/* before and all names: "json", "html" or "text".  NULL: no memory. */
const char *ngx_http_healthdash_kind_names(ngx_pool_t *pool,
    const char *before);

/* What the client likes best, by its headers Accept; without one JSON. */
const ngx_http_healthdash_kind_t *ngx_http_healthdash_kind_accepted(
    ngx_http_request_t *r);


#endif /* _NGX_HTTP_HEALTHDASH_KIND_H_INCLUDED_ */

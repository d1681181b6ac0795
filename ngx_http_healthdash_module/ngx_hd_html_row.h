
/*
 * healthdash: the parts of the page that change on their own, each with an id,
 * so that a new one can take the place of the old one.
 */


#ifndef _NGX_HD_HTML_ROW_H_INCLUDED_
#define _NGX_HD_HTML_ROW_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/* A server, its checks, and what opening it tells: one <tbody>. */
void ngx_hd_html_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu, const ngx_hd_view_peer_t *vp);

/* The same of a service. */
void ngx_hd_html_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/*
 * What moves with each probe of a target: new points of its line, and how much
 * of the time it was available, in three <i>.  Nothing if nothing is known.
 */
void ngx_hd_html_pulse_past(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/* What is said of an upstream: one <caption>. */
void ngx_hd_html_upstream(ngx_hd_text_t *t,
    const ngx_hd_view_upstream_t *vu);

/* 1 if there are so many rows that each of them has to be short. */
ngx_uint_t ngx_hd_html_is_long(const ngx_hd_view_t *view);


#endif /* _NGX_HD_HTML_ROW_H_INCLUDED_ */


#ifndef _NGX_HD_RENDER_H_INCLUDED_
#define _NGX_HD_RENDER_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/*
 * Each writes one format of the same picture.  All take any bytes that came
 * from a target or a configuration and escape them; failure is text->failed.
 */
typedef void (*ngx_hd_render_pt)(ngx_hd_text_t *text,
    const ngx_hd_view_t *view);

void ngx_hd_render_json(ngx_hd_text_t *text, const ngx_hd_view_t *view);
void ngx_hd_render_text(ngx_hd_text_t *text, const ngx_hd_view_t *view);
void ngx_hd_render_html(ngx_hd_text_t *text, const ngx_hd_view_t *view);
void ngx_hd_render_csv(ngx_hd_text_t *text, const ngx_hd_view_t *view);

/* Objects of the JSON by themselves: a server, a service, an event. */
void ngx_hd_render_json_peer(ngx_hd_text_t *text, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp);
void ngx_hd_render_json_service(ngx_hd_text_t *text,
    const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt);
void ngx_hd_render_json_event(ngx_hd_text_t *text, const ngx_hd_event_t *e);


#endif /* _NGX_HD_RENDER_H_INCLUDED_ */

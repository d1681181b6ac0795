
#ifndef _NGX_HD_HTML_DETAIL_H_INCLUDED_
#define _NGX_HD_HTML_DETAIL_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/*
 * What opening a row tells about one target: why it is as it is, its figures,
 * the phases of its last probe, the last answer that failed, and its past in
 * words.  vp is the server that vt is a check of, NULL for a service; vt is
 * NULL for a server that nobody probes.
 */
void ngx_hd_html_detail(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt);


#endif /* _NGX_HD_HTML_DETAIL_H_INCLUDED_ */

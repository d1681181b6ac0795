
#ifndef _NGX_HD_RENDER_HTML_DETAIL_H_INCLUDED_
#define _NGX_HD_RENDER_HTML_DETAIL_H_INCLUDED_


#include <ngx_hd_detail.h>


/*
 * Appends the small print below the result of vt: what mode=observe withheld,
 * what the last probe learned (its value, TLS), and when vt is down the last
 * answer that failed, with its phases.
 */
void ngx_hd_render_html_detail(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);


#endif /* _NGX_HD_RENDER_HTML_DETAIL_H_INCLUDED_ */


/*
 * healthdash: the top of the page, in parts that change on their own.
 */


#ifndef _NGX_HD_HTML_TOP_H_INCLUDED_
#define _NGX_HD_HTML_TOP_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/* healthdash_title, escaped, or what stands in its place. */
void ngx_hd_html_title(ngx_hd_text_t *t, const ngx_hd_view_t *view);

/* The sentence and what is worst: <section id="verdict">. */
void ngx_hd_html_verdict(ngx_hd_text_t *t, const ngx_hd_view_t *view);

/* How many have which health, as filters: <nav id="counts">. */
void ngx_hd_html_counts_bar(ngx_hd_text_t *t, const ngx_hd_view_t *view);

/* 1 if the filter shows one thing or group, of which there are no events. */
ngx_uint_t ngx_hd_html_is_part(const ngx_hd_view_filter_t *filter);


#endif /* _NGX_HD_HTML_TOP_H_INCLUDED_ */

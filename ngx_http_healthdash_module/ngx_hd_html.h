
/*
 * healthdash: what the parts of the page are made of.  All of it is markup
 * that needs no script, and everything that came from outside is escaped.
 */


#ifndef _NGX_HD_HTML_H_INCLUDED_
#define _NGX_HD_HTML_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/* Appends value between two constant texts. */
void ngx_hd_html_string(ngx_hd_text_t *t, const char *before,
    const ngx_str_t *value, const char *after);

/* The same with a number. */
void ngx_hd_html_count(ngx_hd_text_t *t, const char *before, uint64_t n,
    const char *after);

/* A health as shape and word, in its colour. */
void ngx_hd_html_state(ngx_hd_text_t *t, ngx_uint_t health);

/* The shape alone. */
void ngx_hd_html_icon(ngx_hd_text_t *t, ngx_uint_t health);

/* A wall time, msec: "2026-11-25 15:02:06 UTC". */
void ngx_hd_html_clock(ngx_hd_text_t *t, int64_t wall);

/* The same without markup, to the nearest minute: "Nov 25 15:02". */
void ngx_hd_html_moment(ngx_hd_text_t *t, int64_t wall);

/* "for 4 min", since vt has the health it has; nothing if it has none. */
void ngx_hd_html_since(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/* A share of a million, rounded down: "99.94 %"; "-" for what is not known. */
void ngx_hd_html_percent(ngx_hd_text_t *t, ngx_int_t millionths);

/* 1 if all of span is known, but for one part of a hundred. */
ngx_uint_t ngx_hd_html_is_whole(const ngx_hd_span_t *span);

/* How much of span is known, if anything: "4 min"; "just started" alone. */
void ngx_hd_html_known(ngx_hd_text_t *t, const char *before,
    const ngx_hd_span_t *span, const char *after);

/* A latency, usec: "4.12 ms"; "-" for less than 10. */
void ngx_hd_html_latency(ngx_hd_text_t *t, uint64_t usec);

/* A runbook: a link if it is one, else its text. */
void ngx_hd_html_link(ngx_hd_text_t *t, const ngx_str_t *link);


#endif /* _NGX_HD_HTML_H_INCLUDED_ */

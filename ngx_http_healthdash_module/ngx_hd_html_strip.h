
/*
 * healthdash: what is remembered of a target, drawn: its last latencies, its
 * last 24 hours, its last 90 days; and the same as a table of words.
 */


#ifndef _NGX_HD_HTML_STRIP_H_INCLUDED_
#define _NGX_HD_HTML_STRIP_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/* Latencies of the last probes as a line, a mark at each that failed. */
void ngx_hd_html_spark(ngx_hd_text_t *t, const ngx_hd_view_past_t *past);

/*
 * The last n of these as text, the last on the right, for the script to go on
 * drawing with: how many there were in all, then the latency of each, usec, "x"
 * if it failed, or "-" if it has none.
 */
void ngx_hd_html_spark_points(ngx_hd_text_t *t,
    const ngx_hd_view_past_t *past, ngx_uint_t n);

/*
 * A bar of hours, the one under way in quarters, or of days (level HOUR or
 * DAY), the last on the right.  What is alike is drawn as one; each part has
 * its times and what was seen as its title, the whole has a summary.
 */
void ngx_hd_html_strip(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, ngx_hd_level_e level);

/*
 * The same for long pages: one path for each colour, and no words but the
 * summary.  Who wants the others asks for the row alone.
 */
void ngx_hd_html_strip_brief(ngx_hd_text_t *t, const ngx_hd_view_past_t *past,
    ngx_hd_level_e level);

/* The parts of the same bar as rows of a table, the last on top. */
void ngx_hd_html_parts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, ngx_hd_level_e level);


#endif /* _NGX_HD_HTML_STRIP_H_INCLUDED_ */

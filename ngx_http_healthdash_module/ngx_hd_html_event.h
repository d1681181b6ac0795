
/*
 * healthdash: what has happened, on the page.
 */


#ifndef _NGX_HD_HTML_EVENT_H_INCLUDED_
#define _NGX_HD_HTML_EVENT_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/*
 * One event as one <li>.  of: what became of it, an event that ended what this
 * one began; NULL: nothing so far.
 */
void ngx_hd_html_event(ngx_hd_text_t *t, const ngx_hd_event_t *e,
    const ngx_hd_event_t *of);

/* The last events, the last on top, as a section; nothing if there are none. */
void ngx_hd_html_events(ngx_hd_text_t *t, const ngx_hd_view_t *view);


#endif /* _NGX_HD_HTML_EVENT_H_INCLUDED_ */

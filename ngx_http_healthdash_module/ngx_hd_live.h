
/*
 * healthdash: what viewers of a live stream are told, in one of the formats
 * they may ask for.
 */


#ifndef _NGX_HD_LIVE_H_INCLUDED_
#define _NGX_HD_LIVE_H_INCLUDED_


#include <ngx_hd_render.h>


/*
 * A snapshot is the pieces of "snapshot" with "end" in place of the foot, then
 * what events() writes.  A change is the pieces of "change" and "pulse", then
 * the same; only what has news is in it.  Line breaks become blanks.
 */

typedef struct {
    const ngx_hd_render_t  *snapshot;
    const char             *end;
    ngx_hd_render_t         change;
    ngx_hd_render_t         pulse;

    /* the events from this number on, up to the picture's, and the end */

    void                  (*events)(ngx_hd_text_t *text,
                                const ngx_hd_view_t *view, uint64_t first);
} ngx_hd_live_t;


/* how many events a snapshot has for who does not say which ones it knows */
#define NGX_HD_LIVE_EVENTS    50


/* The formats, the first one is that of programs. */

extern const ngx_hd_live_t  ngx_hd_live_json;

/* markup for the page's own script, in a <main> with facts as attributes */
extern const ngx_hd_live_t  ngx_hd_live_html;


#endif /* _NGX_HD_LIVE_H_INCLUDED_ */

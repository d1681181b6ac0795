
/*
 * healthdash: what is new since somebody looked last: cheap to ask often, and
 * marked in a picture.
 */


#ifndef _NGX_HD_PULSE_H_INCLUDED_
#define _NGX_HD_PULSE_H_INCLUDED_


#include <ngx_hd_view.h>


typedef struct ngx_hd_pulse_s  ngx_hd_pulse_t;


/*
 * Remembers nothing so far, so all is new.  Everything is from pool, or freed
 * with it.  NULL: no memory.
 */
ngx_hd_pulse_t *ngx_hd_pulse_create(ngx_hd_main_conf_t *hmcf,
    ngx_pool_t *pool);

/*
 * 1 if a picture taken now may differ from the last one that was marked: a
 * result, a state, an event, or what nginx does with a server.  Changes
 * nothing.
 */
ngx_uint_t ngx_hd_pulse_beats(ngx_hd_pulse_t *pulse);

/* To be called before the picture is taken: what comes later is new again. */
void ngx_hd_pulse_begin(ngx_hd_pulse_t *pulse);

/*
 * Sets "news" of all that is in view, an unfiltered picture, and remembers it.
 * Returns 1 if anything is news; NGX_ERROR: no memory.
 */
ngx_int_t ngx_hd_pulse_mark(ngx_hd_pulse_t *pulse, ngx_hd_view_t *view);

/* 1 if a result in the minute of the last one failed or was slow. */
ngx_uint_t ngx_hd_pulse_is_sick(const ngx_hd_data_t *data);


#endif /* _NGX_HD_PULSE_H_INCLUDED_ */

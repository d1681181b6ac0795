
/*
 * healthdash: events that tell what a new configuration has changed.
 */


#ifndef _NGX_HD_NEWS_H_INCLUDED_
#define _NGX_HD_NEWS_H_INCLUDED_


#include <ngx_hd_conf.h>
#include <ngx_hd_event.h>


/*
 * Adds the events of a configuration that was loaded: targets that are new
 * beside those of old, which may be NULL, or probed no more, and one for the
 * whole.  wall: now, msec; pool is for a moment, without one (NULL) only the
 * whole is told.  Master, once hmcf has its zone and generation.
 */
void ngx_hd_news_loaded(ngx_hd_main_conf_t *old, ngx_hd_main_conf_t *hmcf,
    int64_t wall, ngx_pool_t *pool);


#endif /* _NGX_HD_NEWS_H_INCLUDED_ */


/*
 * healthdash: a picture that everybody may see.  What is private is taken out
 * of the picture itself, so that no renderer has to know, and what a renderer
 * may show later is left out until it is let through here.
 *
 * Public are names of upstreams and services, their groups and descriptions,
 * the title, types of probes, states, times, counts, latencies and ages of
 * certificates.  Servers become "server 1", by their place in the upstream;
 * reasons become general.
 */


#ifndef _NGX_HD_PUBLIC_H_INCLUDED_
#define _NGX_HD_PUBLIC_H_INCLUDED_


#include <ngx_hd_view.h>


/*
 * Makes a picture public: of upstreams, services, worker and nginx; sums and
 * filters come after that.  Sets view->public.  NGX_AGAIN: there is more to do,
 * and nothing of the picture may be shown before that.
 */
ngx_int_t ngx_hd_public_view(ngx_hd_view_t *view, ngx_pool_t *pool);

/*
 * Makes an event public.  NGX_DECLINED if there is nothing about it that is:
 * what is about workers and the configuration.
 */
ngx_int_t ngx_hd_public_event(const ngx_hd_public_t *public,
    ngx_hd_event_t *e);


#endif /* _NGX_HD_PUBLIC_H_INCLUDED_ */


/*
 * healthdash: slow_start=, a server that was taken out and comes back gets its
 * share of the requests bit by bit.
 *
 * It is declined by a bit in nginx's list, set anew for each request before
 * nginx chooses.  So the choice is nginx's own, with each balancer, and nothing
 * of it has to be undone: no server was asked, no try, failure or connection
 * counted, no kept connection taken.
 */


#ifndef _NGX_HD_RAMP_H_INCLUDED_
#define _NGX_HD_RAMP_H_INCLUDED_


#include <ngx_hd_conf.h>


#define NGX_HD_RAMP_FULL  0x100000


/*
 * Until when server is declined now and then: monotonic, msec; 0: it is not.
 * Any process, no lock.
 */
uint64_t ngx_hd_ramp_end(ngx_hd_upstream_t *u, ngx_hd_server_t *server);

/*
 * Sets the share of each server that stands in a list, of NGX_HD_RAMP_FULL: how
 * far it has come, beside the furthest that nginx may choose.  So one server at
 * least is fully in service, after an outage of all, too.  Returns the weight
 * of those that nginx may choose.  Caller has a lock of the list.
 */
ngx_uint_t ngx_hd_ramp_shares(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers);

/*
 * Puts ours before the choice of a server for r, whose peer was initialised.
 * To be called while something in u ramps.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_hd_ramp_hook(ngx_http_request_t *r, ngx_hd_upstream_t *u);


#endif /* _NGX_HD_RAMP_H_INCLUDED_ */

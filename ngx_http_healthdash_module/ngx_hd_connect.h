
#ifndef _NGX_HD_CONNECT_H_INCLUDED_
#define _NGX_HD_CONNECT_H_INCLUDED_


#include <ngx_hd_resolve.h>
#include <ngx_event_connect.h>


/*
 * Begins to connect run to one of addrs, by nginx's own non-blocking connect.
 * NGX_OK: it stands; NGX_AGAIN: pc->connection tells, when it is writable,
 * what ngx_hd_failure_of_connect() makes of it; NGX_DECLINED, run->result set:
 * another address may do; NGX_ERROR, run->result set: trouble of our own.  The
 * pool of the connection is the run's, its data and handlers are the caller's.
 */
ngx_int_t ngx_hd_connect(ngx_hd_run_t *run, ngx_peer_connection_t *pc,
    ngx_hd_addrs_t *addrs, ngx_uint_t next);


#endif /* _NGX_HD_CONNECT_H_INCLUDED_ */


#ifndef _NGX_HD_RESOLVE_H_INCLUDED_
#define _NGX_HD_RESOLVE_H_INCLUDED_


#include <ngx_hd_probe.h>


typedef struct {
    ngx_addr_t  *addrs;         /* ports set; alive as long as the run */
    ngx_uint_t   n;
} ngx_hd_addrs_t;


typedef void (*ngx_hd_resolve_pt)(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs);


typedef struct {
    ngx_resolver_ctx_t  *ctx;   /* NULL: nothing under way */
    ngx_hd_run_t        *run;
    ngx_hd_resolve_pt    handler;
    ngx_hd_addrs_t       list;  /* of a target that has its addresses */
    ngx_addr_t           one;
} ngx_hd_resolve_t;


/*
 * Finds the addresses of the target of rs->run: its own, or those of its host
 * by the resolver of http{}, until that is cancelled: the run has a deadline.
 * The handler gets them, maybe before this returns; if there are none, the run
 * is ended.  Returns as the start of a type does: NGX_AGAIN, or NGX_ERROR
 * (result set).
 */
ngx_int_t ngx_hd_resolve_start(ngx_hd_resolve_t *rs);

/*
 * Puts the n addresses of a name into the order in which check wants them
 * tried, and leaves out those that its source cannot reach.  Returns how many
 * there are then.
 */
ngx_uint_t ngx_hd_resolve_order(const ngx_hd_check_t *check,
    ngx_addr_t *addrs, ngx_uint_t n);

/* Gives up what is under way; the handler is not called. */
void ngx_hd_resolve_cancel(ngx_hd_resolve_t *rs);


#endif /* _NGX_HD_RESOLVE_H_INCLUDED_ */

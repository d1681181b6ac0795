
#ifndef _NGX_HD_IDENT_H_INCLUDED_
#define _NGX_HD_IDENT_H_INCLUDED_


#include <ngx_hd_conf.h>


/*
 * Fills t->id from who is asked (upstream or service, address) and what, all
 * defaults filled in.  How often, and what follows from the answer, is no part
 * of it: changing that keeps the state of a target.
 */
void ngx_hd_ident(ngx_hd_target_t *t);

/* A number for an upstream, by its name alone. */
uint64_t ngx_hd_ident_upstream(ngx_str_t *name);


#endif /* _NGX_HD_IDENT_H_INCLUDED_ */

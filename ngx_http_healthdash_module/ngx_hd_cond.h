
#ifndef _NGX_HD_COND_H_INCLUDED_
#define _NGX_HD_COND_H_INCLUDED_


#include <ngx_hd_match.h>


/* The operator as written. */
const ngx_str_t *ngx_hd_cond_op(ngx_uint_t op);

/* What cond wants, as messages show it: > 14, "ok", != "ok". */
u_char *ngx_hd_cond_wanted(u_char *p, u_char *last, const ngx_hd_cond_t *cond);

/* At most max bytes of s, cut between characters. */
ngx_str_t ngx_hd_cond_cut(const ngx_str_t *s, size_t max);

/* 1 if a number that compares as compared to the wanted one is as op says. */
ngx_uint_t ngx_hd_cond_holds(ngx_hd_op_e op, ngx_int_t compared);

/* 1 if both are the same bytes. */
ngx_uint_t ngx_hd_cond_equal(const ngx_str_t *a, const ngx_str_t *b);


#endif /* _NGX_HD_COND_H_INCLUDED_ */

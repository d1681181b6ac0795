
#ifndef _NGX_HD_REGEX_H_INCLUDED_
#define _NGX_HD_REGEX_H_INCLUDED_


#include <ngx_hd.h>


typedef struct ngx_hd_regex_s  ngx_hd_regex_t;


/*
 * Compiles pattern; bytes, not UTF-8.  Memory and release come from pool.
 * NULL on an error; err, size bytes, then says which, with its offset.
 */
ngx_hd_regex_t *ngx_hd_regex_compile(ngx_pool_t *pool,
    const ngx_str_t *pattern, ngx_uint_t caseless, u_char *err, size_t size);

/*
 * Gives re the steps that all looks for one condition in len bytes of one
 * answer may take together.
 */
void ngx_hd_regex_refill(ngx_hd_regex_t *re, size_t len);

/*
 * The steps that are left of them, and how they are given back for the next
 * look at the same answer: others may have used the expression meanwhile.
 */
size_t ngx_hd_regex_left(const ngx_hd_regex_t *re);
void ngx_hd_regex_resume(ngx_hd_regex_t *re, size_t left);

/*
 * Looks for the pattern in s, which may be hostile: steps, depth and memory
 * are bounded.  NGX_OK with the offset of the hit in start, NGX_DECLINED, or
 * NGX_ERROR if a bound was reached, or memory ran out.  Allocates nothing that
 * stays.
 */
ngx_int_t ngx_hd_regex_exec(ngx_hd_regex_t *re, const ngx_str_t *s,
    size_t *start);

/* Whether NGX_ERROR meant that memory ran out: nobody's fault but ours. */
ngx_uint_t ngx_hd_regex_starved(const ngx_hd_regex_t *re);


#endif /* _NGX_HD_REGEX_H_INCLUDED_ */

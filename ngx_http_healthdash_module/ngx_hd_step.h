
#ifndef _NGX_HD_STEP_H_INCLUDED_
#define _NGX_HD_STEP_H_INCLUDED_


#include <ngx_hd_conf.h>


/*
 * Parses the words of a line of a dialogue, args[0] is "send" or "expect", n
 * of them, into step, which is zeroed first: send TEXT; expect ~ REGEX;
 * expect ~* REGEX; expect = TEXT.  A text may have the escapes \r \n \t \0
 * \xHH and \\.  Memory and the regex's release come from pool, args must live
 * as long as it.  err, size bytes, gets one null-terminated sentence without
 * file and line on NGX_ERROR.
 */
ngx_int_t ngx_hd_step_parse(ngx_pool_t *pool, ngx_hd_step_t *step,
    ngx_str_t *args, ngx_uint_t n, u_char *err, size_t size);

/* 1 if the words of an "expect" line are a step and no condition. */
ngx_uint_t ngx_hd_step_is(ngx_str_t *args, ngx_uint_t n);


#endif /* _NGX_HD_STEP_H_INCLUDED_ */


#ifndef _NGX_HD_SECRET_H_INCLUDED_
#define _NGX_HD_SECRET_H_INCLUDED_


#include <ngx_hd_conf.h>


/*
 * Adds secret to what is masked in all that check's targets send.  Called
 * while the configuration is read; the bytes must live as long as check.  An
 * empty one and one that is there already are ignored.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_hd_check_secret(ngx_pool_t *pool, ngx_hd_check_t *check,
    const ngx_str_t *secret);

/*
 * Makes result fit to be shown: every secret of check in its detail and its
 * sample becomes "***", also one that was cut, and the sample becomes UTF-8
 * without control characters but line feeds.  Allocates nothing.
 */
void ngx_hd_secret_hide(const ngx_hd_check_t *check, ngx_hd_result_t *result);


#endif /* _NGX_HD_SECRET_H_INCLUDED_ */

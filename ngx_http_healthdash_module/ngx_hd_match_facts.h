
#ifndef _NGX_HD_MATCH_FACTS_H_INCLUDED_
#define _NGX_HD_MATCH_FACTS_H_INCLUDED_


#include <ngx_hd_match.h>


/*
 * Judge answer by one condition on their subject: NGX_OK if it holds, else
 * NGX_DECLINED with result set.  What the answer does not have does not hold.
 */
ngx_int_t ngx_hd_match_value(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);
ngx_int_t ngx_hd_match_row(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);
ngx_int_t ngx_hd_match_cert_days(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);

/*
 * The same for JSON; parses the body into answer->json if no other condition
 * has.  NGX_ERROR: no memory, result set.
 */
ngx_int_t ngx_hd_match_json(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);

/*
 * Makes the path and the value of cond ready, from pool.  Returns NULL, or
 * what is wrong with the path, as the end of a sentence.
 */
const char *ngx_hd_match_json_path(ngx_pool_t *pool, ngx_hd_cond_t *cond);

/*
 * NGX_OK if a condition on text holds for *seen, NGX_DECLINED if not, and
 * NGX_ERROR when its regular expression took too much; *seen becomes
 * the part that is worth showing.
 */
ngx_int_t ngx_hd_match_text(const ngx_hd_cond_t *cond, ngx_str_t *seen);

/*
 * Sets result to "WHAT OP VALUE takes too many steps", NGX_DECLINED; or to what
 * NGX_ERROR says if memory ran out.
 */
ngx_int_t ngx_hd_match_gave_up(const ngx_hd_cond_t *cond,
    ngx_hd_reason_e reason, const char *what, ngx_hd_result_t *result);


#endif /* _NGX_HD_MATCH_FACTS_H_INCLUDED_ */

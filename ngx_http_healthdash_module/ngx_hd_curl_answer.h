
/*
 * healthdash: what is kept of the answer of an HTTP server through libcurl.
 * What it means is its type's.
 */


#ifndef _NGX_HD_CURL_ANSWER_H_INCLUDED_
#define _NGX_HD_CURL_ANSWER_H_INCLUDED_


#include <ngx_hd_curl.h>
#include <ngx_hd_wire.h>


/* what a type wants kept */

#define NGX_HD_CURL_KEEP_FIELDS  1     /* of header and trailer */
#define NGX_HD_CURL_KEEP_BODY    2
#define NGX_HD_CURL_KEEP_SAMPLE  4     /* the beginning of body, to be shown */


/* run->ctx */

typedef struct {
    ngx_hd_curl_call_t   call;          /* first */
    ngx_hd_wire_t        wire;          /* to judge with */
    ngx_uint_t           keep;          /* NGX_HD_CURL_KEEP_* */
    ngx_uint_t           status;
    ngx_uint_t           interim;
    ngx_array_t         *fields;        /* of ngx_table_elt_t, those that came
                                           last behind; NULL: not wanted */
    size_t               header;        /* bytes of it so far */
    size_t               size;          /* bytes of body so far */
    size_t               limit;         /* of them */
    ngx_buf_t            body;          /* what is kept of it, from start to
                                           last */
} ngx_hd_curl_answer_t;


/*
 * Makes run->ctx for ngx_hd_curl_start(): a transfer that asks what is in data
 * of the check, an ngx_hd_curl_question_t, and keeps of the answer what keep
 * says (NGX_HD_CURL_KEEP_*).  A body longer than limit is cut there, and judged
 * with call.enough set.  The argument of judge is the call of this answer.
 * NGX_ERROR: no memory, run->result set.
 */
ngx_int_t ngx_hd_curl_answer_init(ngx_hd_run_t *run, ngx_uint_t keep,
    size_t limit, ngx_hd_curl_judge_pt judge);


#endif /* _NGX_HD_CURL_ANSWER_H_INCLUDED_ */


/*
 * healthdash: the dialogue that says nothing: a connection, with TLS where it
 * is asked for, is proof enough, but for the time it took.  For "tcp".
 */


#include <ngx_hd_match.h>
#include <ngx_hd_wire.h>


ngx_int_t
ngx_hd_wire_connect(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t        rc;
    ngx_hd_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    /* there is no status, so the one expected by default must not fail */

    answer.status = NGX_HTTP_OK;
    answer.usec = w->usec(w->time_data);

    w->result->usec = answer.usec;

    rc = ngx_hd_match(w->check->conds, &answer, w->result);

    if (rc == NGX_DECLINED && w->result->verdict == NGX_HD_WARN) {
        return NGX_OK;
    }

    return rc;
}

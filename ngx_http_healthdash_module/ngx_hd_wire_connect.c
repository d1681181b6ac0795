
/*
 * healthdash: the dialogue that says nothing: a connection, with TLS where it
 * is asked for, is proof enough, but for the time it took and the certificate
 * it showed.  For "tls", and "tcp" without a dialogue of its own.
 */


#include <ngx_hd_wire.h>


ngx_int_t
ngx_hd_wire_connect(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_hd_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    return ngx_hd_wire_judge(w, &answer);
}


/*
 * healthdash: the AJP dialogue: CPing, which the servlet container itself
 * answers with CPong, without any application behind it.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


static const u_char  ngx_hd_ajp_cping[] = { 0x12, 0x34, 0, 1, 0x0a };
static const u_char  ngx_hd_ajp_cpong[] = { 0x41, 0x42, 0, 1, 0x09 };


ngx_int_t
ngx_hd_wire_ajp(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    size_t           n;
    ngx_hd_answer_t  answer;

    if (w->state == NULL) {
        w->state = w;

        out->pos = (u_char *) ngx_hd_ajp_cping;
        out->last = out->pos + sizeof(ngx_hd_ajp_cping);

        return NGX_AGAIN;
    }

    n = in->last - in->pos;

    if (ngx_memcmp(in->pos, ngx_hd_ajp_cpong,
                   ngx_min(n, sizeof(ngx_hd_ajp_cpong)))
        != 0)
    {
        return ngx_hd_wire_alien(w, "an AJP", in->pos, n);
    }

    if (n >= sizeof(ngx_hd_ajp_cpong)) {
        in->pos += sizeof(ngx_hd_ajp_cpong);

        ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

        return ngx_hd_wire_judge(w, &answer);
    }

    if (!w->eof) {
        return NGX_AGAIN;
    }

    if (n == 0) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CLOSED, NULL);

    } else {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          "%uz of %uz bytes", n, sizeof(ngx_hd_ajp_cpong));
    }

    return NGX_DECLINED;
}

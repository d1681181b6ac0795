
/*
 * healthdash: the AJP dialogue.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


ngx_int_t
ngx_hd_wire_ajp(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_ERROR, "not built yet");

    return NGX_ERROR;
}

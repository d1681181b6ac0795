
/*
 * healthdash: the FastCGI dialogue.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


ngx_int_t
ngx_hd_wire_fastcgi(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_ERROR, "not built yet");

    return NGX_ERROR;
}


const char *
ngx_hd_wire_fastcgi_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    return "is not available yet";
}

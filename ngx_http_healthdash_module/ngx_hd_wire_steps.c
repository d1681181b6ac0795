
/*
 * healthdash: a dialogue of send and expect lines.
 */


#include <ngx_hd_wire.h>


ngx_int_t
ngx_hd_wire_steps(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    return ngx_hd_wire_connect(w, in, out);
}

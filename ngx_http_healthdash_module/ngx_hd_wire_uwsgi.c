
/*
 * healthdash: the uwsgi dialogue: a request of variables; its answer is one of
 * HTTP/1, and read as such.
 */


#include <ngx_hd_wire_cgi.h>


#define NGX_HD_UWSGI_HEAD      4       /* modifier1, size, modifier2 */
#define NGX_HD_UWSGI_MAX       65535   /* bytes behind it */


static u_char *ngx_hd_uwsgi_write(u_char *p, ngx_str_t *s);


ngx_int_t
ngx_hd_wire_uwsgi(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    return ngx_hd_wire_http1(w, in, out);
}


const char *
ngx_hd_wire_uwsgi_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    size_t          len;
    u_char         *p;
    ngx_uint_t      i;
    ngx_array_t    *vars;
    ngx_hd_pair_t  *var;

    vars = ngx_hd_cgi_vars(pool, check, host, NGX_HD_CGI_UWSGI);
    if (vars == NULL) {
        return "could not be made ready: no memory";
    }

    len = 0;
    var = vars->elts;

    for (i = 0; i < vars->nelts; i++) {
        len += 2 + var[i].name.len + 2 + var[i].value.len;

        /* the answer to HEAD has no body, whatever its length says */

        if (var[i].name.len == sizeof("REQUEST_METHOD") - 1
            && ngx_memcmp(var[i].name.data, "REQUEST_METHOD",
                          sizeof("REQUEST_METHOD") - 1)
               == 0)
        {
            check->method = var[i].value;
        }
    }

    if (len > NGX_HD_UWSGI_MAX) {
        return "has more than 64k of \"param\" lines";
    }

    p = ngx_pnalloc(pool, NGX_HD_UWSGI_HEAD + len);
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    check->request.data = p;
    check->request.len = NGX_HD_UWSGI_HEAD + len;

    *p++ = 0;
    *p++ = (u_char) len;
    *p++ = (u_char) (len >> 8);
    *p++ = 0;

    for (i = 0; i < vars->nelts; i++) {
        p = ngx_hd_uwsgi_write(p, &var[i].name);
        p = ngx_hd_uwsgi_write(p, &var[i].value);
    }

    return NULL;
}


static u_char *
ngx_hd_uwsgi_write(u_char *p, ngx_str_t *s)
{
    *p++ = (u_char) s->len;
    *p++ = (u_char) (s->len >> 8);

    return ngx_cpymem(p, s->data, s->len);
}

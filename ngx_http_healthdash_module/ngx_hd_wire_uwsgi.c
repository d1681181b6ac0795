
/*
 * healthdash: the uwsgi dialogue: a request of variables; its answer is one of
 * HTTP/1, and read as such.  A server in CGI mode (cgi-mode of uWSGI, which
 * nginx's uwsgi_pass understands as well) begins it with a Status header: that
 * is given to the HTTP dialogue as the status line it stands for.
 */


#include <ngx_hd_wire_cgi.h>
#include <ngx_hd_reason.h>


#define NGX_HD_UWSGI_HEAD      4       /* modifier1, size, modifier2 */
#define NGX_HD_UWSGI_MAX       65535   /* bytes behind it */


typedef struct {
    ngx_hd_wire_t  http;
    unsigned       begun:1;             /* the answer's first word is read */
} ngx_hd_uwsgi_t;


static ngx_int_t ngx_hd_uwsgi_create(ngx_hd_wire_t *w, ngx_buf_t *in,
    ngx_buf_t *out);
static ngx_int_t ngx_hd_uwsgi_status(ngx_hd_wire_t *w, ngx_buf_t *in);
static u_char *ngx_hd_uwsgi_write(u_char *p, ngx_str_t *s);


static const char  ngx_hd_uwsgi_line[] = "HTTP/1.0 ";


ngx_int_t
ngx_hd_wire_uwsgi(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t        rc;
    ngx_buf_t        line;
    ngx_hd_uwsgi_t  *u;

    if (w->state == NULL) {
        return ngx_hd_uwsgi_create(w, in, out);
    }

    u = w->state;

    if (!u->begun) {
        rc = ngx_hd_uwsgi_status(w, in);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        u->begun = 1;

        if (rc == NGX_OK) {
            ngx_memzero(&line, sizeof(ngx_buf_t));

            line.pos = (u_char *) ngx_hd_uwsgi_line;
            line.last = line.pos + sizeof(ngx_hd_uwsgi_line) - 1;

            (void) ngx_hd_wire_http1(&u->http, &line, out);
        }
    }

    u->http.eof = w->eof;

    return ngx_hd_wire_http1(&u->http, in, out);
}


static ngx_int_t
ngx_hd_uwsgi_create(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_hd_uwsgi_t  *u;

    u = ngx_pcalloc(w->pool, sizeof(ngx_hd_uwsgi_t));
    if (u == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    u->http = *w;
    w->state = u;

    return ngx_hd_wire_http1(&u->http, in, out);
}


/* NGX_OK: "Status:" and blanks were read; NGX_DECLINED: it is another word */

static ngx_int_t
ngx_hd_uwsgi_status(ngx_hd_wire_t *w, ngx_buf_t *in)
{
    size_t   n, len;
    u_char  *p;

    len = sizeof("Status:") - 1;
    n = ngx_min((size_t) (in->last - in->pos), len);

    if (ngx_strncasecmp(in->pos, (u_char *) "Status:", n) != 0) {
        return NGX_DECLINED;
    }

    if (n < len) {
        return w->eof ? NGX_DECLINED : NGX_AGAIN;
    }

    for (p = in->pos + len; p < in->last && *p == ' '; p++) { /* void */ }

    if (p == in->last && !w->eof) {
        return NGX_AGAIN;
    }

    in->pos = p;

    return NGX_OK;
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

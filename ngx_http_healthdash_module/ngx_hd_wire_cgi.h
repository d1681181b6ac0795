
/*
 * healthdash: what FastCGI and uwsgi have in common: the variables of a
 * request; and the answer of a CGI program: header, blank line, body.
 */


#ifndef _NGX_HD_WIRE_CGI_H_INCLUDED_
#define _NGX_HD_WIRE_CGI_H_INCLUDED_


#include <ngx_hd_wire.h>


#define NGX_HD_CGI_FASTCGI     0x01
#define NGX_HD_CGI_UWSGI       0x02


typedef struct {
    ngx_buf_t     head;         /* as it came; fields point into it */
    size_t        seen;         /* bytes of head without an end in them */
    ngx_array_t  *fields;       /* NULL: no condition asks for one */
    ngx_uint_t    status;       /* 0: the header is not complete */
    ngx_buf_t     body;         /* what is kept of it */
    off_t         size;         /* bytes of body so far */
    off_t         length;       /* of body by its header; 0 if it has none */
    unsigned      keep_body:1;
} ngx_hd_cgi_t;


/*
 * The variables of a request by protocol (NGX_HD_CGI_*), ngx_hd_pair_t: those
 * every server wants, then the param lines of check, which replace variables
 * of the same name.  The method of check becomes theirs.  NULL: no memory.
 */
ngx_array_t *ngx_hd_cgi_vars(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host, ngx_uint_t protocol);

/* A fresh cgi for the answer to w; NGX_ERROR: no memory. */
ngx_int_t ngx_hd_cgi_init(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi);

/*
 * Takes the next n bytes of an answer.  NGX_OK: more may follow; NGX_DONE:
 * body_limit was reached; NGX_DECLINED, NGX_ERROR: w->result is set.
 */
ngx_int_t ngx_hd_cgi_take(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi, u_char *p,
    size_t n);

/* Judges an answer whose header is complete, as ngx_hd_wire_judge(). */
ngx_int_t ngx_hd_cgi_judge(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi);


#endif /* _NGX_HD_WIRE_CGI_H_INCLUDED_ */

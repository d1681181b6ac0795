
#ifndef _NGX_HD_URL_H_INCLUDED_
#define _NGX_HD_URL_H_INCLUDED_


#include <ngx_hd.h>


/*
 * The parts of a URL of a service.  Forms:
 *     http://user:password@host:8080/path?query
 *     https://[2001:db8::1]/path
 *     http://unix:/path/of/socket:/path?query
 *     tcp://host:5432, tcp://[::1]:22, tcp://unix:/path/of/socket
 * %XX in user and password is decoded.
 */

typedef struct {
    ngx_str_t  scheme;
    ngx_str_t  user;            /* secret, as is the next */
    ngx_str_t  password;
    ngx_str_t  place;           /* "host:8080", "unix:/path/of/socket" */
    ngx_str_t  uri;             /* "/path?query" or "" */
    ngx_str_t  address;         /* all but user and password */
} ngx_hd_url_t;


/* The scheme of text, or an empty string. */
ngx_str_t ngx_hd_url_scheme(ngx_str_t *text);

/*
 * Takes text apart.  http: there may be a path.  Strings point into text or
 * are from pool.  Returns NULL, or what is wrong.
 */
const char *ngx_hd_url_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t http, ngx_hd_url_t *url);

/*
 * What of text, however broken, can be printed: nothing in front of the last
 * "@", no control characters.  From pool.
 */
ngx_str_t ngx_hd_url_shown(ngx_pool_t *pool, ngx_str_t *text);


#endif /* _NGX_HD_URL_H_INCLUDED_ */

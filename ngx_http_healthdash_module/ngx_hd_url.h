
#ifndef _NGX_HD_URL_H_INCLUDED_
#define _NGX_HD_URL_H_INCLUDED_


#include <ngx_hd_probe.h>


/*
 * The parts of a URL of a service.  Forms:
 *     http://user:password@host:8080/path?query
 *     https://[2001:db8::1]/path
 *     http://unix:/path/of/socket:/path?query
 *     tcp://host:5432, tcp://[::1]:22, tcp://unix:/path/of/socket
 *     disk:/path, memory:, heartbeat:
 * %XX in user and password is decoded.
 */

typedef struct {
    ngx_str_t  scheme;
    ngx_str_t  user;            /* secret, as is the next */
    ngx_str_t  password;
    ngx_str_t  place;           /* "host:8080", "unix:/path/of/socket",
                                   "/path" of disk:/path */
    ngx_str_t  uri;             /* "/path?query" or "" */
    ngx_str_t  address;         /* all but user and password */
} ngx_hd_url_t;


/* The scheme of text, what stands in front of "://", or an empty string. */
ngx_str_t ngx_hd_url_scheme(ngx_str_t *text);

/* The word in front of the first ":" of text, or an empty string. */
ngx_str_t ngx_hd_url_word(ngx_str_t *text);

/*
 * Takes text apart; only NGX_HD_URL_HTTP has a path behind its host.  Strings
 * point into text or are from pool.  Returns NULL, or what is wrong.
 */
const char *ngx_hd_url_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_hd_url_form_e form, ngx_hd_url_t *url);

/*
 * What of text, however broken, can be printed: nothing in front of the last
 * "@", no control characters.  From pool.
 */
ngx_str_t ngx_hd_url_shown(ngx_pool_t *pool, ngx_str_t *text);


#endif /* _NGX_HD_URL_H_INCLUDED_ */

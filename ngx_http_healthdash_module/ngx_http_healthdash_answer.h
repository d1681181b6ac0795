
/*
 * healthdash: what the answers of all locations have in common.
 */


#ifndef _NGX_HTTP_HEALTHDASH_ANSWER_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_ANSWER_H_INCLUDED_


#include <ngx_http_healthdash.h>
#include <ngx_hd_text.h>


/* zeroed by its owner, who fills in what it likes before it is sent */

typedef struct {
    ngx_str_t         media;        /* Content-Type */
    ngx_str_t         charset;      /* or "" */
    ngx_uint_t        status;
    const char       *error;        /* the first one; NULL: none */
    const char       *policy;       /* Content-Security-Policy, or NULL */
    const char       *allow;        /* of a 405 */
    const char       *retry;        /* Retry-After of an error, or NULL */
    unsigned          json:1;       /* errors are for programs */
    unsigned          vary:1;       /* Accept has decided */
    unsigned          live:1;       /* never ends: to be passed on at once */
} ngx_http_healthdash_answer_t;


/*
 * Makes handler that of the location, for the directive cmd.  What stands there
 * twice, or beside another directive of this module, is refused.
 */
char *ngx_http_healthdash_answer_claim(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf, ngx_http_handler_pt handler);

/*
 * Discards the body of the request; a method other than GET and HEAD is
 * refused.  NGX_OK: go on, else what the handler has to return.
 */
ngx_int_t ngx_http_healthdash_answer_begin(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer);

/*
 * The argument called name, as forms write it: value becomes a decoded copy, or
 * empty.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_healthdash_answer_arg(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/* Makes it an error.  The first one is kept. */
void ngx_http_healthdash_answer_refuse(ngx_http_healthdash_answer_t *answer,
    ngx_uint_t status, const char *error);

/*
 * Sends the error: an object of JSON for programs, else a plain sentence.
 * Returns what the handler has to return.
 */
ngx_int_t ngx_http_healthdash_answer_send_error(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer);

/*
 * Sends the head; length is that of the body, -1: not known.  Returns what
 * ngx_http_send_header() does.
 */
ngx_int_t ngx_http_healthdash_answer_head(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, off_t length);

/* Sends text, which is not empty.  Returns what the handler has to return. */
ngx_int_t ngx_http_healthdash_answer_send(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, ngx_hd_text_t *text);


#endif /* _NGX_HTTP_HEALTHDASH_ANSWER_H_INCLUDED_ */

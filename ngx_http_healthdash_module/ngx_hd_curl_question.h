
/*
 * healthdash: what is asked of an HTTP server through libcurl: a method, a URI,
 * lines of a header, a body.  Made once for a check, used by all its probes.
 */


#ifndef _NGX_HD_CURL_QUESTION_H_INCLUDED_
#define _NGX_HD_CURL_QUESTION_H_INCLUDED_


#include <ngx_hd_probe.h>
#include <curl/curl.h>


typedef struct {
    ngx_pool_t          *pool;          /* of the configuration */
    char                *method;
    char                *uri;
    ngx_str_t            body;
    unsigned             has_body:1;    /* be it empty */
    unsigned             trailers:1;    /* of the answer are wanted */
    unsigned             failed:1;      /* no memory for a line */

    /* of this unit */

    char                *url;
    struct curl_slist   *headers;
    struct curl_slist   *last;          /* of headers */
    long                 version;       /* for libcurl */
} ngx_hd_curl_question_t;


/*
 * Adds a line to the header of q, name and value are copied; without memory
 * q->failed is set.
 */
void ngx_hd_curl_question_line(ngx_hd_curl_question_t *q, const char *name,
    const ngx_str_t *value);

/* Keeps libcurl from a line called name of its own. */
void ngx_hd_curl_question_no_line(ngx_hd_curl_question_t *q, const char *name);

/*
 * Makes q, of zeros but for the first fields and lines, what check asks:
 * check->data.  Returns NULL, or what is wrong, as prepare does.
 */
const char *ngx_hd_curl_question_ready(ngx_hd_curl_question_t *q,
    ngx_hd_check_t *check);

/* Sets the options of easy by q.  Returns libcurl's codes, or'ed. */
int ngx_hd_curl_question_ask(ngx_hd_curl_question_t *q, CURL *easy);


#endif /* _NGX_HD_CURL_QUESTION_H_INCLUDED_ */


/*
 * healthdash: what is asked of an HTTP server through libcurl.  Made while the
 * configuration is read; the list of lines is one of libcurl's whose memory is
 * ours, so libcurl only ever reads it.
 */


#include <ngx_hd_curl_question.h>


/* the number came with 7.88.0, and a libcurl without it says no */

#if (LIBCURL_VERSION_NUM >= 0x075800)
#define NGX_HD_CURL_HTTP3_ONLY  ((long) CURL_HTTP_VERSION_3ONLY)
#else
#define NGX_HD_CURL_HTTP3_ONLY  31L
#endif


static void ngx_hd_curl_add_line(ngx_hd_curl_question_t *q, u_char *text);
static const char *ngx_hd_curl_url(ngx_hd_curl_question_t *q,
    ngx_hd_check_t *check);
static ngx_uint_t ngx_hd_curl_is_name(ngx_str_t *name);


/* to libcurl "Name;" is a line without a value */

void
ngx_hd_curl_question_line(ngx_hd_curl_question_t *q, const char *name,
    const ngx_str_t *value)
{
    u_char  *p;

    p = ngx_pnalloc(q->pool, ngx_strlen(name) + value->len + sizeof(": "));

    if (p) {
        (void) ngx_sprintf(p, "%s%s%V%Z", name, value->len ? ": " : ";",
                           value);
    }

    ngx_hd_curl_add_line(q, p);
}


/* and "Name:" keeps it from a line of its own */

void
ngx_hd_curl_question_no_line(ngx_hd_curl_question_t *q, const char *name)
{
    u_char  *p;

    p = ngx_pnalloc(q->pool, ngx_strlen(name) + sizeof(":"));

    if (p) {
        (void) ngx_sprintf(p, "%s:%Z", name);
    }

    ngx_hd_curl_add_line(q, p);
}


static void
ngx_hd_curl_add_line(ngx_hd_curl_question_t *q, u_char *text)
{
    struct curl_slist  *line;

    line = ngx_palloc(q->pool, sizeof(struct curl_slist));

    if (line == NULL || text == NULL) {
        q->failed = 1;
        return;
    }

    line->data = (char *) text;
    line->next = NULL;

    if (q->last) {
        q->last->next = line;

    } else {
        q->headers = line;
    }

    q->last = line;
}


const char *
ngx_hd_curl_question_ready(ngx_hd_curl_question_t *q, ngx_hd_check_t *check)
{
    if (q->failed) {
        return "could not be made ready: no memory";
    }

    if (check->type->version == 30) {
        q->version = NGX_HD_CURL_HTTP3_ONLY;

    } else if (check->type->tls) {
        q->version = CURL_HTTP_VERSION_2TLS;

    } else {
        q->version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    }

    check->data = q;

    return ngx_hd_curl_url(q, check);
}


/* its host is but the name sent as SNI; where to connect to is said apart */

static const char *
ngx_hd_curl_url(ngx_hd_curl_question_t *q, ngx_hd_check_t *check)
{
    ngx_str_t   name;
    ngx_uint_t  bare;

    ngx_str_set(&name, "localhost");

    if (check->type->tls && check->sni.len) {
        name = check->sni;
    }

    if (!ngx_hd_curl_is_name(&name)) {
        return "has a name that no certificate can have, expected another "
               "one by host= or sni=";
    }

    bare = ngx_strlchr(name.data, name.data + name.len, ':')
           && name.data[0] != '[';

    q->url = ngx_pnalloc(q->pool, name.len + sizeof("https://[]/"));
    if (q->url == NULL) {
        return "could not be made ready: no memory";
    }

    (void) ngx_sprintf((u_char *) q->url, "%s://%s%V%s/%Z",
                       check->type->tls ? "https" : "http", bare ? "[" : "",
                       &name, bare ? "]" : "");

    return NULL;
}


/* a host name or an address: nothing that means something in a URL */

static ngx_uint_t
ngx_hd_curl_is_name(ngx_str_t *name)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')
            && ngx_strchr("-._:[]", c) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


int
ngx_hd_curl_question_ask(ngx_hd_curl_question_t *q, CURL *easy)
{
    int  rc;

    rc = curl_easy_setopt(easy, CURLOPT_URL, q->url);
    rc |= curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, q->uri);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, q->version);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, q->headers);

    if (ngx_strcmp(q->method, "HEAD") == 0) {
        rc |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);

    } else if (q->has_body) {
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t) q->body.len);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                               q->body.len ? (char *) q->body.data : "");
        rc |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);

    } else {
        rc |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        rc |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);
    }

    /* libcurl stops where the length says, and trailers would be lost */

    rc |= curl_easy_setopt(easy, CURLOPT_IGNORE_CONTENT_LENGTH,
                           q->trailers ? 1L : 0L);

    return rc;
}

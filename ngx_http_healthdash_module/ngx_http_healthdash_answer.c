
/*
 * healthdash: an answer of a location: methods, errors, headers, sending.
 * Called by the handlers.  All memory is the request's.
 */


#include <ngx_http_healthdash_answer.h>
#include <ngx_hd_compat.h>


static void ngx_http_healthdash_answer_error(
    ngx_http_healthdash_answer_t *answer, ngx_hd_text_t *text);
static ngx_int_t ngx_http_healthdash_answer_headers(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer);
static ngx_int_t ngx_http_healthdash_answer_header(ngx_http_request_t *r,
    const char *name, const char *value);


char *
ngx_http_healthdash_answer_claim(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf, ngx_http_handler_pt handler)
{
    ngx_http_healthdash_loc_conf_t  *hlcf = conf;

    u_char                    *p;
    ngx_http_core_loc_conf_t  *clcf;

    static const char  text[] = "conflicts with \"%V\" in the same location";

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (hlcf->directive.len == 0) {
        hlcf->directive = cmd->name;
        clcf->handler = handler;

        return NGX_CONF_OK;
    }

    if (clcf->handler == handler) {
        return "is duplicate";
    }

    p = ngx_pnalloc(cf->pool, sizeof(text) + hlcf->directive.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *ngx_sprintf(p, text, &hlcf->directive) = '\0';

    return (char *) p;
}


ngx_int_t
ngx_http_healthdash_answer_begin(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    answer->status = NGX_HTTP_OK;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        answer->allow = "GET, HEAD";

        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_NOT_ALLOWED,
                                   "only GET and HEAD are allowed here");
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_healthdash_answer_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char     *src, *dst;
    size_t      i;
    ngx_str_t   arg;

    ngx_str_null(value);

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &arg) != NGX_OK
        || arg.len == 0)
    {
        return NGX_OK;
    }

    src = ngx_pstrdup(r->pool, &arg);
    if (src == NULL) {
        return NGX_ERROR;
    }

    /* as forms write it; a plus itself is %2B */

    for (i = 0; i < arg.len; i++) {

        if (src[i] == '+') {
            src[i] = ' ';
        }
    }

    value->data = src;
    dst = src;

    ngx_unescape_uri(&dst, &src, arg.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


void
ngx_http_healthdash_answer_refuse(ngx_http_healthdash_answer_t *answer,
    ngx_uint_t status, const char *error)
{
    if (answer->error == NULL) {
        answer->status = status;
        answer->error = error;
    }
}


ngx_int_t
ngx_http_healthdash_answer_send_error(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer)
{
    ngx_hd_text_t  text;

    ngx_hd_text_init(&text, r->pool);

    ngx_http_healthdash_answer_error(answer, &text);

    return ngx_http_healthdash_answer_send(r, answer, &text);
}


/* an object of JSON for programs, else a plain sentence */

static void
ngx_http_healthdash_answer_error(ngx_http_healthdash_answer_t *answer,
    ngx_hd_text_t *text)
{
    if (!answer->json) {
        ngx_str_set(&answer->media, "text/plain");
        ngx_str_set(&answer->charset, "utf-8");

        ngx_hd_text_add(text, answer->error);
        ngx_hd_text_add(text, "\n");
        return;
    }

    ngx_str_set(&answer->media, "application/json");
    ngx_str_null(&answer->charset);

    ngx_hd_text_add(text, "{\"error\":{\"status\":");
    ngx_hd_text_uint(text, answer->status);
    ngx_hd_text_add(text, ",\"text\":");
    ngx_hd_text_json(text, (u_char *) answer->error,
                     ngx_strlen(answer->error));
    ngx_hd_text_add(text, "}}\n");
}


ngx_int_t
ngx_http_healthdash_answer_send(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, ngx_hd_text_t *text)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    if (text->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = text->last->buf;

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    rc = ngx_http_healthdash_answer_head(r, answer, text->size);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, text->first);
}


ngx_int_t
ngx_http_healthdash_answer_head(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, off_t length)
{
    if (ngx_http_healthdash_answer_headers(r, answer) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = answer->status;
    r->headers_out.content_length_n = length;
    r->headers_out.content_type = answer->media;
    r->headers_out.content_type_len = answer->media.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset = answer->charset;

    if (answer->live) {
        ngx_hd_no_gzip(r);
    }

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_healthdash_answer_headers(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer)
{
    ngx_uint_t  i;

    const struct {
        const char  *name;
        const char  *value;
    } headers[] = {
        { "Cache-Control", "no-store" },
        { "X-Content-Type-Options", "nosniff" },
        { "Referrer-Policy", "no-referrer" },
        { "Content-Security-Policy", answer->policy },
        { "Vary", answer->vary ? "Accept" : NULL },
        { "X-Accel-Buffering", answer->live ? "no" : NULL },
        { "Retry-After", answer->error ? answer->retry : NULL },
        { "Allow", answer->status == NGX_HTTP_NOT_ALLOWED ? answer->allow
                                                          : NULL }
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {

        if (headers[i].value
            && ngx_http_healthdash_answer_header(r, headers[i].name,
                                                 headers[i].value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_answer_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    /* also clears what nginx 1.23 added */

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value.len = ngx_strlen(value);
    h->value.data = (u_char *) value;

    return NGX_OK;
}

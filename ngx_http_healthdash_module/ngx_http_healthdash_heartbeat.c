
/*
 * healthdash: the location that heartbeats are sent to.  Reads a name, a token
 * and what the service says of itself from URL, headers or a small form, and
 * hands them on.  Nothing of it is logged here.
 */


#include <ngx_http_healthdash_answer.h>
#include <ngx_hd_beat.h>
#include <ngx_hd_cond.h>


#define NGX_HTTP_HEALTHDASH_FORM     4096    /* bytes of a body, at most */
#define NGX_HTTP_HEALTHDASH_LONG     "the form is longer than 4096 bytes"


/* one request; body is a form, or empty */

typedef struct {
    ngx_http_request_t           *request;
    ngx_str_t                     body;
    ngx_str_t                     name;
    ngx_str_t                     token;
    ngx_str_t                     status;
    ngx_str_t                     message;
    ngx_http_healthdash_answer_t  answer;
} ngx_http_healthdash_beat_t;


static ngx_int_t ngx_http_healthdash_beat_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_healthdash_beat_has_form(ngx_http_request_t *r);
static void ngx_http_healthdash_beat_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_healthdash_beat_body(
    ngx_http_healthdash_beat_t *beat);
static ngx_int_t ngx_http_healthdash_beat_read(
    ngx_http_healthdash_beat_t *beat);
static ngx_int_t ngx_http_healthdash_beat_name(
    ngx_http_healthdash_beat_t *beat);
static ngx_int_t ngx_http_healthdash_beat_token(
    ngx_http_healthdash_beat_t *beat);
static ngx_int_t ngx_http_healthdash_beat_arg(ngx_http_healthdash_beat_t *beat,
    const char *name, ngx_str_t *value);
static void ngx_http_healthdash_beat_take(ngx_http_healthdash_beat_t *beat);
static ngx_int_t ngx_http_healthdash_beat_status(const ngx_str_t *word,
    ngx_hd_verdict_e *status);
static ngx_int_t ngx_http_healthdash_beat_send(
    ngx_http_healthdash_beat_t *beat);


static ngx_int_t
ngx_http_healthdash_beat_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_healthdash_beat_t  beat;

    if (ngx_http_healthdash_beat_has_form(r)
        && r->headers_in.content_length_n <= NGX_HTTP_HEALTHDASH_FORM)
    {
        rc = ngx_http_read_client_request_body(r,
                                       ngx_http_healthdash_beat_body_handler);

        return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
    }

    ngx_memzero(&beat, sizeof(ngx_http_healthdash_beat_t));
    beat.request = r;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST))) {
        beat.answer.allow = "GET, HEAD, POST";

        ngx_http_healthdash_answer_refuse(&beat.answer, NGX_HTTP_NOT_ALLOWED,
                                "only GET, HEAD and POST are allowed here");

    } else if (ngx_http_healthdash_beat_has_form(r)) {
        ngx_http_healthdash_answer_refuse(&beat.answer,
                                          NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                          NGX_HTTP_HEALTHDASH_LONG);
    }

    return ngx_http_healthdash_beat_send(&beat);
}


static ngx_uint_t
ngx_http_healthdash_beat_has_form(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    static const ngx_str_t  form =
        ngx_string("application/x-www-form-urlencoded");

    if (r->method != NGX_HTTP_POST || r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    return type->len >= form.len
           && ngx_strncasecmp(type->data, form.data, form.len) == 0
           && (type->len == form.len || type->data[form.len] == ';'
               || type->data[form.len] == ' ');
}


static void
ngx_http_healthdash_beat_body_handler(ngx_http_request_t *r)
{
    ngx_http_healthdash_beat_t  beat;

    ngx_memzero(&beat, sizeof(ngx_http_healthdash_beat_t));
    beat.request = r;

    if (ngx_http_healthdash_beat_body(&beat) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_finalize_request(r, ngx_http_healthdash_beat_send(&beat));
}


/*
 * A body sent in chunks tells its length only now.  A subrequest has the body
 * of its request, which may not have been read.
 */

static ngx_int_t
ngx_http_healthdash_beat_body(ngx_http_healthdash_beat_t *beat)
{
    u_char       *p;
    size_t        len;
    ngx_chain_t  *cl, *bufs;

    if (beat->request->request_body == NULL) {
        return NGX_OK;
    }

    len = 0;
    bufs = beat->request->request_body->bufs;

    for (cl = bufs; cl; cl = cl->next) {

        if (cl->buf->in_file
            || len + ngx_buf_size(cl->buf) > NGX_HTTP_HEALTHDASH_FORM)
        {
            ngx_http_healthdash_answer_refuse(&beat->answer,
                                             NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                             NGX_HTTP_HEALTHDASH_LONG);
            return NGX_OK;
        }

        len += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(beat->request->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    beat->body.data = p;
    beat->body.len = len;

    for (cl = bufs; cl; cl = cl->next) {

        /* the last one of a body in chunks may have no memory */

        if (cl->buf->pos) {
            p = ngx_cpymem(p, cl->buf->pos, ngx_buf_size(cl->buf));
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_beat_read(ngx_http_healthdash_beat_t *beat)
{
    if (ngx_http_healthdash_beat_name(beat) != NGX_OK
        || ngx_http_healthdash_beat_token(beat) != NGX_OK
        || ngx_http_healthdash_beat_arg(beat, "status", &beat->status)
           != NGX_OK
        || ngx_http_healthdash_beat_arg(beat, "message", &beat->message)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what is left of the URI behind that of the location, else an argument */

static ngx_int_t
ngx_http_healthdash_beat_name(ngx_http_healthdash_beat_t *beat)
{
    ngx_str_t                 *uri, *prefix;
    ngx_http_core_loc_conf_t  *clcf;

    uri = &beat->request->uri;
    clcf = ngx_http_get_module_loc_conf(beat->request, ngx_http_core_module);
    prefix = &clcf->name;

    /* the name of a location with a regular expression is no prefix */

    if (uri->len > prefix->len
        && ngx_strncmp(uri->data, prefix->data, prefix->len) == 0)
    {
        beat->name.data = uri->data + prefix->len;
        beat->name.len = uri->len - prefix->len;

        if (beat->name.data[0] == '/') {
            beat->name.data++;
            beat->name.len--;
        }
    }

    if (beat->name.len) {
        return NGX_OK;
    }

    return ngx_http_healthdash_beat_arg(beat, "service", &beat->name);
}


static ngx_int_t
ngx_http_healthdash_beat_token(ngx_http_healthdash_beat_t *beat)
{
    ngx_uint_t        i;
    ngx_str_t        *value;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &beat->request->headers_in.headers.part;
         part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == sizeof("X-Healthdash-Token") - 1
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "X-Healthdash-Token",
                                   h[i].key.len)
                   == 0)
            {
                beat->token = h[i].value;
                return NGX_OK;
            }
        }
    }

    h = beat->request->headers_in.authorization;

    if (h) {
        value = &h->value;

        if (value->len > 7
            && ngx_strncasecmp(value->data, (u_char *) "Bearer ", 7) == 0)
        {
            beat->token.data = value->data + 7;
            beat->token.len = value->len - 7;

            return NGX_OK;
        }
    }

    return ngx_http_healthdash_beat_arg(beat, "token", &beat->token);
}


/* in the query string, else in the form */

static ngx_int_t
ngx_http_healthdash_beat_arg(ngx_http_healthdash_beat_t *beat,
    const char *name, ngx_str_t *value)
{
    ngx_int_t            rc;
    ngx_str_t            args;
    ngx_http_request_t  *r;

    r = beat->request;

    rc = ngx_http_healthdash_answer_arg(r, name, value);

    if (rc != NGX_OK || value->len || beat->body.len == 0) {
        return rc;
    }

    args = r->args;
    r->args = beat->body;

    rc = ngx_http_healthdash_answer_arg(r, name, value);

    r->args = args;

    return rc;
}


static void
ngx_http_healthdash_beat_take(ngx_http_healthdash_beat_t *beat)
{
    ngx_int_t                      rc;
    ngx_hd_target_t               *t;
    ngx_hd_verdict_e               status;
    ngx_hd_main_conf_t            *hmcf;
    ngx_http_healthdash_answer_t  *answer;

    answer = &beat->answer;

    if (beat->name.len == 0) {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                                "no name, expected that of a heartbeat as the "
                                "last part of the path or as ?service=");
        return;
    }

    hmcf = ngx_http_get_module_main_conf(beat->request,
                                         ngx_http_healthdash_module);

    rc = ngx_hd_beat_find(hmcf, &beat->name, &beat->token, &t);

    if (rc == NGX_DECLINED) {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_FORBIDDEN,
                                "unknown heartbeat, or not its token");
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_NOT_FOUND,
                                "unknown heartbeat, expected the name of a "
                                "service of type heartbeat");
        return;
    }

    if (ngx_http_healthdash_beat_status(&beat->status, &status) != NGX_OK) {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                                "unknown status, expected \"up\", "
                                "\"degraded\" or \"down\"");
        return;
    }

    if (ngx_hd_beat_tell(t, status, &beat->message) != NGX_OK) {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_SERVICE_UNAVAILABLE,
                                "the configuration has changed, send it "
                                "again");
    }
}


static ngx_int_t
ngx_http_healthdash_beat_status(const ngx_str_t *word,
    ngx_hd_verdict_e *status)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t         word;
        ngx_hd_verdict_e  status;
    } known[] = {
        { ngx_string(""), NGX_HD_PASS },
        { ngx_string("up"), NGX_HD_PASS },
        { ngx_string("degraded"), NGX_HD_WARN },
        { ngx_string("down"), NGX_HD_FAIL }
    };

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {

        if (ngx_hd_cond_equal(&known[i].word, word)) {
            *status = known[i].status;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_healthdash_beat_send(ngx_http_healthdash_beat_t *beat)
{
    ngx_hd_text_t                  text;
    ngx_http_healthdash_answer_t  *answer;

    answer = &beat->answer;

    if (answer->error == NULL) {
        answer->status = NGX_HTTP_OK;

        if (ngx_http_healthdash_beat_read(beat) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_healthdash_beat_take(beat);
    }

    answer->json = 1;

    if (answer->error) {
        return ngx_http_healthdash_answer_send_error(beat->request, answer);
    }

    ngx_hd_text_init(&text, beat->request->pool);

    ngx_str_set(&answer->media, "application/json");
    ngx_hd_text_add(&text, "{\"status\":\"ok\"}\n");

    return ngx_http_healthdash_answer_send(beat->request, answer, &text);
}


char *
ngx_http_healthdash_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_healthdash_answer_claim(cf, cmd, conf,
                                            ngx_http_healthdash_beat_handler);
}

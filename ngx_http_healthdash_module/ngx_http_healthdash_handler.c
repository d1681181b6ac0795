
/*
 * healthdash: the locations.  Chooses a format, reads the query, takes the
 * picture and sends what a renderer made of it.  All memory is the request's;
 * nothing here waits, and nothing a client sends can change anything.
 */


#include <ngx_http_healthdash_hub.h>
#include <ngx_http_healthdash_query.h>
#include <ngx_http_healthdash_room.h>
#include <ngx_http_healthdash_slice.h>
#include <ngx_hd_asset.h>


typedef struct {
    ngx_http_healthdash_answer_t  answer;
    const ngx_http_healthdash_kind_t
                                 *kind;
    ngx_hd_view_filter_t          filter;
} ngx_http_healthdash_ctx_t;


static ngx_int_t ngx_http_healthdash_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_healthdash_choose(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx);
static ngx_int_t ngx_http_healthdash_stream(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx);
static ngx_int_t ngx_http_healthdash_stream_rows(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx, ngx_http_healthdash_wish_t *wish);
static ngx_int_t ngx_http_healthdash_stream_last(ngx_http_request_t *r,
    ngx_http_healthdash_wish_t *wish);
static void ngx_http_healthdash_stream_refuse(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx);
static ngx_int_t ngx_http_healthdash_render(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx);
static ngx_int_t ngx_http_healthdash_live_handler(ngx_http_request_t *r);
static char *ngx_http_healthdash_status_word(ngx_conf_t *cf,
    ngx_http_healthdash_loc_conf_t *hlcf, ngx_str_t *word);


static ngx_int_t
ngx_http_healthdash_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_healthdash_ctx_t        ctx;
    ngx_http_healthdash_loc_conf_t  *hlcf;

    ngx_memzero(&ctx, sizeof(ngx_http_healthdash_ctx_t));

    rc = ngx_http_healthdash_answer_begin(r, &ctx.answer);

    if (rc != NGX_OK) {
        return rc;
    }

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_healthdash_module);

    ctx.filter.health = NGX_HD_STATES;
    ctx.filter.events = NGX_CONF_UNSET_UINT;
    ctx.filter.public = hlcf->public;

    if (ngx_http_healthdash_choose(r, &ctx) != NGX_OK
        || ngx_http_healthdash_query(r, &ctx.answer, ctx.kind, &ctx.filter)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx.answer.media = ctx.kind->media;
    ctx.answer.charset = ctx.kind->charset;
    ctx.answer.json = (ctx.kind->format == NGX_HTTP_HEALTHDASH_JSON
                       || ctx.kind->format == NGX_HTTP_HEALTHDASH_HEALTH);

    if (ctx.kind->render == NULL) {
        return ngx_http_healthdash_stream(r, &ctx);
    }

    return ctx.answer.error
           ? ngx_http_healthdash_answer_send_error(r, &ctx.answer)
           : ngx_http_healthdash_render(r, &ctx);
}


static ngx_int_t
ngx_http_healthdash_choose(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx)
{
    ngx_str_t                        name;
    const char                      *error;
    ngx_http_healthdash_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_healthdash_module);

    ctx->kind = ngx_http_healthdash_kind_of(hlcf->format);

    if (ctx->kind) {
        return NGX_OK;
    }

    if (ngx_http_arg(r, (u_char *) "format", 6, &name) == NGX_OK) {
        ctx->kind = ngx_http_healthdash_kind(&name);

        if (ctx->kind) {
            return NGX_OK;
        }

        error = ngx_http_healthdash_kind_names(r->pool,
                                               "unknown format, expected ");
        if (error == NULL) {
            return NGX_ERROR;
        }

        ngx_http_healthdash_answer_refuse(&ctx->answer, NGX_HTTP_BAD_REQUEST,
                                          error);
    }

    ctx->kind = ngx_http_healthdash_kind_accepted(r);
    ctx->answer.vary = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_stream(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx)
{
    ngx_http_healthdash_wish_t  wish;

    ngx_memzero(&wish, sizeof(ngx_http_healthdash_wish_t));

    if (ngx_http_healthdash_stream_rows(r, ctx, &wish) != NGX_OK
        || ngx_http_healthdash_stream_last(r, &wish) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_healthdash_stream_refuse(r, ctx);

    if (ctx->answer.error) {
        return ngx_http_healthdash_answer_send_error(r, &ctx->answer);
    }

    wish.filter = ctx->filter;
    ctx->answer.live = 1;

    return ngx_http_healthdash_hub_join(r, &ctx->answer, &wish);
}


static ngx_int_t
ngx_http_healthdash_stream_rows(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx, ngx_http_healthdash_wish_t *wish)
{
    ngx_str_t  value;

    if (ngx_http_healthdash_answer_arg(r, "rows", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    wish->live = &ngx_hd_live_json;

    if (value.len == 0
        || (value.len == 4 && ngx_memcmp(value.data, "json", 4) == 0))
    {
        return NGX_OK;
    }

    if (value.len == 4 && ngx_memcmp(value.data, "html", 4) == 0) {
        wish->live = &ngx_hd_live_html;
        return NGX_OK;
    }

    ngx_http_healthdash_answer_refuse(&ctx->answer, NGX_HTTP_BAD_REQUEST,
                                      "rows must be \"json\" or \"html\"");

    return NGX_OK;
}


/* a browser sends the header, but not for the first time */

static ngx_int_t
ngx_http_healthdash_stream_last(ngx_http_request_t *r,
    ngx_http_healthdash_wish_t *wish)
{
    ngx_int_t         n;
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (ngx_http_healthdash_answer_arg(r, "last_event_id", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == sizeof("Last-Event-ID") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Last-Event-ID",
                                   sizeof("Last-Event-ID") - 1)
                   == 0)
            {
                value = h[i].value;
            }
        }
    }

    n = ngx_atoi(value.data, value.len);

    if (n != NGX_ERROR) {
        wish->event = n;
        wish->knows = 1;
    }

    return NGX_OK;
}


static void
ngx_http_healthdash_stream_refuse(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx)
{
    ngx_hd_main_conf_t            *hmcf;
    ngx_http_healthdash_answer_t  *answer;

    hmcf = ngx_http_get_module_main_conf(r, ngx_http_healthdash_module);
    answer = &ctx->answer;

    if (ngx_hd_view_is_filtered(&ctx->filter) || ctx->filter.history
        || ctx->filter.events != NGX_CONF_UNSET_UINT)
    {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                         "a stream is of everything, expected no filter, "
                         "\"history\" or \"events\"");
    }

    if (r != r->main || r->discard_body) {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                         "a stream is no part of another answer, and takes "
                         "no body");
    }

    if (answer->error == NULL && ngx_http_healthdash_room_is_full(hmcf)) {
        ngx_http_healthdash_room_refuse(r, answer);
    }

    if (ngx_http_healthdash_hub_is_full(hmcf)) {
        ngx_http_healthdash_answer_refuse(answer,
                         NGX_HTTP_SERVICE_UNAVAILABLE,
                         "this worker has as many streams as it may have");
    }
}


static ngx_int_t
ngx_http_healthdash_render(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx)
{
    if (ctx->kind->format == NGX_HTTP_HEALTHDASH_HTML) {
        ctx->answer.policy = "default-src 'none'; "
                             "style-src 'sha256-" NGX_HD_ASSET_CSS_SHA256 "'; "
                             "script-src 'sha256-" NGX_HD_ASSET_JS_SHA256 "'; "
                             "connect-src 'self'; img-src data:; "
                             "base-uri 'none'; form-action 'none'; "
                             "frame-ancestors 'none'";

    } else if (ctx->kind->format == NGX_HTTP_HEALTHDASH_BADGE) {
        ctx->answer.policy = "default-src 'none'";
    }

    return ngx_http_healthdash_slice_send(r, &ctx->answer, ctx->kind->render,
                                          &ctx->filter);
}


static ngx_int_t
ngx_http_healthdash_live_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_hd_text_t                 text;
    ngx_http_healthdash_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_http_healthdash_answer_t));

    rc = ngx_http_healthdash_answer_begin(r, &answer);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_str_set(&answer.media, "text/plain");
    ngx_str_set(&answer.charset, "utf-8");

    if (answer.error) {
        return ngx_http_healthdash_answer_send_error(r, &answer);
    }

    ngx_hd_text_init(&text, r->pool);
    ngx_hd_text_add(&text, "ok\n");

    return ngx_http_healthdash_answer_send(r, &answer, &text);
}


char *
ngx_http_healthdash_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_healthdash_loc_conf_t  *hlcf = conf;

    char                *rv;
    ngx_str_t           *value;
    ngx_uint_t           i;
    ngx_hd_main_conf_t  *hmcf;

    rv = ngx_http_healthdash_answer_claim(cf, cmd, conf,
                                          ngx_http_healthdash_status_handler);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    /* nothing of what stands in a location around this one */

    hlcf->format = NGX_HTTP_HEALTHDASH_AUTO;
    hlcf->public = 0;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_healthdash_status_word(cf, hlcf, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_healthdash_module);
    hmcf->status = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_healthdash_status_word(ngx_conf_t *cf,
    ngx_http_healthdash_loc_conf_t *hlcf, ngx_str_t *word)
{
    const char                        *names;
    const ngx_http_healthdash_kind_t  *kind;

    if (word->len == 6 && ngx_memcmp(word->data, "public", 6) == 0) {

        if (hlcf->public) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "healthdash_status: \"public\" is duplicate");
            return NGX_CONF_ERROR;
        }

        hlcf->public = 1;

        return NGX_CONF_OK;
    }

    kind = ngx_http_healthdash_kind(word);

    if (kind == NULL) {
        names = ngx_http_healthdash_kind_names(cf->temp_pool, "");

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "healthdash_status: unknown \"%V\", expected "
                           "\"public\" or a format: %s", word,
                           names ? names : "another one");
        return NGX_CONF_ERROR;
    }

    if (hlcf->format != NGX_HTTP_HEALTHDASH_AUTO) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "healthdash_status: unexpected \"%V\", expected "
                           "one format, or none to negotiate", word);
        return NGX_CONF_ERROR;
    }

    hlcf->format = kind->format;

    return NGX_CONF_OK;
}


char *
ngx_http_healthdash_live(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_healthdash_answer_claim(cf, cmd, conf,
                                            ngx_http_healthdash_live_handler);
}


/*
 * healthdash: the locations.  Chooses a format, reads the query, takes the
 * picture and sends what a renderer made of it.  All memory is the request's;
 * nothing here waits, and nothing a client sends can change anything.
 */


#include <ngx_http_healthdash_hub.h>
#include <ngx_http_healthdash_room.h>
#include <ngx_http_healthdash_slice.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_render.h>
#include <ngx_hd_asset.h>


#define NGX_HTTP_HEALTHDASH_Q_MAX    1000


typedef struct {
    ngx_str_t                     name;         /* of ?format=, directive */
    ngx_str_t                     media;        /* Content-Type, Accept */
    size_t                        major;        /* length of "text/"; 0: not
                                                   chosen by Accept */
    ngx_str_t                     charset;      /* JSON has none */
    ngx_uint_t                    format;
    const ngx_hd_render_t        *render;       /* NULL: a live stream */
} ngx_http_healthdash_kind_t;


/* how much a client likes a format: its q, and how exactly it was named */

typedef struct {
    ngx_uint_t                    q;            /* 0..1000 */
    ngx_uint_t                    exact;        /* 0: not named, 1: any type,
                                                   2: "text/", 3: by name */
} ngx_http_healthdash_like_t;


typedef struct {
    ngx_http_healthdash_answer_t  answer;
    const ngx_http_healthdash_kind_t
                                 *kind;
    ngx_hd_view_filter_t          filter;
} ngx_http_healthdash_ctx_t;


static ngx_int_t ngx_http_healthdash_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_healthdash_choose(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx);
static const char *ngx_http_healthdash_kind_names(ngx_pool_t *pool,
    const char *before);
static const ngx_http_healthdash_kind_t *ngx_http_healthdash_kind(
    const ngx_str_t *name);
static const ngx_http_healthdash_kind_t *ngx_http_healthdash_negotiate(
    ngx_http_request_t *r);
static void ngx_http_healthdash_accept(ngx_http_healthdash_like_t *like,
    const ngx_str_t *value);
static void ngx_http_healthdash_accept_range(
    ngx_http_healthdash_like_t *like, u_char *p, u_char *last);
static ngx_uint_t ngx_http_healthdash_accept_q(u_char *p, u_char *last);
static ngx_uint_t ngx_http_healthdash_accept_match(
    const ngx_http_healthdash_kind_t *kind, u_char *p, size_t len);
static ngx_int_t ngx_http_healthdash_query(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx);
static ngx_int_t ngx_http_healthdash_query_health(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx);
static ngx_int_t ngx_http_healthdash_query_past(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx);
static ngx_int_t ngx_http_healthdash_query_flag(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx, const char *name, ngx_uint_t *flag,
    const char *error);
static ngx_int_t ngx_http_healthdash_query_window(ngx_http_request_t *r,
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


/* the first is what a client gets that does not care */

static const ngx_http_healthdash_kind_t  ngx_http_healthdash_kinds[] = {

    { ngx_string("json"),
      ngx_string("application/json"),
      sizeof("application/") - 1,
      ngx_null_string,
      NGX_HTTP_HEALTHDASH_JSON,
      &ngx_hd_render_json },

    { ngx_string("html"),
      ngx_string("text/html"),
      sizeof("text/") - 1,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_HTML,
      &ngx_hd_render_html },

    { ngx_string("text"),
      ngx_string("text/plain"),
      sizeof("text/") - 1,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_TEXT,
      &ngx_hd_render_text },

    { ngx_string("csv"),
      ngx_string("text/csv"),
      sizeof("text/") - 1,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_CSV,
      &ngx_hd_render_csv },

    { ngx_string("health"),
      ngx_string("application/health+json"),
      sizeof("application/") - 1,
      ngx_null_string,
      NGX_HTTP_HEALTHDASH_HEALTH,
      &ngx_hd_render_health },

    { ngx_string("atom"),
      ngx_string("application/atom+xml"),
      sizeof("application/") - 1,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_ATOM,
      &ngx_hd_render_atom },

    /* only by its name: a browser that accepts images wants a page */

    { ngx_string("badge"),
      ngx_string("image/svg+xml"),
      0,
      ngx_string("utf-8"),
      NGX_HTTP_HEALTHDASH_BADGE,
      &ngx_hd_render_badge },

    { ngx_string("events"),
      ngx_string("text/event-stream"),
      sizeof("text/") - 1,
      ngx_null_string,
      NGX_HTTP_HEALTHDASH_EVENTS,
      NULL }
};

#define NGX_HTTP_HEALTHDASH_KINDS                                             \
    (sizeof(ngx_http_healthdash_kinds) / sizeof(ngx_http_healthdash_kind_t))


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
        || ngx_http_healthdash_query(r, &ctx) != NGX_OK)
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
    ngx_uint_t                       i;
    const char                      *error;
    ngx_http_healthdash_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_healthdash_module);

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {

        if (hlcf->format == ngx_http_healthdash_kinds[i].format) {
            ctx->kind = &ngx_http_healthdash_kinds[i];
            return NGX_OK;
        }
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

    ctx->kind = ngx_http_healthdash_negotiate(r);
    ctx->answer.vary = 1;

    return NGX_OK;
}


/* before and all names: "json", "html" or "text"; NULL: no memory */

static const char *
ngx_http_healthdash_kind_names(ngx_pool_t *pool, const char *before)
{
    size_t       len;
    u_char      *p, *text;
    ngx_uint_t   i;

    len = ngx_strlen(before) + 1;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {
        len += ngx_http_healthdash_kinds[i].name.len + sizeof(" or \"\"") - 1;
    }

    text = ngx_pnalloc(pool, len);
    if (text == NULL) {
        return NULL;
    }

    p = ngx_cpymem(text, before, ngx_strlen(before));

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {
        p = ngx_sprintf(p, "%s\"%V\"",
                        (i == 0) ? ""
                        : (i == NGX_HTTP_HEALTHDASH_KINDS - 1) ? " or " : ", ",
                        &ngx_http_healthdash_kinds[i].name);
    }

    *p = '\0';

    return (const char *) text;
}


static const ngx_http_healthdash_kind_t *
ngx_http_healthdash_kind(const ngx_str_t *name)
{
    ngx_uint_t                         i;
    const ngx_http_healthdash_kind_t  *kind;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {
        kind = &ngx_http_healthdash_kinds[i];

        if (name->len == kind->name.len
            && ngx_memcmp(name->data, kind->name.data, name->len) == 0)
        {
            return kind;
        }
    }

    return NULL;
}


static const ngx_http_healthdash_kind_t *
ngx_http_healthdash_negotiate(ngx_http_request_t *r)
{
    ngx_uint_t                   i, best;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *h;
    ngx_http_healthdash_like_t   like[NGX_HTTP_HEALTHDASH_KINDS];

    ngx_memzero(like, sizeof(like));

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == 6
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Accept", 6)
                   == 0)
            {
                ngx_http_healthdash_accept(like, &h[i].value);
            }
        }
    }

    for (best = 0, i = 1; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {

        if (like[i].q > like[best].q
            || (like[i].q == like[best].q
                && like[i].q && like[i].exact > like[best].exact))
        {
            best = i;
        }
    }

    return &ngx_http_healthdash_kinds[best];
}


static void
ngx_http_healthdash_accept(ngx_http_healthdash_like_t *like,
    const ngx_str_t *value)
{
    u_char  *p, *comma, *last;

    last = value->data + value->len;

    for (p = value->data; p < last; p = comma + 1) {
        comma = ngx_strlchr(p, last, ',');

        if (comma == NULL) {
            comma = last;
        }

        ngx_http_healthdash_accept_range(like, p, comma);
    }
}


/* one of "text/html;level=1;q=0.8"; the most exact range decides about q */

static void
ngx_http_healthdash_accept_range(ngx_http_healthdash_like_t *like, u_char *p,
    u_char *last)
{
    u_char      *end;
    ngx_uint_t   i, q, exact;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    end = p;

    while (end < last && *end != ';' && *end != ' ' && *end != '\t') {
        end++;
    }

    q = ngx_http_healthdash_accept_q(end, last);

    for (i = 0; i < NGX_HTTP_HEALTHDASH_KINDS; i++) {
        exact = ngx_http_healthdash_accept_match(
                                   &ngx_http_healthdash_kinds[i], p, end - p);

        if (exact && exact >= like[i].exact) {
            like[i].exact = exact;
            like[i].q = q;
        }
    }
}


/* the weight among parameters, in thousandths */

static ngx_uint_t
ngx_http_healthdash_accept_q(u_char *p, u_char *last)
{
    ngx_int_t  q;

    for ( ;; ) {
        p = ngx_strlchr(p, last, ';');

        if (p == NULL) {
            return NGX_HTTP_HEALTHDASH_Q_MAX;
        }

        do {
            p++;
        } while (p < last && (*p == ' ' || *p == '\t'));

        if (last - p > 2 && (p[0] == 'q' || p[0] == 'Q') && p[1] == '=') {
            break;
        }
    }

    p += 2;

    while (last > p && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    q = ngx_atofp(p, last - p, 3);

    /* what is no number is no reason to refuse */

    return (q == NGX_ERROR) ? NGX_HTTP_HEALTHDASH_Q_MAX
                            : (ngx_uint_t) ngx_min(q, 1000);
}


static ngx_uint_t
ngx_http_healthdash_accept_match(const ngx_http_healthdash_kind_t *kind,
    u_char *p, size_t len)
{
    if (kind->major == 0) {
        return 0;
    }

    if (len == kind->media.len
        && ngx_strncasecmp(p, kind->media.data, len) == 0)
    {
        return 3;
    }

    if (len == kind->major + 1 && p[len - 1] == '*'
        && ngx_strncasecmp(p, kind->media.data, kind->major) == 0)
    {
        return 2;
    }

    return len == 3 && ngx_strncmp(p, "*/*", 3) == 0;
}


static ngx_int_t
ngx_http_healthdash_query(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx)
{
    ngx_hd_view_filter_t  *filter;

    filter = &ctx->filter;

    if (ngx_http_healthdash_answer_arg(r, "upstream", &filter->upstream)
        != NGX_OK
        || ngx_http_healthdash_answer_arg(r, "service", &filter->service)
           != NGX_OK
        || ngx_http_healthdash_answer_arg(r, "group", &filter->group) != NGX_OK
        || ngx_http_healthdash_answer_arg(r, "row", &filter->row) != NGX_OK
        || ngx_http_healthdash_query_health(r, ctx) != NGX_OK
        || ngx_http_healthdash_query_past(r, ctx) != NGX_OK
        || ngx_http_healthdash_query_window(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->kind->format == NGX_HTTP_HEALTHDASH_BADGE
        && filter->upstream.len && filter->service.len)
    {
        ngx_http_healthdash_answer_refuse(&ctx->answer, NGX_HTTP_BAD_REQUEST,
                      "a badge is of one, expected \"service\" or "
                      "\"upstream\"");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_query_health(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx)
{
    ngx_str_t    value;
    ngx_uint_t   i;
    const char  *word;

    if (ngx_http_healthdash_answer_arg(r, "health", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0) {
        return NGX_OK;
    }

    for (i = 0; i < NGX_HD_STATES; i++) {
        word = ngx_hd_state_word(i);

        if (value.len == ngx_strlen(word)
            && ngx_memcmp(value.data, word, value.len) == 0)
        {
            ctx->filter.health = i;
            return NGX_OK;
        }
    }

    ngx_http_healthdash_answer_refuse(&ctx->answer, NGX_HTTP_BAD_REQUEST,
                    "unknown health, expected \"up\", \"degraded\", "
                    "\"down\", \"unknown\" or \"paused\"");

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_query_past(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx)
{
    ngx_int_t              n;
    ngx_str_t              value;
    ngx_uint_t             history, color;
    ngx_hd_view_filter_t  *filter;

    filter = &ctx->filter;

    if (ngx_http_healthdash_query_flag(r, ctx, "history", &history,
                                       "history must be \"0\" or \"1\"")
        != NGX_OK
        || ngx_http_healthdash_query_flag(r, ctx, "color", &color,
                                          "color must be \"0\" or \"1\"")
           != NGX_OK
        || ngx_http_healthdash_answer_arg(r, "events", &value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    filter->history = history;
    filter->color = color;

    if (value.len == 0) {
        return NGX_OK;
    }

    n = ngx_atoi(value.data, value.len);

    if (n == NGX_ERROR || n > NGX_HD_EVENTS) {
        ngx_http_healthdash_answer_refuse(&ctx->answer, NGX_HTTP_BAD_REQUEST,
                         "events must be a number from 0 to 1024");
        return NGX_OK;
    }

    filter->events = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_query_flag(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx, const char *name, ngx_uint_t *flag,
    const char *error)
{
    ngx_str_t  value;

    *flag = 0;

    if (ngx_http_healthdash_answer_arg(r, name, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0) {
        return NGX_OK;
    }

    if (value.len > 1 || (value.data[0] != '0' && value.data[0] != '1')) {
        ngx_http_healthdash_answer_refuse(&ctx->answer, NGX_HTTP_BAD_REQUEST,
                                          error);
        return NGX_OK;
    }

    *flag = (value.data[0] == '1');

    return NGX_OK;
}


/* of a badge, else it has no meaning */

static ngx_int_t
ngx_http_healthdash_query_window(ngx_http_request_t *r,
    ngx_http_healthdash_ctx_t *ctx)
{
    ngx_str_t               value;
    ngx_hd_view_filter_t   *filter;
    const ngx_hd_window_t  *window;

    if (ngx_http_healthdash_answer_arg(r, "window", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0 || ctx->kind->format != NGX_HTTP_HEALTHDASH_BADGE) {
        return NGX_OK;
    }

    filter = &ctx->filter;

    for (window = ngx_hd_history_windows; window->name; window++) {

        if (value.len == ngx_strlen(window->name)
            && ngx_memcmp(value.data, window->name, value.len) == 0)
        {
            filter->window = window;
        }
    }

    if (filter->window == NULL) {
        ngx_http_healthdash_answer_refuse(&ctx->answer, NGX_HTTP_BAD_REQUEST,
                      "unknown window, expected \"1h\", \"24h\", \"7d\", "
                      "\"30d\" or \"90d\"");

    } else if (filter->service.len == 0 && filter->upstream.len == 0) {
        ngx_http_healthdash_answer_refuse(&ctx->answer, NGX_HTTP_BAD_REQUEST,
                      "a window needs a name, expected \"service\" or "
                      "\"upstream\"");
    }

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


/*
 * What is asked in the query string of a status location.
 */


#include <ngx_http_healthdash_query.h>
#include <ngx_hd_reason.h>


static ngx_int_t ngx_http_healthdash_query_health(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, ngx_hd_view_filter_t *filter);
static ngx_int_t ngx_http_healthdash_query_past(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, ngx_hd_view_filter_t *filter);
static ngx_int_t ngx_http_healthdash_query_flag(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, const char *name, ngx_uint_t *flag,
    const char *error);
static ngx_int_t ngx_http_healthdash_query_window(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer,
    const ngx_http_healthdash_kind_t *kind, ngx_hd_view_filter_t *filter);


ngx_int_t
ngx_http_healthdash_query(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer,
    const ngx_http_healthdash_kind_t *kind, ngx_hd_view_filter_t *filter)
{
    if (ngx_http_healthdash_answer_arg(r, "upstream", &filter->upstream)
        != NGX_OK
        || ngx_http_healthdash_answer_arg(r, "service", &filter->service)
           != NGX_OK
        || ngx_http_healthdash_answer_arg(r, "group", &filter->group) != NGX_OK
        || ngx_http_healthdash_answer_arg(r, "row", &filter->row) != NGX_OK
        || ngx_http_healthdash_query_health(r, answer, filter) != NGX_OK
        || ngx_http_healthdash_query_past(r, answer, filter) != NGX_OK
        || ngx_http_healthdash_query_window(r, answer, kind, filter) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (kind->format == NGX_HTTP_HEALTHDASH_BADGE
        && filter->upstream.len && filter->service.len)
    {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                      "a badge is of one, expected \"service\" or "
                      "\"upstream\"");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_query_health(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, ngx_hd_view_filter_t *filter)
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
            filter->health = i;
            return NGX_OK;
        }
    }

    ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                    "unknown health, expected \"up\", \"degraded\", "
                    "\"down\", \"unknown\" or \"paused\"");

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_query_past(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, ngx_hd_view_filter_t *filter)
{
    ngx_int_t   n;
    ngx_str_t   value;
    ngx_uint_t  history, color;

    if (ngx_http_healthdash_query_flag(r, answer, "history", &history,
                                       "history must be \"0\" or \"1\"")
        != NGX_OK
        || ngx_http_healthdash_query_flag(r, answer, "color", &color,
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
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                         "events must be a number from 0 to 1024");
        return NGX_OK;
    }

    filter->events = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_query_flag(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer, const char *name, ngx_uint_t *flag,
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
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                                          error);
        return NGX_OK;
    }

    *flag = (value.data[0] == '1');

    return NGX_OK;
}


/* of a badge, else it has no meaning */

static ngx_int_t
ngx_http_healthdash_query_window(ngx_http_request_t *r,
    ngx_http_healthdash_answer_t *answer,
    const ngx_http_healthdash_kind_t *kind, ngx_hd_view_filter_t *filter)
{
    ngx_str_t               value;
    const ngx_hd_window_t  *window;

    if (ngx_http_healthdash_answer_arg(r, "window", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0 || kind->format != NGX_HTTP_HEALTHDASH_BADGE) {
        return NGX_OK;
    }

    for (window = ngx_hd_history_windows; window->name; window++) {

        if (value.len == ngx_strlen(window->name)
            && ngx_memcmp(value.data, window->name, value.len) == 0)
        {
            filter->window = window;
        }
    }

    if (filter->window == NULL) {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                      "unknown window, expected \"1h\", \"24h\", \"7d\", "
                      "\"30d\" or \"90d\"");

    } else if (filter->service.len == 0 && filter->upstream.len == 0) {
        ngx_http_healthdash_answer_refuse(answer, NGX_HTTP_BAD_REQUEST,
                      "a window needs a name, expected \"service\" or "
                      "\"upstream\"");
    }

    return NGX_OK;
}

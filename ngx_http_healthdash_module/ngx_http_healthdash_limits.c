
/*
 * healthdash: the directives of http{} that bound what all probes together may
 * do.  A first word, then "name=value"; what they leave is in the main
 * configuration.
 */


#include <ngx_http_healthdash.h>


#define NGX_HTTP_HEALTHDASH_HOLD       300000  /* msec: default of hold= */
#define NGX_HTTP_HEALTHDASH_MAX_HOLD   86400000
#define NGX_HTTP_HEALTHDASH_MAX_RATE   100000
#define NGX_HTTP_HEALTHDASH_MAX_COUNT  100000


static ngx_int_t ngx_http_healthdash_limit(ngx_str_t *word, const char *name,
    ngx_str_t *value);
static char *ngx_http_healthdash_rate_value(ngx_hd_main_conf_t *hmcf,
    ngx_str_t *value);
static ngx_int_t ngx_http_healthdash_guard_value(ngx_hd_main_conf_t *hmcf,
    ngx_str_t *value);
static char *ngx_http_healthdash_guard_word(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf, ngx_str_t *word);
static ngx_hd_target_t *ngx_http_healthdash_find(ngx_hd_main_conf_t *hmcf,
    ngx_str_t *name);
static char *ngx_http_healthdash_wrong(ngx_conf_t *cf, ngx_str_t *word,
    const char *expected);


char *
ngx_http_healthdash_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hd_main_conf_t *hmcf = conf;

    ngx_int_t    n;
    ngx_str_t   *word, value;
    ngx_uint_t   i, *field;

    if (hmcf->rate_set) {
        return "is duplicate";
    }

    hmcf->rate_set = 1;

    word = cf->args->elts;

    if (ngx_http_healthdash_rate_value(hmcf, &word[1]) != NGX_CONF_OK) {
        return ngx_http_healthdash_wrong(cf, &word[1], "a number of probes a "
                                         "second such as 500/s, from 1/s to "
                                         "100000/s, or off");
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_healthdash_limit(&word[i], "inflight=", &value)
            == NGX_OK)
        {
            field = &hmcf->inflight;

        } else if (ngx_http_healthdash_limit(&word[i], "per_address=", &value)
                   == NGX_OK)
        {
            field = &hmcf->per_address;

        } else {
            return ngx_http_healthdash_wrong(cf, &word[i], "inflight=NUMBER or "
                                             "per_address=NUMBER");
        }

        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n < 1 || n > NGX_HTTP_HEALTHDASH_MAX_COUNT) {
            return ngx_http_healthdash_wrong(cf, &word[i], "a number from 1 to "
                                             "100000 in it");
        }

        *field = n;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_healthdash_rate_value(ngx_hd_main_conf_t *hmcf, ngx_str_t *value)
{
    ngx_int_t  n;

    if (value->len == 3 && ngx_memcmp(value->data, "off", 3) == 0) {
        hmcf->rate = 0;
        return NGX_CONF_OK;
    }

    if (value->len < 3 || ngx_memcmp(value->data + value->len - 2, "/s", 2)) {
        return NGX_CONF_ERROR;
    }

    n = ngx_atoi(value->data, value->len - 2);

    if (n == NGX_ERROR || n < 1 || n > NGX_HTTP_HEALTHDASH_MAX_RATE) {
        return NGX_CONF_ERROR;
    }

    hmcf->rate = n;

    return NGX_CONF_OK;
}


char *
ngx_http_healthdash_guard(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hd_main_conf_t *hmcf = conf;

    ngx_str_t   *word;
    ngx_uint_t   i;

    if (hmcf->guard_place) {
        return "is duplicate";
    }

    hmcf->guard_place = ngx_http_healthdash_check_create(cf);
    if (hmcf->guard_place == NULL) {
        return NGX_CONF_ERROR;
    }

    hmcf->guard_hold = NGX_HTTP_HEALTHDASH_HOLD;

    word = cf->args->elts;

    if (ngx_http_healthdash_guard_value(hmcf, &word[1]) != NGX_OK) {
        return ngx_http_healthdash_wrong(cf, &word[1], "a share of the targets "
                                         "from 1% to 99%, or off");
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_healthdash_guard_word(cf, hmcf, &word[i]) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_healthdash_guard_value(ngx_hd_main_conf_t *hmcf, ngx_str_t *value)
{
    ngx_int_t  n;

    if (value->len == 3 && ngx_memcmp(value->data, "off", 3) == 0) {
        return NGX_OK;
    }

    if (value->len < 2 || value->data[value->len - 1] != '%') {
        return NGX_ERROR;
    }

    n = ngx_atoi(value->data, value->len - 1);

    if (n == NGX_ERROR || n < 1 || n > 99) {
        return NGX_ERROR;
    }

    hmcf->guard = n;

    return NGX_OK;
}


static char *
ngx_http_healthdash_guard_word(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_str_t *word)
{
    ngx_int_t   n;
    ngx_str_t   value, *name;

    if (ngx_http_healthdash_limit(word, "hold=", &value) == NGX_OK) {
        n = ngx_parse_time(&value, 0);

        if (n == NGX_ERROR || n < 1000 || n > NGX_HTTP_HEALTHDASH_MAX_HOLD) {
            return ngx_http_healthdash_wrong(cf, word, "a time from 1s to 1d "
                                             "in it");
        }

        hmcf->guard_hold = n;

        return NGX_CONF_OK;
    }

    if (ngx_http_healthdash_limit(word, "sentinel=", &value) != NGX_OK) {
        return ngx_http_healthdash_wrong(cf, word, "sentinel=NAME or "
                                         "hold=TIME");
    }

    if (hmcf->sentinels == NULL) {
        hmcf->sentinels = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (hmcf->sentinels == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    name = ngx_array_push(hmcf->sentinels);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    *name = value;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_healthdash_guard_finish(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf)
{
    ngx_str_t        *name;
    ngx_uint_t        i;
    ngx_hd_target_t  *t;

    if (hmcf->sentinels == NULL) {
        return NGX_OK;
    }

    name = hmcf->sentinels->elts;

    for (i = 0; i < hmcf->sentinels->nelts; i++) {
        t = ngx_http_healthdash_find(hmcf, &name[i]);

        if (t == NULL) {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, hmcf->guard_place,
                                    "sentinel \"%V\" is no service, expected "
                                    "the name of a healthdash_service",
                                    &name[i]);
            return NGX_ERROR;
        }

        t->sentinel = 1;
    }

    return NGX_OK;
}


static ngx_hd_target_t *
ngx_http_healthdash_find(ngx_hd_main_conf_t *hmcf, ngx_str_t *name)
{
    ngx_uint_t         i;
    ngx_hd_target_t  **t;

    t = hmcf->services.elts;

    for (i = 0; i < hmcf->services.nelts; i++) {

        if (t[i]->name.len == name->len
            && ngx_memcmp(t[i]->name.data, name->data, name->len) == 0)
        {
            return t[i];
        }
    }

    return NULL;
}


/* what follows name in word; NGX_DECLINED: it begins with something else */

static ngx_int_t
ngx_http_healthdash_limit(ngx_str_t *word, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (word->len < len || ngx_memcmp(word->data, name, len) != 0) {
        return NGX_DECLINED;
    }

    value->data = word->data + len;
    value->len = word->len - len;

    return NGX_OK;
}


static char *
ngx_http_healthdash_wrong(ngx_conf_t *cf, ngx_str_t *word,
    const char *expected)
{
    ngx_hd_check_t  *place;

    place = ngx_http_healthdash_check_create(cf);

    if (place) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, place,
                                "invalid parameter \"%V\", expected %s", word,
                                expected);
    }

    return NGX_CONF_ERROR;
}


/*
 * healthdash: the directives of http{} that bound what all probes together may
 * do.  A first word, then "name=value"; what they leave is in the main
 * configuration.
 */


#include <ngx_http_healthdash.h>


#define NGX_HTTP_HEALTHDASH_MAX_RATE   100000
#define NGX_HTTP_HEALTHDASH_MAX_COUNT  100000


static ngx_int_t ngx_http_healthdash_limit(ngx_str_t *word, const char *name,
    ngx_str_t *value);
static char *ngx_http_healthdash_rate_value(ngx_hd_main_conf_t *hmcf,
    ngx_str_t *value);
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

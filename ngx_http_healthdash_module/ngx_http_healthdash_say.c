
/*
 * healthdash: what is said of a configuration: one line, about the place where
 * a directive stands.  Called while the configuration is read.  Neither a
 * password nor what was read from a file may come here.
 */


#include <ngx_http_healthdash_param.h>


#define NGX_HTTP_HEALTHDASH_SHOWN    64      /* bytes of a value in messages */
#define NGX_HTTP_HEALTHDASH_NEAR     24      /* longest name to compare */


void
ngx_http_healthdash_log(ngx_uint_t level, ngx_conf_t *cf,
    ngx_hd_check_t *check, const char *fmt, ...)
{
    u_char                        *p, text[NGX_MAX_CONF_ERRSTR];
    va_list                        args;
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    ngx_log_error(level, cf->log, 0, "%V: %*s in %s:%ui",
                  &params->directive, p - text, text,
                  check->file_name, check->line);
}


ngx_str_t
ngx_http_healthdash_shown(ngx_conf_t *cf, ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   shown;

    shown.len = 0;
    shown.data = ngx_pnalloc(cf->pool, NGX_HTTP_HEALTHDASH_SHOWN + 3);

    if (shown.data == NULL) {
        return shown;
    }

    p = shown.data;
    last = ngx_cpymem(p, value->data,
                      ngx_min(value->len, NGX_HTTP_HEALTHDASH_SHOWN));

    for ( /* void */ ; p < last; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }

    if (value->len > NGX_HTTP_HEALTHDASH_SHOWN) {
        p = ngx_cpymem(p, "...", 3);
    }

    shown.len = p - shown.data;

    return shown;
}


ngx_uint_t
ngx_http_healthdash_distance(const ngx_str_t *a, const ngx_str_t *b)
{
    size_t      i, j;
    ngx_uint_t  old, prev, row[NGX_HTTP_HEALTHDASH_NEAR + 1];

    if (a->len > NGX_HTTP_HEALTHDASH_NEAR || b->len > NGX_HTTP_HEALTHDASH_NEAR)
    {
        return NGX_HTTP_HEALTHDASH_NEAR;
    }

    for (j = 0; j <= b->len; j++) {
        row[j] = j;
    }

    for (i = 1; i <= a->len; i++) {
        prev = row[0];
        row[0] = i;

        for (j = 1; j <= b->len; j++) {
            old = row[j];
            prev += (ngx_tolower(a->data[i - 1])
                     != ngx_tolower(b->data[j - 1]));
            row[j] = ngx_min(ngx_min(row[j], row[j - 1]) + 1, prev);
            prev = old;
        }
    }

    return row[b->len];
}

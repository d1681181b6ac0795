
/*
 * healthdash: values that stand in files of their own: "@FILE".  Called while
 * the configuration is read, as the master's user.  Never says what it has
 * read.
 */


#include <ngx_http_healthdash_param.h>
#include <ngx_hd_file.h>
#include <ngx_hd_secret.h>


ngx_int_t
ngx_http_healthdash_read_file(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_str_t *what, ngx_str_t *value)
{
    u_char      *last, why[NGX_MAX_ERROR_STR / 4];
    ngx_err_t    err;
    ngx_str_t    name;
    const char  *wrong;

    name.data = value->data + 1;
    name.len = value->len - 1;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    err = 0;

    wrong = ngx_hd_file_line(cf->pool, &name, value, &err);
    if (wrong == NULL) {
        ngx_http_healthdash_warn_file(cf, check, what, &name);
        return NGX_OK;
    }

    last = ngx_slprintf(why, why + sizeof(why), "%s", wrong);

    if (err) {
        last = ngx_log_errno(last, why + sizeof(why), err);
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "cannot read %V from \"%V\", %*s, expected a "
                            "file whose first line is the value, "
                            "from 1 to %d bytes", what, &name,
                            last - why, why, NGX_HD_FILE_LINE);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_healthdash_read_secret(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_str_t *what, ngx_str_t *value)
{
    if (ngx_http_healthdash_read_file(cf, check, what, value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_hd_check_secret(cf->pool, check, value);
}


void
ngx_http_healthdash_warn_file(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_str_t *what, const ngx_str_t *name)
{
    ngx_str_t  full;

    full = *name;

    if (ngx_conf_full_name(cf->cycle, &full, 1) != NGX_OK
        || !ngx_hd_file_is_exposed(&full))
    {
        return;
    }

    ngx_http_healthdash_log(NGX_LOG_WARN, cf, check,
                            "everyone on this machine can read the file "
                            "\"%V\" of %V, expected \"chmod 640\"",
                            &full, what);
}

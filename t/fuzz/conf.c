
/*
 * A libFuzzer target: values of parameters.  Byte 0 chooses the parameter, the
 * rest is what stands behind "=".
 */


#include <fuzz.h>
#include <ngx_http_healthdash_param.h>


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t                           rc;
    ngx_str_t                           value;
    ngx_pool_t                         *pool;
    ngx_http_healthdash_params_t       *params;
    const ngx_http_healthdash_param_t  *p;

    if (size < 2) {
        return 0;
    }

    p = &ngx_http_healthdash_params[data[0] % NGX_HTTP_HEALTHDASH_PARAMS];

    if (p->set == NULL || p->name.len == 0) {
        return 0;
    }

    pool = ngx_create_pool(1024, &hd_fuzz_log);

    value.len = size - 1;
    value.data = ngx_pnalloc(pool, size);
    ngx_memcpy(value.data, data + 1, value.len);
    value.data[value.len] = '\0';

    params = ngx_pcalloc(pool, sizeof(ngx_http_healthdash_params_t));

    rc = p->set(p, &value, (u_char *) params + p->offset);

    hd_fuzz_want(rc == NGX_OK || rc == NGX_ERROR || rc == NGX_DECLINED);

    ngx_destroy_pool(pool);

    return 0;
}

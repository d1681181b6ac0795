
/*
 * A libFuzzer target: JSON bodies that conditions look into, and paths of
 * conditions.  Byte 0 odd: the input is a path, which is then looked up in a
 * small document; else a body.
 */


#include <fuzz.h>
#include <ngx_hd_json.h>


static const char  *hd_fuzz_paths[] = {
    ".", ".a", ".a.b[0]", "[0]", "[-1]", "length(.a)", ".\"quoted key\"",
    ".a[1].b[-2]"
};


static void
hd_fuzz_body(const ngx_str_t *body, ngx_hd_json_path_t *path)
{
    u_char               err[NGX_HD_JSON_WHY];
    ngx_int_t            rc;
    ngx_hd_json_t        json;
    ngx_hd_json_seen_t   seen;

    ngx_memzero(&json, sizeof(ngx_hd_json_t));

    rc = ngx_hd_json_parse(&json, body, err, sizeof(err));

    if (rc != NGX_OK) {
        hd_fuzz_want(rc == NGX_DECLINED);
        hd_fuzz_want(ngx_strlen(err) > 0);
        return;
    }

    ngx_hd_json_find(&json, path, &seen);

    if (seen.text.len) {
        hd_fuzz_sink(seen.text.data[0]);
        hd_fuzz_sink(seen.text.data[seen.text.len - 1]);
    }

    ngx_hd_json_free(&json);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_str_t            text, body;
    ngx_pool_t          *pool;
    ngx_hd_json_path_t  *path;

    if (size < 2) {
        return 0;
    }

    pool = ngx_create_pool(1024, &hd_fuzz_log);

    ngx_str_set(&body, "{\"a\":{\"b\":[1,\"x\",true]},\"quoted key\":null}");

    if (data[0] & 1) {
        text.len = size - 1;
        text.data = ngx_pcalloc(pool, size);
        ngx_memcpy(text.data, data + 1, text.len);

    } else {
        text.data = (u_char *) hd_fuzz_paths[(data[0] >> 1) & 7];
        text.len = ngx_strlen(text.data);

        body.len = size - 1;
        body.data = ngx_palloc(pool, body.len);
        ngx_memcpy(body.data, data + 1, body.len);
    }

    path = NULL;

    if (ngx_hd_json_path(pool, &text, &path) == NULL) {
        hd_fuzz_body(&body, path);
    }

    ngx_destroy_pool(pool);

    return 0;
}

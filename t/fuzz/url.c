
/*
 * A libFuzzer target: URLs of services.  Byte 0 chooses the form.  Whatever
 * stands in front of the last "@" is never shown.
 */


#include <fuzz.h>
#include <ngx_hd_url.h>


static void
hd_fuzz_eat(const ngx_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        hd_fuzz_sink(s->data[i]);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i;
    ngx_str_t      text, shown;
    ngx_pool_t    *pool;
    const char    *wrong;
    ngx_hd_url_t   url;

    if (size < 2) {
        return 0;
    }

    pool = ngx_create_pool(1024, &hd_fuzz_log);

    text.len = size - 1;
    text.data = ngx_pnalloc(pool, text.len);
    ngx_memcpy(text.data, data + 1, text.len);

    shown = ngx_hd_url_scheme(&text);
    hd_fuzz_eat(&shown);
    shown = ngx_hd_url_word(&text);
    hd_fuzz_eat(&shown);

    ngx_memzero(&url, sizeof(ngx_hd_url_t));
    wrong = ngx_hd_url_parse(pool, &text, data[0] % 3, &url);

    if (wrong == NULL) {
        hd_fuzz_eat(&url.scheme);
        hd_fuzz_eat(&url.user);
        hd_fuzz_eat(&url.password);
        hd_fuzz_eat(&url.place);
        hd_fuzz_eat(&url.uri);
        hd_fuzz_eat(&url.address);

    } else {
        hd_fuzz_want(ngx_strlen(wrong) > 3);
    }

    shown = ngx_hd_url_shown(pool, &text);

    for (i = 0; i < shown.len; i++) {
        hd_fuzz_want(shown.data[i] >= 0x20 && shown.data[i] != 0x7f);
    }

    ngx_destroy_pool(pool);

    return 0;
}

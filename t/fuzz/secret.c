
/*
 * A libFuzzer target: secrets in what a server says.  Byte 0 is the length of
 * the secret, the rest secret and text.  No whole secret is left in what is
 * shown, and what is shown is UTF-8.
 */


#include <fuzz.h>
#include <ngx_hd_secret.h>
#include <ngx_hd_utf8.h>


static void
hd_fuzz_has_no(const u_char *p, size_t len, const ngx_str_t *secret)
{
    size_t  i;

    for (i = 0; i + secret->len <= len; i++) {
        hd_fuzz_want(ngx_memcmp(p + i, secret->data, secret->len) != 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            len;
    ngx_str_t         secret;
    ngx_uint_t        i;
    ngx_pool_t       *pool;
    const u_char     *p, *last;
    ngx_hd_check_t   *check;
    ngx_hd_result_t  *result;

    if (size < 2) {
        return 0;
    }

    secret.len = 4 + data[0] % 28;
    data++;
    size--;

    if (size < secret.len) {
        return 0;
    }

    pool = ngx_create_pool(4096, &hd_fuzz_log);
    check = ngx_pcalloc(pool, sizeof(ngx_hd_check_t));
    result = ngx_pcalloc(pool, sizeof(ngx_hd_result_t));

    secret.data = ngx_pnalloc(pool, secret.len);
    ngx_memcpy(secret.data, data, secret.len);
    data += secret.len;
    size -= secret.len;

    /* letters: marks that take the place of other bytes make no new secret */

    for (i = 0; i < secret.len; i++) {
        secret.data[i] = 'a' + secret.data[i] % 26;
    }

    hd_fuzz_want(ngx_hd_check_secret(pool, check, &secret) == NGX_OK);

    len = ngx_min(size, NGX_HD_DETAIL_LEN);
    ngx_memcpy(result->detail, data, len);
    result->len = len;

    len = ngx_min(size, NGX_HD_SAMPLE_LEN);
    ngx_memcpy(result->sample.text, data, len);
    result->sample.len = (uint16_t) len;

    len = ngx_min(size, NGX_HD_LINE_LEN);
    ngx_memcpy(result->sample.line, data, len);
    result->sample.line_len = (uint16_t) len;

    ngx_hd_secret_hide(check, result);

    hd_fuzz_want(result->len <= NGX_HD_DETAIL_LEN);
    hd_fuzz_want(result->sample.len <= NGX_HD_SAMPLE_LEN);
    hd_fuzz_want(result->sample.line_len <= NGX_HD_LINE_LEN);

    hd_fuzz_has_no(result->detail, result->len, &secret);
    hd_fuzz_has_no(result->sample.text, result->sample.len, &secret);
    hd_fuzz_has_no(result->sample.line, result->sample.line_len, &secret);

    p = result->sample.text;
    last = p + result->sample.len;

    while (p < last) {
        hd_fuzz_want(ngx_hd_utf8_decode(&p, last) != (uint32_t) -1);
    }

    ngx_destroy_pool(pool);

    return 0;
}


/*
 * A libFuzzer target: what a gRPC server may answer.  Byte 0: the length of
 * grpc-status, byte 1: that of grpc-message; then these two, then the body.
 */


#include <fuzz.h>
#include <ngx_hd_grpc.h>


static void
hd_fuzz_part(ngx_pool_t *pool, const uint8_t **p, size_t *size, size_t len,
    ngx_str_t *part)
{
    part->len = ngx_min(len, *size);
    part->data = ngx_palloc(pool, part->len + 1);

    ngx_memcpy(part->data, *p, part->len);

    *p += part->len;
    *size -= part->len;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t              rc;
    ngx_str_t              service;
    ngx_pool_t            *pool;
    const uint8_t         *p;
    ngx_hd_result_t        result;
    ngx_hd_grpc_answer_t   answer;

    if (size < 3) {
        return 0;
    }

    pool = ngx_create_pool(1024, &hd_fuzz_log);

    ngx_memzero(&answer, sizeof(ngx_hd_grpc_answer_t));
    ngx_memzero(&result, sizeof(ngx_hd_result_t));

    answer.http = (data[2] & 1) ? 200 : 503;
    ngx_str_set(&answer.type, "application/grpc");
    ngx_str_set(&service, "shop.Orders");

    p = data + 3;
    size -= 3;

    hd_fuzz_part(pool, &p, &size, data[0] & 15, &answer.status);
    hd_fuzz_part(pool, &p, &size, data[1], &answer.message);
    hd_fuzz_part(pool, &p, &size, NGX_HD_GRPC_ANSWER + 1, &answer.body);

    rc = ngx_hd_grpc_judge(&answer, &service, &result);

    hd_fuzz_want(rc == NGX_OK || rc == NGX_DECLINED);
    hd_fuzz_want(rc == NGX_OK
                 || (result.reason != NGX_HD_R_NONE && result.len > 0));

    ngx_destroy_pool(pool);

    return 0;
}

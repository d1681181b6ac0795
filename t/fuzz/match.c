
/*
 * A libFuzzer target: conditions as nginx.conf may have them, and answers that
 * they judge.  The first line holds the words of a condition, or of a line of a
 * dialogue if it begins with "send" or "expect"; what follows is status, header
 * and body at once.
 */


#include <fuzz.h>
#include <ngx_hd_match.h>
#include <ngx_hd_step.h>


#define HD_FUZZ_WORDS  8


static ngx_uint_t
hd_fuzz_words(u_char *p, u_char *last, ngx_str_t *args)
{
    ngx_uint_t  n;

    n = 0;

    while (n < HD_FUZZ_WORDS) {
        args[n].data = p;

        while (p < last && *p != ' ') {
            p++;
        }

        args[n].len = p - args[n].data;
        n++;

        if (p == last) {
            break;
        }

        *p++ = '\0';
    }

    return n;
}


static void
hd_fuzz_judge(ngx_array_t *conds, ngx_str_t *text)
{
    ngx_int_t         rc;
    ngx_array_t      *headers;
    ngx_table_elt_t  *h;
    ngx_hd_answer_t   answer;
    ngx_hd_result_t   result;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));
    ngx_memzero(&result, sizeof(ngx_hd_result_t));

    headers = ngx_array_create(conds->pool, 1, sizeof(ngx_table_elt_t));
    h = ngx_array_push(headers);
    ngx_memzero(h, sizeof(ngx_table_elt_t));
    ngx_str_set(&h->key, "X-A");
    h->value = *text;

    answer.status = 200 + text->len % 400;
    answer.headers = headers;
    answer.body = *text;
    answer.row = *text;
    answer.value = text->len;
    answer.has_value = 1;
    answer.cert = &result.cert;

    rc = ngx_hd_match(conds, &answer, &result);

    hd_fuzz_want(rc == NGX_OK || rc == NGX_DECLINED);
    hd_fuzz_want(rc == NGX_OK
                 || (result.reason != NGX_HD_R_NONE && result.len > 0));
    hd_fuzz_want(result.len <= NGX_HD_DETAIL_LEN);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char           err[512], *line, *end, *last;
    ngx_int_t        rc;
    ngx_str_t        args[HD_FUZZ_WORDS], text;
    ngx_pool_t      *pool;
    ngx_uint_t       n;
    ngx_array_t     *conds;
    ngx_hd_step_t    step;

    pool = ngx_create_pool(1024, &hd_fuzz_log);

    line = ngx_pnalloc(pool, size + 1);
    ngx_memcpy(line, data, size);
    last = line + size;
    *last = '\0';

    end = ngx_strlchr(line, last, '\n');

    if (end == NULL) {
        end = last;
    }

    text.data = ngx_min(end + 1, last);
    text.len = last - text.data;
    *end = '\0';

    n = hd_fuzz_words(line, end, args);
    err[0] = '\0';

    if (ngx_strncmp(line, "send", 4) == 0
        || ngx_strncmp(line, "expect", 6) == 0)
    {
        rc = ngx_hd_step_parse(pool, &step, args, n, err, sizeof(err));

    } else {
        conds = ngx_array_create(pool, 1, sizeof(ngx_hd_cond_t));
        rc = ngx_hd_match_parse(pool, ngx_array_push(conds), args, n, err,
                                sizeof(err));

        if (rc == NGX_OK) {
            hd_fuzz_judge(conds, &text);
        }
    }

    hd_fuzz_want(rc == NGX_OK || err[0] != '\0');

    ngx_destroy_pool(pool);

    return 0;
}

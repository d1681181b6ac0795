
/*
 * A libFuzzer target: the escapers, and what cuts a text.  What comes out is
 * valid: JSON is read again, HTML has no markup, CSV no open quote.
 */


#include <fuzz.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_json.h>
#include <ngx_hd_text.h>


/* the bytes of a text in one piece */

static ngx_str_t
hd_fuzz_flat(ngx_hd_text_t *t)
{
    u_char       *p;
    ngx_str_t     flat;
    ngx_chain_t  *cl;

    flat.data = ngx_pnalloc(t->pool, t->size + 1);
    p = flat.data;

    for (cl = t->first; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    flat.len = p - flat.data;
    hd_fuzz_want(!t->failed && (off_t) flat.len == t->size);

    return flat;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char          err[NGX_HD_JSON_WHY];
    size_t          i;
    ngx_str_t       flat, text, cut;
    ngx_pool_t     *pool;
    ngx_uint_t      quotes;
    ngx_hd_json_t   json;
    ngx_hd_text_t   t;

    if (size > 4096) {
        return 0;
    }

    pool = ngx_create_pool(4096, &hd_fuzz_log);

    text.data = ngx_pnalloc(pool, size + 1);
    text.len = size;
    ngx_memcpy(text.data, data, size);

    ngx_hd_text_init(&t, pool);
    ngx_hd_text_json(&t, text.data, text.len);
    flat = hd_fuzz_flat(&t);

    ngx_memzero(&json, sizeof(ngx_hd_json_t));
    hd_fuzz_want(ngx_hd_json_parse(&json, &flat, err, sizeof(err)) == NGX_OK);
    ngx_hd_json_free(&json);

    ngx_hd_text_init(&t, pool);
    ngx_hd_text_html(&t, text.data, text.len);
    flat = hd_fuzz_flat(&t);

    for (i = 0; i < flat.len; i++) {
        hd_fuzz_want(flat.data[i] != '<' && flat.data[i] != '>'
                     && flat.data[i] != '"' && flat.data[i] >= 0x20);
    }

    ngx_hd_text_init(&t, pool);
    ngx_hd_text_csv(&t, text.data, text.len);
    flat = hd_fuzz_flat(&t);
    quotes = 0;

    for (i = 0; i < flat.len; i++) {
        quotes += (flat.data[i] == '"');
    }

    hd_fuzz_want(quotes % 2 == 0);

    ngx_hd_text_init(&t, pool);
    ngx_hd_text_plain(&t, text.data, text.len, size % 50);
    flat = hd_fuzz_flat(&t);

    for (i = 0; i < flat.len; i++) {
        hd_fuzz_want(flat.data[i] >= 0x20 && flat.data[i] != 0x7f);
    }

    cut = ngx_hd_cond_cut(&text, size % 64 + 4);
    hd_fuzz_want(cut.len <= size % 64 + 4);

    ngx_destroy_pool(pool);

    return 0;
}

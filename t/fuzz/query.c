
/*
 * A libFuzzer target: what a client may ask of the status, and how a service
 * may call in.  The first line is the query string, the second the header
 * Accept, the rest a form.
 */


#include <fuzz.h>


/* the static functions are what is meant; names that others need are there */

#define ngx_http_healthdash_status         hd_fuzz_status
#define ngx_http_healthdash_live           hd_fuzz_live
#define ngx_http_healthdash_heartbeat      hd_fuzz_heartbeat
#define ngx_http_healthdash_kind_of        hd_fuzz_kind_of
#define ngx_http_healthdash_kind           hd_fuzz_kind
#define ngx_http_healthdash_kind_names     hd_fuzz_kind_names
#define ngx_http_healthdash_kind_accepted  hd_fuzz_kind_accepted

#include <ngx_http_healthdash_handler.c>
#include <ngx_http_healthdash_heartbeat.c>
#include <ngx_http_healthdash_kind.c>


static ngx_str_t
hd_fuzz_line(u_char **p, u_char *last)
{
    u_char     *end;
    ngx_str_t   line;

    end = ngx_strlchr(*p, last, '\n');

    if (end == NULL) {
        end = last;
    }

    line.data = *p;
    line.len = end - *p;
    *p = ngx_min(end + 1, last);

    return line;
}


static void
hd_fuzz_beat(ngx_http_request_t *r, const ngx_str_t *form)
{
    const char                  *names[] = { "service", "token", "status",
                                             "message" };
    ngx_str_t                    value;
    ngx_uint_t                   i;
    ngx_hd_verdict_e             status;
    ngx_http_healthdash_beat_t   beat;

    ngx_memzero(&beat, sizeof(ngx_http_healthdash_beat_t));

    beat.request = r;
    beat.body = *form;

    for (i = 0; i < 4; i++) {
        hd_fuzz_want(ngx_http_healthdash_beat_arg(&beat, names[i], &value)
                     == NGX_OK);

        if (value.len) {
            hd_fuzz_sink(value.data[value.len - 1]);
            (void) ngx_http_healthdash_beat_status(&value, &status);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                      *p, *last;
    ngx_str_t                    accept;
    ngx_pool_t                  *pool;
    ngx_http_request_t          *r;
    ngx_http_healthdash_ctx_t    ctx;
    ngx_http_healthdash_like_t   like[NGX_HTTP_HEALTHDASH_KINDS];
    ngx_http_healthdash_wish_t   wish;

    pool = ngx_create_pool(4096, &hd_fuzz_log);

    p = ngx_pnalloc(pool, size + 1);
    ngx_memcpy(p, data, size);
    last = p + size;

    r = ngx_pcalloc(pool, sizeof(ngx_http_request_t));
    r->pool = pool;

    ngx_memzero(&ctx, sizeof(ngx_http_healthdash_ctx_t));
    ngx_memzero(&wish, sizeof(ngx_http_healthdash_wish_t));
    ngx_memzero(like, sizeof(like));

    r->args = hd_fuzz_line(&p, last);
    accept = hd_fuzz_line(&p, last);

    ctx.kind = &ngx_http_healthdash_kinds[size % NGX_HTTP_HEALTHDASH_KINDS];
    ctx.filter.health = NGX_HD_STATES;
    ctx.filter.events = NGX_CONF_UNSET_UINT;

    hd_fuzz_want(ngx_http_healthdash_query(r, &ctx.answer, ctx.kind, &ctx.filter)
                 == NGX_OK);
    hd_fuzz_want(ngx_http_healthdash_stream_rows(r, &ctx, &wish) == NGX_OK);
    hd_fuzz_want(ngx_http_healthdash_stream_last(r, &wish) == NGX_OK);
    hd_fuzz_want(ctx.filter.health <= NGX_HD_STATES);

    ngx_http_healthdash_kind_accept(like, &accept);

    accept.data = p;
    accept.len = last - p;
    hd_fuzz_beat(r, &accept);

    ngx_destroy_pool(pool);

    return 0;
}

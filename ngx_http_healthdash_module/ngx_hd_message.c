
/*
 * healthdash: bytes shared by many viewers of one worker, counted.  Called by
 * who makes them and by who sends them.
 */


#include <ngx_hd_message.h>


#define NGX_HD_MESSAGE_POOL    1024


ngx_hd_message_t *
ngx_hd_message_create(ngx_log_t *log)
{
    ngx_pool_t        *pool;
    ngx_hd_message_t  *m;

    pool = ngx_create_pool(NGX_HD_MESSAGE_POOL, log);
    if (pool == NULL) {
        return NULL;
    }

    m = ngx_pcalloc(pool, sizeof(ngx_hd_message_t));
    if (m == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_hd_text_init(&m->text, pool);

    m->refs = 1;

    return m;
}


void
ngx_hd_message_seal(ngx_hd_message_t *m, off_t *total)
{
    m->total = total;
    m->counted = m->text.size;

    *total += m->counted;
}


void
ngx_hd_message_hold(ngx_hd_message_t *m)
{
    m->refs++;
}


void
ngx_hd_message_release(ngx_hd_message_t *m)
{
    if (m && --m->refs == 0) {

        if (m->total) {
            *m->total -= m->counted;
        }

        ngx_destroy_pool(m->text.pool);
    }
}

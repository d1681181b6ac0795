
/*
 * healthdash: what a new configuration has changed, as events.  Called by the
 * master alone.  A change of thousands of targets must not push everything
 * else out of the ring: beyond some the sum says how many there were.
 */


#include <ngx_hd_news.h>


#define NGX_HD_NEWS_MOST      100      /* events of each kind */


/* the targets of a configuration, sorted by identity */

typedef struct {
    ngx_hd_target_t  **t;
    ngx_uint_t         n;
} ngx_hd_news_list_t;


static ngx_uint_t ngx_hd_news_present(ngx_hd_main_conf_t *hmcf);
static ngx_int_t ngx_hd_news_sort(ngx_hd_news_list_t *list,
    ngx_hd_main_conf_t *hmcf, ngx_pool_t *pool);
static int ngx_hd_news_cmp(const void *one, const void *two);
static ngx_uint_t ngx_hd_news_missing(ngx_hd_main_conf_t *hmcf, int64_t wall,
    ngx_hd_news_list_t *a, ngx_hd_news_list_t *b, ngx_uint_t kind);


void
ngx_hd_news_loaded(ngx_hd_main_conf_t *old, ngx_hd_main_conf_t *hmcf,
    int64_t wall, ngx_pool_t *pool)
{
    u_char              *p, text[NGX_HD_EVENT_TEXT];
    ngx_uint_t           added, n, removed;
    ngx_hd_event_t       e;
    ngx_hd_news_list_t   before, now;

    added = 0;
    removed = 0;

    if (pool && old && old != hmcf
        && ngx_hd_news_sort(&before, old, pool) == NGX_OK
        && ngx_hd_news_sort(&now, hmcf, pool) == NGX_OK)
    {
        removed = ngx_hd_news_missing(hmcf, wall, &before, &now,
                                      NGX_HD_EVENT_REMOVED);
        added = ngx_hd_news_missing(hmcf, wall, &now, &before,
                                    NGX_HD_EVENT_ADDED);
    }

    n = ngx_hd_news_present(hmcf);

    p = ngx_snprintf(text, sizeof(text), "%ui target%s", n, n == 1 ? "" : "s");

    if (added) {
        p = ngx_slprintf(p, text + sizeof(text), ", %ui added", added);
    }

    if (removed) {
        p = ngx_slprintf(p, text + sizeof(text), ", %ui removed", removed);
    }

    if (hmcf->state_file.restored) {
        p = ngx_slprintf(p, text + sizeof(text),
                         ", %ui known from a state file %uLs old",
                         hmcf->state_file.restored,
                         hmcf->state_file.age / 1000);
    }

    ngx_memzero(&e, sizeof(ngx_hd_event_t));

    e.kind = NGX_HD_EVENT_LOADED;
    e.value = (uint32_t) hmcf->generation;

    ngx_hd_event_text(&e, text, p - text);

    (void) ngx_hd_event_add(hmcf->zone, &e, ngx_current_msec, wall);
}


static ngx_uint_t
ngx_hd_news_present(ngx_hd_main_conf_t *hmcf)
{
    ngx_uint_t         i, n;
    ngx_hd_target_t  **t;

    t = hmcf->targets.elts;

    for (n = 0, i = 0; i < hmcf->targets.nelts; i++) {
        n += !t[i]->absent;
    }

    return n;
}


static ngx_int_t
ngx_hd_news_sort(ngx_hd_news_list_t *list, ngx_hd_main_conf_t *hmcf,
    ngx_pool_t *pool)
{
    size_t             size;
    ngx_uint_t         i;
    ngx_hd_target_t  **t;

    size = hmcf->targets.nelts * sizeof(ngx_hd_target_t *);

    list->n = 0;
    list->t = ngx_palloc(pool, ngx_max(size, 1));

    if (list->t == NULL) {
        return NGX_ERROR;
    }

    t = hmcf->targets.elts;

    for (i = 0; i < hmcf->targets.nelts; i++) {

        /* of addresses by DNS workers tell, when they come and go */

        if (!t[i]->spare) {
            list->t[list->n++] = t[i];
        }
    }

    ngx_qsort(list->t, list->n, sizeof(ngx_hd_target_t *), ngx_hd_news_cmp);

    return NGX_OK;
}


static int
ngx_hd_news_cmp(const void *one, const void *two)
{
    ngx_hd_target_t *const  *a, *const  *b;

    a = one;
    b = two;

    return ngx_memcmp((*a)->id, (*b)->id, NGX_HD_ID_LEN);
}


/* events of kind for those of a that b has not; returns how many there are */

static ngx_uint_t
ngx_hd_news_missing(ngx_hd_main_conf_t *hmcf, int64_t wall,
    ngx_hd_news_list_t *a, ngx_hd_news_list_t *b, ngx_uint_t kind)
{
    ngx_uint_t        i, k, n;
    ngx_hd_event_t    e;
    ngx_hd_target_t  *t;

    for (n = 0, i = 0, k = 0; i < a->n; i++) {
        t = a->t[i];

        while (k < b->n && ngx_hd_news_cmp(&b->t[k], &a->t[i]) < 0) {
            k++;
        }

        if (k < b->n && ngx_hd_news_cmp(&b->t[k], &a->t[i]) == 0) {
            continue;
        }

        if (n++ >= NGX_HD_NEWS_MOST) {
            continue;
        }

        ngx_memzero(&e, sizeof(ngx_hd_event_t));

        e.kind = (u_char) kind;

        ngx_hd_event_name(&e, t->id, t->upstream ? &t->upstream->name : NULL,
                          &t->name);

        (void) ngx_hd_event_add(hmcf->zone, &e, ngx_current_msec, wall);
    }

    return n;
}

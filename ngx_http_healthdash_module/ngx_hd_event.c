
/*
 * healthdash: the ring of events.  A number is taken by one atomic addition and
 * tells the place in the ring; the sum of an event, which covers its number,
 * tells whether it is there and whole.
 */


#include <ngx_hd_event.h>
#include <ngx_hd_word.h>


#define NGX_HD_EVENT_WORDS    (sizeof(ngx_hd_event_t) / sizeof(uint64_t))


static ngx_hd_event_t *ngx_hd_event_place(ngx_hd_zone_t *zone,
    uint64_t number);
static uint64_t ngx_hd_event_sum(const ngx_hd_event_t *e);


uint64_t
ngx_hd_event_add(ngx_hd_zone_t *zone, ngx_hd_event_t *e, uint64_t mono,
    int64_t wall)
{
    e->clock = mono + zone->clock;
    e->time = wall;
    e->number = __atomic_add_fetch(&zone->nevents, 1, __ATOMIC_ACQ_REL);
    e->sum = ngx_hd_event_sum(e);

    ngx_hd_words_save(ngx_hd_event_place(zone, e->number), e,
                      NGX_HD_EVENT_WORDS);

    return e->number;
}


void
ngx_hd_event_name(ngx_hd_event_t *e, const u_char *id,
    const ngx_str_t *upstream, const ngx_str_t *name)
{
    ngx_memcpy(e->id, id, NGX_HD_ID_LEN);

    if (upstream) {
        e->upstream_len = (u_char) ngx_min(upstream->len,
                                           NGX_HD_EVENT_UPSTREAM);
        ngx_memcpy(e->upstream, upstream->data, e->upstream_len);
    }

    e->name_len = (u_char) ngx_min(name->len, NGX_HD_EVENT_NAME);
    ngx_memcpy(e->name, name->data, e->name_len);
}


void
ngx_hd_event_text(ngx_hd_event_t *e, const u_char *text, size_t len)
{
    e->text_len = (u_char) ngx_min(len, NGX_HD_EVENT_TEXT);
    ngx_memcpy(e->text, text, e->text_len);
}


uint64_t
ngx_hd_event_last(ngx_hd_zone_t *zone)
{
    return ngx_hd_load(&zone->nevents);
}


ngx_int_t
ngx_hd_event_read(ngx_hd_zone_t *zone, uint64_t number, ngx_hd_event_t *e)
{
    ngx_hd_words_load(e, ngx_hd_event_place(zone, number), NGX_HD_EVENT_WORDS);

    if (number == 0 || e->number != number || e->sum != ngx_hd_event_sum(e)) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_hd_event_import(ngx_hd_zone_t *zone, ngx_hd_zone_t *old)
{
    ngx_hd_words_load(zone->event, old->event,
                      NGX_HD_EVENTS * NGX_HD_EVENT_WORDS);

    ngx_hd_set(&zone->nevents, ngx_hd_load(&old->nevents));
}


static ngx_hd_event_t *
ngx_hd_event_place(ngx_hd_zone_t *zone, uint64_t number)
{
    return &zone->event[(number - 1) % NGX_HD_EVENTS];
}


static uint64_t
ngx_hd_event_sum(const ngx_hd_event_t *e)
{
    return ngx_hd_words_sum((const u_char *) e + sizeof(uint64_t),
                            NGX_HD_EVENT_WORDS - 1, 0);
}

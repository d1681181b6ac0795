
/*
 * healthdash: the ring of events.  A number is taken by one atomic addition and
 * tells the place in the ring; the sum of an event, which covers its number,
 * tells whether it is there and whole.
 *
 * The number is stored last, by compare-and-swap, and so is the mark of a
 * reader that does not wait for it: one of both wins.  A writer that has lost
 * takes another number, so no event comes behind one that was told already.
 */


#include <ngx_hd_event.h>
#include <ngx_hd_word.h>


/* on a number: whoever has it came too late */
#define NGX_HD_EVENT_GONE      (1ULL << 63)

/* a writer is that late only if it was stopped each time */
#define NGX_HD_EVENT_TRIES     64

#define NGX_HD_EVENT_WORDS    (sizeof(ngx_hd_event_t) / sizeof(uint64_t))


static ngx_int_t ngx_hd_event_put(ngx_hd_zone_t *zone,
    const ngx_hd_event_t *e);
static ngx_hd_event_t *ngx_hd_event_place(ngx_hd_zone_t *zone,
    uint64_t number);
static uint64_t ngx_hd_event_sum(const ngx_hd_event_t *e);


uint64_t
ngx_hd_event_add(ngx_hd_zone_t *zone, ngx_hd_event_t *e, uint64_t mono,
    int64_t wall)
{
    ngx_uint_t  i;

    e->clock = mono + zone->clock;
    e->time = wall;

    for (i = 0; i < NGX_HD_EVENT_TRIES; i++) {
        e->number = __atomic_add_fetch(&zone->nevents, 1, __ATOMIC_ACQ_REL);
        e->sum = ngx_hd_event_sum(e);

        if (ngx_hd_event_put(zone, e) == NGX_OK) {
            break;
        }
    }

    return e->number;
}


/* NGX_DECLINED: its number was given up, or its place is a later one's */

static ngx_int_t
ngx_hd_event_put(ngx_hd_zone_t *zone, const ngx_hd_event_t *e)
{
    uint64_t         number;
    ngx_uint_t       from;
    ngx_hd_event_t  *place;

    place = ngx_hd_event_place(zone, e->number);
    number = ngx_hd_load(&place->number);

    if ((number & ~NGX_HD_EVENT_GONE) >= e->number) {
        return NGX_DECLINED;
    }

    from = offsetof(ngx_hd_event_t, clock) / sizeof(uint64_t);

    ngx_hd_words_save(place, e, offsetof(ngx_hd_event_t, number)
                                / sizeof(uint64_t));
    ngx_hd_words_save(&place->clock, &e->clock, NGX_HD_EVENT_WORDS - from);

    return ngx_hd_cas(&place->number, &number, e->number) ? NGX_OK
                                                          : NGX_DECLINED;
}


void
ngx_hd_event_settle(ngx_hd_zone_t *zone, uint64_t known, uint64_t last)
{
    uint64_t  n, number, *word;

    n = (last > NGX_HD_EVENTS) ? last - NGX_HD_EVENTS : 0;
    n = ngx_max(n, known);

    while (n++ < last) {
        word = &ngx_hd_event_place(zone, n)->number;
        number = ngx_hd_load(word);

        while ((number & ~NGX_HD_EVENT_GONE) < n) {

            if (ngx_hd_cas(word, &number, n | NGX_HD_EVENT_GONE)) {
                break;
            }
        }
    }
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

    if (number == 0 || e->number != number || !ngx_hd_event_is_whole(e)) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_hd_event_is_whole(const ngx_hd_event_t *e)
{
    return e->sum == ngx_hd_event_sum(e);
}


void
ngx_hd_event_restore(ngx_hd_zone_t *zone, const ngx_hd_event_t *e)
{
    *ngx_hd_event_place(zone, e->number) = *e;
}


void
ngx_hd_event_go_on(ngx_hd_zone_t *zone, uint64_t last)
{
    ngx_hd_set(&zone->nevents, last);
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

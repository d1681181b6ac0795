
/*
 * healthdash: the guard.  Nothing is added up as results come: each look counts
 * the records afresh, so that no worker that dies leaves a wrong number behind.
 * The state is one word in the zone.  Called by the scheduler when a probe has
 * failed, and twice a second.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_guard.h>
#include <ngx_hd_probe.h>


#define NGX_HD_GUARD_TARGETS   5       /* fewer prove nothing */
#define NGX_HD_GUARD_FRESH     10      /* the same of those just probed */
#define NGX_HD_GUARD_LONG      (1 << 30)       /* msec: who fails for longer is
                                          said to fail for so long, 32 bits
                                          would begin anew; no result stands for
                                          as long */


/* a word: time 48 | why 8 | state 8; a record's: last result 32 | fails 32 */

#define ngx_hd_guard_last(word)    ((uint32_t) ((word) >> 32))
#define ngx_hd_guard_fails(word)   ((uint32_t) (word))


static ngx_uint_t ngx_hd_guard_is_share(ngx_uint_t n, ngx_uint_t of,
    ngx_uint_t percent);
static ngx_uint_t ngx_hd_guard_is_over(const ngx_hd_guard_count_t *count,
    ngx_uint_t percent);
static ngx_uint_t ngx_hd_guard_trips(const ngx_hd_guard_count_t *count,
    ngx_uint_t percent, ngx_hd_guard_why_e *why);
static void ngx_hd_guard_count(ngx_hd_main_conf_t *hmcf,
    ngx_hd_guard_count_t *count, uint64_t from, uint64_t since, uint64_t mono);
static void ngx_hd_guard_target(ngx_hd_guard_count_t *count,
    ngx_hd_target_t *t, uint64_t from, uint64_t since, uint64_t mono);
static void ngx_hd_guard_sentinel(ngx_hd_guard_count_t *count, uint64_t word,
    uint64_t since, uint64_t mono);
static int64_t ngx_hd_guard_age(uint32_t time, uint64_t mono);
static void ngx_hd_guard_unpack(uint64_t word, ngx_hd_guard_t *guard);


ngx_uint_t
ngx_hd_guard_step(ngx_hd_guard_t *guard, const ngx_hd_guard_count_t *count,
    ngx_uint_t percent, ngx_msec_t hold, uint64_t mono)
{
    ngx_uint_t          blind;
    ngx_hd_guard_e      state;
    ngx_hd_guard_why_e  why;

    state = guard->state;
    why = guard->why;
    blind = count->sentinels && count->blind == count->sentinels;

    switch (guard->state) {

    case NGX_HD_GUARD_FROZEN:

        if (!blind && ngx_hd_guard_is_over(count, percent)) {
            state = NGX_HD_GUARD_CLEAR;
            why = NGX_HD_GUARD_SHARE;

        } else if (count->seeing) {
            state = NGX_HD_GUARD_RELEASED;
            why = NGX_HD_GUARD_SENTINEL;

        } else if (ngx_hd_since(guard->since, mono) >= hold) {
            state = NGX_HD_GUARD_RELEASED;
            why = NGX_HD_GUARD_TIME;
        }

        break;

    case NGX_HD_GUARD_RELEASED:

        if (!blind && ngx_hd_guard_is_over(count, percent)) {
            state = NGX_HD_GUARD_CLEAR;
            why = NGX_HD_GUARD_SHARE;
        }

        break;

    default: /* NGX_HD_GUARD_CLEAR */

        if (ngx_hd_guard_trips(count, percent, &why)) {
            state = NGX_HD_GUARD_FROZEN;
        }
    }

    if (state == guard->state) {
        return 0;
    }

    guard->state = state;
    guard->why = why;
    guard->since = mono;

    return 1;
}


static ngx_uint_t
ngx_hd_guard_trips(const ngx_hd_guard_count_t *count, ngx_uint_t percent,
    ngx_hd_guard_why_e *why)
{
    if (count->sentinels && count->blind == count->sentinels) {
        *why = NGX_HD_GUARD_SENTINEL;
        return 1;
    }

    *why = NGX_HD_GUARD_SHARE;

    if (count->targets >= NGX_HD_GUARD_TARGETS
        && ngx_hd_guard_is_share(count->failing, count->targets, percent))
    {
        return 1;
    }

    /*
     * Long before all have been probed: those that were probed since the first
     * one failed are as good a sample as any, if there are enough of them.
     */

    return count->fresh >= NGX_HD_GUARD_FRESH
           && ngx_hd_guard_is_share(count->fresh_failing, count->fresh,
                                    percent);
}


static ngx_uint_t
ngx_hd_guard_is_share(ngx_uint_t n, ngx_uint_t of, ngx_uint_t percent)
{
    return n * 100 > of * percent;
}


/*
 * Three quarters of what it takes to begin, lest it begins and ends all over;
 * and half of all must have been probed since, for if it began with a sample
 * the others have not been asked yet.
 */

static ngx_uint_t
ngx_hd_guard_is_over(const ngx_hd_guard_count_t *count, ngx_uint_t percent)
{
    return count->failing * 400 <= count->targets * percent * 3
           && count->probed * 2 >= count->targets
           && count->probed_failing * 400 <= count->probed * percent * 3;
}


void
ngx_hd_guard_note(ngx_hd_record_t *rec, ngx_uint_t failed, uint64_t mono)
{
    uint32_t  now, fails;

    now = (uint32_t) mono | 1;
    fails = ngx_hd_guard_fails(ngx_hd_load(&rec->recent));

    if (!failed) {
        fails = 0;

    } else if (fails == 0) {
        fails = now;

    } else if (ngx_hd_guard_age(fails, mono) > NGX_HD_GUARD_LONG) {
        fails = (now - NGX_HD_GUARD_LONG) | 1;
    }

    ngx_hd_set(&rec->recent, (uint64_t) now << 32 | fails);
}


ngx_uint_t
ngx_hd_guard_look(ngx_hd_main_conf_t *hmcf, uint64_t from, uint64_t mono,
    ngx_hd_guard_news_t *news)
{
    uint64_t  word, next;

    word = ngx_hd_load(&hmcf->zone->guard);
    ngx_hd_guard_unpack(word, &news->was);
    news->now = news->was;

    ngx_hd_guard_count(hmcf, &news->count, from, news->was.since, mono);

    ngx_hd_set(&hmcf->zone->guard_count,
               (uint64_t) news->count.failing << 32 | news->count.targets);

    if (!ngx_hd_guard_step(&news->now, &news->count, hmcf->guard,
                           hmcf->guard_hold, mono))
    {
        return 0;
    }

    next = news->now.since << 16 | (uint64_t) news->now.why << 8
           | news->now.state;

    return ngx_hd_cas(&hmcf->zone->guard, &word, next);
}


static void
ngx_hd_guard_count(ngx_hd_main_conf_t *hmcf, ngx_hd_guard_count_t *count,
    uint64_t from, uint64_t since, uint64_t mono)
{
    ngx_uint_t         i;
    ngx_hd_record_t   *rec;
    ngx_hd_target_t  **t;

    ngx_memzero(count, sizeof(ngx_hd_guard_count_t));

    t = hmcf->targets.elts;

    for (i = 0; i < hmcf->targets.nelts; i++) {
        rec = t[i]->absent ? NULL : ngx_hd_store_record(hmcf, t[i]);

        if (rec == NULL) {
            continue;
        }

        if (t[i]->sentinel) {
            ngx_hd_guard_sentinel(count, ngx_hd_load(&rec->recent), since,
                                  mono);

        } else if (t[i]->check->type->form != NGX_HD_URL_NAME) {
            ngx_hd_guard_target(count, t[i], from, since, mono);
        }
    }
}


/* what went down stays among those that were up while its result may stand */

static void
ngx_hd_guard_target(ngx_hd_guard_count_t *count, ngx_hd_target_t *t,
    uint64_t from, uint64_t since, uint64_t mono)
{
    int64_t           last, fails, validity;
    uint64_t          word;
    ngx_uint_t        state, failing;
    ngx_hd_record_t  *rec;

    rec = &t->main->zone->record[t->record];
    word = ngx_hd_load(&rec->recent);
    last = ngx_hd_guard_age(ngx_hd_guard_last(word), mono);
    fails = ngx_hd_guard_age(ngx_hd_guard_fails(word), mono);
    failing = (ngx_hd_guard_fails(word) != 0);
    validity = (int64_t) ngx_hd_store_validity(t->check);
    state = ngx_hd_store_verdict(rec, NULL);

    if (ngx_hd_guard_last(word) == 0 || last > validity) {
        return;
    }

    if (state != NGX_HD_STATE_UP && state != NGX_HD_STATE_DEGRADED
        && (state != NGX_HD_STATE_DOWN || !failing || fails > validity))
    {
        return;
    }

    count->targets++;
    count->failing += failing;

    if (last < (int64_t) (mono - since)) {
        count->probed++;
        count->probed_failing += failing;
    }

    if ((failing ? fails : last) <= (int64_t) (mono - from)) {
        count->fresh++;
        count->fresh_failing += failing;
    }
}


static void
ngx_hd_guard_sentinel(ngx_hd_guard_count_t *count, uint64_t word,
    uint64_t since, uint64_t mono)
{
    uint32_t  last;

    last = ngx_hd_guard_last(word);

    count->sentinels++;

    if (last == 0) {
        return;
    }

    if (ngx_hd_guard_fails(word)) {
        count->blind++;

    } else if (ngx_hd_guard_age(last, mono) < (int64_t) (mono - since)) {
        count->seeing++;
    }
}


/*
 * How long ago a time of 32 bits was; below zero, if the clock of who noted it
 * is some milliseconds ahead.
 */

static int64_t
ngx_hd_guard_age(uint32_t time, uint64_t mono)
{
    return (int32_t) ((uint32_t) mono - time);
}


ngx_uint_t
ngx_hd_guard_holds(ngx_hd_main_conf_t *hmcf, const ngx_hd_target_t *t)
{
    return (ngx_hd_load(&hmcf->zone->guard) & 0xff) == NGX_HD_GUARD_FROZEN
           && !t->sentinel
           && t->check->type->form != NGX_HD_URL_NAME;
}


void
ngx_hd_guard_get(ngx_hd_main_conf_t *hmcf, ngx_hd_guard_t *guard,
    ngx_hd_guard_count_t *count)
{
    uint64_t  word;

    ngx_memzero(count, sizeof(ngx_hd_guard_count_t));
    ngx_hd_guard_unpack(ngx_hd_load(&hmcf->zone->guard), guard);

    word = ngx_hd_load(&hmcf->zone->guard_count);

    count->failing = word >> 32;
    count->targets = word & 0xffffffff;
}


static void
ngx_hd_guard_unpack(uint64_t word, ngx_hd_guard_t *guard)
{
    guard->state = word & 0xff;
    guard->why = (word >> 8) & 0xff;
    guard->since = word >> 16;
}

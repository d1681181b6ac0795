
/*
 * Unit test of ngx_hd_guard.c: the steps of the guard as a table, and what is
 * counted of records.
 */


#include "tap.h"
#include "../../ngx_http_healthdash_module/ngx_hd_guard.c"


/* of the store: each record is its target's, a result stands for 15 s */

ngx_hd_record_t *
ngx_hd_store_record(ngx_hd_main_conf_t *hmcf, ngx_hd_target_t *t)
{
    return &hmcf->zone->record[t->record];
}


ngx_msec_t
ngx_hd_store_validity(ngx_hd_check_t *check)
{
    return 15000;
}


ngx_uint_t
ngx_hd_store_verdict(ngx_hd_record_t *rec, uint64_t *recoveries)
{
    return rec->verdict & 0xff;
}


typedef struct {
    const char            *name;
    ngx_hd_guard_e         from;
    ngx_hd_guard_count_t   count;
    ngx_int_t              after;       /* sec in this state */
    ngx_hd_guard_e         to;
    ngx_hd_guard_why_e     why;
} step_t;


#define CLEAR     NGX_HD_GUARD_CLEAR
#define FROZEN    NGX_HD_GUARD_FROZEN
#define RELEASED  NGX_HD_GUARD_RELEASED
#define SHARE     NGX_HD_GUARD_SHARE
#define SENTINEL  NGX_HD_GUARD_SENTINEL
#define TIME      NGX_HD_GUARD_TIME


/* limit 60 percent, hold 300 s; targets, failing, fresh, of these failing,
   probed since, of these failing, sentinels, blind, seeing */

static const step_t  steps[] = {

    { "all is well", CLEAR, { 10, 0, 0, 0, 10, 0, 0, 0, 0 }, 1, CLEAR, SHARE },
    { "nothing is known", CLEAR, { 0, 0, 0, 0, 0, 0, 0, 0, 0 },
      1, CLEAR, SHARE },
    { "the limit", CLEAR, { 10, 6, 0, 0, 10, 6, 0, 0, 0 }, 1, CLEAR, SHARE },
    { "more", CLEAR, { 10, 7, 0, 0, 10, 7, 0, 0, 0 }, 1, FROZEN, SHARE },
    { "all", CLEAR, { 10, 10, 0, 0, 10, 10, 0, 0, 0 }, 1, FROZEN, SHARE },
    { "all of four", CLEAR, { 4, 4, 4, 4, 4, 4, 0, 0, 0 }, 1, CLEAR, SHARE },
    { "all of five", CLEAR, { 5, 5, 0, 0, 5, 5, 0, 0, 0 }, 1, FROZEN, SHARE },
    { "a sample of nine", CLEAR, { 100, 9, 9, 9, 100, 9, 0, 0, 0 },
      1, CLEAR, SHARE },
    { "a sample of ten", CLEAR, { 100, 10, 10, 10, 100, 10, 0, 0, 0 },
      1, FROZEN,
      SHARE },
    { "six of a sample of ten", CLEAR, { 100, 6, 10, 6, 100, 6, 0, 0, 0 },
      1, CLEAR,
      SHARE },
    { "the sentinel fails", CLEAR, { 2, 0, 0, 0, 2, 0, 1, 1, 0 }, 1, FROZEN,
      SENTINEL },
    { "one of two sentinels", CLEAR, { 2, 0, 0, 0, 2, 0, 2, 1, 0 }, 1, CLEAR,
      SHARE },
    { "both sentinels", CLEAR, { 0, 0, 0, 0, 0, 0, 2, 2, 0 },
      1, FROZEN, SENTINEL },

    { "few so far, of a sample", FROZEN, { 100, 20, 20, 20, 20, 20, 0, 0, 0 },
      1, FROZEN, SHARE },
    { "few so far, of few", FROZEN, { 100, 20, 20, 0, 20, 0, 0, 0, 0 }, 1,
      FROZEN, SHARE },
    { "few of half of them", FROZEN, { 100, 20, 20, 0, 50, 20, 0, 0, 0 }, 1,
      CLEAR, SHARE },
    { "many of half of them", FROZEN, { 100, 25, 20, 0, 50, 25, 0, 0, 0 }, 1,
      FROZEN, SHARE },
    { "still so many", FROZEN, { 10, 7, 0, 0, 10, 7, 0, 0, 0 },
      1, FROZEN, SHARE },
    { "fewer", FROZEN, { 10, 5, 0, 0, 10, 5, 0, 0, 0 }, 1, FROZEN, SHARE },
    { "few", FROZEN, { 10, 4, 0, 0, 10, 4, 0, 0, 0 }, 1, CLEAR, SHARE },
    { "few, before the end", FROZEN, { 10, 4, 0, 0, 10, 4, 0, 0, 0 },
      299, CLEAR,
      SHARE },
    { "before its end", FROZEN, { 10, 9, 0, 0, 10, 9, 0, 0, 0 },
      299, FROZEN, SHARE },
    { "a worker whose clock is behind", FROZEN,
      { 10, 9, 0, 0, 10, 9, 0, 0, 0 }, -1, FROZEN, TIME },
    { "its end", FROZEN, { 10, 9, 0, 0, 10, 9, 0, 0, 0 }, 300, RELEASED, TIME },
    { "the sentinel still fails", FROZEN, { 9, 0, 0, 0, 9, 0, 1, 1, 0 },
      1, FROZEN,
      SHARE },
    { "it does for too long", FROZEN, { 9, 0, 0, 0, 9, 0, 1, 1, 0 },
      300, RELEASED,
      TIME },
    { "it passed before", FROZEN, { 10, 9, 0, 0, 10, 9, 1, 0, 0 }, 1, FROZEN,
      SHARE },
    { "it has passed, many fail", FROZEN, { 10, 9, 0, 0, 10, 9, 1, 0, 1 }, 1,
      RELEASED, SENTINEL },
    { "it has passed, few fail", FROZEN, { 10, 1, 0, 0, 10, 1, 1, 0, 1 },
      1, CLEAR,
      SHARE },

    { "many fail for long", RELEASED, { 10, 9, 10, 9, 10, 9, 0, 0, 0 }, 9999,
      RELEASED, SHARE },
    { "a sentinel fails for long", RELEASED, { 10, 0, 0, 0, 10, 0, 1, 1, 0 },
      9999,
      RELEASED, SHARE },
    { "few do", RELEASED, { 10, 4, 0, 0, 10, 4, 0, 0, 0 }, 1, CLEAR, SHARE },
    { "none is left", RELEASED, { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 1, CLEAR, SHARE }
};


static void
test_steps(void)
{
    ngx_uint_t      i, changed;
    ngx_hd_guard_t  guard;

    for (i = 0; i < sizeof(steps) / sizeof(step_t); i++) {
        guard.state = steps[i].from;
        guard.why = SHARE;
        guard.since = 50000;

        changed = ngx_hd_guard_step(&guard, &steps[i].count, 60, 300000,
                                    50000 + steps[i].after * 1000);

        ok(guard.state == steps[i].to, "%s: %d to %d", steps[i].name,
           steps[i].from, guard.state);
        check(changed == (steps[i].from != steps[i].to), "%s: changed",
              steps[i].name);
        check(!changed || guard.why == steps[i].why, "%s: why",
              steps[i].name);
        check(guard.since == (uint64_t) (changed ? 50000 + steps[i].after * 1000
                                                 : 50000),
              "%s: since", steps[i].name);
    }

    checked("steps");
}


static ngx_hd_zone_t        *zone;
static ngx_hd_main_conf_t    hmcf;
static ngx_hd_target_t       target[8], *targets[8];
static ngx_hd_check_t        asks;
static ngx_hd_probe_type_t   type;


static void
test_counts(void)
{
    uint64_t              now;
    ngx_uint_t            i;
    ngx_hd_guard_t        guard;
    ngx_hd_guard_news_t   news;
    ngx_hd_guard_count_t  count;

    zone = calloc(1, sizeof(ngx_hd_zone_t) + 8 * sizeof(ngx_hd_record_t));
    asks.type = &type;
    hmcf.zone = zone;
    hmcf.guard = 60;
    hmcf.guard_hold = 300000;
    hmcf.targets.elts = targets;
    hmcf.targets.nelts = 7;

    for (i = 0; i < 8; i++) {
        target[i].check = &asks;
        target[i].record = i;
        target[i].main = &hmcf;
        targets[i] = &target[i];
        zone->record[i].verdict = NGX_HD_STATE_UP;
    }

    /* also where 32 bits of milliseconds end */

    now = 0xffffffffULL - 3000;

    ok(!ngx_hd_guard_look(&hmcf, now, now, &news), "no news");
    is_num(news.count.targets, 0, "no result, no target");

    for (i = 0; i < 7; i++) {
        ngx_hd_guard_note(&zone->record[i], 0, now + i * 100);
    }

    ok(!ngx_hd_guard_look(&hmcf, now + 300, now + 1000, &news), "no news");
    is_num(news.count.targets, 7, "those with a result");
    is_num(news.count.failing, 0, "none fails");
    is_num(news.count.fresh, 4, "those since a time");

    now += 5000;

    for (i = 0; i < 4; i++) {
        ngx_hd_guard_note(&zone->record[i], 1, now);
    }

    ok(!ngx_hd_guard_look(&hmcf, now, now, &news), "four of seven: no news");
    is_num(news.count.failing, 4, "counted across the end of 32 bits");
    is_num(news.count.fresh, 4, "fresh");
    is_num(news.count.fresh_failing, 4, "all of them failing");

    /* one that went down stays for a while; another is new */

    zone->record[0].verdict = NGX_HD_STATE_DOWN;
    zone->record[6].verdict = NGX_HD_STATE_UNKNOWN;

    ngx_hd_guard_note(&zone->record[4], 1, now + 1);
    ok(ngx_hd_guard_look(&hmcf, now, now + 2, &news), "five of six: news");
    is_num(news.was.state, CLEAR, "it was clear");
    is_num(news.now.state, FROZEN, "it is frozen");
    ok(!ngx_hd_guard_look(&hmcf, now, now + 2, &news), "told once");

    ok(ngx_hd_guard_holds(&hmcf, &target[1]), "nothing goes down");
    type.form = NGX_HD_URL_NAME;
    ok(!ngx_hd_guard_holds(&hmcf, &target[1]), "but what is no network");
    type.form = NGX_HD_URL_HOST;
    target[1].sentinel = 1;
    ok(!ngx_hd_guard_holds(&hmcf, &target[1]), "and a sentinel");
    target[1].sentinel = 0;

    ngx_hd_guard_get(&hmcf, &guard, &count);
    is_num(guard.state, FROZEN, "whoever asks is told");
    is_num(guard.since, now + 2, "since when");
    is_num(count.failing, 5, "how many fail");
    is_num(count.targets, 6, "of how many");

    /* a failure in a row keeps its time; a result does not stand for ever */

    ngx_hd_guard_note(&zone->record[0], 1, now + 14000);
    (void) ngx_hd_guard_look(&hmcf, now + 10000, now + 15000, &news);
    is_num(news.count.fresh, 0, "a second failure is not a fresh one");
    is_num(news.count.targets, 5, "results that are too old do not count");

    (void) ngx_hd_guard_look(&hmcf, now, now + 15001, &news);
    is_num(news.count.targets, 1, "nor what went down long ago");

    for (i = 0; i < 7; i++) {
        ngx_hd_guard_note(&zone->record[i], i > 4, now + 16000);
    }

    zone->record[0].verdict = NGX_HD_STATE_UP;
    ok(ngx_hd_guard_look(&hmcf, now, now + 16000, &news), "it is over");
    is_num(news.now.state, CLEAR, "and clear");
    ok(!ngx_hd_guard_holds(&hmcf, &target[1]), "verdicts follow");

    /* an address that DNS took away is not probed, and says nothing */

    (void) ngx_hd_guard_look(&hmcf, now, now + 16000, &news);
    is_num(news.count.targets, 6, "before");
    target[5].absent = 1;
    (void) ngx_hd_guard_look(&hmcf, now, now + 16000, &news);
    is_num(news.count.targets, 5, "those that DNS took away do not count");
    target[5].absent = 0;

    /* sentinels */

    target[6].sentinel = 1;
    ngx_hd_guard_note(&zone->record[6], 1, now + 17000);
    ok(ngx_hd_guard_look(&hmcf, now, now + 17000, &news), "it fails: news");
    is_num(news.now.why, SENTINEL, "and the reason");
    is_num(news.count.targets, 6, "it is not one of the others");

    for (i = 0; i < 6; i++) {
        ngx_hd_guard_note(&zone->record[i], 1, now + 18000);
    }

    ngx_hd_guard_note(&zone->record[6], 0, now + 18000);
    ok(ngx_hd_guard_look(&hmcf, now, now + 18000, &news), "it passes: news");
    is_num(news.now.state, RELEASED, "verdicts follow though all fail");
    ok(!ngx_hd_guard_holds(&hmcf, &target[1]), "really");

    free(zone);
}


#define DAY  86400000


/* what a look on that day counts; each target is probed once a day */

static ngx_hd_guard_count_t
day(ngx_uint_t n, ngx_uint_t failing)
{
    uint64_t             now;
    ngx_uint_t           i;
    ngx_hd_guard_news_t  news;

    now = (uint64_t) (n + 1) * DAY;

    for (i = 0; i < 8; i++) {
        ngx_hd_guard_note(&zone->record[i], i < failing, now);
    }

    (void) ngx_hd_guard_look(&hmcf, now, now + 1000, &news);

    return news.count;
}


/* servers that nobody has removed, though they are down for months */

static void
test_weeks(void)
{
    ngx_uint_t            i;
    ngx_hd_guard_t        guard;
    ngx_hd_guard_count_t  count;

    zone = calloc(1, sizeof(ngx_hd_zone_t) + 8 * sizeof(ngx_hd_record_t));
    hmcf.zone = zone;
    hmcf.targets.nelts = 8;

    for (i = 0; i < 8; i++) {
        target[i].sentinel = 0;
        zone->record[i].verdict = (i < 5) ? NGX_HD_STATE_DOWN
                                          : NGX_HD_STATE_UP;
    }

    day(0, 5);
    zone->guard = 0;

    for (i = 1; i < 120; i++) {
        count = day(i, 5);

        check(count.targets == 3, "day %lu: %lu targets", i, count.targets);
        check(count.failing == 0, "day %lu: %lu failing", i, count.failing);
        check((zone->guard & 0xff) == CLEAR, "day %lu: frozen", i);
    }

    checked("what is down for months was not up a moment ago");

    /* or most have failed for so long that verdicts follow again */

    for (i = 0; i < 8; i++) {
        zone->record[i].verdict = NGX_HD_STATE_UP;
    }

    zone->guard = 120ULL * DAY << 16 | RELEASED;

    for (i = 120; i < 150; i++) {
        day(i, 8);
    }

    ngx_hd_guard_get(&hmcf, &guard, &count);
    is_num(guard.state, RELEASED, "it lasts for weeks");

    day(150, 0);

    ngx_hd_guard_get(&hmcf, &guard, &count);
    is_num(guard.state, CLEAR, "and is over when they pass");

    free(zone);
}


int
main(void)
{
    test_steps();
    test_counts();
    test_weeks();

    return done();
}

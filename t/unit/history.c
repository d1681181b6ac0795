
/* Unit test of ngx_hd_history.c. */


#include "tap.h"
#include "../../ngx_http_healthdash_module/ngx_hd_history.c"

#include <stdlib.h>


#define MINUTE  60000ULL
#define HOUR    3600000ULL
#define DAY     86400000ULL

#define START   (1700000000000ULL / DAY * DAY)


static ngx_hd_history_t  h;
static ngx_hd_data_t     data;
static uint64_t          now;


static void
begin(uint64_t at)
{
    ngx_memzero(&h, sizeof(ngx_hd_history_t));
    ngx_memzero(&data, sizeof(ngx_hd_data_t));

    now = at;
}


/* a result after msec, which leaves the target in state */

static void
result(uint64_t msec, ngx_hd_verdict_e verdict, uint32_t usec,
    ngx_uint_t state)
{
    ngx_hd_result_t  r;

    ngx_memzero(&r, sizeof(ngx_hd_result_t));

    r.verdict = verdict;
    r.usec = usec;
    now += msec;

    ngx_hd_history_pass(&h, &data, now, 60 * MINUTE);

    if (verdict == NGX_HD_INCONCLUSIVE) {
        data.inconclusive++;

    } else {
        data.checks++;
    }

    data.state = state;
    data.usec_max = ngx_max(data.usec_max, usec);

    ngx_hd_history_count(&data, &r);
    ngx_hd_history_keep(&h, &data, &r);
}


/* what was packed may be 0.1 % off */

static int
is_near(uint64_t got, uint64_t want)
{
    return got <= want + want / 1000 && got + got / 1000 >= want;
}


static void
check_sums(const char *name)
{
    ngx_uint_t              i;
    ngx_hd_span_t           one, all[NGX_HD_WINDOWS];
    const ngx_hd_window_t  *w;

    ngx_hd_history_sums(&h, &data, all);

    for (i = 0; i < NGX_HD_WINDOWS; i++) {
        w = &ngx_hd_history_windows[i];

        ngx_hd_history_sum(&h, &data, w->level, w->n, &one);

        check(one.length == all[i].length && one.known == all[i].known
              && one.down == all[i].down && one.known,
              "%s: %lu %lu", w->name, (unsigned long) one.known,
              (unsigned long) all[i].known);
    }

    checked(name);
}


static void
is_span(ngx_hd_level_e level, ngx_uint_t age, uint64_t known, uint64_t down,
    uint64_t checks, uint64_t failures, const char *name)
{
    ngx_hd_span_t  s;

    ngx_hd_history_span(&h, &data, level, age, &s);

    if (!ok(is_near(s.known, known) && is_near(s.down, down)
            && s.checks == checks && s.failures == failures, "%s", name))
    {
        printf("# got known %lu, down %lu, checks %lu, failures %lu\n",
               (unsigned long) s.known, (unsigned long) s.down,
               (unsigned long) s.checks, (unsigned long) s.failures);
    }
}


static void
test_mini(void)
{
    uint64_t    n, m, most;
    ngx_uint_t  bits;

    for (bits = 8; bits <= 12; bits++) {

        for (n = 0; n < 2ULL << bits; n++) {
            m = ngx_hd_mini_unpack(ngx_hd_mini_pack(n, bits), bits);
            check(m == n, "%lu of %lu bits", (unsigned long) n,
                  (unsigned long) bits);
        }

        for (n = 1; n < 1ULL << 38; n += n / 97 + 1) {
            m = ngx_hd_mini_unpack(ngx_hd_mini_pack(n, bits), bits);
            most = n >> (bits + 1);

            check(m <= n + most && m + most >= n, "%lu of %lu bits is %lu",
                  (unsigned long) n, (unsigned long) bits, (unsigned long) m);
        }

        m = ngx_hd_mini_pack(UINT64_MAX, bits);
        check(m == (32ULL << bits) - 1, "the largest of %lu bits",
              (unsigned long) bits);
    }

    checked("packed numbers are exact while small, then near");
}


static void
test_pack(void)
{
    ngx_hd_open_t    open;
    ngx_hd_span_t    s;
    ngx_hd_bucket_t  b;

    ngx_memzero(&open, sizeof(ngx_hd_open_t));
    ngx_memzero(&s, sizeof(ngx_hd_span_t));

    open.known = 1001;
    open.down = 1002;
    open.checks = 1003;
    open.failures = 3;
    open.slow = 1005;
    open.max = 1006;
    open.sum = 1000 * 507;

    ngx_hd_history_pack(&b, &open);
    ngx_hd_history_unpack_state(&s, &b);
    ngx_hd_history_unpack(&s, &b);

    ok(s.known == 1001 && s.down == 1002 && s.checks == 1003
       && s.failures == 3 && s.slow == 1005, "counts come back");
    ok(s.max >= 1004 && s.max <= 1008 && s.mean == 507, "so do latencies");

    memset(&open, 0xff, sizeof(ngx_hd_open_t));
    open.failures = 0;
    ngx_hd_history_pack(&b, &open);
    ngx_hd_history_unpack_state(&s, &b);
    ngx_hd_history_unpack(&s, &b);

    ok(s.known > UINT32_MAX - (1 << 22) && s.failures == 0
       && s.max > UINT32_MAX - (1U << 24), "the largest numbers, too");
}


/* 10 min up, then down from 00:10:00 to 00:12:30, by probes every 10 s */

static void
test_time(void)
{
    ngx_uint_t      i;
    ngx_hd_span_t   s;

    begin(START);

    result(0, NGX_HD_PASS, 1000, NGX_HD_STATE_UP);

    for (i = 1; i < 60; i++) {
        result(10000, NGX_HD_PASS, 1000, NGX_HD_STATE_UP);
    }

    result(10000, NGX_HD_FAIL, 0, NGX_HD_STATE_DOWN);

    for (i = 1; i < 15; i++) {
        result(10000, NGX_HD_FAIL, 0, NGX_HD_STATE_DOWN);
    }

    result(10000, NGX_HD_PASS, 2000, NGX_HD_STATE_UP);

    for (i = 1; i < 15; i++) {
        result(10000, NGX_HD_PASS, 2000, NGX_HD_STATE_UP);
    }

    /* 00:14:50 */

    is_span(NGX_HD_MINUTE, 0, 50000, 0, 6, 0, "the minute under way");
    is_span(NGX_HD_MINUTE, 1, 60000, 0, 6, 0, "a whole one, nearly");
    is_span(NGX_HD_MINUTE, 2, 60000, 30000, 6, 3, "half of it was down");
    is_span(NGX_HD_MINUTE, 3, 60000, 60000, 6, 6, "all of it was down");
    is_span(NGX_HD_MINUTE, 15, 0, 0, 0, 0, "before it began: not known");
    is_span(NGX_HD_HOUR, 0, 890000, 150000, 90, 15, "the hour under way");

    ngx_hd_history_sum(&h, &data, NGX_HD_HOUR, 24, &s);

    is_num(ngx_hd_history_available(&s), 831460, "83.146 %% available");
    is_num(s.known, 890000, "of the time that is known");
    is_num(s.length, 24 * HOUR + 890000, "which is not much of a day");

    ngx_hd_history_span(&h, &data, NGX_HD_MINUTE, 2, &s);
    ok(is_near(ngx_hd_history_available(&s), 500000), "50 %% of a minute");
    is_num(s.mean, 2000, "latency of those that passed");

    ngx_hd_history_span(&h, &data, NGX_HD_MINUTE, 3, &s);
    is_num(ngx_hd_history_available(&s), 0, "0 %%");
    is_num(s.mean, 0, "no latency");

    ngx_hd_history_span(&h, &data, NGX_HD_DAY, 1, &s);
    is_num(ngx_hd_history_available(&s), -1, "of yesterday nothing is known");

    is_num(ngx_hd_history_begin(&data, NGX_HD_MINUTE, 2), START + 12 * MINUTE,
           "when a minute began");
}


static void
test_rings(void)
{
    uint64_t       known;
    ngx_uint_t     i;
    ngx_hd_span_t  s;

    /* 91 days of a probe a minute, down for the last hour of each */

    begin(START);

    for (i = 0; i <= 91 * 1440; i++) {
        result(i ? MINUTE : 0, NGX_HD_PASS, 500,
               (i % 1440 >= 1380) ? NGX_HD_STATE_DOWN : NGX_HD_STATE_UP);
    }

    for (i = 1; i <= NGX_HD_DAYS; i++) {
        ngx_hd_history_span(&h, &data, NGX_HD_DAY, i, &s);

        check(is_near(s.known, DAY) && is_near(s.down, HOUR)
              && is_near(s.checks, 1440), "day %lu", (unsigned long) i);
    }

    checked("90 days");

    ngx_hd_history_span(&h, &data, NGX_HD_DAY, NGX_HD_DAYS + 1, &s);
    is_num(s.known, 0, "and no more");

    for (i = 1; i <= NGX_HD_HOURS; i++) {
        ngx_hd_history_span(&h, &data, NGX_HD_HOUR, i, &s);

        known = s.down;
        check(s.known == HOUR && known == ((i - 1) % 24 ? 0 : HOUR),
              "hour %lu", (unsigned long) i);
    }

    checked("48 hours");

    ngx_hd_history_sum(&h, &data, NGX_HD_DAY, NGX_HD_DAYS, &s);
    check(labs(ngx_hd_history_available(&s) - 958333) < 50,
          "%ld", (long) ngx_hd_history_available(&s));
    checked("95.833 % in 90 days");

    check_sums("91 days: all windows at once are what each is");

    /* nothing for a week, and for a century */

    now += 7 * DAY;
    ngx_hd_history_pass(&h, &data, now, MINUTE);

    is_span(NGX_HD_DAY, 3, 0, 0, 0, 0, "days without a probe are not known");
    ngx_hd_history_span(&h, &data, NGX_HD_DAY, 8, &s);
    ok(is_near(s.known, DAY), "those before still are");
    is_span(NGX_HD_MINUTE, 30, 0, 0, 0, 0, "no minute is");

    now += 36500 * DAY;
    ngx_hd_history_pass(&h, &data, now, MINUTE);
    ngx_hd_history_sum(&h, &data, NGX_HD_DAY, NGX_HD_DAYS, &s);
    is_num(s.known, 0, "all is forgotten");

    /* a clock that is behind */

    now -= DAY;
    ngx_hd_history_pass(&h, &data, now, MINUTE);
    ngx_hd_history_sum(&h, &data, NGX_HD_DAY, NGX_HD_DAYS, &s);
    is_num(s.known, 0, "no time passes backwards");
}


static void
test_limit(void)
{
    ngx_hd_span_t  s;

    begin(START);
    data.state = NGX_HD_STATE_UP;

    ngx_hd_history_pass(&h, &data, START, 5000);
    ngx_hd_history_pass(&h, &data, START + 50000, 5000);
    is_span(NGX_HD_MINUTE, 0, 5000, 0, 0, 0, "what is too long is not known");

    data.state = NGX_HD_STATE_UNKNOWN;
    ngx_hd_history_pass(&h, &data, START + 51000, 5000);
    is_span(NGX_HD_MINUTE, 0, 5000, 0, 0, 0, "nor is what was not known");

    data.state = NGX_HD_STATE_DEGRADED;
    ngx_hd_history_pass(&h, &data, START + MINUTE + 1000, 10 * MINUTE);
    is_span(NGX_HD_MINUTE, 1, 14000, 0, 0, 0, "degraded is not down");
    is_span(NGX_HD_MINUTE, 0, 1000, 0, 0, 0, "nor in the next minute");

    data.state = NGX_HD_STATE_DOWN;
    ngx_hd_history_pass(&h, &data, START + MINUTE + 1001, 10 * MINUTE);

    ngx_hd_history_sum(&h, &data, NGX_HD_MINUTE, 60, &s);
    is_num(ngx_hd_history_available(&s), 999933, "1 ms is not rounded away");

    check_sums("two minutes: all windows at once are what each is");
}


static void
test_results(void)
{
    ngx_uint_t     i, n;
    ngx_hd_past_t  past;

    begin(START);

    is_num(ngx_hd_history_result(&h, &data, 0, &past), NGX_DECLINED,
           "no result yet");

    for (n = 0; n < 10000; n++) {
        result(1000, n % 4, 1000 + n % 100, NGX_HD_STATE_UP);

        for (i = 0; i < 125; i++) {

            if (ngx_hd_history_result(&h, &data, i, &past) != NGX_OK) {
                check(i > n || i >= NGX_HD_RESULTS, "%lu of %lu is there",
                      (unsigned long) i, (unsigned long) n);
                continue;
            }

            check(past.time == now - 1000 * i && past.verdict == (n - i) % 4
                  && past.usec == 1000 + (n - i) % 100, "%lu of %lu",
                  (unsigned long) i, (unsigned long) n);
        }
    }

    checked("the last 120 results");

    h.result[(n - 1) % NGX_HD_RESULTS] = h.result[n % NGX_HD_RESULTS] - 1;
    is_num(ngx_hd_history_result(&h, &data, 0, &past), NGX_DECLINED,
           "one that was lost is not taken for another");
    is_num(ngx_hd_history_result(&h, &data, 1, &past), NGX_OK,
           "and the next is there");
}


static int
compare(const void *a, const void *b)
{
    const uint32_t  *x, *y;

    x = a;
    y = b;

    return (*x > *y) - (*x < *y);
}


static void
test_latency(void)
{
    double             want;
    uint64_t           usec;
    uint32_t           list[1000];
    ngx_uint_t         i, k, seed;
    static const int   permille[] = { 1, 500, 900, 950, 990, 1000 };

    begin(START);
    is_num(ngx_hd_history_latency(&h, &data, 500), 0, "no latency yet");

    for (seed = 1; seed < 60; seed++) {
        srandom(seed);
        begin(START);

        for (i = 0; i < 1000; i++) {
            list[i] = 64 << (random() % (seed % 15 + 1));
            list[i] += random() % list[i];
            result(1000, NGX_HD_PASS, list[i], NGX_HD_STATE_UP);
        }

        qsort(list, 1000, sizeof(uint32_t), compare);

        for (k = 0; k < sizeof(permille) / sizeof(int); k++) {
            usec = ngx_hd_history_latency(&h, &data, permille[k]);
            want = list[permille[k] - 1];

            check(usec > want * 0.95 && usec < want * 1.05,
                  "%d permille are %lu, not %.0f", permille[k],
                  (unsigned long) usec, want);
        }
    }

    checked("percentiles are 5 % off at most");

    begin(START);

    for (i = 0; i < 100000; i++) {
        result(1000, NGX_HD_PASS, (i < 90000) ? 500000 : 1000,
               NGX_HD_STATE_UP);
        result(1000, NGX_HD_FAIL, 3000000, NGX_HD_STATE_UP);
    }

    usec = ngx_hd_history_latency(&h, &data, 990);
    ok(usec > 950 && usec < 1050, "what is long ago is forgotten");

    begin(START);
    result(0, NGX_HD_PASS, 9000000, NGX_HD_STATE_UP);
    is_num(ngx_hd_history_latency(&h, &data, 500), 9000000,
           "beyond the last part the highest is told");

    result(0, NGX_HD_PASS, 3, NGX_HD_STATE_UP);
    usec = ngx_hd_history_latency(&h, &data, 1);
    ok(usec < 80, "before the first part it is near");
}


/* facts are read with the picture, what is remembered when it is written */

static void
test_slow(void)
{
    uint64_t          at;
    ngx_uint_t        i, k, age, minute, unknown;
    ngx_hd_data_t     facts, copy;
    ngx_hd_span_t     was[NGX_HD_MINUTES + 1], is;
    ngx_hd_history_t  late;

    static const ngx_uint_t  minutes[] = { 0, 1, 2, 5, 30, 200 };

    for (k = 0; k < sizeof(minutes) / sizeof(minutes[0]); k++) {
        begin(START);

        /* so many results tell minutes apart */

        for (minute = 0; minute < 80; minute++) {
            for (i = 0; i < minute % 50 + 1; i++) {
                result(MINUTE / (minute % 50 + 1), NGX_HD_PASS, 100,
                       NGX_HD_STATE_UP);
            }
        }

        facts = data;
        at = now + 500;

        late = h;
        copy = facts;
        ngx_hd_history_pass(&late, &copy, at, 60 * MINUTE);

        for (age = 0; age <= NGX_HD_MINUTES; age++) {
            ngx_hd_history_span(&late, &copy, NGX_HD_MINUTE, age, &was[age]);
        }

        for (i = 0; i < minutes[k]; i++) {
            result(MINUTE, NGX_HD_FAIL, 100, NGX_HD_STATE_DOWN);
        }

        late = h;
        copy = facts;
        ngx_hd_history_pass(&late, &copy, at, 60 * MINUTE);
        ngx_hd_history_forget(&late, &copy, now + 500);

        for (unknown = 0, age = 0; age <= NGX_HD_MINUTES; age++) {
            ngx_hd_history_span(&late, &copy, NGX_HD_MINUTE, age, &is);

            unknown += (is.known == 0 && was[age].known);

            check((is.known == 0 && is.checks == 0)
                  || (is.known == was[age].known && is.down == 0
                      && is.checks == was[age].checks),
                  "%lu minutes late, minute %lu: %lu checks, not %lu",
                  (unsigned long) minutes[k], (unsigned long) age,
                  (unsigned long) is.checks, (unsigned long) was[age].checks);
        }

        check(unknown <= minutes[k], "%lu minutes late, %lu unknown",
              (unsigned long) minutes[k], (unsigned long) unknown);
    }

    checked("what comes later is not taken for what was long before");
}


int
main(void)
{
    test_slow();
    test_mini();
    test_pack();
    test_time();
    test_rings();
    test_limit();
    test_results();
    test_latency();

    return done();
}

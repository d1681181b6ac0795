
/*
 * healthdash: what is remembered of one target.  Owns how it is packed, and how
 * time is spread over minutes, hours and days.  The lease holder writes, with
 * facts that it has not published yet; readers work on copies.  Pure: no
 * clock, no memory, no log.
 *
 * A minute that is over is written once, where nobody reads yet: the ring has
 * one place more than minutes are shown.  A writer that dies then has published
 * nothing, and the next one writes the same again.
 */


#include <ngx_hd_history.h>
#include <ngx_hd_word.h>


/*
 * Numbers are kept with some leading bits and an exponent of 5 bits: exact
 * below twice the leading ones, else half of the last bit off.
 */

#define NGX_HD_MINI_EXPONENT   5
#define NGX_HD_MINI_COUNT      9       /* 14 bits: 0.1 % off */
#define NGX_HD_MINI_LATENCY    8       /* 13 bits: 0.2 % off */
#define NGX_HD_MINI_RESULT     12      /* 17 bits: 0.02 % off */

/* a result: 40 bits of time in 10 msec, 2 verdict, 17 latency, 5 round */

#define NGX_HD_PAST_ROUNDS     32
#define NGX_HD_PAST_TICK       10

#define NGX_HD_LATENCY_MANY    2048    /* then all are halved */


typedef struct {
    uint64_t    length;         /* msec */
    ngx_uint_t  places;         /* in the ring */
    size_t      offset;         /* of the ring */
} ngx_hd_level_t;


static void ngx_hd_history_pass_level(ngx_hd_history_t *h,
    ngx_hd_data_t *data, ngx_uint_t level, uint64_t now, uint64_t until);
static void ngx_hd_history_add(ngx_hd_open_t *open, uint64_t msec,
    ngx_uint_t down);
static ngx_hd_bucket_t *ngx_hd_history_place(const ngx_hd_history_t *h,
    ngx_uint_t level, uint64_t n);
static void ngx_hd_history_pack(ngx_hd_bucket_t *b,
    const ngx_hd_open_t *open);
static void ngx_hd_history_state(const ngx_hd_history_t *h,
    const ngx_hd_data_t *data, ngx_uint_t level, ngx_uint_t age,
    ngx_hd_span_t *span);
static void ngx_hd_history_unpack_state(ngx_hd_span_t *span,
    const ngx_hd_bucket_t *b);
static void ngx_hd_history_unpack(ngx_hd_span_t *span,
    const ngx_hd_bucket_t *b);
static void ngx_hd_history_open(ngx_hd_span_t *span,
    const ngx_hd_open_t *open);
static uint64_t ngx_hd_history_mean(const ngx_hd_open_t *open);
static void ngx_hd_history_count_latency(ngx_hd_history_t *h, uint64_t usec);
static ngx_uint_t ngx_hd_history_part(uint64_t usec);
static uint64_t ngx_hd_history_middle(ngx_uint_t part);
static uint32_t ngx_hd_mini_pack(uint64_t n, ngx_uint_t bits);
static uint64_t ngx_hd_mini_unpack(uint32_t mini, ngx_uint_t bits);
static void ngx_hd_history_inc(uint32_t *n);


static const ngx_hd_level_t  ngx_hd_levels[NGX_HD_LEVELS] = {
    { 60000, NGX_HD_MINUTES + 1, offsetof(ngx_hd_history_t, minute) },
    { 3600000, NGX_HD_HOURS + 1, offsetof(ngx_hd_history_t, hour) },
    { 86400000, NGX_HD_DAYS + 1, offsetof(ngx_hd_history_t, day) }
};


const ngx_hd_window_t  ngx_hd_history_windows[NGX_HD_WINDOWS + 1] = {
    { "1h", NGX_HD_MINUTE, 60 },
    { "24h", NGX_HD_HOUR, 24 },
    { "7d", NGX_HD_DAY, 7 },
    { "30d", NGX_HD_DAY, 30 },
    { "90d", NGX_HD_DAY, 90 },
    { NULL, NGX_HD_MINUTE, 0 }
};


void
ngx_hd_history_pass(ngx_hd_history_t *h, ngx_hd_data_t *data, uint64_t now,
    uint64_t limit)
{
    uint64_t    until;
    ngx_uint_t  level;

    if (data->seen == 0) {
        data->seen = now;
        return;
    }

    /* a clock of another boot may be behind */

    if (now <= data->seen) {
        return;
    }

    until = data->seen;

    if (data->state == NGX_HD_STATE_UP || data->state == NGX_HD_STATE_DEGRADED
        || data->state == NGX_HD_STATE_DOWN)
    {
        until += ngx_min(now - data->seen, limit);
    }

    for (level = 0; level < NGX_HD_LEVELS; level++) {
        ngx_hd_history_pass_level(h, data, level, now, until);
    }

    data->seen = now;
}


static void
ngx_hd_history_pass_level(ngx_hd_history_t *h, ngx_hd_data_t *data,
    ngx_uint_t level, uint64_t now, uint64_t until)
{
    uint64_t               n, stop, from;
    ngx_uint_t             down;
    ngx_hd_open_t         *open;
    const ngx_hd_level_t  *l;

    l = &ngx_hd_levels[level];
    open = &data->open[level];
    from = data->seen;
    down = (data->state == NGX_HD_STATE_DOWN);

    for (n = from / l->length; n < now / l->length; n++) {

        /* what would be overwritten before the end is not written */

        if (now / l->length - n > l->places) {
            n = now / l->length - l->places;
            from = ngx_max(from, n * l->length);
            ngx_memzero(open, sizeof(ngx_hd_open_t));
        }

        stop = (n + 1) * l->length;

        if (until > from) {
            ngx_hd_history_add(open, ngx_min(until, stop) - from, down);
        }

        ngx_hd_history_pack(ngx_hd_history_place(h, level, n), open);
        ngx_memzero(open, sizeof(ngx_hd_open_t));

        from = stop;
    }

    if (until > from) {
        ngx_hd_history_add(open, until - from, down);
    }
}


void
ngx_hd_history_forget(ngx_hd_history_t *h, const ngx_hd_data_t *data,
    uint64_t now)
{
    uint64_t               n, last;
    ngx_uint_t             level;
    const ngx_hd_level_t  *l;

    for (level = 0; level < NGX_HD_LEVELS; level++) {
        l = &ngx_hd_levels[level];

        /* the place of the one under way is shown of nothing */

        n = data->seen / l->length + 1;
        last = now / l->length;

        if (last > n + l->places) {
            last = n + l->places;
        }

        for ( /* void */ ; n < last; n++) {
            ngx_memzero(ngx_hd_history_place(h, level, n),
                        sizeof(ngx_hd_bucket_t));
        }
    }
}


static void
ngx_hd_history_add(ngx_hd_open_t *open, uint64_t msec, ngx_uint_t down)
{
    open->known += (uint32_t) msec;

    if (down) {
        open->down += (uint32_t) msec;
    }
}


static ngx_hd_bucket_t *
ngx_hd_history_place(const ngx_hd_history_t *h, ngx_uint_t level, uint64_t n)
{
    const ngx_hd_level_t  *l;

    l = &ngx_hd_levels[level];

    return (ngx_hd_bucket_t *) ((u_char *) h + l->offset) + n % l->places;
}


void
ngx_hd_history_count(ngx_hd_data_t *data, const ngx_hd_result_t *result)
{
    ngx_uint_t      level;
    ngx_hd_open_t  *open;

    if (result->verdict >= NGX_HD_INCONCLUSIVE) {
        return;
    }

    for (level = 0; level < NGX_HD_LEVELS; level++) {
        open = &data->open[level];

        ngx_hd_history_inc(&open->checks);

        if (result->verdict == NGX_HD_FAIL) {
            ngx_hd_history_inc(&open->failures);
            continue;
        }

        if (result->verdict == NGX_HD_WARN) {
            ngx_hd_history_inc(&open->slow);
        }

        open->sum += result->usec;
        open->max = ngx_max(open->max, result->usec);
    }
}


void
ngx_hd_history_keep(ngx_hd_history_t *h, const ngx_hd_data_t *data,
    const ngx_hd_result_t *result)
{
    uint64_t  n, word;

    n = data->checks + data->inconclusive - 1;

    word = data->seen / NGX_HD_PAST_TICK << 24
           | (uint64_t) result->verdict << 22
           | (uint64_t) ngx_hd_mini_pack(result->usec, NGX_HD_MINI_RESULT) << 5
           | (n / NGX_HD_RESULTS) % NGX_HD_PAST_ROUNDS;

    __atomic_store_n(&h->result[n % NGX_HD_RESULTS], word, __ATOMIC_RELAXED);

    if (result->verdict <= NGX_HD_WARN) {
        ngx_hd_history_count_latency(h, result->usec);
    }
}


void
ngx_hd_history_copy(ngx_hd_history_t *dst, ngx_hd_history_t *src)
{
    ngx_hd_words_load(dst, src, sizeof(ngx_hd_history_t) / sizeof(uint64_t));
}


void
ngx_hd_history_span(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_hd_level_e level, ngx_uint_t age, ngx_hd_span_t *span)
{
    uint64_t               n;
    const ngx_hd_level_t  *l;

    ngx_memzero(span, sizeof(ngx_hd_span_t));

    ngx_hd_history_state(h, data, level, age, span);

    l = &ngx_hd_levels[level];
    n = data->seen / l->length;

    if (age >= l->places || age > n) {
        return;
    }

    if (age == 0) {
        ngx_hd_history_open(span, &data->open[level]);

    } else {
        ngx_hd_history_unpack(span, ngx_hd_history_place(h, level, n - age));
    }
}


/* length, known and down of a span */

static void
ngx_hd_history_state(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_uint_t level, ngx_uint_t age, ngx_hd_span_t *span)
{
    uint64_t               n;
    const ngx_hd_level_t  *l;

    l = &ngx_hd_levels[level];
    n = data->seen / l->length;

    span->length = l->length;
    span->known = 0;
    span->down = 0;

    if (age >= l->places || age > n) {
        return;
    }

    if (age == 0) {
        span->length = data->seen % l->length;
        span->known = data->open[level].known;
        span->down = data->open[level].down;

    } else {
        ngx_hd_history_unpack_state(span,
                                    ngx_hd_history_place(h, level, n - age));
    }

    /* numbers that were packed may have grown a little */

    span->known = ngx_min(span->known, span->length);
    span->down = ngx_min(span->down, span->known);
}


void
ngx_hd_history_sum(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_hd_level_e level, ngx_uint_t n, ngx_hd_span_t *sum)
{
    uint64_t       passed, usec;
    ngx_uint_t     age;
    ngx_hd_span_t  span;

    ngx_memzero(sum, sizeof(ngx_hd_span_t));

    usec = 0;

    for (age = 0; age <= n; age++) {
        ngx_hd_history_span(h, data, level, age, &span);

        sum->length += span.length;
        sum->known += span.known;
        sum->down += span.down;
        sum->checks += span.checks;
        sum->failures += span.failures;
        sum->slow += span.slow;
        sum->max = ngx_max(sum->max, span.max);

        usec += span.mean * (span.checks - ngx_min(span.failures,
                                                   span.checks));
    }

    passed = sum->checks - ngx_min(sum->failures, sum->checks);

    sum->mean = passed ? usec / passed : 0;
}


void
ngx_hd_history_sums(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_hd_span_t *sums)
{
    ngx_uint_t              i, age;
    ngx_hd_span_t           span;
    const ngx_hd_window_t  *w;

    w = ngx_hd_history_windows;

    for (i = 0, age = 0; w[i].name; i++) {

        if (i && w[i].level == w[i - 1].level) {
            sums[i] = sums[i - 1];

        } else {
            ngx_memzero(&sums[i], sizeof(ngx_hd_span_t));
            age = 0;
        }

        for ( /* void */ ; age <= w[i].n; age++) {
            ngx_hd_history_state(h, data, w[i].level, age, &span);

            sums[i].length += span.length;
            sums[i].known += span.known;
            sums[i].down += span.down;
        }
    }
}


uint64_t
ngx_hd_history_begin(const ngx_hd_data_t *data, ngx_hd_level_e level,
    ngx_uint_t age)
{
    uint64_t  n, length;

    length = ngx_hd_levels[level].length;
    n = data->seen / length;

    return (n - ngx_min(age, n)) * length;
}


ngx_int_t
ngx_hd_history_available(const ngx_hd_span_t *span)
{
    if (span->known == 0) {
        return -1;
    }

    return (ngx_int_t) ((span->known - span->down) * 1000000 / span->known);
}


ngx_int_t
ngx_hd_history_result(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_uint_t i, ngx_hd_past_t *past)
{
    uint64_t  n, word;

    n = data->checks + data->inconclusive;

    if (i >= NGX_HD_RESULTS || i >= n) {
        return NGX_DECLINED;
    }

    n -= i + 1;
    word = h->result[n % NGX_HD_RESULTS];

    /* of an earlier round: this one was lost, or of a later one: too late */

    if (word % NGX_HD_PAST_ROUNDS != n / NGX_HD_RESULTS % NGX_HD_PAST_ROUNDS
        || word == 0)
    {
        return NGX_DECLINED;
    }

    past->time = (word >> 24) * NGX_HD_PAST_TICK;
    past->verdict = (word >> 22) & 3;
    past->usec = (uint32_t) ngx_hd_mini_unpack((word >> 5) & 0x1ffff,
                                               NGX_HD_MINI_RESULT);

    return NGX_OK;
}


uint64_t
ngx_hd_history_latency(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_uint_t permille)
{
    uint64_t    usec;
    ngx_uint_t  i, n, want;

    for (n = 0, i = 0; i < NGX_HD_LATENCIES; i++) {
        n += h->latency[i];
    }

    if (n == 0) {
        return 0;
    }

    want = (n * permille + 999) / 1000;

    for (n = 0, i = 0; i < NGX_HD_LATENCIES && n < want; i++) {
        n += h->latency[i];
    }

    usec = i ? ngx_hd_history_middle(i - 1) : 0;

    /* the last part has no end */

    if (i == NGX_HD_LATENCIES || usec > data->usec_max) {
        usec = data->usec_max;
    }

    return usec;
}


/* 14 bits each of known, failures, down, slow, checks; 13 of mean and max */

static void
ngx_hd_history_pack(ngx_hd_bucket_t *b, const ngx_hd_open_t *open)
{
    uint32_t  max;

    max = ngx_hd_mini_pack(open->max, NGX_HD_MINI_LATENCY);

    b->word[0] = ngx_hd_mini_pack(open->known, NGX_HD_MINI_COUNT)
                 | ngx_hd_mini_pack(open->failures, NGX_HD_MINI_COUNT) << 14
                 | (max & 0x0f) << 28;

    b->word[1] = ngx_hd_mini_pack(open->down, NGX_HD_MINI_COUNT)
                 | ngx_hd_mini_pack(open->slow, NGX_HD_MINI_COUNT) << 14
                 | ((max >> 4) & 0x0f) << 28;

    b->word[2] = ngx_hd_mini_pack(open->checks, NGX_HD_MINI_COUNT)
                 | ngx_hd_mini_pack(ngx_hd_history_mean(open),
                                    NGX_HD_MINI_LATENCY) << 14
                 | (max >> 8) << 27;
}


static void
ngx_hd_history_unpack_state(ngx_hd_span_t *span, const ngx_hd_bucket_t *b)
{
    span->known = ngx_hd_mini_unpack(b->word[0] & 0x3fff, NGX_HD_MINI_COUNT);
    span->down = ngx_hd_mini_unpack(b->word[1] & 0x3fff, NGX_HD_MINI_COUNT);
}


static void
ngx_hd_history_unpack(ngx_hd_span_t *span, const ngx_hd_bucket_t *b)
{
    uint32_t  max;

    max = b->word[0] >> 28 | (b->word[1] >> 28) << 4 | (b->word[2] >> 27) << 8;

    span->checks = ngx_hd_mini_unpack(b->word[2] & 0x3fff, NGX_HD_MINI_COUNT);
    span->failures = ngx_hd_mini_unpack((b->word[0] >> 14) & 0x3fff,
                                        NGX_HD_MINI_COUNT);
    span->slow = ngx_hd_mini_unpack((b->word[1] >> 14) & 0x3fff,
                                    NGX_HD_MINI_COUNT);
    span->mean = ngx_hd_mini_unpack((b->word[2] >> 14) & 0x1fff,
                                    NGX_HD_MINI_LATENCY);
    span->max = ngx_hd_mini_unpack(max, NGX_HD_MINI_LATENCY);
}


static void
ngx_hd_history_open(ngx_hd_span_t *span, const ngx_hd_open_t *open)
{
    span->checks = open->checks;
    span->failures = open->failures;
    span->slow = open->slow;
    span->mean = ngx_hd_history_mean(open);
    span->max = open->max;
}


static uint64_t
ngx_hd_history_mean(const ngx_hd_open_t *open)
{
    return (open->checks > open->failures)
           ? open->sum / (open->checks - open->failures) : 0;
}


/* halved now and then, so that what is long ago counts ever less */

static void
ngx_hd_history_count_latency(ngx_hd_history_t *h, uint64_t usec)
{
    uint16_t    n;
    ngx_uint_t  i, total;

    i = ngx_hd_history_part(usec);
    n = (uint16_t) ngx_min(h->latency[i] + 1, 65535);

    __atomic_store_n(&h->latency[i], n, __ATOMIC_RELAXED);

    for (total = 0, i = 0; i < NGX_HD_LATENCIES; i++) {
        total += h->latency[i];
    }

    if (total < NGX_HD_LATENCY_MANY) {
        return;
    }

    for (i = 0; i < NGX_HD_LATENCIES; i++) {
        n = h->latency[i] / 2;
        __atomic_store_n(&h->latency[i], n, __ATOMIC_RELAXED);
    }
}


/* which of the equal parts of an octave */

static ngx_uint_t
ngx_hd_history_part(uint64_t usec)
{
    ngx_uint_t  octave;

    if (usec < 1 << NGX_HD_LATENCY_FIRST) {
        return 0;
    }

    octave = 63 - __builtin_clzll(usec);

    if (octave >= NGX_HD_LATENCY_FIRST + NGX_HD_LATENCY_OCTAVES) {
        return NGX_HD_LATENCIES - 1;
    }

    return (octave - NGX_HD_LATENCY_FIRST) * NGX_HD_LATENCY_PARTS
           + (((usec - (1ULL << octave)) * NGX_HD_LATENCY_PARTS) >> octave);
}


static uint64_t
ngx_hd_history_middle(ngx_uint_t part)
{
    uint64_t    octave;
    ngx_uint_t  i;

    octave = 1ULL << (NGX_HD_LATENCY_FIRST + part / NGX_HD_LATENCY_PARTS);
    i = part % NGX_HD_LATENCY_PARTS;

    return octave + octave * (2 * i + 1) / (2 * NGX_HD_LATENCY_PARTS);
}


/* rounded to nearest; what is too large becomes the largest */

static uint32_t
ngx_hd_mini_pack(uint64_t n, ngx_uint_t bits)
{
    uint64_t    one;
    ngx_uint_t  exponent, shift;

    one = 1ULL << bits;

    if (n < one) {
        return (uint32_t) n;
    }

    exponent = 64 - __builtin_clzll(n) - bits;
    shift = exponent - 1;

    n = (n >> shift) + (shift ? (n >> (shift - 1)) & 1 : 0);

    if (n == 2 * one) {
        n = one;
        exponent++;
    }

    if (exponent >= 1 << NGX_HD_MINI_EXPONENT) {
        return (uint32_t) ((one << NGX_HD_MINI_EXPONENT) - 1);
    }

    return (uint32_t) ((exponent << bits) | (n - one));
}


static uint64_t
ngx_hd_mini_unpack(uint32_t mini, ngx_uint_t bits)
{
    uint64_t    n;
    ngx_uint_t  exponent;

    exponent = mini >> bits;
    n = mini & ((1U << bits) - 1);

    return exponent ? (n + (1ULL << bits)) << (exponent - 1) : n;
}


static void
ngx_hd_history_inc(uint32_t *n)
{
    if (*n != UINT32_MAX) {
        (*n)++;
    }
}


/*
 * healthdash: how fast probes begin.  Pure arithmetic on words of the zone, or
 * of one worker; a process that dies in here leaves at most one turn unused.
 * Called by the scheduler, and by the picture for what is shown.
 */


#include <ngx_hd_pace.h>
#include <ngx_hd_word.h>


#define NGX_HD_PACE_CREDIT     30000   /* usec of turns that may be made up */

/* a second and what belongs to it in one word, so that both change at once */

#define ngx_hd_pace_second(word)   ((word) >> 32)
#define ngx_hd_pace_number(word)   ((word) & 0xffffffff)


static void ngx_hd_pace_add(uint64_t *words, uint64_t second, uint64_t n);
static void ngx_hd_pace_max(uint64_t *words, uint64_t second, uint64_t n);


uint64_t
ngx_hd_pace_take(uint64_t *word, ngx_uint_t rate, uint64_t now)
{
    uint64_t  last, turn, least;

    now *= 1000;
    least = (now > NGX_HD_PACE_CREDIT) ? now - NGX_HD_PACE_CREDIT : 0;

    last = ngx_hd_load(word);

    do {
        turn = ngx_max(last, least);
    } while (!ngx_hd_cas(word, &last, turn + ngx_max(1000000 / rate, 1)));

    return turn;
}


void
ngx_hd_pace_begun(ngx_hd_pace_t *pace, uint64_t now, ngx_msec_t late)
{
    ngx_hd_pace_add(pace->done, now / 1000, 1);
    ngx_hd_pace_max(pace->late, now / 1000, late);
}


void
ngx_hd_pace_lagged(ngx_hd_pace_t *pace, uint64_t now, ngx_msec_t lag)
{
    ngx_hd_pace_max(pace->lag, now / 1000, lag);
}


static void
ngx_hd_pace_add(uint64_t *words, uint64_t second, uint64_t n)
{
    uint64_t  old, next, *word;

    word = &words[second % NGX_HD_PACE_SECONDS];
    old = ngx_hd_load(word);

    do {
        if ((uint32_t) second == ngx_hd_pace_second(old)) {
            next = ngx_min(ngx_hd_pace_number(old) + n, NGX_MAX_UINT32_VALUE);

        } else {
            next = n;
        }

    } while (!ngx_hd_cas(word, &old, second << 32 | next));
}


static void
ngx_hd_pace_max(uint64_t *words, uint64_t second, uint64_t n)
{
    uint64_t  old, *word;

    word = &words[second % NGX_HD_PACE_SECONDS];
    old = ngx_hd_load(word);
    n = ngx_min(n, NGX_MAX_UINT32_VALUE);

    do {
        if ((uint32_t) second == ngx_hd_pace_second(old)
            && n <= ngx_hd_pace_number(old))
        {
            return;
        }

    } while (!ngx_hd_cas(word, &old, second << 32 | n));
}


void
ngx_hd_pace_past(ngx_hd_pace_t *pace, uint64_t now, ngx_hd_pace_past_t *past)
{
    uint64_t    second, word;
    ngx_uint_t  i, k;

    ngx_memzero(past, sizeof(ngx_hd_pace_past_t));

    for (i = 1; i <= NGX_HD_PACE_WINDOW; i++) {
        second = now / 1000 - i;
        k = second % NGX_HD_PACE_SECONDS;

        word = ngx_hd_load(&pace->done[k]);

        if (ngx_hd_pace_second(word) == (uint32_t) second) {
            past->done += ngx_hd_pace_number(word);
        }

        word = ngx_hd_load(&pace->late[k]);

        if (ngx_hd_pace_second(word) == (uint32_t) second) {
            past->late = ngx_max(past->late, ngx_hd_pace_number(word));
        }

        word = ngx_hd_load(&pace->lag[k]);

        if (ngx_hd_pace_second(word) == (uint32_t) second) {
            past->lag = ngx_max(past->lag, ngx_hd_pace_number(word));
        }
    }
}


/* multiples of the golden ratio: each falls into the widest gap so far */

uint64_t
ngx_hd_pace_spread(uint64_t n, uint64_t span)
{
    return ((n * 0x9e3779b97f4a7c15ULL) >> 32) * span >> 32;
}


/*
 * Unit test of ngx_hd_pace.c and of the order in ngx_hd_queue.c.
 */


#include "tap.h"
#include "../../ngx_http_healthdash_module/ngx_hd_pace.c"
#include "../../ngx_http_healthdash_module/ngx_hd_index.c"
#include "../../ngx_http_healthdash_module/ngx_hd_queue.c"


/* nginx's timers are not asked here, nor */

ngx_rbtree_t         ngx_event_timer_rbtree;
volatile ngx_msec_t  ngx_current_msec;

void ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node) { }
void ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node) { }
void ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...) { }


/* which address is whose */

void ngx_md5_init(ngx_md5_t *ctx) { }
void ngx_md5_update(ngx_md5_t *ctx, const void *data, size_t size) { }
void ngx_md5_final(u_char result[16], ngx_md5_t *ctx) { }


static void
test_take(void)
{
    uint64_t    word, turn, last, now;
    ngx_uint_t  n, most, i;

    /* one a millisecond, asked for all the time */

    word = 0;
    last = 0;
    n = 0;

    for (now = 5000; now < 6000; now++) {

        while (word <= now * 1000) {
            turn = ngx_hd_pace_take(&word, 1000, now);

            check(turn <= now * 1000, "no turn before its time");
            check(n == 0 || turn - last == 1000, "turns are even");

            last = turn;
            n++;
        }
    }

    checked("turns one after the other");
    is_num(n, 1000 + 30, "as many as the rate, and what may be made up");

    /* one that was away: what it missed is not given at once */

    word = 0;
    (void) ngx_hd_pace_take(&word, 500, 1000);

    for (n = 0; ngx_hd_pace_take(&word, 500, 60000) <= 60000000; n++) {
        /* void */
    }

    is_num(n, 16, "30 ms of turns after a minute");

    /* a slow rate */

    word = 0;
    (void) ngx_hd_pace_take(&word, 1, 100000);
    turn = ngx_hd_pace_take(&word, 1, 100000);
    is_num(turn, 100970000, "the second of one a second comes in one second");

    word = 0;
    is_num(ngx_hd_pace_take(&word, 1, 0), 0, "at the start of time");

    /* bursts: never more than rate * 130 ms in 100 ms, whoever asks when */

    word = 0;
    most = 0;

    for (now = 1000; now < 30000; now += 100) {
        n = 0;

        for (i = 0; i < 100; i += 1 + (now / 100) % 7) {

            while (word <= (now + i) * 1000) {
                (void) ngx_hd_pace_take(&word, 300, now + i);
                n++;
            }
        }

        most = ngx_max(most, n);
    }

    ok(most <= 40, "no burst: %lu of 30", (unsigned long) most);
}


static void
test_past(void)
{
    ngx_hd_pace_t       pace;
    ngx_hd_pace_past_t  past;

    memset(&pace, 0, sizeof(pace));

    ngx_hd_pace_past(&pace, 100, &past);
    is_num(past.done, 0, "nothing was done");

    ngx_hd_pace_begun(&pace, 20500, 7);
    ngx_hd_pace_begun(&pace, 20900, 3);
    ngx_hd_pace_begun(&pace, 21100, 0);
    ngx_hd_pace_lagged(&pace, 21100, 250);

    ngx_hd_pace_past(&pace, 20999, &past);
    is_num(past.done, 0, "a second counts when it is over");

    ngx_hd_pace_past(&pace, 22000, &past);
    is_num(past.done, 3, "then all of it");
    is_num(past.late, 7, "with the latest");
    is_num(past.lag, 250, "and how late the loop was");

    ngx_hd_pace_past(&pace, 30999, &past);
    is_num(past.done, 3, "for ten seconds");

    ngx_hd_pace_past(&pace, 31000, &past);
    is_num(past.done, 1, "one leaves after the other");

    ngx_hd_pace_begun(&pace, 36500, 1);
    ngx_hd_pace_past(&pace, 37000, &past);
    is_num(past.done, 1, "a place that is used again begins at zero");
    is_num(past.late, 1, "its latest, too");

    ngx_hd_pace_begun(&pace, 36600, UINT64_MAX);
    ngx_hd_pace_past(&pace, 37000, &past);
    is_num(past.late, NGX_MAX_UINT32_VALUE, "no number spills over");
}


static void
test_spread(void)
{
    unsigned    bin[50];
    ngx_uint_t  i, n, step, most;

    for (step = 1; step <= 16; step++) {
        memset(bin, 0, sizeof(bin));

        for (n = 0; n < 1000; n++) {
            i = ngx_hd_pace_spread(n * step, 5000);
            check(i < 5000, "below the span");
            bin[i / 100]++;
        }

        for (most = 0, i = 0; i < 50; i++) {
            most = ngx_max(most, bin[i]);
        }

        check(most <= 30, "step %lu: at most %lu in a bin of 20",
              (unsigned long) step, (unsigned long) most);
    }

    checked("numbers are spread, by 1 to 16 workers");
    is_num(ngx_hd_pace_spread(12345, 1), 0, "a span of one");
}


/* the order of a queue, as letters: "u" urgent, "c" calm */

static char *
order(ngx_hd_queue_t *q)
{
    static char     text[64];
    size_t          n;
    ngx_hd_wait_t  *wait;

    for (n = 0; n < sizeof(text) - 1; n++) {
        wait = ngx_hd_queue_next(q);

        if (wait == NULL) {
            break;
        }

        text[n] = wait->urgent ? 'u' : 'c';
    }

    text[n] = '\0';

    return text;
}


static void
fill(ngx_hd_queue_t *q, ngx_hd_wait_t *wait, ngx_uint_t n, ngx_uint_t urgent,
    ngx_hd_address_t *address)
{
    ngx_uint_t  i;

    memset(wait, 0, n * sizeof(ngx_hd_wait_t));

    for (i = 0; i < n; i++) {
        wait[i].urgent = urgent;
        wait[i].connections = 1;
        wait[i].address = address;
        ngx_hd_queue_put(q, &wait[i]);
    }
}


static void
test_queue(void)
{
    ngx_hd_wait_t     u[16], c[16], *wait;
    ngx_hd_queue_t    q;
    ngx_hd_address_t  a;

    memset(&q, 0, sizeof(q));
    memset(&a, 0, sizeof(a));

    ngx_queue_init(&q.urgent);
    ngx_queue_init(&q.calm);
    ngx_queue_init(&a.waiting);

    q.most = 4;
    q.most_connections = 6;
    q.most_address = 2;

    ok(ngx_hd_queue_is_empty(&q), "empty");
    ok(ngx_hd_queue_next(&q) == NULL, "nobody's turn");

    fill(&q, u, 7, 1, NULL);
    fill(&q, c, 4, 0, NULL);
    is_str(order(&q), "uuucuuucucc", "one turn of four is for the calm");

    fill(&q, u, 2, 1, NULL);
    is_str(order(&q), "uu", "the urgent alone");

    fill(&q, c, 2, 0, NULL);
    is_str(order(&q), "cc", "the calm alone");

    /* probes under way */

    fill(&q, c, 6, 0, NULL);

    while ((wait = ngx_hd_queue_next(&q)) != NULL) {
        ngx_hd_queue_enter(&q, wait);
    }

    is_num(q.running, 4, "no more than may be under way");
    ngx_hd_queue_leave(&q, &c[0]);
    ok(ngx_hd_queue_next(&q) == &c[4], "one ends, one begins");
    ngx_hd_queue_enter(&q, &c[4]);
    ok(ngx_hd_queue_next(&q) == NULL, "and no more");

    while (q.running) {
        ngx_hd_queue_leave(&q, &c[0]);
    }

    ok(ngx_hd_queue_next(&q) == &c[5], "the last");

    /* connections */

    fill(&q, c, 3, 0, NULL);
    c[0].connections = c[1].connections = c[2].connections = 3;

    while ((wait = ngx_hd_queue_next(&q)) != NULL) {
        ngx_hd_queue_enter(&q, wait);
    }

    is_num(q.running, 2, "connections are counted, not only probes");
    is_num(q.connections, 6, "all of them");
    ngx_hd_queue_leave(&q, &c[0]);
    ngx_hd_queue_leave(&q, &c[1]);
    ok(ngx_hd_queue_next(&q) == &c[2], "the last");

    /* one address does not hold up another */

    fill(&q, u, 3, 1, &a);
    fill(&q, c, 1, 0, NULL);

    while ((wait = ngx_hd_queue_next(&q)) != NULL) {
        ngx_hd_queue_enter(&q, wait);
    }

    is_num(a.running, 2, "no more than an address may have");
    is_num(q.running, 3, "others go on");
    ok(ngx_hd_queue_is_empty(&q) && u[2].queued, "one waits aside");
    ngx_hd_queue_leave(&q, &u[0]);
    ok(ngx_hd_queue_next(&q) == &u[2], "until one of its address has ended");
}


/* turns of a queue: a probe that does not begin leaves its turn to the next */

static ngx_hd_queue_t  pumped;
static ngx_uint_t      calls, begins;


static void
handler(ngx_hd_wait_t *wait)
{
    calls++;

    if (begins) {
        begins--;
        ngx_hd_queue_enter(&pumped, wait);
    }
}


static void
test_pump(void)
{
    ngx_log_t            log;
    ngx_hd_zone_t       *zone;
    ngx_hd_wait_t        c[64];
    ngx_hd_main_conf_t   hmcf;

    zone = calloc(1, sizeof(ngx_hd_zone_t));
    memset(&hmcf, 0, sizeof(hmcf));
    memset(&pumped, 0, sizeof(pumped));

    ngx_queue_init(&pumped.urgent);
    ngx_queue_init(&pumped.calm);

    hmcf.zone = zone;
    hmcf.workers = 2;
    memset(&log, 0, sizeof(log));
    pumped.timer.log = &log;
    pumped.main = &hmcf;
    pumped.handler = handler;
    pumped.most = 1000;
    pumped.most_connections = 1000;
    ngx_current_msec = 100000;

    ngx_hd_queue_set_rate(&pumped, 0);
    is_num(pumped.rate, 140, "the least, a share of each worker");
    ngx_hd_queue_set_rate(&pumped, 1000 * 1000000ULL);
    is_num(pumped.rate, 1300, "a third more than is needed");

    fill(&pumped, c, 64, 0, NULL);
    begins = 1000;
    ngx_hd_queue_pump(&pumped);
    is_num(calls, 40, "30 ms of turns at once");
    ok(pumped.timer.timer_set, "then a timer for the next");

    ngx_current_msec += 1;
    ngx_hd_queue_pump(&pumped);
    is_num(calls, 41, "one more a millisecond later");

    begins = 0;
    calls = 0;
    ngx_current_msec += 1;
    ngx_hd_queue_pump(&pumped);
    is_num(calls, 23, "who does not begin takes no turn");

    /* a turn of the zone and one of its own */

    ngx_current_msec += 1000;
    hmcf.rate = 100;
    begins = 1000;
    calls = 0;
    pumped.turn = 0;
    fill(&pumped, c, 64, 0, NULL);
    ngx_hd_queue_pump(&pumped);
    is_num(calls, 4, "the less of both");

    free(zone);
}


int
main(void)
{
    test_take();
    test_past();
    test_spread();
    test_queue();
    test_pump();

    return done();
}

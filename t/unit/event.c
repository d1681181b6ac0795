
/* Unit test of ngx_hd_event.c and ngx_hd_news.c. */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_event.c"
#include "../../ngx_http_healthdash_module/ngx_hd_news.c"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>


#define TARGETS  300
#define ROUNDS   200
#define READS    500
#define WRITERS  3
#define ONCE     20000


volatile ngx_msec_t  ngx_current_msec = 5000;

static ngx_hd_zone_t  *zone;


static ngx_hd_zone_t *
map(void)
{
    ngx_hd_zone_t  *z;

    z = mmap(NULL, sizeof(ngx_hd_zone_t), PROT_READ|PROT_WRITE,
             MAP_ANON|MAP_SHARED, -1, 0);

    z->clock = 1000;

    return z;
}


/* an event that can be told to be whole */

static uint64_t
add(u_char n)
{
    u_char          text[NGX_HD_EVENT_TEXT];
    ngx_str_t       name;
    ngx_hd_event_t  e;

    ngx_memzero(&e, sizeof(ngx_hd_event_t));
    memset(text, n, sizeof(text));

    name.data = text;
    name.len = 70;

    e.kind = NGX_HD_EVENT_STATE;
    e.value = n;

    ngx_hd_event_name(&e, text, &name, &name);
    ngx_hd_event_text(&e, text, sizeof(text));

    return ngx_hd_event_add(zone, &e, 500, 600);
}


static int
is_whole(const ngx_hd_event_t *e)
{
    size_t  i;

    for (i = 0; i < NGX_HD_EVENT_TEXT; i++) {
        if (e->text[i] != (u_char) e->value) {
            return 0;
        }
    }

    return 1;
}


static void
test_ring(void)
{
    uint64_t        i;
    ngx_hd_event_t  e;

    zone = map();

    is_num(ngx_hd_event_last(zone), 0, "no event yet");
    is_num(ngx_hd_event_read(zone, 0, &e), NGX_DECLINED, "none with number 0");
    is_num(ngx_hd_event_read(zone, 1, &e), NGX_DECLINED, "nor 1");

    is_num(add(7), 1, "the first has number 1");
    is_num(ngx_hd_event_read(zone, 1, &e), NGX_OK, "and is there");
    ok(e.clock == 1500 && e.time == 600 && e.value == 7, "with its times");
    ok(e.upstream_len == NGX_HD_EVENT_UPSTREAM && e.name_len == 70,
       "names are cut");

    for (i = 2; i <= 3 * NGX_HD_EVENTS; i++) {
        check(add((u_char) i) == i, "number %lu", (unsigned long) i);
    }

    for (i = 1; i <= 3 * NGX_HD_EVENTS + 1; i++) {
        check((ngx_hd_event_read(zone, i, &e) == NGX_OK)
              == (i > 2 * NGX_HD_EVENTS && i <= 3 * NGX_HD_EVENTS),
              "event %lu", (unsigned long) i);
    }

    checked("numbers only grow, and the last 1024 are kept");

    i = 3 * NGX_HD_EVENTS;
    zone->event[(i - 1) % NGX_HD_EVENTS].text[5]++;
    is_num(ngx_hd_event_read(zone, i, &e), NGX_DECLINED,
           "one that is spoilt is left out");
    is_num(ngx_hd_event_read(zone, i - 1, &e), NGX_OK, "the others are not");
}


static pid_t
writer(u_char n)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        for ( ;; ) {
            n = n < 250 ? n + 2 : n % 2;
            add(n);
        }
    }

    return pid;
}


static void
test_torn(void)
{
    int             status;
    pid_t           pid[2];
    uint64_t        last;
    ngx_uint_t      i, good;
    ngx_hd_event_t  e;

    zone = map();
    good = 0;

    pid[0] = writer(0);
    pid[1] = writer(1);

    /* a busy machine may give the writers no time for long */

    for (i = 0;
         i < ROUNDS * READS
         || (good <= ROUNDS * READS / 20 && i < 200 * ROUNDS * READS);
         i++)
    {
        if (i % READS == 0) {
            kill(pid[i / READS % 2], SIGSTOP);
            kill(pid[(i / READS + 1) % 2], SIGCONT);
        }

        last = ngx_hd_event_last(zone);

        if (ngx_hd_event_read(zone, last - i % 200, &e) == NGX_OK) {
            good++;
            check(is_whole(&e), "event %lu", (unsigned long) i);
        }
    }

    for (i = 0; i < 2; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], &status, 0);
    }

    checked("no reader ever saw a torn event");
    ok(good > ROUNDS * READS / 20, "and many saw one");

    last = add(77);
    is_num(ngx_hd_event_read(zone, last, &e), NGX_OK,
           "after both were killed the ring goes on");
}


/* a writer is stopped between its number and its event, as in a debugger */

static void
test_late(void)
{
    uint64_t        number;
    ngx_hd_event_t  late, e;

    zone = map();
    add(1);

    ngx_memzero(&late, sizeof(ngx_hd_event_t));
    late.number = __atomic_add_fetch(&zone->nevents, 1, __ATOMIC_ACQ_REL);
    late.sum = ngx_hd_event_sum(&late);

    add(3);

    /* a viewer is told up to 3, and asks for what comes after it */

    ngx_hd_event_settle(zone, 0, ngx_hd_event_last(zone));

    is_num(ngx_hd_event_read(zone, 2, &e), NGX_DECLINED, "2 is not there");
    ok(ngx_hd_event_read(zone, 1, &e) == NGX_OK
       && ngx_hd_event_read(zone, 3, &e) == NGX_OK, "the others are");

    is_num(ngx_hd_event_put(zone, &late), NGX_DECLINED,
           "who comes too late is told so");
    is_num(ngx_hd_event_read(zone, 2, &e), NGX_DECLINED, "and not read");

    number = add(2);

    is_num(number, 4, "it takes the next number");
    is_num(ngx_hd_event_read(zone, 4, &e), NGX_OK, "and is there");

    /* nobody has looked meanwhile */

    late.number = __atomic_add_fetch(&zone->nevents, 1, __ATOMIC_ACQ_REL);
    late.sum = ngx_hd_event_sum(&late);
    add(6);

    is_num(ngx_hd_event_put(zone, &late), NGX_OK, "late, but not too late");

    ngx_hd_event_settle(zone, 4, ngx_hd_event_last(zone));

    ok(ngx_hd_event_read(zone, 5, &e) == NGX_OK
       && ngx_hd_event_read(zone, 6, &e) == NGX_OK, "so nothing is given up");

    /* the ring has gone on */

    late.number = 5;

    while (add(9) < 5 + NGX_HD_EVENTS) { /* void */ }

    is_num(ngx_hd_event_put(zone, &late), NGX_DECLINED,
           "a later event is not written over");
    is_num(ngx_hd_event_read(zone, 5 + NGX_HD_EVENTS, &e), NGX_OK,
           "and stays");
}


/*
 * How many events there may be yet: neither the viewer is to be lapped, nor a
 * writer, which would write over what another has written meanwhile.
 */

static uint64_t
room(const uint64_t *told, const uint64_t *begun)
{
    uint64_t    least;
    ngx_uint_t  w;

    least = ngx_hd_load(told);

    for (w = 0; w < WRITERS; w++) {
        least = ngx_min(least, ngx_hd_load(&begun[w]));
    }

    return least + NGX_HD_EVENTS / 2;
}


/* writers that are stopped anywhere, and a viewer that comes again and again */

static void
test_once(void)
{
    int               status;
    pid_t             pid[WRITERS];
    uint64_t          known, last, *told, *begun;
    ngx_uint_t        i, n, w, twice, rounds;
    ngx_hd_event_t    e;
    static u_char     seen[WRITERS][ONCE];

    zone = map();
    told = mmap(NULL, (1 + WRITERS) * sizeof(uint64_t), PROT_READ|PROT_WRITE,
                MAP_ANON|MAP_SHARED, -1, 0);
    begun = told + 1;

    for (w = 0; w < WRITERS; w++) {
        begun[w] = UINT64_MAX;
    }

    for (w = 0; w < WRITERS; w++) {
        pid[w] = fork();

        if (pid[w] == 0) {
            for (n = 0; n < ONCE; n++) {

                while (ngx_hd_event_last(zone) > room(told, begun)) {
                    usleep(10);
                }

                ngx_hd_set(&begun[w], ngx_hd_event_last(zone));

                ngx_memzero(&e, sizeof(ngx_hd_event_t));
                e.value = w * ONCE + n;
                (void) ngx_hd_event_add(zone, &e, 500, 600);

                ngx_hd_set(&begun[w], UINT64_MAX);
            }

            _exit(0);
        }
    }

    known = 0;
    twice = 0;
    n = 0;

    for (rounds = 0; n < WRITERS * ONCE && rounds < 20000000; rounds++) {
        kill(pid[rounds % WRITERS], (rounds / WRITERS % 2) ? SIGCONT
                                                           : SIGSTOP);

        last = ngx_hd_event_last(zone);
        ngx_hd_event_settle(zone, known, last);

        while (known < last) {

            if (ngx_hd_event_read(zone, ++known, &e) == NGX_OK) {
                i = seen[e.value / ONCE][e.value % ONCE]++;
                twice += (i != 0);
                n += (i == 0);
            }
        }

        ngx_hd_set(told, known);

        if (waitpid(-1, &status, WNOHANG) < 0
            && known == ngx_hd_event_last(zone))
        {
            break;
        }
    }

    for (w = 0; w < WRITERS; w++) {
        kill(pid[w], SIGKILL);
        waitpid(pid[w], &status, 0);
    }

    is_num(n, WRITERS * ONCE, "no event is lost");
    is_num(twice, 0, "and none comes twice");
}


static void
test_import(void)
{
    ngx_hd_zone_t   *old;
    ngx_hd_event_t   e;

    zone = map();
    add(1);
    add(2);

    old = zone;
    zone = map();
    ngx_hd_event_import(zone, old);

    is_num(add(3), 3, "another zone goes on with the numbers");
    ok(ngx_hd_event_read(zone, 2, &e) == NGX_OK && e.value == 2,
       "and has the events before");
}


typedef struct {
    ngx_hd_main_conf_t   main;
    ngx_hd_upstream_t    upstream;
    ngx_hd_target_t      target[TARGETS];
    ngx_hd_target_t     *list[TARGETS];
} conf_t;


/* targets from to; the first one of each ten is a service */

static void
conf(conf_t *c, ngx_uint_t from, ngx_uint_t to)
{
    ngx_uint_t        i;
    ngx_hd_target_t  *t;

    ngx_memzero(c, sizeof(conf_t));
    ngx_str_set(&c->upstream.name, "app");

    c->main.zone = zone;
    c->main.generation = 9;
    c->main.targets.elts = c->list;
    c->main.targets.nelts = to - from;

    for (i = from; i < to; i++) {
        t = &c->target[i - from];
        c->list[i - from] = t;

        t->id[0] = (u_char) (i * 37);
        t->id[1] = (u_char) (i >> 8);
        t->name.data = t->id;
        t->name.len = 1;

        if (i % 10) {
            t->upstream = &c->upstream;
        }
    }
}


static void
is_news(const char *want, const char *name)
{
    char            *p, text[NGX_HD_EVENT_TEXT + 100];
    uint64_t         i;
    ngx_uint_t       count[NGX_HD_EVENT_KINDS];
    ngx_hd_event_t   e;

    ngx_memzero(count, sizeof(count));

    for (i = 1; ngx_hd_event_read(zone, i, &e) == NGX_OK; i++) {
        count[e.kind]++;
    }

    (void) ngx_hd_event_read(zone, i - 1, &e);

    p = text + sprintf(text, "+%lu -%lu ",
                       (unsigned long) count[NGX_HD_EVENT_ADDED],
                       (unsigned long) count[NGX_HD_EVENT_REMOVED]);

    memcpy(p, e.text, e.text_len);
    p[e.text_len] = '\0';

    is_str(text, want, "%s", name);
}


static void
test_news(void)
{
    ngx_log_t       log;
    ngx_pool_t     *pool;
    ngx_hd_event_t  e;
    static conf_t   a, b;

    ngx_memzero(&log, sizeof(ngx_log_t));
    pool = ngx_create_pool(4096, &log);

    zone = map();
    conf(&a, 0, 30);
    ngx_hd_news_loaded(NULL, &a.main, 1, pool);
    is_news("+0 -0 30 targets", "a start adds nothing");

    (void) ngx_hd_event_read(zone, 1, &e);
    ok(e.kind == NGX_HD_EVENT_LOADED && e.value == 9 && e.name_len == 0,
       "and is an event of its own");

    zone = map();
    conf(&b, 2, 33);
    ngx_hd_news_loaded(&a.main, &b.main, 1, pool);
    is_news("+3 -2 31 targets, 3 added, 2 removed", "a reload");

    (void) ngx_hd_event_read(zone, 1, &e);
    is_num(e.kind, NGX_HD_EVENT_REMOVED, "what is gone comes first");

    zone = map();
    conf(&b, 0, 30);
    ngx_hd_news_loaded(&a.main, &b.main, 1, pool);
    is_news("+0 -0 30 targets", "a reload that changes nothing");

    zone = map();
    conf(&b, 0, 1);
    ngx_hd_news_loaded(&a.main, &b.main, 1, NULL);
    is_news("+0 -0 1 target", "no memory");

    zone = map();
    conf(&a, 0, 1);
    conf(&b, 0, 300);
    ngx_hd_news_loaded(&a.main, &b.main, 1, pool);
    is_news("+100 -0 300 targets, 299 added", "very many are not all told");

    zone = map();
    conf(&b, 0, 0);
    ngx_hd_news_loaded(&a.main, &b.main, 1, pool);
    is_news("+0 -1 0 targets, 1 removed", "none is left");

    ngx_destroy_pool(pool);
}


int
main(void)
{
    test_ring();
    test_torn();
    test_late();
    test_once();
    test_import();
    test_news();

    return done();
}

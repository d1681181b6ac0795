
/*
 * Unit test of ngx_hd_store.c and ngx_hd_zone.c: sizes, inheritance over
 * reloads, leases, and writers that are stopped in the middle of a publication
 * and go on later.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_store.c"
#include "../../ngx_http_healthdash_module/ngx_hd_zone.c"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>


#define TARGETS  40
#define ROUNDS   200     /* in which one writer sleeps */
#define KILLS    10      /* rounds after which one is killed */
#define READS    2000    /* in each of them */
#define FOREVER  1000000


/* what the unit needs of nginx beside the common stand-ins */

ngx_uint_t             ngx_pagesize = 4096;
ngx_uint_t             ngx_pagesize_shift = 12;
ngx_uint_t             ngx_worker;
ngx_pid_t              ngx_pid = 100;
ngx_uint_t             ngx_test_config;
volatile ngx_msec_t    ngx_current_msec = 5000;

static ngx_time_t      now = { 1700000000, 0, 0 };
static ngx_log_t       silent;
static int             tag;

static const ngx_hd_probe_type_t  asked;


/* one configuration with its zone, as the master sees it */

typedef struct {
    ngx_cycle_t          cycle;
    ngx_shm_zone_t       shm;
    ngx_hd_main_conf_t   main;
    ngx_hd_check_t       check;
    ngx_hd_target_t      target[TARGETS];
    ngx_hd_target_t     *list[TARGETS];
} conf_t;


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    (void) level;
    (void) log;
    (void) err;
    (void) fmt;
}


/* there is no upstream here, so no server that DNS could add */

void
ngx_hd_place_seat(ngx_hd_main_conf_t *hmcf, ngx_hd_zone_t *from)
{
    (void) hmcf;
    (void) from;
}


ngx_uint_t
ngx_hd_place_initial(ngx_hd_check_t *check, ngx_uint_t added)
{
    (void) added;

    return check->initial;
}


uint64_t
ngx_hd_place_age(uint64_t gone)
{
    (void) gone;

    return 0;
}


void
ngx_hd_place_offer(ngx_hd_main_conf_t *hmcf, ngx_hd_place_t *p)
{
    (void) hmcf;
    (void) p;
}


void
ngx_hd_place_settle(ngx_hd_main_conf_t *hmcf)
{
    (void) hmcf;
}


u_char *
ngx_log_errno(u_char *buf, u_char *last, ngx_err_t err)
{
    (void) last;
    (void) err;

    return buf;
}


/* takes all of the zone's pages but the first, like the slab of a new zone */

void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    u_char  *p;

    p = pool->start;
    pool->start += ngx_align(size, ngx_pagesize);
    pool->pfree -= ngx_align(size, ngx_pagesize) / ngx_pagesize;

    return pool->start <= pool->end ? p : NULL;
}


static void
map(ngx_shm_zone_t *shm, size_t size)
{
    ngx_slab_pool_t  *pool;

    shm->shm.size = size;
    shm->shm.addr = mmap(NULL, size, PROT_READ|PROT_WRITE,
                         MAP_ANON|MAP_SHARED, -1, 0);

    pool = (ngx_slab_pool_t *) shm->shm.addr;
    pool->start = shm->shm.addr + ngx_pagesize;
    pool->end = shm->shm.addr + size;
    pool->pfree = size / ngx_pagesize - 1;
}


/*
 * A configuration of targets named by bytes, after another one or the first.
 * The identities of capitals begin alike.
 */

static void
load(conf_t *c, conf_t *before, const char *names, size_t size)
{
    size_t                      i, n;
    static ngx_cycle_t          none;
    static ngx_hd_probe_type_t  type;

    ngx_memzero(c, sizeof(conf_t));

    n = strlen(names);

    c->check.type = &type;
    c->check.interval = 1000;
    c->check.type = &asked;
    c->main.targets.elts = c->list;
    c->main.targets.nelts = n;

    for (i = 0; i < n; i++) {
        memset(c->target[i].id, names[i], NGX_HD_ID_LEN);

        if (names[i] <= 'Z') {
            memset(c->target[i].id, 0, NGX_HD_ID_LEN - 1);
        }

        c->target[i].check = &c->check;
        c->target[i].index = i;
        c->target[i].name.data = c->target[i].id;
        c->target[i].name.len = 1;
        c->list[i] = &c->target[i];
    }

    ngx_str_set(&c->shm.shm.name, "healthdash");
    c->shm.tag = &tag;
    c->shm.data = &c->main;
    c->cycle.log = &silent;
    c->cycle.old_cycle = before ? &before->cycle : &none;

    if (before && before->shm.shm.size == size) {
        c->shm.shm = before->shm.shm;
        ngx_hd_zone_init(&c->shm, &before->main);

    } else {
        map(&c->shm, size);
        ngx_hd_zone_init(&c->shm, NULL);
    }

    c->cycle.shared_memory.part.elts = &c->shm;
    c->cycle.shared_memory.part.nelts = 1;
    c->main.shm_zone = &c->shm;

    ngx_hd_zone_attach(&c->cycle, &c->main);
}


static ngx_hd_record_t *
record(conf_t *c, char name)
{
    ngx_uint_t  i;

    for (i = 0; i < c->main.targets.nelts; i++) {
        if (c->target[i].id[NGX_HD_ID_LEN - 1] == (u_char) name) {
            return ngx_hd_store_record(&c->main, &c->target[i]);
        }
    }

    return NULL;
}


/* facts that can be told to be whole */

static void
fill(ngx_hd_data_t *data, uint64_t n)
{
    size_t     i;
    uint64_t  *word;

    word = (uint64_t *) (void *) data;

    for (i = 0; i < sizeof(ngx_hd_data_t) / sizeof(uint64_t); i++) {
        word[i] = n;
    }
}


/* a note that is left out has no length either */

static int
is_state_len(size_t i)
{
    return i == offsetof(ngx_hd_data_t, state_len) / sizeof(uint64_t);
}


static int
is_whole(const ngx_hd_data_t *data)
{
    size_t           i;
    uint64_t         want;
    const uint64_t  *word;

    word = (const uint64_t *) (const void *) data;
    want = word[0];

    for (i = 1; i < NGX_HD_FACT_WORDS; i++) {
        if (word[i] != want && !is_state_len(i)) {
            return 0;
        }
    }

    /* the note is of the same probe, or left out */

    if (word[NGX_HD_FACT_WORDS] == 0) {
        want = 0;
    }

    for (i = NGX_HD_FACT_WORDS; i < sizeof(*data) / sizeof(*word); i++) {
        if (word[i] != want) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
publish(conf_t *c, ngx_hd_record_t *rec, uint64_t n)
{
    uint64_t        until;
    ngx_int_t       rc;
    ngx_hd_data_t   data;
    ngx_hd_lease_t  lease;

    rc = ngx_hd_store_claim(&c->main, rec, 1000, &lease, &until);

    if (rc == NGX_OK) {
        fill(&data, n);
        rc = ngx_hd_store_publish(rec, &lease, &data);
        ngx_hd_store_release(rec, &lease);
    }

    return rc;
}


static uint64_t
facts(ngx_hd_record_t *rec)
{
    ngx_hd_data_t  data;

    return ngx_hd_store_read(rec, &data) == NGX_OK ? data.checks
                                                   : (uint64_t) -1;
}


static void
test_sizes(void)
{
    size_t      size;
    conf_t      c;
    ngx_uint_t  n;

    for (n = 0; n < 3000; n += 7) {
        size = ngx_hd_zone_auto_size(n);

        check((size & (size - 1)) == 0 && size >= ngx_hd_zone_size(2 * n),
              "automatic size for %lu", (unsigned long) n);

        check(ngx_hd_zone_size(n + 1) >= ngx_hd_zone_size(n)
              && ngx_hd_zone_size(n) % ngx_pagesize == 0,
              "size for %lu", (unsigned long) n);
    }

    checked("sizes grow, the automatic one to powers of two");

    load(&c, NULL, "abc", ngx_hd_zone_size(TARGETS));
    ok(c.main.zone->capacity >= TARGETS, "a zone has room for what was asked");
}


static void
test_reloads(void)
{
    size_t           size;
    conf_t           c[6];
    ngx_hd_record_t  *a, *b;

    size = ngx_hd_zone_size(4);

    load(&c[0], NULL, "abcd", size);
    a = record(&c[0], 'a');
    b = record(&c[0], 'b');

    is_num(c[0].main.generation, 1, "the first generation");
    is_num(facts(a), 0, "a new record is empty and readable");
    is_num(ngx_hd_store_verdict(a, NULL), NGX_HD_STATE_UNKNOWN,
           "and unknown");
    ok(a->due >= 5000 && a->due < 6000, "the first probe is within interval");

    publish(&c[0], a, 7);
    publish(&c[0], b, 8);

    load(&c[1], &c[0], "dcba", size);
    ok(record(&c[1], 'a') == a && facts(a) == 7, "reordered: the same record");
    ok(c[1].main.zone == c[0].main.zone, "the zone is inherited");

    is_num(publish(&c[0], a, 9), NGX_DECLINED,
           "a worker of the configuration before probes no more");
    is_num(publish(&c[1], a, 9), NGX_OK, "a worker of the new one does");

    load(&c[2], &c[1], "acd", size);
    load(&c[3], &c[2], "acdb", size);
    ok(record(&c[3], 'b') == b && facts(b) == 8,
       "gone for one configuration: history is back");

    while (c[3].main.zone->capacity > 4) {
        /* as if the zone had been cut to the very size */
        c[3].main.zone->capacity--;
    }

    load(&c[4], &c[3], "acde", size);
    ok(record(&c[4], 'e') == b && facts(b) == 0,
       "a full zone gives a record nobody has to the newcomer");
    ok(record(&c[3], 'b') == NULL,
       "who still looks for the old target sees that it is gone");
    is_num(facts(record(&c[4], 'a')), 9, "the others keep their facts");

    load(&c[5], &c[4], "ea", 4 * size);
    ok(c[5].main.zone != c[4].main.zone, "another size: another zone");
    is_num(facts(record(&c[5], 'a')), 9, "with a copy of the facts");
    is_num(ngx_hd_store_verdict(record(&c[5], 'a'), NULL), 9,
           "and of the verdict");
    is_num(c[5].main.generation, 6, "and the next generation");
    is_num(publish(&c[4], record(&c[4], 'a'), 1), NGX_DECLINED,
           "workers that have the old zone stop, too");
}


/* a former holder has spoilt the facts just when the zone is to be copied */

static void
test_spoilt(void)
{
    conf_t           c[2];
    ngx_hd_record_t  *rec;

    load(&c[0], NULL, "ab", ngx_hd_zone_size(4));
    publish(&c[0], record(&c[0], 'a'), NGX_HD_STATE_DOWN);

    rec = record(&c[0], 'a');
    rec->copy[0].sum++;
    rec->copy[1].sum++;

    load(&c[1], &c[0], "ab", ngx_hd_zone_size(8));

    rec = record(&c[1], 'a');
    is_num(ngx_hd_store_verdict(rec, NULL), NGX_HD_STATE_DOWN,
           "of spoilt facts another zone has the verdict");
    is_num(facts(rec), 0, "and no more");
}


/* no memory for the time of a reload */

static void
test_no_memory(void)
{
    conf_t  c[3];

    load(&c[0], NULL, "ab", ngx_hd_zone_size(4));
    publish(&c[0], record(&c[0], 'a'), 7);

    stand_in_fail = 1;
    load(&c[1], &c[0], "ba", ngx_hd_zone_size(4));
    is_num(facts(record(&c[1], 'a')), 7, "without memory: what was known");

    stand_in_fail = 1;
    load(&c[2], &c[1], "acb", ngx_hd_zone_size(8));
    is_num(facts(record(&c[2], 'a')), 7, "also in another zone");
    is_num(facts(record(&c[2], 'c')), 0, "and what is new is new");
    stand_in_fail = 0;
}


/* a record is found by its whole identity */

static void
test_alike(void)
{
    size_t  size;
    conf_t  c[3];

    size = ngx_hd_zone_size(4);

    load(&c[0], NULL, "AB", size);
    publish(&c[0], record(&c[0], 'A'), 7);
    publish(&c[0], record(&c[0], 'B'), 8);

    load(&c[1], &c[0], "BCA", size);
    is_num(facts(record(&c[1], 'A')), 7, "alike: the first is itself");
    is_num(facts(record(&c[1], 'B')), 8, "alike: the second, too");
    is_num(facts(record(&c[1], 'C')), 0, "alike: a new one is new");

    load(&c[2], &c[1], "CBA", 4 * size);
    is_num(facts(record(&c[2], 'A')), 7, "alike, another zone: the first");
    is_num(facts(record(&c[2], 'B')), 8, "alike, another zone: the second");
}


static void
test_foreign(void)
{
    conf_t  c[2];

    load(&c[0], NULL, "ab", ngx_hd_zone_size(4));
    publish(&c[0], record(&c[0], 'a'), 5);

    ok(!ngx_hd_zone_is_foreign(&c[0].cycle, &c[0].shm), "our own layout");

    c[0].main.zone->layout++;
    ok(ngx_hd_zone_is_foreign(&c[0].cycle, &c[0].shm), "another layout");

    load(&c[1], &c[0], "ab", ngx_hd_zone_size(8));
    is_num(facts(record(&c[1], 'a')), 0, "is not read");

    c[0].main.zone->layout--;
    c[0].main.zone->capacity = 1 << 30;
    ok(ngx_hd_zone_is_foreign(&c[0].cycle, &c[0].shm),
       "a capacity beyond the end");

    ((ngx_slab_pool_t *) c[0].shm.shm.addr)->data = NULL;
    ok(ngx_hd_zone_is_foreign(&c[0].cycle, &c[0].shm), "no content");
}


static void
test_leases(void)
{
    conf_t            c;
    uint64_t          until;
    ngx_hd_data_t     data;
    ngx_hd_lease_t    first, second;
    ngx_hd_record_t  *rec;

    load(&c, NULL, "a", ngx_hd_zone_size(4));
    rec = record(&c, 'a');
    fill(&data, 3);

    is_num(ngx_hd_store_claim(&c.main, rec, 1000, &first, &until), NGX_OK,
           "a free lease is had");

    ngx_worker = 1;
    ngx_pid = 200;

    is_num(ngx_hd_store_claim(&c.main, rec, 1000, &second, &until), NGX_BUSY,
           "a held one is not");
    is_num(until, 6000, "but known until when");

    ngx_current_msec = 6000;

    is_num(ngx_hd_store_claim(&c.main, rec, 1000, &second, &until), NGX_OK,
           "one that ran out is");
    is_num(ngx_hd_store_publish(rec, &first, &data), NGX_DECLINED,
           "its former holder publishes no more");
    is_num(facts(rec), 0, "and left no trace");
    is_num(ngx_hd_store_publish(rec, &second, &data), NGX_OK,
           "the new one does");

    ngx_hd_store_release(rec, &first);
    is_num(ngx_hd_load(&rec->lease), second.word,
           "the former holder can't release it");

    is_num(second.left, 1, "and knows that it was left behind");

    ngx_pid = 300;

    is_num(ngx_hd_store_claim(&c.main, rec, 1000, &first, &until), NGX_OK,
           "a successor in the same place waits for nothing");
    is_num(first.left, 1, "and knows that something may be untold");

    c.main.generation++;
    c.main.zone->generation++;

    is_num(ngx_hd_store_claim(&c.main, rec, 1000, &second, &until), NGX_BUSY,
           "a new configuration waits for a probe that is under way");

    ngx_hd_store_release(rec, &first);

    is_num(ngx_hd_store_claim(&c.main, rec, 1000, &second, &until), NGX_OK,
           "and for no longer");

    is_num(second.left, 0, "a lease that was released tells of nothing");

    /* 40 days later its end looks like one that is still to come */

    ngx_worker = 0;
    ngx_current_msec += 40ULL * 24 * 3600 * 1000;

    is_num(ngx_hd_store_claim(&c.main, rec, 1000, &first, &until), NGX_OK,
           "a lease left weeks ago is no lease");

    /* twice a timeout of an hour and a second, the most there is */

    ngx_hd_store_release(rec, &first);

    is_num(ngx_hd_store_claim(&c.main, rec, 7201000, &first, &until), NGX_OK,
           "the longest lease there is");

    ngx_worker = 1;
    ngx_current_msec--;

    is_num(ngx_hd_store_claim(&c.main, rec, 1000, &second, &until), NGX_BUSY,
           "holds from its first moment on, for a clock that is behind, too");

    ngx_hd_store_release(rec, &first);

    is_num(ngx_hd_store_clear_once(rec, 2), 1, "the first is told");
    is_num(ngx_hd_store_clear_once(rec, 2), 0, "the second is not");

    ngx_worker = 0;
    ngx_pid = 100;
}


/* a former holder that goes on where it was stopped */

/* long texts are written when they change, not with each result */

static void
test_note(void)
{
    conf_t            c;
    uint64_t          id;
    ngx_hd_record_t  *rec;

    load(&c, NULL, "a", ngx_hd_zone_size(4));
    rec = record(&c, 'a');

    publish(&c, rec, 1);
    id = rec->note.id;

    publish(&c, rec, 1);
    ok(rec->note.id == id, "a note that is the same is not written again");
    is_num(facts(rec), 1, "and belongs to the next facts, too");

    publish(&c, rec, 2);
    ok(rec->note.id != id, "another one is");
    is_num(facts(rec), 2, "with facts of its own");
}


static void
test_late(void)
{
    conf_t            c;
    uint64_t          until;
    ngx_hd_data_t     data;
    ngx_hd_lease_t    lease;
    ngx_hd_record_t  *rec;

    load(&c, NULL, "a", ngx_hd_zone_size(4));
    rec = record(&c, 'a');

    publish(&c, rec, 1);
    publish(&c, rec, 2);

    rec->copy[ngx_hd_count(rec->seq) & 1].fact[0] = 99;

    is_num(facts(rec), 1, "words stored late are not shown, but those before");

    rec->copy[0].fact[0] = 98;
    rec->copy[1].fact[0] = 99;

    is_num(ngx_hd_store_read(rec, &data), NGX_AGAIN, "or nothing at all");
    is_num(data.state, 2, "but the state is still known");

    publish(&c, rec, 3);
    is_num(facts(rec), 3, "the next probe mends it");

    rec->note.word[1]++;

    is_num(facts(rec), 3, "a note that was spoilt takes no fact along");
    (void) ngx_hd_store_read(rec, &data);
    is_num(data.cert.not_after, 0, "but itself");

    rec->note.word[1]--;
    (void) ngx_hd_store_read(rec, &data);
    is_num(data.cert.not_after, 3, "else it is there");

    rec->note.id++;
    rec->note.sum = ngx_hd_words_sum(rec->note.word, NGX_HD_NOTE_WORDS,
                                     rec->note.id);
    (void) ngx_hd_store_read(rec, &data);
    ok(data.cert.not_after == 0, "a note of another probe is none of this");

    /* stopped between the swap and the verdict; then the target changes */

    ngx_hd_store_claim(&c.main, rec, 1000, &lease, &until);
    ngx_hd_store_reset(rec, &c.target[0]);

    fill(&data, 7);
    ngx_hd_store_set_verdict(rec, lease.epoch, &data);

    is_num(ngx_hd_store_verdict(rec, NULL), NGX_HD_STATE_UNKNOWN,
           "the next target of a record gets no verdict of the last one");
    is_num(publish(&c, rec, 4), NGX_OK, "but its own");
    is_num(ngx_hd_store_verdict(rec, NULL), 4, "at once");
}


/* a process that publishes as fast as it can, with a clock of its own */

static pid_t
writer(conf_t *c, ngx_hd_record_t *rec, ngx_uint_t worker)
{
    pid_t     pid;
    uint64_t  n;

    pid = fork();

    if (pid == 0) {
        ngx_worker = worker;
        ngx_pid = getpid();

        for (n = 1; /* void */ ; n++) {
            /* no lease of another is ever respected: all have run out */
            ngx_current_msec += FOREVER;
            publish(c, rec, n << 8 | worker);
        }
    }

    return pid;
}


static void
test_torn(void)
{
    int               status;
    pid_t             pid[2];
    conf_t            c;
    ngx_uint_t        i, n, good, again, noted, rounds;
    ngx_hd_data_t     data;
    ngx_hd_record_t  *rec;

    load(&c, NULL, "a", ngx_hd_zone_size(4));
    rec = record(&c, 'a');
    good = 0;
    again = 0;
    noted = 0;

    pid[0] = writer(&c, rec, 1);
    pid[1] = writer(&c, rec, 2);

    rounds = getenv("HD_LONG") ? 100 * ROUNDS : ROUNDS;

    for (i = 0; i < rounds * READS; i++) {

        if (i % (KILLS * READS) == 0) {
            /* one dies, wherever it is, and has a successor */
            n = i / (KILLS * READS) % 2;
            kill(pid[n], SIGKILL);
            waitpid(pid[n], &status, 0);
            pid[n] = writer(&c, rec, n + 1);
        }

        if (i % READS == 0) {
            /* one sleeps somewhere in the middle while the other goes on */
            kill(pid[i / READS % 2], SIGSTOP);
            kill(pid[(i / READS + 1) % 2], SIGCONT);
        }

        if (ngx_hd_store_read(rec, &data) == NGX_AGAIN) {
            again++;
            continue;
        }

        good++;
        noted += (data.cert.not_after != 0);
        check(is_whole(&data), "copy %lu", (unsigned long) i);
    }

    for (i = 0; i < 2; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], &status, 0);
    }

    checked("no reader ever saw a torn record");
    ok(good > again, "and nearly all saw one (%lu not)",
       (unsigned long) again);
    ok(noted > good / 4, "with its note (%lu without)",
       (unsigned long) (good - noted));

    ngx_current_msec = ngx_hd_until(rec->lease) + 1;
    is_num(publish(&c, rec, 77), NGX_OK, "after both were killed");
    is_num(facts(rec), 77, "the record is in order");
}


int
main(void)
{
    ngx_cached_time = &now;

    test_sizes();
    test_reloads();
    test_no_memory();
    test_alike();
    test_spoilt();
    test_foreign();
    test_leases();
    test_note();
    test_late();
    test_torn();

    return done();
}

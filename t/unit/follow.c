
/*
 * Unit test of ngx_hd_follow.c and ngx_hd_place.c: which address gets which
 * place, and what becomes of it when the worker that gives it dies at the
 * worst moment, or somebody else is there at the same time; and with
 * ngx_hd_zone.c what a reload makes of that.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_clock.h"
#include "../../ngx_http_healthdash_module/ngx_hd_word.h"


/* something may happen before any load, or store, of what processes share */

static void before_load(void);

#undef ngx_hd_load
#define ngx_hd_load(p)                                                        \
    (before_load(), __atomic_load_n(p, __ATOMIC_ACQUIRE))

#undef ngx_hd_set
#define ngx_hd_set(p, v)                                                      \
    (before_load(), __atomic_store_n(p, v, __ATOMIC_RELEASE))

/* nginx's time stands still in a turn of its loop, the machine's goes on */

static uint64_t  ahead;         /* msec */

#define ngx_hd_now_usec()     ((ngx_current_msec + ahead) * 1000)

#include "../../ngx_http_healthdash_module/ngx_hd_store.c"
#include "../../ngx_http_healthdash_module/ngx_hd_place.c"
#include "../../ngx_http_healthdash_module/ngx_hd_follow.c"
#include "../../ngx_http_healthdash_module/ngx_hd_zone.c"

#include <pthread.h>
#include <semaphore.h>


#define PLACES   3
#define LATER    (PLACES + 1)           /* places after a reload */
#define CHECKS   2
#define RECORDS  (LATER * CHECKS)


/* what the units need of nginx beside the common stand-ins */

ngx_uint_t             ngx_pagesize = 4096;
ngx_uint_t             ngx_pagesize_shift = 12;
ngx_uint_t             ngx_worker;
ngx_pid_t              ngx_pid = 100;
volatile ngx_msec_t    ngx_current_msec = 5000;

static ngx_time_t      now = { 1700000000, 0, 0 };

static ngx_uint_t      records = RECORDS;       /* in the zone */
static ngx_uint_t      locked;          /* by somebody else */
static ngx_uint_t      held;            /* by a worker of ours */
static ngx_uint_t      unlocks;

static ngx_slab_pool_t                slab;
static ngx_shm_zone_t                 shm;
static ngx_hd_zone_t                 *zone;
static ngx_hd_main_conf_t             conf;
static ngx_hd_upstream_t              up;
static ngx_hd_upstream_t             *ups[1] = { &up };
static ngx_hd_check_t                 check_conf;
static ngx_hd_check_t                *checks[1] = { &check_conf };
static const ngx_hd_probe_type_t      type;
static ngx_http_upstream_srv_conf_t   uscf;

static ngx_hd_server_t                spares[PLACES];
static ngx_hd_target_t                targets[PLACES];
static ngx_hd_target_t               *target_of[PLACES];
static uint64_t                       listed[PLACES];
static u_char                         news[PLACES];
static ngx_hd_fresh_t                 fresh[NGX_HD_FRESH];

static ngx_uint_t                     loads;    /* until somebody follows */
static ngx_hd_upstream_t             *rival;    /* another worker's */
static ngx_uint_t                     stops;    /* until that one is stopped */
static ngx_uint_t                     begun, inside;
static sem_t                          here, there;
static ngx_hd_place_t                *given;    /* somebody else looks at it */
static uint64_t                       seen;     /* what it was meanwhile */



ngx_uint_t
ngx_shmtx_trylock(ngx_shmtx_t *mtx)
{
    if (locked || held) {
        return 0;
    }

    held = 1;

    return 1;
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    held = 0;
    unlocks++;
}


void
ngx_rwlock_rlock(ngx_atomic_t *lock)
{
}


void
ngx_rwlock_unlock(ngx_atomic_t *lock)
{
}


ngx_int_t
ngx_cmp_sockaddr(struct sockaddr *a, socklen_t alen, struct sockaddr *b,
    socklen_t blen, ngx_uint_t port)
{
    return (alen == blen && memcmp(a, b, alen) == 0) ? NGX_OK : NGX_DECLINED;
}


void
ngx_hd_ident(ngx_hd_target_t *t)
{
    memset(t->id, t->name.data[0], NGX_HD_ID_LEN);
    t->id[1] = (t->check != &check_conf);

    if (given) {
        seen |= ngx_hd_load(&given->version);
    }
}


/* a reload tells nobody here, and there is neither a file nor another zone */

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    return NULL;
}


void
ngx_hd_event_import(ngx_hd_zone_t *to, ngx_hd_zone_t *from)
{
}


void
ngx_hd_news_loaded(ngx_hd_main_conf_t *old, ngx_hd_main_conf_t *hmcf,
    int64_t wall, ngx_pool_t *pool)
{
}


ngx_int_t
ngx_hd_restore_check(ngx_hd_main_conf_t *hmcf, ngx_log_t *log)
{
    return NGX_OK;
}


ngx_hd_restore_t *
ngx_hd_restore_begin(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf,
    ngx_pool_t *pool)
{
    return NULL;
}


void
ngx_hd_restore_end(ngx_hd_restore_t *restore, ngx_pool_t *pool)
{
}


/* nginx's list has these, and has changed */

static void
list(const char *names)
{
    size_t                               i;
    static ngx_http_upstream_rr_peers_t  peers;
    static ngx_http_upstream_rr_peer_t   peer[8];
    static struct sockaddr_in            sin[8];

    memset(&peers, 0, sizeof(peers));
    memset(peer, 0, sizeof(peer));

    for (i = 0; names[i]; i++) {
        sin[i].sin_family = AF_INET;
        sin[i].sin_addr.s_addr = htonl((uint32_t) names[i]);

        peer[i].sockaddr = (struct sockaddr *) &sin[i];
        peer[i].socklen = sizeof(struct sockaddr_in);
        peer[i].next = names[i + 1] ? &peer[i + 1] : NULL;
    }

    peers.peer = i ? peer : NULL;
    peers.number = i;
    uscf.peer.data = &peers;

    up.followed = (ngx_uint_t) -1;
}


static void
start(void)
{
    size_t      size;
    ngx_uint_t  i;

    size = offsetof(ngx_hd_zone_t, record) + records * sizeof(ngx_hd_record_t);

    zone = calloc(1, size);
    zone->generation = 1;
    zone->capacity = records;

    shm.shm.addr = (u_char *) &slab;

    conf.zone = zone;
    conf.shm_zone = &shm;
    conf.generation = 1;
    conf.upstreams.elts = ups;
    conf.upstreams.nelts = 1;

    check_conf.type = &type;
    check_conf.interval = 1000;
    check_conf.timeout = 1000;

    up.main = &conf;
    up.uscf = &uscf;
    up.checks.elts = checks;
    up.checks.nelts = 1;
    up.spares = spares;
    up.nspares = PLACES;
    up.listed = listed;
    up.news = news;
    up.fresh = fresh;
    up.group = 42;

    for (i = 0; i < PLACES; i++) {
        target_of[i] = &targets[i];
        spares[i].targets = &target_of[i];
        targets[i].check = &check_conf;
        targets[i].upstream = &up;
        targets[i].spare = 1;
        targets[i].record = i;
        zone->record[i].generation = 1;
    }
}


/* whose places are whose: "a-B": one free, B is gone */

static const char *
places(void)
{
    ngx_uint_t      i;
    ngx_hd_place_t  p;
    static char     text[PLACES + 1];

    for (i = 0; i < PLACES; i++) {
        ngx_hd_place_look(&up, &spares[i], &p);

        text[i] = '-';

        if (p.version) {
            text[i] = (char) ntohl(((struct sockaddr_in *) p.sockaddr)
                                   ->sin_addr.s_addr);

            if (zone->record[i].id[0] != (u_char) text[i]) {
                text[i] = '!';
            }

            if (p.gone) {
                text[i] -= 'a' - 'A';
            }
        }
    }

    return text;
}


static ngx_hd_follow_t
follow(void)
{
    ngx_hd_follow_t  f;

    ngx_current_msec += 10;
    ngx_hd_follow(&up, &f);

    return f;
}


static void
test_order(void)
{
    list("ab");
    ok(follow().changed == 2, "two addresses are new");
    is_str(places(), "ab-", "they get the first places");
    ok(news[0] == NGX_HD_EVENT_ADDED && news[2] == 0, "which is news");

    list("b");
    (void) follow();
    is_str(places(), "Ab-", "one is gone");
    ok(news[0] == NGX_HD_EVENT_REMOVED, "which is news, too");

    list("bc");
    (void) follow();
    is_str(places(), "Abc", "a free place is used first");

    list("c");
    (void) follow();
    list("ac");
    (void) follow();
    is_str(places(), "aBc", "who comes back has its place");

    list("c");
    (void) follow();
    list("cd");
    given = &zone->record[1].place;
    (void) follow();
    given = NULL;
    is_str(places(), "Adc", "who was away for longest loses it");
    ok(seen == 0, "while it is given it is nobody's");

    list("acde");
    ok(follow().crowded == 1, "one is too much");
    is_str(places(), "adc", "and gets none");
}


static void
test_dead(void)
{
    uint64_t          until;
    ngx_hd_lease_t    lease;
    ngx_hd_follow_t   f;
    ngx_hd_record_t  *rec;

    list("ac");
    (void) follow();
    is_str(places(), "aDc", "d is gone");

    /* as another worker has left it that died while giving the place */

    rec = &zone->record[1];
    ngx_worker = 1;
    ngx_pid = 200;

    (void) ngx_hd_store_claim(&conf, rec, NGX_HD_FOLLOW_LEASE, &lease, &until);
    ngx_hd_set(&rec->place.version, 0);
    memset(rec->id, 'e', NGX_HD_ID_LEN);
    rec->history.result[0] = 1;
    rec->back = 1;
    rec->recent = 1;

    ngx_worker = 0;
    ngx_pid = 100;

    is_str(places(), "a-c", "its giver died: the place is nobody's");

    list("ace");
    f = follow();
    ok(f.again && f.changed == 0 && f.crowded == 0,
       "while its lease lasts: later");

    ngx_current_msec += NGX_HD_FOLLOW_LEASE;

    f = follow();
    ok(!f.again && f.changed == 1, "then it is given again");
    is_str(places(), "aec", "and whole");
    ok(rec->history.result[0] == 0 && rec->lease == 0, "from the beginning");
    ok(rec->back == 0 && rec->recent == 0, "it neither ramps nor fails");
    ok(rec->due <= ngx_current_msec, "to be probed at once");
    ok(ngx_hd_store_publish(rec, &lease, &(ngx_hd_data_t) { .state = 1 })
       == NGX_DECLINED, "the dead one would be refused");
}


static void
test_others(void)
{
    ngx_hd_follow_t  f;

    list("ce");

    locked = 1;
    f = follow();
    ok(f.again && f.changed == 0, "the mutex is not free: later");
    is_str(places(), "aec", "nothing is done without it");
    locked = 0;

    conf.generation = 0;
    f = follow();
    ok(f.changed == 0, "a worker of the past changes nothing");
    is_str(places(), "aec", "nothing at all");
    conf.generation = 1;

    f = follow();
    ok(f.changed == 1 && !f.again, "then it is done");
    is_str(places(), "Aec", "once");

    unlocks = 0;
    list("ce");
    ok(follow().changed == 0 && unlocks == 0,
       "where nothing differs the mutex is not asked for");

    up.group = 43;
    is_str(places(), "---", "the places are of this upstream alone");
    up.group = 42;
}


/* a second worker follows in the midst of what the first one does */

static ngx_uint_t
race(const char *names, ngx_uint_t n, ngx_hd_upstream_t *other)
{
    ngx_uint_t       i, told;
    ngx_hd_follow_t  f;

    list(names);
    other->followed = up.followed;

    rival = other;
    loads = n;
    told = 0;

    do {
        f = follow();

        for (i = 0; i < PLACES; i++) {
            told += (news[i] != 0);
        }

    } while (f.again);

    told += (loads == 0 && other->news[0] + other->news[1] + other->news[2]);
    loads = 0;

    /* who had to wait for the mutex looks again, and finds nothing */

    ngx_hd_follow(other, &f);
    rival = NULL;

    return told + f.changed;
}


/* all of these are there, and nobody else */

static ngx_uint_t
are_there(const char *names)
{
    size_t       i, n;
    const char  *text;

    text = places();

    for (n = 0, i = 0; i < PLACES; i++) {
        n += (strchr(names, text[i]) != NULL);

        if (text[i] >= 'a' && strchr(names, text[i]) == NULL) {
            return 0;
        }
    }

    return n == strlen(names);
}


static void
test_two(void)
{
    ngx_uint_t         n, wrong, told;
    ngx_hd_upstream_t  other;

    static uint64_t        other_listed[PLACES];
    static u_char          other_news[PLACES];
    static ngx_hd_fresh_t  other_fresh[NGX_HD_FRESH];

    other = up;
    other.listed = other_listed;
    other.news = other_news;
    other.fresh = other_fresh;

    wrong = 0;
    told = 0;

    for (n = 1; n < 200; n++) {
        list("ae");
        (void) follow();

        told += (race("aef", n, &other) != 1);
        wrong += !are_there("aef");

        list("e");
        (void) follow();
        (void) race("eh", n, &other);
        wrong += !are_there("eh");
    }

    ok(wrong == 0, "a server that two workers find at once is there");
    ok(told == 0, "and one of them tells");
}


/* an address whose place was given away meanwhile is a new one */

static void
test_renewed(void)
{
    uint64_t          version;
    ngx_hd_place_t    p;
    ngx_hd_record_t  *rec;

    rec = &zone->record[0];

    list("ace");
    (void) follow();
    is_str(places(), "aec", "a is there");

    ngx_hd_place_look(&up, &spares[0], &p);

    version = p.version;
    rec->history.result[0] = 1;

    list("cef");
    (void) follow();
    is_str(places(), "fec", "f has got the place of a");

    list("ce");
    (void) follow();
    list("ace");
    ok(follow().changed == 1, "a comes back");
    is_str(places(), "aec", "and gets that place once more");
    ok(news[0] == NGX_HD_EVENT_ADDED, "as a new one");
    ok(rec->history.result[0] == 0, "without its history");

    ngx_hd_place_look(&up, &spares[0], &p);
    ok(p.version != version, "and who has copied the former one sees that");
}


/* what the rival does, up to where it is stopped; only one of us runs */

static void *
follow_there(void *data)
{
    ngx_hd_follow_t  f;

    ngx_hd_follow(rival, &f);

    begun = 0;
    sem_post(&here);

    return NULL;
}


static void
go_there(void)
{
    static pthread_t  tid;

    inside = 1;

    if (begun) {
        sem_post(&there);

    } else {
        begun = 1;
        pthread_create(&tid, NULL, follow_there, NULL);
    }

    sem_wait(&here);
    inside = 0;

    if (!begun) {
        pthread_join(tid, NULL);
    }
}


static void
before_load(void)
{
    ngx_hd_follow_t  f;

    if (loads && --loads == 0) {

        if (rival == NULL) {
            (void) follow();

        } else if (stops) {
            go_there();

        } else {
            ngx_hd_follow(rival, &f);
        }

    } else if (inside && stops && --stops == 0) {
        sem_post(&here);
        sem_wait(&there);
    }
}


/* the first server is a, which is up; it is gone, and back after a long time */

static void
come_back(void)
{
    uint64_t         until;
    ngx_hd_data_t    data;
    ngx_hd_lease_t   lease;
    ngx_hd_record_t  *rec;

    rec = &zone->record[0];

    list("ace");
    (void) follow();

    memset(&data, 0, sizeof(ngx_hd_data_t));
    data.state = NGX_HD_STATE_UP;
    data.last_mono = ngx_current_msec;

    (void) ngx_hd_store_claim(&conf, rec, 1000, &lease, &until);
    (void) ngx_hd_store_publish(rec, &lease, &data);
    ngx_hd_store_release(rec, &lease);

    list("ce");
    (void) follow();
    ngx_current_msec += 60000;
    list("ace");
}


/* a worker decides about it while another one marks it as back */

static void
test_doubt(void)
{
    uint64_t         until;
    ngx_uint_t       n, state, wrong, moved;
    ngx_hd_lease_t   lease;
    ngx_hd_place_t  *place;

    place = &zone->record[0].place;
    wrong = 0;
    moved = 0;

    for (n = 1; n < 20; n++) {
        come_back();

        loads = n;
        (void) ngx_hd_place_verdict(&up, &spares[0], 0, &state);

        wrong += (state != NGX_HD_STATE_UNKNOWN);
        moved += (place->gone == 0);

        loads = 0;
        (void) follow();
    }

    ok(moved > 2, "it is marked in the midst of that");
    ok(wrong == 0, "and is up for nobody before it was probed");

    come_back();
    (void) ngx_hd_store_claim(&conf, &zone->record[0], 1000, &lease, &until);
    ok(follow().again && place->gone, "a record that is held is waited for");

    ngx_hd_store_release(&zone->record[0], &lease);
    ok(!follow().again && place->gone == 0, "but not for longer");
}


/* whether the server that came_back() is about is up, as it is */

static ngx_uint_t
is_up(void)
{
    ngx_uint_t  state;

    return ngx_hd_place_verdict(&up, &spares[0], 0, &state) == NGX_OK
           && state == NGX_HD_STATE_UP;
}


/* a worker that was stopped has the time of before */

static void
test_stopped(void)
{
    come_back();
    ngx_current_msec -= 60000;
    ok(is_up(), "back in a moment: it is up");

    ahead = 60000;
    ok(!is_up(), "but not for who was stopped until now");

    (void) follow();
    ahead = 0;
    is_num(ngx_hd_store_verdict(&zone->record[0], NULL), NGX_HD_STATE_UNKNOWN,
           "who marks it knows that, too");
}


/* it comes and goes, and no probe of it gets to its end */

static void
test_blinking(void)
{
    ngx_uint_t  i;

    come_back();
    ngx_current_msec -= 60000;
    (void) follow();
    ok(is_up(), "it is back");

    for (i = 0; i < 10; i++) {
        list("ce");
        (void) follow();
        ngx_current_msec += 500;
        list("ace");
        (void) follow();
        ngx_current_msec += 500;
    }

    ok(!is_up(), "it blinks: its last result is too old in the end");
}


/* its place is given away just when somebody has found it there */

static void
test_given(void)
{
    uint64_t         version;
    ngx_hd_place_t  *place;

    place = &zone->record[0].place;

    come_back();
    version = place->version;
    ngx_hd_set(&place->version, 0);
    ok(!is_up(), "a place that is being given away says nothing");

    ngx_hd_set(&place->version, version);
    (void) follow();
}


/* a record that nobody can read, or take, now */

static void
test_spoilt(void)
{
    come_back();
    zone->record[0].copy[0].sum++;
    zone->record[0].copy[1].sum++;

    (void) follow();
    ok(zone->record[0].place.gone == 0 && !is_up(),
       "facts that are spoilt: not up from long ago either");
}


/* addresses that the state file knew, before DNS has given them */

static void
test_awaited(void)
{
    ngx_hd_place_t  *place;

    place = &zone->record[0].place;

    list("ce");
    (void) follow();
    place->gone = ngx_hd_gone(ngx_current_msec, 1);

    list("ace");
    ok(follow().changed == 1, "one that was awaited is there");
    ok(place->gone == 0 && news[0] == 0, "which is no news");

    list("ce");
    (void) follow();
    ok(news[0] == NGX_HD_EVENT_REMOVED && !ngx_hd_gone_awaited(place->gone),
       "when it goes, it is");

    list("c");
    (void) follow();
    is_str(places(), "AEc", "two are gone");

    /* times of before the machine was booted are below zero */

    zone->record[0].place.gone = ngx_hd_gone(1000, 0);
    zone->record[1].place.gone = ngx_hd_gone(-1000, 1);

    list("ch");
    (void) follow();
    is_str(places(), "Ahc", "who was away since before the boot loses");
}


/* the configuration of a reload, which has one more of each */

static struct {
    ngx_cycle_t          cycle;
    ngx_hd_main_conf_t   conf;
    ngx_hd_upstream_t    up;
    ngx_hd_upstream_t   *ups[1];
    ngx_hd_check_t       check;
    ngx_hd_check_t      *checks[CHECKS];
    ngx_http_upstream_srv_conf_t
                         uscf;          /* DNS was not asked yet */
    ngx_hd_server_t      spares[LATER];
    ngx_hd_target_t      target[LATER * CHECKS];
    ngx_hd_target_t     *targets[LATER * CHECKS];
    ngx_sockaddr_t       sockaddr[LATER * (CHECKS + 1)];
    u_char               text[LATER * (CHECKS + 1)][NGX_SOCKADDR_STRLEN];
} later;


static void
configure(void)
{
    ngx_uint_t           i;
    ngx_hd_target_t     *t;
    static u_char        news_later[LATER];
    static uint64_t      listed_later[LATER];
    static ngx_log_t     silent;
    static ngx_cycle_t   none;

    memset(&later, 0, sizeof(later));

    later.cycle.log = &silent;
    later.cycle.old_cycle = &none;
    later.check = check_conf;
    later.checks[0] = &check_conf;
    later.checks[1] = &later.check;
    later.ups[0] = &later.up;

    later.up = up;
    later.up.main = &later.conf;
    later.up.uscf = &later.uscf;
    later.up.checks.elts = later.checks;
    later.up.checks.nelts = CHECKS;
    later.up.spares = later.spares;
    later.up.nspares = LATER;
    later.up.listed = listed_later;
    later.up.news = news_later;
    later.up.followed = (ngx_uint_t) -1;

    later.conf.zone = zone;
    later.conf.shm_zone = &shm;
    later.conf.upstreams.elts = later.ups;
    later.conf.upstreams.nelts = 1;
    later.conf.targets.elts = later.targets;
    later.conf.targets.nelts = LATER * CHECKS;

    for (i = 0; i < LATER * CHECKS; i++) {
        t = &later.target[i];

        t->main = &later.conf;
        t->check = later.checks[i % CHECKS];
        t->upstream = &later.up;
        t->spare = 1;
        t->absent = 1;
        t->sockaddr = &later.sockaddr[i].sockaddr;
        t->address.data = later.text[i];
        memset(t->id, 0xff, NGX_HD_ID_LEN);
        later.targets[i] = t;
    }

    for (i = 0; i < LATER; i++) {
        later.spares[i].targets = &later.targets[i * CHECKS];
        later.spares[i].name.data = later.text[LATER * CHECKS + i];
        later.spares[i].sockaddr = &later.sockaddr[LATER * CHECKS + i]
                                    .sockaddr;
    }
}


/* what a worker that has just begun knows of a name: its records are its own */

static ngx_uint_t
is_probed(char name)
{
    ngx_uint_t        i, k;
    ngx_hd_place_t    p;
    ngx_hd_server_t  *server;

    for (i = 0; i < LATER; i++) {
        server = &later.spares[i];

        ngx_hd_place_look(&later.up, server, &p);

        if (p.version == 0
            || ntohl(((struct sockaddr_in *) p.sockaddr)->sin_addr.s_addr)
               != (uint32_t) name)
        {
            continue;
        }

        ngx_hd_place_copy(&later.up, server, &p);

        for (k = 0; k < CHECKS; k++) {
            if (ngx_hd_store_record(&later.conf, server->targets[k]) == NULL) {
                return 0;
            }
        }

        return p.gone == 0;
    }

    return 0;
}


/*
 * A worker of the former configuration gives a place in the midst of that, and
 * may be stopped then until it is over.
 */

static void
reload(ngx_uint_t n, ngx_uint_t m)
{
    free(zone);
    start();

    list("abc");
    (void) follow();
    list("bc");
    (void) follow();
    list("bcd");

    configure();

    rival = &up;
    loads = n;
    stops = m;
    ngx_hd_zone_attach(&later.cycle, &later.conf);
    loads = 0;
    stops = 0;

    if (begun) {
        go_there();
    }

    rival = NULL;
}


/* a worker of the new one sees these */

static void
renewed(const char *names)
{
    ngx_uint_t       tries;
    ngx_hd_follow_t  f;

    list(names);
    later.uscf.peer.data = uscf.peer.data;
    later.up.followed = (ngx_uint_t) -1;

    for (tries = 0; tries < 9; tries++) {
        ngx_current_msec += NGX_HD_FOLLOW_LEASE;
        ngx_hd_follow(&later.up, &f);

        if (!f.again) {
            return;
        }
    }

    check(0, "%s is not followed", names);
}


static void
test_reload(void)
{
    ngx_uint_t  n, m;

    /* m = 0: it is not stopped */

    for (m = 0; m < 45; m++) {

        for (n = 1; n < 45; n += m ? 5 : 1) {
            reload(n, m);

            renewed("bcd");
            check(is_probed('b') && is_probed('c') && is_probed('d'),
                  "at %lu, stopped at %lu: who is there", n, m);

            renewed("abd");
            check(is_probed('a') && is_probed('b') && is_probed('d'),
                  "at %lu, stopped at %lu: who is back", n, m);
        }
    }

    checked("a place that is given away during a reload is whole");
}


/*
 * A worker of the former configuration, whose list has lost b, is stopped when
 * it is about to mark that, and goes on when one of the new configuration,
 * whose list has b, has seen that all is well.
 */

static void
test_marked(void)
{
    ngx_uint_t       m, i, late;
    ngx_hd_follow_t  f;

    late = 0;

    for (m = 1; m < 60; m++) {
        free(zone);
        start();

        list("abc");
        (void) follow();
        list("ac");
        configure();

        rival = &up;
        stops = m;
        go_there();
        stops = 0;

        list("abc");
        later.uscf.peer.data = uscf.peer.data;
        ngx_hd_zone_attach(&later.cycle, &later.conf);
        ngx_hd_follow(&later.up, &f);

        if (begun) {
            go_there();
        }

        rival = NULL;
        late += (zone->record[1].place.gone != 0 && !f.again && !f.changed);

        for (i = 0; i < 9; i++) {
            ngx_current_msec += NGX_HD_FOLLOW_LEASE;
            ngx_hd_follow(&later.up, &f);
        }

        check(is_probed('b'), "stopped at %lu: who is there", m);
    }

    checked("who is there is probed, though one of the past says it is not");
    ok(late > 0, "which it did %lu times when it was too late", late);
}


/* a zone where nothing has happened yet */

static void
begin(void)
{
    free(zone);
    start();
}


/* the new configuration, which has nginx's list, comes into force */

static void
attach(void)
{
    later.uscf.peer.data = uscf.peer.data;
    ngx_hd_zone_attach(&later.cycle, &later.conf);
}


/* what the new configuration says of a name, which is back in nginx's list */

static ngx_uint_t
is_trusted(char name)
{
    ngx_uint_t           state;
    ngx_hd_hint_t        hint;
    ngx_hd_server_t     *server;
    struct sockaddr_in   sin;

    memset(&sin, 0, sizeof(sin));
    memset(&hint, 0, sizeof(hint));

    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl((uint32_t) name);

    server = ngx_hd_place_find(&later.up, (struct sockaddr *) &sin,
                               sizeof(sin), &hint);

    return server
           && ngx_hd_place_verdict(&later.up, server, 0, &state) == NGX_OK
           && state == NGX_HD_STATE_UP;
}


/*
 * nginx gives the list of a name to the configuration that follows.  Who is in
 * it was not asked for by the workers before, which have looked at the list
 * before DNS told of it.
 */

static void
test_listed(void)
{
    begin();
    come_back();
    configure();
    attach();

    ok(!is_trusted('a'), "back in the list of a reload: not up from long ago");
    renewed("ace");
    ok(!is_trusted('a') && is_probed('a'), "nor then, but it is probed");

    begin();
    come_back();
    list("ce");
    ngx_current_msec -= 60000;
    list("ace");
    configure();
    attach();

    ok(is_trusted('a'), "one that was away for a moment is up");
    renewed("ace");
    ok(is_trusted('a') && is_probed('a'), "and stays up");
}


/* a configuration without the upstream, and msec later one that has it again */

static void
leave_out(ngx_msec_t msec)
{
    list("ace");
    configure();
    later.conf.upstreams.nelts = 0;
    later.conf.targets.nelts = 0;
    ngx_hd_zone_attach(&later.cycle, &later.conf);

    ngx_current_msec += msec;
    configure();
}


/* nobody asked for it in the meantime, so what was known of it is old */

static void
test_left_out(void)
{
    ngx_hd_data_t  data;

    begin();
    come_back();
    ngx_current_msec -= 60000;
    (void) follow();
    leave_out(60000);
    attach();

    ok(!is_trusted('a'), "left out by a configuration: not up from long ago");
    renewed("ace");
    ok(!is_trusted('a') && is_probed('a'), "but it is probed");

    begin();
    come_back();
    ngx_current_msec -= 60000;
    (void) follow();
    leave_out(100);
    attach();

    ok(is_trusted('a'), "left out for a moment: as it was");
    (void) ngx_hd_store_read(&zone->record[later.target[0].record], &data);
    ok(data.state == NGX_HD_STATE_UP, "with its facts");
}


/* an address that has got a second record since is found by that */

static void
test_twice(void)
{
    uint64_t         until;
    ngx_hd_data_t    data;
    ngx_hd_lease_t   lease;
    ngx_hd_target_t  *t;

    records = 4 * RECORDS;
    free(zone);
    start();

    come_back();
    ngx_current_msec -= 60000;
    (void) follow();
    leave_out(100);
    ngx_hd_zone_attach(&later.cycle, &later.conf);
    renewed("ace");
    ok(is_probed('a') && !is_trusted('a'), "known again, by DNS: a new one");

    /* it is down */

    t = later.spares[0].targets[0];
    memset(&data, 0, sizeof(ngx_hd_data_t));
    data.state = NGX_HD_STATE_DOWN;

    (void) ngx_hd_store_claim(&later.conf, &zone->record[t->record], 1000,
                              &lease, &until);
    (void) ngx_hd_store_publish(&zone->record[t->record], &lease, &data);
    ngx_hd_store_release(&zone->record[t->record], &lease);

    configure();
    later.uscf.peer.data = uscf.peer.data;
    ngx_hd_zone_attach(&later.cycle, &later.conf);

    is_num(ngx_hd_store_verdict(&zone->record[later.target[0].record], NULL),
           NGX_HD_STATE_DOWN, "after a reload: what was found out last");

    records = RECORDS;
}


int
main(void)
{
    ngx_cached_time = &now;

    sem_init(&here, 0, 0);
    sem_init(&there, 0, 0);

    start();

    test_order();
    test_dead();
    test_others();
    test_renewed();
    test_doubt();
    test_stopped();
    test_blinking();
    test_given();
    test_spoilt();
    test_awaited();
    test_two();
    test_reload();
    test_marked();
    test_listed();
    test_left_out();
    test_twice();

    free(zone);

    return done();
}

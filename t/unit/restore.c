
/*
 * Unit test of ngx_hd_job.c and ngx_hd_restore.c: a zone is written to a file,
 * and a fresh one is filled from it, or from what was made of it.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_store.c"
#include "../../ngx_http_healthdash_module/ngx_hd_place.c"
#include "../../ngx_http_healthdash_module/ngx_hd_job.c"
#include "../../ngx_http_healthdash_module/ngx_hd_restore.c"

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>


#define TARGETS   8
#define PLACES    3       /* the last of them, in one test */
#define FIXED     (TARGETS - PLACES)
#define EVENTS    5
#define OTHERS    "what another writer has"
#define ROUNDS    150     /* in which a writer is killed, or stopped */
#define ZONE      (offsetof(ngx_hd_zone_t, record)                            \
                   + TARGETS * sizeof(ngx_hd_record_t))
#define SECOND    1000ULL
#define HOUR      (3600 * SECOND)
#define DAY       (24 * HOUR)


ngx_uint_t             ngx_worker;
ngx_pid_t              ngx_pid = 100;
ngx_uint_t             ngx_test_config;
volatile ngx_msec_t    ngx_current_msec;

static ngx_log_t       silent = { .log_level = NGX_LOG_DEBUG };
static char            logged[1024];
static int             lines;
static int             rivals;         /* who do so now */

static const ngx_hd_probe_type_t  asked;

static ngx_hd_zone_t       *zone;
static volatile uint32_t   *step;           /* what came of a writer */
static ngx_cycle_t          cycle;
static ngx_core_conf_t      core;
static ngx_hd_main_conf_t   conf;
static ngx_hd_check_t       every;
static ngx_hd_target_t      target[TARGETS], *list[TARGETS];

/* an upstream with spare servers, of which each is one target */

static ngx_hd_upstream_t    up, *ups[1] = { &up };
static ngx_hd_server_t      spare[PLACES];
static ngx_hd_target_t     *target_of[PLACES];
static ngx_sockaddr_t       sockaddr[PLACES], sockaddr_of[PLACES];
static u_char               text[PLACES][NGX_SOCKADDR_STRLEN];
static u_char               text_of[PLACES][NGX_SOCKADDR_STRLEN];

static char                 dir[] = "/tmp/hd-restore-XXXXXX";
static char                 name[64], temp[64], bad[64];
static u_char              *image;
static size_t               size;
static uint64_t             wall, mono;     /* when it was written */


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    (void) level;
    (void) log;
    (void) err;

    va_start(args, fmt);
    p = ngx_vslprintf((u_char *) logged, (u_char *) logged + sizeof(logged) - 1,
                      fmt, args);
    va_end(args);

    *p = '\0';
    lines++;
}


u_char *
ngx_log_errno(u_char *buf, u_char *last, ngx_err_t err)
{
    (void) last;
    (void) err;

    return buf;
}


void *
ngx_alloc(size_t n, ngx_log_t *log)
{
    (void) log;

    return malloc(n);
}


ngx_int_t
ngx_cmp_sockaddr(struct sockaddr *a, socklen_t alen, struct sockaddr *b,
    socklen_t blen, ngx_uint_t port)
{
    (void) port;

    return (alen == blen && memcmp(a, b, alen) == 0) ? NGX_OK : NGX_DECLINED;
}


/* another writer may make the file beside it right behind this one's back */

int
unlink(const char *file)
{
    int    rc, err;
    FILE  *f;

    rc = unlinkat(AT_FDCWD, file, 0);
    err = errno;

    if (rivals && strcmp(file, temp) == 0) {
        rivals--;
        f = fopen(file, "w");
        fputs(OTHERS, f);
        fclose(f);
    }

    errno = err;

    return rc;
}


/* the name of an address is its last byte, and its identity full of that */

void
ngx_hd_ident(ngx_hd_target_t *t)
{
    memset(t->id, t->name.data[0], NGX_HD_ID_LEN);
}


static void
set_name(ngx_str_t *str, char *value)
{
    str->data = (u_char *) value;
    str->len = strlen(value);
}


static void
setup(void)
{
    ngx_uint_t            i;
    ngx_hd_state_file_t  *file;

    if (mkdtemp(dir) == NULL) {
        exit(1);
    }

    sprintf(name, "%s/state", dir);
    sprintf(temp, "%s/state.tmp", dir);
    sprintf(bad, "%s/state.bad", dir);

    file = &conf.state_file;
    file->core = &core;

    set_name(&file->name, name);
    set_name(&file->temp, temp);
    set_name(&file->bad, bad);
    set_name(&file->folder, dir);

    zone = mmap(NULL, ZONE, PROT_READ|PROT_WRITE, MAP_ANON|MAP_SHARED, -1, 0);

    step = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_ANON|MAP_SHARED, -1, 0);

    core.user = geteuid();
    cycle.log = &silent;

    every.type = &asked;
    every.interval = 5 * SECOND;
    every.timeout = 2 * SECOND;

    for (i = 0; i < TARGETS; i++) {
        memset(target[i].id, 'a' + (int) i, NGX_HD_ID_LEN);
        target[i].check = &every;
        target[i].index = i;
        target[i].record = i;
        target[i].main = &conf;
        list[i] = &target[i];
    }

    conf.targets.elts = list;
    conf.targets.nelts = TARGETS;
    conf.generation = 1;
}


/* a zone as it is laid out when nginx is started */

static void
fresh(uint64_t at_wall, uint64_t at_mono)
{
    ngx_uint_t  i;

    memset(zone, 0, ZONE);

    ngx_current_msec = at_mono;

    for (i = 0; i < up.nspares; i++) {
        ngx_hd_place_copy(&up, &spare[i], &(ngx_hd_place_t) { .version = 0 });
        target_of[i]->name.len = 0;
    }

    zone->clock = (int64_t) (at_wall - at_mono);
    zone->saved.instance = at_wall;
    zone->generation = 1;

    conf.zone = zone;
    conf.state_file.restored = 0;

    for (i = 0; i < TARGETS; i++) {
        ngx_hd_store_reset(&zone->record[i], &target[i]);
        zone->record[i].generation = 1;
    }
}


/* odd ones are down, each since another time */

static void
fill(void)
{
    ngx_uint_t        i;
    ngx_hd_data_t     data;
    ngx_hd_told_t     told;
    ngx_hd_event_t    e;
    ngx_hd_history_t  history;

    for (i = 0; i < TARGETS; i++) {
        ngx_memzero(&data, sizeof(ngx_hd_data_t));
        ngx_memzero(&told, sizeof(ngx_hd_told_t));
        ngx_memzero(&history, sizeof(ngx_hd_history_t));

        data.state = (i & 1) ? NGX_HD_STATE_DOWN : NGX_HD_STATE_UP;
        data.checks = 1000 + i;
        data.recoveries = i;
        data.since = (int64_t) (wall - i * HOUR);
        data.since_mono = mono - i * HOUR;
        data.last = (int64_t) (wall - SECOND);
        data.last_mono = mono - SECOND;
        data.seen = wall - SECOND;
        data.pid = 4711;
        data.fails = 2;
        data.hold_until = i ? mono + 10 * SECOND : 0;
        data.open[NGX_HD_DAY].known = 5000;

        told.known = mono - DAY;
        told.mono = mono - 60 * SECOND;

        ngx_hd_store_restore(&zone->record[i], &data, &history, &told);
    }

    for (i = 0; i < EVENTS; i++) {
        ngx_memzero(&e, sizeof(ngx_hd_event_t));
        e.kind = NGX_HD_EVENT_ADDED;
        e.value = (uint32_t) i;
        (void) ngx_hd_event_add(zone, &e, ngx_current_msec, (int64_t) wall);
    }
}


static ngx_hd_job_step_e
save(void)
{
    ngx_uint_t          i;
    ngx_hd_job_t       *job;
    ngx_hd_job_step_e   came;

    job = ngx_hd_job_create(&conf.state_file, TARGETS, &silent);

    job->zone = zone;
    job->generation = 1;
    job->instance = zone->saved.instance;
    job->pid = getpid();
    job->master = getpid();

    zone->saved.lease = (uint64_t) getpid() << 32 | 1;
    *step = NGX_HD_JOB_THREAD;

    for (i = 0; i < TARGETS; i++) {
        job->record[i] = (uint32_t) i;
    }

    ngx_hd_job_thread(job);

    came = job->step;

    if (ngx_hd_job_is_done(job)) {
        ngx_hd_job_free(job);
    }

    return came;
}


static void
put(const void *data, size_t len)
{
    FILE  *f;

    f = fopen(name, "w");
    (void) !fwrite(data, 1, len, f);
    fclose(f);
    chmod(name, 0600);
}


static void
get(void)
{
    FILE  *f;

    free(image);

    f = fopen(name, "r");
    image = malloc(1 << 20);
    size = fread(image, 1, 1 << 20, f);
    fclose(f);
}


static int
is_there(const char *file)
{
    return access(file, F_OK) == 0;
}


static int
has(const char *file, const char *want)
{
    FILE  *f;
    char   got[64];

    f = fopen(file, "r");
    got[f ? fread(got, 1, sizeof(got) - 1, f) : 0] = '\0';

    if (f) {
        fclose(f);
    }

    return strcmp(got, want) == 0;
}


/* reads the file in a zone of then; returns how many targets it knew */

static ngx_uint_t
restore(uint64_t at_wall, uint64_t at_mono)
{
    ngx_uint_t         i;
    ngx_pool_t        *pool;
    ngx_hd_restore_t  *r;

    fresh(at_wall, at_mono);

    lines = 0;
    logged[0] = '\0';

    pool = ngx_create_pool(4096, &silent);

    r = ngx_hd_restore_begin(&cycle, &conf, pool);

    /* now it is known who gets a record */

    for (i = 0; i < up.nspares; i++) {
        ngx_hd_store_reset(&zone->record[FIXED + i], target_of[i]);
        zone->record[FIXED + i].generation = 1;
    }

    ngx_hd_place_settle(&conf);

    if (r) {
        ngx_hd_restore_end(r, pool);
    }

    ngx_destroy_pool(pool);

    return conf.state_file.restored;
}


static ngx_hd_data_t *
facts(ngx_uint_t i)
{
    static ngx_hd_data_t  data;

    (void) ngx_hd_store_read(&zone->record[i], &data);

    return &data;
}


/* what a zone that was restored may have: the truth, or nothing */

static int
is_sane(void)
{
    ngx_uint_t      i;
    ngx_hd_data_t  *data;

    for (i = 0; i < TARGETS; i++) {
        data = facts(i);

        if (data->state == NGX_HD_STATE_UNKNOWN) {
            if (data->checks) {
                return 0;
            }

            continue;
        }

        if (data->checks != 1000 + i
            || data->state != ((i & 1) ? NGX_HD_STATE_DOWN
                                       : NGX_HD_STATE_UP))
        {
            return 0;
        }
    }

    return 1;
}


static void
test_write(void)
{
    struct stat  st;

    wall = ngx_hd_clock_usec(CLOCK_REALTIME) / 1000;
    mono = ngx_hd_now_usec() / 1000;

    fresh(wall, mono);
    fill();

    is_num(save(), NGX_HD_JOB_NONE, "it is written");
    ok(!is_there(temp), "nothing is left beside it");

    stat(name, &st);
    is_num(st.st_mode & 07777, 0600, "it is for its owner");

    get();

    is_num(size, sizeof(ngx_hd_archive_head_t)
                 + TARGETS * sizeof(ngx_hd_archive_frame_t)
                 + EVENTS * sizeof(ngx_hd_event_t), "all is in it");

    zone->saved.lease = 0;
}


/* clocks are read one after the other */

static int
is_near(uint64_t a, uint64_t b)
{
    return a - b + SECOND < 2 * SECOND;
}


static void
test_clocks(void)
{
    uint64_t        away;
    ngx_uint_t      i;
    ngx_hd_data_t  *data;
    ngx_hd_event_t  e;

    away = 10 * SECOND;

    is_num(restore(wall + away, mono + away), TARGETS, "10 s later: all");
    ok(is_sane(), "as they were");
    is_num(lines, 1, "one line");

    data = facts(3);

    ok(is_near(data->since_mono, mono - 3 * HOUR), "since when");
    ok(is_near(zone->clock + ngx_current_msec, data->seen), "seen now");
    ok(data->open[NGX_HD_DAY].known >= 6000
       && data->open[NGX_HD_DAY].known < 8000, "known until it was written");
    is_num(data->pid, 0, "of no process");
    is_num(zone->record[3].cleared, 3, "nginx knows of its recoveries");
    ok(zone->record[3].due >= ngx_current_msec
       && zone->record[3].due < ngx_current_msec + 5 * SECOND, "due soon");
    is_num(zone->record[3].lease, 0, "held by nobody");
    ok(is_near(zone->record[3].told.mono, ngx_current_msec - 60 * SECOND),
       "what was told is as old as then");

    is_num(ngx_hd_event_last(zone), EVENTS, "events go on");

    for (i = 1; i <= EVENTS; i++) {
        check(ngx_hd_event_read(zone, i, &e) == NGX_OK && e.value == i - 1,
              "event %d", (int) i);
    }

    checked("and are there");

    /* a boot: the monotonic clock has just begun */

    is_num(restore(wall + 60 * SECOND, 500), TARGETS, "after a boot: all");

    data = facts(3);

    ok(is_near(data->since_mono, 500 - 3 * HOUR - 60 * SECOND),
       "since when, though that is below zero");
    is_num(data->hold_until, 1, "a hold is over");
    ok(is_near(zone->record[3].told.mono, 500 - 60 * SECOND),
       "what was told is as old as then");
    ok(is_near(zone->clock + ngx_current_msec, wall + 60 * SECOND),
       "the history goes on");

    /* the wall clock was set back */

    is_num(restore(wall - DAY, mono + SECOND), TARGETS, "set back: all");
    ok(zone->clock + ngx_current_msec >= wall, "the history does not go back");
    ok(is_sane(), "as they were");
}


static void
test_age(void)
{
    ngx_hd_data_t  *data;

    is_num(restore(wall + 59 * 60 * SECOND, mono), TARGETS, "59 min: all");
    ok(is_sane(), "as they were");

    is_num(restore(wall + 2 * HOUR, mono), TARGETS, "2 h later: all");

    data = facts(3);

    is_num(data->state, NGX_HD_STATE_UNKNOWN, "but not how they are");
    is_num(ngx_hd_store_verdict(&zone->record[3], NULL),
           NGX_HD_STATE_UNKNOWN, "for nginx, too");
    is_num(data->checks, 1003, "counters are there");
    is_num(data->fails, 0, "rows are not");
    is_num(data->since, 0, "nor since when");
    is_num(zone->record[3].told.mono, 0, "nor what was told");

    is_num(restore(wall + 100 * DAY, mono), 0, "100 days later: nothing");
    ok(strstr(logged, "is older than 90 days") != NULL, "that is said");
    put(image, size);
}


static void
test_lengths(void)
{
    size_t      len;
    ngx_uint_t  whole;

    for (len = 0; len < size; len += (len < 300) ? 1 : 97) {
        put(image, len);
        unlink(bad);

        whole = (len < sizeof(ngx_hd_archive_head_t))
                ? 0 : (len - sizeof(ngx_hd_archive_head_t))
                      / sizeof(ngx_hd_archive_frame_t);

        check(restore(wall + SECOND, mono + SECOND)
              == ngx_min(whole, TARGETS), "%d bytes: what is whole",
              (int) len);
        check(is_sane(), "%d bytes: nothing is invented", (int) len);
        check(lines == 1, "%d bytes: one line", (int) len);
        check(is_there(bad) && !is_there(name), "%d bytes: set aside",
              (int) len);
    }

    checked("cut off anywhere");
    ok(strstr(logged, "is cut off") != NULL, "that is said");

    put(image, size);
    ok(restore(wall, mono) == TARGETS && !strstr(logged, "cut"),
       "whole, it is not");

    image[size] = 'x';
    put(image, size + 1);
    is_num(restore(wall, mono), TARGETS, "with something behind it: all");
    ok(strstr(logged, "is damaged") != NULL, "that is said, too");
}


static void
test_bits(void)
{
    size_t          i;
    ngx_uint_t      n;
    ngx_hd_event_t  first, *e;

    for (i = 0; i < size; i += (i < sizeof(ngx_hd_archive_head_t)) ? 1 : 61) {
        image[i] ^= 1 << i % 8;
        put(image, size);
        image[i] ^= 1 << i % 8;

        n = restore(wall + SECOND, mono + SECOND);

        check(is_sane(), "byte %d: nothing is invented", (int) i);
        check(lines == 1, "byte %d: one line", (int) i);
        check(!is_there(name), "byte %d: set aside", (int) i);
        check(n >= TARGETS - 1 || i < sizeof(ngx_hd_archive_head_t),
              "byte %d: one is missing at most", (int) i);
    }

    checked("one bit flipped anywhere");

    /* parts that are good, in the wrong place */

    e = (ngx_hd_event_t *) (image + size) - 2;
    first = e[0];
    e[0] = e[1];
    put(image, size);
    e[0] = first;

    is_num(restore(wall, mono), TARGETS, "an event twice: all");
    ok(strstr(logged, "is damaged") != NULL, "but it is said");
    put(image, size);
}


static void
is_refused(const ngx_hd_archive_head_t *head, const char *why)
{
    u_char  *copy;

    copy = malloc(size);
    memcpy(copy, image, size);
    memcpy(copy, head, sizeof(ngx_hd_archive_head_t));
    put(copy, size);
    free(copy);

    is_num(restore(wall, mono), 0, "%s: nothing", why);
    ok(strstr(logged, why) != NULL && lines == 1, "%s: said once", why);
    ok(is_sane() && is_there(bad), "%s: set aside", why);
}


static void
test_foreign(void)
{
    ngx_hd_archive_head_t  head, good;

    memcpy(&good, image, sizeof(head));

    head = good;
    head.shape++;
    ngx_hd_archive_seal(&head);
    is_refused(&head, "was written by another build of healthdash");

    head = good;
    head.format++;
    ngx_hd_archive_seal(&head);
    is_refused(&head, "was written by another version of healthdash");

    head = good;
    head.order = 0x04030201;
    is_refused(&head, "was written on another kind of machine");

    head = good;
    head.clock = 1ULL << 60;
    ngx_hd_archive_seal(&head);
    is_refused(&head, "is damaged");

    memset(&head, 'x', sizeof(head));
    is_refused(&head, "is no state file");

    put("hello\n", 6);
    is_num(restore(wall, mono), 0, "a text: nothing");
    ok(strstr(logged, "is no state file") != NULL, "that is said");

    put("", 0);
    is_num(restore(wall, mono), 0, "an empty file: nothing");
    ok(strstr(logged, "is empty") != NULL, "that is said");

    unlink(name);
    is_num(restore(wall, mono), 0, "no file: nothing");
    is_num(lines, 0, "and nothing to say");

    put(image, size);
    chmod(name, 0666);
    is_num(restore(wall, mono), 0, "open to everyone: nothing");
    ok(strstr(logged, "can be written by everyone") != NULL, "that is said");
    put(image, size);

    ngx_test_config = 1;
    is_num(restore(wall, mono), 0, "nginx -t reads nothing");
    ngx_test_config = 0;
}


/* sums are right, for who writes the file can make them so */

static void
is_impossible(void (*spoil)(ngx_hd_archive_frame_t *f), const char *what)
{
    u_char                   *copy;
    ngx_hd_archive_head_t     head;
    ngx_hd_archive_frame_t   *f;

    copy = malloc(size);
    memcpy(copy, image, size);
    memcpy(&head, image, sizeof(head));

    f = (ngx_hd_archive_frame_t *) (copy + sizeof(head));

    spoil(f);
    ngx_hd_archive_seal_part(&head, &f->part, sizeof(*f));

    put(copy, size);
    free(copy);

    check(restore(wall, mono) == TARGETS - 1, "%s", what);
    check(is_sane(), "%s: nothing is invented", what);
}


#define SPOIL(name, what)                                                     \
    static void                                                               \
    name(ngx_hd_archive_frame_t *f)                                           \
    {                                                                         \
        what;                                                                 \
    }

SPOIL(spoil_state, f->data.state = NGX_HD_STATES)
SPOIL(spoil_verdict, f->data.verdict = 99)
SPOIL(spoil_reason, f->data.reason = NGX_HD_REASONS)
SPOIL(spoil_len, f->data.len = NGX_HD_DETAIL_LEN + 1)
SPOIL(spoil_state_len, f->data.state_len = 255)
SPOIL(spoil_issuer, f->data.cert.issuer_len = 65)
SPOIL(spoil_failed, f->data.failed.len = 193)
SPOIL(spoil_sample, f->data.failed.sample.len = 513)
SPOIL(spoil_line, f->data.failed.sample.line_len = 97)
SPOIL(spoil_value, f->data.value = NAN)
SPOIL(spoil_infinite, f->data.value = INFINITY)
SPOIL(spoil_seen, f->data.seen = 1ULL << 63)
SPOIL(spoil_since, f->data.since = -1)
SPOIL(spoil_since_mono, f->data.since_mono = mono + DAY)
SPOIL(spoil_told, f->told.len = 129)
SPOIL(spoil_status, f->told.status = 99)
SPOIL(spoil_number, f->part.number = 2)


static void
test_values(void)
{
    is_impossible(spoil_state, "state");
    is_impossible(spoil_verdict, "verdict");
    is_impossible(spoil_reason, "reason");
    is_impossible(spoil_len, "len");
    is_impossible(spoil_state_len, "state_len");
    is_impossible(spoil_issuer, "issuer_len");
    is_impossible(spoil_failed, "failed.len");
    is_impossible(spoil_sample, "sample.len");
    is_impossible(spoil_line, "sample.line_len");
    is_impossible(spoil_value, "value");
    is_impossible(spoil_infinite, "infinite value");
    is_impossible(spoil_seen, "seen");
    is_impossible(spoil_since, "since");
    is_impossible(spoil_since_mono, "since_mono");
    is_impossible(spoil_told, "told.len");
    is_impossible(spoil_status, "told.status");
    is_impossible(spoil_number, "number");

    checked("values that cannot be");
    put(image, size);
}


/* who may write, of two that both could */

static void
test_writers(void)
{
    pid_t                  pid;
    ngx_hd_archive_head_t  head;

    fresh(wall, mono);

    zone->saved.instance = 1;
    is_num(save(), NGX_HD_JOB_OTHER, "a later nginx that is there writes");
    ok(!is_there(temp), "nothing is left");

    memcpy(&head, image, sizeof(head));

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    waitpid(pid, NULL, 0);

    head.master = pid;
    ngx_hd_archive_seal(&head);
    put(&head, sizeof(head));

    is_num(save(), NGX_HD_JOB_NONE, "one that is gone does not");

    restore(wall, mono);
    ok(zone->saved.instance > 1, "whoever reads it is the later one");

    /* what is no file is left alone */

    unlink(name);
    mkdir(name, 0700);
    is_num(save(), NGX_HD_JOB_ODD, "a folder is not replaced");
    is_num(restore(wall, mono), 0, "nor read");
    ok(is_there(name) && strstr(logged, "is left as it is"), "nor moved");
    rmdir(name);

    (void) !symlink(bad, name);
    is_num(save(), NGX_HD_JOB_ODD, "a link is not replaced");
    is_num(restore(wall, mono), 0, "nor followed");
    ok(strstr(logged, "is a symbolic link") != NULL, "that is said");
    unlink(name);

    mkfifo(name, 0600);
    is_num(save(), NGX_HD_JOB_ODD, "a pipe is not replaced");
    is_num(restore(wall, mono), 0, "nor waited for");
    unlink(name);

    /* a file that somebody has put where ours is made */

    (void) !symlink("/nowhere/else", temp);
    is_num(save(), NGX_HD_JOB_NONE, "a link beside it is removed");
    unlink(name);

    rivals = 1;
    is_num(save(), NGX_HD_JOB_LEFT, "another writer's is no error");
    ok(has(temp, OTHERS), "nor is it removed");
    is_num(save(), NGX_HD_JOB_NONE, "the next time it was left behind");
    unlink(name);

    mkdir(temp, 0700);
    is_num(save(), NGX_HD_JOB_CREATE, "a folder beside it is in the way");
    rmdir(temp);
}


static void
test_left(void)
{
    ngx_hd_job_t  *job;

    job = ngx_hd_job_create(&conf.state_file, TARGETS, &silent);

    job->zone = NULL;
    job->left = 1;

    ngx_hd_job_thread(job);

    ok(!is_there(name) && !is_there(temp),
       "a job that was left reads no zone and leaves no file");

    fresh(wall, mono);
    zone->generation = 2;
    is_num(save(), NGX_HD_JOB_LEFT, "an older configuration gives up");
    ok(!is_there(name) && !is_there(temp), "and leaves no file");

    fresh(wall, mono);
    fill();
    zone->record[FIXED - 1].generation = 2;
    is_num(save(), NGX_HD_JOB_LEFT, "as does one that is about to be older");
    ok(!is_there(name) && !is_there(temp), "and leaves none with gaps");
}


/* a process that writes until it is killed, or once; says what came of it */

static pid_t
writer(int once)
{
    pid_t  pid;

    pid = fork();

    if (pid) {
        return pid;
    }

    do {
        *step = save();
    } while (!once);

    _exit(0);
}


/* so long that it is anywhere in its work */

static void
wait_a_little(unsigned i)
{
    struct timespec  ts;

    ts.tv_sec = 0;
    ts.tv_nsec = (long) (i * 7919 % 1500) * 1000;

    /* where files are written at once */

    if (i >= ROUNDS) {
        for (i = i * 7919 % 1500; i; i--) {
            sched_yield();
        }

        return;
    }

    nanosleep(&ts, NULL);
}


static void
test_killed(void)
{
    int       left;
    pid_t     pid;
    unsigned  i;

    fresh(wall, mono);
    fill();
    (void) save();

    for (i = 0, left = 0; i < ROUNDS; i++) {
        fresh(wall, mono);
        fill();

        pid = writer(0);

        wait_a_little(i);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        left += is_there(temp);

        check(restore(wall + SECOND, mono + SECOND) == TARGETS,
              "round %u: all", i);
        check(is_sane() && is_there(name) && !strstr(logged, "kept"),
              "round %u: whole", i);
    }

    checked("a writer that is killed anywhere spoils nothing");
    ok(left > 0, "it was killed while it wrote (%d times)", left);

    fresh(wall, mono);
    is_num(save(), NGX_HD_JOB_NONE, "the next one writes");
    ok(!is_there(temp), "and removes what was left");
}


/*
 * One that is stopped while another one takes over may come back, but what it
 * has then is old, and the file it was making is gone.
 */

static void
test_stopped(void)
{
    int                    late, gave_up;
    pid_t                  pid;
    unsigned               i;
    ngx_hd_archive_head_t  head;

    /* how often it is stopped early enough depends on the machine */

    for (i = 0, late = 0, gave_up = 0;
         i < ROUNDS || (gave_up <= 10 && i < 20 * ROUNDS);
         i++)
    {
        fresh(wall, mono);
        fill();
        *step = NGX_HD_JOB_SLOW;

        pid = writer(1);

        /* it has the lease */

        while (*step == NGX_HD_JOB_SLOW) { /* void */ }

        wait_a_little(i);
        kill(pid, SIGSTOP);
        waitpid(pid, NULL, WUNTRACED);

        if (*step != NGX_HD_JOB_THREAD) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            continue;
        }

        check(save() == NGX_HD_JOB_NONE, "round %u: another one writes", i);
        *step = NGX_HD_JOB_THREAD;

        kill(pid, SIGCONT);
        waitpid(pid, NULL, 0);

        get();
        memcpy(&head, image, sizeof(head));

        late += (head.master != (uint64_t) getpid());
        gave_up += (*step == NGX_HD_JOB_LEFT);

        check(restore(wall + SECOND, mono + SECOND) == TARGETS && is_sane(),
              "round %u: whole", i);
        check(!is_there(temp), "round %u: nothing is left", i);
    }

    checked("a writer that is stopped anywhere spoils nothing");
    ok(gave_up > 10, "it gives up (%d times)", gave_up);
    ok(late * 10 < gave_up, "and puts nothing old in place (%d times)", late);
}


static void
setup_places(void)
{
    ngx_uint_t              i;
    ngx_hd_target_t        *t;
    static ngx_hd_check_t  *checks[1] = { &every };

    up.main = &conf;
    up.group = 42;
    up.spares = spare;
    up.nspares = PLACES;
    up.checks.elts = checks;
    up.checks.nelts = 1;

    conf.upstreams.elts = ups;
    conf.upstreams.nelts = 1;

    for (i = 0; i < PLACES; i++) {
        t = &target[FIXED + i];
        t->spare = 1;
        t->upstream = &up;
        t->address.data = text_of[i];
        t->sockaddr = &sockaddr_of[i].sockaddr;

        target_of[i] = t;

        spare[i].targets = &target_of[i];
        spare[i].name.data = text[i];
        spare[i].sockaddr = &sockaddr[i].sockaddr;
    }
}


static ngx_hd_place_t
address(int c, uint64_t gone)
{
    ngx_hd_place_t      p;
    struct sockaddr_in  sin;

    memset(&p, 0, sizeof(p));
    memset(&sin, 0, sizeof(sin));

    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl((uint32_t) c);

    p.version = NGX_HD_PLACE_USED | (uint64_t) c;
    p.gone = gone;
    p.group = 42;
    p.socklen = sizeof(sin);
    memcpy(p.sockaddr, &sin, sizeof(sin));

    return p;
}


/*
 * A zone that knows addresses: x is there, X has been gone for some minutes,
 * the more the later it stands.  Written, and read to be spoilt.
 */

static void
save_places(const char *names)
{
    ngx_uint_t      i;
    ngx_hd_place_t  p;

    fresh(wall, mono);
    fill();

    for (i = 0; i < PLACES; i++) {
        p = address(names[i] | 0x20, (names[i] & 0x20)
                    ? 0 : ngx_hd_gone(mono - (i + 1) * 60 * SECOND, 0));

        ngx_hd_place_write(&zone->record[FIXED + i].place, &p);
        memset(zone->record[FIXED + i].id, names[i] | 0x20, NGX_HD_ID_LEN);
    }

    unlink(name);
    (void) save();
    get();
}


/*
 * What spare servers stand for in a zone that was restored: "a" is awaited, "A"
 * was taken away, "-" is nobody's; "?" behind it: nothing is known of it.
 */

static const char *
places(void)
{
    char             *p;
    ngx_uint_t        i;
    ngx_hd_place_t    place;
    static char       all[2 * PLACES + 1];

    p = all;

    for (i = 0; i < up.nspares; i++) {
        ngx_hd_place_look(&up, &spare[i], &place);

        if (place.version == 0) {
            *p++ = '-';
            continue;
        }

        *p = (char) ntohl(((struct sockaddr_in *) place.sockaddr)
                          ->sin_addr.s_addr);

        check(place.gone != 0, "%c is not there yet", *p);
        check(zone->record[FIXED + i].id[0] == (u_char) *p,
              "%c has its own record", *p);

        if (!ngx_hd_gone_awaited(place.gone)) {
            *p -= 'a' - 'A';
        }

        p++;

        if (facts(FIXED + i)->checks == 0) {
            *p++ = '?';
        }
    }

    *p = '\0';

    return all;
}


static void
test_places(void)
{
    ngx_hd_place_t           p;
    ngx_hd_archive_head_t    head;
    ngx_hd_archive_place_t  *place;
    ngx_hd_archive_frame_t  *frame;

    setup_places();

    wall = ngx_hd_clock_usec(CLOCK_REALTIME) / 1000;
    mono = ngx_hd_clock_usec(CLOCK_MONOTONIC) / 1000;

    save_places("xyZ");

    is_num(size, sizeof(ngx_hd_archive_head_t)
                 + PLACES * sizeof(ngx_hd_archive_place_t)
                 + TARGETS * sizeof(ngx_hd_archive_frame_t)
                 + EVENTS * sizeof(ngx_hd_event_t), "places are in it");

    is_num(restore(wall + 10 * SECOND, mono + 10 * SECOND), TARGETS,
           "10 s later: all");
    is_str(places(), "xyZ", "they wait for DNS");
    ok(strstr(logged, "5 of 5 targets are known from it, and 3 of servers by "
              "DNS") != NULL, "that is said");

    ngx_hd_place_look(&up, &spare[0], &p);
    is_num(ngx_hd_place_age(p.gone), 0, "what was there is gone from now on");
    ngx_hd_place_look(&up, &spare[2], &p);
    ok(is_near(ngx_hd_place_age(p.gone), 190 * SECOND),
       "what was taken away since then");
    is_num(ngx_hd_store_verdict(&zone->record[FIXED], NULL),
           NGX_HD_STATE_DOWN, "x is as it was");

    /* a boot, and an hour: their history counts, their state does not */

    (void) restore(wall + 2 * HOUR, 500);
    is_str(places(), "xyZ", "after a boot: all");
    ngx_hd_place_look(&up, &spare[2], &p);
    ok(is_near(ngx_hd_place_age(p.gone), 2 * HOUR + 180 * SECOND),
       "gone for longer than the machine has run");
    is_num(ngx_hd_store_verdict(&zone->record[FIXED], NULL),
           NGX_HD_STATE_UNKNOWN, "states are too old");

    (void) restore(wall + 90 * DAY - 60 * SECOND, mono);
    is_str(places(), "xy-", "who has been gone for 90 days is forgotten");

    /* fewer places now: who has been gone for the shortest time has one */

    save_places("XYz");
    up.nspares = 1;
    (void) restore(wall, mono);
    is_str(places(), "z", "one place: who was there");
    up.nspares = 2;
    (void) restore(wall, mono);
    is_str(places(), "Xz", "two: and who went last");

    up.nspares = PLACES;
    up.group = 43;
    is_num(restore(wall, mono), FIXED, "another upstream: nothing of these");
    is_str(places(), "---", "they are not seated");
    is_num(lines, 1, "that is in order");
    up.group = 42;

    /* damage costs what is damaged */

    memcpy(&head, image, sizeof(head));
    place = (ngx_hd_archive_place_t *) (image + sizeof(head));
    frame = (ngx_hd_archive_frame_t *) (place + PLACES);

    place[1].place.sockaddr[5] ^= 1;
    put(image, size);
    (void) restore(wall, mono);
    is_str(places(), "Xz-", "a damaged address is left out");
    ok(strstr(logged, "is damaged") != NULL && lines == 1, "that is said");
    place[1].place.sockaddr[5] ^= 1;

    frame[FIXED + 1].data.checks ^= 1;
    put(image, size);
    (void) restore(wall, mono);
    is_str(places(), "XY?z", "of a damaged target nothing is known");
    frame[FIXED + 1].data.checks ^= 1;

    /* sums are right, for who writes the file can make them so */

    place[1].place.socklen = 28;
    ngx_hd_archive_seal_part(&head, &place[1].part, sizeof(place[1]));
    put(image, size);
    (void) restore(wall, mono);
    is_str(places(), "Xz-", "an address of another length is none");

    place[1].place = address('y', ngx_hd_gone(mono + 2 * HOUR, 0));
    ngx_hd_archive_seal_part(&head, &place[1].part, sizeof(place[1]));
    put(image, size);
    (void) restore(wall, mono);
    is_str(places(), "Xz-", "nor is one that goes tomorrow");

    place[1].place = address('x', 0);
    ngx_hd_archive_seal_part(&head, &place[1].part, sizeof(place[1]));
    put(image, size);
    (void) restore(wall, mono);
    is_str(places(), "Xz-", "nobody is seated twice");

    ((struct sockaddr *) place[1].place.sockaddr)->sa_family = AF_UNIX;
    ngx_hd_archive_seal_part(&head, &place[1].part, sizeof(place[1]));
    put(image, size);
    (void) restore(wall, mono);
    is_str(places(), "Xz-", "what DNS cannot give is none");

    checked("places are in order");
}


/* a former holder has spoilt the facts just when they are written */

static void
test_spoilt(void)
{
    fresh(wall, mono);
    fill();

    zone->record[1].copy[0].sum++;
    zone->record[1].copy[1].sum++;

    is_num(save(), NGX_HD_JOB_NONE, "with facts that are spoilt: written");
    (void) restore(wall, mono);
    is_num(facts(1)->state, NGX_HD_STATE_DOWN, "who is down stays so");
    is_num(facts(1)->checks, 0, "of which no more is known");
    is_num(facts(3)->checks, 1003, "than of others");
}


int
main(void)
{
    setup();

    test_write();
    test_clocks();
    test_age();
    test_lengths();
    test_bits();
    test_foreign();
    test_values();
    test_writers();
    test_left();
    test_killed();
    test_stopped();
    test_spoilt();
    test_places();

    unlink(name);
    unlink(bad);
    rmdir(dir);

    free(image);

    return done();
}

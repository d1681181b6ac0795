
/*
 * A libFuzzer target: a state file, as nginx reads it when it is started.  Byte
 * 0 says what is made right before it is read, since no fuzzer finds a sum: 1:
 * the head, 2: what DNS has given and frames, 4: the head is a good one, 8: what
 * follows it, too, and is only spoilt here and there.
 */


#include <fuzz.h>
#include <ngx_hd_archive.h>
#include <ngx_hd_event.h>
#include <ngx_hd_place.h>
#include <ngx_hd_restore.h>
#include <ngx_hd_store.h>

#include <sys/mman.h>


#define HD_FUZZ_TARGETS  2
#define HD_FUZZ_SPARE    1       /* the last of them: a server by DNS */
#define HD_FUZZ_MOST     65536


static ngx_hd_zone_t        *hd_fuzz_zone;
static ngx_core_conf_t       hd_fuzz_core;
static ngx_hd_main_conf_t    hd_fuzz_conf;
static ngx_hd_target_t       hd_fuzz_target[HD_FUZZ_TARGETS];
static ngx_hd_target_t      *hd_fuzz_list[HD_FUZZ_TARGETS];
static char                  hd_fuzz_name[64], hd_fuzz_bad[64];
static u_char                hd_fuzz_file[HD_FUZZ_MOST];

static ngx_hd_upstream_t     hd_fuzz_up, *hd_fuzz_ups[1] = { &hd_fuzz_up };
static ngx_hd_server_t       hd_fuzz_server;
static ngx_sockaddr_t        hd_fuzz_sockaddr[2];
static u_char                hd_fuzz_text[2][NGX_SOCKADDR_STRLEN];


static void
hd_fuzz_name_set(ngx_str_t *str, char *name, const char *end)
{
    sprintf(name, "/tmp/hd-fuzz-%d%s", (int) getpid(), end);

    str->data = (u_char *) name;
    str->len = strlen(name);
}


/* a server that may be any address */

static void
hd_fuzz_spare_make(ngx_hd_target_t *t)
{
    static ngx_hd_target_t  *list[1];
    static ngx_hd_check_t   *checks[1];

    list[0] = t;
    checks[0] = t->check;

    t->spare = 1;
    t->upstream = &hd_fuzz_up;
    t->sockaddr = &hd_fuzz_sockaddr[0].sockaddr;
    t->address.data = hd_fuzz_text[0];
    t->name.len = 0;

    hd_fuzz_server.targets = list;
    hd_fuzz_server.sockaddr = &hd_fuzz_sockaddr[1].sockaddr;
    hd_fuzz_server.name.data = hd_fuzz_text[1];

    hd_fuzz_up.main = &hd_fuzz_conf;
    hd_fuzz_up.spares = &hd_fuzz_server;
    hd_fuzz_up.nspares = 1;
    hd_fuzz_up.checks.elts = checks;
    hd_fuzz_up.checks.nelts = 1;

    hd_fuzz_conf.upstreams.elts = hd_fuzz_ups;
    hd_fuzz_conf.upstreams.nelts = 1;

    ngx_hd_place_copy(&hd_fuzz_up, &hd_fuzz_server,
                      &(ngx_hd_place_t) { .version = 0 });
}


static void
hd_fuzz_zone_make(void)
{
    size_t       size;
    ngx_uint_t   i;
    ngx_time_t  *tp;

    size = offsetof(ngx_hd_zone_t, record)
           + HD_FUZZ_TARGETS * sizeof(ngx_hd_record_t);

    if (hd_fuzz_zone == NULL) {
        hd_fuzz_zone = malloc(size);

        hd_fuzz_name_set(&hd_fuzz_conf.state_file.name, hd_fuzz_name, "");
        hd_fuzz_name_set(&hd_fuzz_conf.state_file.bad, hd_fuzz_bad, ".bad");

        hd_fuzz_conf.state_file.core = &hd_fuzz_core;
        hd_fuzz_conf.zone = hd_fuzz_zone;
        hd_fuzz_conf.targets.elts = hd_fuzz_list;
        hd_fuzz_conf.targets.nelts = HD_FUZZ_TARGETS;
        hd_fuzz_core.user = geteuid();
    }

    ngx_memzero(hd_fuzz_zone, size);

    tp = ngx_timeofday();

    hd_fuzz_zone->clock = (int64_t) tp->sec * 1000 + tp->msec
                          - (int64_t) ngx_current_msec;

    for (i = 0; i < HD_FUZZ_TARGETS; i++) {
        hd_fuzz_list[i] = &hd_fuzz_target[i];
        hd_fuzz_target[i].check = hd_fuzz_check("http", 0);
        hd_fuzz_target[i].check->interval = 5000;
        hd_fuzz_target[i].main = &hd_fuzz_conf;
        hd_fuzz_target[i].record = i;

        ngx_memset(hd_fuzz_target[i].id, (int) i, NGX_HD_ID_LEN);
    }

    hd_fuzz_spare_make(&hd_fuzz_target[HD_FUZZ_SPARE]);
}


/* as the master does it */

static void
hd_fuzz_read(ngx_pool_t *pool)
{
    ngx_uint_t         i;
    ngx_hd_restore_t  *r;

    r = ngx_hd_restore_begin((ngx_cycle_t *) ngx_cycle, &hd_fuzz_conf, pool);

    for (i = 0; i < HD_FUZZ_TARGETS; i++) {
        ngx_hd_store_reset(&hd_fuzz_zone->record[i], &hd_fuzz_target[i]);
    }

    ngx_hd_place_settle(&hd_fuzz_conf);

    if (r) {
        ngx_hd_restore_end(r, pool);
    }
}


/* makes right what the shape says; the file may end anywhere */

static void
hd_fuzz_mend(u_char shape, size_t size)
{
    u_char                  *p, *last, id[NGX_HD_ID_LEN];
    uint64_t                 i;
    ngx_time_t              *tp;
    ngx_hd_target_t         *spare;
    ngx_hd_archive_head_t   *head, good;
    ngx_hd_archive_place_t  *place;
    ngx_hd_archive_frame_t  *frame;

    head = (ngx_hd_archive_head_t *) hd_fuzz_file;
    last = hd_fuzz_file + size;

    if (size < sizeof(ngx_hd_archive_head_t)) {
        return;
    }

    if (shape & 4) {
        tp = ngx_timeofday();

        ngx_hd_archive_init(&good);

        good.instance = 1;
        good.wall = (int64_t) tp->sec * 1000 - (int64_t) (head->wall & 0xffff);
        good.mono = 100000000000ULL;
        good.clock = (uint64_t) good.wall;
        good.places = head->places & 3;
        good.targets = head->targets & 3;
        good.events = head->events & 7;
        good.event = good.events;

        *head = good;
    }

    p = (u_char *) (head + 1);

    for (i = 1; i <= head->places && (shape & 2); i++) {
        place = (ngx_hd_archive_place_t *) p;
        p += sizeof(ngx_hd_archive_place_t);

        if (p > last || p < (u_char *) place) {
            break;
        }

        if (shape & 8) {
            place->part.number = i;
            place->place.version |= 1;
            place->place.group = 0;
            place->place.socklen = sizeof(struct sockaddr_in);
            ((struct sockaddr *) place->place.sockaddr)->sa_family = AF_INET;
        }

        ngx_hd_archive_seal_part(head, &place->part, sizeof(*place));

        /* so that its frame is found */

        if (i == 1 && (shape & 8)) {
            ngx_hd_place_copy(&hd_fuzz_up, &hd_fuzz_server, &place->place);
        }
    }

    spare = &hd_fuzz_target[HD_FUZZ_SPARE];
    ngx_memcpy(id, spare->id, NGX_HD_ID_LEN);
    hd_fuzz_spare_make(spare);

    for (i = 1; i <= head->targets && (shape & 2); i++) {
        frame = (ngx_hd_archive_frame_t *) p;
        p += sizeof(ngx_hd_archive_frame_t);

        if (p > last || p < (u_char *) frame) {
            break;
        }

        if (shape & 8) {
            frame->part.number = i;
            ngx_memcpy(frame->id, (i & 1) ? id : hd_fuzz_target[0].id,
                       NGX_HD_ID_LEN);
        }

        ngx_hd_archive_seal_part(head, &frame->part, sizeof(*frame));
    }

    if (shape & 1) {
        ngx_hd_archive_seal(head);
    }
}


/* what was let in must be possible */

static void
hd_fuzz_judge(void)
{
    uint64_t          i;
    ngx_hd_data_t     data;
    ngx_hd_span_t     sums[NGX_HD_WINDOWS];
    ngx_hd_event_t    e;
    ngx_hd_record_t  *rec;

    for (i = 0; i < HD_FUZZ_TARGETS; i++) {
        rec = &hd_fuzz_zone->record[i];

        hd_fuzz_want(ngx_hd_store_read(rec, &data) == NGX_OK);
        hd_fuzz_want(data.state < NGX_HD_STATES);
        hd_fuzz_want(data.reason < NGX_HD_REASONS);
        hd_fuzz_want(data.len <= NGX_HD_DETAIL_LEN);
        hd_fuzz_want(data.failed.sample.len <= NGX_HD_SAMPLE_LEN);
        hd_fuzz_want(data.value - data.value == 0);
        hd_fuzz_want(rec->told.len <= NGX_HD_MESSAGE_LEN);
        hd_fuzz_want(rec->lease == 0);
        hd_fuzz_want(rec->place.version == 0 || rec->place.gone);
        hd_fuzz_want(rec->place.socklen <= sizeof(rec->place.sockaddr));

        ngx_hd_history_sums(&rec->history, &data, sums);
        hd_fuzz_want(sums[0].down <= sums[0].known);
    }

    for (i = 1; i <= 8; i++) {
        if (ngx_hd_event_read(hd_fuzz_zone, i, &e) == NGX_OK) {
            hd_fuzz_want(e.kind < NGX_HD_EVENT_KINDS);
            hd_fuzz_want(e.text_len <= NGX_HD_EVENT_TEXT);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int          fd;
    ngx_pool_t  *pool;

    if (size < 2 || size > HD_FUZZ_MOST) {
        return 0;
    }

    size--;

    hd_fuzz_zone_make();

    ngx_memcpy(hd_fuzz_file, data + 1, size);
    hd_fuzz_mend(data[0], size);

    fd = open(hd_fuzz_name, O_CREAT|O_WRONLY|O_TRUNC, 0600);
    hd_fuzz_want(fd != -1);
    hd_fuzz_want(write(fd, hd_fuzz_file, size) == (ssize_t) size);
    close(fd);

    pool = ngx_create_pool(1024, &hd_fuzz_log);

    hd_fuzz_read(pool);
    hd_fuzz_judge();

    ngx_destroy_pool(pool);

    (void) unlink(hd_fuzz_name);
    (void) unlink(hd_fuzz_bad);

    return 0;
}

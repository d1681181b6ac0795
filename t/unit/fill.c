
/*
 * No unit test: fills the zone of a running nginx, whose workers are stopped
 * meanwhile, with a past that took 90 days to come about.  Called by
 * HealthDash::Past: fill PID, where PID has the zone mapped.  Each target that
 * has a result gets 60 minutes, 48 hours, 90 days and 120 results; about one
 * hour or day of eight was not all well.
 */


#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_history.c"
#include "../../ngx_http_healthdash_module/ngx_hd_store.c"

#include <stdio.h>
#include <fcntl.h>


ngx_uint_t            ngx_worker;
ngx_pid_t             ngx_pid;
volatile ngx_msec_t   ngx_current_msec;


static uint64_t       seed = 0x9e3779b97f4a7c15ULL;


static uint64_t
chance(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % n;
}


static void
stretch(ngx_hd_open_t *open, uint64_t length)
{
    memset(open, 0, sizeof(ngx_hd_open_t));

    open->known = (uint32_t) length;
    open->checks = (uint32_t) (length / 5000);
    open->sum = open->checks * 1500ULL;
    open->max = 9000;

    switch (chance(24)) {

    case 0:
        open->failures = open->checks / 4;
        open->down = (uint32_t) (length / 4);
        break;

    case 1:
        open->failures = open->checks / 90;
        break;

    case 2:
        open->slow = open->checks / 2;
        break;
    }
}


static void
fill_level(ngx_hd_history_t *h, ngx_hd_data_t *data, ngx_uint_t level)
{
    uint64_t              n, length;
    ngx_uint_t            age;
    ngx_hd_open_t         open;

    length = ngx_hd_levels[level].length;
    n = data->seen / length;

    for (age = 1; age < ngx_hd_levels[level].places; age++) {
        stretch(&open, length);
        ngx_hd_history_pack(ngx_hd_history_place(h, level, n - age), &open);
    }

    stretch(&data->open[level], data->seen % length);
}


static void
fill_results(ngx_hd_history_t *h, ngx_hd_data_t *data)
{
    ngx_uint_t       i;
    ngx_hd_data_t    then;
    ngx_hd_result_t  result;

    then = *data;

    memset(&result, 0, sizeof(ngx_hd_result_t));

    for (i = 0; i < NGX_HD_RESULTS; i++) {
        then.checks++;
        then.seen = data->seen - (NGX_HD_RESULTS - i) * 5000;
        result.verdict = chance(20) ? NGX_HD_PASS : NGX_HD_FAIL;
        result.usec = (uint32_t) (800 + chance(3000));

        ngx_hd_history_keep(h, &then, &result);
    }

    data->checks = then.checks;
}


static void
fill(ngx_hd_record_t *rec)
{
    uint32_t       count;
    uint64_t       seq;
    ngx_uint_t     level;
    ngx_hd_data_t  data;

    if (ngx_hd_store_read(rec, &data) != NGX_OK || data.checks == 0) {
        return;
    }

    for (level = 0; level < NGX_HD_LEVELS; level++) {
        fill_level(&rec->history, &data, level);
    }

    fill_results(&rec->history, &data);

    count = ngx_hd_count(rec->seq) + 1;
    seq = (uint64_t) ngx_hd_epoch(rec->seq) << 32 | count;

    ngx_hd_store_write(&rec->copy[count & 1], &data,
                       ngx_hd_store_write_note(&rec->note, &data, seq), count);
    rec->seq = seq;
}


static ngx_hd_zone_t *
zone(u_char *p, size_t size)
{
    size_t  at;

    for (at = 0; at + sizeof(ngx_hd_zone_t) < size; at += 4096) {

        if (((ngx_hd_zone_t *) (p + at))->magic == NGX_HD_MAGIC) {
            return (ngx_hd_zone_t *) (p + at);
        }
    }

    return NULL;
}


/* one mapping: 1 if it has a zone, and is filled */

static int
mapping(int fd, off_t begin, size_t size)
{
    u_char         *p;
    uint64_t        i;
    ngx_hd_zone_t  *z;

    p = malloc(size);

    if (p == NULL || pread(fd, p, size, begin) != (ssize_t) size) {
        free(p);
        return 0;
    }

    z = zone(p, size);

    for (i = 0; z && i < z->capacity; i++) {
        fill(&z->record[i]);
    }

    if (z && pwrite(fd, p, size, begin) != (ssize_t) size) {
        perror("write");
        exit(1);
    }

    free(p);

    return z != NULL;
}


int
main(int argc, char **argv)
{
    int            fd, found;
    char           path[64], line[512];
    FILE          *maps;
    unsigned long  begin, end;

    snprintf(path, sizeof(path), "/proc/%s/maps", argc > 1 ? argv[1] : "");
    maps = fopen(path, "r");

    snprintf(path, sizeof(path), "/proc/%s/mem", argc > 1 ? argv[1] : "");
    fd = open(path, O_RDWR);

    if (maps == NULL || fd == -1) {
        perror(path);
        return 1;
    }

    for (found = 0; fgets(line, sizeof(line), maps); ) {

        if (sscanf(line, "%lx-%lx rw-s", &begin, &end) == 2
            && strstr(line, " rw-s "))
        {
            found += mapping(fd, (off_t) begin, end - begin);
        }
    }

    return found == 1 ? 0 : (fprintf(stderr, "%d zones\n", found), 1);
}

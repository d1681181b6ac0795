
/*
 * The shared zone.  The master lays it out and gives the targets their records
 * before it forks; after that records are claimed, published and read by the
 * workers without a lock.  Nothing is allocated here once workers run, and
 * nothing in the zone is a pointer.
 */


#include <ngx_hd_store.h>


#define NGX_HD_READ_TRIES     64
#define NGX_HD_MIN_TARGETS    16

#define ngx_hd_epoch(seq)     ((uint32_t) ((seq) >> 32))
#define ngx_hd_count(seq)     ((uint32_t) (seq))
#define ngx_hd_until(word)    ((uint32_t) (word))
#define ngx_hd_slot(word)     ((ngx_uint_t) ((word) >> 48))


/* the facts as words; they may be seen half written, so no struct access */

typedef uint64_t  ngx_hd_word_t __attribute__((may_alias));

#define NGX_HD_DATA_WORDS     (sizeof(ngx_hd_data_t) / sizeof(ngx_hd_word_t))


/* finds records by identity while targets are attached; open addressing */

typedef struct {
    ngx_hd_zone_t    *zone;
    ngx_uint_t        mask;
    uint32_t         *slots;    /* index + 1, or 0 */
} ngx_hd_index_t;


/* hands out records nobody uses, the least recently used configuration first */

typedef struct {
    ngx_hd_zone_t    *zone;
    uint64_t          generation;   /* of the new configuration */
    uint64_t          below;        /* takes records older than this */
    ngx_uint_t        next;
} ngx_hd_spare_t;


static ngx_hd_zone_t *ngx_hd_store_valid(ngx_shm_zone_t *shm_zone);
static ngx_shm_zone_t *ngx_hd_store_old(ngx_cycle_t *cycle,
    ngx_shm_zone_t *shm_zone);
static void ngx_hd_store_match(ngx_hd_main_conf_t *hmcf, ngx_hd_index_t *index,
    uint64_t generation);
static void ngx_hd_store_fill(ngx_hd_main_conf_t *hmcf, ngx_hd_index_t *index,
    uint64_t generation);
static ngx_int_t ngx_hd_store_index(ngx_hd_index_t *index, ngx_hd_zone_t *zone,
    ngx_pool_t *pool);
static ngx_hd_record_t *ngx_hd_store_lookup(ngx_hd_index_t *index,
    u_char *id);
static ngx_hd_record_t *ngx_hd_store_unused(ngx_hd_spare_t *spare);
static void ngx_hd_store_reset(ngx_hd_record_t *rec, ngx_hd_target_t *t);
static void ngx_hd_store_import(ngx_hd_record_t *rec, ngx_hd_record_t *old);
static void ngx_hd_store_limit_due(ngx_hd_record_t *rec, ngx_hd_target_t *t);
static ngx_uint_t ngx_hd_store_is_held(ngx_hd_main_conf_t *hmcf,
    ngx_hd_record_t *rec, uint64_t word);
static ngx_int_t ngx_hd_store_fence(ngx_hd_record_t *rec, uint32_t epoch);
static void ngx_hd_store_write(ngx_hd_copy_t *copy, const ngx_hd_data_t *data,
    uint32_t count);
static void ngx_hd_store_set_verdict(ngx_hd_record_t *rec, uint32_t count,
    const ngx_hd_data_t *data);
static uint64_t ngx_hd_store_sum(const ngx_hd_data_t *data, uint32_t count);
static uint64_t ngx_hd_store_spread(u_char *id);


size_t
ngx_hd_store_size(ngx_uint_t n)
{
    size_t  bytes, pages;

    bytes = offsetof(ngx_hd_zone_t, record) + n * sizeof(ngx_hd_record_t);

    /* one page for the log context, one lost to alignment */
    pages = (bytes + ngx_pagesize - 1) / ngx_pagesize + 2;

    bytes = sizeof(ngx_slab_pool_t)
            + ngx_pagesize_shift * (sizeof(ngx_slab_page_t)
                                    + sizeof(ngx_slab_stat_t))
            + pages * (ngx_pagesize + sizeof(ngx_slab_page_t));

    bytes = ngx_align(bytes, ngx_pagesize);

    return ngx_max(bytes, 8 * ngx_pagesize);
}


size_t
ngx_hd_store_auto_size(ngx_uint_t n)
{
    size_t  size, need;

    need = ngx_hd_store_size(2 * ngx_max(n, NGX_HD_MIN_TARGETS));

    for (size = 8 * ngx_pagesize; size < need; size *= 2) { /* void */ }

    return size;
}


ngx_int_t
ngx_hd_store_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t               len;
    ngx_hd_zone_t       *zone;
    ngx_slab_pool_t     *shpool;
    ngx_hd_main_conf_t  *hmcf;

    hmcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data || shm_zone->shm.exists) {
        hmcf->zone = ngx_hd_store_valid(shm_zone);
        return hmcf->zone ? NGX_OK : NGX_ERROR;
    }

    len = sizeof(" in healthdash zone \"\"") + shm_zone->shm.name.len;

    shpool->log_ctx = ngx_slab_alloc(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in healthdash zone \"%V\"%Z",
                &shm_zone->shm.name);

    /* all the rest; not cleared, as new mappings are and to save the memory */

    len = shpool->pfree * ngx_pagesize;

    zone = ngx_slab_alloc(shpool, len);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(zone, offsetof(ngx_hd_zone_t, record));

    zone->capacity = (len - offsetof(ngx_hd_zone_t, record))
                     / sizeof(ngx_hd_record_t);
    zone->layout = NGX_HD_LAYOUT;
    zone->record_size = sizeof(ngx_hd_record_t);
    zone->magic = NGX_HD_MAGIC;

    shpool->data = zone;
    hmcf->zone = zone;

    return NGX_OK;
}


ngx_uint_t
ngx_hd_store_is_foreign(ngx_cycle_t *old_cycle, ngx_shm_zone_t *shm_zone)
{
    ngx_shm_zone_t  *old;

    old = ngx_hd_store_old(old_cycle, shm_zone);

    return old && ngx_hd_store_valid(old) == NULL;
}


/* the zone's content if this build laid it out */

static ngx_hd_zone_t *
ngx_hd_store_valid(ngx_shm_zone_t *shm_zone)
{
    u_char           *p, *end;
    ngx_hd_zone_t    *zone;
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shpool == NULL) {
        return NULL;
    }

    p = shpool->data;
    end = shm_zone->shm.addr + shm_zone->shm.size;

    if (p < shm_zone->shm.addr
        || p + offsetof(ngx_hd_zone_t, record) > end
        || ((uintptr_t) p & (sizeof(uint64_t) - 1)))
    {
        return NULL;
    }

    zone = (ngx_hd_zone_t *) p;

    if (zone->magic != NGX_HD_MAGIC
        || zone->layout != NGX_HD_LAYOUT
        || zone->record_size != sizeof(ngx_hd_record_t)
        || zone->capacity > (size_t) (end - (u_char *) zone->record)
                            / sizeof(ngx_hd_record_t))
    {
        return NULL;
    }

    return zone;
}


/* our zone in the cycle before: by the module, else by its name */

static ngx_shm_zone_t *
ngx_hd_store_old(ngx_cycle_t *cycle, ngx_shm_zone_t *shm_zone)
{
    ngx_str_t        *name;
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone, *found;
    ngx_list_part_t  *part;

    found = NULL;
    name = &shm_zone->shm.name;

    for (part = &cycle->shared_memory.part; part; part = part->next) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].tag == shm_zone->tag) {
                return &zone[i];
            }

            if (zone[i].shm.name.len == name->len
                && ngx_strncmp(zone[i].shm.name.data, name->data, name->len)
                   == 0)
            {
                found = &zone[i];
            }
        }
    }

    return found;
}


void
ngx_hd_store_attach(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf)
{
    uint64_t         generation;
    ngx_time_t      *tp;
    ngx_pool_t      *pool;
    ngx_hd_zone_t   *zone, *from;
    ngx_hd_index_t   index;
    ngx_shm_zone_t  *old;

    zone = hmcf->zone;
    from = zone;

    if (zone->generation == 0) {
        old = ngx_hd_store_old(cycle->old_cycle, hmcf->shm_zone);
        from = old ? ngx_hd_store_valid(old) : NULL;

        if (old && from == NULL) {
            ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                          "healthdash: zone \"%V\" was laid out by another "
                          "build of the module, its history starts afresh",
                          &hmcf->shm_zone->shm.name);
        }
    }

    generation = from ? from->generation + 1 : 1;

    ngx_memzero(&index, sizeof(ngx_hd_index_t));

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, cycle->log);

    if (pool && from && ngx_hd_store_index(&index, from, pool) != NGX_OK) {
        index.zone = NULL;
    }

    ngx_hd_store_match(hmcf, &index, generation);
    ngx_hd_store_fill(hmcf, &index, generation);

    if (pool) {
        ngx_destroy_pool(pool);
    }

    tp = ngx_timeofday();
    zone->load_time = (int64_t) tp->sec * 1000 + tp->msec;

    hmcf->generation = generation;
    ngx_hd_set(&zone->generation, generation);

    if (from && from != zone) {
        /* workers of the cycle before look there, and stop probing */
        ngx_hd_set(&from->generation, generation);
    }
}


/* first the targets with a record here, so that none is handed out twice */

static void
ngx_hd_store_match(ngx_hd_main_conf_t *hmcf, ngx_hd_index_t *index,
    uint64_t generation)
{
    ngx_uint_t         i;
    ngx_hd_record_t   *rec;
    ngx_hd_target_t  **t;

    t = hmcf->targets.elts;

    for (i = 0; i < hmcf->targets.nelts; i++) {
        t[i]->record = NGX_CONF_UNSET_UINT;

        if (index->zone != hmcf->zone) {
            continue;
        }

        rec = ngx_hd_store_lookup(index, t[i]->id);

        if (rec) {
            t[i]->record = rec - hmcf->zone->record;
            ngx_hd_store_limit_due(rec, t[i]);
            ngx_hd_set(&rec->generation, generation);
        }
    }
}


static void
ngx_hd_store_fill(ngx_hd_main_conf_t *hmcf, ngx_hd_index_t *index,
    uint64_t generation)
{
    ngx_uint_t         i;
    ngx_hd_spare_t     spare;
    ngx_hd_record_t   *rec, *old;
    ngx_hd_target_t  **t;

    spare.zone = hmcf->zone;
    spare.generation = generation;
    spare.below = 1;
    spare.next = 0;

    t = hmcf->targets.elts;

    for (i = 0; i < hmcf->targets.nelts; i++) {
        if (t[i]->record != NGX_CONF_UNSET_UINT) {
            continue;
        }

        rec = ngx_hd_store_unused(&spare);

        t[i]->record = rec - hmcf->zone->record;
        ngx_hd_store_reset(rec, t[i]);

        if (index->zone && index->zone != hmcf->zone) {
            old = ngx_hd_store_lookup(index, t[i]->id);

            if (old) {
                ngx_hd_store_import(rec, old);
                ngx_hd_store_limit_due(rec, t[i]);
            }
        }

        ngx_hd_set(&rec->generation, generation);
    }
}


static ngx_int_t
ngx_hd_store_index(ngx_hd_index_t *index, ngx_hd_zone_t *zone,
    ngx_pool_t *pool)
{
    uint64_t    i, n;
    ngx_uint_t  k;

    for (n = 64; n < 2 * zone->capacity; n *= 2) { /* void */ }

    index->slots = ngx_pcalloc(pool, n * sizeof(uint32_t));
    if (index->slots == NULL) {
        return NGX_ERROR;
    }

    index->zone = zone;
    index->mask = n - 1;

    for (i = 0; i < zone->capacity; i++) {
        if (zone->record[i].generation == 0) {
            continue;
        }

        k = ngx_hd_store_spread(zone->record[i].id) & index->mask;

        while (index->slots[k]) {
            k = (k + 1) & index->mask;
        }

        index->slots[k] = i + 1;
    }

    return NGX_OK;
}


static ngx_hd_record_t *
ngx_hd_store_lookup(ngx_hd_index_t *index, u_char *id)
{
    ngx_uint_t        k;
    ngx_hd_record_t  *rec;

    k = ngx_hd_store_spread(id) & index->mask;

    while (index->slots[k]) {
        rec = &index->zone->record[index->slots[k] - 1];

        if (ngx_memcmp(rec->id, id, NGX_HD_ID_LEN) == 0) {
            return rec;
        }

        k = (k + 1) & index->mask;
    }

    return NULL;
}


/*
 * Records never used come first, then those the configuration before did not
 * have, last those it had: its workers may still serve, and see by the
 * identity that the record is theirs no more.
 */

static ngx_hd_record_t *
ngx_hd_store_unused(ngx_hd_spare_t *spare)
{
    ngx_hd_record_t  *rec;

    for ( ;; ) {

        while (spare->next < spare->zone->capacity) {
            rec = &spare->zone->record[spare->next++];

            if (rec->generation < spare->below) {
                return rec;
            }
        }

        spare->next = 0;
        spare->below = (spare->below == 1 && spare->generation > 2)
                      ? spare->generation - 1 : spare->generation;
    }
}


static void
ngx_hd_store_reset(ngx_hd_record_t *rec, ngx_hd_target_t *t)
{
    uint64_t  seq;

    /* whoever still holds a lease of the record's former target is fenced */

    seq = (uint64_t) (ngx_hd_epoch(rec->seq) + 1) << 32;

    ngx_memzero(rec, sizeof(ngx_hd_record_t));
    ngx_memcpy(rec->id, t->id, NGX_HD_ID_LEN);

    rec->copy[0].sum = ngx_hd_store_sum(&rec->copy[0].data, 0);
    rec->due = ngx_current_msec
               + ngx_hd_store_spread(t->id) % t->check->interval;

    ngx_hd_set(&rec->seq, seq);
}


static void
ngx_hd_store_import(ngx_hd_record_t *rec, ngx_hd_record_t *old)
{
    ngx_hd_data_t  data;

    if (ngx_hd_store_read(old, &data) != NGX_OK) {
        return;
    }

    ngx_hd_store_write(&rec->copy[1], &data, 1);
    ngx_hd_set(&rec->seq, rec->seq + 1);
    ngx_hd_store_set_verdict(rec, 1, &data);

    /* a probe still under way there is waited for, see the lease */

    rec->due = ngx_hd_load(&old->due);
    rec->cleared = ngx_hd_load(&old->cleared);
    rec->holder = ngx_hd_load(&old->holder);
    rec->lease = ngx_hd_load(&old->lease);
}


/* an interval made shorter by a reload holds from now on */

static void
ngx_hd_store_limit_due(ngx_hd_record_t *rec, ngx_hd_target_t *t)
{
    uint64_t  due;

    due = ngx_hd_load(&rec->due);

    if (due > ngx_current_msec + 2 * t->check->interval) {
        ngx_hd_set(&rec->due,
                   ngx_current_msec
                   + ngx_hd_store_spread(t->id) % t->check->interval);
    }
}


ngx_hd_record_t *
ngx_hd_store_record(ngx_hd_main_conf_t *hmcf, ngx_hd_target_t *t)
{
    ngx_hd_record_t  *rec;

    rec = &hmcf->zone->record[t->record];

    if (ngx_memcmp(rec->id, t->id, NGX_HD_ID_LEN) != 0) {
        return NULL;
    }

    return rec;
}


ngx_int_t
ngx_hd_store_claim(ngx_hd_main_conf_t *hmcf, ngx_hd_record_t *rec,
    ngx_msec_t msec, ngx_hd_lease_t *lease, uint64_t *until)
{
    uint32_t  end;
    uint64_t  word;

    if (ngx_hd_load(&hmcf->zone->generation) != hmcf->generation) {
        return NGX_DECLINED;
    }

    word = ngx_hd_load(&rec->lease);

    if (ngx_hd_store_is_held(hmcf, rec, word)) {
        *until = ngx_current_msec
                 + (uint32_t) (ngx_hd_until(word)
                               - (uint32_t) ngx_current_msec);
        return NGX_BUSY;
    }

    end = (uint32_t) (ngx_current_msec + msec);

    lease->epoch = ngx_hd_epoch(ngx_hd_load(&rec->seq)) + 1;
    lease->word = (uint64_t) ngx_worker << 48
                  | (uint64_t) (lease->epoch & 0xffff) << 32
                  | (end ? end : 1);

    if (!ngx_hd_cas(&rec->lease, &word, lease->word)) {
        *until = ngx_current_msec + NGX_HD_TICK;
        return NGX_BUSY;
    }

    ngx_hd_set(&rec->holder,
               (hmcf->generation << 32) | (uint32_t) ngx_pid);

    if (ngx_hd_store_fence(rec, lease->epoch) != NGX_OK) {
        ngx_hd_store_release(rec, lease);
        *until = ngx_current_msec + NGX_HD_TICK;
        return NGX_BUSY;
    }

    return NGX_OK;
}


/*
 * A lease is free when its time is 0 or over.  One in the name of a worker of
 * our own number and configuration is of a process that died: we are what was
 * started in its place.
 */

static ngx_uint_t
ngx_hd_store_is_held(ngx_hd_main_conf_t *hmcf, ngx_hd_record_t *rec,
    uint64_t word)
{
    uint64_t  holder;

    if (ngx_hd_until(word) == 0
        || (int32_t) (ngx_hd_until(word) - (uint32_t) ngx_current_msec) <= 0)
    {
        return 0;
    }

    holder = ngx_hd_load(&rec->holder);

    return ngx_hd_slot(word) != ngx_worker
           || (uint32_t) (holder >> 32) != (uint32_t) hmcf->generation
           || (uint32_t) holder == (uint32_t) ngx_pid;
}


/* moves the epoch: from here on no earlier holder can publish */

static ngx_int_t
ngx_hd_store_fence(ngx_hd_record_t *rec, uint32_t epoch)
{
    uint64_t  seq;

    seq = ngx_hd_load(&rec->seq);

    do {
        if ((int32_t) (epoch - ngx_hd_epoch(seq)) <= 0) {
            return NGX_DECLINED;
        }

    } while (!ngx_hd_cas(&rec->seq, &seq,
                         (uint64_t) epoch << 32 | ngx_hd_count(seq)));

    return NGX_OK;
}


void
ngx_hd_store_release(ngx_hd_record_t *rec, ngx_hd_lease_t *lease)
{
    uint64_t  word;

    word = lease->word;

    (void) ngx_hd_cas(&rec->lease, &word, 0);
}


ngx_int_t
ngx_hd_store_publish(ngx_hd_record_t *rec, ngx_hd_lease_t *lease,
    const ngx_hd_data_t *data)
{
    uint32_t  count;
    uint64_t  seq;

    seq = ngx_hd_load(&rec->seq);

    if (ngx_hd_load(&rec->lease) != lease->word
        || ngx_hd_epoch(seq) != lease->epoch)
    {
        return NGX_DECLINED;
    }

    count = ngx_hd_count(seq) + 1;

    ngx_hd_store_write(&rec->copy[count & 1], data, count);

    if (!ngx_hd_cas(&rec->seq, &seq, (uint64_t) lease->epoch << 32 | count)) {
        return NGX_DECLINED;
    }

    ngx_hd_store_set_verdict(rec, count, data);

    return NGX_OK;
}


static void
ngx_hd_store_write(ngx_hd_copy_t *copy, const ngx_hd_data_t *data,
    uint32_t count)
{
    ngx_uint_t            i;
    ngx_hd_word_t        *dst;
    const ngx_hd_word_t  *src;

    dst = (ngx_hd_word_t *) &copy->data;
    src = (const ngx_hd_word_t *) data;

    for (i = 0; i < NGX_HD_DATA_WORDS; i++) {
        __atomic_store_n(&dst[i], src[i], __ATOMIC_RELAXED);
    }

    /* ordered before the swap of "seq", which is a release */

    __atomic_store_n(&copy->sum, ngx_hd_store_sum(data, count),
                     __ATOMIC_RELAXED);
}


/* a writer that was stopped just here must not bring an older verdict back */

static void
ngx_hd_store_set_verdict(ngx_hd_record_t *rec, uint32_t count,
    const ngx_hd_data_t *data)
{
    uint64_t  old, verdict;

    verdict = (uint64_t) count << 32
              | (data->recoveries & 0xffffff) << 8
              | (data->state & 0xff);

    old = ngx_hd_load(&rec->verdict);

    do {
        if ((int32_t) (count - (uint32_t) (old >> 32)) <= 0) {
            return;
        }

    } while (!ngx_hd_cas(&rec->verdict, &old, verdict));
}


ngx_int_t
ngx_hd_store_read(ngx_hd_record_t *rec, ngx_hd_data_t *data)
{
    uint64_t              seq, sum;
    ngx_uint_t            i, tries;
    ngx_hd_copy_t        *copy;
    ngx_hd_word_t        *dst;
    const ngx_hd_word_t  *src;

    dst = (ngx_hd_word_t *) data;

    for (tries = 0; tries < NGX_HD_READ_TRIES; tries++) {
        seq = ngx_hd_load(&rec->seq);

        copy = &rec->copy[seq & 1];
        src = (const ngx_hd_word_t *) &copy->data;

        for (i = 0; i < NGX_HD_DATA_WORDS; i++) {
            dst[i] = __atomic_load_n(&src[i], __ATOMIC_RELAXED);
        }

        sum = __atomic_load_n(&copy->sum, __ATOMIC_RELAXED);

        /* the epoch may move under us, the copy is good for its own count */

        if (sum == ngx_hd_store_sum(data, ngx_hd_count(seq))) {
            return NGX_OK;
        }
    }

    ngx_memzero(data, sizeof(ngx_hd_data_t));

    return NGX_AGAIN;
}


ngx_uint_t
ngx_hd_store_verdict(ngx_hd_record_t *rec, uint64_t *recoveries)
{
    uint64_t  verdict;

    verdict = ngx_hd_load(&rec->verdict);

    if (recoveries) {
        *recoveries = (verdict >> 8) & 0xffffff;
    }

    return verdict & 0xff;
}


ngx_uint_t
ngx_hd_store_clear_once(ngx_hd_record_t *rec, uint64_t recoveries)
{
    uint64_t  cleared;

    cleared = ngx_hd_load(&rec->cleared);

    return cleared != recoveries && ngx_hd_cas(&rec->cleared, &cleared,
                                               recoveries);
}


uint64_t
ngx_hd_store_changes(ngx_hd_upstream_t *u)
{
    return ngx_hd_load(&u->main->zone->changes[u->word]);
}


void
ngx_hd_store_changed(ngx_hd_upstream_t *u)
{
    (void) __atomic_add_fetch(&u->main->zone->changes[u->word], 1,
                              __ATOMIC_ACQ_REL);
}


/* FNV-1a over words instead of bytes: finds torn copies, resists nobody */

static uint64_t
ngx_hd_store_sum(const ngx_hd_data_t *data, uint32_t count)
{
    uint64_t              sum;
    ngx_uint_t            i;
    const ngx_hd_word_t  *p;

    p = (const ngx_hd_word_t *) data;
    sum = 0xcbf29ce484222325ULL ^ count;

    for (i = 0; i < NGX_HD_DATA_WORDS; i++) {
        sum = (sum ^ p[i]) * 0x100000001b3ULL;
    }

    return sum;
}


/* an identity is an MD5, so any of its words is evenly spread */

static uint64_t
ngx_hd_store_spread(u_char *id)
{
    uint64_t  n;

    ngx_memcpy(&n, id, sizeof(uint64_t));

    return n;
}


/*
 * The zone as a whole, before there are workers: how large, laid out or
 * inherited, and which record is whose.  Only the master and the parsing of a
 * configuration come here; what the workers do with records is ngx_hd_store.c.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_clock.h>
#include <ngx_hd_news.h>
#include <ngx_hd_place.h>
#include <ngx_hd_restore.h>
#include <ngx_hd_zone.h>


#define NGX_HD_MIN_TARGETS    16


/* finds records by identity while targets are attached; open addressing */

typedef struct {
    ngx_hd_zone_t    *zone;
    ngx_uint_t        mask;
    uint32_t         *slots;    /* index + 1, or 0; NULL: no memory */
} ngx_hd_index_t;


/* hands out records nobody uses, the least recently used configuration first */

typedef struct {
    ngx_hd_zone_t    *zone;
    uint64_t          generation;   /* of the new configuration */
    uint64_t          below;        /* takes records older than this */
    ngx_uint_t        next;
} ngx_hd_spare_t;


static ngx_hd_zone_t *ngx_hd_zone_valid(ngx_shm_zone_t *shm_zone);
static ngx_shm_zone_t *ngx_hd_zone_old(ngx_cycle_t *cycle,
    ngx_shm_zone_t *shm_zone);
static void ngx_hd_zone_match(ngx_hd_main_conf_t *hmcf, ngx_hd_index_t *index,
    uint64_t generation);
static void ngx_hd_zone_fill(ngx_hd_main_conf_t *hmcf, ngx_hd_index_t *index,
    uint64_t generation);
static void ngx_hd_zone_spare(ngx_hd_record_t *rec, ngx_hd_target_t *t);
static void ngx_hd_zone_doubt(ngx_hd_record_t *rec, ngx_hd_target_t *t,
    int64_t clock);
static void ngx_hd_zone_index(ngx_hd_index_t *index, ngx_pool_t *pool);
static ngx_uint_t ngx_hd_zone_slot(ngx_hd_index_t *index, u_char *id);
static ngx_hd_record_t *ngx_hd_zone_lookup(ngx_hd_index_t *index,
    u_char *id);
static ngx_hd_record_t *ngx_hd_zone_search(ngx_hd_zone_t *zone, u_char *id);
static ngx_hd_record_t *ngx_hd_zone_unused(ngx_hd_spare_t *spare);
static void ngx_hd_zone_limit_due(ngx_hd_record_t *rec, ngx_hd_target_t *t);


/* the identity in the record of a spare server that has no address */

static const u_char  ngx_hd_zone_nobody[NGX_HD_ID_LEN];


size_t
ngx_hd_zone_size(ngx_uint_t n)
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
ngx_hd_zone_auto_size(ngx_uint_t n)
{
    size_t  size, need;

    need = ngx_hd_zone_size(2 * ngx_max(n, NGX_HD_MIN_TARGETS));

    for (size = 8 * ngx_pagesize; size < need; size *= 2) { /* void */ }

    return size;
}


ngx_int_t
ngx_hd_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t               len;
    ngx_hd_zone_t       *zone;
    ngx_slab_pool_t     *shpool;
    ngx_hd_main_conf_t  *hmcf;

    hmcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (ngx_hd_restore_check(hmcf, shm_zone->shm.log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (data || shm_zone->shm.exists) {
        hmcf->zone = ngx_hd_zone_valid(shm_zone);
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

    ngx_memzero(zone, ngx_hd_slab_is_filled ? len
                                            : offsetof(ngx_hd_zone_t, event));

    zone->clock = ngx_hd_wall() - (int64_t) ngx_current_msec;
    zone->capacity = (len - offsetof(ngx_hd_zone_t, record))
                     / sizeof(ngx_hd_record_t);
    zone->saved.instance = (uint64_t) ngx_hd_wall();
    zone->layout = NGX_HD_LAYOUT;
    zone->record_size = sizeof(ngx_hd_record_t);
    zone->magic = NGX_HD_MAGIC;

    shpool->data = zone;
    hmcf->zone = zone;

    return NGX_OK;
}


ngx_uint_t
ngx_hd_zone_is_foreign(ngx_cycle_t *old_cycle, ngx_shm_zone_t *shm_zone)
{
    ngx_shm_zone_t  *old;

    old = ngx_hd_zone_old(old_cycle, shm_zone);

    return old && ngx_hd_zone_valid(old) == NULL;
}


/* the zone's content if this build laid it out */

static ngx_hd_zone_t *
ngx_hd_zone_valid(ngx_shm_zone_t *shm_zone)
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
ngx_hd_zone_old(ngx_cycle_t *cycle, ngx_shm_zone_t *shm_zone)
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
ngx_hd_zone_attach(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf)
{
    uint64_t           generation;
    ngx_pool_t        *pool;
    ngx_hd_zone_t     *zone, *from;
    ngx_hd_index_t     index;
    ngx_shm_zone_t    *old;
    ngx_hd_restore_t  *restore;

    zone = hmcf->zone;
    from = zone;

    old = ngx_hd_zone_old(cycle->old_cycle, hmcf->shm_zone);

    if (zone->generation == 0) {
        from = old ? ngx_hd_zone_valid(old) : NULL;

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

    index.zone = from;

    if (pool && from) {
        ngx_hd_zone_index(&index, pool);
    }

    ngx_hd_place_seat(hmcf, from);

    restore = from ? NULL : ngx_hd_restore_begin(cycle, hmcf, pool);

    if (from && from != zone) {
        /* workers of the cycle before look there, and leave no news behind */
        ngx_hd_set(&from->generation, generation);
        ngx_memory_barrier();

        zone->clock = from->clock;
        zone->guard = ngx_hd_load(&from->guard);
        zone->saved = from->saved;
        zone->saved.lease = 0;
        ngx_hd_event_import(zone, from);
    }

    ngx_hd_zone_match(hmcf, &index, generation);
    ngx_hd_zone_fill(hmcf, &index, generation);

    if (hmcf->guard == 0) {
        ngx_hd_set(&zone->guard, 0);
    }

    if (restore) {
        ngx_hd_restore_end(restore, pool);
    }

    zone->load_time = ngx_hd_wall();

    hmcf->generation = generation;
    ngx_hd_set(&zone->generation, generation);
    ngx_memory_barrier();

    /* from here on no worker of the cycle before gives places to others */

    ngx_hd_place_settle(hmcf);

    ngx_hd_news_loaded(old ? old->data : NULL, hmcf, zone->load_time, pool);

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


/* first the targets with a record here, so that none is handed out twice */

static void
ngx_hd_zone_match(ngx_hd_main_conf_t *hmcf, ngx_hd_index_t *index,
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

        rec = ngx_hd_zone_lookup(index, t[i]->id);

        if (rec) {
            t[i]->record = rec - hmcf->zone->record;
            ngx_hd_zone_limit_due(rec, t[i]);

            if (rec->generation + 1 < generation) {
                ngx_hd_zone_doubt(rec, t[i], hmcf->zone->clock);
            }

            ngx_hd_set(&rec->generation, generation);
        }
    }
}


static void
ngx_hd_zone_fill(ngx_hd_main_conf_t *hmcf, ngx_hd_index_t *index,
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

        rec = ngx_hd_zone_unused(&spare);

        t[i]->record = rec - hmcf->zone->record;
        ngx_hd_store_reset(rec, t[i]);

        if (t[i]->spare) {
            ngx_hd_zone_spare(rec, t[i]);
        }

        if (index->zone && index->zone != hmcf->zone) {
            old = ngx_hd_zone_lookup(index, t[i]->id);

            if (old) {
                ngx_hd_store_import(rec, old);
                ngx_hd_zone_limit_due(rec, t[i]);

                if (old->generation + 1 < generation) {
                    ngx_hd_zone_doubt(rec, t[i], hmcf->zone->clock);
                }
            }
        }

        ngx_hd_set(&rec->generation, generation);
    }
}


/* a server that DNS has added may be waiting for its first result */

static void
ngx_hd_zone_spare(ngx_hd_record_t *rec, ngx_hd_target_t *t)
{
    ngx_hd_set(&rec->due, ngx_current_msec);

    if (t->name.len == 0) {
        ngx_memcpy(rec->id, ngx_hd_zone_nobody, NGX_HD_ID_LEN);
    }
}


/* the configuration before did not have it, so nobody has probed it since */

static void
ngx_hd_zone_doubt(ngx_hd_record_t *rec, ngx_hd_target_t *t, int64_t clock)
{
    if (t->upstream
        && ngx_hd_place_initial(t->check, t->spare) != NGX_HD_INITIAL_UP)
    {
        ngx_hd_store_doubt(rec, ngx_current_msec + clock,
                           ngx_hd_store_validity(t->check));
    }
}


static void
ngx_hd_zone_index(ngx_hd_index_t *index, ngx_pool_t *pool)
{
    uint64_t          i, n;
    ngx_uint_t        k;
    ngx_hd_zone_t    *zone;
    ngx_hd_record_t  *rec;

    zone = index->zone;

    for (n = 64; n < 2 * zone->capacity; n *= 2) { /* void */ }

    index->mask = n - 1;
    index->slots = ngx_pcalloc(pool, n * sizeof(uint32_t));

    if (index->slots == NULL) {
        return;
    }

    for (i = 0; i < zone->capacity; i++) {
        rec = &zone->record[i];

        if (rec->generation == 0
            || ngx_memcmp(rec->id, ngx_hd_zone_nobody, NGX_HD_ID_LEN) == 0)
        {
            continue;
        }

        k = ngx_hd_zone_slot(index, rec->id);

        /* DNS may have brought one that an older configuration had, too */

        if (index->slots[k] == 0
            || zone->record[index->slots[k] - 1].generation < rec->generation)
        {
            index->slots[k] = i + 1;
        }
    }
}


/* where it is, or where there is room for it */

static ngx_uint_t
ngx_hd_zone_slot(ngx_hd_index_t *index, u_char *id)
{
    ngx_uint_t  k;

    k = ngx_hd_store_spread(id) & index->mask;

    while (index->slots[k]
           && ngx_memcmp(index->zone->record[index->slots[k] - 1].id, id,
                         NGX_HD_ID_LEN)
              != 0)
    {
        k = (k + 1) & index->mask;
    }

    return k;
}


static ngx_hd_record_t *
ngx_hd_zone_lookup(ngx_hd_index_t *index, u_char *id)
{
    ngx_uint_t  k;

    if (index->slots == NULL) {
        return ngx_hd_zone_search(index->zone, id);
    }

    k = ngx_hd_zone_slot(index, id);

    return index->slots[k] ? &index->zone->record[index->slots[k] - 1] : NULL;
}


/* there was no memory: it takes longer, but nothing that is known is lost */

static ngx_hd_record_t *
ngx_hd_zone_search(ngx_hd_zone_t *zone, u_char *id)
{
    uint64_t          i;
    ngx_hd_record_t  *rec, *found;

    found = NULL;

    for (i = 0; i < zone->capacity; i++) {
        rec = &zone->record[i];

        if (rec->generation && ngx_memcmp(rec->id, id, NGX_HD_ID_LEN) == 0
            && (found == NULL || found->generation < rec->generation))
        {
            found = rec;
        }
    }

    return found;
}


/*
 * Records never used come first, then those the configuration before did not
 * have, last those it had: its workers may still serve, and see by the
 * identity that the record is theirs no more.
 */

static ngx_hd_record_t *
ngx_hd_zone_unused(ngx_hd_spare_t *spare)
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


/* an interval made shorter by a reload holds from now on */

static void
ngx_hd_zone_limit_due(ngx_hd_record_t *rec, ngx_hd_target_t *t)
{
    uint64_t  due;

    due = ngx_hd_load(&rec->due);

    if (due > ngx_current_msec + 2 * ngx_hd_store_pause(t->check)) {
        ngx_hd_set(&rec->due, ngx_hd_store_first_due(t));
    }
}


/*
 * healthdash: what is new.  Of each target the number of results is remembered,
 * of each row of a picture a sum over what makes it look different.  Called by
 * the hub of a worker; reads the store, writes nothing shared.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_pulse.h>
#include <ngx_hd_probe.h>


#define NGX_HD_PULSE_SEED     0xcbf29ce484222325ULL
#define NGX_HD_PULSE_PRIME    0x100000001b3ULL


#define NGX_HD_PULSE_QUARTER  900000    /* msec: parts of the hour under way */


typedef struct {
    uint32_t             count;     /* results, modulo 2^32 */
    uint32_t             fresh;     /* of these, since the picture before */
    uint64_t             bars;      /* see ngx_hd_pulse_bars() */
    unsigned             stale:1;
} ngx_hd_pulse_target_t;


typedef struct {
    uint64_t             word;      /* see ngx_hd_store_changes() */
    uint64_t             peers;     /* see ngx_hd_peer_sum() */
    uint64_t             sum;
    uint64_t            *rows;      /* sums of its peers */
    ngx_uint_t           nrows;
} ngx_hd_pulse_upstream_t;


struct ngx_hd_pulse_s {
    ngx_hd_main_conf_t       *main;
    uint64_t                  event;
    ngx_hd_pulse_target_t    *targets;
    ngx_hd_pulse_upstream_t  *upstreams;
    uint64_t                 *services;     /* sums */
};


static void ngx_hd_pulse_cleanup(void *data);
static ngx_uint_t ngx_hd_pulse_target(ngx_hd_pulse_t *pulse, ngx_uint_t i,
    uint64_t mono, ngx_hd_pulse_target_t *now);
static ngx_int_t ngx_hd_pulse_upstream(ngx_hd_pulse_t *pulse, ngx_uint_t i,
    ngx_hd_view_upstream_t *vu);
static ngx_int_t ngx_hd_pulse_rows(ngx_hd_pulse_upstream_t *pu,
    ngx_uint_t n);
static ngx_uint_t ngx_hd_pulse_peer(ngx_hd_pulse_t *pulse,
    ngx_hd_view_peer_t *vp, uint64_t *row);
static ngx_uint_t ngx_hd_pulse_service(ngx_hd_pulse_t *pulse,
    ngx_hd_view_target_t *vt, uint64_t *row);
static ngx_uint_t ngx_hd_pulse_results(ngx_hd_pulse_t *pulse,
    ngx_hd_view_target_t *vt);
static uint64_t ngx_hd_pulse_bars(const ngx_hd_data_t *data);
static ngx_uint_t ngx_hd_pulse_trouble(const ngx_hd_open_t *open);
static ngx_uint_t ngx_hd_pulse_news(uint64_t *row, uint64_t sum,
    ngx_uint_t fresh);
static uint64_t ngx_hd_pulse_sum_target(uint64_t sum,
    const ngx_hd_view_target_t *vt);
static uint64_t ngx_hd_pulse_sum(uint64_t sum, const void *data, size_t len);
static uint64_t ngx_hd_pulse_sum_number(uint64_t sum, uint64_t n);


ngx_hd_pulse_t *
ngx_hd_pulse_create(ngx_hd_main_conf_t *hmcf, ngx_pool_t *pool)
{
    ngx_hd_pulse_t      *pulse;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    pulse = ngx_pcalloc(pool, sizeof(ngx_hd_pulse_t));

    if (cln == NULL || pulse == NULL) {
        return NULL;
    }

    pulse->main = hmcf;

    pulse->targets = ngx_pcalloc(pool, hmcf->targets.nelts
                                       * sizeof(ngx_hd_pulse_target_t));
    pulse->upstreams = ngx_pcalloc(pool, hmcf->upstreams.nelts
                                         * sizeof(ngx_hd_pulse_upstream_t));
    pulse->services = ngx_pcalloc(pool, hmcf->services.nelts
                                        * sizeof(uint64_t));

    if (pulse->targets == NULL || pulse->upstreams == NULL
        || pulse->services == NULL)
    {
        return NULL;
    }

    cln->handler = ngx_hd_pulse_cleanup;
    cln->data = pulse;

    return pulse;
}


static void
ngx_hd_pulse_cleanup(void *data)
{
    ngx_hd_pulse_t  *pulse = data;

    ngx_uint_t  i;

    for (i = 0; i < pulse->main->upstreams.nelts; i++) {

        if (pulse->upstreams[i].rows) {
            ngx_free(pulse->upstreams[i].rows);
        }
    }
}


ngx_uint_t
ngx_hd_pulse_beats(ngx_hd_pulse_t *pulse)
{
    uint64_t                  mono;
    ngx_uint_t                i;
    ngx_hd_upstream_t       **u;
    ngx_hd_main_conf_t       *hmcf;
    ngx_hd_pulse_target_t     now;
    ngx_hd_pulse_upstream_t  *pu;

    hmcf = pulse->main;

    if (hmcf->zone && ngx_hd_event_last(hmcf->zone) != pulse->event) {
        return 1;
    }

    mono = ngx_hd_now_usec() / 1000;

    for (i = 0; i < hmcf->targets.nelts; i++) {

        if (ngx_hd_pulse_target(pulse, i, mono, &now)) {
            return 1;
        }
    }

    u = hmcf->upstreams.elts;

    for (i = 0; i < hmcf->upstreams.nelts; i++) {
        pu = &pulse->upstreams[i];

        if (pu->word != ngx_hd_store_changes(u[i])
            || pu->peers != ngx_hd_peer_sum(u[i]))
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_hd_pulse_begin(ngx_hd_pulse_t *pulse)
{
    uint64_t                  mono;
    ngx_uint_t                i;
    ngx_hd_upstream_t       **u;
    ngx_hd_main_conf_t       *hmcf;
    ngx_hd_pulse_target_t     now;
    ngx_hd_pulse_upstream_t  *pu;

    hmcf = pulse->main;
    mono = ngx_hd_now_usec() / 1000;

    if (hmcf->zone) {
        pulse->event = ngx_hd_event_last(hmcf->zone);
    }

    for (i = 0; i < hmcf->targets.nelts; i++) {
        (void) ngx_hd_pulse_target(pulse, i, mono, &now);
        pulse->targets[i] = now;
    }

    u = hmcf->upstreams.elts;

    for (i = 0; i < hmcf->upstreams.nelts; i++) {
        pu = &pulse->upstreams[i];

        pu->word = ngx_hd_store_changes(u[i]);
        pu->peers = ngx_hd_peer_sum(u[i]);
    }
}


/* what is known of a target now; 1 if that is not what was known */

static ngx_uint_t
ngx_hd_pulse_target(ngx_hd_pulse_t *pulse, ngx_uint_t i, uint64_t mono,
    ngx_hd_pulse_target_t *now)
{
    uint64_t                due;
    ngx_hd_target_t       **t;
    ngx_hd_record_t        *rec;
    ngx_hd_pulse_target_t  *pt;

    t = pulse->main->targets.elts;
    pt = &pulse->targets[i];

    *now = *pt;
    now->fresh = 0;

    rec = pulse->main->zone ? ngx_hd_store_record(pulse->main, t[i]) : NULL;
    if (rec == NULL) {
        return 0;
    }

    /* the other half moves when a probe begins */

    now->count = (uint32_t) ngx_hd_load(&rec->seq);
    now->fresh = now->count - pt->count;

    due = ngx_hd_load(&rec->due);
    now->stale = due && mono > due + ngx_hd_store_trust(t[i]->check);

    return now->fresh || now->stale != pt->stale;
}


ngx_int_t
ngx_hd_pulse_mark(ngx_hd_pulse_t *pulse, ngx_hd_view_t *view)
{
    ngx_int_t   rc, news;
    ngx_uint_t  i;

    news = 0;

    for (i = 0; i < view->nupstreams; i++) {
        rc = ngx_hd_pulse_upstream(pulse, i, &view->upstreams[i]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        news |= rc;
    }

    for (i = 0; i < view->nservices; i++) {
        news |= ngx_hd_pulse_service(pulse, &view->services[i],
                                     &pulse->services[i]);
    }

    return news != 0;
}


static ngx_int_t
ngx_hd_pulse_upstream(ngx_hd_pulse_t *pulse, ngx_uint_t i,
    ngx_hd_view_upstream_t *vu)
{
    uint64_t                  sum;
    ngx_uint_t                j, news;
    ngx_hd_pulse_upstream_t  *pu;

    news = 0;
    pu = &pulse->upstreams[i];

    if (pu->nrows != vu->npeers && ngx_hd_pulse_rows(pu, vu->npeers) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (j = 0; j < vu->npeers; j++) {
        news |= ngx_hd_pulse_peer(pulse, &vu->peers[j], &pu->rows[j]);
    }

    sum = ngx_hd_pulse_sum_number(NGX_HD_PULSE_SEED, vu->health);
    sum = ngx_hd_pulse_sum_number(sum, vu->serving);
    sum = ngx_hd_pulse_sum_number(sum, vu->total);

    if (sum != pu->sum || (news & NGX_HD_NEWS_CHANGE)) {
        vu->news = NGX_HD_NEWS_CHANGE;
        pu->sum = sum;
    }

    return news | vu->news;
}


/* servers came or went: places mean others now, so all are new */

static ngx_int_t
ngx_hd_pulse_rows(ngx_hd_pulse_upstream_t *pu, ngx_uint_t n)
{
    uint64_t  *rows;

    rows = ngx_calloc(ngx_max(n, 1) * sizeof(uint64_t), ngx_cycle->log);
    if (rows == NULL) {
        return NGX_ERROR;
    }

    if (pu->rows) {
        ngx_free(pu->rows);
    }

    pu->rows = rows;
    pu->nrows = n;

    return NGX_OK;
}


static ngx_uint_t
ngx_hd_pulse_peer(ngx_hd_pulse_t *pulse, ngx_hd_view_peer_t *vp,
    uint64_t *row)
{
    uint64_t              sum;
    ngx_uint_t            i, fresh;
    const ngx_hd_peer_t  *peer;

    fresh = 0;
    peer = &vp->peer;

    sum = ngx_hd_pulse_sum(NGX_HD_PULSE_SEED, peer->name.data,
                           peer->name.len);
    sum = ngx_hd_pulse_sum_number(sum, peer->state);
    sum = ngx_hd_pulse_sum_number(sum, peer->weight);
    sum = ngx_hd_pulse_sum_number(sum, peer->backup << 2 | peer->kept << 1
                                       | peer->ramping);

    for (i = 0; i < vp->nchecks; i++) {
        sum = ngx_hd_pulse_sum_target(sum, &vp->checks[i]);
        fresh |= ngx_hd_pulse_results(pulse, &vp->checks[i]);
    }

    vp->news = ngx_hd_pulse_news(row, sum, fresh);

    return vp->news;
}


static ngx_uint_t
ngx_hd_pulse_service(ngx_hd_pulse_t *pulse, ngx_hd_view_target_t *vt,
    uint64_t *row)
{
    vt->news = ngx_hd_pulse_news(row,
                          ngx_hd_pulse_sum_target(NGX_HD_PULSE_SEED, vt),
                          ngx_hd_pulse_results(pulse, vt));
    return vt->news;
}


/* sets what is new of a target; 1 if it has a result */

static ngx_uint_t
ngx_hd_pulse_results(ngx_hd_pulse_t *pulse, ngx_hd_view_target_t *vt)
{
    uint64_t                bars;
    ngx_hd_pulse_target_t  *pt;

    pt = &pulse->targets[vt->target->index];
    bars = ngx_hd_pulse_bars(&vt->data);

    vt->results = pt->fresh;

    /* the page of the first viewer may be older than the first round */

    vt->redraw = pt->bars ? (bars != pt->bars)
                 : ngx_hd_pulse_is_sick(&vt->data);

    /* a picture that is ahead of the count of results is of the next round */

    if (vt->results) {
        pt->bars = bars;
    }

    return vt->results != 0;
}


/*
 * What decides how its bars look, short of how long it was down: the quarter,
 * and whether there is trouble in the minute or the day.  With a second result
 * there is a line, too.
 */

static uint64_t
ngx_hd_pulse_bars(const ngx_hd_data_t *data)
{
    return data->seen / NGX_HD_PULSE_QUARTER << 5
           | (data->checks + data->inconclusive > 1) << 4
           | ngx_hd_pulse_trouble(&data->open[NGX_HD_DAY]) << 2
           | ngx_hd_pulse_trouble(&data->open[NGX_HD_MINUTE]);
}


ngx_uint_t
ngx_hd_pulse_is_sick(const ngx_hd_data_t *data)
{
    return ngx_hd_pulse_trouble(&data->open[NGX_HD_MINUTE]) != 0;
}


static ngx_uint_t
ngx_hd_pulse_trouble(const ngx_hd_open_t *open)
{
    return (open->down != 0) << 1 | (open->failures || open->slow);
}


static ngx_uint_t
ngx_hd_pulse_news(uint64_t *row, uint64_t sum, ngx_uint_t fresh)
{
    if (sum != *row) {
        *row = sum;
        return NGX_HD_NEWS_CHANGE;
    }

    return fresh ? NGX_HD_NEWS_PULSE : 0;
}


/* health and reason */

static uint64_t
ngx_hd_pulse_sum_target(uint64_t sum, const ngx_hd_view_target_t *vt)
{
    ngx_str_t   text;
    ngx_uint_t  reason;

    reason = ngx_hd_view_reason(vt, &text);

    sum = ngx_hd_pulse_sum_number(sum, vt->health << 1 | vt->stale);
    sum = ngx_hd_pulse_sum_number(sum, reason);
    sum = ngx_hd_pulse_sum_number(sum, vt->data.since);

    return ngx_hd_pulse_sum(sum, text.data, text.len);
}


/* FNV-1a */

static uint64_t
ngx_hd_pulse_sum(uint64_t sum, const void *data, size_t len)
{
    const u_char  *p, *last;

    p = data;

    for (last = p + len; p < last; p++) {
        sum = (sum ^ *p) * NGX_HD_PULSE_PRIME;
    }

    return sum;
}


static uint64_t
ngx_hd_pulse_sum_number(uint64_t sum, uint64_t n)
{
    return ngx_hd_pulse_sum(sum, &n, sizeof(n));
}

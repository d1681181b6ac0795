
/*
 * healthdash: the picture.  Reads the store and nginx's peer lists once for
 * each answer and sums them up; what every renderer shows is decided here.
 * Called by the handler.  Writes nothing shared and holds no lock.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_view.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_public.h>


#define NGX_HD_VIEW_WORST    5
#define NGX_HD_VIEW_LATE     100       /* msec: less is not worth telling */
#define NGX_HD_VIEW_SLICE    256       /* targets: about 0.4 ms */
#define NGX_HD_VIEW_MORE     256       /* bytes: names, what is public */
#define NGX_HD_VIEW_STEP     2000      /* msec, less is no step of a clock */


static void ngx_hd_view_clock(ngx_hd_view_t *view);
static void ngx_hd_view_workers(ngx_hd_view_t *view);
static ngx_int_t ngx_hd_view_upstreams(ngx_hd_view_t *view);
static ngx_int_t ngx_hd_view_list(ngx_hd_view_t *view,
    ngx_hd_view_upstream_t *vu);
static ngx_int_t ngx_hd_view_peers(ngx_hd_view_t *view,
    ngx_hd_view_upstream_t *vu);
static void ngx_hd_view_upstream(ngx_hd_view_t *view,
    ngx_hd_view_upstream_t *vu);
static void ngx_hd_view_zone(ngx_hd_view_upstream_t *vu);
static void ngx_hd_view_peer(ngx_hd_view_t *view, ngx_hd_view_peer_t *vp);
static void ngx_hd_view_expire(ngx_hd_view_target_t *vt);
static void ngx_hd_view_count_peer(ngx_hd_view_t *view,
    ngx_hd_view_upstream_t *vu, ngx_hd_view_peer_t *vp);
static ngx_uint_t ngx_hd_view_upstream_health(ngx_hd_view_upstream_t *vu);
static ngx_uint_t ngx_hd_view_avoids(const ngx_hd_view_upstream_t *vu);
static ngx_uint_t ngx_hd_view_counts(const ngx_hd_view_peer_t *vp);
static ngx_int_t ngx_hd_view_services(ngx_hd_view_t *view);
static void ngx_hd_view_target(ngx_hd_view_t *view, ngx_hd_view_target_t *vt,
    ngx_hd_target_t *t);
static void ngx_hd_view_probing(ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, uint64_t due);
static void ngx_hd_view_times(const ngx_hd_view_t *view, ngx_hd_data_t *data);
static int64_t ngx_hd_view_time(const ngx_hd_view_t *view, int64_t wall,
    int64_t away);
static void ngx_hd_view_sum(ngx_hd_view_t *view);
static ngx_int_t ngx_hd_view_find_worst(ngx_hd_view_t *view);
static void ngx_hd_view_worst_servers(ngx_hd_view_t *view, ngx_uint_t health);
static void ngx_hd_view_worst_services(ngx_hd_view_t *view,
    ngx_uint_t health);


/* worst first; what is up or paused is nothing to worry about */

static const ngx_uint_t  ngx_hd_view_bad[] = {
    NGX_HD_STATE_DOWN,
    NGX_HD_STATE_DEGRADED,
    NGX_HD_STATE_UNKNOWN
};


size_t
ngx_hd_view_size(const ngx_hd_main_conf_t *hmcf)
{
    return hmcf->targets.nelts
           * (sizeof(ngx_hd_view_target_t) + sizeof(ngx_hd_view_peer_t)
              + sizeof(ngx_hd_peer_t) + NGX_HD_VIEW_MORE);
}


ngx_hd_view_t *
ngx_hd_view_begin(ngx_hd_main_conf_t *hmcf,
    const ngx_hd_view_filter_t *filter, ngx_pool_t *pool)
{
    ngx_hd_view_t  *view;

    view = ngx_pcalloc(pool, sizeof(ngx_hd_view_t));
    if (view == NULL) {
        return NULL;
    }

    view->main = hmcf;
    view->pool = pool;
    view->filter = *filter;

    ngx_hd_view_clock(view);
    ngx_hd_view_workers(view);

    view->nupstreams = hmcf->upstreams.nelts;
    view->nservices = hmcf->services.nelts;

    view->upstreams = ngx_pcalloc(pool, view->nupstreams
                                        * sizeof(ngx_hd_view_upstream_t));
    view->services = ngx_pcalloc(pool, view->nservices
                                       * sizeof(ngx_hd_view_target_t));
    view->incidents = ngx_pcalloc(pool, sizeof(ngx_hd_incidents_t *));

    if (view->upstreams == NULL || view->services == NULL
        || view->incidents == NULL)
    {
        return NULL;
    }

    return view;
}


ngx_int_t
ngx_hd_view_more(ngx_hd_view_t *view)
{
    ngx_int_t  rc;

    view->cursor.read = 0;

    rc = ngx_hd_view_upstreams(view);

    if (rc == NGX_OK) {
        rc = ngx_hd_view_services(view);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    /* before anything is chosen from it or copied */

    if (view->filter.public) {
        rc = ngx_hd_public_view(view, view->pool);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_hd_view_sum(view);

    if (ngx_hd_view_find_worst(view) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_hd_view_is_filtered(&view->filter)) {
        ngx_hd_view_filter(view);
    }

    return NGX_OK;
}


static void
ngx_hd_view_clock(ngx_hd_view_t *view)
{
    ngx_hd_zone_t  *zone;

    view->time = ngx_hd_wall();
    view->mono = ngx_hd_now_usec() / 1000;

    zone = view->main->zone;

    if (zone) {
        view->clock = view->mono + zone->clock;
        view->event = ngx_hd_event_last(zone);
        view->guard_limit = view->main->guard;
        ngx_hd_guard_get(view->main, &view->guard, &view->guarded);
        ngx_hd_pace_past(&zone->pace, view->mono, &view->probing.past);
    }

    if (zone && view->main->state_file.name.len) {
        ngx_hd_words_load(&view->saved, &zone->saved,
                          sizeof(ngx_hd_saved_t) / sizeof(uint64_t));
    }

    /* a worker of the past does not know when its configuration was loaded */

    if (zone && zone->generation == view->main->generation) {
        view->load_time = zone->load_time;
    }
}


static void
ngx_hd_view_workers(ngx_hd_view_t *view)
{
    ngx_core_conf_t  *ccf;

    ngx_str_set(&view->nginx, NGINX_VERSION);

    view->pid = ngx_pid;
    view->workers = view->main->workers;

    /* nobody counted them if there is nothing to probe */

    if (view->workers == 0) {
        ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                               ngx_core_module);
        view->workers = ccf->worker_processes;
    }
}


static ngx_int_t
ngx_hd_view_upstreams(ngx_hd_view_t *view)
{
    ngx_int_t                rc;
    ngx_hd_upstream_t      **u;
    ngx_hd_view_cursor_t    *c;
    ngx_hd_view_upstream_t  *vu;

    c = &view->cursor;
    u = view->main->upstreams.elts;

    for ( /* void */ ; c->upstream < view->nupstreams; c->upstream++) {
        vu = &view->upstreams[c->upstream];

        if (vu->upstream == NULL) {
            vu->upstream = u[c->upstream];
            vu->index = c->upstream;
            c->peer = 0;

            if (ngx_hd_view_list(view, vu) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        rc = ngx_hd_view_peers(view, vu);

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_hd_view_upstream(view, vu);
    }

    return NGX_OK;
}


/* the servers that it has now */

static ngx_int_t
ngx_hd_view_list(ngx_hd_view_t *view, ngx_hd_view_upstream_t *vu)
{
    ngx_uint_t      i;
    ngx_array_t    *peers;
    ngx_hd_peer_t  *peer;

    peers = ngx_hd_peer_list(vu->upstream, view->pool);
    if (peers == NULL) {
        return NGX_ERROR;
    }

    peer = peers->elts;

    vu->peers = ngx_pcalloc(view->pool,
                            peers->nelts * sizeof(ngx_hd_view_peer_t));
    if (vu->peers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < peers->nelts; i++) {

        if (peer[i].state != NGX_HD_PEER_REMOVED) {
            vu->total++;

        } else if (view->filter.public) {
            continue;
        }

        vu->peers[vu->npeers++].peer = peer[i];
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_view_peers(ngx_hd_view_t *view, ngx_hd_view_upstream_t *vu)
{
    ngx_uint_t             nchecks;
    ngx_hd_view_peer_t    *vp;
    ngx_hd_view_cursor_t  *c;

    c = &view->cursor;
    nchecks = vu->upstream->checks.nelts;

    for ( /* void */ ; c->peer < vu->npeers; c->peer++) {

        if (c->read >= NGX_HD_VIEW_SLICE) {
            return NGX_AGAIN;
        }

        vp = &vu->peers[c->peer];

        if (vp->peer.conf && nchecks) {
            vp->checks = ngx_pcalloc(view->pool, nchecks
                                     * sizeof(ngx_hd_view_target_t));
            if (vp->checks == NULL) {
                return NGX_ERROR;
            }

            vp->nchecks = nchecks;

            ngx_hd_view_peer(view, vp);
        }

        ngx_hd_view_count_peer(view, vu, vp);
    }

    return NGX_OK;
}


static void
ngx_hd_view_upstream(ngx_hd_view_t *view, ngx_hd_view_upstream_t *vu)
{
    vu->health = ngx_hd_view_upstream_health(vu);

    ngx_hd_view_zone(vu);

    if (vu->serving == 0 && view->nidle++ == 0) {
        view->idle = vu->upstream->name;
    }
}


static void
ngx_hd_view_zone(ngx_hd_view_upstream_t *vu)
{
#if (NGX_HTTP_UPSTREAM_ZONE)
    ngx_shm_zone_t  *shm_zone;

    shm_zone = vu->upstream->uscf->shm_zone;

    if (shm_zone) {
        vu->zone = shm_zone->shm.name;
    }
#endif
}


static void
ngx_hd_view_peer(ngx_hd_view_t *view, ngx_hd_view_peer_t *vp)
{
    ngx_uint_t             i, health;
    ngx_hd_view_target_t  *checks;

    checks = vp->checks;

    for (i = 0; i < vp->nchecks; i++) {
        ngx_hd_view_target(view, &checks[i], vp->peer.conf->targets[i]);

        if (vp->peer.state == NGX_HD_PEER_REMOVED) {
            ngx_hd_view_expire(&checks[i]);
        }

        if (i == 0) {
            vp->worst = checks;
            vp->health = checks->health;
            continue;
        }

        health = ngx_hd_state_worse(vp->health, checks[i].health);

        if (health != vp->health) {
            vp->worst = &checks[i];
            vp->health = health;
        }
    }
}


/* nobody probes it any more */

static void
ngx_hd_view_expire(ngx_hd_view_target_t *vt)
{
    vt->health = NGX_HD_STATE_UNKNOWN;
    vt->stale = 1;
    vt->probing = 0;
    vt->next = 0;
}


static void
ngx_hd_view_count_peer(ngx_hd_view_t *view, ngx_hd_view_upstream_t *vu,
    ngx_hd_view_peer_t *vp)
{
    if (vp->peer.state == NGX_HD_PEER_REMOVED) {
        return;
    }

    view->servers[vp->health]++;

    vu->serving += (vp->peer.state == NGX_HD_PEER_UP);
    view->avoided += (vp->peer.state == NGX_HD_PEER_UNAVAIL);

    if (vp->nchecks == 0) {
        view->unprobed++;

    } else if (vp->peer.state == NGX_HD_PEER_DOWN) {
        view->admin[vp->health]++;
    }
}


static ngx_uint_t
ngx_hd_view_upstream_health(ngx_hd_view_upstream_t *vu)
{
    ngx_uint_t  i, n, health, count[NGX_HD_STATES];

    ngx_memzero(count, sizeof(count));

    for (n = 0, i = 0; i < vu->npeers; i++) {

        if (ngx_hd_view_counts(&vu->peers[i])) {
            count[vu->peers[i].health]++;
            n++;
        }
    }

    if (n == 0) {
        return NGX_HD_STATE_UNKNOWN;
    }

    if (count[NGX_HD_STATE_PAUSED] == n) {
        return NGX_HD_STATE_PAUSED;
    }

    n -= count[NGX_HD_STATE_PAUSED];

    for (health = 0; health < NGX_HD_STATES; health++) {

        if (count[health] == n) {
            break;
        }
    }

    /* probes may pass while nginx, by its own experience, avoids a server */

    if (health == NGX_HD_STATES
        || (health == NGX_HD_STATE_UP && ngx_hd_view_avoids(vu)))
    {
        return NGX_HD_STATE_DEGRADED;
    }

    return health;
}


static ngx_uint_t
ngx_hd_view_avoids(const ngx_hd_view_upstream_t *vu)
{
    ngx_uint_t  i;

    for (i = 0; i < vu->npeers; i++) {

        if (vu->peers[i].peer.state == NGX_HD_PEER_UNAVAIL) {
            return 1;
        }
    }

    return vu->serving == 0;
}


/* a server that nobody probes, that is to be out or gone, says nothing */

static ngx_uint_t
ngx_hd_view_counts(const ngx_hd_view_peer_t *vp)
{
    return vp->nchecks && vp->peer.state != NGX_HD_PEER_DOWN
           && vp->peer.state != NGX_HD_PEER_REMOVED;
}


static ngx_int_t
ngx_hd_view_services(ngx_hd_view_t *view)
{
    ngx_hd_target_t       **t;
    ngx_hd_view_cursor_t   *c;
    ngx_hd_view_target_t   *vt;

    c = &view->cursor;
    t = view->main->services.elts;

    for ( /* void */ ; c->service < view->nservices; c->service++) {

        if (c->read >= NGX_HD_VIEW_SLICE) {
            return NGX_AGAIN;
        }

        vt = &view->services[c->service];

        ngx_hd_view_target(view, vt, t[c->service]);
        view->service[vt->health]++;
    }

    return NGX_OK;
}


static void
ngx_hd_view_target(ngx_hd_view_t *view, ngx_hd_view_target_t *vt,
    ngx_hd_target_t *t)
{
    uint64_t          due, recoveries;
    ngx_hd_record_t  *rec;

    vt->target = t;
    view->cursor.read++;

    rec = view->main->zone ? ngx_hd_store_record(view->main, t) : NULL;
    if (rec == NULL) {
        return;
    }

    /* before the facts: what comes meanwhile makes them newer, not older */

    vt->probing = (ngx_hd_load(&rec->lease) != 0);
    due = ngx_hd_load(&rec->due);

    if (ngx_hd_store_read(rec, &vt->data) == NGX_OK) {
        vt->health = vt->data.state;
        ngx_hd_view_times(view, &vt->data);

    } else {
        vt->health = ngx_hd_store_verdict(rec, &recoveries);
    }

    if (vt->health >= NGX_HD_STATES) {
        vt->health = NGX_HD_STATE_UNKNOWN;
    }

    if (due == 0) {
        return;
    }

    ngx_hd_view_probing(view, vt, due);

    vt->next = view->time + (int64_t) (due - view->mono);

    if (view->mono > due + ngx_hd_store_trust(t->check)) {
        vt->stale = 1;
        vt->health = NGX_HD_STATE_UNKNOWN;
    }
}


/* what vt wants of us, and whether it gets it */

static void
ngx_hd_view_probing(ngx_hd_view_t *view, const ngx_hd_view_target_t *vt,
    uint64_t due)
{
    ngx_msec_t       pause;
    ngx_hd_check_t  *check;

    check = vt->target->check;

    if (check->type->told) {
        return;
    }

    if (vt->data.checks == 0) {
        pause = ngx_min(check->interval, NGX_HD_PACE_FIRST);

    } else {
        pause = ngx_hd_state_is_moving(&vt->data) ? check->fast
                                                  : check->interval;
    }

    view->probing.milli += 1000000 / pause;

    if (!vt->probing && view->mono > due + NGX_HD_VIEW_LATE) {
        view->probing.waiting++;
    }
}


/* times that were taken before the wall clock was set, as it is set now */

static void
ngx_hd_view_times(const ngx_hd_view_t *view, ngx_hd_data_t *data)
{
    data->since = ngx_hd_view_time(view, data->since,
                                   data->since_mono - view->mono);
    data->last = ngx_hd_view_time(view, data->last,
                                  data->last_mono - view->mono);

    data->failed.time = ngx_min(data->failed.time, view->time);
}


/*
 * A time of the wall clock that is away msec from now.  What was noted stands
 * if the clock was not set since, for it does not waver with each picture.
 */

static int64_t
ngx_hd_view_time(const ngx_hd_view_t *view, int64_t wall, int64_t away)
{
    int64_t  time;

    time = view->time + away;

    if (wall == 0 || (wall - time < NGX_HD_VIEW_STEP
                      && time - wall < NGX_HD_VIEW_STEP))
    {
        return wall;
    }

    return time;
}


static void
ngx_hd_view_sum(ngx_hd_view_t *view)
{
    ngx_uint_t  i, n, health;

    health = NGX_HD_STATE_PAUSED;
    n = view->nupstreams + view->nservices;

    for (i = 0; i < view->nupstreams; i++) {
        health = ngx_hd_state_worse(health, view->upstreams[i].health);
    }

    for (i = 0; i < view->nservices; i++) {
        health = ngx_hd_state_worse(health, view->services[i].health);
    }

    /* what is up may be so because nothing is let go down */

    if (view->guard.state == NGX_HD_GUARD_FROZEN) {
        health = ngx_hd_state_worse(health, NGX_HD_STATE_DEGRADED);
    }

    view->health = n ? health : NGX_HD_STATE_UNKNOWN;
}


static ngx_int_t
ngx_hd_view_find_worst(ngx_hd_view_t *view)
{
    ngx_uint_t  i;

    view->worst = ngx_pcalloc(view->pool, NGX_HD_VIEW_WORST
                                          * sizeof(ngx_hd_view_worst_t));
    if (view->worst == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(ngx_hd_view_bad) / sizeof(ngx_uint_t); i++) {
        ngx_hd_view_worst_servers(view, ngx_hd_view_bad[i]);
        ngx_hd_view_worst_services(view, ngx_hd_view_bad[i]);
    }

    return NGX_OK;
}


static void
ngx_hd_view_worst_servers(ngx_hd_view_t *view, ngx_uint_t health)
{
    ngx_uint_t               i, j;
    ngx_hd_view_peer_t      *vp;
    ngx_hd_view_worst_t     *worst;
    ngx_hd_view_upstream_t  *vu;

    for (i = 0; i < view->nupstreams; i++) {
        vu = &view->upstreams[i];

        for (j = 0; j < vu->npeers; j++) {
            vp = &vu->peers[j];

            if (view->nworst == NGX_HD_VIEW_WORST) {
                return;
            }

            if (vp->health != health || !ngx_hd_view_counts(vp)) {
                continue;
            }

            worst = &view->worst[view->nworst++];

            worst->upstream = vu->upstream->name;
            worst->peer = *vp;
            worst->target = *vp->worst;
        }
    }
}


static void
ngx_hd_view_worst_services(ngx_hd_view_t *view, ngx_uint_t health)
{
    ngx_uint_t  i;

    for (i = 0; i < view->nservices; i++) {

        if (view->nworst == NGX_HD_VIEW_WORST) {
            return;
        }

        if (view->services[i].health == health) {
            view->worst[view->nworst++].target = view->services[i];
        }
    }
}


int64_t
ngx_hd_view_wall(const ngx_hd_view_t *view, uint64_t clock)
{
    return view->time - (int64_t) (view->clock - clock);
}


uint64_t
ngx_hd_view_first_event(const ngx_hd_view_t *view, ngx_uint_t n)
{
    if (view->filter.events != NGX_CONF_UNSET_UINT) {
        n = view->filter.events;
    }

    return view->event - ngx_min(n, view->event) + 1;
}


ngx_int_t
ngx_hd_view_event(const ngx_hd_view_t *view, uint64_t number,
    ngx_hd_event_t *e)
{
    if (view->main->zone == NULL || number > view->event
        || ngx_hd_event_read(view->main->zone, number, e) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    e->time = ngx_hd_view_time(view, e->time, e->clock - view->clock);

    return view->public ? ngx_hd_public_event(view->public, e) : NGX_OK;
}

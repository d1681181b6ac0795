
/*
 * healthdash: incidents, made from the ring of events for one answer.  Called
 * by the renderers.  An event may be missing where a worker died; then the next
 * one that tells of the same target goes on from there.
 */


#include <ngx_hd_incident.h>
#include <ngx_hd_index.h>


struct ngx_hd_incidents_s {
    ngx_array_t     *list;
    ngx_hd_index_t   index;             /* of the first of each target */
};


static ngx_int_t ngx_hd_incident_shown(const ngx_hd_view_t *view,
    ngx_hd_index_t *shown, ngx_pool_t *pool);
static ngx_int_t ngx_hd_incident_event(ngx_array_t *list,
    ngx_hd_index_t *last, const ngx_hd_event_t *e);
static ngx_hd_incident_t *ngx_hd_incident_open(ngx_array_t *list,
    const ngx_hd_index_t *last, const u_char *id);
static void ngx_hd_incident_end(ngx_hd_incident_t *incident,
    const ngx_hd_event_t *e);
static ngx_hd_incidents_t *ngx_hd_incident_make(const ngx_hd_view_t *view);
static void ngx_hd_incident_chain(ngx_hd_incidents_t *all, ngx_uint_t n);


ngx_array_t *
ngx_hd_incident_list(const ngx_hd_view_t *view, ngx_pool_t *pool)
{
    uint64_t            number;
    ngx_uint_t          i, n, filtered;
    ngx_array_t        *list;
    ngx_hd_event_t      e;
    ngx_hd_index_t      shown, last;
    ngx_hd_incident_t  *incident;

    /* there is room for all, so none moves: the index points to their ids */

    n = (ngx_uint_t) ngx_min(view->event, NGX_HD_EVENTS);

    list = ngx_array_create(pool, ngx_max(n, 1), sizeof(ngx_hd_incident_t));
    filtered = ngx_hd_view_is_filtered(&view->filter);

    if (list == NULL
        || ngx_hd_index_init(&last, n, pool) != NGX_OK
        || (filtered && ngx_hd_incident_shown(view, &shown, pool) != NGX_OK))
    {
        return NULL;
    }

    number = (view->event > NGX_HD_EVENTS) ? view->event - NGX_HD_EVENTS : 0;

    while (number++ < view->event) {

        if (ngx_hd_view_event(view, number, &e) != NGX_OK
            || (filtered && ngx_hd_index_find(&shown, e.id) == 0))
        {
            continue;
        }

        if (ngx_hd_incident_event(list, &last, &e) != NGX_OK) {
            return NULL;
        }
    }

    incident = list->elts;

    for (i = 0; i < list->nelts; i++) {

        if (incident[i].end == 0 && view->clock > incident[i].clock) {
            incident[i].lasted = view->clock - incident[i].clock;
        }
    }

    return list;
}


static ngx_int_t
ngx_hd_incident_shown(const ngx_hd_view_t *view, ngx_hd_index_t *shown,
    ngx_pool_t *pool)
{
    ngx_uint_t                     i, k, n;
    const ngx_hd_view_peer_t      *vp;
    const ngx_hd_view_upstream_t  *vu;

    n = view->nservices;

    for (i = 0; i < view->nupstreams; i++) {
        vu = &view->upstreams[i];
        n += vu->npeers * vu->upstream->checks.nelts;
    }

    if (ngx_hd_index_init(shown, n, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < view->nservices; i++) {
        ngx_hd_index_add(shown, view->services[i].target->id, 1);
    }

    for (i = 0; i < view->nupstreams; i++) {
        vu = &view->upstreams[i];

        for (vp = vu->peers; vp < vu->peers + vu->npeers; vp++) {

            for (k = 0; k < vp->nchecks; k++) {
                ngx_hd_index_add(shown, vp->checks[k].target->id, 1);
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_incident_event(ngx_array_t *list, ngx_hd_index_t *last,
    const ngx_hd_event_t *e)
{
    ngx_hd_incident_t  *incident;

    if (e->kind != NGX_HD_EVENT_STATE && e->kind != NGX_HD_EVENT_REMOVED) {
        return NGX_OK;
    }

    incident = ngx_hd_incident_open(list, last, e->id);

    if (e->kind == NGX_HD_EVENT_REMOVED || e->to != NGX_HD_STATE_DOWN) {

        if (incident) {
            ngx_hd_incident_end(incident, e);
        }

        return NGX_OK;
    }

    /* the event between two that say "down" is missing */

    if (incident) {
        return NGX_OK;
    }

    incident = ngx_array_push(list);
    if (incident == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(incident, sizeof(ngx_hd_incident_t));

    incident->number = e->number;
    incident->clock = e->clock;
    incident->begin = e->time;

    ngx_memcpy(incident->id, e->id, NGX_HD_ID_LEN);

    ngx_hd_index_set(last, incident->id, list->nelts);

    return NGX_OK;
}


/* the one of a target that has not ended: only its last one can be */

static ngx_hd_incident_t *
ngx_hd_incident_open(ngx_array_t *list, const ngx_hd_index_t *last,
    const u_char *id)
{
    ngx_uint_t          n;
    ngx_hd_incident_t  *incident;

    n = ngx_hd_index_find(last, id);
    incident = list->elts;

    return (n && incident[n - 1].end == 0) ? &incident[n - 1] : NULL;
}


static void
ngx_hd_incident_end(ngx_hd_incident_t *incident, const ngx_hd_event_t *e)
{
    incident->end = e->time;
    incident->removed = (e->kind == NGX_HD_EVENT_REMOVED);
    incident->to = incident->removed ? NGX_HD_STATE_UNKNOWN : e->to;

    /* by a clock that does not step */

    if (e->clock > incident->clock) {
        incident->lasted = e->clock - incident->clock;
    }
}


const ngx_hd_incident_t *
ngx_hd_incident_in(const ngx_hd_view_t *view, const u_char *id,
    uint64_t begin, uint64_t end)
{
    ngx_uint_t                i;
    ngx_hd_incidents_t       *all;
    const ngx_hd_incident_t  *incident, *found;

    all = *view->incidents;

    if (all == NULL) {
        all = ngx_hd_incident_make(view);
        if (all == NULL) {
            return NULL;
        }

        *view->incidents = all;
    }

    found = NULL;
    i = ngx_hd_index_find(&all->index, id);

    for ( /* void */ ; i; i = incident->next) {
        incident = (ngx_hd_incident_t *) all->list->elts + i - 1;

        if (incident->clock < end
            && incident->clock + incident->lasted > begin)
        {
            found = incident;
        }
    }

    return found;
}


static ngx_hd_incidents_t *
ngx_hd_incident_make(const ngx_hd_view_t *view)
{
    ngx_uint_t           i;
    ngx_hd_incidents_t  *all;

    all = ngx_palloc(view->pool, sizeof(ngx_hd_incidents_t));
    if (all == NULL) {
        return NULL;
    }

    all->list = ngx_hd_incident_list(view, view->pool);

    if (all->list == NULL
        || ngx_hd_index_init(&all->index, all->list->nelts, view->pool)
           != NGX_OK)
    {
        return NULL;
    }

    for (i = 1; i <= all->list->nelts; i++) {
        ngx_hd_incident_chain(all, i);
    }

    return all;
}


/* puts the n-th to those of the same target */

static void
ngx_hd_incident_chain(ngx_hd_incidents_t *all, ngx_uint_t n)
{
    ngx_uint_t          first;
    ngx_hd_incident_t  *incident;

    incident = all->list->elts;
    first = ngx_hd_index_find(&all->index, incident[n - 1].id);

    if (first == 0) {
        first = n;
        ngx_hd_index_add(&all->index, incident[n - 1].id, n);

    } else {
        incident[incident[first - 1].last - 1].next = n;
    }

    incident[first - 1].last = n;
}

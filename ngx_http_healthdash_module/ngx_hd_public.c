
/*
 * healthdash: what is left of a picture for everybody.  The configuration that
 * it points to is copied field by field, and what is not copied here is hidden:
 * so a field that comes later is private until somebody decides otherwise.
 * Facts are those of the answer's own copy and are wiped in place.
 */


#include <ngx_hd_public.h>
#include <ngx_hd_index.h>
#include <ngx_hd_reason.h>


#define NGX_HD_PUBLIC_SLICE    256     /* targets: about 0.3 ms */

#define NGX_HD_PUBLIC_SERVER                                                  \
    (sizeof("server ") - 1 + NGX_INT_T_LEN)


struct ngx_hd_public_s {
    ngx_hd_main_conf_t   main;
    ngx_hd_index_t       peers;         /* by target: place in its upstream,
                                           from 1 on */
    ngx_pool_t          *pool;
    ngx_hd_upstream_t   *upstream;      /* the one under way; NULL: the next
                                           one is to begin */
    ngx_uint_t           nupstreams;    /* done */
    ngx_uint_t           npeers;        /* of the one under way */
    ngx_uint_t           nservices;
    ngx_uint_t           left;          /* targets of this slice */
};


static ngx_int_t ngx_hd_public_begin(ngx_hd_view_t *view, ngx_pool_t *pool);
static ngx_int_t ngx_hd_public_all(ngx_hd_public_t *public,
    ngx_hd_view_t *view);
static ngx_uint_t ngx_hd_public_is_over(ngx_hd_public_t *public,
    ngx_uint_t n);
static ngx_int_t ngx_hd_public_main(ngx_hd_public_t *public,
    ngx_hd_view_t *view);
static ngx_int_t ngx_hd_public_upstream(ngx_hd_public_t *public,
    ngx_hd_view_upstream_t *vu);
static ngx_hd_upstream_t *ngx_hd_public_upstream_conf(
    ngx_hd_public_t *public, ngx_hd_upstream_t *u);
static ngx_int_t ngx_hd_public_peer(ngx_hd_public_t *public,
    ngx_hd_view_peer_t *vp, ngx_hd_upstream_t *u);
static ngx_int_t ngx_hd_public_server(ngx_hd_public_t *public,
    ngx_hd_view_peer_t *vp);
static ngx_int_t ngx_hd_public_service(ngx_hd_public_t *public,
    ngx_hd_view_target_t *vt);
static ngx_hd_target_t *ngx_hd_public_target(ngx_hd_public_t *public,
    const ngx_hd_target_t *t, ngx_hd_check_t *check);
static ngx_hd_check_t *ngx_hd_public_check(ngx_hd_public_t *public,
    const ngx_hd_check_t *check);
static void ngx_hd_public_data(ngx_hd_data_t *data);
static uint16_t ngx_hd_public_reason(u_char *text, size_t size,
    ngx_uint_t reason);


ngx_int_t
ngx_hd_public_view(ngx_hd_view_t *view, ngx_pool_t *pool)
{
    ngx_int_t         rc;
    ngx_hd_public_t  *public;

    if (view->public == NULL && ngx_hd_public_begin(view, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    public = view->public;
    public->left = NGX_HD_PUBLIC_SLICE;

    rc = ngx_hd_public_all(public, view);

    if (rc != NGX_OK) {
        return rc;
    }

    view->main = &public->main;
    view->load_time = 0;
    view->saved.instance = 0;
    view->workers = 0;
    view->pid = 0;
    ngx_memzero(&view->probing, sizeof(ngx_hd_view_probing_t));

    ngx_str_null(&view->nginx);

    return NGX_OK;
}


static ngx_int_t
ngx_hd_public_begin(ngx_hd_view_t *view, ngx_pool_t *pool)
{
    ngx_hd_public_t  *public;

    public = ngx_pcalloc(pool, sizeof(ngx_hd_public_t));
    if (public == NULL) {
        return NGX_ERROR;
    }

    public->pool = pool;
    view->public = public;

    return ngx_hd_public_main(public, view);
}


static ngx_int_t
ngx_hd_public_all(ngx_hd_public_t *public, ngx_hd_view_t *view)
{
    ngx_int_t  rc;

    while (public->nupstreams < view->nupstreams) {
        rc = ngx_hd_public_upstream(public,
                                    &view->upstreams[public->nupstreams]);
        if (rc != NGX_OK) {
            return rc;
        }

        public->nupstreams++;
    }

    while (public->nservices < view->nservices) {

        if (ngx_hd_public_is_over(public, 1)) {
            return NGX_AGAIN;
        }

        if (ngx_hd_public_service(public, &view->services[public->nservices])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        public->nservices++;
    }

    return NGX_OK;
}


/* 1 if the slice is over, else n targets of it are taken */

static ngx_uint_t
ngx_hd_public_is_over(ngx_hd_public_t *public, ngx_uint_t n)
{
    if (public->left == 0) {
        return 1;
    }

    public->left -= ngx_min(n, public->left);

    return 0;
}


static ngx_int_t
ngx_hd_public_main(ngx_hd_public_t *public, ngx_hd_view_t *view)
{
    ngx_hd_main_conf_t  *main;

    main = &public->main;

    main->title = view->main->title;
    main->zone = view->main->zone;

    if (ngx_array_init(&main->upstreams, public->pool,
                       ngx_max(view->nupstreams, 1), sizeof(void *))
        != NGX_OK
        || ngx_array_init(&main->services, public->pool,
                          ngx_max(view->nservices, 1), sizeof(void *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hd_index_init(&public->peers, view->main->targets.nelts,
                             public->pool);
}


static ngx_int_t
ngx_hd_public_upstream(ngx_hd_public_t *public, ngx_hd_view_upstream_t *vu)
{
    ngx_hd_view_peer_t  *vp;

    if (public->upstream == NULL) {
        public->upstream = ngx_hd_public_upstream_conf(public, vu->upstream);
        if (public->upstream == NULL) {
            return NGX_ERROR;
        }

        public->npeers = 0;
        vu->upstream = public->upstream;

        ngx_str_null(&vu->zone);
    }

    while (public->npeers < vu->npeers) {
        vp = &vu->peers[public->npeers];

        if (ngx_hd_public_is_over(public, ngx_max(vp->nchecks, 1))) {
            return NGX_AGAIN;
        }

        if (ngx_hd_public_peer(public, vp, vu->upstream) != NGX_OK) {
            return NGX_ERROR;
        }

        public->npeers++;
    }

    public->upstream = NULL;

    return NGX_OK;
}


static ngx_hd_upstream_t *
ngx_hd_public_upstream_conf(ngx_hd_public_t *public, ngx_hd_upstream_t *u)
{
    ngx_uint_t           i, n;
    ngx_hd_check_t     **check, **copy;
    ngx_hd_upstream_t   *mine, **slot;

    n = u->checks.nelts;
    check = u->checks.elts;

    mine = ngx_pcalloc(public->pool, sizeof(ngx_hd_upstream_t));
    slot = ngx_array_push(&public->main.upstreams);

    if (mine == NULL || slot == NULL
        || ngx_array_init(&mine->checks, public->pool, ngx_max(n, 1),
                          sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    *slot = mine;

    mine->name = u->name;
    mine->namesake = u->namesake;
    mine->min_up = u->min_up;
    mine->min_up_percent = u->min_up_percent;
    mine->main = &public->main;
    mine->labels = ngx_hd_public_check(public, u->labels);

    for (i = 0; i < n; i++) {
        copy = ngx_array_push(&mine->checks);
        if (copy == NULL) {
            return NULL;
        }

        *copy = ngx_hd_public_check(public, check[i]);
        if (*copy == NULL) {
            return NULL;
        }
    }

    return mine->labels ? mine : NULL;
}


static ngx_int_t
ngx_hd_public_peer(ngx_hd_public_t *public, ngx_hd_view_peer_t *vp,
    ngx_hd_upstream_t *u)
{
    ngx_uint_t              i;
    ngx_hd_check_t        **check;
    ngx_hd_target_t        *t;
    ngx_hd_view_target_t   *vt;

    if (ngx_hd_public_server(public, vp) != NGX_OK) {
        return NGX_ERROR;
    }

    check = u->checks.elts;

    for (i = 0; i < vp->nchecks; i++) {
        vt = &vp->checks[i];

        t = ngx_hd_public_target(public, vt->target, check[i]);
        if (t == NULL) {
            return NGX_ERROR;
        }

        t->upstream = u;
        t->name = vp->peer.name;

        vt->target = t;
        vp->peer.conf->targets[i] = t;

        ngx_hd_public_data(&vt->data);
        ngx_hd_index_add(&public->peers, t->id, vp->peer.id + 1);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_public_server(ngx_hd_public_t *public, ngx_hd_view_peer_t *vp)
{
    u_char           *p;
    ngx_str_t         name;
    ngx_hd_server_t  *server;

    p = ngx_pnalloc(public->pool, NGX_HD_PUBLIC_SERVER);
    if (p == NULL) {
        return NGX_ERROR;
    }

    name.data = p;
    name.len = ngx_sprintf(p, "server %ui", vp->peer.id + 1) - p;

    vp->peer.name = name;
    vp->peer.server = name;
    vp->peer.max_conns = 0;
    vp->peer.counted = 0;
    vp->peer.share = 0;
    vp->peer.full = 0;

    if (vp->peer.conf == NULL) {
        return NGX_OK;
    }

    server = ngx_pcalloc(public->pool, sizeof(ngx_hd_server_t));
    if (server == NULL) {
        return NGX_ERROR;
    }

    server->name = name;
    server->server = name;

    server->targets = ngx_pcalloc(public->pool,
                                  vp->nchecks * sizeof(ngx_hd_target_t *));
    if (server->targets == NULL) {
        return NGX_ERROR;
    }

    vp->peer.conf = server;

    return NGX_OK;
}


static ngx_int_t
ngx_hd_public_service(ngx_hd_public_t *public, ngx_hd_view_target_t *vt)
{
    ngx_str_t          name;
    ngx_hd_check_t    *check;
    ngx_hd_target_t   *t, **slot;

    name = vt->target->name;

    check = ngx_hd_public_check(public, vt->target->check);
    if (check == NULL) {
        return NGX_ERROR;
    }

    t = ngx_hd_public_target(public, vt->target, check);
    slot = ngx_array_push(&public->main.services);

    if (t == NULL || slot == NULL) {
        return NGX_ERROR;
    }

    *slot = t;
    t->name = name;

    vt->target = t;

    ngx_hd_public_data(&vt->data);

    return NGX_OK;
}


/* id and record are needed to find its history, and shown nowhere */

static ngx_hd_target_t *
ngx_hd_public_target(ngx_hd_public_t *public, const ngx_hd_target_t *t,
    ngx_hd_check_t *check)
{
    ngx_hd_target_t  *mine;

    mine = ngx_pcalloc(public->pool, sizeof(ngx_hd_target_t));
    if (mine == NULL) {
        return NULL;
    }

    ngx_memcpy(mine->id, t->id, NGX_HD_ID_LEN);

    mine->check = check;
    mine->index = t->index;
    mine->record = t->record;
    mine->namesake = t->namesake;
    mine->main = &public->main;

    return mine;
}


static ngx_hd_check_t *
ngx_hd_public_check(ngx_hd_public_t *public, const ngx_hd_check_t *check)
{
    ngx_hd_check_t  *mine;

    mine = ngx_pcalloc(public->pool, sizeof(ngx_hd_check_t));
    if (mine == NULL) {
        return NULL;
    }

    mine->type_name = check->type_name;
    mine->type = check->type;

    mine->interval = check->interval;
    mine->fast = check->fast;
    mine->timeout = check->timeout;
    mine->slow = check->slow;
    mine->jitter = check->jitter;
    mine->grace = check->grace;
    mine->rules = check->rules;

    mine->initial = check->initial;
    mine->trusted = check->trusted;
    mine->min_up = check->min_up;
    mine->min_up_percent = check->min_up_percent;
    mine->observe = check->observe;

    mine->group = check->group;
    mine->description = check->description;
    mine->critical = check->critical;

    return mine;
}


static void
ngx_hd_public_data(ngx_hd_data_t *data)
{
    data->len = ngx_hd_public_reason(data->detail, NGX_HD_DETAIL_LEN,
                                     data->reason);
    data->state_len = ngx_hd_public_reason(data->state_detail,
                                           NGX_HD_DETAIL_LEN,
                                           data->state_reason);
    data->failed.len = ngx_hd_public_reason(data->failed.detail,
                                            NGX_HD_DETAIL_LEN,
                                            data->failed.reason);

    ngx_memzero(&data->failed.sample, sizeof(ngx_hd_sample_t));
    ngx_memzero(data->cert.issuer, NGX_HD_ISSUER_LEN);

    data->cert.issuer_len = 0;
    data->has_value = 0;
    data->value = 0;
    data->slot = 0;
    data->pid = 0;
}


/* returns the length */

static uint16_t
ngx_hd_public_reason(u_char *text, size_t size, ngx_uint_t reason)
{
    size_t       len;
    const char  *general;

    ngx_memzero(text, size);

    if (reason == NGX_HD_R_NONE) {
        return 0;
    }

    general = ngx_hd_reason_general(reason);
    len = ngx_min(ngx_strlen(general), size);

    ngx_memcpy(text, general, len);

    return (uint16_t) len;
}


ngx_int_t
ngx_hd_public_event(const ngx_hd_public_t *public, ngx_hd_event_t *e)
{
    u_char      *p;
    ngx_uint_t   n;

    if (e->kind != NGX_HD_EVENT_STATE && e->kind != NGX_HD_EVENT_ADDED
        && e->kind != NGX_HD_EVENT_REMOVED)
    {
        return NGX_DECLINED;
    }

    e->value = 0;
    e->text_len = (u_char) ngx_hd_public_reason(e->text, NGX_HD_EVENT_TEXT,
                                                e->reason);

    if (e->upstream_len == 0) {
        return NGX_OK;
    }

    ngx_memzero(e->name, NGX_HD_EVENT_NAME);

    n = ngx_hd_index_find(&public->peers, e->id);

    p = n ? ngx_slprintf(e->name, e->name + NGX_HD_EVENT_NAME, "server %ui",
                         n)
          : ngx_slprintf(e->name, e->name + NGX_HD_EVENT_NAME, "a server");

    e->name_len = (u_char) (p - e->name);

    return NGX_OK;
}

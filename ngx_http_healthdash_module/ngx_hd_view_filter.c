
/*
 * healthdash: what rows of the picture are called, and which of them are asked
 * for.  Called by the picture and the renderers.
 */


#include <ngx_hd_view.h>


static void ngx_hd_view_filter_peers(ngx_hd_view_upstream_t *vu,
    const ngx_hd_view_filter_t *filter);
static ngx_uint_t ngx_hd_view_wants_peer(const ngx_hd_view_upstream_t *vu,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_filter_t *filter);
static ngx_uint_t ngx_hd_view_wants_service(const ngx_hd_view_target_t *vt,
    const ngx_hd_view_filter_t *filter);
static ngx_uint_t ngx_hd_view_same(const ngx_str_t *a, const ngx_str_t *b);


ngx_uint_t
ngx_hd_view_is_filtered(const ngx_hd_view_filter_t *filter)
{
    return filter->upstream.len || filter->service.len || filter->group.len
           || filter->row.len || filter->health != NGX_HD_STATES;
}


void
ngx_hd_view_filter(ngx_hd_view_t *view)
{
    ngx_uint_t               i, n;
    ngx_hd_view_upstream_t  *vu;

    vu = view->upstreams;

    for (n = 0, i = 0; i < view->nupstreams; i++) {
        ngx_hd_view_filter_peers(&vu[i], &view->filter);

        if (vu[i].npeers) {
            vu[n++] = vu[i];
        }
    }

    view->nupstreams = n;

    for (n = 0, i = 0; i < view->nservices; i++) {

        if (ngx_hd_view_wants_service(&view->services[i], &view->filter)) {
            view->services[n++] = view->services[i];
        }
    }

    view->nservices = n;
}


static void
ngx_hd_view_filter_peers(ngx_hd_view_upstream_t *vu,
    const ngx_hd_view_filter_t *filter)
{
    ngx_uint_t  i, n;

    n = 0;

    /* who asks for a service by name does not want servers, and vice versa */

    if (filter->service.len && filter->upstream.len == 0) {
        vu->npeers = 0;
    }

    if (!ngx_hd_view_same(&filter->upstream, &vu->upstream->name)) {
        vu->npeers = 0;
    }

    for (i = 0; i < vu->npeers; i++) {

        if (ngx_hd_view_wants_peer(vu, &vu->peers[i], filter)) {
            vu->peers[n++] = vu->peers[i];
        }
    }

    vu->npeers = n;
}


static ngx_uint_t
ngx_hd_view_wants_peer(const ngx_hd_view_upstream_t *vu,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_filter_t *filter)
{
    u_char      buf[NGX_HD_VIEW_ID_LEN];
    ngx_str_t   id;
    ngx_uint_t  i;

    id.data = buf;
    id.len = ngx_hd_view_peer_id(buf, vu, vp) - buf;

    if (!ngx_hd_view_same(&filter->row, &id)) {
        return 0;
    }

    if (filter->health != NGX_HD_STATES && vp->health != filter->health) {
        return 0;
    }

    if (filter->group.len == 0) {
        return 1;
    }

    for (i = 0; i < vp->nchecks; i++) {

        if (ngx_hd_view_same(&filter->group,
                             &vp->checks[i].target->check->group))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_hd_view_wants_service(const ngx_hd_view_target_t *vt,
    const ngx_hd_view_filter_t *filter)
{
    u_char     buf[NGX_HD_VIEW_ID_LEN];
    ngx_str_t  id;

    id.data = buf;
    id.len = ngx_hd_view_service_id(buf, vt) - buf;

    if (filter->upstream.len && filter->service.len == 0) {
        return 0;
    }

    if (filter->health != NGX_HD_STATES && vt->health != filter->health) {
        return 0;
    }

    return ngx_hd_view_same(&filter->service, &vt->target->name)
           && ngx_hd_view_same(&filter->row, &id)
           && ngx_hd_view_same(&filter->group, &vt->target->check->group);
}


/* an empty filter matches everything */

static ngx_uint_t
ngx_hd_view_same(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == 0
           || (a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0);
}


u_char *
ngx_hd_view_upstream_id(u_char *buf, const ngx_hd_view_upstream_t *vu)
{
    return ngx_sprintf(buf, "u%ui", vu->index);
}


u_char *
ngx_hd_view_peer_id(u_char *buf, const ngx_hd_view_upstream_t *vu,
    const ngx_hd_view_peer_t *vp)
{
    return ngx_sprintf(buf, "u%uip%ui", vu->index, vp->peer.id);
}


u_char *
ngx_hd_view_service_id(u_char *buf, const ngx_hd_view_target_t *vt)
{
    return ngx_sprintf(buf, "s%ui", vt->target->index);
}


ngx_uint_t
ngx_hd_view_same_group(const ngx_hd_view_target_t *a,
    const ngx_hd_view_target_t *b)
{
    const ngx_str_t  *ga, *gb;

    ga = &a->target->check->group;
    gb = &b->target->check->group;

    return ga->len == gb->len && ngx_hd_view_same(ga, gb);
}


/*
 * healthdash: the live stream as JSON.  A snapshot is the status as every
 * program gets it; a change has whole objects of what has changed, and numbers
 * of what had a result that changed nothing.
 */


#include <ngx_hd_live.h>
#include <ngx_hd_member.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>


static void ngx_hd_live_head(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_live_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_live_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_live_upstream_end(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_live_services(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_live_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_live_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_live_pulse(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_live_pulse_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_live_pulse_service(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_live_beat(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_peer_t *peer, const ngx_hd_view_target_t *vt);
static void ngx_hd_live_pulse_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_live_events(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    uint64_t first);
static void ngx_hd_live_next(ngx_hd_text_t *t, ngx_uint_t *n);


const ngx_hd_live_t  ngx_hd_live_json = {
    &ngx_hd_render_json,
    "}",
    {
        ngx_hd_live_head,
        ngx_hd_live_upstream,
        ngx_hd_live_peer,
        ngx_hd_live_upstream_end,
        ngx_hd_live_services,
        ngx_hd_live_service,
        ngx_hd_live_foot,
        NULL
    },
    {
        ngx_hd_live_pulse,
        NULL,
        ngx_hd_live_pulse_peer,
        NULL,
        NULL,
        ngx_hd_live_pulse_service,
        ngx_hd_live_pulse_end,
        NULL
    },
    ngx_hd_live_events
};


static void
ngx_hd_live_head(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_member_time(t, "{\"time\":", view->time);
    ngx_hd_member_word(t, ",\"health\":", ngx_hd_state_word(view->health));
    ngx_hd_member_counts(t, ",\"summary\":{\"services\":", view->service);
    ngx_hd_member_counts(t, ",\"servers\":", view->servers);
    ngx_hd_text_add(t, "},\"title\":\"");
    ngx_hd_phrase_short(t, view);
    ngx_hd_text_add(t, "\",\"sentence\":\"");
    ngx_hd_phrase_summary(t, view, ngx_hd_text_json_part);
    ngx_hd_text_add(t, "\",\"upstreams\":{");
}


static void
ngx_hd_live_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];

    if (vu->news != NGX_HD_NEWS_CHANGE) {
        return;
    }

    ngx_hd_live_next(t, &c->n[0]);
    ngx_hd_member_string(t, "", &vu->upstream->name);
    ngx_hd_member_word(t, ":{\"health\":", ngx_hd_state_word(vu->health));
    ngx_hd_member_uint(t, ",\"serving\":", vu->serving);
    ngx_hd_member_uint(t, ",\"total\":", vu->total);
    ngx_hd_text_add(t, ",\"peers\":[");

    c->n[1] = 0;
}


static void
ngx_hd_live_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_peer_t  *vp;

    vp = &view->upstreams[c->upstream].peers[c->peer];

    if (vp->news == NGX_HD_NEWS_CHANGE) {
        ngx_hd_live_next(t, &c->n[1]);
        ngx_hd_render_json_peer(t, view, vp);
    }
}


static void
ngx_hd_live_upstream_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    if (view->upstreams[c->upstream].news == NGX_HD_NEWS_CHANGE) {
        ngx_hd_text_add(t, "]}");
    }
}


static void
ngx_hd_live_services(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, "},\"services\":{");

    c->n[0] = 0;
}


static void
ngx_hd_live_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];

    if (vt->news == NGX_HD_NEWS_CHANGE) {
        ngx_hd_live_next(t, &c->n[0]);
        ngx_hd_member_string(t, "", &vt->target->name);
        ngx_hd_text_add(t, ":");
        ngx_hd_render_json_service(t, view, vt);
    }
}


static void
ngx_hd_live_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_live_pulse(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_text_add(t, ",\"pulse\":[");
}


/* of several checks the one that had its result last */

static void
ngx_hd_live_pulse_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_uint_t                     i;
    const ngx_hd_view_peer_t      *vp;
    const ngx_hd_view_target_t    *vt;
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];
    vp = &vu->peers[c->peer];

    if (vp->news != NGX_HD_NEWS_PULSE) {
        return;
    }

    vt = vp->checks;

    for (i = 1; i < vp->nchecks; i++) {

        if (vp->checks[i].data.last > vt->data.last) {
            vt = &vp->checks[i];
        }
    }

    ngx_hd_live_next(t, &c->n[0]);
    ngx_hd_member_string(t, "[[", &vu->upstream->name);
    ngx_hd_member_uint(t, ",", vp->peer.id);
    ngx_hd_text_add(t, "]");
    ngx_hd_live_beat(t, view, &vp->peer, vt);
}


static void
ngx_hd_live_pulse_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];

    if (vt->news == NGX_HD_NEWS_PULSE) {
        ngx_hd_live_next(t, &c->n[0]);
        ngx_hd_member_string(t, "[", &vt->target->name);
        ngx_hd_live_beat(t, view, NULL, vt);
    }
}


static void
ngx_hd_live_beat(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_peer_t *peer, const ngx_hd_view_target_t *vt)
{
    ngx_hd_member_time(t, ",", vt->data.last);
    ngx_hd_member_msec(t, ",",
                       vt->data.last && vt->data.verdict <= NGX_HD_WARN,
                       vt->data.usec);
    ngx_hd_member_time(t, ",", vt->next);
    ngx_hd_text_add(t, ",\"");

    if (vt->data.checks) {
        ngx_hd_phrase_streak(t, view, vt);
    }

    ngx_hd_text_add(t, "\",");

    if (peer && peer->counted) {
        ngx_hd_text_uint(t, peer->conns);

    } else {
        ngx_hd_text_add(t, "null");
    }

    ngx_hd_text_add(t, "]");
}


static void
ngx_hd_live_pulse_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, "]");
}


static void
ngx_hd_live_events(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    uint64_t first)
{
    uint64_t        i;
    ngx_uint_t      n;
    ngx_hd_event_t  e;

    ngx_hd_text_add(t, ",\"events\":[");

    /* nobody knows more of them than the ring holds */

    i = ngx_max(first, ngx_hd_view_first_event(view, NGX_HD_EVENTS));

    for (n = 0; i <= view->event; i++) {

        if (ngx_hd_view_event(view, i, &e) == NGX_OK) {
            ngx_hd_live_next(t, &n);
            ngx_hd_render_json_event(t, &e);
        }
    }

    ngx_hd_text_add(t, "]}");
}


static void
ngx_hd_live_next(ngx_hd_text_t *t, ngx_uint_t *n)
{
    ngx_hd_text_add(t, (*n)++ ? "," : "");
}

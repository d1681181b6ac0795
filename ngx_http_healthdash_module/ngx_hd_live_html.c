
/*
 * healthdash: the live stream as parts of the page, for its script: what has
 * changed, made by the units that make the page, each with the id of what it
 * takes the place of.  A snapshot has no rows but those in trouble right now:
 * who joins has loaded them, and loads them again if an event has come in
 * between, but a failure that is no event yet may have come as well.
 */


#include <ngx_hd_live.h>
#include <ngx_hd_html.h>
#include <ngx_hd_html_event.h>
#include <ngx_hd_html_row.h>
#include <ngx_hd_html_top.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_pulse.h>
#include <ngx_hd_reason.h>


static void ngx_hd_live_html_head(ngx_hd_text_t *t,
    const ngx_hd_view_t *view);
static void ngx_hd_live_html_upstream(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_live_html_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_live_html_service(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_live_html_sick_peer(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_live_html_sick_service(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_live_html_row_peer(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_view_upstream_t *vu,
    const ngx_hd_view_peer_t *vp);
static void ngx_hd_live_html_row_service(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt);
static void ngx_hd_live_html_pulse_peer(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_live_html_pulse_service(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_live_html_beat(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_peer_t *peer, const ngx_hd_view_target_t *vt,
    const u_char *id, size_t len, ngx_uint_t check);
static void ngx_hd_live_html_events(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, uint64_t first);


static const ngx_hd_render_t  ngx_hd_live_html_snapshot = {
    .head = ngx_hd_live_html_head,
    .peer = ngx_hd_live_html_sick_peer,
    .service = ngx_hd_live_html_sick_service
};


const ngx_hd_live_t  ngx_hd_live_html = {
    &ngx_hd_live_html_snapshot,
    "",
    {
        ngx_hd_live_html_head,
        ngx_hd_live_html_upstream,
        ngx_hd_live_html_peer,
        NULL,
        NULL,
        ngx_hd_live_html_service,
        NULL,
        NULL
    },
    {
        NULL,
        NULL,
        ngx_hd_live_html_pulse_peer,
        NULL,
        NULL,
        ngx_hd_live_html_pulse_service,
        NULL,
        NULL
    },
    ngx_hd_live_html_events
};


static void
ngx_hd_live_html_head(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_text_add(t, "<main data-time=\"");
    ngx_hd_text_time(t, view->time);
    ngx_hd_text_add(t, "\" data-title=\"");
    ngx_hd_phrase_short(t, view);
    ngx_hd_text_add(t, "\" data-health=\"");
    ngx_hd_text_add(t, ngx_hd_state_word(view->health));
    ngx_hd_html_count(t, "\" data-generation=\"", view->main->generation,
                      "\" data-event=\"");
    ngx_hd_html_count(t, "", view->event, "\">");

    ngx_hd_html_verdict(t, view);
    ngx_hd_html_counts_bar(t, view);
}


static void
ngx_hd_live_html_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];

    if (vu->news == NGX_HD_NEWS_CHANGE) {
        ngx_hd_text_add(t, "<table>");
        ngx_hd_html_upstream(t, vu);
        ngx_hd_text_add(t, "</table>");
    }
}


static void
ngx_hd_live_html_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_peer_t      *vp;
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];
    vp = &vu->peers[c->peer];

    if (vp->news == NGX_HD_NEWS_CHANGE) {
        ngx_hd_live_html_row_peer(t, view, vu, vp);
    }
}


static void
ngx_hd_live_html_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];

    if (vt->news == NGX_HD_NEWS_CHANGE) {
        ngx_hd_live_html_row_service(t, view, vt);
    }
}


static void
ngx_hd_live_html_sick_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_uint_t                     i;
    const ngx_hd_view_peer_t      *vp;
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];
    vp = &vu->peers[c->peer];

    for (i = 0; i < vp->nchecks; i++) {

        if (ngx_hd_pulse_is_sick(&vp->checks[i].data)) {
            ngx_hd_live_html_row_peer(t, view, vu, vp);
            return;
        }
    }
}


static void
ngx_hd_live_html_sick_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];

    if (ngx_hd_pulse_is_sick(&vt->data)) {
        ngx_hd_live_html_row_service(t, view, vt);
    }
}


static void
ngx_hd_live_html_row_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu, const ngx_hd_view_peer_t *vp)
{
    ngx_hd_text_add(t, "<table>");
    ngx_hd_html_peer(t, view, vu, vp);
    ngx_hd_text_add(t, "</table>");
}


static void
ngx_hd_live_html_row_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_text_add(t, "<table>");
    ngx_hd_html_service(t, view, vt);
    ngx_hd_text_add(t, "</table>");
}


static void
ngx_hd_live_html_pulse_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    size_t                         len;
    u_char                         id[NGX_HD_VIEW_ID_LEN];
    ngx_uint_t                     i;
    const ngx_hd_view_peer_t      *vp;
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];
    vp = &vu->peers[c->peer];

    if (vp->news != NGX_HD_NEWS_PULSE) {
        return;
    }

    for (i = 0; i < vp->nchecks; i++) {

        if (vp->checks[i].redraw) {
            ngx_hd_live_html_row_peer(t, view, vu, vp);
            return;
        }
    }

    len = ngx_hd_view_peer_id(id, vu, vp) - id;

    for (i = 0; i < vp->nchecks; i++) {

        if (vp->checks[i].results) {
            ngx_hd_live_html_beat(t, view, &vp->peer, &vp->checks[i], id, len,
                                  i);
        }
    }
}


static void
ngx_hd_live_html_pulse_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    u_char                      *last;
    u_char                       id[NGX_HD_VIEW_ID_LEN];
    const ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];

    if (vt->news != NGX_HD_NEWS_PULSE) {
        return;
    }

    if (vt->redraw) {
        ngx_hd_live_html_row_service(t, view, vt);
        return;
    }

    last = ngx_hd_view_service_id(id, vt);

    ngx_hd_live_html_beat(t, view, NULL, vt, id, last - id, 0);
}


/*
 * Of the check-th of a row: latency, result and streak, connections of the
 * server, and if there is a past, new points of the line, and what is
 * available; in this order.
 */

static void
ngx_hd_live_html_beat(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_peer_t *peer, const ngx_hd_view_target_t *vt,
    const u_char *id, size_t len, ngx_uint_t check)
{
    ngx_hd_text_add(t, "<p data-row=\"");
    ngx_hd_text_raw(t, id, len);
    ngx_hd_html_count(t, "\" data-check=\"", check, "\"><i>");
    ngx_hd_html_latency(t, vt->data.usec);
    ngx_hd_text_add(t, "</i><i>");
    ngx_hd_phrase_result(t, view, vt, ngx_hd_text_html);
    ngx_hd_text_add(t, "</i><i>");

    if (vt->data.checks) {
        ngx_hd_phrase_streak(t, view, vt);
    }

    ngx_hd_text_add(t, "</i><i>");

    if (peer) {
        ngx_hd_phrase_connections(t, peer);
    }

    ngx_hd_text_add(t, "</i>");
    ngx_hd_html_pulse_past(t, view, vt);
    ngx_hd_text_add(t, "</p>");
}


static void
ngx_hd_live_html_events(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    uint64_t first)
{
    uint64_t        i;
    ngx_hd_event_t  e;

    ngx_hd_text_add(t, "<ol>");

    i = ngx_max(first, ngx_hd_view_first_event(view, NGX_HD_EVENTS));

    for ( /* void */ ; i <= view->event; i++) {

        if (ngx_hd_view_event(view, i, &e) == NGX_OK) {
            ngx_hd_html_event(t, &e, NULL);
        }
    }

    ngx_hd_text_add(t, "</ol></main>");
}


/*
 * healthdash: the picture as a page that is complete without a script.
 * Called by the handler, which sends the policy that allows the one style
 * sheet and nothing else: so no attribute style, no event handler, no address
 * but those of the configuration may be written here.
 */


#include <ngx_hd_render.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_render_html_detail.h>
#include <ngx_hd_asset.h>


#define NGX_HD_HTML_REFRESH    "5"     /* seconds */


static void ngx_hd_html_begin(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_head(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_title(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_verdict(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_worst(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_worst_t *worst);
static void ngx_hd_html_filters(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_chip(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t health);
static void ngx_hd_html_only(ngx_hd_text_t *t, const char *what,
    const ngx_str_t *value);
static void ngx_hd_html_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_upstream_end(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_html_upstream_caption(ngx_hd_text_t *t,
    const ngx_hd_view_upstream_t *vu);
static void ngx_hd_html_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_peer_name(ngx_hd_text_t *t,
    const ngx_hd_view_peer_t *vp);
static void ngx_hd_html_pill(ngx_hd_text_t *t, const ngx_hd_view_peer_t *vp);
static void ngx_hd_html_check(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, const char *class);
static void ngx_hd_html_services(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_group(ngx_hd_text_t *t, const ngx_str_t *group);
static void ngx_hd_html_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_service_name(ngx_hd_text_t *t,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_link(ngx_hd_text_t *t, const ngx_str_t *link);
static void ngx_hd_html_row(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_uint_t health, const char *class);
static void ngx_hd_html_facts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_why(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_figures(ngx_hd_text_t *t,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_next(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_since(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_end(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_clock(ngx_hd_text_t *t, int64_t wall);
static void ngx_hd_html_state(ngx_hd_text_t *t, ngx_uint_t health);
static void ngx_hd_html_icon(ngx_hd_text_t *t, ngx_uint_t health);
static void ngx_hd_html_string(ngx_hd_text_t *t, const char *before,
    const ngx_str_t *value, const char *after);
static void ngx_hd_html_count(ngx_hd_text_t *t, const char *before,
    uint64_t n, const char *after);


/* one shape for each health, so that colour never stands alone */

static const char  ngx_hd_html_shapes[] =
    "<svg class=\"sprite\" aria-hidden=\"true\">"
    "<symbol id=\"up\" viewBox=\"0 0 16 16\">"
    "<path fill=\"currentColor\" fill-rule=\"evenodd\" d=\"M8 1a7 7 0 1 0 0 "
    "14A7 7 0 0 0 8 1zm3.9 4.9-4.6 5.2a.9.9 0 0 1-1.3 0L4 9l1.2-1.2 1.4 "
    "1.4 4-4.5z\"/></symbol>"
    "<symbol id=\"degraded\" viewBox=\"0 0 16 16\">"
    "<path fill=\"currentColor\" fill-rule=\"evenodd\" d=\"M8.9 1.5a1 1 0 0 "
    "0-1.8 0l-6.4 12A1 1 0 0 0 1.6 15h12.8a1 1 0 0 0 .9-1.5zM7.1 5.5h1.8"
    "v4.6H7.1zm0 6h1.8v1.8H7.1z\"/></symbol>"
    "<symbol id=\"down\" viewBox=\"0 0 16 16\">"
    "<path fill=\"currentColor\" fill-rule=\"evenodd\" d=\"M3 1h10a2 2 0 0 1 "
    "2 2v10a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2zm2.2 3L4 5.2 6.8 "
    "8 4 10.8 5.2 12 8 9.2l2.8 2.8 1.2-1.2L9.2 8 12 5.2 10.8 4 8 6.8z\"/>"
    "</symbol>"
    "<symbol id=\"unknown\" viewBox=\"0 0 16 16\">"
    "<circle cx=\"8\" cy=\"8\" r=\"6\" fill=\"none\" stroke=\"currentColor\" "
    "stroke-width=\"2\" stroke-dasharray=\"3.1 1.6\"/></symbol>"
    "<symbol id=\"paused\" viewBox=\"0 0 16 16\">"
    "<path fill=\"currentColor\" d=\"M3 2h4v12H3zm6 0h4v12H9z\"/></symbol>"
    "</svg>\n";


static const char  ngx_hd_html_nothing[] =
    "<pre><code>upstream app {\n"
    "    server 10.0.0.1:8080;\n"
    "    server 10.0.0.2:8080;\n"
    "    healthdash_check http uri=/healthz;\n"
    "}</code></pre>\n"
    "<p>Write <code>healthdash_check</code> into an upstream block, or "
    "<code>healthdash_service \"Name\" https://host/;</code> into the http "
    "block, and reload nginx.</p>\n";


static const ngx_uint_t  ngx_hd_html_order[] = {
    NGX_HD_STATE_DOWN,
    NGX_HD_STATE_DEGRADED,
    NGX_HD_STATE_UNKNOWN,
    NGX_HD_STATE_PAUSED,
    NGX_HD_STATE_UP
};


const ngx_hd_render_t  ngx_hd_render_html = {
    ngx_hd_html_begin,
    ngx_hd_html_upstream,
    ngx_hd_html_peer,
    ngx_hd_html_upstream_end,
    ngx_hd_html_services,
    ngx_hd_html_service,
    ngx_hd_html_end
};


static void
ngx_hd_html_begin(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_html_head(t, view);
    ngx_hd_html_verdict(t, view);
    ngx_hd_html_filters(t, view);

    if (view->nupstreams) {
        ngx_hd_text_add(t, "<section><h2>Upstreams</h2>\n");
    }
}


static void
ngx_hd_html_head(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_text_add(t, "<!doctype html>\n<html lang=\"en\">\n<head>\n"
                "<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, "
                "initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"robots\" content=\"noindex\">\n"
                "<meta http-equiv=\"refresh\" content=\"" NGX_HD_HTML_REFRESH
                "\">\n<title>");

    ngx_hd_phrase_short(t, view);
    ngx_hd_text_add(t, " - ");
    ngx_hd_html_title(t, view);

    ngx_hd_text_add(t, "</title>\n<style>");
    ngx_hd_text_raw(t, ngx_hd_asset_css, NGX_HD_ASSET_CSS_LEN);
    ngx_hd_text_add(t, "</style>\n</head>\n<body>\n");
    ngx_hd_text_raw(t, ngx_hd_html_shapes, sizeof(ngx_hd_html_shapes) - 1);

    ngx_hd_text_add(t, "<header><p>");
    ngx_hd_html_title(t, view);

    ngx_hd_text_add(t, "</p><p>");
    ngx_hd_html_clock(t, view->time);
    ngx_hd_text_add(t, ", refreshed every " NGX_HD_HTML_REFRESH
                    " s</p></header>\n<main>\n");
}


static void
ngx_hd_html_title(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    if (view->main->title.len) {
        ngx_hd_html_string(t, "", &view->main->title, "");

    } else {
        ngx_hd_text_add(t, "Status of nginx");
    }
}


static void
ngx_hd_html_verdict(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_uint_t  i;

    ngx_hd_text_add(t, "<section class=\"verdict ");
    ngx_hd_text_add(t, ngx_hd_state_word(view->health));
    ngx_hd_text_add(t, "\">");
    ngx_hd_html_icon(t, view->health);
    ngx_hd_text_add(t, "<h1>");
    ngx_hd_phrase_summary(t, view, ngx_hd_text_html);
    ngx_hd_text_add(t, "</h1>\n");

    if (view->main->upstreams.nelts + view->main->services.nelts == 0) {
        ngx_hd_text_add(t, ngx_hd_html_nothing);
    }

    if (view->nworst) {
        ngx_hd_text_add(t, "<ul>\n");

        for (i = 0; i < view->nworst; i++) {
            ngx_hd_html_worst(t, view, &view->worst[i]);
        }

        ngx_hd_text_add(t, "</ul>\n");
    }

    ngx_hd_text_add(t, "</section>\n");
}


static void
ngx_hd_html_worst(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_worst_t *worst)
{
    ngx_hd_text_add(t, "<li><b>");
    ngx_hd_phrase_name(t, worst, ngx_hd_text_html);
    ngx_hd_text_add(t, "</b> ");
    ngx_hd_phrase_result(t, view, &worst->target, ngx_hd_text_html);
    ngx_hd_text_add(t, " <span>");

    if (!worst->target.stale) {
        ngx_hd_html_since(t, view, &worst->target);
    }

    if (worst->upstream.len) {
        ngx_hd_text_add(t, " &middot; ");
        ngx_hd_text_add(t, ngx_hd_phrase_peer(&worst->peer));
    }

    ngx_hd_text_add(t, "</span></li>\n");
}


static void
ngx_hd_html_filters(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_uint_t                   i, n;
    const ngx_hd_view_filter_t  *filter;

    filter = &view->filter;

    for (n = 0, i = 0; i < NGX_HD_STATES; i++) {
        n += view->servers[i] + view->service[i];
    }

    if (n == 0) {
        return;
    }

    ngx_hd_text_add(t, "<nav aria-label=\"Filter\"><a href=\"?\"");
    ngx_hd_text_add(t, ngx_hd_view_is_filtered(filter)
                       ? ">All <b>" : " aria-current=\"page\">All <b>");
    ngx_hd_html_count(t, "", n, "</b></a>");

    for (i = 0; i < sizeof(ngx_hd_html_order) / sizeof(ngx_uint_t); i++) {
        ngx_hd_html_chip(t, view, ngx_hd_html_order[i]);
    }

    ngx_hd_html_only(t, "upstream", &filter->upstream);
    ngx_hd_html_only(t, "service", &filter->service);
    ngx_hd_html_only(t, "group", &filter->group);

    ngx_hd_text_add(t, "</nav>\n");

    if (view->nupstreams + view->nservices == 0) {
        ngx_hd_text_add(t, "<h2>Nothing matches</h2>\n<div class=\"card\">"
                        "<p>No server and no service matches this filter."
                        "</p></div>\n");
    }
}


static void
ngx_hd_html_chip(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t health)
{
    ngx_uint_t  n, current;

    n = view->servers[health] + view->service[health];
    current = (view->filter.health == health);

    if (n == 0 && !current) {
        return;
    }

    ngx_hd_text_add(t, "<a href=\"?health=");
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, current ? "\" aria-current=\"page\">" : "\">");
    ngx_hd_html_state(t, health);
    ngx_hd_html_count(t, " <b>", n, "</b></a>");
}


static void
ngx_hd_html_only(ngx_hd_text_t *t, const char *what, const ngx_str_t *value)
{
    if (value->len == 0) {
        return;
    }

    ngx_hd_text_add(t, "<span class=\"only\">only ");
    ngx_hd_text_add(t, what);
    ngx_hd_html_string(t, " <b>", value, "</b></span>");
}


static void
ngx_hd_html_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];

    ngx_hd_text_add(t, "<div class=\"card\"><table>\n<caption><span>");
    ngx_hd_html_upstream_caption(t, vu);
    ngx_hd_text_add(t, "</span></caption>\n<thead><tr>"
                    "<th scope=\"col\" class=\"c1\">Probe</th>"
                    "<th scope=\"col\" class=\"c2\">Server</th>"
                    "<th scope=\"col\" class=\"c3\">nginx</th>"
                    "<th scope=\"col\">Last result</th>"
                    "<th scope=\"col\" class=\"n c5\">Latency</th>"
                    "<th scope=\"col\" class=\"n c6\">Checks</th>"
                    "<th scope=\"col\" class=\"n c7\">Next</th>"
                    "</tr></thead>\n<tbody>\n");
}


static void
ngx_hd_html_upstream_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    if (view->upstreams[c->upstream].total == 0) {
        ngx_hd_text_add(t, "<tr><td colspan=\"7\">It has no servers now."
                        "</td></tr>\n");
    }

    ngx_hd_text_add(t, "</tbody></table></div>\n");
}


static void
ngx_hd_html_upstream_caption(ngx_hd_text_t *t,
    const ngx_hd_view_upstream_t *vu)
{
    ngx_hd_html_state(t, vu->health);
    ngx_hd_html_string(t, "<b>", &vu->upstream->name, "</b>");

    ngx_hd_text_add(t, vu->serving ? "<span class=\"fact\">"
                                   : "<span class=\"pill down\">");
    ngx_hd_phrase_serving(t, vu);
    ngx_hd_text_add(t, "</span>");

    if (vu->npeers < vu->total) {
        ngx_hd_html_count(t, "<span class=\"fact\">", vu->npeers,
                          " shown</span>");
    }

    if (vu->zone.len) {
        ngx_hd_html_string(t, "<span class=\"fact\">zone ", &vu->zone,
                           "</span>");
    }

    if (vu->upstream->labels->description.len) {
        ngx_hd_html_string(t, "<span class=\"fact\">",
                           &vu->upstream->labels->description, "</span>");
    }

    ngx_hd_html_link(t, &vu->upstream->labels->link);
}


static void
ngx_hd_html_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_uint_t                 i, aside;
    const ngx_hd_view_peer_t  *vp;

    vp = &view->upstreams[c->upstream].peers[c->peer];

    /* what the administrator took out is no alarm */

    aside = (vp->peer.state == NGX_HD_PEER_DOWN);

    ngx_hd_html_row(t, view, vp->worst, vp->health, aside ? "aside " : "");
    ngx_hd_html_peer_name(t, vp);
    ngx_hd_html_pill(t, vp);

    if (vp->nchecks == 1) {
        ngx_hd_html_facts(t, view, vp->worst);
        return;
    }

    /* the figures stand at the checks */

    if (vp->nchecks) {
        ngx_hd_html_count(t, "<td class=\"why\" colspan=\"4\">the worst of ",
                          vp->nchecks, " checks</td></tr>\n");

    } else {
        ngx_hd_text_add(t, "<td class=\"why\" colspan=\"4\">not probed"
                        "</td></tr>\n");
    }

    for (i = 0; i < vp->nchecks; i++) {
        ngx_hd_html_check(t, view, &vp->checks[i],
                          aside ? "check aside " : "check ");
    }
}


static void
ngx_hd_html_peer_name(ngx_hd_text_t *t, const ngx_hd_view_peer_t *vp)
{
    const ngx_hd_peer_t  *peer;

    peer = &vp->peer;

    ngx_hd_html_string(t, "<th scope=\"row\"><code>", &peer->name,
                       "</code><small>");

    if (peer->backup) {
        ngx_hd_text_add(t, "backup, ");
    }

    ngx_hd_html_count(t, "weight ", peer->weight, "");

    if (peer->server.len != peer->name.len
        || ngx_memcmp(peer->server.data, peer->name.data, peer->name.len)
           != 0)
    {
        ngx_hd_html_string(t, ", server ", &peer->server, "");
    }

    ngx_hd_text_add(t, "</small></th>");
}


static void
ngx_hd_html_pill(ngx_hd_text_t *t, const ngx_hd_view_peer_t *vp)
{
    const char  *class;

    switch (vp->peer.state) {

    case NGX_HD_PEER_UP:
        class = (vp->peer.kept || vp->health == NGX_HD_STATE_DOWN)
                ? "degraded" : "up";
        break;

    case NGX_HD_PEER_UNHEALTHY:
        class = "down";
        break;

    case NGX_HD_PEER_DOWN:
        class = "unknown";
        break;

    default: /* draining, checking, unavailable */
        class = "degraded";
    }

    ngx_hd_text_add(t, "<td class=\"nginx\"><span class=\"pill ");
    ngx_hd_text_add(t, class);
    ngx_hd_text_add(t, "\">");
    ngx_hd_text_add(t, ngx_hd_phrase_peer(vp));
    ngx_hd_text_add(t, "</span></td>");
}


/* one of several checks of the server above */

static void
ngx_hd_html_check(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, const char *class)
{
    ngx_hd_html_row(t, view, vt, vt->health, class);

    ngx_hd_text_add(t, "<th scope=\"row\">");
    ngx_hd_phrase_check(t, vt->target->check, ngx_hd_text_html);
    ngx_hd_text_add(t, "</th><td class=\"nginx\"></td>");

    ngx_hd_html_facts(t, view, vt);
}


static void
ngx_hd_html_services(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    if (view->nupstreams) {
        ngx_hd_text_add(t, "</section>\n");
    }

    if (view->nservices) {
        ngx_hd_text_add(t, "<section><h2>Services</h2>\n");
    }
}


static void
ngx_hd_html_group(ngx_hd_text_t *t, const ngx_str_t *group)
{
    ngx_hd_text_add(t, "<div class=\"card\"><table>\n");

    if (group->len) {
        ngx_hd_html_string(t, "<caption><span><b>", group,
                           "</b></span></caption>\n");
    }

    ngx_hd_text_add(t, "<thead><tr>"
                    "<th scope=\"col\" class=\"c1\">Probe</th>"
                    "<th scope=\"col\" class=\"c23\">Service</th>"
                    "<th scope=\"col\">Last result</th>"
                    "<th scope=\"col\" class=\"n c5\">Latency</th>"
                    "<th scope=\"col\" class=\"n c6\">Checks</th>"
                    "<th scope=\"col\" class=\"n c7\">Next</th>"
                    "</tr></thead>\n<tbody>\n");
}


static void
ngx_hd_html_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_uint_t                   i;
    const ngx_hd_view_target_t  *vt;

    i = c->service;
    vt = &view->services[i];

    if (i == 0 || !ngx_hd_view_same_group(vt, vt - 1)) {
        ngx_hd_text_add(t, i ? "</tbody></table></div>\n" : "");
        ngx_hd_html_group(t, &vt->target->check->group);
    }

    ngx_hd_html_row(t, view, vt, vt->health, "");
    ngx_hd_html_service_name(t, vt);
    ngx_hd_html_facts(t, view, vt);
}


static void
ngx_hd_html_service_name(ngx_hd_text_t *t, const ngx_hd_view_target_t *vt)
{
    const ngx_hd_check_t  *check;

    check = vt->target->check;

    ngx_hd_html_string(t, "<th scope=\"row\">", &vt->target->name, "");

    if (check->critical == 1) {
        ngx_hd_text_add(t, " <span class=\"pill\">critical</span>");
    }

    if (check->description.len) {
        ngx_hd_html_string(t, "<small>", &check->description, "</small>");
    }

    ngx_hd_html_string(t, "<small>", &vt->target->address, "");
    ngx_hd_html_link(t, &check->link);
    ngx_hd_text_add(t, "</small></th>");
}


static void
ngx_hd_html_link(ngx_hd_text_t *t, const ngx_str_t *link)
{
    if (link->len == 0) {
        return;
    }

    /* no other scheme, "javascript:" least of all, becomes a link */

    if ((link->len > 7
         && ngx_strncasecmp(link->data, (u_char *) "http://", 7) == 0)
        || (link->len > 8
            && ngx_strncasecmp(link->data, (u_char *) "https://", 8) == 0))
    {
        ngx_hd_html_string(t, " &middot; <a rel=\"noreferrer\" href=\"", link,
                           "\">runbook</a>");

    } else {
        ngx_hd_html_string(t, " &middot; ", link, "");
    }
}


/* begins a row with its health; vt is NULL for a server without a check */

static void
ngx_hd_html_row(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_uint_t health, const char *class)
{
    ngx_hd_text_add(t, "<tr class=\"");
    ngx_hd_text_add(t, class);
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "\"><td>");
    ngx_hd_html_state(t, health);

    if (vt) {
        ngx_hd_text_add(t, "<small>");
        ngx_hd_html_since(t, view, vt);
        ngx_hd_text_add(t, "</small>");
    }

    ngx_hd_text_add(t, "</td>");
}


static void
ngx_hd_html_facts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_html_why(t, view, vt);
    ngx_hd_html_figures(t, vt);
    ngx_hd_html_next(t, view, vt);
    ngx_hd_text_add(t, "</tr>\n");
}


static void
ngx_hd_html_why(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_text_add(t, vt->stale ? "<td class=\"why\">"
                                   "<span class=\"pill degraded\">stale"
                                   "</span> "
                                 : "<td class=\"why\">");
    ngx_hd_phrase_result(t, view, vt, ngx_hd_text_html);

    if (vt->data.checks) {
        ngx_hd_text_add(t, "<small>");
        ngx_hd_phrase_streak(t, view, vt);
        ngx_hd_text_add(t, "</small>");
    }

    ngx_hd_render_html_detail(t, view, vt);

    ngx_hd_text_add(t, "</td>");
}


static void
ngx_hd_html_figures(ngx_hd_text_t *t, const ngx_hd_view_target_t *vt)
{
    u_char  *last;
    u_char   buf[NGX_HD_PHRASE_LATENCY];

    ngx_hd_text_add(t, "<td class=\"n\" data-l=\"Latency\">");

    last = ngx_hd_phrase_latency(buf, vt->data.usec);
    ngx_hd_text_raw(t, buf, last - buf);

    if (vt->data.usec_max) {
        last = ngx_hd_phrase_latency(buf, vt->data.usec_max);
        ngx_hd_text_add(t, "<small>max ");
        ngx_hd_text_raw(t, buf, last - buf);
        ngx_hd_text_add(t, "</small>");
    }

    ngx_hd_html_count(t, "</td><td class=\"n\" data-l=\"Checks\">",
                      vt->data.checks, "");
    ngx_hd_html_count(t, "<small>", vt->data.failures, " failed</small>");

    if (vt->data.inconclusive) {
        ngx_hd_html_count(t, "<small>", vt->data.inconclusive,
                          " inconclusive</small>");
    }

    ngx_hd_text_add(t, "</td>");
}


static void
ngx_hd_html_next(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_text_add(t, "<td class=\"n\" data-l=\"Next\">");
    ngx_hd_phrase_next(t, view, vt);

    if (vt->data.pid) {
        ngx_hd_html_count(t, "<small>worker ", vt->data.slot, "</small>");
    }

    ngx_hd_text_add(t, "</td>");
}


static void
ngx_hd_html_since(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    int64_t  since;

    since = ngx_hd_view_since(vt);

    if (since == 0) {
        return;
    }

    ngx_hd_text_add(t, "<time datetime=\"");
    ngx_hd_text_time(t, since);
    ngx_hd_text_add(t, "\" title=\"since ");
    ngx_hd_text_time(t, since);
    ngx_hd_text_add(t, "\">for ");
    ngx_hd_text_ago(t, ngx_hd_view_age(view, vt));
    ngx_hd_text_add(t, "</time>");
}


static void
ngx_hd_html_end(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    if (view->nservices) {
        ngx_hd_text_add(t, "</tbody></table></div>\n</section>\n");
    }

    ngx_hd_html_foot(t, view);
}


static void
ngx_hd_html_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_text_add(t, "</main>\n<footer><span>nginx " NGINX_VERSION
                    ", healthdash " NGX_HD_VERSION "</span><span>");
    ngx_hd_phrase_count(t, view->workers, "worker");

    if (view->main->generation) {
        ngx_hd_html_count(t, ", generation ", view->main->generation, "");
    }

    ngx_hd_text_add(t, "</span>");

    if (view->load_time) {
        ngx_hd_text_add(t, "<span>configuration loaded ");
        ngx_hd_html_clock(t, view->load_time);
        ngx_hd_text_add(t, "</span>");
    }

    ngx_hd_html_count(t, "<span>answered by process ", ngx_pid, "</span>");
    ngx_hd_text_add(t, "</footer>\n</body>\n</html>\n");
}


/* a time for reading; to the millisecond only where it matters */

static void
ngx_hd_html_clock(ngx_hd_text_t *t, int64_t wall)
{
    u_char    *last;
    u_char     buf[sizeof("9999-12-31 23:59:59 UTC") + NGX_INT_T_LEN];
    ngx_tm_t   tm;

    ngx_gmtime((time_t) (wall / 1000), &tm);

    last = ngx_sprintf(buf, "%4d-%02d-%02d %02d:%02d:%02d UTC",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);

    ngx_hd_text_add(t, "<time datetime=\"");
    ngx_hd_text_time(t, wall);
    ngx_hd_text_add(t, "\">");
    ngx_hd_text_raw(t, buf, last - buf);
    ngx_hd_text_add(t, "</time>");
}


static void
ngx_hd_html_state(ngx_hd_text_t *t, ngx_uint_t health)
{
    ngx_hd_text_add(t, "<span class=\"s ");
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "\">");
    ngx_hd_html_icon(t, health);
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "</span>");
}


static void
ngx_hd_html_icon(ngx_hd_text_t *t, ngx_uint_t health)
{
    ngx_hd_text_add(t, "<svg class=\"i\" aria-hidden=\"true\"><use href=\"#");
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "\"/></svg>");
}


static void
ngx_hd_html_string(ngx_hd_text_t *t, const char *before,
    const ngx_str_t *value, const char *after)
{
    ngx_hd_text_add(t, before);
    ngx_hd_text_html(t, value->data, value->len);
    ngx_hd_text_add(t, after);
}


static void
ngx_hd_html_count(ngx_hd_text_t *t, const char *before, uint64_t n,
    const char *after)
{
    ngx_hd_text_add(t, before);
    ngx_hd_text_uint(t, n);
    ngx_hd_text_add(t, after);
}


/*
 * healthdash: the picture as a page that is complete without a script.
 * Called by the handler, which sends the policy that allows the one style
 * sheet, the one script and nothing else: so no attribute style, no event
 * handler, no address but those of the configuration may be written here.
 */


#include <ngx_hd_render.h>
#include <ngx_hd_html.h>
#include <ngx_hd_html_event.h>
#include <ngx_hd_html_row.h>
#include <ngx_hd_html_top.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_saver.h>
#include <ngx_hd_asset.h>


#define NGX_HD_HTML_REFRESH    "5"     /* seconds */
#define NGX_HD_HTML_TABLE      20      /* rows of each table of a long page */


static void ngx_hd_html_head(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_favicon(ngx_hd_text_t *t, ngx_uint_t health);
static void ngx_hd_html_page(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_begin(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_peers(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_next_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_go_on(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t i, const char *class, const char *columns);
static void ngx_hd_html_peers_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_services(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_next_service(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_html_group(ngx_hd_text_t *t, const ngx_str_t *group);
static void ngx_hd_html_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_html_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_nginx(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_html_saved(ngx_hd_text_t *t, const ngx_hd_saved_t *saved);


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


/* the columns of servers, of services, and what both have */

static const char  ngx_hd_html_peer_columns[] =
    "<tr><th scope=\"col\">Probe</th>"
    "<th scope=\"col\">Server</th>"
    "<th scope=\"col\">nginx</th>";

static const char  ngx_hd_html_service_columns[] =
    "<tr><th scope=\"col\">Probe</th>"
    "<th scope=\"col\">Service</th>";

static const char  ngx_hd_html_columns[] =
    "<th scope=\"col\">Last result</th>"
    "<th scope=\"col\" class=\"n\">Latency</th>"
    "<th scope=\"col\">24 hours, 90 days</th>"
    "<th scope=\"col\" class=\"n\">Available 24 h</th>"
    "</tr></thead>\n";


const ngx_hd_render_t  ngx_hd_render_html = {
    ngx_hd_html_page,
    ngx_hd_html_peers,
    ngx_hd_html_next_peer,
    ngx_hd_html_peers_end,
    ngx_hd_html_services,
    ngx_hd_html_next_service,
    ngx_hd_html_end,
    NULL
};


static void
ngx_hd_html_page(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_html_head(t, view);
    ngx_hd_html_begin(t, view);
    ngx_hd_html_verdict(t, view);
    ngx_hd_html_counts_bar(t, view);

    if (view->nupstreams) {
        ngx_hd_text_add(t, "<section id=\"upstreams\"><h2>Upstreams</h2>\n");
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
                "<noscript><meta http-equiv=\"refresh\" content=\""
                NGX_HD_HTML_REFRESH "\"></noscript>\n");
    ngx_hd_html_favicon(t, view->health);
    ngx_hd_text_add(t, "<title>");
    ngx_hd_phrase_short(t, view);
    ngx_hd_text_add(t, " - ");
    ngx_hd_html_title(t, view);

    ngx_hd_text_add(t, "</title>\n<style>");
    ngx_hd_text_raw(t, ngx_hd_asset_css, NGX_HD_ASSET_CSS_LEN);
    ngx_hd_text_add(t, "</style>\n</head>\n<body>\n");
    ngx_hd_text_raw(t, ngx_hd_html_shapes, sizeof(ngx_hd_html_shapes) - 1);
}


/* an icon of one colour and shape: a red tab is seen among thirty */

static void
ngx_hd_html_favicon(ngx_hd_text_t *t, ngx_uint_t health)
{
    static const char  *marks[NGX_HD_STATES] = {
        [NGX_HD_STATE_UNKNOWN] = "8a94a4'%3E%3Ccircle cx='8' cy='8' r='7'/%3E",
        [NGX_HD_STATE_UP] = "1f9d5a'%3E%3Ccircle cx='8' cy='8' r='7'/%3E",
        [NGX_HD_STATE_DEGRADED] = "e09a1a'%3E%3Cpath d='M8 1l7 14H1z'/%3E",
        [NGX_HD_STATE_DOWN] = "d93025'%3E%3Cpath d='M0 0h16v16H0z'/%3E",
        [NGX_HD_STATE_PAUSED] =
            "8a94a4'%3E%3Cpath d='M3 2h4v12H3zm6 0h4v12H9z'/%3E"
    };

    ngx_hd_text_add(t, "<link rel=\"icon\" id=\"icon\" href=\"data:image/"
                    "svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
                    "viewBox='0 0 16 16' fill='%23");
    ngx_hd_text_add(t, marks[health]);
    ngx_hd_text_add(t, "%3C/svg%3E\">\n");
}


/* what the script needs to go on from here stands in the attributes of main */

static void
ngx_hd_html_begin(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_text_add(t, "<a class=\"skip\" href=\"#main\">To the status</a>\n"
                    "<header><p><b>");
    ngx_hd_html_title(t, view);

    ngx_hd_text_add(t, "</b></p><p id=\"live\">");
    ngx_hd_html_clock(t, view->time);
    ngx_hd_text_add(t, ", refreshed every " NGX_HD_HTML_REFRESH
                    " s</p></header>\n<main id=\"main\"");
    ngx_hd_text_add(t, ngx_hd_html_is_long(view) ? " class=\"long\"" : "");
    ngx_hd_text_add(t, " data-health=\"");
    ngx_hd_text_add(t, ngx_hd_state_word(view->health));
    ngx_hd_html_count(t, "\" data-generation=\"", view->main->generation,
                      "\" data-event=\"");
    ngx_hd_html_count(t, "", view->event, "\">\n");
}


static void
ngx_hd_html_peers(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];

    ngx_hd_html_string(t, "<div class=\"card\" data-group=\"",
                       &vu->upstream->labels->group, "\">"
                       "<table class=\"peers\">\n");
    ngx_hd_html_upstream(t, vu);
    ngx_hd_text_add(t, "<thead>");
    ngx_hd_text_add(t, ngx_hd_html_peer_columns);
    ngx_hd_text_add(t, ngx_hd_html_columns);
}


static void
ngx_hd_html_next_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];

    if (c->peer) {
        ngx_hd_html_go_on(t, view, c->peer, "peers",
                          ngx_hd_html_peer_columns);
    }

    ngx_hd_html_peer(t, view, vu, &vu->peers[c->peer]);
}


/*
 * A long page is made of tables of a few rows, before the i-th of which this
 * may begin another: browsers look at each part that they may leave undrawn, in
 * each frame, and a table that is out of sight is one part.
 */

static void
ngx_hd_html_go_on(ngx_hd_text_t *t, const ngx_hd_view_t *view, ngx_uint_t i,
    const char *class, const char *columns)
{
    if (i % NGX_HD_HTML_TABLE || !ngx_hd_html_is_long(view)) {
        return;
    }

    ngx_hd_text_add(t, "</table>\n<table class=\"");
    ngx_hd_text_add(t, class);
    ngx_hd_text_add(t, "\"><thead class=\"vh\">");
    ngx_hd_text_add(t, columns);
    ngx_hd_text_add(t, ngx_hd_html_columns);
}


static void
ngx_hd_html_peers_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    if (view->upstreams[c->upstream].total == 0) {
        ngx_hd_text_add(t, "<tbody><tr><td colspan=\"7\">It has no servers "
                        "now.</td></tr></tbody>\n");
    }

    ngx_hd_text_add(t, "</table></div>\n");
}


static void
ngx_hd_html_services(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    if (view->nupstreams) {
        ngx_hd_text_add(t, "</section>\n");
    }

    if (view->nservices) {
        ngx_hd_text_add(t, "<section id=\"services\"><h2>Services</h2>\n");
    }
}


static void
ngx_hd_html_next_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];

    if (c->service == 0 || !ngx_hd_view_same_group(vt, vt - 1)) {
        ngx_hd_text_add(t, c->service ? "</table></div>\n" : "");
        ngx_hd_html_group(t, &vt->target->check->group);

    } else {
        ngx_hd_html_go_on(t, view, c->service, "services",
                          ngx_hd_html_service_columns);
    }

    ngx_hd_html_service(t, view, vt);
}


static void
ngx_hd_html_group(ngx_hd_text_t *t, const ngx_str_t *group)
{
    ngx_hd_html_string(t, "<div class=\"card\" data-group=\"", group, "\">"
                       "<table class=\"services\">\n");

    if (group->len) {
        ngx_hd_html_string(t, "<caption><span><b>", group,
                           "</b></span></caption>\n");
    }

    ngx_hd_text_add(t, "<thead>");
    ngx_hd_text_add(t, ngx_hd_html_service_columns);
    ngx_hd_text_add(t, ngx_hd_html_columns);
}


static void
ngx_hd_html_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    if (view->nservices) {
        ngx_hd_text_add(t, "</table></div>\n</section>\n");
    }

    if (!ngx_hd_html_is_part(&view->filter)) {
        ngx_hd_html_events(t, view);
    }

    ngx_hd_html_foot(t, view);
}


static void
ngx_hd_html_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_text_add(t, "</main>\n<footer id=\"foot\">");

    if (view->nginx.len) {
        ngx_hd_html_nginx(t, view);

    } else {
        ngx_hd_text_add(t, "<span>healthdash</span>");
    }

    ngx_hd_text_add(t, "</footer>\n<script>");
    ngx_hd_text_raw(t, ngx_hd_asset_js, NGX_HD_ASSET_JS_LEN);
    ngx_hd_text_add(t, "</script>\n</body>\n</html>\n");
}


/* who has answered */

static void
ngx_hd_html_nginx(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_html_string(t, "<span>nginx ", &view->nginx,
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

    if (view->main->targets.nelts) {
        ngx_hd_text_add(t, "<span>");
        ngx_hd_phrase_probing(t, view);
        ngx_hd_text_add(t, "</span>");
    }

    ngx_hd_html_saved(t, &view->saved);
    ngx_hd_html_count(t, "<span>answered by process ", view->pid, "</span>");
}


/* of the state file */

static void
ngx_hd_html_saved(ngx_hd_text_t *t, const ngx_hd_saved_t *saved)
{
    u_char  *p, wrong[NGX_HD_SAVER_TEXT];

    if (saved->instance == 0) {
        return;
    }

    ngx_hd_text_add(t, "<span>state file ");

    p = ngx_hd_saver_wrong(wrong, saved->wrong);

    if (p != wrong) {
        ngx_hd_text_add(t, "is not written: ");
        ngx_hd_text_html(t, wrong, p - wrong);
        ngx_hd_text_add(t, saved->saved ? "; it is of " : "");

    } else {
        ngx_hd_text_add(t, saved->saved ? "of " : "not written yet");
    }

    if (saved->saved) {
        ngx_hd_html_clock(t, saved->saved);
    }

    ngx_hd_text_add(t, "</span>");
}


/*
 * healthdash: the top of the page: the sentence, what is worst, and how many
 * have which health.  Called by the page and by the live stream.
 */


#include <ngx_hd_html_top.h>
#include <ngx_hd_html.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>


static void ngx_hd_html_worst(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_worst_t *worst);
static void ngx_hd_html_chip(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t health);
static void ngx_hd_html_only(ngx_hd_text_t *t, const char *what,
    const ngx_str_t *value);


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


void
ngx_hd_html_title(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    if (view->main->title.len) {
        ngx_hd_html_string(t, "", &view->main->title, "");

    } else {
        ngx_hd_text_add(t, "Status of nginx");
    }
}


void
ngx_hd_html_verdict(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_uint_t  i;

    ngx_hd_text_add(t, "<section id=\"verdict\" class=\"verdict ");
    ngx_hd_text_add(t, ngx_hd_state_word(view->health));
    ngx_hd_text_add(t, "\">");
    ngx_hd_html_icon(t, view->health);
    ngx_hd_text_add(t, "<h1><b>");
    ngx_hd_phrase_lead(t, view);
    ngx_hd_text_add(t, "</b>");
    ngx_hd_phrase_more(t, view, ngx_hd_text_html);
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


void
ngx_hd_html_counts_bar(ngx_hd_text_t *t, const ngx_hd_view_t *view)
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

    ngx_hd_text_add(t, "<nav id=\"counts\" aria-label=\"Filter\">"
                    "<a href=\"?\"");
    ngx_hd_text_add(t, ngx_hd_view_is_filtered(filter)
                       ? ">All <b>" : " aria-current=\"page\">All <b>");
    ngx_hd_html_count(t, "", n, "</b></a>");

    for (i = 0; i < sizeof(ngx_hd_html_order) / sizeof(ngx_uint_t); i++) {
        ngx_hd_html_chip(t, view, ngx_hd_html_order[i]);
    }

    ngx_hd_html_only(t, "upstream", &filter->upstream);
    ngx_hd_html_only(t, "service", &filter->service);
    ngx_hd_html_only(t, "group", &filter->group);
    ngx_hd_html_only(t, "row", &filter->row);

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

    ngx_hd_text_add(t, " <a href=\"?health=");
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

    ngx_hd_text_add(t, " <span class=\"only\">only ");
    ngx_hd_text_add(t, what);
    ngx_hd_html_string(t, " <b>", value, "</b></span>");
}


ngx_uint_t
ngx_hd_html_is_part(const ngx_hd_view_filter_t *filter)
{
    return filter->upstream.len || filter->service.len || filter->group.len
           || filter->row.len;
}

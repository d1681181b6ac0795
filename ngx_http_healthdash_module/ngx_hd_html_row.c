
/*
 * healthdash: rows of the page.  Called by the page and by the live stream, so
 * that a row that changes looks as if it had been there from the beginning.
 */


#include <ngx_hd_html_row.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_html.h>
#include <ngx_hd_html_detail.h>
#include <ngx_hd_html_strip.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>


#define NGX_HD_HTML_LONG       200     /* rows; of more, details on demand */
#define NGX_HD_HTML_DOWN       50      /* if not more are down, theirs stay */
#define NGX_HD_HTML_CERT_SOON  30      /* days */
#define NGX_HD_HTML_MISSED     2       /* results between page and stream */


typedef struct {
    u_char      id[NGX_HD_VIEW_ID_LEN];
    size_t      len;
    ngx_str_t   name;
    ngx_uint_t  aside;          /* the administrator has taken it out */
} ngx_hd_html_row_t;


static void ngx_hd_html_begin(ngx_hd_text_t *t, const ngx_hd_html_row_t *row,
    ngx_uint_t health);
static void ngx_hd_html_health(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_uint_t health, const char *class);
static void ngx_hd_html_peer_name(ngx_hd_text_t *t,
    const ngx_hd_view_peer_t *vp);
static void ngx_hd_html_pill(ngx_hd_text_t *t, const ngx_hd_view_peer_t *vp);
static void ngx_hd_html_check(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_several(ngx_hd_text_t *t,
    const ngx_hd_view_peer_t *vp);
static void ngx_hd_html_service_name(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt);
static void ngx_hd_html_cert(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_cert_t *cert);
static void ngx_hd_html_cells(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_why(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_past_cells(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_view_past_t *past,
    ngx_uint_t health);
static ngx_uint_t ngx_hd_html_is_told(const ngx_hd_view_t *view,
    ngx_uint_t health);
static void ngx_hd_html_available(ngx_hd_text_t *t,
    const ngx_hd_view_past_t *past);
static void ngx_hd_html_extent(ngx_hd_text_t *t,
    const ngx_hd_view_past_t *past, const ngx_hd_span_t *day);
static void ngx_hd_html_month(ngx_hd_text_t *t,
    const ngx_hd_view_past_t *past);
static void ngx_hd_html_window(const ngx_hd_view_past_t *past,
    ngx_uint_t window, ngx_hd_span_t *sum);
static ngx_uint_t ngx_hd_html_open(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_html_row_t *row,
    ngx_uint_t health);
static void ngx_hd_html_close(ngx_hd_text_t *t);
static void ngx_hd_html_peer_detail(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_view_peer_t *vp);


void
ngx_hd_html_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu, const ngx_hd_view_peer_t *vp)
{
    ngx_uint_t         i;
    ngx_hd_html_row_t  row;

    row.len = ngx_hd_view_peer_id(row.id, vu, vp) - row.id;
    row.name = vp->peer.name;
    row.aside = (vp->peer.state == NGX_HD_PEER_DOWN
                 || vp->peer.state == NGX_HD_PEER_REMOVED);

    ngx_hd_html_begin(t, &row, vp->health);
    ngx_hd_html_health(t, view, vp->worst, vp->health, "");
    ngx_hd_html_peer_name(t, vp);
    ngx_hd_html_pill(t, vp);

    if (vp->nchecks == 1) {
        ngx_hd_html_cells(t, view, vp->worst);

    } else {
        ngx_hd_html_several(t, vp);
    }

    for (i = 0; vp->nchecks > 1 && i < vp->nchecks; i++) {
        ngx_hd_html_check(t, view, &vp->checks[i]);
    }

    if (ngx_hd_html_open(t, view, &row, vp->health)) {
        ngx_hd_html_peer_detail(t, view, vp);
    }

    ngx_hd_html_close(t);
}


static void
ngx_hd_html_peer_detail(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp)
{
    ngx_uint_t  i;

    if (vp->nchecks < 2) {
        ngx_hd_html_detail(t, view, vp, vp->worst);
        return;
    }

    for (i = 0; i < vp->nchecks; i++) {
        ngx_hd_text_add(t, "<h3>");
        ngx_hd_phrase_check(t, vp->checks[i].target->check, ngx_hd_text_html);
        ngx_hd_text_add(t, "</h3>");
        ngx_hd_html_detail(t, view, vp, &vp->checks[i]);
    }
}


static void
ngx_hd_html_begin(ngx_hd_text_t *t, const ngx_hd_html_row_t *row,
    ngx_uint_t health)
{
    ngx_hd_text_add(t, "<tbody id=\"");
    ngx_hd_text_raw(t, row->id, row->len);
    ngx_hd_text_add(t, row->aside ? "\" class=\"row aside "
                                  : "\" class=\"row ");
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "\">");
}


/* begins a line with its health; vt is NULL for a server without a check */

static void
ngx_hd_html_health(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_uint_t health, const char *class)
{
    ngx_hd_text_add(t, "<tr class=\"");
    ngx_hd_text_add(t, class);
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "\"><td class=\"st\">");
    ngx_hd_html_state(t, health);

    if (vt) {
        ngx_hd_text_add(t, " <small>");
        ngx_hd_html_since(t, view, vt);
        ngx_hd_text_add(t, "</small>");
    }

    ngx_hd_text_add(t, "</td>");
}


static void
ngx_hd_html_peer_name(ngx_hd_text_t *t, const ngx_hd_view_peer_t *vp)
{
    const ngx_hd_peer_t  *peer;

    peer = &vp->peer;

    ngx_hd_html_string(t, "<th scope=\"row\"><code>", &peer->name,
                       "</code> <small>");

    if (peer->backup) {
        ngx_hd_text_add(t, "backup, ");
    }

    ngx_hd_html_count(t, "weight ", peer->weight, "");

    if (peer->counted || peer->max_conns) {
        ngx_hd_text_add(t, ", <span class=\"conns\">");
        ngx_hd_phrase_connections(t, peer);
        ngx_hd_text_add(t, "</span>");
    }

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
    case NGX_HD_PEER_REMOVED:
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
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_html_health(t, view, vt, vt->health, "check ");

    ngx_hd_text_add(t, "<th scope=\"row\">");
    ngx_hd_phrase_check(t, vt->target->check, ngx_hd_text_html);
    ngx_hd_text_add(t, "</th><td class=\"nginx\"></td>");

    ngx_hd_html_cells(t, view, vt);
}


/* the figures stand at the checks */

static void
ngx_hd_html_several(ngx_hd_text_t *t, const ngx_hd_view_peer_t *vp)
{
    ngx_hd_text_add(t, "<td class=\"why\" colspan=\"4\"><span class=\"r\">");

    if (vp->nchecks) {
        ngx_hd_html_count(t, "the worst of ", vp->nchecks, " checks");

    } else {
        ngx_hd_text_add(t, "not probed");
    }

    ngx_hd_text_add(t, "</span></td></tr>\n");
}


void
ngx_hd_html_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_html_row_t  row;

    row.len = ngx_hd_view_service_id(row.id, vt) - row.id;
    row.name = vt->target->name;
    row.aside = 0;

    ngx_hd_html_begin(t, &row, vt->health);
    ngx_hd_html_health(t, view, vt, vt->health, "");
    ngx_hd_html_service_name(t, view, vt);
    ngx_hd_html_cells(t, view, vt);

    if (ngx_hd_html_open(t, view, &row, vt->health)) {
        ngx_hd_html_detail(t, view, NULL, vt);
    }

    ngx_hd_html_close(t);
}


static void
ngx_hd_html_service_name(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    const ngx_hd_check_t  *check;

    check = vt->target->check;

    ngx_hd_html_string(t, "<th scope=\"row\">", &vt->target->name, "");

    if (check->critical == 1) {
        ngx_hd_text_add(t, " <span class=\"pill\">critical</span>");
    }

    ngx_hd_html_cert(t, view, &vt->data.cert);

    if (check->description.len) {
        ngx_hd_html_string(t, " <small>", &check->description, "</small>");
    }

    if (vt->target->address.len) {
        ngx_hd_html_string(t, " <small>", &vt->target->address,
                           check->link.len ? " &middot; " : "");
        ngx_hd_html_link(t, &check->link);
        ngx_hd_text_add(t, "</small>");
    }

    ngx_hd_text_add(t, "</th>");
}


/* how long a certificate lasts, and in colour if that is not long */

static void
ngx_hd_html_cert(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_cert_t *cert)
{
    int64_t  days;

    if (cert->not_after == 0) {
        return;
    }

    days = ngx_hd_detail_days(cert, view->time);

    ngx_hd_text_add(t, (days < 0 || cert->wrong)
                       ? " <span class=\"pill cert down\">"
                       : (days < NGX_HD_HTML_CERT_SOON)
                         ? " <span class=\"pill cert degraded\">"
                         : " <span class=\"pill cert\">");

    if (days < 0) {
        ngx_hd_text_add(t, "certificate ended</span>");

    } else {
        ngx_hd_html_count(t, "certificate ", (uint64_t) days, " d</span>");
    }
}


static void
ngx_hd_html_cells(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_uint_t          known;
    ngx_hd_view_past_t  past;

    known = (ngx_hd_view_past(view, vt, &past) == NGX_OK);

    ngx_hd_html_why(t, view, vt);

    ngx_hd_html_count(t, "<td class=\"n lat\" data-v=\"", vt->data.usec,
                      "\"><span>");
    ngx_hd_html_latency(t, vt->data.usec);
    ngx_hd_text_add(t, "</span>");

    if (known) {
        ngx_hd_html_spark(t, &past);
    }

    ngx_hd_text_add(t, "</td>");

    if (known) {
        ngx_hd_html_past_cells(t, view, &past, vt->health);

    } else {
        ngx_hd_text_add(t, "<td class=\"bars\"></td><td class=\"n av\" "
                        "data-v=\"-1\">-</td>");
    }

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

    ngx_hd_text_add(t, "<span class=\"r\">");
    ngx_hd_phrase_result(t, view, vt, ngx_hd_text_html);
    ngx_hd_text_add(t, "</span>");

    if (vt->data.checks) {
        ngx_hd_text_add(t, " <small>");
        ngx_hd_phrase_streak(t, view, vt);
        ngx_hd_text_add(t, "</small>");
    }

    ngx_hd_text_add(t, "</td>");
}


static void
ngx_hd_html_past_cells(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, ngx_uint_t health)
{
    ngx_hd_text_add(t, "<td class=\"bars\">");

    if (ngx_hd_html_is_told(view, health)) {
        ngx_hd_html_strip(t, view, past, NGX_HD_HOUR);
        ngx_hd_html_strip(t, view, past, NGX_HD_DAY);

    } else {
        ngx_hd_html_strip_brief(t, past, NGX_HD_HOUR);
        ngx_hd_html_strip_brief(t, past, NGX_HD_DAY);
    }

    ngx_hd_text_add(t, "</td>");

    ngx_hd_html_available(t, past);
}


/* 1: all about a row of this health; 0: it would make a long page longer */

static ngx_uint_t
ngx_hd_html_is_told(const ngx_hd_view_t *view, ngx_uint_t health)
{
    return !ngx_hd_html_is_long(view)
           || (health == NGX_HD_STATE_DOWN
               && view->servers[health] + view->service[health]
                  <= NGX_HD_HTML_DOWN);
}


/* "100 %" of a minute is not what is taken for 24 hours: how much is known */

static void
ngx_hd_html_available(ngx_hd_text_t *t, const ngx_hd_view_past_t *past)
{
    u_char         *last;
    u_char          buf[NGX_INT_T_LEN];
    ngx_int_t       available;
    ngx_hd_span_t   day;

    ngx_hd_html_window(past, 1, &day);

    available = ngx_hd_history_available(&day);
    last = ngx_sprintf(buf, "%i", available);

    ngx_hd_text_add(t, "<td class=\"n av\" data-v=\"");
    ngx_hd_text_raw(t, buf, last - buf);
    ngx_hd_text_add(t, "\"><span>");
    ngx_hd_html_percent(t, available);
    ngx_hd_text_add(t, "</span> <small>");
    ngx_hd_html_extent(t, past, &day);
    ngx_hd_text_add(t, "</small></td>");
}


/* what stands below: of how much, or the days before */

static void
ngx_hd_html_extent(ngx_hd_text_t *t, const ngx_hd_view_past_t *past,
    const ngx_hd_span_t *day)
{
    if (ngx_hd_html_is_whole(day)) {
        ngx_hd_html_month(t, past);

    } else if (day->known) {
        ngx_hd_html_known(t, "of ", day, "");
    }
}


void
ngx_hd_html_pulse_past(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    u_char             *last;
    u_char              buf[NGX_INT_T_LEN];
    ngx_int_t           available;
    ngx_hd_span_t       day;
    ngx_hd_view_past_t  past;

    if (ngx_hd_view_past(view, vt, &past) != NGX_OK) {
        return;
    }

    ngx_hd_html_window(&past, 1, &day);

    available = ngx_hd_history_available(&day);
    last = ngx_sprintf(buf, "%i", available);

    ngx_hd_text_add(t, "<i>");
    ngx_hd_html_spark_points(t, &past, vt->results + NGX_HD_HTML_MISSED);
    ngx_hd_text_add(t, "</i><i data-v=\"");
    ngx_hd_text_raw(t, buf, last - buf);
    ngx_hd_text_add(t, "\">");
    ngx_hd_html_percent(t, available);
    ngx_hd_text_add(t, "</i><i>");
    ngx_hd_html_extent(t, &past, &day);
    ngx_hd_text_add(t, "</i>");
}


/* or of as many days as are known */

static void
ngx_hd_html_month(ngx_hd_text_t *t, const ngx_hd_view_past_t *past)
{
    ngx_hd_span_t  month;

    ngx_hd_html_window(past, 3, &month);

    if (ngx_hd_html_is_whole(&month)) {
        ngx_hd_text_add(t, "30 d");

    } else {
        ngx_hd_text_ago(t, month.known);
    }

    ngx_hd_text_add(t, ": ");
    ngx_hd_html_percent(t, ngx_hd_history_available(&month));
}


/* window: in ngx_hd_history_windows[] */

static void
ngx_hd_html_window(const ngx_hd_view_past_t *past, ngx_uint_t window,
    ngx_hd_span_t *sum)
{
    const ngx_hd_window_t  *w;

    w = &ngx_hd_history_windows[window];

    ngx_hd_history_sum(&past->history, &past->data, w->level, w->n, sum);
}


/*
 * The mark that opens a row.  1: what it opens is to follow, 0: there is a link
 * to it.
 */

static ngx_uint_t
ngx_hd_html_open(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_html_row_t *row, ngx_uint_t health)
{
    ngx_hd_text_add(t, "<tr class=\"more\"><td colspan=\"7\"><details>"
                    "<summary>"
                    "<span class=\"vh\">Details of ");
    ngx_hd_text_html(t, row->name.data, row->name.len);
    ngx_hd_text_add(t, "</span></summary><div class=\"open\">");

    if (ngx_hd_html_is_told(view, health)) {
        return 1;
    }

    ngx_hd_text_add(t, "<p><a href=\"?format=html&amp;row=");
    ngx_hd_text_raw(t, row->id, row->len);
    ngx_hd_text_add(t, "\">Show it alone</a></p>");

    return 0;
}


static void
ngx_hd_html_close(ngx_hd_text_t *t)
{
    ngx_hd_text_add(t, "</div></details></td></tr></tbody>\n");
}


ngx_uint_t
ngx_hd_html_is_long(const ngx_hd_view_t *view)
{
    ngx_uint_t  i, n;

    for (n = view->nservices, i = 0; i < view->nupstreams; i++) {
        n += view->upstreams[i].npeers;

        if (n > NGX_HD_HTML_LONG) {
            return 1;
        }
    }

    return n > NGX_HD_HTML_LONG;
}


void
ngx_hd_html_upstream(ngx_hd_text_t *t, const ngx_hd_view_upstream_t *vu)
{
    u_char  *last;
    u_char   id[NGX_HD_VIEW_ID_LEN];

    last = ngx_hd_view_upstream_id(id, vu);

    ngx_hd_text_add(t, "<caption id=\"");
    ngx_hd_text_raw(t, id, last - id);
    ngx_hd_html_count(t, "\" data-rows=\"", vu->npeers, "\"><span>");

    ngx_hd_html_state(t, vu->health);
    ngx_hd_html_string(t, " <b>", &vu->upstream->name, "</b> ");

    ngx_hd_text_add(t, vu->serving ? "<span class=\"fact\">"
                                   : "<span class=\"pill down\">");
    ngx_hd_phrase_serving(t, vu);
    ngx_hd_text_add(t, "</span>");

    /* requests go on to be sent to servers that are known to be down */

    if (vu->serving && vu->health == NGX_HD_STATE_DOWN) {
        ngx_hd_text_add(t, " <span class=\"pill down\">no server passes its "
                        "probes</span>");
    }

    if (vu->npeers < vu->total) {
        ngx_hd_html_count(t, " <span class=\"fact\">", vu->npeers,
                          " shown</span>");
    }

    if (vu->zone.len) {
        ngx_hd_html_string(t, " <span class=\"fact\">zone ", &vu->zone,
                           "</span>");
    }

    if (vu->upstream->labels->description.len) {
        ngx_hd_html_string(t, " <span class=\"fact\">",
                           &vu->upstream->labels->description, "</span>");
    }

    if (vu->upstream->labels->link.len) {
        ngx_hd_text_add(t, " <span class=\"fact\">");
        ngx_hd_html_link(t, &vu->upstream->labels->link);
        ngx_hd_text_add(t, "</span>");
    }

    ngx_hd_text_add(t, "</span></caption>\n");
}


/*
 * healthdash: the picture as an aligned table for terminals.  Called by the
 * handler.  The first line is the sentence that sums all up; columns are as
 * wide as what stands in them, within limits.
 */


#include <ngx_hd_render.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_explain.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_saver.h>
#include <ngx_hd_row.h>


#define NGX_HD_PLAIN_GAP       2
#define NGX_HD_PLAIN_HEALTH    8       /* "degraded" */
#define NGX_HD_PLAIN_AGE       12      /* "59 min 59 s" and some */
#define NGX_HD_PLAIN_NEXT      8
#define NGX_HD_PLAIN_NAME      32      /* wider ones push their row aside */
#define NGX_HD_PLAIN_NOTE      64
#define NGX_HD_PLAIN_NUMBER    9       /* "99.95 %", and a blank before it */
#define NGX_HD_PLAIN_DAY       1       /* windows that are shown */
#define NGX_HD_PLAIN_MONTH     3
#define NGX_HD_PLAIN_EVENTS    10


static void ngx_hd_plain_head(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_plain_filter(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_plain_value(ngx_hd_text_t *t, const char *name,
    const ngx_str_t *value);
static void ngx_hd_plain_upstream(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_plain_upstream_widths(const ngx_hd_view_upstream_t *vu,
    size_t *width);
static void ngx_hd_plain_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_plain_check(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, size_t width);
static void ngx_hd_plain_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_plain_service_head(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_plain_service_widths(const ngx_hd_view_t *view,
    size_t *width);
static void ngx_hd_plain_facts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_plain_detail(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_plain_facts_head(ngx_hd_text_t *t);
static void ngx_hd_plain_right(ngx_hd_text_t *t, const u_char *data,
    size_t len, size_t width);
static void ngx_hd_plain_explain(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_view_peer_t *vp,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_plain_events(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_plain_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_plain_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static size_t ngx_hd_plain_note(const ngx_hd_view_peer_t *vp, u_char *buf);
static size_t ngx_hd_plain_conns(const ngx_hd_peer_t *peer, u_char *buf);
static size_t ngx_hd_plain_width(const ngx_str_t *s);
static void ngx_hd_plain_widen(size_t *width, size_t n);
static void ngx_hd_plain_escape(ngx_hd_text_t *t, const u_char *data,
    size_t len);
static void ngx_hd_plain_health(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t health);
static void ngx_hd_plain_color(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t health);
static void ngx_hd_plain_color_end(ngx_hd_text_t *t,
    const ngx_hd_view_t *view);
static void ngx_hd_plain_word(ngx_hd_text_t *t, const char *word,
    size_t width);
static void ngx_hd_plain_pad(ngx_hd_text_t *t, size_t n, size_t width);


const ngx_hd_render_t  ngx_hd_render_text = {
    ngx_hd_plain_head,
    ngx_hd_plain_upstream,
    ngx_hd_plain_peer,
    NULL,
    NULL,
    ngx_hd_plain_service,
    ngx_hd_plain_end,
    NULL
};


static void
ngx_hd_plain_head(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_plain_color(t, view, view->health);
    ngx_hd_phrase_summary(t, view, ngx_hd_plain_escape);
    ngx_hd_plain_color_end(t, view);
    ngx_hd_text_add(t, "\n");

    if (view->main->upstreams.nelts + view->main->services.nelts == 0) {
        ngx_hd_text_add(t, "\nWrite \"healthdash_check;\" into an upstream "
                        "block, or \"healthdash_service\" into http.\n");
    }

    if (ngx_hd_view_is_filtered(&view->filter)) {
        ngx_hd_plain_filter(t, view);
    }
}


static void
ngx_hd_plain_filter(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_str_t                    word;
    const ngx_hd_view_filter_t  *filter;

    filter = &view->filter;

    ngx_hd_text_add(t, (view->nupstreams + view->nservices)
                       ? "Only shown:" : "Nothing matches:");

    ngx_hd_plain_value(t, " upstream=", &filter->upstream);
    ngx_hd_plain_value(t, " service=", &filter->service);
    ngx_hd_plain_value(t, " group=", &filter->group);
    ngx_hd_plain_value(t, " row=", &filter->row);

    if (filter->health != NGX_HD_STATES) {
        word.data = (u_char *) ngx_hd_state_word(filter->health);
        word.len = ngx_strlen(word.data);

        ngx_hd_plain_value(t, " health=", &word);
    }

    ngx_hd_text_add(t, "\n");
}


static void
ngx_hd_plain_value(ngx_hd_text_t *t, const char *name, const ngx_str_t *value)
{
    if (value->len) {
        ngx_hd_text_add(t, name);
        ngx_hd_plain_escape(t, value->data, value->len);
    }
}


static void
ngx_hd_plain_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];

    ngx_hd_plain_upstream_widths(vu, c->width);

    ngx_hd_text_add(t, "\nupstream ");
    ngx_hd_plain_escape(t, vu->upstream->name.data, vu->upstream->name.len);
    ngx_hd_text_add(t, ": ");
    ngx_hd_plain_color(t, view, vu->health);
    ngx_hd_text_add(t, ngx_hd_state_word(vu->health));
    ngx_hd_plain_color_end(t, view);
    ngx_hd_text_add(t, ", ");
    ngx_hd_phrase_serving(t, vu);
    ngx_hd_text_add(t, "\n  ");

    ngx_hd_plain_word(t, "PROBE", NGX_HD_PLAIN_HEALTH);
    ngx_hd_plain_word(t, "SERVER", c->width[0]);
    ngx_hd_plain_word(t, "NGINX", c->width[1]);

    if (c->width[2]) {
        ngx_hd_plain_word(t, "CONNS", c->width[2]);
    }

    ngx_hd_plain_facts_head(t);
}


/* the last is 0 if no number of connections is known: there is no column */

static void
ngx_hd_plain_upstream_widths(const ngx_hd_view_upstream_t *vu, size_t *width)
{
    u_char                     buf[NGX_HD_PLAIN_NOTE];
    ngx_uint_t                 i;
    const ngx_hd_view_peer_t  *vp;

    width[0] = sizeof("SERVER") - 1;
    width[1] = sizeof("NGINX") - 1;
    width[2] = 0;

    for (i = 0; i < vu->npeers; i++) {
        vp = &vu->peers[i];

        ngx_hd_plain_widen(&width[0], ngx_hd_plain_width(&vp->peer.name)
                                      + ngx_hd_plain_note(vp, buf));
        ngx_hd_plain_widen(&width[1], ngx_strlen(ngx_hd_phrase_peer(vp)));

        if (vp->peer.counted || vp->peer.max_conns) {
            ngx_hd_plain_widen(&width[2], sizeof("CONNS") - 1);
            ngx_hd_plain_widen(&width[2],
                               ngx_hd_plain_conns(&vp->peer, buf));
        }
    }
}


static void
ngx_hd_plain_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    size_t                     n, len, width;
    u_char                     note[NGX_HD_PLAIN_NOTE];
    ngx_uint_t                 i;
    const ngx_hd_view_peer_t  *vp;

    vp = &view->upstreams[c->upstream].peers[c->peer];

    ngx_hd_plain_health(t, view, vp->health);

    len = ngx_hd_plain_note(vp, note);
    n = ngx_hd_text_plain(t, vp->peer.name.data, vp->peer.name.len, 0);

    ngx_hd_text_raw(t, note, len);
    ngx_hd_plain_pad(t, n + len, c->width[0]);
    ngx_hd_plain_word(t, ngx_hd_phrase_peer(vp), c->width[1]);

    width = c->width[0] + NGX_HD_PLAIN_GAP + c->width[1];

    if (c->width[2]) {
        len = ngx_hd_plain_conns(&vp->peer, note);

        ngx_hd_text_raw(t, note, len);
        ngx_hd_plain_pad(t, len, c->width[2]);

        width += NGX_HD_PLAIN_GAP + c->width[2];
    }

    if (vp->nchecks == 1) {
        ngx_hd_plain_facts(t, view, vp->worst);
        ngx_hd_plain_explain(t, view, vp, vp->worst);
        return;
    }

    /* the figures stand at the checks */

    if (vp->nchecks) {
        ngx_hd_text_add(t, "the worst of ");
        ngx_hd_text_uint(t, vp->nchecks);
        ngx_hd_text_add(t, " checks\n");

    } else {
        ngx_hd_text_add(t, "not probed\n");
    }

    for (i = 0; i < vp->nchecks; i++) {
        ngx_hd_plain_check(t, view, &vp->checks[i], width);
    }

    if (vp->nchecks) {
        ngx_hd_plain_explain(t, view, vp, vp->worst);
    }
}


/* one of several checks of the server above */

static void
ngx_hd_plain_check(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, size_t width)
{
    off_t  start;

    ngx_hd_plain_health(t, view, vt->health);

    start = t->size;

    ngx_hd_text_add(t, "- ");
    ngx_hd_phrase_check(t, vt->target->check, ngx_hd_plain_escape);
    ngx_hd_plain_pad(t, t->size - start, width);

    ngx_hd_plain_facts(t, view, vt);
}


static void
ngx_hd_plain_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    size_t                       n;
    const ngx_hd_target_t       *target;
    const ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];
    target = vt->target;

    if (c->service == 0) {
        ngx_hd_plain_service_widths(view, c->width);
    }

    if (c->service == 0 || !ngx_hd_view_same_group(vt, vt - 1)) {
        ngx_hd_plain_service_head(t, view, c);
    }

    ngx_hd_plain_health(t, view, vt->health);

    n = ngx_hd_text_plain(t, target->name.data, target->name.len, 0);
    ngx_hd_plain_pad(t, n, c->width[0]);

    if (target->address.len) {
        n = ngx_hd_text_plain(t, target->address.data, target->address.len,
                              0);
        ngx_hd_plain_pad(t, n, c->width[1]);

    } else {
        ngx_hd_plain_word(t, "-", c->width[1]);
    }

    ngx_hd_plain_facts(t, view, vt);
    ngx_hd_plain_explain(t, view, NULL, vt);
}


static void
ngx_hd_plain_service_head(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, "\nservices");
    ngx_hd_plain_value(t, ", ",
                       &view->services[c->service].target->check->group);
    ngx_hd_text_add(t, "\n  ");

    ngx_hd_plain_word(t, "PROBE", NGX_HD_PLAIN_HEALTH);
    ngx_hd_plain_word(t, "SERVICE", c->width[0]);
    ngx_hd_plain_word(t, "TARGET", c->width[1]);
    ngx_hd_plain_facts_head(t);
}


static void
ngx_hd_plain_service_widths(const ngx_hd_view_t *view, size_t *width)
{
    ngx_uint_t        i;
    ngx_hd_target_t  *target;

    width[0] = sizeof("SERVICE") - 1;
    width[1] = sizeof("TARGET") - 1;

    for (i = 0; i < view->nservices; i++) {
        target = view->services[i].target;

        ngx_hd_plain_widen(&width[0], ngx_hd_plain_width(&target->name));
        ngx_hd_plain_widen(&width[1], ngx_hd_plain_width(&target->address));
    }
}


static void
ngx_hd_plain_facts_head(ngx_hd_text_t *t)
{
    ngx_hd_plain_word(t, "FOR", NGX_HD_PLAIN_AGE);
    ngx_hd_text_add(t, " LATENCY   CHECKS   FAILED     24 H     30 D  ");
    ngx_hd_plain_word(t, "NEXT", NGX_HD_PLAIN_NEXT);
    ngx_hd_text_add(t, "LAST RESULT\n");
}


static void
ngx_hd_plain_facts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    off_t          start;
    u_char        *last;
    u_char         buf[NGX_HD_PHRASE_LATENCY + 2 * NGX_INT64_LEN];
    ngx_hd_row_t   row;

    start = t->size;

    if (ngx_hd_view_since(vt)) {
        ngx_hd_text_ago(t, ngx_hd_view_age(view, vt));

    } else {
        ngx_hd_text_add(t, "-");
    }

    ngx_hd_plain_pad(t, t->size - start, NGX_HD_PLAIN_AGE);

    last = ngx_hd_phrase_latency(buf, vt->data.usec);
    ngx_hd_plain_right(t, buf, last - buf, sizeof(" LATENCY") - 1);

    last = ngx_sprintf(buf, " %8uL %8uL", vt->data.checks, vt->data.failures);
    ngx_hd_text_raw(t, buf, last - buf);

    ngx_hd_row_init(&row, view, NULL, vt, 1, vt);

    last = ngx_hd_phrase_percent(buf, row.available[NGX_HD_PLAIN_DAY]);
    ngx_hd_plain_right(t, buf, last - buf, NGX_HD_PLAIN_NUMBER);

    last = ngx_hd_phrase_percent(buf, row.available[NGX_HD_PLAIN_MONTH]);
    ngx_hd_plain_right(t, buf, last - buf, NGX_HD_PLAIN_NUMBER);

    ngx_hd_text_add(t, "  ");

    start = t->size;

    ngx_hd_phrase_next(t, view, vt);
    ngx_hd_plain_pad(t, t->size - start, NGX_HD_PLAIN_NEXT);

    ngx_hd_phrase_result(t, view, vt, ngx_hd_plain_escape);

    if (vt->data.checks) {
        ngx_hd_text_add(t, ", ");
        ngx_hd_phrase_streak(t, view, vt);
    }

    ngx_hd_plain_detail(t, view, vt);

    ngx_hd_text_add(t, "\n");
}


static void
ngx_hd_plain_right(ngx_hd_text_t *t, const u_char *data, size_t len,
    size_t width)
{
    size_t  n;

    for (n = len; n < width; n++) {
        ngx_hd_text_add(t, " ");
    }

    ngx_hd_text_raw(t, data, len);
}


/* in brackets what the page has below the result */

static void
ngx_hd_plain_detail(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    const char             *between;
    const ngx_hd_data_t    *data;
    const ngx_hd_sample_t  *sample;

    data = &vt->data;
    sample = &data->failed.sample;
    between = " [";

    if (data->has_value) {
        ngx_hd_text_add(t, between);
        ngx_hd_detail_measure(t, data, vt->target->check->type->unit);
        between = "; ";
    }

    if (ngx_hd_detail_has_tls(data)) {
        ngx_hd_text_add(t, between);
        ngx_hd_detail_tls(t, view, &data->cert, ngx_hd_plain_escape);
        between = "; ";
    }

    if (vt->health == NGX_HD_STATE_DOWN && sample->line_len) {
        ngx_hd_text_add(t, between);
        ngx_hd_text_add(t, "answer: ");
        ngx_hd_plain_escape(t, sample->line, ngx_min(sample->line_len,
                                                     NGX_HD_LINE_LEN));
        between = "; ";
    }

    if (between[0] == ';') {
        ngx_hd_text_add(t, "]");
    }
}


/* what is well needs no explanation */

static void
ngx_hd_plain_explain(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt)
{
    ngx_uint_t  i, n;

    if (vt->health == NGX_HD_STATE_UP
        && (vp == NULL
            || (vp->peer.state == NGX_HD_PEER_UP && !vp->peer.ramping)))
    {
        return;
    }

    n = ngx_hd_explain_count(view, vp, vt);

    for (i = 0; i < n; i++) {
        ngx_hd_text_add(t, "      ");
        (void) ngx_hd_explain(t, view, vp, vt, i, ngx_hd_plain_escape);
        ngx_hd_text_add(t, "\n");
    }
}


/* newest first: a terminal shows the beginning */

static void
ngx_hd_plain_events(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    uint64_t        first, number;
    ngx_hd_event_t  e;

    first = ngx_hd_view_first_event(view, NGX_HD_PLAIN_EVENTS);

    if (first > view->event) {
        return;
    }

    ngx_hd_text_add(t, "\nevents, newest first\n");

    for (number = view->event; number >= first; number--) {

        if (ngx_hd_view_event(view, number, &e) != NGX_OK) {
            continue;
        }

        ngx_hd_text_add(t, "  ");
        ngx_hd_text_time(t, e.time);
        ngx_hd_text_add(t, "  ");

        if (e.kind == NGX_HD_EVENT_STATE) {
            ngx_hd_plain_color(t, view, e.to);
        }

        ngx_hd_explain_event(t, &e, ngx_hd_plain_escape);

        if (e.kind == NGX_HD_EVENT_STATE) {
            ngx_hd_plain_color_end(t, view);
        }

        ngx_hd_text_add(t, "\n");
    }
}


static void
ngx_hd_plain_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_plain_events(t, view);
    ngx_hd_plain_foot(t, view);
}


static void
ngx_hd_plain_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    u_char  *p, wrong[NGX_HD_SAVER_TEXT];

    ngx_hd_text_add(t, "\n");
    ngx_hd_text_time(t, view->time);

    if (view->nginx.len == 0) {
        ngx_hd_text_add(t, ", healthdash\n");
        return;
    }

    ngx_hd_plain_value(t, ", nginx ", &view->nginx);
    ngx_hd_text_add(t, ", ");
    ngx_hd_phrase_count(t, view->workers, "worker");

    if (view->main->generation) {
        ngx_hd_text_add(t, ", generation ");
        ngx_hd_text_uint(t, view->main->generation);
    }

    ngx_hd_text_add(t, ", healthdash " NGX_HD_VERSION "\n");

    if (view->main->targets.nelts) {
        ngx_hd_phrase_probing(t, view);
        ngx_hd_text_add(t, "\n");
    }

    p = ngx_hd_saver_wrong(wrong, view->saved.wrong);

    if (view->saved.instance && p != wrong) {
        ngx_hd_text_add(t, "The state file is not written: ");
        (void) ngx_hd_text_plain(t, wrong, p - wrong, 0);
        ngx_hd_text_add(t, ".\n");
    }
}


/* what is unusual about a server; returns the length */

static size_t
ngx_hd_plain_note(const ngx_hd_view_peer_t *vp, u_char *buf)
{
    u_char  *p;

    p = buf;

    if (vp->peer.backup) {
        p = ngx_sprintf(p, " backup");
    }

    if (vp->peer.weight != 1) {
        p = ngx_sprintf(p, " weight=%ui", vp->peer.weight);
    }

    return p - buf;
}


/* connections: "3", "3/20", "-"; returns the length */

static size_t
ngx_hd_plain_conns(const ngx_hd_peer_t *peer, u_char *buf)
{
    u_char  *p;

    p = peer->counted ? ngx_sprintf(buf, "%ui", peer->conns)
                      : ngx_sprintf(buf, "-");

    if (peer->max_conns) {
        p = ngx_sprintf(p, "/%ui", peer->max_conns);
    }

    return p - buf;
}


/* counts characters; good enough where only alignment depends on it */

static size_t
ngx_hd_plain_width(const ngx_str_t *s)
{
    size_t  i, n;

    for (n = 0, i = 0; i < s->len; i++) {

        if ((s->data[i] & 0xc0) != 0x80) {
            n++;
        }
    }

    return n;
}


static void
ngx_hd_plain_widen(size_t *width, size_t n)
{
    n = ngx_min(n, NGX_HD_PLAIN_NAME);

    *width = ngx_max(*width, n);
}


static void
ngx_hd_plain_escape(ngx_hd_text_t *t, const u_char *data, size_t len)
{
    (void) ngx_hd_text_plain(t, data, len, 0);
}


static void
ngx_hd_plain_health(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t health)
{
    const char  *word;

    word = ngx_hd_state_word(health);

    /* what is not well can be found by its mark alone, without colour */

    switch (health) {

    case NGX_HD_STATE_DOWN:
        ngx_hd_text_add(t, "! ");
        break;

    case NGX_HD_STATE_DEGRADED:
    case NGX_HD_STATE_UNKNOWN:
        ngx_hd_text_add(t, "? ");
        break;

    default:
        ngx_hd_text_add(t, "  ");
    }

    ngx_hd_plain_color(t, view, health);
    ngx_hd_text_add(t, word);
    ngx_hd_plain_color_end(t, view);
    ngx_hd_plain_pad(t, ngx_strlen(word), NGX_HD_PLAIN_HEALTH);
}


static void
ngx_hd_plain_color(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t health)
{
    static const char  *colors[NGX_HD_STATES] = {
        [NGX_HD_STATE_UNKNOWN] = "\x1b[36m",
        [NGX_HD_STATE_UP] = "\x1b[32m",
        [NGX_HD_STATE_DEGRADED] = "\x1b[33m",
        [NGX_HD_STATE_DOWN] = "\x1b[1;31m",
        [NGX_HD_STATE_PAUSED] = "\x1b[34m"
    };

    if (view->filter.color && health < NGX_HD_STATES) {
        ngx_hd_text_add(t, colors[health]);
    }
}


static void
ngx_hd_plain_color_end(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    if (view->filter.color) {
        ngx_hd_text_add(t, "\x1b[0m");
    }
}


static void
ngx_hd_plain_word(ngx_hd_text_t *t, const char *word, size_t width)
{
    ngx_hd_text_add(t, word);
    ngx_hd_plain_pad(t, ngx_strlen(word), width);
}


static void
ngx_hd_plain_pad(ngx_hd_text_t *t, size_t n, size_t width)
{
    /* what is too wide keeps a blank before its neighbour */

    do {
        ngx_hd_text_add(t, " ");
    } while (++n < width + NGX_HD_PLAIN_GAP);
}

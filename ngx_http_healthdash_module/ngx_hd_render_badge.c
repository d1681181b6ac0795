
/*
 * healthdash: one fact as a small image (SVG) for a README or a wiki: a name,
 * a word, and a colour that says the same as the word.  Called by the handler.
 * An image cannot load or run anything, and fonts are those of the viewer: so
 * widths are estimated, and the text is told to keep to them.
 */


#include <ngx_hd_render.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_utf8.h>


#define NGX_HD_BADGE_LABEL     40      /* characters shown of a name */
#define NGX_HD_BADGE_PAD       6       /* px */
#define NGX_HD_BADGE_WORD      32

#define NGX_HD_BADGE_GREEN     "#1a7f37"      /* each 4.5:1 to white, or more */
#define NGX_HD_BADGE_AMBER     "#946000"
#define NGX_HD_BADGE_RED       "#b42318"
#define NGX_HD_BADGE_GREY      "#57606a"


typedef struct {
    ngx_str_t              label;
    const char            *window;      /* "30d", or NULL: the state */
    const char            *colour;
    ngx_uint_t             known;       /* percent of the window */
    size_t                 len;         /* of word */
    u_char                 word[NGX_HD_BADGE_WORD];
} ngx_hd_badge_t;


static ngx_uint_t ngx_hd_badge_status(const ngx_hd_view_t *view);
static void ngx_hd_badge_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_badge_add_service(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_badge_best(const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_uint_t n, ngx_hd_render_cursor_t *c);
static void ngx_hd_badge_whole(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static const ngx_hd_view_target_t *ngx_hd_badge_service(
    const ngx_hd_view_t *view);
static const ngx_hd_view_upstream_t *ngx_hd_badge_upstream(
    const ngx_hd_view_t *view);
static ngx_uint_t ngx_hd_badge_is_configured(const ngx_hd_view_t *view);
static void ngx_hd_badge_fill(ngx_hd_badge_t *badge,
    const ngx_hd_view_t *view, const ngx_hd_render_cursor_t *c);
static void ngx_hd_badge_health(ngx_hd_badge_t *badge, ngx_uint_t health);
static void ngx_hd_badge_available(ngx_hd_badge_t *badge,
    ngx_int_t available);
static ngx_int_t ngx_hd_badge_least(const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_uint_t n, ngx_uint_t *known);
static void ngx_hd_badge_word(ngx_hd_badge_t *badge, const char *word,
    const char *colour);
static void ngx_hd_badge_draw(ngx_hd_text_t *t, const ngx_hd_badge_t *badge);
static void ngx_hd_badge_title(ngx_hd_text_t *t,
    const ngx_hd_badge_t *badge);
static void ngx_hd_badge_label(ngx_hd_text_t *t, const ngx_hd_badge_t *badge,
    const ngx_str_t *cut);
static void ngx_hd_badge_rect(ngx_hd_text_t *t, ngx_uint_t x,
    ngx_uint_t width, const char *rest);
static void ngx_hd_badge_text(ngx_hd_text_t *t, ngx_uint_t x,
    ngx_uint_t width);
static ngx_str_t ngx_hd_badge_cut(const ngx_str_t *label);
static ngx_uint_t ngx_hd_badge_width(const u_char *p, size_t len);
static ngx_uint_t ngx_hd_badge_char(uint32_t code);


/* cursor->n: what is known of the best so far */

#define NGX_HD_BADGE_BEST      0       /* millionths available + 1; 0: none */
#define NGX_HD_BADGE_KNOWN     1       /* percent of the window */


/* it is drawn at the end: thousands of servers are looked at in slices */

const ngx_hd_render_t  ngx_hd_render_badge = {
    .peer = ngx_hd_badge_peer,
    .service = ngx_hd_badge_add_service,
    .foot = ngx_hd_badge_whole,
    .status = ngx_hd_badge_status
};


/* 404 if nothing has the name that was asked for */

static ngx_uint_t
ngx_hd_badge_status(const ngx_hd_view_t *view)
{
    const ngx_hd_view_filter_t  *filter;

    filter = &view->filter;

    if ((filter->service.len == 0 && filter->upstream.len == 0)
        || ngx_hd_badge_service(view) || ngx_hd_badge_upstream(view)
        || ngx_hd_badge_is_configured(view))
    {
        return NGX_HTTP_OK;
    }

    return NGX_HTTP_NOT_FOUND;
}


/* one server is enough to serve, so at least as long as its best was up */

static void
ngx_hd_badge_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_peer_t  *vp;

    vp = &view->upstreams[c->upstream].peers[c->peer];

    if (vp->peer.state != NGX_HD_PEER_REMOVED) {
        ngx_hd_badge_best(view, vp->checks, vp->nchecks, c);
    }
}


static void
ngx_hd_badge_add_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_badge_best(view, &view->services[c->service], 1, c);
}


static void
ngx_hd_badge_best(const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt,
    ngx_uint_t n, ngx_hd_render_cursor_t *c)
{
    ngx_uint_t  known, best;

    if (view->filter.window == NULL) {
        return;
    }

    known = 0;
    best = (ngx_uint_t) (ngx_hd_badge_least(view, vt, n, &known) + 1);

    if (best > c->n[NGX_HD_BADGE_BEST]
        || (best == c->n[NGX_HD_BADGE_BEST]
            && known > c->n[NGX_HD_BADGE_KNOWN]))
    {
        c->n[NGX_HD_BADGE_BEST] = best;
        c->n[NGX_HD_BADGE_KNOWN] = known;
    }
}


static void
ngx_hd_badge_whole(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_badge_t               badge;
    const ngx_hd_view_filter_t  *filter;

    ngx_memzero(&badge, sizeof(ngx_hd_badge_t));

    filter = &view->filter;

    if (ngx_hd_badge_status(view) == NGX_HTTP_OK) {
        ngx_hd_badge_fill(&badge, view, c);

    } else {

        /* not with the name, or a link could make this site say anything */

        if (filter->service.len) {
            ngx_str_set(&badge.label, "service");

        } else {
            ngx_str_set(&badge.label, "upstream");
        }

        ngx_hd_badge_word(&badge, "not found", NGX_HD_BADGE_GREY);
    }

    ngx_hd_badge_draw(t, &badge);
}


/* the picture is filtered by the name that is asked for */

static const ngx_hd_view_target_t *
ngx_hd_badge_service(const ngx_hd_view_t *view)
{
    return (view->filter.service.len && view->nservices) ? view->services
                                                         : NULL;
}


static const ngx_hd_view_upstream_t *
ngx_hd_badge_upstream(const ngx_hd_view_t *view)
{
    return (view->filter.upstream.len && view->nupstreams) ? view->upstreams
                                                           : NULL;
}


/* an upstream may have no servers for a moment, and then there is no picture */

static ngx_uint_t
ngx_hd_badge_is_configured(const ngx_hd_view_t *view)
{
    ngx_uint_t           i;
    const ngx_str_t     *name;
    ngx_hd_upstream_t  **u;

    name = &view->filter.upstream;
    u = view->main->upstreams.elts;

    for (i = 0; i < view->main->upstreams.nelts; i++) {

        if (name->len == u[i]->name.len
            && ngx_memcmp(name->data, u[i]->name.data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_hd_badge_fill(ngx_hd_badge_t *badge, const ngx_hd_view_t *view,
    const ngx_hd_render_cursor_t *c)
{
    ngx_uint_t                     health;
    const ngx_hd_view_target_t    *vt;
    const ngx_hd_view_upstream_t  *vu;

    vt = ngx_hd_badge_service(view);
    vu = ngx_hd_badge_upstream(view);

    if (vt) {
        badge->label = vt->target->name;
        health = vt->health;

    } else if (view->filter.upstream.len) {
        badge->label = view->filter.upstream;
        health = vu ? vu->health : NGX_HD_STATE_UNKNOWN;

    } else {
        badge->label = view->main->title;
        health = view->health;

        if (badge->label.len == 0) {
            ngx_str_set(&badge->label, "status");
        }
    }

    if (view->filter.window) {
        badge->window = view->filter.window->name;
        badge->known = c->n[NGX_HD_BADGE_KNOWN];

        ngx_hd_badge_available(badge, (ngx_int_t) c->n[NGX_HD_BADGE_BEST] - 1);

    } else {
        ngx_hd_badge_health(badge, health);
    }
}


static void
ngx_hd_badge_health(ngx_hd_badge_t *badge, ngx_uint_t health)
{
    const char  *colour;

    switch (health) {

    case NGX_HD_STATE_UP:
        colour = NGX_HD_BADGE_GREEN;
        break;

    case NGX_HD_STATE_DEGRADED:
        colour = NGX_HD_BADGE_AMBER;
        break;

    case NGX_HD_STATE_DOWN:
        colour = NGX_HD_BADGE_RED;
        break;

    default: /* unknown, paused */
        colour = NGX_HD_BADGE_GREY;
    }

    ngx_hd_badge_word(badge, ngx_hd_state_word(health), colour);
}


static void
ngx_hd_badge_available(ngx_hd_badge_t *badge, ngx_int_t available)
{
    u_char  word[NGX_HD_BADGE_WORD];

    if (available < 0) {
        ngx_hd_badge_word(badge, "no data", NGX_HD_BADGE_GREY);
        return;
    }

    /* rounded down: 100 % is said of nothing that was down */

    if (available == 1000000) {
        *ngx_sprintf(word, "100 %%") = '\0';

    } else {
        *ngx_sprintf(word, "%i.%02i %%", available / 10000,
                     available / 100 % 100) = '\0';
    }

    ngx_hd_badge_word(badge, (char *) word,
                      (available >= 999000) ? NGX_HD_BADGE_GREEN
                      : (available >= 990000) ? NGX_HD_BADGE_AMBER
                                              : NGX_HD_BADGE_RED);
}


/* a server is as well as its worst check */

static ngx_int_t
ngx_hd_badge_least(const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt,
    ngx_uint_t n, ngx_uint_t *known)
{
    ngx_int_t               available, least;
    ngx_uint_t              i;
    ngx_hd_span_t           sum;
    ngx_hd_view_past_t      past;
    const ngx_hd_window_t  *window;

    least = -1;
    window = view->filter.window;

    for (i = 0; i < n; i++) {

        if (ngx_hd_view_past(view, &vt[i], &past) != NGX_OK) {
            continue;
        }

        ngx_hd_history_sum(&past.history, &past.data, window->level,
                           window->n, &sum);

        available = ngx_hd_history_available(&sum);

        if (available >= 0 && (least < 0 || available < least)) {
            least = available;
            *known = sum.length ? sum.known * 100 / sum.length : 0;
        }
    }

    return least;
}


static void
ngx_hd_badge_word(ngx_hd_badge_t *badge, const char *word,
    const char *colour)
{
    badge->len = ngx_min(ngx_strlen(word), NGX_HD_BADGE_WORD);
    badge->colour = colour;

    ngx_memcpy(badge->word, word, badge->len);
}


static void
ngx_hd_badge_draw(ngx_hd_text_t *t, const ngx_hd_badge_t *badge)
{
    ngx_str_t   cut;
    ngx_uint_t  left, right;

    cut = ngx_hd_badge_cut(&badge->label);

    left = ngx_hd_badge_width(cut.data, cut.len);

    if (cut.len < badge->label.len) {
        left += ngx_hd_badge_char(0x2026);
    }

    if (badge->window) {
        left += ngx_hd_badge_width((u_char *) " ", 1)
                + ngx_hd_badge_width((u_char *) badge->window,
                                     ngx_strlen(badge->window));
    }

    left = left / 10 + 1;
    right = ngx_hd_badge_width(badge->word, badge->len) / 10 + 1;

    ngx_hd_text_add(t, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"");
    ngx_hd_text_uint(t, left + right + 4 * NGX_HD_BADGE_PAD);
    ngx_hd_text_add(t, "\" height=\"20\" role=\"img\" aria-label=\"");
    ngx_hd_badge_title(t, badge);
    ngx_hd_text_add(t, "\"><title>");
    ngx_hd_badge_title(t, badge);
    ngx_hd_text_add(t, "</title>");

    /* round outside, straight where the halves meet */

    ngx_hd_badge_rect(t, 0, left + right + 4 * NGX_HD_BADGE_PAD,
                      "rx=\"3\" fill=\"");
    ngx_hd_text_add(t, badge->colour);
    ngx_hd_text_add(t, "\"/>");
    ngx_hd_badge_rect(t, 0, left + 2 * NGX_HD_BADGE_PAD,
                      "rx=\"3\" fill=\"#30363d\"/>");
    ngx_hd_badge_rect(t, left + 2 * NGX_HD_BADGE_PAD - 3, 3,
                      "fill=\"#30363d\"/>");

    ngx_hd_text_add(t, "<g fill=\"#fff\" font-size=\"11\" font-family=\""
                    "Verdana,DejaVu Sans,Geneva,sans-serif\">");
    ngx_hd_badge_text(t, NGX_HD_BADGE_PAD, left);
    ngx_hd_badge_label(t, badge, &cut);
    ngx_hd_text_add(t, "</text>");
    ngx_hd_badge_text(t, left + 3 * NGX_HD_BADGE_PAD, right);
    ngx_hd_text_html(t, badge->word, badge->len);
    ngx_hd_text_add(t, "</text></g></svg>\n");
}


static void
ngx_hd_badge_title(ngx_hd_text_t *t, const ngx_hd_badge_t *badge)
{
    ngx_hd_text_html(t, badge->label.data, badge->label.len);
    ngx_hd_text_add(t, ": ");
    ngx_hd_text_html(t, badge->word, badge->len);

    if (badge->window == NULL) {
        return;
    }

    ngx_hd_text_add(t, " in ");
    ngx_hd_text_add(t, badge->window);

    if (badge->known < 99) {
        ngx_hd_text_add(t, ", of which ");
        ngx_hd_text_uint(t, badge->known);
        ngx_hd_text_add(t, " % are known");
    }
}


static void
ngx_hd_badge_label(ngx_hd_text_t *t, const ngx_hd_badge_t *badge,
    const ngx_str_t *cut)
{
    ngx_hd_text_html(t, cut->data, cut->len);

    if (cut->len < badge->label.len) {
        ngx_hd_text_add(t, "\xe2\x80\xa6");
    }

    if (badge->window) {
        ngx_hd_text_add(t, " ");
        ngx_hd_text_add(t, badge->window);
    }
}


static void
ngx_hd_badge_rect(ngx_hd_text_t *t, ngx_uint_t x, ngx_uint_t width,
    const char *rest)
{
    ngx_hd_text_add(t, "<rect x=\"");
    ngx_hd_text_uint(t, x);
    ngx_hd_text_add(t, "\" width=\"");
    ngx_hd_text_uint(t, width);
    ngx_hd_text_add(t, "\" height=\"20\" ");
    ngx_hd_text_add(t, rest);
}


static void
ngx_hd_badge_text(ngx_hd_text_t *t, ngx_uint_t x, ngx_uint_t width)
{
    ngx_hd_text_add(t, "<text x=\"");
    ngx_hd_text_uint(t, x);
    ngx_hd_text_add(t, "\" y=\"14\" lengthAdjust=\"spacingAndGlyphs\" "
                    "textLength=\"");
    ngx_hd_text_uint(t, width);
    ngx_hd_text_add(t, "\">");
}


static ngx_str_t
ngx_hd_badge_cut(const ngx_str_t *label)
{
    ngx_str_t      cut;
    ngx_uint_t     n;
    const u_char  *p, *last;

    p = label->data;
    last = p + label->len;

    for (n = 0; p < last && n < NGX_HD_BADGE_LABEL; n++) {
        (void) ngx_hd_utf8_decode(&p, last);
    }

    cut.data = label->data;
    cut.len = p - label->data;

    return cut;
}


/* in tenths of px */

static ngx_uint_t
ngx_hd_badge_width(const u_char *p, size_t len)
{
    ngx_uint_t     width;
    const u_char  *last;

    width = 0;
    last = p + len;

    while (p < last) {
        width += ngx_hd_badge_char(ngx_hd_utf8_decode(&p, last));
    }

    return width;
}


/* what a wide sans-serif of 11 px takes, in tenths of px */

static ngx_uint_t
ngx_hd_badge_char(uint32_t code)
{
    if (code >= 0x300 && code < 0x370) {
        return 0;       /* combining marks */
    }

    if (code >= 0x1100) {
        return (code >= 0x2000 && code < 0x2e80) ? 90 : 115;
    }

    if (code >= 0x80) {
        return 78;
    }

    if (ngx_strchr(" !'()*,-./:;I[]fijlrt|", (int) code)) {
        return 45;
    }

    if (ngx_strchr("#%&+<=>@GMOQWmw~", (int) code)) {
        return 100;
    }

    return (code >= 'A' && code <= 'Z') ? 78 : 68;
}


/*
 * Unit test of ngx_hd_render.c with what it walks for: ngx_hd_render_badge.c,
 * and of ngx_hd_incident.c.  What costs time is counted, not timed.
 */


#include "tap.h"
#include <ngx_hd_incident.h>


static unsigned long  places;           /* compared with an identity */

#undef ngx_memcmp
#define ngx_memcmp(a, b, n)  (places++, memcmp((const char *) (a),            \
                                               (const char *) (b), n))

#include "../../ngx_http_healthdash_module/ngx_hd_render.c"
#include "../../ngx_http_healthdash_module/ngx_hd_render_badge.c"
#include "../../ngx_http_healthdash_module/ngx_hd_incident.c"
#include "../../ngx_http_healthdash_module/ngx_hd_index.c"


#define SERVERS  5000
#define TARGETS  500


static ngx_pool_t              *pool;
static ngx_hd_view_t            view;
static ngx_hd_view_upstream_t   up;
static ngx_hd_view_peer_t       peer[SERVERS];
static ngx_hd_view_target_t     vt[SERVERS];
static ngx_hd_upstream_t        upstream;
static ngx_hd_main_conf_t       conf;

static unsigned long            reads;  /* of histories */
static ngx_uint_t               down;   /* each so manieth event: "down" */
static ngx_int_t                available = -2;     /* millionths, if known */
static ngx_uint_t               known = 1000;       /* thousandths */


/* what the units ask of others */

const ngx_hd_window_t  ngx_hd_history_windows[NGX_HD_WINDOWS + 1] = {
    { "1h", NGX_HD_MINUTE, 60 }
};


ngx_int_t
ngx_hd_view_past(const ngx_hd_view_t *v, const ngx_hd_view_target_t *t,
    ngx_hd_view_past_t *past)
{
    reads++;
    past->data.checks = t - vt;

    return NGX_OK;
}


void
ngx_hd_history_sum(const ngx_hd_history_t *h, const ngx_hd_data_t *data,
    ngx_hd_level_e level, ngx_uint_t n, ngx_hd_span_t *sum)
{
    ngx_memzero(sum, sizeof(ngx_hd_span_t));

    /* the one in the middle is the best */

    sum->length = 1000;
    sum->known = known;
    sum->down = (data->checks == SERVERS / 2) ? 125 : 500;
}


ngx_int_t
ngx_hd_history_available(const ngx_hd_span_t *span)
{
    if (available >= -1) {
        return available;
    }

    return (ngx_int_t) ((span->known - span->down) * 1000000 / span->known);
}


ngx_uint_t
ngx_hd_view_is_filtered(const ngx_hd_view_filter_t *filter)
{
    return filter->upstream.len != 0;
}


/* of each target one event after the other, down and up in turns */

ngx_int_t
ngx_hd_view_event(const ngx_hd_view_t *v, uint64_t number, ngx_hd_event_t *e)
{
    uint64_t  n;

    n = number % TARGETS;

    ngx_memzero(e, sizeof(ngx_hd_event_t));

    e->number = number;
    e->kind = NGX_HD_EVENT_STATE;
    e->clock = number;
    e->time = (int64_t) number;
    e->to = (number / TARGETS % 2 < down) ? NGX_HD_STATE_DOWN
                                          : NGX_HD_STATE_UP;

    /* an identity is an MD5, its bytes are spread */

    n = (n + 1) * 0x9e3779b97f4a7c15ULL;
    ngx_memcpy(e->id, &n, sizeof(n));

    return NGX_OK;
}


static void
test_slices(void)
{
    off_t                    total;
    u_char                   text[4096];
    ngx_int_t                rc;
    ngx_uint_t               i, slices;
    ngx_chain_t             *cl;
    unsigned long            most, before;
    ngx_hd_text_t            t;
    ngx_hd_render_cursor_t   c;

    ngx_str_set(&upstream.name, "app");

    up.upstream = &upstream;
    up.peers = peer;
    up.npeers = SERVERS;

    for (i = 0; i < SERVERS; i++) {
        peer[i].checks = &vt[i];
        peer[i].nchecks = 1;
    }

    view.main = &conf;
    view.upstreams = &up;
    view.nupstreams = 1;
    view.filter.upstream = upstream.name;
    view.filter.window = ngx_hd_history_windows;

    ngx_memzero(&c, sizeof(ngx_hd_render_cursor_t));
    ngx_hd_text_init(&t, pool);

    most = 0;
    slices = 0;

    do {
        before = reads;
        rc = ngx_hd_render_slice(&t, &view, &ngx_hd_render_badge, &c, 65536);
        most = ngx_max(most, reads - before);

        check(rc == NGX_OK || t.size == 0, "nothing is drawn before the end");

        slices++;

    } while (rc == NGX_AGAIN && slices < 2 * SERVERS);

    checked("a badge is drawn when all was looked at");
    is_num(rc, NGX_OK, "it comes to an end");
    is_num(reads, SERVERS, "each history was read once");
    ok(most <= 256, "in a slice there are few of them: %lu", most);

    total = 0;

    for (cl = t.first; cl; cl = cl->next) {
        ngx_memcpy(text + total, cl->buf->pos, cl->buf->last - cl->buf->pos);
        total += cl->buf->last - cl->buf->pos;
    }

    text[total] = '\0';

    ok(strstr((char *) text, ">app 1h</text>") != NULL, "it has its name");
    ok(strstr((char *) text, ">87.50 %</text>") != NULL,
       "and is about the best of all servers");
}


/* the image of a service called name, in a static buffer */

static const char *
badge(const char *name, const ngx_hd_window_t *window)
{
    off_t                    total;
    ngx_chain_t             *cl;
    ngx_hd_text_t            t;
    ngx_hd_target_t          target;
    ngx_hd_render_cursor_t   c;
    static u_char            text[8192];

    ngx_memzero(&target, sizeof(ngx_hd_target_t));
    ngx_memzero(&view.filter, sizeof(ngx_hd_view_filter_t));
    ngx_memzero(&c, sizeof(ngx_hd_render_cursor_t));
    ngx_hd_text_init(&t, pool);

    target.name.data = (u_char *) name;
    target.name.len = strlen(name);
    vt[0].target = &target;
    view.nupstreams = 0;
    view.services = vt;
    view.nservices = 1;
    view.filter.service = target.name;
    view.filter.window = window;

    (void) ngx_hd_render_slice(&t, &view, &ngx_hd_render_badge, &c, 65536);

    for (total = 0, cl = t.first; cl; cl = cl->next) {
        ngx_memcpy(text + total, cl->buf->pos, cl->buf->last - cl->buf->pos);
        total += cl->buf->last - cl->buf->pos;
    }

    text[total] = '\0';

    return (char *) text;
}


static void
test_available(void)
{
    char         want[64];
    ngx_uint_t   i;
    const char  *svg;

    static const struct {
        ngx_int_t    available;
        const char  *word;
        const char  *colour;
    } cases[] = {
        { 1000000, "100 %", "#1a7f37" },
        { 999999, "99.99 %", "#1a7f37" },
        { 999000, "99.90 %", "#1a7f37" },
        { 998999, "99.89 %", "#946000" },
        { 990000, "99.00 %", "#946000" },
        { 989999, "98.99 %", "#b42318" },
        { 50099, "5.00 %", "#b42318" },
        { 0, "0.00 %", "#b42318" },
        { -1, "no data", "#57606a" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        available = cases[i].available;
        svg = badge("db", ngx_hd_history_windows);

        sprintf(want, ">%s</text></g>", cases[i].word);
        check(strstr(svg, want) != NULL, "%s: %s", cases[i].word, svg);

        sprintf(want, "rx=\"3\" fill=\"%s\"", cases[i].colour);
        check(strstr(svg, want) != NULL, "%s: %s", cases[i].word, svg);

        sprintf(want, "<title>db: %s in 1h", cases[i].word);
        check(strstr(svg, want) != NULL, "%s: %s", cases[i].word, svg);
    }

    checked("availability is rounded down and has its colour");

    available = 1000000;

    for (i = 0; i <= 1000; i += 5) {
        known = i;
        svg = badge("db", ngx_hd_history_windows);

        sprintf(want, ", of which %lu %% are known</title>",
                (unsigned long) i / 10);
        check((strstr(svg, want) != NULL) == (i < 990), "%lu: %s",
              (unsigned long) i, svg);
    }

    checked("the title says how much is known, if it is not all");
}


static void
test_worst(void)
{
    ngx_uint_t               i;
    ngx_hd_text_t            t;
    ngx_hd_render_cursor_t   c;

    available = -2;
    known = 1000;

    /* two checks, the better one first, then last */

    for (i = 0; i < 2; i++) {
        ngx_memzero(&c, sizeof(ngx_hd_render_cursor_t));
        ngx_hd_text_init(&t, pool);

        peer[0].checks = &vt[SERVERS / 2 - i];
        peer[0].nchecks = 2;
        up.npeers = 1;

        view.nservices = 0;
        view.nupstreams = 1;
        ngx_memzero(&view.filter, sizeof(ngx_hd_view_filter_t));
        view.filter.upstream = upstream.name;
        view.filter.window = ngx_hd_history_windows;

        (void) ngx_hd_render_slice(&t, &view, &ngx_hd_render_badge, &c, 65536);

        check(c.n[NGX_HD_BADGE_BEST] == 500001, "%lu",
              (unsigned long) c.n[NGX_HD_BADGE_BEST]);
    }

    checked("a server is as well as its worst check");
}


static void
test_states(void)
{
    char         want[64];
    ngx_uint_t   i;
    const char  *svg;

    static const char * const  colours[NGX_HD_STATES] = {
        [NGX_HD_STATE_UNKNOWN] = "#57606a",
        [NGX_HD_STATE_UP] = "#1a7f37",
        [NGX_HD_STATE_DEGRADED] = "#946000",
        [NGX_HD_STATE_DOWN] = "#b42318",
        [NGX_HD_STATE_PAUSED] = "#57606a"
    };

    for (i = 0; i < NGX_HD_STATES; i++) {
        vt[0].health = i;
        svg = badge("db", NULL);

        sprintf(want, "<title>db: %s</title>", ngx_hd_state_word(i));
        check(strstr(svg, want) != NULL, "%s", svg);

        sprintf(want, "rx=\"3\" fill=\"%s\"", colours[i]);
        check(strstr(svg, want) != NULL, "%s", svg);
    }

    checked("each state has its word and its colour");
}


static void
test_widths(void)
{
    char         want[128];
    ngx_uint_t   i;
    const char  *svg;

    static const struct {
        const char  *name;
        int          width;         /* px, of the left text */
    } cases[] = {
        { "iiiiiiiiii", 46 },
        { "nnnnnnnnnn", 69 },
        { "NNNNNNNNNN", 79 },
        { "MMMMMMMMMM", 101 },
        { "0123456789", 69 },
        { "e\xcc\x81" "e\xcc\x81" "ee", 28 },       /* combining marks */
        { "\xc3\xa9\xc3\xa9\xd1\x84\xd1\x84", 32 },   /* Latin, Cyrillic */
        { "\xe2\x80\x94\xe2\x80\x94", 19 },           /* dashes */
        { "\xe6\x97\xa5\xe6\x9c\xac", 24 },           /* wide ones */
        { "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", 273 },
        { "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", 282 }  /* cut */
    };

    vt[0].health = NGX_HD_STATE_UP;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        svg = badge(cases[i].name, NULL);

        sprintf(want, "<text x=\"6\" y=\"14\" lengthAdjust=\""
                "spacingAndGlyphs\" textLength=\"%d\">", cases[i].width);
        check(strstr(svg, want) != NULL, "%s: %s", cases[i].name, svg);

        /* 14 is "up" */

        sprintf(want, "width=\"%d\" height=\"20\" role=\"img\"",
                cases[i].width + 14 + 24);
        check(strstr(svg, want) != NULL, "%s: %s", cases[i].name, svg);
    }

    checked("widths are those of the letters, and the image has room");
}


static void
test_incidents(void)
{
    ngx_uint_t          i, ended;
    ngx_array_t        *list;
    ngx_hd_incident_t  *incident;

    ngx_memzero(&view.filter, sizeof(ngx_hd_view_filter_t));

    view.main = &conf;
    view.nservices = 0;
    view.event = 3 * NGX_HD_EVENTS;
    view.clock = view.event;

    down = 1;
    places = 0;

    list = ngx_hd_incident_list(&view, pool);
    incident = list->elts;

    for (ended = 0, i = 0; i < list->nelts; i++) {
        ended += (incident[i].end != 0);

        check(incident[i].end == 0
              || incident[i].end == incident[i].begin + TARGETS,
              "incident %lu", (unsigned long) i);
        check(i == 0 || incident[i].number > incident[i - 1].number,
              "order of %lu", (unsigned long) i);
    }

    checked("each incident ends with the event after it of its target");
    ok(list->nelts >= TARGETS && ended >= TARGETS / 2,
       "there are many: %lu, ended: %lu", (unsigned long) list->nelts,
       (unsigned long) ended);
    ok(places < 20 * NGX_HD_EVENTS,
       "none is searched for among the others: %lu steps", places);

    /* all down, so the same target is told of twice */

    down = 2;

    list = ngx_hd_incident_list(&view, pool);

    is_num(list->nelts, TARGETS, "down and down again is one incident");
}


int
main(void)
{
    pool = ngx_create_pool(16384, NULL);

    test_slices();
    test_worst();
    test_available();
    test_states();
    test_widths();
    test_incidents();

    ngx_destroy_pool(pool);

    return done();
}


/*
 * healthdash: what is said to people.  Owns the sentences that page and plain
 * text share, so that both say the same.  Called by the renderers; reads the
 * picture and nothing else.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>


#define NGX_HD_PHRASE_NAMES    3


static ngx_uint_t ngx_hd_phrase_counted(const ngx_hd_view_t *view,
    ngx_uint_t *n);
static ngx_uint_t ngx_hd_phrase_is_well(const ngx_uint_t *n,
    ngx_uint_t total);
static ngx_uint_t ngx_hd_phrase_is_first(const ngx_hd_view_t *view,
    const ngx_uint_t *n, ngx_uint_t total);
static void ngx_hd_phrase_frozen(ngx_hd_text_t *t,
    const ngx_hd_view_t *view);
static void ngx_hd_phrase_well(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_uint_t *n);
static void ngx_hd_phrase_bad(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_uint_t *n, ngx_uint_t total);
static ngx_uint_t ngx_hd_phrase_worst(const ngx_uint_t *n);
static const char *ngx_hd_phrase_noun(const ngx_hd_view_t *view);
static void ngx_hd_phrase_names(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t total, ngx_hd_phrase_pt escape);
static void ngx_hd_phrase_rest(ngx_hd_text_t *t, const ngx_uint_t *n,
    ngx_uint_t health);
static void ngx_hd_phrase_idle(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_phrase_pt escape);
static void ngx_hd_phrase_aside(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_phrase_are(ngx_hd_text_t *t, ngx_uint_t n,
    const char *what);
static ngx_uint_t ngx_hd_phrase_is_observed(const ngx_hd_view_peer_t *vp);


/* worst first; "up" is what remains */

static const ngx_uint_t  ngx_hd_phrase_order[] = {
    NGX_HD_STATE_DOWN,
    NGX_HD_STATE_DEGRADED,
    NGX_HD_STATE_UNKNOWN,
    NGX_HD_STATE_PAUSED
};

#define NGX_HD_PHRASE_ORDER                                                   \
    (sizeof(ngx_hd_phrase_order) / sizeof(ngx_uint_t))


void
ngx_hd_phrase_summary(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_phrase_pt escape)
{
    ngx_hd_phrase_lead(t, view);
    ngx_hd_phrase_more(t, view, escape);
}


void
ngx_hd_phrase_lead(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_uint_t  total, n[NGX_HD_STATES];

    if (view->main->upstreams.nelts + view->main->services.nelts == 0) {
        ngx_hd_text_add(t, "Nothing is probed yet");
        return;
    }

    total = ngx_hd_phrase_counted(view, n);

    if (view->guard.state == NGX_HD_GUARD_FROZEN) {
        ngx_hd_phrase_frozen(t, view);

        if (n[NGX_HD_STATE_DOWN]) {
            ngx_hd_text_add(t, "; ");
            ngx_hd_phrase_bad(t, view, n, total);
        }

    } else if (total == 0) {
        ngx_hd_text_add(t, "Nothing is known");

    } else if (ngx_hd_phrase_is_well(n, total)) {
        ngx_hd_phrase_well(t, view, n);

    } else {
        ngx_hd_phrase_bad(t, view, n, total);
    }
}


void
ngx_hd_phrase_more(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_phrase_pt escape)
{
    ngx_uint_t  health, total, n[NGX_HD_STATES];

    if (view->main->upstreams.nelts + view->main->services.nelts == 0) {
        return;
    }

    total = ngx_hd_phrase_counted(view, n);

    if (view->guard.state == NGX_HD_GUARD_FROZEN && n[NGX_HD_STATE_DOWN] == 0) {
        /* what is well is in doubt */

    } else if (ngx_hd_phrase_is_well(n, total)) {
        ngx_hd_phrase_rest(t, n, NGX_HD_STATE_UP);

    } else if (total && !ngx_hd_phrase_is_first(view, n, total)) {
        health = ngx_hd_phrase_worst(n);

        if (health != NGX_HD_STATE_PAUSED) {
            ngx_hd_text_add(t, ": ");
            ngx_hd_phrase_names(t, view, n[health], escape);
        }

        ngx_hd_phrase_rest(t, n, health);
    }

    ngx_hd_phrase_idle(t, view, escape);
    ngx_hd_phrase_aside(t, view);
}


static ngx_uint_t
ngx_hd_phrase_is_well(const ngx_uint_t *n, ngx_uint_t total)
{
    return n[NGX_HD_STATE_UP]
           && n[NGX_HD_STATE_UP] + n[NGX_HD_STATE_PAUSED] == total;
}


/* 1: nothing has been asked yet */

static ngx_uint_t
ngx_hd_phrase_is_first(const ngx_hd_view_t *view, const ngx_uint_t *n,
    ngx_uint_t total)
{
    return n[NGX_HD_STATE_UNKNOWN] == total && view->worst[0].target.next
           && !view->worst[0].target.stale;
}


static void
ngx_hd_phrase_frozen(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_text_add(t, (view->guard.why == NGX_HD_GUARD_SENTINEL)
                       ? "Blind: no sentinel answers, "
                       : "Blind, or all down: ");
    ngx_hd_text_uint(t, view->guarded.failing);
    ngx_hd_text_add(t, " of ");
    ngx_hd_phrase_count(t, view->guarded.targets, "target");
    ngx_hd_text_add(t, " fail at once; verdicts are frozen for ");
    ngx_hd_text_ago(t, ngx_hd_since(view->guard.since, view->mono));
}


/* what counts for the health of the whole, by health; returns the sum */

static ngx_uint_t
ngx_hd_phrase_counted(const ngx_hd_view_t *view, ngx_uint_t *n)
{
    ngx_uint_t  i, total;

    for (total = 0, i = 0; i < NGX_HD_STATES; i++) {
        n[i] = view->servers[i] - view->admin[i] + view->service[i];

        if (i == NGX_HD_STATE_UNKNOWN) {
            n[i] -= view->unprobed;
        }

        total += n[i];
    }

    return total;
}


static void
ngx_hd_phrase_well(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_uint_t *n)
{
    ngx_uint_t  services, servers;

    services = view->service[NGX_HD_STATE_UP];
    servers = n[NGX_HD_STATE_UP] - services;

    if (view->nidle == 0 && view->avoided == 0) {
        ngx_hd_text_add(t, "All is well: ");
    }

    if (servers) {
        ngx_hd_phrase_count(t, servers, "server");
    }

    if (servers && services) {
        ngx_hd_text_add(t, " and ");
    }

    if (services) {
        ngx_hd_phrase_count(t, services, "service");
    }

    ngx_hd_phrase_are(t, servers + services, "up");
}


static void
ngx_hd_phrase_bad(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_uint_t *n, ngx_uint_t total)
{
    ngx_uint_t   health;
    const char  *noun;

    noun = ngx_hd_phrase_noun(view);
    health = ngx_hd_phrase_worst(n);

    if (ngx_hd_phrase_is_first(view, n, total)) {
        ngx_hd_text_add(t, "No result yet of ");
        ngx_hd_phrase_count(t, total, noun);
        return;
    }

    ngx_hd_text_uint(t, n[health]);
    ngx_hd_text_add(t, " of ");
    ngx_hd_phrase_count(t, total, noun);
    ngx_hd_phrase_are(t, n[health], ngx_hd_state_word(health));
}


static ngx_uint_t
ngx_hd_phrase_worst(const ngx_uint_t *n)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HD_PHRASE_ORDER; i++) {

        if (n[ngx_hd_phrase_order[i]]) {
            return ngx_hd_phrase_order[i];
        }
    }

    return NGX_HD_STATE_UP;
}


static const char *
ngx_hd_phrase_noun(const ngx_hd_view_t *view)
{
    if (view->main->services.nelts == 0) {
        return "server";
    }

    return view->main->upstreams.nelts ? "target" : "service";
}


static void
ngx_hd_phrase_names(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_uint_t total, ngx_hd_phrase_pt escape)
{
    ngx_uint_t  i, n;

    /* "and 1 more" would take the room of a name */

    n = (total <= view->nworst && total <= NGX_HD_PHRASE_NAMES + 1)
        ? total : NGX_HD_PHRASE_NAMES;

    for (i = 0; i < n; i++) {

        if (i) {
            ngx_hd_text_add(t, ", ");
        }

        ngx_hd_phrase_name(t, &view->worst[i], escape);
    }

    if (n < total) {
        ngx_hd_text_add(t, " and ");
        ngx_hd_text_uint(t, total - n);
        ngx_hd_text_add(t, " more");
    }
}


static void
ngx_hd_phrase_rest(ngx_hd_text_t *t, const ngx_uint_t *n, ngx_uint_t health)
{
    ngx_uint_t  i, other;

    for (i = 0; i < NGX_HD_PHRASE_ORDER; i++) {
        other = ngx_hd_phrase_order[i];

        if (other == health || n[other] == 0) {
            continue;
        }

        ngx_hd_text_add(t, "; ");
        ngx_hd_text_uint(t, n[other]);
        ngx_hd_phrase_are(t, n[other], ngx_hd_state_word(other));
    }
}


static void
ngx_hd_phrase_idle(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_phrase_pt escape)
{
    if (view->nidle == 0) {
        return;
    }

    ngx_hd_text_add(t, "; ");
    escape(t, view->idle.data, view->idle.len);

    if (view->nidle == 1) {
        ngx_hd_text_add(t, " has");

    } else {
        ngx_hd_text_add(t, " and ");
        ngx_hd_phrase_count(t, view->nidle - 1, "other upstream");
        ngx_hd_text_add(t, " have");
    }

    ngx_hd_text_add(t, " no server in service");
}


/* what the sentence before did not count */

static void
ngx_hd_phrase_aside(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_uint_t  i, n;

    for (n = 0, i = 0; i < NGX_HD_STATES; i++) {
        n += view->admin[i];
    }

    if (view->avoided) {
        ngx_hd_text_add(t, "; ");
        ngx_hd_phrase_count(t, view->avoided, "server");
        ngx_hd_text_add(t, " out by passive failures");
    }

    if (n) {
        ngx_hd_text_add(t, "; ");
        ngx_hd_phrase_count(t, n, "server");
        ngx_hd_text_add(t, " down by the administrator");
    }

    if (view->unprobed) {
        ngx_hd_text_add(t, "; ");
        ngx_hd_phrase_count(t, view->unprobed, "server");
        ngx_hd_text_add(t, " not probed");
    }
}


void
ngx_hd_phrase_short(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_uint_t  health, n[NGX_HD_STATES];

    if (ngx_hd_phrase_counted(view, n) == 0) {
        ngx_hd_text_add(t, "nothing probed");
        return;
    }

    if (view->guard.state == NGX_HD_GUARD_FROZEN) {
        ngx_hd_text_add(t, "verdicts frozen");
        return;
    }

    health = ngx_hd_phrase_worst(n);

    if (health == NGX_HD_STATE_UP && view->nidle) {
        ngx_hd_text_add(t, "not served");
        return;
    }

    if (health == NGX_HD_STATE_UP) {
        ngx_hd_text_add(t, "all");

    } else {
        ngx_hd_text_uint(t, n[health]);
    }

    ngx_hd_text_add(t, " ");
    ngx_hd_text_add(t, ngx_hd_state_word(health));
}


void
ngx_hd_phrase_name(ngx_hd_text_t *t, const ngx_hd_view_worst_t *worst,
    ngx_hd_phrase_pt escape)
{
    const ngx_str_t  *name;

    if (worst->upstream.len == 0) {
        name = &worst->target.target->name;
        escape(t, name->data, name->len);
        return;
    }

    name = &worst->peer.peer.name;
    escape(t, name->data, name->len);

    ngx_hd_text_add(t, " of ");
    escape(t, worst->upstream.data, worst->upstream.len);
}


void
ngx_hd_phrase_count(ngx_hd_text_t *t, ngx_uint_t n, const char *what)
{
    ngx_hd_text_uint(t, n);
    ngx_hd_text_add(t, " ");
    ngx_hd_text_add(t, what);

    if (n != 1) {
        ngx_hd_text_add(t, "s");
    }
}


static void
ngx_hd_phrase_are(ngx_hd_text_t *t, ngx_uint_t n, const char *what)
{
    ngx_hd_text_add(t, (n == 1) ? " is " : " are ");
    ngx_hd_text_add(t, what);
}


void
ngx_hd_phrase_serving(ngx_hd_text_t *t, const ngx_hd_view_upstream_t *vu)
{
    if (vu->serving) {
        ngx_hd_text_uint(t, vu->serving);
        ngx_hd_text_add(t, " of ");

    } else {
        ngx_hd_text_add(t, "none of ");
    }

    ngx_hd_phrase_count(t, vu->total, "server");
    ngx_hd_text_add(t, " in service");
}


void
ngx_hd_phrase_connections(ngx_hd_text_t *t, const ngx_hd_peer_t *peer)
{
    if (peer->max_conns == 0) {

        if (peer->counted) {
            ngx_hd_phrase_count(t, peer->conns, "connection");
        }

        return;
    }

    if (peer->counted) {
        ngx_hd_text_uint(t, peer->conns);
        ngx_hd_text_add(t, " of ");

    } else {
        ngx_hd_text_add(t, "at most ");
    }

    ngx_hd_phrase_count(t, peer->max_conns, "connection");

    if (!peer->counted) {
        ngx_hd_text_add(t, " a worker");
    }
}


const char *
ngx_hd_phrase_peer(const ngx_hd_view_peer_t *vp)
{
    switch (vp->peer.state) {

    case NGX_HD_PEER_UP:
        if (vp->peer.kept) {
            return "kept in service by min_up";
        }

        if (vp->peer.ramping) {
            return "ramping";
        }

        return ngx_hd_phrase_is_observed(vp) ? "in service, only observed"
                                             : "in service";

    case NGX_HD_PEER_DRAINING:
        return "draining";

    case NGX_HD_PEER_DOWN:
        return "down by the administrator";

    case NGX_HD_PEER_UNAVAIL:
        return "out by passive failures";

    case NGX_HD_PEER_CHECKING:
        return vp->peer.unplaced ? "waiting for a place (max_servers)"
                                 : "waiting for the first result";

    case NGX_HD_PEER_REMOVED:
        return "removed by DNS";

    default: /* NGX_HD_PEER_UNHEALTHY */
        return "skipped by probe";
    }
}


/* down by a check that may not take it out */

static ngx_uint_t
ngx_hd_phrase_is_observed(const ngx_hd_view_peer_t *vp)
{
    ngx_uint_t  i;

    for (i = 0; i < vp->nchecks; i++) {

        if (vp->checks[i].health == NGX_HD_STATE_DOWN
            && vp->checks[i].target->check->observe)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_hd_phrase_result(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_hd_phrase_pt escape)
{
    uint64_t   held;
    ngx_str_t  text;

    if (vt->stale) {
        ngx_hd_phrase_stale(t, view, vt);
        return;
    }

    held = ngx_hd_view_held(view, vt);

    if (held) {
        ngx_hd_text_add(t, "flapping, held down for ");
        ngx_hd_text_ago(t, held);
        ngx_hd_text_add(t, ": ");
    }

    if (vt->data.last == 0) {
        ngx_hd_text_add(t, "no result yet");
        return;
    }

    if (ngx_hd_view_last(vt, &text) == NGX_HD_R_NONE) {
        (void) ngx_hd_view_reason(vt, &text);
    }

    if (text.len == 0) {
        ngx_hd_text_add(t, "passed");
        return;
    }

    if (vt->data.verdict == NGX_HD_PASS) {
        ngx_hd_text_add(t, "passed again, after ");

    } else if (vt->data.verdict == NGX_HD_INCONCLUSIVE) {
        ngx_hd_text_add(t, "inconclusive: ");
    }

    escape(t, text.data, text.len);
}


void
ngx_hd_phrase_stale(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    if (vt->data.last == 0) {
        ngx_hd_text_add(t, "no result, overdue for ");
        ngx_hd_text_ago(t, ngx_max(view->time - vt->next, 0));
        return;
    }

    ngx_hd_text_add(t, "no result for ");
    ngx_hd_text_ago(t, ngx_hd_view_age(view, vt));
}


void
ngx_hd_phrase_streak(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_streak_t     s;
    static const char  *words[] = { "", "failure", "pass", "clean pass" };

    ngx_hd_phrase_get_streak(vt, &s);

    if (s.kind == NGX_HD_STREAK_NONE) {
        return;
    }

    if (vt->stale) {
        ngx_hd_text_add(t, "before that ");
        s.moving = 0;
    }

    ngx_hd_text_uint(t, s.count);

    if (s.moving && s.count <= s.of) {
        ngx_hd_text_add(t, " of ");
        ngx_hd_text_uint(t, s.of);
        s.count = s.of;
    }

    ngx_hd_text_add(t, " ");
    ngx_hd_text_add(t, words[s.kind]);

    if (s.count != 1) {
        ngx_hd_text_add(t, (s.kind == NGX_HD_STREAK_FAILURES) ? "s" : "es");
    }

    if (s.moving && vt->data.hold_until > view->mono) {
        ngx_hd_text_add(t, ", held down for ");
        ngx_hd_text_ago(t, vt->data.hold_until - view->mono);
    }
}


void
ngx_hd_phrase_get_streak(const ngx_hd_view_target_t *vt, ngx_hd_streak_t *s)
{
    const ngx_hd_data_t   *data;
    const ngx_hd_rules_t  *rules;

    data = &vt->data;
    rules = &vt->target->check->rules;

    s->kind = NGX_HD_STREAK_NONE;
    s->count = 0;
    s->of = rules->passes;
    s->moving = 0;

    if (data->fails) {
        s->kind = NGX_HD_STREAK_FAILURES;
        s->count = data->fails;
        s->of = rules->fails;
        s->moving = (data->state != NGX_HD_STATE_DOWN);

    } else if (data->state == NGX_HD_STATE_DEGRADED && data->clean) {
        s->kind = NGX_HD_STREAK_CLEAN;
        s->count = data->clean;
        s->moving = 1;

    } else if (data->passes) {
        s->kind = NGX_HD_STREAK_PASSES;
        s->count = data->passes;
        s->moving = (data->state == NGX_HD_STATE_DOWN);
    }
}


void
ngx_hd_phrase_next(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    int64_t  msec;

    msec = vt->next - view->time;

    if (vt->next == 0) {
        ngx_hd_text_add(t, "-");

    } else if (vt->stale) {
        ngx_hd_text_add(t, "overdue");

    } else if (msec < 100) {
        ngx_hd_text_add(t, "now");

    } else if (msec < 10000) {
        ngx_hd_text_add(t, "in ");
        ngx_hd_text_uint(t, msec / 1000);
        ngx_hd_text_add(t, ".");
        ngx_hd_text_uint(t, msec % 1000 / 100);
        ngx_hd_text_add(t, " s");

    } else {
        ngx_hd_text_add(t, "in ");
        ngx_hd_text_ago(t, msec);
    }
}


u_char *
ngx_hd_phrase_latency(u_char *buf, uint64_t usec)
{
    const char  *unit;

    if (usec < 10) {
        return ngx_sprintf(buf, "-");
    }

    unit = "ms";

    if (usec >= 1000000) {
        unit = "s";
        usec /= 1000;
    }

    if (usec < 10000) {
        return ngx_sprintf(buf, "%uL.%02uL %s", usec / 1000,
                           usec % 1000 / 10, unit);
    }

    if (usec < 100000) {
        return ngx_sprintf(buf, "%uL.%uL %s", usec / 1000,
                           usec % 1000 / 100, unit);
    }

    return ngx_sprintf(buf, "%uL %s", usec / 1000, unit);
}


u_char *
ngx_hd_phrase_percent(u_char *buf, ngx_int_t millionths)
{
    if (millionths == -1) {
        return ngx_sprintf(buf, "-");
    }

    if (millionths % 10000 == 0) {
        return ngx_sprintf(buf, "%i %%", millionths / 10000);
    }

    return ngx_sprintf(buf, "%i.%02i %%", millionths / 10000,
                       millionths % 10000 / 100);
}


void
ngx_hd_phrase_check(ngx_hd_text_t *t, const ngx_hd_check_t *check,
    ngx_hd_phrase_pt escape)
{
    if (check->name.len) {
        escape(t, check->name.data, check->name.len);
        ngx_hd_text_add(t, " (");
    }

    escape(t, check->type_name.data, check->type_name.len);

    if (check->port) {
        ngx_hd_text_add(t, " port ");
        ngx_hd_text_uint(t, check->port);
    }

    if (check->request.len) {
        ngx_hd_text_add(t, " ");

        if (check->uri_secret) {
            ngx_hd_text_add(t, "(path of a file)");

        } else {
            escape(t, check->uri.data, check->uri.len);
        }
    }

    if (check->name.len) {
        ngx_hd_text_add(t, ")");
    }
}


void
ngx_hd_phrase_probing(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    const ngx_hd_view_probing_t  *p;

    p = &view->probing;

    /* one place behind the point is enough for people */

    ngx_hd_text_msec(t, p->past.done * 1000 / NGX_HD_PACE_WINDOW);
    ngx_hd_text_add(t, " of ");
    ngx_hd_text_msec(t, (p->milli + 50) / 100 * 100);
    ngx_hd_text_add(t, " probes a second");

    if (view->main->rate) {
        ngx_hd_text_add(t, ", at most ");
        ngx_hd_text_uint(t, view->main->rate);
    }

    if (p->past.late) {
        ngx_hd_text_add(t, ", up to ");
        ngx_hd_text_uint(t, p->past.late);
        ngx_hd_text_add(t, " ms late");
    }

    if (p->waiting) {
        ngx_hd_text_add(t, ", ");
        ngx_hd_text_uint(t, p->waiting);
        ngx_hd_text_add(t, (p->waiting == 1) ? " waits" : " wait");
    }
}


/*
 * healthdash: explanations.  Owns the sentences about one target.  Called by
 * the renderers; reads the picture and nothing else, and what the picture
 * leaves out, as a public one does, is not said.
 */


#include <ngx_hd_explain.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_reason.h>


#define NGX_HD_EXPLAIN_DAY     86400000    /* msec */
#define NGX_HD_EXPLAIN_NEVER   UINT64_MAX  /* nobody knows when */


/* what the sentences are about */

typedef struct {
    ngx_hd_text_t               *text;
    const ngx_hd_view_t         *view;
    const ngx_hd_view_peer_t    *vp;
    const ngx_hd_view_target_t  *vt;
    ngx_hd_phrase_pt             escape;
} ngx_hd_explain_t;


/* a sentence, and whether there is anything to say */

typedef struct {
    ngx_uint_t                 (*is)(const ngx_hd_explain_t *ex);
    void                       (*say)(const ngx_hd_explain_t *ex);
} ngx_hd_sentence_t;


static ngx_uint_t ngx_hd_explain_is_state(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_state(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_unknown(const ngx_hd_explain_t *ex);
static ngx_uint_t ngx_hd_explain_is_worst(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_worst(const ngx_hd_explain_t *ex);
static ngx_uint_t ngx_hd_explain_is_layer(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_layer(const ngx_hd_explain_t *ex);
static const char *ngx_hd_explain_find_layer(const ngx_hd_explain_t *ex);
static ngx_uint_t ngx_hd_explain_is_answer(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_answer(const ngx_hd_explain_t *ex);
static ngx_uint_t ngx_hd_explain_is_steps(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_steps(const ngx_hd_explain_t *ex);
static ngx_uint_t ngx_hd_explain_is_last(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_last(const ngx_hd_explain_t *ex);
static ngx_uint_t ngx_hd_explain_is_peer(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_peer(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_serves(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_ramp(const ngx_hd_explain_t *ex);
static ngx_uint_t ngx_hd_explain_is_change(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_change(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_back(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_clear(const ngx_hd_explain_t *ex);
static ngx_uint_t ngx_hd_explain_is_fall(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_fall(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_row(const ngx_hd_explain_t *ex, ngx_uint_t n,
    ngx_uint_t so_far, const char *one, const char *many, uint64_t hold);
static void ngx_hd_explain_earliest(const ngx_hd_explain_t *ex,
    ngx_uint_t n, uint64_t hold);
static ngx_uint_t ngx_hd_explain_is_next(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_next(const ngx_hd_explain_t *ex);
static void ngx_hd_explain_soon(const ngx_hd_explain_t *ex, int64_t msec);
static void ngx_hd_explain_at(const ngx_hd_explain_t *ex, int64_t wall);


/* in the order in which one asks */

static const ngx_hd_sentence_t  ngx_hd_explain_sentences[] = {
    { ngx_hd_explain_is_state, ngx_hd_explain_state },
    { ngx_hd_explain_is_worst, ngx_hd_explain_worst },
    { ngx_hd_explain_is_layer, ngx_hd_explain_layer },
    { ngx_hd_explain_is_answer, ngx_hd_explain_answer },
    { ngx_hd_explain_is_steps, ngx_hd_explain_steps },
    { ngx_hd_explain_is_last, ngx_hd_explain_last },
    { ngx_hd_explain_is_peer, ngx_hd_explain_peer },
    { ngx_hd_explain_is_change, ngx_hd_explain_change },
    { ngx_hd_explain_is_fall, ngx_hd_explain_fall },
    { ngx_hd_explain_is_next, ngx_hd_explain_next },
    { NULL, NULL }
};


/* what nginx does with a server, but for one in service; by its state */

static const char * const  ngx_hd_explain_states[] = {
    NULL,
    "nginx drains it: only requests of sessions that it knows go there.",
    "The administrator has taken it out of service; no probe brings it back.",
    "nginx avoids it for a while because requests of users failed there "
        "(max_fails).",
    "nginx sends it no request before its first probe has passed.",
    "nginx skips it: no new request goes there.",
    "DNS does not name it any more: it gets no requests, and is not probed."
};


/* how far a probe came, by the layer of its reason */

static const struct {
    const char  *layer;
    const char  *text;
} ngx_hd_explain_layers[] = {
    { "resolve",
      "Its name did not become an address, so no connection was tried." },
    { "connect",
      "No connection could be made, so nothing was asked." },
    { "tls",
      "A connection was made, but no TLS session over it." },
    { "response",
      "A connection was made, but no complete answer came." },
    { "service",
      "It answered, and reports trouble itself." },
    { "heartbeat",
      "It has to report by itself; that report is missing, or bad." },
    { "system",
      "The question went to the system that nginx runs on." },
    { "condition",
      "It answered, but the answer is not as it is expected." },
    { NULL, NULL }
};


ngx_int_t
ngx_hd_explain(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt,
    ngx_uint_t i, ngx_hd_phrase_pt escape)
{
    ngx_hd_explain_t          ex;
    const ngx_hd_sentence_t  *s;

    ex.text = t;
    ex.view = view;
    ex.vp = vp;
    ex.vt = vt;
    ex.escape = escape;

    for (s = ngx_hd_explain_sentences; s->is; s++) {

        if (s->is(&ex) && i-- == 0) {
            s->say(&ex);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_uint_t
ngx_hd_explain_count(const ngx_hd_view_t *view, const ngx_hd_view_peer_t *vp,
    const ngx_hd_view_target_t *vt)
{
    ngx_uint_t                n;
    ngx_hd_explain_t          ex;
    const ngx_hd_sentence_t  *s;

    ngx_memzero(&ex, sizeof(ngx_hd_explain_t));

    ex.view = view;
    ex.vp = vp;
    ex.vt = vt;

    for (n = 0, s = ngx_hd_explain_sentences; s->is; s++) {
        n += s->is(&ex);
    }

    return n;
}


static ngx_uint_t
ngx_hd_explain_is_state(const ngx_hd_explain_t *ex)
{
    return 1;
}


static void
ngx_hd_explain_state(const ngx_hd_explain_t *ex)
{
    int64_t     since;
    ngx_str_t   text;
    ngx_uint_t  reason;

    if (ex->vt == NULL) {
        ngx_hd_text_add(ex->text, ex->vp->peer.unplaced
                        ? "DNS has added it, and no place is free to probe it "
                          "yet (max_servers), so its health is not known."
                        : "No check asks this server how it is, so its health "
                          "is not known.");
        return;
    }

    if (ex->vt->health == NGX_HD_STATE_UNKNOWN) {
        ngx_hd_explain_unknown(ex);
        return;
    }

    ngx_hd_text_add(ex->text, "It is ");
    ngx_hd_text_add(ex->text, ngx_hd_state_word(ex->vt->health));

    since = ngx_hd_view_since(ex->vt);

    if (since) {
        ngx_hd_text_add(ex->text, " since ");
        ngx_hd_explain_at(ex, since);
        ngx_hd_text_add(ex->text, ", for ");
        ngx_hd_text_ago(ex->text, ngx_hd_view_age(ex->view, ex->vt));
    }

    reason = ngx_hd_view_reason(ex->vt, &text);

    if (text.len) {
        ngx_hd_text_add(ex->text, ": ");
        ex->escape(ex->text, text.data, text.len);

    } else if (reason != NGX_HD_R_NONE) {
        ngx_hd_text_add(ex->text, ": ");
        ngx_hd_text_add(ex->text, ngx_hd_reason(reason)->text);
    }

    ngx_hd_text_add(ex->text, ".");
}


static void
ngx_hd_explain_unknown(const ngx_hd_explain_t *ex)
{
    if (ex->vt->data.last == 0) {
        ngx_hd_text_add(ex->text, "Nothing is known yet: there is no result.");
        return;
    }

    if (!ex->vt->stale) {
        ngx_hd_text_add(ex->text, "Nothing is known yet: no probe has come to "
                        "a verdict.");
        return;
    }

    ngx_hd_text_add(ex->text, "Nothing is known any more: there is no result "
                    "since ");
    ngx_hd_explain_at(ex, ngx_hd_view_since(ex->vt));
    ngx_hd_text_add(ex->text, ", for ");
    ngx_hd_text_ago(ex->text, ngx_hd_view_age(ex->view, ex->vt));
    ngx_hd_text_add(ex->text, "; before that it was ");
    ngx_hd_text_add(ex->text, ngx_hd_state_word(ex->vt->data.state));
    ngx_hd_text_add(ex->text, ".");
}


static ngx_uint_t
ngx_hd_explain_is_worst(const ngx_hd_explain_t *ex)
{
    return ex->vp && ex->vt && ex->vp->nchecks > 1
           && ex->vp->worst->target == ex->vt->target;
}


static void
ngx_hd_explain_worst(const ngx_hd_explain_t *ex)
{
    const ngx_hd_check_t  *check;

    check = ex->vt->target->check;

    ngx_hd_text_add(ex->text, "This is said by the worst of its ");
    ngx_hd_text_uint(ex->text, ex->vp->nchecks);
    ngx_hd_text_add(ex->text, " checks, ");
    ex->escape(ex->text, check->type_name.data, check->type_name.len);

    if (check->name.len) {
        ngx_hd_text_add(ex->text, " by ");
        ex->escape(ex->text, check->name.data, check->name.len);
    }

    ngx_hd_text_add(ex->text, ".");
}


static ngx_uint_t
ngx_hd_explain_is_layer(const ngx_hd_explain_t *ex)
{
    return ex->vt && ngx_hd_explain_find_layer(ex) != NULL;
}


static void
ngx_hd_explain_layer(const ngx_hd_explain_t *ex)
{
    ngx_hd_text_add(ex->text, ngx_hd_explain_find_layer(ex));
}


static const char *
ngx_hd_explain_find_layer(const ngx_hd_explain_t *ex)
{
    ngx_str_t    text;
    ngx_uint_t   i, reason;
    const char  *layer;

    reason = ngx_hd_view_reason(ex->vt, &text);

    if (ex->vt->health == NGX_HD_STATE_DEGRADED) {
        return "Its probes pass, but with a warning.";
    }

    layer = ngx_hd_reason(reason)->layer;

    if (reason >= NGX_HD_R_LOCAL_FILES) {
        return "nginx itself could not make the probe, which says nothing "
               "about the target.";
    }

    for (i = 0; ngx_hd_explain_layers[i].layer; i++) {

        if (ngx_strcmp(ngx_hd_explain_layers[i].layer, layer) == 0) {
            return ngx_hd_explain_layers[i].text;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_hd_explain_is_answer(const ngx_hd_explain_t *ex)
{
    return ex->vt && ex->vt->health == NGX_HD_STATE_DOWN
           && ex->vt->data.failed.sample.line_len > 0;
}


static void
ngx_hd_explain_answer(const ngx_hd_explain_t *ex)
{
    const ngx_hd_sample_t  *sample;

    sample = &ex->vt->data.failed.sample;

    ngx_hd_text_add(ex->text, "The answer began with ");
    ex->escape(ex->text, sample->line, ngx_min(sample->line_len,
                                               NGX_HD_LINE_LEN));
    ngx_hd_text_add(ex->text, ".");
}


static ngx_uint_t
ngx_hd_explain_is_steps(const ngx_hd_explain_t *ex)
{
    return ex->vt && ex->vt->health == NGX_HD_STATE_DOWN
           && ex->vt->data.failed.time && ex->vt->data.failed.usec
           && !ex->vt->target->check->type->told;
}


static void
ngx_hd_explain_steps(const ngx_hd_explain_t *ex)
{
    const ngx_hd_failed_t  *failed;

    failed = &ex->vt->data.failed;

    ngx_hd_text_add(ex->text, "How long it took, from the start of the "
                    "probe: ");
    ngx_hd_detail_phases(ex->text, failed->phase, failed->usec);
    ngx_hd_text_add(ex->text, ".");
}


/* where the last probe and the state do not say the same */

static ngx_uint_t
ngx_hd_explain_is_last(const ngx_hd_explain_t *ex)
{
    const ngx_hd_data_t  *data;

    if (ex->vt == NULL || ex->vt->stale || ex->vt->data.last == 0) {
        return 0;
    }

    data = &ex->vt->data;

    switch (ex->vt->health) {

    case NGX_HD_STATE_UP:
        return data->verdict != NGX_HD_PASS;

    case NGX_HD_STATE_DEGRADED:
        return data->verdict != NGX_HD_WARN;

    case NGX_HD_STATE_DOWN:
        return data->verdict != NGX_HD_FAIL;

    case NGX_HD_STATE_UNKNOWN:
        return 0;

    default: /* NGX_HD_STATE_PAUSED */
        return 1;
    }
}


static void
ngx_hd_explain_last(const ngx_hd_explain_t *ex)
{
    ngx_str_t           text;
    static const char  *words[] = {
        [NGX_HD_PASS] = "The last probe passed",
        [NGX_HD_WARN] = "The last probe passed with a warning",
        [NGX_HD_FAIL] = "The last probe failed",
        [NGX_HD_INCONCLUSIVE] = "The last probe told nothing"
    };

    ngx_hd_text_add(ex->text, words[ngx_min(ex->vt->data.verdict,
                                            NGX_HD_INCONCLUSIVE)]);

    (void) ngx_hd_view_last(ex->vt, &text);

    if (text.len) {
        ngx_hd_text_add(ex->text, ": ");
        ex->escape(ex->text, text.data, text.len);
    }

    ngx_hd_text_add(ex->text, ".");
}


static ngx_uint_t
ngx_hd_explain_is_peer(const ngx_hd_explain_t *ex)
{
    return ex->vp != NULL;
}


static void
ngx_hd_explain_peer(const ngx_hd_explain_t *ex)
{
    if (ex->vp->peer.state == NGX_HD_PEER_UP) {
        ngx_hd_explain_serves(ex);
        return;
    }

    ngx_hd_text_add(ex->text, ngx_hd_explain_states[ex->vp->peer.state]);
}


static void
ngx_hd_explain_serves(const ngx_hd_explain_t *ex)
{
    ngx_uint_t                i;
    const ngx_hd_upstream_t  *u;

    if (ex->vp->peer.kept && ex->vt) {
        u = ex->vt->target->upstream;

        ngx_hd_text_add(ex->text, "nginx still sends it requests: without it "
                        "fewer servers than min_up=");
        ngx_hd_text_uint(ex->text, u->min_up);
        ngx_hd_text_add(ex->text, u->min_up_percent ? "%" : "");
        ngx_hd_text_add(ex->text, " would be left.");
        return;
    }

    if (ex->vp->peer.ramping) {
        ngx_hd_explain_ramp(ex);
        return;
    }

    for (i = 0; i < ex->vp->nchecks; i++) {

        if (ex->vp->checks[i].health == NGX_HD_STATE_DOWN
            && ex->vp->checks[i].target->check->observe)
        {
            ngx_hd_text_add(ex->text, "nginx still sends it requests: the "
                            "check only observes (mode=observe).");
            return;
        }
    }

    ngx_hd_text_add(ex->text, ex->vp->peer.backup
                    ? "nginx sends it requests when no other server can take "
                      "them: it is a backup."
                    : "nginx sends it requests.");
}


static void
ngx_hd_explain_ramp(const ngx_hd_explain_t *ex)
{
    ngx_hd_text_add(ex->text, "It came back not long ago and is ramping: ");

    if (ex->vp->peer.full == 0) {
        ngx_hd_text_add(ex->text, "nginx sends it fewer requests than its "
                        "share.");
        return;
    }

    ngx_hd_text_uint(ex->text, ex->vp->peer.share);
    ngx_hd_text_add(ex->text, " % of its share, full at ");
    ngx_hd_explain_at(ex, ex->vp->peer.full);
    ngx_hd_text_add(ex->text, " (slow_start).");
}


/* what has to happen for it to be up */

static ngx_uint_t
ngx_hd_explain_is_change(const ngx_hd_explain_t *ex)
{
    return ex->vt && ex->vt->health != NGX_HD_STATE_UP
           && !(ex->vp && ex->vp->peer.state == NGX_HD_PEER_REMOVED);
}


static void
ngx_hd_explain_change(const ngx_hd_explain_t *ex)
{
    switch (ex->vt->health) {

    case NGX_HD_STATE_DOWN:
        ngx_hd_explain_back(ex);
        return;

    case NGX_HD_STATE_DEGRADED:
        ngx_hd_explain_clear(ex);
        return;

    case NGX_HD_STATE_PAUSED:
        ngx_hd_text_add(ex->text, "The operator has paused it; no probe "
                        "changes that.");
        return;

    default: /* NGX_HD_STATE_UNKNOWN */
        ngx_hd_text_add(ex->text, ex->vt->stale
                        ? "The next result ends that."
                        : "The first result decides alone.");
    }
}


static void
ngx_hd_explain_back(const ngx_hd_explain_t *ex)
{
    uint64_t    hold;
    ngx_uint_t  n, passes;

    hold = ngx_hd_view_held(ex->view, ex->vt);
    n = ex->vt->target->check->rules.passes;
    passes = ex->vt->data.passes;

    if (hold) {
        ngx_hd_text_add(ex->text, "It is held down until ");
        ngx_hd_explain_at(ex, ex->view->time + (int64_t) hold);
        ngx_hd_text_add(ex->text, " because it has changed too often "
                        "(flap); then it");

    } else {
        ngx_hd_text_add(ex->text, "It");
    }

    ngx_hd_text_add(ex->text, " comes back after ");
    ngx_hd_explain_row(ex, n, passes, "pass", "passes", hold);
}


static void
ngx_hd_explain_clear(const ngx_hd_explain_t *ex)
{
    ngx_hd_text_add(ex->text, "It is up again after ");
    ngx_hd_explain_row(ex, ex->vt->target->check->rules.passes,
                       ex->vt->data.clean, "clean pass", "clean passes", 0);
}


/* what has to happen for it to be down */

static ngx_uint_t
ngx_hd_explain_is_fall(const ngx_hd_explain_t *ex)
{
    return ex->vt && (ex->vt->health == NGX_HD_STATE_UP
                      || ex->vt->health == NGX_HD_STATE_DEGRADED);
}


static void
ngx_hd_explain_fall(const ngx_hd_explain_t *ex)
{
    ngx_uint_t  frozen;

    frozen = (ex->view->guard.state == NGX_HD_GUARD_FROZEN);

    ngx_hd_text_add(ex->text, frozen ? "Verdicts are frozen: when they follow "
                                       "again, it goes down after "
                                     : "It goes down after ");
    ngx_hd_explain_row(ex, ex->vt->target->check->rules.fails,
                       ex->vt->data.fails, "failure", "failures",
                       frozen ? NGX_HD_EXPLAIN_NEVER : 0);
}


/* "2 passes in a row, 1 so far, at the earliest in 5 s." */

static void
ngx_hd_explain_row(const ngx_hd_explain_t *ex, ngx_uint_t n,
    ngx_uint_t so_far, const char *one, const char *many, uint64_t hold)
{
    ngx_hd_text_uint(ex->text, n);
    ngx_hd_text_add(ex->text, " ");
    ngx_hd_text_add(ex->text, (n == 1) ? one : many);

    if (n > 1) {
        ngx_hd_text_add(ex->text, " in a row");
    }

    if (so_far) {
        ngx_hd_text_add(ex->text, ", ");
        ngx_hd_text_uint(ex->text, so_far);
        ngx_hd_text_add(ex->text, " so far");
    }

    ngx_hd_explain_earliest(ex, (so_far < n) ? n - so_far : 1, hold);
    ngx_hd_text_add(ex->text, ".");
}


/* when n more results can be there, but not before hold is over */

static void
ngx_hd_explain_earliest(const ngx_hd_explain_t *ex, ngx_uint_t n,
    uint64_t hold)
{
    uint64_t               left;
    const ngx_hd_check_t  *check;

    check = ex->vt->target->check;

    /* who is told does not know when, nor does who waits for a guard */

    if (ex->vt->next == 0 || ex->vt->stale || check->type->told
        || hold == NGX_HD_EXPLAIN_NEVER)
    {
        return;
    }

    left = ex->vt->probing
           ? 0 : (uint64_t) ngx_max(ex->vt->next - ex->view->time, 0);

    left += (n - 1) * check->fast;
    left = ngx_max(left, hold);

    ngx_hd_text_add(ex->text, ", at the earliest ");
    ngx_hd_explain_soon(ex, (int64_t) left);

    if (left >= 1000) {
        ngx_hd_text_add(ex->text, ", at ");
        ngx_hd_explain_at(ex, ex->view->time + (int64_t) left);
    }
}


static ngx_uint_t
ngx_hd_explain_is_next(const ngx_hd_explain_t *ex)
{
    return ex->vt && ex->vt->next;
}


static void
ngx_hd_explain_next(const ngx_hd_explain_t *ex)
{
    int64_t     msec;
    ngx_uint_t  home;

    msec = ex->vt->next - ex->view->time;

    ngx_hd_text_add(ex->text, ex->vt->target->check->type->told
                    ? "The next look at what it reports is "
                    : "The next probe is ");

    if (ex->vt->stale) {
        ngx_hd_text_add(ex->text, "overdue for ");
        ngx_hd_text_ago(ex->text, (uint64_t) ngx_max(-msec, 0));
        ngx_hd_text_add(ex->text, ".");
        return;
    }

    if (ex->vt->probing) {
        ngx_hd_text_add(ex->text, "under way");

    } else {
        ngx_hd_text_add(ex->text, "due ");
        ngx_hd_explain_soon(ex, msec);
    }

    /* a picture without processes is for the public */

    if (ex->vt->data.pid && ex->view->workers) {
        home = ex->vt->target->index % ex->view->workers;

        ngx_hd_text_add(ex->text, " by worker ");
        ngx_hd_text_uint(ex->text, home);

        if (ex->vt->data.slot != home) {
            ngx_hd_text_add(ex->text, "; worker ");
            ngx_hd_text_uint(ex->text, ex->vt->data.slot);
            ngx_hd_text_add(ex->text, " made the last one");
        }
    }

    ngx_hd_text_add(ex->text, ".");
}


static void
ngx_hd_explain_soon(const ngx_hd_explain_t *ex, int64_t msec)
{
    if (msec < 100) {
        ngx_hd_text_add(ex->text, "now");
        return;
    }

    ngx_hd_text_add(ex->text, "in ");

    if (msec < 10000) {
        ngx_hd_text_uint(ex->text, msec / 1000);
        ngx_hd_text_add(ex->text, ".");
        ngx_hd_text_uint(ex->text, msec % 1000 / 100);
        ngx_hd_text_add(ex->text, " s");
        return;
    }

    ngx_hd_text_ago(ex->text, msec);
}


/* "12:44:02 UTC", with the day if it is another one */

static void
ngx_hd_explain_at(const ngx_hd_explain_t *ex, int64_t wall)
{
    u_char    *p;
    u_char     buf[sizeof("1970-01-01 00:00:00 UTC") + NGX_INT_T_LEN];
    ngx_tm_t   tm;

    p = buf;

    ngx_gmtime((time_t) (ngx_max(wall, 0) / 1000), &tm);

    if (wall / NGX_HD_EXPLAIN_DAY != ex->view->time / NGX_HD_EXPLAIN_DAY) {
        p = ngx_sprintf(p, "%04d-%02d-%02d ", tm.ngx_tm_year, tm.ngx_tm_mon,
                        tm.ngx_tm_mday);
    }

    p = ngx_sprintf(p, "%02d:%02d:%02d UTC", tm.ngx_tm_hour, tm.ngx_tm_min,
                    tm.ngx_tm_sec);

    ngx_hd_text_raw(ex->text, buf, p - buf);
}


/*
 * healthdash: the picture as JSON, as docs/status.schema.json describes it.
 * Called by the handler.  Single facts are members by the table of fields; what
 * is made of several is written here.
 */


#include <ngx_hd_render.h>
#include <ngx_hd_explain.h>
#include <ngx_hd_member.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_saver.h>


#define NGX_HD_JSON_VERSION    1
#define NGX_HD_JSON_EVENTS     50


static void ngx_hd_json_head(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_json_nginx(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_json_saved(ngx_hd_text_t *t, const ngx_hd_saved_t *saved);
static void ngx_hd_json_probing(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_json_guard(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_json_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_json_upstream_end(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_json_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_json_checks(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp);
static void ngx_hd_json_services(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_json_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_json_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_json_labels(ngx_hd_text_t *t, const ngx_hd_check_t *check);
static void ngx_hd_json_facts(ngx_hd_text_t *t, const ngx_hd_row_t *row);
static void ngx_hd_json_health_checks(ngx_hd_text_t *t,
    const ngx_hd_row_t *row);
static void ngx_hd_json_failure(ngx_hd_text_t *t, const ngx_hd_row_t *row);
static void ngx_hd_json_explain(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt);
static void ngx_hd_json_history(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_json_results(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past);
static void ngx_hd_json_spans(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, ngx_hd_level_e level, ngx_uint_t n);
static void ngx_hd_json_span(ngx_hd_text_t *t, int64_t wall,
    const ngx_hd_span_t *span);
static void ngx_hd_json_events(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_json_who(ngx_hd_text_t *t, const ngx_hd_event_t *e);


const ngx_hd_render_t  ngx_hd_render_json = {
    ngx_hd_json_head,
    ngx_hd_json_upstream,
    ngx_hd_json_peer,
    ngx_hd_json_upstream_end,
    ngx_hd_json_services,
    ngx_hd_json_service,
    ngx_hd_json_foot,
    NULL
};


static void
ngx_hd_json_head(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_member_uint(t, "{\"version\":", NGX_HD_JSON_VERSION);
    ngx_hd_json_nginx(t, view);
    ngx_hd_json_saved(t, &view->saved);
    ngx_hd_json_probing(t, view);
    ngx_hd_json_guard(t, view);
    ngx_hd_member_time(t, ",\"time\":", view->time);
    ngx_hd_member_text(t, ",\"title\":", &view->main->title);
    ngx_hd_member_word(t, ",\"health\":", ngx_hd_state_word(view->health));
    ngx_hd_member_counts(t, ",\"summary\":{\"services\":", view->service);
    ngx_hd_member_counts(t, ",\"servers\":", view->servers);

    ngx_hd_text_add(t, "},\n\"upstreams\":{");
}


static void
ngx_hd_json_nginx(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_member_text(t, ",\"nginx\":{\"version\":", &view->nginx);
    ngx_hd_member_known(t, ",\"pid\":", view->pid);
    ngx_hd_member_known(t, ",\"generation\":", view->main->generation);
    ngx_hd_member_known(t, ",\"workers\":", view->workers);
    ngx_hd_member_time(t, ",\"load_timestamp\":", view->load_time);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_probing(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    const ngx_hd_view_probing_t  *p;

    if (view->nginx.len == 0) {
        ngx_hd_text_add(t, ",\"probing\":null");
        return;
    }

    p = &view->probing;

    ngx_hd_member_known(t, ",\"probing\":{\"limit\":", view->main->rate);
    ngx_hd_text_add(t, ",\"wanted\":");
    ngx_hd_text_msec(t, p->milli);
    ngx_hd_text_add(t, ",\"done\":");
    ngx_hd_text_msec(t, p->past.done * 1000 / NGX_HD_PACE_WINDOW);
    ngx_hd_member_uint(t, ",\"waiting\":", p->waiting);
    ngx_hd_member_uint(t, ",\"late\":", p->past.late);
    ngx_hd_member_uint(t, ",\"lag\":", p->past.lag);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_guard(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    int64_t                since;
    const ngx_hd_guard_t  *guard;

    static const char * const  state[] = { "clear", "frozen", "released" };
    static const char * const  why[] = { "share", "sentinel", "time" };

    if (view->guard_limit == 0) {
        ngx_hd_text_add(t, ",\"guard\":null");
        return;
    }

    guard = &view->guard;
    since = guard->since
            ? view->time - (int64_t) (view->mono - guard->since) : 0;

    ngx_hd_member_word(t, ",\"guard\":{\"state\":", state[guard->state % 3]);
    ngx_hd_member_word(t, ",\"why\":", why[guard->why % 3]);
    ngx_hd_member_time(t, ",\"since\":", since);
    ngx_hd_member_uint(t, ",\"failing\":", view->guarded.failing);
    ngx_hd_member_uint(t, ",\"targets\":", view->guarded.targets);
    ngx_hd_member_uint(t, ",\"limit\":", view->guard_limit);
    ngx_hd_text_add(t, "}");
}


/* of the state file */

static void
ngx_hd_json_saved(ngx_hd_text_t *t, const ngx_hd_saved_t *saved)
{
    u_char     buf[NGX_HD_SAVER_TEXT];
    ngx_str_t  wrong;

    if (saved->instance == 0) {
        ngx_hd_text_add(t, ",\"state_file\":null");
        return;
    }

    wrong.data = buf;
    wrong.len = ngx_hd_saver_wrong(buf, saved->wrong) - buf;

    ngx_hd_member_time(t, ",\"state_file\":{\"saved\":", saved->saved);
    ngx_hd_member_time(t, ",\"restored\":", saved->restored);
    ngx_hd_member_text(t, ",\"error\":", &wrong);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];

    ngx_hd_member_string(t, c->upstream ? ",\n" : "\n", &vu->upstream->name);
    ngx_hd_member_word(t, ":{\"health\":", ngx_hd_state_word(vu->health));
    ngx_hd_member_text(t, ",\"zone\":", &vu->zone);
    ngx_hd_json_labels(t, vu->upstream->labels);
    ngx_hd_text_add(t, ",\"peers\":[");
}


static void
ngx_hd_json_upstream_end(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, "]}");
}


static void
ngx_hd_json_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, c->peer ? ",\n" : "\n");
    ngx_hd_render_json_peer(t, view,
                            &view->upstreams[c->upstream].peers[c->peer]);
}


void
ngx_hd_render_json_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp)
{
    ngx_hd_row_t  row;

    ngx_hd_row_init(&row, view, vp, vp->checks, vp->nchecks, vp->worst);

    ngx_hd_text_add(t, "{");
    ngx_hd_member_fields(t, &row, NGX_HD_FIELD_PEER);
    ngx_hd_json_facts(t, &row);
    ngx_hd_json_explain(t, view, vp, vp->worst);

    if (view->filter.history) {
        ngx_hd_json_history(t, view, vp->worst);
    }

    if (vp->nchecks > 1) {
        ngx_hd_json_checks(t, view, vp);
    }

    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_checks(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp)
{
    ngx_uint_t             i;
    ngx_hd_row_t           row;
    ngx_hd_view_target_t  *vt;

    ngx_hd_text_add(t, ",\"checks\":[");

    for (i = 0; i < vp->nchecks; i++) {
        vt = &vp->checks[i];

        ngx_hd_row_init(&row, view, vp, vt, 1, vt);

        ngx_hd_text_add(t, i ? ",{" : "{");
        ngx_hd_member_fields(t, &row, NGX_HD_FIELD_CHECK);
        ngx_hd_json_facts(t, &row);

        /* what nginx does is said of the server */

        ngx_hd_json_explain(t, view, NULL, vt);

        if (view->filter.history) {
            ngx_hd_json_history(t, view, vt);
        }

        ngx_hd_text_add(t, "}");
    }

    ngx_hd_text_add(t, "]");
}


static void
ngx_hd_json_services(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, "},\n\"services\":{");
}


static void
ngx_hd_json_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    const ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];

    ngx_hd_member_string(t, c->service ? ",\n" : "\n", &vt->target->name);
    ngx_hd_text_add(t, ":");
    ngx_hd_render_json_service(t, view, vt);
}


static void
ngx_hd_json_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, "}");
    ngx_hd_json_events(t, view);
    ngx_hd_text_add(t, "}\n");
}


void
ngx_hd_render_json_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_row_t  row;

    ngx_hd_row_init(&row, view, NULL, vt, 1, vt);

    ngx_hd_text_add(t, "{");
    ngx_hd_member_fields(t, &row, NGX_HD_FIELD_SERVICE);
    ngx_hd_json_facts(t, &row);
    ngx_hd_json_explain(t, view, NULL, vt);

    if (view->filter.history) {
        ngx_hd_json_history(t, view, vt);
    }

    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_labels(ngx_hd_text_t *t, const ngx_hd_check_t *check)
{
    ngx_hd_member_text(t, ",\"group\":", &check->group);
    ngx_hd_member_text(t, ",\"description\":", &check->description);
    ngx_hd_member_text(t, ",\"link\":", &check->link);
    ngx_hd_member_bool(t, ",\"critical\":", check->critical == 1);
}


static void
ngx_hd_json_facts(ngx_hd_text_t *t, const ngx_hd_row_t *row)
{
    ngx_uint_t  probed;

    probed = row->vt != NULL;

    ngx_hd_text_add(t, ",");
    ngx_hd_member_fields(t, row, NGX_HD_FIELD_TARGET);
    ngx_hd_member_object(t, ",\"reason\":", row, NGX_HD_FIELD_REASON, 0);
    ngx_hd_json_health_checks(t, row);
    ngx_hd_member_object(t, ",\"latency\":", row, NGX_HD_FIELD_LATENCY, probed);
    ngx_hd_member_object(t, ",\"phases\":", row, NGX_HD_FIELD_PHASES, 0);
    ngx_hd_member_object(t, ",\"tls\":", row, NGX_HD_FIELD_TLS, 0);
    ngx_hd_member_object(t, ",\"availability\":", row,
                         NGX_HD_FIELD_AVAILABILITY, probed);
    ngx_hd_member_object(t, ",\"known\":", row, NGX_HD_FIELD_KNOWN, probed);
    ngx_hd_json_failure(t, row);
}


static void
ngx_hd_json_health_checks(ngx_hd_text_t *t, const ngx_hd_row_t *row)
{
    ngx_str_t   text;
    ngx_uint_t  reason;

    if (row->vt == NULL) {
        ngx_hd_text_add(t, ",\"health_checks\":null");
        return;
    }

    reason = ngx_hd_view_last(row->last, &text);

    ngx_hd_text_add(t, ",\"health_checks\":{");
    ngx_hd_member_fields(t, row, NGX_HD_FIELD_CHECKS);
    ngx_hd_member_reason(t, ",\"last_reason\":", reason, &text);
    ngx_hd_member_object(t, ",\"streak\":", row, NGX_HD_FIELD_STREAK, 0);
    ngx_hd_member_object(t, ",\"worker\":", row, NGX_HD_FIELD_WORKER, 0);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_failure(ngx_hd_text_t *t, const ngx_hd_row_t *row)
{
    ngx_str_t               text;
    ngx_hd_row_t            then;
    const ngx_hd_failed_t  *failed;

    failed = row->vt ? &row->vt->data.failed : NULL;

    if (failed == NULL || failed->time == 0) {
        ngx_hd_text_add(t, ",\"last_failure\":null");
        return;
    }

    ngx_hd_member_time(t, ",\"last_failure\":{\"time\":", failed->time);

    text.data = (u_char *) failed->detail;
    text.len = ngx_min(failed->len, NGX_HD_DETAIL_LEN);
    ngx_hd_member_reason(t, ",\"reason\":", failed->reason, &text);

    text.data = (u_char *) failed->sample.line;
    text.len = ngx_min(failed->sample.line_len, NGX_HD_LINE_LEN);
    ngx_hd_member_text(t, ",\"line\":", &text);

    text.data = (u_char *) failed->sample.text;
    text.len = ngx_min(failed->sample.len, NGX_HD_SAMPLE_LEN);
    ngx_hd_member_text(t, ",\"body\":", &text);

    then = *row;
    then.phase = failed->phase;
    then.total = failed->usec;

    ngx_hd_member_object(t, ",\"phases\":", &then, NGX_HD_FIELD_PHASES, 1);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_explain(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt)
{
    ngx_uint_t  i, n;

    n = ngx_hd_explain_count(view, vp, vt);

    ngx_hd_text_add(t, ",\"explain\":[");

    for (i = 0; i < n; i++) {
        ngx_hd_text_add(t, i ? ",\"" : "\"");
        (void) ngx_hd_explain(t, view, vp, vt, i, ngx_hd_text_json_part);
        ngx_hd_text_add(t, "\"");
    }

    ngx_hd_text_add(t, "]");
}


/* oldest first, what is under way last */

static void
ngx_hd_json_history(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_view_past_t  past;

    if (vt == NULL || ngx_hd_view_past(view, vt, &past) != NGX_OK) {
        ngx_hd_text_add(t, ",\"history\":null");
        return;
    }

    ngx_hd_text_add(t, ",\"history\":{\"results\":[");
    ngx_hd_json_results(t, view, &past);
    ngx_hd_text_add(t, "],\"minutes\":[");
    ngx_hd_json_spans(t, view, &past, NGX_HD_MINUTE, NGX_HD_MINUTES);
    ngx_hd_text_add(t, "],\"hours\":[");
    ngx_hd_json_spans(t, view, &past, NGX_HD_HOUR, NGX_HD_HOURS);
    ngx_hd_text_add(t, "],\"days\":[");
    ngx_hd_json_spans(t, view, &past, NGX_HD_DAY, NGX_HD_DAYS);
    ngx_hd_text_add(t, "]}");
}


static void
ngx_hd_json_results(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past)
{
    ngx_uint_t          i, n;
    ngx_hd_past_t       result;
    static const char  *words[] = { "pass", "warn", "fail", "inconclusive" };

    n = 0;

    for (i = NGX_HD_RESULTS; i-- > 0; /* void */ ) {

        if (ngx_hd_history_result(&past->history, &past->data, i, &result)
            != NGX_OK)
        {
            continue;
        }

        ngx_hd_member_time(t, n++ ? ",{\"time\":" : "{\"time\":",
                         ngx_hd_view_wall(view, result.time));
        ngx_hd_member_word(t, ",\"verdict\":", words[result.verdict]);
        ngx_hd_member_msec(t, ",\"duration\":", 1, result.usec);
        ngx_hd_text_add(t, "}");
    }
}


static void
ngx_hd_json_spans(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, ngx_hd_level_e level, ngx_uint_t n)
{
    uint64_t       begin;
    ngx_uint_t     age, written;
    ngx_hd_span_t  span;

    written = 0;

    for (age = n + 1; age-- > 0; /* void */ ) {
        ngx_hd_history_span(&past->history, &past->data, level, age, &span);

        if (span.known == 0 && span.checks == 0) {
            continue;
        }

        begin = ngx_hd_history_begin(&past->data, level, age);

        ngx_hd_text_add(t, written++ ? "," : "");
        ngx_hd_json_span(t, ngx_hd_view_wall(view, begin), &span);
    }
}


static void
ngx_hd_json_span(ngx_hd_text_t *t, int64_t wall, const ngx_hd_span_t *span)
{
    ngx_hd_member_time(t, "{\"time\":", wall);
    ngx_hd_member_uint(t, ",\"known\":", span->known);
    ngx_hd_member_uint(t, ",\"down\":", span->down);
    ngx_hd_member_uint(t, ",\"checks\":", span->checks);
    ngx_hd_member_uint(t, ",\"failures\":", span->failures);
    ngx_hd_member_uint(t, ",\"slow\":", span->slow);
    ngx_hd_member_msec(t, ",\"mean\":", span->max, span->mean);
    ngx_hd_member_msec(t, ",\"max\":", span->max, span->max);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_events(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    uint64_t        number;
    ngx_uint_t      n;
    ngx_hd_event_t  e;

    ngx_hd_text_add(t, ",\n\"events\":[");

    n = 0;
    number = ngx_hd_view_first_event(view, NGX_HD_JSON_EVENTS);

    for ( /* void */ ; number <= view->event; number++) {

        if (ngx_hd_view_event(view, number, &e) == NGX_OK) {
            ngx_hd_text_add(t, n++ ? ",\n" : "\n");
            ngx_hd_render_json_event(t, &e);
        }
    }

    ngx_hd_text_add(t, "]");
}


void
ngx_hd_render_json_event(ngx_hd_text_t *t, const ngx_hd_event_t *e)
{
    ngx_str_t   text;
    ngx_uint_t  is_state;

    is_state = (e->kind == NGX_HD_EVENT_STATE);

    ngx_hd_member_uint(t, "{\"id\":", e->number);
    ngx_hd_member_time(t, ",\"time\":", e->time);
    ngx_hd_member_word(t, ",\"kind\":", ngx_hd_explain_kind(e->kind));
    ngx_hd_json_who(t, e);

    if (is_state) {
        text.data = (u_char *) e->text;
        text.len = ngx_min(e->text_len, NGX_HD_EVENT_TEXT);

        ngx_hd_member_word(t, ",\"from\":", ngx_hd_state_word(e->from));
        ngx_hd_member_word(t, ",\"to\":", ngx_hd_state_word(e->to));
        ngx_hd_member_reason(t, ",\"reason\":", e->reason, &text);

    } else {
        ngx_hd_text_add(t, ",\"from\":null,\"to\":null,\"reason\":null");
    }

    ngx_hd_member_msec(t, ",\"lasted\":", e->lasted > 0, e->lasted * 1000);

    ngx_hd_text_add(t, ",\"text\":\"");
    ngx_hd_explain_event(t, e, ngx_hd_text_json_part);
    ngx_hd_text_add(t, "\"}");
}


static void
ngx_hd_json_who(ngx_hd_text_t *t, const ngx_hd_event_t *e)
{
    ngx_str_t  upstream, name, none;

    ngx_str_null(&none);

    upstream.data = (u_char *) e->upstream;
    upstream.len = ngx_min(e->upstream_len, NGX_HD_EVENT_UPSTREAM);

    name.data = (u_char *) e->name;
    name.len = ngx_min(e->name_len, NGX_HD_EVENT_NAME);

    ngx_hd_member_text(t, ",\"upstream\":", &upstream);
    ngx_hd_member_text(t, ",\"server\":", upstream.len ? &name : &none);
    ngx_hd_member_text(t, ",\"service\":", upstream.len ? &none : &name);
}


/*
 * healthdash: the picture as JSON, as docs/status.schema.json describes it.
 * Called by the handler.  What is not known is null; no key comes and goes
 * but "checks", so commas are part of the keys.
 */


#include <ngx_hd_render.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>


#define NGX_HD_JSON_VERSION    1


/* the checks of a server as one; a single check is a sum of one */

typedef struct {
    uint64_t                     checks;
    uint64_t                     failures;
    uint64_t                     downs;
    uint64_t                     inconclusive;
    uint64_t                     withheld;
    int64_t                      next;      /* wall, msec: the earliest */
    uint32_t                     usec;      /* the highest */
    uint32_t                     usec_max;
    const ngx_hd_view_target_t  *last;      /* probed last */
    const ngx_hd_view_target_t  *worst;
} ngx_hd_json_sum_t;


static void ngx_hd_json_nginx(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_json_counts(ngx_hd_text_t *t, const char *key,
    const ngx_uint_t *count);
static void ngx_hd_json_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu);
static void ngx_hd_json_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp);
static void ngx_hd_json_peer_facts(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_view_peer_t *vp);
static void ngx_hd_json_checks(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp);
static void ngx_hd_json_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_json_labels(ngx_hd_text_t *t, const ngx_hd_check_t *check);
static void ngx_hd_json_target(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_uint_t n,
    const ngx_hd_view_target_t *worst);
static void ngx_hd_json_sum(ngx_hd_json_sum_t *sum,
    const ngx_hd_view_target_t *vt, ngx_uint_t n);
static void ngx_hd_json_health_checks(ngx_hd_text_t *t,
    const ngx_hd_json_sum_t *sum);
static void ngx_hd_json_last(ngx_hd_text_t *t,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_json_streak(ngx_hd_text_t *t,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_json_latency(ngx_hd_text_t *t,
    const ngx_hd_json_sum_t *sum);
static void ngx_hd_json_phases(ngx_hd_text_t *t, int64_t known,
    const uint32_t *phase, uint32_t usec);
static void ngx_hd_json_tls(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_data_t *data);
static void ngx_hd_json_problems(ngx_hd_text_t *t, uint32_t wrong);
static void ngx_hd_json_value(ngx_hd_text_t *t, const ngx_hd_data_t *data);
static void ngx_hd_json_failure(ngx_hd_text_t *t,
    const ngx_hd_failed_t *failed);
static void ngx_hd_json_status(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_json_reason(ngx_hd_text_t *t, const char *key,
    ngx_uint_t reason, const ngx_str_t *text);
static void ngx_hd_json_string(ngx_hd_text_t *t, const char *key,
    const ngx_str_t *value);
static void ngx_hd_json_text(ngx_hd_text_t *t, const char *key,
    const ngx_str_t *value);
static void ngx_hd_json_word(ngx_hd_text_t *t, const char *key,
    const char *word);
static void ngx_hd_json_bool(ngx_hd_text_t *t, const char *key,
    ngx_uint_t value);
static void ngx_hd_json_uint(ngx_hd_text_t *t, const char *key, uint64_t n);
static void ngx_hd_json_time(ngx_hd_text_t *t, const char *key, int64_t wall);
static void ngx_hd_json_msec(ngx_hd_text_t *t, const char *key,
    ngx_uint_t known, uint64_t usec);


void
ngx_hd_render_json(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_uint_t  i;

    ngx_hd_json_uint(t, "{\"version\":", NGX_HD_JSON_VERSION);
    ngx_hd_json_nginx(t, view);
    ngx_hd_json_time(t, ",\"time\":", view->time);
    ngx_hd_json_text(t, ",\"title\":", &view->main->title);
    ngx_hd_json_word(t, ",\"health\":", ngx_hd_state_word(view->health));
    ngx_hd_json_counts(t, ",\"summary\":{\"services\":", view->service);
    ngx_hd_json_counts(t, ",\"servers\":", view->servers);

    ngx_hd_text_add(t, "},\n\"upstreams\":{");

    for (i = 0; i < view->nupstreams; i++) {
        ngx_hd_text_add(t, i ? ",\n" : "\n");
        ngx_hd_json_upstream(t, view, &view->upstreams[i]);
    }

    ngx_hd_text_add(t, "},\n\"services\":{");

    for (i = 0; i < view->nservices; i++) {
        ngx_hd_text_add(t, i ? ",\n" : "\n");
        ngx_hd_json_service(t, view, &view->services[i]);
    }

    ngx_hd_text_add(t, "}}\n");
}


static void
ngx_hd_json_nginx(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_json_word(t, ",\"nginx\":{\"version\":", NGINX_VERSION);
    ngx_hd_json_uint(t, ",\"pid\":", ngx_pid);

    if (view->main->generation) {
        ngx_hd_json_uint(t, ",\"generation\":", view->main->generation);

    } else {
        ngx_hd_text_add(t, ",\"generation\":null");
    }

    ngx_hd_json_uint(t, ",\"workers\":", view->workers);
    ngx_hd_json_time(t, ",\"load_timestamp\":", view->load_time);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_counts(ngx_hd_text_t *t, const char *key, const ngx_uint_t *count)
{
    ngx_hd_text_add(t, key);
    ngx_hd_json_uint(t, "{\"up\":", count[NGX_HD_STATE_UP]);
    ngx_hd_json_uint(t, ",\"degraded\":", count[NGX_HD_STATE_DEGRADED]);
    ngx_hd_json_uint(t, ",\"down\":", count[NGX_HD_STATE_DOWN]);
    ngx_hd_json_uint(t, ",\"unknown\":", count[NGX_HD_STATE_UNKNOWN]);
    ngx_hd_json_uint(t, ",\"paused\":", count[NGX_HD_STATE_PAUSED]);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu)
{
    ngx_uint_t  i;

    ngx_hd_json_string(t, "", &vu->upstream->name);
    ngx_hd_json_word(t, ":{\"health\":", ngx_hd_state_word(vu->health));
    ngx_hd_json_text(t, ",\"zone\":", &vu->zone);
    ngx_hd_json_labels(t, vu->upstream->labels);
    ngx_hd_text_add(t, ",\"peers\":[");

    for (i = 0; i < vu->npeers; i++) {
        ngx_hd_text_add(t, i ? ",\n" : "\n");
        ngx_hd_json_peer(t, view, &vu->peers[i]);
    }

    ngx_hd_text_add(t, "]}");
}


static void
ngx_hd_json_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp)
{
    const ngx_hd_peer_t  *peer;

    peer = &vp->peer;

    ngx_hd_json_uint(t, "{\"id\":", peer->id);
    ngx_hd_json_string(t, ",\"server\":", &peer->server);
    ngx_hd_json_string(t, ",\"name\":", &peer->name);
    ngx_hd_json_bool(t, ",\"backup\":", peer->backup);
    ngx_hd_json_uint(t, ",\"weight\":", peer->weight);
    ngx_hd_json_word(t, ",\"state\":",
                     ngx_hd_upstream_state_word(peer->state));
    ngx_hd_json_word(t, ",\"health\":", ngx_hd_state_word(vp->health));
    ngx_hd_json_bool(t, ",\"kept\":", peer->kept);
    ngx_hd_json_peer_facts(t, view, vp);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_peer_facts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp)
{
    if (vp->nchecks == 0) {
        ngx_hd_text_add(t, ",\"since\":null,\"reason\":null,\"stale\":false"
                        ",\"health_checks\":null,\"latency\":null"
                        ",\"phases\":null,\"tls\":null,\"value\":null"
                        ",\"last_failure\":null");
        return;
    }

    ngx_hd_json_target(t, view, vp->checks, vp->nchecks, vp->worst);

    if (vp->nchecks > 1) {
        ngx_hd_json_checks(t, view, vp);
    }
}


static void
ngx_hd_json_checks(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp)
{
    ngx_uint_t             i;
    ngx_hd_view_target_t  *vt;

    ngx_hd_text_add(t, ",\"checks\":[");

    for (i = 0; i < vp->nchecks; i++) {
        vt = &vp->checks[i];

        ngx_hd_json_string(t, i ? ",{\"type\":" : "{\"type\":",
                           &vt->target->check->type_name);
        ngx_hd_json_text(t, ",\"probe\":", &vt->target->check->name);
        ngx_hd_json_word(t, ",\"health\":", ngx_hd_state_word(vt->health));
        ngx_hd_json_target(t, view, vt, 1, vt);
        ngx_hd_text_add(t, "}");
    }

    ngx_hd_text_add(t, "]");
}


static void
ngx_hd_json_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    const ngx_hd_check_t  *check;

    check = vt->target->check;

    ngx_hd_json_string(t, "", &vt->target->name);
    ngx_hd_json_string(t, ":{\"type\":", &check->type_name);
    ngx_hd_json_string(t, ",\"target\":", &vt->target->address);
    ngx_hd_json_labels(t, check);
    ngx_hd_json_word(t, ",\"health\":", ngx_hd_state_word(vt->health));
    ngx_hd_json_target(t, view, vt, 1, vt);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_labels(ngx_hd_text_t *t, const ngx_hd_check_t *check)
{
    ngx_hd_json_text(t, ",\"group\":", &check->group);
    ngx_hd_json_text(t, ",\"description\":", &check->description);
    ngx_hd_json_text(t, ",\"link\":", &check->link);
    ngx_hd_json_bool(t, ",\"critical\":", check->critical == 1);
}


static void
ngx_hd_json_target(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_uint_t n,
    const ngx_hd_view_target_t *worst)
{
    ngx_hd_json_sum_t  sum;

    ngx_memzero(&sum, sizeof(ngx_hd_json_sum_t));

    sum.worst = worst;
    sum.last = vt;

    ngx_hd_json_sum(&sum, vt, n);

    ngx_hd_json_time(t, ",\"since\":", ngx_hd_view_since(worst));
    ngx_hd_json_status(t, view, worst);
    ngx_hd_json_health_checks(t, &sum);
    ngx_hd_json_latency(t, &sum);

    ngx_hd_json_phases(t, worst->data.last, worst->data.phase,
                       worst->data.usec_last);
    ngx_hd_json_tls(t, view, &worst->data);
    ngx_hd_json_value(t, &worst->data);
    ngx_hd_json_failure(t, &worst->data.failed);
}


static void
ngx_hd_json_sum(ngx_hd_json_sum_t *sum, const ngx_hd_view_target_t *vt,
    ngx_uint_t n)
{
    ngx_uint_t            i;
    const ngx_hd_data_t  *data;

    for (i = 0; i < n; i++) {
        data = &vt[i].data;

        sum->checks += data->checks;
        sum->failures += data->failures;
        sum->downs += data->downs;
        sum->inconclusive += data->inconclusive;
        sum->withheld += data->withheld;
        sum->usec = ngx_max(sum->usec, data->usec);
        sum->usec_max = ngx_max(sum->usec_max, data->usec_max);

        if (vt[i].next && (sum->next == 0 || vt[i].next < sum->next)) {
            sum->next = vt[i].next;
        }

        if (data->last > sum->last->data.last) {
            sum->last = &vt[i];
        }
    }
}


static void
ngx_hd_json_health_checks(ngx_hd_text_t *t, const ngx_hd_json_sum_t *sum)
{
    ngx_hd_json_uint(t, ",\"health_checks\":{\"checks\":", sum->checks);
    ngx_hd_json_uint(t, ",\"fails\":", sum->failures);
    ngx_hd_json_uint(t, ",\"unhealthy\":", sum->downs);
    ngx_hd_json_uint(t, ",\"inconclusive\":", sum->inconclusive);
    ngx_hd_json_uint(t, ",\"withheld\":", sum->withheld);
    ngx_hd_json_last(t, sum->last);
    ngx_hd_json_streak(t, sum->worst);
    ngx_hd_json_time(t, ",\"next\":", sum->next);

    if (sum->last->data.pid) {
        ngx_hd_json_uint(t, ",\"worker\":{\"slot\":", sum->last->data.slot);
        ngx_hd_json_uint(t, ",\"pid\":", sum->last->data.pid);
        ngx_hd_text_add(t, "}}");

    } else {
        ngx_hd_text_add(t, ",\"worker\":null}");
    }
}


static void
ngx_hd_json_last(ngx_hd_text_t *t, const ngx_hd_view_target_t *vt)
{
    ngx_str_t             text;
    ngx_uint_t            reason, passed;
    const ngx_hd_data_t  *data;

    data = &vt->data;
    passed = data->last && data->verdict <= NGX_HD_WARN;

    ngx_hd_text_add(t, ",\"last_passed\":");

    if (data->last == 0 || data->verdict == NGX_HD_INCONCLUSIVE) {
        ngx_hd_text_add(t, "null");

    } else {
        ngx_hd_text_add(t, passed ? "true" : "false");
    }

    reason = ngx_hd_view_last(vt, &text);

    ngx_hd_json_reason(t, ",\"last_reason\":", reason, &text);
    ngx_hd_json_time(t, ",\"last_time\":", data->last);
    ngx_hd_json_msec(t, ",\"last_duration\":", passed, data->usec);
}


static void
ngx_hd_json_streak(ngx_hd_text_t *t, const ngx_hd_view_target_t *vt)
{
    ngx_hd_streak_t     streak;
    static const char  *words[] = { "", "failures", "passes", "clean" };

    ngx_hd_phrase_get_streak(vt, &streak);

    if (streak.kind == NGX_HD_STREAK_NONE) {
        ngx_hd_text_add(t, ",\"streak\":null");
        return;
    }

    ngx_hd_json_word(t, ",\"streak\":{\"kind\":", words[streak.kind]);
    ngx_hd_json_uint(t, ",\"count\":", streak.count);
    ngx_hd_json_uint(t, ",\"of\":", streak.of);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_latency(ngx_hd_text_t *t, const ngx_hd_json_sum_t *sum)
{
    ngx_uint_t  known;

    known = sum->usec_max != 0;

    ngx_hd_json_msec(t, ",\"latency\":{\"last\":", known, sum->usec);
    ngx_hd_json_msec(t, ",\"max\":", known, sum->usec_max);
    ngx_hd_text_add(t, "}");
}


/* each as the time from the start of the probe to the end of the phase */

static void
ngx_hd_json_phases(ngx_hd_text_t *t, int64_t known, const uint32_t *phase,
    uint32_t usec)
{
    ngx_uint_t          i;
    static const char  *keys[] = {
        [NGX_HD_PHASE_RESOLVE] = ",\"phases\":{\"resolve\":",
        [NGX_HD_PHASE_CONNECT] = ",\"connect\":",
        [NGX_HD_PHASE_TLS] = ",\"tls\":",
        [NGX_HD_PHASE_FIRST] = ",\"first_byte\":"
    };

    if (known == 0) {
        ngx_hd_text_add(t, ",\"phases\":null");
        return;
    }

    for (i = 0; i < NGX_HD_PHASES; i++) {
        ngx_hd_json_msec(t, keys[i], phase[i], phase[i]);
    }

    ngx_hd_json_msec(t, ",\"total\":", 1, usec);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_tls(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_data_t *data)
{
    u_char                buf[NGX_INT64_LEN];
    int64_t               days;
    ngx_str_t             text;
    const ngx_hd_cert_t  *cert;

    cert = &data->cert;

    if (!ngx_hd_detail_has_tls(data)) {
        ngx_hd_text_add(t, ",\"tls\":null");
        return;
    }

    ngx_hd_json_word(t, ",\"tls\":{\"version\":",
                     ngx_hd_detail_version(cert));
    ngx_hd_json_time(t, ",\"expires\":", cert->not_after * 1000);

    ngx_hd_text_add(t, ",\"days_left\":");

    if (cert->not_after) {
        days = ngx_hd_detail_days(cert, view->time);
        ngx_hd_text_raw(t, buf, ngx_sprintf(buf, "%L", days) - buf);

    } else {
        ngx_hd_text_add(t, "null");
    }

    text.data = (u_char *) cert->issuer;
    text.len = ngx_min(cert->issuer_len, NGX_HD_ISSUER_LEN);

    ngx_hd_json_text(t, ",\"issuer\":", &text);
    ngx_hd_json_problems(t, cert->wrong);
    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_problems(ngx_hd_text_t *t, uint32_t wrong)
{
    ngx_uint_t                      n;
    const ngx_hd_detail_problem_t  *p;

    ngx_hd_text_add(t, ",\"problems\":[");

    n = 0;

    for (p = ngx_hd_detail_problems(); p->bit; p++) {

        if (wrong & p->bit) {
            ngx_hd_json_word(t, n++ ? "," : "", p->word);
        }
    }

    ngx_hd_text_add(t, "]");
}


static void
ngx_hd_json_value(ngx_hd_text_t *t, const ngx_hd_data_t *data)
{
    ngx_hd_text_add(t, ",\"value\":");

    if (!ngx_hd_detail_value(t, data)) {
        ngx_hd_text_add(t, "null");
    }
}


static void
ngx_hd_json_failure(ngx_hd_text_t *t, const ngx_hd_failed_t *failed)
{
    ngx_str_t  text;

    if (failed->time == 0) {
        ngx_hd_text_add(t, ",\"last_failure\":null");
        return;
    }

    ngx_hd_json_time(t, ",\"last_failure\":{\"time\":", failed->time);

    text.data = (u_char *) failed->detail;
    text.len = ngx_min(failed->len, NGX_HD_DETAIL_LEN);
    ngx_hd_json_reason(t, ",\"reason\":", failed->reason, &text);

    text.data = (u_char *) failed->sample.line;
    text.len = ngx_min(failed->sample.line_len, NGX_HD_LINE_LEN);
    ngx_hd_json_text(t, ",\"line\":", &text);

    text.data = (u_char *) failed->sample.text;
    text.len = ngx_min(failed->sample.len, NGX_HD_SAMPLE_LEN);
    ngx_hd_json_text(t, ",\"body\":", &text);

    ngx_hd_json_phases(t, 1, failed->phase, failed->usec);
    ngx_hd_text_add(t, "}");
}


/* "reason" and "stale"; what is stale says so as its reason, too */

static void
ngx_hd_json_status(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_str_t   text;
    ngx_uint_t  reason;

    if (vt->stale) {
        ngx_hd_text_add(t, ",\"reason\":{\"layer\":\"local\","
                        "\"code\":\"stale\",\"text\":\"");
        ngx_hd_phrase_stale(t, view, vt);
        ngx_hd_text_add(t, "\"}");

    } else {
        reason = ngx_hd_view_reason(vt, &text);
        ngx_hd_json_reason(t, ",\"reason\":", reason, &text);
    }

    ngx_hd_json_bool(t, ",\"stale\":", vt->stale);
}


static void
ngx_hd_json_reason(ngx_hd_text_t *t, const char *key, ngx_uint_t reason,
    const ngx_str_t *text)
{
    const ngx_hd_reason_t  *row;

    ngx_hd_text_add(t, key);

    if (reason == NGX_HD_R_NONE || reason >= NGX_HD_REASONS) {
        ngx_hd_text_add(t, "null");
        return;
    }

    row = ngx_hd_reason(reason);

    ngx_hd_json_word(t, "{\"layer\":", row->layer);
    ngx_hd_json_word(t, ",\"code\":", row->word);

    if (text->len) {
        ngx_hd_json_string(t, ",\"text\":", text);

    } else {
        ngx_hd_json_word(t, ",\"text\":", row->text);
    }

    ngx_hd_text_add(t, "}");
}


static void
ngx_hd_json_string(ngx_hd_text_t *t, const char *key, const ngx_str_t *value)
{
    ngx_hd_text_add(t, key);
    ngx_hd_text_json(t, value->data, value->len);
}


/* what may be left out of a configuration */

static void
ngx_hd_json_text(ngx_hd_text_t *t, const char *key, const ngx_str_t *value)
{
    ngx_hd_text_add(t, key);

    if (value->len) {
        ngx_hd_text_json(t, value->data, value->len);

    } else {
        ngx_hd_text_add(t, "null");
    }
}


static void
ngx_hd_json_word(ngx_hd_text_t *t, const char *key, const char *word)
{
    ngx_hd_text_add(t, key);
    ngx_hd_text_add(t, "\"");
    ngx_hd_text_add(t, word);
    ngx_hd_text_add(t, "\"");
}


static void
ngx_hd_json_bool(ngx_hd_text_t *t, const char *key, ngx_uint_t value)
{
    ngx_hd_text_add(t, key);
    ngx_hd_text_add(t, value ? "true" : "false");
}


static void
ngx_hd_json_uint(ngx_hd_text_t *t, const char *key, uint64_t n)
{
    ngx_hd_text_add(t, key);
    ngx_hd_text_uint(t, n);
}


static void
ngx_hd_json_time(ngx_hd_text_t *t, const char *key, int64_t wall)
{
    ngx_hd_text_add(t, key);

    if (wall == 0) {
        ngx_hd_text_add(t, "null");
        return;
    }

    ngx_hd_text_add(t, "\"");
    ngx_hd_text_time(t, wall);
    ngx_hd_text_add(t, "\"");
}


static void
ngx_hd_json_msec(ngx_hd_text_t *t, const char *key, ngx_uint_t known,
    uint64_t usec)
{
    ngx_hd_text_add(t, key);

    if (known) {
        ngx_hd_text_msec(t, usec);

    } else {
        ngx_hd_text_add(t, "null");
    }
}


/*
 * healthdash: the facts.  Owns the table of what is told of each server, check
 * and service; which format writes it how is decided by the formats.  Called by
 * the renderers; reads the picture and nothing else.
 */


#include <ngx_hd_fields.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_reason.h>


/* what "in" says for short */

#define NGX_HD_IN_ALL                                                         \
    (NGX_HD_FIELD_PEER|NGX_HD_FIELD_SERVICE|NGX_HD_FIELD_CHECK)


/* which number of a row, by its offset */

#define ngx_hd_row_arg(field)  offsetof(ngx_hd_row_t, field)


static void ngx_hd_field_kind(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_upstream(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_number(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_server(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_name(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_label(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_target(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_critical(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_peer(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_counted(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_health(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_since(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_reason(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_stale(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_flapping(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_count(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_passed(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_last_reason(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_last_time(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_duration(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_next(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_streak(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_worker(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_latency(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_phase(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_tls(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_value(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);
static void ngx_hd_field_share(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);

static const ngx_hd_check_t *ngx_hd_field_check(const ngx_hd_row_t *row);
static void ngx_hd_field_set_text(ngx_hd_value_t *v, const ngx_str_t *text);
static void ngx_hd_field_set_word(ngx_hd_value_t *v, const char *word);
static void ngx_hd_field_set(ngx_hd_value_t *v, ngx_hd_value_e type,
    uint64_t n);


enum {
    NGX_HD_FIELD_FIRST = 0,
    NGX_HD_FIELD_SECOND,
    NGX_HD_FIELD_THIRD,
    NGX_HD_FIELD_FOURTH,
    NGX_HD_FIELD_FIFTH
};


/* what nginx does with a server */

enum {
    NGX_HD_FIELD_BACKUP = 0,
    NGX_HD_FIELD_MAX_CONNS,
    NGX_HD_FIELD_STATE,
    NGX_HD_FIELD_KEPT,
    NGX_HD_FIELD_RAMPING,
    NGX_HD_FIELD_SHARE,
    NGX_HD_FIELD_FULL
};


static const ngx_hd_field_t  ngx_hd_field_table[] = {

    { "kind", "", 0, "",
      "server or service", ngx_hd_field_kind, 0 },
    { "upstream", "", 0, "",
      "of the server", ngx_hd_field_upstream, 0 },
    { "id", "id", NGX_HD_FIELD_PEER, "",
      "position of the server in nginx's list", ngx_hd_field_number,
      offsetof(ngx_hd_peer_t, id) },
    { "server", "server", NGX_HD_FIELD_PEER, "",
      "as it is configured", ngx_hd_field_server, 0 },
    { "name", "name", NGX_HD_FIELD_PEER, "",
      "address of the server, or name of the service", ngx_hd_field_name, 0 },
    { "type", "type", NGX_HD_FIELD_SERVICE|NGX_HD_FIELD_CHECK, "",
      "of the probe", ngx_hd_field_label,
      offsetof(ngx_hd_check_t, type_name) },
    { "probe", "probe", NGX_HD_FIELD_CHECK, "",
      "name of the healthdash_probe block", ngx_hd_field_label,
      offsetof(ngx_hd_check_t, name) },
    { "target", "target", NGX_HD_FIELD_SERVICE, "",
      "URL of the service", ngx_hd_field_target, 0 },
    { "group", "group", NGX_HD_FIELD_SERVICE, "",
      "group=", ngx_hd_field_label, offsetof(ngx_hd_check_t, group) },
    { "description", "description", NGX_HD_FIELD_SERVICE, "",
      "description=", ngx_hd_field_label,
      offsetof(ngx_hd_check_t, description) },
    { "link", "link", NGX_HD_FIELD_SERVICE, "",
      "link=", ngx_hd_field_label, offsetof(ngx_hd_check_t, link) },
    { "critical", "critical", NGX_HD_FIELD_SERVICE, "",
      "whether it is", ngx_hd_field_critical, 0 },
    { "backup", "backup", NGX_HD_FIELD_PEER, "",
      "whether the server is one", ngx_hd_field_peer, NGX_HD_FIELD_BACKUP },
    { "weight", "weight", NGX_HD_FIELD_PEER, "",
      "of the server", ngx_hd_field_number, offsetof(ngx_hd_peer_t, weight) },
    { "active", "active", NGX_HD_FIELD_PEER, "",
      "connections that nginx has open to the server for requests",
      ngx_hd_field_counted, offsetof(ngx_hd_peer_t, conns) },
    { "max_conns", "max_conns", NGX_HD_FIELD_PEER, "",
      "how many these may be", ngx_hd_field_peer, NGX_HD_FIELD_MAX_CONNS },
    { "passive_fails", "passive_fails", NGX_HD_FIELD_PEER, "",
      "requests that failed, as nginx counts them for max_fails",
      ngx_hd_field_counted, offsetof(ngx_hd_peer_t, fails) },
    { "state", "state", NGX_HD_FIELD_PEER, "",
      "what nginx does with the server",
      ngx_hd_field_peer, NGX_HD_FIELD_STATE },
    { "health", "health", NGX_HD_IN_ALL, "",
      "what the probes say", ngx_hd_field_health, 0 },
    { "kept", "kept", NGX_HD_FIELD_PEER, "",
      "whether it is kept in service by min_up",
      ngx_hd_field_peer, NGX_HD_FIELD_KEPT },
    { "ramping", "ramping", NGX_HD_FIELD_PEER, "",
      "whether it gets fewer requests than its share, by slow_start",
      ngx_hd_field_peer, NGX_HD_FIELD_RAMPING },
    { "share", "share", NGX_HD_FIELD_PEER, "%",
      "while it is ramping: of what it gets when it is fully in service",
      ngx_hd_field_peer, NGX_HD_FIELD_SHARE },
    { "full", "full", NGX_HD_FIELD_PEER, "",
      "while it is ramping: until then", ngx_hd_field_peer, NGX_HD_FIELD_FULL },
    { "since", "since", NGX_HD_FIELD_TARGET, "",
      "when the health became what it is", ngx_hd_field_since, 0 },
    { "stale", "stale", NGX_HD_FIELD_TARGET, "",
      "whether the results are too old", ngx_hd_field_stale, 0 },
    { "flapping", "flapping", NGX_HD_FIELD_TARGET, "",
      "whether flap holds it down", ngx_hd_field_flapping,
      NGX_HD_FIELD_FIRST },
    { "held_until", "held_until", NGX_HD_FIELD_TARGET, "",
      "how long flap does, whatever its probes say", ngx_hd_field_flapping,
      NGX_HD_FIELD_SECOND },
    { "reason_layer", "layer", NGX_HD_FIELD_REASON, "",
      "why it is not up: how far the probe came", ngx_hd_field_reason,
      NGX_HD_FIELD_FIRST },
    { "reason_code", "code", NGX_HD_FIELD_REASON, "",
      "the same: a stable word", ngx_hd_field_reason, NGX_HD_FIELD_SECOND },
    { "reason_text", "text", NGX_HD_FIELD_REASON, "",
      "the same: a sentence", ngx_hd_field_reason, NGX_HD_FIELD_THIRD },

    { "checks", "checks", NGX_HD_FIELD_CHECKS, "",
      "probes with a verdict", ngx_hd_field_count, ngx_hd_row_arg(checks) },
    { "fails", "fails", NGX_HD_FIELD_CHECKS, "",
      "of these, failed", ngx_hd_field_count, ngx_hd_row_arg(failures) },
    { "unhealthy", "unhealthy", NGX_HD_FIELD_CHECKS, "",
      "how often it went down", ngx_hd_field_count, ngx_hd_row_arg(downs) },
    { "inconclusive", "inconclusive", NGX_HD_FIELD_CHECKS, "",
      "probes without a verdict", ngx_hd_field_count,
      ngx_hd_row_arg(inconclusive) },
    { "withheld", "withheld", NGX_HD_FIELD_CHECKS, "",
      "how often mode=observe kept it in service", ngx_hd_field_count,
      ngx_hd_row_arg(withheld) },
    { "last_passed", "last_passed", NGX_HD_FIELD_CHECKS, "",
      "whether the last probe did", ngx_hd_field_passed, 0 },
    { "last_reason", "health_checks.last_reason.code", 0, "",
      "of the last probe: a stable word", ngx_hd_field_last_reason, 0 },
    { "last_time", "last_time", NGX_HD_FIELD_CHECKS, "",
      "end of the last probe", ngx_hd_field_last_time, 0 },
    { "last_duration", "last_duration", NGX_HD_FIELD_CHECKS, "ms",
      "of the last probe, if it passed", ngx_hd_field_duration, 0 },
    { "next", "next", NGX_HD_FIELD_CHECKS, "",
      "when the next probe is due", ngx_hd_field_next, 0 },
    { "streak_kind", "kind", NGX_HD_FIELD_STREAK, "",
      "equal results in a row: failures, passes, or clean",
      ngx_hd_field_streak, NGX_HD_FIELD_FIRST },
    { "streak_count", "count", NGX_HD_FIELD_STREAK, "",
      "how many", ngx_hd_field_streak, NGX_HD_FIELD_SECOND },
    { "streak_of", "of", NGX_HD_FIELD_STREAK, "",
      "as many change the state", ngx_hd_field_streak, NGX_HD_FIELD_THIRD },
    { "worker_slot", "slot", NGX_HD_FIELD_WORKER, "",
      "number of the worker process that made the last probe",
      ngx_hd_field_worker, NGX_HD_FIELD_FIRST },
    { "worker_pid", "pid", NGX_HD_FIELD_WORKER, "",
      "its process", ngx_hd_field_worker, NGX_HD_FIELD_SECOND },

    { "latency_last", "last", NGX_HD_FIELD_LATENCY, "ms",
      "of the last probe that passed", ngx_hd_field_latency,
      ngx_hd_row_arg(usec) },
    { "latency_p50", "p50", NGX_HD_FIELD_LATENCY, "ms",
      "half of the last one to two thousand that passed took no longer",
      ngx_hd_field_latency, ngx_hd_row_arg(p50) },
    { "latency_p95", "p95", NGX_HD_FIELD_LATENCY, "ms",
      "95 of 100 of them", ngx_hd_field_latency, ngx_hd_row_arg(p95) },
    { "latency_p99", "p99", NGX_HD_FIELD_LATENCY, "ms",
      "99 of 100 of them", ngx_hd_field_latency, ngx_hd_row_arg(p99) },
    { "latency_max", "max", NGX_HD_FIELD_LATENCY, "ms",
      "the longest ever", ngx_hd_field_latency, ngx_hd_row_arg(usec_max) },

    { "phase_resolve", "resolve", NGX_HD_FIELD_PHASES, "ms",
      "of the last probe: the name had become an address",
      ngx_hd_field_phase, NGX_HD_PHASE_RESOLVE },
    { "phase_connect", "connect", NGX_HD_FIELD_PHASES, "ms",
      "the connection stood", ngx_hd_field_phase, NGX_HD_PHASE_CONNECT },
    { "phase_tls", "tls", NGX_HD_FIELD_PHASES, "ms",
      "the TLS handshake was over", ngx_hd_field_phase, NGX_HD_PHASE_TLS },
    { "phase_first_byte", "first_byte", NGX_HD_FIELD_PHASES, "ms",
      "the answer began", ngx_hd_field_phase, NGX_HD_PHASE_FIRST },
    { "phase_total", "total", NGX_HD_FIELD_PHASES, "ms",
      "the probe was over", ngx_hd_field_phase, NGX_HD_PHASES },

    { "tls_version", "version", NGX_HD_FIELD_TLS, "",
      "of TLS", ngx_hd_field_tls, NGX_HD_FIELD_FIRST },
    { "tls_expires", "expires", NGX_HD_FIELD_TLS, "",
      "end of the certificate", ngx_hd_field_tls, NGX_HD_FIELD_SECOND },
    { "tls_days_left", "days_left", NGX_HD_FIELD_TLS, "days",
      "until then", ngx_hd_field_tls, NGX_HD_FIELD_THIRD },
    { "tls_issuer", "issuer", NGX_HD_FIELD_TLS, "",
      "of the certificate", ngx_hd_field_tls, NGX_HD_FIELD_FOURTH },
    { "tls_problems", "problems", NGX_HD_FIELD_TLS, "",
      "what is wrong with it, words with a blank between them",
      ngx_hd_field_tls, NGX_HD_FIELD_FIFTH },

    { "value", "value", NGX_HD_FIELD_TARGET, "",
      "what the last probe measured or counted", ngx_hd_field_value, 0 },

    { "availability_1h", "1h", NGX_HD_FIELD_AVAILABILITY, "%",
      "of the last hour, as far as it is known: not down",
      ngx_hd_field_share, ngx_hd_row_arg(available[0]) },
    { "availability_24h", "24h", NGX_HD_FIELD_AVAILABILITY, "%",
      "of 24 hours", ngx_hd_field_share, ngx_hd_row_arg(available[1]) },
    { "availability_7d", "7d", NGX_HD_FIELD_AVAILABILITY, "%",
      "of 7 days", ngx_hd_field_share, ngx_hd_row_arg(available[2]) },
    { "availability_30d", "30d", NGX_HD_FIELD_AVAILABILITY, "%",
      "of 30 days", ngx_hd_field_share, ngx_hd_row_arg(available[3]) },
    { "availability_90d", "90d", NGX_HD_FIELD_AVAILABILITY, "%",
      "of 90 days", ngx_hd_field_share, ngx_hd_row_arg(available[4]) },
    { "known_1h", "1h", NGX_HD_FIELD_KNOWN, "%",
      "how much of the hour is known", ngx_hd_field_share,
      ngx_hd_row_arg(known[0]) },
    { "known_24h", "24h", NGX_HD_FIELD_KNOWN, "%",
      "of the 24 hours", ngx_hd_field_share, ngx_hd_row_arg(known[1]) },
    { "known_7d", "7d", NGX_HD_FIELD_KNOWN, "%",
      "of the 7 days", ngx_hd_field_share, ngx_hd_row_arg(known[2]) },
    { "known_30d", "30d", NGX_HD_FIELD_KNOWN, "%",
      "of the 30 days", ngx_hd_field_share, ngx_hd_row_arg(known[3]) },
    { "known_90d", "90d", NGX_HD_FIELD_KNOWN, "%",
      "of the 90 days", ngx_hd_field_share, ngx_hd_row_arg(known[4]) },

    { NULL, NULL, 0, NULL, NULL, NULL, 0 }
};


const ngx_hd_field_t *
ngx_hd_fields(void)
{
    return ngx_hd_field_table;
}


void
ngx_hd_field_get(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_memzero(v, sizeof(ngx_hd_value_t));

    f->get(row, f, v);
}


ngx_int_t
ngx_hd_field_write(ngx_hd_text_t *t, const ngx_hd_row_t *row,
    const ngx_hd_value_t *v)
{
    u_char  buf[NGX_INT64_LEN];

    switch (v->type) {

    case NGX_HD_VALUE_UINT:
        ngx_hd_text_uint(t, v->n);
        return NGX_OK;

    case NGX_HD_VALUE_INT:
        ngx_hd_text_raw(t, buf, ngx_sprintf(buf, "%L", (int64_t) v->n) - buf);
        return NGX_OK;

    case NGX_HD_VALUE_BOOL:
        ngx_hd_text_add(t, v->n ? "true" : "false");
        return NGX_OK;

    case NGX_HD_VALUE_USEC:
        ngx_hd_text_msec(t, v->n);
        return NGX_OK;

    case NGX_HD_VALUE_PERCENT:
        ngx_hd_text_percent(t, v->n);
        return NGX_OK;

    case NGX_HD_VALUE_REAL:
        return ngx_hd_detail_value(t, &row->vt->data) ? NGX_OK : NGX_DECLINED;

    case NGX_HD_VALUE_STALE:
        ngx_hd_text_add(t, "\"");
        ngx_hd_phrase_stale(t, row->view, row->vt);
        ngx_hd_text_add(t, "\"");
        return NGX_OK;

    default:
        return NGX_DECLINED;
    }
}


static void
ngx_hd_field_kind(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_hd_field_set_word(v, row->vp ? "server" : "service");
}


static void
ngx_hd_field_upstream(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->upstream) {
        ngx_hd_field_set_text(v, &row->upstream->name);
    }
}


/* arg: which number of the server */

static void
ngx_hd_field_number(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->vp) {
        ngx_hd_field_set(v, NGX_HD_VALUE_UINT,
                         *(ngx_uint_t *) ((u_char *) &row->vp->peer + f->arg));
    }
}


static void
ngx_hd_field_server(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->vp) {
        v->type = NGX_HD_VALUE_TEXT;
        v->text = row->vp->peer.server;
    }
}


static void
ngx_hd_field_name(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    v->type = NGX_HD_VALUE_TEXT;
    v->text = row->vp ? row->vp->peer.name : row->vt->target->name;
}


/* arg: which text of the check */

static void
ngx_hd_field_label(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    const ngx_hd_check_t  *check;

    check = ngx_hd_field_check(row);

    if (check) {
        ngx_hd_field_set_text(v, (ngx_str_t *) ((u_char *) check + f->arg));
    }
}


static void
ngx_hd_field_target(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->vp == NULL) {
        ngx_hd_field_set_text(v, &row->vt->target->address);
    }
}


static void
ngx_hd_field_critical(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    const ngx_hd_check_t  *check;

    check = ngx_hd_field_check(row);

    ngx_hd_field_set(v, NGX_HD_VALUE_BOOL, check && check->critical == 1);
}


/* arg: what of the server; limits and shares that there are not are absent */

static void
ngx_hd_field_peer(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    const ngx_hd_peer_t  *peer;

    if (row->vp == NULL) {
        return;
    }

    peer = &row->vp->peer;

    switch (f->arg) {

    case NGX_HD_FIELD_BACKUP:
        ngx_hd_field_set(v, NGX_HD_VALUE_BOOL, peer->backup);
        return;

    case NGX_HD_FIELD_MAX_CONNS:
        if (peer->max_conns) {
            ngx_hd_field_set(v, NGX_HD_VALUE_UINT, peer->max_conns);
        }

        return;

    case NGX_HD_FIELD_STATE:
        ngx_hd_field_set_word(v, ngx_hd_peer_state_word(peer->state));
        return;

    case NGX_HD_FIELD_KEPT:
        ngx_hd_field_set(v, NGX_HD_VALUE_BOOL, peer->kept);
        return;

    case NGX_HD_FIELD_RAMPING:
        ngx_hd_field_set(v, NGX_HD_VALUE_BOOL, peer->ramping);
        return;

    case NGX_HD_FIELD_SHARE:
        if (peer->full) {
            ngx_hd_field_set(v, NGX_HD_VALUE_UINT, peer->share);
        }

        return;

    default: /* NGX_HD_FIELD_FULL */
        ngx_hd_field_set(v, NGX_HD_VALUE_TIME, (uint64_t) peer->full);
    }
}


/* a number that one worker of several counts says nothing about the server */

static void
ngx_hd_field_counted(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->vp && row->vp->peer.counted) {
        ngx_hd_field_number(row, f, v);
    }
}


static void
ngx_hd_field_health(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_hd_field_set_word(v, ngx_hd_state_word(row->health));
}


static void
ngx_hd_field_since(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->vt) {
        ngx_hd_field_set(v, NGX_HD_VALUE_TIME, ngx_hd_view_since(row->vt));
    }
}


static void
ngx_hd_field_stale(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_hd_field_set(v, NGX_HD_VALUE_BOOL, row->vt && row->vt->stale);
}


static void
ngx_hd_field_flapping(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    uint64_t  held;

    held = row->vt ? ngx_hd_view_held(row->view, row->vt) : 0;

    if (f->arg == NGX_HD_FIELD_FIRST) {
        ngx_hd_field_set(v, NGX_HD_VALUE_BOOL, held != 0);

    } else if (held) {
        ngx_hd_field_set(v, NGX_HD_VALUE_TIME, row->view->time + held);
    }
}


static void
ngx_hd_field_reason(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_str_t               text;
    ngx_uint_t              reason;
    const ngx_hd_reason_t  *words;

    if (row->vt == NULL) {
        return;
    }

    if (row->vt->stale) {

        if (f->arg == NGX_HD_FIELD_THIRD) {
            v->type = NGX_HD_VALUE_STALE;

        } else {
            ngx_hd_field_set_word(v, (f->arg == NGX_HD_FIELD_FIRST) ? "local"
                                                                   : "stale");
        }

        return;
    }

    reason = ngx_hd_view_reason(row->vt, &text);

    if (reason == NGX_HD_R_NONE) {
        return;
    }

    words = ngx_hd_reason(reason);

    if (f->arg == NGX_HD_FIELD_THIRD && text.len) {
        ngx_hd_field_set_text(v, &text);
        return;
    }

    ngx_hd_field_set_word(v, (f->arg == NGX_HD_FIELD_FIRST) ? words->layer
                          : (f->arg == NGX_HD_FIELD_SECOND) ? words->word
                          : words->text);
}


/* arg: which number of the row */

static void
ngx_hd_field_count(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->vt) {
        ngx_hd_field_set(v, NGX_HD_VALUE_UINT,
                         *(uint64_t *) ((u_char *) row + f->arg));
    }
}


static void
ngx_hd_field_passed(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    const ngx_hd_data_t  *data;

    data = row->last ? &row->last->data : NULL;

    if (data && data->last && data->verdict != NGX_HD_INCONCLUSIVE) {
        ngx_hd_field_set(v, NGX_HD_VALUE_BOOL, data->verdict <= NGX_HD_WARN);
    }
}


static void
ngx_hd_field_last_reason(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_str_t   text;
    ngx_uint_t  reason;

    reason = row->last ? ngx_hd_view_last(row->last, &text) : NGX_HD_R_NONE;

    if (reason != NGX_HD_R_NONE) {
        ngx_hd_field_set_word(v, ngx_hd_reason(reason)->word);
    }
}


static void
ngx_hd_field_last_time(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->last) {
        ngx_hd_field_set(v, NGX_HD_VALUE_TIME, row->last->data.last);
    }
}


static void
ngx_hd_field_duration(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    const ngx_hd_data_t  *data;

    data = row->last ? &row->last->data : NULL;

    if (data && data->last && data->verdict <= NGX_HD_WARN) {
        ngx_hd_field_set(v, NGX_HD_VALUE_USEC, data->usec);
    }
}


static void
ngx_hd_field_next(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_hd_field_set(v, NGX_HD_VALUE_TIME, row->next);
}


static void
ngx_hd_field_streak(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_hd_streak_t     streak;
    static const char  *words[] = { "", "failures", "passes", "clean" };

    if (row->vt == NULL) {
        return;
    }

    ngx_hd_phrase_get_streak(row->vt, &streak);

    if (streak.kind == NGX_HD_STREAK_NONE) {
        return;
    }

    if (f->arg == NGX_HD_FIELD_FIRST) {
        ngx_hd_field_set_word(v, words[streak.kind]);

    } else {
        ngx_hd_field_set(v, NGX_HD_VALUE_UINT,
                         (f->arg == NGX_HD_FIELD_SECOND) ? streak.count
                                                         : streak.of);
    }
}


static void
ngx_hd_field_worker(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->last && row->last->data.pid) {
        ngx_hd_field_set(v, NGX_HD_VALUE_UINT,
                         (f->arg == NGX_HD_FIELD_FIRST) ? row->last->data.slot
                                                        : row->last->data.pid);
    }
}


/* arg: which number of the row; none has passed: none is known */

static void
ngx_hd_field_latency(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    uint64_t  usec;

    usec = *(uint64_t *) ((u_char *) row + f->arg);

    if (row->usec_max && (usec || f->arg == ngx_hd_row_arg(usec))) {
        ngx_hd_field_set(v, NGX_HD_VALUE_USEC, usec);
    }
}


/* arg: ngx_hd_phase_e, or the whole; none: it did not come to that */

static void
ngx_hd_field_phase(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    uint32_t  usec;

    if (row->vt == NULL || row->vt->data.last == 0) {
        return;
    }

    usec = (f->arg == NGX_HD_PHASES) ? row->total : row->phase[f->arg];

    if (usec || f->arg == NGX_HD_PHASES) {
        ngx_hd_field_set(v, NGX_HD_VALUE_USEC, usec);
    }
}


static void
ngx_hd_field_tls(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_str_t             issuer;
    const ngx_hd_cert_t  *cert;

    if (row->vt == NULL || !ngx_hd_detail_has_tls(&row->vt->data)) {
        return;
    }

    cert = &row->vt->data.cert;

    switch (f->arg) {

    case NGX_HD_FIELD_FIRST:
        ngx_hd_field_set_word(v, ngx_hd_detail_version(cert));
        return;

    case NGX_HD_FIELD_SECOND:
        ngx_hd_field_set(v, NGX_HD_VALUE_TIME, cert->not_after * 1000);
        return;

    case NGX_HD_FIELD_THIRD:

        if (cert->not_after) {
            ngx_hd_field_set(v, NGX_HD_VALUE_INT,
                             (uint64_t) ngx_hd_detail_days(cert,
                                                           row->view->time));
        }

        return;

    case NGX_HD_FIELD_FIFTH:
        ngx_hd_field_set(v, NGX_HD_VALUE_PROBLEMS, cert->wrong);
        return;

    default: /* NGX_HD_FIELD_FOURTH */
        issuer.data = (u_char *) cert->issuer;
        issuer.len = ngx_min(cert->issuer_len, NGX_HD_ISSUER_LEN);

        ngx_hd_field_set_text(v, &issuer);
    }
}


static void
ngx_hd_field_value(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    if (row->vt && row->vt->data.has_value) {
        v->type = NGX_HD_VALUE_REAL;
    }
}


/* arg: which window of the row */

static void
ngx_hd_field_share(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v)
{
    ngx_int_t  millionths;

    millionths = *(ngx_int_t *) ((u_char *) row + f->arg);

    if (millionths != -1) {
        ngx_hd_field_set(v, NGX_HD_VALUE_PERCENT, millionths);
    }
}


static const ngx_hd_check_t *
ngx_hd_field_check(const ngx_hd_row_t *row)
{
    return row->vt ? row->vt->target->check : NULL;
}


/* what may be left out of a configuration is not there then */

static void
ngx_hd_field_set_text(ngx_hd_value_t *v, const ngx_str_t *text)
{
    if (text->len) {
        v->type = NGX_HD_VALUE_TEXT;
        v->text = *text;
    }
}


static void
ngx_hd_field_set_word(ngx_hd_value_t *v, const char *word)
{
    v->type = NGX_HD_VALUE_WORD;
    v->word = word;
}


/* a time of 0 is none */

static void
ngx_hd_field_set(ngx_hd_value_t *v, ngx_hd_value_e type, uint64_t n)
{
    if (type == NGX_HD_VALUE_TIME && n == 0) {
        return;
    }

    v->type = type;
    v->n = n;
}

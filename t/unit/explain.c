
/* Unit test of ngx_hd_explain.c, with the picture that it reads. */


#include "tap.h"
#include "../../ngx_http_healthdash_module/ngx_hd_explain.c"
#include "../../ngx_http_healthdash_module/ngx_hd_view.c"


/* the middle of a day, so that an hour before is the same day */

#define NOON  1700000000000LL / 86400000 * 86400000 + 43200000


static ngx_pool_t              *pool;
static ngx_hd_view_t            view;
static ngx_hd_view_peer_t       peer;
static ngx_hd_view_target_t     vt[2];
static ngx_hd_target_t          target[2];
static ngx_hd_check_t           asked;
static ngx_hd_probe_type_t      type;
static ngx_hd_upstream_t        upstream;


/* what the picture would ask of others, were one taken */

volatile ngx_cycle_t  *ngx_cycle;
ngx_module_t           ngx_core_module;
ngx_pid_t              ngx_pid;


void
ngx_hd_guard_get(ngx_hd_main_conf_t *hmcf, ngx_hd_guard_t *guard,
    ngx_hd_guard_count_t *count)
{
}


void
ngx_hd_pace_past(ngx_hd_pace_t *pace, uint64_t now, ngx_hd_pace_past_t *past)
{
}


ngx_array_t *
ngx_hd_peer_list(ngx_hd_upstream_t *u, ngx_pool_t *p)
{
    return NULL;
}


ngx_hd_record_t *
ngx_hd_store_record(ngx_hd_main_conf_t *hmcf, ngx_hd_target_t *t)
{
    return NULL;
}


ngx_int_t
ngx_hd_store_read(ngx_hd_record_t *rec, ngx_hd_data_t *data)
{
    return NGX_AGAIN;
}


ngx_uint_t
ngx_hd_store_verdict(ngx_hd_record_t *rec, uint64_t *recoveries)
{
    return NGX_HD_STATE_UNKNOWN;
}


ngx_msec_t
ngx_hd_store_trust(ngx_hd_check_t *c)
{
    return 0;
}


ngx_msec_t
ngx_hd_store_validity(ngx_hd_check_t *c)
{
    return 0;
}


uint64_t
ngx_hd_event_last(ngx_hd_zone_t *zone)
{
    return 0;
}


ngx_int_t
ngx_hd_event_read(ngx_hd_zone_t *zone, uint64_t number, ngx_hd_event_t *e)
{
    return NGX_DECLINED;
}


void
ngx_hd_history_copy(ngx_hd_history_t *dst, ngx_hd_history_t *src)
{
}


void
ngx_hd_history_pass(ngx_hd_history_t *h, ngx_hd_data_t *data, uint64_t now,
    uint64_t limit)
{
}


void
ngx_hd_history_forget(ngx_hd_history_t *h, const ngx_hd_data_t *data,
    uint64_t now)
{
}


static void
plain(ngx_hd_text_t *t, const u_char *data, size_t len)
{
    (void) ngx_hd_text_plain(t, data, len, 0);
}


/* a server that is up, of two checks that are alike */

static void
begin(void)
{
    ngx_uint_t  i;

    ngx_memzero(&view, sizeof(view));
    ngx_memzero(&peer, sizeof(peer));
    ngx_memzero(vt, sizeof(vt));
    ngx_memzero(&asked, sizeof(asked));
    ngx_memzero(&type, sizeof(type));
    ngx_memzero(&upstream, sizeof(upstream));

    view.time = NOON;
    view.mono = 1000000000;
    view.workers = 4;

    ngx_str_set(&asked.type_name, "http");
    asked.type = &type;
    asked.interval = 5000;
    asked.fast = 1000;
    asked.rules.fails = 3;
    asked.rules.passes = 2;

    upstream.min_up = 1;

    for (i = 0; i < 2; i++) {
        target[i].check = &asked;
        target[i].upstream = &upstream;
        target[i].index = 6 + i;

        vt[i].target = &target[i];
        vt[i].health = NGX_HD_STATE_UP;
        vt[i].next = NOON + 2500;
        vt[i].data.state = NGX_HD_STATE_UP;
        vt[i].data.last = NOON - 2500;
        vt[i].data.last_mono = view.mono - 2500;
        vt[i].data.since = NOON - 3600000;
        vt[i].data.since_mono = view.mono - 3600000;
        vt[i].data.pid = 77;
        vt[i].data.slot = 2;
        vt[i].data.passes = 700;
    }

    peer.checks = vt;
    peer.nchecks = 1;
    peer.worst = vt;
}


static void
set(ngx_uint_t state, ngx_hd_verdict_e verdict, ngx_hd_reason_e reason,
    const char *text)
{
    ngx_hd_data_t  *data;

    data = &vt[0].data;

    vt[0].health = state;
    data->state = (uint32_t) state;
    data->verdict = verdict;
    data->reason = reason;
    data->len = (uint16_t) strlen(text);
    ngx_memcpy(data->detail, text, data->len);

    if (verdict == NGX_HD_FAIL) {
        data->fails = 3;
        data->passes = 0;
        data->failed.time = NOON - 2500;
        data->failed.usec = 4100;
        data->failed.phase[NGX_HD_PHASE_CONNECT] = 200;
    }

    data->state_reason = reason;
    data->state_len = data->len;
    ngx_memcpy(data->state_detail, text, data->len);
}


/* a pass after that */

static void
pass(void)
{
    vt[0].data.verdict = NGX_HD_PASS;
    vt[0].data.reason = NGX_HD_R_NONE;
    vt[0].data.len = 0;
    vt[0].data.fails = 0;
    vt[0].data.passes = 1;
}


static const char *
flat(ngx_hd_text_t *t)
{
    size_t        n;
    ngx_chain_t  *cl;
    static char   buf[4096];

    for (n = 0, cl = t->first; cl; cl = cl->next) {
        ngx_memcpy(buf + n, cl->buf->pos, cl->buf->last - cl->buf->pos);
        n += cl->buf->last - cl->buf->pos;
    }

    buf[n] = '\0';

    return buf;
}


/* all sentences, one a line */

static const char *
explained(const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *one)
{
    ngx_uint_t     i;
    ngx_hd_text_t  t;

    ngx_hd_text_init(&t, pool);

    for (i = 0; ngx_hd_explain(&t, &view, vp, one, i, plain) == NGX_OK; i++) {
        ngx_hd_text_add(&t, "\n");
    }

    return flat(&t);
}


static const char *
event(ngx_uint_t kind, ngx_uint_t from, ngx_uint_t to, uint64_t lasted,
    const char *up, const char *name, const char *text)
{
    ngx_hd_text_t   t;
    ngx_hd_event_t  e;

    ngx_memzero(&e, sizeof(e));

    e.kind = (u_char) kind;
    e.from = (u_char) from;
    e.to = (u_char) to;
    e.lasted = lasted;
    e.value = 7;
    e.upstream_len = (u_char) strlen(up);
    ngx_memcpy(e.upstream, up, e.upstream_len);
    e.name_len = (u_char) strlen(name);
    ngx_memcpy(e.name, name, e.name_len);
    e.text_len = (u_char) strlen(text);
    ngx_memcpy(e.text, text, e.text_len);

    ngx_hd_text_init(&t, pool);
    ngx_hd_explain_event(&t, &e, plain);

    return flat(&t);
}


static void
test_up(void)
{
    begin();

    is_str(explained(&peer, vt),
           "It is up since 11:00:00 UTC, for 1 h.\n"
           "nginx sends it requests.\n"
           "It goes down after 3 failures in a row, at the earliest in 4.5 s, "
           "at 12:00:04 UTC.\n"
           "The next probe is due in 2.5 s by worker 2.\n",
           "a server that is up");

    vt[0].data.verdict = NGX_HD_FAIL;
    vt[0].data.fails = 1;
    vt[0].data.passes = 0;
    vt[0].data.len = 7;
    ngx_memcpy(vt[0].data.detail, "refused", 7);
    vt[0].data.since -= 86400000;
    vt[0].data.slot = 3;
    vt[0].next = NOON;

    is_str(explained(&peer, vt),
           "It is up since 2023-11-13 11:00:00 UTC, for 1 h.\n"
           "The last probe failed: refused.\n"
           "nginx sends it requests.\n"
           "It goes down after 3 failures in a row, 1 so far, at the earliest "
           "in 1.0 s, at 12:00:01 UTC.\n"
           "The next probe is due now by worker 2; worker 3 made the last "
           "one.\n",
           "one failure moves nothing, and is said");

    vt[0].probing = 1;
    vt[0].next = NOON + 5000;
    vt[0].data.slot = 2;

    ok(strstr(explained(&peer, vt), "at the earliest in 1.0 s") != NULL,
       "a probe under way counts");
    ok(strstr(explained(&peer, vt),
              "\nThe next probe is under way by worker 2.\n") != NULL,
       "and is told");

    vt[0].probing = 0;
    vt[0].next = NOON;
    vt[0].data.slot = 3;

    is_str(explained(NULL, vt),
           "It is up since 2023-11-13 11:00:00 UTC, for 1 h.\n"
           "The last probe failed: refused.\n"
           "It goes down after 3 failures in a row, 1 so far, at the earliest "
           "in 1.0 s, at 12:00:01 UTC.\n"
           "The next probe is due now by worker 2; worker 3 made the last "
           "one.\n",
           "a service: nothing is said about requests");
}


static void
test_down(void)
{
    begin();
    set(NGX_HD_STATE_DOWN, NGX_HD_FAIL, NGX_HD_R_STATUS, "http status 503");

    peer.peer.state = NGX_HD_PEER_UNHEALTHY;
    vt[0].data.failed.sample.line_len = 21;
    ngx_memcpy(vt[0].data.failed.sample.line, "HTTP/1.1 503 \x1b[1m\xff!ab",
               21);

    is_str(explained(&peer, vt),
           "It is down since 11:00:00 UTC, for 1 h: http status 503.\n"
           "It answered, but the answer is not as it is expected.\n"
           "The answer began with HTTP/1.1 503 \xef\xbf\xbd[1m\xef\xbf\xbd!ab."
           "\n"
           "How long it took, from the start of the probe: connect 0.2 ms, "
           "total 4.1 ms.\n"
           "nginx skips it: no new request goes there.\n"
           "It comes back after 2 passes in a row, at the earliest in 3.5 s, "
           "at 12:00:03 UTC.\n"
           "The next probe is due in 2.5 s by worker 2.\n",
           "a server that is down; what it sent is escaped");

    pass();

    ok(strstr(explained(&peer, vt),
              "\nThe last probe passed.\nnginx skips it: no new request goes "
              "there.\nIt comes back after 2 passes in a row, 1 so far, at "
              "the earliest in 2.5 s, at 12:00:02 UTC.\n") != NULL,
       "it is on its way back");

    asked.rules.flap_changes = 3;
    vt[0].data.hold_until = view.mono + 60000;
    vt[0].data.passes = 9;

    ok(strstr(explained(&peer, vt),
              "\nIt is held down until 12:01:00 UTC because it has changed too "
              "often (flap); then it comes back after 2 passes in a row, 9 so "
              "far, at the earliest in 1 min, at 12:01:00 UTC.\n") != NULL,
       "it is held");

    vt[0].data.hold_until = view.mono;

    ok(strstr(explained(&peer, vt), "held") == NULL, "and not any more");

    asked.rules.passes = 1;

    ok(strstr(explained(&peer, vt), " after 1 pass, 9 so far") != NULL,
       "one pass is no row");
}


static void
test_peer(void)
{
    begin();
    set(NGX_HD_STATE_DOWN, NGX_HD_FAIL, NGX_HD_R_CONNECT_REFUSED, "refused");

    peer.peer.kept = 1;
    upstream.min_up = 50;
    upstream.min_up_percent = 1;

    ok(strstr(explained(&peer, vt),
              "nginx still sends it requests: without it fewer servers than "
              "min_up=50% would be left.\n") != NULL, "min_up");

    peer.peer.kept = 0;
    asked.observe = 1;

    ok(strstr(explained(&peer, vt), "(mode=observe)") != NULL, "observe");

    asked.observe = 0;
    peer.peer.ramping = 1;
    peer.peer.share = 40;
    peer.peer.full = view.time + 60000;

    ok(strstr(explained(&peer, vt),
              "It came back not long ago and is ramping: 40 % of its share, "
              "full at 12:01:00 UTC (slow_start).\n") != NULL, "ramping");

    peer.peer.full = 0;

    ok(strstr(explained(&peer, vt), "is ramping: nginx sends it fewer requests "
              "than its share.\n") != NULL, "ramping, in public");

    peer.peer.ramping = 0;
    peer.peer.state = NGX_HD_PEER_DOWN;

    ok(strstr(explained(&peer, vt), "The administrator has") != NULL, "admin");

    peer.peer.state = NGX_HD_PEER_UNAVAIL;

    ok(strstr(explained(&peer, vt), "(max_fails)") != NULL, "max_fails");

    peer.peer.state = NGX_HD_PEER_CHECKING;

    ok(strstr(explained(&peer, vt), "before its first probe") != NULL,
       "checking");

    peer.peer.state = NGX_HD_PEER_DRAINING;

    ok(strstr(explained(&peer, vt), "nginx drains it") != NULL, "draining");

    peer.peer.state = NGX_HD_PEER_UP;
    peer.peer.backup = 1;

    is_str(explained(&peer, NULL),
           "No check asks this server how it is, so its health is not known.\n"
           "nginx sends it requests when no other server can take them: it is "
           "a backup.\n",
           "a server that nobody probes");

    peer.nchecks = 2;
    ngx_str_set(&asked.name, "deep");

    ok(strstr(explained(&peer, vt),
              "\nThis is said by the worst of its 2 checks, http by deep.\n")
       != NULL, "which check it is");
    ok(strstr(explained(&peer, &vt[1]), "the worst") == NULL,
       "and which it is not");
}


static void
test_rest(void)
{
    ngx_uint_t  i;

    begin();
    set(NGX_HD_STATE_DEGRADED, NGX_HD_WARN, NGX_HD_R_SLOW, "slow: 640 ms");

    is_str(explained(NULL, vt),
           "It is degraded since 11:00:00 UTC, for 1 h: slow: 640 ms.\n"
           "Its probes pass, but with a warning.\n"
           "It is up again after 2 clean passes in a row, at the earliest in "
           "3.5 s, at 12:00:03 UTC.\n"
           "It goes down after 3 failures in a row, at the earliest in 4.5 s, "
           "at 12:00:04 UTC.\n"
           "The next probe is due in 2.5 s by worker 2.\n",
           "degraded");

    begin();
    vt[0].stale = 1;
    vt[0].health = NGX_HD_STATE_UNKNOWN;
    vt[0].next = NOON - 31000;
    vt[0].data.last = NOON - 36000;
    vt[0].data.last_mono = view.mono - 36000;

    is_str(explained(NULL, vt),
           "Nothing is known any more: there is no result since 11:59:24 UTC, "
           "for 36 s; before that it was up.\n"
           "The next result ends that.\n"
           "The next probe is overdue for 31 s.\n",
           "stale");

    begin();
    ngx_memzero(&vt[0].data, sizeof(ngx_hd_data_t));
    vt[0].health = NGX_HD_STATE_UNKNOWN;
    vt[0].next = NOON + 100;

    is_str(explained(NULL, vt),
           "Nothing is known yet: there is no result.\n"
           "The first result decides alone.\n"
           "The next probe is due in 0.1 s.\n",
           "before the first result");

    begin();
    set(NGX_HD_STATE_PAUSED, NGX_HD_PASS, NGX_HD_R_NONE, "");

    ok(strstr(explained(NULL, vt), "The operator has paused it") != NULL,
       "paused");

    begin();
    type.told = 1;
    set(NGX_HD_STATE_DOWN, NGX_HD_FAIL, NGX_HD_R_HEARTBEAT_MISSING, "none");

    ok(strstr(explained(NULL, vt), "earliest") == NULL,
       "nobody knows when a heartbeat comes");

    /* a picture for the public */

    begin();
    set(NGX_HD_STATE_DOWN, NGX_HD_FAIL, NGX_HD_R_STATUS, "");
    vt[0].data.pid = 0;

    ok(strstr(explained(NULL, vt), "for 1 h: http status.\n") != NULL,
       "a reason without its details");
    ok(strstr(explained(NULL, vt), "worker") == NULL, "nor is a worker told");

    /* every reason has its layer's sentence, every step of a state a text */

    for (i = 1; i < NGX_HD_REASONS; i++) {
        begin();
        set(NGX_HD_STATE_DOWN, NGX_HD_FAIL, i, "x");
        check(ngx_hd_explain_find_layer(&(ngx_hd_explain_t) { .vt = vt })
              != NULL, "reason %d", (int) i);
    }

    checked("each reason says how far the probe came");

    for (i = 0; i < NGX_HD_EVENT_KINDS + 1; i++) {
        check(ngx_hd_explain_kind(i)[0] != '\0', "kind %d", (int) i);
    }

    checked("each kind of event has a word");
}


static void
test_events(void)
{
    is_str(event(NGX_HD_EVENT_STATE, NGX_HD_STATE_UP, NGX_HD_STATE_DOWN,
                 10800000, "app", "10.0.0.1:80", "http status 503"),
           "10.0.0.1:80 of app is down: http status 503; it was up for 3 h",
           "a server goes down");
    is_str(event(NGX_HD_EVENT_STATE, NGX_HD_STATE_DOWN, NGX_HD_STATE_UP,
                 61000, "", "Mail\n\xff", ""),
           "Mail \xef\xbf\xbd is up; it was down for 1 min 1 s",
           "a service comes back; its name is escaped");
    is_str(event(NGX_HD_EVENT_STATE, NGX_HD_STATE_UNKNOWN, NGX_HD_STATE_UP, 0,
                 "", "Mail", ""),
           "Mail is up; it is the first result", "the first result");
    is_str(event(NGX_HD_EVENT_STATE, NGX_HD_STATE_UP, NGX_HD_STATE_DOWN, 0,
                 "", "Mail", "x"), "Mail is down: x; it was up",
           "nobody knows how long");
    is_str(event(NGX_HD_EVENT_ADDED, 0, 0, 0, "app", "a:1", ""),
           "a:1 of app is probed from now on", "added");
    is_str(event(NGX_HD_EVENT_REMOVED, 0, 0, 0, "", "Mail", ""),
           "Mail is probed no more", "removed");
    is_str(event(NGX_HD_EVENT_LOADED, 0, 0, 0, "", "", "3 targets"),
           "configuration 7 was loaded: 3 targets", "loaded");
    is_str(event(NGX_HD_EVENT_TAKEOVER, 0, 0, 0, "", "",
                 "worker 1 probes for worker 0, which is late"),
           "worker 1 probes for worker 0, which is late", "takeover");
    is_str(event(NGX_HD_EVENT_GUARD, 0, 0, 0, "", "",
                 "verdicts are frozen: 8 of 10 targets fail at once"),
           "verdicts are frozen: 8 of 10 targets fail at once", "guard");
    is_str(event(NGX_HD_EVENT_TAKEOVER, 0, 0, 0, "", "", ""),
           "a worker probes for another one", "takeover, for the public");
    is_str(event(99, 0, 0, 0, "", "", ""), "something has happened",
           "what nobody knows");
}


int
main(void)
{
    pool = ngx_create_pool(1024, NULL);

    test_up();
    test_down();
    test_peer();
    test_rest();
    test_events();

    ngx_destroy_pool(pool);

    return done();
}

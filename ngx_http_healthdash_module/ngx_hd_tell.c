
/*
 * healthdash: how the scheduler's news are told: a line in the error log and an
 * event in the zone.  Called by the worker that holds the lease, after it has
 * published.  Neither is ever about a result that nobody else sees.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_event.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_tell.h>
#include <ngx_hd_upstream.h>


#define NGX_HD_TELL_CROWDED   60000     /* msec between two lines on it */


static ngx_uint_t ngx_hd_tell_may_move(ngx_hd_zone_t *zone);
static void ngx_hd_tell_event(ngx_hd_target_t *t, const ngx_hd_data_t *data,
    const ngx_hd_data_t *was);
static void ngx_hd_tell_log(ngx_hd_target_t *t, const ngx_hd_data_t *data,
    const ngx_hd_data_t *was);
static u_char *ngx_hd_tell_name(u_char *p, u_char *last, ngx_hd_target_t *t);
static u_char *ngx_hd_tell_why(u_char *p, u_char *last, ngx_hd_target_t *t,
    const ngx_hd_data_t *data, const ngx_hd_data_t *was);
static const char *ngx_hd_tell_effect(ngx_hd_target_t *t,
    const ngx_hd_data_t *data);


void
ngx_hd_tell_change(ngx_hd_target_t *t, const ngx_hd_data_t *data,
    const ngx_hd_data_t *was)
{
    ngx_hd_tell_event(t, data, was);
    ngx_hd_tell_log(t, data, was);
}


static void
ngx_hd_tell_event(ngx_hd_target_t *t, const ngx_hd_data_t *data,
    const ngx_hd_data_t *was)
{
    ngx_hd_event_t  e;

    ngx_memzero(&e, sizeof(ngx_hd_event_t));

    e.kind = NGX_HD_EVENT_STATE;
    e.from = (u_char) was->state;
    e.to = (u_char) data->state;
    e.reason = (uint16_t) data->state_reason;
    e.lasted = was->since_mono ? data->since_mono - was->since_mono : 0;

    ngx_hd_event_name(&e, t->id, t->upstream ? &t->upstream->name : NULL,
                      &t->name);
    ngx_hd_event_text(&e, data->state_detail, data->state_len);

    (void) ngx_hd_event_add(t->main->zone, &e, ngx_current_msec, data->since);
}


static void
ngx_hd_tell_log(ngx_hd_target_t *t, const ngx_hd_data_t *data,
    const ngx_hd_data_t *was)
{
    u_char      *p, *last, buf[NGX_MAX_ERROR_STR];
    ngx_uint_t   level;

    switch (data->state) {

    case NGX_HD_STATE_DOWN:
        level = NGX_LOG_ERR;
        break;

    case NGX_HD_STATE_DEGRADED:
        level = NGX_LOG_WARN;
        break;

    default:
        level = (was->state == NGX_HD_STATE_UNKNOWN) ? NGX_LOG_INFO
                                                     : NGX_LOG_WARN;
    }

    last = buf + sizeof(buf);

    p = ngx_hd_tell_name(buf, last, t);
    p = ngx_slprintf(p, last, " is %s: ", ngx_hd_state_word(data->state));
    p = ngx_hd_tell_why(p, last, t, data, was);
    p = ngx_slprintf(p, last, "%s", ngx_hd_tell_effect(t, data));

    ngx_log_error(level, ngx_cycle->log, 0, "healthdash: %*s",
                  (size_t) (p - buf), buf);
}


static u_char *
ngx_hd_tell_name(u_char *p, u_char *last, ngx_hd_target_t *t)
{
    ngx_uint_t        i;
    ngx_hd_check_t  **check;

    if (t->upstream == NULL) {
        return ngx_slprintf(p, last, "service \"%V\"", &t->name);
    }

    p = ngx_slprintf(p, last, "server %V of upstream \"%V\"", &t->name,
                     &t->upstream->name);

    if (t->upstream->checks.nelts > 1) {
        check = t->upstream->checks.elts;

        for (i = 0; check[i] != t->check; i++) { /* void */ }

        p = ngx_slprintf(p, last, " by check %ui (%V)", i + 1,
                         &t->check->type_name);
    }

    return p;
}


static u_char *
ngx_hd_tell_why(u_char *p, u_char *last, ngx_hd_target_t *t,
    const ngx_hd_data_t *data, const ngx_hd_data_t *was)
{
    if (data->state == NGX_HD_STATE_DOWN
        || data->state == NGX_HD_STATE_DEGRADED)
    {
        p = ngx_slprintf(p, last, "%*s", (size_t) data->len, data->detail);

        if (data->state == NGX_HD_STATE_DEGRADED) {
            return p;
        }

        if (was->state == NGX_HD_STATE_UNKNOWN) {
            return ngx_slprintf(p, last, ", first result");
        }

        return ngx_slprintf(p, last, ", %uD of %ui failures", data->fails,
                            t->check->rules.fails);
    }

    if (was->state == NGX_HD_STATE_UNKNOWN) {
        return ngx_slprintf(p, last, "first result");
    }

    /* a pass with a warning ends "down", but not "degraded" */

    return ngx_slprintf(p, last, "%uD of %ui passes, was %s for %uLs",
                        (was->state == NGX_HD_STATE_DEGRADED) ? data->clean
                                                              : data->passes,
                        t->check->rules.passes, ngx_hd_state_word(was->state),
                        (data->since_mono - was->since_mono) / 1000);
}


/* what nginx does about it, where that is not what one would expect */

static const char *
ngx_hd_tell_effect(ngx_hd_target_t *t, const ngx_hd_data_t *data)
{
    if (t->upstream == NULL
        || data->state != NGX_HD_STATE_DOWN
        || !ngx_hd_upstream_serves(t->upstream, t))
    {
        return "";
    }

    return t->check->observe ? ", left in service by mode=observe"
                             : ", kept in service by min_up";
}


void
ngx_hd_tell_trouble(ngx_hd_target_t *t, const ngx_hd_result_t *result)
{
    u_char  *p, buf[NGX_MAX_ERROR_STR];

    p = ngx_hd_tell_name(buf, buf + sizeof(buf), t);

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "healthdash: %*s could not be probed: %*s; its state stays",
                  (size_t) (p - buf), buf, (size_t) result->len,
                  result->detail);
}


void
ngx_hd_tell_moved(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_uint_t kind)
{
    ngx_str_t         text;
    ngx_uint_t        i;
    ngx_hd_event_t    e;
    ngx_hd_target_t  *t;

    if (kind == NGX_HD_EVENT_ADDED) {
        ngx_str_set(&text, "added by DNS");

    } else {
        ngx_str_set(&text, "removed by DNS");
    }

    for (i = 0; i < u->checks.nelts; i++) {
        t = server->targets[i];

        /* names that change all the time must not push all else out */

        if (t->name.len == 0 || !ngx_hd_tell_may_move(u->main->zone)) {
            return;
        }

        ngx_memzero(&e, sizeof(ngx_hd_event_t));

        e.kind = (u_char) kind;

        ngx_hd_event_name(&e, t->id, &u->name, &t->name);
        ngx_hd_event_text(&e, text.data, text.len);

        (void) ngx_hd_event_add(u->main->zone, &e, ngx_current_msec,
                                ngx_hd_wall());
    }
}


/* counts one in this minute of all workers */

static ngx_uint_t
ngx_hd_tell_may_move(ngx_hd_zone_t *zone)
{
    uint64_t  old, next, minute;

    minute = ngx_current_msec / 60000;
    old = ngx_hd_load(&zone->moves);

    do {
        next = (old >> 8 == minute) ? old + 1 : minute << 8 | 1;

        if ((next & 0xff) > NGX_HD_TELL_MOVES) {
            return 0;
        }

    } while (!ngx_hd_cas(&zone->moves, &old, next));

    return 1;
}


void
ngx_hd_tell_crowded(ngx_hd_upstream_t *u, ngx_uint_t n)
{
    uint64_t        last;
    ngx_hd_zone_t  *zone;

    zone = u->main->zone;
    last = ngx_hd_load(&zone->crowded);

    if ((last && ngx_hd_since(last, ngx_current_msec) < NGX_HD_TELL_CROWDED)
        || !ngx_hd_cas(&zone->crowded, &last, ngx_current_msec))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "healthdash: upstream \"%V\" has at least %ui more servers "
                  "by \"resolve\" than max_servers=%ui, they are not probed",
                  &u->name, n, u->nspares);
}


void
ngx_hd_tell_takeover(ngx_hd_main_conf_t *hmcf, ngx_uint_t from)
{
    u_char          *p, text[NGX_HD_EVENT_TEXT];
    ngx_hd_event_t   e;

    ngx_memzero(&e, sizeof(ngx_hd_event_t));

    e.kind = NGX_HD_EVENT_TAKEOVER;
    e.value = (uint32_t) from;

    p = ngx_snprintf(text, sizeof(text), "worker %ui probes for worker %ui, "
                     "which is late", ngx_worker, from);

    ngx_hd_event_text(&e, text, p - text);

    (void) ngx_hd_event_add(hmcf->zone, &e, ngx_current_msec,
                            ngx_hd_wall());
}


void
ngx_hd_tell_guard(ngx_hd_main_conf_t *hmcf, const ngx_hd_guard_news_t *news)
{
    u_char          *p, *last, text[NGX_HD_EVENT_TEXT];
    ngx_uint_t       level;
    ngx_hd_event_t   e;

    last = text + sizeof(text);
    level = NGX_LOG_WARN;

    if (news->now.state == NGX_HD_GUARD_FROZEN) {
        level = NGX_LOG_ERR;
        p = ngx_slprintf(text, last, "verdicts are frozen: %s",
                         (news->now.why == NGX_HD_GUARD_SENTINEL)
                         ? "no sentinel answers, " : "");

    } else {
        p = ngx_slprintf(text, last, "verdicts follow%s: %s",
                         (news->was.state == NGX_HD_GUARD_FROZEN)
                         ? " again" : "",
                         (news->now.state == NGX_HD_GUARD_CLEAR) ? ""
                         : (news->now.why == NGX_HD_GUARD_SENTINEL)
                           ? "a sentinel answers, "
                           : "they were frozen for as long as may be, ");
    }

    p = ngx_slprintf(p, last, "%ui of %ui targets fail at once",
                     news->count.failing, news->count.targets);

    ngx_log_error(level, ngx_cycle->log, 0, "healthdash: %*s",
                  (size_t) (p - text), text);

    ngx_memzero(&e, sizeof(ngx_hd_event_t));

    e.kind = NGX_HD_EVENT_GUARD;
    e.value = news->now.state;

    ngx_hd_event_text(&e, text, p - text);

    (void) ngx_hd_event_add(hmcf->zone, &e, ngx_current_msec,
                            ngx_hd_wall());
}

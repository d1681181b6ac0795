
/*
 * healthdash: the one state machine.  Owns the rules by which verdicts of
 * single probes become the state of a target, and by which states become
 * "out of service".  Called by the scheduler on its private copy of a record
 * and by whoever sums states up.  Pure: no clock, no memory, no log.
 */


#include <ngx_hd_state.h>


#define NGX_HD_HOLD_DOUBLINGS  4       /* 16 times flap_time at most */


static void ngx_hd_state_note(ngx_hd_data_t *data,
    const ngx_hd_result_t *result, uint64_t mono, int64_t wall);
static void ngx_hd_state_note_answer(ngx_hd_data_t *data,
    const ngx_hd_result_t *result);
static void ngx_hd_state_note_failure(ngx_hd_failed_t *failed,
    const ngx_hd_result_t *result, int64_t wall);
static void ngx_hd_state_streaks(ngx_hd_data_t *data,
    const ngx_hd_result_t *result);
static ngx_uint_t ngx_hd_state_next(const ngx_hd_data_t *data,
    const ngx_hd_rules_t *rules, ngx_hd_verdict_e verdict, uint64_t mono);
static ngx_uint_t ngx_hd_state_first(ngx_hd_verdict_e verdict);
static ngx_uint_t ngx_hd_state_is_held(const ngx_hd_data_t *data,
    const ngx_hd_rules_t *rules, uint64_t mono);
static void ngx_hd_state_change(ngx_hd_data_t *data,
    const ngx_hd_rules_t *rules, ngx_uint_t state, uint64_t mono,
    int64_t wall);
static void ngx_hd_state_flap(ngx_hd_data_t *data,
    const ngx_hd_rules_t *rules, ngx_uint_t state, uint64_t mono);
static void ngx_hd_state_hold(ngx_hd_data_t *data,
    const ngx_hd_rules_t *rules, uint64_t mono);
static void ngx_hd_state_inc32(uint32_t *n);
static void ngx_hd_state_inc64(uint64_t *n);


/* for the worse of two; "paused" never wins over anything else */

static const u_char  ngx_hd_state_rank[NGX_HD_STATES] = {
    [NGX_HD_STATE_PAUSED] = 0,
    [NGX_HD_STATE_UP] = 1,
    [NGX_HD_STATE_UNKNOWN] = 2,
    [NGX_HD_STATE_DEGRADED] = 3,
    [NGX_HD_STATE_DOWN] = 4
};


ngx_uint_t
ngx_hd_state_count(ngx_hd_data_t *data, const ngx_hd_rules_t *rules,
    const ngx_hd_result_t *result, uint64_t mono, int64_t wall)
{
    ngx_uint_t  state;

    ngx_hd_state_note(data, result, mono, wall);

    if (result->verdict >= NGX_HD_INCONCLUSIVE) {
        ngx_hd_state_inc64(&data->inconclusive);
        return 0;
    }

    ngx_hd_state_streaks(data, result);

    state = ngx_hd_state_next(data, rules, result->verdict, mono);

    if (state == data->state
        || (state == NGX_HD_STATE_DOWN && rules->frozen))
    {
        return 0;
    }

    ngx_hd_state_change(data, rules, state, mono, wall);

    return 1;
}


static void
ngx_hd_state_note(ngx_hd_data_t *data, const ngx_hd_result_t *result,
    uint64_t mono, int64_t wall)
{
    data->last = wall;
    data->last_mono = mono;
    data->verdict = result->verdict;
    data->reason = result->reason;

    data->len = ngx_min(result->len, NGX_HD_DETAIL_LEN);
    ngx_memcpy(data->detail, result->detail, data->len);

    ngx_hd_state_note_answer(data, result);

    if (result->verdict == NGX_HD_FAIL) {
        ngx_hd_state_note_failure(&data->failed, result, wall);
    }
}


static void
ngx_hd_state_note_answer(ngx_hd_data_t *data, const ngx_hd_result_t *result)
{
    data->usec_last = result->usec;
    data->has_value = result->has_value;
    data->value = result->has_value ? result->value : 0;

    ngx_memcpy(data->phase, result->phase, sizeof(data->phase));

    /* a connection that was kept has shown its certificate before */

    if (result->verdict > NGX_HD_WARN || result->cert.version
        || result->cert.not_after)
    {
        data->cert = result->cert;
    }
}


static void
ngx_hd_state_note_failure(ngx_hd_failed_t *failed,
    const ngx_hd_result_t *result, int64_t wall)
{
    failed->time = wall;
    failed->reason = result->reason;
    failed->usec = result->usec;

    ngx_memcpy(failed->phase, result->phase, sizeof(failed->phase));

    failed->len = ngx_min(result->len, NGX_HD_DETAIL_LEN);
    ngx_memcpy(failed->detail, result->detail, failed->len);

    failed->sample = result->sample;
}


static void
ngx_hd_state_streaks(ngx_hd_data_t *data, const ngx_hd_result_t *result)
{
    ngx_hd_state_inc64(&data->checks);

    if (result->verdict == NGX_HD_FAIL) {
        ngx_hd_state_inc64(&data->failures);
        ngx_hd_state_inc32(&data->fails);
        data->passes = 0;
        data->clean = 0;
        return;
    }

    data->fails = 0;
    ngx_hd_state_inc32(&data->passes);

    if (result->verdict == NGX_HD_PASS) {
        ngx_hd_state_inc32(&data->clean);

    } else {
        data->clean = 0;
    }

    data->usec = result->usec;
    data->usec_max = ngx_max(data->usec_max, result->usec);
}


static ngx_uint_t
ngx_hd_state_next(const ngx_hd_data_t *data, const ngx_hd_rules_t *rules,
    ngx_hd_verdict_e verdict, uint64_t mono)
{
    switch (data->state) {

    case NGX_HD_STATE_UP:
    case NGX_HD_STATE_DEGRADED:

        if (verdict == NGX_HD_FAIL) {
            return (data->fails >= rules->fails) ? NGX_HD_STATE_DOWN
                                                 : data->state;
        }

        if (verdict == NGX_HD_WARN) {
            return NGX_HD_STATE_DEGRADED;
        }

        return (data->clean >= rules->passes) ? NGX_HD_STATE_UP : data->state;

    case NGX_HD_STATE_DOWN:

        if (data->passes < rules->passes
            || ngx_hd_state_is_held(data, rules, mono))
        {
            return NGX_HD_STATE_DOWN;
        }

        /* the result that brings it back says how well it is */

        return ngx_hd_state_first(verdict);

    case NGX_HD_STATE_PAUSED:
        return NGX_HD_STATE_PAUSED;

    default: /* NGX_HD_STATE_UNKNOWN */
        return ngx_hd_state_first(verdict);
    }
}


static ngx_uint_t
ngx_hd_state_first(ngx_hd_verdict_e verdict)
{
    switch (verdict) {

    case NGX_HD_PASS:
        return NGX_HD_STATE_UP;

    case NGX_HD_WARN:
        return NGX_HD_STATE_DEGRADED;

    default: /* NGX_HD_FAIL */
        return NGX_HD_STATE_DOWN;
    }
}


static ngx_uint_t
ngx_hd_state_is_held(const ngx_hd_data_t *data, const ngx_hd_rules_t *rules,
    uint64_t mono)
{
    uint64_t  max;

    if (rules->flap_changes == 0 || mono >= data->hold_until) {
        return 0;
    }

    /* a hold longer than any is left from another boot or from other rules */

    max = (uint64_t) rules->flap_time << NGX_HD_HOLD_DOUBLINGS;

    return data->hold_until - mono <= max;
}


static void
ngx_hd_state_change(ngx_hd_data_t *data, const ngx_hd_rules_t *rules,
    ngx_uint_t state, uint64_t mono, int64_t wall)
{
    if (data->state == NGX_HD_STATE_DOWN) {
        ngx_hd_state_inc64(&data->recoveries);
    }

    if (state == NGX_HD_STATE_DOWN) {
        ngx_hd_state_inc64(&data->downs);
    }

    ngx_hd_state_flap(data, rules, state, mono);

    data->state = (uint32_t) state;
    data->since = wall;
    data->since_mono = mono;

    data->state_reason = data->reason;
    data->state_len = data->len;
    ngx_memcpy(data->state_detail, data->detail, data->len);
}


static void
ngx_hd_state_flap(ngx_hd_data_t *data, const ngx_hd_rules_t *rules,
    ngx_uint_t state, uint64_t mono)
{
    if (rules->flap_changes == 0) {
        data->hold_until = 0;
        data->flaps = 0;
        data->holds = 0;
        return;
    }

    /* neither the first result nor a change of colour in service is a flap */

    if (data->state == NGX_HD_STATE_UNKNOWN
        || (data->state != NGX_HD_STATE_DOWN && state != NGX_HD_STATE_DOWN))
    {
        return;
    }

    if (data->hold_until) {
        /* coming out of a hold: the next calm window ends the row of holds */
        data->hold_until = 0;
        data->flap_start = mono;
        data->flaps = 0;

    } else if (data->flaps == 0
               || mono - data->flap_start >= rules->flap_time)
    {
        /* a start that lies ahead, from another boot, wraps and ends, too */
        data->flap_start = mono;
        data->flaps = 0;
        data->holds = 0;
    }

    ngx_hd_state_inc32(&data->flaps);

    if (state == NGX_HD_STATE_DOWN && data->flaps > rules->flap_changes) {
        ngx_hd_state_hold(data, rules, mono);
    }
}


static void
ngx_hd_state_hold(ngx_hd_data_t *data, const ngx_hd_rules_t *rules,
    uint64_t mono)
{
    uint32_t  n;

    n = ngx_min(data->holds, NGX_HD_HOLD_DOUBLINGS);

    data->hold_until = mono + ((uint64_t) rules->flap_time << n);

    ngx_hd_state_inc32(&data->holds);
}


ngx_uint_t
ngx_hd_state_is_moving(const ngx_hd_data_t *data)
{
    switch (data->state) {

    case NGX_HD_STATE_UP:
        return data->fails > 0;

    case NGX_HD_STATE_DEGRADED:
        return data->fails > 0 || data->clean > 0;

    case NGX_HD_STATE_DOWN:
        /* haste is no use while it is held down */
        return data->passes > 0 && data->last_mono >= data->hold_until;

    case NGX_HD_STATE_PAUSED:
        return 0;

    default: /* NGX_HD_STATE_UNKNOWN */
        return 1;
    }
}


ngx_uint_t
ngx_hd_state_is_out(ngx_uint_t state, ngx_hd_initial_e initial)
{
    if (state == NGX_HD_STATE_UNKNOWN) {
        return initial != NGX_HD_INITIAL_UP;
    }

    return state == NGX_HD_STATE_DOWN;
}


ngx_uint_t
ngx_hd_state_worse(ngx_uint_t a, ngx_uint_t b)
{
    a = (a < NGX_HD_STATES) ? a : NGX_HD_STATE_UNKNOWN;
    b = (b < NGX_HD_STATES) ? b : NGX_HD_STATE_UNKNOWN;

    return (ngx_hd_state_rank[a] >= ngx_hd_state_rank[b]) ? a : b;
}


ngx_uint_t
ngx_hd_state_min_up(ngx_uint_t value, ngx_uint_t percent, ngx_uint_t n)
{
    if (!percent) {
        return ngx_min(value, n);
    }

    value = ngx_min(value, 100);

    /* n * value could overflow */

    return n / 100 * value + (n % 100 * value + 99) / 100;
}


static void
ngx_hd_state_inc32(uint32_t *n)
{
    if (*n != UINT32_MAX) {
        (*n)++;
    }
}


static void
ngx_hd_state_inc64(uint64_t *n)
{
    if (*n != UINT64_MAX) {
        (*n)++;
    }
}

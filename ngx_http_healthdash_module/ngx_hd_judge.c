
/*
 * From a result to a state: what the guard forbids, what was and what comes
 * back.  The scheduler publishes it.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_clock.h>
#include <ngx_hd_guard.h>
#include <ngx_hd_history.h>
#include <ngx_hd_judge.h>
#include <ngx_hd_place.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_state.h>
#include <ngx_hd_store.h>
#include <ngx_hd_tell.h>


#define NGX_HD_JUDGE_TELL     60000     /* msec between lines on our trouble */


static ngx_uint_t ngx_hd_judge_is_frozen(ngx_hd_judge_t *judge,
    ngx_hd_target_t *t, ngx_hd_record_t *rec, uint64_t *failed,
    const ngx_hd_result_t *result);
static void ngx_hd_judge_back(ngx_hd_target_t *t, ngx_hd_data_t *data,
    ngx_uint_t was);


void
ngx_hd_judge_init(ngx_hd_judge_t *judge, ngx_hd_main_conf_t *hmcf)
{
    judge->main = hmcf;
    judge->looked = 0;
    judge->told = ngx_current_msec - NGX_HD_JUDGE_TELL;
}


ngx_uint_t
ngx_hd_judge_count(ngx_hd_judge_t *judge, ngx_hd_target_t *t,
    ngx_hd_record_t *rec, uint64_t *failed, const ngx_hd_result_t *result,
    ngx_hd_data_t *data)
{
    ngx_uint_t       changed, was;
    ngx_hd_rules_t   rules;
    ngx_hd_check_t  *check;

    check = t->check;
    was = data->state;

    rules = check->rules;
    rules.frozen = ngx_hd_judge_is_frozen(judge, t, rec, failed, result);

    ngx_hd_history_pass(&rec->history, data,
                        ngx_current_msec + judge->main->zone->clock,
                        ngx_hd_store_validity(check));

    changed = ngx_hd_state_count(data, &rules, result, ngx_current_msec,
                                 ngx_hd_wall());

    ngx_hd_history_count(data, result);

    data->slot = (uint16_t) ngx_worker;
    data->pid = (uint32_t) ngx_pid;

    if (changed && check->observe && data->state == NGX_HD_STATE_DOWN) {
        data->withheld++;
    }

    if (changed) {
        ngx_hd_judge_back(t, data, was);
    }

    return changed;
}


/* whether the guard, which looks when something fails, lets it go down */

static ngx_uint_t
ngx_hd_judge_is_frozen(ngx_hd_judge_t *judge, ngx_hd_target_t *t,
    ngx_hd_record_t *rec, uint64_t *failed, const ngx_hd_result_t *result)
{
    ngx_hd_main_conf_t  *hmcf;

    hmcf = judge->main;

    if (hmcf->guard == 0 || result->verdict == NGX_HD_INCONCLUSIVE) {
        return 0;
    }

    if (result->verdict != NGX_HD_FAIL) {
        *failed = 0;
        ngx_hd_guard_note(rec, 0, ngx_current_msec);
        return 0;
    }

    if (*failed == 0) {
        *failed = ngx_current_msec;
    }

    ngx_hd_guard_note(rec, 1, ngx_current_msec);

    if (ngx_current_msec - judge->looked
        >= NGX_HD_TICK + hmcf->targets.nelts / 100)
    {
        ngx_hd_judge_guard(judge, *failed);
    }

    return ngx_hd_guard_holds(hmcf, t);
}


void
ngx_hd_judge_guard(ngx_hd_judge_t *judge, uint64_t from)
{
    ngx_hd_guard_news_t  news;

    judge->looked = ngx_current_msec;

    if (ngx_hd_guard_look(judge->main, from, ngx_current_msec, &news)) {
        ngx_hd_tell_guard(judge->main, &news);
    }
}


/* a server that was to be skipped, if it was or not, and is to be no more */

static void
ngx_hd_judge_back(ngx_hd_target_t *t, ngx_hd_data_t *data, ngx_uint_t was)
{
    ngx_uint_t  initial;

    initial = ngx_hd_place_initial(t->check, t->spare);

    if (t->upstream == NULL
        || !ngx_hd_state_is_out(was, initial)
        || ngx_hd_state_is_out(data->state, initial))
    {
        return;
    }

    ngx_hd_upstream_sync(t->upstream);

    data->back = ngx_hd_back(ngx_current_msec,
                             ngx_hd_upstream_serves(t->upstream, t));
}


void
ngx_hd_judge_tell_trouble(ngx_hd_judge_t *judge, ngx_hd_target_t *t,
    const ngx_hd_result_t *result)
{
    if (ngx_current_msec - judge->told >= NGX_HD_JUDGE_TELL) {
        judge->told = ngx_current_msec;
        ngx_hd_tell_trouble(t, result);
    }
}


/*
 * healthdash: what the picture says of one target.  Called by the renderers;
 * reads the picture, and of the store nothing but the history.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_view.h>


static void ngx_hd_view_text(ngx_str_t *text, const u_char *data, size_t len);


ngx_uint_t
ngx_hd_view_reason(const ngx_hd_view_target_t *vt, ngx_str_t *text)
{
    const ngx_hd_data_t  *data;

    data = &vt->data;

    ngx_str_null(text);

    switch (vt->health) {

    case NGX_HD_STATE_DOWN:
        if (data->verdict == NGX_HD_FAIL) {
            return ngx_hd_view_last(vt, text);
        }

        break;

    case NGX_HD_STATE_DEGRADED:
        if (data->verdict == NGX_HD_WARN) {
            return ngx_hd_view_last(vt, text);
        }

        break;

    case NGX_HD_STATE_UNKNOWN:
        return vt->stale ? NGX_HD_R_NONE : ngx_hd_view_last(vt, text);

    default:
        return NGX_HD_R_NONE;
    }

    /* the last probe says something else: then why it came to this state */

    ngx_hd_view_text(text, data->state_detail, data->state_len);

    return data->state_reason;
}


ngx_uint_t
ngx_hd_view_last(const ngx_hd_view_target_t *vt, ngx_str_t *text)
{
    ngx_str_null(text);

    if (vt->data.verdict == NGX_HD_PASS) {
        return NGX_HD_R_NONE;
    }

    ngx_hd_view_text(text, vt->data.detail, vt->data.len);

    return vt->data.reason;
}


static void
ngx_hd_view_text(ngx_str_t *text, const u_char *data, size_t len)
{
    text->len = ngx_min(len, NGX_HD_DETAIL_LEN);
    text->data = (u_char *) data;
}


int64_t
ngx_hd_view_since(const ngx_hd_view_target_t *vt)
{
    /* what is stale became unknown when the results ended */

    return vt->stale ? vt->data.last : vt->data.since;
}


uint64_t
ngx_hd_view_age(const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt)
{
    uint64_t  since;

    since = vt->stale ? vt->data.last_mono : vt->data.since_mono;

    /* a result may be newer than the picture's clock */

    return ngx_hd_since(since, view->mono);
}


uint64_t
ngx_hd_view_held(const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt)
{
    uint64_t  until;

    until = vt->data.hold_until;

    return (vt->health == NGX_HD_STATE_DOWN
            && vt->target->check->rules.flap_changes
            && until > view->mono) ? until - view->mono : 0;
}


ngx_int_t
ngx_hd_view_past(const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt,
    ngx_hd_view_past_t *past)
{
    ngx_hd_record_t  *rec;

    rec = view->main->zone ? ngx_hd_store_record(view->main, vt->target)
                           : NULL;

    if (rec == NULL || vt->data.seen == 0) {
        return NGX_DECLINED;
    }

    past->target = vt->target;
    past->data = vt->data;

    ngx_hd_history_copy(&past->history, &rec->history);

    ngx_hd_history_pass(&past->history, &past->data, view->clock,
                        ngx_hd_store_validity(vt->target->check));

    /* a slow client may be shown it minutes after the facts were read */

    ngx_hd_history_forget(&past->history, &past->data,
                          ngx_hd_now_usec() / 1000 + view->main->zone->clock);

    return NGX_OK;
}

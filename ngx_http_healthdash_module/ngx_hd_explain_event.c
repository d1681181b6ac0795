
/*
 * healthdash: the sentence about one event.  Called by the renderers; what an
 * event leaves out, as in a public picture, is not said.
 */


#include <ngx_hd_explain.h>
#include <ngx_hd_reason.h>


static void ngx_hd_explain_event_state(ngx_hd_text_t *t,
    const ngx_hd_event_t *e, ngx_hd_phrase_pt escape);
static void ngx_hd_explain_event_name(ngx_hd_text_t *t,
    const ngx_hd_event_t *e, ngx_hd_phrase_pt escape);
static void ngx_hd_explain_event_text(ngx_hd_text_t *t, const char *before,
    const ngx_hd_event_t *e, ngx_hd_phrase_pt escape);


static const char * const  ngx_hd_explain_kinds[NGX_HD_EVENT_KINDS] = {
    [0] = "unknown",
    [NGX_HD_EVENT_STATE] = "state",
    [NGX_HD_EVENT_ADDED] = "added",
    [NGX_HD_EVENT_REMOVED] = "removed",
    [NGX_HD_EVENT_LOADED] = "loaded",
    [NGX_HD_EVENT_TAKEOVER] = "takeover",
    [NGX_HD_EVENT_GUARD] = "guard"
};


void
ngx_hd_explain_event(ngx_hd_text_t *t, const ngx_hd_event_t *e,
    ngx_hd_phrase_pt escape)
{
    switch (e->kind) {

    case NGX_HD_EVENT_STATE:
        ngx_hd_explain_event_state(t, e, escape);
        return;

    case NGX_HD_EVENT_ADDED:
        ngx_hd_explain_event_name(t, e, escape);
        ngx_hd_text_add(t, " is probed from now on");
        ngx_hd_explain_event_text(t, ": ", e, escape);
        return;

    case NGX_HD_EVENT_REMOVED:
        ngx_hd_explain_event_name(t, e, escape);
        ngx_hd_text_add(t, " is probed no more");
        ngx_hd_explain_event_text(t, ": ", e, escape);
        return;

    case NGX_HD_EVENT_LOADED:
        ngx_hd_text_add(t, "configuration ");
        ngx_hd_text_uint(t, e->value);
        ngx_hd_text_add(t, " was loaded");
        ngx_hd_explain_event_text(t, ": ", e, escape);
        return;

    case NGX_HD_EVENT_TAKEOVER:

        if (e->text_len) {
            ngx_hd_explain_event_text(t, "", e, escape);

        } else {
            ngx_hd_text_add(t, "a worker probes for another one");
        }

        return;

    case NGX_HD_EVENT_GUARD:
        ngx_hd_explain_event_text(t, "", e, escape);
        return;

    default:
        ngx_hd_text_add(t, "something has happened");
    }
}


static void
ngx_hd_explain_event_state(ngx_hd_text_t *t, const ngx_hd_event_t *e,
    ngx_hd_phrase_pt escape)
{
    ngx_hd_explain_event_name(t, e, escape);
    ngx_hd_text_add(t, " is ");
    ngx_hd_text_add(t, ngx_hd_state_word(e->to));

    if (e->text_len) {
        ngx_hd_explain_event_text(t, ": ", e, escape);

    } else if (e->reason != NGX_HD_R_NONE) {
        ngx_hd_text_add(t, ": ");
        ngx_hd_text_add(t, ngx_hd_reason(e->reason)->text);
    }

    if (e->from == NGX_HD_STATE_UNKNOWN) {
        ngx_hd_text_add(t, "; it is the first result");
        return;
    }

    ngx_hd_text_add(t, "; it was ");
    ngx_hd_text_add(t, ngx_hd_state_word(e->from));

    if (e->lasted) {
        ngx_hd_text_add(t, " for ");
        ngx_hd_text_ago(t, e->lasted);
    }
}


static void
ngx_hd_explain_event_name(ngx_hd_text_t *t, const ngx_hd_event_t *e,
    ngx_hd_phrase_pt escape)
{
    escape(t, e->name, ngx_min(e->name_len, NGX_HD_EVENT_NAME));

    if (e->upstream_len) {
        ngx_hd_text_add(t, " of ");
        escape(t, e->upstream, ngx_min(e->upstream_len,
                                       NGX_HD_EVENT_UPSTREAM));
    }
}


static void
ngx_hd_explain_event_text(ngx_hd_text_t *t, const char *before,
    const ngx_hd_event_t *e, ngx_hd_phrase_pt escape)
{
    if (e->text_len) {
        ngx_hd_text_add(t, before);
        escape(t, e->text, ngx_min(e->text_len, NGX_HD_EVENT_TEXT));
    }
}


const char *
ngx_hd_explain_kind(ngx_uint_t kind)
{
    return ngx_hd_explain_kinds[(kind < NGX_HD_EVENT_KINDS) ? kind : 0];
}

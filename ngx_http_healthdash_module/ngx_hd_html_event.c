
/*
 * healthdash: the timeline of the page.  Called by the page and by the live
 * stream.  A target that went down and the event that ended it are two events;
 * both tell how long it took.
 */


#include <ngx_hd_html_event.h>
#include <ngx_hd_explain.h>
#include <ngx_hd_html.h>
#include <ngx_hd_reason.h>


#define NGX_HD_HTML_EVENTS     50


static void ngx_hd_html_event_begin(ngx_hd_text_t *t,
    const ngx_hd_event_t *e);
static void ngx_hd_html_event_length(ngx_hd_text_t *t,
    const ngx_hd_event_t *e, const ngx_hd_event_t *of);
static const ngx_hd_event_t *ngx_hd_html_event_end(const ngx_hd_event_t *e,
    ngx_uint_t i);


void
ngx_hd_html_event(ngx_hd_text_t *t, const ngx_hd_event_t *e,
    const ngx_hd_event_t *of)
{
    ngx_hd_html_event_begin(t, e);
    ngx_hd_html_clock(t, e->time);

    if (e->kind == NGX_HD_EVENT_STATE) {
        ngx_hd_html_state(t, e->to);

    } else {
        ngx_hd_text_add(t, "<span class=\"s\">");
        ngx_hd_text_add(t, ngx_hd_explain_kind(e->kind));
        ngx_hd_text_add(t, "</span>");
    }

    ngx_hd_text_add(t, "<p>");
    ngx_hd_explain_event(t, e, ngx_hd_text_html);
    ngx_hd_html_event_length(t, e, of);
    ngx_hd_text_add(t, "</p></li>\n");
}


/*
 * data-of: what an event is about, so that a later one can be put to it.  It is
 * made of names that are shown, and so little of the identity that tells the
 * checks of a server apart, but not who hides behind a name.
 */

static void
ngx_hd_html_event_begin(ngx_hd_text_t *t, const ngx_hd_event_t *e)
{
    uint32_t    of;
    ngx_uint_t  incident;

    ngx_crc32_init(of);
    ngx_crc32_update(&of, (u_char *) e->upstream,
                     ngx_min(e->upstream_len, NGX_HD_EVENT_UPSTREAM));
    ngx_crc32_update(&of, (u_char *) e->name,
                     ngx_min(e->name_len, NGX_HD_EVENT_NAME));
    ngx_crc32_update(&of, (u_char *) e->id, 1);
    ngx_crc32_final(of);

    incident = e->kind == NGX_HD_EVENT_STATE
               && (e->to == NGX_HD_STATE_DOWN
                   || e->from == NGX_HD_STATE_DOWN);

    ngx_hd_html_count(t, "<li id=\"e", e->number, "\" class=\"");
    ngx_hd_text_add(t, (e->kind == NGX_HD_EVENT_STATE)
                       ? ngx_hd_state_word(e->to) : "other");
    ngx_hd_text_add(t, incident ? " incident\" data-of=\""
                                : "\" data-of=\"");
    ngx_hd_text_uint(t, of);
    ngx_hd_text_add(t, "\">");
}


static void
ngx_hd_html_event_length(ngx_hd_text_t *t, const ngx_hd_event_t *e,
    const ngx_hd_event_t *of)
{
    if (e->kind != NGX_HD_EVENT_STATE || e->to != NGX_HD_STATE_DOWN) {
        return;
    }

    if (of && of != e && of->kind == NGX_HD_EVENT_STATE) {
        ngx_hd_text_add(t, " <span class=\"pill ended\">lasted ");
        ngx_hd_text_ago(t, of->lasted);
        ngx_hd_text_add(t, "</span>");

    } else if (of == NULL) {
        ngx_hd_text_add(t, " <span class=\"pill down ongoing\">ongoing"
                        "</span>");
    }
}


void
ngx_hd_html_events(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    uint64_t         number;
    ngx_uint_t       i, n;
    ngx_hd_event_t  *e;

    if (view->event == 0) {
        return;
    }

    e = ngx_palloc(t->pool, NGX_HD_HTML_EVENTS * sizeof(ngx_hd_event_t));
    if (e == NULL) {
        t->failed = 1;
        return;
    }

    for (n = 0, number = view->event;
         number && n < NGX_HD_HTML_EVENTS && number + NGX_HD_EVENTS
                                             > view->event;
         number--)
    {
        if (ngx_hd_view_event(view, number, &e[n]) == NGX_OK) {
            n++;
        }
    }

    ngx_hd_text_add(t, "<section id=\"events\"><h2>Events</h2>"
                    "<ol class=\"card\" id=\"log\">\n");

    for (i = 0; i < n; i++) {
        ngx_hd_html_event(t, &e[i], ngx_hd_html_event_end(e, i));
    }

    ngx_hd_text_add(t, "</ol></section>\n");
}


/*
 * What ended the state that the i-th began: the next about the same target, or
 * if it does not say about whom it is, itself.
 */

static const ngx_hd_event_t *
ngx_hd_html_event_end(const ngx_hd_event_t *e, ngx_uint_t i)
{
    ngx_uint_t  j;

    static const u_char  nobody[NGX_HD_ID_LEN];

    if (ngx_memcmp(e[i].id, nobody, NGX_HD_ID_LEN) == 0) {
        return &e[i];
    }

    for (j = i; j-- > 0; ) {

        if (ngx_memcmp(e[j].id, e[i].id, NGX_HD_ID_LEN) == 0) {
            return &e[j];
        }
    }

    return NULL;
}


/*
 * healthdash: the words, times and numbers of the page.  Called by the units
 * that write its parts, whose rules hold here: no attribute style, no event
 * handler, no address but those of the configuration.
 */


#include <ngx_hd_html.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>


static ngx_uint_t ngx_hd_html_is_link(const ngx_str_t *link,
    const char *scheme);


void
ngx_hd_html_string(ngx_hd_text_t *t, const char *before,
    const ngx_str_t *value, const char *after)
{
    ngx_hd_text_add(t, before);
    ngx_hd_text_html(t, value->data, value->len);
    ngx_hd_text_add(t, after);
}


void
ngx_hd_html_count(ngx_hd_text_t *t, const char *before, uint64_t n,
    const char *after)
{
    ngx_hd_text_add(t, before);
    ngx_hd_text_uint(t, n);
    ngx_hd_text_add(t, after);
}


void
ngx_hd_html_state(ngx_hd_text_t *t, ngx_uint_t health)
{
    ngx_hd_text_add(t, "<span class=\"s ");
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "\">");
    ngx_hd_html_icon(t, health);
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "</span>");
}


void
ngx_hd_html_icon(ngx_hd_text_t *t, ngx_uint_t health)
{
    ngx_hd_text_add(t, "<svg class=\"i\" aria-hidden=\"true\"><use href=\"#");
    ngx_hd_text_add(t, ngx_hd_state_word(health));
    ngx_hd_text_add(t, "\"/></svg>");
}


void
ngx_hd_html_clock(ngx_hd_text_t *t, int64_t wall)
{
    u_char    *last;
    u_char     buf[sizeof("9999-12-31 23:59:59 UTC") + NGX_INT_T_LEN];
    ngx_tm_t   tm;

    ngx_gmtime((time_t) (wall / 1000), &tm);

    last = ngx_sprintf(buf, "%4d-%02d-%02d %02d:%02d:%02d UTC",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);

    ngx_hd_text_add(t, "<time datetime=\"");
    ngx_hd_text_time(t, wall);
    ngx_hd_text_add(t, "\">");
    ngx_hd_text_raw(t, buf, last - buf);
    ngx_hd_text_add(t, "</time>");
}


void
ngx_hd_html_moment(ngx_hd_text_t *t, int64_t wall)
{
    u_char             *last;
    u_char              buf[sizeof("Dec 31 23:59") + 4 * NGX_INT_T_LEN];
    ngx_tm_t            tm;
    static const char  *months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

    ngx_gmtime((time_t) (ngx_max(wall + 30000, 0) / 1000), &tm);

    last = ngx_sprintf(buf, "%s %d %02d:%02d", months[tm.ngx_tm_mon - 1],
                       tm.ngx_tm_mday, tm.ngx_tm_hour, tm.ngx_tm_min);

    ngx_hd_text_raw(t, buf, last - buf);
}


void
ngx_hd_html_since(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    int64_t  since;

    since = ngx_hd_view_since(vt);

    if (since == 0) {
        return;
    }

    ngx_hd_text_add(t, "<time datetime=\"");
    ngx_hd_text_time(t, since);
    ngx_hd_text_add(t, "\" title=\"since ");
    ngx_hd_text_time(t, since);
    ngx_hd_text_add(t, "\">for ");
    ngx_hd_text_ago(t, ngx_hd_view_age(view, vt));
    ngx_hd_text_add(t, "</time>");
}


void
ngx_hd_html_percent(ngx_hd_text_t *t, ngx_int_t millionths)
{
    u_char  *last;
    u_char   buf[NGX_INT_T_LEN + sizeof(".99 %")];

    if (millionths < 0) {
        ngx_hd_text_add(t, "-");
        return;
    }

    last = ngx_sprintf(buf, "%i", millionths / 10000);

    if (millionths % 10000) {
        last = ngx_sprintf(last, ".%02i", millionths % 10000 / 100);
    }

    ngx_hd_text_raw(t, buf, last - buf);
    ngx_hd_text_add(t, " %");
}


ngx_uint_t
ngx_hd_html_is_whole(const ngx_hd_span_t *span)
{
    return span->known >= span->length - span->length / 100;
}


void
ngx_hd_html_known(ngx_hd_text_t *t, const char *before,
    const ngx_hd_span_t *span, const char *after)
{
    if (span->known < 1000) {
        ngx_hd_text_add(t, "just started");
        return;
    }

    ngx_hd_text_add(t, before);
    ngx_hd_text_ago(t, span->known);
    ngx_hd_text_add(t, after);
}


void
ngx_hd_html_latency(ngx_hd_text_t *t, uint64_t usec)
{
    u_char  *last;
    u_char   buf[NGX_HD_PHRASE_LATENCY];

    last = ngx_hd_phrase_latency(buf, usec);

    ngx_hd_text_raw(t, buf, last - buf);
}


void
ngx_hd_html_link(ngx_hd_text_t *t, const ngx_str_t *link)
{
    /* no other scheme, "javascript:" least of all, becomes a link */

    if (ngx_hd_html_is_link(link, "http://")
        || ngx_hd_html_is_link(link, "https://"))
    {
        ngx_hd_html_string(t, "<a rel=\"noreferrer\" href=\"", link,
                           "\">runbook</a>");

    } else {
        ngx_hd_html_string(t, "", link, "");
    }
}


static ngx_uint_t
ngx_hd_html_is_link(const ngx_str_t *link, const char *scheme)
{
    size_t  len;

    len = ngx_strlen(scheme);

    return link->len > len
           && ngx_strncasecmp(link->data, (u_char *) scheme, len) == 0;
}

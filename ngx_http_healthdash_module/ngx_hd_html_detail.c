
/*
 * healthdash: what an opened row of the page tells.  Called by the unit that
 * writes rows.  An answer is the most hostile text there is: it is escaped line
 * by line.
 */


#include <ngx_hd_html_detail.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_explain.h>
#include <ngx_hd_html.h>
#include <ngx_hd_html_strip.h>
#include <ngx_hd_probe.h>


#define NGX_HD_HTML_BAR        1000    /* width of the phases */


static void ngx_hd_html_say(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt);
static void ngx_hd_html_facts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_counts(ngx_hd_text_t *t, const ngx_hd_data_t *data);
static void ngx_hd_html_next(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_html_tls(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_data_t *data);
static void ngx_hd_html_nginx(ngx_hd_text_t *t, const ngx_hd_peer_t *peer);
static void ngx_hd_html_past(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past);
static void ngx_hd_html_latencies(ngx_hd_text_t *t,
    const ngx_hd_view_past_t *past);
static void ngx_hd_html_windows(ngx_hd_text_t *t,
    const ngx_hd_view_past_t *past);
static void ngx_hd_html_phases(ngx_hd_text_t *t, const char *what,
    const uint32_t *phase, uint32_t usec);
static void ngx_hd_html_phases_bar(ngx_hd_text_t *t, const uint32_t *phase,
    uint32_t usec);
static void ngx_hd_html_failed(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_data_t *data);
static void ngx_hd_html_sample(ngx_hd_text_t *t,
    const ngx_hd_sample_t *sample);
static void ngx_hd_html_lines(ngx_hd_text_t *t, const u_char *text,
    size_t len);


static const char  ngx_hd_html_next_fact[] = "</dd></div>";


void
ngx_hd_html_detail(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt)
{
    ngx_uint_t          known;
    ngx_hd_view_past_t  past;

    ngx_hd_html_say(t, view, vp, vt);

    if (vt == NULL) {
        ngx_hd_text_add(t, "<dl class=\"facts\">");
        ngx_hd_html_nginx(t, &vp->peer);
        ngx_hd_text_add(t, "</dl>");
        return;
    }

    known = (ngx_hd_view_past(view, vt, &past) == NGX_OK);

    if (vt->data.last) {
        ngx_hd_html_phases(t, "Last probe: ", vt->data.phase,
                           vt->data.usec_last);
    }

    ngx_hd_html_failed(t, view, &vt->data);

    ngx_hd_text_add(t, "<dl class=\"facts\">");
    ngx_hd_html_facts(t, view, vt);

    if (vp) {
        ngx_hd_html_nginx(t, &vp->peer);
    }

    if (known) {
        ngx_hd_html_latencies(t, &past);
        ngx_hd_html_windows(t, &past);
    }

    ngx_hd_text_add(t, "</dl>");

    if (known) {
        ngx_hd_html_past(t, view, &past);
    }
}


static void
ngx_hd_html_say(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt)
{
    ngx_uint_t  i;

    ngx_hd_text_add(t, "<p class=\"say\">");

    for (i = 0; ngx_hd_explain(t, view, vp, vt, i, ngx_hd_text_html)
                == NGX_OK; i++)
    {
        ngx_hd_text_add(t, " ");
    }

    ngx_hd_text_add(t, "</p>");
}


static void
ngx_hd_html_facts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    const ngx_hd_data_t  *data;

    data = &vt->data;

    ngx_hd_html_counts(t, data);

    if (data->withheld) {
        ngx_hd_html_count(t, "<div><dt>Would have been taken out</dt><dd>",
                          data->withheld, ngx_hd_html_next_fact);
    }

    ngx_hd_html_next(t, view, vt);

    if (data->has_value) {
        ngx_hd_text_add(t, "<div><dt>Value</dt><dd>");
        ngx_hd_detail_measure(t, data, vt->target->check->type->unit);
        ngx_hd_text_add(t, ngx_hd_html_next_fact);
    }

    if (ngx_hd_detail_has_tls(data)) {
        ngx_hd_html_tls(t, view, data);
    }
}


static void
ngx_hd_html_counts(ngx_hd_text_t *t, const ngx_hd_data_t *data)
{
    ngx_hd_html_count(t, "<div><dt>Checks</dt><dd>", data->checks,
                      ngx_hd_html_next_fact);
    ngx_hd_html_count(t, "<div><dt>Failed</dt><dd>", data->failures,
                      ngx_hd_html_next_fact);

    if (data->inconclusive) {
        ngx_hd_html_count(t, "<div><dt>Inconclusive</dt><dd>",
                          data->inconclusive, ngx_hd_html_next_fact);
    }

    ngx_hd_html_count(t, "<div><dt>Went down</dt><dd>", data->downs,
                      (data->downs == 1) ? " time</dd></div>"
                                         : " times</dd></div>");
}


static void
ngx_hd_html_next(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_hd_text_add(t, "<div><dt>Next probe</dt><dd>");
    ngx_hd_phrase_next(t, view, vt);
    ngx_hd_text_add(t, ngx_hd_html_next_fact);

    if (vt->data.pid) {
        ngx_hd_html_count(t, "<div><dt>Worker</dt><dd>", vt->data.slot,
                          ngx_hd_html_next_fact);
    }
}


static void
ngx_hd_html_tls(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_data_t *data)
{
    ngx_hd_text_add(t, data->cert.wrong ? "<div class=\"wide bad\">"
                                        : "<div class=\"wide\">");
    ngx_hd_text_add(t, "<dt>TLS</dt><dd>");
    ngx_hd_detail_tls(t, view, &data->cert, ngx_hd_text_html);
    ngx_hd_text_add(t, ngx_hd_html_next_fact);
}


static void
ngx_hd_html_nginx(ngx_hd_text_t *t, const ngx_hd_peer_t *peer)
{
    ngx_hd_html_count(t, "<div><dt>Weight</dt><dd>", peer->weight,
                      ngx_hd_html_next_fact);

    if (peer->counted && peer->fails) {
        ngx_hd_html_count(t, "<div><dt>Passive failures</dt><dd>",
                          peer->fails, ngx_hd_html_next_fact);
    }
}


static void
ngx_hd_html_latencies(ngx_hd_text_t *t, const ngx_hd_view_past_t *past)
{
    ngx_uint_t           i;
    static const struct {
        const char      *name;
        ngx_uint_t       permille;
    } parts[] = {
        { "Median", 500 }, { "95 % within", 950 }, { "99 % within", 990 }
    };

    if (past->data.usec_max == 0) {
        return;
    }

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        ngx_hd_text_add(t, "<div><dt>");
        ngx_hd_text_add(t, parts[i].name);
        ngx_hd_text_add(t, "</dt><dd>");
        ngx_hd_html_latency(t, ngx_hd_history_latency(&past->history,
                                                      &past->data,
                                                      parts[i].permille));
        ngx_hd_text_add(t, ngx_hd_html_next_fact);
    }

    ngx_hd_text_add(t, "<div><dt>Slowest</dt><dd>");
    ngx_hd_html_latency(t, past->data.usec_max);
    ngx_hd_text_add(t, ngx_hd_html_next_fact);
}


static void
ngx_hd_html_windows(ngx_hd_text_t *t, const ngx_hd_view_past_t *past)
{
    ngx_hd_span_t           sum;
    const ngx_hd_window_t  *w;

    for (w = ngx_hd_history_windows; w->name; w++) {
        ngx_hd_history_sum(&past->history, &past->data, w->level, w->n, &sum);

        ngx_hd_text_add(t, "<div><dt>Available ");
        ngx_hd_text_add(t, w->name);
        ngx_hd_text_add(t, "</dt><dd>");
        ngx_hd_html_percent(t, ngx_hd_history_available(&sum));

        if (sum.known && !ngx_hd_html_is_whole(&sum)) {
            ngx_hd_text_add(t, " <small>of ");
            ngx_hd_text_ago(t, sum.known);
            ngx_hd_text_add(t, " known</small>");
        }

        ngx_hd_text_add(t, ngx_hd_html_next_fact);
    }
}


static void
ngx_hd_html_past(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past)
{
    ngx_hd_text_add(t, "<div class=\"pasts\">");
    ngx_hd_html_parts(t, view, past, NGX_HD_HOUR);
    ngx_hd_html_parts(t, view, past, NGX_HD_DAY);
    ngx_hd_text_add(t, "</div>");
}


static void
ngx_hd_html_phases(ngx_hd_text_t *t, const char *what, const uint32_t *phase,
    uint32_t usec)
{
    if (usec == 0) {
        return;
    }

    ngx_hd_text_add(t, "<div class=\"phases\">");
    ngx_hd_html_phases_bar(t, phase, usec);
    ngx_hd_text_add(t, "<small>");
    ngx_hd_text_add(t, what);
    ngx_hd_detail_phases(t, phase, usec);
    ngx_hd_text_add(t, "</small></div>");
}


/* a phase begins where the one before has ended; the words stand below */

static void
ngx_hd_html_phases_bar(ngx_hd_text_t *t, const uint32_t *phase, uint32_t usec)
{
    ngx_uint_t  i, x, end;

    ngx_hd_text_add(t, "<svg viewBox=\"0 0 1000 8\" aria-hidden=\"true\" "
                    "preserveAspectRatio=\"none\">");

    for (x = 0, i = 0; i <= NGX_HD_PHASES; i++) {
        end = NGX_HD_HTML_BAR;

        if (i < NGX_HD_PHASES) {
            end = (uint64_t) ngx_min(phase[i], usec) * NGX_HD_HTML_BAR / usec;
        }

        if (end <= x) {
            continue;
        }

        ngx_hd_html_count(t, "<path class=\"p", i, "\" d=\"M");
        ngx_hd_html_count(t, "", x, " 4h");
        ngx_hd_html_count(t, "", end - x, "\"/>");

        x = end;
    }

    ngx_hd_text_add(t, "</svg>");
}


static void
ngx_hd_html_failed(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_data_t *data)
{
    const ngx_hd_failed_t  *failed;

    failed = &data->failed;

    /* what has just been said needs no second time */

    if (failed->time == 0
        || (data->verdict == NGX_HD_FAIL && failed->sample.line_len == 0
            && failed->sample.len == 0))
    {
        return;
    }

    ngx_hd_text_add(t, "<div class=\"failed\"><small>Last failure");

    if (view->time > failed->time) {
        ngx_hd_text_add(t, ", ");
        ngx_hd_text_ago(t, (uint64_t) (view->time - failed->time));
        ngx_hd_text_add(t, " ago");
    }

    ngx_hd_text_add(t, ": ");
    ngx_hd_text_html(t, failed->detail, ngx_min(failed->len,
                                                NGX_HD_DETAIL_LEN));
    ngx_hd_text_add(t, "</small>");
    ngx_hd_html_sample(t, &failed->sample);

    if (data->verdict != NGX_HD_FAIL) {
        ngx_hd_html_phases(t, "That probe: ", failed->phase, failed->usec);
    }

    ngx_hd_text_add(t, "</div>");
}


static void
ngx_hd_html_sample(ngx_hd_text_t *t, const ngx_hd_sample_t *sample)
{
    if (sample->line_len == 0 && sample->len == 0) {
        return;
    }

    ngx_hd_text_add(t, "<pre class=\"answer\" tabindex=\"0\">");
    ngx_hd_html_lines(t, sample->line, ngx_min(sample->line_len,
                                               NGX_HD_LINE_LEN));

    if (sample->line_len && sample->len) {
        ngx_hd_text_add(t, "&#10;");
    }

    ngx_hd_html_lines(t, sample->text, ngx_min(sample->len,
                                               NGX_HD_SAMPLE_LEN));
    ngx_hd_text_add(t, "</pre>");
}


/* a break is written as a reference: in a live stream a plain one would end the
   data */

static void
ngx_hd_html_lines(ngx_hd_text_t *t, const u_char *text, size_t len)
{
    const u_char  *p, *last;

    last = text + len;

    while (text < last) {

        for (p = text; p < last && *p != '\n'; p++) { /* void */ }

        ngx_hd_text_html(t, text, p - text);

        if (p < last) {
            ngx_hd_text_add(t, "&#10;");
            p++;
        }

        text = p;
    }
}


/*
 * healthdash: the small print of a row of the page.  Called by
 * ngx_hd_render_html.c, whose rules hold here.  An answer is the most hostile
 * text there is: it is escaped line by line.
 */


#include <ngx_hd_render_html_detail.h>
#include <ngx_hd_probe.h>


static void ngx_hd_html_answer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_failed_t *failed);
static void ngx_hd_html_lines(ngx_hd_text_t *t, const u_char *text,
    size_t len);


void
ngx_hd_render_html_detail(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    const ngx_hd_data_t  *data;

    data = &vt->data;

    if (data->withheld) {
        ngx_hd_text_add(t, "<small>would have been taken out: ");
        ngx_hd_text_uint(t, data->withheld);
        ngx_hd_text_add(t, "</small>");
    }

    if (data->has_value) {
        ngx_hd_text_add(t, "<small>");
        ngx_hd_detail_measure(t, data, vt->target->check->type->unit);
        ngx_hd_text_add(t, "</small>");
    }

    if (ngx_hd_detail_has_tls(data)) {
        ngx_hd_text_add(t, data->cert.wrong ? "<small class=\"bad\">"
                                            : "<small>");
        ngx_hd_detail_tls(t, view, &data->cert, ngx_hd_text_html);
        ngx_hd_text_add(t, "</small>");
    }

    if (vt->health == NGX_HD_STATE_DOWN && data->failed.time) {
        ngx_hd_html_answer(t, view, &data->failed);
    }
}


static void
ngx_hd_html_answer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_failed_t *failed)
{
    const ngx_hd_sample_t  *sample;

    sample = &failed->sample;

    if (sample->line_len || sample->len) {
        ngx_hd_text_add(t, "<pre class=\"answer\" tabindex=\"0\">");
        ngx_hd_html_lines(t, sample->line, ngx_min(sample->line_len,
                                                   NGX_HD_LINE_LEN));

        if (sample->line_len && sample->len) {
            ngx_hd_text_add(t, "\n");
        }

        ngx_hd_html_lines(t, sample->text, ngx_min(sample->len,
                                                   NGX_HD_SAMPLE_LEN));
        ngx_hd_text_add(t, "</pre>");
    }

    ngx_hd_text_add(t, "<small>");

    if (view->time > failed->time) {
        ngx_hd_text_ago(t, (uint64_t) (view->time - failed->time));
        ngx_hd_text_add(t, " ago: ");
    }

    ngx_hd_detail_phases(t, failed->phase, failed->usec);
    ngx_hd_text_add(t, "</small>");
}


static void
ngx_hd_html_lines(ngx_hd_text_t *t, const u_char *text, size_t len)
{
    const u_char  *p, *last;

    last = text + len;

    while (text < last) {

        for (p = text; p < last && *p != '\n'; p++) { /* void */ }

        ngx_hd_text_html(t, text, p - text);

        if (p < last) {
            ngx_hd_text_add(t, "\n");
            p++;
        }

        text = p;
    }
}

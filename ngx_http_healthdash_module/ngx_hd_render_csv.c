
/*
 * healthdash: the picture as CSV, RFC 4180: a column for each field, a line for
 * each check of a server and each service.  Called by the handler.
 */


#include <ngx_hd_render.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_fields.h>


static void ngx_hd_csv_head(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_csv_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_csv_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_csv_row(ngx_hd_text_t *t, const ngx_hd_row_t *row);
static void ngx_hd_csv_value(ngx_hd_text_t *t, const ngx_hd_row_t *row,
    const ngx_hd_value_t *v);
static void ngx_hd_csv_problems(ngx_hd_text_t *t, uint64_t wrong);


const ngx_hd_render_t  ngx_hd_render_csv = {
    ngx_hd_csv_head,
    NULL,
    ngx_hd_csv_peer,
    NULL,
    NULL,
    ngx_hd_csv_service,
    NULL,
    NULL
};


static void
ngx_hd_csv_head(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    const ngx_hd_field_t  *f;

    for (f = ngx_hd_fields(); f->name; f++) {
        ngx_hd_text_add(t, f->name);
        ngx_hd_text_add(t, f[1].name ? "," : "\r\n");
    }
}


static void
ngx_hd_csv_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_uint_t               i;
    ngx_hd_row_t             row;
    ngx_hd_view_peer_t      *vp;
    ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];
    vp = &vu->peers[c->peer];

    if (vp->nchecks == 0) {
        ngx_hd_row_init(&row, view, vp, NULL, 0, NULL);
        row.upstream = vu->upstream;
        ngx_hd_csv_row(t, &row);
        return;
    }

    for (i = 0; i < vp->nchecks; i++) {
        ngx_hd_row_init(&row, view, vp, &vp->checks[i], 1, &vp->checks[i]);
        ngx_hd_csv_row(t, &row);
    }
}


static void
ngx_hd_csv_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_row_t           row;
    ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];

    ngx_hd_row_init(&row, view, NULL, vt, 1, vt);
    ngx_hd_csv_row(t, &row);
}


static void
ngx_hd_csv_row(ngx_hd_text_t *t, const ngx_hd_row_t *row)
{
    ngx_hd_value_t         v;
    const ngx_hd_field_t  *f;

    for (f = ngx_hd_fields(); f->name; f++) {
        ngx_hd_field_get(row, f, &v);
        ngx_hd_csv_value(t, row, &v);
        ngx_hd_text_add(t, f[1].name ? "," : "\r\n");
    }
}


/* what is not known is empty; words and texts are always in quotes */

static void
ngx_hd_csv_value(ngx_hd_text_t *t, const ngx_hd_row_t *row,
    const ngx_hd_value_t *v)
{
    if (ngx_hd_field_write(t, row, v) == NGX_OK) {
        return;
    }

    switch (v->type) {

    case NGX_HD_VALUE_TIME:
        ngx_hd_text_time(t, (int64_t) v->n);
        return;

    case NGX_HD_VALUE_WORD:
        ngx_hd_text_csv(t, (u_char *) v->word, ngx_strlen(v->word));
        return;

    case NGX_HD_VALUE_TEXT:
        ngx_hd_text_csv(t, v->text.data, v->text.len);
        return;

    case NGX_HD_VALUE_PROBLEMS:
        ngx_hd_csv_problems(t, v->n);
        return;

    default: /* there is none */
        return;
    }
}


static void
ngx_hd_csv_problems(ngx_hd_text_t *t, uint64_t wrong)
{
    ngx_uint_t                      n;
    const ngx_hd_detail_problem_t  *p;

    ngx_hd_text_add(t, "\"");

    n = 0;

    for (p = ngx_hd_detail_problems(); p->bit; p++) {

        if (wrong & p->bit) {
            ngx_hd_text_add(t, n++ ? " " : "");
            ngx_hd_text_add(t, p->word);
        }
    }

    ngx_hd_text_add(t, "\"");
}

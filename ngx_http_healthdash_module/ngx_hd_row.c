
/*
 * healthdash: sums for one line of a table.  Called by the renderers.  Reads
 * the picture, and once for each target what is remembered of it.
 */


#include <ngx_hd_row.h>


static void ngx_hd_row_count(ngx_hd_row_t *row,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_row_past(ngx_hd_row_t *row,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_row_least(ngx_int_t *least, ngx_int_t n);


void
ngx_hd_row_init(ngx_hd_row_t *row, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt,
    ngx_uint_t n, const ngx_hd_view_target_t *worst)
{
    ngx_uint_t  i;

    ngx_memzero(row, sizeof(ngx_hd_row_t));

    row->view = view;
    row->vp = vp;

    for (i = 0; i < NGX_HD_WINDOWS; i++) {
        row->available[i] = -1;
        row->known[i] = -1;
    }

    if (n == 0) {
        row->health = NGX_HD_STATE_UNKNOWN;
        return;
    }

    row->vt = worst;
    row->last = vt;
    row->health = worst->health;
    row->upstream = worst->target->upstream;
    row->phase = worst->data.phase;
    row->total = worst->data.usec_last;

    for (i = 0; i < n; i++) {
        ngx_hd_row_count(row, &vt[i]);
        ngx_hd_row_past(row, &vt[i]);
    }
}


static void
ngx_hd_row_count(ngx_hd_row_t *row, const ngx_hd_view_target_t *vt)
{
    const ngx_hd_data_t  *data;

    data = &vt->data;

    row->checks += data->checks;
    row->failures += data->failures;
    row->downs += data->downs;
    row->inconclusive += data->inconclusive;
    row->withheld += data->withheld;
    row->usec = ngx_max(row->usec, data->usec);
    row->usec_max = ngx_max(row->usec_max, data->usec_max);

    if (vt->next && (row->next == 0 || vt->next < row->next)) {
        row->next = vt->next;
    }

    if (data->last > row->last->data.last) {
        row->last = vt;
    }
}


static void
ngx_hd_row_past(ngx_hd_row_t *row, const ngx_hd_view_target_t *vt)
{
    uint64_t             usec;
    ngx_uint_t           i;
    ngx_hd_span_t       *sum, sums[NGX_HD_WINDOWS];
    ngx_hd_view_past_t   past;

    if (ngx_hd_view_past(row->view, vt, &past) != NGX_OK) {
        return;
    }

    usec = ngx_hd_history_latency(&past.history, &past.data, 500);
    row->p50 = ngx_max(row->p50, usec);

    usec = ngx_hd_history_latency(&past.history, &past.data, 950);
    row->p95 = ngx_max(row->p95, usec);

    usec = ngx_hd_history_latency(&past.history, &past.data, 990);
    row->p99 = ngx_max(row->p99, usec);

    ngx_hd_history_sums(&past.history, &past.data, sums);

    for (i = 0; i < NGX_HD_WINDOWS; i++) {
        sum = &sums[i];

        ngx_hd_row_least(&row->available[i], ngx_hd_history_available(sum));

        if (sum->length) {
            ngx_hd_row_least(&row->known[i],
                             sum->known * 1000000 / sum->length);
        }
    }
}


/* -1 is no number */

static void
ngx_hd_row_least(ngx_int_t *least, ngx_int_t n)
{
    if (n != -1 && (*least == -1 || n < *least)) {
        *least = n;
    }
}

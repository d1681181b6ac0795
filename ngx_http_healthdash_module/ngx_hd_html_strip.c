
/*
 * healthdash: history as pictures of some hundred bytes each.  Called by the
 * units that write rows of the page.  Works on a copy, on the stack.
 */


#include <ngx_hd_html_strip.h>
#include <ngx_hd_html.h>
#include <ngx_hd_incident.h>
#include <ngx_hd_reason.h>


#define NGX_HD_HTML_RESULTS    40      /* points of a line */
#define NGX_HD_HTML_HOURS      24
#define NGX_HD_HTML_QUARTER    15      /* minutes */
#define NGX_HD_HTML_CELLS      (NGX_HD_DAYS + 4)
#define NGX_HD_HTML_TROUBLE    20      /* down for one part of as many: down */


typedef enum {
    NGX_HD_HTML_NONE = 0,
    NGX_HD_HTML_UP,
    NGX_HD_HTML_DEGRADED,
    NGX_HD_HTML_DOWN
} ngx_hd_html_colour_e;


/* one mark of a bar, or some that are alike */

typedef struct {
    uint64_t              begin;        /* history clock, msec */
    uint64_t              end;
    ngx_uint_t            x;            /* where it is drawn */
    ngx_uint_t            width;
    ngx_uint_t            unit;         /* width of one of them */
    ngx_hd_html_colour_e  colour;
    ngx_hd_span_t         sum;
} ngx_hd_html_cell_t;


typedef struct {
    ngx_hd_html_cell_t    cell[NGX_HD_HTML_CELLS];
    ngx_uint_t            n;
    ngx_uint_t            width;        /* of all of it */
    ngx_uint_t            brief;        /* all that is alike is one */
} ngx_hd_html_bar_t;


typedef struct {
    ngx_hd_past_t         result[NGX_HD_HTML_RESULTS];  /* the last first */
    ngx_uint_t            n;
    uint32_t              max;          /* usec */
} ngx_hd_html_line_t;


static void ngx_hd_html_line(const ngx_hd_view_past_t *past,
    ngx_hd_html_line_t *line);
static ngx_uint_t ngx_hd_html_y(const ngx_hd_html_line_t *line, ngx_uint_t i);
static void ngx_hd_html_line_path(ngx_hd_text_t *t,
    const ngx_hd_html_line_t *line);
static void ngx_hd_html_line_failed(ngx_hd_text_t *t,
    const ngx_hd_html_line_t *line);
static ngx_uint_t ngx_hd_html_line_x(ngx_uint_t i);
static void ngx_hd_html_bar_begin(ngx_hd_text_t *t,
    const ngx_hd_view_past_t *past, ngx_hd_level_e level,
    ngx_hd_html_bar_t *bar, ngx_uint_t brief);
static void ngx_hd_html_bar_plain(ngx_hd_text_t *t,
    const ngx_hd_html_bar_t *bar, ngx_hd_html_colour_e colour,
    ngx_uint_t unit);
static void ngx_hd_html_bar(const ngx_hd_view_past_t *past,
    ngx_hd_level_e level, ngx_hd_html_bar_t *bar, ngx_uint_t brief);
static void ngx_hd_html_bar_quarters(const ngx_hd_view_past_t *past,
    ngx_hd_html_bar_t *bar);
static void ngx_hd_html_bar_add(ngx_hd_html_bar_t *bar,
    const ngx_hd_html_cell_t *cell);
static ngx_hd_html_colour_e ngx_hd_html_colour(const ngx_hd_span_t *span);
static void ngx_hd_html_sum(ngx_hd_span_t *sum, const ngx_hd_span_t *span);
static void ngx_hd_html_bar_label(ngx_hd_text_t *t,
    const ngx_hd_view_past_t *past, ngx_hd_level_e level);
static void ngx_hd_html_cell(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, const ngx_hd_html_cell_t *cell);
static void ngx_hd_html_path(ngx_hd_text_t *t,
    const ngx_hd_html_cell_t *cell);
static void ngx_hd_html_times(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_html_cell_t *cell, const char *between);
static void ngx_hd_html_seen(ngx_hd_text_t *t, const ngx_hd_span_t *sum);
static void ngx_hd_html_reason(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, const ngx_hd_html_cell_t *cell);
static void ngx_hd_html_part(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, const ngx_hd_html_cell_t *cell);


static const char  *ngx_hd_html_colours[] = {
    "none", "up", "degraded", "down"
};

static const char  *ngx_hd_html_words[] = {
    "not known", "up", "degraded", "down"
};


void
ngx_hd_html_spark(ngx_hd_text_t *t, const ngx_hd_view_past_t *past)
{
    ngx_hd_html_line_t  line;

    ngx_hd_html_line(past, &line);

    if (line.n < 2) {
        return;
    }

    ngx_hd_html_count(t, "<svg class=\"spark\" data-n=\"",
                      past->data.checks + past->data.inconclusive,
                      "\" data-max=\"");
    ngx_hd_html_count(t, "", line.max, "\" viewBox=\"0 0 80 22\" "
                      "preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    ngx_hd_html_line_path(t, &line);
    ngx_hd_html_line_failed(t, &line);
    ngx_hd_text_add(t, "</svg>");
}


void
ngx_hd_html_spark_points(ngx_hd_text_t *t, const ngx_hd_view_past_t *past,
    ngx_uint_t n)
{
    ngx_uint_t     i;
    ngx_hd_past_t  result;

    ngx_hd_text_uint(t, past->data.checks + past->data.inconclusive);

    for (i = ngx_min(n, NGX_HD_HTML_RESULTS); i-- > 0; ) {

        if (ngx_hd_history_result(&past->history, &past->data, i, &result)
            != NGX_OK
            || result.verdict == NGX_HD_INCONCLUSIVE)
        {
            ngx_hd_text_add(t, " -");

        } else if (result.verdict == NGX_HD_FAIL) {
            ngx_hd_text_add(t, " x");

        } else {
            ngx_hd_html_count(t, " ", result.usec, "");
        }
    }
}


static void
ngx_hd_html_line(const ngx_hd_view_past_t *past, ngx_hd_html_line_t *line)
{
    ngx_uint_t      i;
    ngx_hd_past_t  *result;

    line->n = 0;
    line->max = 0;

    for (i = 0; i < NGX_HD_HTML_RESULTS; i++) {
        result = &line->result[line->n];

        if (ngx_hd_history_result(&past->history, &past->data, i, result)
            != NGX_OK)
        {
            continue;
        }

        line->n++;

        if (result->verdict <= NGX_HD_WARN) {
            line->max = ngx_max(line->max, result->usec);
        }
    }

    /* an even line in the middle, not one that is all noise */

    line->max += line->max / 4 + 1;
}


static void
ngx_hd_html_line_path(ngx_hd_text_t *t, const ngx_hd_html_line_t *line)
{
    ngx_uint_t  i, pen;

    ngx_hd_text_add(t, "<path d=\"");

    for (pen = 0, i = line->n; i-- > 0; ) {

        if (line->result[i].verdict > NGX_HD_WARN) {
            pen = 0;
            continue;
        }

        ngx_hd_text_add(t, pen ? "L" : "M");
        ngx_hd_text_uint(t, ngx_hd_html_line_x(i));
        ngx_hd_html_count(t, " ", ngx_hd_html_y(line, i), "");

        pen = 1;
    }

    ngx_hd_text_add(t, "\"/>");
}


static void
ngx_hd_html_line_failed(ngx_hd_text_t *t, const ngx_hd_html_line_t *line)
{
    ngx_uint_t  i, n;

    for (n = 0, i = line->n; i-- > 0; ) {

        if (line->result[i].verdict == NGX_HD_FAIL) {
            ngx_hd_text_add(t, n++ ? "M" : "<path class=\"down\" d=\"M");
            ngx_hd_text_uint(t, ngx_hd_html_line_x(i));
            ngx_hd_text_add(t, " 16v6");
        }
    }

    if (n) {
        ngx_hd_text_add(t, "\"/>");
    }
}


static ngx_uint_t
ngx_hd_html_line_x(ngx_uint_t i)
{
    return 2 * (NGX_HD_HTML_RESULTS - 1 - i) + 1;
}


static ngx_uint_t
ngx_hd_html_y(const ngx_hd_html_line_t *line, ngx_uint_t i)
{
    return 20 - (ngx_uint_t) ((uint64_t) line->result[i].usec * 18
                              / line->max);
}


void
ngx_hd_html_strip(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, ngx_hd_level_e level)
{
    ngx_uint_t         i;
    ngx_hd_html_bar_t  bar;

    ngx_hd_html_bar_begin(t, past, level, &bar, 0);

    for (i = 0; i < bar.n; i++) {
        ngx_hd_html_cell(t, view, past, &bar.cell[i]);
    }

    ngx_hd_text_add(t, "</svg>");
}


/* browsers are slow with thousands of bars of many elements each: few each */

void
ngx_hd_html_strip_brief(ngx_hd_text_t *t, const ngx_hd_view_past_t *past,
    ngx_hd_level_e level)
{
    ngx_uint_t         colour;
    ngx_hd_html_bar_t  bar;

    ngx_hd_html_bar_begin(t, past, level, &bar, 1);

    for (colour = NGX_HD_HTML_NONE; colour <= NGX_HD_HTML_DOWN; colour++) {
        ngx_hd_html_bar_plain(t, &bar, colour, 4);
        ngx_hd_html_bar_plain(t, &bar, colour, 1);
    }

    ngx_hd_text_add(t, "</svg>");
}


static void
ngx_hd_html_bar_begin(ngx_hd_text_t *t, const ngx_hd_view_past_t *past,
    ngx_hd_level_e level, ngx_hd_html_bar_t *bar, ngx_uint_t brief)
{
    ngx_hd_html_bar(past, level, bar, brief);

    ngx_hd_text_add(t, (level == NGX_HD_DAY) ? "<svg class=\"strip days\""
                                             : "<svg class=\"strip\"");
    ngx_hd_html_count(t, " viewBox=\"0 0 ", bar->width, " 20\" "
                      "preserveAspectRatio=\"none\" role=\"img\" "
                      "aria-label=\"");
    ngx_hd_html_bar_label(t, past, level);
    ngx_hd_text_add(t, "\">");
}


/* all parts of a colour and unit as one, without words */

static void
ngx_hd_html_bar_plain(ngx_hd_text_t *t, const ngx_hd_html_bar_t *bar,
    ngx_hd_html_colour_e colour, ngx_uint_t unit)
{
    ngx_uint_t                 i, n;
    const ngx_hd_html_cell_t  *cell;

    for (n = 0, i = 0; i < bar->n; i++) {
        cell = &bar->cell[i];

        if (cell->colour != colour || cell->unit != unit) {
            continue;
        }

        if (n++ == 0) {
            ngx_hd_html_path(t, cell);
        }

        ngx_hd_html_count(t, "M", cell->x, " 10h");
        ngx_hd_html_count(t, "", cell->width, "");
    }

    if (n) {
        ngx_hd_text_add(t, "\"/>");
    }
}


void
ngx_hd_html_parts(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, ngx_hd_level_e level)
{
    ngx_uint_t         i;
    ngx_hd_html_bar_t  bar;

    ngx_hd_html_bar(past, level, &bar, 0);

    ngx_hd_text_add(t, (level == NGX_HD_DAY)
                       ? "<table class=\"past\"><caption>Last 90 days"
                       : "<table class=\"past\"><caption>Last 24 hours");
    ngx_hd_text_add(t, " (UTC)</caption><thead><tr><th scope=\"col\">From</th>"
                    "<th scope=\"col\">To</th><th scope=\"col\">Seen</th>"
                    "</tr></thead><tbody>");

    for (i = bar.n; i-- > 0; ) {
        ngx_hd_html_part(t, view, past, &bar.cell[i]);
    }

    ngx_hd_text_add(t, "</tbody></table>");
}


/* an hour takes 4, a quarter 1; the hour under way may not be full yet */

static void
ngx_hd_html_bar(const ngx_hd_view_past_t *past, ngx_hd_level_e level,
    ngx_hd_html_bar_t *bar, ngx_uint_t brief)
{
    ngx_uint_t          age;
    ngx_hd_html_cell_t  cell;

    bar->n = 0;
    bar->width = 0;
    bar->brief = brief;

    age = (level == NGX_HD_DAY) ? NGX_HD_DAYS : NGX_HD_HTML_HOURS;

    while (age-- > 0) {

        if (age == 0 && level == NGX_HD_HOUR) {
            ngx_hd_html_bar_quarters(past, bar);
            break;
        }

        cell.begin = ngx_hd_history_begin(&past->data, level, age);
        cell.end = age ? ngx_hd_history_begin(&past->data, level, age - 1)
                       : past->data.seen;
        cell.unit = 4;

        ngx_hd_history_span(&past->history, &past->data, level, age,
                            &cell.sum);
        ngx_hd_html_bar_add(bar, &cell);
    }
}


static void
ngx_hd_html_bar_quarters(const ngx_hd_view_past_t *past,
    ngx_hd_html_bar_t *bar)
{
    uint64_t            hour;
    ngx_uint_t          age;
    ngx_hd_span_t       span;
    ngx_hd_html_cell_t  cell;

    hour = ngx_hd_history_begin(&past->data, NGX_HD_HOUR, 0);
    age = (past->data.seen - hour) / 60000;

    cell.unit = 1;
    cell.end = hour;

    do {
        ngx_memzero(&cell.sum, sizeof(ngx_hd_span_t));
        cell.begin = cell.end;

        do {
            ngx_hd_history_span(&past->history, &past->data, NGX_HD_MINUTE,
                                age, &span);
            ngx_hd_html_sum(&cell.sum, &span);
            cell.end += 60000;

        } while (age-- && (cell.end - hour) % (NGX_HD_HTML_QUARTER * 60000));

        cell.end = ngx_min(cell.end, past->data.seen);

        ngx_hd_html_bar_add(bar, &cell);

    } while (cell.end < past->data.seen);

    bar->width = NGX_HD_HTML_HOURS * 4;
}


/* what is alike and needs no words of its own becomes one */

static void
ngx_hd_html_bar_add(ngx_hd_html_bar_t *bar, const ngx_hd_html_cell_t *cell)
{
    ngx_hd_html_cell_t    *last;
    ngx_hd_html_colour_e   colour;

    colour = ngx_hd_html_colour(&cell->sum);
    last = bar->n ? &bar->cell[bar->n - 1] : NULL;

    if (last && last->colour == colour && last->unit == cell->unit
        && (colour <= NGX_HD_HTML_UP || bar->brief))
    {
        ngx_hd_html_sum(&last->sum, &cell->sum);
        last->width += cell->unit;
        last->end = cell->end;

    } else if (bar->n < NGX_HD_HTML_CELLS) {
        last = &bar->cell[bar->n++];
        *last = *cell;
        last->colour = colour;
        last->width = cell->unit;
        last->x = bar->width;
    }

    bar->width += cell->unit;
}


static ngx_hd_html_colour_e
ngx_hd_html_colour(const ngx_hd_span_t *span)
{
    if (span->known == 0) {
        return NGX_HD_HTML_NONE;
    }

    if (span->down * NGX_HD_HTML_TROUBLE > span->known) {
        return NGX_HD_HTML_DOWN;
    }

    if (span->down || span->failures || span->slow * 4 > span->checks) {
        return NGX_HD_HTML_DEGRADED;
    }

    return NGX_HD_HTML_UP;
}


static void
ngx_hd_html_sum(ngx_hd_span_t *sum, const ngx_hd_span_t *span)
{
    sum->length += span->length;
    sum->known += span->known;
    sum->down += span->down;
    sum->checks += span->checks;
    sum->failures += span->failures;
    sum->slow += span->slow;
}


static void
ngx_hd_html_bar_label(ngx_hd_text_t *t, const ngx_hd_view_past_t *past,
    ngx_hd_level_e level)
{
    ngx_uint_t     n;
    ngx_hd_span_t  sum;

    n = (level == NGX_HD_DAY) ? NGX_HD_DAYS : NGX_HD_HTML_HOURS;

    ngx_hd_history_sum(&past->history, &past->data, level, n, &sum);

    ngx_hd_html_count(t, "last ", n, (level == NGX_HD_DAY) ? " days: "
                                                           : " hours: ");
    ngx_hd_html_seen(t, &sum);

    if (sum.known && !ngx_hd_html_is_whole(&sum)) {
        ngx_hd_text_add(t, ", ");
        ngx_hd_text_ago(t, sum.known);
        ngx_hd_text_add(t, " of it known");
    }
}


static void
ngx_hd_html_cell(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, const ngx_hd_html_cell_t *cell)
{
    ngx_hd_html_path(t, cell);
    ngx_hd_html_count(t, "M", cell->x, " 10h");
    ngx_hd_html_count(t, "", cell->width, "\"><title>");
    ngx_hd_html_times(t, view, cell, " to ");
    ngx_hd_text_add(t, ": ");
    ngx_hd_html_seen(t, &cell->sum);
    ngx_hd_html_reason(t, view, past, cell);
    ngx_hd_text_add(t, "</title></path>");
}


static void
ngx_hd_html_path(ngx_hd_text_t *t, const ngx_hd_html_cell_t *cell)
{
    ngx_hd_text_add(t, "<path class=\"");
    ngx_hd_text_add(t, ngx_hd_html_colours[cell->colour]);
    ngx_hd_text_add(t, (cell->unit == 1) ? " q\" d=\"" : "\" d=\"");
}


static void
ngx_hd_html_times(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_html_cell_t *cell, const char *between)
{
    ngx_hd_html_moment(t, ngx_hd_view_wall(view, cell->begin));
    ngx_hd_text_add(t, between);

    if (cell->end >= view->clock) {
        ngx_hd_text_add(t, "now");

    } else {
        ngx_hd_html_moment(t, ngx_hd_view_wall(view, cell->end));
    }
}


/* "99.31 % available, down for 24 s, 2 of 720 probes failed" */

static void
ngx_hd_html_seen(ngx_hd_text_t *t, const ngx_hd_span_t *sum)
{
    if (sum->known == 0) {
        ngx_hd_text_add(t, "not known");
        return;
    }

    ngx_hd_html_percent(t, ngx_hd_history_available(sum));
    ngx_hd_text_add(t, " available");

    if (sum->down) {
        ngx_hd_text_add(t, ", down for ");
        ngx_hd_text_ago(t, sum->down);
    }

    if (sum->failures) {
        ngx_hd_html_count(t, ", ", sum->failures, " of ");
        ngx_hd_html_count(t, "", sum->checks, " probes failed");
    }

    if (sum->slow) {
        ngx_hd_html_count(t, ", ", sum->slow, " with a warning");
    }
}


/* why it was down, the last time in this part, if the events still tell */

static void
ngx_hd_html_reason(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, const ngx_hd_html_cell_t *cell)
{
    ngx_hd_event_t            e;
    const ngx_hd_incident_t  *incident;

    incident = cell->sum.down ? ngx_hd_incident_in(view, past->target->id,
                                                   cell->begin, cell->end)
                              : NULL;

    if (incident == NULL
        || ngx_hd_view_event(view, incident->number, &e) != NGX_OK
        || (e.text_len == 0 && e.reason == NGX_HD_R_NONE))
    {
        return;
    }

    ngx_hd_text_add(t, "; reason: ");

    if (e.text_len) {
        ngx_hd_text_html(t, e.text, ngx_min(e.text_len, NGX_HD_EVENT_TEXT));

    } else {
        ngx_hd_text_add(t, ngx_hd_reason(e.reason)->text);
    }
}


static void
ngx_hd_html_part(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_past_t *past, const ngx_hd_html_cell_t *cell)
{
    ngx_hd_text_add(t, "<tr class=\"part ");
    ngx_hd_text_add(t, ngx_hd_html_colours[cell->colour]);
    ngx_hd_text_add(t, "\"><td>");
    ngx_hd_html_times(t, view, cell, "</td><td>");
    ngx_hd_text_add(t, "</td><td>");
    ngx_hd_text_add(t, ngx_hd_html_words[cell->colour]);

    if (cell->colour != NGX_HD_HTML_NONE) {
        ngx_hd_text_add(t, ": ");
        ngx_hd_html_seen(t, &cell->sum);
        ngx_hd_html_reason(t, view, past, cell);
    }

    ngx_hd_text_add(t, "</td></tr>");
}

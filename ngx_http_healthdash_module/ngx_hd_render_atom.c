
/*
 * healthdash: incidents as an Atom feed (RFC 4287), newest first.  Called by
 * the handler.  An entry has the same id for ever, made of the number of the
 * event that began the incident and its time, by the clock that never steps; it
 * is updated when the incident ends.
 */


#include <ngx_hd_render.h>
#include <ngx_hd_incident.h>
#include <ngx_hd_reason.h>
#include <ngx_md5.h>


#define NGX_HD_ATOM_MOST       100     /* entries */
#define NGX_HD_ATOM_PIECES     9       /* of what an id is made of */


static void ngx_hd_atom_whole(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_atom_feed(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    int64_t updated);
static void ngx_hd_atom_title(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_atom_self(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_atom_argument(ngx_hd_text_t *t, const char *name,
    const ngx_str_t *value);
static int64_t ngx_hd_atom_updated(const ngx_hd_view_t *view,
    const ngx_array_t *list);
static void ngx_hd_atom_entry(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_incident_t *incident);
static void ngx_hd_atom_headline(ngx_hd_text_t *t,
    const ngx_hd_incident_t *incident, const ngx_hd_event_t *e);
static void ngx_hd_atom_content(ngx_hd_text_t *t,
    const ngx_hd_incident_t *incident, const ngx_hd_event_t *e);
static void ngx_hd_atom_time(ngx_hd_text_t *t, const char *tag,
    int64_t wall);
static void ngx_hd_atom_id(ngx_hd_text_t *t, const ngx_str_t *piece,
    ngx_uint_t n);


const ngx_hd_render_t  ngx_hd_render_atom = {
    .head = ngx_hd_atom_whole
};


static void
ngx_hd_atom_whole(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_uint_t          i, n;
    ngx_array_t        *list;
    ngx_hd_incident_t  *incident;

    list = ngx_hd_incident_list(view, t->pool);
    if (list == NULL) {
        t->failed = 1;
        return;
    }

    incident = list->elts;

    ngx_hd_atom_feed(t, view, ngx_hd_atom_updated(view, list));

    for (n = 0, i = list->nelts; i > 0 && n < NGX_HD_ATOM_MOST; i--, n++) {
        ngx_hd_atom_entry(t, view, &incident[i - 1]);
    }

    ngx_hd_text_add(t, "</feed>\n");
}


static void
ngx_hd_atom_feed(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    int64_t updated)
{
    ngx_str_t  piece[NGX_HD_ATOM_PIECES];

    ngx_str_set(&piece[0], "feed");
    piece[1] = view->main->title;
    piece[2] = view->main->zone_name;
    piece[3] = view->filter.upstream;
    piece[4] = view->filter.service;
    piece[5] = view->filter.group;
    piece[6] = view->filter.row;

    ngx_str_null(&piece[7]);
    ngx_str_null(&piece[8]);

    if (view->filter.health != NGX_HD_STATES) {
        piece[7].data = (u_char *) ngx_hd_state_word(view->filter.health);
        piece[7].len = ngx_strlen(piece[7].data);
    }

    if (view->filter.public) {
        ngx_str_set(&piece[8], "public");
    }

    ngx_hd_text_add(t, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                    "<feed xmlns=\"http://www.w3.org/2005/Atom\" "
                    "xml:lang=\"en\">\n");
    ngx_hd_atom_id(t, piece, NGX_HD_ATOM_PIECES);

    ngx_hd_text_add(t, "<title>");
    ngx_hd_atom_title(t, view);
    ngx_hd_text_add(t, "</title>\n");

    ngx_hd_atom_time(t, "updated", updated);
    ngx_hd_atom_self(t, view);

    ngx_hd_text_add(t, "<author><name>");
    ngx_hd_atom_title(t, view);
    ngx_hd_text_add(t, "</name></author>\n"
                    "<generator>healthdash</generator>\n");
}


static void
ngx_hd_atom_title(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    if (view->main->title.len) {
        ngx_hd_text_html(t, view->main->title.data, view->main->title.len);

    } else {
        ngx_hd_text_add(t, "Status of nginx");
    }
}


/* relative, for what a client calls this machine is not told to others */

static void
ngx_hd_atom_self(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    const ngx_hd_view_filter_t  *filter;

    filter = &view->filter;

    ngx_hd_text_add(t, "<link rel=\"self\" type=\"application/atom+xml\" "
                    "href=\"?format=atom");

    ngx_hd_atom_argument(t, "upstream", &filter->upstream);
    ngx_hd_atom_argument(t, "service", &filter->service);
    ngx_hd_atom_argument(t, "group", &filter->group);
    ngx_hd_atom_argument(t, "row", &filter->row);

    if (filter->health != NGX_HD_STATES) {
        ngx_hd_text_add(t, "&amp;health=");
        ngx_hd_text_add(t, ngx_hd_state_word(filter->health));
    }

    ngx_hd_text_add(t, "\"/>\n");
}


static void
ngx_hd_atom_argument(ngx_hd_text_t *t, const char *name,
    const ngx_str_t *value)
{
    u_char  *p, *last;

    if (value->len == 0) {
        return;
    }

    p = ngx_pnalloc(t->pool, 3 * value->len);
    if (p == NULL) {
        t->failed = 1;
        return;
    }

    last = (u_char *) ngx_escape_uri(p, value->data, value->len,
                                     NGX_ESCAPE_URI_COMPONENT);

    ngx_hd_text_add(t, "&amp;");
    ngx_hd_text_add(t, name);
    ngx_hd_text_add(t, "=");
    ngx_hd_text_html(t, p, last - p);
}


/* when the newest entry was; without any, when something happened at all */

static int64_t
ngx_hd_atom_updated(const ngx_hd_view_t *view, const ngx_array_t *list)
{
    int64_t                   updated;
    uint64_t                  number, first;
    ngx_uint_t                i;
    ngx_hd_event_t            e;
    const ngx_hd_incident_t  *incident;

    updated = 0;
    incident = list->elts;

    for (i = 0; i < list->nelts; i++) {
        updated = ngx_max(updated, incident[i].begin);
        updated = ngx_max(updated, incident[i].end);
    }

    first = (view->event > NGX_HD_EVENTS) ? view->event - NGX_HD_EVENTS : 0;

    for (number = view->event; updated == 0 && number > first; number--) {

        if (ngx_hd_view_event(view, number, &e) == NGX_OK) {
            updated = e.time;
        }
    }

    return updated ? updated : view->time;
}


static void
ngx_hd_atom_entry(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_incident_t *incident)
{
    u_char          number[NGX_INT64_LEN], clock[NGX_INT64_LEN];
    ngx_str_t       piece[3];
    ngx_hd_event_t  e;

    /* others may have written over it meanwhile */

    if (ngx_hd_view_event(view, incident->number, &e) != NGX_OK) {
        return;
    }

    ngx_str_set(&piece[0], "incident");
    piece[1].data = number;
    piece[1].len = ngx_sprintf(number, "%uL", incident->number) - number;
    piece[2].data = clock;
    piece[2].len = ngx_sprintf(clock, "%uL", incident->clock) - clock;

    ngx_hd_text_add(t, "<entry>\n");
    ngx_hd_atom_id(t, piece, 3);

    ngx_hd_text_add(t, "<title>");
    ngx_hd_atom_headline(t, incident, &e);
    ngx_hd_text_add(t, "</title>\n");

    ngx_hd_atom_time(t, "published", incident->begin);

    /* the wall clock may have been set back */

    ngx_hd_atom_time(t, "updated", incident->end
                                   ? ngx_max(incident->end, incident->begin)
                                   : incident->begin);

    ngx_hd_text_add(t, incident->end ? "<category term=\"resolved\"/>\n"
                                     : "<category term=\"down\"/>\n");
    ngx_hd_text_add(t, "<content type=\"text\">");
    ngx_hd_atom_content(t, incident, &e);
    ngx_hd_text_add(t, "</content>\n</entry>\n");
}


static void
ngx_hd_atom_headline(ngx_hd_text_t *t, const ngx_hd_incident_t *incident,
    const ngx_hd_event_t *e)
{
    ngx_hd_text_html(t, e->name, ngx_min(e->name_len, NGX_HD_EVENT_NAME));

    if (e->upstream_len) {
        ngx_hd_text_add(t, " of ");
        ngx_hd_text_html(t, e->upstream, ngx_min(e->upstream_len,
                                                 NGX_HD_EVENT_UPSTREAM));
    }

    if (incident->end == 0) {
        ngx_hd_text_add(t, " is down");
        return;
    }

    ngx_hd_text_add(t, " was down for ");
    ngx_hd_text_ago(t, incident->lasted);
}


static void
ngx_hd_atom_content(ngx_hd_text_t *t, const ngx_hd_incident_t *incident,
    const ngx_hd_event_t *e)
{
    ngx_hd_text_add(t, "Down since ");
    ngx_hd_text_time(t, incident->begin);

    if (e->text_len) {
        ngx_hd_text_add(t, ": ");
        ngx_hd_text_html(t, e->text, ngx_min(e->text_len,
                                             NGX_HD_EVENT_TEXT));
    }

    ngx_hd_text_add(t, ".");

    if (incident->end == 0) {
        return;
    }

    if (incident->removed) {
        ngx_hd_text_add(t, " Not probed any more");

    } else if (incident->to == NGX_HD_STATE_UP) {
        ngx_hd_text_add(t, " Up again");

    } else {
        ngx_hd_text_add(t, " Then ");
        ngx_hd_text_add(t, ngx_hd_state_word(incident->to));
    }

    ngx_hd_text_add(t, " since ");
    ngx_hd_text_time(t, incident->end);
    ngx_hd_text_add(t, ", after ");
    ngx_hd_text_ago(t, incident->lasted);
    ngx_hd_text_add(t, ".");
}


static void
ngx_hd_atom_time(ngx_hd_text_t *t, const char *tag, int64_t wall)
{
    ngx_hd_text_add(t, "<");
    ngx_hd_text_add(t, tag);
    ngx_hd_text_add(t, ">");
    ngx_hd_text_time(t, wall);
    ngx_hd_text_add(t, "</");
    ngx_hd_text_add(t, tag);
    ngx_hd_text_add(t, ">\n");
}


/* a UUID by name, RFC 9562 section 5.3, in a namespace of our own */

static void
ngx_hd_atom_id(ngx_hd_text_t *t, const ngx_str_t *piece, ngx_uint_t n)
{
    u_char      md5[16], hex[32];
    ngx_md5_t   ctx;
    ngx_uint_t  i;

    static const u_char  space[16] = {
        0xd4, 0x0f, 0x1c, 0x8e, 0x63, 0x2b, 0x4a, 0x57,
        0x9a, 0xe5, 0x27, 0xb0, 0x84, 0x3d, 0xf1, 0x6c
    };

    ngx_md5_init(&ctx);
    ngx_md5_update(&ctx, space, sizeof(space));

    for (i = 0; i < n; i++) {

        /* with its end, so that "ab", "c" is not "a", "bc" */

        if (piece[i].len) {
            ngx_md5_update(&ctx, piece[i].data, piece[i].len);
        }

        ngx_md5_update(&ctx, "", 1);
    }

    ngx_md5_final(md5, &ctx);

    md5[6] = (md5[6] & 0x0f) | 0x30;
    md5[8] = (md5[8] & 0x3f) | 0x80;

    (void) ngx_hex_dump(hex, md5, 16);

    ngx_hd_text_add(t, "<id>urn:uuid:");

    for (i = 0; i < 32; i += 4) {
        ngx_hd_text_add(t, (i >= 8 && i <= 20) ? "-" : "");
        ngx_hd_text_raw(t, hex + i, 4);
    }

    ngx_hd_text_add(t, "</id>\n");
}

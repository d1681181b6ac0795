
/*
 * healthdash: the picture as the draft "Health Check Response Format for HTTP
 * APIs" has it.  Called by the handler for all that is shown, and by
 * healthdash_ready for its terms.  What is not known does not pass.
 */


#include <ngx_hd_render_health.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_render.h>


static ngx_uint_t ngx_hd_health_http(const ngx_hd_view_t *view);
static void ngx_hd_health_head(ngx_hd_text_t *t, const ngx_hd_view_t *view);
static void ngx_hd_health_add_upstream(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_health_add_service(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *c);
static void ngx_hd_health_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_health_check(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu, const ngx_hd_view_target_t *vt);
static const ngx_hd_view_target_t *ngx_hd_health_namesake(
    const ngx_hd_view_t *view, ngx_uint_t index);
static ngx_uint_t ngx_hd_health_is_upstream(const ngx_hd_view_t *view,
    ngx_uint_t index);
static ngx_uint_t ngx_hd_health_same(const ngx_str_t *a, const ngx_str_t *b);
static ngx_uint_t ngx_hd_health_whole(const ngx_hd_view_t *view);
static ngx_uint_t ngx_hd_health_of_service(const ngx_hd_view_target_t *vt);
static const char *ngx_hd_health_component(const ngx_hd_check_t *check);
static void ngx_hd_health_observed(ngx_hd_text_t *t,
    const ngx_hd_view_target_t *vt);
static void ngx_hd_health_output(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);
static ngx_uint_t ngx_hd_health_of_upstream(const ngx_hd_view_upstream_t *vu,
    ngx_uint_t least, ngx_uint_t *n);
static void ngx_hd_health_few(ngx_hd_text_t *t,
    const ngx_hd_view_upstream_t *vu, ngx_uint_t least, ngx_uint_t n);
static ngx_uint_t ngx_hd_health_counts(const ngx_hd_view_peer_t *vp,
    ngx_uint_t healthy);
static ngx_uint_t ngx_hd_health_trusts(const ngx_hd_view_target_t *vt);


const ngx_hd_render_t  ngx_hd_render_health = {
    .head = ngx_hd_health_head,
    .upstream = ngx_hd_health_add_upstream,
    .service = ngx_hd_health_add_service,
    .foot = ngx_hd_health_foot,
    .status = ngx_hd_health_http
};


/* 503 if what is shown fails, as the draft wants it */

static ngx_uint_t
ngx_hd_health_http(const ngx_hd_view_t *view)
{
    return (ngx_hd_health_whole(view) == NGX_HD_HEALTH_FAIL)
           ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_OK;
}


static void
ngx_hd_health_head(ngx_hd_text_t *t, const ngx_hd_view_t *view)
{
    ngx_hd_text_add(t, "{\"checks\":{");
}


static void
ngx_hd_health_add_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_str_t               *name;
    ngx_hd_view_upstream_t  *vu;

    vu = &view->upstreams[c->upstream];
    name = &vu->upstream->name;

    ngx_hd_text_add(t, c->n[0]++ ? ",\n" : "\n");
    ngx_hd_text_json(t, name->data, name->len);
    ngx_hd_health_check(t, view, vu,
                        ngx_hd_health_namesake(view, vu->upstream->namesake));
}


static void
ngx_hd_health_add_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_str_t             *name;
    ngx_hd_view_target_t  *vt;

    vt = &view->services[c->service];
    name = &vt->target->name;

    if (ngx_hd_health_is_upstream(view, vt->target->namesake)) {
        return;
    }

    ngx_hd_text_add(t, c->n[0]++ ? ",\n" : "\n");
    ngx_hd_text_json(t, name->data, name->len);
    ngx_hd_health_check(t, view, NULL, vt);
}


static void
ngx_hd_health_foot(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_cursor_t *c)
{
    ngx_hd_text_add(t, (view->nupstreams + view->nservices)
                       ? "},\n"
                       : "},\n\"output\":\"there is nothing to show\",");
    ngx_hd_health_status(t, ngx_hd_health_whole(view));
    ngx_hd_text_add(t, "}\n");
}


/* all that has one name; a key may stand only once */

static void
ngx_hd_health_check(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu, const ngx_hd_view_target_t *vt)
{
    ngx_hd_text_add(t, ":[");

    if (vu) {
        (void) ngx_hd_health_upstream(t, view, vu, 0);
    }

    if (vu && vt) {
        ngx_hd_text_add(t, ",");
    }

    if (vt) {
        (void) ngx_hd_health_service(t, view, vt);
    }

    ngx_hd_text_add(t, "]");
}


/*
 * A filter may have left it out, but what is shown is in the order of the
 * configuration.  Index is one more than it is there, 0: there is none.
 */

static const ngx_hd_view_target_t *
ngx_hd_health_namesake(const ngx_hd_view_t *view, ngx_uint_t index)
{
    ngx_uint_t  i, n, middle;

    i = 0;
    n = index ? view->nservices : 0;

    while (i < n) {
        middle = (i + n) / 2;

        if (view->services[middle].target->index + 1 == index) {
            return &view->services[middle];
        }

        if (view->services[middle].target->index + 1 < index) {
            i = middle + 1;

        } else {
            n = middle;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_hd_health_is_upstream(const ngx_hd_view_t *view, ngx_uint_t index)
{
    ngx_uint_t  i, n, middle;

    i = 0;
    n = index ? view->nupstreams : 0;

    while (i < n) {
        middle = (i + n) / 2;

        if (view->upstreams[middle].index + 1 == index) {
            return 1;
        }

        if (view->upstreams[middle].index + 1 < index) {
            i = middle + 1;

        } else {
            n = middle;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_hd_health_same(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


static ngx_uint_t
ngx_hd_health_whole(const ngx_hd_view_t *view)
{
    ngx_uint_t  i, n, worst;

    if (view->nupstreams + view->nservices == 0) {
        return NGX_HD_HEALTH_FAIL;
    }

    worst = NGX_HD_HEALTH_PASS;

    for (i = 0; i < view->nupstreams; i++) {
        n = ngx_hd_health_of_upstream(&view->upstreams[i], 0, NULL);
        worst = ngx_max(worst, n);
    }

    for (i = 0; i < view->nservices; i++) {
        n = ngx_hd_health_of_service(&view->services[i]);
        worst = ngx_max(worst, n);
    }

    return worst;
}


ngx_uint_t
ngx_hd_health_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_uint_t  status;

    status = ngx_hd_health_of_service(vt);

    ngx_hd_text_add(t, "{\"componentType\":\"");
    ngx_hd_text_add(t, ngx_hd_health_component(vt->target->check));
    ngx_hd_text_add(t, "\",");

    ngx_hd_health_observed(t, vt);
    ngx_hd_health_status(t, status);

    if (vt->data.last) {
        ngx_hd_text_add(t, ",\"time\":\"");
        ngx_hd_text_time(t, vt->data.last);
        ngx_hd_text_add(t, "\"");
    }

    if (vt->health != NGX_HD_STATE_UP) {
        ngx_hd_health_output(t, view, vt);
    }

    ngx_hd_text_add(t, "}");

    return status;
}


static ngx_uint_t
ngx_hd_health_of_service(const ngx_hd_view_target_t *vt)
{
    if (vt->health == NGX_HD_STATE_UP || ngx_hd_health_trusts(vt)) {
        return NGX_HD_HEALTH_PASS;
    }

    return (vt->health == NGX_HD_STATE_DEGRADED) ? NGX_HD_HEALTH_WARN
                                                 : NGX_HD_HEALTH_FAIL;
}


static const char *
ngx_hd_health_component(const ngx_hd_check_t *check)
{
    ngx_uint_t  i;

    static const ngx_str_t  stores[] = {
        ngx_string("postgres"),
        ngx_string("mysql"),
        ngx_string("redis"),
        ngx_string("rediss"),
        ngx_string("memcached")
    };

    for (i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {

        if (ngx_hd_health_same(&check->type_name, &stores[i])) {
            return "datastore";
        }
    }

    /* what has no address is this machine, but for what calls in */

    return (check->type->form == NGX_HD_URL_NAME
            && !(check->type->takes & NGX_HD_TAKES_BEAT))
           ? "system" : "component";
}


/* what a type measures, else the latency of the last probe that passed */

static void
ngx_hd_health_observed(ngx_hd_text_t *t, const ngx_hd_view_target_t *vt)
{
    const char  *unit;

    if (vt->data.has_value) {
        ngx_hd_text_add(t, "\"observedValue\":");

        if (!ngx_hd_detail_value(t, &vt->data)) {
            ngx_hd_text_add(t, "null");
        }

        unit = vt->target->check->type->unit;

        ngx_hd_text_add(t, ",\"observedUnit\":\"");
        ngx_hd_text_add(t, unit ? unit + (*unit == ' ') : "");
        ngx_hd_text_add(t, "\",");

    } else if (vt->data.usec) {
        ngx_hd_text_add(t, "\"observedValue\":");
        ngx_hd_text_msec(t, vt->data.usec);
        ngx_hd_text_add(t, ",\"observedUnit\":\"ms\",");
    }
}


static void
ngx_hd_health_output(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt)
{
    ngx_str_t    why;
    ngx_uint_t   reason;
    const char  *words;

    ngx_hd_text_add(t, ",\"output\":");

    if (vt->stale) {
        ngx_hd_text_add(t, "\"");
        ngx_hd_phrase_stale(t, view, vt);
        ngx_hd_text_add(t, "\"");
        return;
    }

    reason = ngx_hd_view_reason(vt, &why);

    if (why.len) {
        ngx_hd_text_json(t, why.data, why.len);
        return;
    }

    words = (reason == NGX_HD_R_NONE) ? "no result yet"
                                      : ngx_hd_reason(reason)->text;

    ngx_hd_text_json(t, (u_char *) words, ngx_strlen(words));
}


ngx_uint_t
ngx_hd_health_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_upstream_t *vu, ngx_uint_t least)
{
    ngx_uint_t  n, status;

    status = ngx_hd_health_of_upstream(vu, least, &n);

    ngx_hd_text_add(t, "{\"componentType\":\"component\","
                    "\"observedValue\":");
    ngx_hd_text_uint(t, n);
    ngx_hd_text_add(t, ",\"observedUnit\":\"servers\",");
    ngx_hd_health_status(t, status);
    ngx_hd_text_add(t, ",\"time\":\"");
    ngx_hd_text_time(t, view->time);
    ngx_hd_text_add(t, "\"");

    if (status != NGX_HD_HEALTH_PASS) {
        ngx_hd_health_few(t, vu, least, n);
    }

    ngx_hd_text_add(t, "}");

    return status;
}


/*
 * Whether nginx would choose a server is read from nginx, so what the
 * administrator, passive failures and min_up= do counts; but a server of which
 * nothing is known is not counted on.
 */

static ngx_uint_t
ngx_hd_health_of_upstream(const ngx_hd_view_upstream_t *vu, ngx_uint_t least,
    ngx_uint_t *n)
{
    ngx_uint_t  i, count;

    for (count = 0, i = 0; i < vu->npeers; i++) {
        count += ngx_hd_health_counts(&vu->peers[i], least);
    }

    if (n) {
        *n = count;
    }

    if (count < ngx_max(least, 1)) {
        return NGX_HD_HEALTH_FAIL;
    }

    return (vu->health == NGX_HD_STATE_UP
            || vu->health == NGX_HD_STATE_UNKNOWN)
           ? NGX_HD_HEALTH_PASS : NGX_HD_HEALTH_WARN;
}


static void
ngx_hd_health_few(ngx_hd_text_t *t, const ngx_hd_view_upstream_t *vu,
    ngx_uint_t least, ngx_uint_t n)
{
    ngx_hd_text_add(t, ",\"output\":\"");
    ngx_hd_text_add(t, least ? "healthy and in service: " : "can serve: ");
    ngx_hd_text_uint(t, n);
    ngx_hd_text_add(t, " of ");
    ngx_hd_phrase_count(t, ngx_min(vu->npeers, vu->total), "server");

    if (least) {
        ngx_hd_text_add(t, ", expected at least ");
        ngx_hd_text_uint(t, least);
    }

    ngx_hd_text_add(t, "\"");
}


static ngx_uint_t
ngx_hd_health_counts(const ngx_hd_view_peer_t *vp, ngx_uint_t healthy)
{
    ngx_uint_t  i;

    if (vp->peer.state != NGX_HD_PEER_UP) {
        return 0;
    }

    /* nobody asks it how it is: it serves, but it is not known to be well */

    if (vp->nchecks == 0) {
        return !healthy;
    }

    if (vp->health != NGX_HD_STATE_UNKNOWN) {
        return !healthy || vp->health == NGX_HD_STATE_UP
               || vp->health == NGX_HD_STATE_DEGRADED;
    }

    for (i = 0; i < vp->nchecks; i++) {

        if (vp->checks[i].health == NGX_HD_STATE_UNKNOWN
            && !ngx_hd_health_trusts(&vp->checks[i]))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * No result yet, but initial=up was not only left at its default; and there
 * will be one: a worker of the past may have no record of it any more.
 */

static ngx_uint_t
ngx_hd_health_trusts(const ngx_hd_view_target_t *vt)
{
    return vt->health == NGX_HD_STATE_UNKNOWN && !vt->stale && vt->next
           && vt->target->check->trusted;
}


void
ngx_hd_health_status(ngx_hd_text_t *t, ngx_uint_t status)
{
    static const char * const  words[] = {
        [NGX_HD_HEALTH_PASS] = "\"status\":\"pass\"",
        [NGX_HD_HEALTH_WARN] = "\"status\":\"warn\"",
        [NGX_HD_HEALTH_FAIL] = "\"status\":\"fail\""
    };

    ngx_hd_text_add(t, words[status]);
}

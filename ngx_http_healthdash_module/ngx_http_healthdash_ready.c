
/*
 * healthdash: healthdash_ready: one question, "are you okay?", for a load
 * balancer, an orchestrator or a monitor.  Its terms are read with the
 * location, looked up once all of http{} was read, and judged by the same
 * picture as the status.  What is not known does not hold.
 */


#include <ngx_http_healthdash_answer.h>
#include <ngx_http_healthdash_param.h>
#include <ngx_http_healthdash_term.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_phrase.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_types.h>


/* ordered: the worst one speaks for all */

typedef enum {
    NGX_HTTP_HEALTHDASH_READY_PASS = 0,
    NGX_HTTP_HEALTHDASH_READY_WARN,
    NGX_HTTP_HEALTHDASH_READY_FAIL
} ngx_http_healthdash_ready_e;


struct ngx_http_healthdash_ready_s {
    ngx_hd_check_t     *place;          /* of the directive */
    ngx_array_t         terms;          /* ngx_http_healthdash_term_t */
};


static char *ngx_http_healthdash_ready_unique(
    ngx_http_healthdash_ready_t *ready, ngx_conf_t *cf, ngx_str_t *text);
static ngx_int_t ngx_http_healthdash_ready_critical(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf, ngx_http_healthdash_ready_t *ready);
static ngx_http_healthdash_term_t *ngx_http_healthdash_ready_push(
    ngx_http_healthdash_ready_t *ready, ngx_str_t *text);
static ngx_int_t ngx_http_healthdash_ready_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_healthdash_ready_render(ngx_hd_text_t *text,
    ngx_hd_view_t *view, ngx_http_healthdash_ready_t *ready);
static ngx_uint_t ngx_http_healthdash_ready_service(ngx_hd_text_t *text,
    ngx_hd_view_t *view, ngx_http_healthdash_term_t *term);
static const char *ngx_http_healthdash_ready_component(ngx_hd_check_t *check);
static void ngx_http_healthdash_ready_observed(ngx_hd_text_t *text,
    ngx_hd_view_target_t *vt);
static void ngx_http_healthdash_ready_output(ngx_hd_text_t *text,
    ngx_hd_view_t *view, ngx_hd_view_target_t *vt);
static ngx_uint_t ngx_http_healthdash_ready_upstream(ngx_hd_text_t *text,
    ngx_hd_view_t *view, ngx_http_healthdash_term_t *term);
static ngx_uint_t ngx_http_healthdash_ready_counts(ngx_hd_view_peer_t *vp,
    ngx_uint_t healthy);
static ngx_uint_t ngx_http_healthdash_ready_trusts(ngx_hd_view_target_t *vt);
static void ngx_http_healthdash_ready_status(ngx_hd_text_t *text,
    ngx_uint_t status);


char *
ngx_http_healthdash_ready(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_healthdash_loc_conf_t  *hlcf = conf;

    char                         *rv;
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_hd_main_conf_t           *hmcf;
    ngx_http_healthdash_ready_t  *ready, **slot;

    rv = ngx_http_healthdash_answer_claim(cf, cmd, conf,
                                          ngx_http_healthdash_ready_handler);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_healthdash_module);

    ready = ngx_pcalloc(cf->pool, sizeof(ngx_http_healthdash_ready_t));
    slot = ngx_array_push(&hmcf->readies);

    if (ready == NULL || slot == NULL
        || ngx_array_init(&ready->terms, cf->pool, 4,
                          sizeof(ngx_http_healthdash_term_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *slot = ready;
    hlcf->ready = ready;

    ready->place = ngx_http_healthdash_check_create(cf);
    if (ready->place == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_healthdash_ready_unique(ready, cf, &value[i])
            != NGX_CONF_OK
            || ngx_http_healthdash_ready_push(ready, &value[i]) == NULL)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* a term is a key of the answer */

static char *
ngx_http_healthdash_ready_unique(ngx_http_healthdash_ready_t *ready,
    ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_str_t                    shown;
    ngx_uint_t                   i;
    ngx_http_healthdash_term_t  *term;

    term = ready->terms.elts;

    for (i = 0; i < ready->terms.nelts; i++) {

        if (term[i].text.len == text->len
            && ngx_memcmp(term[i].text.data, text->data, text->len) == 0)
        {
            shown = ngx_http_healthdash_shown(cf, text);

            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, ready->place,
                                    "term \"%V\" is duplicate", &shown);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_healthdash_ready_finish(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf)
{
    ngx_uint_t                     i, n;
    ngx_http_healthdash_term_t    *term;
    ngx_http_healthdash_ready_t  **ready;

    ready = hmcf->readies.elts;

    for (i = 0; i < hmcf->readies.nelts; i++) {

        if (ready[i]->terms.nelts == 0) {

            if (ngx_http_healthdash_ready_critical(cf, hmcf, ready[i])
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        term = ready[i]->terms.elts;

        for (n = 0; n < ready[i]->terms.nelts; n++) {

            if (ngx_http_healthdash_term_find(cf, hmcf, ready[i]->place,
                                              &term[n])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_ready_critical(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_http_healthdash_ready_t *ready)
{
    ngx_uint_t                    i;
    ngx_hd_target_t             **services;
    ngx_hd_upstream_t           **upstreams;
    ngx_http_healthdash_term_t   *term;

    services = hmcf->services.elts;
    upstreams = hmcf->upstreams.elts;

    for (i = 0; i < hmcf->upstreams.nelts; i++) {

        if (upstreams[i]->labels->critical) {
            term = ngx_http_healthdash_ready_push(ready, &upstreams[i]->name);
            if (term == NULL) {
                return NGX_ERROR;
            }

            term->upstream = upstreams[i];
        }
    }

    for (i = 0; i < hmcf->services.nelts; i++) {

        if (!services[i]->check->critical) {
            continue;
        }

        if (ngx_http_healthdash_ready_unique(ready, cf, &services[i]->name)
            != NGX_CONF_OK)
        {
            return NGX_ERROR;
        }

        term = ngx_http_healthdash_ready_push(ready, &services[i]->name);
        if (term == NULL) {
            return NGX_ERROR;
        }

        term->service = services[i];
    }

    if (ready->terms.nelts) {
        return NGX_OK;
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, ready->place,
                            "nothing is marked critical, expected parameter "
                            "\"critical\" of a healthdash_service or "
                            "healthdash_check, or names behind "
                            "healthdash_ready");

    return NGX_ERROR;
}


static ngx_http_healthdash_term_t *
ngx_http_healthdash_ready_push(ngx_http_healthdash_ready_t *ready,
    ngx_str_t *text)
{
    ngx_http_healthdash_term_t  *term;

    term = ngx_array_push(&ready->terms);
    if (term == NULL) {
        return NULL;
    }

    ngx_memzero(term, sizeof(ngx_http_healthdash_term_t));

    term->text = *text;

    return term;
}


static ngx_int_t
ngx_http_healthdash_ready_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_hd_text_t                    text;
    ngx_hd_view_t                   *view;
    ngx_hd_view_filter_t             filter;
    ngx_http_healthdash_answer_t     answer;
    ngx_http_healthdash_loc_conf_t  *hlcf;

    ngx_memzero(&answer, sizeof(ngx_http_healthdash_answer_t));
    ngx_memzero(&filter, sizeof(ngx_hd_view_filter_t));

    rc = ngx_http_healthdash_answer_begin(r, &answer);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_hd_text_init(&text, r->pool);

    if (answer.error) {
        ngx_http_healthdash_answer_error(&answer, &text, 1);

        return ngx_http_healthdash_answer_send(r, &answer, &text);
    }

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_healthdash_module);

    filter.health = NGX_HD_STATES;

    view = ngx_hd_view_create(ngx_http_get_module_main_conf(r,
                                              ngx_http_healthdash_module),
                              &filter, r->pool);
    if (view == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&answer.media, "application/health+json");

    if (ngx_http_healthdash_ready_render(&text, view, hlcf->ready)
        == NGX_HTTP_HEALTHDASH_READY_FAIL)
    {
        answer.status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    return ngx_http_healthdash_answer_send(r, &answer, &text);
}


/* what all add up to is known last, and so it stands there */

static ngx_uint_t
ngx_http_healthdash_ready_render(ngx_hd_text_t *text, ngx_hd_view_t *view,
    ngx_http_healthdash_ready_t *ready)
{
    ngx_uint_t                   i, status, worst;
    ngx_http_healthdash_term_t  *term;

    worst = NGX_HTTP_HEALTHDASH_READY_PASS;
    term = ready->terms.elts;

    ngx_hd_text_add(text, "{\"checks\":{");

    for (i = 0; i < ready->terms.nelts; i++) {
        ngx_hd_text_add(text, i ? ",\n" : "\n");
        ngx_hd_text_json(text, term[i].text.data, term[i].text.len);
        ngx_hd_text_add(text, ":[");

        status = term[i].service
                 ? ngx_http_healthdash_ready_service(text, view, &term[i])
                 : ngx_http_healthdash_ready_upstream(text, view, &term[i]);

        ngx_hd_text_add(text, "]");

        worst = ngx_max(worst, status);
    }

    ngx_hd_text_add(text, "},\n");
    ngx_http_healthdash_ready_status(text, worst);
    ngx_hd_text_add(text, "}\n");

    return worst;
}


static ngx_uint_t
ngx_http_healthdash_ready_service(ngx_hd_text_t *text, ngx_hd_view_t *view,
    ngx_http_healthdash_term_t *term)
{
    ngx_uint_t             i, status;
    ngx_hd_view_target_t  *vt;

    /* every service has its place in the picture, which is not filtered */

    for (i = 0; view->services[i].target != term->service; i++) {
        /* void */
    }

    vt = &view->services[i];

    if (vt->health == NGX_HD_STATE_UP || ngx_http_healthdash_ready_trusts(vt))
    {
        status = NGX_HTTP_HEALTHDASH_READY_PASS;

    } else if (vt->health == NGX_HD_STATE_DEGRADED) {
        status = NGX_HTTP_HEALTHDASH_READY_WARN;

    } else {
        status = NGX_HTTP_HEALTHDASH_READY_FAIL;
    }

    ngx_hd_text_add(text, "{\"componentType\":\"");
    ngx_hd_text_add(text, ngx_http_healthdash_ready_component(
                                                          vt->target->check));
    ngx_hd_text_add(text, "\",");

    ngx_http_healthdash_ready_observed(text, vt);
    ngx_http_healthdash_ready_status(text, status);

    if (vt->data.last) {
        ngx_hd_text_add(text, ",\"time\":\"");
        ngx_hd_text_time(text, vt->data.last);
        ngx_hd_text_add(text, "\"");
    }

    if (vt->health != NGX_HD_STATE_UP) {
        ngx_http_healthdash_ready_output(text, view, vt);
    }

    ngx_hd_text_add(text, "}");

    return status;
}


static const char *
ngx_http_healthdash_ready_component(ngx_hd_check_t *check)
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

        if (check->type_name.len == stores[i].len
            && ngx_memcmp(check->type_name.data, stores[i].data,
                          stores[i].len)
               == 0)
        {
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
ngx_http_healthdash_ready_observed(ngx_hd_text_t *text,
    ngx_hd_view_target_t *vt)
{
    const char  *unit;

    if (vt->data.has_value) {
        ngx_hd_text_add(text, "\"observedValue\":");

        if (!ngx_hd_detail_value(text, &vt->data)) {
            ngx_hd_text_add(text, "null");
        }

        unit = vt->target->check->type->unit;

        ngx_hd_text_add(text, ",\"observedUnit\":\"");
        ngx_hd_text_add(text, unit ? unit + (*unit == ' ') : "");
        ngx_hd_text_add(text, "\",");

    } else if (vt->data.usec) {
        ngx_hd_text_add(text, "\"observedValue\":");
        ngx_hd_text_msec(text, vt->data.usec);
        ngx_hd_text_add(text, ",\"observedUnit\":\"ms\",");
    }
}


static void
ngx_http_healthdash_ready_output(ngx_hd_text_t *text, ngx_hd_view_t *view,
    ngx_hd_view_target_t *vt)
{
    ngx_str_t    why;
    ngx_uint_t   reason;
    const char  *words;

    ngx_hd_text_add(text, ",\"output\":");

    if (vt->stale) {
        ngx_hd_text_add(text, "\"");
        ngx_hd_phrase_stale(text, view, vt);
        ngx_hd_text_add(text, "\"");
        return;
    }

    reason = ngx_hd_view_reason(vt, &why);

    if (why.len) {
        ngx_hd_text_json(text, why.data, why.len);
        return;
    }

    words = (reason == NGX_HD_R_NONE) ? "no result yet"
                                      : ngx_hd_reason(reason)->text;

    ngx_hd_text_json(text, (u_char *) words, ngx_strlen(words));
}


/*
 * Whether nginx would choose a server is read from nginx, so what the
 * administrator, passive failures and min_up= do counts; but a server of which
 * nothing is known is not counted on.
 */

static ngx_uint_t
ngx_http_healthdash_ready_upstream(ngx_hd_text_t *text, ngx_hd_view_t *view,
    ngx_http_healthdash_term_t *term)
{
    ngx_uint_t               i, n, status;
    ngx_hd_view_upstream_t  *vu;

    for (i = 0; view->upstreams[i].upstream != term->upstream; i++) {
        /* void */
    }

    vu = &view->upstreams[i];

    for (n = 0, i = 0; i < vu->npeers; i++) {
        n += ngx_http_healthdash_ready_counts(&vu->peers[i], term->least);
    }

    if (n < ngx_max(term->least, 1)) {
        status = NGX_HTTP_HEALTHDASH_READY_FAIL;

    } else if (vu->health == NGX_HD_STATE_UP
               || vu->health == NGX_HD_STATE_UNKNOWN)
    {
        status = NGX_HTTP_HEALTHDASH_READY_PASS;

    } else {
        status = NGX_HTTP_HEALTHDASH_READY_WARN;
    }

    ngx_hd_text_add(text, "{\"componentType\":\"component\","
                    "\"observedValue\":");
    ngx_hd_text_uint(text, n);
    ngx_hd_text_add(text, ",\"observedUnit\":\"servers\",");
    ngx_http_healthdash_ready_status(text, status);
    ngx_hd_text_add(text, ",\"time\":\"");
    ngx_hd_text_time(text, view->time);
    ngx_hd_text_add(text, "\"");

    if (status != NGX_HTTP_HEALTHDASH_READY_PASS) {
        ngx_hd_text_add(text, ",\"output\":\"");
        ngx_hd_text_add(text, term->least ? "healthy and in service: "
                                          : "can serve: ");
        ngx_hd_text_uint(text, n);
        ngx_hd_text_add(text, " of ");
        ngx_hd_phrase_count(text, vu->npeers, "server");

        if (term->least) {
            ngx_hd_text_add(text, ", expected at least ");
            ngx_hd_text_uint(text, term->least);
        }

        ngx_hd_text_add(text, "\"");
    }

    ngx_hd_text_add(text, "}");

    return status;
}


static ngx_uint_t
ngx_http_healthdash_ready_counts(ngx_hd_view_peer_t *vp, ngx_uint_t healthy)
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
            && !ngx_http_healthdash_ready_trusts(&vp->checks[i]))
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
ngx_http_healthdash_ready_trusts(ngx_hd_view_target_t *vt)
{
    ngx_hd_check_t  *check;

    check = vt->target->check;

    return vt->health == NGX_HD_STATE_UNKNOWN && !vt->stale && vt->next
           && check->initial == NGX_HD_INITIAL_UP
           && ngx_http_healthdash_given(check, "initial");
}


static void
ngx_http_healthdash_ready_status(ngx_hd_text_t *text, ngx_uint_t status)
{
    static const char * const  words[] = {
        [NGX_HTTP_HEALTHDASH_READY_PASS] = "\"status\":\"pass\"",
        [NGX_HTTP_HEALTHDASH_READY_WARN] = "\"status\":\"warn\"",
        [NGX_HTTP_HEALTHDASH_READY_FAIL] = "\"status\":\"fail\""
    };

    ngx_hd_text_add(text, words[status]);
}

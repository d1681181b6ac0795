
/*
 * healthdash: healthdash_ready: one question, "are you okay?", for a load
 * balancer, an orchestrator or a monitor.  Its terms are read with the
 * location, looked up once all of http{} was read, and judged by the same
 * picture as the status.  What is not known does not hold.
 */


#include <ngx_http_healthdash_answer.h>
#include <ngx_http_healthdash_param.h>
#include <ngx_http_healthdash_slice.h>
#include <ngx_http_healthdash_term.h>
#include <ngx_hd_render_health.h>


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
static ngx_uint_t ngx_http_healthdash_ready_judge(ngx_http_request_t *r,
    ngx_hd_view_t *view, ngx_hd_text_t *text);
static ngx_uint_t ngx_http_healthdash_ready_render(ngx_hd_text_t *text,
    ngx_hd_view_t *view, ngx_http_healthdash_ready_t *ready);
static ngx_uint_t ngx_http_healthdash_ready_service(ngx_hd_text_t *text,
    ngx_hd_view_t *view, ngx_http_healthdash_term_t *term);
static ngx_uint_t ngx_http_healthdash_ready_upstream(ngx_hd_text_t *text,
    ngx_hd_view_t *view, ngx_http_healthdash_term_t *term);


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
    ngx_int_t                     rc;
    ngx_http_healthdash_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_http_healthdash_answer_t));

    rc = ngx_http_healthdash_answer_begin(r, &answer);

    if (rc != NGX_OK) {
        return rc;
    }

    answer.json = 1;

    if (answer.error) {
        return ngx_http_healthdash_answer_send_error(r, &answer);
    }

    ngx_str_set(&answer.media, "application/health+json");

    return ngx_http_healthdash_slice_judge(r, &answer,
                                           ngx_http_healthdash_ready_judge);
}


static ngx_uint_t
ngx_http_healthdash_ready_judge(ngx_http_request_t *r, ngx_hd_view_t *view,
    ngx_hd_text_t *text)
{
    ngx_http_healthdash_loc_conf_t  *hlcf;

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_healthdash_module);

    return (ngx_http_healthdash_ready_render(text, view, hlcf->ready)
            == NGX_HD_HEALTH_FAIL)
           ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_OK;
}


/* what all add up to is known last, and so it stands there */

static ngx_uint_t
ngx_http_healthdash_ready_render(ngx_hd_text_t *text, ngx_hd_view_t *view,
    ngx_http_healthdash_ready_t *ready)
{
    ngx_uint_t                   i, status, worst;
    ngx_http_healthdash_term_t  *term;

    worst = NGX_HD_HEALTH_PASS;
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
    ngx_hd_health_status(text, worst);
    ngx_hd_text_add(text, "}\n");

    return worst;
}


/* every service has its place in the picture, which is not filtered */

static ngx_uint_t
ngx_http_healthdash_ready_service(ngx_hd_text_t *text, ngx_hd_view_t *view,
    ngx_http_healthdash_term_t *term)
{
    ngx_uint_t  i;

    for (i = 0; view->services[i].target != term->service; i++) {
        /* void */
    }

    return ngx_hd_health_service(text, view, &view->services[i]);
}


static ngx_uint_t
ngx_http_healthdash_ready_upstream(ngx_hd_text_t *text, ngx_hd_view_t *view,
    ngx_http_healthdash_term_t *term)
{
    ngx_uint_t  i;

    for (i = 0; view->upstreams[i].upstream != term->upstream; i++) {
        /* void */
    }

    return ngx_hd_health_upstream(text, view, &view->upstreams[i],
                                  term->least);
}


/*
 * healthdash: what the terms of healthdash_ready mean.  Called once all of
 * http{} was read, since what they name may stand behind them.
 */


#include <ngx_http_healthdash_param.h>
#include <ngx_http_healthdash_term.h>
#include <ngx_hd_compat.h>


#define NGX_HTTP_HEALTHDASH_TERM_MAX   10000   /* of UPSTREAM>=N */
#define NGX_HTTP_HEALTHDASH_TERM_LIST  512     /* bytes of names listed */


static ngx_int_t ngx_http_healthdash_term_split(ngx_str_t *text,
    ngx_str_t *name);
static void ngx_http_healthdash_term_look_up(ngx_hd_main_conf_t *hmcf,
    ngx_str_t *name, ngx_http_healthdash_term_t *term);
static ngx_uint_t ngx_http_healthdash_term_servers(
    ngx_http_healthdash_term_t *term);
static ngx_int_t ngx_http_healthdash_term_unknown(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf, ngx_hd_check_t *place,
    ngx_str_t *name);
static ngx_array_t *ngx_http_healthdash_term_names(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf);


/* a name may have ">=" in it: it is tried as it stands first */

ngx_int_t
ngx_http_healthdash_term_find(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_check_t *place, ngx_http_healthdash_term_t *term)
{
    ngx_int_t  n;
    ngx_str_t  name, shown;

    name = term->text;
    n = NGX_DECLINED;

    ngx_http_healthdash_term_look_up(hmcf, &name, term);

    if (term->service == NULL && term->upstream == NULL) {
        n = ngx_http_healthdash_term_split(&term->text, &name);

        ngx_http_healthdash_term_look_up(hmcf, &name, term);
    }

    shown = ngx_http_healthdash_shown(cf, &term->text);

    if (term->service && term->upstream) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, place,
                                "\"%V\" is the name of a service and of an "
                                "upstream, expected another name for one of "
                                "them", &name);
        return NGX_ERROR;
    }

    if (n == NGX_ERROR || n == 0 || (n > 0 && term->service)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, place,
                                "invalid term \"%V\", expected the name of a "
                                "service or an upstream, or UPSTREAM>=N in one "
                                "word with N from 1 to %d", &shown,
                                NGX_HTTP_HEALTHDASH_TERM_MAX);
        return NGX_ERROR;
    }

    if (term->service == NULL && term->upstream == NULL) {
        return ngx_http_healthdash_term_unknown(cf, hmcf, place, &name);
    }

    term->least = (n > 0) ? (ngx_uint_t) n : 0;

    if (term->least > ngx_http_healthdash_term_servers(term)) {
        ngx_http_healthdash_log(NGX_LOG_WARN, cf, place,
                                "\"%V\" wants more servers than the upstream "
                                "has: it will never hold", &shown);
    }

    return NGX_OK;
}


/* N of UPSTREAM>=N; NGX_DECLINED: there is no ">=" */

static ngx_int_t
ngx_http_healthdash_term_split(ngx_str_t *text, ngx_str_t *name)
{
    size_t     i;
    ngx_int_t  n;

    for (i = text->len; i > 1; i--) {

        if (text->data[i - 2] != '>' || text->data[i - 1] != '=') {
            continue;
        }

        name->data = text->data;
        name->len = i - 2;

        n = ngx_atoi(text->data + i, text->len - i);

        return (n > NGX_HTTP_HEALTHDASH_TERM_MAX) ? NGX_ERROR : n;
    }

    return NGX_DECLINED;
}


static void
ngx_http_healthdash_term_look_up(ngx_hd_main_conf_t *hmcf, ngx_str_t *name,
    ngx_http_healthdash_term_t *term)
{
    ngx_uint_t           i;
    ngx_hd_target_t    **services;
    ngx_hd_upstream_t  **upstreams;

    services = hmcf->services.elts;
    upstreams = hmcf->upstreams.elts;

    for (i = 0; i < hmcf->services.nelts; i++) {

        if (services[i]->name.len == name->len
            && ngx_memcmp(services[i]->name.data, name->data, name->len) == 0)
        {
            term->service = services[i];
        }
    }

    for (i = 0; i < hmcf->upstreams.nelts; i++) {

        if (upstreams[i]->name.len == name->len
            && ngx_memcmp(upstreams[i]->name.data, name->data, name->len) == 0)
        {
            term->upstream = upstreams[i];
        }
    }
}


/* how many there can be */

static ngx_uint_t
ngx_http_healthdash_term_servers(ngx_http_healthdash_term_t *term)
{
    ngx_uint_t                     n;
    ngx_http_upstream_rr_peers_t  *peers;

    n = 0;
    peers = term->upstream ? term->upstream->uscf->peer.data : NULL;

    for ( /* void */ ; peers; peers = peers->next) {

        if (ngx_hd_peers_resolve(peers)) {
            return NGX_HTTP_HEALTHDASH_TERM_MAX;
        }

        n += peers->number;
    }

    return n;
}


static ngx_int_t
ngx_http_healthdash_term_unknown(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_check_t *place, ngx_str_t *name)
{
    u_char       *p, *last, list[NGX_HTTP_HEALTHDASH_TERM_LIST];
    ngx_str_t     shown, *known, *near;
    ngx_uint_t    i, n, best;
    ngx_array_t  *names;

    names = ngx_http_healthdash_term_names(cf, hmcf);
    if (names == NULL) {
        return NGX_ERROR;
    }

    p = list;
    last = list + sizeof(list);

    near = NULL;
    best = (name->len < 4) ? 2 : 3;
    known = names->elts;

    for (i = 0; i < names->nelts; i++) {
        n = ngx_http_healthdash_distance(name, &known[i]);

        if (n < best) {
            best = n;
            near = &known[i];
        }

        p = ngx_slprintf(p, last, "%s\"%V\"", i ? ", " : "", &known[i]);
    }

    shown = ngx_http_healthdash_shown(cf, name);

    if (near) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, place,
                                "unknown name \"%V\", did you mean \"%V\"?",
                                &shown, near);
        return NGX_ERROR;
    }

    if (names->nelts == 0) {
        p = ngx_slprintf(p, last, "none is configured");
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, place,
                            "unknown name \"%V\", expected a service or an "
                            "upstream with a healthdash_check: %*s", &shown,
                            p - list, list);

    return NGX_ERROR;
}


static ngx_array_t *
ngx_http_healthdash_term_names(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf)
{
    ngx_str_t           *name;
    ngx_uint_t           i;
    ngx_array_t         *names;
    ngx_hd_target_t    **services;
    ngx_hd_upstream_t  **upstreams;

    services = hmcf->services.elts;
    upstreams = hmcf->upstreams.elts;

    names = ngx_array_create(cf->pool, 8, sizeof(ngx_str_t));
    if (names == NULL) {
        return NULL;
    }

    for (i = 0; i < hmcf->upstreams.nelts + hmcf->services.nelts; i++) {
        name = ngx_array_push(names);
        if (name == NULL) {
            return NULL;
        }

        *name = (i < hmcf->upstreams.nelts)
                ? upstreams[i]->name
                : services[i - hmcf->upstreams.nelts]->name;
    }

    return names;
}


/*
 * healthdash: how the URL of a service becomes a target.  Called in
 * postconfiguration; without a resolver in http{} a name is looked up here,
 * once, which may block as it does for nginx's own upstreams.
 */


#include <ngx_http_healthdash.h>
#include <ngx_hd_ident.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_resolve.h>
#include <ngx_hd_types.h>
#include <ngx_hd_url.h>


#define NGX_HTTP_HEALTHDASH_FORM   128     /* bytes of what a URL looks like */


static ngx_int_t ngx_http_healthdash_service_type(ngx_conf_t *cf,
    ngx_hd_target_t *t);
static ngx_int_t ngx_http_healthdash_service_url(ngx_conf_t *cf,
    ngx_hd_target_t *t, ngx_hd_url_t *url);
static ngx_int_t ngx_http_healthdash_service_user(ngx_conf_t *cf,
    ngx_hd_target_t *t, ngx_hd_url_t *url);
static ngx_int_t ngx_http_healthdash_service_place(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf, ngx_hd_target_t *t, ngx_str_t *place,
    ngx_str_t *host);
static ngx_int_t ngx_http_healthdash_service_lookup(ngx_conf_t *cf,
    ngx_hd_target_t *t, ngx_str_t *place, ngx_url_t *u);
static ngx_int_t ngx_http_healthdash_service_addrs(ngx_conf_t *cf,
    ngx_hd_target_t *t, ngx_url_t *u);
static ngx_int_t ngx_http_healthdash_service_host(ngx_conf_t *cf,
    ngx_hd_target_t *t, ngx_url_t *u, ngx_str_t *host);
static ngx_int_t ngx_http_healthdash_service_refused(ngx_conf_t *cf,
    ngx_hd_target_t *t, const char *err);
static u_char *ngx_http_healthdash_service_form(u_char *p, u_char *last,
    ngx_str_t *text);


ngx_int_t
ngx_http_healthdash_add_service(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_target_t *t)
{
    ngx_str_t     host;
    ngx_hd_url_t  url;

    if (ngx_http_healthdash_service_type(cf, t) != NGX_OK
        || ngx_http_healthdash_merge(cf, hmcf, t->check) != NGX_OK
        || ngx_http_healthdash_service_url(cf, t, &url) != NGX_OK
        || ngx_http_healthdash_service_place(cf, hmcf, t, &url.place, &host)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    t->address = url.address;

    if (ngx_http_healthdash_prepare(cf, t->check, &host) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_hd_ident(t);

    return ngx_http_healthdash_add_target(cf, hmcf, t);
}


static ngx_int_t
ngx_http_healthdash_service_type(ngx_conf_t *cf, ngx_hd_target_t *t)
{
    ngx_str_t                   scheme;
    const ngx_hd_probe_type_t  *type;

    scheme = ngx_hd_url_scheme(&t->address);

    if (scheme.len == 0) {
        scheme = ngx_hd_url_word(&t->address);
        type = ngx_hd_type_find(&scheme, 0);

        if (type == NULL || type->form != NGX_HD_URL_NAME) {
            scheme.len = 0;
        }
    }

    if (scheme.len == 0) {
        return ngx_http_healthdash_service_refused(cf, t, "no scheme");
    }

    if (ngx_http_healthdash_type(cf, t->check, &scheme) != NGX_CONF_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_service_url(ngx_conf_t *cf, ngx_hd_target_t *t,
    ngx_hd_url_t *url)
{
    const char      *err;
    ngx_hd_check_t  *check;

    check = t->check;

    err = ngx_hd_url_parse(cf->pool, &t->address, check->type->form, url);
    if (err) {
        return ngx_http_healthdash_service_refused(cf, t, err);
    }

    if (url->uri.len) {
        check->uri = url->uri;
    }

    if (check->type->form == NGX_HD_URL_NAME) {
        t->host = url->place;
    }

    return url->user.len ? ngx_http_healthdash_service_user(cf, t, url)
                         : NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_service_user(ngx_conf_t *cf, ngx_hd_target_t *t,
    ngx_hd_url_t *url)
{
    ngx_hd_check_t  *check;

    check = t->check;

    if (!(check->type->takes & NGX_HD_TAKES_USER)) {
        return ngx_http_healthdash_service_refused(cf, t, "unexpected user");
    }

    if (check->user.len || check->password.len) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"%s\" is given by the URL too",
                                check->user.len ? "user" : "password");
        return NGX_ERROR;
    }

    check->user = url->user;
    check->password = url->password;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_service_place(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_target_t *t, ngx_str_t *place, ngx_str_t *host)
{
    ngx_url_t  u;

    if (t->check->type->form == NGX_HD_URL_NAME) {
        *host = *place;
        return NGX_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *place;
    u.default_port = t->check->type->port;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        return ngx_http_healthdash_service_refused(cf, t, u.err);
    }

    if (u.family != AF_UNIX && u.port == 0) {
        return ngx_http_healthdash_service_refused(cf, t, "no port");
    }

    if (u.naddrs == 0 && hmcf->resolver) {
        t->host = u.host;
        t->port = u.port;

        /* a kept connection would hide that the name means another address */

        if (t->check->keepalive == 1) {
            ngx_http_healthdash_log(NGX_LOG_WARN, cf, t->check,
                                    "keepalive has no effect for service "
                                    "\"%V\", whose host is looked up for each "
                                    "probe", &t->name);
        }

    } else {

        if (u.naddrs == 0
            && ngx_http_healthdash_service_lookup(cf, t, place, &u) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_healthdash_service_addrs(cf, t, &u) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_healthdash_service_host(cf, t, &u, host);
}


static ngx_int_t
ngx_http_healthdash_service_lookup(ngx_conf_t *cf, ngx_hd_target_t *t,
    ngx_str_t *place, ngx_url_t *u)
{
    ngx_memzero(u, sizeof(ngx_url_t));

    u->url = *place;
    u->default_port = t->check->type->port;

    if (ngx_parse_url(cf->pool, u) != NGX_OK) {
        return ngx_http_healthdash_service_refused(cf, t, u->err);
    }

    ngx_http_healthdash_log(NGX_LOG_WARN, cf, t->check,
                            "host \"%V\" of service \"%V\" is resolved once, "
                            "at start, for there is no \"resolver\" in http{}",
                            &u->host, &t->name);

    return NGX_OK;
}


/* the first one that is to be tried stands for all */

static ngx_int_t
ngx_http_healthdash_service_addrs(ngx_conf_t *cf, ngx_hd_target_t *t,
    ngx_url_t *u)
{
    ngx_uint_t  n;

    n = ngx_hd_resolve_order(t->check, u->addrs, u->naddrs);

    if (n == 0) {
        return ngx_http_healthdash_reach(cf, t->check, u->addrs[0].sockaddr,
                                         &t->name);
    }

    t->sockaddr = u->addrs[0].sockaddr;
    t->socklen = u->addrs[0].socklen;

    if (n > 1) {
        t->addrs = u->addrs;
        t->naddrs = n;
    }

    return NGX_OK;
}


/* what a browser would send as Host */

static ngx_int_t
ngx_http_healthdash_service_host(ngx_conf_t *cf, ngx_hd_target_t *t,
    ngx_url_t *u, ngx_str_t *host)
{
    if (u->family == AF_UNIX) {
        ngx_str_set(host, "localhost");
        return NGX_OK;
    }

    *host = u->host;

    if (u->port == t->check->type->port) {
        return NGX_OK;
    }

    host->data = ngx_pnalloc(cf->pool, u->host.len + sizeof(":65535"));
    if (host->data == NULL) {
        return NGX_ERROR;
    }

    host->len = ngx_sprintf(host->data, "%V:%d", &u->host, (int) u->port)
                - host->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_service_refused(ngx_conf_t *cf, ngx_hd_target_t *t,
    const char *err)
{
    u_char     *p, form[NGX_HTTP_HEALTHDASH_FORM];
    ngx_str_t   shown;

    shown = ngx_hd_url_shown(cf->pool, &t->address);
    p = ngx_http_healthdash_service_form(form, form + sizeof(form),
                                         &t->address);

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, t->check,
                            "%s in URL \"%V\" of service \"%V\", expected one "
                            "such as %*s",
                            err ? err : "no memory", &shown, &t->name,
                            p - form, form);

    return NGX_ERROR;
}


/* a URL of the type that text begins with, and where the rest of it belongs */

static u_char *
ngx_http_healthdash_service_form(u_char *p, u_char *last, ngx_str_t *text)
{
    ngx_str_t                   word;
    const ngx_hd_probe_type_t  *type;

    word = ngx_hd_url_word(text);

    type = ngx_hd_type_find(word.len ? &word : text, 0);

    if (type == NULL) {
        return ngx_slprintf(p, last, "http://host:8080/path or "
                            "tcp://host:5432");
    }

    if (type->form == NGX_HD_URL_NAME) {
        return ngx_slprintf(p, last, "%V:%s", &type->name,
                            ngx_strcmp(type->name.data, "disk") == 0 ? "/var"
                                                                     : "");
    }

    p = ngx_slprintf(p, last, "%V://host:%d%s", &type->name,
                     type->port ? (int) type->port : 8080,
                     type->form == NGX_HD_URL_HTTP ? "/path" : "");

    if (type->form == NGX_HD_URL_HTTP
        || !(type->takes & (NGX_HD_TAKES_USER|NGX_HD_TAKES_SERVICE
                            |NGX_HD_TAKES_DNS)))
    {
        return p;
    }

    return ngx_slprintf(p, last, ", and behind it, if needed,%s%s%s%s",
                        type->takes & NGX_HD_TAKES_USER
                        ? " user= password=" : "",
                        type->takes & NGX_HD_TAKES_DATABASE ? " database=" : "",
                        type->takes & NGX_HD_TAKES_SERVICE ? " service=" : "",
                        type->takes & NGX_HD_TAKES_DNS ? " name=" : "");
}


ngx_int_t
ngx_http_healthdash_add_target(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_target_t *t)
{
    const char        *wrong;
    ngx_hd_check_t    *check;
    ngx_hd_target_t  **slot;

    check = t->check;
    wrong = check->type->fits ? check->type->fits(t) : NULL;

    if (wrong) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check, "the probe of type "
                                "\"%V\" %s", &check->type_name, wrong);
        return NGX_ERROR;
    }

    slot = ngx_array_push(&hmcf->targets);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = t;
    t->main = hmcf;
    t->index = hmcf->targets.nelts - 1;

    return NGX_OK;
}

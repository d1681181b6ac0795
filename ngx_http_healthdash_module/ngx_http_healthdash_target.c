
/*
 * healthdash: what follows from the directives once all of http{} was read:
 * checks are merged and made ready to be sent, peers of upstreams become
 * servers, and each pair of them, and each service, becomes a target with an
 * identity of its own.  Called in postconfiguration, when every balancer has
 * built its peers and none is in shared memory yet.
 */


#include <ngx_http_healthdash.h>
#include <ngx_hd_compat.h>
#include <ngx_hd_curl.h>
#include <ngx_hd_ident.h>
#include <ngx_hd_upstream.h>
#include <ngx_hd_utf8.h>


static void ngx_http_healthdash_warn_curl(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf);
static void ngx_http_healthdash_namesakes(ngx_hd_main_conf_t *hmcf);
static ngx_int_t ngx_http_healthdash_upstream(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf, ngx_http_upstream_srv_conf_t *uscf);
static ngx_int_t ngx_http_healthdash_complete(ngx_conf_t *cf,
    ngx_hd_upstream_t *u);
static ngx_int_t ngx_http_healthdash_checks(ngx_conf_t *cf,
    ngx_hd_upstream_t *u);
static ngx_uint_t ngx_http_healthdash_is_labelled(ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_min_up(ngx_conf_t *cf,
    ngx_hd_upstream_t *u);
static ngx_int_t ngx_http_healthdash_servers(ngx_conf_t *cf,
    ngx_hd_upstream_t *u);
static ngx_int_t ngx_http_healthdash_server(ngx_conf_t *cf,
    ngx_array_t *servers, ngx_http_upstream_rr_peer_t *peer);
static ngx_int_t ngx_http_healthdash_spares(ngx_conf_t *cf,
    ngx_hd_upstream_t *u);
static ngx_uint_t ngx_http_healthdash_resolves(ngx_hd_upstream_t *u);
static ngx_uint_t ngx_http_healthdash_fixed(ngx_hd_upstream_t *u);
static ngx_int_t ngx_http_healthdash_spare(ngx_conf_t *cf,
    ngx_hd_upstream_t *u, ngx_hd_server_t *server);
static ngx_int_t ngx_http_healthdash_max_servers(ngx_conf_t *cf,
    ngx_hd_upstream_t *u, ngx_uint_t *max);
static void ngx_http_healthdash_warn(ngx_conf_t *cf, ngx_hd_upstream_t *u);
static ngx_int_t ngx_http_healthdash_targets(ngx_conf_t *cf,
    ngx_hd_upstream_t *u, ngx_hd_server_t *server);
static ngx_int_t ngx_http_healthdash_unique(ngx_conf_t *cf,
    ngx_hd_server_t *server, ngx_uint_t n, ngx_hd_target_t *t);
static ngx_int_t ngx_http_healthdash_port(ngx_conf_t *cf, ngx_hd_target_t *t);


ngx_int_t
ngx_http_healthdash_finish(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_hd_target_t                **services;
    ngx_hd_main_conf_t              *hmcf;
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_upstream_srv_conf_t   **uscfp;
    ngx_http_upstream_main_conf_t   *umcf;

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_healthdash_module);
    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* without "resolver" nginx puts one there that has no servers */

    if (clcf->resolver && clcf->resolver->connections.nelts) {
        hmcf->resolver = clcf->resolver;
    }

    uscfp = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        /* a proxy_pass without an upstream block has no srv_conf */

        if (uscfp[i]->srv_conf
            && ngx_http_healthdash_upstream(cf, hmcf, uscfp[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    services = hmcf->services.elts;

    for (i = 0; i < hmcf->services.nelts; i++) {

        if (ngx_http_healthdash_add_service(cf, hmcf, services[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_healthdash_namesakes(hmcf);

    /* the hook of an upstream wants a zone, though it has no target yet */

    if (hmcf->targets.nelts == 0 && hmcf->upstreams.nelts == 0) {
        return NGX_OK;
    }

    ngx_http_healthdash_warn_curl(cf, hmcf);

    return ngx_http_healthdash_add_zone(cf, hmcf);
}


/* once, of the first target that libcurl would probe */

static void
ngx_http_healthdash_warn_curl(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf)
{
    ngx_uint_t         i;
    const char        *trouble, *version;
    ngx_hd_target_t  **t;

    trouble = ngx_hd_curl_trouble(&version);
    t = hmcf->targets.elts;

    for (i = 0; trouble && i < hmcf->targets.nelts; i++) {

        if (t[i]->check->type->curl) {
            ngx_http_healthdash_log(NGX_LOG_WARN, cf, t[i]->check,
                                    "libcurl %s, through which HTTP/2, HTTP/3 "
                                    "and gRPC are probed, %s: install another "
                                    "version", version, trouble);
            return;
        }
    }
}


/* some formats have one place for a service and an upstream of one name */

static void
ngx_http_healthdash_namesakes(ngx_hd_main_conf_t *hmcf)
{
    ngx_uint_t           i, n;
    ngx_hd_target_t    **t;
    ngx_hd_upstream_t  **u;

    t = hmcf->services.elts;
    u = hmcf->upstreams.elts;

    for (i = 0; i < hmcf->upstreams.nelts; i++) {

        for (n = 0; n < hmcf->services.nelts; n++) {

            if (t[n]->name.len == u[i]->name.len
                && ngx_memcmp(t[n]->name.data, u[i]->name.data,
                              u[i]->name.len)
                   == 0)
            {
                t[n]->namesake = i + 1;
                u[i]->namesake = t[n]->index + 1;
            }
        }
    }
}


static ngx_int_t
ngx_http_healthdash_upstream(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_hd_check_t                  **checks;
    ngx_hd_upstream_t                *u, **slot;
    ngx_http_healthdash_srv_conf_t   *hscf;

    hscf = ngx_http_conf_upstream_srv_conf(uscf, ngx_http_healthdash_module);

    if (hscf->checks.nelts == 0) {
        return NGX_OK;
    }

    checks = hscf->checks.elts;

    if (!ngx_hd_upstream_is_native(uscf)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, checks[0],
                                "upstream \"%V\" uses a load balancing method "
                                "with its own list of servers; "
                                "healthdash_check can't make it skip servers; "
                                "use healthdash_service to watch them",
                                &uscf->host);
        return NGX_ERROR;
    }

    if (!ngx_hd_upstream_fits(uscf)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, checks[0],
                                "this nginx lays out the servers of upstream "
                                "\"%V\" in another way than the module was "
                                "built for, expected a module built against "
                                "this nginx, with its options of configure",
                                &uscf->host);
        return NGX_ERROR;
    }

    /* it would be shown as another one, and share a key in JSON with others */

    if (!ngx_hd_utf8_is_plain(&uscf->host)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, checks[0],
                                "invalid name of the upstream, expected UTF-8 "
                                "without control characters");
        return NGX_ERROR;
    }

    u = ngx_pcalloc(cf->pool, sizeof(ngx_hd_upstream_t));
    slot = ngx_array_push(&hmcf->upstreams);

    if (u == NULL || slot == NULL) {
        return NGX_ERROR;
    }

    *slot = u;
    hscf->upstream = u;

    u->name = uscf->host;
    u->uscf = uscf;
    u->checks = hscf->checks;
    u->main = hmcf;
    u->word = ngx_hash_key(u->name.data, u->name.len)
              & (NGX_HD_CHANGE_WORDS - 1);

    return ngx_http_healthdash_complete(cf, u);
}


static ngx_int_t
ngx_http_healthdash_complete(ngx_conf_t *cf, ngx_hd_upstream_t *u)
{
    ngx_uint_t  i;

    if (ngx_http_healthdash_checks(cf, u) != NGX_OK
        || ngx_http_healthdash_min_up(cf, u) != NGX_OK
        || ngx_http_healthdash_servers(cf, u) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < u->nservers; i++) {

        if (ngx_http_healthdash_targets(cf, u, &u->servers[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_healthdash_spares(cf, u) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_healthdash_warn(cf, u);
    ngx_hd_upstream_hook(u);

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_checks(ngx_conf_t *cf, ngx_hd_upstream_t *u)
{
    ngx_uint_t        i;
    ngx_hd_check_t  **checks;

    checks = u->checks.elts;
    u->labels = checks[0];

    for (i = 0; i < u->checks.nelts; i++) {

        if (ngx_http_healthdash_merge(cf, u->main, checks[i]) != NGX_OK
            || ngx_http_healthdash_prepare(cf, checks[i], &u->name) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (!ngx_http_healthdash_is_labelled(u->labels)) {
            u->labels = checks[i];
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_healthdash_is_labelled(ngx_hd_check_t *check)
{
    return check->group.len || check->description.len || check->link.len
           || check->critical == 1;
}


/* one upstream has one min_up, said by any of its checks */

static ngx_int_t
ngx_http_healthdash_min_up(ngx_conf_t *cf, ngx_hd_upstream_t *u)
{
    ngx_uint_t        i;
    ngx_hd_check_t  **checks, *said;

    said = NULL;
    checks = u->checks.elts;

    for (i = 0; i < u->checks.nelts; i++) {

        if (!ngx_http_healthdash_given(checks[i], "min_up")) {
            continue;
        }

        if (said
            && (said->min_up != checks[i]->min_up
                || said->min_up_percent != checks[i]->min_up_percent))
        {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, checks[i],
                                    "min_up differs from that of the check in "
                                    "line %ui, expected one for the whole "
                                    "upstream \"%V\"", said->line, &u->name);
            return NGX_ERROR;
        }

        said = checks[i];
    }

    if (said == NULL) {
        said = checks[0];
    }

    u->min_up = said->min_up;
    u->min_up_percent = said->min_up_percent;

    for (i = 0; i < u->checks.nelts; i++) {
        checks[i]->min_up = u->min_up;
        checks[i]->min_up_percent = u->min_up_percent;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_servers(ngx_conf_t *cf, ngx_hd_upstream_t *u)
{
    ngx_array_t                    servers;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    if (ngx_array_init(&servers, cf->pool, 4, sizeof(ngx_hd_server_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* backups are the second list */

    for (peers = u->uscf->peer.data; peers; peers = peers->next) {

        for (peer = peers->peer; peer; peer = peer->next) {

            if (ngx_http_healthdash_server(cf, &servers, peer) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    u->servers = servers.elts;
    u->nservers = servers.nelts;

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_server(ngx_conf_t *cf, ngx_array_t *servers,
    ngx_http_upstream_rr_peer_t *peer)
{
    ngx_uint_t        i;
    ngx_hd_server_t  *server;

    server = servers->elts;

    for (i = 0; i < servers->nelts; i++) {

        if (ngx_cmp_sockaddr(server[i].sockaddr, server[i].socklen,
                             peer->sockaddr, peer->socklen, 1)
            == NGX_OK)
        {
            return NGX_OK;
        }
    }

    server = ngx_array_push(servers);
    if (server == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(server, sizeof(ngx_hd_server_t));

    server->name = peer->name;
    server->server = peer->server;
    server->sockaddr = peer->sockaddr;
    server->socklen = peer->socklen;

    return NGX_OK;
}


/* for the addresses of servers with "resolve": everything but the address */

static ngx_int_t
ngx_http_healthdash_spares(ngx_conf_t *cf, ngx_hd_upstream_t *u)
{
    ngx_uint_t  i, max;

    if (ngx_http_healthdash_max_servers(cf, u, &max) != NGX_OK) {
        return NGX_ERROR;
    }

    u->fixed = ngx_http_healthdash_fixed(u);

    if (!ngx_http_healthdash_resolves(u)) {
        return NGX_OK;
    }

    u->group = ngx_hd_ident_upstream(&u->name);

    u->spares = ngx_pcalloc(cf->pool, max * sizeof(ngx_hd_server_t));
    u->listed = ngx_pcalloc(cf->pool, max * sizeof(uint64_t));
    u->news = ngx_pcalloc(cf->pool, max);
    u->fresh = ngx_pcalloc(cf->pool, NGX_HD_FRESH * sizeof(ngx_hd_fresh_t));

    if (u->spares == NULL || u->listed == NULL || u->news == NULL
        || u->fresh == NULL)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < max; i++) {

        if (ngx_http_healthdash_spare(cf, u, &u->spares[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    u->nspares = max;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_healthdash_resolves(ngx_hd_upstream_t *u)
{
    ngx_http_upstream_rr_peers_t  *peers;

    for (peers = u->uscf->peer.data; peers; peers = peers->next) {

        if (ngx_hd_peers_resolve(peers)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_healthdash_fixed(ngx_hd_upstream_t *u)
{
    ngx_uint_t                     n;
    ngx_http_upstream_rr_peers_t  *peers;

    for (n = 0, peers = u->uscf->peer.data; peers; peers = peers->next) {
        n += peers->number;
    }

    return n;
}


static ngx_int_t
ngx_http_healthdash_spare(ngx_conf_t *cf, ngx_hd_upstream_t *u,
    ngx_hd_server_t *server)
{
    ngx_uint_t         i, n;
    ngx_hd_check_t   **checks;
    ngx_hd_place_t     nowhere;
    ngx_hd_target_t   *t;

    n = u->checks.nelts;
    checks = u->checks.elts;

    server->name.data = ngx_pnalloc(cf->pool, NGX_SOCKADDR_STRLEN);
    server->sockaddr = ngx_pcalloc(cf->pool, sizeof(ngx_sockaddr_t));
    server->targets = ngx_pcalloc(cf->pool, n * sizeof(ngx_hd_target_t *));

    t = ngx_pcalloc(cf->pool, n * sizeof(ngx_hd_target_t));

    if (server->name.data == NULL || server->sockaddr == NULL
        || server->targets == NULL || t == NULL)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        t[i].check = checks[i];
        t[i].upstream = u;
        t[i].spare = 1;

        t[i].address.data = ngx_pnalloc(cf->pool, NGX_SOCKADDR_STRLEN);
        t[i].sockaddr = ngx_pcalloc(cf->pool, sizeof(ngx_sockaddr_t));

        if (t[i].address.data == NULL || t[i].sockaddr == NULL) {
            return NGX_ERROR;
        }

        server->targets[i] = &t[i];

        if (ngx_http_healthdash_add_target(cf, u->main, &t[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_memzero(&nowhere, sizeof(ngx_hd_place_t));
    ngx_hd_place_copy(u, server, &nowhere);

    return NGX_OK;
}


/* one upstream has one max_servers, said by any of its checks */

static ngx_int_t
ngx_http_healthdash_max_servers(ngx_conf_t *cf, ngx_hd_upstream_t *u,
    ngx_uint_t *max)
{
    ngx_uint_t        i;
    ngx_hd_check_t  **checks, *said;

    said = NULL;
    checks = u->checks.elts;

    for (i = 0; i < u->checks.nelts; i++) {

        if (!ngx_http_healthdash_given(checks[i], "max_servers")) {
            continue;
        }

        if (said && said->max_servers != checks[i]->max_servers) {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, checks[i],
                                    "max_servers differs from that of the "
                                    "check in line %ui, expected one for the "
                                    "whole upstream \"%V\"", said->line,
                                    &u->name);
            return NGX_ERROR;
        }

        said = checks[i];
    }

    if (said && !ngx_http_healthdash_resolves(u)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, said,
                                "parameter \"max_servers\" has no meaning for "
                                "upstream \"%V\", which has no server with "
                                "\"resolve\"", &u->name);
        return NGX_ERROR;
    }

    *max = said ? said->max_servers : checks[0]->max_servers;

    return NGX_OK;
}


static void
ngx_http_healthdash_warn(ngx_conf_t *cf, ngx_hd_upstream_t *u)
{
    ngx_hd_check_t  **checks;

    checks = u->checks.elts;

    if (!u->min_up_percent && u->nspares == 0 && u->min_up > u->nservers) {
        ngx_http_healthdash_log(NGX_LOG_WARN, cf, checks[0],
                                "min_up=%ui is more than the number of servers "
                                "(%ui) of upstream \"%V\": none will be taken "
                                "out of service", u->min_up, u->nservers,
                                &u->name);
    }
}


static ngx_int_t
ngx_http_healthdash_targets(ngx_conf_t *cf, ngx_hd_upstream_t *u,
    ngx_hd_server_t *server)
{
    ngx_uint_t         i;
    ngx_hd_check_t   **checks;
    ngx_hd_target_t   *t;

    checks = u->checks.elts;

    server->targets = ngx_pcalloc(cf->pool,
                                  u->checks.nelts * sizeof(ngx_hd_target_t *));
    if (server->targets == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < u->checks.nelts; i++) {
        t = ngx_pcalloc(cf->pool, sizeof(ngx_hd_target_t));
        if (t == NULL) {
            return NGX_ERROR;
        }

        t->check = checks[i];
        t->upstream = u;
        t->name = server->name;
        t->address = server->name;
        t->sockaddr = server->sockaddr;
        t->socklen = server->socklen;

        if ((t->check->port && ngx_http_healthdash_port(cf, t) != NGX_OK)
            || ngx_http_healthdash_reach(cf, t->check, t->sockaddr, &t->name)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_hd_ident(t);

        if (ngx_http_healthdash_unique(cf, server, i, t) != NGX_OK) {
            return NGX_ERROR;
        }

        server->targets[i] = t;

        if (ngx_http_healthdash_add_target(cf, u->main, t) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_unique(ngx_conf_t *cf, ngx_hd_server_t *server,
    ngx_uint_t n, ngx_hd_target_t *t)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (ngx_memcmp(server->targets[i]->id, t->id, NGX_HD_ID_LEN) == 0) {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, t->check,
                                    "duplicate of the check in line %ui, "
                                    "expected checks of one upstream to ask "
                                    "different questions",
                                    server->targets[i]->check->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* probes another port of the same address */

static ngx_int_t
ngx_http_healthdash_port(ngx_conf_t *cf, ngx_hd_target_t *t)
{
    struct sockaddr  *sockaddr;

    if (t->sockaddr->sa_family == AF_UNIX) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, t->check,
                                "parameter \"port\" has no meaning for server "
                                "\"%V\"", &t->name);
        return NGX_ERROR;
    }

    sockaddr = ngx_pnalloc(cf->pool, NGX_SOCKADDRLEN);
    t->address.data = ngx_pnalloc(cf->pool, NGX_SOCKADDR_STRLEN);

    if (sockaddr == NULL || t->address.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(sockaddr, t->sockaddr, t->socklen);
    ngx_inet_set_port(sockaddr, t->check->port);

    t->sockaddr = sockaddr;
    t->address.len = ngx_sock_ntop(sockaddr, t->socklen, t->address.data,
                                   NGX_SOCKADDR_STRLEN, 1);

    return NGX_OK;
}

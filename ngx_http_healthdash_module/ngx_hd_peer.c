
/*
 * nginx's lists of servers, read: copied under the lock for whoever shows them.
 * Nothing is written.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_clock.h>
#include <ngx_hd_peer.h>
#include <ngx_hd_ramp.h>
#include <ngx_hd_rr.h>


#define NGX_HD_PEER_GRACE     300000   /* msec, shown after DNS removed it */
#define NGX_HD_PEER_SERVER    255      /* bytes kept of a name by DNS */
#define NGX_HD_PEER_NAMES                                                     \
    (NGX_SOCKADDR_STRLEN + NGX_HD_PEER_SERVER)


typedef struct {
    ngx_hd_upstream_t  *upstream;
    ngx_hd_hint_t       hint;
    ngx_uint_t          fixed;      /* servers of nginx.conf so far */
    ngx_uint_t          others;     /* without a place in the zone so far */
} ngx_hd_peer_walk_t;


static void ngx_hd_peer_add_removed(ngx_hd_upstream_t *u, ngx_array_t *array);
static ngx_int_t ngx_hd_peer_detach(ngx_hd_upstream_t *u,
    ngx_array_t *array, ngx_pool_t *pool);
static ngx_hd_server_t *ngx_hd_peer_detach_server(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, ngx_hd_peer_t *p, ngx_pool_t *pool);
static ngx_uint_t ngx_hd_peer_number(ngx_http_upstream_rr_peers_t *peers);
static void ngx_hd_peer_copy(ngx_hd_peer_walk_t *w, ngx_array_t *array,
    u_char *names, ngx_uint_t n);
static void ngx_hd_peer_copy_one(ngx_hd_peer_walk_t *w, ngx_hd_peer_t *p,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer,
    u_char *names);
static void ngx_hd_peer_copy_ramp(ngx_hd_upstream_t *u, ngx_hd_peer_t *p,
    ngx_hd_server_t *server);
static ngx_uint_t ngx_hd_peer_id(ngx_hd_peer_walk_t *w,
    ngx_hd_server_t *server);
static void ngx_hd_peer_copy_name(ngx_str_t *name, const u_char *src);
static ngx_uint_t ngx_hd_peer_state(ngx_hd_peer_walk_t *w,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer,
    ngx_hd_server_t *server);
static uint64_t ngx_hd_peer_sum_ramps(ngx_hd_upstream_t *u);
static uint64_t ngx_hd_peer_sum_one(uint64_t sum,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer);


static const char  *ngx_hd_peer_words[] = {
    "up", "draining", "down", "unavail", "checking", "unhealthy", "removed"
};


const char *
ngx_hd_peer_state_word(ngx_uint_t state)
{
    return ngx_hd_peer_words[state];
}


ngx_array_t *
ngx_hd_peer_list(ngx_hd_upstream_t *u, ngx_pool_t *pool)
{
    u_char                        *names;
    ngx_uint_t                     n;
    ngx_array_t                   *array;
    ngx_hd_peer_walk_t             w;
    ngx_http_upstream_rr_peers_t  *peers;

    ngx_hd_upstream_sync(u);

    peers = u->uscf->peer.data;

    n = ngx_hd_peer_number(peers) + ngx_hd_peer_number(peers->next)
        + u->nspares;

    /* nothing is allocated under the lock; servers added by now are left out */

    array = ngx_array_create(pool, n ? n : 1, sizeof(ngx_hd_peer_t));
    names = u->nspares ? ngx_pnalloc(pool, n * NGX_HD_PEER_NAMES + 1) : NULL;

    if (array == NULL || (u->nspares && names == NULL)) {
        return NULL;
    }

    ngx_memzero(&w, sizeof(ngx_hd_peer_walk_t));
    w.upstream = u;

    ngx_hd_peer_copy(&w, array, names, n - u->nspares);
    ngx_hd_peer_add_removed(u, array);

    if (u->nspares && ngx_hd_peer_detach(u, array, pool) != NGX_OK) {
        return NULL;
    }

    return array;
}


/* for some minutes it is told where they are */

static void
ngx_hd_peer_add_removed(ngx_hd_upstream_t *u, ngx_array_t *array)
{
    ngx_uint_t        i;
    ngx_hd_peer_t    *p;
    ngx_hd_server_t  *server;

    for (i = 0; i < u->nspares; i++) {
        server = &u->spares[i];

        if (u->listed[i] || server->version == 0
            || ngx_hd_gone_awaited(server->gone)
            || (server->gone
                && ngx_hd_place_age(server->gone) > NGX_HD_PEER_GRACE))
        {
            continue;
        }

        p = (ngx_hd_peer_t *) array->elts + array->nelts++;

        ngx_memzero(p, sizeof(ngx_hd_peer_t));

        p->name = server->name;
        p->server = server->server;
        p->conf = server;
        p->weight = 1;
        p->id = u->fixed + i;
        p->state = NGX_HD_PEER_REMOVED;
    }
}


/* what a spare server stands for may change before the picture is shown */

static ngx_int_t
ngx_hd_peer_detach(ngx_hd_upstream_t *u, ngx_array_t *array,
    ngx_pool_t *pool)
{
    ngx_uint_t      i;
    ngx_hd_peer_t  *p;

    p = array->elts;

    for (i = 0; i < array->nelts; i++) {

        if (p[i].conf == NULL || !p[i].conf->targets[0]->spare) {
            continue;
        }

        /* this worker has not yet copied what others have put there */

        if (p[i].conf->name.len != p[i].name.len
            || ngx_memcmp(p[i].conf->name.data, p[i].name.data, p[i].name.len)
               != 0)
        {
            p[i].conf = NULL;
            p[i].unplaced = 1;
            continue;
        }

        p[i].conf = ngx_hd_peer_detach_server(u, p[i].conf, &p[i], pool);

        if (p[i].conf == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_hd_server_t *
ngx_hd_peer_detach_server(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_hd_peer_t *p, ngx_pool_t *pool)
{
    u_char           *address;
    ngx_uint_t        i, n;
    ngx_hd_server_t  *copy;
    ngx_hd_target_t  *t;

    n = u->checks.nelts;

    if (p->state == NGX_HD_PEER_REMOVED) {
        p->name.data = ngx_pstrdup(pool, &server->name);
        p->server = p->name;
    }

    copy = ngx_palloc(pool, sizeof(ngx_hd_server_t));
    t = ngx_palloc(pool, n * sizeof(ngx_hd_target_t));
    address = ngx_pnalloc(pool, n * NGX_SOCKADDR_STRLEN);

    if (copy == NULL || t == NULL || address == NULL || p->name.data == NULL) {
        return NULL;
    }

    *copy = *server;
    copy->name = p->name;
    copy->server = p->server;

    copy->targets = ngx_palloc(pool, n * sizeof(ngx_hd_target_t *));
    if (copy->targets == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        t[i] = *server->targets[i];
        copy->targets[i] = &t[i];

        t[i].name = p->name;
        t[i].address.data = address + i * NGX_SOCKADDR_STRLEN;

        ngx_memcpy(t[i].address.data, server->targets[i]->address.data,
                   t[i].address.len);
    }

    return copy;
}


static ngx_uint_t
ngx_hd_peer_number(ngx_http_upstream_rr_peers_t *peers)
{
    ngx_uint_t                    n;
    ngx_http_upstream_rr_peer_t  *peer;

    n = 0;

    if (peers) {
        ngx_http_upstream_rr_peers_rlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {
            n++;
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    return n;
}


static void
ngx_hd_peer_copy(ngx_hd_peer_walk_t *w, ngx_array_t *array, u_char *names,
    ngx_uint_t n)
{
    ngx_uint_t                     i;
    ngx_hd_peer_t                 *p;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *first, *peers;

    p = array->elts;
    i = 0;

    if (w->upstream->nspares) {
        ngx_memzero(w->upstream->listed,
                    w->upstream->nspares * sizeof(uint64_t));
    }

    first = w->upstream->uscf->peer.data;

    for (peers = first; peers; peers = peers->next) {
        ngx_http_upstream_rr_peers_rlock(peers);

        if (w->upstream->ramp_end) {
            (void) ngx_hd_ramp_shares(w->upstream, peers);
        }

        for (peer = peers->peer; peer && i < n; peer = peer->next) {
            ngx_memzero(&p[i], sizeof(ngx_hd_peer_t));

            p[i].backup = (peers != first);

            ngx_hd_peer_copy_one(w, &p[i], peers, peer,
                                 names ? names + i * NGX_HD_PEER_NAMES : NULL);
            i++;
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    array->nelts = i;
}


static void
ngx_hd_peer_copy_one(ngx_hd_peer_walk_t *w, ngx_hd_peer_t *p,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer,
    u_char *names)
{
    ngx_hd_server_t  *server;

    server = ngx_hd_place_find(w->upstream, peer->sockaddr, peer->socklen,
                               &w->hint);

    if (server && !server->targets[0]->spare) {
        p->name = server->name;
        p->server = server->server;

    } else if (names) {

        /* of a server that DNS added: nginx may free it any time */

        p->name.len = ngx_min(peer->name.len, NGX_SOCKADDR_STRLEN);
        p->name.data = names;
        ngx_memcpy(p->name.data, peer->name.data, p->name.len);

        p->server.len = ngx_min(peer->server.len, NGX_HD_PEER_SERVER);
        p->server.data = names + NGX_SOCKADDR_STRLEN;
        ngx_hd_peer_copy_name(&p->server, peer->server.data);
    }

    p->id = ngx_hd_peer_id(w, server);
    p->conf = server;
    p->unplaced = (server == NULL);
    p->weight = peer->weight;
    p->conns = peer->conns;
    p->max_conns = peer->max_conns;
    p->fails = peer->fails;
    p->state = ngx_hd_peer_state(w, peers, peer, server);

    p->counted = ngx_hd_peers_shared(peers)
                 || w->upstream->main->workers == 1;

    p->kept = (peer->down & ~(ngx_uint_t) NGX_HD_PEER_WAITS) == 0
              && ngx_hd_upstream_is_out(w->upstream, server, peer);

    if (p->state == NGX_HD_PEER_UP && server) {
        ngx_hd_peer_copy_ramp(w->upstream, p, server);
    }
}


static void
ngx_hd_peer_copy_ramp(ngx_hd_upstream_t *u, ngx_hd_peer_t *p,
    ngx_hd_server_t *server)
{
    uint64_t  end;

    end = (server->share < NGX_HD_RAMP_FULL) ? ngx_hd_ramp_end(u, server) : 0;

    if (end <= ngx_current_msec) {
        return;
    }

    p->ramping = 1;
    p->share = server->share * 100 / NGX_HD_RAMP_FULL;
    p->full = ngx_hd_wall() + (int64_t) (end - ngx_current_msec);
}


/* its place does not change as others come and go */

static ngx_uint_t
ngx_hd_peer_id(ngx_hd_peer_walk_t *w, ngx_hd_server_t *server)
{
    ngx_uint_t          i;
    ngx_hd_upstream_t  *u;

    u = w->upstream;

    if (server && !server->targets[0]->spare) {
        return w->fixed++;
    }

    if (server) {
        i = server - u->spares;

        if (u->listed[i] == 0) {
            u->listed[i] = 1;
            return u->fixed + i;
        }
    }

    /* without a place, or for the second time by another name */

    return u->fixed + u->nspares + w->others++;
}


/* a name that came with an SRV record may have any bytes */

static void
ngx_hd_peer_copy_name(ngx_str_t *name, const u_char *src)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        name->data[i] = (src[i] > ' ' && src[i] < 0x7f) ? src[i] : '?';
    }
}


static ngx_uint_t
ngx_hd_peer_state(ngx_hd_peer_walk_t *w, ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer, ngx_hd_server_t *server)
{
    ngx_uint_t  admin;

    admin = ngx_hd_rr_taken_out(peer);

    if (admin) {
        return admin == NGX_HD_NGINX_DRAINING ? NGX_HD_PEER_DRAINING
                                              : NGX_HD_PEER_DOWN;
    }

    if (peer->down & NGX_HD_PEER_SKIPPED) {
        return ngx_hd_upstream_health(w->upstream, server)
               == NGX_HD_STATE_UNKNOWN ? NGX_HD_PEER_CHECKING
                                       : NGX_HD_PEER_UNHEALTHY;
    }

    return ngx_hd_rr_avoids(peers, peer) ? NGX_HD_PEER_UNAVAIL
                                         : NGX_HD_PEER_UP;
}


uint64_t
ngx_hd_peer_sum(ngx_hd_upstream_t *u)
{
    uint64_t                       sum;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    sum = ngx_hd_peer_sum_ramps(u);

    for (peers = u->uscf->peer.data; peers; peers = peers->next) {
        ngx_http_upstream_rr_peers_rlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {
            sum = ngx_hd_peer_sum_one(sum, peers, peer);
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    return sum;
}


/* how many ramp: what is new when one is done is that there is one less */

static uint64_t
ngx_hd_peer_sum_ramps(ngx_hd_upstream_t *u)
{
    uint64_t          n;
    ngx_uint_t        i;
    ngx_hd_server_t  *server;

    n = 0;

    for (i = 0; u->ramp_end && i < u->nservers + u->nspares; i++) {
        server = (i < u->nservers) ? &u->servers[i]
                                   : &u->spares[i - u->nservers];

        n += (ngx_hd_ramp_end(u, server) != 0);
    }

    return n;
}


static uint64_t
ngx_hd_peer_sum_one(uint64_t sum, ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer)
{
    uint64_t  bits;

    bits = (uint64_t) ngx_crc32_long((u_char *) peer->sockaddr, peer->socklen)
           << 32;

    bits ^= (uint64_t) peer->weight << 8;
    bits ^= (peer->down & ~(ngx_uint_t) NGX_HD_PEER_WAITS) << 1;
    bits ^= ngx_hd_rr_avoids(peers, peer);

    /* a server more or less, or in another place, counts, too */

    return (sum ^ bits) * 0x9e3779b97f4a7c15ULL + 1;
}

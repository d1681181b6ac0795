
/*
 * Servers by address, and the places of those that DNS brings.  A place is in
 * the record of a spare server's first check.  It changes under the mutex of
 * the zone and is read without it; nobody waits for that mutex, for its holder
 * may have been stopped.  A place that is being given away is free to all who
 * look at it, so one whose giver died is given again.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_ident.h>
#include <ngx_hd_place.h>


#define NGX_HD_PLACE_LEASE    1000     /* msec, for one record */
#define NGX_HD_PLACE_USED     (1ULL << 32)
#define NGX_HD_PLACE_WORDS                                                    \
    ((sizeof(ngx_hd_place_t) - offsetof(ngx_hd_place_t, gone))                \
     / sizeof(uint64_t))


static ngx_hd_place_t *ngx_hd_place_of(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server);
static ngx_int_t ngx_hd_place_read(ngx_hd_place_t *place, ngx_hd_place_t *p);
static void ngx_hd_place_write(ngx_hd_place_t *place, ngx_hd_place_t *p);
static ngx_uint_t ngx_hd_place_list(ngx_hd_upstream_t *u, ngx_uint_t *config);
static ngx_uint_t ngx_hd_place_fresh(ngx_hd_upstream_t *u, ngx_uint_t n,
    ngx_http_upstream_rr_peer_t *peer);
static ngx_uint_t ngx_hd_place_differs(ngx_hd_upstream_t *u);
static void ngx_hd_place_mark(ngx_hd_upstream_t *u, ngx_hd_follow_t *follow);
static void ngx_hd_place_give(ngx_hd_upstream_t *u, ngx_hd_fresh_t *fresh,
    ngx_hd_follow_t *follow);
static ngx_hd_server_t *ngx_hd_place_room(ngx_hd_upstream_t *u,
    ngx_uint_t *busy);
static ngx_uint_t ngx_hd_place_is_idle(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server);
static ngx_int_t ngx_hd_place_renew(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, ngx_hd_place_t *p);
static void ngx_hd_place_target(ngx_hd_target_t *t, const ngx_hd_place_t *p,
    ngx_str_t *name);
static void ngx_hd_place_seat_one(ngx_hd_upstream_t *u,
    struct sockaddr *sockaddr, socklen_t socklen, uint64_t gone);
static void ngx_hd_place_settle_one(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server);


ngx_hd_server_t *
ngx_hd_place_find(ngx_hd_upstream_t *u, struct sockaddr *sockaddr,
    socklen_t socklen, ngx_hd_hint_t *hint)
{
    ngx_uint_t        i, k;
    ngx_hd_place_t    p;
    ngx_hd_server_t  *server;

    /* servers stand in the order of the lists, so the hint is mostly right */

    for (i = 0; i < u->nservers; i++) {
        k = (hint->server + i) % u->nservers;
        server = &u->servers[k];

        if (ngx_cmp_sockaddr(sockaddr, socklen, server->sockaddr,
                             server->socklen, 1)
            == NGX_OK)
        {
            hint->server = k + 1;
            return server;
        }
    }

    for (i = 0; i < u->nspares; i++) {
        k = (hint->spare + i) % u->nspares;
        server = &u->spares[k];

        ngx_hd_place_look(u, server, &p);

        if (p.version
            && ngx_cmp_sockaddr(sockaddr, socklen,
                                (struct sockaddr *) p.sockaddr, p.socklen, 1)
               == NGX_OK)
        {
            hint->spare = k + 1;
            return server;
        }
    }

    return NULL;
}


ngx_hd_record_t *
ngx_hd_place_record(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_uint_t check)
{
    ngx_hd_zone_t    *zone;
    ngx_hd_target_t  *t;

    zone = u->main->zone;
    t = server->targets[check];

    /* a newer configuration may have given records to others */

    if (t->spare && ngx_hd_load(&zone->generation) == u->main->generation) {
        return &zone->record[t->record];
    }

    return ngx_hd_store_record(u->main, t);
}


static ngx_hd_place_t *
ngx_hd_place_of(ngx_hd_upstream_t *u, ngx_hd_server_t *server)
{
    return &u->main->zone->record[server->targets[0]->record].place;
}


void
ngx_hd_place_look(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_hd_place_t *p)
{
    if (ngx_hd_place_read(ngx_hd_place_of(u, server), p) != NGX_OK
        || p->group != u->group)
    {
        p->version = 0;
    }
}


static ngx_int_t
ngx_hd_place_read(ngx_hd_place_t *place, ngx_hd_place_t *p)
{
    p->version = ngx_hd_load(&place->version);

    if (p->version == 0) {
        return NGX_DECLINED;
    }

    ngx_hd_words_load(&p->gone, &place->gone, NGX_HD_PLACE_WORDS);

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return (__atomic_load_n(&place->version, __ATOMIC_RELAXED) == p->version
            && p->socklen <= sizeof(p->sockaddr))
           ? NGX_OK : NGX_DECLINED;
}


static void
ngx_hd_place_write(ngx_hd_place_t *place, ngx_hd_place_t *p)
{
    __atomic_store_n(&place->version, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    ngx_hd_words_save(&place->gone, &p->gone, NGX_HD_PLACE_WORDS);

    ngx_hd_set(&place->version, p->version);
}


void
ngx_hd_place_copy(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    const ngx_hd_place_t *p)
{
    ngx_uint_t        i;
    ngx_hd_target_t  *t;

    server->version = p->version;
    server->gone = p->gone;
    server->name.len = 0;

    if (p->version) {
        ngx_memcpy(server->sockaddr, p->sockaddr, p->socklen);
        server->socklen = p->socklen;
        server->name.len = ngx_sock_ntop(server->sockaddr, server->socklen,
                                         server->name.data,
                                         NGX_SOCKADDR_STRLEN, 1);
    }

    server->server = server->name;

    for (i = 0; i < u->checks.nelts; i++) {
        t = server->targets[i];

        t->absent = (p->version == 0 || p->gone);

        if (p->version) {
            ngx_hd_place_target(t, p, &server->name);

        } else {
            /* no record has this one */
            ngx_memset(t->id, 0xff, NGX_HD_ID_LEN);
        }
    }
}


/* t has room for what is written there */

static void
ngx_hd_place_target(ngx_hd_target_t *t, const ngx_hd_place_t *p,
    ngx_str_t *name)
{
    t->name = *name;

    ngx_memcpy(t->sockaddr, p->sockaddr, p->socklen);
    t->socklen = p->socklen;

    if (t->check->port) {
        ngx_inet_set_port(t->sockaddr, t->check->port);
    }

    t->address.len = ngx_sock_ntop(t->sockaddr, t->socklen, t->address.data,
                                   NGX_SOCKADDR_STRLEN, 1);
    ngx_hd_ident(t);
}


void
ngx_hd_place_follow(ngx_hd_upstream_t *u, ngx_hd_follow_t *follow)
{
    ngx_uint_t        i, n, config;
    ngx_slab_pool_t  *shpool;

    ngx_memzero(follow, sizeof(ngx_hd_follow_t));

    if (u->followed == ngx_hd_peers_config(
                           (ngx_http_upstream_rr_peers_t *) u->uscf->peer.data))
    {
        return;
    }

    n = ngx_hd_place_list(u, &config);

    if (n == 0 && !ngx_hd_place_differs(u)) {
        u->followed = config;
        return;
    }

    shpool = (ngx_slab_pool_t *) u->main->shm_zone->shm.addr;

    if (!ngx_shmtx_trylock(&shpool->mutex)) {
        follow->again = 1;
        return;
    }

    /* what was read before the list changed again may be older than the zone */

    if (config == ngx_hd_peers_config(
                      (ngx_http_upstream_rr_peers_t *) u->uscf->peer.data)
        && ngx_hd_load(&u->main->zone->generation) == u->main->generation)
    {
        ngx_hd_place_mark(u, follow);

        for (i = 0; i < n; i++) {
            ngx_hd_place_give(u, &u->fresh[i], follow);
        }

        /* the next ones come when these are seated */

        follow->again |= (n == NGX_HD_FRESH && follow->crowded == 0);

    } else {
        follow->again = 1;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (!follow->again) {
        u->followed = config;
    }
}


/* reads nginx's list; returns how many of its addresses have no server */

static ngx_uint_t
ngx_hd_place_list(ngx_hd_upstream_t *u, ngx_uint_t *config)
{
    ngx_uint_t                     n;
    ngx_hd_hint_t                  hint;
    ngx_hd_place_t                 p;
    ngx_hd_server_t               *server;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    ngx_memzero(&hint, sizeof(ngx_hd_hint_t));
    ngx_memzero(u->listed, u->nspares * sizeof(uint64_t));

    n = 0;
    peers = u->uscf->peer.data;
    *config = ngx_hd_peers_config(peers);

    for ( /* void */ ; peers; peers = peers->next) {
        ngx_http_upstream_rr_peers_rlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {
            server = ngx_hd_place_find(u, peer->sockaddr, peer->socklen,
                                       &hint);

            if (server == NULL) {
                n = ngx_hd_place_fresh(u, n, peer);

            } else if (server->targets[0]->spare) {
                ngx_hd_place_look(u, server, &p);
                u->listed[server - u->spares] = p.version;
            }
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    return n;
}


static ngx_uint_t
ngx_hd_place_fresh(ngx_hd_upstream_t *u, ngx_uint_t n,
    ngx_http_upstream_rr_peer_t *peer)
{
    ngx_uint_t  i;

    if (n == NGX_HD_FRESH
        || peer->socklen > (socklen_t) sizeof(((ngx_hd_place_t *) 0)->sockaddr))
    {
        return n;
    }

    for (i = 0; i < n; i++) {

        if (ngx_cmp_sockaddr(peer->sockaddr, peer->socklen,
                             &u->fresh[i].sockaddr.sockaddr,
                             u->fresh[i].socklen, 1)
            == NGX_OK)
        {
            return n;
        }
    }

    ngx_memcpy(&u->fresh[n].sockaddr, peer->sockaddr, peer->socklen);
    u->fresh[n].socklen = peer->socklen;

    return n + 1;
}


/* 1 if an address has gone, or is back */

static ngx_uint_t
ngx_hd_place_differs(ngx_hd_upstream_t *u)
{
    ngx_uint_t      i;
    ngx_hd_place_t  p;

    for (i = 0; i < u->nspares; i++) {
        ngx_hd_place_look(u, &u->spares[i], &p);

        if (p.version && (u->listed[i] == p.version) == (p.gone != 0)) {
            return 1;
        }
    }

    return 0;
}


/* the list has not changed since it was read, so others have seen the same */

static void
ngx_hd_place_mark(ngx_hd_upstream_t *u, ngx_hd_follow_t *follow)
{
    ngx_uint_t       i;
    ngx_hd_place_t  *place, p;

    for (i = 0; i < u->nspares; i++) {
        ngx_hd_place_look(u, &u->spares[i], &p);

        if (p.version == 0 || (u->listed[i] == p.version) == (p.gone == 0)) {
            continue;
        }

        place = ngx_hd_place_of(u, &u->spares[i]);

        ngx_hd_set(&place->gone, p.gone ? 0 : ngx_current_msec);
        follow->changed++;
    }
}


static void
ngx_hd_place_give(ngx_hd_upstream_t *u, ngx_hd_fresh_t *fresh,
    ngx_hd_follow_t *follow)
{
    ngx_uint_t        busy;
    ngx_hd_hint_t     hint;
    ngx_hd_place_t    p;
    ngx_hd_server_t  *server;

    ngx_memzero(&hint, sizeof(ngx_hd_hint_t));

    if (ngx_hd_place_find(u, &fresh->sockaddr.sockaddr, fresh->socklen,
                          &hint))
    {
        return;
    }

    server = ngx_hd_place_room(u, &busy);

    if (server == NULL) {
        follow->again |= busy;
        follow->crowded += !busy;
        return;
    }

    ngx_memzero(&p, sizeof(ngx_hd_place_t));

    p.group = u->group;
    p.socklen = fresh->socklen;
    ngx_memcpy(p.sockaddr, &fresh->sockaddr, fresh->socklen);

    if (ngx_hd_place_renew(u, server, &p) != NGX_OK) {
        follow->again = 1;
        return;
    }

    follow->changed++;
}


/* a free place, or the one whose address has been gone for the longest time */

static ngx_hd_server_t *
ngx_hd_place_room(ngx_hd_upstream_t *u, ngx_uint_t *busy)
{
    uint64_t          oldest;
    ngx_uint_t        i;
    ngx_hd_place_t    p;
    ngx_hd_server_t  *server;

    *busy = 0;
    oldest = 0;
    server = NULL;

    for (i = 0; i < u->nspares; i++) {
        ngx_hd_place_look(u, &u->spares[i], &p);

        if (p.version && p.gone == 0) {
            continue;
        }

        if (!ngx_hd_place_is_idle(u, &u->spares[i])) {
            *busy = 1;
            continue;
        }

        if (p.version == 0) {
            return &u->spares[i];
        }

        if (server == NULL || p.gone < oldest) {
            oldest = p.gone;
            server = &u->spares[i];
        }
    }

    return server;
}


/* no probe of its former address is under way anywhere */

static ngx_uint_t
ngx_hd_place_is_idle(ngx_hd_upstream_t *u, ngx_hd_server_t *server)
{
    ngx_uint_t        i;
    ngx_hd_record_t  *rec;

    for (i = 0; i < u->checks.nelts; i++) {
        rec = &u->main->zone->record[server->targets[i]->record];

        if (ngx_hd_store_is_busy(u->main, rec)) {
            return 0;
        }
    }

    return 1;
}


/* makes all records of server those of another address, which is p's */

static ngx_int_t
ngx_hd_place_renew(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_hd_place_t *p)
{
    u_char            name[NGX_SOCKADDR_STRLEN], address[NGX_SOCKADDR_STRLEN];
    uint64_t          until;
    ngx_str_t         text;
    ngx_uint_t        i;
    ngx_hd_lease_t    lease;
    ngx_sockaddr_t    sockaddr;
    ngx_hd_place_t   *place;
    ngx_hd_record_t  *rec;
    ngx_hd_target_t   t;

    place = ngx_hd_place_of(u, server);

    ngx_hd_set(&place->version, 0);

    text.data = name;
    text.len = ngx_sock_ntop((struct sockaddr *) p->sockaddr, p->socklen, name,
                             NGX_SOCKADDR_STRLEN, 1);

    for (i = 0; i < u->checks.nelts; i++) {
        t = *server->targets[i];
        t.sockaddr = &sockaddr.sockaddr;
        t.address.data = address;

        ngx_hd_place_target(&t, p, &text);

        rec = &u->main->zone->record[t.record];

        if (ngx_hd_store_claim(u->main, rec, NGX_HD_PLACE_LEASE, &lease,
                               &until)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        /* an epoch is of one lease alone, and never 0 with this bit */

        if (i == 0) {
            p->version = NGX_HD_PLACE_USED | lease.epoch;
        }

        ngx_hd_store_renew(rec, &lease, t.id);
        ngx_hd_store_release(rec, &lease);
    }

    ngx_hd_place_write(place, p);

    return NGX_OK;
}


void
ngx_hd_place_seat(ngx_hd_main_conf_t *hmcf, ngx_hd_zone_t *from)
{
    uint64_t                        i;
    ngx_uint_t                      k, n;
    ngx_hd_place_t                  p;
    ngx_hd_upstream_t             **u;
    ngx_http_upstream_rr_peer_t    *peer;
    ngx_http_upstream_rr_peers_t   *peers;

    u = hmcf->upstreams.elts;

    for (n = 0, k = 0; k < hmcf->upstreams.nelts; k++) {
        n += u[k]->nspares;
        peers = u[k]->nspares ? u[k]->uscf->peer.data : NULL;

        for ( /* void */ ; peers; peers = peers->next) {

            for (peer = peers->peer; peer; peer = peer->next) {
                ngx_hd_place_seat_one(u[k], peer->sockaddr, peer->socklen, 0);
            }
        }
    }

    for (i = 0; n && from && i < from->capacity; i++) {

        if (from->record[i].generation != from->generation
            || ngx_hd_place_read(&from->record[i].place, &p) != NGX_OK)
        {
            continue;
        }

        for (k = 0; k < hmcf->upstreams.nelts; k++) {

            if (u[k]->nspares && u[k]->group == p.group) {
                ngx_hd_place_seat_one(u[k], (struct sockaddr *) p.sockaddr,
                                      p.socklen,
                                      p.gone ? p.gone : ngx_current_msec);
            }
        }
    }
}


static void
ngx_hd_place_seat_one(ngx_hd_upstream_t *u, struct sockaddr *sockaddr,
    socklen_t socklen, uint64_t gone)
{
    ngx_uint_t        i;
    ngx_hd_place_t    p;
    ngx_hd_server_t  *server;

    for (i = 0; i < u->nservers; i++) {
        server = &u->servers[i];

        if (ngx_cmp_sockaddr(sockaddr, socklen, server->sockaddr,
                             server->socklen, 1)
            == NGX_OK)
        {
            return;
        }
    }

    /* these are taken from the first one on */

    for (i = 0; i < u->nspares && u->spares[i].version; i++) {
        server = &u->spares[i];

        if (ngx_cmp_sockaddr(sockaddr, socklen, server->sockaddr,
                             server->socklen, 1)
            == NGX_OK)
        {
            return;
        }
    }

    if (i == u->nspares || socklen > (socklen_t) sizeof(p.sockaddr)) {
        return;
    }

    ngx_memzero(&p, sizeof(ngx_hd_place_t));

    p.version = 1;
    p.gone = gone;
    p.socklen = socklen;
    ngx_memcpy(p.sockaddr, sockaddr, socklen);

    ngx_hd_place_copy(u, &u->spares[i], &p);
}


void
ngx_hd_place_settle(ngx_hd_main_conf_t *hmcf)
{
    ngx_uint_t           i, k;
    ngx_hd_upstream_t  **u;

    u = hmcf->upstreams.elts;

    for (k = 0; k < hmcf->upstreams.nelts; k++) {

        for (i = 0; i < u[k]->nspares; i++) {
            ngx_hd_place_settle_one(u[k], &u[k]->spares[i]);
        }
    }
}


static void
ngx_hd_place_settle_one(ngx_hd_upstream_t *u, ngx_hd_server_t *server)
{
    ngx_uint_t        i;
    ngx_hd_place_t    p, *place;
    ngx_hd_record_t  *rec;

    /* only that of the first check counts, which may have been another one */

    for (i = server->version ? 1 : 0; i < u->checks.nelts; i++) {
        rec = &u->main->zone->record[server->targets[i]->record];
        ngx_hd_set(&rec->place.version, 0);
    }

    if (server->version == 0) {
        return;
    }

    rec = &u->main->zone->record[server->targets[0]->record];
    place = &rec->place;

    ngx_hd_place_look(u, server, &p);

    if (p.version && ngx_cmp_sockaddr((struct sockaddr *) p.sockaddr, p.socklen,
                                      server->sockaddr, server->socklen, 1)
                     == NGX_OK)
    {
        ngx_hd_set(&place->gone, server->gone);

    } else {
        ngx_memzero(&p, sizeof(ngx_hd_place_t));

        p.version = NGX_HD_PLACE_USED | ngx_hd_load(&rec->seq) >> 32;
        p.gone = server->gone;
        p.group = u->group;
        p.socklen = server->socklen;
        ngx_memcpy(p.sockaddr, server->sockaddr, server->socklen);

        ngx_hd_place_write(place, &p);
    }

    server->version = p.version;
}

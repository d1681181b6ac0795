
/*
 * Which address has which place.  Places change under the mutex of the zone,
 * and nobody waits for that, for its holder may have been stopped.  A place
 * that is being given away is free to all who look at it, so one whose giver
 * died is given again.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_follow.h>


#define NGX_HD_FOLLOW_LEASE   1000     /* msec, for one record */


static uint64_t ngx_hd_follow_sum(ngx_hd_upstream_t *u);
static ngx_uint_t ngx_hd_follow_list(ngx_hd_upstream_t *u, ngx_uint_t *config);
static ngx_uint_t ngx_hd_follow_fresh(ngx_hd_upstream_t *u, ngx_uint_t n,
    ngx_http_upstream_rr_peer_t *peer);
static ngx_uint_t ngx_hd_follow_differs(ngx_hd_upstream_t *u);
static void ngx_hd_follow_mark(ngx_hd_upstream_t *u, ngx_hd_follow_t *follow);
static ngx_int_t ngx_hd_follow_doubt(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, uint64_t gone);
static ngx_int_t ngx_hd_follow_forget(ngx_hd_upstream_t *u,
    ngx_hd_record_t *rec, ngx_msec_t validity);
static void ngx_hd_follow_give(ngx_hd_upstream_t *u, ngx_hd_fresh_t *fresh,
    ngx_hd_follow_t *follow);
static ngx_hd_server_t *ngx_hd_follow_room(ngx_hd_upstream_t *u,
    ngx_uint_t *busy);
static ngx_uint_t ngx_hd_follow_is_idle(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server);
static ngx_int_t ngx_hd_follow_renew(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, ngx_hd_place_t *p);


void
ngx_hd_follow(ngx_hd_upstream_t *u, ngx_hd_follow_t *follow)
{
    uint64_t          sum;
    ngx_uint_t        i, n, config;
    ngx_slab_pool_t  *shpool;

    ngx_memzero(follow, sizeof(ngx_hd_follow_t));
    ngx_memzero(u->news, u->nspares);

    sum = ngx_hd_follow_sum(u);

    /* a worker of the past that was stopped may mark places even now */

    if (sum == u->places
        && u->followed == ngx_hd_peers_config(
                           (ngx_http_upstream_rr_peers_t *) u->uscf->peer.data))
    {
        return;
    }

    n = ngx_hd_follow_list(u, &config);

    if (n == 0 && !ngx_hd_follow_differs(u)) {
        u->followed = config;
        u->places = sum;
        return;
    }

    shpool = (ngx_slab_pool_t *) u->main->shm_zone->shm.addr;

    if (!ngx_shmtx_trylock(&shpool->mutex)) {
        follow->again = 1;
        return;
    }

    /*
     * What was read before the list changed again may be older than the zone,
     * and who has got a place since seems to be missing in the list.
     */

    if (config == ngx_hd_peers_config(
                      (ngx_http_upstream_rr_peers_t *) u->uscf->peer.data)
        && sum == ngx_hd_follow_sum(u)
        && ngx_hd_load(&u->main->zone->generation) == u->main->generation)
    {
        ngx_hd_follow_mark(u, follow);

        for (i = 0; i < n; i++) {
            ngx_hd_follow_give(u, &u->fresh[i], follow);
        }

        /* the next ones come when these are seated */

        follow->again |= (n == NGX_HD_FRESH && follow->crowded == 0);

    } else {
        follow->again = 1;
    }

    if (!follow->again) {
        u->followed = config;
        u->places = ngx_hd_follow_sum(u);
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


/* another one when a place has been given away, or marked */

static uint64_t
ngx_hd_follow_sum(ngx_hd_upstream_t *u)
{
    uint64_t        sum;
    ngx_uint_t      i;
    ngx_hd_place_t  p;

    for (sum = 0, i = 0; i < u->nspares; i++) {
        ngx_hd_place_look(u, &u->spares[i], &p);

        p.gone = p.version ? p.gone : 0;

        sum = ngx_hd_words_sum(&p.version, 2, sum);
    }

    return sum;
}


/* reads nginx's list; returns how many of its addresses have no server */

static ngx_uint_t
ngx_hd_follow_list(ngx_hd_upstream_t *u, ngx_uint_t *config)
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
                n = ngx_hd_follow_fresh(u, n, peer);

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
ngx_hd_follow_fresh(ngx_hd_upstream_t *u, ngx_uint_t n,
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
ngx_hd_follow_differs(ngx_hd_upstream_t *u)
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
ngx_hd_follow_mark(ngx_hd_upstream_t *u, ngx_hd_follow_t *follow)
{
    ngx_uint_t       i;
    ngx_hd_place_t  *place, p;

    for (i = 0; i < u->nspares; i++) {
        ngx_hd_place_look(u, &u->spares[i], &p);

        if (p.version == 0 || (u->listed[i] == p.version) == (p.gone == 0)) {
            continue;
        }

        if (p.gone
            && ngx_hd_follow_doubt(u, &u->spares[i], p.gone) != NGX_OK)
        {
            follow->again = 1;
            continue;
        }

        place = ngx_hd_place_of(u, &u->spares[i]);

        ngx_hd_set(&place->gone, p.gone ? 0 : ngx_hd_gone(ngx_current_msec, 0));

        /* one that was there before a restart, and is again, is no news */

        if (!ngx_hd_gone_awaited(p.gone)) {
            u->news[i] = p.gone ? NGX_HD_EVENT_ADDED : NGX_HD_EVENT_REMOVED;
        }

        follow->changed++;
    }
}


/*
 * Who was well, and has been away for longer than a result may stand, is to
 * show it again before it gets requests.  Who was down has to come back.
 * NGX_BUSY: a record is held, it stays as it is for now.
 */

static ngx_int_t
ngx_hd_follow_doubt(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    uint64_t gone)
{
    ngx_uint_t        i;
    ngx_hd_target_t  *t;
    ngx_hd_record_t  *rec;

    for (i = 0; i < u->checks.nelts; i++) {
        t = server->targets[i];
        rec = &u->main->zone->record[t->record];

        if (!ngx_hd_place_is_old(t, rec, gone)) {
            continue;
        }

        if (ngx_hd_follow_forget(u, rec, ngx_hd_store_validity(t->check))
            != NGX_OK)
        {
            return NGX_BUSY;
        }
    }

    return NGX_OK;
}


/* the state alone: history and counts go on */

static ngx_int_t
ngx_hd_follow_forget(ngx_hd_upstream_t *u, ngx_hd_record_t *rec,
    ngx_msec_t validity)
{
    uint64_t        until;
    ngx_int_t       rc;
    ngx_hd_data_t   data;
    ngx_hd_lease_t  lease;

    if (ngx_hd_store_claim(u->main, rec, NGX_HD_FOLLOW_LEASE, &lease, &until)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    rc = NGX_OK;

    /* of facts that are spoilt the state is left */

    (void) ngx_hd_store_read(rec, &data);

    if (data.state == NGX_HD_STATE_UP || data.state == NGX_HD_STATE_DEGRADED) {
        ngx_hd_store_forget(rec, &data,
                            ngx_current_msec + u->main->zone->clock, validity);

        rc = ngx_hd_store_publish(rec, &lease, &data);
    }

    ngx_hd_set(&rec->due, ngx_current_msec);
    ngx_hd_store_release(rec, &lease);

    return (rc == NGX_OK) ? NGX_OK : NGX_BUSY;
}


static void
ngx_hd_follow_give(ngx_hd_upstream_t *u, ngx_hd_fresh_t *fresh,
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

    server = ngx_hd_follow_room(u, &busy);

    if (server == NULL) {
        follow->again |= busy;
        follow->crowded += !busy;
        return;
    }

    ngx_memzero(&p, sizeof(ngx_hd_place_t));

    p.group = u->group;
    p.socklen = fresh->socklen;
    ngx_memcpy(p.sockaddr, &fresh->sockaddr, fresh->socklen);

    if (ngx_hd_follow_renew(u, server, &p) != NGX_OK) {
        follow->again = 1;
        return;
    }

    u->news[server - u->spares] = NGX_HD_EVENT_ADDED;
    follow->changed++;
}


/* a free place, or the one whose address has been gone for the longest time */

static ngx_hd_server_t *
ngx_hd_follow_room(ngx_hd_upstream_t *u, ngx_uint_t *busy)
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

        if (!ngx_hd_follow_is_idle(u, &u->spares[i])) {
            *busy = 1;
            continue;
        }

        if (p.version == 0) {
            return &u->spares[i];
        }

        if (server == NULL || ngx_hd_place_age(p.gone) > oldest) {
            oldest = ngx_hd_place_age(p.gone);
            server = &u->spares[i];
        }
    }

    return server;
}


/* no probe of its former address is under way anywhere */

static ngx_uint_t
ngx_hd_follow_is_idle(ngx_hd_upstream_t *u, ngx_hd_server_t *server)
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
ngx_hd_follow_renew(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
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

        if (ngx_hd_store_claim(u->main, rec, NGX_HD_FOLLOW_LEASE, &lease,
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

    /* a newer configuration has settled without it: there it is a free one */

    if (ngx_hd_load(&u->main->zone->generation) != u->main->generation) {
        (void) ngx_hd_cas(&place->version, &p->version, 0);
        return NGX_DECLINED;
    }

    return NGX_OK;
}

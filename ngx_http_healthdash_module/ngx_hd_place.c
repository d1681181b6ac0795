
/*
 * Servers by address, and the places of those that DNS brings.  A place is in
 * the record of a spare server's first check; it is read without a lock.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_compat.h>
#include <ngx_hd_ident.h>
#include <ngx_hd_place.h>


#define NGX_HD_PLACE_WORDS                                                    \
    ((sizeof(ngx_hd_place_t) - offsetof(ngx_hd_place_t, gone))                \
     / sizeof(uint64_t))


static ngx_uint_t ngx_hd_place_has(ngx_hd_upstream_t *u,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_hd_server_t **spare);
static void ngx_hd_place_seat_one(ngx_hd_upstream_t *u,
    struct sockaddr *sockaddr, socklen_t socklen, uint64_t gone);
static ngx_hd_server_t *ngx_hd_place_room(ngx_hd_upstream_t *u,
    uint64_t gone);
static void ngx_hd_place_settle_one(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server);
static ngx_uint_t ngx_hd_place_is_whole(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server);


ngx_uint_t
ngx_hd_place_initial(ngx_hd_check_t *check, ngx_uint_t added)
{
    if (added && check->initial == NGX_HD_INITIAL_UP && !check->trusted) {
        return NGX_HD_INITIAL_CHECKING;
    }

    return check->initial;
}


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


ngx_uint_t
ngx_hd_place_knew(ngx_hd_upstream_t *u, struct sockaddr *sockaddr,
    socklen_t socklen)
{
    ngx_uint_t        i;
    ngx_hd_server_t  *server;

    for (i = 0; i < u->nservers + u->nspares; i++) {
        server = (i < u->nservers) ? &u->servers[i]
                                   : &u->spares[i - u->nservers];

        if ((i < u->nservers || (server->version && server->gone == 0))
            && ngx_cmp_sockaddr(sockaddr, socklen, server->sockaddr,
                                server->socklen, 1)
               == NGX_OK)
        {
            return 1;
        }
    }

    return 0;
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


ngx_int_t
ngx_hd_place_verdict(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_uint_t check, ngx_uint_t *state)
{
    ngx_uint_t        doubt;
    ngx_hd_place_t    p;
    ngx_hd_record_t  *rec;
    ngx_hd_target_t  *t;

    t = server->targets[check];
    rec = ngx_hd_place_record(u, server, check);

    if (rec == NULL) {
        return NGX_DECLINED;
    }

    /*
     * The place first: who marks it as back has made the verdict one that may
     * be trusted before.  A free one was given away since it was found.
     */

    doubt = 0;

    if (t->spare) {
        ngx_hd_place_look(u, server, &p);
        doubt = p.version == 0
                || (p.gone && ngx_hd_place_is_old(t, rec, p.gone));
    }

    *state = ngx_hd_store_verdict(rec, NULL);

    if (doubt && *state != NGX_HD_STATE_DOWN) {
        *state = NGX_HD_STATE_UNKNOWN;
    }

    return NGX_OK;
}


uint64_t
ngx_hd_place_age(uint64_t gone)
{
    return ngx_hd_since(ngx_hd_gone_time(gone), ngx_current_msec);
}


/*
 * One that comes and goes may never be there for as long as a probe takes, so
 * its last result counts, too; but what the state file knew is trusted.
 */

ngx_uint_t
ngx_hd_place_is_old(ngx_hd_target_t *t, ngx_hd_record_t *rec, uint64_t gone)
{
    uint64_t       now;
    ngx_msec_t     validity;
    ngx_hd_data_t  data;

    if (ngx_hd_place_initial(t->check, 1) == NGX_HD_INITIAL_UP) {
        return 0;
    }

    /* a worker that was stopped in this turn of its loop has an older time */

    now = ngx_hd_now_usec() / 1000;
    validity = ngx_hd_store_validity(t->check);

    if (ngx_hd_since(ngx_hd_gone_time(gone), now) > validity) {
        return 1;
    }

    if (ngx_hd_gone_awaited(gone)) {
        return 0;
    }

    (void) ngx_hd_store_read(rec, &data);

    return ngx_hd_since(data.last_mono, now) > validity;
}


ngx_hd_place_t *
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


ngx_int_t
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


void
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

void
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
ngx_hd_place_seat(ngx_hd_main_conf_t *hmcf, ngx_hd_zone_t *from)
{
    uint64_t                        i;
    ngx_uint_t                      k, n;
    ngx_hd_place_t                  p;
    ngx_hd_server_t                *spare;
    ngx_hd_upstream_t             **u;
    ngx_http_upstream_rr_peer_t    *peer;
    ngx_http_upstream_rr_peers_t   *peers;

    u = hmcf->upstreams.elts;

    for (n = 0, k = 0; k < hmcf->upstreams.nelts; k++) {
        n += u[k]->nspares;
        peers = u[k]->nspares ? u[k]->uscf->peer.data : NULL;

        for ( /* void */ ; peers; peers = peers->next) {

            for (peer = peers->peer; peer; peer = peer->next) {

                if (!ngx_hd_place_has(u[k], peer->sockaddr, peer->socklen,
                                      &spare))
                {
                    ngx_hd_place_seat_one(u[k], peer->sockaddr, peer->socklen,
                                          0);
                }
            }
        }
    }

    for (i = 0; n && from && i < from->capacity; i++) {

        if (from->record[i].generation == from->generation
            && ngx_hd_place_read(&from->record[i].place, &p) == NGX_OK)
        {
            ngx_hd_place_offer(hmcf, &p);
        }
    }
}


/*
 * Who is in nginx's list may be back since a moment ago, not seen by anybody
 * yet: it stays one that is gone, for whoever follows the list to mark.
 */

void
ngx_hd_place_offer(ngx_hd_main_conf_t *hmcf, ngx_hd_place_t *p)
{
    uint64_t             gone;
    ngx_uint_t           i;
    struct sockaddr     *sockaddr;
    ngx_hd_server_t     *spare;
    ngx_hd_upstream_t  **u;

    u = hmcf->upstreams.elts;
    sockaddr = (struct sockaddr *) p->sockaddr;
    gone = p->gone ? p->gone : ngx_hd_gone(ngx_current_msec, 0);

    for (i = 0; i < hmcf->upstreams.nelts; i++) {

        if (u[i]->nspares == 0 || u[i]->group != p->group) {
            continue;
        }

        if (!ngx_hd_place_has(u[i], sockaddr, p->socklen, &spare)) {
            ngx_hd_place_seat_one(u[i], sockaddr, p->socklen, gone);

        } else if (spare && spare->gone == 0 && p->gone) {
            ngx_hd_place_copy(u[i], spare, p);
        }
    }
}


/* whether a server has it; which spare one, if it is that */

static ngx_uint_t
ngx_hd_place_has(ngx_hd_upstream_t *u, struct sockaddr *sockaddr,
    socklen_t socklen, ngx_hd_server_t **spare)
{
    ngx_uint_t        i;
    ngx_hd_server_t  *server;

    *spare = NULL;

    /* the spare ones are taken from the first one on */

    for (i = 0; i < u->nservers + u->nspares; i++) {
        server = (i < u->nservers) ? &u->servers[i]
                                   : &u->spares[i - u->nservers];

        if (i >= u->nservers && server->version == 0) {
            return 0;
        }

        if (ngx_cmp_sockaddr(sockaddr, socklen, server->sockaddr,
                             server->socklen, 1)
            == NGX_OK)
        {
            *spare = (i < u->nservers) ? NULL : server;
            return 1;
        }
    }

    return 0;
}


static void
ngx_hd_place_seat_one(ngx_hd_upstream_t *u, struct sockaddr *sockaddr,
    socklen_t socklen, uint64_t gone)
{
    ngx_uint_t        i;
    ngx_hd_place_t    p;
    ngx_hd_server_t  *server;

    for (i = 0; i < u->nspares && u->spares[i].version; i++) { /* void */ }

    server = (i < u->nspares) ? &u->spares[i] : ngx_hd_place_room(u, gone);

    if (server == NULL || socklen > (socklen_t) sizeof(p.sockaddr)) {
        return;
    }

    ngx_memzero(&p, sizeof(ngx_hd_place_t));

    p.version = 1;
    p.gone = gone;
    p.socklen = socklen;
    ngx_memcpy(p.sockaddr, sockaddr, socklen);

    ngx_hd_place_copy(u, server, &p);
}


/* the one whose address has been gone for the longest time, longer than that */

static ngx_hd_server_t *
ngx_hd_place_room(ngx_hd_upstream_t *u, uint64_t gone)
{
    uint64_t          oldest;
    ngx_uint_t        i;
    ngx_hd_server_t  *server, *found;

    found = NULL;
    oldest = gone ? ngx_hd_place_age(gone) : 0;

    for (i = 0; i < u->nspares; i++) {
        server = &u->spares[i];

        if (server->gone && ngx_hd_place_age(server->gone) > oldest) {
            oldest = ngx_hd_place_age(server->gone);
            found = server;
        }
    }

    return found;
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

    if (server->version && !ngx_hd_place_is_whole(u, server)) {
        ngx_memzero(&p, sizeof(ngx_hd_place_t));
        ngx_hd_place_copy(u, server, &p);
    }

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


/* 0 if a worker of the configuration before has given it to another address */

static ngx_uint_t
ngx_hd_place_is_whole(ngx_hd_upstream_t *u, ngx_hd_server_t *server)
{
    ngx_uint_t  i;

    for (i = 0; i < u->checks.nelts; i++) {
        if (ngx_hd_store_record(u->main, server->targets[i]) == NULL) {
            return 0;
        }
    }

    return 1;
}

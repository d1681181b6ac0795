
/*
 * Verdicts put into effect: one bit of peer->down and peers->tries with it,
 * under nginx's own write lock, matched by address at each walk.  With "zone"
 * one walk serves all workers; without, each worker walks its own copy, before
 * its next request, when the upstream's word in the store has moved.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_ramp.h>
#include <ngx_hd_rr.h>
#include <ngx_hd_upstream.h>
#include <ngx_http_healthdash.h>


/* what the verdicts want for one server */

typedef enum {
    NGX_HD_SERVE = 0,
    NGX_HD_SKIP,
    NGX_HD_LEAVE                /* not probed, or not known: as it is */
} ngx_hd_wish_e;


typedef struct {
    ngx_hd_upstream_t  *upstream;
    ngx_uint_t          hint;       /* where the next server should be */
    ngx_uint_t          total;      /* not taken out by the administrator */
    ngx_uint_t          healthy;    /* of these, not to be skipped */
    ngx_uint_t          keep;       /* too few: skip none */
} ngx_hd_walk_t;


static ngx_uint_t ngx_hd_upstream_is_near(
    const ngx_http_upstream_rr_peer_t *first,
    const ngx_http_upstream_rr_peer_t *peer, ngx_uint_t number);
static ngx_uint_t ngx_hd_upstream_is_server(ngx_http_upstream_srv_conf_t *uscf,
    const ngx_http_upstream_rr_peer_t *peer);
static ngx_int_t ngx_hd_upstream_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *uscf);
static ngx_int_t ngx_hd_upstream_init_ramp(ngx_http_request_t *r,
    ngx_hd_upstream_t *u);
static void ngx_hd_upstream_count(ngx_hd_walk_t *w,
    ngx_http_upstream_rr_peers_t *peers);
static void ngx_hd_upstream_set(ngx_hd_walk_t *w,
    ngx_http_upstream_rr_peers_t *peers);
static ngx_uint_t ngx_hd_upstream_came_back(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers, ngx_hd_server_t *server);
static ngx_uint_t ngx_hd_upstream_wish(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server);
static ngx_hd_server_t *ngx_hd_upstream_find(ngx_hd_walk_t *w,
    ngx_http_upstream_rr_peer_t *peer);
static uint64_t ngx_hd_upstream_ramps(ngx_hd_upstream_t *u);
static ngx_uint_t ngx_hd_upstream_speaks(ngx_hd_upstream_t *u,
    ngx_hd_target_t *t, ngx_hd_server_t *server);
static ngx_uint_t ngx_hd_upstream_number(ngx_http_upstream_rr_peers_t *peers);
static void ngx_hd_upstream_copy(ngx_hd_walk_t *w, ngx_array_t *array,
    u_char *names, ngx_uint_t n);
static void ngx_hd_upstream_copy_peer(ngx_hd_walk_t *w, ngx_hd_peer_t *p,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer,
    u_char *name);
static void ngx_hd_upstream_copy_ramp(ngx_hd_upstream_t *u, ngx_hd_peer_t *p,
    ngx_hd_server_t *server);
static ngx_uint_t ngx_hd_upstream_state(ngx_hd_walk_t *w,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer,
    ngx_hd_server_t *server);
static uint64_t ngx_hd_upstream_sum_ramps(ngx_hd_upstream_t *u);
static uint64_t ngx_hd_upstream_sum_peer(uint64_t sum,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer);


static const char  *ngx_hd_peer_words[] = {
    "up", "draining", "down", "unavail", "checking", "unhealthy"
};


ngx_uint_t
ngx_hd_upstream_is_native(ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_http_upstream_rr_peers_t  *peers;

    /*
     * nginx's list points to the name in this very uscf until it is copied to
     * a zone; a list of another kind has no reason to.  Nothing tells how long
     * that one is: at worst the word read here lies behind it, in the pool of
     * the configuration, and is no such pointer either.
     */

    peers = uscf->peer.data;

    return peers && peers->name == &uscf->host;
}


/*
 * nginx's signature of a module does not cover all that the size of a server in
 * the list depends on.  In a list that was laid out in another way the field
 * "next" leads anywhere, so it is followed no farther than the list can reach.
 */

ngx_uint_t
ngx_hd_upstream_fits(ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_uint_t                     n;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    for (peers = uscf->peer.data; peers; peers = peers->next) {
        n = 0;

        for (peer = peers->peer; peer; peer = peer->next) {

            if (++n > peers->number
                || !ngx_hd_upstream_is_near(peers->peer, peer, peers->number)
                || !ngx_hd_upstream_is_server(uscf, peer))
            {
                return 0;
            }
        }

        if (n != peers->number) {
            return 0;
        }
    }

    return 1;
}


/* all servers of a list come from one allocation, of about this size */

static ngx_uint_t
ngx_hd_upstream_is_near(const ngx_http_upstream_rr_peer_t *first,
    const ngx_http_upstream_rr_peer_t *peer, ngx_uint_t number)
{
    uintptr_t  distance;

    distance = (uintptr_t) peer - (uintptr_t) first;

    return distance < 2 * number * sizeof(ngx_http_upstream_rr_peer_t)
           && distance % sizeof(void *) == 0;
}


/* nginx.conf has it, and said of it what stands at the end of the fields */

static ngx_uint_t
ngx_hd_upstream_is_server(ngx_http_upstream_srv_conf_t *uscf,
    const ngx_http_upstream_rr_peer_t *peer)
{
    ngx_uint_t                   i, j;
    ngx_http_upstream_server_t  *server;

    /* "proxy_pass" to a host without a block has none */

    if (uscf->servers == NULL) {
        return 1;
    }

    server = uscf->servers->elts;

    for (i = 0; i < uscf->servers->nelts; i++) {

        for (j = 0; j < server[i].naddrs; j++) {

            if (server[i].addrs[j].sockaddr == peer->sockaddr) {
                return peer->down == server[i].down
                       && peer->weight == (ngx_int_t) server[i].weight;
            }
        }
    }

    return 0;
}


void
ngx_hd_upstream_hook(ngx_hd_upstream_t *u)
{
    u->init_peer = u->uscf->peer.init;
    u->uscf->peer.init = ngx_hd_upstream_init_peer;
}


static ngx_int_t
ngx_hd_upstream_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *uscf)
{
    ngx_hd_upstream_t               *u;
    ngx_http_healthdash_srv_conf_t  *hscf;

    hscf = ngx_http_conf_upstream_srv_conf(uscf, ngx_http_healthdash_module);
    u = hscf->upstream;

    ngx_hd_upstream_sync(u);

    if (u->ramp_end) {
        return ngx_hd_upstream_init_ramp(r, u);
    }

    return u->init_peer(r, uscf);
}


static ngx_int_t
ngx_hd_upstream_init_ramp(ngx_http_request_t *r, ngx_hd_upstream_t *u)
{
    if (ngx_current_msec >= u->ramp_end) {
        ngx_hd_upstream_apply(u);
        return u->init_peer(r, u->uscf);
    }

    if (u->init_peer(r, u->uscf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_hd_ramp_hook(r, u);
}


void
ngx_hd_upstream_sync(ngx_hd_upstream_t *u)
{
    if (ngx_hd_store_changes(u) != u->applied) {
        ngx_hd_upstream_apply(u);
    }
}


void
ngx_hd_upstream_apply(ngx_hd_upstream_t *u)
{
    uint64_t                       word;
    ngx_uint_t                     i;
    ngx_hd_walk_t                  w;
    ngx_http_upstream_rr_peers_t  *peers, *backup;

    word = ngx_hd_store_changes(u);

    ngx_memzero(&w, sizeof(ngx_hd_walk_t));
    w.upstream = u;

    peers = u->uscf->peer.data;
    backup = peers->next;

    /*
     * Verdicts are read under the lock and published before it is taken, so
     * that of two workers the later one knows both.  nginx never takes the
     * locks of both lists at once, so there is no order to keep.
     */

    ngx_http_upstream_rr_peers_wlock(peers);

    if (backup) {
        ngx_http_upstream_rr_peers_wlock(backup);
    }

    ngx_hd_upstream_count(&w, peers);
    ngx_hd_upstream_count(&w, backup);

    w.keep = w.healthy < ngx_hd_state_min_up(u->min_up, u->min_up_percent,
                                             w.total);
    w.hint = 0;

    for (i = 0; i < u->nservers; i++) {
        u->servers[i].back = ngx_hd_upstream_came_back(u, peers,
                                                       &u->servers[i]);
    }

    ngx_hd_upstream_set(&w, peers);
    ngx_hd_upstream_set(&w, backup);

    if (backup) {
        ngx_http_upstream_rr_peers_unlock(backup);
    }

    ngx_http_upstream_rr_peers_unlock(peers);

    u->ramp_end = ngx_hd_upstream_ramps(u);
    u->applied = word;
}


/* until when the last of those that ramp does */

static uint64_t
ngx_hd_upstream_ramps(ngx_hd_upstream_t *u)
{
    uint64_t    end, last;
    ngx_uint_t  i;

    last = 0;

    for (i = 0; i < u->nservers; i++) {
        end = ngx_hd_ramp_end(u, &u->servers[i]);
        last = ngx_max(last, end);

        if (end == 0) {
            u->servers[i].credit = 0;
        }
    }

    return last;
}


static void
ngx_hd_upstream_count(ngx_hd_walk_t *w, ngx_http_upstream_rr_peers_t *peers)
{
    ngx_uint_t                    wish;
    ngx_hd_server_t              *server;
    ngx_http_upstream_rr_peer_t  *peer;

    for (peer = peers ? peers->peer : NULL; peer; peer = peer->next) {
        server = ngx_hd_upstream_find(w, peer);

        if (ngx_hd_rr_taken_out(peer)) {
            continue;
        }

        w->total++;

        wish = ngx_hd_upstream_wish(w->upstream, server);

        if (wish == NGX_HD_LEAVE) {
            wish = (peer->down & NGX_HD_PEER_SKIPPED) ? NGX_HD_SKIP
                                                      : NGX_HD_SERVE;
        }

        w->healthy += (wish == NGX_HD_SERVE);
    }
}


static void
ngx_hd_upstream_set(ngx_hd_walk_t *w, ngx_http_upstream_rr_peers_t *peers)
{
    ngx_uint_t                    wish;
    ngx_hd_server_t              *server;
    ngx_http_upstream_rr_peer_t  *peer;

    for (peer = peers ? peers->peer : NULL; peer; peer = peer->next) {
        server = ngx_hd_upstream_find(w, peer);
        wish = ngx_hd_upstream_wish(w->upstream, server);

        ngx_hd_rr_set(peers, peer, NGX_HD_PEER_WAITS, 0);

        if (wish == NGX_HD_LEAVE && !w->keep) {
            continue;
        }

        ngx_hd_rr_set(peers, peer, NGX_HD_PEER_SKIPPED,
                      wish == NGX_HD_SKIP && !w->keep);

        /* who was brought back does not sit out its fail_timeout */

        if (server && server->back && peer->fails) {
            peer->fails = 0;
            peer->effective_weight = peer->weight;
        }
    }
}


/*
 * 1 once after a probe has brought a server back.  Its address may stand in
 * the lists several times, so this is asked for the server, not for a peer.
 */

static ngx_uint_t
ngx_hd_upstream_came_back(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers, ngx_hd_server_t *server)
{
    uint64_t            sum, n;
    ngx_uint_t          i, back, shared;
    ngx_hd_record_t    *rec;
    ngx_hd_target_t   **t;

    shared = ngx_hd_peers_shared(peers);

    sum = 0;
    back = 0;
    t = server->targets;

    for (i = 0; i < u->checks.nelts; i++) {
        rec = ngx_hd_store_record(u->main, t[i]);

        if (rec == NULL || t[i]->check->observe) {
            continue;
        }

        (void) ngx_hd_store_verdict(rec, &n);
        sum += n;

        /* the peers of a zone are cleared by the first worker, not by each */

        back |= shared && ngx_hd_store_clear_once(rec, n);
    }

    if (!shared) {
        back = (sum != server->seen);
    }

    server->seen = sum;

    return back;
}


static ngx_uint_t
ngx_hd_upstream_wish(ngx_hd_upstream_t *u, ngx_hd_server_t *server)
{
    ngx_uint_t          i, wish;
    ngx_hd_record_t    *rec;
    ngx_hd_target_t   **t;

    if (server == NULL) {
        return NGX_HD_LEAVE;
    }

    wish = NGX_HD_SERVE;
    t = server->targets;

    for (i = 0; i < u->checks.nelts; i++) {

        if (t[i]->check->observe) {
            continue;
        }

        rec = ngx_hd_store_record(u->main, t[i]);

        if (rec == NULL) {
            return NGX_HD_LEAVE;
        }

        if (ngx_hd_state_is_out(ngx_hd_store_verdict(rec, NULL),
                                t[i]->check->initial))
        {
            wish = NGX_HD_SKIP;
        }
    }

    return wish;
}


static ngx_hd_server_t *
ngx_hd_upstream_find(ngx_hd_walk_t *w, ngx_http_upstream_rr_peer_t *peer)
{
    return ngx_hd_rr_find(w->upstream, peer->sockaddr, peer->socklen,
                          &w->hint);
}


ngx_uint_t
ngx_hd_upstream_health(ngx_hd_upstream_t *u, ngx_hd_server_t *conf)
{
    ngx_uint_t        i, state, worst;
    ngx_hd_record_t  *rec;

    worst = NGX_HD_STATE_UNKNOWN;

    if (conf == NULL) {
        return worst;
    }

    for (i = 0; i < u->checks.nelts; i++) {
        rec = ngx_hd_store_record(u->main, conf->targets[i]);

        state = rec ? ngx_hd_store_verdict(rec, NULL) : NGX_HD_STATE_UNKNOWN;

        worst = i ? ngx_hd_state_worse(worst, state) : state;
    }

    return worst;
}


ngx_uint_t
ngx_hd_upstream_serves(ngx_hd_upstream_t *u, ngx_hd_target_t *t)
{
    ngx_uint_t                     serves;
    ngx_hd_walk_t                  w;
    ngx_hd_server_t               *server;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    ngx_memzero(&w, sizeof(ngx_hd_walk_t));
    w.upstream = u;

    serves = 0;

    for (peers = u->uscf->peer.data; peers; peers = peers->next) {
        ngx_http_upstream_rr_peers_rlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {
            server = ngx_hd_upstream_find(&w, peer);

            serves |= server
                      && (peer->down & ~(ngx_uint_t) NGX_HD_PEER_WAITS) == 0
                      && ngx_hd_upstream_speaks(u, t, server);
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    return serves;
}


static ngx_uint_t
ngx_hd_upstream_speaks(ngx_hd_upstream_t *u, ngx_hd_target_t *t,
    ngx_hd_server_t *server)
{
    ngx_uint_t  i;

    for (i = 0; i < u->checks.nelts; i++) {
        if (server->targets[i] == t) {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_hd_upstream_state_word(ngx_uint_t state)
{
    return ngx_hd_peer_words[state];
}


ngx_array_t *
ngx_hd_upstream_peers(ngx_hd_upstream_t *u, ngx_pool_t *pool)
{
    u_char                        *names;
    ngx_uint_t                     n;
    ngx_array_t                   *array;
    ngx_hd_walk_t                  w;
    ngx_http_upstream_rr_peers_t  *peers;

    ngx_hd_upstream_sync(u);

    peers = u->uscf->peer.data;

    n = ngx_hd_upstream_number(peers) + ngx_hd_upstream_number(peers->next);

    /* nothing is allocated under the lock; servers added by now are left out */

    array = ngx_array_create(pool, n ? n : 1, sizeof(ngx_hd_peer_t));
    names = ngx_pnalloc(pool, n * NGX_SOCKADDR_STRLEN + 1);

    if (array == NULL || names == NULL) {
        return NULL;
    }

    ngx_memzero(&w, sizeof(ngx_hd_walk_t));
    w.upstream = u;

    ngx_hd_upstream_copy(&w, array, names, n);

    return array;
}


static ngx_uint_t
ngx_hd_upstream_number(ngx_http_upstream_rr_peers_t *peers)
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
ngx_hd_upstream_copy(ngx_hd_walk_t *w, ngx_array_t *array, u_char *names,
    ngx_uint_t n)
{
    ngx_uint_t                     i;
    ngx_hd_peer_t                 *p;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *first, *peers;

    p = array->elts;
    i = 0;

    first = w->upstream->uscf->peer.data;

    for (peers = first; peers; peers = peers->next) {
        ngx_http_upstream_rr_peers_rlock(peers);

        (void) ngx_hd_ramp_shares(w->upstream, peers);

        for (peer = peers->peer; peer && i < n; peer = peer->next) {
            ngx_memzero(&p[i], sizeof(ngx_hd_peer_t));

            p[i].id = i;
            p[i].backup = (peers != first);

            ngx_hd_upstream_copy_peer(w, &p[i], peers, peer,
                                      names + i * NGX_SOCKADDR_STRLEN);
            i++;
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    array->nelts = i;
}


static void
ngx_hd_upstream_copy_peer(ngx_hd_walk_t *w, ngx_hd_peer_t *p,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_upstream_rr_peer_t *peer,
    u_char *name)
{
    ngx_hd_server_t  *server;

    server = ngx_hd_upstream_find(w, peer);

    if (server) {
        p->name = server->name;
        p->server = server->server;

    } else {
        p->name.len = ngx_min(peer->name.len, NGX_SOCKADDR_STRLEN);
        p->name.data = name;
        ngx_memcpy(name, peer->name.data, p->name.len);
        p->server = p->name;
    }

    p->conf = server;
    p->weight = peer->weight;
    p->conns = peer->conns;
    p->max_conns = peer->max_conns;
    p->fails = peer->fails;
    p->state = ngx_hd_upstream_state(w, peers, peer, server);

    p->counted = ngx_hd_peers_shared(peers)
                 || w->upstream->main->workers == 1;

    p->kept = (peer->down & ~(ngx_uint_t) NGX_HD_PEER_WAITS) == 0
              && ngx_hd_upstream_wish(w->upstream, server) == NGX_HD_SKIP;

    if (p->state == NGX_HD_PEER_UP && server) {
        ngx_hd_upstream_copy_ramp(w->upstream, p, server);
    }
}


static void
ngx_hd_upstream_copy_ramp(ngx_hd_upstream_t *u, ngx_hd_peer_t *p,
    ngx_hd_server_t *server)
{
    uint64_t     end;
    ngx_time_t  *tp;

    end = (server->share < NGX_HD_RAMP_FULL) ? ngx_hd_ramp_end(u, server) : 0;

    if (end <= ngx_current_msec) {
        return;
    }

    tp = ngx_timeofday();

    p->ramping = 1;
    p->share = server->share * 100 / NGX_HD_RAMP_FULL;
    p->full = (int64_t) tp->sec * 1000 + tp->msec
              + (int64_t) (end - ngx_current_msec);
}


static ngx_uint_t
ngx_hd_upstream_state(ngx_hd_walk_t *w, ngx_http_upstream_rr_peers_t *peers,
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
ngx_hd_upstream_sum(ngx_hd_upstream_t *u)
{
    uint64_t                       sum;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;

    sum = ngx_hd_upstream_sum_ramps(u);

    for (peers = u->uscf->peer.data; peers; peers = peers->next) {
        ngx_http_upstream_rr_peers_rlock(peers);

        for (peer = peers->peer; peer; peer = peer->next) {
            sum = ngx_hd_upstream_sum_peer(sum, peers, peer);
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    return sum;
}


/* how many ramp: what is new when one is done is that there is one less */

static uint64_t
ngx_hd_upstream_sum_ramps(ngx_hd_upstream_t *u)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; u->ramp_end && i < u->nservers; i++) {
        n += (ngx_hd_ramp_end(u, &u->servers[i]) != 0);
    }

    return n;
}


static uint64_t
ngx_hd_upstream_sum_peer(uint64_t sum, ngx_http_upstream_rr_peers_t *peers,
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

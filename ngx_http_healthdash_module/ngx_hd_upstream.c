
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
    NGX_HD_LEAVE                /* not known: as it is */
} ngx_hd_wish_e;


typedef struct {
    ngx_hd_upstream_t  *upstream;
    ngx_hd_hint_t       hint;
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
static void ngx_hd_upstream_count(ngx_hd_walk_t *w,
    ngx_http_upstream_rr_peers_t *peers);
static void ngx_hd_upstream_set(ngx_hd_walk_t *w,
    ngx_http_upstream_rr_peers_t *peers);
static void ngx_hd_upstream_find_back(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers);
static ngx_uint_t ngx_hd_upstream_came_back(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers, ngx_hd_server_t *server);
static ngx_uint_t ngx_hd_upstream_wish_peer(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, ngx_http_upstream_rr_peer_t *peer);
static ngx_uint_t ngx_hd_upstream_wish(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server);
static ngx_uint_t ngx_hd_upstream_wish_new(ngx_hd_upstream_t *u);
static ngx_hd_server_t *ngx_hd_upstream_find(ngx_hd_walk_t *w,
    ngx_http_upstream_rr_peer_t *peer);
static uint64_t ngx_hd_upstream_ramps(ngx_hd_upstream_t *u);
static ngx_uint_t ngx_hd_upstream_speaks(ngx_hd_upstream_t *u,
    ngx_hd_target_t *t, ngx_hd_server_t *server);


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
    ngx_int_t                        rc;
    ngx_hd_upstream_t               *u;
    ngx_http_healthdash_srv_conf_t  *hscf;

    hscf = ngx_http_conf_upstream_srv_conf(uscf, ngx_http_healthdash_module);
    u = hscf->upstream;

    ngx_hd_upstream_sync(u);

    rc = u->init_peer(r, uscf);

    if (rc == NGX_OK && u->ramp_end) {
        rc = ngx_hd_ramp_hook(r, u);
    }

    /*
     * A request can choose among the servers that the list has had until here,
     * and DNS may have added one in another worker since our look.
     */

    ngx_hd_upstream_sync(u);

    return rc;
}


void
ngx_hd_upstream_sync(ngx_hd_upstream_t *u)
{
    ngx_http_upstream_rr_peers_t  *peers;

    peers = u->uscf->peer.data;

    /*
     * At the end of a ramp, too: a worker whose time is behind may have had a
     * server wait after others had seen that.
     */

    if (ngx_hd_store_changes(u) != u->applied
        || ngx_hd_peers_config(peers) != u->config
        || (u->ramp_end && ngx_current_msec >= u->ramp_end))
    {
        ngx_hd_upstream_apply(u);
    }
}


void
ngx_hd_upstream_apply(ngx_hd_upstream_t *u)
{
    uint64_t                       word;
    ngx_uint_t                     config;
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

    config = ngx_hd_peers_config(peers);

    ngx_hd_upstream_count(&w, peers);
    ngx_hd_upstream_count(&w, backup);

    w.keep = w.healthy < ngx_hd_state_min_up(u->min_up, u->min_up_percent,
                                             w.total);

    ngx_memzero(&w.hint, sizeof(ngx_hd_hint_t));

    ngx_hd_upstream_find_back(u, peers);

    ngx_hd_upstream_set(&w, peers);
    ngx_hd_upstream_set(&w, backup);

    if (backup) {
        ngx_http_upstream_rr_peers_unlock(backup);
    }

    ngx_http_upstream_rr_peers_unlock(peers);

    u->ramp_end = ngx_hd_upstream_ramps(u);
    u->applied = word;
    u->config = config;
}


/* until when the last of those that ramp does */

static uint64_t
ngx_hd_upstream_ramps(ngx_hd_upstream_t *u)
{
    uint64_t          end, last;
    ngx_uint_t        i;
    ngx_hd_server_t  *server;

    last = 0;

    for (i = 0; i < u->nservers + u->nspares; i++) {
        server = (i < u->nservers) ? &u->servers[i]
                                   : &u->spares[i - u->nservers];

        end = ngx_hd_ramp_end(u, server);
        last = ngx_max(last, end);

        if (end == 0) {
            server->credit = 0;
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

        wish = ngx_hd_upstream_wish_peer(w->upstream, server, peer);

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
        wish = ngx_hd_upstream_wish_peer(w->upstream, server, peer);

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


static void
ngx_hd_upstream_find_back(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers)
{
    ngx_uint_t  i;

    for (i = 0; i < u->nservers; i++) {
        u->servers[i].back = ngx_hd_upstream_came_back(u, peers,
                                                       &u->servers[i]);
    }

    for (i = 0; i < u->nspares; i++) {
        u->spares[i].back = ngx_hd_upstream_came_back(u, peers, &u->spares[i]);
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
        rec = ngx_hd_place_record(u, server, i);

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


/*
 * A worker of the past is about to go: it does not know what others have found
 * out since.  What it knew stays as it was, but DNS may add servers to its list
 * as long as it has clients.
 */

static ngx_uint_t
ngx_hd_upstream_wish_peer(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_http_upstream_rr_peer_t *peer)
{
    ngx_uint_t  wish, past;

    past = ngx_hd_load(&u->main->zone->generation) != u->main->generation;

    if (server) {
        wish = ngx_hd_upstream_wish(u, server);

        if (wish != NGX_HD_LEAVE || !past) {
            return wish;
        }
    }

    return (past && ngx_hd_place_knew(u, peer->sockaddr, peer->socklen))
           ? NGX_HD_LEAVE : ngx_hd_upstream_wish_new(u);
}


static ngx_uint_t
ngx_hd_upstream_wish(ngx_hd_upstream_t *u, ngx_hd_server_t *server)
{
    ngx_uint_t          i, state, wish;
    ngx_hd_target_t   **t;

    wish = NGX_HD_SERVE;
    t = server->targets;

    for (i = 0; i < u->checks.nelts; i++) {

        if (t[i]->check->observe) {
            continue;
        }

        if (ngx_hd_place_verdict(u, server, i, &state) != NGX_OK) {
            return NGX_HD_LEAVE;
        }

        if (ngx_hd_state_is_out(state,
                                ngx_hd_place_initial(t[i]->check,
                                                     t[i]->spare)))
        {
            wish = NGX_HD_SKIP;
        }
    }

    return wish;
}


ngx_uint_t
ngx_hd_upstream_is_out(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_http_upstream_rr_peer_t *peer)
{
    return ngx_hd_upstream_wish_peer(u, server, peer) == NGX_HD_SKIP;
}


/* DNS has just added it, or more than are probed */

static ngx_uint_t
ngx_hd_upstream_wish_new(ngx_hd_upstream_t *u)
{
    ngx_uint_t        i;
    ngx_hd_check_t  **check;

    check = u->checks.elts;

    for (i = 0; i < u->checks.nelts; i++) {

        if (!check[i]->observe
            && ngx_hd_state_is_out(NGX_HD_STATE_UNKNOWN,
                                   ngx_hd_place_initial(check[i], 1)))
        {
            return NGX_HD_SKIP;
        }
    }

    return NGX_HD_SERVE;
}


static ngx_hd_server_t *
ngx_hd_upstream_find(ngx_hd_walk_t *w, ngx_http_upstream_rr_peer_t *peer)
{
    return ngx_hd_place_find(w->upstream, peer->sockaddr, peer->socklen,
                             &w->hint);
}


ngx_uint_t
ngx_hd_upstream_health(ngx_hd_upstream_t *u, ngx_hd_server_t *conf)
{
    ngx_uint_t  i, state, worst;

    worst = NGX_HD_STATE_UNKNOWN;

    if (conf == NULL) {
        return worst;
    }

    for (i = 0; i < u->checks.nelts; i++) {
        if (ngx_hd_place_verdict(u, conf, i, &state) != NGX_OK) {
            state = NGX_HD_STATE_UNKNOWN;
        }

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

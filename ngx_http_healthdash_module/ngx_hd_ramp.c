
/*
 * healthdash: the slow start of servers that come back.  Called before nginx
 * chooses a server for a request, and only while one of its upstream ramps.
 * Writes one bit of peer->down, under nginx's write lock, and leaves it as it
 * was drawn: with "zone" another worker may see it between our writing and our
 * choice, and as one draw is as good as another, shares stay right.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_compat.h>
#include <ngx_hd_place.h>
#include <ngx_hd_ramp.h>
#include <ngx_hd_rr.h>


#define NGX_HD_RAMP_BURST  16      /* requests that may be made up for */


/* how far a server has come */

typedef struct {
    ngx_uint_t                       progress;  /* of NGX_HD_RAMP_FULL: by the
                                                   check that is least far */
    uint64_t                         end;       /* monotonic, msec; 0: it is
                                                   not declined */
} ngx_hd_ramp_state_t;


/* between nginx and the balancer, for one request */

typedef struct {
    ngx_hd_upstream_t               *upstream;
    ngx_uint_t                       asked;     /* how often so far */

    void                            *data;      /* of the balancer */
    ngx_event_get_peer_pt            get;
    ngx_event_free_peer_pt           free;
    ngx_event_notify_peer_pt         notify;
    ngx_event_set_peer_session_pt    set_session;
    ngx_event_save_peer_session_pt   save_session;
} ngx_hd_ramp_t;


static void ngx_hd_ramp_look(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_hd_ramp_state_t *state);
static void ngx_hd_ramp_look_at(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_uint_t i, ngx_hd_ramp_state_t *state);
static ngx_uint_t ngx_hd_ramp_furthest(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers, ngx_uint_t *weight);
static ngx_uint_t ngx_hd_ramp_tries(ngx_http_upstream_rr_peers_t *peers);
static ngx_int_t ngx_hd_ramp_get(ngx_peer_connection_t *pc, void *data);
static void ngx_hd_ramp_draw(ngx_hd_upstream_t *u, ngx_uint_t decline);
static void ngx_hd_ramp_draw_list(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers, ngx_uint_t decline);
static ngx_uint_t ngx_hd_ramp_declines(ngx_hd_upstream_t *u,
    ngx_hd_server_t *server, ngx_uint_t weight, ngx_uint_t total);
static ngx_uint_t ngx_hd_ramp_is_paced(ngx_hd_upstream_t *u);
static void ngx_hd_ramp_count(ngx_hd_upstream_t *u, ngx_peer_connection_t *pc);
static void ngx_hd_ramp_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static void ngx_hd_ramp_notify(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t type);
static ngx_int_t ngx_hd_ramp_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_hd_ramp_save_session(ngx_peer_connection_t *pc, void *data);


uint64_t
ngx_hd_ramp_end(ngx_hd_upstream_t *u, ngx_hd_server_t *server)
{
    ngx_hd_ramp_state_t  state;

    ngx_hd_ramp_look(u, server, &state);

    return state.end;
}


static void
ngx_hd_ramp_look(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_hd_ramp_state_t *state)
{
    ngx_uint_t         i;
    ngx_hd_target_t  **t;

    state->progress = NGX_HD_RAMP_FULL;
    state->end = 0;

    t = server->targets;

    for (i = 0; i < u->checks.nelts; i++) {

        if (t[i]->check->slow_start && !t[i]->check->observe) {
            ngx_hd_ramp_look_at(u, server, i, state);
        }
    }
}


static void
ngx_hd_ramp_look_at(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_uint_t i, ngx_hd_ramp_state_t *state)
{
    uint64_t          word, back, age;
    ngx_uint_t        progress, verdict;
    ngx_hd_check_t   *check;
    ngx_hd_record_t  *rec;
    ngx_hd_target_t  *t;

    t = server->targets[i];
    check = t->check;
    rec = ngx_hd_place_record(u, server, i);

    if (rec == NULL || ngx_hd_place_verdict(u, server, i, &verdict) != NGX_OK) {
        return;
    }

    word = ngx_hd_load(&rec->back);
    back = ngx_hd_back_time(word);

    age = ngx_hd_since(back, ngx_current_msec);

    /* one that is down, and in service nevertheless, does not ramp */

    if (word == 0 || age >= check->slow_start
        || ngx_hd_state_is_out(verdict, ngx_hd_place_initial(check, t->spare)))
    {
        return;
    }

    progress = age * NGX_HD_RAMP_FULL / check->slow_start;
    state->progress = ngx_min(state->progress, progress);

    if (!ngx_hd_back_served(word)) {
        state->end = ngx_max(state->end, back + check->slow_start);
    }
}


ngx_uint_t
ngx_hd_ramp_shares(ngx_hd_upstream_t *u, ngx_http_upstream_rr_peers_t *peers)
{
    ngx_uint_t                    top, total;
    ngx_hd_hint_t                 hint;
    ngx_hd_server_t              *server;
    ngx_hd_ramp_state_t           state;
    ngx_http_upstream_rr_peer_t  *peer;

    top = ngx_hd_ramp_furthest(u, peers, &total);
    ngx_memzero(&hint, sizeof(ngx_hd_hint_t));

    for (peer = peers->peer; peer; peer = peer->next) {
        server = ngx_hd_place_find(u, peer->sockaddr, peer->socklen, &hint);

        if (server == NULL) {
            continue;
        }

        ngx_hd_ramp_look(u, server, &state);

        server->share = (state.end && state.progress < top)
                        ? state.progress * NGX_HD_RAMP_FULL / top
                        : NGX_HD_RAMP_FULL;
    }

    return total;
}


static ngx_uint_t
ngx_hd_ramp_furthest(ngx_hd_upstream_t *u, ngx_http_upstream_rr_peers_t *peers,
    ngx_uint_t *weight)
{
    ngx_uint_t                    top;
    ngx_hd_hint_t                 hint;
    ngx_hd_server_t              *server;
    ngx_hd_ramp_state_t           state;
    ngx_http_upstream_rr_peer_t  *peer;

    ngx_memzero(&hint, sizeof(ngx_hd_hint_t));
    top = 0;
    *weight = 0;

    for (peer = peers->peer; peer; peer = peer->next) {

        if (!ngx_hd_rr_is_usable(peers, peer)) {
            continue;
        }

        *weight += peer->weight;
        state.progress = NGX_HD_RAMP_FULL;

        server = ngx_hd_place_find(u, peer->sockaddr, peer->socklen, &hint);

        if (server) {
            ngx_hd_ramp_look(u, server, &state);
        }

        top = ngx_max(top, state.progress);
    }

    return top;
}


ngx_int_t
ngx_hd_ramp_hook(ngx_http_request_t *r, ngx_hd_upstream_t *u)
{
    ngx_uint_t              tries;
    ngx_hd_ramp_t          *ramp;
    ngx_peer_connection_t  *pc;

    ramp = ngx_palloc(r->pool, sizeof(ngx_hd_ramp_t));
    if (ramp == NULL) {
        return NGX_ERROR;
    }

    pc = &r->upstream->peer;

    ramp->upstream = u;
    ramp->asked = 0;
    ramp->data = pc->data;
    ramp->get = pc->get;
    ramp->free = pc->free;
    ramp->notify = pc->notify;

    pc->data = ramp;
    pc->get = ngx_hd_ramp_get;
    pc->free = ngx_hd_ramp_free;
    pc->notify = ramp->notify ? ngx_hd_ramp_notify : NULL;
    ngx_hd_sessions_wrap(pc, ramp, ngx_hd_ramp_set_session,
                         ngx_hd_ramp_save_session);

    /* nginx did not count those that waited for another request just then */

    tries = ngx_hd_ramp_tries(u->uscf->peer.data);
    pc->tries = ngx_max(pc->tries, tries);

    return NGX_OK;
}


static ngx_uint_t
ngx_hd_ramp_tries(ngx_http_upstream_rr_peers_t *peers)
{
    ngx_uint_t                    tries;
    ngx_http_upstream_rr_peer_t  *peer;

    tries = 0;

    for ( /* void */ ; peers; peers = peers->next) {
        ngx_http_upstream_rr_peers_rlock(peers);

        tries += peers->tries;

        for (peer = peers->peer; peer; peer = peer->next) {
            tries += (peer->down == NGX_HD_PEER_WAITS);
        }

        ngx_http_upstream_rr_peers_unlock(peers);
    }

    return tries;
}


/* a request that has failed with one server may go to any other */

static ngx_int_t
ngx_hd_ramp_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_int_t       rc;
    ngx_uint_t      first;
    ngx_hd_ramp_t  *ramp;

    ramp = data;
    first = (ramp->asked++ == 0);

    ngx_hd_ramp_draw(ramp->upstream, first);

    rc = ramp->get(pc, ramp->data);

    if (rc == NGX_BUSY && first) {
        /* another worker has just used up the last of those left */
        ngx_hd_ramp_draw(ramp->upstream, 0);
        return ramp->get(pc, ramp->data);
    }

    if ((rc == NGX_OK || rc == NGX_DONE) && first) {
        ngx_hd_ramp_count(ramp->upstream, pc);
    }

    return rc;
}


static void
ngx_hd_ramp_draw(ngx_hd_upstream_t *u, ngx_uint_t decline)
{
    ngx_http_upstream_rr_peers_t  *peers;

    for (peers = u->uscf->peer.data; peers; peers = peers->next) {
        ngx_http_upstream_rr_peers_wlock(peers);
        ngx_hd_ramp_draw_list(u, peers, decline);
        ngx_http_upstream_rr_peers_unlock(peers);
    }
}


static void
ngx_hd_ramp_draw_list(ngx_hd_upstream_t *u,
    ngx_http_upstream_rr_peers_t *peers, ngx_uint_t decline)
{
    ngx_uint_t                    total, waits;
    ngx_hd_hint_t                 hint;
    ngx_hd_server_t              *server;
    ngx_http_upstream_rr_peer_t  *peer;

    total = ngx_hd_ramp_shares(u, peers);
    ngx_memzero(&hint, sizeof(ngx_hd_hint_t));

    for (peer = peers->peer; peer; peer = peer->next) {
        server = ngx_hd_place_find(u, peer->sockaddr, peer->socklen, &hint);

        waits = decline
                && server
                && server->share < NGX_HD_RAMP_FULL
                && ngx_hd_rr_is_usable(peers, peer)
                && ngx_hd_ramp_declines(u, server, peer->weight, total);

        ngx_hd_rr_set(peers, peer, NGX_HD_PEER_WAITS, waits);
    }
}


/*
 * Balancers that look at who has little to do would make up for what a server
 * is declined: it is idle, so they take it whenever they may.  With these it
 * may be taken once for each request that is its due by weight.  With others,
 * whose choice may follow a key, any part of their choices is declined at
 * random.
 */

static ngx_uint_t
ngx_hd_ramp_declines(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_uint_t weight, ngx_uint_t total)
{
    if (!ngx_hd_ramp_is_paced(u)) {
        return (ngx_uint_t) ngx_random() % NGX_HD_RAMP_FULL >= server->share;
    }

    server->credit += server->share * weight / total;
    server->credit = ngx_min(server->credit,
                             NGX_HD_RAMP_BURST * NGX_HD_RAMP_FULL);

    return server->credit < NGX_HD_RAMP_FULL;
}


/* of nginx's balancers those by key or at random do not know backups */

static ngx_uint_t
ngx_hd_ramp_is_paced(ngx_hd_upstream_t *u)
{
    return (u->uscf->flags & NGX_HTTP_UPSTREAM_BACKUP) != 0;
}


static void
ngx_hd_ramp_count(ngx_hd_upstream_t *u, ngx_peer_connection_t *pc)
{
    ngx_hd_hint_t     hint;
    ngx_hd_server_t  *server;

    ngx_memzero(&hint, sizeof(ngx_hd_hint_t));

    server = ngx_hd_place_find(u, pc->sockaddr, pc->socklen, &hint);

    if (server) {
        server->credit -= ngx_min(server->credit, NGX_HD_RAMP_FULL);
    }
}


static void
ngx_hd_ramp_free(ngx_peer_connection_t *pc, void *data, ngx_uint_t state)
{
    ngx_hd_ramp_t  *ramp;

    ramp = data;

    ramp->free(pc, ramp->data, state);
}


static void
ngx_hd_ramp_notify(ngx_peer_connection_t *pc, void *data, ngx_uint_t type)
{
    ngx_hd_ramp_t  *ramp;

    ramp = data;

    ramp->notify(pc, ramp->data, type);
}


static ngx_int_t
ngx_hd_ramp_set_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_hd_ramp_t  *ramp;

    ramp = data;

    return ramp->set_session(pc, ramp->data);
}


static void
ngx_hd_ramp_save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_hd_ramp_t  *ramp;

    ramp = data;

    ramp->save_session(pc, ramp->data);
}

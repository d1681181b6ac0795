
/*
 * One server in nginx's own list, and the two bits of its "down" that are ours.
 * Called under nginx's lock of the list.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_rr.h>


#define NGX_HD_PEER_OURS                                                      \
    ((ngx_uint_t) (NGX_HD_PEER_SKIPPED|NGX_HD_PEER_WAITS))


/* nginx counts a peer in peers->tries while its "down" is zero */

void
ngx_hd_rr_set(ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer, ngx_uint_t bit, ngx_uint_t on)
{
    ngx_uint_t  was;

    was = (peer->down == 0);

    if (on) {
        peer->down |= bit;

    } else {
        peer->down &= ~bit;
    }

    peers->tries += (peer->down == 0);
    peers->tries -= was;
}


void
ngx_hd_rr_recount(ngx_http_upstream_rr_peers_t *peers)
{
    ngx_uint_t                    number, tries, weight;
    ngx_http_upstream_rr_peer_t  *peer;

    number = 0;
    tries = 0;
    weight = 0;

    for (peer = peers->peer; peer; peer = peer->next) {
        number++;
        tries += (peer->down == 0);
        weight += peer->weight;
    }

    peers->number = number;
    peers->tries = tries;
    peers->total_weight = weight;
    peers->weighted = (weight != number);

    /* the only server may be gone: nginx would ask for it all the same */

    peers->single = peers->single && number == 1;

    /* who has begun to choose begins anew */

    ngx_hd_peers_moved(peers);
}


ngx_uint_t
ngx_hd_rr_taken_out(ngx_http_upstream_rr_peer_t *peer)
{
    return peer->down & ~NGX_HD_PEER_OURS;
}


ngx_uint_t
ngx_hd_rr_avoids(ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer)
{
    /* nginx never marks the one server of an upstream */

    return !peers->single
           && peer->max_fails
           && peer->fails >= peer->max_fails
           && ngx_time() - peer->checked <= peer->fail_timeout;
}


ngx_uint_t
ngx_hd_rr_is_usable(ngx_http_upstream_rr_peers_t *peers,
    ngx_http_upstream_rr_peer_t *peer)
{
    return (peer->down & ~(ngx_uint_t) NGX_HD_PEER_WAITS) == 0
           && !ngx_hd_rr_avoids(peers, peer)
           && (peer->max_conns == 0 || peer->conns < peer->max_conns);
}

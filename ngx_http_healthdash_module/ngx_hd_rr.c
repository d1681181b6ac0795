
/*
 * One server in nginx's own list: whose it is, and the two bits of its "down"
 * that are ours.  Called under nginx's lock of the list.
 */


#include <ngx_hd_rr.h>


#define NGX_HD_PEER_OURS                                                      \
    ((ngx_uint_t) (NGX_HD_PEER_SKIPPED|NGX_HD_PEER_WAITS))


ngx_hd_server_t *
ngx_hd_rr_find(ngx_hd_upstream_t *u, struct sockaddr *sockaddr,
    socklen_t socklen, ngx_uint_t *hint)
{
    ngx_uint_t        i, k;
    ngx_hd_server_t  *server;

    for (i = 0; i < u->nservers; i++) {
        k = (*hint + i) % u->nservers;
        server = &u->servers[k];

        if (ngx_cmp_sockaddr(sockaddr, socklen, server->sockaddr,
                             server->socklen, 1)
            == NGX_OK)
        {
            *hint = k + 1;
            return server;
        }
    }

    return NULL;
}


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


/*
 * healthdash: the differences between nginx versions and builds, all in one
 * place, so that no function body carries an #if.
 */


#ifndef _NGX_HD_COMPAT_H_INCLUDED_
#define _NGX_HD_COMPAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* peers in shared memory serve all workers, others this process alone */

#if (NGX_HTTP_UPSTREAM_ZONE)
#define ngx_hd_peers_shared(peers)  ((peers)->shpool != NULL)
#define ngx_hd_peers_lock(peers)    ((peers)->shpool ? &(peers)->rwlock : NULL)
#define ngx_hd_peer_lock(peer)      (&(peer)->lock)
#else
#define ngx_hd_peers_shared(peers)  0
#define ngx_hd_peers_lock(peers)    ((ngx_atomic_t *) NULL)
#define ngx_hd_peer_lock(peer)      ((ngx_atomic_t *) NULL)
#endif


/*
 * Servers with "resolve", nginx 1.27.3 and later: those DNS is asked for, and a
 * number, common to both lists, that moves when addresses come or go.  It may
 * be read without the lock: whoever adds an address counts on before unlocking.
 */

#if (NGX_HTTP_UPSTREAM_ZONE && nginx_version >= 1027003)
#define ngx_hd_peers_resolve(peers)  ((peers)->resolve != NULL)
#define ngx_hd_peers_config(peers)                                            \
    ((peers)->config ? __atomic_load_n((peers)->config, __ATOMIC_ACQUIRE) : 0)
#define ngx_hd_peers_moved(peers)                                             \
    do {                                                                      \
        if ((peers)->config) {                                                \
            (*(peers)->config)++;                                             \
        }                                                                     \
    } while (0)
#else
#define ngx_hd_peers_resolve(peers)  ((void) (peers), 0)
#define ngx_hd_peers_config(peers)   ((void) (peers), 0)
#define ngx_hd_peers_moved(peers)
#endif


/* "drain" of nginx 1.29.6 and later */

#define NGX_HD_NGINX_DRAINING       8


/*
 * A connection to a server has functions for TLS sessions only in an nginx that
 * knows TLS: what it has goes to kept, and set and save take their places.
 */

#if (NGX_SSL || NGX_COMPAT)
#define ngx_hd_sessions_wrap(pc, kept, set, save)                             \
    (kept)->set_session = (pc)->set_session;                                  \
    (kept)->save_session = (pc)->save_session;                                \
    (pc)->set_session = set;                                                  \
    (pc)->save_session = save
#else
#define ngx_hd_sessions_wrap(pc, kept, set, save)                             \
    (void) (set);                                                             \
    (void) (save)
#endif


/* whether an address of len bytes is one of IPv6, in an nginx that knows it */

#if (NGX_HAVE_INET6)
#define ngx_hd_is_inet6(sa, len)                                              \
    ((sa)->sa_family == AF_INET6 && (len) == sizeof(struct sockaddr_in6))
#else
#define ngx_hd_is_inet6(sa, len)    0
#endif


/* an answer that is to be passed on at once is not compressed */

#if (NGX_HTTP_GZIP)
#define ngx_hd_no_gzip(r)                                                     \
    (r)->gzip_tested = 1;                                                     \
    (r)->gzip_ok = 0
#else
#define ngx_hd_no_gzip(r)
#endif


/* debug builds fill what a slab hands out, others leave it as it was mapped */

#if (NGX_DEBUG_MALLOC || NGX_HAVE_DEBUG_MALLOC)
#define ngx_hd_slab_is_filled       1
#else
#define ngx_hd_slab_is_filled       0
#endif


/*
 * Connections of clients that are not idle, and those accepted but closed at
 * once for want of a place, of all workers.  Accepted is read first: one that
 * comes in between must not look like one that was dropped.
 */

#if (NGX_STAT_STUB)

static ngx_inline ngx_uint_t
ngx_hd_stat_busy(void)
{
    ngx_atomic_uint_t  active, waiting;

    active = *ngx_stat_active;
    waiting = *ngx_stat_waiting;

    return active - ngx_min(active, waiting);
}


static ngx_inline ngx_uint_t
ngx_hd_stat_dropped(void)
{
    ngx_atomic_uint_t  accepted, handled;

    accepted = *ngx_stat_accepted;
    handled = *ngx_stat_handled;

    return accepted - ngx_min(accepted, handled);
}

#else

#define ngx_hd_stat_busy()          0
#define ngx_hd_stat_dropped()       0

#endif


/*
 * ngx_http_parse_chunked() has got a fourth parameter, "keep_trailers".  Forks
 * take such things over at versions of their own, so its type is asked, not a
 * version; trailers are always skipped.
 */

typedef ngx_int_t (ngx_hd_chunked3_t)(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *ctx);
typedef ngx_int_t (ngx_hd_chunked4_t)(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *ctx, ngx_uint_t keep_trailers);


static ngx_inline ngx_int_t
ngx_hd_parse_chunked(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *ctx)
{
    void  (*parse)(void);

    parse = (void (*)(void)) ngx_http_parse_chunked;

    if (__builtin_types_compatible_p(__typeof__(ngx_http_parse_chunked),
                                     ngx_hd_chunked4_t))
    {
        return ((ngx_hd_chunked4_t *) parse)(r, b, ctx, 0);
    }

    return ((ngx_hd_chunked3_t *) parse)(r, b, ctx);
}


#endif /* _NGX_HD_COMPAT_H_INCLUDED_ */

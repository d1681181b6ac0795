
/*
 * healthdash: heartbeats: services that call in.  What they say lies in their
 * records; the worker that has the lease judges it, see ngx_hd_probe.h.
 */


#ifndef _NGX_HD_BEAT_H_INCLUDED_
#define _NGX_HD_BEAT_H_INCLUDED_


#include <ngx_hd_probe.h>


/* The functions of the type heartbeat, see ngx_hd_probe.h. */
const char *ngx_hd_beat_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);
ngx_int_t ngx_hd_beat_start(ngx_hd_run_t *run);
void ngx_hd_beat_release(ngx_hd_run_t *run);

/*
 * Finds the heartbeat called name that token opens (empty: none was given).
 * Returns NGX_OK with *found set; NGX_DECLINED if the token is wrong, and for
 * unknown names, too, where some heartbeat has a token, so that nobody can try
 * out which names there are; else NGX_ABORT for an unknown name.  The time it
 * takes does not depend on how much of a token is right, nor on the name.
 */
ngx_int_t ngx_hd_beat_find(ngx_hd_main_conf_t *hmcf, const ngx_str_t *name,
    const ngx_str_t *token, ngx_hd_target_t **found);

/*
 * Keeps a heartbeat of t that came now and asks for a look at it.  status is
 * NGX_HD_PASS, NGX_HD_WARN or NGX_HD_FAIL; message is cut.  Takes the mutex of
 * the zone for a copy of some bytes.  NGX_DECLINED: t has no record any
 * more, or one that the present configuration does not look at.
 */
ngx_int_t ngx_hd_beat_tell(ngx_hd_target_t *t, ngx_hd_verdict_e status,
    const ngx_str_t *message);


#endif /* _NGX_HD_BEAT_H_INCLUDED_ */

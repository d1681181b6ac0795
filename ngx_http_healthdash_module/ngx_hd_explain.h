
/*
 * healthdash: why a target is as it is, and what has happened, in sentences;
 * the same in every format.
 */


#ifndef _NGX_HD_EXPLAIN_H_INCLUDED_
#define _NGX_HD_EXPLAIN_H_INCLUDED_


#include <ngx_hd_phrase.h>


/*
 * Writes the i-th sentence, from 0 on, about a target, full stop included: what
 * it is and why, since when, what nginx does with it, what has to happen for it
 * to change, and when that can be at the earliest.  vp is the server that vt is
 * a check of, vt its worst or any other; NULL if vt is a service.  vt may be
 * NULL for a server that nobody probes.
 *
 * Hostile text goes through escape.  The rest is ASCII as in phrase.h, and
 * "=", "-" and "/".  NGX_DECLINED, and nothing written: there is no such one.
 */
ngx_int_t ngx_hd_explain(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt,
    ngx_uint_t i, ngx_hd_phrase_pt escape);

/* How many there are, one at least. */
ngx_uint_t ngx_hd_explain_count(const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp, const ngx_hd_view_target_t *vt);

/*
 * Writes an event as one sentence, without a full stop: "10.0.0.1:80 of app is
 * down: http status 503; it was up for 3 h".
 */
void ngx_hd_explain_event(ngx_hd_text_t *t, const ngx_hd_event_t *e,
    ngx_hd_phrase_pt escape);

/* "state", "added", "removed", "loaded", "takeover", "guard";
   never NULL. */
const char *ngx_hd_explain_kind(ngx_uint_t kind);


#endif /* _NGX_HD_EXPLAIN_H_INCLUDED_ */

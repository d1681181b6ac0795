
/*
 * healthdash: the sentences of the status, the same in every format.
 */


#ifndef _NGX_HD_PHRASE_H_INCLUDED_
#define _NGX_HD_PHRASE_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/* what a row of equal results counts */

typedef enum {
    NGX_HD_STREAK_NONE = 0,
    NGX_HD_STREAK_FAILURES,
    NGX_HD_STREAK_PASSES,
    NGX_HD_STREAK_CLEAN         /* passes without a warning */
} ngx_hd_streak_e;


typedef struct {
    ngx_hd_streak_e  kind;
    ngx_uint_t       count;
    ngx_uint_t       of;        /* as many change the state, or did */
    ngx_uint_t       moving;    /* 1: it is on its way to a change */
} ngx_hd_streak_t;


/*
 * Writes hostile bytes for the format at hand.  The words around them are
 * ASCII letters, digits and ".,;:%()", which no format has to escape.
 */
typedef void (*ngx_hd_phrase_pt)(ngx_hd_text_t *t, const u_char *data,
    size_t len);


/* "All is well: 7 servers and 2 services are up"; one line, no full stop. */
void ngx_hd_phrase_summary(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_phrase_pt escape);

/* "2 down", "all up", "nothing probed": for a title. */
void ngx_hd_phrase_short(ngx_hd_text_t *t, const ngx_hd_view_t *view);

/* "10.0.0.2:8080 of app", or the name of a service. */
void ngx_hd_phrase_name(ngx_hd_text_t *t, const ngx_hd_view_worst_t *worst,
    ngx_hd_phrase_pt escape);

/* "3 servers", "1 server". */
void ngx_hd_phrase_count(ngx_hd_text_t *t, ngx_uint_t n, const char *what);

/* "3 of 4 servers in service" */
void ngx_hd_phrase_serving(ngx_hd_text_t *t,
    const ngx_hd_view_upstream_t *vu);

/* What nginx does with a server: "in service", "skipped by probe". */
const char *ngx_hd_phrase_peer(const ngx_hd_view_peer_t *vp);

/*
 * "3 connections", "3 of 20 connections", "at most 20 connections a worker";
 * nothing if nothing is known.
 */
void ngx_hd_phrase_connections(ngx_hd_text_t *t, const ngx_hd_peer_t *peer);

/*
 * What came out last, and whether it is flapping: "passed", "http status 503",
 * "no result for 31 s", "no result yet"; for a target whose probes pass but
 * that is not up yet, also why it is not.
 */
void ngx_hd_phrase_result(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_hd_phrase_pt escape);

/* "no result for 31 s" */
void ngx_hd_phrase_stale(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/* "2 of 3 failures", "812 passes", or nothing before the first verdict. */
void ngx_hd_phrase_streak(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/* The same as numbers. */
void ngx_hd_phrase_get_streak(const ngx_hd_view_target_t *vt,
    ngx_hd_streak_t *streak);

/* "in 1.2 s", "now", "overdue", or "-" if there is none */
void ngx_hd_phrase_next(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/*
 * Writes a latency with three digits, "4.12 ms", "412 ms", "1.21 s", or "-"
 * for 0, to buf of NGX_HD_PHRASE_LATENCY bytes.  Returns its end.
 */
u_char *ngx_hd_phrase_latency(u_char *buf, uint64_t usec);

#define NGX_HD_PHRASE_LATENCY   32

/*
 * Writes millionths as percent for people, "99.95 %", rounded down, or "-" for
 * -1, to buf of NGX_HD_PHRASE_PERCENT bytes.  Returns its end.
 */
u_char *ngx_hd_phrase_percent(u_char *buf, ngx_int_t millionths);

#define NGX_HD_PHRASE_PERCENT   32

/*
 * "199 of 200 probes a second, up to 12 ms late, 3 wait", of the last 10 s.
 */
void ngx_hd_phrase_probing(ngx_hd_text_t *t, const ngx_hd_view_t *view);

/* How a target is asked: "deep (http /healthz)". */
void ngx_hd_phrase_check(ngx_hd_text_t *t, const ngx_hd_check_t *check,
    ngx_hd_phrase_pt escape);


#endif /* _NGX_HD_PHRASE_H_INCLUDED_ */

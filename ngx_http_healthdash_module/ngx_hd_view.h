
/*
 * healthdash: one consistent picture for one answer, in the request's memory.
 * Renderers read nothing else.
 */


#ifndef _NGX_HD_VIEW_H_INCLUDED_
#define _NGX_HD_VIEW_H_INCLUDED_


#include <ngx_hd_event.h>
#include <ngx_hd_guard.h>
#include <ngx_hd_history.h>
#include <ngx_hd_pace.h>
#include <ngx_hd_peer.h>


typedef struct ngx_hd_public_s  ngx_hd_public_t;
typedef struct ngx_hd_incidents_s  ngx_hd_incidents_t;


/* what is new since another picture, set by ngx_hd_pulse.h alone */

#define NGX_HD_NEWS_PULSE    1         /* a result that changed nothing */
#define NGX_HD_NEWS_CHANGE   2


/* one target as shown: a service, or one check of a server */

typedef struct {
    ngx_hd_target_t   *target;
    ngx_hd_data_t      data;            /* zero if there is no result yet */
    ngx_uint_t         health;          /* ngx_hd_state_e; unknown when stale */
    int64_t            next;            /* wall, msec: next probe; 0: none */
    unsigned           stale:1;         /* overdue by more than a takeover */
    unsigned           probing:1;       /* a probe is under way; next is the
                                           one after it */
    unsigned           news:2;          /* of a service */
    unsigned           redraw:1;        /* its bars may look different: set with
                                           news */
    uint32_t           results;         /* since the other picture: the same */
} ngx_hd_view_target_t;


typedef struct {
    ngx_hd_peer_t          peer;
    ngx_hd_view_target_t  *checks;      /* in the order of configuration */
    ngx_uint_t             nchecks;     /* 0: not probed */
    ngx_hd_view_target_t  *worst;       /* of checks; NULL: not probed */
    ngx_uint_t             health;
    ngx_uint_t             news;
} ngx_hd_view_peer_t;


typedef struct {
    ngx_hd_upstream_t     *upstream;
    ngx_uint_t             index;       /* in the configuration */
    ngx_str_t              zone;        /* nginx's own of the upstream, or "" */
    ngx_hd_view_peer_t    *peers;
    ngx_uint_t             npeers;
    ngx_uint_t             total;       /* peers, filtered or not, without those
                                           that DNS removed */
    ngx_uint_t             serving;     /* of these, nginx may choose now */
    ngx_uint_t             health;      /* all down: down; some, or nobody
                                           to serve: degraded */
    ngx_uint_t             news;        /* of it, or of one of its peers */
} ngx_hd_view_upstream_t;


/* what is remembered of a target, copied, and counted on until the picture */

typedef struct {
    const ngx_hd_target_t  *target;
    ngx_hd_history_t        history;
    ngx_hd_data_t           data;
} ngx_hd_view_past_t;


/* something that is not up, for the sentence on top; copied */

typedef struct {
    ngx_str_t              upstream;    /* "": a service */
    ngx_hd_view_peer_t     peer;        /* of an upstream */
    ngx_hd_view_target_t   target;      /* its worst check, or the service */
} ngx_hd_view_worst_t;


/* what is asked for; empty: all */

typedef struct {
    ngx_str_t               upstream;
    ngx_str_t               service;
    ngx_str_t               group;
    ngx_str_t               row;        /* "u3p2", "s7" */
    ngx_uint_t              health;     /* NGX_HD_STATES: all */
    ngx_uint_t              events;     /* the last so many, or unset: as many
                                           as the format shows by itself */
    const ngx_hd_window_t  *window;     /* of a badge, or NULL */
    ngx_uint_t              public;     /* not by the query: for everybody,
                                           so nothing private is in it */
    unsigned                history:1;  /* with what is remembered */
    unsigned                color:1;    /* in terminals */
} ngx_hd_view_filter_t;


/* how the probes of all workers get along */

typedef struct {
    uint64_t                milli;      /* wanted in 1000 seconds */
    ngx_uint_t              waiting;    /* targets whose probe is late and has
                                           not begun */
    ngx_hd_pace_past_t      past;
} ngx_hd_view_probing_t;


/* how far the taking of a picture has come */

typedef struct {
    ngx_uint_t   upstream;
    ngx_uint_t   peer;
    ngx_uint_t   service;
    ngx_uint_t   read;                  /* targets since it went on */
} ngx_hd_view_cursor_t;


typedef struct {
    ngx_hd_main_conf_t      *main;
    ngx_pool_t              *pool;
    ngx_hd_view_cursor_t     cursor;
    ngx_hd_public_t         *public;    /* what it was made of; NULL: it is
                                           not public */
    ngx_hd_view_filter_t     filter;    /* what was asked for */
    ngx_str_t                nginx;     /* its version; "": not told */
    ngx_pid_t                pid;       /* of this worker; 0: not told */
    int64_t                  time;      /* wall clock, msec */
    uint64_t                 mono;      /* monotonic, msec */
    uint64_t                 clock;     /* history clock, msec */
    uint64_t                 event;     /* number of the last; 0: none */
    ngx_hd_incidents_t     **incidents; /* made and read by ngx_hd_incident.c
                                           alone */
    int64_t                  load_time; /* wall clock, msec; 0: not known */
    ngx_hd_saved_t           saved;     /* of the state file; instance is 0 if
                                           there is none or it is not told */
    ngx_uint_t               workers;   /* worker processes configured; 0: not
                                           told */
    ngx_hd_view_upstream_t  *upstreams;
    ngx_uint_t               nupstreams;
    ngx_hd_view_target_t    *services;
    ngx_uint_t               nservices;
    ngx_hd_view_probing_t    probing;
    ngx_hd_guard_t           guard;
    ngx_hd_guard_count_t     guarded;   /* what it has counted */
    ngx_uint_t               guard_limit;   /* percent; 0: there is none */
    ngx_uint_t               servers[NGX_HD_STATES];    /* counts by health */
    ngx_uint_t               service[NGX_HD_STATES];
    ngx_uint_t               admin[NGX_HD_STATES];  /* of servers: taken out
                                                       by the administrator */
    ngx_uint_t               unprobed;  /* of servers: without a check */
    ngx_uint_t               avoided;   /* of servers: by passive failures */
    ngx_hd_view_worst_t     *worst;     /* the first few, down before others */
    ngx_uint_t               nworst;
    ngx_str_t                idle;      /* first upstream no server serves */
    ngx_uint_t               nidle;     /* how many there are */
    ngx_uint_t               health;    /* of everything: the worst */
} ngx_hd_view_t;


/*
 * Takes the picture, in slices of less than a millisecond, for there may be
 * thousands of targets; each slice is true for itself.  Everything is from
 * pool; strings of the configuration are not copied.  summary and health count
 * all, filtered or not.  With filter->public nothing is in it, nor in its
 * events, that not everybody may know: see ngx_hd_public.h.  begin() returns
 * NULL if memory ran out, more() does the next slice: NGX_AGAIN: there is more
 * to do; NGX_OK: the picture is complete; NGX_ERROR.
 */
ngx_hd_view_t *ngx_hd_view_begin(ngx_hd_main_conf_t *hmcf,
    const ngx_hd_view_filter_t *filter, ngx_pool_t *pool);
ngx_int_t ngx_hd_view_more(ngx_hd_view_t *view);

/* The memory that a picture takes, about so many bytes. */
size_t ngx_hd_view_size(const ngx_hd_main_conf_t *hmcf);

/* 1 if filter leaves anything out. */
ngx_uint_t ngx_hd_view_is_filtered(const ngx_hd_view_filter_t *filter);

/* Takes out of a picture what its filter leaves out.  For ngx_hd_view.c. */
void ngx_hd_view_filter(ngx_hd_view_t *view);

/*
 * Writes what an upstream, "u3", a server, "u3p2", or a service, "s7", is
 * called on the page, to buf of NGX_HD_VIEW_ID_LEN bytes; returns the end.  The
 * same for as long as the configuration is.
 */
u_char *ngx_hd_view_upstream_id(u_char *buf,
    const ngx_hd_view_upstream_t *vu);
u_char *ngx_hd_view_peer_id(u_char *buf, const ngx_hd_view_upstream_t *vu,
    const ngx_hd_view_peer_t *vp);
u_char *ngx_hd_view_service_id(u_char *buf, const ngx_hd_view_target_t *vt);

#define NGX_HD_VIEW_ID_LEN      (2 * NGX_INT_T_LEN + 2)

/* 1 if two services have the same group=, or both none. */
ngx_uint_t ngx_hd_view_same_group(const ngx_hd_view_target_t *a,
    const ngx_hd_view_target_t *b);

/*
 * Why a target is not up: ngx_hd_reason_e and its sentence; NONE and "" if it
 * is, or if nothing is known.
 */
ngx_uint_t ngx_hd_view_reason(const ngx_hd_view_target_t *vt,
    ngx_str_t *text);

/* The same of the last probe alone, also while the target counts as up. */
ngx_uint_t ngx_hd_view_last(const ngx_hd_view_target_t *vt, ngx_str_t *text);

/* Since when health is what it is: wall clock, msec; 0: not known. */
int64_t ngx_hd_view_since(const ngx_hd_view_target_t *vt);

/* For how long, msec, whatever the wall clock did in between. */
uint64_t ngx_hd_view_age(const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/* For how many msec flap= holds it down yet, whatever its probes say. */
uint64_t ngx_hd_view_held(const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt);

/*
 * Copies what is remembered of a target (5 kB), for ngx_hd_history_*(), as of
 * the picture: what came after it is not in it, and what that has replaced is
 * not known.
 * NGX_DECLINED if there is nothing.
 */
ngx_int_t ngx_hd_view_past(const ngx_hd_view_t *view,
    const ngx_hd_view_target_t *vt, ngx_hd_view_past_t *past);

/* A time of the history clock as wall clock, msec. */
int64_t ngx_hd_view_wall(const ngx_hd_view_t *view, uint64_t clock);

/*
 * The number of the first of the last n events, or as many as were asked for;
 * view->event + 1 if there is none.
 */
uint64_t ngx_hd_view_first_event(const ngx_hd_view_t *view, ngx_uint_t n);

/* One of the last NGX_HD_EVENTS events; NGX_DECLINED: it is not there. */
ngx_int_t ngx_hd_view_event(const ngx_hd_view_t *view, uint64_t number,
    ngx_hd_event_t *e);


#endif /* _NGX_HD_VIEW_H_INCLUDED_ */


/*
 * healthdash: the life of one probe (a run), whatever its type:
 *   created -> started -> done | aborted -> released.
 * The run owns a pool, a log, a deadline and a result.  All of it lives and
 * dies in one worker.
 */


#ifndef _NGX_HD_PROBE_H_INCLUDED_
#define _NGX_HD_PROBE_H_INCLUDED_


#include <ngx_hd_conf.h>


typedef struct ngx_hd_run_s  ngx_hd_run_t;


/*
 * Called once for each started run, from a posted event, never from inside
 * ngx_hd_run_start().  run->result is complete; the run is released when the
 * handler returns.
 */
typedef void (*ngx_hd_run_pt)(ngx_hd_run_t *run);


struct ngx_hd_run_s {
    ngx_hd_target_t      *target;
    ngx_hd_run_pt         handler;
    void                 *data;         /* of the handler */

    /* for ngx_event_ident(): an fd after three pointers */
    ngx_socket_t          fd;

    ngx_pool_t           *pool;
    ngx_log_t            *log;          /* mute unless debugging */
    ngx_hd_result_t       result;
    void                 *ctx;          /* of the type */

    uint64_t              start;        /* monotonic, usec */
    ngx_msec_t            limit;        /* ngx_current_msec of the deadline */
    ngx_msec_t            tick;         /* the same of its next look */
    ngx_msec_t            lost;         /* msec the worker was away, given to
                                           the target; at most a timeout */
    ngx_hd_reason_e       late;         /* what a timeout means right now */
    ngx_str_t            *peer;         /* for messages when the target is a
                                           name: what is tried, or NULL */
    ngx_event_t           deadline;
    ngx_event_t           finish;       /* posted */
    unsigned              done:1;
};


/*
 * A probe type: all the scheduler and the directives know of a protocol.
 * data is the type's own; for stream types the dialogue.
 */

struct ngx_hd_probe_type_s {
    ngx_str_t    name;                  /* "http", also the URL's scheme */
    in_port_t    port;                  /* default of a URL, 0: must be given */
    unsigned     tls:1;
    unsigned     http:1;                /* uri=, method=, host=, expect ... */
    void        *data;                  /* an ngx_hd_wire_pt */

    /* begins; NGX_AGAIN, or NGX_ERROR with run->result set */
    ngx_int_t  (*start)(ngx_hd_run_t *run);

    /* lets go of everything outside run->pool; never reports */
    void       (*release)(ngx_hd_run_t *run);
};


/*
 * Starts a probe of target.  handler is called later, once, unless the run is
 * aborted first.  Returns NULL, with *reason set, if not even a run could be
 * made (local trouble); nothing is left behind then.
 */
ngx_hd_run_t *ngx_hd_run_start(ngx_hd_target_t *target, ngx_hd_run_pt handler,
    void *data, ngx_hd_reason_e *reason);

/*
 * Ends a run with run->result as it stands (a pass, or set through
 * ngx_hd_result_set()).  Called once by the type or by the deadline; fills in
 * the latency, judges slow=, lets the type go and posts the handler.  A result
 * that came long after the deadline is inconclusive: this worker was blocked.
 * While nginx exits only a pass is a verdict: another run ends in silence,
 * without its handler, and waits for ngx_hd_run_abort().
 */
void ngx_hd_run_done(ngx_hd_run_t *run);

/* Ends a run without a result, e.g. at exit.  The handler is not called. */
void ngx_hd_run_abort(ngx_hd_run_t *run);

/*
 * Makes log a copy of nginx's that says nothing, but everything when nginx
 * logs for debugging: for connections of probes.
 */
void ngx_hd_run_mute(ngx_log_t *log);

/* Time since the run data began, usec; an ngx_hd_time_pt. */
uint32_t ngx_hd_run_usec(void *data);

/* The monotonic clock, usec, read now (not nginx's cached time). */
uint64_t ngx_hd_now_usec(void);


#endif /* _NGX_HD_PROBE_H_INCLUDED_ */

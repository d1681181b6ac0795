
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
 * handler returns.  If run->nothing is set there is no result.
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
    ngx_str_t            *waits;        /* the same: what a dialogue waits
                                           for, or NULL */
    uint64_t              next;         /* monotonic, msec: when the type
                                           wants to be asked again; 0: after
                                           interval= */
    ngx_event_t           deadline;
    ngx_event_t           finish;       /* posted */
    unsigned              done:1;
    unsigned              nothing:1;    /* ended without a verdict: there was
                                           nothing to say yet */
};


/* how the URL of a service of a type is written */

typedef enum {
    NGX_HD_URL_HOST = 0,                /* tcp://host:5432 */
    NGX_HD_URL_HTTP,                    /* http://host:8080/path?query */
    NGX_HD_URL_NAME                     /* disk:/path, memory:, heartbeat: */
} ngx_hd_url_form_e;


/* parameters that only some types understand, in groups */

#define NGX_HD_TAKES_HTTP       0x0001  /* method, header, body ... */
#define NGX_HD_TAKES_URI        0x0002  /* uri, host, body_limit */
#define NGX_HD_TAKES_KEEPALIVE  0x0004
#define NGX_HD_TAKES_USER       0x0008  /* user, password */
#define NGX_HD_TAKES_TLS        0x0010  /* verify, ca, cert, key, sni */
#define NGX_HD_TAKES_STARTTLS   0x0020
#define NGX_HD_TAKES_DATABASE   0x0040  /* database, query */
#define NGX_HD_TAKES_ROLE       0x0080
#define NGX_HD_TAKES_LAG        0x0100  /* max_lag */
#define NGX_HD_TAKES_SERVICE    0x0200  /* service: of gRPC */
#define NGX_HD_TAKES_DNS        0x0400  /* name, record, rcode */
#define NGX_HD_TAKES_ITEM       0x0800  /* item: of memcached */
#define NGX_HD_TAKES_PARAM      0x1000  /* param lines: of FastCGI, uwsgi */
#define NGX_HD_TAKES_STEPS      0x2000  /* send and expect lines: a dialogue */
#define NGX_HD_TAKES_PEER       0x4000  /* port, source, addresses, prefer,
                                           proxy_protocol */
#define NGX_HD_TAKES_BEAT       0x8000  /* grace, token */
#define NGX_HD_TAKES_PORT      0x10000  /* port, for what is no stream */


#define NGX_HD_PROBE_CONNECTIONS  3     /* most that a probe takes: libcurl's,
                                           and both ends of the relay */


/*
 * A probe type: all the scheduler and the directives know of a protocol.
 * data is the type's own; for stream types the dialogue.
 */

struct ngx_hd_probe_type_s {
    ngx_str_t    name;                  /* "http", also the URL's scheme */
    in_port_t    port;                  /* default of a URL, 0: must be given */
    ngx_uint_t   version;               /* http=: 11, 20, 30; 0: has none */
    ngx_hd_url_form_e
                 form;
    ngx_uint_t   takes;                 /* NGX_HD_TAKES_* */
    ngx_uint_t   judges;                /* NGX_HD_ON() of conditions that can
                                           hold; time can always */
    unsigned     tls:1;                 /* it speaks TLS by tls_ctx */
    unsigned     udp:1;                 /* the stream engine sends datagrams */
    unsigned     curl:1;                /* it goes through libcurl */
    unsigned     starts_tls:1;          /* TLS of its own making: verify=, ca=
                                           are read, sni defaults to the host */
    unsigned     told:1;                /* is told, and does not ask: interval=
                                           must be given, and the type says
                                           when it wants to look; one result
                                           decides, by default */
    ngx_uint_t   connections;           /* of nginx's that a probe takes, up to
                                           NGX_HD_PROBE_CONNECTIONS; 0: one */
    const char  *unit;                  /* of a value it measures: " %",
                                           " answers"; NULL: none */
    const char  *missing;               /* the library and package this build
                                           lacks: "libpq (package libpq-dev)" */
    void        *data;                  /* an ngx_hd_wire_pt */

    /*
     * Makes a complete check ready, once, at configuration time: its request,
     * and what else can be wrong with it.  host is what Host defaults to.
     * Memory is from pool.  NULL: nothing to do.  Returns NULL, or what is
     * wrong, as the end of a sentence, from pool or static.
     */
    const char *(*prepare)(ngx_pool_t *pool, ngx_hd_check_t *check,
                           ngx_str_t *host);

    /*
     * Whether the type can probe the address of target, once, at configuration
     * time.  NULL: any.  Returns NULL, or what is wrong, as prepare does.
     */
    const char *(*fits)(ngx_hd_target_t *target);

    /*
     * Begins.  Returns NGX_AGAIN; NGX_ERROR with run->result set, which may be
     * a pass; NGX_DECLINED: there is nothing to say yet, the run ends without
     * a verdict and without noise.
     */
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
 * Whether a connection for run would leave enough of worker_connections, and of
 * files, to clients; NGX_ERROR with run->result set if not.
 */
ngx_int_t ngx_hd_run_room(ngx_hd_run_t *run);

/*
 * How many connections the limit of open files leaves room for, for main conf;
 * to be asked when a worker begins.
 */
ngx_uint_t ngx_hd_run_files(void);

/*
 * Makes log a copy of nginx's that says nothing, but everything when nginx
 * logs for debugging: for connections of probes.
 */
void ngx_hd_run_mute(ngx_log_t *log);

/*
 * A phase of run is over now.  The last call counts, so a second address that
 * is tried replaces what the first has left.
 */
void ngx_hd_run_phase(ngx_hd_run_t *run, ngx_hd_phase_e phase);

/* Time since the run data began, usec; an ngx_hd_time_pt. */
uint32_t ngx_hd_run_usec(void *data);



#endif /* _NGX_HD_PROBE_H_INCLUDED_ */

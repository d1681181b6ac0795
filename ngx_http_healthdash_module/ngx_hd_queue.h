
/*
 * healthdash: the probes of one worker that are due and wait for their turn,
 * and how many are under way.  All of it lives in one worker.
 */


#ifndef _NGX_HD_QUEUE_H_INCLUDED_
#define _NGX_HD_QUEUE_H_INCLUDED_


#include <ngx_hd_conf.h>


typedef struct ngx_hd_wait_s  ngx_hd_wait_t;

/* It is the turn of wait; a probe that begins calls ngx_hd_queue_enter(). */
typedef void (*ngx_hd_queue_pt)(ngx_hd_wait_t *wait);


/* what several targets have in common: an address */

typedef struct {
    ngx_queue_t           waiting;      /* ngx_hd_wait_t: for one to end */
    ngx_uint_t            running;
    ngx_uint_t            targets;      /* that have it; 0: it is free */
    u_char                key[NGX_HD_ID_LEN];
} ngx_hd_address_t;


/* what a target waits with, in the memory of its owner */

struct ngx_hd_wait_s {
    ngx_queue_t           link;         /* while queued */
    ngx_hd_address_t     *address;      /* NULL: it has none */
    ngx_uint_t            connections;  /* of nginx's, that a probe takes; 0:
                                           it bothers nobody, takes no turn */
    unsigned              queued:1;
    unsigned              spare:1;      /* its address may change */
    unsigned              urgent:1;     /* changing state, or not known yet */
};


typedef struct {
    ngx_hd_main_conf_t   *main;
    ngx_hd_queue_pt       handler;

    /* for ngx_event_ident(): an fd after three pointers */
    void                 *dummy;
    ngx_socket_t          fd;

    ngx_event_t           timer;        /* for the next turn */
    uint64_t              own;          /* turns of this worker alone */
    uint64_t              turn;         /* taken, monotonic usec; 0: none */
    ngx_uint_t            rate;         /* turns a second, of its own */

    ngx_queue_t           urgent;       /* ngx_hd_wait_t, in order of coming */
    ngx_queue_t           calm;
    ngx_uint_t            turns;        /* given to the urgent in a row */
    ngx_uint_t            running;      /* probes under way */
    ngx_uint_t            connections;  /* that they take */
    ngx_uint_t            most;         /* probes, connections, and probes of
                                           one address, at once */
    ngx_uint_t            most_connections;
    ngx_uint_t            most_address;
    ngx_hd_address_t     *addresses;
    ngx_uint_t           *address;      /* by index of targets; 0: none */
} ngx_hd_queue_t;


/*
 * An empty queue for the targets of hmcf, of a worker with this cycle, whose
 * memory it takes.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_hd_queue_init(ngx_hd_queue_t *q, ngx_hd_main_conf_t *hmcf,
    ngx_cycle_t *cycle, ngx_hd_queue_pt handler);

/* Calls nobody any more. */
void ngx_hd_queue_end(ngx_hd_queue_t *q);

/* Sets how many probes its targets need in 1000000 seconds. */
void ngx_hd_queue_set_rate(ngx_hd_queue_t *q, uint64_t need);

/* Makes wait, which is zero or has parted, that of t as it is now. */
void ngx_hd_queue_join(ngx_hd_queue_t *q, ngx_hd_wait_t *wait,
    ngx_hd_target_t *t);

/*
 * wait is that of no address any more and not queued; no probe of it is under
 * way.
 */
void ngx_hd_queue_part(ngx_hd_queue_t *q, ngx_hd_wait_t *wait);

/* Puts wait behind the others; it is not queued yet. */
void ngx_hd_queue_put(ngx_hd_queue_t *q, ngx_hd_wait_t *wait);

/*
 * Calls the handler of those whose turn it is, three of the urgent, then one of
 * the calm, until it is nobody's.  To be called when somebody has come or left;
 * calls itself when time has passed.
 */
void ngx_hd_queue_pump(ngx_hd_queue_t *q);

/* A probe of wait begins, or has ended: counted. */
void ngx_hd_queue_enter(ngx_hd_queue_t *q, ngx_hd_wait_t *wait);
void ngx_hd_queue_leave(ngx_hd_queue_t *q, ngx_hd_wait_t *wait);


#endif /* _NGX_HD_QUEUE_H_INCLUDED_ */

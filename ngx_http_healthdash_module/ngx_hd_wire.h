
/*
 * healthdash: a dialogue: what is said over one connection, as a pure step
 * function.  It opens nothing, waits for nothing and reads no clock: bytes in,
 * bytes out, or a verdict.
 */


#ifndef _NGX_HD_WIRE_H_INCLUDED_
#define _NGX_HD_WIRE_H_INCLUDED_


#include <ngx_hd_conf.h>


/* the time since the probe began, usec */
typedef uint32_t (*ngx_hd_time_pt)(void *data);


typedef struct {
    const ngx_hd_check_t  *check;
    ngx_pool_t            *pool;        /* of the run */
    ngx_log_t             *log;         /* of the run */
    ngx_hd_result_t       *result;      /* a pass until set otherwise */
    ngx_hd_time_pt         usec;        /* time of the probe so far */
    void                  *time_data;   /* its argument */
    void                  *state;       /* the dialogue's own, NULL at first */
    unsigned               eof:1;       /* the peer has closed */
    unsigned               reuse:1;     /* out: connection may be kept */
} ngx_hd_wire_t;


/*
 * One step.  The first call comes when the connection stands, with in empty.
 * Consumes what it can of in (moves in->pos; what is left is given again, in
 * front of what comes later; in->end - in->start is the room, so a dialogue
 * that consumes nothing from a full buffer gets no more bytes: it must copy).
 * Sets out->pos and out->last to bytes that live as long as pool, or leaves
 * them equal.
 * Returns NGX_AGAIN: wants more bytes (after out was sent); with w->eof it must
 *                    decide instead
 *         NGX_OK: healthy, w->result may carry a warning
 *         NGX_DECLINED: not healthy, w->result set
 *         NGX_ERROR: local trouble, w->result set if known
 */
typedef ngx_int_t (*ngx_hd_wire_pt)(ngx_hd_wire_t *w, ngx_buf_t *in,
    ngx_buf_t *out);


/* Sends nothing: healthy as it stands, unless a condition on time fails. */
ngx_int_t ngx_hd_wire_connect(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);

/* HTTP/1.1: sends check->request, judges the answer by check->conds. */
ngx_int_t ngx_hd_wire_http1(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);

/*
 * Builds check->request once, at configuration time: method, uri, Host: host,
 * User-Agent, Accept, Connection, Authorization from user and password.
 */
ngx_int_t ngx_hd_wire_http1_request(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);


#endif /* _NGX_HD_WIRE_H_INCLUDED_ */

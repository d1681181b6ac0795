
/*
 * healthdash: a dialogue: what is said over one connection, as a pure step
 * function.  It opens nothing, waits for nothing and reads no clock: bytes in,
 * bytes out, or a verdict.
 */


#ifndef _NGX_HD_WIRE_H_INCLUDED_
#define _NGX_HD_WIRE_H_INCLUDED_


#include <ngx_hd_match.h>
#include <ngx_hd_probe.h>


/* the time since the probe began, usec */
typedef uint32_t (*ngx_hd_time_pt)(void *data);


typedef struct ngx_hd_wire_s  ngx_hd_wire_t;


struct ngx_hd_wire_s {
    const ngx_hd_check_t  *check;
    ngx_pool_t            *pool;        /* of the run */
    ngx_log_t             *log;         /* of the run */
    ngx_hd_result_t       *result;      /* a pass until set otherwise; the
                                           engine keeps cert and phases in it,
                                           the dialogue the sample */
    ngx_hd_time_pt         usec;        /* time of the probe so far */
    void                  *time_data;   /* its argument */
    void                  *state;       /* the dialogue's own, NULL at first */
    ngx_int_t            (*judge)(ngx_hd_wire_t *w, ngx_hd_answer_t *answer);
                                        /* of a dialogue over HTTP: looks at an
                                           answer, its header fields kept;
                                           NULL: ngx_hd_wire_judge() */
    ngx_str_t              waits;       /* out: what is waited for, for the
                                           message of a timeout */
    unsigned               eof:1;       /* the peer has closed */
    unsigned               reuse:1;     /* out: connection may be kept */
    unsigned               upgrade:1;   /* out: TLS, please; in: it stands */
};


/*
 * One step.  The first call comes when the connection stands, with in empty.
 * Consumes what it can of in (moves in->pos; what is left is given again, in
 * front of what comes later; in->end - in->start is the room, so a dialogue
 * that consumes nothing from a full buffer gets no more bytes: it must copy).
 * Sets out->pos and out->last to bytes that live as long as pool, or leaves
 * them equal.
 * Over UDP in has one datagram behind what was left, out becomes one, and there
 * is no end.
 * One that sets w->upgrade and returns NGX_AGAIN, with in and out empty, gets a
 * step over TLS, with w->upgrade still set.
 * Returns NGX_AGAIN: wants more bytes (after out was sent); with w->eof it must
 *                    decide instead
 *         NGX_OK: healthy, w->result may carry a warning
 *         NGX_DECLINED: not healthy, w->result set
 *         NGX_ERROR: local trouble, w->result set if known
 */
typedef ngx_int_t (*ngx_hd_wire_pt)(ngx_hd_wire_t *w, ngx_buf_t *in,
    ngx_buf_t *out);


/*
 * Judges answer, in which the dialogue has filled what it knows, by the
 * conditions of the check: usec, cert and has_value are filled in here and kept
 * in w->result.  Returns NGX_OK (maybe with a warning), NGX_DECLINED, or
 * NGX_ERROR: what a dialogue returns.
 */
ngx_int_t ngx_hd_wire_judge(ngx_hd_wire_t *w, ngx_hd_answer_t *answer);

/* Keeps the status line of an answer, or what its protocol has for one. */
void ngx_hd_wire_line(ngx_hd_wire_t *w, const u_char *p, size_t len);

/* Keeps the next bytes of an answer, as far as there is room. */
void ngx_hd_wire_sample(ngx_hd_wire_t *w, const u_char *p, size_t len);

/*
 * Keeps what came, len bytes at p, of an answer that is none: unless something
 * of it was kept before.
 */
void ngx_hd_wire_strange(ngx_hd_wire_t *w, const u_char *p, size_t len);


/* a line of a text protocol while it comes in */

#define NGX_HD_WIRE_LINE  512   /* bytes kept of a line */
#define NGX_HD_WIRE_MAX   4096  /* a longer one is none */

typedef struct {
    size_t                 len;         /* of data, without what ends it */
    size_t                 size;        /* bytes so far, all of them */
    u_char                 data[NGX_HD_WIRE_LINE];
} ngx_hd_wire_text_t;


/*
 * Takes bytes of in up to the end of a line, LF or CRLF, into text, which is
 * zeroed before each line.  Returns NGX_OK with the line, NGX_AGAIN, or
 * NGX_DECLINED: endless.
 */
ngx_int_t ngx_hd_wire_read_line(ngx_hd_wire_text_t *text, ngx_buf_t *in);

/*
 * Sets w->result when what came, len bytes at p, is no answer of name's
 * protocol ("a Redis"): says so when it is TLS or HTTP, else shows it.
 * Returns NGX_DECLINED.
 */
ngx_int_t ngx_hd_wire_alien(ngx_hd_wire_t *w, const char *name,
    const u_char *p, size_t len);


/* Sends nothing: healthy as it stands, unless a condition on time fails. */
ngx_int_t ngx_hd_wire_connect(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);

/* HTTP/1.1: sends check->request, judges the answer by check->conds. */
ngx_int_t ngx_hd_wire_http1(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);

/*
 * prepare of HTTP types: builds check->request: method, uri, Host,
 * User-Agent, Accept, Connection, Authorization from user and password, the
 * header lines, the body.
 */
const char *ngx_hd_wire_http1_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);

/*
 * The same with another value of Connection, which may be followed by more
 * lines of a header, each after a CRLF.
 */
const char *ngx_hd_wire_http1_request(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host, const char *connection);

/* The first header line called name, in any case, or NULL. */
ngx_hd_pair_t *ngx_hd_request_header(const ngx_hd_check_t *check,
    const char *name);

/* 1: RFC 9110 means the method to have a body, be it empty. */
ngx_uint_t ngx_hd_request_has_body(const ngx_str_t *method);

/*
 * The value of Authorization by user and password, from pool; "" without
 * either.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_hd_request_basic(ngx_pool_t *pool, const ngx_hd_check_t *check,
    ngx_str_t *basic);

/* WebSocket: an upgrade that is accepted, RFC 6455. */
ngx_int_t ngx_hd_wire_websocket(ngx_hd_wire_t *w, ngx_buf_t *in,
    ngx_buf_t *out);
const char *ngx_hd_wire_websocket_prepare(ngx_pool_t *pool,
    ngx_hd_check_t *check, ngx_str_t *host);

/* Redis: AUTH, PING, and by role= and max_lag= what INFO says. */
ngx_int_t ngx_hd_wire_redis(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);
const char *ngx_hd_wire_redis_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);

/* memcached: its version, or with item= a key that must be there. */
ngx_int_t ngx_hd_wire_memcached(ngx_hd_wire_t *w, ngx_buf_t *in,
    ngx_buf_t *out);
const char *ngx_hd_wire_memcached_prepare(ngx_pool_t *pool,
    ngx_hd_check_t *check, ngx_str_t *host);

/* FastCGI: one request in the role of a responder; judged like HTTP. */
ngx_int_t ngx_hd_wire_fastcgi(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);
const char *ngx_hd_wire_fastcgi_prepare(ngx_pool_t *pool,
    ngx_hd_check_t *check, ngx_str_t *host);

/* uwsgi: a request; judged like HTTP. */
ngx_int_t ngx_hd_wire_uwsgi(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);
const char *ngx_hd_wire_uwsgi_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);

/* AJP 1.3: CPing, answered by CPong. */
ngx_int_t ngx_hd_wire_ajp(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);

/* DNS: one query over UDP; a truncated answer is judged as far as it goes. */
ngx_int_t ngx_hd_wire_dns(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);
const char *ngx_hd_wire_dns_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);

/*
 * SMTP, IMAP, POP3 and FTP: greeting, STARTTLS, log-in, NOOP.  With
 * check->starttls it asks for TLS by w->upgrade.
 */
ngx_int_t ngx_hd_wire_mail(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);

/* The send and expect lines of a probe block; without any as _connect. */
ngx_int_t ngx_hd_wire_steps(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out);
const char *ngx_hd_wire_steps_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);


#endif /* _NGX_HD_WIRE_H_INCLUDED_ */

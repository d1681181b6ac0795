
/*
 * healthdash: TLS of stream probes.  Without TLS in nginx the functions are
 * refusals in this header, so no caller carries an #if.
 */


#ifndef _NGX_HD_TLS_H_INCLUDED_
#define _NGX_HD_TLS_H_INCLUDED_


#include <ngx_hd_probe.h>


#define NGX_HD_TLS_ENDLESS_TEXT  "the server sends messages without end"


/* a connection of run that a library makes */

typedef struct {
    ngx_hd_run_t  *run;
    unsigned       judges:1;    /* ngx_hd_cert_judge() decides on it */
    unsigned       made:1;      /* set once OpenSSL has told of it */
} ngx_hd_tls_foreign_t;


#if (NGX_HD_TLS)

/*
 * For all types that speak TLS, be it by a library: looks at the files of ca,
 * cert and key, makes their names absolute, and sets check->trust, as
 * ngx_hd_cert_trust() says.  Says what is wrong itself, once, at [emerg].
 */
ngx_int_t ngx_hd_tls_trust(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_check_t *check);

/*
 * Creates check->tls_ctx, after ngx_hd_tls_trust(); released with cf->pool.
 * Says what is wrong itself, once, at [emerg].
 */
ngx_int_t ngx_hd_tls_conf(ngx_conf_t *cf, ngx_hd_check_t *check);

/*
 * Handshakes on c as a client for run->target; c->data must be run, and c->pool
 * outlives the connection.  SNI is check->sni unless that is empty or an IP
 * literal.  No session is resumed.  Returns NGX_AGAIN: handler is called when
 * the handshake ended; NGX_OK: it has ended already, handler is not called;
 * NGX_ERROR: run->result set.
 */
ngx_int_t ngx_hd_tls_start(ngx_hd_run_t *run, ngx_connection_t *c,
    ngx_connection_handler_pt handler);

/*
 * Judges a handshake that ended: whether it worked, then as ngx_hd_cert_judge()
 * says, which fills run->result.cert.  Returns NGX_OK; NGX_DECLINED or
 * NGX_ERROR with run->result set.
 */
ngx_int_t ngx_hd_tls_check(ngx_hd_run_t *run, ngx_connection_t *c);

/*
 * Gives ctx, which a library has made, the client certificate of check, if any.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_hd_tls_lend(const ngx_hd_check_t *check, SSL_CTX *ctx);

/*
 * For the info callback of a connection of run that a library has made: what
 * OpenSSL says there, an alert or an error, becomes run->result.
 */
void ngx_hd_tls_event(ngx_hd_run_t *run, int where, int ret);

/*
 * To be called first by the info callback of any connection that probes, which
 * gives the rest to ngx_hd_tls_event(): bounds what a handshake may read, and
 * what else than data may come behind it without a pause, for OpenSSL itself
 * does not.
 */
void ngx_hd_tls_bound(const SSL *ssl, int where);

/*
 * The same for what a library makes and does from now on, until the call with
 * NULL, if it uses nginx's own OpenSSL.  A handshake that is too long fails
 * with an error of ERR_LIB_USER, and this is in run->result, too.
 */
void ngx_hd_tls_foreign(ngx_hd_tls_foreign_t *foreign);

/* Ends TLS on c, if any, without waiting for the peer; c itself stays open. */
void ngx_hd_tls_end(ngx_connection_t *c);

#else

#define ngx_hd_tls_trust(cf, hmcf, check)    ((void) (hmcf), NGX_OK)
#define ngx_hd_tls_conf(cf, check)           NGX_DECLINED
#define ngx_hd_tls_start(run, c, handler)    NGX_ERROR
#define ngx_hd_tls_check(run, c)             NGX_DECLINED
#define ngx_hd_tls_end(c)
#define ngx_hd_tls_foreign(foreign)

#endif


#endif /* _NGX_HD_TLS_H_INCLUDED_ */


/*
 * healthdash: certificates: whom a check trusts, and what is wrong with what a
 * server showed.  For every engine that speaks TLS by nginx's own OpenSSL, or
 * by a library that uses the same one.
 */


#ifndef _NGX_HD_CERT_H_INCLUDED_
#define _NGX_HD_CERT_H_INCLUDED_


#include <ngx_hd_probe.h>


#define NGX_HD_CERT_DEPTH      9       /* longest chain */
#define NGX_HD_CERT_NAME_LEN   255     /* of SNI, RFC 6066 by way of DNS */


#if (NGX_HD_TLS)

/*
 * Sets check->trust to the certificates of check->ca, or to the system's: one
 * X509_STORE for all checks of hmcf that name the same file, read now, never
 * by a worker, released with cf->pool.  What is wrong is said at [emerg].
 */
ngx_int_t ngx_hd_cert_trust(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_check_t *check);

/*
 * The name to send as SNI and to find in the certificate, by check->sni, with
 * a zero after it, in buf of NGX_HD_CERT_NAME_LEN + 1 bytes: without the dot of
 * a fully qualified name or the brackets of an IPv6 address.  *ip: it is an
 * address, which is never sent.
 */
ngx_str_t ngx_hd_cert_name(const ngx_hd_check_t *check, u_char *buf,
    ngx_uint_t *ip);

/*
 * Fills result->cert from leaf and the other certificates the server sent
 * (chain may be NULL), on ssl, whose handshake has agreed on a version;
 * NGX_HD_CERT_* are found whether verify is on or not.  With verify on, what
 * is wrong becomes the failure, as does a version below min_tls in any case.
 * leaf NULL: none was sent.  Returns NGX_OK; NGX_DECLINED or NGX_ERROR (no
 * memory) with result set.  Can serve in a handshake (as in a callback of
 * SSL_CTX_set_cert_verify_callback()) or after it.
 */
ngx_int_t ngx_hd_cert_judge(ngx_hd_result_t *result,
    const ngx_hd_check_t *check, SSL *ssl, X509 *leaf, STACK_OF(X509) *chain);

/*
 * What a callback of SSL_CTX_set_cert_verify_callback() returns: 1, and store
 * has no error, if ngx_hd_cert_judge() finds nothing wrong with what is in it.
 * run may be NULL: there is none that asks.
 */
int ngx_hd_cert_judge_store(ngx_hd_run_t *run, X509_STORE_CTX *store);

/* The connection whose handshake such a callback is called in; may be NULL. */
SSL *ngx_hd_cert_ssl(X509_STORE_CTX *store);

#endif


#endif /* _NGX_HD_CERT_H_INCLUDED_ */

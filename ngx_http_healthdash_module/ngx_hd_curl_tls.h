
/*
 * healthdash: TLS of libcurl's transfers.  libcurl makes the connection, but
 * whom it trusts, and what is wrong with a certificate, is judged where it is
 * for all other probes.  Without TLS in nginx these are refusals.
 */


#ifndef _NGX_HD_CURL_TLS_H_INCLUDED_
#define _NGX_HD_CURL_TLS_H_INCLUDED_


#include <ngx_hd_curl_multi.h>


#if (NGX_HD_TLS)

/*
 * Whether libcurl here works with nginx's own OpenSSL.  Returns NULL, or why
 * not, as prepare does.
 */
const char *ngx_hd_curl_tls_refuse(ngx_pool_t *pool);

/*
 * Sets the options of a slot whose run speaks TLS.  A certificate is judged in
 * the handshake, before a byte of the request is sent; run->result.cert is
 * filled then, and its version is not 0.
 */
ngx_int_t ngx_hd_curl_tls_options(ngx_hd_curl_slot_t *slot);

#else

#define ngx_hd_curl_tls_refuse(pool)   NULL
#define ngx_hd_curl_tls_options(slot)  NGX_ERROR

#endif


#endif /* _NGX_HD_CURL_TLS_H_INCLUDED_ */

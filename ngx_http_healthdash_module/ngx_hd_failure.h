
#ifndef _NGX_HD_FAILURE_H_INCLUDED_
#define _NGX_HD_FAILURE_H_INCLUDED_


#include <ngx_hd_probe.h>


/*
 * What connect() on c met: 0, or the system's error.  To be asked once, when
 * nginx reports the connection writable.
 */
ngx_err_t ngx_hd_failure_of_connect(ngx_connection_t *c);

/* What we lack, by an error of the system; NGX_HD_R_NONE: nothing. */
ngx_hd_reason_e ngx_hd_failure_lack(ngx_err_t err);

/*
 * The following set run->result to what an error of the system means for a
 * probe; addr is what was tried.
 *
 * No socket could be had: NGX_ERROR if that is trouble of our own, which the
 * next address would meet as well, else NGX_DECLINED.
 */
ngx_int_t ngx_hd_failure_socket(ngx_hd_run_t *run, ngx_addr_t *addr,
    ngx_err_t err);

/* connect() failed. */
void ngx_hd_failure_connect(ngx_hd_run_t *run, ngx_addr_t *addr,
    ngx_err_t err);

/* A datagram could not be sent, or was answered by ICMP. */
void ngx_hd_failure_datagram(ngx_hd_run_t *run, ngx_addr_t *addr,
    ngx_err_t err);

/* Reading failed; 0: without an error of the system.  TLS may have spoken. */
void ngx_hd_failure_response(ngx_hd_run_t *run, ngx_err_t err);


#endif /* _NGX_HD_FAILURE_H_INCLUDED_ */

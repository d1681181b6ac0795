
#ifndef _NGX_HD_PROXY_H_INCLUDED_
#define _NGX_HD_PROXY_H_INCLUDED_


#include <ngx_hd_probe.h>


/*
 * Sends the header of the PROXY protocol, of the version that the check asks
 * for, as the first bytes on c, which is connected to addr.  Version 1 names
 * the two ends of c; version 2 says LOCAL, as the specification wants it from
 * whoever speaks for nobody else.  Returns NGX_OK; NGX_DECLINED with
 * run->result set.
 */
ngx_int_t ngx_hd_proxy_send(ngx_hd_run_t *run, ngx_connection_t *c,
    ngx_addr_t *addr);


#endif /* _NGX_HD_PROXY_H_INCLUDED_ */

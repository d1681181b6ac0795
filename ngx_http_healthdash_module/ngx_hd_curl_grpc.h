
#ifndef _NGX_HD_CURL_GRPC_H_INCLUDED_
#define _NGX_HD_CURL_GRPC_H_INCLUDED_


#include <ngx_hd_probe.h>


/* prepare and start of grpc and grpcs. */
const char *ngx_hd_curl_grpc_prepare(ngx_pool_t *pool,
    ngx_hd_check_t *check, ngx_str_t *host);
ngx_int_t ngx_hd_curl_grpc_start(ngx_hd_run_t *run);


#endif /* _NGX_HD_CURL_GRPC_H_INCLUDED_ */

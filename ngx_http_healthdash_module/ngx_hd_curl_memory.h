
/*
 * healthdash: the memory that libcurl asks for, and how often it got none.
 */


#ifndef _NGX_HD_CURL_MEMORY_H_INCLUDED_
#define _NGX_HD_CURL_MEMORY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Begins the use of libcurl in this process.  Where another module has begun
 * it before, with memory of its own, no failure is ever counted.  NGX_ERROR:
 * libcurl cannot be used.
 */
ngx_int_t ngx_hd_curl_memory_init(void);

/* How often libcurl got no memory in this process. */
uint64_t ngx_hd_curl_memory_failures(void);


#endif /* _NGX_HD_CURL_MEMORY_H_INCLUDED_ */


#ifndef _NGX_HD_CURL_MAIL_H_INCLUDED_
#define _NGX_HD_CURL_MAIL_H_INCLUDED_


#include <ngx_hd_probe.h>


/* The functions of smtp, smtps, imap, imaps, pop3, pop3s and ftp. */
const char *ngx_hd_curl_mail_prepare(ngx_pool_t *pool,
    ngx_hd_check_t *check, ngx_str_t *host);
ngx_int_t ngx_hd_curl_mail_start(ngx_hd_run_t *run);
void ngx_hd_curl_mail_release(ngx_hd_run_t *run);


#endif /* _NGX_HD_CURL_MAIL_H_INCLUDED_ */


/*
 * healthdash: SMTP, IMAP, POP3 and FTP: their commands, made once, while the
 * configuration is read.
 */


#ifndef _NGX_HD_MAIL_H_INCLUDED_
#define _NGX_HD_MAIL_H_INCLUDED_


#include <ngx_hd_conf.h>


typedef enum {
    NGX_HD_MAIL_GREETING = 0,
    NGX_HD_MAIL_EHLO,
    NGX_HD_MAIL_HELO,
    NGX_HD_MAIL_STARTTLS,
    NGX_HD_MAIL_USER,
    NGX_HD_MAIL_PASS,
    NGX_HD_MAIL_AUTH_PLAIN,
    NGX_HD_MAIL_AUTH_LOGIN,
    NGX_HD_MAIL_LOGIN_USER,
    NGX_HD_MAIL_LOGIN_PASS,
    NGX_HD_MAIL_NOOP,
    NGX_HD_MAIL_QUIT,
    NGX_HD_MAIL_STEPS
} ngx_hd_mail_step_e;


/* how replies are written */

typedef enum {
    NGX_HD_MAIL_CODES = 0,             /* "250 ok": SMTP, FTP */
    NGX_HD_MAIL_TAGGED,                /* "a OK": IMAP */
    NGX_HD_MAIL_SIGNED,                /* "+OK": POP3 */
    NGX_HD_MAIL_KINDS
} ngx_hd_mail_kind_e;


typedef struct {
    ngx_str_t            name;
    const char          *title;        /* "an SMTP" answer */
    ngx_hd_mail_kind_e   replies;
    const char          *commands[NGX_HD_MAIL_STEPS];
} ngx_hd_mail_proto_t;


/* check->data; a command without bytes is not in the protocol, or not asked */

typedef struct {
    const ngx_hd_mail_proto_t
                        *proto;
    ngx_str_t            commands[NGX_HD_MAIL_STEPS];
} ngx_hd_mail_conf_t;


/* prepare of the types, see ngx_hd_probe.h. */
const char *ngx_hd_mail_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host);


#endif /* _NGX_HD_MAIL_H_INCLUDED_ */

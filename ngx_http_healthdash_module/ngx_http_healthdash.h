
/*
 * healthdash: what nginx sees.
 */


#ifndef _NGX_HTTP_HEALTHDASH_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_H_INCLUDED_


#include <ngx_hd_conf.h>


typedef enum {
    NGX_HTTP_HEALTHDASH_AUTO = 0,       /* ?format=, then Accept, then JSON */
    NGX_HTTP_HEALTHDASH_JSON,
    NGX_HTTP_HEALTHDASH_HTML,
    NGX_HTTP_HEALTHDASH_TEXT,
    NGX_HTTP_HEALTHDASH_CSV,
    NGX_HTTP_HEALTHDASH_HEALTH,
    NGX_HTTP_HEALTHDASH_ATOM,
    NGX_HTTP_HEALTHDASH_BADGE,
    NGX_HTTP_HEALTHDASH_EVENTS
} ngx_http_healthdash_format_e;


typedef struct ngx_http_healthdash_ready_s  ngx_http_healthdash_ready_t;


typedef struct {
    ngx_uint_t            format;       /* ngx_http_healthdash_format_e */
    ngx_uint_t            public;       /* for everybody: see ngx_hd_public.h */
    ngx_str_t             directive;    /* that answers here, or "" */
    ngx_http_healthdash_ready_t
                         *ready;        /* of healthdash_ready, or NULL */
} ngx_http_healthdash_loc_conf_t;


/* what directives leave in an upstream and in http{} until all is read */

typedef struct {
    ngx_array_t           checks;       /* ngx_hd_check_t *, of an upstream */
    ngx_hd_upstream_t    *upstream;     /* NULL until postconfiguration */
    ngx_hd_check_t       *zone;         /* of http{}: where the size stands */
} ngx_http_healthdash_srv_conf_t;


extern ngx_module_t  ngx_http_healthdash_module;


/* say.c */

/*
 * Says one sentence about check: "healthdash_check: ... in FILE:LINE", where
 * the directive stands and not where reading has got to.
 */
void ngx_http_healthdash_log(ngx_uint_t level, ngx_conf_t *cf,
    ngx_hd_check_t *check, const char *fmt, ...);


/* line.c */

/* Gives check its type, once; what is wrong is said at [emerg]. */
char *ngx_http_healthdash_type(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *name);


/* param.c */

/*
 * A check in which no parameter is given; directive, file and line are those
 * of cf.  NULL if memory ran out.  Every check comes from here.
 */
ngx_hd_check_t *ngx_http_healthdash_check_create(ngx_conf_t *cf);

/*
 * Parses one "key=value" word (or flag) into check.  What is wrong is said at
 * [emerg].
 */
char *ngx_http_healthdash_param(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *word);

/* Parses one line of a healthdash_probe block: "interval 2s". */
char *ngx_http_healthdash_param_line(ngx_conf_t *cf, ngx_hd_check_t *check);

/* 1 if check, or the probe merged into it, says the parameter called name. */
ngx_uint_t ngx_http_healthdash_given(ngx_hd_check_t *check, const char *name);

/* conf.c */

char *ngx_http_healthdash_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_healthdash_state_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_healthdash_title(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_healthdash_probe(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_healthdash_check(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_healthdash_service(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Adds the shared zone for the targets of hmcf: of the size given, if that is
 * enough (else said at [emerg]), or of one that fits.
 */
ngx_int_t ngx_http_healthdash_add_zone(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf);


/* limits.c */

char *ngx_http_healthdash_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_healthdash_guard(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Finds the sentinels, once all of http{} was read. */
ngx_int_t ngx_http_healthdash_guard_finish(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf);


/* peer.c */

/* Judges what check says of its connections, and fills check->local. */
ngx_int_t ngx_http_healthdash_peer(ngx_conf_t *cf, ngx_hd_check_t *check);

/* Says it at [emerg] if check's source cannot reach the address of name. */
ngx_int_t ngx_http_healthdash_reach(ngx_conf_t *cf, ngx_hd_check_t *check,
    struct sockaddr *sockaddr, ngx_str_t *name);


/* merge.c */

/*
 * Fills what check does not say from the block that its probe= names, and from
 * the defaults, and judges the whole.  Host and sni are left to the next.
 */
ngx_int_t ngx_http_healthdash_merge(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_check_t *check);


/* prepare.c */

/* Makes a merged check ready to be sent; host is what Host defaults to. */
ngx_int_t ngx_http_healthdash_prepare(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *host);


/* service.c */

/* Makes t, of which name, URL (address) and check are known, a target. */
ngx_int_t ngx_http_healthdash_add_service(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf, ngx_hd_target_t *t);

/* Gives t its index. */
ngx_int_t ngx_http_healthdash_add_target(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf, ngx_hd_target_t *t);


/* target.c */

/* Finishes everything once all of http{} was read: targets, hooks, zone. */
ngx_int_t ngx_http_healthdash_finish(ngx_conf_t *cf);


/* handler.c */

char *ngx_http_healthdash_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_healthdash_live(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ready.c */

char *ngx_http_healthdash_ready(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Looks up what all healthdash_ready name, once all of http{} was read. */
ngx_int_t ngx_http_healthdash_ready_finish(ngx_conf_t *cf,
    ngx_hd_main_conf_t *hmcf);


/* heartbeat.c */

char *ngx_http_healthdash_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_HEALTHDASH_H_INCLUDED_ */

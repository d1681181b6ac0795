
#ifndef _NGX_HD_TELL_H_INCLUDED_
#define _NGX_HD_TELL_H_INCLUDED_


#include <ngx_hd_guard.h>


#define NGX_HD_TELL_MOVES     60


/*
 * The state of t has changed from that of was to that of data, which is
 * published: an event, and a line in the error log.
 */
void ngx_hd_tell_change(ngx_hd_target_t *t, const ngx_hd_data_t *data,
    const ngx_hd_data_t *was);

/* A probe says more about us than about t: a line in the error log. */
void ngx_hd_tell_trouble(ngx_hd_target_t *t, const ngx_hd_result_t *result);

/*
 * DNS has added server to u, or removed it (kind, ngx_hd_event_e): an event for
 * each check, for up to NGX_HD_TELL_MOVES of a minute.
 */
void ngx_hd_tell_moved(ngx_hd_upstream_t *u, ngx_hd_server_t *server,
    ngx_uint_t kind);

/*
 * So many addresses that DNS gave for u are not probed, for max_servers is too
 * small: a line in the error log, one a minute for all workers.
 */
void ngx_hd_tell_crowded(ngx_hd_upstream_t *u, ngx_uint_t n);

/* This worker probes what belongs to worker from: an event. */
void ngx_hd_tell_takeover(ngx_hd_main_conf_t *hmcf, ngx_uint_t from);

/* The guard has changed its state: a line in the error log, and an event. */
void ngx_hd_tell_guard(ngx_hd_main_conf_t *hmcf,
    const ngx_hd_guard_news_t *news);


#endif /* _NGX_HD_TELL_H_INCLUDED_ */


#ifndef _NGX_HD_TELL_H_INCLUDED_
#define _NGX_HD_TELL_H_INCLUDED_


#include <ngx_hd_guard.h>


/*
 * The state of t has changed from that of was to that of data, which is
 * published: an event, and a line in the error log.
 */
void ngx_hd_tell_change(ngx_hd_target_t *t, const ngx_hd_data_t *data,
    const ngx_hd_data_t *was);

/* A probe says more about us than about t: a line in the error log. */
void ngx_hd_tell_trouble(ngx_hd_target_t *t, const ngx_hd_result_t *result);

/* This worker probes what belongs to worker from: an event. */
void ngx_hd_tell_takeover(ngx_hd_main_conf_t *hmcf, ngx_uint_t from);

/* The guard has changed its state: a line in the error log, and an event. */
void ngx_hd_tell_guard(ngx_hd_main_conf_t *hmcf,
    const ngx_hd_guard_news_t *news);


#endif /* _NGX_HD_TELL_H_INCLUDED_ */

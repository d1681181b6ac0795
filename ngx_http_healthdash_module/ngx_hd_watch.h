
/*
 * healthdash: descriptors that belong to a library (libcurl, libpq,
 * libmariadb) in nginx's event loop, level-triggered, as such libraries expect.
 */


#ifndef _NGX_HD_WATCH_H_INCLUDED_
#define _NGX_HD_WATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


#define NGX_HD_WATCH_READ      1
#define NGX_HD_WATCH_WRITE     2


typedef struct ngx_hd_watch_s  ngx_hd_watch_t;

/*
 * Called with what the descriptor is ready for (NGX_HD_WATCH_*).  Errors and
 * hang-ups are both.  The watch may be closed and freed in here.
 */
typedef void (*ngx_hd_watch_pt)(ngx_hd_watch_t *w, ngx_uint_t ready);


struct ngx_hd_watch_s {
    ngx_connection_t  *connection;      /* NULL: closed */
    ngx_hd_watch_pt    handler;
    void              *data;            /* of the handler */
    ngx_uint_t         events;          /* wanted now */
};


/*
 * Begins to watch fd, for nothing yet.  handler and data are set by the caller
 * before.  log must live as long as the watch.  Returns NGX_OK, or NGX_ERROR
 * if nginx has no connection left.
 */
ngx_int_t ngx_hd_watch_open(ngx_hd_watch_t *w, ngx_socket_t fd,
    ngx_log_t *log);

/* Wants events (NGX_HD_WATCH_*) from now on.  NGX_ERROR: the system refused. */
ngx_int_t ngx_hd_watch_set(ngx_hd_watch_t *w, ngx_uint_t events);

/*
 * Ends watching; fd stays open, for it is the library's, which must not have
 * closed it yet.  Does nothing to a closed watch.
 */
void ngx_hd_watch_close(ngx_hd_watch_t *w);


#endif /* _NGX_HD_WATCH_H_INCLUDED_ */

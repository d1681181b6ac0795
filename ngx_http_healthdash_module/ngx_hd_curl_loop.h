
/*
 * healthdash: libcurl's descriptors and its timer in nginx's event loop.  It
 * knows no transfer, only whose a descriptor is; its user calls libcurl.
 */


#ifndef _NGX_HD_CURL_LOOP_H_INCLUDED_
#define _NGX_HD_CURL_LOOP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <curl/curl.h>


/*
 * libcurl is to be called: fd is ready for bits (CURL_CSELECT_*), or it is
 * CURL_SOCKET_TIMEOUT.
 */
typedef void (*ngx_hd_curl_ready_pt)(void *data, curl_socket_t fd, int bits);

/*
 * A descriptor of owner, or of nobody (NULL), cannot be watched.  Called inside
 * of libcurl, which is told nothing of it.
 */
typedef void (*ngx_hd_curl_blind_pt)(void *data, void *owner);


/* the first fields are for ngx_event_ident(), and set by the caller of _init */

typedef struct {
    void                  *data;        /* of both handlers */
    ngx_hd_curl_ready_pt   ready;
    ngx_hd_curl_blind_pt   blind;
    ngx_socket_t           fd;          /* -1 */
    ngx_log_t             *log;         /* lives as long as the loop */

    /* of this unit */

    ngx_rbtree_t           sockets;     /* by descriptor */
    ngx_rbtree_node_t      sentinel;
    ngx_event_t            timer;
    ngx_event_t            turn;        /* a timer of 0 */
} ngx_hd_curl_loop_t;


/* Makes loop, whose first fields are set, ready for handles. */
void ngx_hd_curl_loop_init(ngx_hd_curl_loop_t *loop);

/*
 * Lets handle, the only one at a time, be driven by loop.  Returns libcurl's
 * codes, or'ed.
 */
int ngx_hd_curl_loop_drive(ngx_hd_curl_loop_t *loop, CURLM *handle);

/*
 * Takes fd, a socket that was opened for owner and that libcurl is given next:
 * it is closed by ngx_hd_curl_loop_close(), whatever libcurl says before.
 * NGX_ERROR: no memory or connection, fd is the caller's.
 */
ngx_int_t ngx_hd_curl_loop_open(ngx_hd_curl_loop_t *loop, ngx_socket_t fd,
    void *owner);

/* fd, or -1, is nobody's from now on, if it was owner's. */
void ngx_hd_curl_loop_disown(ngx_hd_curl_loop_t *loop, ngx_socket_t fd,
    void *owner);

/* Closes fd: a callback of libcurl, data is the loop. */
int ngx_hd_curl_loop_close(void *data, curl_socket_t fd);

/* The handle is gone: closes what it has left, and ends the timer. */
void ngx_hd_curl_loop_clear(ngx_hd_curl_loop_t *loop);


#endif /* _NGX_HD_CURL_LOOP_H_INCLUDED_ */

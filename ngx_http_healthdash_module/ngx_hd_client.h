
/*
 * healthdash: what probes by a client library share: the address to connect
 * to, nginx's event loop under the library's descriptor, and how what a
 * database says is judged.
 */


#ifndef _NGX_HD_CLIENT_H_INCLUDED_
#define _NGX_HD_CLIENT_H_INCLUDED_


#include <ngx_hd_match.h>
#include <ngx_hd_resolve.h>
#include <ngx_hd_watch.h>


#define NGX_HD_CLIENT_ROW      65536   /* bytes of a row that are judged */
#define NGX_HD_CLIENT_ANSWER   1048576 /* bytes a server may send for it */


typedef struct ngx_hd_client_s  ngx_hd_client_t;

typedef void (*ngx_hd_client_pt)(ngx_hd_client_t *client);


/* the first member of what run->ctx points to */

struct ngx_hd_client_s {
    ngx_hd_run_t       *run;
    ngx_addr_t         *addr;           /* in use */
    ngx_hd_client_pt    open;           /* lets the library connect to addr */
    ngx_hd_client_pt    step;           /* its descriptor is ready */
    ngx_hd_client_pt    drop;           /* closes what open has begun */

    ngx_hd_watch_t      watch;
    ngx_hd_resolve_t    resolve;
    ngx_hd_addrs_t     *addrs;
    ngx_uint_t          next;           /* of addrs: the one in use */
    ngx_event_t         share;          /* an address has had its time */
    ngx_str_t           waits;          /* see ngx_hd_client_waits() */
    unsigned            connecting:1;
};


/* what a query has brought */

typedef struct {
    ngx_str_t           row;            /* first column of the first row */
    ngx_uint_t          no_row;
} ngx_hd_client_row_t;


/*
 * Finds the address of the run's target and calls client->open for it, at
 * once or later; open, step and drop are set by the caller.  Returns as the
 * start of a type does.
 */
ngx_int_t ngx_hd_client_start(ngx_hd_client_t *client, ngx_hd_run_t *run);

/*
 * Waits until fd is ready for events (NGX_HD_WATCH_*), then calls client->step.
 * The watch is closed before that, so that the library may close fd in there.
 * Whether connect() has worked is found out here.  Trouble ends the run.
 */
void ngx_hd_client_wait(ngx_hd_client_t *client, ngx_socket_t fd,
    ngx_uint_t events);

/*
 * The address could not be connected to (err of the system; 0: text says what
 * is known): drops it and opens the next one, or ends the run.
 */
void ngx_hd_client_refused(ngx_hd_client_t *client, ngx_err_t err,
    const char *text);

/* Lets go of everything: a name asked for, the watch, and by client->drop. */
void ngx_hd_client_stop(ngx_hd_client_t *client);

/* What an answer is waited for, for the message of a timeout. */
void ngx_hd_client_waits(ngx_hd_client_t *client, const char *what);

/* The error of the system whose words are in text, or 0. */
ngx_err_t ngx_hd_client_errno(const char *text);

/* The first line of text, without blanks at its end. */
ngx_str_t ngx_hd_client_line(const char *text);

/* Judges by role=; NGX_DECLINED with the result set. */
ngx_int_t ngx_hd_client_role(ngx_hd_run_t *run, ngx_uint_t replica);

/* Judges by max_lag=, lag in seconds; NGX_DECLINED with the result set. */
ngx_int_t ngx_hd_client_lag(ngx_hd_run_t *run, const ngx_str_t *lag);

/* Keeps the first column of the first row, cut, in the memory of the run. */
ngx_int_t ngx_hd_client_keep(ngx_hd_run_t *run, ngx_hd_client_row_t *row,
    const char *data, size_t len);

/* Judges what a query has brought and ends the run. */
void ngx_hd_client_judge(ngx_hd_run_t *run, const ngx_hd_client_row_t *row);

/* A null-terminated copy of s, NULL if it is empty or without memory. */
char *ngx_hd_client_text(ngx_pool_t *pool, const ngx_str_t *s);


#endif /* _NGX_HD_CLIENT_H_INCLUDED_ */

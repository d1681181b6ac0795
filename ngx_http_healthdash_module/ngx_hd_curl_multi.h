
/*
 * healthdash: libcurl's transfers: one multi handle a worker, made when it is
 * first needed, and a small stock of easy handles.  What a transfer is for is
 * not known here.  Nothing here resolves names, starts a thread, keeps a
 * connection or blocks.
 */


#ifndef _NGX_HD_CURL_MULTI_H_INCLUDED_
#define _NGX_HD_CURL_MULTI_H_INCLUDED_


#include <ngx_hd_probe.h>
#include <curl/curl.h>


typedef struct ngx_hd_curl_multi_s  ngx_hd_curl_multi_t;
typedef struct ngx_hd_curl_slot_s   ngx_hd_curl_slot_t;

/*
 * A transfer ended, of itself with libcurl's code, or with
 * CURLE_FAILED_INIT: libcurl or the event loop failed us, and there may be no
 * easy handle any more.  The slot may be started again or given back here.
 */
typedef void (*ngx_hd_curl_end_pt)(ngx_hd_curl_slot_t *slot, CURLcode code);


/*
 * One transfer.  The memory of a slot is that of the worker, so callbacks of
 * connections that libcurl has not closed yet may still point at it.
 */

struct ngx_hd_curl_slot_s {
    ngx_queue_t           queue;
    ngx_queue_t           again;
    ngx_hd_curl_multi_t  *multi;
    CURL                 *easy;         /* NULL: libcurl has failed */
    ngx_hd_run_t         *run;          /* NULL: idle */
    ngx_hd_curl_end_pt    end;
    void                 *data;         /* of it */
    void                 *ssl;          /* SSL_CTX of the connection, to know
                                           it from one that is closed late */
    ngx_socket_t          fd;           /* of the connection, or -1 */
    ngx_err_t             err;          /* what socket() said */
    uint64_t              failures;     /* of memory, before */
    unsigned              active:1;     /* libcurl works on it */
    unsigned              stirred:1;    /* in again */
    unsigned              once:1;       /* opens one connection, not another
                                           when the peer has refused */
    unsigned              worn:1;       /* its easy handle remembers an error
                                           that the next one would report */
    unsigned              sick:1;       /* is to end with CURLE_FAILED_INIT */
    char                  error[CURL_ERROR_SIZE];
};


/*
 * A slot for run, its easy handle set to what all transfers have in common:
 * one connection of its own, no proxy, no redirect, no signal, no file read.
 * The caller sets end, which is never called from within these functions, data,
 * once, and the options of its own.  NULL: no memory.
 */
ngx_hd_curl_slot_t *ngx_hd_curl_take(ngx_hd_run_t *run);

/* Starts the transfer of a slot whose options are set; NGX_ERROR: refused. */
ngx_int_t ngx_hd_curl_go(ngx_hd_curl_slot_t *slot);

/*
 * To be called by the callbacks for header and body: something has come, so
 * more may lie in libcurl's buffers, and libcurl up to 7.88 forgets to look
 * there when the socket is silent: it is called once more.
 */
void ngx_hd_curl_stir(ngx_hd_curl_slot_t *slot);

/* Gives a slot back; a transfer under way ends in silence. */
void ngx_hd_curl_give(ngx_hd_curl_slot_t *slot);

/* Closes all, after the last run has ended.  Nothing was begun: nothing. */
void ngx_hd_curl_exit_worker(ngx_hd_main_conf_t *hmcf);


#endif /* _NGX_HD_CURL_MULTI_H_INCLUDED_ */

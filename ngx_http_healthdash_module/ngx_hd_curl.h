
/*
 * healthdash: probes through libcurl: from the name of a target to the end of
 * one transfer.  What is asked, and what an answer means, is its type's.
 */


#ifndef _NGX_HD_CURL_H_INCLUDED_
#define _NGX_HD_CURL_H_INCLUDED_


#include <ngx_hd_curl_multi.h>
#include <ngx_hd_relay.h>
#include <ngx_hd_resolve.h>


typedef struct ngx_hd_curl_call_s  ngx_hd_curl_call_t;

/*
 * What is wrong with the version of libcurl that is in use, as the end of a
 * sentence, and that version; NULL: nothing is known to be.
 */
const char *ngx_hd_curl_trouble(const char **version);

/*
 * Sets the options of the transfer: what is asked, and callbacks for header and
 * body, which must bound what they keep.  Called for each address that is
 * tried.  Returns libcurl's codes, or'ed: 0 if all were taken.
 */
typedef int (*ngx_hd_curl_ask_pt)(ngx_hd_curl_call_t *call, CURL *easy);

/*
 * The answer is complete, or as much of it as was wanted: judges it, and sets
 * run->result unless it is a pass.  The run is ended by the caller.
 */
typedef void (*ngx_hd_curl_judge_pt)(ngx_hd_curl_call_t *call);


/* the beginning of run->ctx, of which a type sets the first fields */

struct ngx_hd_curl_call_s {
    ngx_hd_run_t         *run;
    ngx_hd_curl_ask_pt    ask;
    ngx_hd_curl_judge_pt  judge;

    unsigned              enough:1;     /* set by a callback of the type that
                                           stops the transfer: judge */

    /* of the engine */

    unsigned              quic:1;       /* libcurl connects by itself */
    ngx_hd_curl_slot_t   *slot;         /* NULL: not begun */
    ngx_hd_relay_t        relay;        /* unless quic */
    ngx_hd_resolve_t      resolve;
    ngx_hd_addrs_t       *addrs;
    ngx_uint_t            next;         /* of addrs: the one in use */
    ngx_event_t           share;        /* an address has had its time */
    struct curl_slist     place;        /* where to connect to, for libcurl */
    u_char                text[NGX_SOCKADDR_STRLEN + sizeof("::")];
};


/*
 * Why libcurl here cannot speak as type does, as prepare says it; NULL: it can.
 */
const char *ngx_hd_curl_refuse(ngx_pool_t *pool,
    const ngx_hd_probe_type_t *type);

/* start of a type, with run->ctx set: NGX_AGAIN, or NGX_ERROR (result set). */
ngx_int_t ngx_hd_curl_start(ngx_hd_run_t *run);

/* release of a type. */
void ngx_hd_curl_release(ngx_hd_run_t *run);


#endif /* _NGX_HD_CURL_H_INCLUDED_ */


/*
 * healthdash: bytes that are made once and sent to many, each at a pace of its
 * own.
 */


#ifndef _NGX_HD_MESSAGE_H_INCLUDED_
#define _NGX_HD_MESSAGE_H_INCLUDED_


#include <ngx_hd_text.h>


typedef struct {
    ngx_hd_text_t   text;       /* in a pool of its own; nobody writes into it
                                   once it was sent to somebody */
    ngx_uint_t      refs;
    off_t          *total;      /* where it counts, or NULL */
    off_t           counted;    /* so many bytes */
    unsigned        whole:1;    /* the first that a viewer gets: is not counted
                                   against a slow one */
} ngx_hd_message_t;


/* An empty message, held by the caller.  NULL: no memory. */
ngx_hd_message_t *ngx_hd_message_create(ngx_log_t *log);

/*
 * Nothing will be added to it, so its bytes are in *total from now on, until
 * everybody has let it go; total outlives it.  Once for each message.
 */
void ngx_hd_message_seal(ngx_hd_message_t *m, off_t *total);

void ngx_hd_message_hold(ngx_hd_message_t *m);

/* Lets it go; the last one frees it.  m may be NULL. */
void ngx_hd_message_release(ngx_hd_message_t *m);


#endif /* _NGX_HD_MESSAGE_H_INCLUDED_ */

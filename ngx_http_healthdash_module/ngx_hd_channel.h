
/*
 * healthdash: the messages of a live stream, made once for all its viewers.
 */


#ifndef _NGX_HD_CHANNEL_H_INCLUDED_
#define _NGX_HD_CHANNEL_H_INCLUDED_


#include <ngx_hd_live.h>
#include <ngx_hd_message.h>


typedef struct ngx_hd_channel_s  ngx_hd_channel_t;


/*
 * A channel that has told nothing yet, of pictures that filter, which leaves
 * nothing out, asks for.  Everything is from pool, or freed with it.  NULL: no
 * memory.
 */
ngx_hd_channel_t *ngx_hd_channel_create(ngx_hd_main_conf_t *hmcf,
    const ngx_hd_view_filter_t *filter, const ngx_hd_live_t *live,
    ngx_pool_t *pool);

/* 1 if there may be something to tell. */
ngx_uint_t ngx_hd_channel_beats(ngx_hd_channel_t *ch);

/*
 * Begins the next round: a picture and what is new in it.  more() does a part
 * of it, less than a millisecond long.  change, snapshot: what is needed.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_hd_channel_begin(ngx_hd_channel_t *ch, ngx_uint_t change,
    ngx_uint_t snapshot);

/* NGX_AGAIN: there is more to do; NGX_OK: all is made; NGX_ERROR: no memory. */
ngx_int_t ngx_hd_channel_more(ngx_hd_channel_t *ch);

/* What the round has made; NULL: nothing is new, or it was not asked for. */
ngx_hd_message_t *ngx_hd_channel_change(ngx_hd_channel_t *ch);
ngx_hd_message_t *ngx_hd_channel_snapshot(ngx_hd_channel_t *ch);

/*
 * The end of a snapshot: the events that came after the one that is known, or
 * the last ones.  Sets made to 1 if it had to be written, which takes about a
 * millisecond for a full ring.  NULL: no memory.
 */
ngx_hd_message_t *ngx_hd_channel_tail(ngx_hd_channel_t *ch, ngx_uint_t knows,
    uint64_t event, ngx_uint_t *made);

/* Lets go what a round, complete or not, has made. */
void ngx_hd_channel_end(ngx_hd_channel_t *ch);


#endif /* _NGX_HD_CHANNEL_H_INCLUDED_ */

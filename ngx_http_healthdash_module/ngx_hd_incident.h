
/*
 * healthdash: incidents: from the event that a target went down to the one that
 * it did not stay so.
 */


#ifndef _NGX_HD_INCIDENT_H_INCLUDED_
#define _NGX_HD_INCIDENT_H_INCLUDED_


#include <ngx_hd_view.h>


typedef struct {
    uint64_t     number;        /* of the event that began it */
    uint64_t     clock;         /* history clock, msec: of the same */
    int64_t      begin;         /* wall clock, msec */
    int64_t      end;           /* the same; 0: it goes on */
    uint64_t     lasted;        /* msec, so far if it goes on */
    ngx_uint_t   to;            /* ngx_hd_state_e that it ended in */
    ngx_uint_t   removed;       /* 1: it ended because nobody probes any more */
    u_char       id[NGX_HD_ID_LEN];     /* of the target */
    ngx_uint_t   next;          /* of the same target, from 1 on; 0: none */
    ngx_uint_t   last;          /* if it is the first of its target: the last */
} ngx_hd_incident_t;


/*
 * The incidents that the events tell of, in the order in which they began; of
 * the targets that are shown, if the picture is filtered.  One whose beginning
 * the ring has no more is left out.  Returns NULL if memory ran out.
 */
ngx_array_t *ngx_hd_incident_list(const ngx_hd_view_t *view,
    ngx_pool_t *pool);

/*
 * The last incident of a target of which a part lies between begin and end
 * (history clock, msec); NULL: the events tell of none, or memory ran out.  The
 * list is made when the first one is asked for, once for the picture.
 */
const ngx_hd_incident_t *ngx_hd_incident_in(const ngx_hd_view_t *view,
    const u_char *id, uint64_t begin, uint64_t end);


#endif /* _NGX_HD_INCIDENT_H_INCLUDED_ */


/*
 * healthdash: what has happened, in one ring for the whole zone.  Any process
 * may add an event at any time; nobody waits for anybody.
 */


#ifndef _NGX_HD_EVENT_H_INCLUDED_
#define _NGX_HD_EVENT_H_INCLUDED_


#include <ngx_hd_record.h>


/*
 * Adds e to the ring of zone and gives it the next number, which is returned.
 * mono and wall: now, msec.  The caller has set all but number, times and sum.
 */
uint64_t ngx_hd_event_add(ngx_hd_zone_t *zone, ngx_hd_event_t *e,
    uint64_t mono, int64_t wall);

/* Sets whom e is about; upstream is NULL for a service.  Names are cut. */
void ngx_hd_event_name(ngx_hd_event_t *e, const u_char *id,
    const ngx_str_t *upstream, const ngx_str_t *name);

/* Sets why; cut. */
void ngx_hd_event_text(ngx_hd_event_t *e, const u_char *text, size_t len);

/* The number of the last event so far; 0: there was none. */
uint64_t ngx_hd_event_last(ngx_hd_zone_t *zone);

/*
 * After this each event behind known, up to last, is there or will never be
 * there: who had taken its number, and may have died, takes another one.  To be
 * called before last is told to somebody who will ask for what comes after it.
 */
void ngx_hd_event_settle(ngx_hd_zone_t *zone, uint64_t known, uint64_t last);

/*
 * Copies the event with this number.  NGX_DECLINED if the ring has it no more,
 * or not yet, or if it was given up.
 */
ngx_int_t ngx_hd_event_read(ngx_hd_zone_t *zone, uint64_t number,
    ngx_hd_event_t *e);

/* 1 if nothing of e is torn or spoilt, by its sum. */
ngx_uint_t ngx_hd_event_is_whole(const ngx_hd_event_t *e);

/*
 * Puts an event of former times back, whole and with its number, and says which
 * number was the last.  Master, into a zone that nobody uses yet.
 */
void ngx_hd_event_restore(ngx_hd_zone_t *zone, const ngx_hd_event_t *e);
void ngx_hd_event_go_on(ngx_hd_zone_t *zone, uint64_t last);

/* Takes the events of another zone over, numbers and all.  Master. */
void ngx_hd_event_import(ngx_hd_zone_t *zone, ngx_hd_zone_t *old);


#endif /* _NGX_HD_EVENT_H_INCLUDED_ */

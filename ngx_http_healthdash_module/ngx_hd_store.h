
/*
 * healthdash: the records of the shared zone: claimed, published, read.
 * Who guards what is a table in docs/ARCHITECTURE.md.
 */


#ifndef _NGX_HD_STORE_H_INCLUDED_
#define _NGX_HD_STORE_H_INCLUDED_


#include <ngx_hd_conf.h>
#include <ngx_hd_word.h>


/* a held lease; of no use to anyone but the worker that claimed it */

typedef struct {
    uint64_t  word;             /* value of record->lease while it is ours */
    uint32_t  epoch;
    unsigned  left:1;           /* by a holder that did not release it */
} ngx_hd_lease_t;


/*
 * Makes rec the empty record of t, its first probe due within one interval.
 * Whoever held a lease of it can publish no more.  Master.
 */
void ngx_hd_store_reset(ngx_hd_record_t *rec, ngx_hd_target_t *t);

/*
 * Makes rec, while workers use it, the empty record of a target with another
 * identity, due at once.  Caller holds lease, and the mutex of the zone.
 */
void ngx_hd_store_renew(ngx_hd_record_t *rec, ngx_hd_lease_t *lease,
    const u_char *id);

/* Copies facts, history, times, lease of another zone's record.  Master. */
void ngx_hd_store_import(ngx_hd_record_t *rec, ngx_hd_record_t *old);

/*
 * Fills an empty record with what was known before nginx was started, but not
 * yet when it is due: as with any record of a new zone, soon.  Master.
 */
void ngx_hd_store_restore(ngx_hd_record_t *rec, const ngx_hd_data_t *data,
    ngx_hd_history_t *history, const ngx_hd_told_t *told);

/*
 * Makes the state in data, which is of rec, an unknown one, as it was well for
 * longer ago than is of use; history and counts go on.  clock is that of the
 * history, msec; validity that of the last result.  Caller publishes data.
 */
void ngx_hd_store_forget(ngx_hd_record_t *rec, ngx_hd_data_t *data,
    uint64_t clock, ngx_msec_t validity);

/*
 * The same, done to a record that nobody uses, if it was well and its last
 * result is older than that.  Master.
 */
void ngx_hd_store_doubt(ngx_hd_record_t *rec, uint64_t clock,
    ngx_msec_t validity);

/*
 * Copies what a service has told of itself, as it is; without the mutex, so one
 * that is just being written is left out after some tries: NGX_AGAIN.
 */
ngx_int_t ngx_hd_store_copy_told(ngx_hd_record_t *rec, ngx_hd_told_t *told);

/*
 * When to make the first probe of a target: spread, so that a start makes no
 * burst, but soon, however long its interval is.  Monotonic, msec.
 */
uint64_t ngx_hd_store_first_due(ngx_hd_target_t *t);

/*
 * How often we look at what check asks, msec: interval=, but for a type that
 * is told, whose interval= is what others have to keep.
 */
ngx_msec_t ngx_hd_store_pause(ngx_hd_check_t *check);

/* How long overdue a target may be before other workers probe it, msec. */
ngx_msec_t ngx_hd_store_patience(ngx_hd_check_t *check);

/*
 * How long overdue a target may be before nobody may say any more that it is as
 * it was, msec: what another worker needs to take it over, and one probe more.
 */
ngx_msec_t ngx_hd_store_trust(ngx_hd_check_t *check);

/* The same from the last result on. */
ngx_msec_t ngx_hd_store_validity(ngx_hd_check_t *check);

/* A number from an identity; an MD5, so any word of it is evenly spread. */
uint64_t ngx_hd_store_spread(u_char *id);

/* The record of a target, or NULL if it now belongs to another target. */
ngx_hd_record_t *ngx_hd_store_record(ngx_hd_main_conf_t *hmcf,
    ngx_hd_target_t *t);

/*
 * Takes the lease of rec until now + msec for one probe.  Succeeds if it is
 * free, has run out, or is held by a worker of the same number that is no
 * longer there.  On success the epoch of rec has moved: no other can publish.
 * Returns NGX_OK; NGX_BUSY (try again at *until); NGX_DECLINED if a newer
 * configuration owns the record.
 */
ngx_int_t ngx_hd_store_claim(ngx_hd_main_conf_t *hmcf, ngx_hd_record_t *rec,
    ngx_msec_t msec, ngx_hd_lease_t *lease, uint64_t *until);

/* 1 if ngx_hd_store_claim() would return NGX_BUSY. */
ngx_uint_t ngx_hd_store_is_busy(ngx_hd_main_conf_t *hmcf,
    ngx_hd_record_t *rec);

/* Lets a lease go.  Nothing happens if it is not ours any more. */
void ngx_hd_store_release(ngx_hd_record_t *rec, ngx_hd_lease_t *lease);

/*
 * Makes data the current facts of rec, with their note, and its state the
 * verdict word.  Caller holds lease.  Returns NGX_OK, or NGX_DECLINED if the
 * lease was lost: then readers see nothing of data.
 */
ngx_int_t ngx_hd_store_publish(ngx_hd_record_t *rec, ngx_hd_lease_t *lease,
    const ngx_hd_data_t *data);

/*
 * Copies the current facts of rec, or those before if a former holder of the
 * lease has stored words into the current copy.  Any process, no lock.  A note
 * that is not whole, or of other facts, is left out: its fields are zero.
 * Returns NGX_OK, or NGX_AGAIN if no whole copy was seen in a bounded number
 * of tries; data is zeroed then, but for state and recoveries.
 */
ngx_int_t ngx_hd_store_read(ngx_hd_record_t *rec, ngx_hd_data_t *data);

/* State (ngx_hd_state_e) and, modulo 2^24, recoveries: one load. */
ngx_uint_t ngx_hd_store_verdict(ngx_hd_record_t *rec, uint64_t *recoveries);

/*
 * Claims the telling of nginx about a recovery: 1 for the first caller of all
 * workers with this count of recoveries, else 0.
 */
ngx_uint_t ngx_hd_store_clear_once(ngx_hd_record_t *rec, uint64_t recoveries);

/* The word that tells the workers of an upstream to look at the verdicts. */
uint64_t ngx_hd_store_changes(ngx_hd_upstream_t *u);
void ngx_hd_store_changed(ngx_hd_upstream_t *u);


#endif /* _NGX_HD_STORE_H_INCLUDED_ */

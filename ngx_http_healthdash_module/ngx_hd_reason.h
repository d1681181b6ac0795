
#ifndef _NGX_HD_REASON_H_INCLUDED_
#define _NGX_HD_REASON_H_INCLUDED_


#include <ngx_hd.h>


typedef struct {
    const char  *layer;         /* "connect": shown as a class of its own */
    const char  *word;          /* "connect_refused": JSON, stable */
    const char  *text;          /* "connection refused": log and page */
} ngx_hd_reason_t;


/* The row of a reason.  An unknown number gives the row of "none". */
const ngx_hd_reason_t *ngx_hd_reason(ngx_uint_t reason);

/* The same as a sentence of its own, for those who may not know details. */
const char *ngx_hd_reason_general(ngx_uint_t reason);

/* "unknown", "up", "degraded", "down", "paused"; never NULL. */
const char *ngx_hd_state_word(ngx_uint_t state);

/*
 * Fills result: reason, verdict (PASS for "none", INCONCLUSIVE for the local
 * layer, WARN for "slow", else FAIL) and detail.  detail becomes the row's
 * text, followed by ": " and the fmt part when fmt is not NULL (nginx's
 * ngx_vslprintf formats); it is empty for "none".  It is cut to
 * NGX_HD_DETAIL_LEN between characters; control characters and bytes that are
 * no valid UTF-8 become "?".  usec stays as it is.  An unknown number counts
 * as NGX_HD_R_LOCAL_ERROR.
 */
void ngx_hd_result_set(ngx_hd_result_t *result, ngx_hd_reason_e reason,
    const char *fmt, ...);

/* The same, but detail becomes the fmt part alone, a sentence of its own. */
void ngx_hd_result_say(ngx_hd_result_t *result, ngx_hd_reason_e reason,
    const char *fmt, ...);


#endif /* _NGX_HD_REASON_H_INCLUDED_ */

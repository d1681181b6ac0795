
/*
 * healthdash: the words of the model.  No functions, no nginx http types, so
 * that every unit, down to the plain C ones, can include it.
 */


#ifndef _NGX_HD_H_INCLUDED_
#define _NGX_HD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HD_VERSION         "0.1.0"

#define NGX_HD_ID_LEN          16      /* bytes of a target's identity */
#define NGX_HD_DETAIL_LEN      192     /* bytes of a reason's sentence */
#define NGX_HD_SEEN_LEN        64      /* bytes shown of what a target sent */
#define NGX_HD_BODY_LIMIT      65536   /* default body_limit=, bytes */
#define NGX_HD_TICK            10      /* msec, due times are rounded to it */


/* what one probe says */

typedef enum {
    NGX_HD_PASS = 0,
    NGX_HD_WARN,                /* passed, but slow or a "warn" did not hold */
    NGX_HD_FAIL,
    NGX_HD_INCONCLUSIVE         /* says more about us than about the target */
} ngx_hd_verdict_e;


/* what the verdicts of a target add up to */

typedef enum {
    NGX_HD_STATE_UNKNOWN = 0,
    NGX_HD_STATE_UP,
    NGX_HD_STATE_DEGRADED,
    NGX_HD_STATE_DOWN,
    NGX_HD_STATE_PAUSED,
    NGX_HD_STATES
} ngx_hd_state_e;


/* initial=: what a target counts as before its first result */

typedef enum {
    NGX_HD_INITIAL_UP = 0,
    NGX_HD_INITIAL_DOWN,
    NGX_HD_INITIAL_CHECKING
} ngx_hd_initial_e;


/*
 * Why a probe did not simply pass, ordered by layer.  The words for each are
 * in ngx_hd_reason.c and nowhere else.
 */

typedef enum {
    NGX_HD_R_NONE = 0,

    NGX_HD_R_RESOLVE_NOT_FOUND,
    NGX_HD_R_RESOLVE_TIMEOUT,
    NGX_HD_R_RESOLVE_FAILED,

    NGX_HD_R_CONNECT_REFUSED,
    NGX_HD_R_CONNECT_TIMEOUT,
    NGX_HD_R_CONNECT_UNREACHABLE,
    NGX_HD_R_CONNECT_RESET,
    NGX_HD_R_CONNECT_NO_SOCKET,
    NGX_HD_R_CONNECT_DENIED,
    NGX_HD_R_CONNECT_FAILED,

    NGX_HD_R_TLS_TIMEOUT,
    NGX_HD_R_TLS_HANDSHAKE,
    NGX_HD_R_TLS_CLOSED,
    NGX_HD_R_TLS_EXPIRED,
    NGX_HD_R_TLS_NOT_YET_VALID,
    NGX_HD_R_TLS_UNTRUSTED,
    NGX_HD_R_TLS_NAME,
    NGX_HD_R_TLS_NO_CERT,

    NGX_HD_R_RESPONSE_TIMEOUT,
    NGX_HD_R_RESPONSE_CLOSED,
    NGX_HD_R_RESPONSE_RESET,
    NGX_HD_R_RESPONSE_CUT,
    NGX_HD_R_RESPONSE_INVALID,
    NGX_HD_R_RESPONSE_HEADER_SIZE,
    NGX_HD_R_RESPONSE_FAILED,

    NGX_HD_R_STATUS,
    NGX_HD_R_HEADER,
    NGX_HD_R_BODY,
    NGX_HD_R_TIME,
    NGX_HD_R_SLOW,

    NGX_HD_R_LOCAL_FILES,
    NGX_HD_R_LOCAL_CONNECTIONS,
    NGX_HD_R_LOCAL_MEMORY,
    NGX_HD_R_LOCAL_BLOCKED,
    NGX_HD_R_LOCAL_ERROR,

    NGX_HD_REASONS
} ngx_hd_reason_e;


/* what a finished probe hands back; every field is private to its worker */

typedef struct {
    ngx_hd_verdict_e  verdict;
    ngx_hd_reason_e   reason;
    uint32_t          usec;     /* the whole probe */
    uint16_t          len;      /* of detail */
    u_char            detail[NGX_HD_DETAIL_LEN];  /* printable, no secret */
} ngx_hd_result_t;


#endif /* _NGX_HD_H_INCLUDED_ */


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
#define NGX_HD_LINE_LEN        96      /* bytes kept of a status line */
#define NGX_HD_SAMPLE_LEN      512     /* bytes kept of an answer */
#define NGX_HD_MESSAGE_LEN     128     /* bytes kept of a heartbeat's message */
#define NGX_HD_ISSUER_LEN      64      /* bytes kept of a CA's name */
#define NGX_HD_BODY_LIMIT      65536   /* default body_limit=, bytes */
#define NGX_HD_TICK            10      /* msec, due times are rounded to it */
#define NGX_HD_RESULTS         120     /* single results kept of a target */
#define NGX_HD_MINUTES         60      /* whole minutes kept, and so on */
#define NGX_HD_HOURS           48
#define NGX_HD_DAYS            90


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
    NGX_HD_R_TLS_REFUSED,
    NGX_HD_R_TLS_VERSION,

    NGX_HD_R_RESPONSE_TIMEOUT,
    NGX_HD_R_RESPONSE_CLOSED,
    NGX_HD_R_RESPONSE_RESET,
    NGX_HD_R_RESPONSE_CUT,
    NGX_HD_R_RESPONSE_INVALID,
    NGX_HD_R_RESPONSE_HEADER_SIZE,
    NGX_HD_R_RESPONSE_FAILED,

    NGX_HD_R_PROTOCOL_ERROR,
    NGX_HD_R_LOGIN,
    NGX_HD_R_QUERY,
    NGX_HD_R_NOT_SERVING,
    NGX_HD_R_ROLE,
    NGX_HD_R_LAG,

    NGX_HD_R_HEARTBEAT_MISSING,
    NGX_HD_R_HEARTBEAT_STATUS,
    NGX_HD_R_SYSTEM_TIMEOUT,
    NGX_HD_R_SYSTEM_ERROR,

    NGX_HD_R_STATUS,
    NGX_HD_R_HEADER,
    NGX_HD_R_BODY,
    NGX_HD_R_STEP,
    NGX_HD_R_JSON,
    NGX_HD_R_VALUE,
    NGX_HD_R_ROW,
    NGX_HD_R_CERT_DAYS,
    NGX_HD_R_TIME,
    NGX_HD_R_SLOW,

    NGX_HD_R_LOCAL_FILES,
    NGX_HD_R_LOCAL_CONNECTIONS,
    NGX_HD_R_LOCAL_MEMORY,
    NGX_HD_R_LOCAL_BLOCKED,
    NGX_HD_R_LOCAL_ERROR,

    NGX_HD_REASONS
} ngx_hd_reason_e;


/* the steps of a probe, in their order; what a type has none of is left out */

typedef enum {
    NGX_HD_PHASE_RESOLVE = 0,   /* the name has become an address */
    NGX_HD_PHASE_CONNECT,       /* the connection stands */
    NGX_HD_PHASE_TLS,           /* the handshake is over */
    NGX_HD_PHASE_FIRST,         /* the first byte of the answer has come */
    NGX_HD_PHASES
} ngx_hd_phase_e;


/* what is wrong with a certificate, be it verified or not */

#define NGX_HD_CERT_EXPIRED    0x01
#define NGX_HD_CERT_EARLY      0x02    /* not yet valid */
#define NGX_HD_CERT_NAME       0x04    /* for another name */
#define NGX_HD_CERT_UNTRUSTED  0x08


/* what a TLS handshake told; no certificate was seen if not_after is 0 */

typedef struct {
    int64_t           not_after;   /* seconds since 1970 */
    uint32_t          wrong;       /* NGX_HD_CERT_* */
    uint16_t          version;     /* 0x0303: TLS 1.2; 0: no TLS */
    uint16_t          issuer_len;
    u_char            issuer[NGX_HD_ISSUER_LEN];  /* printable UTF-8 */
} ngx_hd_cert_t;


/* what a probe got for an answer, cut, printable, without secrets */

typedef struct {
    uint16_t          line_len;
    uint16_t          len;
    u_char            line[NGX_HD_LINE_LEN];      /* "HTTP/1.1 503 Busy" */
    u_char            text[NGX_HD_SAMPLE_LEN];    /* what followed */
} ngx_hd_sample_t;


/* what a finished probe hands back; every field is private to its worker */

typedef struct {
    ngx_hd_verdict_e  verdict;
    ngx_hd_reason_e   reason;
    uint32_t          usec;     /* the whole probe */
    uint32_t          phase[NGX_HD_PHASES];  /* usec from the start to its
                                                end; 0: there was none */
    uint16_t          len;      /* of detail */
    u_char            detail[NGX_HD_DETAIL_LEN];  /* printable, no secret */
    unsigned          has_value:1;
    double            value;    /* of types that measure: disk, dns ... */
    ngx_hd_cert_t     cert;
    ngx_hd_sample_t   sample;
} ngx_hd_result_t;


#endif /* _NGX_HD_H_INCLUDED_ */

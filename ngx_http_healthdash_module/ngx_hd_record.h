
/*
 * healthdash: what lies in shared memory, and nothing else.
 *
 * The zone is one slab allocation: ngx_hd_zone_t, then its records.  There is
 * no pointer in it.  A record belongs to a target for as long as a
 * configuration names the target; its index never changes while it does.
 *
 * A record has two copies of its data.  The lease holder writes the copy that
 * is not current and makes it current by one compare-and-swap of "seq", so a
 * writer that dies half way has changed nothing.  A writer that was stopped
 * for longer than its lease and then goes on is refused by the epoch in "seq";
 * the words it may still have stored are found by the checksum.
 */


#ifndef _NGX_HD_RECORD_H_INCLUDED_
#define _NGX_HD_RECORD_H_INCLUDED_


#include <ngx_hd.h>


#define NGX_HD_MAGIC           0x6864617368626430ULL   /* "hdashbd0" */
#define NGX_HD_LAYOUT          3       /* count up with every change below */
#define NGX_HD_CHANGE_WORDS    256     /* power of two */


/* the last probe that failed; it outlives later passes */

typedef struct {
    int64_t          time;      /* wall clock, msec: its end; 0: none did */
    uint32_t         reason;    /* ngx_hd_reason_e */
    uint32_t         usec;      /* the whole probe */
    uint32_t         phase[NGX_HD_PHASES];      /* as in ngx_hd_result_t */
    uint16_t         len;       /* of detail */
    u_char           detail[NGX_HD_DETAIL_LEN];
    ngx_hd_sample_t  sample;
} ngx_hd_failed_t;


/* the facts of one target; written as a whole */

typedef struct {
    uint64_t  checks;           /* probes with a verdict */
    uint64_t  failures;         /* of these, failed */
    uint64_t  downs;            /* how often the state became "down" */
    uint64_t  inconclusive;     /* probes without a verdict */
    uint64_t  withheld;         /* mode=observe: would have been taken out */
    uint64_t  recoveries;       /* how often the state left "down" */

    int64_t   since;            /* wall clock, msec: in this state since */
    int64_t   last;             /* wall clock, msec: end of the last probe */
    uint64_t  since_mono;       /* monotonic, msec */
    uint64_t  last_mono;        /* monotonic, msec */

    uint64_t  flap_start;       /* monotonic, msec: flap= window began */
    uint64_t  hold_until;       /* monotonic, msec: not up before this */

    uint32_t  state;            /* ngx_hd_state_e */
    uint32_t  verdict;          /* ngx_hd_verdict_e of the last probe */
    uint32_t  reason;           /* ngx_hd_reason_e of the last probe */
    uint32_t  state_reason;     /* ngx_hd_reason_e that led to the state */
    uint32_t  fails;            /* failures in a row */
    uint32_t  passes;           /* passes in a row */
    uint32_t  clean;            /* of these, without a warning in a row */
    uint32_t  usec;             /* latency of the last probe that passed */
    uint32_t  usec_max;         /* highest of these */
    uint32_t  flaps;            /* changes of state in the flap= window */
    uint32_t  holds;            /* holds in a row, they double */
    uint32_t  pid;              /* worker that made the last probe */
    uint16_t  slot;             /* its number */
    uint16_t  len;              /* of detail */
    uint16_t  state_len;        /* of state_detail */
    uint16_t  has_value;        /* value counts */
    u_char    detail[NGX_HD_DETAIL_LEN];        /* of the last probe */
    u_char    state_detail[NGX_HD_DETAIL_LEN];  /* of the change of state */

    uint32_t         phase[NGX_HD_PHASES];      /* of the last probe */
    uint32_t         usec_last; /* the whole last probe */
    uint32_t         hole;
    double           value;     /* of the last probe */
    ngx_hd_cert_t    cert;      /* seen last */
    ngx_hd_failed_t  failed;
} ngx_hd_data_t;


_Static_assert(sizeof(ngx_hd_data_t) % sizeof(uint64_t) == 0,
               "the facts are copied word by word");

_Static_assert(sizeof(ngx_msec_t) == sizeof(uint64_t),
               "healthdash needs a 64-bit platform: times must not wrap");


typedef struct {
    ngx_hd_data_t  data;
    uint64_t       sum;         /* over data and the count it has */
} ngx_hd_copy_t;


/* what a service has told of itself; under the mutex of the zone's slab */

typedef struct {
    uint64_t  known;            /* monotonic, msec: waited for since */
    uint64_t  mono;             /* monotonic, msec: of the last; 0: none yet */
    int64_t   wall;             /* wall clock, msec: the same */
    uint32_t  status;           /* ngx_hd_verdict_e */
    uint32_t  len;              /* of message */
    u_char    message[NGX_HD_MESSAGE_LEN];      /* as it came */
} ngx_hd_told_t;


typedef struct {
    u_char         id[NGX_HD_ID_LEN];  /* changed by the master only, while no
                                          configuration in use has the record */
    uint64_t       generation;  /* atomic, last configuration that had it */
    uint64_t       lease;       /* atomic: slot 16 | epoch 16 | until 32 */
    uint64_t       holder;      /* atomic: generation 32 | pid 32, for lease */
    uint64_t       seq;         /* atomic: epoch 32 | count 32 */
    uint64_t       due;         /* atomic, monotonic msec: the next probe */
    uint64_t       verdict;     /* atomic: epoch 32 | recoveries 24 | state 8 */
    uint64_t       cleared;     /* atomic: recoveries 24, nginx knows of */
    ngx_hd_told_t  told;
    ngx_hd_copy_t  copy[2];     /* current: seq & 1 */
} ngx_hd_record_t;

/* the rest of 6 KiB is for a history */

_Static_assert(sizeof(ngx_hd_record_t) <= 3584, "memory for each target");


typedef struct {
    uint64_t         magic;
    uint32_t         layout;
    uint32_t         record_size;
    uint64_t         capacity;      /* records, const after init */
    uint64_t         generation;    /* of the configuration; master only */
    int64_t          load_time;     /* wall clock, msec: of this generation */
    uint64_t         changes[NGX_HD_CHANGE_WORDS];  /* atomic, see store.h */
    ngx_hd_record_t  record[1];     /* really: capacity */
} ngx_hd_zone_t;


#endif /* _NGX_HD_RECORD_H_INCLUDED_ */


/*
 * healthdash: what lies in shared memory, and nothing else.
 *
 * The zone is one slab allocation: ngx_hd_zone_t, then its records.  There is
 * no pointer in it.  A record belongs to a target for as long as a
 * configuration names the target; its index never changes while it does.
 *
 * A record has two copies of its facts.  The lease holder writes the copy that
 * is not current and makes it current by one compare-and-swap of "seq", so a
 * writer that dies half way has changed nothing.  A writer that was stopped
 * for longer than its lease and then goes on is refused by the epoch in "seq";
 * the words it may still have stored are found by the checksum.
 *
 * Two things are there once, for want of room.  The note, long texts that
 * rarely change, has a checksum: a writer that dies in it takes the texts along
 * and nothing else.  The history has parts that are each written in one word,
 * or once and for all before the facts that refer to them are published.
 */


#ifndef _NGX_HD_RECORD_H_INCLUDED_
#define _NGX_HD_RECORD_H_INCLUDED_


#include <ngx_hd.h>


#define NGX_HD_MAGIC           0x6864617368626430ULL   /* "hdashbd0" */
#define NGX_HD_LAYOUT          8       /* count up with every change below */
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


/*
 * A stretch of time while it is under way, in this order: the minute, the hour
 * and the day.  Known is the time in which we could tell the state.
 */

typedef struct {
    uint32_t  known;            /* msec */
    uint32_t  down;             /* msec of these */
    uint32_t  checks;           /* probes with a verdict */
    uint32_t  failures;         /* of these, failed */
    uint32_t  slow;             /* of these, passed with a warning */
    uint32_t  max;              /* usec: of the probes that passed */
    uint64_t  sum;              /* usec: of the same */
} ngx_hd_open_t;


typedef enum {
    NGX_HD_MINUTE = 0,
    NGX_HD_HOUR,
    NGX_HD_DAY,
    NGX_HD_LEVELS
} ngx_hd_level_e;


/* the same when it is over, packed: see ngx_hd_history.c */

typedef struct {
    uint32_t  word[3];
} ngx_hd_bucket_t;


#define NGX_HD_LATENCY_FIRST   6       /* 2^6 usec: the least told apart */
#define NGX_HD_LATENCY_OCTAVES 16      /* of these: up to 4 s */
#define NGX_HD_LATENCY_PARTS   11      /* each: a middle is 4.5 % off at most */
#define NGX_HD_LATENCIES                                                      \
    (NGX_HD_LATENCY_OCTAVES * NGX_HD_LATENCY_PARTS)


/*
 * When a server came back, monotonic, msec, and whether nginx had left it in
 * service all the same.  0: it never was to be taken out.  A later one is a
 * higher number.
 */

#define ngx_hd_back(msec, served)  ((uint64_t) (msec) << 1 | (served))
#define ngx_hd_back_time(back)     ((back) >> 1)
#define ngx_hd_back_served(back)   ((back) & 1)


/* what is remembered beside the facts; one more of each than is shown */

typedef struct {
    uint64_t         result[NGX_HD_RESULTS];        /* atomic, packed */
    ngx_hd_bucket_t  minute[NGX_HD_MINUTES + 1];
    ngx_hd_bucket_t  hour[NGX_HD_HOURS + 1];
    ngx_hd_bucket_t  day[NGX_HD_DAYS + 1];
    uint16_t         latency[NGX_HD_LATENCIES];     /* atomic: how many */
} ngx_hd_history_t;


/* the facts of one target, and behind them its note */

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
    uint64_t  back;             /* ngx_hd_back(), of a server: the last time
                                   it was to be taken into service again */

    uint8_t   state;            /* ngx_hd_state_e */
    uint8_t   verdict;          /* ngx_hd_verdict_e of the last probe */
    uint16_t  reason;           /* ngx_hd_reason_e of the last probe */
    uint16_t  state_reason;     /* ngx_hd_reason_e that led to the state */
    uint16_t  has_value;        /* value counts */
    uint32_t  fails;            /* failures in a row */
    uint32_t  passes;           /* passes in a row */
    uint32_t  clean;            /* of these, without a warning in a row */
    uint32_t  usec;             /* latency of the last probe that passed */
    uint32_t  usec_max;         /* highest of these */
    uint32_t  flaps;            /* changes of state in the flap= window */
    uint32_t  holds;            /* holds in a row, they double */
    uint32_t  pid;              /* worker that made the last probe */
    uint16_t  slot;             /* its number */
    uint8_t   len;              /* of detail */
    uint8_t   state_len;        /* of state_detail */
    u_char    detail[NGX_HD_DETAIL_LEN];        /* of the last probe */

    uint32_t         phase[NGX_HD_PHASES];      /* of the last probe */
    uint32_t         usec_last; /* the whole last probe */
    double           value;     /* of the last probe */

    uint64_t         seen;      /* history clock, msec: counted until then */
    ngx_hd_open_t    open[NGX_HD_LEVELS];

    /* from here on: the note */

    ngx_hd_cert_t    cert;      /* seen last */
    ngx_hd_failed_t  failed;
    u_char           state_detail[NGX_HD_DETAIL_LEN];   /* of the change of
                                                           state */
} ngx_hd_data_t;


_Static_assert(NGX_HD_DETAIL_LEN <= UINT8_MAX, "lengths of details");

_Static_assert(sizeof(ngx_hd_data_t) % sizeof(uint64_t) == 0,
               "the facts are copied word by word");

_Static_assert(sizeof(ngx_msec_t) == sizeof(uint64_t),
               "healthdash needs a 64-bit platform: times must not wrap");


#define NGX_HD_FACT_WORDS                                                     \
    (offsetof(ngx_hd_data_t, cert) / sizeof(uint64_t))
#define NGX_HD_NOTE_WORDS                                                     \
    (sizeof(ngx_hd_data_t) / sizeof(uint64_t) - NGX_HD_FACT_WORDS)

_Static_assert(offsetof(ngx_hd_data_t, cert) % sizeof(uint64_t) == 0,
               "facts and note are copied word by word");


typedef struct {
    uint64_t  fact[NGX_HD_FACT_WORDS];
    uint64_t  note;             /* id of the note that belongs to them */
    uint64_t  sum;              /* over both, and the count in "seq" */
} ngx_hd_copy_t;


typedef struct {
    uint64_t  word[NGX_HD_NOTE_WORDS];
    uint64_t  id;               /* the "seq" it was published with first */
    uint64_t  sum;              /* over both */
} ngx_hd_note_t;


/* what a service has told of itself; under the mutex of the zone's slab */

typedef struct {
    uint64_t  known;            /* monotonic, msec: waited for since */
    uint64_t  mono;             /* monotonic, msec: of the last; 0: none yet */
    int64_t   wall;             /* wall clock, msec: the same */
    uint32_t  status;           /* ngx_hd_verdict_e */
    uint32_t  len;              /* of message */
    u_char    message[NGX_HD_MESSAGE_LEN];      /* as it came */
} ngx_hd_told_t;


/*
 * When an address went from nginx's list, monotonic, msec; awaited: it was
 * there when the state file was written, and this nginx has not had it yet.
 * 0: it is there.
 */

#define ngx_hd_gone(msec, awaited)  ((uint64_t) (msec) << 1 | (awaited))
#define ngx_hd_gone_time(gone)      ((uint64_t) ((int64_t) (gone) >> 1))
#define ngx_hd_gone_awaited(gone)   ((gone) & 1)


/*
 * The address that a spare server stands for: in the record of its first check.
 * Written under the mutex of the zone's slab, read without it.
 */

typedef struct {
    uint64_t  version;          /* atomic: another one with each address; 0:
                                   none, or just being written */
    uint64_t  gone;             /* atomic: ngx_hd_gone() */
    uint64_t  group;            /* of the upstream */
    uint32_t  socklen;
    u_char    sockaddr[28];     /* IPv4 or IPv6 */
} ngx_hd_place_t;


typedef struct {
    u_char            id[NGX_HD_ID_LEN];  /* changed by the master, while no
                                             configuration in use has the
                                             record; of a spare server by the
                                             lease holder */
    uint64_t          generation;  /* atomic, last configuration that had it */
    uint64_t          lease;    /* atomic: slot 16 | epoch 16 | until 32 */
    uint64_t          holder;   /* atomic: generation 32 | pid 32, for lease */
    uint64_t          seq;      /* atomic: epoch 32 | count 32 */
    uint64_t          due;      /* atomic, monotonic msec: the next probe */
    uint64_t          verdict;  /* atomic: epoch 32 | recoveries 24 | state 8 */
    uint64_t          recent;   /* atomic, monotonic msec: last result 32 |
                                   failing since 32, at most 12 days, of
                                   the guard */
    uint64_t          cleared;  /* atomic: recoveries 24, nginx knows of */
    uint64_t          back;     /* atomic: that of the facts, for balancers */
    ngx_hd_place_t    place;
    ngx_hd_told_t     told;
    ngx_hd_copy_t     copy[2];  /* current: seq & 1 */
    ngx_hd_note_t     note;
    ngx_hd_history_t  history;
} ngx_hd_record_t;

_Static_assert(sizeof(ngx_hd_record_t) <= 6144, "memory for each target");


/* what has happened; one of a ring */

typedef enum {
    NGX_HD_EVENT_STATE = 1,     /* of a target: from, to */
    NGX_HD_EVENT_ADDED,         /* a target that is new */
    NGX_HD_EVENT_REMOVED,       /* a target that is probed no more */
    NGX_HD_EVENT_LOADED,        /* a configuration: value is its generation */
    NGX_HD_EVENT_TAKEOVER,      /* of what a worker, value, has left */
    NGX_HD_EVENT_GUARD,         /* verdicts are frozen, or not any more */
    NGX_HD_EVENT_KINDS
} ngx_hd_event_e;

#define NGX_HD_EVENTS          1024    /* power of two */
#define NGX_HD_EVENT_UPSTREAM  63      /* bytes kept of names, cut */
#define NGX_HD_EVENT_NAME      95
#define NGX_HD_EVENT_TEXT      158


typedef struct {
    uint64_t  sum;              /* over all that follows */
    uint64_t  number;           /* from 1 on */
    uint64_t  clock;            /* history clock, msec */
    int64_t   time;             /* wall clock, msec */
    uint64_t  lasted;           /* msec: the state before; 0: not known */
    u_char    id[NGX_HD_ID_LEN];        /* of the target, or zero */
    uint32_t  value;
    uint16_t  reason;           /* ngx_hd_reason_e */
    u_char    kind;             /* ngx_hd_event_e */
    u_char    from;             /* ngx_hd_state_e */
    u_char    to;
    u_char    upstream_len;     /* 0: of a service */
    u_char    name_len;
    u_char    text_len;
    u_char    upstream[NGX_HD_EVENT_UPSTREAM];
    u_char    name[NGX_HD_EVENT_NAME];          /* of the server or service */
    u_char    text[NGX_HD_EVENT_TEXT];          /* why, printable */
} ngx_hd_event_t;

_Static_assert(sizeof(ngx_hd_event_t) == 384, "events have no holes");
_Static_assert(sizeof(ngx_hd_history_t) % sizeof(uint64_t) == 0,
               "the history is copied word by word");


/* how fast probes begin, see ngx_hd_pace.h */

#define NGX_HD_PACE_SECONDS    16      /* power of two */

typedef struct {
    uint64_t         turn;      /* atomic, monotonic usec: of healthdash_rate */
    uint64_t         done[NGX_HD_PACE_SECONDS];  /* atomic: second 32 | n 32 */
    uint64_t         late[NGX_HD_PACE_SECONDS];  /* the same: msec */
    uint64_t         lag[NGX_HD_PACE_SECONDS];
} ngx_hd_pace_t;
/* the state file, as the workers see it */

typedef struct {
    uint64_t         instance;  /* of nginx, grows with each start of one that
                                   has found the file of another; master */
    int64_t          restored;  /* wall clock, msec: what was found in the file
                                   was of then; 0: nothing; master */
    uint64_t         lease;     /* atomic: of the writer: pid 32 | until 32 */
    int64_t          saved;     /* atomic, wall clock, msec; 0: not yet */
    uint64_t         sum;       /* atomic: over what was saved */
    uint64_t         wrong;     /* atomic: step 32 | error 32; 0: nothing */
    uint64_t         told;      /* atomic, monotonic, msec: the log was told
                                   that something is wrong; 0: was not */
} ngx_hd_saved_t;


typedef struct {
    uint64_t         magic;
    uint32_t         layout;
    uint32_t         record_size;
    uint64_t         capacity;      /* records, const after init */
    uint64_t         generation;    /* of the configuration; master only */
    int64_t          load_time;     /* wall clock, msec: of this generation */
    int64_t          clock;         /* history clock - monotonic, msec; const
                                       after init */
    uint64_t         changes[NGX_HD_CHANGE_WORDS];  /* atomic, see store.h */
    ngx_hd_pace_t    pace;
    uint64_t         guard;         /* atomic: since 48 | why 8 | state 8 */
    uint64_t         guard_count;   /* atomic: failing 32 | of 32 */
    uint64_t         crowded;       /* atomic, monotonic msec: a line said so
                                       last that DNS has too many addresses */
    uint64_t         moves;         /* atomic: minute, and how many servers DNS
                                       has moved in it (8 bits) */
    uint64_t         unlocker;      /* atomic: the process that looks whether
                                       dead ones have left nginx's locks */
    ngx_hd_saved_t   saved;
    uint64_t         nevents;       /* atomic: numbers given out */
    ngx_hd_event_t   event[NGX_HD_EVENTS];
    ngx_hd_record_t  record[1];     /* really: capacity */
} ngx_hd_zone_t;


#endif /* _NGX_HD_RECORD_H_INCLUDED_ */

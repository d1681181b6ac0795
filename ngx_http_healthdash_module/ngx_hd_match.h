
#ifndef _NGX_HD_MATCH_H_INCLUDED_
#define _NGX_HD_MATCH_H_INCLUDED_


#include <ngx_hd.h>
#include <ngx_hd_json.h>
#include <ngx_hd_number.h>
#include <ngx_hd_regex.h>


typedef enum {
    NGX_HD_ON_STATUS = 0,
    NGX_HD_ON_HEADER,
    NGX_HD_ON_BODY,
    NGX_HD_ON_JSON,
    NGX_HD_ON_VALUE,
    NGX_HD_ON_ROW,
    NGX_HD_ON_CERT_DAYS,
    NGX_HD_ON_TIME,
    NGX_HD_SUBJECTS
} ngx_hd_subject_e;


#define NGX_HD_ON(subject)     (1 << (subject))

#define NGX_HD_ON_HTTP         (NGX_HD_ON(NGX_HD_ON_STATUS)                   \
                                | NGX_HD_ON(NGX_HD_ON_HEADER)                 \
                                | NGX_HD_ON(NGX_HD_ON_BODY)                   \
                                | NGX_HD_ON(NGX_HD_ON_JSON))


typedef enum {
    NGX_HD_EQ = 0,
    NGX_HD_NE,
    NGX_HD_LT,
    NGX_HD_LE,
    NGX_HD_GT,
    NGX_HD_GE,
    NGX_HD_RE,
    NGX_HD_RE_CASELESS,
    NGX_HD_NOT_RE,
    NGX_HD_NOT_RE_CASELESS
} ngx_hd_op_e;


/* sets of operators */

#define NGX_HD_OP(op)          (1 << (op))

#define NGX_HD_OPS_ORDER                                                      \
    (NGX_HD_OP(NGX_HD_LT) | NGX_HD_OP(NGX_HD_LE)                              \
     | NGX_HD_OP(NGX_HD_GT) | NGX_HD_OP(NGX_HD_GE))

#define NGX_HD_OPS_EQUAL                                                      \
    (NGX_HD_OP(NGX_HD_EQ) | NGX_HD_OP(NGX_HD_NE))

#define NGX_HD_OPS_RE                                                         \
    (NGX_HD_OP(NGX_HD_RE) | NGX_HD_OP(NGX_HD_RE_CASELESS)                     \
     | NGX_HD_OP(NGX_HD_NOT_RE) | NGX_HD_OP(NGX_HD_NOT_RE_CASELESS))

#define NGX_HD_OPS_NOT                                                        \
    (NGX_HD_OP(NGX_HD_NE) | NGX_HD_OP(NGX_HD_NOT_RE)                          \
     | NGX_HD_OP(NGX_HD_NOT_RE_CASELESS))


typedef struct {
    uint16_t  first;
    uint16_t  last;
} ngx_hd_range_t;


/* one "expect" or "warn" line; const after configuration */

typedef struct {
    ngx_hd_subject_e  subject;
    ngx_hd_op_e       op;
    ngx_uint_t        warn;     /* 1: "warn", 0: "expect" */
    ngx_str_t         name;     /* header NAME or json PATH, as written */
    ngx_str_t         value;    /* as written, for messages */
    ngx_array_t      *ranges;   /* status: ngx_hd_range_t */
    ngx_int_t         number;   /* time: msec */
    ngx_hd_number_t   decimal;  /* to compare with */
    unsigned          absent:1; /* header: there must be none */
    unsigned          if_any:1; /* cert_days: holds without a certificate */
    unsigned          is_number:1;  /* json: decimal is set */
    unsigned          bare:1;   /* value is shown without quotes */
    ngx_hd_json_path_t *path;   /* json */
    ngx_hd_regex_t   *re;
} ngx_hd_cond_t;


/* what a response offers to judge; strings are not copied */

typedef struct {
    ngx_uint_t        status;   /* 0: the protocol has none */
    ngx_str_t         body;     /* at most body_limit bytes */
    ngx_array_t      *headers;  /* ngx_table_elt_t, or NULL */
    ngx_str_t         row;      /* first column of a query, a record's text */
    ngx_uint_t        no_row;   /* there was none */
    double            value;    /* what the type measures or counts */
    ngx_uint_t        has_value;
    const ngx_hd_cert_t
                     *cert;     /* NULL, or not_after 0: none */
    uint32_t          usec;     /* the whole probe so far */
    ngx_uint_t        body_cut; /* body may have been longer: body_limit= */
    ngx_hd_json_t    *json;     /* set by ngx_hd_match(): body, parsed */
} ngx_hd_answer_t;


/*
 * Parses the words after "expect" or "warn" (args, n of them) into cond, which
 * is zeroed first, so "warn" is set by the caller afterwards; e.g.
 * status 200-299 304; status != 500; header Content-Type ~* json;
 * header X-Old = ""  (absent counts as empty); body !~ error; time < 300ms.
 * Memory and the regex's release come from pool, args must live as long as it.
 * err, size bytes, gets one null-terminated sentence without file and line on
 * NGX_ERROR.
 */
ngx_int_t ngx_hd_match_parse(ngx_pool_t *pool, ngx_hd_cond_t *cond,
    ngx_str_t *args, ngx_uint_t n, u_char *err, size_t size);

/*
 * Judges answer by the conditions (ngx_hd_cond_t); first "expect" that does
 * not hold, else first "warn".  Without an "expect status" among them status
 * 200-399 is expected.  result must be a pass with usec set; it gets the
 * condition, what was wanted and what was seen: 'http status 503' when no
 * status was asked for by name, else 'http status 503, expected 200-299 304';
 * 'header Content-Type: expected ~* "json", got "text/html"'.
 * A regex that takes too many steps does not hold.  Returns NGX_OK if all
 * hold, NGX_DECLINED if not (warning or failure).
 */
ngx_int_t ngx_hd_match(ngx_array_t *conds, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result);

/*
 * 1 if some condition is about subject, be it "expect" or, with warn, "warn".
 * conds may be NULL.
 */
ngx_uint_t ngx_hd_match_has(ngx_array_t *conds, ngx_hd_subject_e subject,
    ngx_uint_t warn);

/* The word of a subject, such as "status". */
const ngx_str_t *ngx_hd_match_subject(ngx_uint_t subject);


#endif /* _NGX_HD_MATCH_H_INCLUDED_ */

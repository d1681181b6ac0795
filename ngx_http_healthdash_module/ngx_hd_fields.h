
/*
 * healthdash: the facts that all formats show, one row of a table each: what it
 * is called, in which unit it is, what it means, and where it comes from.  CSV
 * has a column for each, JSON a member, docs/status.md a line.
 */


#ifndef _NGX_HD_FIELDS_H_INCLUDED_
#define _NGX_HD_FIELDS_H_INCLUDED_


#include <ngx_hd_row.h>
#include <ngx_hd_text.h>


/* what a fact is, so that each format can write it in its own way */

typedef enum {
    NGX_HD_VALUE_NONE = 0,      /* not known, or there is none */
    NGX_HD_VALUE_UINT,
    NGX_HD_VALUE_INT,
    NGX_HD_VALUE_BOOL,
    NGX_HD_VALUE_USEC,          /* written as msec */
    NGX_HD_VALUE_TIME,          /* wall clock, msec */
    NGX_HD_VALUE_PERCENT,       /* millionths */
    NGX_HD_VALUE_REAL,          /* of data */
    NGX_HD_VALUE_WORD,          /* ours: nothing to escape */
    NGX_HD_VALUE_TEXT,          /* from outside: hostile */
    NGX_HD_VALUE_PROBLEMS,      /* NGX_HD_CERT_*, see detail.h; 0: none */
    NGX_HD_VALUE_STALE          /* "no result for 31 s", see phrase.h */
} ngx_hd_value_e;


typedef struct {
    ngx_hd_value_e               type;
    uint64_t                     n;         /* all numbers; int64_t as bits */
    const char                  *word;
    ngx_str_t                    text;
} ngx_hd_value_t;


/* the object of JSON that a fact stands in */

#define NGX_HD_FIELD_PEER          0x0001   /* a server */
#define NGX_HD_FIELD_SERVICE       0x0002
#define NGX_HD_FIELD_CHECK         0x0004   /* one of several of a server */
#define NGX_HD_FIELD_TARGET        0x0008   /* any of these */
#define NGX_HD_FIELD_CHECKS        0x0010   /* .health_checks */
#define NGX_HD_FIELD_STREAK        0x0020   /* .health_checks.streak */
#define NGX_HD_FIELD_WORKER        0x0040   /* .health_checks.worker */
#define NGX_HD_FIELD_LATENCY       0x0080   /* .latency */
#define NGX_HD_FIELD_PHASES        0x0100   /* .phases */
#define NGX_HD_FIELD_TLS           0x0200   /* .tls */
#define NGX_HD_FIELD_AVAILABILITY  0x0400   /* .availability */
#define NGX_HD_FIELD_KNOWN         0x0800   /* .known */
#define NGX_HD_FIELD_REASON        0x1000   /* .reason */


typedef struct ngx_hd_field_s  ngx_hd_field_t;

typedef void (*ngx_hd_field_pt)(const ngx_hd_row_t *row,
    const ngx_hd_field_t *f, ngx_hd_value_t *v);

struct ngx_hd_field_s {
    const char                  *name;      /* unique: column of CSV */
    const char                  *key;       /* in JSON; the whole way if in is
                                               0; "": it has no such */
    ngx_uint_t                   in;        /* objects of JSON, or 0 */
    const char                  *unit;      /* "ms", "%", "days" or "" */
    const char                  *help;      /* the rest of a sentence */
    ngx_hd_field_pt              get;
    ngx_uint_t                   arg;       /* of get */
};


/* All of them, in the order of columns; the last has no name. */
const ngx_hd_field_t *ngx_hd_fields(void);

/* The value of a field; NONE if there is none. */
void ngx_hd_field_get(const ngx_hd_row_t *row, const ngx_hd_field_t *f,
    ngx_hd_value_t *v);

/*
 * Writes what stands in JSON and CSV alike: numbers, "true" and "false", our
 * sentence in quotes.  NGX_DECLINED, and nothing written: v is something else.
 */
ngx_int_t ngx_hd_field_write(ngx_hd_text_t *t, const ngx_hd_row_t *row,
    const ngx_hd_value_t *v);


#endif /* _NGX_HD_FIELDS_H_INCLUDED_ */

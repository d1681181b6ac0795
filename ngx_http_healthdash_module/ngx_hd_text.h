
#ifndef _NGX_HD_TEXT_H_INCLUDED_
#define _NGX_HD_TEXT_H_INCLUDED_


#include <ngx_hd.h>


/*
 * A growing text: a chain of buffers from one pool.  After a failed allocation
 * every call does nothing and "failed" is set, so callers test once, at the
 * end.
 */

typedef struct {
    ngx_pool_t    *pool;
    ngx_chain_t   *first;
    ngx_chain_t   *last;
    ngx_chain_t   *free;        /* buffers to be used again */
    off_t          size;        /* bytes so far */
    ngx_uint_t     failed;
} ngx_hd_text_t;


/* Starts an empty text in pool. */
void ngx_hd_text_init(ngx_hd_text_t *t, ngx_pool_t *pool);

/* 1 if all bytes of its buffers were sent, or taken by a filter. */
ngx_uint_t ngx_hd_text_is_sent(const ngx_hd_text_t *t);

/* Makes it empty once more, with the buffers it has; size goes on counting. */
void ngx_hd_text_reuse(ngx_hd_text_t *t);

/* Makes blanks of the line breaks behind its first size bytes. */
void ngx_hd_text_unbreak(ngx_hd_text_t *t, off_t size);

/* Appends len bytes as they are. */
void ngx_hd_text_raw(ngx_hd_text_t *t, const void *data, size_t len);

/* Appends a C string as it is. */
void ngx_hd_text_add(ngx_hd_text_t *t, const char *s);

/* Appends a number. */
void ngx_hd_text_uint(ngx_hd_text_t *t, uint64_t n);

/* Appends usec microseconds as milliseconds with three decimals at most. */
void ngx_hd_text_msec(ngx_hd_text_t *t, uint64_t usec);

/* Appends millionths as percent with four decimals at most: "99.95". */
void ngx_hd_text_percent(ngx_hd_text_t *t, uint64_t millionths);

/*
 * Appends a wall time in msec as RFC 3339 UTC with msec, without quotes;
 * what lies before 1970 or after 9999 becomes the nearest that does not.
 */
void ngx_hd_text_time(ngx_hd_text_t *t, int64_t wall);

/*
 * Appends a length of time for people, two units at most, no zero behind:
 * "4 min 12 s", "3 d 2 h", "5 min", "0 s".
 */
void ngx_hd_text_ago(ngx_hd_text_t *t, uint64_t msec);

/*
 * Escapers.  Input is hostile bytes: what is not valid UTF-8 becomes U+FFFD.
 * Control characters, U+2028/9 and marks that turn the direction of text are
 * escaped in JSON; in HTML and plain text line breaks and tabs become a blank,
 * the rest of them U+FFFD.  "<" is escaped in JSON, too.
 */

/* Appends "..." for JSON, quotes included. */
void ngx_hd_text_json(ngx_hd_text_t *t, const u_char *data, size_t len);

/* The same without quotes, for a string of several pieces. */
void ngx_hd_text_json_part(ngx_hd_text_t *t, const u_char *data, size_t len);

/*
 * Appends "..." for CSV (RFC 4180), quotes included; escaped like plain text.
 * What a spreadsheet might take for a formula gets a "'" in front.
 */
void ngx_hd_text_csv(ngx_hd_text_t *t, const u_char *data, size_t len);

/* Appends text for HTML and XML, content and quoted attributes. */
void ngx_hd_text_html(ngx_hd_text_t *t, const u_char *data, size_t len);

/* Appends text for a terminal, padded with blanks to at least width columns;
   returns the columns written, one for each character. */
size_t ngx_hd_text_plain(ngx_hd_text_t *t, const u_char *data, size_t len,
    size_t width);


#endif /* _NGX_HD_TEXT_H_INCLUDED_ */

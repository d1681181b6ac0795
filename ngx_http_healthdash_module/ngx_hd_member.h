
/*
 * healthdash: members of objects of JSON.  A key is given with all that stands
 * before its value: ",\"health\":", "{\"id\":", "," in a list.
 */


#ifndef _NGX_HD_MEMBER_H_INCLUDED_
#define _NGX_HD_MEMBER_H_INCLUDED_


#include <ngx_hd_fields.h>
#include <ngx_hd_text.h>


/* Hostile text; text() has null for what may be left out and is. */
void ngx_hd_member_string(ngx_hd_text_t *t, const char *key,
    const ngx_str_t *value);
void ngx_hd_member_text(ngx_hd_text_t *t, const char *key,
    const ngx_str_t *value);

/* A word of ours, with nothing to escape. */
void ngx_hd_member_word(ngx_hd_text_t *t, const char *key, const char *word);

void ngx_hd_member_bool(ngx_hd_text_t *t, const char *key, ngx_uint_t value);

/* A number; known() has null for 0. */
void ngx_hd_member_uint(ngx_hd_text_t *t, const char *key, uint64_t n);
void ngx_hd_member_known(ngx_hd_text_t *t, const char *key, uint64_t n);

/* A wall clock time, msec; null for 0. */
void ngx_hd_member_time(ngx_hd_text_t *t, const char *key, int64_t wall);

/* A length of time in milliseconds; null unless known. */
void ngx_hd_member_msec(ngx_hd_text_t *t, const char *key, ngx_uint_t known,
    uint64_t usec);

/* How many of what have which health. */
void ngx_hd_member_counts(ngx_hd_text_t *t, const char *key,
    const ngx_uint_t *count);

/* ngx_hd_reason_e and its sentence, "": the general one; null for NONE. */
void ngx_hd_member_reason(ngx_hd_text_t *t, const char *key,
    ngx_uint_t reason, const ngx_str_t *text);

/*
 * The facts of a row that stand in an object of JSON, NGX_HD_FIELD_*: its
 * members, or the whole.  The whole is null if none of them is known, unless
 * always is set.
 */
void ngx_hd_member_fields(ngx_hd_text_t *t, const ngx_hd_row_t *row,
    ngx_uint_t in);
void ngx_hd_member_object(ngx_hd_text_t *t, const char *key,
    const ngx_hd_row_t *row, ngx_uint_t in, ngx_uint_t always);


#endif /* _NGX_HD_MEMBER_H_INCLUDED_ */

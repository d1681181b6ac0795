
#ifndef _NGX_HD_JSON_H_INCLUDED_
#define _NGX_HD_JSON_H_INCLUDED_


#include <ngx_hd_number.h>


#define NGX_HD_JSON_LIMIT      98304   /* bytes: parsing takes the worker
                                          below 20 msec */
#define NGX_HD_JSON_WHY        96      /* bytes */


typedef enum {
    NGX_HD_JSON_NOTHING = 0,           /* why says so */
    NGX_HD_JSON_NULL,
    NGX_HD_JSON_BOOLEAN,
    NGX_HD_JSON_NUMBER,
    NGX_HD_JSON_TEXT,
    NGX_HD_JSON_MANY                   /* an array or an object */
} ngx_hd_json_kind_e;


typedef struct ngx_hd_json_path_s  ngx_hd_json_path_t;


/* a body as it was parsed, once for all conditions */

typedef struct {
    void                *root;         /* NULL: not yet */
} ngx_hd_json_t;


/* what is at a path */

typedef struct {
    ngx_hd_json_kind_e   kind;
    ngx_str_t            text;         /* of a string, as long as the body is
                                          parsed; as it is shown; "": number */
    ngx_hd_number_t      number;
    unsigned             rough:1;      /* number was rounded, maybe */
    u_char               buf[NGX_HD_JSON_WHY];  /* text may be here: do not
                                                   copy */
} ngx_hd_json_seen_t;


#if (NGX_HD_JSON)

#define NGX_HD_JSON_MISSING    NULL

/*
 * Makes path of text, from pool; text must live as long, with a byte behind.
 * Returns NULL, or what is wrong with it, as the end of a sentence.
 */
const char *ngx_hd_json_path(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_hd_json_path_t **path);

/*
 * Parses body, which is hostile: bytes and depth are limited.  NGX_OK, and
 * ngx_hd_json_free() is to be called; NGX_DECLINED, with a null-terminated
 * sentence in err, size bytes; NGX_ERROR: no memory.
 */
ngx_int_t ngx_hd_json_parse(ngx_hd_json_t *json, const ngx_str_t *body,
    u_char *err, size_t size);
void ngx_hd_json_free(ngx_hd_json_t *json);

/* Looks path up. */
void ngx_hd_json_find(const ngx_hd_json_t *json,
    const ngx_hd_json_path_t *path, ngx_hd_json_seen_t *seen);

#else

#define NGX_HD_JSON_MISSING    "jansson (package libjansson-dev)"

#define ngx_hd_json_path(pool, text, path)       NULL
#define ngx_hd_json_parse(json, body, err, size) NGX_ERROR
#define ngx_hd_json_free(json)
#define ngx_hd_json_find(json, path, seen)       ngx_memzero(seen,            \
                                                   sizeof(ngx_hd_json_seen_t))

#endif


#endif /* _NGX_HD_JSON_H_INCLUDED_ */


/*
 * healthdash: the table of parameters, for the units that walk it.
 */


#ifndef _NGX_HTTP_HEALTHDASH_PARAM_H_INCLUDED_
#define _NGX_HTTP_HEALTHDASH_PARAM_H_INCLUDED_


#include <ngx_http_healthdash.h>
#include <ngx_hd_probe.h>


#define NGX_HTTP_HEALTHDASH_STR      0x0001   /* a string, may be @FILE */
#define NGX_HTTP_HEALTHDASH_SECRET   0x0002   /* never printed */
#define NGX_HTTP_HEALTHDASH_FLAG     0x0004   /* takes no value */
#define NGX_HTTP_HEALTHDASH_WORD     0x0008   /* not within a block */
#define NGX_HTTP_HEALTHDASH_CHECK    0x0080   /* not for a service */
#define NGX_HTTP_HEALTHDASH_URL      0x0100   /* a service has it in its URL */
#define NGX_HTTP_HEALTHDASH_OFF      0x0400   /* "off" is 0 */
#define NGX_HTTP_HEALTHDASH_SERVICE  0x0800   /* not for a check */
#define NGX_HTTP_HEALTHDASH_PRIVATE  0x1000   /* names a file with a secret */


#define NGX_HTTP_HEALTHDASH_PARAMS   51


/* a check and what only this unit has to know of it */

typedef struct {
    ngx_hd_check_t        check;        /* must be first */
    uint64_t              given;        /* bit: index in the table */
    uint64_t              inherited;    /* of these, by the probe */
    uint64_t              files;        /* of these, from a @FILE */
    ngx_str_t             directive;
    unsigned              block:1;
    unsigned              service:1;
} ngx_http_healthdash_params_t;


typedef struct ngx_http_healthdash_param_s  ngx_http_healthdash_param_t;

struct ngx_http_healthdash_param_s {
    ngx_str_t             name;
    ngx_int_t           (*set)(const ngx_http_healthdash_param_t *p,
                               ngx_str_t *value, void *field);
    size_t                offset;
    size_t                size;
    ngx_int_t             min;
    ngx_int_t             max;
    ngx_uint_t            flags;
    ngx_uint_t            takes;        /* for types that take one of these
                                           NGX_HD_TAKES_*; 0: for all */
    const void           *post;
    const char           *initial;      /* the default, NULL: none */
    const char           *expected;
};


/* lines of a block that are more than a name and a value */

typedef struct {
    ngx_str_t             name;
    char               *(*set)(ngx_conf_t *cf, ngx_hd_check_t *check);
} ngx_http_healthdash_line_t;


/* in the order messages list them */

extern const ngx_http_healthdash_param_t
    ngx_http_healthdash_params[NGX_HTTP_HEALTHDASH_PARAMS];


/* say.c: ngx_http_healthdash_log(), and */

/* A value fit for one line of a log: cut, without control characters. */
ngx_str_t ngx_http_healthdash_shown(ngx_conf_t *cf, ngx_str_t *value);

/* The number of letters to change, add or drop to make b of a, in any case. */
ngx_uint_t ngx_http_healthdash_distance(const ngx_str_t *a,
    const ngx_str_t *b);


/* file.c */

/*
 * Replaces value, "@FILE", by the first line of the file.  what is the name of
 * the parameter.  What is wrong is said at [emerg], and that everyone can read
 * the file at [warn].
 */
ngx_int_t ngx_http_healthdash_read_file(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_str_t *what, ngx_str_t *value);

/* The same; what was read is masked in all that the targets of check send. */
ngx_int_t ngx_http_healthdash_read_secret(ngx_conf_t *cf,
    ngx_hd_check_t *check, const ngx_str_t *what, ngx_str_t *value);

/* Says at [warn] if everyone can read the file called name. */
void ngx_http_healthdash_warn_file(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_str_t *what, const ngx_str_t *name);


/* line.c */

/* ends with an empty name */
extern const ngx_http_healthdash_line_t  ngx_http_healthdash_lines[];

/* The row of the line called name, or NULL. */
const ngx_http_healthdash_line_t *ngx_http_healthdash_find_line(
    ngx_str_t *name);


#endif /* _NGX_HTTP_HEALTHDASH_PARAM_H_INCLUDED_ */

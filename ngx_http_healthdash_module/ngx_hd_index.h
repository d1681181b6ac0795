
/*
 * healthdash: from the identity of a target to a number, for one answer.
 */


#ifndef _NGX_HD_INDEX_H_INCLUDED_
#define _NGX_HD_INDEX_H_INCLUDED_


#include <ngx_hd.h>


typedef struct {
    const u_char        *id;            /* NULL: free */
    ngx_uint_t           number;
} ngx_hd_index_place_t;


typedef struct {
    ngx_hd_index_place_t  *places;
    ngx_uint_t             mask;        /* their number is a power of two */
} ngx_hd_index_t;


/* Makes room for n identities in pool. */
ngx_int_t ngx_hd_index_init(ngx_hd_index_t *index, ngx_uint_t n,
    ngx_pool_t *pool);

/*
 * Adds an identity of NGX_HD_ID_LEN bytes, which stays where it is, with a
 * number from 1 on.  What is there already keeps its number.
 */
void ngx_hd_index_add(ngx_hd_index_t *index, const u_char *id,
    ngx_uint_t number);

/* The same, but what is there already gets the number. */
void ngx_hd_index_set(ngx_hd_index_t *index, const u_char *id,
    ngx_uint_t number);

/* The number of an identity; 0: it is not there. */
ngx_uint_t ngx_hd_index_find(const ngx_hd_index_t *index, const u_char *id);


#endif /* _NGX_HD_INDEX_H_INCLUDED_ */

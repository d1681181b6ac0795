
/*
 * healthdash: identities and numbers.  Events name targets by their identity,
 * and there may be a thousand of them and thousands of targets, so each must be
 * found at once.  Plain open addressing: an identity is an MD5, so its bytes
 * are spread already.
 */


#include <ngx_hd_index.h>


static ngx_hd_index_place_t *ngx_hd_index_place(const ngx_hd_index_t *index,
    const u_char *id);


ngx_int_t
ngx_hd_index_init(ngx_hd_index_t *index, ngx_uint_t n, ngx_pool_t *pool)
{
    ngx_uint_t  size;

    /* half of it stays free, so that a search ends soon, and ends */

    for (size = 8; size < 2 * n; size *= 2) { /* void */ }

    index->mask = size - 1;
    index->places = ngx_pcalloc(pool, size * sizeof(ngx_hd_index_place_t));

    return index->places ? NGX_OK : NGX_ERROR;
}


void
ngx_hd_index_add(ngx_hd_index_t *index, const u_char *id, ngx_uint_t number)
{
    ngx_hd_index_place_t  *place;

    place = ngx_hd_index_place(index, id);

    if (place->id == NULL) {
        place->id = id;
        place->number = number;
    }
}


void
ngx_hd_index_set(ngx_hd_index_t *index, const u_char *id, ngx_uint_t number)
{
    ngx_hd_index_place_t  *place;

    place = ngx_hd_index_place(index, id);

    if (place->id == NULL) {
        place->id = id;
    }

    place->number = number;
}


ngx_uint_t
ngx_hd_index_find(const ngx_hd_index_t *index, const u_char *id)
{
    return ngx_hd_index_place(index, id)->number;
}


/* where id is, or would be */

static ngx_hd_index_place_t *
ngx_hd_index_place(const ngx_hd_index_t *index, const u_char *id)
{
    uint64_t    word;
    ngx_uint_t  i;

    ngx_memcpy(&word, id, sizeof(uint64_t));

    i = (ngx_uint_t) word & index->mask;

    while (index->places[i].id
           && ngx_memcmp(index->places[i].id, id, NGX_HD_ID_LEN) != 0)
    {
        i = (i + 1) & index->mask;
    }

    return &index->places[i];
}

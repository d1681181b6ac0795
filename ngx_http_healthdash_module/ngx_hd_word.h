
/*
 * healthdash: memory that other processes may read or write meanwhile, a word
 * at a time.  What was torn is found by its sum.
 */


#ifndef _NGX_HD_WORD_H_INCLUDED_
#define _NGX_HD_WORD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* a struct as words: it may be seen half written, so no access by its type */

typedef uint64_t  ngx_hd_word_t __attribute__((may_alias));


/* __atomic_*, not nginx's macros: those order nothing under --with-libatomic */

#define ngx_hd_load(p)         __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ngx_hd_set(p, v)       __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define ngx_hd_cas(p, old, v)                                                 \
    __atomic_compare_exchange_n(p, old, v, 0, __ATOMIC_ACQ_REL,               \
                                __ATOMIC_ACQUIRE)


/* Copies n words of src, which others may write. */

static ngx_inline void
ngx_hd_words_load(void *dst, const void *src, ngx_uint_t n)
{
    ngx_uint_t            i;
    ngx_hd_word_t        *to;
    const ngx_hd_word_t  *from;

    to = dst;
    from = src;

    for (i = 0; i < n; i++) {
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}


/* Copies n words to dst, which others may read. */

static ngx_inline void
ngx_hd_words_save(void *dst, const void *src, ngx_uint_t n)
{
    ngx_uint_t            i;
    ngx_hd_word_t        *to;
    const ngx_hd_word_t  *from;

    to = dst;
    from = src;

    for (i = 0; i < n; i++) {
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
    }
}


/* FNV-1a over words instead of bytes: finds torn copies, resists nobody */

static ngx_inline uint64_t
ngx_hd_words_sum(const void *src, ngx_uint_t n, uint64_t start)
{
    uint64_t              sum;
    ngx_uint_t            i;
    const ngx_hd_word_t  *p;

    p = src;
    sum = 0xcbf29ce484222325ULL ^ start;

    for (i = 0; i < n; i++) {
        sum = (sum ^ p[i]) * 0x100000001b3ULL;
    }

    return sum;
}


#endif /* _NGX_HD_WORD_H_INCLUDED_ */

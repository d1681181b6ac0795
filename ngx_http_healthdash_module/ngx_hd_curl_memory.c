
/*
 * healthdash: the memory of libcurl.  Where it gets none libcurl may say so, or
 * tell what it makes of its own confusion: that the peer has closed, or that
 * the answer is invalid.  What it says in such a moment is not to be believed.
 */


#include <ngx_hd_curl_memory.h>
#include <ngx_hd_thread.h>

#include <curl/curl.h>


static void *ngx_hd_curl_malloc(size_t size);
static void *ngx_hd_curl_calloc(size_t n, size_t size);
static void *ngx_hd_curl_realloc(void *p, size_t size);
static char *ngx_hd_curl_strdup(const char *str);
static void *ngx_hd_curl_got(void *p);


static uint64_t  ngx_hd_curl_failures;


ngx_int_t
ngx_hd_curl_memory_init(void)
{
    /*
     * Never undone: other modules may use libcurl in this process, and call us
     * for its memory when nginx has let go of this module.
     */

    if (ngx_hd_thread_pin() != NGX_OK) {
        return NGX_ERROR;
    }

    return (curl_global_init_mem(CURL_GLOBAL_DEFAULT, ngx_hd_curl_malloc, free,
                                 ngx_hd_curl_realloc, ngx_hd_curl_strdup,
                                 ngx_hd_curl_calloc)
            == CURLE_OK)
           ? NGX_OK : NGX_ERROR;
}


uint64_t
ngx_hd_curl_memory_failures(void)
{
    return __atomic_load_n(&ngx_hd_curl_failures, __ATOMIC_RELAXED);
}


static void *
ngx_hd_curl_malloc(size_t size)
{
    return ngx_hd_curl_got(malloc(size));
}


static void *
ngx_hd_curl_calloc(size_t n, size_t size)
{
    return ngx_hd_curl_got(calloc(n, size));
}


/* of no size means free() */

static void *
ngx_hd_curl_realloc(void *p, size_t size)
{
    p = realloc(p, size);

    return size ? ngx_hd_curl_got(p) : p;
}


static char *
ngx_hd_curl_strdup(const char *str)
{
    return ngx_hd_curl_got(strdup(str));
}


/* another module may use libcurl in a thread */

static void *
ngx_hd_curl_got(void *p)
{
    if (p == NULL) {
        (void) __atomic_fetch_add(&ngx_hd_curl_failures, 1, __ATOMIC_RELAXED);
    }

    return p;
}

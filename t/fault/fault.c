
/*
 * Faults on demand.  .ci/fault links the module's own object files once more,
 * with each name below replaced by hd_fault_NAME where they refer to it: what
 * they call goes through here first, what nginx and the libraries call among
 * themselves does not.  So nothing is compiled again, and the code under test
 * is the code that is shipped.
 *
 * The file that HD_FAULT names, which all processes map, says what is to fail:
 * see t/lib/HealthDash/Fault.pm, which writes it.
 */


#include "fault.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <dirent.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#if (NGX_HD_JSON)
#include <jansson.h>
#endif

#if (NGX_HD_MYSQL)
#include <mysql.h>
#endif

#if (NGX_HD_PGSQL)
#include <libpq-fe.h>
#endif

#if (NGX_HD_TLS)
#include <openssl/x509.h>
#endif


hd_fault_t  *hd_fault;

static int  hd_fault_next;      /* what is asked for next fails */

static int hd_fault_hit(const char *name, void *place, int class);


__attribute__((constructor))
static void
hd_fault_begin(void)
{
    int          fd;
    char        *file;
    void        *p;

    file = getenv("HD_FAULT");

    if (file == NULL) {
        return;
    }

    fd = open(file, O_RDWR|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(hd_fault_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED) {
        hd_fault = p;
    }

    close(fd);
}


/* the same in each process, wherever the code is loaded */

static uint64_t
hd_fault_key(void *place)
{
    uint64_t     key;
    Dl_info      info;
    const char  *p;

    key = (uintptr_t) place;

    if (dladdr(place, &info) && info.dli_fname) {
        key -= (uintptr_t) info.dli_fbase;

        for (p = info.dli_fname; *p; p++) {
            key += (uint64_t) *p << (32 + (p - info.dli_fname) % 16);
        }
    }

    return key ? key : 1;
}


static hd_fault_site_t *
hd_fault_site(const char *name, void *place, int class)
{
    uint64_t          key, none;
    unsigned          i, n;
    hd_fault_site_t  *site;

    key = hd_fault_key(place);
    i = key * 0x9e3779b97f4a7c15ULL >> 51;

    for (n = 0; n < HD_FAULT_SITES; n++) {
        site = &hd_fault->site[(i + n) % HD_FAULT_SITES];
        none = 0;

        if (__atomic_compare_exchange_n(&site->key, &none, key, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        {
            strncpy(site->name, name, sizeof(site->name) - 1);
            site->class = class;
            return site;
        }

        if (none == key) {
            return site;
        }
    }

    return NULL;
}


/* which it was, as addr2line and objdump find it */

static void
hd_fault_tell(const char *name, void *place)
{
    Dl_info      info;
    const char  *file;

    if (dladdr(place, &info) == 0 || info.dli_fname == NULL) {
        snprintf(hd_fault->last, sizeof(hd_fault->last), "%s %p", name, place);
        return;
    }

    file = strrchr(info.dli_fname, '/');

    snprintf(hd_fault->last, sizeof(hd_fault->last), "%s %s+0x%zx", name,
             file ? file + 1 : info.dli_fname,
             (size_t) ((char *) place - (char *) info.dli_fbase));
}


/* whether this call is to fail: one at a time, then the mode is off again */

static int
hd_fault_hit(const char *name, void *place, int class)
{
    int64_t           mode;
    hd_fault_site_t  *site;

    if (hd_fault == NULL) {
        return 0;
    }

    if (hd_fault_next && class == HD_FAULT_OURS) {
        hd_fault_next = 0;
        return 1;
    }

    mode = __atomic_load_n(&hd_fault->mode, __ATOMIC_ACQUIRE);

    if ((mode != HD_FAULT_NTH && mode != HD_FAULT_NEW)
        || (hd_fault->classes & class) == 0)
    {
        return 0;
    }

    site = hd_fault_site(name, place, class);

    if (mode == HD_FAULT_NTH
        && __atomic_sub_fetch(&hd_fault->left, 1, __ATOMIC_ACQ_REL) != 0)
    {
        return 0;
    }

    if (mode == HD_FAULT_NEW && (site == NULL || site->failed >= hd_fault->each)) {
        return 0;
    }

    if (!__atomic_compare_exchange_n(&hd_fault->mode, &mode, HD_FAULT_OFF, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
        return 0;
    }

    if (site) {
        (void) __atomic_add_fetch(&site->failed, 1, __ATOMIC_ACQ_REL);
    }

    hd_fault_tell(name, place);
    (void) __atomic_add_fetch(&hd_fault->fired, 1, __ATOMIC_ACQ_REL);

    return 1;
}


#define hd_fault_here(name)                                                   \
    hd_fault_hit(name, __builtin_return_address(0), HD_FAULT_OURS)


/* .ci/fault reads the names from lines that begin so */

#define HD_FAULT(name, type, takes, passes, bad, err)                         \
    type hd_fault_##name takes;                                               \
                                                                              \
    type                                                                      \
    hd_fault_##name takes                                                     \
    {                                                                         \
        if (hd_fault_here(#name)) {                                           \
            errno = err;                                                      \
            return bad;                                                       \
        }                                                                     \
                                                                              \
        return name passes;                                                   \
    }


/* memory */

HD_FAULT(ngx_palloc, void *, (ngx_pool_t *p, size_t n), (p, n), NULL, ENOMEM)
HD_FAULT(ngx_pnalloc, void *, (ngx_pool_t *p, size_t n), (p, n), NULL, ENOMEM)
HD_FAULT(ngx_pcalloc, void *, (ngx_pool_t *p, size_t n), (p, n), NULL, ENOMEM)
HD_FAULT(ngx_pstrdup, u_char *, (ngx_pool_t *p, ngx_str_t *s), (p, s), NULL,
         ENOMEM)
HD_FAULT(ngx_create_pool, ngx_pool_t *, (size_t n, ngx_log_t *log), (n, log),
         NULL, ENOMEM)
HD_FAULT(ngx_pool_cleanup_add, ngx_pool_cleanup_t *, (ngx_pool_t *p, size_t n),
         (p, n), NULL, ENOMEM)
HD_FAULT(ngx_http_cleanup_add, ngx_http_cleanup_t *,
         (ngx_http_request_t *r, size_t n), (r, n), NULL, ENOMEM)
HD_FAULT(ngx_array_create, ngx_array_t *, (ngx_pool_t *p, ngx_uint_t n,
         size_t size), (p, n, size), NULL, ENOMEM)
HD_FAULT(ngx_array_push, void *, (ngx_array_t *a), (a), NULL, ENOMEM)
HD_FAULT(ngx_array_push_n, void *, (ngx_array_t *a, ngx_uint_t n), (a, n), NULL,
         ENOMEM)
HD_FAULT(ngx_list_push, void *, (ngx_list_t *l), (l), NULL, ENOMEM)
HD_FAULT(ngx_alloc, void *, (size_t n, ngx_log_t *log), (n, log), NULL, ENOMEM)
HD_FAULT(ngx_calloc, void *, (size_t n, ngx_log_t *log), (n, log), NULL, ENOMEM)
HD_FAULT(ngx_create_temp_buf, ngx_buf_t *, (ngx_pool_t *p, size_t n), (p, n),
         NULL, ENOMEM)
HD_FAULT(ngx_alloc_chain_link, ngx_chain_t *, (ngx_pool_t *p), (p), NULL,
         ENOMEM)
HD_FAULT(ngx_slab_alloc, void *, (ngx_slab_pool_t *p, size_t n), (p, n), NULL,
         ENOMEM)
HD_FAULT(ngx_shared_memory_add, ngx_shm_zone_t *, (ngx_conf_t *cf,
         ngx_str_t *name, size_t n, void *tag), (cf, name, n, tag), NULL,
         ENOMEM)
HD_FAULT(ngx_conf_full_name, ngx_int_t, (ngx_cycle_t *c, ngx_str_t *name,
         ngx_uint_t prefix), (c, name, prefix), NGX_ERROR, ENOMEM)
HD_FAULT(ngx_parse_addr, ngx_int_t, (ngx_pool_t *p, ngx_addr_t *a, u_char *text,
         size_t n), (p, a, text, n), NGX_ERROR, ENOMEM)
HD_FAULT(malloc, void *, (size_t n), (n), NULL, ENOMEM)
HD_FAULT(calloc, void *, (size_t n, size_t m), (n, m), NULL, ENOMEM)
HD_FAULT(realloc, void *, (void *p, size_t n), (p, n), NULL, ENOMEM)
HD_FAULT(strdup, char *, (const char *s), (s), NULL, ENOMEM)
HD_FAULT(mmap64, void *, (void *p, size_t n, int prot, int flags, int fd,
         off_t at), (p, n, prot, flags, fd, at), MAP_FAILED, ENOMEM)
HD_FAULT(mprotect, int, (void *p, size_t n, int prot), (p, n, prot), -1, ENOMEM)


/* descriptors, events, threads */

HD_FAULT(socket, int, (int d, int t, int p), (d, t, p), -1, EMFILE)
HD_FAULT(bind, int, (int fd, const struct sockaddr *a, socklen_t n),
         (fd, a, n), -1, ENOBUFS)
HD_FAULT(listen, int, (int fd, int n), (fd, n), -1, ENOBUFS)
HD_FAULT(accept4, int, (int fd, struct sockaddr *a, socklen_t *n, int flags),
         (fd, a, n, flags), -1, EMFILE)
HD_FAULT(pipe2, int, (int *fd, int flags), (fd, flags), -1, EMFILE)
HD_FAULT(getsockname, int, (int fd, struct sockaddr *a, socklen_t *n),
         (fd, a, n), -1, ENOBUFS)
HD_FAULT(setsockopt, int, (int fd, int level, int name, const void *v,
         socklen_t n), (fd, level, name, v, n), -1, ENOMEM)

/* EMFILE would be an answer of its own: this process has none left */

HD_FAULT(opendir, DIR *, (const char *s), (s), NULL, ENOMEM)

HD_FAULT(stat64, int, (const char *s, struct stat64 *st), (s, st), -1, ENOMEM)
HD_FAULT(statvfs64, int, (const char *s, struct statvfs64 *st), (s, st), -1,
         ENOMEM)
HD_FAULT(dlopen, void *, (const char *s, int flags), (s, flags), NULL, ENOMEM)
HD_FAULT(pthread_attr_init, int, (pthread_attr_t *a), (a), ENOMEM, 0)
HD_FAULT(pthread_create, int, (pthread_t *t, const pthread_attr_t *a,
         void *(*f)(void *), void *arg), (t, a, f, arg), EAGAIN, 0)
HD_FAULT(ngx_get_connection, ngx_connection_t *, (ngx_socket_t fd,
         ngx_log_t *log), (fd, log), NULL, 0)
HD_FAULT(ngx_event_connect_peer, ngx_int_t, (ngx_peer_connection_t *pc), (pc),
         (pc->connection = NULL, NGX_ERROR), EMFILE)
HD_FAULT(ngx_handle_read_event, ngx_int_t, (ngx_event_t *ev, ngx_uint_t flags),
         (ev, flags), NGX_ERROR, ENOMEM)
HD_FAULT(ngx_handle_write_event, ngx_int_t, (ngx_event_t *ev, size_t lowat),
         (ev, lowat), NGX_ERROR, ENOMEM)
HD_FAULT(ngx_tcp_nodelay, ngx_int_t, (ngx_connection_t *c), (c), NGX_ERROR,
         ENOMEM)
HD_FAULT(ngx_resolve_start, ngx_resolver_ctx_t *, (ngx_resolver_t *r,
         ngx_resolver_ctx_t *ctx), (r, ctx), NULL, ENOMEM)



/* what fails frees the context */

ngx_int_t hd_fault_ngx_resolve_name(ngx_resolver_ctx_t *ctx);

ngx_int_t
hd_fault_ngx_resolve_name(ngx_resolver_ctx_t *ctx)
{
    if (hd_fault_here("ngx_resolve_name")) {
        ngx_resolve_name_done(ctx);
        return NGX_ERROR;
    }

    return ngx_resolve_name(ctx);
}


int hd_fault_fcntl64(int fd, int command, ...);

int
hd_fault_fcntl64(int fd, int command, ...)
{
    void     *arg;
    va_list   args;

    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);

    if (hd_fault_here("fcntl")) {
        errno = ENOMEM;
        return -1;
    }

    return fcntl(fd, command, arg);
}


int hd_fault_open64(const char *name, int flags, ...);

int
hd_fault_open64(const char *name, int flags, ...)
{
    if (hd_fault_here("open")) {
        errno = EMFILE;
        return -1;
    }

    return open(name, flags);
}


/* ngx_add_event() and its like are members of this */

extern ngx_event_actions_t  hd_fault_ngx_event_actions;


static ngx_int_t
hd_fault_add_event(ngx_event_t *ev, ngx_int_t event, ngx_uint_t flags)
{
    if (hd_fault_here("ngx_add_event")) {
        return NGX_ERROR;
    }

    return ngx_event_actions.add(ev, event, flags);
}


static ngx_int_t
hd_fault_del_event(ngx_event_t *ev, ngx_int_t event, ngx_uint_t flags)
{
    return ngx_event_actions.del(ev, event, flags);
}


ngx_event_actions_t  hd_fault_ngx_event_actions = {
    .add = hd_fault_add_event,
    .del = hd_fault_del_event
};


/* answers to clients */

HD_FAULT(ngx_http_send_header, ngx_int_t, (ngx_http_request_t *r), (r),
         NGX_ERROR, ENOMEM)
HD_FAULT(ngx_http_output_filter, ngx_int_t, (ngx_http_request_t *r,
         ngx_chain_t *in), (r, in), NGX_ERROR, ENOMEM)
HD_FAULT(ngx_http_send_special, ngx_int_t, (ngx_http_request_t *r,
         ngx_uint_t flags), (r, flags), NGX_ERROR, ENOMEM)
HD_FAULT(ngx_http_discard_request_body, ngx_int_t, (ngx_http_request_t *r), (r),
         NGX_HTTP_INTERNAL_SERVER_ERROR, ENOMEM)

/* it counts the request once more, whatever it returns then */

HD_FAULT(ngx_http_read_client_request_body, ngx_int_t, (ngx_http_request_t *r,
         ngx_http_client_body_handler_pt f), (r, f),
         (r->main->count++, NGX_HTTP_INTERNAL_SERVER_ERROR), ENOMEM)


/* regular expressions */

HD_FAULT(pcre2_match_data_create_8, pcre2_match_data *, (uint32_t n,
         pcre2_general_context *c), (n, c), NULL, ENOMEM)
HD_FAULT(pcre2_match_context_create_8, pcre2_match_context *,
         (pcre2_general_context *c), (c), NULL, ENOMEM)
HD_FAULT(pcre2_compile_8, pcre2_code *, (PCRE2_SPTR s, PCRE2_SIZE n,
         uint32_t flags, int *err, PCRE2_SIZE *at, pcre2_compile_context *c),
         (s, n, flags, err, at, c), (*err = PCRE2_ERROR_HEAP_FAILED, *at = 0,
         NULL), ENOMEM)
HD_FAULT(pcre2_match_8, int, (const pcre2_code *code, PCRE2_SPTR s,
         PCRE2_SIZE n, PCRE2_SIZE at, uint32_t flags, pcre2_match_data *data,
         pcre2_match_context *c), (code, s, n, at, flags, data, c),
         PCRE2_ERROR_NOMEMORY, ENOMEM)


/* libcurl */

HD_FAULT(curl_easy_init, CURL *, (void), (), NULL, ENOMEM)
HD_FAULT(curl_multi_init, CURLM *, (void), (), NULL, ENOMEM)
HD_FAULT(curl_multi_add_handle, CURLMcode, (CURLM *m, CURL *easy), (m, easy),
         CURLM_OUT_OF_MEMORY, ENOMEM)

#undef curl_easy_setopt
#undef curl_multi_setopt


CURLcode hd_fault_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLMcode hd_fault_curl_multi_setopt(CURLM *m, CURLMoption option, ...);

CURLcode
hd_fault_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    void     *arg;
    va_list   args;

    va_start(args, option);
    arg = va_arg(args, void *);
    va_end(args);

    if (hd_fault_here("curl_easy_setopt")) {
        return CURLE_OUT_OF_MEMORY;
    }

    return curl_easy_setopt(easy, option, arg);
}


CURLMcode
hd_fault_curl_multi_setopt(CURLM *m, CURLMoption option, ...)
{
    void     *arg;
    va_list   args;

    va_start(args, option);
    arg = va_arg(args, void *);
    va_end(args);

    if (hd_fault_here("curl_multi_setopt")) {
        return CURLM_OUT_OF_MEMORY;
    }

    return curl_multi_setopt(m, option, arg);
}


/* it has done its work, and the state of all transfers is uncertain then */

CURLMcode hd_fault_curl_multi_socket_action(CURLM *m, curl_socket_t fd,
    int bits, int *running);

CURLMcode
hd_fault_curl_multi_socket_action(CURLM *m, curl_socket_t fd, int bits,
    int *running)
{
    CURLMcode  code;

    code = curl_multi_socket_action(m, fd, bits, running);

    return hd_fault_here("curl_multi_socket_action") ? CURLM_INTERNAL_ERROR
                                                     : code;
}


/* the memory that libcurl asks for while it works */

#define HD_FAULT_MEMORY(name, type, takes, passes, class)                     \
    static type                                                               \
    name takes                                                                \
    {                                                                         \
        if (hd_fault_hit(#name, __builtin_return_address(0), class)) {        \
            errno = ENOMEM;                                                   \
            return NULL;                                                      \
        }                                                                     \
                                                                              \
        return passes;                                                        \
    }

/*
 * libcurl's goes through the module, which is to know when there is none: what
 * the module asks for next fails.
 */

static struct {
    curl_malloc_callback   malloc;
    curl_realloc_callback  realloc;
    curl_strdup_callback   strdup;
    curl_calloc_callback   calloc;
} hd_fault_curl;


#define HD_FAULT_CURL_MEMORY(name, type, takes, gives)                        \
    static type                                                               \
    curl_##name takes                                                         \
    {                                                                         \
        hd_fault_next = hd_fault_hit("curl_" #name,                           \
                                     __builtin_return_address(0),             \
                                     HD_FAULT_CURL);                          \
        return hd_fault_curl.name gives;                                      \
    }

HD_FAULT_CURL_MEMORY(malloc, void *, (size_t n), (n))
HD_FAULT_CURL_MEMORY(calloc, void *, (size_t n, size_t m), (n, m))
HD_FAULT_CURL_MEMORY(realloc, void *, (void *p, size_t n), (p, n))
HD_FAULT_CURL_MEMORY(strdup, char *, (const char *s), (s))


CURLcode hd_fault_curl_global_init_mem(long flags, curl_malloc_callback m,
    curl_free_callback f, curl_realloc_callback r, curl_strdup_callback s,
    curl_calloc_callback c);

CURLcode
hd_fault_curl_global_init_mem(long flags, curl_malloc_callback m,
    curl_free_callback f, curl_realloc_callback r, curl_strdup_callback s,
    curl_calloc_callback c)
{
    if (hd_fault_here("curl_global_init_mem")) {
        return CURLE_OUT_OF_MEMORY;
    }

    if (hd_fault == NULL) {
        return curl_global_init_mem(flags, m, f, r, s, c);
    }

    hd_fault_curl.malloc = m;
    hd_fault_curl.realloc = r;
    hd_fault_curl.strdup = s;
    hd_fault_curl.calloc = c;

    return curl_global_init_mem(flags, curl_malloc, f, curl_realloc,
                                curl_strdup, curl_calloc);
}


#if (NGX_HD_JSON)

/* a tree of jansson's, with memory of the same origin from begin to end */

HD_FAULT_MEMORY(json_malloc, void *, (size_t n), malloc(n), HD_FAULT_JSON)


json_t *hd_fault_json_loadb(const char *p, size_t n, size_t flags,
    json_error_t *err);

json_t *
hd_fault_json_loadb(const char *p, size_t n, size_t flags, json_error_t *err)
{
    json_set_alloc_funcs(json_malloc, free);

    return json_loadb(p, n, flags, err);
}

#endif


#if (NGX_HD_MYSQL)

HD_FAULT(mysql_init, MYSQL *, (MYSQL *my), (my), NULL, ENOMEM)
HD_FAULT(mysql_options, int, (MYSQL *my, enum mysql_option option,
         const void *v), (my, option, v), 1, ENOMEM)

#endif


#if (NGX_HD_PGSQL)

HD_FAULT(PQconnectStartParams, PGconn *, (const char *const *keys,
         const char *const *values, int expand), (keys, values, expand), NULL,
         ENOMEM)

#endif


#if (NGX_HD_TLS)

HD_FAULT(ngx_ssl_create, ngx_int_t, (ngx_ssl_t *ssl, ngx_uint_t protocols,
         void *data), (ssl, protocols, data), NGX_ERROR, ENOMEM)
HD_FAULT(ngx_ssl_create_connection, ngx_int_t, (ngx_ssl_t *ssl,
         ngx_connection_t *c, ngx_uint_t flags), (ssl, c, flags), NGX_ERROR,
         ENOMEM)
HD_FAULT(X509_STORE_new, X509_STORE *, (void), (), NULL, ENOMEM)
HD_FAULT(X509_STORE_CTX_new, X509_STORE_CTX *, (void), (), NULL, ENOMEM)
HD_FAULT(SSL_CTX_set_ex_data, int, (SSL_CTX *c, int i, void *p), (c, i, p), 0,
         ENOMEM)

#endif

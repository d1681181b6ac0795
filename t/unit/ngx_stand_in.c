
/*
 * Stand-ins for the few functions of nginx that the model calls.  A module is
 * built against nginx's headers, and packages of nginx carry no .c files, so
 * there is nothing to link a unit test with.  Each function keeps the contract
 * of its namesake for what the model asks of it, not more.  The pool takes
 * each piece from malloc(), so that AddressSanitizer sees every overrun and
 * LeakSanitizer every piece that outlives its pool; it can fail on demand.
 */


#include <ngx_stand_in.h>
#include <ctype.h>
#include <time.h>


static u_char *stand_in_number(u_char *p, u_char *last, uint64_t n,
    ngx_uint_t minus, u_char zero, ngx_uint_t width, ngx_uint_t hex);
static u_char *stand_in_copy(u_char *p, u_char *last, const void *data,
    size_t len);


long  stand_in_fail;

static ngx_time_t     stand_in_now;
volatile ngx_time_t  *ngx_cached_time = &stand_in_now;


/* pools */

ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    ngx_pool_t  *pool;

    (void) size;

    pool = calloc(1, sizeof(ngx_pool_t));
    if (pool == NULL) {
        abort();
    }

    pool->log = log;

    return pool;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_pool_large_t    *l, *next;
    ngx_pool_cleanup_t  *c;

    for (c = pool->cleanup; c; c = c->next) {
        if (c->handler) {
            c->handler(c->data);
        }
    }

    for (l = pool->large; l; l = next) {
        next = l->next;
        free(l->alloc);
        free(l);
    }

    free(pool);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    ngx_pool_large_t  *l;

    if (stand_in_fail && --stand_in_fail == 0) {
        return NULL;
    }

    l = malloc(sizeof(ngx_pool_large_t));
    if (l == NULL) {
        abort();
    }

    l->alloc = malloc(size);
    if (l->alloc == NULL) {
        abort();
    }

    /* what nobody wrote must not look like zero */

    memset(l->alloc, 0xa5, size);

    l->next = pool->large;
    pool->large = l;

    return l->alloc;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);
    if (p) {
        memset(p, 0, size);
    }

    return p;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    ngx_pool_cleanup_t  *c;

    c = ngx_palloc(pool, sizeof(ngx_pool_cleanup_t));
    if (c == NULL) {
        return NULL;
    }

    c->data = NULL;

    if (size) {
        c->data = ngx_palloc(pool, size);
        if (c->data == NULL) {
            return NULL;
        }
    }

    c->handler = NULL;
    c->next = pool->cleanup;
    pool->cleanup = c;

    return c;
}


ngx_buf_t *
ngx_create_temp_buf(ngx_pool_t *pool, size_t size)
{
    ngx_buf_t  *b;

    b = ngx_pcalloc(pool, sizeof(ngx_buf_t));
    if (b == NULL) {
        return NULL;
    }

    b->start = ngx_palloc(pool, size);
    if (b->start == NULL) {
        return NULL;
    }

    b->pos = b->start;
    b->last = b->start;
    b->end = b->start + size;
    b->temporary = 1;

    return b;
}


ngx_chain_t *
ngx_alloc_chain_link(ngx_pool_t *pool)
{
    return ngx_palloc(pool, sizeof(ngx_chain_t));
}


/* what lies before in the list is found, nothing else was ever asked for */

ngx_int_t
ngx_pfree(ngx_pool_t *pool, void *p)
{
    ngx_pool_large_t  **l, *next;

    for (l = &pool->large; *l; l = &(*l)->next) {

        if ((*l)->alloc == p) {
            next = (*l)->next;
            free(p);
            free(*l);
            *l = next;

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* arrays */

ngx_array_t *
ngx_array_create(ngx_pool_t *pool, ngx_uint_t n, size_t size)
{
    ngx_array_t  *a;

    a = ngx_palloc(pool, sizeof(ngx_array_t));
    if (a == NULL) {
        return NULL;
    }

    a->elts = ngx_palloc(pool, n * size);
    if (a->elts == NULL) {
        return NULL;
    }

    a->nelts = 0;
    a->size = size;
    a->nalloc = n;
    a->pool = pool;

    return a;
}


void *
ngx_array_push(ngx_array_t *a)
{
    void  *elts;

    if (a->nelts == a->nalloc) {
        elts = ngx_palloc(a->pool, 2 * a->nalloc * a->size);
        if (elts == NULL) {
            return NULL;
        }

        memcpy(elts, a->elts, a->nelts * a->size);
        a->elts = elts;
        a->nalloc *= 2;
    }

    return (u_char *) a->elts + a->size * a->nelts++;
}


/* strings and numbers */

ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    return strncasecmp((char *) s1, (char *) s2, n);
}


/* len is one less than that of s2 */

u_char *
ngx_strlcasestrn(u_char *s1, u_char *last, u_char *s2, size_t len)
{
    for (len++; (size_t) (last - s1) >= len; s1++) {
        if (strncasecmp((char *) s1, (char *) s2, len) == 0) {
            return s1;
        }
    }

    return NULL;
}


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    ngx_int_t  value;

    if (n == 0) {
        return NGX_ERROR;
    }

    for (value = 0; n--; line++) {
        if (*line < '0' || *line > '9'
            || value > (NGX_MAX_INT_T_VALUE - (*line - '0')) / 10)
        {
            return NGX_ERROR;
        }

        value = value * 10 + (*line - '0');
    }

    return value;
}


ngx_int_t
ngx_hextoi(u_char *line, size_t n)
{
    char   buf[17], *end;
    long   value;

    if (n == 0 || n > 15) {
        return NGX_ERROR;
    }

    memcpy(buf, line, n);
    buf[n] = '\0';

    value = isxdigit((u_char) buf[0]) ? strtol(buf, &end, 16) : -1;

    return (value >= 0 && *end == '\0') ? value : NGX_ERROR;
}


/* one number with one unit; no sums such as "1m 30s" */

ngx_int_t
ngx_parse_time(ngx_str_t *line, ngx_uint_t is_sec)
{
    size_t     i, u;
    ngx_int_t  n;

    static const struct {
        const char  *name;
        ngx_int_t    msec;
    } units[] = {
        { "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "m", 60000 },
        { "h", 3600000 }, { "d", 86400000 }
    };

    for (i = 0; i < line->len; i++) {
        if (line->data[i] < '0' || line->data[i] > '9') {
            break;
        }
    }

    n = ngx_atoi(line->data, i);

    for (u = 0; n != NGX_ERROR && u < sizeof(units) / sizeof(units[0]); u++) {
        if (strlen(units[u].name) == line->len - i
            && memcmp(units[u].name, line->data + i, line->len - i) == 0)
        {
            return n * units[u].msec / (is_sec ? 1000 : 1);
        }
    }

    return NGX_ERROR;
}


void
ngx_gmtime(time_t t, ngx_tm_t *tp)
{
    gmtime_r(&t, tp);

    tp->ngx_tm_mon++;
    tp->ngx_tm_year += 1900;
}


/* formats */

u_char * ngx_cdecl
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, (void *) -1, fmt, args);
    va_end(args);

    return p;
}


u_char * ngx_cdecl
ngx_snprintf(u_char *buf, size_t max, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + max, fmt, args);
    va_end(args);

    return p;
}


u_char * ngx_cdecl
ngx_slprintf(u_char *buf, u_char *last, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, last, fmt, args);
    va_end(args);

    return p;
}


u_char *
ngx_vslprintf(u_char *p, u_char *last, const char *fmt, va_list args)
{
    int         digits;
    char        real[64];
    size_t      slen;
    u_char      zero;
    int64_t     n;
    uint64_t    u;
    ngx_str_t  *v;
    ngx_uint_t  width, sign, hex;
    const char *s;

    for ( /* void */ ; *fmt && p < last; fmt++) {

        if (*fmt != '%') {
            *p++ = *fmt;
            continue;
        }

        fmt++;
        zero = (*fmt == '0') ? '0' : ' ';
        slen = (size_t) -1;
        digits = 0;
        sign = 1;
        hex = 0;

        for (width = 0; *fmt >= '0' && *fmt <= '9'; fmt++) {
            width = width * 10 + (*fmt - '0');
        }

        for ( ;; fmt++) {
            if (*fmt == 'u') {
                sign = 0;

            } else if (*fmt == 'x') {
                hex = 1;
                sign = 0;

            } else if (*fmt == '*') {
                slen = va_arg(args, size_t);

            } else if (*fmt == '.') {
                digits = *++fmt - '0';

            } else {
                break;
            }
        }

        n = 0;
        u = 0;

        switch (*fmt) {

        case 'V':
            v = va_arg(args, ngx_str_t *);
            p = stand_in_copy(p, last, v->data, v->len);
            continue;

        case 's':
            s = va_arg(args, const char *);
            p = stand_in_copy(p, last, s,
                              (slen == (size_t) -1) ? strlen(s) : slen);
            continue;

        case 'f':
            snprintf(real, sizeof(real), "%.*f", digits,
                     va_arg(args, double));
            p = stand_in_copy(p, last, real, strlen(real));
            continue;

        case 'l':
            n = va_arg(args, long);
            break;

        case 'P':
            n = va_arg(args, ngx_pid_t);
            break;

        case 'Z':
            *p++ = '\0';
            continue;

        case '%':
            *p++ = '%';
            continue;

        case 'd':
            if (sign) {
                n = va_arg(args, int);

            } else {
                u = va_arg(args, u_int);
            }

            break;

        case 'i':
            if (sign) {
                n = va_arg(args, ngx_int_t);

            } else {
                u = va_arg(args, ngx_uint_t);
            }

            break;

        case 'z':
            if (sign) {
                n = va_arg(args, ssize_t);

            } else {
                u = va_arg(args, size_t);
            }

            break;

        case 'D':
            if (sign) {
                n = va_arg(args, int32_t);

            } else {
                u = va_arg(args, uint32_t);
            }

            break;

        case 'O':
        case 'L':
            if (sign) {
                n = va_arg(args, int64_t);

            } else {
                u = va_arg(args, uint64_t);
            }

            break;

        default:
            fprintf(stderr, "format \"%%%c\" has no stand-in\n", *fmt);
            abort();
        }

        if (sign) {
            u = (n < 0) ? - (uint64_t) n : (uint64_t) n;
        }

        p = stand_in_number(p, last, u, n < 0, zero, width, hex);
    }

    return p;
}


static u_char *
stand_in_number(u_char *p, u_char *last, uint64_t n, ngx_uint_t minus,
    u_char zero, ngx_uint_t width, ngx_uint_t hex)
{
    char  buf[64];
    int   len;

    len = snprintf(buf, sizeof(buf), hex ? "%llx" : "%llu",
                   (unsigned long long) n);

    if (minus) {
        p = stand_in_copy(p, last, "-", 1);
    }

    for ( /* void */ ; width > (ngx_uint_t) len; width--) {
        p = stand_in_copy(p, last, &zero, 1);
    }

    return stand_in_copy(p, last, buf, len);
}


static u_char *
stand_in_copy(u_char *p, u_char *last, const void *data, size_t len)
{
    len = ngx_min(len, (size_t) (last - p));

    if (len) {
        memcpy(p, data, len);
    }

    return p + len;
}


/* the text of an address is its last byte */

size_t
ngx_sock_ntop(struct sockaddr *sa, socklen_t len, u_char *text, size_t size,
    ngx_uint_t port)
{
    text[0] = (u_char) ntohl(((struct sockaddr_in *) sa)->sin_addr.s_addr);

    return 1;
}


void
ngx_inet_set_port(struct sockaddr *sa, in_port_t port)
{
    ((struct sockaddr_in *) sa)->sin_port = htons(port);
}


/*
 * healthdash: how the steps of a dialogue are written, the words of "send" and
 * of "expect" with an operator in front.  Called by the directives while the
 * configuration is read.  Allocates from the pool of the configuration only.
 */


#include <ngx_hd_step.h>


static ngx_int_t ngx_hd_step_expect(ngx_pool_t *pool, ngx_hd_step_t *step,
    u_char *err, size_t size);
static ngx_int_t ngx_hd_step_decode(ngx_pool_t *pool, ngx_str_t *text);
static u_char *ngx_hd_step_escape(u_char *p, u_char *last, u_char *c);


ngx_int_t
ngx_hd_step_parse(ngx_pool_t *pool, ngx_hd_step_t *step, ngx_str_t *args,
    ngx_uint_t n, u_char *err, size_t size)
{
    ngx_int_t  rc;

    ngx_memzero(step, sizeof(ngx_hd_step_t));

    if (args[0].data[0] == 's') {

        if (n != 2 || args[1].len == 0) {
            (void) ngx_snprintf(err, size, "expected one text, such as "
                                "send \"QUIT\\r\\n\"%Z");
            return NGX_ERROR;
        }

        step->text = args[1];

    } else {

        if (n != 3 || args[2].len == 0) {
            (void) ngx_snprintf(err, size, "expected one text after the "
                                "operator, such as expect ~ ^220%Z");
            return NGX_ERROR;
        }

        step->op = args[1];
        step->text = args[2];

        if (step->op.len != 1 || step->op.data[0] != '=') {
            return ngx_hd_step_expect(pool, step, err, size);
        }
    }

    rc = ngx_hd_step_decode(pool, &step->text);

    if (rc == NGX_ERROR) {
        (void) ngx_snprintf(err, size, "no memory%Z");

    } else if (rc == NGX_DECLINED) {
        (void) ngx_snprintf(err, size, "a backslash stands alone, expected "
                            "\\r, \\n, \\t, \\0, \\xHH or \\\\\\\\%Z");
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_hd_step_expect(ngx_pool_t *pool, ngx_hd_step_t *step, u_char *err,
    size_t size)
{
    ngx_str_t  *op;

    op = &step->op;

    if (op->data[0] != '~'
        || op->len > 2
        || (op->len == 2 && op->data[1] != '*'))
    {
        (void) ngx_snprintf(err, size, "invalid operator \"%V\" of a step, "
                            "expected ~, ~* or =, or a subject such as value "
                            "in front of it%Z", op);
        return NGX_ERROR;
    }

    step->re = ngx_hd_regex_compile(pool, &step->text, op->len == 2,
                                    err, size);

    return step->re ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_hd_step_is(ngx_str_t *args, ngx_uint_t n)
{
    size_t  i;

    if (n < 2 || args[1].len == 0) {
        return 0;
    }

    /* "!header" is the begin of a condition */

    for (i = 0; i < args[1].len; i++) {
        if (args[1].data[i] == '\0'
            || ngx_strchr("=!<>~*", args[1].data[i]) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


/* nginx has read \r, \n and \t within quotes itself, and made one of \\ */

static ngx_int_t
ngx_hd_step_decode(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char  *p, *dst, *last;

    p = text->data;
    last = p + text->len;

    dst = ngx_pnalloc(pool, text->len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    text->data = dst;

    while (p < last) {

        if (*p != '\\') {
            *dst++ = *p++;
            continue;
        }

        p = ngx_hd_step_escape(p + 1, last, dst++);
        if (p == NULL) {
            return NGX_DECLINED;
        }
    }

    *dst = '\0';
    text->len = dst - text->data;

    return NGX_OK;
}


/* what follows a backslash; the place behind it, or NULL */

static u_char *
ngx_hd_step_escape(u_char *p, u_char *last, u_char *c)
{
    ngx_int_t    n;
    const char  *at;

    static const char  names[] = "rnt0\\";
    static const char  chars[] = "\r\n\t\0\\";

    if (p == last || *p == '\0') {
        return NULL;
    }

    at = ngx_strchr(names, *p);

    if (at) {
        *c = (u_char) chars[at - names];
        return p + 1;
    }

    if (*p != 'x' || last - p < 3) {
        return NULL;
    }

    n = ngx_hextoi(p + 1, 2);
    if (n == NGX_ERROR) {
        return NULL;
    }

    *c = (u_char) n;

    return p + 3;
}

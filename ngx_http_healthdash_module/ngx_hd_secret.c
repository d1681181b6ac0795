
/*
 * healthdash: secrets in what a target sends back.  A server may echo what it
 * was asked with, so a password can come in an answer that is kept to be
 * shown.  Called at the end of every run, before anybody sees its result.
 */


#include <ngx_hd_secret.h>
#include <ngx_hd_utf8.h>


#define NGX_HD_SECRET_MASK     "***"
#define NGX_HD_SECRET_SHORT    4       /* bytes: below, it must stand alone */


/* a text in which secrets are looked for */

typedef struct {
    const u_char       *start;
    const u_char       *end;
    const ngx_array_t  *secrets;
    ngx_uint_t          quoted;        /* pieces of it were cut at quotes */
} ngx_hd_secret_text_t;


static size_t ngx_hd_secret_mask(const ngx_array_t *secrets, u_char *text,
    size_t len, size_t size, ngx_uint_t quoted);
static size_t ngx_hd_secret_at(const ngx_hd_secret_text_t *t,
    const u_char *p);
static size_t ngx_hd_secret_whole(const ngx_hd_secret_text_t *t,
    const u_char *p, const ngx_str_t *secret);
static size_t ngx_hd_secret_part(const ngx_hd_secret_text_t *t,
    const u_char *p, const ngx_str_t *secret);
static ngx_uint_t ngx_hd_secret_cut(const ngx_hd_secret_text_t *t,
    const u_char *p);
static size_t ngx_hd_secret_run(const ngx_hd_secret_text_t *t,
    const u_char *p, const ngx_str_t *secret, size_t from, size_t *used);
static size_t ngx_hd_secret_same(const ngx_hd_secret_text_t *t,
    const u_char *p, const ngx_str_t *secret, size_t from,
    ngx_uint_t escaped, size_t *used);
static ngx_uint_t ngx_hd_secret_word(const ngx_hd_secret_text_t *t,
    const u_char *p);
static size_t ngx_hd_secret_clean(u_char *text, size_t len, ngx_uint_t cut,
    ngx_uint_t lines);


ngx_int_t
ngx_hd_check_secret(ngx_pool_t *pool, ngx_hd_check_t *check,
    const ngx_str_t *secret)
{
    ngx_str_t   *s;
    ngx_uint_t   i;

    if (secret->len == 0) {
        return NGX_OK;
    }

    if (check->secrets == NULL) {
        check->secrets = ngx_array_create(pool, 2, sizeof(ngx_str_t));
        if (check->secrets == NULL) {
            return NGX_ERROR;
        }
    }

    s = check->secrets->elts;

    for (i = 0; i < check->secrets->nelts; i++) {
        if (s[i].len == secret->len
            && ngx_memcmp(s[i].data, secret->data, secret->len) == 0)
        {
            return NGX_OK;
        }
    }

    s = ngx_array_push(check->secrets);
    if (s == NULL) {
        return NGX_ERROR;
    }

    *s = *secret;

    return NGX_OK;
}


void
ngx_hd_secret_hide(const ngx_hd_check_t *check, ngx_hd_result_t *result)
{
    ngx_uint_t        cut;
    ngx_hd_sample_t  *sample;

    sample = &result->sample;

    result->len = (uint16_t) ngx_hd_secret_mask(check->secrets,
                                   result->detail, result->len,
                                   NGX_HD_DETAIL_LEN, 1);

    cut = (sample->line_len == NGX_HD_LINE_LEN);
    sample->line_len = (uint16_t) ngx_hd_secret_mask(check->secrets,
                                   sample->line, sample->line_len,
                                   NGX_HD_LINE_LEN, 0);
    sample->line_len = (uint16_t) ngx_hd_secret_clean(sample->line,
                                   sample->line_len, cut, 0);

    cut = (sample->len == NGX_HD_SAMPLE_LEN);
    sample->len = (uint16_t) ngx_hd_secret_mask(check->secrets,
                                   sample->text, sample->len,
                                   NGX_HD_SAMPLE_LEN, 0);
    sample->len = (uint16_t) ngx_hd_secret_clean(sample->text, sample->len,
                                   cut, 1);
}


static size_t
ngx_hd_secret_mask(const ngx_array_t *secrets, u_char *text, size_t len,
    size_t size, ngx_uint_t quoted)
{
    size_t                 n;
    u_char                *p, *out, *last;
    u_char                 copy[NGX_HD_SAMPLE_LEN];
    ngx_hd_secret_text_t   t;

    if (secrets == NULL || len == 0) {
        return len;
    }

    ngx_memcpy(copy, text, len);

    t.start = copy;
    t.end = copy + len;
    t.secrets = secrets;
    t.quoted = quoted;

    p = copy;
    out = text;
    last = text + size;

    while (p < t.end && out < last) {
        n = ngx_hd_secret_at(&t, p);

        if (n == 0) {
            *out++ = *p++;
            continue;
        }

        p += n;
        n = ngx_min(sizeof(NGX_HD_SECRET_MASK) - 1, (size_t) (last - out));
        out = ngx_cpymem(out, NGX_HD_SECRET_MASK, n);
    }

    return out - text;
}


/* bytes of the longest secret, or part of one, that begins at p */

static size_t
ngx_hd_secret_at(const ngx_hd_secret_text_t *t, const u_char *p)
{
    size_t      n, len;
    ngx_str_t  *s;
    ngx_uint_t  i;

    s = t->secrets->elts;

    for (len = 0, i = 0; i < t->secrets->nelts; i++) {
        n = ngx_hd_secret_whole(t, p, &s[i]);
        len = ngx_max(len, n);

        n = ngx_hd_secret_part(t, p, &s[i]);
        len = ngx_max(len, n);
    }

    return len;
}


static size_t
ngx_hd_secret_whole(const ngx_hd_secret_text_t *t, const u_char *p,
    const ngx_str_t *secret)
{
    size_t  n, used;

    n = ngx_hd_secret_run(t, p, secret, 0, &used);

    if (n < secret->len) {
        return 0;
    }

    /* "1" in "10.0.0.1" is not the password */

    if (n < NGX_HD_SECRET_SHORT
        && ((p > t->start && ngx_hd_secret_word(t, p - 1))
            || ngx_hd_secret_word(t, p + used)))
    {
        return 0;
    }

    return used;
}


/*
 * What was shown of an answer may begin or end within a secret: in a sentence
 * at the quotes around what was seen.
 */

static size_t
ngx_hd_secret_part(const ngx_hd_secret_text_t *t, const u_char *p,
    const ngx_str_t *secret)
{
    size_t      i, n, len, used;
    ngx_uint_t  edge;

    edge = t->quoted && (p == t->start || p[-1] == '"');

    for (len = 0, i = 0; i < secret->len; i++) {

        if (i && !edge) {
            break;
        }

        n = ngx_hd_secret_run(t, p, secret, i, &used);

        if (n < NGX_HD_SECRET_SHORT || used <= len) {
            continue;
        }

        if (i + n == secret->len || ngx_hd_secret_cut(t, p + used)) {
            len = used;
        }
    }

    return len;
}


/* what stands in front of p may have been cut there, by us or by the server */

static ngx_uint_t
ngx_hd_secret_cut(const ngx_hd_secret_text_t *t, const u_char *p)
{
    if (p == t->end || (p + 1 == t->end && *p == '\\')) {
        return 1;
    }

    return t->quoted ? (*p == '"') : (*p == '\r' || *p == '\n');
}


/* bytes of secret, from one of its bytes on, in used bytes at p */

static size_t
ngx_hd_secret_run(const ngx_hd_secret_text_t *t, const u_char *p,
    const ngx_str_t *secret, size_t from, size_t *used)
{
    size_t  n, escaped, taken;

    n = ngx_hd_secret_same(t, p, secret, from, 0, used);

    if (p + *used == t->end || p[*used] != '\\') {
        return n;
    }

    escaped = ngx_hd_secret_same(t, p, secret, from, 1, &taken);

    if (escaped <= n) {
        return n;
    }

    *used = taken;

    return escaped;
}


static size_t
ngx_hd_secret_same(const ngx_hd_secret_text_t *t, const u_char *p,
    const ngx_str_t *secret, size_t from, ngx_uint_t escaped, size_t *used)
{
    u_char         c;
    size_t         n;
    const u_char  *start;

    start = p;

    for (n = 0; from + n < secret->len && p < t->end; n++) {
        c = secret->data[from + n];

        /* JSON, and "/" in that of PHP */

        if (escaped && (c == '"' || c == '\\' || c == '/')
            && *p == '\\' && p + 1 < t->end && p[1] == c)
        {
            p++;
        }

        /* what cannot be printed has become "?" in a sentence */

        if (*p != c
            && !(t->quoted && *p == '?' && (c < 0x20 || c >= 0x7f)))
        {
            break;
        }

        p++;
    }

    *used = p - start;

    return n;
}


static ngx_uint_t
ngx_hd_secret_word(const ngx_hd_secret_text_t *t, const u_char *p)
{
    u_char  c;

    if (p == t->end) {
        return 0;
    }

    c = *p | 0x20;

    return (c >= 'a' && c <= 'z') || (*p >= '0' && *p <= '9') || *p >= 0x80
           || *p == '.' || *p == '_';
}


/* never longer than it was */

static size_t
ngx_hd_secret_clean(u_char *text, size_t len, ngx_uint_t cut,
    ngx_uint_t lines)
{
    u_char        *out;
    uint32_t       code;
    const u_char  *p, *start, *end;

    p = text;
    out = text;
    end = text + len;

    while (p < end) {
        start = p;
        code = ngx_hd_utf8_decode(&p, end);

        if (code == NGX_HD_UTF8_BAD) {

            /* a character that the end of the buffer has cut */

            if (p == end && cut && *start >= 0xc2) {
                break;
            }

            *out++ = '?';

        } else if (code == '\r' && (p == end || *p == '\n')) {
            continue;

        } else if (code == '\n' && lines) {
            *out++ = '\n';

        } else if (code == '\n' || code == '\t') {
            *out++ = ' ';

        } else if (ngx_hd_utf8_is_control(code)) {
            *out++ = '.';

        } else {
            out = ngx_movemem(out, start, p - start);
        }
    }

    return out - text;
}

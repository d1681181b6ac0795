
/*
 * healthdash: text for every output.  Owns the growing buffer chain and the
 * escapers for JSON, HTML and plain text; there is no other place where bytes
 * from a target become part of a response.  Called by the renderers and by
 * notifications.  Blocks never, allocates from the pool of its text only.
 */


#include <ngx_hd_text.h>
#include <ngx_hd_utf8.h>


#define NGX_HD_TEXT_BUF        16384
#define NGX_HD_TEXT_WORD       16      /* room for one escaped character */

/* the last millisecond that RFC 3339 can write */
#define NGX_HD_TEXT_TIME_MAX   253402300799999LL


/*
 * Says what to write instead of a character, NULL for the character itself;
 * buf has NGX_HD_TEXT_WORD bytes for words that are not constant.
 */
typedef const char *(*ngx_hd_text_escape_pt)(uint32_t code, u_char *buf);


typedef struct {
    uint64_t     sec;
    const char  *unit;
} ngx_hd_text_unit_t;


static ngx_int_t ngx_hd_text_grow(ngx_hd_text_t *t);
static size_t ngx_hd_text_escape(ngx_hd_text_t *t, const u_char *data,
    size_t len, ngx_hd_text_escape_pt escape);
static const char *ngx_hd_text_escape_json(uint32_t code, u_char *buf);
static ngx_uint_t ngx_hd_text_is_formula(const u_char *data, size_t len);
static const char *ngx_hd_text_escape_csv(uint32_t code, u_char *buf);
static const char *ngx_hd_text_escape_html(uint32_t code, u_char *buf);
static const char *ngx_hd_text_escape_plain(uint32_t code, u_char *buf);


static const ngx_hd_text_unit_t  ngx_hd_text_units[] = {
    { 86400, " d" },
    { 3600, " h" },
    { 60, " min" },
    { 1, " s" }
};

/* U+FFFD */
static const char  ngx_hd_text_bad[] = "\xef\xbf\xbd";


void
ngx_hd_text_init(ngx_hd_text_t *t, ngx_pool_t *pool)
{
    t->pool = pool;
    t->first = NULL;
    t->last = NULL;
    t->free = NULL;
    t->size = 0;
    t->failed = 0;
}


ngx_uint_t
ngx_hd_text_is_sent(const ngx_hd_text_t *t)
{
    ngx_chain_t  *cl;

    for (cl = t->first; cl; cl = cl->next) {

        if (cl->buf->pos != cl->buf->last) {
            return 0;
        }
    }

    return 1;
}


void
ngx_hd_text_reuse(ngx_hd_text_t *t)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = t->first; cl; cl = cl->next) {
        b = cl->buf;

        b->pos = b->start;
        b->last = b->start;
        b->flush = 0;
        b->last_buf = 0;
        b->last_in_chain = 0;
    }

    if (t->last) {
        t->last->next = t->free;
        t->free = t->first;
    }

    t->first = NULL;
    t->last = NULL;
}


void
ngx_hd_text_unbreak(ngx_hd_text_t *t, off_t size)
{
    u_char       *p;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = t->first; cl; cl = cl->next) {
        b = cl->buf;

        if (size >= b->last - b->pos) {
            size -= b->last - b->pos;
            continue;
        }

        p = b->pos + size;
        size = 0;

        for ( ;; ) {
            p = ngx_strlchr(p, b->last, '\n');

            if (p == NULL) {
                break;
            }

            *p++ = ' ';
        }
    }
}


void
ngx_hd_text_raw(ngx_hd_text_t *t, const void *data, size_t len)
{
    size_t         n;
    ngx_buf_t     *b;
    const u_char  *p;

    p = data;

    while (len && !t->failed) {

        if (t->last == NULL || t->last->buf->last == t->last->buf->end) {
            if (ngx_hd_text_grow(t) != NGX_OK) {
                return;
            }
        }

        b = t->last->buf;
        n = ngx_min(len, (size_t) (b->end - b->last));

        b->last = ngx_cpymem(b->last, p, n);
        t->size += n;
        p += n;
        len -= n;
    }
}


static ngx_int_t
ngx_hd_text_grow(ngx_hd_text_t *t)
{
    ngx_chain_t  *cl;

    cl = t->free;

    if (cl) {
        t->free = cl->next;

    } else {
        cl = ngx_alloc_chain_link(t->pool);
        if (cl == NULL) {
            goto failed;
        }

        cl->buf = ngx_create_temp_buf(t->pool, NGX_HD_TEXT_BUF);
        if (cl->buf == NULL) {
            goto failed;
        }
    }

    cl->next = NULL;

    if (t->last == NULL) {
        t->first = cl;

    } else {
        t->last->next = cl;
    }

    t->last = cl;

    return NGX_OK;

failed:

    t->failed = 1;

    return NGX_ERROR;
}


void
ngx_hd_text_add(ngx_hd_text_t *t, const char *s)
{
    ngx_hd_text_raw(t, s, ngx_strlen(s));
}


void
ngx_hd_text_uint(ngx_hd_text_t *t, uint64_t n)
{
    u_char  *last;
    u_char   buf[NGX_INT64_LEN];

    last = ngx_sprintf(buf, "%uL", n);

    ngx_hd_text_raw(t, buf, last - buf);
}


void
ngx_hd_text_msec(ngx_hd_text_t *t, uint64_t usec)
{
    u_char  *last;
    u_char   buf[NGX_INT64_LEN + sizeof(".000")];

    last = ngx_sprintf(buf, "%uL", usec / 1000);

    if (usec % 1000) {
        last = ngx_sprintf(last, ".%03uL", usec % 1000);

        while (last[-1] == '0') {
            last--;
        }
    }

    ngx_hd_text_raw(t, buf, last - buf);
}


void
ngx_hd_text_percent(ngx_hd_text_t *t, uint64_t millionths)
{
    u_char  *last;
    u_char   buf[NGX_INT64_LEN + sizeof(".0000")];

    last = ngx_sprintf(buf, "%uL", millionths / 10000);

    if (millionths % 10000) {
        last = ngx_sprintf(last, ".%04uL", millionths % 10000);

        while (last[-1] == '0') {
            last--;
        }
    }

    ngx_hd_text_raw(t, buf, last - buf);
}


void
ngx_hd_text_time(ngx_hd_text_t *t, int64_t wall)
{
    u_char    *last;
    u_char     buf[sizeof("1970-01-01T00:00:00.000Z")];
    ngx_tm_t   tm;

    wall = ngx_max(wall, 0);
    wall = ngx_min(wall, NGX_HD_TEXT_TIME_MAX);

    ngx_gmtime((time_t) (wall / 1000), &tm);

    last = ngx_sprintf(buf, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                       (int) (wall % 1000));

    ngx_hd_text_raw(t, buf, last - buf);
}


void
ngx_hd_text_ago(ngx_hd_text_t *t, uint64_t msec)
{
    uint64_t                   sec, rest;
    const ngx_hd_text_unit_t  *u;

    sec = msec / 1000;
    u = ngx_hd_text_units;

    while (u->sec > 1 && sec < u->sec) {
        u++;
    }

    ngx_hd_text_uint(t, sec / u->sec);
    ngx_hd_text_add(t, u->unit);

    if (u->sec == 1) {
        return;
    }

    rest = sec % u->sec / u[1].sec;

    if (rest) {
        ngx_hd_text_add(t, " ");
        ngx_hd_text_uint(t, rest);
        ngx_hd_text_add(t, u[1].unit);
    }
}


void
ngx_hd_text_json(ngx_hd_text_t *t, const u_char *data, size_t len)
{
    ngx_hd_text_add(t, "\"");
    ngx_hd_text_json_part(t, data, len);
    ngx_hd_text_add(t, "\"");
}


void
ngx_hd_text_json_part(ngx_hd_text_t *t, const u_char *data, size_t len)
{
    (void) ngx_hd_text_escape(t, data, len, ngx_hd_text_escape_json);
}


void
ngx_hd_text_csv(ngx_hd_text_t *t, const u_char *data, size_t len)
{
    ngx_hd_text_add(t, ngx_hd_text_is_formula(data, len) ? "\"'" : "\"");
    (void) ngx_hd_text_escape(t, data, len, ngx_hd_text_escape_csv);
    ngx_hd_text_add(t, "\"");
}


/* also behind blanks, and in the wide forms that some spreadsheets know */

static ngx_uint_t
ngx_hd_text_is_formula(const u_char *data, size_t len)
{
    uint32_t       code;
    const u_char  *p, *last;

    p = data;
    last = data + len;
    code = 0;

    while (p < last) {
        code = ngx_hd_utf8_decode(&p, last);

        if (code != ' ' && code != 0xa0 && code != 0x3000
            && !ngx_hd_utf8_is_control(code))
        {
            break;
        }
    }

    switch (code) {

    case '=':
    case '+':
    case '-':
    case '@':
    case 0xff1d:
    case 0xff0b:
    case 0xff0d:
    case 0xff20:
        return 1;

    default:
        return 0;
    }
}


void
ngx_hd_text_html(ngx_hd_text_t *t, const u_char *data, size_t len)
{
    (void) ngx_hd_text_escape(t, data, len, ngx_hd_text_escape_html);
}


size_t
ngx_hd_text_plain(ngx_hd_text_t *t, const u_char *data, size_t len,
    size_t width)
{
    size_t  n;

    n = ngx_hd_text_escape(t, data, len, ngx_hd_text_escape_plain);

    for ( /* void */ ; n < width; n++) {
        ngx_hd_text_add(t, " ");
    }

    return n;
}


/* returns the number of characters, as plain text counts them */

static size_t
ngx_hd_text_escape(ngx_hd_text_t *t, const u_char *data, size_t len,
    ngx_hd_text_escape_pt escape)
{
    size_t         n;
    u_char         buf[NGX_HD_TEXT_WORD];
    uint32_t       code;
    const char    *word;
    const u_char  *p, *last, *start, *from;

    if (len == 0) {
        return 0;
    }

    p = data;
    from = data;
    last = data + len;

    for (n = 0; p < last; n++) {
        start = p;
        code = ngx_hd_utf8_decode(&p, last);

        word = (code == NGX_HD_UTF8_BAD) ? ngx_hd_text_bad
                                         : escape(code, buf);
        if (word) {
            ngx_hd_text_raw(t, from, start - from);
            ngx_hd_text_add(t, word);
            from = p;
        }
    }

    ngx_hd_text_raw(t, from, last - from);

    return n;
}


static const char *
ngx_hd_text_escape_json(uint32_t code, u_char *buf)
{
    switch (code) {

    case '"':
        return "\\\"";

    case '\\':
        return "\\\\";

    case '\n':
        return "\\n";

    case '\r':
        return "\\r";

    case '\t':
        return "\\t";

    case '<':
        /* no "</script>", should JSON stand inside of a page */
        return "\\u003c";
    }

    if (!ngx_hd_utf8_is_control(code)) {
        return NULL;
    }

    *ngx_sprintf(buf, "\\u%04xD", code) = '\0';

    return (const char *) buf;
}


static const char *
ngx_hd_text_escape_csv(uint32_t code, u_char *buf)
{
    return (code == '"') ? "\"\"" : ngx_hd_text_escape_plain(code, buf);
}


static const char *
ngx_hd_text_escape_html(uint32_t code, u_char *buf)
{
    switch (code) {

    case '&':
        return "&amp;";

    case '<':
        return "&lt;";

    case '>':
        return "&gt;";

    case '"':
        return "&quot;";

    case '\'':
        return "&#39;";

    case 0xfffe:
    case 0xffff:
        /* no characters, and an error in XML */
        return ngx_hd_text_bad;
    }

    return ngx_hd_text_escape_plain(code, buf);
}


static const char *
ngx_hd_text_escape_plain(uint32_t code, u_char *buf)
{
    switch (code) {

    case '\t':
    case '\n':
    case '\r':
    case 0x2028:
    case 0x2029:
        return " ";
    }

    return ngx_hd_utf8_is_control(code) ? ngx_hd_text_bad : NULL;
}

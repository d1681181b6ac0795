
/* Unit test of ngx_hd_text.c: every escaper, fed with hostile bytes. */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_text.c"


#define BAD  "\xef\xbf\xbd"


/* a piece of input that is one unit, and what each escaper makes of it */

typedef struct {
    const char  *in;
    size_t       len;
    const char  *json;         /* NULL in these three: as it is */
    const char  *html;
    const char  *plain;
} piece_t;


typedef void (*feed_pt)(ngx_hd_text_t *t, const u_char *data, size_t len);


static const piece_t  pieces[] = {
    { "a", 1, NULL, NULL, NULL },
    { "\"", 1, "\\\"", "&quot;", NULL },
    { "'", 1, NULL, "&#39;", NULL },
    { "\\", 1, "\\\\", NULL, NULL },
    { "/", 1, NULL, NULL, NULL },
    { "<", 1, "\\u003c", "&lt;", NULL },
    { ">", 1, NULL, "&gt;", NULL },
    { "&", 1, NULL, "&amp;", NULL },
    { "\n", 1, "\\n", " ", " " },
    { "\r", 1, "\\r", " ", " " },
    { "\t", 1, "\\t", " ", " " },
    { "\0", 1, "\\u0000", BAD, BAD },
    { "\x1b", 1, "\\u001b", BAD, BAD },
    { "\x7f", 1, "\\u007f", BAD, BAD },
    { "\xc2\x80", 2, "\\u0080", BAD, BAD },
    { "\xc2\x9f", 2, "\\u009f", BAD, BAD },
    { "\xc2\xa0", 2, NULL, NULL, NULL },
    { "\xc3\xbc", 2, NULL, NULL, NULL },
    { "\xd8\x9c", 2, "\\u061c", BAD, BAD },
    { "\xe2\x82\xac", 3, NULL, NULL, NULL },
    { "\xe2\x80\x8d", 3, NULL, NULL, NULL },
    { "\xe2\x80\x8e", 3, "\\u200e", BAD, BAD },
    { "\xe2\x80\x8f", 3, "\\u200f", BAD, BAD },
    { "\xe2\x80\xa7", 3, NULL, NULL, NULL },
    { "\xe2\x80\xa8", 3, "\\u2028", " ", " " },
    { "\xe2\x80\xa9", 3, "\\u2029", " ", " " },
    { "\xe2\x80\xaa", 3, "\\u202a", BAD, BAD },
    { "\xe2\x80\xae", 3, "\\u202e", BAD, BAD },
    { "\xe2\x80\xaf", 3, NULL, NULL, NULL },
    { "\xe2\x81\xa5", 3, NULL, NULL, NULL },
    { "\xe2\x81\xa6", 3, "\\u2066", BAD, BAD },
    { "\xe2\x81\xa9", 3, "\\u2069", BAD, BAD },
    { "\xe2\x81\xaa", 3, NULL, NULL, NULL },
    { "\xed\x9f\xbf", 3, NULL, NULL, NULL },
    { "\xee\x80\x80", 3, NULL, NULL, NULL },
    { "\xef\xbf\xbd", 3, NULL, NULL, NULL },
    { "\xf0\x9f\x98\x80", 4, NULL, NULL, NULL },
    { "\xf0\x90\x80\x80", 4, NULL, NULL, NULL },
    { "\xf4\x8f\xbf\xbf", 4, NULL, NULL, NULL },

    /* stray and impossible bytes, each a bad one of its own */

    { "\x80", 1, BAD, BAD, BAD },
    { "\xbf", 1, BAD, BAD, BAD },
    { "\xc0", 1, BAD, BAD, BAD },
    { "\xc1", 1, BAD, BAD, BAD },
    { "\xf5", 1, BAD, BAD, BAD },
    { "\xff", 1, BAD, BAD, BAD },

    /* overlong "/", "<" and NUL, surrogates, above U+10FFFF */

    { "\xc0\xaf", 2, BAD BAD, BAD BAD, BAD BAD },
    { "\xc0\xbc", 2, BAD BAD, BAD BAD, BAD BAD },
    { "\xe0\x80\xbc", 3, BAD BAD BAD, BAD BAD BAD, BAD BAD BAD },
    { "\xe0\x9f\xbf", 3, BAD BAD BAD, BAD BAD BAD, BAD BAD BAD },
    { "\xf0\x80\x80\xbc", 4, BAD BAD BAD BAD, BAD BAD BAD BAD,
      BAD BAD BAD BAD },
    { "\xf0\x8f\xbf\xbf", 4, BAD BAD BAD BAD, BAD BAD BAD BAD,
      BAD BAD BAD BAD },
    { "\xed\xa0\x80", 3, BAD BAD BAD, BAD BAD BAD, BAD BAD BAD },
    { "\xed\xbf\xbf", 3, BAD BAD BAD, BAD BAD BAD, BAD BAD BAD },
    { "\xf4\x90\x80\x80", 4, BAD BAD BAD BAD, BAD BAD BAD BAD,
      BAD BAD BAD BAD },

    /* a start of a character is one bad one, what follows counts again */

    { "\xc3" "<", 2, BAD "\\u003c", BAD "&lt;", BAD "<" },
    { "\xe2\x82" "\"", 3, BAD "\\\"", BAD "&quot;", BAD "\"" },
    { "\xf0\x9f\x98" "&", 4, BAD "&", BAD "&amp;", BAD "&" },
    { "\xe2\xc3\xbc", 3, BAD "\xc3\xbc", BAD "\xc3\xbc", BAD "\xc3\xbc" }
};


#define PIECES  (sizeof(pieces) / sizeof(pieces[0]))


static char *
flat(ngx_hd_text_t *t)
{
    char         *p;
    size_t        n, len;
    ngx_chain_t  *cl;

    static char  buf[400000];

    p = buf;

    for (cl = t->first; cl; cl = cl->next) {
        len = cl->buf->last - cl->buf->pos;
        memcpy(p, cl->buf->pos, len);
        p += len;
    }

    n = p - buf;
    check(n == (size_t) t->size, "size %d is %d", (int) t->size, (int) n);
    *p = '\0';

    return buf;
}


static void
feed_part(ngx_hd_text_t *t, const u_char *data, size_t len)
{
    ngx_hd_text_add(t, "\"");
    ngx_hd_text_json_part(t, data, len);
    ngx_hd_text_add(t, "\"");
}


static void
feed_plain(ngx_hd_text_t *t, const u_char *data, size_t len)
{
    (void) ngx_hd_text_plain(t, data, len, 0);
}


static const char *
expectation(const piece_t *p, ngx_uint_t i)
{
    return (i == 0) ? p->json : (i == 1) ? p->html : p->plain;
}


static char *
expect_add(char *p, const piece_t *piece, ngx_uint_t i)
{
    const char  *s;

    s = expectation(piece, i);

    if (s) {
        return p + sprintf(p, "%s", s);
    }

    memcpy(p, piece->in, piece->len);
    p[piece->len] = '\0';

    return p + piece->len;
}


/* the escaper's output for exactly len bytes, overruns are seen by ASan */

static const char *
escaped(feed_pt feed, const char *data, size_t len, ngx_uint_t quotes)
{
    char           *s;
    u_char         *copy;
    ngx_pool_t     *pool;
    ngx_hd_text_t   t;

    pool = ngx_create_pool(4096, NULL);
    copy = malloc(len);
    memcpy(copy, data, len);

    ngx_hd_text_init(&t, pool);
    feed(&t, copy, len);

    s = flat(&t);

    free(copy);
    ngx_destroy_pool(pool);

    if (quotes) {
        check(s[0] == '"' && s[strlen(s) - 1] == '"', "quotes");
        s[strlen(s) - 1] = '\0';
        s++;
    }

    return s;
}


/*
 * Pairs of pieces, cut at each byte.  A cut within a well-formed character
 * leaves its start, which is one bad one; ill-formed pieces are left whole.
 */

static void
test_pairs(feed_pt feed, ngx_uint_t i, const char *name)
{
    char        in[16], want[64], *p;
    size_t      a, b, cut;
    const char *got;

    for (a = 0; a < PIECES; a++) {
        for (b = 0; b < PIECES; b++) {
            memcpy(in, pieces[a].in, pieces[a].len);
            memcpy(in + pieces[a].len, pieces[b].in, pieces[b].len);

            p = expect_add(want, &pieces[a], i);
            p = expect_add(p, &pieces[b], i);

            got = escaped(feed, in, pieces[a].len + pieces[b].len, i == 0);
            check(strcmp(got, want) == 0, "pieces %d and %d: \"%s\"",
                  (int) a, (int) b, got);

            if (a != 0) {
                continue;
            }

            for (cut = 1; cut < pieces[b].len; cut++) {
                if ((unsigned char) pieces[b].in[0] < 0xc2
                    || expectation(&pieces[b], i) != NULL)
                {
                    continue;
                }

                got = escaped(feed, in, 1 + cut, i == 0);
                check(strcmp(got, "a" BAD) == 0, "piece %d cut at %d: \"%s\"",
                      (int) b, (int) cut, got);
            }
        }
    }

    checked(name);
}


/* all bytes after all bytes: whatever comes in, what goes out is harmless */

static void
test_harmless(feed_pt feed, ngx_uint_t i, const char *name)
{
    char           in[3];
    uint32_t       code;
    ngx_uint_t     n;
    const u_char  *p, *last;

    for (n = 0; n < 65536; n++) {
        in[0] = (char) (n >> 8);
        in[1] = (char) n;
        in[2] = 'z';

        p = (const u_char *) escaped(feed, in, 3, i == 0);
        last = p + strlen((const char *) p);

        check(p < last && last[-1] == 'z', "%04x lost its end", (int) n);

        while (p < last) {
            code = ngx_hd_utf8_decode(&p, last);

            check(code != NGX_HD_UTF8_BAD && !ngx_hd_utf8_is_control(code),
                  "%04x gives a bad character", (int) n);
            check(i == 2 || code != '<', "%04x gives a tag", (int) n);
        }
    }

    checked(name);
}


static void
test_growth(void)
{
    char           *want;
    size_t          i, n;
    ngx_uint_t      links;
    ngx_pool_t     *pool;
    ngx_chain_t    *cl;
    ngx_hd_text_t   t;

    n = NGX_HD_TEXT_BUF * 3 + 5;
    want = malloc(n + 1);

    for (i = 0; i < n; i++) {
        want[i] = 'a' + i % 26;
    }

    want[n] = '\0';

    pool = ngx_create_pool(4096, NULL);

    ngx_hd_text_init(&t, pool);
    is_str(flat(&t), "", "an empty text");

    ngx_hd_text_raw(&t, want, n);
    ok(strcmp(flat(&t), want) == 0, "a long text in one call");

    links = 0;
    for (cl = t.first; cl; cl = cl->next) {
        links++;
    }

    is_num(links, 4, "is four buffers");

    ngx_hd_text_init(&t, pool);

    for (i = 0; i < n; i++) {
        ngx_hd_text_raw(&t, want + i, 1);
    }

    ok(strcmp(flat(&t), want) == 0, "a long text byte by byte");

    ngx_hd_text_init(&t, pool);
    ngx_hd_text_raw(&t, NULL, 0);
    ngx_hd_text_html(&t, NULL, 0);
    ngx_hd_text_json(&t, NULL, 0);
    is_str(flat(&t), "\"\"", "nothing is nothing, quoted in JSON");

    ngx_destroy_pool(pool);
    free(want);
}


static void
test_memory(void)
{
    long            n;
    size_t          i;
    ngx_pool_t     *pool;
    ngx_hd_text_t   t;

    for (n = 1; n < 100; n++) {
        pool = ngx_create_pool(4096, NULL);
        ngx_hd_text_init(&t, pool);

        stand_in_fail = n;

        for (i = 0; i < NGX_HD_TEXT_BUF / 2; i++) {
            ngx_hd_text_json(&t, (u_char *) "<\n", 2);
        }

        ngx_hd_text_uint(&t, 1);
        (void) ngx_hd_text_plain(&t, (u_char *) "x", 1, 9);

        i = stand_in_fail;
        stand_in_fail = 0;

        check(t.failed == (i == 0), "failed is set, allocation %ld", n);
        (void) flat(&t);

        ngx_destroy_pool(pool);

        if (i != 0) {
            break;
        }
    }

    check(n > 10 && n < 100, "%ld allocations failed", n - 1);
    checked("each allocation fails once");
}


static const char *
number(void (*add)(ngx_hd_text_t *t, uint64_t n), uint64_t n)
{
    char           *s;
    ngx_pool_t     *pool;
    ngx_hd_text_t   t;

    pool = ngx_create_pool(4096, NULL);
    ngx_hd_text_init(&t, pool);
    add(&t, n);
    s = flat(&t);
    ngx_destroy_pool(pool);

    return s;
}


/* a text for CSV, and what becomes of it */

static void
test_csv(void)
{
    ngx_uint_t     i;
    ngx_pool_t    *pool;
    ngx_hd_text_t  t;

    static const char  *cases[][2] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "a,b;c\td", "\"a,b;c d\"" },
        { "say \"x\"", "\"say \"\"x\"\"\"" },
        { "two\r\nlines", "\"two  lines\"" },
        { "=1+1", "\"'=1+1\"" },
        { "+1", "\"'+1\"" },
        { "-1", "\"'-1\"" },
        { "@sum", "\"'@sum\"" },
        { "\t=1", "\"' =1\"" },
        { "\r\n =1", "\"'   =1\"" },
        { "\xc2\xa0=1", "\"'\xc2\xa0=1\"" },
        { "\xe3\x80\x80@x", "\"'\xe3\x80\x80@x\"" },
        { "\xe2\x80\xae=1", "\"'" BAD "=1\"" },
        { "\xef\xbc\x9d" "1", "\"'\xef\xbc\x9d" "1\"" },
        { "\xef\xbc\x8b" "1", "\"'\xef\xbc\x8b" "1\"" },
        { "\xef\xbc\x8d" "1", "\"'\xef\xbc\x8d" "1\"" },
        { "\xef\xbc\xa0" "1", "\"'\xef\xbc\xa0" "1\"" },
        { "\xff=1", "\"" BAD "=1\"" },
        { "a=1", "\"a=1\"" },
        { "   ", "\"   \"" },
        { "=", "\"'=\"" },
        { "\"=1", "\"\"\"=1\"" },
        { "'=1", "\"'=1\"" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pool = ngx_create_pool(1024, NULL);
        ngx_hd_text_init(&t, pool);

        ngx_hd_text_csv(&t, (const u_char *) cases[i][0],
                        strlen(cases[i][0]));

        check(strcmp(flat(&t), cases[i][1]) == 0, "%s is %s", cases[i][1],
              flat(&t));
        ngx_destroy_pool(pool);
    }

    checked("csv: quotes, and what looks like a formula");
}


static void
test_percent(void)
{
    ngx_uint_t     i;
    ngx_pool_t    *pool;
    ngx_hd_text_t  t;

    static const struct {
        uint64_t     n;
        const char  *text;
    } cases[] = {
        { 0, "0" }, { 1, "0.0001" }, { 10000, "1" }, { 990100, "99.01" },
        { 999999, "99.9999" }, { 1000000, "100" }, { 123450, "12.345" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pool = ngx_create_pool(1024, NULL);
        ngx_hd_text_init(&t, pool);

        ngx_hd_text_percent(&t, cases[i].n);

        check(strcmp(flat(&t), cases[i].text) == 0, "%s is %s",
              cases[i].text, flat(&t));
        ngx_destroy_pool(pool);
    }

    checked("millionths as percent");
}


static void
test_numbers(void)
{
    size_t  i;

    static const struct {
        uint64_t     n;
        const char  *uint;
        const char  *msec;
        const char  *ago;
    } cases[] = {
        { 0, "0", "0", "0 s" },
        { 1, "1", "0.001", "0 s" },
        { 100, "100", "0.1", "0 s" },
        { 120, "120", "0.12", "0 s" },
        { 999, "999", "0.999", "0 s" },
        { 1000, "1000", "1", "1 s" },
        { 10500, "10500", "10.5", "10 s" },
        { 59999, "59999", "59.999", "59 s" },
        { 60000, "60000", "60", "1 min" },
        { 252000, "252000", "252", "4 min 12 s" },
        { 3599999, "3599999", "3599.999", "59 min 59 s" },
        { 3600000, "3600000", "3600", "1 h" },
        { 3659999, "3659999", "3659.999", "1 h" },
        { 3660000, "3660000", "3660", "1 h 1 min" },
        { 86399999, "86399999", "86399.999", "23 h 59 min" },
        { 86400000, "86400000", "86400", "1 d" },
        { 266400000, "266400000", "266400", "3 d 2 h" },
        { UINT64_MAX, "18446744073709551615", "18446744073709551.615",
          "213503982334 d 14 h" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_str(number(ngx_hd_text_uint, cases[i].n), cases[i].uint,
               "%s as a number", cases[i].uint);
        is_str(number(ngx_hd_text_msec, cases[i].n), cases[i].msec,
               "%s usec", cases[i].uint);
        is_str(number(ngx_hd_text_ago, cases[i].n), cases[i].ago,
               "%s msec ago", cases[i].uint);
    }
}


static const char *
timed(int64_t wall)
{
    char           *s;
    ngx_pool_t     *pool;
    ngx_hd_text_t   t;

    pool = ngx_create_pool(4096, NULL);
    ngx_hd_text_init(&t, pool);
    ngx_hd_text_time(&t, wall);
    s = flat(&t);
    ngx_destroy_pool(pool);

    return s;
}


static void
test_time(void)
{
    char       want[64];
    time_t     sec;
    size_t     n;
    int64_t    wall;
    uint64_t   seed;
    struct tm  tm;

    seed = 1;

    for (n = 0; n < 20000; n++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        wall = (int64_t) ((seed >> 11)
                          % ((n & 1) ? 253402300800000ULL : 4102444800000ULL));

        sec = wall / 1000;
        gmtime_r(&sec, &tm);
        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
        sprintf(want + strlen(want), ".%03dZ", (int) (wall % 1000));

        check(strcmp(timed(wall), want) == 0, "%s", want);
    }

    checked("times as gmtime() has them");

    is_str(timed(0), "1970-01-01T00:00:00.000Z", "the epoch");
    is_str(timed(1709210096007), "2024-02-29T12:34:56.007Z", "a leap day");
    is_str(timed(253402300799999), "9999-12-31T23:59:59.999Z", "the last");
    is_str(timed(253402300800000), "9999-12-31T23:59:59.999Z", "beyond it");
    is_str(timed(INT64_MAX), "9999-12-31T23:59:59.999Z", "the highest");
    is_str(timed(-1), "1970-01-01T00:00:00.000Z", "before the epoch");
    is_str(timed(INT64_MIN), "1970-01-01T00:00:00.000Z", "the lowest");
}


static void
test_width(void)
{
    ngx_pool_t     *pool;
    ngx_hd_text_t   t;

    pool = ngx_create_pool(4096, NULL);

    ngx_hd_text_init(&t, pool);
    is_num(ngx_hd_text_plain(&t, (u_char *) "gr\xc3\xbcn", 5, 6), 6, "padded");
    is_num(ngx_hd_text_plain(&t, (u_char *) "too long", 8, 3), 8, "too long");
    is_num(ngx_hd_text_plain(&t, (u_char *) "\xff\n", 2, 0), 2, "hostile");
    is_num(ngx_hd_text_plain(&t, NULL, 0, 2), 2, "nothing");
    is_str(flat(&t), "gr\xc3\xbcn  too long" BAD "   ", "plain text");

    ngx_destroy_pool(pool);
}


int
main(void)
{
    test_pairs(ngx_hd_text_json, 0, "json: each piece after each, and cut");
    test_pairs(feed_part, 0, "json: the same as a part of a string");
    test_pairs(ngx_hd_text_html, 1, "html: each piece after each, and cut");
    test_pairs(feed_plain, 2, "plain: each piece after each, and cut");
    test_harmless(ngx_hd_text_json, 0, "json: two bytes of any kind");
    test_harmless(ngx_hd_text_html, 1, "html: two bytes of any kind");
    test_harmless(feed_plain, 2, "plain: two bytes of any kind");
    test_width();
    test_growth();
    test_memory();
    test_csv();
    test_percent();
    test_numbers();
    test_time();

    return done();
}


/*
 * Unit test of ngx_hd_secret.c: secrets in what a target sends, whole, cut,
 * one within another, and text that is no text.
 */


#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_secret.c"
#include "tap.h"


static ngx_pool_t       *pool;
static ngx_hd_check_t    asked;
static ngx_hd_result_t   result;


static void
secrets(const char **s)
{
    ngx_str_t  str;

    asked.secrets = NULL;

    for ( /* void */ ; *s; s++) {
        str.data = (u_char *) *s;
        str.len = strlen(*s);

        is_num(ngx_hd_check_secret(pool, &asked, &str), NGX_OK, "added");
    }
}


static void
set_text(const char *s, size_t len)
{
    memset(&result, 0, sizeof(result));
    memcpy(result.sample.text, s, len);
    result.sample.len = (uint16_t) len;
}


static const char *
text(const char *s)
{
    static char  buf[NGX_HD_SAMPLE_LEN + 1];

    set_text(s, strlen(s));
    ngx_hd_secret_hide(&asked, &result);

    memcpy(buf, result.sample.text, result.sample.len);
    buf[result.sample.len] = '\0';

    return buf;
}


static const char *
sentence(const char *s)
{
    static char  buf[NGX_HD_DETAIL_LEN + 1];

    memset(&result, 0, sizeof(result));
    result.len = (uint16_t) strlen(s);
    memcpy(result.detail, s, result.len);

    ngx_hd_secret_hide(&asked, &result);

    memcpy(buf, result.detail, result.len);
    buf[result.len] = '\0';

    return buf;
}


static void
test_mask(void)
{
    static const char  *none[] = { NULL };
    static const char  *some[] = { "hunter2-and-more", "", "hunter2", "ab",
                                   "hunter2", "s\x01\xffret-x", NULL };

    secrets(none);
    is_str(text("say hunter2"), "say hunter2", "nothing is secret");

    secrets(some);
    is_num(asked.secrets->nelts, 4, "neither empty nor twice");

    is_str(text("say hunter2."), "say ***.", "a secret");
    is_str(text("hunter2hunter2"), "******", "two in a row");
    is_str(text("hunter2-and-more!"), "***!", "the longest of two");
    is_str(text("hunter2-and-mo!"), "***-and-mo!", "the shorter of two");
    is_str(text("hunter hunter2-an"), "hunter ***", "cut at the end");
    is_str(text("no hunt"), "no ***", "at least four bytes of it");
    is_str(text("no hun"), "no hun", "three are nothing");
    is_str(text("ab cab abc =ab& ab"), "*** cab abc =***& ***",
           "a short one stands alone");
    is_str(text("s\x01\xffret-x"), "***", "bytes that are no text");

    is_str(sentence("got \"hunter2\""), "got \"***\"", "in a sentence");
    is_str(sentence("got \"nter2 is\""), "got \"*** is\"",
           "the end of it behind a quote");
    is_str(sentence("got \"x hunter2-an\""), "got \"x ***\"",
           "its beginning before a quote");
    is_str(sentence("got \"ter2-and\""), "got \"***\"", "from its middle");
    is_str(sentence("got x ter2-and"), "got x ter2-and",
           "no piece without a cut");
    is_str(sentence("got \"s??ret-x\""), "got \"***\"",
           "what was made printable");
}


/* JSON has a backslash before some bytes, that of PHP before "/", too */

static void
test_escaped(void)
{
    static const char  *some[] = { "ab/cd+ef/gh==", "q\"uo\\te", "x\\\\y\\z",
                                   NULL };

    secrets(some);

    is_str(text("{\"a\":\"Basic ab\\/cd+ef\\/gh==\"}"),
           "{\"a\":\"Basic ***\"}", "as PHP writes it");
    is_str(text("ab/cd+ef\\/gh=="), "***", "half of it");
    is_str(text("{\"q\\\"uo\\\\te\"}"), "{\"***\"}", "as JSON writes it");
    is_str(text("q\"uo\\te q\\\"uo\\te"), "*** ***", "and as it is");
    is_str(text("x\\\\y\\z x\\\\\\\\y\\\\z"), "*** ***",
           "two backslashes of its own");
    is_str(text("see ab\\/cd+ef\\"), "see ***\\", "cut at the end");
    is_str(sentence("got \"ab\\/cd+e\""), "got \"***\"", "cut in a sentence");
    is_str(text("ab\\cd"), "ab\\cd", "another backslash is another text");
}


/* a line that a server has cut itself */

static void
test_lines(void)
{
    static const char  *some[] = { "hunter2-and-more", NULL };

    secrets(some);

    is_str(text("500 what is hunter2-a\n220 hi"), "500 what is ***\n220 hi",
           "a part of it at the end of a line");
    is_str(text("what is hunter2-a\r\n220 hi"), "what is ***\n220 hi",
           "and in front of CRLF");
    is_str(text("a hun\nb hunter b"), "a hun\nb hunter b",
           "too short, or within a line");
}


static void
test_growth(void)
{
    size_t              i;
    static const char  *some[] = { "1", NULL };

    secrets(some);

    memset(&result, 0, sizeof(result));

    for (i = 0; i < NGX_HD_SAMPLE_LEN; i++) {
        result.sample.text[i] = (i & 1) ? ' ' : '1';
    }

    result.sample.len = NGX_HD_SAMPLE_LEN;
    ngx_hd_secret_hide(&asked, &result);

    is_num(result.sample.len, NGX_HD_SAMPLE_LEN, "no longer than its buffer");
    ok(memchr(result.sample.text, '1', NGX_HD_SAMPLE_LEN) == NULL,
       "no secret left");
}


static void
test_print(void)
{
    u_char              c;
    ngx_uint_t          i, bad;
    static const char  *none[] = { NULL };

    secrets(none);

    is_str(text("a\r\nb\tc\x1b[31m\x7f\n"), "a\nb c.[31m.\n",
           "line feeds are kept, the rest is not");
    is_str(text("\xc3\xbc \xff \xe2\x80\xae \xc0\xaf"), "\xc3\xbc ? . ??",
           "what is no UTF-8, and marks of direction");

    memset(&result, 0, sizeof(result));
    memset(result.sample.text, 'x', NGX_HD_SAMPLE_LEN);
    result.sample.text[NGX_HD_SAMPLE_LEN - 1] = 0xc3;
    result.sample.len = NGX_HD_SAMPLE_LEN;
    memcpy(result.sample.line, "HTTP/1.1\n200\0 OK", 16);
    result.sample.line_len = 16;

    ngx_hd_secret_hide(&asked, &result);

    is_num(result.sample.len, NGX_HD_SAMPLE_LEN - 1, "half a character");
    ok(memcmp(result.sample.line, "HTTP/1.1 200. OK", 16) == 0,
       "a line stays one");

    memset(&result, 0, sizeof(result));
    for (i = 0; i < 256; i++) {
        result.sample.text[i] = (u_char) i;
    }
    result.sample.len = 256;

    ngx_hd_secret_hide(&asked, &result);

    for (bad = 0, i = 0; i < result.sample.len; i++) {
        c = result.sample.text[i];
        bad += (c < 0x20 && c != '\n') || c >= 0x7f;
    }

    is_num(bad, 0, "all bytes");
}


int
main(void)
{
    pool = ngx_create_pool(1024, NULL);

    test_mask();
    test_escaped();
    test_lines();
    test_growth();
    test_print();

    ngx_destroy_pool(pool);

    return done();
}

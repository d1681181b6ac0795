
/*
 * Unit test of ngx_hd_step.c and ngx_hd_wire_steps.c: how steps are written,
 * what is sent, and answers that come in pieces, end early, or never end.
 */


#include "talk.h"
#include "../../ngx_http_healthdash_module/ngx_hd_step.c"
#include "../../ngx_http_healthdash_module/ngx_hd_wire_steps.c"


static ngx_hd_check_t   conf;
static u_char           err[256];


/* words of a line, with "|" between them */

static ngx_int_t
parse(const char *line, ngx_hd_step_t *step)
{
    size_t       len;
    ngx_str_t    args[8];
    ngx_uint_t   n;
    const char  *p;

    for (n = 0; line; n++) {
        p = strchr(line, '|');
        len = p ? (size_t) (p - line) : strlen(line);

        args[n].len = len;
        args[n].data = ngx_pnalloc(talk_pool, len + 1);
        memcpy(args[n].data, line, len);
        args[n].data[len] = '\0';

        line = p ? p + 1 : NULL;
    }

    memset(err, 'x', sizeof(err));

    return ngx_hd_step_parse(talk_pool, step, args, n, err, sizeof(err));
}


static ngx_uint_t
is(const char *word)
{
    ngx_str_t  args[2];

    args[1].data = (u_char *) word;
    args[1].len = strlen(word);

    return ngx_hd_step_is(args, 2);
}


static void
steps(const char **lines)
{
    ngx_hd_step_t  *step;

    memset(&conf, 0, sizeof(conf));
    conf.steps = ngx_array_create(talk_pool, 4, sizeof(ngx_hd_step_t));

    for ( /* void */ ; *lines; lines++) {
        step = ngx_array_push(conf.steps);

        if (parse(*lines, step) != NGX_OK) {
            ok(0, "step %s: %s", *lines, (char *) err);
        }
    }
}


static ngx_int_t
say(const char *text, size_t size, ngx_uint_t eof)
{
    return talk(ngx_hd_wire_steps, &conf, (u_char *) text, strlen(text), size,
                eof);
}


static void
test_parse(void)
{
    size_t         i;
    ngx_hd_step_t  step;

    static const struct {
        const char  *line;
        const char  *text;
        size_t       len;
    } good[] = {
        { "send|abc", "abc", 3 },
        { "send|a\\r\\n\\t\\0\\\\b", "a\r\n\t\0\\b", 7 },
        { "send|\\x00\\xfF\\x41", "\0\xff" "A", 3 },
        { "expect|=|\\x2bOK", "+OK", 3 },
        { "expect|~|^\\d", "^\\d", 3 },
        { "expect|~*|a", "a", 1 }
    };

    static const char  *bad[] = {
        "send", "send|", "send|a|b", "send|\\", "send|a\\", "send|\\x",
        "send|\\x1", "send|\\xg1", "send|\\q", "expect|~", "expect|~|",
        "expect|=|\\", "expect|~|(", "expect|!~|a", "expect|<|1",
        "expect|==|a", "expect|~~|a", "expect|~|a|b"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        check(parse(good[i].line, &step) == NGX_OK, "%s", good[i].line);
        check(step.text.len == good[i].len
              && memcmp(step.text.data, good[i].text, good[i].len) == 0,
              "%s: text", good[i].line);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check(parse(bad[i], &step) == NGX_ERROR, "%s is refused", bad[i]);
        check(memchr(err, '\0', sizeof(err)) && err[0], "%s: said", bad[i]);
    }

    check(is("~") && is("~*") && is("=") && is("!~") && is("<=")
          && !is("status") && !is("!header") && !is(""), "steps are told");

    checked("lines are read");
}


static void
test_talk(void)
{
    size_t       n, size, len;
    ngx_int_t    rc;
    const char  *answer;

    static const char  *lines[] = {
        "expect|~|^220 .*\\n", "send|EHLO x\\r\\n", "send|QUIT\\r\\n",
        "expect|=|250 ok\\r\\n", "expect|=|221 bye\\r\\n", NULL
    };

    steps(lines);
    answer = "220 host\r\n250 ok\r\n221 bye\r\nrest";
    len = strlen(answer) - 4;

    /* the peer answers once it was spoken to: the greeting is one piece */

    for (size = 1; size < 10; size++) {
        rc = say(answer, 1, 0);
        check(rc == NGX_OK, "bytes one by one");
        check(talk_said_len == 14
              && memcmp(talk_said, "EHLO x\r\nQUIT\r\n", 14) == 0,
              "both were sent");
    }

    for (n = 0; n < len; n++) {
        rc = talk(ngx_hd_wire_steps, &conf, (u_char *) answer, n, 1, 0);
        check(rc == NGX_AGAIN, "%d bytes are not enough", (int) n);
        check(talk_wire.waits.len > 0, "%d bytes: waits", (int) n);

        rc = talk(ngx_hd_wire_steps, &conf, (u_char *) answer, n, 1, 1);
        check(rc == NGX_DECLINED, "%d bytes and an end", (int) n);
        check(talk_result.verdict == NGX_HD_FAIL, "%d bytes: a failure",
              (int) n);
    }

    checked("cut at each byte");

    is_num(say("220 x", 9, 1), NGX_DECLINED, "half a greeting");
    is_str(talk_detail(), "step 1: expected ~ \"^220 .*\\n\", got \"220 x\"",
           "is shown");

    is_num(say("", 1, 1), NGX_DECLINED, "no greeting");
    is_str(talk_detail(), "connection closed at step 1: expected ~ "
           "\"^220 .*\\n\"", "is named");

    is_num(say("220 x\r\n", 9, 1), NGX_DECLINED, "only a greeting");
    is_str(talk_detail(), "connection closed at step 4: expected = "
           "\"250 ok\"", "says what was waited for");
}


static void
test_fail(void)
{
    char        *big;
    ngx_int_t    rc;

    static const char  *equal[] = { "send|PING", "expect|=|+PONG\\r\\n", NULL };
    static const char  *search[] = { "expect|~|^220", NULL };
    static const char  *dear[] = { "expect|~|(a+)+[bc]", NULL };
    static const char  *last[] = { "expect|~|a", "send|QUIT", NULL };

    steps(equal);

    is_num(say("-ERR no\r\n", 100, 0), NGX_DECLINED, "the wrong answer");
    is_str(talk_detail(), "step 2: expected = \"+PONG\", got \"-ERR no\"",
           "fails at once");

    is_num(say("+PO", 1, 0), NGX_AGAIN, "half of the right one");
    ok(talk_wire.waits.len == 37
       && memcmp(talk_wire.waits.data,
                 "step 2: expected = \"+PONG\", got \"+PO\"", 37) == 0,
       "is what a timeout tells (%.*s)", (int) talk_wire.waits.len,
       talk_wire.waits.data);

    steps(search);

    is_num(say("554 go away\r\n", 100, 1), NGX_DECLINED, "refused");
    is_str(talk_detail(), "step 1: expected ~ \"^220\", got \"554 go away\"",
           "in words");

    big = malloc(40000);
    memset(big, 'a', 40000);

    rc = talk(ngx_hd_wire_steps, &conf, (u_char *) big, 40000, 1000, 0);
    is_num(rc, NGX_DECLINED, "a peer that never stops");
    ok(talk_result.reason == NGX_HD_R_STEP, "is a failed step");

    steps(dear);

    rc = talk(ngx_hd_wire_steps, &conf, (u_char *) big, 2000, 2000, 0);
    is_num(rc, NGX_DECLINED, "a pattern that takes too long");
    is_str(talk_detail(), "step 1: ~ \"(a+)+[bc]\" takes too many steps",
           "is given up");

    free(big);

    steps(last);

    is_num(say("a", 1, 0), NGX_OK, "a dialogue that ends with a word");
    ok(talk_said_len == 4, "says it");
}


static void
test_memory(void)
{
    long       n;
    ngx_int_t  rc;

    static const char  *lines[] = {
        "send|PING", "expect|~|PONG", "send|X", "expect|~|Y", NULL
    };

    steps(lines);

    for (n = 1; n < 20; n++) {
        stand_in_fail = n;
        rc = say("PONGY", 1, 0);

        if (stand_in_fail) {
            break;
        }

        check(rc == NGX_ERROR && talk_result.reason == NGX_HD_R_LOCAL_MEMORY,
              "allocation %ld", n);
    }

    stand_in_fail = 0;

    check(n > 3, "%ld allocations", n);
    checked("without memory it is our failure");
}


/* a peer that does not wait for its turn has what it is told, all of it */

static void
test_eager(void)
{
    steps((const char *[]) { "expect|=|A\n", "send|one ", "expect|=|B\n",
                             "send|two ", "expect|=|C\n", "send|three",
                             NULL });

    is_num(say("A\nB\n", 4096, 0), NGX_AGAIN, "two answers at once");
    is_num(talk_said_len, 8, "both questions are sent");
    ok(memcmp(talk_said, "one two ", 8) == 0, "in their order");

    is_num(say("A\nB\nC\n", 4096, 0), NGX_OK, "three answers at once");
    is_num(talk_said_len, 13, "and the last word, too");
    ok(memcmp(talk_said, "one two three", 13) == 0, "in their order");
}


/* what one server makes of a pattern is not for others of its block to pay */

static void
test_others(void)
{
    u_char         dear[2000];
    size_t         n;
    ngx_hd_wire_t  wire;

    steps((const char *[]) { "expect|~|(a+)+[bc]", NULL });

    is_num(say("0123456789", 100, 0), NGX_AGAIN, "the begin of an answer");
    wire = talk_wire;

    memset(dear, 'a', sizeof(dear));
    is_num(talk(ngx_hd_wire_steps, &conf, dear, sizeof(dear), sizeof(dear), 0),
           NGX_DECLINED, "that of another server costs all steps");

    talk_wire = wire;
    n = 2;
    is_num(talk_step(ngx_hd_wire_steps, (u_char *) "ab", &n), NGX_OK,
           "the first one has its own");
}


int
main(void)
{
    talk_pool = ngx_create_pool(4096, NULL);

    test_parse();
    test_talk();
    test_fail();
    test_eager();
    test_others();
    test_memory();

    ngx_destroy_pool(talk_pool);

    return done();
}

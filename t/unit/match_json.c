
/*
 * Unit test of ngx_hd_json.c and the conditions on it: paths taken and
 * refused, what is compared how, hostile documents.
 */


#include "../../ngx_http_healthdash_module/ngx_hd_json.c"
#include "../../ngx_http_healthdash_module/ngx_hd_match.c"
#include "match_help.h"


#define BIG   200000


typedef struct {
    const char  *line;
    const char  *detail;                /* NULL: holds */
} case_t;


static const char  *document =
    "{ \"checks\": { \"db\": \"timeout\", \"cache\": \"ok\" },"
    "  \"items\": [ { \"name\": \"a\" }, { \"name\": \"b\" }, 3 ],"
    "  \"n\": 5, \"real\": 1.0, \"tenth\": 0.1, \"neg\": -7, \"zero\": 0,"
    "  \"big\": 9007199254740993, \"max\": 9223372036854775807,"
    "  \"yes\": true, \"no\": false, \"nil\": null, \"empty\": \"\","
    "  \"digits\": \"42\", \"a.b\": 1, \"q\\\"\": 2, \"\": 3,"
    "  \"length\": 77, \"none\": [], \"word\": \"h\\u00e9llo\","
    "  \"nul\": \"a\\u0000b\", \"twice\": 1, \"twice\": 2,"
    "  \"evil\": \"<b>\\u001b[31m\\n\" }";


static void
try(const char *line, const char *body, size_t len, const char *expected)
{
    ngx_int_t        rc;
    ngx_hd_answer_t  answer;
    const char      *lines[] = { line, NULL };

    memset(&answer, 0, sizeof(answer));

    /* without an end, so that ASan sees what is beyond it */

    answer.body.data = malloc(len ? len : 1);
    memcpy(answer.body.data, body, len);
    answer.body.len = len;

    rc = judge(conditions(lines), &answer);

    free(answer.body.data);

    is_num(rc, expected ? NGX_DECLINED : NGX_OK, "%s %s", line,
           expected ? "fails" : "holds");
    is_str(detail(), expected ? expected : "", "detail");
    is_num(result.reason, expected ? NGX_HD_R_JSON : NGX_HD_R_NONE, "reason");
}


static void
test_parse(void)
{
    size_t         i;
    ngx_hd_cond_t  cond;

#define PATH(p, why)                                                          \
    "json path \"" p "\" " why ", expected one such as .checks.db, "          \
    ".items[0].name or length(.items)"

    static const char  *good[] = {
        "json|.|=|1", "json|.a|=|b", "json|.a.b.c|!=|b", "json|.a[0]|<|5",
        "json|.[0]|<=|5", "json|[0]|>|-5", "json|.a[-1].b|>=|5.5",
        "json|.\"a b\"|~|x", "json|[\"a b\"]|~*|x", "json|.[\"a\"].b|!~|x",
        "json|.\"a\\\"b\\\\\"[0]|!~*|x", "json|length(.a)|>|0",
        "json|length(.)|>|0", "json|.a-b_c/d:e|=|", "json|.\xc3\xbc|=|x",
        "json|.a[2147483648]|=|1"
    };

    static const case_t  bad[] = {
        { "json|.a|=", "invalid number of words after json, expected a path, "
          "an operator and a value such as json .checks.db = ok" },
        { "json|.a|=|b|c", "invalid number of words after json, expected a "
          "path, an operator and a value such as json .checks.db = ok" },
        { "json|.a|==|b", "invalid operator \"==\" for json, expected "
          "=, !=, <, <=, >, >=, ~, ~*, !~ or !~*" },
        { "json||=|b", PATH("", "must begin with \".\"") },
        { "json|a|=|b", PATH("a", "must begin with \".\"") },
        { "json|length()|=|1", PATH("length()", "must begin with \".\"") },
        { "json|length(a)|=|1", PATH("length(a)", "must begin with \".\"") },
        { "json|..a|=|b", PATH("..a", "is malformed") },
        { "json|.a.|=|b", PATH(".a.", "is malformed") },
        { "json|.a[|=|b", PATH(".a[", "is malformed") },
        { "json|.a[]|=|b", PATH(".a[]", "is malformed") },
        { "json|.a[x]|=|b", PATH(".a[x]", "is malformed") },
        { "json|.a[-0]|=|b", PATH(".a[-0]", "is malformed") },
        { "json|.a[--1]|=|b", PATH(".a[--1]", "is malformed") },
        { "json|.a[1|=|b", PATH(".a[1", "is malformed") },
        { "json|.a[1]b|=|b", PATH(".a[1]b", "is malformed") },
        { "json|.a[9999999999999999999]|=|b",
          PATH(".a[9999999999999999999]", "is malformed") },
        { "json|.\"a|=|b", PATH(".\"a", "is malformed") },
        { "json|.\"a\\|=|b", PATH(".\"a\\", "is malformed") },
        { "json|[\"a\"|=|b", PATH("[\"a\"", "is malformed") },
        { "json|.a b|=|b", PATH(".a b", "is malformed") },
        { "json|length(.a|=|b", PATH("length(.a", "must begin with \".\"") },
        { "json|.a|<|x", "invalid number \"x\", expected a decimal number "
          "without a unit such as 93.5" },
        { "json|.a|~|(", "invalid regular expression \"(\", "
          "missing closing parenthesis at offset 1" },
        { "json|.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
          "a.a.a|=|1", PATH(".a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
          "a.a.a.a.a.a.a.a.a.a", "has more than 32 steps") }
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(parse(good[i], &cond) == NGX_OK, "takes %s: %s", good[i],
           (char *) err);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(parse(bad[i].line, &cond) == NGX_ERROR, "refuses %s", bad[i].line);
        is_str((char *) err, bad[i].detail, "with a sentence");
    }
}


static void
test_judge(void)
{
    size_t  i;

    static const case_t  cases[] = {

        /* strings */
        { "json|.checks.db|=|ok",
          "json .checks.db: expected \"ok\", got \"timeout\"" },
        { "json|.checks.cache|=|ok", NULL },
        { "json|.checks.db|!=|ok", NULL },
        { "json|.checks.cache|!=|ok",
          "json .checks.cache: expected != \"ok\", got \"ok\"" },
        { "json|.checks.db|~|^time", NULL },
        { "json|.checks.db|~|TIME",
          "json .checks.db: expected ~ \"TIME\", got \"timeout\"" },
        { "json|.checks.db|~*|TIME", NULL },
        { "json|.checks.db|!~|out",
          "json .checks.db: expected !~ \"out\", got \"out\"" },
        { "json|.checks.db|!~*|x", NULL },
        { "json|.empty|=|", NULL },
        { "json|.digits|=|42", NULL },
        { "json|.digits|=|42.0",
          "json .digits: expected = 42.0, got \"42\"" },
        { "json|.digits|>|1", "json .digits: expected > 1, got \"42\"" },
        { "json|.nul|=|a", "json .nul: expected \"a\", got \"a?b\"" },
        { "json|.nul|~|b$", NULL },
        { "json|.evil|=|x",
          "json .evil: expected \"x\", got \"<b>?[31m?\"" },

        /* numbers */
        { "json|.n|=|5", NULL }, { "json|.n|=|5.0", NULL },
        { "json|.real|=|1", NULL }, { "json|.tenth|=|0.10", NULL },
        { "json|.n|=|6", "json .n: expected = 6, got 5" },
        { "json|.n|=|five", "json .n: expected \"five\", got 5" },
        { "json|.n|!=|five", NULL },
        { "json|.n|!=|5", "json .n: expected != 5, got 5" },
        { "json|.n|<|6", NULL }, { "json|.n|<=|5", NULL },
        { "json|.n|>|4.9", NULL }, { "json|.n|>=|5.1",
          "json .n: expected >= 5.1, got 5" },
        { "json|.neg|<|-6", NULL }, { "json|.n|~|^5$", NULL },
        { "json|.n|!~|5", "json .n: expected !~ \"5\", got 5" },
        { "json|.big|=|9007199254740993", NULL },
        { "json|.big|=|9007199254740992", "json .big: expected "
          "= 9007199254740992, got 9007199254740993" },
        { "json|.max|>|9223372036854775806", NULL },

        /* booleans and null */
        { "json|.yes|=|true", NULL }, { "json|.no|=|false", NULL },
        { "json|.no|=|true", "json .no: expected = true, got false" },
        { "json|.yes|!=|true", "json .yes: expected != true, got true" },
        { "json|.yes|=|1", "json .yes: expected = 1, got true" },
        { "json|.yes|>|0", "json .yes: expected > 0, got true" },
        { "json|.yes|~|^t", NULL }, { "json|.nil|=|null", NULL },
        { "json|.nil|!=|null", "json .nil: expected != null, got null" },
        { "json|.nil|~|null", "json .nil: expected ~ \"null\", got null" },
        { "json|.nil|!~|null", NULL },
        { "json|.nil|=|", "json .nil: expected \"\", got null" },

        /* arrays and objects */
        { "json|.items|=|x", "json .items: expected \"x\", got an array of 3" },
        { "json|.items|!=|x", NULL }, { "json|.items|~|.",
          "json .items: expected ~ \".\", got an array of 3" },
        { "json|.checks|=|x", "json .checks: expected \"x\", got an object "
          "that has keys db, cache" },
        { "json|.items[0].name|=|a", NULL },
        { "json|.items[1].name|=|b", NULL },
        { "json|.items[-1]|=|3", NULL }, { "json|.items[-3].name|=|a", NULL },

        /* keys */
        { "json|.\"a.b\"|=|1", NULL }, { "json|[\"a.b\"]|=|1", NULL },
        { "json|.\"q\\\"\"|=|2", NULL }, { "json|.\"\"|=|3", NULL },
        { "json|.length|=|77", NULL }, { "json|.twice|=|2", NULL },

        /* lengths */
        { "json|length(.items)|=|3", NULL },
        { "json|length(.none)|=|0", NULL },
        { "json|length(.checks)|>|1", NULL },
        { "json|length(.word)|=|5", NULL }, { "json|length(.)|>|20", NULL },
        { "json|length(.items)|>|3",
          "json length(.items): expected > 3, got 3" },
        { "json|length(.n)|=|1", "json length(.n): expected = 1, got a "
          "number, which has no length" },
        { "json|length(.gone)|!=|0", NULL },

        /* what is not there */
        { "json|.checks.mail|=|ok", "json .checks.mail: expected \"ok\", got "
          "no such path (.checks has keys db, cache)" },
        { "json|.checks.mail|!=|ok", NULL },
        { "json|.checks.mail|!~|ok", NULL },
        { "json|.checks.mail|~|.", "json .checks.mail: expected ~ \".\", got "
          "no such path (.checks has keys db, cache)" },
        { "json|.checks.mail|<|5", "json .checks.mail: expected < 5, got "
          "no such path (.checks has keys db, cache)" },
        { "json|.items[3]|=|x", "json .items[3]: expected \"x\", got no such "
          "path (.items has 3 elements)" },
        { "json|.items[-4]|=|x", "json .items[-4]: expected \"x\", got no "
          "such path (.items has 3 elements)" },
        { "json|.n.x|=|1",
          "json .n.x: expected = 1, got no such path (.n is a number)" },
        { "json|.checks[0]|=|x", "json .checks[0]: expected \"x\", got no "
          "such path (.checks has keys db, cache)" },
        { "json|.items.a|=|x", "json .items.a: expected \"x\", got no such "
          "path (.items has 3 elements)" },
        { "json|.gone|=|x", "json .gone: expected \"x\", got no such path "
          "(. has keys checks, items, n, real, tenth, neg, ...)" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        try(cases[i].line, document, strlen(document), cases[i].detail);
    }
}


static void
test_documents(void)
{
    size_t  i;

    static const struct {
        const char  *body;
        const char  *line;
        const char  *detail;
    } cases[] = {
        { "true", "json|.|=|true", NULL }, { "5", "json|.|<|6", NULL },
        { " \"a\" ", "json|.|=|a", NULL }, { "[1,2]", "json|.[1]|=|2", NULL },
        { "{}", "json|.a|=|1",
          "json .a: expected = 1, got no such path (. has no keys)" },
        { "", "json|.|=|1", "json: invalid, empty" },
        { "", "json|.|!=|1", "json: invalid, empty" },
        { "{\"a\":tru}", "json|.a|!=|1",
          "json: invalid, line 1 column 8: invalid token near 'tru'" },
        { "[1,\n 2", "json|.a|=|1",
          "json: invalid, line 2 column 2: ']' expected near end of file" },
        { "1 x", "json|.|=|1",
          "json: invalid, line 1 column 3: end of file expected near 'x'" },
        { "\"\xff\"", "json|.|=|1",
          "json: invalid, line 1 column 1: "
          "unable to decode byte 0xff near '\"'" },
        { "{\"a\\u0000\":1}", "json|.a|=|1", "json: invalid, line 1 column 10: "
          "NUL byte in object key not supported near '\"a\\u0000\"'" },
        { "[1e999]", "json|.[0]|>|1", "json: invalid, line 1 column 6: "
          "real number overflow near '1e999'" },

        /* beyond 64 bits: nothing is said that may be wrong */
        { "[18446744073709551615,5]", "json|.[0]|>|1", NULL },
        { "[18446744073709551615,5]", "json|.[1]|=|5", NULL },
        { "[18446744073709551615]", "json|.[0]|=|18446744073709551614",
          "json .[0]: expected = 18446744073709551614, got 1.844674407e+19, "
          "too large to be compared" },
        { "[18446744073709551615]", "json|.[0]|!=|18446744073709551614",
          "json .[0]: expected != 18446744073709551614, got 1.844674407e+19, "
          "too large to be compared" },
        { "[18446744073709551615]", "json|.[0]|!=|5", NULL },
        { "[9007199254740993.0]", "json|.[0]|=|9007199254740992",
          "json .[0]: expected = 9007199254740992, got 9.007199255e+15, "
          "too large to be compared" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        try(cases[i].line, cases[i].body, strlen(cases[i].body),
            cases[i].detail);
    }
}


static void
test_hostile(void)
{
    char    *big;
    size_t   i;

    big = malloc(BIG);

    memset(big, '[', BIG);
    try("json|.a|=|1", big, 90000, "json: invalid, nested too deeply");

    memset(big, ' ', BIG);
    big[0] = '1';
    try("json|.|=|1", big, NGX_HD_JSON_LIMIT, NULL);
    try("json|.|=|1", big, NGX_HD_JSON_LIMIT + 1,
        "json: invalid, longer than 98304 bytes");

    /* a message shows little of a long string, cut between characters */

    memset(big, 'x', 90000);
    big[0] = '"';
    big[89999] = '"';
    try("json|.|=|1", big, 90000, "json .: expected = 1, got \"xxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"");
    try("json|.|~|(x+x+)+[yz]", big, 90000,
        "json ~ \"(x+x+)+[yz]\" takes too many steps");

    /* every length of a good one */

    for (i = 1; i < strlen(document); i++) {
        ngx_hd_answer_t  answer;
        const char      *lines[] = { "json|.n|=|5", NULL };

        memset(&answer, 0, sizeof(answer));
        answer.body.data = (u_char *) big;
        answer.body.len = i;
        memcpy(big, document, i);

        check(judge(conditions(lines), &answer) == NGX_DECLINED,
              "cut after %d bytes", (int) i);
    }

    checked("a document cut at every byte");

    free(big);
}


static void
test_shared(void)
{
    ngx_hd_answer_t  answer;
    const char      *lines[] = { "json|.n|=|5", "?json|.n|>|5",
                                 "json|.yes|=|true", NULL };

    memset(&answer, 0, sizeof(answer));
    answer.body.data = (u_char *) document;
    answer.body.len = strlen(document);

    is_num(judge(conditions(lines), &answer), NGX_DECLINED, "a warning");
    is_num(result.verdict, NGX_HD_WARN, "its verdict");
    is_str(detail(), "json .n: expected > 5, got 5", "its detail");

    answer.body.len = 10;
    answer.body_cut = 1;
    is_num(judge(conditions(lines), &answer), NGX_DECLINED, "a cut body");
    is_str(detail(), "json: cut by body_limit after 10 bytes", "says so");
}


/* what jansson asks for memory; the nth time it gets none */

static long  fails_at;


static void *
short_malloc(size_t size)
{
    if (--fails_at) {
        return malloc(size);
    }

    errno = ENOMEM;

    return NULL;
}


/* no memory is our trouble, and no fault of the document */

static void
test_memory(void)
{
    long           n;
    ngx_int_t      rc;
    ngx_str_t      body;
    ngx_hd_json_t  json;

    json_set_alloc_funcs(short_malloc, free);

    body.data = (u_char *) document;
    body.len = strlen(document);

    /* what jansson can do without is no failure */

    for (n = 1, fails_at = 0; fails_at <= 0; n++) {
        fails_at = n;
        rc = ngx_hd_json_parse(&json, &body, err, sizeof(err));

        check(rc == NGX_ERROR || rc == NGX_OK, "allocation %ld: json: %s", n,
              err);

        if (rc == NGX_OK) {
            ngx_hd_json_free(&json);
        }
    }

    json_set_alloc_funcs(malloc, free);

    is_num(rc, NGX_OK, "after %ld allocations that failed", n - 2);
    checked("without memory nobody is blamed");
}


int
main(void)
{
    pool = ngx_create_pool(1024, NULL);

    test_parse();
    test_judge();
    test_documents();
    test_hostile();
    test_shared();
    test_memory();

    ngx_destroy_pool(pool);

    return done();
}

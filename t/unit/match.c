
/*
 * Unit test of ngx_hd_match.c and ngx_hd_match_parse.c: each form of a
 * condition taken and refused, the exact sentences, hostile answers.
 */


#include <time.h>

#include "../../ngx_http_healthdash_module/ngx_hd_match.c"
#include "../../ngx_http_healthdash_module/ngx_hd_match_parse.c"
#include "match_help.h"


#define BIG         65536


static ngx_str_t
str(const char *s)
{
    ngx_str_t  v;

    v.len = strlen(s);
    v.data = v.len ? (u_char *) s : NULL;

    return v;
}


/* "Name: value" lines of a response */

static ngx_array_t *
response(const char **lines)
{
    const char       *p;
    ngx_array_t      *headers;
    ngx_table_elt_t  *h;

    headers = ngx_array_create(pool, MAX_CONDS, sizeof(ngx_table_elt_t));

    for ( /* void */ ; *lines; lines++) {
        h = ngx_array_push(headers);
        memset(h, 0, sizeof(*h));

        p = strchr(*lines, ':');
        h->key.data = (u_char *) *lines;
        h->key.len = p - *lines;
        h->value = str(p + 2);
    }

    return headers;
}


static void
test_accept(void)
{
    size_t         i;
    ngx_hd_cond_t  cond;

    static const char  *lines[] = {
        "status|200", "status|100", "status|599", "status|200-299|304",
        "status|200-200", "status|=|200", "status|=|200-299|404",
        "status|!=|500", "status|!=|500-599", "status|<|400", "status|<=|399",
        "status|>|199", "status|>=|200",
        "header|X|=|", "header|X|!=|a b", "header|X|<|5", "header|X|<=|-5",
        "header|X|>|0", "header|X|>=|9223372036854775807",
        "header|Content-Type|~|json", "header|x_!#$%&'*+-.^`~1|~*|^a",
        "header|X|!~|b$", "header|X|!~*|b$", "!header|X-Debug",
        "body|=|OK", "body|=|", "body|!=|x", "body|~|a.*b", "body|~*|up",
        "body|!~|error", "body|!~*|error",
        "time|<|300ms", "time|<=|2s", "time|>|1ms", "time|>=|1m"
    };

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        memset(&cond, 0xa5, sizeof(cond));
        ok(parse(lines[i], &cond) == NGX_OK && cond.warn == 0, "takes %s",
           lines[i]);
    }

    (void) parse("status|200-299|304", &cond);
    is_num(cond.value.len, 11, "a status list is kept as written");
    ok(memcmp(cond.value.data, "200-299 304", 11) == 0, "with blanks");

    (void) parse("time|<|2s", &cond);
    is_num(cond.number, 2000, "a time is kept in msec");
}


static void
test_refuse(void)
{
    size_t         i;
    ngx_hd_cond_t  cond;
    u_char         small[8];
    ngx_str_t      arg;

#define STATUS  ", expected a number from 100 to 599 or a range such as 200-299"
#define HEADER  "invalid number of words after header, expected a name, "     \
                "an operator and a value such as header Content-Type ~* json"
#define SUBJECTS                                                              \
    "expected status, header, body, json, value, row, cert_days or "   \
    "time"
#define ANY     "=, !=, <, <=, >, >=, ~, ~*, !~ or !~*"

    static const struct {
        const char  *line;
        const char  *err;
    } cases[] = {
        { "xml|.a|=|b", "unknown subject \"xml\", " SUBJECTS },
        { "", "unknown subject \"\", " SUBJECTS },
        { "Status|200",
          "unknown subject \"Status\", " SUBJECTS },
        { "status", "no value for status, expected one such as "
          "status 200-299 304" },
        { "status|=", "no value for status, expected one such as "
          "status 200-299 304" },
        { "status|20x", "invalid status \"20x\"" STATUS },
        { "status|ok", "invalid status \"ok\"" STATUS },
        { "status|", "invalid status \"\"" STATUS },
        { "status|200|99", "invalid status \"99\"" STATUS },
        { "status|600", "invalid status \"600\"" STATUS },
        { "status|0200", "invalid status \"0200\"" STATUS },
        { "status|-200", "invalid status \"-200\"" STATUS },
        { "status|200-", "invalid status \"200-\"" STATUS },
        { "status|299-200", "invalid status \"299-200\"" STATUS },
        { "status|200-299-", "invalid status \"200-299-\"" STATUS },
        { "status|200,204", "invalid status \"200,204\"" STATUS },
        { "status|!=|5xx", "invalid status \"5xx\"" STATUS },
        { "status|~|2..", "invalid operator \"~\" for status, expected "
          "=, !=, <, <=, > or >=" },
        { "status|=200", "invalid operator \"=200\" for status, expected "
          "=, !=, <, <=, > or >=" },
        { "status|<|200|300", "invalid \"status < 200 300\", expected one "
          "number from 100 to 599 after \"<\"" },
        { "status|>=|200-299", "invalid \"status >= 200-299\", expected one "
          "number from 100 to 599 after \">=\"" },
        { "header", HEADER },
        { "header|X", HEADER },
        { "header|X|=", HEADER },
        { "header|X|=|a|b", HEADER },
        { "header|X:|=|a",
          "invalid header name \"X:\", expected one such as Content-Type" },
        { "header||=|a",
          "invalid header name \"\", expected one such as Content-Type" },
        { "header|a b|=|a",
          "invalid header name \"a b\", expected one such as Content-Type" },
        { "header|X|==|a",
          "invalid operator \"==\" for header, expected " ANY },
        { "header|X||a", "invalid operator \"\" for header, expected " ANY },
        { "header|X|<|1.5",
          "invalid number \"1.5\", expected a whole number after \"<\"" },
        { "header|X|>=|",
          "invalid number \"\", expected a whole number after \">=\"" },
        { "header|X|>|-",
          "invalid number \"-\", expected a whole number after \">\"" },
        { "header|X|>|9223372036854775808", "invalid number "
          "\"9223372036854775808\", expected a whole number after \">\"" },
        { "header|X|~|(", "invalid regular expression \"(\", "
          "missing closing parenthesis at offset 1" },
        { "!header", "invalid words after !header, expected the name of a "
          "header that must not be there" },
        { "!header|X|=", "invalid words after !header, expected the name of a "
          "header that must not be there" },
        { "!header|a b", "invalid words after !header, expected the name of a "
          "header that must not be there" },
        { "body", "invalid number of words after body, expected an operator "
          "and a value such as body ~ ready" },
        { "body|~", "invalid number of words after body, expected an operator "
          "and a value such as body ~ ready" },
        { "body|~|a|b", "invalid number of words after body, expected an "
          "operator and a value such as body ~ ready" },
        { "body|<|5", "invalid operator \"<\" for body, expected "
          "=, !=, ~, ~*, !~ or !~*" },
        { "body|~|[a", "invalid regular expression \"[a\", "
          "missing terminating ] for character class at offset 2" },
        { "body|!~*|(a", "invalid regular expression \"(a\", "
          "missing closing parenthesis at offset 2" },
        { "body|~|(*UTF)a", "invalid regular expression \"(*UTF)a\", "
          "using UTF is disabled by the application at offset 6" },
        { "time", "invalid number of words after time, expected an operator "
          "and a time such as time < 300ms" },
        { "time|<", "invalid number of words after time, expected an operator "
          "and a time such as time < 300ms" },
        { "time|=|1s",
          "invalid operator \"=\" for time, expected <, <=, > or >=" },
        { "time|~|1s",
          "invalid operator \"~\" for time, expected <, <=, > or >=" },
        { "time|<|fast",
          "invalid time \"fast\", expected one such as 300ms or 2s" },
        { "time|<|", "invalid time \"\", expected one such as 300ms or 2s" },
        { "time|<|-1s", "invalid time \"-1s\", expected one such as "
          "300ms or 2s" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (parse(cases[i].line, &cond) == NGX_ERROR) {
            is_str((char *) err, cases[i].err, "refuses \"%s\"",
                   cases[i].line);

        } else {
            ok(0, "refuses \"%s\"", cases[i].line);
        }
    }

    arg = str("x");
    is_num(ngx_hd_match_parse(pool, &cond, &arg, 0, err, sizeof(err)),
           NGX_ERROR, "no words at all");
    is_str((char *) err,
           "no condition given, expected one such as status 200-299",
           "say so");

    (void) ngx_hd_match_parse(pool, &cond, &arg, 1, small, sizeof(small));
    is_str((char *) small, "unknown", "a sentence is cut to its buffer");
}


static void
test_status(void)
{
    ngx_uint_t       i;
    ngx_hd_answer_t  answer;

    static const struct {
        const char  *line;
        ngx_uint_t   status;
        const char  *detail;          /* NULL: holds */
    } cases[] = {
        { NULL, 200, NULL }, { NULL, 399, NULL },
        { NULL, 199, "http status 199" }, { NULL, 400, "http status 400" },
        { NULL, 503, "http status 503" }, { NULL, 0, NULL },
        { "?status|200", 204, "http status 204, expected 200" },
        { "?status|503", 503, "http status 503" },
        { "body|=|", 503, "http status 503" },
        { "status|200-299|304", 200, NULL },
        { "status|200-299|304", 299, NULL },
        { "status|200-299|304", 304, NULL },
        { "status|200-299|304", 503,
          "http status 503, expected 200-299 304" },
        { "status|200-299|304", 300,
          "http status 300, expected 200-299 304" },
        { "status|503", 503, NULL },
        { "status|=|200", 200, NULL },
        { "status|=|200", 201, "http status 201, expected = 200" },
        { "status|!=|500-599|404", 200, NULL },
        { "status|!=|500-599|404", 503,
          "http status 503, expected != 500-599 404" },
        { "status|!=|500-599|404", 404,
          "http status 404, expected != 500-599 404" },
        { "status|<|400", 399, NULL },
        { "status|<|400", 400, "http status 400, expected < 400" },
        { "status|<=|400", 400, NULL },
        { "status|<=|400", 401, "http status 401, expected <= 400" },
        { "status|>|200", 201, NULL },
        { "status|>|200", 200, "http status 200, expected > 200" },
        { "status|>=|200", 200, NULL }, { "status|>=|200", 999, NULL },
        { "status|>=|200", 199, "http status 199, expected >= 200" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char  *lines[] = { cases[i].line, NULL };

        memset(&answer, 0, sizeof(answer));
        answer.status = cases[i].status;

        ok(judge(conditions(lines), &answer)
           == (cases[i].detail ? NGX_DECLINED : NGX_OK),
           "%s of %d %s", cases[i].line ? cases[i].line : "default",
           (int) answer.status, cases[i].detail ? "fails" : "holds");

        is_str(detail(), cases[i].detail ? cases[i].detail : "", "detail");
    }

    memset(&answer, 0, sizeof(answer));
    answer.status = 500;
    is_num(judge(NULL, &answer), NGX_DECLINED, "no conditions at all");
    is_num(result.reason, NGX_HD_R_STATUS, "its reason");
    is_num(result.verdict, NGX_HD_FAIL, "its verdict");
}


static void
test_headers(void)
{
    ngx_uint_t       i;
    ngx_hd_answer_t  answer;

    static const char  *lines[] = {
        "Content-Type: text/html", "X-Depth: 12", "X-Neg: -3",
        "x-twice: one", "X-Twice: two", "X-Empty: ", "X-Word: 12a",
        "X-Mixed: word", "X-Mixed: 7",
        "X-Long: ------------------------------------------------------------"
        "abc\xc3\xbc-and-more", NULL
    };

    static const struct {
        const char  *line;
        const char  *detail;
    } cases[] = {
        { "header|content-type|=|text/html", NULL },
        { "header|CONTENT-TYPE|~|^text/", NULL },
        { "header|Content-Type|=|TEXT/html", "header Content-Type: "
          "expected \"TEXT/html\", got \"text/html\"" },
        { "header|Content-Type|~*|json",
          "header Content-Type: expected ~* \"json\", got \"text/html\"" },
        { "header|Content-Type|~*|HTML", NULL },
        { "header|Content-Type|~|HTML",
          "header Content-Type: expected ~ \"HTML\", got \"text/html\"" },
        { "header|Content-Type|!=|text/html",
          "header Content-Type: expected != \"text/html\", got \"text/html\"" },
        { "header|Content-Type|!~|ht.l",
          "header Content-Type: expected !~ \"ht.l\", got \"html\"" },
        { "header|Content-Type|!~*|HT.L",
          "header Content-Type: expected !~* \"HT.L\", got \"html\"" },
        { "header|Content-Type|!~|json", NULL },
        { "header|Content|=|text/html",
          "header Content: expected \"text/html\", got no such header" },

        { "header|X-Depth|<|13", NULL }, { "header|X-Depth|<=|12", NULL },
        { "header|X-Depth|>|9", NULL }, { "header|X-Depth|>=|12", NULL },
        { "header|X-Depth|<|12", "header X-Depth: expected < 12, got \"12\"" },
        { "header|X-Depth|>|12", "header X-Depth: expected > 12, got \"12\"" },
        { "header|X-Neg|<|0", NULL }, { "header|X-Neg|>|-4", NULL },
        { "header|X-Neg|>=|0", "header X-Neg: expected >= 0, got \"-3\"" },
        { "header|X-Word|>|1", "header X-Word: expected > 1, got \"12a\"" },
        { "header|X-Word|<|99", "header X-Word: expected < 99, got \"12a\"" },
        { "header|X-Mixed|<|9", NULL },
        { "header|X-Empty|<|9", "header X-Empty: expected < 9, got \"\"" },
        { "header|X-None|>=|0",
          "header X-None: expected >= 0, got no such header" },

        { "!header|X-None", NULL },
        { "!header|X-EMPTY",
          "header X-EMPTY: expected no such header, got \"\"" },
        { "!header|x-twice",
          "header x-twice: expected no such header, got \"one\"" },
        { "header|X-Twice|=|one", NULL }, { "header|X-Twice|=|two", NULL },
        { "header|X-Twice|~|^tw", NULL },
        { "header|X-Twice|=|three",
          "header X-Twice: expected \"three\", got \"one\"" },
        { "header|X-Twice|!=|three", NULL },
        { "header|X-Twice|!=|one",
          "header X-Twice: expected != \"one\", got \"one\"" },
        { "header|X-Twice|!=|two",
          "header X-Twice: expected != \"two\", got \"two\"" },
        { "header|X-Twice|!~|^t",
          "header X-Twice: expected !~ \"^t\", got \"two\"" },

        { "header|X-Empty|=|", NULL }, { "header|X-None|=|", NULL },
        { "header|X-None|~|^$", NULL }, { "header|X-None|!=|a", NULL },
        { "header|X-None|!~|a", NULL },
        { "header|X-None|=|a",
          "header X-None: expected \"a\", got no such header" },
        { "header|X-None|!=|",
          "header X-None: expected != \"\", got no such header" },
        { "header|X-None|~|.",
          "header X-None: expected ~ \".\", got no such header" },

        { "header|X-Long|=|x", "header X-Long: expected \"x\", got \"---------"
          "---------------------------------------------------abc\"" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char  *conds[] = { cases[i].line, NULL };

        memset(&answer, 0, sizeof(answer));
        answer.status = 200;
        answer.headers = response(lines);

        ok(judge(conditions(conds), &answer)
           == (cases[i].detail ? NGX_DECLINED : NGX_OK),
           "%s %s", cases[i].line, cases[i].detail ? "fails" : "holds");

        is_str(detail(), cases[i].detail ? cases[i].detail : "", "detail");
    }

    answer.headers = NULL;
    {
        const char  *conds[] = { "header|X|=|a", NULL };

        is_num(judge(conditions(conds), &answer), NGX_DECLINED,
               "an answer without headers");
        is_num(result.reason, NGX_HD_R_HEADER, "its reason");
        is_num(result.verdict, NGX_HD_FAIL, "its verdict");
    }
}


static void
test_body(void)
{
    ngx_uint_t       i;
    ngx_hd_answer_t  answer;

    static const struct {
        const char  *line;
        const char  *body;
        const char  *detail;
    } cases[] = {
        { "body|=|OK", "OK", NULL },
        { "body|=|OK", "OK\n", "body: expected \"OK\", got \"OK?\"" },
        { "body|=|", "", NULL }, { "body|=|OK", "",
          "body: expected \"OK\", got \"\"" },
        { "body|!=|OK", "KO", NULL },
        { "body|!=|OK", "OK", "body: expected != \"OK\", got \"OK\"" },
        { "body|~|\"status\":\\s*\"UP\"", "{\"status\":\n \"UP\"}", NULL },
        { "body|~|UP", "{\"status\":\"DOWN\"}",
          "body: expected ~ \"UP\", got \"{\"status\":\"DOWN\"}\"" },
        { "body|~*|up", "UP", NULL }, { "body|~|up", "UP",
          "body: expected ~ \"up\", got \"UP\"" },
        { "body|~|^$", "", NULL },
        { "body|!~|rror", "all well", NULL },
        { "body|!~|rror", "long before it Error 5 here",
          "body: expected !~ \"rror\", got \"rror 5 here\"" },
        { "body|!~*|ERROR", "an Error",
          "body: expected !~* \"ERROR\", got \"Error\"" },
        { "body|=|x", "\x1b[2J\xff<b>",
          "body: expected \"x\", got \"?[2J?<b>\"" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char  *conds[] = { cases[i].line, NULL };

        memset(&answer, 0, sizeof(answer));
        answer.status = 200;
        answer.body = str(cases[i].body);

        ok(judge(conditions(conds), &answer)
           == (cases[i].detail ? NGX_DECLINED : NGX_OK),
           "%s %s", cases[i].line, cases[i].detail ? "fails" : "holds");

        is_str(detail(), cases[i].detail ? cases[i].detail : "", "detail");
        is_num(result.reason,
               cases[i].detail ? NGX_HD_R_BODY : NGX_HD_R_NONE, "reason");
    }
}


static void
test_time(void)
{
    ngx_uint_t       i;
    ngx_hd_answer_t  answer;

    static const struct {
        const char  *line;
        uint32_t     usec;
        const char  *detail;
    } cases[] = {
        { "time|<|300ms", 299999, NULL },
        { "time|<|300ms", 300000, "time: expected < 300ms, got 300.000ms" },
        { "time|<=|300ms", 300000, NULL },
        { "time|<=|300ms", 300001, "time: expected <= 300ms, got 300.001ms" },
        { "time|>|1s", 1000001, NULL },
        { "time|>|1s", 5, "time: expected > 1s, got 0.005ms" },
        { "time|>=|1s", 1000000, NULL },
        { "time|<|2h", UINT32_MAX, NULL },
        { "time|<|365d", UINT32_MAX, NULL }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char  *conds[] = { cases[i].line, NULL };

        memset(&answer, 0, sizeof(answer));
        answer.status = 200;
        answer.usec = cases[i].usec;

        ok(judge(conditions(conds), &answer)
           == (cases[i].detail ? NGX_DECLINED : NGX_OK),
           "%s of %u usec", cases[i].line, cases[i].usec);

        is_str(detail(), cases[i].detail ? cases[i].detail : "", "detail");
        is_num(result.usec, cases[i].usec, "usec is left alone");
    }
}


static void
test_order(void)
{
    ngx_uint_t       i;
    ngx_hd_answer_t  answer;

    static const struct {
        const char        *lines[4];
        ngx_uint_t         status;
        const char        *body;
        ngx_hd_verdict_e   verdict;
        ngx_hd_reason_e    reason;
    } cases[] = {
        { { "?body|=|x", "status|200", "body|=|y" }, 200, "y",
          NGX_HD_WARN, NGX_HD_R_BODY },
        { { "?body|=|x", "status|200", "body|=|y" }, 500, "z",
          NGX_HD_FAIL, NGX_HD_R_STATUS },
        { { "?body|=|x", "body|=|y", "status|200" }, 500, "z",
          NGX_HD_FAIL, NGX_HD_R_BODY },
        { { "?status|200", "body|=|y" }, 500, "z",
          NGX_HD_FAIL, NGX_HD_R_STATUS },
        { { "?header|X|=|1", "?body|=|y" }, 200, "z",
          NGX_HD_WARN, NGX_HD_R_HEADER },
        { { "?time|<|0ms", "?body|=|y" }, 200, "y",
          NGX_HD_WARN, NGX_HD_R_TIME },
        { { "?body|=|y", "body|~|y" }, 200, "y", NGX_HD_PASS, NGX_HD_R_NONE }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&answer, 0, sizeof(answer));
        answer.status = cases[i].status;
        answer.body = str(cases[i].body);

        (void) judge(conditions((const char **) cases[i].lines), &answer);
        is_num(result.verdict, cases[i].verdict, "verdict of case %d",
               (int) i);
        is_num(result.reason, cases[i].reason, "reason of case %d", (int) i);
    }

    {
        const char  *none[] = { "status|200", "?time|<|1s", NULL };
        const char  *one[] = { "status|200", "?body|=|y", NULL };

        is_num(ngx_hd_match_has(conditions(none), NGX_HD_ON_BODY, 1), 0,
               "no body wanted");
        is_num(ngx_hd_match_has(conditions(one), NGX_HD_ON_BODY, 1), 1,
               "a body wanted");
        is_num(ngx_hd_match_has(conditions(one), NGX_HD_ON_BODY, 0), 0,
               "by a warning only");
        is_num(ngx_hd_match_has(NULL, NGX_HD_ON_BODY, 1), 0, "no conditions");
    }
}


static ngx_array_t *
expression(const char *op, const char *regex)
{
    ngx_str_t     args[3];
    ngx_array_t  *conds;

    args[0] = str("body");
    args[1] = str(op);
    args[2] = str(regex);

    conds = ngx_array_create(pool, 1, sizeof(ngx_hd_cond_t));

    if (ngx_hd_match_parse(pool, ngx_array_push(conds), args, 3, err,
                           sizeof(err)) != NGX_OK)
    {
        ok(0, "%s: %s", regex, (char *) err);
    }

    return conds;
}


/*
 * Bodies and expressions that are quadratic or worse.  They end in a class,
 * because PCRE2 looks for a last character that must be there at first.  The
 * margin of time is wide: sanitizers, and a machine that does other things.
 */

static void
test_hostile(void)
{
    u_char           *body;
    double            took;
    ngx_int_t         rc;
    ngx_uint_t        i, n;
    ngx_array_t      *conds;
    struct timespec   from, to;
    ngx_hd_answer_t   answer;

    static const struct {
        const char  *op;
        const char  *regex;
        const char  *fill;
        ngx_int_t    rc;
    } cases[] = {
        { "~", "(a*)*[bc]", "a", NGX_DECLINED },
        { "~", "(a+a+)+[bc]", "a", NGX_DECLINED },
        { "~", "a[^\"]*+[bc]", "a", NGX_DECLINED },
        { "~", "a.*[bc]", "a", NGX_DECLINED },
        { "!~", "(?:x|a)*?[bc]", "xa", NGX_DECLINED },
        { "~", "(?:a|b|ab)*[cd]", "ab", NGX_DECLINED },
        { "~*", "(.*)(.*)(.*)(.*)[yz]", "ab", NGX_DECLINED },
        { "~", "((a?){20}){20}[bc]", "a", NGX_DECLINED },
        { "~", "^(((((a)*)*)*)*)*[bc]", "a", NGX_DECLINED },
        { "~", "(.*)\\1[bc]", "a", NGX_DECLINED },

        /* sane ones must not run into the bounds */

        { "!~", "error", "e", NGX_OK },
        { "!~*", "error", "E", NGX_OK },
        { "!~", "fatal|panic", "f", NGX_OK },
        { "~", "\\s*$", "x ", NGX_OK },
        { "!~", "\"status\":\\s*\"DOWN\"", "\"status\": \"UP\", ", NGX_OK },
        { "!~", "(?m)^ERROR .*$", "fine\n", NGX_OK }
    };

    body = malloc(BIG);

    memset(&answer, 0, sizeof(answer));
    answer.status = 200;
    answer.body.data = body;
    answer.body.len = BIG;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (n = 0; n < BIG; n++) {
            body[n] = cases[i].fill[n % strlen(cases[i].fill)];
        }

        conds = expression(cases[i].op, cases[i].regex);

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        rc = judge(conds, &answer);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);

        took = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;

        is_num(rc, cases[i].rc, "%s %s on 64k", cases[i].op, cases[i].regex);
        ok(took < 0.5, "ends in time: %.1f ms", took * 1e3);

        if (rc == NGX_DECLINED) {
            is_num(result.verdict, NGX_HD_FAIL, "is a failure");
            is_num(result.reason, NGX_HD_R_BODY, "of this condition");
        }
    }

    memset(body, 'a', BIG);
    conds = expression("~", "(a*)*[bc]");

    (void) judge(conds, &answer);
    is_str(detail(), "body ~ \"(a*)*[bc]\" takes too many steps",
           "what is said");

    body[0] = 'b';
    answer.body.len = 1;
    is_num(judge(conds, &answer), NGX_OK, "the next body is judged");

    free(body);
}


/* one condition has one budget, however often its header comes */

static void
test_many_headers(void)
{
    double            took;
    ngx_uint_t        i;
    ngx_array_t      *conds;
    struct timespec   from, to;
    ngx_hd_answer_t   answer;
    ngx_table_elt_t  *h;

    static const char  *lines[] = {
        "header|X|~|^([a-z]+ ?)*$", NULL
    };

    memset(&answer, 0, sizeof(answer));
    answer.status = 200;
    answer.headers = ngx_array_create(pool, 256, sizeof(ngx_table_elt_t));

    for (i = 0; i < 256; i++) {
        h = ngx_array_push(answer.headers);
        memset(h, 0, sizeof(ngx_table_elt_t));
        h->key = str("X");
        h->value = str("aaaaaaaaaaaaa!");
    }

    conds = conditions(lines);

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    is_num(judge(conds, &answer), NGX_DECLINED, "256 expensive headers");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);

    took = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;

    ok(took < 0.3, "end in time: %.1f ms", took * 1e3);
    is_str(detail(), "header ~ \"^([a-z]+ ?)*$\" takes too many steps",
           "and say so");
}


/* a probe must not cost memory: the pool of the configuration never grows */

static void
test_memory(void)
{
    long              n;
    ngx_int_t         rc;
    ngx_uint_t        i, k;
    ngx_pool_t       *outer;
    ngx_array_t      *conds;
    ngx_hd_cond_t     cond;
    ngx_hd_answer_t   answer;

    static const char  *lines[] = {
        "status|200|201|202|203|204", "header|X|~*|a", "body|!~|error", NULL
    };

    conds = conditions(lines);
    memset(&answer, 0, sizeof(answer));
    answer.status = 200;
    answer.body = str("well");

    stand_in_fail = 1;

    for (i = 0; i < 1000; i++) {
        (void) judge(conds, &answer);
    }

    is_num(stand_in_fail, 1, "judging takes nothing from a pool");
    stand_in_fail = 0;

    outer = pool;

    for (i = 0; lines[i]; i++) {
        for (n = 1; n < 100; n++) {
            ngx_str_t  args[MAX_WORDS];

            pool = ngx_create_pool(4096, NULL);
            k = words(lines[i], args);

            stand_in_fail = n;
            rc = ngx_hd_match_parse(pool, &cond, args, k, err, sizeof(err));

            k = stand_in_fail;
            stand_in_fail = 0;
            ngx_destroy_pool(pool);

            if (k) {
                check(rc == NGX_OK, "%s without a failure", lines[i]);
                break;
            }

            check(rc == NGX_ERROR, "%s, allocation %ld", lines[i], n);
            check(strstr((char *) err, "no memory") != NULL, "says \"%s\"",
                  (char *) err);
        }

        check(n > 1 && n < 100, "%s: %ld allocations", lines[i], n - 1);
    }

    pool = outer;

    checked("each allocation of parsing fails once");
}


int
main(void)
{
    pool = ngx_create_pool(4096, NULL);

    test_accept();
    test_refuse();
    test_status();
    test_headers();
    test_body();
    test_time();
    test_order();
    test_hostile();
    test_many_headers();
    test_memory();

    ngx_destroy_pool(pool);

    return done();
}


/*
 * Unit test of ngx_hd_match_facts.c and ngx_hd_number.c: conditions on a
 * value, a row and a certificate, and decimal numbers that nearly are equal.
 */


#include "../../ngx_http_healthdash_module/ngx_hd_match_facts.c"
#include "../../ngx_http_healthdash_module/ngx_hd_number.c"
#include "match_help.h"


#define NOW   1000000000


typedef struct {
    const char  *line;
    const char  *detail;                /* NULL: holds */
} case_t;


static void
try(const case_t *c, size_t n, const ngx_hd_answer_t *answer,
    ngx_hd_reason_e reason)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        const char  *lines[] = { c[i].line, NULL };

        ok(judge(conditions(lines), answer)
           == (c[i].detail ? NGX_DECLINED : NGX_OK),
           "%s %s", c[i].line, c[i].detail ? "fails" : "holds");

        is_str(detail(), c[i].detail ? c[i].detail : "", "detail");
        is_num(result.reason, c[i].detail ? reason : NGX_HD_R_NONE, "reason");
    }
}


static void
test_parse(void)
{
    size_t         i;
    ngx_hd_cond_t  cond;

#define WORDS(s, what)                                                        \
    "invalid number of words after " s ", expected an operator and a " what
#define NUMBER(s)                                                             \
    "invalid number \"" s "\", expected a decimal number without a unit "     \
    "such as 93.5"
#define DAYS(s)                                                               \
    "invalid number of days \"" s "\", expected a whole number without a "    \
    "unit such as 14"

    static const char  *good[] = {
        "value|=|0", "value|!=|-1", "value|<|93.5", "value|<=|1e3",
        "value|>|-0.5", "value|>=|9223372036854775807",
        "row|=|t", "row|=|", "row|!=|a b", "row|<|5.5", "row|<=|-5",
        "row|>|0", "row|>=|1", "row|~|^a", "row|~*|a", "row|!~|a", "row|!~*|a",
        "cert_days|=|1", "cert_days|!=|0", "cert_days|<|90",
        "cert_days|<=|90", "cert_days|>|14", "cert_days|>=|-3"
    };

    static const case_t  bad[] = {
        { "value", WORDS("value", "number such as value < 90") },
        { "value|<", WORDS("value", "number such as value < 90") },
        { "value|<|1|2", WORDS("value", "number such as value < 90") },
        { "value|~|1", "invalid operator \"~\" for value, expected "
          "=, !=, <, <=, > or >=" },
        { "value|<|90%", NUMBER("90%") }, { "value|<|", NUMBER("") },
        { "value|<|1.", NUMBER("1.") }, { "value|<|.5", NUMBER(".5") },
        { "value|<|+1", NUMBER("+1") }, { "value|<|1e", NUMBER("1e") },
        { "value|<|1e+", NUMBER("1e+") }, { "value|<|0x10", NUMBER("0x10") },
        { "value|<|nan", NUMBER("nan") }, { "value|<|1e999", NUMBER("1e999") },
        { "value|<| 1", NUMBER(" 1") }, { "value|<|10s", NUMBER("10s") },
        { "row|=", WORDS("row", "value such as row = t") },
        { "row|==|a", "invalid operator \"==\" for row, expected "
          "=, !=, <, <=, >, >=, ~, ~*, !~ or !~*" },
        { "row|<|many", NUMBER("many") },
        { "row|~|(", "invalid regular expression \"(\", "
          "missing closing parenthesis at offset 1" },
        { "cert_days|>", WORDS("cert_days",
          "number of days such as cert_days > 14") },
        { "cert_days|~|1", "invalid operator \"~\" for cert_days, expected "
          "=, !=, <, <=, > or >=" },
        { "cert_days|>|14d", DAYS("14d") }, { "cert_days|>|1.5", DAYS("1.5") }
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(parse(good[i], &cond) == NGX_OK, "takes %s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(parse(bad[i].line, &cond) == NGX_ERROR, "refuses %s", bad[i].line);
        is_str((char *) err, bad[i].detail, "with a sentence");
    }
}


static void
test_value(void)
{
    ngx_hd_answer_t  answer;

    static const case_t  none[] = {
        { "value|<|90", "value: expected < 90, got no value" },
        { "value|!=|90", "value: expected != 90, got no value" }
    };

    static const case_t  some[] = {
        { "value|<|90", "value: expected < 90, got 93.5" },
        { "value|<|93.5", "value: expected < 93.5, got 93.5" },
        { "value|<=|93.5", NULL }, { "value|<|94", NULL },
        { "value|>|93", NULL }, { "value|>=|93.5", NULL },
        { "value|>|93.50", "value: expected > 93.50, got 93.5" },
        { "value|=|93.50", NULL },
        { "value|=|93", "value: expected = 93, got 93.5" },
        { "value|!=|93", NULL },
        { "value|!=|93.5", "value: expected != 93.5, got 93.5" },
        { "value|>|-1", NULL }
    };

    memset(&answer, 0, sizeof(answer));
    try(none, sizeof(none) / sizeof(none[0]), &answer, NGX_HD_R_VALUE);

    answer.has_value = 1;
    answer.value = 0.0 / 0.0;
    try(none, sizeof(none) / sizeof(none[0]), &answer, NGX_HD_R_VALUE);

    answer.value = 93.5;
    try(some, sizeof(some) / sizeof(some[0]), &answer, NGX_HD_R_VALUE);
}


static void
test_row(void)
{
    ngx_hd_answer_t  answer;

    static const case_t  none[] = {
        { "row|=|t", "row: expected \"t\", got no row" },
        { "row|!=|t", "row: expected != \"t\", got no row" },
        { "row|!~|t", "row: expected !~ \"t\", got no row" },
        { "row|>|5", "row: expected > 5, got no row" }
    };

    static const case_t  empty[] = {
        { "row|=|", NULL }, { "row|!=|t", NULL }, { "row|!~|.", NULL },
        { "row|~|.", "row: expected ~ \".\", got \"\"" },
        { "row|>|-5", "row: expected > -5, got \"\"" }
    };

    static const case_t  word[] = {
        { "row|=|ready", NULL }, { "row|~|^rea", NULL },
        { "row|~*|READY", NULL }, { "row|!~|x", NULL }, { "row|!~*|X", NULL },
        { "row|=|t", "row: expected \"t\", got \"ready\"" },
        { "row|!=|ready", "row: expected != \"ready\", got \"ready\"" },
        { "row|~|READY", "row: expected ~ \"READY\", got \"ready\"" },
        { "row|!~*|ADY", "row: expected !~* \"ADY\", got \"ady\"" },
        { "row|<|5", "row: expected < 5, got \"ready\"" }
    };

    static const case_t  big[] = {
        { "row|>|9007199254740992", NULL },
        { "row|<|9007199254740994", NULL },
        { "row|<=|9007199254740992",
          "row: expected <= 9007199254740992, got \"9007199254740993\"" },
        { "row|>=|9007199254740993", NULL },
        { "row|>|9007199254740992.5", NULL }, { "row|<|1e30", NULL },
        { "row|>|-1e30", NULL }, { "row|=|9007199254740993", NULL },
        { "row|=|9007199254740993.0", "row: expected "
          "\"9007199254740993.0\", got \"9007199254740993\"" }
    };

    memset(&answer, 0, sizeof(answer));
    answer.no_row = 1;
    try(none, sizeof(none) / sizeof(none[0]), &answer, NGX_HD_R_ROW);

    answer.no_row = 0;
    try(empty, sizeof(empty) / sizeof(empty[0]), &answer, NGX_HD_R_ROW);

    ngx_str_set(&answer.row, "ready");
    try(word, sizeof(word) / sizeof(word[0]), &answer, NGX_HD_R_ROW);

    ngx_str_set(&answer.row, "9007199254740993");
    try(big, sizeof(big) / sizeof(big[0]), &answer, NGX_HD_R_ROW);
}


/* a row of many bytes has as many steps as a body of them */

static void
test_long_row(void)
{
    u_char           *text;
    ngx_uint_t        i;
    ngx_hd_answer_t   answer;

    static const char  *body[] = { "body|~|[ab][ab]z$", NULL };
    static const char  *row[] = { "row|~|[ab][ab]z$", NULL };

    text = malloc(NGX_HD_BODY_LIMIT);

    for (i = 0; i < NGX_HD_BODY_LIMIT; i++) {
        text[i] = (i & 1) ? 'a' : 'b';
    }

    text[NGX_HD_BODY_LIMIT - 1] = 'z';

    memset(&answer, 0, sizeof(answer));
    answer.body.data = text;
    answer.body.len = NGX_HD_BODY_LIMIT;
    is_num(judge(conditions(body), &answer), NGX_OK, "a long body");

    memset(&answer, 0, sizeof(answer));
    answer.row.data = text;
    answer.row.len = NGX_HD_BODY_LIMIT;
    is_num(judge(conditions(row), &answer), NGX_OK, "a long row");

    free(text);
}


static void
test_cert_days(void)
{
    size_t            i;
    ngx_time_t        now;
    ngx_hd_cert_t     cert;
    ngx_hd_answer_t   answer;

    static const case_t  none[] = {
        { "cert_days|>|14", "cert_days: expected > 14, got no certificate" },
        { "cert_days|!=|0", "cert_days: expected != 0, got no certificate" }
    };

    static const case_t  three[] = {
        { "cert_days|>|14", "cert_days: expected > 14, got 3 (ends "
          "2001-09-12, issued by \"Test CA\")" },
        { "cert_days|>|2", NULL }, { "cert_days|>=|3", NULL },
        { "cert_days|=|3", NULL }, { "cert_days|!=|4", NULL },
        { "cert_days|<|4", NULL }, { "cert_days|<=|3", NULL }
    };

    static const case_t  ended[] = {
        { "cert_days|>=|0", "cert_days: expected >= 0, got -1 (ended "
          "2001-09-09, issued by \"Test CA\")" }
    };

    static const struct {
        int64_t      left;
        const char  *line;
    } left[] = {
        { 0, "cert_days|=|0" }, { 86399, "cert_days|=|0" },
        { 86400, "cert_days|=|1" }, { -1, "cert_days|=|-1" },
        { -86400, "cert_days|=|-1" }, { -86401, "cert_days|=|-2" }
    };

    memset(&now, 0, sizeof(now));
    now.sec = NOW;
    ngx_cached_time = &now;

    memset(&answer, 0, sizeof(answer));
    memset(&cert, 0, sizeof(cert));
    try(none, sizeof(none) / sizeof(none[0]), &answer, NGX_HD_R_CERT_DAYS);

    answer.cert = &cert;
    try(none, sizeof(none) / sizeof(none[0]), &answer, NGX_HD_R_CERT_DAYS);

    cert.not_after = NOW + 3 * 86400 + 5;
    cert.issuer_len = 7;
    memcpy(cert.issuer, "Test CA", 7);
    try(three, sizeof(three) / sizeof(three[0]), &answer, NGX_HD_R_CERT_DAYS);

    cert.not_after = NOW - 5;
    try(ended, 1, &answer, NGX_HD_R_CERT_DAYS);

    for (i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        const case_t  c = { left[i].line, NULL };

        cert.not_after = NOW + left[i].left;
        try(&c, 1, &answer, NGX_HD_R_CERT_DAYS);
    }
}


static void
test_numbers(void)
{
    size_t           i;
    ngx_str_t        s;
    ngx_hd_number_t  a, b;

    static const struct {
        const char  *a;
        const char  *b;
        ngx_int_t    rc;
    } cases[] = {
        { "1", "1.0", 0 }, { "1", "1e0", 0 }, { "-0", "0", 0 },
        { "007", "7", 0 }, { "0.1", "0.10", 0 }, { "1", "1.5", -1 },
        { "-1", "-1.5", 1 }, { "2", "1.5", 1 }, { "-2", "-1.5", -1 },
        { "9223372036854775807", "9223372036854775806", 1 },
        { "9223372036854775807", "9223372036854775807.0", -1 },
        { "-9223372036854775808", "-9223372036854775808.0", 0 },
        { "9223372036854775808", "9223372036854775807", 1 },
        { "-1e19", "-9223372036854775808", -1 }, { "1e300", "1e299", 1 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s.data = (u_char *) cases[i].a;
        s.len = strlen(cases[i].a);
        is_num(ngx_hd_number_parse(&s, &a), NGX_OK, "%s", cases[i].a);

        s.data = (u_char *) cases[i].b;
        s.len = strlen(cases[i].b);
        is_num(ngx_hd_number_parse(&s, &b), NGX_OK, "%s", cases[i].b);

        is_num(ngx_hd_number_compare(&a, &b), cases[i].rc, "compared");
        is_num(ngx_hd_number_compare(&b, &a), -cases[i].rc, "and back");
    }
}


int
main(void)
{
    pool = ngx_create_pool(1024, NULL);

    test_parse();
    test_value();
    test_row();
    test_long_row();
    test_cert_days();
    test_numbers();

    ngx_destroy_pool(pool);

    return done();
}

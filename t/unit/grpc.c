
/* Unit test of ngx_hd_grpc.c: questions about health, and what is answered. */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_grpc.c"

#include <stdlib.h>


#define GRPC  "application/grpc"


typedef struct {
    const char  *body;
    size_t       len;
    const char  *detail;                /* NULL: SERVING */
} body_t;


static ngx_hd_result_t  result;
static ngx_str_t        whole = ngx_string("");
static ngx_str_t        orders = ngx_string("shop.Orders");


static ngx_str_t
str(const char *s)
{
    ngx_str_t  text;

    text.data = (u_char *) s;
    text.len = strlen(s);

    return text;
}


static const char *
detail(void)
{
    result.detail[ngx_min(result.len, NGX_HD_DETAIL_LEN - 1)] = '\0';

    return (char *) result.detail;
}


static ngx_int_t
judge(ngx_hd_grpc_answer_t *answer, ngx_str_t *service)
{
    memset(&result, 0, sizeof(result));

    return ngx_hd_grpc_judge(answer, service, &result);
}


/* the answer of a healthy server, its body in memory of its exact size */

static ngx_int_t
judge_body(const char *body, size_t len, ngx_str_t *service)
{
    u_char                *copy;
    ngx_int_t              rc;
    ngx_hd_grpc_answer_t   answer;

    copy = malloc(len ? len : 1);
    memcpy(copy, body, len);

    memset(&answer, 0, sizeof(answer));

    answer.http = 200;
    answer.type = str(GRPC);
    answer.status = str("0");
    answer.body.data = copy;
    answer.body.len = len;

    rc = judge(&answer, service);

    free(copy);

    return rc;
}


static void
test_request(void)
{
    size_t      len;
    u_char     *end, *p;
    ngx_str_t   service;

    static const size_t  sizes[] = { 0, 1, 127, 128, 300, 1024 };

    u_char  buf[ngx_hd_grpc_request_size(1024)];
    u_char  name[1024];

    end = ngx_hd_grpc_request(buf, &whole);
    ok(end - buf == 5 && memcmp(buf, "\0\0\0\0\0", 5) == 0,
       "a question about the whole server is empty");

    end = ngx_hd_grpc_request(buf, &orders);
    ok(end - buf == 18 && memcmp(buf, "\0\0\0\0\x0d\x0a\x0bshop.Orders", 18)
       == 0, "a question about a service");

    memset(name, 'n', sizeof(name));
    service.data = name;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        service.len = sizes[i];

        p = malloc(ngx_hd_grpc_request_size(service.len));
        end = ngx_hd_grpc_request(p, &service);
        len = (p[1] << 24) | (p[2] << 16) | (p[3] << 8) | p[4];

        is_num(end - p, (long long) (5 + len), "a name of %zu bytes",
               sizes[i]);
        ok(memcmp(end - service.len, name, service.len) == 0, "its bytes");
        free(p);
    }
}


static void
test_body(void)
{
#define B(s)  s, sizeof(s) - 1
#define BAD(s)  "invalid response: " s

    static const body_t  bodies[] = {
        { B("\0\0\0\0\2\x08\1"), NULL },
        { B("\0\0\0\0\3\x08\x81\0"), NULL },
        { B("\0\0\0\0\4\x08\2\x08\1"), NULL },
        { B("\0\0\0\0\7\x08\1\x12\3abc"), NULL },
        { B("\0\0\0\0\x0d\x11" "12345678\x10\7\x08\1"), NULL },
        { B("\0\0\0\0\7\x15" "1234\x08\1"), NULL },
        { B("\0\0\0\0\0"), "not serving: the server is UNKNOWN" },
        { B("\0\0\0\0\2\x08\0"), "not serving: the server is UNKNOWN" },
        { B("\0\0\0\0\2\x08\2"), "not serving: the server is NOT_SERVING" },
        { B("\0\0\0\0\4\x08\1\x08\2"),
          "not serving: the server is NOT_SERVING" },
        { B("\0\0\0\0\2\x08\3"),
          "not serving: the server does not know its own health" },
        { B("\0\0\0\0\2\x08\4"), BAD("unknown health 4") },
        { B("\0\0\0\0\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"),
          BAD("unknown health 18446744073709551615") },
        { B(""), BAD("no message") },
        { B("\0\0\0\0"), BAD("a message cut short") },
        { B("\0\0\0\0\2\x08"), BAD("a message cut short") },
        { B("\0\xff\xff\xff\xff\x08\1"), BAD("a message cut short") },
        { B("\0\0\0\0\2\x08\1\0"), BAD("more than one message") },
        { B("\1\0\0\0\2\x08\1"), BAD("a compressed message nobody asked for") },
        { B("\0\0\0\0\1\x08"), BAD("a malformed message") },
        { B("\0\0\0\0\2\x08\x81"), BAD("a malformed message") },
        { B("\0\0\0\0\2\0\1"), BAD("a malformed message") },
        { B("\0\0\0\0\3\x12\2a"), BAD("a malformed message") },
        { B("\0\0\0\0\4\x11" "123"), BAD("a malformed message") },
        { B("\0\0\0\0\3\x15" "12"), BAD("a malformed message") },
        { B("\0\0\0\0\2\x0b\1"), BAD("a malformed message") },
        { B("\0\0\0\0\x0c\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\1a"),
          BAD("a malformed message") },
        { B("\0\0\0\0\x0d\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"),
          BAD("a malformed message") }
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const body_t  *b = &bodies[i];

        is_num(judge_body(b->body, b->len, &whole),
               b->detail ? NGX_DECLINED : NGX_OK, "body %zu", i);
        is_str(detail(), b->detail ? b->detail : "", "what it says");
    }

    (void) judge_body(B("\0\0\0\0\2\x08\2"), &orders);
    is_str(detail(), "not serving: service \"shop.Orders\" is NOT_SERVING",
           "the service is named");

    (void) judge_body(B("\0\0\0\0\2\x08\3"), &orders);
    is_str(detail(), "not serving: the server knows no service"
           " \"shop.Orders\"", "and when it is unknown");
}


static void
test_long_body(void)
{
    u_char  *p;

    p = calloc(1, NGX_HD_GRPC_ANSWER + 1);

    (void) judge_body((char *) p, NGX_HD_GRPC_ANSWER + 1, &whole);
    is_str(detail(), BAD("a message too long for an answer about health"),
           "a body without end");
    free(p);
}


static void
test_status(void)
{
    size_t                 i;
    ngx_hd_grpc_answer_t   answer;

#define ERROR(s)  "the server answered with an error: " s

    static const struct {
        ngx_uint_t   http;
        const char  *type;
        const char  *status;
        const char  *message;
        const char  *detail;
    } cases[] = {
        { 503, GRPC, "0", "", "http status 503, expected 200" },
        { 0, "", "", "", "http status 0, expected 200" },
        { 200, "text/html", "0", "", BAD("Content-Type \"text/html\", "
          "expected application/grpc") },
        { 200, "", "0", "", BAD("Content-Type \"\", expected "
          "application/grpc") },
        { 200, GRPC "-web", "0", "", BAD("Content-Type "
          "\"application/grpc-web\", expected application/grpc") },
        { 200, GRPC "+proto", "12", "", ERROR("UNIMPLEMENTED, the server has "
          "no health service") },
        { 200, "Application/GRPC;charset=x", "5", "unknown service",
          "not serving: the server does not know its own health" },
        { 200, GRPC, "", "", BAD("no grpc-status") },
        { 200, GRPC, "-1", "", BAD("malformed grpc-status \"-1\"") },
        { 200, GRPC, "99999999999999999999", "",
          BAD("malformed grpc-status \"99999999999999999999\"") },
        { 200, GRPC, "14", "", ERROR("UNAVAILABLE") },
        { 200, GRPC, "14", "no%20backend%3A 100%", ERROR("UNAVAILABLE, no "
          "backend: 100%") },
        { 200, GRPC, "16", "a%0ab%zz%1", ERROR("UNAUTHENTICATED, a?b%zz%1") },
        { 200, GRPC, "17", "", ERROR("grpc-status 17") },
        { 200, GRPC, "00", "", BAD("no message") },
        { 200, GRPC, "0", "", BAD("no message") }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&answer, 0, sizeof(answer));

        answer.http = cases[i].http;
        answer.type = str(cases[i].type);
        answer.status = str(cases[i].status);
        answer.message = str(cases[i].message);

        is_num(judge(&answer, &whole), NGX_DECLINED, "refused");
        is_str(detail(), cases[i].detail, "with its words");
    }
}


/* every prefix of a good answer and every byte in it changed */

static void
test_damaged(void)
{
    char    body[sizeof("\0\0\0\0\7\x08\1\x12\3abc") - 1];
    size_t  i;

    memcpy(body, "\0\0\0\0\7\x08\1\x12\3abc", sizeof(body));

    for (i = 0; i < sizeof(body); i++) {
        check(judge_body(body, i, &whole) == NGX_DECLINED, "cut at %zu", i);
    }

    for (i = 0; i < sizeof(body) * 256; i++) {
        char  was = body[i / 256];

        body[i / 256] = (char) i;
        (void) judge_body(body, sizeof(body), &orders);
        check(result.len <= NGX_HD_DETAIL_LEN, "byte %zu", i);
        body[i / 256] = was;
    }

    checked("damaged answers");
}


int
main(void)
{
    test_request();
    test_body();
    test_long_body();
    test_status();
    test_damaged();

    return done();
}


/*
 * Unit test of ngx_hd_wire_fastcgi.c and ngx_hd_wire_cgi.c: the bytes of a
 * request, records in any piece, and answers that are wrong in each way.
 */


#include "talk.h"
#include "../../ngx_http_healthdash_module/ngx_hd_wire_cgi.c"
#include "../../ngx_http_healthdash_module/ngx_hd_wire_fastcgi.c"

#include "match_help.h"


static ngx_hd_check_t   conf;
static u_char           bytes[200000];
static size_t           nbytes;


static void
record(int type, const char *data, size_t len, size_t padding)
{
    u_char  *p;

    p = bytes + nbytes;

    *p++ = 1;
    *p++ = (u_char) type;
    *p++ = 0;
    *p++ = 1;
    *p++ = (u_char) (len >> 8);
    *p++ = (u_char) len;
    *p++ = (u_char) padding;
    *p++ = 0;

    memcpy(p, data, len);
    memset(p + len, 'p', padding);

    nbytes += 8 + len + padding;
}


static void
out(const char *text)
{
    record(6, text, strlen(text), 8 - strlen(text) % 8);
}


static void
end_request(const char *protocol)
{
    record(3, protocol, 8, 0);
}


static void
begin(void)
{
    nbytes = 0;
}


static ngx_int_t
say(size_t size, ngx_uint_t eof)
{
    return talk(ngx_hd_wire_fastcgi, &conf, bytes, nbytes, size, eof);
}


/* what is said of an answer, or "" */

static const char *
verdict(void)
{
    ngx_int_t  rc;

    rc = say(100, 1);

    if (rc == NGX_OK) {
        return "";
    }

    return (rc == NGX_DECLINED) ? talk_detail() : "local";
}


static const char  *complete = "\0\0\0\0\0\0\0\0";


static void
test_request(void)
{
    u_char         *p, *last;
    size_t          n, v;
    ngx_str_t       host = ngx_string("app.example.com:8080");
    ngx_int_t       script, method, name, query, token;
    ngx_hd_pair_t  *param;

    memset(&conf, 0, sizeof(conf));
    conf.body_limit = 1024;
    ngx_str_set(&conf.uri, "/ping?full&json");

    conf.params = ngx_array_create(talk_pool, 2, sizeof(ngx_hd_pair_t));

    param = ngx_array_push(conf.params);
    memset(param, 0, sizeof(*param));
    ngx_str_set(&param->name, "REQUEST_METHOD");
    ngx_str_set(&param->value, "HEAD");

    param = ngx_array_push(conf.params);
    memset(param, 0, sizeof(*param));
    ngx_str_set(&param->name, "HTTP_X_TOKEN");
    param->value.len = 300;
    param->value.data = ngx_pnalloc(talk_pool, 300);
    memset(param->value.data, 't', 300);

    ok(ngx_hd_wire_fastcgi_prepare(talk_pool, &conf, &host) == NULL,
       "a request is made");
    ok(conf.method.len == 4 && memcmp(conf.method.data, "HEAD", 4) == 0,
       "of the method that it says");

    begin();
    record(1, "\0\1\0\0\0\0\0\0", 8, 0);

    p = conf.request.data;
    last = p + conf.request.len;

    ok(memcmp(p, bytes, 16) == 0, "that asks for a responder, no keep-conn");
    p += 16;

    ok(p[1] == 4 && p[3] == 1, "with params");
    n = (p[4] << 8) | p[5];
    p += 8;
    ok(p + n + 16 == last, "of the right length");

    begin();
    record(4, "", 0, 0);
    record(5, "", 0, 0);
    ok(memcmp(p + n, bytes, 16) == 0, "and the ends of params and stdin");

    script = method = name = query = token = 0;

    for (last = p + n; p < last; p += n + v) {
        n = *p++;
        v = *p++;

        if (v & 0x80) {
            v = ((v & 0x7f) << 24) | (p[0] << 16) | (p[1] << 8) | p[2];
            p += 3;
        }

        script += (n == 15 && memcmp(p, "SCRIPT_FILENAME/ping", 20) == 0
                   && v == 5);
        method += (n == 14 && memcmp(p, "REQUEST_METHODHEAD", 18) == 0
                   && v == 4);
        name += (n == 11 && memcmp(p, "SERVER_NAMEapp.example.com", 26) == 0
                 && v == 15);
        query += (n == 12 && memcmp(p, "QUERY_STRINGfull&json", 21) == 0
                  && v == 9);
        token += (n == 12 && memcmp(p, "HTTP_X_TOKENttt", 15) == 0
                  && v == 300);
    }

    ok(p == last, "whose names and values fill them");
    is_num(script, 1, "the script");
    is_num(method, 1, "the method once, as the param says");
    is_num(name, 1, "the name of the server, without port");
    is_num(query, 1, "the query");
    is_num(token, 1, "a long value");

    param->value.len = 66000;
    param->value.data = ngx_pcalloc(talk_pool, 66000);
    is_str(ngx_hd_wire_fastcgi_prepare(talk_pool, &conf, &host),
           "has more than 64k of \"param\" lines", "too much is refused");

    conf.params = NULL;
    ok(ngx_hd_wire_fastcgi_prepare(talk_pool, &conf, &host) == NULL, "again");
}


static void
test_cut(void)
{
    size_t       n, len;
    ngx_int_t    rc;
    const char  *lines[] = { "body|=|pong", "header|X-A|=|b", NULL };

    conf.conds = conditions(lines);

    begin();
    out("Content-type: text/plain\r\nX-");
    record(7, "a note", 6, 2);
    out("A: b\r\n\r\npo");
    out("ng");
    record(6, "", 0, 0);
    end_request(complete);

    len = nbytes;

    for (n = 1; n < 20; n++) {
        check(say(n, 0) == NGX_OK, "pieces of %d bytes", (int) n);
    }

    checked("in pieces");

    for (n = 0; n < len; n++) {
        nbytes = n;
        rc = say(1, 0);
        check(rc == NGX_AGAIN, "%d bytes are not enough", (int) n);

        rc = say(7, 1);
        check(rc == NGX_DECLINED, "%d bytes and an end", (int) n);
        check(talk_result.reason == (n ? NGX_HD_R_RESPONSE_CUT
                                       : NGX_HD_R_RESPONSE_CLOSED),
              "%d bytes: cut", (int) n);
    }

    checked("cut at each byte");

    conf.conds = NULL;
}


static void
test_judge(void)
{
    size_t  i;

    static const struct {
        const char  *header;
        const char  *text;
    } answers[] = {
        { "\n", "" },
        { "\r\n", "" },
        { "A:b\n\n", "" },
        { "Status: 204\r\n\r\n", "" },
        { "Status: 404 Not Found\r\n\r\nx", "http status 404" },
        { "Location: /x\r\n\r\n", "" },
        { "Location: /x\r\nStatus: 500 x\r\n\r\n", "http status 500" },
        { "Status: 500 x\r\nLocation: /x\r\n\r\n", "http status 500" },
        { "Status: 99\r\n\r\n", "invalid response: malformed Status \"99\"" },
        { "Status: 2000\r\n\r\n",
          "invalid response: malformed Status \"2000\"" },
        { "Status:\r\n\r\n", "invalid response: malformed Status \"\"" },
        { "<html>\r\n\r\n",
          "invalid response: malformed header field \"<html>\"" },
        { ": x\r\n\r\n", "invalid response: malformed header field \": x\"" },
        { "Content type: a\r\n\r\n",
          "invalid response: malformed header field \"Content type: a\"" },
        { " A: b\r\n\r\n",
          "invalid response: malformed header field \" A: b\"" },
        { "A : b\r\n\r\n",
          "invalid response: malformed header field \"A : b\"" },
        { "Content-Length: 3\r\n\r\nabc", "" },
        { "Content-Length: 2\r\n\r\nabc", "" },
        { "Content-Length: x\r\n\r\nabc", "" },
        { "Status: 304\r\nContent-Length: 9\r\n\r\n", "" },
        { "content-length: 9\r\n\r\nabc",
          "response cut short: 3 of 9 bytes of the body" },
        { "A: b", "response cut short: within the header" },
        { "", "response cut short: no header" }
    };

    ngx_str_null(&conf.method);

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        begin();
        out(answers[i].header);
        end_request(complete);

        is_str(verdict(), answers[i].text, "answer %d", (int) i);
    }

    begin();
    out("Content-Length: 9\r\n\r\n");
    end_request(complete);

    is_str(verdict(), "response cut short: 0 of 9 bytes of the body",
           "no body");

    ngx_str_set(&conf.method, "HEAD");
    is_str(verdict(), "", "which is right for HEAD");
    ngx_str_null(&conf.method);

    begin();
    record(7, "Primary script unknown\n", 23, 1);
    out("Status: 404 Not Found\r\n\r\nFile not found.\n");
    end_request(complete);

    is_str(verdict(), "http status 404, error output "
           "\"Primary script unknown\"", "what PHP says of it");
    ok(talk_result.sample.line_len == 21
       && memcmp(talk_result.sample.line, "Status: 404 Not Found", 21) == 0,
       "the status line is kept");
}


static void
test_end(void)
{
    begin();
    out("\n");
    end_request("\0\0\0\0\2\0\0\0");
    is_str(verdict(), "the server answered with an error: it is overloaded",
           "overloaded");

    begin();
    end_request("\0\0\0\0\3\0\0\0");
    is_str(verdict(), "the server answered with an error: it does not serve "
           "the role of a responder", "role");

    begin();
    end_request("\0\0\0\0\7\0\0\0");
    is_str(verdict(), "invalid response: unknown end of the request",
           "unknown");

    begin();
    out("\n");
    end_request("\0\0\1\1\0\0\0\0");
    is_str(verdict(), "the server answered with an error: the program ended "
           "with status 257", "exit status");

    begin();
    record(3, "\0\0\0", 3, 0);
    is_str(verdict(), "invalid response: malformed end of the request",
           "too short");
}


static void
test_hostile(void)
{
    int  i;

    begin();
    memcpy(bytes, "HTTP/1.1 400 Bad\r\n\r\n", nbytes = 20);
    is_str(verdict(), "invalid response: not a FastCGI record, got "
           "\"HTTP/1.1 400 Bad????\"", "another protocol");

    begin();
    out("\n");
    bytes[3] = 2;
    is_str(verdict(), "invalid response: a record of another request",
           "another request");

    begin();
    record(11, "", 0, 0);
    is_str(verdict(), "invalid response: unexpected FastCGI record of type 11",
           "an unknown record");

    begin();

    for (i = 0; i < 2000; i++) {
        record(6, "", 0, 3);
    }

    is_str(verdict(), "invalid response: endless empty records", "empty");

    begin();
    memset(bytes + 150000, 'a', 10000);

    for (i = 0; i < 5; i++) {
        record(6, (char *) bytes + 150000, 10000, 0);
    }

    is_str(verdict(), "response header too large: more than 32768 bytes",
           "an endless header");

    begin();

    for (i = 0; i < 14; i++) {
        record(7, (char *) bytes + 150000, 10000, 0);
    }

    is_str(verdict(), "invalid response: endless error output",
           "endless complaints");

    begin();
    out("\n");
    record(6, (char *) bytes + 150000, 10000, 0);
    is_str(verdict(), "", "a body over the limit is judged by its begin");

    begin();

    for (i = 0; i < 300; i++) {
        out("A: b\n");
    }

    out("\n");
    is_str(verdict(), "response header too large: more than 256 fields",
           "fields");
}


static void
test_memory(void)
{
    long         n;
    ngx_int_t    rc;
    const char  *lines[] = { "body|=|pong", "header|X-A|=|b", NULL };

    conf.conds = conditions(lines);

    begin();
    out("X-A: b\r\n\r\npong");
    end_request(complete);

    for (n = 1; n < 30; n++) {
        stand_in_fail = n;
        rc = say(3, 0);

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


int
main(void)
{
    talk_pool = ngx_create_pool(4096, NULL);
    pool = talk_pool;

    test_request();
    test_cut();
    test_judge();
    test_end();
    test_hostile();
    test_memory();

    ngx_destroy_pool(talk_pool);

    return done();
}

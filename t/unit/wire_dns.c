
/*
 * Unit test of ngx_hd_wire_dns.c: the bytes of a query, the text of each type
 * of record, answers cut and changed at each byte, names that jump.
 */


#include "talk.h"
#include "../../ngx_http_healthdash_module/ngx_hd_wire_dns.c"


#define QUESTION  (sizeof("\3www\4test\0\0\1\0\1") - 1)


static ngx_hd_check_t   conf;
static u_char           bytes[1500];
static size_t           nbytes;


static void
put(const char *data, size_t len)
{
    memcpy(bytes + nbytes, data, len);
    nbytes += len;
}


static const char *
prepare(const char *name, ngx_uint_t type)
{
    ngx_str_t  host = ngx_string("");

    memset(&conf, 0, sizeof(conf));
    conf.qname.data = (u_char *) name;
    conf.qname.len = strlen(name);
    conf.qtype = type;

    return ngx_hd_wire_dns_prepare(talk_pool, &conf, &host);
}


/* an answer to www.test, with n records to follow */

static void
answer(ngx_uint_t flags, ngx_uint_t n)
{
    char  head[12] = { 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 };

    nbytes = 0;
    head[2] = (char) (flags >> 8);
    head[3] = (char) flags;
    head[7] = (char) n;

    put(head, 12);
    put("\3www\4test\0\0", QUESTION - 2);
    bytes[nbytes - 2] = (u_char) (conf.qtype >> 8);
    bytes[nbytes - 1] = (u_char) conf.qtype;
    put("\0\1", 2);
}


static void
record(const char *data, size_t len)
{
    char  head[12] = { (char) 0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 60, 0, 0 };

    head[2] = (char) (conf.qtype >> 8);
    head[3] = (char) conf.qtype;
    head[10] = (char) (len >> 8);
    head[11] = (char) len;

    put(head, 12);
    put(data, len);
}


/* the id is only known once the query was sent */

static ngx_int_t
ask(size_t len, ngx_uint_t eof)
{
    size_t     n;
    ngx_int_t  rc;

    rc = talk(ngx_hd_wire_dns, &conf, bytes, 0, 1, 0);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    memcpy(bytes, talk_said, 2);

    n = len;
    rc = talk_step(ngx_hd_wire_dns, bytes, &n);

    if (rc == NGX_AGAIN && eof) {
        n = 0;
        talk_wire.eof = 1;
        rc = talk_step(ngx_hd_wire_dns, bytes, &n);
    }

    return rc;
}


static const char *
row(void)
{
    static char  buf[NGX_HD_SAMPLE_LEN + 1];

    if (ask(nbytes, 0) != NGX_OK) {
        return talk_detail();
    }

    memcpy(buf, talk_result.sample.text, talk_result.sample.len);
    buf[talk_result.sample.len] = '\0';

    return buf;
}


static void
test_query(void)
{
    char  label[80];

    ok(prepare("", 1) != NULL, "a name is needed");
    ok(prepare("a..b", 1) != NULL, "no empty label");
    ok(prepare(".a", 1) != NULL, "nor at the begin");

    memset(label, 'x', sizeof(label));
    label[64] = '\0';
    ok(prepare(label, 1) != NULL, "no label of 64 bytes");
    label[63] = '\0';
    ok(prepare(label, 1) == NULL, "but one of 63");

    ok(prepare(".", 2) == NULL && conf.request.len == 12 + 5 + 11, "the root");

    ok(prepare("www.test.", 257) == NULL, "a name with a dot behind it");
    ok(conf.request.len == 12 + QUESTION + 11
       && memcmp(conf.request.data + 2, "\1\0\0\1\0\0\0\0\0\1"
                 "\3www\4test\0\1\1\0\1" "\0\0\51\4\320\0\0\0\0\0\0",
                 10 + QUESTION + 11) == 0, "becomes a query");
}


static void
test_text(void)
{
    size_t  i;

    static const struct {
        ngx_uint_t   type;
        const char  *data;
        size_t       len;
        const char  *text;
    } rows[] = {
        { 1, "\12\0\0\1", 4, "10.0.0.1" },
        { 28, "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, "fd00::1" },
        { 5, "\1a\300\20", 4, "a.test" },
        { 2, "\0", 1, "." },
        { 12, "\3a.b\2\\\1\0", 8, "a\\.b.\\\\\\001" },
        { 15, "\0\12\4mail\300\20", 9, "10 mail.test" },
        { 33, "\0\1\0\2\1\273\300\14", 8, "1 2 443 www.test" },
        { 16, "\3abc\1 \2de", 9, "abc de" },
        { 16, "", 0, "" },
        { 257, "\0\5issueca.test", 14, "0 issue \"ca.test\"" },
        { 6, "\300\14\300\20\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\377\377\377\377",
          24, "www.test test 1 2 3 4 4294967295" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) prepare("www.test", rows[i].type);
        answer(0x8180, 1);
        record(rows[i].data, rows[i].len);

        is_str(row(), rows[i].text, "text of type %d", (int) rows[i].type);
    }

    (void) prepare("www.test", 1);
    answer(0x8180, 3);
    record("\12\0\0\3", 4);
    record("\12\0\0\20", 4);
    record("\12\0\0\1", 4);

    is_str(row(), "10.0.0.1 10.0.0.16 10.0.0.3", "records are sorted");
    ok(talk_result.value == 3, "and counted");
}


static void
test_malformed(void)
{
    size_t  i;

    static const struct {
        ngx_uint_t   type;
        const char  *data;
        size_t       len;
    } rows[] = {
        { 1, "\12\0\0", 3 }, { 28, "\12\0\0\1", 4 }, { 5, "", 0 },
        { 5, "\1", 1 }, { 5, "\1a", 2 }, { 5, "\300", 1 },
        { 5, "\300\51", 2 }, { 5, "\300\377", 2 }, { 5, "\1a\300\51", 4 },
        { 5, "\100\0", 2 }, { 15, "\0\1", 2 }, { 33, "\0\1\0\1\0\1", 6 },
        { 16, "\2a", 2 }, { 257, "\0", 1 }, { 257, "\0\2a", 3 },
        { 6, "\300\14\300\20\0\0\0\1", 8 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) prepare("www.test", rows[i].type);
        answer(0x8180, 1);
        record(rows[i].data, rows[i].len);

        is_str(row(), "invalid response: malformed DNS message", "row %d",
               (int) i);
    }
}


static void
test_cut(void)
{
    int        bit;
    size_t     n;
    ngx_int_t  rc;

    (void) prepare("www.test", 15);
    answer(0x8180, 2);
    record("\0\12\4mail\300\20", 9);
    record("\0\24\1b\300\50", 6);

    is_str(row(), "10 mail.test 20 b.mail.test", "the whole");

    for (n = 0; n < nbytes; n++) {
        rc = ask(n, 1);
        check(rc == NGX_DECLINED && talk_result.verdict == NGX_HD_FAIL,
              "%d bytes", (int) n);
    }

    checked("cut at each byte");

    for (n = 2; n < nbytes; n++) {
        for (bit = 0; bit < 8; bit++) {
            bytes[n] ^= 1 << bit;
            rc = ask(nbytes, 1);
            check(rc == NGX_OK || talk_result.verdict == NGX_HD_FAIL,
                  "byte %d, bit %d", (int) n, bit);
            bytes[n] ^= 1 << bit;
        }
    }

    checked("changed in each bit");

    answer(0x8380, 2);
    record("\0\12\4mail\300\20", 9);
    is_str(row(), "10 mail.test", "truncated: what came");

    answer(0x8183, 0);
    is_str(row(), "rcode NXDOMAIN, expected NOERROR", "another rcode");

    answer(0x8180, 0);
    is_str(row(), "no MX records of www.test", "no records");

    answer(0x8180, 1);
    record("\0\12\4mail\300\20", 9);
    bytes[13] = 'W';
    is_str(row(), "10 mail.test", "case does not matter");

    bytes[13] = 'v';
    is_num(ask(nbytes, 0), NGX_AGAIN, "another name is passed over");
}


static void
test_memory(void)
{
    long       n;
    ngx_int_t  rc;

    (void) prepare("www.test", 1);
    answer(0x8180, 1);
    record("\12\0\0\1", 4);

    for (n = 1; n < 20; n++) {
        stand_in_fail = n;
        rc = ask(nbytes, 0);

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


/* the answer to the question before; flags of its header, n records */

static ngx_int_t
answered(ngx_uint_t flags, ngx_uint_t n)
{
    size_t  len;

    answer(flags, n);

    if (n) {
        record("\12\0\0\1", 4);
    }

    memcpy(bytes, talk_said, 2);
    talk_said_len = 0;

    len = nbytes;
    return talk_step(ngx_hd_wire_dns, bytes, &len);
}


/* RFC 6891, 7: who does not know EDNS0 says FORMERR, and is asked without */

static void
test_old(void)
{
    size_t  i;

    static const ngx_uint_t  codes[] = { 0x8181, 0x8184 };

    for (i = 0; i < 2; i++) {
        (void) prepare("www.test", 1);

        is_num(talk(ngx_hd_wire_dns, &conf, bytes, 0, 1, 0), NGX_AGAIN,
               "a query");
        is_num(answered(codes[i], 0), NGX_AGAIN, "%x is no verdict",
               (unsigned) codes[i]);
        ok(talk_said_len == 12 + QUESTION
           && memcmp(talk_said + 2, conf.request.data + 2, 9) == 0
           && talk_said[11] == 0
           && memcmp(talk_said + 12, conf.request.data + 12, QUESTION) == 0,
           "it is asked once more, without EDNS0");
        is_num(answered(0x8180, 1), NGX_OK, "and answers");

        (void) talk(ngx_hd_wire_dns, &conf, bytes, 0, 1, 0);
        (void) answered(codes[i], 0);
        is_num(answered(codes[i], 0), NGX_DECLINED, "or does not");
        ok(strcmp(talk_detail(), i ? "rcode NOTIMP, expected NOERROR"
                                   : "rcode FORMERR, expected NOERROR") == 0,
           "%s", talk_detail());
    }

    conf.rcode = 1;
    (void) talk(ngx_hd_wire_dns, &conf, bytes, 0, 1, 0);
    is_num(answered(0x8181, 0), NGX_OK, "unless FORMERR is what is wanted");

    (void) prepare("www.test", 1);
    (void) talk(ngx_hd_wire_dns, &conf, bytes, 0, 1, 0);
    is_num(answered(0x8182, 0), NGX_DECLINED, "SERVFAIL is a verdict");
}


int
main(void)
{
    talk_pool = ngx_create_pool(4096, NULL);

    test_old();

    test_query();
    test_text();
    test_malformed();
    test_cut();
    test_memory();

    ngx_destroy_pool(talk_pool);

    return done();
}

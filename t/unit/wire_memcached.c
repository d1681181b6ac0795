
/*
 * Unit test of ngx_hd_wire_memcached.c: what it sends; good answers in pieces
 * and cut at each byte; errors, garbage, endless and oversized answers.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_wire.c"
#include "../../ngx_http_healthdash_module/ngx_hd_wire_memcached.c"
#include "wire.h"


#define BIG  (4 * NGX_HD_MEMCACHED_ITEM)


static ngx_str_t        host = ngx_string("cache.test");
static ngx_hd_check_t   check_version;
static ngx_hd_check_t   check_item;


static void
says(ngx_hd_check_t *c, const char *answer, const char *want)
{
    size_t  len, n;

    len = strlen(answer);

    for (n = 1; n <= len; n += (n < 9) ? 1 : len) {
        talk(ngx_hd_wire_memcached, c, answer, len, n);

        if (strcmp(detail(), want) != 0) {
            break;
        }
    }

    is_str(detail(), want, "%s", want);
}


static void
test_commands(void)
{
    ngx_hd_check_t  bad;

    memset(&bad, 0, sizeof(bad));
    ngx_str_set(&bad.item, "a b");

    ok(ngx_hd_wire_memcached_prepare(pool, &bad, &host) != NULL,
       "a key with a blank");
    ngx_str_set(&bad.item, "a\nb");
    ok(ngx_hd_wire_memcached_prepare(pool, &bad, &host) != NULL,
       "a key with a line break");

    ngx_str_set(&check_item.item, "greeting");

    ok(!ngx_hd_wire_memcached_prepare(pool, &check_version, &host), "version");
    ok(!ngx_hd_wire_memcached_prepare(pool, &check_item, &host), "item");

    is_str(sent(&check_version), "version\r\n", "asks for the version");
    is_str(sent(&check_item), "get greeting\r\n", "asks for the item");
}


static void
test_good(void)
{
    size_t  i;

    static const char * const  items[] = {
        "VALUE greeting 0 5\r\nhello\r\nEND\r\n",
        "VALUE greeting 4294967295 7 99\r\nEND\r\nxx\r\nEND\r\n",
        "VALUE greeting 0 0\r\n\r\nEND\r\n"
    };

    good_answer("version", ngx_hd_wire_memcached, &check_version,
                "VERSION 1.6.18\r\n", 16);

    for (i = 0; i < 3; i++) {
        good_answer("item", ngx_hd_wire_memcached, &check_item, items[i],
                    strlen(items[i]));
        spoilt_answer("item", ngx_hd_wire_memcached, &check_item, items[i],
                      strlen(items[i]));
    }

    checked("good answers, and spoilt ones");

    talk(ngx_hd_wire_memcached, &check_item, items[0], strlen(items[0]), 3);
    ok(wire_row.len == 5 && memcmp(wire_copy, "hello", 5) == 0
       && !wire_answer.no_row, "the value is judged as row");
    talk(ngx_hd_wire_memcached, &check_item, items[2], strlen(items[2]), 3);
    ok(wire_row.len == 0 && !wire_answer.no_row, "an empty one, too");
    talk(ngx_hd_wire_memcached, &check_version, "VERSION 1\r\n", 11, 3);
    ok(wire_answer.no_row, "a version is no row");

    stand_in_fail = 1;
    ok(talk(ngx_hd_wire_memcached, &check_version, "VERSION 1\r\n", 11, 11)
       == NGX_ERROR && result.verdict == NGX_HD_INCONCLUSIVE, "no memory");
    stand_in_fail = 2;
    ok(talk(ngx_hd_wire_memcached, &check_item, items[0], strlen(items[0]), 9)
       == NGX_ERROR && result.verdict == NGX_HD_INCONCLUSIVE,
       "no memory for the item");
    stand_in_fail = 0;
}


static void
test_bad(void)
{
    says(&check_item, "END\r\n",
         "row: there is no item \"greeting\", expected one");
    says(&check_version, "ERROR\r\n",
         "the server answered with an error: \"ERROR\"");
    says(&check_item, "SERVER_ERROR out of memory writing get response\r\n",
         "the server answered with an error: \"SERVER_ERROR out of memory "
         "writing get response\"");
    says(&check_item, "CLIENT_ERROR unauthenticated\r\n",
         "log-in refused: \"CLIENT_ERROR unauthenticated\"");
    says(&check_version, "HTTP/1.1 400 Bad Request\r\n\r\n", "invalid "
         "response: the server speaks HTTP, got \"HTTP/1.1 400 Bad Request\"");
    says(&check_version, "\x15\x03\x01",
         "invalid response: the server speaks TLS");
    says(&check_version, "END\r\n",
         "invalid response: not a memcached answer, got \"END\"");
    says(&check_version, "VERSION\r\n",
         "invalid response: not a memcached answer, got \"VERSION\"");
    says(&check_item, "VERSION 1\r\n",
         "invalid response: not a memcached answer, got \"VERSION 1\"");
    says(&check_item, "VALUE other 0 5\r\nhello\r\nEND\r\n", "invalid "
         "response: not a memcached answer, got \"VALUE other 0 5\"");
    says(&check_item, "VALUE greetings 0 5\r\nhello\r\nEND\r\n", "invalid "
         "response: not a memcached answer, got \"VALUE greetings 0 5\"");
    says(&check_item, "VALUE greeting 0\r\nhello\r\nEND\r\n", "invalid "
         "response: not a memcached answer, got \"VALUE greeting 0\"");
    says(&check_item, "VALUE greeting 0 -1\r\nhello\r\nEND\r\n", "invalid "
         "response: not a memcached answer, got \"VALUE greeting 0 -1\"");
    says(&check_item, "VALUE greeting 0 99999999999999999999\r\nhello",
         "invalid response: not a memcached answer, got \"VALUE greeting 0 "
         "99999999999999999999\"");
    says(&check_item, "VALUE greeting 0 4\r\nhello\r\nEND\r\n",
         "invalid response: not a memcached answer, got \"o\"");
    says(&check_item, "VALUE greeting 0 5\r\nhello\r\nVALUE x\r\n",
         "invalid response: not a memcached answer, got \"VALUE x\"");
}


static void
test_endless(void)
{
    char  *text;

    text = malloc(BIG);

    memset(text, 'x', BIG);
    talk(ngx_hd_wire_memcached, &check_version, text, BIG, 4096);
    ok(result.reason == NGX_HD_R_RESPONSE_INVALID && wire_taken <= 8192,
       "a line without end is left after %zu bytes", wire_taken);

    text[sprintf(text, "VALUE greeting 0 9223372036854775807\r\n")] = 'x';
    ok(talk(ngx_hd_wire_memcached, &check_item, text, BIG, 4096) == NGX_OK
       && wire_answer.row.len == NGX_HD_MEMCACHED_ITEM
       && wire_taken < NGX_HD_MEMCACHED_ITEM + 8192,
       "a huge item is left after %zu bytes", wire_taken);

    free(text);
}


int
main(void)
{
    pool = ngx_create_pool(0, NULL);

    test_commands();
    test_good();
    test_bad();
    test_endless();

    ngx_destroy_pool(pool);

    return done();
}

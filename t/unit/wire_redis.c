
/*
 * Unit test of ngx_hd_wire_redis.c: what it sends; good answers in pieces and
 * cut at each byte; errors, garbage, endless and oversized answers.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_wire.c"
#include "../../ngx_http_healthdash_module/ngx_hd_wire_redis.c"
#include "wire.h"


#define BIG  (2 * NGX_HD_REDIS_INFO)


static ngx_str_t        host = ngx_string("cache.test");
static ngx_hd_check_t   check_plain;
static ngx_hd_check_t   check_auth;
static ngx_hd_check_t   check_primary;
static ngx_hd_check_t   check_replica;


/* "+PONG" and two answers to INFO */

static const char *
info(const char *replication, const char *persistence)
{
    static char  text[8192];

    snprintf(text, sizeof(text), "+PONG\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
             strlen(replication), replication, strlen(persistence),
             persistence);

    return text;
}


static const char  loaded[] = "# Persistence\r\nloading:0\r\n";
static const char  primary[] = "# Replication\r\nrole:master\r\n"
                               "connected_slaves:0\r\n";


static const char *
replica(const char *link, const char *more)
{
    static char  text[512];

    snprintf(text, sizeof(text), "# Replication\r\nrole:slave\r\n"
             "master_host:10.0.0.1\r\nmaster_link_status:%s\r\n%s", link,
             more);

    return text;
}


static void
says(ngx_hd_check_t *check, const char *answer, const char *want)
{
    size_t  len, n;

    len = strlen(answer);

    for (n = 1; n <= len; n += (n < 9) ? 1 : len) {
        talk(ngx_hd_wire_redis, check, answer, len, n);

        if (strcmp(detail(), want) != 0) {
            break;
        }
    }

    is_str(detail(), want, "%s", *want ? want : "healthy");
}


static void
test_commands(void)
{
    ngx_hd_check_t  bad;

    memset(&bad, 0, sizeof(bad));
    ngx_str_set(&bad.user, "probe");

    is_str(ngx_hd_wire_redis_prepare(pool, &bad, &host),
           "needs password= beside user=", "a user alone");

    ngx_str_set(&check_auth.user, "probe");
    ngx_str_set(&check_auth.password, "s3cret\xc3\xa4");
    check_primary.role = NGX_HD_ROLE_PRIMARY;
    check_replica.role = NGX_HD_ROLE_REPLICA;
    check_replica.max_lag = 10000;

    ok(!ngx_hd_wire_redis_prepare(pool, &check_plain, &host), "plain");
    ok(!ngx_hd_wire_redis_prepare(pool, &check_auth, &host), "auth");
    ok(!ngx_hd_wire_redis_prepare(pool, &check_primary, &host), "primary");
    ok(!ngx_hd_wire_redis_prepare(pool, &check_replica, &host), "replica");

    is_str(sent(&check_plain), "*1\r\n$4\r\nPING\r\n", "PING");
    is_str(sent(&check_auth), "*3\r\n$4\r\nAUTH\r\n$5\r\nprobe\r\n"
           "$8\r\ns3cret\xc3\xa4\r\n*1\r\n$4\r\nPING\r\n",
           "AUTH with a user");

    check_auth.user.len = 0;

    ok(!ngx_hd_wire_redis_prepare(pool, &check_auth, &host), "auth");
    is_str(sent(&check_auth), "*2\r\n$4\r\nAUTH\r\n"
           "$8\r\ns3cret\xc3\xa4\r\n*1\r\n$4\r\nPING\r\n",
           "AUTH without one");
}


static void
test_good(void)
{
    size_t       n;
    const char  *text;

    good_answer("ping", ngx_hd_wire_redis, &check_plain, "+PONG\r\n", 7);
    good_answer("auth", ngx_hd_wire_redis, &check_auth, "+OK\r\n+PONG\r\n",
                12);

    text = info(primary, loaded);
    good_answer("primary", ngx_hd_wire_redis, &check_primary, text,
                strlen(text));

    text = info(replica("up", "master_last_io_seconds_ago:10\r\n"), loaded);
    good_answer("replica", ngx_hd_wire_redis, &check_replica, text,
                strlen(text));

    checked("good answers");

    spoilt_answer("auth", ngx_hd_wire_redis, &check_auth, "+OK\r\n+PONG\r\n",
                  12);

    text = info(primary, loaded);
    spoilt_answer("primary", ngx_hd_wire_redis, &check_primary, text,
                  strlen(text));

    checked("spoilt answers");

    /* the allocation that fails is no failure of the server */

    stand_in_fail = 1;
    n = talk(ngx_hd_wire_redis, &check_plain, "+PONG\r\n", 7, 7);
    ok((ngx_int_t) n == NGX_ERROR && result.verdict == NGX_HD_INCONCLUSIVE,
       "no memory");
    stand_in_fail = 0;
}


static void
test_errors(void)
{
    says(&check_auth, "-WRONGPASS no\r\n+PONG\r\n", "log-in refused: "
         "\"WRONGPASS no\", expected user= and password=");
    says(&check_auth, "-ERR invalid password\r\n-NOAUTH x\r\n",
         "log-in refused: \"ERR invalid password\", expected user= and "
         "password=");
    says(&check_auth, "-ERR unknown command 'AUTH', with args beginning with:"
         " 's3cret\xc3\xa4'\r\n", "log-in refused: \"ERR unknown command "
         "'AUTH', \", expected user= and password=");
    ok(result.sample.line_len == sizeof("-ERR unknown command 'AUTH', ") - 1,
       "the password is not in the sample");

    says(&check_auth, "-LOADING Redis is loading\r\n",
         "not serving: redis is loading its data");
    says(&check_plain, "-LOADING Redis is loading\r\n",
         "not serving: redis is loading its data");
    says(&check_plain, "-NOAUTH Authentication required.\r\n",
         "log-in refused: \"NOAUTH Authentication required.\", expected user= "
         "and password=");
    says(&check_primary, "+PONG\r\n-NOPERM no info\r\n",
         "log-in refused: \"NOPERM no info\", expected a user that may do "
         "this");
    says(&check_plain, "-ERR max number of clients reached\r\n",
         "the server answered with an error: \"ERR max number of clients "
         "reached\" to PING");
    says(&check_primary, "+PONG\r\n-ERR unknown\r\n", "the server answered "
         "with an error: \"ERR unknown\" to INFO replication");
    says(&check_plain, "-\r\n", "the server answered with an error: \"\" to "
         "PING");
}


static void
test_info(void)
{
    says(&check_primary, info(primary, "loading:1\r\n"),
         "not serving: redis is loading its data");
    says(&check_primary, info(replica("up", ""), loaded),
         "wrong role: is a replica, expected a primary");
    says(&check_replica, info(primary, loaded),
         "wrong role: is a primary, expected a replica");
    says(&check_replica,
         info(replica("down", "master_link_down_since_seconds:12\r\n"),
              loaded),
         "replication lag: link to its primary is down (for 12s)");
    says(&check_replica,
         info(replica("down", "master_link_down_since_seconds:-1\r\n"),
              loaded),
         "replication lag: link to its primary is down");
    says(&check_replica,
         info(replica("down", "master_sync_in_progress:1\r\n"), loaded),
         "replication lag: it is still copying the data of its primary");
    says(&check_replica,
         info(replica("up", "master_last_io_seconds_ago:11\r\n"), loaded),
         "replication lag: nothing from its primary for 11s, expected 10000ms "
         "at most");
    says(&check_replica, info(replica("up", ""), loaded), "invalid response: "
         "no master_last_io_seconds_ago in the answer to INFO");
    says(&check_primary, info("", ""),
         "invalid response: no role in the answer to INFO");
    says(&check_primary, info("role:sentinel\r\n", loaded),
         "invalid response: no role in the answer to INFO");
}


static void
test_aliens(void)
{
    says(&check_plain, "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
         "invalid response: the server speaks HTTP, got "
         "\"HTTP/1.1 400 Bad Request\"");
    says(&check_plain, "\x15\x03\x03", "invalid response: the server speaks "
         "TLS");
    says(&check_plain, "220 mail.test ESMTP\r\n", "invalid response: not a "
         "Redis answer, got \"220 mail.test ESMTP\"");
    says(&check_plain, "\r\n+PONG\r\n",
         "invalid response: not a Redis answer, got \"\"");
    says(&check_plain, "+OK\r\n",
         "invalid response: not a Redis answer, got \"+OK\"");
    says(&check_plain, ":1\r\n",
         "invalid response: not a Redis answer, got \":1\"");
    says(&check_auth, "+PONG\r\n",
         "invalid response: not a Redis answer, got \"+PONG\"");
    says(&check_primary, "+PONG\r\n$-1\r\n",
         "invalid response: not a Redis answer, got \"$-1\"");
    says(&check_primary, "+PONG\r\n$99999999999999999999\r\n", "invalid "
         "response: not a Redis answer, got \"$99999999999999999999\"");
    says(&check_primary, "+PONG\r\n$1048577\r\n", "invalid response: more than "
         "1048576 bytes to INFO replication");
    says(&check_primary, "+PONG\r\n$3\r\nabcde\r\n",
         "invalid response: not a Redis answer, got \"abcde\"");
}


static void
test_endless(void)
{
    char   *text;
    size_t  n;

    text = malloc(BIG);

    memset(text, 'x', BIG);
    talk(ngx_hd_wire_redis, &check_plain, text, BIG, 4096);
    ok(result.reason == NGX_HD_R_RESPONSE_INVALID && wire_taken <= 8192,
       "a line without end is left after %zu bytes", wire_taken);

    /* an INFO that is as long as it may be */

    memset(text, '\n', BIG);
    n = sprintf(text, "+PONG\r\n$%d\r\n%s", NGX_HD_REDIS_INFO, primary);
    text[n] = '\n';
    n = strlen("+PONG\r\n$1048576\r\n") + NGX_HD_REDIS_INFO;
    n += sprintf(text + n, "\r\n$%zu\r\n%s\r\n", strlen(loaded), loaded);

    ok(talk(ngx_hd_wire_redis, &check_primary, text, n, 4096) == NGX_OK,
       "an INFO of a megabyte");

    free(text);
}


int
main(void)
{
    pool = ngx_create_pool(0, NULL);

    test_commands();
    test_good();
    test_errors();
    test_info();
    test_aliens();
    test_endless();

    ngx_destroy_pool(pool);

    return done();
}

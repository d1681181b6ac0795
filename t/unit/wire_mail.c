
/*
 * Unit test of ngx_hd_mail.c and ngx_hd_wire_mail.c: STARTTLS with bytes in
 * clear text behind it, and commands that a server sends back.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_wire.c"
#include "../../ngx_http_healthdash_module/ngx_hd_mail.c"
#include "../../ngx_http_healthdash_module/ngx_hd_wire_mail.c"
#include "wire.h"


static ngx_hd_check_t   asked;
static ngx_hd_wire_t    wire;
static char             said[512];


void
ngx_encode_base64(ngx_str_t *dst, ngx_str_t *src)
{
    size_t       i;
    u_char       b[3];
    uint32_t     n;
    ngx_uint_t   k;
    static char  abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789+/";

    dst->len = 0;

    for (i = 0; i < src->len; i += 3) {
        memset(b, 0, sizeof(b));
        memcpy(b, src->data + i, ngx_min(3, src->len - i));
        n = (b[0] << 16) | (b[1] << 8) | b[2];

        for (k = 0; k < 4; k++) {
            dst->data[dst->len++] = (i + k > src->len)
                                    ? '=' : abc[(n >> (18 - 6 * k)) & 63];
        }
    }
}


static void
begin(const char *type, const char *password, ngx_uint_t starttls)
{
    ngx_buf_t  in, out;

    memset(&asked, 0, sizeof(asked));
    memset(&wire, 0, sizeof(wire));
    memset(&result, 0, sizeof(result));
    memset(&in, 0, sizeof(in));
    memset(&out, 0, sizeof(out));

    asked.type_name.data = (u_char *) type;
    asked.type_name.len = strlen(type);
    asked.starttls = starttls;

    if (password) {
        ngx_str_set(&asked.user, "me");
        asked.password.data = (u_char *) password;
        asked.password.len = strlen(password);
    }

    ok(ngx_hd_mail_prepare(pool, &asked, NULL) == NULL, "%s is ready", type);

    (void) ngx_hd_check_secret(pool, &asked, &asked.password);

    wire.check = &asked;
    wire.pool = pool;
    wire.result = &result;
    wire.usec = wire_usec;

    is_num(ngx_hd_wire_mail(&wire, &in, &out), NGX_AGAIN, "and listens");
}


/* what the server says at once; the answer to it is in said */

static ngx_int_t
says(const char *text)
{
    size_t      len;
    ngx_int_t   rc;
    ngx_buf_t   in, out;

    memset(&in, 0, sizeof(in));
    memset(&out, 0, sizeof(out));

    len = strlen(text);

    in.start = malloc(len);
    memcpy(in.start, text, len);
    in.pos = in.start;
    in.last = in.start + len;
    in.end = in.last;

    rc = ngx_hd_wire_mail(&wire, &in, &out);

    snprintf(said, sizeof(said), "%.*s", (int) (out.last - out.pos), out.pos);
    free(in.start);

    return rc;
}


static void
test_starttls(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *type;
        const char  *before[3];
        const char  *answer;
        ngx_int_t    rc;
    } cases[] = {
        { "smtp", { "220 hi\r\n", "250 STARTTLS\r\n" }, "220 go\r\n",
          NGX_AGAIN },
        { "smtp", { "220 hi\r\n", "250 STARTTLS\r\n" },
          "220 go\r\n250 AUTH PLAIN\r\n", NGX_DECLINED },
        { "smtp", { "220 hi\r\n", "250 STARTTLS\r\n" },
          "334 go\r\n250 AUTH PLAIN\r\n", NGX_DECLINED },
        { "imap", { "* OK hi\r\n" }, "a OK go\r\n", NGX_AGAIN },
        { "imap", { "* OK hi\r\n" }, "a OK go\r\na OK in\r\n", NGX_DECLINED },
        { "pop3", { "+OK hi\r\n" }, "+OK go\r\n", NGX_AGAIN },
        { "pop3", { "+OK hi\r\n" }, "+OK go\r\n+OK in\r\n", NGX_DECLINED },
        { "ftp", { "220 hi\r\n" }, "234 go\r\n", NGX_AGAIN },
        { "ftp", { "220 hi\r\n" }, "334 go\r\n", NGX_AGAIN },
        { "ftp", { "220 hi\r\n" }, "234 go\r\n230 in\r\n", NGX_DECLINED },
        { "ftp", { "220 hi\r\n" }, "334 go\r\n230 in\r\n", NGX_DECLINED }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(cases[i].type, "s3cret-word", 1);

        is_num(says(cases[i].before[0]), NGX_AGAIN, "greeting");

        if (cases[i].before[1]) {
            is_num(says(cases[i].before[1]), NGX_AGAIN, "what it offers");
        }

        is_num(says(cases[i].answer), cases[i].rc, "answer %u", (unsigned) i);
        is_num(wire.upgrade, cases[i].rc == NGX_AGAIN, "TLS if it was clean");
    }
}


/* a server that does not know a command may quote it */

static void
test_echo(void)
{
    begin("imap", "pa\"ss\\word", 0);

    is_num(says("* OK hi\r\n"), NGX_AGAIN, "greeting");
    ok(strcmp(said, "a LOGIN \"me\" \"pa\\\"ss\\\\word\"\r\n") == 0,
       "a password is quoted");

    is_num(says("a BAD what is LOGIN \"me\" \"pa\\\"ss\\\\word\"?\r\n"),
           NGX_DECLINED, "and comes back");

    ngx_hd_secret_hide(&asked, &result);

    ok(strstr(detail(), "word") == NULL, "it is not in \"%s\"", detail());
    ok(strstr(detail(), "\"me\" \"***\"?") != NULL, "but that it was");

    result.sample.text[result.sample.len] = '\0';
    ok(strstr((char *) result.sample.text, "word") == NULL,
       "nor in what was kept of the answer");
}


/* RFC 959, 4.2: between the first and the last line may be any text */

static void
test_lines(void)
{
    ngx_uint_t  i;

    static const char  *greetings[] = {
        "220-Welcome\r\n\tread the rules\r\n220 ready\r\n",
        "220-Welcome\r\n\x1b[1mhi\x1b[0m\r\n\r\n220 ready\r\n",
        "220-Welcome\r\n  221 no code\r\n220 ready\r\n",
        "120 ready in 2 minutes\r\n220 ready\r\n",
        "120-ready\r\n120 in 2 minutes\r\n220 ready\r\n",
        "120-ready\r\n120 in 2 minutes\r\n220-hi\r\n220 ready\r\n"
    };

    for (i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
        begin("ftp", NULL, 0);

        is_num(says(greetings[i]), NGX_AGAIN, "greeting %u", (unsigned) i);
        ok(strcmp(said, "NOOP\r\n") == 0, "is whole");
        is_num(says("200-well\r\n\tand good\r\n200 ok\r\n"), NGX_OK,
               "and the rest, too");
    }

    begin("ftp", NULL, 0);
    is_num(says("\x16\x03\x01"), NGX_DECLINED, "TLS is none");
}


/* who has not logged in is refused, but not every refusal is one of that */

static void
test_refused(void)
{
    ngx_uint_t  i;

    static const struct {
        const char  *type;
        const char  *greeting;
        const char  *answer;
        ngx_int_t    rc;
    } cases[] = {
        { "ftp", "220 hi\r\n", "530 log in first\r\n", NGX_OK },
        { "ftp", "220 hi\r\n", "500 what?\r\n", NGX_OK },
        { "ftp", "220 hi\r\n", "451 local error\r\n", NGX_DECLINED },
        { "ftp", "220 hi\r\n", "421 going down\r\n", NGX_DECLINED },
        { "pop3", "+OK hi\r\n", "-ERR\r\n", NGX_OK },
        { "pop3", "+OK hi\r\n", "-ERR [AUTH] log in first\r\n", NGX_OK },
        { "pop3", "+OK hi\r\n", "-ERR [SYS/TEMP] no disk\r\n",
          NGX_DECLINED },
        { "pop3", "+OK hi\r\n", "-ERR [sys/perm] no disk\r\n",
          NGX_DECLINED },
        { "imap", "* OK hi\r\n", "a NO log in first\r\n", NGX_DECLINED },
        { "smtp", "220 hi\r\n", "250 hi\r\n", NGX_AGAIN }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(cases[i].type, NULL, 0);

        is_num(says(cases[i].greeting), NGX_AGAIN, "greeting");
        is_num(says(cases[i].answer), cases[i].rc, "%s: answer %u",
               cases[i].type, (unsigned) i);
    }
}


int
main(void)
{
    pool = ngx_create_pool(4096, NULL);

    test_starttls();
    test_lines();
    test_refused();
    test_echo();

    ngx_destroy_pool(pool);

    return done();
}

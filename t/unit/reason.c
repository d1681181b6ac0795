
/* Unit test of ngx_hd_reason.c: the table's words and a result's sentence. */


#include "tap.h"
#include "../../ngx_http_healthdash_module/ngx_hd_reason.c"


static ngx_hd_result_t  result;


static const char *
detail(void)
{
    static char  buf[NGX_HD_DETAIL_LEN + 1];

    memcpy(buf, result.detail, result.len);
    buf[result.len] = '\0';

    return buf;
}


static void
poison(void)
{
    memset(&result, 0xa5, sizeof(result));
    result.usec = 4711;
}


static int
is_layer(const char *layer)
{
    size_t  i;

    static const char  *layers[] = {
        "resolve", "connect", "tls", "response", "service", "heartbeat",
        "system", "condition", "local"
    };

    for (i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        if (strcmp(layer, layers[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
test_table(void)
{
    size_t                  len;
    ngx_uint_t              i, n, changes;
    const char             *layer;
    const ngx_hd_reason_t  *row;

    layer = "";
    changes = 0;

    for (i = 1; i < NGX_HD_REASONS; i++) {
        row = ngx_hd_reason(i);

        if (!check(row->layer && row->word && row->text, "row %d is filled",
                   (int) i))
        {
            continue;
        }

        check(is_layer(row->layer), "layer \"%s\" is known", row->layer);
        check(row->text[0] && row->text[strlen(row->text) - 1] != '.',
              "text of %s has no full stop", row->word);
        check(strspn(row->word, "abcdefghijklmnopqrstuvwxyz_")
              == strlen(row->word), "word \"%s\" is plain", row->word);

        len = strlen(row->layer);

        /* conditions have the words of nginx.conf, services their own */

        check(strcmp(row->layer, "condition") == 0
              || strcmp(row->layer, "service") == 0
              || (strncmp(row->word, row->layer, len) == 0
                  && row->word[len] == '_'),
              "word \"%s\" starts with its layer", row->word);

        for (n = 0; n < i; n++) {
            check(strcmp(row->word, ngx_hd_reason(n)->word)
                  && strcmp(row->text, ngx_hd_reason(n)->text),
                  "\"%s\" and its text are there once", row->word);
        }

        changes += (strcmp(layer, row->layer) != 0);
        layer = row->layer;
    }

    checked("every reason has a layer, a word and a text of its own");

    is_num(changes, 9, "reasons are ordered by nine layers");

    is_str(ngx_hd_reason(NGX_HD_R_CONNECT_REFUSED)->word, "connect_refused",
           "a word");
    is_str(ngx_hd_reason(NGX_HD_R_STATUS)->word, "http_status",
           "the word of a status");
    is_str(ngx_hd_reason(0)->word, "none", "the word of none");
    is_str(ngx_hd_reason(NGX_HD_REASONS)->word, "none", "a number too high");
    is_str(ngx_hd_reason((ngx_uint_t) -1)->word, "none", "the highest number");
}


static void
test_states(void)
{
    ngx_uint_t  i;

    static const char  *words[] = {
        "unknown", "up", "degraded", "down", "paused", "unknown"
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        is_str(ngx_hd_state_word(i), words[i], "state %d", (int) i);
    }
}


static void
test_verdicts(void)
{
    ngx_uint_t        i;
    ngx_hd_verdict_e  want;

    for (i = 0; i < NGX_HD_REASONS + 2; i++) {
        poison();
        ngx_hd_result_set(&result, i, NULL);

        want = (i == 0) ? NGX_HD_PASS
               : (i == NGX_HD_R_SLOW) ? NGX_HD_WARN
               : (i >= NGX_HD_R_LOCAL_FILES) ? NGX_HD_INCONCLUSIVE
               : NGX_HD_FAIL;

        check(result.verdict == want, "verdict of %d", (int) i);
        check(result.usec == 4711, "usec untouched by %d", (int) i);

        if (i == 0) {
            check(result.len == 0, "none has no detail");

        } else if (i < NGX_HD_REASONS) {
            check(result.reason == i, "reason %d", (int) i);
            check(strcmp(detail(), ngx_hd_reason(i)->text) == 0,
                  "detail of %d", (int) i);

        } else {
            check(result.reason == NGX_HD_R_LOCAL_ERROR, "reason %d", (int) i);
        }
    }

    checked("verdict and detail of every reason");
}


static void
test_detail(void)
{
    size_t  i;
    u_char  text[NGX_HD_DETAIL_LEN * 2];

    static const struct {
        const char  *in;
        const char  *out;
    } cases[] = {
        { "plain", "plain" },
        { "a\nb\tc\x7f" "d\x1b[31m", "a?b?c?d?[31m" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "cut \xc3", "cut ?" },
        { "stray \x80\xbf", "stray ??" },
        { "overlong \xc0\xaf \xe0\x80\xaf", "overlong ?? ???" },
        { "surrogate \xed\xa0\x80", "surrogate ???" },
        { "too high \xf4\x90\x80\x80", "too high ????" },
        { "highest \xf4\x8f\xbf\xbf", "highest \xf4\x8f\xbf\xbf" },
        { "next line \xc2\x85", "next line ??" },
        { "turned \xe2\x80\xae", "turned ???" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        poison();
        ngx_hd_result_say(&result, NGX_HD_R_BODY, "%s", cases[i].in);
        is_str(detail(), cases[i].out, "detail of case %d", (int) i);
    }

    poison();
    ngx_hd_result_set(&result, NGX_HD_R_CONNECT_FAILED, "errno %d", 42);
    is_str(detail(), "connect failed: errno 42", "text and fact");
    is_num(result.verdict, NGX_HD_FAIL, "a failure");

    /* a character of two bytes at each place of the cut */

    for (i = 0; i < 4; i++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + NGX_HD_DETAIL_LEN - i, "\xc3\xbc", 2);
        text[sizeof(text) - 1] = '\0';

        poison();
        ngx_hd_result_say(&result, NGX_HD_R_BODY, "%s", text);

        is_num(result.len, NGX_HD_DETAIL_LEN - (i == 1),
               "length of a long detail, character %d before its end",
               (int) i);
        ok(memcmp(result.detail, text, result.len) == 0, "its bytes");
    }
}


int
main(void)
{
    test_table();
    test_states();
    test_verdicts();
    test_detail();

    return done();
}

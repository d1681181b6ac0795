
/*
 * healthdash: conditions on the facts of an answer: a value, a row, a
 * certificate, what is at a path of a JSON body.  Called by ngx_hd_match.c;
 * allocates nothing, but jansson does.  What JSON has there decides how it is
 * compared: a number as a number, a string by its bytes.  Owns what is common
 * to conditions on text, too.
 */


#include <ngx_hd_match_facts.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_reason.h>


#define NGX_HD_DAY             86400   /* seconds */


static int64_t ngx_hd_match_days(int64_t not_after);
static ngx_int_t ngx_hd_match_unseen(const ngx_hd_cond_t *cond,
    ngx_hd_reason_e reason, const char *what, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_json_parse(const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result);
static void ngx_hd_match_json_print(ngx_hd_json_seen_t *seen);
static ngx_int_t ngx_hd_match_json_holds(const ngx_hd_cond_t *cond,
    ngx_hd_json_seen_t *seen);
static ngx_int_t ngx_hd_match_json_number(const ngx_hd_cond_t *cond,
    const ngx_hd_json_seen_t *seen);


ngx_int_t
ngx_hd_match_value(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    u_char           *p, *last;
    u_char            seen[NGX_HD_NUMBER_LEN];
    u_char            wanted[NGX_HD_DETAIL_LEN];
    ngx_hd_number_t   number;

    if (!answer->has_value
        || ngx_hd_number_real(answer->value, &number) != NGX_OK)
    {
        return ngx_hd_match_unseen(cond, NGX_HD_R_VALUE, "value", result);
    }

    if (ngx_hd_cond_holds(cond->op,
                          ngx_hd_number_compare(&number, &cond->decimal)))
    {
        return NGX_OK;
    }

    last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), cond);
    p = ngx_hd_number_print(seen, seen + sizeof(seen), answer->value);

    ngx_hd_result_say(result, NGX_HD_R_VALUE, "value: expected %*s, got %*s",
                      (size_t) (last - wanted), wanted,
                      (size_t) (p - seen), seen);

    return NGX_DECLINED;
}


ngx_int_t
ngx_hd_match_row(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    u_char     *last;
    u_char      wanted[NGX_HD_DETAIL_LEN];
    ngx_int_t   rc;
    ngx_str_t   seen;

    if (answer->no_row) {
        return ngx_hd_match_unseen(cond, NGX_HD_R_ROW, "row", result);
    }

    seen = answer->row;
    rc = ngx_hd_match_text(cond, &seen);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return ngx_hd_match_gave_up(cond, NGX_HD_R_ROW, "row", result);
    }

    last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), cond);
    seen = ngx_hd_cond_cut(&seen, NGX_HD_SEEN_LEN);

    ngx_hd_result_say(result, NGX_HD_R_ROW, "row: expected %*s, got \"%V\"",
                      (size_t) (last - wanted), wanted, &seen);

    return NGX_DECLINED;
}


ngx_int_t
ngx_hd_match_cert_days(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result)
{
    int64_t               days;
    ngx_tm_t              tm;
    ngx_hd_number_t       number;
    const ngx_hd_cert_t  *cert;

    cert = answer->cert;

    if (cert == NULL || cert->not_after == 0) {

        if (cond->if_any) {
            return NGX_OK;
        }

        return ngx_hd_match_unseen(cond, NGX_HD_R_CERT_DAYS, "certificate",
                                   result);
    }

    days = ngx_hd_match_days(cert->not_after);

    number.whole = days;
    number.is_whole = 1;

    if (ngx_hd_cond_holds(cond->op,
                          ngx_hd_number_compare(&number, &cond->decimal)))
    {
        return NGX_OK;
    }

    ngx_gmtime((time_t) cert->not_after, &tm);

    ngx_hd_result_say(result, NGX_HD_R_CERT_DAYS,
                      "cert_days: expected %V %V, got %L (%s "
                      "%4d-%02d-%02d, issued by \"%*s\")",
                      ngx_hd_cond_op(cond->op), &cond->value, days,
                      (days < 0) ? "ended" : "ends",
                      tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                      (size_t) cert->issuer_len, cert->issuer);

    return NGX_DECLINED;
}


/* whole days left; what ended an hour ago has -1, not 0 */

static int64_t
ngx_hd_match_days(int64_t not_after)
{
    int64_t  left;

    left = not_after - (int64_t) ngx_time();

    return (left >= 0) ? left / NGX_HD_DAY
                       : -((NGX_HD_DAY - 1 - left) / NGX_HD_DAY);
}


static ngx_int_t
ngx_hd_match_unseen(const ngx_hd_cond_t *cond, ngx_hd_reason_e reason,
    const char *what, ngx_hd_result_t *result)
{
    u_char  *last;
    u_char   wanted[NGX_HD_DETAIL_LEN];

    last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), cond);

    ngx_hd_result_say(result, reason, "%s: expected %*s, got no %s",
                      (reason == NGX_HD_R_CERT_DAYS) ? "cert_days" : what,
                      (size_t) (last - wanted), wanted, what);

    return NGX_DECLINED;
}


ngx_int_t
ngx_hd_match_json(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    u_char              *last;
    u_char               wanted[NGX_HD_DETAIL_LEN];
    ngx_int_t            rc;
    ngx_str_t            name, text;
    const char          *quote;
    ngx_hd_json_seen_t   seen;

    if (answer->json->root == NULL) {
        rc = ngx_hd_match_json_parse(answer, result);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_hd_json_find(answer->json, cond->path, &seen);

    if (seen.kind == NGX_HD_JSON_NUMBER) {
        ngx_hd_match_json_print(&seen);
    }

    rc = ngx_hd_match_json_holds(cond, &seen);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return ngx_hd_match_gave_up(cond, NGX_HD_R_JSON, "json", result);
    }

    last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), cond);
    name = ngx_hd_cond_cut(&cond->name, NGX_HD_SEEN_LEN);
    text = ngx_hd_cond_cut(&seen.text, (seen.kind == NGX_HD_JSON_TEXT)
                                       ? NGX_HD_SEEN_LEN : NGX_HD_JSON_WHY);
    quote = (seen.kind == NGX_HD_JSON_TEXT) ? "\"" : "";

    ngx_hd_result_say(result, NGX_HD_R_JSON,
                      "json %V: expected %*s, got %s%V%s%s", &name,
                      (size_t) (last - wanted), wanted, quote, &text, quote,
                      seen.rough ? ", too large to be compared" : "");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_match_json_parse(const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    u_char     err[NGX_HD_DETAIL_LEN];
    ngx_int_t  rc;

    rc = ngx_hd_json_parse(answer->json, &answer->body, err, sizeof(err));

    if (rc == NGX_ERROR) {
        ngx_hd_result_set(result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED && answer->body_cut) {
        ngx_hd_result_say(result, NGX_HD_R_JSON, "json: cut by body_limit "
                          "after %uz bytes", answer->body.len);

    } else if (rc == NGX_DECLINED) {
        ngx_hd_result_say(result, NGX_HD_R_JSON, "json: invalid, %s", err);
    }

    return rc;
}


static void
ngx_hd_match_json_print(ngx_hd_json_seen_t *seen)
{
    u_char  *p, *last;

    last = seen->buf + sizeof(seen->buf);

    p = seen->number.is_whole
        ? ngx_slprintf(seen->buf, last, "%L", seen->number.whole)
        : ngx_hd_number_print(seen->buf, last, seen->number.real);

    seen->text.data = seen->buf;
    seen->text.len = p - seen->buf;
}


static ngx_int_t
ngx_hd_match_json_holds(const ngx_hd_cond_t *cond, ngx_hd_json_seen_t *seen)
{
    ngx_uint_t  not;

    not = (NGX_HD_OP(cond->op) & NGX_HD_OPS_NOT) != 0;

    switch (seen->kind) {

    case NGX_HD_JSON_NOTHING:
    case NGX_HD_JSON_MANY:
        return not ? NGX_OK : NGX_DECLINED;

    case NGX_HD_JSON_NUMBER:
        if (cond->re) {
            break;
        }

        return ngx_hd_match_json_number(cond, seen);

    case NGX_HD_JSON_NULL:
        if (cond->re) {
            return not ? NGX_OK : NGX_DECLINED;
        }

        break;

    default:
        break;
    }

    /* only numbers have an order: "9" and "10" as strings would lie */

    if (NGX_HD_OP(cond->op) & NGX_HD_OPS_ORDER) {
        return NGX_DECLINED;
    }

    return ngx_hd_match_text(cond, &seen->text);
}


static ngx_int_t
ngx_hd_match_json_number(const ngx_hd_cond_t *cond,
    const ngx_hd_json_seen_t *seen)
{
    ngx_int_t  compared;

    if (!cond->is_number) {
        return (cond->op == NGX_HD_NE) ? NGX_OK : NGX_DECLINED;
    }

    compared = ngx_hd_number_compare(&seen->number, &cond->decimal);

    if (compared == 0 && seen->rough) {
        return NGX_DECLINED;
    }

    return ngx_hd_cond_holds(cond->op, compared) ? NGX_OK : NGX_DECLINED;
}


const char *
ngx_hd_match_json_path(ngx_pool_t *pool, ngx_hd_cond_t *cond)
{
    ngx_uint_t  i;

    static const ngx_str_t  words[] = {
        ngx_string("true"),
        ngx_string("false"),
        ngx_string("null")
    };

    cond->is_number = (ngx_hd_number_parse(&cond->value, &cond->decimal)
                       == NGX_OK);

    /* shown as JSON shows it, without quotes */

    if (NGX_HD_OP(cond->op) & NGX_HD_OPS_EQUAL) {
        cond->bare = cond->is_number;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            cond->bare |= ngx_hd_cond_equal(&cond->value, &words[i]);
        }
    }

    return ngx_hd_json_path(pool, &cond->name, &cond->path);
}


ngx_int_t
ngx_hd_match_text(const ngx_hd_cond_t *cond, ngx_str_t *seen)
{
    size_t           start;
    ngx_int_t        rc;
    ngx_uint_t       hit;
    ngx_hd_number_t  number;

    if (cond->re) {
        start = 0;
        rc = ngx_hd_regex_exec(cond->re, seen, &start);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        hit = (rc == NGX_OK);

        if (start) {
            seen->data += start;
            seen->len -= start;
        }

    } else if (NGX_HD_OP(cond->op) & NGX_HD_OPS_ORDER) {
        hit = ngx_hd_number_parse(seen, &number) == NGX_OK
              && ngx_hd_cond_holds(cond->op,
                            ngx_hd_number_compare(&number, &cond->decimal));

    } else {
        hit = ngx_hd_cond_equal(seen, &cond->value);
    }

    if (NGX_HD_OP(cond->op) & NGX_HD_OPS_NOT) {
        hit = !hit;
    }

    return hit ? NGX_OK : NGX_DECLINED;
}


/*
 * What cannot be shown to hold does not hold: else an answer that is made to
 * be expensive would keep its server in whatever state it is.
 */

ngx_int_t
ngx_hd_match_gave_up(const ngx_hd_cond_t *cond, ngx_hd_reason_e reason,
    const char *what, ngx_hd_result_t *result)
{
    u_char  *last;
    u_char   wanted[NGX_HD_DETAIL_LEN];

    if (ngx_hd_regex_starved(cond->re)) {
        ngx_hd_result_set(result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), cond);

    ngx_hd_result_say(result, reason, "%s %*s takes too many steps", what,
                      (size_t) (last - wanted), wanted);

    return NGX_DECLINED;
}

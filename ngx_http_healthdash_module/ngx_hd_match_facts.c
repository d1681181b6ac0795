
/*
 * healthdash: conditions on the facts of an answer that are no HTTP: a value,
 * a row, a certificate.  Called by ngx_hd_match.c; allocates nothing.  Owns
 * what is common to conditions on text, too.
 */


#include <ngx_hd_match_facts.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_reason.h>


#define NGX_HD_DAY             86400   /* seconds */


static ngx_int_t ngx_hd_match_unseen(const ngx_hd_cond_t *cond,
    ngx_hd_reason_e reason, const char *what, ngx_hd_result_t *result);
static int64_t ngx_hd_match_days(int64_t not_after);


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
                      "cert_days: expected %V %V, got %L (ends "
                      "%4d-%02d-%02d, issued by \"%*s\")",
                      ngx_hd_cond_op(cond->op), &cond->value, days,
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

    last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), cond);

    ngx_hd_result_say(result, reason, "%s %*s takes too many steps", what,
                      (size_t) (last - wanted), wanted);

    return NGX_DECLINED;
}

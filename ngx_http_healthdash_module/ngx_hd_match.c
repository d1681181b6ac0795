
/*
 * healthdash: judging an answer by conditions.  Owns when a condition holds
 * and the sentence that says what was wanted and what was seen.  Called by
 * the probes in a worker.  Answers are hostile: nothing here allocates, and
 * regular expressions have a budget (ngx_hd_regex.c).
 */


#include <ngx_hd_match.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_match_facts.h>
#include <ngx_hd_reason.h>


#define NGX_HD_MATCH_HEADERS   32768   /* bytes, as many as a probe reads */


typedef ngx_int_t (*ngx_hd_match_pt)(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);


static ngx_int_t ngx_hd_match_all(ngx_array_t *conds, ngx_uint_t warn,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_status(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_header(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_header_there(const ngx_hd_cond_t *cond,
    const ngx_str_t *seen, ngx_hd_result_t *result);
static ngx_table_elt_t *ngx_hd_match_next(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_uint_t *i);
static ngx_int_t ngx_hd_match_header_failed(const ngx_hd_cond_t *cond,
    const ngx_str_t *seen, ngx_int_t rc, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_body(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_time(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);


static const ngx_hd_match_pt  ngx_hd_match_judges[] = {
    [NGX_HD_ON_STATUS] = ngx_hd_match_status,
    [NGX_HD_ON_HEADER] = ngx_hd_match_header,
    [NGX_HD_ON_BODY] = ngx_hd_match_body,
    [NGX_HD_ON_JSON] = ngx_hd_match_json,
    [NGX_HD_ON_VALUE] = ngx_hd_match_value,
    [NGX_HD_ON_ROW] = ngx_hd_match_row,
    [NGX_HD_ON_CERT_DAYS] = ngx_hd_match_cert_days,
    [NGX_HD_ON_TIME] = ngx_hd_match_time
};


ngx_int_t
ngx_hd_match(ngx_array_t *conds, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    ngx_int_t        rc;
    ngx_hd_json_t    json;
    ngx_hd_answer_t  judged;

    if (answer->status && !ngx_hd_match_has(conds, NGX_HD_ON_STATUS, 0)
        && (answer->status < 200 || answer->status > 399))
    {
        ngx_hd_result_say(result, NGX_HD_R_STATUS, "http status %ui",
                          answer->status);
        return NGX_DECLINED;
    }

    ngx_memzero(&json, sizeof(ngx_hd_json_t));

    judged = *answer;
    judged.json = &json;

    rc = ngx_hd_match_all(conds, 0, &judged, result);

    if (rc == NGX_OK) {
        rc = ngx_hd_match_all(conds, 1, &judged, result);

        if (rc == NGX_DECLINED) {
            result->verdict = NGX_HD_WARN;
        }
    }

    if (json.root) {
        ngx_hd_json_free(&json);
    }

    return rc;
}


static ngx_int_t
ngx_hd_match_all(ngx_array_t *conds, ngx_uint_t warn,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result)
{
    size_t          len;
    ngx_int_t       rc;
    ngx_uint_t      i;
    ngx_hd_cond_t  *cond;

    if (conds == NULL) {
        return NGX_OK;
    }

    cond = conds->elts;
    len = ngx_max(answer->body.len, answer->row.len);

    for (i = 0; i < conds->nelts; i++) {

        if (!cond[i].warn != !warn) {
            continue;
        }

        if (cond[i].re) {
            ngx_hd_regex_refill(cond[i].re, ngx_max(len,
                                                    NGX_HD_MATCH_HEADERS));
        }

        rc = ngx_hd_match_judges[cond[i].subject](&cond[i], answer, result);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_status(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    ngx_uint_t       i, hit;
    ngx_hd_range_t  *range;

    hit = 0;
    range = cond->ranges->elts;

    for (i = 0; i < cond->ranges->nelts; i++) {
        if (answer->status >= range[i].first
            && answer->status <= range[i].last)
        {
            hit = 1;
        }
    }

    if (hit == (cond->op != NGX_HD_NE)) {
        return NGX_OK;
    }

    ngx_hd_result_say(result, NGX_HD_R_STATUS, "http status %ui, expected %V",
                      answer->status, &cond->value);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_match_header(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    ngx_int_t         rc, decides;
    ngx_str_t         seen, first;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    /* one hit is enough for "=", and one too many for "!=" */

    decides = (NGX_HD_OP(cond->op) & NGX_HD_OPS_NOT) ? NGX_DECLINED : NGX_OK;

    i = 0;
    h = ngx_hd_match_next(cond, answer, &i);

    if (cond->absent) {
        return h ? ngx_hd_match_header_there(cond, &h->value, result)
                 : NGX_OK;
    }

    if (h == NULL) {
        ngx_str_null(&seen);
        rc = ngx_hd_match_text(cond, &seen);

        return ngx_hd_match_header_failed(cond, NULL, rc, result);
    }

    first = h->value;

    do {
        seen = h->value;
        rc = ngx_hd_match_text(cond, &seen);

        if (rc == decides || rc == NGX_ERROR) {
            return ngx_hd_match_header_failed(cond, &seen, rc, result);
        }

        h = ngx_hd_match_next(cond, answer, &i);

    } while (h);

    return ngx_hd_match_header_failed(cond, &first, rc, result);
}


static ngx_int_t
ngx_hd_match_header_there(const ngx_hd_cond_t *cond, const ngx_str_t *seen,
    ngx_hd_result_t *result)
{
    ngx_str_t  name, value;

    name = ngx_hd_cond_cut(&cond->name, NGX_HD_SEEN_LEN / 2);
    value = ngx_hd_cond_cut(seen, NGX_HD_SEEN_LEN);

    ngx_hd_result_say(result, NGX_HD_R_HEADER,
                      "header %V: expected no such header, got \"%V\"",
                      &name, &value);

    return NGX_DECLINED;
}


static ngx_table_elt_t *
ngx_hd_match_next(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_uint_t *i)
{
    ngx_table_elt_t  *h;

    if (answer->headers == NULL) {
        return NULL;
    }

    while (*i < answer->headers->nelts) {
        h = (ngx_table_elt_t *) answer->headers->elts + (*i)++;

        if (h->key.len == cond->name.len
            && ngx_strncasecmp(h->key.data, cond->name.data, h->key.len) == 0)
        {
            return h;
        }
    }

    return NULL;
}


/* passes rc on; says what was seen, NULL for no such header */

static ngx_int_t
ngx_hd_match_header_failed(const ngx_hd_cond_t *cond, const ngx_str_t *seen,
    ngx_int_t rc, ngx_hd_result_t *result)
{
    u_char     *last;
    u_char      wanted[NGX_HD_DETAIL_LEN];
    ngx_str_t   name, value;

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return ngx_hd_match_gave_up(cond, NGX_HD_R_HEADER, "header", result);
    }

    last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), cond);
    name = ngx_hd_cond_cut(&cond->name, NGX_HD_SEEN_LEN / 2);

    if (seen == NULL) {
        ngx_hd_result_say(result, NGX_HD_R_HEADER,
                          "header %V: expected %*s, got no such header",
                          &name, (size_t) (last - wanted), wanted);
        return NGX_DECLINED;
    }

    value = ngx_hd_cond_cut(seen, NGX_HD_SEEN_LEN);

    ngx_hd_result_say(result, NGX_HD_R_HEADER,
                      "header %V: expected %*s, got \"%V\"",
                      &name, (size_t) (last - wanted), wanted, &value);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_match_body(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    u_char     *last;
    u_char      wanted[NGX_HD_DETAIL_LEN];
    ngx_int_t   rc;
    ngx_str_t   seen;

    seen = answer->body;
    rc = ngx_hd_match_text(cond, &seen);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return ngx_hd_match_gave_up(cond, NGX_HD_R_BODY, "body", result);
    }

    last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), cond);
    seen = ngx_hd_cond_cut(&seen, NGX_HD_SEEN_LEN);

    ngx_hd_result_say(result, NGX_HD_R_BODY, "body: expected %*s, got \"%V\"",
                      (size_t) (last - wanted), wanted, &seen);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_match_time(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    int64_t   wanted;
    uint32_t  usec;

    usec = answer->usec;

    /* longer than any answer takes */

    wanted = (int64_t) ngx_min(cond->number, NGX_MAX_INT32_VALUE) * 1000;

    if (ngx_hd_cond_holds(cond->op, (usec > wanted) - (usec < wanted))) {
        return NGX_OK;
    }

    ngx_hd_result_say(result, NGX_HD_R_TIME,
                      "time: expected %V %V, got %uD.%03uDms",
                      ngx_hd_cond_op(cond->op), &cond->value,
                      usec / 1000, usec % 1000);

    return NGX_DECLINED;
}


ngx_uint_t
ngx_hd_match_has(ngx_array_t *conds, ngx_hd_subject_e subject,
    ngx_uint_t warn)
{
    ngx_uint_t      i;
    ngx_hd_cond_t  *cond;

    if (conds == NULL) {
        return 0;
    }

    cond = conds->elts;

    for (i = 0; i < conds->nelts; i++) {
        if (cond[i].subject == subject && (warn || !cond[i].warn)) {
            return 1;
        }
    }

    return 0;
}


/*
 * healthdash: judging an answer by conditions.  Owns when a condition holds
 * and the sentence that says what was wanted and what was seen.  Called by
 * the probes in a worker.  Answers are hostile: nothing here allocates, and
 * regular expressions have a budget (ngx_hd_regex.c).
 */


#include <ngx_hd_match.h>
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
static ngx_table_elt_t *ngx_hd_match_next(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_uint_t *i);
static ngx_int_t ngx_hd_match_header_failed(const ngx_hd_cond_t *cond,
    const ngx_str_t *seen, ngx_int_t rc, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_body(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_time(const ngx_hd_cond_t *cond,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_match_value(const ngx_hd_cond_t *cond,
    ngx_str_t *seen);
static ngx_uint_t ngx_hd_match_order(ngx_hd_op_e op, int64_t a, int64_t b);
static ngx_int_t ngx_hd_match_gave_up(const ngx_hd_cond_t *cond,
    ngx_hd_result_t *result);
static u_char *ngx_hd_match_wanted(u_char *p, u_char *last,
    const ngx_hd_cond_t *cond);
static ngx_str_t ngx_hd_match_cut(const ngx_str_t *s, size_t max);


static const ngx_str_t  ngx_hd_match_ops[] = {
    [NGX_HD_EQ] = ngx_string("="),
    [NGX_HD_NE] = ngx_string("!="),
    [NGX_HD_LT] = ngx_string("<"),
    [NGX_HD_LE] = ngx_string("<="),
    [NGX_HD_GT] = ngx_string(">"),
    [NGX_HD_GE] = ngx_string(">="),
    [NGX_HD_RE] = ngx_string("~"),
    [NGX_HD_RE_CASELESS] = ngx_string("~*"),
    [NGX_HD_NOT_RE] = ngx_string("!~"),
    [NGX_HD_NOT_RE_CASELESS] = ngx_string("!~*")
};


static const ngx_hd_match_pt  ngx_hd_match_judges[] = {
    [NGX_HD_ON_STATUS] = ngx_hd_match_status,
    [NGX_HD_ON_HEADER] = ngx_hd_match_header,
    [NGX_HD_ON_BODY] = ngx_hd_match_body,
    [NGX_HD_ON_JSON] = ngx_hd_match_body,
    [NGX_HD_ON_VALUE] = ngx_hd_match_body,
    [NGX_HD_ON_ROW] = ngx_hd_match_body,
    [NGX_HD_ON_CERT_DAYS] = ngx_hd_match_body,
    [NGX_HD_ON_TIME] = ngx_hd_match_time
};


ngx_int_t
ngx_hd_match(ngx_array_t *conds, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    ngx_int_t  rc;

    if (answer->status && !ngx_hd_match_has(conds, NGX_HD_ON_STATUS, 0)
        && (answer->status < 200 || answer->status > 399))
    {
        ngx_hd_result_say(result, NGX_HD_R_STATUS, "http status %ui",
                          answer->status);
        return NGX_DECLINED;
    }

    rc = ngx_hd_match_all(conds, 0, answer, result);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_hd_match_all(conds, 1, answer, result);

    if (rc == NGX_DECLINED) {
        result->verdict = NGX_HD_WARN;
    }

    return rc;
}


static ngx_int_t
ngx_hd_match_all(ngx_array_t *conds, ngx_uint_t warn,
    const ngx_hd_answer_t *answer, ngx_hd_result_t *result)
{
    ngx_int_t       rc;
    ngx_uint_t      i;
    ngx_hd_cond_t  *cond;

    if (conds == NULL) {
        return NGX_OK;
    }

    cond = conds->elts;

    for (i = 0; i < conds->nelts; i++) {

        if (!cond[i].warn != !warn) {
            continue;
        }

        if (cond[i].re) {
            ngx_hd_regex_refill(cond[i].re, (cond[i].subject == NGX_HD_ON_BODY)
                                            ? answer->body.len
                                            : NGX_HD_MATCH_HEADERS);
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

    if (h == NULL) {
        ngx_str_null(&seen);
        rc = ngx_hd_match_value(cond, &seen);

        return ngx_hd_match_header_failed(cond, NULL, rc, result);
    }

    first = h->value;

    do {
        seen = h->value;
        rc = ngx_hd_match_value(cond, &seen);

        if (rc == decides || rc == NGX_ERROR) {
            return ngx_hd_match_header_failed(cond, &seen, rc, result);
        }

        h = ngx_hd_match_next(cond, answer, &i);

    } while (h);

    return ngx_hd_match_header_failed(cond, &first, rc, result);
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
        return ngx_hd_match_gave_up(cond, result);
    }

    last = ngx_hd_match_wanted(wanted, wanted + sizeof(wanted), cond);
    name = ngx_hd_match_cut(&cond->name, NGX_HD_SEEN_LEN / 2);

    if (seen == NULL) {
        ngx_hd_result_say(result, NGX_HD_R_HEADER,
                          "header %V: expected %*s, got no such header",
                          &name, (size_t) (last - wanted), wanted);
        return NGX_DECLINED;
    }

    value = ngx_hd_match_cut(seen, NGX_HD_SEEN_LEN);

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
    rc = ngx_hd_match_value(cond, &seen);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return ngx_hd_match_gave_up(cond, result);
    }

    last = ngx_hd_match_wanted(wanted, wanted + sizeof(wanted), cond);
    seen = ngx_hd_match_cut(&seen, NGX_HD_SEEN_LEN);

    ngx_hd_result_say(result, NGX_HD_R_BODY, "body: expected %*s, got \"%V\"",
                      (size_t) (last - wanted), wanted, &seen);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_match_time(const ngx_hd_cond_t *cond, const ngx_hd_answer_t *answer,
    ngx_hd_result_t *result)
{
    uint32_t  usec;

    usec = answer->usec;

    if (ngx_hd_match_order(cond->op, usec, (int64_t) cond->number * 1000)) {
        return NGX_OK;
    }

    ngx_hd_result_say(result, NGX_HD_R_TIME,
                      "time: expected %V %V, got %uD.%03uDms",
                      &ngx_hd_match_ops[cond->op], &cond->value,
                      usec / 1000, usec % 1000);

    return NGX_DECLINED;
}


/*
 * NGX_OK if the condition holds for *seen, NGX_DECLINED if not; *seen becomes
 * the part that is worth showing.
 */

static ngx_int_t
ngx_hd_match_value(const ngx_hd_cond_t *cond, ngx_str_t *seen)
{
    size_t      start;
    ngx_int_t   rc, number;
    ngx_uint_t  hit;

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
        hit = ngx_hd_match_number(seen, &number) == NGX_OK
              && ngx_hd_match_order(cond->op, number, cond->number);

    } else {
        hit = ngx_hd_match_equal(seen, &cond->value);
    }

    if (NGX_HD_OP(cond->op) & NGX_HD_OPS_NOT) {
        hit = !hit;
    }

    return hit ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_hd_match_order(ngx_hd_op_e op, int64_t a, int64_t b)
{
    switch (op) {

    case NGX_HD_LT:
        return a < b;

    case NGX_HD_LE:
        return a <= b;

    case NGX_HD_GT:
        return a > b;

    default: /* NGX_HD_GE */
        return a >= b;
    }
}


/*
 * What cannot be shown to hold does not hold: else an answer that is made to
 * be expensive would keep its server in whatever state it is.
 */

static ngx_int_t
ngx_hd_match_gave_up(const ngx_hd_cond_t *cond, ngx_hd_result_t *result)
{
    u_char      *last;
    u_char       wanted[NGX_HD_DETAIL_LEN];
    ngx_uint_t   body;

    last = ngx_hd_match_wanted(wanted, wanted + sizeof(wanted), cond);

    body = (cond->subject == NGX_HD_ON_BODY);

    ngx_hd_result_say(result, body ? NGX_HD_R_BODY : NGX_HD_R_HEADER,
                      "%s %*s takes too many steps", body ? "body" : "header",
                      (size_t) (last - wanted), wanted);

    return NGX_DECLINED;
}


static u_char *
ngx_hd_match_wanted(u_char *p, u_char *last, const ngx_hd_cond_t *cond)
{
    ngx_str_t  value;

    value = ngx_hd_match_cut(&cond->value, NGX_HD_SEEN_LEN);

    if (NGX_HD_OP(cond->op) & NGX_HD_OPS_ORDER) {
        return ngx_slprintf(p, last, "%V %V", &ngx_hd_match_ops[cond->op],
                            &value);
    }

    if (cond->op == NGX_HD_EQ) {
        return ngx_slprintf(p, last, "\"%V\"", &value);
    }

    return ngx_slprintf(p, last, "%V \"%V\"", &ngx_hd_match_ops[cond->op],
                        &value);
}


/* at most max bytes of s, cut between characters */

static ngx_str_t
ngx_hd_match_cut(const ngx_str_t *s, size_t max)
{
    ngx_str_t  cut;

    cut = *s;

    if (cut.len <= max) {
        return cut;
    }

    cut.len = max;

    while (cut.len > max - 3 && (cut.data[cut.len] & 0xc0) == 0x80) {
        cut.len--;
    }

    return cut;
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


const ngx_str_t *
ngx_hd_match_op(ngx_uint_t op)
{
    return &ngx_hd_match_ops[op];
}


ngx_int_t
ngx_hd_match_number(const ngx_str_t *s, ngx_int_t *number)
{
    ngx_int_t   n;
    ngx_uint_t  minus;

    if (s->len == 0) {
        return NGX_ERROR;
    }

    minus = (s->data[0] == '-');

    n = ngx_atoi(s->data + minus, s->len - minus);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    *number = minus ? -n : n;

    return NGX_OK;
}


ngx_uint_t
ngx_hd_match_equal(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


/*
 * healthdash: HTTP/2 and HTTP/3 through libcurl: what a check asks, and how an
 * answer is judged.
 */


#include <ngx_hd_curl_http.h>
#include <ngx_hd_curl_answer.h>
#include <ngx_hd_curl_question.h>


static void ngx_hd_curl_http_headers(ngx_hd_curl_question_t *q,
    ngx_hd_check_t *check, ngx_str_t *host);
static void ngx_hd_curl_http_judge(ngx_hd_curl_call_t *call);


const char *
ngx_hd_curl_http_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    const char              *wrong;
    ngx_hd_curl_question_t  *q;

    /* what no request of HTTP/1.1 can say, none of these can */

    wrong = ngx_hd_wire_http1_request(pool, check, host, "close");
    if (wrong) {
        return wrong;
    }

    wrong = ngx_hd_curl_refuse(pool, check->type);
    if (wrong) {
        return wrong;
    }

    q = ngx_pcalloc(pool, sizeof(ngx_hd_curl_question_t));
    if (q == NULL) {
        return "could not be made ready: no memory";
    }

    q->pool = pool;
    q->body = check->body;

    q->method = ngx_pnalloc(pool, check->method.len + 1);
    q->uri = ngx_pnalloc(pool, check->uri.len + 1);

    if (q->method == NULL || q->uri == NULL) {
        return "could not be made ready: no memory";
    }

    (void) ngx_sprintf((u_char *) q->method, "%V%Z", &check->method);
    (void) ngx_sprintf((u_char *) q->uri, "%V%Z", &check->uri);

    q->has_body = check->body.len || ngx_hd_request_has_body(&check->method);

    ngx_hd_curl_http_headers(q, check, host);

    return ngx_hd_curl_question_ready(q, check);
}


static void
ngx_hd_curl_http_headers(ngx_hd_curl_question_t *q, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    ngx_uint_t      i;
    ngx_str_t       agent, basic;
    ngx_hd_pair_t  *pair;

    ngx_str_set(&agent, "healthdash/" NGX_HD_VERSION);

    ngx_hd_curl_question_line(q, "Host", host);

    if (check->user_agent.len) {
        ngx_hd_curl_question_line(q, "User-Agent", &check->user_agent);

    } else if (ngx_hd_request_header(check, "User-Agent") == NULL) {
        ngx_hd_curl_question_line(q, "User-Agent", &agent);
    }

    if (q->has_body && ngx_hd_request_header(check, "Content-Type") == NULL) {
        ngx_hd_curl_question_no_line(q, "Content-Type");
    }

    ngx_hd_curl_question_no_line(q, "Expect");

    if (ngx_hd_request_basic(q->pool, check, &basic) != NGX_OK) {
        q->failed = 1;
        return;
    }

    if (basic.len) {
        ngx_hd_curl_question_line(q, "Authorization", &basic);
    }

    if (check->headers == NULL) {
        return;
    }

    pair = check->headers->elts;

    for (i = 0; i < check->headers->nelts; i++) {
        ngx_hd_curl_question_line(q, (char *) pair[i].name.data,
                                  &pair[i].value);
    }
}


ngx_int_t
ngx_hd_curl_http_start(ngx_hd_run_t *run)
{
    ngx_uint_t       keep;
    ngx_hd_check_t  *check;

    check = run->target->check;

    keep = NGX_HD_CURL_KEEP_SAMPLE;

    if (ngx_hd_match_has(check->conds, NGX_HD_ON_HEADER, 1)) {
        keep |= NGX_HD_CURL_KEEP_FIELDS;
    }

    if (ngx_hd_match_has(check->conds, NGX_HD_ON_BODY, 1)
        || ngx_hd_match_has(check->conds, NGX_HD_ON_JSON, 1))
    {
        keep |= NGX_HD_CURL_KEEP_BODY;
    }

    if (ngx_hd_curl_answer_init(run, keep, check->body_limit,
                                ngx_hd_curl_http_judge)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hd_curl_start(run);
}


static void
ngx_hd_curl_http_judge(ngx_hd_curl_call_t *call)
{
    ngx_hd_answer_t        answer;
    ngx_hd_curl_answer_t  *a;

    a = (ngx_hd_curl_answer_t *) call;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    answer.status = a->status;
    answer.body.data = a->body.start;
    answer.body.len = a->body.last - a->body.start;
    answer.headers = a->fields;

    (void) ngx_hd_wire_judge(&a->wire, &answer);
}

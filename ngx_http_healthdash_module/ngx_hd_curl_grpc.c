
/*
 * healthdash: gRPC's health service through libcurl: HTTP/2 with a question and
 * an answer that are two messages, and with a status in a trailer.
 */


#include <ngx_hd_curl_grpc.h>
#include <ngx_hd_curl_answer.h>
#include <ngx_hd_curl_question.h>
#include <ngx_hd_grpc.h>
#include <ngx_hd_reason.h>


static void ngx_hd_curl_grpc_judge(ngx_hd_curl_call_t *call);
static ngx_str_t ngx_hd_curl_grpc_last(ngx_hd_curl_answer_t *a,
    const char *name);


const char *
ngx_hd_curl_grpc_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    u_char                  *p;
    ngx_str_t                agent, trailers, type;
    const char              *wrong;
    ngx_hd_curl_question_t  *q;

    wrong = ngx_hd_curl_refuse(pool, check->type);
    if (wrong) {
        return wrong;
    }

    q = ngx_pcalloc(pool, sizeof(ngx_hd_curl_question_t));
    p = ngx_pnalloc(pool, ngx_hd_grpc_request_size(check->service.len));

    if (q == NULL || p == NULL) {
        return "could not be made ready: no memory";
    }

    q->pool = pool;
    q->has_body = 1;
    q->trailers = 1;
    q->method = "POST";
    q->uri = NGX_HD_GRPC_URI;

    q->body.data = p;
    q->body.len = ngx_hd_grpc_request(p, &check->service) - p;

    ngx_str_set(&agent, "healthdash/" NGX_HD_VERSION);
    ngx_str_set(&trailers, "trailers");
    ngx_str_set(&type, "application/grpc");

    ngx_hd_curl_question_line(q, "Host", host);
    ngx_hd_curl_question_line(q, "Content-Type", &type);
    ngx_hd_curl_question_line(q, "TE", &trailers);
    ngx_hd_curl_question_line(q, "User-Agent", &agent);
    ngx_hd_curl_question_no_line(q, "Accept");
    ngx_hd_curl_question_no_line(q, "Expect");

    return ngx_hd_curl_question_ready(q, check);
}


ngx_int_t
ngx_hd_curl_grpc_start(ngx_hd_run_t *run)
{
    ngx_uint_t  keep;

    keep = NGX_HD_CURL_KEEP_FIELDS|NGX_HD_CURL_KEEP_BODY;

    if (ngx_hd_curl_answer_init(run, keep, NGX_HD_GRPC_ANSWER,
                                ngx_hd_curl_grpc_judge)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hd_curl_start(run);
}


static void
ngx_hd_curl_grpc_judge(ngx_hd_curl_call_t *call)
{
    ngx_str_t              status;
    ngx_hd_answer_t        none;
    ngx_hd_result_t       *result;
    ngx_hd_curl_answer_t  *a;
    ngx_hd_grpc_answer_t   answer;

    a = (ngx_hd_curl_answer_t *) call;
    result = a->wire.result;

    if (call->enough) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID,
                          "more than %d bytes for an answer about health",
                          NGX_HD_GRPC_ANSWER);
        return;
    }

    status = ngx_hd_curl_grpc_last(a, "grpc-status");

    answer.http = a->status;
    answer.type = ngx_hd_curl_grpc_last(a, "content-type");
    answer.status = status;
    answer.message = ngx_hd_curl_grpc_last(a, "grpc-message");
    answer.body.data = a->body.start;
    answer.body.len = a->body.last - a->body.start;

    ngx_hd_wire_sample(&a->wire, (u_char *) "grpc-status: ",
                       sizeof("grpc-status: ") - 1);
    ngx_hd_wire_sample(&a->wire, status.data, status.len);

    if (ngx_hd_grpc_judge(&answer, &a->wire.check->service, result) != NGX_OK) {
        return;
    }

    ngx_memzero(&none, sizeof(ngx_hd_answer_t));

    (void) ngx_hd_wire_judge(&a->wire, &none);
}


/* what was said last counts: a trailer comes after the header */

static ngx_str_t
ngx_hd_curl_grpc_last(ngx_hd_curl_answer_t *a, const char *name)
{
    size_t            len;
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_table_elt_t  *field;

    ngx_str_set(&value, "");

    len = ngx_strlen(name);
    field = a->fields->elts;

    for (i = 0; i < a->fields->nelts; i++) {

        if (field[i].key.len == len
            && ngx_strncasecmp(field[i].key.data, (u_char *) name, len) == 0)
        {
            value = field[i].value;
        }
    }

    return value;
}

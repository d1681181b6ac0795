
/*
 * healthdash: what is kept of the answer of an HTTP server through libcurl.
 * The callbacks are called inside of libcurl: they copy and count, and stop a
 * transfer by taking nothing.  Every byte is hostile: header, trailer and body
 * have limits, and what nobody wants is not kept.
 */


#include <ngx_hd_curl_answer.h>
#include <ngx_hd_curl_question.h>
#include <ngx_hd_reason.h>


#define NGX_HD_CURL_HEADER     32768   /* bytes of header and trailer */
#define NGX_HD_CURL_FIELDS     256     /* fields kept */
#define NGX_HD_CURL_INTERIM    64      /* 1xx before the response */
#define NGX_HD_CURL_BODY       4096    /* bytes of body, at first */


static int ngx_hd_curl_ask(ngx_hd_curl_call_t *call, CURL *easy);
static size_t ngx_hd_curl_header_handler(char *data, size_t size, size_t n,
    void *ctx);
static ngx_int_t ngx_hd_curl_status(ngx_hd_curl_answer_t *a, u_char *p,
    size_t len);
static ngx_int_t ngx_hd_curl_version(ngx_hd_curl_answer_t *a, u_char *p,
    size_t len);
static ngx_int_t ngx_hd_curl_field(ngx_hd_curl_answer_t *a, u_char *p,
    size_t len);
static size_t ngx_hd_curl_body_handler(char *data, size_t size, size_t n,
    void *ctx);
static ngx_int_t ngx_hd_curl_store(ngx_hd_curl_answer_t *a, u_char *data,
    size_t n);


ngx_int_t
ngx_hd_curl_answer_init(ngx_hd_run_t *run, ngx_uint_t keep, size_t limit,
    ngx_hd_curl_judge_pt judge)
{
    ngx_hd_curl_answer_t  *a;

    a = ngx_pcalloc(run->pool, sizeof(ngx_hd_curl_answer_t));
    if (a == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    a->call.run = run;
    a->call.ask = ngx_hd_curl_ask;
    a->call.judge = judge;

    a->wire.check = run->target->check;
    a->wire.pool = run->pool;
    a->wire.log = run->log;
    a->wire.result = &run->result;
    a->wire.usec = ngx_hd_run_usec;
    a->wire.time_data = run;

    a->keep = keep;
    a->limit = limit;

    run->ctx = a;

    if (keep & NGX_HD_CURL_KEEP_FIELDS) {
        a->fields = ngx_array_create(run->pool, 8, sizeof(ngx_table_elt_t));
        if (a->fields == NULL) {
            ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static int
ngx_hd_curl_ask(ngx_hd_curl_call_t *call, CURL *easy)
{
    int  rc;

    rc = ngx_hd_curl_question_ask(call->run->target->check->data, easy);

    rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                           ngx_hd_curl_header_handler);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                           ngx_hd_curl_body_handler);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);

    return rc;
}


/* one line of a header or a trailer; another number than n * size stops it */

static size_t
ngx_hd_curl_header_handler(char *data, size_t size, size_t n, void *ctx)
{
    size_t                 len;
    u_char                *p;
    ngx_int_t              rc;
    ngx_hd_run_t          *run;
    ngx_hd_curl_answer_t  *a;

    a = ctx;
    run = a->call.run;
    p = (u_char *) data;
    len = n * size;

    if (run->result.phase[NGX_HD_PHASE_FIRST] == 0) {
        ngx_hd_run_phase(run, NGX_HD_PHASE_FIRST);
    }

    a->header += len;

    if (a->header > NGX_HD_CURL_HEADER) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_HEADER_SIZE,
                          "more than %d bytes", NGX_HD_CURL_HEADER);
        return 0;
    }

    while (len && (p[len - 1] == CR || p[len - 1] == LF)) {
        len--;
    }

    if (len >= 5 && ngx_strncmp(p, "HTTP/", 5) == 0) {
        rc = ngx_hd_curl_status(a, p, len);

    } else {
        rc = (a->fields && len) ? ngx_hd_curl_field(a, p, len) : NGX_OK;
    }

    ngx_hd_curl_stir(a->call.slot);

    return (rc == NGX_OK) ? n * size : 0;
}


/* "HTTP/2 200" */

static ngx_int_t
ngx_hd_curl_status(ngx_hd_curl_answer_t *a, u_char *p, size_t len)
{
    u_char        *code;
    ngx_int_t      status;
    ngx_hd_run_t  *run;

    run = a->call.run;

    ngx_hd_wire_line(&a->wire, p, len);

    if (ngx_hd_curl_version(a, p, len) != NGX_OK) {
        return NGX_DECLINED;
    }

    code = ngx_strlchr(p, p + len, ' ');

    status = (code && p + len - code > 3) ? ngx_atoi(code + 1, 3) : NGX_ERROR;

    if (status < 100) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_INVALID,
                          "malformed status \"%*s\"",
                          ngx_min(len, NGX_HD_SEEN_LEN), p);
        return NGX_DECLINED;
    }

    if (status < 200 && ++a->interim > NGX_HD_CURL_INTERIM) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_INVALID,
                          "endless interim responses");
        return NGX_DECLINED;
    }

    a->status = status;

    if (a->fields) {
        a->fields->nelts = 0;
    }

    return NGX_OK;
}


/* an answer in another version than asked for is none */

static ngx_int_t
ngx_hd_curl_version(ngx_hd_curl_answer_t *a, u_char *p, size_t len)
{
    int            digit;
    ngx_hd_run_t  *run;

    run = a->call.run;
    digit = (run->target->check->type->version == 30) ? 3 : 2;

    if (len < sizeof("HTTP/2 ") - 1 || p[5] != '0' + digit) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_INVALID,
                          "the server does not offer HTTP/%d", digit);
        return NGX_DECLINED;
    }

    /* no certificate was judged: whoever it is, it is not known who */

    if (run->target->check->tls && run->result.cert.version == 0) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "libcurl did not have the certificate judged");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_curl_field(ngx_hd_curl_answer_t *a, u_char *p, size_t len)
{
    u_char           *copy, *colon, *last;
    ngx_hd_run_t     *run;
    ngx_table_elt_t  *field;

    run = a->call.run;

    if (a->fields->nelts == NGX_HD_CURL_FIELDS) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_HEADER_SIZE,
                          "more than %d fields", NGX_HD_CURL_FIELDS);
        return NGX_DECLINED;
    }

    if (ngx_strlchr(p, p + len, ':') == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_INVALID,
                          "malformed header field");
        return NGX_DECLINED;
    }

    field = ngx_array_push(a->fields);
    copy = ngx_pnalloc(run->pool, len);

    if (field == NULL || copy == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    ngx_memcpy(copy, p, len);

    last = copy + len;
    colon = ngx_strlchr(copy, last, ':');

    ngx_memzero(field, sizeof(ngx_table_elt_t));

    field->hash = 1;
    field->key.data = copy;
    field->key.len = colon - copy;

    do {
        colon++;
    } while (colon < last && (*colon == ' ' || *colon == '\t'));

    while (last > colon && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    field->value.data = colon;
    field->value.len = last - colon;

    return NGX_OK;
}


static size_t
ngx_hd_curl_body_handler(char *data, size_t size, size_t n, void *ctx)
{
    u_char                *p;
    size_t                 len;
    ngx_hd_curl_answer_t  *a;

    a = ctx;
    p = (u_char *) data;
    len = n * size;

    if (len > a->limit - a->size) {
        len = a->limit - a->size;
        a->call.enough = 1;
    }

    if ((a->keep & NGX_HD_CURL_KEEP_BODY) && len
        && ngx_hd_curl_store(a, p, len) != NGX_OK)
    {
        ngx_hd_result_set(a->wire.result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return 0;
    }

    if (a->keep & NGX_HD_CURL_KEEP_SAMPLE) {
        ngx_hd_wire_sample(&a->wire, p, len);
    }

    a->size += len;

    ngx_hd_curl_stir(a->call.slot);

    return a->call.enough ? 0 : len;
}


static ngx_int_t
ngx_hd_curl_store(ngx_hd_curl_answer_t *a, u_char *data, size_t n)
{
    u_char     *p;
    size_t      used, size;
    ngx_buf_t  *b;

    b = &a->body;

    if (n > (size_t) (b->end - b->last)) {

        used = b->last - b->start;
        size = ngx_max(2 * used, used + n);
        size = ngx_min(ngx_max(size, NGX_HD_CURL_BODY), a->limit);

        p = ngx_palloc(a->call.run->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (used) {
            ngx_memcpy(p, b->start, used);
            (void) ngx_pfree(a->call.run->pool, b->start);
        }

        b->start = p;
        b->last = p + used;
        b->end = p + size;
    }

    b->last = ngx_cpymem(b->last, data, n);

    return NGX_OK;
}

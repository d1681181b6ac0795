
/*
 * healthdash: HTTP/2, HTTP/3 and gRPC through libcurl.  Owns what is asked and
 * what is kept of an answer.  Its callbacks are called inside of libcurl: they
 * copy and count, and stop a transfer by taking nothing.  Every byte is
 * hostile: header, trailer and body have limits, and what no condition asks
 * for is not kept.
 */


#include <ngx_hd_curl_http.h>
#include <ngx_hd_cert.h>
#include <ngx_hd_curl.h>
#include <ngx_hd_grpc.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_wire.h>


#define NGX_HD_CURL_HEADER     32768   /* bytes of header and trailer */
#define NGX_HD_CURL_FIELDS     256     /* fields kept */
#define NGX_HD_CURL_INTERIM    64      /* 1xx before the response */
#define NGX_HD_CURL_BODY       4096    /* bytes of body, at first */


/* the number came with 7.88.0, and a libcurl without it says no */

#if (LIBCURL_VERSION_NUM >= 0x075800)
#define NGX_HD_CURL_HTTP3_ONLY  ((long) CURL_HTTP_VERSION_3ONLY)
#else
#define NGX_HD_CURL_HTTP3_ONLY  31L
#endif


/* what is asked, made once for a check: check->data */

typedef struct {
    ngx_pool_t          *pool;          /* while it is made */
    char                *url;
    char                *method;
    char                *uri;
    struct curl_slist   *headers;
    struct curl_slist   *last;          /* of headers */
    ngx_str_t            body;
    long                 version;       /* for libcurl */
    unsigned             head:1;
    unsigned             has_body:1;
    unsigned             grpc:1;
    unsigned             failed:1;      /* no memory for a line */
} ngx_hd_curl_question_t;


typedef struct {
    ngx_hd_curl_call_t      call;       /* first */
    ngx_hd_curl_question_t *question;
    ngx_hd_wire_t           wire;       /* to judge with */
    ngx_uint_t              status;
    ngx_uint_t              interim;
    ngx_array_t            *fields;     /* NULL: no condition asks for one */
    size_t                  header;     /* bytes of it so far */
    size_t                  size;       /* bytes of body so far */
    size_t                  limit;      /* of them */
    ngx_buf_t               body;       /* what is kept of it */
    unsigned                keep_body:1;
} ngx_hd_curl_http_t;


static const char *ngx_hd_curl_prepare(ngx_pool_t *pool,
    ngx_hd_check_t *check, ngx_hd_curl_question_t *q);
static const char *ngx_hd_curl_url(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_hd_curl_question_t *q);
static ngx_uint_t ngx_hd_curl_is_name(ngx_str_t *name);
static void ngx_hd_curl_http_headers(ngx_hd_curl_question_t *q,
    ngx_hd_check_t *check, ngx_str_t *host);
static void ngx_hd_curl_line(ngx_hd_curl_question_t *q, const char *name,
    const ngx_str_t *value);
static void ngx_hd_curl_no_line(ngx_hd_curl_question_t *q, const char *name);
static void ngx_hd_curl_add_line(ngx_hd_curl_question_t *q, u_char *text);
static ngx_int_t ngx_hd_curl_answer(ngx_hd_run_t *run,
    ngx_hd_curl_judge_pt judge);
static int ngx_hd_curl_ask(ngx_hd_curl_call_t *call, CURL *easy);
static size_t ngx_hd_curl_header_handler(char *data, size_t size, size_t n,
    void *ctx);
static ngx_int_t ngx_hd_curl_status(ngx_hd_curl_http_t *h, u_char *p,
    size_t len);
static ngx_int_t ngx_hd_curl_version(ngx_hd_curl_http_t *h, u_char *p,
    size_t len);
static ngx_int_t ngx_hd_curl_field(ngx_hd_curl_http_t *h, u_char *p,
    size_t len);
static size_t ngx_hd_curl_body_handler(char *data, size_t size, size_t n,
    void *ctx);
static ngx_int_t ngx_hd_curl_store(ngx_hd_curl_http_t *h, u_char *data,
    size_t n);
static void ngx_hd_curl_http_judge(ngx_hd_curl_call_t *call);
static void ngx_hd_curl_grpc_judge(ngx_hd_curl_call_t *call);
static ngx_str_t ngx_hd_curl_last(ngx_hd_curl_http_t *h, const char *name);


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

    q->head = (ngx_strcmp(q->method, "HEAD") == 0);
    q->has_body = check->body.len || ngx_hd_request_has_body(&check->method);

    ngx_hd_curl_http_headers(q, check, host);

    return ngx_hd_curl_prepare(pool, check, q);
}


/* what HTTP and gRPC have in common */

static const char *
ngx_hd_curl_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_hd_curl_question_t *q)
{
    ngx_uint_t   version;
    const char  *wrong;

    if (q->failed) {
        return "could not be made ready: no memory";
    }

    version = check->type->version ? check->type->version : 20;

    wrong = ngx_hd_curl_refuse(pool, version, check->type->tls);
    if (wrong) {
        return wrong;
    }

    if (version == 30) {
        q->version = NGX_HD_CURL_HTTP3_ONLY;

    } else if (check->type->tls) {
        q->version = CURL_HTTP_VERSION_2TLS;

    } else {
        q->version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    }

    check->data = q;

    return ngx_hd_curl_url(pool, check, q);
}


/* its host is but the name sent as SNI; where to connect to is said apart */

static const char *
ngx_hd_curl_url(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_hd_curl_question_t *q)
{
    ngx_str_t   name;
    ngx_uint_t  bare;

    ngx_str_set(&name, "localhost");

    if (check->type->tls && check->sni.len) {
        name = check->sni;
    }

    if (!ngx_hd_curl_is_name(&name)) {
        return "has a name that no certificate can have, expected another "
               "one by host= or sni=";
    }

    bare = ngx_strlchr(name.data, name.data + name.len, ':')
           && name.data[0] != '[';

    q->url = ngx_pnalloc(pool, name.len + sizeof("https://[]/"));
    if (q->url == NULL) {
        return "could not be made ready: no memory";
    }

    (void) ngx_sprintf((u_char *) q->url, "%s://%s%V%s/%Z",
                       check->type->tls ? "https" : "http", bare ? "[" : "",
                       &name, bare ? "]" : "");

    return NULL;
}


/* a host name or an address: nothing that means something in a URL */

static ngx_uint_t
ngx_hd_curl_is_name(ngx_str_t *name)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')
            && ngx_strchr("-._:[]", c) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_hd_curl_http_headers(ngx_hd_curl_question_t *q, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    ngx_uint_t      i;
    ngx_str_t       agent, basic;
    ngx_hd_pair_t  *pair;

    ngx_str_set(&agent, "healthdash/" NGX_HD_VERSION);

    ngx_hd_curl_line(q, "Host", host);

    if (check->user_agent.len) {
        ngx_hd_curl_line(q, "User-Agent", &check->user_agent);

    } else if (ngx_hd_request_header(check, "User-Agent") == NULL) {
        ngx_hd_curl_line(q, "User-Agent", &agent);
    }

    if (q->has_body && ngx_hd_request_header(check, "Content-Type") == NULL) {
        ngx_hd_curl_no_line(q, "Content-Type");
    }

    ngx_hd_curl_no_line(q, "Expect");

    if (ngx_hd_request_basic(q->pool, check, &basic) != NGX_OK) {
        q->failed = 1;
        return;
    }

    if (basic.len) {
        ngx_hd_curl_line(q, "Authorization", &basic);
    }

    if (check->headers == NULL) {
        return;
    }

    pair = check->headers->elts;

    for (i = 0; i < check->headers->nelts; i++) {
        ngx_hd_curl_line(q, (char *) pair[i].name.data, &pair[i].value);
    }
}


/* to libcurl "Name;" is a line without a value */

static void
ngx_hd_curl_line(ngx_hd_curl_question_t *q, const char *name,
    const ngx_str_t *value)
{
    u_char  *p;

    p = ngx_pnalloc(q->pool, ngx_strlen(name) + value->len + sizeof(": "));

    if (p) {
        (void) ngx_sprintf(p, "%s%s%V%Z", name, value->len ? ": " : ";",
                           value);
    }

    ngx_hd_curl_add_line(q, p);
}


/* and "Name:" keeps it from a line of its own */

static void
ngx_hd_curl_no_line(ngx_hd_curl_question_t *q, const char *name)
{
    u_char  *p;

    p = ngx_pnalloc(q->pool, ngx_strlen(name) + sizeof(":"));

    if (p) {
        (void) ngx_sprintf(p, "%s:%Z", name);
    }

    ngx_hd_curl_add_line(q, p);
}


static void
ngx_hd_curl_add_line(ngx_hd_curl_question_t *q, u_char *text)
{
    struct curl_slist  *line;

    line = ngx_palloc(q->pool, sizeof(struct curl_slist));

    if (line == NULL || text == NULL) {
        q->failed = 1;
        return;
    }

    line->data = (char *) text;
    line->next = NULL;

    if (q->last) {
        q->last->next = line;

    } else {
        q->headers = line;
    }

    q->last = line;
}


ngx_int_t
ngx_hd_curl_http_start(ngx_hd_run_t *run)
{
    return ngx_hd_curl_answer(run, ngx_hd_curl_http_judge);
}


static ngx_int_t
ngx_hd_curl_answer(ngx_hd_run_t *run, ngx_hd_curl_judge_pt judge)
{
    ngx_hd_check_t      *check;
    ngx_hd_curl_http_t  *h;

    check = run->target->check;

    h = ngx_pcalloc(run->pool, sizeof(ngx_hd_curl_http_t));
    if (h == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    h->call.run = run;
    h->call.ask = ngx_hd_curl_ask;
    h->call.judge = judge;

    h->question = check->data;

    h->wire.check = check;
    h->wire.pool = run->pool;
    h->wire.log = run->log;
    h->wire.result = &run->result;
    h->wire.usec = ngx_hd_run_usec;
    h->wire.time_data = run;

    h->limit = h->question->grpc ? NGX_HD_GRPC_ANSWER : check->body_limit;

    h->keep_body = h->question->grpc
                   || ngx_hd_match_has(check->conds, NGX_HD_ON_BODY, 1)
                   || ngx_hd_match_has(check->conds, NGX_HD_ON_JSON, 1);

    run->ctx = h;

    if (h->question->grpc
        || ngx_hd_match_has(check->conds, NGX_HD_ON_HEADER, 1))
    {
        h->fields = ngx_array_create(run->pool, 8, sizeof(ngx_table_elt_t));
        if (h->fields == NULL) {
            ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }
    }

    return ngx_hd_curl_start(run);
}


static int
ngx_hd_curl_ask(ngx_hd_curl_call_t *call, CURL *easy)
{
    int                      rc;
    ngx_hd_curl_http_t      *h;
    ngx_hd_curl_question_t  *q;

    h = (ngx_hd_curl_http_t *) call;
    q = h->question;

    rc = curl_easy_setopt(easy, CURLOPT_URL, q->url);
    rc |= curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, q->uri);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, q->version);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, q->headers);

    if (q->head) {
        rc |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);

    } else if (q->has_body) {
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t) q->body.len);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                               q->body.len ? (char *) q->body.data : "");
        rc |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);

    } else {
        rc |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        rc |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);
    }

    /* libcurl stops where the length says, and trailers would be lost */

    rc |= curl_easy_setopt(easy, CURLOPT_IGNORE_CONTENT_LENGTH,
                           q->grpc ? 1L : 0L);

    rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                           ngx_hd_curl_header_handler);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, h);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                           ngx_hd_curl_body_handler);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, h);

    return rc;
}


/* one line of a header or a trailer; another number than n * size stops it */

static size_t
ngx_hd_curl_header_handler(char *data, size_t size, size_t n, void *ctx)
{
    size_t               len;
    u_char              *p;
    ngx_int_t            rc;
    ngx_hd_run_t        *run;
    ngx_hd_curl_http_t  *h;

    h = ctx;
    run = h->call.run;
    p = (u_char *) data;
    len = n * size;

    if (run->result.phase[NGX_HD_PHASE_FIRST] == 0) {
        ngx_hd_run_phase(run, NGX_HD_PHASE_FIRST);
    }

    h->header += len;

    if (h->header > NGX_HD_CURL_HEADER) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_HEADER_SIZE,
                          "more than %d bytes", NGX_HD_CURL_HEADER);
        return 0;
    }

    while (len && (p[len - 1] == CR || p[len - 1] == LF)) {
        len--;
    }

    if (len >= 5 && ngx_strncmp(p, "HTTP/", 5) == 0) {
        rc = ngx_hd_curl_status(h, p, len);

    } else {
        rc = (h->fields && len) ? ngx_hd_curl_field(h, p, len) : NGX_OK;
    }

    ngx_hd_curl_stir(h->call.slot);

    return (rc == NGX_OK) ? n * size : 0;
}


/* "HTTP/2 200" */

static ngx_int_t
ngx_hd_curl_status(ngx_hd_curl_http_t *h, u_char *p, size_t len)
{
    u_char        *code;
    ngx_int_t      status;
    ngx_hd_run_t  *run;

    run = h->call.run;

    ngx_hd_wire_line(&h->wire, p, len);

    if (ngx_hd_curl_version(h, p, len) != NGX_OK) {
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

    if (status < 200 && ++h->interim > NGX_HD_CURL_INTERIM) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_INVALID,
                          "endless interim responses");
        return NGX_DECLINED;
    }

    h->status = status;

    if (h->fields) {
        h->fields->nelts = 0;
    }

    return NGX_OK;
}


/* an answer in another version than asked for is none */

static ngx_int_t
ngx_hd_curl_version(ngx_hd_curl_http_t *h, u_char *p, size_t len)
{
    int            digit;
    ngx_hd_run_t  *run;

    run = h->call.run;
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
ngx_hd_curl_field(ngx_hd_curl_http_t *h, u_char *p, size_t len)
{
    u_char           *copy, *colon, *last;
    ngx_hd_run_t     *run;
    ngx_table_elt_t  *field;

    run = h->call.run;

    if (h->fields->nelts == NGX_HD_CURL_FIELDS) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_HEADER_SIZE,
                          "more than %d fields", NGX_HD_CURL_FIELDS);
        return NGX_DECLINED;
    }

    if (ngx_strlchr(p, p + len, ':') == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_INVALID,
                          "malformed header field");
        return NGX_DECLINED;
    }

    field = ngx_array_push(h->fields);
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
    u_char              *p;
    size_t               len;
    ngx_hd_curl_http_t  *h;

    h = ctx;
    p = (u_char *) data;
    len = n * size;

    if (len > h->limit - h->size) {
        len = h->limit - h->size;
        h->call.enough = 1;
    }

    if (h->keep_body && len && ngx_hd_curl_store(h, p, len) != NGX_OK) {
        ngx_hd_result_set(h->wire.result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return 0;
    }

    if (!h->question->grpc) {
        ngx_hd_wire_sample(&h->wire, p, len);
    }

    h->size += len;

    ngx_hd_curl_stir(h->call.slot);

    return h->call.enough ? 0 : len;
}


static ngx_int_t
ngx_hd_curl_store(ngx_hd_curl_http_t *h, u_char *data, size_t n)
{
    u_char     *p;
    size_t      used, size;
    ngx_buf_t  *b;

    b = &h->body;

    if (n > (size_t) (b->end - b->last)) {

        used = b->last - b->start;
        size = ngx_max(2 * used, used + n);
        size = ngx_min(ngx_max(size, NGX_HD_CURL_BODY), h->limit);

        p = ngx_palloc(h->call.run->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (used) {
            ngx_memcpy(p, b->start, used);
            (void) ngx_pfree(h->call.run->pool, b->start);
        }

        b->start = p;
        b->last = p + used;
        b->end = p + size;
    }

    b->last = ngx_cpymem(b->last, data, n);

    return NGX_OK;
}


static void
ngx_hd_curl_http_judge(ngx_hd_curl_call_t *call)
{
    ngx_hd_answer_t      answer;
    ngx_hd_curl_http_t  *h;

    h = (ngx_hd_curl_http_t *) call;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    answer.status = h->status;
    answer.body.data = h->body.start;
    answer.body.len = h->body.last - h->body.start;
    answer.headers = h->fields;

    (void) ngx_hd_wire_judge(&h->wire, &answer);
}


void
ngx_hd_curl_http_release(ngx_hd_run_t *run)
{
    ngx_hd_curl_release(run);
}


const char *
ngx_hd_curl_grpc_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    u_char                  *p;
    ngx_str_t                agent, trailers, type;
    ngx_hd_curl_question_t  *q;

    q = ngx_pcalloc(pool, sizeof(ngx_hd_curl_question_t));
    p = ngx_pnalloc(pool, ngx_hd_grpc_request_size(check->service.len));

    if (q == NULL || p == NULL) {
        return "could not be made ready: no memory";
    }

    q->pool = pool;
    q->grpc = 1;
    q->has_body = 1;
    q->method = "POST";
    q->uri = NGX_HD_GRPC_URI;

    q->body.data = p;
    q->body.len = ngx_hd_grpc_request(p, &check->service) - p;

    ngx_str_set(&agent, "healthdash/" NGX_HD_VERSION);
    ngx_str_set(&trailers, "trailers");
    ngx_str_set(&type, "application/grpc");

    ngx_hd_curl_line(q, "Host", host);
    ngx_hd_curl_line(q, "Content-Type", &type);
    ngx_hd_curl_line(q, "TE", &trailers);
    ngx_hd_curl_line(q, "User-Agent", &agent);
    ngx_hd_curl_no_line(q, "Accept");
    ngx_hd_curl_no_line(q, "Expect");

    return ngx_hd_curl_prepare(pool, check, q);
}


ngx_int_t
ngx_hd_curl_grpc_start(ngx_hd_run_t *run)
{
    return ngx_hd_curl_answer(run, ngx_hd_curl_grpc_judge);
}


static void
ngx_hd_curl_grpc_judge(ngx_hd_curl_call_t *call)
{
    ngx_str_t              status;
    ngx_hd_answer_t        none;
    ngx_hd_result_t       *result;
    ngx_hd_curl_http_t    *h;
    ngx_hd_grpc_answer_t   answer;

    h = (ngx_hd_curl_http_t *) call;
    result = h->wire.result;

    if (call->enough) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID,
                          "more than %d bytes for an answer about health",
                          NGX_HD_GRPC_ANSWER);
        return;
    }

    status = ngx_hd_curl_last(h, "grpc-status");

    answer.http = h->status;
    answer.type = ngx_hd_curl_last(h, "content-type");
    answer.status = status;
    answer.message = ngx_hd_curl_last(h, "grpc-message");
    answer.body.data = h->body.start;
    answer.body.len = h->body.last - h->body.start;

    ngx_hd_wire_sample(&h->wire, (u_char *) "grpc-status: ",
                       sizeof("grpc-status: ") - 1);
    ngx_hd_wire_sample(&h->wire, status.data, status.len);

    if (ngx_hd_grpc_judge(&answer, &h->wire.check->service, result) != NGX_OK) {
        return;
    }

    ngx_memzero(&none, sizeof(ngx_hd_answer_t));

    (void) ngx_hd_wire_judge(&h->wire, &none);
}


/* what was said last counts: a trailer comes after the header */

static ngx_str_t
ngx_hd_curl_last(ngx_hd_curl_http_t *h, const char *name)
{
    size_t            len;
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_table_elt_t  *field;

    ngx_str_set(&value, "");

    len = ngx_strlen(name);
    field = h->fields->elts;

    for (i = 0; i < h->fields->nelts; i++) {

        if (field[i].key.len == len
            && ngx_strncasecmp(field[i].key.data, (u_char *) name, len) == 0)
        {
            value = field[i].value;
        }
    }

    return value;
}


void
ngx_hd_curl_grpc_release(ngx_hd_run_t *run)
{
    ngx_hd_curl_release(run);
}

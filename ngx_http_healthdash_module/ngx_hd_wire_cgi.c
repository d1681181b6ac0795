
/*
 * healthdash: CGI, RFC 3875: the variables of a request and the reading of an
 * answer.  Its header is no HTTP header: there is no status line, and lines
 * may end in a line feed alone.  Every byte is hostile: header and body have
 * limits, and what no condition asks for is not kept.
 */


#include <ngx_hd_wire_cgi.h>
#include <ngx_hd_reason.h>


#define NGX_HD_CGI_BUF         1024    /* bytes of header or body, at first */
#define NGX_HD_CGI_HEADER      32768   /* at most */
#define NGX_HD_CGI_FIELDS      256


typedef struct {
    ngx_str_t   name;
    ngx_uint_t  protocols;
    ngx_str_t   value;
} ngx_hd_cgi_var_t;


static ngx_int_t ngx_hd_cgi_uri_vars(ngx_array_t *vars, ngx_str_t *uri,
    ngx_uint_t protocol);
static ngx_int_t ngx_hd_cgi_set(ngx_array_t *vars, const char *name,
    ngx_str_t *value);
static ngx_int_t ngx_hd_cgi_replace(ngx_array_t *vars,
    const ngx_hd_pair_t *pair);
static ngx_str_t ngx_hd_cgi_bare(ngx_str_t *host);
static ngx_int_t ngx_hd_cgi_header(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi,
    u_char **p, u_char *last);
static u_char *ngx_hd_cgi_end(ngx_hd_cgi_t *cgi);
static ngx_int_t ngx_hd_cgi_parse(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi,
    u_char *last);
static ngx_int_t ngx_hd_cgi_field(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi,
    ngx_str_t *line);
static ngx_uint_t ngx_hd_cgi_is_name(u_char *p, u_char *last);
static ngx_int_t ngx_hd_cgi_known(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_hd_cgi_body(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi,
    u_char *p, size_t n);
static ngx_int_t ngx_hd_cgi_append(ngx_hd_wire_t *w, ngx_buf_t *b, u_char *p,
    size_t n, size_t max);
static ngx_uint_t ngx_hd_cgi_is(ngx_str_t *s, const char *word);


static const ngx_hd_cgi_var_t  ngx_hd_cgi_fixed[] = {

    { ngx_string("REQUEST_METHOD"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("GET") },

    { ngx_string("CONTENT_TYPE"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("") },

    { ngx_string("CONTENT_LENGTH"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("") },

    { ngx_string("SERVER_PROTOCOL"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("HTTP/1.1") },

    { ngx_string("REQUEST_SCHEME"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("http") },

    { ngx_string("GATEWAY_INTERFACE"), NGX_HD_CGI_FASTCGI,
      ngx_string("CGI/1.1") },

    { ngx_string("SERVER_SOFTWARE"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("healthdash/" NGX_HD_VERSION) },

    { ngx_string("SERVER_PORT"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("80") },

    { ngx_string("REMOTE_ADDR"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("127.0.0.1") },

    { ngx_string("REMOTE_PORT"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("0") },

    { ngx_string("HTTP_USER_AGENT"), NGX_HD_CGI_FASTCGI|NGX_HD_CGI_UWSGI,
      ngx_string("healthdash/" NGX_HD_VERSION) },

    /* without it a PHP that guards against being called directly refuses */

    { ngx_string("REDIRECT_STATUS"), NGX_HD_CGI_FASTCGI,
      ngx_string("200") }
};


#define NGX_HD_CGI_FIXED                                                      \
    (sizeof(ngx_hd_cgi_fixed) / sizeof(ngx_hd_cgi_fixed[0]))


ngx_array_t *
ngx_hd_cgi_vars(ngx_pool_t *pool, ngx_hd_check_t *check, ngx_str_t *host,
    ngx_uint_t protocol)
{
    ngx_str_t               name;
    ngx_uint_t              i;
    ngx_array_t            *vars;
    ngx_hd_pair_t           pair, *param;
    const ngx_hd_cgi_var_t *var;

    vars = ngx_array_create(pool, 32, sizeof(ngx_hd_pair_t));
    if (vars == NULL) {
        return NULL;
    }

    name = ngx_hd_cgi_bare(host);

    if (ngx_hd_cgi_uri_vars(vars, &check->uri, protocol) != NGX_OK
        || ngx_hd_cgi_set(vars, "SERVER_NAME", &name) != NGX_OK
        || ngx_hd_cgi_set(vars, "HTTP_HOST", host) != NGX_OK)
    {
        return NULL;
    }

    for (i = 0; i < NGX_HD_CGI_FIXED; i++) {
        var = &ngx_hd_cgi_fixed[i];

        ngx_memzero(&pair, sizeof(ngx_hd_pair_t));
        pair.name = var->name;
        pair.value = var->value;

        if ((var->protocols & protocol)
            && ngx_hd_cgi_replace(vars, &pair) != NGX_OK)
        {
            return NULL;
        }
    }

    param = check->params ? check->params->elts : NULL;

    for (i = 0; param && i < check->params->nelts; i++) {
        if (ngx_hd_cgi_replace(vars, &param[i]) != NGX_OK) {
            return NULL;
        }

        /* the answer to HEAD has no body, whatever its length says */

        if (ngx_hd_cgi_is(&param[i].name, "request_method")) {
            check->method = param[i].value;
        }
    }

    return vars;
}


static ngx_int_t
ngx_hd_cgi_uri_vars(ngx_array_t *vars, ngx_str_t *uri, ngx_uint_t protocol)
{
    u_char     *p;
    ngx_str_t   path, query, empty;

    ngx_str_set(&empty, "");

    path = *uri;
    query = empty;

    p = ngx_strlchr(uri->data, uri->data + uri->len, '?');

    if (p) {
        path.len = p - uri->data;
        query.data = p + 1;
        query.len = uri->len - path.len - 1;
    }

    if (ngx_hd_cgi_set(vars, "REQUEST_URI", uri) != NGX_OK
        || ngx_hd_cgi_set(vars, "QUERY_STRING", &query) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a gateway has a script, an application server is the script */

    if (protocol == NGX_HD_CGI_UWSGI) {
        return ngx_hd_cgi_set(vars, "PATH_INFO", &path);
    }

    if (ngx_hd_cgi_set(vars, "SCRIPT_NAME", &path) != NGX_OK
        || ngx_hd_cgi_set(vars, "DOCUMENT_URI", &path) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hd_cgi_set(vars, "SCRIPT_FILENAME", &path);
}


static ngx_int_t
ngx_hd_cgi_set(ngx_array_t *vars, const char *name, ngx_str_t *value)
{
    ngx_hd_pair_t  pair;

    ngx_memzero(&pair, sizeof(ngx_hd_pair_t));

    pair.name.data = (u_char *) name;
    pair.name.len = ngx_strlen(name);
    pair.value = *value;

    return ngx_hd_cgi_replace(vars, &pair);
}


static ngx_int_t
ngx_hd_cgi_replace(ngx_array_t *vars, const ngx_hd_pair_t *pair)
{
    ngx_uint_t      i;
    ngx_hd_pair_t  *var;

    var = vars->elts;

    for (i = 0; i < vars->nelts; i++) {
        if (var[i].name.len == pair->name.len
            && ngx_memcmp(var[i].name.data, pair->name.data, pair->name.len)
               == 0)
        {
            var[i] = *pair;
            return NGX_OK;
        }
    }

    var = ngx_array_push(vars);
    if (var == NULL) {
        return NGX_ERROR;
    }

    *var = *pair;

    return NGX_OK;
}


/* the host without its port */

static ngx_str_t
ngx_hd_cgi_bare(ngx_str_t *host)
{
    size_t     len;
    ngx_str_t  bare;

    bare = *host;

    for (len = host->len; len && host->data[len - 1] != ']'; len--) {
        if (host->data[len - 1] == ':') {
            bare.len = len - 1;
            break;
        }
    }

    return bare;
}


ngx_int_t
ngx_hd_cgi_init(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi)
{
    ngx_memzero(cgi, sizeof(ngx_hd_cgi_t));

    cgi->keep_body = ngx_hd_match_has(w->check->conds, NGX_HD_ON_BODY, 1)
                     || ngx_hd_match_has(w->check->conds, NGX_HD_ON_JSON, 1);

    if (!ngx_hd_match_has(w->check->conds, NGX_HD_ON_HEADER, 1)) {
        return NGX_OK;
    }

    cgi->fields = ngx_array_create(w->pool, 8, sizeof(ngx_table_elt_t));

    return cgi->fields ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_hd_cgi_take(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi, u_char *p, size_t n)
{
    u_char     *last;
    ngx_int_t   rc;

    last = p + n;

    ngx_hd_wire_sample(w, p, n);

    if (cgi->status == 0) {
        rc = ngx_hd_cgi_header(w, cgi, &p, last);

        if (rc != NGX_OK || cgi->status == 0) {
            return rc;
        }
    }

    return ngx_hd_cgi_body(w, cgi, p, last - p);
}


/* *p becomes the first byte of the body, if that was reached */

static ngx_int_t
ngx_hd_cgi_header(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi, u_char **p,
    u_char *last)
{
    size_t      n;
    u_char     *end;
    ngx_buf_t  *b;

    b = &cgi->head;

    n = ngx_min((size_t) (last - *p),
                NGX_HD_CGI_HEADER - (size_t) (b->last - b->start));

    if (ngx_hd_cgi_append(w, b, *p, n, NGX_HD_CGI_HEADER) != NGX_OK) {
        return NGX_ERROR;
    }

    *p += n;

    end = ngx_hd_cgi_end(cgi);

    if (end) {
        *p -= b->last - end;
        b->last = end;

        return ngx_hd_cgi_parse(w, cgi, end);
    }

    if (b->last - b->start == NGX_HD_CGI_HEADER) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_HEADER_SIZE,
                          "more than %d bytes", NGX_HD_CGI_HEADER);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* behind the blank line, or NULL; a header of no lines is one, too */

static u_char *
ngx_hd_cgi_end(ngx_hd_cgi_t *cgi)
{
    u_char  *p, *line, *last;

    line = cgi->head.start + cgi->seen;
    last = cgi->head.last;

    for ( ;; ) {
        p = ngx_strlchr(line, last, LF);

        if (p == NULL) {
            cgi->seen = line - cgi->head.start;
            return NULL;
        }

        if (p == line || (p == line + 1 && *line == CR)) {
            return p + 1;
        }

        line = p + 1;
    }
}


static ngx_int_t
ngx_hd_cgi_parse(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi, u_char *last)
{
    u_char     *p, *end;
    ngx_int_t   rc;
    ngx_str_t   line;
    ngx_uint_t  n;

    cgi->status = 200;
    n = 0;

    for (p = cgi->head.start; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, LF);

        line.data = p;
        line.len = end - p;

        while (line.len && (line.data[line.len - 1] == CR
                            || line.data[line.len - 1] == ' '))
        {
            line.len--;
        }

        if (line.len == 0) {
            continue;
        }

        if (++n > NGX_HD_CGI_FIELDS) {
            ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_HEADER_SIZE,
                              "more than %d fields", NGX_HD_CGI_FIELDS);
            return NGX_DECLINED;
        }

        rc = ngx_hd_cgi_field(w, cgi, &line);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_cgi_field(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi, ngx_str_t *line)
{
    u_char           *p, *last;
    ngx_str_t         name, value;
    ngx_table_elt_t  *field;

    last = line->data + line->len;
    p = ngx_strlchr(line->data, last, ':');

    if (p == NULL || !ngx_hd_cgi_is_name(line->data, p)) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "malformed header field \"%*s\"",
                          ngx_min(line->len, NGX_HD_SEEN_LEN), line->data);
        return NGX_DECLINED;
    }

    name.data = line->data;
    name.len = p - line->data;

    for (p++; p < last && (*p == ' ' || *p == '\t'); p++) { /* void */ }

    value.data = p;
    value.len = last - p;

    if (cgi->fields) {
        field = ngx_array_push(cgi->fields);
        if (field == NULL) {
            ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        ngx_memzero(field, sizeof(ngx_table_elt_t));
        field->hash = 1;
        field->key = name;
        field->value = value;
    }

    return ngx_hd_cgi_known(w, cgi, &name, &value);
}


/* not empty, no blank and no control character: nginx takes no other */

static ngx_uint_t
ngx_hd_cgi_is_name(u_char *p, u_char *last)
{
    u_char  *start;

    for (start = p; p < last; p++) {
        if (*p <= ' ' || *p == 0x7f) {
            return 0;
        }
    }

    return p != start;
}


static ngx_int_t
ngx_hd_cgi_known(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_int_t  code, length;

    if (ngx_hd_cgi_is(name, "content-length")) {
        length = ngx_atoi(value->data, value->len);
        cgi->length = ngx_max(length, 0);

        return NGX_OK;
    }

    if (ngx_hd_cgi_is(name, "location") && cgi->status == 200
        && w->result->sample.line_len == 0)
    {
        cgi->status = 302;
        return NGX_OK;
    }

    if (!ngx_hd_cgi_is(name, "status")) {
        return NGX_OK;
    }

    code = (value->len == 3 || (value->len > 3 && value->data[3] == ' '))
           ? ngx_atoi(value->data, 3) : NGX_ERROR;

    if (code < 100) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "malformed Status \"%*s\"",
                          ngx_min(value->len, NGX_HD_SEEN_LEN), value->data);
        return NGX_DECLINED;
    }

    cgi->status = code;

    ngx_hd_wire_line(w, name->data, value->data + value->len - name->data);

    return NGX_OK;
}


static ngx_int_t
ngx_hd_cgi_body(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi, u_char *p, size_t n)
{
    size_t     limit;
    ngx_int_t  rc;

    rc = NGX_OK;
    limit = w->check->body_limit - (size_t) cgi->size;

    if (n > limit) {
        n = limit;
        rc = NGX_DONE;
    }

    cgi->size += n;

    if (cgi->keep_body
        && ngx_hd_cgi_append(w, &cgi->body, p, n, w->check->body_limit)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return rc;
}


/* there is room for n more within max, says the caller */

static ngx_int_t
ngx_hd_cgi_append(ngx_hd_wire_t *w, ngx_buf_t *b, u_char *p, size_t n,
    size_t max)
{
    size_t   used, size;
    u_char  *start;

    used = b->last - b->start;

    if (n > (size_t) (b->end - b->last)) {
        size = ngx_max(2 * used, used + n);
        size = ngx_min(ngx_max(size, NGX_HD_CGI_BUF), max);

        start = ngx_palloc(w->pool, size);
        if (start == NULL) {
            ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        if (used) {
            ngx_memcpy(start, b->start, used);
            (void) ngx_pfree(w->pool, b->start);
        }

        b->start = start;
        b->last = start + used;
        b->end = start + size;
    }

    if (n) {
        b->last = ngx_cpymem(b->last, p, n);
    }

    return NGX_OK;
}


ngx_int_t
ngx_hd_cgi_judge(ngx_hd_wire_t *w, ngx_hd_cgi_t *cgi)
{
    ngx_hd_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    answer.status = cgi->status;
    answer.body.data = cgi->body.start;
    answer.body.len = cgi->body.last - cgi->body.start;
    answer.headers = cgi->fields;

    return ngx_hd_wire_judge(w, &answer);
}


/* word is in lower case */

static ngx_uint_t
ngx_hd_cgi_is(ngx_str_t *s, const char *word)
{
    return s->len == ngx_strlen(word)
           && ngx_strncasecmp(s->data, (u_char *) word, s->len) == 0;
}

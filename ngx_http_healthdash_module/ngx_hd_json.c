
/*
 * healthdash: JSON in answers: paths, made while the configuration is read,
 * and what is at them, looked up in a worker.  jansson parses; its values live
 * in its own memory until they are freed.
 */


#include <ngx_hd_json.h>
#include <jansson.h>


#define NGX_HD_JSON_STEPS      32
#define NGX_HD_JSON_KEYS       6       /* named of an object without a key */
#define NGX_HD_JSON_EXACT      9007199254740992.0    /* 2^53 */


typedef struct {
    char        *key;                  /* NULL: index */
    ngx_int_t    index;                /* negative: from the end */
    ngx_str_t    before;               /* path up to here, as written */
} ngx_hd_json_step_t;


struct ngx_hd_json_path_s {
    ngx_array_t  steps;                /* ngx_hd_json_step_t */
    ngx_uint_t   length;               /* 1: the length of what is there */
};


static const char *ngx_hd_json_steps(ngx_pool_t *pool, ngx_str_t text,
    ngx_hd_json_path_t *path);
static u_char *ngx_hd_json_name(u_char *p, u_char *last,
    ngx_hd_json_step_t *step, ngx_pool_t *pool);
static u_char *ngx_hd_json_bracket(u_char *p, u_char *last,
    ngx_hd_json_step_t *step, ngx_pool_t *pool);
static u_char *ngx_hd_json_quoted(u_char *p, u_char *last,
    ngx_hd_json_step_t *step, ngx_pool_t *pool);
static void ngx_hd_json_refused(const json_error_t *error, u_char *err,
    size_t size);
static json_t *ngx_hd_json_step(json_t *value,
    const ngx_hd_json_step_t *step);
static void ngx_hd_json_why(json_t *value, const ngx_hd_json_step_t *step,
    ngx_hd_json_seen_t *seen);
static u_char *ngx_hd_json_keys(json_t *value, u_char *p, u_char *last);
static void ngx_hd_json_value(json_t *value, ngx_hd_json_seen_t *seen);
static void ngx_hd_json_length(json_t *value, ngx_hd_json_seen_t *seen);
static const char *ngx_hd_json_noun(json_t *value);


const char *
ngx_hd_json_path(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_hd_json_path_t **path)
{
    ngx_str_t  inner;

    *path = ngx_pcalloc(pool, sizeof(ngx_hd_json_path_t));
    if (*path == NULL) {
        return "could not be made ready: no memory";
    }

    if (ngx_array_init(&(*path)->steps, pool, 4, sizeof(ngx_hd_json_step_t))
        != NGX_OK)
    {
        return "could not be made ready: no memory";
    }

    inner = *text;

    if (inner.len > sizeof("length()") - 1
        && ngx_strncmp(inner.data, "length(", sizeof("length(") - 1) == 0
        && inner.data[inner.len - 1] == ')')
    {
        inner.data += sizeof("length(") - 1;
        inner.len -= sizeof("length()") - 1;

        (*path)->length = 1;
    }

    return ngx_hd_json_steps(pool, inner, *path);
}


static const char *
ngx_hd_json_steps(ngx_pool_t *pool, ngx_str_t text, ngx_hd_json_path_t *path)
{
    u_char              *p, *last;
    ngx_hd_json_step_t  *step;

    p = text.data;
    last = p + text.len;

    if (p == last || (*p != '.' && *p != '[')) {
        return "must begin with \".\"";
    }

    if (text.len == 1 && *p == '.') {
        return NULL;
    }

    /* .["key"] is the same as ["key"] */

    if (text.len > 1 && p[0] == '.' && p[1] == '[') {
        p++;
    }

    while (p < last) {

        if (path->steps.nelts == NGX_HD_JSON_STEPS) {
            return "has more than 32 steps";
        }

        step = ngx_array_push(&path->steps);
        if (step == NULL) {
            return "could not be made ready: no memory";
        }

        ngx_memzero(step, sizeof(ngx_hd_json_step_t));

        step->before.data = text.data;
        step->before.len = ngx_max(p - text.data, 1);

        p = (*p == '[') ? ngx_hd_json_bracket(p + 1, last, step, pool)
                        : ngx_hd_json_name(p, last, step, pool);

        if (p == NULL) {
            return "is malformed";
        }
    }

    return NULL;
}


static u_char *
ngx_hd_json_name(u_char *p, u_char *last, ngx_hd_json_step_t *step,
    ngx_pool_t *pool)
{
    u_char  *start;

    if (*p++ != '.' || p == last) {
        return NULL;
    }

    if (*p == '"') {
        return ngx_hd_json_quoted(p + 1, last, step, pool);
    }

    start = p;

    while (p < last && *p != '.' && *p != '[') {

        if (*p <= ' ' || *p == '"' || *p == ']' || *p == '(' || *p == ')') {
            return NULL;
        }

        p++;
    }

    if (p == start) {
        return NULL;
    }

    step->key = ngx_pnalloc(pool, p - start + 1);
    if (step->key == NULL) {
        return NULL;
    }

    ngx_memcpy(step->key, start, p - start);
    step->key[p - start] = '\0';

    return p;
}


static u_char *
ngx_hd_json_bracket(u_char *p, u_char *last, ngx_hd_json_step_t *step,
    ngx_pool_t *pool)
{
    u_char      *end;
    ngx_uint_t   minus;

    if (p < last && *p == '"') {
        p = ngx_hd_json_quoted(p + 1, last, step, pool);

        return (p && p < last && *p == ']') ? p + 1 : NULL;
    }

    minus = (p < last && *p == '-');
    p += minus;

    end = ngx_strlchr(p, last, ']');
    if (end == NULL) {
        return NULL;
    }

    step->index = ngx_atoi(p, end - p);

    if (step->index == NGX_ERROR || (minus && step->index == 0)) {
        return NULL;
    }

    if (minus) {
        step->index = -step->index;
    }

    return end + 1;
}


/* p is behind the first quote; \" and \\ stand for " and \ */

static u_char *
ngx_hd_json_quoted(u_char *p, u_char *last, ngx_hd_json_step_t *step,
    ngx_pool_t *pool)
{
    char  *key;

    key = ngx_pnalloc(pool, last - p + 1);
    if (key == NULL) {
        return NULL;
    }

    step->key = key;

    while (p < last && *p != '"') {

        if (*p == '\\' && ++p == last) {
            return NULL;
        }

        *key++ = *p++;
    }

    *key = '\0';

    return (p < last) ? p + 1 : NULL;
}


ngx_int_t
ngx_hd_json_parse(ngx_hd_json_t *json, const ngx_str_t *body, u_char *err,
    size_t size)
{
    size_t        flags;
    json_error_t  error;

    if (body->len > NGX_HD_JSON_LIMIT) {
        (void) ngx_snprintf(err, size, "longer than %d bytes%Z",
                            NGX_HD_JSON_LIMIT);
        return NGX_DECLINED;
    }

    if (body->len == 0) {
        (void) ngx_snprintf(err, size, "empty%Z");
        return NGX_DECLINED;
    }

    flags = JSON_DECODE_ANY|JSON_ALLOW_NUL;

    ngx_set_errno(0);

    json->root = json_loadb((char *) body->data, body->len, flags, &error);

    if (json->root == NULL
        && json_error_code(&error) == json_error_numeric_overflow)
    {
        json->root = json_loadb((char *) body->data, body->len,
                                flags|JSON_DECODE_INT_AS_REAL, &error);
    }

    if (json->root) {
        return NGX_OK;
    }

    /* without memory jansson may find fault with the document */

    if (ngx_errno == NGX_ENOMEM
        || json_error_code(&error) == json_error_out_of_memory)
    {
        return NGX_ERROR;
    }

    ngx_hd_json_refused(&error, err, size);

    return NGX_DECLINED;
}


static void
ngx_hd_json_refused(const json_error_t *error, u_char *err, size_t size)
{
    if (json_error_code(error) == json_error_stack_overflow) {
        (void) ngx_snprintf(err, size, "nested too deeply%Z");
        return;
    }

    (void) ngx_snprintf(err, size, "line %d column %d: %s%Z", error->line,
                        error->column, error->text);
}


void
ngx_hd_json_free(ngx_hd_json_t *json)
{
    json_decref(json->root);
    json->root = NULL;
}


void
ngx_hd_json_find(const ngx_hd_json_t *json, const ngx_hd_json_path_t *path,
    ngx_hd_json_seen_t *seen)
{
    json_t              *value, *next;
    ngx_uint_t           i;
    ngx_hd_json_step_t  *step;

    value = json->root;
    step = path->steps.elts;

    seen->rough = 0;
    ngx_str_null(&seen->text);

    for (i = 0; i < path->steps.nelts; i++) {
        next = ngx_hd_json_step(value, &step[i]);

        if (next == NULL) {
            ngx_hd_json_why(value, &step[i], seen);
            return;
        }

        value = next;
    }

    if (path->length) {
        ngx_hd_json_length(value, seen);
        return;
    }

    ngx_hd_json_value(value, seen);

    /* a double of this size may stand for several numbers */

    if (json_is_real(value)
        && (seen->number.real >= NGX_HD_JSON_EXACT
            || seen->number.real <= -NGX_HD_JSON_EXACT))
    {
        seen->rough = 1;
    }
}


/* NULL: it is not there */

static json_t *
ngx_hd_json_step(json_t *value, const ngx_hd_json_step_t *step)
{
    size_t  n, back;

    if (step->key) {
        return json_object_get(value, step->key);
    }

    if (step->index >= 0) {
        return json_array_get(value, (size_t) step->index);
    }

    n = json_array_size(value);
    back = (size_t) -step->index;

    return (back <= n) ? json_array_get(value, n - back) : NULL;
}


static void
ngx_hd_json_why(json_t *value, const ngx_hd_json_step_t *step,
    ngx_hd_json_seen_t *seen)
{
    u_char  *p, *last;

    seen->kind = NGX_HD_JSON_NOTHING;
    last = seen->buf + sizeof(seen->buf);

    p = ngx_slprintf(seen->buf, last, "no such path (%V ", &step->before);

    if (json_is_object(value)) {
        p = ngx_hd_json_keys(value, p, last);

    } else if (json_is_array(value)) {
        p = ngx_slprintf(p, last, "has %uz elements",
                         json_array_size(value));

    } else {
        p = ngx_slprintf(p, last, "is %s", ngx_hd_json_noun(value));
    }

    p = ngx_slprintf(p, last, ")");

    seen->text.data = seen->buf;
    seen->text.len = p - seen->buf;
}


static u_char *
ngx_hd_json_keys(json_t *value, u_char *p, u_char *last)
{
    void        *iter;
    ngx_uint_t   n;

    if (json_object_size(value) == 0) {
        return ngx_slprintf(p, last, "has no keys");
    }

    p = ngx_slprintf(p, last, "has keys ");
    iter = json_object_iter(value);

    for (n = 0; iter; n++) {

        if (n == NGX_HD_JSON_KEYS) {
            return ngx_slprintf(p, last, ", ...");
        }

        p = ngx_slprintf(p, last, "%s%s", n ? ", " : "",
                         json_object_iter_key(iter));

        iter = json_object_iter_next(value, iter);
    }

    return p;
}


static void
ngx_hd_json_value(json_t *value, ngx_hd_json_seen_t *seen)
{
    u_char  *p, *last;

    p = seen->buf;
    last = p + sizeof(seen->buf);

    switch (json_typeof(value)) {

    case JSON_STRING:
        seen->kind = NGX_HD_JSON_TEXT;
        seen->text.data = (u_char *) json_string_value(value);
        seen->text.len = json_string_length(value);
        return;

    case JSON_INTEGER:
        seen->kind = NGX_HD_JSON_NUMBER;
        seen->number.whole = json_integer_value(value);
        seen->number.is_whole = 1;
        return;

    case JSON_REAL:
        seen->kind = NGX_HD_JSON_NUMBER;
        seen->number.real = json_real_value(value);
        seen->number.is_whole = 0;
        return;

    case JSON_ARRAY:
        seen->kind = NGX_HD_JSON_MANY;
        p = ngx_slprintf(p, last, "an array of %uz", json_array_size(value));
        break;

    case JSON_OBJECT:
        seen->kind = NGX_HD_JSON_MANY;
        p = ngx_slprintf(p, last, "an object that ");
        p = ngx_hd_json_keys(value, p, last);
        break;

    case JSON_NULL:
        seen->kind = NGX_HD_JSON_NULL;
        p = ngx_slprintf(p, last, "null");
        break;

    default: /* JSON_TRUE, JSON_FALSE */
        seen->kind = NGX_HD_JSON_BOOLEAN;
        p = ngx_slprintf(p, last, json_is_true(value) ? "true" : "false");
    }

    seen->text.data = seen->buf;
    seen->text.len = p - seen->buf;
}


static void
ngx_hd_json_length(json_t *value, ngx_hd_json_seen_t *seen)
{
    size_t       i, n, len;
    u_char      *p;
    const char  *text;

    if (json_is_array(value)) {
        n = json_array_size(value);

    } else if (json_is_object(value)) {
        n = json_object_size(value);

    } else if (json_is_string(value)) {
        text = json_string_value(value);
        len = json_string_length(value);

        /* characters, not bytes; jansson has seen that it is UTF-8 */

        for (n = 0, i = 0; i < len; i++) {
            n += ((text[i] & 0xc0) != 0x80);
        }

    } else {
        seen->kind = NGX_HD_JSON_NOTHING;

        p = ngx_slprintf(seen->buf, seen->buf + sizeof(seen->buf),
                         "%s, which has no length", ngx_hd_json_noun(value));

        seen->text.data = seen->buf;
        seen->text.len = p - seen->buf;

        return;
    }

    seen->kind = NGX_HD_JSON_NUMBER;
    seen->number.whole = (int64_t) n;
    seen->number.is_whole = 1;
}


static const char *
ngx_hd_json_noun(json_t *value)
{
    switch (json_typeof(value)) {

    case JSON_STRING:
        return "a string";

    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";

    case JSON_NULL:
        return "null";

    case JSON_ARRAY:
        return "an array";

    case JSON_OBJECT:
        return "an object";

    default: /* JSON_TRUE, JSON_FALSE */
        return "a boolean";
    }
}


/*
 * healthdash: how conditions are written, the words after "expect" and
 * "warn".  Owns their grammar and the sentence for each way to get it wrong.
 * Called by the directives while the configuration is read.  Allocates from
 * the pool of the configuration only.
 */


#include <ngx_hd_match.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_match_facts.h>


#define NGX_HD_STATUS_MIN      100
#define NGX_HD_STATUS_MAX      599


/* what parsing hands down */

typedef struct {
    ngx_pool_t     *pool;
    ngx_hd_cond_t  *cond;
    ngx_str_t      *args;              /* behind the subject */
    ngx_uint_t      n;
    u_char         *err;
    u_char         *last;              /* of err, room for its null */
} ngx_hd_match_conf_t;


typedef struct {
    ngx_str_t    name;
    ngx_uint_t   ops;                  /* NGX_HD_OP() of what it allows */
    const char  *ops_text;
    ngx_int_t  (*parse)(ngx_hd_match_conf_t *mc);
} ngx_hd_subject_t;


static ngx_int_t ngx_hd_match_parse_status(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_ranges(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_range(ngx_str_t *word,
    ngx_hd_range_t *range);
static ngx_int_t ngx_hd_match_parse_bound(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_code(u_char *p, size_t len,
    uint16_t *code);
static ngx_int_t ngx_hd_match_parse_header(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_absent(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_body(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_time(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_json(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_value(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_row(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_days(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_decimal(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_parse_op(ngx_hd_match_conf_t *mc,
    ngx_str_t *word);
static ngx_uint_t ngx_hd_match_is_name(ngx_str_t *name);
static ngx_int_t ngx_hd_match_join(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_compile(ngx_hd_match_conf_t *mc);
static ngx_int_t ngx_hd_match_refuse(ngx_hd_match_conf_t *mc,
    const char *fmt, ...);


static const ngx_hd_subject_t  ngx_hd_match_subjects[] = {

    [NGX_HD_ON_STATUS] = {
        .name = ngx_string("status"),
        .ops = NGX_HD_OPS_EQUAL|NGX_HD_OPS_ORDER,
        .ops_text = "=, !=, <, <=, > or >=",
        .parse = ngx_hd_match_parse_status
    },

    [NGX_HD_ON_HEADER] = {
        .name = ngx_string("header"),
        .ops = NGX_HD_OPS_EQUAL|NGX_HD_OPS_ORDER|NGX_HD_OPS_RE,
        .ops_text = "=, !=, <, <=, >, >=, ~, ~*, !~ or !~*",
        .parse = ngx_hd_match_parse_header
    },

    [NGX_HD_ON_BODY] = {
        .name = ngx_string("body"),
        .ops = NGX_HD_OPS_EQUAL|NGX_HD_OPS_RE,
        .ops_text = "=, !=, ~, ~*, !~ or !~*",
        .parse = ngx_hd_match_parse_body
    },

    [NGX_HD_ON_JSON] = {
        .name = ngx_string("json"),
        .ops = NGX_HD_OPS_EQUAL|NGX_HD_OPS_ORDER|NGX_HD_OPS_RE,
        .ops_text = "=, !=, <, <=, >, >=, ~, ~*, !~ or !~*",
        .parse = ngx_hd_match_parse_json
    },

    [NGX_HD_ON_VALUE] = {
        .name = ngx_string("value"),
        .ops = NGX_HD_OPS_EQUAL|NGX_HD_OPS_ORDER,
        .ops_text = "=, !=, <, <=, > or >=",
        .parse = ngx_hd_match_parse_value
    },

    [NGX_HD_ON_ROW] = {
        .name = ngx_string("row"),
        .ops = NGX_HD_OPS_EQUAL|NGX_HD_OPS_ORDER|NGX_HD_OPS_RE,
        .ops_text = "=, !=, <, <=, >, >=, ~, ~*, !~ or !~*",
        .parse = ngx_hd_match_parse_row
    },

    [NGX_HD_ON_CERT_DAYS] = {
        .name = ngx_string("cert_days"),
        .ops = NGX_HD_OPS_EQUAL|NGX_HD_OPS_ORDER,
        .ops_text = "=, !=, <, <=, > or >=",
        .parse = ngx_hd_match_parse_days
    },

    [NGX_HD_ON_TIME] = {
        .name = ngx_string("time"),
        .ops = NGX_HD_OPS_ORDER,
        .ops_text = "<, <=, > or >=",
        .parse = ngx_hd_match_parse_time
    }
};


ngx_int_t
ngx_hd_match_parse(ngx_pool_t *pool, ngx_hd_cond_t *cond, ngx_str_t *args,
    ngx_uint_t n, u_char *err, size_t size)
{
    ngx_str_t                absent;
    ngx_uint_t               i;
    ngx_hd_match_conf_t      mc;
    const ngx_hd_subject_t  *subject;

    ngx_memzero(cond, sizeof(ngx_hd_cond_t));

    mc.pool = pool;
    mc.cond = cond;
    mc.args = args + 1;
    mc.n = n - 1;
    mc.err = err;
    mc.last = err + size - 1;

    if (n == 0) {
        return ngx_hd_match_refuse(&mc,
                 "no condition given, expected one such as status 200-299");
    }

    ngx_str_set(&absent, "!header");

    if (ngx_hd_cond_equal(&args[0], &absent)) {
        return ngx_hd_match_parse_absent(&mc);
    }

    for (i = 0; i < NGX_HD_SUBJECTS; i++) {
        subject = &ngx_hd_match_subjects[i];

        if (subject->parse && ngx_hd_cond_equal(&args[0], &subject->name)) {
            cond->subject = i;

            /* what follows refuses with a sentence, or has no memory */

            (void) ngx_hd_match_refuse(&mc, "no memory");

            return subject->parse(&mc);
        }
    }

    return ngx_hd_match_refuse(&mc, "unknown subject \"%V\", "
                               "expected status, header, body, json, "
                               "value, row, cert_days or time",
                               &args[0]);
}


const ngx_str_t *
ngx_hd_match_subject(ngx_uint_t subject)
{
    return &ngx_hd_match_subjects[subject].name;
}


static ngx_int_t
ngx_hd_match_parse_status(ngx_hd_match_conf_t *mc)
{
    ngx_str_t  *word;

    if (ngx_hd_match_join(mc) != NGX_OK) {
        return NGX_ERROR;
    }

    mc->cond->ranges = ngx_array_create(mc->pool, 2, sizeof(ngx_hd_range_t));
    if (mc->cond->ranges == NULL) {
        return NGX_ERROR;
    }

    word = mc->args;

    if (mc->n && word->len && ngx_strchr("=!<>~", word->data[0])) {

        if (ngx_hd_match_parse_op(mc, word) != NGX_OK) {
            return NGX_ERROR;
        }

        mc->args++;
        mc->n--;
    }

    if (mc->n == 0) {
        return ngx_hd_match_refuse(mc, "no value for status, expected "
                                   "one such as status 200-299 304");
    }

    if (NGX_HD_OP(mc->cond->op) & NGX_HD_OPS_ORDER) {
        return ngx_hd_match_parse_bound(mc);
    }

    return ngx_hd_match_parse_ranges(mc);
}


static ngx_int_t
ngx_hd_match_parse_ranges(ngx_hd_match_conf_t *mc)
{
    ngx_uint_t       i;
    ngx_hd_range_t  *range;

    for (i = 0; i < mc->n; i++) {
        range = ngx_array_push(mc->cond->ranges);
        if (range == NULL) {
            return NGX_ERROR;
        }

        if (ngx_hd_match_parse_range(&mc->args[i], range) != NGX_OK) {
            return ngx_hd_match_refuse(mc, "invalid status \"%V\", expected "
                           "a number from 100 to 599 or a range such as "
                           "200-299", &mc->args[i]);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_parse_range(ngx_str_t *word, ngx_hd_range_t *range)
{
    u_char  *p, *last;

    last = word->data + word->len;

    p = ngx_strlchr(word->data, last, '-');
    if (p == NULL) {
        p = last;
    }

    if (ngx_hd_match_parse_code(word->data, p - word->data, &range->first)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p == last) {
        range->last = range->first;
        return NGX_OK;
    }

    p++;

    if (ngx_hd_match_parse_code(p, last - p, &range->last) != NGX_OK) {
        return NGX_ERROR;
    }

    return (range->first <= range->last) ? NGX_OK : NGX_ERROR;
}


/* an ordering operator becomes the range of what it allows */

static ngx_int_t
ngx_hd_match_parse_bound(ngx_hd_match_conf_t *mc)
{
    uint16_t         code;
    ngx_hd_range_t  *range;

    if (mc->n != 1
        || ngx_hd_match_parse_code(mc->args[0].data, mc->args[0].len, &code)
           != NGX_OK)
    {
        return ngx_hd_match_refuse(mc, "invalid \"status %V\", expected "
                                   "one number from 100 to 599 after \"%V\"",
                                   &mc->cond->value,
                                   ngx_hd_cond_op(mc->cond->op));
    }

    range = ngx_array_push(mc->cond->ranges);
    if (range == NULL) {
        return NGX_ERROR;
    }

    range->first = 0;
    range->last = 65535;

    switch (mc->cond->op) {

    case NGX_HD_LT:
        range->last = code - 1;
        break;

    case NGX_HD_LE:
        range->last = code;
        break;

    case NGX_HD_GT:
        range->first = code + 1;
        break;

    default: /* NGX_HD_GE */
        range->first = code;
        break;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_parse_code(u_char *p, size_t len, uint16_t *code)
{
    ngx_int_t  n;

    if (len != 3) {
        return NGX_ERROR;
    }

    n = ngx_atoi(p, len);

    if (n < NGX_HD_STATUS_MIN || n > NGX_HD_STATUS_MAX) {
        return NGX_ERROR;
    }

    *code = (uint16_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_parse_header(ngx_hd_match_conf_t *mc)
{
    ngx_hd_cond_t  *cond;

    cond = mc->cond;

    if (mc->n != 3) {
        return ngx_hd_match_refuse(mc, "invalid number of words after header, "
                       "expected a name, an operator and a value such as "
                       "header Content-Type ~* json");
    }

    if (!ngx_hd_match_is_name(&mc->args[0])) {
        return ngx_hd_match_refuse(mc, "invalid header name \"%V\", "
                                   "expected one such as Content-Type",
                                   &mc->args[0]);
    }

    cond->name = mc->args[0];
    cond->value = mc->args[2];

    if (ngx_hd_match_parse_op(mc, &mc->args[1]) != NGX_OK) {
        return NGX_ERROR;
    }

    if ((NGX_HD_OP(cond->op) & NGX_HD_OPS_ORDER)
        && (ngx_hd_number_parse(&cond->value, &cond->decimal) != NGX_OK
            || !cond->decimal.is_whole))
    {
        return ngx_hd_match_refuse(mc, "invalid number \"%V\", expected "
                                   "a whole number after \"%V\"",
                                   &cond->value, ngx_hd_cond_op(cond->op));
    }

    return ngx_hd_match_compile(mc);
}


static ngx_int_t
ngx_hd_match_parse_absent(ngx_hd_match_conf_t *mc)
{
    if (mc->n != 1 || !ngx_hd_match_is_name(&mc->args[0])) {
        return ngx_hd_match_refuse(mc, "invalid words after !header, expected "
                                   "the name of a header that must not be "
                                   "there");
    }

    mc->cond->subject = NGX_HD_ON_HEADER;
    mc->cond->op = NGX_HD_NE;
    mc->cond->name = mc->args[0];
    mc->cond->absent = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_parse_body(ngx_hd_match_conf_t *mc)
{
    if (mc->n != 2) {
        return ngx_hd_match_refuse(mc, "invalid number of words after body, "
                                   "expected an operator and a value such as "
                                   "body ~ ready");
    }

    mc->cond->value = mc->args[1];

    if (ngx_hd_match_parse_op(mc, &mc->args[0]) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_hd_match_compile(mc);
}


static ngx_int_t
ngx_hd_match_parse_time(ngx_hd_match_conf_t *mc)
{
    ngx_hd_cond_t  *cond;

    cond = mc->cond;

    if (mc->n != 2) {
        return ngx_hd_match_refuse(mc, "invalid number of words after time, "
                                   "expected an operator and a time such as "
                                   "time < 300ms");
    }

    cond->value = mc->args[1];

    if (ngx_hd_match_parse_op(mc, &mc->args[0]) != NGX_OK) {
        return NGX_ERROR;
    }

    cond->number = ngx_parse_time(&cond->value, 0);

    if (cond->number == NGX_ERROR) {
        return ngx_hd_match_refuse(mc, "invalid time \"%V\", expected "
                                   "one such as 300ms or 2s", &cond->value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_parse_json(ngx_hd_match_conf_t *mc)
{
    const char     *wrong;
    ngx_hd_cond_t  *cond;

    cond = mc->cond;

    if (mc->n != 3) {
        return ngx_hd_match_refuse(mc, "invalid number of words after json, "
                                   "expected a path, an operator and a value "
                                   "such as json .checks.db = ok");
    }

    if (NGX_HD_JSON_MISSING) {
        return ngx_hd_match_refuse(mc, "a condition on json needs %s, which "
                                   "this module was built without: install "
                                   "it and build the module again",
                                   NGX_HD_JSON_MISSING);
    }

    cond->name = mc->args[0];
    cond->value = mc->args[2];

    if (ngx_hd_match_parse_op(mc, &mc->args[1]) != NGX_OK) {
        return NGX_ERROR;
    }

    wrong = ngx_hd_match_json_path(mc->pool, cond);

    if (wrong) {
        return ngx_hd_match_refuse(mc, "json path \"%V\" %s, expected one "
                                   "such as .checks.db, .items[0].name or "
                                   "length(.items)", &cond->name, wrong);
    }

    if (NGX_HD_OP(cond->op) & NGX_HD_OPS_ORDER) {
        return ngx_hd_match_parse_decimal(mc);
    }

    return ngx_hd_match_compile(mc);
}


static ngx_int_t
ngx_hd_match_parse_value(ngx_hd_match_conf_t *mc)
{
    if (mc->n != 2) {
        return ngx_hd_match_refuse(mc, "invalid number of words after value, "
                                   "expected an operator and a number such "
                                   "as value < 90");
    }

    mc->cond->value = mc->args[1];

    if (ngx_hd_match_parse_op(mc, &mc->args[0]) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_hd_match_parse_decimal(mc);
}


static ngx_int_t
ngx_hd_match_parse_row(ngx_hd_match_conf_t *mc)
{
    if (mc->n != 2) {
        return ngx_hd_match_refuse(mc, "invalid number of words after row, "
                                   "expected an operator and a value such as "
                                   "row = t");
    }

    mc->cond->value = mc->args[1];

    if (ngx_hd_match_parse_op(mc, &mc->args[0]) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mc->cond->bare) {
        return ngx_hd_match_parse_decimal(mc);
    }

    return ngx_hd_match_compile(mc);
}


static ngx_int_t
ngx_hd_match_parse_days(ngx_hd_match_conf_t *mc)
{
    ngx_hd_cond_t  *cond;

    cond = mc->cond;

    if (mc->n != 2) {
        return ngx_hd_match_refuse(mc, "invalid number of words after "
                                   "cert_days, expected an operator and a "
                                   "number of days such as cert_days > 14");
    }

    cond->value = mc->args[1];
    cond->bare = 1;

    if (ngx_hd_match_parse_op(mc, &mc->args[0]) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_hd_number_parse(&cond->value, &cond->decimal) != NGX_OK
        || !cond->decimal.is_whole)
    {
        return ngx_hd_match_refuse(mc, "invalid number of days \"%V\", "
                                   "expected a whole number without a unit "
                                   "such as 14", &cond->value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_parse_decimal(ngx_hd_match_conf_t *mc)
{
    ngx_hd_cond_t  *cond;

    cond = mc->cond;

    if (ngx_hd_number_parse(&cond->value, &cond->decimal) != NGX_OK) {
        return ngx_hd_match_refuse(mc, "invalid number \"%V\", expected a "
                                   "decimal number without a unit such as "
                                   "93.5", &cond->value);
    }

    cond->bare = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_parse_op(ngx_hd_match_conf_t *mc, ngx_str_t *word)
{
    ngx_uint_t               i;
    const ngx_hd_subject_t  *subject;

    subject = &ngx_hd_match_subjects[mc->cond->subject];

    for (i = 0; i <= NGX_HD_NOT_RE_CASELESS; i++) {
        if ((subject->ops & NGX_HD_OP(i))
            && ngx_hd_cond_equal(word, ngx_hd_cond_op(i)))
        {
            mc->cond->op = i;
            mc->cond->bare |= (NGX_HD_OP(i) & NGX_HD_OPS_ORDER) != 0;
            return NGX_OK;
        }
    }

    return ngx_hd_match_refuse(mc, "invalid operator \"%V\" for %V, "
                               "expected %s",
                               word, &subject->name, subject->ops_text);
}


/* a token, RFC 9110, 5.6.2 */

static ngx_uint_t
ngx_hd_match_is_name(ngx_str_t *name)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (c <= ' ' || c >= 0x7f || ngx_strchr("\"(),/:;<=>?@[\\]{}", c)) {
            return 0;
        }
    }

    return name->len > 0;
}


/* the words of a status list as one value, for messages */

static ngx_int_t
ngx_hd_match_join(ngx_hd_match_conf_t *mc)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   i;

    len = 0;

    for (i = 0; i < mc->n; i++) {
        len += mc->args[i].len + 1;
    }

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(mc->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    mc->cond->value.data = p;
    mc->cond->value.len = len - 1;

    for (i = 0; i < mc->n; i++) {
        p = ngx_cpymem(p, mc->args[i].data, mc->args[i].len);
        *p++ = ' ';
    }

    return NGX_OK;
}


/* does nothing when the operator is no regular expression */

static ngx_int_t
ngx_hd_match_compile(ngx_hd_match_conf_t *mc)
{
    u_char          err[NGX_HD_DETAIL_LEN];
    ngx_uint_t      caseless;
    ngx_hd_cond_t  *cond;

    cond = mc->cond;

    if (!(NGX_HD_OP(cond->op) & NGX_HD_OPS_RE)) {
        return NGX_OK;
    }

    caseless = (cond->op == NGX_HD_RE_CASELESS
                || cond->op == NGX_HD_NOT_RE_CASELESS);

    cond->re = ngx_hd_regex_compile(mc->pool, &cond->value, caseless,
                                    err, sizeof(err));
    if (cond->re == NULL) {
        return ngx_hd_match_refuse(mc, "invalid regular expression \"%V\", "
                                   "%s", &cond->value, err);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_match_refuse(ngx_hd_match_conf_t *mc, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(mc->err, mc->last, fmt, args);
    va_end(args);

    *p = '\0';

    return NGX_ERROR;
}

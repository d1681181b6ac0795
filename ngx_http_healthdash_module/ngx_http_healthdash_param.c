
/*
 * healthdash: parameters as they are read: a word of a directive or a line of
 * a block finds its row in the table, a @FILE is read, and what is wrong is
 * said.  Called by the directives.  Neither a password nor what was read from
 * a file is ever printed.
 */


#include <ngx_http_healthdash_param.h>
#include <ngx_hd_file.h>
#include <ngx_hd_match.h>
#include <ngx_hd_step.h>
#include <ngx_hd_types.h>


#define NGX_HTTP_HEALTHDASH_SHOWN    64      /* bytes of a value in messages */
#define NGX_HTTP_HEALTHDASH_NEAR     24      /* longest name to compare */
#define NGX_HTTP_HEALTHDASH_LINES    64      /* lines of one kind in a block */


/* lines of a block that are more than a name and a value */

typedef struct {
    ngx_str_t             name;
    char               *(*set)(ngx_conf_t *cf, ngx_hd_check_t *check);
} ngx_http_healthdash_line_t;


static char *ngx_http_healthdash_set(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_http_healthdash_param_t *p, ngx_str_t *word);
static char *ngx_http_healthdash_set_flag(ngx_conf_t *cf,
    ngx_hd_check_t *check, const ngx_http_healthdash_param_t *p);
static ngx_uint_t ngx_http_healthdash_refused(ngx_conf_t *cf,
    ngx_hd_check_t *check, const ngx_http_healthdash_param_t *p);
static const ngx_http_healthdash_param_t *ngx_http_healthdash_find(
    ngx_str_t *name);
static const ngx_http_healthdash_line_t *ngx_http_healthdash_find_line(
    ngx_str_t *name);
static char *ngx_http_healthdash_unknown(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *name);
static const ngx_str_t *ngx_http_healthdash_nearest(ngx_str_t *name);
static ngx_uint_t ngx_http_healthdash_distance(const ngx_str_t *a,
    const ngx_str_t *b);
static ngx_int_t ngx_http_healthdash_read_file(ngx_conf_t *cf,
    ngx_hd_check_t *check, const ngx_str_t *what, ngx_str_t *value);
static ngx_int_t ngx_http_healthdash_read_secret(ngx_conf_t *cf,
    ngx_hd_check_t *check, const ngx_str_t *what, ngx_str_t *value);
static char *ngx_http_healthdash_line_type(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_cond(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_expect(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_step(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_param(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static char *ngx_http_healthdash_line_pair(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_array_t **pairs);
static void *ngx_http_healthdash_line_push(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_array_t **lines, size_t size);
static char *ngx_http_healthdash_line_later(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_str_t ngx_http_healthdash_shown(ngx_conf_t *cf, ngx_str_t *value);


_Static_assert(NGX_HTTP_HEALTHDASH_PARAMS <= 64, "bits of a 64-bit word");


static const ngx_http_healthdash_line_t  ngx_http_healthdash_lines[] = {
    { ngx_string("type"), ngx_http_healthdash_line_type },
    { ngx_string("expect"), ngx_http_healthdash_line_expect },
    { ngx_string("warn"), ngx_http_healthdash_line_cond },
    { ngx_string("header"), ngx_http_healthdash_line_later },
    { ngx_string("param"), ngx_http_healthdash_line_param },
    { ngx_string("send"), ngx_http_healthdash_line_step },
    { ngx_null_string, NULL }
};


ngx_hd_check_t *
ngx_http_healthdash_check_create(ngx_conf_t *cf)
{
    ngx_str_t                     *value;
    ngx_http_healthdash_params_t  *params;

    params = ngx_pcalloc(cf->pool, sizeof(ngx_http_healthdash_params_t));
    if (params == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     every field: not given
     */

    value = cf->args->elts;

    params->directive = value[0];
    params->block = (ngx_strcmp(value[0].data, "healthdash_probe") == 0);
    params->service = (ngx_strcmp(value[0].data, "healthdash_service") == 0);

    params->check.file_name = cf->conf_file->file.name.data;
    params->check.line = cf->conf_file->line;

    return &params->check;
}


char *
ngx_http_healthdash_param(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *word)
{
    u_char                             *p;
    ngx_str_t                           name, value;
    const ngx_http_healthdash_param_t  *param;

    p = ngx_strlchr(word->data, word->data + word->len, '=');

    name.data = word->data;
    name.len = p ? (size_t) (p - word->data) : word->len;

    param = ngx_http_healthdash_find(&name);

    if (param == NULL) {
        return ngx_http_healthdash_unknown(cf, check, &name);
    }

    if (p == NULL && (param->flags & NGX_HTTP_HEALTHDASH_FLAG)) {
        return ngx_http_healthdash_set_flag(cf, check, param);
    }

    if (p == NULL || (param->flags & NGX_HTTP_HEALTHDASH_FLAG)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"%V\" %s", &name,
                                p ? "takes no value" : "needs a value");
        return NGX_CONF_ERROR;
    }

    value.data = p + 1;
    value.len = word->len - name.len - 1;

    return ngx_http_healthdash_set(cf, check, param, &value);
}


char *
ngx_http_healthdash_param_line(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    u_char                             *p;
    ngx_str_t                           name, *value;
    const char                         *wrong;
    const ngx_http_healthdash_line_t   *line;
    const ngx_http_healthdash_param_t  *param;

    value = cf->args->elts;

    check->line = cf->conf_file->line;

    line = ngx_http_healthdash_find_line(&value[0]);
    if (line) {
        return line->set(cf, check);
    }

    name = value[0];
    p = ngx_strlchr(name.data, name.data + name.len, '=');

    if (p) {
        name.len = p - name.data;
    }

    param = ngx_http_healthdash_find(&name);

    if (param == NULL
        && (p == NULL || ngx_http_healthdash_find_line(&name) == NULL))
    {
        return ngx_http_healthdash_unknown(cf, check, &name);
    }

    wrong = NULL;

    if (p) {
        wrong = "is written without \"=\" in a block";

    } else if (param->flags & NGX_HTTP_HEALTHDASH_WORD) {
        wrong = "has no meaning in a probe block";

    } else if (param->flags & NGX_HTTP_HEALTHDASH_FLAG) {

        if (cf->args->nelts == 1) {
            return ngx_http_healthdash_set_flag(cf, check, param);
        }

        wrong = "takes no value";

    } else if (cf->args->nelts != 2) {
        wrong = "needs one value";
    }

    if (wrong) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"%V\" %s", &name, wrong);
        return NGX_CONF_ERROR;
    }

    return ngx_http_healthdash_set(cf, check, param, &value[1]);
}


static char *
ngx_http_healthdash_set(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_http_healthdash_param_t *p, ngx_str_t *word)
{
    ngx_str_t                      value, shown;
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    if (ngx_http_healthdash_refused(cf, check, p)) {
        return NGX_CONF_ERROR;
    }

    value = *word;

    if ((p->flags & NGX_HTTP_HEALTHDASH_STR)
        && value.len && value.data[0] == '@')
    {
        if (ngx_http_healthdash_read_file(cf, check, &p->name, &value)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        params->files |= 1ULL << (p - ngx_http_healthdash_params);
    }

    if (p->set(p, &value, (u_char *) params + p->offset) == NGX_OK) {
        params->given |= 1ULL << (p - ngx_http_healthdash_params);
        return NGX_CONF_OK;
    }

    if (p->flags & NGX_HTTP_HEALTHDASH_SECRET) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "invalid %V, expected %s",
                                &p->name, p->expected);
        return NGX_CONF_ERROR;
    }

    /* the word, not what was read from a file */

    shown = ngx_http_healthdash_shown(cf, word);

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "invalid %V \"%V\", expected %s",
                            &p->name, &shown, p->expected);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_healthdash_set_flag(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_http_healthdash_param_t *p)
{
    ngx_flag_t                    *field;
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    if (ngx_http_healthdash_refused(cf, check, p)) {
        return NGX_CONF_ERROR;
    }

    field = (ngx_flag_t *) ((u_char *) params + p->offset);
    *field = 1;

    params->given |= 1ULL << (p - ngx_http_healthdash_params);

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_healthdash_refused(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_http_healthdash_param_t *p)
{
    const char                    *wrong;
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    if (p->flags & NGX_HTTP_HEALTHDASH_LATER) {
        wrong = "is not available yet";

    } else if (params->given & (1ULL << (p - ngx_http_healthdash_params))) {
        wrong = "is duplicate";

    } else {
        return 0;
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check, "parameter \"%V\" %s",
                            &p->name, wrong);

    return 1;
}


static const ngx_http_healthdash_param_t *
ngx_http_healthdash_find(ngx_str_t *name)
{
    ngx_uint_t                          i;
    const ngx_http_healthdash_param_t  *p;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {
        p = &ngx_http_healthdash_params[i];

        if (p->name.len == name->len
            && ngx_memcmp(p->name.data, name->data, name->len) == 0)
        {
            return p;
        }
    }

    return NULL;
}


static const ngx_http_healthdash_line_t *
ngx_http_healthdash_find_line(ngx_str_t *name)
{
    const ngx_http_healthdash_line_t  *line;

    for (line = ngx_http_healthdash_lines; line->name.len; line++) {

        if (line->name.len == name->len
            && ngx_memcmp(line->name.data, name->data, name->len) == 0)
        {
            return line;
        }
    }

    return NULL;
}


/* only the name is shown: what stands behind a misspelt one may be secret */

static char *
ngx_http_healthdash_unknown(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *name)
{
    u_char                        *p, *last, list[NGX_MAX_CONF_ERRSTR - 128];
    ngx_str_t                      shown;
    ngx_uint_t                     i;
    const ngx_str_t               *near;
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    if (!params->block && ngx_http_healthdash_find_line(name)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"%V\" stands in a "
                                "healthdash_probe block only", name);
        return NGX_CONF_ERROR;
    }

    shown = ngx_http_healthdash_shown(cf, name);

    near = ngx_http_healthdash_nearest(name);
    if (near) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "unknown parameter \"%V\", "
                                "did you mean \"%V\"?", &shown, near);
        return NGX_CONF_ERROR;
    }

    p = list;
    last = list + sizeof(list);

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {
        if (!(ngx_http_healthdash_params[i].flags & NGX_HTTP_HEALTHDASH_LATER))
        {
            p = ngx_slprintf(p, last, "%s%V", i ? ", " : "",
                             &ngx_http_healthdash_params[i].name);
        }
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "unknown parameter \"%V\", expected one of "
                            "%*s", &shown, p - list, list);

    return NGX_CONF_ERROR;
}


static const ngx_str_t *
ngx_http_healthdash_nearest(ngx_str_t *name)
{
    ngx_uint_t                         i, n, best;
    const ngx_str_t                   *near;
    const ngx_http_healthdash_line_t  *line;

    near = NULL;
    best = (name->len < 4) ? 2 : 3;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {
        n = ngx_http_healthdash_distance(name,
                                         &ngx_http_healthdash_params[i].name);
        if (n < best) {
            best = n;
            near = &ngx_http_healthdash_params[i].name;
        }
    }

    for (line = ngx_http_healthdash_lines; line->name.len; line++) {
        n = ngx_http_healthdash_distance(name, &line->name);

        if (n < best) {
            best = n;
            near = &line->name;
        }
    }

    return near;
}


/* the number of letters to change, add or drop */

static ngx_uint_t
ngx_http_healthdash_distance(const ngx_str_t *a, const ngx_str_t *b)
{
    size_t      i, j;
    ngx_uint_t  old, prev, row[NGX_HTTP_HEALTHDASH_NEAR + 1];

    if (a->len > NGX_HTTP_HEALTHDASH_NEAR || b->len > NGX_HTTP_HEALTHDASH_NEAR)
    {
        return NGX_HTTP_HEALTHDASH_NEAR;
    }

    for (j = 0; j <= b->len; j++) {
        row[j] = j;
    }

    for (i = 1; i <= a->len; i++) {
        prev = row[0];
        row[0] = i;

        for (j = 1; j <= b->len; j++) {
            old = row[j];
            prev += (a->data[i - 1] != b->data[j - 1]);
            row[j] = ngx_min(ngx_min(row[j], row[j - 1]) + 1, prev);
            prev = old;
        }
    }

    return row[b->len];
}


static ngx_int_t
ngx_http_healthdash_read_file(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_str_t *what, ngx_str_t *value)
{
    u_char      *last, why[NGX_MAX_ERROR_STR / 4];
    ngx_err_t    err;
    ngx_str_t    name;
    const char  *wrong;

    name.data = value->data + 1;
    name.len = value->len - 1;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    err = 0;

    wrong = ngx_hd_file_line(cf->pool, &name, value, &err);
    if (wrong == NULL) {
        return NGX_OK;
    }

    last = ngx_slprintf(why, why + sizeof(why), "%s", wrong);

    if (err) {
        last = ngx_log_errno(last, why + sizeof(why), err);
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "cannot read %V from \"%V\", %*s, expected a "
                            "file whose first line is the value, "
                            "from 1 to %d bytes", what, &name,
                            last - why, why, NGX_HD_FILE_LINE);

    return NGX_ERROR;
}


/* what a file says is masked in all that a target sends */

static ngx_int_t
ngx_http_healthdash_read_secret(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_str_t *what, ngx_str_t *value)
{
    ngx_str_t  *secret;

    if (ngx_http_healthdash_read_file(cf, check, what, value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (check->secrets == NULL) {
        check->secrets = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (check->secrets == NULL) {
            return NGX_ERROR;
        }
    }

    secret = ngx_array_push(check->secrets);
    if (secret == NULL) {
        return NGX_ERROR;
    }

    *secret = *value;

    return NGX_OK;
}


static char *
ngx_http_healthdash_line_type(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (cf->args->nelts != 2) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"type\" needs one value");
        return NGX_CONF_ERROR;
    }

    if (check->type) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"type\" is duplicate");
        return NGX_CONF_ERROR;
    }

    return ngx_http_healthdash_type(cf, check, &value[1]);
}


char *
ngx_http_healthdash_type(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *name)
{
    u_char     *p, list[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t   shown;

    check->type = ngx_hd_type_find(name, 0);

    if (check->type && check->type->missing) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "type \"%V\" needs %s, which this module was "
                                "built without: install it and build the "
                                "module again", name, check->type->missing);
        return NGX_CONF_ERROR;
    }

    if (check->type) {
        check->type_name = check->type->name;
        check->tls = check->type->tls;
        return NGX_CONF_OK;
    }

    shown = ngx_http_healthdash_shown(cf, name);
    p = ngx_hd_type_names(list, list + sizeof(list));

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "unknown type \"%V\", expected one of %*s",
                            &shown, p - list, list);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_healthdash_line_cond(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    u_char          err[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t      *value;
    ngx_hd_cond_t  *cond;

    value = cf->args->elts;

    if (check->conds == NULL) {
        check->conds = ngx_array_create(cf->pool, 4, sizeof(ngx_hd_cond_t));
        if (check->conds == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    cond = ngx_array_push(check->conds);
    if (cond == NULL) {
        return NGX_CONF_ERROR;
    }

    err[0] = '\0';

    if (ngx_hd_match_parse(cf->pool, cond, &value[1], cf->args->nelts - 1,
                           err, sizeof(err))
        != NGX_OK)
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check, "invalid %V: %s",
                                &value[0], err);
        return NGX_CONF_ERROR;
    }

    cond->warn = (value[0].data[0] == 'w');

    return NGX_CONF_OK;
}


/* without a subject in front of its operator it is a step of a dialogue */

static char *
ngx_http_healthdash_line_expect(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    if (ngx_hd_step_is(cf->args->elts, cf->args->nelts)) {
        return ngx_http_healthdash_line_step(cf, check);
    }

    return ngx_http_healthdash_line_cond(cf, check);
}


static char *
ngx_http_healthdash_line_step(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    u_char          err[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t      *value, text;
    ngx_hd_step_t  *step;

    value = cf->args->elts;

    step = ngx_http_healthdash_line_push(cf, check, &check->steps,
                                         sizeof(ngx_hd_step_t));
    if (step == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2 && value[1].len && value[1].data[0] == '@') {
        text = value[1];

        if (ngx_http_healthdash_read_secret(cf, check, &value[0], &text)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        step->text = text;
        step->secret = 1;

        return NGX_CONF_OK;
    }

    err[0] = '\0';

    if (ngx_hd_step_parse(cf->pool, step, value, cf->args->nelts, err,
                          sizeof(err))
        != NGX_OK)
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check, "invalid %V: %s",
                                &value[0], err);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_healthdash_line_param(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    return ngx_http_healthdash_line_pair(cf, check, &check->params);
}


/* a line that is a name and a value */

static char *
ngx_http_healthdash_line_pair(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_array_t **pairs)
{
    ngx_str_t      *value;
    ngx_hd_pair_t  *pair;

    value = cf->args->elts;

    if (cf->args->nelts != 3 || value[1].len == 0) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"%V\" needs a name and a value",
                                &value[0]);
        return NGX_CONF_ERROR;
    }

    pair = ngx_http_healthdash_line_push(cf, check, pairs,
                                         sizeof(ngx_hd_pair_t));
    if (pair == NULL) {
        return NGX_CONF_ERROR;
    }

    pair->name = value[1];
    pair->value = value[2];

    if (pair->value.len == 0 || pair->value.data[0] != '@') {
        return NGX_CONF_OK;
    }

    pair->secret = 1;

    if (ngx_http_healthdash_read_secret(cf, check, &value[0], &pair->value)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_healthdash_line_push(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_array_t **lines, size_t size)
{
    void       *line;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (*lines == NULL) {
        *lines = ngx_array_create(cf->pool, 4, size);
        if (*lines == NULL) {
            return NULL;
        }
    }

    if ((*lines)->nelts == NGX_HTTP_HEALTHDASH_LINES) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "too many lines \"%V\", expected at most %d",
                                &value[0], NGX_HTTP_HEALTHDASH_LINES);
        return NULL;
    }

    line = ngx_array_push(*lines);
    if (line) {
        ngx_memzero(line, size);
    }

    return line;
}


static char *
ngx_http_healthdash_line_later(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "parameter \"%V\" is not available yet",
                            &value[0]);

    return NGX_CONF_ERROR;
}


ngx_uint_t
ngx_http_healthdash_given(ngx_hd_check_t *check, const char *name)
{
    ngx_str_t                           str;
    ngx_http_healthdash_params_t       *params;
    const ngx_http_healthdash_param_t  *p;

    params = (ngx_http_healthdash_params_t *) check;

    str.data = (u_char *) name;
    str.len = ngx_strlen(name);

    p = ngx_http_healthdash_find(&str);

    return p && (params->given & (1ULL << (p - ngx_http_healthdash_params)));
}


/* a value fit for one line of a log: cut, without control characters */

static ngx_str_t
ngx_http_healthdash_shown(ngx_conf_t *cf, ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   shown;

    shown.len = 0;
    shown.data = ngx_pnalloc(cf->pool, NGX_HTTP_HEALTHDASH_SHOWN + 3);

    if (shown.data == NULL) {
        return shown;
    }

    p = shown.data;
    last = ngx_cpymem(p, value->data,
                      ngx_min(value->len, NGX_HTTP_HEALTHDASH_SHOWN));

    for ( /* void */ ; p < last; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }

    if (value->len > NGX_HTTP_HEALTHDASH_SHOWN) {
        p = ngx_cpymem(p, "...", 3);
    }

    shown.len = p - shown.data;

    return shown;
}


void
ngx_http_healthdash_log(ngx_uint_t level, ngx_conf_t *cf,
    ngx_hd_check_t *check, const char *fmt, ...)
{
    u_char                        *p, text[NGX_MAX_CONF_ERRSTR];
    va_list                        args;
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    ngx_log_error(level, cf->log, 0, "%V: %*s in %s:%ui",
                  &params->directive, p - text, text,
                  check->file_name, check->line);
}

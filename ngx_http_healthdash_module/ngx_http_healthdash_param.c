
/*
 * healthdash: parameters as they are read: a word of a directive or a line of
 * a block finds its row in the table, a @FILE is read, and what is wrong is
 * said.  Called by the directives.  Neither a password nor what was read from
 * a file is ever printed.
 */


#include <ngx_http_healthdash_param.h>
#include <ngx_hd_types.h>


static ngx_uint_t ngx_http_healthdash_is_quoted(ngx_str_t *value);
static char *ngx_http_healthdash_set(ngx_conf_t *cf, ngx_hd_check_t *check,
    const ngx_http_healthdash_param_t *p, ngx_str_t *word);
static char *ngx_http_healthdash_set_flag(ngx_conf_t *cf,
    ngx_hd_check_t *check, const ngx_http_healthdash_param_t *p);
static ngx_uint_t ngx_http_healthdash_refused(ngx_conf_t *cf,
    ngx_hd_check_t *check, const ngx_http_healthdash_param_t *p);
static const ngx_http_healthdash_param_t *ngx_http_healthdash_find(
    ngx_str_t *name);
static char *ngx_http_healthdash_unknown(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *name);
static const ngx_str_t *ngx_http_healthdash_foreign(ngx_str_t *name);
static ngx_uint_t ngx_http_healthdash_stray(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_str_t *name, const ngx_str_t *near);
static const ngx_http_healthdash_param_t *ngx_http_healthdash_before(
    ngx_conf_t *cf, ngx_str_t *name);
static const ngx_str_t *ngx_http_healthdash_nearest(ngx_str_t *name);


_Static_assert(NGX_HTTP_HEALTHDASH_PARAMS <= 64, "bits of a 64-bit word");


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

    if (p == NULL && ngx_hd_type_find(&name, 0)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                        ((ngx_http_healthdash_params_t *) check)->service
                        ? "unexpected type \"%V\", expected it in front of "
                          "the URL's \"://\" only"
                        : "unexpected type \"%V\", expected one type, the "
                          "first word", &name);
        return NGX_CONF_ERROR;
    }

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

    if (ngx_http_healthdash_set(cf, check, param, &value) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_healthdash_is_quoted(&value)) {
        ngx_http_healthdash_log(NGX_LOG_WARN, cf, check,
                                "the quotes in %V=\"...\" are part of the "
                                "value, expected them around the whole: "
                                "\"%V=...\"", &name, &name);
    }

    return NGX_CONF_OK;
}


/* nginx takes quotes for its own only at the begin of a word */

static ngx_uint_t
ngx_http_healthdash_is_quoted(ngx_str_t *value)
{
    u_char  quote;

    if (value->len < 2) {
        return 0;
    }

    quote = value->data[0];

    return (quote == '"' || quote == '\'')
           && value->data[value->len - 1] == quote;
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
        wrong = (cf->args->nelts == 1)
                ? "needs one value"
                : "needs one value, in quotes if it has blanks";
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

        if (p->flags & NGX_HTTP_HEALTHDASH_PRIVATE) {
            ngx_http_healthdash_warn_file(cf, check, &p->name, &value);
        }

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
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    if (!(params->given & (1ULL << (p - ngx_http_healthdash_params)))) {
        return 0;
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "parameter \"%V\" is duplicate", &p->name);

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

    near = ngx_http_healthdash_foreign(name);

    if (near == NULL) {
        near = ngx_http_healthdash_nearest(name);

        if (ngx_http_healthdash_stray(cf, check, name, near)) {
            return NGX_CONF_ERROR;
        }
    }

    if (near) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "unknown parameter \"%V\", "
                                "did you mean \"%V\"?", &shown, near);
        return NGX_CONF_ERROR;
    }

    p = list;
    last = list + sizeof(list);

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {
        p = ngx_slprintf(p, last, "%s%V", i ? ", " : "",
                         &ngx_http_healthdash_params[i].name);
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "unknown parameter \"%V\", expected one of "
                            "%*s", &shown, p - list, list);

    return NGX_CONF_ERROR;
}


/* what other systems call it */

static const ngx_str_t *
ngx_http_healthdash_foreign(ngx_str_t *name)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t  theirs;
        ngx_str_t  ours;
    } names[] = {
        { ngx_string("fall"), ngx_string("fails") },
        { ngx_string("max_fails"), ngx_string("fails") },
        { ngx_string("rise"), ngx_string("passes") },
        { ngx_string("inter"), ngx_string("interval") },
        { ngx_string("path"), ngx_string("uri") },
        { ngx_string("url"), ngx_string("uri") },
        { ngx_string("match"), ngx_string("probe") },
        { ngx_string("mandatory"), ngx_string("initial") },
        { ngx_string("status"), ngx_string("expect") },
        { ngx_string("username"), ngx_string("user") },
        { ngx_string("passwd"), ngx_string("password") },
        { ngx_string("pass"), ngx_string("password") },
        { ngx_string("db"), ngx_string("database") },
        { ngx_string("sql"), ngx_string("query") },
        { ngx_string("hostname"), ngx_string("host") },
        { ngx_string("query-name"), ngx_string("name") },
        { ngx_string("grpc_service"), ngx_string("service") }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (name->len == names[i].theirs.len
            && ngx_strncasecmp(name->data, names[i].theirs.data, name->len)
               == 0)
        {
            return &names[i].ours;
        }
    }

    return NULL;
}


/* a path on its own, or what a blank cut off a value: 1 if that was said */

static ngx_uint_t
ngx_http_healthdash_stray(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *name, const ngx_str_t *near)
{
    ngx_str_t                           shown;
    ngx_http_healthdash_params_t       *params;
    const ngx_http_healthdash_param_t  *p;

    params = (ngx_http_healthdash_params_t *) check;

    shown = ngx_http_healthdash_shown(cf, name);

    if (name->len && name->data[0] == '/') {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "unexpected path \"%V\", expected %s", &shown,
                                params->service ? "it as part of the URL"
                                : params->block ? "\"uri\" in front of it"
                                : "\"uri=\" in front of it");
        return 1;
    }

    p = ngx_http_healthdash_before(cf, name);

    /* "critica" is a misspelt word of its own */

    if (params->block || p == NULL
        || (near && near->len == 8 && ngx_strcmp(near->data, "critical") == 0))
    {
        return 0;
    }

    /* what belongs to a secret is one */

    if (p->flags & NGX_HTTP_HEALTHDASH_SECRET) {
        ngx_str_set(&shown, "...");
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "unknown parameter \"%V\"; if it belongs to "
                            "\"%V\", expected quotes around the whole: "
                            "\"%V=... %V\"",
                            &shown, &p->name, &p->name, &shown);

    return 1;
}


/* the parameter whose word stands in front of a word without "=" */

static const ngx_http_healthdash_param_t *
ngx_http_healthdash_before(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char      *p;
    ngx_str_t   *value, before;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].data == name->data && value[i].len == name->len) {
            before = value[i - 1];

            p = ngx_strlchr(before.data, before.data + before.len, '=');
            if (p == NULL) {
                return NULL;
            }

            before.len = p - before.data;

            return ngx_http_healthdash_find(&before);
        }
    }

    return NULL;
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




/*
 * healthdash: from a check as it was read to one that can be sent: what the
 * directive does not say comes from its probe, then from the defaults; then
 * the whole is judged.  Called in postconfiguration.
 */


#include <ngx_http_healthdash_param.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_match.h>
#include <ngx_hd_secret.h>
#include <ngx_hd_types.h>


#define NGX_HTTP_HEALTHDASH_DAY  86400000       /* msec */


static ngx_hd_check_t *ngx_http_healthdash_merge_find(ngx_hd_main_conf_t *hmcf,
    ngx_str_t *name);
static ngx_int_t ngx_http_healthdash_inherit(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_hd_check_t *probe);
static ngx_int_t ngx_http_healthdash_merge_type(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_hd_check_t *probe);
static ngx_int_t ngx_http_healthdash_applies(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static const char *ngx_http_healthdash_mismatch(ngx_hd_check_t *check,
    const ngx_http_healthdash_param_t *p);
static void ngx_http_healthdash_defaults(ngx_hd_check_t *check);
static void ngx_http_healthdash_told(ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_version(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_conds(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_known_lines(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_cert_days(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_judge(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_int_t ngx_http_healthdash_judge_interval(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static const char *ngx_http_healthdash_fate(ngx_hd_check_t *check,
    ngx_hd_cond_t *cond);
static void ngx_http_healthdash_pointless(ngx_conf_t *cf,
    ngx_hd_check_t *check);
static ngx_uint_t ngx_http_healthdash_is_bodyless(ngx_str_t *method);
static void ngx_http_healthdash_dubious(ngx_conf_t *cf, ngx_hd_check_t *check);


ngx_int_t
ngx_http_healthdash_merge(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_check_t *check)
{
    ngx_hd_check_t  *probe;

    probe = NULL;

    if (check->name.len) {
        probe = ngx_http_healthdash_merge_find(hmcf, &check->name);

        if (probe == NULL) {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                    "unknown probe \"%V\", expected the name "
                                    "of a healthdash_probe block",
                                    &check->name);
            return NGX_ERROR;
        }

        if (ngx_http_healthdash_inherit(cf, check, probe) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_healthdash_merge_type(cf, check, probe) != NGX_OK
        || ngx_http_healthdash_applies(cf, check) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_healthdash_defaults(check);

    if (ngx_http_healthdash_version(cf, check) != NGX_OK
        || ngx_http_healthdash_conds(cf, check) != NGX_OK
        || ngx_http_healthdash_cert_days(cf, check) != NGX_OK
        || ngx_http_healthdash_known_lines(cf, check) != NGX_OK
        || ngx_http_healthdash_judge(cf, check) != NGX_OK
        || ngx_http_healthdash_peer(cf, check) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_healthdash_pointless(cf, check);
    ngx_http_healthdash_dubious(cf, check);

    return NGX_OK;
}


static ngx_hd_check_t *
ngx_http_healthdash_merge_find(ngx_hd_main_conf_t *hmcf, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_hd_check_t  **probes;

    probes = hmcf->probes.elts;

    for (i = 0; i < hmcf->probes.nelts; i++) {

        if (probes[i]->name.len == name->len
            && ngx_memcmp(probes[i]->name.data, name->data, name->len) == 0)
        {
            return probes[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_healthdash_inherit(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_hd_check_t *probe)
{
    uint64_t                            bit;
    ngx_str_t                          *secret;
    ngx_uint_t                          i;
    ngx_http_healthdash_params_t       *params, *from;
    const ngx_http_healthdash_param_t  *p;

    params = (ngx_http_healthdash_params_t *) check;
    from = (ngx_http_healthdash_params_t *) probe;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {
        p = &ngx_http_healthdash_params[i];
        bit = 1ULL << i;

        if ((from->given & ~params->given) & bit) {
            ngx_memcpy((u_char *) params + p->offset,
                       (u_char *) from + p->offset, p->size);

            params->given |= bit;
            params->inherited |= bit;
            params->files |= from->files & bit;
        }
    }

    check->conds = probe->conds;
    check->headers = probe->headers;
    check->params = probe->params;
    check->steps = probe->steps;

    if (probe->secrets == NULL) {
        return NGX_OK;
    }

    /* what is secret of one check is no secret of the others of its block */

    secret = probe->secrets->elts;

    for (i = 0; i < probe->secrets->nelts; i++) {
        if (ngx_hd_check_secret(cf->pool, check, &secret[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_merge_type(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_hd_check_t *probe)
{
    ngx_str_t  name;

    if (probe && probe->type && check->type && check->type != probe->type) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "type \"%V\" conflicts with type \"%V\" of "
                                "probe \"%V\"", &check->type_name,
                                &probe->type_name, &check->name);
        return NGX_ERROR;
    }

    if (check->type) {
        return NGX_OK;
    }

    ngx_str_set(&name, "http");

    if (probe && probe->type) {
        name = probe->type_name;
    }

    if (ngx_http_healthdash_type(cf, check, &name) != NGX_CONF_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_applies(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    uint64_t                            bit;
    ngx_uint_t                          i;
    const char                         *wrong;
    ngx_http_healthdash_params_t       *params;
    const ngx_http_healthdash_param_t  *p;

    params = (ngx_http_healthdash_params_t *) check;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {
        p = &ngx_http_healthdash_params[i];
        bit = 1ULL << i;

        if (!(params->given & bit)) {
            continue;
        }

        wrong = ngx_http_healthdash_mismatch(check, p);

        if (wrong == NULL) {
            continue;
        }

        if (params->inherited & bit) {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                    "parameter \"%V\" of probe \"%V\" %s "
                                    "\"%V\"", &p->name, &check->name, wrong,
                                    &check->type_name);
            return NGX_ERROR;
        }

        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"%V\" %s \"%V\"",
                                &p->name, wrong, &check->type_name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static const char *
ngx_http_healthdash_mismatch(ngx_hd_check_t *check,
    const ngx_http_healthdash_param_t *p)
{
    ngx_http_healthdash_params_t  *params;

    params = (ngx_http_healthdash_params_t *) check;

    if (params->service && (p->flags & NGX_HTTP_HEALTHDASH_CHECK)) {
        return "belongs to a healthdash_check, not to a service of type";
    }

    if (params->service
        && (p->flags & NGX_HTTP_HEALTHDASH_URL)
        && (p->takes == 0 || (p->takes & check->type->takes)))
    {
        return "is given by the URL for a service of type";
    }

    if (!params->service && (p->flags & NGX_HTTP_HEALTHDASH_SERVICE)) {
        return "belongs to a healthdash_service, not to a check of type";
    }

    if (p->takes == NGX_HD_TAKES_TLS
        && (check->type->takes & NGX_HD_TAKES_STARTTLS) && !check->starttls)
    {
        return "needs starttls=on beside it for type";
    }

    if (p->takes == 0 || (p->takes & check->type->takes)) {
        return NULL;
    }

    if (p->takes & NGX_HD_TAKES_TLS) {
        return "needs a type with TLS such as https, got type";
    }

    return "has no meaning for type";
}


/* the setters that read the configuration read the defaults */

static void
ngx_http_healthdash_defaults(ngx_hd_check_t *check)
{
    ngx_str_t                           value;
    ngx_uint_t                          i;
    ngx_http_healthdash_params_t       *params;
    const ngx_http_healthdash_param_t  *p;

    params = (ngx_http_healthdash_params_t *) check;

    for (i = 0; i < NGX_HTTP_HEALTHDASH_PARAMS; i++) {
        p = &ngx_http_healthdash_params[i];

        if (p->initial && !(params->given & (1ULL << i))) {
            value.data = (u_char *) p->initial;
            value.len = ngx_strlen(p->initial);

            (void) p->set(p, &value, (u_char *) params + p->offset);
        }
    }

    if (check->fast > check->interval
        && !ngx_http_healthdash_given(check, "fast"))
    {
        check->fast = check->interval;
    }

    check->trusted = check->initial == NGX_HD_INITIAL_UP
                     && ngx_http_healthdash_given(check, "initial");

    if (check->type->told) {
        ngx_http_healthdash_told(check);
    }
}


/* nobody sends a heartbeat twice to be believed */

static void
ngx_http_healthdash_told(ngx_hd_check_t *check)
{
    if (!ngx_http_healthdash_given(check, "fails")) {
        check->rules.fails = 1;
    }

    if (!ngx_http_healthdash_given(check, "passes")) {
        check->rules.passes = 1;
    }
}


/* http= chooses among the rows of a type, and each may take other things */

static ngx_int_t
ngx_http_healthdash_version(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    const ngx_hd_probe_type_t  *type;

    if (check->type->version == 0 || check->type->version == check->http) {
        return NGX_OK;
    }

    type = ngx_hd_type_find(&check->type_name, check->http);

    if (type == NULL) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "\"http=%ui\" is not possible with type "
                                "\"%V\", expected type https",
                                check->http / 10, &check->type_name);
        return NGX_ERROR;
    }

    check->type = type;
    check->tls = type->tls;

    return ngx_http_healthdash_applies(cf, check);
}


static ngx_int_t
ngx_http_healthdash_conds(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_uint_t      i, judges;
    const char     *wrong;
    ngx_hd_cond_t  *cond;

    if (check->conds == NULL) {
        return NGX_OK;
    }

    cond = check->conds->elts;
    judges = check->type->judges | NGX_HD_ON(NGX_HD_ON_TIME);

    for (i = 0; i < check->conds->nelts; i++) {

        if (!(judges & NGX_HD_ON(cond[i].subject))) {
            wrong = "has no meaning for type";

        } else if ((cond[i].subject == NGX_HD_ON_BODY
                    || cond[i].subject == NGX_HD_ON_JSON)
                   && check->method.len == 4
                   && ngx_memcmp(check->method.data, "HEAD", 4) == 0)
        {
            wrong = "sees no body with method HEAD of type";

        } else if (cond[i].subject == NGX_HD_ON_CERT_DAYS
                   && (check->type->takes & NGX_HD_TAKES_STARTTLS)
                   && !check->starttls)
        {
            wrong = "needs starttls=on beside it for type";

        } else {
            continue;
        }

        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "\"%s %V\" of probe \"%V\" %s \"%V\"",
                                cond[i].warn ? "warn" : "expect",
                                ngx_hd_match_subject(cond[i].subject),
                                &check->name,
                                wrong, &check->type_name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* lines that only some types understand */

static ngx_int_t
ngx_http_healthdash_known_lines(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    const char  *line;

    if (check->headers && !(check->type->takes & NGX_HD_TAKES_HTTP)) {
        line = "header";

    } else if (check->params && !(check->type->takes & NGX_HD_TAKES_PARAM)) {
        line = "param";

    } else if (check->steps && !(check->type->takes & NGX_HD_TAKES_STEPS)) {
        line = ((ngx_hd_step_t *) check->steps->elts)->op.len ? "expect"
                                                              : "send";

    } else {
        return NGX_OK;
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "line \"%s\" of probe \"%V\" has no meaning for "
                            "type \"%V\"", line, &check->name,
                            &check->type_name);

    return NGX_ERROR;
}


/* nobody wants to learn of a certificate's end by its end */

static ngx_int_t
ngx_http_healthdash_cert_days(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    u_char           err[NGX_HD_DETAIL_LEN];
    ngx_str_t        words[3];
    ngx_uint_t       i;
    ngx_array_t     *conds;
    ngx_hd_cond_t   *cond, *from;

    if (!(check->type->judges & NGX_HD_ON(NGX_HD_ON_CERT_DAYS))
        || ngx_hd_match_has(check->conds, NGX_HD_ON_CERT_DAYS, 1))
    {
        return NGX_OK;
    }

    /* those of the probe block are shared with others */

    conds = ngx_array_create(cf->pool, 4, sizeof(ngx_hd_cond_t));
    if (conds == NULL) {
        return NGX_ERROR;
    }

    from = check->conds ? check->conds->elts : NULL;

    for (i = 0; from && i < check->conds->nelts; i++) {
        cond = ngx_array_push(conds);
        if (cond == NULL) {
            return NGX_ERROR;
        }

        *cond = from[i];
    }

    cond = ngx_array_push(conds);
    if (cond == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&words[0], "cert_days");
    ngx_str_set(&words[1], ">");
    ngx_str_set(&words[2], "14");

    if (ngx_hd_match_parse(cf->pool, cond, words, 3, err, sizeof(err))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cond->warn = 1;
    cond->if_any = 1;
    check->conds = conds;

    return NGX_OK;
}


/* what is only wrong together */

static ngx_int_t
ngx_http_healthdash_judge(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    if (check->type->form == NGX_HD_URL_NAME
        && !((ngx_http_healthdash_params_t *) check)->service)
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "type \"%V\" belongs to a healthdash_service, "
                                "not to the servers of an upstream",
                                &check->type_name);
        return NGX_ERROR;
    }

    if (ngx_http_healthdash_judge_interval(cf, check) != NGX_OK) {
        return NGX_ERROR;
    }

    if (check->fast > check->interval) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "fast (%Mms) is longer than interval (%Mms), "
                                "expected at most the interval",
                                check->fast, check->interval);
        return NGX_ERROR;
    }

    if (check->body.len && ngx_http_healthdash_is_bodyless(&check->method)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"body\" is not sent with method "
                                "%V, expected another method such as POST",
                                &check->method);
        return NGX_ERROR;
    }

    if ((check->cert.len == 0) != (check->key.len == 0)) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"%s\" needs \"%s\" beside it",
                                check->cert.len ? "cert" : "key",
                                check->cert.len ? "key" : "cert");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_judge_interval(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    if (check->type->told && !ngx_http_healthdash_given(check, "interval")) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "type \"%V\" needs parameter \"interval\", "
                                "expected the longest time between two of "
                                "them, such as 1d", &check->type_name);
        return NGX_ERROR;
    }

    if (!check->type->told && check->interval > NGX_HTTP_HEALTHDASH_DAY) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "interval (%Mms) is too long for type \"%V\", "
                                "expected at most 1d", check->interval,
                                &check->type_name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what the timeout makes of "time > 10s", or of "time < 500", which is 500 s */

static const char *
ngx_http_healthdash_fate(ngx_hd_check_t *check, ngx_hd_cond_t *cond)
{
    ngx_uint_t  beyond;

    if (cond->subject != NGX_HD_ON_TIME) {
        return NULL;
    }

    beyond = ((ngx_msec_t) cond->number >= check->timeout);

    if (cond->op == NGX_HD_GT || cond->op == NGX_HD_GE) {
        return beyond ? "can never hold" : NULL;
    }

    return beyond ? "always holds"
           : cond->number == 0 ? "can never hold"
           : NULL;
}


static void
ngx_http_healthdash_pointless(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_uint_t      i;
    const char     *fate;
    ngx_hd_cond_t  *cond;

    cond = check->conds ? check->conds->elts : NULL;

    for (i = 0; cond && i < check->conds->nelts; i++) {
        fate = ngx_http_healthdash_fate(check, &cond[i]);

        if (fate) {
            ngx_http_healthdash_log(NGX_LOG_WARN, cf, check,
                                    "\"%s time %V %V\" %s with a timeout of "
                                    "%Mms",
                                    cond[i].warn ? "warn" : "expect",
                                    ngx_hd_cond_op(cond[i].op),
                                    &cond[i].value, fate, check->timeout);
        }
    }
}


/* RFC 9110, 9.3: what a body means there is not defined */

static ngx_uint_t
ngx_http_healthdash_is_bodyless(ngx_str_t *method)
{
    ngx_uint_t  i;

    static const ngx_str_t  names[] = {
        ngx_string("GET"),
        ngx_string("HEAD"),
        ngx_string("TRACE")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (method->len == names[i].len
            && ngx_memcmp(method->data, names[i].data, method->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* what is legal, but hardly meant */

static void
ngx_http_healthdash_dubious(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    if (check->timeout >= check->interval && !check->type->told) {
        ngx_http_healthdash_log(NGX_LOG_WARN, cf, check,
                                "timeout (%Mms) is not shorter than interval "
                                "(%Mms), probes that take long will delay the "
                                "next one", check->timeout, check->interval);
    }

    if (check->slow >= check->timeout) {
        ngx_http_healthdash_log(NGX_LOG_WARN, cf, check,
                                "slow (%Mms) is not shorter than timeout "
                                "(%Mms) and will never be seen",
                                check->slow, check->timeout);
    }

    if ((check->tls || check->starttls) && !check->verify) {
        ngx_http_healthdash_log(NGX_LOG_WARN, cf, check,
                                "verify=off: the probe trusts any "
                                "certificate");
    }
}


/*
 * healthdash: the directives of http{} and of upstreams as they are read.
 * healthdash_probe, healthdash_check and healthdash_service leave a check, not
 * yet merged, in the main or the upstream's configuration; what needs all of
 * http{} waits for ngx_http_healthdash_finish().
 */


#include <ngx_http_healthdash.h>
#include <ngx_hd_utf8.h>
#include <ngx_hd_zone.h>


#define NGX_HTTP_HEALTHDASH_NAME     255     /* bytes of a name */


static u_char *ngx_http_healthdash_name(ngx_conf_t *cf, ngx_str_t *name,
    size_t len, const char *end);
static char *ngx_http_healthdash_probe_line(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_healthdash_words(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_uint_t first);
static char *ngx_http_healthdash_check_name(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_str_t *name);
static char *ngx_http_healthdash_check_unique(ngx_conf_t *cf,
    ngx_hd_check_t *check, ngx_hd_main_conf_t *hmcf, ngx_str_t *name);
static char *ngx_http_healthdash_push(ngx_array_t *array, void *item);


char *
ngx_http_healthdash_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hd_main_conf_t *hmcf = conf;

    ssize_t                          size;
    ngx_str_t                       *value;
    ngx_hd_check_t                  *place;
    ngx_http_healthdash_srv_conf_t  *hscf;

    if (hmcf->zone_name.len) {
        return "is duplicate";
    }

    place = ngx_http_healthdash_check_create(cf);
    if (place == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (ngx_http_healthdash_check_name(cf, place, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    hmcf->zone_name = value[1];

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR || size == 0) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, place,
                                "invalid size \"%V\", expected a size such as "
                                "256k or 1m", &value[2]);
        return NGX_CONF_ERROR;
    }

    hmcf->zone_size = size;

    hscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_healthdash_module);
    hscf->zone = place;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_healthdash_add_zone(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf)
{
    size_t                           need;
    ngx_str_t                        name;
    ngx_uint_t                       n;
    ngx_http_healthdash_srv_conf_t  *hscf;

    n = hmcf->targets.nelts;
    need = ngx_hd_zone_size(n);

    if (hmcf->zone_size && hmcf->zone_size < need) {
        hscf = ngx_http_conf_get_module_srv_conf(cf,
                                                 ngx_http_healthdash_module);

        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, hscf->zone,
                                "zone \"%V\" is too small, expected at least "
                                "%uzk for %ui target%s", &hmcf->zone_name,
                                (need + 1023) / 1024, n, n == 1 ? "" : "s");
        return NGX_ERROR;
    }

    if (hmcf->zone_name.len == 0) {
        ngx_str_set(&hmcf->zone_name, "healthdash");
    }

    name = hmcf->zone_name;

    hmcf->shm_zone = ngx_shared_memory_add(cf, &name,
                                           hmcf->zone_size
                                           ? hmcf->zone_size
                                           : ngx_hd_zone_auto_size(n),
                                           &ngx_http_healthdash_module);
    if (hmcf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    hmcf->shm_zone->init = ngx_hd_zone_init;
    hmcf->shm_zone->data = hmcf;

    return NGX_OK;
}


/* whether its folder will do is known once "user" is: ngx_hd_restore_check() */

char *
ngx_http_healthdash_state_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hd_main_conf_t *hmcf = conf;

    u_char               *slash;
    ngx_str_t            *value, name;
    ngx_hd_check_t       *place;
    ngx_hd_state_file_t  *file;

    file = &hmcf->state_file;

    if (file->name.len) {
        return "is duplicate";
    }

    place = ngx_http_healthdash_check_create(cf);
    if (place == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    name = value[1];

    if (name.len == 0 || name.data[name.len - 1] == '/'
        || !ngx_hd_utf8_is_plain(&name))
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, place,
                                "invalid name \"%V\", expected that of a file "
                                "such as /var/lib/healthdash/state", &name);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &name, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    for (slash = name.data + name.len - 1; *slash != '/'; slash--) {
        /* void */
    }

    file->folder.len = ngx_max(slash - name.data, 1);
    file->folder.data = ngx_http_healthdash_name(cf, &name, file->folder.len,
                                                 "");
    file->temp.len = name.len + sizeof(".tmp") - 1;
    file->temp.data = ngx_http_healthdash_name(cf, &name, name.len, ".tmp");
    file->bad.len = name.len + sizeof(".bad") - 1;
    file->bad.data = ngx_http_healthdash_name(cf, &name, name.len, ".bad");

    if (file->folder.data == NULL || file->temp.data == NULL
        || file->bad.data == NULL)
    {
        return NGX_CONF_ERROR;
    }

    file->name = name;
    file->core = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                                  ngx_core_module);
    file->file_name = place->file_name;
    file->line = place->line;

    return NGX_CONF_OK;
}


/* the first len bytes of name, and what follows, null-terminated */

static u_char *
ngx_http_healthdash_name(ngx_conf_t *cf, ngx_str_t *name, size_t len,
    const char *end)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, len + ngx_strlen(end) + 1);

    if (p) {
        ngx_sprintf(p, "%*s%s%Z", len, name->data, end);
    }

    return p;
}


char *
ngx_http_healthdash_title(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t       *value;
    ngx_hd_check_t  *place;

    value = cf->args->elts;

    if (!ngx_hd_utf8_is_plain(&value[1])) {
        place = ngx_http_healthdash_check_create(cf);

        if (place) {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, place,
                                    "invalid title, expected UTF-8 without "
                                    "control characters");
        }

        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


char *
ngx_http_healthdash_probe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hd_main_conf_t *hmcf = conf;

    char             *rv;
    ngx_str_t        *value;
    ngx_conf_t        save;
    ngx_uint_t        i;
    ngx_hd_check_t   *probe, **probes;

    probe = ngx_http_healthdash_check_create(cf);
    if (probe == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    probe->name = value[1];

    if (ngx_http_healthdash_check_name(cf, probe, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    probes = hmcf->probes.elts;

    for (i = 0; i < hmcf->probes.nelts; i++) {

        if (probes[i]->name.len == value[1].len
            && ngx_memcmp(probes[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, probe,
                                    "probe \"%V\" is duplicate", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_healthdash_push(&hmcf->probes, probe) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_healthdash_probe_line;
    cf->handler_conf = probe;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_http_healthdash_probe_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_healthdash_param_line(cf, conf);
}


char *
ngx_http_healthdash_check(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_healthdash_srv_conf_t *hscf = conf;

    ngx_str_t       *value;
    ngx_uint_t       first;
    ngx_hd_check_t  *check;

    check = ngx_http_healthdash_check_create(cf);
    if (check == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    first = 1;

    /* the type is the first word unless that is a parameter */

    if (cf->args->nelts > 1
        && ngx_strlchr(value[1].data, value[1].data + value[1].len, '=')
           == NULL
        && ngx_strcmp(value[1].data, "critical") != 0)
    {
        if (ngx_http_healthdash_type(cf, check, &value[1]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        first = 2;
    }

    if (ngx_http_healthdash_words(cf, check, first) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_healthdash_push(&hscf->checks, check);
}


/* the URL waits, for its scheme may depend on the probe */

char *
ngx_http_healthdash_service(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hd_main_conf_t *hmcf = conf;

    ngx_str_t        *value;
    ngx_hd_check_t   *check;
    ngx_hd_target_t  *t;

    check = ngx_http_healthdash_check_create(cf);
    if (check == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (ngx_http_healthdash_check_name(cf, check, &value[1]) != NGX_CONF_OK
        || ngx_http_healthdash_check_unique(cf, check, hmcf, &value[1])
           != NGX_CONF_OK
        || ngx_http_healthdash_words(cf, check, 3) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    t = ngx_pcalloc(cf->pool, sizeof(ngx_hd_target_t));
    if (t == NULL) {
        return NGX_CONF_ERROR;
    }

    t->check = check;
    t->name = value[1];
    t->address = value[2];

    return ngx_http_healthdash_push(&hmcf->services, t);
}


static char *
ngx_http_healthdash_words(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_uint_t first)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {

        if (ngx_http_healthdash_param(cf, check, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_healthdash_check_name(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_str_t *name)
{
    if (name->len == 0 || name->len > NGX_HTTP_HEALTHDASH_NAME
        || !ngx_hd_utf8_is_plain(name))
    {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "invalid name, expected UTF-8 without control "
                                "characters, from 1 to %d bytes",
                                NGX_HTTP_HEALTHDASH_NAME);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_healthdash_check_unique(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_hd_main_conf_t *hmcf, ngx_str_t *name)
{
    ngx_uint_t         i;
    ngx_hd_target_t  **services;

    services = hmcf->services.elts;

    for (i = 0; i < hmcf->services.nelts; i++) {

        if (services[i]->name.len == name->len
            && ngx_memcmp(services[i]->name.data, name->data, name->len) == 0)
        {
            ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                    "service \"%V\" is duplicate", name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_healthdash_push(ngx_array_t *array, void *item)
{
    void  **slot;

    slot = ngx_array_push(array);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = item;

    return NGX_CONF_OK;
}

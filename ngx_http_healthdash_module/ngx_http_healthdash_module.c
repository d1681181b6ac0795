
/*
 * The module as nginx sees it: its directives, its configurations, and the
 * points where the parts are called: when the configuration is complete, when
 * it is certain (in the master, before workers), when a worker begins, when it
 * ends.  Everything here works with no http{}, and with nothing to probe.
 */


#include <ngx_hd_curl_multi.h>
#include <ngx_hd_saver.h>
#include <ngx_hd_sched.h>
#include <ngx_hd_unlock.h>
#include <ngx_hd_zone.h>
#include <ngx_http_healthdash.h>


static void *ngx_http_healthdash_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_healthdash_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_healthdash_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_healthdash_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_healthdash_postconfiguration(ngx_conf_t *cf);
static ngx_hd_main_conf_t *ngx_http_healthdash_main_conf(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_healthdash_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_healthdash_init_process(ngx_cycle_t *cycle);
static void ngx_http_healthdash_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_healthdash_commands[] = {

    { ngx_string("healthdash_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_healthdash_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_state_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_healthdash_state_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_rate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_healthdash_rate,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_guard"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_healthdash_guard,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_title"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_healthdash_title,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_hd_main_conf_t, title),
      NULL },

    { ngx_string("healthdash_probe"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_healthdash_probe,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_check"),
      NGX_HTTP_UPS_CONF|NGX_CONF_ANY,
      ngx_http_healthdash_check,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_service"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_healthdash_service,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_healthdash_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_live"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_healthdash_live,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_healthdash_ready,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("healthdash_heartbeat"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_healthdash_heartbeat,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_healthdash_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_healthdash_postconfiguration, /* postconfiguration */

    ngx_http_healthdash_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_healthdash_create_srv_conf,   /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_healthdash_create_loc_conf,   /* create location configuration */
    ngx_http_healthdash_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_healthdash_module = {
    NGX_MODULE_V1,
    &ngx_http_healthdash_module_ctx,       /* module context */
    ngx_http_healthdash_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_healthdash_init_module,       /* init module */
    ngx_http_healthdash_init_process,      /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_healthdash_exit_process,      /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_healthdash_create_main_conf(ngx_conf_t *cf)
{
    ngx_hd_main_conf_t  *hmcf;

    hmcf = ngx_pcalloc(cf->pool, sizeof(ngx_hd_main_conf_t));
    if (hmcf == NULL) {
        return NULL;
    }

    hmcf->inflight = NGX_HD_INFLIGHT;
    hmcf->per_address = NGX_HD_PER_ADDRESS;

    if (ngx_array_init(&hmcf->probes, cf->pool, 4, sizeof(void *)) != NGX_OK
        || ngx_array_init(&hmcf->targets, cf->pool, 16, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&hmcf->services, cf->pool, 4, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&hmcf->upstreams, cf->pool, 4, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&hmcf->readies, cf->pool, 1, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_queue_init(&hmcf->waiting);

    return hmcf;
}


static void *
ngx_http_healthdash_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_healthdash_srv_conf_t  *hscf;

    hscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_healthdash_srv_conf_t));
    if (hscf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&hscf->checks, cf->pool, 1, sizeof(void *)) != NGX_OK) {
        return NULL;
    }

    return hscf;
}


static void *
ngx_http_healthdash_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_healthdash_loc_conf_t  *hlcf;

    hlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_healthdash_loc_conf_t));
    if (hlcf == NULL) {
        return NULL;
    }

    hlcf->format = NGX_CONF_UNSET_UINT;
    hlcf->public = NGX_CONF_UNSET_UINT;
    hlcf->ready = NGX_CONF_UNSET_PTR;

    return hlcf;
}


static char *
ngx_http_healthdash_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_healthdash_loc_conf_t  *prev = parent;
    ngx_http_healthdash_loc_conf_t  *conf = child;

    /* within "if" the handler is that of the location around it */

    ngx_conf_merge_uint_value(conf->format, prev->format,
                              NGX_HTTP_HEALTHDASH_AUTO);
    ngx_conf_merge_uint_value(conf->public, prev->public, 0);
    ngx_conf_merge_ptr_value(conf->ready, prev->ready, NULL);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_healthdash_postconfiguration(ngx_conf_t *cf)
{
    ngx_hd_main_conf_t  *hmcf;

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_healthdash_module);

    if (ngx_http_healthdash_finish(cf) != NGX_OK
        || ngx_http_healthdash_guard_finish(cf, hmcf) != NGX_OK
        || ngx_http_healthdash_ready_finish(cf, hmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (hmcf->shm_zone
        && ngx_hd_zone_is_foreign(cf->cycle->old_cycle, hmcf->shm_zone))
    {
        hmcf->shm_zone->noreuse = 1;
    }

    return NGX_OK;
}


/* what there is to do in this cycle, or NULL */

static ngx_hd_main_conf_t *
ngx_http_healthdash_main_conf(ngx_cycle_t *cycle)
{
    ngx_hd_main_conf_t  *hmcf;

    hmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_healthdash_module);

    return (hmcf && hmcf->zone) ? hmcf : NULL;
}


static ngx_int_t
ngx_http_healthdash_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t            i;
    ngx_core_conf_t      *ccf;
    ngx_hd_upstream_t   **u;
    ngx_hd_main_conf_t   *hmcf, *old;

    /*
     * Peers were made anew from the configuration: what is known of them is
     * applied here, before there is a worker that could choose one.
     */

    hmcf = ngx_http_healthdash_main_conf(cycle);

    if (ngx_hd_unlock_init(cycle, hmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (hmcf) {
        ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_core_module);

        hmcf->workers = ccf->master ? ccf->worker_processes : 1;

        /*
         * nginx's time is still that of before the configuration was read, and
         * workers begin with it: names and certificates may take their time.
         */

        ngx_time_update();

        ngx_hd_zone_attach(cycle, hmcf);

        u = hmcf->upstreams.elts;

        for (i = 0; i < hmcf->upstreams.nelts; i++) {
            ngx_hd_upstream_apply(u[i]);
        }
    }

    /* "master_process off": a reload calls no init_process */

    if (ngx_process != NGX_PROCESS_SINGLE
        || ngx_is_init_cycle(cycle->old_cycle))
    {
        return NGX_OK;
    }

    old = ngx_http_healthdash_main_conf(cycle->old_cycle);

    if (old) {
        ngx_hd_sched_exit_worker(old);
        ngx_hd_saver_exit_worker(old);
        ngx_hd_curl_exit_worker(old);
    }

    return ngx_http_healthdash_init_process(cycle);
}


static ngx_int_t
ngx_http_healthdash_init_process(ngx_cycle_t *cycle)
{
    ngx_hd_main_conf_t  *hmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    hmcf = ngx_http_healthdash_main_conf(cycle);

    if (hmcf == NULL) {
        return NGX_OK;
    }

    /* nginx would do without this worker for ever; others can probe for it */

    if (ngx_hd_sched_init_worker(cycle, hmcf) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "healthdash: no memory, this "
                      "worker probes nothing until the next reload");
        return NGX_OK;
    }

    if (ngx_hd_saver_init_worker(cycle, hmcf) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "healthdash: no memory, this "
                      "worker leaves the state file to others until the next "
                      "reload");
    }

    return NGX_OK;
}


static void
ngx_http_healthdash_exit_process(ngx_cycle_t *cycle)
{
    ngx_hd_main_conf_t  *hmcf;

    hmcf = ngx_http_healthdash_main_conf(cycle);

    if (hmcf) {
        ngx_hd_sched_exit_worker(hmcf);
        ngx_hd_saver_exit_worker(hmcf);
        ngx_hd_curl_exit_worker(hmcf);
    }
}


/*
 * A load balancing method with a list of servers of its own, as other modules
 * bring one: what peer.data points to is no list of nginx's.  It is a module
 * that nginx can load; t/conf_balancer.t builds it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_uint_t   number;
    void        *first;
    ngx_uint_t   weight[4];
    ngx_uint_t   bits;
    ngx_str_t   *name;          /* where nginx's list has a name, too */
} own_peers_t;


static ngx_int_t own_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t own_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static char *own_balancer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


static ngx_command_t  own_commands[] = {

    { ngx_string("own_balancer"),
      NGX_HTTP_UPS_CONF|NGX_CONF_NOARGS,
      own_balancer,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  own_module_ctx = {
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
};


ngx_module_t  own_balancer_module = {
    NGX_MODULE_V1,
    &own_module_ctx,
    own_commands,
    NGX_HTTP_MODULE,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NGX_MODULE_V1_PADDING
};


/* what ngx_load_module() looks for */

ngx_module_t  *ngx_modules[] = { &own_balancer_module, NULL };
char          *ngx_module_names[] = { "own_balancer_module", NULL };
char          *ngx_module_order[] = { NULL };


static char *
own_balancer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_upstream_srv_conf_t  *us;

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    us->peer.init_upstream = own_init_upstream;
    us->flags = NGX_HTTP_UPSTREAM_CREATE;

    return NGX_CONF_OK;
}


static ngx_int_t
own_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us)
{
    own_peers_t  *peers;

    peers = ngx_pcalloc(cf->pool, sizeof(own_peers_t));
    if (peers == NULL) {
        return NGX_ERROR;
    }

    peers->number = us->servers->nelts;
    peers->first = (void *) 1;
    peers->name = &((ngx_http_upstream_server_t *) us->servers->elts)->name;

    us->peer.data = peers;
    us->peer.init = own_init_peer;

    return NGX_OK;
}


static ngx_int_t
own_init_peer(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *us)
{
    return NGX_ERROR;
}

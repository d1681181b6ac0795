
/*
 * healthdash: names of targets.  Asks nginx's own resolver, which never blocks
 * and knows the TTL, and copies what it says into the memory of the run.
 * Called by the stream engine.
 */


#include <ngx_hd_resolve.h>
#include <ngx_hd_reason.h>


#define NGX_HD_RESOLVE_ADDRS   16      /* tried of one name, at most */


static ngx_int_t ngx_hd_resolve_ask(ngx_hd_resolve_t *rs);
static ngx_resolver_t *ngx_hd_resolve_resolver(void);
static void ngx_hd_resolve_handler(ngx_resolver_ctx_t *ctx);
static ngx_hd_addrs_t *ngx_hd_resolve_copy(ngx_hd_run_t *run,
    ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_hd_resolve_choose(ngx_hd_run_t *run,
    ngx_hd_addrs_t *addrs);
static void ngx_hd_resolve_move(ngx_addr_t *addrs, ngx_uint_t from,
    ngx_uint_t to);
static ngx_int_t ngx_hd_resolve_copy_addr(ngx_hd_run_t *run, ngx_addr_t *addr,
    ngx_resolver_addr_t *from);
static void ngx_hd_resolve_failed(ngx_hd_run_t *run, ngx_int_t state);


ngx_int_t
ngx_hd_resolve_start(ngx_hd_resolve_t *rs)
{
    ngx_hd_run_t     *run;
    ngx_hd_target_t  *target;

    run = rs->run;
    target = run->target;

    if (target->naddrs) {
        rs->list.addrs = target->addrs;
        rs->list.n = target->naddrs;

    } else if (target->sockaddr) {
        rs->one.sockaddr = target->sockaddr;
        rs->one.socklen = target->socklen;
        rs->one.name = target->address;

        rs->list.addrs = &rs->one;
        rs->list.n = 1;

    } else {
        run->late = NGX_HD_R_RESOLVE_TIMEOUT;
        run->log->action = "resolving a name";
        run->peer = &target->host;

        return ngx_hd_resolve_ask(rs);
    }

    rs->handler(run, &rs->list);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_hd_resolve_ask(ngx_hd_resolve_t *rs)
{
    ngx_str_t            name;
    ngx_hd_run_t        *run;
    ngx_resolver_t      *resolver;
    ngx_resolver_ctx_t  *ctx, temp;

    run = rs->run;
    resolver = ngx_hd_resolve_resolver();

    /* the resolver lowers the name where it stands */

    name.len = run->target->host.len;
    name.data = ngx_pstrdup(run->pool, &run->target->host);
    if (name.data == NULL) {
        goto failed;
    }

    ngx_memzero(&temp, sizeof(ngx_resolver_ctx_t));
    temp.name = name;

    ctx = resolver ? ngx_resolve_start(resolver, &temp) : NGX_NO_RESOLVER;

    if (ctx == NULL) {
        goto failed;
    }

    if (ctx == NGX_NO_RESOLVER) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "no resolver for \"%V\"", &name);
        return NGX_ERROR;
    }

    ctx->name = name;
    ctx->handler = ngx_hd_resolve_handler;
    ctx->data = rs;
    ctx->timeout = 0;       /* the run has a deadline */
    ctx->cancelable = 1;

    rs->ctx = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        rs->ctx = NULL;
        goto failed;
    }

    return NGX_AGAIN;

failed:

    ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);

    return NGX_ERROR;
}


/* that of http{}; nginx has put an empty one there if there is none */

static ngx_resolver_t *
ngx_hd_resolve_resolver(void)
{
    ngx_http_conf_ctx_t       *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    ctx = (ngx_http_conf_ctx_t *) ngx_cycle->conf_ctx[ngx_http_module.index];
    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    return clcf->resolver;
}


static void
ngx_hd_resolve_handler(ngx_resolver_ctx_t *ctx)
{
    ngx_hd_run_t      *run;
    ngx_hd_addrs_t    *addrs;
    ngx_hd_resolve_t  *rs;

    rs = ctx->data;
    run = rs->run;
    addrs = NULL;

    if (ctx->state) {
        ngx_hd_resolve_failed(run, ctx->state);

    } else {
        addrs = ngx_hd_resolve_copy(run, ctx);
    }

    ngx_resolve_name_done(ctx);
    rs->ctx = NULL;

    if (addrs == NULL) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_run_phase(run, NGX_HD_PHASE_RESOLVE);

    rs->handler(run, addrs);
}


static ngx_hd_addrs_t *
ngx_hd_resolve_copy(ngx_hd_run_t *run, ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t       i;
    ngx_hd_addrs_t  *addrs;

    addrs = ngx_palloc(run->pool, sizeof(ngx_hd_addrs_t));
    if (addrs == NULL) {
        goto failed;
    }

    addrs->n = ctx->naddrs;

    addrs->addrs = ngx_pcalloc(run->pool, addrs->n * sizeof(ngx_addr_t));
    if (addrs->addrs == NULL) {
        goto failed;
    }

    for (i = 0; i < addrs->n; i++) {
        if (ngx_hd_resolve_copy_addr(run, &addrs->addrs[i], &ctx->addrs[i])
            != NGX_OK)
        {
            goto failed;
        }
    }

    return (ngx_hd_resolve_choose(run, addrs) == NGX_OK) ? addrs : NULL;

failed:

    ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);

    return NULL;
}


static ngx_int_t
ngx_hd_resolve_choose(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs)
{
    ngx_uint_t       n;
    ngx_hd_check_t  *check;

    check = run->target->check;

    n = ngx_hd_resolve_order(check, addrs->addrs, addrs->n);

    if (n == 0) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "no address of %V can be reached from %V",
                          &run->target->host, &check->source);
        return NGX_ERROR;
    }

    if (n > NGX_HD_RESOLVE_ADDRS && check->all) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "%V has %ui addresses, more than the %d that "
                          "addresses=all can probe", &run->target->host, n,
                          NGX_HD_RESOLVE_ADDRS);
        return NGX_ERROR;
    }

    addrs->n = ngx_min(n, NGX_HD_RESOLVE_ADDRS);

    return NGX_OK;
}


ngx_uint_t
ngx_hd_resolve_order(const ngx_hd_check_t *check, ngx_addr_t *addrs,
    ngx_uint_t n)
{
    int         family;
    ngx_uint_t  i, kept, preferred;

    kept = 0;
    preferred = 0;

    for (i = 0; i < n; i++) {
        family = addrs[i].sockaddr->sa_family;

        if (check->local && check->local->sockaddr->sa_family != family) {
            continue;
        }

        ngx_hd_resolve_move(addrs, i, kept);

        if ((ngx_uint_t) family == check->prefer) {
            ngx_hd_resolve_move(addrs, kept, preferred++);
        }

        kept++;
    }

    return kept;
}


/* those in between keep their order */

static void
ngx_hd_resolve_move(ngx_addr_t *addrs, ngx_uint_t from, ngx_uint_t to)
{
    ngx_addr_t  addr;

    addr = addrs[from];

    while (from > to) {
        addrs[from] = addrs[from - 1];
        from--;
    }

    addrs[to] = addr;
}


static ngx_int_t
ngx_hd_resolve_copy_addr(ngx_hd_run_t *run, ngx_addr_t *addr,
    ngx_resolver_addr_t *from)
{
    u_char  *p;

    addr->sockaddr = ngx_palloc(run->pool, from->socklen);
    if (addr->sockaddr == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(addr->sockaddr, from->sockaddr, from->socklen);
    addr->socklen = from->socklen;

    ngx_inet_set_port(addr->sockaddr, run->target->port);

    p = ngx_pnalloc(run->pool, NGX_SOCKADDR_STRLEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    addr->name.len = ngx_sock_ntop(addr->sockaddr, addr->socklen, p,
                                   NGX_SOCKADDR_STRLEN, 1);
    addr->name.data = p;

    return NGX_OK;
}


static void
ngx_hd_resolve_failed(ngx_hd_run_t *run, ngx_int_t state)
{
    switch (state) {

    case NGX_RESOLVE_NXDOMAIN:
        ngx_hd_result_set(&run->result, NGX_HD_R_RESOLVE_NOT_FOUND,
                          "%V", &run->target->host);
        break;

    case NGX_RESOLVE_TIMEDOUT:
        ngx_hd_result_set(&run->result, NGX_HD_R_RESOLVE_TIMEOUT,
                          "%V", &run->target->host);
        break;

    default:
        ngx_hd_result_set(&run->result, NGX_HD_R_RESOLVE_FAILED,
                          "%V: %s", &run->target->host,
                          ngx_resolver_strerror(state));
    }
}


void
ngx_hd_resolve_cancel(ngx_hd_resolve_t *rs)
{
    if (rs->ctx) {
        ngx_resolve_name_done(rs->ctx);
        rs->ctx = NULL;
    }
}

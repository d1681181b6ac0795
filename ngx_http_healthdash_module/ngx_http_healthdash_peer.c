
/*
 * healthdash: what a check says of the connections it makes: where they come
 * from and how they begin.  Called in postconfiguration.
 */


#include <ngx_http_healthdash_param.h>


static ngx_int_t ngx_http_healthdash_peer_source(ngx_conf_t *cf,
    ngx_hd_check_t *check);


ngx_int_t
ngx_http_healthdash_peer(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    if (check->proxy_protocol && check->type->udp) {
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "parameter \"proxy_protocol\" has no meaning "
                                "for type \"%V\", which goes over UDP",
                                &check->type_name);
        return NGX_ERROR;
    }

    return check->source.len ? ngx_http_healthdash_peer_source(cf, check)
                             : NGX_OK;
}


static ngx_int_t
ngx_http_healthdash_peer_source(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_str_t  text;

    text = check->source;

    if (text.len > 2 && text.data[0] == '['
        && text.data[text.len - 1] == ']')
    {
        text.data++;
        text.len -= 2;
    }

    check->local = ngx_pcalloc(cf->pool, sizeof(ngx_addr_t));
    if (check->local == NULL) {
        return NGX_ERROR;
    }

    switch (ngx_parse_addr(cf->pool, check->local, text.data, text.len)) {

    case NGX_OK:
        check->local->name = text;
        return NGX_OK;

    case NGX_DECLINED:
        ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                                "invalid source \"%V\", expected an address of "
                                "this machine such as 10.0.0.1, without a "
                                "port", &check->source);
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_http_healthdash_reach(ngx_conf_t *cf, ngx_hd_check_t *check,
    struct sockaddr *sockaddr, ngx_str_t *name)
{
    if (check->local == NULL
        || check->local->sockaddr->sa_family == sockaddr->sa_family)
    {
        return NGX_OK;
    }

    ngx_http_healthdash_log(NGX_LOG_EMERG, cf, check,
                            "\"%V\" cannot be reached from source \"%V\", "
                            "expected addresses of the same family", name,
                            &check->source);

    return NGX_ERROR;
}

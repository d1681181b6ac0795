
/*
 * healthdash: the PROXY protocol, as a sender that speaks for itself.  Called
 * by the stream engine on a connection on which nothing was sent yet.
 */


#include <ngx_hd_proxy.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_reason.h>


#define NGX_HD_PROXY_LEN       108     /* bytes of the longest of version 1 */


/* signature, version 2 and LOCAL, no family, no addresses: section 2.2 */

static const u_char  ngx_hd_proxy_v2[] =
    "\r\n\r\n\0\r\nQUIT\n" "\x20" "\x00" "\x00\x00";


static u_char *ngx_hd_proxy_v1(ngx_connection_t *c, ngx_addr_t *addr,
    u_char *p, u_char *last);


ngx_int_t
ngx_hd_proxy_send(ngx_hd_run_t *run, ngx_connection_t *c, ngx_addr_t *addr)
{
    u_char     buf[NGX_HD_PROXY_LEN], *p;
    ssize_t    n;
    ngx_err_t  err;

    run->log->action = "sending PROXY protocol header";

    if (run->target->check->proxy_protocol == 1) {
        p = ngx_hd_proxy_v1(c, addr, buf, buf + sizeof(buf));

    } else {
        p = ngx_cpymem(buf, ngx_hd_proxy_v2, sizeof(ngx_hd_proxy_v2) - 1);
    }

    ngx_set_errno(0);

    n = c->send(c, buf, p - buf);

    err = ngx_socket_errno;

    if (n == p - buf) {
        return NGX_OK;
    }

    if (n == NGX_ERROR) {
        ngx_hd_failure_connect(run, addr,
                               (err == NGX_EPIPE) ? NGX_ECONNRESET : err);

    } else {

        /* it is shorter than any socket's buffer, which is empty */

        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "no room for the PROXY protocol header");
    }

    return NGX_DECLINED;
}


static u_char *
ngx_hd_proxy_v1(ngx_connection_t *c, ngx_addr_t *addr, u_char *p, u_char *last)
{
    u_char          *text;
    size_t           len;
    socklen_t        socklen;
    ngx_sockaddr_t   local;

    socklen = sizeof(ngx_sockaddr_t);

    if ((addr->sockaddr->sa_family != AF_INET
         && addr->sockaddr->sa_family != AF_INET6)
        || getsockname(c->fd, &local.sockaddr, &socklen) == -1)
    {
        return ngx_slprintf(p, last, "PROXY UNKNOWN\r\n");
    }

    text = ngx_slprintf(p, last, "PROXY TCP%c ",
                        addr->sockaddr->sa_family == AF_INET ? '4' : '6');

    len = ngx_sock_ntop(&local.sockaddr, socklen, text, last - text, 0);
    text = ngx_slprintf(text + len, last, " ");

    len = ngx_sock_ntop(addr->sockaddr, addr->socklen, text, last - text, 0);

    return ngx_slprintf(text + len, last, " %d %d\r\n",
                        (int) ngx_inet_get_port(&local.sockaddr),
                        (int) ngx_inet_get_port(addr->sockaddr));
}

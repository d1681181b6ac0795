
/*
 * healthdash: the first step to a server, whatever is said to it afterwards.
 * Called by the stream engine and for libcurl, in a worker; never blocks.
 */


#include <ngx_hd_connect.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_reason.h>


ngx_int_t
ngx_hd_connect(ngx_hd_run_t *run, ngx_peer_connection_t *pc,
    ngx_hd_addrs_t *addrs, ngx_uint_t next)
{
    ngx_int_t          rc;
    ngx_err_t          err;
    ngx_addr_t        *addr;
    ngx_connection_t  *c;

    addr = &addrs->addrs[next];

    /* an address tried before may have left its failure */

    ngx_hd_result_set(&run->result, NGX_HD_R_NONE, NULL);

    run->late = NGX_HD_R_CONNECT_TIMEOUT;
    run->log->action = "connecting to server";
    run->peer = (run->target->sockaddr && addrs->n == 1) ? NULL : &addr->name;

    if (ngx_hd_run_room(run) != NGX_OK) {
        return NGX_ERROR;
    }

    pc->sockaddr = addr->sockaddr;
    pc->socklen = addr->socklen;
    pc->name = &addr->name;
    pc->type = run->target->check->type->udp ? SOCK_DGRAM : SOCK_STREAM;
    pc->local = run->target->check->local;
    pc->get = ngx_event_get_peer;
    pc->log = run->log;
    pc->log_error = NGX_ERROR_ERR;

    ngx_set_errno(0);

    rc = ngx_event_connect_peer(pc);

    err = ngx_socket_errno;

    if (rc == NGX_ERROR) {
        return ngx_hd_failure_socket(run, addr, err);
    }

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_hd_failure_connect(run, addr, err);
        return NGX_DECLINED;
    }

    c = pc->connection;
    c->pool = run->pool;
    c->log->connection = c->number;

    return rc;
}

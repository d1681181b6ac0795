
/*
 * healthdash: from an error of the system to the reason of a failed probe.
 * Called by the stream engine.  Touches nothing but the result of the run.
 */


#include <ngx_hd_failure.h>
#include <ngx_hd_reason.h>


static void ngx_hd_failure_say(ngx_hd_run_t *run, ngx_hd_reason_e reason,
    u_char *text, size_t len);
static ngx_hd_reason_e ngx_hd_failure_reason(ngx_err_t err, ngx_uint_t local);


ngx_err_t
ngx_hd_failure_of_connect(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

#if (NGX_HAVE_KQUEUE)

    if (ngx_event_flags & NGX_USE_KQUEUE_EVENT) {

        if (c->write->pending_eof) {
            return c->write->kq_errno;
        }

        return c->read->pending_eof ? c->read->kq_errno : 0;
    }

#endif

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        return ngx_socket_errno;
    }

    return err;
}


ngx_hd_reason_e
ngx_hd_failure_lack(ngx_err_t err)
{
    switch (err) {

    case NGX_EMFILE:
    case NGX_ENFILE:
        return NGX_HD_R_LOCAL_FILES;

    case ENOBUFS:
    case NGX_ENOMEM:
        return NGX_HD_R_LOCAL_MEMORY;

    default:
        return NGX_HD_R_NONE;
    }
}


ngx_int_t
ngx_hd_failure_socket(ngx_hd_run_t *run, ngx_addr_t *addr, ngx_err_t err)
{
    u_char            buf[NGX_HD_SEEN_LEN], *p;
    ngx_addr_t       *local;
    ngx_hd_reason_e   reason;

    if (err == EAFNOSUPPORT) {
        ngx_hd_failure_connect(run, addr, err);
        return NGX_DECLINED;
    }

    reason = ngx_hd_failure_lack(err);

    if (reason == NGX_HD_R_NONE) {
        reason = NGX_HD_R_LOCAL_ERROR;
    }

    p = ngx_strerror(err, buf, sizeof(buf));
    local = run->target->check->local;

    if (err == EADDRNOTAVAIL && local) {
        ngx_hd_result_set(&run->result, reason, "source %V is no address of "
                          "this machine", &local->name);

    } else {
        ngx_hd_result_set(&run->result, reason, "%*s", (size_t) (p - buf),
                          buf);
    }

    return NGX_ERROR;
}


void
ngx_hd_failure_connect(ngx_hd_run_t *run, ngx_addr_t *addr, ngx_err_t err)
{
    u_char            buf[NGX_HD_SEEN_LEN], *p;
    ngx_uint_t        local;
    ngx_hd_reason_e   reason;

    local = (addr->sockaddr->sa_family == AF_UNIX);
    reason = ngx_hd_failure_reason(err, local);

    p = buf;

    if (err == NGX_EAGAIN && local) {
        p = ngx_cpymem(buf, "listen queue full",
                       sizeof("listen queue full") - 1);

    } else if (reason == NGX_HD_R_CONNECT_FAILED
               || reason == NGX_HD_R_LOCAL_ERROR)
    {
        p = ngx_strerror(err, buf, sizeof(buf));
    }

    ngx_hd_failure_say(run, reason, buf, p - buf);
}


void
ngx_hd_failure_datagram(ngx_hd_run_t *run, ngx_addr_t *addr, ngx_err_t err)
{
    u_char  buf[NGX_HD_SEEN_LEN], *p;

    switch (err) {

    case NGX_ECONNREFUSED:
        p = ngx_cpymem(buf, "the UDP port is closed",
                       sizeof("the UDP port is closed") - 1);
        ngx_hd_failure_say(run, NGX_HD_R_CONNECT_REFUSED, buf, p - buf);
        return;

    case EMSGSIZE:
    case ENOBUFS:
    case NGX_ENOMEM:
        (void) ngx_hd_failure_socket(run, addr, err);
        return;

    default:
        ngx_hd_failure_connect(run, addr, err);
    }
}


/* the peer, where the target does not tell it, and text if there is some */

static void
ngx_hd_failure_say(ngx_hd_run_t *run, ngx_hd_reason_e reason, u_char *text,
    size_t len)
{
    ngx_str_t  where;

    ngx_str_set(&where, "");

    if (run->peer) {
        where = *run->peer;
    }

    if (where.len == 0 && len == 0) {
        ngx_hd_result_set(&run->result, reason, NULL);

    } else {
        ngx_hd_result_set(&run->result, reason, "%V%s%*s", &where,
                          (where.len && len) ? ", " : "", len, text);
    }
}


static ngx_hd_reason_e
ngx_hd_failure_reason(ngx_err_t err, ngx_uint_t local)
{
    switch (err) {

    case NGX_ECONNREFUSED:
        return NGX_HD_R_CONNECT_REFUSED;

    case NGX_ENETDOWN:
    case NGX_ENETUNREACH:
    case NGX_EHOSTDOWN:
    case NGX_EHOSTUNREACH:
    case EAFNOSUPPORT:
        return NGX_HD_R_CONNECT_UNREACHABLE;

    case NGX_ECONNRESET:
    case NGX_ECONNABORTED:
        return NGX_HD_R_CONNECT_RESET;

    case NGX_ETIMEDOUT:
        return NGX_HD_R_CONNECT_TIMEOUT;

    case NGX_ENOENT:
        return NGX_HD_R_CONNECT_NO_SOCKET;

    case NGX_EACCES:
    case NGX_EPERM:
        return NGX_HD_R_CONNECT_DENIED;

    case NGX_EAGAIN:
        return local ? NGX_HD_R_CONNECT_REFUSED : NGX_HD_R_LOCAL_ERROR;

    case EADDRNOTAVAIL:
        return NGX_HD_R_LOCAL_ERROR;    /* no port left on our side */

    default:
        return NGX_HD_R_CONNECT_FAILED;
    }
}


void
ngx_hd_failure_response(ngx_hd_run_t *run, ngx_err_t err)
{
    u_char  buf[NGX_HD_SEEN_LEN], *p;

    if (run->result.reason != NGX_HD_R_NONE) {
        return;
    }

    if (err == NGX_ECONNRESET || err == NGX_EPIPE) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_RESET, NULL);

    } else if (err) {
        p = ngx_strerror(err, buf, sizeof(buf));
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_FAILED, "%*s",
                          (size_t) (p - buf), buf);

    } else {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_FAILED, NULL);
    }
}

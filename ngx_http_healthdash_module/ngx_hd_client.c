
/*
 * healthdash: the part of a probe by a client library that all such libraries
 * need.  Owns the choice of the address, the watch of the descriptor and the
 * judging of a row.  Called by ngx_hd_pgsql.c and ngx_hd_mysql.c in a worker;
 * never blocks.
 */


#include <ngx_hd_client.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_wire.h>

#if (NGX_HD_TLS)
#include <openssl/err.h>
#endif


/* what a library leaves in OpenSSL's queue nginx takes for its own error */

#if (NGX_HD_TLS)
#define ngx_hd_client_clear()  ERR_clear_error()
#else
#define ngx_hd_client_clear()
#endif


static void ngx_hd_client_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs);
static void ngx_hd_client_open(ngx_hd_client_t *client);
static void ngx_hd_client_share_time(ngx_hd_client_t *client);
static void ngx_hd_client_share_handler(ngx_event_t *ev);
static void ngx_hd_client_unset_timer(ngx_hd_client_t *client);
static void ngx_hd_client_watch_handler(ngx_hd_watch_t *w, ngx_uint_t ready);
static void ngx_hd_client_local_error(ngx_hd_client_t *client,
    const char *text);


/* errors of connect() and socket() that libraries only tell in words */

static const ngx_err_t  ngx_hd_client_errors[] = {
    NGX_ECONNREFUSED, NGX_ENOENT, NGX_EACCES, NGX_EPERM, NGX_ECONNRESET,
    NGX_ENETUNREACH, NGX_EHOSTUNREACH, NGX_ENETDOWN, NGX_EHOSTDOWN,
    NGX_ETIMEDOUT, NGX_EAGAIN, EADDRNOTAVAIL, EAFNOSUPPORT, NGX_EMFILE,
    NGX_ENFILE, NGX_ENOMEM, ENOBUFS
};


ngx_int_t
ngx_hd_client_start(ngx_hd_client_t *client, ngx_hd_run_t *run)
{
    run->ctx = client;
    client->run = run;

    client->share.handler = ngx_hd_client_share_handler;
    client->share.data = run;
    client->share.log = run->log;
    client->share.cancelable = 1;

    client->resolve.run = run;
    client->resolve.handler = ngx_hd_client_resolved;

    return ngx_hd_resolve_start(&client->resolve);
}


static void
ngx_hd_client_resolved(ngx_hd_run_t *run, ngx_hd_addrs_t *addrs)
{
    ngx_hd_client_t  *client;

    client = run->ctx;

    client->addrs = addrs;
    client->next = 0;

    ngx_hd_client_open(client);
}


static void
ngx_hd_client_open(ngx_hd_client_t *client)
{
    ngx_hd_run_t  *run;

    run = client->run;

    /* an address tried before may have left its failure */

    ngx_hd_result_set(&run->result, NGX_HD_R_NONE, NULL);

    client->addr = &client->addrs->addrs[client->next];
    client->connecting = 1;

    run->late = NGX_HD_R_CONNECT_TIMEOUT;
    run->log->action = "connecting to server";
    run->peer = (run->target->sockaddr && client->addrs->n == 1)
                ? NULL : &client->addr->name;

    if (ngx_hd_run_room(run) != NGX_OK) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_client_share_time(client);

    client->open(client);

    ngx_hd_client_clear();
}


/* an address that does not answer must leave time for the others of its name */

static void
ngx_hd_client_share_time(ngx_hd_client_t *client)
{
    ngx_msec_t     share;
    ngx_uint_t     n;
    ngx_hd_run_t  *run;

    run = client->run;
    n = client->addrs->n - client->next;

    if (n > 1 && run->limit > ngx_current_msec) {
        share = (run->limit - ngx_current_msec) / n;

        ngx_add_timer(&client->share, ngx_max(share, 1));
    }
}


static void
ngx_hd_client_share_handler(ngx_event_t *ev)
{
    ngx_hd_run_t  *run;

    run = ev->data;

    ngx_hd_client_refused(run->ctx, NGX_ETIMEDOUT, NULL);
}


static void
ngx_hd_client_unset_timer(ngx_hd_client_t *client)
{
    if (client->share.timer_set) {
        ngx_del_timer(&client->share);
    }
}


void
ngx_hd_client_refused(ngx_hd_client_t *client, ngx_err_t err,
    const char *text)
{
    ngx_str_t      line;
    ngx_int_t      rc;
    ngx_hd_run_t  *run;

    run = client->run;
    rc = NGX_DECLINED;

    switch (err) {

    case 0:
        line = ngx_hd_client_line(text);
        ngx_hd_result_set(&run->result, NGX_HD_R_CONNECT_FAILED, "%V", &line);
        break;

    case NGX_EMFILE:
    case NGX_ENFILE:
    case NGX_ENOMEM:
    case ENOBUFS:
    case EAFNOSUPPORT:
        rc = ngx_hd_failure_socket(run, client->addr, err);
        break;

    default:
        ngx_hd_failure_connect(run, client->addr, err);
    }

    ngx_hd_client_unset_timer(client);
    ngx_hd_watch_close(&client->watch);

    client->drop(client);

    if (rc == NGX_ERROR || ++client->next >= client->addrs->n) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_client_open(client);
}


void
ngx_hd_client_wait(ngx_hd_client_t *client, ngx_socket_t fd,
    ngx_uint_t events)
{
    client->watch.handler = ngx_hd_client_watch_handler;
    client->watch.data = client;

    if (ngx_hd_watch_open(&client->watch, fd, client->run->log) != NGX_OK) {
        ngx_hd_result_set(&client->run->result, NGX_HD_R_LOCAL_CONNECTIONS,
                          NULL);
        ngx_hd_run_done(client->run);
        return;
    }

    if (ngx_hd_watch_set(&client->watch, events) != NGX_OK) {
        ngx_hd_client_local_error(client, "event error");
    }
}


static void
ngx_hd_client_watch_handler(ngx_hd_watch_t *w, ngx_uint_t ready)
{
    ngx_err_t         err;
    ngx_hd_run_t     *run;
    ngx_hd_client_t  *client;

    client = w->data;
    run = client->run;

    /* asked here, for the library would only tell it in words */

    if (client->connecting) {
        err = ngx_hd_failure_of_connect(w->connection);

        if (err) {
            ngx_hd_client_refused(client, err, NULL);
            return;
        }

        client->connecting = 0;

        ngx_hd_client_unset_timer(client);
        ngx_hd_run_phase(run, NGX_HD_PHASE_CONNECT);

        run->late = NGX_HD_R_RESPONSE_TIMEOUT;
        run->log->action = "reading response";
    }

    ngx_hd_watch_close(w);

    client->step(client);

    ngx_hd_client_clear();
}


static void
ngx_hd_client_local_error(ngx_hd_client_t *client, const char *text)
{
    ngx_hd_result_set(&client->run->result, NGX_HD_R_LOCAL_ERROR, "%s", text);

    ngx_hd_run_done(client->run);
}


void
ngx_hd_client_stop(ngx_hd_client_t *client)
{
    ngx_hd_resolve_cancel(&client->resolve);
    ngx_hd_client_unset_timer(client);
    ngx_hd_watch_close(&client->watch);

    client->drop(client);

    ngx_hd_client_clear();
}


void
ngx_hd_client_waits(ngx_hd_client_t *client, const char *what)
{
    client->waits.data = (u_char *) what;
    client->waits.len = ngx_strlen(what);

    client->run->late = NGX_HD_R_RESPONSE_TIMEOUT;
    client->run->waits = &client->waits;
}


ngx_err_t
ngx_hd_client_errno(const char *text)
{
    size_t      n;
    u_char      words[NGX_HD_SEEN_LEN], *p;
    ngx_uint_t  i;

    n = sizeof(ngx_hd_client_errors) / sizeof(ngx_hd_client_errors[0]);

    for (i = 0; i < n; i++) {
        p = ngx_strerror(ngx_hd_client_errors[i], words, sizeof(words) - 1);
        *p = '\0';

        if (p > words && ngx_strstr(text, words)) {
            return ngx_hd_client_errors[i];
        }
    }

    return 0;
}


ngx_str_t
ngx_hd_client_line(const char *text)
{
    ngx_str_t  line;

    line.data = (u_char *) text;
    line.len = strcspn(text, "\r\n");

    while (line.len && line.data[line.len - 1] == ' ') {
        line.len--;
    }

    line.len = ngx_min(line.len, NGX_HD_DETAIL_LEN);

    return line;
}


ngx_int_t
ngx_hd_client_role(ngx_hd_run_t *run, ngx_uint_t replica)
{
    ngx_uint_t  want;

    want = run->target->check->role;

    if (want == NGX_HD_ROLE_ANY
        || (want == NGX_HD_ROLE_REPLICA) == (replica != 0))
    {
        return NGX_OK;
    }

    ngx_hd_result_set(&run->result, NGX_HD_R_ROLE,
                      replica ? "is a replica, expected a primary"
                              : "is a primary, expected a replica");
    return NGX_DECLINED;
}


ngx_int_t
ngx_hd_client_lag(ngx_hd_run_t *run, const ngx_str_t *lag)
{
    double           seconds;
    ngx_msec_t       most;
    ngx_hd_number_t  number;

    most = run->target->check->max_lag;

    if (most == 0) {
        return NGX_OK;
    }

    if (ngx_hd_number_parse(lag, &number) != NGX_OK) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LAG, "cannot be told");
        return NGX_DECLINED;
    }

    seconds = number.is_whole ? (double) number.whole : number.real;

    if (seconds * 1000 <= (double) most) {
        return NGX_OK;
    }

    ngx_hd_result_set(&run->result, NGX_HD_R_LAG,
                      "%.1fs, expected at most %M.%03Ms", seconds,
                      most / 1000, most % 1000);
    return NGX_DECLINED;
}


ngx_int_t
ngx_hd_client_keep(ngx_hd_run_t *run, ngx_hd_client_row_t *row,
    const char *data, size_t len)
{
    row->no_row = 0;
    row->row.len = ngx_min(len, NGX_HD_CLIENT_ROW);

    row->row.data = ngx_pnalloc(run->pool, row->row.len + 1);
    if (row->row.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(row->row.data, data, row->row.len);

    return NGX_OK;
}


void
ngx_hd_client_judge(ngx_hd_run_t *run, const ngx_hd_client_row_t *row)
{
    ngx_hd_wire_t    wire;
    ngx_hd_answer_t  answer;
    ngx_hd_number_t  number;

    ngx_memzero(&wire, sizeof(ngx_hd_wire_t));
    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    wire.check = run->target->check;
    wire.pool = run->pool;
    wire.log = run->log;
    wire.result = &run->result;
    wire.usec = ngx_hd_run_usec;
    wire.time_data = run;

    answer.row = row->row;
    answer.no_row = row->no_row;

    if (!row->no_row
        && ngx_hd_number_parse(&row->row, &number) == NGX_OK)
    {
        answer.has_value = 1;
        answer.value = number.is_whole ? (double) number.whole : number.real;
    }

    if (row->row.len) {
        ngx_hd_wire_sample(&wire, row->row.data, row->row.len);
    }

    if (ngx_hd_wire_judge(&wire, &answer) == NGX_ERROR
        && run->result.reason == NGX_HD_R_NONE)
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
    }

    ngx_hd_run_done(run);
}


char *
ngx_hd_client_text(ngx_pool_t *pool, const ngx_str_t *s)
{
    u_char  *text;

    if (s->len == 0) {
        return NULL;
    }

    text = ngx_pnalloc(pool, s->len + 1);

    if (text) {
        (void) ngx_cpystrn(text, s->data, s->len + 1);
    }

    return (char *) text;
}


/*
 * healthdash: PostgreSQL through libpq in its non-blocking mode: log in, ask
 * for role and lag where they matter, run one query.  Called by the run it
 * works for and by nginx's events, all in one worker.
 */


#include <ngx_hd_pgsql.h>
#include <ngx_hd_client.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_tls.h>
#include <ngx_hd_wire.h>
#include <libpq-fe.h>

#if (NGX_HD_TLS_SHARED)
#include <ngx_hd_cert.h>
#endif


/* a file that cannot exist, and no directory that somebody could fill */

#define NGX_HD_PGSQL_NO_FILE   "/dev/null/none"

#define NGX_HD_PGSQL_SYSTEM    160000  /* sslrootcert=system, require_auth */
#define NGX_HD_PGSQL_PARAMS    32
#define NGX_HD_PGSQL_KERBEROS  "the server wants Kerberos"
#define NGX_HD_PGSQL_ROUNDS    20000   /* of SCRAM, 4096 by default */
#define NGX_HD_PGSQL_PEEK      2048    /* libpq takes no longer message */
#define NGX_HD_PGSQL_HELLO     32768   /* bytes of a log-in without TLS's own */
#define NGX_HD_PGSQL_SOCKET    "/.s.PGSQL."

/*
 * With the OpenSSL that libpq has, too, we judge certificates ourselves: libpq
 * would read the authorities in each probe, and only say that it failed.
 */

#if (NGX_HD_TLS_SHARED)
#define NGX_HD_PGSQL_JUDGES    1
#else
#define NGX_HD_PGSQL_JUDGES    0
#define ngx_hd_pgsql_judge(p)  NGX_OK
#endif


/* what a server asks for, "Message Formats" in PostgreSQL's manual */

#define NGX_HD_PGSQL_HEADER     5       /* of a message */

#define NGX_HD_PGSQL_OK         0
#define NGX_HD_PGSQL_CLEARTEXT  3
#define NGX_HD_PGSQL_SASL       10
#define NGX_HD_PGSQL_CONTINUE   11
#define NGX_HD_PGSQL_FINAL      12
#define NGX_HD_PGSQL_UNKNOWN    255


typedef enum {
    NGX_HD_PGSQL_CONNECT = 0,
    NGX_HD_PGSQL_ROLE,
    NGX_HD_PGSQL_QUERY
} ngx_hd_pgsql_step_e;


typedef struct {
    ngx_hd_client_t       client;       /* first */
    PGconn               *conn;
    ngx_hd_pgsql_step_e   step;
    size_t                size;         /* bytes that came for this step */
    size_t                want;         /* bytes of a message waited for */
    unsigned              scram:1;      /* the server has asked for it */
    ngx_hd_tls_foreign_t  tls;
    ngx_hd_client_row_t   row;
    ngx_str_t             lag;          /* seconds, of the role's query */
} ngx_hd_pgsql_t;


/* parameters of a connection, without those of the address */

typedef struct {
    const char           *keys[NGX_HD_PGSQL_PARAMS];
    const char           *values[NGX_HD_PGSQL_PARAMS];
    ngx_uint_t            n;
    const char           *host;         /* the name of TLS, or NULL */
    const char           *query;
} ngx_hd_pgsql_conf_t;


typedef struct {
    const char           *state;        /* beginning of an SQLSTATE */
    ngx_hd_reason_e       reason;
} ngx_hd_pgsql_state_t;


/* libpq has no code for these, but its words are not translated */

typedef struct {
    const char           *text;
    ngx_hd_reason_e       reason;
    const char           *says;         /* NULL: libpq's own words will do */
} ngx_hd_pgsql_words_t;


static void ngx_hd_pgsql_param(ngx_hd_pgsql_conf_t *conf, const char *key,
    const char *value);
static const char *ngx_hd_pgsql_prepare_tls(ngx_pool_t *pool,
    ngx_hd_check_t *check, ngx_hd_pgsql_conf_t *conf);
static const char *ngx_hd_pgsql_ca(ngx_pool_t *pool, ngx_hd_check_t *check);
static char *ngx_hd_pgsql_options(ngx_pool_t *pool, ngx_hd_check_t *check);
static void ngx_hd_pgsql_open(ngx_hd_client_t *client);
static ngx_int_t ngx_hd_pgsql_address(ngx_hd_run_t *run, ngx_addr_t *addr,
    ngx_hd_pgsql_conf_t *conf);
static ngx_int_t ngx_hd_pgsql_unix(ngx_pool_t *pool,
    struct sockaddr *sockaddr, ngx_hd_pgsql_conf_t *conf);
static void ngx_hd_pgsql_step(ngx_hd_client_t *client);
static void ngx_hd_pgsql_connecting(ngx_hd_pgsql_t *p);
static ngx_int_t ngx_hd_pgsql_asked(ngx_hd_pgsql_t *p);
static ngx_int_t ngx_hd_pgsql_walk(ngx_hd_pgsql_t *p, u_char *pos,
    u_char *last);
static ngx_uint_t ngx_hd_pgsql_begins(u_char type);
static ngx_int_t ngx_hd_pgsql_more(ngx_hd_pgsql_t *p, size_t have,
    size_t want);
static ngx_int_t ngx_hd_pgsql_message(ngx_hd_pgsql_t *p, u_char *pos,
    u_char *last);
static ngx_int_t ngx_hd_pgsql_rounds(ngx_hd_pgsql_t *p, u_char *pos,
    u_char *last);
static ngx_int_t ngx_hd_pgsql_alien(ngx_hd_pgsql_t *p, u_char *pos,
    u_char *last);
static uint32_t ngx_hd_pgsql_number(const u_char *p);
static ngx_int_t ngx_hd_pgsql_hello(ngx_hd_pgsql_t *p);
static ngx_int_t ngx_hd_pgsql_secured(ngx_hd_pgsql_t *p);
#if (NGX_HD_TLS_SHARED)
static ngx_int_t ngx_hd_pgsql_judge(ngx_hd_pgsql_t *p);
#endif
static void ngx_hd_pgsql_connected(ngx_hd_pgsql_t *p);
static void ngx_hd_pgsql_send(ngx_hd_pgsql_t *p, ngx_hd_pgsql_step_e step,
    const char *query);
static void ngx_hd_pgsql_flush(ngx_hd_pgsql_t *p);
static void ngx_hd_pgsql_read(ngx_hd_pgsql_t *p);
static void ngx_hd_pgsql_count(ngx_hd_pgsql_t *p);
static ngx_int_t ngx_hd_pgsql_limit(ngx_hd_pgsql_t *p, size_t size);
static ngx_int_t ngx_hd_pgsql_result(ngx_hd_pgsql_t *p, PGresult *res);
static ngx_int_t ngx_hd_pgsql_row(ngx_hd_pgsql_t *p, PGresult *res);
static void ngx_hd_pgsql_end(ngx_hd_pgsql_t *p);
static void ngx_hd_pgsql_query_failed(ngx_hd_pgsql_t *p, PGresult *res);
static void ngx_hd_pgsql_failed(ngx_hd_pgsql_t *p);
static const char *ngx_hd_pgsql_state(const char *text);
static ngx_hd_reason_e ngx_hd_pgsql_reason(const char *state,
    ngx_hd_reason_e other);
static void ngx_hd_pgsql_drop(ngx_hd_client_t *client);
static void ngx_hd_pgsql_notice(void *data, const char *text);


/*
 * Lag in seconds.  now() - pg_last_xact_replay_timestamp() grows while nothing
 * is written on the primary, so it counts only when something that was received
 * is not replayed yet, or when nothing can be received: without a WAL receiver.
 * See "System Administration Functions", "Recovery Information Functions", and
 * "pg_stat_wal_receiver" in PostgreSQL's manual.
 */

static const char  ngx_hd_pgsql_role_query[] =
    "select pg_catalog.pg_is_in_recovery(),"
    " case when not pg_catalog.pg_is_in_recovery() then 0"
    " when pg_catalog.pg_last_wal_receive_lsn()"
    " = pg_catalog.pg_last_wal_replay_lsn()"
    " and exists (select 1 from pg_catalog.pg_stat_wal_receiver) then 0"
    " else extract(epoch from pg_catalog.clock_timestamp()"
    " - pg_catalog.pg_last_xact_replay_timestamp()) end";


/* PostgreSQL's manual, appendix A; the first that fits counts */

static const ngx_hd_pgsql_state_t  ngx_hd_pgsql_states[] = {
    { "28", NGX_HD_R_LOGIN },
    { "3D000", NGX_HD_R_LOGIN },
    { "57P01", NGX_HD_R_NOT_SERVING },  /* shuts down */
    { "57P02", NGX_HD_R_NOT_SERVING },  /* crashed */
    { "57P03", NGX_HD_R_NOT_SERVING },  /* starts up */
    { "53", NGX_HD_R_PROTOCOL_ERROR }   /* too many connections ... */
};


static const ngx_hd_pgsql_words_t  ngx_hd_pgsql_words[] = {
    { "host name must be specified", NGX_HD_R_LOGIN, NGX_HD_PGSQL_KERBEROS },
    { "requested GSSAPI", NGX_HD_R_LOGIN, NGX_HD_PGSQL_KERBEROS },
    { "requested SSPI", NGX_HD_R_LOGIN, NGX_HD_PGSQL_KERBEROS },
    { "server does not support SSL", NGX_HD_R_TLS_REFUSED, NULL },
    { "does not match host name", NGX_HD_R_TLS_NAME, NULL },
    { "certificate has expired", NGX_HD_R_TLS_EXPIRED, NULL },
    { "certificate verify failed", NGX_HD_R_TLS_UNTRUSTED, NULL },
    { "SSL error code", NGX_HD_R_TLS_HANDSHAKE, NGX_HD_TLS_ENDLESS_TEXT },
    { "SSL SYSCALL error: EOF", NGX_HD_R_TLS_CLOSED, NULL },
    { "wrong version number", NGX_HD_R_TLS_HANDSHAKE,
      "the server does not speak TLS" },
    { "unsupported protocol", NGX_HD_R_TLS_VERSION, NULL },
    { "protocol version", NGX_HD_R_TLS_VERSION, NULL },
    { "certificate", NGX_HD_R_TLS_HANDSHAKE, NULL },
    { "private key", NGX_HD_R_TLS_HANDSHAKE, NULL },
    { "SSL", NGX_HD_R_TLS_HANDSHAKE, NULL },
    { "no password supplied", NGX_HD_R_LOGIN, NULL },
    { "SCRAM", NGX_HD_R_LOGIN, NULL },
    { "authentication method", NGX_HD_R_LOGIN, NULL },
    { "but received", NGX_HD_R_RESPONSE_INVALID, NULL },
    { "invalid", NGX_HD_R_RESPONSE_INVALID, NULL },
    { "closed the connection", NGX_HD_R_RESPONSE_CLOSED, NULL },
    { "Connection reset by peer", NGX_HD_R_RESPONSE_RESET, NULL },
    { "out of memory", NGX_HD_R_LOCAL_MEMORY, NULL }
};


const char *
ngx_hd_pgsql_prepare(ngx_pool_t *pool, ngx_hd_check_t *check, ngx_str_t *host)
{
    ngx_hd_pgsql_conf_t  *conf;

    /* else libpq would ask the system for the name of nginx's user */

    if (check->user.len == 0) {
        return "needs \"user\"";
    }

    conf = ngx_pcalloc(pool, sizeof(ngx_hd_pgsql_conf_t));
    if (conf == NULL) {
        return "has no memory";
    }

    check->data = conf;

    if (check->query.len == 0) {
        ngx_str_set(&check->query, "select 1");
    }

    conf->query = ngx_hd_client_text(pool, &check->query);

    /* what is not said here libpq takes from files and the environment */

    ngx_hd_pgsql_param(conf, "user", ngx_hd_client_text(pool, &check->user));
    ngx_hd_pgsql_param(conf, "password",
                       ngx_hd_client_text(pool, &check->password));
    ngx_hd_pgsql_param(conf, "dbname",
                       ngx_hd_client_text(pool, check->database.len
                                                ? &check->database
                                                : &check->user));
    ngx_hd_pgsql_param(conf, "options", ngx_hd_pgsql_options(pool, check));
    ngx_hd_pgsql_param(conf, "passfile", NGX_HD_PGSQL_NO_FILE);
    ngx_hd_pgsql_param(conf, "application_name", "healthdash");
    ngx_hd_pgsql_param(conf, "client_encoding", "UTF8");
    ngx_hd_pgsql_param(conf, "connect_timeout", "0");
    ngx_hd_pgsql_param(conf, "gssencmode", "disable");
    ngx_hd_pgsql_param(conf, "target_session_attrs", "any");

    return ngx_hd_pgsql_prepare_tls(pool, check, conf);
}


static void
ngx_hd_pgsql_param(ngx_hd_pgsql_conf_t *conf, const char *key,
    const char *value)
{
    conf->keys[conf->n] = key;
    conf->values[conf->n] = value;
    conf->n++;
}


static const char *
ngx_hd_pgsql_prepare_tls(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_hd_pgsql_conf_t *conf)
{
    const char  *ca, *cert, *key;

    /* a server that asks for Kerberos would send the worker to a name server */

    if (PQlibVersion() >= NGX_HD_PGSQL_SYSTEM) {
        ngx_hd_pgsql_param(conf, "require_auth", "!gss,!sspi");
    }

    if (!check->starttls) {
        ngx_hd_pgsql_param(conf, "sslmode", "disable");
        return NULL;
    }

    ca = ngx_hd_pgsql_ca(pool, check);

    if (ca == NULL) {
        return "needs \"ca\", for libpq knows no file of trusted authorities";
    }

    cert = ngx_hd_client_text(pool, &check->cert);
    key = ngx_hd_client_text(pool, &check->key);

    /* an older libpq goes there if it has a name, so it sends none, either */

    if (PQlibVersion() >= NGX_HD_PGSQL_SYSTEM
        || (check->verify && !NGX_HD_PGSQL_JUDGES))
    {
        conf->host = ngx_hd_client_text(pool, &check->sni);
    }

    ngx_hd_pgsql_param(conf, "sslmode",
                       (check->verify && !NGX_HD_PGSQL_JUDGES)
                       ? "verify-full" : "require");
    ngx_hd_pgsql_param(conf, "sslrootcert", ca);
    ngx_hd_pgsql_param(conf, "sslcert", cert ? cert : NGX_HD_PGSQL_NO_FILE);
    ngx_hd_pgsql_param(conf, "sslkey", key ? key : NGX_HD_PGSQL_NO_FILE);
    ngx_hd_pgsql_param(conf, "sslcrl", NGX_HD_PGSQL_NO_FILE);
    ngx_hd_pgsql_param(conf, "ssl_min_protocol_version",
                       NGX_HD_PGSQL_JUDGES ? "TLSv1"
                       : (check->min_tls == 13) ? "TLSv1.3" : "TLSv1.2");

    return NULL;
}


static const char *
ngx_hd_pgsql_ca(ngx_pool_t *pool, ngx_hd_check_t *check)
{
    if (!check->verify || NGX_HD_PGSQL_JUDGES) {
        return NGX_HD_PGSQL_NO_FILE;
    }

    if (check->ca.len) {
        return ngx_hd_client_text(pool, &check->ca);
    }

    return (PQlibVersion() >= NGX_HD_PGSQL_SYSTEM) ? "system" : NULL;
}


/* a server must not go on with a query that nobody waits for */

static char *
ngx_hd_pgsql_options(ngx_pool_t *pool, ngx_hd_check_t *check)
{
    u_char  *text;

    text = ngx_pcalloc(pool, sizeof("-c statement_timeout=")
                             + NGX_INT_T_LEN);
    if (text) {
        (void) ngx_sprintf(text, "-c statement_timeout=%M", check->timeout);
    }

    return (char *) text;
}


const char *
ngx_hd_pgsql_fits(ngx_hd_target_t *target)
{
    ngx_hd_pgsql_conf_t  conf;

    if (target->sockaddr == NULL
        || target->sockaddr->sa_family != AF_UNIX)
    {
        return NULL;
    }

    if (target->check->starttls) {
        return "has no \"starttls\" over a unix socket";
    }

    ngx_memzero(&conf, sizeof(ngx_hd_pgsql_conf_t));

    if (ngx_hd_pgsql_unix(NULL, target->sockaddr, &conf) != NGX_OK) {
        return "needs a unix socket by the name PostgreSQL gives it, such as "
               "unix:/run/postgresql/.s.PGSQL.5432";
    }

    return NULL;
}


ngx_int_t
ngx_hd_pgsql_start(ngx_hd_run_t *run)
{
    ngx_hd_pgsql_t  *p;

    p = ngx_pcalloc(run->pool, sizeof(ngx_hd_pgsql_t));
    if (p == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    p->client.open = ngx_hd_pgsql_open;
    p->client.step = ngx_hd_pgsql_step;
    p->client.drop = ngx_hd_pgsql_drop;
    p->tls.run = run;

    return ngx_hd_client_start(&p->client, run);
}


static void
ngx_hd_pgsql_open(ngx_hd_client_t *client)
{
    const char           *text;
    ngx_hd_run_t         *run;
    ngx_hd_pgsql_t       *p;
    ngx_hd_pgsql_conf_t   conf;

    p = (ngx_hd_pgsql_t *) client;
    run = client->run;

    conf = *(ngx_hd_pgsql_conf_t *) run->target->check->data;

    if (ngx_hd_pgsql_address(run, client->addr, &conf) == NGX_OK) {
        p->conn = PQconnectStartParams(conf.keys, conf.values, 0);
    }

    if (p->conn == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        ngx_hd_run_done(run);
        return;
    }

    p->step = NGX_HD_PGSQL_CONNECT;
    p->size = 0;
    p->want = 0;
    p->scram = 0;

    if (PQstatus(p->conn) == CONNECTION_BAD || PQsocket(p->conn) < 0) {
        text = PQerrorMessage(p->conn);
        ngx_hd_client_refused(client, ngx_hd_client_errno(text), text);
        return;
    }

    (void) PQsetNoticeProcessor(p->conn, ngx_hd_pgsql_notice, NULL);
    (void) PQsetErrorVerbosity(p->conn, PQERRORS_VERBOSE);

    ngx_hd_client_wait(client, PQsocket(p->conn), NGX_HD_WATCH_WRITE);
}


/* numeric always: libpq would look a name up, and wait for that */

static ngx_int_t
ngx_hd_pgsql_address(ngx_hd_run_t *run, ngx_addr_t *addr,
    ngx_hd_pgsql_conf_t *conf)
{
    u_char  *host, *port;

    if (addr->sockaddr->sa_family == AF_UNIX) {
        return ngx_hd_pgsql_unix(run->pool, addr->sockaddr, conf);
    }

    host = ngx_pcalloc(run->pool, NGX_SOCKADDR_STRLEN + 1);
    port = ngx_pcalloc(run->pool, sizeof("65535"));

    if (host == NULL || port == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sock_ntop(addr->sockaddr, addr->socklen, host,
                         NGX_SOCKADDR_STRLEN, 0);
    (void) ngx_sprintf(port, "%d", (int) ngx_inet_get_port(addr->sockaddr));

    ngx_hd_pgsql_param(conf, "hostaddr", (char *) host);
    ngx_hd_pgsql_param(conf, "port", (char *) port);

    if (conf->host) {
        ngx_hd_pgsql_param(conf, "host", conf->host);
    }

    return NGX_OK;
}


/* libpq wants folder and port; pool NULL: only looks whether they are there */

static ngx_int_t
ngx_hd_pgsql_unix(ngx_pool_t *pool, struct sockaddr *sockaddr,
    ngx_hd_pgsql_conf_t *conf)
{
    char                *path, *port, *dir;
    struct sockaddr_un  *saun;

    saun = (struct sockaddr_un *) sockaddr;
    path = saun->sun_path;
    port = strrchr(path, '/');

    if (path[0] != '/' || port == NULL || port == path
        || ngx_strncmp(port, NGX_HD_PGSQL_SOCKET,
                       sizeof(NGX_HD_PGSQL_SOCKET) - 1) != 0)
    {
        return NGX_ERROR;
    }

    dir = path;
    port += sizeof(NGX_HD_PGSQL_SOCKET) - 1;

    if (ngx_atoi((u_char *) port, ngx_strlen(port)) < 1
        || ngx_atoi((u_char *) port, ngx_strlen(port)) > 65535)
    {
        return NGX_ERROR;
    }

    if (pool) {
        dir = ngx_pcalloc(pool, sizeof(saun->sun_path));
        if (dir == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(dir, path,
                   port - path - (sizeof(NGX_HD_PGSQL_SOCKET) - 1));
    }

    ngx_hd_pgsql_param(conf, "host", dir);
    ngx_hd_pgsql_param(conf, "port", port);

    return NGX_OK;
}


static void
ngx_hd_pgsql_step(ngx_hd_client_t *client)
{
    ngx_hd_pgsql_t  *p;

    p = (ngx_hd_pgsql_t *) client;

    if (p->step == NGX_HD_PGSQL_CONNECT) {
        ngx_hd_pgsql_connecting(p);

    } else {
        ngx_hd_pgsql_read(p);
    }
}


static void
ngx_hd_pgsql_connecting(ngx_hd_pgsql_t *p)
{
    ngx_uint_t                  events;
    ngx_hd_run_t               *run;
    PostgresPollingStatusType   rc;

    run = p->client.run;

    switch (ngx_hd_pgsql_asked(p)) {

    case NGX_AGAIN:
        ngx_hd_client_wait(&p->client, PQsocket(p->conn), NGX_HD_WATCH_READ);
        return;

    case NGX_DECLINED:
        ngx_hd_run_done(run);
        return;
    }

    if (ngx_hd_pgsql_hello(p) != NGX_OK) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_tls_foreign(&p->tls);

    rc = PQconnectPoll(p->conn);

    ngx_hd_tls_foreign(NULL);

    if (rc == PGRES_POLLING_FAILED || run->result.reason != NGX_HD_R_NONE) {
        ngx_hd_pgsql_failed(p);
        return;
    }

    if (ngx_hd_pgsql_secured(p) != NGX_OK) {
        ngx_hd_run_done(run);
        return;
    }

    if (rc == PGRES_POLLING_OK) {
        ngx_hd_pgsql_connected(p);
        return;
    }

    ngx_hd_client_waits(&p->client, "the log-in");

    if (PQstatus(p->conn) == CONNECTION_SSL_STARTUP) {
        run->late = NGX_HD_R_TLS_TIMEOUT;
    }

    events = (rc == PGRES_POLLING_READING) ? NGX_HD_WATCH_READ
                                           : NGX_HD_WATCH_WRITE;

    /* the socket may be another one than before */

    ngx_hd_client_wait(&p->client, PQsocket(p->conn), events);
}


/*
 * Without TLS anybody may be the server: libpq would give it the password, or
 * work for as long as it says.  So what it asks for is looked at before libpq
 * reads it, message by message: with a part of one libpq would take what
 * follows unseen.  A unix socket belongs to who may make it.
 */

static ngx_int_t
ngx_hd_pgsql_asked(ngx_hd_pgsql_t *p)
{
    int        least;
    size_t     want;
    u_char     buf[NGX_HD_PGSQL_PEEK];
    ssize_t    n;
    ngx_int_t  rc;

    if (p->client.run->target->check->starttls
        || p->client.addr->sockaddr->sa_family == AF_UNIX
        || PQstatus(p->conn) != CONNECTION_AWAITING_RESPONSE)
    {
        return NGX_OK;
    }

    n = recv(PQsocket(p->conn), buf, sizeof(buf), MSG_PEEK|MSG_DONTWAIT);

    if (n <= 0) {
        return NGX_OK;
    }

    want = p->want;
    rc = ngx_hd_pgsql_walk(p, buf, buf + n);

    /* it has woken us, and so has the end of the connection */

    if (rc == NGX_AGAIN && (size_t) n < want) {
        ngx_hd_result_set(&p->client.run->result, NGX_HD_R_RESPONSE_CUT,
                          "%z of %uz bytes", n, want);
        return NGX_DECLINED;
    }

    if (rc == NGX_OK && want) {
        p->want = 0;
        least = 1;

        (void) setsockopt(PQsocket(p->conn), SOL_SOCKET, SO_RCVLOWAT, &least,
                          sizeof(int));
    }

    return rc;
}


/* NGX_AGAIN: the last message is not all there, but want bytes would be */

static ngx_int_t
ngx_hd_pgsql_walk(ngx_hd_pgsql_t *p, u_char *pos, u_char *last)
{
    size_t      len;
    u_char     *start;
    ngx_int_t   rc;

    for (start = pos; pos < last; pos += len) {

        if (!p->scram && !ngx_hd_pgsql_begins(*pos)) {
            return ngx_hd_pgsql_alien(p, pos, last);
        }

        len = NGX_HD_PGSQL_HEADER;

        if (last - pos >= NGX_HD_PGSQL_HEADER) {
            len = 1 + (size_t) ngx_hd_pgsql_number(pos + 1);

            if (!p->scram && (*pos == 'E' || len > NGX_HD_PGSQL_PEEK
                              || len < NGX_HD_PGSQL_HEADER))
            {
                return NGX_OK;  /* the end, or libpq refuses it */
            }
        }

        if (start + NGX_HD_PGSQL_PEEK - pos < (ssize_t) len) {
            return ngx_hd_pgsql_alien(p, pos, last);
        }

        if ((size_t) (last - pos) < len || last - pos < NGX_HD_PGSQL_HEADER) {
            return ngx_hd_pgsql_more(p, last - start, pos - start + len);
        }

        rc = ngx_hd_pgsql_message(p, pos, pos + len);

        if (rc != NGX_OK) {
            return (rc == NGX_DONE) ? NGX_OK : rc;
        }
    }

    return NGX_OK;
}


/* libpq takes no other message before a log-in, and says less of what came */

static ngx_uint_t
ngx_hd_pgsql_begins(u_char type)
{
    return type == 'R' || type == 'E' || type == 'N' || type == 'v';
}


/* the next event comes with so many bytes, or the end of the connection */

static ngx_int_t
ngx_hd_pgsql_more(ngx_hd_pgsql_t *p, size_t have, size_t want)
{
    int  least;

    if (have < p->want) {
        return NGX_AGAIN;
    }

    p->want = want;
    least = (int) want;

    (void) setsockopt(PQsocket(p->conn), SOL_SOCKET, SO_RCVLOWAT, &least,
                      sizeof(int));

    return NGX_AGAIN;
}


/* NGX_DONE: nothing that follows has to be looked at */

static ngx_int_t
ngx_hd_pgsql_message(ngx_hd_pgsql_t *p, u_char *pos, u_char *last)
{
    uint32_t   type;

    type = NGX_HD_PGSQL_UNKNOWN;

    if (*pos == 'R' && last - pos >= NGX_HD_PGSQL_HEADER + 4) {
        type = ngx_hd_pgsql_number(pos + NGX_HD_PGSQL_HEADER);
    }

    switch (type) {

    case NGX_HD_PGSQL_OK:
        return NGX_DONE;

    case NGX_HD_PGSQL_CLEARTEXT:
        ngx_hd_result_set(&p->client.run->result, NGX_HD_R_LOGIN,
                          "the server asks for the password in clear text, "
                          "expected starttls=on");
        return NGX_DECLINED;

    case NGX_HD_PGSQL_SASL:
        p->scram = 1;
        return NGX_OK;

    case NGX_HD_PGSQL_CONTINUE:
        return ngx_hd_pgsql_rounds(p, pos, last);

    case NGX_HD_PGSQL_FINAL:
        return NGX_OK;
    }

    /* what is left of a message must not be taken for another one */

    if (p->scram
        && !(*pos == 'E' && last - pos > NGX_HD_PGSQL_HEADER
             && pos[NGX_HD_PGSQL_HEADER] == 'S'))
    {
        return ngx_hd_pgsql_alien(p, pos, last);
    }

    return NGX_OK;
}


/* libpq would compute all of them in one call */

static ngx_int_t
ngx_hd_pgsql_rounds(ngx_hd_pgsql_t *p, u_char *pos, u_char *last)
{
    u_char     *end;
    ngx_int_t   n;

    pos = ngx_strlcasestrn(pos + NGX_HD_PGSQL_HEADER + 4, last,
                           (u_char *) ",i=", 3 - 1);
    if (pos == NULL) {
        return NGX_OK;          /* libpq refuses it */
    }

    pos += 3;

    for (end = pos; end < last && *end != ','; end++) { /* void */ }

    n = ngx_atoi(pos, end - pos);

    if (n != NGX_ERROR && n <= NGX_HD_PGSQL_ROUNDS) {
        return NGX_OK;
    }

    ngx_hd_result_set(&p->client.run->result, NGX_HD_R_PROTOCOL_ERROR,
                      "asks for %*s rounds of SCRAM, expected at most %d",
                      (size_t) ngx_min(end - pos, NGX_HD_SEEN_LEN), pos,
                      NGX_HD_PGSQL_ROUNDS);
    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_pgsql_alien(ngx_hd_pgsql_t *p, u_char *pos, u_char *last)
{
    ngx_hd_wire_t  wire;

    ngx_memzero(&wire, sizeof(ngx_hd_wire_t));
    wire.result = &p->client.run->result;

    return ngx_hd_wire_alien(&wire, "a PostgreSQL", pos, last - pos);
}


static uint32_t
ngx_hd_pgsql_number(const u_char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


/*
 * A server tells of its settings, of as many as it likes, and libpq looks for
 * each one in a list of all before it.
 */

static ngx_int_t
ngx_hd_pgsql_hello(ngx_hd_pgsql_t *p)
{
    if (PQstatus(p->conn) == CONNECTION_SSL_STARTUP) {
        return NGX_OK;
    }

    ngx_hd_pgsql_count(p);

    if (p->size <= NGX_HD_PGSQL_HELLO) {
        return NGX_OK;
    }

    ngx_hd_result_set(&p->client.run->result, NGX_HD_R_RESPONSE_INVALID,
                      "more than %d bytes before the log-in was over",
                      NGX_HD_PGSQL_HELLO);

    return NGX_DECLINED;
}


/* libpq stops after the handshake, before it has sent anything over it */

static ngx_int_t
ngx_hd_pgsql_secured(ngx_hd_pgsql_t *p)
{
    ngx_hd_run_t  *run;

    run = p->client.run;

    if (!PQsslInUse(p->conn) || PQstatus(p->conn) == CONNECTION_SSL_STARTUP
        || run->result.phase[NGX_HD_PHASE_TLS])
    {
        return NGX_OK;
    }

    ngx_hd_run_phase(run, NGX_HD_PHASE_TLS);

    return ngx_hd_pgsql_judge(p);
}


#if (NGX_HD_TLS_SHARED)

static ngx_int_t
ngx_hd_pgsql_judge(ngx_hd_pgsql_t *p)
{
    SSL           *ssl;
    X509          *leaf;
    ngx_int_t      rc;
    ngx_hd_run_t  *run;

    run = p->client.run;
    ssl = PQsslStruct(p->conn, "OpenSSL");

    if (ssl == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "libpq has another TLS library");
        return NGX_ERROR;
    }

    leaf = SSL_get_peer_certificate(ssl);

    rc = ngx_hd_cert_judge(&run->result, run->target->check, ssl, leaf,
                           SSL_get_peer_cert_chain(ssl));
    X509_free(leaf);

    return rc;
}

#endif


static void
ngx_hd_pgsql_connected(ngx_hd_pgsql_t *p)
{
    ngx_hd_check_t       *check;
    ngx_hd_pgsql_conf_t  *conf;

    check = p->client.run->target->check;
    conf = check->data;

    ngx_hd_run_phase(p->client.run, NGX_HD_PHASE_FIRST);

    if (PQsetnonblocking(p->conn, 1) != 0) {
        ngx_hd_pgsql_failed(p);
        return;
    }

    if (check->role != NGX_HD_ROLE_ANY || check->max_lag) {
        ngx_hd_pgsql_send(p, NGX_HD_PGSQL_ROLE, ngx_hd_pgsql_role_query);

    } else {
        ngx_hd_pgsql_send(p, NGX_HD_PGSQL_QUERY, conf->query);
    }
}


static void
ngx_hd_pgsql_send(ngx_hd_pgsql_t *p, ngx_hd_pgsql_step_e step,
    const char *query)
{
    p->step = step;
    p->size = 0;
    p->row.no_row = 1;

    ngx_hd_client_waits(&p->client, (step == NGX_HD_PGSQL_ROLE) ? "its role"
                                                                : "the query");

    if (PQsendQuery(p->conn, query) == 0
        || PQsetSingleRowMode(p->conn) == 0)
    {
        ngx_hd_pgsql_failed(p);
        return;
    }

    ngx_hd_pgsql_flush(p);
}


static void
ngx_hd_pgsql_flush(ngx_hd_pgsql_t *p)
{
    int  rc;

    rc = PQflush(p->conn);

    if (rc == -1) {
        ngx_hd_pgsql_failed(p);
        return;
    }

    ngx_hd_client_wait(&p->client, PQsocket(p->conn),
                       rc ? NGX_HD_WATCH_READ|NGX_HD_WATCH_WRITE
                          : NGX_HD_WATCH_READ);
}


static void
ngx_hd_pgsql_read(ngx_hd_pgsql_t *p)
{
    int            good;
    PGresult      *res;
    ngx_int_t      rc;
    ngx_hd_run_t  *run;

    run = p->client.run;

    ngx_hd_pgsql_count(p);

    /* it would keep all of a row, and rows have no limit */

    if (ngx_hd_pgsql_limit(p, p->size) != NGX_OK) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_tls_foreign(&p->tls);

    good = PQconsumeInput(p->conn);

    ngx_hd_tls_foreign(NULL);

    if (!good || run->result.reason != NGX_HD_R_NONE) {
        ngx_hd_pgsql_failed(p);
        return;
    }

    while (!PQisBusy(p->conn)) {
        res = PQgetResult(p->conn);

        if (res == NULL) {
            ngx_hd_pgsql_end(p);
            return;
        }

        rc = ngx_hd_pgsql_result(p, res);

        PQclear(res);

        if (rc == NGX_DONE) {
            return;
        }
    }

    ngx_hd_pgsql_flush(p);
}


/* what libpq reads may be more than what is there now: no exact number */

static void
ngx_hd_pgsql_count(ngx_hd_pgsql_t *p)
{
    int  n;

    n = 0;

    if (ioctl(PQsocket(p->conn), FIONREAD, &n) == 0 && n > 0) {
        p->size += n;
    }
}


static ngx_int_t
ngx_hd_pgsql_limit(ngx_hd_pgsql_t *p, size_t size)
{
    if (size <= NGX_HD_CLIENT_ANSWER) {
        return NGX_OK;
    }

    ngx_hd_result_set(&p->client.run->result, NGX_HD_R_QUERY,
                      "more than %d bytes in a row", NGX_HD_CLIENT_ANSWER);

    return NGX_ERROR;
}


/* NGX_DONE: the run has ended */

static ngx_int_t
ngx_hd_pgsql_result(ngx_hd_pgsql_t *p, PGresult *res)
{
    switch (PQresultStatus(res)) {

    case PGRES_SINGLE_TUPLE:
        return ngx_hd_pgsql_row(p, res);

    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        return NGX_OK;

    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        ngx_hd_result_set(&p->client.run->result, NGX_HD_R_QUERY,
                          "COPY is no query that can be judged");
        ngx_hd_run_done(p->client.run);
        return NGX_DONE;

    default:
        ngx_hd_pgsql_query_failed(p, res);
        return NGX_DONE;
    }
}


static ngx_int_t
ngx_hd_pgsql_row(ngx_hd_pgsql_t *p, PGresult *res)
{
    size_t         len;
    ngx_hd_run_t  *run;

    run = p->client.run;

    /* the first row is enough, and the second one says that there are more */

    if (!p->row.no_row) {
        ngx_hd_pgsql_end(p);
        return NGX_DONE;
    }

    if (PQnfields(res) < 1 || PQgetisnull(res, 0, 0)) {
        return NGX_OK;
    }

    len = (size_t) PQgetlength(res, 0, 0);

    if (ngx_hd_pgsql_limit(p, len) != NGX_OK) {
        ngx_hd_run_done(run);
        return NGX_DONE;
    }

    if (ngx_hd_client_keep(run, &p->row, PQgetvalue(res, 0, 0), len)
        != NGX_OK)
    {
        goto failed;
    }

    if (p->step != NGX_HD_PGSQL_ROLE || PQnfields(res) < 2
        || PQgetisnull(res, 0, 1))
    {
        return NGX_OK;
    }

    p->lag.len = ngx_min((size_t) PQgetlength(res, 0, 1), NGX_HD_SEEN_LEN);
    p->lag.data = ngx_pnalloc(run->pool, p->lag.len + 1);

    if (p->lag.data == NULL) {
        goto failed;
    }

    ngx_memcpy(p->lag.data, PQgetvalue(res, 0, 1), p->lag.len);

    return NGX_OK;

failed:

    ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
    ngx_hd_run_done(run);

    return NGX_DONE;
}


/* all of an answer is there, or what is needed of it */

static void
ngx_hd_pgsql_end(ngx_hd_pgsql_t *p)
{
    ngx_uint_t            replica;
    ngx_hd_run_t         *run;
    ngx_hd_pgsql_conf_t  *conf;

    run = p->client.run;

    if (p->step == NGX_HD_PGSQL_QUERY) {
        ngx_hd_client_judge(run, &p->row);
        return;
    }

    if (p->row.no_row || p->row.row.len != 1) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_INVALID,
                          "no answer to the query for its role");
        ngx_hd_run_done(run);
        return;
    }

    replica = (p->row.row.data[0] == 't');

    if (ngx_hd_client_role(run, replica) != NGX_OK
        || ngx_hd_client_lag(run, &p->lag) != NGX_OK)
    {
        ngx_hd_run_done(run);
        return;
    }

    ngx_memzero(&p->row, sizeof(ngx_hd_client_row_t));
    conf = run->target->check->data;

    ngx_hd_pgsql_send(p, NGX_HD_PGSQL_QUERY, conf->query);
}


static void
ngx_hd_pgsql_query_failed(ngx_hd_pgsql_t *p, PGresult *res)
{
    char             *state, *text;
    ngx_str_t         line;
    ngx_hd_run_t     *run;
    ngx_hd_reason_e   reason;

    run = p->client.run;
    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    if (state == NULL || text == NULL) {
        ngx_hd_pgsql_failed(p);
        return;
    }

    line = ngx_hd_client_line(text);
    reason = ngx_hd_pgsql_reason(state, NGX_HD_R_QUERY);

    /* a role that may not ask is no failed log-in */

    if (reason == NGX_HD_R_LOGIN) {
        reason = NGX_HD_R_QUERY;
    }

    ngx_hd_result_set(&run->result, reason, "%s: %V", state, &line);
    ngx_hd_run_done(run);
}


/* libpq gave up the connection, and tells why in words only */

static void
ngx_hd_pgsql_failed(ngx_hd_pgsql_t *p)
{
    ngx_str_t         line;
    ngx_uint_t        i;
    const char       *text, *state, *end;
    ngx_hd_run_t     *run;
    ngx_hd_reason_e   reason;

    run = p->client.run;

    /* what OpenSSL told us says more */

    if (run->result.reason != NGX_HD_R_NONE) {
        ngx_hd_run_done(run);
        return;
    }

    text = PQerrorMessage(p->conn);
    state = ngx_hd_pgsql_state(text);

    if (state) {
        reason = ngx_hd_pgsql_reason(state, NGX_HD_R_PROTOCOL_ERROR);
        line = ngx_hd_client_line(state);

    } else {
        reason = NGX_HD_R_RESPONSE_FAILED;

        /* where it was connected to is known */

        end = strstr(text, "failed: ");
        line = ngx_hd_client_line(end ? end + sizeof("failed: ") - 1 : text);

        for (i = 0; i < sizeof(ngx_hd_pgsql_words)
                        / sizeof(ngx_hd_pgsql_words_t); i++)
        {
            if (strstr(text, ngx_hd_pgsql_words[i].text)) {
                reason = ngx_hd_pgsql_words[i].reason;

                if (ngx_hd_pgsql_words[i].says) {
                    line = ngx_hd_client_line(ngx_hd_pgsql_words[i].says);
                }

                break;
            }
        }
    }

    if (reason == NGX_HD_R_TLS_CLOSED && run->result.phase[NGX_HD_PHASE_TLS]) {
        reason = NGX_HD_R_RESPONSE_CLOSED;
    }

    if (reason == NGX_HD_R_RESPONSE_CLOSED
        || reason == NGX_HD_R_RESPONSE_RESET
        || reason == NGX_HD_R_TLS_CLOSED
        || reason == NGX_HD_R_TLS_REFUSED)
    {
        ngx_hd_result_set(&run->result, reason, NULL);

    } else {
        ngx_hd_result_set(&run->result, reason, "%V", &line);
    }

    ngx_hd_run_done(run);
}


/* "FATAL:  28P01: password authentication failed ...", from the code on */

static const char *
ngx_hd_pgsql_state(const char *text)
{
    size_t       n;
    const char  *p;

    for (p = strstr(text, ":  "); p; p = strstr(p, ":  ")) {
        p += 3;
        n = strspn(p, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        if (n == 5 && p[5] == ':') {
            return p;
        }
    }

    return NULL;
}


static ngx_hd_reason_e
ngx_hd_pgsql_reason(const char *state, ngx_hd_reason_e other)
{
    ngx_uint_t                   i;
    const ngx_hd_pgsql_state_t  *s;

    for (i = 0; i < sizeof(ngx_hd_pgsql_states)
                    / sizeof(ngx_hd_pgsql_state_t); i++)
    {
        s = &ngx_hd_pgsql_states[i];

        if (ngx_strncmp(state, s->state, ngx_strlen(s->state)) == 0) {
            return s->reason;
        }
    }

    return other;
}


static void
ngx_hd_pgsql_drop(ngx_hd_client_t *client)
{
    ngx_hd_pgsql_t  *p;

    p = (ngx_hd_pgsql_t *) client;

    if (p->conn) {
        PQfinish(p->conn);
        p->conn = NULL;
    }
}


/* else they would be printed to nginx's standard error */

static void
ngx_hd_pgsql_notice(void *data, const char *text)
{
}


void
ngx_hd_pgsql_release(ngx_hd_run_t *run)
{
    if (run->ctx) {
        ngx_hd_client_stop(run->ctx);
    }
}

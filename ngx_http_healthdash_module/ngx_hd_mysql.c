
/*
 * healthdash: MySQL and MariaDB through libmariadb in its non-blocking mode:
 * log in, ask for role and lag where they matter, run one query.  Called by
 * the run it works for and by nginx's events, all in one worker.
 *
 * The dialogue is a co-routine on a stack of its own.  libmariadb's calls have
 * co-routines themselves, but its TLS handshake leaves them by waiting in
 * poll(), unless a function of ours waits instead: that one can only wait by
 * leaving the stack it is called on, and all calls below it.
 */


#include <ngx_hd_mysql.h>
#include <ngx_hd_client.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_tls.h>
#include <ngx_hd_wire.h>
#include <mysql.h>
#include <errmsg.h>
#include <sys/mman.h>
#include <ucontext.h>


#define NGX_HD_MYSQL_STACK     131072  /* bytes, the guard page included */
#define NGX_HD_MYSQL_TRIES     64      /* of a call that is to give up */
#define NGX_HD_MYSQL_CHANNELS  64      /* sources of a replica */

/* bytes read in one call: a packet of the longest row, and what is around it */

#define NGX_HD_MYSQL_ANSWER    (NGX_HD_CLIENT_ANSWER + 65536)

/* a greeting: length of the packet, its number, and one of these */

#define NGX_HD_MYSQL_HEADER    4
#define NGX_HD_MYSQL_VERSION   0x0a
#define NGX_HD_MYSQL_REFUSAL   0xff

/* a folder that cannot exist, and that nobody could fill */

#define NGX_HD_MYSQL_NO_DIR    "/dev/null/none"

/*
 * With the OpenSSL that libmariadb has, too, we judge certificates ourselves:
 * libmariadb would read the authorities in each probe, all of the system even
 * if nothing is verified.
 */

#if (NGX_HD_TLS_SHARED && NGX_HD_MYSQL_OPENSSL)
#define NGX_HD_MYSQL_JUDGES    1
#else
#define NGX_HD_MYSQL_JUDGES    0
#endif

/* not dialog, which asks at a terminal, nor one that sends a password bare */

#define NGX_HD_MYSQL_PLUGINS                                                  \
    "mysql_native_password,client_ed25519,parsec,caching_sha2_password,"      \
    "sha256_password"

/* errors of the server, which the library's header does not have */

#define NGX_HD_MYSQL_PARSE     1064


typedef struct {
    ngx_hd_client_t       client;       /* first */
    MYSQL                *my;
    char                 *host;         /* numeric, until it is connected to */
    char                 *path;         /* of a unix socket, or NULL */
    ngx_uint_t            port;

    u_char               *stack;
    ucontext_t            inner;
    ucontext_t            outer;
    int                   wants;        /* MYSQL_WAIT_* */
    ngx_err_t             err;          /* of connect() */
    ngx_uint_t            tries;
    size_t                size;         /* bytes read in this call */
    unsigned              greeted:1;    /* what came first was looked at */
    unsigned              over:1;
    unsigned              aborted:1;    /* nothing is waited for any more */
    unsigned              dropped:1;    /* and nobody wants to know why */
    unsigned              flooded:1;    /* there was more than it may read */

    ngx_hd_tls_foreign_t  tls;
    ngx_hd_client_row_t   row;
} ngx_hd_mysql_t;


typedef struct {
    const char           *user;
    const char           *password;
    const char           *database;
    const char           *query;
    const char           *ca;
    const char           *cert;
    const char           *key;
} ngx_hd_mysql_conf_t;


typedef struct {
    ngx_uint_t            error;
    ngx_hd_reason_e       reason;
} ngx_hd_mysql_error_t;


typedef struct {
    const char           *text;
    ngx_hd_reason_e       reason;
} ngx_hd_mysql_words_t;


static void ngx_hd_mysql_open(ngx_hd_client_t *client);
static ngx_int_t ngx_hd_mysql_address(ngx_hd_mysql_t *m);
static ngx_int_t ngx_hd_mysql_create(ngx_hd_mysql_t *m);
static int ngx_hd_mysql_options(ngx_hd_mysql_t *m);
static int ngx_hd_mysql_options_tls(ngx_hd_mysql_t *m);
static ngx_int_t ngx_hd_mysql_stack(ngx_hd_mysql_t *m);
static ngx_int_t ngx_hd_mysql_listen(void);
static void ngx_hd_mysql_read(int mode, MYSQL *my, const u_char *data,
    size_t n);
static void ngx_hd_mysql_cut(MYSQL *my);
static void ngx_hd_mysql_step(ngx_hd_client_t *client);
static ngx_int_t ngx_hd_mysql_greeting(ngx_hd_mysql_t *m);
static void ngx_hd_mysql_resume(ngx_hd_mysql_t *m);
static void ngx_hd_mysql_next(ngx_hd_mysql_t *m);
static void ngx_hd_mysql_name(ngx_hd_mysql_t *m);
static void ngx_hd_mysql_nonblocking(ngx_socket_t fd);
static void ngx_hd_mysql_main(void);
static ngx_int_t ngx_hd_mysql_talk(ngx_hd_mysql_t *m);
static int ngx_hd_mysql_wait(ngx_hd_mysql_t *m, int wants);
static int ngx_hd_mysql_wait_io(my_socket fd, my_bool is_read, int timeout);
static ngx_uint_t ngx_hd_mysql_unseen(ngx_hd_mysql_t *m);
static ngx_int_t ngx_hd_mysql_connect(ngx_hd_mysql_t *m);
static ngx_int_t ngx_hd_mysql_limit(ngx_hd_mysql_t *m);
static ngx_int_t ngx_hd_mysql_role(ngx_hd_mysql_t *m);
static ngx_int_t ngx_hd_mysql_is_replica(const ngx_hd_client_row_t *row);
static ngx_int_t ngx_hd_mysql_lag(ngx_hd_mysql_t *m);
static ngx_int_t ngx_hd_mysql_lag_rows(ngx_hd_mysql_t *m, MYSQL_RES *res);
static ngx_int_t ngx_hd_mysql_lag_row(ngx_hd_mysql_t *m, MYSQL_RES *res,
    MYSQL_ROW row);
static ngx_int_t ngx_hd_mysql_ask(ngx_hd_mysql_t *m, const char *query);
static ngx_int_t ngx_hd_mysql_query(ngx_hd_mysql_t *m, const char *query);
static MYSQL_ROW ngx_hd_mysql_fetch(ngx_hd_mysql_t *m, MYSQL_RES *res);
static void ngx_hd_mysql_free(ngx_hd_mysql_t *m, MYSQL_RES *res,
    ngx_uint_t all);
static void ngx_hd_mysql_close(ngx_hd_mysql_t *m);
static void ngx_hd_mysql_failed(ngx_hd_mysql_t *m, ngx_uint_t query);
static ngx_uint_t ngx_hd_mysql_refused(ngx_hd_mysql_t *m, ngx_uint_t error);
static void ngx_hd_mysql_tls_failed(ngx_hd_mysql_t *m);
static void ngx_hd_mysql_set(ngx_hd_mysql_t *m, ngx_hd_reason_e reason,
    const char *text);
static void ngx_hd_mysql_drop(ngx_hd_client_t *client);


static const ngx_hd_mysql_error_t  ngx_hd_mysql_errors[] = {
    { 1044, NGX_HD_R_LOGIN },           /* no access to the database */
    { 1045, NGX_HD_R_LOGIN },           /* access denied */
    { 1049, NGX_HD_R_LOGIN },           /* unknown database */
    { 1130, NGX_HD_R_LOGIN },           /* host not allowed */
    { 1251, NGX_HD_R_LOGIN },           /* authentication protocol */
    { 1698, NGX_HD_R_LOGIN },           /* access denied without password */
    { 1820, NGX_HD_R_LOGIN },           /* password expired */
    { 1862, NGX_HD_R_LOGIN },
    { 3118, NGX_HD_R_LOGIN },           /* account locked */
    { 4151, NGX_HD_R_LOGIN },
    { 1053, NGX_HD_R_NOT_SERVING },     /* shuts down */
    { 1077, NGX_HD_R_NOT_SERVING },
    { 1079, NGX_HD_R_NOT_SERVING },
    { CR_AUTH_PLUGIN_CANNOT_LOAD, NGX_HD_R_LOGIN },
    { CR_SERVER_GONE_ERROR, NGX_HD_R_RESPONSE_CLOSED },
    { CR_SERVER_LOST, NGX_HD_R_RESPONSE_CLOSED },
    { CR_OUT_OF_MEMORY, NGX_HD_R_LOCAL_MEMORY },
    { CR_VERSION_ERROR, NGX_HD_R_RESPONSE_INVALID },
    { CR_MALFORMED_PACKET, NGX_HD_R_RESPONSE_INVALID },
    { CR_NET_PACKET_TOO_LARGE, NGX_HD_R_RESPONSE_INVALID }
};


/* the words of libmariadb and OpenSSL, which are not translated */

static const ngx_hd_mysql_words_t  ngx_hd_mysql_words[] = {
    { "does not support", NGX_HD_R_TLS_REFUSED },
    { "has expired", NGX_HD_R_TLS_EXPIRED },
    { "not yet valid", NGX_HD_R_TLS_NOT_YET_VALID },
    { "Validation of SSL server certificate", NGX_HD_R_TLS_NAME },
    { "Hostname verification", NGX_HD_R_TLS_NAME },
    { "self-signed certificate", NGX_HD_R_TLS_UNTRUSTED },
    { "self signed certificate", NGX_HD_R_TLS_UNTRUSTED },
    { "issuer certificate", NGX_HD_R_TLS_UNTRUSTED },
    { "not trusted", NGX_HD_R_TLS_UNTRUSTED },
    { "unsupported protocol", NGX_HD_R_TLS_VERSION },
    { "protocol version", NGX_HD_R_TLS_VERSION }
};


/* the co-routine that runs: libmariadb calls a waiter without an argument */

static ngx_hd_mysql_t  *ngx_hd_mysql_running;


/* of this process: libmariadb cannot forget a listener */

static ngx_uint_t  ngx_hd_mysql_listens;


/* exported, but in none of libmariadb's headers; mode 0: data were read */

extern int ma_pvio_register_callback(my_bool add,
    void (*callback)(int mode, MYSQL *my, const u_char *data, size_t n));


const char *
ngx_hd_mysql_prepare(ngx_pool_t *pool, ngx_hd_check_t *check, ngx_str_t *host)
{
    ngx_hd_mysql_conf_t  *conf;

    /* else libmariadb would ask the system for the name of nginx's user */

    if (check->user.len == 0) {
        return "needs \"user\"";
    }

    /* tens of milliseconds in each probe, while the worker does nothing else */

    if (check->starttls && check->verify && check->ca.len == 0
        && !NGX_HD_MYSQL_JUDGES)
    {
        return "needs \"ca\" beside starttls=on, for libmariadb would read all "
               "authorities of the system in each probe";
    }

    conf = ngx_pcalloc(pool, sizeof(ngx_hd_mysql_conf_t));
    if (conf == NULL) {
        return "has no memory";
    }

    check->data = conf;

    if (check->query.len == 0) {
        ngx_str_set(&check->query, "select 1");
    }

    conf->user = ngx_hd_client_text(pool, &check->user);
    conf->password = ngx_hd_client_text(pool, &check->password);
    conf->database = ngx_hd_client_text(pool, &check->database);
    conf->query = ngx_hd_client_text(pool, &check->query);
    conf->ca = ngx_hd_client_text(pool, &check->ca);
    conf->cert = ngx_hd_client_text(pool, &check->cert);
    conf->key = ngx_hd_client_text(pool, &check->key);

    /* NULL would be read from the environment */

    if (conf->password == NULL) {
        conf->password = "";
    }

    return NULL;
}


const char *
ngx_hd_mysql_fits(ngx_hd_target_t *target)
{
    if (target->sockaddr && target->sockaddr->sa_family == AF_UNIX
        && target->check->starttls)
    {
        return "has no \"starttls\" over a unix socket";
    }

    return NULL;
}


ngx_int_t
ngx_hd_mysql_start(ngx_hd_run_t *run)
{
    ngx_hd_mysql_t  *m;

    m = ngx_pcalloc(run->pool, sizeof(ngx_hd_mysql_t));
    if (m == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    m->client.open = ngx_hd_mysql_open;
    m->client.step = ngx_hd_mysql_step;
    m->client.drop = ngx_hd_mysql_drop;
    m->tls.run = run;
    m->tls.judges = NGX_HD_MYSQL_JUDGES;

    return ngx_hd_client_start(&m->client, run);
}


static void
ngx_hd_mysql_open(ngx_hd_client_t *client)
{
    ngx_hd_mysql_t  *m;

    m = (ngx_hd_mysql_t *) client;

    if (ngx_hd_mysql_address(m) != NGX_OK
        || ngx_hd_mysql_create(m) != NGX_OK)
    {
        ngx_hd_result_set(&client->run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        ngx_hd_run_done(client->run);
        return;
    }

    ngx_hd_mysql_resume(m);
    ngx_hd_mysql_next(m);
}


/* numeric always: libmariadb would look a name up, and wait for that */

static ngx_int_t
ngx_hd_mysql_address(ngx_hd_mysql_t *m)
{
    size_t               len;
    ngx_addr_t          *addr;
    ngx_hd_run_t        *run;
    struct sockaddr_un  *saun;

    run = m->client.run;
    addr = m->client.addr;

    /* room for the name that takes its place */

    len = NGX_SOCKADDR_STRLEN + run->target->check->sni.len + 1;

    m->host = ngx_pcalloc(run->pool, len);
    if (m->host == NULL) {
        return NGX_ERROR;
    }

    if (addr->sockaddr->sa_family == AF_UNIX) {
        saun = (struct sockaddr_un *) addr->sockaddr;
        m->path = saun->sun_path;
        ngx_memcpy(m->host, "localhost", sizeof("localhost"));
        return NGX_OK;
    }

    (void) ngx_sock_ntop(addr->sockaddr, addr->socklen, (u_char *) m->host,
                         NGX_SOCKADDR_STRLEN, 0);
    m->port = ngx_inet_get_port(addr->sockaddr);

    return NGX_OK;
}


static ngx_int_t
ngx_hd_mysql_create(ngx_hd_mysql_t *m)
{
    m->over = 0;
    m->aborted = 0;
    m->dropped = 0;
    m->greeted = 0;
    m->flooded = 0;
    m->tries = 0;
    m->size = 0;
    m->tls.made = 0;

    if (ngx_hd_mysql_listen() != NGX_OK) {
        return NGX_ERROR;
    }

    m->my = mysql_init(NULL);
    if (m->my == NULL) {
        return NGX_ERROR;
    }

    if (ngx_hd_mysql_options(m) != 0 || ngx_hd_mysql_stack(m) != NGX_OK) {
        mysql_close(m->my);
        m->my = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* without one of them nothing is as it should be: 0 if all were taken */

static int
ngx_hd_mysql_options(ngx_hd_mysql_t *m)
{
    int             rc;
    MYSQL          *my;
    unsigned int    protocol, zero;
    unsigned long   packet;

    my = m->my;
    zero = 0;
    packet = NGX_HD_CLIENT_ANSWER;
    protocol = m->path ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;

    rc = mysql_options(my, MYSQL_OPT_NONBLOCK, NULL);
    rc |= mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &zero);
    rc |= mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &zero);
    rc |= mysql_options(my, MYSQL_OPT_WRITE_TIMEOUT, &zero);
    rc |= mysql_options(my, MYSQL_OPT_LOCAL_INFILE, &zero);
    rc |= mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol);
    rc |= mysql_options(my, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
    rc |= mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    rc |= mysql_optionsv(my, MARIADB_OPT_RESTRICTED_AUTH,
                         NGX_HD_MYSQL_PLUGINS);
    rc |= mysql_optionsv(my, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
                         "healthdash");

    return rc | ngx_hd_mysql_options_tls(m);
}


static int
ngx_hd_mysql_options_tls(ngx_hd_mysql_t *m)
{
    int                   rc;
    MYSQL                *my;
    my_bool               tls, verify;
    ngx_hd_check_t       *check;
    ngx_hd_mysql_conf_t  *conf;

    my = m->my;
    check = m->client.run->target->check;
    conf = check->data;

    tls = check->starttls ? 1 : 0;
    verify = (check->starttls && check->verify && !m->tls.judges) ? 1 : 0;

    rc = mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &tls);
    rc |= mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);

    if (!tls) {
        return rc;
    }

    if (m->tls.judges) {
        rc |= mysql_options(my, MYSQL_OPT_SSL_CAPATH, NGX_HD_MYSQL_NO_DIR);

    } else if (verify && conf->ca) {
        rc |= mysql_options(my, MYSQL_OPT_SSL_CA, conf->ca);
    }

    if (conf->cert) {
        rc |= mysql_options(my, MYSQL_OPT_SSL_CERT, conf->cert);
        rc |= mysql_options(my, MYSQL_OPT_SSL_KEY, conf->key);
    }

    rc |= mysql_optionsv(my, MARIADB_OPT_TLS_VERSION,
                         (check->min_tls == 13) ? "TLSv1.3"
                                                : "TLSv1.2,TLSv1.3");
    rc |= mysql_optionsv(my, MARIADB_OPT_IO_WAIT, ngx_hd_mysql_wait_io);

    return rc;
}


static ngx_int_t
ngx_hd_mysql_stack(ngx_hd_mysql_t *m)
{
    void  *stack;

    stack = mmap(NULL, NGX_HD_MYSQL_STACK, PROT_READ|PROT_WRITE,
                 MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (stack == MAP_FAILED) {
        return NGX_ERROR;
    }

    if (mprotect(stack, ngx_pagesize, PROT_NONE) == -1
        || getcontext(&m->inner) == -1)
    {
        (void) munmap(stack, NGX_HD_MYSQL_STACK);
        return NGX_ERROR;
    }

    m->stack = stack;

    m->inner.uc_stack.ss_sp = m->stack;
    m->inner.uc_stack.ss_size = NGX_HD_MYSQL_STACK;
    m->inner.uc_link = &m->outer;

    makecontext(&m->inner, ngx_hd_mysql_main, 0);

    return NGX_OK;
}


/* to all that libmariadb reads */

static ngx_int_t
ngx_hd_mysql_listen(void)
{
    if (!ngx_hd_mysql_listens
        && ma_pvio_register_callback(1, ngx_hd_mysql_read) != 0)
    {
        return NGX_ERROR;
    }

    ngx_hd_mysql_listens = 1;

    return NGX_OK;
}


/*
 * A call reads until it has what it wants, or has to wait.  A peer that is fast
 * enough never lets it wait: no event, and no deadline, would come any more,
 * and what is read into memory is kept.
 */

static void
ngx_hd_mysql_read(int mode, MYSQL *my, const u_char *data, size_t n)
{
    ngx_hd_mysql_t  *m;

    m = ngx_hd_mysql_running;

    if (m == NULL || mode != 0 || (ssize_t) n <= 0) {
        return;
    }

    m->size += n;

    if (m->size > NGX_HD_MYSQL_ANSWER) {
        m->flooded = 1;
        ngx_hd_mysql_cut(my);
    }
}


/*
 * What has come already, or still comes, would be read on: so the connection is
 * closed, and its number becomes that of a socket that was never connected.
 */

static void
ngx_hd_mysql_cut(MYSQL *my)
{
    ngx_socket_t  fd, dead;

    fd = mysql_get_socket(my);
    dead = socket(AF_UNIX, SOCK_STREAM, 0);

    if (dead == (ngx_socket_t) -1) {
        (void) shutdown(fd, SHUT_RDWR);
        return;
    }

    (void) dup3(dead, fd, O_CLOEXEC);
    (void) ngx_close_socket(dead);
}


static void
ngx_hd_mysql_step(ngx_hd_client_t *client)
{
    ngx_hd_mysql_t  *m;

    m = (ngx_hd_mysql_t *) client;

    switch (ngx_hd_mysql_greeting(m)) {

    case NGX_AGAIN:
        ngx_hd_client_waits(client, "the greeting");
        ngx_hd_client_wait(client, mysql_get_socket(m->my),
                           NGX_HD_WATCH_READ);
        return;

    case NGX_DECLINED:
        ngx_hd_run_done(client->run);
        return;

    default:
        ngx_hd_mysql_resume(m);
        ngx_hd_mysql_next(m);
    }
}


/*
 * Of a peer that is no MySQL libmariadb only says that the connection was lost,
 * so the first bytes are looked at before it reads them.  A unix socket may not
 * know a least number of bytes: then libmariadb gets the few that are there.
 */

static ngx_int_t
ngx_hd_mysql_greeting(ngx_hd_mysql_t *m)
{
    int            least;
    u_char         p[NGX_HD_SEEN_LEN];
    ssize_t        n;
    ngx_socket_t   fd;
    ngx_hd_wire_t  wire;

    if (m->greeted || mysql_get_server_info(m->my)) {
        return NGX_OK;
    }

    fd = mysql_get_socket(m->my);
    n = recv(fd, p, sizeof(p), MSG_PEEK|MSG_DONTWAIT);
    least = NGX_HD_MYSQL_HEADER + 1;

    if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(int));
        return NGX_AGAIN;
    }

    m->greeted = 1;

    least = 1;
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(int));

    /* none is longer than 64k, and an error may have another number than 0 */

    if (n <= NGX_HD_MYSQL_HEADER
        || (p[2] == 0 && p[3] <= 2
            && (p[4] == NGX_HD_MYSQL_VERSION || p[4] == NGX_HD_MYSQL_REFUSAL)))
    {
        return NGX_OK;
    }

    ngx_memzero(&wire, sizeof(ngx_hd_wire_t));
    wire.result = &m->client.run->result;

    return ngx_hd_wire_alien(&wire, "a MySQL", p, n);
}


static void
ngx_hd_mysql_resume(ngx_hd_mysql_t *m)
{
    ngx_hd_mysql_running = m;
    ngx_hd_tls_foreign(&m->tls);

    if (swapcontext(&m->outer, &m->inner) == -1) {
        m->over = 1;
        ngx_hd_mysql_set(m, NGX_HD_R_LOCAL_ERROR, "no co-routine");
    }

    ngx_hd_tls_foreign(NULL);
    ngx_hd_mysql_running = NULL;
}


static void
ngx_hd_mysql_next(ngx_hd_mysql_t *m)
{
    ngx_uint_t        events;
    ngx_socket_t      fd;
    ngx_hd_run_t     *run;
    ngx_hd_result_t  *result;

    run = m->client.run;
    result = &run->result;

    if (!m->over) {
        fd = mysql_get_socket(m->my);
        events = 0;

        if (m->wants & MYSQL_WAIT_READ) {
            events |= NGX_HD_WATCH_READ;
        }

        if (m->wants & MYSQL_WAIT_WRITE) {
            events |= NGX_HD_WATCH_WRITE;
        }

        ngx_hd_mysql_name(m);
        ngx_hd_mysql_nonblocking(fd);

        ngx_hd_client_wait(&m->client, fd, events);

        return;
    }

    /* of an address that was refused at once */

    if (m->client.connecting && result->reason == NGX_HD_R_CONNECT_FAILED) {
        ngx_hd_client_refused(&m->client, m->err, "no socket");
        return;
    }

    if (result->reason != NGX_HD_R_NONE) {
        ngx_hd_run_done(run);
        return;
    }

    ngx_hd_client_judge(run, &m->row);
}


/*
 * libmariadb copies the name it verifies when the server has greeted it, which
 * is after it has read the same string as the address.
 */

static void
ngx_hd_mysql_name(ngx_hd_mysql_t *m)
{
    ngx_hd_check_t  *check;

    check = m->client.run->target->check;

    if (m->client.connecting && check->starttls && check->sni.len) {
        (void) ngx_cpystrn((u_char *) m->host, check->sni.data,
                           check->sni.len + 1);
    }
}


/*
 * libmariadb reads TLS from a socket that it has made blocking once it is
 * connected.  The flag is set whenever it waits; what it does between the
 * connect and its first wait is bounded by the shortest timeout there is.  That
 * one it takes away at the end of a log-in, which may have come without a wait.
 */

static void
ngx_hd_mysql_nonblocking(ngx_socket_t fd)
{
    struct timeval  tv;

    tv.tv_sec = 0;
    tv.tv_usec = 1;

    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));

    (void) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}


/* all that follows, to ngx_hd_mysql_set(), runs on the stack of its own */

static void
ngx_hd_mysql_main(void)
{
    ngx_hd_mysql_t  *m;

    m = ngx_hd_mysql_running;

    (void) ngx_hd_mysql_talk(m);

    ngx_hd_mysql_close(m);

    m->over = 1;
}


static ngx_int_t
ngx_hd_mysql_talk(ngx_hd_mysql_t *m)
{
    ngx_hd_check_t       *check;
    ngx_hd_mysql_conf_t  *conf;

    check = m->client.run->target->check;
    conf = check->data;

    if (ngx_hd_mysql_connect(m) != NGX_OK
        || ngx_hd_mysql_limit(m) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (check->role != NGX_HD_ROLE_ANY && ngx_hd_mysql_role(m) != NGX_OK) {
        return NGX_ERROR;
    }

    if (check->max_lag && ngx_hd_mysql_lag(m) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_hd_client_waits(&m->client, "the query");

    return ngx_hd_mysql_ask(m, conf->query);
}


/* leaves this stack until the socket is ready */

static int
ngx_hd_mysql_wait(ngx_hd_mysql_t *m, int wants)
{
    if (m->aborted && m->tries++ < NGX_HD_MYSQL_TRIES) {
        return MYSQL_WAIT_TIMEOUT;
    }

    m->wants = wants;

    if (swapcontext(&m->inner, &m->outer) == -1) {
        return MYSQL_WAIT_TIMEOUT;
    }

    return m->aborted ? MYSQL_WAIT_TIMEOUT
                      : wants & (MYSQL_WAIT_READ|MYSQL_WAIT_WRITE);
}


/* called within the TLS handshake, in place of poll() */

static int
ngx_hd_mysql_wait_io(my_socket fd, my_bool is_read, int timeout)
{
    ngx_hd_mysql_t  *m;

    m = ngx_hd_mysql_running;

    /* it says "read" even if it wants to write, which it hardly ever does */

    m->client.run->late = NGX_HD_R_TLS_TIMEOUT;
    m->client.run->waits = NULL;

    if (ngx_hd_mysql_unseen(m)) {
        return 0;
    }

    if (ngx_hd_mysql_wait(m, MYSQL_WAIT_READ) == MYSQL_WAIT_TIMEOUT) {
        return 0;
    }

    ngx_hd_run_phase(m->client.run, NGX_HD_PHASE_TLS);

    return 1;
}


/* nobody would look at the certificate */

static ngx_uint_t
ngx_hd_mysql_unseen(ngx_hd_mysql_t *m)
{
    if (!m->tls.judges || m->tls.made) {
        return 0;
    }

    ngx_hd_mysql_set(m, NGX_HD_R_LOCAL_ERROR,
                     "libmariadb has another TLS library than nginx");
    return 1;
}


static ngx_int_t
ngx_hd_mysql_connect(ngx_hd_mysql_t *m)
{
    int                   status;
    MYSQL                *ret;
    ngx_hd_run_t         *run;
    ngx_hd_mysql_conf_t  *conf;

    run = m->client.run;
    conf = run->target->check->data;

    status = mysql_real_connect_start(&ret, m->my, m->host, conf->user,
                                      conf->password, conf->database, m->port,
                                      m->path, 0);

    while (status) {
        status = mysql_real_connect_cont(&ret, m->my,
                                         ngx_hd_mysql_wait(m, status));

        if (!m->aborted) {
            ngx_hd_client_waits(&m->client, "the log-in");
        }
    }

    if (ret == NULL) {
        ngx_hd_mysql_failed(m, 0);
        return NGX_ERROR;
    }

    ngx_hd_mysql_nonblocking(mysql_get_socket(m->my));

    ngx_hd_run_phase(run, NGX_HD_PHASE_FIRST);

    if (run->target->check->starttls && mysql_get_ssl_cipher(m->my) == NULL) {
        ngx_hd_mysql_set(m, NGX_HD_R_TLS_REFUSED, NULL);
        return NGX_ERROR;
    }

    if (run->target->check->starttls && ngx_hd_mysql_unseen(m)) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a server must not go on with a query that nobody waits for */

static ngx_int_t
ngx_hd_mysql_limit(ngx_hd_mysql_t *m)
{
    u_char      buf[64];
    ngx_msec_t  timeout;

    ngx_memzero(buf, sizeof(buf));
    timeout = m->client.run->target->check->timeout;

    if (mariadb_connection(m->my)) {
        (void) ngx_sprintf(buf, "set max_statement_time=%M.%03M",
                           timeout / 1000, timeout % 1000);

    } else {
        (void) ngx_sprintf(buf, "set max_execution_time=%M", timeout);
    }

    if (ngx_hd_mysql_query(m, (char *) buf) == NGX_OK
        || mysql_errno(m->my) < CR_MIN_ERROR
        || mysql_errno(m->my) > CR_MAX_ERROR)
    {
        return NGX_OK;      /* a server may not know it */
    }

    ngx_hd_mysql_failed(m, 1);

    return NGX_ERROR;
}


static ngx_int_t
ngx_hd_mysql_role(ngx_hd_mysql_t *m)
{
    ngx_int_t  replica;

    ngx_hd_client_waits(&m->client, "its role");

    if (ngx_hd_mysql_ask(m, "select @@global.read_only") != NGX_OK) {
        return NGX_ERROR;
    }

    replica = ngx_hd_mysql_is_replica(&m->row);

    /* nothing can be asked behind an answer that was not read to its end */

    if (m->aborted || replica == NGX_ERROR) {
        ngx_hd_mysql_set(m, NGX_HD_R_RESPONSE_INVALID,
                         "no answer to the query for its role");
        return NGX_ERROR;
    }

    return ngx_hd_client_role(m->client.run, replica);
}


/* a number, but a name since MariaDB 12; NGX_ERROR: neither */

static ngx_int_t
ngx_hd_mysql_is_replica(const ngx_hd_client_row_t *row)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t  value;
        ngx_int_t  replica;
    } known[] = {
        { ngx_string("0"), 0 },
        { ngx_string("1"), 1 },
        { ngx_string("OFF"), 0 },
        { ngx_string("ON"), 1 },
        { ngx_string("NO_LOCK"), 1 },
        { ngx_string("NO_LOCK_NO_ADMIN"), 1 }
    };

    if (row->no_row) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {

        if (ngx_hd_cond_equal(&known[i].value, &row->row)) {
            return known[i].replica;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_hd_mysql_lag(ngx_hd_mysql_t *m)
{
    ngx_int_t   rc;
    MYSQL_RES  *res;

    ngx_hd_client_waits(&m->client, "its lag");

    rc = ngx_hd_mysql_query(m, "show replica status");

    if (rc != NGX_OK && mysql_errno(m->my) == NGX_HD_MYSQL_PARSE) {
        rc = ngx_hd_mysql_query(m, "show slave status");
    }

    if (rc != NGX_OK) {
        ngx_hd_mysql_failed(m, 1);
        return NGX_ERROR;
    }

    res = mysql_use_result(m->my);

    if (res == NULL) {
        ngx_hd_mysql_failed(m, 1);
        return NGX_ERROR;
    }

    rc = ngx_hd_mysql_lag_rows(m, res);

    ngx_hd_mysql_free(m, res, rc == NGX_OK);

    return rc;
}


/* one for each source; none: there is nothing to lag behind */

static ngx_int_t
ngx_hd_mysql_lag_rows(ngx_hd_mysql_t *m, MYSQL_RES *res)
{
    ngx_uint_t  n;
    MYSQL_ROW   row;

    for (n = 0; n < NGX_HD_MYSQL_CHANNELS; n++) {
        row = ngx_hd_mysql_fetch(m, res);

        if (row == NULL) {
            break;
        }

        if (ngx_hd_mysql_lag_row(m, res, row) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (mysql_errno(m->my)) {
        ngx_hd_mysql_failed(m, 1);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_mysql_lag_row(ngx_hd_mysql_t *m, MYSQL_RES *res, MYSQL_ROW row)
{
    ngx_str_t     lag;
    ngx_uint_t    i, n;
    MYSQL_FIELD  *field;

    n = mysql_num_fields(res);
    field = mysql_fetch_fields(res);

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(field[i].name, "Seconds_Behind_Master") == 0
            || ngx_strcmp(field[i].name, "Seconds_Behind_Source") == 0)
        {
            break;
        }
    }

    if (i == n || row[i] == NULL) {
        ngx_hd_mysql_set(m, NGX_HD_R_LAG, "replication is not running");
        return NGX_ERROR;
    }

    lag = ngx_hd_client_line(row[i]);

    return ngx_hd_client_lag(m->client.run, &lag);
}


static ngx_int_t
ngx_hd_mysql_ask(ngx_hd_mysql_t *m, const char *query)
{
    MYSQL_ROW       row;
    MYSQL_RES      *res;
    unsigned long  *lengths;

    ngx_memzero(&m->row, sizeof(ngx_hd_client_row_t));
    m->row.no_row = 1;

    if (ngx_hd_mysql_query(m, query) != NGX_OK) {
        ngx_hd_mysql_failed(m, 1);
        return NGX_ERROR;
    }

    res = mysql_use_result(m->my);

    if (res == NULL) {

        if (mysql_errno(m->my) == 0) {
            return NGX_OK;      /* a statement without rows */
        }

        ngx_hd_mysql_failed(m, 1);
        return NGX_ERROR;
    }

    row = ngx_hd_mysql_fetch(m, res);
    lengths = row ? mysql_fetch_lengths(res) : NULL;

    if (lengths && row[0]
        && ngx_hd_client_keep(m->client.run, &m->row, row[0], lengths[0])
           != NGX_OK)
    {
        ngx_hd_mysql_set(m, NGX_HD_R_LOCAL_MEMORY, NULL);
    }

    /* the first row is enough, but an error may follow it */

    if (row) {
        row = ngx_hd_mysql_fetch(m, res);
    }

    if (row == NULL && mysql_errno(m->my)) {
        ngx_hd_mysql_failed(m, 1);
    }

    ngx_hd_mysql_free(m, res, row == NULL);

    return (m->client.run->result.reason == NGX_HD_R_NONE) ? NGX_OK
                                                           : NGX_ERROR;
}


static ngx_int_t
ngx_hd_mysql_query(ngx_hd_mysql_t *m, const char *query)
{
    int  ret, status;

    m->size = 0;

    status = mysql_real_query_start(&ret, m->my, query, strlen(query));

    while (status) {
        status = mysql_real_query_cont(&ret, m->my,
                                       ngx_hd_mysql_wait(m, status));
    }

    return (ret == 0) ? NGX_OK : NGX_ERROR;
}


static MYSQL_ROW
ngx_hd_mysql_fetch(ngx_hd_mysql_t *m, MYSQL_RES *res)
{
    int        status;
    MYSQL_ROW  row;

    m->size = 0;

    status = mysql_fetch_row_start(&row, res);

    while (status) {
        status = mysql_fetch_row_cont(&row, res, ngx_hd_mysql_wait(m, status));
    }

    return row;
}


/* libmariadb would read what is left of a result, however much that is */

static void
ngx_hd_mysql_free(ngx_hd_mysql_t *m, MYSQL_RES *res, ngx_uint_t all)
{
    int  status;

    if (!all) {
        m->aborted = 1;
        (void) shutdown(mysql_get_socket(m->my), SHUT_RDWR);
        res->handle = NULL;
    }

    status = mysql_free_result_start(res);

    while (status) {
        status = mysql_free_result_cont(res, ngx_hd_mysql_wait(m, status));
    }
}


/* a last word that does not go out at once is not worth more */

static void
ngx_hd_mysql_close(ngx_hd_mysql_t *m)
{
    int            status;
    MYSQL         *my;
    ngx_socket_t   fd;

    my = m->my;
    m->my = NULL;

    fd = mysql_get_socket(my);
    status = mysql_close_start(my);

    if (status) {
        m->aborted = 1;
        (void) shutdown(fd, SHUT_RDWR);
    }

    while (status) {
        status = mysql_close_cont(my, ngx_hd_mysql_wait(m, status));
    }
}


static void
ngx_hd_mysql_failed(ngx_hd_mysql_t *m, ngx_uint_t query)
{
    u_char            text[NGX_HD_DETAIL_LEN];
    ngx_str_t         line;
    ngx_uint_t        i, n, error;
    ngx_hd_reason_e   reason;

    error = mysql_errno(m->my);

    if (m->flooded) {
        *ngx_snprintf(text, sizeof(text) - 1, "more than %d bytes in an answer",
                      NGX_HD_MYSQL_ANSWER) = '\0';

        ngx_hd_mysql_set(m, query ? NGX_HD_R_QUERY : NGX_HD_R_RESPONSE_INVALID,
                         (char *) text);
        return;
    }

    if (error == CR_SSL_CONNECTION_ERROR) {
        ngx_hd_mysql_tls_failed(m);
        return;
    }

    if (ngx_hd_mysql_refused(m, error)) {
        return;
    }

    reason = (error >= CR_MIN_ERROR && error <= CR_MAX_ERROR)
             ? NGX_HD_R_RESPONSE_FAILED
             : query ? NGX_HD_R_QUERY : NGX_HD_R_PROTOCOL_ERROR;

    n = sizeof(ngx_hd_mysql_errors) / sizeof(ngx_hd_mysql_error_t);

    for (i = 0; i < n; i++) {
        if (ngx_hd_mysql_errors[i].error == error) {
            reason = ngx_hd_mysql_errors[i].reason;
            break;
        }
    }

    if (query && reason == NGX_HD_R_LOGIN) {
        reason = NGX_HD_R_QUERY;
    }

    if (reason == NGX_HD_R_RESPONSE_CLOSED) {
        ngx_hd_mysql_set(m, reason, NULL);
        return;
    }

    line = ngx_hd_client_line(mysql_error(m->my));
    *ngx_snprintf(text, sizeof(text) - 1, "%ui: %V", error, &line) = '\0';

    ngx_hd_mysql_set(m, reason, (char *) text);
}


/* "Can't connect to server on '127.0.0.1' (111)" */

static ngx_uint_t
ngx_hd_mysql_refused(ngx_hd_mysql_t *m, ngx_uint_t error)
{
    ngx_int_t    n;
    const char  *p;

    switch (error) {

    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_SOCKET_CREATE_ERROR:
    case CR_IPSOCK_ERROR:
        break;

    default:
        return 0;
    }

    p = strrchr(mysql_error(m->my), '(');
    n = NGX_ERROR;

    if (p) {
        n = ngx_atoi((u_char *) p + 1, strspn(p + 1, "0123456789"));
    }

    m->err = (n > 0) ? (ngx_err_t) n : 0;

    ngx_hd_mysql_set(m, NGX_HD_R_CONNECT_FAILED, mysql_error(m->my));

    return 1;
}


static void
ngx_hd_mysql_tls_failed(ngx_hd_mysql_t *m)
{
    ngx_uint_t        i, n;
    const char       *text, *p;
    ngx_hd_reason_e   reason;

    text = mysql_error(m->my);
    reason = NGX_HD_R_TLS_HANDSHAKE;
    n = sizeof(ngx_hd_mysql_words) / sizeof(ngx_hd_mysql_words_t);

    for (i = 0; i < n; i++) {
        if (strstr(text, ngx_hd_mysql_words[i].text)) {
            reason = ngx_hd_mysql_words[i].reason;
            break;
        }
    }

    /* a handshake may have ended without a wait */

    if (reason != NGX_HD_R_TLS_REFUSED && ngx_hd_mysql_unseen(m)) {
        return;
    }

    p = strstr(text, "error: ");

    if (p) {
        text = p + sizeof("error: ") - 1;
    }

    ngx_hd_mysql_set(m, reason, (reason == NGX_HD_R_TLS_REFUSED) ? NULL
                                                                 : text);
}


/* the first failure counts, and none of a run that was given up */

static void
ngx_hd_mysql_set(ngx_hd_mysql_t *m, ngx_hd_reason_e reason, const char *text)
{
    ngx_str_t     line;
    ngx_hd_run_t  *run;

    run = m->client.run;

    if (run->done || m->dropped || run->result.reason != NGX_HD_R_NONE) {
        return;
    }

    if (text == NULL) {
        ngx_hd_result_set(&run->result, reason, NULL);
        return;
    }

    line = ngx_hd_client_line(text);
    ngx_hd_result_set(&run->result, reason, "%V", &line);
}


/*
 * A call under way has memory that only its end gives back: it is told that
 * its time is over, on a socket that has nothing more to say.
 */

static void
ngx_hd_mysql_drop(ngx_hd_client_t *client)
{
    ngx_hd_mysql_t  *m;

    m = (ngx_hd_mysql_t *) client;

    if (m->stack == NULL) {
        return;
    }

    if (!m->over) {
        m->aborted = 1;
        m->dropped = 1;
        m->tries = 0;

        if (m->my) {
            (void) shutdown(mysql_get_socket(m->my), SHUT_RDWR);
        }

        ngx_hd_mysql_resume(m);
    }

    (void) munmap(m->stack, NGX_HD_MYSQL_STACK);
    m->stack = NULL;
}


void
ngx_hd_mysql_release(ngx_hd_run_t *run)
{
    if (run->ctx) {
        ngx_hd_client_stop(run->ctx);
    }
}


/*
 * healthdash: TLS of stream probes, by nginx's own OpenSSL.  Owns the context
 * of a check, made once while the configuration is read, and the judgement of
 * a handshake.  OpenSSL verifies but never refuses: the verdict, with its
 * words, is ours.
 */


#include <ngx_hd_tls.h>
#include <ngx_hd_cert.h>
#include <ngx_hd_reason.h>


#define NGX_HD_TLS_PROTOCOLS                                                  \
    (NGX_SSL_TLSv1|NGX_SSL_TLSv1_1|NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3)

#define NGX_HD_TLS_FATAL       2       /* alert level, RFC 8446 6 */
#define NGX_HD_TLS_NEEDS_CERT  116     /* certificate_required, 6.2 */

/*
 * What a handshake may read: OpenSSL takes a chain of 100 kB.  A read counts as
 * some bytes, for each may bring very few; so does a HelloRequest, and behind
 * the handshake all that is no data, by what it costs.
 */

#define NGX_HD_TLS_MAX         131072
#define NGX_HD_TLS_READ        128
#define NGX_HD_TLS_MESSAGE     1024
#define NGX_HD_TLS_FLOOD       0x100000    /* beside SSL_CB_* */
#define NGX_HD_TLS_ENDLESS     1           /* a reason of ERR_LIB_USER */


/* whether a PEM file holds what it is given for */
typedef ngx_uint_t (*ngx_hd_tls_read_pt)(BIO *bio);


static ngx_int_t ngx_hd_tls_conf_files(ngx_conf_t *cf, ngx_hd_check_t *check);
static ngx_int_t ngx_hd_tls_conf_file(ngx_conf_t *cf, const char *param,
    ngx_str_t *file, ngx_hd_tls_read_pt read);
static ngx_uint_t ngx_hd_tls_read_cert(BIO *bio);
static ngx_uint_t ngx_hd_tls_read_key(BIO *bio);
static int ngx_hd_tls_no_password(char *buf, int size, int rwflag, void *data);
static ngx_int_t ngx_hd_tls_conf_client(ngx_conf_t *cf, ngx_hd_check_t *check,
    ngx_ssl_t *ssl);
static int ngx_hd_tls_no_verify(X509_STORE_CTX *ctx, void *data);
static ngx_int_t ngx_hd_tls_set_name(ngx_hd_run_t *run, ngx_connection_t *c);
static void ngx_hd_tls_info(const ngx_ssl_conn_t *ssl, int where, int ret);
static void ngx_hd_tls_forget(void *data);
static void ngx_hd_tls_made(void *parent, void *ptr, CRYPTO_EX_DATA *ad,
    int index, long argl, void *argp);
static int ngx_hd_tls_verify(X509_STORE_CTX *store, void *data);
static void ngx_hd_tls_bound_info(const SSL *ssl, int where, int ret);
static long ngx_hd_tls_read(BIO *bio, int oper, const char *data, size_t len,
    int argi, long argl, int ret, size_t *processed);
static long ngx_hd_tls_read_on(BIO *bio, int oper, const char *data,
    size_t len, int argi, long argl, int ret, size_t *processed);
static long ngx_hd_tls_may_read(BIO *bio, int ret);
static void ngx_hd_tls_message(int sent, int version, int type,
    const void *data, size_t len, SSL *ssl, void *arg);
static void ngx_hd_tls_counts(SSL *ssl, BIO *bio);
static void ngx_hd_tls_alert(ngx_hd_run_t *run, int ret);
static void ngx_hd_tls_error(ngx_hd_run_t *run);
static ngx_uint_t ngx_hd_tls_is_endless(u_long error);


static int                    ngx_hd_tls_index = -1;  /* -1: none yet */
static ngx_hd_tls_foreign_t  *ngx_hd_tls_user;        /* of a library, now */


ngx_int_t
ngx_hd_tls_trust(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_check_t *check)
{
    if (check->sni.len > NGX_HD_CERT_NAME_LEN) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the TLS server name \"%V\" is longer than %d bytes",
                      &check->sni, NGX_HD_CERT_NAME_LEN);
        return NGX_ERROR;
    }

    if (ngx_hd_tls_conf_files(cf, check) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_hd_cert_trust(cf, hmcf, check);
}


/* OpenSSL's words for a wrong file say little, and a password it asks for */

static ngx_int_t
ngx_hd_tls_conf_files(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    if (ngx_hd_tls_conf_file(cf, "ca", &check->ca, ngx_hd_tls_read_cert)
        != NGX_OK
        || ngx_hd_tls_conf_file(cf, "cert", &check->cert, ngx_hd_tls_read_cert)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hd_tls_conf_file(cf, "key", &check->key, ngx_hd_tls_read_key);
}


static ngx_int_t
ngx_hd_tls_conf_file(ngx_conf_t *cf, const char *param, ngx_str_t *file,
    ngx_hd_tls_read_pt read)
{
    BIO         *bio;
    ngx_err_t    err;
    ngx_uint_t   found;
    const char  *what;

    /* what nginx itself takes that is no file */

    if (file->len == 0
        || ngx_strncmp(file->data, "data:", sizeof("data:") - 1) == 0
        || ngx_strncmp(file->data, "engine:", sizeof("engine:") - 1) == 0
        || ngx_strncmp(file->data, "store:", sizeof("store:") - 1) == 0)
    {
        return NGX_OK;
    }

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    what = (read == ngx_hd_tls_read_key) ? "private key without a password"
                                         : "certificate";

    bio = BIO_new_file((char *) file->data, "r");

    if (bio == NULL) {
        err = ngx_errno;
        ERR_clear_error();

        ngx_log_error(NGX_LOG_EMERG, cf->log, err,
                      "cannot read file \"%V\" of parameter \"%s\", expected "
                      "a PEM file with a %s", file, param, what);
        return NGX_ERROR;
    }

    found = read(bio);

    BIO_free(bio);
    ERR_clear_error();

    if (!found) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "nothing usable in file \"%V\" of parameter \"%s\", "
                      "expected a PEM file with a %s", file, param, what);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_hd_tls_read_cert(BIO *bio)
{
    X509  *cert;

    cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    X509_free(cert);

    return cert != NULL;
}


static ngx_uint_t
ngx_hd_tls_read_key(BIO *bio)
{
    EVP_PKEY  *key;

    key = PEM_read_bio_PrivateKey(bio, NULL, ngx_hd_tls_no_password, NULL);
    EVP_PKEY_free(key);

    return key != NULL;
}


static int
ngx_hd_tls_no_password(char *buf, int size, int rwflag, void *data)
{
    return -1;
}


ngx_int_t
ngx_hd_tls_conf(ngx_conf_t *cf, ngx_hd_check_t *check)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ssl_create(ssl, NGX_HD_TLS_PROTOCOLS, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    SSL_CTX_set_session_cache_mode(ssl->ctx, SSL_SESS_CACHE_OFF);

    if (check->cert.len && ngx_hd_tls_conf_client(cf, check, ssl) != NGX_OK) {
        return NGX_ERROR;
    }

    SSL_CTX_set_cert_verify_callback(ssl->ctx, ngx_hd_tls_no_verify, NULL);

    check->tls_ctx = ssl;

    return NGX_OK;
}


static ngx_int_t
ngx_hd_tls_conf_client(ngx_conf_t *cf, ngx_hd_check_t *check, ngx_ssl_t *ssl)
{
    ngx_int_t   rc;
    ngx_log_t  *log, mute;

    log = ssl->log;

    mute = *log;
    mute.log_level = NGX_LOG_STDERR;

    ssl->log = &mute;

    rc = ngx_ssl_certificate(cf, ssl, &check->cert, &check->key, NULL);

    ssl->log = log;

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "file \"%V\" of parameter \"key\" does not fit the "
                      "certificate in \"%V\", expected its private key",
                      &check->key, &check->cert);
    }

    return rc;
}


ngx_int_t
ngx_hd_tls_lend(const ngx_hd_check_t *check, SSL_CTX *ctx)
{
    X509             *cert;
    ngx_ssl_t        *ssl;
    STACK_OF(X509)   *chain;

    ssl = check->tls_ctx;
    cert = SSL_CTX_get0_certificate(ssl->ctx);

    if (cert == NULL) {
        return NGX_OK;
    }

    (void) SSL_CTX_get0_chain_certs(ssl->ctx, &chain);

    if (SSL_CTX_use_certificate(ctx, cert) != 1
        || SSL_CTX_use_PrivateKey(ctx, SSL_CTX_get0_privatekey(ssl->ctx)) != 1
        || SSL_CTX_set1_chain(ctx, chain) != 1)
    {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* ours comes when the handshake has ended, and goes to the end */

static int
ngx_hd_tls_no_verify(X509_STORE_CTX *ctx, void *data)
{
    return 1;
}


ngx_int_t
ngx_hd_tls_start(ngx_hd_run_t *run, ngx_connection_t *c,
    ngx_connection_handler_pt handler)
{
    ngx_hd_check_t  *check;

    check = run->target->check;

    if (ngx_ssl_create_connection(check->tls_ctx, c, NGX_SSL_CLIENT)
        != NGX_OK
        || ngx_hd_tls_set_name(run, c) != NGX_OK)
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    SSL_set_info_callback(c->ssl->connection, ngx_hd_tls_info);

    c->ssl->handler = handler;

    return (ngx_ssl_handshake(c) == NGX_AGAIN) ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
ngx_hd_tls_set_name(ngx_hd_run_t *run, ngx_connection_t *c)
{
    u_char      buf[NGX_HD_CERT_NAME_LEN + 1];
    ngx_str_t   name;
    ngx_uint_t  ip;

    name = ngx_hd_cert_name(run->target->check, buf, &ip);

    /* RFC 6066: a literal address is no server name */

    if (name.len == 0 || ip) {
        return NGX_OK;
    }

    if (SSL_set_tlsext_host_name(c->ssl->connection, (char *) buf) == 0) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * nginx takes errors off OpenSSL's queue for its log; here is the one place
 * where they can be seen before that.  It is called in the midst of OpenSSL's
 * work: it may write the result, and nothing else.
 */

static void
ngx_hd_tls_info(const ngx_ssl_conn_t *ssl, int where, int ret)
{
    ngx_connection_t  *c;

    ngx_hd_tls_bound(ssl, where);

    c = ngx_ssl_get_connection((ngx_ssl_conn_t *) ssl);

    if (c->idle) {
        return;     /* c->data is no run */
    }

    ngx_hd_tls_event(c->data, where, ret);
}


/*
 * OpenSSL passes over a HelloRequest, and stays in one call for as long as the
 * peer has more of them: so it is allowed to read so much and no more.  Behind
 * the handshake the same is true of tickets and new keys, while data make it
 * return.
 */

void
ngx_hd_tls_bound(const SSL *ssl, int where)
{
    BIO  *bio;

    bio = SSL_get_rbio(ssl);

    if (bio == NULL) {
        return;
    }

    if (where & SSL_CB_HANDSHAKE_START) {

        if (BIO_get_callback_ex(bio) == NULL) {
            BIO_set_callback_arg(bio, NULL);
            SSL_set_msg_callback((SSL *) ssl, ngx_hd_tls_message);

        } else {
            ngx_hd_tls_counts((SSL *) ssl, bio);    /* another handshake */
        }

        BIO_set_callback_ex(bio, ngx_hd_tls_read);

    } else if (where & SSL_CB_HANDSHAKE_DONE) {
        BIO_set_callback_ex(bio, ngx_hd_tls_read_on);
    }
}


/*
 * OpenSSL tells us of each of its connections when it makes it: that is the one
 * way to those that libpq and libmariadb make and use within one call.
 */

void
ngx_hd_tls_foreign(ngx_hd_tls_foreign_t *foreign)
{
    ngx_pool_cleanup_t  *cln;

    ngx_hd_tls_user = foreign;

    if (ngx_hd_tls_index != -1 || foreign == NULL) {
        return;
    }

    cln = ngx_pool_cleanup_add(ngx_cycle->pool, 0);
    if (cln == NULL) {
        return;
    }

    cln->handler = ngx_hd_tls_forget;

    ngx_hd_tls_index = SSL_get_ex_new_index(0, NULL, ngx_hd_tls_made, NULL,
                                            NULL);
}


/* this module may be unloaded with the cycle */

static void
ngx_hd_tls_forget(void *data)
{
    if (ngx_hd_tls_index != -1) {
        (void) CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, ngx_hd_tls_index);
        ngx_hd_tls_index = -1;
    }
}


static void
ngx_hd_tls_made(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index,
    long argl, void *argp)
{
    if (ngx_hd_tls_user == NULL) {
        return;
    }

    ngx_hd_tls_user->made = 1;

    SSL_set_info_callback(parent, ngx_hd_tls_bound_info);

    if (ngx_hd_tls_user->judges) {
        SSL_set_verify(parent, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(SSL_get_SSL_CTX(parent),
                                         ngx_hd_tls_verify, NULL);
    }
}


/* called within the library's handshake, before it says anything of worth */

static int
ngx_hd_tls_verify(X509_STORE_CTX *store, void *data)
{
    return ngx_hd_cert_judge_store(ngx_hd_tls_user ? ngx_hd_tls_user->run
                                                   : NULL, store);
}


/* a library finds words of its own for a failed handshake */

static void
ngx_hd_tls_bound_info(const SSL *ssl, int where, int ret)
{
    ngx_hd_tls_bound(ssl, where);

    if (ngx_hd_tls_user
        && (where == NGX_HD_TLS_FLOOD
            || ngx_hd_tls_is_endless(ERR_peek_error())))
    {
        ngx_hd_tls_event(ngx_hd_tls_user->run, where, ret);
    }
}


/* the argument of the callback is the count itself */

static long
ngx_hd_tls_read(BIO *bio, int oper, const char *data, size_t len, int argi,
    long argl, int ret, size_t *processed)
{
    uintptr_t  n;

    n = (uintptr_t) BIO_get_callback_arg(bio);

    if (oper == (BIO_CB_READ|BIO_CB_RETURN)) {
        n += NGX_HD_TLS_READ + ((ret > 0 && processed) ? *processed : 0);
        BIO_set_callback_arg(bio, (char *) n);
        return ret;
    }

    return (oper == BIO_CB_READ) ? ngx_hd_tls_may_read(bio, ret) : ret;
}


/* once it has to wait the worker goes on with other work, and all is well */

static long
ngx_hd_tls_read_on(BIO *bio, int oper, const char *data, size_t len, int argi,
    long argl, int ret, size_t *processed)
{
    if (oper == (BIO_CB_READ|BIO_CB_RETURN) && ret <= 0) {
        BIO_set_callback_arg(bio, NULL);
    }

    return (oper == BIO_CB_READ) ? ngx_hd_tls_may_read(bio, ret) : ret;
}


static long
ngx_hd_tls_may_read(BIO *bio, int ret)
{
    if ((uintptr_t) BIO_get_callback_arg(bio) < NGX_HD_TLS_MAX) {
        return ret;
    }

    BIO_clear_retry_flags(bio);
    ERR_put_error(ERR_LIB_USER, 0, NGX_HD_TLS_ENDLESS, __FILE__, __LINE__);

    return -1;
}


/* each record and message, the type within a record of TLS 1.3, too */

static void
ngx_hd_tls_message(int sent, int version, int type, const void *data,
    size_t len, SSL *ssl, void *arg)
{
    BIO  *bio;

    bio = SSL_get_rbio(ssl);

    if (sent || bio == NULL) {
        return;
    }

    /* a handshake has its bytes, but HelloRequests are many in few of them */

    if (BIO_get_callback_ex(bio) != ngx_hd_tls_read_on
        && !(type == SSL3_RT_HANDSHAKE && len
             && *(u_char *) data == SSL3_MT_HELLO_REQUEST))
    {
        return;
    }

    if ((type == SSL3_RT_HEADER || type == SSL3_RT_INNER_CONTENT_TYPE)
        && len && *(u_char *) data == SSL3_RT_APPLICATION_DATA)
    {
        return;
    }

    ngx_hd_tls_counts(ssl, bio);
}


/*
 * Who waits for data hears of it from the info callback alone, and gets no more
 * of them: OpenSSL may have many in its buffer.
 */

static void
ngx_hd_tls_counts(SSL *ssl, BIO *bio)
{
    uintptr_t   n;
    void      (*info)(const SSL *, int, int);

    n = (uintptr_t) BIO_get_callback_arg(bio) + NGX_HD_TLS_MESSAGE;

    BIO_set_callback_arg(bio, (char *) n);

    if (n < NGX_HD_TLS_MAX || n - NGX_HD_TLS_MESSAGE >= NGX_HD_TLS_MAX
        || BIO_get_callback_ex(bio) != ngx_hd_tls_read_on)
    {
        return;
    }

    info = SSL_get_info_callback(ssl);

    if (info == NULL) {
        info = SSL_CTX_get_info_callback(SSL_get_SSL_CTX(ssl));
    }

    info(ssl, NGX_HD_TLS_FLOOD, -1);

    SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}


void
ngx_hd_tls_event(ngx_hd_run_t *run, int where, int ret)
{
    if (run->done || run->result.reason != NGX_HD_R_NONE) {
        return;
    }

    if (where == NGX_HD_TLS_FLOOD) {
        ngx_hd_result_set(&run->result, NGX_HD_R_RESPONSE_INVALID,
                          NGX_HD_TLS_ENDLESS_TEXT);

    } else if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) {
        ngx_hd_tls_alert(run, ret);

    } else if ((where & SSL_CB_CONNECT_EXIT) == SSL_CB_CONNECT_EXIT
               && ret <= 0)
    {
        ngx_hd_tls_error(run);
    }
}


static void
ngx_hd_tls_alert(ngx_hd_run_t *run, int ret)
{
    const char  *text;

    if ((ret >> 8) != NGX_HD_TLS_FATAL) {
        return;
    }

    /* OpenSSL 3.0 has no word for this one */

    text = ((ret & 0xff) == NGX_HD_TLS_NEEDS_CERT)
           ? "certificate required" : SSL_alert_desc_string_long(ret);

    ngx_hd_result_set(&run->result, NGX_HD_R_TLS_HANDSHAKE,
                      "the server sent the alert \"%s\"", text);
}


static void
ngx_hd_tls_error(ngx_hd_run_t *run)
{
    u_long       n;
    const char  *text;

    n = ERR_peek_error();

    if (n == 0) {
        return;
    }

    if (ngx_hd_tls_is_endless(n)) {
        ngx_hd_result_set(&run->result, NGX_HD_R_TLS_HANDSHAKE,
                          NGX_HD_TLS_ENDLESS_TEXT);
        return;
    }

    if (ERR_GET_LIB(n) == ERR_LIB_SSL
        && ERR_GET_REASON(n) == SSL_R_WRONG_VERSION_NUMBER)
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_TLS_HANDSHAKE,
                          "the server does not speak TLS");
        return;
    }

    text = ERR_reason_error_string(n);

    ngx_hd_result_set(&run->result, NGX_HD_R_TLS_HANDSHAKE, "%s",
                      text ? text : "unknown error");
}


static ngx_uint_t
ngx_hd_tls_is_endless(u_long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_USER
           && ERR_GET_REASON(error) == NGX_HD_TLS_ENDLESS;
}


ngx_int_t
ngx_hd_tls_check(ngx_hd_run_t *run, ngx_connection_t *c)
{
    X509       *cert;
    ngx_int_t   rc;

    if (run->result.reason != NGX_HD_R_NONE) {
        return NGX_DECLINED;
    }

    if (!c->ssl->handshaked) {
        ngx_hd_result_set(&run->result, NGX_HD_R_TLS_CLOSED, NULL);
        return NGX_DECLINED;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);

    rc = ngx_hd_cert_judge(&run->result, run->target->check,
                           c->ssl->connection, cert,
                           SSL_get_peer_cert_chain(c->ssl->connection));

    X509_free(cert);

    return rc;
}


void
ngx_hd_tls_end(ngx_connection_t *c)
{
    if (c->ssl == NULL) {
        return;
    }

    c->ssl->no_wait_shutdown = 1;

    if (ngx_ssl_shutdown(c) != NGX_AGAIN) {
        return;
    }

    /* the alert does not fit into the socket: go without it */

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    c->ssl->no_send_shutdown = 1;

    (void) ngx_ssl_shutdown(c);
}

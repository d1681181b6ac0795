
/*
 * healthdash: TLS of libcurl's transfers.  libcurl is told to trust everybody
 * and to read no file; callbacks in its SSL_CTX judge instead, with what the
 * master has read.  They are called in the midst of OpenSSL's work inside of
 * libcurl's: they write the result of a run, and nothing else.
 */


#include <ngx_hd_curl_tls.h>
#include <ngx_hd_cert.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_tls.h>


/* what a libcurl with QUIC by OpenSSL begins with */

#if (OPENSSL_VERSION_NUMBER >= 0x30200000L && !defined OPENSSL_NO_QUIC)
#include <openssl/quic.h>
#define ngx_hd_curl_tls_quic()  OSSL_QUIC_client_method()
#else
#define ngx_hd_curl_tls_quic()  TLS_method()
#endif


static ngx_uint_t ngx_hd_curl_tls_is_ours(const char *library);
static CURLcode ngx_hd_curl_tls_handler(CURL *easy, void *ctx, void *data);
static int ngx_hd_curl_tls_verify(X509_STORE_CTX *store, void *data);
static void ngx_hd_curl_tls_info(const SSL *ssl, int where, int ret);


const char *
ngx_hd_curl_tls_refuse(ngx_pool_t *pool)
{
    u_char                   *p;
    const char               *library;
    curl_version_info_data   *info;

    info = curl_version_info(CURLVERSION_NOW);
    library = info->ssl_version ? info->ssl_version : "no TLS";

    if (ngx_hd_curl_tls_is_ours(library)) {
        return NULL;
    }

    p = ngx_pnalloc(pool, NGX_HD_DETAIL_LEN);
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    (void) ngx_snprintf(p, NGX_HD_DETAIL_LEN - 1,
                        "needs libcurl with nginx's own %s, but libcurl %s "
                        "here has %s%Z", OpenSSL_version(OPENSSL_VERSION),
                        info->version, library);

    p[NGX_HD_DETAIL_LEN - 1] = '\0';

    return (const char *) p;
}


/* libcurl says "OpenSSL/3.0.11", OpenSSL says "OpenSSL 3.0.11 19 Sep 2023" */

static ngx_uint_t
ngx_hd_curl_tls_is_ours(const char *library)
{
    const char  *ours;

    ours = OpenSSL_version(OPENSSL_VERSION);

    while (*library) {

        if (*library != *ours && !(*library == '/' && *ours == ' ')) {
            return 0;
        }

        library++;
        ours++;
    }

    return *ours == ' ' || *ours == '\0';
}


ngx_int_t
ngx_hd_curl_tls_options(ngx_hd_curl_slot_t *slot)
{
    int    rc;
    CURL  *easy;

    easy = slot->easy;

    rc = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    rc |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION,
                           ngx_hd_curl_tls_handler);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, slot);

    return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
}


static CURLcode
ngx_hd_curl_tls_handler(CURL *easy, void *ctx, void *data)
{
    ngx_hd_run_t        *run;
    const SSL_METHOD    *method;
    ngx_hd_curl_slot_t  *slot;

    slot = data;
    run = slot->run;

    if (run == NULL) {
        return CURLE_ABORTED_BY_CALLBACK;
    }

    /*
     * The same version may be there twice, one linked into nginx.  For HTTP/3
     * libcurl has another method than for TCP.
     */

    method = SSL_CTX_get_ssl_method(ctx);

    if (method != TLS_client_method() && method != TLS_method()
        && method != ngx_hd_curl_tls_quic())
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "libcurl uses another copy of OpenSSL than nginx");
        return CURLE_ABORTED_BY_CALLBACK;
    }

    if (ngx_hd_tls_lend(run->target->check, ctx) != NGX_OK
        || SSL_CTX_set_app_data(ctx, slot) != 1)
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return CURLE_ABORTED_BY_CALLBACK;
    }

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, ngx_hd_curl_tls_verify, slot);
    SSL_CTX_set_info_callback(ctx, ngx_hd_curl_tls_info);

    slot->ssl = ctx;

    return CURLE_OK;
}


static int
ngx_hd_curl_tls_verify(X509_STORE_CTX *store, void *data)
{
    SSL                 *ssl;
    ngx_hd_curl_slot_t  *slot;

    slot = data;
    ssl = ngx_hd_cert_ssl(store);

    /* of a connection that is closed late: not of the slot's run */

    if (ssl == NULL || slot->ssl != SSL_get_SSL_CTX(ssl)) {
        return ngx_hd_cert_judge_store(NULL, store);
    }

    return ngx_hd_cert_judge_store(slot->run, store);
}


static void
ngx_hd_curl_tls_info(const SSL *ssl, int where, int ret)
{
    SSL_CTX             *ctx;
    ngx_hd_run_t        *run;
    ngx_hd_curl_slot_t  *slot;

    ngx_hd_tls_bound(ssl, where);

    ctx = SSL_get_SSL_CTX(ssl);
    slot = SSL_CTX_get_app_data(ctx);

    /* a connection that is closed late is no affair of the slot's new run */

    if (slot->run == NULL || slot->ssl != ctx) {
        return;
    }

    run = slot->run;

    ngx_hd_tls_event(run, where, ret);

    if (where & SSL_CB_HANDSHAKE_DONE
        && run->result.phase[NGX_HD_PHASE_TLS] == 0)
    {
        run->late = NGX_HD_R_RESPONSE_TIMEOUT;
        ngx_hd_run_phase(run, NGX_HD_PHASE_TLS);

        /* to QUIC it is the same */

        if (run->result.phase[NGX_HD_PHASE_CONNECT] == 0) {
            ngx_hd_run_phase(run, NGX_HD_PHASE_CONNECT);
        }
    }
}

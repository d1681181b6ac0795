
/*
 * healthdash: certificates.  Owns the stores of trusted ones, made once while
 * the configuration is read, and the judgement of a chain: all that is wrong
 * with it is found, not only what OpenSSL meets first, and the most useful is
 * said first.  Called while the configuration is read, and in workers.
 */


#include <ngx_hd_cert.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_utf8.h>
#include <openssl/x509v3.h>


#define NGX_HD_CERT_NAMES_LEN  112     /* bytes of names in a message */


/* one store, in hmcf->stores */

typedef struct {
    ngx_str_t          ca;          /* "": the system's */
    X509_STORE        *store;
} ngx_hd_cert_store_t;


/* what is wrong with a chain */

typedef struct {
    ngx_uint_t         wrong;       /* NGX_HD_CERT_* */
    ngx_uint_t         leaf;        /* those that the leaf has itself */
    int                error;       /* the first that makes it untrusted */
} ngx_hd_cert_chain_t;


static X509_STORE *ngx_hd_cert_find(ngx_array_t *stores, ngx_str_t *ca);
static X509_STORE *ngx_hd_cert_create(ngx_conf_t *cf);
static ngx_int_t ngx_hd_cert_spoken(SSL *ssl);
static void ngx_hd_cert_cleanup(void *data);
static ngx_int_t ngx_hd_cert_load(ngx_conf_t *cf, X509_STORE *store,
    ngx_str_t *ca);
static ngx_int_t ngx_hd_cert_load_system(ngx_conf_t *cf, X509_STORE *store);
static ngx_int_t ngx_hd_cert_load_folder(ngx_conf_t *cf, X509_STORE *store,
    ngx_str_t *path);
static ngx_uint_t ngx_hd_cert_is_hashed(u_char *name, size_t len);
static ngx_int_t ngx_hd_cert_verify(ngx_hd_cert_chain_t *found,
    const ngx_hd_check_t *check, SSL *ssl, X509 *leaf, STACK_OF(X509) *chain);
static int ngx_hd_cert_collect(int ok, X509_STORE_CTX *ctx);
static ngx_uint_t ngx_hd_cert_is_for(const ngx_hd_check_t *check, X509 *leaf);
static int64_t ngx_hd_cert_time(const ASN1_TIME *t);
static void ngx_hd_cert_issuer(ngx_hd_cert_t *cert, X509 *leaf);
static ASN1_STRING *ngx_hd_cert_entry(X509_NAME *name, int nid);
static size_t ngx_hd_cert_copy(u_char *dst, size_t size, const u_char *p,
    const u_char *last);
static void ngx_hd_cert_say(ngx_hd_result_t *result,
    const ngx_hd_check_t *check, X509 *leaf, ngx_hd_cert_chain_t *found);
static void ngx_hd_cert_say_date(ngx_hd_result_t *result, ngx_uint_t expired,
    int64_t date, ngx_hd_cert_chain_t *found);
static void ngx_hd_cert_say_name(ngx_hd_result_t *result,
    const ngx_hd_check_t *check, X509 *leaf);
static u_char *ngx_hd_cert_names(X509 *leaf, u_char *p, u_char *last);
static u_char *ngx_hd_cert_san(GENERAL_NAME *name, u_char *p, u_char *last);
static ngx_int_t ngx_hd_cert_version(ngx_hd_result_t *result,
    const ngx_hd_check_t *check, SSL *ssl);


ngx_int_t
ngx_hd_cert_trust(ngx_conf_t *cf, ngx_hd_main_conf_t *hmcf,
    ngx_hd_check_t *check)
{
    X509_STORE           *store;
    ngx_hd_cert_store_t  *slot;

    if (hmcf->stores == NULL) {
        hmcf->stores = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_hd_cert_store_t));
        if (hmcf->stores == NULL) {
            return NGX_ERROR;
        }
    }

    check->trust = ngx_hd_cert_find(hmcf->stores, &check->ca);

    if (check->trust) {
        return NGX_OK;
    }

    slot = ngx_array_push(hmcf->stores);
    store = ngx_hd_cert_create(cf);

    if (slot == NULL || store == NULL
        || ngx_hd_cert_load(cf, store, &check->ca) != NGX_OK)
    {
        return NGX_ERROR;
    }

    slot->ca = check->ca;
    slot->store = store;

    check->trust = store;

    return NGX_OK;
}


static X509_STORE *
ngx_hd_cert_find(ngx_array_t *stores, ngx_str_t *ca)
{
    ngx_uint_t            i;
    ngx_hd_cert_store_t  *slot;

    slot = stores->elts;

    for (i = 0; i < stores->nelts; i++) {

        if (slot[i].ca.len == ca->len
            && (ca->len == 0
                || ngx_memcmp(slot[i].ca.data, ca->data, ca->len) == 0))
        {
            return slot[i].store;
        }
    }

    return NULL;
}


static X509_STORE *
ngx_hd_cert_create(ngx_conf_t *cf)
{
    X509_STORE          *store;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    store = X509_STORE_new();
    if (store == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "X509_STORE_new() failed");
        return NULL;
    }

    cln->handler = ngx_hd_cert_cleanup;
    cln->data = store;

    return store;
}


static void
ngx_hd_cert_cleanup(void *data)
{
    X509_STORE_free(data);
}


static ngx_int_t
ngx_hd_cert_load(ngx_conf_t *cf, X509_STORE *store, ngx_str_t *ca)
{
    if (ca->len == 0) {
        return ngx_hd_cert_load_system(cf, store);
    }

    if (X509_STORE_load_locations(store, (char *) ca->data, NULL) == 1) {
        ERR_clear_error();
        return NGX_OK;
    }

    ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                  "the certificates of file \"%V\" of parameter \"ca\" cannot "
                  "be used", ca);

    return NGX_ERROR;
}


/*
 * What OpenSSL would look up in the midst of a handshake, in a worker: a file,
 * and folders in which it finds certificates by the hash of their names.  None
 * at all is no error here: each probe will say that nobody is trusted.
 */

static ngx_int_t
ngx_hd_cert_load_system(ngx_conf_t *cf, X509_STORE *store)
{
    char        *file, *path;
    ngx_str_t    part;
    ngx_uint_t   more;

    file = getenv(X509_get_default_cert_file_env());
    path = getenv(X509_get_default_cert_dir_env());

    if (file == NULL) {
        file = (char *) X509_get_default_cert_file();
    }

    if (path == NULL) {
        path = (char *) X509_get_default_cert_dir();
    }

    (void) X509_STORE_load_locations(store, file, NULL);

    do {
        part.data = (u_char *) path;
        part.len = strcspn(path, ":");

        more = (path[part.len] == ':');
        path += part.len + 1;

        if (part.len && ngx_hd_cert_load_folder(cf, store, &part) != NGX_OK) {
            return NGX_ERROR;
        }

    } while (more);

    ERR_clear_error();

    return NGX_OK;
}


static ngx_int_t
ngx_hd_cert_load_folder(ngx_conf_t *cf, X509_STORE *store, ngx_str_t *path)
{
    size_t      len;
    u_char     *name;
    ngx_dir_t   dir;
    ngx_str_t   folder;

    folder.len = path->len;
    folder.data = ngx_pnalloc(cf->temp_pool, path->len + 1);
    name = ngx_pnalloc(cf->temp_pool, path->len + sizeof("/01234567.0123"));

    if (folder.data == NULL || name == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(folder.data, path->data, path->len + 1);

    if (ngx_open_dir(&folder, &dir) == NGX_ERROR) {
        return NGX_OK;
    }

    while (ngx_read_dir(&dir) == NGX_OK) {
        len = ngx_de_namelen(&dir);

        if (!ngx_hd_cert_is_hashed(ngx_de_name(&dir), len)) {
            continue;
        }

        (void) ngx_sprintf(name, "%V/%s%Z", &folder, ngx_de_name(&dir));
        (void) X509_STORE_load_locations(store, (char *) name, NULL);
    }

    (void) ngx_close_dir(&dir);

    return NGX_OK;
}


/* "0123abcd.0" */

static ngx_uint_t
ngx_hd_cert_is_hashed(u_char *name, size_t len)
{
    return len > 9 && len < sizeof("01234567.0123")
           && ngx_hextoi(name, 8) != NGX_ERROR
           && name[8] == '.'
           && ngx_atoi(name + 9, len - 9) != NGX_ERROR;
}


ngx_str_t
ngx_hd_cert_name(const ngx_hd_check_t *check, u_char *buf, ngx_uint_t *ip)
{
    ngx_str_t  name;
#if (NGX_HAVE_INET6)
    u_char     addr[16];
#endif

    name = check->sni;

    if (name.len > 2 && name.data[0] == '[') {
        name.data++;
        name.len -= 2;

    } else if (name.len && name.data[name.len - 1] == '.') {
        name.len--;
    }

    name.len = ngx_min(name.len, NGX_HD_CERT_NAME_LEN);

    (void) ngx_cpystrn(buf, name.data, name.len + 1);
    name.data = buf;

    *ip = ngx_inet_addr(name.data, name.len) != INADDR_NONE;

#if (NGX_HAVE_INET6)
    *ip |= ngx_inet6_addr(name.data, name.len, addr) == NGX_OK;
#endif

    return name;
}


/* QUIC, whose own version is 1, speaks TLS 1.3 alone: RFC 9001, 4.2 */

static ngx_int_t
ngx_hd_cert_spoken(SSL *ssl)
{
    ngx_int_t  version;

    version = SSL_version(ssl);

    return (version < SSL3_VERSION) ? TLS1_3_VERSION : version;
}


ngx_int_t
ngx_hd_cert_judge(ngx_hd_result_t *result, const ngx_hd_check_t *check,
    SSL *ssl, X509 *leaf, STACK_OF(X509) *chain)
{
    ngx_hd_cert_t        *cert;
    ngx_hd_cert_chain_t   found;

    cert = &result->cert;

    ngx_memzero(cert, sizeof(ngx_hd_cert_t));
    cert->version = (uint16_t) ngx_hd_cert_spoken(ssl);

    if (leaf == NULL) {

        if (check->verify) {
            ngx_hd_result_set(result, NGX_HD_R_TLS_NO_CERT, NULL);
            return NGX_DECLINED;
        }

        return ngx_hd_cert_version(result, check, ssl);
    }

    if (ngx_hd_cert_verify(&found, check, ssl, leaf, chain) != NGX_OK) {
        ngx_hd_result_set(result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    if (!ngx_hd_cert_is_for(check, leaf)) {
        found.wrong |= NGX_HD_CERT_NAME;
    }

    ERR_clear_error();

    cert->not_after = ngx_hd_cert_time(X509_get0_notAfter(leaf));
    cert->wrong = (uint32_t) found.wrong;
    ngx_hd_cert_issuer(cert, leaf);

    if (check->verify && found.wrong) {
        ngx_hd_cert_say(result, check, leaf, &found);
        return NGX_DECLINED;
    }

    return ngx_hd_cert_version(result, check, ssl);
}


int
ngx_hd_cert_judge_store(ngx_hd_run_t *run, X509_STORE_CTX *store)
{
    SSL  *ssl;

    ssl = ngx_hd_cert_ssl(store);

    if (run == NULL || ssl == NULL
        || ngx_hd_cert_judge(&run->result, run->target->check, ssl,
                             X509_STORE_CTX_get0_cert(store),
                             X509_STORE_CTX_get0_untrusted(store))
           != NGX_OK)
    {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }

    X509_STORE_CTX_set_error(store, X509_V_OK);

    return 1;
}


SSL *
ngx_hd_cert_ssl(X509_STORE_CTX *store)
{
    return X509_STORE_CTX_get_ex_data(store,
                                      SSL_get_ex_data_X509_STORE_CTX_idx());
}


/* the same as OpenSSL's own check in a handshake, but to the end */

static ngx_int_t
ngx_hd_cert_verify(ngx_hd_cert_chain_t *found, const ngx_hd_check_t *check,
    SSL *ssl, X509 *leaf, STACK_OF(X509) *chain)
{
    int                 rc;
    X509_STORE_CTX     *ctx;
    X509_VERIFY_PARAM  *param;

    ngx_memzero(found, sizeof(ngx_hd_cert_chain_t));

    ctx = X509_STORE_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (X509_STORE_CTX_init(ctx, check->trust, leaf, chain) != 1
        || X509_STORE_CTX_set_default(ctx, "ssl_server") != 1)
    {
        X509_STORE_CTX_free(ctx);
        return NGX_ERROR;
    }

    param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_depth(param, NGX_HD_CERT_DEPTH);
    X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));

    X509_STORE_CTX_set_app_data(ctx, found);
    X509_STORE_CTX_set_verify_cb(ctx, ngx_hd_cert_collect);

    rc = X509_verify_cert(ctx);

    /* one that could not be looked at to the end is not trusted */

    if (rc <= 0 && found->wrong == 0) {
        found->wrong = NGX_HD_CERT_UNTRUSTED;
        found->error = X509_STORE_CTX_get_error(ctx);
    }

    X509_STORE_CTX_free(ctx);

    return NGX_OK;
}


static int
ngx_hd_cert_collect(int ok, X509_STORE_CTX *ctx)
{
    int                   error;
    ngx_uint_t            wrong;
    ngx_hd_cert_chain_t  *found;

    if (ok) {
        return 1;
    }

    found = X509_STORE_CTX_get_app_data(ctx);
    error = X509_STORE_CTX_get_error(ctx);

    switch (error) {

    case X509_V_ERR_CERT_HAS_EXPIRED:
        wrong = NGX_HD_CERT_EXPIRED;
        break;

    case X509_V_ERR_CERT_NOT_YET_VALID:
        wrong = NGX_HD_CERT_EARLY;
        break;

    default:
        wrong = NGX_HD_CERT_UNTRUSTED;

        if (found->error == 0) {
            found->error = error;
        }
    }

    found->wrong |= wrong;

    if (X509_STORE_CTX_get_error_depth(ctx) == 0) {
        found->leaf |= wrong;
    }

    return 1;
}


static ngx_uint_t
ngx_hd_cert_is_for(const ngx_hd_check_t *check, X509 *leaf)
{
    u_char      buf[NGX_HD_CERT_NAME_LEN + 1];
    ngx_str_t   name;
    ngx_uint_t  ip;

    name = ngx_hd_cert_name(check, buf, &ip);

    if (name.len == 0) {
        return 1;
    }

    if (ip) {
        return X509_check_ip_asc(leaf, (char *) name.data, 0) == 1;
    }

    return X509_check_host(leaf, (char *) name.data, name.len, 0, NULL) == 1;
}


/* seconds since 1970; 0 if the certificate says nothing readable */

static int64_t
ngx_hd_cert_time(const ASN1_TIME *t)
{
    struct tm  tm;

    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1) {
        return 0;
    }

    return (int64_t) timegm(&tm);
}


static void
ngx_hd_cert_issuer(ngx_hd_cert_t *cert, X509 *leaf)
{
    int           len;
    u_char       *text;
    X509_NAME    *name;
    ASN1_STRING  *str;

    name = X509_get_issuer_name(leaf);

    str = ngx_hd_cert_entry(name, NID_commonName);

    if (str == NULL) {
        str = ngx_hd_cert_entry(name, NID_organizationName);
    }

    if (str == NULL) {
        return;
    }

    len = ASN1_STRING_to_UTF8(&text, str);

    if (len < 0) {
        ERR_clear_error();
        return;
    }

    cert->issuer_len = (uint16_t) ngx_hd_cert_copy(cert->issuer,
                                                   NGX_HD_ISSUER_LEN, text,
                                                   text + len);
    OPENSSL_free(text);
}


static ASN1_STRING *
ngx_hd_cert_entry(X509_NAME *name, int nid)
{
    int  i;

    i = X509_NAME_get_index_by_NID(name, nid, -1);

    return (i < 0) ? NULL
                   : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
}


/* whole printable characters, as many as fit */

static size_t
ngx_hd_cert_copy(u_char *dst, size_t size, const u_char *p, const u_char *last)
{
    size_t         n, len;
    uint32_t       code;
    const u_char  *from;

    len = 0;

    while (p < last) {
        from = p;
        code = ngx_hd_utf8_decode(&p, last);
        n = p - from;

        if (code == NGX_HD_UTF8_BAD || ngx_hd_utf8_is_control(code)) {
            from = (u_char *) "?";
            n = 1;
        }

        if (len + n > size) {
            break;
        }

        ngx_memcpy(dst + len, from, n);
        len += n;
    }

    return len;
}


/*
 * A date comes first: it is what has changed since the certificate was
 * accepted.  What else is wrong is named behind it.
 */

static void
ngx_hd_cert_say(ngx_hd_result_t *result, const ngx_hd_check_t *check,
    X509 *leaf, ngx_hd_cert_chain_t *found)
{
    ngx_hd_cert_t  *cert;

    cert = &result->cert;

    if (found->wrong & NGX_HD_CERT_EXPIRED) {
        ngx_hd_cert_say_date(result, 1, cert->not_after, found);

    } else if (found->wrong & NGX_HD_CERT_EARLY) {
        ngx_hd_cert_say_date(result, 0,
                             ngx_hd_cert_time(X509_get0_notBefore(leaf)),
                             found);

    } else if (found->wrong & NGX_HD_CERT_UNTRUSTED) {
        ngx_hd_result_set(result, NGX_HD_R_TLS_UNTRUSTED,
                          "%s, issued by \"%*s\"%s",
                          X509_verify_cert_error_string(found->error),
                          (size_t) cert->issuer_len, cert->issuer,
                          (found->wrong & NGX_HD_CERT_NAME)
                          ? ", and for another name" : "");

    } else {
        ngx_hd_cert_say_name(result, check, leaf);
    }
}


static void
ngx_hd_cert_say_date(ngx_hd_result_t *result, ngx_uint_t expired, int64_t date,
    ngx_hd_cert_chain_t *found)
{
    u_char           buf[sizeof("before 292277026596-12-04")], *p;
    ngx_tm_t         tm;
    ngx_uint_t       wrong;
    const char      *error;
    ngx_hd_reason_e  reason;

    reason = expired ? NGX_HD_R_TLS_EXPIRED : NGX_HD_R_TLS_NOT_YET_VALID;
    wrong = expired ? NGX_HD_CERT_EXPIRED : NGX_HD_CERT_EARLY;

    error = (found->wrong & NGX_HD_CERT_UNTRUSTED)
            ? X509_verify_cert_error_string(found->error) : NULL;

    if (found->leaf & wrong) {
        ngx_gmtime((time_t) date, &tm);

        p = ngx_slprintf(buf, buf + sizeof(buf), "%s %4d-%02d-%02d",
                         expired ? "on" : "before", tm.ngx_tm_year,
                         tm.ngx_tm_mon, tm.ngx_tm_mday);

    } else {
        p = buf;
    }

    ngx_hd_result_set(result, reason, "%*s%s%s%s%s", (size_t) (p - buf), buf,
                      (p == buf) ? "one that signed the server's" : "",
                      error ? ", and not trusted: " : "", error ? error : "",
                      (found->wrong & NGX_HD_CERT_NAME)
                      ? ", and for another name" : "");
}


static void
ngx_hd_cert_say_name(ngx_hd_result_t *result, const ngx_hd_check_t *check,
    X509 *leaf)
{
    u_char      *p;
    u_char       buf[NGX_HD_CERT_NAME_LEN + 1], names[NGX_HD_CERT_NAMES_LEN];
    ngx_str_t    name;
    ngx_uint_t   ip;

    name = ngx_hd_cert_name(check, buf, &ip);
    p = ngx_hd_cert_names(leaf, names, names + sizeof(names));

    ngx_hd_result_say(result, NGX_HD_R_TLS_NAME,
                      "certificate is for %*s, expected \"%V\"",
                      (size_t) (p - names), names, &name);
}


/* the names a certificate is for, as many as fit, quoted */

static u_char *
ngx_hd_cert_names(X509 *leaf, u_char *p, u_char *last)
{
    int                      i;
    u_char                  *start, *end;
    ASN1_STRING             *str;
    STACK_OF(GENERAL_NAME)  *names;

    start = p;
    last -= sizeof(" ...") - 1;

    names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);

    for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        end = ngx_slprintf(p, last, "%s", (p > start) ? ", " : "");
        end = ngx_hd_cert_san(sk_GENERAL_NAME_value(names, i), end, last);

        if (end == last && p > start) {
            p = ngx_cpymem(p, " ...", sizeof(" ...") - 1);
            break;
        }

        p = end ? end : p;
    }

    GENERAL_NAMES_free(names);

    if (p == start) {
        str = ngx_hd_cert_entry(X509_get_subject_name(leaf), NID_commonName);

        if (str) {
            p = ngx_slprintf(p, last, "\"%*s\"",
                             (size_t) ASN1_STRING_length(str),
                             ASN1_STRING_get0_data(str));
        }
    }

    return (p == start) ? ngx_slprintf(p, last, "no name") : p;
}


/* NULL: not a name that a server is reached by */

static u_char *
ngx_hd_cert_san(GENERAL_NAME *name, u_char *p, u_char *last)
{
    int           family;
    char          text[NGX_INET6_ADDRSTRLEN + 1];
    size_t        len;
    ASN1_STRING  *str;

    if (name->type == GEN_DNS) {
        str = name->d.dNSName;

        return ngx_slprintf(p, last, "\"%*s\"",
                            (size_t) ASN1_STRING_length(str),
                            ASN1_STRING_get0_data(str));
    }

    if (name->type != GEN_IPADD) {
        return NULL;
    }

    str = name->d.iPAddress;
    len = ASN1_STRING_length(str);
    family = (len == 4) ? AF_INET : AF_INET6;

    if ((len != 4 && len != 16)
        || inet_ntop(family, ASN1_STRING_get0_data(str), text, sizeof(text))
           == NULL)
    {
        return NULL;
    }

    return ngx_slprintf(p, last, "\"%s\"", text);
}


static ngx_int_t
ngx_hd_cert_version(ngx_hd_result_t *result, const ngx_hd_check_t *check,
    SSL *ssl)
{
    ngx_int_t  least;

    if (check->min_tls == 0) {
        return NGX_OK;
    }

    least = (check->min_tls == 13) ? TLS1_3_VERSION : TLS1_2_VERSION;

    if (ngx_hd_cert_spoken(ssl) >= least) {
        return NGX_OK;
    }

    ngx_hd_result_set(result, NGX_HD_R_TLS_VERSION,
                      "%s, expected at least TLSv1.%ui", SSL_get_version(ssl),
                      check->min_tls - 10);

    return NGX_DECLINED;
}

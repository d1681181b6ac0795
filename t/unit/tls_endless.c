
/*
 * A server of TLS that sends messages without end once the handshake is over:
 * new keys, tickets, or wishes for another handshake.
 *
 *   tls_endless PORT CERT KEY key|ticket|hello HEARD [NEED HEX] ...
 *
 * Before that it says HEX when NEED bytes have come in clear text, HEARD in
 * all.  An answer of 32 MB has no end.
 */


#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define BURST  2000
#define MUCH   (32 << 20)


static char  **args;


static int choose(SSL *ssl, const unsigned char **out, unsigned char *len,
    const unsigned char *in, unsigned int n, void *data);
static SSL_CTX *context(void);
static int listener(void);
static void serve(int fd, SSL_CTX *ctx);
static int clear_text(int fd);
static int hear(int fd, size_t *heard, size_t need);
static int say(int fd, const char *hex);
static int burst(SSL *ssl, BIO *out);
static int one(SSL *ssl);


int
main(int argc, char **argv)
{
    int       fd, from;
    SSL_CTX  *ctx;

    if (argc < 6) {
        return 2;
    }

    args = argv;
    ctx = context();
    fd = listener();

    if (ctx == NULL || fd == -1) {
        ERR_print_errors_fp(stderr);
        perror("tls_endless");
        return 1;
    }

    (void) signal(SIGCHLD, SIG_IGN);
    (void) signal(SIGPIPE, SIG_IGN);

    for ( ;; ) {
        from = accept(fd, NULL, NULL);

        if (from != -1 && fork() == 0) {
            serve(from, ctx);
            _exit(0);
        }

        (void) close(from);
    }
}


static SSL_CTX *
context(void)
{
    SSL_CTX  *ctx;

    ctx = SSL_CTX_new(TLS_server_method());

    if (ctx == NULL
        || SSL_CTX_use_certificate_chain_file(ctx, args[2]) != 1
        || SSL_CTX_use_PrivateKey_file(ctx, args[3], SSL_FILETYPE_PEM) != 1)
    {
        return NULL;
    }

    if (args[4][0] == 'h') {
        (void) SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    }

    SSL_CTX_set_alpn_select_cb(ctx, choose, NULL);

    return ctx;
}


static int
choose(SSL *ssl, const unsigned char **out, unsigned char *len,
    const unsigned char *in, unsigned int n, void *data)
{
    if (SSL_select_next_proto((unsigned char **) out, len,
                              (unsigned char *) "\2h2", 3, in, n)
        != OPENSSL_NPN_NEGOTIATED)
    {
        return SSL_TLSEXT_ERR_NOACK;
    }

    return SSL_TLSEXT_ERR_OK;
}


static int
listener(void)
{
    int                 fd, on;
    struct sockaddr_in  sin;

    on = 1;
    fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(atoi(args[1]));
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fd, 100) == -1)
    {
        return -1;
    }

    return fd;
}


static void
serve(int fd, SSL_CTX *ctx)
{
    BIO     *out;
    SSL     *ssl;
    char    *data;
    long     done, len, n, sent;

    ssl = SSL_new(ctx);
    out = BIO_new(BIO_s_mem());

    if (ssl == NULL || out == NULL || !clear_text(fd)
        || SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1)
    {
        return;
    }

    /* a whole burst at once, so that its reader never has to wait */

    SSL_set0_wbio(ssl, out);

    for (sent = 0; sent < MUCH && burst(ssl, out); sent += len) {
        len = BIO_get_mem_data(out, &data);

        for (done = 0; done < len; done += n) {
            n = write(fd, data + done, len - done);

            if (n <= 0) {
                return;
            }
        }

        (void) BIO_reset(out);
    }

    (void) sleep(60);
}


static int
clear_text(int fd)
{
    char    **arg;
    size_t    heard;

    heard = 0;

    for (arg = args + 6; arg[0] && arg[1]; arg += 2) {
        if (!hear(fd, &heard, atoi(arg[0])) || !say(fd, arg[1])) {
            return 0;
        }
    }

    return hear(fd, &heard, atoi(args[5]));
}


static int
hear(int fd, size_t *heard, size_t need)
{
    char  c;

    while (*heard < need) {
        if (read(fd, &c, 1) != 1) {
            return 0;
        }

        (*heard)++;
    }

    return 1;
}


static int
say(int fd, const char *hex)
{
    char          c;
    unsigned int  byte;

    while (sscanf(hex, "%2x", &byte) == 1) {
        c = (char) byte;

        if (write(fd, &c, 1) != 1) {
            return 0;
        }

        hex += 2;
    }

    return 1;
}


static int
burst(SSL *ssl, BIO *out)
{
    int  i;

    for (i = 0; i < BURST; i++) {
        if (one(ssl) != 1 || SSL_do_handshake(ssl) != 1) {
            return BIO_ctrl_pending(out) > 0;
        }
    }

    return 1;
}


static int
one(SSL *ssl)
{
    switch (args[4][0]) {

    case 'k':
        return SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED);

    case 't':
        return SSL_new_session_ticket(ssl);

    default:
        return SSL_renegotiate(ssl);
    }
}

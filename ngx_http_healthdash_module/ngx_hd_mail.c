
/*
 * healthdash: the commands of SMTP, IMAP, POP3 and FTP probes.  Owns how a user
 * and a password are written in each protocol.  Called while the configuration
 * is read.
 */


#include <ngx_hd_mail.h>
#include <ngx_hd_secret.h>


#define ngx_hd_mail_no_memory  "could not be made ready: no memory"


static const char *ngx_hd_mail_command(ngx_pool_t *pool,
    ngx_hd_check_t *check, const char *format, ngx_str_t *command);
static ngx_int_t ngx_hd_mail_word(ngx_pool_t *pool, ngx_hd_check_t *check,
    u_char kind, ngx_str_t *word);
static ngx_int_t ngx_hd_mail_base64(ngx_pool_t *pool, ngx_str_t *plain,
    ngx_str_t *word);
static ngx_int_t ngx_hd_mail_quote(ngx_pool_t *pool, ngx_str_t *plain,
    ngx_str_t *word);


/*
 * %u and %p: user and password, %U and %P: the same in base64, %A: both as
 * AUTH PLAIN wants them (RFC 4616), %q and %Q: both quoted for IMAP (RFC 9051)
 */

static const ngx_hd_mail_proto_t  ngx_hd_mail_protos[] = {

    { .name = ngx_string("smtp"),
      .title = "an SMTP",
      .replies = NGX_HD_MAIL_CODES,
      .commands = {
          [NGX_HD_MAIL_EHLO] = "EHLO healthdash.invalid" CRLF,
          [NGX_HD_MAIL_HELO] = "HELO healthdash.invalid" CRLF,
          [NGX_HD_MAIL_STARTTLS] = "STARTTLS" CRLF,
          [NGX_HD_MAIL_AUTH_PLAIN] = "AUTH PLAIN %A" CRLF,
          [NGX_HD_MAIL_AUTH_LOGIN] = "AUTH LOGIN" CRLF,
          [NGX_HD_MAIL_LOGIN_USER] = "%U" CRLF,
          [NGX_HD_MAIL_LOGIN_PASS] = "%P" CRLF,
          [NGX_HD_MAIL_NOOP] = "NOOP" CRLF,
          [NGX_HD_MAIL_QUIT] = "QUIT" CRLF } },

    { .name = ngx_string("imap"),
      .title = "an IMAP",
      .replies = NGX_HD_MAIL_TAGGED,
      .commands = {
          [NGX_HD_MAIL_STARTTLS] = "a STARTTLS" CRLF,
          [NGX_HD_MAIL_USER] = "a LOGIN %q %Q" CRLF,
          [NGX_HD_MAIL_NOOP] = "a NOOP" CRLF,
          [NGX_HD_MAIL_QUIT] = "a LOGOUT" CRLF } },

    { .name = ngx_string("pop3"),
      .title = "a POP3",
      .replies = NGX_HD_MAIL_SIGNED,
      .commands = {
          [NGX_HD_MAIL_STARTTLS] = "STLS" CRLF,
          [NGX_HD_MAIL_USER] = "USER %u" CRLF,
          [NGX_HD_MAIL_PASS] = "PASS %p" CRLF,
          [NGX_HD_MAIL_NOOP] = "NOOP" CRLF,
          [NGX_HD_MAIL_QUIT] = "QUIT" CRLF } },

    { .name = ngx_string("ftp"),
      .title = "an FTP",
      .replies = NGX_HD_MAIL_CODES,
      .commands = {
          [NGX_HD_MAIL_STARTTLS] = "AUTH TLS" CRLF,
          [NGX_HD_MAIL_USER] = "USER %u" CRLF,
          [NGX_HD_MAIL_PASS] = "PASS %p" CRLF,
          [NGX_HD_MAIL_NOOP] = "NOOP" CRLF,
          [NGX_HD_MAIL_QUIT] = "QUIT" CRLF } }
};


const char *
ngx_hd_mail_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    ngx_uint_t                  i;
    const char                 *wrong;
    ngx_hd_mail_conf_t         *conf;
    const ngx_hd_mail_proto_t  *proto;

    if ((check->user.len == 0) != (check->password.len == 0)) {
        return check->user.len ? "needs password= beside user="
                               : "needs user= beside password=";
    }

    conf = ngx_pcalloc(pool, sizeof(ngx_hd_mail_conf_t));
    if (conf == NULL) {
        return ngx_hd_mail_no_memory;
    }

    /* smtps is smtp, and so on */

    proto = ngx_hd_mail_protos;

    while (ngx_strncmp(check->type_name.data, proto->name.data,
                       proto->name.len)
           != 0)
    {
        proto++;
    }

    conf->proto = proto;
    check->data = conf;

    for (i = 0; i < NGX_HD_MAIL_STEPS; i++) {

        if (proto->commands[i] == NULL) {
            continue;
        }

        wrong = ngx_hd_mail_command(pool, check, proto->commands[i],
                                    &conf->commands[i]);
        if (wrong) {
            return wrong;
        }
    }

    return NULL;
}


/* a command that needs a user stays empty where none is given */

static const char *
ngx_hd_mail_command(ngx_pool_t *pool, ngx_hd_check_t *check,
    const char *format, ngx_str_t *command)
{
    size_t       len;
    u_char      *p;
    ngx_str_t    words[2];
    ngx_uint_t   n;
    const char  *f;

    n = 0;
    len = ngx_strlen(format);

    for (f = format; *f; f++) {

        if (*f != '%') {
            continue;
        }

        if (check->user.len == 0) {
            return NULL;
        }

        if (ngx_hd_mail_word(pool, check, (u_char) *++f, &words[n]) != NGX_OK)
        {
            return ngx_hd_mail_no_memory;
        }

        len += words[n++].len;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return ngx_hd_mail_no_memory;
    }

    command->data = p;
    n = 0;

    for (f = format; *f; f++) {

        if (*f == '%') {
            p = ngx_cpymem(p, words[n].data, words[n].len);
            n++;
            f++;
            continue;
        }

        *p++ = (u_char) *f;
    }

    command->len = p - command->data;

    return NULL;
}


static ngx_int_t
ngx_hd_mail_word(ngx_pool_t *pool, ngx_hd_check_t *check, u_char kind,
    ngx_str_t *word)
{
    u_char     *p;
    ngx_str_t   plain;

    switch (kind) {

    case 'u':
        *word = check->user;
        return NGX_OK;

    case 'p':
        *word = check->password;
        return NGX_OK;

    case 'U':
        return ngx_hd_mail_base64(pool, &check->user, word);

    case 'P':
        if (ngx_hd_mail_base64(pool, &check->password, word) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_hd_check_secret(pool, check, word);

    case 'q':
        return ngx_hd_mail_quote(pool, &check->user, word);

    case 'Q':
        if (ngx_hd_mail_quote(pool, &check->password, word) != NGX_OK) {
            return NGX_ERROR;
        }

        /* a server may quote it with the backslashes, but not with "" */

        plain.data = word->data + 1;
        plain.len = word->len - 2;

        return ngx_hd_check_secret(pool, check, &plain);
    }

    /* 'A' */

    plain.len = 2 + check->user.len + check->password.len;

    plain.data = ngx_pnalloc(pool, plain.len);
    if (plain.data == NULL) {
        return NGX_ERROR;
    }

    p = plain.data;
    *p++ = '\0';
    p = ngx_cpymem(p, check->user.data, check->user.len);
    *p++ = '\0';
    ngx_memcpy(p, check->password.data, check->password.len);

    if (ngx_hd_mail_base64(pool, &plain, word) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_hd_check_secret(pool, check, word);
}


static ngx_int_t
ngx_hd_mail_base64(ngx_pool_t *pool, ngx_str_t *plain, ngx_str_t *word)
{
    word->data = ngx_pnalloc(pool, ngx_base64_encoded_length(plain->len));
    if (word->data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(word, plain);

    return NGX_OK;
}


/* a quoted string, RFC 9051, section 9; control characters were refused */

static ngx_int_t
ngx_hd_mail_quote(ngx_pool_t *pool, ngx_str_t *plain, ngx_str_t *word)
{
    size_t   i;
    u_char  *p;

    p = ngx_pnalloc(pool, 2 * plain->len + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    word->data = p;
    *p++ = '"';

    for (i = 0; i < plain->len; i++) {

        if (plain->data[i] == '"' || plain->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = plain->data[i];
    }

    *p++ = '"';
    word->len = p - word->data;

    return NGX_OK;
}


/*
 * healthdash: the dialogue of SMTP, IMAP, POP3 and FTP: a greeting, TLS where
 * starttls=on asks for it, a log-in where one is given, NOOP.  One machine for
 * the four: they differ in how a reply is read and in their commands, which
 * ngx_hd_mail.c has made.
 *
 * libcurl knows these protocols, too, but says goodbye when it is done and then
 * waits, in a blocking call, for an answer that a frozen server does not give.
 */


#include <ngx_hd_mail.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_wire.h>


#define NGX_HD_MAIL_LINES      256     /* of one reply */


/* what a reply says, whatever its protocol */

typedef enum {
    NGX_HD_MAIL_OK = 0,
    NGX_HD_MAIL_MORE,                  /* go on with what belongs to it */
    NGX_HD_MAIL_NO,
    NGX_HD_MAIL_GOING,                 /* the server is closing down */
    NGX_HD_MAIL_PART,                  /* more lines of the reply follow */
    NGX_HD_MAIL_WRONG
} ngx_hd_mail_reply_e;


typedef struct ngx_hd_mail_s  ngx_hd_mail_t;

typedef ngx_hd_mail_reply_e (*ngx_hd_mail_read_pt)(ngx_hd_mail_t *m,
    ngx_str_t *line);


/* of a probe */

struct ngx_hd_mail_s {
    const ngx_hd_mail_conf_t
                          *conf;
    ngx_hd_mail_step_e     step;
    ngx_hd_wire_text_t     text;       /* of this line */
    ngx_uint_t             lines;      /* of this reply */
    ngx_uint_t             code;       /* of its first line */
    unsigned               secure:1;   /* STARTTLS is done */
    unsigned               logged_in:1;
    unsigned               has_tls:1;  /* what EHLO offers */
    unsigned               has_plain:1;
    unsigned               has_login:1;
};


static ngx_int_t ngx_hd_mail_take(ngx_hd_wire_t *w, ngx_buf_t *in,
    ngx_buf_t *out);
static ngx_int_t ngx_hd_mail_line(ngx_hd_wire_t *w, ngx_buf_t *in);
static ngx_hd_mail_reply_e ngx_hd_mail_read_code(ngx_hd_mail_t *m,
    ngx_str_t *line);
static ngx_hd_mail_reply_e ngx_hd_mail_read_imap(ngx_hd_mail_t *m,
    ngx_str_t *line);
static ngx_hd_mail_reply_e ngx_hd_mail_read_pop3(ngx_hd_mail_t *m,
    ngx_str_t *line);
static ngx_uint_t ngx_hd_mail_begins(const ngx_str_t *line,
    const char *word);
static void ngx_hd_mail_offer(ngx_hd_mail_t *m, ngx_str_t *line);
static ngx_int_t ngx_hd_mail_good(ngx_hd_wire_t *w, ngx_hd_mail_reply_e reply,
    ngx_str_t *line, ngx_buf_t *out);
static ngx_int_t ngx_hd_mail_bad(ngx_hd_wire_t *w, ngx_str_t *line,
    ngx_buf_t *out);
static ngx_uint_t ngx_hd_mail_wants_login(ngx_hd_mail_t *m,
    const ngx_str_t *line);
static ngx_int_t ngx_hd_mail_go_on(ngx_hd_wire_t *w, ngx_buf_t *out);
static ngx_hd_mail_step_e ngx_hd_mail_login(ngx_hd_mail_t *m);
static ngx_int_t ngx_hd_mail_send(ngx_hd_wire_t *w, ngx_hd_mail_step_e step,
    ngx_buf_t *out);
static ngx_int_t ngx_hd_mail_pass(ngx_hd_wire_t *w, ngx_buf_t *out);
static ngx_int_t ngx_hd_mail_alien(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_mail_closed(ngx_hd_wire_t *w);


static const ngx_hd_mail_read_pt  ngx_hd_mail_readers[NGX_HD_MAIL_KINDS] = {
    [NGX_HD_MAIL_CODES] = ngx_hd_mail_read_code,
    [NGX_HD_MAIL_TAGGED] = ngx_hd_mail_read_imap,
    [NGX_HD_MAIL_SIGNED] = ngx_hd_mail_read_pop3
};


/* the end of a sentence on what did not come */

static const ngx_str_t  ngx_hd_mail_waits[NGX_HD_MAIL_STEPS] = {
    [NGX_HD_MAIL_GREETING] = ngx_string("no greeting"),
    [NGX_HD_MAIL_EHLO] = ngx_string("no answer to EHLO"),
    [NGX_HD_MAIL_HELO] = ngx_string("no answer to HELO"),
    [NGX_HD_MAIL_STARTTLS] = ngx_string("no answer to the wish for TLS"),
    [NGX_HD_MAIL_USER] = ngx_string("no answer to the user"),
    [NGX_HD_MAIL_PASS] = ngx_string("no answer to the password"),
    [NGX_HD_MAIL_AUTH_PLAIN] = ngx_string("no answer to AUTH PLAIN"),
    [NGX_HD_MAIL_AUTH_LOGIN] = ngx_string("no answer to AUTH LOGIN"),
    [NGX_HD_MAIL_LOGIN_USER] = ngx_string("no answer to the user"),
    [NGX_HD_MAIL_LOGIN_PASS] = ngx_string("no answer to the password"),
    [NGX_HD_MAIL_NOOP] = ngx_string("no answer to NOOP")
};


ngx_int_t
ngx_hd_wire_mail(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t       rc;
    ngx_hd_mail_t  *m;

    m = w->state;

    if (m == NULL) {
        m = ngx_pcalloc(w->pool, sizeof(ngx_hd_mail_t));
        if (m == NULL) {
            ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
            return NGX_ERROR;
        }

        m->conf = w->check->data;
        w->state = m;

        w->waits = ngx_hd_mail_waits[NGX_HD_MAIL_GREETING];

        return NGX_AGAIN;
    }

    if (w->upgrade) {
        w->upgrade = 0;
        m->secure = 1;

        return ngx_hd_mail_go_on(w, out);
    }

    do {
        rc = ngx_hd_mail_line(w, in);

        if (rc == NGX_OK) {
            rc = ngx_hd_mail_take(w, in, out);
        }

    } while (rc == NGX_DONE);

    return rc;
}


/* judges one line; NGX_DONE: the next one tells more */

static ngx_int_t
ngx_hd_mail_take(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_str_t             line;
    ngx_hd_mail_t        *m;
    ngx_hd_mail_reply_e   reply;

    m = w->state;

    line.data = m->text.data;
    line.len = m->text.len;

    reply = ngx_hd_mail_readers[m->conf->proto->replies](m, &line);

    if (reply == NGX_HD_MAIL_WRONG) {
        return ngx_hd_mail_alien(w);
    }

    m->text.len = 0;
    m->text.size = 0;

    ngx_hd_wire_sample(w, line.data, line.len);
    ngx_hd_wire_sample(w, (u_char *) "\n", 1);

    if (reply == NGX_HD_MAIL_PART) {
        return NGX_DONE;
    }

    ngx_hd_wire_line(w, line.data, line.len);

    /* nothing may stand between the answer and the handshake, RFC 3207, 6 */

    if (m->step == NGX_HD_MAIL_STARTTLS && in->pos < in->last
        && (reply == NGX_HD_MAIL_OK || reply == NGX_HD_MAIL_MORE))
    {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "bytes in clear text behind the answer to STARTTLS");
        return NGX_DECLINED;
    }

    m->lines = 0;
    m->code = 0;

    switch (reply) {

    case NGX_HD_MAIL_GOING:
        ngx_hd_result_set(w->result, NGX_HD_R_NOT_SERVING, "%V", &line);
        return NGX_DECLINED;

    case NGX_HD_MAIL_NO:
        return ngx_hd_mail_bad(w, &line, out);

    default:
        return ngx_hd_mail_good(w, reply, &line, out);
    }
}


/* NGX_OK: a whole line, without its end, in m->text */

static ngx_int_t
ngx_hd_mail_line(ngx_hd_wire_t *w, ngx_buf_t *in)
{
    ngx_int_t       rc;
    ngx_hd_mail_t  *m;

    m = w->state;

    rc = ngx_hd_wire_read_line(&m->text, in);

    /*
     * What is no reply need not be waited for to its end; only within one may
     * a line begin with anything.
     */

    if (rc == NGX_DECLINED
        || (m->text.len && m->text.data[0] < ' ' && m->code == 0))
    {
        return ngx_hd_mail_alien(w);
    }

    if (rc == NGX_AGAIN) {
        return w->eof ? ngx_hd_mail_closed(w) : NGX_AGAIN;
    }

    if (++m->lines > NGX_HD_MAIL_LINES) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "a reply of more than %d lines", NGX_HD_MAIL_LINES);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* "250-first", "250 last", RFC 5321, 4.2, and RFC 959, 4.2 */

static ngx_hd_mail_reply_e
ngx_hd_mail_read_code(ngx_hd_mail_t *m, ngx_str_t *line)
{
    ngx_int_t  code;

    code = (line->len >= 3) ? ngx_atoi(line->data, 3) : NGX_ERROR;

    if (code < 100 || code > 599
        || (line->len > 3 && line->data[3] != ' ' && line->data[3] != '-'))
    {
        /* FTP's lines in between need no code */

        return m->code ? NGX_HD_MAIL_PART : NGX_HD_MAIL_WRONG;
    }

    if (m->step == NGX_HD_MAIL_EHLO) {
        ngx_hd_mail_offer(m, line);
    }

    if (line->len > 3 && line->data[3] == '-') {
        m->code = m->code ? m->code : (ngx_uint_t) code;
        return NGX_HD_MAIL_PART;
    }

    if (m->code && m->code != (ngx_uint_t) code) {
        return NGX_HD_MAIL_PART;
    }

    /* FTP's 120: "ready in a few minutes", and then one more reply */

    if (code < 200) {
        m->code = 0;
        return NGX_HD_MAIL_PART;
    }

    if (code == 421) {
        return NGX_HD_MAIL_GOING;
    }

    return (code < 300) ? NGX_HD_MAIL_OK
           : (code < 400) ? NGX_HD_MAIL_MORE
           : NGX_HD_MAIL_NO;
}


static ngx_hd_mail_reply_e
ngx_hd_mail_read_imap(ngx_hd_mail_t *m, ngx_str_t *line)
{
    if (ngx_hd_mail_begins(line, "* BYE")) {
        return NGX_HD_MAIL_GOING;
    }

    if (m->step == NGX_HD_MAIL_GREETING) {

        return (ngx_hd_mail_begins(line, "* OK")
                || ngx_hd_mail_begins(line, "* PREAUTH"))
               ? NGX_HD_MAIL_OK : NGX_HD_MAIL_WRONG;
    }

    if (ngx_hd_mail_begins(line, "* ")) {
        return NGX_HD_MAIL_PART;
    }

    if (ngx_hd_mail_begins(line, "a OK")) {
        return NGX_HD_MAIL_OK;
    }

    return (ngx_hd_mail_begins(line, "a NO")
            || ngx_hd_mail_begins(line, "a BAD"))
           ? NGX_HD_MAIL_NO : NGX_HD_MAIL_WRONG;
}


static ngx_hd_mail_reply_e
ngx_hd_mail_read_pop3(ngx_hd_mail_t *m, ngx_str_t *line)
{
    if (ngx_hd_mail_begins(line, "+OK")) {
        return NGX_HD_MAIL_OK;
    }

    return ngx_hd_mail_begins(line, "-ERR") ? NGX_HD_MAIL_NO
                                            : NGX_HD_MAIL_WRONG;
}


/* a whole word, or one that ends with a blank itself */

static ngx_uint_t
ngx_hd_mail_begins(const ngx_str_t *line, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    return line->len >= len
           && ngx_strncasecmp(line->data, (u_char *) word, len) == 0
           && (line->len == len || word[len - 1] == ' '
               || line->data[len] == ' ');
}


static void
ngx_hd_mail_offer(ngx_hd_mail_t *m, ngx_str_t *line)
{
    u_char     *p, *last;
    ngx_str_t   offer;

    if (line->len < 4) {
        return;
    }

    offer.data = line->data + 4;
    offer.len = line->len - 4;

    if (ngx_hd_mail_begins(&offer, "STARTTLS")) {
        m->has_tls = 1;
        return;
    }

    if (!ngx_hd_mail_begins(&offer, "AUTH")) {
        return;
    }

    p = offer.data;
    last = p + offer.len;

    if (ngx_strlcasestrn(p, last, (u_char *) " PLAIN", 6 - 1)) {
        m->has_plain = 1;
    }

    if (ngx_strlcasestrn(p, last, (u_char *) " LOGIN", 6 - 1)) {
        m->has_login = 1;
    }
}


static ngx_int_t
ngx_hd_mail_good(ngx_hd_wire_t *w, ngx_hd_mail_reply_e reply,
    ngx_str_t *line, ngx_buf_t *out)
{
    ngx_hd_mail_t  *m;

    m = w->state;

    switch (m->step) {

    case NGX_HD_MAIL_STARTTLS:
        w->upgrade = 1;
        return NGX_AGAIN;

    case NGX_HD_MAIL_USER:

        /* FTP may want no password, and IMAP has had it */

        if (m->conf->commands[NGX_HD_MAIL_PASS].len
            && (reply == NGX_HD_MAIL_MORE
                || m->conf->proto->replies == NGX_HD_MAIL_SIGNED))
        {
            return ngx_hd_mail_send(w, NGX_HD_MAIL_PASS, out);
        }

        m->logged_in = 1;
        break;

    case NGX_HD_MAIL_AUTH_LOGIN:
        return ngx_hd_mail_send(w, NGX_HD_MAIL_LOGIN_USER, out);

    case NGX_HD_MAIL_LOGIN_USER:
        return ngx_hd_mail_send(w, NGX_HD_MAIL_LOGIN_PASS, out);

    case NGX_HD_MAIL_PASS:
    case NGX_HD_MAIL_AUTH_PLAIN:
    case NGX_HD_MAIL_LOGIN_PASS:
        m->logged_in = 1;
        break;

    case NGX_HD_MAIL_NOOP:
        return ngx_hd_mail_pass(w, out);

    default:
        break;
    }

    if (reply == NGX_HD_MAIL_MORE) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "unexpected \"%V\"", line);
        return NGX_DECLINED;
    }

    return ngx_hd_mail_go_on(w, out);
}


static ngx_int_t
ngx_hd_mail_bad(ngx_hd_wire_t *w, ngx_str_t *line, ngx_buf_t *out)
{
    ngx_hd_mail_t    *m;
    ngx_hd_reason_e   reason;

    m = w->state;

    switch (m->step) {

    case NGX_HD_MAIL_EHLO:

        if (!w->check->starttls && w->check->user.len == 0) {
            return ngx_hd_mail_send(w, NGX_HD_MAIL_HELO, out);
        }

        reason = NGX_HD_R_PROTOCOL_ERROR;
        break;

    case NGX_HD_MAIL_STARTTLS:
        reason = NGX_HD_R_TLS_REFUSED;
        break;

    case NGX_HD_MAIL_NOOP:

        if (ngx_hd_mail_wants_login(m, line)) {
            return ngx_hd_mail_pass(w, out);
        }

        reason = NGX_HD_R_PROTOCOL_ERROR;
        break;

    case NGX_HD_MAIL_GREETING:
    case NGX_HD_MAIL_HELO:
        reason = NGX_HD_R_PROTOCOL_ERROR;
        break;

    default:
        reason = NGX_HD_R_LOGIN;
    }

    ngx_hd_result_set(w->result, reason, "%V", line);

    return NGX_DECLINED;
}


/* who has not logged in is refused, but by a server that works */

static ngx_uint_t
ngx_hd_mail_wants_login(ngx_hd_mail_t *m, const ngx_str_t *line)
{
    size_t  len;

    if (m->logged_in || m->conf->commands[NGX_HD_MAIL_EHLO].len) {
        return 0;
    }

    switch (m->conf->proto->replies) {

    case NGX_HD_MAIL_CODES:
        return line->data[0] == '5';        /* 4: it has trouble of its own */

    case NGX_HD_MAIL_SIGNED:
        len = sizeof("-ERR [SYS/") - 1;     /* the same, RFC 3206 */

        return line->len < len
               || ngx_strncasecmp(line->data, (u_char *) "-ERR [SYS/", len)
                  != 0;

    default: /* NGX_HD_MAIL_TAGGED */
        return 0;
    }
}


/* the next command after a good answer */

static ngx_int_t
ngx_hd_mail_go_on(ngx_hd_wire_t *w, ngx_buf_t *out)
{
    ngx_hd_mail_t       *m;
    ngx_hd_mail_step_e   step;

    m = w->state;

    /* who has got a secure connection asks anew what is offered */

    if (m->conf->commands[NGX_HD_MAIL_EHLO].len
        && (m->step == NGX_HD_MAIL_GREETING
            || m->step == NGX_HD_MAIL_STARTTLS))
    {
        m->has_plain = 0;
        m->has_login = 0;

        return ngx_hd_mail_send(w, NGX_HD_MAIL_EHLO, out);
    }

    if (w->check->starttls && !m->secure) {

        if (m->step == NGX_HD_MAIL_EHLO && !m->has_tls) {
            ngx_hd_result_set(w->result, NGX_HD_R_TLS_REFUSED,
                              "no STARTTLS among what it offers");
            return NGX_DECLINED;
        }

        return ngx_hd_mail_send(w, NGX_HD_MAIL_STARTTLS, out);
    }

    step = NGX_HD_MAIL_NOOP;

    if (w->check->user.len && !m->logged_in) {
        step = ngx_hd_mail_login(m);
    }

    if (step == NGX_HD_MAIL_STEPS) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOGIN,
                          "neither AUTH PLAIN nor AUTH LOGIN is offered%s",
                          (w->check->tls || m->secure) ? ""
                          : ", maybe starttls=on is needed");
        return NGX_DECLINED;
    }

    return ngx_hd_mail_send(w, step, out);
}


/* NGX_HD_MAIL_STEPS: there is no way that we know */

static ngx_hd_mail_step_e
ngx_hd_mail_login(ngx_hd_mail_t *m)
{
    if (m->conf->commands[NGX_HD_MAIL_USER].len) {
        return NGX_HD_MAIL_USER;
    }

    return m->has_plain ? NGX_HD_MAIL_AUTH_PLAIN
           : m->has_login ? NGX_HD_MAIL_AUTH_LOGIN
           : NGX_HD_MAIL_STEPS;
}


static ngx_int_t
ngx_hd_mail_send(ngx_hd_wire_t *w, ngx_hd_mail_step_e step, ngx_buf_t *out)
{
    ngx_hd_mail_t    *m;
    const ngx_str_t  *command;

    m = w->state;
    command = &m->conf->commands[step];

    m->step = step;
    w->waits = ngx_hd_mail_waits[step];

    out->pos = command->data;
    out->last = command->data + command->len;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_hd_mail_pass(ngx_hd_wire_t *w, ngx_buf_t *out)
{
    ngx_hd_answer_t  answer;

    (void) ngx_hd_mail_send(w, NGX_HD_MAIL_QUIT, out);

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    return ngx_hd_wire_judge(w, &answer);
}


static ngx_int_t
ngx_hd_mail_alien(ngx_hd_wire_t *w)
{
    ngx_hd_mail_t  *m;

    m = w->state;

    return ngx_hd_wire_alien(w, m->conf->proto->title, m->text.data,
                             m->text.len);
}


static ngx_int_t
ngx_hd_mail_closed(ngx_hd_wire_t *w)
{
    ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CLOSED, "%V", &w->waits);

    return NGX_DECLINED;
}


/*
 * healthdash: the Redis dialogue, RESP2.  AUTH, PING and, where role= or
 * max_lag= asks for it, INFO go out at once; the answers come in that order,
 * and the first that is not good decides.  Called by the stream engine, bytes
 * in, verdict out.  Nothing of an answer is kept but one line and some numbers,
 * and nothing of what was sent is ever shown.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


#define NGX_HD_REDIS_INFO   1048576    /* bytes of INFO, at most */
#define NGX_HD_REDIS_ERROR  96         /* bytes shown of an error */


/* the answers, in the order they come */

typedef enum {
    NGX_HD_REDIS_AUTH = 0,
    NGX_HD_REDIS_PING,
    NGX_HD_REDIS_REPLICATION,
    NGX_HD_REDIS_PERSISTENCE,
    NGX_HD_REDIS_DONE
} ngx_hd_redis_step_e;


typedef struct {
    ngx_hd_redis_step_e    step;
    ngx_hd_wire_text_t     line;
    size_t                 left;        /* bytes of INFO to come */
    ngx_hd_role_e          role;        /* ANY: not known yet */
    ngx_int_t              io;          /* sec since the primary was heard */
    ngx_int_t              down;        /* sec since its link went down */
    unsigned               bulk:1;      /* within the text of INFO */
    unsigned               answered:1;  /* a byte has come */
    unsigned               link_down:1;
    unsigned               syncing:1;
    unsigned               loading:1;
} ngx_hd_redis_t;


/* an error that begins with a word of its own */

typedef struct {
    ngx_str_t              word;
    ngx_hd_reason_e        reason;
    const char            *text;        /* of a log-in: what is expected */
} ngx_hd_redis_error_t;


static ngx_int_t ngx_hd_redis_create(ngx_hd_wire_t *w, ngx_buf_t *out);
static ngx_int_t ngx_hd_redis_read(ngx_hd_wire_t *w, ngx_hd_redis_t *r,
    ngx_buf_t *in);
static ngx_int_t ngx_hd_redis_line(ngx_hd_wire_t *w, ngx_hd_redis_t *r,
    ngx_buf_t *in);
static ngx_int_t ngx_hd_redis_reply(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static ngx_int_t ngx_hd_redis_error(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static const ngx_hd_redis_error_t *ngx_hd_redis_known(ngx_str_t *text);
static ngx_int_t ngx_hd_redis_bulk(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static ngx_int_t ngx_hd_redis_info(ngx_hd_wire_t *w, ngx_hd_redis_t *r,
    ngx_buf_t *in);
static void ngx_hd_redis_field(ngx_hd_redis_t *r);
static ngx_uint_t ngx_hd_redis_is(ngx_str_t *s, const char *word);
static ngx_int_t ngx_hd_redis_next(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static ngx_int_t ngx_hd_redis_judge(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static ngx_int_t ngx_hd_redis_judge_role(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static ngx_int_t ngx_hd_redis_judge_lag(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static ngx_int_t ngx_hd_redis_alien(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static ngx_int_t ngx_hd_redis_eof(ngx_hd_wire_t *w, ngx_hd_redis_t *r);
static ngx_uint_t ngx_hd_redis_asks_info(const ngx_hd_check_t *check);
static u_char *ngx_hd_redis_arg(u_char *p, ngx_str_t *arg);


static const char * const  ngx_hd_redis_commands[] = {
    [NGX_HD_REDIS_AUTH] = "AUTH",
    [NGX_HD_REDIS_PING] = "PING",
    [NGX_HD_REDIS_REPLICATION] = "INFO replication",
    [NGX_HD_REDIS_PERSISTENCE] = "INFO persistence"
};


static const ngx_hd_redis_error_t  ngx_hd_redis_errors[] = {
    { ngx_string("LOADING"), NGX_HD_R_NOT_SERVING,
      "redis is loading its data" },
    { ngx_string("MASTERDOWN"), NGX_HD_R_NOT_SERVING,
      "link to its primary is down, and replica-serve-stale-data is off" },
    { ngx_string("MISCONF"), NGX_HD_R_NOT_SERVING,
      "redis takes no writes, it cannot save its data to disk" },
    { ngx_string("BUSY"), NGX_HD_R_NOT_SERVING,
      "redis is busy with a script" },
    { ngx_string("NOAUTH"), NGX_HD_R_LOGIN, "user= and password=" },
    { ngx_string("WRONGPASS"), NGX_HD_R_LOGIN, "user= and password=" },
    { ngx_string("NOPERM"), NGX_HD_R_LOGIN, "a user that may do this" },
    { ngx_string("DENIED"), NGX_HD_R_LOGIN, "protected-mode no" }
};


ngx_int_t
ngx_hd_wire_redis(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t        rc;
    ngx_hd_redis_t  *r;

    if (w->state == NULL) {
        return ngx_hd_redis_create(w, out);
    }

    r = w->state;

    do {
        rc = ngx_hd_redis_read(w, r, in);
    } while (rc == NGX_AGAIN && in->pos < in->last);

    return (rc == NGX_AGAIN && w->eof) ? ngx_hd_redis_eof(w, r) : rc;
}


static ngx_int_t
ngx_hd_redis_create(ngx_hd_wire_t *w, ngx_buf_t *out)
{
    ngx_hd_redis_t  *r;

    r = ngx_pcalloc(w->pool, sizeof(ngx_hd_redis_t));
    if (r == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    r->step = w->check->password.len ? NGX_HD_REDIS_AUTH : NGX_HD_REDIS_PING;
    r->io = NGX_ERROR;
    r->down = NGX_ERROR;

    w->state = r;

    out->pos = w->check->request.data;
    out->last = out->pos + w->check->request.len;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_hd_redis_read(ngx_hd_wire_t *w, ngx_hd_redis_t *r, ngx_buf_t *in)
{
    ngx_int_t  rc;

    r->answered |= (in->pos < in->last);

    if (r->bulk) {
        rc = ngx_hd_redis_info(w, r, in);

    } else {
        rc = ngx_hd_redis_line(w, r, in);

        if (rc == NGX_OK) {
            rc = ngx_hd_redis_reply(w, r);
            r->line.len = 0;
            r->line.size = 0;
        }
    }

    return (rc == NGX_OK) ? ngx_hd_redis_next(w, r) : rc;
}


/* NGX_OK: the line of a reply has come */

static ngx_int_t
ngx_hd_redis_line(ngx_hd_wire_t *w, ngx_hd_redis_t *r, ngx_buf_t *in)
{
    ngx_int_t  rc;

    rc = ngx_hd_wire_read_line(&r->line, in);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    /* what speaks TLS sends no lines, so it is not waited for one */

    if (rc == NGX_DECLINED
        || (r->line.len >= 2 && r->line.data[0] < ' '))
    {
        return ngx_hd_redis_alien(w, r);
    }

    return NGX_AGAIN;
}


/* NGX_OK: the answer was good, go on; NGX_AGAIN: it has only begun */

static ngx_int_t
ngx_hd_redis_reply(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    ngx_str_t  text;

    if (r->line.len == 0) {
        return ngx_hd_redis_alien(w, r);
    }

    text.data = r->line.data + 1;
    text.len = r->line.len - 1;

    switch (r->line.data[0]) {

    case '-':
        return ngx_hd_redis_error(w, r);

    case '+':
        if ((r->step == NGX_HD_REDIS_AUTH && ngx_hd_redis_is(&text, "OK"))
            || (r->step == NGX_HD_REDIS_PING && ngx_hd_redis_is(&text, "PONG")))
        {
            ngx_hd_wire_line(w, r->line.data, r->line.len);
            return NGX_OK;
        }

        break;

    case '$':
        if (r->step >= NGX_HD_REDIS_REPLICATION) {
            return ngx_hd_redis_bulk(w, r);
        }

        break;
    }

    return ngx_hd_redis_alien(w, r);
}


static ngx_int_t
ngx_hd_redis_error(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    u_char                      *args;
    ngx_str_t                    text;
    const ngx_hd_redis_error_t  *known;

    text.data = r->line.data + 1;
    text.len = r->line.len - 1;

    /* an unknown command comes back with what it was given: our password */

    args = ngx_strlcasestrn(text.data, text.data + text.len,
                            (u_char *) "with args", 9 - 1);
    if (args) {
        text.len = args - text.data;
    }

    ngx_hd_wire_line(w, r->line.data, text.len + 1);

    known = ngx_hd_redis_known(&text);
    text.len = ngx_min(text.len, NGX_HD_REDIS_ERROR);

    if (known && known->reason != NGX_HD_R_LOGIN) {
        ngx_hd_result_set(w->result, known->reason, "%s", known->text);

    } else if (known || r->step == NGX_HD_REDIS_AUTH) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOGIN, "\"%V\", expected %s",
                          &text, known ? known->text : "user= and password=");

    } else {
        ngx_hd_result_set(w->result, NGX_HD_R_PROTOCOL_ERROR, "\"%V\" to %s",
                          &text, ngx_hd_redis_commands[r->step]);
    }

    return NGX_DECLINED;
}


static const ngx_hd_redis_error_t *
ngx_hd_redis_known(ngx_str_t *text)
{
    ngx_uint_t                   i, n;
    const ngx_hd_redis_error_t  *e;

    n = sizeof(ngx_hd_redis_errors) / sizeof(ngx_hd_redis_errors[0]);

    for (i = 0; i < n; i++) {
        e = &ngx_hd_redis_errors[i];

        if (text->len >= e->word.len
            && ngx_memcmp(text->data, e->word.data, e->word.len) == 0)
        {
            return e;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_hd_redis_bulk(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    ngx_int_t  n;

    n = ngx_atoi(r->line.data + 1, r->line.len - 1);

    if (n == NGX_ERROR) {
        return ngx_hd_redis_alien(w, r);
    }

    if (n > NGX_HD_REDIS_INFO) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "more than %d bytes to %s", NGX_HD_REDIS_INFO,
                          ngx_hd_redis_commands[r->step]);
        return NGX_DECLINED;
    }

    /* CRLF behind the text is read with it, as one more line */

    r->bulk = 1;
    r->left = n + 2;

    return NGX_AGAIN;
}


/* NGX_OK: the text has ended */

static ngx_int_t
ngx_hd_redis_info(ngx_hd_wire_t *w, ngx_hd_redis_t *r, ngx_buf_t *in)
{
    u_char     *pos, *last;
    ngx_int_t   rc;

    last = in->last;
    in->last = in->pos + ngx_min((size_t) (last - in->pos), r->left);

    rc = NGX_AGAIN;

    while (in->pos < in->last) {
        pos = in->pos;
        rc = ngx_hd_wire_read_line(&r->line, in);
        r->left -= in->pos - pos;

        if (rc == NGX_AGAIN) {
            break;
        }

        if (rc == NGX_DECLINED) {
            in->last = last;
            return ngx_hd_redis_alien(w, r);
        }

        ngx_hd_redis_field(r);

        r->line.len = 0;
        r->line.size = 0;
    }

    in->last = last;

    if (r->left) {
        return NGX_AGAIN;
    }

    r->bulk = 0;

    /* the text ends in LF, unless its length was a lie */

    return (rc == NGX_OK) ? NGX_OK : ngx_hd_redis_alien(w, r);
}


/* "name:value"; of a field that stands there twice the last one holds */

static void
ngx_hd_redis_field(ngx_hd_redis_t *r)
{
    u_char     *colon, *last;
    ngx_str_t   name, value;

    last = r->line.data + r->line.len;

    colon = ngx_strlchr(r->line.data, last, ':');
    if (colon == NULL) {
        return;
    }

    name.data = r->line.data;
    name.len = colon - name.data;
    value.data = colon + 1;
    value.len = last - value.data;

    if (ngx_hd_redis_is(&name, "role")) {
        r->role = ngx_hd_redis_is(&value, "master") ? NGX_HD_ROLE_PRIMARY
                  : ngx_hd_redis_is(&value, "slave") ? NGX_HD_ROLE_REPLICA
                  : NGX_HD_ROLE_ANY;

    } else if (ngx_hd_redis_is(&name, "loading")) {
        r->loading = !ngx_hd_redis_is(&value, "0");

    } else if (ngx_hd_redis_is(&name, "master_link_status")) {
        r->link_down = !ngx_hd_redis_is(&value, "up");

    } else if (ngx_hd_redis_is(&name, "master_sync_in_progress")) {
        r->syncing = ngx_hd_redis_is(&value, "1");

    } else if (ngx_hd_redis_is(&name, "master_last_io_seconds_ago")) {
        r->io = ngx_atoi(value.data, value.len);

    } else if (ngx_hd_redis_is(&name, "master_link_down_since_seconds")) {
        r->down = ngx_atoi(value.data, value.len);
    }
}


static ngx_uint_t
ngx_hd_redis_is(ngx_str_t *s, const char *word)
{
    return s->len == ngx_strlen(word)
           && ngx_memcmp(s->data, word, s->len) == 0;
}


static ngx_int_t
ngx_hd_redis_next(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    r->step++;

    if (r->step == NGX_HD_REDIS_DONE
        || (r->step == NGX_HD_REDIS_REPLICATION
            && !ngx_hd_redis_asks_info(w->check)))
    {
        return ngx_hd_redis_judge(w, r);
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_hd_redis_judge(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    ngx_int_t        rc;
    ngx_hd_answer_t  answer;

    if (r->loading) {
        ngx_hd_result_set(w->result, NGX_HD_R_NOT_SERVING,
                          "redis is loading its data");
        return NGX_DECLINED;
    }

    if (ngx_hd_redis_asks_info(w->check)) {
        rc = ngx_hd_redis_judge_role(w, r);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    return ngx_hd_wire_judge(w, &answer);
}


static ngx_int_t
ngx_hd_redis_judge_role(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    ngx_uint_t  want;

    want = w->check->role;

    if (r->role == NGX_HD_ROLE_ANY) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "no role in the answer to INFO");
        return NGX_DECLINED;
    }

    if (want != NGX_HD_ROLE_ANY && want != r->role) {
        ngx_hd_result_set(w->result, NGX_HD_R_ROLE,
                          (want == NGX_HD_ROLE_PRIMARY)
                          ? "is a replica, expected a primary"
                          : "is a primary, expected a replica");
        return NGX_DECLINED;
    }

    return (r->role == NGX_HD_ROLE_REPLICA) ? ngx_hd_redis_judge_lag(w, r)
                                            : NGX_OK;
}


static ngx_int_t
ngx_hd_redis_judge_lag(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    ngx_msec_t  most;

    most = w->check->max_lag;

    if (r->link_down && r->syncing) {
        ngx_hd_result_set(w->result, NGX_HD_R_LAG,
                          "it is still copying the data of its primary");

    } else if (r->link_down && r->down != NGX_ERROR) {
        ngx_hd_result_set(w->result, NGX_HD_R_LAG,
                          "link to its primary is down (for %is)", r->down);

    } else if (r->link_down) {
        ngx_hd_result_set(w->result, NGX_HD_R_LAG,
                          "link to its primary is down");

    } else if (most && r->io == NGX_ERROR) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "no master_last_io_seconds_ago in the answer to "
                          "INFO");

    } else if (most && (ngx_msec_t) r->io > most / 1000) {
        ngx_hd_result_set(w->result, NGX_HD_R_LAG,
                          "nothing from its primary for %is, expected %uims "
                          "at most", r->io, (ngx_uint_t) most);

    } else {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_redis_alien(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    return ngx_hd_wire_alien(w, "a Redis", r->line.data, r->line.len);
}


static ngx_int_t
ngx_hd_redis_eof(ngx_hd_wire_t *w, ngx_hd_redis_t *r)
{
    if (r->answered) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CUT,
                          "before the end of the answer to %s",
                          ngx_hd_redis_commands[r->step]);

    } else {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CLOSED, NULL);
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_hd_redis_asks_info(const ngx_hd_check_t *check)
{
    return check->role != NGX_HD_ROLE_ANY || check->max_lag;
}


const char *
ngx_hd_wire_redis_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    u_char     *p;
    ngx_str_t   auth;

    static const char  ping[] = "*1" CRLF "$4" CRLF "PING" CRLF;
    static const char  info[] =
        "*2" CRLF "$4" CRLF "INFO" CRLF "$11" CRLF "replication" CRLF
        "*2" CRLF "$4" CRLF "INFO" CRLF "$11" CRLF "persistence" CRLF;

    if (check->user.len && check->password.len == 0) {
        return "needs password= beside user=";
    }

    /* lengths of the arguments and what stands around them */

    p = ngx_pnalloc(pool, check->user.len + check->password.len
                          + 3 * (NGX_SIZE_T_LEN + sizeof("$" CRLF CRLF))
                          + sizeof("*3" CRLF "AUTH") + sizeof(ping)
                          + sizeof(info));
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    check->request.data = p;

    if (check->password.len) {
        ngx_str_set(&auth, "AUTH");

        p = ngx_sprintf(p, "*%d" CRLF, check->user.len ? 3 : 2);
        p = ngx_hd_redis_arg(p, &auth);

        if (check->user.len) {
            p = ngx_hd_redis_arg(p, &check->user);
        }

        p = ngx_hd_redis_arg(p, &check->password);
    }

    p = ngx_cpymem(p, ping, sizeof(ping) - 1);

    if (ngx_hd_redis_asks_info(check)) {
        p = ngx_cpymem(p, info, sizeof(info) - 1);
    }

    check->request.len = p - check->request.data;

    return NULL;
}


static u_char *
ngx_hd_redis_arg(u_char *p, ngx_str_t *arg)
{
    return ngx_sprintf(p, "$%uz" CRLF "%V" CRLF, arg->len, arg);
}

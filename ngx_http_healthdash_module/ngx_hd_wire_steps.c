
/*
 * healthdash: a dialogue of send and expect lines.  Owns which bytes a step is
 * judged by: those that came since the step before it.  Every byte is hostile:
 * what is kept of them is bounded, and so is the work of a pattern.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


#define NGX_HD_STEPS_MAX       16384   /* bytes kept for one step */
#define NGX_HD_STEPS_BUF       1024    /* at first */


typedef struct {
    ngx_uint_t       n;         /* the step under way */
    ngx_buf_t        got;       /* what came for it */
    size_t           refilled;  /* bytes its pattern had when it got steps */
    size_t           left;      /* of these steps */
    u_char           text[NGX_HD_DETAIL_LEN];  /* of wire.waits */
} ngx_hd_steps_t;


static ngx_int_t ngx_hd_steps_create(ngx_hd_wire_t *w);
static ngx_int_t ngx_hd_steps_keep(ngx_hd_wire_t *w, ngx_buf_t *in);
static ngx_int_t ngx_hd_steps_go(ngx_hd_wire_t *w, ngx_buf_t *in,
    ngx_buf_t *out);
static ngx_int_t ngx_hd_steps_send(ngx_hd_wire_t *w, ngx_buf_t *out);
static ngx_int_t ngx_hd_steps_expect(ngx_hd_wire_t *w,
    const ngx_hd_step_t *step);
static ngx_int_t ngx_hd_steps_equal(ngx_hd_steps_t *s,
    const ngx_hd_step_t *step);
static ngx_int_t ngx_hd_steps_search(ngx_hd_steps_t *s,
    const ngx_hd_step_t *step);
static ngx_int_t ngx_hd_steps_failed(ngx_hd_wire_t *w,
    const ngx_hd_step_t *step, ngx_int_t rc);
static void ngx_hd_steps_wait(ngx_hd_wire_t *w, const ngx_hd_step_t *step);
static u_char *ngx_hd_steps_say(u_char *p, u_char *last, ngx_hd_steps_t *s,
    const ngx_hd_step_t *step, ngx_uint_t got);
static size_t ngx_hd_steps_shown(u_char *p, size_t len);


ngx_int_t
ngx_hd_wire_steps(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t  rc;

    if (w->check->steps == NULL) {
        return ngx_hd_wire_connect(w, in, out);
    }

    if (w->state == NULL) {
        rc = ngx_hd_steps_create(w);

    } else {
        rc = ngx_hd_steps_keep(w, in);
    }

    if (rc == NGX_OK) {
        rc = ngx_hd_steps_go(w, in, out);
    }

    if (rc == NGX_ERROR) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
    }

    return rc;
}


static ngx_int_t
ngx_hd_steps_create(ngx_hd_wire_t *w)
{
    ngx_hd_steps_t  *s;

    s = ngx_pcalloc(w->pool, sizeof(ngx_hd_steps_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    w->state = s;

    return NGX_OK;
}


/* what finds no room stays in in, and the step fails unless it is content */

static ngx_int_t
ngx_hd_steps_keep(ngx_hd_wire_t *w, ngx_buf_t *in)
{
    size_t           n, used, size;
    u_char          *p;
    ngx_buf_t       *b;
    ngx_hd_steps_t  *s;

    s = w->state;
    b = &s->got;
    used = b->last - b->pos;
    n = ngx_min((size_t) (in->last - in->pos), NGX_HD_STEPS_MAX - used);

    ngx_hd_wire_sample(w, in->pos, n);

    if (n > (size_t) (b->end - b->last)) {
        size = ngx_max(2 * used, used + n);
        size = ngx_min(ngx_max(size, NGX_HD_STEPS_BUF), NGX_HD_STEPS_MAX);

        p = ngx_palloc(w->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (used) {
            ngx_memcpy(p, b->pos, used);
        }

        if (b->start) {
            (void) ngx_pfree(w->pool, b->start);
        }

        b->start = p;
        b->pos = p;
        b->last = p + used;
        b->end = p + size;
    }

    if (n) {
        b->last = ngx_cpymem(b->last, in->pos, n);
        in->pos += n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_steps_go(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_int_t             rc;
    ngx_array_t          *steps;
    ngx_hd_steps_t       *s;
    ngx_hd_answer_t       answer;
    const ngx_hd_step_t  *step;

    s = w->state;
    steps = w->check->steps;

    while (s->n < steps->nelts) {
        step = (ngx_hd_step_t *) steps->elts + s->n;

        if (step->op.len == 0) {

            /* the peer is gone, and has not said what was to come */

            if (w->eof) {
                return ngx_hd_steps_failed(w, step, NGX_AGAIN);
            }

            if (ngx_hd_steps_send(w, out) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        rc = ngx_hd_steps_expect(w, step);

        if (rc != NGX_OK) {
            return rc;
        }

        /* all that came by then is done with, and so is what found no room */

        if (step->re) {
            in->pos = in->last;
        }

        s->n++;
        s->refilled = 0;
    }

    /* what was sent last is not worth a verdict if it never leaves */

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    return ngx_hd_wire_judge(w, &answer);
}


/*
 * Sends that follow each other go out together: in one packet, over UDP.  So
 * do those of a peer that has said at once what it was to say in turn.
 */

static ngx_int_t
ngx_hd_steps_send(ngx_hd_wire_t *w, ngx_buf_t *out)
{
    u_char          *p;
    size_t           len, left;
    ngx_uint_t       i;
    ngx_array_t     *steps;
    ngx_hd_step_t   *step;
    ngx_hd_steps_t  *s;

    s = w->state;
    steps = w->check->steps;
    step = steps->elts;
    left = out->last - out->pos;
    len = left;

    for (i = s->n; i < steps->nelts && step[i].op.len == 0; i++) {
        len += step[i].text.len;
    }

    p = ngx_pnalloc(w->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (left) {
        ngx_memcpy(p, out->pos, left);
    }

    out->pos = p;
    p += left;

    for ( /* void */ ; s->n < i; s->n++) {
        p = ngx_cpymem(p, step[s->n].text.data, step[s->n].text.len);
    }

    out->last = p;

    return NGX_OK;
}


static ngx_int_t
ngx_hd_steps_expect(ngx_hd_wire_t *w, const ngx_hd_step_t *step)
{
    ngx_int_t        rc;
    ngx_hd_steps_t  *s;

    s = w->state;

    rc = step->re ? ngx_hd_steps_search(s, step)
                  : ngx_hd_steps_equal(s, step);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc != NGX_AGAIN
        || w->eof
        || s->got.last - s->got.pos >= NGX_HD_STEPS_MAX)
    {
        return ngx_hd_steps_failed(w, step, rc);
    }

    ngx_hd_steps_wait(w, step);

    return NGX_AGAIN;
}


/* NGX_DECLINED: whatever follows */

static ngx_int_t
ngx_hd_steps_equal(ngx_hd_steps_t *s, const ngx_hd_step_t *step)
{
    size_t  n, len;

    len = s->got.last - s->got.pos;
    n = ngx_min(len, step->text.len);

    if (n && ngx_memcmp(s->got.pos, step->text.data, n) != 0) {
        return NGX_DECLINED;
    }

    if (n < step->text.len) {
        return NGX_AGAIN;
    }

    s->got.pos += n;

    return NGX_OK;
}


/*
 * Bytes may come one by one, and each time the pattern sees them all: it gets
 * new steps only when there are twice as many bytes.  Those that are left are
 * this dialogue's, while the pattern belongs to all who use the block.
 */

static ngx_int_t
ngx_hd_steps_search(ngx_hd_steps_t *s, const ngx_hd_step_t *step)
{
    size_t     start;
    ngx_int_t  rc;
    ngx_str_t  text;

    text.data = s->got.pos;
    text.len = s->got.last - s->got.pos;

    if (text.len == 0) {
        return NGX_AGAIN;
    }

    if (text.len >= 2 * s->refilled) {
        ngx_hd_regex_refill(step->re, text.len);
        s->refilled = text.len;

    } else {
        ngx_hd_regex_resume(step->re, s->left);
    }

    rc = ngx_hd_regex_exec(step->re, &text, &start);

    s->left = ngx_hd_regex_left(step->re);

    if (rc == NGX_OK) {
        s->got.pos = s->got.last;
    }

    return (rc == NGX_DECLINED) ? NGX_AGAIN : rc;
}


static ngx_int_t
ngx_hd_steps_failed(ngx_hd_wire_t *w, const ngx_hd_step_t *step, ngx_int_t rc)
{
    u_char           text[NGX_HD_DETAIL_LEN], *last;
    ngx_uint_t       got;
    ngx_hd_steps_t  *s;

    s = w->state;
    got = (s->got.last != s->got.pos);

    if (rc == NGX_ERROR && ngx_hd_regex_starved(step->re)) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    last = ngx_hd_steps_say(text, text + sizeof(text), s, step, got);

    if (rc == NGX_ERROR) {
        ngx_hd_result_say(w->result, NGX_HD_R_STEP, "step %ui: ~ \"%V\" takes "
                          "too many steps", s->n + 1, &step->text);

    } else if (got) {
        ngx_hd_result_say(w->result, NGX_HD_R_STEP, "%*s",
                          (size_t) (last - text), text);

    } else {
        ngx_hd_result_say(w->result, NGX_HD_R_RESPONSE_CLOSED,
                          "connection closed at %*s",
                          (size_t) (last - text), text);
    }

    return NGX_DECLINED;
}


/* for the message of a timeout */

static void
ngx_hd_steps_wait(ngx_hd_wire_t *w, const ngx_hd_step_t *step)
{
    u_char          *last;
    ngx_hd_steps_t  *s;

    s = w->state;

    last = ngx_hd_steps_say(s->text, s->text + sizeof(s->text), s, step, 1);

    w->waits.data = s->text;
    w->waits.len = last - s->text;
}


static u_char *
ngx_hd_steps_say(u_char *p, u_char *last, ngx_hd_steps_t *s,
    const ngx_hd_step_t *step, ngx_uint_t got)
{
    size_t  len;

    if (step->op.len == 0) {
        return ngx_slprintf(p, last, "step %ui: to be sent", s->n + 1);
    }

    len = ngx_hd_steps_shown(step->text.data, step->text.len);

    p = ngx_slprintf(p, last, "step %ui: expected %V \"%*s\"", s->n + 1,
                     &step->op, len, step->text.data);

    if (!got) {
        return p;
    }

    len = ngx_hd_steps_shown(s->got.pos, s->got.last - s->got.pos);

    if (len == 0) {
        return ngx_slprintf(p, last, ", got nothing");
    }

    return ngx_slprintf(p, last, ", got \"%*s\"", len, s->got.pos);
}


/* without the end of its last line, and cut */

static size_t
ngx_hd_steps_shown(u_char *p, size_t len)
{
    while (len && (p[len - 1] == LF || p[len - 1] == CR)) {
        len--;
    }

    return ngx_min(len, NGX_HD_SEEN_LEN);
}


/* over UDP silence is no sign of health */

const char *
ngx_hd_wire_steps_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    ngx_uint_t      i, sent;
    ngx_hd_step_t  *step;

    if (!check->type->udp) {
        return NULL;
    }

    sent = 0;
    step = check->steps ? check->steps->elts : NULL;

    for (i = 0; step && i < check->steps->nelts; i++) {

        if (step[i].op.len == 0) {
            sent = 1;

        } else if (sent) {
            return NULL;
        }
    }

    return "needs a dialogue, expected a \"send\" line and an \"expect\" line "
           "behind it in its probe block";
}

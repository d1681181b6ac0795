
/*
 * healthdash: what all dialogues share: the judging of an answer, and what is
 * kept of it to be shown.  Called by dialogues in a worker; allocates nothing.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


#define NGX_HD_WIRE_TLS_ALERT  0x15    /* first byte, RFC 8446 5.1 */


ngx_int_t
ngx_hd_wire_judge(ngx_hd_wire_t *w, ngx_hd_answer_t *answer)
{
    ngx_int_t         rc;
    ngx_hd_result_t  *result;

    result = w->result;

    answer->usec = w->usec(w->time_data);
    answer->cert = &result->cert;
    answer->body_cut = (answer->body.len >= w->check->body_limit);

    result->usec = answer->usec;
    result->value = answer->value;
    result->has_value = answer->has_value;

    rc = ngx_hd_match(w->check->conds, answer, result);

    if (rc == NGX_DECLINED && result->verdict == NGX_HD_WARN) {
        return NGX_OK;
    }

    return rc;
}


void
ngx_hd_wire_line(ngx_hd_wire_t *w, const u_char *p, size_t len)
{
    ngx_hd_sample_t  *sample;

    sample = &w->result->sample;

    sample->line_len = (uint16_t) ngx_min(len, NGX_HD_LINE_LEN);
    ngx_memcpy(sample->line, p, sample->line_len);
}


void
ngx_hd_wire_sample(ngx_hd_wire_t *w, const u_char *p, size_t len)
{
    ngx_hd_sample_t  *sample;

    sample = &w->result->sample;
    len = ngx_min(len, (size_t) (NGX_HD_SAMPLE_LEN - sample->len));

    ngx_memcpy(sample->text + sample->len, p, len);
    sample->len += (uint16_t) len;
}


void
ngx_hd_wire_strange(ngx_hd_wire_t *w, const u_char *p, size_t len)
{
    ngx_hd_sample_t  *sample;

    sample = &w->result->sample;

    if (sample->line_len == 0 && sample->len == 0) {
        ngx_hd_wire_sample(w, p, len);
    }
}


ngx_int_t
ngx_hd_wire_read_line(ngx_hd_wire_text_t *text, ngx_buf_t *in)
{
    u_char  ch;

    while (in->pos < in->last) {
        ch = *in->pos++;

        if (ch == LF) {
            if (text->len && text->len == text->size
                && text->data[text->len - 1] == CR)
            {
                text->len--;
            }

            return NGX_OK;
        }

        if (text->len < NGX_HD_WIRE_LINE) {
            text->data[text->len++] = ch;
        }

        if (++text->size > NGX_HD_WIRE_MAX) {
            return NGX_DECLINED;
        }
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_hd_wire_alien(ngx_hd_wire_t *w, const char *name, const u_char *p,
    size_t len)
{
    size_t  n;

    ngx_hd_wire_strange(w, p, len);

    for (n = 0; n < ngx_min(len, NGX_HD_SEEN_LEN); n++) {
        if (p[n] == CR || p[n] == LF) {
            break;
        }
    }

    if (len && p[0] == NGX_HD_WIRE_TLS_ALERT && (len == 1 || p[1] == 3)) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "the server speaks TLS");

    } else if (len >= 5 && ngx_strncmp(p, "HTTP/", 5) == 0) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "the server speaks HTTP, got \"%*s\"", n, p);

    } else {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "not %s answer, got \"%*s\"", name, n, p);
    }

    return NGX_DECLINED;
}

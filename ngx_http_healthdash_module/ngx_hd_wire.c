
/*
 * healthdash: what all dialogues share: the judging of an answer, and what is
 * kept of it to be shown.  Called by dialogues in a worker; allocates nothing.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


ngx_int_t
ngx_hd_wire_judge(ngx_hd_wire_t *w, ngx_hd_answer_t *answer)
{
    ngx_int_t         rc;
    ngx_hd_result_t  *result;

    result = w->result;

    answer->usec = w->usec(w->time_data);
    answer->cert = &result->cert;

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

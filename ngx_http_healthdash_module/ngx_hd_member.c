
/*
 * healthdash: members of objects of JSON.  Owns how a fact is written there.
 * Called by the status and the live stream.
 */


#include <ngx_hd_member.h>
#include <ngx_hd_detail.h>
#include <ngx_hd_reason.h>


static void ngx_hd_member_value(ngx_hd_text_t *t, const ngx_hd_row_t *row,
    const ngx_hd_value_t *v);
static void ngx_hd_member_problems(ngx_hd_text_t *t, uint64_t wrong);
static ngx_uint_t ngx_hd_member_is_known(const ngx_hd_row_t *row,
    ngx_uint_t in);


void
ngx_hd_member_string(ngx_hd_text_t *t, const char *key,
    const ngx_str_t *value)
{
    ngx_hd_text_add(t, key);
    ngx_hd_text_json(t, value->data, value->len);
}


void
ngx_hd_member_text(ngx_hd_text_t *t, const char *key,
    const ngx_str_t *value)
{
    if (value->len) {
        ngx_hd_member_string(t, key, value);
        return;
    }

    ngx_hd_text_add(t, key);
    ngx_hd_text_add(t, "null");
}


void
ngx_hd_member_word(ngx_hd_text_t *t, const char *key, const char *word)
{
    ngx_hd_text_add(t, key);
    ngx_hd_text_add(t, "\"");
    ngx_hd_text_add(t, word);
    ngx_hd_text_add(t, "\"");
}


void
ngx_hd_member_bool(ngx_hd_text_t *t, const char *key, ngx_uint_t value)
{
    ngx_hd_text_add(t, key);
    ngx_hd_text_add(t, value ? "true" : "false");
}


void
ngx_hd_member_uint(ngx_hd_text_t *t, const char *key, uint64_t n)
{
    ngx_hd_text_add(t, key);
    ngx_hd_text_uint(t, n);
}


void
ngx_hd_member_known(ngx_hd_text_t *t, const char *key, uint64_t n)
{
    if (n) {
        ngx_hd_member_uint(t, key, n);
        return;
    }

    ngx_hd_text_add(t, key);
    ngx_hd_text_add(t, "null");
}


void
ngx_hd_member_time(ngx_hd_text_t *t, const char *key, int64_t wall)
{
    ngx_hd_text_add(t, key);

    if (wall == 0) {
        ngx_hd_text_add(t, "null");
        return;
    }

    ngx_hd_text_add(t, "\"");
    ngx_hd_text_time(t, wall);
    ngx_hd_text_add(t, "\"");
}


void
ngx_hd_member_msec(ngx_hd_text_t *t, const char *key, ngx_uint_t known,
    uint64_t usec)
{
    ngx_hd_text_add(t, key);

    if (known) {
        ngx_hd_text_msec(t, usec);

    } else {
        ngx_hd_text_add(t, "null");
    }
}


void
ngx_hd_member_counts(ngx_hd_text_t *t, const char *key,
    const ngx_uint_t *count)
{
    ngx_hd_text_add(t, key);
    ngx_hd_member_uint(t, "{\"up\":", count[NGX_HD_STATE_UP]);
    ngx_hd_member_uint(t, ",\"degraded\":", count[NGX_HD_STATE_DEGRADED]);
    ngx_hd_member_uint(t, ",\"down\":", count[NGX_HD_STATE_DOWN]);
    ngx_hd_member_uint(t, ",\"unknown\":", count[NGX_HD_STATE_UNKNOWN]);
    ngx_hd_member_uint(t, ",\"paused\":", count[NGX_HD_STATE_PAUSED]);
    ngx_hd_text_add(t, "}");
}


void
ngx_hd_member_reason(ngx_hd_text_t *t, const char *key,
    ngx_uint_t reason, const ngx_str_t *text)
{
    const ngx_hd_reason_t  *row;

    ngx_hd_text_add(t, key);

    if (reason == NGX_HD_R_NONE || reason >= NGX_HD_REASONS) {
        ngx_hd_text_add(t, "null");
        return;
    }

    row = ngx_hd_reason(reason);

    ngx_hd_member_word(t, "{\"layer\":", row->layer);
    ngx_hd_member_word(t, ",\"code\":", row->word);

    if (text->len) {
        ngx_hd_member_string(t, ",\"text\":", text);

    } else {
        ngx_hd_member_word(t, ",\"text\":", row->text);
    }

    ngx_hd_text_add(t, "}");
}


void
ngx_hd_member_fields(ngx_hd_text_t *t, const ngx_hd_row_t *row,
    ngx_uint_t in)
{
    ngx_uint_t             n;
    ngx_hd_value_t         v;
    const ngx_hd_field_t  *f;

    n = 0;

    for (f = ngx_hd_fields(); f->name; f++) {

        if (f->in & in) {
            ngx_hd_text_add(t, n++ ? ",\"" : "\"");
            ngx_hd_text_add(t, f->key);
            ngx_hd_text_add(t, "\":");

            ngx_hd_field_get(row, f, &v);
            ngx_hd_member_value(t, row, &v);
        }
    }
}


static void
ngx_hd_member_value(ngx_hd_text_t *t, const ngx_hd_row_t *row,
    const ngx_hd_value_t *v)
{
    if (ngx_hd_field_write(t, row, v) == NGX_OK) {
        return;
    }

    switch (v->type) {

    case NGX_HD_VALUE_TIME:
        ngx_hd_member_time(t, "", (int64_t) v->n);
        return;

    case NGX_HD_VALUE_WORD:
        ngx_hd_member_word(t, "", v->word);
        return;

    case NGX_HD_VALUE_TEXT:
        ngx_hd_member_string(t, "", &v->text);
        return;

    case NGX_HD_VALUE_PROBLEMS:
        ngx_hd_member_problems(t, v->n);
        return;

    default: /* there is none */
        ngx_hd_text_add(t, "null");
    }
}


static void
ngx_hd_member_problems(ngx_hd_text_t *t, uint64_t wrong)
{
    ngx_uint_t                      n;
    const ngx_hd_detail_problem_t  *p;

    ngx_hd_text_add(t, "[");

    n = 0;

    for (p = ngx_hd_detail_problems(); p->bit; p++) {

        if (wrong & p->bit) {
            ngx_hd_member_word(t, n++ ? "," : "", p->word);
        }
    }

    ngx_hd_text_add(t, "]");
}


void
ngx_hd_member_object(ngx_hd_text_t *t, const char *key,
    const ngx_hd_row_t *row, ngx_uint_t in, ngx_uint_t always)
{
    ngx_hd_text_add(t, key);

    if (!always && !ngx_hd_member_is_known(row, in)) {
        ngx_hd_text_add(t, "null");
        return;
    }

    ngx_hd_text_add(t, "{");
    ngx_hd_member_fields(t, row, in);
    ngx_hd_text_add(t, "}");
}


/* 1 if any member of an object is */

static ngx_uint_t
ngx_hd_member_is_known(const ngx_hd_row_t *row, ngx_uint_t in)
{
    ngx_hd_value_t         v;
    const ngx_hd_field_t  *f;

    for (f = ngx_hd_fields(); f->name; f++) {

        if (f->in & in) {
            ngx_hd_field_get(row, f, &v);

            if (v.type != NGX_HD_VALUE_NONE) {
                return 1;
            }
        }
    }

    return 0;
}

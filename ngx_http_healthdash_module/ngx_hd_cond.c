
/*
 * healthdash: what all conditions share: their operators, and how messages
 * show what was wanted.  Called while the configuration is read and by those
 * who judge; pure.
 */


#include <ngx_hd_cond.h>


static const ngx_str_t  ngx_hd_cond_ops[] = {
    [NGX_HD_EQ] = ngx_string("="),
    [NGX_HD_NE] = ngx_string("!="),
    [NGX_HD_LT] = ngx_string("<"),
    [NGX_HD_LE] = ngx_string("<="),
    [NGX_HD_GT] = ngx_string(">"),
    [NGX_HD_GE] = ngx_string(">="),
    [NGX_HD_RE] = ngx_string("~"),
    [NGX_HD_RE_CASELESS] = ngx_string("~*"),
    [NGX_HD_NOT_RE] = ngx_string("!~"),
    [NGX_HD_NOT_RE_CASELESS] = ngx_string("!~*")
};


const ngx_str_t *
ngx_hd_cond_op(ngx_uint_t op)
{
    return &ngx_hd_cond_ops[op];
}


u_char *
ngx_hd_cond_wanted(u_char *p, u_char *last, const ngx_hd_cond_t *cond)
{
    ngx_str_t  value;

    value = ngx_hd_cond_cut(&cond->value, NGX_HD_SEEN_LEN);

    if (cond->bare) {
        return ngx_slprintf(p, last, "%V %V", &ngx_hd_cond_ops[cond->op],
                            &value);
    }

    if (cond->op == NGX_HD_EQ) {
        return ngx_slprintf(p, last, "\"%V\"", &value);
    }

    return ngx_slprintf(p, last, "%V \"%V\"", &ngx_hd_cond_ops[cond->op],
                        &value);
}


ngx_str_t
ngx_hd_cond_cut(const ngx_str_t *s, size_t max)
{
    ngx_str_t  cut;

    cut = *s;

    if (cut.len <= max) {
        return cut;
    }

    cut.len = max;

    while (cut.len > max - 3 && (cut.data[cut.len] & 0xc0) == 0x80) {
        cut.len--;
    }

    return cut;
}


ngx_uint_t
ngx_hd_cond_holds(ngx_hd_op_e op, ngx_int_t compared)
{
    switch (op) {

    case NGX_HD_EQ:
        return compared == 0;

    case NGX_HD_NE:
        return compared != 0;

    case NGX_HD_LT:
        return compared < 0;

    case NGX_HD_LE:
        return compared <= 0;

    case NGX_HD_GT:
        return compared > 0;

    case NGX_HD_GE:
        return compared >= 0;

    default: /* a regular expression orders nothing */
        return 0;
    }
}


ngx_uint_t
ngx_hd_cond_equal(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


/*
 * healthdash: the identity of a target: by it a reload, a larger zone or a
 * restart finds what was known.  A change of what is hashed here makes every
 * target of every user start afresh.
 */


#include <ngx_hd_ident.h>
#include <ngx_hd_match.h>
#include <ngx_md5.h>


static void ngx_hd_ident_check(ngx_md5_t *md5, ngx_hd_check_t *check);
static void ngx_hd_ident_pairs(ngx_md5_t *md5, ngx_array_t *pairs);
static void ngx_hd_ident_steps(ngx_md5_t *md5, ngx_array_t *steps);
static void ngx_hd_ident_cond(ngx_md5_t *md5, ngx_hd_cond_t *cond);
static void ngx_hd_ident_str(ngx_md5_t *md5, ngx_str_t *str);
static void ngx_hd_ident_uint(ngx_md5_t *md5, uint64_t n);


void
ngx_hd_ident(ngx_hd_target_t *t)
{
    ngx_md5_t  md5;

    ngx_md5_init(&md5);

    ngx_hd_ident_uint(&md5, t->upstream != NULL);

    if (t->upstream) {
        ngx_hd_ident_str(&md5, &t->upstream->name);
    }

    ngx_hd_ident_str(&md5, &t->name);
    ngx_hd_ident_str(&md5, &t->address);

    ngx_hd_ident_check(&md5, t->check);

    ngx_md5_final(t->id, &md5);
}


uint64_t
ngx_hd_ident_upstream(ngx_str_t *name)
{
    u_char     id[NGX_HD_ID_LEN];
    uint64_t   n;
    ngx_md5_t  md5;

    ngx_md5_init(&md5);
    ngx_hd_ident_str(&md5, name);
    ngx_md5_final(id, &md5);

    ngx_memcpy(&n, id, sizeof(uint64_t));

    return n;
}


static void
ngx_hd_ident_check(ngx_md5_t *md5, ngx_hd_check_t *check)
{
    ngx_uint_t      i, n;
    ngx_hd_cond_t  *cond;

    ngx_hd_ident_str(md5, &check->type_name);
    ngx_hd_ident_str(md5, &check->uri);
    ngx_hd_ident_str(md5, &check->method);
    ngx_hd_ident_str(md5, &check->host);
    ngx_hd_ident_uint(md5, check->port);
    ngx_hd_ident_uint(md5, check->http);
    ngx_hd_ident_uint(md5, check->body_limit);
    ngx_hd_ident_str(md5, &check->body);
    ngx_hd_ident_str(md5, &check->user_agent);
    ngx_hd_ident_str(md5, &check->database);
    ngx_hd_ident_str(md5, &check->query);
    ngx_hd_ident_uint(md5, check->role);
    ngx_hd_ident_uint(md5, check->max_lag);
    ngx_hd_ident_str(md5, &check->service);
    ngx_hd_ident_str(md5, &check->qname);
    ngx_hd_ident_uint(md5, check->qtype);
    ngx_hd_ident_uint(md5, check->rcode);
    ngx_hd_ident_str(md5, &check->item);
    ngx_hd_ident_uint(md5, check->proxy_protocol);
    ngx_hd_ident_str(md5, &check->source);
    ngx_hd_ident_uint(md5, check->all);
    ngx_hd_ident_uint(md5, check->prefer);
    ngx_hd_ident_uint(md5, check->starttls);
    ngx_hd_ident_uint(md5, check->min_tls);
    ngx_hd_ident_pairs(md5, check->headers);
    ngx_hd_ident_pairs(md5, check->params);
    ngx_hd_ident_steps(md5, check->steps);
    ngx_hd_ident_str(md5, &check->user);
    ngx_hd_ident_str(md5, &check->sni);
    ngx_hd_ident_uint(md5, check->verify);
    ngx_hd_ident_str(md5, &check->ca);
    ngx_hd_ident_str(md5, &check->cert);

    n = check->conds ? check->conds->nelts : 0;
    cond = n ? check->conds->elts : NULL;

    ngx_hd_ident_uint(md5, n);

    for (i = 0; i < n; i++) {
        ngx_hd_ident_cond(md5, &cond[i]);
    }
}


/* what a file holds may change, and the question is the same */

static void
ngx_hd_ident_pairs(ngx_md5_t *md5, ngx_array_t *pairs)
{
    ngx_uint_t      i, n;
    ngx_hd_pair_t  *pair;

    n = pairs ? pairs->nelts : 0;
    pair = n ? pairs->elts : NULL;

    ngx_hd_ident_uint(md5, n);

    for (i = 0; i < n; i++) {
        ngx_hd_ident_str(md5, &pair[i].name);

        if (!pair[i].secret) {
            ngx_hd_ident_str(md5, &pair[i].value);
        }
    }
}


static void
ngx_hd_ident_steps(ngx_md5_t *md5, ngx_array_t *steps)
{
    ngx_uint_t      i, n;
    ngx_hd_step_t  *step;

    n = steps ? steps->nelts : 0;
    step = n ? steps->elts : NULL;

    ngx_hd_ident_uint(md5, n);

    for (i = 0; i < n; i++) {
        ngx_hd_ident_str(md5, &step[i].op);

        if (!step[i].secret) {
            ngx_hd_ident_str(md5, &step[i].text);
        }
    }
}


static void
ngx_hd_ident_cond(ngx_md5_t *md5, ngx_hd_cond_t *cond)
{
    ngx_hd_ident_uint(md5, cond->subject);
    ngx_hd_ident_uint(md5, cond->op);
    ngx_hd_ident_uint(md5, cond->warn);
    ngx_hd_ident_uint(md5, cond->absent);
    ngx_hd_ident_str(md5, &cond->name);
    ngx_hd_ident_str(md5, &cond->value);
}


/* with the length in front: "ab", "c" and "a", "bc" differ */

static void
ngx_hd_ident_str(ngx_md5_t *md5, ngx_str_t *str)
{
    ngx_hd_ident_uint(md5, str->len);
    ngx_md5_update(md5, str->data, str->len);
}


/* the same bytes on every machine */

static void
ngx_hd_ident_uint(ngx_md5_t *md5, uint64_t n)
{
    u_char      bytes[8];
    ngx_uint_t  i;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u_char) (n >> (8 * i));
    }

    ngx_md5_update(md5, bytes, sizeof(bytes));
}


/*
 * healthdash: PCRE2, used directly because nginx may have been built without
 * it or with its predecessor.  Owns the compiled expressions and the bounds
 * that keep a hostile body from burning a worker's time.  Called while the
 * configuration is read, and by conditions in a worker.
 */


#include <ngx_hd_regex.h>

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH  8
#endif

#include <pcre2.h>


/*
 * PCRE2 starts its own count afresh at each position of the subject, so it
 * does not bound the whole; the steps, counted by callouts, do.  A step takes
 * about 25 ns: at most 16 ms for a condition on 64k.
 */
#define NGX_HD_REGEX_STEPS        100000
#define NGX_HD_REGEX_STEPS_BYTE   8       /* more for each byte */
#define NGX_HD_REGEX_MATCHES      1000000
#define NGX_HD_REGEX_DEPTH        10000
#define NGX_HD_REGEX_HEAP         2048    /* kilobytes */

#define NGX_HD_REGEX_ERROR_LEN    128


struct ngx_hd_regex_s {
    pcre2_code           *code;
    pcre2_match_context  *context;
    pcre2_match_data     *data;
    size_t                steps;    /* left for the condition under way */
    size_t                position; /* at the step before */
    ngx_uint_t            starved;  /* what stopped the last look was memory */
};


static ngx_int_t ngx_hd_regex_create(ngx_hd_regex_t *re,
    const ngx_str_t *pattern, uint32_t flags, u_char *err, size_t size);
static void ngx_hd_regex_cleanup(void *data);
static int ngx_hd_regex_callout(pcre2_callout_block *block, void *data);


ngx_hd_regex_t *
ngx_hd_regex_compile(ngx_pool_t *pool, const ngx_str_t *pattern,
    ngx_uint_t caseless, u_char *err, size_t size)
{
    uint32_t             flags;
    ngx_hd_regex_t      *re;
    ngx_pool_cleanup_t  *cln;

    (void) ngx_snprintf(err, size, "no memory%Z");

    re = ngx_pcalloc(pool, sizeof(ngx_hd_regex_t));
    if (re == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_hd_regex_cleanup;
    cln->data = re;

    flags = PCRE2_AUTO_CALLOUT|PCRE2_NEVER_UTF;

    if (caseless) {
        flags |= PCRE2_CASELESS;
    }

    if (ngx_hd_regex_create(re, pattern, flags, err, size) != NGX_OK) {
        return NULL;
    }

    return re;
}


/* whatever is made here belongs to the cleanup at once */

static ngx_int_t
ngx_hd_regex_create(ngx_hd_regex_t *re, const ngx_str_t *pattern,
    uint32_t flags, u_char *err, size_t size)
{
    int     code;
    u_char  text[NGX_HD_REGEX_ERROR_LEN];
    size_t  offset;

    re->code = pcre2_compile(pattern->data, pattern->len, flags, &code,
                             &offset, NULL);

    if (re->code == NULL) {
        (void) pcre2_get_error_message(code, text, sizeof(text));
        (void) ngx_snprintf(err, size, "%s at offset %uz%Z", text, offset);
        return NGX_ERROR;
    }

    re->data = pcre2_match_data_create(1, NULL);
    if (re->data == NULL) {
        return NGX_ERROR;
    }

    re->context = pcre2_match_context_create(NULL);
    if (re->context == NULL) {
        return NGX_ERROR;
    }

    (void) pcre2_set_match_limit(re->context, NGX_HD_REGEX_MATCHES);
    (void) pcre2_set_depth_limit(re->context, NGX_HD_REGEX_DEPTH);
    (void) pcre2_set_heap_limit(re->context, NGX_HD_REGEX_HEAP);
    (void) pcre2_set_callout(re->context, ngx_hd_regex_callout, re);

    return NGX_OK;
}


static void
ngx_hd_regex_cleanup(void *data)
{
    ngx_hd_regex_t  *re = data;

    pcre2_match_context_free(re->context);
    pcre2_match_data_free(re->data);
    pcre2_code_free(re->code);
}


void
ngx_hd_regex_refill(ngx_hd_regex_t *re, size_t len)
{
    re->steps = NGX_HD_REGEX_STEPS + NGX_HD_REGEX_STEPS_BYTE * len;
}


size_t
ngx_hd_regex_left(const ngx_hd_regex_t *re)
{
    return re->steps;
}


void
ngx_hd_regex_resume(ngx_hd_regex_t *re, size_t left)
{
    re->steps = left;
}


ngx_uint_t
ngx_hd_regex_starved(const ngx_hd_regex_t *re)
{
    return re->starved;
}


ngx_int_t
ngx_hd_regex_exec(ngx_hd_regex_t *re, const ngx_str_t *s, size_t *start)
{
    int      rc;
    u_char  *data;

    re->position = 0;

    data = s->len ? s->data : (u_char *) "";

    rc = pcre2_match(re->code, data, s->len, 0, 0, re->data, re->context);

    if (rc == PCRE2_ERROR_NOMATCH) {
        return NGX_DECLINED;
    }

    if (rc < 0) {
        re->starved = (rc == PCRE2_ERROR_NOMEMORY);
        return NGX_ERROR;
    }

    *start = pcre2_get_ovector_pointer(re->data)[0];

    /* "\K" in a lookahead can put the start behind the end */

    *start = ngx_min(*start, s->len);

    return NGX_OK;
}


/* a step costs the way that the match went since the one before */

static int
ngx_hd_regex_callout(pcre2_callout_block *block, void *data)
{
    ngx_hd_regex_t  *re = data;

    size_t  cost, position;

    position = block->current_position;

    cost = (position > re->position) ? position - re->position
                                     : re->position - position;
    re->position = position;

    if (++cost > re->steps) {
        return PCRE2_ERROR_MATCHLIMIT;
    }

    re->steps -= cost;

    return 0;
}


/*
 * What the unit tests of conditions share: conditions are written with "|"
 * between their words, a leading "?" makes a "warn" of one.
 */


#ifndef _MATCH_HELP_H_INCLUDED_
#define _MATCH_HELP_H_INCLUDED_


#include "tap.h"
#include "ngx_stand_in.h"
#include <ngx_hd_match.h>


#define MAX_CONDS   8
#define MAX_WORDS   8


static ngx_pool_t       *pool;
static ngx_hd_result_t   result __attribute__((unused));
static u_char            err[256];


/* each word in a piece of its own, so that ASan sees what is beyond it */

static ngx_uint_t
words(const char *line, ngx_str_t *args)
{
    size_t       len;
    ngx_uint_t   n;
    const char  *p;

    for (n = 0; line; n++) {
        p = strchr(line, '|');
        len = p ? (size_t) (p - line) : strlen(line);

        args[n].len = len;
        args[n].data = ngx_pnalloc(pool, len);
        memcpy(args[n].data, line, len);

        line = p ? p + 1 : NULL;
    }

    return n;
}


static ngx_int_t
parse(const char *line, ngx_hd_cond_t *cond)
{
    ngx_str_t   args[MAX_WORDS];
    ngx_uint_t  n;

    n = words(line, args);
    memset(err, 'x', sizeof(err));

    return ngx_hd_match_parse(pool, cond, args, n, err, sizeof(err));
}


/* "expect" lines; a leading "?" makes it a "warn" */

static inline ngx_array_t *
conditions(const char **lines)
{
    ngx_uint_t      warn;
    ngx_array_t    *conds;
    ngx_hd_cond_t  *cond;

    conds = ngx_array_create(pool, MAX_CONDS, sizeof(ngx_hd_cond_t));

    for ( /* void */ ; *lines; lines++) {
        cond = ngx_array_push(conds);
        warn = (**lines == '?');

        if (parse(*lines + warn, cond) != NGX_OK) {
            ok(0, "condition %s: %s", *lines, (char *) err);
        }

        cond->warn = warn;
    }

    return conds;
}


static inline ngx_int_t
judge(ngx_array_t *conds, const ngx_hd_answer_t *answer)
{
    memset(&result, 0, sizeof(result));
    result.usec = answer->usec;

    return ngx_hd_match(conds, answer, &result);
}


static inline const char *
detail(void)
{
    static char  buf[NGX_HD_DETAIL_LEN + 1];

    memcpy(buf, result.detail, result.len);
    buf[result.len] = '\0';

    return buf;
}


#endif /* _MATCH_HELP_H_INCLUDED_ */

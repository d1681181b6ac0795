
/*
 * healthdash: UTF-8 that may be hostile, one character at a time.  Inline, so
 * that the units which show foreign bytes agree on what is fit to be shown.
 */


#ifndef _NGX_HD_UTF8_H_INCLUDED_
#define _NGX_HD_UTF8_H_INCLUDED_


#include <ngx_hd.h>


#define NGX_HD_UTF8_BAD        0xffffffff


/*
 * Returns the character at *p and moves *p behind it; *p < last is required.
 * Overlongs, surrogates, cut and stray bytes give NGX_HD_UTF8_BAD, and *p
 * moves over the longest start of a character there, at least over one byte.
 */
static ngx_inline uint32_t
ngx_hd_utf8_decode(const u_char **p, const u_char *last)
{
    u_char      c, low, high;
    uint32_t    code;
    ngx_uint_t  n;

    c = *(*p)++;

    if (c < 0x80) {
        return c;
    }

    if (c < 0xc2 || c > 0xf4) {
        return NGX_HD_UTF8_BAD;
    }

    n = (c < 0xe0) ? 1 : (c < 0xf0) ? 2 : 3;
    code = c & (0x3f >> n);

    /* only the second byte has a narrower range, Unicode table 3-7 */

    low = (c == 0xe0) ? 0xa0 : (c == 0xf0) ? 0x90 : 0x80;
    high = (c == 0xed) ? 0x9f : (c == 0xf4) ? 0x8f : 0xbf;

    while (n--) {
        if (*p == last || **p < low || **p > high) {
            return NGX_HD_UTF8_BAD;
        }

        code = (code << 6) | (*(*p)++ & 0x3f);
        low = 0x80;
        high = 0xbf;
    }

    return code;
}


/*
 * 1 for what must not reach a terminal or a page as it is: control characters,
 * line and paragraph separators, and marks that turn the direction of text.
 */
static ngx_inline ngx_uint_t
ngx_hd_utf8_is_control(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
        return 1;
    }

    return code == 0x61c
           || code == 0x200e || code == 0x200f
           || (code >= 0x2028 && code <= 0x202e)
           || (code >= 0x2066 && code <= 0x2069);
}


/* 1 if text is valid UTF-8 without such characters */
static ngx_inline ngx_uint_t
ngx_hd_utf8_is_plain(const ngx_str_t *text)
{
    uint32_t       code;
    const u_char  *p, *last;

    p = text->data;
    last = text->data + text->len;

    while (p < last) {
        code = ngx_hd_utf8_decode(&p, last);

        if (code == NGX_HD_UTF8_BAD || ngx_hd_utf8_is_control(code)) {
            return 0;
        }
    }

    return 1;
}


#endif /* _NGX_HD_UTF8_H_INCLUDED_ */

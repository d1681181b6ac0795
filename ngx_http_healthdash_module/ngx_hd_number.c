
/*
 * healthdash: decimal numbers from outside: read, compared and shown without
 * a lie.  Whole numbers are exact beyond what a double can hold, where two
 * that differ would be equal.
 */


#include <ngx_hd_number.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define NGX_HD_NUMBER_TEXT     64      /* bytes, longest that is read */
#define NGX_HD_NUMBER_MAX      9223372036854775808.0   /* 2^63 */


static ngx_uint_t ngx_hd_number_is(const ngx_str_t *s, ngx_uint_t *whole);
static const u_char *ngx_hd_number_digits(const u_char *p,
    const u_char *last);
static ngx_int_t ngx_hd_number_mixed(int64_t whole, double real);


ngx_int_t
ngx_hd_number_parse(const ngx_str_t *s, ngx_hd_number_t *number)
{
    char        text[NGX_HD_NUMBER_TEXT];
    double      real;
    long long   n;
    ngx_uint_t  whole;

    if (s->len >= sizeof(text) || !ngx_hd_number_is(s, &whole)) {
        return NGX_ERROR;
    }

    ngx_memcpy(text, s->data, s->len);
    text[s->len] = '\0';

    if (whole) {
        ngx_set_errno(0);
        n = strtoll(text, NULL, 10);

        if (ngx_errno == 0) {
            number->whole = n;
            number->real = (double) n;
            number->is_whole = 1;

            return NGX_OK;
        }
    }

    real = strtod(text, NULL);

    return ngx_hd_number_real(real, number);
}


ngx_int_t
ngx_hd_number_real(double real, ngx_hd_number_t *number)
{
    if (!isfinite(real)) {
        return NGX_ERROR;
    }

    number->whole = 0;
    number->real = real;
    number->is_whole = 0;

    return NGX_OK;
}


/* the grammar of JSON, but leading zeros do no harm */

static ngx_uint_t
ngx_hd_number_is(const ngx_str_t *s, ngx_uint_t *whole)
{
    const u_char  *p, *next, *last;

    p = s->data;
    last = p + s->len;

    if (p < last && *p == '-') {
        p++;
    }

    next = ngx_hd_number_digits(p, last);
    *whole = (next == last);

    if (next == p) {
        return 0;
    }

    p = next;

    if (p < last && *p == '.') {
        next = ngx_hd_number_digits(++p, last);

        if (next == p) {
            return 0;
        }

        p = next;
    }

    if (p < last && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < last && (*p == '-' || *p == '+')) {
            p++;
        }

        next = ngx_hd_number_digits(p, last);

        return next == last && next != p;
    }

    return p == last;
}


static const u_char *
ngx_hd_number_digits(const u_char *p, const u_char *last)
{
    while (p < last && *p >= '0' && *p <= '9') {
        p++;
    }

    return p;
}


ngx_int_t
ngx_hd_number_compare(const ngx_hd_number_t *a, const ngx_hd_number_t *b)
{
    if (a->is_whole && b->is_whole) {
        return (a->whole > b->whole) - (a->whole < b->whole);
    }

    if (a->is_whole) {
        return ngx_hd_number_mixed(a->whole, b->real);
    }

    if (b->is_whole) {
        return -ngx_hd_number_mixed(b->whole, a->real);
    }

    return (a->real > b->real) - (a->real < b->real);
}


/* without making a double of the whole number, which may round it */

static ngx_int_t
ngx_hd_number_mixed(int64_t whole, double real)
{
    int64_t  n;

    if (real >= NGX_HD_NUMBER_MAX) {
        return -1;
    }

    if (real < -NGX_HD_NUMBER_MAX) {
        return 1;
    }

    n = (int64_t) real;

    if (whole != n) {
        return (whole > n) - (whole < n);
    }

    real -= (double) n;

    return (real < 0) - (real > 0);
}


u_char *
ngx_hd_number_print(u_char *p, u_char *last, double real)
{
    char  text[NGX_HD_NUMBER_LEN];
    int   n;

    /* nginx's formats know no shortest form */

    n = snprintf(text, sizeof(text), "%.10g", real);

    if (n < 0 || n > last - p) {
        return p;
    }

    return ngx_cpymem(p, text, n);
}

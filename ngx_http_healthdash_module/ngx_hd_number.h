
#ifndef _NGX_HD_NUMBER_H_INCLUDED_
#define _NGX_HD_NUMBER_H_INCLUDED_


#include <ngx_hd.h>


/* a decimal number: exact if it is whole and fits, else as near as a double */

typedef struct {
    int64_t   whole;
    double    real;
    unsigned  is_whole:1;       /* whole counts, not real */
} ngx_hd_number_t;


#define NGX_HD_NUMBER_LEN      32      /* bytes a printed number takes */


/*
 * A decimal number, the whole of s: -1, 93.5, 1e-3.  NGX_ERROR, and number
 * untouched, if it is none, or none that can be held.
 */
ngx_int_t ngx_hd_number_parse(const ngx_str_t *s, ngx_hd_number_t *number);

/* Makes a number of what was measured; NGX_ERROR for what is none, as NaN. */
ngx_int_t ngx_hd_number_real(double real, ngx_hd_number_t *number);

/* Below, at or above 0 as a is less than, equal to or greater than b. */
ngx_int_t ngx_hd_number_compare(const ngx_hd_number_t *a,
    const ngx_hd_number_t *b);

/* Prints a finite number with ten digits at most, without an end. */
u_char *ngx_hd_number_print(u_char *p, u_char *last, double real);


#endif /* _NGX_HD_NUMBER_H_INCLUDED_ */

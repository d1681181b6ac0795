
#ifndef _NGX_HD_DETAIL_H_INCLUDED_
#define _NGX_HD_DETAIL_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/* what can be wrong with a certificate, one bit each */

typedef struct {
    uint32_t     bit;           /* NGX_HD_CERT_*; 0: the end */
    const char  *word;          /* "wrong_name": JSON, stable */
    const char  *text;          /* "for another name": page and text */
} ngx_hd_detail_problem_t;


/* All of them, ended by a bit of 0. */
const ngx_hd_detail_problem_t *ngx_hd_detail_problems(void);

/* "TLS 1.3"; a version that is not known is "TLS". */
const char *ngx_hd_detail_version(const ngx_hd_cert_t *cert);

/* Whole days until the end of cert at wall, msec; negative behind it. */
int64_t ngx_hd_detail_days(const ngx_hd_cert_t *cert, int64_t wall);

/* 1 if data tells of a handshake. */
ngx_uint_t ngx_hd_detail_has_tls(const ngx_hd_data_t *data);

/*
 * "TLS 1.3, certificate of Test CA ends in 12 days, for another name"; text
 * from outside goes through escape.
 */
void ngx_hd_detail_tls(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_cert_t *cert,
    void (*escape)(ngx_hd_text_t *t, const u_char *data, size_t len));

/* "93.5", or nothing and 0 if there is no value. */
ngx_uint_t ngx_hd_detail_value(ngx_hd_text_t *t, const ngx_hd_data_t *data);

/* For people: "93.46 %", with the unit and two decimals; without unit exact. */
void ngx_hd_detail_measure(ngx_hd_text_t *t, const ngx_hd_data_t *data,
    const char *unit);

/* "connect 0.2 ms, first byte 4 ms, total 4.1 ms": from the probe's start. */
void ngx_hd_detail_phases(ngx_hd_text_t *t, const uint32_t *phase,
    uint32_t usec);


#endif /* _NGX_HD_DETAIL_H_INCLUDED_ */
